#include "src/ingest/steps/normalize.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "src/base/json.h"
#include "src/base/numbered_names.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/ingest/steps/properties.h"
#include "src/persons/automatic_properties.h"

namespace hoglet {
namespace {

constexpr size_t kAutomaticCount = std::size(kAutomaticPersonProperties);

// The automatic properties, and what each is called in $set_once.
class AutomaticProperties {
 public:
  AutomaticProperties() : names_(kAutomaticPersonProperties) {
    for (size_t i = 0; i < kAutomaticCount; ++i) {
      const std::string_view key = kAutomaticPersonProperties[i];
      initial_names_[i] = StrCat("$initial_", key.starts_with('$') ? key.substr(1) : key);
      initial_ids_[i] = MakeKeyId(initial_names_[i]);
    }
  }

  // The index of the member's property, -1 if it is no automatic one.
  int Find(const JsonMember& member) const { return names_.Find(member); }
  KeyRef InitialKey(int index) const {
    const auto i = static_cast<size_t>(index);
    return {initial_names_[i], initial_ids_[i]};
  }

 private:
  NumberedNames<128> names_;
  std::array<std::string, kAutomaticCount> initial_names_;
  std::array<KeyId, kAutomaticCount> initial_ids_;
};

const AutomaticProperties& Automatic() {
  static const auto* const properties = new AutomaticProperties();
  return *properties;
}

// What becomes of the known names before the row.
enum class RowRule : uint8_t { kKeep, kIp, kProcessFlag, kGroupColumn, kBloat };

constexpr RowRule RowRuleOf(std::string_view key) {
  if (key == "$ip") return RowRule::kIp;
  if (key == "$process_person_profile") return RowRule::kProcessFlag;
  for (const std::string_view column :
       {"$group_0", "$group_1", "$group_2", "$group_3", "$group_4"}) {
    if (key == column) return RowRule::kGroupColumn;
  }
  for (const std::string_view bloat :
       {"ph_product_tours", "$session_recording_remote_config", "$product_tours_activated",
        "$product_tours_enabled_server_side", "$surveys_activated", "$feature_flag_payloads",
        "$override_feature_flag_payloads"}) {
    if (key == bloat) return RowRule::kBloat;
  }
  return RowRule::kKeep;
}

RowRule RowRuleOf(const JsonMember& member) {
  static constexpr auto kRules = [] {
    std::array<RowRule, kKnownKeyIdMax + 1> rules{};
    for (size_t i = 0; i < kKnownKeyIdMax; ++i) rules[i + 1] = RowRuleOf(kKnownKeys[i]);
    return rules;
  }();
  if (member.key_id == kNoKeyId) return RowRuleOf(member.key);
  return member.key_id <= kKnownKeyIdMax ? kRules[member.key_id] : RowRule::kKeep;
}

template <RowRule rule>
constexpr KeySet kNamesOf = KeySet::Where([](std::string_view key) {
  return RowRuleOf(key) == rule;
});

bool AddIfAbsent(JsonObjectView* members, const JsonMember& member) {
  if (FindProperty(members, KeyRef(member)) != nullptr) return false;
  members->push_back(member);
  return true;
}

// As AddIfAbsent, where only the first `present` members can have the key.
bool AddIfNotAmong(size_t present, JsonObjectView* members, const JsonMember& member) {
  for (size_t i = 0; i < present; ++i) {
    if (KeyRef(member).Names((*members)[i])) return false;
  }
  members->push_back(member);
  return true;
}

// Merges the root's $set or $set_once over that of the properties.
void MergeRootAssignments(const JsonObjectView& root, KeyRef key, Arena* arena,
                          JsonObjectView* properties) {
  const JsonMember* from_root = FindJsonMember(root, key.name());
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
      const bool has_upper = std::any_of(id->text.begin(), id->text.end(),
                                         [](char c) { return c >= 'A' && c <= 'F'; });
      if (has_upper) id->text = arena->Copy(FormatUuid(*uuid));
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
      // A name with a number holds no NUL.
      const bool is_clean = member.key_id != kNoKeyId;
      out->push_back(MakePropertyAssignment(
          is_clean ? member : Renamed(member, WithoutNul(member.key, arena))));
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

void RemovePersonAssignments(const KnownNames& names, JsonObjectView* properties) {
  if (!names.MayHave(KeySet("$set", "$set_once", "$unset"))) return;
  std::erase_if(*properties, [](const JsonMember& member) {
    return KeyRef("$set").Names(member) || KeyRef("$set_once").Names(member) ||
           KeyRef("$unset").Names(member);
  });
}

void ReadPersonAssignments(JsonObjectView* properties, Arena* arena,
                           PersonAssignments* assignments) {
  if (const JsonMember* set = FindProperty(properties, "$set")) {
    assignments->set = MembersOf(*set, arena);
  }
  if (const JsonMember* set_once = FindProperty(properties, "$set_once")) {
    assignments->set_once = MembersOf(*set_once, arena);
  }
}

void AddOsAlias(JsonObjectView* properties) {
  if (const JsonMember* os_name = FindProperty(properties, "$os_name")) {
    AddIfAbsent(properties, Renamed(*os_name, "$os"));
  }
}

void Prepare(ParsedEvent* event) {
  const bool drop_ip = event->team.anonymize_ips;
  const bool is_personful = event->is_person_processed;
  const KnownNames names(event->properties);
  const bool has_any = names.MayHave(kNamesOf<RowRule::kBloat>) ||
                       (drop_ip && names.MayHave(kNamesOf<RowRule::kIp>)) ||
                       names.MayHave(is_personful ? kNamesOf<RowRule::kProcessFlag>
                                                  : kNamesOf<RowRule::kGroupColumn>);
  if (!has_any) return;
  std::erase_if(event->properties, [=](const JsonMember& member) {
    switch (RowRuleOf(member)) {
      case RowRule::kKeep:
        return false;
      case RowRule::kIp:
        return drop_ip;
      case RowRule::kProcessFlag:
        return is_personful;
      case RowRule::kGroupColumn:
        return !is_personful;
      case RowRule::kBloat:
        break;
    }
    return true;
  });
}

}  // namespace

void CopyAutomaticProperties(JsonObjectView* properties, Arena* arena,
                             PersonAssignments* assignments) {
  ReadPersonAssignments(properties, arena, assignments);
  bool has_any = false;
  bool has_changed = false;
  const JsonMember* os_name = nullptr;
  // What is added differs among itself, as the keys of the properties do.
  const size_t own_set = assignments->set.size();
  const size_t own_set_once = assignments->set_once.size();
  assignments->set.reserve(own_set + properties->size());
  assignments->set_once.reserve(own_set_once + properties->size());
  for (const JsonMember& member : *properties) {
    const int index = Automatic().Find(member);
    if (index < 0) continue;
    has_any = true;
    if (KeyRef("$os_name").Names(member)) os_name = &member;
    has_changed |= AddIfNotAmong(own_set, &assignments->set, member);
    has_changed |= AddIfNotAmong(own_set_once, &assignments->set_once,
                                 Renamed(member, Automatic().InitialKey(index)));
  }
  if (!has_any) return;
  if (os_name != nullptr) {
    static const KeyRef kInitialOs{"$initial_os", MakeKeyId("$initial_os")};
    const JsonMember os = Renamed(*os_name, "$os");
    AddIfAbsent(&assignments->set, os);
    AddIfAbsent(&assignments->set_once, Renamed(os, kInitialOs));
    RemoveProperty(&assignments->set, "$os_name");
    RemoveProperty(&assignments->set_once, "$initial_os_name");
    AddIfAbsent(properties, os);  // may move the members
    has_changed = true;
  }
  const auto is_object = [properties](KeyRef key) {
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
  const KnownNames names(*properties);
  if (keeps_assignments) {
    MergeRootAssignments(root, "$set", arena, properties);
    MergeRootAssignments(root, "$set_once", arena, properties);
  } else {
    RemovePersonAssignments(names, properties);
  }
  const bool may_have_ip = names.MayHave(KeySet("$ip"));
  if (!event->captured.ip.empty() && (!may_have_ip || FindProperty(properties, "$ip") == nullptr)) {
    properties->push_back(StringMember("$ip", event->captured.ip));
  }
  if (event->captured.sent_at_us.has_value()) {
    SetProperty(
        properties,
        StringMember("$sent_at", arena->Copy(FormatRfc3339(*event->captured.sent_at_us, 3))));
  }
  LowerSessionId(arena, event);
  const bool has_automatic = HasAutomaticProperties(event->event);
  if (!keeps_assignments) {
    // Nothing of $set would stay: only the alias of $os_name is left of the copying.
    if (has_automatic && names.MayHave(KeySet("$os_name"))) AddOsAlias(properties);
  } else {
    PersonAssignments assignments;
    if (has_automatic) {
      CopyAutomaticProperties(properties, arena, &assignments);
    } else {
      ReadPersonAssignments(properties, arena, &assignments);
    }
    FillRequest(assignments, arena, event);
  }
  Prepare(event);
}

}  // namespace hoglet
