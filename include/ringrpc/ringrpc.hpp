// SPDX-License-Identifier: MIT
//
// All of ringrpc, in the order of the layers, but the parts that need a further library:
// rpc/protobuf.hpp (a generated foo.ringrpc.hpp includes it), services/reflection.hpp and
// transport/tls.hpp. zlib is needed where RINGRPC_WITH_ZLIB is 1.
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
#include <ringrpc/ring/signals.hpp>
#include <ringrpc/ring/sleep.hpp>
#include <ringrpc/ring/socket_address.hpp>
#include <ringrpc/ring/spinner.hpp>
#include <ringrpc/ring/timer_heap.hpp>
#include <ringrpc/ring/turn_budget.hpp>
#include <ringrpc/ring/uring_backend.hpp>
#include <ringrpc/ring/uring_buffers.hpp>
#include <ringrpc/ring/uring_options.hpp>
#include <ringrpc/ring/write.hpp>

#include <ringrpc/transport/abstract_name.hpp>
#include <ringrpc/transport/address.hpp>
#include <ringrpc/transport/byte_stream.hpp>
#include <ringrpc/transport/connection_factory.hpp>
#include <ringrpc/transport/either_stream.hpp>
#include <ringrpc/transport/factories.hpp>
#include <ringrpc/transport/inet_address.hpp>
#include <ringrpc/transport/inherited_socket.hpp>
#include <ringrpc/transport/listen_error.hpp>
#include <ringrpc/transport/listen_socket.hpp>
#include <ringrpc/transport/listener.hpp>
#include <ringrpc/transport/memory_stream.hpp>
#include <ringrpc/transport/memory_transport.hpp>
#include <ringrpc/transport/owned_socket.hpp>
#include <ringrpc/transport/peer_info.hpp>
#include <ringrpc/transport/pending_count.hpp>
#include <ringrpc/transport/policy.hpp>
#include <ringrpc/transport/socket_connector.hpp>
#include <ringrpc/transport/socket_directory.hpp>
#include <ringrpc/transport/socket_file.hpp>
#include <ringrpc/transport/socket_listener.hpp>
#include <ringrpc/transport/socket_lock.hpp>
#include <ringrpc/transport/transport_error.hpp>
#include <ringrpc/transport/unix_connector.hpp>
#include <ringrpc/transport/unix_listener.hpp>
#include <ringrpc/transport/unix_path.hpp>
#include <ringrpc/transport/unix_socket.hpp>
#include <ringrpc/transport/unix_stream.hpp>

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
#include <ringrpc/grpc/encoding_registry.hpp>
#include <ringrpc/grpc/http_status.hpp>
#include <ringrpc/grpc/message_encoding.hpp>
#include <ringrpc/grpc/message_prefix.hpp>
#include <ringrpc/grpc/message_reader.hpp>
#include <ringrpc/grpc/metadata.hpp>
#include <ringrpc/grpc/metadata_rules.hpp>
#include <ringrpc/grpc/percent.hpp>
#include <ringrpc/grpc/reset_code.hpp>
#include <ringrpc/grpc/result.hpp>
#include <ringrpc/grpc/status.hpp>
#include <ringrpc/grpc/status_code.hpp>
#include <ringrpc/grpc/timeout.hpp>
#include <ringrpc/grpc/user_agent.hpp>
#include <ringrpc/grpc/wire_format.hpp>

#include <ringrpc/rpc/backoff.hpp>
#include <ringrpc/rpc/call_options.hpp>
#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/channel_options.hpp>
#include <ringrpc/rpc/client_handles.hpp>
#include <ringrpc/rpc/codec.hpp>
#include <ringrpc/rpc/connection_options.hpp>
#include <ringrpc/rpc/engine.hpp>
#include <ringrpc/rpc/method.hpp>
#include <ringrpc/rpc/reader_writer.hpp>
#include <ringrpc/rpc/server.hpp>
#include <ringrpc/rpc/server_context.hpp>
#include <ringrpc/rpc/server_options.hpp>

#include <ringrpc/services/health.hpp>
#include <ringrpc/services/rich_status.hpp>
