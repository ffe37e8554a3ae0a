// SPDX-License-Identifier: MIT
//
// A transport of one's own is a byte stream: here two queues of bytes, scrambled on their way.
// A connection factory, a lambda coroutine, makes the client's end; the server attaches the other.
#include <deque>
#include <iostream>
#include <memory>

#include <ringrpc/ringrpc.hpp>

namespace {
using ringrpc::io_result;

struct queue {  // one direction
  std::deque<std::byte> bytes;
  ringrpc::event changed;
  bool ended = false;
};

class scrambled_stream {
public:
  scrambled_stream(std::shared_ptr<queue> in, std::shared_ptr<queue> out) : in_(in), out_(out) {}

  ringrpc::task<io_result<std::size_t>> read_some(std::span<std::byte> into) {
    while (in_->bytes.empty() && !in_->ended) {
      in_->changed.reset();
      const bool changed = co_await in_->changed.wait();
      if (!changed) co_return ringrpc::io_failure(ECANCELED);
    }
    std::size_t count = 0;
    for (; count < into.size() && !in_->bytes.empty(); in_->bytes.pop_front()) {
      into[count++] = in_->bytes.front() ^ std::byte{0x55};
    }
    co_return count;  // 0: the end
  }
  ringrpc::task<io_result<std::size_t>> write_some(std::span<const ::iovec> from) {
    const std::span first{static_cast<const std::byte*>(from[0].iov_base), from[0].iov_len};
    if (out_->ended) co_return ringrpc::io_failure(EPIPE);
    for (const std::byte byte : first) out_->bytes.push_back(byte ^ std::byte{0x55});
    out_->changed.set();
    co_return first.size();  // fewer than all is allowed
  }
  ringrpc::task<io_result<void>> shutdown_write() {
    end(*out_);
    co_return io_result<void>{};
  }
  void abort() noexcept { end(*in_), end(*out_); }
  ringrpc::task<> close() { co_return; }
private:
  static void end(queue& one) noexcept { one.ended = true, one.changed.set(); }
  std::shared_ptr<queue> in_, out_;
};
static_assert(ringrpc::byte_stream<scrambled_stream>);

using shout = ringrpc::unary_method<"/demo.Text/Shout", std::string, std::string>;

ringrpc::task<> call_it(ringrpc::ring& ring) {
  ringrpc::server server{ring};
  server.handle<shout>([](ringrpc::server_context&, const std::string& in) {
    return ringrpc::result<std::string>{in + "!"};
  });
  auto factory = [&server](const ringrpc::connect_context&)
      -> ringrpc::task<io_result<scrambled_stream>> {
    auto there = std::make_shared<queue>(), back = std::make_shared<queue>();
    server.attach(scrambled_stream{there, back});
    co_return scrambled_stream{back, there};
  };
  ringrpc::channel channel{ring, factory};
  const std::string word = "hello";
  const ringrpc::result<std::string> answer = co_await channel.call<shout>(word);
  std::cout << answer.value() << '\n';  // throws a status_error where there is none
  co_await channel.close();             // the factory refers to the server until here
}
}  // namespace

int main() {
  ringrpc::ring ring;
  ring.run(call_it(ring));
}
