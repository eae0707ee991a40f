#pragma once

#include "query/analyze/function_catalog.h"

// The function library: every scalar and aggregate function of the engine, under ClickHouse's names
// and with ClickHouse's types.
//
// How it is built: one file a topic, each with a table of (name, binder). A binder looks at the
// argument types and returns a kernel, a function over flat or constant vectors; kernel.h adds what
// all functions share: NULL propagation, evaluation of constants on one row, and of dictionary
// columns on the dictionary alone. aggregate.h does the same for aggregate states; combinators wrap
// any aggregate. Names are exact: HogQL's own spelling and case rules are the analyzer's.

namespace hoglet {

// The one catalogue. Immutable, thread-safe, lives as long as the process.
const FunctionCatalog& BuiltinFunctions();

// The names of all its scalar functions, in ascending order.
std::vector<std::string_view> BuiltinScalarFunctionNames();

}  // namespace hoglet
