#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/scan.h"

namespace hoglet {

// A table whose rows are handed over one by one (persons, distinct ids, groups): the adapter
// between a record store and the executor. JSON documents are parsed only for the keys that are
// read.
//
// A scan goes through the rows once when it opens. What fits into Options::kept_bytes_max stays as
// columns; of the rest it remembers where each granule begins and reads it again when it is opened,
// so that its memory does not grow with the table. A granule ends at 4 MiB of texts, for documents
// may be large.
class RecordTable final : public ScannableTable {
 public:
  struct Column {
    std::string name;
    Type type;
    bool json = false;  // a String column that holds JSON documents
  };
  // Says of the row to be appended next, whose texts have so many bytes, whether it is still
  // wanted.
  using NextRow = std::function<bool(std::string_view key, size_t text_bytes)>;
  // Appends the rows from `begin` on ("": the first) to `columns`, in the order of their keys;
  // before each it asks `next`, and ends if that says no. Thread-safe; shows the same rows each
  // time it is called, however the store changes meanwhile.
  using Rows = std::function<absl::Status(
      std::string_view begin, std::vector<VectorBuilder>& columns, const NextRow& next)>;
  // The rows of a team at this moment. Those that the filter rules out may be left away.
  using Freeze = std::function<Rows(TeamId team, const ScanFilter& filter)>;

  struct Options {
    // Rows without keys cannot be read again: a scan of more than kept_bytes_max is refused.
    bool has_keys = true;
    uint64_t kept_bytes_max = 64ull << 20;
  };

  RecordTable(std::vector<Column> columns, Freeze freeze, Options options);
  RecordTable(std::vector<Column> columns, Freeze freeze)
      : RecordTable(std::move(columns), std::move(freeze), Options()) {}

  absl::StatusOr<Type> ColumnType(const ColumnRef& column) const override;
  // kResourceExhausted: see Options::has_keys.
  absl::StatusOr<std::unique_ptr<TableScan>> OpenScan(TeamId team,
                                                      const ScanFilter& filter) const override;

 private:
  std::vector<Column> columns_;
  Freeze freeze_;
  Options options_;
};

// One key of JSON documents (a String vector) in the form asked for.
Vector ReadJsonKey(const Vector& documents, const ColumnRef& column);

}  // namespace hoglet
