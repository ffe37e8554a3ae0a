// SPDX-License-Identifier: MIT
//
// The lock that makes two servers on one path take turns: flock(2) on
// `PATH.lock`. It orders those who set up; whether a server is alive is never
// told by the lock alone, for cleaners of temporary directories delete such files.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <string>
#include <utility>

#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/socket_directory.hpp>

namespace ringrpc {
/// A lock file of one socket path. Held until destruction, and by children that
/// were forked meanwhile and neither ended nor called execve(2). The file stays:
/// removing it would let a third process lock another one of that name.
/// Move-only.
class socket_lock {
public:
  /// Takes the lock, without waiting for it.
  /// @throws listen_error  where the file cannot be made, or is none of ours: not a
  ///         regular file of this user's with this name only, or with other content
  ///         than a process number. Nothing is touched then.
  explicit socket_lock(const socket_directory& directory);

  /// Whether this object has the lock; if not, another process (or another
  /// listener of this one) has.
  [[nodiscard]] bool held() const noexcept { return held_; }
  /// Where it is not held: the process that wrote its number there; 0: unknown.
  [[nodiscard]] ::pid_t holder() const noexcept { return holder_; }
  /// Where it is held and this object made the file: removes it again. For a
  /// set-up that fails, which leaves nothing behind.
  void remove_if_new(const socket_directory& directory) noexcept {
    if (held_ && is_new_) directory.remove(name_, file_);
  }

private:
  // The longest content: a process number and a newline. (PID_MAX_LIMIT has 7 digits.)
  static constexpr std::size_t bytes_max = 16;

  bool open(const socket_directory& directory);
  void check(const socket_directory& directory);
  void check_content(const socket_directory& directory) const;
  [[nodiscard]] ::pid_t read_holder() const noexcept;
  void write_holder() const noexcept;

  std::string name_;
  file_descriptor lock_;
  file_status file_{};
  ::pid_t holder_ = 0;
  bool is_new_ = false;
  bool held_ = false;
};

inline socket_lock::socket_lock(const socket_directory& directory)
    : name_(directory.name() + ".lock") {
  // Once more where the file was made or replaced by others between two steps.
  constexpr int attempts_max = 100;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (!open(directory)) continue;
    check(directory);
    int locked = ::flock(lock_.get(), LOCK_EX | LOCK_NB);
    while (locked != 0 && errno == EINTR) locked = ::flock(lock_.get(), LOCK_EX | LOCK_NB);
    if (locked != 0 && errno == EWOULDBLOCK) {
      holder_ = read_holder();
      return;
    }
    if (locked != 0) {
      const int error = errno;
      directory.refuse(directory.path_with(".lock") + " cannot be locked: " +
                           errno_code(error).message() + "; use a directory on a local file system",
                       error);
    }
    const io_result<file_status> named = directory.look(name_);
    if (named && named->st_dev == file_.st_dev && named->st_ino == file_.st_ino) {
      check_content(directory);
      held_ = true;
      // Whoever can open the file can lock it: nobody else should. Where that fails
      // (a file system without modes) the lock still works.
      static_cast<void>(::fchmod(lock_.get(), 0600));
      write_holder();
      return;
    }
  }
  directory.refuse(directory.path_with(".lock") + " is replaced all the time; see what does that",
                   EAGAIN);
}

/// @return false: try again.
inline bool socket_lock::open(const socket_directory& directory) {
  constexpr int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  is_new_ = false;
  lock_.reset(::openat(directory.get(), name_.c_str(), flags));
  if (lock_) return true;
  int error = errno;
  if (error == ENOENT) {
    lock_.reset(::openat(directory.get(), name_.c_str(), flags | O_CREAT | O_EXCL, 0600));
    is_new_ = static_cast<bool>(lock_);
    if (lock_) return true;
    error = errno;
    if (error == EEXIST) return false;
    directory.refuse(directory.path_with(".lock") + " cannot be created by uid " +
                         std::to_string(::geteuid()) + ": " + errno_code(error).message() +
                         "; use a directory that this user can write",
                     error);
  }
  if (error == ELOOP || error == EISDIR || error == ENXIO) {
    directory.refuse(directory.path_with(".lock") + " is no regular file; remove it", error);
  }
  const io_result<file_status> found = directory.look(name_);
  directory.refuse(directory.path_with(".lock") +
                       (found ? " of uid " + std::to_string(found->st_uid) : std::string{}) +
                       " cannot be opened by uid " + std::to_string(::geteuid()) + ": " +
                       errno_code(error).message() + "; remove it or choose another path",
                   error);
}

inline void socket_lock::check(const socket_directory& directory) {
  if (::fstat(lock_.get(), &file_) != 0) {
    const int error = errno;
    directory.refuse(
        directory.path_with(".lock") + " cannot be looked at: " + errno_code(error).message(),
        error);
  }
  if (!S_ISREG(file_.st_mode)) {
    directory.refuse(directory.path_with(".lock") + " is no regular file; remove it", EEXIST);
  }
  if (file_.st_uid != ::geteuid()) {
    directory.refuse(directory.path_with(".lock") + " belongs to uid " +
                         std::to_string(file_.st_uid) + " and not to uid " +
                         std::to_string(::geteuid()) + "; remove it or choose another path",
                     EPERM);
  }
  // 0: it has lost its name since it was opened, which is found after flock(2).
  if (file_.st_nlink > 1) {
    directory.refuse(directory.path_with(".lock") + " has " + std::to_string(file_.st_nlink) +
                         " names (hard links), so it may be some other file; remove this name or "
                         "choose another path",
                     EEXIST);
  }
}

// The content is about to be replaced, so it must be what another process wrote here
// for the same purpose: `PATH.lock` is a name that package managers use, too.
inline void socket_lock::check_content(const socket_directory& directory) const {
  std::array<char, bytes_max + 1> text{};
  const ::ssize_t bytes = ::pread(lock_.get(), text.data(), text.size(), 0);
  if (bytes == 0) return;
  bool ours = bytes > 1 && bytes <= static_cast<::ssize_t>(bytes_max);
  for (::ssize_t i = 0; ours && i < bytes; ++i) {
    const char at = text[static_cast<std::size_t>(i)];
    ours = i + 1 == bytes ? at == '\n' : at >= '0' && at <= '9';
  }
  if (!ours) {
    directory.refuse(directory.path_with(".lock") +
                         " has other content than the number of a process, so it is no lock file "
                         "of a socket; remove it or choose another path",
                     EEXIST);
  }
}

inline ::pid_t socket_lock::read_holder() const noexcept {
  std::array<char, bytes_max> text{};
  const ::ssize_t bytes = ::pread(lock_.get(), text.data(), text.size(), 0);
  ::pid_t found = 0;
  if (bytes > 0) std::from_chars(text.data(), text.data() + bytes, found);
  return found > 0 ? found : 0;
}

inline void socket_lock::write_holder() const noexcept {
  // Only for the texts of others; a full disk must not stop a server.
  std::array<char, bytes_max> text{};
  char* const end = std::to_chars(text.data(), text.data() + text.size() - 1, ::getpid()).ptr;
  *end = '\n';
  if (::ftruncate(lock_.get(), 0) != 0) return;
  const std::size_t bytes = static_cast<std::size_t>(end + 1 - text.data());
  static_cast<void>(::pwrite(lock_.get(), text.data(), bytes, 0) == 0);
}
}  // namespace ringrpc
