#include "src/api/project_tables.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "src/api/record_table.h"
#include "src/persons/person_store.h"

namespace hoglet {
namespace {

Int128 ToWide(const Uuid& uuid) {
  UInt128 value = 0;
  for (uint8_t byte : uuid.bytes) value = value << 8 | byte;
  return static_cast<Int128>(value);
}

Type Moment() { return Type::DateTime64(6, "UTC"); }

// A person merge re-points distinct ids; rows keep the person they were written with. This lays the
// one over the other: what each distinct id of a dictionary now belongs to is asked once a scan,
// not once a row.
class OverrideMap {
 public:
  OverrideMap(const PersonStore* persons, TeamId team)
      : persons_(persons), team_(team), any_(persons->overrides_version(team) != 0) {}

  bool any() const { return any_; }

  // The overriding person of each distinct id of a flat vector; the nil UUID where there is none.
  // Thread-safe.
  std::shared_ptr<const std::vector<Uuid>> Of(const std::shared_ptr<const Vector>& ids) {
    {
      std::lock_guard lock(mutex_);
      for (const auto& [known, uuids] : cache_) {
        if (known == ids) return uuids;
      }
    }
    auto uuids = std::make_shared<const std::vector<Uuid>>(
        Lookup(ids->data<std::string_view>(), ids->size()));
    std::lock_guard lock(mutex_);
    cache_.emplace_back(ids, uuids);
    return uuids;
  }

  std::vector<Uuid> Lookup(const std::string_view* ids, size_t count) const {
    std::vector<Uuid> uuids(count);
    persons_->ApplyOverrides(team_, {ids, count}, uuids);
    return uuids;
  }

 private:
  const PersonStore* persons_;
  TeamId team_;
  bool any_;
  std::mutex mutex_;
  std::vector<std::pair<std::shared_ptr<const Vector>, std::shared_ptr<const std::vector<Uuid>>>>
      cache_;
};

class EventReader final : public GranuleReader {
 public:
  EventReader(std::unique_ptr<GranuleReader> rows, OverrideMap* overrides)
      : rows_(std::move(rows)), overrides_(overrides) {}

  size_t rows() const override { return rows_->rows(); }
  const Selection* live() const override { return rows_->live(); }
  absl::StatusOr<Vector> Read(const ColumnRef& column) override {
    HOGLET_ASSIGN_OR_RETURN(Vector vector, rows_->Read(column));
    if (column.name != "person_id" || !overrides_->any()) return vector;
    HOGLET_ASSIGN_OR_RETURN(Vector ids, rows_->Read(ColumnRef{.name = "distinct_id", .key = {}}));
    return Override(std::move(vector), ids);
  }
  absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) override {
    HOGLET_ASSIGN_OR_RETURN(Vector vector, rows_->Read(column, selection));
    if (column.name != "person_id" || !overrides_->any()) return vector;
    HOGLET_ASSIGN_OR_RETURN(Vector ids,
                            rows_->Read(ColumnRef{.name = "distinct_id", .key = {}}, selection));
    return Override(std::move(vector), ids);
  }

 private:
  Vector Override(Vector person_ids, const Vector& distinct_ids) {
    const bool dictionary = distinct_ids.form() == Vector::Form::kDictionary;
    std::shared_ptr<const std::vector<Uuid>> of_dictionary;
    std::vector<Uuid> of_rows;
    if (dictionary) {
      of_dictionary = overrides_->Of(distinct_ids.dictionary());
    } else {
      const size_t values = distinct_ids.is_constant() ? std::min<size_t>(1, distinct_ids.size())
                                                       : distinct_ids.size();
      of_rows = overrides_->Lookup(distinct_ids.data<std::string_view>(), values);
    }
    const std::vector<Uuid>& uuids = dictionary ? *of_dictionary : of_rows;
    if (std::all_of(uuids.begin(), uuids.end(), [](const Uuid& uuid) { return uuid == Uuid{}; }))
      return person_ids;
    Vector out = Vector::Flat(person_ids.type(), person_ids.size());
    auto* values = out.mutable_data<Int128>();
    const VectorReader<Int128> stored(person_ids);
    for (size_t i = 0; i < person_ids.size(); ++i) {
      const Uuid& uuid = uuids[distinct_ids.Position(i)];
      values[i] = uuid == Uuid{} ? stored.at(i) : ToWide(uuid);
    }
    return out;
  }

  std::unique_ptr<GranuleReader> rows_;
  OverrideMap* overrides_;
};

class EventScan final : public TableScan {
 public:
  EventScan(std::unique_ptr<TableScan> scan, const PersonStore* persons, TeamId team)
      : scan_(std::move(scan)), overrides_(std::make_unique<OverrideMap>(persons, team)) {}

  size_t granule_count() const override { return scan_->granule_count(); }
  size_t granule_rows(size_t granule) const override { return scan_->granule_rows(granule); }
  std::optional<TimeRange> granule_time(size_t granule) const override {
    return scan_->granule_time(granule);
  }
  absl::StatusOr<std::unique_ptr<GranuleReader>> OpenGranule(size_t granule) const override {
    HOGLET_ASSIGN_OR_RETURN(auto rows, scan_->OpenGranule(granule));
    return std::make_unique<EventReader>(std::move(rows), overrides_.get());
  }

 private:
  std::unique_ptr<TableScan> scan_;
  std::unique_ptr<OverrideMap> overrides_;
};

class EventsWithPersons final : public ScannableTable {
 public:
  EventsWithPersons(const ScannableTable* events, const PersonStore* persons)
      : events_(events), persons_(persons) {}

  absl::StatusOr<Type> ColumnType(const ColumnRef& column) const override {
    return events_->ColumnType(column);
  }
  absl::StatusOr<std::unique_ptr<TableScan>> OpenScan(TeamId team,
                                                      const ScanFilter& filter) const override {
    HOGLET_ASSIGN_OR_RETURN(auto scan, events_->OpenScan(team, filter));
    return std::make_unique<EventScan>(std::move(scan), persons_, team);
  }

 private:
  const ScannableTable* events_;
  const PersonStore* persons_;
};

std::unique_ptr<ScannableTable> PersonsTable(const PersonStore* persons) {
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"id", Type(TypeKind::kUuid)},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"created_at", Moment()},
                                       {"properties", Type(TypeKind::kString), true},
                                       {"is_identified", Type(TypeKind::kBool)},
                                       {"version", Type(TypeKind::kInt64)},
                                       {"is_deleted", Type(TypeKind::kBool)}},
      [persons](TeamId team, std::vector<VectorBuilder>& columns,
                const std::function<bool()>& row_done) {
        return persons->VisitPersons(team, [&](const PersonRecord& person) {
          columns[0].AppendWide(ToWide(person.id));
          columns[1].AppendInteger(team);
          columns[2].AppendInteger(person.created_at_us);
          columns[3].AppendString(person.properties);
          columns[4].AppendInteger(person.is_identified);
          columns[5].AppendInteger(person.version);
          columns[6].AppendInteger(0);
          return row_done();
        });
      });
}

std::unique_ptr<ScannableTable> DistinctIdsTable(const PersonStore* persons) {
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"distinct_id", Type(TypeKind::kString)},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"person_id", Type(TypeKind::kUuid)},
                                       {"version", Type(TypeKind::kInt64)},
                                       {"is_deleted", Type(TypeKind::kBool)}},
      [persons](TeamId team, std::vector<VectorBuilder>& columns,
                const std::function<bool()>& row_done) {
        return persons->VisitDistinctIds(team, [&](const DistinctIdRecord& id) {
          columns[0].AppendString(id.distinct_id);
          columns[1].AppendInteger(team);
          columns[2].AppendWide(ToWide(id.person_id));
          columns[3].AppendInteger(id.version);
          columns[4].AppendInteger(0);
          return row_done();
        });
      });
}

std::unique_ptr<ScannableTable> GroupsTable(const PersonStore* persons) {
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"index", Type(TypeKind::kInt64)},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"key", Type(TypeKind::kString)},
                                       {"created_at", Moment()},
                                       {"updated_at", Moment()},
                                       {"properties", Type(TypeKind::kString), true}},
      [persons](TeamId team, std::vector<VectorBuilder>& columns,
                const std::function<bool()>& row_done) -> absl::Status {
        for (int index = 0; index < kGroupTypesMax; ++index) {
          HOGLET_RETURN_IF_ERROR(persons->VisitGroups(team, index, [&](const Group& group) {
            columns[0].AppendInteger(index);
            columns[1].AppendInteger(team);
            columns[2].AppendString(group.key);
            columns[3].AppendInteger(group.created_at_us);
            columns[4].AppendInteger(group.created_at_us);
            columns[5].AppendString(group.properties->ToJson());
            return row_done();
          }));
        }
        return absl::OkStatus();
      });
}

}  // namespace

ProjectTables::ProjectTables(const ScannableTable* events, const PersonStore* persons) {
  tables_.emplace("events", std::make_unique<EventsWithPersons>(events, persons));
  tables_.emplace("persons", PersonsTable(persons));
  tables_.emplace("person_distinct_ids", DistinctIdsTable(persons));
  tables_.emplace("groups", GroupsTable(persons));
}

ProjectTables::~ProjectTables() = default;

const ScannableTable* ProjectTables::Find(std::string_view name) const {
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : found->second.get();
}

}  // namespace hoglet
