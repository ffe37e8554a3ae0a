// SPDX-License-Identifier: MIT
//
// The Peer service of interop.proto on ringrpc: `ringrpc_server PATH`. SIGTERM
// drains it.
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include <ringrpc/ringrpc.hpp>

#include "interop.ringrpc.hpp"
#include "values.hpp"

namespace {
using ringrpc::result, ringrpc::server_context, ringrpc::status, ringrpc::task;
using ringrpc_interop::Orders, ringrpc_interop::Reply, ringrpc_interop::Request;

struct call_record {
  ringrpc::event started;
  ringrpc::event ended;
  ringrpc::event met;
  std::uint32_t present = 0;
  bool cancelled = false;
};

/// One call, from its orders to the end of its handler.
class attendance {
public:
  attendance(server_context& context, call_record& record) : context_(context), record_(record) {}
  attendance(const attendance&) = delete;
  attendance& operator=(const attendance&) = delete;
  ~attendance() {
    record_.cancelled = context_.stop_token().stop_requested();
    record_.ended.set();
  }

  task<> begin(const Orders& orders) {
    for (const ringrpc::metadata_field field : context_.metadata()) {
      if (field.key.starts_with("h-")) add(context_.headers(), field);
      if (field.key.starts_with("t-")) add(context_.trailers(), field);
    }
    if (orders.headers_first()) context_.send_headers();
    record_.started.set();
    if (++record_.present == orders.meet()) record_.met.set();
    if (orders.meet() > 0) co_await record_.met.wait();
  }
  /// Waits for the cancellation if that was ordered.
  task<> hang(const Orders& orders) {
    const bool hangs = orders.hang();
    if (hangs) co_await ringrpc::sleep_until(ringrpc::never);
  }
  [[nodiscard]] Reply reply(const Request& to, const Orders& orders) const {
    Reply made;
    made.set_payload(orders.reply_bytes() > 0 ? interop::pattern(orders.reply_bytes())
                                              : to.payload());
    if (orders.tell_deadline()) made.set_left_ms(left_ms());
    return made;
  }

private:
  static void add(ringrpc::metadata& to, const ringrpc::metadata_field& field) {
    const status added = to.add(field.key, field.value);
    if (!added.ok()) throw ringrpc::status_error{added};
  }
  std::int64_t left_ms() const {
    if (context_.deadline() == ringrpc::never) return -1;
    const ringrpc::duration left = context_.deadline() - context_.ring().now();
    return std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  }

  server_context& context_;
  call_record& record_;
};

status end_of(const Orders& orders) {
  if (orders.code() == 0) return {};
  return {static_cast<ringrpc::status_code>(orders.code()), orders.message(), orders.details()};
}

class peer final : public ringrpc_interop::Peer::service {
public:
  explicit peer(ringrpc::event& draining) : draining_(draining) {}

  task<result<Reply>> Unary(server_context& context, const Request& in) override {
    const Orders& orders = in.orders();
    attendance here{context, record(orders.name())};
    co_await here.begin(orders);
    if (orders.until_drain()) co_await draining_.wait();
    co_await here.hang(orders);
    if (orders.end() && orders.code() != 0) co_return end_of(orders);
    co_return here.reply(in, orders);
  }

  task<status> ServerStream(server_context& context, const Request& in,
                            ringrpc::writer<Reply>& out) override {
    const Orders& orders = in.orders();
    attendance here{context, record(orders.name())};
    co_await here.begin(orders);
    const Reply reply = here.reply(in, orders);
    for (std::uint32_t i = 0; i < orders.replies(); ++i) {
      const bool queued = co_await out.write(reply);
      if (!queued) co_return status{};
    }
    if (orders.until_drain()) co_await say_draining(out);
    co_await here.hang(orders);
    co_return end_of(orders);
  }

  task<result<Reply>> ClientStream(server_context& context, ringrpc::reader<Request>& in) override {
    Request* next = co_await in.read();
    const Orders orders = next != nullptr ? next->orders() : Orders{};
    attendance here{context, record(orders.name())};
    co_await here.begin(orders);
    co_await here.hang(orders);
    if (orders.end() && orders.code() != 0) co_return end_of(orders);
    Reply sum;
    while (next != nullptr) {
      sum.set_messages(sum.messages() + 1);
      sum.set_bytes(sum.bytes() + next->payload().size());
      if (orders.end()) break;
      next = co_await in.read();
    }
    co_return sum;
  }

  task<status> Bidi(server_context& context, ringrpc::reader<Request>& in,
                    ringrpc::writer<Reply>& out) override {
    Request* next = co_await in.read();
    const Orders orders = next != nullptr ? next->orders() : Orders{};
    attendance here{context, record(orders.name())};
    co_await here.begin(orders);
    for (bool first = true; next != nullptr; first = false) {
      const Reply reply = here.reply(*next, orders);
      const bool queued = co_await out.write(reply);
      if (!queued) break;
      if (first) {
        if (orders.until_drain()) co_await say_draining(out);
        co_await here.hang(orders);
        if (orders.end()) co_return end_of(orders);
      }
      next = co_await in.read();
    }
    co_return status{};
  }

  task<result<ringrpc_interop::Answer>> Await(server_context&,
                                              const ringrpc_interop::Question& asked) override {
    call_record& of = record(asked.name());
    const bool ended = asked.phase() == ringrpc_interop::ENDED;
    ringrpc::event& awaited = ended ? of.ended : of.started;
    const bool came = co_await awaited.wait();
    if (!came) co_return ringrpc::cancelled("the wait was stopped");
    ringrpc_interop::Answer answer;
    answer.set_cancelled(of.cancelled);
    co_return answer;
  }

private:
  call_record& record(const std::string& name) {
    return name.empty() ? unnamed_ : records_[name];
  }
  task<> say_draining(ringrpc::writer<Reply>& out) {
    Reply told;
    told.set_payload(interop::draining_text);
    const bool drains = co_await draining_.wait();
    if (drains) co_await out.write(told);
  }

  ringrpc::event& draining_;
  std::map<std::string, call_record> records_;
  call_record unnamed_;
};

task<> until_told(ringrpc::signal_set& signals, ringrpc::event& draining) {
  co_await signals.wait();
  draining.set();
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: ringrpc_server PATH\n");
    return 2;
  }
  try {
    // Until the end: a second one must not cut the drain short.
    ringrpc::signal_set signals = ringrpc::signals(SIGTERM);
    ringrpc::ring ring;
    ringrpc::event draining;
    ringrpc::server server{ring};
    server.emplace<peer>(draining);
    server.listen(ringrpc::unix_socket{argv[1]});
    ring.run(server.serve_until(until_told(signals, draining)));
    return 0;
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "ringrpc_server: %s\n", failed.what());
    return 1;
  }
}
