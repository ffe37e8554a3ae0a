// SPDX-License-Identifier: MIT
//
// The text of one method, at each of the four places of its service's namespace.
#pragma once

#include <set>
#include <string>

#include <google/protobuf/descriptor.h>

namespace ringrpc::generator {
namespace pb = google::protobuf;

/// Names for parameters, private members and other things that a user of the generated code does
/// not see. They give way to the names of methods, which could be hidden by them.
class local_names {
public:
  explicit local_names(const pb::ServiceDescriptor& service);

  /// `name`, with underscores behind it while a method is called so. Two names that are both asked
  /// for must differ in more than underscores at the end.
  [[nodiscard]] std::string operator()(std::string name) const;

private:
  std::set<std::string> methods_;
};

/// `using SayHello = ::ringrpc::unary_method<...>;`
[[nodiscard]] std::string alias_text(const pb::MethodDescriptor& method);

/// The member of `stub` that starts the call; two for a unary method.
[[nodiscard]] std::string stub_text(const pb::MethodDescriptor& method,
                                    const local_names& local);

/// The member of `service` that answers UNIMPLEMENTED.
[[nodiscard]] std::string virtual_text(const pb::MethodDescriptor& method);

/// The registration in `bind`.
[[nodiscard]] std::string bind_text(const pb::MethodDescriptor& method,
                                    const local_names& local);
}  // namespace ringrpc::generator
