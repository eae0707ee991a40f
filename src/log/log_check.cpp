#include <optional>

#include "include/hoglet/log.h"
#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/hash.h"
#include "src/base/strings.h"
#include "src/log/consumer_offsets.h"
#include "src/log/segment_scan.h"

// Log::Check: reads everything, changes nothing, reports everything that is not as FORMAT.md says.

namespace hoglet {
namespace {

using log_internal::ConsumerOffsets;
using log_internal::ScanSegment;
using log_internal::SegmentScan;
using log_internal::SegmentTail;

using Report = std::function<void(const std::string&)>;

constexpr uint64_t kSmallFileBytesMax = 1 << 20;
constexpr uint64_t kSegmentFileBytesMax = 8ull << 30;

bool IsTemporary(const std::string& name) {
  return name.size() > 4 && name.substr(name.size() - 4) == ".tmp";
}

class TopicChecker {
 public:
  TopicChecker(Env* env, std::string directory, std::string name, const Report& report)
      : env_(env), directory_(std::move(directory)), name_(std::move(name)), report_(report) {}

  // The number of records.
  absl::StatusOr<uint64_t> Run() {
    HOGLET_ASSIGN_OR_RETURN(const auto entries, env_->List(directory_));
    bool has_topic_file = false;
    std::vector<uint64_t> bases;
    for (const DirectoryEntry& entry : entries) {
      uint64_t base_offset = 0;
      if (entry.name == "TOPIC") {
        has_topic_file = true;
        CheckTopicFile();
      } else if (entry.name == "CONSUMERS") {
        CheckConsumersFile();
      } else if (log_internal::ParseSegmentFileName(entry.name, &base_offset)) {
        bases.push_back(base_offset);
      } else if (!IsTemporary(entry.name)) {
        report_(StrCat(directory_, "/", entry.name, ": no file of the log"));
      }
    }
    if (!has_topic_file) report_(StrCat(directory_, "/TOPIC: missing"));
    for (size_t i = 0; i < bases.size(); ++i) CheckSegment(bases[i], i + 1 == bases.size());
    CheckConsumersAgainstEnd();
    return records_;
  }

 private:
  void Fault(const std::string& path, uint64_t position, std::string_view what) {
    report_(StrCat(path, ": ", what, " at position ", position));
  }

  std::optional<std::string> ReadFile(const std::string& path, uint64_t bytes_max) {
    auto text = env_->ReadWholeFile(path, bytes_max);
    if (text.ok()) return *std::move(text);
    report_(StrCat("cannot read ", FromAbsl(text.status().message())));
    return std::nullopt;
  }

  void CheckTopicFile() {
    const std::string path = directory_ + "/TOPIC";
    const auto text = ReadFile(path, kSmallFileBytesMax);
    if (!text.has_value()) return;
    const auto body = log_internal::OpenSmallFile("HOGTOPIC", *text);
    if (!body.ok()) return Fault(path, 0, FromAbsl(body.status().message()));
    ByteReader in(*body);
    uint32_t partitions = 0;
    if (!in.GetLittle(&partitions) || !in.empty() || partitions == 0) {
      Fault(path, 16, "partitions");
    }
  }

  void CheckConsumersFile() {
    const std::string path = directory_ + "/CONSUMERS";
    const auto text = ReadFile(path, kSmallFileBytesMax);
    if (!text.has_value()) return;
    auto offsets = ConsumerOffsets::Decode(*text);
    if (!offsets.ok()) return Fault(path, 0, FromAbsl(offsets.status().message()));
    consumers_ = *std::move(offsets);
  }

  void CheckSegment(uint64_t base_offset, bool is_newest) {
    const std::string path = StrCat(directory_, "/", log_internal::SegmentFileName(base_offset));
    const auto bytes = ReadFile(path, kSegmentFileBytesMax);
    if (!bytes.has_value()) {
      end_offset_.reset();
      return;
    }
    const SegmentScan scan = ScanSegment(*bytes, base_offset);
    records_ += scan.records;
    if (scan.tail == SegmentTail::kRot) Fault(path, scan.fault_position, scan.fault);
    if (scan.tail == SegmentTail::kTorn) {
      Fault(path, scan.fault_position,
            StrCat(scan.fault, is_newest ? " (a torn tail, or a damaged end)" : ""));
    }
    if (scan.tail == SegmentTail::kZeros && !is_newest) {
      Fault(path, scan.end_position, "zeros after the last batch of a sealed segment");
    }
    if (scan.end_position > 0) CheckChain(path, scan);
    end_offset_ = scan.end_offset;
    previous_base_offset_ = base_offset;
    previous_bytes_ = bytes->size();
  }

  void CheckChain(const std::string& path, const SegmentScan& scan) {
    const auto& header = scan.header;
    if (header.topic_hash != SipHash64(name_)) Fault(path, 32, "segment of another topic");
    if (!end_offset_.has_value()) return;
    if (header.base_offset != *end_offset_) {
      Fault(path, 16, StrCat("the segment before ends at offset ", *end_offset_));
    }
    if (header.previous_base_offset != previous_base_offset_ ||
        header.previous_bytes != previous_bytes_) {
      Fault(path, 40, "another segment before this one was expected");
    }
  }

  void CheckConsumersAgainstEnd() {
    for (const auto& [name, offset] : consumers_) {
      if (offset > end_offset_.value_or(0)) {
        report_(StrCat(directory_, "/CONSUMERS: consumer ", name, " stands at ", offset,
                       ", past the end ", end_offset_.value_or(0)));
      }
    }
  }

  Env* env_;
  const std::string directory_;
  const std::string name_;
  const Report& report_;
  uint64_t records_ = 0;
  std::optional<uint64_t> end_offset_;
  uint64_t previous_base_offset_ = 0;
  uint64_t previous_bytes_ = 0;
  std::map<std::string, uint64_t> consumers_;
};

}  // namespace

absl::StatusOr<uint64_t> Log::Check(Env* env, const std::string& directory,
                                    const std::function<void(const std::string&)>& report) {
  HOGLET_ASSIGN_OR_RETURN(const auto entries, env->List(directory));
  uint64_t records = 0;
  for (const DirectoryEntry& entry : entries) {
    const std::string path = StrCat(directory, "/", entry.name);
    if (entry.is_directory && log_internal::IsTopicName(entry.name)) {
      HOGLET_ASSIGN_OR_RETURN(const uint64_t more,
                              TopicChecker(env, path, entry.name, report).Run());
      records += more;
    } else if (entry.name != "LOCK" || entry.bytes != 0) {
      report(StrCat(path, ": no file of the log"));
    }
  }
  return records;
}

}  // namespace hoglet
