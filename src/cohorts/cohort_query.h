#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "src/base/time.h"
#include "src/cohorts/cohort_definition.h"

namespace hoglet {

// What a property's values are read as, by the project's definitions.
enum class CohortPropertyType : uint8_t { kText, kNumber, kBoolean, kMoment };

struct CohortQueryContext {
  int64_t now_us = 0;
  TimeZone timezone;  // of the project: dates without a zone are in it, and days begin by it
  // Of person properties, or of event properties. Null: all are text.
  std::function<CohortPropertyType(bool is_of_event, std::string_view key)> property_type;
};

// One HogQL SELECT with the column `id`: the living persons for whom the tree holds, each once. It
// goes through the persons once; what they did, and other cohorts, are sets beside.
//
// What somebody does not have is not equal to anything, so negated operators hold for it; without
// conditions neither an AND nor an OR holds for anybody. Times back from now begin with the day
// (those of hours and minutes do not), except where events are counted. kInvalidArgument if the
// text would be longer than a query may be.
absl::StatusOr<std::string> BuildCohortQuery(const CohortCondition& condition,
                                             const CohortQueryContext& context);

}  // namespace hoglet
