// SPDX-License-Identifier: MIT
//
// What is behind a server: methods, services, listeners and connections. Lives on
// until its last handler has ended.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/rpc/detail/checked_compression.hpp>
#include <ringrpc/rpc/detail/handler_frames.hpp>
#include <ringrpc/rpc/detail/log_gate.hpp>
#include <ringrpc/rpc/detail/server_connection.hpp>
#include <ringrpc/rpc/server_counters.hpp>
#include <ringrpc/rpc/server_options.hpp>
#include <ringrpc/transport/policy.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// Something that accepts, as far as the server ends it.
class accepting : public list_node {
public:
  virtual void stop() noexcept = 0;

protected:
  ~accepting() = default;
};

/// Of one ring and its thread.
class server_core final : public method_table, public std::enable_shared_from_this<server_core> {
public:
  server_core(ring& home, const server_options& options) : home_(home), options_(options) {
    options_.connection.compression = checked_compression(options.connection);
    ended_.set();
  }

  [[nodiscard]] ring& home() noexcept { return home_; }
  [[nodiscard]] const server_options& options() const noexcept { return options_; }
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  /// For texts about peers that were refused.
  [[nodiscard]] log_gate& refusals() noexcept { return refusals_; }

  /// @return false where the path has a handler already.
  [[nodiscard]] bool add(std::unique_ptr<method_entry> entry) {
    const auto place = std::lower_bound(methods_.begin(), methods_.end(), entry->path(), before);
    if (place != methods_.end() && (*place)->path() == entry->path()) return false;
    method_entry& added = **methods_.insert(place, std::move(entry));
    added.restrict_to(restriction_of(added.path()));
    return true;
  }
  /// Who may call the method of that path, or those whose path begins so where it ends
  /// with a slash; replaces what was said of it before.
  void restrict(std::string path, peer_policy policy) {
    const auto place = std::find_if(restrictions_.begin(), restrictions_.end(),
                                    [&](const auto& one) { return one->path == path; });
    if (place != restrictions_.end()) {
      (*place)->policy = std::move(policy);
      return;
    }
    restrictions_.push_back(
        std::make_unique<restriction>(restriction{std::move(path), std::move(policy)}));
    for (const std::unique_ptr<method_entry>& one : methods_) {
      one->restrict_to(restriction_of(one->path()));
    }
  }
  /// Keeps `owned` until the core ends; destroyed after the methods.
  void keep(std::shared_ptr<void> owned) { kept_.push_back(std::move(owned)); }
  method_entry* find(std::string_view path) noexcept override {
    const auto place = std::lower_bound(methods_.begin(), methods_.end(), path, before);
    return place != methods_.end() && (*place)->path() == path ? place->get() : nullptr;
  }

  /// No new connections and calls; those that run may end, within the drain time.
  void stop() noexcept {
    if (stopping_) return;
    stopping_ = true;
    for (accepting* one = listeners_.front(); one != nullptr; one = listeners_.next(*one)) {
      one->stop();
    }
    for (server_connection* one = connections_.front(); one != nullptr;
         one = connections_.next(*one)) {
      one->drain();
    }
  }
  /// Whether a handler of the server runs in `where` itself, not in a scope of its own.
  [[nodiscard]] bool has_handler_in(const environment& where) noexcept {
    for (server_connection* one = connections_.front(); one != nullptr;
         one = connections_.next(*one)) {
      intrusive_list<listed_call>& all = one->host().all;
      for (listed_call* call = all.front(); call != nullptr; call = all.next(*call)) {
        if (static_cast<server_call&>(*call).runs_in(where)) return true;
      }
    }
    return false;
  }
  /// Set while nothing of the server runs.
  [[nodiscard]] event& ended() noexcept { return ended_; }

  // For the tasks that accept and serve.

  void task_began() noexcept {
    ++tasks_;
    ended_.reset();
  }
  void task_ended() noexcept {
    if (--tasks_ == 0) ended_.set();
  }
  void add(accepting& one) noexcept { listeners_.push_back(one); }
  /// Whether one more connection may be established: those that are count as well.
  [[nodiscard]] bool may_establish() const noexcept {
    return connection_count_ + establishing_ < options_.connections;
  }
  void establishing(int change) noexcept {
    establishing_ += static_cast<std::uint32_t>(change);
  }
  /// @return whether one more connection is within the limits.
  [[nodiscard]] bool admits(const peer_info& peer) const noexcept {
    if (connection_count_ >= options_.connections) return false;
    return !peer.has_credentials() ||
           connections_of(peer.uid()) < options_.connections_of_one_uid();
  }
  void add(server_connection& one) {
    count_uid(one.peer(), 1);
    connections_.push_back(one);
    ++connection_count_;
    if (stopping_) one.drain();
  }
  /// Its last handler has ended.
  void remove(server_connection& one) noexcept {
    static_cast<list_node&>(one).unlink();
    --connection_count_;
    count_uid(one.peer(), -1);
  }
  [[nodiscard]] std::uint32_t connection_count() const noexcept { return connection_count_; }
  [[nodiscard]] server_counters counters() noexcept {
    server_counters sums;
    sums.connections = connection_count_;
    for (server_connection* one = connections_.front(); one != nullptr;
         one = connections_.next(*one)) {
      sums.calls += one->host().calls;
      sums.held_bytes += one->held_bytes();
      sums.queued_bytes += one->engine().queued();
    }
    return sums;
  }

private:
  struct restriction {
    std::string path;
    peer_policy policy;
  };
  /// A method's own, or its service's; null without either.
  [[nodiscard]] const peer_policy* restriction_of(std::string_view path) const noexcept {
    const std::string_view service = path.substr(0, path.rfind('/') + 1);
    const peer_policy* found = nullptr;
    for (const std::unique_ptr<restriction>& one : restrictions_) {
      if (one->path == path) return &one->policy;
      if (one->path == service) found = &one->policy;
    }
    return found;
  }
  struct uid_count {
    ::uid_t uid;
    std::uint32_t connections;
  };
  static bool before(const std::unique_ptr<method_entry>& entry, std::string_view path) noexcept {
    return entry->path() < path;
  }
  [[nodiscard]] std::uint32_t connections_of(::uid_t uid) const noexcept {
    for (const uid_count& one : uids_) {
      if (one.uid == uid) return one.connections;
    }
    return 0;
  }
  void count_uid(const peer_info& peer, int change) {
    if (!peer.has_credentials()) return;
    const ::uid_t uid = peer.uid();
    const auto place = std::find_if(uids_.begin(), uids_.end(),
                                    [uid](const uid_count& one) { return one.uid == uid; });
    if (place == uids_.end()) {
      uids_.push_back({uid, 1});
      return;
    }
    if (change > 0) {
      ++place->connections;
    } else if (--place->connections == 0) {
      uids_.erase(place);
    }
  }

  ring& home_;
  server_options options_;
  std::vector<std::shared_ptr<void>> kept_;
  std::vector<std::unique_ptr<restriction>> restrictions_;  // outlive the methods
  std::vector<std::unique_ptr<method_entry>> methods_;      // by path
  std::vector<uid_count> uids_;
  intrusive_list<accepting> listeners_;
  intrusive_list<server_connection> connections_;
  event ended_;
  log_gate refusals_;
  std::uint32_t connection_count_ = 0;
  std::uint32_t establishing_ = 0;
  unsigned tasks_ = 0;
  bool stopping_ = false;
};
}  // namespace ringrpc::detail::inline RINGRPC_ABI
