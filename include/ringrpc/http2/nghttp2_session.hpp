// SPDX-License-Identifier: MIT
//
// An nghttp2_session as this library wants it: owned, with memory from the pool,
// and with the options that hand validation, windows and limits over to us.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/http2/headers.hpp>
#include <ringrpc/http2/limits.hpp>
#include <ringrpc/http2/results.hpp>

namespace ringrpc::http2 {
/// Deleters for the handles of nghttp2.
struct nghttp2_deleter {
  void operator()(nghttp2_session* session) const noexcept { nghttp2_session_del(session); }
  void operator()(nghttp2_session_callbacks* callbacks) const noexcept {
    nghttp2_session_callbacks_del(callbacks);
  }
  void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};
using session_handle = std::unique_ptr<nghttp2_session, nghttp2_deleter>;
using callbacks_handle = std::unique_ptr<nghttp2_session_callbacks, nghttp2_deleter>;

/// Memory for one session, from a pool. nghttp2 1.52 is not safe where an allocation
/// fails within a call (nghttp2_submit_data frees what its queue still holds), so the
/// pool's reserve is taken then, and the session is to be ended. Immovable; must
/// outlive the session.
class nghttp2_memory {
public:
  /// @param pool  must outlive this. @throws std::bad_alloc  where memory is short.
  explicit nghttp2_memory(memory_pool& pool) : pool_(pool) { pool.keep_reserve(); }
  nghttp2_memory(const nghttp2_memory&) = delete;
  nghttp2_memory& operator=(const nghttp2_memory&) = delete;

  /// Whether memory was short at any time.
  [[nodiscard]] bool was_short() const noexcept { return was_short_; }
  /// For nghttp2, which copies it.
  [[nodiscard]] nghttp2_mem functions() noexcept;

private:
  void* allocate(std::size_t bytes) noexcept {
    void* block = pool_.try_allocate(bytes);
    if (block != nullptr) return block;
    was_short_ = true;
    return pool_.take_reserve(bytes);
  }
  void* allocate_zeros(std::size_t count, std::size_t bytes) noexcept {
    if (bytes != 0 && count > SIZE_MAX / bytes) return nullptr;
    void* block = allocate(count * bytes);
    return block == nullptr ? nullptr : std::memset(block, 0, count * bytes);
  }
  void* reallocate(void* block, std::size_t bytes) noexcept {
    if (block != nullptr && memory_pool::usable_bytes(block) >= bytes) return block;
    void* grown = allocate(bytes);
    if (grown == nullptr || block == nullptr) return grown;
    std::memcpy(grown, block, memory_pool::usable_bytes(block));
    pool_.release(block);
    return grown;
  }
  static nghttp2_memory& of(void* user) noexcept { return *static_cast<nghttp2_memory*>(user); }

  memory_pool& pool_;
  bool was_short_ = false;
};

inline nghttp2_mem nghttp2_memory::functions() noexcept {
  return {
      .mem_user_data = this,
      .malloc = [](std::size_t bytes, void* user) noexcept { return of(user).allocate(bytes); },
      .free = [](void* block, void* user) noexcept { of(user).pool_.release(block); },
      .calloc = [](std::size_t count, std::size_t bytes,
                   void* user) noexcept { return of(user).allocate_zeros(count, bytes); },
      .realloc = [](void* block, std::size_t bytes,
                    void* user) noexcept { return of(user).reallocate(block, bytes); },
  };
}

/// nghttp2's own limit of resets: Debian 12's 1.52 has it, other 1.52 do not, so the
/// function itself is asked for, not a version.
template <class Option>
concept has_reset_limit = requires(Option* option) {
  nghttp2_option_set_stream_reset_rate_limit(option, 1ULL, 1ULL);
};
/// nghttp2's own limit of CONTINUATION frames, likewise.
template <class Option>
concept has_continuation_limit =
    requires(Option* option) { nghttp2_option_set_max_continuations(option, std::size_t{1}); };
/// nghttp2's own limit of protocol breaches (since 1.67).
template <class Option>
concept has_glitch_limit =
    requires(Option* option) { nghttp2_option_set_glitch_rate_limit(option, 1ULL, 1ULL); };

/// Sets nghttp2's own rate limits out of the way, for they read a clock and cut off
/// honest peers: 1000 cancelled calls at once are enough. Ours stand in front.
template <class Option>
void lift_rate_limits(Option* option, const limits& bounds) noexcept {
  constexpr std::uint64_t never_reached = 1'000'000'000;
  if constexpr (has_reset_limit<Option>) {
    nghttp2_option_set_stream_reset_rate_limit(option, never_reached, never_reached);
  }
  if constexpr (has_continuation_limit<Option>) {
    nghttp2_option_set_max_continuations(option, std::size_t{bounds.continuations_max} + 1);
  }
  if constexpr (has_glitch_limit<Option>) {
    nghttp2_option_set_glitch_rate_limit(option, never_reached, never_reached);
  }
}

/// Makes a session.
/// @param user  what the callbacks are given. @param memory  must outlive the session.
/// @throws std::bad_alloc  when memory is short.
[[nodiscard]] inline session_handle make_session(role side, const limits& bounds,
                                                 nghttp2_memory& memory,
                                                 const nghttp2_session_callbacks& callbacks,
                                                 void* user) {
  nghttp2_option* made_option = nullptr;
  if (nghttp2_option_new(&made_option) != 0) throw std::bad_alloc{};
  const std::unique_ptr<nghttp2_option, nghttp2_deleter> option{made_option};
  nghttp2_option_set_no_auto_window_update(made_option, 1);
  nghttp2_option_set_no_http_messaging(made_option, 1);
  nghttp2_option_set_no_recv_client_magic(made_option, 1);  // frame_walker's part
  nghttp2_option_set_no_closed_streams(made_option, 1);
  nghttp2_option_set_max_reserved_remote_streams(made_option, 0);
  nghttp2_option_set_max_outbound_ack(made_option, 10'000);
  lift_rate_limits(made_option, bounds);

  nghttp2_mem functions = memory.functions();
  nghttp2_session* session = nullptr;
  const auto make =
      side == role::client ? &nghttp2_session_client_new3 : &nghttp2_session_server_new3;
  if (make(&session, &callbacks, user, made_option, &functions) != 0) throw std::bad_alloc{};
  return session_handle{session};
}

/// A header_list in nghttp2's form: the template's fields by reference, the others
/// to be copied by nghttp2. Lives as long as the list.
class nghttp2_fields {
public:
  /// @param pool  for lists of more than 32 fields; must outlive this.
  nghttp2_fields(memory_pool& pool, const header_list& list) noexcept;
  nghttp2_fields(const nghttp2_fields&) = delete;
  nghttp2_fields& operator=(const nghttp2_fields&) = delete;
  ~nghttp2_fields() {
    if (data_ != &local_[0]) pool_.release(data_);
  }

  /// Null where memory is short.
  [[nodiscard]] const nghttp2_nv* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  static nghttp2_nv field_of(const header_field& field, int flags) noexcept {
    if (field.never_index) flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    // nghttp2 does not write through these; C has no way to say so.
    return {.name = bytes_of(field.name),
            .value = bytes_of(field.value),
            .namelen = field.name.size(),
            .valuelen = field.value.size(),
            .flags = static_cast<std::uint8_t>(flags)};
  }
  static std::uint8_t* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }

  memory_pool& pool_;
  nghttp2_nv* data_;
  std::size_t size_;
  nghttp2_nv local_[32];
};

inline nghttp2_fields::nghttp2_fields(memory_pool& pool, const header_list& list) noexcept
    : pool_(pool), data_(&local_[0]) {
  const std::span<const header_field> fixed =
      list.fixed == nullptr ? std::span<const header_field>{} : list.fixed->fields;
  size_ = fixed.size() + list.extra.size();
  if (size_ > std::size(local_)) {
    data_ = static_cast<nghttp2_nv*>(pool.try_allocate(size_ * sizeof(nghttp2_nv)));
    if (data_ == nullptr) return;
  }
  nghttp2_nv* next = data_;
  for (const header_field& field : fixed) {
    *next++ = field_of(field, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
  }
  for (const header_field& field : list.extra) *next++ = field_of(field, NGHTTP2_NV_FLAG_NONE);
}
}  // namespace ringrpc::http2
