// SPDX-License-Identifier: MIT
//
// Making an io_uring: the flags by trying, from the best to none, and a text for
// whoever is refused.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include <liburing.h>

#include <ringrpc/ring/uring_options.hpp>

namespace ringrpc::detail {
/// What to do about an errno of io_uring_setup(2).
inline std::string uring_remedy(int error) {
  if (error == EPERM) {
    int disabled = 0;
    if (std::FILE* file = std::fopen("/proc/sys/kernel/io_uring_disabled", "re")) {
      if (std::fscanf(file, "%d", &disabled) != 1) disabled = 0;
      std::fclose(file);
    }
    if (disabled == 1) {
      return "it is disabled for unprivileged processes; set the sysctl kernel.io_uring_disabled "
             "to 0, or join the group of kernel.io_uring_group";
    }
    if (disabled != 0) return "it is disabled; set the sysctl kernel.io_uring_disabled to 0";
    return "a seccomp profile forbids it, as that of Docker does; allow io_uring_setup, "
           "io_uring_enter and io_uring_register (the sysctl kernel.io_uring_disabled allows it)";
  }
  if (error == ENOSYS) {
    return "the kernel has none, or a seccomp profile hides it; use Linux 6.1 or later, and allow "
           "io_uring_setup, io_uring_enter and io_uring_register";
  }
  if (error == ENOMEM) {
    ::rlimit limit{};
    static_cast<void>(::getrlimit(RLIMIT_MEMLOCK, &limit));
    if (limit.rlim_cur == RLIM_INFINITY) {
      return "the kernel has no memory left for it; free some, or choose smaller queues";
    }
    return "RLIMIT_MEMLOCK is " + std::to_string(limit.rlim_cur / 1024) +
           " KiB for all rings of this user together; a ring needs 36 KiB, at least 8; raise it "
           "(ulimit -l, LimitMEMLOCK= of systemd)";
  }
  if (error == EMFILE || error == ENFILE) return "no descriptor is left; raise RLIMIT_NOFILE";
  return "use Linux 6.1 or later";
}

[[noreturn]] inline void throw_uring_refused(const char* call, int error) {
  std::string text = "io_uring was refused (";
  text.append(call).append("): ").append(uring_remedy(error));
  throw std::system_error{error, std::system_category(), text};
}

/// How a ring is made: as io_uring_queue_init_params(3).
using uring_setup_call = int (*)(unsigned submissions, ::io_uring* ring,
                                 ::io_uring_params* wanted);

/// Makes the ring, disabled until the thread that will use it enables it.
/// @param set_up  the kernel's own, except in tests.
/// @throws std::system_error  as `ring`'s constructor.
inline void set_up_uring(::io_uring& ring, const uring_options& options,
                         uring_setup_call set_up = &::io_uring_queue_init_params) {
  constexpr unsigned always = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
  constexpr unsigned hint = IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
  constexpr std::array attempts{
      always | hint | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,  // Linux 6.1
      always | hint | IORING_SETUP_COOP_TASKRUN,                                // 5.19
      always,
  };
  std::size_t attempt = options.defer_task_work ? 0 : 1;
  unsigned submissions = std::max(options.submissions, 1u);
  unsigned completions = std::max(options.completions, submissions);
  for (;;) {
    ::io_uring_params params{};
    params.flags = attempts[attempt];
    params.cq_entries = completions;
    const int result = set_up(submissions, &ring, &params);
    if (result == 0) break;
    if (result == -EINVAL && attempt + 1 < attempts.size()) {
      ++attempt;
    } else if (result == -ENOMEM && submissions > 8) {
      submissions /= 2;
      completions = std::max(completions / 2, submissions);
    } else {
      throw_uring_refused("io_uring_setup", -result);
    }
  }
  // Operations of Linux 5.19 stand for what else came with it: buffer rings and
  // IORING_RECVSEND_POLL_FIRST.
  ::io_uring_probe* probe = ::io_uring_get_probe_ring(&ring);
  const bool recent = probe != nullptr && ::io_uring_opcode_supported(probe, IORING_OP_SOCKET) != 0;
  if (probe != nullptr) ::io_uring_free_probe(probe);
  if (!recent) {
    ::io_uring_queue_exit(&ring);
    throw_uring_refused("io_uring_register", ENOSYS);
  }
  // A child of fork(2) would share the queues and could submit in our name.
  static_cast<void>(::io_uring_ring_dontfork(&ring));
}
}  // namespace ringrpc::detail
