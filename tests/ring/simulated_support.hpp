// SPDX-License-Identifier: MIT
//
// What the tests of the simulated backend share: raw operations and a backend to
// arm them with, without a ring.
#pragma once

#include <doctest/doctest.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/ring/operation.hpp>

#include "simulated_backend.hpp"

namespace ringrpc::testing {
/// An operation that counts its completions.
class probe : public operation {
public:
  probe() : operation([](run_node& self) noexcept { ++static_cast<probe&>(self).completions_; }) {}
  int completions() const { return completions_; }
  std::string text() const { return std::string{as_text(received())}; }

private:
  int completions_ = 0;
};

/// A kernel with one backend, and calls on it in short. Every descriptor must be
/// closed at the end.
struct bed {
  explicit bed(const simulated_options& options = {}) : kernel(options) {}
  ~bed() { CHECK(kernel.open_descriptors() == 0); }

  simulated_kernel kernel;
  simulated_backend ring{kernel};

  /// Runs what has completed. @return how many.
  std::size_t reap() {
    ring.submit(never);
    return run(&simulated_backend::reap);
  }
  std::size_t wait(time_point until = never) {
    operation_queue done;
    const std::size_t completed = ring.wait(done, until);
    while (run_node* one = done.pop_front()) one->run();
    return completed;
  }
  std::size_t reap_unsubmitted() { return run(&simulated_backend::reap); }

  int send(int fd, std::string_view text) {
    const ::iovec part{const_cast<char*>(text.data()), text.size()};
    return ring.try_send(fd, {&part, 1});
  }
  /// What a plain receive gives; its negative result in words where it fails.
  std::string recv(int fd, std::size_t bytes_max = 1000) {
    std::string into(bytes_max, '?');
    const int result = ring.try_recv(fd, std::as_writable_bytes(std::span{into}));
    if (result < 0) return name_of_error(-result);
    into.resize(static_cast<std::size_t>(result));
    return into;
  }
  static std::string name_of_error(int error) {
    switch (error) {
      case EAGAIN: return "EAGAIN";
      case ECONNRESET: return "ECONNRESET";
      case ENOTSOCK: return "ENOTSOCK";
      case EBADF: return "EBADF";
      case EINVAL: return "EINVAL";
      default: return std::to_string(error);
    }
  }
  void close(std::initializer_list<int> fds) {
    for (int fd : fds) ring.close(fd);
  }

private:
  std::size_t run(std::size_t (simulated_backend::*gather)(operation_queue&) noexcept) {
    operation_queue done;
    const std::size_t completed = (ring.*gather)(done);
    while (run_node* one = done.pop_front()) one->run();
    return completed;
  }
};
}  // namespace ringrpc::testing
