#pragma once

#include <vector>

#include "query/analyze/logical_plan.h"
#include "query/exec/batch.h"

namespace hoglet {

// Order of two values by ClickHouse's rules, ascending: <0, 0, >0. NULL and NaN sort after
// everything in both directions, which is why the direction is an argument: they never swap. Arrays
// and tuples compare element by element.
int CompareValues(const Vector& a, size_t row_a, const Vector& b, size_t row_b,
                  bool descending = false);

// Order of two rows by sort keys.
int CompareRows(const Batch& a, size_t row_a, const Batch& b, size_t row_b,
                const std::vector<SortKey>& keys);

// The first sort key's values as numbers whose unsigned order is the wanted order, as far as 64
// bits go: rows with different words need no further comparison.
struct SortWords {
  std::vector<uint64_t> words;
  bool exact = true;  // equal words are equal values
};
SortWords SortWordsOf(const Vector& column, size_t rows, bool descending);

// Row numbers of `batch` in sorted order (stable); only the first `limit` are in their places if it
// is given.
std::vector<uint32_t> SortedRows(const Batch& batch, const std::vector<SortKey>& keys,
                                 size_t limit = ~size_t{0});

}  // namespace hoglet
