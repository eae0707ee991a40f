#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <map>
#include <string>

#include "query/analyze/analyzer.h"
#include "query/hogql/parser.h"
#include "simdjson.h"
#include "tests/query/analyze/fake_catalog.h"

// What HogQL calls become: the ClickHouse text of tests/vectors/hogql-eval/eval.jsonl against ours.
// Spelling that means the same is evened out; some rewrites differ on purpose (Differs), so the
// share that is equal is what is tested.

namespace hoglet {
namespace {

std::string Even(std::string text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text[i] == '[') out += "array(";
    if (text[i] == ']') out += ')';
    if (text[i] != '[' && text[i] != ']') out += text[i];
  }
  return out;
}

TEST(Rewrite, GivesTheCallsOfTheVectors) {
  const FakeCatalog catalog;
  std::ifstream file(HOGLET_SOURCE_DIR "/tests/vectors/hogql-eval/eval.jsonl");
  ASSERT_TRUE(file.is_open());
  simdjson::dom::parser parser;
  int same = 0, total = 0, failed = 0;
  const char* dump = std::getenv("HOGLET_DUMP");
  for (std::string line; std::getline(file, line);) {
    simdjson::dom::element row;
    if (parser.parse(line).get(row) != simdjson::SUCCESS) continue;  // a number beyond double
    std::string_view hogql, clickhouse;
    if (row["hogql"].get(hogql) != simdjson::SUCCESS ||
        row["clickhouse"].get(clickhouse) != simdjson::SUCCESS)
      continue;
    AnalyzeContext context;
    context.functions = &catalog;
    context.fold_constants = false;
    std::string_view zone;
    int64_t week = 0;
    if (row["settings"]["project_timezone"].get(zone) == simdjson::SUCCESS)
      context.timezone = std::string(zone);
    if (row["settings"]["week_start_day"].get(week) == simdjson::SUCCESS)
      context.week_start_day = static_cast<int>(week);
    auto tree = hogql::ParseExpr(hogql);
    ASSERT_TRUE(tree.ok()) << hogql << ": " << tree.status();
    ++total;
    auto bound = AnalyzeConstantExpression(**tree, context);
    if (!bound.ok()) {
      ++failed;
      if (dump) std::cout << "FAIL " << hogql << "\n     " << bound.status().message() << "\n";
      continue;
    }
    const std::string ours = Even(ExprToString(**bound));
    const bool equal = ours == Even(std::string(clickhouse));
    same += equal;
    if (!equal && dump)
      std::cout << "DIFF " << hogql << "\n  ch " << clickhouse << "\n  us " << ExprToString(**bound)
                << "\n";
  }
  std::cout << "rewrite: " << same << " same, " << failed << " refused, of " << total << "\n";
  EXPECT_GT(same * 100, total * 80);
}

}  // namespace
}  // namespace hoglet
