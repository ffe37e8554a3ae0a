// SPDX-License-Identifier: MIT
//
// The Peer service of interop.proto on grpc++'s synchronous interface:
// `grpcpp_server PATH`. SIGTERM drains it.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

#include "interop.grpc.pb.h"
#include "values.hpp"

namespace {
using grpc::ServerContext, grpc::Status;
using ringrpc_interop::Orders, ringrpc_interop::Reply, ringrpc_interop::Request;

struct call_record {
  bool started = false;
  bool ended = false;
  bool cancelled = false;
  unsigned present = 0;
};

/// What all handlers know, under one lock.
class call_book {
public:
  call_record& operator[](const std::string& name) { return records_[name]; }
  template <class Change> void change(Change change) {
    const std::lock_guard lock{mutex_};
    change();
    changed_.notify_all();
  }
  /// Waits for it, or for the cancellation of the call. @return false for that.
  template <class Condition> bool wait(ServerContext& context, Condition condition) {
    std::unique_lock lock{mutex_};
    while (!condition()) {
      if (context.IsCancelled()) return false;
      // Nothing tells a synchronous handler of its cancellation.
      changed_.wait_for(lock, std::chrono::milliseconds{2});
    }
    return true;
  }
  bool draining = false;

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, call_record> records_;
};

/// One call, from its orders to the end of its handler.
class attendance {
public:
  attendance(ServerContext& context, call_book& book, const Orders& orders)
      : context_(context), book_(book), orders_(orders) {
    for (const auto& [key, value] : context.client_metadata()) {
      const std::string name{key.data(), key.size()};
      const std::string content{value.data(), value.size()};
      if (name.starts_with("h-")) context.AddInitialMetadata(name, content);
      if (name.starts_with("t-")) context.AddTrailingMetadata(name, content);
    }
    // By level, not by algorithm: so it is only done where the client takes the outcome.
    if (orders.compress()) context.set_compression_level(GRPC_COMPRESS_LEVEL_HIGH);
  }
  attendance(const attendance&) = delete;
  attendance& operator=(const attendance&) = delete;
  ~attendance() {
    if (orders_.name().empty()) return;
    book_.change([&] {
      record().ended = true;
      record().cancelled = context_.IsCancelled();
    });
  }

  void begin() {
    if (orders_.name().empty()) return;
    book_.change([&] {
      record().started = true;
      ++record().present;
    });
    if (orders_.meet() == 0) return;
    book_.wait(context_, [&] { return record().present >= orders_.meet(); });
  }
  void hang() {
    if (orders_.hang()) book_.wait(context_, [] { return false; });
  }
  void wait_for_drain() {
    book_.wait(context_, [&] { return book_.draining; });
  }
  template <class Writer> void say_draining(Writer& out) {
    wait_for_drain();
    Reply told;
    told.set_payload(interop::draining_text);
    out.Write(told);
  }
  Reply reply(const Request& to) const {
    Reply made;
    made.set_payload(orders_.reply_bytes() > 0 ? interop::pattern(orders_.reply_bytes())
                                               : to.payload());
    if (orders_.tell_deadline()) made.set_left_ms(left_ms());
    return made;
  }
  Status end() const {
    if (orders_.code() == 0) return Status::OK;
    return {static_cast<grpc::StatusCode>(orders_.code()), orders_.message(), orders_.details()};
  }

private:
  call_record& record() { return book_[orders_.name()]; }
  long long left_ms() const {
    using std::chrono::system_clock;
    if (context_.deadline() == system_clock::time_point::max()) return -1;
    const auto left = context_.deadline() - system_clock::now();
    return std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  }

  ServerContext& context_;
  call_book& book_;
  const Orders orders_;
};

class peer final : public ringrpc_interop::Peer::Service {
public:
  explicit peer(call_book& book) : book_(book) {}

private:
  Status Unary(ServerContext* context, const Request* in, Reply* out) override {
    attendance here{*context, book_, in->orders()};
    here.begin();
    if (in->orders().until_drain()) here.wait_for_drain();
    here.hang();
    *out = here.reply(*in);
    return here.end();
  }

  Status ServerStream(ServerContext* context, const Request* in,
                      grpc::ServerWriter<Reply>* out) override {
    attendance here{*context, book_, in->orders()};
    if (in->orders().headers_first()) out->SendInitialMetadata();
    here.begin();
    const Reply reply = here.reply(*in);
    for (unsigned i = 0; i < in->orders().replies(); ++i) {
      if (!out->Write(reply)) return Status::CANCELLED;
    }
    if (in->orders().until_drain()) here.say_draining(*out);
    here.hang();
    return here.end();
  }

  Status ClientStream(ServerContext* context, grpc::ServerReader<Request>* in,
                      Reply* out) override {
    Request next;
    bool more = in->Read(&next);
    const Orders orders = next.orders();
    attendance here{*context, book_, orders};
    here.begin();
    here.hang();
    while (more) {
      out->set_messages(out->messages() + 1);
      out->set_bytes(out->bytes() + next.payload().size());
      if (orders.end()) return here.end();
      more = in->Read(&next);
    }
    return Status::OK;
  }

  Status Bidi(ServerContext* context,
              grpc::ServerReaderWriter<Reply, Request>* stream) override {
    Request next;
    bool more = stream->Read(&next);
    const Orders orders = next.orders();
    attendance here{*context, book_, orders};
    here.begin();
    for (bool first = true; more; first = false) {
      if (!stream->Write(here.reply(next))) break;
      if (first && orders.until_drain()) here.say_draining(*stream);
      if (first) here.hang();
      if (first && orders.end()) return here.end();
      more = stream->Read(&next);
    }
    return Status::OK;
  }

  Status Await(ServerContext* context, const ringrpc_interop::Question* asked,
               ringrpc_interop::Answer* answer) override {
    call_record* record = nullptr;
    book_.change([&] { record = &book_[asked->name()]; });
    const bool ended = asked->phase() == ringrpc_interop::ENDED;
    if (!book_.wait(*context, [&] { return ended ? record->ended : record->started; })) {
      return Status::CANCELLED;
    }
    answer->set_cancelled(record->cancelled);
    return Status::OK;
  }

  call_book& book_;
};
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: grpcpp_server PATH\n");
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  call_book book;
  peer service{book};
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string{"unix:"} + argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  int number = 0;
  sigwait(&signals, &number);
  book.change([&] { book.draining = true; });
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds{30});
  server->Wait();
  return 0;
}
