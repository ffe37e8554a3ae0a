// SPDX-License-Identifier: MIT
#include <ringrpc/transport/either_stream.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include <ringrpc/transport/memory_stream.hpp>
#include <ringrpc/transport/unix_stream.hpp>

#include "beds.hpp"

using namespace ringrpc;
using either = either_stream<memory_stream, unix_stream>;

namespace {
/// Sends a text one way and the end after it; both are read.
task<> talk(either from, either into) {
  std::string text = "hello";
  const ::iovec part{text.data(), text.size()};
  const std::span<const ::iovec> parts{&part, 1};
  const io_result<std::size_t> sent = co_await from.write_some(parts);
  REQUIRE(sent);
  const io_result<void> shut = co_await from.shutdown_write();
  CHECK(shut);
  std::string got;
  for (;;) {
    std::string piece(3, '\0');
    const std::span<std::byte> room = std::as_writable_bytes(std::span{piece});
    const io_result<std::size_t> read = co_await into.read_some(room);
    REQUIRE(read);
    if (*read == 0) break;
    got += piece.substr(0, *read);
  }
  CHECK(got == text.substr(0, *sent));
  from.abort();
  into.abort();
  co_await from.close();
  co_await into.close();
}
}  // namespace

TEST_CASE("either_stream: each kind reads, writes and ends as it does alone") {
  simulated_bed bed{5};
  std::pair<memory_stream, memory_stream> memory = memory_pair(bed.loop, 64);
  CHECK_FALSE(either{std::move(memory.first)}.peer().text().empty());
  memory = memory_pair(bed.loop, 64);
  bed.loop.run(talk(either{std::move(memory.first)}, either{std::move(memory.second)}));
  io_result<std::pair<unix_stream, unix_stream>> sockets = socket_pair(bed.loop);
  REQUIRE(sockets);
  bed.loop.run(talk(either{std::move(sockets->first)}, either{std::move(sockets->second)}));
  CHECK(bed.kernel.open_descriptors() == 0);
}
