// SPDX-License-Identifier: MIT
//
// The directory that a Unix socket's file is in. It is kept open, so that a
// later chdir(2) or rename of the directory changes nothing, and it is one in
// which no stranger can put something else in the socket's place.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/listen_error.hpp>

namespace ringrpc {
/// What lstat(2) says of a file.
using file_status = struct ::stat;

/// The permission bits of `mode` in octal, as chmod(1) takes them: `0755`.
[[nodiscard]] inline std::string mode_text(::mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777U);
  return text.data();
}

/// An open directory and the name of a socket in it. Move-only. No thread of its
/// own.
class socket_directory {
public:
  /// Opens the directory of `path`, symbolic links in it followed.
  /// @param path  of the socket; passed `check_unix_path`. Relative to the working
  ///              directory of now.
  /// @throws listen_error  where the directory is missing or cannot be used, or
  ///         where a stranger can write it: a group or others without the sticky
  ///         bit, or an owner who is neither root nor this process's user (root
  ///         itself may listen in anybody's directory).
  /// @param any_writers  takes such a directory nevertheless.
  explicit socket_directory(const std::string& path, bool any_writers = false);

  /// The socket's path as it was given.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// The socket's name in the directory.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// The path of `name() + suffix`, for texts.
  [[nodiscard]] std::string path_with(const std::string& suffix) const { return path_ + suffix; }
  /// The descriptor, for the ...at(2) calls.
  [[nodiscard]] int get() const noexcept { return directory_.get(); }

  /// What `entry` of the directory is; a symbolic link is not followed.
  /// @return errno, ENOENT where there is none.
  [[nodiscard]] io_result<file_status> look(const std::string& entry) const noexcept {
    file_status found{};
    if (::fstatat(get(), entry.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
      return io_failure(errno);
    }
    return found;
  }
  /// Removes `entry` if it is still the file that `known` is of.
  void remove(const std::string& entry, const file_status& known) const noexcept {
    const io_result<file_status> found = look(entry);
    if (!found || found->st_dev != known.st_dev || found->st_ino != known.st_ino) return;
    static_cast<void>(::unlinkat(get(), entry.c_str(), 0));
  }

  /// Ends a set-up. @param why  the rest of the sentence "cannot listen on PATH:".
  /// @param error  a positive errno.
  [[noreturn]] void refuse(const std::string& why, int error) const {
    throw listen_error{"unix:" + path_, why, errno_code(error)};
  }

private:
  void check_writers(const std::string& directory) const;

  std::string path_;
  std::string name_;
  file_descriptor directory_;
};

inline socket_directory::socket_directory(const std::string& path, bool any_writers)
    : path_(path) {
  const std::size_t slash = path.rfind('/');
  name_ = path.substr(slash + 1);  // npos + 1 is 0
  std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  if (directory.empty()) directory = "/";
  directory_.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) {
    const int error = errno;
    const std::string words = errno_code(error).message();
    if (error == ENOENT) {
      refuse("the directory " + directory + " does not exist; create it first (mkdir -m 0700)",
             error);
    }
    if (error == ENOTDIR) {
      refuse(directory + " is not a directory; choose a path in one", error);
    }
    refuse("the directory " + directory + " cannot be used by uid " +
               std::to_string(::geteuid()) + ": " + words,
           error);
  }
  if (!any_writers) check_writers(directory);
}

inline void socket_directory::check_writers(const std::string& directory) const {
  file_status found{};
  if (::fstat(get(), &found) != 0) {
    const int error = errno;
    refuse("the directory " + directory + " cannot be looked at: " + errno_code(error).message(),
           error);
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (found.st_mode & S_ISVTX) == 0) {
    refuse("the directory " + directory + " has mode " + mode_text(found.st_mode) +
               ", so other users can replace the socket; chmod go-w " + directory +
               ", or use a directory of mode 0700",
           EPERM);
  }
  const ::uid_t self = ::geteuid();
  if (self != 0 && found.st_uid != 0 && found.st_uid != self) {
    refuse("the directory " + directory + " belongs to uid " + std::to_string(found.st_uid) +
               ", who can replace the socket; use a directory of uid " + std::to_string(self),
           EPERM);
  }
}
}  // namespace ringrpc
