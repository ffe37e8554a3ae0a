// SPDX-License-Identifier: MIT
//
// gzip and deflate by zlib, which the program links. compression.hpp includes it where
// RINGRPC_WITH_ZLIB is 1.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <span>
#include <stdexcept>
#include <string_view>

#include <zlib.h>

#include <ringrpc/base/config.hpp>
#include <ringrpc/grpc/message_encoding.hpp>

namespace ringrpc::detail::inline RINGRPC_ABI {
/// The format around the compressed bytes, as zlib's "windowBits": 32 KiB of window, plus
/// 16 for gzip (zlib.h, deflateInit2).
enum class zlib_format : int { deflate = 15, gzip = 15 + 16 };

/// @throws std::invalid_argument  for a level that zlib does not have.
constexpr int checked_zlib_level(int level) {
  if (level < Z_DEFAULT_COMPRESSION || level > Z_BEST_COMPRESSION) {
    throw std::invalid_argument("a level of zlib is -1 to 9");
  }
  return level;
}

// zlib reads what `next_in` points to, and has no const there unless ZLIB_CONST is defined.
inline Bytef* zlib_input(std::span<const std::byte> from) noexcept {
  return reinterpret_cast<Bytef*>(const_cast<std::byte*>(from.data()));
}
inline Bytef* zlib_output(std::span<std::byte> into) noexcept {
  return reinterpret_cast<Bytef*>(into.data());
}

/// A decompressor of the calling thread, kept from message to message: 40 KiB.
class zlib_inflater {
public:
  zlib_inflater(const zlib_inflater&) = delete;
  zlib_inflater& operator=(const zlib_inflater&) = delete;
  /// Ready for a message of `format`. @throws std::bad_alloc  where memory is short.
  static z_stream& fresh(zlib_format format) {
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wexit-time-destructors"  // of the thread
#endif
    static thread_local zlib_inflater kept;
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
    const int bits = static_cast<int>(format);
    if (!kept.made_) {
      if (inflateInit2(&kept.stream_, bits) != Z_OK) throw std::bad_alloc{};
      kept.made_ = true;
    } else if (inflateReset2(&kept.stream_, bits) != Z_OK) {
      throw std::bad_alloc{};
    }
    return kept.stream_;
  }

private:
  zlib_inflater() noexcept = default;
  ~zlib_inflater() {
    if (made_) inflateEnd(&stream_);
  }
  z_stream stream_{};
  bool made_ = false;
};

/// A compressor of the calling thread, one for each format: 256 KiB.
template <zlib_format Format>
class zlib_deflater {
public:
  zlib_deflater(const zlib_deflater&) = delete;
  zlib_deflater& operator=(const zlib_deflater&) = delete;
  /// Ready for a message at `level`. @throws std::bad_alloc  where memory is short.
  static z_stream& fresh(int level) {
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wexit-time-destructors"  // of the thread
#endif
    static thread_local zlib_deflater kept;
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
    if (kept.made_ && kept.level_ != level) kept.end();
    if (kept.made_) {
      deflateReset(&kept.stream_);
      return kept.stream_;
    }
    constexpr int memory_level = 8;  // zlib's default
    kept.stream_ = {};
    if (deflateInit2(&kept.stream_, level, Z_DEFLATED, static_cast<int>(Format), memory_level,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc{};
    }
    kept.made_ = true;
    kept.level_ = level;
    return kept.stream_;
  }

private:
  zlib_deflater() noexcept = default;
  ~zlib_deflater() { end(); }
  void end() noexcept {
    if (made_) deflateEnd(&stream_);
    made_ = false;
  }
  z_stream stream_{};
  int level_ = 0;
  bool made_ = false;
};

inline decompress_result zlib_decompress(zlib_format format, std::span<const std::byte> from,
                                         std::span<std::byte> into, std::size_t bytes_max) {
  z_stream& stream = zlib_inflater::fresh(format);
  stream.next_in = zlib_input(from);
  stream.avail_in = static_cast<uInt>(from.size());
  // What does not fit is only counted, up to the limit; the caller makes room and comes again.
  std::array<std::byte, 16 * 1024> dropped;
  std::span<std::byte> room = into;
  std::size_t made = 0;
  int said = Z_OK;
  do {
    stream.next_out = zlib_output(room.empty() ? dropped : room);
    stream.avail_out = static_cast<uInt>(room.size());
    said = inflate(&stream, Z_NO_FLUSH);
    made += room.size() - stream.avail_out;
    room = dropped;
    // With no room left zlib says Z_BUF_ERROR if it could do nothing.
  } while ((said == Z_OK || said == Z_BUF_ERROR) && stream.avail_out == 0 && made <= bytes_max);
  if (said == Z_MEM_ERROR) throw std::bad_alloc{};
  if (made > bytes_max) return {decompress_outcome::too_small, made};
  // The end must have come, and nothing behind it.
  if (said != Z_STREAM_END || stream.avail_in > 0) return {decompress_outcome::malformed};
  return {made <= into.size() ? decompress_outcome::done : decompress_outcome::too_small, made};
}

inline std::size_t zlib_compress(z_stream& stream, std::span<const std::byte> from,
                                 std::span<std::byte> into) noexcept {
  stream.next_in = zlib_input(from);
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = zlib_output(into);
  stream.avail_out = static_cast<uInt>(into.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return 0;
  return into.size() - stream.avail_out;
}
}  // namespace ringrpc::detail::inline RINGRPC_ABI

namespace ringrpc::inline RINGRPC_ABI {
/// `gzip` (RFC 1952). One that is in no registry yet can be given another level than the
/// built-in one has: a name may be added again.
class gzip_encoding final : public message_encoding {
public:
  /// @param level  of zlib: 1 is fast, 9 is small, -1 is zlib's default, 6.
  /// @throws std::invalid_argument  for another than -1 to 9.
  explicit constexpr gzip_encoding(int level = Z_DEFAULT_COMPRESSION)
      : level_(detail::checked_zlib_level(level)) {}
  [[nodiscard]] constexpr std::string_view name() const noexcept override { return "gzip"; }
  [[nodiscard]] std::size_t compress(std::span<const std::byte> from,
                                     std::span<std::byte> into) const override {
    constexpr auto format = detail::zlib_format::gzip;
    return detail::zlib_compress(detail::zlib_deflater<format>::fresh(level_), from, into);
  }
  [[nodiscard]] decompress_result decompress(std::span<const std::byte> from,
                                             std::span<std::byte> into,
                                             std::size_t bytes_max) const override {
    return detail::zlib_decompress(detail::zlib_format::gzip, from, into, bytes_max);
  }
  /// ISIZE, the last four bytes: the size modulo 2^32 (RFC 1952 section 2.3.1).
  [[nodiscard]] std::size_t announced_size(
      std::span<const std::byte> from) const noexcept override {
    constexpr std::size_t least_bytes = 18;  // header and trailer
    if (from.size() < least_bytes) return 0;
    std::uint32_t size = 0;
    for (const std::byte one : {from.end()[-1], from.end()[-2], from.end()[-3], from.end()[-4]}) {
      size = size << 8 | std::to_integer<std::uint32_t>(one);
    }
    return size;
  }

private:
  int level_;
};

/// `deflate`: the zlib format (RFC 1950), as compression.md has it.
class deflate_encoding final : public message_encoding {
public:
  /// As that of `gzip_encoding`.
  explicit constexpr deflate_encoding(int level = Z_DEFAULT_COMPRESSION)
      : level_(detail::checked_zlib_level(level)) {}
  [[nodiscard]] constexpr std::string_view name() const noexcept override { return "deflate"; }
  [[nodiscard]] std::size_t compress(std::span<const std::byte> from,
                                     std::span<std::byte> into) const override {
    constexpr auto format = detail::zlib_format::deflate;
    return detail::zlib_compress(detail::zlib_deflater<format>::fresh(level_), from, into);
  }
  [[nodiscard]] decompress_result decompress(std::span<const std::byte> from,
                                             std::span<std::byte> into,
                                             std::size_t bytes_max) const override {
    return detail::zlib_decompress(detail::zlib_format::deflate, from, into, bytes_max);
  }

private:
  int level_;
};
}  // namespace ringrpc::inline RINGRPC_ABI
