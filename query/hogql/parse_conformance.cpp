#include "query/hogql/parse_conformance.h"

#include <simdjson.h>

#include <optional>
#include <vector>

#include "query/hogql/ast_json.h"
#include "query/hogql/parser.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

namespace dom = simdjson::dom;

// What parsing gave, in the form in which the vectors say it.
struct Outcome {
  std::optional<std::string> json;  // The tree, or the decoded string as JSON.
  absl::Status status;
};

template <class Node>
Outcome TreeOutcome(const absl::StatusOr<std::unique_ptr<Node>>& tree) {
  if (!tree.ok()) return {std::nullopt, tree.status()};
  return {TreeToJson(**tree), absl::OkStatus()};
}

Outcome ParseKind(std::string_view kind, std::string_view text) {
  if (kind == "select") return TreeOutcome(ParseSelect(text));
  if (kind == "expr") return TreeOutcome(ParseExpr(text));
  if (kind == "program") return TreeOutcome(ParseProgram(text));
  if (kind == "order") return TreeOutcome(ParseOrder(text));
  if (kind == "template") return TreeOutcome(ParseTemplate(text));
  if (kind == "string") {
    const absl::StatusOr<std::string> value = ParseStringLiteral(text);
    if (!value.ok()) return {std::nullopt, value.status()};
    std::string json;
    AppendJsonString(*value, &json);
    return {json, absl::OkStatus()};
  }
  return {std::nullopt, absl::UnimplementedError(StrCat("unknown kind ", kind))};
}

bool SameJson(dom::element expected, dom::element got);

// An absent member equals one that is null.
bool SameMembers(dom::object left, dom::object right) {
  for (const auto [key, value] : left) {
    dom::element other;
    if (right[key].get(other) != simdjson::SUCCESS) {
      if (!value.is_null()) return false;
    } else if (!SameJson(value, other)) {
      return false;
    }
  }
  return true;
}

bool SameArrays(dom::array left, dom::array right) {
  if (left.size() != right.size()) return false;
  auto other = right.begin();
  for (const dom::element item : left) {
    if (!SameJson(item, *other)) return false;
    ++other;
  }
  return true;
}

bool SameJson(dom::element expected, dom::element got) {
  if (expected.is_uint64() && got.is_uint64()) {
    return expected.get_uint64().value_unsafe() == got.get_uint64().value_unsafe();
  }
  if (expected.type() != got.type()) return false;
  switch (expected.type()) {
    case dom::element_type::OBJECT:
      return SameMembers(expected.get_object().value_unsafe(), got.get_object().value_unsafe()) &&
             SameMembers(got.get_object().value_unsafe(), expected.get_object().value_unsafe());
    case dom::element_type::ARRAY:
      return SameArrays(expected.get_array().value_unsafe(), got.get_array().value_unsafe());
    case dom::element_type::STRING:
      return expected.get_string().value_unsafe() == got.get_string().value_unsafe();
    case dom::element_type::DOUBLE:
      return expected.get_double().value_unsafe() == got.get_double().value_unsafe();
    case dom::element_type::INT64:
      return expected.get_int64().value_unsafe() == got.get_int64().value_unsafe();
    case dom::element_type::BOOL:
      return expected.get_bool().value_unsafe() == got.get_bool().value_unsafe();
    default:
      return true;
  }
}

std::string TextMember(dom::element line, const char* name) {
  std::string_view text;
  if (line[name].get(text) != simdjson::SUCCESS) return "";
  return std::string(text);
}

class VectorRun {
 public:
  VectorRun(std::string_view file_name,
            const std::function<void(const ParseVectorFailure&)>& report)
      : file_name_(file_name), report_(report) {}

  void Line(int number, std::string_view text) {
    dom::element line;
    if (parser_.parse(text.data(), text.size()).get(line) != simdjson::SUCCESS) {
      name_ = StrCat(file_name_, ":", number);
      Fail("a line of JSON", std::string(text));
      return;
    }
    const std::string query = TextMember(line, "q");
    name_ = StrCat(file_name_, ":", number, " ", query);
    const Outcome outcome = ParseKind(TextMember(line, "kind"), query);
    bool ok = false;
    if (line["ok"].get(ok) != simdjson::SUCCESS) {
      Check(outcome.status.ok(), "a tree", outcome.status.ToString());
    } else if (ok) {
      CheckTree(line, outcome);
    } else {
      CheckError(line, outcome);
    }
  }

  const ParseVectorCounts& counts() const { return counts_; }

 private:
  void Fail(std::string expected, std::string got) {
    ++counts_.failed;
    report_({name_, std::move(expected), std::move(got)});
  }
  void Check(bool passed, std::string expected, std::string got) {
    if (passed) {
      ++counts_.passed;
    } else {
      Fail(std::move(expected), std::move(got));
    }
  }

  void CheckTree(dom::element line, const Outcome& outcome) {
    dom::element expected;
    if (line["ast"].get(expected) != simdjson::SUCCESS &&
        line["result"].get(expected) != simdjson::SUCCESS) {
      Fail("a case with ast or result", "neither");
      return;
    }
    const std::string expected_text = simdjson::minify(expected);
    if (!outcome.json.has_value()) {
      Fail(expected_text, outcome.status.ToString());
      return;
    }
    dom::element got;
    const bool read = got_parser_.parse(*outcome.json).get(got) == simdjson::SUCCESS;
    Check(read && SameJson(expected, got), expected_text, *outcome.json);
  }

  void CheckError(dom::element line, const Outcome& outcome) {
    const std::string error_class = TextMember(line, "error_type");
    const std::string message = TextMember(line, "error");
    // The original's parser broke down: any error will do.
    if (error_class == "ParsingError") {
      Check(!outcome.status.ok(), "an error", outcome.json.value_or(""));
      return;
    }
    const std::optional<ParseError> error = GetParseError(outcome.status);
    if (!error.has_value()) {
      Fail(StrCat(error_class, ": ", message), outcome.json.value_or(outcome.status.ToString()));
      return;
    }
    int64_t start = 0;
    int64_t end = 0;
    const bool placed =
        line["start"].get(start) == simdjson::SUCCESS && line["end"].get(end) == simdjson::SUCCESS;
    const bool grammar = TextMember(line, "msg_from") != "builder";
    bool passed = ParseErrorClassName(error->error_class) == error_class;
    if (!grammar) passed = passed && error->message == message;
    if (placed && !grammar) passed = passed && error->start == start;
    if (placed) passed = passed && error->end == end;
    if (placed && grammar) {
      ++counts_.grammar_errors;
      counts_.grammar_starts_equal += error->start == start;
    }
    Check(passed, StrCat(error_class, " [", start, ", ", end, "): ", message),
          StrCat(ParseErrorClassName(error->error_class), " [", error->start, ", ", error->end,
                 "): ", error->message));
  }

  const std::string_view file_name_;
  const std::function<void(const ParseVectorFailure&)>& report_;
  dom::parser parser_;
  dom::parser got_parser_;
  std::string name_;
  ParseVectorCounts counts_;
};

}  // namespace

ParseVectorCounts RunHogqlParseVectors(
    const std::string& file_text, std::string_view file_name,
    const std::function<void(const ParseVectorFailure&)>& report) {
  VectorRun run(file_name, report);
  int number = 0;
  for (size_t begin = 0; begin < file_text.size();) {
    size_t end = file_text.find('\n', begin);
    if (end == std::string::npos) end = file_text.size();
    ++number;
    if (end > begin) run.Line(number, std::string_view(file_text).substr(begin, end - begin));
    begin = end + 1;
  }
  return run.counts();
}

}  // namespace hoglet::hogql
