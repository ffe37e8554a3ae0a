// SPDX-License-Identifier: MIT
//
// What the cases of ringrpc's client use.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ringrpc/ringrpc.hpp>

#include "interop.ringrpc.hpp"
#include "runner.hpp"
#include "values.hpp"

namespace interop {
using ringrpc::call_options, ringrpc::metadata, ringrpc::result, ringrpc::status,
    ringrpc::status_code, ringrpc::task;
using ringrpc_interop::Orders, ringrpc_interop::Reply, ringrpc_interop::Request;

struct client {
  client(ringrpc::ring& on, const flags& how)
      : home(on), given(how), channel(on, "unix:" + how.path), stub(channel) {}

  ringrpc::ring& home;
  const flags& given;
  ringrpc::channel channel;
  ringrpc_interop::Peer::stub stub;
};

struct named_case {
  std::string_view name;
  task<> (*run)(client&);
};
// Of ringrpc_messages.cpp, ringrpc_endings.cpp and ringrpc_load.cpp.
std::span<const named_case> message_cases();
std::span<const named_case> ending_cases();
std::span<const named_case> load_cases();

inline Request request(std::string payload) {
  Request made;
  made.set_payload(std::move(payload));
  return made;
}

inline void expect_code(const status& got, status_code right,
                        std::source_location where = std::source_location::current()) {
  expect(got.code() == right,
         "the status is " + got.to_text() + ", not " + std::string{name(right)}, where);
}
inline void expect_ok(const status& got,
                      std::source_location where = std::source_location::current()) {
  expect_code(got, status_code::ok, where);
}

/// How many replies come until the end.
template <class Call> task<int> count_replies(Call& call) {
  int count = 0;
  while (const Reply* reply = co_await call.read()) count += reply == nullptr ? 0 : 1;
  co_return count;
}

/// That the connection still serves calls.
inline task<> expect_service(client& with,
                             std::source_location where = std::source_location::current()) {
  const Request sent = request("still there?");
  const result<Reply> reply = co_await with.stub.Unary(sent);
  expect_ok(reply.status(), where);
  expect_equal(reply->payload(), "still there?", "the payload", where);
}

/// Waits until the server says that the call's handler runs.
inline task<> started(client& with, std::string name) {
  ringrpc_interop::Question question;
  question.set_name(name);
  const result<ringrpc_interop::Answer> answer = co_await with.stub.Await(question);
  expect_ok(answer.status());
}

/// Waits until the server says that the call's handler has ended.
/// @return whether it had been cancelled.
inline task<bool> was_cancelled(client& with, std::string name) {
  ringrpc_interop::Question question;
  question.set_name(name);
  question.set_phase(ringrpc_interop::ENDED);
  const result<ringrpc_interop::Answer> answer = co_await with.stub.Await(question);
  expect_ok(answer.status());
  co_return answer->cancelled();
}

inline task<> expect_cancelled(client& with, std::string name,
                               std::source_location where = std::source_location::current()) {
  const bool cancelled = co_await was_cancelled(with, name);
  expect(cancelled, "the handler saw no cancellation", where);
}
}  // namespace interop
