// SPDX-License-Identifier: MIT
//
// Which types may be written as temporaries in an expression with co_await. g++ 12
// moves what such an expression builds into the coroutine's frame, and destroys an
// aggregate that it moved there twice: once as a whole and once member by member.
#pragma once

#include <type_traits>

namespace ringrpc {
/// A type whose temporaries g++ 12 destroys once: one with a constructor of its
/// own, or one whose destructor does nothing. Assert it for every type that users
/// write in an awaited expression, next to the type's definition:
///
///     static_assert(frame_safe<call_options>);
///
/// It cannot see lambdas: one that captures an object by value is no aggregate,
/// and is destroyed twice all the same. So no interface that is awaited takes one.
template <class T>
concept frame_safe = !std::is_aggregate_v<std::remove_cvref_t<T>> ||
                     std::is_trivially_destructible_v<std::remove_cvref_t<T>>;
}  // namespace ringrpc
