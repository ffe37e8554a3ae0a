// SPDX-License-Identifier: MIT
//
// The C++ names of what a .proto declares. Types and namespaces are named by
// libprotoc, so they are what the .pb.h calls them, whatever its version does
// with nested messages, groups and keywords. Services and methods are ours.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>

namespace ringrpc::generator {
namespace pb = google::protobuf;

/// The name for a service or method called `name`: `name` itself, or `name` and one more
/// underscore. The latter where it is, without the underscores at its end, one of
/// `reserved_words`, or looks like a macro: three characters or more and no lower-case letter, or
/// one of `reserved_beginnings`. So `delete` is `delete_`, and a method called `delete_` beside it
/// is `delete__`: two different names stay different, and no name depends on what else the .proto
/// declares, or on which headers there are.
[[nodiscard]] std::string identifier(std::string_view name);

/// `::a::b::Outer_Inner`.
[[nodiscard]] std::string type_name(const pb::Descriptor& message);
[[nodiscard]] std::string type_name(const pb::EnumDescriptor& type);

/// The namespace of the file's package, `::a::b`; empty without a package.
[[nodiscard]] std::string package_namespace(const pb::FileDescriptor& file);

/// The namespace of a service, `::a::b::Greeter`.
[[nodiscard]] std::string service_namespace(const pb::ServiceDescriptor& service);

/// The path of a method on the wire, `/a.b.Greeter/SayHello`: never mangled.
[[nodiscard]] std::string wire_path(const pb::MethodDescriptor& method);

/// The file that is written for `proto_name`, or with `.pb.h` the one that protoc writes for it.
[[nodiscard]] std::string file_name(std::string_view proto_name, std::string_view ending);

/// The include guard of the file written for `proto_name`; different for different names.
[[nodiscard]] std::string include_guard(std::string_view proto_name);
}  // namespace ringrpc::generator
