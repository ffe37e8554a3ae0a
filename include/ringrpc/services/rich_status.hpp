// SPDX-License-Identifier: MIT
//
// google.rpc.Status: a status with details, each a message of its own, such as those of
// google/rpc/error_details.proto (PROTOCOL-HTTP2.md, "Status-Details"). Encoded by hand, so
// that nothing generated is needed.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/config.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/grpc/wire_format.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// A message that protobuf generated, as far as it is needed here.
template <class T>
concept protobuf_detail = requires(T& out, const T& in, const std::string& bytes) {
  { std::string{in.GetTypeName()} };
  { in.SerializeAsString() } -> std::convertible_to<std::string>;
  { out.ParseFromString(bytes) } -> std::convertible_to<bool>;
};

/// google.protobuf.Any: the name of a type, and a message of it.
class status_detail {
public:
  status_detail() = default;
  /// @param type_url  such as `type.googleapis.com/google.rpc.RetryInfo`.
  /// @param value  the serialised message.
  status_detail(std::string_view type_url, std::string_view value)
      : type_url_(type_url), value_(value) {}
  [[nodiscard]] const std::string& type_url() const noexcept { return type_url_; }
  [[nodiscard]] const std::string& value() const noexcept { return value_; }
  /// What stands behind the last slash, such as `google.rpc.RetryInfo`.
  [[nodiscard]] std::string_view type() const noexcept {
    const std::string_view all = type_url_;
    return all.substr(all.rfind('/') + 1);
  }
  friend bool operator==(const status_detail&, const status_detail&) noexcept = default;

private:
  std::string type_url_;
  std::string value_;
};

/// A handler makes one and returns it: `co_return rich.to_status();`. A client reads it of the
/// status that it got: `auto rich = rich_status::of(reply.status());`. A plain value.
/// Everything but the plain getters may throw std::bad_alloc.
class rich_status {
public:
  /// @param code  not OK: an OK has no details. @param message  text for people, UTF-8.
  rich_status(status_code code, std::string_view message) : code_(code), message_(message) {}
  /// The details that came with `from`; none where none came.
  /// @return INTERNAL for bytes that are no google.rpc.Status.
  [[nodiscard]] static result<rich_status> of(const status& from);

  [[nodiscard]] status_code code() const noexcept { return code_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::vector<status_detail>& details() const noexcept { return details_; }

  void add(status_detail more) { details_.push_back(std::move(more)); }
  /// Adds a message, under the name `type.googleapis.com/` and its own.
  template <protobuf_detail Message>
  void add(const Message& more) {
    details_.emplace_back("type.googleapis.com/" + std::string{more.GetTypeName()},
                          std::string{more.SerializeAsString()});
  }
  /// The first detail of that type, if there is one that can be parsed.
  template <protobuf_detail Message>
  [[nodiscard]] std::optional<Message> find() const {
    std::optional<Message> found{std::in_place};
    const std::string type{found->GetTypeName()};
    for (const status_detail& one : details_) {
      if (one.type() == type && found->ParseFromString(one.value())) return found;
    }
    found.reset();
    return found;
  }

  /// As the status of a call. Details count against what a client takes of headers, often
  /// 8 KiB; they are left out of an answer that would be larger.
  [[nodiscard]] status to_status() const {
    return details_.empty() ? status{code_, message_} : status{code_, message_, serialised()};
  }
  /// google.rpc.Status on the wire: code 1, message 2, details 3.
  [[nodiscard]] std::string serialised() const;

  friend bool operator==(const rich_status&, const rich_status&) noexcept = default;

private:
  status_code code_;
  std::string message_;
  std::vector<status_detail> details_;
};
static_assert(frame_safe<rich_status> && frame_safe<status_detail>);

inline result<rich_status> rich_status::of(const status& from) {
  rich_status made{from.code(), from.message()};
  if (from.details().empty()) return made;
  bool good = true;
  const auto read_detail = [&](const detail::wire_field& any) {
    std::string_view type_url;
    std::string_view value;
    good &= detail::parse_wire_fields(any.bytes, [&](const detail::wire_field& field) {
      if (field.number == 1 && field.is_bytes()) type_url = field.text();
      if (field.number == 2 && field.is_bytes()) value = field.text();
    });
    made.details_.emplace_back(type_url, value);
  };
  good &= detail::parse_wire_fields(
      as_bytes(from.details()), [&](const detail::wire_field& field) {
        if (field.number == 2 && field.is_bytes()) made.message_ = field.text();
        if (field.number == 3 && field.is_bytes()) read_detail(field);
      });
  if (!good) return internal("the details of a status are no google.rpc.Status");
  return made;
}

inline std::string rich_status::serialised() const {
  const auto code = static_cast<std::uint64_t>(code_);
  const auto any_bytes = [](const status_detail& one) {
    return detail::wire_string_size(one.type_url()) + detail::wire_string_size(one.value());
  };
  std::size_t bytes = detail::wire_string_size(message_);
  if (code_ != status_code::ok) bytes += 1 + detail::varint_size(code);
  for (const status_detail& one : details_) {
    bytes += 1 + detail::varint_size(any_bytes(one)) + any_bytes(one);
  }
  std::string made(bytes, '\0');
  std::byte* at = std::as_writable_bytes(std::span{made}).data();
  if (code_ != status_code::ok) {
    *at++ = std::byte{1 << 3};
    at = detail::write_varint(at, code);
  }
  at = detail::write_wire_string(at, 2, message_);
  for (const status_detail& one : details_) {
    *at++ = std::byte{3 << 3 | 2};
    at = detail::write_varint(at, any_bytes(one));
    at = detail::write_wire_string(at, 1, one.type_url());
    at = detail::write_wire_string(at, 2, one.value());
  }
  return made;
}
}  // namespace ringrpc::inline RINGRPC_ABI
