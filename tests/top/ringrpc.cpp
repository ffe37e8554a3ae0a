// SPDX-License-Identifier: MIT
#include <ringrpc/ringrpc.hpp>

#include <doctest/doctest.h>

TEST_CASE("ringrpc.hpp: the umbrella does not drag protobuf in") {
#ifdef GOOGLE_PROTOBUF_VERSION
  bool with_protobuf = true;
#else
  bool with_protobuf = false;
#endif
  CHECK_FALSE(with_protobuf);
}

TEST_CASE("ringrpc.hpp: the umbrella brings the version") {
  CHECK(ringrpc::version_text.size() >= 5);
}
