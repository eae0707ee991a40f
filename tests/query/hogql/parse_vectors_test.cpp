// The parser against the recorded behaviour of the original.
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "query/hogql/parse_conformance.h"

namespace hoglet::hogql {
namespace {

class ParseVectors : public testing::TestWithParam<const char*> {};

TEST_P(ParseVectors, Agree) {
  const std::string path =
      std::string(HOGLET_SOURCE_DIR) + "/tests/vectors/hogql-parse/" + GetParam();
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  const ParseVectorCounts counts =
      RunHogqlParseVectors(text.str(), GetParam(), [](const ParseVectorFailure& failure) {
        ADD_FAILURE() << failure.name << "\n  expected: " << failure.expected
                      << "\n  got:      " << failure.got;
      });
  std::cout << GetParam() << ": " << counts.passed << " passed, " << counts.failed << " failed, "
            << counts.grammar_starts_equal << " of " << counts.grammar_errors
            << " grammar errors at the same place\n";
}

INSTANTIATE_TEST_SUITE_P(Files, ParseVectors,
                         testing::Values("parse.jsonl", "parse_other.jsonl", "resolve.jsonl"),
                         [](const auto& info) {
                           std::string name = info.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace hoglet::hogql
