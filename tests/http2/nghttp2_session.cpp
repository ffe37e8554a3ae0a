// SPDX-License-Identifier: MIT
#include <ringrpc/http2/nghttp2_session.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

using namespace ringrpc;
using namespace ringrpc::http2;

namespace {
struct option_without_limits {};
struct option_with_limits {
  std::uint64_t reset_burst = 0;
  std::size_t continuations = 0;
  std::uint64_t glitch_burst = 0;
};
void nghttp2_option_set_stream_reset_rate_limit(option_with_limits* option, std::uint64_t burst,
                                                std::uint64_t) {
  option->reset_burst = burst;
}
void nghttp2_option_set_max_continuations(option_with_limits* option, std::size_t count) {
  option->continuations = count;
}
void nghttp2_option_set_glitch_rate_limit(option_with_limits* option, std::uint64_t burst,
                                          std::uint64_t) {
  option->glitch_burst = burst;
}
}  // namespace

TEST_CASE("nghttp2_session: limits are lifted where this nghttp2 has them, by its functions") {
  CHECK_FALSE(has_reset_limit<option_without_limits>);
  CHECK_FALSE(has_continuation_limit<option_without_limits>);
  CHECK_FALSE(has_glitch_limit<option_without_limits>);
  option_without_limits none;
  lift_rate_limits(&none, limits{});

  CHECK(has_reset_limit<option_with_limits>);
  option_with_limits option;
  limits bounds;
  bounds.continuations_max = 20;
  lift_rate_limits(&option, bounds);
  CHECK(option.reset_burst >= 1'000'000'000);
  CHECK(option.glitch_burst >= 1'000'000'000);
  CHECK(option.continuations == 21);
}

TEST_CASE("nghttp2_session: nghttp2's memory comes from the pool") {
  memory_pool pool;
  nghttp2_memory from_pool{pool};
  nghttp2_mem memory = from_pool.functions();
  void* block = memory.malloc(10, memory.mem_user_data);
  REQUIRE(block != nullptr);
  std::memcpy(block, "0123456789", 10);
  block = memory.realloc(block, 5000, memory.mem_user_data);
  CHECK(std::memcmp(block, "0123456789", 10) == 0);
  CHECK(memory.realloc(block, 10, memory.mem_user_data) == block);
  memory.free(block, memory.mem_user_data);
  memory.free(nullptr, memory.mem_user_data);
  block = memory.realloc(nullptr, 10, memory.mem_user_data);
  CHECK(block != nullptr);
  memory.free(block, memory.mem_user_data);

  std::uint8_t* zeros = static_cast<std::uint8_t*>(memory.calloc(3, 7, memory.mem_user_data));
  for (int i = 0; i < 21; ++i) CHECK(zeros[i] == 0);
  memory.free(zeros, memory.mem_user_data);
  CHECK(memory.calloc(SIZE_MAX / 2, 3, memory.mem_user_data) == nullptr);
  CHECK(pool.used_bytes() == 0);
  CHECK_FALSE(from_pool.was_short());
}

TEST_CASE("nghttp2_session: what no memory is left for is noted") {
  memory_pool pool;
  nghttp2_memory from_pool{pool};
  nghttp2_mem memory = from_pool.functions();
  constexpr std::size_t too_much = SIZE_MAX;  // refused by the pool itself, and the reserve
  CHECK(memory.malloc(too_much, memory.mem_user_data) == nullptr);
  CHECK(from_pool.was_short());
}

TEST_CASE("nghttp2_session: a session gives all its memory back") {
  memory_pool pool;
  nghttp2_session_callbacks* made = nullptr;
  REQUIRE(nghttp2_session_callbacks_new(&made) == 0);
  const callbacks_handle callbacks{made};
  for (const role side : {role::client, role::server}) {
    nghttp2_memory memory{pool};
    const session_handle session = make_session(side, limits{}, memory, *made, nullptr);
    REQUIRE(session);
    CHECK(nghttp2_session_check_server_session(session.get()) == (side == role::server));
    CHECK(pool.used_bytes() > 0);
  }
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("nghttp2_fields: the template is not copied, marked fields enter no table") {
  memory_pool pool;
  const header_field fixed_fields[] = {{":status", "200", false}};
  const header_template fixed{1, fixed_fields};
  const header_field extra[] = {{"a", "b", false}, {"c", "d", true}};
  const nghttp2_fields fields{pool, {&fixed, extra}};
  REQUIRE(fields.size() == 3);
  constexpr int uncopied = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
  CHECK(fields.data()[0].flags == uncopied);
  CHECK(fields.data()[1].flags == NGHTTP2_NV_FLAG_NONE);
  CHECK(fields.data()[2].flags == NGHTTP2_NV_FLAG_NO_INDEX);
  CHECK(fields.data()[2].namelen == 1);
  CHECK(*fields.data()[2].value == 'd');
  CHECK(pool.used_bytes() == 0);
}

TEST_CASE("nghttp2_fields: more than 32 take memory, and give it back") {
  memory_pool pool;
  {
    const std::vector<header_field> many(33, header_field{"a", "b", false});
    const nghttp2_fields fields{pool, {nullptr, many}};
    CHECK(fields.size() == 33);
    CHECK(pool.used_bytes() > 0);
    CHECK(*fields.data()[32].name == 'a');
  }
  CHECK(pool.used_bytes() == 0);
}
