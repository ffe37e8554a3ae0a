// SPDX-License-Identifier: MIT
#include "generator.hpp"

#include <memory>
#include <optional>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include "collisions.hpp"
#include "header_file.hpp"
#include "names.hpp"

namespace ringrpc::generator {
bool header_generator::Generate(const pb::FileDescriptor* file, const std::string& parameter,
                                pb::compiler::GeneratorContext* context,
                                std::string* error) const {
  if (!parameter.empty()) {
    *error = "unknown parameter \"" + parameter + "\": protoc-gen-ringrpc takes none";
    return false;
  }
  if (std::optional<std::string> collision = find_collision(*file)) {
    *error = *collision;
    return false;
  }
  const std::string text = header_text(*file);
  const std::unique_ptr<pb::io::ZeroCopyOutputStream> stream(
      context->Open(file_name(std::string(file->name()), ".ringrpc.hpp")));
  pb::io::CodedOutputStream out(stream.get());
  out.WriteString(text);
  return true;
}

std::uint64_t header_generator::GetSupportedFeatures() const {
#if GOOGLE_PROTOBUF_VERSION >= 5026000
  return FEATURE_PROTO3_OPTIONAL | FEATURE_SUPPORTS_EDITIONS;
#else
  return FEATURE_PROTO3_OPTIONAL;
#endif
}

#if GOOGLE_PROTOBUF_VERSION >= 5026000
pb::Edition header_generator::GetMinimumEdition() const { return pb::Edition::EDITION_PROTO2; }
pb::Edition header_generator::GetMaximumEdition() const { return pb::Edition::EDITION_2023; }
#endif
}  // namespace ringrpc::generator
