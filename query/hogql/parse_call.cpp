// Calls with everything that may hang on them, casts and windows.
#include "absl/strings/ascii.h"
#include "query/hogql/parser_impl.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

// At `name (`.
ExprPtr Parser::ParseCall() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const TextPosition start = Start();
  const std::string name = NameOf(Take());
  const Mark mark = Save();
  if (std::optional<Arguments> arguments = ParseArguments()) {
    return ParseCallTail(name, *std::move(arguments), start);
  }
  Restore(mark);
  const Token first = Peek(1);
  if (first.keyword != Keyword::kSelect && first.keyword != Keyword::kWith &&
      first.kind != TokenKind::kLeftParen && first.kind != TokenKind::kLeftBrace) {
    return nullptr;
  }
  HOGQL_TRY(query, ParseQueryCall(start));
  return Sugar(start, name, std::move(query));
}

// `(query)`
ExprPtr Parser::ParseQueryCall(TextPosition) {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  Take();
  HOGQL_TRY(query, ParseSetQuery());
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  return query;
}

// `( [DISTINCT] exprs [ORDER BY orders] )`
std::optional<Parser::Arguments> Parser::ParseArguments() {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  Take();
  Arguments arguments;
  if (At(Keyword::kDistinct) && (At(TokenKind::kRightParen, 1) || CanStartOperand(Peek(1)))) {
    Take();
    arguments.distinct = true;
  }
  if (!At(TokenKind::kRightParen)) {
    HOGQL_TRY(expr, ParseExpr());
    arguments.exprs.push_back(std::move(expr));
  }
  HOGQL_NEED(FinishArguments(&arguments));
  return arguments;
}

// What follows the first argument, up to and including the closing parenthesis.
bool Parser::FinishArguments(Arguments* arguments) {
  if (arguments->exprs.empty()) return Expect(TokenKind::kRightParen);
  while (Accept(TokenKind::kComma) && !At(TokenKind::kRightParen)) {
    HOGQL_TRY(expr, ParseExpr());
    arguments->exprs.push_back(std::move(expr));
  }
  if (Accept(Keyword::kOrder, Keyword::kBy)) HOGQL_NEED(ParseOrders(&arguments->order_by));
  return Expect(TokenKind::kRightParen);
}

ExprPtr Parser::ParseCallTail(std::string name, Arguments first, TextPosition start) {
  const bool plain = !first.distinct && first.order_by.empty();
  std::optional<Arguments> second;
  if (plain && At(TokenKind::kLeftParen) && !SplitsHere()) {
    const Mark mark = Save();
    second = ParseArguments();
    if (!second.has_value()) Restore(mark);
  }
  if (plain && !second.has_value() && At(Keyword::kWithin) && At(Keyword::kGroup, 1)) {
    Take();
    Take();
    auto call = std::make_unique<Call>();
    HOGQL_NEED(Expect(TokenKind::kLeftParen) && Expect(Keyword::kOrder) && Expect(Keyword::kBy) &&
               ParseOrders(&call->within_group) && Expect(TokenKind::kRightParen));
    call->name = std::move(name);
    call->params = std::move(first.exprs);
    return Finish(std::move(call), start);
  }
  if (plain && (!second.has_value() || second->order_by.empty())) {
    const Mark mark = Save();
    if (ExprPtr window = ParseWindowCall(name, &first, &second, start)) return window;
    Restore(mark);
  }
  auto call = std::make_unique<Call>();
  call->name = std::move(name);
  if (second.has_value()) {
    call->params = std::move(first.exprs);
    first = *std::move(second);
  }
  call->args = std::move(first.exprs);
  call->distinct = first.distinct;
  call->order_by = std::move(first.order_by);
  HOGQL_NEED(ParseFilter(&call->filter_expr));
  return Finish(std::move(call), start);
}

// FILTER (WHERE condition), if it is here.
bool Parser::ParseFilter(ExprPtr* filter) {
  if (!At(Keyword::kFilter) || !At(TokenKind::kLeftParen, 1)) return true;
  const Bracket bracket(this);
  Take();
  Take();
  HOGQL_NEED(Expect(Keyword::kWhere));
  *filter = ParseExpr();
  return *filter != nullptr && Expect(TokenKind::kRightParen);
}

// Null, with the arguments left alone, when the call is not a window function.
ExprPtr Parser::ParseWindowCall(const std::string& name, Arguments* first,
                                std::optional<Arguments>* second, TextPosition start) {
  ExprPtr ignored_filter;
  HOGQL_NEED(ParseFilter(&ignored_filter));
  HOGQL_NEED(Accept(Keyword::kOver));
  auto function = std::make_unique<WindowFunction>();
  if (Accept(TokenKind::kLeftParen)) {
    const Bracket bracket(this);
    function->over_expr = ParseWindow();
    HOGQL_NEED(function->over_expr && Expect(TokenKind::kRightParen));
  } else {
    HOGQL_TRY(window, ParseName("a window"));
    function->over_identifier = *std::move(window);
  }
  function->name = name;
  function->exprs = std::move(first->exprs);
  if (second->has_value()) function->args = std::move((*second)->exprs);
  return Finish(std::move(function), start);
}

// CAST(x AS type), TRY_CAST(x AS type) and SUBSTRING(x FROM n), or a call of a function with that
// name. The first argument is read once for both.
ExprPtr Parser::ParseCastLike(Keyword keyword) {
  const TextPosition start = Start();
  std::string name = NameOf(Take());
  Arguments arguments;
  {
    const Bracket bracket(this);
    const Nest nest(this);
    HOGQL_NEED(nest);
    const Restored<bool> in_bound(&in_between_bound_, false);
    Take();
    const TextPosition expr_start = Start();
    HOGQL_TRY(expr, ParseUnaliased());
    while (At(Keyword::kAs)) {
      if (keyword != Keyword::kSubstring) {
        const Mark mark = Save();
        if (ExprPtr cast = ParseCastType(keyword, &expr, start)) return cast;
        Restore(mark);
      }
      // The AS of an alias, then; that of the type may still come.
      Take();
      if (!AtName() && !At(TokenKind::kString)) {
        Expected("a type");
        return nullptr;
      }
      auto alias = std::make_unique<Alias>();
      HOGQL_NEED(ParseAliasName(&alias->alias));
      alias->expr = std::move(expr);
      expr = Finish(std::move(alias), expr_start);
    }
    if (keyword == Keyword::kSubstring && Accept(Keyword::kFrom)) {
      HOGQL_NEED(ParseExpr());
      if (Accept(Keyword::kFor)) HOGQL_NEED(ParseExpr());
      HOGQL_NEED(Expect(TokenKind::kRightParen));
      Defer(ParseErrorClass::kNotImplementedError, "Unsupported rule: ColumnExprSubstring");
      return expr;
    }
    arguments.exprs.push_back(std::move(expr));
    HOGQL_NEED(FinishArguments(&arguments));
  }
  return ParseCallTail(std::move(name), std::move(arguments), start);
}

// `AS type )`. On failure `*expr` is untouched.
ExprPtr Parser::ParseCastType(Keyword keyword, ExprPtr* expr, TextPosition start) {
  Take();
  if (At(Keyword::kAs, 1)) return nullptr;
  HOGQL_TRY(type, ParseType());
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  const auto finish = [&](auto cast) -> ExprPtr {
    cast->expr = std::move(*expr);
    cast->type_name = *std::move(type);
    return Finish(std::move(cast), start);
  };
  return keyword == Keyword::kTryCast ? finish(std::make_unique<TryCast>())
                                      : finish(std::make_unique<TypeCast>());
}

ExprPtr Parser::ParseTrim() {
  const Bracket bracket(this);
  const TextPosition start = Start();
  Take();
  Take();
  const Keyword side = Take().keyword;
  HOGQL_TRY(characters, At(TokenKind::kString) ? ParseString() : ParseTemplateString());
  HOGQL_NEED(Expect(Keyword::kFrom));
  HOGQL_TRY(text, ParseExpr());
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  const char* name = side == Keyword::kBoth      ? "trim"
                     : side == Keyword::kLeading ? "trimLeft"
                                                 : "trimRight";
  return Sugar(start, name, std::move(text), std::move(characters));
}

std::unique_ptr<WindowExpr> Parser::ParseWindow() {
  const TextPosition start = Start();
  auto window = std::make_unique<WindowExpr>();
  if (Accept(Keyword::kPartition)) {
    HOGQL_NEED(Expect(Keyword::kBy) && ParseOpenList(&window->partition_by));
  }
  if (Accept(Keyword::kOrder)) {
    HOGQL_NEED(Expect(Keyword::kBy) && ParseOrders(&window->order_by));
  }
  if (At(Keyword::kRows) || At(Keyword::kRange)) {
    window->frame_method =
        Take().keyword == Keyword::kRows ? FrameMethod::kRows : FrameMethod::kRange;
    HOGQL_NEED(ParseFrame(window.get()));
  }
  return Finish(std::move(window), start);
}

bool Parser::ParseFrame(WindowExpr* window) {
  const Mark mark = Save();
  if (Accept(Keyword::kBetween)) {
    window->frame_start = ParseFrameBound();
    if (window->frame_start != nullptr && Expect(Keyword::kAnd)) {
      window->frame_end = ParseFrameBound();
      if (window->frame_end != nullptr) return true;
    }
    window->frame_start = nullptr;
    // BETWEEN may be a name, the offset of a single bound.
    Restore(mark);
  }
  window->frame_start = ParseFrameBound();
  return window->frame_start != nullptr;
}

std::unique_ptr<WindowFrameExpr> Parser::ParseFrameBound() {
  const TextPosition start = Start();
  auto bound = std::make_unique<WindowFrameExpr>();
  if (Accept(Keyword::kCurrent, Keyword::kRow)) return Finish(std::move(bound), start);
  const bool unbounded =
      At(Keyword::kUnbounded) && (At(Keyword::kPreceding, 1) || At(Keyword::kFollowing, 1));
  if (unbounded) {
    Take();
  } else {
    bound->frame_value = ParseUnaliased();
    HOGQL_NEED(bound->frame_value);
  }
  if (Accept(Keyword::kPreceding)) {
    bound->frame_type = FrameType::kPreceding;
  } else if (Accept(Keyword::kFollowing)) {
    bound->frame_type = FrameType::kFollowing;
  } else {
    Expected("PRECEDING or FOLLOWING");
    return nullptr;
  }
  return Finish(std::move(bound), start);
}

// type = type "[" int? "]" | name "(" ... ")" | name name*
std::optional<std::string> Parser::ParseType() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  HOGQL_TRY(name, ParseName("a type"));
  std::string type = absl::AsciiStrToLower(*name);
  if (At(TokenKind::kLeftParen)) {
    HOGQL_TRY(arguments, ParseTypeArguments());
    StrAppend(&type, "(", *arguments, ")");
  } else {
    while (AtName()) StrAppend(&type, " ", absl::AsciiStrToLower(NameOf(Take())));
  }
  while (Accept(TokenKind::kLeftBracket)) {
    StrAppend(&type, "[", At(TokenKind::kDecimal) ? TextOf(Take()) : "", "]");
    HOGQL_NEED(Expect(TokenKind::kRightBracket));
  }
  return type;
}

std::optional<std::string> Parser::ParseTypeArguments() {
  const Bracket bracket(this);
  Take();
  std::string text;
  bool first = true;
  while (!At(TokenKind::kRightParen)) {
    HOGQL_TRY(argument, ParseTypeArgument());
    StrAppend(&text, first ? "" : ", ", *argument);
    first = false;
    if (!Accept(TokenKind::kComma)) break;
  }
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  return text;
}

// A type, a named type (`a Int`), a literal, or a value of an Enum.
std::optional<std::string> Parser::ParseTypeArgument() {
  if (AtName()) {
    if (AtName(1) && At(TokenKind::kLeftParen, 2)) {
      const std::string name = absl::AsciiStrToLower(NameOf(Take()));
      HOGQL_TRY(type, ParseType());
      return StrCat(name, " ", *type);
    }
    return ParseType();
  }
  const TextPosition start = Start();
  if (!AtNumber() && !At(TokenKind::kString)) {
    Expected("a type");
    return std::nullopt;
  }
  HOGQL_TRY(literal, ParsePrimary());
  if (Accept(TokenKind::kEqual)) {
    HOGQL_NEED(AtNumber());
    HOGQL_TRY(value, ParseNumber());
    Defer(ParseErrorClass::kNotImplementedError, "Unsupported rule: ColumnTypeExprEnum");
  }
  return std::string(lexer_.text().substr(start.byte, last_end_.byte - start.byte));
}

}  // namespace hoglet::hogql
