// SPDX-License-Identifier: MIT
//
// Cases of interop_client with gzip (wire rules 20 to 22): each side has to see how
// the messages of the other come.
#pragma once

#include <cstddef>

#include "client_support.hpp"

namespace interop_suite {
/// A request that says how the server is to find it.
inline SimpleRequest expecting(bool compressed) {
  SimpleRequest request = large_request_message();
  request.mutable_expect_compressed()->set_value(compressed);
  return request;
}

inline task<> client_compressed_unary(client& with) {
  // A server that does not look would take this one, too.
  const result<SimpleResponse> probe = co_await with.stub.UnaryCall(expecting(true));
  expect_end(probe.status(), status_code::invalid_argument);

  const result<SimpleResponse> compressed =
      co_await with.stub.UnaryCall(expecting(true), {.compression = "gzip"});
  expect_large_response(compressed);
  const result<SimpleResponse> plain = co_await with.stub.UnaryCall(expecting(false));
  expect_large_response(plain);
}

inline StreamingInputCallRequest streamed(int size, bool compressed) {
  StreamingInputCallRequest request;
  request.mutable_payload()->set_body(zeros(size));
  request.mutable_expect_compressed()->set_value(compressed);
  return request;
}

inline task<> client_compressed_streaming(client& with) {
  auto probe = with.stub.StreamingInputCall();
  const StreamingInputCallRequest unlike = streamed(compressed_request_sizes[0], true);
  co_await probe.write(unlike);
  const result<StreamingInputCallResponse> refused = co_await probe.finish();
  expect_end(refused.status(), status_code::invalid_argument);

  auto call = with.stub.StreamingInputCall({.compression = "gzip"});
  for (std::size_t i = 0; i < 2; ++i) {
    const bool compress = i == 0;
    const StreamingInputCallRequest request = streamed(compressed_request_sizes[i], compress);
    const bool queued = co_await call.write(request, {.compress = compress});
    expect(queued, "a request was not taken");
  }
  const result<StreamingInputCallResponse> reply = co_await call.finish();
  expect_ok(reply.status());
  expect_equal(reply->aggregated_payload_size(), compressed_request_sizes_sum, "the sum of sizes");
}

inline task<> server_compressed_unary(client& with) {
  for (const bool compressed : {true, false}) {
    SimpleRequest request = large_request_message();
    request.mutable_response_compressed()->set_value(compressed);
    auto call = with.stub.UnaryCall(request);
    const result<SimpleResponse> reply = co_await call;
    expect_large_response(reply);
    expect_equal(call.message_compressed(), compressed, "whether the response came compressed");
  }
}

inline task<> server_compressed_streaming(client& with) {
  StreamingOutputCallRequest request;
  for (std::size_t i = 0; i < 2; ++i) {
    ResponseParameters& ordered = *request.add_response_parameters();
    ordered.set_size(compressed_response_sizes[i]);
    ordered.mutable_compressed()->set_value(i == 0);
  }
  auto call = with.stub.StreamingOutputCall(request);
  for (std::size_t i = 0; i < 2; ++i) {
    co_await expect_response(call, compressed_response_sizes[i]);
    expect_equal(call.message_compressed(), i == 0, "whether the response came compressed");
  }
  co_await expect_end_of(call, status_code::ok);
}
}  // namespace interop_suite
