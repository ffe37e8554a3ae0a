// SPDX-License-Identifier: MIT
#include <ringrpc/ring/detail/uring_setup.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "../../coro/support.hpp"

using namespace ringrpc;

namespace {
struct attempt {
  unsigned flags, submissions, completions;
};

/// A kernel that knows some flags only, and has room for so many submissions. What
/// it does not refuse is made by the real one.
struct old_kernel {
  unsigned unknown_flags = 0;
  unsigned submissions_max = 1u << 15;
  int refusal = 0;  // if not 0: of everything, with this errno
  std::vector<attempt> attempts{};

  static inline old_kernel* now = nullptr;
  static int set_up(unsigned submissions, ::io_uring* ring, ::io_uring_params* wanted) {
    now->attempts.push_back({wanted->flags, submissions, wanted->cq_entries});
    if (now->refusal != 0) return -now->refusal;
    if ((wanted->flags & now->unknown_flags) != 0) return -EINVAL;
    if (submissions > now->submissions_max) return -ENOMEM;
    return ::io_uring_queue_init_params(submissions, ring, wanted);
  }
  /// Makes a ring. @return what was refused, or "".
  std::string make(const uring_options& options = {}) {
    now = this;
    attempts.clear();
    ::io_uring ring{};
    try {
      detail::set_up_uring(ring, options, &set_up);
    } catch (const std::system_error& error) {
      CHECK(error.code().category() == std::system_category());
      return error.what();
    }
    CHECK((ring.flags & unknown_flags) == 0);
    ::io_uring_queue_exit(&ring);
    return "";
  }
  unsigned last_flags() const { return attempts.back().flags; }
};

constexpr unsigned always = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED;
constexpr unsigned hint = IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
constexpr unsigned best = always | hint | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
constexpr unsigned second = always | hint | IORING_SETUP_COOP_TASKRUN;
}  // namespace

TEST_CASE("uring_setup: a kernel that knows all flags is asked once") {
  old_kernel kernel;
  CHECK(kernel.make() == "");
  REQUIRE(kernel.attempts.size() == 1);
  CHECK(kernel.last_flags() == best);
  CHECK(kernel.attempts[0].submissions == 256);
  CHECK(kernel.attempts[0].completions == 1024);
  CHECK(kernel.make({.defer_task_work = false}) == "");
  REQUIRE(kernel.attempts.size() == 1);
  CHECK(kernel.last_flags() == second);
}

TEST_CASE("uring_setup: each flag that is refused leads to the next best ones") {
  struct row {
    unsigned unknown;  // flags that came together
    std::vector<unsigned> tried;
  };
  const std::array rows{
      row{IORING_SETUP_DEFER_TASKRUN, {best, second}},
      row{IORING_SETUP_SINGLE_ISSUER, {best, second}},
      row{IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
          {best, second, always}},
      row{IORING_SETUP_TASKRUN_FLAG, {best, second, always}},
      row{IORING_SETUP_SUBMIT_ALL, {best, second, always}},
  };
  for (const row& one : rows) {
    CAPTURE(one.unknown);
    old_kernel kernel{.unknown_flags = one.unknown};
    CHECK(kernel.make() == "");
    REQUIRE(kernel.attempts.size() == one.tried.size());
    for (std::size_t i = 0; i < one.tried.size(); ++i) {
      CHECK(kernel.attempts[i].flags == one.tried[i]);
      CHECK(kernel.attempts[i].submissions == 256);
    }
  }
}

TEST_CASE("uring_setup: where no flags at all will do the text names the kernel that would") {
  old_kernel kernel{.unknown_flags = IORING_SETUP_R_DISABLED};
  CHECK(kernel.make() == "io_uring was refused (io_uring_setup): use Linux 6.1 or later: Invalid "
                         "argument");
  CHECK(kernel.attempts.size() == 3);
}

TEST_CASE("uring_setup: short of memory, smaller queues are taken, with the same flags") {
  old_kernel kernel{.submissions_max = 50};
  CHECK(kernel.make() == "");
  REQUIRE(kernel.attempts.size() == 4);
  CHECK(kernel.attempts[3].submissions == 32);
  CHECK(kernel.attempts[3].completions == 128);
  for (const attempt& one : kernel.attempts) CHECK(one.flags == best);
  // Flags and room both missing.
  old_kernel both{.unknown_flags = IORING_SETUP_DEFER_TASKRUN, .submissions_max = 100};
  CHECK(both.make({.submissions = 200, .completions = 200}) == "");
  REQUIRE(both.attempts.size() == 3);
  CHECK(both.attempts[2].flags == second);
  CHECK(both.attempts[2].submissions == 100);
  CHECK(both.attempts[2].completions == 100);
}

TEST_CASE("uring_setup: other refusals are final, each with its remedy") {
  struct row {
    int error;
    const char* words;
    const char* remedy;
  };
  for (const row& one : {row{EPERM, "Operation not permitted", "io_uring_disabled"},
                         row{ENOSYS, "Function not implemented", "Linux 6.1"},
                         row{EMFILE, "Too many open files", "RLIMIT_NOFILE"},
                         row{ENFILE, "Too many open files in system", "RLIMIT_NOFILE"},
                         row{EFAULT, "Bad address", "Linux 6.1"}}) {
    CAPTURE(std::string{one.words});
    old_kernel kernel{.refusal = one.error};
    const std::string text = kernel.make();
    CAPTURE(text);
    CHECK(text.starts_with("io_uring was refused (io_uring_setup): "));
    CHECK(text.ends_with(one.words));
    CHECK(text.find(one.remedy) != std::string::npos);
    CHECK(kernel.attempts.size() == 1);
  }
}

TEST_CASE("uring_setup: without any memory the text tells of the limit, where there is one") {
  const auto text_under = [](::rlim_t bytes) {
    const test::child_end child = test::in_child([bytes] {
      ::rlimit limit{};
      ::getrlimit(RLIMIT_MEMLOCK, &limit);
      limit.rlim_cur = bytes;
      if (bytes == RLIM_INFINITY) limit.rlim_max = bytes;
      if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) ::_exit(2);  // only root may raise it
      old_kernel kernel{.refusal = ENOMEM};
      const std::string text = kernel.make();
      std::fputs(text.c_str(), stderr);
      ::_exit(kernel.attempts.back().submissions == 8 ? 0 : 1);
    });
    return std::pair{child.code, child.error};
  };
  const auto [code, text] = text_under(32 * 1024);
  CHECK(code == 0);
  CHECK(text.find("RLIMIT_MEMLOCK is 32 KiB for all rings") != std::string::npos);
  const auto [unlimited_code, unlimited] = text_under(RLIM_INFINITY);
  if (unlimited_code == 2) return;
  CHECK(unlimited_code == 0);
  CHECK(unlimited == "io_uring was refused (io_uring_setup): the kernel has no memory left for it; "
                     "free some, or choose smaller queues: Cannot allocate memory");
}
