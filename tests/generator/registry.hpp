// SPDX-License-Identifier: MIT
//
// What a generated `bind` is given by a server, reduced to the contract between
// the two: `can_handle` says whether the member of the handlers is there and
// usable, `handle` takes it. Compiles against the stand-in and the library.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include <ringrpc/rpc/protobuf.hpp>

namespace generator_tests {
template <class Method, ringrpc::method_kind Kind = Method::kind>
struct handler_form;

template <class Method>
struct handler_form<Method, ringrpc::method_kind::unary> {
  using answer = ringrpc::task<ringrpc::result<typename Method::response_type>>;
  template <class Invoke, class Handlers>
  using result = std::invoke_result<Invoke, Handlers&, ringrpc::server_context&,
                                    const typename Method::request_type&>;
};
template <class Method>
struct handler_form<Method, ringrpc::method_kind::server_streaming> {
  using answer = ringrpc::task<ringrpc::status>;
  template <class Invoke, class Handlers>
  using result = std::invoke_result<Invoke, Handlers&, ringrpc::server_context&,
                                    const typename Method::request_type&,
                                    ringrpc::writer<typename Method::response_type>&>;
};
template <class Method>
struct handler_form<Method, ringrpc::method_kind::client_streaming> {
  using answer = ringrpc::task<ringrpc::result<typename Method::response_type>>;
  template <class Invoke, class Handlers>
  using result = std::invoke_result<Invoke, Handlers&, ringrpc::server_context&,
                                    ringrpc::reader<typename Method::request_type>&>;
};
template <class Method>
struct handler_form<Method, ringrpc::method_kind::bidi_streaming> {
  using answer = ringrpc::task<ringrpc::status>;
  template <class Invoke, class Handlers>
  using result = std::invoke_result<Invoke, Handlers&, ringrpc::server_context&,
                                    ringrpc::reader<typename Method::request_type>&,
                                    ringrpc::writer<typename Method::response_type>&>;
};

template <class Result, class Answer>
concept gives = requires { requires std::is_same_v<typename Result::type, Answer>; };

struct registry {
  template <class Method, class Handlers, class Invoke>
  static constexpr bool can_handle =
      gives<typename handler_form<Method>::template result<Invoke, Handlers>,
            typename handler_form<Method>::answer>;

  template <class Method, class Handlers, class Invoke>
  void handle(Handlers&, Invoke) {
    paths.emplace_back(Method::path);
  }

  [[nodiscard]] bool has(std::string_view path) const {
    for (const std::string& known : paths) {
      if (known == path) return true;
    }
    return false;
  }

  std::vector<std::string> paths;
};
}  // namespace generator_tests
