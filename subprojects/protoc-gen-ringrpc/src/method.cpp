// SPDX-License-Identifier: MIT
#include "method.hpp"

#include <string_view>
#include <utility>

#include <google/protobuf/descriptor.pb.h>

#include "comments.hpp"
#include "names.hpp"
#include "text.hpp"

namespace ringrpc::generator {
namespace {
std::string member_name(const pb::MethodDescriptor& method) {
  return identifier(std::string(method.name()));
}

std::string_view kind_of(const pb::MethodDescriptor& method) {
  if (method.client_streaming()) {
    return method.server_streaming() ? "bidi_streaming" : "client_streaming";
  }
  return method.server_streaming() ? "server_streaming" : "unary";
}

// What a handler returns and takes, as in the class `service`.
struct signature {
  std::string result;
  std::string parameters;
};

signature signature_of(const pb::MethodDescriptor& method) {
  const std::string request = type_name(*method.input_type());
  const std::string reply = type_name(*method.output_type());
  signature form;
  form.parameters = "::ringrpc::server_context& /*context*/, ";
  form.parameters += method.client_streaming() ? "::ringrpc::reader<" + request + ">& /*requests*/"
                                               : "const " + request + "& /*request*/";
  if (method.server_streaming()) {
    form.parameters += ",\n      ::ringrpc::writer<" + reply + ">& /*replies*/";
    form.result = "::ringrpc::task<::ringrpc::status>";
  } else {
    form.result = "::ringrpc::task<::ringrpc::result<" + reply + ">>";
  }
  return form;
}

// `parameters` on one line and without the names in comments, for a text.
std::string types_only(std::string parameters) {
  for (auto begin = parameters.find(" /*"); begin != std::string::npos;
       begin = parameters.find(" /*")) {
    parameters.erase(begin, parameters.find("*/", begin) + 2 - begin);
  }
  if (const auto line_end = parameters.find("\n     "); line_end != std::string::npos) {
    parameters.erase(line_end, 6);
  }
  return parameters;
}

// What the .proto says of the method; a line of ours where it says nothing.
std::string doc_comment(const pb::MethodDescriptor& method, std::string_view lead,
                        std::string_view otherwise) {
  std::string lines = comment_lines(comments_of(method).own, lead);
  if (lines.empty()) lines = comment_lines(otherwise, lead);
  using options = pb::MethodOptions;
  const auto level = method.options().idempotency_level();
  if (level == options::NO_SIDE_EFFECTS || level == options::IDEMPOTENT) {
    const std::string name(options::IdempotencyLevel_Name(level));
    const std::string gap = lines.empty() ? "" : "\n";
    lines += comment_lines(gap + "Idempotency level: " + name + ".", lead);
  }
  return lines;
}

constexpr std::string_view alias = R"(
@detached@@comment@using @name@ =
    ::ringrpc::@kind@_method<"@path@", @request@, @reply@>;
)";

constexpr std::string_view request_call = R"(
@comment@  [[nodiscard]] @deprecated@auto @name@(
      const @request_type@& @request@, const ::ringrpc::call_options& @options@ = {}) const {
    return @borrowed_channel_@->call<@scope@::@name@>(@request@, @options@);
  }
)";

constexpr std::string_view reply_call = R"(
  /// The same, and the answer is read into `@reply@`, which must live until the await is over; its
  /// content is unspecified unless the status is OK.
  [[nodiscard]] @deprecated@auto @name@(
      const @request_type@& @request@, @reply_type@& @reply@,
      const ::ringrpc::call_options& @options@ = {}) const {
    return @borrowed_channel_@->call<@scope@::@name@>(@request@, @reply@, @options@);
  }
)";

constexpr std::string_view stream_call = R"(
@comment@  [[nodiscard]] @deprecated@auto @name@(
      const ::ringrpc::call_options& @options@ = {}) const {
    return @borrowed_channel_@->call<@scope@::@name@>(@options@);
  }
)";

constexpr std::string_view virtual_member = R"(
@comment@  virtual @result@ @name@(
      @parameters@) {
    co_return ::ringrpc::unimplemented("method @path@ is not implemented");
  }
)";

constexpr std::string_view registration = R"(
  {
    constexpr auto @invoke@ = [](auto& @self@, auto&... @args@)
        -> decltype(@self@.@name@(@args@...)) { return @self@.@name@(@args@...); };
    if constexpr (@Registry@::template can_handle<@scope@::@name@,
                                                  @Handlers@, decltype(@invoke@)>) {
      @registry@.template handle<@scope@::@name@>(@handlers@, @invoke@);
    } else {
      static_assert(!requires { &@Handlers@::@name@; } && requires { &@probe@::@name@; },
                    "the member @name@ cannot handle @path@; it should be: "
                    "@result@ "
                    "@name@(@parameters@), "
                    "or another form of handler that ringrpc knows");
    }
  }
)";
}  // namespace

local_names::local_names(const pb::ServiceDescriptor& service) {
  for (int i = 0; i < service.method_count(); ++i) methods_.insert(member_name(*service.method(i)));
}

std::string local_names::operator()(std::string name) const {
  while (methods_.contains(name)) name += '_';
  return name;
}

std::string alias_text(const pb::MethodDescriptor& method) {
  std::string detached = comment_lines(comments_of(method).detached, "//");
  if (!detached.empty()) detached += '\n';
  std::string text;
  append(text, alias,
         {{"detached", detached},
          {"comment", doc_comment(method, "///", "")},
          {"name", member_name(method)},
          {"kind", kind_of(method)},
          {"path", wire_path(method)},
          {"request", type_name(*method.input_type())},
          {"reply", type_name(*method.output_type())}});
  return text;
}

std::string stub_text(const pb::MethodDescriptor& method, const local_names& local) {
  const std::string comment =
      doc_comment(method, "  ///", "Calls `" + wire_path(method) + "`.");
  const auto add = [&](std::string& text, std::string_view pattern) {
    append(text, pattern,
           {{"comment", comment},
            {"deprecated", method.options().deprecated() ? "[[deprecated]] " : ""},
            {"name", member_name(method)},
            {"scope", service_namespace(*method.service())},
            {"request_type", type_name(*method.input_type())},
            {"reply_type", type_name(*method.output_type())},
            {"request", local("request")},
            {"reply", local("reply")},
            {"options", local("options")},
            {"borrowed_channel_", local("borrowed_channel_")}});
  };
  std::string text;
  add(text, method.client_streaming() ? stream_call : request_call);
  if (!method.client_streaming() && !method.server_streaming()) add(text, reply_call);
  return text;
}

std::string virtual_text(const pb::MethodDescriptor& method) {
  const auto [result, parameters] = signature_of(method);
  std::string text;
  append(text, virtual_member,
         {{"comment", doc_comment(method, "  ///", "Handles `" + wire_path(method) + "`.")},
          {"name", member_name(method)},
          {"path", wire_path(method)},
          {"result", result},
          {"parameters", parameters}});
  return text;
}

std::string bind_text(const pb::MethodDescriptor& method, const local_names& local) {
  const auto [result, parameters] = signature_of(method);
  std::string text;
  append(text, registration,
         {{"name", member_name(method)},
          {"path", wire_path(method)},
          {"scope", service_namespace(*method.service())},
          {"result", result},
          {"parameters", types_only(parameters)},
          {"Registry", local("Registry")},
          {"registry", local("registry")},
          {"Handlers", local("Handlers")},
          {"handlers", local("handlers")},
          {"probe", local("probe")},
          {"invoke", local("invoke")},
          {"self", local("self")},
          {"args", local("args")}});
  return text;
}
}  // namespace ringrpc::generator
