#pragma once

#include <optional>
#include <string_view>

#include "src/base/arena.h"
#include "src/flags/compiled_flags.h"
#include "src/flags/evaluate.h"

namespace hoglet {

// True, false, or that it cannot be told: `error` is then the code the flag fails with.
struct FlagAnswer {
  bool is_true = false;
  std::string_view error;

  bool is_known() const { return error.empty(); }
  bool is_false() const { return error.empty() && !is_true; }
};

// The properties of one request's person and groups (spec flags.md section 4.3): what the request
// says, its distinct id, what is stored, in this order. One a request; not thread-safe.
class PropertyLookup {
 public:
  // Both outlive it.
  PropertyLookup(const FlagContext& context, const TimeZone& zone)
      : context_(context), clock_{context.now_us, zone} {}

  // Whether the person has a property of that name; its value, if it is there, in `*value`.
  FlagAnswer FindPerson(const PropertyKey& key, FlagValue* value);
  // What the filter says of the person, whatever its type.
  FlagAnswer MatchPerson(const FlagFilter& filter);
  FlagAnswer MatchPersonMetadata(const FlagFilter& filter);
  // `group_index` is the condition's; the filter's own comes first.
  FlagAnswer MatchGroup(const FlagFilter& filter, std::optional<int> group_index);

 private:
  bool FindStored(const PropertySet& properties, std::string_view name, uint32_t hash,
                  FlagValue* value);
  FlagAnswer FindGroup(const PropertyKey& key, std::optional<int> group_index, FlagValue* value);
  FlagAnswer Compare(const FlagFilter& filter, const FlagAnswer& has_value,
                     const FlagValue& value) const;

  const FlagContext& context_;
  const FlagClock clock_;
  Arena arena_{512};
};

}  // namespace hoglet
