// SPDX-License-Identifier: MIT
//
// HTTP/2 on the wire, for transcripts: frames written by hand, legal or not, and a
// tiny reader that turns what an engine sent into lines of text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/http2/errors.hpp>
#include <ringrpc/http2/frame.hpp>
#include <ringrpc/http2/frame_walker.hpp>

namespace ringrpc::http2::test {
/// Name and value, in order.
using field_list = std::vector<std::pair<std::string, std::string>>;
/// Identifier and value.
using settings_list = std::vector<std::pair<std::uint16_t, std::uint32_t>>;

namespace settings_id {
inline constexpr std::uint16_t header_table = 1;
inline constexpr std::uint16_t enable_push = 2;
inline constexpr std::uint16_t concurrent_streams = 3;
inline constexpr std::uint16_t initial_window = 4;
inline constexpr std::uint16_t frame_size = 5;
inline constexpr std::uint16_t header_list = 6;
}  // namespace settings_id

inline constexpr std::uint8_t end_stream = frame_flag::end_stream;
inline constexpr std::uint8_t end_headers = frame_flag::end_headers;
inline constexpr std::uint8_t ack = frame_flag::ack;
inline constexpr std::uint8_t padded = frame_flag::padded;

/// Four bytes, big-endian.
inline std::string be32(std::uint32_t value) {
  std::byte bytes[4];
  store_be32(bytes, value);
  return std::string{as_text(bytes)};
}

/// A frame. @param length  what the header says; the size of `payload` where it is not given.
inline std::string frame(std::uint8_t type, std::uint8_t flags, std::int32_t id,
                         std::string_view payload, std::optional<std::uint32_t> length = {}) {
  std::byte header[frame_header::bytes];
  write_frame_header(header,
                     {.length = length.value_or(static_cast<std::uint32_t>(payload.size())),
                      .type = type,
                      .flags = flags,
                      .stream_id = id});
  return std::string{as_text(header)} + std::string{payload};
}
inline std::string frame(frame_type type, std::uint8_t flags, std::int32_t id,
                         std::string_view payload, std::optional<std::uint32_t> length = {}) {
  return frame(static_cast<std::uint8_t>(type), flags, id, payload, length);
}

/// An HPACK integer behind the bits of `first` (RFC 7541 section 5.1).
inline std::string hpack_integer(unsigned prefix_bits, unsigned first, std::size_t value) {
  const std::size_t most = (std::size_t{1} << prefix_bits) - 1;
  if (value < most) return {static_cast<char>(first | value)};
  std::string text{static_cast<char>(first | most)};
  for (value -= most; value >= 128; value >>= 7) text += static_cast<char>(value % 128 + 128);
  return text + static_cast<char>(value);
}
/// A literal field without Huffman coding. @param first  0x00: not indexed, 0x10:
/// never indexed, 0x40: indexed from now on.
inline std::string literal(std::string_view name, std::string_view value, unsigned first = 0x00) {
  return static_cast<char>(first) + hpack_integer(7, 0, name.size()) + std::string{name} +
         hpack_integer(7, 0, value.size()) + std::string{value};
}
inline std::string block(const field_list& fields, unsigned first = 0x00) {
  std::string text;
  for (const auto& [name, value] : fields) text += literal(name, value, first);
  return text;
}

inline std::string settings_frame(const settings_list& entries = {}, std::uint8_t flags = 0,
                                  std::int32_t id = 0) {
  std::string payload;
  for (const auto& [key, value] : entries) payload += be32(key).substr(2) + be32(value);
  return frame(frame_type::settings, flags, id, payload);
}
inline std::string headers_frame(std::int32_t id, std::string_view fields,
                                 std::uint8_t flags = end_headers) {
  return frame(frame_type::headers, flags, id, fields);
}
inline std::string headers_frame(std::int32_t id, const field_list& fields,
                                 std::uint8_t flags = end_headers) {
  return headers_frame(id, block(fields), flags);
}
inline std::string continuation_frame(std::int32_t id, std::string_view fields,
                                      std::uint8_t flags = 0) {
  return frame(frame_type::continuation, flags, id, fields);
}
inline std::string data_frame(std::int32_t id, std::string_view payload, std::uint8_t flags = 0) {
  return frame(frame_type::data, flags, id, payload);
}
/// DATA with `padding` bytes behind the payload and one in front.
inline std::string padded_data_frame(std::int32_t id, std::string_view payload,
                                     std::uint8_t padding, std::uint8_t flags = 0) {
  return frame(frame_type::data, static_cast<std::uint8_t>(flags | padded), id,
               static_cast<char>(padding) + std::string{payload} + std::string(padding, '\0'));
}
inline std::string reset_frame(std::int32_t id, error_code code = error_code::cancel) {
  return frame(frame_type::rst_stream, 0, id, be32(static_cast<std::uint32_t>(code)));
}
inline std::string window_frame(std::int32_t id, std::uint32_t increment) {
  return frame(frame_type::window_update, 0, id, be32(increment));
}
inline std::string ping_frame(std::string_view opaque = "pingpong", std::uint8_t flags = 0,
                              std::int32_t id = 0) {
  return frame(frame_type::ping, flags, id, opaque);
}
inline std::string goaway_frame(std::int32_t last_id, error_code code = error_code::no_error,
                                std::string_view text = {}, std::int32_t id = 0) {
  return frame(frame_type::goaway, 0, id,
               be32(static_cast<std::uint32_t>(last_id)) +
                   be32(static_cast<std::uint32_t>(code)) + std::string{text});
}
inline std::string priority_frame(std::int32_t id, std::int32_t depends_on = 0) {
  return frame(frame_type::priority, 0, id, be32(static_cast<std::uint32_t>(depends_on)) + '\x0f');
}

/// The fields of a good request, with `more` behind them.
inline field_list request_fields(const field_list& more = {}, std::string_view path = "/s/m") {
  field_list fields{{":method", "POST"},        {":scheme", "http"},
                    {":path", std::string{path}}, {":authority", "localhost"},
                    {"content-type", "application/grpc"}, {"te", "trailers"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}
inline const field_list response_fields{{":status", "200"}, {"content-type", "application/grpc"}};
inline const field_list status_ok{{"grpc-status", "0"}};

/// A frame that was sent.
struct wire_frame {
  frame_header header{};
  std::string payload{};
  [[nodiscard]] bool is(frame_type type) const { return header.is(type); }
  [[nodiscard]] std::uint32_t number(std::size_t at = 0) const {
    return load_be32(ringrpc::as_bytes(payload).data() + at);
  }
};

/// The frames in `sent`, behind the client's preface if it begins with that. What is
/// left at the end is a frame of the type 255 with the rest as its payload.
inline std::vector<wire_frame> frames_of(std::string_view sent) {
  if (sent.starts_with(client_preface)) sent.remove_prefix(client_preface.size());
  std::vector<wire_frame> frames;
  while (!sent.empty()) {
    const frame_header header = sent.size() < frame_header::bytes
                                    ? frame_header{}
                                    : read_frame_header(ringrpc::as_bytes(sent).data());
    const std::size_t size = frame_header::bytes + header.length;
    if (sent.size() < size) {
      frames.push_back({{.type = 255}, std::string{sent}});
      break;
    }
    frames.push_back({header, std::string{sent.substr(frame_header::bytes, header.length)}});
    sent.remove_prefix(size);
  }
  return frames;
}

/// One frame as a line: `DATA 1 37 end`, `RST_STREAM 1 CANCEL`, `SETTINGS ack`,
/// `GOAWAY 5 NO_ERROR text`, `WINDOW_UPDATE 0 100`.
inline std::string line_of(const wire_frame& sent) {
  const std::string id = ' ' + std::to_string(sent.header.stream_id);
  const auto code = [&](std::size_t at) {
    return ' ' + std::string{name_of(static_cast<error_code>(sent.number(at)))};
  };
  const std::string ended = sent.header.has(end_stream) ? " end" : "";
  switch (sent.header.type) {
    case 0: return "DATA" + id + ' ' + std::to_string(sent.payload.size()) + ended;
    case 1: return "HEADERS" + id + (sent.header.has(end_headers) ? "" : " more") + ended;
    case 3: return "RST_STREAM" + id + code(0);
    case 4: return sent.header.has(ack) ? "SETTINGS ack" : "SETTINGS";
    case 6: return sent.header.has(ack) ? "PING ack" : "PING";
    case 7:
      return "GOAWAY " + std::to_string(sent.number()) + code(4) +
             (sent.payload.size() > 8 ? ' ' + sent.payload.substr(8) : "");
    case 8: return "WINDOW_UPDATE" + id + ' ' + std::to_string(sent.number());
    case 9: return "CONTINUATION" + id + (sent.header.has(end_headers) ? "" : " more");
    default: return "frame of type " + std::to_string(sent.header.type);
  }
}
inline std::vector<std::string> lines_of(std::string_view sent) {
  std::vector<std::string> lines;
  for (const wire_frame& one : frames_of(sent)) lines.push_back(line_of(one));
  return lines;
}
}  // namespace ringrpc::http2::test
