// SPDX-License-Identifier: MIT
//
// An engine without HTTP/2: a test scripts the events that the next feed() tells, and
// reads the calls that were made. For the tests of what stands on an engine. It keeps
// the promises of the concept that a script could break by accident: stale references,
// one on_closed per stream, events from inside feed, gather and fail only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/http2/engine.hpp>

namespace ringrpc::http2::test {
/// The part of a scripted engine that a test sees; it knows no sink.
class engine_script {
public:
  using fields = std::vector<std::pair<std::string, std::string>>;

  engine_script(const engine_script&) = delete;
  engine_script& operator=(const engine_script&) = delete;

  /// The engines that live, oldest first. One thread.
  static std::vector<engine_script*>& live() {
    static std::vector<engine_script*> engines;
    return engines;
  }
  [[nodiscard]] role side() const noexcept { return side_; }

  // ---- the script: told by the next feed(), whatever bytes it is given, in this order

  void request(std::int32_t id, fields list, bool end = false, bool too_large = false,
               bool duplicate_authority = false) {
    script_.push_back({.what = told::headers, .kind = block_kind::request, .id = id, .end = end,
                       .too_large = too_large, .duplicate_authority = duplicate_authority,
                       .list = std::move(list)});
  }
  void response(std::int32_t id, fields list, bool end = false) {
    script_.push_back({.what = told::headers, .kind = block_kind::response, .id = id, .end = end,
                       .list = std::move(list)});
  }
  void informational(std::int32_t id, fields list) {
    script_.push_back({.what = told::headers, .kind = block_kind::informational, .id = id,
                       .list = std::move(list)});
  }
  void peer_trailers(std::int32_t id, fields list) {
    script_.push_back({.what = told::headers, .kind = block_kind::trailers, .id = id, .end = true,
                       .list = std::move(list)});
  }
  /// @param padding  counted in flow_bytes, as an engine may.
  void peer_data(std::int32_t id, std::string bytes, bool end = false, std::uint32_t padding = 0) {
    script_.push_back({.what = told::data, .id = id, .end = end, .number = padding,
                       .text = std::move(bytes)});
  }
  void peer_reset(std::int32_t id, error_code code) {
    script_.push_back({.what = told::reset, .id = id, .code = code});
  }
  void peer_settings_are(const settings& now) {
    script_.push_back({.what = told::settings, .values = now});
  }
  void settings_ack() { script_.push_back({.what = told::settings_ack}); }
  void peer_goaway(std::int32_t last_id, error_code code, std::string text = {}) {
    script_.push_back({.what = told::goaway, .id = last_id, .code = code, .text = std::move(text)});
  }
  void ping() { script_.push_back({.what = told::ping}); }
  void ping_ack(std::uint64_t opaque) {
    script_.push_back({.what = told::ping_ack, .number = opaque});
  }

  // ---- answers

  feed_status feed_answer;                   ///< of every feed() from now on
  std::optional<open_refusal> open_answer;   ///< why open() refuses; nothing: it opens
  bool hold_output = false;                  ///< gather() takes nothing, as with closed windows
  bool hold_data = false;                    ///< gather() takes no DATA
  bool header_block_open = false;
  std::uint32_t replies = 0;                 ///< reply_count()
  std::uint32_t reply_size = 0;              ///< reply_bytes()

  // ---- what was called

  /// The calls since the last take, as `data 1 hello end | credit_stream 1 10`.
  std::string take_calls() {
    std::string text;
    for (const std::string& call : std::exchange(calls_, {})) {
      text += (text.empty() ? "" : " | ") + call;
    }
    return text;
  }
  /// All bytes that feed() was given.
  [[nodiscard]] const std::string& fed() const noexcept { return fed_; }
  /// The reference of the stream with this id; none where it is closed.
  [[nodiscard]] stream_ref ref_of(std::int32_t id) const {
    const auto found = streams_.find(id);
    return found == streams_.end() ? stream_ref{} : found->second.ref;
  }

protected:
  enum class told { headers, data, reset, settings, settings_ack, goaway, ping, ping_ack };
  struct event {
    told what{};
    block_kind kind{};
    std::int32_t id = 0;
    bool end = false;
    bool too_large = false;
    bool duplicate_authority = false;
    error_code code{};
    std::uint64_t number = 0;
    settings values{};
    std::string text{};
    fields list{};
  };
  struct stream_state {
    stream_ref ref{};
    void* user = nullptr;
    bool peer_ended = false;
    bool we_ended = false;   // it was called; it has left once `waiting` is empty
    bool reset = false;      // by us: to be closed by the next gather
    std::int64_t window = 0;
    std::deque<std::string> waiting{};  // what gather takes: "d" and payload, or a marker
    std::uint32_t queued = 0;
  };

  engine_script(role side, const settings& ours) : side_(side), ours_(ours) {
    live().push_back(this);
  }
  ~engine_script() { std::erase(live(), this); }

  stream_state* find(const stream_ref& r) {
    const auto found = streams_.find(r.id);
    return found != streams_.end() && found->second.ref == r ? &found->second : nullptr;
  }
  const stream_state* find(const stream_ref& r) const {
    return const_cast<engine_script*>(this)->find(r);
  }
  stream_state& add(std::int32_t id) {
    stream_state& added = streams_[id];
    added.ref = {static_cast<std::uint32_t>(streams_.size()), ++generation_, id};
    added.window = ours_.initial_window_bytes;
    return added;
  }
  void note(const std::string& what, std::int32_t id, const std::string& more = {},
            bool end = false) {
    calls_.push_back(what + ' ' + std::to_string(id) + (more.empty() ? "" : ' ' + more) +
                     (end ? " end" : ""));
  }
  static std::string text_of(const header_list& list) {
    std::string text;
    const auto append = [&text](const header_field& field) {
      text += (text.empty() ? "" : ", ") + std::string{field.name} + '=' + std::string{field.value};
    };
    if (list.fixed != nullptr) std::ranges::for_each(list.fixed->fields, append);
    std::ranges::for_each(list.extra, append);
    return text;
  }

  role side_;
  settings ours_;
  settings peer_;
  std::deque<event> script_;
  std::vector<std::string> calls_;
  std::string fed_;
  std::map<std::int32_t, stream_state> streams_;  // by id
  std::string control_;                           // frames without a stream, as bytes
  std::uint32_t generation_ = 0;
  std::uint32_t call_frames_ = 0;
  std::int32_t next_id_ = 1;
  std::int32_t last_told_id_ = 0;
  bool failed_ = false;
};

/// The engine. See the concept for its members.
template <class Sink>
class scripted_engine final : public engine_script {
public:
  scripted_engine(role side, const settings& ours, const limits&, memory_pool&, Sink& sink)
      : engine_script(side, ours), sink_(sink) {
    control_ = "PREFACE";
  }

  feed_status feed(std::span<const std::byte> bytes, time_point) noexcept {
    if (failed_) return {feed_status::state::closing, error_code::no_error, {}};
    fed_ += as_text(bytes);
    told_bytes_.clear();
    while (!script_.empty()) {
      const event next = std::move(script_.front());
      script_.pop_front();
      tell(next);
    }
    return feed_answer;
  }
  open_result open(const header_list& list, bool end, void* user) noexcept {
    if (failed_) return failure{open_refusal::going_away};
    if (open_answer) return failure{*open_answer};
    stream_state& opened = add(std::exchange(next_id_, next_id_ + 2));
    opened.user = user;
    opened.we_ended = end;
    opened.waiting.emplace_back("HEADERS");
    note("open", opened.ref.id, text_of(list), end);
    return opened.ref;
  }
  void headers(const stream_ref& r, const header_list& list, bool end) noexcept {
    enqueue(r, "headers", text_of(list), "HEADERS", end);
  }
  void data(const stream_ref& r, const slice& part, bool end) noexcept {
    enqueue(r, "data", std::string{as_text(part.bytes())}, 'd' + std::string{as_text(part.bytes())},
            end);
  }
  void trailers(const stream_ref& r, const header_list& list) noexcept {
    enqueue(r, "trailers", text_of(list), "HEADERS", true);
  }
  [[nodiscard]] std::uint32_t queued(const stream_ref& r) const noexcept {
    const stream_state* s = find(r);
    return s == nullptr ? 0 : s->queued;
  }
  [[nodiscard]] std::uint32_t queued() const noexcept {
    std::uint32_t sum = 0;
    for (const auto& [id, s] : streams_) sum += s.queued;
    return sum;
  }
  [[nodiscard]] bool block_open() const noexcept { return header_block_open; }
  void credit_stream(const stream_ref& r, std::uint32_t bytes) noexcept {
    if (stream_state* s = find(r); s != nullptr && !s->peer_ended) {
      note("credit_stream", r.id, std::to_string(bytes));
      s->window += bytes;
    }
  }
  void credit_connection(std::uint32_t bytes) noexcept {
    calls_.push_back("credit_connection " + std::to_string(bytes));
  }
  void raise_window(const stream_ref& r, std::uint32_t bytes) noexcept {
    if (stream_state* s = find(r); s != nullptr && !s->peer_ended) {
      note("raise_window", r.id, std::to_string(bytes));
      s->window += bytes;
    }
  }
  [[nodiscard]] std::int64_t receive_window(const stream_ref& r) const noexcept {
    const stream_state* s = find(r);
    return s == nullptr || s->peer_ended ? 0 : s->window;
  }
  void reset(const stream_ref& r, error_code code) noexcept {
    stream_state* s = find(r);
    if (s == nullptr) return;
    note("reset", r.id, std::string{name_of(code)});
    s->reset = true;
    if (code == error_code::no_error && s->we_ended) return;  // leaves after the end
    s->waiting.clear();
    s->queued = 0;
  }
  void goaway(std::int32_t last_id, error_code code, std::string_view text) noexcept {
    note("goaway", last_id, std::string{name_of(code)} +
                                (text.empty() ? "" : ' ' + std::string{text}));
    control_ += "GOAWAY";
  }
  [[nodiscard]] std::int32_t last_processed_id() const noexcept { return last_told_id_; }
  void ping(std::uint64_t opaque) noexcept {
    calls_.push_back("ping " + std::to_string(opaque));
    control_ += "PING";
  }
  void update_settings(const settings& ours) noexcept {
    calls_.emplace_back("update_settings");
    ours_ = ours;
    control_ += "SETTINGS";
  }
  std::uint32_t gather(output& out, std::uint32_t bytes, time_point) noexcept;
  [[nodiscard]] bool wants_write() const noexcept {
    if (failed_ || hold_output) return false;
    if (!control_.empty()) return true;
    return std::ranges::any_of(streams_, [this](const auto& one) {
      const stream_state& s = one.second;
      return s.reset || (!s.waiting.empty() && !(hold_data && s.waiting.front().starts_with('d')));
    });
  }
  [[nodiscard]] std::uint32_t call_frames() const noexcept { return call_frames_; }
  [[nodiscard]] std::uint32_t reply_bytes() const noexcept { return reply_size; }
  [[nodiscard]] std::uint32_t reply_count() const noexcept { return replies; }
  [[nodiscard]] void* user(const stream_ref& r) const noexcept {
    const stream_state* s = find(r);
    return s == nullptr ? nullptr : s->user;
  }
  void set_user(const stream_ref& r, void* user) noexcept {
    if (stream_state* s = find(r); s != nullptr) s->user = user;
  }
  [[nodiscard]] const settings& peer_settings() const noexcept { return peer_; }
  [[nodiscard]] std::uint32_t open_streams() const noexcept {
    return static_cast<std::uint32_t>(streams_.size());
  }
  [[nodiscard]] std::int32_t next_id() const noexcept { return next_id_; }
  [[nodiscard]] bool closed() const noexcept {
    return failed_ || (!feed_answer.ok() && !wants_write());
  }
  void fail(error_code code) noexcept {
    if (failed_) return;
    failed_ = true;
    calls_.push_back("fail " + std::string{name_of(code)});
    while (!streams_.empty()) close(streams_.begin()->first);
  }

private:
  void tell(const event& next) noexcept;
  void enqueue(const stream_ref& r, const std::string& call, const std::string& text,
               std::string waiting, bool end) noexcept;
  void close(std::int32_t id) noexcept {
    const stream_state closed = std::move(streams_.at(id));
    streams_.erase(id);
    sink_.on_closed(closed.ref, closed.user);
  }
  // Both ends have ended, and ours has left.
  void close_if_ended(std::int32_t id) noexcept {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    const stream_state& s = found->second;
    if (s.waiting.empty() && (s.reset || (s.we_ended && s.peer_ended))) close(id);
  }

  Sink& sink_;
  std::deque<std::string> told_bytes_;  // of the DATA of this feed
};

template <class Sink>
void scripted_engine<Sink>::tell(const event& next) noexcept {
  switch (next.what) {
    case told::headers: {
      if (next.kind == block_kind::request) {
        add(next.id);
        last_told_id_ = std::max(last_told_id_, next.id);
      }
      const auto found = streams_.find(next.id);
      if (found == streams_.end() || found->second.reset) return;
      stream_state& s = found->second;
      s.peer_ended = next.end;
      std::vector<header_field> list;
      for (const auto& [name, value] : next.list) list.push_back({name, value, false});
      const header_block block{.fields = list,
                               .too_large = next.too_large,
                               .duplicate_authority = next.duplicate_authority};
      sink_.on_headers(s.ref, s.user, block, next.kind, next.end);
      return close_if_ended(next.id);
    }
    case told::data: {
      const auto found = streams_.find(next.id);
      if (found == streams_.end() || found->second.reset) return;
      stream_state& s = found->second;
      s.peer_ended = next.end;
      s.window -= static_cast<std::int64_t>(next.text.size() + next.number);
      // In place of a view into what was fed: valid until the next feed.
      told_bytes_.push_back(next.text);
      sink_.on_data(s.ref, s.user, as_bytes(told_bytes_.back()),
                    static_cast<std::uint32_t>(next.text.size() + next.number), next.end);
      return close_if_ended(next.id);
    }
    case told::reset: {
      const auto found = streams_.find(next.id);
      if (found == streams_.end()) return;
      if (!found->second.reset) sink_.on_reset(found->second.ref, found->second.user, next.code);
      return close(next.id);
    }
    case told::settings:
      peer_ = next.values;
      return sink_.on_settings(peer_);
    case told::settings_ack: return sink_.on_settings_ack();
    case told::goaway: {
      sink_.on_goaway(next.id, next.code, next.text);
      if (side_ == role::server) return;
      std::vector<std::int32_t> above;
      for (const auto& [id, s] : streams_) {
        if (id > next.id) above.push_back(id);
      }
      for (const std::int32_t id : above) {
        stream_state& s = streams_.at(id);
        if (!s.reset) sink_.on_reset(s.ref, s.user, error_code::refused_stream);
        close(id);
      }
      open_answer = open_refusal::going_away;
      return;
    }
    case told::ping: return sink_.on_ping();
    case told::ping_ack: return sink_.on_ping_ack(next.number);
  }
}

template <class Sink>
void scripted_engine<Sink>::enqueue(const stream_ref& r, const std::string& call,
                                    const std::string& text, std::string waiting,
                                    bool end) noexcept {
  stream_state* s = find(r);
  if (s == nullptr || s->reset || failed_) return;
  note(call, r.id, text, end);
  if (waiting.starts_with('d')) s->queued += static_cast<std::uint32_t>(waiting.size() - 1);
  s->waiting.push_back(std::move(waiting));
  s->we_ended = s->we_ended || end;
}

template <class Sink>
std::uint32_t scripted_engine<Sink>::gather(output& out, std::uint32_t bytes,
                                            time_point) noexcept {
  if (!wants_write()) return 0;
  const std::size_t start = out.size();
  const auto room = [&] { return std::min(start + bytes - out.size(), out.copy_room()); };
  const std::size_t count = std::min(room(), control_.size());
  if (!out.append_copy(as_bytes(control_).first(count))) return 0;
  control_.erase(0, count);
  std::vector<std::int32_t> ids;
  for (const auto& [id, s] : streams_) ids.push_back(id);
  for (const std::int32_t id : ids) {
    stream_state& s = streams_.at(id);
    bool took_data = false;
    while (!s.waiting.empty()) {
      std::string& first = s.waiting.front();
      const bool is_data = first.starts_with('d');
      if (is_data && hold_data) break;
      const std::size_t taken = std::min(room(), first.size() - (is_data ? 1 : 0));
      if (!out.append_copy(as_bytes(first).subspan(is_data ? 1 : 0, taken))) break;
      if (is_data) {
        s.queued -= static_cast<std::uint32_t>(taken);
        took_data = took_data || taken > 0;
      }
      first.erase(is_data ? 1 : 0, taken);
      if (first.size() > (is_data ? 1U : 0U)) break;  // no more room
      s.waiting.pop_front();
      ++call_frames_;
    }
    if (took_data && !s.reset) sink_.on_writable(s.ref, s.user);
    close_if_ended(id);
  }
  return static_cast<std::uint32_t>(out.size() - start);
}
}  // namespace ringrpc::http2::test
