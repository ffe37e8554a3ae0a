// SPDX-License-Identifier: MIT
//
// protoc-gen-ringrpc: a plugin of protoc. protoc writes a CodeGeneratorRequest to
// its standard input and reads a CodeGeneratorResponse from its standard output.
#include <cstdio>
#include <string_view>

#include <google/protobuf/compiler/plugin.h>

#include "generator.hpp"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("protoc-gen-ringrpc " PROTOC_GEN_RINGRPC_VERSION);
    return 0;
  }
  if (argc > 1) {
    std::fputs(
        "protoc-gen-ringrpc is run by protoc:\n"
        "  protoc --cpp_out=DIR --ringrpc_out=DIR foo.proto\n"
        "writes DIR/foo.ringrpc.hpp beside DIR/foo.pb.h. Where it is not in PATH, add\n"
        "  --plugin=protoc-gen-ringrpc=/path/to/protoc-gen-ringrpc\n",
        stderr);
    return std::string_view(argv[1]) == "--help" ? 0 : 2;
  }
  const ringrpc::generator::header_generator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
