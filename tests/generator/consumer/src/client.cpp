// SPDX-License-Identifier: MIT
#include "greeting/v1/greeter.ringrpc.hpp"

#include <cstdio>
#include <string>

int main() {
  ringrpc::channel channel;
  greeting::v1::Greeter::stub stub{channel};
  std::puts(std::string{stub.Greet(common::v1::Name{}).path}.c_str());
}
