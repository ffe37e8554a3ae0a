// SPDX-License-Identifier: MIT
//
// Methods and services that not everybody who may connect may call.
#include <string>

#include <doctest/doctest.h>

#include "echo.hpp"

namespace ringrpc::testing {
namespace {
/// Calls Unary and Download as user `uid`, and says with which codes they ended.
std::string codes_for(server& serving, bed& on, ::uid_t uid) {
  on.hub().client_uid = uid;
  on.listen(serving);
  return on.run([](bed& bench) -> task<std::string> {
    channel calls = bench.connect();
    const result<std::string> reply = co_await calls.call<unary>("x");
    auto stream = calls.call<download>("xyz");
    while (std::string* one = co_await stream.read()) CHECK(one->size() <= 3);
    const status end = co_await stream.finish();
    co_await calls.close();
    co_return std::string{name(reply.status().code())} + ' ' + std::string{name(end.code())};
  }(on));
}
void close(server& serving, bed& on) { on.run(serving.close()); }
}  // namespace

TEST_CASE("restrict: a method has its own policy, the others of the service are for all") {
  bed on;
  server serving{on.home()};
  serving.restrict<unary>(allow::user(4711));  // before there is a handler
  auto& service = serving.emplace<echo_service>();
  CHECK(codes_for(serving, on, 4711) == "OK OK");
  CHECK(codes_for(serving, on, 4712) == "PERMISSION_DENIED OK");
  CHECK(service.started == 3);  // never the handler of what was refused
  serving.restrict<unary>(allow::user(4712));  // another one, for calls that begin now
  CHECK(codes_for(serving, on, 4712) == "OK OK");
  CHECK(codes_for(serving, on, 4711) == "PERMISSION_DENIED OK");
  close(serving, on);
}

TEST_CASE("restrict: a service has a policy, from which a method may differ") {
  bed on;
  server serving{on.home()};
  serving.emplace<echo_service>();
  serving.restrict("test.Calls", allow::user(4711));
  CHECK(codes_for(serving, on, 4711) == "OK OK");
  CHECK(codes_for(serving, on, 4712) == "PERMISSION_DENIED PERMISSION_DENIED");
  serving.restrict<unary>(allow::anyone());
  CHECK(codes_for(serving, on, 4712) == "OK PERMISSION_DENIED");
  serving.restrict("test.Call", allow::user(1));  // another service
  CHECK(codes_for(serving, on, 4711) == "OK OK");
  close(serving, on);
}

TEST_CASE("restrict: a peer of which nothing is known is UNAUTHENTICATED") {
  bed on;
  server serving{on.home()};
  serving.emplace<echo_service>();
  serving.restrict<unary>(allow::same_user());
  CHECK(codes_for(serving, on, unknown_uid) == "UNAUTHENTICATED OK");
  serving.restrict<unary>(allow::anyone());
  CHECK(codes_for(serving, on, unknown_uid) == "OK OK");
  close(serving, on);
}

TEST_CASE("restrict: an unknown method stays UNIMPLEMENTED for everybody") {
  bed on;
  server serving{on.home()};
  serving.restrict("test.Calls", allow::user(4711));
  CHECK(codes_for(serving, on, 4712) == "UNIMPLEMENTED UNIMPLEMENTED");
  close(serving, on);
}
}  // namespace ringrpc::testing
