// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/reader_writer.hpp>

#include <string>
#include <type_traits>

#include <doctest/doctest.h>

#include <ringrpc/ringrpc.hpp>

using namespace ringrpc;

static_assert(!std::is_copy_constructible_v<reader<std::string>> &&
              !std::is_copy_constructible_v<writer<std::string>>);

namespace {
using join = client_streaming_method<"/test.Text/Join", std::string, std::string>;
using split = server_streaming_method<"/test.Text/Split", std::string, std::string>;

// The message of a reader may be moved from; the next read brings another.
task<result<std::string>> on_join(server_context&, reader<std::string>& in) {
  std::string all;
  while (std::string* part = co_await in.read()) {
    const std::string taken = std::move(*part);
    all += taken + ',';
  }
  const std::string* after_end = co_await in.read();
  if (after_end != nullptr) co_return internal("a read after the end gave a message");
  co_return all;
}

task<status> on_split(server_context&, const std::string& text, writer<std::string>& out) {
  for (const char letter : text) {
    const std::string part(1, letter);
    const bool queued = co_await out.write(part);
    if (!queued) co_return cancelled("nobody reads");
  }
  co_return status{};
}

task<> join_and_split(ring& home) {
  memory_transport wire{home};
  server serving{home};
  serving.handle<join>(&on_join);
  serving.handle<split>(&on_split);
  serving.listen(wire.listener());
  channel calling{home, wire.factory()};

  auto joining = calling.call<join>();
  for (const char* part : {"a", "", "c"}) {
    const std::string sent = part;
    const bool queued = co_await joining.write(sent);
    CHECK(queued);
  }
  const result<std::string> joined = co_await joining.finish();
  CHECK(joined.value_or("") == "a,,c,");

  const std::string text = "xyz";
  auto splitting = calling.call<split>(text);
  std::string back;
  while (std::string* part = co_await splitting.read()) back += *part;
  const status end = co_await splitting.finish();
  CHECK(end.ok());
  CHECK(back == text);
  co_await calling.close();
  co_await serving.close();
}
}  // namespace

TEST_CASE("wire rule 19: readers and writers carry messages in order, empty ones too, to the end") {
  ring home;
  home.run(join_and_split(home));
}
