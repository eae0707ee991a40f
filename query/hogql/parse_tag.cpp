// HogQLX tags: <Name attribute='text' other={expr}>children</Name>.
#include <algorithm>

#include "query/hogql/parser_impl.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

bool IsLayout(const std::string& text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string::npos &&
         text.find_first_of("\r\n") != std::string::npos;
}

}  // namespace

// At '<', where an operand is expected.
bool Parser::AtTag() {
  const TextPosition inside = Peek().end;
  return lexer_.NextInTag(inside).kind == TokenKind::kIdentifier;
}

ExprPtr Parser::ParseTag() {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  const TextPosition start = Start();
  TextPosition end = Take().end;
  HOGQL_TRY(tag, ParseTagFrom(start, &end));
  return tag;
}

// `*end` is behind '<' at first, behind the tag's last '>' at the end.
std::unique_ptr<HogQLXTag> Parser::ParseTagFrom(TextPosition open, TextPosition* end) {
  const Nest nest(this);
  HOGQL_NEED(nest);
  auto tag = std::make_unique<HogQLXTag>();
  const Token name = lexer_.NextInTag(*end);
  if (name.kind != TokenKind::kIdentifier) {
    ExpectedAt(name, "the name of a tag");
    return nullptr;
  }
  tag->tag_kind = std::string(TextOf(name));
  *end = name.end;
  Token token = lexer_.NextInTag(*end);
  while (token.kind == TokenKind::kIdentifier) {
    *end = token.end;
    HOGQL_TRY(attribute, ParseTagAttribute(token, end));
    tag->attributes.push_back(std::move(attribute));
    token = lexer_.NextInTag(*end);
  }
  *end = token.end;
  if (token.kind == TokenKind::kGreater) {
    HOGQL_TRY(children, ParseTagChildren(tag->tag_kind, end));
    const bool has_children_attribute =
        std::any_of(tag->attributes.begin(), tag->attributes.end(),
                    [](const auto& attribute) { return attribute->name == "children"; });
    if (!children->empty() && has_children_attribute) {
      Defer(ParseErrorClass::kSyntaxError,
            "Can't have a HogQLX tag with both children and a 'children' attribute");
    } else if (!children->empty()) {
      auto attribute = std::make_unique<HogQLXAttribute>();
      attribute->name = "children";
      attribute->children = *std::move(children);
      ResumeAt(*end);
      tag->attributes.push_back(Finish(std::move(attribute), token.end));
    }
  } else if (token.kind != TokenKind::kTagSelfClose) {
    ExpectedAt(token, "an attribute or \">\" or \"/>\"");
    return nullptr;
  }
  ResumeAt(*end);
  return Finish(std::move(tag), open);
}

std::unique_ptr<HogQLXAttribute> Parser::ParseTagAttribute(const Token& name, TextPosition* end) {
  auto attribute = std::make_unique<HogQLXAttribute>();
  attribute->name = std::string(TextOf(name));
  const Token equal = lexer_.NextInTag(*end);
  if (equal.kind != TokenKind::kEqual) {
    attribute->value = std::make_unique<Constant>(true);
    attribute->value->span = {name.begin.offset, name.end.offset};
  } else {
    const Token value = lexer_.NextInTag(equal.end);
    if (value.kind == TokenKind::kString) {
      auto text = std::make_unique<Constant>(DecodeQuoted(TextOf(value)));
      text->span = {value.begin.offset, value.end.offset};
      attribute->value = std::move(text);
      *end = value.end;
    } else if (value.kind == TokenKind::kLeftBrace) {
      attribute->value = ParseBracedExpr(value.begin, end);
      HOGQL_NEED(attribute->value);
    } else {
      ExpectedAt(value, "a string or \"{\"");
      return nullptr;
    }
  }
  ResumeAt(*end);
  return Finish(std::move(attribute), name.begin);
}

// From behind '>' to behind the closing tag of `kind`.
std::optional<ExprList> Parser::ParseTagChildren(const std::string& kind, TextPosition* position) {
  ExprList children;
  const size_t deferred_before = deferred_.size();
  while (true) {
    TextPiece piece = lexer_.NextTagText(*position);
    if (!piece.text.empty() && !IsLayout(piece.text)) {
      auto text = std::make_unique<Constant>(std::move(piece.text));
      text->span = {position->offset, piece.end.offset};
      children.push_back(std::move(text));
    }
    *position = piece.end;
    if (piece.stop == TextPiece::Stop::kBrace) {
      HOGQL_TRY(expr, ParseBracedExpr(*position, position));
      children.push_back(std::move(expr));
      continue;
    }
    const Token token = lexer_.NextInTag(*position);
    *position = token.end;
    if (token.kind == TokenKind::kLess) {
      HOGQL_TRY(child, ParseTagFrom(token.begin, position));
      children.push_back(std::move(child));
    } else if (token.kind == TokenKind::kTagEndOpen) {
      const Token name = lexer_.NextInTag(token.end);
      if (name.kind != TokenKind::kIdentifier) {
        ExpectedAt(name, "the name of a tag");
        return std::nullopt;
      }
      const Token close = lexer_.NextInTag(name.end);
      if (close.kind != TokenKind::kGreater) {
        ExpectedAt(close, "\">\"");
        return std::nullopt;
      }
      if (TextOf(name) != kind) {
        // Said before anything about the children.
        deferred_.insert(deferred_.begin() + static_cast<std::ptrdiff_t>(deferred_before),
                         {ParseErrorClass::kSyntaxError,
                          StrCat("Opening and closing HogQLX tags must match. Got ", kind, " and ",
                                 TextOf(name)),
                          {}});
      }
      *position = close.end;
      return children;
    } else {
      ExpectedAt(token, StrCat("\"</", kind, ">\""));
      return std::nullopt;
    }
  }
}

// From '{' at `brace` to behind '}'.
ExprPtr Parser::ParseBracedExpr(TextPosition brace, TextPosition* end) {
  ResumeAt(lexer_.Advance(brace, 1));
  HOGQL_TRY(expr, ParseExpr());
  if (!At(TokenKind::kRightBrace)) {
    Expected("\"}\"");
    return nullptr;
  }
  *end = Take().end;
  return expr;
}

}  // namespace hoglet::hogql
