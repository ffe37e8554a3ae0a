# SPDX-License-Identifier: MIT
"""C++ text as a tree of tokens and brackets: just enough to tell an initialiser from a block.

No types are known, so what `{` means is told from what stands before it. Preprocessor lines and
comments are left out, and nobody looks into literals.
"""

import re

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<raw>(?:u8|u|U|L)?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")
  | (?P<string>(?:u8|u|U|L)?"(?:\\.|[^"\\\n])*")
  | (?P<char>(?:u8|u|U|L)?'(?:\\.|[^'\\\n])+')
  | (?P<number>\.?[0-9](?:'?[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<mark>::|->|&&|\|\||==|!=|<=|>=|\+=|-=|\*=|/=|\|=|&=|\^=|%=|\+\+|--|<<|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PREPROCESSOR = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)

CLOSING = {"(": ")", "[": "]", "{": "}"}
_SPECIFIERS = {"noexcept", "mutable", "const", "volatile", "override", "final", "constexpr",
               "consteval"}
_BEFORE_BLOCK = _SPECIFIERS | {"else", "do", "try", "requires"}
_BEFORE_VALUE = {"return", "co_return", "co_await", "co_yield", "throw", "case", "new", "delete"}
_DEFINES = {"struct", "class", "union", "enum", "namespace"}


class Token:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


class Group:
    """A bracket and what is in it. kind: paren, bracket, attribute,
    lambda (an introducer), init or block."""

    def __init__(self, kind, line):
        self.kind, self.line, self.items = kind, line, []
        self.text = ""  # so that a group never equals the text of a token


def tokens(text):
    text = _PREPROCESSOR.sub(lambda m: "\n" * m[0].count("\n"), text)
    line, at = 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match.lastgroup != "skip" and not match["skip"]:
            kind = next(k for k in ("raw", "string", "char", "number", "word", "mark") if match[k])
            yield Token("string" if kind == "raw" else kind, match[0], line)
        line += match[0].count("\n")
        at = match.end()


def is_group(item, *kinds):
    return isinstance(item, Group) and item.kind in kinds


def segments(items):
    """A block's items cut into statements: at `;` and behind blocks that are no part of one."""
    segment = []
    for item in items:
        if item.text == ";":
            yield segment
            segment = []
            continue
        segment.append(item)
        if is_group(item, "block") and not _is_body_of_expression(segment):
            yield segment
            segment = []
    if segment:
        yield segment


def _is_body_of_expression(segment):
    """The last item is a block: does it belong to a lambda or requires expression before it?"""
    open_lambdas = sum(is_group(i, "lambda") for i in segment)
    blocks = sum(is_group(i, "block") for i in segment)
    requires = any(i.text == "requires" for i in segment)
    return blocks <= open_lambdas or (requires and any(i.text == "=" for i in segment))


def _statement(items, parent):
    """What stands before a new item, from the start of its statement or of its argument."""
    if parent == "block":
        finished, rest = [], []
        for segment in segments(items):
            finished, rest = rest, segment
        ended = not rest or items[-1].text == ";" or (
            is_group(items[-1], "block") and not _is_body_of_expression(rest))
        return [] if ended else rest
    start, depth = 0, 0
    for at, item in enumerate(items):
        depth += {"<": 1, ">": -1}.get(item.text, 0)
        if item.text == "," and depth <= 0:
            start, depth = at + 1, 0
    return items[start:]


def _has_trailing_return(segment):
    """Does the segment end in `-> type`, behind the head of a function or lambda?"""
    for at in range(len(segment) - 1, 0, -1):
        item = segment[at]
        if item.text == "->":
            before = segment[at - 1]
            return is_group(before, "paren", "lambda") or before.text in _SPECIFIERS
        if item.text in ("=", "(", "?", "+", "-", "."):
            return False
    return False


def _kind_of_brace(items, parent):
    previous = items[-1] if items else None
    if previous is None or previous.text == ",":
        return "init" if parent in ("paren", "bracket", "init", "lambda") or previous else "block"
    if isinstance(previous, Group):
        if previous.kind == "bracket":
            return "init"  # int a[2]{1, 2}
        return "block"  # f() {, [] {, behind a member initialiser, behind a block
    if previous.text in _BEFORE_BLOCK or previous.text in (";", ")"):
        return "block"
    segment = _statement(items, parent)
    assigns = any(i.text == "=" for i in segment)
    if _has_trailing_return(segment):
        return "block"
    if previous.kind == "word" or previous.text == ">":
        if previous.text in _BEFORE_VALUE:
            return "init"
        # A type or namespace, or a function with a requires clause behind its parameters.
        defines = any(i.text in _DEFINES or i.text == "requires" for i in segment)
        return "block" if defines and not assigns else "init"
    if previous.kind == "string":
        return "block"  # extern "C" {
    if previous.text == ":":
        return "init" if parent in ("paren", "init") else "block"
    if previous.text in ("&", "&&") and len(items) > 1:
        if is_group(items[-2], "paren") or items[-2].text in _SPECIFIERS:
            return "block"  # a member function for one kind of value
    return "init"


def _kind_of_bracket(items):
    previous = items[-1] if items else None
    if previous is None:
        return "lambda"
    if isinstance(previous, Group):
        return "lambda" if previous.kind == "block" else "bracket"
    if previous.text in ("&", "&&", "*") and len(items) > 1 and items[-2].text == "auto":
        return "bracket"  # a structured binding
    if previous.kind in ("word", "string") and previous.text not in _BEFORE_VALUE:
        return "bracket"
    return "bracket" if previous.text in (">", "]") else "lambda"


def _kind_of_group(token, following, top):
    if token.text == "(":
        return "paren"
    if token.text == "{":
        return _kind_of_brace(top.items, top.kind)
    if top.kind == "attribute" or (following is not None and following.text == "["):
        return "attribute"
    return _kind_of_bracket(top.items)


def tree(text):
    """The whole text as the items of one block."""
    root = Group("block", 1)
    stack = [root]
    all_tokens = list(tokens(text))
    for at, token in enumerate(all_tokens):
        top = stack[-1]
        if token.kind == "mark" and token.text in CLOSING:
            following = all_tokens[at + 1] if at + 1 < len(all_tokens) else None
            group = Group(_kind_of_group(token, following, top), token.line)
            top.items.append(group)
            stack.append(group)
        elif token.kind == "mark" and token.text in CLOSING.values():
            if len(stack) > 1:
                stack.pop()
        else:
            top.items.append(token)
    return root
