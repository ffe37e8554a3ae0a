// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <cstdio>
#include <cstdlib>

namespace ringrpc::generator {
namespace {
std::string_view value_of(std::string_view name, std::initializer_list<replacement> values) {
  for (const auto& [key, value] : values) {
    if (key == name) return value;
  }
  std::fprintf(stderr, "protoc-gen-ringrpc: no value for @%.*s@\n", static_cast<int>(name.size()),
               name.data());
  std::abort();  // our own pattern is wrong; no .proto can lead here
}
}  // namespace

void append(std::string& out, std::string_view pattern, std::initializer_list<replacement> values) {
  while (true) {
    const auto begin = pattern.find('@');
    out += pattern.substr(0, begin);
    if (begin == std::string_view::npos) return;
    pattern.remove_prefix(begin + 1);
    const auto end = pattern.find('@');
    out += value_of(pattern.substr(0, end), values);
    pattern.remove_prefix(end + 1);
  }
}
}  // namespace ringrpc::generator
