#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/query_engine.h"
#include "src/cohorts/cohort_document.h"
#include "src/cohorts/cohort_members.h"
#include "src/cohorts/cohort_query.h"
#include "src/metadata/metadata_store.h"
#include "src/metadata/object_store.h"

namespace hoglet {

// Finds out who is in the dynamic cohorts: soon when asked to, and again when what is known is
// older than age_us_max. One cohort at a time, those it refers to first, on a thread of its own
// that stands back behind others. A cohort that fails is tried again later and later, and after
// errors_max failures only when asked to.
//
// What a calculation holds in memory is bounded by the engine's limit for one query and by
// members_max persons at 16 bytes. Thread-safe.
class CohortCalculator {
 public:
  struct Parts {
    Env* env = nullptr;
    QueryEngine* engine = nullptr;
    ObjectStore* objects = nullptr;
    const MetadataStore* metadata = nullptr;
    // Null: all properties are text.
    std::function<CohortPropertyType(TeamId project, bool is_of_event, std::string_view key)>
        property_type;
  };
  struct Options {
    int64_t age_us_max = 15 * kMicrosPerMinute;
    // Between looks at what is due. The first is after as long.
    int64_t interval_us = kMicrosPerMinute;
    // After n errors in a row n-th are waited this often doubled, up to a day.
    int64_t error_delay_us = 30 * kMicrosPerMinute;
    int64_t errors_max = 20;
    int64_t timeout_us = 600 * kMicrosPerSecond;
    uint64_t members_max = kMembersPerCohortMax;
  };

  // What `parts` points to outlives it. Goes on with what was asked for before the process ended.
  CohortCalculator(const Parts& parts, const Options& options);
  explicit CohortCalculator(const Parts& parts) : CohortCalculator(parts, Options()) {}
  // Stop().
  ~CohortCalculator();

  // To be calculated soon; once, however often it is asked for meanwhile.
  void Request(TeamId project, int64_t cohort_id);
  // Calculates it, and the cohorts it refers to, now. An error is stored with the cohort, too, but
  // for kCancelled: the calculator is being stopped. Nothing to do for static and deleted ones.
  absl::Status Calculate(TeamId project, int64_t cohort_id);
  // Calculates what is due now; the number of cohorts that were.
  size_t CalculateDue();
  // What finds the persons for whom these conditions hold now: HogQL with the column `id`.
  absl::StatusOr<std::string> QueryText(TeamId project, const CohortCondition& condition) const;
  // Ends what is under way. May be called more than once.
  void Stop();

 private:
  using Key = std::pair<TeamId, int64_t>;

  void Run();
  void Resume();
  bool IsDue(const Cohort& cohort, int64_t now_us) const;
  // `done`: what need not be calculated again. `fresh_us`: nor what was calculated since.
  absl::Status CalculateTree(TeamId project, int64_t cohort_id, int64_t fresh_us,
                             std::set<int64_t>* done);
  absl::StatusOr<std::vector<Uuid>> FindMembers(TeamId project, const Cohort& cohort,
                                                const std::optional<CohortCondition>& condition);
  absl::Status StoreMembers(TeamId project, const Cohort& calculated, std::vector<Uuid> members);
  void StoreError(TeamId project, const Cohort& cohort, const absl::Status& error);

  const Parts parts_;
  const Options options_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
  std::mutex calculating_;  // held during a calculation
  std::mutex mutex_;        // guards what follows
  std::condition_variable changed_;
  std::deque<Key> requests_;
  bool is_stopping_ = false;
  std::thread thread_;
};

// The persons in the first column of a result, which holds UUIDs or their texts; sorted, each once.
// kInvalidArgument for another column, kResourceExhausted for more than `members_max`.
absl::StatusOr<std::vector<Uuid>> MembersOf(const QueryResult& result, size_t column,
                                            uint64_t members_max);

}  // namespace hoglet
