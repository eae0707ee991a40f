#pragma once

#include <memory>

#include "query/analyze/logical_plan.h"
#include "query/exec/column_numbers.h"

namespace hoglet {

// True if the result is the number of distinct values of the one argument.
bool CountsDistinct(const AggregateCall& call);

// `plain`, the function of such a call, for arguments that are dictionaries with numbers: sets of
// numbers, and then bitmaps, in the place of sets of hashes. Values that have no numbers are left
// to `plain`, in the same state. Its states are serialized as those of `plain`. The numbers are of
// strings or of 128-bit values.
std::shared_ptr<const AggregateFunction> MakeNumberedDistinct(
    std::shared_ptr<const AggregateFunction> plain, std::shared_ptr<ColumnNumbers> numbers);

}  // namespace hoglet
