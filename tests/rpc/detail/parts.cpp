// SPDX-License-Identifier: MIT
//
// The parts of rpc/ that need no connection: header blocks in and out, the budget for
// large messages, tasks with a deadline, exceptions as errors.
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <ringrpc/ring/sleep.hpp>
#include <ringrpc/rpc/detail/assembly_budget.hpp>
#include <ringrpc/rpc/detail/client_method.hpp>
#include <ringrpc/rpc/detail/guarded.hpp>
#include <ringrpc/rpc/detail/log_gate.hpp>
#include <ringrpc/rpc/detail/request_head.hpp>
#include <ringrpc/rpc/detail/response_head.hpp>
#include <ringrpc/rpc/detail/wire_fields.hpp>
#include <ringrpc/ring/detail/with_deadline.hpp>

#include "../support.hpp"

namespace ringrpc::testing {
using namespace std::chrono_literals;

namespace {
namespace inner = ringrpc::detail;
using fields = std::vector<http2::header_field>;
http2::header_block block_of(const fields& of) {
  http2::header_block block;
  block.fields = of;
  return block;
}
fields request(fields more = {}) {
  fields all{{":method", "POST"},   {":scheme", "http"},
             {":path", "/s/M"},     {":authority", "localhost"},
             {"te", "trailers"},    {"content-type", "application/grpc+proto"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
/// A reservation that notes when it was granted late.
struct wish : assembly_request {
  wish() noexcept
      : assembly_request([](assembly_request& self) noexcept {
          static_cast<wish&>(self).granted_late = true;
        }) {}
  bool granted_late = false;
};
}  // namespace

TEST_CASE("assembly_budget: whole or nothing, first come first served") {
  assembly_budget budget{100};
  wish first;
  wish second;
  wish third;
  CHECK(budget.reserve(first, 60));
  CHECK(first.granted_bytes() == 60);
  CHECK_FALSE(budget.reserve(second, 50));
  CHECK(second.granted_bytes() == 0);
  CHECK_FALSE(budget.reserve(third, 10));  // there is room, but it is not its turn
  CHECK(budget.reserved_bytes() == 60);
  budget.release(first);
  CHECK(second.granted_late);
  CHECK(second.granted_bytes() == 50);
  CHECK(third.granted_late);
  CHECK(budget.reserved_bytes() == 60);
  budget.release(second);
  budget.release(third);
  CHECK(budget.reserved_bytes() == 0);
}

TEST_CASE("assembly_budget: one that leaves the line lets the next one go on") {
  assembly_budget budget{100};
  wish holder;
  wish large;
  wish small;
  CHECK(budget.reserve(holder, 90));
  CHECK_FALSE(budget.reserve(large, 80));
  CHECK_FALSE(budget.reserve(small, 10));
  budget.release(large);
  CHECK_FALSE(large.granted_late);
  CHECK(small.granted_late);
  {
    wish dies;
    CHECK_FALSE(budget.reserve(dies, 50));
  }
  budget.release(holder);
  CHECK(budget.reserved_bytes() == 10);
  budget.release(small);
  budget.release(small);  // again: nothing to give back
  CHECK(budget.reserved_bytes() == 0);
}

TEST_CASE("assembly_budget: one above the budget is granted when it is alone, and takes all") {
  assembly_budget budget{100};
  wish huge;
  CHECK(budget.reserve(huge, 1000));
  CHECK(huge.granted_bytes() == 1000);
  CHECK(budget.reserved_bytes() == 100);
  wish other;
  CHECK_FALSE(budget.reserve(other, 1));
  budget.release(huge);
  CHECK(other.granted_late);
  budget.release(other);
  CHECK(budget.reserved_bytes() == 0);
}

TEST_CASE("request_head: a good request is not refused, and its metadata is kept") {
  metadata user;
  const fields sent = request({{"grpc-timeout", "5m"}, {"x-key", "v"}, {"x-bin", "AQI"}});
  const inner::request_head head = inner::reduce_request(block_of(sent), built_in_encodings, user);
  CHECK_FALSE(head.refused);
  REQUIRE(head.timeout);
  CHECK(*head.timeout == 5ms);
  CHECK(head.answer_type == grpc_proto_content_type);
  CHECK(user.get("x-key") == "v");
  CHECK(user.get("x-bin") == "\1\2");
  CHECK(inner::path_of(block_of(sent)) == "/s/M");
  CHECK(inner::path_of(block_of({{"x", "y"}})).empty());
}

TEST_CASE("wire rules 4 and 14: the authority can be read, and host stands in for it") {
  const auto authority_of = [](const fields& sent) {
    metadata user;
    static_cast<void>(inner::reduce_request(block_of(sent), built_in_encodings, user));
    CHECK_FALSE(user.get("host"));
    return std::string{user.get(":authority").value_or("none")};
  };
  CHECK(authority_of({{":authority", "a"}, {"x", "y"}}) == "a");
  CHECK(authority_of({{":authority", "a"}, {"host", "b"}}) == "a");
  CHECK(authority_of({{"host", "b"}}) == "b");
  CHECK(authority_of({{":authority", ""}, {"host", "b"}}) == "");
  CHECK(authority_of({{"x", "y"}}) == "none");
}

TEST_CASE("request_head: the first fault in the order of gRPC's servers is the answer") {
  const auto refusal_of = [](const fields& sent, bool too_large = false, bool twice = false) {
    metadata user;
    http2::header_block block = block_of(sent);
    block.too_large = too_large;
    block.duplicate_authority = twice;
    return inner::reduce_request(block, built_in_encodings, user).refused;
  };
  fields get = request();
  get[0].value = "GET";
  fields html = request();
  html[5].value = "text/html";
  CHECK(refusal_of(get)->http_status == 405);
  CHECK(refusal_of(get)->why.ok());
  CHECK(refusal_of(html)->http_status == 415);
  CHECK(refusal_of(request({{"grpc-timeout", "1s"}}))->http_status == 400);
  CHECK(refusal_of(request({{"grpc-timeout", "1s"}}))->why.code() == status_code::internal);
  CHECK(refusal_of(request({{"a-bin", "%"}}))->why.code() == status_code::internal);
  const auto encoded = refusal_of(request({{"grpc-encoding", "snappy"}}));
  CHECK(encoded->why.code() == status_code::unimplemented);
  CHECK(encoded->lists_encodings);
  CHECK(refusal_of(request(), true)->http_status == 431);
  CHECK(refusal_of(request(), true)->why.code() == status_code::resource_exhausted);
  CHECK(refusal_of(request(), false, true)->http_status == 400);
  CHECK(refusal_of(get, true, true)->http_status == 431);
  CHECK_FALSE(refusal_of(request({{"grpc-encoding", "identity"}})));
}

TEST_CASE("response_head: what a block of a response says") {
  metadata user;
  const fields sent{{":status", "200"},       {"content-type", "application/grpc"},
                    {"grpc-status", "5"},     {"grpc-message", "no%20such"},
                    {"x-key", "v"}};
  const inner::response_head head =
      inner::reduce_response(block_of(sent), built_in_encodings, user);
  CHECK(head.http_status == 200);
  CHECK(head.has_content_type);
  CHECK(head.content_type_ok);
  REQUIRE(head.end);
  CHECK(*head.end == not_found("no such"));
  CHECK(head.fault.ok());
  CHECK(user.get("x-key") == "v");
  CHECK(user.size() == 1);

  const auto code_of = [](std::string_view text) {
    metadata none;
    const fields end{{"grpc-status", text}};
    return inner::reduce_response(block_of(end), built_in_encodings, none).end->code();
  };
  CHECK(code_of("0") == status_code::ok);
  CHECK(code_of("16") == status_code::unauthenticated);
  for (const std::string_view wrong :
       {"17", "", "x", "-1", "5x", " 5", "00", "05", "+5", "999999999"}) {
    CAPTURE(wrong);
    CHECK(code_of(wrong) == status_code::unknown);  // wire rule 28
  }
}

TEST_CASE("response_head: what ends a call whatever its status says") {
  metadata user;
  const auto fault_of = [&user](const fields& sent) {
    return inner::reduce_response(block_of(sent), built_in_encodings, user).fault.code();
  };
  CHECK(fault_of({{"grpc-encoding", "snappy"}}) == status_code::internal);
  CHECK(fault_of({{"grpc-encoding", "identity"}}) == status_code::ok);
  CHECK(fault_of({{"k-bin", "!"}}) == status_code::internal);
  // A status that says more stands.
  CHECK(fault_of({{"grpc-status", "5"}, {"k-bin", "!"}}) == status_code::ok);
  CHECK(fault_of({{"grpc-status", "0"}, {"k-bin", "!"}}) == status_code::internal);
  CHECK(fault_of({{"grpc-status", "5"}, {"grpc-encoding", "gzip"}}) == status_code::ok);
  http2::header_block large;
  large.too_large = true;
  CHECK(inner::reduce_response(large, built_in_encodings, user).fault.code() ==
        status_code::resource_exhausted);
  const status other = inner::status_of_answer(503, "unix:/x", " is from a proxy");
  CHECK(other.code() == status_code::unavailable);
  CHECK(other.message() == "the answer of unix:/x is from a proxy, HTTP status 503");
}

TEST_CASE("wire_fields: a status goes out in one or two fields, its text bounded") {
  inner::field_list list;
  list.add(status{});
  REQUIRE(list.fields().size() == 1);
  CHECK(list.fields()[0].name == "grpc-status");
  CHECK(list.fields()[0].value == "0");
  list.clear();
  list.add(unavailable("a b\n"));
  REQUIRE(list.fields().size() == 2);
  CHECK(list.fields()[0].value == "14");
  CHECK(list.fields()[1].name == "grpc-message");
  CHECK(list.fields()[1].value == "a b%0A");
  list.clear();
  list.add(internal(std::string(10'000, '\n')));
  REQUIRE(list.fields().size() == 2);
  CHECK(list.fields()[1].value.size() <= inner::field_list::message_bytes_max);
  CHECK(list.fields()[1].value.size() % 3 == 0);  // no escape is cut
  list.clear();
  metadata user;
  CHECK(user.add("k", "v").ok());
  CHECK(user.add("b-bin", "\1\2").ok());
  list.add(user);
  REQUIRE(list.fields().size() == 2);
  CHECK(list.fields()[1].value == "AQI");
  CHECK(list.fields()[1].never_index);
}

TEST_CASE("wire_fields: the content type of the answer follows that of the request") {
  CHECK(inner::response_template_of(grpc_content_type).fields[1].value == "application/grpc");
  CHECK(inner::response_template_of(grpc_proto_content_type).fields[1].value ==
        "application/grpc+proto");
}

TEST_CASE("client_method: the same object for each call of a method, with ids of its own") {
  const inner::client_method& one = inner::client_method_of<unary>();
  CHECK(&one == &inner::client_method_of<unary>());
  const inner::client_method& other = inner::client_method_of<chat>();
  CHECK(one.all.id != other.all.id);
  CHECK(one.all.id != one.pseudo.id);
  CHECK(one.all.id >= inner::first_method_template_id);
  CHECK(one.path == "/test.Calls/Unary");
  CHECK(one.kind == method_kind::unary);
  CHECK(one.pseudo.fields.size() == 4);
  for (const http2::header_field& field : one.pseudo.fields) {
    CHECK(field.name.starts_with(':'));
  }
  CHECK_FALSE(one.all.fields[4].name.starts_with(':'));
}

TEST_CASE("log_gate: ten texts pass in a second, the others are counted") {
  inner::log_gate gate;
  const time_point start = time_point{} + 5s;
  for (unsigned i = 0; i < inner::log_gate::texts_max; ++i) CHECK(gate.pass(start));
  CHECK_FALSE(gate.pass(start));
  CHECK_FALSE(gate.pass(start + 999ms));
  CHECK(gate.pass(start + 1s));
  CHECK(gate.take_skipped() == 2);
  CHECK(gate.take_skipped() == 0);
}

TEST_CASE("with_deadline: stops its task at the moment, with the caller, or with another") {
  bed here;
  here.run([](bed& on) -> task<> {
    const auto wait = [](duration span) -> task<bool> {
      const bool slept = co_await sleep_for(span);
      co_return slept;
    };
    ring& home = on.home();
    const time_point began = home.now();
    const bool in_time = co_await inner::with_deadline(wait(1s), home.now() + 2s);
    CHECK(in_time);
    CHECK(home.now() - began == 1s);
    const bool late = co_await inner::with_deadline(wait(2s), home.now() + 1s);
    CHECK_FALSE(late);
    CHECK(home.now() - began == 2s);
    const bool at_once = co_await inner::with_deadline(wait(2s), home.now() - 1s);
    CHECK_FALSE(at_once);
    stop_source other;
    other.request_stop();
    const bool stopped = co_await inner::with_deadline(wait(2s), never, other.token());
    CHECK_FALSE(stopped);
    const environment& environment_here = co_await this_environment();
    task_scope scope{environment_here};
    bool ended = false;
    scope.spawn([](task<bool> work, bool& done) -> task<> {
      const bool slept = co_await inner::with_deadline(std::move(work), never);
      CHECK_FALSE(slept);
      done = true;
    }(wait(1h), ended));
    scope.request_stop();
    co_await scope.join();
    CHECK(ended);
    const auto fail = []() -> task<bool> {
      throw std::runtime_error{"out"};
      co_return true;
    };
    bool thrown = false;
    try {
      const bool none = co_await inner::with_deadline(fail(), never);
      CHECK_FALSE(none);
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
  }(here));
}

TEST_CASE("guarded: what a task throws is an error like any other") {
  bed here;
  here.run([](bed&) -> task<> {
    const auto run = [](int what) -> task<io_result<int>> {
      if (what == 1) throw std::bad_alloc{};
      if (what == 2) throw std::system_error{errno_code(EPERM)};
      if (what == 3) throw std::system_error{std::error_code{}};
      if (what == 4) throw 5;
      if (what == 5) co_return io_failure(ENOENT);
      co_return 7;
    };
    const io_result<int> good = co_await inner::guarded(run(0));
    CHECK(good.value_or(0) == 7);
    const std::errc wanted[] = {std::errc::not_enough_memory, std::errc::operation_not_permitted,
                                std::errc::io_error, std::errc::io_error,
                                std::errc::no_such_file_or_directory};
    for (int what = 1; what <= 5; ++what) {
      const io_result<int> failed = co_await inner::guarded(run(what));
      REQUIRE_FALSE(failed);
      CHECK(failed.error() == wanted[what - 1]);
    }
  }(here));
}
}  // namespace ringrpc::testing
