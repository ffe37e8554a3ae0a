// SPDX-License-Identifier: MIT
//
// The main of every test program. It prints doctest's summary line, which `tests/run` adds up.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
