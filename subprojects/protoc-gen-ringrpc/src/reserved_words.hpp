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
    // Macros of the headers that ringrpc and protobuf include (`unix` and `linux` in gnu++20), and
    // of zlib.h, as far as identifier() does not know them by their form.
    "AF_DECnet", "alloca", "assert", "assert_perror", "be16toh", "be32toh", "be64toh",
    "bswap_16", "bswap_32", "bswap_64", "deflateInit", "deflateInit2", "errno",
    "fscrypt_policy", "gzgetc", "htobe16", "htobe32", "htobe64", "htole16", "htole32",
    "htole64", "inflateBackInit", "inflateInit", "inflateInit2", "io_uring_cqe_index",
    "io_uring_cqe_shift", "io_uring_for_each_cqe", "issubnormal", "L_ctermid", "L_cuserid",
    "L_tmpnam", "le16toh", "le32toh", "le64toh", "linux", "major", "makedev",
    "math_errhandling", "minor", "OF", "offsetof", "P_tmpdir", "PF_DECnet",
    "pthread_cleanup_pop", "pthread_cleanup_pop_restore_np", "pthread_cleanup_push",
    "pthread_cleanup_push_defer_np", "s6_addr", "s6_addr16", "s6_addr32", "sa_handler",
    "sa_sigaction", "sched_priority", "si_addr",
    "si_addr_lsb", "si_arch", "si_band", "si_call_addr", "si_fd", "si_int", "si_lower",
    "si_overrun", "si_pid", "si_pkey", "si_ptr", "si_status", "si_stime", "si_syscall",
    "si_timerid", "si_uid", "si_upper", "si_utime", "si_value", "sigev_notify_attributes",
    "sigev_notify_function", "sigmask", "st_atime", "st_ctime", "st_mtime", "stderr", "stdin",
    "stdout", "strdupa", "strndupa", "unix", "uring_likely", "uring_unlikely", "va_arg",
    "va_copy", "va_end", "va_start", "z_const", "z_off64_t", "z_off_t", "zlib_version",
    // Namespaces that the generated code of protobuf or ours, or the user, must still reach.
    "google", "grpc", "ringrpc", "std",
    // Names of this generator's own making, in a service's namespace and classes.
    "bind", "ringrpc_bind", "service", "stub"});

/// Beginnings that whole families of macros have (<math.h>, <inttypes.h>, <sys/syscall.h>).
inline constexpr auto reserved_beginnings =
    std::to_array<std::string_view>({"M_", "PRI", "SCN", "SYS_"});
}  // namespace ringrpc::generator
