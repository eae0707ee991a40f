#include <algorithm>
#include <functional>

#include "absl/strings/str_join.h"
#include "include/hoglet/status.h"
#include "query/analyze/select_parts.h"
#include "query/hogql/parser.h"
#include "query/hogql/printer.h"
#include "src/base/strings.h"

// One SELECT: its clauses are bound, then its operators stacked.

namespace hoglet::analysis {
namespace {

using Texts = std::map<std::string, SymbolId>;

// Expressions that a column below already gives become that column.
void ReplaceKnown(ExprPtr* expr, const Texts& known, const Symbols& symbols) {
  if (IsConstant(**expr) || (*expr)->kind == Expr::Kind::kParameter) return;
  auto it = known.find(ExprToString(**expr));
  if (it != known.end()) {
    *expr = symbols.Reference(it->second);
    return;
  }
  for (ExprPtr& argument : (*expr)->arguments) ReplaceKnown(&argument, known, symbols);
}

bool Touches(const Expr& expr, const std::set<SymbolId>& symbols) {
  bool touches = false;
  ForEachNode(expr, [&](const Expr& node) {
    touches = touches || (node.kind == Expr::Kind::kColumn && symbols.contains(node.column));
  });
  return touches;
}

// Every subset of `count` positions, or with `prefixes` only the leading ones; the largest first.
std::vector<std::vector<size_t>> SubtotalSets(size_t count, bool prefixes) {
  std::vector<std::vector<size_t>> sets;
  if (prefixes) {
    for (size_t length = count + 1; length-- > 0;) {
      sets.emplace_back();
      for (size_t i = 0; i < length; ++i) sets.back().push_back(i);
    }
    return sets;
  }
  for (size_t mask = size_t{1} << count; mask-- > 0;) {
    sets.emplace_back();
    for (size_t i = 0; i < count; ++i) {
      if (mask >> (count - 1 - i) & 1) sets.back().push_back(i);
    }
  }
  return sets;
}

constexpr size_t kCubeKeysMax = 10;

const int64_t* PositionLiteral(const ast::Expr& expr) {
  auto* constant = ast::As<ast::Constant>(&expr);
  return constant == nullptr ? nullptr : constant->as_integer();
}

}  // namespace

std::string ItemName(const ast::Expr& expr) {
  std::vector<std::string> path;
  const std::function<bool(const ast::Expr&)> collect = [&](const ast::Expr& node) {
    if (auto* field = ast::As<ast::Field>(&node)) {
      path = field->chain;
      return true;
    }
    if (auto* access = ast::As<ast::TupleAccess>(&node)) {
      if (!collect(*access->tuple)) return false;
      path.push_back(StrCat(access->index));
      return true;
    }
    auto* access = ast::As<ast::ArrayAccess>(&node);
    auto* constant = access == nullptr ? nullptr : ast::As<ast::Constant>(access->property);
    if (constant == nullptr || !collect(*access->array)) return false;
    if (constant->as_string() != nullptr) {
      path.push_back(*constant->as_string());
    } else if (constant->as_integer() != nullptr) {
      path.push_back(StrCat(*constant->as_integer()));
    } else {
      return false;
    }
    return true;
  };
  const bool field = collect(expr);
  if (field) {
    const auto properties = std::find(path.begin(), path.end(), "properties");
    const bool property = properties != path.end() && properties + 1 != path.end();
    if (property) return absl::StrJoin(properties + 1, path.end(), "__");
    if (expr.kind == ast::NodeKind::kField) return path.back();
  }
  return ast::ColumnName(expr);
}

SymbolId Binder::Materialize(ExprPtr expr, std::string_view name,
                             std::vector<std::pair<SymbolId, ExprPtr>>* definitions) {
  if (expr->kind == Expr::Kind::kColumn) return expr->column;
  if (IsDeterministic(*expr)) {
    const std::string text = ExprToString(*expr);
    for (const auto& [symbol, known] : *definitions) {
      if (known->type == expr->type && ExprToString(*known) == text) return symbol;
    }
  }
  const SymbolId symbol = symbols_.Add(std::string(name), expr->type);
  definitions->emplace_back(symbol, std::move(expr));
  return symbol;
}

absl::Status Binder::AddFilter(ExprPtr predicate, OpPtr* op) {
  const Type& type = predicate->type;
  if (IsNullLiteral(*predicate)) {
    predicate = BoolLiteral(false);
  } else if (type.kind() != TypeKind::kUInt8 && type.kind() != TypeKind::kBool) {
    if (!type.IsNumber()) {
      return CodedError("illegal_type_of_column_for_filter",
                        StrCat("Illegal type ", type.Name(),
                               " of column for filter. Must be UInt8 or Nullable(UInt8)."));
    }
    HOGLET_ASSIGN_OR_RETURN(
        predicate, builder_.Call("notEquals", ExprList(std::move(predicate), IntegerLiteral(0))));
  }
  if (ConstantTruth(*predicate) == true) return absl::OkStatus();
  auto filter = std::make_unique<Op>(Op::Kind::kFilter, std::move(*op));
  filter->predicate = std::move(predicate);
  *op = std::move(filter);
  return absl::OkStatus();
}

absl::StatusOr<const CteLink*> Binder::PushCtes(const ast::CTEList& list, const CteLink* ctes) {
  for (const auto& cte : list) {
    // RECURSIVE may stand before CTEs that do not refer to themselves; one that does finds no table
    // of its name.
    cte_links_.push_back(std::make_unique<CteLink>(CteLink{cte.get(), ctes}));
    ctes = cte_links_.back().get();
  }
  return ctes;
}

absl::StatusOr<SelectResult> Binder::BindQuery(const ast::Expr& query, const CteLink* ctes) {
  constexpr int kQueryDepthMax = 200;
  constexpr int kQueriesMax = 5'000;  // CTEs and views are bound anew at each use
  if (++queries_bound_ > kQueriesMax) {
    return CodedError("too_big_ast", StrCat("The query consists of more than ", kQueriesMax,
                                            " SELECTs with its CTEs expanded"));
  }
  ++query_depth_;
  auto result = [&]() -> absl::StatusOr<SelectResult> {
    if (query_depth_ > kQueryDepthMax)
      return QueryError(StrCat("Queries are nested deeper than ", kQueryDepthMax, " levels"));
    if (auto* select = ast::As<ast::SelectQuery>(&query)) return BindSelect(*select, ctes);
    if (auto* set = ast::As<ast::SelectSetQuery>(&query)) return BindSetQuery(*set, ctes);
    if (auto* tag = ast::As<ast::HogQLXTag>(&query)) {
      return QueryError(StrCat("Error parsing query tag: Unknown tag <", tag->tag_kind, " />."));
    }
    return QueryError("You can not use placeholders here");
  }();
  --query_depth_;
  return result;
}

absl::StatusOr<SelectResult> Binder::BindSelect(const ast::SelectQuery& query,
                                                const CteLink* ctes) {
  Scope scope;
  HOGLET_ASSIGN_OR_RETURN(scope.ctes, PushCtes(query.ctes, ctes));
  for (const auto& [name, window] : query.window_exprs) scope.named_windows[name] = window.get();
  if (query.select_from != nullptr) {
    HOGLET_ASSIGN_OR_RETURN(scope.from, BindJoins(*query.select_from, &scope));
  } else {
    scope.from = std::make_unique<Op>(Op::Kind::kValues);
    scope.from->symbols = {symbols_.Add("dummy", Type(TypeKind::kUInt8))};
    scope.from->rows.emplace_back();
    scope.from->rows[0].push_back(BoolLiteral(false));
  }
  HOGLET_RETURN_IF_ERROR(BindArrayJoin(query, &scope));
  SelectParts parts;
  HOGLET_RETURN_IF_ERROR(BindSelectList(query.select, &scope, &parts.items));
  if (parts.items.empty()) return QueryError("Empty list of columns in SELECT query");
  HOGLET_RETURN_IF_ERROR(BindClauses(query, &scope, &parts));
  return Assemble(query, &scope, &parts);
}

absl::Status Binder::BindClauses(const ast::SelectQuery& query, Scope* scope, SelectParts* parts) {
  std::vector<ExprPtr> conditions;
  for (const ast::Expr* condition : {query.where.get(), query.prewhere.get()}) {
    if (condition == nullptr) continue;
    HOGLET_ASSIGN_OR_RETURN(ExprPtr bound, BindExpr(*condition, scope));
    for (const auto& aggregate : scope->aggregates) {
      if (!Touches(*bound, {aggregate.symbol})) continue;
      return CodedError("illegal_aggregation",
                        StrCat("Aggregate function ", symbols_[aggregate.symbol].name,
                               " is found in WHERE in query"));
    }
    conditions.push_back(std::move(bound));
  }
  if (conditions.size() == 1) {
    parts->where = std::move(conditions[0]);
  } else if (conditions.size() == 2) {
    HOGLET_ASSIGN_OR_RETURN(parts->where, BindLogicOf("and", std::move(conditions)));
  }
  if (query.having != nullptr) {
    HOGLET_ASSIGN_OR_RETURN(parts->having, BindExpr(*query.having, scope));
  }
  if (query.qualify != nullptr) {
    HOGLET_ASSIGN_OR_RETURN(parts->qualify, BindExpr(*query.qualify, scope));
  }
  HOGLET_RETURN_IF_ERROR(BindGroupBy(query, scope, parts));
  auto bind_or_position = [&](const ast::Expr& expr) -> absl::StatusOr<ExprPtr> {
    const int64_t* position = PositionLiteral(expr);
    if (position == nullptr) return BindExpr(expr, scope);
    if (*position < 1 || *position > static_cast<int64_t>(parts->items.size())) {
      return CodedError("bad_arguments",
                        StrCat("Positional argument out of bounds: ", *position,
                               " (expected in range [1, ", parts->items.size(), "])"));
    }
    return parts->items[static_cast<size_t>(*position - 1)].expr->Clone();
  };
  for (const auto& order : query.order_by) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr key, bind_or_position(*order->expr));
    parts->order_by.emplace_back(std::move(key), order->descending);
  }
  if (query.limit_by != nullptr) {
    for (const ast::ExprPtr& expr : query.limit_by->exprs) {
      HOGLET_ASSIGN_OR_RETURN(ExprPtr key, bind_or_position(*expr));
      parts->limit_by.push_back(std::move(key));
    }
  }
  return absl::OkStatus();
}

absl::Status Binder::BindGroupBy(const ast::SelectQuery& query, Scope* scope, SelectParts* parts) {
  parts->grouped = !query.group_by.empty() || query.group_by_mode != ast::GroupByMode::kNone;
  std::map<std::string, size_t> positions;
  auto add = [&](ExprPtr key) -> absl::StatusOr<size_t> {
    if (Touches(*key, scope->aggregate_symbols)) {
      return CodedError("illegal_aggregation", "Aggregate function is found in GROUP BY in query");
    }
    auto [known, added] = positions.try_emplace(ExprToString(*key), parts->group_by.size());
    if (added) parts->group_by.push_back(std::move(key));
    return known->second;
  };
  auto bind = [&](const ast::Expr& expr) -> absl::StatusOr<size_t> {
    const int64_t* position = PositionLiteral(expr);
    if (position != nullptr && *position >= 1 &&
        *position <= static_cast<int64_t>(parts->items.size())) {
      return add(parts->items[static_cast<size_t>(*position - 1)].expr->Clone());
    }
    HOGLET_ASSIGN_OR_RETURN(ExprPtr key, BindExpr(expr, scope));
    return add(std::move(key));
  };
  if (query.group_by_mode == ast::GroupByMode::kAll) {
    for (const SelectItem& item : parts->items) {
      if (Touches(*item.expr, scope->aggregate_symbols) || IsConstant(*item.expr)) continue;
      HOGLET_RETURN_IF_ERROR(add(item.expr->Clone()).status());
    }
    return absl::OkStatus();
  }
  for (const ast::ExprPtr& expr : query.group_by) {
    if (auto* set = ast::As<ast::GroupingSet>(expr)) {
      parts->grouping_sets.emplace_back();
      for (const ast::ExprPtr& key : set->exprs) {
        HOGLET_ASSIGN_OR_RETURN(size_t position, bind(*key));
        parts->grouping_sets.back().push_back(position);
      }
      continue;
    }
    HOGLET_RETURN_IF_ERROR(bind(*expr).status());
  }
  if (query.group_by_mode == ast::GroupByMode::kCube ||
      query.group_by_mode == ast::GroupByMode::kRollup) {
    const bool rollup = query.group_by_mode == ast::GroupByMode::kRollup;
    if (!rollup && parts->group_by.size() > kCubeKeysMax)
      return QueryError(StrCat("CUBE takes at most ", kCubeKeysMax, " keys"));
    parts->grouping_sets = SubtotalSets(parts->group_by.size(), rollup);
  }
  return absl::OkStatus();
}

absl::StatusOr<SelectResult> Binder::Assemble(const ast::SelectQuery& query, Scope* scope,
                                              SelectParts* parts) {
  OpPtr op = std::move(scope->from);
  std::set<SymbolId> joined;
  for (const auto& join : scope->array_joins) joined.insert(join.element);
  const bool joins_first = parts->where != nullptr && Touches(*parts->where, joined);
  if (joins_first) HOGLET_RETURN_IF_ERROR(AddArrayJoins(scope, parts, false, &op));
  if (parts->where != nullptr) HOGLET_RETURN_IF_ERROR(AddFilter(std::move(parts->where), &op));
  if (!joins_first) HOGLET_RETURN_IF_ERROR(AddArrayJoins(scope, parts, false, &op));
  HOGLET_RETURN_IF_ERROR(AddAggregate(scope, parts, &op));
  if (parts->having != nullptr) HOGLET_RETURN_IF_ERROR(AddFilter(std::move(parts->having), &op));
  HOGLET_RETURN_IF_ERROR(AddArrayJoins(scope, parts, true, &op));
  HOGLET_RETURN_IF_ERROR(AddWindows(scope, &op));
  if (parts->qualify != nullptr) HOGLET_RETURN_IF_ERROR(AddFilter(std::move(parts->qualify), &op));

  auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(op));
  SelectResult result;
  Texts known;
  for (SelectItem& item : parts->items) {
    const std::string text = ExprToString(*item.expr);
    const bool constant = IsConstant(*item.expr);
    const SymbolId symbol = Materialize(std::move(item.expr), item.name, &extend->definitions);
    if (!constant) known.emplace(text, symbol);
    result.fields.push_back({std::move(item.name), symbol});
  }
  op = std::move(extend);
  if (query.distinct) {
    auto distinct = std::make_unique<Op>(Op::Kind::kDistinct, std::move(op));
    for (const OutputField& field : result.fields) distinct->symbols.push_back(field.symbol);
    op = std::move(distinct);
  }
  std::set<SymbolId> outputs;
  for (const OutputField& field : result.fields) outputs.insert(field.symbol);
  auto prepare = [&](ExprPtr* key) -> absl::Status {
    ReplaceKnown(key, known, symbols_);
    if (!query.distinct) return absl::OkStatus();
    for (SymbolId id : ColumnsOf(**key)) {
      if (outputs.contains(id)) continue;
      return CodedError("not_an_aggregate", StrCat("Column '", symbols_[id].name,
                                                   "' is not in the list of SELECT DISTINCT"));
    }
    return absl::OkStatus();
  };
  for (auto& [key, descending] : parts->order_by) HOGLET_RETURN_IF_ERROR(prepare(&key));
  for (ExprPtr& key : parts->limit_by) HOGLET_RETURN_IF_ERROR(prepare(&key));
  HOGLET_RETURN_IF_ERROR(AddOrderAndLimits(query, scope, parts, &op));
  result.op = std::move(op);
  return result;
}

// arrayJoin() calls over the rows, or (`after_aggregation`) over the groups.
absl::Status Binder::AddArrayJoins(Scope* scope, SelectParts*, bool after_aggregation, OpPtr* op) {
  std::set<SymbolId> late = scope->aggregate_symbols;
  for (auto& join : scope->array_joins) {
    if (join.argument == nullptr) continue;
    const bool after = Touches(*join.argument, late);
    if (after) late.insert(join.element);
    if (after != after_aggregation) continue;
    auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(*op));
    extend->definitions.emplace_back(join.array, std::move(join.argument));
    auto array_join = std::make_unique<Op>(Op::Kind::kArrayJoin, std::move(extend));
    array_join->arrays.emplace_back(join.array, join.element);
    *op = std::move(array_join);
  }
  return absl::OkStatus();
}

absl::Status Binder::AddAggregate(Scope* scope, SelectParts* parts, OpPtr* op) {
  if (!parts->grouped && scope->aggregates.empty()) return absl::OkStatus();
  if (parts->group_by.empty() && scope->aggregates.empty()) {
    // GROUP BY nothing still makes one group.
    Scope::Aggregate count;
    HOGLET_ASSIGN_OR_RETURN(count.call.function, builder_.Aggregate("count", {}, {}, false));
    count.call.name = "count";
    count.symbol = symbols_.Add("count", count.call.function->result_type());
    scope->aggregates.push_back(std::move(count));
  }
  auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(*op));
  auto aggregate = std::make_unique<Op>(Op::Kind::kAggregate);
  Texts keys;
  std::set<SymbolId> visible = scope->aggregate_symbols;
  visible.insert(scope->window_symbols.begin(), scope->window_symbols.end());
  for (const auto& join : scope->array_joins) {
    if (join.argument != nullptr) visible.insert(join.element);  // joined after the aggregation
  }
  for (ExprPtr& key : parts->group_by) {
    const std::string text = ExprToString(*key);
    const bool constant = IsConstant(*key);
    const SymbolId symbol = Materialize(std::move(key), "key", &extend->definitions);
    aggregate->symbols.push_back(symbol);
    visible.insert(symbol);
    if (!constant) keys.emplace(text, symbol);
  }
  aggregate->grouping_sets = parts->grouping_sets;
  for (auto& call : scope->aggregates) {
    Op::Aggregate planned;
    planned.symbol = call.symbol;
    planned.call = std::move(call.call);
    for (ExprPtr& argument : call.arguments)
      planned.call.arguments.push_back(
          Materialize(std::move(argument), "arg", &extend->definitions));
    for (auto& [key, descending] : call.order_by) {
      planned.call.order_by.emplace_back(Materialize(std::move(key), "order", &extend->definitions),
                                         descending);
    }
    if (call.filter != nullptr)
      planned.call.filter = Materialize(std::move(call.filter), "filter", &extend->definitions);
    aggregate->aggregates.push_back(std::move(planned));
  }
  aggregate->inputs.push_back(std::move(extend));
  *op = std::move(aggregate);

  // What stands above sees keys and results only.
  auto settle = [&](ExprPtr* expr) -> absl::Status {
    if (*expr == nullptr) return absl::OkStatus();
    ReplaceKnown(expr, keys, symbols_);
    for (SymbolId id : ColumnsOf(**expr)) {
      if (visible.contains(id)) continue;
      return CodedError("not_an_aggregate",
                        StrCat("Column '", symbols_[id].name,
                               "' is not under aggregate function and not in GROUP BY keys"));
    }
    return absl::OkStatus();
  };
  for (SelectItem& item : parts->items) HOGLET_RETURN_IF_ERROR(settle(&item.expr));
  HOGLET_RETURN_IF_ERROR(settle(&parts->having));
  HOGLET_RETURN_IF_ERROR(settle(&parts->qualify));
  for (auto& [key, descending] : parts->order_by) HOGLET_RETURN_IF_ERROR(settle(&key));
  for (ExprPtr& key : parts->limit_by) HOGLET_RETURN_IF_ERROR(settle(&key));
  for (auto& join : scope->array_joins) HOGLET_RETURN_IF_ERROR(settle(&join.argument));
  for (auto& window : scope->windows) {
    for (ExprPtr& argument : window.arguments) HOGLET_RETURN_IF_ERROR(settle(&argument));
    for (ExprPtr& key : window.partition_by) HOGLET_RETURN_IF_ERROR(settle(&key));
    for (auto& [key, descending] : window.order_by) HOGLET_RETURN_IF_ERROR(settle(&key));
  }
  return absl::OkStatus();
}

absl::Status Binder::AddWindows(Scope* scope, OpPtr* op) {
  if (scope->windows.empty()) return absl::OkStatus();
  auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(*op));
  auto windows = std::make_unique<Op>(Op::Kind::kWindow);
  for (auto& window : scope->windows) {
    Op::Window planned;
    planned.symbol = window.symbol;
    planned.call = std::move(window.call);
    for (ExprPtr& argument : window.arguments) {
      planned.call.aggregate.arguments.push_back(
          Materialize(std::move(argument), "arg", &extend->definitions));
    }
    for (ExprPtr& key : window.partition_by)
      planned.call.partition_by.push_back(
          Materialize(std::move(key), "part", &extend->definitions));
    for (auto& [key, descending] : window.order_by) {
      planned.call.order_by.push_back(
          {Materialize(std::move(key), "order", &extend->definitions), descending});
    }
    windows->windows.push_back(std::move(planned));
  }
  windows->inputs.push_back(std::move(extend));
  *op = std::move(windows);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<uint64_t>> Binder::BindCount(const ast::Expr* expr, Scope* scope,
                                                          std::string_view clause) {
  if (expr == nullptr) return std::optional<uint64_t>();
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*expr, scope));
  auto* count = std::get_if<int64_t>(&value->constant.value);
  if (!IsConstant(*value) || count == nullptr || !value->type.IsInteger() ||
      (*count < 0 && value->type.kind() != TypeKind::kUInt64)) {
    return CodedError(
        "invalid_limit_expression",
        StrCat("The ", clause, " expression must be a constant non-negative integer"));
  }
  return std::optional<uint64_t>(static_cast<uint64_t>(*count));
}

absl::Status Binder::AddLimit(const ast::Expr* limit, const ast::Expr* offset, bool with_ties,
                              std::vector<SortItem> sort_items, const CteLink* ctes, OpPtr* op) {
  Scope empty;
  empty.ctes = ctes;
  HOGLET_ASSIGN_OR_RETURN(auto count, BindCount(limit, &empty, "LIMIT"));
  HOGLET_ASSIGN_OR_RETURN(auto skipped, BindCount(offset, &empty, "OFFSET"));
  if (!count && !skipped) return absl::OkStatus();
  auto node = std::make_unique<Op>(Op::Kind::kLimit, std::move(*op));
  node->limit = count;
  node->offset = skipped.value_or(0);
  node->with_ties = with_ties;
  if (with_ties) node->sort_items = std::move(sort_items);
  *op = std::move(node);
  return absl::OkStatus();
}

absl::Status Binder::AddOrderAndLimits(const ast::SelectQuery& query, Scope* scope,
                                       SelectParts* parts, OpPtr* op) {
  if (query.limit_percent) return QueryError("LIMIT percent is not allowed in hogql dialect");
  auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(*op));
  std::vector<SortItem> sort_items;
  for (auto& [key, descending] : parts->order_by) {
    if (IsConstant(*key)) continue;
    const SymbolId symbol = Materialize(std::move(key), "order", &extend->definitions);
    const bool repeated = std::any_of(sort_items.begin(), sort_items.end(),
                                      [&](const SortItem& item) { return item.symbol == symbol; });
    if (!repeated) sort_items.push_back({symbol, descending});
  }
  std::vector<SymbolId> limit_by;
  for (ExprPtr& key : parts->limit_by)
    limit_by.push_back(Materialize(std::move(key), "by", &extend->definitions));
  *op = std::move(extend);
  if (!sort_items.empty()) {
    auto sort = std::make_unique<Op>(Op::Kind::kSort, std::move(*op));
    sort->sort_items = sort_items;
    *op = std::move(sort);
  }
  if (query.limit_by != nullptr) {
    HOGLET_ASSIGN_OR_RETURN(auto count, BindCount(query.limit_by->n.get(), scope, "LIMIT BY"));
    HOGLET_ASSIGN_OR_RETURN(
        auto skipped, BindCount(query.limit_by->offset_value.get(), scope, "LIMIT BY OFFSET"));
    auto node = std::make_unique<Op>(Op::Kind::kLimitBy, std::move(*op));
    node->limit = count;
    node->offset = skipped.value_or(0);
    node->symbols = std::move(limit_by);
    *op = std::move(node);
  }
  const bool with_ties = query.limit_with_ties && !sort_items.empty();
  return AddLimit(query.limit.get(), query.offset.get(), with_ties, std::move(sort_items),
                  scope->ctes, op);
}

absl::StatusOr<PlanPtr> Binder::Finish(SelectResult result) {
  std::vector<SymbolId> outputs;
  std::vector<std::string> names;
  for (OutputField& field : result.fields) {
    outputs.push_back(field.symbol);
    names.push_back(std::move(field.name));
  }
  return LowerToPlan(std::move(result.op), outputs, names, &symbols_, context_.team_id, &builder_);
}

absl::StatusOr<const ast::Expr*> Binder::ParseOwn(const std::string& text, bool query) {
  auto [known, added] = own_texts_.try_emplace(text);
  if (added) {
    auto parsed = query ? ast::ParseSelect(text) : ast::ParseExpr(text);
    if (!parsed.ok()) return parsed.status();
    known->second = *std::move(parsed);
  }
  if (known->second == nullptr) return absl::InternalError(StrCat("not HogQL: ", text));
  return const_cast<const ast::Expr*>(known->second.get());
}

}  // namespace hoglet::analysis
