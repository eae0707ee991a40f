#include "query/hogql/parser.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "query/hogql/parser_impl.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

constexpr char kPayloadUrl[] = "hoglet/hogql-parse-error";

// Size and encoding; everything behind relies on both.
std::optional<ParseError> CheckText(std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return ParseError{ParseErrorClass::kSyntaxError,
                      StrCat("The text has ", text.size(), " bytes, the limit is ", kTextBytesMax)};
  }
  size_t bad_byte = 0;
  if (!IsValidUtf8(text, &bad_byte)) {
    return ParseError{ParseErrorClass::kSyntaxError,
                      StrCat("The text is not valid UTF-8 at byte ", bad_byte)};
  }
  return std::nullopt;
}

// Runs one of the parser's entry points.
template <class Node>
absl::StatusOr<std::unique_ptr<Node>> Run(std::string_view text,
                                          std::unique_ptr<Node> (Parser::*parse)()) {
  if (std::optional<ParseError> error = CheckText(text)) return MakeParseStatus(*error, "");
  Parser parser(text);
  std::unique_ptr<Node> tree = (parser.*parse)();
  if (tree == nullptr) return MakeParseStatus(parser.GrammarError(), text);
  if (std::optional<ParseError> error = parser.DeferredError()) {
    return MakeParseStatus(*error, text);
  }
  return tree;
}

}  // namespace

std::string_view ParseErrorClassName(ParseErrorClass error_class) {
  return error_class == ParseErrorClass::kSyntaxError ? "SyntaxError" : "NotImplementedError";
}

LineColumn LineColumnAt(std::string_view text, int32_t offset) {
  LineColumn place;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;
    if (offset-- <= 0) break;
    if (c == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

absl::Status MakeParseStatus(const ParseError& error, std::string_view text) {
  const LineColumn place = LineColumnAt(text, error.start);
  // An error of the whole text, which has no place in it, says 0 and 0.
  const bool placed = error.start != 0 || error.end != 0;
  absl::Status status = absl::InvalidArgumentError(
      placed ? StrCat(error.message, " at line ", place.line, ", column ", place.column)
             : error.message);
  status.SetPayload(kPayloadUrl,
                    absl::Cord(StrCat(static_cast<int>(error.error_class), ",", error.start, ",",
                                      error.end, ",", error.message)));
  return status;
}

std::optional<ParseError> GetParseError(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(',', 3));
  ParseError error;
  int error_class = 0;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &error_class) ||
      !absl::SimpleAtoi(parts[1], &error.start) || !absl::SimpleAtoi(parts[2], &error.end)) {
    return std::nullopt;
  }
  error.error_class = static_cast<ParseErrorClass>(error_class);
  error.message = parts[3];
  return error;
}

absl::StatusOr<ExprPtr> ParseSelect(std::string_view text) {
  return Run(text, &Parser::ParseWholeQuery);
}

absl::StatusOr<ExprPtr> ParseExpr(std::string_view text) {
  return Run(text, &Parser::ParseWholeExpr);
}

absl::StatusOr<std::unique_ptr<OrderExpr>> ParseOrder(std::string_view text) {
  return Run(text, &Parser::ParseOrderPrefix);
}

absl::StatusOr<ExprPtr> ParseTemplate(std::string_view text) {
  return Run(text, &Parser::ParseWholeTemplate);
}

absl::StatusOr<std::unique_ptr<Program>> ParseProgram(std::string_view text) {
  return Run(text, &Parser::ParseWholeProgram);
}

absl::StatusOr<std::string> ParseStringLiteral(std::string_view text) {
  const char quote = text.empty() ? '\0' : text.front();
  const bool quoted =
      text.size() >= 2 && text.back() == quote && (quote == '\'' || quote == '"' || quote == '`');
  if (!quoted) {
    return MakeParseStatus(
        {ParseErrorClass::kSyntaxError,
         StrCat("Invalid string literal, must start and end with the same quote type: ", text)},
        text);
  }
  return DecodeQuoted(text);
}

// ---------------------------------------------------------------------------------------------
// The parser's entry points

ExprPtr Parser::ParseWholeQuery() {
  HOGQL_TRY(query, At(TokenKind::kLess) && AtTag() ? ParseTag() : ParseSetQuery());
  Accept(TokenKind::kSemicolon);
  HOGQL_NEED(Expect(TokenKind::kEnd));
  return query;
}

ExprPtr Parser::ParseWholeExpr() {
  HOGQL_TRY(expr, ParseExpr());
  HOGQL_NEED(Expect(TokenKind::kEnd));
  return expr;
}

std::unique_ptr<OrderExpr> Parser::ParseOrderPrefix() { return ParseOrder(); }

ExprPtr Parser::ParseWholeTemplate() {
  if (!lexer_.text().starts_with("F'")) {
    Expected("F'");
    return nullptr;
  }
  tokens_.push_back(Token{TokenKind::kTemplateStart, Keyword::kNone, {}, TextPosition{2, 2}});
  return ParseTemplateParts(Take().end, /*full_template=*/true, {});
}

std::unique_ptr<Program> Parser::ParseWholeProgram() {
  auto program = std::make_unique<Program>();
  HOGQL_NEED(ParseDeclarations(TokenKind::kEnd, &program->declarations));
  return Finish(std::move(program), {});
}

}  // namespace hoglet::hogql
