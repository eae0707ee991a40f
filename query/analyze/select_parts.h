#pragma once

#include <string>
#include <utility>
#include <vector>

#include "query/analyze/binder.h"

namespace hoglet::analysis {

// The clauses of one SELECT, bound.
struct Binder::SelectParts {
  std::vector<SelectItem> items;
  ExprPtr where;
  ExprPtr having;
  ExprPtr qualify;
  std::vector<ExprPtr> group_by;
  std::vector<std::vector<size_t>> grouping_sets;  // positions in group_by
  bool grouped = false;
  std::vector<std::pair<ExprPtr, bool>> order_by;
  std::vector<ExprPtr> limit_by;
};

}  // namespace hoglet::analysis
