#include <gtest/gtest.h>

#include <string>

#include "query/analyze/analyzer.h"
#include "query/hogql/parser.h"
#include "tests/query/analyze/fake_catalog.h"

// Texts that are deep, long or wrong end with an error, never with the process.

namespace hoglet {
namespace {

absl::Status Analyze(const std::string& text, AnalyzeContext context = {}) {
  static const FakeCatalog catalog;
  context.functions = &catalog;
  auto tree = hogql::ParseSelect(text);
  if (!tree.ok()) return tree.status();
  return AnalyzeSelect(**tree, context).status();
}

std::string Repeated(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(AnalyzerLimits, DeepExpressions) {
  EXPECT_TRUE(Analyze("select " + Repeated("abs(", 300) + "1" + Repeated(")", 300)).ok());
  EXPECT_FALSE(Analyze("select " + Repeated("abs(", 990) + "1" + Repeated(")", 990)).ok());
  EXPECT_FALSE(Analyze("select 1" + Repeated("+1", 1400)).ok());
  EXPECT_TRUE(
      Analyze("select event from events where event = 'a'" + Repeated(" or event = 'b'", 2000))
          .ok());
}

TEST(AnalyzerLimits, DeepQueries) {
  EXPECT_TRUE(Analyze(Repeated("select * from (", 50) + "select 1" + Repeated(")", 50)).ok());
  EXPECT_FALSE(Analyze(Repeated("select * from (", 300) + "select 1" + Repeated(")", 300)).ok());
  std::string chain = "with t0 as (select 1 as x)";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "t" + std::to_string(i - 1);
    chain += ", t" + std::to_string(i) + " as (select x from " + before + ")";
  }
  EXPECT_TRUE(Analyze(chain + " select x from t11").ok());
}

TEST(AnalyzerLimits, ExpansionsThatDouble) {
  std::string aliases = "select 1 as a0";
  std::string ctes = "with t0 as (select 1 as x)";
  for (int i = 1; i < 40; ++i) {
    const std::string before = std::to_string(i - 1), now = std::to_string(i);
    aliases += ", a" + before + " + a" + before + " as a" + now;
    ctes +=
        ", t" + now + " as (select x from t" + before + " union all select x from t" + before + ")";
  }
  AnalyzeContext keep_calls;
  keep_calls.fold_constants = false;
  EXPECT_EQ(ErrorCodeOf(Analyze(aliases, keep_calls)), "too_big_ast");
  EXPECT_EQ(ErrorCodeOf(Analyze(ctes + " select x from t39")), "too_big_ast");
}

TEST(AnalyzerLimits, ManyConstants) {
  std::string list = "'a'";
  for (int i = 0; i < 20'000; ++i) list += ",'" + std::to_string(i) + "'";
  EXPECT_TRUE(Analyze("select event from events where event in (" + list + ")").ok());
}

TEST(AnalyzerErrors, LambdasWhereNoneBelong) {
  for (const char* call :
       {"toDecimal(1, x -> x)", "arrayJoin(x -> x)", "toDate(x -> x)", "toDateTime(x -> x)",
        "sum(x -> x)", "dateAdd(x -> x, 1, 2)", "isIPAddressInRange(x -> x, 'a')",
        "tumble(x -> x, 1)", "concat(x -> x, 1)", "x -> x", "now(x -> x)", "if(x -> x, 1, 2)",
        "equals(x -> x, 1)", "[x -> x]", "lag(x -> x) over ()"}) {
    const absl::Status status = Analyze(std::string("select ") + call);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << call << ": " << status;
  }
}

TEST(AnalyzerErrors, KnowTheirPlace) {
  const std::string text = "select event, bogus + 1 from events";
  const absl::Status status = Analyze(text);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(ErrorCodeOf(status), "hogql_query_error");
  const auto span = ErrorSpanOf(status);
  ASSERT_TRUE(span.has_value());
  EXPECT_EQ(text.substr(span->start, span->end - span->start), "bogus");
}

TEST(AnalyzerErrors, MemoryBudgetRefusesAndKeepsCount) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.Charge(60).ok());
  EXPECT_EQ(budget.Charge(50).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(budget.Charge(~uint64_t{0}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(budget.used(), 60u);
  budget.Release(60);
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(budget.peak(), 60u);
}

TEST(AnalyzerPlaceholders, TakeValues) {
  AnalyzeContext context;
  context.values["name"] = std::make_shared<hogql::Constant>(std::string("a"));
  context.values["variables.day"] = std::make_shared<hogql::Constant>(std::string("2024-01-01"));
  EXPECT_TRUE(Analyze("select event from events where event = {name} and timestamp > "
                      "{variables.day} and {filters}",
                      context)
                  .ok());
  EXPECT_TRUE(
      Analyze("select event from events where timestamp > {filters.dateRange.from}", context).ok());
  EXPECT_EQ(Analyze("select {other}", context).message(),
            "Placeholder {other} is not available in this context. You can use the following: "
            "name, variables.day");
}

}  // namespace
}  // namespace hoglet
