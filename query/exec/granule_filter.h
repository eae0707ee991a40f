#pragma once

#include <optional>
#include <string>
#include <vector>

#include "query/exec/expression.h"
#include "storage/scan.h"

namespace hoglet {

// The rows of one granule that a scan's filter leaves, and the columns read so far, dense over
// those rows.
struct GranuleRows {
  bool all = true;  // every row of the granule; otherwise `rows`
  Selection rows;
  size_t count = 0;
  std::vector<Vector> columns;  // by scan column
  std::vector<bool> have;
};

// Reading a table with the filter above it: conjunct after conjunct, each over the rows the earlier
// ones left, its columns decoded only then; other columns are read when asked for, for the
// survivors. Immutable and thread-safe once made; the plans outlive it.
class GranuleFilter {
 public:
  // `filter` may be null.
  GranuleFilter(const Plan& scan, const Plan* filter);

  bool keeps_all() const { return conjuncts_.empty() && scan_.sample_ratio >= 1; }
  const Plan& scan() const { return scan_; }
  const Type& type(size_t column) const { return scan_.output[column].type; }

  // `time`: bounds of the granule's timestamps, if known: comparisons of them with constants are
  // then not made row by row where the bounds decide them.
  absl::StatusOr<GranuleRows> Run(EvalContext& context, GranuleReader& reader,
                                  std::optional<TableScan::TimeRange> time) const;
  // Reads a column for the rows left, if it has not been read yet.
  absl::Status Load(GranuleReader& reader, size_t column, GranuleRows* rows) const;

 private:
  struct Conjunct {
    CompiledExpression condition;
    // The timestamp column, if the condition compares nothing but that with a constant: it can then
    // only change once between the earliest and the latest.
    std::optional<size_t> time_column;
  };

  absl::Status Sample(GranuleReader& reader, GranuleRows* rows) const;
  // What a condition is for all rows of the granule, if the bounds tell.
  absl::StatusOr<std::optional<bool>> Decided(EvalContext& context, const Conjunct& conjunct,
                                              const TableScan::TimeRange& time) const;

  const Plan& scan_;
  std::vector<Conjunct> conjuncts_;
  size_t sample_column_ = 0;
};

}  // namespace hoglet
