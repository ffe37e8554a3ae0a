// SPDX-License-Identifier: MIT
//
// ringrpc's client: messages and metadata arrive as they were sent.
#include "ringrpc_client.hpp"

namespace interop {
namespace {
task<> unary(client& with) {
  const Request sent = request("hello");
  const result<Reply> reply = co_await with.stub.Unary(sent);
  expect_ok(reply.status());
  expect_equal(reply->payload(), "hello", "the payload");
}

task<> server_stream(client& with) {
  Request sent = request("again");
  sent.mutable_orders()->set_replies(1000);
  auto call = with.stub.ServerStream(sent);
  int count = 0;
  while (Reply* reply = co_await call.read()) {
    expect_equal(reply->payload(), "again", "the payload");
    ++count;
  }
  const status end = co_await call.finish();
  expect_ok(end);
  expect_equal(count, 1000, "the number of replies");
}

task<> client_stream(client& with) {
  const Request sent = request(pattern(100));
  auto call = with.stub.ClientStream();
  for (int i = 0; i < 1000; ++i) {
    const bool queued = co_await call.write(sent);
    expect(queued, "a message was not taken");
  }
  const result<Reply> reply = co_await call.finish();
  expect_ok(reply.status());
  expect_equal(static_cast<long long>(reply->messages()), 1000, "the number of messages");
  expect_equal(static_cast<long long>(reply->bytes()), 100'000, "the bytes of them");
}

task<> bidi(client& with) {
  auto call = with.stub.Bidi();
  for (int i = 0; i < 1000; ++i) {
    const Request sent = request(std::to_string(i));
    const bool queued = co_await call.write(sent);
    expect(queued, "a message was not taken");
    const Reply* reply = co_await call.read();
    expect(reply != nullptr, "a reply is missing");
    expect_equal(reply->payload(), sent.payload(), "the payload");
  }
  call.writes_done();
  const Reply* more = co_await call.read();
  expect(more == nullptr, "there is a reply too many");
  const status end = co_await call.finish();
  expect_ok(end);
}

template <class Call> task<> write_numbers(Call& call, int count) {
  for (int i = 0; i < count; ++i) {
    const Request sent = request(std::to_string(i) + pattern(1000));
    const bool queued = co_await call.write(sent);
    expect(queued, "a message was not taken");
  }
  call.writes_done();
}

template <class Call> task<> read_numbers(Call& call, int count) {
  int next = 0;
  while (const Reply* reply = co_await call.read()) {
    expect_equal(reply->payload(), std::to_string(next) + pattern(1000), "the payload");
    ++next;
  }
  expect_equal(next, count, "the number of replies");
}

// Neither side waits for the other before it goes on.
task<> bidi_both_ways(client& with) {
  auto call = with.stub.Bidi();
  co_await ringrpc::when_all(write_numbers(call, 1000), read_numbers(call, 1000));
  const status end = co_await call.finish();
  expect_ok(end);
}

task<> empty_messages(client& with) {
  const Request empty;
  const result<Reply> one = co_await with.stub.Unary(empty);
  expect_ok(one.status());
  expect_equal(one->payload(), "", "the payload");

  Request three;
  three.mutable_orders()->set_replies(3);
  auto replies = with.stub.ServerStream(three);
  const int count = co_await count_replies(replies);
  const status replied = co_await replies.finish();
  expect_ok(replied);
  expect_equal(count, 3, "the number of replies");

  auto requests = with.stub.ClientStream();
  auto both = with.stub.Bidi();
  for (int i = 0; i < 3; ++i) {
    const bool queued = co_await requests.write(empty);
    expect(queued, "a message was not taken");
    const bool queued_too = co_await both.write(empty);
    expect(queued_too, "a message was not taken");
    const Reply* reply = co_await both.read();
    expect(reply != nullptr, "a reply is missing");
  }
  const result<Reply> sum = co_await requests.finish();
  expect_ok(sum.status());
  expect_equal(static_cast<long long>(sum->messages()), 3, "the number of messages");
  const status end = co_await both.finish();
  expect_ok(end);
}

task<> no_messages(client& with) {
  const Request none;
  auto replies = with.stub.ServerStream(none);
  const Reply* reply = co_await replies.read();
  expect(reply == nullptr, "there is a reply too many");
  const status replied = co_await replies.finish();
  expect_ok(replied);

  auto requests = with.stub.ClientStream();
  const result<Reply> sum = co_await requests.finish();
  expect_ok(sum.status());
  expect_equal(static_cast<long long>(sum->messages()), 0, "the number of messages");

  auto both = with.stub.Bidi();
  both.writes_done();
  const Reply* answer = co_await both.read();
  expect(answer == nullptr, "there is a reply too many");
  const status end = co_await both.finish();
  expect_ok(end);
}

task<> expect_echo(client& with, std::size_t size) {
  const Request sent = request(pattern(size));
  const result<Reply> reply = co_await with.stub.Unary(sent);
  expect_ok(reply.status());
  expect_equal(reply->payload(), sent.payload(), "the payload");

  auto call = with.stub.Bidi();
  for (int i = 0; i < 2; ++i) {
    const bool queued = co_await call.write(sent);
    expect(queued, "a message was not taken");
    const Reply* answer = co_await call.read();
    expect(answer != nullptr, "a reply is missing");
    expect_equal(answer->payload(), sent.payload(), "the payload");
  }
  const status end = co_await call.finish();
  expect_ok(end);
}
task<> bytes_1(client& with) { return expect_echo(with, 1); }
task<> bytes_64k(client& with) { return expect_echo(with, 64 * 1024); }
task<> bytes_1m(client& with) { return expect_echo(with, 1024 * 1024); }
task<> bytes_4m(client& with) { return expect_echo(with, largest_payload); }

task<> request_too_large(client& with) {
  const Request sent = request(pattern(largest_payload + 1));
  const result<Reply> reply = co_await with.stub.Unary(sent);
  expect_code(reply.status(), status_code::resource_exhausted);
  co_await expect_service(with);
}

task<> reply_too_large(client& with) {
  Request sent;
  sent.mutable_orders()->set_reply_bytes(largest_payload + 1);
  const result<Reply> reply = co_await with.stub.Unary(sent);
  expect_code(reply.status(), status_code::resource_exhausted);
  co_await expect_service(with);
}

task<> compressed_request(client& with) {
  for (const std::string_view encoding : {"gzip", "deflate"}) {
    const Request sent = request(pattern(100'000));
    const result<Reply> reply = co_await with.stub.Unary(sent, {.compression = encoding});
    expect_ok(reply.status());
    expect_equal(reply->payload(), sent.payload(), "the payload");
  }
  co_await expect_service(with);
}

task<> compressed_reply(client& with) {
  Request sent;
  sent.mutable_orders()->set_compress(true);
  sent.mutable_orders()->set_reply_bytes(100'000);
  const result<Reply> reply = co_await with.stub.Unary(sent);
  expect_ok(reply.status());
  expect_equal(reply->payload(), pattern(100'000), "the payload");
}

metadata sent_fields(const std::vector<field>& fields) {
  metadata made;
  for (const field& one : fields) expect_ok(made.add(one.key, one.value));
  return made;
}

auto values_in(const metadata& got) {
  return [&got](const std::string& key) {
    std::vector<std::string> values;
    for (const std::string_view value : got.get_all(key)) values.emplace_back(value);
    return values;
  };
}

std::vector<field> difficult_fields() {
  std::vector<field> fields = difficult_metadata("h-");
  for (field& one : difficult_metadata("t-")) fields.push_back(std::move(one));
  return fields;
}

template <class Call> void expect_difficult(const Call& call) {
  expect_metadata(difficult_metadata("h-"), values_in(call.headers()));
  expect_metadata(difficult_metadata("t-"), values_in(call.trailers()));
}

task<> metadata_unary(client& with) {
  const metadata sent = sent_fields(difficult_fields());
  const Request hello = request("hello");
  auto call = with.stub.Unary(hello, {.metadata = &sent});
  const result<Reply> reply = co_await call;
  expect_ok(reply.status());
  expect_difficult(call);
}

task<> metadata_streams(client& with) {
  const metadata sent = sent_fields(difficult_fields());
  Request hello = request("hello");
  hello.mutable_orders()->set_replies(1);

  auto replies = with.stub.ServerStream(hello, {.metadata = &sent});
  const status replied = co_await replies.finish();
  expect_ok(replied);
  expect_difficult(replies);

  auto requests = with.stub.ClientStream({.metadata = &sent});
  const bool queued = co_await requests.write(hello);
  expect(queued, "a message was not taken");
  const result<Reply> sum = co_await requests.finish();
  expect_ok(sum.status());
  expect_difficult(requests);

  auto both = with.stub.Bidi({.metadata = &sent});
  const bool queued_too = co_await both.write(hello);
  expect(queued_too, "a message was not taken");
  const Reply* reply = co_await both.read();
  expect(reply != nullptr, "a reply is missing");
  expect_metadata(difficult_metadata("h-"), values_in(both.headers()));
  const status end = co_await both.finish();
  expect_ok(end);
  expect_difficult(both);
}

// Wire rule 23: an error without a message before it has one block, which is both.
task<> metadata_of_error(client& with) {
  const metadata sent = sent_fields(difficult_metadata("t-"));
  Request order;
  order.mutable_orders()->set_end(true);
  order.mutable_orders()->set_code(9);
  for (const bool headers_first : {false, true}) {
    order.mutable_orders()->set_headers_first(headers_first);
    auto call = with.stub.Unary(order, {.metadata = &sent});
    const result<Reply> reply = co_await call;
    expect_code(reply.status(), status_code::failed_precondition);
    expect_metadata(difficult_metadata("t-"), values_in(call.trailers()));
  }
}

// grpc++ and grpcio take 8 KiB of header fields.
task<> metadata_large(client& with) {
  const std::vector<field> fields{{"h-large-bin", pattern(4000)}, {"t-text", "after it"}};
  const metadata sent = sent_fields(fields);
  const Request hello = request("hello");
  auto call = with.stub.Unary(hello, {.metadata = &sent});
  const result<Reply> reply = co_await call;
  expect_ok(reply.status());
  expect_metadata({fields[0]}, values_in(call.headers()));
  expect_metadata({fields[1]}, values_in(call.trailers()));
}

// Another call of the connection must survive.
task<> metadata_too_large(client& with) {
  auto both = with.stub.Bidi();
  const metadata sent = sent_fields({{"x-large", std::string(20'000, 'x')}});
  const Request hello = request("hello");
  for (int i = 0; i < 2; ++i) {
    const bool queued = co_await both.write(hello);
    expect(queued, "a message was not taken");
    const Reply* answer = co_await both.read();
    expect(answer != nullptr, "a reply is missing");
    const result<Reply> reply = co_await with.stub.Unary(hello, {.metadata = &sent});
    expect_code(reply.status(), status_code::resource_exhausted);
  }
  const status end = co_await both.finish();
  expect_ok(end);
}

task<> headers_first(client&) {
  throw left_out{"ringrpc's client has no wait for the headers alone"};
  co_return;
}

constexpr named_case all_messages[] = {
    {"unary", unary},
    {"server_stream", server_stream},
    {"client_stream", client_stream},
    {"bidi", bidi},
    {"bidi_both_ways", bidi_both_ways},
    {"empty_messages", empty_messages},
    {"no_messages", no_messages},
    {"bytes_1", bytes_1},
    {"bytes_64k", bytes_64k},
    {"bytes_1m", bytes_1m},
    {"bytes_4m", bytes_4m},
    {"request_too_large", request_too_large},
    {"reply_too_large", reply_too_large},
    {"compressed_request", compressed_request},
    {"compressed_reply", compressed_reply},
    {"metadata_unary", metadata_unary},
    {"metadata_streams", metadata_streams},
    {"metadata_of_error", metadata_of_error},
    {"metadata_large", metadata_large},
    {"metadata_too_large", metadata_too_large},
    {"headers_first", headers_first},
};
}  // namespace

std::span<const named_case> message_cases() { return all_messages; }
}  // namespace interop
