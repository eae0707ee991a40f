// Operators: precedence climbing over prefix, infix and postfix operators.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "query/hogql/parser_impl.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

Level Tighter(Level level) { return static_cast<Level>(static_cast<int>(level) + 1); }

std::optional<CompareOp> CompareOpOf(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEqual:
      return CompareOp::kEqual;
    case TokenKind::kNotEqual:
      return CompareOp::kNotEqual;
    case TokenKind::kLess:
      return CompareOp::kLess;
    case TokenKind::kLessEqual:
      return CompareOp::kLessEqual;
    case TokenKind::kGreater:
      return CompareOp::kGreater;
    case TokenKind::kGreaterEqual:
      return CompareOp::kGreaterEqual;
    case TokenKind::kRegex:
      return CompareOp::kRegex;
    case TokenKind::kIRegex:
      return CompareOp::kIRegex;
    case TokenKind::kNotRegex:
      return CompareOp::kNotRegex;
    case TokenKind::kNotIRegex:
      return CompareOp::kNotIRegex;
    default:
      return std::nullopt;
  }
}

// Moves the operands of an AND (OR) into `list`, or the expression itself.
template <class T>
void Flatten(ExprPtr expr, ExprList* list) {
  if (auto* same = As<T>(expr)) {
    for (ExprPtr& operand : same->exprs) list->push_back(std::move(operand));
  } else {
    list->push_back(std::move(expr));
  }
}

}  // namespace

ExprPtr Parser::ParseExpr() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const TextPosition start = Start();
  HOGQL_TRY(expr, ParseBinary(Level::kTernary));
  while (At(Keyword::kAs)) {
    auto alias = std::make_unique<Alias>();
    if (!AtName(1) && !At(TokenKind::kString, 1)) {
      Take();
      Expected("an alias");
      return nullptr;
    }
    Take();
    HOGQL_NEED(ParseAliasName(&alias->alias));
    alias->expr = std::move(expr);
    expr = Finish(std::move(alias), start);
  }
  return expr;
}

ExprPtr Parser::ParseUnaliased() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  return ParseBinary(Level::kTernary);
}

bool Parser::ParseAliasName(std::string* alias) {
  const Token token = Take();
  if (token.kind == TokenKind::kString) {
    *alias = DecodeQuoted(TextOf(token));
    return true;
  }
  CheckAlias(token);
  *alias = NameOf(token);
  return true;
}

void Parser::CheckAlias(const Token& token) {
  if (token.kind != TokenKind::kIdentifier) return;
  const std::string_view word = TextOf(token);
  const std::string lower = absl::AsciiStrToLower(ToAbsl(word));
  if (lower == "true" || lower == "false" || lower == "null" || lower == "team_id") {
    Defer(ParseErrorClass::kSyntaxError,
          StrCat("\"", word, "\" cannot be an alias or identifier, as it's a reserved keyword"));
  }
}

ExprPtr Parser::ParseBinary(Level min) {
  const TextPosition start = Start();
  HOGQL_TRY(left, ParsePrefix());
  return ParseOperators(std::move(left), min, start);
}

ExprPtr Parser::ParseOperators(ExprPtr left, Level min, TextPosition start) {
  while (left != nullptr) {
    std::optional<ExprPtr> next = ParseOperator(&left, min, start);
    if (!next.has_value()) return left;
    left = *std::move(next);
  }
  return nullptr;
}

ExprPtr Parser::ParsePrefix() {
  const Token token = Peek();
  if (token.kind == TokenKind::kDash && !AtNumber()) return ParseNegation();
  if (token.keyword == Keyword::kNot) return ParseNot();
  return ParsePrimary();
}

ExprPtr Parser::ParseNegation() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const TextPosition start = Start();
  Take();
  auto negation = std::make_unique<ArithmeticOperation>();
  negation->op = ArithmeticOp::kSubtract;
  HOGQL_TRY(operand, ParseBinary(Level::kNegate));
  auto zero = std::make_unique<Constant>(int64_t{0});
  zero->span = {start.offset, start.offset};
  negation->left = std::move(zero);
  negation->right = std::move(operand);
  return Finish(std::move(negation), start);
}

// `not (...)` is a call of the function; NOT before anything else is the operator; and where no
// operand follows it is a name.
ExprPtr Parser::ParseNot() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const TextPosition start = Start();
  const Mark mark = Save();
  if (At(TokenKind::kLeftParen, 1)) {
    Take();
    const bool operand_only = IsParenLambdaAhead() || At(TokenKind::kStar, 1);
    Restore(mark);
    if (!operand_only) return ParsePrimary();
  }
  if (CanStartOperand(Peek(1))) {
    Take();
    if (ExprPtr operand = ParseBinary(Level::kNot)) {
      auto negation = std::make_unique<Not>();
      negation->expr = std::move(operand);
      return Finish(std::move(negation), start);
    }
    Restore(mark);
  }
  return ParsePrimary();
}

bool Parser::SplitsHere(size_t ahead) {
  if (split_ == nullptr || split_->bracket_depth != bracket_depth_) return false;
  if (split_->stop == index_ + ahead) return true;
  const TokenKind kind = Peek(ahead).kind;
  const bool candidate = split_->percent
                             ? kind == TokenKind::kPercent
                             : kind == TokenKind::kLeftParen || kind == TokenKind::kLeftBracket ||
                                   kind == TokenKind::kDash || kind == TokenKind::kStar ||
                                   kind == TokenKind::kLess;
  if (candidate) split_->last = index_ + ahead;
  return false;
}

std::optional<ExprPtr> Parser::ParseOperator(ExprPtr* left, Level min, TextPosition start) {
  if (SplitsHere()) return std::nullopt;
  const TokenKind kind = Peek().kind;
  if (kind == TokenKind::kIdentifier) return ParseKeywordOperator(left, min, start);
  const auto arithmetic = [&](ArithmeticOp op, Level level) -> std::optional<ExprPtr> {
    if (min > level) return std::nullopt;
    return ParseArithmetic(std::move(*left), op, level, start);
  };
  switch (kind) {
    case TokenKind::kStar:
      return arithmetic(ArithmeticOp::kMultiply, Level::kMultiply);
    case TokenKind::kSlash:
      return arithmetic(ArithmeticOp::kDivide, Level::kMultiply);
    case TokenKind::kPercent:
      return arithmetic(ArithmeticOp::kModulo, Level::kMultiply);
    case TokenKind::kPlus:
      return arithmetic(ArithmeticOp::kAdd, Level::kAdd);
    case TokenKind::kDash:
      return arithmetic(ArithmeticOp::kSubtract, Level::kAdd);
    case TokenKind::kConcat:
      if (min > Level::kAdd) return std::nullopt;
      return ParseConcat(std::move(*left), start);
    case TokenKind::kNullish: {
      if (min > Level::kNullish) return std::nullopt;
      Take();
      ExprPtr right = ParseBinary(Tighter(Level::kNullish));
      if (right == nullptr) return ExprPtr();
      return Sugar(start, "ifNull", std::move(*left), std::move(right));
    }
    case TokenKind::kQuestion:
      if (min > Level::kTernary) return std::nullopt;
      return ParseTernary(std::move(*left), start);
    default:
      break;
  }
  if (const auto op = CompareOpOf(kind)) {
    if (min > Level::kCompare) return std::nullopt;
    Take();
    return ParseCompare(std::move(*left), *op, start);
  }
  return ParsePostfix(left, start);
}

std::optional<ExprPtr> Parser::ParsePostfix(ExprPtr* left, TextPosition start) {
  switch (Peek().kind) {
    case TokenKind::kDot:
      Take();
      return ParseDot(std::move(*left), /*nullish=*/false, start);
    case TokenKind::kNullProperty:
      Take();
      if (At(TokenKind::kLeftBracket)) return ParseIndex(std::move(*left), true, start);
      return ParseDot(std::move(*left), /*nullish=*/true, start);
    case TokenKind::kLeftBracket:
      return ParseIndex(std::move(*left), /*nullish=*/false, start);
    case TokenKind::kLeftParen:
      return ParseCallOf(std::move(*left), start);
    case TokenKind::kDoubleColon:
      return ParseCastSuffix(std::move(*left), start);
    default:
      return std::nullopt;
  }
}

std::optional<ExprPtr> Parser::ParseKeywordOperator(ExprPtr* left, Level min, TextPosition start) {
  const Keyword keyword = Peek().keyword;
  const bool negated = keyword == Keyword::kNot;
  switch (negated ? Peek(1).keyword : keyword) {
    case Keyword::kIn:
      if (min > Level::kCompare) return std::nullopt;
      if (negated) Take();
      return ParseIn(std::move(*left), negated, start);
    case Keyword::kLike:
    case Keyword::kIlike: {
      if (min > Level::kCompare) return std::nullopt;
      if (negated) Take();
      const bool ilike = Take().keyword == Keyword::kIlike;
      const CompareOp plain = ilike ? CompareOp::kILike : CompareOp::kLike;
      const CompareOp inverse = ilike ? CompareOp::kNotILike : CompareOp::kNotLike;
      return ParseCompare(std::move(*left), negated ? inverse : plain, start);
    }
    case Keyword::kBetween:
      if (min > Level::kBetween) return std::nullopt;
      if (negated) Take();
      return ParseBetween(std::move(*left), negated, start);
    default:
      break;
  }
  switch (keyword) {
    case Keyword::kNot:
      // An error unless an enclosing construct goes on with NOT, which none does.
      ExpectedAt(Peek(1), "IN, LIKE, ILIKE or BETWEEN after NOT");
      return std::nullopt;
    case Keyword::kIs:
      if (min > Level::kIsNull) return std::nullopt;
      return ParseIs(std::move(*left), start);
    case Keyword::kIgnore:
      if (min > Level::kIsNull) return std::nullopt;
      if (!At(Keyword::kNulls, 1)) {
        ExpectedAt(Peek(1), "NULLS");
        return std::nullopt;
      }
      Take();
      Take();
      return std::move(*left);
    case Keyword::kAnd:
      if (min > Level::kAnd) return std::nullopt;
      return ParseLogical<And>(std::move(*left), keyword, Level::kAnd, start);
    case Keyword::kOr:
      if (min > Level::kOr) return std::nullopt;
      return ParseLogical<Or>(std::move(*left), keyword, Level::kOr, start);
    default:
      return std::nullopt;
  }
}

ExprPtr Parser::ParseArithmetic(ExprPtr left, ArithmeticOp op, Level level, TextPosition start) {
  Take();
  auto operation = std::make_unique<ArithmeticOperation>();
  HOGQL_TRY(right, ParseBinary(Tighter(level)));
  operation->op = op;
  operation->left = std::move(left);
  operation->right = std::move(right);
  return Finish(std::move(operation), start);
}

ExprPtr Parser::ParseCompare(ExprPtr left, CompareOp op, TextPosition start) {
  auto operation = std::make_unique<CompareOperation>();
  HOGQL_TRY(right, ParseBinary(Tighter(Level::kCompare)));
  operation->op = op;
  operation->left = std::move(left);
  operation->right = std::move(right);
  return Finish(std::move(operation), start);
}

ExprPtr Parser::ParseIn(ExprPtr left, bool negated, TextPosition start) {
  Take();
  if (At(Keyword::kCohort) && CanStartOperand(Peek(1))) {
    const Mark mark = Save();
    Take();
    if (ExprPtr cohort = ParseBinary(Tighter(Level::kCompare))) {
      auto operation = std::make_unique<CompareOperation>();
      operation->op = negated ? CompareOp::kNotInCohort : CompareOp::kInCohort;
      operation->left = std::move(left);
      operation->right = std::move(cohort);
      return Finish(std::move(operation), start);
    }
    Restore(mark);
  }
  return ParseCompare(std::move(left), negated ? CompareOp::kNotIn : CompareOp::kIn, start);
}

// A chain becomes one call; a call of concat() that was written out joins it too.
ExprPtr Parser::ParseConcat(ExprPtr left, TextPosition start) {
  Take();
  HOGQL_TRY(right, ParseBinary(Tighter(Level::kAdd)));
  ExprList args;
  const auto add = [&args](ExprPtr operand) {
    auto* call = As<Call>(operand);
    if (call == nullptr || call->name != "concat") {
      args.push_back(std::move(operand));
      return;
    }
    for (ExprPtr& arg : call->args) args.push_back(std::move(arg));
  };
  // A long chain must not cost the square of its length.
  auto* chain = As<Call>(left);
  if (chain != nullptr && chain->is_sugar && chain->name == "concat") {
    add(std::move(right));
    for (ExprPtr& arg : args) {
      chain->height = std::max(chain->height, arg->height + 1);
      chain->args.push_back(std::move(arg));
    }
    chain->span = {start.offset, last_end_.offset};
    return left;
  }
  add(std::move(left));
  add(std::move(right));
  return MakeSugar("concat", std::move(args), start);
}

ExprPtr Parser::ParseIs(ExprPtr left, TextPosition start) {
  Take();
  const bool negated = Accept(Keyword::kNot);
  if (Accept(Keyword::kNull)) {
    auto operation = std::make_unique<CompareOperation>();
    auto null = std::make_unique<Constant>();
    null->span = {last_end_.offset - 4, last_end_.offset};
    operation->op = negated ? CompareOp::kNotEqual : CompareOp::kEqual;
    operation->left = std::move(left);
    operation->right = std::move(null);
    operation->is_null_comparison_style = true;
    return Finish(std::move(operation), start);
  }
  if (!At(Keyword::kDistinct)) Expected("NULL");
  HOGQL_NEED(Expect(Keyword::kDistinct) && Expect(Keyword::kFrom));
  auto distinct = std::make_unique<IsDistinctFrom>();
  HOGQL_TRY(right, ParseBinary(Level::kCompare));
  distinct->left = std::move(left);
  distinct->right = std::move(right);
  distinct->negated = negated;
  return Finish(std::move(distinct), start);
}

ExprPtr Parser::ParseBetween(ExprPtr left, bool negated, TextPosition start) {
  Take();
  auto between = std::make_unique<BetweenExpr>();
  const Restored<bool> in_bound(&in_between_bound_, true);
  HOGQL_TRY(low, ParseBinary(Level::kNullish));
  HOGQL_NEED(Expect(Keyword::kAnd));
  HOGQL_TRY(high, ParseBinary(Level::kNullish));
  between->expr = std::move(left);
  between->low = std::move(low);
  between->high = std::move(high);
  between->negated = negated;
  return Finish(std::move(between), start);
}

ExprPtr Parser::ParseTernary(ExprPtr left, TextPosition start) {
  const Nest nest(this);
  HOGQL_NEED(nest);
  Take();
  HOGQL_TRY(then_expr, ParseExpr());
  HOGQL_NEED(Expect(TokenKind::kColon));
  HOGQL_TRY(else_expr, ParseBinary(Level::kTernary));
  return Sugar(start, "if", std::move(left), std::move(then_expr), std::move(else_expr));
}

template <class T>
ExprPtr Parser::ParseLogical(ExprPtr left, Keyword keyword, Level level, TextPosition start) {
  auto logical = std::make_unique<T>();
  Flatten<T>(std::move(left), &logical->exprs);
  while (At(keyword) && !SplitsHere()) {
    Take();
    HOGQL_TRY(operand, ParseBinary(Tighter(level)));
    Flatten<T>(std::move(operand), &logical->exprs);
  }
  return Finish(std::move(logical), start);
}

ExprPtr Parser::ParseDot(ExprPtr left, bool nullish, TextPosition start) {
  if (At(TokenKind::kDecimal)) {
    auto access = std::make_unique<TupleAccess>();
    const Token token = Take();
    const ConstantValue value = IntegerValue(token, /*negative=*/false);
    const int64_t* index = std::get_if<int64_t>(&value);
    if (index == nullptr) {
      ExpectedAt(token, "a smaller index");
      return nullptr;
    }
    access->tuple = std::move(left);
    access->index = *index;
    access->nullish = nullish;
    return Finish(std::move(access), start);
  }
  const TextPosition name_start = Start();
  HOGQL_TRY(name, ParseName("a name or an index"));
  auto access = std::make_unique<ArrayAccess>();
  access->array = std::move(left);
  access->property = Finish(std::make_unique<Constant>(*std::move(name)), name_start);
  access->nullish = nullish;
  return Finish(std::move(access), start);
}

ExprPtr Parser::ParseIndex(ExprPtr left, bool nullish, TextPosition start) {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  Take();
  ExprPtr first;
  if (nullish || !At(TokenKind::kColon)) {
    first = ParseExpr();
    HOGQL_NEED(first);
  }
  if (!nullish && Accept(TokenKind::kColon)) {
    auto slice = std::make_unique<ArraySlice>();
    slice->array = std::move(left);
    slice->start_expr = std::move(first);
    if (!At(TokenKind::kRightBracket)) {
      slice->end_expr = ParseExpr();
      HOGQL_NEED(slice->end_expr);
    }
    HOGQL_NEED(Expect(TokenKind::kRightBracket));
    return Finish(std::move(slice), start);
  }
  HOGQL_NEED(Expect(TokenKind::kRightBracket));
  auto access = std::make_unique<ArrayAccess>();
  access->array = std::move(left);
  access->property = std::move(first);
  access->nullish = nullish;
  return Finish(std::move(access), start);
}

// `callee(args)` or `callee(query)`.
ExprPtr Parser::ParseCallOf(ExprPtr callee, TextPosition start) {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  Take();
  const Mark mark = Save();
  auto call = std::make_unique<ExprCall>();
  if (!ParseExprsUntil(TokenKind::kRightParen, &call->args)) {
    Restore(mark);
    call->args.clear();
    HOGQL_TRY(query, ParseSetQuery());
    HOGQL_NEED(Expect(TokenKind::kRightParen));
    call->args.push_back(std::move(query));
  }
  call->expr = std::move(callee);
  return Finish(std::move(call), start);
}

ExprPtr Parser::ParseCastSuffix(ExprPtr left, TextPosition start) {
  Take();
  const Token token = Peek();
  bool allowed = token.kind == TokenKind::kQuotedIdentifier ||
                 (token.kind == TokenKind::kIdentifier && token.keyword == Keyword::kNone);
  switch (token.keyword) {
    case Keyword::kDate:
    case Keyword::kTime:
    case Keyword::kTimestamp:
    case Keyword::kInterval:
      allowed = true;
      break;
    default:
      allowed = allowed || AtUnit();
      break;
  }
  if (!allowed) {
    Expected("a type");
    return nullptr;
  }
  auto cast = std::make_unique<TypeCast>();
  cast->type_name = absl::AsciiStrToLower(NameOf(Take()));
  if (At(Keyword::kWith) && (At(Keyword::kTime, 1) || At(Keyword::kLocal, 1))) {
    Take();
    const bool local = Accept(Keyword::kLocal);
    HOGQL_NEED(Expect(Keyword::kTime) && Expect(Keyword::kZone));
    StrAppend(&cast->type_name, local ? " with local time zone" : " with time zone");
  }
  cast->expr = std::move(left);
  return Finish(std::move(cast), start);
}

bool Parser::ParseExprsUntil(TokenKind closer, ExprList* list) {
  if (Accept(closer)) return true;
  do {
    if (!list->empty() && At(closer)) break;  // A trailing comma.
    HOGQL_TRY(expr, ParseExpr());
    list->push_back(std::move(expr));
  } while (Accept(TokenKind::kComma));
  return Expect(closer);
}

bool Parser::ParseSomeExprsUntil(TokenKind closer, ExprList* list) {
  if (At(closer)) {
    Expected("an expression");
    return false;
  }
  return ParseExprsUntil(closer, list);
}

bool Parser::ParseOpenList(ExprList* list) {
  do {
    if (!list->empty() && !CanStartOperand(Peek())) break;  // A trailing comma.
    HOGQL_TRY(expr, ParseExpr());
    list->push_back(std::move(expr));
  } while (Accept(TokenKind::kComma));
  return true;
}

std::unique_ptr<Call> Parser::MakeSugar(std::string name, ExprList args, TextPosition start) {
  auto call = std::make_unique<Call>();
  call->name = std::move(name);
  call->args = std::move(args);
  call->is_sugar = true;
  return Finish(std::move(call), start);
}

}  // namespace hoglet::hogql
