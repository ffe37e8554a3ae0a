// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/compression.hpp>

bool accepts(const ringrpc::accepted_encodings& peer);

int main() { return accepts(ringrpc::accepted_encodings{}) ? 0 : 1; }
