#pragma once

#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "query/exec/operator.h"
#include "query/exec/spill.h"
#include "query/exec/spill_codec.h"

// Rows on disk: streams of batches, and streams by a hash of key columns. What operators that
// outgrow their memory are made of.
//
// How much an operator may hold: half of what the query's budget has left when the operator begins
// (SpillShare). The other half is for what it cannot foresee, such as a hash table that doubles,
// and for the operators above it, of which each takes half of the rest in turn.

namespace hoglet {

// Streams that one operator divides its rows into.
inline constexpr size_t kSpillPartitions = 32;
// Rows that still do not fit are divided again, by other bits of their hash, so many times.
inline constexpr int kSpillLevelsMax = 5;

// Bytes that an operator which can spill may hold now; no bound where the query cannot spill.
uint64_t SpillShare(const ExecContext& context);
// The same for each of the query's threads that read back what was written, a part at a time: there
// is more, because each part is as large as it will be.
uint64_t SpillPartShare(const ExecContext& context);
// Size of the blocks of one stream when `streams` are written at a time.
size_t SpillBlockBytes(const ExecContext& context, size_t streams);

// Fewer bytes are not worth writing out.
inline constexpr uint64_t kSpilledBytesMin = 64 << 10;
// Whether an operator that holds so many bytes, and will need `needed_bytes` in all, should write
// them out: they outgrow its share, or could not be charged.
inline bool WantsSpill(uint64_t share_bytes, uint64_t held_bytes, uint64_t needed_bytes,
                       bool is_charged) {
  return share_bytes != ~uint64_t{0} && held_bytes >= kSpilledBytesMin &&
         (needed_bytes > share_bytes || !is_charged);
}

// The file of several workers, made when the first of them needs it. Thread-safe.
class SharedSpillFile {
 public:
  absl::StatusOr<std::shared_ptr<SpillFile>> Get(const ExecContext& context);
  // Who has got it keeps it.
  void Drop() { file_.reset(); }

 private:
  std::mutex mutex_;
  std::shared_ptr<SpillFile> file_;
};

// Partitions to be worked through by several threads. Thread-safe.
template <typename Partition>
class PartitionQueue {
 public:
  // False when there are none.
  bool Take(Partition* out) {
    std::lock_guard lock(mutex_);
    if (partitions_.empty()) return false;
    *out = std::move(partitions_.front());
    partitions_.pop_front();
    return true;
  }
  // Before all others: the sooner those of one file are done, the sooner it is gone.
  void PutFirst(std::vector<Partition> partitions) {
    std::lock_guard lock(mutex_);
    partitions_.insert(partitions_.begin(), std::make_move_iterator(partitions.begin()),
                       std::make_move_iterator(partitions.end()));
  }

 private:
  std::mutex mutex_;
  std::deque<Partition> partitions_;
};

// Rows in the order of writing.
struct SpillStream {
  std::shared_ptr<const SpillFile> file;
  std::vector<SpillBlock> blocks;
  uint64_t rows = 0;
};

// Writes one stream. One thread.
class SpillWriter {
 public:
  SpillWriter(std::shared_ptr<SpillFile> file, const std::vector<Type>& types, size_t block_bytes)
      : file_(std::move(file)), block_bytes_(block_bytes), buffer_(types) {}

  absl::Status Add(const Batch& batch);
  // Rows at these positions.
  absl::Status Add(const Batch& batch, const uint32_t* positions, size_t count);
  absl::StatusOr<SpillStream> Finish();

 private:
  absl::Status Flush();

  std::shared_ptr<SpillFile> file_;
  size_t block_bytes_;
  RowBuffer buffer_;
  SpillStream stream_;
};

// Reads streams one after the other. One thread.
class SpillReader final : public Operator {
 public:
  SpillReader(std::vector<SpillStream> streams, std::vector<Type> types)
      : streams_(std::move(streams)), types_(std::move(types)) {}

  absl::StatusOr<bool> Next(Batch* out) override;

 private:
  std::vector<SpillStream> streams_;
  std::vector<Type> types_;
  size_t stream_ = 0;
  size_t block_ = 0;
};

// Which of kSpillPartitions each row belongs to at a level. Equal keys belong together, whatever
// form their vectors have.
void PartitionRows(const std::vector<const Vector*>& keys, size_t rows, int level,
                   std::vector<uint8_t>* partitions);

// Rows by the hash of some of their columns. One thread.
class SpillPartitions {
 public:
  // `columns`: which are the keys. `scatter_nulls`: rows with a NULL among them belong nowhere.
  SpillPartitions(const std::shared_ptr<SpillFile>& file, const std::vector<Type>& types,
                  std::vector<size_t> columns, int level, size_t block_bytes,
                  bool scatter_nulls = false);

  absl::Status Add(const Batch& batch);
  // One stream a partition.
  absl::StatusOr<std::vector<SpillStream>> Finish();

 private:
  const std::vector<size_t> columns_;
  const int level_;
  const bool scatter_nulls_;
  size_t next_null_ = 0;
  std::vector<SpillWriter> writers_;
  std::vector<uint8_t> of_row_;
  std::vector<std::vector<uint32_t>> rows_;  // by partition
};

// Batches that are held, and what they keep alive: a dictionary, shared by many batches, counts
// once. Batches of which little was left by a filter are copied, because a few strings may hold on
// to the bytes of a whole granule.
class HeldBatches {
 public:
  // The bytes that are held from now on because of it.
  uint64_t Add(Batch batch);
  uint64_t bytes() const { return bytes_; }
  uint64_t rows() const { return rows_; }
  // Of the vectors that put all rows together (strings are not copied for that).
  uint64_t ConcatBytes() const;
  std::vector<Batch> Take();

 private:
  std::vector<Batch> batches_;
  absl::flat_hash_set<const Vector*> dictionaries_;  // held by the batches
  uint64_t bytes_ = 0;
  uint64_t shared_bytes_ = 0;  // of arrays that rows share, once each row has its own
  uint64_t rows_ = 0;
};

}  // namespace hoglet
