#include "storage/compression.h"

#include <lz4.h>
#include <zstd.h>

#include <cstring>
#include <memory>

namespace hoglet {

namespace {

constexpr int kZstdLevel = 1;
constexpr size_t kCompressBytesMin = 64;

// Contexts are costly to make and not thread-safe, hence one a thread.
ZSTD_CCtx* CompressionContext() {
  thread_local std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                          &ZSTD_freeCCtx);
  return context.get();
}

ZSTD_DCtx* DecompressionContext() {
  thread_local std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                          &ZSTD_freeDCtx);
  return context.get();
}

}  // namespace

Compression Compress(Compression wanted, std::string_view raw, std::string* out) {
  if (wanted == Compression::kNone || raw.size() < kCompressBytesMin ||
      raw.size() > LZ4_MAX_INPUT_SIZE) {
    return Compression::kNone;
  }
  // The room given is all that is worth using: the codecs stop when it is full.
  const size_t room = raw.size() - raw.size() / 16;
  const std::unique_ptr<char[]> compressed(new char[room]);
  size_t bytes = 0;
  if (wanted == Compression::kLz4) {
    const int written = LZ4_compress_default(raw.data(), compressed.get(),
                                             static_cast<int>(raw.size()), static_cast<int>(room));
    bytes = written > 0 ? static_cast<size_t>(written) : 0;
  } else {
    const size_t written = ZSTD_compressCCtx(CompressionContext(), compressed.get(), room,
                                             raw.data(), raw.size(), kZstdLevel);
    bytes = ZSTD_isError(written) ? 0 : written;
  }
  if (bytes == 0) return Compression::kNone;
  out->assign(compressed.get(), bytes);
  return wanted;
}

absl::Status Decompress(Compression compression, std::string_view stored, char* out,
                        size_t raw_bytes) {
  switch (compression) {
    case Compression::kNone:
      if (stored.size() != raw_bytes) break;
      std::memcpy(out, stored.data(), raw_bytes);
      return absl::OkStatus();
    case Compression::kLz4:
      if (stored.size() > LZ4_MAX_INPUT_SIZE || raw_bytes > LZ4_MAX_INPUT_SIZE) break;
      if (LZ4_decompress_safe(stored.data(), out, static_cast<int>(stored.size()),
                              static_cast<int>(raw_bytes)) != static_cast<int>(raw_bytes)) {
        break;
      }
      return absl::OkStatus();
    case Compression::kZstd:
      if (ZSTD_decompressDCtx(DecompressionContext(), out, raw_bytes, stored.data(),
                              stored.size()) != raw_bytes) {
        break;
      }
      return absl::OkStatus();
  }
  return absl::DataLossError("compressed bytes do not decode");
}

}  // namespace hoglet
