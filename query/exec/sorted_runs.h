#pragma once

#include <memory>
#include <vector>

#include "query/exec/row_compare.h"
#include "query/exec/spill_rows.h"

// Sorted runs on disk and their merging: the part of ORDER BY that memory does not hold.

namespace hoglet {

// Merges runs into one sorted sequence. Equal rows come in the order of their runs. One thread.
class RunMerger final : public Operator {
 public:
  // At most `limit` rows come.
  RunMerger(std::vector<SpillStream> runs, const std::vector<Type>& types,
            std::vector<SortKey> keys, uint64_t limit);

  absl::StatusOr<bool> Next(Batch* out) override;

 private:
  // A batch of a run, with the words of its first key.
  struct Loaded {
    Batch batch;
    SortWords words;
  };
  struct Run {
    explicit Run(SpillReader reader) : reader(std::move(reader)) {}
    SpillReader reader;
    std::shared_ptr<const Loaded> loaded;  // null: the run has ended
    size_t row = 0;                        // next one of `loaded`
  };
  // Rows of one loaded batch that go into the batch under way.
  struct Picked {
    std::shared_ptr<const Loaded> loaded;
    std::vector<uint32_t> rows;
  };

  absl::Status Load(Run* run);
  absl::Status Begin();
  bool ComesBefore(size_t a, size_t b) const;
  void SiftDown(size_t at);
  Batch Assemble(const std::vector<Picked>& picked, const std::vector<uint32_t>& place,
                 size_t rows) const;

  std::vector<Run> runs_;
  const std::vector<Type> types_;
  const std::vector<SortKey> keys_;
  uint64_t left_;
  bool has_begun_ = false;
  std::vector<size_t> heap_;  // of runs that go on; the one with the next row first
};

// Sorted runs of one sort, from several workers.
class SortedRuns {
 public:
  SortedRuns(ExecContext& context, std::vector<Type> types, std::vector<SortKey> keys,
             uint64_t limit, size_t workers);

  bool used() const;
  // Sorts the rows and writes them (no more than the limit). One thread for each worker.
  absl::Status Write(size_t worker, std::vector<Batch> batches);
  // All rows in order, once all have written. To be called once.
  absl::StatusOr<std::unique_ptr<Operator>> Merge();
  uint64_t rows() const;

 private:
  // As many runs at a time as have room.
  size_t FanIn() const;
  absl::Status MergeOnce(size_t fan_in);

  ExecContext& context_;
  const std::vector<Type> types_;
  const std::vector<SortKey> keys_;
  const uint64_t limit_;
  const size_t block_bytes_;
  SharedSpillFile file_;
  std::vector<std::vector<SpillStream>> runs_;  // by worker, in order
};

}  // namespace hoglet
