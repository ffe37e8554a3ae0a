// SPDX-License-Identifier: MIT
//
// The four kinds of call, both sides, over a transport in memory.
#include <iostream>

#include <ringrpc/ringrpc.hpp>

#include "four_kinds.ringrpc.hpp"

namespace {
using demo::Number;
using ringrpc::result, ringrpc::status, ringrpc::task;

Number number(std::int64_t value) {
  Number made;
  return made.set_value(value), made;
}

struct numbers final : demo::Numbers::service {
  task<result<Number>> Square(ringrpc::server_context&, const Number& in) override {
    co_return number(in.value() * in.value());
  }
  task<status> CountTo(ringrpc::server_context&, const Number& last,
                       ringrpc::writer<Number>& out) override {
    for (std::int64_t i = 1; i <= last.value(); ++i) {
      const Number next = number(i);
      const bool sent = co_await out.write(next);
      if (!sent) break;  // the client has gone
    }
    co_return status{};
  }
  task<result<Number>> Sum(ringrpc::server_context&, ringrpc::reader<Number>& in) override {
    Number sum;
    while (Number* next = co_await in.read()) sum.set_value(sum.value() + next->value());
    co_return sum;
  }
  task<status> RunningSum(ringrpc::server_context&, ringrpc::reader<Number>& in,
                          ringrpc::writer<Number>& out) override {
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
    const Number next = number(i);
    const bool sent = co_await summing.write(next) && co_await running.write(next);
    const Number* so_far = co_await running.read();
    if (sent && so_far) std::cout << "so far: " << so_far->value() << '\n';
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
