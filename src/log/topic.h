#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/log.h"
#include "src/base/metrics.h"
#include "src/log/consumer_offsets.h"
#include "src/log/segment_scan.h"
#include "src/log/space_guard.h"

namespace hoglet::log_internal {

// One file of a topic. What changes while it is the newest is guarded by Topic::mutex_; a sealed
// one never changes.
struct Segment {
  std::string path;
  uint64_t base_offset = 0;
  uint32_t nonce = 0;
  uint64_t end_position = 0;  // durable bytes
  uint64_t end_offset = 0;    // one past its last durable record
  int64_t last_appended_at_us = 0;
  bool ends_with_mark = false;
  // Of a segment that was sealed before the topic was opened: made at the first read.
  bool has_index = true;
  std::vector<IndexEntry> index;
  std::shared_ptr<ReadableFile> reader;  // opened at the first read
};

// A topic and its writer thread.
//
// Appends queue up; the writer takes all that wait, writes them with one call and one fdatasync,
// publishes the new end and then calls back. While it syncs, the next group gathers: the disk sets
// the pace, and the more writers there are the more share a sync.
//
// State of the file (file_, position_, allocated_, sync_point_) belongs to the writer thread alone.
// mutex_ guards the rest and is never held during I/O or callbacks.
class Topic {
 public:
  // Creates the files of a new topic in `directory`, durable but for the entry in the parent
  // directory.
  static absl::StatusOr<std::unique_ptr<Topic>> Create(Env* env, SpaceGuard* space,
                                                       const std::string& directory,
                                                       const std::string& name,
                                                       const TopicOptions& options);
  // Recovers an existing one.
  static absl::StatusOr<std::unique_ptr<Topic>> Open(Env* env, SpaceGuard* space,
                                                     const std::string& directory,
                                                     const std::string& name,
                                                     const TopicOptions& options);
  // Finishes what is queued, marks the shutdown as clean.
  ~Topic();

  absl::Status SetOptions(const TopicOptions& options);
  void AppendAsync(const std::vector<LogRecord>& records, Log::AppendDone done);
  absl::StatusOr<std::vector<LogBatch>> Read(uint64_t offset, uint64_t bytes_max);
  uint64_t WaitForEnd(uint64_t offset, int64_t timeout_us);
  void Interrupt();
  uint64_t begin_offset();
  uint64_t end_offset();
  absl::Status CommitConsumer(const std::string& consumer, uint64_t offset);
  absl::StatusOr<uint64_t> ConsumerOffset(const std::string& consumer);
  absl::Status EnforceRetention();
  absl::Status Health();

 private:
  struct Pending {
    std::string payload;
    uint32_t payload_crc = 0;
    uint32_t record_count = 0;
    Log::AppendDone done;
    uint64_t total_bytes() const;
  };
  using Group = std::vector<Pending>;
  struct ReadPlan {
    std::shared_ptr<Segment> segment;
    std::shared_ptr<ReadableFile> reader;
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  struct Metrics {
    Counter* appended_bytes;
    Counter* appended_records;
    Counter* syncs;
    Histogram* sync_seconds;
    Gauge* queue_bytes;
  };

  Topic(Env* env, SpaceGuard* space, std::string directory, std::string name,
        const TopicOptions& options);

  // topic_open.cpp
  absl::Status Recover();
  absl::StatusOr<std::vector<uint64_t>> ListSegments();
  absl::Status RecoverSealed(uint64_t base_offset, uint64_t end_offset);
  absl::Status RecoverNewest(uint64_t base_offset);
  absl::StatusOr<std::optional<uint64_t>> ReadCleanMark(const std::string& path, uint64_t bytes);
  absl::Status DiscardNewest(uint64_t base_offset, std::string_view bytes,
                             const std::string& fault);
  absl::Status ReopenSealed();
  absl::Status CutTail(const std::string& path, const SegmentScan& scan, uint64_t file_bytes,
                       WritableFile* file);
  absl::Status CheckChain(const SegmentHeader& header, const std::string& path) const;
  absl::Status CheckConsumers();
  // EnforceRetention() where a failure must not fail what goes on: the next time tries again.
  void DropOldSegments();
  absl::Status CreateSegment(uint64_t base_offset, uint64_t previous_base_offset,
                             uint64_t previous_bytes);
  void AddSegment(const std::string& path, const SegmentScan& scan);
  absl::Status ReadTopicFile(uint32_t* partitions);
  std::string SegmentPath(uint64_t base_offset) const;
  void StartWriter();

  // topic_writer.cpp; all on the writer thread.
  void RunWriter();
  Group TakeGroup();
  absl::StatusOr<uint64_t> WriteGroup(const Group& group);
  absl::Status Prepare(uint64_t bytes);
  absl::Status Roll();
  absl::Status Reserve(uint64_t bytes);
  absl::Status RollBack(absl::Status cause);
  absl::Status SyncTimed();
  absl::Status Break(const absl::Status& cause);
  std::vector<BatchHeader> HeadersOf(const Group& group);
  absl::Status Write(const Group& group, const std::vector<BatchHeader>& headers);
  void Publish(const std::vector<BatchHeader>& headers);
  void Finish(Group* group, const absl::StatusOr<uint64_t>& result);
  void WriteMark();

  // topic.cpp
  absl::StatusOr<Pending> Encode(const std::vector<LogRecord>& records,
                                 const TopicOptions& options) const;
  absl::Status Admit(Pending* pending);
  absl::StatusOr<std::shared_ptr<Segment>> FindSegment(uint64_t offset);
  absl::Status PrepareToRead(const std::shared_ptr<Segment>& segment);
  absl::StatusOr<std::vector<IndexEntry>> MakeIndex(const Segment& segment,
                                                    const ReadableFile& file) const;
  absl::StatusOr<ReadPlan> PlanRead(uint64_t offset);
  std::shared_ptr<Segment> OldestToDrop();
  absl::Status FillBuffer(const ReadPlan& plan, uint64_t have, uint64_t wanted, char* buffer);
  absl::StatusOr<std::vector<LogBatch>> ReadChunk(const ReadPlan& plan, uint64_t offset,
                                                  uint64_t bytes_max, uint64_t* next);

  Env* const env_;
  SpaceGuard* const space_;
  const std::string directory_;
  const std::string name_;
  Metrics metrics_;

  std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable end_moved_;
  TopicOptions options_;
  std::deque<Pending> queue_;
  uint64_t queued_bytes_ = 0;  // until called back
  bool stopping_ = false;
  uint64_t interrupts_ = 0;
  absl::Status broken_;
  std::deque<std::shared_ptr<Segment>> segments_;  // by offset, never empty
  std::shared_ptr<Segment> newest_;

  // Of the writer thread (and of recovery, before it starts).
  std::unique_ptr<WritableFile> file_;
  uint64_t position_ = 0;   // where the next batch goes
  uint64_t allocated_ = 0;  // size of the file, zeros from position_ on
  uint64_t next_offset_ = 0;

  std::mutex retention_mutex_;
  bool removal_unsynced_ = false;  // guarded by retention_mutex_
  ConsumerOffsets consumers_;
  std::thread writer_;
};

}  // namespace hoglet::log_internal
