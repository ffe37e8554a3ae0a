// SPDX-License-Identifier: MIT
//
// The listener of Unix sockets with a path. Opened by `unix_socket::open`.
#pragma once

#include <string>
#include <utility>

#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/owned_socket.hpp>
#include <ringrpc/transport/policy.hpp>
#include <ringrpc/transport/socket_file.hpp>
#include <ringrpc/transport/socket_listener.hpp>
#include <ringrpc/transport/unix_stream.hpp>

namespace ringrpc {
/// See `listener` for what members promise. May be destroyed while `accept` is
/// pending: that ends with `operation_canceled`. Its destructor removes the file.
class unix_listener {
public:
  using accepted_type = accepted_socket;
  using stream_type = unix_stream;

  /// Listens on what `file` has made, on the thread of `home`.
  /// @param policy  whom `establish` lets pass.
  unix_listener(ring& home, socket_file file, const std::string& path, peer_policy policy)
      : file_(std::move(file)),
        listening_(owned_socket{home, file_.take_socket().release()}, "unix:" + path,
                   std::move(policy)) {}
  unix_listener(unix_listener&&) noexcept = default;
  unix_listener& operator=(unix_listener&& other) noexcept {
    if (this != &other) {
      stop();
      file_ = std::move(other.file_);
      listening_ = std::move(other.listening_);
    }
    return *this;
  }
  ~unix_listener() { stop(); }

  /// The next connection, with the credentials that its peer had at connect(2).
  [[nodiscard]] task<io_result<accepted_socket>> accept() { return listening_.accept(); }
  /// Applies the policy. @return `transport_error::peer_refused`; the peer reads
  /// the end then, and nothing else.
  [[nodiscard]] task<io_result<unix_stream>> establish(accepted_socket accepted) {
    return listening_.establish(std::move(accepted));
  }
  /// Ends `accept` for good; connect(2) says ECONNREFUSED from now on, and who had
  /// connected and was not accepted yet reads the end. The file and its lock stay
  /// until destruction.
  void stop() noexcept { listening_.stop(); }
  /// `unix:` and the path as it was given.
  [[nodiscard]] const std::string& text() const noexcept { return listening_.text(); }
  /// The listening socket, which stays this object's.
  [[nodiscard]] int native_socket() const noexcept { return listening_.native_socket(); }

private:
  socket_file file_;
  socket_listener listening_;
};
static_assert(listener<unix_listener>);
}  // namespace ringrpc
