// SPDX-License-Identifier: MIT
#include <cstdio>

#include <ringrpc/ringrpc.hpp>
#include <ringrpc/version.hpp>

int main() { std::printf("ringrpc %s\n", ringrpc::version_text.data()); }
