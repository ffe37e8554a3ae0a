# SPDX-License-Identifier: MIT
"""What suite.hpp has, for grpcio's programs."""

import argparse

LARGE_REQUEST, LARGE_RESPONSE = 271_828, 314_159
REQUEST_SIZES, RESPONSE_SIZES = (27_182, 8, 1_828, 45_904), (31_415, 9, 2_653, 58_979)
COMPRESSED_REQUEST_SIZES, COMPRESSED_RESPONSE_SIZES = (27_182, 45_904), (31_415, 92_653)

INITIAL = ("x-grpc-test-echo-initial", "test_initial_metadata_value")
TRAILING = ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab")

PLAIN_MESSAGE = "test status message"
SPECIAL_MESSAGE = ("\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n")

CONCURRENT_CALLS, SOAK_CALLS, SOAK_CHANNELS = 1_000, 50, 20

SERVICE = "/grpc.testing.TestService/"


def flags():
    """FOLDER holds interop_suite_pb2.py; --tap names what flag_tap.py writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--address", required=True)
    parser.add_argument("--tap")
    parser.add_argument("--test_case", action="append", default=[])
    return parser.parse_args()


def came_compressed(tap, index):
    """Whether message `index` of the newest call came compressed."""
    with open(tap, encoding="ascii") as file:
        return file.read()[index] == "1"
