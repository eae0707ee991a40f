#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "include/hoglet/event.h"
#include "include/hoglet/person_observer.h"
#include "src/ingest/parsed_event.h"
#include "src/ingest/side_rows.h"
#include "src/ingest/warning_sink.h"
#include "src/persons/group_processor.h"
#include "src/persons/person_processor.h"

namespace hoglet {

// The rows of some events, and what they point to. Reusable: Clear() keeps the memory of its lists.
struct RowBatch {
  std::vector<EventRow> rows;
  size_t row_count = 0;
  // Kept alive until the rows are inserted.
  std::vector<PropertySetPtr> properties;
  std::deque<JsonObjectView> overlays;
  size_t overlay_count = 0;

  struct DeadLetter {
    const ParsedEvent* event;
    std::string reason;
  };
  std::vector<DeadLetter> dead_letters;
  std::vector<PersonMerge> merges;

  void Clear();
  EventRow* AddRow();
};

// The steps that need persons and groups, in log order, by one thread: persons, groups,
// definitions, the row and what goes beside it. A pure function of the event and the state of the
// store.
class EventApplier {
 public:
  EventApplier(PersonStore* store, WarningSink* warnings, const PersonProcessor::Options& options)
      : store_(store),
        persons_(store, options),
        groups_(store),
        side_rows_(store),
        warnings_(warnings) {}

  // Loads what the events will ask of the store.
  absl::Status Prefetch(const std::vector<ParsedEvent>& events, size_t count);

  // Takes one event, adding its row or dead letter to `batch`. The event's properties are swapped
  // out. On an error (disk) nothing happened, and the call can be repeated. Damage in the person
  // store stays however often one tries: the events that meet it, and no others, become dead
  // letters that name the damaged record.
  absl::Status Apply(ParsedEvent* event, RowBatch* batch);

  // Of the last event, for tests.
  const PersonOutcome& last_outcome() const { return outcome_; }

 private:
  absl::Status Store(ParsedEvent* event, RowBatch* batch);
  absl::Status ApplyGroups(ParsedEvent* event);
  absl::Status ApplyDefinitions(const ParsedEvent& event);
  // Those of the parser; they can be repeated.
  absl::Status ApplyWarnings(ParsedEvent* event);
  void AddHeatmaps(const ParsedEvent& event);
  void AddRow(ParsedEvent* event, RowBatch* batch);
  const JsonObjectView* RowProperties(const ParsedEvent& event, RowBatch* batch);
  void Warn(const ParsedEvent& event, const IngestionWarning& warning);

  PersonStore* store_;
  PersonProcessor persons_;
  GroupProcessor groups_;
  SideRows side_rows_;
  WarningSink* warnings_;
  PersonOutcome outcome_;
  std::vector<IdRef> ids_;
};

}  // namespace hoglet
