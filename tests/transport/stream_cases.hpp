// SPDX-License-Identifier: MIT
//
// What holds for every byte stream of ours, as coroutines over two connected ones
// of any type: the promises in the comment of the concept `byte_stream`.
#pragma once

#include <doctest/doctest.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/io_result.hpp>

#include "beds.hpp"

namespace stream_cases {
using ringrpc::io_result;
using ringrpc::task;

/// A text that shows where bytes are lost or swapped.
inline std::string pattern(std::size_t bytes, unsigned seed) {
  std::string text(bytes, ' ');
  for (char& one : text) {
    seed = seed * 1'103'515'245U + 12'345U;
    one = static_cast<char>('!' + seed / 65'536U % 90U);
  }
  return text;
}

inline std::string errno_text(int number) { return ringrpc::errno_code(number).message(); }

/// Writes all of `text` in parts of odd sizes, two at a time.
/// @return the first error.
template <class S>
task<std::error_code> write_all(S& to, std::string_view text) {
  std::size_t step = 1;
  while (!text.empty()) {
    const std::size_t first = std::min(text.size(), step);
    const std::size_t second = std::min(text.size() - first, step / 2);
    char* const data = const_cast<char*>(text.data());
    const ::iovec parts[2] = {{data, first}, {data + first, second}};
    const std::span<const ::iovec> from{parts, second == 0 ? 1U : 2U};
    const io_result<std::size_t> written = co_await to.write_some(from);
    if (!written) co_return written.error();
    CHECK(*written >= 1);
    CHECK(*written <= first + second);
    text.remove_prefix(*written);
    step = step * 3 % 50'021;
    if (step % 5 == 0) co_await let_one_turn_pass();
  }
  co_return std::error_code{};
}

/// Reads until the end; an error is appended in words.
template <class S>
task<std::string> read_to_end(S& from) {
  std::string all;
  std::string buffer(30'011, '?');
  std::size_t step = 1;
  for (;;) {
    const std::span<std::byte> into{reinterpret_cast<std::byte*>(buffer.data()), step};
    const io_result<std::size_t> got = co_await from.read_some(into);
    if (!got) {
      all += " ERROR " + got.error().message();
      break;
    }
    if (*got == 0) break;
    CHECK(*got <= step);
    all.append(buffer, 0, *got);
    if (step % 3 == 0) co_await let_one_turn_pass();  // so that the writer finds part of the room
    step = step * 3 % buffer.size() + 1;
  }
  co_return all;
}

/// One read of up to 100 bytes: what it got, `END`, or the error in words.
template <class S>
task<std::string> read_once(S& from) {
  std::byte buffer[100];
  const io_result<std::size_t> got = co_await from.read_some(buffer);
  std::string text = got ? "END" : got.error().message();
  if (got && *got > 0) text = ringrpc::as_text(std::span{buffer, *got});
  co_return text;
}
template <class S>
task<std::string> read_bytes(S& from, std::size_t bytes) {
  std::string all;
  while (all.size() < bytes) {
    const std::string more = co_await read_once(from);
    all += more;
  }
  co_return all;
}
template <class S>
task<> read_once_into(S& from, std::optional<std::string>& outcome) {
  std::string text = co_await read_once(from);
  outcome = std::move(text);
}
template <class S>
task<> fill(S& to, std::size_t& written, std::optional<std::error_code>& outcome) {
  std::string block = pattern(10'000, 7);
  const ::iovec part{block.data(), block.size()};
  for (;;) {
    const io_result<std::size_t> put = co_await to.write_some(std::span{&part, 1});
    if (!put) {
      outcome = put.error();
      break;
    }
    written += *put;
  }
}
inline bool is_write_end(const std::error_code& error) {
  return error == std::errc::broken_pipe || error == std::errc::connection_reset ||
         error == std::errc::operation_canceled;
}
template <class S>
task<> half_close(S& one) {
  const io_result<void> done = co_await one.shutdown_write();
  CHECK(done);
}

template <class S>
task<> write_and_end(S& to, std::string text) {
  const std::error_code error = co_await write_all(to, text);
  CHECK_FALSE(error);
  co_await half_close(to);
}

/// `bytes` there, and fewer back at the same time.
template <class S>
task<> bytes_arrive_in_order_both_ways(S& a, S& b, std::size_t bytes) {
  const std::string there = pattern(bytes, 1);
  const std::string back = pattern(bytes / 3 * 2, 2);
  const auto ended = co_await ringrpc::when_all(read_to_end(b), read_to_end(a),
                                                write_and_end(a, there), write_and_end(b, back));
  CHECK((std::get<0>(ended) == there));
  CHECK((std::get<1>(ended) == back));
}

/// The end comes after the bytes and stays, and the other direction goes on.
template <class S>
task<> one_direction_ends_before_the_other(S& a, S& b) {
  const auto ended = co_await ringrpc::when_all(write_and_end(a, "last"), read_bytes(b, 4));
  CHECK(std::get<1>(ended) == "last");
  std::string got = co_await read_once(b);
  CHECK(got == "END");
  got = co_await read_once(b);
  CHECK(got == "END");
  const std::error_code error = co_await write_all(a, "x");
  CHECK(error == std::errc::broken_pipe);

  const auto back = co_await ringrpc::when_all(write_and_end(b, "back"), read_to_end(a));
  CHECK(std::get<1>(back) == "back");
  got = co_await read_once(a);
  CHECK(got == "END");
}

/// A writer whose peer does not read comes to a stand, and goes on with the reader.
template <class S>
task<> a_writer_waits_for_its_reader(S& a, S& b, std::size_t bytes_max) {
  const ringrpc::environment& here = co_await ringrpc::this_environment();
  ringrpc::task_scope scope{here};
  std::size_t written = 0;
  std::optional<std::error_code> outcome;
  scope.spawn(fill(a, written, outcome));
  co_await let_others_run();
  const std::size_t held = written;
  CHECK(held <= bytes_max);
  CHECK_FALSE(outcome.has_value());
  while (written == held) {  // a write may be one operation that ends with its last byte
    const std::string got = co_await read_once(b);
    CHECK(got != "END");
    co_await let_others_run();
  }
  b.abort();
  co_await scope.join();
  CHECK(outcome.has_value());
  CHECK(is_write_end(outcome.value_or(std::error_code{})));
}

/// Abort ends a pending read and write of its own side. What was written before
/// arrives, and then the end.
template <class S>
task<> abort_ends_what_is_pending(S& a, S& b) {
  const ringrpc::environment& here = co_await ringrpc::this_environment();
  ringrpc::task_scope scope{here};
  std::size_t written = 0;
  std::optional<std::error_code> write_outcome;
  std::optional<std::string> read_outcome;
  scope.spawn(read_once_into(a, read_outcome));
  scope.spawn(fill(a, written, write_outcome));
  co_await let_others_run();
  CHECK_FALSE(read_outcome.has_value());
  CHECK_FALSE(write_outcome.has_value());
  a.abort();
  a.abort();
  co_await scope.join();
  CHECK(read_outcome.value_or("") == "END");
  CHECK(is_write_end(write_outcome.value_or(std::error_code{})));
  const std::string rest = co_await read_to_end(b);
  CHECK(rest.size() >= written);  // the kernel may have taken more of the last write
  const std::error_code error = co_await write_all(b, "x");
  CHECK(is_write_end(error));
}

/// Abort of one side ends a pending read and write of the other.
template <class S>
task<> abort_ends_what_the_peer_waits_for(S& a, S& b) {
  const ringrpc::environment& here = co_await ringrpc::this_environment();
  ringrpc::task_scope scope{here};
  std::size_t written = 0;
  std::optional<std::error_code> write_outcome;
  std::optional<std::string> read_outcome;
  scope.spawn(read_once_into(b, read_outcome));
  scope.spawn(fill(b, written, write_outcome));
  co_await let_others_run();
  CHECK_FALSE(read_outcome.has_value());
  CHECK_FALSE(write_outcome.has_value());
  a.abort();
  co_await scope.join();
  CHECK(read_outcome.value_or("") == "END");
  CHECK(is_write_end(write_outcome.value_or(std::error_code{})));
}

template <class S>
task<> close_and_note(S& one, bool& closed) {
  co_await one.close();
  closed = true;
}
/// Close waits for a pending read, and ends the stream for the peer.
template <class S>
task<> close_waits_for_what_is_pending(S& a, S& b) {
  const ringrpc::environment& here = co_await ringrpc::this_environment();
  ringrpc::task_scope scope{here};
  std::optional<std::string> outcome;
  bool closed = false;
  scope.spawn(read_once_into(a, outcome));
  scope.spawn(close_and_note(a, closed));
  co_await let_others_run();
  CHECK_FALSE(outcome.has_value());
  CHECK_FALSE(closed);
  scope.request_stop();  // of the scope: the read heeds it, and then close ends
  co_await scope.join();
  CHECK(outcome.value_or("") == errno_text(ECANCELED));
  CHECK(closed);
  a.abort();
  const std::string at_peer = co_await read_once(b);
  CHECK(at_peer == "END");
}

/// A stop ends a pending read and a pending write, and no byte is lost by it.
template <class S>
task<> a_stop_ends_what_is_pending(S& a, S& b) {
  const ringrpc::environment& here = co_await ringrpc::this_environment();
  std::size_t written = 0;
  {
    ringrpc::task_scope scope{here};
    std::optional<std::string> read_outcome;
    std::optional<std::error_code> write_outcome;
    scope.spawn(read_once_into(a, read_outcome));
    scope.spawn(fill(a, written, write_outcome));
    co_await let_others_run();
    scope.request_stop();
    co_await scope.join();
    CHECK(read_outcome.value_or("") == errno_text(ECANCELED));
    CHECK(write_outcome.value_or(std::error_code{}) == std::errc::operation_canceled);
  }
  const auto later = co_await ringrpc::when_all(write_and_end(b, "kept"), read_to_end(a));
  CHECK(std::get<1>(later) == "kept");
  co_await half_close(a);
  const std::string got = co_await read_to_end(b);
  CHECK(got.size() == written);
}

/// A stream may die while its read is pending: the read ends, the peer reads the end.
template <class S>
task<> a_stream_may_die_with_a_read_pending(S a, S& b) {
  const ringrpc::environment& here = co_await ringrpc::this_environment();
  ringrpc::task_scope scope{here};
  std::optional<std::string> outcome;
  std::optional<S> dying{std::move(a)};
  scope.spawn(read_once_into(*dying, outcome));
  co_await let_others_run();
  dying.reset();
  co_await scope.join();
  CHECK(outcome.value_or("") == "END");
  const std::string at_peer = co_await read_once(b);
  CHECK(at_peer == "END");
}

/// All of the above. @param pair_maker  gives a new connected pair each time.
/// @param held_bytes_max  what a direction may hold before its writer waits.
template <class PairMaker>
task<> all(PairMaker make_pair, std::size_t bytes, std::size_t held_bytes_max) {
  {
    auto ends = make_pair();
    co_await bytes_arrive_in_order_both_ways(ends.first, ends.second, bytes);
  }
  {
    auto ends = make_pair();
    co_await one_direction_ends_before_the_other(ends.first, ends.second);
  }
  {
    auto ends = make_pair();
    co_await a_writer_waits_for_its_reader(ends.first, ends.second, held_bytes_max);
  }
  {
    auto ends = make_pair();
    co_await abort_ends_what_is_pending(ends.first, ends.second);
  }
  {
    auto ends = make_pair();
    co_await abort_ends_what_the_peer_waits_for(ends.first, ends.second);
  }
  {
    auto ends = make_pair();
    co_await close_waits_for_what_is_pending(ends.first, ends.second);
  }
  {
    auto ends = make_pair();
    co_await a_stop_ends_what_is_pending(ends.first, ends.second);
  }
  {
    auto ends = make_pair();
    co_await a_stream_may_die_with_a_read_pending(std::move(ends.first), ends.second);
  }
}
}  // namespace stream_cases
