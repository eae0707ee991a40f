#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "query/exec/batch.h"
#include "src/base/bytes.h"

// Rows as bytes, column by column, for temporary files. Both sides know the columns' types; that a
// column is nullable after all is in the bytes.

namespace hoglet {

// Gathers rows of batches, few or many at a time, into the bytes of one batch.
class RowBuffer {
 public:
  // Batches have columns of these types, which may be nullable where the types are not.
  explicit RowBuffer(const std::vector<Type>& types);
  RowBuffer(RowBuffer&&) noexcept;
  RowBuffer& operator=(RowBuffer&&) noexcept;
  ~RowBuffer();

  // Rows at these positions; rows() stays within kVectorRowsMax.
  void Add(const Batch& batch, const uint32_t* positions, size_t count);
  size_t rows() const { return rows_; }
  size_t bytes() const;
  // Appends the batch to `out` and begins a new one.
  void Flush(std::string* out);

 private:
  class Column;
  std::vector<Column> columns_;
  size_t rows_ = 0;
};

// Reads what Flush() has appended: flat columns. kDataLoss for anything else; what it allocates is
// bounded by the bytes that are left.
absl::StatusOr<Batch> DecodeBatch(ByteReader& reader, const std::vector<Type>& types);

}  // namespace hoglet
