// SPDX-License-Identifier: MIT
#include <ringrpc/ring/detail/exception_text.hpp>

#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using ringrpc::detail::text_of_current_exception;

namespace {
template <class Thrown>
std::string text_of(const Thrown& thrown) {
  try {
    throw thrown;
  } catch (...) {
    return std::string{text_of_current_exception("the house of ", "Jack").view()};
  }
}
}  // namespace

TEST_CASE("an exception is told by what it left and what it says") {
  CHECK(text_of(std::runtime_error{"fire"}) == "an exception left the house of Jack: fire");
  CHECK(text_of(5) == "an exception left the house of Jack: not a std::exception");
}

TEST_CASE("the text of an exception that is long is cut off") {
  const std::string begin = "an exception left the house of Jack: ";
  CHECK(text_of(std::runtime_error{std::string(1000, 'x')}) ==
        begin + std::string(512 - begin.size(), 'x'));
}
