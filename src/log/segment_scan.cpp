#include "src/log/segment_scan.h"

#include <algorithm>

#include "src/base/bytes.h"
#include "src/base/strings.h"

namespace hoglet::log_internal {
namespace {

constexpr uint64_t kPositionField = 48;

uint64_t RoundUp(uint64_t position) {
  return (position + kBatchAlignment - 1) / kBatchAlignment * kBatchAlignment;
}

bool AllZero(std::string_view bytes) {
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    if (LoadLittle<uint64_t>(bytes.data()) != 0) return false;
  }
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

// Whether a header from `from` on proves that the bytes at `from` were once durable.
bool ProvenDurable(std::string_view bytes, uint32_t nonce, uint64_t from) {
  BatchHeader header;
  for (uint64_t at = RoundUp(from + 1); at + kBatchHeaderBytes <= bytes.size();
       at += kBatchAlignment) {
    if (LoadLittle<uint64_t>(bytes.data() + at + kPositionField) != at) continue;
    if (DecodeBatchHeader(bytes.substr(at), nonce, at, &header).ok() && header.sync_point > from) {
      return true;
    }
  }
  return false;
}

void NoteBatch(const BatchHeader& batch, SegmentScan* scan) {
  if (scan->index.empty() || batch.position >= scan->index.back().position + kIndexStepBytes) {
    scan->index.push_back({batch.base_offset, batch.position});
  }
  scan->records += batch.record_count;
  scan->end_offset = batch.base_offset + batch.record_count;
  scan->end_position = batch.position + batch.total_bytes();
  scan->ends_with_mark = batch.is_mark();
  if (!batch.is_mark()) scan->last_appended_at_us = batch.appended_at_us;
}

void JudgeTail(std::string_view bytes, const absl::Status& fault, SegmentScan* scan) {
  if (AllZero(bytes.substr(scan->end_position))) {
    scan->tail = SegmentTail::kZeros;
    return;
  }
  scan->fault = StrCat(fault.message());
  scan->fault_position = scan->end_position;
  const bool rot = ProvenDurable(bytes, scan->header.nonce, scan->end_position);
  scan->tail = rot ? SegmentTail::kRot : SegmentTail::kTorn;
}

}  // namespace

SegmentScan ScanSegment(std::string_view bytes, uint64_t base_offset) {
  SegmentScan scan;
  scan.end_offset = base_offset;
  absl::Status status = DecodeSegmentHeader(bytes, &scan.header);
  if (status.ok() && scan.header.base_offset != base_offset) {
    status = absl::DataLossError("the segment header has another base offset than the name");
  }
  if (!status.ok()) {
    scan.tail = SegmentTail::kRot;
    scan.fault = StrCat(status.message());
    return scan;
  }
  scan.end_position = kSegmentHeaderBytes;
  scan.last_appended_at_us = scan.header.created_at_us;
  while (scan.end_position < bytes.size()) {
    BatchHeader batch;
    status = DecodeBatch(bytes.substr(scan.end_position), scan.header.nonce, scan.end_position,
                         &batch, nullptr);
    if (status.ok() && batch.base_offset != scan.end_offset) {
      status = absl::DataLossError("gap in the offsets");
    }
    if (!status.ok()) {
      JudgeTail(bytes, status, &scan);
      return scan;
    }
    NoteBatch(batch, &scan);
  }
  return scan;
}

bool LooksLikeHoldingBatches(std::string_view bytes) {
  for (uint64_t at = kSegmentHeaderBytes; at + kBatchHeaderBytes <= bytes.size();
       at += kBatchAlignment) {
    if (LoadLittle<uint64_t>(bytes.data() + at + kPositionField) == at) return true;
  }
  return false;
}

}  // namespace hoglet::log_internal
