# SPDX-License-Identifier: MIT
"""Each check of this folder must find what it is for: sound trees pass, planted breaches do not."""

import os
import sys
import tempfile
import unittest
import unittest.mock

_tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path += [_tests, os.path.join(_tests, "consumer")]

import compilers
import count
import headers
import layers
import sources
import spellings
import style
import user_flags
import wire_rules
import wraps

HEADER = """// SPDX-License-Identifier: MIT
//
// A header of the planted tree.
#pragma once

{includes}
namespace ringrpc {{
{body}
}}  // namespace ringrpc
"""

TEST = "// SPDX-License-Identifier: MIT\n#include <ringrpc/{0}.hpp>\n"

VERSION = """inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;
inline constexpr const char* version_text = "0.1.0";"""

WRAP = """[wrap-file]
directory = thing-1.0
source_url = https://example.com/thing-1.0.tar.gz
source_filename = thing-1.0.tar.gz
source_hash = {hash}
patch_filename = thing_1.0-2_patch.zip
patch_url = https://wrapdb.mesonbuild.com/v2/thing_1.0-2/get_patch
patch_hash = {hash}
wrapdb_version = 1.0-2

[provide]
dependency_names = thing
""".format(hash="0123456789abcdef" * 4)


def header(includes=(), body=""):
    return HEADER.format(includes="".join(f"#include <{i}>\n" for i in includes), body=body)


class WireRules(unittest.TestCase):
    ROW = '| {0} | says | `tests/a.cpp` "one", "two" |\n'

    def problems(self, table):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "tests"))
            for name, text in {
                "a.cpp": 'TEST_CASE("one") {}\nTEST_CASE(\n    "tw"\n    "o") {}\n',
                "wire_rules.md": table,
            }.items():
                with open(os.path.join(root, "tests", name), "w", encoding="utf-8") as file:
                    file.write(text)
            return list(wire_rules.problems(wire_rules.Path(root)))

    def test_a_row_for_each_rule_with_tests_that_exist(self):
        whole = "".join(self.ROW.format(rule) for rule in sorted(wire_rules.RULES))
        self.assertEqual(self.problems(whole), [])
        self.assertEqual(self.problems(whole.replace(self.ROW.format(7), "")),
                         ["tests/wire_rules.md: rule 7 has no row"])
        self.assertEqual(self.problems(whole + self.ROW.format(7)),
                         ["tests/wire_rules.md: rule 7 has two rows"])
        without = whole.replace(self.ROW.format(7), "| 7 | says | `tests/a.cpp` |\n")
        self.assertEqual(self.problems(without), ["tests/wire_rules.md: rule 7 has no test"])
        renamed = whole.replace(self.ROW.format(7), '| 7 | says | `tests/a.cpp` "three" |\n')
        self.assertEqual(self.problems(renamed),
                         ['tests/wire_rules.md: rule 7: tests/a.cpp has no test "three"'])
        moved = whole.replace(self.ROW.format(7), '| 7 | says | `tests/b.cpp` "one" |\n')
        self.assertEqual(self.problems(moved),
                         ["tests/wire_rules.md: rule 7: there is no tests/b.cpp"])


class Planted(unittest.TestCase):
    """A small sound tree in a folder of its own; a test plants one breach and looks who notices."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.plant("meson.build",
                   "# SPDX-License-Identifier: MIT\nproject('x', 'cpp',\n  version: '0.1.0')\n")
        for name, includes in (("base/a", ["cstddef"]), ("coro/b", ["ringrpc/base/a.hpp"]),
                               ("ring/c", ["liburing.h", "ringrpc/coro/b.hpp"]),
                               ("http2/d", ["ringrpc/base/a.hpp"])):
            function = f"inline int {name[-1]}() {{ return 0; }}"
            self.plant(f"include/ringrpc/{name}.hpp", header(includes, function))
            self.plant(f"tests/{name}.cpp", TEST.format(name))
            area = os.path.dirname(name)
            self.plant(f"tests/{area}/meson.build",
                       f"# SPDX-License-Identifier: MIT\narea_sources += files('{name[-1]}.cpp')\n")
        self.plant("include/ringrpc/version.hpp", header(body=VERSION))
        self.umbrella("base/a", "coro/b", "ring/c", "http2/d")
        for name in ("version", "ringrpc"):
            self.plant(f"tests/top/{name}.cpp", TEST.format(name))
        self.plant("tests/top/meson.build", "# SPDX-License-Identifier: MIT\n"
                   "area_sources += files('version.cpp', 'ringrpc.cpp')\n")

    def umbrella(self, *names):
        lines = ["ringrpc/version.hpp"] + [f"ringrpc/{name}.hpp" for name in names]
        self.plant("include/ringrpc/ringrpc.hpp", header(lines))

    def plant(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def assert_found(self, problems, *parts):
        """One of the problems has all these parts; the list is not just long."""
        hits = [p for p in problems if all(part in p for part in parts)]
        self.assertTrue(hits, f"none has {parts}: {problems}")
        self.assertLessEqual(len(problems), 3, problems)


class Layers(Planted):
    def test_a_sound_tree_has_no_problem(self):
        self.assertEqual(layers.check(self.root), [])

    def test_a_lower_layer_must_not_include_a_higher_one(self):
        self.plant("include/ringrpc/base/low.hpp", header(["ringrpc/coro/b.hpp"]))
        self.umbrella("base/low", "base/a", "coro/b", "ring/c", "http2/d")
        self.assert_found(layers.check(self.root), "base/low.hpp:6", "base must not include coro")

    def test_a_layer_beside_is_not_a_layer_below(self):
        self.plant("include/ringrpc/http2/d.hpp", header(["ringrpc/ring/c.hpp"]))
        self.assert_found(layers.check(self.root), "http2/d.hpp", "http2 must not include ring")

    def test_libraries_stay_in_their_layer(self):
        for name in ("liburing.h", "nghttp2/nghttp2.h", "zlib.h", "google/protobuf/message.h"):
            self.plant("include/ringrpc/coro/b.hpp", header([name]))
            self.assert_found(layers.check(self.root), "coro/b.hpp:6", f"<{name}> is for")

    def test_an_unknown_library_is_refused(self):
        self.plant("include/ringrpc/ring/c.hpp", header(["boost/asio.hpp"]))
        self.assert_found(layers.check(self.root), "boost/asio.hpp")

    def test_the_system_is_for_ring_and_transport(self):
        self.plant("include/ringrpc/http2/d.hpp", header(["sys/socket.h"]))
        self.assert_found(layers.check(self.root), "http2/d.hpp", "sys/socket.h")

    def test_quotes_and_missing_headers_are_refused(self):
        self.plant("include/ringrpc/http2/d.hpp", header() + '#include "../base/a.hpp"\n')
        self.assert_found(layers.check(self.root), "http2/d.hpp", "write <ringrpc/...>")
        self.plant("include/ringrpc/http2/d.hpp", header(["ringrpc/base/gone.hpp"]))
        self.assert_found(layers.check(self.root), "does not exist")

    def test_nobody_includes_the_umbrella(self):
        self.plant("include/ringrpc/http2/d.hpp", header(["ringrpc/ringrpc.hpp"]))
        self.assert_found(layers.check(self.root), "http2/d.hpp", "only users include the umbrella")

    def test_a_cycle_is_found(self):
        self.plant("include/ringrpc/base/a.hpp", header(["ringrpc/base/z.hpp"]))
        self.plant("include/ringrpc/base/z.hpp", header(["ringrpc/base/a.hpp"]))
        self.assert_found(layers.check(self.root), "base/z.hpp", "includes itself")

    def test_a_header_may_include_its_bodies(self):
        self.plant("include/ringrpc/base/a.hpp",
                   header(["ringrpc/base/a_first.hpp", "ringrpc/base/a_second.hpp"]))
        for name in ("a_first", "a_second"):
            self.plant(f"include/ringrpc/base/{name}.hpp", header(["ringrpc/base/a.hpp"]))
        self.assertEqual(layers.check(self.root), [])

    def test_the_umbrella_has_all_in_order(self):
        self.umbrella("base/a", "coro/b", "ring/c")
        self.assert_found(layers.check(self.root), "does not bring <ringrpc/http2/d.hpp>")
        self.umbrella("coro/b", "base/a", "ring/c", "http2/d")
        self.assert_found(layers.check(self.root), "not in the order of layers")

    def test_the_umbrella_does_not_bring_protobuf(self):
        self.plant("include/ringrpc/rpc/protobuf.hpp", header(["google/protobuf/message.h"]))
        self.assertEqual(layers.check(self.root), [])
        self.plant("include/ringrpc/rpc/other.hpp", header(["ringrpc/rpc/protobuf.hpp"]))
        self.umbrella("base/a", "coro/b", "ring/c", "http2/d", "rpc/other")
        self.assert_found(layers.check(self.root), "brings <ringrpc/rpc/protobuf.hpp>")

    def test_a_folder_without_a_rule_is_refused(self):
        self.plant("include/ringrpc/extra/e.hpp", header())
        self.assert_found(layers.check(self.root), "extra/e.hpp", "no such layer")


class Style(Planted):
    def found(self, *parts):
        self.assert_found(style.check(self.root), *parts)

    def test_a_sound_tree_has_no_problem(self):
        self.assertEqual(style.check(self.root), [])

    def test_the_licence_line(self):
        self.plant("tests/base/a.cpp", "#include <ringrpc/base/a.hpp>\n")
        self.found("tests/base/a.cpp:1", "SPDX")

    def test_the_purpose_and_the_guard(self):
        text = header()
        purpose = "//\n// A header of the planted tree.\n"
        self.plant("include/ringrpc/base/a.hpp", text.replace(purpose, ""))
        self.found("base/a.hpp", "purpose")
        self.plant("include/ringrpc/base/a.hpp", text.replace("#pragma once", ""))
        self.found("base/a.hpp", "pragma once")

    def test_columns_tabs_and_ends(self):
        text = TEST.format("base/a")
        for bad, name in (("// " + "x" * 98 + "\n", "columns"), ("\tint x;\n", "tab"),
                          ("int x; \n", "white space"), ("\n", "newline"), ("int x;", "newline")):
            self.plant("tests/base/a.cpp", text + bad)
            self.found("tests/base/a.cpp", name)
        self.plant("tests/base/a.cpp", text + "// " + "x" * 97 + "\n")
        self.assertEqual(style.check(self.root), [])

    def test_heavy_includes(self):
        for name in style.HEAVY:
            self.plant("include/ringrpc/base/a.hpp", header([name]))
            self.found("base/a.hpp:6", f"<{name}> is too heavy")

    def test_the_order_of_includes(self):
        self.plant("include/ringrpc/coro/b.hpp", header(["ringrpc/base/a.hpp", "cstddef"]))
        self.found("coro/b.hpp:7", "order of includes")

    def test_what_differs_between_units(self):
        for bad, name in (("static int x() { return 1; }", "static"),
                          ("namespace {\n}", "anonymous"),
                          ("constexpr int x = 1;", "inline constexpr"),
                          ("using namespace std;", "using namespace"),
                          ("#define RINGRPC_X 1", "leaks")):
            self.plant("include/ringrpc/base/a.hpp", header(body=bad))
            self.found("base/a.hpp:8", name)

    def test_what_does_not_differ(self):
        for good in ("static_assert(true);", "constexpr int f() { return 1; }",
                     "inline constexpr int x = 1;", "#define RINGRPC_WITH_X 0",
                     "#define RINGRPC_Y 1\n#undef RINGRPC_Y"):
            self.plant("include/ringrpc/base/a.hpp", header(body=good))
            self.assertEqual(style.check(self.root), [], good)

    def test_the_clock_is_the_rings(self):
        body = "inline auto now() { return std::chrono::steady_clock::now(); }"
        self.plant("include/ringrpc/http2/d.hpp", header(["chrono"], body))
        self.found("http2/d.hpp", "come from the ring")
        self.plant("include/ringrpc/http2/d.hpp", header())
        self.plant("include/ringrpc/ring/c.hpp", header(["chrono"], body))
        self.assertEqual(style.check(self.root), [])

    def test_a_header_without_a_test(self):
        self.plant("include/ringrpc/base/new.hpp", header())
        self.found("base/new.hpp", "tests/base/new.cpp is missing")
        self.plant("tests/base/new.cpp", TEST.format("base/a"))
        self.plant("tests/base/meson.build",
                   "# SPDX-License-Identifier: MIT\narea_sources += files('a.cpp', 'new.cpp')\n")
        self.found("base/new.hpp", "must include <ringrpc/base/new.hpp> first")

    def test_a_test_that_is_not_built(self):
        self.plant("tests/base/more.cpp", TEST.format("base/a"))
        self.found("tests/base/more.cpp", "is not built")

    def test_a_test_that_sleeps(self):
        self.plant("tests/base/a.cpp", TEST.format("base/a") + "void f() { usleep(1); }\n")
        self.found("tests/base/a.cpp:3", "does not sleep")

    def test_paths_of_a_machine(self):
        self.plant("README.md", "Look into /home/" + "somebody/x.\n")
        self.found("README.md:1", "machine")

    def test_long_examples(self):
        self.plant("examples/a.cpp", TEST.format("base/a") + "//\n" * 77)
        self.assertEqual(style.check(self.root), [])
        self.plant("examples/a.cpp", TEST.format("base/a") + "//\n" * 78)
        self.found("examples/a.cpp:80", "80 lines")

    def test_the_version(self):
        other_text = VERSION.replace("0.1.0", "0.1.1")
        other_number = VERSION.replace("minor = 1", "minor = 2")
        for bad in (other_text, other_number, ""):
            self.plant("include/ringrpc/version.hpp", header(body=bad))
            self.found("version.hpp")
        self.plant("include/ringrpc/version.hpp", header(body=VERSION))
        self.plant("subprojects/protoc-gen-ringrpc/meson.build",
                   "# SPDX-License-Identifier: MIT\nproject('y', 'cpp',\n  version: '0.1.1')\n")
        self.found("protoc-gen-ringrpc/meson.build says version 0.1.1")


class Wraps(unittest.TestCase):
    def test_the_published_form_has_no_problem(self):
        self.assertEqual(wraps.check_wrap(WRAP), [])
        lines = [line for line in WRAP.split("\n") if not line.startswith("patch_")]
        self.assertEqual(wraps.check_wrap("\n".join(lines)), [])

    def test_breaches(self):
        for old, new, problem in (
            ("source_hash = 0", "source_hash = g", "source_hash is not 64"),
            ("patch_hash = 0", "patch_hash = ", "patch_hash is not 64"),
            ("https://example", "http://example", "source_url is not https"),
            ("directory = thing-1.0\n", "", "has no directory"),
            ("patch_hash = " + "0123456789abcdef" * 4 + "\n", "", "has no patch_hash"),
            ("wrapdb.mesonbuild.com", "example.com", "not WrapDB's"),
            ("wrapdb_version = 1.0-2", "wrapdb_version = 1.0-3", "another wrapdb_version"),
            ("[provide]\ndependency_names = thing\n", "", "has no [provide]"),
            ("[wrap-file]", "[wrap-git]", "has no [wrap-file]"),
            ("[wrap-file]", "wrap-file", "does not parse"),
        ):
            broken = WRAP.replace(old, new)
            self.assertNotEqual(broken, WRAP)
            self.assertTrue(any(problem in p for p in wraps.check_wrap(broken)), (new, problem))

    def test_a_missing_wrap_is_noticed(self):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "subprojects"))
            self.assertEqual(len(wraps.check(root)), len(wraps.NEEDED))


class Headers(Planted):
    """These start compilers; two trees are enough."""

    def test_a_sound_tree_has_no_problem_and_is_remembered(self):
        cache = os.path.join(self.root, "cache.json")
        self.assertEqual(headers.check(self.root, cache), [])
        known = headers.Cache(cache).known
        per_compiler = len(sources.headers(self.root)) + len(headers.LINK_FLAGS)
        self.assertEqual(len(known), per_compiler * len(compilers.installed()))

    def test_breaches_are_found_by_each_compiler(self):
        for name, body in (("needy", "inline std::size_t x() { return 0; }"),
                           ("loud", "inline short narrow(int i) { short s = i; return s; }"),
                           ("twice", "int defined_twice() { return 1; }")):
            self.plant(f"include/ringrpc/base/{name}.hpp", header(body=body))
        problems = headers.check_alone(self.root, headers.Cache(None))
        for _, command in compilers.installed():
            for name in ("needy", "loud"):
                start = f"include/ringrpc/base/{name}.hpp: does not compile alone with {command}:"
                self.assertTrue(any(p.startswith(start) for p in problems), (start, problems))
        self.assertEqual(len(problems), 2 * len(compilers.installed()), problems)

        for name in ("needy", "loud"):
            os.remove(os.path.join(self.root, f"include/ringrpc/base/{name}.hpp"))
        problems = headers.check_link(self.root, headers.Cache(None))
        self.assertEqual(len(problems), 2 * len(compilers.installed()), problems)
        for problem in problems:
            self.assertIn("defined_twice", problem)


class UserFlags(Planted):
    def test_what_only_the_flags_of_others_show_is_found(self):
        first_jobs = {name: jobs[:1] for name, jobs in user_flags.JOBS.items()}
        self.enterContext(unittest.mock.patch.object(user_flags, "JOBS", first_jobs))
        self.plant("tests/consumer/plain/main.cpp", "int main() { return ringrpc::a(); }\n")
        self.assertEqual(user_flags.check(self.root), [])
        self.plant("include/ringrpc/base/a.hpp", header(body="""/// @throws int
inline int a(int x = 0) { return static_cast<int>(x); }"""))
        self.assertEqual(headers.check_alone(self.root, headers.Cache(None)), [])
        problems = user_flags.check(self.root)
        word = {"g++": "useless-cast", "clang++": "-Wdocumentation"}
        for name, command in compilers.installed():
            of_this = [p for p in problems if p.startswith(command + " ")]
            self.assertEqual(len(of_this), 1, problems)
            self.assertIn(word[name], of_this[0])


GOOD = """
task<int> f(call& c, options o) {
  bool sent = co_await c.write(1);
  if (!sent) co_return 1;
  if (bool ok = co_await c.write(2)) co_return 2;
  if (bool ok{co_await c.write(2)}) co_return 2;
  if (auto r = co_await c.read(); !r) co_return 3;
  while (const event* e = co_await c.read()) use(*e);
  while (ns::item<int, long>* e = co_await c.read()) { use(*e); }
  for (auto& x : co_await c.all()) use(x);
  for (int i = co_await c.first(); i < 3; ++i) use(i);
  do { sent = co_await c.write(3); } while (sent);
  auto reply = co_await c.call(request, {.timeout = 200ms});
  auto other = co_await c.call(request, call_options{.timeout = 200ms, .parent = &ctx});
  co_await sleep_for(milliseconds{5});
  co_await c.write(std::span{data, size});
  auto head = co_await c.call(request, {});
  co_await f([](int x) { return x; }, [&] { return 1; }, [this, &c] { c.go(); });
  auto [a, b] = plain();
  int n = flag ? 1 : 2;
  result<int> value{co_await c.get()};
  auto coroutine = [x, y = 2](int z) -> task<std::pair<int, int>> {
    auto r = co_await c.get(z);
    co_return std::pair{r, x};
  };
  [[maybe_unused]] int used = co_await c.get();
  std::vector<int> list{1, 2, 3};
  co_return static_cast<int>(co_await c.get());
}
// if (co_await comment()) {}
const char* text = "if (co_await text())";
const char* raw = R"x(while (co_await raw()) {)x";
#define IN_A_MACRO if (co_await macro())
struct base : a<int, int>, b { int x{1}; task<void> run() { co_await g(); } };
struct other { other() : x_{1}, y_{2, 3} { start(); } };
struct more { task<int> m() const&& { co_return co_await g(); } };
template <class T> requires c<T> task<T> h(T t) noexcept { co_return co_await t; }
template <class T> concept awaitable = requires(T t) { t.await_ready(); };
enum class kind : int { one, two };
"""

# One breach each, with the word its message must have.
BAD = (
    ("if (co_await x()) y();", "`if`"),
    ("if (!co_await x()) y();", "`if`"),
    ("if (a && co_await x()) y();", "`if`"),
    ("if ((co_await x()).ok()) y();", "`if`"),
    ("if (ok = co_await x()) y();", "`if`"),
    ("if (s.ok = co_await x()) y();", "`if`"),
    ("if (int n = 1; co_await x(n)) y();", "`if`"),
    ("if (a) b(); else if (co_await x()) y();", "`if`"),
    ("while (co_await x()) y();", "`while`"),
    ("while (co_await x()) { y(); }", "`while`"),
    ("do { y(); } while (co_await x());", "`while`"),
    ("switch (co_await x()) { case 1: break; }", "`switch`"),
    ("for (int i = 0; co_await x(i); ++i) y();", "`for`"),
    ("auto v = b ? co_await x() : co_await y();", "if and else"),
    ("auto v = (co_await x()) ? y{} : z{};", "if and else"),
    ("auto v = co_await (b ? x() : y());", "if and else"),
    ("use(1, b ? 2 : co_await x());", "if and else"),
    ("co_return b ? co_await x() : 0;", "if and else"),
    ("co_await f({1, 2, 3});", "name what you build"),
    ("co_await f({{\"k\", \"v\"}});", "name what you build"),
    ("co_await f(std::vector<int>{1});", "name what you build"),
    ("co_await f(std::array<std::string, 2>{a, b});", "name what you build"),
    ("co_await f(request{name, 3});", "name what you build"),
    ("co_await f(request{.name = name});", "name what you build"),
    ("auto r = pair_of{co_await x(), co_await y()};", "name what you build"),
    ("pair_of r{co_await x(), co_await y()};", "name what you build"),
    ("co_return reply{co_await x(), 1};", "name what you build"),
    ("co_yield {1, 2};", "name what you build"),
    ("if (auto r = co_await f({1, 2}); r) y();", "name what you build"),
    ("co_await f([s] { return s; });", "lambda"),
    ("co_await f([=] { return s; });", "lambda"),
    ("co_await f([&, s] { return s; });", "lambda"),
    ("co_await f([s = std::move(s)]() mutable -> task<void> { co_return; });", "lambda"),
    ("co_await f([*this] { return 1; });", "lambda"),
    ("co_await [s]() -> task<int> { co_return s; }();", "lambda"),
    ("auto [a, b] = co_await x();", "structured binding"),
    ("const auto& [a, b] = co_await x();", "structured binding"),
)


class Spellings(unittest.TestCase):
    def test_good_spellings_pass(self):
        self.assertEqual(spellings.check_text(GOOD), [])

    def test_each_bad_spelling_is_found(self):
        for around in ("task<int> f() {{ {} }}",
                       "auto l = [&](x<int, int> y) -> task<p<int, int>> {{ {} }};",
                       "TEST_CASE(\"t\") {{ run([&]() -> task<void> {{ {} }}()); }}",
                       "struct s : a<b, c>, d {{ task<int> f() override {{ {} }} }};"):
            for bad, word in BAD:
                found = spellings.check_text("\n" + around.format(bad))
                self.assertEqual(len(found), 1, (around.format(bad), found))
                self.assertEqual(found[0][0], 2, bad)
                self.assertIn(word, found[0][1], bad)

    def test_a_test_of_the_compiler_may_turn_it_off(self):
        bad = "if (co_await x()) y();\n"
        text = f"void f() {{\n// spellings: off\n{bad}// spellings: on\n{bad}}}"
        self.assertEqual([line for line, _ in spellings.check_text(text)], [5])

    def test_examples_in_pages_are_read(self):
        bad = "if (co_await x()) y();\n"
        page = f"{bad}```cpp\nint x;\n{bad}```\n```\n{bad}```\n"
        self.assertEqual([line for line, _ in spellings.check_markdown(page)], [4])

    def test_files_are_found(self):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "examples"))
            for name in ("examples/a.cpp", "examples/b.hpp"):
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write("task<int> f() {\n  if (co_await x()) co_return 1;\n}\n")
            self.assertEqual([p.split(": ")[0] for p in spellings.check(root)],
                             ["examples/a.cpp:2", "examples/b.hpp:2"])


class Count(unittest.TestCase):
    def test_cases_of_doctest_and_other_tests_add_up(self):
        summary = "[doctest] test cases:  {} |  {} passed | {} failed | 0 skipped\n"
        for result, stdout, expected in (
            ("OK", summary.format(7, 7, 0), (7, 0)),
            ("FAIL", summary.format(7, 5, 2), (5, 2)),
            ("FAIL", summary.format(7, 7, 0), (7, 1)),  # a sanitizer at the end
            ("TIMEOUT", "", (0, 1)),
            ("OK", summary.format(0, 0, 0), (0, 1)),  # a filter that matches nothing
            ("OK", "some text", (1, 0)),
            ("FAIL", None, (0, 1)),
            ("EXPECTEDFAIL", "", (1, 0)),
            ("UNEXPECTEDPASS", "", (0, 1)),
            ("SKIP", "skipped: grpcpp is not installed", (0, 1)),
        ):
            entry = {"name": "x", "result": result, "stdout": stdout}
            self.assertEqual(count.count(entry), expected, entry)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
