#include "src/log/topic.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "include/hoglet/status.h"
#include "src/base/buffer_pool.h"
#include "src/base/crc32c.h"
#include "src/base/limits.h"
#include "src/base/logging.h"
#include "src/base/strings.h"

namespace hoglet::log_internal {
namespace {

constexpr uint64_t kReadBytesMin = 64 << 10;
constexpr uint64_t kReadBytesMax = 64 << 20;

absl::Status DamagedAt(const std::string& path, uint64_t position, const absl::Status& what) {
  return absl::DataLossError(
      StrCat(path, ": ", FromAbsl(what.message()), " at position ", position));
}

}  // namespace

Topic::Topic(Env* env, SpaceGuard* space, std::string directory, std::string name,
             const TopicOptions& options)
    : env_(env),
      space_(space),
      directory_(std::move(directory)),
      name_(std::move(name)),
      options_(options),
      consumers_(env, directory_ + "/CONSUMERS") {
  MetricRegistry* registry = MetricRegistry::Default();
  const MetricLabels labels = {{"topic", name_}};
  metrics_.appended_bytes = registry->GetCounter("hoglet_log_appended_bytes_total",
                                                 "Bytes appended and on stable storage", labels);
  metrics_.appended_records = registry->GetCounter(
      "hoglet_log_appended_records_total", "Records appended and on stable storage", labels);
  metrics_.syncs = registry->GetCounter("hoglet_log_syncs_total", "Calls of fdatasync", labels);
  metrics_.sync_seconds =
      registry->GetHistogram("hoglet_log_sync_seconds", "Duration of fdatasync", labels);
  metrics_.queue_bytes = registry->GetGauge("hoglet_log_queue_bytes",
                                            "Bytes of appends that wait for the disk", labels);
}

Topic::~Topic() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    ++interrupts_;
  }
  has_work_.notify_all();
  end_moved_.notify_all();
  if (writer_.joinable()) writer_.join();
}

absl::Status Topic::SetOptions(const TopicOptions& options) {
  std::lock_guard lock(mutex_);
  if (options.partitions != options_.partitions) {
    return absl::FailedPreconditionError(StrCat("topic ", name_, " has ", options_.partitions,
                                                " partitions, not ", options.partitions));
  }
  options_ = options;
  return absl::OkStatus();
}

uint64_t Topic::Pending::total_bytes() const {
  BatchHeader header;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  return header.total_bytes();
}

absl::StatusOr<Topic::Pending> Topic::Encode(const std::vector<LogRecord>& records,
                                             const TopicOptions& options) const {
  if (records.empty()) return absl::InvalidArgumentError("an append needs at least one record");
  if (records.size() > limits::kLogRecordsPerBatchMax) {
    return absl::InvalidArgumentError(StrCat("an append of ", records.size(),
                                             " records, the limit is ",
                                             limits::kLogRecordsPerBatchMax));
  }
  constexpr uint64_t kFramingBytesMax = 20;
  uint64_t bytes = 0;
  for (const LogRecord& record : records) {
    const uint64_t record_bytes =
        record.key.size() + record.value.size() + record.value_rest.size();
    if (record_bytes > options.record_bytes_max) {
      return absl::InvalidArgumentError(StrCat("a record of ", record_bytes,
                                               " bytes, the limit of topic ", name_, " is ",
                                               options.record_bytes_max));
    }
    bytes += record_bytes + kFramingBytesMax;
  }
  const uint64_t bytes_max = std::min(limits::kLogBatchBytesMax, options.queued_bytes_max);
  if (bytes > bytes_max) {
    return absl::InvalidArgumentError(StrCat(
        "an append of about ", bytes, " bytes, the limit of topic ", name_, " is ", bytes_max));
  }
  Pending pending;
  pending.payload = BufferPool::Default()->Take(bytes);
  pending.payload.clear();
  for (const LogRecord& record : records) {
    const size_t begin = pending.payload.size();
    AppendRecord({LogPartitionOf(record.key, options.partitions), record.key, record.value,
                  record.value_rest},
                 &pending.payload);
    // From where a long rest came from: that is in a near cache, what was just written is not yet.
    const size_t before_rest = pending.payload.size() - record.value_rest.size();
    pending.payload_crc = Crc32cExtend(
        pending.payload_crc, std::string_view(pending.payload).substr(begin, before_rest - begin));
    pending.payload_crc = Crc32cExtend(pending.payload_crc, record.value_rest);
  }
  pending.record_count = static_cast<uint32_t>(records.size());
  return pending;
}

// Queues the append, or says why not and leaves it alone.
absl::Status Topic::Admit(Pending* pending) {
  HOGLET_RETURN_IF_ERROR(space_->Check());
  std::lock_guard lock(mutex_);
  HOGLET_RETURN_IF_ERROR(broken_);
  if (stopping_) return absl::UnavailableError(StrCat("topic ", name_, " is closing"));
  const uint64_t bytes = pending->total_bytes();
  // One append is always let in: its own size is checked already.
  if (queued_bytes_ > 0 && queued_bytes_ + bytes > options_.queued_bytes_max) {
    return absl::ResourceExhaustedError(StrCat("back-pressure: topic ", name_, " has ",
                                               queued_bytes_, " bytes waiting for the disk"));
  }
  queued_bytes_ += bytes;
  queue_.push_back(std::move(*pending));
  return absl::OkStatus();
}

void Topic::AppendAsync(const std::vector<LogRecord>& records, Log::AppendDone done) {
  TopicOptions options;
  {
    std::lock_guard lock(mutex_);
    options = options_;
  }
  auto pending = Encode(records, options);
  if (!pending.ok()) return done(pending.status());
  pending->done = std::move(done);
  const uint64_t bytes = pending->total_bytes();
  if (absl::Status refused = Admit(&*pending); !refused.ok()) return pending->done(refused);
  metrics_.queue_bytes->Add(static_cast<double>(bytes));
  has_work_.notify_one();
}

// The segment that holds `offset`; null at the end of the log.
absl::StatusOr<std::shared_ptr<Segment>> Topic::FindSegment(uint64_t offset) {
  std::lock_guard lock(mutex_);
  if (offset < segments_.front()->base_offset) {
    return absl::OutOfRangeError(StrCat("topic ", name_, ": offset ", offset,
                                        " was dropped by retention, the first is ",
                                        segments_.front()->base_offset));
  }
  if (offset >= newest_->end_offset) return nullptr;
  const auto after = std::upper_bound(
      segments_.begin(), segments_.end(), offset,
      [](uint64_t wanted, const auto& segment) { return wanted < segment->base_offset; });
  return *std::prev(after);
}

// Opens the segment for reading, and finds its way in it, unless that has been done.
absl::Status Topic::PrepareToRead(const std::shared_ptr<Segment>& segment) {
  std::shared_ptr<ReadableFile> reader;
  bool has_index = false;
  {
    std::lock_guard lock(mutex_);
    reader = segment->reader;
    has_index = segment->has_index;
  }
  if (reader != nullptr && has_index) return absl::OkStatus();
  if (reader == nullptr) {
    auto file = env_->OpenForRead(segment->path);
    if (absl::IsNotFound(file.status())) {
      return absl::OutOfRangeError(StrCat(segment->path, ": dropped by retention"));
    }
    if (!file.ok()) return file.status();
    reader = *std::move(file);
  }
  // Two readers may do the same work; has_index never goes back to false.
  std::vector<IndexEntry> index;
  if (!has_index) {
    HOGLET_ASSIGN_OR_RETURN(index, MakeIndex(*segment, *reader));
  }
  std::lock_guard lock(mutex_);
  segment->reader = std::move(reader);
  if (!segment->has_index) segment->index = std::move(index);
  segment->has_index = true;
  return absl::OkStatus();
}

// Reads the headers of a sealed segment's batches.
absl::StatusOr<std::vector<IndexEntry>> Topic::MakeIndex(const Segment& segment,
                                                         const ReadableFile& file) const {
  std::vector<IndexEntry> index;
  std::string buffer(kIndexStepBytes, '\0');
  std::string_view window;
  uint64_t window_begin = 0;
  uint64_t offset = segment.base_offset;
  for (uint64_t position = kSegmentHeaderBytes; position < segment.end_position;) {
    if (position + kBatchHeaderBytes > window_begin + window.size()) {
      HOGLET_ASSIGN_OR_RETURN(window, file.Read(position, buffer.size(), buffer.data()));
      window_begin = position;
    }
    BatchHeader header;
    const absl::Status decoded =
        DecodeBatchHeader(window.substr(position - window_begin), segment.nonce, position, &header);
    if (!decoded.ok()) return DamagedAt(segment.path, position, decoded);
    if (index.empty() || position >= index.back().position + kIndexStepBytes) {
      index.push_back({header.base_offset, position});
    }
    offset = header.base_offset + header.record_count;
    position += header.total_bytes();
  }
  if (offset != segment.end_offset) {
    return DamagedAt(
        segment.path, segment.end_position,
        absl::DataLossError(StrCat("ends at offset ", offset, ", not ", segment.end_offset)));
  }
  return index;
}

// Where reading `offset` begins: a position at or before it in the segment that holds it.
absl::StatusOr<Topic::ReadPlan> Topic::PlanRead(uint64_t offset) {
  ReadPlan plan;
  HOGLET_ASSIGN_OR_RETURN(plan.segment, FindSegment(offset));
  if (plan.segment == nullptr) return plan;
  HOGLET_RETURN_IF_ERROR(PrepareToRead(plan.segment));
  std::lock_guard lock(mutex_);
  const auto& index = plan.segment->index;
  const auto entry =
      std::upper_bound(index.begin(), index.end(), offset,
                       [](uint64_t wanted, const IndexEntry& e) { return wanted < e.base_offset; });
  HOGLET_ASSERT(entry != index.begin());
  plan.begin = std::prev(entry)->position;
  plan.end = plan.segment->end_position;
  plan.reader = plan.segment->reader;
  return plan;
}

// Fills `buffer`, whose first `have` bytes are there, with the bytes from the plan's begin on.
absl::Status Topic::FillBuffer(const ReadPlan& plan, uint64_t have, uint64_t wanted, char* buffer) {
  HOGLET_ASSIGN_OR_RETURN(const std::string_view bytes,
                          plan.reader->Read(plan.begin + have, wanted - have, buffer + have));
  if (bytes.size() == wanted - have) return absl::OkStatus();
  return DamagedAt(plan.segment->path, plan.begin + have + bytes.size(),
                   absl::DataLossError("file cut short"));
}

// Reads once from the plan's begin. `next` gets where to go on if no batch of interest was in it.
absl::StatusOr<std::vector<LogBatch>> Topic::ReadChunk(const ReadPlan& plan, uint64_t offset,
                                                       uint64_t bytes_max, uint64_t* next) {
  const std::string& path = plan.segment->path;
  uint64_t wanted = std::min(plan.end - plan.begin, bytes_max);
  auto buffer = std::make_shared_for_overwrite<char[]>(wanted);
  HOGLET_RETURN_IF_ERROR(FillBuffer(plan, 0, wanted, buffer.get()));
  std::string_view bytes(buffer.get(), wanted);
  std::vector<LogBatch> batches;
  uint64_t at = 0;
  while (at + kBatchHeaderBytes <= wanted) {
    const uint64_t position = plan.begin + at;
    BatchHeader header;
    absl::Status status =
        DecodeBatchHeader(bytes.substr(at), plan.segment->nonce, position, &header);
    if (!status.ok()) return DamagedAt(path, position, status);
    if (at + header.total_bytes() > wanted) {
      if (!batches.empty()) break;
      if (position + header.total_bytes() > plan.end) {
        return DamagedAt(path, position, absl::DataLossError("batch cut short"));
      }
      // A batch larger than the chunk: come back for it alone.
      if (at > 0) break;
      auto larger = std::make_shared_for_overwrite<char[]>(header.total_bytes());
      std::memcpy(larger.get(), buffer.get(), wanted);
      HOGLET_RETURN_IF_ERROR(FillBuffer(plan, wanted, header.total_bytes(), larger.get()));
      buffer = std::move(larger);
      wanted = header.total_bytes();
      bytes = {buffer.get(), wanted};
    }
    if (!header.is_mark() && header.base_offset + header.record_count > offset) {
      LogBatch batch;
      status =
          DecodeBatch(bytes.substr(at), plan.segment->nonce, position, &header, &batch.records);
      if (!status.ok()) return DamagedAt(path, position, status);
      batch.base_offset = header.base_offset;
      batch.appended_at_us = header.appended_at_us;
      batch.owner = buffer;
      batches.push_back(std::move(batch));
    }
    at += header.total_bytes();
  }
  *next = plan.begin + at;
  return batches;
}

absl::StatusOr<std::vector<LogBatch>> Topic::Read(uint64_t offset, uint64_t bytes_max) {
  HOGLET_ASSIGN_OR_RETURN(ReadPlan plan, PlanRead(offset));
  if (plan.segment == nullptr) return std::vector<LogBatch>();
  bytes_max = std::clamp(bytes_max, kReadBytesMin, kReadBytesMax);
  for (uint64_t before = 0; plan.begin > before && plan.begin < plan.end;) {
    before = plan.begin;
    HOGLET_ASSIGN_OR_RETURN(auto batches, ReadChunk(plan, offset, bytes_max, &plan.begin));
    if (!batches.empty()) return batches;
  }
  return absl::DataLossError(
      StrCat(plan.segment->path, ": offset ", offset, " is missing from the segment"));
}

uint64_t Topic::WaitForEnd(uint64_t offset, int64_t timeout_us) {
  std::unique_lock lock(mutex_);
  const uint64_t interrupts = interrupts_;
  end_moved_.wait_for(lock, std::chrono::microseconds(std::max<int64_t>(timeout_us, 0)), [&] {
    return newest_->end_offset > offset || interrupts_ != interrupts || stopping_;
  });
  return newest_->end_offset;
}

void Topic::Interrupt() {
  {
    std::lock_guard lock(mutex_);
    ++interrupts_;
  }
  end_moved_.notify_all();
}

uint64_t Topic::begin_offset() {
  std::lock_guard lock(mutex_);
  return segments_.front()->base_offset;
}

uint64_t Topic::end_offset() {
  std::lock_guard lock(mutex_);
  return newest_->end_offset;
}

absl::Status Topic::CommitConsumer(const std::string& consumer, uint64_t offset) {
  const uint64_t end = end_offset();
  if (offset > end) {
    return absl::InvalidArgumentError(StrCat("topic ", name_, ": consumer ", consumer, " commits ",
                                             offset, ", past the end ", end));
  }
  HOGLET_RETURN_IF_ERROR(consumers_.Commit(consumer, offset));
  // What it held back may go now: nothing else would let it go until more is appended.
  DropOldSegments();
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Topic::ConsumerOffset(const std::string& consumer) {
  return consumers_.Find(consumer);
}

// The oldest segment if it may and should go, else null.
std::shared_ptr<Segment> Topic::OldestToDrop() {
  const int64_t now_us = env_->NowMicros();
  const uint64_t passed = consumers_.Minimum(UINT64_MAX);
  std::lock_guard lock(mutex_);
  const std::shared_ptr<Segment> oldest = segments_.front();
  if (oldest == newest_ || oldest->end_offset > passed) return nullptr;
  uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment->end_position;
  const bool too_old = now_us - oldest->last_appended_at_us > options_.retained_us_max;
  return bytes > options_.retained_bytes_max || too_old ? oldest : nullptr;
}

absl::Status Topic::EnforceRetention() {
  std::lock_guard retention_lock(retention_mutex_);
  while (true) {
    // One removal at a time, each durable before the next, so that neither a crash nor an error
    // leaves a gap in the middle.
    if (removal_unsynced_) HOGLET_RETURN_IF_ERROR(env_->SyncDirectory(directory_));
    removal_unsynced_ = false;
    const std::shared_ptr<Segment> oldest = OldestToDrop();
    if (oldest == nullptr) return absl::OkStatus();
    HOGLET_RETURN_IF_ERROR(env_->Remove(oldest->path));
    removal_unsynced_ = true;
    // A reader that has the file open may finish.
    std::lock_guard lock(mutex_);
    segments_.pop_front();
  }
}

void Topic::DropOldSegments() {
  if (absl::Status dropped = EnforceRetention(); !dropped.ok())
    LogWarning("log retention failed", {{"topic", name_}, {"error", dropped}});
}

absl::Status Topic::Health() {
  std::lock_guard lock(mutex_);
  return broken_;
}

}  // namespace hoglet::log_internal
