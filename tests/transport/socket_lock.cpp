// SPDX-License-Identifier: MIT
#include <ringrpc/transport/socket_lock.hpp>

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "private_directory.hpp"

using namespace ringrpc;

namespace {
std::string problem(const private_directory& home) {
  const socket_directory opened{home / "x"};
  return text_thrown_by([&] { const socket_lock lock{opened}; });
}
std::string content(const std::string& path) {
  std::string text;
  std::getline(std::ifstream{path}, text, '\0');
  return text;
}
/// Whether the traced `child` stands before flock(2).
bool enters_flock(::pid_t child) {
  struct ::__ptrace_syscall_info call {};
  void* const size = reinterpret_cast<void*>(sizeof call);
  return ::ptrace(PTRACE_GET_SYSCALL_INFO, child, size, &call) > 0 &&
         call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_flock;
}
::mode_t mode_of(const std::string& path) {
  struct ::stat found {};
  return ::lstat(path.c_str(), &found) == 0 ? found.st_mode & 07777U : 0;
}
}  // namespace

TEST_CASE("socket_lock: the file is made for this user alone and names the process") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  const ::mode_t before = ::umask(0);
  const socket_lock lock{opened};
  ::umask(before);
  CHECK(lock.held());
  CHECK(mode_of(home / "x.lock") == 0600);
  CHECK(content(home / "x.lock") == std::to_string(::getpid()) + "\n");
}

TEST_CASE("socket_lock: a second one is not held and knows who holds it") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  const socket_lock first{opened};
  const socket_lock second{opened};
  CHECK(first.held());
  CHECK_FALSE(second.held());
  CHECK(second.holder() == ::getpid());
  const ::pid_t parent = ::getpid();
  CHECK(in_child([&] {
          const socket_lock third{opened};
          return !third.held() && third.holder() == parent ? 0 : 1;
        }) == 0);
}

TEST_CASE("socket_lock: the holder is unknown where the file does not say") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  const socket_lock first{opened};
  for (const char* text : {"", "abc\n", "-5\n", "0\n", "99999999999999999999\n"}) {
    CAPTURE(text);
    std::ofstream{home / "x.lock"} << text;
    const socket_lock second{opened};
    CHECK_FALSE(second.held());
    CHECK(second.holder() == 0);
  }
}

TEST_CASE("socket_lock: the lock ends with its owner and the file stays") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  std::optional<socket_lock> first{std::in_place, opened};
  first.reset();
  CHECK(home.names() == std::vector<std::string>{"x.lock"});
  const socket_lock second{opened};
  CHECK(second.held());
}

TEST_CASE("socket_lock: a holder that was killed holds nothing") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  REQUIRE(in_child([&] { return socket_lock{opened}.held() ? 0 : 1; }) == 0);
  REQUIRE(in_child([&] {
            static const socket_lock lock{opened};  // dies with the process, undestroyed
            return lock.held() ? 0 : 1;
          }) == 0);
  CHECK(socket_lock{opened}.held());
}

TEST_CASE("socket_lock: it moves with its object") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  socket_lock first{opened};
  const socket_lock moved = std::move(first);
  CHECK(moved.held());
  CHECK_FALSE(socket_lock{opened}.held());
}

TEST_CASE("socket_lock: a set-up that fails removes the file only if it made it") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  {
    socket_lock lock{opened};
    lock.remove_if_new(opened);
    CHECK(home.names().empty());
  }
  std::ofstream{home / "x.lock"} << "";
  socket_lock lock{opened};
  lock.remove_if_new(opened);
  CHECK(home.names() == std::vector<std::string>{"x.lock"});
}

TEST_CASE("socket_lock: after a cleaner has removed the file it is not the next one's lock") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  socket_lock first{opened};
  REQUIRE(::unlink((home / "x.lock").c_str()) == 0);
  const socket_lock second{opened};
  CHECK(second.held());
  first.remove_if_new(opened);  // the name is another file's by now
  CHECK(home.names() == std::vector<std::string>{"x.lock"});
}

TEST_CASE("socket_lock: a file that lost its name between open and flock is not the lock") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  std::ofstream{home / "x.lock"} << "";
  const ::pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(9);
    ::raise(SIGSTOP);
    const socket_lock lock{opened};
    const socket_lock again{opened};  // held only if the first has locked what has no name
    ::_exit(lock.held() && !again.held() ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) {
    MESSAGE("not run: this process may not trace its children");
    return;
  }
  void* const options = reinterpret_cast<void*>(PTRACE_O_TRACESYSGOOD);
  REQUIRE(::ptrace(PTRACE_SETOPTIONS, child, nullptr, options) == 0);
  while (!enters_flock(child)) {
    REQUIRE(::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0);
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSTOPPED(status));
  }
  REQUIRE(::unlink((home / "x.lock").c_str()) == 0);
  std::ofstream{home / "x.lock"} << "";
  REQUIRE(::ptrace(PTRACE_DETACH, child, nullptr, nullptr) == 0);
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("socket_lock: an old file that others can open is closed to them") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  std::ofstream{home / "x.lock"} << "";
  REQUIRE(::chmod((home / "x.lock").c_str(), 0666) == 0);
  const socket_lock lock{opened};
  CHECK(lock.held());
  CHECK(mode_of(home / "x.lock") == 0600);
}

TEST_CASE("socket_lock: a file of that name with other content is refused and left alone") {
  const private_directory home;
  for (const char* text : {"poetry's own\n", "\n", "-5\n", "12 34\n", "1234", "12\n34\n", "12\n\n",
                           "12345678901234567\n"}) {
    CAPTURE(text);
    std::ofstream{home / "x.lock"} << text;
    REQUIRE(::chmod((home / "x.lock").c_str(), 0640) == 0);
    CHECK(problem(home) == "cannot listen on unix:" + (home / "x") + ": " + (home / "x.lock") +
                               " has other content than the number of a process, so it is no lock "
                               "file of a socket; remove it or choose another path");
    CHECK(content(home / "x.lock") == text);
    CHECK(mode_of(home / "x.lock") == 0640);
  }
  for (const char* text : {"", "1\n", "123456789012345\n"}) {
    CAPTURE(text);
    std::ofstream{home / "x.lock"} << text;
    CHECK(problem(home) == "");
    CHECK(content(home / "x.lock") == std::to_string(::getpid()) + "\n");
  }
}

TEST_CASE("socket_lock: a second name of some other file is refused and the file left alone") {
  const private_directory home;
  std::ofstream{home / "letter"} << "";
  REQUIRE(::chmod((home / "letter").c_str(), 0640) == 0);
  REQUIRE(::link((home / "letter").c_str(), (home / "x.lock").c_str()) == 0);
  CHECK(problem(home) == "cannot listen on unix:" + (home / "x") + ": " + (home / "x.lock") +
                             " has 2 names (hard links), so it may be some other file; remove this "
                             "name or choose another path");
  CHECK(content(home / "letter") == "");
  CHECK(mode_of(home / "letter") == 0640);
}

TEST_CASE("socket_lock: whoever does not get the lock leaves the file's mode alone") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  const socket_lock first{opened};
  REQUIRE(::chmod((home / "x.lock").c_str(), 0640) == 0);
  CHECK_FALSE(socket_lock{opened}.held());
  CHECK(mode_of(home / "x.lock") == 0640);
}

TEST_CASE("socket_lock: what is no regular file is refused and left alone") {
  const private_directory home;
  const std::string expected = "cannot listen on unix:" + (home / "x") + ": " + (home / "x.lock") +
                               " is no regular file; remove it";
  SUBCASE("a symbolic link") {
    std::ofstream{home / "target"} << "keep";
    REQUIRE(::symlink("target", (home / "x.lock").c_str()) == 0);
    CHECK(problem(home) == expected);
    CHECK(content(home / "target") == "keep");
  }
  SUBCASE("a dangling symbolic link") {
    REQUIRE(::symlink("target", (home / "x.lock").c_str()) == 0);
    CHECK(problem(home) == expected);
    CHECK(home.names() == std::vector<std::string>{"x.lock"});
  }
  SUBCASE("a directory") {
    REQUIRE(::mkdir((home / "x.lock").c_str(), 0700) == 0);
    CHECK(problem(home) == expected);
  }
  SUBCASE("a named pipe") {
    REQUIRE(::mkfifo((home / "x.lock").c_str(), 0600) == 0);
    CHECK(problem(home) == expected);
  }
}

TEST_CASE("socket_lock: a stranger's file is refused with both users") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 01777) == 0);
  std::ofstream{home / "x.lock"} << "";
  const std::string start = "cannot listen on unix:" + (home / "x") + ": " + (home / "x.lock");
  REQUIRE(::chmod((home / "x.lock").c_str(), 0666) == 0);
  CHECK(in_child_as(other_uid, [&] {
          return problem(home) == start + " belongs to uid 0 and not to uid 12345; remove it or "
                                          "choose another path"
                     ? 0
                     : 1;
        }) == 0);
  REQUIRE(::chmod((home / "x.lock").c_str(), 0600) == 0);
  CHECK(in_child_as(other_uid, [&] {
          return problem(home) == start + " of uid 0 cannot be opened by uid 12345: Permission "
                                          "denied; remove it or choose another path"
                     ? 0
                     : 1;
        }) == 0);
}

TEST_CASE("socket_lock: a directory that the user cannot write is named") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 0755) == 0);
  CHECK(in_child_as(other_uid, [&] {
          return problem(home) == "cannot listen on unix:" + (home / "x") + ": " +
                                      (home / "x.lock") +
                                      " cannot be created by uid 12345: Permission denied; use a "
                                      "directory that this user can write"
                     ? 0
                     : 1;
        }) == 0);
  CHECK(home.names().empty());
}
