// SPDX-License-Identifier: MIT
//
// What a call gives: a value, or the status that says why there is none. The
// member names are those of C++23's std::expected.
#pragma once

#include <cassert>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <ringrpc/grpc/status.hpp>

namespace ringrpc {
/// What `result::value()` throws where there is no value. `what()` is the status
/// as text.
class status_error : public std::runtime_error {
public:
  explicit status_error(ringrpc::status error)
      : std::runtime_error(error.to_text()), status_(std::move(error)) {}
  [[nodiscard]] const ringrpc::status& status() const noexcept { return status_; }

private:
  ringrpc::status status_;
};

template <class T>
class result;

namespace detail {
template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

/// What a result<T> can be made from as a value: not what stands for an error.
template <class U, class T>
concept result_value_source = std::is_constructible_v<T, U> && !is_result<std::remove_cvref_t<U>> &&
                              !std::is_same_v<std::remove_cvref_t<U>, status> &&
                              !std::is_same_v<std::remove_cvref_t<U>, std::in_place_t>;

inline status error_of(status given) noexcept {
  if (given.ok()) return internal("an OK status is no error: return the value instead");
  return given;
}
}  // namespace detail

/// A `T`, or a status that is not OK. One pointer wider than `T`. A plain value,
/// as thread-safe as `T`.
template <class T>
class [[nodiscard]] result {
  static_assert(std::is_object_v<T> && !std::is_same_v<std::remove_cv_t<T>, ringrpc::status>,
                "a result holds a value; where there is none to hold, return a status");

public:
  using value_type = T;
  using error_type = ringrpc::status;

  /// Holds a default-constructed value.
  result() noexcept(std::is_nothrow_default_constructible_v<T>)
    requires(std::is_default_constructible_v<T>)
  {
    std::construct_at(std::addressof(value_));
  }
  /// Holds a value made from `value`.
  template <class U = T>
    requires(detail::result_value_source<U, T>)
  explicit(!std::is_convertible_v<U, T>) result(U&& value) noexcept(
      std::is_nothrow_constructible_v<T, U>) {
    std::construct_at(std::addressof(value_), std::forward<U>(value));
  }
  /// Holds a value made in place from `arguments`.
  template <class... Arguments>
    requires(std::is_constructible_v<T, Arguments...>)
  explicit result(std::in_place_t, Arguments&&... arguments) {
    std::construct_at(std::addressof(value_), std::forward<Arguments>(arguments)...);
  }
  /// Holds an error. An OK status given here is a mistake and becomes INTERNAL.
  result(ringrpc::status error) noexcept : status_(detail::error_of(std::move(error))) {}

  result(const result& other)
    requires(std::is_copy_constructible_v<T>)
      : status_(other.status_) {
    if (has_value()) std::construct_at(std::addressof(value_), other.value_);
  }
  /// `other` keeps what it is: a moved-from value, or an error of the same code.
  result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
      : status_(std::move(other.status_)) {
    if (has_value()) std::construct_at(std::addressof(value_), std::move(other.value_));
  }
  /// Replaces what is held. Should the move of a value throw, an error is held.
  result& operator=(result other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    destroy();
    if (other.has_value()) {
      status_ = ringrpc::status{status_code::internal};  // holds if the next line throws
      std::construct_at(std::addressof(value_), std::move(other.value_));
    }
    status_ = std::move(other.status_);
    return *this;
  }
  ~result() { destroy(); }

  /// Whether a value is held.
  [[nodiscard]] bool has_value() const noexcept { return status_.ok(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value. @throws status_error  where an error is held.
  T& value() & { return checked(); }
  const T& value() const& { return const_cast<result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }

  /// The value; only when `has_value()`, which is asserted.
  T& operator*() & noexcept { return held(); }
  const T& operator*() const& noexcept { return held(); }
  T&& operator*() && noexcept { return std::move(held()); }
  T* operator->() noexcept { return std::addressof(held()); }
  const T* operator->() const noexcept { return std::addressof(held()); }

  /// The value, or one made from `fallback` where an error is held.
  template <class U>
  [[nodiscard]] T value_or(U&& fallback) const& {
    if (has_value()) return value_;
    return static_cast<T>(std::forward<U>(fallback));
  }
  template <class U>
  [[nodiscard]] T value_or(U&& fallback) && {
    if (has_value()) return std::move(value_);
    return static_cast<T>(std::forward<U>(fallback));
  }

  /// The error; OK where a value is held. Valid until this result changes or dies.
  [[nodiscard]] const ringrpc::status& status() const& noexcept { return status_; }
  [[nodiscard]] ringrpc::status status() && noexcept { return status_; }
  /// The same under the name of std::expected.
  [[nodiscard]] const ringrpc::status& error() const& noexcept { return status_; }
  [[nodiscard]] ringrpc::status error() && noexcept { return status_; }

private:
  T& checked() {
    if (!has_value()) throw status_error{status_};
    return value_;
  }
  T& held() noexcept {
    assert(has_value());
    return value_;
  }
  const T& held() const noexcept {
    assert(has_value());
    return value_;
  }
  void destroy() noexcept {
    if (has_value()) std::destroy_at(std::addressof(value_));
  }

  ringrpc::status status_;  // OK: the value is there
  union {
    T value_;
  };
};

/// Success without a value, or a status that is not OK.
template <>
class [[nodiscard]] result<void> {
public:
  using value_type = void;
  using error_type = ringrpc::status;

  /// Success.
  result() noexcept {}
  /// What `outcome` says; OK is success.
  result(ringrpc::status outcome) noexcept : status_(std::move(outcome)) {}

  /// Whether this is a success.
  [[nodiscard]] bool has_value() const noexcept { return status_.ok(); }
  explicit operator bool() const noexcept { return has_value(); }
  /// @throws status_error  where an error is held.
  void value() const {
    if (!has_value()) throw status_error{status_};
  }
  /// The error; OK where this is a success. Valid until this result changes or dies.
  [[nodiscard]] const ringrpc::status& status() const& noexcept { return status_; }
  [[nodiscard]] ringrpc::status status() && noexcept { return status_; }
  /// The same under the name of std::expected.
  [[nodiscard]] const ringrpc::status& error() const& noexcept { return status_; }
  [[nodiscard]] ringrpc::status error() && noexcept { return status_; }

private:
  ringrpc::status status_;
};
}  // namespace ringrpc
