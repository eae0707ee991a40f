#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/time.h"

namespace hoglet {

// What a value of a property is compared with. Numbers and booleans are kept as their JSON text, as
// flags compare them.
struct CohortValue {
  std::string text;
  std::optional<double> number;  // if the text is one
};

enum class CohortOperator : uint8_t {
  kExact,
  kIsNot,
  kContains,  // icontains
  kNotContains,
  kStartsWith,
  kNotStartsWith,
  kEndsWith,
  kNotEndsWith,
  kRegex,
  kNotRegex,
  kGreater,
  kGreaterOrEqual,
  kLess,
  kLessOrEqual,
  kBetween,
  kNotBetween,
  kIsSet,
  kIsNotSet,
  kDateExact,
  kDateBefore,
  kDateAfter,
};

// A condition on one property.
struct CohortTest {
  enum class Source : uint8_t { kPerson, kEvent, kElement, kExpression };
  Source source = Source::kPerson;
  std::string key;  // for kExpression: canonical HogQL
  CohortOperator op = CohortOperator::kExact;
  std::vector<CohortValue> values;
};

// "30 days".
struct CohortSpan {
  int64_t count = 0;
  TimeUnit unit = TimeUnit::kDay;
};

enum class CohortComparison : uint8_t { kEqual, kGreaterOrEqual, kGreater, kLessOrEqual, kLess };

// What a person did.
struct CohortBehavior {
  enum class Kind : uint8_t {
    kPerformed,
    kPerformedMultiple,
    kPerformedFirstTime,
    kPerformedSequence,
    kPerformedRegularly,
    kStopped,
    kRestarted,
  };
  Kind kind = Kind::kPerformed;
  std::string event;
  CohortSpan span;           // how far back; unused if `from` is set
  std::string from;          // explicit_datetime: absolute, or relative such as "-30d"
  std::string to;            // explicit_datetime_to; empty: now
  CohortSpan second_span;    // of sequences the longest way, otherwise when it stopped
  std::string second_event;  // of sequences
  CohortComparison comparison = CohortComparison::kEqual;  // with `times`
  int64_t times = 0;
  int64_t periods = 0;              // of `span` each
  int64_t periods_min = 0;          // of these
  std::vector<CohortTest> filters;  // on the (first) event
};

// A node of the tree of conditions that says who is in a cohort.
struct CohortCondition {
  enum class Kind : uint8_t { kAll, kAny, kProperty, kCohort, kBehavior };
  Kind kind = Kind::kAll;
  bool is_negated = false;
  std::vector<CohortCondition> children;  // kAll, kAny
  CohortTest test;                        // kProperty
  int64_t cohort_id = 0;                  // kCohort
  CohortBehavior behavior;                // kBehavior
};

inline constexpr uint64_t kCohortFilterBytesMax = 256 << 10;
inline constexpr int kCohortDepthMax = 12;
inline constexpr size_t kCohortLeavesMax = 500;
inline constexpr size_t kCohortValuesMax = 1000;  // of one property
inline constexpr size_t kCohortTextBytesMax = 8 << 10;
inline constexpr int64_t kCohortPeriodsMax = 1000;

// The tree of a cohort's `filters` (spec rest-api.md section 12). Unknown keys and what cannot be
// computed are refused: kInvalidArgument with what the client should read. Without `properties` the
// cohort holds nobody: nullopt.
absl::StatusOr<std::optional<CohortCondition>> ParseCohortFilters(std::string_view json);

// The same criteria as `filters`, from the `groups` of old clients: a list of {"properties": [..]}
// or {"event_id", "days", "count", "count_operator"}, of which one must hold.
absl::StatusOr<std::string> ConvertCohortGroups(std::string_view json);

// The cohorts that a tree refers to, in its order, with repetitions.
std::vector<int64_t> CohortsIn(const CohortCondition& condition);
bool HasBehavior(const CohortCondition& condition);

// A moment as filters write it: "-30d" and "30d" (always in the past; h, d, w, m, q, y), RFC 3339,
// "2024-05-01", "2024-05-01 10:20[:30[.5]]" (in the zone). nullopt for anything else.
std::optional<int64_t> ParseCohortMoment(std::string_view text, int64_t now_us,
                                         const TimeZone& zone);

}  // namespace hoglet
