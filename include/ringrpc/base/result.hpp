// SPDX-License-Identifier: MIT
//
// A value or an error, with the member names of C++23's std::expected, which
// C++20 lacks. `ring/` and `transport/` use it with std::error_code, `http2/`
// with RFC 9113 error codes, and users see it as `result<T>` with a status.
#pragma once

#include <cassert>
#include <memory>
#include <type_traits>
#include <utility>

namespace ringrpc {
/// Marks an error on its way into a `basic_result`: `co_return failure{code};`.
template <class E>
class failure {
public:
  constexpr explicit failure(E error) noexcept(std::is_nothrow_move_constructible_v<E>)
      : error_(std::move(error)) {}
  constexpr E& error() & noexcept { return error_; }
  constexpr const E& error() const& noexcept { return error_; }
  constexpr E&& error() && noexcept { return std::move(error_); }

private:
  E error_;
};
template <class E>
failure(E) -> failure<E>;

namespace detail {
template <class T>
inline constexpr bool is_failure = false;
template <class E>
inline constexpr bool is_failure<failure<E>> = true;
}  // namespace detail

/// Either a `T` or an `E`. Like std::expected<T, E>, but `value()` does not
/// throw: asking for the value of a failure is a mistake of the caller and is
/// asserted. A plain value, as thread-safe as `T` and `E`.
template <class T, class E>
class [[nodiscard]] basic_result {
public:
  using value_type = T;
  using error_type = E;

  /// Holds a value made from `value`.
  template <class U = T>
    requires(std::is_constructible_v<T, U> &&
             !std::is_same_v<std::remove_cvref_t<U>, basic_result> &&
             !detail::is_failure<std::remove_cvref_t<U>>)
  constexpr explicit(!std::is_convertible_v<U, T>) basic_result(U&& value)
      : has_value_(true) {
    std::construct_at(std::addressof(value_), std::forward<U>(value));
  }
  /// Holds a default-constructed value.
  constexpr basic_result()
    requires(std::is_default_constructible_v<T>)
      : has_value_(true) {
    std::construct_at(std::addressof(value_));
  }
  /// Holds the error of `error`.
  template <class G>
    requires(std::is_constructible_v<E, G>)
  constexpr basic_result(failure<G> error) : has_value_(false) {
    std::construct_at(std::addressof(error_), std::move(error).error());
  }

  constexpr basic_result(const basic_result& other)
    requires(std::is_copy_constructible_v<T> && std::is_copy_constructible_v<E>)
      : has_value_(other.has_value_) {
    if (has_value_) {
      std::construct_at(std::addressof(value_), other.value_);
    } else {
      std::construct_at(std::addressof(error_), other.error_);
    }
  }
  constexpr basic_result(basic_result&& other) noexcept(
      std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_constructible_v<E>)
      : has_value_(other.has_value_) {
    if (has_value_) {
      std::construct_at(std::addressof(value_), std::move(other.value_));
    } else {
      std::construct_at(std::addressof(error_), std::move(other.error_));
    }
  }
  /// Replaces what is held. Should a move throw, the process ends: an object
  /// that holds neither is not representable.
  constexpr basic_result& operator=(basic_result other) noexcept {
    destroy();
    std::construct_at(this, std::move(other));
    return *this;
  }
  constexpr ~basic_result() { destroy(); }

  /// Whether a value is held.
  [[nodiscard]] constexpr bool has_value() const noexcept { return has_value_; }
  constexpr explicit operator bool() const noexcept { return has_value_; }

  /// The value; only when `has_value()`.
  constexpr T& value() & noexcept { return checked(); }
  constexpr const T& value() const& noexcept {
    assume_value();
    return value_;
  }
  constexpr T&& value() && noexcept { return std::move(checked()); }
  constexpr T& operator*() & noexcept { return checked(); }
  constexpr const T& operator*() const& noexcept { return value(); }
  constexpr T&& operator*() && noexcept { return std::move(checked()); }
  constexpr T* operator->() noexcept { return std::addressof(checked()); }
  constexpr const T* operator->() const noexcept { return std::addressof(value()); }

  /// The value, or `fallback` where an error is held.
  template <class U>
  constexpr T value_or(U&& fallback) const& {
    if (has_value_) return value_;
    return T(std::forward<U>(fallback));
  }

  /// The error; only when not `has_value()`.
  constexpr E& error() & noexcept {
    assert(!has_value_);
    return error_;
  }
  constexpr const E& error() const& noexcept {
    assert(!has_value_);
    return error_;
  }
  constexpr E&& error() && noexcept {
    assert(!has_value_);
    return std::move(error_);
  }

private:
  constexpr T& checked() noexcept {
    assume_value();
    return value_;
  }
  /// With NDEBUG, g++ 12 at -O2 would see a value that may be uninitialised
  /// (-Wmaybe-uninitialized).
  constexpr void assume_value() const noexcept {
    assert(has_value_);
    if (!has_value_) __builtin_unreachable();
  }
  constexpr void destroy() noexcept {
    if (has_value_) {
      std::destroy_at(std::addressof(value_));
    } else {
      std::destroy_at(std::addressof(error_));
    }
  }

  union {
    T value_;
    E error_;
  };
  bool has_value_;
};

/// Success without a value, or an `E`.
template <class E>
class [[nodiscard]] basic_result<void, E> {
public:
  using value_type = void;
  using error_type = E;

  /// Success.
  constexpr basic_result() noexcept : has_value_(true) {}
  /// Holds the error of `error`.
  template <class G>
    requires(std::is_constructible_v<E, G>)
  constexpr basic_result(failure<G> error)
      : error_(std::move(error).error()), has_value_(false) {}

  /// Whether this is a success.
  [[nodiscard]] constexpr bool has_value() const noexcept { return has_value_; }
  constexpr explicit operator bool() const noexcept { return has_value_; }
  constexpr void value() const noexcept { assert(has_value_); }

  /// The error; only when not `has_value()`.
  constexpr E& error() & noexcept {
    assert(!has_value_);
    return error_;
  }
  constexpr const E& error() const& noexcept {
    assert(!has_value_);
    return error_;
  }

private:
  E error_{};
  bool has_value_;
};
}  // namespace ringrpc
