#pragma once

#include <random>
#include <string>
#include <vector>

#include "query/functions/functions.h"

// Runs aggregates over columns given as values, in every way the engine does: all rows into one
// state, row by row, in parts whose states are written, read and merged, over dictionaries.

namespace hoglet {

struct TestColumn {
  Type type;
  std::vector<Datum> values;
};
using TestColumns = std::vector<TestColumn>;

// Short forms of lists and texts.
inline Datum Text(std::string text) { return Datum(std::move(text)); }
inline Datum List(std::vector<Datum> values) { return Datum(std::move(values)); }

absl::StatusOr<std::unique_ptr<AggregateFunction>> BindTest(const std::string& name,
                                                            const std::vector<Datum>& parameters,
                                                            const std::vector<Type>& types,
                                                            bool distinct = false);

struct RunResult {
  absl::Status status;
  Datum value;
  Type type;
};

// All rows at once.
RunResult RunWhole(const std::string& name, const std::vector<Datum>& parameters,
                   const TestColumns& columns);

// The same in every other way; "" or the way that gave another result. `random` chooses the parts.
std::string CheckAllWays(const std::string& name, const std::vector<Datum>& parameters,
                         const TestColumns& columns, std::mt19937_64& random);

// Equal but for rounding.
bool AboutEqual(const Datum& a, const Datum& b);
std::string DatumText(const Datum& value);

}  // namespace hoglet
