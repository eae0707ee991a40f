#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "include/hoglet/event.h"

// Which columns of a table to read, and which rows cannot be of interest: said by the analyzer,
// understood by every table.

namespace hoglet {

// A column to read. Plain columns by `name`. For a JSON column (`properties`, `person_properties`),
// an empty `key` reads the whole document as text, rebuilt losslessly; otherwise one top-level key
// in one of the forms below.
struct ColumnRef {
  enum class Json : uint8_t {
    kWhole,  // String: the document
    kText,  // Nullable(String): HogQL's reading of properties.key (spec hogql.md section 9): absent
            // and null are NULL, strings keep JSON escapes without the outer quotes, numbers and
            // nested values are compact text
    kRaw,   // Nullable(String): the JSON text of the value ("\"a\"", "1", "[1,2]"); NULL when
            // absent; "null" for null
    kNumber,  // Nullable(Float64): accurateCastOrNull(kText, 'Float64')
    kBool,    // Nullable(Bool): true / false for exactly these, as JSON booleans or strings;
              // otherwise NULL
  };
  std::string name;
  std::string key;
  Json json = Json::kWhole;

  friend bool operator==(const ColumnRef&, const ColumnRef&) = default;
};

// Conditions that the caller will check itself row by row; a scan uses them only to leave out
// granules that cannot hold a match. Each is a conjunct; an empty optional is no condition.
struct ScanFilter {
  std::optional<int64_t> timestamp_us_min;  // inclusive
  std::optional<int64_t> timestamp_us_max;  // inclusive
  std::optional<std::vector<std::string>> events;
  std::optional<std::vector<std::string>> distinct_ids;
  std::optional<std::vector<Uuid>> uuids;
  // properties.key equal to one of the texts (kText form).
  struct PropertyIn {
    std::string column;
    std::string key;
    std::vector<std::string> texts;
  };
  std::vector<PropertyIn> properties_in;
};

}  // namespace hoglet
