// SPDX-License-Identifier: MIT
#include <ringrpc/transport/factories.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cerrno>
#include <string>
#include <utility>

#include <ringrpc/ring/sleep.hpp>
#include <ringrpc/transport/memory_transport.hpp>
#include <ringrpc/transport/unix_stream.hpp>

#include "beds.hpp"

using namespace ringrpc;
using namespace std::chrono_literals;

namespace {
/// Makes one end of a pair after a while, or fails; counts.
struct scripted {
  duration wait{};
  int error = 0;
  int* asked = nullptr;
  const char* name = "scripted";
  task<io_result<unix_stream>> connect(const connect_context& context) {
    if (asked != nullptr) ++*asked;
    if (wait > duration::zero()) {
      const bool slept = co_await sleep_for(wait);
      if (!slept) co_return io_failure(ECANCELED);
    }
    if (error != 0) co_return io_failure(error);
    io_result<std::pair<unix_stream, unix_stream>> pair = socket_pair(*context.home);
    if (!pair) co_return failure{pair.error()};
    co_return std::move(pair->first);
  }
  std::string text() const { return name; }
};
static_assert(connection_factory<scripted>);

template <class F>
std::error_code error_of(simulated_bed& bed, F factory, time_point deadline = never) {
  return bed.loop.run([](ring& home, F& by, time_point until) -> task<std::error_code> {
    const environment& here = co_await this_environment();
    const connect_context context{.deadline = until, .stop = here.stop, .home = &home};
    auto connecting = connect(by, context);
    auto made = co_await std::move(connecting);
    if (!made) co_return made.error();
    made->abort();
    co_await made->close();
    co_return std::error_code{};
  }(bed.loop, factory, deadline));
}
}  // namespace

TEST_CASE("factories: with_timeout ends an attempt that takes too long") {
  simulated_bed bed{1};
  CHECK_FALSE(error_of(bed, with_timeout(scripted{.wait = 1s}, 2s)));
  const time_point before = bed.loop.now();
  CHECK(error_of(bed, with_timeout(scripted{.wait = 1h}, 2s)) == std::errc::timed_out);
  CHECK(bed.loop.now() - before >= 2s);
  CHECK(bed.loop.now() - before < 3s);
  CHECK(error_of(bed, with_timeout(scripted{.error = ECONNREFUSED}, 2s)) ==
        std::errc::connection_refused);
  CHECK(with_timeout(scripted{}, 1s).text() == "scripted");
  CHECK(bed.kernel.open_descriptors() == 0);
}

TEST_CASE("factories: first_of tries the next where one fails, and tells the last error") {
  simulated_bed bed{2};
  int first = 0;
  int second = 0;
  const scripted good{.asked = &first};
  const scripted bad{.error = ECONNREFUSED, .asked = &second};
  CHECK_FALSE(error_of(bed, first_of(good, bad)));
  CHECK(first == 1);
  CHECK(second == 0);
  CHECK_FALSE(error_of(bed, first_of(bad, good)));
  CHECK(first == 2);
  CHECK(second == 1);
  CHECK(error_of(bed, first_of(scripted{.error = ENOENT}, bad)) == std::errc::connection_refused);
  CHECK(error_of(bed, first_of(bad, bad, scripted{.error = ENOENT})) ==
        std::errc::no_such_file_or_directory);
  CHECK_FALSE(error_of(bed, first_of(bad, bad, good)));
  CHECK(first_of(scripted{.name = "a"}, scripted{.name = "b"}, scripted{.name = "c"}).text() ==
        "a, or b, or c");
  CHECK_FALSE(error_of(bed, first_of(with_timeout(scripted{.wait = 1h}, 1s), good)));
  CHECK(bed.kernel.open_descriptors() == 0);
}

TEST_CASE("factories: first_of joins transports of different types") {
  simulated_bed bed{3};
  memory_transport wire{bed.loop};
  // Nobody listens there: the pair is made.
  CHECK_FALSE(error_of(bed, first_of(wire.factory(), scripted{})));
  const memory_listener listening = wire.listener();
  CHECK_FALSE(error_of(bed, first_of(wire.factory(), scripted{.error = ENOENT})));
  using either = either_stream<memory_stream, unix_stream>;
  CHECK(byte_stream<either>);
  CHECK_FALSE(has_native_socket<either>);
  CHECK(has_native_socket<either_stream<unix_stream, unix_stream>>);
}

TEST_CASE("factories: on_connect refuses a stream before anything is sent on it") {
  simulated_bed bed{4};
  const auto refuses = [](unix_stream& stream) {
    CHECK(stream.peer().uid() == ::geteuid());
    return std::make_error_code(std::errc::permission_denied);
  };
  CHECK(error_of(bed, on_connect(scripted{}, refuses)) == std::errc::permission_denied);
  const auto talks = [](unix_stream& stream) -> task<std::error_code> {
    std::byte byte{7};
    const ::iovec part{&byte, 1};
    const std::span<const ::iovec> parts{&part, 1};
    const io_result<std::size_t> sent = co_await stream.write_some(parts);
    // The other end of the pair is gone.
    co_return sent ? std::error_code{} : sent.error();
  };
  CHECK(error_of(bed, on_connect(scripted{}, talks)) == std::errc::broken_pipe);
  const auto agrees = [](unix_stream&) { return std::error_code{}; };
  CHECK_FALSE(error_of(bed, on_connect(scripted{}, agrees)));
  CHECK(error_of(bed, on_connect(scripted{.error = ENOENT}, refuses)) ==
        std::errc::no_such_file_or_directory);
  CHECK(bed.kernel.open_descriptors() == 0);
}
