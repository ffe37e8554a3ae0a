// SPDX-License-Identifier: MIT
//
// grpc++'s client: many calls at once, and servers that end.
#include "grpcpp_client.hpp"

namespace interop {
namespace {
using namespace std::chrono_literals;

struct pending_echo {
  Request sent;
  ClientContext context;
  Reply reply;
  Status end;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Reply>> call;
};

/// Starts all calls before it waits for any, then expects the echo of each.
void expect_echoes(client& with, std::vector<Request> requests) {
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<pending_echo>> calls;
  for (Request& sent : requests) {
    calls.push_back(std::make_unique<pending_echo>());
    pending_echo& one = *calls.back();
    one.sent = std::move(sent);
    one.call = with.stub.AsyncUnary(&one.context, one.sent, &queue);
    one.call->Finish(&one.reply, &one.end, &one);
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    void* tag = nullptr;
    bool finished = false;
    expect(queue.Next(&tag, &finished) && finished, "a call did not finish");
  }
  for (const auto& one : calls) {
    expect_ok(one->end);
    expect_equal(one->reply.payload(), one->sent.payload(), "the payload");
  }
}

// All handlers run at the same time: each waits for the others.
void parallel_200(client& with) {
  const std::string name = fresh_name();
  std::vector<Request> requests;
  for (int i = 0; i < 200; ++i) {
    requests.push_back(request(std::to_string(i)));
    requests.back().mutable_orders()->set_name(name);
    requests.back().mutable_orders()->set_meet(200);
  }
  expect_echoes(with, std::move(requests));
}

// Wire rule 36: more than a server allows at a time; the rest is queued.
void parallel_1000(client& with) {
  std::vector<Request> requests;
  for (int i = 0; i < 1000; ++i) requests.push_back(request(std::to_string(i)));
  expect_echoes(with, std::move(requests));
}

void parallel_large(client& with) {
  std::vector<Request> requests;
  for (std::size_t i = 0; i < 16; ++i) requests.push_back(request(pattern(1'000'000 + i)));
  expect_echoes(with, std::move(requests));
}

// A stream that nobody reads from stops no other call.
void slow_reader(client& with) {
  Request order = request("x");
  order.mutable_orders()->set_replies(1000);
  order.mutable_orders()->set_reply_bytes(10'000);
  ClientContext context;
  const auto call = with.stub.ServerStream(&context, order);
  Reply reply;
  int count = 0;
  bool more = call->Read(&reply);
  for (int i = 0; i < 20; ++i) {
    ClientContext other;
    Reply echoed;
    const Request sent = request(pattern(64 * 1024));
    expect_ok(with.stub.Unary(&other, sent, &echoed));
    expect_equal(echoed.payload(), sent.payload(), "the payload");
  }
  while (more) {
    ++count;
    expect_equal(static_cast<long long>(reply.payload().size()), 10'000, "the size of a reply");
    more = call->Read(&reply);
  }
  expect_ok(call->Finish());
  expect_equal(count, 1000, "the number of replies");
}

/// Whether the server that was told to end refuses calls; `false`: it still took one.
bool refused(client& with) {
  ClientContext context;
  Reply reply;
  const Status end = with.stub.Unary(&context, request("x"), &reply);
  if (!end.ok()) expect_code(end, StatusCode::UNAVAILABLE);
  return !end.ok();
}

// Wire rule 33: calls that run when the server is told to end go on to their end;
// those after it are UNAVAILABLE.
void drain(client& with) {
  ClientContext first, second, third;
  Request order = request("x");
  order.mutable_orders()->set_until_drain(true);
  const auto both = with.stub.Bidi(&first);
  Reply reply;
  expect(both->Write(order), "a message was not taken");
  expect(both->Read(&reply), "a reply is missing");

  order.mutable_orders()->set_replies(1);
  const auto replies = with.stub.ServerStream(&second, order);
  expect(replies->Read(&reply), "a reply is missing");

  order.mutable_orders()->set_name(fresh_name());
  Status unary_end;
  std::thread unary{[&] {
    Reply unary_reply;
    unary_end = with.stub.Unary(&third, order, &unary_reply);
  }};
  started(with, order.orders().name());

  const bool told = ::kill(with.given.server_pid, SIGTERM) == 0;
  unary.join();
  expect(told, "there is no such server");
  expect_ok(unary_end);
  expect(both->Read(&reply), "a reply is missing");
  expect_equal(reply.payload(), draining_text, "the payload");
  expect(replies->Read(&reply), "a reply is missing");
  expect(!replies->Read(&reply), "there is a reply too many");
  expect_ok(replies->Finish());
  for (int i = 0; i < 10; ++i) {
    expect(both->Write(order), "a message was not taken");
    expect(both->Read(&reply), "a reply is missing");
    expect_equal(reply.payload(), "x", "the payload");
  }
  both->WritesDone();
  expect_ok(both->Finish());

  const auto limit = std::chrono::steady_clock::now() + 10s;
  while (!refused(with)) {
    expect(std::chrono::steady_clock::now() < limit,
           "the server still takes calls 10 s after it was told to end");
  }
}

// Wire rule 35; then the driver starts another one on the same path, which a
// call that waits for a connection reaches (rules 43, 44).
void server_killed(client& with) {
  ClientContext first, second, third;
  Request order = request("x");
  order.mutable_orders()->set_name(fresh_name());
  order.mutable_orders()->set_hang(true);
  const auto both = with.stub.Bidi(&first);
  Reply reply;
  expect(both->Write(order), "a message was not taken");
  expect(both->Read(&reply), "a reply is missing");

  order.mutable_orders()->set_name(fresh_name());
  Status unary_end;
  std::thread unary{[&] {
    Reply unary_reply;
    unary_end = with.stub.Unary(&second, order, &unary_reply);
  }};
  started(with, order.orders().name());
  const bool killed = ::kill(with.given.server_pid, SIGKILL) == 0;
  unary.join();
  expect(killed, "there is no such server");
  expect_code(unary_end, StatusCode::UNAVAILABLE);
  expect_code(both->Finish(), StatusCode::UNAVAILABLE);

  third.set_wait_for_ready(true);
  set_timeout(third, 30s);
  expect_ok(with.stub.Unary(&third, request("back?"), &reply));
}

constexpr named_case all_loads[] = {
    {"parallel_200", parallel_200}, {"parallel_1000", parallel_1000},
    {"parallel_large", parallel_large}, {"slow_reader", slow_reader},
    {"server_killed", server_killed}, {"drain", drain},
};
}  // namespace

std::span<const named_case> load_cases() { return all_loads; }
}  // namespace interop
