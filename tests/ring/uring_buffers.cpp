// SPDX-License-Identifier: MIT
#include <ringrpc/ring/uring_buffers.hpp>

#include <cerrno>
#include <string>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/ring/uring_backend.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

namespace {
struct probe : operation {
  probe() : operation([](run_node&) noexcept {}) {}
  std::string text() const { return std::string{as_text(received())}; }
};
void wait_for(uring_backend& on, const probe& one) {
  operation_queue done;
  while (one.in_flight()) on.wait(done, never);
  while (done.pop_front() != nullptr) {
  }
}
uring_options options(unsigned buffers, bool registered, bool defer = true) {
  return {.buffers = buffers,
          .buffer_bytes = 1024,
          .buffer_ring = registered,
          .defer_task_work = defer};
}
}  // namespace

TEST_CASE("buffers: a receive without memory of its own gets a buffer, and gives it back") {
  for (bool registered : {true, false}) {
    for (bool defer : {true, false}) {
      CAPTURE(registered);
      CAPTURE(defer);
      uring_backend on{options(4, registered, defer)};
      const test::pair sockets;
      probe recv;
      for (int round = 0; round < 20; ++round) {  // more rounds than buffers
        const std::string text = "round " + std::to_string(round);
        if (round % 2 == 0) test::put(sockets.far(), text);
        on.arm_recv(recv, sockets.near(), {});
        on.submit(never);
        if (round % 2 == 1) test::put(sockets.far(), text);
        wait_for(on, recv);
        REQUIRE(recv.result() == static_cast<int>(text.size()));
        CHECK(recv.text() == text);
        REQUIRE(recv.buffer().valid());
        on.release(recv.buffer());
      }
    }
  }
}

TEST_CASE("buffers: a receive takes no more than one buffer holds") {
  for (bool registered : {true, false}) {
    CAPTURE(registered);
    uring_backend on{options(2, registered)};
    const test::pair sockets;
    test::put(sockets.far(), std::string(1500, 'x'));
    probe recv;
    on.arm_recv(recv, sockets.near(), {});
    wait_for(on, recv);
    CHECK(recv.result() == 1024);
    on.release(recv.buffer());
    CHECK(test::drained(sockets.near()).size() == 476);
  }
}

TEST_CASE("buffers: the end, an error and a cancel hold no buffer") {
  for (bool registered : {true, false}) {
    CAPTURE(registered);
    uring_backend on{options(1, registered)};
    for (int round = 0; round < 5; ++round) {
      test::pair sockets;
      probe recv;
      on.arm_recv(recv, sockets.near(), {});
      on.cancel(recv);
      wait_for(on, recv);
      CHECK(recv.result() == -ECANCELED);
      CHECK_FALSE(recv.buffer().valid());
      CHECK(recv.received().empty());
      on.arm_recv(recv, sockets.near(), {});
      sockets.close_far();
      wait_for(on, recv);
      CHECK(recv.result() == 0);
      CHECK_FALSE(recv.buffer().valid());
      on.arm_recv(recv, -1, {});
      wait_for(on, recv);
      CHECK(recv.result() == -EBADF);
      CHECK_FALSE(recv.buffer().valid());
    }
    // The only buffer is still there.
    const test::pair sockets;
    test::put(sockets.far(), "x");
    probe recv;
    on.arm_recv(recv, sockets.near(), {});
    wait_for(on, recv);
    CHECK(recv.text() == "x");
    on.release(recv.buffer());
  }
}

TEST_CASE("buffers: with fewer buffers than receivers all bytes arrive, after -ENOBUFS") {
  for (bool registered : {true, false}) {
    CAPTURE(registered);
    uring_backend on{options(2, registered)};
    const std::size_t count = 16;
    std::vector<test::pair> sockets(count);
    std::vector<probe> probes(count);
    std::vector<std::string> got(count);
    for (std::size_t i = 0; i < count; ++i) on.arm_recv(probes[i], sockets[i].near(), {});
    on.submit(never);
    for (std::size_t i = 0; i < count; ++i) test::put(sockets[i].far(), std::to_string(i));
    std::size_t refused = 0;
    std::size_t received = 0;
    while (received < count) {
      operation_queue done;
      on.wait(done, never);
      std::vector<probe*> again;
      std::vector<buffer_id> held;
      while (run_node* node = done.pop_front()) {
        probe& one = static_cast<probe&>(*node);
        const auto index = static_cast<std::size_t>(&one - probes.data());
        if (one.result() == -ENOBUFS) {
          ++refused;
          again.push_back(&one);
        } else {
          got[index] = one.text();
          held.push_back(one.buffer());
          ++received;
        }
      }
      for (buffer_id buffer : held) on.release(buffer);
      for (probe* one : again) {
        on.arm_recv(*one, sockets[static_cast<std::size_t>(one - probes.data())].near(), {});
      }
    }
    for (std::size_t i = 0; i < count; ++i) CHECK(got[i] == std::to_string(i));
    CHECK((refused > 0) == registered);  // private ones are as many as receivers
  }
}

TEST_CASE("buffers: any number of them is possible, also one that is no power of 2") {
  for (unsigned count : {0u, 1u, 3u, 5u}) {
    CAPTURE(count);
    uring_backend on{options(count, true)};
    for (int round = 0; round < 12; ++round) {
      const test::pair sockets;
      test::put(sockets.far(), "x");
      probe recv;
      on.arm_recv(recv, sockets.near(), {});
      wait_for(on, recv);
      REQUIRE(recv.text() == "x");
      on.release(recv.buffer());
    }
  }
}
