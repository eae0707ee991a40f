#include "src/persons/person_store.h"

#include <algorithm>
#include <cstring>

#include "include/hoglet/env.h"
#include "include/hoglet/status.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "src/base/bytes.h"
#include "src/base/hash.h"
#include "src/base/logging.h"
#include "src/base/rocksdb/rocks_files.h"
#include "src/base/strings.h"
#include "src/persons/person_codec.h"
#include "src/persons/person_store_impl.h"

namespace hoglet {
namespace {

constexpr char kAppliedOffsetKey[] = "applied_offset";
constexpr char kFormatKey[] = "format";
constexpr uint64_t kStoreVersion = 1;

std::string Number(uint64_t value) {
  std::string bytes(1, static_cast<char>(person_codec::kFormatVersion));
  PutLittle(&bytes, value);
  return bytes;
}

bool ReadNumber(std::string_view bytes, uint64_t* value) {
  ByteReader in(bytes);
  uint8_t version = 0;
  return in.GetLittle(&version) && in.GetLittle(value) && in.empty();
}

size_t PersonBytes(const Person& person) { return 160 + person.properties->memory_bytes(); }

// The entries of a hash map by ascending key: what comes in order goes into RocksDB's sorted
// memtable several times as fast.
template <typename Map>
std::vector<const typename Map::value_type*> InKeyOrder(const Map& map) {
  std::vector<const typename Map::value_type*> entries;
  entries.reserve(map.size());
  for (const auto& entry : map) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  return entries;
}

void FillBatch(const PersonGeneration& generation, const PersonDatabase& database,
               rocksdb::WriteBatch* batch) {
  for (const auto* entry : InKeyOrder(generation.persons)) {
    const auto& [key, person] = *entry;
    if (person == nullptr) {
      batch->Delete(database.family(PersonDatabase::kPersons), key);
    } else {
      batch->Put(database.family(PersonDatabase::kPersons), key,
                 person_codec::EncodePerson(*person));
    }
  }
  for (const auto* entry : InKeyOrder(generation.ids)) {
    const auto& [key, state] = *entry;
    batch->Put(database.family(PersonDatabase::kIds), key, person_codec::EncodeIdState(state));
    if (state.is_deleted) batch->Delete(database.family(PersonDatabase::kOverrides), key);
    if (!state.is_mapped || state.version == 0) continue;
    batch->Put(database.family(PersonDatabase::kOverrides), key,
               person_codec::EncodeOverride(state.person_id, state.version));
  }
  for (const auto* entry : InKeyOrder(generation.person_ids)) {
    const auto& [key, is_present] = *entry;
    if (is_present) {
      batch->Put(database.family(PersonDatabase::kPersonIds), key, rocksdb::Slice());
    } else {
      batch->Delete(database.family(PersonDatabase::kPersonIds), key);
    }
  }
  for (const auto& [key, hash_key] : generation.flags) {
    if (!hash_key.has_value()) {
      batch->Delete(database.family(PersonDatabase::kFlags), key);
      continue;
    }
    batch->Put(database.family(PersonDatabase::kFlags), key,
               std::string(1, static_cast<char>(person_codec::kFormatVersion)) + *hash_key);
  }
  for (const auto& [key, group] : generation.groups) {
    batch->Put(database.family(PersonDatabase::kGroups), key, person_codec::EncodeGroup(*group));
  }
  for (const auto& [project_id, types] : generation.group_types) {
    std::string key;
    person_codec::AppendTeam(project_id, &key);
    batch->Put(database.family(PersonDatabase::kGroupTypes), key,
               person_codec::EncodeGroupTypes(types));
  }
  for (const auto& [key, value] : generation.rows) {
    if (value.has_value()) {
      batch->Put(database.family(PersonDatabase::kRows), key, *value);
    } else {
      batch->Delete(database.family(PersonDatabase::kRows), key);
    }
  }
  batch->Put(database.family(PersonDatabase::kMeta), kAppliedOffsetKey, Number(generation.offset));
}

// Enough for the tables and logs of an opening.
constexpr uint64_t kProbeBytes = 8 << 20;
constexpr int64_t kReadersWaitUs = 200'000;
// A write-ahead log of fewer bytes is worth neither the tables nor the time.
constexpr uint64_t kSettleLogBytesMin = 1 << 20;

absl::Status CheckPersonRow(std::string_view key, std::string_view value) {
  TeamId team_id = 0;
  Uuid id;
  if (!person_codec::ReadPersonKey(key, &team_id, &id)) {
    return absl::DataLossError("damaged key of a person");
  }
  return ParsePerson(team_id, id, value).status();
}

}  // namespace

IdRef::IdRef(TeamId team, std::string_view id)
    : team_id(team),
      distinct_id(id),
      hash(FastHash64(id) ^ FastHash64(static_cast<uint64_t>(team))) {}

size_t PersonRefHash::operator()(const PersonRef& ref) const {
  // A v5 uuid is a digest already.
  return LoadLittle<uint64_t>(reinterpret_cast<const char*>(ref.id.bytes.data())) ^
         FastHash64(static_cast<uint64_t>(ref.team_id));
}

PersonRecord ToRecord(const Person& person) {
  return {.team_id = person.team_id,
          .id = person.id,
          .properties = person.properties->ToJson(),
          .created_at_us = person.created_at_us,
          .is_identified = person.is_identified,
          .version = person.version};
}

PersonStore::PersonStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PersonStore::~PersonStore() = default;

PersonStore::Impl::~Impl() {
  // Into tables: the next start then has no write-ahead log to replay. Without it nothing is lost,
  // so that a database that met an error is left as it is.
  if (needs_reopening) return;
  const SharedDatabase::Use use = database.Hold();
  if (use.status().ok()) use->Flush().IgnoreError();
}

absl::Status PersonStore::Impl::Open() {
  block_cache = PersonDatabase::MakeBlockCache(options.block_cache_bytes_max);
  id_cache = std::make_unique<IdCache>(options.cache_bytes_max / 3);
  person_cache = std::make_unique<PersonCache>(options.cache_bytes_max / 3 * 2);
  HOGLET_ASSIGN_OR_RETURN(auto opened, PersonDatabase::Open(env, directory, block_cache,
                                                            PersonDatabase::Access::kReadWrite));
  database.Set(std::move(opened));
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> PersonStore::Impl::ReadOffset(const PersonDatabase& from) const {
  HOGLET_ASSIGN_OR_RETURN(const std::optional<std::string> offset,
                          from.Get(PersonDatabase::kMeta, kAppliedOffsetKey));
  uint64_t value = 0;
  if (offset.has_value() && !ReadNumber(*offset, &value)) {
    return absl::DataLossError(StrCat("person store ", directory, ": damaged offset"));
  }
  return value;
}

absl::Status PersonStore::Impl::LoadMeta() {
  const SharedDatabase::Use use = database.Hold();
  HOGLET_ASSIGN_OR_RETURN(const std::optional<std::string> format,
                          use->Get(PersonDatabase::kMeta, kFormatKey));
  uint64_t version = 0;
  if (!format.has_value()) {
    return use->Put(PersonDatabase::kMeta, kFormatKey, Number(kStoreVersion));
  }
  if (!ReadNumber(*format, &version) || version != kStoreVersion) {
    return absl::UnimplementedError(StrCat("person store ", directory, ": format ", version,
                                           ", this program reads ", kStoreVersion));
  }
  HOGLET_ASSIGN_OR_RETURN(applied_offset, ReadOffset(*use.operator->()));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<PersonStore>> PersonStore::Open(Env* env,
                                                               const std::string& directory,
                                                               const Options& options) {
  auto impl = std::make_unique<Impl>();
  impl->env = env;
  impl->directory = directory;
  impl->options = options;
  HOGLET_RETURN_IF_ERROR(impl->Open());
  HOGLET_RETURN_IF_ERROR(impl->LoadMeta());
  HOGLET_RETURN_IF_ERROR(impl->LoadOverrides());
  return std::unique_ptr<PersonStore>(new PersonStore(std::move(impl)));
}

absl::StatusOr<uint64_t> PersonStore::Check(Env* env, const std::string& directory,
                                            const std::function<void(const std::string&)>& report) {
  HOGLET_RETURN_IF_ERROR(CheckRocksSideFiles(env, directory, report));
  HOGLET_ASSIGN_OR_RETURN(
      const auto database,
      PersonDatabase::Open(env, directory,
                           PersonDatabase::MakeBlockCache(Options().block_cache_bytes_max),
                           PersonDatabase::Access::kCheck));
  const absl::Status tables =
      database->ToStatus(database->db().VerifyFileChecksums(rocksdb::ReadOptions()));
  if (!tables.ok()) report(std::string(FromAbsl(tables.message())));
  uint64_t persons = 0;
  for (int i = 0; i < database->family_count(); ++i) {
    const auto family = static_cast<PersonDatabase::Family>(i);
    rocksdb::ReadOptions read;
    read.verify_checksums = true;
    read.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> rows(
        database->db().NewIterator(read, database->family(family)));
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      if (family != PersonDatabase::kPersons) continue;
      ++persons;
      const absl::Status status =
          CheckPersonRow(rows->key().ToStringView(), rows->value().ToStringView());
      if (!status.ok()) report(StrCat(directory, ": ", status.message()));
    }
    const absl::Status status = database->ToStatus(rows->status());
    if (!status.ok()) {
      report(StrCat(PersonDatabase::FamilyName(family), ": ", status.message()));
    }
  }
  return persons;
}

uint64_t PersonStore::applied_offset() const { return impl_->applied_offset; }

// -- Look-ups of the writer --

void PersonStore::Impl::CacheId(const IdRef& id, const IdState& state) {
  id_cache->Put({id.team_id, std::string(id.distinct_id), id.hash}, state,
                120 + id.distinct_id.size());
}

void PersonStore::Impl::CachePerson(const PersonPtr& person) {
  person_cache->Put({person->team_id, person->id}, person, PersonBytes(*person));
}

std::optional<IdState> PersonStore::Impl::OverlayId(const std::string& key) const {
  std::shared_lock lock(mutex);
  for (const auto* generation : {open.get(), sealed.get()}) {
    if (generation == nullptr) continue;
    if (auto it = generation->ids.find(key); it != generation->ids.end()) return it->second;
  }
  return std::nullopt;
}

std::optional<PersonPtr> PersonStore::Impl::OverlayPerson(const std::string& key) const {
  std::shared_lock lock(mutex);
  for (const auto* generation : {open.get(), sealed.get()}) {
    if (generation == nullptr) continue;
    if (auto it = generation->persons.find(key); it != generation->persons.end()) {
      return it->second;
    }
  }
  return std::nullopt;
}

absl::StatusOr<IdState> PersonStore::LookupId(const IdRef& id) {
  if (const IdState* cached = impl_->id_cache->Find(id)) return *cached;
  IdState state;
  if (const auto overlay = impl_->OverlayId(person_codec::IdKey(id.team_id, id.distinct_id))) {
    state = *overlay;
  } else {
    HOGLET_ASSIGN_OR_RETURN(state, impl_->ReadId(id.team_id, id.distinct_id));
  }
  impl_->CacheId(id, state);
  return state;
}

absl::StatusOr<PersonPtr> PersonStore::LookupPerson(TeamId team_id, const Uuid& id) {
  if (const PersonPtr* cached = impl_->person_cache->Find(PersonRef{team_id, id})) return *cached;
  PersonPtr person;
  if (const auto overlay = impl_->OverlayPerson(person_codec::PersonKey(team_id, id))) {
    person = *overlay;
  } else {
    HOGLET_ASSIGN_OR_RETURN(person, impl_->ReadPerson(team_id, id));
  }
  if (person != nullptr) impl_->CachePerson(person);
  return person;
}

absl::Status PersonStore::Impl::PrefetchIds(std::span<const IdRef> ids,
                                            std::vector<PersonRef>* persons) {
  std::vector<const IdRef*> wanted;
  std::vector<std::string> keys;
  for (const IdRef& id : ids) {
    const IdState* cached = id_cache->Find(id);
    if (cached != nullptr) {
      if (cached->is_mapped) persons->push_back({id.team_id, cached->person_id});
      continue;
    }
    std::string key = person_codec::IdKey(id.team_id, id.distinct_id);
    if (const std::optional<IdState> overlay = OverlayId(key)) {
      CacheId(id, *overlay);
      if (overlay->is_mapped) persons->push_back({id.team_id, overlay->person_id});
      continue;
    }
    wanted.push_back(&id);
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return absl::OkStatus();
  const SharedDatabase::Use use = database.Hold();
  HOGLET_RETURN_IF_ERROR(use.status());
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  use->db().MultiGet(rocksdb::ReadOptions(), use->family(PersonDatabase::kIds), keys.size(),
                     slices.data(), values.data(), statuses.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    // What is damaged is told to the event that needs it, by LookupId.
    if (statuses[i].IsCorruption()) continue;
    IdState state;
    if (statuses[i].ok()) {
      const auto decoded = person_codec::DecodeIdState(values[i].ToStringView());
      if (!decoded.ok()) continue;
      state = *decoded;
      if (state.is_mapped) persons->push_back({wanted[i]->team_id, state.person_id});
    } else if (!statuses[i].IsNotFound()) {
      return use->ToStatus(statuses[i]);
    }
    CacheId(*wanted[i], state);
  }
  return absl::OkStatus();
}

absl::Status PersonStore::Impl::PrefetchPersons(const std::vector<PersonRef>& persons) {
  std::vector<PersonRef> wanted;
  std::vector<std::string> keys;
  for (const PersonRef& ref : persons) {
    if (person_cache->Find(ref) != nullptr) continue;
    std::string key = person_codec::PersonKey(ref.team_id, ref.id);
    if (const auto overlay = OverlayPerson(key)) {
      if (*overlay != nullptr) CachePerson(*overlay);
      continue;
    }
    wanted.push_back(ref);
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return absl::OkStatus();
  const SharedDatabase::Use use = database.Hold();
  HOGLET_RETURN_IF_ERROR(use.status());
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  use->db().MultiGet(rocksdb::ReadOptions(), use->family(PersonDatabase::kPersons), keys.size(),
                     slices.data(), values.data(), statuses.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound() || statuses[i].IsCorruption()) continue;
    HOGLET_RETURN_IF_ERROR(use->ToStatus(statuses[i]));
    const auto person = ParsePerson(wanted[i].team_id, wanted[i].id, values[i].ToStringView());
    if (person.ok()) CachePerson(*person);
  }
  return absl::OkStatus();
}

absl::Status PersonStore::Prefetch(std::span<const IdRef> ids) {
  std::vector<PersonRef> persons;
  persons.reserve(ids.size());
  HOGLET_RETURN_IF_ERROR(impl_->PrefetchIds(ids, &persons));
  return impl_->PrefetchPersons(persons);
}

// -- Changes --

void PersonStore::Impl::SetOverrideLocked(TeamId team_id, const std::string& distinct_id,
                                          const IdState& state) {
  TeamOverrides& team = overrides[team_id];
  team.targets[distinct_id] = {state.person_id, state.version};
  team.Changed(distinct_id);
}

void PersonStore::Impl::ApplyIdLocked(TeamId team_id, const PersonChanges::IdChange& change) {
  const IdState& state = change.state;
  IdState& slot = open->ids[person_codec::IdKey(team_id, change.distinct_id)];
  const bool was_deleted = slot.is_deleted;
  slot = state;
  slot.is_deleted |= was_deleted;  // what is on disk of it must still go
  open->bytes += 128 + change.distinct_id.size();
  if (change.previous_person_id.has_value()) {
    open->person_ids[person_codec::PersonIdsKey(team_id, *change.previous_person_id,
                                                change.distinct_id)] = false;
  }
  if (state.is_deleted) {
    TeamOverrides& team = overrides[team_id];
    if (team.targets.erase(change.distinct_id) > 0) team.Changed(change.distinct_id);
  }
  if (!state.is_mapped) return;
  open->person_ids[person_codec::PersonIdsKey(team_id, state.person_id, change.distinct_id)] = true;
  open->bytes += 96 + change.distinct_id.size();
  if (state.version > 0) SetOverrideLocked(team_id, change.distinct_id, state);
}

void PersonStore::Apply(PersonChanges changes) {
  const TeamId team_id = changes.team_id;
  for (const PersonPtr& person : changes.put) impl_->CachePerson(person);
  for (const Uuid& id : changes.removed) impl_->person_cache->Erase(PersonRef{team_id, id});
  for (const auto& change : changes.ids) {
    IdState state = change.state;
    state.is_deleted = false;
    impl_->CacheId(IdRef(team_id, change.distinct_id), state);
  }
  std::lock_guard lock(impl_->mutex);
  PersonGeneration& open = *impl_->open;
  for (const PersonPtr& person : changes.put) {
    PersonPtr& slot = open.persons[person_codec::PersonKey(team_id, person->id)];
    if (slot != nullptr) open.bytes -= PersonBytes(*slot);
    slot = person;
    open.bytes += PersonBytes(*person);
  }
  for (const Uuid& id : changes.removed) {
    PersonPtr& slot = open.persons[person_codec::PersonKey(team_id, id)];
    if (slot != nullptr) open.bytes -= PersonBytes(*slot);
    slot = nullptr;
    open.bytes += 64;
  }
  for (const auto& change : changes.ids) impl_->ApplyIdLocked(team_id, change);
  for (auto& change : changes.flags) {
    open.bytes += 128 + change.flag.size();
    open.flags[person_codec::FlagKey(team_id, change.person_id, change.flag)] =
        std::move(change.hash_key);
  }
}

void PersonStore::PutGroup(GroupPtr group) {
  std::string key = person_codec::GroupKey(group->team_id, group->type_index, group->key);
  std::lock_guard lock(impl_->mutex);
  impl_->open->bytes += 160 + group->key.size() + group->properties->memory_bytes();
  impl_->open->groups[std::move(key)] = std::move(group);
}

void PersonStore::PutGroupTypes(TeamId project_id, std::vector<std::string> types) {
  std::lock_guard lock(impl_->mutex);
  impl_->open->group_types[project_id] = std::move(types);
}

// -- Generations --

uint64_t PersonStore::open_bytes() const {
  std::shared_lock lock(impl_->mutex);
  return impl_->open->bytes;
}

void PersonStore::PutRow(std::string key, std::optional<std::string> value) {
  std::lock_guard lock(impl_->mutex);
  impl_->open->bytes += 96 + key.size() + (value.has_value() ? value->size() : 0);
  impl_->open->rows[std::move(key)] = std::move(value);
}

absl::Status PersonStore::Seal(uint64_t offset) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->sealed != nullptr) {
    return absl::FailedPreconditionError("person store: a sealed generation is waiting");
  }
  HOGLET_ASSERT(offset >= impl_->applied_offset);
  impl_->open->offset = offset;
  impl_->sealed = std::move(impl_->open);
  impl_->open = std::make_unique<PersonGeneration>();
  return absl::OkStatus();
}

bool PersonStore::HasSealed() const {
  std::shared_lock lock(impl_->mutex);
  return impl_->sealed != nullptr;
}

// After an error RocksDB no longer says what its files hold: like the log it is opened anew. A
// probe first, so that on a full disk the old one goes on serving readers.
absl::Status PersonStore::Impl::Reopen() {
  HOGLET_RETURN_IF_ERROR(ProbeSpace(env, directory, kProbeBytes));
  absl::Status status;
  const auto open_anew =
      [&](std::unique_ptr<PersonDatabase> old) -> std::unique_ptr<PersonDatabase> {
    old.reset();  // two would share files
    auto opened =
        PersonDatabase::Open(env, directory, block_cache, PersonDatabase::Access::kReadWrite);
    status = opened.ok() ? CheckReopened(**opened) : opened.status();
    if (status.ok()) return *std::move(opened);
    // Queries go on meanwhile.
    opened = nullptr;
    opened = PersonDatabase::Open(env, directory, block_cache, PersonDatabase::Access::kReadOnly);
    if (opened.ok()) return *std::move(opened);
    LogError("person store cannot even be read", {{"error", opened.status()}});
    return nullptr;
  };
  HOGLET_RETURN_IF_ERROR(database.Exchange(kReadersWaitUs, open_anew));
  if (status.ok()) LogInfo("person store opened anew after an error");
  return status;
}

absl::Status PersonStore::Impl::CheckReopened(const PersonDatabase& opened) const {
  HOGLET_ASSIGN_OR_RETURN(const uint64_t offset, ReadOffset(opened));
  if (offset >= applied_offset) return absl::OkStatus();
  return absl::DataLossError(StrCat("person store ", directory, ": opened again at offset ", offset,
                                    ", had committed ", applied_offset.load()));
}

absl::Status PersonStore::Impl::WriteGeneration(const PersonGeneration& generation) {
  if (needs_reopening) HOGLET_RETURN_IF_ERROR(Reopen());
  const SharedDatabase::Use use = database.Hold();
  HOGLET_RETURN_IF_ERROR(use.status());
  rocksdb::WriteBatch batch;
  FillBatch(generation, *use.operator->(), &batch);
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = use->db().Write(write, &batch);
  needs_reopening = !status.ok();
  return use->ToStatus(status);
}

absl::Status PersonStore::CommitSealed() {
  const PersonGeneration* sealed = nullptr;
  {
    std::shared_lock lock(impl_->mutex);
    sealed = impl_->sealed.get();
  }
  if (sealed == nullptr) return absl::OkStatus();
  // A sealed generation does not change, and only this call takes it away.
  HOGLET_RETURN_IF_ERROR(impl_->WriteGeneration(*sealed));
  std::unique_ptr<PersonGeneration> done;  // freed without the lock
  {
    std::lock_guard lock(impl_->mutex);
    impl_->applied_offset = sealed->offset;
    done = std::move(impl_->sealed);
  }
  return absl::OkStatus();
}

absl::Status PersonStore::Settle(const std::atomic<bool>& is_cancelled) {
  if (impl_->needs_reopening) return absl::OkStatus();  // the next commit's business
  const SharedDatabase::Use use = impl_->database.Hold();
  HOGLET_RETURN_IF_ERROR(use.status());
  if (use->LogBytes() < kSettleLogBytesMin) return absl::OkStatus();
  absl::Status status = use->Flush();
  if (status.ok()) status = use->Compact(is_cancelled);
  if (!status.ok() && !absl::IsCancelled(status)) impl_->needs_reopening = true;
  return status;
}

}  // namespace hoglet
