#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "src/base/vector/vector.h"
#include "storage/compression.h"

// How the values of one column in one granule become bytes (a chunk) and back; FORMAT.md describes
// the bytes.
//
// A chunk chooses its encoding by its own values, and says which in its metadata, so that new
// encodings can be added. Decoders bound everything they read: any bytes give a vector or
// kDataLoss.

namespace hoglet {

enum class Encoding : uint8_t {
  kAllNull = 0,    // no bytes
  kConstant = 1,   // one value
  kPlain = 2,      // fixed-width values as they are
  kPacked = 3,     // integers: a base and bit-packed differences
  kRunLength = 4,  // integers: packed run lengths, packed run values
  kDecimal = 5,  // doubles that are integers times a power of ten: the exponent and packed integers
  kBits = 6,     // booleans
  kStrings = 7,  // packed lengths, then the bytes
  kWide = 8,     // 128-bit values: packed high halves, packed low halves
  kMultiples = 9,       // integers: a factor, and what it is to be multiplied by, packed
  kWideByTime = 10,     // as kWide, but high halves without the milliseconds of the row's time
  kDecimalByTime = 11,  // as kDecimal, but integers less the milliseconds of the row's time
};
inline constexpr int kEncodingCount = 12;

// Whether values are told by the times of their rows.
inline bool IsByTime(Encoding encoding) {
  return encoding == Encoding::kWideByTime || encoding == Encoding::kDecimalByTime;
}

// What the footer says of a chunk. `min` and `max` are of the values that are not null: integers,
// or codes of a dictionary column, or the bits of doubles; unset (min > max) for strings and
// 128-bit values.
struct ChunkMeta {
  uint64_t offset = 0;
  uint32_t stored_bytes = 0;
  uint32_t raw_bytes = 0;  // before compression
  uint32_t crc = 0;        // CRC-32C of the stored bytes
  uint32_t rows = 0;
  uint32_t null_count = 0;
  uint32_t repeats = 0;  // the chunk so many before this one has the same bytes; 0: it has its own
  Encoding encoding = Encoding::kAllNull;
  Compression compression = Compression::kNone;
  int64_t min = 1;
  int64_t max = 0;

  bool has_range() const { return min <= max; }
};

// No chunk is larger than this before compression.
inline constexpr uint32_t kChunkBytesMax = 1u << 30;
// Rows of a chunk; those of a dictionary's values are bounded by kDictionaryEntriesMax instead.
inline constexpr uint32_t kDictionaryEntriesMax = 1u << 18;

struct EncodedChunk {
  ChunkMeta meta;  // without offset
  std::string stored;
};

// `values` is flat. Strings and documents of one chunk must stay under kChunkBytesMax together
// (kResourceExhausted). `times_us`: a time for each row, which values may be told by; null: they
// may not.
absl::StatusOr<EncodedChunk> EncodeChunk(const Vector& values, Compression compression,
                                         const int64_t* times_us = nullptr);
// Whether it may be worth while to give the rows' times: a guess, by the first value.
bool MayBeByTime(const Vector& values);
// A chunk of dictionary codes; `null_code` stands for NULL.
EncodedChunk EncodeCodes(const uint32_t* codes, size_t rows, uint32_t null_code,
                         Compression compression);

// Bytes of a chunk, uncompressed, and what keeps them alive.
struct ChunkBody {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};
// `stored` lives as long as `owner`. kDataLoss if it does not decompress.
absl::StatusOr<ChunkBody> UncompressChunk(const ChunkMeta& meta, std::string_view stored,
                                          std::shared_ptr<const void> owner);

// A flat vector of `type` (made nullable if there are nulls); strings point into the body and keep
// it alive. `times_us`: those of the rows, if IsByTime(meta.encoding).
absl::StatusOr<Vector> DecodeChunk(const ChunkMeta& meta, const ChunkBody& body, Type type,
                                   const int64_t* times_us = nullptr);
// Codes, each checked to be below `dictionary_entries`; nulls read as `null_code`. `out` has room
// for meta.rows.
absl::Status DecodeCodes(const ChunkMeta& meta, const ChunkBody& body, uint32_t dictionary_entries,
                         uint32_t null_code, uint32_t* out);

}  // namespace hoglet
