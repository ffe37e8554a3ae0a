// SPDX-License-Identifier: MIT
//
// grpc++'s client: messages and metadata arrive as they were sent.
#include "grpcpp_client.hpp"

namespace interop {
namespace {
void unary(client& with) {
  ClientContext context;
  Reply reply;
  expect_ok(with.stub.Unary(&context, request("hello"), &reply));
  expect_equal(reply.payload(), "hello", "the payload");
}

void server_stream(client& with) {
  ClientContext context;
  Request sent = request("again");
  sent.mutable_orders()->set_replies(1000);
  const auto call = with.stub.ServerStream(&context, sent);
  Reply reply;
  int count = 0;
  while (call->Read(&reply)) {
    expect_equal(reply.payload(), "again", "the payload");
    ++count;
  }
  expect_ok(call->Finish());
  expect_equal(count, 1000, "the number of replies");
}

void client_stream(client& with) {
  ClientContext context;
  Reply reply;
  const auto call = with.stub.ClientStream(&context, &reply);
  const Request sent = request(pattern(100));
  for (int i = 0; i < 1000; ++i) expect(call->Write(sent), "a message was not taken");
  call->WritesDone();
  expect_ok(call->Finish());
  expect_equal(static_cast<long long>(reply.messages()), 1000, "the number of messages");
  expect_equal(static_cast<long long>(reply.bytes()), 100'000, "the bytes of them");
}

void bidi(client& with) {
  ClientContext context;
  const auto call = with.stub.Bidi(&context);
  Reply reply;
  for (int i = 0; i < 1000; ++i) {
    const Request sent = request(std::to_string(i));
    expect(call->Write(sent), "a message was not taken");
    expect(call->Read(&reply), "a reply is missing");
    expect_equal(reply.payload(), sent.payload(), "the payload");
  }
  call->WritesDone();
  expect(!call->Read(&reply), "there is a reply too many");
  expect_ok(call->Finish());
}

// Neither side waits for the other before it goes on.
void bidi_both_ways(client& with) {
  ClientContext context;
  const auto call = with.stub.Bidi(&context);
  bool all_taken = true;
  std::thread writer{[&] {
    for (int i = 0; i < 1000; ++i) {
      all_taken = call->Write(request(std::to_string(i) + pattern(1000))) && all_taken;
    }
    call->WritesDone();
  }};
  std::vector<std::string> replies;
  Reply reply;
  while (call->Read(&reply)) replies.push_back(reply.payload());
  writer.join();
  expect(all_taken, "a message was not taken");
  expect_ok(call->Finish());
  expect_equal(static_cast<long long>(replies.size()), 1000, "the number of replies");
  for (std::size_t i = 0; i < replies.size(); ++i) {
    expect_equal(replies[i], std::to_string(i) + pattern(1000), "the payload");
  }
}

void empty_messages(client& with) {
  ClientContext first;
  Reply reply;
  expect_ok(with.stub.Unary(&first, Request{}, &reply));
  expect_equal(reply.payload(), "", "the payload");

  ClientContext second;
  Request three;
  three.mutable_orders()->set_replies(3);
  const auto replies = with.stub.ServerStream(&second, three);
  int count = 0;
  while (replies->Read(&reply)) ++count;
  expect_ok(replies->Finish());
  expect_equal(count, 3, "the number of replies");

  ClientContext third, fourth;
  Reply sum;
  const auto requests = with.stub.ClientStream(&third, &sum);
  const auto both = with.stub.Bidi(&fourth);
  for (int i = 0; i < 3; ++i) {
    expect(requests->Write(Request{}), "a message was not taken");
    expect(both->Write(Request{}), "a message was not taken");
    expect(both->Read(&reply), "a reply is missing");
  }
  requests->WritesDone();
  both->WritesDone();
  expect_ok(requests->Finish());
  expect_equal(static_cast<long long>(sum.messages()), 3, "the number of messages");
  expect_ok(both->Finish());
}

void no_messages(client& with) {
  ClientContext first, second, third;
  Reply reply;
  const auto replies = with.stub.ServerStream(&first, Request{});
  expect(!replies->Read(&reply), "there is a reply too many");
  expect_ok(replies->Finish());

  Reply sum;
  const auto requests = with.stub.ClientStream(&second, &sum);
  requests->WritesDone();
  expect_ok(requests->Finish());
  expect_equal(static_cast<long long>(sum.messages()), 0, "the number of messages");

  const auto both = with.stub.Bidi(&third);
  both->WritesDone();
  expect(!both->Read(&reply), "there is a reply too many");
  expect_ok(both->Finish());
}

void expect_echo(client& with, std::size_t size) {
  const Request sent = request(pattern(size));
  ClientContext first, second;
  Reply reply;
  expect_ok(with.stub.Unary(&first, sent, &reply));
  expect_equal(reply.payload(), sent.payload(), "the payload");

  const auto call = with.stub.Bidi(&second);
  for (int i = 0; i < 2; ++i) {
    expect(call->Write(sent), "a message was not taken");
    expect(call->Read(&reply), "a reply is missing");
    expect_equal(reply.payload(), sent.payload(), "the payload");
  }
  call->WritesDone();
  expect_ok(call->Finish());
}
void bytes_1(client& with) { expect_echo(with, 1); }
void bytes_64k(client& with) { expect_echo(with, 64 * 1024); }
void bytes_1m(client& with) { expect_echo(with, 1024 * 1024); }
void bytes_4m(client& with) { expect_echo(with, largest_payload); }

void request_too_large(client& with) {
  ClientContext context;
  Reply reply;
  const Request sent = request(pattern(largest_payload + 1));
  expect_code(with.stub.Unary(&context, sent, &reply), StatusCode::RESOURCE_EXHAUSTED);
  expect_service(with);
}

void reply_too_large(client& with) {
  ClientContext context;
  Reply reply;
  Request sent;
  sent.mutable_orders()->set_reply_bytes(largest_payload + 1);
  expect_code(with.stub.Unary(&context, sent, &reply), StatusCode::RESOURCE_EXHAUSTED);
  expect_service(with);
}

void compressed_request(client& with) {
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    ClientContext context;
    context.set_compression_algorithm(algorithm);
    const Request sent = request(pattern(100'000));
    Reply reply;
    expect_ok(with.stub.Unary(&context, sent, &reply));
    expect_equal(reply.payload(), sent.payload(), "the payload");
  }
  expect_service(with);
}

void compressed_reply(client& with) {
  ClientContext context;
  Request sent;
  sent.mutable_orders()->set_compress(true);
  sent.mutable_orders()->set_reply_bytes(100'000);
  Reply reply;
  expect_ok(with.stub.Unary(&context, sent, &reply));
  expect_equal(reply.payload(), pattern(100'000), "the payload");
}

using fields_of_grpc = std::multimap<grpc::string_ref, grpc::string_ref>;

auto values_in(const fields_of_grpc& got) {
  return [&got](const std::string& key) {
    std::vector<std::string> values;
    const auto [from, to] = got.equal_range(key);
    for (auto at = from; at != to; ++at) values.emplace_back(at->second.data(), at->second.size());
    return values;
  };
}

void add(ClientContext& to, const std::vector<field>& fields) {
  for (const field& one : fields) to.AddMetadata(one.key, one.value);
}

void add_difficult(ClientContext& to) {
  add(to, difficult_metadata("h-"));
  add(to, difficult_metadata("t-"));
}

void expect_difficult(const ClientContext& in) {
  expect_metadata(difficult_metadata("h-"), values_in(in.GetServerInitialMetadata()));
  expect_metadata(difficult_metadata("t-"), values_in(in.GetServerTrailingMetadata()));
}

void metadata_unary(client& with) {
  ClientContext context;
  add_difficult(context);
  Reply reply;
  expect_ok(with.stub.Unary(&context, request("hello"), &reply));
  expect_difficult(context);
}

void metadata_streams(client& with) {
  ClientContext first, second, third;
  for (ClientContext* context : {&first, &second, &third}) add_difficult(*context);
  Request hello = request("hello");
  hello.mutable_orders()->set_replies(1);
  Reply reply;

  const auto replies = with.stub.ServerStream(&first, hello);
  while (replies->Read(&reply)) {
  }
  expect_ok(replies->Finish());
  expect_difficult(first);

  const auto requests = with.stub.ClientStream(&second, &reply);
  expect(requests->Write(hello), "a message was not taken");
  requests->WritesDone();
  expect_ok(requests->Finish());
  expect_difficult(second);

  const auto both = with.stub.Bidi(&third);
  expect(both->Write(hello), "a message was not taken");
  expect(both->Read(&reply), "a reply is missing");
  expect_metadata(difficult_metadata("h-"), values_in(third.GetServerInitialMetadata()));
  both->WritesDone();
  expect_ok(both->Finish());
  expect_difficult(third);
}

// Wire rule 23: an error without a message before it has one block, which is both.
void metadata_of_error(client& with) {
  Request order;
  order.mutable_orders()->set_end(true);
  order.mutable_orders()->set_code(9);
  for (const bool headers_first : {false, true}) {
    order.mutable_orders()->set_headers_first(headers_first);
    ClientContext context;
    add(context, difficult_metadata("t-"));
    Reply reply;
    expect_code(with.stub.Unary(&context, order, &reply), StatusCode::FAILED_PRECONDITION);
    expect_metadata(difficult_metadata("t-"), values_in(context.GetServerTrailingMetadata()));
  }
}

void metadata_large(client& with) {
  const std::vector<field> fields{{"h-large-bin", pattern(4000)}, {"t-text", "after it"}};
  ClientContext context;
  add(context, fields);
  Reply reply;
  expect_ok(with.stub.Unary(&context, request("hello"), &reply));
  expect_metadata({fields[0]}, values_in(context.GetServerInitialMetadata()));
  expect_metadata({fields[1]}, values_in(context.GetServerTrailingMetadata()));
}

void expect_too_large(client& with, const field& one) {
  ClientContext context;
  add(context, {one});
  Reply reply;
  expect_code(with.stub.Unary(&context, request("hello"), &reply),
              StatusCode::RESOURCE_EXHAUSTED);
}

// Another call of the connection must survive.
void metadata_too_large(client& with) {
  ClientContext context;
  const auto both = with.stub.Bidi(&context);
  Reply reply;
  expect(both->Write(request("before")), "a message was not taken");
  expect(both->Read(&reply), "a reply is missing");
  expect_too_large(with, {"x-large", std::string(20'000, 'x')});
  if (with.given.server == "ringrpc") {
    // It takes 16 KiB, so it can be made to answer more than the 8 KiB of this client.
    expect_too_large(with, {"h-large", std::string(9'000, 'x')});
    expect_too_large(with, {"t-large", std::string(9'000, 'x')});
  }
  expect(both->Write(request("after")), "a message was not taken");
  expect(both->Read(&reply), "a reply is missing");
  both->WritesDone();
  expect_ok(both->Finish());
}

// The handler goes on only when it is cancelled, so nothing else can bring them.
void headers_first(client& with) {
  ClientContext context;
  add(context, difficult_metadata("h-"));
  Request order;
  order.mutable_orders()->set_headers_first(true);
  order.mutable_orders()->set_hang(true);
  const auto call = with.stub.ServerStream(&context, order);
  call->WaitForInitialMetadata();
  expect_metadata(difficult_metadata("h-"), values_in(context.GetServerInitialMetadata()));
  context.TryCancel();
  expect_code(call->Finish(), StatusCode::CANCELLED);
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
