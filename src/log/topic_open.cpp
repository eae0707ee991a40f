#include <algorithm>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/hash.h"
#include "src/base/logging.h"
#include "src/base/strings.h"
#include "src/log/topic.h"

// How a topic comes to be, and how it comes back after a crash: FORMAT.md, "Reading it back".

namespace hoglet::log_internal {
namespace {

constexpr std::string_view kTopicMagic = "HOGTOPIC";
constexpr uint64_t kTopicFileBytesMax = 4096;
constexpr uint64_t kSegmentFileBytesMax = 8ull << 30;
// A larger newest segment is not read at a start after a clean stop.
constexpr uint64_t kReadBytesMax = 16 << 20;

absl::Status Damaged(const std::string& path, uint64_t position, std::string_view what) {
  return absl::DataLossError(StrCat(path, ": ", what, " at position ", position));
}

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

}  // namespace

std::string Topic::SegmentPath(uint64_t base_offset) const {
  return StrCat(directory_, "/", SegmentFileName(base_offset));
}

absl::StatusOr<std::unique_ptr<Topic>> Topic::Create(Env* env, SpaceGuard* space,
                                                     const std::string& directory,
                                                     const std::string& name,
                                                     const TopicOptions& options) {
  HOGLET_RETURN_IF_ERROR(env->CreateDirectories(directory));
  std::string body;
  PutLittle(&body, options.partitions);
  HOGLET_RETURN_IF_ERROR(env->ReplaceFile(directory + "/TOPIC", SealSmallFile(kTopicMagic, body)));
  // From here on a crash leaves a topic without segments, which opening completes.
  return Open(env, space, directory, name, options);
}

absl::StatusOr<std::unique_ptr<Topic>> Topic::Open(Env* env, SpaceGuard* space,
                                                   const std::string& directory,
                                                   const std::string& name,
                                                   const TopicOptions& options) {
  std::unique_ptr<Topic> topic(new Topic(env, space, directory, name, options));
  HOGLET_RETURN_IF_ERROR(topic->Recover());
  topic->StartWriter();
  return topic;
}

absl::Status Topic::ReadTopicFile(uint32_t* partitions) {
  const std::string path = directory_ + "/TOPIC";
  HOGLET_ASSIGN_OR_RETURN(const std::string text, env_->ReadWholeFile(path, kTopicFileBytesMax));
  auto body = OpenSmallFile(kTopicMagic, text);
  if (!body.ok()) {
    return absl::Status(body.status().code(),
                        StrCat(path, ": ", FromAbsl(body.status().message())));
  }
  ByteReader in(*body);
  if (!in.GetLittle(partitions) || !in.empty() || *partitions == 0) {
    return absl::DataLossError(path + ": partitions");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint64_t>> Topic::ListSegments() {
  HOGLET_ASSIGN_OR_RETURN(const auto entries, env_->List(directory_));
  std::vector<uint64_t> bases;
  for (const DirectoryEntry& entry : entries) {
    uint64_t base_offset = 0;
    if (ParseSegmentFileName(entry.name, &base_offset)) bases.push_back(base_offset);
    if (EndsWith(entry.name, ".tmp")) {
      HOGLET_RETURN_IF_ERROR(env_->Remove(StrCat(directory_, "/", entry.name)));
    }
  }
  return bases;
}

absl::Status Topic::Recover() {
  HOGLET_RETURN_IF_ERROR(ReadTopicFile(&options_.partitions));
  HOGLET_RETURN_IF_ERROR(consumers_.Load());
  HOGLET_ASSIGN_OR_RETURN(const std::vector<uint64_t> bases, ListSegments());
  // The names that were seen must stay.
  HOGLET_RETURN_IF_ERROR(env_->SyncDirectory(directory_));
  for (size_t i = 0; i + 1 < bases.size(); ++i) {
    HOGLET_RETURN_IF_ERROR(RecoverSealed(bases[i], bases[i + 1]));
  }
  if (!bases.empty()) HOGLET_RETURN_IF_ERROR(RecoverNewest(bases.back()));
  if (segments_.empty()) HOGLET_RETURN_IF_ERROR(CreateSegment(0, kNoSegment, 0));
  return CheckConsumers();
}

// Only its header and its length are looked at: it was whole and durable before its successor was
// made, and each batch is proved again when it is read.
absl::Status Topic::RecoverSealed(uint64_t base_offset, uint64_t end_offset) {
  const std::string path = SegmentPath(base_offset);
  HOGLET_ASSIGN_OR_RETURN(auto reader, env_->OpenForRead(path));
  char buffer[kSegmentHeaderBytes];
  HOGLET_ASSIGN_OR_RETURN(const std::string_view bytes, reader->Read(0, sizeof(buffer), buffer));
  SegmentHeader header;
  absl::Status decoded = DecodeSegmentHeader(bytes, &header);
  if (decoded.ok() && header.base_offset != base_offset) {
    decoded = absl::DataLossError("another base offset than the name");
  }
  if (!decoded.ok()) return Damaged(path, 0, FromAbsl(decoded.message()));
  HOGLET_RETURN_IF_ERROR(CheckChain(header, path));
  SegmentScan scan;
  scan.header = header;
  HOGLET_ASSIGN_OR_RETURN(scan.end_position, env_->FileBytes(path));
  scan.end_offset = end_offset;
  AddSegment(path, scan);
  newest_->has_index = false;
  return absl::OkStatus();
}

// The offset of the clean-shutdown mark at the end of a segment, if there is one.
absl::StatusOr<std::optional<uint64_t>> Topic::ReadCleanMark(const std::string& path,
                                                             uint64_t bytes) {
  HOGLET_ASSIGN_OR_RETURN(auto reader, env_->OpenForRead(path));
  char buffer[kSegmentHeaderBytes];
  static_assert(kSegmentHeaderBytes == kBatchHeaderBytes);
  HOGLET_ASSIGN_OR_RETURN(std::string_view read, reader->Read(0, sizeof(buffer), buffer));
  SegmentHeader segment;
  if (!DecodeSegmentHeader(read, &segment).ok()) return std::nullopt;
  const uint64_t position = bytes - kBatchHeaderBytes;
  HOGLET_ASSIGN_OR_RETURN(read, reader->Read(position, sizeof(buffer), buffer));
  BatchHeader mark;
  if (!DecodeBatchHeader(read, segment.nonce, position, &mark).ok() || !mark.is_mark() ||
      mark.sync_point != position || mark.base_offset < segment.base_offset) {
    return std::nullopt;
  }
  return mark.base_offset;
}

absl::Status Topic::RecoverNewest(uint64_t base_offset) {
  const std::string path = SegmentPath(base_offset);
  // What the page cache shows may never have reached the disk.
  HOGLET_ASSIGN_OR_RETURN(auto file, env_->OpenForWrite(path, Env::OpenMode::kKeep));
  HOGLET_RETURN_IF_ERROR(file->Sync());
  HOGLET_ASSIGN_OR_RETURN(const uint64_t file_bytes, env_->FileBytes(path));
  if (file_bytes > kReadBytesMax) {
    HOGLET_ASSIGN_OR_RETURN(const auto end_offset, ReadCleanMark(path, file_bytes));
    if (end_offset.has_value()) {
      // Whole and durable, as the mark proves: it is left as it is, and the log goes on in another.
      HOGLET_RETURN_IF_ERROR(RecoverSealed(base_offset, *end_offset));
      return CreateSegment(*end_offset, base_offset, file_bytes);
    }
  }
  HOGLET_ASSIGN_OR_RETURN(const std::string bytes, env_->ReadWholeFile(path, kSegmentFileBytesMax));
  const SegmentScan scan = ScanSegment(bytes, base_offset);
  if (scan.end_position == 0) return DiscardNewest(base_offset, bytes, scan.fault);
  if (scan.tail == SegmentTail::kRot) return Damaged(path, scan.fault_position, scan.fault);
  HOGLET_RETURN_IF_ERROR(CheckChain(scan.header, path));
  AddSegment(path, scan);
  allocated_ = bytes.size();
  if (scan.tail == SegmentTail::kTorn) {
    HOGLET_RETURN_IF_ERROR(CutTail(path, scan, bytes.size(), file.get()));
    allocated_ = scan.end_position;
  }
  position_ = scan.end_position;
  next_offset_ = scan.end_offset;
  file_ = std::move(file);
  return absl::OkStatus();
}

absl::Status Topic::CutTail(const std::string& path, const SegmentScan& scan, uint64_t file_bytes,
                            WritableFile* file) {
  LogWarning("cutting a torn tail", {{"file", path},
                                     {"position", scan.end_position},
                                     {"bytes", file_bytes - scan.end_position},
                                     {"fault", scan.fault}});
  HOGLET_RETURN_IF_ERROR(file->Truncate(scan.end_position));
  return file->Sync();
}

// A newest segment without a header: its creation was cut short, unless there is more in it.
absl::Status Topic::DiscardNewest(uint64_t base_offset, std::string_view bytes,
                                  const std::string& fault) {
  const std::string path = SegmentPath(base_offset);
  if (LooksLikeHoldingBatches(bytes) || (newest_ == nullptr && base_offset != 0)) {
    return Damaged(path, 0, fault);
  }
  if (newest_ != nullptr) HOGLET_RETURN_IF_ERROR(ReopenSealed());
  LogWarning("removing a segment whose creation was cut short", {{"file", path}});
  HOGLET_RETURN_IF_ERROR(env_->Remove(path));
  return env_->SyncDirectory(directory_);
}

// Makes the last sealed segment the one that is written to. Its successor, which is lost, said in
// its name alone where it must end.
absl::Status Topic::ReopenSealed() {
  const std::string path = newest_->path;
  HOGLET_ASSIGN_OR_RETURN(const std::string bytes, env_->ReadWholeFile(path, kSegmentFileBytesMax));
  const SegmentScan scan = ScanSegment(bytes, newest_->base_offset);
  if (scan.tail != SegmentTail::kExact) {
    return Damaged(path, scan.end_position, "fault in a sealed segment");
  }
  if (scan.end_offset != newest_->end_offset) {
    return Damaged(path, scan.end_position,
                   StrCat("the segment after begins at offset ", newest_->end_offset));
  }
  {
    std::lock_guard lock(mutex_);
    newest_->last_appended_at_us = scan.last_appended_at_us;
    newest_->ends_with_mark = scan.ends_with_mark;
    newest_->index = scan.index;
    newest_->has_index = true;
  }
  HOGLET_ASSIGN_OR_RETURN(file_, env_->OpenForWrite(path, Env::OpenMode::kKeep));
  position_ = allocated_ = newest_->end_position;
  next_offset_ = newest_->end_offset;
  return absl::OkStatus();
}

absl::Status Topic::CheckChain(const SegmentHeader& header, const std::string& path) const {
  if (header.topic_hash != SipHash64(name_)) return Damaged(path, 32, "segment of another topic");
  if (newest_ == nullptr) {
    const bool is_first = header.previous_base_offset == kNoSegment;
    // Retention may have dropped what came before, but never the reason for being the first.
    if (is_first && header.base_offset != 0) return Damaged(path, 16, "first segment not at 0");
    return absl::OkStatus();
  }
  if (header.base_offset != newest_->end_offset) {
    return Damaged(path, 16, StrCat("the segment before ends at offset ", newest_->end_offset));
  }
  if (header.previous_base_offset != newest_->base_offset ||
      header.previous_bytes != newest_->end_position) {
    return Damaged(path, 40, "another segment before this one was expected");
  }
  return absl::OkStatus();
}

void Topic::AddSegment(const std::string& path, const SegmentScan& scan) {
  auto segment = std::make_shared<Segment>();
  segment->path = path;
  segment->base_offset = scan.header.base_offset;
  segment->nonce = scan.header.nonce;
  segment->end_position = scan.end_position;
  segment->end_offset = scan.end_offset;
  segment->last_appended_at_us = scan.last_appended_at_us;
  segment->ends_with_mark = scan.ends_with_mark;
  segment->index = scan.index;
  std::lock_guard lock(mutex_);
  // Of a segment that was not read, the birth of the next one bounds when it was last written to.
  if (newest_ != nullptr && !newest_->has_index) {
    newest_->last_appended_at_us = scan.header.created_at_us;
  }
  segments_.push_back(segment);
  newest_ = std::move(segment);
}

absl::Status Topic::CheckConsumers() {
  for (const auto& [name, offset] : consumers_.All()) {
    if (offset <= next_offset_) continue;
    return absl::DataLossError(StrCat(directory_, ": consumer ", name, " stands at offset ", offset,
                                      " but the log ends at ", next_offset_));
  }
  return absl::OkStatus();
}

// Makes the file, durable with its name, and the newest segment. After an error file_ is
// unspecified.
absl::Status Topic::CreateSegment(uint64_t base_offset, uint64_t previous_base_offset,
                                  uint64_t previous_bytes) {
  const std::string path = SegmentPath(base_offset);
  SegmentScan scan;
  env_->FillRandom({reinterpret_cast<char*>(&scan.header.nonce), sizeof(scan.header.nonce)});
  scan.header.base_offset = base_offset;
  scan.header.created_at_us = env_->NowMicros();
  scan.header.topic_hash = SipHash64(name_);
  scan.header.previous_base_offset = previous_base_offset;
  scan.header.previous_bytes = previous_bytes;
  scan.end_position = kSegmentHeaderBytes;
  scan.end_offset = base_offset;
  scan.last_appended_at_us = scan.header.created_at_us;

  HOGLET_ASSIGN_OR_RETURN(auto file, env_->OpenForWrite(path, Env::OpenMode::kTruncate));
  HOGLET_RETURN_IF_ERROR(file->WriteAt(0, EncodeSegmentHeader(scan.header)));
  HOGLET_RETURN_IF_ERROR(file->Sync());
  HOGLET_RETURN_IF_ERROR(env_->SyncDirectory(directory_));
  file_ = std::move(file);
  position_ = allocated_ = kSegmentHeaderBytes;
  next_offset_ = base_offset;
  AddSegment(path, scan);
  return absl::OkStatus();
}

}  // namespace hoglet::log_internal
