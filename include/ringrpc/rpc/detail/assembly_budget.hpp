// SPDX-License-Identifier: MIT
//
// Memory of a connection for messages that are larger than their stream's
// window. Such a message reserves its whole rest before the window is raised:
// whole or nothing, first come first served. So every reservation can complete,
// and what a peer can make us hold is bounded.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>

#include <ringrpc/base/config.hpp>
#include <ringrpc/base/intrusive_list.hpp>

namespace ringrpc::inline RINGRPC_ABI {
class assembly_budget;

/// One message's reservation; in line while it waits. Leaves the line when it
/// dies, but must give back by `release` what it was granted.
class assembly_request : public list_node {
public:
  /// @param granted  runs when bytes that had to wait were granted. It may not
  ///                 touch the budget.
  explicit assembly_request(void (*granted)(assembly_request& self) noexcept) noexcept
      : granted_(granted) {}
  /// Bytes that were granted and not given back.
  [[nodiscard]] std::uint64_t granted_bytes() const noexcept { return granted_bytes_; }

private:
  friend class assembly_budget;
  void (*granted_)(assembly_request&) noexcept;
  std::uint64_t wanted_bytes_ = 0;
  std::uint64_t charged_bytes_ = 0;
  std::uint64_t granted_bytes_ = 0;
};

/// Of one connection; not thread-safe.
class assembly_budget {
public:
  /// @param bytes  the budget. A single reservation above it is granted when it
  ///               is alone, and takes all.
  explicit assembly_budget(std::uint64_t bytes) noexcept : free_bytes_(bytes), all_bytes_(bytes) {}

  /// Reserves `bytes` for `request`, which holds nothing and is not in line.
  /// @return whether they were granted at once; else `request` is in line.
  [[nodiscard]] bool reserve(assembly_request& request, std::uint64_t bytes) noexcept {
    assert(!request.linked() && request.granted_bytes_ == 0);
    request.wanted_bytes_ = bytes;
    request.charged_bytes_ = std::min(bytes, all_bytes_);
    if (!line_.empty() || request.charged_bytes_ > free_bytes_) {
      line_.push_back(request);
      return false;
    }
    grant(request);
    return true;
  }

  /// Gives back what `request` holds, or leaves the line.
  void release(assembly_request& request) noexcept {
    const bool was_first = line_.front() == &request;
    request.unlink();
    if (request.granted_bytes_ > 0) free_bytes_ += request.charged_bytes_;
    const bool gave_back = request.granted_bytes_ > 0;
    request.granted_bytes_ = 0;
    if (gave_back || was_first) serve_line();
  }

  [[nodiscard]] std::uint64_t reserved_bytes() const noexcept { return all_bytes_ - free_bytes_; }

private:
  void grant(assembly_request& request) noexcept {
    free_bytes_ -= request.charged_bytes_;
    request.granted_bytes_ = request.wanted_bytes_;
  }
  void serve_line() noexcept {
    while (assembly_request* first = line_.front()) {
      if (first->charged_bytes_ > free_bytes_) return;
      first->unlink();
      grant(*first);
      first->granted_(*first);
    }
  }

  intrusive_list<assembly_request> line_;
  std::uint64_t free_bytes_;
  std::uint64_t all_bytes_;
};
}  // namespace ringrpc::inline RINGRPC_ABI
