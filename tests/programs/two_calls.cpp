// SPDX-License-Identifier: MIT
//
// Two unary calls on one channel, for tests against hostile servers: `two_calls
// PATH`. The first is fail-fast with a deadline of 1500 ms; the second, made when
// the first has ended, waits for ready with 5000 ms. Prints for each
// `CALL n code elapsed-ms body-in-hex`, `-` without a body, and exits 0.
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include <ringrpc/ringrpc.hpp>

#include "bench.ringrpc.hpp"

namespace {
std::string hex(const std::string& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += digits[value >> 4];
    text += digits[value & 15];
  }
  return text.empty() ? "-" : text;
}

void print(int number, const ringrpc::result<bench::Payload>& reply,
           std::chrono::steady_clock::time_point began) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - began);
  const int code = reply ? 0 : static_cast<int>(reply.status().code());
  std::printf("CALL %d %d %lld %s\n", number, code, static_cast<long long>(elapsed.count()),
              reply ? hex(reply->data()).c_str() : "-");
  std::fflush(stdout);
  if (!reply) std::fprintf(stderr, "%s\n", reply.status().to_text().c_str());
}

ringrpc::task<> two_calls(ringrpc::ring& ring, std::string path) {
  // A hostile server is not slowed down by standard back-off in these tests.
  ringrpc::channel_options options;
  options.backoff.initial = std::chrono::milliseconds{100};
  ringrpc::channel channel{ring, "unix:" + path, options};
  bench::Echo::stub stub{channel};
  bench::Payload request;
  request.set_data("hello");
  for (int number = 1; number <= 2; ++number) {
    ringrpc::call_options how;
    how.timeout = std::chrono::milliseconds{number == 1 ? 1500 : 5000};
    how.wait_for_ready = number == 2;
    const auto began = std::chrono::steady_clock::now();
    const ringrpc::result<bench::Payload> reply = co_await stub.Unary(request, how);
    print(number, reply, began);
  }
  co_await channel.close();
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: two_calls PATH\n");
    return 2;
  }
  try {
    ringrpc::ring ring;
    ring.run(two_calls(ring, argv[1]));
    return 0;
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "two_calls: %s\n", failed.what());
    return 1;
  }
}
