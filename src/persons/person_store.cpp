#include "src/persons/person_store.h"

#include <cstdarg>
#include <cstring>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "include/hoglet/env.h"
#include "include/hoglet/status.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"
#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/hash.h"
#include "src/base/strings.h"
#include "src/persons/person_codec.h"
#include "src/persons/person_store_impl.h"

namespace hoglet {
namespace {

constexpr const char* kFamilyNames[] = {"default",     "persons",        "distinct_ids",
                                        "person_ids",  "overrides",      "groups",
                                        "group_types", "flag_hash_keys", "side_rows"};
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

// RocksDB's diary is of no use to an operator of hoglet, and would be a file without a checksum.
class NoDiary final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// RocksDB checks its data itself; these few files beside it carry no checksum of their own, so one
// is kept for them: a line
// "<crc32c in hex> <name>" each, and a last line "<crc32c of the lines before> SIDE_FILES".
constexpr char kSideFiles[] = "SIDE_FILES";
constexpr uint64_t kSideFileBytesMax = 16 << 20;

bool IsSideFile(std::string_view name) {
  return name == "IDENTITY" || name == "CURRENT" || name.starts_with("OPTIONS-");
}

std::string SideFileLine(std::string_view bytes, std::string_view name) {
  return absl::StrFormat("%08x %s\n", Crc32c(bytes), std::string(name));
}

absl::Status WriteSideFiles(Env* env, const std::string& directory) {
  HOGLET_ASSIGN_OR_RETURN(const auto entries, env->List(directory));
  std::string lines;
  for (const DirectoryEntry& entry : entries) {
    if (!IsSideFile(entry.name)) continue;
    HOGLET_ASSIGN_OR_RETURN(
        const std::string bytes,
        env->ReadWholeFile(StrCat(directory, "/", entry.name), kSideFileBytesMax));
    lines += SideFileLine(bytes, entry.name);
  }
  return env->ReplaceFile(StrCat(directory, "/", kSideFiles),
                          lines + SideFileLine(lines, kSideFiles));
}

// Files that are gone are no fault: RocksDB drops old options by itself.
absl::Status CheckSideFiles(Env* env, const std::string& directory,
                            const std::function<void(const std::string&)>& report) {
  const std::string path = StrCat(directory, "/", kSideFiles);
  if (!env->Exists(path)) return absl::OkStatus();
  HOGLET_ASSIGN_OR_RETURN(const std::string text, env->ReadWholeFile(path, kSideFileBytesMax));
  const size_t last = text.size() < 2 ? std::string::npos : text.rfind('\n', text.size() - 2);
  const std::string lines = last == std::string::npos ? "" : text.substr(0, last + 1);
  if (text != lines + SideFileLine(lines, kSideFiles)) {
    report(StrCat(path, ": its checksum does not fit"));
    return absl::OkStatus();
  }
  for (absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const std::string name(line.substr(line.find(' ') + 1));
    const std::string file = StrCat(directory, "/", name);
    if (!env->Exists(file)) continue;
    HOGLET_ASSIGN_OR_RETURN(const std::string bytes, env->ReadWholeFile(file, kSideFileBytesMax));
    if (SideFileLine(bytes, name) != StrCat(line, "\n"))
      report(StrCat(file, ": differs from its checksum in ", kSideFiles));
  }
  return absl::OkStatus();
}

// Small memory, few threads: the store shares a laptop with everything else.
rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  options.max_file_opening_threads = 1;
  options.db_write_buffer_size = 24 << 20;
  options.max_total_wal_size = 64 << 20;
  options.info_log = std::make_shared<NoDiary>();
  // One checksum over every byte of a table, for `hoglet check`; the blocks' own leave gaps between
  // them.
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  return options;
}

rocksdb::ColumnFamilyOptions FamilyOptions(const std::shared_ptr<rocksdb::Cache>& block_cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = block_cache;
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = 8 << 20;
  options.arena_block_size = 64 << 10;
  options.max_write_buffer_number = 2;
  options.target_file_size_base = 16 << 20;
  options.max_bytes_for_level_base = 64 << 20;
  options.compression = rocksdb::kLZ4Compression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

size_t PersonBytes(const Person& person) { return 160 + person.properties->memory_bytes(); }

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
  if (db == nullptr) return;
  // Into tables, whose every block has a checksum: the next start then has no write-ahead log to
  // replay. Without it nothing is lost.
  if (!is_read_only) db->Flush(rocksdb::FlushOptions(), families).PermitUncheckedError();
  for (rocksdb::ColumnFamilyHandle* handle : families) db->DestroyColumnFamilyHandle(handle);
  db->Close();
  db.reset();  // before its Env
}

absl::Status PersonStore::Impl::ToStatus(const rocksdb::Status& status) const {
  if (status.ok()) return absl::OkStatus();
  const std::string message = StrCat("person store ", directory, ": ", status.ToString());
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNotSupported()) return absl::UnimplementedError(message);
  if (status.IsNotFound()) return absl::NotFoundError(message);
  return absl::UnavailableError(message);
}

absl::Status PersonStore::Impl::Open(bool read_only) {
  is_read_only = read_only;
  block_cache = rocksdb::NewLRUCache(options.block_cache_bytes_max, /*num_shard_bits=*/2);
  id_cache = std::make_unique<IdCache>(options.cache_bytes_max / 3);
  person_cache = std::make_unique<PersonCache>(options.cache_bytes_max / 3 * 2);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kFamilyNames) {
    descriptors.emplace_back(name, FamilyOptions(block_cache));
  }
  rocksdb::DBOptions db_options = DatabaseOptions();
  if (is_read_only) {
    // A store of before the side rows lacks their family, the last one.
    std::vector<std::string> present;
    HOGLET_RETURN_IF_ERROR(
        ToStatus(rocksdb::DB::ListColumnFamilies(db_options, directory, &present)));
    if (present.size() == kFamilyCount - 1) descriptors.pop_back();
  }
  if (options.is_in_memory) {
    memory_env.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    db_options.env = memory_env.get();
  }
  // A damaged end of the write-ahead log is passed over when the store opens: the event log gives
  // it again. A check must tell.
  if (is_read_only)
    db_options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      is_read_only
          ? rocksdb::DB::OpenForReadOnly(db_options, directory, descriptors, &families, &opened)
          : rocksdb::DB::Open(db_options, directory, descriptors, &families, &opened);
  HOGLET_RETURN_IF_ERROR(ToStatus(status));
  db.reset(opened);
  HOGLET_ASSERT(families.size() == descriptors.size());
  if (is_read_only || options.is_in_memory) return absl::OkStatus();
  return WriteSideFiles(Env::Posix(), directory);
}

absl::Status PersonStore::Impl::LoadMeta() {
  HOGLET_ASSIGN_OR_RETURN(const std::optional<std::string> format, Get(kMeta, kFormatKey));
  uint64_t version = 0;
  if (!format.has_value()) {
    rocksdb::WriteOptions write;
    write.sync = true;
    return ToStatus(db->Put(write, family(kMeta), kFormatKey, Number(kStoreVersion)));
  }
  if (!ReadNumber(*format, &version) || version != kStoreVersion) {
    return absl::UnimplementedError(StrCat("person store ", directory, ": format ", version,
                                           ", this program reads ", kStoreVersion));
  }
  HOGLET_ASSIGN_OR_RETURN(const std::optional<std::string> offset, Get(kMeta, kAppliedOffsetKey));
  uint64_t value = 0;
  if (offset.has_value() && !ReadNumber(*offset, &value)) {
    return absl::DataLossError(StrCat("person store ", directory, ": damaged offset"));
  }
  applied_offset = value;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<PersonStore>> PersonStore::Open(const std::string& directory,
                                                               const Options& options) {
  auto impl = std::make_unique<Impl>();
  impl->directory = directory;
  impl->options = options;
  HOGLET_RETURN_IF_ERROR(impl->Open(/*is_read_only=*/false));
  HOGLET_RETURN_IF_ERROR(impl->LoadMeta());
  HOGLET_RETURN_IF_ERROR(impl->LoadOverrides());
  return std::unique_ptr<PersonStore>(new PersonStore(std::move(impl)));
}

absl::StatusOr<uint64_t> PersonStore::Check(const std::string& directory,
                                            const std::function<void(const std::string&)>& report) {
  Impl impl;
  impl.directory = directory;
  HOGLET_RETURN_IF_ERROR(CheckSideFiles(Env::Posix(), directory, report));
  HOGLET_RETURN_IF_ERROR(impl.Open(/*is_read_only=*/true));
  const absl::Status tables = impl.ToStatus(impl.db->VerifyFileChecksums(rocksdb::ReadOptions()));
  if (!tables.ok()) report(std::string(FromAbsl(tables.message())));
  uint64_t persons = 0;
  for (size_t i = 0; i < impl.families.size(); ++i) {
    rocksdb::ReadOptions read;
    read.verify_checksums = true;
    read.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> rows(impl.db->NewIterator(read, impl.families[i]));
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      if (i != Impl::kPersons) continue;
      ++persons;
      auto value = person_codec::DecodePerson(rows->value().ToStringView());
      absl::Status status = value.status();
      if (status.ok()) status = PropertySet::Parse(value->properties_json).status();
      if (!status.ok()) report(StrCat(directory, ": ", status.message()));
    }
    const absl::Status status = impl.ToStatus(rows->status());
    if (!status.ok()) report(StrCat(kFamilyNames[i], ": ", status.message()));
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
  absl::ReaderMutexLock lock(&mutex);
  for (const auto* generation : {open.get(), sealed.get()}) {
    if (generation == nullptr) continue;
    if (auto it = generation->ids.find(key); it != generation->ids.end()) return it->second;
  }
  return std::nullopt;
}

std::optional<PersonPtr> PersonStore::Impl::OverlayPerson(const std::string& key) const {
  absl::ReaderMutexLock lock(&mutex);
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
  const std::string key = person_codec::IdKey(id.team_id, id.distinct_id);
  IdState state;
  if (const std::optional<IdState> overlay = impl_->OverlayId(key)) {
    state = *overlay;
  } else {
    HOGLET_ASSIGN_OR_RETURN(state, impl_->ReadId(key));
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
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db->MultiGet(rocksdb::ReadOptions(), family(kIds), keys.size(), slices.data(), values.data(),
               statuses.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    IdState state;
    if (statuses[i].ok()) {
      HOGLET_ASSIGN_OR_RETURN(state, person_codec::DecodeIdState(values[i].ToStringView()));
      if (state.is_mapped) persons->push_back({wanted[i]->team_id, state.person_id});
    } else if (!statuses[i].IsNotFound()) {
      return ToStatus(statuses[i]);
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
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db->MultiGet(rocksdb::ReadOptions(), family(kPersons), keys.size(), slices.data(), values.data(),
               statuses.data());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    HOGLET_RETURN_IF_ERROR(ToStatus(statuses[i]));
    HOGLET_ASSIGN_OR_RETURN(PersonPtr person,
                            ParsePerson(wanted[i].team_id, wanted[i].id, values[i].ToStringView()));
    CachePerson(person);
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
  ++team.version;
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
    if (team.targets.erase(change.distinct_id) > 0) ++team.version;
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
  absl::MutexLock lock(&impl_->mutex);
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
  absl::MutexLock lock(&impl_->mutex);
  impl_->open->bytes += 160 + group->key.size() + group->properties->memory_bytes();
  impl_->open->groups[std::move(key)] = std::move(group);
}

void PersonStore::PutGroupTypes(TeamId project_id, std::vector<std::string> types) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->open->group_types[project_id] = std::move(types);
}

// -- Generations --

uint64_t PersonStore::open_bytes() const {
  absl::ReaderMutexLock lock(&impl_->mutex);
  return impl_->open->bytes;
}

void PersonStore::PutRow(std::string key, std::optional<std::string> value) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->open->bytes += 96 + key.size() + (value.has_value() ? value->size() : 0);
  impl_->open->rows[std::move(key)] = std::move(value);
}

absl::Status PersonStore::Seal(uint64_t offset) {
  absl::MutexLock lock(&impl_->mutex);
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
  absl::ReaderMutexLock lock(&impl_->mutex);
  return impl_->sealed != nullptr;
}

absl::Status PersonStore::Impl::WriteGeneration(const PersonGeneration& generation) {
  rocksdb::WriteBatch batch;
  for (const auto& [key, person] : generation.persons) {
    if (person == nullptr) {
      batch.Delete(family(kPersons), key);
    } else {
      batch.Put(family(kPersons), key, person_codec::EncodePerson(*person));
    }
  }
  for (const auto& [key, state] : generation.ids) {
    batch.Put(family(kIds), key, person_codec::EncodeIdState(state));
    if (state.is_deleted) batch.Delete(family(kOverrides), key);
    if (!state.is_mapped || state.version == 0) continue;
    batch.Put(family(kOverrides), key,
              person_codec::EncodeOverride(state.person_id, state.version));
  }
  for (const auto& [key, is_present] : generation.person_ids) {
    if (is_present) {
      batch.Put(family(kPersonIds), key, rocksdb::Slice());
    } else {
      batch.Delete(family(kPersonIds), key);
    }
  }
  for (const auto& [key, hash_key] : generation.flags) {
    if (!hash_key.has_value()) {
      batch.Delete(family(kFlags), key);
      continue;
    }
    batch.Put(family(kFlags), key,
              std::string(1, static_cast<char>(person_codec::kFormatVersion)) + *hash_key);
  }
  for (const auto& [key, group] : generation.groups) {
    batch.Put(family(kGroups), key, person_codec::EncodeGroup(*group));
  }
  for (const auto& [project_id, types] : generation.group_types) {
    std::string key;
    person_codec::AppendTeam(project_id, &key);
    batch.Put(family(kGroupTypes), key, person_codec::EncodeGroupTypes(types));
  }
  for (const auto& [key, value] : generation.rows) {
    if (value.has_value()) {
      batch.Put(family(kRows), key, *value);
    } else {
      batch.Delete(family(kRows), key);
    }
  }
  batch.Put(family(kMeta), kAppliedOffsetKey, Number(generation.offset));
  // After a failed write RocksDB refuses all others until it is told to try again.
  if (last_commit_failed) HOGLET_RETURN_IF_ERROR(ToStatus(db->Resume()));
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = db->Write(write, &batch);
  last_commit_failed = !status.ok();
  return ToStatus(status);
}

absl::Status PersonStore::CommitSealed() {
  const PersonGeneration* sealed = nullptr;
  {
    absl::ReaderMutexLock lock(&impl_->mutex);
    sealed = impl_->sealed.get();
  }
  if (sealed == nullptr) return absl::OkStatus();
  // A sealed generation does not change, and only this call takes it away.
  HOGLET_RETURN_IF_ERROR(impl_->WriteGeneration(*sealed));
  std::unique_ptr<PersonGeneration> done;  // freed without the lock
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->applied_offset = sealed->offset;
    done = std::move(impl_->sealed);
  }
  return absl::OkStatus();
}

}  // namespace hoglet
