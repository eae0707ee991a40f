#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "include/hoglet/event.h"
#include "src/ingest/steps/property_types.h"
#include "src/persons/person_store.h"

namespace hoglet {

// One place on a page where something happened (spec ingestion.md section 12).
struct HeatmapRow {
  std::string session_id;
  std::string distinct_id;
  int64_t timestamp_us = 0;
  int64_t x = 0;
  int64_t y = 0;
  int64_t scale_factor = 16;
  int64_t viewport_width = 0;
  int64_t viewport_height = 0;
  bool pointer_target_fixed = false;
  std::string current_url;
  std::string type;
};

struct WarningRow {
  std::string type;
  std::string details;  // JSON object
  int64_t timestamp_us = 0;
};

// What a definition is about; the numbers are PostHog's for properties.
enum class DefinitionKind : uint8_t {
  kEvent = 0,
  kEventProperty = 1,
  kPersonProperty = 2,
  kGroupProperty = 3,
  kEventPropertyPair = 4,  // a property seen on an event
};

// An event or property name that was seen, on its way to the store. Views are of the event.
struct SeenDefinition {
  DefinitionKind kind = DefinitionKind::kEvent;
  std::string_view event;     // kEvent, kEventPropertyPair
  std::string_view property;  // all but kEvent
  std::optional<DefinitionType> type;
};

struct EventDefinition {
  std::string name;
  int64_t created_at_us = 0;
  int64_t last_seen_at_us = 0;
};

struct PropertyDefinition {
  DefinitionKind kind = DefinitionKind::kEventProperty;
  int group_type_index = -1;  // kGroupProperty only
  std::string name;
  std::optional<DefinitionType> type;
};

// The rows that the pipeline makes beside events and persons: heatmaps, ingestion warnings, event
// and property definitions. They lie in the person store, so that they are committed together with
// the log offset they come from; their keys are made of that offset, so that applying a record
// again gives the same rows.
//
// Keys: a byte for the kind ('h', 'w', 'e', 'p', 'x'), the team or project as 8 bytes (big-endian,
// sign flipped), then
//   h, w  i64 timestamp in microseconds (likewise), u64 log offset, u32 number within the record
//   e     event name
//   p     u8 kind, u8 group type index (255: none), property name
//   x     event name, NUL, property name
// Values: a version byte (1), then the fields in the order of the structures above; numbers as
// zigzag varints, texts as varint length and bytes.
//
// The writing methods belong to the pipeline's thread, the reading ones to anyone.
class SideRows {
 public:
  explicit SideRows(PersonStore* store) : store_(store) {}

  // Where a row comes from: makes its key.
  struct Origin {
    TeamId team_id = 0;
    uint64_t offset = 0;
    uint32_t number = 0;
  };
  void AddHeatmap(const Origin& origin, const HeatmapRow& row);
  void PutWarning(const Origin& origin, const WarningRow& row);
  // Of the warnings of one type and `limit_key` only the first of an hour is kept.
  absl::Status PutFirstWarning(const Origin& origin, const WarningRow& row,
                               std::string_view limit_key);
  // `group_type_index` for kGroupProperty.
  absl::Status AddDefinition(TeamId project_id, const SeenDefinition& seen, int group_type_index,
                             int64_t now_us);
  // Removes the heatmaps and warnings of a team before a moment; at most `rows_max` of each at a
  // time. Returns how many.
  absl::StatusOr<uint64_t> Expire(TeamId team_id, int64_t before_us, uint64_t rows_max);

  // What VisitHeatmaps() and VisitWarnings() show now, to be gone through in pieces.
  RecordWalk<HeatmapRow> FreezeHeatmaps(TeamId team_id, int64_t from_us) const;
  RecordWalk<WarningRow> FreezeWarnings(TeamId team_id, int64_t from_us) const;
  // From `from_us` on, by time, until `visit` returns false.
  absl::Status VisitHeatmaps(TeamId team_id, int64_t from_us,
                             const std::function<bool(const HeatmapRow&)>& visit) const;
  absl::Status VisitWarnings(TeamId team_id, int64_t from_us,
                             const std::function<bool(const WarningRow&)>& visit) const;
  absl::Status VisitEventDefinitions(
      TeamId project_id, const std::function<bool(const EventDefinition&)>& visit) const;
  absl::Status VisitPropertyDefinitions(
      TeamId project_id, const std::function<bool(const PropertyDefinition&)>& visit) const;
  // What is known of one property's type; nullopt also if there is no such property.
  absl::StatusOr<std::optional<DefinitionType>> FindPropertyType(TeamId project_id,
                                                                 DefinitionKind kind,
                                                                 int group_type_index,
                                                                 std::string_view name) const;
  // Of one event.
  absl::Status VisitEventProperties(
      TeamId project_id, std::string_view event,
      const std::function<bool(std::string_view property)>& visit) const;

 private:
  absl::Status SeeEvent(TeamId project_id, std::string_view name, int64_t now_us);

  PersonStore* store_;
};

}  // namespace hoglet
