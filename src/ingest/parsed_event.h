#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "include/hoglet/event.h"
#include "src/base/captured_event.h"
#include "src/ingest/side_rows.h"
#include "src/ingest/team_directory.h"
#include "src/persons/person_processor.h"

namespace hoglet {

// A log record after everything that needs no knowledge of persons: what the parse workers hand to
// the apply thread. Views point into the log record and the arena of its chunk.
struct ParsedEvent {
  enum class Fate : uint8_t {
    kStore,
    kHeatmap,     // only its heatmaps are stored
    kCommand,     // no event: see command.h
    kDrop,        // quietly, or with a warning
    kDeadLetter,  // cannot be understood
  };

  uint64_t offset = 0;
  std::string_view key;
  std::string_view value;

  Fate fate = Fate::kDrop;
  // Why it is not stored; for kDrop a static label of the metric.
  std::string reason;

  CapturedEventView captured;
  TeamSettings team;
  std::string_view event;
  std::string_view distinct_id;
  uint64_t distinct_id_hash = 0;
  JsonObjectView properties;
  std::string_view elements_chain;

  bool is_person_processed = true;
  UpdatePolicy policy = UpdatePolicy::kFiltered;
  PropertyRequest request;
  MergeKind merge = MergeKind::kNone;
  std::string_view other_distinct_id;

  // $groups, and what a $groupidentify says.
  JsonObjectView groups;
  bool is_group_identify = false;
  std::string_view group_type;
  std::string_view group_key;
  JsonObjectView group_set;

  std::vector<HeatmapRow> heatmaps;
  // The event does all that it does but become a row.
  bool is_row_dropped = false;
  std::vector<SeenDefinition> definitions;

  std::vector<IngestionWarning> warnings;

  // Back to the first state, keeping the memory of the lists.
  void Clear();
};

}  // namespace hoglet
