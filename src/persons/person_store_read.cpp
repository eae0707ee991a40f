#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/escaping.h"
#include "include/hoglet/status.h"
#include "rocksdb/db.h"
#include "rocksdb/snapshot.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/persons/person_codec.h"
#include "src/persons/person_store_impl.h"

// The reading half of PersonStore.

namespace hoglet {
namespace {

// The rows of a column family as they are when it is made.
class RowIterator {
 public:
  RowIterator(const SharedDatabase& database, PersonDatabase::Family family)
      : use_(database.Hold()) {
    if (use_.status().ok()) rows_ = use_->Iterate(family);
  }

  rocksdb::Iterator* get() const { return rows_.get(); }
  absl::Status status() const {
    return rows_ == nullptr ? use_.status() : use_->ToStatus(rows_->status());
  }

 private:
  SharedDatabase::Use use_;
  std::unique_ptr<rocksdb::Iterator> rows_;  // goes first
};

// The rows of a column family at the moment it is made, to be walked more than once. Thread-safe.
class FrozenRows {
 public:
  FrozenRows(const SharedDatabase& database, PersonDatabase::Family family)
      : use_(database.Hold()), family_(family) {
    if (use_.status().ok()) snapshot_ = std::make_unique<rocksdb::ManagedSnapshot>(&use_->db());
  }

  // As WalkMerged().
  template <typename Change, typename OnRow, typename OnChange>
  absl::Status Walk(const std::string& prefix, const std::map<std::string, Change>& changes,
                    std::string_view begin, OnRow on_row, OnChange on_change) const;

 private:
  SharedDatabase::Use use_;
  const PersonDatabase::Family family_;
  std::unique_ptr<rocksdb::ManagedSnapshot> snapshot_;  // goes first
};

// Says which record a decoder complained of.
absl::Status At(const absl::Status& status, std::string_view what, TeamId team_id,
                std::string_view name) {
  const absl::StatusCode code =
      absl::IsUnimplemented(status) ? status.code() : absl::StatusCode::kDataLoss;
  return absl::Status(code,
                      StrCat("person store: team ", team_id, ": ", what, " \"",
                             absl::CHexEscape(ToAbsl(name)), "\": ", FromAbsl(status.message())));
}

std::string TeamPrefix(TeamId team) {
  std::string prefix;
  person_codec::AppendTeam(team, &prefix);
  return prefix;
}

// The changes under a prefix, sorted by key; those of the newer map win.
template <typename Map>
std::map<std::string, typename Map::mapped_type> ChangesUnder(const std::string& prefix,
                                                              const Map* newer, const Map* older) {
  std::map<std::string, typename Map::mapped_type> changes;
  for (const Map* map : {newer, older}) {
    if (map == nullptr) continue;
    for (const auto& [key, value] : *map) {
      if (key.starts_with(prefix)) changes.try_emplace(key, value);
    }
  }
  return changes;
}

// Walks the rows of an iterator, from `begin` on, and the changes over them in the order of keys.
// `on_row` and `on_change` return false to stop.
template <typename Change, typename OnRow, typename OnChange>
bool WalkMerged(const std::string& prefix, rocksdb::Iterator* rows,
                const std::map<std::string, Change>& changes, OnRow on_row, OnChange on_change,
                const std::string& begin) {
  auto change = changes.lower_bound(begin);
  const auto in_prefix = [&] {
    return rows->Valid() && rows->key().ToStringView().starts_with(prefix);
  };
  if (rows == nullptr) return false;
  rows->Seek(rocksdb::Slice(begin));
  while (in_prefix() || change != changes.end()) {
    const int order = !in_prefix()              ? 1
                      : change == changes.end() ? -1
                                                : rows->key().ToStringView().compare(change->first);
    if (order < 0) {
      if (!on_row(rows->key().ToStringView(), rows->value().ToStringView())) return false;
      rows->Next();
      continue;
    }
    if (!on_change(change->first, change->second)) return false;
    if (order == 0) rows->Next();
    ++change;
  }
  return true;
}

template <typename Change, typename OnRow, typename OnChange>
bool WalkMerged(const std::string& prefix, rocksdb::Iterator* rows,
                const std::map<std::string, Change>& changes, OnRow on_row, OnChange on_change) {
  return WalkMerged(prefix, rows, changes, on_row, on_change, prefix);
}

template <typename Change, typename OnRow, typename OnChange>
absl::Status FrozenRows::Walk(const std::string& prefix,
                              const std::map<std::string, Change>& changes, std::string_view begin,
                              OnRow on_row, OnChange on_change) const {
  HOGLET_RETURN_IF_ERROR(use_.status());
  const auto rows = use_->Iterate(family_, snapshot_->snapshot());
  WalkMerged(prefix, rows.get(), changes, on_row, on_change, StrCat(prefix, begin));
  return use_->ToStatus(rows->status());
}

// What a walk over a family's records needs of one moment.
template <typename Change>
struct Frozen {
  std::string prefix;
  std::map<std::string, Change> changes;
  FrozenRows rows;
};

}  // namespace

absl::StatusOr<std::optional<std::string>> PersonStore::Impl::Get(PersonDatabase::Family which,
                                                                  const std::string& key) const {
  const SharedDatabase::Use use = database.Hold();
  HOGLET_RETURN_IF_ERROR(use.status());
  return use->Get(which, key);
}

absl::StatusOr<PersonPtr> ParsePerson(TeamId team_id, const Uuid& id, std::string_view value) {
  const auto fields = person_codec::DecodePerson(value);
  if (!fields.ok()) return At(fields.status(), "person", team_id, FormatUuid(id));
  auto properties = PropertySet::Parse(fields->properties_json);
  if (!properties.ok()) return At(properties.status(), "person", team_id, FormatUuid(id));
  auto person = std::make_shared<Person>();
  person->team_id = team_id;
  person->id = id;
  person->created_at_us = fields->created_at_us;
  person->version = fields->version;
  person->is_identified = fields->is_identified;
  person->properties = *std::move(properties);
  return PersonPtr(std::move(person));
}

absl::StatusOr<PersonPtr> PersonStore::Impl::ReadPerson(TeamId team_id, const Uuid& id) const {
  const auto value = Get(PersonDatabase::kPersons, person_codec::PersonKey(team_id, id));
  if (absl::IsDataLoss(value.status())) {
    return At(value.status(), "person", team_id, FormatUuid(id));
  }
  HOGLET_RETURN_IF_ERROR(value.status());
  if (!value->has_value()) return PersonPtr();
  return ParsePerson(team_id, id, **value);
}

absl::StatusOr<IdState> PersonStore::Impl::ReadId(TeamId team_id,
                                                  std::string_view distinct_id) const {
  const auto value = Get(PersonDatabase::kIds, person_codec::IdKey(team_id, distinct_id));
  if (absl::IsDataLoss(value.status())) {
    return At(value.status(), "distinct id", team_id, distinct_id);
  }
  HOGLET_RETURN_IF_ERROR(value.status());
  if (!value->has_value()) return IdState();
  const auto state = person_codec::DecodeIdState(**value);
  if (!state.ok()) return At(state.status(), "distinct id", team_id, distinct_id);
  return *state;
}

absl::StatusOr<GroupPtr> PersonStore::Impl::ReadGroup(TeamId team_id, int type_index,
                                                      std::string_view key) const {
  const auto value = Get(PersonDatabase::kGroups, person_codec::GroupKey(team_id, type_index, key));
  if (absl::IsDataLoss(value.status())) return At(value.status(), "group", team_id, key);
  HOGLET_RETURN_IF_ERROR(value.status());
  if (!value->has_value()) return GroupPtr();
  auto group = person_codec::DecodeGroup(**value);
  if (!group.ok()) return At(group.status(), "group", team_id, key);
  group->team_id = team_id;
  group->type_index = type_index;
  group->key = std::string(key);
  return GroupPtr(std::make_shared<Group>(*std::move(group)));
}

absl::Status PersonStore::Impl::LoadOverrides() {
  const RowIterator iterator(database, PersonDatabase::kOverrides);
  HOGLET_RETURN_IF_ERROR(iterator.status());
  rocksdb::Iterator* rows = iterator.get();
  std::lock_guard lock(mutex);
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    std::string_view key = rows->key().ToStringView();
    TeamId team_id = 0;
    if (!person_codec::ReadTeam(&key, &team_id)) {
      return absl::DataLossError("person store: damaged key of an override");
    }
    const auto state = person_codec::DecodeOverride(rows->value().ToStringView());
    if (!state.ok()) return At(state.status(), "override", team_id, key);
    SetOverrideLocked(team_id, std::string(key), *state);
  }
  // Nobody has seen an earlier version.
  for (auto& [team_id, team] : overrides) team.recent = {};
  return iterator.status();
}

void PersonStore::ApplyOverrides(TeamId team, std::span<const std::string_view> distinct_ids,
                                 std::span<Uuid> person_ids) const {
  HOGLET_ASSERT(distinct_ids.size() == person_ids.size());
  std::shared_lock lock(impl_->mutex);
  const auto overrides = impl_->overrides.find(team);
  if (overrides == impl_->overrides.end()) return;
  for (size_t i = 0; i < distinct_ids.size(); ++i) {
    const auto it = overrides->second.targets.find(distinct_ids[i]);
    if (it != overrides->second.targets.end()) person_ids[i] = it->second.person_id;
  }
}

uint64_t PersonStore::overrides_version(TeamId team) const {
  std::shared_lock lock(impl_->mutex);
  const auto overrides = impl_->overrides.find(team);
  return overrides == impl_->overrides.end() ? 0 : overrides->second.version;
}

std::optional<std::vector<std::string>> PersonStore::OverridesChangedSince(TeamId team,
                                                                           uint64_t version) const {
  std::shared_lock lock(impl_->mutex);
  const auto overrides = impl_->overrides.find(team);
  const uint64_t now = overrides == impl_->overrides.end() ? 0 : overrides->second.version;
  if (version == now) return std::vector<std::string>();
  if (version > now || now - version > overrides->second.recent.size()) return std::nullopt;
  const auto& recent = overrides->second.recent;
  return std::vector<std::string>(recent.end() - static_cast<ptrdiff_t>(now - version),
                                  recent.end());
}

// Generations and snapshot are of one moment if made under the store's lock: a commit is visible in
// the snapshot exactly if its changes are gone from the generations.
RecordWalk<PersonRecord> PersonStore::FreezePersons(TeamId team) const {
  std::shared_ptr<const Frozen<PersonPtr>> frozen;
  {
    std::shared_lock lock(impl_->mutex);
    const std::string prefix = TeamPrefix(team);
    frozen.reset(
        new Frozen<PersonPtr>{prefix,
                              ChangesUnder(prefix, &impl_->open->persons,
                                           impl_->sealed ? &impl_->sealed->persons : nullptr),
                              FrozenRows(impl_->database, PersonDatabase::kPersons)});
  }
  return [team, frozen](std::string_view begin, const auto& visit) {
    const auto show = [&](std::string_view key, const PersonRecord& record) {
      return visit(key.substr(frozen->prefix.size()), record);
    };
    absl::Status status;
    const absl::Status walked = frozen->rows.Walk(
        frozen->prefix, frozen->changes, begin,
        [&](std::string_view key, std::string_view value) {
          TeamId team_id = 0;
          Uuid id;
          if (!person_codec::ReadPersonKey(key, &team_id, &id)) {
            status = absl::DataLossError("person store: damaged key of a person");
            return false;
          }
          const auto fields = person_codec::DecodePerson(value);
          if (!fields.ok()) {
            status = At(fields.status(), "person", team, FormatUuid(id));
            return false;
          }
          return show(key, {.team_id = team,
                            .id = id,
                            .properties = std::string(fields->properties_json),
                            .created_at_us = fields->created_at_us,
                            .is_identified = fields->is_identified,
                            .version = fields->version});
        },
        [&](const std::string& key, const PersonPtr& person) {
          return person == nullptr || show(key, ToRecord(*person));
        });
    return status.ok() ? walked : status;
  };
}

absl::Status PersonStore::VisitPersons(
    TeamId team, const std::function<bool(const PersonRecord&)>& visit) const {
  return FreezePersons(team)(
      "", [&](std::string_view, const PersonRecord& record) { return visit(record); });
}

RecordWalk<DistinctIdRecord> PersonStore::FreezeDistinctIds(TeamId team) const {
  std::shared_ptr<const Frozen<IdState>> frozen;
  {
    std::shared_lock lock(impl_->mutex);
    const std::string prefix = TeamPrefix(team);
    frozen.reset(new Frozen<IdState>{
        prefix,
        ChangesUnder(prefix, &impl_->open->ids, impl_->sealed ? &impl_->sealed->ids : nullptr),
        FrozenRows(impl_->database, PersonDatabase::kIds)});
  }
  return [team, frozen](std::string_view begin, const auto& visit) {
    const auto show = [&](std::string_view key, const IdState& state) {
      const std::string_view id = person_codec::AfterTeam(key);
      return !state.is_mapped || visit(id, {.team_id = team,
                                            .distinct_id = std::string(id),
                                            .person_id = state.person_id,
                                            .version = state.version});
    };
    absl::Status status;
    const absl::Status walked = frozen->rows.Walk(
        frozen->prefix, frozen->changes, begin,
        [&](std::string_view key, std::string_view value) {
          const auto state = person_codec::DecodeIdState(value);
          if (state.ok()) return show(key, *state);
          status = At(state.status(), "distinct id", team, person_codec::AfterTeam(key));
          return false;
        },
        show);
    return status.ok() ? walked : status;
  };
}

absl::Status PersonStore::VisitDistinctIds(
    TeamId team, const std::function<bool(const DistinctIdRecord&)>& visit) const {
  return FreezeDistinctIds(team)(
      "", [&](std::string_view, const DistinctIdRecord& record) { return visit(record); });
}

absl::StatusOr<std::optional<PersonRecord>> PersonStore::FindByDistinctId(
    TeamId team, std::string_view distinct_id) const {
  // Two look-ups of one moment: nothing may be committed or changed in between.
  std::shared_lock lock(impl_->mutex);
  const std::string key = person_codec::IdKey(team, distinct_id);
  std::optional<IdState> state;
  for (const auto* generation : {impl_->open.get(), impl_->sealed.get()}) {
    if (generation == nullptr || state.has_value()) continue;
    if (auto it = generation->ids.find(key); it != generation->ids.end()) state = it->second;
  }
  if (!state.has_value()) {
    HOGLET_ASSIGN_OR_RETURN(state, impl_->ReadId(team, distinct_id));
  }
  if (!state->is_mapped) return std::nullopt;
  return impl_->FindPersonLocked(team, state->person_id);
}

absl::StatusOr<std::optional<PersonRecord>> PersonStore::FindById(TeamId team,
                                                                  const Uuid& id) const {
  std::shared_lock lock(impl_->mutex);
  return impl_->FindPersonLocked(team, id);
}

absl::StatusOr<std::optional<PersonRecord>> PersonStore::Impl::FindPersonLocked(
    TeamId team, const Uuid& id) const {
  const std::string key = person_codec::PersonKey(team, id);
  for (const auto* generation : {open.get(), sealed.get()}) {
    if (generation == nullptr) continue;
    const auto it = generation->persons.find(key);
    if (it == generation->persons.end()) continue;
    if (it->second == nullptr) return std::nullopt;
    return ToRecord(*it->second);
  }
  HOGLET_ASSIGN_OR_RETURN(const PersonPtr person, ReadPerson(team, id));
  if (person == nullptr) return std::nullopt;
  return ToRecord(*person);
}

absl::StatusOr<std::vector<std::string>> PersonStore::LookupPersonIds(TeamId team_id,
                                                                      const Uuid& person_id) {
  return FindDistinctIds(team_id, person_id);
}

absl::StatusOr<std::vector<std::string>> PersonStore::FindDistinctIds(TeamId team_id,
                                                                      const Uuid& person_id) const {
  const std::string prefix = person_codec::PersonKey(team_id, person_id);
  std::map<std::string, bool> changes;
  std::optional<RowIterator> rows;
  {
    std::shared_lock lock(impl_->mutex);
    for (const auto* generation : {impl_->open.get(), impl_->sealed.get()}) {
      if (generation == nullptr) continue;
      for (auto it = generation->person_ids.lower_bound(prefix);
           it != generation->person_ids.end() && it->first.starts_with(prefix); ++it) {
        changes.try_emplace(it->first, it->second);
      }
    }
    rows.emplace(impl_->database, PersonDatabase::kPersonIds);
  }
  std::vector<std::string> ids;
  WalkMerged(
      prefix, rows->get(), changes,
      [&](std::string_view key, std::string_view) {
        ids.emplace_back(person_codec::AfterPerson(key));
        return true;
      },
      [&](const std::string& key, bool is_present) {
        if (is_present) ids.emplace_back(person_codec::AfterPerson(key));
        return true;
      });
  HOGLET_RETURN_IF_ERROR(rows->status());
  return ids;
}

absl::StatusOr<PersonStore::FlagHashKeys> PersonStore::LookupFlagHashKeys(TeamId team_id,
                                                                          const Uuid& person_id) {
  const std::string prefix = person_codec::PersonKey(team_id, person_id);
  std::map<std::string, std::optional<std::string>> changes;
  std::optional<RowIterator> rows;
  {
    std::shared_lock lock(impl_->mutex);
    for (const auto* generation : {impl_->open.get(), impl_->sealed.get()}) {
      if (generation == nullptr) continue;
      for (auto it = generation->flags.lower_bound(prefix);
           it != generation->flags.end() && it->first.starts_with(prefix); ++it) {
        changes.try_emplace(it->first, it->second);
      }
    }
    rows.emplace(impl_->database, PersonDatabase::kFlags);
  }
  FlagHashKeys keys;
  WalkMerged(
      prefix, rows->get(), changes,
      [&](std::string_view key, std::string_view value) {
        if (value.empty()) return true;
        keys.emplace_back(person_codec::AfterPerson(key), value.substr(1));
        return true;
      },
      [&](const std::string& key, const std::optional<std::string>& hash_key) {
        if (hash_key.has_value()) keys.emplace_back(person_codec::AfterPerson(key), *hash_key);
        return true;
      });
  HOGLET_RETURN_IF_ERROR(rows->status());
  return keys;
}

bool PersonStore::HasFlag(const FlagHashKeys& keys, std::string_view flag) {
  return std::any_of(keys.begin(), keys.end(),
                     [flag](const auto& entry) { return entry.first == flag; });
}

absl::StatusOr<GroupPtr> PersonStore::FindGroup(TeamId team, int type_index,
                                                std::string_view group_key) const {
  const std::string key = person_codec::GroupKey(team, type_index, group_key);
  std::shared_lock lock(impl_->mutex);
  for (const auto* generation : {impl_->open.get(), impl_->sealed.get()}) {
    if (generation == nullptr) continue;
    if (auto it = generation->groups.find(key); it != generation->groups.end()) return it->second;
  }
  return impl_->ReadGroup(team, type_index, group_key);
}

absl::StatusOr<GroupPtr> PersonStore::LookupGroup(TeamId team_id, int type_index,
                                                  std::string_view key) {
  return FindGroup(team_id, type_index, key);
}

absl::StatusOr<std::vector<std::string>> PersonStore::GroupTypes(TeamId project_id) const {
  std::shared_lock lock(impl_->mutex);
  for (const auto* generation : {impl_->open.get(), impl_->sealed.get()}) {
    if (generation == nullptr) continue;
    const auto it = generation->group_types.find(project_id);
    if (it != generation->group_types.end()) return it->second;
  }
  HOGLET_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                          impl_->Get(PersonDatabase::kGroupTypes, TeamPrefix(project_id)));
  if (!value.has_value()) return std::vector<std::string>();
  return person_codec::DecodeGroupTypes(*value);
}

absl::StatusOr<std::vector<std::string>> PersonStore::LookupGroupTypes(TeamId project_id) {
  return GroupTypes(project_id);
}

RecordWalk<Group> PersonStore::FreezeGroups(TeamId team, int type_index) const {
  std::shared_ptr<const Frozen<GroupPtr>> frozen;
  {
    std::shared_lock lock(impl_->mutex);
    const std::string prefix = person_codec::GroupKey(team, type_index, "");
    frozen.reset(
        new Frozen<GroupPtr>{prefix,
                             ChangesUnder(prefix, &impl_->open->groups,
                                          impl_->sealed ? &impl_->sealed->groups : nullptr),
                             FrozenRows(impl_->database, PersonDatabase::kGroups)});
  }
  return [team, type_index, frozen](std::string_view begin, const auto& visit) {
    absl::Status status;
    const absl::Status walked = frozen->rows.Walk(
        frozen->prefix, frozen->changes, begin,
        [&](std::string_view key, std::string_view value) {
          key.remove_prefix(frozen->prefix.size());
          auto group = person_codec::DecodeGroup(value);
          if (!group.ok()) {
            status = At(group.status(), "group", team, key);
            return false;
          }
          group->team_id = team;
          group->type_index = type_index;
          group->key = std::string(key);
          return visit(key, *group);
        },
        [&](const std::string&, const GroupPtr& group) { return visit(group->key, *group); });
    return status.ok() ? walked : status;
  };
}

absl::Status PersonStore::VisitGroups(TeamId team, int type_index,
                                      const std::function<bool(const Group&)>& visit) const {
  return FreezeGroups(team, type_index)(
      "", [&](std::string_view, const Group& group) { return visit(group); });
}

absl::StatusOr<std::optional<std::string>> PersonStore::LookupRow(const std::string& key) const {
  std::shared_lock lock(impl_->mutex);
  for (const auto* generation : {impl_->open.get(), impl_->sealed.get()}) {
    if (generation == nullptr) continue;
    if (auto it = generation->rows.find(key); it != generation->rows.end()) return it->second;
  }
  return impl_->Get(PersonDatabase::kRows, key);
}

RecordWalk<std::string_view> PersonStore::FreezeRows(const std::string& prefix,
                                                     std::string_view begin) const {
  std::shared_ptr<const Frozen<std::optional<std::string>>> frozen;
  {
    std::map<std::string, std::optional<std::string>> changes;
    std::shared_lock lock(impl_->mutex);
    for (const auto* generation : {impl_->open.get(), impl_->sealed.get()}) {
      if (generation == nullptr) continue;
      for (auto it = generation->rows.lower_bound(StrCat(prefix, begin));
           it != generation->rows.end() && it->first.starts_with(prefix); ++it) {
        changes.try_emplace(it->first, it->second);
      }
    }
    frozen.reset(new Frozen<std::optional<std::string>>{
        prefix, std::move(changes), FrozenRows(impl_->database, PersonDatabase::kRows)});
  }
  const std::string first(begin);
  return [first, frozen](std::string_view from, const auto& visit) {
    const auto show = [&](std::string_view key, std::string_view value) {
      return visit(key.substr(frozen->prefix.size()), value);
    };
    return frozen->rows.Walk(frozen->prefix, frozen->changes,
                             std::max<std::string_view>(first, from), show,
                             [&](const std::string& key, const std::optional<std::string>& value) {
                               return !value.has_value() || show(key, *value);
                             });
  };
}

absl::Status PersonStore::VisitRows(
    const std::string& prefix, const std::string& begin,
    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  HOGLET_ASSERT(begin.starts_with(prefix));
  return FreezeRows(prefix, std::string_view(begin).substr(prefix.size()))(
      "", [&](std::string_view key, std::string_view value) {
        return visit(StrCat(prefix, key), value);
      });
}

}  // namespace hoglet
