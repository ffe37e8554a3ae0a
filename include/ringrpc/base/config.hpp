// SPDX-License-Identifier: MIT
//
// The feature switches, and the name that keeps units with different switches
// apart. A switch that is not defined is 0.
#pragma once

/// 1 where messages may be compressed with zlib, which the program then links.
#ifndef RINGRPC_WITH_ZLIB
#define RINGRPC_WITH_ZLIB 0
#endif

// The inline namespace of everything whose meaning depends on a switch, and of all
// that is built on it: `namespace ringrpc::inline RINGRPC_ABI`. It is part of every
// mangled name, so two units with different switches do not link into one program
// that would break silently: the linker misses the symbol of the other spelling.
// A second namespace `detail` in there would be ambiguous with `ringrpc::detail`:
// write `namespace ringrpc::detail::inline RINGRPC_ABI`.
#if RINGRPC_WITH_ZLIB
#define RINGRPC_ABI abi_z1
#else
#define RINGRPC_ABI abi_z0
#endif
