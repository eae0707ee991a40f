#include "src/cohorts/cohort_members.h"

#include <algorithm>

#include "include/hoglet/status.h"
#include "src/base/strings.h"
#include "src/cohorts/cohort_document.h"

namespace hoglet {

absl::Status CheckMemberCount(const ObjectStore& objects, TeamId project, int64_t cohort_id,
                              uint64_t count) {
  if (count > kMembersPerCohortMax) {
    return absl::ResourceExhaustedError(
        StrCat("A cohort may hold at most ", kMembersPerCohortMax, " persons."));
  }
  uint64_t total = count;
  for (const auto& [id, json] : *objects.All(project, ObjectKind::kCohort)) {
    const auto members = id == cohort_id ? nullptr : objects.Members(project, id);
    if (members != nullptr) total += members->persons().size();
  }
  if (total <= kProjectMembersMax) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      StrCat("The cohorts of a project may hold at most ", kProjectMembersMax, " persons in all."));
}

const CohortMembership::Known& CohortMembership::CohortsOf(TeamId team) {
  Known& known = known_[team];
  auto objects = objects_->All(team, ObjectKind::kCohort);
  if (known.objects == objects) return known;
  known.cohorts.clear();
  for (const auto& [id, json] : *objects) {
    const auto cohort = ReadCohort(*json);
    if (cohort.ok()) known.cohorts.emplace_back(id, cohort->is_static);
  }
  known.objects = std::move(objects);
  return known;
}

absl::Status CohortMembership::Merge(const PersonMerge& merge) {
  std::vector<int64_t> holders;
  for (const auto& [id, is_static] : CohortsOf(merge.team_id).cohorts) {
    if (!is_static) continue;
    const auto members = objects_->Members(merge.team_id, id);
    if (members != nullptr && members->Contains(merge.from)) holders.push_back(id);
  }
  if (holders.empty()) return absl::OkStatus();
  return objects_->Change(merge.team_id, [&](ObjectStore::Transaction* transaction) {
    for (const int64_t id : holders) {
      transaction->RemoveMembers(id, {merge.from});
      transaction->AddMembers(id, {merge.into});
    }
    return absl::OkStatus();
  });
}

absl::Status CohortMembership::PersonsMerged(std::span<const PersonMerge> merges) {
  for (const PersonMerge& merge : merges) HOGLET_RETURN_IF_ERROR(Merge(merge));
  return absl::OkStatus();
}

absl::Status CohortMembership::PersonsDeleted(TeamId team, std::span<const Uuid> persons) {
  std::vector<std::pair<int64_t, std::vector<Uuid>>> gone;
  for (const auto& [id, is_static] : CohortsOf(team).cohorts) {
    const auto members = objects_->Members(team, id);
    if (members == nullptr) continue;
    std::vector<Uuid> of_cohort;
    std::copy_if(persons.begin(), persons.end(), std::back_inserter(of_cohort),
                 [&](const Uuid& person) { return members->Contains(person); });
    if (!of_cohort.empty()) gone.emplace_back(id, std::move(of_cohort));
  }
  if (gone.empty()) return absl::OkStatus();
  return objects_->Change(team, [&](ObjectStore::Transaction* transaction) {
    for (const auto& [id, of_cohort] : gone) transaction->RemoveMembers(id, of_cohort);
    return absl::OkStatus();
  });
}

}  // namespace hoglet
