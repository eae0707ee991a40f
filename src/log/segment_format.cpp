#include "src/log/segment_format.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_format.h"
#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/limits.h"
#include "src/base/strings.h"

namespace hoglet::log_internal {
namespace {

constexpr std::string_view kSegmentMagic = "HOGLSEG1";
constexpr std::string_view kBatchMagic = "HOGB";
constexpr std::string_view kSegmentSuffix = ".log";
constexpr size_t kSmallFileHeaderBytes = 16;
// Partition, key length and value length take a byte each at least.
constexpr uint64_t kRecordBytesMin = 3;

absl::Status Bad(const char* what) { return absl::DataLossError(what); }

bool AllZero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

bool DecodeRecords(std::string_view payload, const BatchHeader& header,
                   std::vector<LogBatch::Record>* records) {
  ByteReader in(payload);
  if (records != nullptr) records->reserve(header.record_count);
  for (uint32_t i = 0; i < header.record_count; ++i) {
    uint64_t partition = 0;
    LogBatch::Record record;
    if (!in.GetVarint(&partition) || partition > UINT32_MAX || !in.GetString(&record.key) ||
        !in.GetString(&record.value)) {
      return false;
    }
    record.offset = header.base_offset + i;
    record.partition = static_cast<uint32_t>(partition);
    if (records != nullptr) records->push_back(record);
  }
  return in.empty();
}

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string out(kSegmentMagic);
  PutLittle(&out, kFormatVersion);
  PutLittle(&out, header.nonce);
  PutLittle(&out, header.base_offset);
  PutLittle(&out, header.created_at_us);
  PutLittle(&out, header.topic_hash);
  PutLittle(&out, header.previous_base_offset);
  PutLittle(&out, header.previous_bytes);
  PutLittle(&out, uint32_t{0});
  PutLittle(&out, Crc32c(out));
  HOGLET_ASSERT(out.size() == kSegmentHeaderBytes);
  return out;
}

absl::Status DecodeSegmentHeader(std::string_view bytes, SegmentHeader* header) {
  if (bytes.size() < kSegmentHeaderBytes) return Bad("too short for a segment header");
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  if (bytes.substr(0, 8) != kSegmentMagic) return Bad("not a segment");
  if (LoadLittle<uint32_t>(bytes.data() + 60) != Crc32c(bytes.substr(0, 60))) {
    return Bad("checksum of the segment header");
  }
  if (const auto version = LoadLittle<uint32_t>(bytes.data() + 8); version != kFormatVersion) {
    return absl::UnimplementedError(
        StrCat("segment of format version ", version, ", this program reads ", kFormatVersion));
  }
  header->nonce = LoadLittle<uint32_t>(bytes.data() + 12);
  header->base_offset = LoadLittle<uint64_t>(bytes.data() + 16);
  header->created_at_us = LoadLittle<int64_t>(bytes.data() + 24);
  header->topic_hash = LoadLittle<uint64_t>(bytes.data() + 32);
  header->previous_base_offset = LoadLittle<uint64_t>(bytes.data() + 40);
  header->previous_bytes = LoadLittle<uint64_t>(bytes.data() + 48);
  return absl::OkStatus();
}

void AppendBatchHeader(const BatchHeader& header, uint32_t nonce, std::string* out) {
  const size_t begin = out->size();
  out->append(kBatchMagic);
  PutLittle(out, uint32_t{0});
  PutLittle(out, header.base_offset);
  PutLittle(out, header.appended_at_us);
  PutLittle(out, header.payload_bytes);
  PutLittle(out, header.record_count);
  PutLittle(out, header.payload_crc);
  PutLittle(out, header.flags);
  PutLittle(out, header.sync_point);
  PutLittle(out, header.position);
  PutLittle(out, uint64_t{0});
  HOGLET_ASSERT(out->size() - begin == kBatchHeaderBytes);
  const std::string_view covered = std::string_view(*out).substr(begin + 8);
  StoreLittle(out->data() + begin + 4, Crc32cExtend(nonce, covered));
}

absl::Status DecodeBatchHeader(std::string_view bytes, uint32_t nonce, uint64_t position,
                               BatchHeader* header) {
  if (bytes.size() < kBatchHeaderBytes) return Bad("too short for a batch header");
  const char* at = bytes.data();
  if (bytes.substr(0, 4) != kBatchMagic) return Bad("no batch header");
  if (LoadLittle<uint32_t>(at + 4) != Crc32cExtend(nonce, bytes.substr(8, 56))) {
    return Bad("checksum of a batch header");
  }
  header->base_offset = LoadLittle<uint64_t>(at + 8);
  header->appended_at_us = LoadLittle<int64_t>(at + 16);
  header->payload_bytes = LoadLittle<uint32_t>(at + 24);
  header->record_count = LoadLittle<uint32_t>(at + 28);
  header->payload_crc = LoadLittle<uint32_t>(at + 32);
  header->flags = LoadLittle<uint32_t>(at + 36);
  header->sync_point = LoadLittle<uint64_t>(at + 40);
  header->position = LoadLittle<uint64_t>(at + 48);
  if (header->position != position) return Bad("a batch of another position");
  if (header->sync_point > position) return Bad("sync point of a batch");
  if (header->flags & ~kFlagCleanShutdown) return Bad("unknown flags of a batch");
  if (header->is_mark() != (header->record_count == 0)) return Bad("record count of a batch");
  if (header->payload_bytes > limits::kLogBatchBytesMax ||
      header->record_count > header->payload_bytes / kRecordBytesMin) {
    return Bad("impossible size of a batch");
  }
  if (header->base_offset > UINT64_MAX - header->record_count) return Bad("offset of a batch");
  return absl::OkStatus();
}

void AppendRecord(const RecordView& record, std::string* payload) {
  PutVarint(payload, record.partition);
  PutString(payload, record.key);
  PutVarint(payload, record.value.size() + record.value_rest.size());
  payload->append(record.value).append(record.value_rest);
}

absl::Status DecodeBatch(std::string_view bytes, uint32_t nonce, uint64_t position,
                         BatchHeader* header, std::vector<LogBatch::Record>* records) {
  HOGLET_RETURN_IF_ERROR(DecodeBatchHeader(bytes, nonce, position, header));
  if (bytes.size() < header->total_bytes()) return Bad("batch cut short");
  const std::string_view payload = bytes.substr(kBatchHeaderBytes, header->payload_bytes);
  if (Crc32c(payload) != header->payload_crc) return Bad("checksum of a batch");
  const uint64_t padded_from = kBatchHeaderBytes + header->payload_bytes;
  if (!AllZero(bytes.substr(padded_from, header->total_bytes() - padded_from))) {
    return Bad("padding of a batch is not zero");
  }
  if (!DecodeRecords(payload, *header, records)) return Bad("records of a batch");
  return absl::OkStatus();
}

std::string SealSmallFile(std::string_view magic, std::string_view body) {
  HOGLET_ASSERT(magic.size() == 8);
  std::string out(magic);
  PutLittle(&out, kFormatVersion);
  PutLittle(&out, Crc32cExtend(Crc32c(out), body));
  out.append(body);
  return out;
}

absl::StatusOr<std::string_view> OpenSmallFile(std::string_view magic, std::string_view file) {
  if (file.size() < kSmallFileHeaderBytes) return Bad("too short for its header");
  if (file.substr(0, 8) != magic) return Bad("not a file of this kind");
  const std::string_view body = file.substr(kSmallFileHeaderBytes);
  if (LoadLittle<uint32_t>(file.data() + 12) != Crc32cExtend(Crc32c(file.substr(0, 12)), body)) {
    return Bad("checksum");
  }
  if (const auto version = LoadLittle<uint32_t>(file.data() + 8); version != kFormatVersion) {
    return absl::UnimplementedError(
        StrCat("format version ", version, ", this program reads ", kFormatVersion));
  }
  return body;
}

std::string SegmentFileName(uint64_t base_offset) {
  return absl::StrFormat("%020d%s", base_offset, std::string(kSegmentSuffix));
}

bool ParseSegmentFileName(std::string_view name, uint64_t* base_offset) {
  constexpr size_t kDigits = 20;
  if (name.size() != kDigits + kSegmentSuffix.size() || name.substr(kDigits) != kSegmentSuffix) {
    return false;
  }
  const char* end = name.data() + kDigits;
  const auto result = std::from_chars(name.data(), end, *base_offset);
  return result.ec == std::errc() && result.ptr == end;
}

bool IsTopicName(std::string_view name) {
  if (name.empty() || name.size() > limits::kLogTopicNameBytesMax || name.front() == '.') {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

}  // namespace hoglet::log_internal
