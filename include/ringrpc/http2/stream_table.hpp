// SPDX-License-Identifier: MIT
//
// The streams of one connection that the layer above knows, and what the engine
// keeps for each beside the HTTP/2 library.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>

#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/http2/errors.hpp>
#include <ringrpc/http2/send_queue.hpp>
#include <ringrpc/http2/stored_headers.hpp>
#include <ringrpc/http2/stream_ref.hpp>

namespace ringrpc::http2 {
/// How the sending side of a stream ends, once its queue is empty.
enum class send_end : std::uint8_t {
  open,       ///< more may be queued
  headers,    ///< with END_STREAM on the only header block
  last_data,  ///< with END_STREAM on DATA
  trailers,   ///< with the stored trailers
  sent,       ///< END_STREAM has left, or the stream was reset
};

/// Why the HTTP/2 library does not ask a stream for DATA.
enum class send_pause : std::uint8_t {
  none,
  empty,  ///< nothing was queued when it asked
  turn,   ///< the stream had its turn: in the list of those that wait for the next round
};

/// One stream. A node of the list of streams that wait for their next turn.
struct stream : list_node {
  stream_ref ref;  ///< generation 0 while the slot is free
  void* user = nullptr;

  // Receiving.
  std::int64_t content_length = -1;       ///< announced; -1: none
  std::int64_t body_bytes = 0;            ///< DATA received
  std::int64_t window_delta_bytes = 0;    ///< raised and credited, less received
  std::uint32_t unsent_credit_bytes = 0;  ///< credited, no WINDOW_UPDATE queued for it yet
  bool told = false;                      ///< the sink knows the stream
  bool final_headers = false;             ///< the request or final response has come
  bool remote_ended = false;              ///< END_STREAM was received
  // The end.
  bool peer_reset = false;   ///< by RST_STREAM of the peer
  bool reset_told = false;   ///< on_reset was called
  bool reset_by_us = false;  ///< RST_STREAM was queued, at the sink's wish or not
  bool sink_reset = false;   ///< at the sink's wish
  error_code failure = error_code::no_error;  ///< to be told instead of what the wire says
  // Sending.
  bool headers_queued = false;   ///< the request or response headers
  bool reset_after_end = false;  ///< RST_STREAM(NO_ERROR) is to follow our END_STREAM
  send_end end = send_end::open;
  send_pause pause = send_pause::none;
  std::uint32_t turn = 0;        ///< the round in which `turn_bytes` were sent
  std::uint32_t turn_bytes = 0;
  send_queue queue;
  stored_headers trailers;

  /// Whether nothing more is taken from it or for it.
  [[nodiscard]] bool over() const noexcept { return reset_by_us || peer_reset; }
};

/// Slots for streams, in chunks that never move. Steady state takes memory from
/// the pool only when more streams are open than ever before. Immovable.
class stream_table {
public:
  static constexpr std::uint32_t chunk_slots = 16;
  static constexpr std::uint32_t chunks_max = 4096;

  /// @param pool  must outlive this.
  explicit stream_table(memory_pool& pool) noexcept : pool_(&pool) {}
  stream_table(const stream_table&) = delete;
  stream_table& operator=(const stream_table&) = delete;
  ~stream_table();

  /// A slot for stream `id`; null where memory is short.
  [[nodiscard]] stream* acquire(std::int32_t id) noexcept;
  /// Frees the slot; its queue must be empty. References to it are stale from now on.
  void release(stream& freed) noexcept;
  /// The stream; null for a stale reference.
  [[nodiscard]] stream* find(const stream_ref& r) const noexcept {
    if (r.generation == 0 || r.slot >= slots_) return nullptr;
    stream& found = at(r.slot);
    return found.ref == r ? &found : nullptr;
  }
  /// Streams that hold a slot.
  [[nodiscard]] std::uint32_t used() const noexcept { return used_; }
  /// Calls `visit(stream&)` for each; it may release the one it is given.
  template <class Visit>
  void for_each(Visit visit) noexcept {
    for (std::uint32_t slot = 0; slot < slots_; ++slot) {
      if (at(slot).ref.generation != 0) visit(at(slot));
    }
  }

private:
  struct slot_place {
    stream value;
    std::uint32_t generation = 0;  // of the last use
    slot_place* next_free = nullptr;
  };
  [[nodiscard]] slot_place& place(std::uint32_t slot) const noexcept {
    return chunks_[slot / chunk_slots][slot % chunk_slots];
  }
  [[nodiscard]] stream& at(std::uint32_t slot) const noexcept { return place(slot).value; }
  [[nodiscard]] bool grow() noexcept;

  memory_pool* pool_;
  slot_place** chunks_ = nullptr;
  std::uint32_t slots_ = 0;
  std::uint32_t used_ = 0;
  slot_place* free_ = nullptr;
};

inline stream_table::~stream_table() {
  for (std::uint32_t slot = 0; slot < slots_; ++slot) place(slot).~slot_place();
  for (std::uint32_t chunk = 0; chunk < slots_ / chunk_slots; ++chunk) {
    pool_->release(chunks_[chunk]);
  }
  pool_->release(chunks_);
}

inline stream* stream_table::acquire(std::int32_t id) noexcept {
  if (free_ == nullptr && !grow()) return nullptr;
  slot_place& taken = *free_;
  free_ = taken.next_free;
  if (++taken.generation == 0) taken.generation = 1;  // wrapped round: 0 is no stream
  taken.value.ref.generation = taken.generation;
  taken.value.ref.id = id;
  ++used_;
  return &taken.value;
}

inline void stream_table::release(stream& freed) noexcept {
  assert(freed.ref.generation != 0 && freed.queue.empty());
  const std::uint32_t slot = freed.ref.slot;
  freed.~stream();
  ::new (&freed) stream;
  freed.ref.slot = slot;
  place(slot).next_free = free_;
  free_ = &place(slot);
  --used_;
}

inline bool stream_table::grow() noexcept {
  const std::uint32_t chunks = slots_ / chunk_slots;
  if (chunks == chunks_max) return false;
  // The index is small and grows by doubling: 16 streams fill a chunk.
  if (chunks == 0 || (chunks & (chunks - 1)) == 0) {
    const std::uint32_t room = chunks == 0 ? 1 : 2 * chunks;
    void* index = pool_->try_allocate(room * sizeof(slot_place*));
    if (index == nullptr) return false;
    slot_place** grown = static_cast<slot_place**>(index);
    for (std::uint32_t i = 0; i < chunks; ++i) grown[i] = chunks_[i];
    pool_->release(chunks_);
    chunks_ = grown;
  }
  void* block = pool_->try_allocate(chunk_slots * sizeof(slot_place));
  if (block == nullptr) return false;
  slot_place* chunk = static_cast<slot_place*>(block);
  chunks_[chunks] = chunk;
  // From the last to the first, so that low slots are used first.
  for (std::uint32_t i = chunk_slots; i > 0; --i) {
    slot_place* added = ::new (chunk + i - 1) slot_place;
    added->value.ref.slot = slots_ + i - 1;
    added->next_free = free_;
    free_ = added;
  }
  slots_ += chunk_slots;
  return true;
}
}  // namespace ringrpc::http2
