#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/query/functions/aggregates/aggregate_runner.h"

// Results worked out by hand, each in every way rows can reach an aggregate.

namespace hoglet {
namespace {

const Datum kNull;
const double kNan = std::numeric_limits<double>::quiet_NaN();

TestColumn Ints(std::vector<Datum> values) { return {Type(TypeKind::kInt64), std::move(values)}; }
TestColumn Unsigned(std::vector<Datum> values) {
  return {Type(TypeKind::kUInt64), std::move(values)};
}
TestColumn Bytes(std::vector<Datum> values) { return {Type(TypeKind::kUInt8), std::move(values)}; }
TestColumn Floats(std::vector<Datum> values) {
  return {Type(TypeKind::kFloat64), std::move(values)};
}
TestColumn Texts(std::vector<Datum> values) { return {Type(TypeKind::kString), std::move(values)}; }
TestColumn MaybeInts(std::vector<Datum> values) {
  return {Type(TypeKind::kInt64).Nullable(), std::move(values)};
}
TestColumn IntArrays(std::vector<Datum> values) {
  return {Type::Array(Type(TypeKind::kInt64)), std::move(values)};
}
TestColumn Maps(std::vector<Datum> values) {
  return {Type::Map(Type(TypeKind::kString), Type(TypeKind::kInt64)), std::move(values)};
}

struct ValueCase {
  const char* name;
  std::vector<Datum> parameters;
  TestColumns columns;
  Datum expected;
  const char* type;
};

void PrintTo(const ValueCase& c, std::ostream* out) { *out << c.name; }

class AggregateValues : public testing::TestWithParam<ValueCase> {};

TEST_P(AggregateValues, Are) {
  const ValueCase& c = GetParam();
  const RunResult result = RunWhole(c.name, c.parameters, c.columns);
  ASSERT_TRUE(result.status.ok()) << c.name << ": " << result.status;
  EXPECT_EQ(result.type.Name(), c.type) << c.name;
  EXPECT_TRUE(AboutEqual(result.value, c.expected))
      << c.name << ": " << DatumText(result.value) << ", not " << DatumText(c.expected);
  std::mt19937_64 random(7);
  EXPECT_EQ(CheckAllWays(c.name, c.parameters, c.columns, random), "") << c.name;
}

const TestColumn kFive = Ints({5, 1, 4, 2, 3});
const TestColumn kSix = Ints({6, 5, 1, 4, 2, 3});
const TestColumn kYesNo = Bytes({1, 0, 1, 0, 1});

INSTANTIATE_TEST_SUITE_P(
    Basic, AggregateValues,
    testing::Values(
        ValueCase{"count", {}, {kFive}, 5, "UInt64"},
        ValueCase{"count", {}, {MaybeInts({1, kNull, 3})}, 2, "UInt64"},
        ValueCase{"sum", {}, {kFive}, 15, "Int64"},
        ValueCase{"sum", {}, {MaybeInts({kNull, kNull})}, kNull, "Nullable(Int64)"},
        ValueCase{"sumWithOverflow", {}, {Bytes({200, 100})}, 44, "UInt8"},
        ValueCase{"avg", {}, {kFive}, 3.0, "Float64"},
        ValueCase{"anyHeavy",
                  {},
                  {Texts({Text("b"), Text("a"), Text("a"), Text("c"), Text("a")})},
                  Text("a"),
                  "String"},
        // Values are cut to integers where the weights are integers.
        ValueCase{"avgWeighted", {}, {Floats({1.9, 3.5}), Ints({1, 3})}, 2.5, "Float64"},
        ValueCase{"avgWeighted", {}, {Floats({1.5, 3.5}), Floats({1.0, 3.0})}, 3.0, "Float64"}));

INSTANTIATE_TEST_SUITE_P(
    Moments, AggregateValues,
    testing::Values(
        // 0, 0, 3: mean 1, deviations -1 -1 2, cubes sum 6, fourth powers 18, squares 6.
        ValueCase{"skewPop", {}, {Ints({0, 0, 3})}, 2.0 / std::pow(2.0, 1.5), "Float64"},
        ValueCase{"skewSamp", {}, {Ints({0, 0, 3})}, 2.0 / std::pow(3.0, 1.5), "Float64"},
        ValueCase{"kurtPop", {}, {Ints({0, 0, 3})}, 6.0 / 4.0, "Float64"},
        ValueCase{"kurtSamp", {}, {Ints({0, 0, 3})}, 6.0 / 9.0, "Float64"},
        ValueCase{"kurtSamp", {}, {Ints({1})}, kNan, "Float64"},
        ValueCase{"simpleLinearRegression",
                  {},
                  {Ints({0, 1, 2}), Ints({1, 3, 5})},
                  List({2.0, 1.0}),
                  "Tuple(k Float64, b Float64)"},
        ValueCase{"simpleLinearRegression",
                  {},
                  {Ints({1, 1}), Ints({1, 2})},
                  List({kNan, kNan}),
                  "Tuple(k Float64, b Float64)"}));

INSTANTIATE_TEST_SUITE_P(
    Quantiles, AggregateValues,
    testing::Values(
        ValueCase{"median", {}, {kSix}, 3.5, "Float64"},
        ValueCase{"quantiles", {0.0, 0.25, 1.0}, {kFive}, List({1.0, 2.0, 5.0}), "Array(Float64)"},
        ValueCase{"medianExact", {}, {kSix}, 4, "Int64"},
        ValueCase{"medianExactLow", {}, {kSix}, 3, "Int64"},
        ValueCase{"medianExactLow", {}, {kFive}, 3, "Int64"},
        ValueCase{"medianExactHigh", {}, {kSix}, 4, "Int64"},
        ValueCase{
            "quantilesExact", {0.0, 0.5, 0.9, 1.0}, {kSix}, List({1, 4, 6, 6}), "Array(Int64)"},
        // Between 1 and 2, a quarter of the way: 0.2 * (6 + 1) - 1 = 0.4; 0.2 * (6 - 1) = 1.
        ValueCase{"quantileExactExclusive", {0.2}, {kSix}, 1.4, "Float64"},
        ValueCase{"quantileExactInclusive", {0.2}, {kSix}, 2.0, "Float64"},
        ValueCase{
            "quantileExactWeighted", {0.5}, {Ints({1, 2, 9}), Unsigned({1, 1, 5})}, 9, "Int64"},
        ValueCase{"quantileExact", {0.5}, {Floats({kNan, kNan})}, kNan, "Float64"},
        ValueCase{"medianTiming", {}, {Ints({7, 40000, 9})}, 9.0, "Float32"},
        ValueCase{"quantileTiming", {1}, {Ints({7, 40000, 9})}, 30000.0, "Float32"},
        // 1.01 has no short form: 1.0078125 is the nearest below.
        ValueCase{"medianBFloat16", {}, {Floats({1.01})}, 1.0078125, "Float64"},
        ValueCase{"quantileDeterministic", {0.5}, {Ints({1, 2}), Unsigned({7, 8})}, 1.5, "Float64"},
        ValueCase{"quantileTDigest", {0.5}, {kFive}, 3.0, "Float32"}));

INSTANTIATE_TEST_SUITE_P(
    BitsAndSets, AggregateValues,
    testing::Values(
        ValueCase{"groupBitAnd", {}, {Ints({7, 6})}, 6, "Int64"},
        ValueCase{"groupBitOr", {}, {Bytes({1, 4})}, 5, "UInt8"},
        ValueCase{"groupBitXor", {}, {Ints({7, 5, 1})}, 3, "Int64"},
        ValueCase{"groupBitmap", {}, {Unsigned({3, 3, 9})}, 2, "UInt64"},
        ValueCase{"groupBitmapState", {}, {Unsigned({9, 3, 3})}, List({3, 9}), "Array(UInt64)"},
        ValueCase{
            "groupBitmapAnd", {}, {IntArrays({List({1, 2, 3}), List({2, 3, 4})})}, 2, "Int64"},
        ValueCase{"groupBitmapOr", {}, {IntArrays({List({1, 2}), List({2, 3})})}, 3, "Int64"},
        ValueCase{"groupBitmapXor", {}, {IntArrays({List({1, 2}), List({2, 3})})}, 2, "Int64"},
        ValueCase{"uniqUpTo", {2}, {kFive}, 3, "UInt64"},
        ValueCase{"uniqExact", {}, {Ints({1, 2, 1})}, 2, "UInt64"},
        ValueCase{"topKWeighted",
                  {1},
                  {Texts({Text("a"), Text("a"), Text("b")}), Ints({1, 1, 5})},
                  List({Text("b")}),
                  "Array(String)"}));

INSTANTIATE_TEST_SUITE_P(
    CrossTabs, AggregateValues,
    testing::Values(
        // The second column is the first: everything is known of it.
        ValueCase{"cramersV", {}, {Ints({1, 2, 1, 2}), Ints({5, 6, 5, 6})}, 1.0, "Float64"},
        ValueCase{
            "contingency", {}, {Ints({1, 2, 1, 2}), Ints({5, 6, 5, 6})}, std::sqrt(0.5), "Float64"},
        ValueCase{"theilsU", {}, {Ints({1, 2, 1, 2}), Ints({5, 6, 5, 6})}, 1.0, "Float64"},
        // phi^2 1 - 1/3; both sizes 2 - 1/3; 2/3 over 2/3.
        ValueCase{
            "cramersVBiasCorrected", {}, {Ints({1, 2, 1, 2}), Ints({5, 6, 5, 6})}, 1.0, "Float64"},
        ValueCase{"cramersV", {}, {Ints({1, 1, 2, 2}), Ints({5, 6, 5, 6})}, 0.0, "Float64"},
        ValueCase{"theilsU", {}, {Ints({1}), Ints({1})}, kNan, "Float64"},
        ValueCase{"entropy", {}, {Ints({1, 2, 3, 4})}, 2.0, "Float64"}));

INSTANTIATE_TEST_SUITE_P(
    Series, AggregateValues,
    testing::Values(
        ValueCase{"deltaSum", {}, {Ints({1, 5, 2, 4})}, 6, "Int64"},
        ValueCase{"deltaSum", {}, {Floats({0.5, 2.0})}, 1.5, "Float64"},
        ValueCase{"deltaSumTimestamp", {}, {Ints({1, 5, 2, 4}), Ints({1, 2, 3, 4})}, 6, "Int64"},
        ValueCase{"maxIntersections", {}, {Ints({1, 3, 3, 9}), Ints({4, 5, 6, 10})}, 3, "UInt64"},
        ValueCase{
            "maxIntersectionsPosition", {}, {Ints({1, 3, 3, 9}), Ints({4, 5, 6, 10})}, 3, "Int64"},
        // Where one ends and another begins, they do not overlap.
        ValueCase{"maxIntersections", {}, {Ints({1, 4}), Ints({4, 5})}, 1, "UInt64"},
        ValueCase{"boundingRatio", {}, {Ints({3, 1, 2}), Ints({9, 5, 0})}, 2.0, "Float64"},
        // Half of 4 a unit of time later, plus 2; half of it all, as the weights sum up to 2.
        ValueCase{"exponentialMovingAverage", {1}, {Ints({4, 2}), Ints({0, 1})}, 2.0, "Float64"}));

INSTANTIATE_TEST_SUITE_P(
    Arrays, AggregateValues,
    testing::Values(
        ValueCase{"groupArrayInsertAt",
                  {},
                  {Texts({Text("c"), Text("a")}), Unsigned({2, 0})},
                  List({Text("a"), Text(""), Text("c")}),
                  "Array(String)"},
        ValueCase{"groupArrayInsertAt",
                  {Text("-"), 2},
                  {Texts({Text("c"), Text("a"), Text("b")}), Unsigned({2, 0, 0})},
                  List({Text("a"), Text("-")}),
                  "Array(String)"},
        ValueCase{"groupArrayMovingSum", {2}, {Ints({1, 2, 4})}, List({1, 3, 6}), "Array(Int64)"},
        ValueCase{"groupArrayMovingSum", {}, {Ints({1, 2, 4})}, List({1, 3, 7}), "Array(Int64)"},
        ValueCase{
            "groupArrayMovingAvg", {2}, {Ints({1, 2, 4})}, List({0.5, 1.5, 3.0}), "Array(Float64)"},
        ValueCase{"groupArraySample", {9}, {Ints({1, 2})}, List({1, 2}), "Array(Int64)"},
        ValueCase{"groupArrayLast", {2}, {kFive}, List({2, 3}), "Array(Int64)"},
        ValueCase{
            "sumMappedArrays",
            {},
            {IntArrays({List({2, 1}), List({1, 3})}), IntArrays({List({5, 1}), List({2, 0})})},
            List({List({1, 2}), List({3, 5})}),
            "Tuple(Array(Int64), Array(Int64))"},
        ValueCase{
            "sumMap",
            {},
            {IntArrays({List({2, 1}), List({1, 3})}), IntArrays({List({5, 1}), List({2, 0})})},
            List({List({1, 2}), List({3, 5})}),
            "Tuple(Array(Int64), Array(Int64))"},
        ValueCase{
            "minMap",
            {},
            {IntArrays({List({2, 1}), List({1, 3})}), IntArrays({List({5, 1}), List({2, 0})})},
            List({List({1, 2, 3}), List({1, 5, 0})}),
            "Tuple(Array(Int64), Array(Int64))"}));

INSTANTIATE_TEST_SUITE_P(
    Combinators, AggregateValues,
    testing::Values(
        ValueCase{"sumIf", {}, {kFive, kYesNo}, 12, "Int64"},
        ValueCase{
            "sumIf", {}, {MaybeInts({1, kNull, 4}), Bytes({0, 1, 0})}, kNull, "Nullable(Int64)"},
        ValueCase{"sumIf",
                  {},
                  {Ints({1, 2}), {Type(TypeKind::kUInt8).Nullable(), {kNull, 1}}},
                  2,
                  "Int64"},
        ValueCase{"sumOrNullIf", {}, {kFive, Bytes({0, 0, 0, 0, 0})}, kNull, "Nullable(Int64)"},
        ValueCase{"avgOrDefault", {}, {Floats({1.0})}, 1.0, "Float64"},
        ValueCase{"minOrDefaultIf", {}, {MaybeInts({3}), Bytes({0})}, kNull, "Nullable(Int64)"},
        ValueCase{"countOrNullIf", {}, {MaybeInts({3}), Bytes({0})}, kNull, "Nullable(UInt64)"},
        ValueCase{"sumArray", {}, {IntArrays({List({1, 2}), List({}), List({3})})}, 6, "Int64"},
        ValueCase{"sumForEach",
                  {},
                  {IntArrays({List({1, 2}), List({}), List({3})})},
                  List({4, 2}),
                  "Array(Int64)"},
        ValueCase{"maxForEachIf",
                  {},
                  {IntArrays({List({1, 2}), List({3})}), Bytes({0, 1})},
                  List({3}),
                  "Array(Int64)"},
        ValueCase{"sumMap",
                  {},
                  {Maps({List({List({Text("b"), 1}), List({Text("a"), 2})}),
                         List({List({Text("b"), 5})})})},
                  List({List({Text("a"), 2}), List({Text("b"), 6})}),
                  "Map(String, Int64)"},
        ValueCase{"avgMapOrNull", {}, {Maps({List({})})}, List({}), "Map(String, Float64)"},
        ValueCase{"sumArgMin", {}, {kFive, Ints({2, 1, 1, 2, 3})}, 5, "Int64"},
        ValueCase{"countArgMax", {}, {kFive, Ints({2, 3, 1, 2, 3})}, 2, "UInt64"},
        ValueCase{"avgArgMaxIf",
                  {},
                  {kFive, Ints({9, 1, 1, 2, 3}), Bytes({0, 1, 1, 1, 1})},
                  3.0,
                  "Float64"},
        ValueCase{"sumDistinct", {}, {Ints({4, 4, 1})}, 5, "Int64"},
        ValueCase{"countDistinctForEach",
                  {},
                  {IntArrays({List({1, 2}), List({1, 3})})},
                  List({1, 2}),
                  "Array(UInt64)"},
        ValueCase{
            "sumResample", {0, 4, 2}, {kFive, Ints({0, 1, 2, 3, 4})}, List({6, 6}), "Array(Int64)"},
        ValueCase{"quantileIf(0.25)", {}, {kFive, kYesNo}, 3.5, "Float64"}));

}  // namespace
}  // namespace hoglet
