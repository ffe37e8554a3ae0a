// SPDX-License-Identifier: MIT
//
// grpc++'s client: calls end as they should, and both sides learn of it.
#include "grpcpp_client.hpp"

namespace interop {
namespace {
using namespace std::chrono_literals;

Request ending_with(StatusCode code, std::string message) {
  Request made = request("x");
  made.mutable_orders()->set_end(true);
  made.mutable_orders()->set_code(static_cast<unsigned>(code));
  made.mutable_orders()->set_message(std::move(message));
  return made;
}

Request named(const std::string& name) {
  Request made = request("x");
  made.mutable_orders()->set_name(name);
  return made;
}

Request hanging(const std::string& name) {
  Request made = named(name);
  made.mutable_orders()->set_hang(true);
  return made;
}

void status_codes(client& with) {
  for (unsigned code = 1; code <= 16; ++code) {
    const std::string text = "code " + std::to_string(code);
    ClientContext context;
    Reply reply;
    const Request order = ending_with(static_cast<StatusCode>(code), text);
    const Status end = with.stub.Unary(&context, order, &reply);
    expect_code(end, static_cast<StatusCode>(code));
    expect_equal(end.error_message(), text, "the message");
  }
  expect_service(with);
}

void status_messages(client& with) {
  for (const std::string& text : difficult_messages()) {
    Request order = ending_with(StatusCode::ABORTED, text);
    order.mutable_orders()->set_replies(1);
    ClientContext first, second;
    Reply reply;
    const Status one = with.stub.Unary(&first, order, &reply);
    expect_code(one, StatusCode::ABORTED);
    expect_equal(one.error_message(), text, "the message");
    const auto call = with.stub.ServerStream(&second, order);
    while (call->Read(&reply)) {
    }
    const Status end = call->Finish();
    expect_code(end, StatusCode::ABORTED);
    expect_equal(end.error_message(), text, "the message");
  }
}

void status_details_both_ways(client& with) {
  Request order = ending_with(StatusCode::FAILED_PRECONDITION, "no");
  order.mutable_orders()->set_details(status_details());
  order.mutable_orders()->set_replies(1);
  ClientContext first, second;
  Reply reply;
  const Status one = with.stub.Unary(&first, order, &reply);
  expect_code(one, StatusCode::FAILED_PRECONDITION);
  expect_equal(one.error_details(), status_details(), "the details");
  const auto call = with.stub.ServerStream(&second, order);
  while (call->Read(&reply)) {
  }
  expect_equal(call->Finish().error_details(), status_details(), "the details");
}

void error_after_replies(client& with) {
  Request order = ending_with(StatusCode::DATA_LOSS, "no more");
  order.mutable_orders()->set_replies(3);
  ClientContext context;
  const auto call = with.stub.ServerStream(&context, order);
  Reply reply;
  int count = 0;
  while (call->Read(&reply)) ++count;
  const Status end = call->Finish();
  expect_equal(count, 3, "the number of replies");
  expect_code(end, StatusCode::DATA_LOSS);
  expect_equal(end.error_message(), "no more", "the message");
}

void step(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool taken = false;
  expect(queue.Next(&tag, &taken), "the completion queue has ended");
}

/// The status of a call of any method, with that many requests and no look at what
/// it answers.
Status call_with(client& with, const std::string& path, int requests) {
  ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = with.generic.PrepareCall(&context, path, &queue);
  call->StartCall(nullptr);
  step(queue);
  grpc::Slice bytes{request("x").SerializeAsString()};
  const grpc::ByteBuffer message{&bytes, 1};
  for (int i = 0; i < requests; ++i) {
    call->Write(message, nullptr);
    step(queue);
  }
  call->WritesDone(nullptr);
  step(queue);
  Status end;
  call->Finish(&end, nullptr);
  step(queue);
  return end;
}

void unimplemented(client& with) {
  for (const char* path : {"/ringrpc_interop.Peer/Missing", "/ringrpc_interop.Absent/Unary"}) {
    for (const int requests : {0, 1, 2}) {
      expect_code(call_with(with, path, requests), StatusCode::UNIMPLEMENTED);
    }
  }
  expect_service(with);
}

void wrong_number_of_replies(client&) {
  throw left_out{"what grpc++ does with them is its own matter"};
}

void wrong_number_of_requests(client& with) {
  // grpc++'s own server lets some of these calls hang.
  if (with.given.server != "ringrpc") throw left_out{"what others do with them differs"};
  for (const int requests : {0, 2}) {
    for (const char* method : {"Unary", "ServerStream"}) {
      const Status end = call_with(with, std::string{"/ringrpc_interop.Peer/"} + method, requests);
      expect_code(end, StatusCode::UNIMPLEMENTED);
      expect_service(with);
    }
  }
}

void deadline_unary(client& with) {
  const Request order = hanging(fresh_name());
  ClientContext context;
  set_timeout(context, 100ms);
  Reply reply;
  expect_code(with.stub.Unary(&context, order, &reply), StatusCode::DEADLINE_EXCEEDED);
  expect_cancelled(with, order.orders().name());
}

void deadline_streams(client& with) {
  ClientContext first, second, third;
  Reply reply;
  Request order = hanging(fresh_name());
  order.mutable_orders()->set_replies(2);
  set_timeout(first, 200ms);
  const auto replies = with.stub.ServerStream(&first, order);
  int count = 0;
  while (replies->Read(&reply)) ++count;
  expect_code(replies->Finish(), StatusCode::DEADLINE_EXCEEDED);
  expect_equal(count, 2, "the number of replies");
  expect_cancelled(with, order.orders().name());

  order = hanging(fresh_name());
  set_timeout(second, 200ms);
  const auto requests = with.stub.ClientStream(&second, &reply);
  expect(requests->Write(order), "a message was not taken");
  requests->WritesDone();
  expect_code(requests->Finish(), StatusCode::DEADLINE_EXCEEDED);
  expect_cancelled(with, order.orders().name());

  order = hanging(fresh_name());
  set_timeout(third, 200ms);
  const auto both = with.stub.Bidi(&third);
  expect(both->Write(order), "a message was not taken");
  expect(both->Read(&reply), "a reply is missing");
  expect(!both->Read(&reply), "there is a reply too many");
  expect_code(both->Finish(), StatusCode::DEADLINE_EXCEEDED);
  expect_cancelled(with, order.orders().name());
}

void deadline_told(client& with) {
  Request order = request("how long?");
  order.mutable_orders()->set_tell_deadline(true);
  ClientContext without, with_one;
  Reply reply;
  expect_ok(with.stub.Unary(&without, order, &reply));
  expect_equal(reply.left_ms(), -1, "the time left without a deadline");
  set_timeout(with_one, 60s);
  expect_ok(with.stub.Unary(&with_one, order, &reply));
  // C-core rounds what it sends.
  expect(reply.left_ms() > 30'000 && reply.left_ms() <= 61'000,
         "of 60 s the server sees " + std::to_string(reply.left_ms()) + " ms");
}

void cancel_unary(client& with) {
  const Request order = hanging(fresh_name());
  ClientContext context;
  Status end;
  std::thread caller{[&] {
    Reply reply;
    end = with.stub.Unary(&context, order, &reply);
  }};
  started(with, order.orders().name());
  context.TryCancel();
  caller.join();
  expect_code(end, StatusCode::CANCELLED);
  expect_cancelled(with, order.orders().name());
}

void cancel_server_stream(client& with) {
  Request order = hanging(fresh_name());
  order.mutable_orders()->set_replies(1);
  ClientContext context;
  const auto call = with.stub.ServerStream(&context, order);
  Reply reply;
  expect(call->Read(&reply), "a reply is missing");
  context.TryCancel();
  expect_code(call->Finish(), StatusCode::CANCELLED);
  expect_cancelled(with, order.orders().name());
}

// Its handler is in a read.
void cancel_client_stream(client& with) {
  const Request order = named(fresh_name());
  ClientContext context;
  Reply reply;
  const auto call = with.stub.ClientStream(&context, &reply);
  expect(call->Write(order), "a message was not taken");
  started(with, order.orders().name());
  context.TryCancel();
  expect_code(call->Finish(), StatusCode::CANCELLED);
  expect_cancelled(with, order.orders().name());
}

void cancel_bidi(client& with) {
  const Request order = named(fresh_name());
  ClientContext context;
  const auto call = with.stub.Bidi(&context);
  Reply reply;
  expect(call->Write(order), "a message was not taken");
  expect(call->Read(&reply), "a reply is missing");
  context.TryCancel();
  expect(!call->Read(&reply), "there is a reply too many");
  expect_code(call->Finish(), StatusCode::CANCELLED);
  expect_cancelled(with, order.orders().name());
}

// A handler that writes more than the client takes is in a write.
void cancel_blocked_writer(client& with) {
  Request order = named(fresh_name());
  order.mutable_orders()->set_replies(1000);
  order.mutable_orders()->set_reply_bytes(100'000);
  ClientContext context;
  const auto call = with.stub.ServerStream(&context, order);
  Reply reply;
  expect(call->Read(&reply), "a reply is missing");
  context.TryCancel();
  expect_code(call->Finish(), StatusCode::CANCELLED);
  expect_cancelled(with, order.orders().name());
}

void client_killed(client& with) {
  const std::string name = fresh_name();
  hanging_copy copy{with.given, name};
  started(with, name);
  copy.kill();
  expect_cancelled(with, name);
}

/// Writes until the end of the call shows, but not more than 8 MiB.
template <class Call> void write_until_ended(Call& call) {
  const Request chunk = request(pattern(64 * 1024));
  bool taken = true;
  for (int i = 0; i < 128 && taken; ++i) taken = call.Write(chunk);
  expect(!taken, "all messages were taken, though the server had ended the call");
}

void expect_early(client& with, StatusCode code, const std::string& message) {
  const Request order = ending_with(code, message);
  ClientContext first, second;
  Reply sum, reply;
  const auto requests = with.stub.ClientStream(&first, &sum);
  expect(requests->Write(order), "a message was not taken");
  write_until_ended(*requests);
  Status end = requests->Finish();
  expect_code(end, code);
  expect_equal(end.error_message(), message, "the message");
  if (code == StatusCode::OK) {
    expect_equal(static_cast<long long>(sum.messages()), 1, "the number of messages");
  }

  const auto both = with.stub.Bidi(&second);
  expect(both->Write(order), "a message was not taken");
  write_until_ended(*both);
  expect(both->Read(&reply), "a reply is missing");
  end = both->Finish();
  expect_code(end, code);
  expect_equal(end.error_message(), message, "the message");
  expect_service(with);
}
void early_error(client& with) { expect_early(with, StatusCode::FAILED_PRECONDITION, "enough"); }
void early_ok(client& with) { expect_early(with, StatusCode::OK, ""); }

constexpr named_case all_endings[] = {
    {"status_codes", status_codes},
    {"status_messages", status_messages},
    {"status_details", status_details_both_ways},
    {"error_after_replies", error_after_replies},
    {"unimplemented", unimplemented},
    {"wrong_number_of_replies", wrong_number_of_replies},
    {"wrong_number_of_requests", wrong_number_of_requests},
    {"deadline_unary", deadline_unary},
    {"deadline_streams", deadline_streams},
    {"deadline_told", deadline_told},
    {"cancel_unary", cancel_unary},
    {"cancel_server_stream", cancel_server_stream},
    {"cancel_client_stream", cancel_client_stream},
    {"cancel_bidi", cancel_bidi},
    {"cancel_blocked_writer", cancel_blocked_writer},
    {"client_killed", client_killed},
    {"early_error", early_error},
    {"early_ok", early_ok},
};
}  // namespace

std::span<const named_case> ending_cases() { return all_endings; }
}  // namespace interop
