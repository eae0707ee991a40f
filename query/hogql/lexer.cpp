#include "query/hogql/lexer.h"

#include <optional>

#include "absl/strings/str_format.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsWordStart(char c) { return IsLetter(c) || c == '$'; }
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }

struct CodePoint {
  char32_t value = 0;
  uint32_t byte_count = 0;
};

// `text` is valid UTF-8 and `byte` is the start of a code point.
CodePoint DecodeAt(std::string_view text, uint32_t byte) {
  const auto lead = static_cast<unsigned char>(text[byte]);
  if (lead < 0x80) return {lead, 1};
  const uint32_t count = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t value = lead & (0xFF >> (count + 1));
  for (uint32_t i = 1; i < count; ++i) {
    value = value << 6 | (static_cast<unsigned char>(text[byte + i]) & 0x3F);
  }
  return {value, count};
}

bool IsSpace(char32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000 || c == 0xFEFF;
}

struct Symbol {
  std::string_view text;
  TokenKind kind;
};

// Longer spellings before their prefixes.
constexpr Symbol kSymbols[] = {
    {"=~*", TokenKind::kIRegex},      {"!~*", TokenKind::kNotIRegex},
    {"->", TokenKind::kArrow},        {"::", TokenKind::kDoubleColon},
    {":=", TokenKind::kAssign},       {"||", TokenKind::kConcat},
    {"==", TokenKind::kEqual},        {"=~", TokenKind::kRegex},
    {"!=", TokenKind::kNotEqual},     {"!~", TokenKind::kNotRegex},
    {"<>", TokenKind::kNotEqual},     {"<=", TokenKind::kLessEqual},
    {">=", TokenKind::kGreaterEqual}, {"~*", TokenKind::kIRegex},
    {"?.", TokenKind::kNullProperty}, {"??", TokenKind::kNullish},
    {"*", TokenKind::kStar},          {":", TokenKind::kColon},
    {",", TokenKind::kComma},         {"-", TokenKind::kDash},
    {".", TokenKind::kDot},           {"=", TokenKind::kEqual},
    {"<", TokenKind::kLess},          {">", TokenKind::kGreater},
    {"~", TokenKind::kRegex},         {"?", TokenKind::kQuestion},
    {"%", TokenKind::kPercent},       {"+", TokenKind::kPlus},
    {"/", TokenKind::kSlash},         {"#", TokenKind::kHash},
    {";", TokenKind::kSemicolon},     {"(", TokenKind::kLeftParen},
    {")", TokenKind::kRightParen},    {"[", TokenKind::kLeftBracket},
    {"]", TokenKind::kRightBracket},  {"{", TokenKind::kLeftBrace},
    {"}", TokenKind::kRightBrace},
};

// What the escape sequence backslash + `c` stands for; nullopt when it is none of the common ones.
// "\0" stands for nothing at all.
std::optional<std::string_view> CommonEscape(char c) {
  switch (c) {
    case 'b':
      return "\b";
    case 'f':
      return "\f";
    case 'r':
      return "\r";
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case 'a':
      return "\a";
    case 'v':
      return "\v";
    case '0':
      return "";
    case '\\':
      return "\\";
    default:
      return std::nullopt;
  }
}

bool IsHexEscape(std::string_view text, size_t backslash) {
  return backslash + 3 < text.size() && (text[backslash + 1] == 'x') &&
         IsHexDigit(text[backslash + 2]) && IsHexDigit(text[backslash + 3]);
}

}  // namespace

TextPosition Lexer::Advance(TextPosition from, uint32_t byte_count) const {
  TextPosition to{from.byte + byte_count, from.offset};
  for (uint32_t i = from.byte; i < to.byte; ++i) {
    to.offset += (static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80;
  }
  return to;
}

Token Lexer::Make(TokenKind kind, TextPosition begin, uint32_t byte_count) const {
  return Token{kind, Keyword::kNone, begin, Advance(begin, byte_count)};
}

bool Lexer::SkipComment(TextPosition* position) const {
  const uint32_t byte = position->byte;
  const char first = At(byte);
  const char second = At(byte + 1);
  size_t end = std::string_view::npos;
  if (first == '/' && second == '*') {
    end = text_.find("*/", byte + 2);
    if (end == std::string_view::npos) return false;
    end += 2;
  } else if ((first == '-' && second == '-') || (first == '/' && second == '/') ||
             (first == '#' && byte + 1 < text_.size() && !IsDigit(second))) {
    end = text_.find('\n', byte);
    if (end == std::string_view::npos) end = text_.size();
  } else {
    return false;
  }
  *position = Advance(*position, static_cast<uint32_t>(end) - byte);
  return true;
}

TextPosition Lexer::SkipSpace(TextPosition from, bool comments) const {
  while (from.byte < text_.size()) {
    const CodePoint point = DecodeAt(text_, from.byte);
    if (IsSpace(point.value)) {
      from.byte += point.byte_count;
      ++from.offset;
    } else if (!comments || !SkipComment(&from)) {
      break;
    }
  }
  return from;
}

uint32_t Lexer::SkipDigits(uint32_t byte) const {
  while (IsDigit(At(byte))) ++byte;
  return byte;
}

uint32_t Lexer::SkipExponent(uint32_t byte, char lower, char upper) const {
  if (At(byte) != lower && At(byte) != upper) return byte;
  const uint32_t sign = At(byte + 1) == '+' || At(byte + 1) == '-' ? 1 : 0;
  const uint32_t digits = byte + 1 + sign;
  return IsDigit(At(digits)) ? SkipDigits(digits) : byte;
}

Token Lexer::LexHex(TextPosition begin) const {
  uint32_t end = begin.byte + 2;
  while (IsHexDigit(At(end))) ++end;
  uint32_t fraction = end;
  if (At(end) == '.') {
    ++fraction;
    while (IsHexDigit(At(fraction))) ++fraction;
  }
  const uint32_t exponent = SkipExponent(fraction, 'p', 'P');
  if (exponent != fraction) return Make(TokenKind::kFloat, begin, exponent - begin.byte);
  return Make(TokenKind::kHex, begin, end - begin.byte);
}

// Plain `1.5`, `1.` and `.5` are not tokens but built by the parser from their parts, because
// `t.1.2` is two accesses.
Token Lexer::LexNumber(TextPosition begin) const {
  const uint32_t byte = begin.byte;
  if (At(byte) == '0') {
    const char base = At(byte + 1) | 0x20;
    if (base == 'x' && IsHexDigit(At(byte + 2))) return LexHex(begin);
    if (base == 'b' && IsDigit(At(byte + 2))) {
      const uint32_t end = SkipDigits(byte + 2);
      const auto digits = text_.substr(byte + 2, end - byte - 2);
      const bool valid =
          digits.find_first_not_of("01") == std::string_view::npos && digits.size() <= 64;
      return Make(valid ? TokenKind::kBinary : TokenKind::kError, begin, end - byte);
    }
    if (base == 'o' && At(byte + 2) >= '0' && At(byte + 2) <= '7') {
      uint32_t end = byte + 2;
      while (At(end) >= '0' && At(end) <= '7') ++end;
      return Make(TokenKind::kOctalPrefixed, begin, end - byte);
    }
  }
  const uint32_t integer = SkipDigits(byte);
  const uint32_t fraction = At(integer) == '.' ? SkipDigits(integer + 1) : integer;
  const uint32_t exponent = SkipExponent(fraction, 'e', 'E');
  if (exponent != fraction) return Make(TokenKind::kFloat, begin, exponent - byte);
  return Make(TokenKind::kDecimal, begin, integer - byte);
}

Token Lexer::LexQuoted(TextPosition begin) const {
  const char quote = At(begin.byte);
  const TokenKind kind = quote == '\'' ? TokenKind::kString : TokenKind::kQuotedIdentifier;
  // The escaped quote that backquoted names accept is the single one.
  const char escapable = quote == '`' ? '\'' : quote;
  uint32_t byte = begin.byte + 1;
  while (byte < text_.size()) {
    const char c = text_[byte];
    if (c == '\\') {
      const char next = At(byte + 1);
      const bool valid = (byte + 1 < text_.size() && (CommonEscape(next) || next == escapable)) ||
                         IsHexEscape(text_, byte);
      if (!valid) break;
      byte += 2;
    } else if (c != quote) {
      ++byte;
    } else if (At(byte + 1) == quote) {
      byte += 2;
    } else {
      return Make(kind, begin, byte + 1 - begin.byte);
    }
  }
  return Make(TokenKind::kError, begin, 1);
}

Token Lexer::LexWord(TextPosition begin) const {
  uint32_t end = begin.byte;
  while (IsWordPart(At(end))) ++end;
  Token token{TokenKind::kIdentifier, Keyword::kNone, begin,
              TextPosition{end, begin.offset + static_cast<int32_t>(end - begin.byte)}};
  const std::string_view word = Text(token);
  if (word.size() == 1 && At(end) == '\'') {
    if (word == "f") return Make(TokenKind::kTemplateStart, begin, 2);
    if (word == "F") return Make(TokenKind::kError, begin, 2);
  }
  token.keyword = FindKeyword(word);
  return token;
}

Token Lexer::LexSymbol(TextPosition begin) const {
  const std::string_view rest = text_.substr(begin.byte);
  // An unterminated comment; a complete one has been skipped.
  if (rest.starts_with("/*")) return Make(TokenKind::kError, begin, 2);
  for (const Symbol& symbol : kSymbols) {
    if (rest.starts_with(symbol.text)) {
      return Make(symbol.kind, begin, static_cast<uint32_t>(symbol.text.size()));
    }
  }
  return Make(TokenKind::kError, begin, DecodeAt(text_, begin.byte).byte_count);
}

Token Lexer::Next(TextPosition from) const {
  const TextPosition begin = SkipSpace(from, /*comments=*/true);
  if (begin.byte >= text_.size()) return Make(TokenKind::kEnd, begin, 0);
  const char c = text_[begin.byte];
  if (IsWordStart(c)) return LexWord(begin);
  if (IsDigit(c)) return LexNumber(begin);
  if (c == '\'' || c == '"' || c == '`') return LexQuoted(begin);
  if (c == '.' && IsDigit(At(begin.byte + 1))) {
    const uint32_t digits = SkipDigits(begin.byte + 1);
    const uint32_t exponent = SkipExponent(digits, 'e', 'E');
    if (exponent != digits) return Make(TokenKind::kFloat, begin, exponent - begin.byte);
  }
  return LexSymbol(begin);
}

bool Lexer::AtTagName(TextPosition from) const { return IsLetter(At(from.byte)); }

Token Lexer::NextInTag(TextPosition from) const {
  const TextPosition begin = SkipSpace(from, /*comments=*/false);
  if (begin.byte >= text_.size()) return Make(TokenKind::kEnd, begin, 0);
  const char c = text_[begin.byte];
  const char next = At(begin.byte + 1);
  if (IsLetter(c)) {
    uint32_t end = begin.byte;
    while (IsLetter(At(end)) || IsDigit(At(end)) || At(end) == '-') ++end;
    return Make(TokenKind::kIdentifier, begin, end - begin.byte);
  }
  if (c == '\'') return LexQuoted(begin);
  if (c == '<' && next == '/') return Make(TokenKind::kTagEndOpen, begin, 2);
  if (c == '/' && next == '>') return Make(TokenKind::kTagSelfClose, begin, 2);
  if (c == '<') return Make(TokenKind::kLess, begin, 1);
  if (c == '>') return Make(TokenKind::kGreater, begin, 1);
  if (c == '=') return Make(TokenKind::kEqual, begin, 1);
  if (c == '{') return Make(TokenKind::kLeftBrace, begin, 1);
  return Make(TokenKind::kError, begin, DecodeAt(text_, begin.byte).byte_count);
}

TextPiece Lexer::NextTemplateText(TextPosition from, bool full_template) const {
  TextPiece piece;
  uint32_t byte = from.byte;
  while (byte < text_.size()) {
    const char c = text_[byte];
    if (c == '{') {
      piece.stop = TextPiece::Stop::kBrace;
      break;
    }
    if (c == '\'' && !full_template) {
      if (At(byte + 1) != '\'') {
        piece.stop = TextPiece::Stop::kQuote;
        break;
      }
      piece.text += '\'';
      byte += 2;
    } else if (c != '\\') {
      piece.text += c;
      ++byte;
    } else if (byte + 1 < text_.size() && CommonEscape(text_[byte + 1])) {
      piece.text += *CommonEscape(text_[byte + 1]);
      byte += 2;
    } else if (At(byte + 1) == '{') {
      piece.text += '{';
      byte += 2;
    } else if (At(byte + 1) == '\'') {
      // Quotes are ordinary text in a full template, so the backslash is too.
      piece.text += full_template ? "\\'" : "'";
      byte += 2;
    } else if (IsHexEscape(text_, byte)) {
      piece.text += text_.substr(byte, 4);
      byte += 4;
    } else {
      piece.stop = TextPiece::Stop::kEscape;
      break;
    }
  }
  piece.end = Advance(from, byte - from.byte);
  return piece;
}

TextPiece Lexer::NextTagText(TextPosition from) const {
  TextPiece piece;
  const size_t stop = text_.find_first_of("<{", from.byte);
  const size_t end = stop == std::string_view::npos ? text_.size() : stop;
  piece.text = std::string(text_.substr(from.byte, end - from.byte));
  piece.end = Advance(from, static_cast<uint32_t>(end) - from.byte);
  if (stop != std::string_view::npos) {
    piece.stop = text_[stop] == '<' ? TextPiece::Stop::kLess : TextPiece::Stop::kBrace;
  }
  return piece;
}

std::string Lexer::ErrorMessage(const Token& token) const {
  const char c = At(token.begin.byte);
  const char next = At(token.begin.byte + 1);
  if (c == '\'' || c == '"' || c == '`') {
    return StrCat(c == '\'' ? "String" : "Quoted name",
                  " is not closed or contains an unknown escape");
  }
  if (c == '0') return StrCat("Malformed binary number ", Text(token));
  if (c == 'F') return "A full template (F'...) is not allowed here, use f'...'";
  if (c == '/' && next == '*') return "Comment is not closed";
  if (c == '\\') return "A backslash is only allowed inside quotes";
  const CodePoint point = DecodeAt(text_, token.begin.byte);
  return absl::StrFormat("Unexpected character '%s' (U+%04X)", std::string(Text(token)),
                         static_cast<uint32_t>(point.value));
}

std::string DecodeQuoted(std::string_view literal) {
  const char quote = literal.front();
  const std::string_view body = literal.substr(1, literal.size() - 2);
  std::string value;
  value.reserve(body.size());
  for (size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    const bool has_next = i + 1 < body.size();
    if (c == quote && has_next && body[i + 1] == quote) {
      value += quote;
      ++i;
    } else if (c != '\\' || !has_next) {
      value += c;
    } else if (body[i + 1] == quote) {
      value += quote;
      ++i;
    } else if (const auto escape = CommonEscape(body[i + 1])) {
      value += *escape;
      ++i;
    } else {
      value += c;
    }
  }
  return value;
}

bool IsValidUtf8(std::string_view text, size_t* bad_byte) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    size_t count = 1;
    if (lead >= 0x80) count = lead >= 0xC2 && lead < 0xE0 ? 2 : (lead & 0xF0) == 0xE0 ? 3 : 4;
    bool valid = lead < 0x80 || (lead >= 0xC2 && lead <= 0xF4 && i + count <= text.size());
    char32_t value = count > 1 ? lead & (0xFF >> (count + 1)) : lead;
    for (size_t k = 1; valid && k < count; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      valid = (next & 0xC0) == 0x80;
      value = value << 6 | (next & 0x3F);
    }
    valid = valid && !(count == 3 && value < 0x800) && !(count == 4 && value < 0x10000) &&
            value <= 0x10FFFF && !(value >= 0xD800 && value < 0xE000);
    if (!valid) {
      *bad_byte = i;
      return false;
    }
    i += count;
  }
  return true;
}

}  // namespace hoglet::hogql
