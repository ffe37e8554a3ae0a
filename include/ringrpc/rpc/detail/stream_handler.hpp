// SPDX-License-Identifier: MIT
//
// Who is behind an HTTP/2 stream of a connection: a call, on either side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/http2/engine.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Told of what happens to its stream, in order. A stream keeps its handler
/// alive from the moment it is known to the engine until `stream_closed`.
class stream_handler : public list_node {
public:
  /// During feed, library code only: takes from `block` what is needed later; the
  /// views in it do not outlive the call. May not call the engine.
  virtual void reduce(const http2::header_block& block, http2::block_kind kind) noexcept = 0;

  // During dispatch; may call the engine and run user code.

  /// The block that was reduced last is whole. @param end  END_STREAM was set.
  virtual void headers_received(http2::block_kind kind, bool end) noexcept = 0;
  /// @param bytes  a view into the receive buffer. @param flow_bytes  with padding,
  ///               to be credited to the stream. @param end  END_STREAM was set.
  virtual void data_received(std::span<const std::byte> bytes, std::uint32_t flow_bytes,
                             bool end) noexcept = 0;
  /// The peer, or the engine on its behalf, has reset the stream.
  virtual void reset_received(http2::error_code code) noexcept = 0;
  /// What is queued fell low enough that a writer may go on.
  virtual void room_available() noexcept = 0;
  /// The last event. The stream is no more; the handler may destroy itself.
  virtual void stream_closed() noexcept = 0;

protected:
  ~stream_handler() = default;
};
}  // namespace ringrpc::inline RINGRPC_ABI
