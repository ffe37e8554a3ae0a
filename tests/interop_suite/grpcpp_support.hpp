// SPDX-License-Identifier: MIT
//
// What the cases of grpc++'s client use.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <source_location>
#include <string>
#include <string_view>

#include "grpcpp_flags.hpp"
#include "interop_suite.grpc.pb.h"
#include "suite.hpp"

namespace interop_suite {
using namespace grpc::testing;
using grpc::ClientContext, grpc::Status, grpc::StatusCode;
using where_t = std::source_location;
using stream_request = StreamingOutputCallRequest;
using stream_response = StreamingOutputCallResponse;

struct client {
  explicit client(const std::string& to) : client(to, {}) {}
  client(const std::string& to, const grpc::ChannelArguments& how)
      : address(to),
        channel(grpc::CreateCustomChannel(to, grpc::InsecureChannelCredentials(), how)),
        stub(channel),
        missing(channel) {}

  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  TestService::Stub stub;
  UnimplementedService::Stub missing;
};

inline void expect_end(const Status& got, StatusCode right, std::string_view message = {},
                       where_t where = where_t::current()) {
  expect(got.error_code() == right,
         "the status is " + std::to_string(got.error_code()) + " (" + got.error_message() +
             "), not " + std::to_string(right),
         where);
  if (!message.empty()) expect_equal(got.error_message(), message, "the message", where);
}
inline void expect_ok(const Status& got, where_t where = where_t::current()) {
  expect_end(got, StatusCode::OK, {}, where);
}

inline SimpleRequest large_request_message() {
  SimpleRequest request;
  request.set_response_size(large_response);
  request.mutable_payload()->set_body(zeros(large_request));
  return request;
}

inline void expect_payload(const Payload& got, int size, where_t where = where_t::current()) {
  expect(got.body() == zeros(size), "the payload differs", where);
}

inline void expect_compressed(ClientContext& context, bool right,
                              where_t where = where_t::current()) {
  expect_equal(message_compressed(context), right,
               "whether the response came compressed", where);
}

/// A unary call that succeeds.
inline void call_unary(client& with, const SimpleRequest& request, ClientContext& context,
                       where_t where = where_t::current()) {
  SimpleResponse response;
  expect_ok(with.stub.UnaryCall(&context, request, &response), where);
  expect_payload(response.payload(), request.response_size(), where);
}

inline stream_request ordering(int response_size, int request_size) {
  stream_request request;
  request.add_response_parameters()->set_size(response_size);
  request.mutable_payload()->set_body(zeros(request_size));
  return request;
}

template <class Stream>
void expect_response(Stream& from, int size, where_t where = where_t::current()) {
  stream_response response;
  expect(from.Read(&response), "there are too few responses", where);
  expect_payload(response.payload(), size, where);
}

template <class Stream>
void expect_end_of(Stream& from, StatusCode right, std::string_view message = {},
                   where_t where = where_t::current()) {
  stream_response response;
  expect(!from.Read(&response), "there are too many responses", where);
  expect_end(from.Finish(), right, message, where);
}
}  // namespace interop_suite
