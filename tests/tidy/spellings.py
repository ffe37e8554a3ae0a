# SPDX-License-Identifier: MIT
"""spellings.py ROOT: coroutine spellings that g++ 12 compiles wrongly, and silently.

g++ 12.2 destroys some temporaries of an awaited expression twice, and goes wrong in conditions.
The rules, for every full expression with a co_await or co_yield in it:

  condition   it is no condition of if, while, switch or for, unless it initialises a name there
  choice      it is no part of `?:`
  braces      it has no braced list, unless that is an options type with named members
  lambda      it has no lambda that captures by value
  binding     it does not initialise a structured binding (g++ 15)

The test that shows what the compiler does must write them; it does so between two comments that say
`spellings: off` and `spellings: on`.
"""

import re

import sources
from cpp_tokens import Token, is_group, segments, tree

AWAIT = ("co_await", "co_yield")

# Types whose constructors take two or more values, or that own nothing: safe in braces.
SAFE_TYPES = {"span", "string_view", "pair", "iovec"}
# What a declared type is written with, besides words.
TYPE_MARKS = ("::", "*", "&", "&&", "<", ">", ",")
# Types that take any number of values by an initialiser list, one included.
LIST_TYPES = {"vector", "array", "list", "deque", "set", "map", "multimap", "initializer_list",
              "unordered_map", "unordered_set"}


def awaits(items):
    """Is there a co_await in this expression? A lambda's body is another coroutine's."""
    return any(
        i.text in AWAIT
        or (not isinstance(i, Token) and i.kind != "block" and awaits(i.items))
        for i in items
    )


def split(items, separator):
    parts = [[]]
    for item in items:
        if item.text == separator:
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def declares(condition):
    """`T name = ...` or `T name{...}`: at least a type and a name before the initialiser."""
    head = []
    for item in condition:
        if item.text == "=" or is_group(item, "init"):
            break
        head.append(item)
    else:
        return False
    plain = all(
        isinstance(i, Token) and (i.kind == "word" or i.text in TYPE_MARKS) for i in head
    )
    if not plain or len(head) < 2 or head[0].kind != "word" or head[-1].kind != "word":
        return False
    return head[-2].text != "::" and head[0].text not in AWAIT


def check_conditions(items):
    for at, item in enumerate(items):
        if item.text not in ("if", "while", "switch", "for"):
            continue
        rest = [i for i in items[at + 1:at + 3] if i.text not in ("constexpr",)]
        if not rest or not is_group(rest[0], "paren"):
            continue
        parts = split(rest[0].items, ";")
        if item.text == "for":
            condition = parts[1] if len(parts) == 3 else []
        else:
            condition = parts[-1]
        if awaits(condition) and not declares(condition):
            yield item.line, f"await into a named local before `{item.text}`"


def check_choices(items):
    for at, item in enumerate(items):
        if item.text == "?":
            start = max((n + 1 for n, i in enumerate(items[:at])
                         if i.text in (",", "=", "return", "co_return")), default=0)
            end = next((n for n, i in enumerate(items) if n > at and i.text == ","), len(items))
            if awaits(items[start:end]):
                yield item.line, "no `?:` around a co_await: use if and else"
        if item.text in AWAIT and is_group((items[at + 1:at + 2] or [None])[0], "paren"):
            if any(i.text == "?" for i in items[at + 1].items):
                yield item.line, "no `?:` under a co_await: use if and else"


def type_name(items, at):
    """The last word of the type before the braces at `at`; "" where there is none."""
    at -= 1
    if at >= 0 and items[at].text == ">":
        depth = 0
        while at >= 0:
            depth += {">": 1, "<": -1}.get(items[at].text, 0)
            at -= 1
            if depth == 0:
                break
    if at >= 0 and isinstance(items[at], Token) and items[at].kind == "word":
        return "" if items[at].text in (*AWAIT, "return", "co_return") else items[at].text
    return ""


def check_braces(items):
    for at, item in enumerate(items):
        if not is_group(item, "init") or not item.items:
            continue
        elements = [e for e in split(item.items, ",") if e]
        name = type_name(items, at)
        named_members = all(e[0].text == "." for e in elements)
        if named_members and (not name or name.endswith("options")):
            continue  # call_options and its like: a static_assert keeps them trivially destructible
        if name in SAFE_TYPES:
            continue
        lists = any(is_group(e[0], "init") for e in elements)
        if not name or name in LIST_TYPES or len(elements) > 1 or named_members or lists:
            yield item.line, f"name what you build: `{name}{{...}}` stands in an awaited expression"


def captures_by_value(introducer):
    for capture in split(introducer.items, ","):
        if capture and capture[0].text != "&" and [i.text for i in capture] != ["this"]:
            return True
    return False


def check_lambdas(items):
    for item in items:
        if is_group(item, "lambda") and captures_by_value(item):
            yield item.line, "name the lambda first: it captures by value in an awaited expression"


def check_bindings(items):
    for before, item in zip(items, items[1:]):
        if is_group(item, "bracket") and before.text in ("auto", "&", "&&", "*"):
            if any(i.text == "auto" for i in items[:items.index(item)]):
                yield item.line, "no structured binding on a co_await: await into a name first"


def inside(items, check):
    """`check` on these items and in every bracket, lambdas' bodies excepted."""
    yield from check(items)
    for item in items:
        if not isinstance(item, Token) and item.kind != "block":
            yield from inside(item.items, check)


def check_block(block):
    for statement in segments(block.items):
        yield from inside(statement, check_conditions)
        # The head of a loop or condition is an expression of its own.
        for expression in expressions(statement):
            if awaits(expression):
                for check in (check_choices, check_braces, check_lambdas):
                    yield from inside(expression, check)
                yield from check_bindings(expression)
        yield from check_blocks_in(statement)


def expressions(statement):
    """The full expressions of a statement: the parts of its head in parentheses, and the rest."""
    at = 0
    while at < len(statement):
        item = statement[at]
        if item.text in ("if", "while", "switch", "for") and at + 1 < len(statement):
            at += 2 if statement[at + 1].text == "constexpr" else 1
            if at < len(statement) and is_group(statement[at], "paren"):
                yield from split(statement[at].items, ";")
                at += 1
            continue
        if item.text in ("else", "do"):
            at += 1
            continue
        yield statement[at:]
        return


def check_blocks_in(items):
    for item in items:
        if is_group(item, "block"):
            yield from check_block(item)
        elif not isinstance(item, Token):
            yield from check_blocks_in(item.items)


def lines_off(text):
    """The lines between `spellings: off` and `spellings: on`."""
    off, result = False, set()
    for number, line in enumerate(text.split("\n"), 1):
        if "spellings: off" in line:
            off = True
        if "spellings: on" in line:
            off = False
        if off:
            result.add(number)
    return result


def check_text(text):
    """(line, problem) for each bad spelling in C++ text."""
    off = lines_off(text)
    found = {(line, problem) for line, problem in check_block(tree(text)) if line not in off}
    return sorted(found)


def check_markdown(text):
    """The same for the C++ examples in a page."""
    for match in re.finditer(r"^```(?:cpp|c\+\+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        first = text.count("\n", 0, match.start(1))
        for line, problem in check_text(match[1]):
            yield first + line, problem


def check(root):
    problems = []
    for path in sources.walk(root):
        if path.endswith((".hpp", ".cpp")):
            found = check_text(sources.read(root, path))
        elif path.endswith(".md"):
            found = check_markdown(sources.read(root, path))
        else:
            continue
        problems += [f"{path}:{line}: {problem}" for line, problem in found]
    return problems


if __name__ == "__main__":
    sources.main(check)
