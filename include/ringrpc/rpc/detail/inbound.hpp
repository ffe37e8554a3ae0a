// SPDX-License-Identifier: MIT
//
// The messages of one stream on their way in: cut out of DATA, kept until they
// are taken, and the credit that the peer gets for them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <ringrpc/base/config.hpp>
#include <ringrpc/grpc/message_prefix.hpp>
#include <ringrpc/grpc/message_reader.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/http2/stream_ref.hpp>
#include <ringrpc/rpc/detail/assembly_budget.hpp>
#include <ringrpc/rpc/detail/connection.hpp>

namespace ringrpc::inline RINGRPC_ABI {
/// The receiving half of a call. Bytes of a message are credited to the stream
/// when it is taken, so a slow reader stops its peer and nobody else. A message
/// larger than the window could never arrive that way: its missing rest is
/// reserved from the connection's assembly budget, and the window raised by it,
/// once. Of one ring; immovable.
class inbound : private assembly_request {
public:
  inbound(memory_pool& pool, std::uint32_t message_bytes_max) noexcept
      : assembly_request([](assembly_request& self) noexcept {
          static_cast<inbound&>(self).raise();
        }),
        reader_(pool, message_bytes_max) {}
  ~inbound() { detach(); }

  /// Joins a stream. @param over  must outlive the stream.
  void attach(connection& over, http2::stream_ref stream) noexcept {
    connection_ = &over;
    stream_ = stream;
  }
  /// The stream is no more: gives reservations back. What is held can still be taken.
  void detach() noexcept;
  /// Forgets everything, for another call.
  void reset(std::uint32_t message_bytes_max) noexcept;

  /// DATA has come; messages are then taken by `next`, and what is left is kept by
  /// `keep_rest`. @param flow_bytes  with padding, which is credited at once.
  void begin(std::span<const std::byte> bytes, std::uint32_t flow_bytes) noexcept;
  /// The next whole message, in place where it lies whole in what `begin` got.
  /// `more`: none is whole; `failed`: `error()`. Takes it: its bytes are credited.
  [[nodiscard]] message_event next() noexcept;
  [[nodiscard]] std::span<const std::byte> message() const noexcept { return reader_.message(); }
  void drop_message() noexcept { reader_.drop_message(); }
  /// See message_reader.
  void allow_compressed() noexcept { reader_.allow_compressed(); }
  [[nodiscard]] bool message_compressed() const noexcept { return reader_.message_compressed(); }
  [[nodiscard]] memory_pool& memory() const noexcept { return reader_.memory(); }
  [[nodiscard]] std::uint32_t message_bytes_max() const noexcept {
    return reader_.message_bytes_max();
  }
  /// Copies what `begin` brought and nobody took; ends the view.
  void keep_rest() noexcept;

  /// From now on nobody takes messages: what is held goes, what comes is credited
  /// and dropped.
  void discard() noexcept;
  [[nodiscard]] bool discarding() const noexcept { return discarding_; }

  /// END_STREAM has come and all messages were taken: whether the last was whole.
  [[nodiscard]] status finish() const noexcept { return reader_.finish(); }
  [[nodiscard]] const status& error() const noexcept { return reader_.error(); }
  /// Whether `next` would give a message without more input.
  [[nodiscard]] bool has_message() const noexcept { return reader_.has_message(); }

private:
  void reserve_rest() noexcept;
  void raise() noexcept;
  void account() noexcept;

  message_reader reader_;
  connection* connection_ = nullptr;
  http2::stream_ref stream_{};
  std::span<const std::byte> input_{};
  std::uint64_t raised_bytes_ = 0;  // of the message that is being assembled
  std::size_t accounted_bytes_ = 0;
  bool discarding_ = false;
};

inline void inbound::begin(std::span<const std::byte> bytes, std::uint32_t flow_bytes) noexcept {
  if (discarding_) {
    if (connection_ != nullptr) connection_->engine().credit_stream(stream_, flow_bytes);
    return;
  }
  input_ = bytes;
  if (connection_ != nullptr &&
      reader_.held_bytes() + bytes.size() > message_reader::first_bytes_max) {
    const std::int64_t window = connection_->engine().receive_window(stream_);
    reader_.expect_at_most(static_cast<std::size_t>(std::max<std::int64_t>(window, 0)));
  }
  const auto padding = static_cast<std::uint32_t>(flow_bytes - bytes.size());
  if (padding > 0 && connection_ != nullptr) {
    connection_->engine().credit_stream(stream_, padding);
  }
}

inline message_event inbound::next() noexcept {
  if (discarding_) return message_event::more;
  const message_event found = reader_.next(input_);
  if (found != message_event::message) {
    if (found == message_event::more) reserve_rest();
    account();
    return found;
  }
  const std::uint64_t taken = message_prefix_bytes + reader_.message().size();
  const std::uint64_t raised = std::min(raised_bytes_, taken);
  raised_bytes_ = 0;
  if (connection_ != nullptr) {
    connection_->assembly().release(*this);
    connection_->engine().credit_stream(stream_, static_cast<std::uint32_t>(taken - raised));
    connection_->mark_dirty();
  }
  account();
  return found;
}

inline void inbound::keep_rest() noexcept {
  if (!discarding_ && !input_.empty()) {
    reader_.keep(input_);
    reserve_rest();
  }
  input_ = {};
  account();
}

inline void inbound::discard() noexcept {
  if (discarding_) return;
  discarding_ = true;
  const std::size_t held = reader_.held_bytes() + input_.size();
  input_ = {};
  reader_.reset(0);
  if (connection_ != nullptr) {
    connection_->assembly().release(*this);
    const std::uint64_t credit = held - std::min<std::uint64_t>(held, raised_bytes_);
    connection_->engine().credit_stream(stream_, static_cast<std::uint32_t>(credit));
    connection_->mark_dirty();
  }
  raised_bytes_ = 0;
  account();
}

inline void inbound::detach() noexcept {
  if (connection_ == nullptr) return;
  connection_->assembly().release(*this);
  connection_->held_bytes() -= accounted_bytes_;
  accounted_bytes_ = 0;
  raised_bytes_ = 0;
  connection_ = nullptr;
}

inline void inbound::reset(std::uint32_t message_bytes_max) noexcept {
  detach();
  reader_.reset(message_bytes_max);
  input_ = {};
  stream_ = {};
  discarding_ = false;
}

inline void inbound::account() noexcept {
  if (connection_ == nullptr) return;
  connection_->held_bytes() += reader_.capacity_bytes() - accounted_bytes_;
  accounted_bytes_ = reader_.capacity_bytes();
}

inline void inbound::reserve_rest() noexcept {
  // Only for the first message that is held: those behind it get credit when it is
  // taken. Waiting in line already, or raised already: nothing to do.
  if (connection_ == nullptr || linked() || raised_bytes_ > 0) return;
  if (reader_.has_message()) return;
  const auto missing = static_cast<std::int64_t>(reader_.missing_bytes());
  if (missing == 0 || reader_.held_bytes() < message_prefix_bytes) return;
  const std::int64_t window = connection_->engine().receive_window(stream_);
  if (missing <= window) return;
  const auto rest = static_cast<std::uint64_t>(missing - window);
  if (connection_->assembly().reserve(*this, rest)) raise();
}

inline void inbound::raise() noexcept {
  raised_bytes_ = granted_bytes();
  connection_->engine().raise_window(stream_, static_cast<std::uint32_t>(raised_bytes_));
  connection_->mark_dirty();
}
}  // namespace ringrpc::inline RINGRPC_ABI
