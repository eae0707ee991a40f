#include <map>
#include <optional>
#include <utility>

#include "include/hoglet/status.h"
#include "rocksdb/db.h"
#include "src/base/strings.h"
#include "src/persons/person_codec.h"
#include "src/persons/person_store_impl.h"

// What requests ask of the person store, from memory wherever that has it.
//
// A record that RocksDB was asked for is kept (RecordMemory) until a commit replaces it. The disk
// is read without the store's lock, so that nobody waits for a slow one but who asked: what was
// read counts only if no generation has been written since the reader last looked, because the
// generations that are there say what else has changed.

namespace hoglet {
namespace {

using Facts = PersonStore::Facts;
using FactsWanted = PersonStore::FactsWanted;
using FlagHashKeys = PersonStore::FlagHashKeys;

// A request that meets a commit every time it reads has had its share of patience.
constexpr int kRoundsMax = 64;

}  // namespace

// One look at what memory says, under the store's lock.
class PersonStore::Impl::Look {
 public:
  // `read`: what this request has read itself, since the last commit.
  Look(const Impl& impl, const std::map<std::string, CommittedRecord>* read)
      : impl_(impl), read_(read) {}

  // False if something is missing.
  bool Collect(const FactsWanted& wanted, Facts* facts);
  // The first record that memory lacks.
  const std::optional<RecordKey>& missing() const { return missing_; }

 private:
  // Nothing if it is missing.
  const CommittedRecord* Committed(RecordKind kind, std::string_view key);
  template <typename Map, typename Value>
  bool Uncommitted(Map PersonGeneration::*map, const std::string& key, Value* value) const;

  std::optional<PersonPtr> PersonOf(TeamId team, std::string_view distinct_id);
  std::optional<FlagHashKeys> HashKeysOf(const Person& person);
  std::optional<GroupPtr> GroupOf(TeamId team, int type_index, std::string_view key);

  const Impl& impl_;
  const std::map<std::string, CommittedRecord>* read_;
  CommittedRecord found_;
  std::optional<RecordKey> missing_;
};

const CommittedRecord* PersonStore::Impl::Look::Committed(RecordKind kind, std::string_view key) {
  RecordKey record(kind, key);
  if (const auto own = read_->find(record.text); own != read_->end()) return &own->second;
  if (auto kept = impl_.memory->Find(record)) {
    found_ = *std::move(kept);
    return &found_;
  }
  missing_.emplace(std::move(record));
  return nullptr;
}

template <typename Map, typename Value>
bool PersonStore::Impl::Look::Uncommitted(Map PersonGeneration::*map, const std::string& key,
                                          Value* value) const {
  for (const PersonGeneration* generation : {impl_.open.get(), impl_.sealed.get()}) {
    if (generation == nullptr) continue;
    const auto it = (generation->*map).find(key);
    if (it == (generation->*map).end()) continue;
    *value = it->second;
    return true;
  }
  return false;
}

std::optional<PersonPtr> PersonStore::Impl::Look::PersonOf(TeamId team,
                                                           std::string_view distinct_id) {
  const std::string id_key = person_codec::IdKey(team, distinct_id);
  IdState state;
  if (!Uncommitted(&PersonGeneration::ids, id_key, &state)) {
    const CommittedRecord* record = Committed(RecordKind::kId, id_key);
    if (record == nullptr) return std::nullopt;
    state = record->id;
  }
  if (!state.is_mapped) return PersonPtr();
  const std::string key = person_codec::PersonKey(team, state.person_id);
  PersonPtr person;
  if (Uncommitted(&PersonGeneration::persons, key, &person)) return person;
  const CommittedRecord* record = Committed(RecordKind::kPerson, key);
  if (record == nullptr) return std::nullopt;
  return record->person;
}

std::optional<FlagHashKeys> PersonStore::Impl::Look::HashKeysOf(const Person& person) {
  const std::string prefix = person_codec::PersonKey(person.team_id, person.id);
  const CommittedRecord* record = Committed(RecordKind::kHashKeys, prefix);
  if (record == nullptr) return std::nullopt;
  std::map<std::string, std::optional<std::string>> keys;
  for (const auto& [flag, hash_key] : *record->hash_keys) keys[flag] = hash_key;
  for (const PersonGeneration* generation : {impl_.sealed.get(), impl_.open.get()}) {
    if (generation == nullptr) continue;
    for (auto it = generation->flags.lower_bound(prefix);
         it != generation->flags.end() && it->first.starts_with(prefix); ++it) {
      keys[std::string(person_codec::AfterPerson(it->first))] = it->second;
    }
  }
  FlagHashKeys out;
  for (auto& [flag, hash_key] : keys) {
    if (hash_key.has_value()) out.emplace_back(flag, *std::move(hash_key));
  }
  return out;
}

std::optional<GroupPtr> PersonStore::Impl::Look::GroupOf(TeamId team, int type_index,
                                                         std::string_view key) {
  const std::string group_key = person_codec::GroupKey(team, type_index, key);
  GroupPtr group;
  if (Uncommitted(&PersonGeneration::groups, group_key, &group)) return group;
  const CommittedRecord* record = Committed(RecordKind::kGroup, group_key);
  if (record == nullptr) return std::nullopt;
  return record->group;
}

bool PersonStore::Impl::Look::Collect(const FactsWanted& wanted, Facts* facts) {
  if (wanted.person) {
    auto person = PersonOf(wanted.team, wanted.distinct_id);
    if (!person.has_value()) return false;
    facts->person = *std::move(person);
  }
  if (wanted.hash_keys && wanted.other_distinct_id.has_value()) {
    auto person = PersonOf(wanted.team, *wanted.other_distinct_id);
    if (!person.has_value()) return false;
    facts->other_person = *std::move(person);
  }
  for (const auto& [person, hash_keys] :
       {std::pair(facts->person, &facts->hash_keys),
        std::pair(facts->other_person, &facts->other_hash_keys)}) {
    if (!wanted.hash_keys || person == nullptr) continue;
    auto keys = HashKeysOf(*person);
    if (!keys.has_value()) return false;
    *hash_keys = *std::move(keys);
  }
  for (const auto& [type_index, key] : wanted.groups) {
    auto group = GroupOf(wanted.team, type_index, key);
    if (!group.has_value()) return false;
    facts->groups.push_back(*std::move(group));
  }
  return true;
}

absl::StatusOr<FlagHashKeys> PersonStore::Impl::ReadFlagHashKeys(
    std::string_view person_key) const {
  const SharedDatabase::Use use = database.Hold();
  HOGLET_RETURN_IF_ERROR(use.status());
  const auto rows = use->Iterate(PersonDatabase::kFlags);
  FlagHashKeys keys;
  for (rows->Seek(rocksdb::Slice(person_key));
       rows->Valid() && rows->key().ToStringView().starts_with(person_key); rows->Next()) {
    const std::string_view value = rows->value().ToStringView();
    if (value.empty()) continue;
    keys.emplace_back(person_codec::AfterPerson(rows->key().ToStringView()), value.substr(1));
  }
  HOGLET_RETURN_IF_ERROR(use->ToStatus(rows->status()));
  return keys;
}

absl::StatusOr<CommittedRecord> PersonStore::Impl::ReadRecord(const RecordKey& key) const {
  CommittedRecord record;
  std::string_view rest = key.key();
  TeamId team = 0;
  if (key.kind() == RecordKind::kHashKeys) {
    HOGLET_ASSIGN_OR_RETURN(FlagHashKeys keys, ReadFlagHashKeys(rest));
    record.hash_keys = std::make_shared<const FlagHashKeys>(std::move(keys));
    return record;
  }
  HOGLET_ASSERT(person_codec::ReadTeam(&rest, &team));
  if (key.kind() == RecordKind::kId) {
    HOGLET_ASSIGN_OR_RETURN(record.id, ReadId(team, rest));
  } else if (key.kind() == RecordKind::kGroup) {
    const int type_index = rest[0];
    HOGLET_ASSIGN_OR_RETURN(record.group, ReadGroup(team, type_index, rest.substr(1)));
  } else {
    Uuid id;
    HOGLET_ASSERT(person_codec::ReadPersonKey(key.key(), &team, &id));
    HOGLET_ASSIGN_OR_RETURN(record.person, ReadPerson(team, id));
  }
  return record;
}

void PersonStore::Impl::ForgetReplaced(const PersonGeneration& generation) {
  for (const auto& [key, person] : generation.persons) memory->Forget({RecordKind::kPerson, key});
  for (const auto& [key, state] : generation.ids) memory->Forget({RecordKind::kId, key});
  for (const auto& [key, group] : generation.groups) memory->Forget({RecordKind::kGroup, key});
  const size_t person_bytes = person_codec::PersonKey(0, Uuid()).size();
  for (const auto& [key, hash_key] : generation.flags) {
    memory->Forget({RecordKind::kHashKeys, std::string_view(key).substr(0, person_bytes)});
  }
}

std::optional<Facts> PersonStore::Remember(const FactsWanted& wanted) const {
  static const std::map<std::string, CommittedRecord> nothing;
  std::shared_lock lock(impl_->mutex);
  Facts facts;
  if (!Impl::Look(*impl_, &nothing).Collect(wanted, &facts)) return std::nullopt;
  return facts;
}

absl::StatusOr<Facts> PersonStore::Ask(const FactsWanted& wanted) const {
  std::map<std::string, CommittedRecord> read;
  uint64_t commits = 0;
  for (int round = 0; round < kRoundsMax; ++round) {
    std::optional<RecordKey> missing;
    {
      std::shared_lock lock(impl_->mutex);
      if (impl_->commits != commits) read.clear();
      commits = impl_->commits;
      for (const auto& [key, record] : read) {
        impl_->memory->Put({static_cast<RecordKind>(key[0]), key.substr(1)}, record);
      }
      Facts facts;
      Impl::Look look(*impl_, &read);
      if (look.Collect(wanted, &facts)) return facts;
      missing = look.missing();
    }
    HOGLET_ASSIGN_OR_RETURN(CommittedRecord record, impl_->ReadRecord(*missing));
    read.insert_or_assign(missing->text, std::move(record));
  }
  return absl::UnavailableError("person store: it changes faster than it can be read");
}

}  // namespace hoglet
