// SPDX-License-Identifier: MIT
#include <ringrpc/transport/memory_stream.hpp>

#include <doctest/doctest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/ring/ring.hpp>

#include "../support/seeds.hpp"
#include "beds.hpp"
#include "stream_cases.hpp"

using namespace ringrpc;

namespace {
auto pairs_of(ring& home, std::size_t buffer_bytes) {
  return [&home, buffer_bytes] { return memory_pair(home, buffer_bytes); };
}
task<> holds_exactly(ring& home, std::size_t buffer_bytes) {
  std::pair<memory_stream, memory_stream> ends = memory_pair(home, buffer_bytes);
  std::string block(buffer_bytes * 2, 'x');
  const ::iovec part{block.data(), block.size()};
  const io_result<std::size_t> written = co_await ends.first.write_some(std::span{&part, 1});
  CHECK(written.value_or(0) == buffer_bytes);
}
}  // namespace

TEST_CASE("memory_stream: it keeps the promises of a byte stream, whatever its buffers hold") {
  for (const std::size_t buffer_bytes : {std::size_t{1}, std::size_t{7}, std::size_t{4096},
                                         memory_buffer_bytes_default}) {
    CAPTURE(buffer_bytes);
    real_bed bed;
    bed.loop.run(stream_cases::all(pairs_of(bed.loop, buffer_bytes), 30'000, buffer_bytes));
  }
}

TEST_CASE("memory_stream: it keeps them on a simulated kernel, and uses no descriptor") {
  testing::for_each_seed(1, 5, [](std::uint64_t seed) {
    simulated_bed bed{seed};
    bed.loop.run(stream_cases::all(pairs_of(bed.loop, 100), 3'000, 100));
    CHECK(bed.kernel.open_descriptors() == 0);
  });
}

TEST_CASE("memory_stream: a direction holds what was asked for, and 64 KiB by default") {
  real_bed bed;
  bed.loop.run(holds_exactly(bed.loop, 10));
  bed.loop.run(holds_exactly(bed.loop, memory_buffer_bytes_default));
  CHECK(memory_buffer_bytes_default == 65'536);
}

TEST_CASE("memory_stream: a pipe goes round its buffer, whatever is taken and put at a time") {
  const std::string sent = stream_cases::pattern(5'000, 3);
  for (std::size_t capacity = 1; capacity < 12; ++capacity) {
    for (std::size_t step = 1; step < 12; ++step) {
      CAPTURE(capacity);
      CAPTURE(step);
      detail::memory_pipe pipe{capacity};
      std::string got;
      std::size_t put = 0;
      while (got.size() < sent.size()) {
        const std::size_t most = std::min(step, sent.size() - put);
        char* const data = const_cast<char*>(sent.data()) + put;
        const ::iovec parts[2] = {{data, most / 2}, {data + most / 2, most - most / 2}};
        put += pipe.put(parts);
        std::byte into[12];
        const std::size_t taken = pipe.take(std::span{into, 1 + put % 5});
        got += as_text(std::span{into, taken});
      }
      CHECK((got == sent));
    }
  }
}

TEST_CASE("memory_stream: without a buffer it holds one byte, or nothing would ever arrive") {
  real_bed bed;
  bed.loop.run(stream_cases::all(pairs_of(bed.loop, 0), 1'000, 1));
}

TEST_CASE("memory_stream: the peer is this process") {
  real_bed bed;
  const std::pair<memory_stream, memory_stream> ends = memory_pair(bed.loop);
  CHECK(ends.first.peer().text() == "memory uid=" + std::to_string(::geteuid()) +
                                        " pid=" + std::to_string(::getpid()));
  CHECK(peer_of(ends.second).uid() == ::geteuid());
  CHECK_FALSE(has_native_socket<memory_stream>);
}

TEST_CASE("memory_stream: assignment ends the stream that was there") {
  real_bed bed;
  std::pair<memory_stream, memory_stream> one = memory_pair(bed.loop);
  std::pair<memory_stream, memory_stream> two = memory_pair(bed.loop);
  one.first = std::move(two.second);
  CHECK(bed.loop.run(stream_cases::read_once(one.second)) == "END");
  CHECK_FALSE(bed.loop.run(stream_cases::write_all(one.first, "hello")));
  CHECK(bed.loop.run(stream_cases::read_once(two.first)).starts_with("h"));
}
