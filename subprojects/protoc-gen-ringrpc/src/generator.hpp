// SPDX-License-Identifier: MIT
//
// What protoc runs: for each .proto one file, with the limits and errors of a plugin.
#pragma once

#include <cstdint>
#include <string>

#include <google/protobuf/compiler/code_generator.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/stubs/common.h>
#if GOOGLE_PROTOBUF_VERSION >= 5026000
#include <google/protobuf/descriptor.pb.h>
#endif

namespace ringrpc::generator {
namespace pb = google::protobuf;

/// Writes `foo.ringrpc.hpp` for `foo.proto`. No parameters: any is an error that names it.
class header_generator final : public pb::compiler::CodeGenerator {
public:
  bool Generate(const pb::FileDescriptor* file, const std::string& parameter,
                pb::compiler::GeneratorContext* context,
                std::string* error) const override;

  std::uint64_t GetSupportedFeatures() const override;

#if GOOGLE_PROTOBUF_VERSION >= 5026000
  // Nothing that is written here depends on a feature of an edition.
  pb::Edition GetMinimumEdition() const override;
  pb::Edition GetMaximumEdition() const override;
#endif
};
}  // namespace ringrpc::generator
