// SPDX-License-Identifier: MIT
//
// What a handler knows of the call that it answers.
#pragma once

#include <string_view>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/transport/peer_info.hpp>

namespace ringrpc {
class ring;
}

namespace ringrpc::inline RINGRPC_ABI {
/// Lives until the handler's coroutine has been destroyed, whatever happens to the
/// stream, the connection or the server. Of the handler's ring and its thread.
class server_context {
public:
  server_context(const server_context&) = delete;
  server_context& operator=(const server_context&) = delete;

  /// The metadata that the client sent.
  [[nodiscard]] const ringrpc::metadata& metadata() const noexcept { return request_; }
  /// To be sent with the first message, or by `send_headers`. Later changes have no
  /// effect.
  [[nodiscard]] ringrpc::metadata& headers() noexcept { return headers_; }
  /// To be sent with the status.
  [[nodiscard]] ringrpc::metadata& trailers() noexcept { return trailers_; }
  /// Sends the response headers now instead of with the first message. An error
  /// after that is no longer one that a client may retry (gRFC A6).
  /// @return false if they are on their way already, or the call is over.
  virtual bool send_headers() noexcept = 0;

  /// Has the messages that follow compressed, before the first of them and before
  /// `send_headers`. @param name  such as "gzip"; "identity" or empty: no compression.
  /// @return false if the headers are on their way already, the name is not in
  ///         `connection_options::encodings`, or the client does not accept it: nothing
  ///         changes then.
  virtual bool set_compression(std::string_view name) noexcept = 0;
  /// Whether the request, or the message that was read last, came compressed.
  [[nodiscard]] virtual bool message_compressed() const noexcept = 0;

  /// When the client gives up; `never` without a deadline.
  [[nodiscard]] time_point deadline() const noexcept { return deadline_; }
  /// Stopped when the client cancels, the deadline passes, the call fails or the
  /// connection is lost; by the end of the server only once its drain time is over
  /// (`connection_options`). The handler's coroutine has the same one: what it awaits ends.
  [[nodiscard]] ringrpc::stop_token stop_token() noexcept { return stop_token_; }
  /// Who calls, as the kernel says.
  [[nodiscard]] const peer_info& peer() const noexcept { return *peer_; }
  /// The method's path, such as `/demo.Greeter/SayHello`.
  [[nodiscard]] std::string_view method() const noexcept { return method_; }
  /// The ring on which the handler runs.
  [[nodiscard]] ringrpc::ring& ring() const noexcept { return *ring_; }

protected:
  server_context() = default;
  ~server_context() = default;

  ringrpc::metadata request_;
  ringrpc::metadata headers_;
  ringrpc::metadata trailers_;
  time_point deadline_ = never;
  ringrpc::stop_token stop_token_;
  const peer_info* peer_ = nullptr;
  std::string_view method_;
  ringrpc::ring* ring_ = nullptr;
};
}  // namespace ringrpc::inline RINGRPC_ABI
