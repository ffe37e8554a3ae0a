// SPDX-License-Identifier: MIT
//
// What tests of Unix sockets share: a directory of their own and children with
// other users' rights.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

/// A directory of mode 0700 that is removed with all in it. Its path is absolute and short.
class private_directory {
public:
  private_directory() {
    char name[] = "/tmp/ringrpc.XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error{"mkdtemp failed"};
    path_ = name;
  }
  private_directory(const private_directory&) = delete;
  private_directory& operator=(const private_directory&) = delete;
  ~private_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  /// The path of `name` in it.
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }
  /// Sorted names of what is in it.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator{path_}) {
      found.push_back(entry.path().filename().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

private:
  std::string path_;
};

/// Runs `work` in a forked child and ends it there without destructors, as kill -9 would.
/// @return what `work` returned; 98 after a signal, 97 for an exception.
template <class Work>
int in_child(const Work& work) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    int result = 97;
    try {
      result = work();
    } catch (...) {
    }
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/// The same as the user and group `id`; this process must be root.
/// @return 99 where the user cannot be changed.
template <class Work>
int in_child_as(unsigned id, const Work& work) {
  return in_child([&] {
    if (::setresgid(id, id, id) != 0 || ::setresuid(id, id, id) != 0) return 99;
    return work();
  });
}
inline bool is_root() { return ::geteuid() == 0; }
/// A user who is neither root nor the one that unmapped users show as.
inline constexpr unsigned other_uid = 12345;

/// The text of the exception that `work` throws; empty if it throws none.
template <class Work>
std::string text_thrown_by(const Work& work) {
  try {
    work();
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
  return "";
}
