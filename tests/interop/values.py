# SPDX-License-Identifier: MIT
"""What the programs on grpcio say and expect alike; values.hpp is the same for C++."""

import grpc

DRAINING = b"draining"
LARGEST_PAYLOAD = 4 * 1024 * 1024 - 5

STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}

DIFFICULT_MESSAGES = (
    "plain",
    "Gr\u00fc\u00dfe \u263a \U0001f608",
    "  spaces at both ends  ",
    "\ttabs at both ends\t",
    "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n",
    "100% %41 %zz %",
    "control \x01 and \x7f",
    "x" * 2000,
)

# google.rpc.Status: code 9, message "no", details that begin with type.googleapis.com/a.B.
STATUS_DETAILS = (b"\x08\x09\x12\x02no\x1a\x1e\x0a\x17type.googleapis.com/a.B"
                  b"\x12\x03\0\xffx")

_PATTERN = bytes((i + i // 251) % 251 for i in range(251 * 251))  # then it repeats


def pattern(size):
    """`size` bytes that a shift or a gap would change."""
    return (_PATTERN * (size // len(_PATTERN) + 1))[:size]


def difficult_metadata(prefix):
    """Metadata that the server gives back; keys begin with `prefix`, "h-" or "t-"."""
    printable = "".join(map(chr, range(ord("!"), ord("~") + 1)))
    return (
        (prefix + "text", "one"),
        (prefix + "text", "two, with a comma"),
        (prefix + "text", ""),
        (prefix + "printable_0.9", printable + " " + printable),
        (prefix + "bytes-bin", bytes(range(256))),
        (prefix + "bytes-bin", b""),
        (prefix + "bytes-bin", b"\0"),
        (prefix + "bytes-bin", b"a,b"),
        (prefix + "bytes-bin", bytes(reversed(range(256)))),
    )
