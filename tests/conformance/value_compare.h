#pragma once

#include <string>
#include <string_view>

#include "src/base/vector/vector.h"

namespace hoglet {

// Compares one result value with the JSON of a vector file (spec hogql-functions.md section 1):
// wide integers and decimals are strings, nan and infinities are strings, times are text in their
// type's zone. `tolerance` is relative for floats, absolute near zero. Returns "" if they agree,
// otherwise what was got.
std::string CompareWithExpected(const Vector& column, size_t row, std::string_view expected_json,
                                double tolerance);

}  // namespace hoglet
