// SPDX-License-Identifier: MIT
//
// grpc++'s client of the standard test service, with the flags of interop_client.
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grpcpp_support.hpp"

namespace {
using namespace interop_suite;

void empty_unary(client& with) {
  ClientContext context;
  Empty response;
  expect_ok(with.stub.EmptyCall(&context, {}, &response));
}

void large_unary(client& with) {
  ClientContext context;
  call_unary(with, large_request_message(), context);
}

void cacheable_unary(client& with) {
  for (int i = 0; i < 2; ++i) {
    ClientContext context;
    context.AddMetadata("x-user-ip", "1.2.3.4");
    SimpleResponse response;
    expect_ok(with.stub.CacheableUnaryCall(&context, large_request_message(), &response));
    expect_payload(response.payload(), large_response);
  }
}

void client_compressed_unary(client& with) {
  SimpleRequest request = large_request_message();
  request.mutable_expect_compressed()->set_value(true);
  {
    ClientContext probe;
    SimpleResponse response;
    expect_end(with.stub.UnaryCall(&probe, request, &response), StatusCode::INVALID_ARGUMENT);
  }
  ClientContext compressed;
  compressed.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  call_unary(with, request, compressed);
  ClientContext plain;
  request.mutable_expect_compressed()->set_value(false);
  call_unary(with, request, plain);
}

void server_compressed_unary(client& with) {
  for (const bool compressed : {true, false}) {
    SimpleRequest request = large_request_message();
    request.mutable_response_compressed()->set_value(compressed);
    ClientContext context;
    call_unary(with, request, context);
    expect_compressed(context, compressed);
  }
}

void client_streaming(client& with) {
  ClientContext context;
  StreamingInputCallResponse response;
  const auto writer = with.stub.StreamingInputCall(&context, &response);
  for (const int size : request_sizes) {
    StreamingInputCallRequest request;
    request.mutable_payload()->set_body(zeros(size));
    expect(writer->Write(request), "a request was not taken");
  }
  writer->WritesDone();
  expect_ok(writer->Finish());
  expect_equal(response.aggregated_payload_size(), request_sizes_sum, "the sum of sizes");
}

StreamingInputCallRequest summand(int size, bool compressed) {
  StreamingInputCallRequest request;
  request.mutable_payload()->set_body(zeros(size));
  request.mutable_expect_compressed()->set_value(compressed);
  return request;
}

void client_compressed_streaming(client& with) {
  StreamingInputCallResponse response;
  {
    ClientContext context;
    const auto probe = with.stub.StreamingInputCall(&context, &response);
    probe->Write(summand(compressed_request_sizes[0], true));
    probe->WritesDone();
    expect_end(probe->Finish(), StatusCode::INVALID_ARGUMENT);
  }
  ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  const auto writer = with.stub.StreamingInputCall(&context, &response);
  expect(writer->Write(summand(compressed_request_sizes[0], true)), "a request was not taken");
  grpc::WriteOptions plain;
  plain.set_no_compression();
  expect(writer->Write(summand(compressed_request_sizes[1], false), plain),
         "a request was not taken");
  writer->WritesDone();
  expect_ok(writer->Finish());
  expect_equal(response.aggregated_payload_size(), compressed_request_sizes_sum, "the sum");
}

void server_streaming(client& with) {
  ClientContext context;
  stream_request request;
  for (const int size : response_sizes) request.add_response_parameters()->set_size(size);
  const auto reader = with.stub.StreamingOutputCall(&context, request);
  for (const int size : response_sizes) expect_response(*reader, size);
  expect_end_of(*reader, StatusCode::OK);
}

void server_compressed_streaming(client& with) {
  ClientContext context;
  stream_request request;
  for (const bool first : {true, false}) {
    ResponseParameters& ordered = *request.add_response_parameters();
    ordered.set_size(compressed_response_sizes[first ? 0 : 1]);
    ordered.mutable_compressed()->set_value(first);
  }
  const auto reader = with.stub.StreamingOutputCall(&context, request);
  for (const bool first : {true, false}) {
    expect_response(*reader, compressed_response_sizes[first ? 0 : 1]);
    expect_compressed(context, first);
  }
  expect_end_of(*reader, StatusCode::OK);
}

void ping_pong(client& with) {
  ClientContext context;
  const auto stream = with.stub.FullDuplexCall(&context);
  for (std::size_t i = 0; i < request_sizes.size(); ++i) {
    expect(stream->Write(ordering(response_sizes[i], request_sizes[i])), "a request was not taken");
    expect_response(*stream, response_sizes[i]);
  }
  stream->WritesDone();
  expect_end_of(*stream, StatusCode::OK);
}

void half_duplex(client& with) {
  ClientContext context;
  const auto stream = with.stub.HalfDuplexCall(&context);
  for (const int size : response_sizes) {
    expect(stream->Write(ordering(size, 0)), "a request was not taken");
  }
  stream->WritesDone();
  for (const int size : response_sizes) expect_response(*stream, size);
  expect_end_of(*stream, StatusCode::OK);
}

void empty_stream(client& with) {
  ClientContext context;
  const auto stream = with.stub.FullDuplexCall(&context);
  stream->WritesDone();
  expect_end_of(*stream, StatusCode::OK);
}

void add_echoed(ClientContext& context) {
  context.AddMetadata(std::string{initial_key}, std::string{initial_value});
  context.AddMetadata(std::string{trailing_key}, std::string{trailing_value});
}

void expect_echo(const ClientContext& context, where_t where = where_t::current()) {
  const auto value = [](const auto& from, std::string_view key) {
    const auto found = from.find(grpc::string_ref{key.data(), key.size()});
    return found == from.end() ? std::string{}
                               : std::string{found->second.data(), found->second.size()};
  };
  expect_equal(value(context.GetServerInitialMetadata(), initial_key), initial_value,
               "the initial echo", where);
  expect_equal(value(context.GetServerTrailingMetadata(), trailing_key), trailing_value,
               "the trailing echo", where);
}

void custom_metadata(client& with) {
  ClientContext unary;
  add_echoed(unary);
  call_unary(with, large_request_message(), unary);
  expect_echo(unary);

  ClientContext context;
  add_echoed(context);
  const auto stream = with.stub.FullDuplexCall(&context);
  expect(stream->Write(ordering(large_response, large_request)), "the request was not taken");
  stream->WritesDone();
  expect_response(*stream, large_response);
  expect_end_of(*stream, StatusCode::OK);
  expect_echo(context);
}

void expect_status(client& with, std::string_view message, where_t where = where_t::current()) {
  SimpleRequest request;
  request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
  request.mutable_response_status()->set_message(std::string{message});
  ClientContext context;
  SimpleResponse response;
  expect_end(with.stub.UnaryCall(&context, request, &response), StatusCode::UNKNOWN, message,
             where);
}

void status_code_and_message(client& with) {
  expect_status(with, plain_status_message);
  ClientContext context;
  const auto stream = with.stub.FullDuplexCall(&context);
  stream_request request;
  request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
  request.mutable_response_status()->set_message(std::string{plain_status_message});
  expect(stream->Write(request), "the request was not taken");
  stream->WritesDone();
  expect_end_of(*stream, StatusCode::UNKNOWN, plain_status_message);
}

void special_status(client& with) { expect_status(with, special_status_message); }

void unimplemented_method(client& with) {
  ClientContext context;
  Empty response;
  expect_end(with.stub.UnimplementedCall(&context, {}, &response), StatusCode::UNIMPLEMENTED);
}

void unimplemented_service(client& with) {
  ClientContext context;
  Empty response;
  expect_end(with.missing.UnimplementedCall(&context, {}, &response), StatusCode::UNIMPLEMENTED);
}

void cancel_after_begin(client& with) {
  ClientContext context;
  StreamingInputCallResponse response;
  const auto writer = with.stub.StreamingInputCall(&context, &response);
  context.TryCancel();
  expect_end(writer->Finish(), StatusCode::CANCELLED);
}

void cancel_after_first_response(client& with) {
  ClientContext context;
  const auto stream = with.stub.FullDuplexCall(&context);
  expect(stream->Write(ordering(response_sizes[0], request_sizes[0])), "the request was not taken");
  expect_response(*stream, response_sizes[0]);
  context.TryCancel();
  expect_end(stream->Finish(), StatusCode::CANCELLED);
}

void timeout_on_sleeping_server(client& with) {
  ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds{1});
  const auto stream = with.stub.FullDuplexCall(&context);
  stream_request request;
  request.mutable_payload()->set_body(zeros(request_sizes[0]));
  stream->Write(request);  // it may be too late for that already
  expect_end_of(*stream, StatusCode::DEADLINE_EXCEEDED);
}

void rpc_soak(client& with) {
  for (int i = 0; i < soak_calls; ++i) large_unary(with);
}

void channel_soak(client& with) {
  for (int i = 0; i < soak_channels; ++i) {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    client fresh{with.address, own};
    large_unary(fresh);
  }
}

void concurrent_large_unary(client& with) {
  struct call {
    ClientContext context;
    SimpleResponse response;
    Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<SimpleResponse>> reader;
  };
  std::vector<call> calls(concurrent_calls);
  grpc::CompletionQueue queue;
  const SimpleRequest request = large_request_message();
  for (call& one : calls) {
    one.reader = with.stub.AsyncUnaryCall(&one.context, request, &queue);
    one.reader->Finish(&one.response, &one.status, &one);
  }
  for (int i = 0; i < concurrent_calls; ++i) {
    void* tag = nullptr;
    bool ok = false;
    expect(queue.Next(&tag, &ok), "the queue has ended");
  }
  for (const call& one : calls) {
    expect_ok(one.status);
    expect_payload(one.response.payload(), large_response);
  }
}

const std::map<std::string_view, void (*)(client&)> all_cases{
    {"empty_unary", empty_unary},
    {"large_unary", large_unary},
    {"cacheable_unary", cacheable_unary},
    {"client_compressed_unary", client_compressed_unary},
    {"server_compressed_unary", server_compressed_unary},
    {"client_streaming", client_streaming},
    {"client_compressed_streaming", client_compressed_streaming},
    {"server_streaming", server_streaming},
    {"server_compressed_streaming", server_compressed_streaming},
    {"ping_pong", ping_pong},
    {"half_duplex", half_duplex},
    {"empty_stream", empty_stream},
    {"custom_metadata", custom_metadata},
    {"status_code_and_message", status_code_and_message},
    {"special_status_message", special_status},
    {"unimplemented_method", unimplemented_method},
    {"unimplemented_service", unimplemented_service},
    {"cancel_after_begin", cancel_after_begin},
    {"cancel_after_first_response", cancel_after_first_response},
    {"timeout_on_sleeping_server", timeout_on_sleeping_server},
    {"rpc_soak", rpc_soak},
    {"channel_soak", channel_soak},
    {"concurrent_large_unary", concurrent_large_unary},
};
}  // namespace

int main(int argc, char** argv) {
  const client_flags given = parse_client_flags(argc, argv);
  client with{given.address};
  report made;
  for (const std::string& name : given.cases) {
    made.begin(name);
    try {
      expect(all_cases.contains(name), "there is no such case");
      all_cases.at(name)(with);
      made.right();
    } catch (...) {
      made.wrong();
    }
  }
  return made.exit_status();
}
