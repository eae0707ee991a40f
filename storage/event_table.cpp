#include "storage/event_table.h"

#include <algorithm>

#include "src/base/directories.h"
#include "src/base/hash.h"
#include "src/base/logging.h"
#include "src/base/strings.h"
#include "src/base/thread_pool.h"
#include "storage/event_table_metrics.h"
#include "storage/json_forms.h"
#include "storage/merge_selector.h"

namespace hoglet {

namespace {

constexpr uint64_t kManifestBytesMax = 1ull << 30;

uint64_t PartitionKey(uint32_t shard, int32_t month) {
  return (static_cast<uint64_t>(shard) << 32) | static_cast<uint32_t>(month);
}

}  // namespace

EventTable::EventTable(Env* env, std::string directory, Options options)
    : env_(env),
      directory_(std::move(directory)),
      options_(options),
      cache_(options.cache_bytes_max) {
  HOGLET_ASSERT(options_.granule_rows >= 1 && options_.granule_rows <= kVectorRowsMax);
  HOGLET_ASSERT(options_.shards >= 1 && options_.shards <= 4096);
  metrics_ = std::make_unique<Metrics>(options_.metrics == nullptr ? MetricRegistry::Default()
                                                                   : options_.metrics);
}

void EventTable::StopMerges() {
  closing_.store(true);
  merge_gate_.OpenForGood();
  {
    std::lock_guard lock(merge_wake_mutex_);
    merge_wanted_ = true;
  }
  merge_wake_.notify_all();
}

EventTable::~EventTable() {
  StopMerges();
  if (merge_thread_.joinable()) merge_thread_.join();
}

absl::StatusOr<std::unique_ptr<EventTable>> EventTable::Open(Env* env, const std::string& directory,
                                                             Options options) {
  std::unique_ptr<EventTable> table(new EventTable(env, directory, options));
  HOGLET_RETURN_IF_ERROR(CreateDirectoriesDurably(env, directory));
  HOGLET_ASSIGN_OR_RETURN(table->lock_, env->Lock(table->PathOf("LOCK")));
  HOGLET_RETURN_IF_ERROR(table->Recover());
  if (options.background_merges) {
    table->merge_wanted_ = true;
    table->merge_thread_ = std::thread([raw = table.get()] { raw->RunMerges(); });
  }
  return table;
}

absl::Status EventTable::CreateManifest() {
  HOGLET_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, env_->List(directory_));
  for (const DirectoryEntry& entry : entries) {
    if (ParsePartFileName(entry.name) != 0) {
      return absl::DataLossError(StrCat(directory_, ": has parts but no ", kManifestName));
    }
  }
  manifest_.shards = options_.shards;
  return Commit(manifest_, {});
}

absl::Status EventTable::Recover() {
  std::lock_guard commit_lock(commit_mutex_);
  const std::string path = PathOf(kManifestName);
  if (!env_->Exists(path)) {
    HOGLET_RETURN_IF_ERROR(CreateManifest());
  } else {
    HOGLET_ASSIGN_OR_RETURN(std::string bytes, env_->ReadWholeFile(path, kManifestBytesMax));
    absl::StatusOr<Manifest> parsed = Manifest::Parse(bytes);
    if (!parsed.ok()) {
      return absl::Status(parsed.status().code(), StrCat(path, ": ", parsed.status().message()));
    }
    manifest_ = *std::move(parsed);
  }
  shards_ = manifest_.shards;
  next_part_id_ = manifest_.next_part_id;
  durable_offset_ = manifest_.durable_offset;
  std::vector<VisiblePart> parts;
  for (const auto& [id, entry] : manifest_.parts) {
    HOGLET_ASSIGN_OR_RETURN(std::shared_ptr<Part> part,
                            Part::Open(env_, PathOf(PartFileName(id)), id, &cache_));
    if (part->rows() != entry.rows || part->file_bytes() != entry.file_bytes ||
        part->footer().shard != entry.shard || part->footer().month != entry.month) {
      return absl::DataLossError(part->path() + ": is not the part that the manifest names");
    }
    parts.push_back({std::move(part), entry.mask});
  }
  HOGLET_RETURN_IF_ERROR(RemoveUnlisted());
  std::lock_guard writer_lock(writer_mutex_);
  open_ = NewGeneration();
  std::vector<VisibleMemtable> memtables;
  for (const auto& memtable : open_.by_shard) memtables.push_back({memtable, {}, nullptr});
  PublishLayout(std::move(parts), std::move(memtables));
  return absl::OkStatus();
}

// Files of flushes and merges that were never committed.
absl::Status EventTable::RemoveUnlisted() {
  HOGLET_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries, env_->List(directory_));
  for (const DirectoryEntry& entry : entries) {
    const uint64_t id = ParsePartFileName(entry.name);
    const bool is_rubbish = (id != 0 && !manifest_.parts.contains(id)) ||
                            entry.name == std::string(kManifestName) + ".tmp";
    if (is_rubbish) HOGLET_RETURN_IF_ERROR(env_->Remove(PathOf(entry.name)));
  }
  return absl::OkStatus();
}

EventTable::Generation EventTable::NewGeneration() const {
  Generation generation;
  for (uint32_t shard = 0; shard < shards_; ++shard) {
    generation.by_shard.push_back(std::make_shared<Memtable>(shard, options_.granule_rows));
  }
  return generation;
}

uint64_t EventTable::Generation::bytes() const {
  uint64_t bytes = 0;
  for (const auto& memtable : by_shard) bytes += memtable->bytes();
  return bytes;
}

TableSnapshot EventTable::Snapshot() const {
  std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

// Caller holds writer_mutex_.
void EventTable::PublishLayout(std::vector<VisiblePart> parts,
                               std::vector<VisibleMemtable> memtables) {
  parts_of_.clear();
  for (size_t i = 0; i < parts.size(); ++i) {
    const PartFooter& footer = parts[i].part->footer();
    parts_of_[PartitionKey(footer.shard, footer.month)].push_back(i);
  }
  size_t most = 0;
  for (const auto& [partition, list] : parts_of_) {
    const auto small = std::count_if(list.begin(), list.end(), [&](size_t i) {
      return !IsFull(parts[i].part->rows(), options_.merge_rows_max);
    });
    most = std::max(most, static_cast<size_t>(small));
  }
  parts_most_.store(most, std::memory_order_relaxed);
  TableSnapshot snapshot;
  snapshot.parts = std::make_shared<const std::vector<VisiblePart>>(std::move(parts));
  snapshot.memtables = std::move(memtables);
  std::lock_guard lock(snapshot_mutex_);
  std::swap(snapshot_, snapshot);
}

absl::StatusOr<Type> EventTable::ColumnType(const ColumnRef& column) const {
  if (FindJsonColumn(column.name) >= 0) {
    return column.key.empty() && column.json == ColumnRef::Json::kWhole ? Type(TypeKind::kString)
           : column.json == ColumnRef::Json::kWhole ? Type(TypeKind::kString).Nullable()
                                                    : FormType(column.json);
  }
  const int plain = FindPlainColumn(column.name);
  if (plain < 0 || !column.key.empty()) {
    return absl::NotFoundError(
        StrCat("no column ", column.name, column.key.empty() ? "" : "." + column.key));
  }
  return PlainType(static_cast<PlainColumn>(plain));
}

EventTable::Statistics EventTable::statistics() const {
  const TableSnapshot snapshot = Snapshot();
  Statistics statistics;
  for (const VisiblePart& part : *snapshot.parts) {
    ++statistics.parts;
    statistics.part_rows += part.part->rows();
    statistics.part_bytes += part.part->file_bytes();
    statistics.masked_rows += part.mask == nullptr ? 0 : part.mask->count();
  }
  for (const VisibleMemtable& memtable : snapshot.memtables) {
    for (const MemGranuleView& granule : memtable.granules) {
      statistics.memtable_rows += granule.rows;
    }
    statistics.masked_rows += memtable.mask == nullptr ? 0 : memtable.mask->count();
  }
  statistics.flushed_bytes = flushed_bytes_.load();
  statistics.merged_bytes = merged_bytes_.load();
  statistics.merges = merges_.load();
  statistics.partition_parts = parts_most_.load();
  return statistics;
}

void EventTable::UpdateMetrics() const {
  const Statistics now = statistics();
  metrics_->parts->Set(static_cast<double>(now.parts));
  metrics_->rows->Set(static_cast<double>(now.part_rows));
  metrics_->bytes->Set(static_cast<double>(now.part_bytes));
  metrics_->masked->Set(static_cast<double>(now.masked_rows));
  metrics_->partition_parts->Set(static_cast<double>(now.partition_parts));
  if (now.flushed_bytes > 0) {
    metrics_->amplification->Set(1 + static_cast<double>(now.merged_bytes) /
                                         static_cast<double>(now.flushed_bytes));
  }
}

}  // namespace hoglet
