#pragma once

#include <string_view>

#include "storage/scan.h"

namespace hoglet {

// The tables a query can scan, by the names the analyzer uses ("events", "persons",
// "person_distinct_ids", ...). Thread-safe.
class TableCatalog {
 public:
  virtual ~TableCatalog() = default;
  // Null if there is none. The table outlives every query.
  virtual const ScannableTable* Find(std::string_view name) const = 0;
};

}  // namespace hoglet
