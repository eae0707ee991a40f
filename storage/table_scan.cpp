// Scans: choosing granules, and reading their columns.

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_set.h"
#include "src/base/hash.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "storage/event_table.h"
#include "storage/json_forms.h"
#include "storage/part_granule.h"

namespace hoglet {

namespace {

bool Overlaps(int64_t min, int64_t max, const ScanFilter& filter) {
  return (!filter.timestamp_us_min || max >= *filter.timestamp_us_min) &&
         (!filter.timestamp_us_max || min <= *filter.timestamp_us_max);
}

// Codes of the wanted texts in a sorted dictionary.
std::vector<uint32_t> CodesOf(const Vector& dictionary, size_t entries,
                              const std::vector<std::string>& wanted) {
  std::vector<uint32_t> codes;
  const auto* begin = dictionary.data<std::string_view>();
  for (const std::string& text : wanted) {
    const auto* found = std::lower_bound(begin, begin + entries, std::string_view(text));
    if (found != begin + entries && *found == text) {
      codes.push_back(static_cast<uint32_t>(found - begin));
    }
  }
  return codes;
}

bool AnyInRange(const std::vector<uint32_t>& codes, const ChunkMeta& chunk) {
  return std::any_of(codes.begin(), codes.end(), [&](uint32_t code) {
    return chunk.has_range() && code >= chunk.min && code <= chunk.max;
  });
}

// Leaves out granules of one part, condition by condition.
class PartPruner {
 public:
  PartPruner(const Part& part, TeamId team, const ScanFilter& filter)
      : part_(part), footer_(part.footer()), keep_(footer_.granules(), true) {
    ByTeam(team);
    ByTime(filter);
    if (filter.events) ByEvents(*filter.events);
    if (filter.distinct_ids) ByDistinctIds(*filter.distinct_ids);
    if (filter.uuids) ByUuids(*filter.uuids);
    for (const ScanFilter::PropertyIn& property : filter.properties_in) ByProperty(property);
  }

  const std::vector<bool>& keep() const { return keep_; }

 private:
  template <typename Condition>
  void Require(Condition condition) {
    for (size_t granule = 0; granule < keep_.size(); ++granule) {
      if (keep_[granule] && !condition(granule)) keep_[granule] = false;
    }
  }
  const ChunkMeta& Chunk(int column, size_t granule) const {
    return footer_.columns[column].chunks[granule];
  }

  void ByTeam(TeamId team) {
    Require([&](size_t granule) {
      return footer_.first_keys[granule].team_id <= team &&
             footer_.last_keys[granule].team_id >= team;
    });
  }
  void ByTime(const ScanFilter& filter) {
    const int column = part_.FindPlain(kTimestampColumn);
    Require([&](size_t granule) {
      const ChunkMeta& chunk = Chunk(column, granule);
      return !chunk.has_range() || Overlaps(chunk.min, chunk.max, filter);
    });
  }
  void ByEvents(const std::vector<std::string>& events) {
    ByTexts(part_.FindPlain(kEventColumn), events);
    // Inside one team and day rows are sorted by event.
    Require([&](size_t granule) {
      const IndexKey& first = footer_.first_keys[granule];
      const IndexKey& last = footer_.last_keys[granule];
      if (first.team_id != last.team_id || first.day != last.day) return true;
      return std::any_of(events.begin(), events.end(), [&](const std::string& event) {
        return event >= first.event && event <= last.event;
      });
    });
  }
  void ByDistinctIds(const std::vector<std::string>& ids) {
    std::vector<uint64_t> hashes;
    for (const std::string& id : ids) hashes.push_back(CityHash64(id));
    Require([&](size_t granule) {
      return std::any_of(hashes.begin(), hashes.end(), [&](uint64_t hash) {
        return part_.DistinctIdMayBePresent(granule, hash);
      });
    });
  }
  void ByUuids(const std::vector<Uuid>& uuids) {
    std::vector<uint64_t> hashes;
    for (const Uuid& uuid : uuids) hashes.push_back(CityHash64Uuid(uuid));
    Require([&](size_t granule) {
      return std::any_of(hashes.begin(), hashes.end(),
                         [&](uint64_t hash) { return part_.UuidMayBePresent(granule, hash); });
    });
  }
  // A column of strings with a dictionary: only granules whose codes span a wanted one. False if
  // the column has no dictionary.
  bool ByTexts(int column, const std::vector<std::string>& texts) {
    if (!footer_.columns[column].has_dictionary) return false;
    const auto dictionary = part_.ReadDictionary(column);
    // What cannot be read prunes nothing: reading the granule reports it.
    if (!dictionary.ok()) return false;
    const std::vector<uint32_t> codes =
        CodesOf(**dictionary, footer_.columns[column].dictionary.rows, texts);
    Require([&](size_t granule) { return AnyInRange(codes, Chunk(column, granule)); });
    return true;
  }
  void ByProperty(const ScanFilter::PropertyIn& property);

  const Part& part_;
  const PartFooter& footer_;
  std::vector<bool> keep_;
};

void PartPruner::ByProperty(const ScanFilter::PropertyIn& property) {
  const int json = FindJsonColumn(property.column);
  if (json < 0) return;
  const auto column = static_cast<JsonColumn>(json);
  const auto* columns = part_.FindKey(column, property.key);
  if (columns == nullptr) {
    const auto may_hold = part_.ResidualMayHold(column, property.key);
    if (may_hold.ok() && !*may_hold) keep_.assign(keep_.size(), false);
    return;
  }
  const auto has = [&](JsonVariant variant) {
    return (*columns)[static_cast<size_t>(variant)] >= 0;
  };
  if (has(JsonVariant::kNumber) || has(JsonVariant::kRaw)) return;
  const bool wants_bool =
      std::any_of(property.texts.begin(), property.texts.end(),
                  [](const std::string& text) { return text == "true" || text == "false"; });
  if (has(JsonVariant::kBool) && wants_bool) return;
  if (!has(JsonVariant::kString)) {
    keep_.assign(keep_.size(), false);
    return;
  }
  // Values that read with escapes are found by their plain form only, so such texts are not used
  // for pruning.
  const bool escaped =
      std::any_of(property.texts.begin(), property.texts.end(),
                  [](const std::string& text) { return text.find('\\') != std::string::npos; });
  if (escaped) return;
  const int index = (*columns)[static_cast<size_t>(JsonVariant::kString)];
  if (!footer_.json[column].is_shared) {
    ByTexts(index, property.texts);
    return;
  }
  if (!footer_.columns[index].has_dictionary) return;
  // Granules of documents are not those of rows: all or nothing.
  const auto dictionary = part_.ReadDictionary(index);
  if (!dictionary.ok()) return;
  if (CodesOf(**dictionary, footer_.columns[index].dictionary.rows, property.texts).empty()) {
    keep_.assign(keep_.size(), false);
  }
}

// Rows of a memtable granule.
class MemGranuleReader : public GranuleReader {
 public:
  MemGranuleReader(const VisibleMemtable& memtable, const MemGranuleView& view, TeamId team)
      : memtable_(memtable.memtable), view_(view) {
    const int64_t* teams = view_.granule->integers(kTeamIdColumn);
    for (uint32_t row = 0; row < view_.rows; ++row) {
      const bool masked =
          memtable.mask != nullptr && memtable.mask->Contains(view_.granule->begin() + row);
      if (teams[row] == team && !masked) live_.push_back(static_cast<uint16_t>(row));
    }
  }

  size_t rows() const override { return view_.rows; }
  const Selection* live() const override { return live_.size() == view_.rows ? nullptr : &live_; }
  absl::StatusOr<Vector> Read(const ColumnRef& column) override {
    Selection all(view_.rows);
    for (uint32_t row = 0; row < view_.rows; ++row) all[row] = static_cast<uint16_t>(row);
    return Read(column, all);
  }
  absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) override {
    if (const int json = FindJsonColumn(column.name); json >= 0) {
      Vector out = ReadJson(static_cast<JsonColumn>(json), column, selection);
      out.KeepAlive(memtable_);
      return out;
    }
    const int plain = FindPlainColumn(column.name);
    if (plain < 0) return absl::NotFoundError(StrCat("no column ", column.name));
    Vector out = ReadPlain(static_cast<PlainColumn>(plain), selection);
    out.KeepAlive(memtable_);
    return out;
  }

 private:
  template <typename T>
  Vector Copy(PlainColumn column, const T* values, const Selection& selection) {
    Vector out = Vector::Flat(PlainType(column), selection.size());
    T* to = out.mutable_data<T>();
    for (size_t i = 0; i < selection.size(); ++i) to[i] = values[selection[i]];
    return out;
  }
  Vector ReadPlain(PlainColumn column, const Selection& selection) {
    switch (PlainInfo(column).physical) {
      case Physical::kI64:
        return Copy(column, view_.granule->integers(column), selection);
      case Physical::kI128:
        return Copy(column, view_.granule->wides(column), selection);
      case Physical::kString:
        return Copy(column, view_.granule->strings(column), selection);
      default:
        return Copy(column, view_.granule->bools(column), selection);
    }
  }
  Vector ReadJson(JsonColumn json, const ColumnRef& column, const Selection& selection) {
    const Document* const* documents = view_.granule->documents(json);
    if (column.key.empty() && column.json == ColumnRef::Json::kWhole) {
      return WholeDocuments(documents, selection);
    }
    const ColumnRef::Json form =
        column.json == ColumnRef::Json::kWhole ? ColumnRef::Json::kText : column.json;
    std::vector<const Document*> chosen;
    chosen.reserve(selection.size());
    for (const uint16_t row : selection) chosen.push_back(documents[row]);
    const KeyVariants variants = FindVariants(chosen, column.key);
    std::vector<Vector> forms;
    for (int i = 0; i < kJsonVariantCount; ++i) {
      const auto variant = static_cast<JsonVariant>(i);
      if (!variants.present[i] || !VariantMatters(variant, form)) continue;
      const Vector values = ExtractVariant(chosen, column.key, variant, variants.has_double);
      forms.push_back(VariantToForm(values, variant, form));
    }
    return CombineForms(forms, form, selection.size());
  }
  static Vector WholeDocuments(const Document* const* documents, const Selection& selection) {
    Vector out = Vector::Flat(Type(TypeKind::kString), selection.size());
    auto heap = std::make_shared<StringHeap>();
    JsonObjectView members;
    std::string text;
    for (size_t i = 0; i < selection.size(); ++i) {
      const Document& document = *documents[selection[i]];
      members.clear();
      for (size_t slot = 0; slot < document.shape->members.size(); ++slot) {
        members.push_back(document.Member(slot));
      }
      text.clear();
      AppendJsonObject(members, &text);
      out.mutable_data<std::string_view>()[i] = heap->Add(text);
    }
    out.KeepAlive(heap);
    return out;
  }

  std::shared_ptr<const Memtable> memtable_;
  MemGranuleView view_;
  Selection live_;
};

class EventScan : public TableScan {
 public:
  EventScan(TableSnapshot snapshot, TeamId team, const ScanFilter& filter, uint32_t shards)
      : snapshot_(std::move(snapshot)), team_(team) {
    std::optional<absl::flat_hash_set<uint32_t>> wanted_shards;
    if (filter.distinct_ids) {
      wanted_shards.emplace();
      for (const std::string& id : *filter.distinct_ids) {
        wanted_shards->insert(static_cast<uint32_t>(SipHash64(id) % shards));
      }
    }
    const auto shard_wanted = [&](uint32_t shard) {
      return !wanted_shards || wanted_shards->contains(shard);
    };
    for (size_t i = 0; i < snapshot_.parts->size(); ++i) {
      const Part& part = *(*snapshot_.parts)[i].part;
      if (shard_wanted(part.footer().shard) && MonthWanted(part.footer().month, filter)) {
        AddPart(i, filter);
      }
    }
    for (size_t i = 0; i < snapshot_.memtables.size(); ++i) {
      if (shard_wanted(snapshot_.memtables[i].memtable->shard())) AddMemtable(i, filter);
    }
  }

  size_t granule_count() const override { return granules_.size(); }
  size_t granule_rows(size_t granule) const override { return granules_[granule].rows; }
  std::optional<TimeRange> granule_time(size_t granule) const override {
    return granules_[granule].time;
  }
  absl::StatusOr<std::unique_ptr<GranuleReader>> OpenGranule(size_t granule) const override {
    const Place& place = granules_[granule];
    if (!place.in_memory) {
      return OpenPartGranule((*snapshot_.parts)[place.source], place.granule, team_);
    }
    const VisibleMemtable& memtable = snapshot_.memtables[place.source];
    return std::make_unique<MemGranuleReader>(memtable, memtable.granules[place.granule], team_);
  }
  // Those of parts are mostly known from what is in memory of them.
  absl::StatusOr<uint64_t> CountRows() const override {
    uint64_t rows = 0;
    for (size_t i = 0; i < granules_.size(); ++i) {
      if (IsLive(granules_[i])) {
        rows += granules_[i].rows;
      } else {
        HOGLET_ASSIGN_OR_RETURN(const auto reader, OpenGranule(i));
        rows += reader->live_rows();
      }
    }
    return rows;
  }

 private:
  struct Place {
    bool in_memory;
    size_t source;
    size_t granule;
    size_t rows;
    std::optional<TimeRange> time;
  };

  static bool MonthWanted(int32_t month, const ScanFilter& filter) {
    return (!filter.timestamp_us_min || month >= MonthOf(*filter.timestamp_us_min)) &&
           (!filter.timestamp_us_max || month <= MonthOf(*filter.timestamp_us_max));
  }
  void AddPart(size_t source, const ScanFilter& filter) {
    const Part& part = *(*snapshot_.parts)[source].part;
    const PartPruner pruner(part, team_, filter);
    const PartFooter& footer = part.footer();
    const PartColumn& times = footer.columns[part.FindPlain(kTimestampColumn)];
    for (size_t granule = 0; granule < footer.granules(); ++granule) {
      if (!pruner.keep()[granule]) continue;
      Place place{false, source, granule, times.chunks[granule].rows, std::nullopt};
      if (times.chunks[granule].has_range()) {
        place.time = TimeRange{times.chunks[granule].min, times.chunks[granule].max};
      }
      granules_.push_back(place);
    }
  }
  void AddMemtable(size_t source, const ScanFilter& filter) {
    const VisibleMemtable& memtable = snapshot_.memtables[source];
    for (size_t granule = 0; granule < memtable.granules.size(); ++granule) {
      const MemGranuleView& view = memtable.granules[granule];
      if (!Overlaps(view.min_us, view.max_us, filter)) continue;
      granules_.push_back({true, source, granule, view.rows, TimeRange{view.min_us, view.max_us}});
    }
  }

  // True if all rows are the team's, and known to be live.
  bool IsLive(const Place& place) const {
    if (place.in_memory) return false;
    const VisiblePart& visible = (*snapshot_.parts)[place.source];
    const PartFooter& footer = visible.part->footer();
    return visible.mask == nullptr && footer.first_keys[place.granule].team_id == team_ &&
           footer.last_keys[place.granule].team_id == team_;
  }

  TableSnapshot snapshot_;
  TeamId team_;
  std::vector<Place> granules_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TableScan>> EventTable::OpenScan(TeamId team,
                                                                const ScanFilter& filter) const {
  return std::make_unique<EventScan>(Snapshot(), team, filter, shards_);
}

}  // namespace hoglet
