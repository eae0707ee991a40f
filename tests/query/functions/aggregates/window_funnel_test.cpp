#include <gtest/gtest.h>

#include "tests/query/functions/aggregates/aggregate_runner.h"

// windowFunnel: the table is the specification of its modes.

namespace hoglet {
namespace {

struct Event {
  int64_t time;
  std::string steps;  // letters of the steps it is: a, b, c
};

struct FunnelCase {
  const char* name;
  std::vector<Datum> parameters;
  std::vector<Event> events;
  int64_t level;
};

void PrintTo(const FunnelCase& c, std::ostream* out) { *out << c.name; }

class WindowFunnel : public testing::TestWithParam<FunnelCase> {};

TEST_P(WindowFunnel, Level) {
  const FunnelCase& c = GetParam();
  TestColumns columns{{Type::DateTime("UTC"), {}},
                      {Type(TypeKind::kUInt8), {}},
                      {Type(TypeKind::kUInt8), {}},
                      {Type(TypeKind::kUInt8), {}}};
  for (const Event& event : c.events) {
    columns[0].values.emplace_back(event.time);
    for (size_t step = 0; step < 3; ++step) {
      const bool is_step = event.steps.find(static_cast<char>('a' + step)) != std::string::npos;
      columns[step + 1].values.emplace_back(static_cast<int64_t>(is_step));
    }
  }
  const RunResult result = RunWhole("windowFunnel", c.parameters, columns);
  ASSERT_TRUE(result.status.ok()) << c.name << ": " << result.status;
  EXPECT_EQ(result.value.integer(), c.level) << c.name;
  std::mt19937_64 random(3);
  EXPECT_EQ(CheckAllWays("windowFunnel", c.parameters, columns, random), "") << c.name;
}

const Datum kOrder = Text("strict_order");
const Datum kDeduplication = Text("strict_deduplication");
const Datum kIncrease = Text("strict_increase");
const Datum kOnce = Text("strict_once");
const Datum kReentry = Text("allow_reentry");

INSTANTIATE_TEST_SUITE_P(
    Modes, WindowFunnel,
    testing::Values(
        FunnelCase{"nothing", {10}, {{1, ""}}, 0},
        FunnelCase{"all", {10}, {{1, "a"}, {2, "b"}, {3, "c"}}, 3},
        FunnelCase{"any order of rows", {10}, {{3, "c"}, {1, "a"}, {2, "b"}}, 3},
        FunnelCase{"a step is missing", {10}, {{1, "a"}, {3, "c"}}, 1},
        FunnelCase{"the last moment of the window", {2}, {{1, "a"}, {3, "b"}}, 2},
        FunnelCase{"past the window", {2}, {{1, "a"}, {4, "b"}}, 1},
        FunnelCase{"begins again", {2}, {{1, "a"}, {5, "a"}, {6, "b"}}, 2},
        FunnelCase{"one moment", {10}, {{1, "b"}, {1, "a"}}, 2},
        FunnelCase{"one moment does not increase", {10, kIncrease}, {{1, "a"}, {1, "b"}}, 1},
        FunnelCase{"a row is two steps", {10}, {{1, "ab"}}, 2},
        FunnelCase{"a row is one step", {10, kOnce}, {{1, "ab"}}, 1},
        FunnelCase{"two rows are two steps", {10, kOnce}, {{1, "ab"}, {1, "ab"}}, 2},
        FunnelCase{"later rows may be", {10, kOnce}, {{1, "ab"}, {2, "ab"}, {3, "c"}}, 3},
        FunnelCase{"a stranger", {10}, {{1, "a"}, {2, ""}, {3, "b"}}, 2},
        FunnelCase{"a stranger ends it", {10, kOrder}, {{1, "a"}, {2, ""}, {3, "b"}}, 1},
        FunnelCase{"a stranger before", {10, kOrder}, {{1, ""}, {2, "a"}, {3, "b"}}, 2},
        FunnelCase{"too early ends it", {10, kOrder}, {{1, "a"}, {2, "c"}, {3, "b"}}, 1},
        FunnelCase{"too early passes",
                   {10, kOrder, kReentry},
                   {{1, "a"}, {2, "c"}, {3, "b"}, {4, "c"}},
                   3},
        FunnelCase{
            "again ends it", {10, kDeduplication}, {{1, "a"}, {2, "b"}, {3, "b"}, {4, "c"}}, 2},
        FunnelCase{"again does not matter", {10}, {{1, "a"}, {2, "b"}, {3, "b"}, {4, "c"}}, 3}));

}  // namespace
}  // namespace hoglet
