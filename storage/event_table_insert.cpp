// Placing rows: finding the older version of a key, and publishing the outcome.

#include <algorithm>
#include <tuple>

#include "src/base/hash.h"
#include "storage/event_table.h"
#include "storage/event_table_metrics.h"
#include "storage/row_source.h"

namespace hoglet {

namespace {

// A key to look for in one granule.
struct Probe {
  size_t part;
  size_t granule;
  size_t place;
};

IndexKey ToIndexKey(const RowKey& key) {
  return {key.team_id, key.day, std::string(key.event), key.distinct_id_hash};
}

// Granules [first, second) whose key range holds the key.
std::pair<size_t, size_t> GranulesWith(const PartFooter& footer, const IndexKey& key) {
  const auto first = std::lower_bound(footer.last_keys.begin(), footer.last_keys.end(), key);
  const auto end = std::upper_bound(footer.first_keys.begin(), footer.first_keys.end(), key);
  return {static_cast<size_t>(first - footer.last_keys.begin()),
          static_cast<size_t>(end - footer.first_keys.begin())};
}

// Rows of a granule with the key, by bisection on all of the key but its uuid.
std::optional<uint32_t> FindInGranule(const GranuleKeys& keys, const RowKey& key,
                                      const RowMask* mask, uint32_t granule_begin) {
  const auto order = [](const RowKey& a, const RowKey& b) {
    return std::tie(a.team_id, a.day, a.event, a.distinct_id_hash) <
           std::tie(b.team_id, b.day, b.event, b.distinct_id_hash);
  };
  size_t low = 0;
  size_t high = keys.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (order(keys.KeyWithoutUuid(middle), key)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (; low < keys.size() && !order(key, keys.KeyWithoutUuid(low)); ++low) {
    if (keys.UuidHash(low) != key.uuid_hash) continue;
    const uint32_t row = granule_begin + static_cast<uint32_t>(low);
    if (mask == nullptr || !mask->Contains(row)) return row;
  }
  return std::nullopt;
}

}  // namespace

RowPlace EventTable::PlaceOf(const EventRow& row) const {
  RowPlace place;
  place.key.team_id = row.team_id;
  place.key.day = DayOf(row.timestamp_us);
  place.key.event = row.event;
  place.key.distinct_id_hash = CityHash64(row.distinct_id);
  place.key.uuid_hash = CityHash64Uuid(row.uuid);
  place.key_hash = place.key.Hash();
  place.month = MonthOf(row.timestamp_us);
  place.shard = static_cast<uint32_t>(SipHash64(row.distinct_id) % shards_);
  return place;
}

absl::StatusOr<std::vector<std::optional<EventTable::FoundRow>>> EventTable::FindInParts(
    std::span<const RowPlace> places) const {
  std::vector<std::optional<FoundRow>> found(places.size());
  const std::vector<VisiblePart>& parts = *snapshot_.parts;
  std::vector<Probe> probes;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto partition = parts_of_.find((static_cast<uint64_t>(places[i].shard) << 32) |
                                          static_cast<uint32_t>(places[i].month));
    if (partition == parts_of_.end()) continue;
    for (const size_t part : partition->second) {
      if (!parts[part].part->KeyMayBePresent(places[i].key_hash)) continue;
      const auto [first, end] = GranulesWith(parts[part].part->footer(), ToIndexKey(places[i].key));
      for (size_t granule = first; granule < end; ++granule) probes.push_back({part, granule, i});
    }
  }
  std::sort(probes.begin(), probes.end(), [](const Probe& a, const Probe& b) {
    return std::tie(a.part, a.granule, a.place) < std::tie(b.part, b.granule, b.place);
  });
  for (size_t i = 0; i < probes.size();) {
    const auto [part_index, granule, first_place] = probes[i];
    const VisiblePart& part = parts[part_index];
    HOGLET_ASSIGN_OR_RETURN(const GranuleKeys keys, ReadGranuleKeys(*part.part, granule));
    const uint32_t begin = part.part->footer().granule_begin[granule];
    std::optional<Vector> versions;
    for (; i < probes.size() && probes[i].part == part_index && probes[i].granule == granule; ++i) {
      const std::optional<uint32_t> row =
          FindInGranule(keys, places[probes[i].place].key, part.mask.get(), begin);
      if (!row) continue;
      if (!versions) {
        HOGLET_ASSIGN_OR_RETURN(
            versions, part.part->ReadColumn(part.part->FindPlain(kVersionColumn), granule));
      }
      found[probes[i].place] = FoundRow{part_index, *row, versions->data<int64_t>()[*row - begin]};
    }
  }
  return found;
}

// Caller holds writer_mutex_. What this call of Insert masks itself is not known here yet.
bool EventTable::IsMasked(const Memtable* memtable, uint32_t row) const {
  for (const VisibleMemtable& visible : snapshot_.memtables) {
    if (visible.memtable.get() != memtable) continue;
    return visible.mask != nullptr && visible.mask->Contains(row);
  }
  return false;
}

void EventTable::InsertRow(const EventRow& row, const RowPlace& place,
                           const std::optional<FoundRow>& found, Memtable::DocumentMemo* memo,
                           Changes* changes) {
  // The newest version is in the open memtable, else in the sealed one, else in a part: each
  // replaced the ones behind it. If it is masked, the row was deleted, and with it those behind.
  Memtable& open = *open_.by_shard[place.shard];
  const auto find_in = [&](const Memtable& memtable) -> std::optional<uint32_t> {
    const std::optional<uint32_t> present = memtable.Find(place);
    if (present && IsMasked(&memtable, *present)) return std::nullopt;
    return present;
  };
  std::optional<int64_t> present_version;
  std::vector<uint32_t>* masked = nullptr;
  uint32_t present_row = 0;
  if (const auto in_open = find_in(open)) {
    present_version = open.version_us(*in_open);
    present_row = *in_open;
    masked = &changes->open_rows[place.shard];
  } else if (const auto in_sealed =
                 sealed_ ? find_in(*sealed_->by_shard[place.shard]) : std::nullopt) {
    present_version = sealed_->by_shard[place.shard]->version_us(*in_sealed);
    present_row = *in_sealed;
    masked = &changes->sealed_rows[place.shard];
  } else if (found) {
    present_version = found->version_us;
    present_row = found->row;
    masked = &changes->part_rows[found->part];
  }
  if (present_version && *present_version > row.version_us) {
    metrics_->dropped->Add();
    return;
  }
  if (masked != nullptr) {
    masked->push_back(present_row);
    metrics_->replaced->Add();
  }
  open.Append(row, place, memo);
  metrics_->inserted->Add();
}

absl::Status EventTable::Insert(std::span<const EventRow> rows) {
  if (rows.empty()) return absl::OkStatus();
  std::lock_guard writer_lock(writer_mutex_);
  std::vector<RowPlace> places;
  places.reserve(rows.size());
  for (const EventRow& row : rows) places.push_back(PlaceOf(row));
  HOGLET_ASSIGN_OR_RETURN(const auto found, FindInParts(places));

  Changes changes;
  changes.part_rows.resize(snapshot_.parts->size());
  changes.open_rows.resize(shards_);
  changes.sealed_rows.resize(shards_);
  std::vector<Memtable::DocumentMemo> memos(shards_);
  for (size_t i = 0; i < rows.size(); ++i) {
    InsertRow(rows[i], places[i], found[i], &memos[places[i].shard], &changes);
  }
  Publish(changes);
  open_bytes_.store(open_.bytes(), std::memory_order_relaxed);
  return absl::OkStatus();
}

// Rows and masks become visible in one step. Caller holds writer_mutex_.
void EventTable::Publish(const Changes& changes) {
  TableSnapshot next;
  next.parts = snapshot_.parts;
  std::shared_ptr<std::vector<VisiblePart>> parts;
  for (size_t i = 0; i < changes.part_rows.size(); ++i) {
    if (changes.part_rows[i].empty()) continue;
    if (parts == nullptr) parts = std::make_shared<std::vector<VisiblePart>>(*snapshot_.parts);
    VisiblePart& part = (*parts)[i];
    part.mask = RowMask::With(part.mask.get(), changes.part_rows[i]);
    auto& pending = open_masks_[part.part->id()];
    pending = RowMask::With(pending.get(), changes.part_rows[i]);
  }
  if (parts != nullptr) next.parts = std::move(parts);
  next.memtables = snapshot_.memtables;
  for (VisibleMemtable& memtable : next.memtables) {
    const uint32_t shard = memtable.memtable->shard();
    const bool is_open = memtable.memtable == open_.by_shard[shard];
    const auto& rows = is_open ? changes.open_rows[shard] : changes.sealed_rows[shard];
    if (!rows.empty()) memtable.mask = RowMask::With(memtable.mask.get(), rows);
    if (is_open) memtable.granules = memtable.memtable->View();
  }
  std::lock_guard lock(snapshot_mutex_);
  std::swap(snapshot_, next);
}

absl::Status EventTable::Seal(uint64_t source_offset) {
  std::lock_guard writer_lock(writer_mutex_);
  if (sealed_) {
    return absl::FailedPreconditionError("a sealed generation is still waiting to be flushed");
  }
  sealed_ = std::move(open_);
  sealed_offset_ = source_offset;
  sealed_masks_ = std::move(open_masks_);
  open_masks_.clear();
  open_ = NewGeneration();
  masks_at_seal_.assign(shards_, nullptr);
  std::vector<VisibleMemtable> memtables = snapshot_.memtables;
  for (const VisibleMemtable& memtable : memtables) {
    masks_at_seal_[memtable.memtable->shard()] = memtable.mask;
  }
  for (const auto& memtable : open_.by_shard) memtables.push_back({memtable, {}, nullptr});
  sealed_bytes_.store(sealed_->bytes(), std::memory_order_relaxed);
  open_bytes_.store(open_.bytes(), std::memory_order_relaxed);
  has_sealed_.store(true, std::memory_order_release);
  TableSnapshot next;
  next.parts = snapshot_.parts;
  next.memtables = std::move(memtables);
  std::lock_guard lock(snapshot_mutex_);
  std::swap(snapshot_, next);
  return absl::OkStatus();
}

}  // namespace hoglet
