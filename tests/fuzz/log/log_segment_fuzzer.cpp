#include <cstddef>
#include <cstdint>
#include <string>

#include "include/hoglet/status.h"
#include "src/base/crc32c.h"
#include "src/base/memory_env.h"
#include "src/log/segment_scan.h"

// Any bytes as a segment: the scan must end, find only records that lie inside the file, and
// opening a log over it must agree with it.

namespace {

using hoglet::log_internal::ScanSegment;
using hoglet::log_internal::SegmentScan;

// Gives the input a valid segment header, so that the fuzzer gets past its checksum.
std::string WithHeader(std::string_view input) {
  hoglet::log_internal::SegmentHeader header;
  header.nonce = 0;
  std::string bytes = EncodeSegmentHeader(header);
  bytes.append(input);
  // The checksums of the first batch header and payload, for the same reason.
  using hoglet::Crc32c;
  using hoglet::Crc32cExtend;
  if (bytes.size() >= 128) {
    uint32_t payload_bytes = 0;
    std::memcpy(&payload_bytes, bytes.data() + 64 + 24, 4);
    if (payload_bytes <= bytes.size() - 128) {
      const uint32_t crc = Crc32c(std::string_view(bytes).substr(128, payload_bytes));
      std::memcpy(bytes.data() + 64 + 32, &crc, 4);
    }
    const uint32_t crc = Crc32cExtend(0, std::string_view(bytes).substr(72, 56));
    std::memcpy(bytes.data() + 68, &crc, 4);
  }
  return bytes;
}

void Scan(const std::string& bytes) {
  const SegmentScan scan = ScanSegment(bytes, 0);
  HOGLET_ASSERT(scan.end_position <= bytes.size() || scan.end_position == 64);
  for (const auto& entry : scan.index) HOGLET_ASSERT(entry.position < scan.end_position);
  hoglet::log_internal::LooksLikeHoldingBatches(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Scan(std::string(input));
  Scan(WithHeader(input));
  return 0;
}
