#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "include/hoglet/person_observer.h"
#include "src/metadata/object_store.h"

namespace hoglet {

// Persons of one cohort, and of all of a project's: they are held in memory at 16 bytes each.
inline constexpr uint64_t kMembersPerCohortMax = 5'000'000;
inline constexpr uint64_t kProjectMembersMax = 50'000'000;

// kResourceExhausted if the cohort may not have so many members, for itself or beside the project's
// others.
absl::Status CheckMemberCount(const ObjectStore& objects, TeamId project, int64_t cohort_id,
                              uint64_t count);

// Keeps static cohorts true to persons: who was merged into somebody else counts as that person,
// who was deleted is in no cohort. Dynamic ones learn of merges when they are calculated next, so
// that the many merges of new visitors cost nothing. Used by one thread; the store outlives it.
class CohortMembership final : public PersonObserver {
 public:
  explicit CohortMembership(ObjectStore* objects) : objects_(objects) {}

  absl::Status PersonsMerged(std::span<const PersonMerge> merges) override;
  absl::Status PersonsDeleted(TeamId team, std::span<const Uuid> persons) override;

 private:
  // Of the project's live cohorts: id, and whether it is static.
  struct Known {
    std::shared_ptr<const Objects> objects;  // from which the rest was read
    std::vector<std::pair<int64_t, bool>> cohorts;
  };
  const Known& CohortsOf(TeamId team);
  // All of one team; one change for all of them.
  absl::Status MergeInTeam(std::span<const PersonMerge> merges);

  ObjectStore* objects_;
  absl::flat_hash_map<TeamId, Known> known_;
};

}  // namespace hoglet
