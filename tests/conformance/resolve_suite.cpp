#include "absl/strings/str_split.h"
#include "query/analyze/analyzer.h"
#include "query/functions/functions.h"
#include "query/hogql/parser.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "tests/conformance/suites.h"

// Queries that parse and must then be refused, with the text given.

namespace hoglet {
namespace {

std::string TextOf(const JsonObjectView& object, std::string_view key) {
  const JsonMember* member = FindJsonMember(object, key);
  return member != nullptr && member->kind == JsonKind::kString ? std::string(member->text) : "";
}

absl::Status Resolve(const std::string& text) {
  auto tree = hogql::ParseSelect(text);
  if (!tree.ok())
    return absl::InternalError(StrCat("does not parse: ", FromAbsl(tree.status().message())));
  AnalyzeContext context;
  context.team_id = 1;
  context.functions = &BuiltinFunctions();
  return AnalyzeSelect(**tree, context).status();
}

bool Matches(std::string_view got, std::string_view expected, std::string_view how) {
  if (how == "exact") return got == expected;
  if (how == "prefix") return got.starts_with(expected);
  return got.find(expected) != std::string_view::npos;
}

}  // namespace

SuiteRun RunResolveSuite(const std::string& text, const std::string& file) {
  SuiteRun run;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    if (line.empty()) continue;
    Arena arena;
    JsonObjectView object;
    const std::string name = StrCat(file, ":", line_number);
    if (!ParseJsonObject(FromAbsl(line), &arena, &object).ok()) {
      run.Fail(name, "not a JSON object");
      continue;
    }
    const std::string query = TextOf(object, "q");
    const std::string expected = TextOf(object, "error");
    const absl::Status status = Resolve(
        TextOf(object, "kind") == "expr" ? StrCat("select ", query, " from events") : query);
    const std::string got = status.ok() ? "no error" : std::string(FromAbsl(status.message()));
    if (!status.ok() && !absl::IsInternal(status) &&
        Matches(got, expected, TextOf(object, "match"))) {
      ++run.passed;
    } else {
      run.Fail(StrCat(name, " ", query), StrCat("expected ", expected, "\n    got      ", got));
    }
  }
  return run;
}

}  // namespace hoglet
