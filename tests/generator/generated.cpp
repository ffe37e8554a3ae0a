// SPDX-License-Identifier: MIT
//
// The code generated for greeter.proto at work, with the stand-in for the library:
// what a stub starts, what a service answers, what `bind` finds.
#include "greeter.ringrpc.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <type_traits>

#include "registry.hpp"

namespace Greeter = tests::v1::Greeter;
using generator_tests::registry;
using ringrpc::method_kind;
using tests::v1::Greeting;
using tests::v1::Name;

namespace {
using greeting_task = ringrpc::task<ringrpc::result<Greeting>>;

Greeting greeting(const std::string& text) {
  Greeting made;
  made.set_text(text);
  return made;
}

std::string greeted(Greeter::service& service, const std::string& name) {
  ringrpc::server_context context;
  Name request;
  request.set_text(name);
  auto answer = service.Greet(context, request).get();
  return answer ? (*answer).text() : answer.status().message();
}
}  // namespace

TEST_CASE("generated: a method is a type with path, messages and kind") {
  CHECK(Greeter::Greet::path == "/tests.v1.Greeter/Greet");
  CHECK(Greeter::delete_::path == "/tests.v1.Greeter/delete");
  CHECK(Greeter::Greet::kind == method_kind::unary);
  CHECK(Greeter::Watch::kind == method_kind::server_streaming);
  CHECK(Greeter::Upload::kind == method_kind::client_streaming);
  CHECK(Greeter::Chat::kind == method_kind::bidi_streaming);
  CHECK(std::is_same_v<Greeter::Upload::request_type, Name>);
  CHECK(std::is_same_v<Greeter::Upload::response_type, google::protobuf::Empty>);
}

TEST_CASE("generated: each member of a stub starts the call of its method, with the options") {
  ringrpc::channel channel;
  const Greeter::stub stub{channel};
  Name name;
  Greeting reply;

  auto started = stub.Greet(name);
  CHECK(started.path == "/tests.v1.Greeter/Greet");
  CHECK(started.timeout == 0);
  CHECK_FALSE(started.fills_reply);
  CHECK(stub.Greet(name, {.timeout = 7}).timeout == 7);
  CHECK(stub.Greet(name, reply).fills_reply);
  CHECK(stub.Greet(name, reply, {.timeout = 8}).timeout == 8);
  CHECK(stub.delete_(name).path == "/tests.v1.Greeter/delete");

  CHECK(stub.Watch(name, {.timeout = 9}).timeout == 9);
  CHECK(stub.Watch(name).kind == method_kind::server_streaming);
  CHECK(stub.Upload({.timeout = 10}).timeout == 10);
  CHECK(stub.Upload().kind == method_kind::client_streaming);
  CHECK(stub.Chat({.timeout = 11}).timeout == 11);
  CHECK(stub.Chat().path == "/tests.v1.Greeter/Chat");
}

TEST_CASE("generated: a stub is made from a channel only on purpose, and is cheap to copy") {
  CHECK_FALSE(std::is_convertible_v<ringrpc::channel&, Greeter::stub>);
  CHECK(std::is_nothrow_constructible_v<Greeter::stub, ringrpc::channel&>);
  CHECK_FALSE(std::is_constructible_v<Greeter::stub, ringrpc::channel>);
  CHECK(std::is_trivially_copyable_v<Greeter::stub>);
}

TEST_CASE("generated: a method that is not overridden answers UNIMPLEMENTED with its path") {
  Greeter::service service;
  CHECK(greeted(service, "x") == "method /tests.v1.Greeter/Greet is not implemented");

  ringrpc::server_context context;
  ringrpc::reader<Name> requests;
  ringrpc::writer<Greeting> replies;
  CHECK(service.Watch(context, Name{}, replies).get().message() ==
        "method /tests.v1.Greeter/Watch is not implemented");
  auto uploaded = service.Upload(context, requests).get();
  REQUIRE_FALSE(uploaded);
  CHECK(uploaded.status().message() == "method /tests.v1.Greeter/Upload is not implemented");
  CHECK(service.Chat(context, requests, replies).get().message() ==
        "method /tests.v1.Greeter/Chat is not implemented");
}

TEST_CASE("generated: a service registers all its methods, overridden or not") {
  struct polite final : Greeter::service {
    greeting_task Greet(ringrpc::server_context&, const Name& name) override {
      co_return greeting("hello " + name.text());
    }
  };
  polite service;
  registry server;
  service.ringrpc_bind(server);
  CHECK(server.paths.size() == 5);
  CHECK(server.has("/tests.v1.Greeter/Greet"));
  CHECK(server.has("/tests.v1.Greeter/delete"));
  CHECK(greeted(service, "Ada") == "hello Ada");
}

TEST_CASE("generated: a service is destroyed through its base") {
  struct counted final : Greeter::service {
    explicit counted(int& count) : ended(count) {}
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() override { ++ended; }
    int& ended;
  };
  int ended = 0;
  Greeter::service* service = new counted{ended};
  delete service;
  CHECK(ended == 1);
}

TEST_CASE("bind: of a plain class those members are registered that are there") {
  struct plain {
    greeting_task Greet(ringrpc::server_context&, const Name&);
    ringrpc::task<ringrpc::status> Chat(ringrpc::server_context&, ringrpc::reader<Name>&,
                                        ringrpc::writer<Greeting>&);
    int misspelt = 0;
    greeting_task Delete(ringrpc::server_context&, const Name&);
  };
  plain handlers;
  registry server;
  Greeter::bind(server, handlers);
  CHECK(server.paths ==
        std::vector<std::string>{"/tests.v1.Greeter/Greet", "/tests.v1.Greeter/Chat"});
}

TEST_CASE("bind: a class without any member of the service registers nothing") {
  struct other {};
  other handlers;
  registry server;
  Greeter::bind(server, handlers);
  CHECK(server.paths.empty());
}

namespace {
// A member template cannot stand in a function's own class.
struct odd_members {
  template <class Context, class Request>
  greeting_task Greet(Context&, const Request&);
  ringrpc::task<ringrpc::status> Watch(ringrpc::server_context&, const Name&,
                                       ringrpc::writer<Greeting>&);
  int Watch(int);
  void Watch();
  static ringrpc::task<ringrpc::result<google::protobuf::Empty>> Upload(ringrpc::server_context&,
                                                                        ringrpc::reader<Name>&);
  std::function<greeting_task(ringrpc::server_context&, const Name&)> delete_;
};
struct derived final : odd_members {
  ringrpc::task<ringrpc::status> Chat(ringrpc::server_context&, ringrpc::reader<Name>&,
                                      ringrpc::writer<Greeting>&);
};
}  // namespace

TEST_CASE("bind: templates, overloads, statics, inherited and callable members are found") {
  derived handlers;
  registry server;
  Greeter::bind(server, handlers);
  CHECK(server.paths.size() == 5);
}
