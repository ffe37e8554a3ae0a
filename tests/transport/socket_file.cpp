// SPDX-License-Identifier: MIT
#include <ringrpc/transport/socket_file.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "private_directory.hpp"

using namespace ringrpc;

namespace {
using names = std::vector<std::string>;

/// A socket bound to `path` by nobody of ours, not listening.
file_descriptor bound_socket(const std::string& path, int type = SOCK_STREAM) {
  file_descriptor made{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
  const socket_address address = unix_socket_address(path);
  REQUIRE(::bind(made.get(), address.data(), address.size()) == 0);
  return made;
}
/// connect(2): 0 or errno.
int connect_error(const std::string& path, file_descriptor& made) {
  made.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const socket_address address = unix_socket_address(path);
  return ::connect(made.get(), address.data(), address.size()) == 0 ? 0 : errno;
}
int connect_error(const std::string& path) {
  file_descriptor made;
  return connect_error(path, made);
}
::ino_t inode(const std::string& path) {
  struct ::stat found {};
  return ::lstat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}
::mode_t mode_of(const std::string& path) {
  struct ::stat found {};
  return ::lstat(path.c_str(), &found) == 0 ? found.st_mode & 07777U : 0;
}
/// What `socket_file{path}` says after "cannot listen on unix:PATH: ".
std::string problem(const std::string& path) {
  const std::string text = text_thrown_by([&] { const socket_file made{path, {.backlog = 8}}; });
  const std::string start = "cannot listen on unix:" + path + ": ";
  return text.starts_with(start) ? text.substr(start.size()) : text;
}
std::error_code code_of(const std::string& path) {
  try {
    const socket_file made{path, {.backlog = 8}};
  } catch (const listen_error& thrown) {
    return thrown.code();
  }
  return {};
}
/// A server that ended as if by kill -9.
void leave_dead_socket(const std::string& path) {
  REQUIRE(in_child([&] {
            static const socket_file made{path, {.backlog = 8}};
            return 0;
          }) == 0);
}
bool kernel_lists(const std::string& path) {
  std::ifstream list{"/proc/net/unix"};
  for (std::string line; std::getline(list, line);) {
    if (line.ends_with(' ' + path)) return true;
  }
  return false;
}
const std::string served_by_us = "it is served by pid " + std::to_string(::getpid()) + " uid " +
                                 std::to_string(::geteuid()) +
                                 "; stop that server or choose another path";
}  // namespace

TEST_CASE("socket_file: it listens, non-blocking and close-on-exec") {
  const private_directory home;
  socket_file made{home / "x", {.backlog = 8}};
  const file_descriptor socket = made.take_socket();
  CHECK(connect_error(home / "x") == 0);
  CHECK((::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(home.names() == names{"x", "x.lock"});
}

TEST_CASE("socket_file: the file has mode 0600 whatever the umask allows") {
  for (const ::mode_t mask : {0000U, 0022U, 0077U, 0177U}) {
    CAPTURE(mask);
    const private_directory home;
    const ::mode_t before = ::umask(mask);
    const socket_file made{home / "x", {.backlog = 8}};
    CHECK(::umask(before) == mask);
    CHECK(mode_of(home / "x") == 0600);
  }
}

TEST_CASE("socket_file: a bound socket has the mode of its descriptor from birth") {
  // What the absence of a window in the constructor rests on.
  const private_directory home;
  const ::mode_t before = ::umask(0);
  file_descriptor made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(::fchmod(made.get(), 0600) == 0);
  const socket_address address = unix_socket_address(home / "x");
  REQUIRE(::bind(made.get(), address.data(), address.size()) == 0);
  ::umask(before);
  CHECK(mode_of(home / "x") == 0600);
}

TEST_CASE("socket_file: another mode is there as it was asked for, whatever the umask allows") {
  for (const ::mode_t mask : {0000U, 0022U, 0077U, 0277U, 0777U}) {
    for (const ::mode_t mode : {0600U, 0660U, 0666U, 0722U, 0777U}) {
      CAPTURE(mask);
      CAPTURE(mode);
      const private_directory home;
      const ::mode_t before = ::umask(mask);
      const socket_file made{home / "x", {.mode = mode}};
      ::umask(before);
      CHECK(mode_of(home / "x") == mode);
      CHECK(connect_error(home / "x") == 0);
    }
  }
}

TEST_CASE("socket_file: a mode that is none for a socket is refused without a trace") {
  const private_directory home;
  for (const ::mode_t mode : {0000U, 0400U, 0200U, 0060U, 01600U, 04777U, 0100600U}) {
    CAPTURE(mode);
    CHECK(text_thrown_by([&] { const socket_file made{home / "x", {.mode = mode}}; }) ==
          "cannot listen on unix:" + (home / "x") + ": mode " + mode_text(mode) +
              " is none for a socket; write one from 0600 to 0777, such as 0660");
  }
  CHECK(home.names().empty());
}

TEST_CASE("socket_file: owner and group are there before anybody can connect") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  {
    const socket_file made{home / "x", {.mode = 0660, .owner = other_uid, .group = 77}};
    struct ::stat found {};
    REQUIRE(::lstat((home / "x").c_str(), &found) == 0);
    CHECK(found.st_uid == other_uid);
    CHECK(found.st_gid == 77);
    CHECK(mode_of(home / "x") == 0660);
  }
  CHECK(home.names() == names{"x.lock"});
}

TEST_CASE("socket_file: a group lets its members connect, and nobody else") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 0755) == 0);
  const socket_file made{home / "x", {.mode = 0660, .group = 77}};
  const auto connects_as = [&](::gid_t group) {
    return in_child([&] {
      if (::setgroups(0, nullptr) != 0 || ::setgid(group) != 0 || ::setuid(other_uid) != 0) {
        return 255;
      }
      return connect_error(home / "x");
    });
  };
  CHECK(connects_as(77) == 0);
  CHECK(connects_as(78) == EACCES);
}

TEST_CASE("socket_file: a file that cannot be given away is refused without a trace") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chown(home.path().c_str(), other_uid, other_uid) == 0);
  const int failed = in_child_as(other_uid, [&] {
    const std::string text =
        text_thrown_by([&] { const socket_file made{home / "x", {.owner = 0, .group = 5}}; });
    if (text != "cannot listen on unix:" + (home / "x") +
                    ": uid 12345 cannot give the file to uid 0 gid 5: Operation not permitted; "
                    "that takes root, or for a group one of its members") {
      return 1;
    }
    return 0;
  });
  CHECK(failed == 0);
  CHECK(home.names().empty());
}

TEST_CASE("socket_file: a directory that strangers can write is taken only where it is said") {
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 0777) == 0);
  CHECK(problem(home / "x").find("so other users can replace the socket") != std::string::npos);
  {
    const socket_file made{home / "x", {.any_directory = true}};
    CHECK(connect_error(home / "x") == 0);
  }
  CHECK(connect_error(home / "x") == ENOENT);
}

TEST_CASE("socket_file: where nothing is in the way the kernel knows it by its final name") {
  const private_directory home;
  const socket_file made{home / "x", {.backlog = 8}};
  CHECK(kernel_lists(home / "x"));
}

TEST_CASE("socket_file: withdrawing removes the file and keeps the lock file, once") {
  const private_directory home;
  socket_file made{home / "x", {.backlog = 8}};
  made.withdraw();
  CHECK(home.names() == names{"x.lock"});
  const socket_file next{home / "x", {.backlog = 8}};
  made.withdraw();
  CHECK(home.names() == names{"x", "x.lock"});
}

TEST_CASE("socket_file: its destructor withdraws, and moving does not") {
  const private_directory home;
  std::optional<socket_file> first{std::in_place, home / "x"};
  std::optional<socket_file> moved{std::move(*first)};
  first.reset();
  CHECK(home.names() == names{"x", "x.lock"});
  std::optional<socket_file> other{std::in_place, home / "y"};
  *moved = std::move(*other);
  CHECK(home.names() == names{"x.lock", "y", "y.lock"});
  other.reset();
  CHECK(home.names() == names{"x.lock", "y", "y.lock"});
  moved.reset();
  CHECK(home.names() == names{"x.lock", "y.lock"});
}

TEST_CASE("socket_file: what has taken its name meanwhile stays") {
  const private_directory home;
  std::optional<socket_file> made{std::in_place, home / "x"};
  const file_descriptor other = bound_socket(home / "other");
  REQUIRE(::rename((home / "other").c_str(), (home / "x").c_str()) == 0);
  const ::ino_t theirs = inode(home / "x");
  made.reset();
  CHECK(inode(home / "x") == theirs);
}

TEST_CASE("socket_file: a forked child that destroys its copy removes nothing") {
  const private_directory home;
  std::optional<socket_file> made{std::in_place, home / "x"};
  REQUIRE(in_child([&] {
            made.reset();
            return 0;
          }) == 0);
  CHECK(connect_error(home / "x") == 0);
}

TEST_CASE("socket_file: a relative path stays the same file after chdir") {
  const private_directory home;
  CHECK(in_child([&] {
          if (::chdir(home.path().c_str()) != 0) return 1;
          std::optional<socket_file> made{std::in_place, "x"};
          if (::chdir("/") != 0) return 2;
          if (connect_error(home / "x") != 0) return 3;
          made.reset();
          return home.names() == names{"x.lock"} ? 0 : 4;
        }) == 0);
}

TEST_CASE("socket_file: the socket of a server that was killed is replaced") {
  const private_directory home;
  leave_dead_socket(home / "x");
  REQUIRE(connect_error(home / "x") == ECONNREFUSED);
  {
    const socket_file made{home / "x", {.backlog = 8}};
    CHECK(mode_of(home / "x") == 0600);
    CHECK(connect_error(home / "x") == 0);
    CHECK(home.names() == names{"x", "x.lock"});
    CHECK(kernel_lists(home / "x"));  // by the name that cleaners look for
  }
  CHECK(home.names() == names{"x.lock"});
}

TEST_CASE("socket_file: a dead socket without a lock file is replaced") {
  const private_directory home;
  bound_socket(home / "x");
  const socket_file made{home / "x", {.backlog = 8}};
  CHECK(connect_error(home / "x") == 0);
}

TEST_CASE("socket_file: a dead socket is replaced at the longest path") {
  const private_directory home;
  const std::string path = home / std::string(unix_path_bytes_max - home.path().size() - 1, 'x');
  leave_dead_socket(path);
  const socket_file made{path, {.backlog = 8}};
  CHECK(connect_error(path) == 0);
  CHECK(kernel_lists(path));
}

TEST_CASE("socket_file: what is no socket is refused, left alone, and gets no lock file") {
  const private_directory home;
  const auto expected = [](const std::string& what) {
    return "the path is " + what + " and is left alone; remove it or choose another path";
  };
  std::string what;
  SUBCASE("a regular file") {
    std::ofstream{home / "x"} << "keep";
    what = "a regular file";
  }
  SUBCASE("a directory") {
    REQUIRE(::mkdir((home / "x").c_str(), 0700) == 0);
    what = "a directory";
  }
  SUBCASE("a dangling symbolic link") {
    REQUIRE(::symlink("nowhere", (home / "x").c_str()) == 0);
    what = "a symbolic link";
  }
  SUBCASE("a symbolic link to a dead socket") {
    REQUIRE(::mkdir((home / "sub").c_str(), 0700) == 0);
    bound_socket(home / "sub/dead");
    REQUIRE(::symlink("sub/dead", (home / "x").c_str()) == 0);
    what = "a symbolic link";
  }
  SUBCASE("a named pipe") {
    REQUIRE(::mkfifo((home / "x").c_str(), 0600) == 0);
    what = "no socket";
  }
  const ::ino_t before = inode(home / "x");
  CHECK(problem(home / "x") == expected(what));
  CHECK(code_of(home / "x") == std::errc::file_exists);
  CHECK(inode(home / "x") == before);
  CHECK(inode(home / "x.lock") == 0);
  CHECK(inode(home / "nowhere") == 0);
}

TEST_CASE("socket_file: a second server on a path is refused and told who has it") {
  const private_directory home;
  const socket_file first{home / "x", {.backlog = 8}};
  const ::ino_t before = inode(home / "x");
  CHECK(problem(home / "x") == served_by_us);
  CHECK(code_of(home / "x") == std::errc::address_in_use);
  CHECK(in_child([&] { return problem(home / "x") == served_by_us ? 0 : 1; }) == 0);
  CHECK(inode(home / "x") == before);
  CHECK(connect_error(home / "x") == 0);
}

TEST_CASE("socket_file: a server whose lock file a cleaner removed keeps its path") {
  const private_directory home;
  const socket_file first{home / "x", {.backlog = 8}};
  REQUIRE(::unlink((home / "x.lock").c_str()) == 0);
  CHECK(problem(home / "x") == served_by_us);
  CHECK(home.names() == names{"x"});
  CHECK(connect_error(home / "x") == 0);
}

TEST_CASE("socket_file: a server that takes no lock keeps its path") {
  const private_directory home;
  const file_descriptor foreign = bound_socket(home / "x");
  REQUIRE(::listen(foreign.get(), 8) == 0);
  CHECK(problem(home / "x") == served_by_us);
  CHECK(home.names() == names{"x"});
}

TEST_CASE("socket_file: a killed server whose socket still listens is given time to end") {
  // So the kernel leaves the socket of a process that was killed with an accept in its ring.
  const private_directory home;
  file_descriptor left = bound_socket(home / "x");
  REQUIRE(in_child([&] { return ::listen(left.get(), 8); }) == 0);
  std::thread kernel{[&] {
    ::close(::accept(left.get(), nullptr, nullptr));  // the first attempt to connect
    left.reset();
  }};
  std::optional<socket_file> made;
  CHECK(text_thrown_by([&] { made.emplace(home / "x"); }) == "");
  kernel.join();
  CHECK(connect_error(home / "x") == 0);
  CHECK(problem(home / "x") == served_by_us);
}

TEST_CASE("socket_file: a socket that was passed on by a process that has ended is served") {
  const private_directory home;
  const file_descriptor inherited = bound_socket(home / "x");
  ::pid_t listener = 0;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(in_child([&] {
            const ::pid_t self = ::getpid();
            if (::write(ends[1], &self, sizeof self) != sizeof self) return 1;
            return ::listen(inherited.get(), 64);
          }) == 0);
  REQUIRE(::read(ends[0], &listener, sizeof listener) == sizeof listener);
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(problem(home / "x") == "it is served by whoever got the socket of pid " +
                                   std::to_string(listener) + " uid " +
                                   std::to_string(::geteuid()) +
                                   "; stop that server or choose another path");
  CHECK(home.names() == names{"x"});
}

TEST_CASE("socket_file: a server whose accept queue is full is alive") {
  const private_directory home;
  const socket_file first{home / "x", {.backlog = 0}};
  std::array<file_descriptor, 64> waiting;
  int error = 0;
  for (auto& one : waiting) {
    if (error = connect_error(home / "x", one); error != 0) break;
  }
  REQUIRE(error == EAGAIN);
  CHECK(problem(home / "x") ==
        "it is served by another process; stop that server or choose another path");
}

TEST_CASE("socket_file: while another process holds the lock its number is in the text") {
  const private_directory home;
  socket_file first{home / "x", {.backlog = 8}};
  const file_descriptor socket = first.take_socket();
  REQUIRE(::shutdown(socket.get(), SHUT_RDWR) == 0);  // it is ending: nobody answers any more
  REQUIRE(connect_error(home / "x") == ECONNREFUSED);
  CHECK(problem(home / "x") ==
        "pid " + std::to_string(::getpid()) + " holds " + (home / "x.lock") +
            " and is about to serve it, or to end; choose another path or try again");
  CHECK(code_of(home / "x") == std::errc::address_in_use);
}

TEST_CASE("socket_file: a socket of another type is left alone") {
  const private_directory home;
  const file_descriptor datagram = bound_socket(home / "x", SOCK_DGRAM);
  CHECK(problem(home / "x") ==
        "the path is a socket that may be in use (Protocol wrong type for socket); remove it or "
        "choose another path");
  CHECK(home.names() == names{"x"});
}

TEST_CASE("socket_file: a stranger's dead socket is left alone") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 01777) == 0);
  REQUIRE(in_child_as(other_uid, [&] {
            bound_socket(home / "x");
            return 0;
          }) == 0);
  CHECK(problem(home / "x") ==
        "the path is a socket of uid 12345 and is left alone; remove it or choose another path");
  CHECK(home.names() == names{"x"});
  CHECK(in_child_as(other_uid + 1, [&] {
          return problem(home / "x") == "the path is a socket of uid 12345 and is left alone; "
                                        "remove it or choose another path"
                     ? 0
                     : 1;
        }) == 0);
}

TEST_CASE("socket_file: a stranger's server is named with its user") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 01777) == 0);
  int ready[2];
  int go[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(go) == 0);
  const ::pid_t child = ::fork();
  if (child == 0) {
    const bool changed = ::setresuid(other_uid, other_uid, other_uid) == 0;
    const socket_file made{home / "x", {.backlog = 8}};
    char byte = changed ? 'y' : 'n';
    bool told = ::write(ready[1], &byte, 1) == 1;
    told = ::read(go[0], &byte, 1) == 1 && told;
    ::_exit(told ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(byte == 'y');
  CHECK(problem(home / "x") == "it is served by pid " + std::to_string(child) +
                                   " uid 12345; stop that server or choose another path");
  REQUIRE(::write(go[1], &byte, 1) == 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  for (const int end : {ready[0], ready[1], go[0], go[1]}) ::close(end);
}

TEST_CASE("socket_file: a path that cannot be one is refused before anything is looked at") {
  CHECK(problem('/' + std::string(111, 'd')) ==
        "socket path has 112 bytes, the limit is 107 (sockaddr_un); use a shorter directory");
  CHECK(problem("") == "socket path is empty; write /path/to/socket");
  CHECK(code_of("/tmp/") == std::errc::invalid_argument);
}

TEST_CASE("socket_file: a missing directory and one of strangers are refused") {
  const private_directory home;
  CHECK(problem(home / "no/x") == "the directory " + (home / "no") +
                                      " does not exist; create it first (mkdir -m 0700)");
  REQUIRE(::chmod(home.path().c_str(), 0777) == 0);
  CHECK(problem(home / "x").starts_with("the directory " + home.path() + " has mode 0777"));
  CHECK(home.names().empty());
}

TEST_CASE("socket_file: a file system that cannot be written is named") {
  const std::string text = problem("/proc/self/x");
  CHECK(text.starts_with("/proc/self/x.lock cannot be created by uid " +
                         std::to_string(::geteuid()) + ": "));
  CHECK(text.ends_with("; use a directory that this user can write"));
}

TEST_CASE("socket_file: of two processes that start at once exactly one serves") {
  // Half of the rounds find a dead socket in the way.
  constexpr int rounds = 40;
  const private_directory home;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    const std::string path = home / ("x" + std::to_string(round));
    if (round % 2 == 1) bound_socket(path);
    int start[2];
    int result[2];
    int end[2];
    REQUIRE(::pipe(start) == 0);
    REQUIRE(::pipe(result) == 0);
    REQUIRE(::pipe(end) == 0);
    std::array<::pid_t, 2> children{};
    for (::pid_t& child : children) {
      child = ::fork();
      if (child != 0) continue;
      ::close(start[1]);
      ::close(end[1]);
      char byte = 0;
      if (::read(start[0], &byte, 1) != 0) ::_exit(1);  // both start when the parent closes
      std::optional<socket_file> made;
      try {
        made.emplace(path);
        byte = 'S';
      } catch (const listen_error& thrown) {
        byte = thrown.code() == std::errc::address_in_use ? 'R' : 'E';
      }
      const bool told = ::write(result[1], &byte, 1) == 1;
      const bool ended = ::read(end[0], &byte, 1) == 0;
      ::_exit(told && ended ? 0 : 1);
    }
    ::close(start[1]);
    std::string outcomes(2, '?');
    for (char& outcome : outcomes) REQUIRE(::read(result[0], &outcome, 1) == 1);
    std::sort(outcomes.begin(), outcomes.end());
    CHECK(outcomes == "RS");
    CHECK(connect_error(path) == 0);
    ::close(end[1]);
    for (const ::pid_t child : children) {
      int status = -1;
      REQUIRE(::waitpid(child, &status, 0) == child);
      CHECK(status == 0);
    }
    for (const int one : {start[0], result[0], result[1], end[0]}) ::close(one);
  }
}
