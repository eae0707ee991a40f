#include "src/persons/person_processor.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

constexpr int64_t kForceUpgradeAfterUs = 60'000'000;
constexpr int64_t kTombstoneVersionStep = 100;

std::string Quoted(std::string_view text) {
  std::string json;
  AppendJsonString(text, &json);
  return json;
}

IngestionWarning Warning(const PersonEvent& event, std::string_view type,
                         std::vector<std::pair<std::string_view, std::string>> details) {
  details.emplace_back("eventUuid", Quoted(FormatUuid(event.uuid)));
  return {type, std::move(details)};
}

IdState Mapped(IdState state, const Uuid& person_id, int64_t version) {
  state.is_mapped = true;
  state.person_id = person_id;
  state.version = version;
  return state;
}

// Marks an id as having taken part in a merge, and says whether a personless event had used it
// before.
bool MarkMerged(IdState* state) {
  const bool was_personless = state->is_personless;
  state->is_personless = true;
  state->is_merged = true;
  return was_personless;
}

PropertySetPtr Fitting(PropertySetPtr properties) {
  return IsOversized(*properties) ? TrimProperties(*properties) : properties;
}

void ShowPerson(const Person& person, PersonOutcome* outcome) {
  outcome->person_id = person.id;
  outcome->person_created_at_us = person.created_at_us;
  outcome->properties = person.properties;
  outcome->mode = PersonMode::kFull;
}

void AddMapping(std::string_view distinct_id, const IdState& state, PersonChanges* changes,
                PersonOutcome* outcome, std::optional<Uuid> previous = std::nullopt) {
  changes->ids.push_back({std::string(distinct_id), state, previous});
  outcome->mappings.push_back({std::string(distinct_id), state.person_id, state.version});
}

// Blank as String.prototype.trim sees it, for the characters that occur.
bool IsBlank(std::string_view text) {
  while (!text.empty()) {
    if (absl::ascii_isspace(static_cast<unsigned char>(text[0]))) {
      text.remove_prefix(1);
    } else if (text.substr(0, 2) == "\xC2\xA0") {
      text.remove_prefix(2);
    } else if (text.substr(0, 3) == "\xEF\xBB\xBF" || text.substr(0, 3) == "\xE3\x80\x80" ||
               text.substr(0, 3) == "\xE2\x80\xA8" || text.substr(0, 3) == "\xE2\x80\xA9" ||
               text.substr(0, 3) == "\xE2\x80\xAF" || text.substr(0, 3) == "\xE2\x81\x9F" ||
               text.substr(0, 3) == "\xE1\x9A\x80") {
      text.remove_prefix(3);
    } else if (text.size() >= 3 && text.substr(0, 2) == "\xE2\x80" &&
               static_cast<uint8_t>(text[2]) >= 0x80 && static_cast<uint8_t>(text[2]) <= 0x8A) {
      text.remove_prefix(3);
    } else {
      return false;
    }
  }
  return true;
}

bool IsIllegalName(std::string_view name) {
  static const auto* const any_case = new StringSet<std::string_view>{
      "anonymous",         "guest", "distinctid", "distinct_id", "id",
      "not_authenticated", "email", "undefined",  "true",        "false"};
  static const auto* const exact_case = new StringSet<std::string_view>{
      "[object Object]", "NaN", "None", "none", "null", "0", "undefined"};
  if (exact_case->contains(name)) return true;
  std::string lower(name);
  absl::AsciiStrToLower(&lower);
  return any_case->contains(lower);
}

}  // namespace

void PersonOutcome::Clear() {
  dead_letter_reason = {};
  properties = nullptr;
  needs_overlay = false;
  mode = PersonMode::kFull;
  warnings.clear();
  mappings.clear();
  removed.reset();
}

bool IsIllegalDistinctId(std::string_view distinct_id) {
  if (IsBlank(distinct_id)) return true;
  // Longer than every name with its quotes: the common case.
  if (distinct_id.size() > 20) return false;
  if (IsIllegalName(distinct_id)) return true;
  const char quote = distinct_id.front();
  if ((quote != '"' && quote != '\'') || distinct_id.size() < 2 || distinct_id.back() != quote) {
    return false;
  }
  return IsIllegalName(distinct_id.substr(1, distinct_id.size() - 2));
}

absl::Status PersonProcessor::Process(const PersonEvent& event, PersonOutcome* outcome) {
  outcome->Clear();
  if (!event.is_person_processed || event.is_person_lookup_disabled) {
    return ProcessPersonless(event, outcome);
  }
  return ProcessPersonful(event, outcome);
}

Uuid PersonlessUuids::Find(const IdRef& id) {
  if (id.distinct_id.size() > kTextBytesMax) return PersonUuid(id.team_id, id.distinct_id);
  if (entries_.empty()) entries_.resize(kEntries);
  Entry& entry = entries_[id.hash % kEntries];
  if (entry.team_id != id.team_id || entry.bytes == 0 || entry.text() != id.distinct_id) {
    entry.uuid = PersonUuid(id.team_id, id.distinct_id);
    entry.team_id = id.team_id;
    entry.bytes = static_cast<uint8_t>(id.distinct_id.size());
    std::memcpy(entry.data, id.distinct_id.data(), id.distinct_id.size());
  }
  return entry.uuid;
}

absl::Status PersonProcessor::ProcessPersonless(const PersonEvent& event, PersonOutcome* outcome) {
  outcome->mode = PersonMode::kPropertyless;
  outcome->person_created_at_us = kPersonlessCreatedAtUs;
  if (!event.is_person_lookup_disabled) {
    HOGLET_ASSIGN_OR_RETURN(IdState state, store_->LookupId(event.id));
    if (state.is_mapped) {
      HOGLET_ASSIGN_OR_RETURN(const PersonPtr person,
                              RequirePerson(event.id.team_id, state.person_id));
      outcome->person_id = person->id;
      outcome->person_created_at_us = person->created_at_us;
      if (!event.is_team_opted_out &&
          event.timestamp_us > person->created_at_us + kForceUpgradeAfterUs) {
        outcome->mode = PersonMode::kForceUpgrade;
      }
      return absl::OkStatus();
    }
    if (!state.is_personless) {
      state.is_personless = true;
      PersonChanges changes;
      changes.team_id = event.id.team_id;
      changes.ids.push_back({std::string(event.id.distinct_id), state, std::nullopt});
      store_->Apply(std::move(changes));
    }
  }
  outcome->person_id = personless_.Find(event.id);
  return absl::OkStatus();
}

absl::Status PersonProcessor::ProcessPersonful(const PersonEvent& event, PersonOutcome* outcome) {
  if (event.merge != MergeKind::kNone && event.other_distinct_id != event.id.distinct_id &&
      IsMergeLegal(event, outcome)) {
    return Merge(event, outcome);
  }
  HOGLET_ASSIGN_OR_RETURN(const IdState state, store_->LookupId(event.id));
  if (!state.is_mapped) {
    Create(event, state, outcome);
    return absl::OkStatus();
  }
  HOGLET_ASSIGN_OR_RETURN(const PersonPtr person, RequirePerson(event.id.team_id, state.person_id));
  PersonChanges changes;
  Update(event, person, /*is_identified=*/false, &changes, outcome);
  return absl::OkStatus();
}

bool PersonProcessor::IsMergeLegal(const PersonEvent& event, PersonOutcome* outcome) const {
  const std::string_view target = event.id.distinct_id;
  const std::string_view source = event.other_distinct_id;
  for (const auto& [illegal, other] : {std::pair(target, source), std::pair(source, target)}) {
    if (!IsIllegalDistinctId(illegal)) continue;
    outcome->warnings.push_back(
        Warning(event, "cannot_merge_with_illegal_distinct_id",
                {{"illegalDistinctId", Quoted(illegal)}, {"otherDistinctId", Quoted(other)}}));
    return false;
  }
  return true;
}

absl::Status PersonProcessor::Merge(const PersonEvent& event, PersonOutcome* outcome) {
  const IdRef source_id(event.id.team_id, event.other_distinct_id);
  HOGLET_ASSIGN_OR_RETURN(const IdState target, store_->LookupId(event.id));
  HOGLET_ASSIGN_OR_RETURN(const IdState source, store_->LookupId(source_id));
  if (!target.is_mapped && !source.is_mapped) {
    CreateWithBoth(event, target, source_id, source, outcome);
    return absl::OkStatus();
  }
  if (!source.is_mapped) return Attach(event, target, source_id, source, outcome);
  if (!target.is_mapped) return Attach(event, source, event.id, target, outcome);
  if (target.person_id != source.person_id) return MergePersons(event, target, source, outcome);
  HOGLET_ASSIGN_OR_RETURN(const PersonPtr person,
                          RequirePerson(event.id.team_id, target.person_id));
  PersonChanges changes;
  Update(event, person, /*is_identified=*/true, &changes, outcome);
  return absl::OkStatus();
}

absl::Status PersonProcessor::Attach(const PersonEvent& event, const IdState& mapped,
                                     const IdRef& other, IdState other_state,
                                     PersonOutcome* outcome) {
  HOGLET_ASSIGN_OR_RETURN(const PersonPtr person,
                          RequirePerson(event.id.team_id, mapped.person_id));
  const int64_t version = MarkMerged(&other_state) ? 1 : 0;
  PersonChanges changes;
  AddMapping(other.distinct_id, Mapped(other_state, person->id, version), &changes, outcome);
  Update(event, person, /*is_identified=*/true, &changes, outcome);
  return absl::OkStatus();
}

void PersonProcessor::CreateWithBoth(const PersonEvent& event, IdState target,
                                     const IdRef& source_id, IdState source,
                                     PersonOutcome* outcome) {
  const bool target_was_personless = MarkMerged(&target);
  const bool source_was_personless = MarkMerged(&source);
  // The primary id gives the person its uuid. It is the one that personless events used already, so
  // that those need no override.
  const bool is_source_primary = source_was_personless && !target_was_personless;
  const int64_t other_version = source_was_personless && target_was_personless ? 1 : 0;

  auto person = std::make_shared<Person>();
  person->team_id = event.id.team_id;
  person->id = PersonUuid(event.id.team_id,
                          is_source_primary ? source_id.distinct_id : event.id.distinct_id);
  person->created_at_us = event.timestamp_us;
  person->is_identified = true;
  person->properties = Fitting(InitialPersonProperties(*event.request, event.uuid));
  ShowPerson(*person, outcome);
  outcome->needs_overlay = person->properties->members().size() > 1;

  PersonChanges changes;
  changes.team_id = event.id.team_id;
  const Uuid id = person->id;
  changes.put.push_back(std::move(person));
  if (is_source_primary) {
    AddMapping(source_id.distinct_id, Mapped(source, id, 0), &changes, outcome);
    AddMapping(event.id.distinct_id, Mapped(target, id, 0), &changes, outcome);
  } else {
    AddMapping(event.id.distinct_id, Mapped(target, id, 0), &changes, outcome);
    AddMapping(source_id.distinct_id, Mapped(source, id, other_version), &changes, outcome);
  }
  store_->Apply(std::move(changes));
}

absl::Status PersonProcessor::MergePersons(const PersonEvent& event, const IdState& target_state,
                                           const IdState& source_state, PersonOutcome* outcome) {
  const TeamId team_id = event.id.team_id;
  HOGLET_ASSIGN_OR_RETURN(const PersonPtr target, RequirePerson(team_id, target_state.person_id));
  HOGLET_ASSIGN_OR_RETURN(const PersonPtr source, RequirePerson(team_id, source_state.person_id));
  PersonChanges changes;
  if (source->is_identified && event.merge != MergeKind::kMergeDangerously) {
    outcome->warnings.push_back(
        Warning(event, "cannot_merge_already_identified",
                {{"sourcePersonDistinctId", Quoted(event.other_distinct_id)},
                 {"targetPersonDistinctId", Quoted(event.id.distinct_id)}}));
    Update(event, target, /*is_identified=*/true, &changes, outcome);
    return absl::OkStatus();
  }
  HOGLET_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                          store_->LookupPersonIds(team_id, source->id));
  if (options_.merge_moved_ids_max > 0 && ids.size() > options_.merge_moved_ids_max) {
    outcome->dead_letter_reason = "Merge limit exceeded";
    return absl::OkStatus();
  }
  auto merged = std::make_shared<Person>(*target);
  merged->properties = Fitting(MergeProperties(*source->properties, *target->properties));
  ComputePropertyChanges(*merged->properties, *event.request, event.policy, &changes_);
  merged->properties = ChangedProperties(event, *merged, outcome);
  merged->created_at_us = std::min(source->created_at_us, target->created_at_us);
  merged->is_identified = true;
  merged->version = std::max(source->version, target->version) + 1;
  ShowPerson(*merged, outcome);
  outcome->needs_overlay = !event.request->set.empty();

  changes.team_id = team_id;
  for (const std::string& id : ids) {
    HOGLET_ASSIGN_OR_RETURN(const IdState state, store_->LookupId(IdRef(team_id, id)));
    AddMapping(id, Mapped(state, target->id, state.version + 1), &changes, outcome, source->id);
  }
  HOGLET_RETURN_IF_ERROR(MoveFlagHashKeys(*target, *source, &changes));
  changes.put.push_back(std::move(merged));
  changes.removed.push_back(source->id);
  outcome->removed = {source->id, source->version + kTombstoneVersionStep};
  store_->Apply(std::move(changes));
  return absl::OkStatus();
}

absl::Status PersonProcessor::MoveFlagHashKeys(const Person& target, const Person& source,
                                               PersonChanges* changes) {
  HOGLET_ASSIGN_OR_RETURN(const PersonStore::FlagHashKeys moved,
                          store_->LookupFlagHashKeys(source.team_id, source.id));
  if (moved.empty()) return absl::OkStatus();
  HOGLET_ASSIGN_OR_RETURN(const PersonStore::FlagHashKeys own,
                          store_->LookupFlagHashKeys(target.team_id, target.id));
  for (const auto& [flag, hash_key] : moved) {
    changes->flags.push_back({source.id, flag, std::nullopt});
    if (!PersonStore::HasFlag(own, flag)) changes->flags.push_back({target.id, flag, hash_key});
  }
  return absl::OkStatus();
}

void PersonProcessor::Create(const PersonEvent& event, IdState state, PersonOutcome* outcome) {
  auto person = std::make_shared<Person>();
  person->team_id = event.id.team_id;
  person->id = PersonUuid(event.id.team_id, event.id.distinct_id);
  person->created_at_us = event.timestamp_us;
  person->properties = Fitting(InitialPersonProperties(*event.request, event.uuid));
  ShowPerson(*person, outcome);
  outcome->needs_overlay = person->properties->members().size() > 1;
  PersonChanges changes;
  changes.team_id = event.id.team_id;
  AddMapping(event.id.distinct_id, Mapped(state, person->id, 0), &changes, outcome);
  changes.put.push_back(std::move(person));
  store_->Apply(std::move(changes));
}

void PersonProcessor::Update(const PersonEvent& event, const PersonPtr& person, bool is_identified,
                             PersonChanges* changes, PersonOutcome* outcome) {
  ComputePropertyChanges(*person->properties, *event.request, event.policy, &changes_);
  PropertySetPtr properties = person->properties;
  const bool becomes_identified = is_identified && !person->is_identified;
  // An update that is written for another reason takes the filtered properties along.
  if (becomes_identified && changes_.outcome == UpdateOutcome::kIgnored) {
    changes_.outcome = UpdateOutcome::kChanged;
  }
  if (changes_.outcome == UpdateOutcome::kChanged) {
    properties = ChangedProperties(event, *person, outcome);
  }
  ShowPerson(*person, outcome);
  outcome->properties = properties;
  outcome->needs_overlay =
      changes_.outcome != UpdateOutcome::kNoChange && !event.request->set.empty();
  if (becomes_identified || properties != person->properties) {
    auto updated = std::make_shared<Person>(*person);
    updated->properties = std::move(properties);
    updated->is_identified = person->is_identified || is_identified;
    updated->version = person->version + 1;
    changes->put.push_back(std::move(updated));
  } else if (changes->ids.empty()) {
    return;
  }
  changes->team_id = person->team_id;
  store_->Apply(std::move(*changes));
}

PropertySetPtr PersonProcessor::ChangedProperties(const PersonEvent& event, const Person& person,
                                                  PersonOutcome* outcome) {
  if (changes_.outcome != UpdateOutcome::kChanged) return person.properties;
  PropertySetPtr changed = ApplyPropertyChanges(*person.properties, changes_);
  if (!IsOversized(*changed)) return changed;
  outcome->warnings.push_back(
      Warning(event, "person_properties_size_violation",
              {{"personId", Quoted(FormatUuid(person.id))},
               {"distinctId", Quoted(event.id.distinct_id)},
               {"teamId", StrCat(person.team_id)},
               {"message", Quoted("Person properties exceeds size limit and was rejected")}}));
  // Too large already: trim what is there, so that later updates have room.
  return Fitting(person.properties);
}

absl::StatusOr<PersonPtr> PersonProcessor::RequirePerson(TeamId team_id, const Uuid& id) {
  HOGLET_ASSIGN_OR_RETURN(PersonPtr person, store_->LookupPerson(team_id, id));
  if (person == nullptr) {
    return absl::DataLossError(StrCat("person store: team ", team_id, ": person ", FormatUuid(id),
                                      " has distinct ids but no row"));
  }
  return person;
}

}  // namespace hoglet
