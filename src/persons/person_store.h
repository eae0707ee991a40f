#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/person_store.h"
#include "src/persons/person.h"

// Start reading here: the person store. person_processor.h has the identity rules,
// group_processor.h those of groups, property_update.h those of properties; FORMAT.md has the
// bytes.

namespace hoglet {

// A distinct id with its hash, so that the hash can be computed ahead by another thread.
struct IdRef {
  IdRef(TeamId team, std::string_view id);
  // `known_hash` is that of an IdRef made by the other constructor.
  IdRef(TeamId team, std::string_view id, uint64_t known_hash)
      : team_id(team), distinct_id(id), hash(known_hash) {}

  TeamId team_id;
  std::string_view distinct_id;
  uint64_t hash;
};

// Shows records in the order of their keys, from `begin` on (a key that it gave; "": the first),
// until `visit` returns false: those of the moment when it was made, the same at every call. May be
// called from several threads. It keeps the files and changes of its moment from being let go, and
// must not outlive the store.
template <typename Record>
using RecordWalk = std::function<absl::Status(
    std::string_view begin,
    const std::function<bool(std::string_view key, const Record& record)>& visit)>;

// What one event changes, applied as a whole: readers see all of it or nothing.
struct PersonChanges {
  struct IdChange {
    std::string distinct_id;
    IdState state;
    // The person it belonged to before, if another.
    std::optional<Uuid> previous_person_id;
  };
  TeamId team_id = 0;
  absl::InlinedVector<PersonPtr, 2> put;
  absl::InlinedVector<Uuid, 1> removed;
  absl::InlinedVector<IdChange, 2> ids;
  // Person, flag key, hash key; no hash key removes.
  struct FlagChange {
    Uuid person_id;
    std::string flag;
    std::optional<std::string> hash_key;
  };
  std::vector<FlagChange> flags;
};

// Persons, distinct ids, groups and flag hash keys, on RocksDB.
//
// The pipeline's changes gather in memory, in an open generation. Seal(offset) closes it;
// CommitSealed() writes it in one synchronous batch together with the offset. What was not
// committed when the process ended is lost and must be applied again from applied_offset() on: same
// log, same state. Readers see committed and uncommitted changes alike.
//
// Damage: a record or block that fails its checks makes the look-ups that need it answer kDataLoss,
// naming team and id, and no others; a damaged override, which could show an event under the wrong
// person, stops the opening.
//
// Threads: the writer methods belong to one thread, the pipeline's; CommitSealed() may run on
// another beside it; the PersonReader methods and the other readers may be called from anywhere at
// any time.
//
// Memory: Options bounds the caches; the uncommitted changes are bounded by the pipeline, which
// watches open_bytes(). All overrides (mappings of version above 0) are held in memory, about 100
// bytes each plus the id.
class PersonStore : public PersonReader {
 public:
  struct Options {
    // Parsed persons and mappings in front of RocksDB.
    uint64_t cache_bytes_max = 32ull << 20;
    // RocksDB's cache of blocks, indexes and filters.
    uint64_t block_cache_bytes_max = 8ull << 20;
    // What Remember() and Ask() keep of committed records.
    uint64_t reader_cache_bytes_max = 8ull << 20;
  };

  // Opens or creates the store in `directory`. Files are RocksDB's own, reached through `env`,
  // which outlives the store. kDataLoss if damaged, kUnimplemented if newer.
  static absl::StatusOr<std::unique_ptr<PersonStore>> Open(Env* env, const std::string& directory,
                                                           const Options& options);
  ~PersonStore() override;

  // Reads every byte of the store, without changing it: a line in `report` for each fault. Returns
  // the number of persons.
  static absl::StatusOr<uint64_t> Check(Env* env, const std::string& directory,
                                        const std::function<void(const std::string&)>& report);

  // Every log record below this has been committed here.
  uint64_t applied_offset() const;

  // -- Writer --

  // Loads what the cache lacks of these ids and their persons, with few disk reads.
  absl::Status Prefetch(std::span<const IdRef> ids);
  absl::StatusOr<IdState> LookupId(const IdRef& id);
  // Null if there is no such person.
  absl::StatusOr<PersonPtr> LookupPerson(TeamId team_id, const Uuid& id);
  // Sorted.
  absl::StatusOr<std::vector<std::string>> LookupPersonIds(TeamId team_id, const Uuid& person_id);
  // Flag key and hash key, sorted.
  using FlagHashKeys = std::vector<std::pair<std::string, std::string>>;
  absl::StatusOr<FlagHashKeys> LookupFlagHashKeys(TeamId team_id, const Uuid& person_id);
  static bool HasFlag(const FlagHashKeys& keys, std::string_view flag);
  void Apply(PersonChanges changes);

  absl::StatusOr<GroupPtr> LookupGroup(TeamId team_id, int type_index, std::string_view key);
  void PutGroup(GroupPtr group);
  // Names by index.
  absl::StatusOr<std::vector<std::string>> LookupGroupTypes(TeamId project_id);
  void PutGroupTypes(TeamId project_id, std::vector<std::string> types);

  // Side rows: what the pipeline keeps beside persons, under keys of its own making (see
  // src/ingest/side_rows.h). They change and commit with everything else.
  absl::StatusOr<std::optional<std::string>> LookupRow(const std::string& key) const;
  // No value: removes.
  void PutRow(std::string key, std::optional<std::string> value);

  // Bytes of the open generation, about.
  uint64_t open_bytes() const;
  // Closes the open generation at a log offset. One sealed generation may wait: kFailedPrecondition
  // otherwise.
  absl::Status Seal(uint64_t offset);
  bool HasSealed() const;

  // -- Any one thread --

  // Writes the sealed generation; nothing to do without one. On an error (disk full:
  // kResourceExhausted) it stays sealed and readable, and the call can be repeated: it then opens
  // RocksDB anew, while readers wait for a moment, as soon as the disk takes files again.
  absl::Status CommitSealed();

  // When there is nothing else to do, in the thread that commits: moves what the write-ahead log
  // holds into tables, if that is much, and compacts them. May take seconds; returns kCancelled
  // soon after `is_cancelled` is set. On an error the next commit opens RocksDB anew.
  absl::Status Settle(const std::atomic<bool>& is_cancelled);

  // -- Readers --

  void ApplyOverrides(TeamId team, std::span<const std::string_view> distinct_ids,
                      std::span<Uuid> person_ids) const override;
  uint64_t overrides_version(TeamId team) const override;
  std::optional<std::vector<std::string>> OverridesChangedSince(TeamId team,
                                                                uint64_t version) const override;
  absl::Status VisitPersons(TeamId team,
                            const std::function<bool(const PersonRecord&)>& visit) const override;
  absl::Status VisitDistinctIds(
      TeamId team, const std::function<bool(const DistinctIdRecord&)>& visit) const override;
  absl::StatusOr<std::optional<PersonRecord>> FindByDistinctId(
      TeamId team, std::string_view distinct_id) const override;
  absl::StatusOr<std::optional<PersonRecord>> FindById(TeamId team, const Uuid& id) const override;
  absl::StatusOr<std::vector<std::string>> FindDistinctIds(TeamId team,
                                                           const Uuid& id) const override;

  // What VisitPersons(), VisitDistinctIds(), VisitGroups() and VisitRows() show now, to be gone
  // through in pieces. The keys of rows are those after the prefix.
  RecordWalk<PersonRecord> FreezePersons(TeamId team) const;
  RecordWalk<DistinctIdRecord> FreezeDistinctIds(TeamId team) const;
  RecordWalk<Group> FreezeGroups(TeamId team, int type_index) const;
  RecordWalk<std::string_view> FreezeRows(const std::string& prefix, std::string_view begin) const;

  // What is known of several records at one moment.
  struct Facts {
    PersonPtr person;              // of `distinct_id`; null: none
    PersonPtr other_person;        // of `other_distinct_id`, likewise
    FlagHashKeys hash_keys;        // of `person`, sorted
    FlagHashKeys other_hash_keys;  // of `other_person`
    std::vector<GroupPtr> groups;  // of each group asked for; null: none
  };
  struct FactsWanted {
    TeamId team = 0;
    std::string_view distinct_id;
    std::optional<std::string_view> other_distinct_id;
    bool person = true;
    bool hash_keys = false;
    std::vector<std::pair<int, std::string_view>> groups;  // type index and key
  };
  // From memory alone: nullopt if that does not hold all of it. Never waits for a disk.
  std::optional<Facts> Remember(const FactsWanted& wanted) const;
  // Reads what memory lacks, and keeps it there.
  absl::StatusOr<Facts> Ask(const FactsWanted& wanted) const;

  // The groups of one type, in the order of their keys.
  absl::Status VisitGroups(TeamId team, int type_index,
                           const std::function<bool(const Group&)>& visit) const;
  absl::StatusOr<GroupPtr> FindGroup(TeamId team, int type_index, std::string_view key) const;
  absl::StatusOr<std::vector<std::string>> GroupTypes(TeamId project_id) const;
  // Moves when a project gets a group type.
  uint64_t group_types_version() const;
  // The side rows whose keys begin with `prefix`, from `begin` on (not below the prefix), in the
  // order of their keys, until `visit` returns false.
  absl::Status VisitRows(
      const std::string& prefix, const std::string& begin,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

 private:
  struct Impl;
  explicit PersonStore(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace hoglet
