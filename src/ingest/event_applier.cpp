#include "src/ingest/event_applier.h"

#include <utility>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/logging.h"
#include "src/base/metrics.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

constexpr KeyRef kGroupColumns[kGroupTypesMax] = {"$group_0", "$group_1", "$group_2", "$group_3",
                                                  "$group_4"};

void CountDrop(const std::string& reason) {
  MetricRegistry::Default()
      ->GetCounter("hoglet_ingest_dropped_total",
                   "Events that ended in the pipeline without a row.", {{"reason", reason}})
      ->Add();
}

// Others are kept once an hour for a distinct id, as a broken client repeats them with every event.
bool IsAlwaysSent(std::string_view type) {
  return type == "invalid_event_when_process_person_profile_is_false" ||
         type == "client_ingestion_warning";
}

IdRef IdOf(const ParsedEvent& event) {
  return IdRef(event.team.team_id, event.distinct_id, event.distinct_id_hash);
}

}  // namespace

void RowBatch::Clear() {
  row_count = 0;
  properties.clear();
  overlay_count = 0;
  dead_letters.clear();
  merges.clear();
}

EventRow* RowBatch::AddRow() {
  if (row_count == rows.size()) rows.emplace_back();
  return &rows[row_count++];
}

absl::Status EventApplier::Prefetch(const std::vector<ParsedEvent>& events, size_t count) {
  ids_.clear();
  for (size_t i = 0; i < count; ++i) {
    const ParsedEvent& event = events[i];
    if (event.fate != ParsedEvent::Fate::kStore) continue;
    ids_.push_back(IdOf(event));
    if (event.merge != MergeKind::kNone) {
      ids_.emplace_back(event.team.team_id, event.other_distinct_id);
    }
  }
  return store_->Prefetch(ids_);
}

absl::Status EventApplier::Store(ParsedEvent* event, RowBatch* batch) {
  const PersonEvent person_event{
      .id = IdOf(*event),
      .uuid = event->captured.uuid,
      .timestamp_us = event->captured.timestamp_us,
      .policy = event->policy,
      .is_person_processed = event->is_person_processed,
      .is_person_lookup_disabled = event->captured.force_disable_person_processing,
      .is_team_opted_out = event->team.is_person_processing_opted_out,
      .merge = event->merge,
      .other_distinct_id = event->other_distinct_id,
      .request = &event->request};
  // First what can be repeated without a trace, should the person step fail.
  HOGLET_RETURN_IF_ERROR(ApplyGroups(event));
  HOGLET_RETURN_IF_ERROR(ApplyDefinitions(*event));
  HOGLET_RETURN_IF_ERROR(persons_.Process(person_event, &outcome_));
  if (outcome_.removed.has_value()) {
    batch->merges.push_back({event->team.team_id, outcome_.removed->person_id, outcome_.person_id});
  }
  uint32_t number = static_cast<uint32_t>(event->warnings.size());
  for (const IngestionWarning& warning : outcome_.warnings) {
    side_rows_.PutWarning(
        {event->team.team_id, event->offset, number++},
        {std::string(warning.type), WarningDetailsJson(warning), event->captured.now_us});
    Warn(*event, warning);
  }
  if (!outcome_.dead_letter_reason.empty()) {
    batch->dead_letters.push_back({event, std::string(outcome_.dead_letter_reason)});
  } else if (event->is_row_dropped) {
    CountDrop("invalid_heatmap");
  } else {
    AddHeatmaps(*event);
    AddRow(event, batch);
  }
  return absl::OkStatus();
}

absl::Status EventApplier::Apply(ParsedEvent* event, RowBatch* batch) {
  HOGLET_RETURN_IF_ERROR(ApplyWarnings(event));
  if (event->fate == ParsedEvent::Fate::kStore) {
    const absl::Status stored = Store(event, batch);
    if (absl::IsDataLoss(stored)) {
      static LogRateLimit limit(5'000'000);
      if (limit.Allow()) LogError("event set aside: damage", {{"error", stored}});
      batch->dead_letters.push_back({event, std::string(FromAbsl(stored.message()))});
    } else if (!stored.ok()) {
      return stored;
    }
  } else if (event->fate == ParsedEvent::Fate::kDeadLetter) {
    batch->dead_letters.push_back({event, event->reason});
  } else if (event->fate == ParsedEvent::Fate::kHeatmap) {
    AddHeatmaps(*event);
  } else {
    CountDrop(event->reason);
  }
  for (const IngestionWarning& warning : event->warnings) Warn(*event, warning);
  event->warnings.clear();
  return absl::OkStatus();
}

void EventApplier::Warn(const ParsedEvent& event, const IngestionWarning& warning) {
  if (warnings_ != nullptr) warnings_->Warn(event.team.team_id, warning, event.captured.now_us);
}

absl::Status EventApplier::ApplyWarnings(ParsedEvent* event) {
  uint32_t number = 0;
  for (IngestionWarning& warning : event->warnings) {
    const bool has_uuid = !warning.details.empty() && warning.details.back().first == "eventUuid";
    // A warning of capture's may be about no event in particular.
    const bool is_of_event =
        !event->captured.is_capture_warning || !IsNilUuid(event->captured.uuid);
    if (!has_uuid && is_of_event) {
      std::string uuid;
      AppendJsonString(FormatUuid(event->captured.uuid), &uuid);
      warning.details.emplace_back("eventUuid", std::move(uuid));
    }
    const SideRows::Origin origin{event->team.team_id, event->offset, number++};
    const WarningRow row{std::string(warning.type), WarningDetailsJson(warning),
                         event->captured.now_us};
    if (IsAlwaysSent(warning.type)) {
      side_rows_.PutWarning(origin, row);
    } else {
      HOGLET_RETURN_IF_ERROR(side_rows_.PutFirstWarning(origin, row, event->captured.distinct_id));
    }
  }
  return absl::OkStatus();
}

absl::Status EventApplier::ApplyDefinitions(const ParsedEvent& event) {
  for (const SeenDefinition& seen : event.definitions) {
    int group_type = -1;
    if (seen.kind == DefinitionKind::kGroupProperty) {
      HOGLET_ASSIGN_OR_RETURN(group_type,
                              groups_.TypeIndex(event.team.project_id, event.group_type));
      if (group_type < 0) continue;
    }
    HOGLET_RETURN_IF_ERROR(
        side_rows_.AddDefinition(event.team.project_id, seen, group_type, event.captured.now_us));
  }
  return absl::OkStatus();
}

void EventApplier::AddHeatmaps(const ParsedEvent& event) {
  uint32_t number = 0;
  for (const HeatmapRow& row : event.heatmaps) {
    side_rows_.AddHeatmap({event.team.team_id, event.offset, number++}, row);
  }
}

absl::Status EventApplier::ApplyGroups(ParsedEvent* event) {
  for (const JsonMember& group : event->groups) {
    HOGLET_ASSIGN_OR_RETURN(const int index, groups_.TypeIndex(event->team.project_id, group.key));
    if (index < 0) continue;
    SetProperty(&event->properties, Renamed(group, kGroupColumns[index]));
  }
  if (!event->is_group_identify) return absl::OkStatus();
  return groups_.Apply({.team_id = event->team.team_id,
                        .project_id = event->team.project_id,
                        .type = event->group_type,
                        .key = event->group_key,
                        .timestamp_us = event->captured.timestamp_us,
                        .received_at_us = event->captured.now_us,
                        .properties = &event->group_set});
}

const JsonObjectView* EventApplier::RowProperties(const ParsedEvent& event, RowBatch* batch) {
  const PropertySetPtr& shown = outcome_.properties;
  if (shown == nullptr || !event.is_person_processed) return nullptr;
  if (batch->properties.empty() || batch->properties.back() != shown) {
    batch->properties.push_back(shown);
  }
  if (!outcome_.needs_overlay) return &shown->members();
  if (batch->overlay_count == batch->overlays.size()) batch->overlays.emplace_back();
  JsonObjectView* overlay = &batch->overlays[batch->overlay_count];
  if (!OverlayEventSet(*shown, event.request, overlay)) return &shown->members();
  ++batch->overlay_count;
  return overlay;
}

void EventApplier::AddRow(ParsedEvent* event, RowBatch* batch) {
  EventRow* row = batch->AddRow();
  row->team_id = event->team.team_id;
  row->uuid = event->captured.uuid;
  row->event = event->event;
  row->distinct_id = event->distinct_id;
  row->timestamp_us = event->captured.timestamp_us;
  row->properties.swap(event->properties);
  row->elements_chain = event->elements_chain;
  row->created_at_us = event->captured.now_us;
  row->captured_at_us = event->captured.now_us;
  row->person_id = outcome_.person_id;
  // Kept to the second.
  row->person_created_at_us =
      FloorDivide(outcome_.person_created_at_us, kMicrosPerSecond) * kMicrosPerSecond;
  row->person_properties = RowProperties(*event, batch);
  row->person_mode = outcome_.mode;
  row->historical_migration = event->captured.historical_migration;
  row->version_us = event->captured.now_us;
}

}  // namespace hoglet
