// Numbers, strings, template strings, intervals.
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "query/hogql/parser_impl.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

struct Unit {
  Keyword keyword;
  std::string_view word;  // In an interval written as one string, also with an 's'.
  std::string_view function;
};

constexpr Unit kUnits[] = {
    {Keyword::kSecond, "second", "toIntervalSecond"},
    {Keyword::kMinute, "minute", "toIntervalMinute"},
    {Keyword::kHour, "hour", "toIntervalHour"},
    {Keyword::kDay, "day", "toIntervalDay"},
    {Keyword::kWeek, "week", "toIntervalWeek"},
    {Keyword::kMonth, "month", "toIntervalMonth"},
    {Keyword::kQuarter, "quarter", "toIntervalQuarter"},
    {Keyword::kYear, "year", "toIntervalYear"},
    {Keyword::kYyyy, "", "toIntervalYear"},
};

// Reads a C number literal, decimal or hexadecimal; too large is infinity.
double ReadDouble(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

// The value of the digits; false when it is above 2^64 - 1.
bool ReadUnsigned(std::string_view digits, uint64_t base, uint64_t* value) {
  *value = 0;
  for (const char c : digits) {
    const uint64_t digit = absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
    if (*value > (std::numeric_limits<uint64_t>::max() - digit) / base) return false;
    *value = *value * base + digit;
  }
  return true;
}

}  // namespace

bool Parser::AtUnsignedNumber(size_t ahead) {
  const Token token = Peek(ahead);
  switch (token.kind) {
    case TokenKind::kDecimal:
    case TokenKind::kHex:
    case TokenKind::kBinary:
    case TokenKind::kOctalPrefixed:
    case TokenKind::kFloat:
      return true;
    case TokenKind::kDot:
      return At(TokenKind::kDecimal, ahead + 1);
    case TokenKind::kIdentifier:
      return token.keyword == Keyword::kInf || token.keyword == Keyword::kNan;
    default:
      return false;
  }
}

bool Parser::AtNumber(size_t ahead) {
  if (At(TokenKind::kDash, ahead) || At(TokenKind::kPlus, ahead)) ++ahead;
  return AtUnsignedNumber(ahead);
}

ExprPtr Parser::ParseNumber() {
  const TextPosition start = Start();
  const bool negative = Accept(TokenKind::kDash);
  if (!negative) Accept(TokenKind::kPlus);
  HOGQL_TRY(value, ParseNumberValue(negative));
  return Finish(std::make_unique<Constant>(*std::move(value)), start);
}

ConstantValue Parser::IntegerValue(const Token& token, bool negative) const {
  const std::string_view text = TextOf(token);
  const uint64_t base = token.kind == TokenKind::kDecimal ? 10
                        : token.kind == TokenKind::kHex   ? 16
                                                          : 2;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  uint64_t value = 0;
  if (ReadUnsigned(base == 10 ? text : text.substr(2), base, &value) &&
      value <= kMax + (negative ? 1 : 0)) {
    return static_cast<int64_t>(negative ? 0 - value : value);
  }
  return BigInteger{StrCat(negative ? "-" : "", absl::AsciiStrToLower(ToAbsl(text)))};
}

bool Parser::DotEndsNumber() {
  const Token next = Peek(1);
  if (next.kind == TokenKind::kQuotedIdentifier) return false;
  if (next.kind != TokenKind::kIdentifier) return true;
  switch (next.keyword) {
    case Keyword::kAnd:
    case Keyword::kAs:
    case Keyword::kAsc:
    case Keyword::kBetween:
    case Keyword::kDesc:
    case Keyword::kElse:
    case Keyword::kEnd:
    case Keyword::kFrom:
    case Keyword::kGroup:
    case Keyword::kHaving:
    case Keyword::kIlike:
    case Keyword::kIn:
    case Keyword::kIs:
    case Keyword::kLike:
    case Keyword::kLimit:
    case Keyword::kNot:
    case Keyword::kOffset:
    case Keyword::kOr:
    case Keyword::kOrder:
    case Keyword::kThen:
    case Keyword::kUnion:
    case Keyword::kWhen:
    case Keyword::kWhere:
      return true;
    default:
      return !IsNameKeyword(next.keyword);
  }
}

std::optional<ConstantValue> Parser::ParseNumberValue(bool negative) {
  const Token token = Take();
  const double sign = negative ? -1.0 : 1.0;
  switch (token.kind) {
    case TokenKind::kIdentifier:
      if (token.keyword == Keyword::kNan) return std::numeric_limits<double>::quiet_NaN();
      return sign * std::numeric_limits<double>::infinity();
    case TokenKind::kFloat:
      return sign * ReadDouble(std::string(TextOf(token)));
    case TokenKind::kHex:
    case TokenKind::kBinary:
      return IntegerValue(token, negative);
    case TokenKind::kOctalPrefixed:
      Defer(ParseErrorClass::kSyntaxError,
            StrCat("HogQL does not support `0o`-prefixed octal integer literals; got `",
                   TextOf(token), "`. Use a plain decimal literal instead."));
      return int64_t{0};
    case TokenKind::kDot:
      return sign * ReadDouble(StrCat(".", TextOf(Take())));
    case TokenKind::kDecimal:
      break;
    default:
      return std::nullopt;  // the budget ran out at the sign before it
  }
  if (!At(TokenKind::kDot)) return IntegerValue(token, negative);
  std::string text(TextOf(token));
  if (At(TokenKind::kDecimal, 1)) {
    Take();
    StrAppend(&text, ".", TextOf(Take()));
  } else if (DotEndsNumber()) {
    Take();
  } else {
    return IntegerValue(token, negative);
  }
  return sign * ReadDouble(text);
}

ExprPtr Parser::ParseString() {
  const TextPosition start = Start();
  return Finish(std::make_unique<Constant>(DecodeQuoted(TextOf(Take()))), start);
}

ExprPtr Parser::ParseTemplateString() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const TextPosition start = Start();
  return ParseTemplateParts(Take().end, /*full_template=*/false, start);
}

ExprPtr Parser::ParseTemplateParts(TextPosition from, bool full_template, TextPosition start) {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  ExprList parts;
  TextPosition position = from;
  while (true) {
    TextPiece piece = lexer_.NextTemplateText(position, full_template);
    if (!piece.text.empty()) {
      auto text = std::make_unique<Constant>(std::move(piece.text));
      text->span = {position.offset, piece.end.offset};
      parts.push_back(std::move(text));
    }
    position = piece.end;
    if (piece.stop == TextPiece::Stop::kBrace) {
      HOGQL_TRY(expr, ParseBracedExpr(position, &position));
      parts.push_back(std::move(expr));
    } else if (piece.stop == TextPiece::Stop::kQuote) {
      ResumeAt(lexer_.Advance(position, 1));
      break;
    } else if (piece.stop == TextPiece::Stop::kEnd && full_template) {
      ResumeAt(position);
      break;
    } else {
      Token token{TokenKind::kEnd, Keyword::kNone, position, position};
      if (piece.stop == TextPiece::Stop::kEscape) {
        token.kind = TokenKind::kIdentifier;
        token.end = lexer_.Advance(position, 1);
      }
      ExpectedAt(token, token.kind == TokenKind::kEnd ? "\"'\"" : "a known escape");
      return nullptr;
    }
  }
  if (parts.empty()) return Finish(std::make_unique<Constant>(std::string()), start);
  if (parts.size() == 1) return std::move(parts[0]);
  return MakeSugar("concat", std::move(parts), start);
}

bool Parser::AtUnit(size_t ahead) {
  const Keyword keyword = Peek(ahead).keyword;
  for (const Unit& unit : kUnits) {
    if (unit.keyword == keyword) return true;
  }
  return false;
}

ExprPtr Parser::ParseInterval() {
  const TextPosition start = Start();
  Take();
  if (At(TokenKind::kString) && !AtUnit(1)) {
    const std::string text = DecodeQuoted(TextOf(Take()));
    return MakeTextInterval(text, start);
  }
  HOGQL_TRY(count, ParseUnaliased());
  if (!AtUnit()) {
    Expected("a unit of time");
    return nullptr;
  }
  const Keyword keyword = Take().keyword;
  for (const Unit& unit : kUnits) {
    if (unit.keyword == keyword) return Sugar(start, std::string(unit.function), std::move(count));
  }
  return nullptr;
}

// INTERVAL '<count> <unit>'
ExprPtr Parser::MakeTextInterval(const std::string& text, TextPosition start) {
  const auto refuse = [&](std::string message) {
    Defer(ParseErrorClass::kNotImplementedError, std::move(message));
    return Finish(std::make_unique<Constant>(), start);
  };
  const size_t space = text.find(' ');
  if (space == std::string::npos) {
    return refuse("Unsupported interval type: must be in the format '<count> <unit>'");
  }
  const std::string count = text.substr(0, space);
  const std::string unit_text = text.substr(space + 1);
  if (count.empty() || count.find_first_not_of("0123456789") != std::string::npos) {
    return refuse(StrCat("Unsupported interval count: '", count, "' is not a valid integer"));
  }
  int64_t value = 0;
  if (!absl::SimpleAtoi(count, &value)) {
    return refuse(StrCat("Unsupported interval count: '", count, "' is too large"));
  }
  for (const Unit& unit : kUnits) {
    if (unit.word.empty()) continue;
    if (unit_text == unit.word || unit_text == StrCat(unit.word, "s")) {
      auto constant = std::make_unique<Constant>(value);
      constant->span = {start.offset, last_end_.offset};
      return Sugar(start, std::string(unit.function), ExprPtr(std::move(constant)));
    }
  }
  return refuse(StrCat("Unsupported interval unit: ", unit_text));
}

}  // namespace hoglet::hogql
