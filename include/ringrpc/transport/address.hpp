// SPDX-License-Identifier: MIT
//
// The text by which a channel or server names where to connect or listen, taken
// apart (gRPC naming: `unix:path`, `unix:///absolute_path`). A text is never
// percent-decoded: a path is the bytes that were written.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/base/result.hpp>
#include <ringrpc/transport/unix_path.hpp>

namespace ringrpc {
/// A parsed address: that of a Unix socket with a file. A plain value.
class address {
public:
  /// @param path  passed `check_unix_path`.
  explicit address(std::string path) noexcept : path_(std::move(path)) {}

  /// The socket's path, absolute or relative to the working directory.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The address in its usual form, `unix:/run/x.sock`.
  [[nodiscard]] std::string text() const { return "unix:" + path_; }
  friend bool operator==(const address&, const address&) = default;

private:
  std::string path_;
};

/// Parses `unix:relative`, `unix:/absolute`, `unix:///absolute`, or a bare path
/// that begins with `/` or `./`.
/// @return which part is wrong, and what would be right.
[[nodiscard]] basic_result<address, std::string> parse_address(std::string_view text);

namespace detail {
/// Schemes that gRPC or this library know, and that this version cannot do.
inline constexpr std::array<std::string_view, 7> later_schemes{
    "unix-abstract", "vsock", "ipv4", "ipv6", "dns", "fd", "memory"};

/// `text` in quotes, cut where it is long: it is a part of a message.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t shown_bytes_max = 200;
  if (text.size() <= shown_bytes_max) return '"' + std::string{text} + '"';
  return '"' + std::string{text.substr(0, shown_bytes_max)} + "\"...";
}

inline basic_result<address, std::string> parse_unix_path(std::string_view path) {
  basic_result<void, std::string> checked = check_unix_path(path);
  if (!checked) return failure{std::move(checked.error())};
  return address{std::string{path}};
}

/// What follows `unix:`.
inline basic_result<address, std::string> parse_unix_rest(std::string_view text,
                                                          std::string_view rest) {
  if (!rest.starts_with("//")) return parse_unix_path(rest);
  rest.remove_prefix(2);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::string_view path = rest.substr(authority.size());
  // C-core would take `unix://run/x` for /x of the host `run`: surely a slip.
  if (!authority.empty()) {
    return failure<std::string>{"address " + quoted(text) + " has the authority " +
                                quoted(authority) + ", and a socket path has none; write unix:///" +
                                std::string{authority.substr(0, unix_path_bytes_max)} +
                                std::string{path.substr(0, unix_path_bytes_max)} +
                                " for an absolute path"};
  }
  return parse_unix_path(path);
}
}  // namespace detail

inline basic_result<address, std::string> parse_address(std::string_view text) {
  if (text.empty()) return failure<std::string>{"address is empty; write unix:/path/to/socket"};
  if (const std::size_t at = text.find('\0'); at != std::string_view::npos) {
    return failure<std::string>{"address has a NUL at byte " + std::to_string(at) +
                                "; write unix:/path/to/socket"};
  }
  if (text.starts_with('/') || text.starts_with("./")) return detail::parse_unix_path(text);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    const std::string_view shown = text.substr(0, unix_path_bytes_max);
    return failure<std::string>{"address " + detail::quoted(text) + " has no scheme; write unix:" +
                                std::string{shown} + " for a socket file of that name"};
  }
  const std::string_view scheme = text.substr(0, colon);
  if (scheme == "unix") return detail::parse_unix_rest(text, text.substr(colon + 1));
  const bool later = std::find(detail::later_schemes.begin(), detail::later_schemes.end(),
                               scheme) != detail::later_schemes.end();
  return failure<std::string>{"address " + detail::quoted(text) + " has the scheme " +
                              detail::quoted(scheme) + ", which is " +
                              (later ? "not supported by this version" : "unknown") +
                              "; write unix:/path/to/socket"};
}
}  // namespace ringrpc
