#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"

// The durable, ordered record of everything accepted: the one thing a crash must not lose.
//
// A topic is one stream of segment files. Its records have dense offsets from zero, never reused:
// the topic's order is the order in which all its records take effect. A record carries a partition
// number (hash of its key modulo the topic's partition count), by which consumers divide work;
// because all partitions of a topic share one stream, one fdatasync serves every waiting append, an
// append of many keys is atomic, and "log order across partitions" is simply the offset.
//
// After any write or sync error the topic refuses every further append with kUnavailable until it
// is reopened: the page cache no longer says what the disk holds. Reading stays possible. A full
// disk (kResourceExhausted) is refused before anything is written where it can be foreseen, and
// appends resume by themselves once space is back.
//
// Thread-safe. One process at a time; Open() takes a lock on the directory. Bytes:
// src/log/FORMAT.md.

namespace hoglet {

struct LogRecord {
  std::string_view key;
  std::string_view value;
  // Goes behind `value`, as if it were part of it: for values that are in two places.
  std::string_view value_rest;
};

// A batch as read back: what one Append() wrote, whole.
struct LogBatch {
  struct Record {
    uint64_t offset = 0;
    uint32_t partition = 0;
    std::string_view key;
    std::string_view value;
  };
  uint64_t base_offset = 0;
  int64_t appended_at_us = 0;
  std::vector<Record> records;
  // Keeps the bytes of the views alive.
  std::shared_ptr<const void> owner;

  uint64_t end_offset() const { return base_offset + records.size(); }
};

struct TopicOptions {
  uint32_t partitions = 8;
  uint64_t segment_bytes_max = 128ull << 20;
  uint64_t record_bytes_max = 24ull << 20;
  // Retention drops whole segments, oldest first, that every registered consumer has passed.
  uint64_t retained_bytes_max = 8ull << 30;
  int64_t retained_us_max = 7ll * 24 * 3600 * 1'000'000;
  // Appends that wait for the disk at one time, in bytes; more are refused with kResourceExhausted
  // ("back-pressure").
  uint64_t queued_bytes_max = 64ull << 20;
};

class Log {
 public:
  struct Options {
    // Appends are refused with kResourceExhausted while the file system has less free space than
    // this.
    uint64_t free_bytes_min = 64ull << 20;
  };

  // Opens or creates the log. Recovers every topic found: truncates a torn tail (a last batch of
  // the newest segment that is short or fails its checksum, beyond the last known sync point);
  // damage anywhere else is kDataLoss naming file and position: from here if it is in the newest
  // segment or in how the segments follow each other, else from the Read() that meets it.
  static absl::StatusOr<std::unique_ptr<Log>> Open(Env* env, const std::string& directory,
                                                   const Options& options);

  virtual ~Log() = default;

  // Creates the topic, or checks that it exists; options apply to this process (partitions are
  // fixed at creation), and the last ones given hold: one room decides for a topic.
  virtual absl::Status OpenTopic(const std::string& topic, const TopicOptions& options) = 0;
  virtual bool HasTopic(const std::string& topic) = 0;

  using AppendDone = std::function<void(absl::StatusOr<uint64_t> base_offset)>;

  // Appends the records as one atomic batch; `done` is called from the log's thread (or inline on
  // refusal) with the offset of the first, once they are on stable storage. The records are copied
  // before the call returns.
  virtual void AppendAsync(const std::string& topic, const std::vector<LogRecord>& records,
                           AppendDone done) = 0;
  // The same, waiting.
  virtual absl::StatusOr<uint64_t> Append(const std::string& topic,
                                          const std::vector<LogRecord>& records) = 0;

  // Whole batches from the one that holds `offset` on, up to about `bytes_max` (at least one batch
  // if there is one). Only batches that are on stable storage. kOutOfRange if the offset has been
  // dropped by retention; empty at the end.
  virtual absl::StatusOr<std::vector<LogBatch>> Read(const std::string& topic, uint64_t offset,
                                                     uint64_t bytes_max) = 0;

  // Blocks until the durable end passes `offset` or `timeout_us` has gone by (real time) or
  // Interrupt() is called; returns the end.
  virtual uint64_t WaitForEnd(const std::string& topic, uint64_t offset, int64_t timeout_us) = 0;
  virtual void Interrupt() = 0;

  virtual uint64_t begin_offset(const std::string& topic) = 0;
  // One past the last durable record.
  virtual uint64_t end_offset(const std::string& topic) = 0;

  // Consumer positions: the next offset to read. A registered consumer holds back retention.
  // Committing is durable on return.
  virtual absl::Status CommitConsumer(const std::string& topic, const std::string& consumer,
                                      uint64_t offset) = 0;
  virtual absl::StatusOr<uint64_t> ConsumerOffset(const std::string& topic,
                                                  const std::string& consumer) = 0;

  // Applies retention now (also done when a segment is sealed and when a consumer commits).
  virtual absl::Status EnforceRetention() = 0;

  // Not OK while appends are refused.
  virtual absl::Status Health() = 0;

  // Verifies every byte under `directory` without opening it for writing: `report` gets one line
  // for each fault (file, place, what). Returns the number of records.
  static absl::StatusOr<uint64_t> Check(Env* env, const std::string& directory,
                                        const std::function<void(const std::string&)>& report);
};

uint32_t LogPartitionOf(std::string_view key, uint32_t partitions);

}  // namespace hoglet
