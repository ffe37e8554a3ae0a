// SPDX-License-Identifier: MIT
//
// Runs a task with a stop token of its own, which is stopped at a moment.
#pragma once

#include <utility>

#include <ringrpc/base/time.hpp>
#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/ring/ring.hpp>

// g++ 12 says of coroutine templates that their frames use the anonymous namespace
// where a user's type does; a frame is not seen outside of its unit.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

namespace ringrpc::detail {
struct stop_timer : timer {
  explicit stop_timer(stop_source& stopped) noexcept
      : timer([](run_node& self) noexcept {
          static_cast<stop_timer&>(self).source.request_stop();
        }),
        source(stopped) {}
  stop_source& source;
};

struct set_when_done : run_node {
  explicit set_when_done(event& when_done) noexcept
      : run_node([](run_node& self) noexcept { static_cast<set_when_done&>(self).done.set(); }),
        done(when_done) {}
  event& done;
};

/// Awaits `work` to its end; asks it to stop at `deadline`, with the caller, or with
/// `other`, whose source must outlive the call. @return what it returned.
template <class T>
task<T> with_deadline(task<T> work, time_point deadline, stop_token other = {}) {
  const environment& here = co_await this_environment();
  linked_stop_source stop{here.stop};
  stop_link from_other{other, stop};
  const environment inside{here.queue, stop.token(), here.home};
  stop_timer timeout{stop};
  event ended;
  set_when_done done{ended};
  running_task<T> running;
  here.home->arm(timeout, deadline);
  if (!running.start(std::move(work), inside, done)) {
    const bool set = co_await ended.wait_ignoring_stop();
    static_cast<void>(set);
  }
  here.home->disarm(timeout);
  co_return running.take();
}
}  // namespace ringrpc::detail

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
