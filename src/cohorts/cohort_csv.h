#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace hoglet {

inline constexpr size_t kCohortCsvIdsMax = 1'000'000;

// Who a file lists, for a static cohort.
struct CohortCsv {
  enum class Kind : uint8_t { kDistinctIds, kPersonIds, kEmails };
  Kind kind = Kind::kDistinctIds;
  std::vector<std::string> ids;  // each once, sorted
};

// Reads a CSV file (RFC 4180, UTF-8). One column holds distinct ids, unless its first line names
// another kind. With several columns the first line names them, and of those known the one that
// says most is taken: person_id, then distinct_id, then email. kInvalidArgument for a file that
// holds no ids, too many, none of the columns, or is not UTF-8.
absl::StatusOr<CohortCsv> ReadCohortCsv(std::string_view file);

}  // namespace hoglet
