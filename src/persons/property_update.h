#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "include/hoglet/event.h"
#include "src/persons/property_set.h"

// How an event's $set, $set_once and $unset change the properties of a person.

namespace hoglet {

// One assignment an event asks for.
struct PropertyAssignment {
  JsonMember member;
  uint32_t hash = 0;         // PropertyKeyHash(member.key)
  bool is_filtered = false;  // IsFilteredPersonProperty(member.key)
  // Made by the server (the date of "survey shown"), not part of the event's own $set.
  bool is_implied = false;
};

PropertyAssignment MakePropertyAssignment(const JsonMember& member);

// Keys are unique in each list, and those of `set_once` are not in `set` (which would win):
// NormalizeRequest sees to it.
struct PropertyRequest {
  std::vector<PropertyAssignment> set;
  std::vector<PropertyAssignment> set_once;
  std::vector<std::string_view> unset;

  void Clear() {
    set.clear();
    set_once.clear();
    unset.clear();
  }
};

// Drops assignments that never have an effect: repeated keys, and those of $set_once that $set
// makes too.
void NormalizeRequest(PropertyRequest* request);

// Which kind of event asks.
enum class UpdatePolicy : uint8_t {
  kNever,     // $exception, $$heatmap: persons stay as they are
  kFiltered,  // changes of filtered properties alone are not worth a write
  kAlways,    // $identify, $create_alias, $merge_dangerously, $set
};
UpdatePolicy UpdatePolicyOf(std::string_view event);

// Properties that change with nearly every page: a change of these alone is shown on the event but
// does not rewrite the person.
bool IsFilteredPersonProperty(std::string_view key);
// Never removed when an oversized person is trimmed.
bool IsProtectedPersonProperty(std::string_view key);

enum class UpdateOutcome : uint8_t { kChanged, kIgnored, kNoChange, kUnsupported };

struct PropertyChanges {
  UpdateOutcome outcome = UpdateOutcome::kNoChange;
  // Assignments that change something, in order of effect: those of $set_once, then those of $set.
  // Point into the request.
  std::vector<const PropertyAssignment*> set;
  // Names that are present and go. Set first, then unset.
  std::vector<std::string_view> unset;

  void Clear() {
    outcome = UpdateOutcome::kNoChange;
    set.clear();
    unset.clear();
  }
};

void ComputePropertyChanges(const PropertySet& current, const PropertyRequest& request,
                            UpdatePolicy policy, PropertyChanges* changes);

// The properties after the changes.
PropertySetPtr ApplyPropertyChanges(const PropertySet& current, const PropertyChanges& changes);

// Properties of a new person: $set_once overlaid by $set, and the event that made it.
PropertySetPtr InitialPersonProperties(const PropertyRequest& request, const Uuid& event_uuid);

// `source` overlaid by `target`.
PropertySetPtr MergeProperties(const PropertySet& source, const PropertySet& target);

// Writes to `out` the properties overlaid by the event's own $set. Views point into both. False,
// and nothing is written, if that says nothing else than the properties do.
bool OverlayEventSet(const PropertySet& properties, const PropertyRequest& request,
                     JsonObjectView* out);

inline constexpr uint64_t kPersonPropertiesBytesMax = 640 << 10;
inline constexpr uint64_t kPersonPropertiesTrimmedBytes = 512 << 10;

// Whether the JSON text of the properties is longer than kPersonPropertiesBytesMax.
bool IsOversized(const PropertySet& properties);
// Deletes unprotected properties in alphabetical order until the text fits
// kPersonPropertiesTrimmedBytes (or none is left).
PropertySetPtr TrimProperties(const PropertySet& properties);

}  // namespace hoglet
