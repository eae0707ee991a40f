#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/scan.h"

namespace hoglet {

// A table whose rows are handed over one by one when a scan opens (persons, distinct ids, groups):
// the adapter between a record store and the executor. A scan copies the team's rows into columns,
// so it costs memory in their number; JSON documents are parsed only for the keys that are read.
class RecordTable final : public ScannableTable {
 public:
  struct Column {
    std::string name;
    Type type;
    bool json = false;  // a String column that holds JSON documents
  };
  // Calls `row_done` after each row appended to `columns`, until that returns false. Rows that the
  // filter rules out may be left away.
  using VisitRows = std::function<absl::Status(TeamId team, const ScanFilter& filter,
                                               std::vector<VectorBuilder>& columns,
                                               const std::function<bool()>& row_done)>;

  RecordTable(std::vector<Column> columns, VisitRows visit);

  absl::StatusOr<Type> ColumnType(const ColumnRef& column) const override;
  absl::StatusOr<std::unique_ptr<TableScan>> OpenScan(TeamId team,
                                                      const ScanFilter& filter) const override;

 private:
  std::vector<Column> columns_;
  VisitRows visit_;
};

// One key of JSON documents (a String vector) in the form asked for.
Vector ReadJsonKey(const Vector& documents, const ColumnRef& column);

}  // namespace hoglet
