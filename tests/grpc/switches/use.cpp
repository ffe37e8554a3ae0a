// SPDX-License-Identifier: MIT
#include <ringrpc/rpc/connection_options.hpp>

bool speaks(const ringrpc::connection_options& options, std::string_view encoding);

int main() { return speaks(ringrpc::connection_options{}, "x") ? 1 : 0; }
