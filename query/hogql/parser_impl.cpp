#include "query/hogql/parser_impl.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "query/hogql/ast_walk.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

constexpr uint64_t kStepsBase = 200'000;
constexpr uint64_t kStepsPerByte = 16;
constexpr size_t kExpectedShownMax = 4;

std::string_view KindText(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEnd:
      return "the end";
    case TokenKind::kDecimal:
      return "an integer";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kIdentifier:
      return "a name";
    case TokenKind::kArrow:
      return "\"->\"";
    case TokenKind::kAssign:
      return "\":=\"";
    case TokenKind::kColon:
      return "\":\"";
    case TokenKind::kComma:
      return "\",\"";
    case TokenKind::kDot:
      return "\".\"";
    case TokenKind::kSemicolon:
      return "\";\"";
    case TokenKind::kLeftParen:
      return "\"(\"";
    case TokenKind::kRightParen:
      return "\")\"";
    case TokenKind::kRightBracket:
      return "\"]\"";
    case TokenKind::kLeftBrace:
      return "\"{\"";
    case TokenKind::kRightBrace:
      return "\"}\"";
    default:
      return "another symbol";
  }
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

// The keyword that a misspelt word most likely meant; empty when none is near.
std::string_view NearestKeyword(std::string_view word) {
  static constexpr std::string_view kCommon[] = {
      "SELECT", "DISTINCT", "FROM",      "WHERE", "PREWHERE", "GROUP", "HAVING",
      "ORDER",  "LIMIT",    "OFFSET",    "JOIN",  "LEFT",     "INNER", "UNION",
      "WITH",   "BETWEEN",  "SAMPLE",    "FINAL", "WHEN",     "THEN",  "ELSE",
      "WINDOW", "OVER",     "PARTITION", "USING", "RETURN",   "WHILE", "INTERVAL"};
  if (word.size() < 3 || word.size() > 12) return "";
  const std::string upper = absl::AsciiStrToUpper(ToAbsl(word));
  const size_t limit = word.size() < 5 ? 1 : 2;
  std::string_view best;
  size_t best_distance = limit + 1;
  for (const std::string_view keyword : kCommon) {
    const size_t distance = EditDistance(upper, keyword);
    if (distance > 0 && distance < best_distance) {
      best = keyword;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace

Parser::Parser(std::string_view text)
    : lexer_(text), steps_max_(kStepsBase + kStepsPerByte * text.size()) {}

Parser::Nest::Nest(Parser* parser) : parser_(*parser), ok_(++parser->depth_ <= kNestingMax) {
  if (!ok_) parser_.Fatal(StrCat("Nested more than ", kNestingMax, " levels deep"));
}

Token Parser::Peek(size_t ahead) {
  if (fatal_.has_value()) return fatal_token_;
  const size_t wanted = index_ + ahead;
  while (tokens_.size() <= wanted) {
    if (!tokens_.empty() && tokens_.back().kind == TokenKind::kEnd) return tokens_.back();
    tokens_.push_back(lexer_.Next(tokens_.empty() ? TextPosition{} : tokens_.back().end));
  }
  return tokens_[wanted];
}

bool Parser::AtName(size_t ahead) {
  const Token token = Peek(ahead);
  if (token.kind == TokenKind::kQuotedIdentifier) return true;
  return token.kind == TokenKind::kIdentifier && IsNameKeyword(token.keyword);
}

Token Parser::Take() {
  const Token token = Peek();
  if (++steps_ > steps_max_) Fatal("The text is too ambiguous to be read; please simplify it");
  if (token.kind != TokenKind::kEnd && !fatal_.has_value()) ++index_;
  last_end_ = token.end;
  return token;
}

bool Parser::Accept(TokenKind kind) {
  if (!At(kind)) return false;
  Take();
  return true;
}

bool Parser::Accept(Keyword keyword) {
  if (!At(keyword)) return false;
  Take();
  return true;
}

bool Parser::Accept(Keyword first, Keyword second) {
  if (!At(first) || !At(second, 1)) return false;
  Take();
  Take();
  return true;
}

bool Parser::Expect(TokenKind kind) {
  if (Accept(kind)) return true;
  Expected(KindText(kind));
  return false;
}

bool Parser::Expect(Keyword keyword) {
  if (Accept(keyword)) return true;
  Expected(KeywordText(keyword));
  return false;
}

void Parser::Expected(std::string_view what) { ExpectedAt(Peek(), what); }

void Parser::ExpectedAt(const Token& token, std::string_view what) {
  if (fatal_.has_value()) return;
  if (!furthest_.has_value() || token.begin.byte > furthest_->begin.byte) {
    furthest_ = token;
    expected_.clear();
  } else if (token.begin.byte < furthest_->begin.byte) {
    return;
  }
  if (std::find(expected_.begin(), expected_.end(), what) == expected_.end()) {
    expected_.emplace_back(what);
  }
}

void Parser::Restore(const Mark& mark) {
  index_ = mark.index;
  deferred_.resize(mark.deferred_count);
  last_end_ = mark.last_end;
  // Tokens behind a template or tag depend on its having been read as one.
  size_t keep = tokens_.size();
  while (!modal_.empty() && modal_.back() >= index_) {
    keep = std::min(keep, modal_.back());
    modal_.pop_back();
  }
  if (keep < tokens_.size()) {
    tokens_.resize(keep);
    no_lambda_ = {0, 0};
  }
}

void Parser::ResumeAt(TextPosition position) {
  if (fatal_.has_value()) return;
  // The last token taken now ends where the other mode ended.
  tokens_.resize(index_);
  tokens_.back().end = position;
  modal_.push_back(index_ - 1);
  last_end_ = position;
  no_lambda_ = {0, 0};
}

void Parser::Defer(ParseErrorClass error_class, std::string message, SourceSpan span) {
  deferred_.push_back({error_class, std::move(message), span});
}

void Parser::Fatal(std::string message) {
  if (fatal_.has_value()) return;
  fatal_token_ = Peek();
  fatal_token_.kind = TokenKind::kError;
  fatal_token_.keyword = Keyword::kNone;
  fatal_ = std::move(message);
}

bool Parser::CanStartOperand(const Token& token) const {
  switch (token.kind) {
    case TokenKind::kIdentifier:
      return IsNameKeyword(token.keyword) || token.keyword == Keyword::kInf ||
             token.keyword == Keyword::kNan || token.keyword == Keyword::kNull;
    case TokenKind::kQuotedIdentifier:
    case TokenKind::kString:
    case TokenKind::kDecimal:
    case TokenKind::kHex:
    case TokenKind::kBinary:
    case TokenKind::kOctalPrefixed:
    case TokenKind::kFloat:
    case TokenKind::kTemplateStart:
    case TokenKind::kStar:
    case TokenKind::kDash:
    case TokenKind::kPlus:
    case TokenKind::kDot:
    case TokenKind::kHash:
    case TokenKind::kLess:
    case TokenKind::kLeftParen:
    case TokenKind::kLeftBracket:
    case TokenKind::kLeftBrace:
      return true;
    default:
      return false;
  }
}

std::string Parser::NameOf(const Token& token) const {
  const std::string_view text = TextOf(token);
  return token.kind == TokenKind::kQuotedIdentifier ? DecodeQuoted(text) : std::string(text);
}

std::optional<std::string> Parser::ParseName(std::string_view what) {
  if (!AtName()) {
    Expected(what);
    return std::nullopt;
  }
  return NameOf(Take());
}

bool Parser::ParseNames(TokenKind closer, std::vector<std::string>* names, bool allow_empty) {
  if (allow_empty && Accept(closer)) return true;
  do {
    if (!names->empty() && At(closer)) break;  // A trailing comma.
    HOGQL_TRY(name, ParseName("a name"));
    names->push_back(*std::move(name));
  } while (Accept(TokenKind::kComma));
  return Expect(closer);
}

void Parser::FinishNode(Node* node, TextPosition start) {
  node->span = {start.offset, std::max(start.offset, last_end_.offset)};
  ForEachChild(*node, [node](const Node& child) {
    node->height = std::max(node->height, child.height + 1);
  });
  if (node->height > kTreeHeightMax) {
    Fatal(StrCat("The text needs a tree of more than ", kTreeHeightMax, " levels"));
  }
}

std::string Parser::DescribeFound(const Token& token) const {
  if (token.kind == TokenKind::kEnd) return "end of the text";
  std::string text(TextOf(token).substr(0, 40));
  if (token.kind == TokenKind::kString) return StrCat("string ", text);
  return StrCat("\"", text, "\"");
}

std::optional<ParseError> Parser::DeferredError() const {
  if (deferred_.empty()) return std::nullopt;
  const Deferred& first = deferred_.front();
  return ParseError{first.error_class, first.message, first.span.start, first.span.end};
}

ParseError Parser::GrammarError() const {
  const auto text_end = lexer_.Advance({}, static_cast<uint32_t>(lexer_.text().size())).offset;
  ParseError error;
  error.end = text_end;
  if (fatal_.has_value()) {
    error.message = *fatal_;
    error.start = fatal_token_.begin.offset;
    return error;
  }
  const Token token = furthest_.value_or(Token{});
  error.start = token.begin.offset;
  if (token.kind == TokenKind::kError) {
    error.message = lexer_.ErrorMessage(token);
    return error;
  }
  error.message = StrCat("Unexpected ", DescribeFound(token));
  if (!expected_.empty() && expected_.size() <= kExpectedShownMax) {
    StrAppend(&error.message, ", expected ", absl::StrJoin(expected_, " or "));
  }
  if (token.kind == TokenKind::kIdentifier) {
    const std::string_view nearest = NearestKeyword(TextOf(token));
    if (!nearest.empty()) StrAppend(&error.message, "; did you mean ", nearest, "?");
  }
  return error;
}

}  // namespace hoglet::hogql
