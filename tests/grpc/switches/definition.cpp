// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/connection_options.hpp>

// A unit of a user's program that offers something of the library's to another.
bool speaks(const ringrpc::connection_options& options, std::string_view encoding) {
  return options.encodings->find(encoding) != nullptr;
}
