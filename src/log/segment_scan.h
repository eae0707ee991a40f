#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "src/log/segment_format.h"

namespace hoglet::log_internal {

// Where a batch begins; one for about every 4 KiB of a segment, ascending.
struct IndexEntry {
  uint64_t base_offset;
  uint64_t position;
};

inline constexpr uint64_t kIndexStepBytes = 4096;

// How a segment ends, see "Reading it back" in FORMAT.md.
enum class SegmentTail {
  kExact,  // a batch ends at the end of the file
  kZeros,  // only zeros follow
  kTorn,   // other bytes follow, none of which was known to be durable
  kRot,    // bytes that were once durable have changed, or the header has
};

struct SegmentScan {
  SegmentHeader header;
  uint64_t end_position = 0;  // one past the last good batch before the first fault
  uint64_t end_offset = 0;
  uint64_t records = 0;
  int64_t last_appended_at_us = 0;
  bool ends_with_mark = false;
  std::vector<IndexEntry> index;
  SegmentTail tail = SegmentTail::kExact;
  // For kTorn and kRot: what is wrong, and where.
  std::string fault;
  uint64_t fault_position = 0;
};

// Reads the bytes of a whole segment file that should begin at `base_offset`. Never fails: faults
// are in the result.
SegmentScan ScanSegment(std::string_view bytes, uint64_t base_offset);

// Whether anything in the file looks like a batch header, for a segment whose own header (and so
// its nonce) is lost.
bool LooksLikeHoldingBatches(std::string_view bytes);

}  // namespace hoglet::log_internal
