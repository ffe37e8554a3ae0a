// SPDX-License-Identifier: MIT
#include <ringrpc/http2/frame_walker.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <ringrpc/base/bytes.hpp>

#include "wire.hpp"

using namespace ringrpc;
using namespace ringrpc::http2;
using namespace ringrpc::http2::test;

namespace {
// Walks `bytes` in inputs of `step` bytes: the frames as they come out of the pieces.
std::vector<std::string> walked(const std::string& bytes, std::size_t step) {
  frame_walker walker;
  std::vector<std::string> frames;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const std::string input = bytes.substr(at, step);
    std::span<const std::byte> in = ringrpc::as_bytes(input);
    while (!in.empty()) {
      const frame_walker::piece piece = walker.next(in);
      if (piece.bytes.empty()) break;
      if (piece.starts) {
        CHECK(piece.bytes.size() >= frame_header::bytes);
        frames.emplace_back();
      }
      REQUIRE_FALSE(frames.empty());
      frames.back() += as_text(piece.bytes);
      CHECK(piece.ends == !walker.inside_frame());
      CHECK(piece.ends ==
            (frames.back().size() == frame_header::bytes + walker.header().length));
    }
  }
  return frames;
}
}  // namespace

TEST_CASE("frame_walker: frames come out the same wherever the input is cut") {
  const std::vector<std::string> expected = {
      settings_frame({{1, 2}, {3, 4}}),
      window_frame(0, 7),
      data_frame(1, "hello"),
      window_frame(1, 9),
      data_frame(1, ""),
      frame(frame_type::window_update, 0, 0, "123"),
      frame(0xfa, 1, 3, "unknown"),
      window_frame(3, 11)};
  std::string bytes;
  for (const std::string& one : expected) bytes += one;
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    CAPTURE(step);
    CHECK(walked(bytes, step) == expected);
  }
}

TEST_CASE("frame_walker: a WINDOW_UPDATE of the right size comes whole") {
  const std::string bytes = window_frame(5, 0x01020304);
  frame_walker walker;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    std::span<const std::byte> in = ringrpc::as_bytes(bytes).subspan(i, 1);
    CHECK(walker.next(in).bytes.empty());
  }
  std::span<const std::byte> last = ringrpc::as_bytes(bytes).last(1);
  const frame_walker::piece piece = walker.next(last);
  CHECK(as_text(piece.bytes) == bytes);
  CHECK(piece.starts);
  CHECK(piece.ends);
}

TEST_CASE("frame_walker: what is there of a frame is given out without a copy") {
  const std::string bytes = data_frame(1, "hello");
  frame_walker walker;
  std::span<const std::byte> in = ringrpc::as_bytes(bytes).first(12);
  frame_walker::piece piece = walker.next(in);
  CHECK(piece.bytes.data() == ringrpc::as_bytes(bytes).data());
  CHECK(piece.bytes.size() == 12);
  CHECK_FALSE(piece.ends);
  CHECK(walker.inside_frame());
  in = ringrpc::as_bytes(bytes).subspan(12);
  piece = walker.next(in);
  CHECK_FALSE(piece.starts);
  CHECK(piece.ends);
  CHECK(as_text(piece.bytes) == "lo");
}

TEST_CASE("spoken_protocol: tells HTTP/1.1 and TLS by their first bytes, and nothing else") {
  const auto spoken = [](std::string_view text) {
    return spoken_protocol(ringrpc::as_bytes(text));
  };
  CHECK(spoken("GET / HTTP/1.1") == "HTTP/1.1");
  CHECK(spoken("POST /x") == "HTTP/1.1");
  CHECK(spoken("HTTP/1.1 200 OK") == "HTTP/1.1");
  CHECK(spoken("OPTI") == "HTTP/1.1");
  CHECK(spoken("\x16\x03\x01") == "TLS");
  CHECK(spoken("\x15\x03\x03") == "TLS");
  CHECK(spoken("PRI * HTTP/2.0") == "");
  CHECK(spoken("SSH-2.0-x") == "");
  CHECK(spoken("") == "");
  CHECK(spoken("G") == "");
}
