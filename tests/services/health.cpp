// SPDX-License-Identifier: MIT
#include <ringrpc/services/health.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <ringrpc/ringrpc.hpp>

using namespace ringrpc;

namespace {
template <class T>
std::vector<std::byte> encode(const T& message) {
  std::vector<std::byte> bytes(codec<T>::size(message));
  codec<T>::serialise(message, bytes);
  return bytes;
}
template <class T>
bool decode(const std::vector<std::byte>& from, T& message) {
  codec<T>::clear(message);
  return codec<T>::parse(message, from);
}

/// Checks `name` at a server that has a health service as `set` leaves it.
result<health_check_response> check(std::string name, void (*set)(health_service&)) {
  ring home;
  health_service health;
  set(health);
  const auto run = [](ring& on, health_service& service,
                      std::string checked) -> task<result<health_check_response>> {
    memory_transport wire{on};
    server serving{on};
    serving.add(service);
    serving.listen(wire.listener());
    channel calling{on, wire.factory()};
    health_check_request request;
    request.service = checked;
    result<health_check_response> answer = co_await calling.call<health_check>(request);
    co_await calling.close();
    co_await serving.close();
    co_return answer;
  };
  return home.run(run(home, health, std::move(name)));
}
}  // namespace

TEST_CASE("wire rule 52: the bytes of health messages are protobuf's") {
  health_check_request request;
  CHECK(encode(request).empty());
  request.service = "a.B";
  CHECK(encode(request) == std::vector{std::byte{0x0a}, std::byte{3}, std::byte{'a'},
                                       std::byte{'.'}, std::byte{'B'}});
  health_check_request back;
  CHECK(decode(encode(request), back));
  CHECK(back.service == "a.B");

  health_check_response response;
  CHECK(encode(response).empty());
  response.status = serving_status::not_serving;
  CHECK(encode(response) == std::vector{std::byte{0x08}, std::byte{2}});
  health_check_response answer;
  CHECK(decode(encode(response), answer));
  CHECK(answer.status == serving_status::not_serving);
}

TEST_CASE("bytes that are no health message are refused, unknown statuses are UNKNOWN") {
  health_check_request request;
  CHECK_FALSE(decode({std::byte{0x0a}, std::byte{9}}, request));
  health_check_response response;
  CHECK_FALSE(decode({std::byte{0x08}}, response));
  CHECK(decode({std::byte{0x08}, std::byte{77}}, response));
  CHECK(response.status == serving_status::unknown);
}

TEST_CASE("wire rule 52: the whole server is SERVING from the beginning") {
  const result<health_check_response> answer = check("", [](health_service&) {});
  REQUIRE(answer);
  CHECK(answer->status == serving_status::serving);
}

TEST_CASE("wire rule 52: an unknown service is NOT_FOUND") {
  const result<health_check_response> answer = check("a.B", [](health_service&) {});
  CHECK(answer.status().code() == status_code::not_found);
}

TEST_CASE("a service answers as it was set last") {
  const result<health_check_response> answer = check("a.B", [](health_service& health) {
    health.set("a.B", serving_status::serving);
    health.set("a.B", serving_status::not_serving);
  });
  REQUIRE(answer);
  CHECK(answer->status == serving_status::not_serving);
}
