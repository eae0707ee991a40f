#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "src/base/strings.h"
#include "src/persons/fair_shared_mutex.h"
#include "src/persons/generation_cache.h"
#include "src/persons/person_database.h"
#include "src/persons/person_store.h"

// Inside of PersonStore, shared by the two files that implement it.

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
  ~Impl();

  absl::Status Open();
  absl::Status LoadMeta();
  absl::Status LoadOverrides();

  // nullopt if absent. Safe from any thread. kDataLoss names the record.
  absl::StatusOr<std::optional<std::string>> Get(PersonDatabase::Family which,
                                                 const std::string& key) const;
  absl::StatusOr<PersonPtr> ReadPerson(TeamId team_id, const Uuid& id) const;
  absl::StatusOr<IdState> ReadId(TeamId team_id, std::string_view distinct_id) const;
  absl::StatusOr<GroupPtr> ReadGroup(TeamId team_id, int type_index, std::string_view key) const;

  absl::StatusOr<std::optional<PersonRecord>> FindPersonLocked(TeamId team, const Uuid& id) const;

  // From the uncommitted changes: nullopt if they say nothing. Take the lock.
  std::optional<IdState> OverlayId(const std::string& key) const;
  std::optional<PersonPtr> OverlayPerson(const std::string& key) const;

  // Of the committing thread.
  absl::Status WriteGeneration(const PersonGeneration& generation);
  absl::Status Reopen();
  absl::Status CheckReopened(const PersonDatabase& opened) const;
  absl::StatusOr<uint64_t> ReadOffset(const PersonDatabase& from) const;

  void CacheId(const IdRef& id, const IdState& state);
  void CachePerson(const PersonPtr& person);
  absl::Status PrefetchIds(std::span<const IdRef> ids, std::vector<PersonRef>* persons);
  absl::Status PrefetchPersons(const std::vector<PersonRef>& persons);

  void ApplyIdLocked(TeamId team_id, const PersonChanges::IdChange& change);
  void SetOverrideLocked(TeamId team_id, const std::string& distinct_id, const IdState& state);

  Env* env = nullptr;
  std::string directory;
  Options options;
  std::shared_ptr<rocksdb::Cache> block_cache;
  SharedDatabase database;
  std::atomic<uint64_t> applied_offset{0};
  // A commit failed: the next one opens the database anew. Of the committing thread.
  bool needs_reopening = false;

  // Only the writer changes `open` and the overrides; a commit takes `sealed` away.
  mutable FairSharedMutex mutex;  // guards what follows, up to the caches
  std::unique_ptr<PersonGeneration> open = std::make_unique<PersonGeneration>();
  std::unique_ptr<PersonGeneration> sealed;

  struct TeamOverrides {
    struct Target {
      Uuid person_id;
      int64_t version = 0;
    };
    StringMap<std::string, Target> targets;
    uint64_t version = 0;
    std::deque<std::string> recent;  // what the last so many versions changed

    void Changed(const std::string& distinct_id) {
      ++version;
      recent.push_back(distinct_id);
      if (recent.size() > kRecentMax) recent.pop_front();
    }
    static constexpr size_t kRecentMax = 32'768;
  };
  absl::flat_hash_map<TeamId, TeamOverrides> overrides;

  // The writer's alone. They hold the newest state, committed or not.
  using IdCache = GenerationCache<OwnedId, IdState, IdHash, IdEqual>;
  using PersonCache =
      GenerationCache<PersonRef, PersonPtr, PersonRefHash, std::equal_to<PersonRef>>;
  std::unique_ptr<IdCache> id_cache;
  std::unique_ptr<PersonCache> person_cache;
};

// From a value of the column family `persons`. An error names the person.
absl::StatusOr<PersonPtr> ParsePerson(TeamId team_id, const Uuid& id, std::string_view value);

PersonRecord ToRecord(const Person& person);

}  // namespace hoglet
