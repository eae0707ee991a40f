// SELECT with its clauses, set queries, WITH.
#include "absl/strings/match.h"
#include "query/hogql/parser_impl.h"

namespace hoglet::hogql {

namespace {

constexpr char kSampleUnsupported[] = "Unsupported: SelectStmt.sampleClause()";

Clause After(Clause clause) { return static_cast<Clause>(static_cast<int>(clause) + 1); }

// Moves what the clauses from `first` on have set.
void MoveClauses(SelectQuery* from, Clause first, SelectQuery* to) {
  if (first <= Clause::kFrom) to->select_from = std::move(from->select_from);
  if (first <= Clause::kArrayJoin) {
    to->array_join_op = from->array_join_op;
    to->array_join_list = std::move(from->array_join_list);
  }
  if (first <= Clause::kPrewhere) to->prewhere = std::move(from->prewhere);
  if (first <= Clause::kWhere) to->where = std::move(from->where);
  if (first <= Clause::kGroupBy) {
    to->group_by = std::move(from->group_by);
    to->group_by_mode = from->group_by_mode;
  }
  to->having = std::move(from->having);
  to->qualify = std::move(from->qualify);
  to->window_exprs = std::move(from->window_exprs);
  to->order_by = std::move(from->order_by);
  to->interpolate = std::move(from->interpolate);
  to->limit_by = std::move(from->limit_by);
  to->limit = std::move(from->limit);
  to->offset = std::move(from->offset);
  to->limit_percent = from->limit_percent;
  to->limit_with_ties = from->limit_with_ties;
}

}  // namespace

// ---------------------------------------------------------------------------------------------
// Set queries

ExprPtr Parser::ParseSetQuery() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const TextPosition start = Start();
  HOGQL_TRY(first, ParseSetOperand());
  return ParseSetQueryRest(std::move(first), start);
}

bool Parser::AtSetQueryRest() {
  switch (Peek().keyword) {
    case Keyword::kUnion:
    case Keyword::kIntersect:
    case Keyword::kExcept:
    case Keyword::kOrder:
    case Keyword::kLimit:
    case Keyword::kOffset:
      return true;
    default:
      return false;
  }
}

ExprPtr Parser::ParseSetQueryRest(ExprPtr first, TextPosition start) {
  if (At(Keyword::kUnion) || At(Keyword::kIntersect) || At(Keyword::kExcept)) {
    auto set = std::make_unique<SelectSetQuery>();
    set->initial_select_query = std::move(first);
    while (At(Keyword::kUnion) || At(Keyword::kIntersect) || At(Keyword::kExcept)) {
      const TextPosition node_start = Start();
      auto node = std::make_unique<SelectSetNode>();
      HOGQL_NEED(ParseSetOperator(node.get()));
      node->select_query = ParseSetOperand();
      HOGQL_NEED(node->select_query);
      set->subsequent_select_queries.push_back(Finish(std::move(node), node_start));
    }
    first = Finish(std::move(set), start);
  }
  // The order of a set query has no effect and is not kept.
  if (Accept(Keyword::kOrder)) {
    OrderList ignored;
    HOGQL_NEED(Expect(Keyword::kBy) && ParseOrders(&ignored));
  }
  if (At(Keyword::kLimit) || At(Keyword::kOffset)) HOGQL_NEED(ParseSetTail(&first));
  return first;
}

bool Parser::ParseSetOperator(SelectSetNode* node) {
  const Keyword keyword = Take().keyword;
  const bool all = Accept(Keyword::kAll);
  const bool distinct = !all && keyword != Keyword::kExcept && Accept(Keyword::kDistinct);
  if (keyword == Keyword::kUnion) {
    node->set_operator = all ? SetOperator::kUnionAll : SetOperator::kUnionDistinct;
  } else if (keyword == Keyword::kExcept) {
    node->set_operator = all ? SetOperator::kExceptAll : SetOperator::kExcept;
  } else {
    node->set_operator = all        ? SetOperator::kIntersectAll
                         : distinct ? SetOperator::kIntersectDistinct
                                    : SetOperator::kIntersect;
  }
  if (!Accept(Keyword::kBy)) return true;
  node->by_name = true;
  return Expect(Keyword::kName);
}

// LIMIT and OFFSET behind a set query or a parenthesised query.
bool Parser::ParseSetTail(ExprPtr* query) {
  LimitParts parts;
  HOGQL_NEED(ParseLimitTail(&parts));
  const auto assign = [&parts](auto* target) {
    if (parts.limit != nullptr) {
      target->limit = std::move(parts.limit);
      target->limit_percent = parts.percent;
      target->limit_with_ties = parts.with_ties;
    }
    if (parts.offset != nullptr) target->offset = std::move(parts.offset);
  };
  if (auto* select = As<SelectQuery>(*query)) {
    assign(select);
  } else if (auto* set = As<SelectSetQuery>(*query)) {
    assign(set);
  } else {
    Defer(ParseErrorClass::kNotImplementedError, "Unsupported: LIMIT on a placeholder");
  }
  (*query)->span.end = last_end_.offset;
  return true;
}

ExprPtr Parser::ParseSetOperand() {
  const TextPosition start = Start();
  if (At(Keyword::kSelect)) return ParseSelect({}, start);
  if (At(TokenKind::kLeftBrace)) {
    HOGQL_TRY(placeholder, ParseBrace());
    if (placeholder->kind == NodeKind::kPlaceholder) return placeholder;
    Expected("a query");
    return nullptr;
  }
  CTEList ctes;
  if (At(Keyword::kWith)) {
    HOGQL_NEED(ParseWith(&ctes));
    if (At(Keyword::kSelect)) return ParseSelect(std::move(ctes), start);
  }
  if (!At(TokenKind::kLeftParen)) {
    Expected("SELECT");
    return nullptr;
  }
  const Bracket bracket(this);
  Take();
  HOGQL_TRY(query, ParseSetQuery());
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  query->span = {start.offset, last_end_.offset};
  if (ctes.empty()) return query;
  // A WITH before parentheses belongs to the first query inside.
  Expr* target = query.get();
  while (auto* set = As<SelectSetQuery>(target)) target = set->initial_select_query.get();
  CTEList* target_ctes = nullptr;
  if (auto* select = As<SelectQuery>(target)) target_ctes = &select->ctes;
  if (auto* set = As<SelectSetQuery>(query); set != nullptr && target_ctes == nullptr) {
    target_ctes = &set->ctes;
  }
  if (target_ctes == nullptr) {
    Defer(ParseErrorClass::kNotImplementedError, "Unsupported: WITH before a placeholder");
    return query;
  }
  for (auto& inner : *target_ctes) ctes.push_back(std::move(inner));
  *target_ctes = std::move(ctes);
  return query;
}

// ---------------------------------------------------------------------------------------------
// WITH

bool Parser::ParseWith(CTEList* ctes) {
  HOGQL_NEED(Expect(Keyword::kWith));
  const bool recursive = At(Keyword::kRecursive) && !At(Keyword::kAs, 1) && AtName(1);
  if (recursive) Take();
  while (true) {
    const Mark mark = Save();
    std::unique_ptr<CTE> cte = ParseCTE(recursive);
    const bool goes_on = cte != nullptr && (At(TokenKind::kComma) || At(Keyword::kSelect) ||
                                            At(TokenKind::kLeftParen));
    if (!goes_on) {
      if (cte != nullptr) Expected("SELECT");
      // The comma before may have been a trailing one.
      Restore(mark);
      return !ctes->empty() && (At(Keyword::kSelect) || At(TokenKind::kLeftParen));
    }
    ctes->push_back(std::move(cte));
    if (!Accept(TokenKind::kComma)) return true;
  }
}

std::unique_ptr<CTE> Parser::ParseCTE(bool recursive) {
  const Mark mark = Save();
  if (AtName()) {
    if (std::unique_ptr<CTE> cte = ParseNamedCTE()) {
      cte->recursive = recursive;
      return cte;
    }
    Restore(mark);
  }
  const TextPosition start = Start();
  HOGQL_TRY(expr, ParseExpr());
  auto* alias = As<Alias>(expr);
  if (alias == nullptr) {
    Expected("AS");
    return nullptr;
  }
  auto cte = std::make_unique<CTE>();
  cte->is_column = true;
  cte->name = std::move(alias->alias);
  cte->expr = std::move(alias->expr);
  return Finish(std::move(cte), start);
}

// name [(columns)] [USING KEY (names)] AS [[NOT] MATERIALIZED] (query)
std::unique_ptr<CTE> Parser::ParseNamedCTE() {
  const TextPosition start = Start();
  auto cte = std::make_unique<CTE>();
  HOGQL_TRY(name, ParseName("a name"));
  cte->name = *std::move(name);
  if (Accept(TokenKind::kLeftParen)) {
    HOGQL_NEED(ParseNames(TokenKind::kRightParen, &cte->columns, /*allow_empty=*/false));
  }
  if (Accept(Keyword::kUsing)) {
    HOGQL_NEED(Expect(Keyword::kKey) && Expect(TokenKind::kLeftParen) &&
               ParseNames(TokenKind::kRightParen, &cte->using_key, /*allow_empty=*/false));
  }
  HOGQL_NEED(Expect(Keyword::kAs));
  if (Accept(Keyword::kNot, Keyword::kMaterialized)) {
    cte->materialized = false;
  } else if (Accept(Keyword::kMaterialized)) {
    cte->materialized = true;
  }
  HOGQL_NEED(Expect(TokenKind::kLeftParen));
  const Bracket bracket(this);
  cte->expr = ParseSetQuery();
  HOGQL_NEED(cte->expr && Expect(TokenKind::kRightParen));
  return Finish(std::move(cte), start);
}

// ---------------------------------------------------------------------------------------------
// SELECT

ExprPtr Parser::ParseSelect(CTEList ctes, TextPosition start) {
  auto query = std::make_unique<SelectQuery>();
  query->ctes = std::move(ctes);
  HOGQL_NEED(Expect(Keyword::kSelect));
  if (At(Keyword::kDistinct) && CanStartOperand(Peek(1))) {
    Take();
    query->distinct = true;
  }
  if (At(Keyword::kTop) && At(TokenKind::kDecimal, 1)) {
    Take();
    Take();
    Accept(Keyword::kWith, Keyword::kTies);
    Defer(ParseErrorClass::kNotImplementedError, "Unsupported: SelectStmt.topClause()");
  }
  bool clauses_done = false;
  HOGQL_NEED(ParseColumns(query.get(), &clauses_done));
  if (!clauses_done) HOGQL_NEED(ParseClauses(query.get(), Clause::kFrom));
  if (query->array_join_op != ArrayJoinOp::kNone && query->select_from == nullptr) {
    Defer(ParseErrorClass::kSyntaxError, "Using ARRAY JOIN without a FROM clause is not permitted");
  }
  return Finish(std::move(query), start);
}

ExprPtr Parser::ParseColumn() {
  const TextPosition start = Start();
  if (AtName() && At(TokenKind::kColon, 1)) {
    auto alias = std::make_unique<Alias>();
    HOGQL_NEED(ParseAliasName(&alias->alias));
    Take();
    alias->expr = ParseExpr();
    HOGQL_NEED(alias->expr);
    return Finish(std::move(alias), start);
  }
  HOGQL_TRY(expr, ParseExpr());
  const Token token = Peek();
  const bool implicit_alias =
      token.kind == TokenKind::kQuotedIdentifier ||
      (token.kind == TokenKind::kIdentifier && IsImplicitColumnAlias(token.keyword));
  if (!implicit_alias) return expr;
  const auto* field = As<Field>(expr);
  if (field != nullptr && field->chain.size() == 1 &&
      absl::EqualsIgnoreCase(field->chain[0], "from") && lexer_.text()[start.byte] != '`' &&
      lexer_.text()[start.byte] != '"') {
    Defer(ParseErrorClass::kSyntaxError, "Cannot use \"from\" before an implicit alias");
  }
  auto alias = std::make_unique<Alias>();
  alias->expr = std::move(expr);
  HOGQL_NEED(ParseAliasName(&alias->alias));
  return Finish(std::move(alias), start);
}

bool Parser::ParseColumns(SelectQuery* query, bool* clauses_done) {
  while (true) {
    HOGQL_TRY(column, ParseColumn());
    query->select.push_back(std::move(column));
    if (!Accept(TokenKind::kComma)) return true;
    if (TryClausesAfterComma(query, Clause::kFrom)) {
      *clauses_done = true;
      return true;
    }
  }
}

bool Parser::ParseGroupByList(SelectQuery* query, bool* clauses_done) {
  while (true) {
    HOGQL_TRY(expr, ParseExpr());
    query->group_by.push_back(std::move(expr));
    if (!Accept(TokenKind::kComma)) return true;
    if (TryClausesAfterComma(query, After(Clause::kGroupBy))) {
      *clauses_done = true;
      return true;
    }
  }
}

bool Parser::AtClauseKeyword(Clause first) {
  switch (Peek().keyword) {
    case Keyword::kFrom:
      return first <= Clause::kFrom;
    case Keyword::kArray:
    case Keyword::kLeft:
    case Keyword::kInner:
      return first <= Clause::kArrayJoin;
    case Keyword::kPrewhere:
    case Keyword::kWhere:
    case Keyword::kGroup:
      return first <= Clause::kGroupBy;
    case Keyword::kUsing:
    case Keyword::kSample:
    case Keyword::kWith:
    case Keyword::kHaving:
    case Keyword::kQualify:
    case Keyword::kWindow:
    case Keyword::kOrder:
    case Keyword::kLimit:
    case Keyword::kOffset:
    case Keyword::kSettings:
    case Keyword::kUnion:
    case Keyword::kIntersect:
    case Keyword::kExcept:
      return true;
    default:
      return false;
  }
}

bool Parser::TryClausesAfterComma(SelectQuery* query, Clause first) {
  const Token token = Peek();
  if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kRightParen ||
      token.kind == TokenKind::kSemicolon) {
    return true;
  }
  if (!AtClauseKeyword(first)) return false;
  if (At(Keyword::kUnion)) {
    // A set operator needs a query behind it, a column of that name does not.
    return At(Keyword::kAll, 1) || At(Keyword::kDistinct, 1) || At(Keyword::kBy, 1) ||
           At(Keyword::kSelect, 1) || At(Keyword::kWith, 1) || At(TokenKind::kLeftBrace, 1);
  }
  const Mark mark = Save();
  SelectQuery probe;
  if (ParseClauses(&probe, first) && AtSelectEnd()) {
    MoveClauses(&probe, first, query);
    return true;
  }
  Restore(mark);
  return false;
}

bool Parser::AtSelectEnd() {
  const Token token = Peek();
  return token.kind == TokenKind::kEnd || token.kind == TokenKind::kRightParen ||
         token.kind == TokenKind::kSemicolon || AtSetQueryRest();
}

// ---------------------------------------------------------------------------------------------
// Clauses

bool Parser::ParseClauses(SelectQuery* query, Clause first) {
  bool done = false;
  for (Clause clause = first; clause <= Clause::kSettings && !done; clause = After(clause)) {
    HOGQL_NEED(ParseClause(query, clause, &done));
  }
  return true;
}

// Reads `clause` if the text has it here.
bool Parser::ParseClause(SelectQuery* query, Clause clause, bool* clauses_done) {
  const auto optional_expr = [this](Keyword keyword, ExprPtr* expr) {
    if (!Accept(keyword)) return true;
    *expr = ParseExpr();
    return *expr != nullptr;
  };
  switch (clause) {
    case Clause::kFrom:
      if (!Accept(Keyword::kFrom)) return true;
      query->select_from = ParseJoin();
      return query->select_from != nullptr;
    case Clause::kArrayJoin:
      return ParseArrayJoin(query);
    case Clause::kPrewhere:
      return optional_expr(Keyword::kPrewhere, &query->prewhere);
    case Clause::kWhere:
      return optional_expr(Keyword::kWhere, &query->where);
    case Clause::kSample:
    case Clause::kLateSample:
      return ParseSampleClause(clause == Clause::kLateSample);
    case Clause::kGroupBy:
      return ParseGroupBy(query, clauses_done);
    case Clause::kHaving:
      return optional_expr(Keyword::kHaving, &query->having);
    case Clause::kQualify:
      return optional_expr(Keyword::kQualify, &query->qualify);
    case Clause::kWindow:
      return ParseWindowClause(query);
    case Clause::kOrderBy:
      return ParseOrderBy(query);
    case Clause::kLimit:
      return ParseLimit(query);
    case Clause::kSettings:
      return ParseSettings();
  }
  return true;
}

// `[USING] SAMPLE ...` behind WHERE, `USING SAMPLE ...` behind QUALIFY: part of the language, not
// supported.
bool Parser::ParseSampleClause(bool needs_using) {
  if (!Accept(Keyword::kUsing)) {
    if (needs_using || !At(Keyword::kSample)) return true;
  } else if (!At(Keyword::kSample)) {
    Expected("SAMPLE");
    return false;
  }
  HOGQL_NEED(ParseSample());
  Defer(ParseErrorClass::kNotImplementedError, kSampleUnsupported);
  return true;
}

bool Parser::ParseArrayJoin(SelectQuery* query) {
  ArrayJoinOp op = ArrayJoinOp::kArrayJoin;
  if (At(Keyword::kLeft) || At(Keyword::kInner)) {
    op = At(Keyword::kLeft) ? ArrayJoinOp::kLeftArrayJoin : ArrayJoinOp::kInnerArrayJoin;
    if (!At(Keyword::kArray, 1)) {
      ExpectedAt(Peek(1), "ARRAY JOIN");
      return true;
    }
    Take();
  }
  if (!Accept(Keyword::kArray)) return true;
  HOGQL_NEED(Expect(Keyword::kJoin) && ParseOpenList(&query->array_join_list));
  query->array_join_op = op;
  for (const ExprPtr& expr : query->array_join_list) {
    if (expr->kind == NodeKind::kAlias) continue;
    Defer(ParseErrorClass::kSyntaxError, "ARRAY JOIN arrays must have an alias", expr->span);
  }
  return true;
}

bool Parser::ParseGroupBy(SelectQuery* query, bool* clauses_done) {
  if (!At(Keyword::kGroup)) return ParseGroupBySuffix();
  Take();
  HOGQL_NEED(Expect(Keyword::kBy));
  const Mark mark = Save();
  if (!TryGroupByMode(query)) {
    Restore(mark);
    query->group_by.clear();
    query->group_by_mode = GroupByMode::kNone;
    HOGQL_NEED(ParseGroupByList(query, clauses_done));
    if (*clauses_done) return true;
  }
  return ParseGroupBySuffix();
}

// GROUP BY ALL, CUBE (...), ROLLUP (...), GROUPING SETS (...), each only when nothing but the next
// clause follows: all four words are names too.
bool Parser::TryGroupByMode(SelectQuery* query) {
  const Bracket bracket(this);
  if (Accept(Keyword::kAll)) {
    query->group_by_mode = GroupByMode::kAll;
  } else if (Accept(Keyword::kGrouping, Keyword::kSets)) {
    query->group_by_mode = GroupByMode::kGroupingSets;
    return ParseGroupingSets(query);
  } else if ((At(Keyword::kCube) || At(Keyword::kRollup)) && At(TokenKind::kLeftParen, 1)) {
    query->group_by_mode =
        Take().keyword == Keyword::kCube ? GroupByMode::kCube : GroupByMode::kRollup;
    Take();
    HOGQL_NEED(ParseSomeExprsUntil(TokenKind::kRightParen, &query->group_by));
  } else {
    return false;
  }
  return AtSelectEnd() || AtClauseKeyword(After(Clause::kGroupBy));
}

bool Parser::ParseGroupingSets(SelectQuery* query) {
  HOGQL_NEED(Expect(TokenKind::kLeftParen));
  do {
    if (!query->group_by.empty() && At(TokenKind::kRightParen)) break;
    const TextPosition start = Start();
    auto set = std::make_unique<GroupingSet>();
    HOGQL_NEED(Expect(TokenKind::kLeftParen) &&
               ParseExprsUntil(TokenKind::kRightParen, &set->exprs));
    query->group_by.push_back(Finish(std::move(set), start));
  } while (Accept(TokenKind::kComma));
  return Expect(TokenKind::kRightParen);
}

// [WITH CUBE | WITH ROLLUP] [WITH TOTALS], none of which has an effect.
bool Parser::ParseGroupBySuffix() {
  if (!Accept(Keyword::kWith)) return true;
  if (Accept(Keyword::kTotals)) return true;
  if (!Accept(Keyword::kCube) && !Accept(Keyword::kRollup)) {
    Expected("CUBE, ROLLUP or TOTALS");
    return false;
  }
  return !Accept(Keyword::kWith) || Expect(Keyword::kTotals);
}

bool Parser::ParseWindowClause(SelectQuery* query) {
  if (!Accept(Keyword::kWindow)) return true;
  do {
    HOGQL_TRY(name, ParseName("a name"));
    HOGQL_NEED(Expect(Keyword::kAs) && Expect(TokenKind::kLeftParen));
    const Bracket bracket(this);
    HOGQL_TRY(window, ParseWindow());
    HOGQL_NEED(Expect(TokenKind::kRightParen));
    query->window_exprs.emplace_back(*std::move(name), std::move(window));
  } while (Accept(TokenKind::kComma));
  return true;
}

bool Parser::ParseOrderBy(SelectQuery* query) {
  if (!Accept(Keyword::kOrder)) return true;
  HOGQL_NEED(Expect(Keyword::kBy) && ParseOrders(&query->order_by));
  return ParseInterpolate(query);
}

bool Parser::ParseOrders(OrderList* orders) {
  do {
    HOGQL_TRY(order, ParseOrder());
    orders->push_back(std::move(order));
  } while (Accept(TokenKind::kComma));
  return true;
}

std::unique_ptr<OrderExpr> Parser::ParseOrder() {
  const TextPosition start = Start();
  auto order = std::make_unique<OrderExpr>();
  order->expr = ParseExpr();
  HOGQL_NEED(order->expr);
  if (At(Keyword::kDesc) || At(Keyword::kDescending)) {
    Take();
    order->descending = true;
  } else if (At(Keyword::kAsc) || At(Keyword::kAscending)) {
    Take();
  }
  // Neither the place of nulls nor a collation has an effect.
  if (Accept(Keyword::kNulls) && !Accept(Keyword::kFirst) && !Accept(Keyword::kLast)) {
    Expected("FIRST or LAST");
    return nullptr;
  }
  if (Accept(Keyword::kCollate)) HOGQL_NEED(Expect(TokenKind::kString));
  if (Accept(Keyword::kWith)) {
    HOGQL_NEED(Expect(Keyword::kFill));
    order->with_fill = ParseWithFill();
    HOGQL_NEED(order->with_fill);
  }
  return Finish(std::move(order), start);
}

std::unique_ptr<WithFillExpr> Parser::ParseWithFill() {
  const TextPosition start = last_end_;
  auto fill = std::make_unique<WithFillExpr>();
  const auto part = [this](Keyword keyword, ExprPtr* expr) {
    if (!Accept(keyword)) return true;
    *expr = ParseUnaliased();
    return *expr != nullptr;
  };
  HOGQL_NEED(part(Keyword::kFrom, &fill->from_value) && part(Keyword::kTo, &fill->to_value) &&
             part(Keyword::kStep, &fill->step_value));
  return Finish(std::move(fill), start);
}

bool Parser::ParseInterpolate(SelectQuery* query) {
  if (!Accept(Keyword::kInterpolate)) return true;
  query->interpolate.emplace();
  if (!Accept(TokenKind::kLeftParen)) return true;
  const Bracket bracket(this);
  do {
    if (!query->interpolate->empty() && At(TokenKind::kRightParen)) break;
    const TextPosition start = Start();
    auto item = std::make_unique<InterpolateExpr>();
    item->expr = ParseUnaliased();
    HOGQL_NEED(item->expr);
    if (Accept(Keyword::kAs)) {
      item->value = ParseExpr();
      HOGQL_NEED(item->value);
    }
    query->interpolate->push_back(Finish(std::move(item), start));
  } while (Accept(TokenKind::kComma));
  return Expect(TokenKind::kRightParen);
}

// ---------------------------------------------------------------------------------------------
// LIMIT and OFFSET

bool Parser::ParseLimit(SelectQuery* query) {
  LimitParts parts;
  if (At(Keyword::kLimit)) {
    const TextPosition start = Start();
    Take();
    HOGQL_NEED(ParseLimitCount(&parts));
    if (!parts.percent && !parts.with_ties && At(Keyword::kBy)) {
      Take();
      auto limit_by = std::make_unique<LimitByExpr>();
      HOGQL_NEED(ParseOpenList(&limit_by->exprs));
      limit_by->n = std::move(parts.limit);
      limit_by->offset_value = std::move(parts.offset);
      query->limit_by = Finish(std::move(limit_by), start);
      parts = {};
      if (!At(Keyword::kLimit) && !At(Keyword::kOffset)) return true;
      HOGQL_NEED(ParseLimitTail(&parts));
    }
  } else if (At(Keyword::kOffset)) {
    HOGQL_NEED(ParseLimitTail(&parts));
  } else {
    return true;
  }
  query->limit = std::move(parts.limit);
  query->offset = std::move(parts.offset);
  query->limit_percent = parts.percent;
  query->limit_with_ties = parts.with_ties;
  return true;
}

bool Parser::ParseLimitTail(LimitParts* parts) {
  if (Accept(Keyword::kOffset)) {
    parts->offset = ParseExpr();
    return parts->offset != nullptr;
  }
  return Expect(Keyword::kLimit) && ParseLimitCount(parts);
}

bool Parser::AtLimitFollower() {
  switch (Peek().keyword) {
    case Keyword::kBy:
    case Keyword::kWith:
    case Keyword::kSettings:
      return true;
    default:
      return At(TokenKind::kComma) || At(TokenKind::kPercent) || AtSelectEnd();
  }
}

// What follows LIMIT: `n [%] [, m] [WITH TIES] [OFFSET m]`.
bool Parser::ParseLimitCount(LimitParts* parts) {
  // In `10 % with ties` the % is no operator, though WITH may be a name: read on as if it were one
  // and, when that leads nowhere, once more with the expression ending at the last %.
  SplitScope scope;
  scope.percent = true;
  scope.bracket_depth = bracket_depth_;
  const Mark mark = Save();
  {
    const Restored<SplitScope*> split(&split_, &scope);
    parts->limit = ParseExpr();
    if ((parts->limit == nullptr || !AtLimitFollower()) && scope.last != kNowhere) {
      Restore(mark);
      scope.stop = scope.last;
      parts->limit = ParseExpr();
    }
  }
  HOGQL_NEED(parts->limit);
  parts->percent = Accept(TokenKind::kPercent);
  if (Accept(TokenKind::kComma)) {
    parts->offset = ParseExpr();
    HOGQL_NEED(parts->offset);
  }
  if (Accept(Keyword::kWith)) {
    HOGQL_NEED(Expect(Keyword::kTies));
    parts->with_ties = true;
  }
  if (parts->offset == nullptr && Accept(Keyword::kOffset)) {
    parts->offset = ParseExpr();
    HOGQL_NEED(parts->offset);
  }
  return true;
}

bool Parser::ParseSettings() {
  if (!Accept(Keyword::kSettings)) return true;
  do {
    HOGQL_NEED(ParseName("a setting") && Expect(TokenKind::kEqual));
    HOGQL_TRY(value, ParsePrimary());
  } while (Accept(TokenKind::kComma));
  Defer(ParseErrorClass::kNotImplementedError, "Unsupported: SelectStmt.settingsClause()");
  return true;
}

}  // namespace hoglet::hogql
