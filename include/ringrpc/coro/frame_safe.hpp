// SPDX-License-Identifier: MIT
//
// Which types may be written as temporaries in an expression with co_await. g++ 12
// moves what such an expression builds into the coroutine's frame. An aggregate it
// moves there byte by byte, and destroys it twice: as a whole and member by member.
#pragma once

#include <type_traits>

namespace ringrpc {
/// A type whose temporaries survive that: one with a constructor of its own, or one
/// that may be copied byte by byte and whose destructor does nothing. Assert it for
/// every type that users write in an awaited expression, next to its definition:
///
///     static_assert(frame_safe<call_options>);
///
/// It cannot see lambdas: one that captures an object by value is no aggregate,
/// and is destroyed twice all the same. So no interface that is awaited takes one.
template <class T>
concept frame_safe = !std::is_aggregate_v<std::remove_cvref_t<T>> ||
                     std::is_trivially_copyable_v<std::remove_cvref_t<T>>;
}  // namespace ringrpc
