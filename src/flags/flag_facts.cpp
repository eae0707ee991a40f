#include "src/flags/flag_facts.h"

#include <algorithm>

namespace hoglet {
namespace {

// The name that failed flags give for it.
std::string_view ErrorCodeOf(const absl::Status& status) {
  return absl::IsDeadlineExceeded(status) ? "timeout:person_properties" : "database_error";
}

// A group's key as it is hashed; empty if it is none.
std::string_view GroupKeyOf(const FlagValue& value) {
  const bool is_key =
      value.kind == FlagValue::Kind::kString || value.kind == FlagValue::Kind::kNumber;
  return is_key ? value.text : std::string_view();
}

}  // namespace

PersonStore::FactsWanted WantedFacts(const FlagSet& set, const FlagRequest& request) {
  PersonStore::FactsWanted wanted{.team = set.team_id(),
                                  .distinct_id = *request.distinct_id,
                                  .person = set.reads_persons() || set.ensures_continuity(),
                                  .hash_keys = set.ensures_continuity()};
  if (request.anon_distinct_id.has_value()) wanted.other_distinct_id = *request.anon_distinct_id;
  const std::vector<std::string>& types = set.group_types();
  for (size_t index = 0; index < std::min<size_t>(kGroupTypesMax, types.size()); ++index) {
    if ((set.group_types_read() >> index & 1) == 0) continue;
    for (const auto& [type, key] : request.groups) {
      if (type != types[index] || GroupKeyOf(key).empty()) continue;
      wanted.groups.emplace_back(static_cast<int>(index), GroupKeyOf(key));
    }
  }
  return wanted;
}

FlagContext MakeFlagContext(const FlagSet& set, const FlagRequest& request,
                            const PersonStore::FactsWanted& wanted,
                            const absl::StatusOr<PersonStore::Facts>& facts, FlagSource* source,
                            int64_t now_us) {
  FlagContext context;
  context.now_us = now_us;
  context.distinct_id = *request.distinct_id;
  context.device_id = request.device_id;
  context.anon_distinct_id = request.anon_distinct_id;
  context.person_overrides = &request.person_properties;
  if (facts.ok()) {
    context.person = facts->person;
    context.hash_keys = facts->hash_keys;
    for (const auto& entry : facts->other_hash_keys) {
      if (PersonStore::HasFlag(facts->hash_keys, entry.first)) continue;
      context.hash_keys.push_back(entry);
    }
  } else {
    context.person_error = context.group_error = ErrorCodeOf(facts.status());
    context.hash_key_error = "hash_key_override_error";
  }
  if (context.person != nullptr) {
    context.is_member = [source, team = set.team_id(),
                         person = context.person->id](int64_t cohort_id) {
      return source->IsMember(team, cohort_id, person);
    };
  }
  const std::vector<std::string>& types = set.group_types();
  for (const auto& [type, key] : request.groups) {
    const auto index =
        static_cast<size_t>(std::find(types.begin(), types.end(), type) - types.begin());
    if (index >= context.groups.size() || index >= types.size()) continue;
    context.groups[index] = {.is_named = true,
                             .key = GroupKeyOf(key),
                             .key_value = key,
                             .overrides = request.GroupProperties(type)};
  }
  for (size_t i = 0; facts.ok() && i < facts->groups.size(); ++i) {
    context.groups[static_cast<size_t>(wanted.groups[i].first)].stored = facts->groups[i];
  }
  return context;
}

}  // namespace hoglet
