// Text to tokens.
//
// The language needs three modes: ordinary tokens, the text of template strings (f'...') and
// HogQLX tags. Only the parser knows where an operand is expected and so where a mode begins, hence
// the lexer has no state: every function starts at a given position.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "query/hogql/keywords.h"

namespace hoglet::hogql {

enum class TokenKind : uint8_t {
  kEnd,
  kError,  // Lexer::ErrorMessage tells what is wrong.
  kIdentifier,
  kQuotedIdentifier,
  kString,
  kDecimal,
  kHex,
  kBinary,
  kOctalPrefixed,
  kFloat,
  kTemplateStart,  // f'
  kArrow,
  kStar,
  kDoubleColon,
  kAssign,
  kColon,
  kComma,
  kConcat,
  kDash,
  kDot,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kRegex,
  kIRegex,
  kNotRegex,
  kNotIRegex,
  kNullProperty,
  kNullish,
  kQuestion,
  kPercent,
  kPlus,
  kSlash,
  kHash,
  kSemicolon,
  kLeftParen,
  kRightParen,
  kLeftBracket,
  kRightBracket,
  kLeftBrace,
  kRightBrace,
  // Only in tags.
  kTagEndOpen,    // </
  kTagSelfClose,  // />
};

// `byte` indexes the text, `offset` counts code points.
struct TextPosition {
  uint32_t byte = 0;
  int32_t offset = 0;
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Keyword keyword = Keyword::kNone;  // Of an unquoted identifier.
  TextPosition begin;
  TextPosition end;
};

// A stretch of literal text in a template string or between tags.
struct TextPiece {
  enum class Stop : uint8_t {
    kBrace,  // At an opening brace.
    kQuote,  // At the closing quote of a template string.
    kLess,   // At the '<' of a tag.
    kEnd,    // At the end of the text.
    kEscape  // At a backslash that begins no escape.
  };
  std::string text;  // Escapes decoded.
  TextPosition end;
  Stop stop = Stop::kEnd;
};

class Lexer {
 public:
  // `text` is valid UTF-8 and outlives the lexer.
  explicit Lexer(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }
  std::string_view Text(const Token& token) const {
    return text_.substr(token.begin.byte, token.end.byte - token.begin.byte);
  }

  // The first token at or after `from`, white space and comments skipped.
  Token Next(TextPosition from) const;
  // The same inside the angle brackets of a tag.
  Token NextInTag(TextPosition from) const;
  // Up to the closing quote, or in a full template (`F'...`) to the end, or to a brace.
  TextPiece NextTemplateText(TextPosition from, bool full_template) const;
  // Up to '<' or '{'.
  TextPiece NextTagText(TextPosition from) const;

  // Does the text at `from` begin with a letter or underscore?
  bool AtTagName(TextPosition from) const;

  // What is wrong with a token of kind kError; empty for a token that has no message of its own.
  std::string ErrorMessage(const Token& token) const;

  // The place `byte_count` bytes after `from`.
  TextPosition Advance(TextPosition from, uint32_t byte_count) const;

 private:
  TextPosition SkipSpace(TextPosition from, bool comments) const;
  bool SkipComment(TextPosition* position) const;
  char At(uint32_t byte) const { return byte < text_.size() ? text_[byte] : '\0'; }
  Token Make(TokenKind kind, TextPosition begin, uint32_t byte_count) const;
  Token LexNumber(TextPosition begin) const;
  Token LexHex(TextPosition begin) const;
  Token LexQuoted(TextPosition begin) const;
  Token LexWord(TextPosition begin) const;
  Token LexSymbol(TextPosition begin) const;
  uint32_t SkipDigits(uint32_t byte) const;
  // The end of an exponent that begins at `byte` with one of two letters, or `byte` without one.
  uint32_t SkipExponent(uint32_t byte, char lower, char upper) const;

  std::string_view text_;
};

// The value of a string or quoted identifier, quotes included in `literal`.
std::string DecodeQuoted(std::string_view literal);

// True when `text` is well-formed UTF-8; else `*bad_byte` is where it goes wrong.
bool IsValidUtf8(std::string_view text, size_t* bad_byte);

}  // namespace hoglet::hogql
