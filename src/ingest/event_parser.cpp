#include "src/ingest/event_parser.h"

#include <string>
#include <utility>

#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/ingest/command.h"
#include "src/ingest/steps/cookieless.h"
#include "src/ingest/steps/elements_chain.h"
#include "src/ingest/steps/geoip.h"
#include "src/ingest/steps/heatmaps.h"
#include "src/ingest/steps/normalize.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {
namespace {

constexpr size_t kDistinctIdUnitsMax = 400;
constexpr size_t kGroupKeyUnitsMax = 400;
constexpr size_t kEventNameUnitsMax = 200;

std::string Quoted(std::string_view text) {
  std::string json;
  AppendJsonString(text, &json);
  return json;
}

std::pair<std::string_view, std::string> Detail(std::string_view name, std::string_view text) {
  return {name, Quoted(text)};
}

std::pair<std::string_view, std::string> Detail(std::string_view name, int64_t value) {
  return {name, StrCat(value)};
}

void Drop(ParsedEvent* event, std::string_view reason) {
  event->fate = ParsedEvent::Fate::kDrop;
  event->reason = reason;
}

void DropWithWarning(ParsedEvent* event, std::string_view type,
                     std::vector<std::pair<std::string_view, std::string>> details) {
  Drop(event, type);
  event->warnings.push_back({type, std::move(details)});
}

void DeadLetter(ParsedEvent* event, absl::string_view reason) {
  event->fate = ParsedEvent::Fate::kDeadLetter;
  event->reason = std::string(reason);
}

// Checks of the record that need no JSON. False: the event is dropped.
bool CheckRecord(ParsedEvent* event) {
  const CapturedEventView& captured = event->captured;
  // No text has more units than bytes.
  const bool may_be_long = captured.distinct_id.size() > kDistinctIdUnitsMax;
  const size_t units = may_be_long ? Utf16Length(captured.distinct_id) : 0;
  if (units > kDistinctIdUnitsMax) {
    DropWithWarning(event, "skipping_event_invalid_distinct_id",
                    {Detail("distinctId", CutUtf16(captured.distinct_id, 100)),
                     Detail("distinctIdLength", static_cast<int64_t>(units)),
                     Detail("maxLength", static_cast<int64_t>(kDistinctIdUnitsMax))});
    return false;
  }
  const int64_t limit_s = event->team.drop_events_older_than_s;
  const int64_t age_us = captured.now_us - captured.timestamp_us;
  if (limit_s > 0 && age_us > limit_s * 1'000'000) {
    DropWithWarning(
        event, "event_dropped_too_old",
        {Detail("event", captured.event), Detail("distinctId", captured.distinct_id),
         Detail("eventTimestamp", FormatRfc3339(captured.timestamp_us, 3)),
         Detail("ageInSeconds", age_us / 1'000'000), Detail("dropThresholdSeconds", limit_s)});
    return false;
  }
  return true;
}

// A warning that capture left in the log.
void TakeCaptureWarning(Arena* arena, ParsedEvent* event) {
  JsonObjectView members;
  if (absl::Status status = ParseJsonObject(event->captured.json, arena, &members); !status.ok()) {
    DeadLetter(event, status.message());
    return;
  }
  std::vector<std::pair<std::string_view, std::string>> details;
  for (const JsonMember& member : members) {
    std::string value;
    AppendJsonValue(member, &value);
    details.emplace_back(member.key, std::move(value));
  }
  event->warnings.push_back({event->captured.event, std::move(details)});
  Drop(event, "capture_warning");
}

// Reads the event object and its properties. False: dead letter.
bool ParseJson(Arena* arena, JsonObjectView* root, ParsedEvent* event) {
  const absl::Status status =
      ParseJsonObjectWith(event->captured.json, "properties", arena, root, &event->properties);
  if (!status.ok()) DeadLetter(event, status.message());
  return status.ok();
}

bool IsMergeEvent(std::string_view name) {
  return name == "$identify" || name == "$create_alias" || name == "$merge_dangerously";
}

// Exceptions never change a person, whatever they ask for.
void WarnOfSetOnException(const JsonObjectView& root, ParsedEvent* event) {
  if (event->event != "$exception") return;
  for (const KeyRef key : {KeyRef("$set"), KeyRef("$set_once")}) {
    if (FindJsonMember(root, key.name()) == nullptr &&
        FindProperty(&event->properties, key) == nullptr) {
      continue;
    }
    event->warnings.push_back(
        {"set_on_exception",
         {Detail("event", event->event), Detail("distinctId", event->distinct_id)}});
    return;
  }
}

// Decides whether the event makes or changes persons. False: the event is dropped.
bool ReadPersonFlag(const KnownNames& names, ParsedEvent* event) {
  if (!event->is_person_processed) return true;  // a heatmap
  constexpr KeyRef kFlag = "$process_person_profile";
  const bool is_disabled =
      event->captured.force_disable_person_processing || event->team.is_person_processing_opted_out;
  if (is_disabled) {
    SetProperty(&event->properties, Renamed({.kind = JsonKind::kBool, .boolean = false}, kFlag));
  } else if (!names.MayHave(KeySet("$process_person_profile"))) {
    return true;
  }
  const JsonMember* flag = FindProperty(&event->properties, kFlag);
  if (flag == nullptr || (flag->kind == JsonKind::kBool && flag->boolean)) return true;
  if (flag->kind != JsonKind::kBool) {
    std::string value;
    AppendJsonValue(*flag, &value);
    event->warnings.push_back({"invalid_process_person_profile",
                               {Detail("event", event->event),
                                Detail("distinctId", event->distinct_id),
                                {kFlag.name(), std::move(value)},
                                Detail("message",
                                       "Only a boolean value is valid for the property "
                                       "$process_person_profile")}});
    return true;
  }
  event->is_person_processed = false;
  if (!IsMergeEvent(event->event) && event->event != "$groupidentify") return true;
  DropWithWarning(event, "invalid_event_when_process_person_profile_is_false",
                  {Detail("event", event->event), Detail("distinctId", event->distinct_id)});
  return false;
}

// Events that are no events. False: the event ends here.
bool TakeBranch(ParsedEvent* event) {
  if (event->event == "$$client_ingestion_warning") {
    const JsonMember* message =
        FindProperty(&event->properties, "$$client_ingestion_warning_message");
    std::string text = "null";
    if (message != nullptr) {
      text.clear();
      AppendJsonValue(*message, &text);
    }
    DropWithWarning(event, "client_ingestion_warning",
                    {Detail("event", event->event),
                     Detail("distinctId", event->distinct_id),
                     {"message", std::move(text)}});
    return false;
  }
  if (event->event == "$$heatmap") event->is_person_processed = false;
  return true;
}

// The refusals of a $groupidentify. False: the event is dropped.
bool CheckGroupIdentify(Arena* arena, ParsedEvent* event) {
  if (event->event != "$groupidentify") return true;
  const JsonMember* key = FindProperty(&event->properties, "$group_key");
  if (key != nullptr && IsTruthy(*key)) {
    const std::string_view text = ToText(*key, arena);
    const size_t units = Utf16Length(text);
    if (units > kGroupKeyUnitsMax) {
      DropWithWarning(event, "group_key_too_long",
                      {Detail("event", event->event), Detail("distinctId", event->distinct_id),
                       Detail("groupKey", CutUtf16(text, 100)),
                       Detail("groupKeyLength", static_cast<int64_t>(units)),
                       Detail("maxLength", static_cast<int64_t>(kGroupKeyUnitsMax))});
      return false;
    }
  }
  const JsonMember* set = FindProperty(&event->properties, "$group_set");
  if (set != nullptr && set->kind != JsonKind::kNull && !IsObject(*set)) {
    DropWithWarning(event, "invalid_group_set",
                    {Detail("event", event->event), Detail("distinctId", event->distinct_id)});
    return false;
  }
  return true;
}

void ReadMerge(Arena* arena, ParsedEvent* event) {
  if (!event->is_person_processed) return;
  if (event->event == "$identify") {
    const JsonMember* anonymous = FindProperty(&event->properties, "$anon_distinct_id");
    if (anonymous == nullptr) return;
    event->merge = MergeKind::kIdentify;
    event->other_distinct_id = WithoutNul(ToText(*anonymous, arena), arena);
    return;
  }
  const bool is_dangerous = event->event == "$merge_dangerously";
  if (!is_dangerous && event->event != "$create_alias") return;
  const JsonMember* alias = FindProperty(&event->properties, "alias");
  if (alias == nullptr || !IsTruthy(*alias)) return;
  event->merge = is_dangerous ? MergeKind::kMergeDangerously : MergeKind::kAlias;
  event->other_distinct_id = WithoutNul(ToText(*alias, arena), arena);
}

void ReadGroups(Arena* arena, ParsedEvent* event) {
  if (!event->is_person_processed) return;
  if (const JsonMember* groups = FindProperty(&event->properties, "$groups")) {
    event->groups = MembersOf(*groups, arena);
  }
  if (event->event != "$groupidentify") return;
  const JsonMember* type = FindProperty(&event->properties, "$group_type");
  const JsonMember* key = FindProperty(&event->properties, "$group_key");
  if (type == nullptr || key == nullptr || !IsTruthy(*type) || !IsTruthy(*key)) return;
  event->is_group_identify = true;
  event->group_type = WithoutNul(ToText(*type, arena), arena);
  event->group_key = WithoutNul(ToText(*key, arena), arena);
  if (const JsonMember* set = FindProperty(&event->properties, "$group_set")) {
    event->group_set = MembersOf(*set, arena);
    for (JsonMember& member : event->group_set) {
      if (member.key_id == kNoKeyId) member.key = WithoutNul(member.key, arena);
    }
  }
}

void ReadElements(const KnownNames& names, Arena* arena, ParsedEvent* event) {
  if (!names.MayHave(KeySet("$elements", "$elements_chain"))) return;
  const JsonMember* chain = FindProperty(&event->properties, "$elements_chain");
  const JsonMember* elements = FindProperty(&event->properties, "$elements");
  if (chain == nullptr && elements == nullptr) return;
  if (chain != nullptr && chain->kind == JsonKind::kString && !chain->text.empty()) {
    event->elements_chain = chain->text;
  } else if (elements != nullptr && IsArray(*elements)) {
    event->elements_chain = arena->Copy(ElementsToChain(ExtractElements(elements->text)));
  }
  std::erase_if(event->properties, [](const JsonMember& member) {
    return KeyRef("$elements").Names(member) || KeyRef("$elements_chain").Names(member);
  });
}

}  // namespace

void ParsedEvent::Clear() {
  fate = Fate::kDrop;
  reason.clear();
  properties.clear();
  elements_chain = {};
  is_person_processed = true;
  policy = UpdatePolicy::kFiltered;
  request.Clear();
  merge = MergeKind::kNone;
  other_distinct_id = {};
  groups.clear();
  is_group_identify = false;
  group_set.clear();
  heatmaps.clear();
  is_row_dropped = false;
  definitions.clear();
  warnings.clear();
}

bool EventParser::FindTeam(ParsedEvent* event) {
  const std::string_view token = event->captured.token;
  const uint64_t version = teams_->version();
  if (!last_team_.has_value() || token != last_token_ || version != last_version_) {
    last_team_ = teams_->FindByToken(token);
    last_token_ = token;
    last_version_ = version;
  }
  if (!last_team_.has_value()) {
    Drop(event, "unknown_token");
    return false;
  }
  event->team = *last_team_;
  return true;
}

void EventParser::Parse(Arena* arena, ParsedEvent* event) {
  event->Clear();
  if (IsCommand(event->value)) {
    event->captured = {};
    event->fate = ParsedEvent::Fate::kCommand;
    return;
  }
  auto captured = DecodeCapturedEvent(event->value);
  if (!captured.ok()) {
    event->captured = {};
    DeadLetter(event, captured.status().message());
    return;
  }
  event->captured = *captured;
  if (!FindTeam(event)) return;
  if (captured->is_capture_warning) return TakeCaptureWarning(arena, event);
  if (!CheckRecord(event)) return;
  event->distinct_id = WithoutNul(captured->distinct_id, arena);
  event->event = CutUtf16(captured->event, kEventNameUnitsMax);
  root_.clear();
  if (!ParseJson(arena, &root_, event)) return;
  if (!CheckGroupIdentify(arena, event)) return;
  if (captured->is_cookieless && !RewriteCookieless(cookieless_, arena, &root_, event)) return;
  const KnownNames names(event->properties);
  if (!TakeBranch(event) || !ReadPersonFlag(names, event)) return;

  event->distinct_id_hash = IdRef(event->team.team_id, event->distinct_id).hash;
  event->policy = UpdatePolicyOf(event->event);
  WarnOfSetOnException(root_, event);
  ReadElements(names, arena, event);
  if (geoip_ != nullptr && event->event != "$$heatmap") AddGeoIp(*geoip_, arena, event);
  NormalizeEvent(root_, arena, event);
  ReadMerge(arena, event);
  ReadGroups(arena, event);
  ExtractHeatmaps(arena, event);
  if (event->event == "$$heatmap") {
    event->fate = ParsedEvent::Fate::kHeatmap;
    return;
  }
  if (!event->is_row_dropped) definitions_.Scan(arena, event);
  event->fate = ParsedEvent::Fate::kStore;
}

}  // namespace hoglet
