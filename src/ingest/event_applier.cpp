#include "src/ingest/event_applier.h"

#include <utility>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/logging.h"
#include "src/base/metrics.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

constexpr std::string_view kGroupColumns[kGroupTypesMax] = {"$group_0", "$group_1", "$group_2",
                                                            "$group_3", "$group_4"};

// Whether the event's own $set says anything else than the properties do.
bool DiffersFromSet(const PropertySet& properties, const PropertyRequest& request) {
  for (const PropertyAssignment& assignment : request.set) {
    if (assignment.is_implied) continue;
    const JsonMember* shown = properties.Find(assignment.member.key, assignment.hash);
    if (shown == nullptr) return true;
    if (StrictlyEqual(*shown, assignment.member)) continue;
    const bool is_same_text = shown->kind == JsonKind::kRaw &&
                              assignment.member.kind == JsonKind::kRaw &&
                              shown->text == assignment.member.text;
    if (!is_same_text) return true;
  }
  return false;
}

void CountDrop(const std::string& reason) {
  MetricRegistry::Default()
      ->GetCounter("hoglet_ingest_dropped_total",
                   "Events that ended in the pipeline without a row.", {{"reason", reason}})
      ->Add();
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
  // Groups first: they can be repeated without a trace, should the person step fail.
  HOGLET_RETURN_IF_ERROR(ApplyGroups(event));
  HOGLET_RETURN_IF_ERROR(persons_.Process(person_event, &outcome_));
  for (IngestionWarning& warning : outcome_.warnings) Warn(*event, warning);
  if (outcome_.dead_letter_reason.empty()) {
    AddRow(event, batch);
  } else {
    batch->dead_letters.push_back({event, std::string(outcome_.dead_letter_reason)});
  }
  return absl::OkStatus();
}

absl::Status EventApplier::Apply(ParsedEvent* event, RowBatch* batch) {
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
  } else {
    CountDrop(event->reason);
  }
  for (IngestionWarning& warning : event->warnings) {
    std::string uuid;
    AppendJsonString(FormatUuid(event->captured.uuid), &uuid);
    warning.details.emplace_back("eventUuid", std::move(uuid));
    Warn(*event, warning);
  }
  event->warnings.clear();
  return absl::OkStatus();
}

void EventApplier::Warn(const ParsedEvent& event, IngestionWarning warning) {
  if (warnings_ != nullptr) warnings_->Warn(event.team.team_id, warning, event.captured.now_us);
}

absl::Status EventApplier::ApplyGroups(ParsedEvent* event) {
  for (const JsonMember& group : event->groups) {
    HOGLET_ASSIGN_OR_RETURN(const int index, groups_.TypeIndex(event->team.project_id, group.key));
    if (index < 0) continue;
    JsonMember column = group;
    column.key = kGroupColumns[index];
    SetProperty(&event->properties, column);
  }
  if (!event->is_group_identify) return absl::OkStatus();
  return groups_.Apply({.team_id = event->team.team_id,
                        .project_id = event->team.project_id,
                        .type = event->group_type,
                        .key = event->group_key,
                        .timestamp_us = event->captured.timestamp_us,
                        .properties = &event->group_set});
}

const JsonObjectView* EventApplier::RowProperties(const ParsedEvent& event, RowBatch* batch) {
  const PropertySetPtr& shown = outcome_.properties;
  if (shown == nullptr || !event.is_person_processed) return nullptr;
  if (batch->properties.empty() || batch->properties.back() != shown) {
    batch->properties.push_back(shown);
  }
  if (!outcome_.needs_overlay || !DiffersFromSet(*shown, event.request)) return &shown->members();
  if (batch->overlay_count == batch->overlays.size()) batch->overlays.emplace_back();
  JsonObjectView* overlay = &batch->overlays[batch->overlay_count++];
  OverlayEventSet(*shown, event.request, overlay);
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
  row->person_created_at_us = outcome_.person_created_at_us;
  row->person_properties = RowProperties(*event, batch);
  row->person_mode = outcome_.mode;
  row->historical_migration = event->captured.historical_migration;
  row->version_us = event->captured.now_us;
}

}  // namespace hoglet
