#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

// Whole-buffer decompression of request bodies. What comes out never exceeds `bytes_max`: more is
// kOutOfRange, and anything that is not a complete, sound stream is kInvalidArgument. Results have
// spare capacity for the JSON parser.

namespace hoglet {

// The first member; whatever follows it is ignored, unless it is another member, which is appended.
absl::StatusOr<std::string> DecompressGzip(std::string_view bytes, uint64_t bytes_max);
// RFC 1950.
absl::StatusOr<std::string> DecompressZlib(std::string_view bytes, uint64_t bytes_max);
absl::StatusOr<std::string> DecompressBrotli(std::string_view bytes, uint64_t bytes_max);
absl::StatusOr<std::string> DecompressZstd(std::string_view bytes, uint64_t bytes_max);
// The text that lz-string's compressToBase64 packed, as UTF-8; kDataLoss if it is not sound UTF-16.
absl::StatusOr<std::string> DecompressLz64(std::string_view text, uint64_t bytes_max);

}  // namespace hoglet
