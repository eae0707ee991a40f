#pragma once

#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "query/analyze/function_catalog.h"

// Random arguments for scalar functions: types, constants that functions ask for by position
// (units, zones, formats, paths, type names), and values full of edges.

namespace hoglet {

using Random = std::mt19937_64;

// A position in [0, count).
inline size_t Pick(Random& random, size_t count) { return random() % count; }

// One of the types that columns and intermediate results have; now and then nullable.
Type RandomType(Random& random);
// A constant that some binder may want: its type is String or an integer.
FunctionArgument RandomConstant(Random& random);
// A value of the type; NULL now and then if the type is nullable.
Datum RandomValue(Random& random, const Type& type);

}  // namespace hoglet
