// SPDX-License-Identifier: MIT
//
// gRPC's standard test service on ringrpc, for the clients of its interop tests
// (interop-test-descriptions.md): `interop_server --address unix:PATH`, and
// `--connection_age_ms N` behind it if connections shall not become older. SIGTERM drains it.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <ringrpc/ringrpc.hpp>

#include "interop_suite.ringrpc.hpp"

namespace {
using ringrpc::result, ringrpc::server_context, ringrpc::status, ringrpc::task;
using namespace grpc::testing;
using requested_response = StreamingOutputCallRequest;

constexpr std::int32_t size_max = 64 * 1024 * 1024;

/// What the server sends back of the metadata that it got.
void echo_metadata(server_context& context) {
  for (const ringrpc::metadata_field field : context.metadata()) {
    status added;
    if (field.key == "x-grpc-test-echo-initial") {
      added = context.headers().add(field.key, field.value);
    } else if (field.key == "x-grpc-test-echo-trailing-bin") {
      added = context.trailers().add(field.key, field.value);
    }
    if (!added.ok()) throw ringrpc::status_error{added};
  }
}

status status_of(const EchoStatus& ordered) {
  if (ordered.code() == 0) return {};
  return {static_cast<ringrpc::status_code>(ordered.code()), ordered.message()};
}

/// @return false for a size that nobody should ask for.
bool fill(Payload& payload, std::int32_t size) {
  if (size < 0 || size > size_max) return false;
  payload.set_body(std::string(static_cast<std::size_t>(size), '\0'));
  return true;
}

status unusable_size() { return ringrpc::invalid_argument("that is no size of a response"); }

/// Whether the message that was read last came as the client says.
template <class Request>
bool came_as_expected(const server_context& context, const Request& request) {
  return !request.has_expect_compressed() ||
         request.expect_compressed().value() == context.message_compressed();
}

status not_as_expected() {
  return ringrpc::invalid_argument("the request is not compressed as it says");
}

/// The responses that one request asks for.
task<status> respond(const requested_response& request,
                     ringrpc::writer<StreamingOutputCallResponse>& out) {
  StreamingOutputCallResponse response;
  for (const ResponseParameters& ordered : request.response_parameters()) {
    if (ordered.interval_us() > 0) {
      co_await ringrpc::sleep_for(std::chrono::microseconds{ordered.interval_us()});
    }
    const bool filled = fill(*response.mutable_payload(), ordered.size());
    if (!filled) co_return unusable_size();
    const bool compress = ordered.compressed().value();
    const bool queued = co_await out.write(response, {.compress = compress});
    if (!queued) co_return ringrpc::cancelled("the client takes no more");
  }
  co_return status{};
}

/// Compression is decided before the first message: the algorithm is of the whole response.
void choose_compression(server_context& context, const requested_response& request) {
  for (const ResponseParameters& ordered : request.response_parameters()) {
    if (ordered.compressed().value()) context.set_compression("gzip");
  }
}

class test_service final : public TestService::service {
public:
  task<result<Empty>> EmptyCall(server_context&, const Empty&) override { co_return Empty{}; }

  task<result<SimpleResponse>> UnaryCall(server_context& context,
                                         const SimpleRequest& request) override {
    echo_metadata(context);
    if (!came_as_expected(context, request)) co_return not_as_expected();
    if (request.response_status().code() != 0) co_return status_of(request.response_status());
    if (request.response_compressed().value()) context.set_compression("gzip");
    SimpleResponse response;
    if (!fill(*response.mutable_payload(), request.response_size())) co_return unusable_size();
    co_return response;
  }

  /// Between client and server is no cache here: an ordinary call.
  task<result<SimpleResponse>> CacheableUnaryCall(server_context& context,
                                                  const SimpleRequest& request) override {
    return UnaryCall(context, request);
  }

  task<status> StreamingOutputCall(server_context& context, const requested_response& request,
                                   ringrpc::writer<StreamingOutputCallResponse>& out) override {
    echo_metadata(context);
    choose_compression(context, request);
    const status sent = co_await respond(request, out);
    if (!sent.ok()) co_return sent;
    co_return status_of(request.response_status());
  }

  task<result<StreamingInputCallResponse>> StreamingInputCall(
      server_context& context, ringrpc::reader<StreamingInputCallRequest>& in) override {
    std::int64_t sum = 0;
    while (const StreamingInputCallRequest* request = co_await in.read()) {
      if (!came_as_expected(context, *request)) co_return not_as_expected();
      sum += static_cast<std::int64_t>(request->payload().body().size());
    }
    if (sum > std::numeric_limits<std::int32_t>::max()) {
      co_return ringrpc::out_of_range("the sum does not fit into the response");
    }
    StreamingInputCallResponse response;
    response.set_aggregated_payload_size(static_cast<std::int32_t>(sum));
    co_return response;
  }

  task<status> FullDuplexCall(server_context& context, ringrpc::reader<requested_response>& in,
                              ringrpc::writer<StreamingOutputCallResponse>& out) override {
    echo_metadata(context);
    while (const requested_response* request = co_await in.read()) {
      if (request->response_status().code() != 0) co_return status_of(request->response_status());
      choose_compression(context, *request);
      const status sent = co_await respond(*request, out);
      if (!sent.ok()) co_return sent;
    }
    co_return status{};
  }

  task<status> HalfDuplexCall(server_context& context, ringrpc::reader<requested_response>& in,
                              ringrpc::writer<StreamingOutputCallResponse>& out) override {
    std::vector<requested_response> requests;
    while (requested_response* request = co_await in.read()) {
      requests.push_back(std::move(*request));
    }
    for (const requested_response& request : requests) {
      choose_compression(context, request);
      const status sent = co_await respond(request, out);
      if (!sent.ok()) co_return sent;
    }
    co_return status{};
  }
  // UnimplementedCall, and all of UnimplementedService, are the library's to answer.
};
}  // namespace

int main(int argc, char** argv) {
  const bool limits_age = argc == 5 && std::string_view{argv[3]} == "--connection_age_ms";
  if ((argc != 3 && !limits_age) || std::string_view{argv[1]} != "--address" ||
      !std::string_view{argv[2]}.starts_with("unix:")) {
    std::fprintf(stderr, "usage: interop_server --address unix:PATH [--connection_age_ms N]\n");
    return 2;
  }
  try {
    ringrpc::signal_set stop = ringrpc::signals(SIGINT, SIGTERM);
    ringrpc::ring ring;
    ringrpc::server_options options;
    if (limits_age) options.connection_age = std::chrono::milliseconds{std::atol(argv[4])};
    ringrpc::server server{ring, options};
    server.emplace<test_service>();
    server.listen(ringrpc::unix_socket{argv[2] + std::string_view{"unix:"}.size()});
    ring.run(server.serve_until(std::move(stop)));
    return 0;
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "interop_server: %s\n", failed.what());
    return 1;
  }
}
