// SPDX-License-Identifier: MIT
//
// The text of one service: its namespace with methods, stub, service and bind.
#pragma once

#include <string>

#include <google/protobuf/descriptor.h>

namespace ringrpc::generator {
namespace pb = google::protobuf;

[[nodiscard]] std::string service_text(const pb::ServiceDescriptor& service);
}  // namespace ringrpc::generator
