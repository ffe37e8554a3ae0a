// SPDX-License-Identifier: MIT
//
// Names that are different in a .proto and the same in C++: protoc writes the
// class of a nested message a.S.T as a::S_T, where a service S_T would have its
// namespace. protoc itself refuses what is the same already in the .proto.
#pragma once

#include <optional>
#include <string>

#include <google/protobuf/descriptor.h>

namespace ringrpc::generator {
namespace pb = google::protobuf;

/// @return what is wrong, naming both sides, if a service of `file` or one of its methods would get
///         the C++ name of something that protoc writes for `file` or for what it imports.
[[nodiscard]] std::optional<std::string> find_collision(
    const pb::FileDescriptor& file);
}  // namespace ringrpc::generator
