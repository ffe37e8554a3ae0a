// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/content_type.hpp>

#include <doctest/doctest.h>

using namespace ringrpc;

static_assert(is_grpc_content_type(grpc_content_type));

TEST_CASE("wire rule 3: gRPC's content type is accepted with +proto, parameters and in any case") {
  for (std::string_view value :
       {"application/grpc", "application/grpc+proto", "APPLICATION/GRPC", "Application/gRPC+Proto",
        "application/grpc; charset=utf-8", "application/grpc;charset=utf-8", "application/grpc;",
        "application/grpc ; x=y", "application/grpc+proto; a=b; c=d", "application/grpc "}) {
    CAPTURE(value);
    CHECK(is_grpc_content_type(value));
  }
}

TEST_CASE("wire rule 3: any other content type is refused") {
  for (std::string_view value :
       {"", "application/grpcx", "application/grpcfoo", "application/grpc-web",
        "application/grpc-web+proto", "application/grpc+json", "application/grpc+",
        "application/grp", "application/grpc+protobuf", "application/grpc+proto+x",
        "application/json", "text/html", "application/grpc/x", " application/grpc",
        ";application/grpc", "application/grpc,x", "application/ grpc", "application"}) {
    CAPTURE(value);
    CHECK_FALSE(is_grpc_content_type(value));
  }
}

TEST_CASE("content_type: the answer repeats the type of the request without parameters") {
  CHECK(answer_content_type("application/grpc") == "application/grpc");
  CHECK(answer_content_type("APPLICATION/GRPC; charset=utf-8") == "application/grpc");
  CHECK(answer_content_type("application/grpc+proto") == "application/grpc+proto");
  CHECK(answer_content_type("Application/grpc+PROTO;x") == "application/grpc+proto");
}
