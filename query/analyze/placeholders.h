#pragma once

#include "absl/status/status.h"
#include "query/analyze/analyzer.h"

namespace hoglet::analysis {

// Puts the context's values into {name}, {variables.x} and {filters...} of the tree (spec hogql.md
// section 14). `query` itself may be replaced.
absl::Status FillPlaceholders(hogql::ExprPtr* query, const AnalyzeContext& context);

}  // namespace hoglet::analysis
