// SPDX-License-Identifier: MIT
//
// The second half of a client call: what comes back, and how it ends. Part of
// client_call.hpp, split off for its length.
#pragma once

#include <utility>

#include <ringrpc/base/fatal.hpp>
#include <ringrpc/grpc/reset_code.hpp>
#include <ringrpc/rpc/detail/client_call.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
inline completion_wait::on_stop::on_stop(completion_wait& waiting) noexcept
    : stop_callback([](stop_callback& self) noexcept {
        static_cast<on_stop&>(self).waiting_.of_.finish(
            cancelled("the coroutine that awaits the call was stopped"));
      }),
      waiting_(waiting) {}

inline void completion_wait::check_home(const environment& where) const noexcept {
  if (where.home != nullptr && where.home != &of_.home_) {
    fatal("a call was awaited on another ring than that of its channel");
  }
}

inline completion_wait::~completion_wait() {
  if (of_.waiter_ == this) of_.waiter_ = nullptr;
}

inline bool completion_wait::join(const stop_token& stop) noexcept {
  if (of_.done()) return false;
  if (of_.waiter_ != nullptr) fatal("the end of one call was awaited twice at once");
  if (!stopped_.arm(stop)) {
    of_.finish(cancelled("the coroutine that awaits the call was stopped"));
    return false;
  }
  of_.waiter_ = this;
  return true;
}

inline void client_call::reduce(const http2::header_block& block,
                                http2::block_kind kind) noexcept {
  if (over() == nullptr) return;
  const encoding_registry& known = *over()->options().encodings;
  switch (kind) {
    case http2::block_kind::response:
      head_ = reduce_response(block, known, headers_);
      // Also for later calls on this connection (wire rule 22).
      if (head_.accepted) over()->note_peer_encodings(*head_.accepted);
      break;
    case http2::block_kind::trailers:
      last_ = reduce_response(block, known, trailers_);
      break;
    case http2::block_kind::request:
    case http2::block_kind::informational:
      break;
  }
}

inline void client_call::headers_received(http2::block_kind kind, bool end) noexcept {
  if (done_) return;
  if (kind == http2::block_kind::informational) {
    if (end) finish(internal("the response ended with an informational header block"));
    return;
  }
  if (kind == http2::block_kind::response) {
    headers_received_ = true;
    carrier_->answered();
    request_.reset();
    if (end) {
      // Trailers-Only: what came as headers are the trailers.
      trailers_ = std::move(headers_);
      headers_.clear();
      last_ = std::move(head_);
      if (!last_.end && last_.fault.ok()) {
        finish_in_order(not_grpc(last_.http_status, " has no grpc-status"));
        return;
      }
    } else {
      if (head_.http_status != 200) {
        finish(not_grpc(head_.http_status, " is not gRPC"));
      } else if (!head_.content_type_ok && head_.has_content_type) {
        finish(not_grpc(200, " has a content-type that is not application/grpc"));
      } else if (!head_.fault.ok()) {
        finish(head_.fault);
      } else {
        decode_with(head_.encoding);
      }
      return;
    }
  }
  // The last block.
  if (!last_.fault.ok()) {
    finish(last_.fault);
  } else if (last_.end) {
    finish_in_order(*last_.end);
  } else {
    finish_in_order(unknown("the trailers have no grpc-status"));
  }
}

inline void client_call::input_complete() noexcept {
  // END_STREAM on DATA; with trailers the call has ended before this runs.
  if (!done_) finish(internal("the stream ended without trailers"));
}

inline void client_call::finish_in_order(status end) noexcept {
  // The peer's side is over. Ours may not be: nothing of it is wanted any more, and a
  // peer that opens no window would keep what is queued for ever.
  const bool ours_queued = over() != nullptr && over()->engine().queued(stream()) > 0;
  const bool ours_open = over() != nullptr && !writes_done_;
  if (end.ok()) {  // what is behind whole messages that wait is judged, too
    status whole = in().finish();
    if (!whole.ok()) end = std::move(whole);
  }
  settle(std::move(end));
  end_input();
  if (ours_open || ours_queued) {
    // With NO_ERROR what is queued would leave first.
    over()->engine().reset(stream(), ours_queued ? http2::error_code::cancel
                                                 : http2::error_code::no_error);
    over()->mark_dirty();
  }
}

inline status client_call::deadline_status() const noexcept {
  short_text<600> text;
  text.append("the deadline passed");
  if (over() == nullptr && !done_) {
    text.append(" while the call waited: ").append(carrier_->waiting_text().view());
  }
  return deadline_exceeded(text.view());
}

inline void client_call::settle(status end) noexcept {
  if (done_) return;
  done_ = true;
  if (end.ok() && expects_single() && !has_single()) {
    end = unimplemented("the call ended with OK and without its response message");
  }
  if (end.code() == status_code::cancelled && late()) {
    end = deadline_status();
  }
  end_ = std::move(end);
  disarm_deadline();
  stopped_.disarm();
  parent_stopped_.disarm();
  request_.reset();
  close_output();
  if (waiter_ != nullptr) {
    completion_wait& waiting = *std::exchange(waiter_, nullptr);
    waiting.stopped_.disarm();
    waiting.queue_->push(waiting);
  }
}

inline void client_call::finish(status end) noexcept {
  if (done_) return;
  settle(std::move(end));
  close_input();
  if (over() != nullptr) {
    over()->engine().reset(stream(), http2::error_code::cancel);
    over()->mark_dirty();
  }
}

inline bool client_call::may_retry() const noexcept {
  return !done_ && !headers_received_ && !retried_ && !sent_message_;
}

/// Whether nothing of it can have left this process: the connection was lost before it
/// took another byte. It may go on another one then, however often (wire rule 48).
inline bool client_call::was_never_sent(const connection& lost) const noexcept {
  return lost.sent_bytes() == sent_before_ && !lost.is_sending() && !headers_received_ &&
         !sent_message_ && !carrier_->closed();
}

inline void client_call::reset_received(http2::error_code code) noexcept {
  if (done_) return;
  if (code == http2::error_code::refused_stream && may_retry()) {
    retrying_ = retried_ = true;  // goes on when this stream has closed
    return;
  }
  const auto number = static_cast<std::uint32_t>(code);
  status end{status_of_reset(number)};
  try {
    std::string text{"the stream was reset by "};
    text.append(carrier_->target()).append(" with ").append(http2::name_of(code));
    end = status{status_of_reset(number), text};
  } catch (...) {
  }
  settle(std::move(end));
  close_input();
}

inline void client_call::stream_closed() noexcept {
  connection* carried_by = over();
  detach();
  if (!done_ && (retrying_ || was_never_sent(*carried_by))) {
    retrying_ = false;
    carrier_->carry(*this);
  } else if (!done_) {
    status end{status_code::unavailable};
    if (carrier_->closed()) {
      end = cancelled("the channel was closed");
    } else {
      try {
        std::string text{"the connection to "};
        text.append(carrier_->target()).append(" was lost: ").append(carried_by->end_text());
        end = unavailable(text);
      } catch (...) {
      }
    }
    settle(std::move(end));
    close_input();
  }
  release();
}

inline void client_call::drop() noexcept {
  if (!done_) finish(cancelled("the call's handle was destroyed"));  // a text takes memory
  close_input();
  release();
}

inline void client_call::release() noexcept {
  if (--references_ > 0) return;
  stopped_.disarm();
  parent_stopped_.disarm();
  request_metadata_.clear();
  headers_.clear();
  trailers_.clear();
  head_ = {};
  last_ = {};
  end_ = {};
  deadline_ = never;
  done_ = delivered_ = headers_received_ = sent_message_ = false;
  writes_done_ = retried_ = retrying_ = false;
  carrier_->recycle(*this);
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI
