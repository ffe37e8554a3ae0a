// SPDX-License-Identifier: MIT
//
// Stands in for the header of that name in include/ where the generator's own
// tests compile what it writes: the same names, and just enough behind them to
// see which call was made. So these tests hold the generated text, whatever
// state the library is in, and compile in a fraction of the time.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <google/protobuf/message_lite.h>

namespace ringrpc {
inline constexpr int generated_code_version = 1;

template <std::size_t SizeWithNul>
struct fixed_string {
  char characters[SizeWithNul]{};
  consteval fixed_string(const char (&literal)[SizeWithNul]) noexcept {
    for (std::size_t i = 0; i < SizeWithNul; ++i) characters[i] = literal[i];
  }
  [[nodiscard]] constexpr std::string_view view() const noexcept {
    return std::string_view{characters, SizeWithNul - 1};
  }
};
enum class method_kind : unsigned char {
  unary, server_streaming, client_streaming, bidi_streaming
};

template <std::size_t SizeWithNul>
fixed_string(const char (&)[SizeWithNul]) -> fixed_string<SizeWithNul>;

template <fixed_string Path, class Request, class Response, method_kind Kind>
struct basic_method {
  using request_type = Request;
  using response_type = Response;
  static constexpr std::string_view path = Path.view();
  static constexpr method_kind kind = Kind;
};
template <fixed_string Path, class Request, class Response>
using unary_method = basic_method<Path, Request, Response, method_kind::unary>;
template <fixed_string Path, class Request, class Response>
using server_streaming_method =
    basic_method<Path, Request, Response, method_kind::server_streaming>;
template <fixed_string Path, class Request, class Response>
using client_streaming_method =
    basic_method<Path, Request, Response, method_kind::client_streaming>;
template <fixed_string Path, class Request, class Response>
using bidi_streaming_method = basic_method<Path, Request, Response, method_kind::bidi_streaming>;

class status {
public:
  status() = default;
  explicit status(std::string message) : message_(std::move(message)) {}
  [[nodiscard]] bool ok() const { return message_.empty(); }
  [[nodiscard]] const std::string& message() const { return message_; }

private:
  std::string message_;
};
inline status unimplemented(std::string_view message) { return status{std::string(message)}; }

template <class T>
class result {
public:
  result(T value) : value_(std::move(value)) {}
  result(ringrpc::status error) : status_(std::move(error)) {}
  explicit operator bool() const { return value_.has_value(); }
  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] const ringrpc::status& status() const { return status_; }

private:
  std::optional<T> value_;
  ringrpc::status status_;
};

// Runs at once and to its end; nothing here ever waits.
template <class T>
class task {
public:
  struct promise_type {
    std::optional<T> value;
    task get_return_object() {
      return task{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(T returned) { value.emplace(std::move(returned)); }
    void unhandled_exception() { std::terminate(); }
  };

  explicit task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }
  T get() { return std::move(*frame_.promise().value); }

private:
  std::coroutine_handle<promise_type> frame_;
};

class server_context {};
template <class T>
class reader {};
template <class T>
class writer {};

struct call_options {
  int timeout = 0;
};

// What a stub asked for.
struct started_call {
  std::string_view path;
  method_kind kind;
  bool fills_reply;
  int timeout;
};

class channel {
public:
  template <class Method>
  started_call call(const typename Method::request_type&, const call_options& options) {
    return {Method::path, Method::kind, false, options.timeout};
  }
  template <class Method>
  started_call call(const typename Method::request_type&, typename Method::response_type&,
                    const call_options& options) {
    return {Method::path, Method::kind, true, options.timeout};
  }
  template <class Method>
  started_call call(const call_options& options) {
    return {Method::path, Method::kind, false, options.timeout};
  }
};
}  // namespace ringrpc
