// SPDX-License-Identifier: MIT
//
// In front of the header of the same name: here the scripted engine is behind every
// connection, and nothing of nghttp2 is compiled.
#pragma once

#include "../../../../../http2/scripted_engine.hpp"

namespace ringrpc::rpc {
template <class Sink>
using engine = http2::test::scripted_engine<Sink>;
}  // namespace ringrpc::rpc
