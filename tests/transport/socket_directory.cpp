// SPDX-License-Identifier: MIT
#include <ringrpc/transport/socket_directory.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <ostream>
#include <string>
#include <system_error>

#include "private_directory.hpp"

using namespace ringrpc;

namespace {
std::string problem(const std::string& path) {
  return text_thrown_by([&] { const socket_directory opened{path}; });
}
std::error_code code_of(const std::string& path) {
  try {
    const socket_directory opened{path};
  } catch (const listen_error& thrown) {
    return thrown.code();
  }
  return {};
}
}  // namespace

TEST_CASE("socket_directory: a path is taken apart into directory and name") {
  const private_directory home;
  const socket_directory opened{home / "x.sock"};
  CHECK(opened.path() == home / "x.sock");
  CHECK(opened.name() == "x.sock");
  CHECK(opened.path_with(".lock") == home / "x.sock.lock");
  struct ::stat descriptor {};
  struct ::stat named {};
  REQUIRE(::fstat(opened.get(), &descriptor) == 0);
  REQUIRE(::stat(home.path().c_str(), &named) == 0);
  CHECK(descriptor.st_ino == named.st_ino);
  CHECK((::fcntl(opened.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("socket_directory: a bare name is in the working directory, also after chdir") {
  const private_directory home;
  std::ofstream{home / "x"} << "x";
  CHECK(in_child([&] {
          if (::chdir(home.path().c_str()) != 0) return 1;
          const socket_directory opened{"x"};
          if (::chdir("/") != 0) return 2;
          return opened.look("x") ? 0 : 3;
        }) == 0);
}

TEST_CASE("socket_directory: a missing directory is named, and the remedy") {
  const private_directory home;
  const std::string path = home / "no/x.sock";
  CHECK(problem(path) == "cannot listen on unix:" + path + ": the directory " + (home / "no") +
                             " does not exist; create it first (mkdir -m 0700)");
  CHECK(code_of(path) == std::errc::no_such_file_or_directory);
}

TEST_CASE("socket_directory: a file in the place of the directory is refused") {
  const private_directory home;
  std::ofstream{home / "file"} << "x";
  const std::string path = home / "file/x.sock";
  CHECK(problem(path) == "cannot listen on unix:" + path + ": " + (home / "file") +
                             " is not a directory; choose a path in one");
  CHECK(code_of(path) == std::errc::not_a_directory);
}

TEST_CASE("socket_directory: a loop of symbolic links is refused with the kernel's words") {
  const private_directory home;
  REQUIRE(::symlink("loop", (home / "loop").c_str()) == 0);
  const std::string path = home / "loop/x.sock";
  CHECK(problem(path) == "cannot listen on unix:" + path + ": the directory " + (home / "loop") +
                             " cannot be used by uid " + std::to_string(::geteuid()) +
                             ": Too many levels of symbolic links");
}

TEST_CASE("socket_directory: a directory that others can write is refused unless it is sticky") {
  const private_directory home;
  struct row {
    ::mode_t mode;
    bool good;
  };
  for (const row& tried : {row{0700, true}, row{0755, true}, row{0750, true}, row{01777, true},
                           row{01770, true}, row{0777, false}, row{0770, false}, row{0775, false},
                           row{0702, false}}) {
    CAPTURE(tried.mode);
    REQUIRE(::chmod(home.path().c_str(), tried.mode) == 0);
    const std::string path = home / "x";
    const std::string expected =
        "cannot listen on unix:" + path + ": the directory " + home.path() + " has mode " +
        mode_text(tried.mode) + ", so other users can replace the socket; chmod go-w " +
        home.path() + ", or use a directory of mode 0700";
    CHECK(problem(path) == (tried.good ? "" : expected));
    if (!tried.good) CHECK(code_of(path) == std::errc::operation_not_permitted);
  }
}

TEST_CASE("socket_directory: a stranger's directory is refused, but root may listen anywhere") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::chmod(home.path().c_str(), 01777) == 0);
  REQUIRE(::chown(home.path().c_str(), other_uid + 1, 0) == 0);
  CHECK(problem(home / "x") == "");
  CHECK(in_child_as(other_uid, [&] {
          const std::string expected =
              "cannot listen on unix:" + (home / "x") + ": the directory " + home.path() +
              " belongs to uid 12346, who can replace the socket; use a directory of uid 12345";
          return problem(home / "x") == expected ? 0 : 1;
        }) == 0);
  CHECK(in_child_as(other_uid + 1, [&] { return problem(home / "x").empty() ? 0 : 1; }) == 0);
}

TEST_CASE("socket_directory: a directory that the user may not enter is refused") {
  if (!is_root()) {
    MESSAGE("not run: needs root");
    return;
  }
  const private_directory home;
  REQUIRE(::mkdir((home / "sub").c_str(), 0700) == 0);
  const std::string path = home / "sub/x";
  CHECK(in_child_as(other_uid, [&] {
          return problem(path) == "cannot listen on unix:" + path + ": the directory " +
                                      (home / "sub") +
                                      " cannot be used by uid 12345: Permission denied"
                     ? 0
                     : 1;
        }) == 0);
}

TEST_CASE("socket_directory: look does not follow a symbolic link") {
  const private_directory home;
  REQUIRE(::symlink("nowhere", (home / "link").c_str()) == 0);
  const socket_directory opened{home / "x"};
  const auto link = opened.look("link");
  REQUIRE(link);
  CHECK(S_ISLNK(link->st_mode));
  const auto nothing = opened.look("nowhere");
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error() == std::errc::no_such_file_or_directory);
}

TEST_CASE("socket_directory: remove takes away only the very file that was looked at") {
  const private_directory home;
  const socket_directory opened{home / "x"};
  std::ofstream{home / "one"} << "1";
  std::ofstream{home / "two"} << "2";
  const auto one = opened.look("one");
  REQUIRE(one);
  opened.remove("two", *one);
  CHECK(opened.look("two"));
  opened.remove("missing", *one);
  opened.remove("one", *one);
  CHECK_FALSE(opened.look("one"));
}

TEST_CASE("socket_directory: modes are shown as chmod takes them") {
  CHECK(mode_text(0755) == "0755");
  CHECK(mode_text(01777) == "1777");
  CHECK(mode_text(S_IFDIR | 0700) == "0700");
  CHECK(mode_text(0) == "0000");
}
