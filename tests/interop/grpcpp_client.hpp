// SPDX-License-Identifier: MIT
//
// What the cases of grpc++'s client use.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "interop.grpc.pb.h"
#include "runner.hpp"
#include "values.hpp"

namespace interop {
using grpc::ClientContext, grpc::Status, grpc::StatusCode;
using ringrpc_interop::Orders, ringrpc_interop::Reply, ringrpc_interop::Request;

struct client {
  explicit client(const flags& how)
      : given(how),
        channel(grpc::CreateChannel("unix:" + how.path, grpc::InsecureChannelCredentials())),
        stub(channel),
        generic(channel) {}

  const flags& given;
  std::shared_ptr<grpc::Channel> channel;
  ringrpc_interop::Peer::Stub stub;
  grpc::GenericStub generic;
};

struct named_case {
  std::string_view name;
  void (*run)(client&);
};
// Of grpcpp_messages.cpp, grpcpp_endings.cpp and grpcpp_load.cpp.
std::span<const named_case> message_cases();
std::span<const named_case> ending_cases();
std::span<const named_case> load_cases();

inline Request request(std::string payload) {
  Request made;
  made.set_payload(std::move(payload));
  return made;
}

inline void expect_code(const Status& got, StatusCode right,
                        std::source_location where = std::source_location::current()) {
  expect(got.error_code() == right,
         "the status is " + std::to_string(got.error_code()) + " (" + got.error_message() +
             "), not " + std::to_string(right),
         where);
}
inline void expect_ok(const Status& got,
                      std::source_location where = std::source_location::current()) {
  expect_code(got, StatusCode::OK, where);
}

/// That the connection still serves calls.
inline void expect_service(client& with,
                           std::source_location where = std::source_location::current()) {
  ClientContext context;
  Reply reply;
  expect_ok(with.stub.Unary(&context, request("still there?"), &reply), where);
  expect_equal(reply.payload(), "still there?", "the payload", where);
}

/// Waits until the server says that the call's handler runs.
inline void started(client& with, const std::string& name) {
  ClientContext context;
  ringrpc_interop::Question question;
  question.set_name(name);
  ringrpc_interop::Answer answer;
  expect_ok(with.stub.Await(&context, question, &answer));
}

/// Waits until the server says that the call's handler has ended.
inline void expect_cancelled(client& with, const std::string& name,
                             std::source_location where = std::source_location::current()) {
  ClientContext context;
  ringrpc_interop::Question question;
  question.set_name(name);
  question.set_phase(ringrpc_interop::ENDED);
  ringrpc_interop::Answer answer;
  expect_ok(with.stub.Await(&context, question, &answer), where);
  expect(answer.cancelled(), "the handler saw no cancellation", where);
}

inline void set_timeout(ClientContext& context, std::chrono::milliseconds span) {
  context.set_deadline(std::chrono::system_clock::now() + span);
}
}  // namespace interop
