#include "src/cohorts/cohort_members.h"

#include <algorithm>
#include <set>

#include "include/hoglet/status.h"
#include "src/base/strings.h"
#include "src/cohorts/cohort_document.h"

namespace hoglet {
namespace {

// What merges, in their order, change about one cohort.
struct MovedMembers {
  int64_t cohort_id = 0;
  std::set<Uuid> gone;
  std::set<Uuid> come;
};

MovedMembers Move(int64_t cohort_id, const CohortMembers& members,
                  std::span<const PersonMerge> merges) {
  MovedMembers moved{.cohort_id = cohort_id};
  for (const PersonMerge& merge : merges) {
    const bool was_in = members.Contains(merge.from) && !moved.gone.contains(merge.from);
    if (!was_in && !moved.come.contains(merge.from)) continue;
    moved.gone.insert(merge.from);
    moved.come.erase(merge.from);
    moved.come.insert(merge.into);
  }
  return moved;
}

}  // namespace

absl::Status CheckMemberCount(const ObjectStore& objects, TeamId project, int64_t cohort_id,
                              uint64_t count) {
  if (count > kMembersPerCohortMax) {
    return absl::ResourceExhaustedError(
        StrCat("A cohort may hold at most ", kMembersPerCohortMax, " persons."));
  }
  uint64_t total = count;
  const auto all = objects.All(project, ObjectKind::kCohort);
  for (const auto& [id, json] : *all) {
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

absl::Status CohortMembership::MergeInTeam(std::span<const PersonMerge> merges) {
  const TeamId team = merges[0].team_id;
  std::vector<MovedMembers> moved;
  for (const auto& [id, is_static] : CohortsOf(team).cohorts) {
    const auto members = is_static ? objects_->Members(team, id) : nullptr;
    if (members == nullptr) continue;
    MovedMembers of_cohort = Move(id, *members, merges);
    if (!of_cohort.gone.empty()) moved.push_back(std::move(of_cohort));
  }
  if (moved.empty()) return absl::OkStatus();
  return objects_->Change(team, [&](ObjectStore::Transaction* transaction) {
    for (const MovedMembers& of_cohort : moved) {
      transaction->RemoveMembers(of_cohort.cohort_id,
                                 {of_cohort.gone.begin(), of_cohort.gone.end()});
      transaction->AddMembers(of_cohort.cohort_id, {of_cohort.come.begin(), of_cohort.come.end()});
    }
    return absl::OkStatus();
  });
}

absl::Status CohortMembership::PersonsMerged(std::span<const PersonMerge> merges) {
  while (!merges.empty()) {
    size_t count = 1;
    while (count < merges.size() && merges[count].team_id == merges[0].team_id) ++count;
    HOGLET_RETURN_IF_ERROR(MergeInTeam(merges.first(count)));
    merges = merges.subspan(count);
  }
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
