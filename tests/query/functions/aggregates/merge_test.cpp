#include <gtest/gtest.h>

#include "tests/query/functions/aggregates/aggregate_runner.h"

// Over random rows, an aggregate gives the same however the rows reach it: at once, one by one, in
// parts whose states were written and read, as codes of a dictionary.

namespace hoglet {
namespace {

enum class Kind { kInt, kUnsigned, kSmall, kFloat, kText, kFlag, kArray, kMap, kTime, kRising };

Type TypeOf(Kind kind) {
  switch (kind) {
    case Kind::kInt:
    case Kind::kSmall:
      return Type(TypeKind::kInt64);
    case Kind::kUnsigned:
      return Type(TypeKind::kUInt64);
    case Kind::kFloat:
      return Type(TypeKind::kFloat64);
    case Kind::kText:
      return Type(TypeKind::kString);
    case Kind::kFlag:
      return Type(TypeKind::kUInt8);
    case Kind::kArray:
      return Type::Array(Type(TypeKind::kInt64));
    case Kind::kMap:
      return Type::Map(Type(TypeKind::kString), Type(TypeKind::kInt64));
    case Kind::kTime:
    case Kind::kRising:
      return Type::DateTime("UTC");
  }
  return {};
}

// Quarters, so that sums are exact in any order.
Datum RandomValue(Kind kind, size_t row, std::mt19937_64& random) {
  switch (kind) {
    case Kind::kInt:
      return static_cast<int64_t>(random() % 2'000) - 1'000;
    case Kind::kUnsigned:
      return static_cast<int64_t>(random() % 50);
    case Kind::kSmall:
      return static_cast<int64_t>(random() % 5);
    case Kind::kFloat:
      return static_cast<double>(static_cast<int64_t>(random() % 4'000) - 2'000) / 4;
    case Kind::kText:
      return Text(std::string(random() % 20, static_cast<char>('a' + random() % 4)));
    case Kind::kFlag:
      return static_cast<int64_t>(random() % 2);
    case Kind::kTime:
      return static_cast<int64_t>(1'600'000'000 + row * 10 + random() % 30);
    case Kind::kRising:
      return static_cast<int64_t>(1'600'000'000 + row);
    case Kind::kArray: {
      std::vector<Datum> values(3);
      for (Datum& value : values) value = static_cast<int64_t>(random() % 7);
      return List(std::move(values));
    }
    case Kind::kMap:
      return List({List({Text(std::string(1, static_cast<char>('a' + random() % 5))),
                         static_cast<int64_t>(random() % 9)})});
  }
  return {};
}

bool CanBeNull(Kind kind) { return kind != Kind::kArray && kind != Kind::kMap; }

TestColumns RandomColumns(const std::vector<Kind>& kinds, bool nulls, size_t rows,
                          std::mt19937_64& random) {
  TestColumns columns;
  for (Kind kind : kinds) {
    const bool nullable = nulls && CanBeNull(kind);
    TestColumn column{nullable ? TypeOf(kind).Nullable() : TypeOf(kind), {}};
    for (size_t i = 0; i < rows; ++i) {
      const bool null = nullable && random() % 5 == 0;
      column.values.push_back(null ? Datum() : RandomValue(kind, i, random));
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

struct MergeCase {
  const char* name;
  std::vector<Datum> parameters;
  std::vector<Kind> columns;
};

void PrintTo(const MergeCase& c, std::ostream* out) { *out << c.name; }

class AggregateMerge : public testing::TestWithParam<MergeCase> {};

TEST_P(AggregateMerge, OfPartsIsTheWhole) {
  const MergeCase& c = GetParam();
  std::mt19937_64 random(20260101);
  for (const size_t rows : {1, 2, 17, 400}) {
    for (const bool nulls : {false, true}) {
      const TestColumns columns = RandomColumns(c.columns, nulls, rows, random);
      EXPECT_EQ(CheckAllWays(c.name, c.parameters, columns, random), "")
          << c.name << " of " << rows << " rows" << (nulls ? " with NULLs" : "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Plain, AggregateMerge,
    testing::Values(
        MergeCase{"count", {}, {Kind::kInt}}, MergeCase{"sum", {}, {Kind::kFloat}},
        MergeCase{"sumWithOverflow", {}, {Kind::kFlag}}, MergeCase{"avg", {}, {Kind::kInt}},
        MergeCase{"min", {}, {Kind::kText}}, MergeCase{"max", {}, {Kind::kFloat}},
        MergeCase{"any", {}, {Kind::kInt}}, MergeCase{"anyLast", {}, {Kind::kText}},
        MergeCase{"argMin", {}, {Kind::kText, Kind::kInt}},
        MergeCase{"argMax", {}, {Kind::kInt, Kind::kText}},
        MergeCase{"varSamp", {}, {Kind::kFloat}}, MergeCase{"skewPop", {}, {Kind::kFloat}},
        MergeCase{"kurtSamp", {}, {Kind::kInt}}, MergeCase{"corr", {}, {Kind::kInt, Kind::kFloat}},
        MergeCase{"simpleLinearRegression", {}, {Kind::kInt, Kind::kFloat}},
        MergeCase{"avgWeighted", {}, {Kind::kInt, Kind::kUnsigned}},
        MergeCase{"cramersV", {}, {Kind::kText, Kind::kSmall}},
        MergeCase{"theilsU", {}, {Kind::kSmall, Kind::kSmall}},
        MergeCase{"entropy", {}, {Kind::kSmall, Kind::kText}},
        MergeCase{"uniq", {}, {Kind::kInt, Kind::kText}}, MergeCase{"uniqExact", {}, {Kind::kText}},
        MergeCase{"uniqUpTo", {3}, {Kind::kSmall}}, MergeCase{"groupArray", {}, {Kind::kText}},
        MergeCase{"groupArray", {7}, {Kind::kInt}}, MergeCase{"groupUniqArray", {}, {Kind::kSmall}},
        MergeCase{"groupArrayLast", {3}, {Kind::kInt}},
        MergeCase{"groupArrayInsertAt", {}, {Kind::kInt, Kind::kUnsigned}},
        MergeCase{"groupArrayMovingSum", {3}, {Kind::kInt}},
        MergeCase{"groupArrayMovingAvg", {}, {Kind::kFloat}},
        MergeCase{"topK", {10}, {Kind::kSmall}},
        MergeCase{"topKWeighted", {10}, {Kind::kSmall, Kind::kUnsigned}},
        MergeCase{"groupBitAnd", {}, {Kind::kInt}}, MergeCase{"groupBitXor", {}, {Kind::kFlag}},
        MergeCase{"groupBitmap", {}, {Kind::kInt}}, MergeCase{"groupBitmapAnd", {}, {Kind::kArray}},
        MergeCase{"groupBitmapXor", {}, {Kind::kArray}}, MergeCase{"deltaSum", {}, {Kind::kFloat}},
        MergeCase{"deltaSumTimestamp", {}, {Kind::kInt, Kind::kRising}},
        MergeCase{"maxIntersections", {}, {Kind::kInt, Kind::kInt}},
        MergeCase{"boundingRatio", {}, {Kind::kInt, Kind::kFloat}},
        MergeCase{"exponentialMovingAverage", {20}, {Kind::kInt, Kind::kTime}},
        MergeCase{"sumMap", {}, {Kind::kArray, Kind::kArray}},
        MergeCase{"maxMap", {}, {Kind::kArray, Kind::kArray, Kind::kArray}}));

INSTANTIATE_TEST_SUITE_P(
    Quantiles, AggregateMerge,
    testing::Values(MergeCase{"quantiles", {0.1, 0.5, 0.9}, {Kind::kFloat}},
                    MergeCase{"median", {}, {Kind::kTime}},
                    MergeCase{"quantilesExact", {0.3, 1}, {Kind::kInt}},
                    MergeCase{"medianExactLow", {}, {Kind::kTime}},
                    MergeCase{"quantileExactHigh", {0.7}, {Kind::kFloat}},
                    MergeCase{"quantileExactExclusive", {0.7}, {Kind::kInt}},
                    MergeCase{"quantilesExactInclusive", {0.1, 0.7}, {Kind::kInt}},
                    MergeCase{"quantileExactWeighted", {0.3}, {Kind::kInt, Kind::kUnsigned}},
                    MergeCase{"quantilesTiming", {0.5, 0.9}, {Kind::kUnsigned}},
                    MergeCase{"quantileTimingWeighted", {0.5}, {Kind::kUnsigned, Kind::kUnsigned}},
                    MergeCase{"quantilesBFloat16", {0.5, 0.9}, {Kind::kFloat}},
                    MergeCase{"quantileDeterministic", {0.5}, {Kind::kFloat, Kind::kUnsigned}}));

INSTANTIATE_TEST_SUITE_P(
    Combined, AggregateMerge,
    testing::Values(
        MergeCase{"sumIf", {}, {Kind::kInt, Kind::kFlag}}, MergeCase{"countIf", {}, {Kind::kFlag}},
        MergeCase{"sumOrNullIf", {}, {Kind::kInt, Kind::kFlag}},
        MergeCase{"maxOrDefault", {}, {Kind::kText}},
        MergeCase{"avgArrayIf", {}, {Kind::kArray, Kind::kFlag}},
        MergeCase{"groupUniqArrayArray", {}, {Kind::kArray}},
        MergeCase{"sumForEachIf", {}, {Kind::kArray, Kind::kFlag}},
        MergeCase{"medianForEachOrNull", {}, {Kind::kArray}}, MergeCase{"sumMap", {}, {Kind::kMap}},
        MergeCase{"medianMapIf", {}, {Kind::kMap, Kind::kFlag}},
        MergeCase{"uniqMapOrDefault", {}, {Kind::kMap}},
        MergeCase{"sumArgMin", {}, {Kind::kInt, Kind::kSmall}},
        MergeCase{"medianArgMaxOrNullIf", {}, {Kind::kInt, Kind::kText, Kind::kFlag}},
        MergeCase{"sumDistinct", {}, {Kind::kSmall}},
        MergeCase{"countDistinctArgMax", {}, {Kind::kInt, Kind::kSmall}},
        MergeCase{"avgResample", {0, 50, 7}, {Kind::kInt, Kind::kUnsigned}},
        MergeCase{"sumMapIf", {}, {Kind::kMap, Kind::kFlag}},
        MergeCase{"windowFunnel", {100}, {Kind::kTime, Kind::kFlag, Kind::kFlag, Kind::kFlag}},
        MergeCase{"windowFunnel",
                  {200, Text("strict_once"), Text("strict_increase")},
                  {Kind::kTime, Kind::kFlag, Kind::kFlag, Kind::kFlag}},
        MergeCase{
            "windowFunnel", {200, Text("strict_order")}, {Kind::kTime, Kind::kFlag, Kind::kFlag}}));

// A digest of merged digests is another one, but not by much.
TEST(AggregateMerge, DigestsStayClose) {
  std::mt19937_64 random(5);
  TestColumn values{Type(TypeKind::kFloat64), {}};
  for (int i = 0; i < 20'000; ++i)
    values.values.emplace_back(static_cast<double>(random() % 100'000));
  const RunResult digest = RunWhole("quantilesTDigest", {0.1, 0.5, 0.9}, {values});
  const RunResult exact = RunWhole("quantilesExact", {0.1, 0.5, 0.9}, {values});
  ASSERT_TRUE(digest.status.ok() && exact.status.ok());
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(digest.value.list()[i].number(), exact.value.list()[i].number(), 1'000);
}

TEST(AggregateMerge, ManyValuesKeepQuantilesClose) {
  std::mt19937_64 random(6);
  TestColumns columns{{Type(TypeKind::kFloat64), {}}, {Type(TypeKind::kUInt64), {}}};
  for (int64_t i = 0; i < 30'000; ++i) {
    columns[0].values.emplace_back(static_cast<double>(random() % 10'000));
    columns[1].values.emplace_back(i);
  }
  const RunResult sampled = RunWhole("median", {}, {columns[0]});
  const RunResult chosen = RunWhole("medianDeterministic", {}, columns);
  const RunResult timing = RunWhole("medianTiming", {}, {columns[0]});
  EXPECT_NEAR(sampled.value.number(), 5'000, 400);
  EXPECT_NEAR(chosen.value.number(), 5'000, 400);
  EXPECT_NEAR(timing.value.number(), 5'000, 100);
}

}  // namespace
}  // namespace hoglet
