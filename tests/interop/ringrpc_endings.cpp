// SPDX-License-Identifier: MIT
//
// ringrpc's client: calls end as they should, and both sides learn of it.
#include "ringrpc_client.hpp"

namespace interop {
namespace {
using namespace std::chrono_literals;

using unknown_method =
    ringrpc::unary_method<"/ringrpc_interop.Peer/Missing", Request, Reply>;
using unknown_stream =
    ringrpc::bidi_streaming_method<"/ringrpc_interop.Peer/MissingStream", Request, Reply>;
using method_of_unknown_service =
    ringrpc::unary_method<"/ringrpc_interop.Absent/Unary", Request, Reply>;
using stream_of_unknown_service =
    ringrpc::bidi_streaming_method<"/ringrpc_interop.Absent/Bidi", Request, Reply>;
// Those of the service, called as if they were of another kind.
using replies_as_unary =
    ringrpc::unary_method<"/ringrpc_interop.Peer/ServerStream", Request, Reply>;
using bidi_as_client_stream =
    ringrpc::client_streaming_method<"/ringrpc_interop.Peer/Bidi", Request, Reply>;
using unary_as_client_stream =
    ringrpc::client_streaming_method<"/ringrpc_interop.Peer/Unary", Request, Reply>;
using server_stream_as_bidi =
    ringrpc::bidi_streaming_method<"/ringrpc_interop.Peer/ServerStream", Request, Reply>;

Request ending_with(status_code code, std::string message) {
  Request made = request("x");
  made.mutable_orders()->set_end(true);
  made.mutable_orders()->set_code(static_cast<unsigned>(code));
  made.mutable_orders()->set_message(std::move(message));
  return made;
}

Request hanging(const std::string& name) {
  Request made = request("x");
  made.mutable_orders()->set_name(name);
  made.mutable_orders()->set_hang(true);
  return made;
}

task<> status_codes(client& with) {
  for (unsigned code = 1; code <= 16; ++code) {
    const std::string text = "code " + std::to_string(code);
    const Request order = ending_with(static_cast<status_code>(code), text);
    const result<Reply> reply = co_await with.stub.Unary(order);
    expect_code(reply.status(), static_cast<status_code>(code));
    expect_equal(reply.status().message(), text, "the message");
  }
  co_await expect_service(with);
}

task<> status_details_both_ways(client& with) {
  Request order = ending_with(status_code::failed_precondition, "no");
  order.mutable_orders()->set_details(status_details());
  const result<Reply> reply = co_await with.stub.Unary(order);
  expect_code(reply.status(), status_code::failed_precondition);
  expect_equal(reply.status().details(), status_details(), "the details");
  const result<ringrpc::rich_status> rich = ringrpc::rich_status::of(reply.status());
  expect_ok(rich.status());
  expect(rich->details().size() == 1, "the number of details");
  expect_equal(rich->details()[0].type(), "a.B", "the type of the detail");
  order.mutable_orders()->set_replies(1);
  auto call = with.stub.ServerStream(order);
  while (Reply* one = co_await call.read()) expect_equal(one->payload(), "x", "the reply");
  const status end = co_await call.finish();
  expect_code(end, status_code::failed_precondition);
  expect_equal(end.details(), status_details(), "the details");
}

task<> status_messages(client& with) {
  for (const std::string& text : difficult_messages()) {
    Request order = ending_with(status_code::aborted, text);
    order.mutable_orders()->set_replies(1);
    const result<Reply> reply = co_await with.stub.Unary(order);
    expect_code(reply.status(), status_code::aborted);
    expect_equal(reply.status().message(), text, "the message");
    auto call = with.stub.ServerStream(order);
    const status end = co_await call.finish();
    expect_code(end, status_code::aborted);
    expect_equal(end.message(), text, "the message");
  }
}

task<> error_after_replies(client& with) {
  Request order = ending_with(status_code::data_loss, "no more");
  order.mutable_orders()->set_replies(3);
  auto call = with.stub.ServerStream(order);
  const int count = co_await count_replies(call);
  const status end = co_await call.finish();
  expect_equal(count, 3, "the number of replies");
  expect_code(end, status_code::data_loss);
  expect_equal(end.message(), "no more", "the message");
}

task<> unimplemented(client& with) {
  const Request sent = request("anyone?");
  const result<Reply> method = co_await with.channel.call<unknown_method>(sent);
  expect_code(method.status(), status_code::unimplemented);
  const result<Reply> service = co_await with.channel.call<method_of_unknown_service>(sent);
  expect_code(service.status(), status_code::unimplemented);

  auto stream = with.channel.call<unknown_stream>();
  bool queued = co_await stream.write(sent);
  static_cast<void>(queued);  // it may have ended already
  const status stream_end = co_await stream.finish();
  expect_code(stream_end, status_code::unimplemented);
  auto other = with.channel.call<stream_of_unknown_service>();
  const Reply* reply = co_await other.read();
  expect(reply == nullptr, "there is a reply");
  const status other_end = co_await other.finish();
  expect_code(other_end, status_code::unimplemented);
  co_await expect_service(with);
}

// Wire rule 18, client: one response, or none of it counts. (The service's streams
// are called as if they had one response.)
task<> wrong_number_of_replies(client& with) {
  for (const unsigned replies : {0U, 2U}) {
    Request order = request("x");
    order.mutable_orders()->set_replies(replies);
    const result<Reply> reply = co_await with.channel.call<replies_as_unary>(order);
    expect_code(reply.status(), status_code::unimplemented);
  }
  // The second message ends the call: there is no wait for a status that may not come.
  Request order = hanging(fresh_name());
  order.mutable_orders()->set_replies(2);
  const result<Reply> reply = co_await with.channel.call<replies_as_unary>(order);
  expect_code(reply.status(), status_code::unimplemented);
  co_await expect_cancelled(with, order.orders().name());

  auto none = with.channel.call<bidi_as_client_stream>();
  const result<Reply> nothing = co_await none.finish();
  expect_code(nothing.status(), status_code::unimplemented);
  co_await expect_service(with);
}

// The same of requests: ringrpc's server refuses, others may do what they want, as
// long as the call ends.
task<> wrong_number_of_requests(client& with) {
  for (const int requests : {0, 2}) {
    const Request sent = request("x");
    auto unary = with.channel.call<unary_as_client_stream>();
    auto stream = with.channel.call<server_stream_as_bidi>();
    for (int i = 0; i < requests; ++i) {
      bool queued = co_await unary.write(sent);
      queued = co_await stream.write(sent);
      static_cast<void>(queued);
    }
    const result<Reply> reply = co_await unary.finish();
    const status end = co_await stream.finish();
    if (with.given.server == "ringrpc") {
      expect_code(reply.status(), status_code::unimplemented);
      expect_code(end, status_code::unimplemented);
    }
    co_await expect_service(with);
  }
}

task<> deadline_unary(client& with) {
  const Request order = hanging(fresh_name());
  const result<Reply> reply = co_await with.stub.Unary(order, {.timeout = 100ms});
  expect_code(reply.status(), status_code::deadline_exceeded);
  co_await expect_cancelled(with, order.orders().name());
}

task<> deadline_streams(client& with) {
  Request order = hanging(fresh_name());
  order.mutable_orders()->set_replies(2);
  auto replies = with.stub.ServerStream(order, {.timeout = 200ms});
  const int count = co_await count_replies(replies);
  const status replied = co_await replies.finish();
  expect_equal(count, 2, "the number of replies");
  expect_code(replied, status_code::deadline_exceeded);
  co_await expect_cancelled(with, order.orders().name());

  order = hanging(fresh_name());
  auto requests = with.stub.ClientStream({.timeout = 200ms});
  const bool queued = co_await requests.write(order);
  expect(queued, "a message was not taken");
  const result<Reply> sum = co_await requests.finish();
  expect_code(sum.status(), status_code::deadline_exceeded);
  co_await expect_cancelled(with, order.orders().name());

  order = hanging(fresh_name());
  auto both = with.stub.Bidi({.timeout = 200ms});
  const bool queued_too = co_await both.write(order);
  expect(queued_too, "a message was not taken");
  const Reply* first = co_await both.read();
  expect(first != nullptr, "a reply is missing");
  const Reply* second = co_await both.read();
  expect(second == nullptr, "there is a reply too many");
  const status end = co_await both.finish();
  expect_code(end, status_code::deadline_exceeded);
  co_await expect_cancelled(with, order.orders().name());
}

task<> deadline_told(client& with) {
  Request order = request("how long?");
  order.mutable_orders()->set_tell_deadline(true);
  const result<Reply> without = co_await with.stub.Unary(order);
  expect_ok(without.status());
  expect_equal(without->left_ms(), -1, "the time left without a deadline");
  const result<Reply> with_one = co_await with.stub.Unary(order, {.timeout = 60s});
  expect_ok(with_one.status());
  // C-core rounds what it sends.
  expect(with_one->left_ms() > 30'000 && with_one->left_ms() <= 61'000,
         "of 60 s the server sees " + std::to_string(with_one->left_ms()) + " ms");
}

task<> cancel_unary(client& with) {
  const Request order = hanging(fresh_name());
  auto call = with.stub.Unary(order);
  co_await started(with, order.orders().name());
  call.cancel();
  const result<Reply> reply = co_await call;
  expect_code(reply.status(), status_code::cancelled);
  co_await expect_cancelled(with, order.orders().name());
}

task<> cancel_server_stream(client& with) {
  Request order = hanging(fresh_name());
  order.mutable_orders()->set_replies(1);
  auto call = with.stub.ServerStream(order);
  const Reply* first = co_await call.read();
  expect(first != nullptr, "a reply is missing");
  call.cancel();
  const status end = co_await call.finish();
  expect_code(end, status_code::cancelled);
  co_await expect_cancelled(with, order.orders().name());
}

// Its handler is in a read.
task<> cancel_client_stream(client& with) {
  Request order = request("x");
  order.mutable_orders()->set_name(fresh_name());
  auto call = with.stub.ClientStream();
  const bool queued = co_await call.write(order);
  expect(queued, "a message was not taken");
  co_await started(with, order.orders().name());
  call.cancel();
  const result<Reply> reply = co_await call.finish();
  expect_code(reply.status(), status_code::cancelled);
  co_await expect_cancelled(with, order.orders().name());
}

task<> cancel_bidi(client& with) {
  Request order = request("x");
  order.mutable_orders()->set_name(fresh_name());
  auto call = with.stub.Bidi();
  const bool queued = co_await call.write(order);
  expect(queued, "a message was not taken");
  const Reply* first = co_await call.read();
  expect(first != nullptr, "a reply is missing");
  call.cancel();
  const Reply* second = co_await call.read();
  expect(second == nullptr, "there is a reply too many");
  const status end = co_await call.finish();
  expect_code(end, status_code::cancelled);
  co_await expect_cancelled(with, order.orders().name());
}

// A handler that writes more than the client takes is in a write.
task<> cancel_blocked_writer(client& with) {
  Request order = request("x");
  order.mutable_orders()->set_name(fresh_name());
  order.mutable_orders()->set_replies(1000);
  order.mutable_orders()->set_reply_bytes(100'000);
  auto call = with.stub.ServerStream(order);
  const Reply* first = co_await call.read();
  expect(first != nullptr, "a reply is missing");
  call.cancel();
  const status end = co_await call.finish();
  expect_code(end, status_code::cancelled);
  co_await expect_cancelled(with, order.orders().name());
}

task<> client_killed(client& with) {
  const std::string name = fresh_name();
  hanging_copy copy{with.given, name};
  co_await started(with, name);
  copy.kill();
  co_await expect_cancelled(with, name);
}

/// Writes until the end of the call shows, but not more than 8 MiB.
template <class Call> task<> write_until_ended(Call& call) {
  const Request chunk = request(pattern(64 * 1024));
  bool queued = true;
  for (int i = 0; i < 128 && queued; ++i) queued = co_await call.write(chunk);
  expect(!queued, "all messages were taken, though the server had ended the call");
}

// Wire rule 27: the status is there before all requests were sent. The status must
// survive the RST_STREAM(NO_ERROR) that follows it.
task<> early_error(client& with) {
  const Request order = ending_with(status_code::failed_precondition, "enough");
  auto requests = with.stub.ClientStream();
  const bool queued = co_await requests.write(order);
  expect(queued, "a message was not taken");
  co_await write_until_ended(requests);
  const result<Reply> sum = co_await requests.finish();
  expect_code(sum.status(), status_code::failed_precondition);
  expect_equal(sum.status().message(), "enough", "the message");

  auto both = with.stub.Bidi();
  const bool queued_too = co_await both.write(order);
  expect(queued_too, "a message was not taken");
  const Reply* reply = co_await both.read();
  expect(reply != nullptr, "a reply is missing");
  co_await write_until_ended(both);
  const status end = co_await both.finish();
  expect_code(end, status_code::failed_precondition);
  expect_equal(end.message(), "enough", "the message");
  co_await expect_service(with);
}

task<> early_ok(client& with) {
  const Request order = ending_with(status_code::ok, "");
  auto requests = with.stub.ClientStream();
  const bool queued = co_await requests.write(order);
  expect(queued, "a message was not taken");
  co_await write_until_ended(requests);
  const result<Reply> sum = co_await requests.finish();
  expect_ok(sum.status());
  expect_equal(static_cast<long long>(sum->messages()), 1, "the number of messages");

  auto both = with.stub.Bidi();
  const bool queued_too = co_await both.write(order);
  expect(queued_too, "a message was not taken");
  co_await write_until_ended(both);
  const Reply* reply = co_await both.read();
  expect(reply != nullptr, "a reply is missing");
  const status end = co_await both.finish();
  expect_ok(end);
  co_await expect_service(with);
}

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
