// SPDX-License-Identifier: MIT
#include "service.hpp"

#include <string_view>

#include <google/protobuf/descriptor.pb.h>

#include "comments.hpp"
#include "method.hpp"
#include "names.hpp"
#include "text.hpp"

namespace ringrpc::generator {
namespace {
constexpr std::string_view stub_begin = R"(
@comment@/// Client side of @service@: starts calls on a channel, from the thread of its ring.
/// Borrows the channel, which must outlive the stub; calls that were started need neither the
/// stub nor the request any more. A stub is a pointer: copy it.
class @deprecated@stub {
public:
  explicit stub(::ringrpc::channel& @channel@) noexcept : @borrowed_channel_@(&@channel@) {}
)";

constexpr std::string_view stub_end = R"(
private:
  ::ringrpc::channel* @borrowed_channel_@;
};
)";

constexpr std::string_view empty_stub = R"(
@comment@/// Client side of @service@, which has no methods.
class @deprecated@stub {
public:
  explicit stub(::ringrpc::channel& /*channel*/) noexcept {}
};
)";

constexpr std::string_view bind_declaration = R"(
/// Registers handlers of @service@, which must outlive their use by the server: a `service`, or
/// any class that has members with the names of the methods, in a form of handler that ringrpc
/// knows. A method without such a member is answered UNIMPLEMENTED, so a misspelt member goes
/// unnoticed here (derive from `service` and write `override` to have it found). A member that is
/// there and fits no form does not compile, except where it is overloaded in a `final` class.
template <class @Registry@, class @Handlers@>
void bind(@Registry@& @registry@, @Handlers@& @handlers@);
)";

constexpr std::string_view service_begin = R"(
@comment@/// Server side of @service@: derive from it and override; what is not overridden answers
/// UNIMPLEMENTED. Contexts, requests, readers and writers live until the handler's coroutine ended.
class service {
public:
  service() = default;
  service(const service&) = default;
  service& operator=(const service&) = default;
  virtual ~service() = default;
)";

constexpr std::string_view service_end = R"(
  /// Registers this service; called by `ringrpc::server::add` and `emplace`.
  template <class @Registry@>
  void ringrpc_bind(@Registry@& @registry@) {
    @scope@::bind(@registry@, *this);
  }
};
)";

constexpr std::string_view bind_begin = R"(
template <class @Registry@, class @Handlers@>
void bind(@Registry@& @registry@, @Handlers@& @handlers@) {
  // Has `@Handlers@` a member X, of whatever kind? If so, `&@probe@::X` is ambiguous.
  struct @names@ {
    int @members@;
  };
  struct @none@ {};
  struct @probe@ : ::std::conditional_t<::std::is_final_v<@Handlers@>, @none@, @Handlers@>,
                   @names@ {};
)";

constexpr std::string_view empty_bind = R"(
template <class Registry, class Handlers>
void bind(Registry& /*registry*/, Handlers& /*handlers*/) {}
)";
}  // namespace

std::string service_text(const pb::ServiceDescriptor& service) {
  const std::string full_name(service.full_name());
  const std::string scope = service_namespace(service);
  const comments found = comments_of(service);
  std::string comment = comment_lines(found.own, "///");
  if (!comment.empty()) comment += "///\n";
  const std::string deprecated = service.options().deprecated() ? "[[deprecated]] " : "";
  const bool empty = service.method_count() == 0;

  const local_names local(service);
  std::string members;
  for (int i = 0; i < service.method_count(); ++i) {
    if (i > 0) members += ", ";
    members += identifier(std::string(service.method(i)->name()));
  }

  std::string text = "\n";
  if (!found.detached.empty()) text += comment_lines(found.detached, "//") + "\n";
  text += "namespace " + scope.substr(2) + " {\n";
  for (int i = 0; i < service.method_count(); ++i) text += alias_text(*service.method(i));

  append(text, empty ? empty_stub : stub_begin,
         {{"comment", comment},
          {"service", full_name},
          {"deprecated", deprecated},
          {"channel", local("channel")},
          {"borrowed_channel_", local("borrowed_channel_")}});
  for (int i = 0; i < service.method_count(); ++i) text += stub_text(*service.method(i), local);
  if (!empty) append(text, stub_end, {{"borrowed_channel_", local("borrowed_channel_")}});

  append(text, bind_declaration,
         {{"service", full_name},
          {"Registry", local("Registry")},
          {"registry", local("registry")},
          {"Handlers", local("Handlers")},
          {"handlers", local("handlers")}});
  append(text, service_begin, {{"comment", comment}, {"service", full_name}});
  for (int i = 0; i < service.method_count(); ++i) text += virtual_text(*service.method(i));
  append(text, service_end,
         {{"Registry", local("Registry")}, {"registry", local("registry")}, {"scope", scope}});

  append(text, empty ? empty_bind : bind_begin,
         {{"Registry", local("Registry")},
          {"registry", local("registry")},
          {"Handlers", local("Handlers")},
          {"handlers", local("handlers")},
          {"probe", local("probe")},
          {"names", local("names")},
          {"none", local("none")},
          {"members", members}});
  for (int i = 0; i < service.method_count(); ++i) text += bind_text(*service.method(i), local);
  if (!empty) text += "}\n";
  text += "}  // namespace " + scope.substr(2) + "\n";
  return text;
}
}  // namespace ringrpc::generator
