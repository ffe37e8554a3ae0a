// SPDX-License-Identifier: MIT
#include <ringrpc/ring/detail/cpu_allowance.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace ringrpc;

TEST_CASE("cpu_allowance: counts the processors of a list") {
  CHECK(detail::cpus_in_list("0-3\n") == 4);
  CHECK(detail::cpus_in_list("0") == 1);
  CHECK(detail::cpus_in_list("0-1,4,8-11\n") == 7);
  CHECK(detail::cpus_in_list("7-7") == 1);
}

TEST_CASE("cpu_allowance: a list that is none counts nothing") {
  CHECK(detail::cpus_in_list("") == 0);
  CHECK(detail::cpus_in_list("\n") == 0);
  CHECK(detail::cpus_in_list("all") == 0);
  CHECK(detail::cpus_in_list("3-") == 0);
  CHECK(detail::cpus_in_list("3-1") == 0);
}

TEST_CASE("cpu_allowance: a quota grants whole processors, at least one") {
  CHECK(detail::cpus_in_quota("200000 100000\n") == 2);
  CHECK(detail::cpus_in_quota("199999 100000\n") == 1);
  CHECK(detail::cpus_in_quota("5000 100000\n") == 1);
  CHECK(detail::cpus_in_quota("1600000 100000\n") == 16);
}

TEST_CASE("cpu_allowance: no quota, and text that is none, set no limit") {
  CHECK(detail::cpus_in_quota("max 100000\n") == 0);
  CHECK(detail::cpus_in_quota("") == 0);
  CHECK(detail::cpus_in_quota("100000") == 0);
  CHECK(detail::cpus_in_quota("100000 0") == 0);
}

TEST_CASE("cpu_allowance: this machine has at least one processor, and a missing file is empty") {
  CHECK(detail::cpus_allowed() >= 1);
  CHECK(detail::cpus_allowed() <= static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN)));
  CHECK(detail::file_text("/nonexistent/file").empty());
  CHECK_FALSE(detail::file_text("/proc/self/cgroup").empty());
}
