// SPDX-License-Identifier: MIT
//
// ringrpc's client: many calls at once, and servers that end.
#include "ringrpc_client.hpp"

namespace interop {
namespace {
using namespace std::chrono_literals;

task<> echo(client& with, Request sent) {
  const result<Reply> reply = co_await with.stub.Unary(sent);
  expect_ok(reply.status());
  expect_equal(reply->payload(), sent.payload(), "the payload");
}

// All handlers run at the same time: each waits for the others.
task<> parallel_200(client& with) {
  const std::string name = fresh_name();
  std::vector<task<>> calls;
  for (int i = 0; i < 200; ++i) {
    Request sent = request(std::to_string(i));
    sent.mutable_orders()->set_name(name);
    sent.mutable_orders()->set_meet(200);
    calls.push_back(echo(with, std::move(sent)));
  }
  co_await ringrpc::when_all(std::move(calls));
}

// Wire rule 36: more than a server allows at a time; the rest is queued.
task<> parallel_1000(client& with) {
  std::vector<task<>> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(echo(with, request(std::to_string(i))));
  co_await ringrpc::when_all(std::move(calls));
}

task<> parallel_large(client& with) {
  std::vector<task<>> calls;
  for (std::size_t i = 0; i < 16; ++i) calls.push_back(echo(with, request(pattern(1'000'000 + i))));
  co_await ringrpc::when_all(std::move(calls));
}

// A stream that nobody reads from stops no other call.
task<> slow_reader(client& with) {
  Request order = request("x");
  order.mutable_orders()->set_replies(1000);
  order.mutable_orders()->set_reply_bytes(10'000);
  auto call = with.stub.ServerStream(order);
  const Reply* reply = co_await call.read();
  int count = 0;
  for (int i = 0; i < 20; ++i) co_await echo(with, request(pattern(64 * 1024)));
  while (reply != nullptr) {
    ++count;
    expect_equal(static_cast<long long>(reply->payload().size()), 10'000, "the size of a reply");
    reply = co_await call.read();
  }
  const status end = co_await call.finish();
  expect_ok(end);
  expect_equal(count, 1000, "the number of replies");
}


/// Whether the server that was told to end refuses calls; `false`: it still took one.
task<bool> refused(client& with) {
  const Request sent = request("x");
  const result<Reply> reply = co_await with.stub.Unary(sent);
  if (!reply) expect_code(reply.status(), status_code::unavailable);
  co_return !reply;
}

// Wire rule 33: calls that run when the server is told to end go on to their end;
// those after it are UNAVAILABLE.
task<> drain(client& with) {
  Request order = request("x");
  order.mutable_orders()->set_until_drain(true);
  auto both = with.stub.Bidi();
  bool queued = co_await both.write(order);
  expect(queued, "a message was not taken");
  const Reply* reply = co_await both.read();
  expect(reply != nullptr, "a reply is missing");

  order.mutable_orders()->set_replies(1);
  auto replies = with.stub.ServerStream(order);
  reply = co_await replies.read();
  expect(reply != nullptr, "a reply is missing");

  order.mutable_orders()->set_name(fresh_name());
  auto unary = with.stub.Unary(order);
  co_await started(with, order.orders().name());

  expect(::kill(with.given.server_pid, SIGTERM) == 0, "there is no such server");
  reply = co_await both.read();
  expect(reply != nullptr, "a reply is missing");
  expect_equal(reply->payload(), draining_text, "the payload");
  const result<Reply> answer = co_await unary;
  expect_ok(answer.status());
  reply = co_await replies.read();
  expect(reply != nullptr, "a reply is missing");
  const status replied = co_await replies.finish();
  expect_ok(replied);
  for (int i = 0; i < 10; ++i) {
    queued = co_await both.write(order);
    expect(queued, "a message was not taken");
    reply = co_await both.read();
    expect(reply != nullptr, "a reply is missing");
    expect_equal(reply->payload(), "x", "the payload");
  }
  const status end = co_await both.finish();
  expect_ok(end);

  bool ended = false;
  const ringrpc::time_point limit = with.home.now() + 10s;
  while (!ended) {
    expect(with.home.now() < limit, "the server still takes calls 10 s after it was told to end");
    ended = co_await refused(with);
  }
}

// Wire rule 35; then the driver starts another one on the same path, which a
// call that waits for a connection reaches (rules 43, 44).
task<> server_killed(client& with) {
  Request order = request("x");
  order.mutable_orders()->set_name(fresh_name());
  order.mutable_orders()->set_hang(true);
  auto both = with.stub.Bidi();
  const bool queued = co_await both.write(order);
  expect(queued, "a message was not taken");
  const Reply* reply = co_await both.read();
  expect(reply != nullptr, "a reply is missing");
  order.mutable_orders()->set_name(fresh_name());
  auto unary = with.stub.Unary(order);
  co_await started(with, order.orders().name());

  expect(::kill(with.given.server_pid, SIGKILL) == 0, "there is no such server");
  const result<Reply> answer = co_await unary;
  expect_code(answer.status(), status_code::unavailable);
  const status end = co_await both.finish();
  expect_code(end, status_code::unavailable);

  const Request sent = request("back?");
  call_options patient;
  patient.wait_for_ready = true;
  patient.timeout = 30s;
  const result<Reply> back = co_await with.stub.Unary(sent, patient);
  expect_ok(back.status());
}

constexpr named_case all_loads[] = {
    {"parallel_200", parallel_200}, {"parallel_1000", parallel_1000},
    {"parallel_large", parallel_large}, {"slow_reader", slow_reader},
    {"server_killed", server_killed}, {"drain", drain},
};
}  // namespace

std::span<const named_case> load_cases() { return all_loads; }
}  // namespace interop
