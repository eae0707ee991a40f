#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "src/persons/person_store.h"
#include "src/persons/property_update.h"

namespace hoglet {

// Something about an event that its sender should know. Details are JSON values by name.
struct IngestionWarning {
  std::string_view type;  // static, or of the event's log record
  std::vector<std::pair<std::string_view, std::string>> details;
};

enum class MergeKind : uint8_t { kNone, kIdentify, kAlias, kMergeDangerously };

// What the person step needs of an event.
struct PersonEvent {
  IdRef id;
  Uuid uuid;
  int64_t timestamp_us = 0;
  UpdatePolicy policy = UpdatePolicy::kFiltered;
  // False: the event is recorded without making or changing a person.
  bool is_person_processed = true;
  // The sender asked that no person be looked up at all.
  bool is_person_lookup_disabled = false;
  // The team turned person processing off: personless events are never upgraded.
  bool is_team_opted_out = false;
  // The other id of a merge (it is the source; the event's own id is the target), if the event asks
  // for one.
  MergeKind merge = MergeKind::kNone;
  std::string_view other_distinct_id;
  const PropertyRequest* request = nullptr;
};

// What the person step says of the event's row, and what it did.
struct PersonOutcome {
  // The event is not stored; empty otherwise.
  std::string_view dead_letter_reason;
  Uuid person_id;
  int64_t person_created_at_us = 0;
  // Null: {}.
  PropertySetPtr properties;
  // The row shows the event's own $set over `properties` (OverlayEventSet): they differ.
  bool needs_overlay = false;
  PersonMode mode = PersonMode::kFull;
  std::vector<IngestionWarning> warnings;
  // Mappings made or moved, in order, and the person merged away. Rare.
  struct Mapping {
    std::string distinct_id;
    Uuid person_id;
    int64_t version = 0;
  };
  absl::InlinedVector<Mapping, 1> mappings;
  struct Removed {
    Uuid person_id;
    int64_t version = 0;
  };
  std::optional<Removed> removed;

  void Clear();
};

// An id that stands for nobody in particular ("anonymous", "null", blank, ...): merging with it
// would make one person of many.
bool IsIllegalDistinctId(std::string_view distinct_id);

// The creation time shown for the person of a personless event.
inline constexpr int64_t kPersonlessCreatedAtUs = 5'000'000;

// The uuids that personless events get by their distinct ids: a digest each, so those met lately
// are kept. Not thread-safe.
class PersonlessUuids {
 public:
  Uuid Find(const IdRef& id);

 private:
  static constexpr size_t kEntries = 4096;
  static constexpr size_t kTextBytesMax = 55;
  struct Entry {
    Uuid uuid;
    TeamId team_id = 0;
    uint8_t bytes = 0;
    char data[kTextBytesMax];
    std::string_view text() const { return {data, bytes}; }
  };

  std::vector<Entry> entries_;  // by hash, each may be taken over by another
};

// The identity rules: who an event belongs to, and what it changes about persons. A pure function
// of (event, state of the store). Used by the store's writer thread.
class PersonProcessor {
 public:
  struct Options {
    // A merge that would move more distinct ids than this is refused and its event dead-lettered.
    // 0: no limit.
    uint64_t merge_moved_ids_max = 0;
  };

  PersonProcessor(PersonStore* store, const Options& options) : store_(store), options_(options) {}

  // On an error (disk) nothing was changed, and the call can be repeated.
  absl::Status Process(const PersonEvent& event, PersonOutcome* outcome);

 private:
  absl::Status ProcessPersonless(const PersonEvent& event, PersonOutcome* outcome);
  absl::Status ProcessPersonful(const PersonEvent& event, PersonOutcome* outcome);
  // Whether a merge is to be tried; adds the warning of an illegal id.
  bool IsMergeLegal(const PersonEvent& event, PersonOutcome* outcome) const;
  absl::Status Merge(const PersonEvent& event, PersonOutcome* outcome);
  absl::Status Attach(const PersonEvent& event, const IdState& mapped, const IdRef& other,
                      IdState other_state, PersonOutcome* outcome);
  void CreateWithBoth(const PersonEvent& event, IdState target, const IdRef& source_id,
                      IdState source, PersonOutcome* outcome);
  absl::Status MergePersons(const PersonEvent& event, const IdState& target, const IdState& source,
                            PersonOutcome* outcome);
  absl::Status MoveFlagHashKeys(const Person& target, const Person& source, PersonChanges* changes);
  void Create(const PersonEvent& event, IdState state, PersonOutcome* outcome);
  // Applies the event's property changes (and `is_identified`) to a person, adding to `changes`.
  void Update(const PersonEvent& event, const PersonPtr& person, bool is_identified,
              PersonChanges* changes, PersonOutcome* outcome);
  absl::StatusOr<PersonPtr> RequirePerson(TeamId team_id, const Uuid& id);
  // The properties after `changes_` or, if they would be too large, the old ones and a warning.
  PropertySetPtr ChangedProperties(const PersonEvent& event, const Person& person,
                                   PersonOutcome* outcome);

  PersonStore* store_;
  Options options_;
  PropertyChanges changes_;
  PersonlessUuids personless_;
};

}  // namespace hoglet
