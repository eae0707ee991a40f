#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"
#include "include/hoglet/scan_request.h"
#include "include/hoglet/status.h"
#include "src/base/vector/vector.h"

// How the executor reads a table: a snapshot divided into granules, each opened by one thread, each
// column decoded only when asked for.
//
// A scan is bound to one team when it is opened and yields no other team's rows, whatever the query
// says.

namespace hoglet {

// One granule: at most kVectorRowsMax rows. Used by one thread.
class GranuleReader {
 public:
  virtual ~GranuleReader() = default;
  virtual size_t rows() const = 0;
  // Rows that are not masked (deleted or replaced); null when all are live.
  virtual const Selection* live() const = 0;
  size_t live_rows() const { return live() == nullptr ? rows() : live()->size(); }
  // All rows, dense. Repeated reads of a column are cheap. Low-cardinality columns come in
  // dictionary form, and every granule of one part then shares the dictionary object, so that
  // callers can cache what they computed on it. kDataLoss names file and place.
  virtual absl::StatusOr<Vector> Read(const ColumnRef& column) = 0;
  // Only the rows of `selection`.
  virtual absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) = 0;
};

// A consistent snapshot of a table for one team. Thread-safe; holds what it reads alive.
class TableScan {
 public:
  virtual ~TableScan() = default;
  virtual size_t granule_count() const = 0;
  // Rows of a granule before masks; and bounds of the timestamp column where known.
  virtual size_t granule_rows(size_t granule) const = 0;
  struct TimeRange {
    int64_t min_us;
    int64_t max_us;
  };
  virtual std::optional<TimeRange> granule_time(size_t granule) const = 0;
  virtual absl::StatusOr<std::unique_ptr<GranuleReader>> OpenGranule(size_t granule) const = 0;
  // Rows of all granules that are live.
  virtual absl::StatusOr<uint64_t> CountRows() const {
    uint64_t rows = 0;
    for (size_t granule = 0; granule < granule_count(); ++granule) {
      HOGLET_ASSIGN_OR_RETURN(const auto reader, OpenGranule(granule));
      rows += reader->live_rows();
    }
    return rows;
  }
};

// A table that can be scanned. Thread-safe.
class ScannableTable {
 public:
  virtual ~ScannableTable() = default;
  // The type a column reads as; kNotFound if there is none.
  virtual absl::StatusOr<Type> ColumnType(const ColumnRef& column) const = 0;
  virtual absl::StatusOr<std::unique_ptr<TableScan>> OpenScan(TeamId team,
                                                              const ScanFilter& filter) const = 0;
};

}  // namespace hoglet
