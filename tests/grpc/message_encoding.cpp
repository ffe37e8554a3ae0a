// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/message_encoding.hpp>

#include <algorithm>
#include <array>
#include <type_traits>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
/// The message, backwards.
class backwards final : public message_encoding {
public:
  constexpr backwards() noexcept = default;
  constexpr std::string_view name() const noexcept override { return "backwards"; }
  std::size_t compress(std::span<const std::byte> from, std::span<std::byte> into) const override {
    if (into.size() < from.size()) return 0;
    std::reverse_copy(from.begin(), from.end(), into.begin());
    return from.size();
  }
  decompress_result decompress(std::span<const std::byte> from, std::span<std::byte> into,
                               std::size_t) const override {
    if (into.size() < from.size()) return {decompress_outcome::too_small, from.size()};
    std::reverse_copy(from.begin(), from.end(), into.begin());
    return {decompress_outcome::done, from.size()};
  }
};
constexpr backwards constant;
static_assert(constant.name() == "backwards");
static_assert(std::is_trivially_destructible_v<backwards>);  // may live to the end of the process
static_assert(!std::is_copy_constructible_v<backwards>);     // registries refer to it
}  // namespace

TEST_CASE("message_encoding: one may be a constant, and is used through its base") {
  const message_encoding& one = constant;
  std::array<std::byte, 3> forth{std::byte{1}, std::byte{2}, std::byte{3}};
  std::array<std::byte, 3> back{};
  CHECK(one.compress(forth, back) == 3);
  CHECK(back == std::array{std::byte{3}, std::byte{2}, std::byte{1}});
  CHECK(one.compress(forth, {}) == 0);
  CHECK(one.decompress(back, forth, 3).outcome == decompress_outcome::done);
  CHECK(one.decompress(back, {}, 3).bytes == 3);
}
