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
