// Operands: names, literals' dispatch, parentheses, braces, CASE, COLUMNS, lambdas.
#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "query/hogql/parser_impl.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

ExprPtr Parser::ParsePrimary() {
  const TextPosition start = Start();
  if (AtNumber()) return ParseNumber();
  switch (Peek().kind) {
    case TokenKind::kString:
      return ParseString();
    case TokenKind::kTemplateStart:
      return ParseTemplateString();
    case TokenKind::kStar:
      return ParseAsterisk();
    case TokenKind::kLeftParen:
      return ParseParen();
    case TokenKind::kLeftBracket:
      return ParseArray();
    case TokenKind::kLeftBrace:
      return ParseBrace();
    case TokenKind::kIdentifier:
    case TokenKind::kQuotedIdentifier:
      return ParseWord();
    case TokenKind::kLess:
      if (AtTag()) return ParseTag();
      break;
    case TokenKind::kHash: {
      Take();
      if (!At(TokenKind::kDecimal)) break;
      const ConstantValue value = IntegerValue(Take(), /*negative=*/false);
      const int64_t* index = std::get_if<int64_t>(&value);
      if (index == nullptr) break;
      auto reference = std::make_unique<PositionalRef>();
      reference->index = *index;
      return Finish(std::move(reference), start);
    }
    case TokenKind::kPlus:
      Take();
      Expected("a number");
      return nullptr;
    case TokenKind::kDot:
      Take();
      Expected("digits");
      return nullptr;
    default:
      break;
  }
  Expected("an expression");
  return nullptr;
}

ExprPtr Parser::ParseWord() {
  if (IsLambdaAhead()) return ParseLambda();
  const Token word = Peek();
  if (word.keyword != Keyword::kNone) {
    std::optional<ExprPtr> construct = ParseKeywordConstruct(word);
    if (construct.has_value()) return *std::move(construct);
  }
  if (!AtName()) {
    Expected("an expression");
    return nullptr;
  }
  if (At(TokenKind::kLeftParen, 1) && !SplitsHere(1)) return ParseCall();
  if (At(TokenKind::kAssign, 1) && assignment_depth_ != bracket_depth_) {
    return ParseNamedArgument();
  }
  return ParseField();
}

std::optional<ExprPtr> Parser::ParseKeywordConstruct(const Token& word) {
  const Mark mark = Save();
  const bool call = At(TokenKind::kLeftParen, 1);
  switch (word.keyword) {
    case Keyword::kNull: {
      Take();
      return Finish(std::make_unique<Constant>(), word.begin);
    }
    case Keyword::kCase:
      if (!CanStartOperand(Peek(1))) return std::nullopt;
      if (ExprPtr expr = ParseCase()) return expr;
      Restore(mark);
      return std::nullopt;
    case Keyword::kInterval:
      if (!CanStartOperand(Peek(1))) return std::nullopt;
      if (ExprPtr expr = ParseInterval()) return expr;
      Restore(mark);
      return std::nullopt;
    case Keyword::kCast:
    case Keyword::kTryCast:
    case Keyword::kSubstring:
      // Without an argument, or with one that is no plain expression, it is a call.
      if (!call || !CanStartOperand(Peek(2)) || At(Keyword::kDistinct, 2)) return std::nullopt;
      return ParseCastLike(word.keyword);
    case Keyword::kTrim:
      if (call &&
          (At(Keyword::kBoth, 2) || At(Keyword::kLeading, 2) || At(Keyword::kTrailing, 2)) &&
          (At(TokenKind::kString, 3) || At(TokenKind::kTemplateStart, 3))) {
        return ParseTrim();
      }
      return std::nullopt;
    case Keyword::kDate:
    case Keyword::kTimestamp:
      if (!At(TokenKind::kString, 1)) return std::nullopt;
      Take();
      Defer(ParseErrorClass::kNotImplementedError, word.keyword == Keyword::kDate
                                                       ? "Unsupported rule: ColumnExprDate"
                                                       : "Unsupported rule: ColumnExprTimestamp");
      return ParseString();
    case Keyword::kColumns:
      if (!call || At(TokenKind::kRightParen, 2)) return std::nullopt;
      return ParseColumns();
    case Keyword::kArray:
      if (!At(TokenKind::kLeftBracket, 1)) return std::nullopt;
      Take();
      return ParseArray();
    case Keyword::kLambda:
      if (!IsKeywordLambdaAhead()) return std::nullopt;
      return ParseLambda();
    default:
      return std::nullopt;
  }
}

ExprPtr Parser::ParseField() {
  const TextPosition start = Start();
  const Token first = Take();
  auto field = std::make_unique<Field>();
  field->chain.push_back(NameOf(first));
  while (At(TokenKind::kDot) && AtName(1)) {
    Take();
    field->chain.push_back(NameOf(Take()));
  }
  if (At(TokenKind::kDot) && At(TokenKind::kStar, 1)) {
    Take();
    Take();
    const Mark mark = Save();
    auto columns = std::make_unique<ColumnsExpr>();
    if (At(Keyword::kExclude) && At(TokenKind::kLeftParen, 1)) {
      if (ParseExclude(&columns->exclude)) {
        columns->all_columns = true;
        columns->qualifier = std::move(field->chain);
        return Finish(std::move(columns), start);
      }
      Restore(mark);
    }
    field->chain.push_back("*");
  } else if (field->chain.size() == 1 && first.kind == TokenKind::kIdentifier) {
    const std::string lower = absl::AsciiStrToLower(field->chain[0]);
    if (lower == "true" || lower == "false") {
      return Finish(std::make_unique<Constant>(lower == "true"), start);
    }
  }
  return Finish(std::move(field), start);
}

ExprPtr Parser::ParseCase() {
  const TextPosition start = Start();
  Take();
  if (At(Keyword::kWhen)) return ParseSearchedCase(nullptr, start);
  HOGQL_TRY(subject, ParseExpr());
  if (!At(Keyword::kWhen)) {
    Expected("WHEN");
    return nullptr;
  }
  return ParseSearchedCase(std::move(subject), start);
}

ExprPtr Parser::ParseSearchedCase(ExprPtr subject, TextPosition start) {
  ExprList args;
  const bool has_subject = subject != nullptr;
  if (has_subject) args.push_back(std::move(subject));
  while (Accept(Keyword::kWhen)) {
    HOGQL_TRY(condition, ParseExpr());
    HOGQL_NEED(Expect(Keyword::kThen));
    HOGQL_TRY(result, ParseExpr());
    args.push_back(std::move(condition));
    args.push_back(std::move(result));
  }
  if (Accept(Keyword::kElse)) {
    HOGQL_TRY(otherwise, ParseExpr());
    args.push_back(std::move(otherwise));
  } else {
    args.push_back(Finish(std::make_unique<Constant>(), last_end_));
  }
  HOGQL_NEED(Expect(Keyword::kEnd));
  const char* name = has_subject ? "_caseWithExpression" : args.size() == 3 ? "if" : "multiIf";
  return MakeSugar(name, std::move(args), start);
}

ExprPtr Parser::ParseAsterisk() {
  const TextPosition start = Start();
  Take();
  if (At(Keyword::kColumns) && At(TokenKind::kLeftParen, 1) && !At(TokenKind::kRightParen, 2)) {
    auto spread = std::make_unique<SpreadExpr>();
    spread->expr = ParseColumns();
    HOGQL_NEED(spread->expr);
    return Finish(std::move(spread), start);
  }
  if (At(Keyword::kExclude) && At(TokenKind::kLeftParen, 1)) {
    const Mark mark = Save();
    auto columns = std::make_unique<ColumnsExpr>();
    columns->all_columns = true;
    if (ParseExclude(&columns->exclude)) return Finish(std::move(columns), start);
    Restore(mark);
  }
  return Finish(std::make_unique<Field>(std::vector<std::string>{"*"}), start);
}

bool Parser::ParseExclude(std::vector<std::string>* exclude) {
  HOGQL_NEED(Expect(Keyword::kExclude) && Expect(TokenKind::kLeftParen));
  do {
    if (!exclude->empty() && At(TokenKind::kRightParen)) break;
    std::vector<std::string> path;
    do {
      HOGQL_TRY(name, ParseName("a column"));
      path.push_back(*std::move(name));
    } while (Accept(TokenKind::kDot));
    exclude->push_back(absl::StrJoin(path, "."));
  } while (Accept(TokenKind::kComma));
  return Expect(TokenKind::kRightParen);
}

bool Parser::ParseReplace(std::vector<std::pair<std::string, ExprPtr>>* replace) {
  HOGQL_NEED(Expect(Keyword::kReplace) && Expect(TokenKind::kLeftParen));
  do {
    if (!replace->empty() && At(TokenKind::kRightParen)) break;
    HOGQL_TRY(expr, ParseExpr());
    auto* alias = As<Alias>(expr);
    if (alias == nullptr) {
      Expected("AS");
      return false;
    }
    replace->emplace_back(std::move(alias->alias), std::move(alias->expr));
  } while (Accept(TokenKind::kComma));
  return Expect(TokenKind::kRightParen);
}

bool Parser::QueryWordMayBeName() {
  // What follows a SELECT that is a name is an operator, a comma or a closing bracket.
  const Token next = Peek(1);
  switch (next.kind) {
    case TokenKind::kStar:
    case TokenKind::kDash:
    case TokenKind::kPlus:
    case TokenKind::kDot:
    case TokenKind::kLess:
    case TokenKind::kLeftBracket:
    case TokenKind::kIdentifier:
      return true;
    default:
      return !CanStartOperand(next);
  }
}

ExprPtr Parser::ParseParen() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  const TextPosition start = Start();
  if (IsParenLambdaAhead()) return ParseLambda();
  Take();
  const Mark mark = Save();
  if (At(Keyword::kSelect) || At(Keyword::kWith)) {
    if (ExprPtr query = ParseParenQuery(start)) return query;
    Restore(mark);
    if (!QueryWordMayBeName()) return nullptr;
  }
  if (At(TokenKind::kStar) && (At(Keyword::kExclude, 1) || At(Keyword::kReplace, 1))) {
    if (ExprPtr columns = ParseReplacedAsterisk(start)) return columns;
    Restore(mark);
  }
  if (Accept(TokenKind::kRightParen)) {
    Expected("\"->\"");
    return nullptr;
  }
  HOGQL_TRY(first, ParseExpr());
  if (At(TokenKind::kComma)) {
    auto tuple = std::make_unique<Tuple>();
    tuple->exprs.push_back(std::move(first));
    Take();
    HOGQL_NEED(ParseExprsUntil(TokenKind::kRightParen, &tuple->exprs));
    return Finish(std::move(tuple), start);
  }
  const bool is_query = first->kind == NodeKind::kSelectQuery ||
                        first->kind == NodeKind::kSelectSetQuery ||
                        first->kind == NodeKind::kPlaceholder;
  if (is_query && AtSetQueryRest()) {
    first = ParseSetQueryRest(std::move(first), start);
    HOGQL_NEED(first);
  }
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  return first;
}

ExprPtr Parser::ParseParenQuery(TextPosition start) {
  HOGQL_TRY(query, ParseSetQuery());
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  query->span = {start.offset, last_end_.offset};
  return query;
}

ExprPtr Parser::ParseReplacedAsterisk(TextPosition start) {
  Take();
  auto columns = std::make_unique<ColumnsExpr>();
  columns->all_columns = true;
  if (At(Keyword::kExclude)) HOGQL_NEED(ParseExclude(&columns->exclude));
  HOGQL_NEED(ParseReplace(&columns->replace) && Expect(TokenKind::kRightParen));
  return Finish(std::move(columns), start);
}

ExprPtr Parser::ParseBrace() {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  const TextPosition start = Start();
  Take();
  auto dict = std::make_unique<Dict>();
  if (Accept(TokenKind::kRightBrace)) return Finish(std::move(dict), start);
  HOGQL_TRY(first, ParseExpr());
  if (!At(TokenKind::kColon)) {
    auto placeholder = std::make_unique<Placeholder>();
    placeholder->expr = std::move(first);
    HOGQL_NEED(Expect(TokenKind::kRightBrace));
    return Finish(std::move(placeholder), start);
  }
  while (true) {
    HOGQL_NEED(Expect(TokenKind::kColon));
    HOGQL_TRY(value, ParseExpr());
    dict->items.emplace_back(std::move(first), std::move(value));
    if (!Accept(TokenKind::kComma) || At(TokenKind::kRightBrace)) break;
    first = ParseExpr();
    HOGQL_NEED(first);
  }
  HOGQL_NEED(Expect(TokenKind::kRightBrace));
  return Finish(std::move(dict), start);
}

ExprPtr Parser::ParseArray() {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  const TextPosition start = Start();
  Take();
  auto array = std::make_unique<Array>();
  HOGQL_NEED(ParseExprsUntil(TokenKind::kRightBracket, &array->exprs));
  return Finish(std::move(array), start);
}

ExprPtr Parser::ParseColumns() {
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  const TextPosition start = Start();
  Take();
  Take();
  auto columns = std::make_unique<ColumnsExpr>();
  if (At(TokenKind::kString) && At(TokenKind::kRightParen, 1)) {
    columns->regex = DecodeQuoted(TextOf(Take()));
    Take();
    return Finish(std::move(columns), start);
  }
  const bool qualified = AtName() && At(TokenKind::kDot, 1) && At(TokenKind::kStar, 2);
  if (qualified || At(TokenKind::kStar)) {
    const Mark mark = Save();
    if (ExprPtr replaced = ParseColumnsReplaced(start)) return replaced;
    Restore(mark);
  }
  HOGQL_NEED(ParseSomeExprsUntil(TokenKind::kRightParen, &columns->columns));
  return Finish(std::move(columns), start);
}

// `[table.]* [EXCLUDE (...)] REPLACE (...))`
ExprPtr Parser::ParseColumnsReplaced(TextPosition start) {
  auto columns = std::make_unique<ColumnsExpr>();
  columns->all_columns = true;
  if (AtName()) {
    columns->qualifier.push_back(NameOf(Take()));
    Take();
  }
  Take();
  if (At(Keyword::kExclude)) HOGQL_NEED(ParseExclude(&columns->exclude));
  HOGQL_NEED(ParseReplace(&columns->replace) && Expect(TokenKind::kRightParen));
  return Finish(std::move(columns), start);
}

bool Parser::IsLambdaAhead() {
  if (!AtName()) return false;
  if (At(TokenKind::kArrow, 1)) return true;
  if (!At(TokenKind::kComma, 1)) return false;
  if (index_ >= no_lambda_.first && index_ < no_lambda_.second) return false;
  size_t ahead = 0;
  while (At(TokenKind::kComma, ahead + 1)) {
    if (At(TokenKind::kArrow, ahead + 2)) return true;
    if (!AtName(ahead + 2)) break;
    ahead += 2;
    if (At(TokenKind::kArrow, ahead + 1)) return true;
  }
  no_lambda_ = {index_, index_ + ahead + 1};
  return false;
}

bool Parser::IsParenLambdaAhead() {
  size_t ahead = 1;
  while (AtName(ahead)) {
    ++ahead;
    if (!At(TokenKind::kComma, ahead)) break;
    ++ahead;
  }
  return At(TokenKind::kRightParen, ahead) && At(TokenKind::kArrow, ahead + 1);
}

bool Parser::IsKeywordLambdaAhead() {
  size_t ahead = 1;
  while (AtName(ahead)) {
    ++ahead;
    if (!At(TokenKind::kComma, ahead)) break;
    ++ahead;
  }
  return ahead > 1 && At(TokenKind::kColon, ahead);
}

ExprPtr Parser::ParseLambda() {
  const TextPosition start = Start();
  auto lambda = std::make_unique<Lambda>();
  if (Accept(TokenKind::kLeftParen)) {
    HOGQL_NEED(ParseNames(TokenKind::kRightParen, &lambda->args, /*allow_empty=*/true));
    HOGQL_NEED(Expect(TokenKind::kArrow));
  } else if (At(Keyword::kLambda) && IsKeywordLambdaAhead()) {
    Take();
    HOGQL_NEED(ParseNames(TokenKind::kColon, &lambda->args, /*allow_empty=*/false));
  } else {
    HOGQL_NEED(ParseNames(TokenKind::kArrow, &lambda->args, /*allow_empty=*/false));
  }
  return ParseLambdaBody(std::move(lambda), start);
}

ExprPtr Parser::ParseLambdaBody(std::unique_ptr<Lambda> lambda, TextPosition start) {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const Mark mark = Save();
  // In a bound the AND belongs to BETWEEN; the lambda is refused anyway.
  lambda->expr = in_between_bound_ ? ParseBinary(Level::kNot) : ParseExpr();
  if (lambda->expr == nullptr) {
    Restore(mark);
    HOGQL_NEED(At(TokenKind::kLeftBrace));
    lambda->block = ParseBlock();
    HOGQL_NEED(lambda->block);
  }
  ExprPtr finished = Finish(std::move(lambda), start);
  RejectAsBound(*finished);
  return finished;
}

ExprPtr Parser::ParseNamedArgument() {
  const TextPosition start = Start();
  auto argument = std::make_unique<NamedArgument>();
  argument->name = NameOf(Take());
  Take();
  argument->value = in_between_bound_ ? ParseBinary(Level::kNot) : ParseUnaliased();
  HOGQL_NEED(argument->value);
  ExprPtr finished = Finish(std::move(argument), start);
  RejectAsBound(*finished);
  return finished;
}

void Parser::RejectAsBound(const Node& node) {
  if (!in_between_bound_) return;
  Defer(ParseErrorClass::kSyntaxError, "A lambda or named argument is not a valid BETWEEN bound",
        node.span);
}

}  // namespace hoglet::hogql
