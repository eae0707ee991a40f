#include "query/hogql/lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hoglet::hogql {
namespace {

std::vector<Token> LexAll(const std::string& text) {
  const Lexer lexer(text);
  std::vector<Token> tokens;
  TextPosition position;
  while (true) {
    const Token token = lexer.Next(position);
    if (token.kind == TokenKind::kEnd) return tokens;
    tokens.push_back(token);
    position = token.end;
  }
}

struct LexCase {
  const char* text;
  std::vector<TokenKind> kinds;
};

class Lexing : public testing::TestWithParam<LexCase> {};

TEST_P(Lexing, Kinds) {
  std::vector<TokenKind> kinds;
  for (const Token& token : LexAll(GetParam().text)) kinds.push_back(token.kind);
  EXPECT_EQ(kinds, GetParam().kinds) << GetParam().text;
}

using enum TokenKind;

INSTANTIATE_TEST_SUITE_P(
    Texts, Lexing,
    testing::Values(
        LexCase{"", {}}, LexCase{" \t\n", {}},
        LexCase{"\xEF\xBB\xBF\xC2\xA0\xE2\x80\x83 a", {kIdentifier}},
        LexCase{"a-- b", {kIdentifier}}, LexCase{"a // b\nc", {kIdentifier, kIdentifier}},
        LexCase{"a # b\n c", {kIdentifier, kIdentifier}}, LexCase{"a #b", {kIdentifier}},
        LexCase{"#1", {kHash, kDecimal}}, LexCase{"#", {kHash}},
        LexCase{"a /* b */ c", {kIdentifier, kIdentifier}},
        LexCase{"/* a /* b */ c */", {kIdentifier, kStar, kSlash}},
        LexCase{"t.1.2", {kIdentifier, kDot, kDecimal, kDot, kDecimal}},
        LexCase{"1.5", {kDecimal, kDot, kDecimal}}, LexCase{"1.e5", {kFloat}},
        LexCase{".5e3", {kFloat}}, LexCase{"1e", {kDecimal, kIdentifier}},
        LexCase{"2.34e+20", {kFloat}}, LexCase{"0x1e+4", {kHex, kPlus, kDecimal}},
        LexCase{"0x1.8p3", {kFloat}}, LexCase{"0xab.cdp4", {kFloat}}, LexCase{"0x1p4", {kFloat}},
        LexCase{"0xg", {kDecimal, kIdentifier}}, LexCase{"0b101", {kBinary}},
        LexCase{"0b102", {kError}}, LexCase{"0o17", {kOctalPrefixed}},
        LexCase{"0o8", {kDecimal, kIdentifier}}, LexCase{"'a''b'", {kString}},
        LexCase{"'a\\'b'", {kString}}, LexCase{"'a\nb'", {kString}}, LexCase{"'\\x41'", {kString}},
        LexCase{"'\\q'", {kError, kError, kIdentifier, kError}},
        LexCase{"\"a\"\"b\"", {kQuotedIdentifier}}, LexCase{"`a``b`", {kQuotedIdentifier}},
        LexCase{"\"a\\\"b\"", {kQuotedIdentifier}}, LexCase{"`a\\'b`", {kQuotedIdentifier}},
        LexCase{"f'a'", {kTemplateStart, kIdentifier, kError}},
        LexCase{"f 'a'", {kIdentifier, kString}}, LexCase{"F'a'", {kError, kIdentifier, kError}},
        LexCase{"=~*", {kIRegex}}, LexCase{"~*", {kIRegex}}, LexCase{"!~*", {kNotIRegex}},
        LexCase{"a?.b", {kIdentifier, kNullProperty, kIdentifier}}, LexCase{"<>", {kNotEqual}},
        LexCase{"|", {kError}}, LexCase{"@", {kError}}));

TEST(Lexing, OffsetsCountCodePoints) {
  const std::vector<Token> tokens = LexAll("'ü🦔' x");
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].begin.offset, 0);
  EXPECT_EQ(tokens[0].end.offset, 4);
  EXPECT_EQ(tokens[1].begin.offset, 5);
  EXPECT_EQ(tokens[1].begin.byte, 9u);
}

TEST(Lexing, KeywordsIgnoreCase) {
  EXPECT_EQ(LexAll("SeLeCt")[0].keyword, Keyword::kSelect);
  EXPECT_EQ(LexAll("infinity")[0].keyword, Keyword::kInf);
  EXPECT_EQ(LexAll("selects")[0].keyword, Keyword::kNone);
  EXPECT_EQ(LexAll("`select`")[0].keyword, Keyword::kNone);
}

TEST(Decoding, Escapes) {
  EXPECT_EQ(DecodeQuoted("'\\b\\f\\r\\n\\t\\a\\v\\\\'"), "\b\f\r\n\t\a\v\\");
  EXPECT_EQ(DecodeQuoted("'a\\0b'"), "ab");
  EXPECT_EQ(DecodeQuoted("'\\x41'"), "\\x41");
  EXPECT_EQ(DecodeQuoted("'\\\\n'"), "\\n");
  EXPECT_EQ(DecodeQuoted("\"a\"\"b\""), "a\"b");
}

TEST(Utf8, FindsTheBadByte) {
  size_t bad = 99;
  EXPECT_TRUE(IsValidUtf8("a\xC3\xBC\xF0\x9F\xA6\x94", &bad));
  for (const std::string text : {"a\x80", "a\xC0\x80", "a\xED\xA0\x80", "a\xF4\x90\x80\x80",
                                 "a\xE2\x82", "a\xF8\x88\x80\x80\x80", "a\xE0\x80\x80"}) {
    EXPECT_FALSE(IsValidUtf8(text, &bad)) << text;
    EXPECT_EQ(bad, 1u);
  }
}

}  // namespace
}  // namespace hoglet::hogql
