// SPDX-License-Identifier: MIT
//
// What the cases of interop_client use.
#pragma once

#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include <ringrpc/ringrpc.hpp>

#include "suite.hpp"
#include "interop_suite.ringrpc.hpp"

namespace interop_suite {
using namespace grpc::testing;
using ringrpc::result, ringrpc::status, ringrpc::status_code, ringrpc::task;

struct client {
  client(ringrpc::ring& on, std::string to)
      : home(on), address(std::move(to)), channel(on, address), stub(channel), missing(channel) {}

  ringrpc::ring& home;
  std::string address;
  ringrpc::channel channel;
  TestService::stub stub;
  UnimplementedService::stub missing;
};

inline void expect_end(const status& got, status_code right, std::string_view message = {},
                       std::source_location where = std::source_location::current()) {
  expect(got.code() == right,
         "the status is " + got.to_text() + ", not " + std::string{name(right)}, where);
  if (!message.empty()) expect_equal(got.message(), message, "the message of the status", where);
}
inline void expect_ok(const status& got,
                      std::source_location where = std::source_location::current()) {
  expect_end(got, status_code::ok, {}, where);
}

inline SimpleRequest large_request_message() {
  SimpleRequest request;
  request.set_response_size(large_response);
  request.mutable_payload()->set_body(zeros(large_request));
  return request;
}

inline void expect_payload(const Payload& got, int size,
                           std::source_location where = std::source_location::current()) {
  expect(got.body() == zeros(size),
         "the payload has " + std::to_string(got.body().size()) + " bytes, or not only zeros",
         where);
}

inline void expect_large_response(const result<SimpleResponse>& got,
                                  std::source_location where = std::source_location::current()) {
  expect_ok(got.status(), where);
  expect_payload(got->payload(), large_response, where);
}

/// One that asks for one response, and brings a payload.
inline StreamingOutputCallRequest stream_request(int response_size, int request_size) {
  StreamingOutputCallRequest request;
  request.add_response_parameters()->set_size(response_size);
  request.mutable_payload()->set_body(zeros(request_size));
  return request;
}

/// The next response of a stream, which must come.
template <class Call>
task<> expect_response(Call& call, int size,
                       std::source_location where = std::source_location::current()) {
  const StreamingOutputCallResponse* response = co_await call.read();
  expect(response != nullptr, "there are too few responses", where);
  expect_payload(response->payload(), size, where);
}

/// That no more responses come, and how the call ends.
template <class Call>
task<> expect_end_of(Call& call, status_code right, std::string_view message = {},
                     std::source_location where = std::source_location::current()) {
  const StreamingOutputCallResponse* response = co_await call.read();
  expect(response == nullptr, "there are too many responses", where);
  const status end = co_await call.finish();
  expect_end(end, right, message, where);
}
}  // namespace interop_suite
