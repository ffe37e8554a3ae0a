// SPDX-License-Identifier: MIT
//
// The seam between HTTP/2 and what stands on it. An engine is the HTTP/2 state
// of one connection: bytes in, events out; headers and data in, bytes out. It
// knows no gRPC, does no I/O, reads no clock and starts no thread (sans-I/O).
// The connection above is compiled against one engine, chosen by a header of
// `rpc/`, so these concepts cost nothing at run time.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/output.hpp>
#include <ringrpc/base/slice.hpp>
#include <ringrpc/base/time.hpp>
#include <ringrpc/http2/errors.hpp>
#include <ringrpc/http2/headers.hpp>
#include <ringrpc/http2/limits.hpp>
#include <ringrpc/http2/results.hpp>
#include <ringrpc/http2/settings.hpp>
#include <ringrpc/http2/stream_ref.hpp>

namespace ringrpc::http2 {
/// Whom an engine tells what happened. All members are noexcept and none calls
/// back into the engine. They are called from inside `feed`, `gather` and `fail`
/// only. `user` is the stream's user pointer: set by `open`, or by the sink in
/// the on_headers of a request, so that the sink needs no look-up.
///
/// A stream that the sink was never told of (refused, malformed request) has no
/// events at all. Every other stream ends with exactly one on_closed.
///
/// - `on_headers(r, user, block, kind, end_stream)`: `user` by reference, null at
///   a request. The views in `block` die with the event.
/// - `on_data(r, user, bytes, flow_bytes, end_stream)`: `bytes` views what was
///   fed, or is empty. The sink gives `flow_bytes` back by credit_stream when it
///   has room again (not needed after end_stream or on_closed), and by
///   credit_connection in any case, also after the stream is gone. Padding, and
///   DATA that no sink sees, is credited by the engine.
/// - `on_reset(r, user, code)`: the stream is over, not by our `reset`: the peer's
///   RST_STREAM, its GOAWAY below this stream (refused_stream), or a breach that
///   the engine answered with RST_STREAM `code`. on_closed follows, maybe later;
///   between them the stream takes no data any more (it is ignored).
/// - `on_closed(r, user)`: last event of the stream; `r` is stale afterwards.
/// - `on_writable(r, user)`: bytes left the stream's queue and it is now below
///   `limits::queue_low_bytes`.
/// - `on_settings(settings)`: the peer's SETTINGS as they hold now. The first one
///   completes the connection preface.
/// - `on_settings_ack()`: the peer acknowledged ours, oldest first.
/// - `on_goaway(last_id, code, text)`: of the peer. At a client the streams above
///   `last_id` are reset right after. `text` dies with the event.
/// - `on_ping()`: the peer's PING, which the engine itself answers.
/// - `on_ping_ack(opaque)`: also one that answers no `ping`.
template <class S>
concept event_sink =
    requires(S& sink, stream_ref r, void*& user_place, void* user, const header_block& block,
             block_kind kind, std::span<const std::byte> bytes, std::uint32_t flow_bytes,
             bool end_stream, error_code code, const settings& peer, std::int32_t last_id,
             std::string_view text, std::uint64_t opaque) {
      { sink.on_headers(r, user_place, block, kind, end_stream) } noexcept;
      { sink.on_data(r, user, bytes, flow_bytes, end_stream) } noexcept;
      { sink.on_reset(r, user, code) } noexcept;
      { sink.on_closed(r, user) } noexcept;
      { sink.on_writable(r, user) } noexcept;
      { sink.on_settings(peer) } noexcept;
      { sink.on_settings_ack() } noexcept;
      { sink.on_goaway(last_id, code, text) } noexcept;
      { sink.on_ping() } noexcept;
      { sink.on_ping_ack(opaque) } noexcept;
    };

/// An engine `E` that tells a `Sink`. Made by
/// `E(role, const settings&, const limits&, memory_pool&, Sink&)`, which queues
/// the preface and SETTINGS and throws std::bad_alloc; pool and sink must outlive
/// it. Used by one thread. The destructor tells the sink nothing: call `fail`
/// first. A stale or wrong `stream_ref` is ignored everywhere.
///
/// - `feed(bytes, now)`: consumes all of `bytes`. After closing or fatal it must
///   not be called again; nothing is delivered then but by `fail`.
/// - `open(list, end_stream, user)`: client only; a request, with its HEADERS.
/// - `headers(r, list, end_stream)`: server only; the response headers, or all of
///   a Trailers-Only response. Once per stream, before `data` and `trailers`.
/// - `data(r, slice, end_stream)`: appends. Without an owner the bytes are copied
///   now, else a reference is held until they left the output.
/// - `trailers(r, list)`: appends the last block.
///   All four queue without limit and never fail: mistakes and lack of memory
///   come as on_reset(internal_error). What is queued leaves in `gather`.
/// - `queued(r)`, `queued()`: payload bytes of the stream and of all streams that
///   were not gathered yet: the writer's quota.
/// - `block_open()`: a header block has begun to arrive and is not complete.
/// - `credit_stream(r, n)`, `credit_connection(n)`: n bytes that on_data reported
///   are consumed. The engine batches them into WINDOW_UPDATE frames.
/// - `raise_window(r, n)`: the peer may send n bytes more on the stream, at once,
///   beyond what it was credited.
/// - `receive_window(r)`: bytes that the peer may still send on the stream once it knows our
///   SETTINGS, counting all that was credited and raised, announced already or not.
///   Below zero where it has sent more than these allow.
/// - `reset(r, code)`: RST_STREAM. Drops what is queued, but for no_error, which
///   leaves after an end that `data` or `trailers` queued (wire rule 27).
///   No on_reset follows; on_closed does.
/// - `goaway(last_id, code, text)`: sends GOAWAY. With 2^31-1 a notice only; any
///   other makes later streams of the peer be refused. May be called again with a
///   lower id. `text` up to 1 KiB is copied.
/// - `last_processed_id()`: the highest stream of the peer that the sink was told
///   of: the real last id of a drain.
/// - `ping(opaque)`, `update_settings(settings)`: queue a PING, or a SETTINGS with
///   what differs from the last.
/// - `gather(out, n, now)`: appends frames to `out` until about n bytes (a frame
///   more at most) or its room are used; DATA of the streams in turns. Returns how
///   many bytes. 0 although wants_write(): no room, no memory, or no window.
/// - `wants_write()`: `gather` would produce something.
/// - `call_frames()`: how many HEADERS and DATA frames were gathered, modulo 2^32.
/// - `reply_bytes()`, `reply_count()`: our replies that were not gathered yet, the
///   bytes at most; compare with `limits::reply_bytes_max` and `reply_count_max`.
/// - `user(r)`: null for a stale one. `set_user(r, user)`.
/// - `peer_settings()`, `open_streams()`; `next_id()`: what `open` gives next.
/// - `closed()`: nothing will be read any more and nothing is left to gather.
/// - `fail(code)`: the connection is lost or given up: on_closed for each stream,
///   no on_reset, nothing is sent; all other members do nothing from now on.
template <class E, class Sink>
concept engine =
    event_sink<Sink> && std::constructible_from<E, role, const settings&, const limits&,
                                                memory_pool&, Sink&> &&
    requires(E& e, const E& c, time_point now, std::span<const std::byte> bytes, stream_ref r,
             const header_list& list, const slice& part, error_code code, std::uint32_t n,
             output& out, bool end_stream, void* user, std::string_view text, std::int32_t last_id,
             std::uint64_t opaque, const settings& ours) {
      { e.feed(bytes, now) } noexcept -> std::same_as<feed_status>;
      { e.open(list, end_stream, user) } noexcept -> std::same_as<open_result>;
      { e.headers(r, list, end_stream) } noexcept;
      { e.data(r, part, end_stream) } noexcept;
      { e.trailers(r, list) } noexcept;
      { c.queued(r) } noexcept -> std::same_as<std::uint32_t>;
      { c.queued() } noexcept -> std::same_as<std::uint32_t>;
      { c.block_open() } noexcept -> std::same_as<bool>;
      { e.credit_stream(r, n) } noexcept;
      { e.credit_connection(n) } noexcept;
      { e.raise_window(r, n) } noexcept;
      { c.receive_window(r) } noexcept -> std::same_as<std::int64_t>;
      { e.reset(r, code) } noexcept;
      { e.goaway(last_id, code, text) } noexcept;
      { c.last_processed_id() } noexcept -> std::same_as<std::int32_t>;
      { e.ping(opaque) } noexcept;
      { e.update_settings(ours) } noexcept;
      { e.gather(out, n, now) } noexcept -> std::same_as<std::uint32_t>;
      { c.wants_write() } noexcept -> std::same_as<bool>;
      { c.call_frames() } noexcept -> std::same_as<std::uint32_t>;
      { c.reply_bytes() } noexcept -> std::same_as<std::uint32_t>;
      { c.reply_count() } noexcept -> std::same_as<std::uint32_t>;
      { c.user(r) } noexcept -> std::same_as<void*>;
      { e.set_user(r, user) } noexcept;
      { c.peer_settings() } noexcept -> std::same_as<const settings&>;
      { c.open_streams() } noexcept -> std::same_as<std::uint32_t>;
      { c.next_id() } noexcept -> std::same_as<std::int32_t>;
      { c.closed() } noexcept -> std::same_as<bool>;
      { e.fail(code) } noexcept;
    };
}  // namespace ringrpc::http2
