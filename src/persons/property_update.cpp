#include "src/persons/property_update.h"

#include <algorithm>
#include <string>
#include <utility>

#include "src/base/json.h"
#include "src/base/key_hash.h"
#include "src/base/key_ids.h"
#include "src/base/numbered_names.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/persons/automatic_properties.h"

namespace hoglet {
namespace {

constexpr std::string_view kFilteredProperties[] = {"$current_url",
                                                    "$pathname",
                                                    "$referring_domain",
                                                    "$referrer",
                                                    "$screen_height",
                                                    "$screen_width",
                                                    "$viewport_height",
                                                    "$viewport_width",
                                                    "$browser",
                                                    "$browser_version",
                                                    "$device_type",
                                                    "$raw_user_agent",
                                                    "$os",
                                                    "$os_name",
                                                    "$os_version",
                                                    "$geoip_postal_code",
                                                    "$geoip_time_zone",
                                                    "$geoip_latitude",
                                                    "$geoip_longitude",
                                                    "$geoip_accuracy_radius",
                                                    "$geoip_subdivision_1_code",
                                                    "$geoip_subdivision_1_name",
                                                    "$geoip_subdivision_2_code",
                                                    "$geoip_subdivision_2_name",
                                                    "$geoip_subdivision_3_code",
                                                    "$geoip_subdivision_3_name",
                                                    "$geoip_city_confidence",
                                                    "$geoip_country_confidence",
                                                    "$geoip_postal_code_confidence",
                                                    "$geoip_subdivision_1_confidence",
                                                    "$geoip_subdivision_2_confidence"};

const StringSet<std::string_view>& ProtectedProperties() {
  static const auto* const names = [] {
    auto* set = new StringSet<std::string_view>{"email",
                                                "name",
                                                "$session_id",
                                                "$window_id",
                                                "$pageview_id",
                                                "$host",
                                                "$user_id",
                                                "$device_id",
                                                "$anon_distinct_id",
                                                "$initial_referrer",
                                                "$initial_referring_domain",
                                                "$initial_utm_source",
                                                "$initial_utm_medium",
                                                "$initial_utm_campaign",
                                                "$initial_utm_content",
                                                "$initial_utm_term"};
    for (const std::string_view name : kAutomaticPersonProperties) set->insert(name);
    return set;
  }();
  return *names;
}

const NumberedNames<64>& FilteredProperties() {
  static const NumberedNames<64> names{kFilteredProperties};
  return names;
}

// The numbers met so far, for finding repeated ones.
class KeyIdSet {
 public:
  // A new, empty set.
  void Clear() {
    if (++round_ != 0) return;
    met_.assign(met_.size(), 0);
    round_ = 1;
  }
  // False if it was there.
  bool Insert(KeyId id) {
    if (id >= met_.size()) met_.resize(id + 64, 0);
    return std::exchange(met_[id], round_) != round_;
  }

 private:
  uint32_t round_ = 0;
  std::vector<uint32_t> met_;  // the round in which each was met last
};

// Puts the member over the one of the same key, which is at or after `from`, or appends it.
void PutMember(const JsonMember& member, JsonObjectView* out) {
  for (JsonMember& present : *out) {
    if (KeyRef(present).Names(member)) {
      present = member;
      return;
    }
  }
  out->push_back(member);
}

// Position of a member found by Find.
size_t PositionOf(const PropertySet& set, const JsonMember* member) {
  return static_cast<size_t>(member - set.members().data());
}

// Overlays `assignments` over a copy of the members of `base` in `out`.
void PutAssignment(const PropertySet& base, const PropertyAssignment& assignment,
                   JsonObjectView* out) {
  if (const JsonMember* present = base.Find(assignment.member.key, assignment.hash)) {
    (*out)[PositionOf(base, present)] = assignment.member;
    return;
  }
  // Keys of a request are unique: it cannot have been appended by an earlier assignment.
  out->push_back(assignment.member);
}

}  // namespace

PropertyAssignment MakePropertyAssignment(const JsonMember& member) {
  return {.member = member,
          .hash = PropertyKeyHash(member),
          .is_filtered = FilteredProperties().Find(member) >= 0};
}

void NormalizeRequest(PropertyRequest* request) {
  const auto has_numbers = [](const std::vector<PropertyAssignment>& list) {
    return std::all_of(list.begin(), list.end(), [](const PropertyAssignment& assignment) {
      return assignment.member.key_id != kNoKeyId;
    });
  };
  if (has_numbers(request->set) && has_numbers(request->set_once)) {
    thread_local KeyIdSet numbers;
    numbers.Clear();
    for (auto* list : {&request->set, &request->set_once}) {
      std::erase_if(*list, [](const PropertyAssignment& assignment) {
        return !numbers.Insert(assignment.member.key_id);
      });
    }
    return;
  }
  NameSet seen;
  for (auto* list : {&request->set, &request->set_once}) {
    std::erase_if(*list, [&seen](const PropertyAssignment& assignment) {
      return !seen.Insert(assignment.member.key);
    });
  }
}

UpdatePolicy UpdatePolicyOf(std::string_view event) {
  if (event == "$exception" || event == "$$heatmap") return UpdatePolicy::kNever;
  if (event == "$identify" || event == "$create_alias" || event == "$merge_dangerously" ||
      event == "$set") {
    return UpdatePolicy::kAlways;
  }
  return UpdatePolicy::kFiltered;
}

bool IsFilteredPersonProperty(std::string_view key) { return FilteredProperties().Find(key) >= 0; }

bool IsProtectedPersonProperty(std::string_view key) { return ProtectedProperties().contains(key); }

void ComputePropertyChanges(const PropertySet& current, const PropertyRequest& request,
                            UpdatePolicy policy, PropertyChanges* changes) {
  changes->Clear();
  if (policy == UpdatePolicy::kNever) {
    changes->outcome = UpdateOutcome::kUnsupported;
    return;
  }
  bool is_worth_a_write = policy == UpdatePolicy::kAlways;
  for (const PropertyAssignment& assignment : request.set_once) {
    if (current.Find(assignment.member.key, assignment.hash) != nullptr) continue;
    changes->set.push_back(&assignment);
    is_worth_a_write = true;
  }
  for (const PropertyAssignment& assignment : request.set) {
    const JsonMember* present = current.Find(assignment.member.key, assignment.hash);
    if (present != nullptr && StrictlyEqual(*present, assignment.member)) continue;
    changes->set.push_back(&assignment);
    if (present == nullptr || !assignment.is_filtered) is_worth_a_write = true;
  }
  for (const std::string_view key : request.unset) {
    if (current.Find(key) == nullptr) continue;
    changes->unset.push_back(key);
    is_worth_a_write = true;
  }
  if (changes->set.empty() && changes->unset.empty()) return;
  changes->outcome = is_worth_a_write ? UpdateOutcome::kChanged : UpdateOutcome::kIgnored;
}

PropertySetPtr ApplyPropertyChanges(const PropertySet& current, const PropertyChanges& changes) {
  JsonObjectView members;
  members.reserve(current.members().size() + changes.set.size());
  members = current.members();
  for (const PropertyAssignment* assignment : changes.set) {
    PutAssignment(current, *assignment, &members);
  }
  if (!changes.unset.empty()) {
    const StringSet<std::string_view> unset(changes.unset.begin(), changes.unset.end());
    std::erase_if(members,
                  [&unset](const JsonMember& member) { return unset.contains(member.key); });
  }
  return PropertySet::FromMembers(members);
}

PropertySetPtr InitialPersonProperties(const PropertyRequest& request, const Uuid& event_uuid) {
  JsonObjectView members;
  members.reserve(request.set_once.size() + request.set.size() + 1);
  for (const PropertyAssignment& assignment : request.set_once) {
    members.push_back(assignment.member);
  }
  for (const PropertyAssignment& assignment : request.set) {
    if (!assignment.is_implied) members.push_back(assignment.member);
  }
  const std::string uuid = FormatUuid(event_uuid);
  PutMember({.key = "$creator_event_uuid", .kind = JsonKind::kString, .text = uuid}, &members);
  return PropertySet::FromMembers(members);
}

PropertySetPtr MergeProperties(const PropertySet& source, const PropertySet& target) {
  JsonObjectView members;
  members.reserve(source.members().size() + target.members().size());
  members = source.members();
  for (const JsonMember& member : target.members()) {
    if (const JsonMember* present = source.Find(member.key)) {
      members[PositionOf(source, present)] = member;
    } else {
      members.push_back(member);
    }
  }
  return PropertySet::FromMembers(members);
}

bool OverlayEventSet(const PropertySet& properties, const PropertyRequest& request,
                     JsonObjectView* out) {
  bool differs = false;
  for (const PropertyAssignment& assignment : request.set) {
    if (assignment.is_implied) continue;
    const JsonMember& member = assignment.member;
    const JsonMember* present = properties.Find(member.key, assignment.hash);
    const bool is_same =
        present != nullptr && (StrictlyEqual(*present, member) ||
                               (present->kind == JsonKind::kRaw && member.kind == JsonKind::kRaw &&
                                present->text == member.text));
    if (is_same) continue;
    if (!differs) {
      out->reserve(properties.members().size() + request.set.size());
      *out = properties.members();
      differs = true;
    }
    if (present != nullptr) {
      (*out)[PositionOf(properties, present)] = member;
    } else {
      out->push_back(member);
    }
  }
  return differs;
}

bool IsOversized(const PropertySet& properties) {
  // Escapes make a text at most six times longer than the estimate, numbers at most 25 bytes.
  const uint64_t bound = properties.json_bytes_estimate() * 6 + properties.members().size() * 25;
  if (bound <= kPersonPropertiesBytesMax) return false;
  return properties.ToJson().size() > kPersonPropertiesBytesMax;
}

PropertySetPtr TrimProperties(const PropertySet& properties) {
  JsonObjectView sorted = properties.members();
  std::sort(sorted.begin(), sorted.end(),
            [](const JsonMember& a, const JsonMember& b) { return a.key < b.key; });
  uint64_t bytes = properties.ToJson().size();
  StringSet<std::string_view> removed;
  for (const JsonMember& member : sorted) {
    if (bytes <= kPersonPropertiesTrimmedBytes) break;
    if (IsProtectedPersonProperty(member.key)) continue;
    std::string text;
    AppendJsonString(member.key, &text);
    AppendJsonValue(member, &text);
    bytes -= std::min<uint64_t>(bytes, text.size() + 2);
    removed.insert(member.key);
  }
  JsonObjectView kept = properties.members();
  std::erase_if(kept, [&](const JsonMember& member) { return removed.contains(member.key); });
  return PropertySet::FromMembers(kept);
}

}  // namespace hoglet
