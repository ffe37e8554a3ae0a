// SPDX-License-Identifier: MIT
//
// A program of its own in which each allocation of a call fails once, on either side:
// whatever it is, the process lives, every call ends, later ones succeed and nothing is
// left. malloc(3), of which pools take, is replaced by the linker (--wrap), so that a
// sanitizer still sees what is behind it.
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <ringrpc/ringrpc.hpp>

#include "../support/failing_memory.hpp"
#include "../transport/private_directory.hpp"

extern "C" {
// The names are the linker's.
void* __real_malloc(std::size_t bytes);
void* __wrap_malloc(std::size_t bytes) {
  return ringrpc::test::may_allocate() ? __real_malloc(bytes) : nullptr;
}
}

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
using echo = unary_method<"/test.Memory/Echo", std::string, std::string>;
using chat = bidi_streaming_method<"/test.Memory/Chat", std::string, std::string>;

void drop_log(log_level, std::string_view) noexcept {}

void add_handlers(server& to) {
  to.handle<echo>([](server_context& context, const std::string& in) -> task<result<std::string>> {
    static_cast<void>(context.trailers().add("x-size", std::to_string(in.size())));
    co_return in;
  });
  to.handle<chat>([](server_context&, reader<std::string>& in,
                     writer<std::string>& out) -> task<status> {
    while (std::string* message = co_await in.read()) {
      const bool queued = co_await out.write(*message);
      if (!queued) co_return cancelled("the client has gone");
    }
    co_return status{};
  });
}

channel_options impatient() {
  channel_options options;
  options.backoff.initial = 1ms;
  options.backoff.longest = 1ms;
  return options;
}

/// A call of each of two kinds. @return how many ended with OK.
task<int> make_calls(channel& to, call_options options) {
  const std::string request(20'000, 'x');  // more than a window: it is assembled
  int good = 0;
  const result<std::string> reply = co_await to.call<echo>(request, options);
  good += reply && *reply == request ? 1 : 0;
  auto talk = to.call<chat>(options);
  for (int i = 0; i < 2; ++i) {
    const bool queued = co_await talk.write(request);
    if (!queued) break;
    const std::string* message = co_await talk.read();
    if (message == nullptr) break;
  }
  talk.writes_done();
  const status end = co_await talk.finish();
  good += end.ok() ? 1 : 0;
  co_return good;
}

/// Calls while allocations fail, calls after that, the end.
task<> make_all_calls(channel& to, server& serving, const metadata& sent,
                      std::optional<test::failing_memory>& failing) {
  try {
    const int good = co_await make_calls(to, {.timeout = 20s, .metadata = &sent});
    CHECK(good <= 2);
  } catch (const std::bad_alloc&) {
    // thrown where the call was made, or by a frame of this test
  }
  failing.reset();
  int good = 0;
  // A connection that was short of memory ends, maybe with calls that were just made.
  for (int attempt = 0; good != 2 && attempt < 3; ++attempt) {
    good = co_await make_calls(to, {.timeout = 20s, .wait_for_ready = true});
  }
  CHECK(good == 2);
  co_await to.close();
  co_await serving.close();
  CHECK(serving.connections() == 0);
}

/// One server and one channel: calls with a failing allocation, then calls without.
/// @return false once no allocation was left that could fail.
template <class Listen, class Factory>
bool outlives(ring& home, Listen listen, Factory factory, std::size_t before, test::failing which) {
  server serving{home};
  add_handlers(serving);
  serving.listen(std::move(listen));
  channel to{home, std::move(factory), impatient()};
  metadata sent;
  REQUIRE(sent.add("x-trace-bin", std::string(300, 'y')).ok());
  std::optional<test::failing_memory> failing;
  task<> calls = make_all_calls(to, serving, sent, failing);
  failing.emplace(before, which);
  try {
    static_cast<void>(home.turn());  // starts what was spawned
  } catch (const std::bad_alloc&) {
    failing.reset();
  }
  home.run(std::move(calls));  // starts what is left of it
  failing.reset();
  return test::has_failed();
}

/// Each allocation fails in a world of its own. @return how many there were.
template <class World>
std::size_t each_allocation(test::failing which, World world) {
  std::size_t before = 0;
  for (;; ++before) {
    CAPTURE(before);
    if (!world(before, which)) break;
  }
  return before;
}
}  // namespace

TEST_CASE("one failed allocation ends a call or a connection, and nothing else") {
  const private_directory directory;
  int number = 0;
  const auto over_sockets = [&](std::size_t before, test::failing which) {
    ring home{ring_options{.log = &drop_log}};
    const std::string path = directory / std::to_string(++number);
    unix_listener from = unix_socket{path}.open(home);
    return outlives(home, std::move(from), unix_connector{path}, before, which);
  };
  const auto in_memory = [](std::size_t before, test::failing which) {
    ring home{ring_options{.log = &drop_log}};
    memory_transport wire{home};
    return outlives(home, wire.listener(), wire.factory(), before, which);
  };
  for (const test::failing which : {test::failing::one, test::failing::all_after}) {
    CAPTURE(static_cast<int>(which));
    CHECK(each_allocation(which, over_sockets) > 50);
    CHECK(each_allocation(which, in_memory) > 50);
  }
}
}  // namespace ringrpc::testing
