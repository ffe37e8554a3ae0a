// SPDX-License-Identifier: MIT
#include <ringrpc/grpc/compression.hpp>

// A unit of a user's program that offers something of the library's to another.
ringrpc::compression chosen_encoding() { return ringrpc::compression::identity; }
bool accepts(const ringrpc::accepted_encodings& peer) { return peer.contains(chosen_encoding()); }
