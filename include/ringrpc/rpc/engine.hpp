// SPDX-License-Identifier: MIT
//
// Which HTTP/2 engine is behind every connection: chosen here, at compile time.
// Tests of this layer have a header of the same name in front on their include
// path, which names the scripted engine.
#pragma once

#include <ringrpc/http2/nghttp2_engine.hpp>

namespace ringrpc::rpc {
/// The engine that reports to a `Sink`.
template <class Sink>
using engine = http2::nghttp2_engine<Sink>;
}  // namespace ringrpc::rpc
