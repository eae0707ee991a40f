// Flushes, merges and their commits.

#include <algorithm>
#include <map>
#include <set>

#include "src/base/logging.h"
#include "src/base/process.h"
#include "src/base/thread_pool.h"
#include "storage/event_table.h"
#include "storage/event_table_metrics.h"
#include "storage/merge_selector.h"
#include "storage/row_source.h"

namespace hoglet {

namespace {

constexpr uint64_t kDictionaryBytesLeast = 4 << 20;
constexpr uint64_t kDictionaryBytesMost = 32 << 20;

// Where rows of the sources went in a new part. Costs a pass over its rows, so it is made only when
// some row is looked for.
class OutputRows {
 public:
  OutputRows(std::span<const SourceRow> rows,
             const std::map<uint32_t, std::vector<uint32_t>>& wanted) {
    absl::flat_hash_map<uint64_t, bool> keys;
    for (const auto& [source, list] : wanted) {
      for (const uint32_t row : list) keys[Key(source, row)] = true;
    }
    if (keys.empty()) return;
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint64_t key = Key(rows[i].source, rows[i].row);
      if (keys.contains(key)) outputs_[key] = static_cast<uint32_t>(i);
    }
  }

  // Nothing if the row was not taken over.
  std::optional<uint32_t> Find(uint32_t source, uint32_t row) const {
    const auto found = outputs_.find(Key(source, row));
    if (found == outputs_.end()) return std::nullopt;
    return found->second;
  }

 private:
  static uint64_t Key(uint32_t source, uint32_t row) {
    return (static_cast<uint64_t>(source) << 32) | row;
  }
  absl::flat_hash_map<uint64_t, uint32_t> outputs_;
};

// Rows of `mask` that are not in `base`.
std::vector<uint32_t> Difference(const RowMask* mask, const RowMask* base) {
  std::vector<uint32_t> rows;
  if (mask == nullptr || mask == base) return rows;
  rows = mask->Rows();
  if (base != nullptr) std::erase_if(rows, [&](uint32_t row) { return base->Contains(row); });
  return rows;
}

// Rows of a memtable, in their order, by the month they belong to.
std::map<int32_t, std::vector<SourceRow>> ByMonth(const Memtable& memtable,
                                                  std::span<const SourceRow> rows) {
  std::map<int32_t, std::vector<SourceRow>> months;
  std::vector<SourceRow>* month = nullptr;  // that of `day`
  int64_t day = 0;
  for (const SourceRow& row : rows) {
    const MemGranule& granule = memtable.GranuleOf(row.row);
    const int64_t time_us = granule.integers(kTimestampColumn)[row.row - granule.begin()];
    if (month == nullptr || DayOf(time_us) != day) {
      day = DayOf(time_us);
      month = &months[MonthOf(time_us)];
    }
    month->push_back(row);
  }
  return months;
}

}  // namespace

absl::StatusOr<EventTable::NewPart> EventTable::WritePart(
    uint32_t shard, int32_t month, std::span<const std::unique_ptr<RowSource>> sources,
    std::vector<SourceRow> rows, Compression compression,
    const std::function<absl::Status(uint64_t)>& on_progress) {
  NewPart part;
  part.id = next_part_id_.fetch_add(1);
  part.rows = std::move(rows);
  PartBuildOptions options;
  options.granule_rows_max = options_.granule_rows;
  options.granule_bytes_max = options_.granule_bytes_max;
  options.json_keys_max = options_.json_keys_max;
  options.compression = compression;
  // A reader needs all of a dictionary, and time and again if the cache has no room for it.
  options.dictionary_bytes_max =
      std::clamp(options_.cache_bytes_max / 8, kDictionaryBytesLeast, kDictionaryBytesMost);
  options.on_progress = on_progress;
  const std::string path = PathOf(PartFileName(part.id));
  absl::Status status = BuildPart(env_, path, shard, month, sources, part.rows, options).status();
  if (status.ok()) {
    // Opened from what is on disk now, so a file that does not read back is never committed.
    absl::StatusOr<std::shared_ptr<Part>> opened = Part::Open(env_, path, part.id, &cache_);
    status = opened.status();
    if (status.ok()) part.part = *std::move(opened);
  }
  if (!status.ok()) {
    (void)env_->Remove(path);
    return status;
  }
  return part;
}

void EventTable::Discard(const std::vector<NewPart>& parts) {
  for (const NewPart& part : parts) (void)env_->Remove(PathOf(PartFileName(part.id)));
}

// Caller holds commit_mutex_. On an error before the rename the new parts' files are removed; after
// it the outcome is unknown until the next commit or start, so they stay till then.
absl::Status EventTable::Commit(const Manifest& manifest, const std::vector<NewPart>& new_parts) {
  const std::string path = PathOf(kManifestName);
  const std::string temporary = path + ".tmp";
  const auto write = [&]() -> absl::Status {
    if (!new_parts.empty()) HOGLET_RETURN_IF_ERROR(env_->SyncDirectory(directory_));
    HOGLET_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file,
                            env_->OpenForWrite(temporary, Env::OpenMode::kTruncate));
    HOGLET_RETURN_IF_ERROR(file->Append(manifest.Serialize()));
    HOGLET_RETURN_IF_ERROR(file->Sync());
    return file->Close();
  };
  if (absl::Status status = write(); !status.ok()) {
    (void)env_->Remove(temporary);
    Discard(new_parts);
    return status;
  }
  absl::Status status = env_->Rename(temporary, path);
  if (status.ok()) status = env_->SyncDirectory(directory_);
  if (!status.ok()) {
    for (const NewPart& part : new_parts) orphans_.push_back(PathOf(PartFileName(part.id)));
    return status;
  }
  manifest_ = manifest;
  for (const std::string& orphan : orphans_) (void)env_->Remove(orphan);
  orphans_.clear();
  return absl::OkStatus();
}

absl::Status EventTable::WriteSealed(std::span<const std::shared_ptr<Memtable>> memtables,
                                     std::span<const std::shared_ptr<const RowMask>> masks,
                                     std::vector<NewPart>* parts) {
  for (uint32_t shard = 0; shard < memtables.size(); ++shard) {
    if (memtables[shard]->rows() == 0) continue;
    std::vector<std::unique_ptr<RowSource>> sources;
    sources.push_back(NewMemtableSource(memtables[shard].get()));
    const RowMask* mask = masks[shard].get();
    HOGLET_ASSIGN_OR_RETURN(std::vector<SourceRow> rows,
                            MergeRows(sources, std::span<const RowMask* const>(&mask, 1)));
    for (auto& [month, month_rows] : ByMonth(*memtables[shard], rows)) {
      HOGLET_ASSIGN_OR_RETURN(NewPart part, WritePart(shard, month, sources, std::move(month_rows),
                                                      Compression::kLz4, nullptr));
      part.source = shard;
      parts->push_back(std::move(part));
    }
  }
  return absl::OkStatus();
}

absl::Status EventTable::FlushSealed() {
  std::lock_guard flush_lock(flush_mutex_);
  std::vector<std::shared_ptr<Memtable>> memtables;
  std::vector<std::shared_ptr<const RowMask>> masks;
  uint64_t offset = 0;
  {
    std::lock_guard writer_lock(writer_mutex_);
    if (!sealed_) return absl::OkStatus();
    memtables = sealed_->by_shard;
    masks = masks_at_seal_;
    offset = sealed_offset_;
  }
  std::vector<NewPart> parts;
  if (absl::Status status = WriteSealed(memtables, masks, &parts); !status.ok()) {
    Discard(parts);
    metrics_->failures->Add();
    return status;
  }
  {
    std::lock_guard commit_lock(commit_mutex_);
    Manifest next = manifest_;
    next.next_part_id = next_part_id_.load();
    next.durable_offset = offset;
    {
      std::lock_guard writer_lock(writer_mutex_);
      for (const auto& [id, mask] : sealed_masks_) {
        auto& entry = next.parts.at(id);
        entry.mask = RowMask::With(entry.mask.get(), mask->Rows());
      }
    }
    for (const NewPart& part : parts) {
      const PartFooter& footer = part.part->footer();
      next.parts[part.id] = {footer.shard, footer.month, part.part->rows(), part.part->file_bytes(),
                             nullptr};
    }
    if (absl::Status status = Commit(next, parts); !status.ok()) {
      metrics_->failures->Add();
      return status;
    }
    ShowFlushed(parts);
    durable_offset_.store(offset, std::memory_order_release);
  }
  for (const NewPart& part : parts) {
    flushed_bytes_ += part.part->file_bytes();
    metrics_->flushed_bytes->Add(part.part->file_bytes());
  }
  metrics_->flushes->Add();
  UpdateMetrics();
  SetGate();
  if (options_.background_merges) MergeExcess();
  {
    std::lock_guard lock(merge_wake_mutex_);
    merge_wanted_ = true;
  }
  merge_wake_.notify_one();
  return absl::OkStatus();
}

// Puts the parts in the place of the sealed memtables. Rows that the open generation has replaced
// meanwhile become masks of the parts.
void EventTable::ShowFlushed(const std::vector<NewPart>& parts) {
  std::lock_guard writer_lock(writer_mutex_);
  std::vector<VisiblePart> visible = *snapshot_.parts;
  std::vector<VisibleMemtable> memtables;
  std::vector<std::vector<uint32_t>> replaced(shards_);
  for (const VisibleMemtable& memtable : snapshot_.memtables) {
    const uint32_t shard = memtable.memtable->shard();
    if (memtable.memtable == sealed_->by_shard[shard]) {
      replaced[shard] = Difference(memtable.mask.get(), masks_at_seal_[shard].get());
    } else {
      memtables.push_back(memtable);
    }
  }
  for (const NewPart& part : parts) {
    const OutputRows outputs(part.rows, {{0, replaced[part.source]}});
    std::vector<uint32_t> masked;
    for (const uint32_t row : replaced[part.source]) {
      const std::optional<uint32_t> output = outputs.Find(0, row);
      if (!output) continue;
      masked.push_back(*output);
    }
    const auto mask = masked.empty() ? nullptr : RowMask::With(nullptr, masked);
    if (mask != nullptr) open_masks_[part.id] = mask;
    visible.push_back({part.part, mask});
  }
  sealed_.reset();
  sealed_masks_.clear();
  masks_at_seal_.clear();
  sealed_bytes_.store(0, std::memory_order_relaxed);
  has_sealed_.store(false, std::memory_order_release);
  PublishLayout(std::move(visible), std::move(memtables));
}

std::vector<uint64_t> EventTable::PickMerge(bool everything, size_t parts_above) const {
  std::lock_guard commit_lock(commit_mutex_);
  std::map<std::pair<uint32_t, int32_t>, std::vector<MergeCandidate>> partitions;
  for (const auto& [id, part] : manifest_.parts) {
    const uint32_t masked = part.mask == nullptr ? 0 : part.mask->count();
    // Nothing to write: the file just goes.
    if (masked == part.rows && parts_above == 0) return {id};
    partitions[{part.shard, part.month}].push_back({id, part.file_bytes, part.rows, masked});
  }
  MergeLimits limits;
  limits.parts_max = options_.merge_parts_max;
  limits.rows_max = options_.merge_rows_max;
  limits.bytes_max = options_.merge_bytes_max;
  std::vector<uint64_t> best;
  size_t most = 0;
  uint64_t pending_bytes = 0;
  for (auto& [partition, parts] : partitions) {
    const auto small = static_cast<size_t>(std::count_if(
        parts.begin(), parts.end(),
        [&](const MergeCandidate& part) { return !IsFull(part.rows, limits.rows_max); }));
    if (parts_above > 0 && small <= parts_above) continue;
    if (everything) {
      const bool has_mask = std::any_of(parts.begin(), parts.end(),
                                        [](const auto& part) { return part.masked_rows > 0; });
      if (parts.size() == 1 && !has_mask) continue;
      best.clear();
      for (const MergeCandidate& part : parts) best.push_back(part.id);
      return best;
    }
    // The partition with the most parts slows reading and inserting most.
    std::vector<uint64_t> chosen = SelectMerge(parts, limits);
    for (const uint64_t id : chosen) pending_bytes += manifest_.parts.at(id).file_bytes;
    if (chosen.empty() || (small <= most && !best.empty())) continue;
    most = small;
    best = std::move(chosen);
  }
  if (parts_above == 0) metrics_->merge_pending->Set(static_cast<double>(pending_bytes));
  return best;
}

absl::StatusOr<bool> EventTable::MergeOnce(bool everything, size_t parts_above, MergeBy by) {
  std::lock_guard merge_lock(merge_mutex_);
  const std::vector<uint64_t> ids = PickMerge(everything, parts_above);
  if (ids.empty()) return false;
  if (absl::Status status = MergeParts(ids, by); !status.ok()) {
    if (!absl::IsCancelled(status)) metrics_->failures->Add();
    return status;
  }
  return true;
}

void EventTable::MergeExcess() {
  // Looked at first, as a merge waits for the one under way.
  while (!closing_.load() && !PickMerge(false, options_.partition_parts_max).empty()) {
    const MergeGate::Errand errand(&merge_gate_);
    // Failures are counted, and reported by the merging thread, which tries again.
    const absl::StatusOr<bool> merged = MergeOnce(false, options_.partition_parts_max);
    if (!merged.ok() || !*merged) return;
  }
}

void EventTable::SetWritersBehind(bool behind) {
  if (writers_behind_.exchange(behind) != behind) SetGate();
}

void EventTable::SetGate() {
  std::lock_guard lock(gate_mutex_);
  merge_gate_.SetClosed(writers_behind_.load() && parts_most_.load() <= options_.behind_parts_max);
}

void EventTable::GiveWay() {
  const int64_t begin_ns = env_->MonotonicNanos();
  if (!merge_gate_.Pass()) return;
  const int64_t waited_ns = env_->MonotonicNanos() - begin_ns;
  metrics_->merge_waits->Add(static_cast<uint64_t>(std::max<int64_t>(0, waited_ns / 1'000'000)));
}

void EventTable::Pace(int64_t wait_us) {
  constexpr int64_t kLookAgainUs = 20'000;
  int64_t waited_us = 0;
  while (waited_us < wait_us && !closing_.load(std::memory_order_relaxed) &&
         !merge_gate_.HasErrand()) {
    const int64_t step_us = std::min(kLookAgainUs, wait_us - waited_us);
    env_->SleepMicros(step_us);
    waited_us += step_us;
  }
  metrics_->merge_pauses->Add(static_cast<uint64_t>(waited_us / 1000));
}

absl::Status EventTable::MergeProgress(MergePacer* pacer, uint64_t bytes) {
  GiveWay();
  if (const int64_t wait_us = pacer->Take(bytes, env_->MonotonicNanos()); wait_us > 0) {
    Pace(wait_us);
  }
  if (closing_.load(std::memory_order_relaxed)) return absl::CancelledError("closing");
  return absl::OkStatus();
}

absl::Status EventTable::MergeParts(const std::vector<uint64_t>& part_ids, MergeBy by) {
  std::vector<VisiblePart> inputs;
  std::vector<std::shared_ptr<const RowMask>> dropped;
  {
    // Only masks that are durable may drop rows: the others would come back to life in a crash,
    // without their successors.
    std::lock_guard commit_lock(commit_mutex_);
    const TableSnapshot snapshot = Snapshot();
    for (const uint64_t id : part_ids) {
      for (const VisiblePart& part : *snapshot.parts) {
        if (part.part->id() == id) inputs.push_back(part);
      }
      dropped.push_back(manifest_.parts.at(id).mask);
    }
    HOGLET_ASSERT(inputs.size() == part_ids.size());
  }
  if (inputs.size() == 1 && dropped[0] != nullptr &&
      dropped[0]->count() == inputs[0].part->rows()) {
    return CommitMerge(inputs, dropped, {});
  }
  const int64_t begin_ns = env_->MonotonicNanos();
  absl::StatusOr<std::vector<NewPart>> outputs = absl::UnknownError("not written");
  if (by == MergeBy::kCaller) {
    outputs = WriteMerged(inputs, dropped);
  } else {
    // Priority, once lowered, is not to be had back, and who waits for a lock that such a thread
    // holds has its priority, too. So a thread that holds none does the work.
    HOGLET_ASSIGN_OR_RETURN(std::thread worker, StartThread([&] {
                              SetThreadName("hoglet-merge-io");
                              LowerThreadPriority();
                              outputs = WriteMerged(inputs, dropped);
                            }));
    worker.join();
  }
  HOGLET_RETURN_IF_ERROR(outputs.status());
  HOGLET_RETURN_IF_ERROR(CommitMerge(inputs, dropped, *std::move(outputs)));
  const int64_t took_ns = env_->MonotonicNanos() - begin_ns;
  metrics_->merge_time->Add(static_cast<uint64_t>(std::max<int64_t>(0, took_ns / 1'000'000)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<EventTable::NewPart>> EventTable::WriteMerged(
    const std::vector<VisiblePart>& inputs, std::span<const std::shared_ptr<const RowMask>> masks) {
  std::vector<std::unique_ptr<RowSource>> sources;
  std::vector<const RowMask*> dropped;
  for (size_t i = 0; i < inputs.size(); ++i) {
    sources.push_back(NewPartSource(inputs[i].part));
    dropped.push_back(masks[i].get());
  }
  HOGLET_ASSIGN_OR_RETURN(std::vector<SourceRow> rows, MergeRows(sources, dropped));
  std::vector<NewPart> outputs;
  if (rows.empty()) return outputs;
  const PartFooter& footer = inputs[0].part->footer();
  MergePacer pacer(options_.merge_bytes_per_second);
  HOGLET_ASSIGN_OR_RETURN(
      NewPart part,
      WritePart(footer.shard, footer.month, sources, std::move(rows), Compression::kZstd,
                [&](uint64_t bytes) { return MergeProgress(&pacer, bytes); }));
  outputs.push_back(std::move(part));
  return outputs;
}

absl::Status EventTable::CommitMerge(const std::vector<VisiblePart>& inputs,
                                     std::span<const std::shared_ptr<const RowMask>> dropped,
                                     std::vector<NewPart> outputs) {
  std::lock_guard commit_lock(commit_mutex_);
  Manifest next = manifest_;
  next.next_part_id = next_part_id_.load();
  // Rows whose masks became durable while the merge ran.
  std::map<uint32_t, std::vector<uint32_t>> masked;
  for (uint32_t i = 0; i < inputs.size(); ++i) {
    const auto entry = next.parts.find(inputs[i].part->id());
    masked[i] = Difference(entry->second.mask.get(), dropped[i].get());
    next.parts.erase(entry);
  }
  for (const NewPart& output : outputs) {
    const OutputRows moved(output.rows, masked);
    std::vector<uint32_t> rows;
    for (const auto& [source, list] : masked) {
      for (const uint32_t row : list) rows.push_back(moved.Find(source, row).value());
    }
    const PartFooter& footer = output.part->footer();
    next.parts[output.id] = {footer.shard, footer.month, output.part->rows(),
                             output.part->file_bytes(),
                             rows.empty() ? nullptr : RowMask::With(nullptr, rows)};
  }
  HOGLET_RETURN_IF_ERROR(Commit(next, outputs));
  ShowMerged(inputs, outputs);
  for (const VisiblePart& input : inputs) input.part->MarkObsolete();
  CountMerge(inputs, outputs);
  SetGate();
  UpdateMetrics();
  return absl::OkStatus();
}

void EventTable::CountMerge(const std::vector<VisiblePart>& inputs,
                            const std::vector<NewPart>& outputs) {
  for (const NewPart& output : outputs) {
    merged_bytes_ += output.part->file_bytes();
    metrics_->merged_bytes->Add(output.part->file_bytes());
    metrics_->merged_rows->Add(output.part->rows());
  }
  ++merges_;
  metrics_->merges->Add();
  metrics_->merged_parts->Add(inputs.size());
}

// Puts the outputs in the place of the inputs, with every mask that the inputs have by now.
void EventTable::ShowMerged(const std::vector<VisiblePart>& inputs,
                            const std::vector<NewPart>& outputs) {
  std::lock_guard writer_lock(writer_mutex_);
  std::map<uint64_t, uint32_t> source_of;
  for (uint32_t i = 0; i < inputs.size(); ++i) source_of[inputs[i].part->id()] = i;
  std::vector<VisiblePart> visible;
  std::map<uint32_t, std::vector<uint32_t>> masked;
  for (const VisiblePart& part : *snapshot_.parts) {
    const auto source = source_of.find(part.part->id());
    if (source == source_of.end()) {
      visible.push_back(part);
    } else if (part.mask != nullptr) {
      masked[source->second] = part.mask->Rows();
    }
  }
  PendingMasks* const pending[] = {&open_masks_, &sealed_masks_};
  for (const NewPart& output : outputs) {
    const OutputRows moved(output.rows, masked);
    std::vector<uint32_t> rows;
    for (const auto& [source, list] : masked) {
      for (const uint32_t row : list) {
        if (const auto found = moved.Find(source, row)) rows.push_back(*found);
      }
    }
    for (PendingMasks* list : pending) {
      std::vector<uint32_t> kept;
      for (auto mask = list->begin(); mask != list->end();) {
        const auto source = source_of.find(mask->first);
        if (source == source_of.end()) {
          ++mask;
          continue;
        }
        // A pending mask is not durable, so the merge has kept its rows.
        for (const uint32_t row : mask->second->Rows()) {
          kept.push_back(moved.Find(source->second, row).value());
        }
        mask = list->erase(mask);
      }
      if (!kept.empty()) (*list)[output.id] = RowMask::With(nullptr, kept);
    }
    visible.push_back({output.part, rows.empty() ? nullptr : RowMask::With(nullptr, rows)});
  }
  PublishLayout(std::move(visible), snapshot_.memtables);
}

absl::Status EventTable::MergeNow() {
  const MergeGate::Errand errand(&merge_gate_);
  while (true) {
    HOGLET_ASSIGN_OR_RETURN(const bool merged, MergeOnce(false));
    if (!merged) return absl::OkStatus();
  }
}

absl::Status EventTable::OptimizeForTest() {
  const MergeGate::Errand errand(&merge_gate_);
  while (true) {
    HOGLET_ASSIGN_OR_RETURN(const bool merged, MergeOnce(true));
    if (!merged) return absl::OkStatus();
  }
}

void EventTable::RunMerges() {
  SetThreadName("hoglet-merge");
  while (true) {
    {
      std::unique_lock lock(merge_wake_mutex_);
      merge_wake_.wait(lock, [this] { return merge_wanted_ || closing_.load(); });
      merge_wanted_ = false;
    }
    // A failed merge (a full disk, mostly) is tried again after the next flush.
    while (true) {
      GiveWay();
      if (closing_.load()) return;
      const absl::StatusOr<bool> merged = MergeOnce(false, 0, MergeBy::kBackground);
      if (!merged.ok() && !absl::IsCancelled(merged.status())) {
        LogWarning("merge failed", {{"directory", directory_}, {"error", merged.status()}});
      }
      if (!merged.ok() || !*merged) break;
      ReleaseFreeMemory();  // a merge takes much for a while
    }
  }
}

}  // namespace hoglet
