// SPDX-License-Identifier: MIT
#include "greeting/v1/greeter.ringrpc.hpp"

#include <cstdio>

int main() {
  greeting::v1::Greeter::service service;
  ringrpc::server_context context;
  auto answer = service.Greet(context, common::v1::Name{}).get();
  std::puts(answer.status().message().c_str());
}
