// SPDX-License-Identifier: MIT
//
// The meeting point of a ring and other threads: a stack that many push to and
// one takes whole, a word that says whether the ring sleeps, and the wake-up.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/detail/this_process.hpp>

namespace ringrpc::detail {
/// Work on its way to a ring.
class posted_work {
public:
  posted_work() noexcept = default;
  posted_work(const posted_work&) = delete;
  posted_work& operator=(const posted_work&) = delete;
  virtual ~posted_work() = default;
  virtual void run() = 0;

private:
  friend class inbox;
  posted_work* next_ = nullptr;
};

template <class F>
class posted_callable final : public posted_work {
public:
  template <class G>
  explicit posted_callable(G&& work) : work_(std::forward<G>(work)) {}
  void run() override { static_cast<void>(work_()); }

private:
  F work_;
};

/// Shared by a ring and its remote handles. `post` may be called by any thread,
/// everything else by the ring's.
///
/// No wake-up is lost: the ring says that it sleeps, then looks once more; who
/// posts pushes, then looks whether it sleeps. Both pairs are sequentially
/// consistent, so at least one of the two sees the other.
class inbox {
public:
  /// @param kernel  whose `wake` ends the sleep; used until `close`.
  explicit inbox(backend& kernel) noexcept : kernel_(&kernel) {}
  inbox(const inbox&) = delete;
  inbox& operator=(const inbox&) = delete;
  ~inbox() { static_cast<void>(close()); }

  /// @return false if closed, or in a forked child, where nobody takes it; `work` is
  ///         destroyed then.
  bool post(std::unique_ptr<posted_work> work) noexcept;

  [[nodiscard]] bool empty() const noexcept {
    return head_.load(std::memory_order_seq_cst) == nullptr;
  }
  /// What was posted, oldest first, as a chain for `next`.
  [[nodiscard]] std::unique_ptr<posted_work> take() noexcept;
  /// Cuts the chain behind `first`. @return the rest.
  [[nodiscard]] static std::unique_ptr<posted_work> next(posted_work& first) noexcept {
    return std::unique_ptr<posted_work>{std::exchange(first.next_, nullptr)};
  }

  /// From now on a post wakes the ring. @return false: something has been posted
  /// already and the ring may not sleep.
  [[nodiscard]] bool begin_sleep() noexcept {
    sleeping_.store(true, std::memory_order_seq_cst);
    return empty();
  }
  void end_sleep() noexcept { sleeping_.store(false, std::memory_order_relaxed); }

  /// Ends the inbox: destroys what was posted and has not run; posts fail from
  /// now on, and the backend is not used any more. @return whether anything was
  /// destroyed.
  bool close() noexcept;

private:
  void wake() noexcept {
    const std::lock_guard<std::mutex> lock{wake_};  // so that `close` waits for a wake-up under way
    if (kernel_ != nullptr) kernel_->wake();
  }
  static posted_work* oldest_first(posted_work* newest) noexcept {
    posted_work* chain = nullptr;
    while (newest != nullptr) {
      posted_work* older = std::exchange(newest->next_, chain);
      chain = std::exchange(newest, older);
    }
    return chain;
  }

  struct closed_mark final : posted_work {
    void run() override {}
  };
  closed_mark closed_;  // its address in `head_` means closed
  std::atomic<posted_work*> head_{nullptr};
  std::atomic<bool> sleeping_{false};
  std::mutex wake_;
  backend* kernel_;
  const std::uint64_t process_ = process_number();
};

inline bool inbox::post(std::unique_ptr<posted_work> work) noexcept {
  if (process_ != process_number()) return false;
  posted_work* head = head_.load(std::memory_order_relaxed);
  do {
    if (head == &closed_) return false;
    work->next_ = head;
  } while (!head_.compare_exchange_weak(head, work.get(), std::memory_order_seq_cst,
                                        std::memory_order_relaxed));
  static_cast<void>(work.release());
  if (sleeping_.load(std::memory_order_seq_cst) &&
      sleeping_.exchange(false, std::memory_order_seq_cst)) {
    wake();
  }
  return true;
}

inline std::unique_ptr<posted_work> inbox::take() noexcept {
  posted_work* head = head_.load(std::memory_order_relaxed);
  if (head == nullptr || head == &closed_) return nullptr;
  return std::unique_ptr<posted_work>{
      oldest_first(head_.exchange(nullptr, std::memory_order_acquire))};
}

inline bool inbox::close() noexcept {
  posted_work* head = head_.exchange(&closed_, std::memory_order_acq_rel);
  {
    const std::lock_guard<std::mutex> lock{wake_};
    kernel_ = nullptr;
  }
  if (head == &closed_ || head == nullptr) return false;
  std::unique_ptr<posted_work> chain{oldest_first(head)};
  while (chain) chain = next(*chain);
  return true;
}
}  // namespace ringrpc::detail
