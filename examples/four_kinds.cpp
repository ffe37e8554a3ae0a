// SPDX-License-Identifier: MIT
//
// The four kinds of call, both sides, over a transport in memory.
#include <iostream>

#include <ringrpc/ringrpc.hpp>

#include "four_kinds.ringrpc.hpp"

namespace {
using demo::Number;
using ringrpc::reader, ringrpc::writer, ringrpc::server_context;
using ringrpc::result, ringrpc::status, ringrpc::task;

Number number(std::int64_t value) {
  Number made;
  return made.set_value(value), made;
}

struct numbers final : demo::Numbers::service {
  task<result<Number>> Square(server_context&, const Number& in) override {
    co_return number(in.value() * in.value());
  }
  task<status> CountTo(server_context&, const Number& last, writer<Number>& out) override {
    for (std::int64_t i = 1; i <= last.value(); ++i) {
      const bool sent = co_await out.write(number(i));
      if (!sent) break;  // the client has gone
    }
    co_return status{};
  }
  task<result<Number>> Sum(server_context& context, reader<Number>& in) override {
    Number sum;
    while (Number* next = co_await in.read()) sum.set_value(sum.value() + next->value());
    // Null is also what a lost call reads. What it would commit, it must not commit then.
    if (context.stop_token().stop_requested()) co_return ringrpc::cancelled("the call is lost");
    co_return sum;
  }
  task<status> RunningSum(server_context&, reader<Number>& in, writer<Number>& out) override {
    Number sum;
    while (Number* next = co_await in.read()) {
      sum.set_value(sum.value() + next->value());
      const bool sent = co_await out.write(sum);
      if (!sent) break;
    }
    co_return status{};
  }
};

task<> call_all(ringrpc::ring& ring) {
  ringrpc::memory_transport wire{ring};
  ringrpc::server server{ring};
  server.emplace<numbers>();
  server.listen(wire.listener());
  ringrpc::channel channel{ring, wire.factory()};
  demo::Numbers::stub stub{channel};

  const result<Number> square = co_await stub.Square(number(7));
  std::cout << "square: " << square.value().value() << '\n';
  auto counting = stub.CountTo(number(3));
  while (Number* next = co_await counting.read()) std::cout << "count: " << next->value() << '\n';
  const status counted = co_await counting.finish();
  auto summing = stub.Sum();
  auto running = stub.RunningSum();
  for (std::int64_t i = 1; i <= 3; ++i) {
    const bool summed = co_await summing.write(number(i));
    const bool queued = co_await running.write(number(i));
    const Number* so_far = co_await running.read();
    if (summed && queued && so_far) std::cout << "so far: " << so_far->value() << '\n';
  }
  const result<Number> sum = co_await summing.finish();
  const status ran = co_await running.finish();
  std::cout << "sum: " << sum.value().value() << ", " << counted << ", " << ran << '\n';
}
}  // namespace

int main() {
  ringrpc::ring ring;
  ring.run(call_all(ring));
}
