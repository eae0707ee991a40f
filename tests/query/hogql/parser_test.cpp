#include "query/hogql/parser.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "query/hogql/ast_json.h"
#include "query/hogql/ast_walk.h"
#include "query/hogql/printer.h"

namespace hoglet::hogql {
namespace {

std::string Repeat(const std::string& text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

// ---------------------------------------------------------------------------------------------
// Trees, said by the canonical text, which shows the structure.

struct ReadCase {
  const char* text;
  const char* canonical;
};

class ReadExpr : public testing::TestWithParam<ReadCase> {};

TEST_P(ReadExpr, As) {
  const auto tree = ParseExpr(GetParam().text);
  ASSERT_TRUE(tree.ok()) << GetParam().text << ": " << tree.status();
  EXPECT_EQ(PrintHogQL(**tree), GetParam().canonical) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Precedence, ReadExpr,
    testing::Values(ReadCase{"1 + 2 * 3 - 4", "minus(plus(1, multiply(2, 3)), 4)"},
                    ReadCase{"not (a) = b", "equals(not(a), b)"},
                    ReadCase{"not a and b", "and(not(a), b)"},
                    ReadCase{"(a and b) and (c and d)", "and(a, b, c, d)"},
                    ReadCase{"a or b and c or d", "or(a, and(b, c), d)"},
                    ReadCase{"a || b || c", "concat(a, b, c)"},
                    ReadCase{"a ?? b ? c : d ?? e", "if(ifNull(a, b), c, ifNull(d, e))"},
                    ReadCase{"- a::Int", "minus(0, CAST(a AS int))"},
                    ReadCase{"a between 1 and 2 and b", "and(a BETWEEN 1 AND 2, b)"},
                    ReadCase{"a - - 1", "minus(a, -1)"}, ReadCase{"a -1", "minus(a, 1)"},
                    ReadCase{"interval a * 2 day", "toIntervalDay(multiply(a, 2))"},
                    ReadCase{"now() - interval '1 day' - interval 2 hour",
                             "minus(minus(now(), toIntervalDay(1)), toIntervalHour(2))"}));

INSTANTIATE_TEST_SUITE_P(
    Words, ReadExpr,
    testing::Values(ReadCase{"cast(cast(a, 'x') as Int)", "CAST(cast(a, 'x') AS int)"},
                    ReadCase{"cast(a as b as Int)", "CAST((a AS b) AS int)"},
                    ReadCase{"case(a) when b then c end", "_caseWithExpression(a, b, c, NULL)"},
                    ReadCase{"case(a)", "case(a)"}, ReadCase{"interval(a)", "interval(a)"},
                    ReadCase{"substring(a, 1, 2)", "substring(a, 1, 2)"},
                    ReadCase{"a in cohort", "in(a, cohort)"},
                    ReadCase{"f(distinct, a)", "f(`distinct`, a)"},
                    ReadCase{"(select, a)", "tuple(`select`, a)"},
                    ReadCase{"f(a, b -> c)", "f((a, b) -> c)"}, ReadCase{"1. + a", "plus(1.0, a)"},
                    ReadCase{"1.5.2", "(1.5).2"}, ReadCase{"a.b.*", "a.b.*"},
                    ReadCase{"((select 1) union all (select 2))", "SELECT 1 UNION ALL SELECT 2"},
                    ReadCase{"f'a\\{b}'", "'a{b}'"}, ReadCase{"f'{ {'a': f'{b}'} }'", "{'a': b}"}));

struct ReadQueryCase {
  const char* text;
  const char* canonical;
};

class ReadQuery : public testing::TestWithParam<ReadQueryCase> {};

TEST_P(ReadQuery, As) {
  const auto tree = ParseSelect(GetParam().text);
  ASSERT_TRUE(tree.ok()) << GetParam().text << ": " << tree.status();
  EXPECT_EQ(PrintHogQL(**tree), GetParam().canonical) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Clauses, ReadQuery,
    testing::Values(
        ReadQueryCase{"select a, from t", "SELECT a FROM t"},
        ReadQueryCase{"select a, where", "SELECT a, `where`"},
        ReadQueryCase{"select a, where * r", "SELECT a, multiply(`where`, r)"},
        ReadQueryCase{"select a, limit 1", "SELECT a LIMIT 1"},
        ReadQueryCase{"select a, union all select b", "SELECT a UNION ALL SELECT b"},
        ReadQueryCase{"select a, (select b, from t) from u", "SELECT a, (SELECT b FROM t) FROM u"},
        ReadQueryCase{"select a from t limit 10, 5", "SELECT a FROM t LIMIT 10 OFFSET 5"},
        ReadQueryCase{"select a limit 10 % with ties", "SELECT a LIMIT 10 % WITH TIES"},
        ReadQueryCase{"select a limit 10 % 3", "SELECT a LIMIT modulo(10, 3)"},
        ReadQueryCase{"select a group by all", "SELECT a GROUP BY ALL"},
        ReadQueryCase{"select a group by all, b", "SELECT a GROUP BY all, b"},
        ReadQueryCase{"select a group by rollup(b, c) having d",
                      "SELECT a GROUP BY ROLLUP(b, c) HAVING d"},
        ReadQueryCase{"select a from ((t join u on x) join v on y)",
                      "SELECT a FROM t JOIN u ON x JOIN v ON y"},
        ReadQueryCase{"select a from ((select 1) union all (select 2)) as u",
                      "SELECT a FROM (SELECT 1 UNION ALL SELECT 2) AS u"},
        ReadQueryCase{"select a from ((select 1) as x join t on y)",
                      "SELECT a FROM (SELECT 1) AS x JOIN t ON y"},
        ReadQueryCase{"select a from t asof anti left outer join u on y",
                      "SELECT a FROM t LEFT OUTER ANTI ASOF JOIN u ON y"},
        ReadQueryCase{"select a from t left array join b as c",
                      "SELECT a FROM t LEFT ARRAY JOIN b AS c"},
        ReadQueryCase{"with x as (select 1), 2 as y, select x",
                      "WITH x AS (SELECT 1), 2 AS y SELECT x"},
        ReadQueryCase{"with x as not materialized (select 1) select x",
                      "WITH x AS NOT MATERIALIZED (SELECT 1) SELECT x"},
        ReadQueryCase{"select a from t join u on x pivot (b for c in (1))",
                      "SELECT a FROM (t JOIN u ON x) PIVOT (b FOR c IN (1))"},
        ReadQueryCase{"select a from t;", "SELECT a FROM t"},
        ReadQueryCase{"select 1 order by a interpolate (b as c + 1, d)",
                      "SELECT 1 ORDER BY a ASC INTERPOLATE (b AS plus(c, 1), d)"}));

// ---------------------------------------------------------------------------------------------
// Errors

struct ErrorCase {
  const char* text;
  int start;
  const char* part_of_message;
};

class QueryError : public testing::TestWithParam<ErrorCase> {};

TEST_P(QueryError, SaysWhereAndWhat) {
  const auto tree = ParseSelect(GetParam().text);
  ASSERT_FALSE(tree.ok()) << GetParam().text;
  EXPECT_EQ(tree.status().code(), absl::StatusCode::kInvalidArgument);
  const auto error = GetParseError(tree.status());
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->start, GetParam().start) << error->message;
  EXPECT_NE(error->message.find(GetParam().part_of_message), std::string::npos) << error->message;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, QueryError,
    testing::Values(ErrorCase{"selec 1", 0, "did you mean SELECT?"},
                    ErrorCase{"select a form t", 14, "Unexpected \"t\""},
                    ErrorCase{"select f(a", 10, "expected \")\""},
                    ErrorCase{"select 'abc", 7, "String is not closed"},
                    ErrorCase{"select 'ü', !", 12, "Unexpected character '!' (U+0021)"},
                    ErrorCase{"select /* a", 7, "Comment is not closed"},
                    ErrorCase{"select a from", 13, "expected a table"},
                    ErrorCase{"select a left from t", 14, "expected ARRAY JOIN"},
                    ErrorCase{"select a from (t) as x", 18, "Unexpected \"as\""},
                    ErrorCase{"select a from t where", 21, "Unexpected end of the text"},
                    ErrorCase{"select a join", 9, "Unexpected \"join\""},
                    ErrorCase{"select 0b12", 7, "Malformed binary number 0b12"},
                    ErrorCase{"select (* exclude (a)", 21, "\")\""}));

TEST(Errors, StatusNamesLineAndColumn) {
  const auto tree = ParseSelect("select a\nfrom t\nwhere ü = )");
  ASSERT_FALSE(tree.ok());
  const std::string message(tree.status().message());
  EXPECT_TRUE(message.find("at line 3, column 7") != std::string::npos) << message;
}

TEST(Errors, LineColumn) {
  const LineColumn start = LineColumnAt("aü\nb", 0);
  EXPECT_EQ(start.line, 1);
  EXPECT_EQ(start.column, 1);
  const LineColumn next = LineColumnAt("aü\nb", 3);
  EXPECT_EQ(next.line, 2);
  EXPECT_EQ(next.column, 1);
  EXPECT_EQ(LineColumnAt("aü\nb", 99).column, 2);
}

TEST(Errors, InvalidUtf8) {
  const auto tree = ParseExpr("'a\xFF'");
  ASSERT_FALSE(tree.ok());
  EXPECT_EQ(tree.status().message(), "The text is not valid UTF-8 at byte 2");
}

TEST(Errors, OtherStatusesHaveNoDetails) {
  EXPECT_FALSE(GetParseError(absl::InternalError("x")).has_value());
  EXPECT_FALSE(GetParseError(absl::OkStatus()).has_value());
}

// ---------------------------------------------------------------------------------------------
// Limits

class Deep : public testing::TestWithParam<std::pair<const char*, const char*>> {};

// `first` repeated, then `second`: refused or read, but never a crash.
TEST_P(Deep, NeverOverflowsTheStack) {
  for (const int count : {20, 900, 3'000, 20'000}) {
    const std::string text = Repeat(GetParam().first, count) + GetParam().second;
    (void)ParseExpr(text);
    (void)ParseSelect("select " + text);
    (void)ParseSelect(text);
    (void)ParseProgram(text);
    const auto tree = ParseSelect("select 1 from " + text);
    if (tree.ok()) {
      EXPECT_NE(Clone(*tree), nullptr);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Deep,
    testing::Values(
        std::pair{"(", "1"}, std::pair{"[", "1"}, std::pair{"{", "1"}, std::pair{"f(", "1"},
        std::pair{"not ", "a"}, std::pair{"not(", "a"}, std::pair{"- ", "a"},
        std::pair{"a + ", "1"}, std::pair{"a and ", "1"}, std::pair{"a || ", "1"},
        std::pair{"a ?? ", "1"}, std::pair{"a ? ", "1"}, std::pair{"a ? b : ", "1"},
        std::pair{"a.", "b"}, std::pair{"a?.", "b"}, std::pair{"a[", "1"}, std::pair{"x -> ", "1"},
        std::pair{"(x) -> ", "1"}, std::pair{"case when ", "1"}, std::pair{"interval ", "1"},
        std::pair{"cast(", "a"}, std::pair{"f'{", "a"}, std::pair{"<a>", ""},
        std::pair{"<a b={", "c"}, std::pair{"(select ", "1"}, std::pair{"(select * from ", "1"},
        std::pair{"t, ", "u"}, std::pair{"t join ", "u"}, std::pair{"a between ", "1"},
        std::pair{"f(select ", "1"}, std::pair{"with a as (", "select 1"},
        std::pair{"if (a) ", "b"}, std::pair{"while (a) ", "b"}, std::pair{"if (a) b else ", "c"},
        std::pair{"{", "}"}, std::pair{"try { ", "}"}, std::pair{"a as ", "b"},
        std::pair{"a b ", "c"}, std::pair{"a, ", "b"}, std::pair{"a::", "Int"},
        std::pair{"(a, ", "b"}, std::pair{"columns(", "a"}, std::pair{"cast(a as Array(", "Int"},
        std::pair{"union all ", "select 1"}, std::pair{"a in (", "1"},
        std::pair{"select a, where ", "b"}, std::pair{"lambda a: ", "b"}, std::pair{"a := ", "1"},
        std::pair{"a is distinct from ", "1"}));

TEST(Limits, SayTheirName) {
  const auto nested = ParseExpr(Repeat("(", 5'000));
  EXPECT_NE(nested.status().message().find("Nested more than"), absl::string_view::npos);
  const auto high = ParseExpr(Repeat("a + ", 5'000) + "1");
  EXPECT_NE(high.status().message().find("levels"), absl::string_view::npos);
  const auto large = ParseExpr(std::string(kTextBytesMax + 1, ' '));
  EXPECT_NE(large.status().message().find("limit"), absl::string_view::npos);
}

TEST(Limits, UsualSizesPass) {
  EXPECT_TRUE(ParseExpr(Repeat("(", 150) + "1" + Repeat(")", 150)).ok());
  EXPECT_TRUE(ParseExpr(Repeat("a + ", 1'000) + "1").ok());
  EXPECT_TRUE(ParseExpr("a in (" + Repeat("'some value', ", 100'000) + "1)").ok());
  EXPECT_TRUE(ParseExpr(Repeat("a = 1 or ", 50'000) + "b").ok());
  EXPECT_TRUE(ParseExpr(Repeat("a || ", 50'000) + "b").ok());
  EXPECT_TRUE(ParseExpr("f(" + Repeat("name, ", 50'000) + "b)").ok());
}

// ---------------------------------------------------------------------------------------------
// Everything in the vectors, cut up and glued together: no crash, no hang, and what parses prints
// to a text that parses and prints to itself.

std::vector<std::string> VectorTexts() {
  std::vector<std::string> texts;
  std::ifstream file(std::string(HOGLET_SOURCE_DIR) + "/tests/vectors/hogql-parse/parse.jsonl");
  for (std::string line; std::getline(file, line);) {
    const size_t begin = line.find("\"q\":\"") + 5;
    std::string text;
    for (size_t i = begin; i < line.size() && line[i] != '"'; ++i) {
      if (line[i] == '\\' && i + 1 < line.size()) {
        ++i;
        text += line[i] == 'n' ? '\n' : line[i];
      } else {
        text += line[i];
      }
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

template <class Parse>
bool PrintsToItself(const std::string& text, const Parse& parse) {
  const auto tree = parse(text);
  if (!tree.ok()) return false;
  const std::string printed = PrintHogQL(**tree);
  // A query is an expression only in parentheses.
  const bool query =
      (*tree)->kind == NodeKind::kSelectQuery || (*tree)->kind == NodeKind::kSelectSetQuery;
  const auto read_back = [&](const std::string& t) { return parse(query ? "(" + t + ")" : t); };
  const auto again = read_back(printed);
  EXPECT_TRUE(again.ok()) << text << "\n  printed: " << printed << "\n  " << again.status();
  if (again.ok()) {
    EXPECT_EQ(PrintHogQL(**again), printed) << text;
  }
  const std::string pretty = PrintHogQL(**tree, PrintStyle::kPretty);
  const auto pretty_again = read_back(pretty);
  EXPECT_TRUE(pretty_again.ok()) << text << "\n  pretty: " << pretty << "\n  "
                                 << pretty_again.status();
  if (pretty_again.ok()) {
    EXPECT_EQ(PrintHogQL(**pretty_again), printed) << text;
  }
  EXPECT_TRUE(SameTree(**tree, *CloneNode(**tree)));
  return true;
}

int PrintAll(const std::string& text) {
  return PrintsToItself(text, [](const std::string& t) { return ParseSelect(t); }) +
         PrintsToItself(text, [](const std::string& t) { return ParseExpr(t); }) +
         PrintsToItself(text, [](const std::string& t) { return ParseProgram(t); });
}

TEST(Robustness, VectorsPrintToThemselves) {
  int parsed = 0;
  for (const std::string& text : VectorTexts()) parsed += PrintAll(text);
  EXPECT_GT(parsed, 1'000);
}

TEST(Robustness, GluedTexts) {
  const std::vector<std::string> texts = VectorTexts();
  ASSERT_FALSE(texts.empty());
  const char* seed = std::getenv("HOGLET_TEST_SEED");
  std::mt19937 random(seed != nullptr ? std::atoi(seed) : 7);
  const auto piece = [&] {
    const std::string& text = texts[random() % texts.size()];
    const size_t begin = random() % (text.size() + 1);
    return text.substr(begin, random() % (text.size() - begin + 1));
  };
  for (int i = 0; i < 6'000; ++i) {
    std::string text = i % 2 == 0 ? texts[random() % texts.size()] : piece();
    for (int k = random() % 3; k >= 0; --k) {
      text.insert(random() % (text.size() + 1), random() % 2 == 0 ? piece() : " " + piece() + " ");
    }
    PrintAll(text);
  }
}

TEST(Robustness, AmbiguousTextsEndInTime) {
  const auto begin = std::chrono::steady_clock::now();
  for (const char* unit : {"f(select (", "(select (", "cast(", "interval(", "not (", "case (",
                           "select a, where (", "if (", "x -> {", "((select 1) a join ", "{ {",
                           "f(distinct (", "a in cohort (", "columns(* exclude ("}) {
    (void)ParseExpr(Repeat(unit, 200));
    (void)ParseSelect("select 1 from " + Repeat(unit, 200));
    (void)ParseProgram(Repeat(unit, 200));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

// The budget of steps may run out at any token, between a sign and its number too.
TEST(Robustness, BudgetMayEndAnywhere) {
  (void)ParseSelect(
      " {l> -0({{a({-05({a({-0({{a({l/lllllllnaul->{y {  llllllll:=la({-05({a({-0({{a({llllllll"
      "naul->{y {  lllllllpaul->{y {  llllllll:=ll}lllllllllllll~llll  llllllll:=la({-05({a({-0({"
      "{a({llllllllnaul->lllll}lllllllllllll~ll:llllll(cy- inte=re}");
  constexpr const char* kPieces[] = {"{a({", "-0(",  "{", "-05(", "+0x1", "-.5", "a->",
                                     "l:=",  "{{a(", "}", " - ",  "-1.",  "(",   "interval '1 "};
  std::mt19937_64 random(11);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (int k = 0; k < 60; ++k) text += kPieces[random() % std::size(kPieces)];
    (void)ParseProgram(text);
    (void)ParseExpr(text);
    (void)ParseSelect(text);
  }
}

}  // namespace
}  // namespace hoglet::hogql
