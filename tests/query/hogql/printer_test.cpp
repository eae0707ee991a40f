#include "query/hogql/printer.h"

#include <gtest/gtest.h>

#include "query/hogql/parser.h"

namespace hoglet::hogql {
namespace {

struct PrintCase {
  const char* text;
  const char* printed;
};

class PrintExpr : public testing::TestWithParam<PrintCase> {};

TEST_P(PrintExpr, IsCanonicalAndStable) {
  const absl::StatusOr<ExprPtr> tree = ParseExpr(GetParam().text);
  ASSERT_TRUE(tree.ok()) << tree.status();
  const std::string printed = PrintHogQL(**tree);
  EXPECT_EQ(printed, GetParam().printed);
  const absl::StatusOr<ExprPtr> again = ParseExpr(printed);
  ASSERT_TRUE(again.ok()) << printed << ": " << again.status();
  EXPECT_EQ(PrintHogQL(**again), printed);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, PrintExpr,
    testing::Values(
        PrintCase{"1 + 2", "plus(1, 2)"}, PrintCase{"-a * b", "multiply(minus(0, a), b)"},
        PrintCase{"COUNT()", "COUNT()"},
        PrintCase{"toStartOfDay(timestamp)", "toStartOfDay(timestamp)"},
        PrintCase{"a and b and not c", "and(a, b, not(c))"},
        PrintCase{"a in (1, 2)", "in(a, tuple(1, 2))"},
        PrintCase{"a not in (select 1)", "notIn(a, (SELECT 1))"},
        PrintCase{"a is null", "isNull(a)"}, PrintCase{"a = null", "equals(a, NULL)"},
        PrintCase{"a =~* 'x'", "match(a, concat('(?i)', 'x'))"},
        PrintCase{"a between 1 and b between 2 and 3", "(a BETWEEN 1 AND b) BETWEEN 2 AND 3"},
        PrintCase{"a is not distinct from b", "a IS NOT DISTINCT FROM b"},
        PrintCase{"properties.`$a b`['c']", "properties.`$a b`['c']"},
        PrintCase{"`a``b`", "`a``b`"}, PrintCase{"`true`", "`true`"}, PrintCase{"true", "true"},
        PrintCase{"'it''s \\n'", "'it\\'s \\n'"}, PrintCase{"1.0", "1.0"}, PrintCase{"inf", "Inf"},
        PrintCase{"18446744073709551616", "18446744073709551616"},
        PrintCase{"[1, 'a']", "[1, 'a']"}, PrintCase{"(1, 2).1", "tuple(1, 2).1"},
        PrintCase{"a?.b", "a?.['b']"}, PrintCase{"a[1:]", "a[1:]"},
        PrintCase{"x -> x + 1", "x -> plus(x, 1)"}, PrintCase{"f(a, (x) -> x)", "f(a, (x) -> x)"},
        PrintCase{"(a)(b)", "(a)(b)"}, PrintCase{"a.b(c)", "a.b(c)"},
        PrintCase{"f(a)(b)(c)", "f(a)(b)(c)"}, PrintCase{"count(distinct a)", "count(DISTINCT a)"},
        PrintCase{"count() filter (where a)", "count() FILTER (WHERE a)"},
        PrintCase{"sum(a) over (partition by b order by c rows 1 preceding)",
                  "sum(a) OVER (PARTITION BY b ORDER BY c ASC ROWS 1 PRECEDING)"},
        PrintCase{"case when a then b end", "if(a, b, NULL)"},
        PrintCase{"interval 1 day", "toIntervalDay(1)"}, PrintCase{"a as b", "a AS b"},
        PrintCase{"a as `team_id`", "a AS `team_id`"},
        PrintCase{"a::timestamp with time zone", "CAST(a AS timestamp with time zone)"},
        PrintCase{"a::\"My  Type\"", "CAST(a AS `my  type`)"},
        PrintCase{"cast(a as DateTime64(6, 'UTC'))", "CAST(a AS datetime64(6, 'UTC'))"},
        PrintCase{"a + (x -> x)", "plus(a, (x) -> x)"}, PrintCase{"{x.y}", "{x.y}"},
        PrintCase{"{'a': 1}", "{'a': 1}"},
        PrintCase{"<a b='c'><d />{e}</a>", "<a b='c'><d />{e}</a>"},
        PrintCase{"a in cohort 2", "a IN COHORT 2"}, PrintCase{"f'{a}-{b}'", "concat(a, '-', b)"},
        PrintCase{"t.* exclude (a, b)", "t.* EXCLUDE (a, b)"}));

TEST(PrintQuery, Compact) {
  const auto tree = ParseSelect(
      "select event e, count() from events where timestamp > now() group by e order by 2 desc "
      "limit 10 offset 5");
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(PrintHogQL(**tree),
            "SELECT event AS e, count() FROM events WHERE greater(timestamp, now()) GROUP BY e "
            "ORDER BY 2 DESC LIMIT 10 OFFSET 5");
}

TEST(PrintQuery, Pretty) {
  const auto tree = ParseSelect("select a, b from (select 1 as a) x where a = 1 limit 2");
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(PrintHogQL(**tree, PrintStyle::kPretty),
            "SELECT\n"
            "    a,\n"
            "    b\n"
            "FROM\n"
            "    (SELECT\n"
            "        1 AS a) AS x\n"
            "WHERE\n"
            "    equals(a, 1)\n"
            "LIMIT 2");
}

TEST(PrintQuery, SetQueriesKeepWhatBelongsToABranch) {
  const auto tree = ParseSelect("(select 1 limit 2) union all (select 3 limit 4) limit 5");
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(PrintHogQL(**tree), "SELECT 1 LIMIT 2 UNION ALL (SELECT 3 LIMIT 4) LIMIT 5");
}

TEST(PrintQuery, ColumnNameHasNoPercent) {
  const auto tree = ParseExpr("concat(a, '%')");
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(ColumnName(**tree), "concat(a, '')");
}

}  // namespace
}  // namespace hoglet::hogql
