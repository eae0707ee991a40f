#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "include/hoglet/log.h"

// The bytes of a segment, as FORMAT.md beside this file defines them. Pure functions over memory.

namespace hoglet::log_internal {

inline constexpr uint64_t kSegmentHeaderBytes = 64;
inline constexpr uint64_t kBatchHeaderBytes = 64;
inline constexpr uint64_t kBatchAlignment = 8;
inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kNoSegment = UINT64_MAX;
inline constexpr uint32_t kFlagCleanShutdown = 1;

struct SegmentHeader {
  uint32_t nonce = 0;
  uint64_t base_offset = 0;
  int64_t created_at_us = 0;
  uint64_t topic_hash = 0;
  uint64_t previous_base_offset = kNoSegment;
  uint64_t previous_bytes = 0;
};

struct BatchHeader {
  uint64_t base_offset = 0;
  int64_t appended_at_us = 0;
  uint32_t payload_bytes = 0;
  uint32_t record_count = 0;
  uint32_t payload_crc = 0;
  uint32_t flags = 0;
  uint64_t sync_point = 0;
  uint64_t position = 0;

  // With header and padding.
  uint64_t total_bytes() const {
    return kBatchHeaderBytes +
           (payload_bytes + kBatchAlignment - 1) / kBatchAlignment * kBatchAlignment;
  }
  bool is_mark() const { return flags & kFlagCleanShutdown; }
};

std::string EncodeSegmentHeader(const SegmentHeader& header);
// `bytes` from the front of the file. kDataLoss says what is wrong, without the file's name;
// kUnimplemented for a newer version.
absl::Status DecodeSegmentHeader(std::string_view bytes, SegmentHeader* header);

void AppendBatchHeader(const BatchHeader& header, uint32_t nonce, std::string* out);
// `bytes` from the header on. kDataLoss as above.
absl::Status DecodeBatchHeader(std::string_view bytes, uint32_t nonce, uint64_t position,
                               BatchHeader* header);

struct RecordView {
  uint32_t partition;
  std::string_view key;
  std::string_view value;
  std::string_view value_rest;  // goes behind `value`
};
void AppendRecord(const RecordView& record, std::string* payload);

// One whole batch: header, CRC of the payload, padding, records. `records` may be null (they are
// checked all the same). `bytes` from the header on, and as far as the file goes.
absl::Status DecodeBatch(std::string_view bytes, uint32_t nonce, uint64_t position,
                         BatchHeader* header, std::vector<LogBatch::Record>* records);

// TOPIC and CONSUMERS: `magic` is 8 bytes.
std::string SealSmallFile(std::string_view magic, std::string_view body);
// The body, which points into `file`. kDataLoss says what is wrong.
absl::StatusOr<std::string_view> OpenSmallFile(std::string_view magic, std::string_view file);

std::string SegmentFileName(uint64_t base_offset);
bool ParseSegmentFileName(std::string_view name, uint64_t* base_offset);
bool IsTopicName(std::string_view name);

}  // namespace hoglet::log_internal
