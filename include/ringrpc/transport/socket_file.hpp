// SPDX-License-Identifier: MIT
//
// A listening socket under a path of the file system: born with its mode, put in the
// place of a dead server's leftover but never of anything else, and removed at the end
// if it is still ours.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <ringrpc/base/result.hpp>
#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/transport/listen_error.hpp>
#include <ringrpc/transport/peer_info.hpp>
#include <ringrpc/transport/socket_directory.hpp>
#include <ringrpc/transport/socket_lock.hpp>
#include <ringrpc/transport/unix_path.hpp>

namespace ringrpc {
/// What a socket file is to be like. A plain value, safe in braces.
struct socket_file_options {
  /// Who may connect: they need the right to write. At least 0600.
  ::mode_t mode = 0600;
  /// The file's user and group; the unknown ids: those of this process. To give it to
  /// another user takes root, to another group root or a member of it (chown(2)).
  ::uid_t owner = unknown_uid;
  ::gid_t group = unknown_gid;
  /// Takes a directory in which strangers can put something else in the socket's place.
  bool any_directory = false;
  /// How many connections may wait to be accepted (listen(2)).
  int backlog = SOMAXCONN;
};

/// Owns the name of a listening Unix socket. Uses no umask(2), which is the whole
/// process's. Move-only; no thread of its own.
class socket_file {
public:
  /// Makes `path` a listening socket.
  ///
  /// Under the lock `PATH.lock` a connection attempt decides whether a socket that
  /// is there is served. A dead one of this user is removed first, so that the socket
  /// is bound to its final name always: cleaners of temporary directories tell by
  /// the name at bind(2) (/proc/net/unix) whether a socket lives, and a renamed one
  /// looks dead to them. Until then clients are refused as before, in other words.
  /// Nobody can connect before the file has its mode, owner and group.
  /// @throws listen_error  nothing is left behind then, and what was at the path
  ///         is untouched, but for a dead socket of this user.
  explicit socket_file(const std::string& path, const socket_file_options& options = {});
  socket_file(socket_file&& other) noexcept = default;
  socket_file& operator=(socket_file&& other) noexcept {
    if (this != &other) {
      withdraw();
      published_ = std::move(other.published_);
    }
    return *this;
  }
  ~socket_file() { withdraw(); }

  /// The listening socket, non-blocking and close-on-exec; the caller's from now
  /// on. Once.
  [[nodiscard]] file_descriptor take_socket() noexcept { return std::move(published_->socket); }

  /// Removes the file if it is still the one that was made here, and gives up the
  /// lock. A child that was forked removes nothing. Idempotent.
  void withdraw() noexcept;

private:
  struct published {
    published(socket_directory in, socket_lock by) noexcept
        : directory(std::move(in)), lock(std::move(by)) {}
    socket_directory directory;
    socket_lock lock;
    file_descriptor socket{};
    file_status file{};  // of the name at the path
    ::pid_t owner = ::getpid();
  };

  void publish(const socket_file_options& options);
  void set_mode_and_owner(const socket_file_options& options);

  std::unique_ptr<published> published_;
};

namespace detail {
/// The answer to a connection attempt.
struct socket_probe {
  int error;                // 0: somebody listens
  peer_credentials server;  // who called listen(2), where the kernel says so
};

inline socket_probe probe_socket(const socket_directory& directory) {
  const file_descriptor probe{
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!probe) {
    const int error = errno;
    directory.refuse("no socket can be made: " + errno_code(error).message(), error);
  }
  const socket_address address = unix_socket_address(directory.path());
  if (::connect(probe.get(), address.data(), address.size()) != 0) return {errno, {}};
  const io_result<peer_credentials> server = peer_credentials::of_peer(probe.get());
  return {0, server ? *server : peer_credentials{}};
}

/// Whether the process is gone, or a zombie.
inline bool has_ended(::pid_t pid) noexcept {
  // glibc 2.36 declares pidfd_open(2) for C only.
  const file_descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!process) return errno == ESRCH;
  ::pollfd ended{process.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 1;
}

/// The same, but the socket of a server that has just been killed counts as dead: the
/// kernel takes the ring of such a process apart in the background, and with an accept
/// in it the socket listens for some milliseconds longer than the process lives. It
/// gets half a second, for the socket may also have been passed on to a live process.
inline socket_probe probe_settled_socket(const socket_directory& directory) {
  constexpr int tries = 50;
  constexpr int wait_ms = 10;
  for (int i = 0;; ++i) {
    const socket_probe found = probe_socket(directory);
    const bool dying = found.error == 0 && found.server.pid > 0 && has_ended(found.server.pid);
    if (!dying || i == tries) return found;
    ::poll(nullptr, 0, wait_ms);
  }
}

/// Looks at what is at the path of `directory`.
/// @return a dead socket of this user, or none: nothing is there.
/// @throws listen_error  where it must stay as it is: it is served, no socket, or not
///         this user's.
inline std::optional<file_status> look_at_path(const socket_directory& directory) {
  const io_result<file_status> found = directory.look(directory.name());
  if (!found) {
    if (found.error() == std::errc::no_such_file_or_directory) return std::nullopt;
    directory.refuse("the path cannot be looked at: " + found.error().message(),
                     found.error().value());
  }
  if (!S_ISSOCK(found->st_mode)) {
    const char* const what = S_ISREG(found->st_mode)   ? "a regular file"
                             : S_ISDIR(found->st_mode) ? "a directory"
                             : S_ISLNK(found->st_mode) ? "a symbolic link"
                                                       : "no socket";
    directory.refuse(std::string{"the path is "} + what +
                         " and is left alone; remove it or choose another path",
                     EEXIST);
  }
  const auto [error, server] = probe_settled_socket(directory);
  const std::string remedy = "; stop that server or choose another path";
  if (error == 0) {
    const std::string uid =
        server.uid != unknown_uid ? " uid " + std::to_string(server.uid) : std::string{};
    const std::string pid = "pid " + std::to_string(server.pid);
    directory.refuse("it is served by " +
                         (server.pid <= 0           ? "another process" + uid
                          : has_ended(server.pid) ? "whoever got the socket of " + pid + uid
                                                    : pid + uid) +
                         remedy,
                     EADDRINUSE);
  }
  // The accept queue is full: somebody listens, and cannot be asked who.
  if (error == EAGAIN) directory.refuse("it is served by another process" + remedy, EADDRINUSE);
  if (error == ENOENT) return std::nullopt;
  if (found->st_uid != ::geteuid()) {
    directory.refuse("the path is a socket of uid " + std::to_string(found->st_uid) +
                         " and is left alone; remove it or choose another path",
                     EADDRINUSE);
  }
  if (error != ECONNREFUSED) {
    directory.refuse("the path is a socket that may be in use (" + errno_code(error).message() +
                         "); remove it or choose another path",
                     EADDRINUSE);
  }
  return *found;
}
}  // namespace detail

inline socket_file::socket_file(const std::string& path,
                                const socket_file_options& options) {
  const basic_result<void, std::string> checked = check_unix_path(path);
  if (!checked) throw listen_error{"unix:" + path, checked.error(), errno_code(EINVAL)};
  if ((options.mode & ~0777U) != 0 || (options.mode & 0600U) != 0600U) {
    throw listen_error{"unix:" + path,
                       "mode " + mode_text(options.mode) +
                           " is none for a socket; write one from 0600 to 0777, such as 0660",
                       errno_code(EINVAL)};
  }
  socket_directory directory{path, options.any_directory};
  // Once without the lock, so that no lock file appears beside what is not ours.
  static_cast<void>(detail::look_at_path(directory));
  socket_lock lock{directory};
  if (!lock.held()) {
    static_cast<void>(detail::look_at_path(directory));  // who serves it is the better text
    directory.refuse((lock.holder() != 0 ? "pid " + std::to_string(lock.holder())
                                         : std::string{"another process"}) +
                         " holds " + directory.path_with(".lock") +
                         " and is about to serve it, or to end; choose another path or try again",
                     EADDRINUSE);
  }
  published_ = std::make_unique<published>(std::move(directory), std::move(lock));
  try {
    const std::optional<file_status> dead = detail::look_at_path(published_->directory);
    if (dead) published_->directory.remove(published_->directory.name(), *dead);
    publish(options);
  } catch (...) {
    published_->lock.remove_if_new(published_->directory);
    published_.reset();
    throw;
  }
}

inline void socket_file::publish(const socket_file_options& options) {
  published& made = *published_;
  const socket_directory& directory = made.directory;
  const std::string& name = directory.name();
  const std::string& path = directory.path();
  const auto failed = [&](const std::string& what, int error) {
    directory.refuse(what + ": " + errno_code(error).message(), error);
  };

  made.socket.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made.socket) failed("no socket can be made", errno);
  // Linux gives the file the mode of the socket (less the umask), so there is no
  // moment at which it has another one. A test holds it to that.
  if (::fchmod(made.socket.get(), options.mode) != 0) {
    failed("the socket's mode cannot be set", errno);
  }
  const socket_address address = unix_socket_address(path);
  if (::bind(made.socket.get(), address.data(), address.size()) != 0) {
    const int error = errno;
    failed(error == EADDRINUSE
               ? "something else appeared at " + path + ", or the dead socket cannot be removed"
               : path + " cannot be created by uid " + std::to_string(::geteuid()),
           error);
  }
  const io_result<file_status> bound = directory.look(name);
  if (!bound || !S_ISSOCK(bound->st_mode)) {
    directory.refuse(path + " was replaced while it was made; see what does that", EAGAIN);
  }
  made.file = *bound;
  try {
    set_mode_and_owner(options);
    if (::listen(made.socket.get(), options.backlog) != 0) {
      failed("the socket cannot listen", errno);
    }
  } catch (...) {
    directory.remove(name, made.file);
    throw;
  }
}

/// Until listen(2) nobody can connect, so there is no hurry.
inline void socket_file::set_mode_and_owner(const socket_file_options& options) {
  const socket_directory& directory = published_->directory;
  // By a handle on the very file, whatever the name may mean by now.
  const file_descriptor file{
      ::openat(directory.get(), directory.name().c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  file_status found{};
  if (!file || ::fstat(file.get(), &found) != 0 || found.st_ino != published_->file.st_ino ||
      found.st_dev != published_->file.st_dev) {
    directory.refuse(directory.path() + " was replaced while it was made; see what does that",
                     EAGAIN);
  }
  if (options.owner != unknown_uid || options.group != unknown_gid) {
    if (::fchownat(file.get(), "", options.owner, options.group, AT_EMPTY_PATH) != 0) {
      const int error = errno;
      std::string to;
      if (options.owner != unknown_uid) to += " uid " + std::to_string(options.owner);
      if (options.group != unknown_gid) to += " gid " + std::to_string(options.group);
      directory.refuse("uid " + std::to_string(::geteuid()) + " cannot give the file to" + to +
                           ": " + errno_code(error).message() +
                           "; that takes root, or for a group one of its members",
                       error);
    }
  }
  // bind(2) took away what the umask does not grant.
  if ((found.st_mode & 07777U) != options.mode) {
    const std::string link = "/proc/self/fd/" + std::to_string(file.get());
    static_cast<void>(::chmod(link.c_str(), options.mode));
    static_cast<void>(::fstat(file.get(), &found));
  }
  if (const ::mode_t given = found.st_mode & 07777U; given != options.mode) {
    directory.refuse("the file has mode " + mode_text(given) + " instead of " +
                         mode_text(options.mode) +
                         ": the file system ignores modes, or /proc is missing; use another "
                         "directory",
                     EPERM);
  }
}

inline void socket_file::withdraw() noexcept {
  if (!published_) return;
  if (published_->owner == ::getpid()) {
    published_->directory.remove(published_->directory.name(), published_->file);
  }
  published_.reset();
}
}  // namespace ringrpc
