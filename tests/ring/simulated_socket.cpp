// SPDX-License-Identifier: MIT
//
// The simulated sockets answer as Linux does: the same calls, by seed, on both,
// and the answers compared word for word. Plain calls only, on few bytes, for how
// much fits into a buffer is no matter of bytes alone in Linux.
#include "simulated_socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ringrpc/ring/socket_address.hpp>

#include "../support/random.hpp"
#include "../support/seeds.hpp"
#include "simulated_descriptors.hpp"

namespace ringrpc::testing {
namespace {
int result_of(ssize_t result) { return result < 0 ? -errno : static_cast<int>(result); }

/// The system calls of this machine.
class real_calls {
public:
  int socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }
  int listen(const socket_address& address, std::size_t backlog) {
    const int fd = socket();
    const int bound = result_of(::bind(fd, address.data(), address.size()));
    if (bound < 0) {
      ::close(fd);
      return bound;
    }
    ::listen(fd, static_cast<int>(backlog));
    return fd;
  }
  int socket_pair(int (&fds)[2]) {
    return result_of(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
  }
  int pipe(int (&fds)[2]) { return result_of(::pipe2(fds, O_NONBLOCK | O_CLOEXEC)); }
  int receive(int fd, std::span<std::byte> into) {
    return result_of(::recv(fd, into.data(), into.size(), MSG_DONTWAIT));
  }
  int send(int fd, std::span<const ::iovec> from, std::size_t, std::size_t) {
    ::msghdr message{};
    message.msg_iov = const_cast<::iovec*>(from.data());
    message.msg_iovlen = from.size();
    return result_of(::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
  }
  int read(int fd, std::span<std::byte> into) {
    return result_of(::read(fd, into.data(), into.size()));
  }
  int write(int fd, std::span<const ::iovec> from, std::size_t) {
    std::signal(SIGPIPE, SIG_IGN);
    const int result = result_of(::writev(fd, from.data(), static_cast<int>(from.size())));
    std::signal(SIGPIPE, SIG_DFL);
    return result;
  }
  int accept(int fd) {
    return result_of(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  }
  int connect(int fd, const socket_address& to) {
    return result_of(::connect(fd, to.data(), to.size()));
  }
  int shutdown(int fd) { return result_of(::shutdown(fd, SHUT_RDWR)); }
  int shutdown_write(int fd) { return result_of(::shutdown(fd, SHUT_WR)); }
  void close(int fd) { ::close(fd); }
  short events(int fd) {
    ::pollfd one{fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    ::poll(&one, 1, 0);
    return one.revents;
  }
};

/// Makes calls and writes down the answers. Descriptors are named by their place.
template <class Calls> class script {
public:
  script(Calls& calls, std::string_view name, std::uint64_t seed)
      : call_(calls), random_(seed), address_(abstract_address(name)) {}

  /// The log of a random sequence of calls.
  std::string run() {
    for (int i = 0; i < 2; ++i) add_pair();
    fds_.push_back(call_.listen(address_, 1));
    for (int i = 0; i < 3; ++i) fds_.push_back(call_.socket());
    const std::uint64_t steps = random_.between(5, 80);
    for (std::uint64_t i = 0; i < steps; ++i) step();
    for (const int fd : fds_) {
      if (fd >= 0) call_.close(fd);
    }
    return log_;
  }

private:
  /// An address without a file, which other programs do not use.
  static socket_address abstract_address(std::string_view name) {
    ::sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    return {&address, static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + 1 + length)};
  }
  void add_pair() {
    int fds[2];
    note("pair", call_.socket_pair(fds));
    fds_.insert(fds_.end(), {fds[0], fds[1]});
  }
  void note(const char* what, int result) {
    log_ += std::string{what} + ' ' + std::to_string(result) + '\n';
  }
  void step() {
    const std::size_t place = random_.below(fds_.size());
    const std::uint64_t action = random_.below(100);
    const std::size_t bytes = random_.between(1, 20);
    int& fd = fds_[place];
    log_ += std::to_string(place) + ": ";
    if (fd < 0) return note("closed", 0);
    if (action < 30) {
      std::string text(bytes, static_cast<char>('a' + bytes));
      const ::iovec part{text.data(), text.size()};
      note("send", call_.send(fd, {&part, 1}, 0, bytes));
    } else if (action < 60) {
      std::string into(bytes, '.');
      note("recv", call_.receive(fd, std::as_writable_bytes(std::span{into})));
      log_ += into + '\n';
    } else if (action < 70) {
      note("poll", call_.events(fd));
    } else if (action < 80) {
      const int result = call_.connect(fd, address_);
      note("connect", result);
      if (result == 0) unconnected_ &= ~(1u << place);
    } else if (action < 90) {
      const int accepted = call_.accept(fd);
      note("accept", accepted < 0 ? accepted : 0);
      if (accepted >= 0) fds_.push_back(accepted);
    } else if (action < 93 && !lonely(place)) {
      note("shutdown", call_.shutdown(fd));
    } else if (action < 96 && !lonely(place) && place != listener_) {
      note("shutdown write", call_.shutdown_write(fd));
    } else {
      call_.close(fd);
      fd = -1;
      note("close", 0);
    }
  }

  // What a shutdown of a socket that was never connected means is not simulated.
  bool lonely(std::size_t place) const { return place < 32 && (unconnected_ >> place & 1) != 0; }

  static constexpr std::size_t listener_ = 4;
  unsigned unconnected_ = 0b1110'0000;
  Calls& call_;
  seeded_random random_;
  socket_address address_;
  std::vector<int> fds_;
  std::string log_;
};
}  // namespace

namespace {
/// "" where two logs are equal, else what led there and the first lines that differ.
std::string difference(std::string_view simulated, std::string_view real) {
  std::size_t at = 0;
  while (at < simulated.size() && at < real.size() && simulated[at] == real[at]) ++at;
  if (at == simulated.size() && at == real.size()) return "";
  const std::size_t line = at == 0 ? 0 : real.rfind('\n', at - 1) + 1;
  const auto line_of = [line](std::string_view log) {
    return std::string{log.substr(line, log.find('\n', line) - line)};
  };
  return std::string{real.substr(0, line)} + "simulated: " + line_of(simulated) +
         "\nreal: " + line_of(real);
}
}  // namespace

TEST_CASE("simulated sockets answer every call as the sockets of this machine do") {
  const std::string name = "ringrpc-test-" + std::to_string(::getpid());
  for_each_seed(1, 3000, [&name](std::uint64_t seed) {
    real_calls real;
    simulated_descriptors simulated{100, 100'000};
    const std::string expected = script{real, name, seed}.run();
    CHECK(difference(script{simulated, name, seed}.run(), expected) == "");
    CHECK(simulated.open_count() == 0);
  });
}

TEST_CASE("a simulated pipe answers as a pipe of this machine does") {
  const auto log_of = [](auto& calls) {
    int fds[2];
    REQUIRE(calls.pipe(fds) == 0);
    std::string log;
    const auto note = [&log](int result) { log += std::to_string(result) + ' '; };
    std::byte into[10];
    const ::iovec part{into, 1};
    note(calls.receive(fds[0], into));
    note(calls.send(fds[1], {&part, 1}, 0, 1));
    note(calls.shutdown(fds[0]));
    note(calls.shutdown_write(fds[1]));
    note(calls.accept(fds[0]));
    note(calls.connect(fds[0], {}));
    note(calls.events(fds[0]));
    note(calls.events(fds[1]));
    note(calls.read(fds[0], into));
    note(calls.read(fds[1], into));
    note(calls.write(fds[0], {&part, 1}, 1));
    note(calls.write(fds[1], {&part, 1}, 1));
    note(calls.events(fds[0]));
    calls.close(fds[1]);
    note(calls.events(fds[0]));
    note(calls.read(fds[0], into));
    note(calls.read(fds[0], into));
    note(calls.events(fds[0]));
    calls.close(fds[0]);
    REQUIRE(calls.pipe(fds) == 0);
    calls.close(fds[0]);
    note(calls.events(fds[1]));
    note(calls.write(fds[1], {&part, 1}, 1));
    calls.close(fds[1]);
    return log;
  };
  real_calls real;
  simulated_descriptors simulated{100, 100'000};
  CHECK(log_of(simulated) == log_of(real));
}
}  // namespace ringrpc::testing
