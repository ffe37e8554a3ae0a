// SPDX-License-Identifier: MIT
//
// What moves a connection's bytes, erased. There is one for sockets, which the
// loop knows, and one for any other byte stream; connections see only this.
#pragma once

#include <ringrpc/base/config.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// Of one connection and its ring's thread. Calls `receive`, `outgoing`, `sent`
/// and so on of the connection, never from inside `flush` of another one.
class driver {
public:
  driver() = default;
  driver(const driver&) = delete;
  driver& operator=(const driver&) = delete;

  /// The connection may have something to send: sends what `outgoing()` gives
  /// until it is empty or the transport takes no more; goes on by itself then.
  virtual void flush() noexcept = 0;
  /// The connection reads again after it had stopped (`wants_read`).
  virtual void resume_reading() noexcept = 0;
  /// Ends the transport at once, both ways. Idempotent.
  virtual void abort() noexcept = 0;

protected:
  ~driver() = default;
};
}  // namespace ringrpc::inline RINGRPC_ABI
