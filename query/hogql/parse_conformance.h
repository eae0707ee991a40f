// Runs the parser's test vectors: one JSON case a line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace hoglet::hogql {

struct ParseVectorFailure {
  std::string name;  // "parse.jsonl:12 select 1"
  std::string expected;
  std::string got;
};

struct ParseVectorCounts {
  int passed = 0;
  int failed = 0;
  // Of the cases refused by the grammar, those whose error starts where the original's does. The
  // place of such an error is not part of the contract.
  int grammar_errors = 0;
  int grammar_starts_equal = 0;
};

// `file_text` holds cases {q, kind, ok, ast | result | error...}; cases without "ok" (names to be
// resolved) must merely parse. The callback is called for each failing case.
ParseVectorCounts RunHogqlParseVectors(
    const std::string& file_text, std::string_view file_name,
    const std::function<void(const ParseVectorFailure&)>& report);

}  // namespace hoglet::hogql
