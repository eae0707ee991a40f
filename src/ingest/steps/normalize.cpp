#include "src/ingest/steps/normalize.h"

#include <array>
#include <iterator>
#include <string>

#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/ingest/steps/properties.h"
#include "src/persons/automatic_properties.h"

namespace hoglet {
namespace {

// What there is to know of an automatic property ahead of time.
struct AutomaticProperty {
  std::string_view key;
  std::string initial_key;
};

const StringMap<std::string_view, AutomaticProperty>& AutomaticProperties() {
  static const auto* const map = [] {
    auto* made = new StringMap<std::string_view, AutomaticProperty>();
    for (const std::string_view key : kAutomaticPersonProperties) {
      const std::string_view bare = key.starts_with('$') ? key.substr(1) : key;
      (*made)[key] = {key, StrCat("$initial_", bare)};
    }
    return made;
  }();
  return *map;
}

constexpr std::string_view kBloatProperties[] = {"ph_product_tours",
                                                 "$session_recording_remote_config",
                                                 "$product_tours_activated",
                                                 "$product_tours_enabled_server_side",
                                                 "$surveys_activated",
                                                 "$feature_flag_payloads",
                                                 "$override_feature_flag_payloads"};

bool IsBloat(std::string_view key) {
  if (key.size() < 16 || key.size() > 35) return false;
  for (const std::string_view bloat : kBloatProperties) {
    if (key == bloat) return true;
  }
  return false;
}

JsonMember Renamed(JsonMember member, std::string_view key) {
  member.key = key;
  return member;
}

bool AddIfAbsent(JsonObjectView* members, const JsonMember& member) {
  if (FindProperty(members, member.key) != nullptr) return false;
  members->push_back(member);
  return true;
}

// Merges the root's $set or $set_once over that of the properties.
void MergeRootAssignments(const JsonObjectView& root, std::string_view key, Arena* arena,
                          JsonObjectView* properties) {
  const JsonMember* from_root = FindJsonMember(root, key);
  if (from_root == nullptr || !IsObject(*from_root)) return;
  JsonObjectView merged;
  if (const JsonMember* own = FindProperty(properties, key)) merged = MembersOf(*own, arena);
  StringMap<std::string_view, size_t> positions;
  for (size_t i = 0; i < merged.size(); ++i) positions.emplace(merged[i].key, i);
  for (const JsonMember& member : MembersOf(*from_root, arena)) {
    if (const auto it = positions.find(member.key); it != positions.end()) {
      merged[it->second] = member;
    } else {
      merged.push_back(member);
    }
  }
  SetProperty(properties, ObjectMember(key, merged, arena));
}

void LowerSessionId(Arena* arena, ParsedEvent* event) {
  JsonMember* id = FindProperty(&event->properties, "$session_id");
  if (id == nullptr || id->kind == JsonKind::kNull) return;
  if (id->kind == JsonKind::kString && id->text.size() == 36) {
    if (const auto uuid = ParseUuid(id->text)) {
      id->text = arena->Copy(FormatUuid(*uuid));
      return;
    }
  }
  std::string value;
  AppendJsonValue(*id, &value);
  event->warnings.push_back({"invalid_event_session_id", {{"$session_id", std::move(value)}}});
}

// What $unset asks for: a list of keys, or an object whose keys count.
void ReadUnset(const JsonMember& unset, Arena* arena, std::vector<std::string_view>* keys) {
  if (IsObject(unset)) {
    for (const JsonMember& member : MembersOf(unset, arena)) {
      keys->push_back(WithoutNul(member.key, arena));
    }
    return;
  }
  std::vector<JsonMember> items;
  if (!IsArray(unset) || !ParseJsonArray(unset.text, arena, &items).ok()) return;
  for (const JsonMember& item : items) {
    if (item.kind == JsonKind::kString) keys->push_back(WithoutNul(item.text, arena));
  }
}

void FillRequest(const PersonAssignments& assignments, Arena* arena, ParsedEvent* event) {
  const auto add = [arena](const JsonObjectView& members, std::vector<PropertyAssignment>* out) {
    out->reserve(members.size() + 1);
    for (const JsonMember& member : members) {
      out->push_back(MakePropertyAssignment(Renamed(member, WithoutNul(member.key, arena))));
    }
  };
  PropertyRequest& request = event->request;
  constexpr std::string_view kSurveySeen = "$survey_last_seen_date";
  if (event->event == "survey shown" && FindJsonMember(assignments.set, kSurveySeen) == nullptr) {
    PropertyAssignment seen = MakePropertyAssignment(
        StringMember(kSurveySeen, arena->Copy(FormatRfc3339(event->captured.timestamp_us, 3))));
    seen.is_implied = true;
    request.set.push_back(seen);
  }
  add(assignments.set, &request.set);
  add(assignments.set_once, &request.set_once);
  NormalizeRequest(&request);
  if (const JsonMember* unset = FindProperty(&event->properties, "$unset")) {
    ReadUnset(*unset, arena, &request.unset);
  }
}

bool HasAutomaticProperties(std::string_view event) {
  return event != "$snapshot" && event != "$performance_event";
}

void RemovePersonAssignments(JsonObjectView* properties) {
  std::erase_if(*properties, [](const JsonMember& member) {
    return member.key == "$set" || member.key == "$set_once" || member.key == "$unset";
  });
}

void Prepare(ParsedEvent* event) {
  const bool drop_ip = event->team.anonymize_ips;
  const bool is_personful = event->is_person_processed;
  std::erase_if(event->properties, [=](const JsonMember& member) {
    const std::string_view key = member.key;
    if (key == "$ip") return drop_ip;
    if (key == "$process_person_profile") return is_personful;
    if (!is_personful && key.size() == 8 && key.starts_with("$group_")) {
      return key[7] >= '0' && key[7] <= '4';
    }
    return IsBloat(key);
  });
}

}  // namespace

void CopyAutomaticProperties(JsonObjectView* properties, Arena* arena,
                             PersonAssignments* assignments) {
  JsonMember* set = FindProperty(properties, "$set");
  JsonMember* set_once = FindProperty(properties, "$set_once");
  if (set != nullptr) assignments->set = MembersOf(*set, arena);
  if (set_once != nullptr) assignments->set_once = MembersOf(*set_once, arena);

  bool has_any = false;
  bool has_changed = false;
  const JsonMember* os_name = nullptr;
  const auto& automatic = AutomaticProperties();
  for (const JsonMember& member : *properties) {
    const auto it = automatic.find(member.key);
    if (it == automatic.end()) continue;
    has_any = true;
    if (member.key == "$os_name") os_name = &member;
    has_changed |= AddIfAbsent(&assignments->set, member);
    has_changed |= AddIfAbsent(&assignments->set_once, Renamed(member, it->second.initial_key));
  }
  if (!has_any) return;
  if (os_name != nullptr) {
    const JsonMember os = Renamed(*os_name, "$os");
    AddIfAbsent(&assignments->set, os);
    AddIfAbsent(&assignments->set_once, Renamed(os, "$initial_os"));
    RemoveProperty(&assignments->set, "$os_name");
    RemoveProperty(&assignments->set_once, "$initial_os_name");
    AddIfAbsent(properties, os);  // may move the members
    has_changed = true;
  }
  const auto is_object = [properties](std::string_view key) {
    const JsonMember* member = FindProperty(properties, key);
    return member != nullptr && IsObject(*member);
  };
  if (!has_changed && is_object("$set") && is_object("$set_once")) return;
  SetProperty(properties, ObjectMember("$set", assignments->set, arena));
  SetProperty(properties, ObjectMember("$set_once", assignments->set_once, arena));
}

void NormalizeEvent(const JsonObjectView& root, Arena* arena, ParsedEvent* event) {
  JsonObjectView* properties = &event->properties;
  const bool keeps_assignments = event->is_person_processed && event->event != "$groupidentify";
  if (keeps_assignments) {
    MergeRootAssignments(root, "$set", arena, properties);
    MergeRootAssignments(root, "$set_once", arena, properties);
  } else {
    RemovePersonAssignments(properties);
  }
  if (!event->captured.ip.empty() && FindProperty(properties, "$ip") == nullptr) {
    properties->push_back(StringMember("$ip", event->captured.ip));
  }
  if (event->captured.sent_at_us.has_value()) {
    SetProperty(
        properties,
        StringMember("$sent_at", arena->Copy(FormatRfc3339(*event->captured.sent_at_us, 3))));
  }
  LowerSessionId(arena, event);
  PersonAssignments assignments;
  // Without person processing nothing of $set would stay: only the alias of $os_name is left of the
  // copying.
  if (HasAutomaticProperties(event->event)) {
    CopyAutomaticProperties(properties, arena, &assignments);
  } else {
    if (const auto* set = FindProperty(properties, "$set")) {
      assignments.set = MembersOf(*set, arena);
    }
    if (const auto* once = FindProperty(properties, "$set_once")) {
      assignments.set_once = MembersOf(*once, arena);
    }
  }
  if (keeps_assignments) {
    FillRequest(assignments, arena, event);
  } else {
    RemovePersonAssignments(properties);
  }
  Prepare(event);
}

}  // namespace hoglet
