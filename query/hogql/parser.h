// HogQL text to tree (ast.h): the grammar of HogQL queries, expressions, templates and programs.
//
// All functions are pure and thread-safe. A text that does not parse gives
// absl::StatusCode::kInvalidArgument with a message such as
//   `Unexpected ")", expected an expression at line 1, column 15`
// and a payload from which GetParseError reads the raw message and the offsets.
//
// Limits: texts of at most kTextBytesMax bytes of valid UTF-8, kNestingMax nested levels, trees of
// height kTreeHeightMax.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "query/hogql/ast.h"

namespace hoglet::hogql {

inline constexpr size_t kTextBytesMax = 4 << 20;
inline constexpr int kNestingMax = 1'000;

// The class of an error, named as the API names it.
enum class ParseErrorClass : uint8_t {
  kSyntaxError,
  // Part of the language of the original, refused when the tree is built.
  kNotImplementedError,
};
// "SyntaxError", "NotImplementedError".
std::string_view ParseErrorClassName(ParseErrorClass error_class);

struct ParseError {
  ParseErrorClass error_class = ParseErrorClass::kSyntaxError;
  std::string message;
  // Offsets in code points, `end` exclusive.
  int32_t start = 0;
  int32_t end = 0;
};

// Both from 1; a column counts code points.
struct LineColumn {
  int32_t line = 1;
  int32_t column = 1;
};
// The place of the code point `offset` of `text`; an offset past the end is the end.
LineColumn LineColumnAt(std::string_view text, int32_t offset);

// The details of a status returned by this parser; nullopt for any other status.
std::optional<ParseError> GetParseError(const absl::Status& status);

// A status that carries `error`, with the line and column in `text` in its message.
absl::Status MakeParseStatus(const ParseError& error, std::string_view text);

// A whole query: SelectQuery, SelectSetQuery, Placeholder or HogQLXTag.
absl::StatusOr<ExprPtr> ParseSelect(std::string_view text);

// One expression that takes up all of the text.
absl::StatusOr<ExprPtr> ParseExpr(std::string_view text);

// One item of ORDER BY at the start of the text; what follows it is ignored.
absl::StatusOr<std::unique_ptr<OrderExpr>> ParseOrder(std::string_view text);

// A full template: `F'` and then text with {expressions} up to the end, quotes unescaped.
absl::StatusOr<ExprPtr> ParseTemplate(std::string_view text);

// The value of a string literal or quoted identifier, quotes included in `text`.
absl::StatusOr<std::string> ParseStringLiteral(std::string_view text);

// A Hog program.
absl::StatusOr<std::unique_ptr<Program>> ParseProgram(std::string_view text);

}  // namespace hoglet::hogql
