// SPDX-License-Identifier: MIT
//
// An event sink that writes down what it is told, as lines of text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/http2/engine.hpp>

namespace ringrpc::http2::test {
/// Joins lines with " | ", so that a test compares one readable text.
inline std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : " | ") + line;
  return text;
}

/// A sink. The lines are `request 1 end`, `data 1 37`, `reset 1 CANCEL`, `closed 1`,
/// `goaway 5 NO_ERROR text` and so on. It checks that the user pointer it sets in a
/// request, or the test in `open`, comes with every later event of the stream.
class recorder {
public:
  std::vector<std::string> events;
  std::string fields;                         ///< of the last block: `name=value, name=value`
  std::map<std::int32_t, stream_ref> refs;    ///< of all streams with a header block
  std::map<std::int32_t, std::string> bodies;
  std::map<std::int32_t, std::uint32_t> flow_bytes;
  settings peer;
  std::uint64_t connection_flow_bytes = 0;  ///< reported by on_data and not taken yet
  std::uint32_t pings = 0;  ///< the peer's
  bool users_right = true;
  bool note_writable = false;  ///< on_writable gives a line

  /// What has happened since the last call, in one text.
  std::string take() {
    const std::string text = joined(events);
    events.clear();
    return text;
  }
  /// The user pointer of stream `id`.
  static void* user_of(std::int32_t id) {
    return reinterpret_cast<void*>(static_cast<std::uintptr_t>(id) * 16);
  }

  void on_headers(stream_ref r, void*& user, const header_block& block, block_kind kind,
                  bool end) noexcept {
    constexpr std::string_view names[] = {"request", "response", "informational", "trailers"};
    if (kind == block_kind::request) {
      users_right = users_right && user == nullptr;
      user = user_of(r.id);
    }
    check(r, user);
    refs[r.id] = r;
    fields.clear();
    for (const header_field& field : block.fields) {
      fields += (fields.empty() ? "" : ", ") + std::string{field.name} + '=' +
                std::string{field.value} + (field.never_index ? "!" : "");
    }
    add(std::string{names[static_cast<std::size_t>(kind)]}, r.id,
        std::string{block.too_large ? " too_large" : ""} +
            (block.duplicate_authority ? " duplicate_authority" : ""),
        end);
  }
  void on_data(stream_ref r, void* user, std::span<const std::byte> bytes, std::uint32_t flow,
               bool end) noexcept {
    check(r, user);
    bodies[r.id] += as_text(bytes);
    flow_bytes[r.id] += flow;
    connection_flow_bytes += flow;
    add("data", r.id, ' ' + std::to_string(bytes.size()), end);
  }
  void on_reset(stream_ref r, void* user, error_code code) noexcept {
    check(r, user);
    add("reset", r.id, ' ' + std::string{name_of(code)}, false);
  }
  void on_closed(stream_ref r, void* user) noexcept {
    check(r, user);
    refs[r.id] = r;
    add("closed", r.id, "", false);
  }
  void on_writable(stream_ref r, void* user) noexcept {
    check(r, user);
    if (note_writable) add("writable", r.id, "", false);
  }
  void on_settings(const settings& now) noexcept {
    peer = now;
    events.emplace_back("settings");
  }
  void on_settings_ack() noexcept { events.emplace_back("settings_ack"); }
  void on_goaway(std::int32_t last_id, error_code code, std::string_view text) noexcept {
    events.push_back("goaway " + std::to_string(last_id) + ' ' + std::string{name_of(code)} +
                     (text.empty() ? "" : ' ' + std::string{text}));
  }
  void on_ping() noexcept { ++pings; }
  void on_ping_ack(std::uint64_t opaque) noexcept {
    events.push_back("ping_ack " + std::to_string(opaque));
  }

private:
  void check(stream_ref r, void* user) noexcept {
    users_right = users_right && user == user_of(r.id);
  }
  void add(const std::string& what, std::int32_t id, const std::string& more, bool end) {
    events.push_back(what + ' ' + std::to_string(id) + more + (end ? " end" : ""));
  }
};
static_assert(event_sink<recorder>);
}  // namespace ringrpc::http2::test
