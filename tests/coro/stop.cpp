// SPDX-License-Identifier: MIT
#include <ringrpc/coro/stop.hpp>

#include <optional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace ringrpc;

namespace {
struct counting : stop_callback {
  counting()
      : stop_callback([](stop_callback& self) noexcept { ++static_cast<counting&>(self).calls; }) {}
  int calls = 0;
};

/// Destroys another callback from inside of `request_stop`.
struct destroying : stop_callback {
  destroying()
      : stop_callback(
            [](stop_callback& self) noexcept { static_cast<destroying&>(self).victim.reset(); }) {}
  std::optional<counting> victim;
};

/// Requests the stop again from inside of it, and arms a callback.
struct impatient : stop_callback {
  explicit impatient(stop_source& of)
      : stop_callback([](stop_callback& self) noexcept {
          impatient& one = static_cast<impatient&>(self);
          one.saw_request = one.source.stop_requested();
          one.source.request_stop();
          one.armed = one.late.arm(one.source.token());
        }),
        source(of) {}
  stop_source& source;
  counting late;
  bool armed = true;
  bool saw_request = false;
};
}  // namespace

TEST_CASE("stop_token: one without a source is never stopped") {
  stop_token token;
  CHECK_FALSE(token.stop_requested());
  CHECK_FALSE(token.stop_possible());
  counting callback;
  CHECK(callback.arm(token));
  CHECK_FALSE(callback.linked());
}

TEST_CASE("stop_token: tokens are equal when they are of one source") {
  stop_source one;
  stop_source other;
  CHECK(one.token() == one.token());
  CHECK_FALSE(one.token() == other.token());
  CHECK_FALSE(one.token() == stop_token{});
  CHECK(stop_token{} == stop_token{});
}

TEST_CASE("stop_source: a request shows in all its tokens") {
  stop_source source;
  stop_token token = source.token();
  CHECK(token.stop_possible());
  CHECK_FALSE(token.stop_requested());
  CHECK_FALSE(source.stop_requested());
  source.request_stop();
  CHECK(token.stop_requested());
  CHECK(source.stop_requested());
  CHECK(source.token().stop_requested());
}

TEST_CASE("stop_callback: is called once, however often a stop is requested") {
  stop_source source;
  counting first;
  counting second;
  CHECK(first.arm(source.token()));
  CHECK(second.arm(source.token()));
  CHECK(first.calls == 0);
  source.request_stop();
  source.request_stop();
  CHECK(first.calls == 1);
  CHECK(second.calls == 1);
  CHECK_FALSE(first.linked());
}

TEST_CASE("stop_callback: arming after the request is refused, and nothing is called") {
  stop_source source;
  source.request_stop();
  counting callback;
  CHECK_FALSE(callback.arm(source.token()));
  CHECK(callback.calls == 0);
  CHECK_FALSE(callback.linked());
}

TEST_CASE("stop_callback: one that was disarmed or died is not called") {
  stop_source source;
  counting disarmed;
  CHECK(disarmed.arm(source.token()));
  disarmed.disarm();
  disarmed.disarm();
  {
    counting dead;
    CHECK(dead.arm(source.token()));
  }
  source.request_stop();
  CHECK(disarmed.calls == 0);
}

TEST_CASE("stop_callback: can be armed again after it was disarmed") {
  stop_source first;
  stop_source second;
  counting callback;
  CHECK(callback.arm(first.token()));
  callback.disarm();
  CHECK(callback.arm(second.token()));
  first.request_stop();
  CHECK(callback.calls == 0);
  second.request_stop();
  CHECK(callback.calls == 1);
}

TEST_CASE("stop_callback: may destroy the one that would be called next") {
  stop_source source;
  destroying first;
  first.victim.emplace();
  counting last;
  CHECK(first.arm(source.token()));
  CHECK(first.victim->arm(source.token()));
  CHECK(last.arm(source.token()));
  source.request_stop();
  CHECK_FALSE(first.victim.has_value());
  CHECK(last.calls == 1);
}

TEST_CASE("stop_source: a request from inside of a request does nothing more") {
  stop_source source;
  impatient first{source};
  counting last;
  CHECK(first.arm(source.token()));
  CHECK(last.arm(source.token()));
  source.request_stop();
  CHECK(last.calls == 1);
  CHECK(first.saw_request);
  CHECK_FALSE(first.armed);
  CHECK(first.late.calls == 0);
}

TEST_CASE("stop_source: one that dies lets go of its callbacks") {
  counting callback;
  {
    stop_source source;
    CHECK(callback.arm(source.token()));
    CHECK(callback.linked());
  }
  CHECK_FALSE(callback.linked());
  CHECK(callback.calls == 0);
}

TEST_CASE("linked_stop_source: is stopped with its parent, and never stops it") {
  stop_source parent;
  linked_stop_source child{parent.token()};
  linked_stop_source grandchild{child.token()};
  linked_stop_source sibling{parent.token()};
  counting callback;
  CHECK(callback.arm(grandchild.token()));

  sibling.request_stop();
  CHECK_FALSE(parent.stop_requested());
  CHECK_FALSE(child.stop_requested());

  parent.request_stop();
  CHECK(child.stop_requested());
  CHECK(grandchild.stop_requested());
  CHECK(callback.calls == 1);
}

TEST_CASE("linked_stop_source: is born stopped under a stopped parent") {
  stop_source parent;
  parent.request_stop();
  linked_stop_source child{parent.token()};
  CHECK(child.stop_requested());
}

TEST_CASE("linked_stop_source: one without a parent stops by itself only") {
  linked_stop_source alone{stop_token{}};
  CHECK_FALSE(alone.stop_requested());
  alone.request_stop();
  CHECK(alone.stop_requested());
}

TEST_CASE("linked_stop_source: a parent may stop after the child died") {
  stop_source parent;
  { linked_stop_source child{parent.token()}; }
  parent.request_stop();
  CHECK(parent.stop_requested());
}

TEST_CASE("stop_link: joins two sources while it lives") {
  stop_source from;
  stop_source to;
  { stop_link link{from.token(), to}; }
  from.request_stop();
  CHECK_FALSE(to.stop_requested());
  stop_link late{from.token(), to};
  CHECK(to.stop_requested());
}

TEST_CASE("stop_source: a request from a foreign thread ends the process and names the remedy") {
  CHECK(test::dies_saying("ring.remote().post", [] {
    stop_source source;
    std::thread{[&] { source.request_stop(); }}.join();
  }));
}

TEST_CASE("stop_callback: arming on a foreign thread ends the process") {
  CHECK(test::dies_saying("outside its ring's thread", [] {
    stop_source source;
    std::thread{[&] {
      counting callback;
      if (callback.arm(source.token())) callback.disarm();
    }}.join();
  }));
}

TEST_CASE("stop_source: belongs to the thread that adopted it") {
  bool stopped = false;
  {
    stop_source source;
    std::thread{[&] {
      source.adopt_thread();
      source.request_stop();
      stopped = source.stop_requested();
    }}.join();
  }
  CHECK(stopped);
  CHECK(test::dies_saying("outside its ring's thread", [] {
    stop_source source;
    std::thread{[&] { source.adopt_thread(); }}.join();
    source.request_stop();
  }));
}

TEST_CASE("stop_source: one of no thread may be used by any, one at a time, until it is adopted") {
  stop_source source{detail::of_no_thread{}};
  counting first;
  counting second;
  std::optional<linked_stop_source> child;
  bool armed = first.arm(source.token());
  std::thread{[&] {
    armed = second.arm(source.token()) && armed;
    child.emplace(source.token());
  }}.join();
  CHECK(armed);
  source.adopt_thread();
  source.request_stop();  // and with it the child, which another thread has made
  CHECK(child->stop_requested());
  CHECK(first.calls + second.calls == 2);
  CHECK(test::dies_saying("outside its ring's thread", [] {
    stop_source adopted{detail::of_no_thread{}};
    adopted.adopt_thread();
    linked_stop_source its_child{adopted.token()};
    std::thread{[&] { its_child.request_stop(); }}.join();
  }));
}
