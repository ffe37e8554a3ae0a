// SPDX-License-Identifier: MIT
#include "collisions.hpp"

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include <google/protobuf/compiler/cpp/names.h>
#include <google/protobuf/descriptor.pb.h>

#include "names.hpp"

namespace ringrpc::generator {
namespace {
// C++ names at namespace scope, and what in which .proto they come from.
class taken_names {
public:
  void add_with_imports(const pb::FileDescriptor& file) {
    if (!seen_.insert(&file).second) return;
    add(file);
    for (int i = 0; i < file.dependency_count(); ++i) add_with_imports(*file.dependency(i));
  }

  const std::string* find(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : &found->second;
  }

private:
  void add(const pb::FileDescriptor& file) {
    const std::string package = package_namespace(file);
    // "::a::b" takes "::a" and "::a::b".
    for (std::size_t end = package.find("::", 1); !package.empty();
         end = package.find("::", end + 1)) {
      take(package.substr(0, end), "package " + std::string(file.package()), file);
      if (end == std::string::npos) break;
    }
    for (int i = 0; i < file.message_type_count(); ++i) add(*file.message_type(i));
    for (int i = 0; i < file.enum_type_count(); ++i) add(*file.enum_type(i), package + "::");
    for (int i = 0; i < file.extension_count(); ++i) {
      take(std::string(pb::compiler::cpp::QualifiedExtensionName(file.extension(i))),
           "extension " + std::string(file.extension(i)->full_name()), file);
    }
    if (!file.options().cc_generic_services()) return;
    for (int i = 0; i < file.service_count(); ++i) {
      const std::string name(file.service(i)->name());
      const std::string kind = "a class that option cc_generic_services makes of service " +
                               std::string(file.service(i)->full_name());
      take(package + "::" + name, kind, file);
      take(package + "::" + name + "_Stub", kind, file);
    }
  }

  void add(const pb::Descriptor& message) {
    take(type_name(message), "message " + std::string(message.full_name()), *message.file());
    for (int i = 0; i < message.nested_type_count(); ++i) add(*message.nested_type(i));
    for (int i = 0; i < message.enum_type_count(); ++i) {
      add(*message.enum_type(i), type_name(*message.enum_type(i)) + "_");
    }
  }

  // The enumerators are names beside the type, and so are some functions and constants.
  void add(const pb::EnumDescriptor& type, const std::string& enumerator_prefix) {
    const std::string name = type_name(type);
    const std::string kind = "enum " + std::string(type.full_name());
    for (const char* ending :
         {"", "_ARRAYSIZE", "_IsValid", "_MAX", "_MIN", "_Name", "_Parse", "_descriptor"}) {
      take(name + ending, kind, *type.file());
    }
    for (int i = 0; i < type.value_count(); ++i) {
      take(enumerator_prefix + std::string(pb::compiler::cpp::EnumValueName(type.value(i))),
           "enum value " + std::string(type.value(i)->full_name()), *type.file());
    }
  }

  void take(const std::string& name, const std::string& what, const pb::FileDescriptor& file) {
    names_.emplace(name, what + " (" + std::string(file.name()) + ")");
  }

  std::set<const pb::FileDescriptor*> seen_;
  std::map<std::string, std::string> names_;
};

std::string collision_text(std::string_view what, const std::string& name,
                           const std::string& owner) {
  std::string text(what);
  text += " would be " + name + " in C++, and that name is taken by " + owner;
  text += owner.find("cc_generic_services") == std::string::npos ? "; rename one of them"
                                                                 : "; remove that option";
  return text;
}
}  // namespace

std::optional<std::string> find_collision(const pb::FileDescriptor& file) {
  taken_names taken;
  taken.add_with_imports(file);
  for (int i = 0; i < file.service_count(); ++i) {
    const pb::ServiceDescriptor& service = *file.service(i);
    const std::string scope = service_namespace(service);
    if (const std::string* owner = taken.find(scope)) {
      return collision_text("service " + std::string(service.full_name()), scope, *owner);
    }
    for (int j = 0; j < service.method_count(); ++j) {
      const std::string name = scope + "::" + identifier(std::string(service.method(j)->name()));
      if (const std::string* owner = taken.find(name)) {
        return collision_text("rpc " + std::string(service.method(j)->full_name()), name, *owner);
      }
    }
  }
  return std::nullopt;
}
}  // namespace ringrpc::generator
