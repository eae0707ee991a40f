#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "src/base/strings.h"
#include "src/persons/generation_cache.h"
#include "src/persons/person_store.h"

// Inside of PersonStore, shared by the two files that implement it.

namespace rocksdb {
class Cache;
class ColumnFamilyHandle;
class DB;
class Env;
class Status;
}  // namespace rocksdb

namespace hoglet {

// Changes not yet in RocksDB. Keys are those of FORMAT.md.
struct PersonGeneration {
  StringMap<std::string, PersonPtr> persons;  // null: removed
  StringMap<std::string, IdState> ids;
  absl::btree_map<std::string, bool> person_ids;  // false: removed
  absl::btree_map<std::string, std::optional<std::string>> flags;
  StringMap<std::string, GroupPtr> groups;
  absl::flat_hash_map<TeamId, std::vector<std::string>> group_types;
  absl::btree_map<std::string, std::optional<std::string>> rows;
  uint64_t bytes = 0;
  uint64_t offset = 0;  // once sealed
};

struct OwnedId {
  TeamId team_id = 0;
  std::string distinct_id;
  uint64_t hash = 0;
};

struct IdHash {
  using is_transparent = void;
  size_t operator()(const OwnedId& id) const { return id.hash; }
  size_t operator()(const IdRef& id) const { return id.hash; }
};

struct IdEqual {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    return a.team_id == b.team_id && a.distinct_id == b.distinct_id;
  }
};

struct PersonRef {
  TeamId team_id = 0;
  Uuid id;
  friend bool operator==(const PersonRef&, const PersonRef&) = default;
};

struct PersonRefHash {
  size_t operator()(const PersonRef& ref) const;
};

struct PersonStore::Impl {
  // One for each name in kColumnFamilies.
  enum Family {
    kMeta,
    kPersons,
    kIds,
    kPersonIds,
    kOverrides,
    kGroups,
    kGroupTypes,
    kFlags,
    kRows
  };
  static constexpr int kFamilyCount = 9;

  ~Impl();

  absl::Status Open(bool read_only);
  absl::Status LoadMeta();
  absl::Status LoadOverrides();
  rocksdb::ColumnFamilyHandle* family(Family which) const { return families[which]; }
  absl::Status ToStatus(const rocksdb::Status& status) const;

  // nullopt if absent. Safe from any thread.
  absl::StatusOr<std::optional<std::string>> Get(Family which, const std::string& key) const;
  absl::StatusOr<PersonPtr> ReadPerson(TeamId team_id, const Uuid& id) const;
  absl::StatusOr<IdState> ReadId(const std::string& key) const;
  absl::StatusOr<GroupPtr> ReadGroup(TeamId team_id, int type_index, std::string_view key) const;

  absl::StatusOr<std::optional<PersonRecord>> FindPersonLocked(TeamId team, const Uuid& id) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex);

  // From the uncommitted changes: nullopt if they say nothing. Take the lock.
  std::optional<IdState> OverlayId(const std::string& key) const ABSL_LOCKS_EXCLUDED(mutex);
  std::optional<PersonPtr> OverlayPerson(const std::string& key) const ABSL_LOCKS_EXCLUDED(mutex);

  absl::Status WriteGeneration(const PersonGeneration& generation);

  void CacheId(const IdRef& id, const IdState& state);
  void CachePerson(const PersonPtr& person);
  absl::Status PrefetchIds(std::span<const IdRef> ids, std::vector<PersonRef>* persons);
  absl::Status PrefetchPersons(const std::vector<PersonRef>& persons);

  void ApplyIdLocked(TeamId team_id, const PersonChanges::IdChange& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void SetOverrideLocked(TeamId team_id, const std::string& distinct_id, const IdState& state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  std::string directory;
  bool is_read_only = false;
  Options options;
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::shared_ptr<rocksdb::Env> memory_env;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::atomic<uint64_t> applied_offset{0};
  bool last_commit_failed = false;  // of the committing thread

  // Only the writer changes `open` and the overrides; a commit takes `sealed` away.
  mutable absl::Mutex mutex;
  std::unique_ptr<PersonGeneration> open ABSL_GUARDED_BY(mutex) =
      std::make_unique<PersonGeneration>();
  std::unique_ptr<PersonGeneration> sealed ABSL_GUARDED_BY(mutex);

  struct TeamOverrides {
    struct Target {
      Uuid person_id;
      int64_t version = 0;
    };
    StringMap<std::string, Target> targets;
    uint64_t version = 0;
  };
  absl::flat_hash_map<TeamId, TeamOverrides> overrides ABSL_GUARDED_BY(mutex);

  // The writer's alone. They hold the newest state, committed or not.
  using IdCache = GenerationCache<OwnedId, IdState, IdHash, IdEqual>;
  using PersonCache =
      GenerationCache<PersonRef, PersonPtr, PersonRefHash, std::equal_to<PersonRef>>;
  std::unique_ptr<IdCache> id_cache;
  std::unique_ptr<PersonCache> person_cache;
};

// From a value of the column family `persons`.
absl::StatusOr<PersonPtr> ParsePerson(TeamId team_id, const Uuid& id, std::string_view value);

PersonRecord ToRecord(const Person& person);

}  // namespace hoglet
