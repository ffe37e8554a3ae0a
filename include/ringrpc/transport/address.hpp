// SPDX-License-Identifier: MIT
//
// The text by which a channel names where to connect, taken apart (gRPC naming):
// `unix:path`, `unix:///absolute_path`, `unix-abstract:name`, `ipv4:127.0.0.1:80`,
// `ipv6:[::1]:80`, `dns:localhost:80`, `vsock:cid:port`. A path is never percent-decoded:
// it is the bytes that were written.
#pragma once

#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/base/result.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/transport/abstract_name.hpp>
#include <ringrpc/transport/inet_address.hpp>
#include <ringrpc/transport/unix_path.hpp>

namespace ringrpc {
/// What an address is of.
enum class address_kind : unsigned char {
  unix_path,      ///< a Unix socket with a file
  unix_abstract,  ///< a Unix socket without one
  inet,           ///< TCP over IPv4 or IPv6
  vsock,          ///< a socket to a virtual machine or its host (vsock(7))
};

/// A parsed address. A plain value.
class address {
public:
  /// Of a socket file. @param path  passed `check_unix_path`.
  explicit address(std::string path)
      : path_(std::move(path)), text_("unix:" + path_), kind_(address_kind::unix_path) {}
  /// Of any other kind. @param text  its usual form. @param to  the kernel's.
  address(address_kind kind, std::string text, const socket_address& to) noexcept
      : text_(std::move(text)), to_(to), kind_(kind) {}

  [[nodiscard]] address_kind kind() const noexcept { return kind_; }
  /// The path of a socket file, absolute or relative to the working directory; empty for
  /// other kinds.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The kernel's form; empty for socket files, whose path may not fit.
  [[nodiscard]] const socket_address& to() const noexcept { return to_; }
  /// The address in its usual form, `unix:/run/x.sock`.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  friend bool operator==(const address& a, const address& b) noexcept {
    return a.text_ == b.text_;
  }

private:
  std::string path_;
  std::string text_;
  socket_address to_;
  address_kind kind_;
};

/// Parses an address; also a bare path that begins with `/` or `./`, and `@name` for an
/// abstract socket.
/// @return which part is wrong, and what would be right.
[[nodiscard]] basic_result<address, std::string> parse_address(std::string_view text);

namespace detail {
using parsed_address = basic_result<address, std::string>;

/// Schemes that gRPC or this library know, and that this version cannot do.
inline constexpr std::array<std::string_view, 2> later_schemes{"fd", "memory"};

/// `text` in quotes, cut where it is long: it is a part of a message.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t shown_bytes_max = 200;
  if (text.size() <= shown_bytes_max) return '"' + std::string{text} + '"';
  return '"' + std::string{text.substr(0, shown_bytes_max)} + "\"...";
}
inline failure<std::string> bad_address(std::string_view text, std::string_view why) {
  return failure<std::string>{"address " + quoted(text) + ' ' + std::string{why}};
}

inline parsed_address parse_unix_path(std::string_view path) {
  basic_result<void, std::string> checked = check_unix_path(path);
  if (!checked) return failure{std::move(checked.error())};
  return address{std::string{path}};
}

/// What follows `unix:`.
inline parsed_address parse_unix_rest(std::string_view text, std::string_view rest) {
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

inline parsed_address parse_abstract_rest(std::string_view rest) {
  basic_result<std::string, std::string> name = parse_abstract_name(rest);
  if (!name) return failure{std::move(name.error())};
  return address{address_kind::unix_abstract, "unix-abstract:" + abstract_name_text(*name),
                 abstract_socket_address(*name)};
}

inline parsed_address parse_vsock_rest(std::string_view text, std::string_view rest) {
  const std::size_t colon = rest.find(':');
  std::uint32_t numbers[2] = {0, 0};
  std::string_view parts[2] = {rest.substr(0, colon), {}};
  if (colon != std::string_view::npos) parts[1] = rest.substr(colon + 1);
  for (int i = 0; i < 2; ++i) {
    const char* const end = parts[i].data() + parts[i].size();
    const auto [at, error] = std::from_chars(parts[i].data(), end, numbers[i]);
    if (error != std::errc{} || at != end) {
      return bad_address(text, "is not vsock:CID:PORT with two numbers below 2^32");
    }
  }
  ::sockaddr_vm to{};
  to.svm_family = AF_VSOCK;
  to.svm_cid = numbers[0];
  to.svm_port = numbers[1];
  return address{address_kind::vsock,
                 "vsock:" + std::to_string(numbers[0]) + ':' + std::to_string(numbers[1]),
                 socket_address{&to, sizeof to}};
}

/// What follows `ipv4:`, `ipv6:` or `dns:`.
inline parsed_address parse_inet_rest(std::string_view text, std::string_view scheme,
                                      std::string_view rest) {
  if (scheme == "dns" && rest.starts_with("///")) rest.remove_prefix(3);
  if (rest.find(',') != std::string_view::npos) {
    return bad_address(text, "has several addresses; a channel connects to one");
  }
  const std::size_t colon = rest.rfind(':');
  const std::string_view written = rest.substr(0, colon);
  const std::optional<std::uint16_t> port =
      parse_port(colon != std::string_view::npos ? rest.substr(colon + 1) : std::string_view{});
  std::string host{written};
  const bool bracketed = written.starts_with('[') && written.ends_with(']');
  if (bracketed) host = written.substr(1, written.size() - 2);
  if (scheme == "dns") {
    if (host == "localhost") host = "127.0.0.1";
    if (host == "ip6-localhost" || host == "ip6-loopback") host = "::1";
  }
  const bool six = scheme == "ipv6" || (scheme == "dns" && host.find(':') != std::string::npos);
  if (!port || (scheme == "ipv6" && !bracketed)) {
    return bad_address(text, scheme == "ipv6"   ? "is not ipv6:[ADDRESS]:PORT"
                             : scheme == "ipv4" ? "is not ipv4:ADDRESS:PORT"
                                                : "is not dns:HOST:PORT");
  }
  const std::optional<socket_address> to =
      six ? ipv6_address(host, port.value_or(0)) : ipv4_address(host, port.value_or(0));
  if (!to) {
    const std::string shown = "has the host " + quoted(written);
    return bad_address(text, scheme == "ipv6"   ? shown + ", which is no IPv6 address"
                             : scheme == "ipv4" ? shown + ", which is no IPv4 address"
                                                : shown + ", and no names are looked up but "
                                                          "localhost; write ipv4:ADDRESS:PORT");
  }
  return address{address_kind::inet, inet_text(*to), *to};
}
}  // namespace detail

inline basic_result<address, std::string> parse_address(std::string_view text) {
  constexpr std::string_view remedy = "; write unix:/path/to/socket";
  if (text.empty()) return failure<std::string>{"address is empty" + std::string{remedy}};
  if (const std::size_t at = text.find('\0'); at != std::string_view::npos) {
    return failure<std::string>{"address has a NUL at byte " + std::to_string(at) +
                                std::string{remedy}};
  }
  if (text.starts_with('/') || text.starts_with("./")) return detail::parse_unix_path(text);
  if (text.starts_with('@')) return detail::parse_abstract_rest(text.substr(1));
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    const std::string_view shown = text.substr(0, unix_path_bytes_max);
    return detail::bad_address(text, "has no scheme; write unix:" + std::string{shown} +
                                         " for a socket file of that name");
  }
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  if (scheme == "unix") return detail::parse_unix_rest(text, rest);
  if (scheme == "unix-abstract") return detail::parse_abstract_rest(rest);
  if (scheme == "vsock") return detail::parse_vsock_rest(text, rest);
  if (scheme == "ipv4" || scheme == "ipv6" || scheme == "dns") {
    return detail::parse_inet_rest(text, scheme, rest);
  }
  const bool later = std::find(detail::later_schemes.begin(), detail::later_schemes.end(),
                               scheme) != detail::later_schemes.end();
  return detail::bad_address(text, "has the scheme " + detail::quoted(scheme) + ", which is " +
                                       (later ? "not supported by this version" : "unknown") +
                                       std::string{remedy});
}
}  // namespace ringrpc
