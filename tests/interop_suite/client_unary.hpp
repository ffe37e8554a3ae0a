// SPDX-License-Identifier: MIT
//
// Cases of interop_client whose calls are unary, all or for the most part.
#pragma once

#include <string>
#include <vector>

#include "client_support.hpp"

namespace interop_suite {
inline task<> empty_unary(client& with) {
  const result<Empty> reply = co_await with.stub.EmptyCall(Empty{});
  expect_ok(reply.status());
}

inline task<> large_unary(client& with) {
  const SimpleRequest request = large_request_message();
  const result<SimpleResponse> reply = co_await with.stub.UnaryCall(request);
  expect_large_response(reply);
}

/// No cache lies between: both calls come to the server.
inline task<> cacheable_unary(client& with) {
  ringrpc::metadata user;
  expect_ok(user.add("x-user-ip", "1.2.3.4"));
  for (int i = 0; i < 2; ++i) {
    const SimpleRequest request = large_request_message();
    const result<SimpleResponse> reply =
        co_await with.stub.CacheableUnaryCall(request, {.metadata = &user});
    expect_large_response(reply);
  }
}

template <class Call>
void expect_echo(const Call& call) {
  expect_equal(call.headers().get(initial_key).value_or(""), initial_value, "the initial echo");
  expect_equal(call.trailers().get(trailing_key).value_or(""), trailing_value, "the trailing echo");
}

inline task<> custom_metadata(client& with) {
  ringrpc::metadata sent;
  expect_ok(sent.add(initial_key, initial_value));
  expect_ok(sent.add(trailing_key, trailing_value));

  auto unary = with.stub.UnaryCall(large_request_message(), {.metadata = &sent});
  const result<SimpleResponse> reply = co_await unary;
  expect_large_response(reply);
  expect_echo(unary);

  auto stream = with.stub.FullDuplexCall({.metadata = &sent});
  const StreamingOutputCallRequest request = stream_request(large_response, large_request);
  const bool queued = co_await stream.write(request);
  expect(queued, "the request was not taken");
  stream.writes_done();
  co_await expect_response(stream, large_response);
  co_await expect_end_of(stream, status_code::ok);
  expect_echo(stream);
}

inline task<> status_code_and_message(client& with) {
  SimpleRequest request;
  request.mutable_response_status()->set_code(static_cast<int>(status_code::unknown));
  request.mutable_response_status()->set_message(std::string{plain_status_message});
  const result<SimpleResponse> reply = co_await with.stub.UnaryCall(request);
  expect_end(reply.status(), status_code::unknown, plain_status_message);

  StreamingOutputCallRequest streamed;
  *streamed.mutable_response_status() = request.response_status();
  auto stream = with.stub.FullDuplexCall();
  const bool queued = co_await stream.write(streamed);
  expect(queued, "the request was not taken");
  stream.writes_done();
  co_await expect_end_of(stream, status_code::unknown, plain_status_message);
}

inline task<> special_status(client& with) {
  SimpleRequest request;
  request.mutable_response_status()->set_code(static_cast<int>(status_code::unknown));
  request.mutable_response_status()->set_message(std::string{special_status_message});
  const result<SimpleResponse> reply = co_await with.stub.UnaryCall(request);
  expect_end(reply.status(), status_code::unknown, special_status_message);
}

inline task<> unimplemented_method(client& with) {
  const result<Empty> reply = co_await with.stub.UnimplementedCall(Empty{});
  expect_end(reply.status(), status_code::unimplemented);
}

inline task<> unimplemented_service(client& with) {
  const result<Empty> reply = co_await with.missing.UnimplementedCall(Empty{});
  expect_end(reply.status(), status_code::unimplemented);
}

/// On one channel.
inline task<> rpc_soak(client& with) {
  for (int i = 0; i < soak_calls; ++i) co_await large_unary(with);
}

/// Each call on a channel of its own.
inline task<> channel_soak(client& with) {
  for (int i = 0; i < soak_channels; ++i) {
    client fresh{with.home, with.address};
    co_await large_unary(fresh);
    co_await fresh.channel.close();
  }
}

inline task<> concurrent_large_unary(client& with) {
  const SimpleRequest request = large_request_message();
  std::vector<ringrpc::unary_call<SimpleResponse>> calls;
  calls.reserve(concurrent_calls);
  for (int i = 0; i < concurrent_calls; ++i) calls.push_back(with.stub.UnaryCall(request));
  for (auto& call : calls) {
    const result<SimpleResponse> reply = co_await call;
    expect_large_response(reply);
  }
}
}  // namespace interop_suite
