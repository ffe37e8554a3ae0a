// SPDX-License-Identifier: MIT
#include <ringrpc/base/fatal.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include <doctest/doctest.h>

namespace {
struct death {
  int status = 0;
  std::string text;  // what the child wrote to standard error
};

/// Runs `body` in a child process and waits for its end.
death die(void (*body)()) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);  // doctest has a handler of its own
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    body();
    ::_exit(0);
  }
  ::close(ends[1]);
  death seen;
  std::array<char, 256> buffer{};
  for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    seen.text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  REQUIRE(::waitpid(child, &seen.status, 0) == child);
  return seen;
}
}  // namespace

TEST_CASE("fatal: the process ends by SIGABRT and says why") {
  const death seen = die([] { ringrpc::fatal("an operation is still in the kernel"); });
  CHECK(WIFSIGNALED(seen.status));
  CHECK(WTERMSIG(seen.status) == SIGABRT);
  CHECK(seen.text.starts_with("ringrpc: an operation is still in the kernel\n"));
}

TEST_CASE("fatal: the user's terminate handler runs") {
  const death seen = die([] {
    std::set_terminate([] { ::_exit(42); });
    ringrpc::fatal("text");
  });
  CHECK(WIFEXITED(seen.status));
  CHECK(WEXITSTATUS(seen.status) == 42);
}

TEST_CASE("fatal: a text with format characters is written as it is") {
  CHECK(die([] { ringrpc::fatal("100%s %n"); }).text.starts_with("ringrpc: 100%s %n\n"));
}
