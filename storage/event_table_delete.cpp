// Removing rows on request: finding them, and masking them like rows that were replaced.

#include <algorithm>
#include <limits>
#include <numeric>

#include "absl/container/flat_hash_set.h"
#include "src/base/hash.h"
#include "src/base/strings.h"
#include "storage/event_table.h"
#include "storage/event_table_metrics.h"
#include "storage/part_granule.h"

namespace hoglet {

namespace {

// Row numbers gathered before they become masks, which take an eighth of a byte a row.
constexpr uint64_t kRowsPublishedAtOnce = 4'000'000;

// The conditions, ready to be asked of many rows.
class RowCondition {
 public:
  RowCondition(const ScanFilter& filter, uint32_t shards)
      : min_us_(filter.timestamp_us_min.value_or(std::numeric_limits<int64_t>::min())),
        max_us_(filter.timestamp_us_max.value_or(std::numeric_limits<int64_t>::max())),
        has_distinct_ids_(filter.distinct_ids.has_value()),
        has_uuids_(filter.uuids.has_value()) {
    if (has_distinct_ids_) {
      for (const std::string& id : *filter.distinct_ids) {
        distinct_ids_.insert(id);
        distinct_id_hashes_.push_back(CityHash64(id));
        shards_.insert(static_cast<uint32_t>(SipHash64(id) % shards));
      }
    }
    if (has_uuids_) {
      for (const Uuid& uuid : *filter.uuids) {
        uuids_.insert(UuidToInt128(uuid));
        uuid_hashes_.push_back(CityHash64Uuid(uuid));
      }
    }
  }

  bool ShardMatters(uint32_t shard) const { return !has_distinct_ids_ || shards_.contains(shard); }
  bool MonthMatters(int32_t month) const {
    return month >= MonthOf(min_us_) && month <= MonthOf(max_us_);
  }
  bool TimesMatter(int64_t min_us, int64_t max_us) const {
    return max_us >= min_us_ && min_us <= max_us_;
  }
  // Whether rows of these times all meet the conditions.
  bool HoldsForAll(int64_t min_us, int64_t max_us) const {
    return !has_distinct_ids_ && !has_uuids_ && min_us >= min_us_ && max_us <= max_us_;
  }
  bool GranuleMatters(const Part& part, size_t granule) const {
    const auto distinct_id = [&](uint64_t hash) {
      return part.DistinctIdMayBePresent(granule, hash);
    };
    const auto uuid = [&](uint64_t hash) { return part.UuidMayBePresent(granule, hash); };
    return (!has_distinct_ids_ ||
            std::any_of(distinct_id_hashes_.begin(), distinct_id_hashes_.end(), distinct_id)) &&
           (!has_uuids_ || std::any_of(uuid_hashes_.begin(), uuid_hashes_.end(), uuid));
  }

  bool has_distinct_ids() const { return has_distinct_ids_; }
  bool has_uuids() const { return has_uuids_; }
  bool HasTime(int64_t time_us) const { return time_us >= min_us_ && time_us <= max_us_; }
  bool HasDistinctId(std::string_view id) const { return distinct_ids_.contains(id); }
  bool HasUuid(Int128 uuid) const { return uuids_.contains(uuid); }

 private:
  const int64_t min_us_;
  const int64_t max_us_;
  const bool has_distinct_ids_;
  const bool has_uuids_;
  StringSet<std::string> distinct_ids_;
  std::vector<uint64_t> distinct_id_hashes_;
  absl::flat_hash_set<uint32_t> shards_;
  absl::flat_hash_set<Int128, WideHash> uuids_;
  std::vector<uint64_t> uuid_hashes_;
};

template <typename T, typename Keep>
absl::Status KeepRows(GranuleReader* reader, std::string_view column, Keep keep, Selection* rows) {
  if (rows->empty()) return absl::OkStatus();
  HOGLET_ASSIGN_OR_RETURN(const Vector values,
                          reader->Read(ColumnRef{.name = std::string(column), .key = {}}, *rows));
  const VectorReader<T> at(values);
  size_t kept = 0;
  for (size_t i = 0; i < rows->size(); ++i) {
    if (keep(at.at(i))) (*rows)[kept++] = (*rows)[i];
  }
  rows->resize(kept);
  return absl::OkStatus();
}

// Live rows of the team in a granule that meet the conditions.
absl::StatusOr<Selection> MatchGranule(const VisiblePart& part, size_t granule, TeamId team,
                                       const RowCondition& condition, bool holds_for_all) {
  HOGLET_ASSIGN_OR_RETURN(const auto reader, OpenPartGranule(part, granule, team));
  Selection rows;
  if (reader->live() != nullptr) {
    rows = *reader->live();
  } else {
    rows.resize(reader->rows());
    std::iota(rows.begin(), rows.end(), uint16_t{0});
  }
  if (holds_for_all) return rows;
  HOGLET_RETURN_IF_ERROR(KeepRows<int64_t>(
      reader.get(), PlainInfo(kTimestampColumn).name,
      [&](int64_t time_us) { return condition.HasTime(time_us); }, &rows));
  if (condition.has_distinct_ids()) {
    HOGLET_RETURN_IF_ERROR(KeepRows<std::string_view>(
        reader.get(), PlainInfo(kDistinctIdColumn).name,
        [&](std::string_view id) { return condition.HasDistinctId(id); }, &rows));
  }
  if (condition.has_uuids()) {
    HOGLET_RETURN_IF_ERROR(KeepRows<Int128>(
        reader.get(), PlainInfo(kUuidColumn).name,
        [&](Int128 uuid) { return condition.HasUuid(uuid); }, &rows));
  }
  return rows;
}

absl::StatusOr<std::vector<uint32_t>> MatchPart(const VisiblePart& visible, TeamId team,
                                                const RowCondition& condition) {
  std::vector<uint32_t> rows;
  const Part& part = *visible.part;
  const PartFooter& footer = part.footer();
  if (!condition.ShardMatters(footer.shard) || !condition.MonthMatters(footer.month)) return rows;
  const auto& times = footer.columns[static_cast<size_t>(part.FindPlain(kTimestampColumn))].chunks;
  for (size_t granule = 0; granule < footer.granules(); ++granule) {
    if (footer.first_keys[granule].team_id > team || footer.last_keys[granule].team_id < team) {
      continue;
    }
    const ChunkMeta& time = times[granule];
    if (time.has_range() && !condition.TimesMatter(time.min, time.max)) continue;
    if (!condition.GranuleMatters(part, granule)) continue;
    const bool holds_for_all = time.has_range() && condition.HoldsForAll(time.min, time.max);
    HOGLET_ASSIGN_OR_RETURN(const Selection found,
                            MatchGranule(visible, granule, team, condition, holds_for_all));
    for (const uint16_t row : found) rows.push_back(footer.granule_begin[granule] + row);
  }
  return rows;
}

std::vector<uint32_t> MatchMemtable(const VisibleMemtable& visible, TeamId team,
                                    const RowCondition& condition) {
  std::vector<uint32_t> rows;
  if (!condition.ShardMatters(visible.memtable->shard())) return rows;
  for (const MemGranuleView& view : visible.granules) {
    if (!condition.TimesMatter(view.min_us, view.max_us)) continue;
    const MemGranule& granule = *view.granule;
    for (uint32_t i = 0; i < view.rows; ++i) {
      const uint32_t row = granule.begin() + i;
      if (granule.integers(kTeamIdColumn)[i] == team &&
          condition.HasTime(granule.integers(kTimestampColumn)[i]) &&
          (!condition.has_distinct_ids() ||
           condition.HasDistinctId(granule.strings(kDistinctIdColumn)[i])) &&
          (!condition.has_uuids() || condition.HasUuid(granule.wides(kUuidColumn)[i])) &&
          (visible.mask == nullptr || !visible.mask->Contains(row))) {
        rows.push_back(row);
      }
    }
  }
  return rows;
}

}  // namespace

absl::StatusOr<uint64_t> EventTable::Delete(TeamId team_id, const ScanFilter& rows) {
  // Others would be taken for met.
  HOGLET_ASSERT(!rows.events.has_value() && rows.properties_in.empty());
  const RowCondition condition(rows, shards_);
  std::lock_guard writer_lock(writer_mutex_);
  const auto no_changes = [&] {
    Changes changes;
    changes.part_rows.resize(snapshot_.parts->size());
    changes.open_rows.resize(shards_);
    changes.sealed_rows.resize(shards_);
    return changes;
  };
  Changes changes = no_changes();
  uint64_t count = 0;
  uint64_t published = 0;
  // A reference of our own: publishing replaces the list.
  const std::shared_ptr<const std::vector<VisiblePart>> parts = snapshot_.parts;
  for (size_t i = 0; i < parts->size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(changes.part_rows[i], MatchPart((*parts)[i], team_id, condition));
    count += changes.part_rows[i].size();
    if (count - published < kRowsPublishedAtOnce) continue;
    Publish(changes);
    changes = no_changes();
    published = count;
  }
  for (const VisibleMemtable& memtable : snapshot_.memtables) {
    const uint32_t shard = memtable.memtable->shard();
    const bool is_open = memtable.memtable == open_.by_shard[shard];
    std::vector<uint32_t> found = MatchMemtable(memtable, team_id, condition);
    count += found.size();
    (is_open ? changes.open_rows : changes.sealed_rows)[shard] = std::move(found);
  }
  Publish(changes);
  metrics_->deleted->Add(count);
  if (count > 0) has_deletions_.store(true);
  return count;
}

absl::Status EventTable::PurgeDeleted() {
  if (!has_deletions_.exchange(false)) return absl::OkStatus();
  {
    std::lock_guard writer_lock(writer_mutex_);
    if (!open_masks_.empty() || !sealed_masks_.empty()) has_deletions_.store(true);
  }
  std::vector<uint64_t> ids;
  {
    std::lock_guard commit_lock(commit_mutex_);
    for (const auto& [id, part] : manifest_.parts) {
      if (part.mask != nullptr) ids.push_back(id);
    }
  }
  const MergeGate::Errand errand(&merge_gate_);
  for (const uint64_t id : ids) {
    std::lock_guard merge_lock(merge_mutex_);
    {
      std::lock_guard commit_lock(commit_mutex_);
      if (!manifest_.parts.contains(id)) continue;  // merged meanwhile
    }
    if (absl::Status status = MergeParts({id}); !status.ok()) {
      has_deletions_.store(true);
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace hoglet
