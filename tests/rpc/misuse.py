# SPDX-License-Identifier: MIT
"""misuse.py INCLUDE COMPILER...: misuse of calls and handlers that the compiler has to refuse.

Each row is a misuse, beside the right spelling of the same. One unit has all the right spellings,
another one all the misuses: each of them has errors, with the text that says what to do.
"""

import pathlib
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "coro"))

from must_not_compile import errors_of  # noqa: E402

# `pair` is an aggregate whose members have destructors: g++ 12 destroys it twice where it is built
# in an awaited expression (tests/coro/compiler_table_aggregates.cpp).
PRELUDE = """
#include <cstddef>
#include <span>
#include <string>
#include <ringrpc/rpc/channel.hpp>
#include <ringrpc/rpc/server.hpp>
using namespace ringrpc;
struct pair {
  std::string key;
  std::string value;
};
template <>
struct ringrpc::codec<pair> {
  static std::size_t size(const pair&);
  static void serialise(const pair&, std::span<std::byte>);
  static bool parse(pair&, std::span<const std::byte>);
  static void clear(pair&);
};
using put = unary_method<"/t.S/Put", pair, std::string>;
using list = server_streaming_method<"/t.S/List", pair, std::string>;
using load = client_streaming_method<"/t.S/Load", pair, std::string>;
using talk = bidi_streaming_method<"/t.S/Talk", pair, std::string>;
"""

# Where the text is: in an error about the row's own line, or anywhere, for an assertion of the
# library that no other row fails.
HERE, THERE = "at the line of the misuse", "in the library"

# (where, text, what, misuse, right spelling)
ROWS = [
    (HERE, "deleted", "a request that is an aggregate has a name",
     'task<> f(channel& c) { auto r = co_await c.call<put>(pair{"k", "v"}); }',
     'task<> f(channel& c) { pair p{"k", "v"}; auto r = co_await c.call<put>(p); }'),
    (HERE, "deleted", "also where the reply is filled",
     'task<> f(channel& c, std::string& s) { auto r = co_await c.call<put>(pair{"k", "v"}, s); }',
     'task<> f(channel& c, std::string& s) { const pair p{"k", "v"};'
     " auto r = co_await c.call<put>(p, s); }"),
    (HERE, "deleted", "also where options follow",
     'task<> f(channel& c) { auto r = co_await c.call<put>({"k", "v"},'
     " {.wait_for_ready = true}); }",
     'task<> f(channel& c) { pair p{"k", "v"};'
     " auto r = co_await c.call<put>(p, {.wait_for_ready = true}); }"),
    (HERE, "deleted", "also where the responses are a stream",
     'void f(channel& c) { auto s = c.call<list>(pair{"k", "v"}); }',
     'void f(channel& c) { pair p{"k", "v"}; auto s = c.call<list>(p); }'),
    (HERE, "deleted", "also where it is one of a stream that is written",
     'task<> f(channel& c) { auto s = c.call<load>(); bool q = co_await s.write({"k", "v"}); }',
     'task<> f(channel& c) { auto s = c.call<load>(); pair p{"k", "v"};'
     " bool q = co_await s.write(p); }"),
    (HERE, "deleted", "also where messages go both ways",
     'task<> f(channel& c) { auto s = c.call<talk>(); bool q = co_await s.write({"k", "v"}); }',
     'task<> f(channel& c) { auto s = c.call<talk>(); pair p{"k", "v"};'
     " bool q = co_await s.write(p); }"),
    (THERE, "a unary handler is task<result<Reply>>(server_context&, const Request&)",
     "a unary handler takes no string where the request is a pair",
     "void f(server& s) { s.handle<put>([](server_context&, const std::string& in)"
     " -> result<std::string> { return in; }); }",
     "void f(server& s) { s.handle<put>([](server_context&, const pair& in)"
     " -> result<std::string> { return in.key; }); }"),
    (THERE, "task<status>(server_context&, const Request&, writer<Reply>&)",
     "a server-streaming handler returns a status",
     "void f(server& s) { s.handle<list>([](server_context&, const pair&, writer<std::string>&)"
     " -> task<> { co_return; }); }",
     "void f(server& s) { s.handle<list>([](server_context&, const pair&, writer<std::string>&)"
     " -> task<status> { co_return status{}; }); }"),
    (THERE, "task<result<Reply>>(server_context&, reader<Request>&)",
     "a client-streaming handler takes a reader, no message",
     "void f(server& s) { s.handle<load>([](server_context&, const pair&)"
     " -> task<result<std::string>> { co_return std::string(); }); }",
     "void f(server& s) { s.handle<load>([](server_context&, reader<pair>&)"
     " -> task<result<std::string>> { co_return std::string(); }); }"),
    (THERE, "task<status>(server_context&, reader<Request>&, writer<Reply>&)",
     "a bidirectional handler takes its reader first",
     "void f(server& s) { s.handle<talk>([](server_context&, writer<std::string>&, reader<pair>&)"
     " -> task<status> { co_return status{}; }); }",
     "void f(server& s) { s.handle<talk>([](server_context&, reader<pair>&, writer<std::string>&)"
     " -> task<status> { co_return status{}; }); }"),
]


def unit(bodies):
    """A source in which the file of each row is called by the row's number."""
    return PRELUDE + "".join(f'#line 1 "row_{number}"\nnamespace row_{number} {{ {body} }}\n'
                             for number, body in enumerate(bodies))


def refused(errors, number, where, text):
    """Whether the row has an error with that text."""
    of_row = [line for line in errors.splitlines() if line.startswith(f"row_{number}:")]
    if where == HERE:
        return any(" error: " in line and text in line for line in of_row)
    return bool(of_row) and text in errors


def main(include, *compiler):
    if any("clang" in word for word in compiler):
        compiler += ("-ferror-limit=0",)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        errors = errors_of(compiler, include, folder, unit(right for *_, right in ROWS))
        if errors is not None:
            failures += 1
            print("the right spellings do not compile:", errors, sep="\n")
        errors = errors_of(compiler, include, folder, unit(misuse for *_, misuse, _ in ROWS)) or ""
        for number, (where, text, what, _, _) in enumerate(ROWS):
            right = refused(errors, number, where, text)
            failures += not right
            print(f"{'       ' if right else 'FAILED '}{what}: "
                  f"{'refused' if right else 'not refused'}")
    if failures:
        print(errors)
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
