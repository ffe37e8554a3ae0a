// SPDX-License-Identifier: MIT
//
// How the compiler at hand treats what users write around calls: options and requests
// in an awaited expression, replies taken apart in it, metadata, handlers with state.
// As tests/coro/compiler_table.hpp, with a client and a server: a row is a coroutine
// that calls a server which answers behind a gate, with messages that count. It runs
// four times, each time in a child process: through an open gate, through one that
// opens later, stopped before the gate, and destroyed before it.
#include <ringrpc/rpc/call_options.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include <ringrpc/ringrpc.hpp>

#include "../coro/compiler_table.hpp"
#include "../ring/simulated_rings.hpp"
#include "support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;
using test::tracked;

/// A message that counts, with a constructor.
class counted {
public:
  counted() noexcept : value_(0) {}
  explicit counted(int number) : value_(number) {}
  /// As the builders of generated messages are written.
  counted&& plus(int number) && {
    value_ = tracked{value_.number() + number};
    return std::move(*this);
  }
  void set(int number) { value_ = tracked{number}; }
  [[nodiscard]] int number() const { return value_.number(); }

private:
  tracked value_;
};
/// A message that counts and is an aggregate.
struct counted_aggregate {
  tracked first{0};
  tracked second{0};
  void set(int number) { first = tracked{number}; }
  [[nodiscard]] int number() const { return first.number() + second.number(); }
};
}  // namespace ringrpc::testing

namespace ringrpc::inline RINGRPC_ABI {
template <class Counted>
  requires(std::is_same_v<Counted, testing::counted> ||
           std::is_same_v<Counted, testing::counted_aggregate>)
struct codec<Counted> {
  static std::size_t size(const Counted&) { return sizeof(int); }
  static void serialise(const Counted& in, std::span<std::byte> into) {
    const int number = in.number();
    std::memcpy(into.data(), &number, sizeof number);
  }
  static bool parse(Counted& out, std::span<const std::byte> from) {
    int number = 0;
    if (from.size() != sizeof number) return false;
    std::memcpy(&number, from.data(), sizeof number);
    out.set(number);
    return true;
  }
  static void clear(Counted& out) { out.set(0); }
};
}  // namespace ringrpc::inline RINGRPC_ABI

namespace ringrpc::testing {
namespace {
using add_one = unary_method<"/test.Table/AddOne", counted, counted>;
using sum_of = unary_method<"/test.Table/SumOf", counted_aggregate, counted>;
using count_up = server_streaming_method<"/test.Table/CountUp", counted, counted>;
using add_up = client_streaming_method<"/test.Table/AddUp", counted, counted>;
using echo_all = bidi_streaming_method<"/test.Table/EchoAll", counted, counted>;
using refuse = unary_method<"/test.Table/Refuse", counted, counted>;
using own = unary_method<"/test.Table/Own", counted, counted>;  // a row's own

/// As it is generated.
class table_stub {
public:
  explicit table_stub(channel& over) noexcept : channel_(&over) {}
  [[nodiscard]] auto AddOne(const counted& request, const call_options& options = {}) const {
    return channel_->call<add_one>(request, options);
  }
  [[nodiscard]] auto AddOne(const counted& request, counted& reply,
                            const call_options& options = {}) const {
    return channel_->call<add_one>(request, reply, options);
  }
  [[nodiscard]] auto SumOf(const counted_aggregate& request,
                           const call_options& options = {}) const {
    return channel_->call<sum_of>(request, options);
  }
  [[nodiscard]] auto CountUp(const counted& request, const call_options& options = {}) const {
    return channel_->call<count_up>(request, options);
  }
  [[nodiscard]] auto AddUp(const call_options& options = {}) const {
    return channel_->call<add_up>(options);
  }
  [[nodiscard]] auto EchoAll(const call_options& options = {}) const {
    return channel_->call<echo_all>(options);
  }
  [[nodiscard]] auto Refuse(const counted& request, const call_options& options = {}) const {
    return channel_->call<refuse>(request, options);
  }
  [[nodiscard]] auto Own(const counted& request, const call_options& options = {}) const {
    return channel_->call<own>(request, options);
  }

private:
  channel* channel_;
};

/// Every handler waits for the gate.
struct table_service {
  explicit table_service(event& opens) : gate(opens) {}
  event& gate;

  task<result<counted>> AddOne(server_context& context, const counted& in) {
    const bool open = co_await gate.wait();
    if (!open) co_return cancelled("stopped");
    const status copied = context.trailers().append(context.metadata());
    if (!copied.ok()) co_return copied;
    co_return counted{in.number() + 1};
  }
  task<status> SumOf(server_context&, const counted_aggregate& in, counted& out) {
    const bool open = co_await gate.wait();
    out.set(in.number());
    co_return open ? status{} : cancelled("stopped");
  }
  task<status> CountUp(server_context&, const counted& in, writer<counted>& out) {
    const bool open = co_await gate.wait();
    for (int number = 1; open && number <= in.number(); ++number) {
      const bool queued = co_await out.write(counted{number});
      if (!queued) break;
    }
    co_return status{};
  }
  task<result<counted>> AddUp(server_context&, reader<counted>& in) {
    const bool open = co_await gate.wait();
    if (!open) co_return cancelled("stopped");
    counted sum;
    while (const counted* one = co_await in.read()) sum.set(sum.number() + one->number());
    co_return sum;
  }
  task<status> EchoAll(server_context&, reader<counted>& in, writer<counted>& out) {
    const bool open = co_await gate.wait();
    if (!open) co_return cancelled("stopped");
    while (const counted* one = co_await in.read()) {
      const bool queued = co_await out.write(*one);
      if (!queued) break;
    }
    co_return status{};
  }
  task<result<counted>> Refuse(server_context&, const counted&) {
    const bool open = co_await gate.wait();
    co_return open ? invalid_argument("refused, in a text that needs memory of its own")
                   : cancelled("stopped");
  }
  void serve(server& to) {
    const auto member = [](auto function) {
      return [function](table_service& self, auto&... arguments)
                 -> decltype((self.*function)(arguments...)) {
        return (self.*function)(arguments...);
      };
    };
    to.handle<add_one>(*this, member(&table_service::AddOne));
    to.handle<sum_of>(*this, member(&table_service::SumOf));
    to.handle<count_up>(*this, member(&table_service::CountUp));
    to.handle<add_up>(*this, member(&table_service::AddUp));
    to.handle<echo_all>(*this, member(&table_service::EchoAll));
    to.handle<refuse>(*this, member(&table_service::Refuse));
  }
};

/// What a row has at hand.
struct table_bed {
  explicit table_bed(ring& on)
      : home(on), wire(on), service(gate), serving(on), to(on, wire.factory()), stub(to) {
    service.serve(serving);
    serving.listen(wire.listener());
  }
  ring& home;
  memory_transport wire;
  event gate;
  table_service service;
  server serving;
  channel to;
  table_stub stub;
};
struct call_row {
  const char* name;
  task<bool> (*body)(table_bed& on);  // true: the values were right
};

enum class row_ends { at_once, later, stopped, destroyed };

/// Runs a row to the end that it shall have. @return whether its values were right.
task<bool> play(table_bed& on, const call_row& row, row_ends how) {
  struct ended_node : run_node {
    ended_node() noexcept
        : run_node([](run_node& self) noexcept { static_cast<ended_node&>(self).ended = true; }) {}
    bool ended = false;
  };
  const environment& here = co_await this_environment();
  stop_source stop;
  const environment inside{here.queue, stop.token(), here.home};
  bool right = true;
  if (how == row_ends::at_once) on.gate.set();
  {
    ended_node done;
    running_task<bool> running;
    done.ended = running.start(row.body(on), inside, done);
    if (how != row_ends::at_once) co_await settle(20);
    if (how == row_ends::later) on.gate.set();
    if (how == row_ends::stopped) stop.request_stop();
    if (how != row_ends::destroyed) {
      for (int turns = 0; turns < 1000 && !done.ended; ++turns) co_await settle(1);
      if (!done.ended) test::exit_with(test::outcome::endless);
      const bool got = running.take();
      if (how != row_ends::stopped) right = got;
    }
  }
  on.gate.set();  // for handlers of what was dropped
  co_await on.to.close();
  co_await on.serving.close();
  co_return right;
}
test::outcome outcome_of(const call_row& row, row_ends how) {
  const test::child_end end = test::in_child([&] {
    test::census all;
    bool right = false;
    test::dirty_frames();
    {
      simulated_kernel kernel;
      ring home{on_simulated(kernel)};
      table_bed bed{home};
      right = home.run(play(bed, row, how));
    }
    if (!all.balanced()) test::exit_with(test::outcome::wrong_count);
    if (!right) test::exit_with(test::outcome::wrong_value);
  });
  return test::outcome_of(end);
}
/// @return whether it was fine all four times.
bool is_fine(const call_row& row) {
  constexpr std::array ways{row_ends::at_once, row_ends::later, row_ends::stopped,
                            row_ends::destroyed};
  bool fine = true;
  std::string words;
  for (const row_ends how : ways) {
    const test::outcome got = outcome_of(row, how);
    if (got != test::outcome::fine) fine = false;
    words.append(" ").append(test::text_of(got));
  }
  std::printf("  %-70s%s\n", row.name, fine ? " ok" : words.c_str());
  return fine;
}

// What rows await besides.
call_options options_of(duration timeout) {
  call_options options;
  options.timeout = timeout;
  return options;
}
task<counted> two_behind(event& gate) {
  const bool open = co_await gate.wait();
  co_return counted{open ? 2 : -1};
}
task<int> number_after(table_stub over, counted request) {
  const result<counted> reply = co_await over.AddOne(request);
  co_return reply ? reply->number() : -1;
}
task<result<counted>> passed_on(table_stub over, counted request) {
  co_return co_await over.AddOne(request);
}
task<bool> comes_back(table_stub over, metadata fields) {
  const counted request{2};
  auto call = over.AddOne(request, {.metadata = &fields});
  fields.clear();  // it was copied
  const result<counted> reply = co_await call;
  co_return reply && call.trailers().get("x-id") == std::optional<std::string_view>{"seven"};
}
// spellings: off
task<int> branches_on_write(client_stream_call<counted, counted>& call, const counted& request) {
  if (co_await call.write(request)) co_return 3;
  co_return 0;
}

constexpr call_row known_call_failures[] = {
    {"stub.M(aggregate{a, b}), a message that is an aggregate",
     [](table_bed& on) -> task<bool> {
       const result<counted> reply = co_await on.stub.SumOf(
           counted_aggregate{tracked{1}, tracked{2}});
       co_return reply && reply->number() == 3;
     }},
    {"stub.M({.first = a, .second = b}), a message that is an aggregate",
     [](table_bed& on) -> task<bool> {
       const result<counted> reply =
           co_await on.stub.SumOf({.first = tracked{1}, .second = tracked{2}}, {.timeout = 1h});
       co_return reply && reply->number() == 3;
     }},
    {"c ? co_await stub.M(a) : co_await stub.M(b)",
     [](table_bed& on) -> task<bool> {
       const counted request{2};
       const bool first = tracked::made > 0;
       const result<counted> reply =
           first ? co_await on.stub.AddOne(request) : co_await on.stub.Refuse(request);
       co_return reply && reply->number() == 3;
     }},
    {"{ if (co_await call.write(x)) ...; co_return ...; }, without a local",
     [](table_bed& on) -> task<bool> {
       auto call = on.stub.AddUp();
       const int got = co_await branches_on_write(call, counted{1});
       const result<counted> sum = co_await call.finish();
       co_return got == 3 && sum && sum->number() == 1;
     }},
};

constexpr call_row safe_calls[] = {
    {"co_await stub.M(request)",
     [](table_bed& on) -> task<bool> {
       const counted request{2};
       const result<counted> reply = co_await on.stub.AddOne(request);
       co_return reply && reply->number() == 3;
     }},
    {"co_await stub.M(request, {.timeout = t})",
     [](table_bed& on) -> task<bool> {
       const counted request{2};
       const result<counted> reply = co_await on.stub.AddOne(request, {.timeout = 1h});
       co_return reply && reply->number() == 3;
     }},
    {"co_await stub.M(request, {all options})",
     [](table_bed& on) -> task<bool> {
       stop_source stop;
       metadata fields;
       const status added = fields.add("x-id", "seven");
       const counted request{2};
       const result<counted> reply = co_await on.stub.AddOne(
           request, {.timeout = 1h,
                     .deadline = on.home.now() + 2h,
                     .metadata = &fields,
                     .wait_for_ready = true,
                     .stop = stop.token(),
                     .receive_message_bytes_max = 1000,
                     .parent = nullptr});
       co_return added.ok() && reply && reply->number() == 3;
     }},
    {"co_await channel.call<M>(request, {.timeout = t})",
     [](table_bed& on) -> task<bool> {
       const counted request{2};
       const result<counted> reply = co_await on.to.call<add_one>(request, {.timeout = 1h});
       co_return reply && reply->number() == 3;
     }},
    {"call_options o; o.timeout = t; co_await stub.M(request, o)",
     [](table_bed& on) -> task<bool> {
       call_options options;
       options.timeout = 1h;
       const counted request{2};
       const result<counted> reply = co_await on.stub.AddOne(request, options);
       co_return reply && reply->number() == 3;
     }},
    {"co_await stub.M(request, call_options{}), and of a function's options",
     [](table_bed& on) -> task<bool> {
       const counted request{2};
       const result<counted> first = co_await on.stub.AddOne(request, call_options{});
       const result<counted> second = co_await on.stub.AddOne(request, options_of(1h));
       co_return first && first->number() == 3 && second && second->number() == 3;
     }},
    {"co_await stub.M(T(a), {.timeout = t})",
     [](table_bed& on) -> task<bool> {
       const result<counted> reply = co_await on.stub.AddOne(counted{2}, {.timeout = 1h});
       co_return reply && reply->number() == 3;
     }},
    {"co_await stub.M(T{}.plus(a).plus(b)), a fluent message",
     [](table_bed& on) -> task<bool> {
       const result<counted> reply = co_await on.stub.AddOne(counted{}.plus(1).plus(1));
       co_return reply && reply->number() == 3;
     }},
    {"co_await stub.M({}), the empty message",
     [](table_bed& on) -> task<bool> {
       const result<counted> reply = co_await on.stub.AddOne({});
       co_return reply && reply->number() == 1;
     }},
    {"co_await stub.M(T(a), reply, {.timeout = t})",
     [](table_bed& on) -> task<bool> {
       counted reply;
       const status end = co_await on.stub.AddOne(counted{2}, reply, {.timeout = 1h});
       co_return end.ok() && reply.number() == 3;
     }},
    {"co_await stub.M(co_await f())",
     [](table_bed& on) -> task<bool> {
       const result<counted> reply = co_await on.stub.AddOne(co_await two_behind(on.gate));
       co_return reply && reply->number() == 3;
     }},
    {"co_await stub.M((co_await stub.M(x)).value_or(T(b)))",
     [](table_bed& on) -> task<bool> {
       const result<counted> first = co_await on.stub.AddOne(counted{1});
       if (!first) co_return false;  // stopped
       const result<counted> reply =
           co_await on.stub.AddOne((co_await on.stub.AddOne(counted{1})).value_or(counted{0}));
       co_return reply && reply->number() == 3;
     }},
    {"aggregate a{x, y}; co_await stub.M(a)",
     [](table_bed& on) -> task<bool> {
       const counted_aggregate request{tracked{1}, tracked{2}};
       const result<counted> reply = co_await on.stub.SumOf(request, {.timeout = 1h});
       co_return reply && reply->number() == 3;
     }},
    {"auto call = stub.M(aggregate{x, y}); co_await call",
     [](table_bed& on) -> task<bool> {
       auto call = on.stub.SumOf({.first = tracked{1}, .second = tracked{2}}, {.timeout = 1h});
       const result<counted> reply = co_await call;
       co_return reply && reply->number() == 3;
     }},
    {"auto a = stub.M(x); auto b = stub.M(y); both awaited",
     [](table_bed& on) -> task<bool> {
       auto first = on.stub.AddOne(counted{2});
       auto second = on.stub.AddOne(counted{3}, {.timeout = 1h});
       const result<counted> one = co_await first;
       const result<counted> other = co_await second;
       co_return one && one->number() == 3 && other && other->number() == 4;
     }},
    {"co_await std::move(call), and a call that was moved",
     [](table_bed& on) -> task<bool> {
       auto first = on.stub.AddOne(counted{2});
       auto second = std::move(first);
       const result<counted> reply = co_await std::move(second);
       co_return reply && reply->number() == 3;
     }},
    {"(co_await stub.M(x)).value_or(T(b)).number()",
     [](table_bed& on) -> task<bool> {
       const int got = (co_await on.stub.AddOne(counted{2})).value_or(counted{9}).number();
       co_return got == 3;
     }},
    {"(co_await stub.M(x)).value(), which throws through live frames",
     [](table_bed& on) -> task<bool> {
       const counted local{3};
       bool caught = false;
       try {
         const counted got = (co_await on.stub.Refuse(counted{2})).value();
         static_cast<void>(got.number());
       } catch (const status_error& thrown) {
         caught = thrown.status().code() == status_code::invalid_argument;
       }
       co_return caught && local.number() == 3;
     }},
    {"if (auto reply = co_await stub.M(x)) ... else ...",
     [](table_bed& on) -> task<bool> {
       int got = 0;
       if (const auto reply = co_await on.stub.AddOne(counted{2})) {
         got = reply->number();
       } else {
         got = -1;
       }
       co_return got == 3;
     }},
    {"CHECK((co_await stub.M(x)).value_or(T(b)).number() >= 3), a macro of doctest",
     [](table_bed& on) -> task<bool> {
       const int least = 3;
       CHECK((co_await on.stub.AddOne(counted{2})).value_or(counted{9}).number() >= least);
       co_return least == 3;
     }},
    {"co_return co_await stub.M(x), and co_await f(stub, T(a))",
     [](table_bed& on) -> task<bool> {
       const result<counted> reply = co_await passed_on(on.stub, counted{2});
       const int number = co_await number_after(on.stub, counted{3});
       co_return reply && reply->number() == 3 && number == 4;
     }},
    {"co_await when_all(f(stub, T(a)), f(stub, T(b)))",
     [](table_bed& on) -> task<bool> {
       const auto both = co_await when_all(number_after(on.stub, counted{2}),
                                           number_after(on.stub, counted{3}));
       co_return std::get<0>(both) == 3 && std::get<1>(both) == 4;
     }},
    {"ring.spawn([](stub, T) -> task<> {...}(stub, T(a)))",
     [](table_bed& on) -> task<bool> {
       on.home.spawn([](table_stub over, counted request) -> task<> {
         const result<counted> reply = co_await over.AddOne(request);
         static_cast<void>(reply);
       }(on.stub, counted{1}));
       const int number = co_await number_after(on.stub, counted{2});
       co_return number == 3;
     }},
    {"while (T* m = co_await call.read()), then co_await call.finish()",
     [](table_bed& on) -> task<bool> {
       int sum = 0;
       auto call = on.stub.CountUp(counted{3}, {.timeout = 1h});
       while (counted* message = co_await call.read()) {
         const counted taken = std::move(*message);
         sum += taken.number();
       }
       const status end = co_await call.finish();
       co_return end.ok() && sum == 6;
     }},
    {"co_await stub.M(x).finish(), of a stream that nobody reads",
     [](table_bed& on) -> task<bool> {
       const status end = co_await on.stub.CountUp(counted{3}).finish();
       co_return end.ok();
     }},
    {"co_await call.write(T(a)), and result r = co_await call.finish()",
     [](table_bed& on) -> task<bool> {
       auto call = on.stub.AddUp({.timeout = 1h});
       const bool first = co_await call.write(counted{1});
       const bool second = co_await call.write(counted{1}.plus(1));
       const result<counted> sum = co_await call.finish();
       co_return first && second && sum && sum->number() == 3;
     }},
    {"write and read in turns, of both ways",
     [](table_bed& on) -> task<bool> {
       auto call = on.stub.EchoAll();
       int sum = 0;
       for (int number = 1; number <= 3; ++number) {
         const bool queued = co_await call.write(counted{number});
         if (!queued) break;
         const counted* answer = co_await call.read();
         if (answer != nullptr) sum += answer->number();
       }
       const status end = co_await call.finish();
       co_return end.ok() && sum == 6;
     }},
    {"{.metadata = &m}, and m = call.trailers()",
     [](table_bed& on) -> task<bool> {
       metadata fields;
       const status added = fields.add("x-id", "seven, and more than fits into a short text");
       auto call = on.stub.AddOne(counted{2}, {.metadata = &fields});
       const result<counted> reply = co_await call;
       const metadata got = call.trailers();
       co_return added.ok() && reply && got.get("x-id") == fields.get("x-id");
     }},
    {"co_await f(stub, metadata(m)), and f(stub, std::move(m))",
     [](table_bed& on) -> task<bool> {
       metadata fields;
       const status added = fields.add("x-id", "seven");
       const bool copied = co_await comes_back(on.stub, metadata(fields));
       const bool moved = co_await comes_back(on.stub, std::move(fields));
       co_return added.ok() && copied && moved;
     }},
    {"server.handle<M>([x](...) -> task<result<T>> {...}), a handler with state",
     [](table_bed& on) -> task<bool> {
       tracked state{1};
       event& gate = on.gate;
       on.serving.handle<own>(
           [state, &gate](server_context&, const counted& in) -> task<result<counted>> {
             const bool open = co_await gate.wait();
             if (!open) co_return cancelled("stopped");
             co_return counted{in.number() + state.number()};
           });
       const result<counted> reply = co_await on.stub.Own(counted{2});
       co_return reply && reply->number() == 3;
     }},
    {"server.handle<M>(...) whose handler calls with {.parent = &context}",
     [](table_bed& on) -> task<bool> {
       const table_stub stub = on.stub;
       on.serving.handle<own>(
           [stub](server_context& context, const counted& in) -> task<result<counted>> {
             co_return co_await stub.AddOne(counted{in.number()}, {.parent = &context});
           });
       const result<counted> reply = co_await on.stub.Own(counted{2}, {.timeout = 1h});
       co_return reply && reply->number() == 3;
     }},
};
// spellings: on
}  // namespace

// What users may write as a temporary in an awaited expression.
static_assert(frame_safe<channel_options> && frame_safe<server_options> &&
              frame_safe<connection_options> && frame_safe<backoff_options>);
static_assert(frame_safe<metadata_field> && frame_safe<server_counters> &&
              frame_safe<environment> && frame_safe<stop_token>);
static_assert(frame_safe<unix_socket> && frame_safe<peer_policy> && frame_safe<channel> &&
              frame_safe<remote_handle>);
static_assert(frame_safe<client_stream_call<std::string, std::string>> &&
              frame_safe<bidi_stream_call<std::string, std::string>>);

TEST_CASE("compiler table: calls, known failures of g++ 12.2") {
  for (const call_row& row : known_call_failures) {
    CAPTURE(row.name);
    const bool fine = is_fine(row);
    if (test::is_recorded_compiler()) CHECK_FALSE(fine);
  }
}
TEST_CASE("compiler table: what is written around calls is safe") {
  for (const call_row& row : safe_calls) {
    CAPTURE(row.name);
    CHECK(is_fine(row));
  }
}
}  // namespace ringrpc::testing
