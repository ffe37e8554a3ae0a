// SPDX-License-Identifier: MIT
//
// Connections over transports that fail: in accept, in a handshake, in the middle, by
// an error or an exception. Server and channel live on.
#include <doctest/doctest.h>
#include <sys/uio.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>

#include "../http2/wire.hpp"
#include "../transport/private_directory.hpp"
#include "echo.hpp"
#include "forwarding_backend.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
/// What the members of a moody transport do next.
struct mood {
  std::deque<int> accept_errors;  ///< errno, or -1: throws; before each connection
  std::deque<int> establish_errors;
  std::vector<time_point> accepts;
  // Of streams that are made from now on:
  std::size_t reads_left = SIZE_MAX;  ///< then a read throws
  std::size_t writes_left = SIZE_MAX;
  bool shutdown_throws = false;
  bool close_throws = false;
};

/// A memory stream that may throw.
class moody_stream {
public:
  moody_stream(memory_stream over, const mood& of)
      : over_(std::move(over)),
        reads_(of.reads_left),
        writes_(of.writes_left),
        shutdown_throws_(of.shutdown_throws),
        close_throws_(of.close_throws) {}

  task<io_result<std::size_t>> read_some(std::span<std::byte> into) {
    if (reads_-- == 0) throw std::system_error{std::make_error_code(std::errc::bad_message)};
    return over_.read_some(into);
  }
  task<io_result<std::size_t>> write_some(std::span<const ::iovec> from) {
    if (writes_-- == 0) throw std::runtime_error{"secret"};
    return over_.write_some(from);
  }
  task<io_result<void>> shutdown_write() {
    if (shutdown_throws_) throw std::bad_alloc{};
    return over_.shutdown_write();
  }
  void abort() noexcept { over_.abort(); }
  task<> close() {
    if (close_throws_) throw std::bad_alloc{};
    return over_.close();
  }

private:
  memory_stream over_;
  std::size_t reads_;
  std::size_t writes_;
  bool shutdown_throws_;
  bool close_throws_;
};
static_assert(byte_stream<moody_stream>);

class moody_listener {
public:
  using accepted_type = memory_stream;
  using stream_type = moody_stream;
  moody_listener(memory_listener over, std::shared_ptr<mood> of, ring& home)
      : over_(std::move(over)), mood_(std::move(of)), home_(&home) {}

  task<io_result<memory_stream>> accept() {
    mood_->accepts.push_back(home_->now());
    if (mood_->accept_errors.empty()) return over_.accept();
    const int next = mood_->accept_errors.front();
    mood_->accept_errors.pop_front();
    if (next < 0) throw std::bad_alloc{};
    return fail<memory_stream>(next);
  }
  task<io_result<moody_stream>> establish(memory_stream accepted) {
    if (!mood_->establish_errors.empty()) {
      const int next = mood_->establish_errors.front();
      mood_->establish_errors.pop_front();
      if (next < 0) throw std::runtime_error{"handshake"};
      return fail<moody_stream>(next);
    }
    return wrap(std::move(accepted), mood_);
  }
  void stop() noexcept { over_.stop(); }
  std::string text() const { return "moody"; }

private:
  template <class T>
  static task<io_result<T>> fail(int error) {
    co_return io_failure(error);
  }
  static task<io_result<moody_stream>> wrap(memory_stream accepted, std::shared_ptr<mood> of) {
    co_return moody_stream{std::move(accepted), *of};
  }
  memory_listener over_;
  std::shared_ptr<mood> mood_;
  ring* home_;
};
static_assert(listener<moody_listener>);

/// Runs `body(bed, server, channel, mood)`; both sides in memory.
template <class Body>
void with_moody_server(Body body) {
  bed here;
  here.run([](bed& on, Body inside) -> task<> {
    const auto temper = std::make_shared<mood>();
    server serving{on.home()};
    serving.emplace<echo_service>();
    serving.listen(moody_listener{on.memory().listener(), temper, on.home()});
    channel_options options;
    options.backoff.jitter = 0;
    channel to{on.home(), on.memory().factory(), options};
    co_await inside(on, serving, to, *temper);
    co_await to.close();
    co_await serving.close();
    CHECK(serving.connections() == 0);
  }(here, body));
}
}  // namespace

TEST_CASE("accept waits 100 ms when descriptors or memory are short, and goes on") {
  with_moody_server([](bed& on, server&, channel& to, mood& temper) -> task<> {
    temper.accept_errors = {EMFILE, ENFILE, ENOBUFS, ENOMEM, -1};
    const status first = co_await large_call(to);  // the accept that is pending already
    CHECK(first.ok());
    channel other{on.home(), on.memory().factory()};
    const time_point began = on.home().now();
    const status end = co_await large_call(other);
    CHECK(end.ok());
    co_await other.close();
    CHECK(on.home().now() - began >= 400ms);
    CHECK(on.home().now() - began < 600ms);
    CHECK(was_logged("moody: accept failed: "));
  });
}

TEST_CASE("an error of one connection delays no other") {
  with_moody_server([](bed& on, server&, channel& to, mood& temper) -> task<> {
    temper.accept_errors = {ECONNABORTED, EPERM, EPROTO, ECONNABORTED};
    const time_point began = on.home().now();
    const status first = co_await large_call(to);
    CHECK(first.ok());
    channel other{on.home(), on.memory().factory()};
    const status end = co_await large_call(other);
    CHECK(end.ok());
    CHECK(temper.accept_errors.empty());
    CHECK(on.home().now() - began < 1ms);
    co_await other.close();
  });
}

TEST_CASE("a listener that only fails does not keep the ring from sleeping") {
  with_moody_server([](bed& on, server&, channel& to, mood& temper) -> task<> {
    temper.accept_errors.assign(1000, EBADF);
    const status first = co_await large_call(to);
    CHECK(first.ok());
    channel other{on.home(), on.memory().factory()};
    const time_point began = on.home().now();
    const status end = co_await large_call(other, {.timeout = 1s});
    CHECK(end.code() == status_code::deadline_exceeded);
    co_await other.close();
    CHECK(on.home().now() - began >= 1s);
    CHECK(temper.accepts.size() < 500);
    CHECK(log_texts.size() < 20);
    temper.accept_errors.clear();
  });
}

TEST_CASE("a handshake that fails or throws ends its connection and no other") {
  with_moody_server([](bed& on, server& serving, channel& to, mood& temper) -> task<> {
    const status good = co_await large_call(to);
    CHECK(good.ok());
    temper.establish_errors = {EPROTO, -1};
    for (int i = 0; i < 2; ++i) {
      channel other{on.home(), on.memory().factory()};
      const status refused = co_await large_call(other);
      CHECK(refused.code() == status_code::unavailable);
      co_await other.close();
    }
    CHECK(temper.establish_errors.empty());
    CHECK(serving.connections() == 1);
    const status still = co_await large_call(to);
    CHECK(still.ok());
    CHECK(was_logged("moody: connection refused: "));
    CHECK_FALSE(was_logged("handshake"));
  });
}

TEST_CASE("a socket whose policy refuses a client says so on both sides, and goes on") {
  static const peer_policy every_second = allow::when("every second one", [](const peer_info&) {
    static int asked = 0;
    return ++asked % 2 == 0;
  });
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    const private_directory place;
    log_texts.clear();
    ring_options options;
    options.log = &keep_log;
    options.always_arm = always_arm;
    ring home{std::move(options)};
    home.run([](ring& on, std::string path) -> task<> {
      server serving{on};
      serving.emplace<echo_service>();
      serving.listen(unix_socket{path}.policy(every_second));
      channel refused{on, "unix:" + path};
      const status why = co_await large_call(refused);
      CHECK(why.code() == status_code::unavailable);
      const std::string text{why.message()};
      CHECK(text.starts_with("cannot connect to unix:" + path +
                             ": it closed the connection before its SETTINGS, as a server does "
                             "that refuses a peer: "));
      CHECK_FALSE(text.ends_with(": "));
      const std::error_code code = transport_error::peer_refused;
      CHECK(was_logged("unix:" + path + ": connection refused: " + code.message()));
      CHECK(log_texts.size() == 1);
      channel taken{on, "unix:" + path};
      const status good = co_await large_call(taken);
      CHECK(good.ok());
      co_await refused.close();
      co_await taken.close();
      co_await serving.close();
    }(home, place / "s"));
  }
}

TEST_CASE("a stream that throws loses its connection and no other") {
  with_moody_server([](bed& on, server& serving, channel& to, mood& temper) -> task<> {
    const status good = co_await large_call(to);
    CHECK(good.ok());
    for (std::size_t after = 0; after < 5; ++after) {
      for (const bool reading : {false, true}) {
        CAPTURE(after);
        CAPTURE(reading);
        temper.reads_left = reading ? after : SIZE_MAX;
        temper.writes_left = reading ? SIZE_MAX : after;
        const std::size_t accepted = temper.accepts.size();
        channel other{on.home(), on.memory().factory()};
        for (int i = 0; i < 10; ++i) {
          const status end =
              co_await large_call(other, {.timeout = 10s, .wait_for_ready = true});
          CHECK((end.ok() || end.code() == status_code::unavailable ||
                 end.code() == status_code::deadline_exceeded));
        }
        CHECK(temper.accepts.size() >= accepted + 2);  // more than one was needed
        co_await other.close();
      }
    }
    CHECK(serving.connections() == 1);
    const status still = co_await large_call(to);
    CHECK(still.ok());
  });
}

TEST_CASE("a stream whose end throws is closed nevertheless") {
  with_moody_server([](bed& on, server& serving, channel& to, mood& temper) -> task<> {
    const status good = co_await large_call(to);
    CHECK(good.ok());
    temper.shutdown_throws = temper.close_throws = true;
    channel other{on.home(), on.memory().factory()};
    const status end = co_await large_call(other);
    CHECK(end.ok());
    co_await other.close();
    co_await settle();
    CHECK(serving.connections() == 1);
    const status still = co_await large_call(to);
    CHECK(still.ok());
  });
}

TEST_CASE("a client's stream that throws loses its connection, and the channel makes another") {
  bed here;
  here.run([](bed& on) -> task<> {
    server serving{on.home()};
    serving.emplace<echo_service>();
    on.memory();
    serving.listen(on.memory().listener());
    for (std::size_t after = 0; after < 4; ++after) {
      for (const bool reading : {false, true}) {
        int made_count = 0;
        channel to{on.home(),
                   [&made_count, after, reading, factory = on.memory().factory()](
                       const connect_context& context) -> task<io_result<moody_stream>> {
                     ++made_count;
                     return [](memory_factory from, const connect_context& given, std::size_t left,
                               bool of_reads) -> task<io_result<moody_stream>> {
                       io_result<memory_stream> made = co_await from.connect(given);
                       if (!made) co_return failure{made.error()};
                       mood temper;
                       (of_reads ? temper.reads_left : temper.writes_left) = left;
                       co_return moody_stream{std::move(*made), temper};
                     }(factory, context, after, reading);
                   }};
        for (int i = 0; i < 10; ++i) {
          const status end = co_await large_call(to, {.timeout = 10s, .wait_for_ready = true});
          CHECK((end.ok() || end.code() == status_code::unavailable ||
                 end.code() == status_code::deadline_exceeded));
        }
        CHECK(made_count >= 2);
        co_await to.close();
      }
    }
    co_await serving.close();
  }(here));
}

TEST_CASE("with always_arm no connection makes a plain system call") {
  for (const bool always_arm : {false, true}) {
    CAPTURE(always_arm);
    simulated_kernel kernel{rough_options(7)};
    plain_calls counted;
    ring_options options;
    options.kernel = std::make_unique<forwarding_backend>(
        std::make_unique<simulated_backend>(kernel), counted);
    options.always_arm = always_arm;
    ring home{std::move(options)};
    home.run([](ring& on) -> task<> {
      server serving{on};
      serving.emplace<echo_service>();
      const auto hub = std::make_shared<pair_hub>();
      hub->server_home = &on;
      serving.listen(pair_listener{hub});
      channel to{on, pair_factory{hub}};
      for (int i = 0; i < 10; ++i) {
        const status end = co_await large_call(to);
        CHECK(end.ok());
      }
      co_await to.close();
      co_await serving.close();
    }(home));
    CHECK((counted.receives == 0) == always_arm);
    CHECK((counted.sends == 0) == always_arm);
  }
}

TEST_CASE("a receive that a signal ends is armed again") {
  simulated_options options;
  options.faults.interrupt = 0.5;
  for (const bool always_arm : {false, true}) {
    const wire on{"interrupted", true, false, always_arm};
    bed here{on, options};
    with_echo(here, [](bed&, channel& to, echo_service&) -> task<> {
      for (int i = 0; i < 100; ++i) {
        const status end = co_await large_call(to);
        CHECK(end.ok());
      }
    });
  }
}

TEST_CASE("a writer that waits for the connection's quota goes on when another call is reset") {
  bed here;
  here.run([](bed& on) -> task<> {
    using namespace http2::test;
    server_options options;
    options.connection.connection_queue_bytes = 10'000;
    options.connection.stream_queue_bytes = 20;  // the share of a stream is too small for a message
    server serving{on.home(), options};
    int written = 0;
    serving.handle<download>([&](server_context&, const std::string& in,
                                 writer<std::string>& out) -> task<status> {
      const std::string large(in == "large" ? 20'000 : 10, 'x');
      const bool queued = co_await out.write(large);
      if (queued) ++written;
      co_return status{};
    });
    io_result<std::pair<unix_stream, unix_stream>> ends = socket_pair(on.home());
    REQUIRE(ends);
    serving.attach(std::move(ends->second));
    unix_stream peer = std::move(ends->first);
    const auto send = [](unix_stream& over, std::string bytes) -> task<> {
      const ::iovec part{bytes.data(), bytes.size()};
      const io_result<std::size_t> sent = co_await over.write_some(std::span{&part, 1});
      CHECK(sent.value_or(0) == bytes.size());
    };
    const auto message = [](std::string_view text) {
      return std::string{'\0', '\0', '\0', '\0', static_cast<char>(text.size())} +
             std::string{text};
    };
    const std::string path{download::path};
    // No window for DATA: what the first call writes stays queued.
    const settings_list no_window{{settings_id::initial_window, 0}};
    const std::string first = std::string{http2::client_preface} + settings_frame(no_window) +
                              headers_frame(1, request_fields({}, path)) +
                              data_frame(1, message("large"), end_stream);
    const std::string second = headers_frame(3, request_fields({}, path)) +
                               data_frame(3, message("s"), end_stream);
    const std::string reset = reset_frame(1);
    co_await send(peer, first);
    co_await settle();
    CHECK(written == 1);
    co_await send(peer, second);
    co_await settle();
    CHECK(written == 1);
    co_await send(peer, reset);
    co_await settle();
    CHECK(written == 2);
    co_await peer.close();
    co_await serving.close();
  }(here));
}
}  // namespace ringrpc::testing
