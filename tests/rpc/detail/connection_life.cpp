// SPDX-License-Identifier: MIT
//
// The clocks of a connection by themselves: signs of life, strikes for PINGs, age, and
// what options make of them. Wire rules 38 to 41 as tables, without a connection.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <set>

#include <ringrpc/rpc/detail/connection_age.hpp>
#include <ringrpc/rpc/detail/connection_life.hpp>
#include <ringrpc/rpc/detail/keepalive.hpp>
#include <ringrpc/rpc/detail/ping_strikes.hpp>

#include "../support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
using ringrpc::detail::connection_age;
using ringrpc::detail::keepalive;
using ringrpc::detail::ping_strikes;
using life_action = keepalive::action;
using life_verdict = connection_age::verdict;
constexpr time_point life_start{1000s};
}  // namespace

TEST_CASE("wire rule 38: a PING is due when nothing was read for keepalive_time, not before") {
  keepalive alive{{.time = 10s, .timeout = 20s}};
  CHECK_FALSE(alive.heard(life_start));
  CHECK(alive.next(true) == life_start + 10s);
  CHECK(alive.check(life_start + 10s - 1ns, true) == life_action::none);
  CHECK_FALSE(alive.heard(life_start + 4s));  // bytes, of whatever kind
  CHECK(alive.check(life_start + 10s, true) == life_action::none);
  CHECK(alive.next(true) == life_start + 14s);
  CHECK(alive.check(life_start + 14s, true) == life_action::ping);
  CHECK(alive.next(true) == life_start + 34s);
}

TEST_CASE("wire rule 38: silence of keepalive_timeout after the PING is death, a byte is not") {
  keepalive alive{{.time = 10s, .timeout = 20s}};
  CHECK_FALSE(alive.heard(life_start));
  CHECK(alive.check(life_start + 10s, true) == life_action::ping);
  CHECK(alive.check(life_start + 30s - 1ns, true) == life_action::none);
  CHECK(alive.heard(life_start + 30s - 1ns));
  CHECK(alive.check(life_start + 30s, true) == life_action::none);
  CHECK(alive.next(true) == life_start + 40s - 1ns);
  CHECK(alive.check(life_start + 40s, true) == life_action::ping);
  CHECK(alive.check(life_start + 60s, true) == life_action::give_up);
}

TEST_CASE("wire rule 38: without calls there is no PING, unless that is asked for") {
  keepalive alive{{.time = 10s, .timeout = 20s}};
  CHECK_FALSE(alive.heard(life_start));
  CHECK(alive.next(false) == never);
  CHECK(alive.check(life_start + 1h, false) == life_action::none);
  // A call that begins after so much silence asks at once.
  CHECK(alive.next(true) <= life_start + 1h);
  CHECK(alive.check(life_start + 1h, true) == life_action::ping);
  // Its end does not make the PING unsent.
  CHECK(alive.next(false) == life_start + 1h + 20s);
  CHECK(alive.check(life_start + 1h + 20s, false) == life_action::give_up);

  keepalive always{{.time = 10s, .timeout = 20s, .without_calls = true}};
  CHECK_FALSE(always.heard(life_start));
  CHECK(always.next(false) == life_start + 10s);
  CHECK(always.check(life_start + 10s, false) == life_action::ping);
}

TEST_CASE("keepalive: who was held up himself waits once more, for what is there to be read") {
  keepalive alive{{.time = 10s, .timeout = 20s}};
  CHECK_FALSE(alive.heard(life_start));
  CHECK(alive.check(life_start + 10s, true) == life_action::ping);
  // The process was stopped for an hour: what the peer has sent is not read yet.
  CHECK(alive.check(life_start + 1h, true) == life_action::none);
  CHECK(alive.next(true) == life_start + 1h + 1s);
  // Once, however late it is then: a ring that is always late gives up as well.
  CHECK(alive.check(life_start + 1h + 2s, true) == life_action::give_up);

  keepalive busy{{.time = 10s, .timeout = 20s}};
  CHECK_FALSE(busy.heard(life_start));
  CHECK(busy.check(life_start + 10s, true) == life_action::ping);
  CHECK(busy.check(life_start + 30s + 11ms, true) == life_action::none);
  CHECK(busy.heard(life_start + 30s + 11ms));
  CHECK(busy.check(life_start + 45s, true) == life_action::ping);
  CHECK(busy.check(life_start + 66s, true) == life_action::none);  // again, for a new PING
  CHECK(busy.check(life_start + 67s, true) == life_action::give_up);
}

TEST_CASE("wire rule 41: by default nobody asks for signs of life, and nothing is watched") {
  const keepalive alive{{}};
  CHECK_FALSE(alive.enabled());
  CHECK(alive.next(true) == never);
  const connection_age age{{}};
  CHECK_FALSE(age.limited());
  CHECK(age.next(false) == never);
}

TEST_CASE("wire rule 40: more than two PINGs that come too soon are too many") {
  ping_strikes strikes{{.permit_time = 5min}};
  CHECK_FALSE(strikes.ping(life_start, true));  // the first one is always good
  CHECK_FALSE(strikes.ping(life_start + 1s, true));
  CHECK_FALSE(strikes.ping(life_start + 5min - 1ns, true));
  CHECK(strikes.ping(life_start + 5min - 1ns, true));
  CHECK(strikes.ping(life_start + 5min - 1ns, true));

  // Time counts from the last one that was good; a good one forgives none.
  ping_strikes slow{{.permit_time = 5min}};
  CHECK_FALSE(slow.ping(life_start, true));
  CHECK_FALSE(slow.ping(life_start + 4min, true));
  CHECK_FALSE(slow.ping(life_start + 5min, true));
  CHECK_FALSE(slow.ping(life_start + 9min, true));
  CHECK(slow.ping(life_start + 9min, true));
}

TEST_CASE("wire rule 40: what is sent to the client forgives its strikes, and resets the clock") {
  ping_strikes strikes{{.permit_time = 5min}};
  for (int i = 0; i < 100; ++i) {
    for (int good = 0; good < 3; ++good) CHECK_FALSE(strikes.ping(life_start, true));
    strikes.sent(1, life_start);
    CHECK_FALSE(strikes.ping(life_start, true));  // for the frame
  }
  for (int good = 0; good < 3; ++good) CHECK_FALSE(strikes.ping(life_start, true));
  CHECK(strikes.ping(life_start, true));
}

TEST_CASE("wire rule 40: each frame that is sent pays for one PING, which comes soon behind it") {
  ping_strikes strikes{{.permit_time = 5min}};
  strikes.sent(50, life_start);
  strikes.sent(50, life_start);
  for (int paid = 0; paid < 100; ++paid) CHECK_FALSE(strikes.ping(life_start + 10s, true));
  for (int good = 0; good < 3; ++good) CHECK_FALSE(strikes.ping(life_start + 10s, true));
  CHECK(strikes.ping(life_start + 10s, true));

  ping_strikes late{{.permit_time = 5min}};
  late.sent(0xffff'ffff, life_start);
  late.sent(0xffff'ffff, life_start);
  CHECK_FALSE(late.ping(life_start, true));
  for (int good = 0; good < 3; ++good) CHECK_FALSE(late.ping(life_start + 11s, true));
  CHECK(late.ping(life_start + 11s, true));
}

TEST_CASE("wire rule 40: without calls two hours are needed between PINGs, where not permitted") {
  ping_strikes strikes{{.permit_time = 5min, .strikes_max = 1}};
  CHECK_FALSE(strikes.ping(life_start, false));
  CHECK_FALSE(strikes.ping(life_start + 2h, false));
  CHECK_FALSE(strikes.ping(life_start + 4h - 1ns, false));
  CHECK(strikes.ping(life_start + 4h - 1ns, false));

  ping_strikes with_calls{{.permit_time = 5min, .strikes_max = 1}};
  CHECK_FALSE(with_calls.ping(life_start, false));
  CHECK_FALSE(with_calls.ping(life_start + 5min, true));
  CHECK_FALSE(with_calls.ping(life_start + 10min, true));

  ping_strikes permitted{{.permit_time = 5min, .permit_without_calls = true, .strikes_max = 1}};
  for (int i = 0; i < 10; ++i) CHECK_FALSE(permitted.ping(life_start + i * 5min, false));
}

TEST_CASE("wire rules 40 and 41: a permit time of 0 and a limit of 0 strikes punish nobody") {
  ping_strikes all{{}};
  ping_strikes without_limit{{.permit_time = 5min, .strikes_max = 0}};
  for (int i = 0; i < 1000; ++i) {
    CHECK_FALSE(all.ping(life_start, false));
    CHECK_FALSE(without_limit.ping(life_start, false));
  }
}

TEST_CASE("wire rule 39: a connection is idle when it had no stream for so long") {
  connection_age age{{.idle = 10s}};
  CHECK(age.limited());
  age.begin(life_start);
  CHECK(age.next(false) == life_start + 10s);
  CHECK(age.check(life_start + 10s - 1ns, false) == life_verdict::stays);
  CHECK(age.next(true) == never);
  CHECK(age.check(life_start + 1h, true) == life_verdict::stays);
  age.quiet(life_start + 1h);
  CHECK(age.next(false) == life_start + 1h + 10s);
  CHECK(age.check(life_start + 1h + 9s, false) == life_verdict::stays);
  CHECK_FALSE(age.retired());
  CHECK(age.check(life_start + 1h + 10s, false) == life_verdict::idle);
  CHECK(age.retired());
  CHECK(age.check(life_start + 2h, false) == life_verdict::stays);  // once is enough
  CHECK(age.next(false) == never);
}

TEST_CASE("wire rule 39: a connection is old at its age, whether it has calls or not") {
  for (const bool calls : {false, true}) {
    connection_age age{{.idle = 1h, .age = 10s, .grace = 3s}};
    age.begin(life_start);
    CHECK(age.next(calls) == life_start + 10s);
    CHECK(age.check(life_start + 9s, calls) == life_verdict::stays);
    CHECK(age.check(life_start + 10s, calls) == life_verdict::old);
    CHECK(age.next(calls) == never);
    CHECK(age.grace() == 3s);
  }
}

TEST_CASE("wire rule 39: the age is longer or shorter by up to a tenth") {
  using ringrpc::detail::with_age_jitter;
  CHECK(with_age_jitter(100s, 0) == 90s);
  CHECK(with_age_jitter(100s, 20'000'000'000) == 110s);
  std::set<duration> ages;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const duration age = with_age_jitter(100s, seeded_random::mix(i));
    CHECK(age >= 90s);
    CHECK(age <= 110s);
    ages.insert(age);
  }
  CHECK(ages.size() > 90);
  CHECK(*ages.begin() < 92s);
  CHECK(*ages.rbegin() > 108s);
  CHECK(with_age_jitter(duration::max(), 5) == duration::max());
  CHECK(with_age_jitter(duration::max() - 1ns, ~std::uint64_t{0}) >= duration::max() / 10 * 9);
  CHECK(with_age_jitter(0s, 5) == 0s);
  CHECK(with_age_jitter(5ns, 5) == 5ns);
}

TEST_CASE("wire rule 38: a client's options become its rules, 10 s and 1 s at least") {
  using ringrpc::detail::life_of;
  channel_options options;
  CHECK(life_of(options).alive.time == duration::max());
  CHECK(life_of(options).alive.timeout == 20s);
  CHECK_FALSE(life_of(options).alive.without_calls);
  CHECK(life_of(options).age.idle == duration::max());
  CHECK(life_of(options).age.age == duration::max());
  CHECK(life_of(options).pings.permit_time == 0s);
  CHECK(life_of(options).stream_id_first == 1);
  options.keepalive_time = 11s;
  options.keepalive_timeout = 2s;
  options.keepalive_without_calls = true;
  options.idle_timeout = 3s;
  CHECK(life_of(options).alive.time == 11s);
  CHECK(life_of(options).alive.timeout == 2s);
  CHECK(life_of(options).alive.without_calls);
  CHECK(life_of(options).age.idle == 3s);
  for (const duration less : {duration{0s}, duration{9s}, duration{-5s}}) {
    options.keepalive_time = options.keepalive_timeout = less;
    CHECK(life_of(options).alive.time == 10s);
  }
  CHECK(life_of(options).alive.timeout == 1s);
}

TEST_CASE("wire rules 39 and 40: a server's options become the rules of each connection") {
  using ringrpc::detail::connection_life;
  using ringrpc::detail::life_of;
  bed here;
  server_options options;
  connection_life life = life_of(options, here.home());
  CHECK(life.alive.time == duration::max());
  CHECK(life.alive.without_calls);
  CHECK(life.pings.permit_time == 0s);
  CHECK(life.pings.strikes_max == 2);
  CHECK(life.age.idle == duration::max());
  CHECK(life.age.age == duration::max());
  CHECK(life.age.grace == duration::max());
  options.keepalive_time = 0s;
  options.keepalive_timeout = 7s;
  options.keepalive_permit_time = 5min;
  options.keepalive_permit_without_calls = true;
  options.ping_strikes_max = 9;
  options.connection_idle = 1min;
  options.connection_age = 100s;
  options.connection_age_grace = 4s;
  life = life_of(options, here.home());
  CHECK(life.alive.time == 1s);
  CHECK(life.alive.timeout == 7s);
  CHECK(life.pings.permit_time == 5min);
  CHECK(life.pings.permit_without_calls);
  CHECK(life.pings.strikes_max == 9);
  CHECK(life.age.idle == 1min);
  CHECK(life.age.grace == 4s);
  CHECK(life.age.age >= 90s);
  CHECK(life.age.age <= 110s);
  CHECK(life_of(options, here.home()).age.age != life.age.age);
}
}  // namespace ringrpc::testing
