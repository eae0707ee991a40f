#pragma once

#include <memory>

#include "src/metadata/object_store.h"
#include "storage/scan.h"

namespace hoglet {

// Who is in the static, or in the dynamic cohorts of a project: person_id, cohort_id, and for
// dynamic ones the sign and version that PostHog's table has, here always 1 and kCohortVersion, as
// only the members of the last calculation are kept. Rows are read from the store's own memory, and
// a scan shows one moment of each cohort. Deleted cohorts have no rows. `objects` outlives it.
std::unique_ptr<ScannableTable> CohortPeopleTable(const ObjectStore* objects, bool is_static);

// The version of all rows: a query that began before a calculation must still find them after it.
inline constexpr int64_t kCohortVersion = 0;

}  // namespace hoglet
