// SPDX-License-Identifier: MIT
//
// What a client program of these tests is made of, whatever library it is for: its
// flags, what a case may do, and how it reports. A case is a function that throws
// if what it got is not what is right.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "values.hpp"

extern char** environ;

namespace interop {
struct flags {
  std::string path;                // of the socket
  std::vector<std::string> cases;  // their names
  std::string server;              // "ringrpc", "grpcpp" or "grpcio"
  std::string hang;                // only makes a call of this name, which does not end
  pid_t server_pid = 0;
};

[[noreturn]] inline void refuse(const char* program) {
  std::fprintf(stderr, "usage: %s PATH --server NAME --server-pid PID CASE... | PATH --hang NAME\n",
               program);
  std::exit(2);
}

inline flags parse_flags(int argc, char** argv) {
  flags parsed;
  if (argc < 2) refuse(argv[0]);
  parsed.path = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      parsed.cases.emplace_back(word);
      continue;
    }
    if (++i == argc) refuse(argv[0]);
    const std::string_view value = argv[i];
    if (word == "--server") parsed.server = value;
    else if (word == "--hang") parsed.hang = value;
    else if (word == "--server-pid") {
      std::from_chars(value.data(), value.data() + value.size(), parsed.server_pid);
    } else refuse(argv[0]);
  }
  return parsed;
}

/// Thrown by a case that this client cannot try; not a failure.
struct left_out : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void expect(bool right, const std::string& what,
                   std::source_location where = std::source_location::current()) {
  if (right) return;
  throw std::runtime_error{"line " + std::to_string(where.line()) + ": " + what};
}

/// For reports: quoted, without what would break a line, and not too long.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t shown_max = 60;
  std::string made = "\"";
  for (const char c : text.substr(0, shown_max)) {
    if (c >= 0x20 && c < 0x7f) {
      made += c;
    } else {
      char code[5];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(c));
      made += code;
    }
  }
  made += '"';
  if (text.size() > shown_max) made += "... (" + std::to_string(text.size()) + " bytes)";
  return made;
}

inline void expect_equal(std::string_view got, std::string_view right, std::string_view what,
                         std::source_location where = std::source_location::current()) {
  if (got == right) return;
  expect(false, std::string{what} + " is " + quoted(got) + ", not " + quoted(right), where);
}

inline void expect_equal(long long got, long long right, std::string_view what,
                         std::source_location where = std::source_location::current()) {
  if (got == right) return;
  expect(false, std::string{what} + " is " + std::to_string(got) + ", not " + std::to_string(right),
         where);
}

/// A name that no other call on this machine has.
inline std::string fresh_name() {
  static int number = 0;
  return std::to_string(::getpid()) + "-" + std::to_string(++number);
}

/// Prints how the cases went, a line before and a line after each.
class report {
public:
  void begin(const std::string& name) {
    name_ = name;
    std::printf("run %s\n", name_.c_str());
    std::fflush(stdout);
  }
  void right() { print("ok", ""); }
  /// In a handler of exceptions: what was thrown is why the case is not right.
  void wrong() {
    try {
      throw;
    } catch (const left_out& why) {
      print("left-out", why.what());
    } catch (const std::exception& why) {
      print("failed", why.what());
      exit_status_ = 1;
    }
  }
  [[nodiscard]] int exit_status() const noexcept { return exit_status_; }

private:
  void print(const char* outcome, const char* why) {
    std::printf("%s %s %s\n", outcome, name_.c_str(), why);
    std::fflush(stdout);
  }

  std::string name_;
  int exit_status_ = 0;
};

/// That all fields of `sent` are in `got`: all values of a key, in their order.
/// `got_values(key)` gives a vector of them.
template <class Values>
void expect_metadata(const std::vector<field>& sent, Values got_values,
                     std::source_location where = std::source_location::current()) {
  for (const field& one : sent) {
    std::vector<std::string> right;
    for (const field& other : sent) {
      if (other.key == one.key) right.push_back(other.value);
    }
    const std::vector<std::string> got = got_values(one.key);
    expect_equal(static_cast<long long>(got.size()), static_cast<long long>(right.size()),
                 "the number of values of " + one.key, where);
    for (std::size_t i = 0; i < right.size(); ++i) {
      expect_equal(got[i], right[i], "value " + std::to_string(i) + " of " + one.key, where);
    }
  }
}

/// This program once more, with a call named `name` that does not end, to be killed
/// in the middle of it.
class hanging_copy {
public:
  hanging_copy(const flags& given, const std::string& name) {
    std::string self = "/proc/self/exe", flag = "--hang", path = given.path, value = name;
    char* arguments[] = {self.data(), path.data(), flag.data(), value.data(), nullptr};
    const int error = ::posix_spawn(&pid_, self.c_str(), nullptr, nullptr, arguments, environ);
    expect(error == 0, "posix_spawn failed");
  }
  hanging_copy(const hanging_copy&) = delete;
  hanging_copy& operator=(const hanging_copy&) = delete;
  ~hanging_copy() { kill(); }

  void kill() noexcept {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

private:
  pid_t pid_ = 0;
};
}  // namespace interop
