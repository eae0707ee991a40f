#include "src/flags/property_lookup.h"

#include "src/base/time.h"

namespace hoglet {
namespace {

constexpr FlagAnswer kFound{.is_true = true};
constexpr FlagAnswer kNotFound{};

bool FindSent(const FlagProperties* properties, std::string_view name, FlagValue* value) {
  const FlagValue* found = properties == nullptr ? nullptr : properties->Find(name);
  if (found != nullptr) *value = *found;
  return found != nullptr;
}

// As chrono prints a moment of UTC: no more digits than it takes, three at a time.
std::string MomentText(int64_t time_us) {
  const int64_t micros = time_us % kMicrosPerSecond;
  const int digits = micros == 0 ? 0 : micros % 1000 == 0 ? 3 : 6;
  std::string text = FormatRfc3339(time_us, digits);
  text.replace(text.size() - 1, 1, "+00:00");
  return text;
}

}  // namespace

bool PropertyLookup::FindStored(const PropertySet& properties, std::string_view name, uint32_t hash,
                                FlagValue* value) {
  const JsonMember* member = properties.Find(name, hash);
  if (member != nullptr) *value = FlagValue::FromMember(*member, &arena_);
  return member != nullptr;
}

FlagAnswer PropertyLookup::FindPerson(const PropertyKey& key, FlagValue* value) {
  if (FindSent(context_.person_overrides, key.name, value)) return kFound;
  if (key.name == "distinct_id") {
    *value = {FlagValue::Kind::kString, context_.distinct_id};
    return kFound;
  }
  const PropertySet* stored = nullptr;
  if (!context_.ignores_stored_person) {
    if (!context_.person_error.empty()) return {.error = context_.person_error};
    if (context_.person != nullptr) stored = context_.person->properties.get();
  }
  if (stored != nullptr && FindStored(*stored, key.name, key.hash, value)) return kFound;
  for (const PropertyName& other : key.stand_ins) {
    if (FindSent(context_.person_overrides, other.name, value)) return kFound;
    if (stored != nullptr && FindStored(*stored, other.name, other.hash, value)) return kFound;
  }
  return kNotFound;
}

FlagAnswer PropertyLookup::FindGroup(const PropertyKey& key, std::optional<int> group_index,
                                     FlagValue* value) {
  if (!group_index.has_value() || *group_index < 0 || *group_index >= kGroupTypesMax) {
    return kNotFound;
  }
  const FlagGroup& group = context_.groups[static_cast<size_t>(*group_index)];
  if (group.is_named && key.name == "$group_key") {
    *value = group.key_value;
    return kFound;
  }
  if (FindSent(group.overrides, key.name, value)) return kFound;
  if (!group.is_named) return kNotFound;
  if (!context_.group_error.empty()) return {.error = context_.group_error};
  const bool has_stored =
      group.stored != nullptr && FindStored(*group.stored->properties, key.name, key.hash, value);
  return has_stored ? kFound : kNotFound;
}

FlagAnswer PropertyLookup::Compare(const FlagFilter& filter, const FlagAnswer& has_value,
                                   const FlagValue& value) const {
  if (!has_value.is_known()) return has_value;
  const FlagValue* property = has_value.is_true ? &value : nullptr;
  return {.is_true = filter.matcher.Match(property, clock_) == MatchOutcome::kMatch};
}

FlagAnswer PropertyLookup::MatchPerson(const FlagFilter& filter) {
  FlagValue value;
  const FlagAnswer has_value = FindPerson(filter.key, &value);
  return Compare(filter, has_value, value);
}

FlagAnswer PropertyLookup::MatchPersonMetadata(const FlagFilter& filter) {
  const bool may_be_there = filter.key.name == "created_at" && !context_.ignores_stored_person;
  if (may_be_there && !context_.person_error.empty()) return {.error = context_.person_error};
  if (!may_be_there || context_.person == nullptr) return Compare(filter, kNotFound, {});
  const std::string text = MomentText(context_.person->created_at_us);
  return Compare(filter, kFound, {FlagValue::Kind::kString, text});
}

FlagAnswer PropertyLookup::MatchGroup(const FlagFilter& filter, std::optional<int> group_index) {
  FlagValue value;
  const FlagAnswer has_value = FindGroup(
      filter.key, filter.group_index.has_value() ? filter.group_index : group_index, &value);
  return Compare(filter, has_value, value);
}

}  // namespace hoglet
