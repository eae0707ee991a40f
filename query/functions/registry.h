#pragma once

#include "query/functions/kernel.h"

// The tables of scalar functions, one a topic file.

namespace hoglet::fn {

std::span<const ScalarEntry> ArithmeticFunctions();
std::span<const ScalarEntry> ComparisonFunctions();
std::span<const ScalarEntry> SetFunctions();
std::span<const ScalarEntry> LogicFunctions();
std::span<const ScalarEntry> ConditionalFunctions();
std::span<const ScalarEntry> ConversionFunctions();
std::span<const ScalarEntry> StringFunctions();
std::span<const ScalarEntry> StringSearchFunctions();
std::span<const ScalarEntry> RegexFunctions();
std::span<const ScalarEntry> UrlFunctions();
std::span<const ScalarEntry> JsonFunctions();
std::span<const ScalarEntry> DateTimeFunctions();
std::span<const ScalarEntry> DateArithmeticFunctions();
std::span<const ScalarEntry> DateFormatFunctions();
std::span<const ScalarEntry> DateParseFunctions();
std::span<const ScalarEntry> ArrayFunctions();
std::span<const ScalarEntry> AlignedArrayFunctions();
std::span<const ScalarEntry> ArrayLambdaFunctions();
std::span<const ScalarEntry> TupleFunctions();
std::span<const ScalarEntry> MapFunctions();
std::span<const ScalarEntry> HashFunctions();
std::span<const ScalarEntry> IpFunctions();
std::span<const ScalarEntry> MathFunctions();
std::span<const ScalarEntry> GeoFunctions();
std::span<const ScalarEntry> BitFunctions();
std::span<const ScalarEntry> EncodingFunctions();
std::span<const ScalarEntry> SplitFunctions();
std::span<const ScalarEntry> MiscFunctions();
std::span<const ScalarEntry> ChannelFunctions();

// The NULL of type Nullable(Nothing), whatever the arguments.
Bound NullResult();
// A function that gives its first argument under another type.
Bound Identity(Type type);
// Another function of the catalogue, to be called from a kernel. Its own NULL handling applies.
absl::StatusOr<std::shared_ptr<ScalarFunction>> BindOther(const Call& call, std::string_view name,
                                                          std::span<const FunctionArgument> args);

}  // namespace hoglet::fn
