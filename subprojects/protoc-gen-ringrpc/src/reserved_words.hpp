// SPDX-License-Identifier: MIT
//
// Words that a service or method of a .proto may be called, and that its C++
// namespace, alias or member may not. names.hpp has the rule that uses them.
#pragma once

#include <array>
#include <string_view>

namespace ringrpc::generator {
/// For services and methods.
inline constexpr auto reserved_words = std::to_array<std::string_view>({
    // Keywords, C++20 [lex.key].
    "alignas", "alignof", "asm", "auto", "bool", "break", "case", "catch", "char", "char8_t",
    "char16_t", "char32_t", "class", "concept", "const", "consteval", "constexpr", "constinit",
    "const_cast", "continue", "co_await", "co_return", "co_yield", "decltype", "default", "delete",
    "do", "double", "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false",
    "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable", "namespace", "new",
    "noexcept", "nullptr", "operator", "private", "protected", "public", "register",
    "reinterpret_cast", "requires", "return", "short", "signed", "sizeof", "static",
    "static_assert", "static_cast", "struct", "switch", "template", "this", "thread_local",
    "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using",
    "virtual", "void", "volatile", "wchar_t", "while",
    // Alternative tokens, C++20 [lex.digraph].
    "and", "and_eq", "bitand", "bitor", "compl", "not", "not_eq", "or", "or_eq", "xor", "xor_eq",
    // A keyword of C++26, and one of g++ and clang in their gnu modes.
    "contract_assert", "typeof",
    // Words with a meaning in some places: a line may begin with a namespace's name, and `import`
    // or `module` there begins a directive (C++20 [cpp.pre]); the others for one rule.
    "final", "import", "module", "override",
    // Macros of the headers that ringrpc and protobuf include (`unix` and `linux` in gnu++20).
    "alloca", "assert", "EOF", "errno", "INFINITY", "linux", "major", "makedev", "minor", "NAN",
    "NULL", "OF", "offsetof", "stderr", "stdin", "stdout", "unix",
    // Namespaces that the generated code of protobuf or ours, or the user, must still reach.
    "google", "grpc", "ringrpc", "std",
    // Names of this generator's own making, in a service's namespace and classes.
    "bind", "ringrpc_bind", "service", "stub"});
}  // namespace ringrpc::generator
