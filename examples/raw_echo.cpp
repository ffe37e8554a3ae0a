// SPDX-License-Identifier: MIT
//
// The awaitables themselves, without gRPC: an echo server on accept, read and
// write, and a client that connects to it. `raw_echo SOCKET`, in a directory that
// only you can write.
#include <sys/socket.h>

#include <array>
#include <exception>
#include <iostream>
#include <string_view>

#include <ringrpc/ringrpc.hpp>

namespace {
using ringrpc::io_result;

// Writes all of `bytes`; a write may be short.
ringrpc::task<bool> write_all(ringrpc::ring& ring, int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const io_result<std::size_t> written = co_await ring.write(fd, bytes);
    if (!written) co_return false;
    bytes = bytes.subspan(*written);
  }
  co_return true;
}

ringrpc::task<> echo(ringrpc::ring& ring, ringrpc::file_descriptor socket) {
  std::array<std::byte, 4096> buffer;
  for (;;) {
    const io_result<std::size_t> got = co_await ring.read(socket.get(), buffer);
    if (!got || *got == 0) co_return;
    const bool sent = co_await write_all(ring, socket.get(), std::span{buffer}.first(*got));
    if (!sent) co_return;
  }
}

ringrpc::task<> accept_all(ringrpc::ring& ring, int listening) {
  for (;;) {
    const io_result<int> accepted = co_await ring.accept(listening);
    if (!accepted) co_return;  // the run ends
    ring.spawn(echo(ring, ringrpc::file_descriptor{*accepted}));
  }
}

ringrpc::task<int> talk(ringrpc::ring& ring, std::string path) {
  ringrpc::socket_file file{path};  // 0600 from birth, a stale one replaced; throws
  const ringrpc::file_descriptor listening = file.take_socket();
  ring.spawn(accept_all(ring, listening.get()));

  const ringrpc::file_descriptor socket{
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const ringrpc::socket_address address = ringrpc::unix_socket_address(path);
  const io_result<void> connected = co_await ring.connect(socket.get(), address);
  if (!connected) co_return 1;
  const std::string_view said = "is anybody there?";
  const bool sent = co_await write_all(ring, socket.get(), ringrpc::as_bytes(said));
  std::array<std::byte, 64> answer;
  const io_result<std::size_t> got = co_await ring.read(socket.get(), answer);
  if (!sent || !got) co_return 1;
  std::cout << ringrpc::as_text(std::span{answer}.first(*got)) << '\n';
  co_return 0;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: raw_echo SOCKET\n";
    return 2;
  }
  try {
    ringrpc::ring ring;
    return ring.run(talk(ring, argv[1]));
  } catch (const std::exception& failed) {
    std::cerr << "raw_echo: " << failed.what() << '\n';
    return 1;
  }
}
