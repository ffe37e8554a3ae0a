// SPDX-License-Identifier: MIT
#include <ringrpc/ring/turn_budget.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace ringrpc;

namespace {
/// Has pieces of 60 bytes to do, and says each time who it is.
struct worker : turn_budget::waiter {
  worker(turn_budget& budget, std::string& done, char name, int pieces)
      : waiter([](waiter& self) noexcept { static_cast<worker&>(self).work(); }),
        budget_(budget),
        done_(done),
        name_(name),
        pieces_(pieces) {}
  void work() {
    while (pieces_ > 0 && budget_.admits(*this)) {
      --pieces_;
      done_ += name_;
      budget_.spend(60);
    }
  }
  turn_budget& budget_;
  std::string& done_;
  char name_;
  int pieces_;
};
}  // namespace

TEST_CASE("turn_budget: a turn has room for so many bytes, and the piece that reaches them") {
  turn_budget budget{100};
  std::string done;
  worker a{budget, done, 'a', 5};
  a.work();
  CHECK(done == "aa");
  CHECK(budget.has_waiters());
  CHECK(budget.begin_turn() == 1);
  CHECK(done == "aaaa");
  CHECK(budget.begin_turn() == 1);
  CHECK(done == "aaaaa");
  CHECK_FALSE(budget.has_waiters());
  CHECK(budget.begin_turn() == 0);
}

TEST_CASE("turn_budget: who comes later stands behind those who wait") {
  turn_budget budget{100};
  std::string done;
  worker a{budget, done, 'a', 3};
  worker b{budget, done, 'b', 3};
  worker c{budget, done, 'c', 1};
  a.work();
  b.work();
  CHECK(done == "aa");
  CHECK(budget.begin_turn() == 2);  // the rest of a, then b
  c.work();                         // although b's last piece is still to come
  CHECK(done == "aaab");
  CHECK(budget.begin_turn() == 1);
  CHECK(done == "aaabbb");
  CHECK(budget.begin_turn() == 1);
  CHECK(done == "aaabbbc");
}

TEST_CASE("turn_budget: with an empty line nobody waits before the budget is spent") {
  turn_budget budget{100};
  std::string done;
  worker a{budget, done, 'a', 1};
  worker b{budget, done, 'b', 1};
  a.work();
  b.work();
  CHECK(done == "ab");
  CHECK_FALSE(budget.has_waiters());
}

TEST_CASE("turn_budget: one that dies in line is passed over") {
  turn_budget budget{100};
  std::string done;
  worker a{budget, done, 'a', 2};
  a.work();
  {
    worker b{budget, done, 'b', 1};
    b.work();
    CHECK(budget.has_waiters());
  }
  CHECK_FALSE(budget.has_waiters());
  CHECK(done == "aa");
}

TEST_CASE("turn_budget: a piece that is larger than the budget is done whole, one a turn") {
  turn_budget budget{10};
  std::string done;
  worker a{budget, done, 'a', 3};
  a.work();
  CHECK(done == "a");
  CHECK(budget.begin_turn() == 1);
  CHECK(done == "aa");
}
