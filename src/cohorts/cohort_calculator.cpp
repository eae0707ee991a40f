#include "src/cohorts/cohort_calculator.h"

#include <algorithm>
#include <chrono>

#include "include/hoglet/status.h"
#include "src/base/logging.h"
#include "src/base/strings.h"
#include "src/base/thread_pool.h"
#include "src/base/uuid.h"
#include "src/base/vector/vector.h"
#include "storage/schema.h"

namespace hoglet {
namespace {

// Events that come in, and queries that somebody waits for, go first.
constexpr int kCalculatorNice = 10;

absl::Status AppendMembers(const Vector& column, std::vector<Uuid>* members) {
  const bool is_uuid = column.type().kind() == TypeKind::kUuid;
  if (!is_uuid && column.type().physical() != Physical::kString)
    return absl::InvalidArgumentError("The query's persons must be UUIDs.");
  for (size_t i = 0; i < column.size(); ++i) {
    if (column.IsNull(i)) continue;
    if (is_uuid) {
      members->push_back(Int128ToUuid(VectorReader<Int128>(column).at(i)));
    } else if (const auto uuid = ParseUuid(VectorReader<std::string_view>(column).at(i))) {
      members->push_back(*uuid);
    }
  }
  return absl::OkStatus();
}

// Unless it has changed since: then it is calculated again anyway.
bool IsSameDefinition(const Cohort& a, const Cohort& b) {
  return a.filters_json == b.filters_json && a.is_static == b.is_static &&
         a.is_deleted == b.is_deleted;
}

absl::StatusOr<Cohort> FindCohort(const ObjectStore& objects, TeamId project, int64_t id) {
  const ObjectJson json = objects.Find(project, ObjectKind::kCohort, id);
  if (json == nullptr) return absl::NotFoundError(StrCat("There is no cohort ", id, "."));
  return ReadCohort(*json);
}

}  // namespace

absl::StatusOr<std::vector<Uuid>> MembersOf(const QueryResult& result, size_t column,
                                            uint64_t members_max) {
  uint64_t rows = 0;
  for (const auto& batch : result.batches) rows += batch[column].size();
  if (rows > members_max) {
    return absl::ResourceExhaustedError(
        StrCat("A cohort may hold at most ", members_max, " persons."));
  }
  std::vector<Uuid> members;
  members.reserve(rows);
  for (const auto& batch : result.batches)
    HOGLET_RETURN_IF_ERROR(AppendMembers(batch[column], &members));
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return members;
}

CohortCalculator::CohortCalculator(const Parts& parts, const Options& options)
    : parts_(parts), options_(options) {
  Resume();
  thread_ = std::thread([this] { Run(); });
}

CohortCalculator::~CohortCalculator() { Stop(); }

void CohortCalculator::Stop() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
    cancelled_->store(true);
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CohortCalculator::Request(TeamId project, int64_t cohort_id) {
  const Key key{project, cohort_id};
  {
    std::lock_guard lock(mutex_);
    if (std::find(requests_.begin(), requests_.end(), key) != requests_.end()) return;
    requests_.push_back(key);
  }
  changed_.notify_all();
}

void CohortCalculator::Resume() {
  for (const Project& project : parts_.metadata->Projects()) {
    const auto all = parts_.objects->All(project.id, ObjectKind::kCohort);
    for (const auto& [id, json] : *all) {
      const auto cohort = ReadCohort(*json);
      if (cohort.ok() && cohort->is_calculating && !cohort->is_static) Request(project.id, id);
    }
  }
}

void CohortCalculator::Run() {
  SetThreadName("cohorts");
  LowerThreadPriority(kCalculatorNice);
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (!requests_.empty()) {
      const Key key = requests_.front();
      requests_.pop_front();
      lock.unlock();
      // Stored with the cohort.
      Calculate(key.first, key.second).IgnoreError();
      lock.lock();
      continue;
    }
    const bool is_wanted = changed_.wait_for(lock, std::chrono::microseconds(options_.interval_us),
                                             [this] { return is_stopping_ || !requests_.empty(); });
    if (is_wanted) continue;
    lock.unlock();
    CalculateDue();
    lock.lock();
  }
}

bool CohortCalculator::IsDue(const Cohort& cohort, int64_t now_us) const {
  if (cohort.is_static || cohort.is_deleted || cohort.errors_calculating > options_.errors_max)
    return false;
  if (cohort.last_calculation_us > now_us - options_.age_us_max) return false;
  int64_t delay_us = cohort.errors_calculating > 0 ? options_.error_delay_us : 0;
  for (int64_t i = 1; i < cohort.errors_calculating && delay_us < kMicrosPerDay; ++i) delay_us *= 2;
  return cohort.last_error_at_us + std::min(delay_us, kMicrosPerDay) <= now_us;
}

size_t CohortCalculator::CalculateDue() {
  const int64_t now_us = parts_.env->NowMicros();
  std::vector<std::pair<int64_t, Key>> due;
  for (const Project& project : parts_.metadata->Projects()) {
    const auto all = parts_.objects->All(project.id, ObjectKind::kCohort);
    for (const auto& [id, json] : *all) {
      const auto cohort = ReadCohort(*json);
      if (cohort.ok() && IsDue(*cohort, now_us))
        due.push_back({cohort->last_calculation_us, {project.id, id}});
    }
  }
  std::sort(due.begin(), due.end());  // the oldest first
  size_t calculated = 0;
  for (const auto& [last_us, key] : due) {
    // Those that somebody waits for go first; the rest is due the next time.
    {
      std::lock_guard lock(mutex_);
      if (is_stopping_ || !requests_.empty()) break;
    }
    std::set<int64_t> done;
    std::lock_guard calculating(calculating_);
    CalculateTree(key.first, key.second, now_us - options_.age_us_max, &done).IgnoreError();
    ++calculated;
  }
  return calculated;
}

absl::Status CohortCalculator::Calculate(TeamId project, int64_t cohort_id) {
  std::set<int64_t> done;
  std::lock_guard calculating(calculating_);
  return CalculateTree(project, cohort_id, /*fresh_us=*/parts_.env->NowMicros() + 1, &done);
}

absl::Status CohortCalculator::CalculateTree(TeamId project, int64_t cohort_id, int64_t fresh_us,
                                             std::set<int64_t>* done) {
  if (!done->insert(cohort_id).second) return absl::OkStatus();
  HOGLET_ASSIGN_OR_RETURN(const Cohort cohort, FindCohort(*parts_.objects, project, cohort_id));
  if (cohort.is_static || cohort.is_deleted || cohort.last_calculation_us > fresh_us)
    return absl::OkStatus();
  const std::string filters = cohort.filters_json.empty() ? "{}" : cohort.filters_json;
  const auto condition = ParseCohortFilters(filters);
  absl::Status status = condition.status();
  if (status.ok() && condition->has_value()) {
    for (const int64_t id : CohortsIn(**condition)) {
      const absl::Status of_other = CalculateTree(project, id, fresh_us, done);
      if (absl::IsCancelled(of_other)) return of_other;
      // It goes on with whom it had before.
    }
  }
  if (status.ok()) {
    auto members = FindMembers(project, cohort, *condition);
    status = members.ok() ? StoreMembers(project, cohort, *std::move(members)) : members.status();
  }
  if (!status.ok() && !absl::IsCancelled(status)) StoreError(project, cohort, status);
  return status;
}

absl::StatusOr<std::string> CohortCalculator::QueryText(TeamId project,
                                                        const CohortCondition& condition) const {
  CohortQueryContext context;
  context.now_us = parts_.env->NowMicros();
  if (const auto found = parts_.metadata->FindProject(project); found.has_value()) {
    if (const auto zone = TimeZone::Load(found->timezone); zone.ok()) context.timezone = *zone;
  }
  if (parts_.property_type) {
    context.property_type = [this, project](bool is_of_event, std::string_view key) {
      return parts_.property_type(project, is_of_event, key);
    };
  }
  return BuildCohortQuery(condition, context);
}

absl::StatusOr<std::vector<Uuid>> CohortCalculator::FindMembers(
    TeamId project, const Cohort& cohort, const std::optional<CohortCondition>& condition) {
  if (!condition.has_value()) return std::vector<Uuid>();
  QueryRequest request;
  HOGLET_ASSIGN_OR_RETURN(request.text, QueryText(project, *condition));
  request.team_id = project;
  request.limit_context = LimitContext::kCohortCalculation;
  request.timeout_us = options_.timeout_us;
  request.rows_max = options_.members_max + 1;
  request.client_query_id = StrCat("cohort-", cohort.id);
  request.cancelled = cancelled_;
  HOGLET_ASSIGN_OR_RETURN(const QueryResult result, parts_.engine->Run(request));
  return MembersOf(result, 0, options_.members_max);
}

absl::Status CohortCalculator::StoreMembers(TeamId project, const Cohort& calculated,
                                            std::vector<Uuid> members) {
  HOGLET_RETURN_IF_ERROR(CheckMemberCount(*parts_.objects, project, calculated.id, members.size()));
  const int64_t now_us = parts_.env->NowMicros();
  return parts_.objects->Change(project, [&](ObjectStore::Transaction* transaction) {
    const ObjectJson json = transaction->Find(ObjectKind::kCohort, calculated.id);
    if (json == nullptr) return absl::OkStatus();
    HOGLET_ASSIGN_OR_RETURN(Cohort cohort, ReadCohort(*json));
    if (!IsSameDefinition(cohort, calculated)) return absl::OkStatus();
    cohort.is_calculating = cohort.requests != calculated.requests;
    cohort.last_calculation_us = now_us;
    cohort.errors_calculating = 0;
    ++cohort.version;
    transaction->SetMembers(cohort.id, std::move(members));
    transaction->Put(ObjectKind::kCohort, cohort.id, WriteCohort(cohort));
    return absl::OkStatus();
  });
}

void CohortCalculator::StoreError(TeamId project, const Cohort& failed, const absl::Status& error) {
  LogWarning("cohort not calculated",
             {{"project", project}, {"cohort", failed.id}, {"error", error}});
  const int64_t now_us = parts_.env->NowMicros();
  const absl::Status stored =
      parts_.objects->Change(project, [&](ObjectStore::Transaction* transaction) {
        const ObjectJson json = transaction->Find(ObjectKind::kCohort, failed.id);
        if (json == nullptr) return absl::OkStatus();
        HOGLET_ASSIGN_OR_RETURN(Cohort cohort, ReadCohort(*json));
        if (!IsSameDefinition(cohort, failed)) return absl::OkStatus();
        cohort.is_calculating = cohort.requests != failed.requests;
        ++cohort.errors_calculating;
        cohort.last_error_at_us = now_us;
        transaction->Put(ObjectKind::kCohort, cohort.id, WriteCohort(cohort));
        return absl::OkStatus();
      });
  if (!stored.ok()) LogWarning("cohort's error not stored", {{"error", stored}});
}

}  // namespace hoglet
