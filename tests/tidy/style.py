# SPDX-License-Identifier: MIT
"""style.py ROOT: what can be told from the text of the files alone.

Each rule is a function from (root, path, text) to problems, and RULES says which files it is for.
"""

import os
import re

import sources

LINE_MAX = 100
EXAMPLE_LINES_MAX = 80  # an example has fewer

HEAVY = ("functional", "future", "iostream", "ranges", "regex")
# The feature switches, and the inline namespace that they choose.
MACROS = re.compile(r"RINGRPC_WITH_\w+|RINGRPC_ABI")
SOURCE = (".hpp", ".cpp", ".proto", ".py", ".bash", "meson.build", "meson_options.txt", "/run")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:home/\w+|root|Users/\w+|work)\b")


def is_source(path):
    return path.endswith(SOURCE)


def is_header(path):
    return path.endswith(".hpp")


def is_public_header(path):
    return path.startswith("include" + os.sep) and is_header(path)


def is_unit_test(path):
    parts = path.split(os.sep)
    area = parts[1] if len(parts) > 2 else None
    return parts[0] == "tests" and area in (*sources.LAYERS, "top") and is_cpp(path)


def is_cpp(path):
    return path.endswith(".cpp")


def is_example(path):
    return path.startswith("examples" + os.sep) and path.endswith((".cpp", ".hpp"))


def is_text(path):
    return not path.endswith((".png", ".svg", ".bin")) and not path.startswith("tests/tidy/")


def lines_of(text):
    return enumerate(text.split("\n"), 1)


def licence(_root, path, text):
    mark = "//" if path.endswith((".hpp", ".cpp", ".proto")) else "#"
    head = text.split("\n")[:2]
    if head and head[0].startswith("#!"):
        head = head[1:]
    if not head or head[0] != f"{mark} SPDX-License-Identifier: MIT":
        yield 1, f"the first line must be `{mark} SPDX-License-Identifier: MIT`"


def whitespace(_root, _path, text):
    for number, line in lines_of(text):
        if len(line) > LINE_MAX:
            yield number, f"has {len(line)} columns, the limit is {LINE_MAX}"
        if "\t" in line:
            yield number, "has a tab: indent with spaces"
        if line != line.rstrip():
            yield number, "ends in white space"
    if text and not text.endswith("\n") or text.endswith("\n\n"):
        yield text.count("\n") + 1, "must end in exactly one newline"


def machine_paths(_root, _path, text):
    for number, line in lines_of(text):
        if MACHINE_PATHS.search(line):
            yield number, "names a path of somebody's machine"


def header_head(_root, _path, text):
    lines = text.split("\n")
    if len(lines) < 3 or lines[1] != "//" or not lines[2].startswith("// "):
        yield 2, "the licence line is followed by `//` and the purpose of the header"
    if lines.count("#pragma once") != 1:
        yield 1, "has no `#pragma once`"


def header_includes(_root, _path, text):
    """No heavy header; standard, then third party, then ours."""
    last = 0
    for number, bracket, name in sources.includes(text):
        if name in HEAVY:
            yield number, f"<{name}> is too heavy for a header"
        third_party = name.startswith(("google/", "nghttp2/", "openssl/", "liburing", "zlib.h"))
        rank = 3 if name.startswith("ringrpc/") else 2 if third_party else 1
        if rank < last:
            yield number, "order of includes: standard and system, third party, ringrpc"
        last = rank


def header_scope(_root, _path, text):
    """What makes two translation units differ, or leaks into a user's code.

    Code at namespace scope is not indented, so the first column tells.
    """
    undefined = set(re.findall(r"^[ \t]*#[ \t]*undef[ \t]+(\w+)", text, re.MULTILINE))
    for number, line in lines_of(text):
        if re.match(r"static\b(?!_)", line):
            yield number, "`static` at namespace scope: write `inline`"
        if re.match(r"(?:inline )?namespace\s*\{", line):
            yield number, "no anonymous namespace in a header"
        if re.match(r"\s*using\s+namespace\b", line):
            yield number, "no `using namespace` in a header"
        if re.match(r"(?:constexpr|const|constinit)\b[^(]*(?:=|\{)", line):
            yield number, "write `inline constexpr` at namespace scope"
        macro = re.match(r"\s*#\s*define\s+(\w+)", line)
        if macro and macro[1] not in undefined and not MACROS.fullmatch(macro[1]):
            yield number, f"the macro {macro[1]} leaks: no macros but feature switches"


def clocks(_root, path, text):
    """The loop's backend is the only source of time and chance above the kernel."""
    if path.split(os.sep)[2] in ("ring", "transport"):
        return
    for number, line in lines_of(text):
        code = line.split("//")[0]
        if re.search(r"_clock::now\b|\brandom_device\b|\bclock_gettime\b|\bgetrandom\b", code):
            yield number, "time and random numbers come from the ring"


def header_has_test(root, path, _text):
    parts = path.split(os.sep)[2:]
    layer = parts[0] if len(parts) > 1 else "top"
    rest = parts[1:] if len(parts) > 1 else parts
    test = os.path.join("tests", layer, *rest)[:-len(".hpp")] + ".cpp"
    if "detail" in parts[:-1]:
        return  # machinery of its neighbours, tested through them
    if not os.path.isfile(os.path.join(root, test)):
        yield 1, f"has no test: {test} is missing"
        return
    included = sources.includes(sources.read(root, test))
    header = "/".join(path.split(os.sep)[1:])
    if not included or included[0][2] != header:
        yield 1, f"{test} must include <{header}> first"


def test_is_built(root, path, _text):
    parts = path.split(os.sep)
    build = os.path.join(*parts[:2], "meson.build")
    name = "/".join(parts[2:])
    there = os.path.isfile(os.path.join(root, build))
    if not there or f"'{name}'" not in sources.read(root, build):
        yield 1, f"is not built: {build} does not name '{name}'"


def test_waits(_root, _path, text):
    for number, line in lines_of(text):
        if re.search(r"\b(?:this_thread::sleep|usleep|nanosleep)\b", line.split("//")[0]):
            yield number, "a test does not sleep: use virtual time or wait for the event"


def example_length(_root, _path, text):
    count = text.count("\n")
    if count >= EXAMPLE_LINES_MAX:
        yield count, f"has {count} lines; an example has fewer than {EXAMPLE_LINES_MAX}"


RULES = (
    (is_source, licence),
    (is_source, whitespace),
    (is_text, machine_paths),
    (is_public_header, header_head),
    (is_public_header, header_includes),
    (is_public_header, header_scope),
    (is_public_header, clocks),
    (is_public_header, header_has_test),
    (is_unit_test, test_is_built),
    (is_unit_test, test_waits),
    (is_example, example_length),
)


def check_version(root):
    """meson.build, the generator's own one and version.hpp say the same."""
    builds = ["meson.build"]
    generator = os.path.join("subprojects", "protoc-gen-ringrpc", "meson.build")
    if os.path.isfile(os.path.join(root, generator)):
        builds.append(generator)
    pattern = re.compile(r"^\s*version: '([\d.]+)'", re.MULTILINE)
    said = [pattern.search(sources.read(root, path)) for path in builds]
    header = sources.read(root, os.path.join("include", "ringrpc", "version.hpp"))
    numbers = [re.search(rf"version_{n} = (\d+);", header) for n in ("major", "minor", "patch")]
    text = re.search(r'version_text = "([^"]*)";', header)
    if not all(said) or not text or not all(numbers):
        return ["include/ringrpc/version.hpp: a constant, or the version in a meson.build, misses"]
    joined = ".".join(n[1] for n in numbers)
    return [
        f"{path} says version {build[1]}, version.hpp {joined} and \"{text[1]}\""
        for path, build in zip(builds, said)
        if not build[1] == text[1] == joined
    ]


def check(root):
    problems = []
    for path in sources.walk(root):
        wanted = [rule for applies, rule in RULES if applies(path)]
        if not wanted:
            continue
        try:
            text = sources.read(root, path)
        except UnicodeDecodeError:
            problems.append(f"{path}:1: is not UTF-8")
            continue
        for rule in wanted:
            problems += [f"{path}:{line}: {problem}" for line, problem in rule(root, path, text)]
    return problems + check_version(root)


if __name__ == "__main__":
    sources.main(check)
