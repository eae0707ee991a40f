#include "src/api/project_tables.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "src/api/cohort_table.h"
#include "src/api/override_map.h"
#include "src/api/record_table.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/ingest/dead_letter.h"
#include "src/ingest/side_rows.h"
#include "src/persons/person_store.h"
#include "storage/schema.h"

namespace hoglet {
namespace {

Type Moment() { return Type::DateTime64(6, "UTC"); }

// The bounds of a filter's times.
int64_t FromOf(const ScanFilter& filter) {
  return filter.timestamp_us_min.value_or(std::numeric_limits<int64_t>::min());
}
int64_t UntilOf(const ScanFilter& filter) {
  return filter.timestamp_us_max.value_or(std::numeric_limits<int64_t>::max());
}

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
    return overrides_->Apply(std::move(vector), ids);
  }
  absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) override {
    HOGLET_ASSIGN_OR_RETURN(Vector vector, rows_->Read(column, selection));
    if (column.name != "person_id" || !overrides_->any()) return vector;
    HOGLET_ASSIGN_OR_RETURN(Vector ids,
                            rows_->Read(ColumnRef{.name = "distinct_id", .key = {}}, selection));
    return overrides_->Apply(std::move(vector), ids);
  }

 private:
  std::unique_ptr<GranuleReader> rows_;
  OverrideMap* overrides_;
};

class EventScan final : public TableScan {
 public:
  EventScan(std::unique_ptr<TableScan> scan, const PersonStore* persons, TeamId team,
            RepointedCache* cache)
      : scan_(std::move(scan)), overrides_(persons, team, cache) {}

  size_t granule_count() const override { return scan_->granule_count(); }
  size_t granule_rows(size_t granule) const override { return scan_->granule_rows(granule); }
  std::optional<TimeRange> granule_time(size_t granule) const override {
    return scan_->granule_time(granule);
  }
  absl::StatusOr<std::unique_ptr<GranuleReader>> OpenGranule(size_t granule) const override {
    HOGLET_ASSIGN_OR_RETURN(auto rows, scan_->OpenGranule(granule));
    return std::make_unique<EventReader>(std::move(rows), &overrides_);
  }
  absl::StatusOr<uint64_t> CountRows() const override { return scan_->CountRows(); }

 private:
  std::unique_ptr<TableScan> scan_;
  mutable OverrideMap overrides_;
};

class EventsWithPersons final : public ScannableTable {
 public:
  EventsWithPersons(const ScannableTable* events, const PersonStore* persons,
                    uint64_t repointed_bytes_max)
      : events_(events), persons_(persons), cache_(repointed_bytes_max) {}

  absl::StatusOr<Type> ColumnType(const ColumnRef& column) const override {
    return events_->ColumnType(column);
  }
  absl::StatusOr<std::unique_ptr<TableScan>> OpenScan(TeamId team,
                                                      const ScanFilter& filter) const override {
    HOGLET_ASSIGN_OR_RETURN(auto scan, events_->OpenScan(team, filter));
    return std::make_unique<EventScan>(std::move(scan), persons_, team, &cache_);
  }

 private:
  const ScannableTable* events_;
  const PersonStore* persons_;
  mutable RepointedCache cache_;
};

std::unique_ptr<ScannableTable> PersonsTable(const PersonStore* persons, uint64_t kept_bytes_max) {
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"id", Type(TypeKind::kUuid)},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"created_at", Moment()},
                                       {"properties", Type(TypeKind::kString), true},
                                       {"is_identified", Type(TypeKind::kBool)},
                                       {"version", Type(TypeKind::kInt64)},
                                       {"is_deleted", Type(TypeKind::kBool)}},
      [persons](TeamId team, const ScanFilter&) -> RecordTable::Rows {
        return [team, walk = persons->FreezePersons(team)](std::string_view begin, auto& columns,
                                                           const auto& next) {
          return walk(begin, [&](std::string_view key, const PersonRecord& person) {
            if (!next(key, person.properties.size())) return false;
            columns[0].AppendWide(UuidToInt128(person.id));
            columns[1].AppendInteger(team);
            columns[2].AppendInteger(person.created_at_us);
            columns[3].AppendString(person.properties);
            columns[4].AppendInteger(person.is_identified);
            columns[5].AppendInteger(person.version);
            columns[6].AppendInteger(0);
            return true;
          });
        };
      },
      RecordTable::Options{.kept_bytes_max = kept_bytes_max});
}

// All mappings of distinct ids, or those that were re-pointed after first use: only these change
// what an event's row says.
std::unique_ptr<ScannableTable> DistinctIdsTable(const PersonStore* persons, bool only_overrides,
                                                 uint64_t kept_bytes_max) {
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"distinct_id", Type(TypeKind::kString)},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"person_id", Type(TypeKind::kUuid)},
                                       {"version", Type(TypeKind::kInt64)},
                                       {"is_deleted", Type(TypeKind::kBool)}},
      [persons, only_overrides](TeamId team, const ScanFilter&) -> RecordTable::Rows {
        return [team, only_overrides, walk = persons->FreezeDistinctIds(team)](
                   std::string_view begin, auto& columns, const auto& next) {
          return walk(begin, [&](std::string_view key, const DistinctIdRecord& id) {
            if (only_overrides && id.version == 0) return true;
            if (!next(key, id.distinct_id.size())) return false;
            columns[0].AppendString(id.distinct_id);
            columns[1].AppendInteger(team);
            columns[2].AppendWide(UuidToInt128(id.person_id));
            columns[3].AppendInteger(id.version);
            columns[4].AppendInteger(0);
            return true;
          });
        };
      },
      RecordTable::Options{.kept_bytes_max = kept_bytes_max});
}

std::unique_ptr<ScannableTable> HeatmapsTable(const SideRows* rows, uint64_t kept_bytes_max) {
  const Type text(TypeKind::kString);
  const Type integer(TypeKind::kInt64);
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"session_id", text},
                                       {"team_id", integer},
                                       {"distinct_id", text},
                                       {"x", integer},
                                       {"y", integer},
                                       {"scale_factor", integer},
                                       {"viewport_width", integer},
                                       {"viewport_height", integer},
                                       {"pointer_target_fixed", Type(TypeKind::kBool)},
                                       {"current_url", text},
                                       {"timestamp", Moment()},
                                       {"type", text}},
      [rows](TeamId team, const ScanFilter& filter) -> RecordTable::Rows {
        return
            [team, until_us = UntilOf(filter), walk = rows->FreezeHeatmaps(team, FromOf(filter))](
                std::string_view begin, auto& columns, const auto& next) {
              return walk(begin, [&](std::string_view key, const HeatmapRow& row) {
                if (row.timestamp_us > until_us || !next(key, row.current_url.size())) return false;
                columns[0].AppendString(row.session_id);
                columns[1].AppendInteger(team);
                columns[2].AppendString(row.distinct_id);
                columns[3].AppendInteger(row.x);
                columns[4].AppendInteger(row.y);
                columns[5].AppendInteger(row.scale_factor);
                columns[6].AppendInteger(row.viewport_width);
                columns[7].AppendInteger(row.viewport_height);
                columns[8].AppendInteger(row.pointer_target_fixed);
                columns[9].AppendString(row.current_url);
                columns[10].AppendInteger(row.timestamp_us);
                columns[11].AppendString(row.type);
                return true;
              });
            };
      },
      RecordTable::Options{.kept_bytes_max = kept_bytes_max});
}

std::unique_ptr<ScannableTable> WarningsTable(const SideRows* rows, uint64_t kept_bytes_max) {
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"timestamp", Moment()},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"source", Type(TypeKind::kString)},
                                       {"type", Type(TypeKind::kString)},
                                       {"details", Type(TypeKind::kString), true}},
      [rows](TeamId team, const ScanFilter& filter) -> RecordTable::Rows {
        return [team, walk = rows->FreezeWarnings(team, FromOf(filter))](
                   std::string_view begin, auto& columns, const auto& next) {
          return walk(begin, [&](std::string_view key, const WarningRow& row) {
            if (!next(key, row.details.size())) return false;
            columns[0].AppendInteger(row.timestamp_us);
            columns[1].AppendInteger(team);
            columns[2].AppendString("plugin-server");
            columns[3].AppendString(row.type);
            columns[4].AppendString(row.details);
            return true;
          });
        };
      },
      RecordTable::Options{.kept_bytes_max = kept_bytes_max});
}

std::unique_ptr<ScannableTable> DeadLettersTable(const DeadLetterQueue* queue,
                                                 uint64_t kept_bytes_max) {
  const Type text(TypeKind::kString);
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"id", Type(TypeKind::kInt64)},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"event_uuid", Type(TypeKind::kUuid)},
                                       {"event", text},
                                       {"distinct_id", text},
                                       {"raw_payload", text, true},
                                       {"now", Moment()},
                                       {"error_location", text},
                                       {"error", text}},
      [queue](TeamId team, const ScanFilter&) -> RecordTable::Rows {
        return [queue, team](std::string_view, auto& columns, const auto& next) {
          return queue->Visit([&](const DeadLetter& letter) {
            if (letter.team_id != team) return true;
            if (!next("", letter.payload.size())) return false;
            columns[0].AppendInteger(static_cast<int64_t>(letter.id));
            columns[1].AppendInteger(team);
            columns[2].AppendWide(UuidToInt128(letter.uuid));
            columns[3].AppendString(letter.event);
            columns[4].AppendString(letter.distinct_id);
            columns[5].AppendString(letter.payload);
            columns[6].AppendInteger(letter.received_at_us);
            columns[7].AppendString(letter.step);
            columns[8].AppendString(letter.reason);
            return true;
          });
        };
      },
      RecordTable::Options{.has_keys = false, .kept_bytes_max = kept_bytes_max});
}

std::unique_ptr<ScannableTable> GroupsTable(const PersonStore* persons, uint64_t kept_bytes_max) {
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"index", Type(TypeKind::kInt64)},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"key", Type(TypeKind::kString)},
                                       {"created_at", Moment()},
                                       {"updated_at", Moment()},
                                       {"properties", Type(TypeKind::kString), true}},
      [persons](TeamId team, const ScanFilter&) -> RecordTable::Rows {
        std::vector<RecordWalk<Group>> walks;
        for (int index = 0; index < kGroupTypesMax; ++index)
          walks.push_back(persons->FreezeGroups(team, index));
        // Keys are the index as a byte and the group's key.
        return
            [team, walks](std::string_view begin, auto& columns, const auto& next) -> absl::Status {
              const int first = begin.empty() ? 0 : begin[0];
              bool goes_on = true;
              for (int index = first; index < kGroupTypesMax && goes_on; ++index) {
                const std::string_view from =
                    index == first && !begin.empty() ? begin.substr(1) : std::string_view();
                HOGLET_RETURN_IF_ERROR(
                    walks[index](from, [&](std::string_view key, const Group& group) {
                      const std::string properties = group.properties->ToJson();
                      goes_on = next(StrCat(std::string(1, static_cast<char>(index)), key),
                                     properties.size());
                      if (!goes_on) return false;
                      columns[0].AppendInteger(index);
                      columns[1].AppendInteger(team);
                      columns[2].AppendString(group.key);
                      // Kept to the second.
                      columns[3].AppendInteger(FloorDivide(group.created_at_us, kMicrosPerSecond) *
                                               kMicrosPerSecond);
                      columns[4].AppendInteger(group.updated_at_us);
                      columns[5].AppendString(properties);
                      return true;
                    }));
              }
              return absl::OkStatus();
            };
      },
      RecordTable::Options{.kept_bytes_max = kept_bytes_max});
}

// A project's id is its team's here.
std::unique_ptr<ScannableTable> GroupTypesTable(const PersonStore* persons,
                                                uint64_t kept_bytes_max) {
  const Type name = Type(TypeKind::kString).Nullable();
  return std::make_unique<RecordTable>(
      std::vector<RecordTable::Column>{{"id", Type(TypeKind::kInt64)},
                                       {"team_id", Type(TypeKind::kInt64)},
                                       {"group_type", Type(TypeKind::kString)},
                                       {"group_type_index", Type(TypeKind::kInt64)},
                                       {"name_singular", name},
                                       {"name_plural", name}},
      [persons](TeamId team, const ScanFilter&) -> RecordTable::Rows {
        return [persons, team](std::string_view, auto& columns, const auto& next) -> absl::Status {
          HOGLET_ASSIGN_OR_RETURN(const auto types, persons->GroupTypes(team));
          for (size_t i = 0; i < types.size() && next("", types[i].size()); ++i) {
            columns[0].AppendInteger(static_cast<int64_t>(i) + 1);
            columns[1].AppendInteger(team);
            columns[2].AppendString(types[i]);
            columns[3].AppendInteger(static_cast<int64_t>(i));
            columns[4].AppendNull();
            columns[5].AppendNull();
          }
          return absl::OkStatus();
        };
      },
      RecordTable::Options{.has_keys = false, .kept_bytes_max = kept_bytes_max});
}

}  // namespace

ProjectTables::ProjectTables(const ScannableTable* events, const PersonStore* persons,
                             const SideRows* side_rows, const DeadLetterQueue* dead_letters,
                             const ObjectStore* objects, uint64_t kept_bytes_max,
                             uint64_t repointed_bytes_max) {
  tables_.emplace("events",
                  std::make_unique<EventsWithPersons>(events, persons, repointed_bytes_max));
  tables_.emplace("persons", PersonsTable(persons, kept_bytes_max));
  tables_.emplace("person_distinct_ids",
                  DistinctIdsTable(persons, /*only_overrides=*/false, kept_bytes_max));
  tables_.emplace("person_distinct_id_overrides",
                  DistinctIdsTable(persons, /*only_overrides=*/true, kept_bytes_max));
  tables_.emplace("groups", GroupsTable(persons, kept_bytes_max));
  tables_.emplace("heatmaps", HeatmapsTable(side_rows, kept_bytes_max));
  tables_.emplace("ingestion_warnings", WarningsTable(side_rows, kept_bytes_max));
  // These have no keys: they cannot be read again in pieces, and may hold more instead.
  tables_.emplace("group_type_mappings", GroupTypesTable(persons, 4 * kept_bytes_max));
  tables_.emplace("dead_letter_queue", DeadLettersTable(dead_letters, 4 * kept_bytes_max));
  tables_.emplace("static_cohort_people", CohortPeopleTable(objects, /*is_static=*/true));
  tables_.emplace("cohort_people", CohortPeopleTable(objects, /*is_static=*/false));
}

ProjectTables::~ProjectTables() = default;

const ScannableTable* ProjectTables::Find(std::string_view name) const {
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : found->second.get();
}

}  // namespace hoglet
