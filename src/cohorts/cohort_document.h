#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"

namespace hoglet {

// A cohort as it is kept (ObjectKind::kCohort). Who is in it is kept beside it.
struct Cohort {
  int64_t id = 0;
  std::string name;
  std::string description;
  std::string groups_json = "[]";  // as old clients sent it
  std::string filters_json;        // as sent; empty: none
  std::string query_json;          // what filled a static cohort; empty: none
  std::string cohort_type;         // empty: null
  bool is_static = false;
  bool is_deleted = false;
  // A calculation was asked for and has not ended.
  bool is_calculating = false;
  int64_t requests = 0;    // calculations asked for
  int64_t created_by = 0;  // user
  int64_t created_at_us = 0;
  int64_t last_calculation_us = 0;  // 0: never
  int64_t errors_calculating = 0;   // since the last that went well
  int64_t last_error_at_us = 0;
  int64_t version = 0;  // calculations that went well
};

// A JSON object with the names of the REST API; `created_by` is a number and the moments are
// microseconds. kDataLoss if it is none of ours.
std::string WriteCohort(const Cohort& cohort);
absl::StatusOr<Cohort> ReadCohort(std::string_view json);

}  // namespace hoglet
