// SPDX-License-Identifier: MIT
//
// A program of its own that counts all memory which it takes from the C library: a
// unary call takes none once everything has been as large as it gets, on neither side,
// where the messages are reused. Frames are pooled, calls are pooled, nghttp2 has its
// memory from the ring's pool.
#include <doctest/doctest.h>
#include <google/protobuf/wrappers.pb.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <ringrpc/ringrpc.hpp>
#include <ringrpc/rpc/protobuf.hpp>

extern "C" {
// What glibc's own functions are called behind the names that are replaced here.
void* __libc_malloc(std::size_t bytes) noexcept;
void* __libc_calloc(std::size_t count, std::size_t bytes) noexcept;
void* __libc_realloc(void* block, std::size_t bytes) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t bytes) noexcept;
}

namespace {
constinit std::size_t taken = 0;
}

extern "C" {
void* malloc(std::size_t bytes) noexcept {
  ++taken;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  ++taken;
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) noexcept {
  ++taken;
  return __libc_realloc(block, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  ++taken;
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  ++taken;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) noexcept {
  ++taken;
  *block = __libc_memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}
}

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
using bytes_message = google::protobuf::BytesValue;
using raw = unary_method<"/test.Steady/Raw", std::string, std::string>;
using proto = unary_method<"/test.Steady/Proto", bytes_message, bytes_message>;

constexpr int warm_up = 3000;
constexpr int measured = 10'000;

/// A server and a channel on one ring, over a socket pair or in memory.
class steady {
public:
  explicit steady(ring& home) : home_(home), serving_(home) {
    serving_.handle<raw>([](server_context& context, const std::string& in,
                            std::string& out) -> task<status> {
      answer_metadata(context);
      out = in;
      co_return status{};
    });
    serving_.handle<proto>([](server_context& context, const bytes_message& in,
                              bytes_message& out) -> task<status> {
      answer_metadata(context);
      out.set_value(in.value());
      co_return status{};
    });
  }
  channel connect_by_sockets() {
    io_result<std::pair<unix_stream, unix_stream>> ends = socket_pair(home_);
    REQUIRE(ends);
    serving_.attach(std::move(ends->second));
    return channel{home_, one_stream{std::make_shared<unix_stream>(std::move(ends->first))}};
  }
  task<> close() { return serving_.close(); }

private:
  static void answer_metadata(server_context& context) {
    if (!context.metadata().get("x-trace")) return;
    static_cast<void>(context.headers().add("x-header", "some value that is longer than nothing"));
    static_cast<void>(context.trailers().add("x-trailer-bin", "some bytes"));
  }
  /// Gives one stream, once.
  struct one_stream {
    std::shared_ptr<unix_stream> held;
    task<io_result<unix_stream>> connect(const connect_context&) const { return give(held); }
    static task<io_result<unix_stream>> give(std::shared_ptr<unix_stream> from) {
      co_return std::move(*from);
    }
  };

  ring& home_;
  server serving_;
};

/// Makes `count` calls one after the other. @return how many were good.
template <class M, class Message>
task<int> make_calls(channel& to, const Message& request, Message& reply, int count,
                     call_options options) {
  int good = 0;
  for (int i = 0; i < count; ++i) {
    auto call = to.call<M>(request, reply, options);
    const status end = co_await call;
    good += end.ok() ? 1 : 0;
  }
  co_return good;
}

/// What `measured` calls took from the C library after the warm-up.
template <class M, class Message>
task<std::size_t> taken_by(channel& to, Message request, call_options options) {
  Message reply;
  const int warm = co_await make_calls<M>(to, request, reply, warm_up, options);
  CHECK(warm == warm_up);
  const std::size_t before = taken;
  const int good = co_await make_calls<M>(to, request, reply, measured, options);
  const std::size_t after = taken;
  CHECK(good == measured);
  co_return after - before;
}
bytes_message message_of(std::size_t bytes) {
  bytes_message made;
  made.set_value(std::string(bytes, 'x'));
  return made;
}
}  // namespace

TEST_CASE("the counter counts operator new and the functions of C") {
  const std::size_t before = taken;
  void* block = ::operator new(1000);  // by malloc
  CHECK(taken == before + 1);
  ::operator delete(block);
  std::free(std::calloc(10, 10));
  CHECK(taken == before + 2);
}

TEST_CASE("a unary call allocates nothing, whatever it carries") {
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    ring home{ring_options{.always_arm = always_arm}};
    home.run([](ring& on) -> task<> {
      steady served{on};
      channel to = served.connect_by_sockets();
      metadata sent;
      CHECK(sent.add("x-trace", "0123456789012345678901234567890123456789").ok());
      CHECK(sent.add("x-trace-bin", "0123456789").ok());
      for (const std::size_t bytes : {std::size_t{0}, std::size_t{64}, std::size_t{3000},
                                      std::size_t{9000}}) {
        CAPTURE(bytes);
        const std::string text(bytes, 'x');
        const bytes_message message = message_of(bytes);
        const std::size_t plain = co_await taken_by<raw>(to, text, {});
        CHECK(plain == 0);
        const std::size_t with_deadline = co_await taken_by<raw>(to, text, {.timeout = 10s});
        CHECK(with_deadline == 0);
        const std::size_t with_metadata = co_await taken_by<raw>(to, text, {.metadata = &sent});
        CHECK(with_metadata == 0);
        const std::size_t of_protobuf = co_await taken_by<proto>(to, message, {.timeout = 10s});
        CHECK(of_protobuf == 0);
      }
      co_await to.close();
      co_await served.close();
    }(home));
  }
}

TEST_CASE("64 calls at once allocate nothing either") {
  ring home;
  home.run([](ring& on) -> task<> {
    steady served{on};
    channel to = served.connect_by_sockets();
    const std::string request(64, 'x');
    constexpr std::size_t at_once = 64;
    std::vector<std::string> replies(at_once);
    std::vector<unary_fill_call> calls;
    calls.reserve(at_once);
    std::size_t before = 0;
    int good = 0;
    constexpr int rounds = 2000;
    for (int round = 0; round < rounds; ++round) {
      if (round == rounds / 2) before = taken;
      for (std::size_t i = 0; i < at_once; ++i) {
        calls.push_back(to.call<raw>(request, replies[i], {.timeout = 10s}));
      }
      for (unary_fill_call& one : calls) {
        const status end = co_await one;
        good += end.ok() ? 1 : 0;
      }
      calls.clear();
    }
    const std::size_t after = taken;
    CHECK(good == rounds * static_cast<int>(at_once));
    CHECK(after - before == 0);
    co_await to.close();
    co_await served.close();
  }(home));
}
}  // namespace ringrpc::testing
