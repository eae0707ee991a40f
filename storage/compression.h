#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace hoglet {

enum class Compression : uint8_t { kNone = 0, kLz4 = 1, kZstd = 2 };

// Compresses `raw`; answers kNone, and leaves `out` alone, when that would save less than a
// sixteenth.
Compression Compress(Compression wanted, std::string_view raw, std::string* out);

// Fills exactly `raw_bytes` bytes at `out`, or kDataLoss.
absl::Status Decompress(Compression compression, std::string_view stored, char* out,
                        size_t raw_bytes);

}  // namespace hoglet
