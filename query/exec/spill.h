#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "src/base/metrics.h"

// Files for what a query cannot hold in memory: blocks of bytes, written once, read back in any
// order by the same query, and gone with it. Nothing here survives the process, so nothing is
// synced and there is no format to keep.

namespace hoglet {

// Where a block lies. Both lengths are checked when it is read.
struct SpillBlock {
  uint64_t offset = 0;
  uint32_t stored_bytes = 0;  // header included
  uint32_t raw_bytes = 0;
};

// The folder and its limits, one a process. Thread-safe.
class SpillSpace {
 public:
  struct Options {
    uint64_t bytes_max = 64ull << 30;        // of all queries together
    uint64_t query_bytes_max = 32ull << 30;  // of one query
    uint64_t free_bytes_min = 1ull << 30;    // left to everything else on the disk
  };

  // Makes the folder and empties it of what a crash left. `env` and `metrics` outlive the object.
  static absl::StatusOr<std::unique_ptr<SpillSpace>> Open(
      Env* env, const std::string& path, const Options& options,
      MetricRegistry* metrics = MetricRegistry::Default());

  // Bytes on disk now.
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  friend class QuerySpill;
  friend class SpillFile;

  SpillSpace(Env* env, std::string path, const Options& options, MetricRegistry* metrics);
  // kResourceExhausted "... not_enough_space" past a limit (nothing is then taken).
  absl::Status Take(uint64_t bytes);
  void GiveBack(uint64_t bytes);

  Env* const env_;
  const std::string path_;
  const Options options_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> bytes_until_look_{0};  // at the disk's free space
  std::atomic<uint64_t> next_file_{1};
  Counter* const written_;
  Counter* const files_;
  Counter* const queries_;
  Gauge* const on_disk_;
};

// One file of blocks; removed from the disk with the object. Thread-safe.
class SpillFile {
 public:
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // Compresses and writes. kResourceExhausted with code not_enough_space when the disk is full or
  // a limit is reached.
  absl::StatusOr<SpillBlock> Append(std::string_view raw);
  // kDataLoss when the bytes are not those that were written.
  absl::StatusOr<std::string> Read(const SpillBlock& block) const;

 private:
  friend class QuerySpill;
  SpillFile(class QuerySpill* query, std::string path) : query_(query), path_(std::move(path)) {}
  absl::Status Create();

  class QuerySpill* const query_;
  const std::string path_;
  std::unique_ptr<WritableFile> writer_;
  std::unique_ptr<ReadableFile> reader_;
  std::mutex mutex_;  // of writer_ and end_
  uint64_t end_ = 0;
};

// What one query has on disk; outlives its files. Thread-safe.
class QuerySpill {
 public:
  explicit QuerySpill(SpillSpace* space) : space_(space) {}

  absl::StatusOr<std::shared_ptr<SpillFile>> NewFile();

 private:
  friend class SpillFile;
  absl::Status Take(uint64_t bytes);
  void GiveBack(uint64_t bytes);

  SpillSpace* const space_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<bool> counted_{false};
};

// The longest block; longer ones are refused.
inline constexpr uint64_t kSpillBlockBytesMax = 1ull << 30;

// What Append() writes and Read() checks, without a file: header, then the bytes, compressed where
// that pays.
std::string PackSpillBlock(std::string_view raw);
// kDataLoss for anything that PackSpillBlock() has not made of `raw_bytes` bytes.
absl::StatusOr<std::string> UnpackSpillBlock(std::string_view stored, uint32_t raw_bytes);

}  // namespace hoglet
