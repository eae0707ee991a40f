#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "query/analyze/analyzer.h"
#include "query/hogql/parser.h"
#include "simdjson.h"
#include "tests/query/analyze/fake_catalog.h"

// Queries that parse and must then fail, with the text of the error:
// tests/vectors/hogql-parse/resolve.jsonl.

namespace hoglet {
namespace {

struct Case {
  std::string query;
  bool expression = false;
  std::string error;
  std::string match;
};

std::vector<Case> ReadCases(const std::string& path) {
  std::vector<Case> cases;
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  simdjson::dom::parser parser;
  for (std::string line; std::getline(file, line);) {
    simdjson::dom::element row = parser.parse(line);
    Case item;
    item.query = std::string(std::string_view(row["q"]));
    item.expression = std::string_view(row["kind"]) == "expr";
    item.error = std::string(std::string_view(row["error"]));
    item.match = std::string(std::string_view(row["match"]));
    cases.push_back(std::move(item));
  }
  return cases;
}

bool Matches(const Case& item, const std::string& message) {
  if (item.match == "exact") return message == item.error;
  if (item.match == "prefix") return message.starts_with(item.error);
  return message.find(item.error) != std::string::npos;
}

TEST(ResolveVectors, FailWithTheStatedText) {
  const FakeCatalog catalog;
  AnalyzeContext context;
  context.team_id = 1;
  context.functions = &catalog;
  int passed = 0, total = 0;
  for (const Case& item : ReadCases(HOGLET_SOURCE_DIR "/tests/vectors/hogql-parse/resolve.jsonl")) {
    ++total;
    const std::string text = item.expression ? "select " + item.query + " from events" : item.query;
    auto tree = hogql::ParseSelect(text);
    if (!tree.ok()) {
      ADD_FAILURE() << text << "\n  does not parse: " << tree.status();
      continue;
    }
    auto analyzed = AnalyzeSelect(**tree, context);
    const std::string message = std::string(analyzed.status().message());
    const bool good = !analyzed.ok() && Matches(item, message);
    EXPECT_TRUE(good) << text << "\n  wanted (" << item.match << "): " << item.error
                      << "\n  got: " << message;
    passed += good;
  }
  std::cout << "resolve: " << passed << " of " << total << "\n";
}

}  // namespace
}  // namespace hoglet
