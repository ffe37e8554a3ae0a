// SPDX-License-Identifier: MIT
//
// Cases of interop_client whose calls have streams of messages.
#pragma once

#include <chrono>
#include <cstddef>

#include "client_support.hpp"

namespace interop_suite {
inline task<> client_streaming(client& with) {
  auto call = with.stub.StreamingInputCall();
  for (const int size : request_sizes) {
    StreamingInputCallRequest request;
    request.mutable_payload()->set_body(zeros(size));
    const bool queued = co_await call.write(request);
    expect(queued, "a request was not taken");
  }
  const result<StreamingInputCallResponse> reply = co_await call.finish();
  expect_ok(reply.status());
  expect_equal(reply->aggregated_payload_size(), request_sizes_sum, "the sum of sizes");
}

inline task<> server_streaming(client& with) {
  StreamingOutputCallRequest request;
  for (const int size : response_sizes) request.add_response_parameters()->set_size(size);
  auto call = with.stub.StreamingOutputCall(request);
  for (const int size : response_sizes) co_await expect_response(call, size);
  co_await expect_end_of(call, status_code::ok);
}

inline task<> ping_pong(client& with) {
  auto call = with.stub.FullDuplexCall();
  for (std::size_t i = 0; i < request_sizes.size(); ++i) {
    const StreamingOutputCallRequest request = stream_request(response_sizes[i], request_sizes[i]);
    const bool queued = co_await call.write(request);
    expect(queued, "a request was not taken");
    co_await expect_response(call, response_sizes[i]);
  }
  call.writes_done();
  co_await expect_end_of(call, status_code::ok);
}

/// Responses come only when all requests have been sent.
inline task<> half_duplex(client& with) {
  auto call = with.stub.HalfDuplexCall();
  for (const int size : response_sizes) {
    const StreamingOutputCallRequest request = stream_request(size, 0);
    const bool queued = co_await call.write(request);
    expect(queued, "a request was not taken");
  }
  call.writes_done();
  for (const int size : response_sizes) co_await expect_response(call, size);
  co_await expect_end_of(call, status_code::ok);
}

inline task<> empty_stream(client& with) {
  auto call = with.stub.FullDuplexCall();
  call.writes_done();
  co_await expect_end_of(call, status_code::ok);
}

inline task<> cancel_after_begin(client& with) {
  auto call = with.stub.StreamingInputCall();
  call.cancel();
  const result<StreamingInputCallResponse> reply = co_await call.finish();
  expect_end(reply.status(), status_code::cancelled);
}

inline task<> cancel_after_first_response(client& with) {
  auto call = with.stub.FullDuplexCall();
  const StreamingOutputCallRequest request = stream_request(response_sizes[0], request_sizes[0]);
  const bool queued = co_await call.write(request);
  expect(queued, "the request was not taken");
  co_await expect_response(call, response_sizes[0]);
  call.cancel();
  co_await expect_end_of(call, status_code::cancelled);
}

inline task<> timeout_on_sleeping_server(client& with) {
  auto call = with.stub.FullDuplexCall({.timeout = std::chrono::milliseconds{1}});
  StreamingOutputCallRequest request;
  request.mutable_payload()->set_body(zeros(request_sizes[0]));
  co_await call.write(request);  // it may be too late for that already
  co_await expect_end_of(call, status_code::deadline_exceeded);
}
}  // namespace interop_suite
