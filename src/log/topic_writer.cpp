#include <algorithm>

#include "include/hoglet/status.h"
#include "src/base/buffer_pool.h"
#include "src/base/logging.h"
#include "src/base/strings.h"
#include "src/base/thread_pool.h"
#include "src/log/topic.h"

// The writing side of a topic: one thread, group commit, what a full or failing disk means.

namespace hoglet::log_internal {
namespace {

constexpr uint64_t kGroupBytesMax = 8ull << 20;
// Space is reserved ahead in steps, so that most syncs have no file size to write.
constexpr uint64_t kReserveStepBytes = 4ull << 20;

}  // namespace

void Topic::StartWriter() {
  writer_ = std::thread([this] { RunWriter(); });
}

void Topic::RunWriter() {
  SetThreadName("log-" + name_);
  while (true) {
    Group group = TakeGroup();
    if (group.empty()) break;
    const absl::StatusOr<uint64_t> result = WriteGroup(group);
    Finish(&group, result);
  }
  WriteMark();
}

// Waits for work; empty when stopping and nothing is left.
Topic::Group Topic::TakeGroup() {
  Group group;
  std::unique_lock lock(mutex_);
  has_work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  uint64_t bytes = 0;
  while (!queue_.empty()) {
    const uint64_t more = queue_.front().total_bytes();
    const bool fits =
        bytes + more <= kGroupBytesMax && position_ + bytes + more <= options_.segment_bytes_max;
    if (!group.empty() && !fits) break;
    bytes += more;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

// Brings the group onto stable storage; the offset of its first record.
absl::StatusOr<uint64_t> Topic::WriteGroup(const Group& group) {
  {
    std::lock_guard lock(mutex_);
    HOGLET_RETURN_IF_ERROR(broken_);
  }
  uint64_t bytes = 0;
  for (const Pending& pending : group) bytes += pending.total_bytes();
  HOGLET_RETURN_IF_ERROR(Prepare(bytes));

  const uint64_t base_offset = next_offset_;
  const std::vector<BatchHeader> headers = HeadersOf(group);
  if (absl::Status written = Write(group, headers); !written.ok()) return RollBack(written);
  if (absl::Status synced = SyncTimed(); !synced.ok()) return Break(synced);
  position_ += bytes;
  allocated_ = std::max(allocated_, position_);
  next_offset_ = headers.back().base_offset + headers.back().record_count;
  metrics_.appended_bytes->Add(bytes);
  metrics_.appended_records->Add(next_offset_ - base_offset);
  Publish(headers);
  return base_offset;
}

// A segment with room for the bytes, and the disk's promise of them.
absl::Status Topic::Prepare(uint64_t bytes) {
  uint64_t segment_bytes_max = 0;
  uint64_t base_offset = 0;
  {
    std::lock_guard lock(mutex_);
    segment_bytes_max = options_.segment_bytes_max;
    base_offset = newest_->base_offset;
  }
  if (position_ + bytes > segment_bytes_max && next_offset_ > base_offset) {
    HOGLET_RETURN_IF_ERROR(Roll());
    DropOldSegments();
  }
  return Reserve(bytes);
}

// Seals the newest segment and begins another. After kResourceExhausted the old one is still the
// newest.
absl::Status Topic::Roll() {
  uint64_t base_offset = 0;
  {
    std::lock_guard lock(mutex_);
    base_offset = newest_->base_offset;
  }
  absl::Status status = file_->Truncate(position_);
  if (status.ok()) status = SyncTimed();
  if (!status.ok()) return Break(status);
  allocated_ = position_;

  std::unique_ptr<WritableFile> sealed = std::move(file_);
  const uint64_t sealed_bytes = position_;
  status = CreateSegment(next_offset_, base_offset, sealed_bytes);
  if (status.ok()) {
    // Its content is synced: an error of close says nothing about it.
    sealed->Close().IgnoreError();
    return absl::OkStatus();
  }
  file_ = std::move(sealed);
  position_ = allocated_ = sealed_bytes;
  if (!absl::IsResourceExhausted(status)) return Break(status);
  // Without the sync a crash could bring the half-made file back after more has been appended to
  // the old one.
  const std::string path = SegmentPath(next_offset_);
  absl::Status removed = env_->Exists(path) ? env_->Remove(path) : absl::OkStatus();
  if (removed.ok()) removed = env_->SyncDirectory(directory_);
  if (!removed.ok()) return Break(removed);
  return status;
}

absl::Status Topic::Reserve(uint64_t bytes) {
  const uint64_t needed = position_ + bytes;
  if (needed <= allocated_) return absl::OkStatus();
  uint64_t segment_bytes_max = 0;
  {
    std::lock_guard lock(mutex_);
    segment_bytes_max = options_.segment_bytes_max;
  }
  const uint64_t step = std::max(needed, std::min(needed + kReserveStepBytes, segment_bytes_max));
  absl::Status status = file_->Preallocate(step);
  if (status.ok()) {
    allocated_ = step;
    return status;
  }
  if (absl::IsResourceExhausted(status) && step > needed) {
    status = file_->Preallocate(needed);
    if (status.ok()) allocated_ = needed;
  }
  return status.ok() ? status : RollBack(status);
}

// After a failed write: if the disk was full, the file is cut back to its last batch and the topic
// stays usable.
absl::Status Topic::RollBack(absl::Status cause) {
  if (!absl::IsResourceExhausted(cause)) return Break(cause);
  absl::Status status = file_->Truncate(position_);
  if (status.ok()) status = SyncTimed();
  if (!status.ok()) return Break(status);
  allocated_ = position_;
  return cause;
}

absl::Status Topic::SyncTimed() {
  const int64_t begin_ns = env_->MonotonicNanos();
  absl::Status status = file_->Sync();
  metrics_.sync_seconds->Observe(static_cast<double>(env_->MonotonicNanos() - begin_ns) * 1e-9);
  metrics_.syncs->Add();
  return status;
}

// Refuses all appends from now on: what the disk holds is known only after a reopen.
absl::Status Topic::Break(const absl::Status& cause) {
  absl::Status broken = absl::UnavailableError(
      StrCat("topic ", name_,
             " refuses appends until it is reopened, after: ", FromAbsl(cause.message())));
  {
    std::lock_guard lock(mutex_);
    if (broken_.ok()) broken_ = broken;
  }
  LogError("log topic broken", {{"topic", name_}, {"error", cause}});
  return broken;
}

std::vector<BatchHeader> Topic::HeadersOf(const Group& group) {
  std::vector<BatchHeader> headers;
  headers.reserve(group.size());
  const int64_t now_us = env_->NowMicros();
  uint64_t offset = next_offset_;
  uint64_t position = position_;
  for (const Pending& pending : group) {
    BatchHeader& header = headers.emplace_back();
    header.base_offset = offset;
    header.appended_at_us = now_us;
    header.payload_bytes = static_cast<uint32_t>(pending.payload.size());
    header.record_count = pending.record_count;
    header.payload_crc = pending.payload_crc;
    // Everything before this group has been synced.
    header.sync_point = position_;
    header.position = position;
    offset += pending.record_count;
    position += header.total_bytes();
  }
  return headers;
}

absl::Status Topic::Write(const Group& group, const std::vector<BatchHeader>& headers) {
  constexpr std::string_view kPadding("\0\0\0\0\0\0\0", kBatchAlignment - 1);
  uint32_t nonce = 0;
  {
    std::lock_guard lock(mutex_);
    nonce = newest_->nonce;
  }
  std::string encoded;
  encoded.reserve(headers.size() * kBatchHeaderBytes);
  for (const BatchHeader& header : headers) AppendBatchHeader(header, nonce, &encoded);
  std::vector<std::string_view> pieces;
  pieces.reserve(headers.size() * 3);
  for (size_t i = 0; i < headers.size(); ++i) {
    const uint64_t unpadded = kBatchHeaderBytes + headers[i].payload_bytes;
    pieces.push_back(std::string_view(encoded).substr(i * kBatchHeaderBytes, kBatchHeaderBytes));
    pieces.push_back(group[i].payload);
    pieces.push_back(kPadding.substr(0, headers[i].total_bytes() - unpadded));
  }
  return file_->WritePiecesAt(position_, pieces);
}

void Topic::Publish(const std::vector<BatchHeader>& headers) {
  {
    std::lock_guard lock(mutex_);
    for (const BatchHeader& header : headers) {
      auto& index = newest_->index;
      if (index.empty() || header.position >= index.back().position + kIndexStepBytes) {
        index.push_back({header.base_offset, header.position});
      }
    }
    newest_->last_appended_at_us = headers.back().appended_at_us;
    newest_->ends_with_mark = headers.back().is_mark();
    newest_->end_position = position_;
    newest_->end_offset = next_offset_;
  }
  end_moved_.notify_all();
}

void Topic::Finish(Group* group, const absl::StatusOr<uint64_t>& result) {
  uint64_t bytes = 0;
  for (Pending& pending : *group) {
    bytes += pending.total_bytes();
    BufferPool::Default()->Give(std::move(pending.payload));
  }
  {
    std::lock_guard lock(mutex_);
    queued_bytes_ -= bytes;
  }
  metrics_.queue_bytes->Add(-static_cast<double>(bytes));
  uint64_t offset = result.ok() ? *result : 0;
  for (const Pending& pending : *group) {
    pending.done(result.ok() ? absl::StatusOr<uint64_t>(offset) : result);
    offset += pending.record_count;
  }
}

// The last act of a clean shutdown. Its failure costs nothing but the proof.
void Topic::WriteMark() {
  BatchHeader mark;
  std::string bytes;
  {
    std::lock_guard lock(mutex_);
    if (!broken_.ok()) return;
    const bool nothing_new =
        newest_->ends_with_mark || newest_->end_position <= kSegmentHeaderBytes;
    if (!nothing_new) {
      mark.base_offset = next_offset_;
      mark.appended_at_us = newest_->last_appended_at_us;
      mark.flags = kFlagCleanShutdown;
      mark.sync_point = mark.position = position_;
      AppendBatchHeader(mark, newest_->nonce, &bytes);
    }
  }
  if (bytes.empty() && allocated_ == position_) return;
  absl::Status status = file_->Truncate(position_);
  if (status.ok() && !bytes.empty()) status = file_->WriteAt(position_, bytes);
  if (status.ok()) status = file_->Sync();
  if (absl::Status closed = file_->Close(); status.ok()) status = closed;
  if (!status.ok()) {
    LogWarning("no clean-shutdown mark", {{"topic", name_}, {"error", status}});
  }
}

}  // namespace hoglet::log_internal
