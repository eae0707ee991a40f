#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/event_store.h"
#include "src/base/metrics.h"
#include "storage/manifest.h"
#include "storage/memtable.h"
#include "storage/merge_gate.h"
#include "storage/merge_pacer.h"
#include "storage/part.h"
#include "storage/part_builder.h"
#include "storage/row_mask.h"
#include "storage/scan.h"
#include "storage/vector_cache.h"

namespace hoglet {

// A part as a snapshot sees it. A null mask masks nothing.
struct VisiblePart {
  std::shared_ptr<const Part> part;
  std::shared_ptr<const RowMask> mask;
};

// A memtable as a snapshot sees it.
struct VisibleMemtable {
  std::shared_ptr<const Memtable> memtable;
  std::vector<MemGranuleView> granules;
  std::shared_ptr<const RowMask> mask;
};

// Everything visible at one moment; immutable.
struct TableSnapshot {
  std::shared_ptr<const std::vector<VisiblePart>> parts;
  std::vector<VisibleMemtable> memtables;
};

// The columnar store of events: start reading the storage folder here, and see FORMAT.md for the
// bytes.
//
// A row lives in the memtable of its shard until its generation is flushed, then in a part of its
// (shard, month); parts are merged in the background. Uniqueness of keys is proved when a row is
// inserted: a key that the memtables' exact index and the parts' Bloom filters do not know is new;
// otherwise the older version is found and masked, in the same publication that shows the new one.
// So reading never has to look for duplicates.
//
// What a crash leaves is what the last manifest names. Masks found by rows of a generation become
// durable with the flush of that generation, never before: until then the old version is what a
// restart shows.
//
// Threads: see event_store.h; scans, MergeNow and statistics from any thread. One process at a time
// (a lock in the directory).
class EventTable : public EventStore, public ScannableTable {
 public:
  struct Options {
    uint32_t shards = 2;  // fixed when the table is created
    uint32_t granule_rows = kVectorRowsMax;
    uint64_t granule_bytes_max = 10 << 20;
    uint32_t json_keys_max = 400;  // keys with columns of their own, per part and JSON column
    uint64_t cache_bytes_max = 256 << 20;  // decoded dictionaries
    bool background_merges = true;
    uint32_t merge_parts_max = 16;
    // Rows of one part. Bounds what a merge takes (seconds, some 100 bytes of memory a row) and
    // what of it a crash undoes; and ids of so many rows find room in a dictionary.
    uint64_t merge_rows_max = 1 << 20;
    uint64_t merge_bytes_max = 1ull << 30;  // of the files merged at once
    // What background merges write, unless someone waits for one; 0: no bound.
    uint64_t merge_bytes_per_second = 64 << 20;
    // Background merges give way to everything else, and stand still while writers are behind and
    // no partition has more parts than this, full ones aside: each part of a day that is being
    // written costs inserts more.
    uint32_t behind_parts_max = 16;
    // Once a partition has more parts than this, the flush itself merges, which holds back what
    // comes in.
    uint32_t partition_parts_max = 64;
    MetricRegistry* metrics = nullptr;  // null: that of the process
  };

  struct Statistics {
    uint64_t parts = 0;
    uint64_t part_rows = 0;  // masked ones included
    uint64_t masked_rows = 0;
    uint64_t part_bytes = 0;
    uint64_t memtable_rows = 0;
    uint64_t flushed_bytes = 0;  // since opening
    uint64_t merged_bytes = 0;   // since opening; merged / flushed + 1 is the write amplification
    uint64_t merges = 0;
    uint64_t partition_parts = 0;  // of the (shard, month) with the most, full ones aside
  };

  struct CheckReport {
    uint64_t parts = 0;
    uint64_t rows = 0;
    uint64_t masked_rows = 0;
    uint64_t bytes = 0;
    uint64_t faults = 0;
    // By name, all parts together. Not there: chunks that repeat those of another column.
    std::map<std::string, uint64_t> column_bytes;
  };

  // Opens or creates. `env` outlives the table. kDataLoss names the damaged file;
  // kFailedPrecondition: another process has it.
  static absl::StatusOr<std::unique_ptr<EventTable>> Open(Env* env, const std::string& directory,
                                                          Options options);
  // Stops merging. What was not flushed is gone, as after a crash.
  ~EventTable() override;

  absl::Status Insert(std::span<const EventRow> rows) override;
  absl::StatusOr<uint64_t> Delete(TeamId team_id, const ScanFilter& rows) override;
  uint64_t open_bytes() const override { return open_bytes_.load(std::memory_order_relaxed); }
  uint64_t memtable_bytes() const override {
    return open_bytes() + sealed_bytes_.load(std::memory_order_relaxed);
  }
  absl::Status Seal(uint64_t source_offset) override;
  bool HasSealed() const override { return has_sealed_.load(std::memory_order_acquire); }
  absl::Status FlushSealed() override;
  void SetWritersBehind(bool behind) override;
  uint64_t durable_offset() const override {
    return durable_offset_.load(std::memory_order_acquire);
  }

  absl::StatusOr<Type> ColumnType(const ColumnRef& column) const override;
  absl::StatusOr<std::unique_ptr<TableScan>> OpenScan(TeamId team,
                                                      const ScanFilter& filter) const override;

  // Merges until no merge is worth its writing.
  absl::Status MergeNow();
  // Rewrites every part that has rows masked for good, if any were deleted since the last call or
  // before the table was opened: what was deleted then leaves the disk. Masks that are not durable
  // yet wait for the next call.
  absl::Status PurgeDeleted();
  // Ends merges under way, of whatever kind, with kCancelled, and begins no others: a merge may
  // take minutes, and is lost work when the process ends. All else goes on as before.
  void StopMerges();
  // Merges every (shard, month) into one part.
  absl::Status OptimizeForTest();

  Statistics statistics() const;
  uint32_t shards() const { return shards_; }
  TableSnapshot Snapshot() const;

  // Verifies a table that no process has open: checksums of every byte, the manifest against the
  // files, row counts, order of rows and uniqueness of keys. `report` gets a line a fault. An error
  // only if the directory cannot be read at all.
  static absl::StatusOr<CheckReport> Check(Env* env, const std::string& directory,
                                           const std::function<void(const std::string&)>& report);

 private:
  struct Generation {
    std::vector<std::shared_ptr<Memtable>> by_shard;
    uint64_t bytes() const;
  };
  // Rows of parts that something not yet durable has replaced or removed, by part id.
  using PendingMasks = std::map<uint64_t, std::shared_ptr<const RowMask>>;
  // A row in a part that has the key of a row being inserted.
  struct FoundRow {
    size_t part;  // index in the snapshot
    uint32_t row;
    int64_t version_us;
  };
  // Changes that are published in one step.
  struct Changes {
    std::vector<std::vector<uint32_t>> part_rows;  // by index in the snapshot
    std::vector<std::vector<uint32_t>> open_rows;  // by shard
    std::vector<std::vector<uint32_t>> sealed_rows;
  };
  // A part that flush or merge has written and that is not yet committed.
  struct NewPart {
    uint64_t id = 0;
    std::shared_ptr<const Part> part;
    uint32_t source = 0;  // flush: the shard
    std::vector<SourceRow> rows;
  };

  EventTable(Env* env, std::string directory, Options options);

  std::string PathOf(const std::string& name) const { return directory_ + "/" + name; }
  Generation NewGeneration() const;
  RowPlace PlaceOf(const EventRow& row) const;

  // Opening.
  absl::Status Recover();
  absl::Status RemoveUnlisted();
  absl::Status CreateManifest();

  // Insert.
  bool IsMasked(const Memtable* memtable, uint32_t row) const;
  absl::StatusOr<std::vector<std::optional<FoundRow>>> FindInParts(
      std::span<const RowPlace> places) const;
  void InsertRow(const EventRow& row, const RowPlace& place, const std::optional<FoundRow>& found,
                 Memtable::DocumentMemo* memo, Changes* changes);
  void Publish(const Changes& changes);
  void PublishLayout(std::vector<VisiblePart> parts, std::vector<VisibleMemtable> memtables);

  // Flush and merge.
  absl::StatusOr<NewPart> WritePart(uint32_t shard, int32_t month,
                                    std::span<const std::unique_ptr<RowSource>> sources,
                                    std::vector<SourceRow> rows, Compression compression,
                                    const std::function<absl::Status(uint64_t)>& on_progress);
  absl::Status WriteSealed(std::span<const std::shared_ptr<Memtable>> memtables,
                           std::span<const std::shared_ptr<const RowMask>> masks,
                           std::vector<NewPart>* parts);
  void ShowFlushed(const std::vector<NewPart>& parts);
  absl::Status Commit(const Manifest& manifest, const std::vector<NewPart>& new_parts);
  void Discard(const std::vector<NewPart>& parts);
  // Of partitions with more than `parts_above` parts.
  std::vector<uint64_t> PickMerge(bool everything, size_t parts_above) const;
  // Whether the thread that merges may do the work itself, or must leave it to one of low priority.
  enum class MergeBy { kCaller, kBackground };
  absl::StatusOr<bool> MergeOnce(bool everything, size_t parts_above = 0,
                                 MergeBy by = MergeBy::kCaller);
  // Merges until no partition has more than partition_parts_max.
  void MergeExcess();
  absl::Status MergeParts(const std::vector<uint64_t>& part_ids, MergeBy by = MergeBy::kCaller);
  // `masks`: rows to leave out, of each input.
  absl::StatusOr<std::vector<NewPart>> WriteMerged(
      const std::vector<VisiblePart>& inputs,
      std::span<const std::shared_ptr<const RowMask>> masks);
  void CountMerge(const std::vector<VisiblePart>& inputs, const std::vector<NewPart>& outputs);
  absl::Status CommitMerge(const std::vector<VisiblePart>& inputs,
                           std::span<const std::shared_ptr<const RowMask>> dropped,
                           std::vector<NewPart> outputs);
  void ShowMerged(const std::vector<VisiblePart>& inputs, const std::vector<NewPart>& outputs);
  absl::Status MergeProgress(MergePacer* pacer, uint64_t bytes);
  // Waits, but not while someone waits for the merge.
  void Pace(int64_t wait_us);
  // Closes the gate for merges or opens it.
  void SetGate();
  // Stands still while the gate is closed, unless someone waits for a merge.
  void GiveWay();
  void RunMerges();
  void UpdateMetrics() const;

  Env* const env_;
  const std::string directory_;
  const Options options_;
  uint32_t shards_ = 1;
  std::unique_ptr<FileLock> lock_;
  mutable VectorCache cache_;

  // Taken in this order: merge_mutex_ or flush_mutex_, commit_mutex_, writer_mutex_,
  // snapshot_mutex_.
  std::mutex merge_mutex_;           // one merge at a time
  std::mutex flush_mutex_;           // one flush at a time
  mutable std::mutex commit_mutex_;  // guards manifest_, orphans_
  Manifest manifest_;
  std::vector<std::string> orphans_;  // files of commits of unknown outcome
  mutable std::mutex writer_mutex_;   // guards what follows; held while rows are placed and while
                                      // the set of parts changes
  Generation open_;
  std::optional<Generation> sealed_;
  uint64_t sealed_offset_ = 0;
  std::vector<std::shared_ptr<const RowMask>>
      masks_at_seal_;          // by shard: rows of sealed_ that its own rows replaced
  PendingMasks open_masks_;    // found by rows of open_
  PendingMasks sealed_masks_;  // found by rows of sealed_
  absl::flat_hash_map<uint64_t, std::vector<size_t>>
      parts_of_;                       // by shard and month: indices in the snapshot
  mutable std::mutex snapshot_mutex_;  // guards snapshot_; writers hold writer_mutex_ too
  TableSnapshot snapshot_;

  std::atomic<uint64_t> next_part_id_{1};
  std::atomic<uint64_t> open_bytes_{0};
  std::atomic<uint64_t> sealed_bytes_{0};
  std::atomic<bool> has_sealed_{false};
  std::atomic<uint64_t> durable_offset_{0};
  std::atomic<uint64_t> flushed_bytes_{0};
  std::atomic<uint64_t> merged_bytes_{0};
  std::atomic<uint64_t> merges_{0};

  struct Metrics;
  std::unique_ptr<Metrics> metrics_;

  std::atomic<bool> has_deletions_{true};  // since the last purge; before opening, who knows
  std::atomic<bool> closing_{false};
  MergeGate merge_gate_;
  std::mutex gate_mutex_;  // what the gate is set to is decided by one at a time
  std::atomic<bool> writers_behind_{false};
  std::atomic<size_t> parts_most_{0};  // of one partition, full ones aside
  std::mutex merge_wake_mutex_;
  std::condition_variable merge_wake_;
  bool merge_wanted_ = false;
  std::thread merge_thread_;
};

}  // namespace hoglet
