// SPDX-License-Identifier: MIT
//
// What a user reads where the kernel refuses io_uring.
#include <ringrpc/ring/ring.hpp>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include "../coro/support.hpp"
#include "support.hpp"

using namespace ringrpc;

namespace {
/// From now on this process gets `error` for `number`, as from a seccomp profile.
void forbid(long number, int error) {
  std::array filter{
      ::sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, nr)),
      ::sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
      ::sock_filter BPF_STMT(BPF_RET | BPF_K,
                             SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      ::sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const ::sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  test::check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
  test::check(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "PR_SET_SECCOMP");
}
/// RLIMIT_MEMLOCK is not for root, and counts all processes of a user: becomes one
/// that has no other.
void become_somebody() {
  const auto uid = static_cast<uid_t>(1'000'000 + ::getpid());
  if (::getuid() == 0) test::check(::setresuid(uid, uid, uid), "setresuid");
}
/// Makes a ring in a child process after `prepare`. @return what it says.
template <class Prepare> std::string refusal(Prepare prepare) {
  const test::child_end child = test::in_child([&prepare] {
    prepare();
    try {
      ring refused;
    } catch (const std::system_error& error) {
      std::fprintf(stderr, "%d: %s", error.code().value(), error.what());
    }
  });
  CHECK(child.signal == 0);
  CHECK(child.code == 0);
  return child.error;
}
bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("refused: EPERM names seccomp, Docker and the sysctl, and the errno in words") {
  const std::string text = refusal([] { forbid(SYS_io_uring_setup, EPERM); });
  CAPTURE(text);
  CHECK(contains(text, "1: io_uring was refused (io_uring_setup)"));
  CHECK(contains(text, "seccomp profile"));
  CHECK(contains(text, "Docker"));
  CHECK(contains(text, "kernel.io_uring_disabled"));
  CHECK(contains(text, "Operation not permitted"));
}

TEST_CASE("refused: ENOSYS names the kernel and seccomp") {
  const std::string text = refusal([] { forbid(SYS_io_uring_setup, ENOSYS); });
  CAPTURE(text);
  CHECK(contains(text, "io_uring was refused (io_uring_setup)"));
  CHECK(contains(text, "Linux 6.1"));
  CHECK(contains(text, "seccomp"));
  CHECK(contains(text, "Function not implemented"));
}

TEST_CASE("refused: a profile that allows set-up only is refused at set-up, not later") {
  const std::string text = refusal([] { forbid(SYS_io_uring_register, EPERM); });
  CAPTURE(text);
  CHECK(contains(text, "io_uring was refused (io_uring_register)"));
  CHECK(contains(text, "io_uring_register"));
}

TEST_CASE("refused: without memory to lock it names RLIMIT_MEMLOCK and what a ring needs") {
  const std::string text = refusal([] {
    const ::rlimit none{0, 0};
    test::check(::setrlimit(RLIMIT_MEMLOCK, &none), "setrlimit");
    become_somebody();
  });
  CAPTURE(text);
  // Kernels between 5.12 and 6.13 do not charge rings to the limit.
  if (!text.empty()) {
    CHECK(contains(text, "io_uring was refused (io_uring_setup)"));
    CHECK(contains(text, "RLIMIT_MEMLOCK is 0 KiB"));
    CHECK(contains(text, "36 KiB"));
    CHECK(contains(text, "Cannot allocate memory"));
  }
}

TEST_CASE("refused: where little memory can be locked, smaller queues are taken, and they work") {
  const test::child_end child = test::in_child([] {
    const ::rlimit little{16 * 1024, 16 * 1024};
    test::check(::setrlimit(RLIMIT_MEMLOCK, &little), "setrlimit");
    become_somebody();
    const test::pair sockets;
    ring on;
    on.spawn(test::echo(on, sockets.far()));
    if (on.run(test::talk(on, sockets.near(), 20)) != 20) ::_exit(1);
  });
  CHECK(child.error == "");
  CHECK(child.signal == 0);
  CHECK(child.code == 0);
}

TEST_CASE("refused: without a free descriptor it names RLIMIT_NOFILE") {
  const std::string text = refusal([] {
    const ::rlimit none{0, 0};
    test::check(::setrlimit(RLIMIT_NOFILE, &none), "setrlimit");
  });
  CAPTURE(text);
  CHECK(contains(text, "RLIMIT_NOFILE"));
  CHECK(contains(text, "Too many open files"));
}
