// SPDX-License-Identifier: MIT
//
// The standard test service on grpc++: `grpcpp_suite_server --address unix:PATH`.
// SIGTERM drains it.
#include <grpcpp/grpcpp.h>

#include <signal.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "grpcpp_flags.hpp"
#include "interop_suite.grpc.pb.h"

namespace {
using namespace grpc::testing;
using grpc::ServerContext, grpc::ServerReaderWriter, grpc::Status, grpc::StatusCode;
using requested_response = StreamingOutputCallRequest;

void echo_metadata(ServerContext& context) {
  for (const auto& [key, value] : context.client_metadata()) {
    const std::string bytes{value.data(), value.size()};
    if (key == "x-grpc-test-echo-initial") {
      context.AddInitialMetadata("x-grpc-test-echo-initial", bytes);
    }
    if (key == "x-grpc-test-echo-trailing-bin") {
      context.AddTrailingMetadata("x-grpc-test-echo-trailing-bin", bytes);
    }
  }
}

Status status_of(const EchoStatus& ordered) {
  return {static_cast<StatusCode>(ordered.code()), ordered.message()};
}

template <class Request>
bool came_as_expected(ServerContext& context, const Request& request) {
  return !request.has_expect_compressed() ||
         request.expect_compressed().value() ==
             interop_suite::message_compressed(context);
}

void fill(Payload& payload, std::int32_t size) {
  payload.set_body(std::string(static_cast<std::size_t>(size), '\0'));
}

template <class Writer>
bool respond(ServerContext& context, const requested_response& request, Writer& out) {
  for (const ResponseParameters& ordered : request.response_parameters()) {
    if (ordered.compressed().value()) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  }
  for (const ResponseParameters& ordered : request.response_parameters()) {
    if (ordered.interval_us() > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds{ordered.interval_us()});
    }
    StreamingOutputCallResponse response;
    fill(*response.mutable_payload(), ordered.size());
    grpc::WriteOptions how;
    if (!ordered.compressed().value()) how.set_no_compression();
    if (!out.Write(response, how)) return false;
  }
  return true;
}

class test_service final : public TestService::Service {
  Status EmptyCall(ServerContext*, const Empty*, Empty*) override { return Status::OK; }

  Status UnaryCall(ServerContext* context, const SimpleRequest* request,
                   SimpleResponse* response) override {
    echo_metadata(*context);
    if (!came_as_expected(*context, *request)) {
      return {StatusCode::INVALID_ARGUMENT, "the request is not compressed as it says"};
    }
    if (request->response_status().code() != 0) return status_of(request->response_status());
    if (request->response_compressed().value()) {
      context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
    }
    fill(*response->mutable_payload(), request->response_size());
    return Status::OK;
  }

  Status CacheableUnaryCall(ServerContext* context, const SimpleRequest* request,
                            SimpleResponse* response) override {
    return UnaryCall(context, request, response);
  }

  Status StreamingOutputCall(ServerContext* context, const requested_response* request,
                             grpc::ServerWriter<StreamingOutputCallResponse>* out) override {
    if (!respond(*context, *request, *out)) return Status::CANCELLED;
    return status_of(request->response_status());
  }

  Status StreamingInputCall(ServerContext* context,
                            grpc::ServerReader<StreamingInputCallRequest>* in,
                            StreamingInputCallResponse* response) override {
    StreamingInputCallRequest request;
    std::size_t sum = 0;
    while (in->Read(&request)) {
      if (!came_as_expected(*context, request)) {
        return {StatusCode::INVALID_ARGUMENT, "a request is not compressed as it says"};
      }
      sum += request.payload().body().size();
    }
    response->set_aggregated_payload_size(static_cast<std::int32_t>(sum));
    return Status::OK;
  }

  Status FullDuplexCall(
      ServerContext* context,
      ServerReaderWriter<StreamingOutputCallResponse, requested_response>* stream) override {
    echo_metadata(*context);
    requested_response request;
    while (stream->Read(&request)) {
      if (request.response_status().code() != 0) return status_of(request.response_status());
      if (!respond(*context, request, *stream)) return Status::CANCELLED;
    }
    return Status::OK;
  }

  Status HalfDuplexCall(
      ServerContext* context,
      ServerReaderWriter<StreamingOutputCallResponse, requested_response>* stream) override {
    std::vector<requested_response> requests;
    for (requested_response request; stream->Read(&request);) requests.push_back(request);
    for (const requested_response& request : requests) {
      if (!respond(*context, request, *stream)) return Status::CANCELLED;
    }
    return Status::OK;
  }
};
}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: grpcpp_suite_server --address unix:PATH\n");
    return 2;
  }
  // Before there are threads, which inherit the mask.
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);

  test_service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(argv[2], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  int signal = 0;
  ::sigwait(&ends, &signal);
  server->Shutdown();
  return 0;
}
