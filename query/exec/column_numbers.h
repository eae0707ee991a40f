#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "query/analyze/logical_plan.h"
#include "query/exec/interner.h"
#include "src/base/strings.h"

// Numbers for the values of stored columns, kept between queries. Every part has a dictionary of
// its own, so a query that groups by a column would look each value of each dictionary up in a hash
// table, every time. A column that has been grouped by once keeps the numbers of its dictionaries'
// values instead: equal values have equal numbers, whatever dictionary they are in.

namespace hoglet {

struct DictionaryNumbers {
  std::vector<uint32_t> of_code;
  size_t limit = 0;              // the numbers are below
  uint32_t null_number = kNoId;  // NULL's
};

// One column's. Numbers are dense and never change. Thread-safe.
class ColumnNumbers {
 public:
  ColumnNumbers(Type type, uint64_t bytes_max) : values_(std::move(type)), bytes_max_(bytes_max) {}

  // The numbers of a dictionary's values, to be used for so many rows. Null when there are none, or
  // no room for them. They are made once the rows that asked for them, in this query and in those
  // before, are an eighth of the values: a few rows do not pay for numbering all.
  std::shared_ptr<const DictionaryNumbers> Of(const std::shared_ptr<const Vector>& dictionary,
                                              size_t rows = SIZE_MAX);
  // The values that have the numbers, flat; a default for kNoId.
  Vector Values(const uint32_t* numbers, size_t count) const;
  uint64_t MemoryBytes() const;
  // Full, and most values are in no dictionary any longer: better begun anew.
  bool OutOfDate() const;

 private:
  struct Entry {
    std::weak_ptr<const Vector> dictionary;  // the address may be another one's later
    std::shared_ptr<const DictionaryNumbers> numbers;
    size_t rows = 0;  // that asked while there are no numbers
  };
  uint64_t BytesLocked() const { return values_.MemoryBytes() + codes_ * sizeof(uint32_t); }
  void ForgetUnused();

  mutable std::mutex mutex_;
  ColumnInterner values_;
  const uint64_t bytes_max_;
  absl::flat_hash_map<const Vector*, Entry> dictionaries_;
  uint64_t codes_ = 0;  // of all dictionaries
  bool has_refused_ = false;
  size_t forget_above_ = 64;
};

// The numbers of the columns used last, in about `bytes_max`. Thread-safe.
class ColumnNumbersCache {
 public:
  explicit ColumnNumbersCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // Of a plan's output column, if that is a column of a table as it was read; otherwise null.
  std::shared_ptr<ColumnNumbers> Of(const Plan& plan, size_t column);

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<ColumnNumbers> numbers;
  };
  // Least recently used first, but never the newest.
  void Shrink();

  const uint64_t bytes_max_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace hoglet
