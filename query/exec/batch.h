#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "query/analyze/function_catalog.h"
#include "src/base/vector/vector.h"

namespace hoglet {

// Rows on their way through operators: dense columns of equal length, at most kVectorRowsMax rows
// unless an operator says otherwise.
struct Batch {
  std::vector<Vector> columns;
  size_t rows = 0;

  Batch Gather(const Selection& selection) const {
    Batch out;
    out.rows = selection.size();
    out.columns.reserve(columns.size());
    for (const Vector& column : columns) out.columns.push_back(column.Gather(selection));
    return out;
  }
  Batch Slice(size_t begin, size_t count) const {
    Batch out;
    out.rows = count;
    out.columns.reserve(columns.size());
    for (const Vector& column : columns) out.columns.push_back(column.Slice(begin, count));
    return out;
  }
  size_t MemoryBytes() const {
    size_t bytes = sizeof(Batch);
    for (const Vector& column : columns) bytes += column.MemoryBytes();
    return bytes;
  }
};

// All rows of the batches as one (longer than kVectorRowsMax). `types` gives the columns when there
// are no batches.
Batch ConcatBatches(const std::vector<Batch>& batches, const std::vector<Type>& types);

// Bytes charged to a query's budget, given back when this goes out of scope. Not thread-safe.
class MemoryCharge {
 public:
  explicit MemoryCharge(MemoryBudget* budget) : budget_(budget) {}
  MemoryCharge(MemoryCharge&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge(const MemoryCharge&) = delete;
  MemoryCharge& operator=(const MemoryCharge&) = delete;
  ~MemoryCharge() {
    if (budget_ != nullptr && bytes_ > 0) budget_->Release(bytes_);
  }

  absl::Status Add(uint64_t bytes) {
    if (budget_ == nullptr) return absl::OkStatus();
    HOGLET_RETURN_IF_ERROR(budget_->Charge(bytes));
    bytes_ += bytes;
    return absl::OkStatus();
  }
  // Makes the charge `bytes` in all, when it is less.
  absl::Status GrowTo(uint64_t bytes) {
    return bytes > bytes_ ? Add(bytes - bytes_) : absl::OkStatus();
  }
  // Makes the charge `bytes` in all.
  absl::Status Set(uint64_t bytes) {
    if (bytes >= bytes_) return GrowTo(bytes);
    if (budget_ != nullptr) budget_->Release(bytes_ - bytes);
    bytes_ = bytes;
    return absl::OkStatus();
  }
  uint64_t bytes() const { return bytes_; }

 private:
  MemoryBudget* budget_;
  uint64_t bytes_ = 0;
};

}  // namespace hoglet
