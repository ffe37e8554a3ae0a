// SPDX-License-Identifier: MIT
#include <ringrpc/http2/frame.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>

using namespace ringrpc::http2;

TEST_CASE("frame_header: nine bytes are written and read back") {
  constexpr frame_header header{
      .length = 0x010203, .type = 0x08, .flags = 0x2d, .stream_id = 0x7fffffff};
  std::array<std::byte, frame_header::bytes> bytes{};
  write_frame_header(bytes.data(), header);
  constexpr std::array<unsigned, 9> expected = {1, 2, 3, 8, 0x2d, 0x7f, 0xff, 0xff, 0xff};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    CHECK(std::to_integer<unsigned>(bytes[i]) == expected[i]);
  }
  const frame_header read = read_frame_header(bytes.data());
  CHECK(read.length == header.length);
  CHECK(read.type == header.type);
  CHECK(read.flags == header.flags);
  CHECK(read.stream_id == header.stream_id);
}

TEST_CASE("frame_header: the reserved bit in front of the stream id is dropped") {
  std::array<std::byte, frame_header::bytes> bytes{};
  bytes[5] = std::byte{0x80};
  bytes[8] = std::byte{1};
  CHECK(read_frame_header(bytes.data()).stream_id == 1);
}

TEST_CASE("frame_header: types and flags can be asked for") {
  constexpr frame_header header{.length = 0, .type = 0x01, .flags = 0x05, .stream_id = 1};
  CHECK(header.is(frame_type::headers));
  CHECK_FALSE(header.is(frame_type::data));
  CHECK(header.has(frame_flag::end_stream));
  CHECK(header.has(frame_flag::end_headers));
  CHECK_FALSE(header.has(frame_flag::padded));
}
