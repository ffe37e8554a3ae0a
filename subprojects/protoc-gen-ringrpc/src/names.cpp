// SPDX-License-Identifier: MIT
#include "names.hpp"

#include <algorithm>
#include <array>

#include <google/protobuf/compiler/cpp/names.h>
#include <google/protobuf/descriptor.pb.h>

#include "reserved_words.hpp"

namespace ringrpc::generator {
namespace {
// What libprotoc makes of the file's package. Newer versions say it themselves.
// Older ones are asked for the name of a message in a file that has the same
// package and nothing else.
template <class File>
std::string namespace_by_libprotoc(const File& file) {
  using namespace google::protobuf::compiler::cpp;
  if constexpr (requires { std::string(Namespace(&file)); }) {
    return std::string(Namespace(&file));
  } else {
    pb::FileDescriptorProto probe;
    probe.set_name("probe.proto");
    probe.set_package(std::string(file.package()));
    probe.add_message_type()->set_name("Probe");
    pb::DescriptorPool pool;
    const pb::FileDescriptor* built = pool.BuildFile(probe);
    std::string name = QualifiedClassName(built->message_type(0));
    name.resize(name.size() - std::string_view("::Probe").size());
    return name;
  }
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// By its form, because the headers of every system have others: `EIO`, `INT_MAX`.
bool looks_like_a_macro(std::string_view word) {
  if (word.size() >= 3 &&
      std::ranges::none_of(word, [](char c) { return c >= 'a' && c <= 'z'; })) {
    return true;
  }
  return std::ranges::any_of(reserved_beginnings,
                             [&](std::string_view begin) { return word.starts_with(begin); });
}
}  // namespace

std::string identifier(std::string_view name) {
  std::string_view word = name;
  while (word.ends_with('_')) word.remove_suffix(1);
  std::string result(name);
  if (looks_like_a_macro(word) ||
      std::ranges::find(reserved_words, word) != reserved_words.end()) {
    result += '_';
  }
  return result;
}

std::string type_name(const pb::Descriptor& message) {
  return std::string(pb::compiler::cpp::QualifiedClassName(&message));
}

std::string type_name(const pb::EnumDescriptor& type) {
  return std::string(pb::compiler::cpp::QualifiedClassName(&type));
}

std::string package_namespace(const pb::FileDescriptor& file) {
  return namespace_by_libprotoc(file);
}

std::string service_namespace(const pb::ServiceDescriptor& service) {
  return package_namespace(*service.file()) + "::" + identifier(std::string(service.name()));
}

std::string wire_path(const pb::MethodDescriptor& method) {
  return "/" + std::string(method.service()->full_name()) + "/" + std::string(method.name());
}

std::string file_name(std::string_view proto_name, std::string_view ending) {
  std::string name(pb::compiler::cpp::StripProto(std::string(proto_name)));
  name += ending;
  return name;
}

std::string include_guard(std::string_view proto_name) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string guard = "RINGRPC_FROM";  // then an underscore: of the first byte, or this one
  if (proto_name.empty() || is_letter_or_digit(proto_name.front())) guard += '_';
  for (const char c : proto_name) {
    if (is_letter_or_digit(c)) {
      guard += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      guard += {'_', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return guard;
}
}  // namespace ringrpc::generator
