// SPDX-License-Identifier: MIT
//
// The whole text of a foo.ringrpc.hpp: banner, guard, includes, services.
#pragma once

#include <string>

#include <google/protobuf/descriptor.h>

namespace ringrpc::generator {
namespace pb = google::protobuf;

/// A file without services gives a header that only includes its .pb.h, so that a build rule may
/// expect one file for every .proto.
[[nodiscard]] std::string header_text(const pb::FileDescriptor& file);
}  // namespace ringrpc::generator
