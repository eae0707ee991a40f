#include <gtest/gtest.h>

#include "src/base/strings.h"
#include "tests/query/functions/aggregates/aggregate_runner.h"

// Types of results and states, and what is refused.

namespace hoglet {
namespace {

const Type kInt(TypeKind::kInt64);
const Type kMaybe = Type(TypeKind::kInt64).Nullable();
const Type kFlag(TypeKind::kUInt8);
const Type kFloat(TypeKind::kFloat64);

struct TypeCase {
  const char* name;
  std::vector<Datum> parameters;
  std::vector<Type> types;
  const char* result;
};

void PrintTo(const TypeCase& c, std::ostream* out) { *out << c.name; }

class CombinatorTypes : public testing::TestWithParam<TypeCase> {};

TEST_P(CombinatorTypes, Result) {
  const TypeCase& c = GetParam();
  const auto bound = BindTest(c.name, c.parameters, c.types);
  ASSERT_TRUE(bound.ok()) << c.name << ": " << bound.status();
  EXPECT_EQ((*bound)->result_type().Name(), c.result) << c.name;
}

INSTANTIATE_TEST_SUITE_P(
    States, CombinatorTypes,
    testing::Values(
        // NULLs are taken out inside of a state alone, but outside of anything around it.
        TypeCase{"minState", {}, {kMaybe}, "AggregateFunction(min, Nullable(Int64))"},
        TypeCase{"minStateIf", {}, {kMaybe, kFlag}, "AggregateFunction(min, Int64)"},
        TypeCase{"minStateOrDefault", {}, {kMaybe}, "AggregateFunction(min, Int64)"},
        TypeCase{"sumIfState", {}, {kInt, kFlag}, "AggregateFunction(sumIf, Int64, UInt8)"},
        // OrNull moves ahead of State, except of counts.
        TypeCase{"minStateOrNull", {}, {kMaybe}, "AggregateFunction(minOrNull, Nullable(Int64))"},
        TypeCase{"minStateOrNullIf", {}, {kMaybe, kFlag}, "AggregateFunction(min, Int64)"},
        TypeCase{"countStateOrNull", {}, {kMaybe}, "AggregateFunction(count, Int64)"},
        TypeCase{"medianState", {}, {kFloat}, "AggregateFunction(quantile, Float64)"},
        TypeCase{
            "quantilesState", {0.5, 1}, {kFloat}, "AggregateFunction(quantiles(0.5, 1), Float64)"},
        TypeCase{"sumForEachState",
                 {},
                 {Type::Array(kInt)},
                 "AggregateFunction(sumForEach, Array(Int64))"}));

INSTANTIATE_TEST_SUITE_P(
    Nulls, CombinatorTypes,
    testing::Values(TypeCase{"max", {}, {kMaybe}, "Nullable(Int64)"},
                    TypeCase{"count", {}, {kMaybe}, "UInt64"},
                    TypeCase{"maxIf", {}, {kInt, kFlag.Nullable()}, "Int64"},
                    TypeCase{
                        "argMax", {}, {Type::Tuple({kInt, kInt}), kMaybe}, "Tuple(Int64, Int64)"},
                    TypeCase{"countOrNull", {}, {kMaybe}, "Nullable(UInt64)"},
                    TypeCase{"sumArray", {}, {Type::Array(kMaybe)}, "Nullable(Int64)"},
                    TypeCase{"sumForEach", {}, {Type::Array(kMaybe)}, "Array(Nullable(Int64))"},
                    TypeCase{"sumArgMin", {}, {kInt, kMaybe}, "Nullable(Int64)"},
                    TypeCase{"groupArray", {}, {kMaybe}, "Array(Int64)"},
                    TypeCase{"sum", {}, {Type(TypeKind::kNothing).Nullable()}, "Nullable(Nothing)"},
                    TypeCase{"median", {}, {Type::Decimal(9, 2)}, "Decimal(9, 2)"},
                    TypeCase{"median", {}, {Type(TypeKind::kDate)}, "Date"},
                    TypeCase{"quantileExact", {0.9}, {Type(TypeKind::kUInt16)}, "UInt16"}));

struct ErrorCase {
  const char* name;
  std::vector<Datum> parameters;
  std::vector<Type> types;
  const char* code;
};

void PrintTo(const ErrorCase& c, std::ostream* out) { *out << c.name; }

class AggregateErrors : public testing::TestWithParam<ErrorCase> {};

TEST_P(AggregateErrors, Code) {
  const ErrorCase& c = GetParam();
  const auto bound = BindTest(c.name, c.parameters, c.types);
  ASSERT_FALSE(bound.ok()) << c.name;
  EXPECT_EQ(ErrorCodeOf(bound.status()), c.code) << c.name << ": " << bound.status();
}

const Type kText(TypeKind::kString);
const char* const kIllegal = "illegal_type_of_argument";
const char* const kCount = "number_of_arguments_doesnt_match";

INSTANTIATE_TEST_SUITE_P(
    Arguments, AggregateErrors,
    testing::Values(
        ErrorCase{"sum", {}, {kText}, kIllegal}, ErrorCase{"sum", {}, {kInt, kInt}, kCount},
        ErrorCase{"sum", {5}, {kInt}, "aggregate_function_doesnt_allow_parameters"},
        ErrorCase{"sumIf", {}, {kInt, kText}, kIllegal},
        ErrorCase{"sumForEach", {}, {kInt}, kIllegal}, ErrorCase{"sumMap", {}, {kInt}, kIllegal},
        ErrorCase{"avgMap", {}, {Type::Array(kInt), Type::Array(kInt)}, "bad_arguments"},
        ErrorCase{"medianDeterministic", {}, {kInt}, kCount},
        ErrorCase{"quantileExactWeighted", {}, {kInt, kInt}, kIllegal},
        ErrorCase{"quantile", {1.5}, {kInt}, "parameter_out_of_bound"},
        ErrorCase{"quantileExactExclusive", {1}, {kInt}, "bad_arguments"},
        ErrorCase{"groupArraySample", {}, {kInt}, kCount},
        ErrorCase{"maxIntersections", {}, {kInt, kFloat}, "bad_arguments"},
        ErrorCase{"windowFunnel", {}, {Type::DateTime(), kFlag}, kCount},
        ErrorCase{"windowFunnel", {10}, {Type::DateTime64(3), kFlag}, kIllegal},
        ErrorCase{"windowFunnel", {10, Text("strict")}, {Type::DateTime(), kFlag}, "bad_arguments"},
        ErrorCase{"avgMerge", {}, {kInt}, kIllegal},
        ErrorCase{"avgMergeOrNull", {}, {Type::State("avg", {kFloat})}, kIllegal},
        ErrorCase{"nothingOfTheKind", {}, {kInt}, "unknown_function"}));

TEST(MergeStates, TakesStatesOfTheSameAggregate) {
  const auto of = [](const char* name, Type state) { return BindTest(name, {}, {state}); };
  const auto sum = of("sumMerge", Type::State("sumIf", {kInt, kFlag}));
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ((*sum)->result_type().Name(), "Int64");
  const auto levels = of("quantilesMerge", Type::State("quantiles(0.25, 0.75)", {kFloat}));
  ASSERT_TRUE(levels.ok()) << levels.status();
  EXPECT_EQ((*levels)->result_type().Name(), "Array(Float64)");
  EXPECT_TRUE(of("medianMerge", Type::State("quantile", {kFloat})).ok());
  EXPECT_FALSE(of("sumMerge", Type::State("avg", {kInt})).ok());
}

TEST(MergeStates, RefusesDamagedBytes) {
  const std::string huge = "\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  for (const char* name :
       {"groupArrayMerge", "sumForEachMerge", "sumMapMerge", "uniqExactMerge", "quantileMerge",
        "topKMerge", "windowFunnelMerge", "quantileTDigestMerge", "contingencyMerge"}) {
    const std::string base(name, std::string_view(name).size() - 5);
    const bool two = base == "contingency";
    const bool map = base == "sumMap";
    const bool funnel = base == "windowFunnel";
    std::vector<Type> types = two ? std::vector<Type>{kInt, kInt} : std::vector<Type>{kInt};
    if (base == "sumForEach") types = {Type::Array(kInt)};
    if (map) types = {Type::Map(kText, kInt)};
    if (funnel) types = {Type::DateTime(), kFlag};
    const Type state = Type::State(funnel ? "windowFunnel(10)" : base, types);
    const RunResult result = RunWhole(name, {}, {{state, {Text(huge)}}});
    EXPECT_FALSE(result.status.ok()) << name;
  }
}

TEST(Arrays, OfDifferentLengthsAreRefused) {
  const Type array = Type::Array(kInt);
  const TestColumns columns{{array, {List({1, 2})}}, {array, {List({1})}}};
  for (const char* name : {"corrArray", "corrForEach", "sumMap"}) {
    const RunResult result = RunWhole(name, {}, columns);
    EXPECT_EQ(ErrorCodeOf(result.status), "sizes_of_arrays_dont_match") << name;
  }
}

TEST(GroupArrayInsertAt, RefusesFarPlaces) {
  const TestColumns columns{{kInt, {1}}, {Type(TypeKind::kUInt64), {int64_t{0xffffff}}}};
  EXPECT_EQ(ErrorCodeOf(RunWhole("groupArrayInsertAt", {}, columns).status),
            "too_large_array_size");
}

}  // namespace
}  // namespace hoglet
