// SPDX-License-Identifier: MIT
//
// All of ringrpc, in the order of the layers, but the parts that need a further library:
// rpc/protobuf.hpp (a generated foo.ringrpc.hpp includes it), services/reflection.hpp and
// transport/tls.hpp.
#pragma once

#if __cplusplus < 202002L
#error "ringrpc needs C++20: compile with -std=c++20 or later"
#endif

#include <ringrpc/version.hpp>

#include <ringrpc/base/bytes.hpp>
#include <ringrpc/base/config.hpp>
#include <ringrpc/base/fatal.hpp>
#include <ringrpc/base/fixed_string.hpp>
#include <ringrpc/base/intrusive_list.hpp>
#include <ringrpc/base/memory_pool.hpp>
#include <ringrpc/base/output.hpp>
#include <ringrpc/base/result.hpp>
#include <ringrpc/base/short_text.hpp>
#include <ringrpc/base/slice.hpp>
#include <ringrpc/base/time.hpp>

#include <ringrpc/coro/environment.hpp>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/frame_pool.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/run_queue.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>

#include <ringrpc/ring/accept.hpp>
#include <ringrpc/ring/backend.hpp>
#include <ringrpc/ring/connect.hpp>
#include <ringrpc/ring/file_descriptor.hpp>
#include <ringrpc/ring/hooks.hpp>
#include <ringrpc/ring/io_result.hpp>
#include <ringrpc/ring/log.hpp>
#include <ringrpc/ring/operation.hpp>
#include <ringrpc/ring/poll.hpp>
#include <ringrpc/ring/read.hpp>
#include <ringrpc/ring/remote.hpp>
#include <ringrpc/ring/ring.hpp>
#include <ringrpc/ring/ring_options.hpp>
#include <ringrpc/ring/sleep.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/ring/spinner.hpp>
#include <ringrpc/ring/timer_heap.hpp>
#include <ringrpc/ring/uring_backend.hpp>
#include <ringrpc/ring/uring_buffers.hpp>
#include <ringrpc/ring/uring_options.hpp>
#include <ringrpc/ring/write.hpp>

#include <ringrpc/http2/engine.hpp>
#include <ringrpc/http2/errors.hpp>
#include <ringrpc/http2/headers.hpp>
#include <ringrpc/http2/limits.hpp>
#include <ringrpc/http2/results.hpp>
#include <ringrpc/http2/settings.hpp>
#include <ringrpc/http2/stream_ref.hpp>

#include <ringrpc/grpc/base64.hpp>
#include <ringrpc/grpc/compression.hpp>
#include <ringrpc/grpc/content_type.hpp>
#include <ringrpc/grpc/http_status.hpp>
#include <ringrpc/grpc/message_prefix.hpp>
#include <ringrpc/grpc/message_reader.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/grpc/metadata_rules.hpp>
#include <ringrpc/grpc/method_path.hpp>
#include <ringrpc/grpc/percent.hpp>
#include <ringrpc/grpc/reset_code.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/grpc/status_code.hpp>
#include <ringrpc/grpc/timeout.hpp>
#include <ringrpc/grpc/user_agent.hpp>
