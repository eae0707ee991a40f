#pragma once

#include "query/exec/operator.h"

namespace hoglet {

// Runs every subquery that stands in an expression of `plan` (and inside those subqueries,
// innermost first) and puts its result in its place: a constant for a scalar subquery, a look-up in
// a set for IN (SELECT ...).
absl::Status ResolveSubqueries(Plan& plan, ExecContext& context);

}  // namespace hoglet
