# SPDX-License-Identifier: MIT
"""must_not_compile.py INCLUDE COMPILER...: misuse that the compiler has to refuse.

Each row is a misuse, beside the right spelling of the same, and a text that the errors must have.
A row of GCC_12 is about a defect of g++ 12.2: elsewhere it is only printed what became of it.
"""

import os
import re
import subprocess
import sys
import tempfile

PRELUDE = """
#include <coroutine>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <ringrpc/coro/event.hpp>
#include <ringrpc/coro/frame_safe.hpp>
#include <ringrpc/coro/stop.hpp>
#include <ringrpc/coro/task.hpp>
#include <ringrpc/coro/task_scope.hpp>
#include <ringrpc/coro/when_all.hpp>
#include <ringrpc/ring/remote.hpp>
using namespace ringrpc;
task<int> one();
std::string text_of(int);
task<int> takes_list(std::initializer_list<int>);
task<int> takes_vector(std::vector<std::string>);
task<int> takes_map(std::map<std::string, std::string>);
struct foreign {
  struct promise_type {
    foreign get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
"""

EVERYWHERE, GCC_12 = "everywhere", "g++ 12.2"

# (where, what, misuse, right spelling, text in the errors)
ROWS = [
    (EVERYWHERE, "a task with a name is not awaited by its name alone",
     "task<> f() { task<int> t = one(); const int i = co_await t; static_cast<void>(i); }",
     "task<> f() { task<int> t = one(); const int i = co_await std::move(t);"
     " static_cast<void>(i); }",
     "a task that has a name is awaited by std::move"),
    (EVERYWHERE, "a task is not copied",
     "void f() { task<int> t = one(); task<int> u = t; }",
     "void f() { task<int> t = one(); task<int> u = std::move(t); }",
     "delete"),
    (EVERYWHERE, "a task does not return a reference",
     "task<int&> f();\nusing r = task<int&>::value_type;",
     "task<int*> f();\nusing r = task<int*>::value_type;",
     "return a pointer instead"),
    (EVERYWHERE, "what cannot be awaited is refused with a text",
     "task<> f() { const int i = co_await 5; static_cast<void>(i); }",
     "task<> f() { co_await std::suspend_never(); }",
     "this cannot be awaited"),
    (EVERYWHERE, "co_return does not call explicit constructors, here one that sets a length",
     "task<std::vector<int>> f() { co_return 5; }",
     "task<std::vector<int>> f() { co_return std::vector<int>(5); }",
     "return_value"),
    (EVERYWHERE, "co_return does not take over a bare pointer",
     "task<std::unique_ptr<int>> f(int* p) { co_return p; }",
     "task<std::unique_ptr<int>> f(int* p) { co_return std::unique_ptr<int>(p); }",
     "return_value"),
    (EVERYWHERE, "a task that is neither awaited nor kept is a warning",
     "void f() { one(); }",
     "void f() { task<int> t = one(); }",
     "nodiscard"),
    (EVERYWHERE, "a wait that is not awaited is a warning",
     "void f(event& e) { e.wait(); }",
     "task<> f(event& e) { const bool set = co_await e.wait(); static_cast<void>(set); }",
     "nodiscard"),
    (EVERYWHERE, "the waiter of an event does not move",
     "void f(event& e) { event::waiter a = e.wait(); event::waiter b = std::move(a); }",
     "void f(event& e) { event::waiter a = e.wait(); static_cast<void>(a); }",
     "delete"),
    (EVERYWHERE, "an event is not copied",
     "void f(event& e) { event copy = e; }",
     "void f(event& e) { event& same = e; static_cast<void>(same); }",
     "delete"),
    (EVERYWHERE, "a stop source is not copied",
     "void f(stop_source& s) { stop_source copy = s; }",
     "void f(stop_source& s) { stop_token token = s.token(); static_cast<void>(token); }",
     "delete"),
    (EVERYWHERE, "a scope takes tasks, no lambdas",
     "void f(task_scope& s) { s.spawn([]() -> task<> { co_return; }); }",
     "void f(task_scope& s) { s.spawn([]() -> task<> { co_return; }()); }",
     "spawn"),
    (EVERYWHERE, "a scope takes no task whose result would be lost",
     "void f(task_scope& s) { s.spawn(one()); }",
     "task<> g() { co_return; }\nvoid f(task_scope& s) { s.spawn(g()); }",
     "task"),
    (EVERYWHERE, "work that is posted to a ring gives no task, which nobody would run",
     "void f(const remote_handle& r) { static_cast<void>(r.post([] { return one(); })); }",
     "void f(const remote_handle& r) { static_cast<void>(r.post([] { return 1; })); }",
     "spawn it inside"),
    (EVERYWHERE, "when_all takes no task that keeps its name",
     "task<> f() { task<int> t = one(); auto r = co_await when_all(t, one()); }",
     "task<> f() { task<int> t = one(); auto r = co_await when_all(std::move(t), one()); }",
     "delete"),
    (EVERYWHERE, "an event is not awaited in a coroutine that runs on no ring",
     "foreign f(event& e) { const bool set = co_await e.wait(); static_cast<void>(set); }",
     "task<> f(event& e) { const bool set = co_await e.wait(); static_cast<void>(set); }",
     "such as ringrpc::task"),
    (EVERYWHERE, "an options type with a text fails its assertion",
     "struct o { std::string s; };\nstatic_assert(frame_safe<o>);",
     "struct o { const std::string* s = nullptr; };\nstatic_assert(frame_safe<o>);",
     "static assertion failed"),
    (EVERYWHERE, "a task yields nothing",
     "task<> f() { co_yield 1; }",
     "task<> f() { co_return; }",
     "yield_value"),
    # PR 103871: an initialiser list in an awaited expression.
    (GCC_12, "f({1, 2, 3}) for a parameter std::initializer_list",
     "task<> f() { const int i = co_await takes_list({1, 2, 3}); static_cast<void>(i); }",
     "task<> f() { auto t = takes_list({1, 2, 3}); const int i = co_await std::move(t);"
     " static_cast<void>(i); }",
     "array used as initializer"),
    (GCC_12, "f({a, b}) for a parameter std::vector",
     'task<> f() { const int i = co_await takes_vector({"a", "b"}); static_cast<void>(i); }',
     'task<> f() { std::vector<std::string> v{"a", "b"};'
     " const int i = co_await takes_vector(std::move(v)); static_cast<void>(i); }",
     "array used as initializer"),
    (GCC_12, "f(std::vector<T>{a, b})",
     "task<> f() { const int i = co_await takes_vector(std::vector<std::string>{text_of(1),"
     " text_of(2)}); static_cast<void>(i); }",
     "task<> f() { std::vector<std::string> v{text_of(1), text_of(2)};"
     " const int i = co_await takes_vector(std::move(v)); static_cast<void>(i); }",
     "array used as initializer"),
    (GCC_12, "f({{k, v}, {k, v}}) for a parameter std::map",
     'task<> f() { const int i = co_await takes_map({{"k", "v"}, {"l", "w"}});'
     " static_cast<void>(i); }",
     'task<> f() { std::map<std::string, std::string> m{{"k", "v"}, {"l", "w"}};'
     " const int i = co_await takes_map(std::move(m)); static_cast<void>(i); }",
     "array used as initializer"),
]

# clang 22 says unused-value of a type that is [[nodiscard]], others unused-result.
FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-unused", "-Werror=unused-result",
         "-Werror=unused-value", "-c", "-o", os.devnull]


def is_gcc_12(compiler):
    macros = subprocess.run([*compiler, "-dM", "-E", "-x", "c++", os.devnull], check=True,
                            capture_output=True, text=True).stdout
    version = dict(re.findall(r"#define (__GNUC__|__GNUC_MINOR__|__clang__) (\d+)", macros))
    number = (version["__GNUC__"], version["__GNUC_MINOR__"])
    return "__clang__" not in version and number == ("12", "2")


def errors_of(compiler, include, folder, source):
    path = os.path.join(folder, "snippet.cpp")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    result = subprocess.run([*compiler, *FLAGS, "-I", include, path], check=False,
                            capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return result.stderr if result.returncode != 0 else None


def main(include, *compiler):
    recorded = is_gcc_12(compiler)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        right = "".join(f"namespace row_{n} {{\n{row[3]}\n}}\n" for n, row in enumerate(ROWS))
        errors = errors_of(compiler, include, folder, PRELUDE + right)
        if errors is not None:
            failures += 1
            print("the right spellings do not compile:", errors, sep="\n")
        for where, what, misuse, _, text in ROWS:
            errors = errors_of(compiler, include, folder, PRELUDE + misuse + "\n")
            if errors is None:
                outcome = "compiles"
            elif text not in errors:
                outcome = f"refused, but without '{text}'"
            else:
                outcome = "refused"
            wrong = outcome != "refused" and (where == EVERYWHERE or recorded)
            failures += wrong
            print(f"{'FAILED ' if wrong else '       '}{what}: {outcome}")
            if wrong and errors:
                print(errors)
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
