#include <algorithm>
#include <unordered_map>

#include "include/hoglet/status.h"
#include "query/analyze/logical_op.h"
#include "src/base/strings.h"

// From operators over symbols to the plan: columns nobody needs are left out, the others numbered
// by position.

namespace hoglet::analysis {
namespace {

struct Lowered {
  PlanPtr plan;
  std::vector<SymbolId> ids;  // of the plan's output columns
};

using Required = std::set<SymbolId>;
using Positions = std::map<SymbolId, size_t>;

Positions PositionsOf(const std::vector<SymbolId>& ids) {
  Positions positions;
  for (size_t i = 0; i < ids.size(); ++i) positions.emplace(ids[i], i);
  return positions;
}

void Renumber(Expr* expr, const Positions& positions) {
  if (expr->kind == Expr::Kind::kColumn) {
    auto it = positions.find(expr->column);
    HOGLET_ASSERT(it != positions.end());
    expr->column = it->second;
  }
  for (ExprPtr& argument : expr->arguments) Renumber(argument.get(), positions);
}

size_t At(const Positions& positions, SymbolId id) {
  auto it = positions.find(id);
  HOGLET_ASSERT(it != positions.end());
  return it->second;
}

void RenumberCall(AggregateCall* call, const Positions& positions) {
  for (size_t& column : call->arguments) column = At(positions, column);
  for (auto& [column, descending] : call->order_by) column = At(positions, column);
  if (call->filter) call->filter = At(positions, *call->filter);
}

void RequireCall(const AggregateCall& call, Required* required) {
  required->insert(call.arguments.begin(), call.arguments.end());
  for (const auto& [column, descending] : call.order_by) required->insert(column);
  if (call.filter) required->insert(*call.filter);
}

Datum DefaultOf(const Type& type) {
  if (type.nullable()) return Datum();
  switch (type.physical()) {
    case Physical::kF64:
      return Datum(0.0);
    case Physical::kI128:
      return Datum(Int128{0});
    case Physical::kString:
      return Datum(std::string());
    case Physical::kArray:
      return Datum(std::vector<Datum>());
    case Physical::kTuple: {
      std::vector<Datum> values;
      for (const Type& child : type.children()) values.push_back(DefaultOf(child));
      return Datum(std::move(values));
    }
    case Physical::kNone:
      return Datum();
    default:
      return Datum(int64_t{0});
  }
}

// Calls that occur more than once in a list of expressions, to be computed once. Calls that a
// short-circuiting function may never reach are left alone: computing them could fail.
class CommonCalls {
 public:
  CommonCalls(std::vector<std::pair<SymbolId, ExprPtr>>* definitions, Symbols* symbols)
      : symbols_(symbols) {
    for (const auto& [symbol, expr] : *definitions) Count(*expr);
    for (auto& [symbol, expr] : *definitions) Replace(&expr);
  }
  std::vector<std::pair<SymbolId, ExprPtr>> TakeShared() { return std::move(shared_); }

 private:
  static bool Shareable(const Expr& expr) {
    if (expr.kind != Expr::Kind::kCall) return false;
    bool free_of_parameters = true;
    ForEachNode(expr, [&](const Expr& node) {
      if (node.kind == Expr::Kind::kParameter || node.kind == Expr::Kind::kLambda)
        free_of_parameters = false;
    });
    return free_of_parameters && IsDeterministic(expr);
  }
  static size_t ReachedArguments(const Expr& expr) {
    return expr.function != nullptr && expr.function->short_circuits()
               ? std::min<size_t>(1, expr.arguments.size())
               : expr.arguments.size();
  }
  void Count(const Expr& expr) {
    if (expr.kind == Expr::Kind::kLambda) return;
    if (Shareable(expr)) ++counts_[ExprToString(expr)];
    for (size_t i = 0; i < ReachedArguments(expr); ++i) Count(*expr.arguments[i]);
  }
  void Replace(ExprPtr* expr) {
    if ((*expr)->kind == Expr::Kind::kLambda) return;
    if (Shareable(**expr)) {
      const std::string text = ExprToString(**expr);
      auto it = counts_.find(text);
      if (it != counts_.end() && it->second > 1) {
        auto [known, added] = ids_.try_emplace(text, 0);
        if (added) {
          known->second = symbols_->Add(text, (*expr)->type);
          shared_.emplace_back(known->second, std::move(*expr));
        }
        *expr = symbols_->Reference(known->second);
        return;
      }
    }
    for (ExprPtr& argument : (*expr)->arguments) Replace(&argument);
  }

  Symbols* symbols_;
  std::unordered_map<std::string, int> counts_;
  std::unordered_map<std::string, SymbolId> ids_;
  std::vector<std::pair<SymbolId, ExprPtr>> shared_;
};

class Lowerer {
 public:
  Lowerer(Symbols* symbols, int64_t team_id) : symbols_(*symbols), team_id_(team_id) {}

  absl::StatusOr<Lowered> Lower(Op* op, const Required& required) {
    switch (op->kind) {
      case Op::Kind::kSource:
        return Lower(op->inputs[0].get(), required);
      case Op::Kind::kScan:
        return Scan(op, required);
      case Op::Kind::kValues:
        return Values(op, required);
      case Op::Kind::kNumbers:
        return Numbers(op);
      case Op::Kind::kFilter:
        return Filter(op, required);
      case Op::Kind::kExtend:
        return Extend(op, required);
      case Op::Kind::kAggregate:
        return Aggregate(op, required);
      case Op::Kind::kSort:
        return Sort(op, required);
      case Op::Kind::kLimit:
        return Limit(op, required);
      case Op::Kind::kLimitBy:
        return LimitBy(op, required);
      case Op::Kind::kDistinct:
        return Distinct(op);
      case Op::Kind::kJoin:
        return Join(op, required);
      case Op::Kind::kUnion:
      case Op::Kind::kSetOp:
        return SetOperation(op, required);
      case Op::Kind::kArrayJoin:
        return ArrayJoin(op, required);
      case Op::Kind::kWindow:
        return Window(op, required);
    }
    return absl::InternalError("unknown operator");
  }

  // Exactly these columns in this order.
  Lowered Exactly(Lowered input, const std::vector<SymbolId>& ids) {
    if (input.ids == ids) return input;
    const Positions positions = PositionsOf(input.ids);
    PlanPtr project = Make(Plan::Kind::kProject, ids);
    for (SymbolId id : ids)
      project->expressions.push_back(Expr::Column(At(positions, id), symbols_[id].type));
    if (MergeProjection(*input.plan, project.get())) input.plan = std::move(input.plan->inputs[0]);
    project->inputs.push_back(std::move(input.plan));
    return {std::move(project), ids};
  }

 private:
  // A projection of columns over a projection takes over the inner expressions, unless one would
  // then be computed twice.
  static bool MergeProjection(const Plan& inner, Plan* outer) {
    if (inner.kind != Plan::Kind::kProject) return false;
    std::set<size_t> used;
    for (const ExprPtr& expr : outer->expressions) {
      if (!used.insert(expr->column).second &&
          inner.expressions[expr->column]->kind == Expr::Kind::kCall)
        return false;
    }
    for (ExprPtr& expr : outer->expressions) expr = inner.expressions[expr->column]->Clone();
    return true;
  }

  OutputColumn ColumnOf(SymbolId id) const { return {symbols_[id].name, symbols_[id].type}; }

  PlanPtr Make(Plan::Kind kind, const std::vector<SymbolId>& ids) const {
    auto plan = std::make_unique<Plan>();
    plan->kind = kind;
    for (SymbolId id : ids) plan->output.push_back(ColumnOf(id));
    return plan;
  }

  absl::StatusOr<Lowered> Scan(Op* op, const Required& required) {
    std::vector<SymbolId> ids;
    std::vector<ColumnRef> columns;
    for (const auto& [symbol, column] : op->scan_columns) {
      // Sampling goes by distinct_id.
      const bool sampled = op->sample_ratio < 1 && column.name == "distinct_id";
      if (!required.contains(symbol) && !sampled) continue;
      ids.push_back(symbol);
      columns.push_back(column);
    }
    PlanPtr plan = Make(Plan::Kind::kScan, ids);
    plan->table = op->table;
    plan->team_id = team_id_;
    plan->columns = std::move(columns);
    plan->sample_ratio = op->sample_ratio;
    plan->sample_offset = op->sample_offset;
    return Lowered{std::move(plan), std::move(ids)};
  }

  absl::StatusOr<Lowered> Values(Op* op, const Required& required) {
    std::vector<size_t> kept;
    for (size_t i = 0; i < op->symbols.size(); ++i) {
      if (required.contains(op->symbols[i])) kept.push_back(i);
    }
    if (kept.empty()) kept.push_back(0);
    std::vector<SymbolId> ids;
    for (size_t i : kept) ids.push_back(op->symbols[i]);
    PlanPtr plan = Make(Plan::Kind::kValues, ids);
    for (const auto& row : op->rows) {
      plan->rows.emplace_back();
      for (size_t i : kept) plan->rows.back().push_back(row[i]->Clone());
    }
    return Lowered{std::move(plan), std::move(ids)};
  }

  absl::StatusOr<Lowered> Numbers(Op* op) {
    PlanPtr plan = Make(Plan::Kind::kNumbers, op->symbols);
    plan->rows = std::move(op->rows);
    return Lowered{std::move(plan), op->symbols};
  }

  absl::StatusOr<Lowered> Filter(Op* op, const Required& required) {
    Required below = required;
    AddColumnsOf(*op->predicate, &below);
    HOGLET_ASSIGN_OR_RETURN(Lowered input, Lower(op->inputs[0].get(), below));
    Renumber(op->predicate.get(), PositionsOf(input.ids));
    if (input.plan->kind == Plan::Kind::kScan) AddScanHints(*op->predicate, input.plan.get());
    PlanPtr plan = Make(Plan::Kind::kFilter, input.ids);
    plan->expressions.push_back(std::move(op->predicate));
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(input.ids)};
  }

  absl::StatusOr<Lowered> Extend(Op* op, const Required& required) {
    std::erase_if(op->definitions,
                  [&](const auto& definition) { return !required.contains(definition.first); });
    if (op->definitions.empty()) return Lower(op->inputs[0].get(), required);
    auto shared = CommonCalls(&op->definitions, &symbols_).TakeShared();
    if (!shared.empty()) {
      auto below = std::make_unique<Op>(Op::Kind::kExtend, std::move(op->inputs[0]));
      below->definitions = std::move(shared);
      op->inputs[0] = std::move(below);
    }
    Required below = required;
    for (const auto& [symbol, expr] : op->definitions) below.erase(symbol);
    const Required passed = below;
    for (const auto& [symbol, expr] : op->definitions) AddColumnsOf(*expr, &below);
    HOGLET_ASSIGN_OR_RETURN(Lowered input, Lower(op->inputs[0].get(), below));
    const Positions positions = PositionsOf(input.ids);
    std::vector<SymbolId> ids(passed.begin(), passed.end());
    for (const auto& [symbol, expr] : op->definitions) ids.push_back(symbol);
    PlanPtr plan = Make(Plan::Kind::kProject, ids);
    for (SymbolId id : passed)
      plan->expressions.push_back(Expr::Column(At(positions, id), symbols_[id].type));
    for (auto& [symbol, expr] : op->definitions) {
      Renumber(expr.get(), positions);
      plan->expressions.push_back(std::move(expr));
    }
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(ids)};
  }

  absl::StatusOr<Lowered> Aggregate(Op* op, const Required& required) {
    std::vector<Op::Aggregate> kept;
    for (auto& aggregate : op->aggregates) {
      if (required.contains(aggregate.symbol)) kept.push_back(std::move(aggregate));
    }
    // Without keys the one row comes from an aggregate, wanted or not.
    if (kept.empty() && op->symbols.empty()) kept.push_back(std::move(op->aggregates[0]));
    op->aggregates = std::move(kept);
    Required below(op->symbols.begin(), op->symbols.end());
    for (const auto& aggregate : op->aggregates) RequireCall(aggregate.call, &below);
    HOGLET_ASSIGN_OR_RETURN(Lowered input, Lower(op->inputs[0].get(), below));
    const Positions positions = PositionsOf(input.ids);
    std::vector<SymbolId> ids = op->symbols;
    for (const auto& aggregate : op->aggregates) ids.push_back(aggregate.symbol);
    PlanPtr plan = Make(Plan::Kind::kAggregate, ids);
    for (SymbolId key : op->symbols) plan->group_keys.push_back(At(positions, key));
    for (auto& aggregate : op->aggregates) {
      RenumberCall(&aggregate.call, positions);
      plan->aggregates.push_back(std::move(aggregate.call));
    }
    plan->grouping_sets = std::move(op->grouping_sets);
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(ids)};
  }

  static std::vector<SortKey> SortKeys(const std::vector<SortItem>& items,
                                       const Positions& positions) {
    std::vector<SortKey> keys;
    for (const SortItem& item : items)
      keys.push_back({At(positions, item.symbol), item.descending});
    return keys;
  }

  absl::StatusOr<Lowered> Sort(Op* op, const Required& required) {
    Required below = required;
    for (const SortItem& item : op->sort_items) below.insert(item.symbol);
    HOGLET_ASSIGN_OR_RETURN(Lowered input, Lower(op->inputs[0].get(), below));
    PlanPtr plan = Make(Plan::Kind::kSort, input.ids);
    plan->sort_keys = SortKeys(op->sort_items, PositionsOf(input.ids));
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(input.ids)};
  }

  absl::StatusOr<Lowered> Limit(Op* op, const Required& required) {
    Required below = required;
    for (const SortItem& item : op->sort_items) below.insert(item.symbol);
    HOGLET_ASSIGN_OR_RETURN(Lowered input, Lower(op->inputs[0].get(), below));
    PlanPtr plan = Make(Plan::Kind::kLimit, input.ids);
    plan->limit = op->limit;
    plan->offset = op->offset;
    plan->with_ties = op->with_ties;
    plan->sort_keys = SortKeys(op->sort_items, PositionsOf(input.ids));
    if (input.plan->kind == Plan::Kind::kSort && op->limit && !op->with_ties &&
        *op->limit + op->offset >= *op->limit) {
      input.plan->limit = *op->limit + op->offset;
    }
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(input.ids)};
  }

  absl::StatusOr<Lowered> LimitBy(Op* op, const Required& required) {
    Required below = required;
    below.insert(op->symbols.begin(), op->symbols.end());
    HOGLET_ASSIGN_OR_RETURN(Lowered input, Lower(op->inputs[0].get(), below));
    const Positions positions = PositionsOf(input.ids);
    PlanPtr plan = Make(Plan::Kind::kLimitBy, input.ids);
    plan->limit = op->limit;
    plan->offset = op->offset;
    for (SymbolId id : op->symbols) plan->columns_by.push_back(At(positions, id));
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(input.ids)};
  }

  absl::StatusOr<Lowered> Distinct(Op* op) {
    std::vector<SymbolId> ids;  // a column may stand twice in a select list
    for (SymbolId id : op->symbols) {
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
    HOGLET_ASSIGN_OR_RETURN(Lowered input,
                            Lower(op->inputs[0].get(), Required(ids.begin(), ids.end())));
    input = Exactly(std::move(input), ids);
    PlanPtr plan = Make(Plan::Kind::kDistinct, ids);
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(ids)};
  }

  absl::StatusOr<Lowered> Join(Op* op, const Required& required) {
    using JoinKind = Plan::JoinKind;
    const Required right_symbols = SymbolsOf(*op->inputs[1]);
    Required left_below(op->left_keys.begin(), op->left_keys.end());
    Required right_below(op->right_keys.begin(), op->right_keys.end());
    Required right_asked;
    for (SymbolId id : required) {
      (right_symbols.contains(id) ? right_below : left_below).insert(id);
      if (right_symbols.contains(id)) right_asked.insert(id);
    }
    if (op->predicate != nullptr) {
      for (SymbolId id : ColumnsOf(*op->predicate))
        (right_symbols.contains(id) ? right_below : left_below).insert(id);
    }
    HOGLET_ASSIGN_OR_RETURN(Lowered left, Lower(op->inputs[0].get(), left_below));
    HOGLET_ASSIGN_OR_RETURN(Lowered right, Lower(op->inputs[1].get(), right_below));
    JoinKind kind = op->join_kind;
    bool any = op->join_any;
    // A semi join whose right columns are read gives those of one match.
    if (kind == JoinKind::kSemi && !right_asked.empty()) kind = JoinKind::kInner, any = true;
    const bool left_only = kind == JoinKind::kSemi || kind == JoinKind::kAnti;
    std::vector<SymbolId> pair_ids = left.ids;
    pair_ids.insert(pair_ids.end(), right.ids.begin(), right.ids.end());
    PlanPtr plan = Make(Plan::Kind::kJoin, left_only ? left.ids : pair_ids);
    plan->join_kind = kind;
    plan->join_any = any;
    const Positions left_positions = PositionsOf(left.ids),
                    right_positions = PositionsOf(right.ids);
    for (size_t i = 0; i < op->left_keys.size(); ++i) {
      plan->join_keys.emplace_back(At(left_positions, op->left_keys[i]),
                                   At(right_positions, op->right_keys[i]));
    }
    if (op->predicate != nullptr) {
      Renumber(op->predicate.get(), PositionsOf(pair_ids));
      plan->residual = std::move(op->predicate);
    }
    plan->inputs.push_back(std::move(left.plan));
    plan->inputs.push_back(std::move(right.plan));
    Lowered result{std::move(plan), left_only ? left.ids : pair_ids};
    return kind == JoinKind::kAnti && !right_asked.empty()
               ? WithDefaults(std::move(result), right_asked)
               : std::move(result);
  }

  // An anti join's right columns read as type defaults.
  Lowered WithDefaults(Lowered input, const Required& missing) {
    std::vector<SymbolId> ids = input.ids;
    ids.insert(ids.end(), missing.begin(), missing.end());
    PlanPtr plan = Make(Plan::Kind::kProject, ids);
    for (size_t i = 0; i < input.ids.size(); ++i)
      plan->expressions.push_back(Expr::Column(i, symbols_[input.ids[i]].type));
    for (SymbolId id : missing)
      plan->expressions.push_back(Expr::Constant(DefaultOf(symbols_[id].type), symbols_[id].type));
    plan->inputs.push_back(std::move(input.plan));
    return {std::move(plan), std::move(ids)};
  }

  absl::StatusOr<Lowered> SetOperation(Op* op, const Required& required) {
    std::vector<size_t> kept;
    for (size_t j = 0; j < op->symbols.size(); ++j) {
      if (op->kind == Op::Kind::kSetOp || required.contains(op->symbols[j])) kept.push_back(j);
    }
    if (kept.empty()) kept.push_back(0);
    std::vector<SymbolId> ids;
    for (size_t j : kept) ids.push_back(op->symbols[j]);
    PlanPtr plan =
        Make(op->kind == Op::Kind::kUnion ? Plan::Kind::kUnion : Plan::Kind::kSetOp, ids);
    plan->set_all = op->set_all;
    plan->set_except = op->set_except;
    for (size_t i = 0; i < op->inputs.size(); ++i) {
      std::vector<SymbolId> wanted;
      for (size_t j : kept) wanted.push_back(op->input_columns[i][j]);
      HOGLET_ASSIGN_OR_RETURN(Lowered input,
                              Lower(op->inputs[i].get(), Required(wanted.begin(), wanted.end())));
      plan->inputs.push_back(Exactly(std::move(input), wanted).plan);
    }
    return Lowered{std::move(plan), std::move(ids)};
  }

  absl::StatusOr<Lowered> ArrayJoin(Op* op, const Required& required) {
    Required below = required;
    for (const auto& [array, element] : op->arrays) below.erase(element);
    // An array that is also read whole needs a second column.
    for (auto& [array, element] : op->arrays) {
      HOGLET_ASSERT(!below.contains(array));
      below.insert(array);
    }
    HOGLET_ASSIGN_OR_RETURN(Lowered input, Lower(op->inputs[0].get(), below));
    std::vector<SymbolId> ids = input.ids;
    std::vector<size_t> columns;
    const Positions positions = PositionsOf(input.ids);
    for (const auto& [array, element] : op->arrays) {
      columns.push_back(At(positions, array));
      ids[columns.back()] = element;
    }
    PlanPtr plan = Make(Plan::Kind::kArrayJoin, ids);
    plan->array_columns = std::move(columns);
    plan->left_array_join = op->left_array_join;
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(ids)};
  }

  absl::StatusOr<Lowered> Window(Op* op, const Required& required) {
    std::erase_if(op->windows,
                  [&](const Op::Window& window) { return !required.contains(window.symbol); });
    if (op->windows.empty()) return Lower(op->inputs[0].get(), required);
    Required below = required;
    for (const auto& window : op->windows) below.erase(window.symbol);
    for (const auto& window : op->windows) {
      RequireCall(window.call.aggregate, &below);
      below.insert(window.call.partition_by.begin(), window.call.partition_by.end());
      for (const SortKey& key : window.call.order_by) below.insert(key.column);
    }
    HOGLET_ASSIGN_OR_RETURN(Lowered input, Lower(op->inputs[0].get(), below));
    const Positions positions = PositionsOf(input.ids);
    std::vector<SymbolId> ids = input.ids;
    for (const auto& window : op->windows) ids.push_back(window.symbol);
    PlanPtr plan = Make(Plan::Kind::kWindow, ids);
    for (auto& window : op->windows) {
      RenumberCall(&window.call.aggregate, positions);
      for (size_t& column : window.call.partition_by) column = At(positions, column);
      for (SortKey& key : window.call.order_by) key.column = At(positions, key.column);
      plan->windows.push_back(std::move(window.call));
    }
    plan->inputs.push_back(std::move(input.plan));
    return Lowered{std::move(plan), std::move(ids)};
  }

  Symbols& symbols_;
  int64_t team_id_;
};

// A column can only be used above the operator that makes it: not so a window function in WHERE, an
// aggregate in a JOIN condition.
class Validator {
 public:
  explicit Validator(const Symbols& symbols) : symbols_(symbols) {}

  absl::Status Check(const Op& op) {
    std::set<SymbolId> available;
    for (const OpPtr& input : op.inputs) {
      HOGLET_RETURN_IF_ERROR(Check(*input));
      const std::set<SymbolId> more = SymbolsOf(*input);
      available.insert(more.begin(), more.end());
    }
    Required used;
    if (op.predicate != nullptr) AddColumnsOf(*op.predicate, &used);
    for (const auto& [symbol, expr] : op.definitions) AddColumnsOf(*expr, &used);
    for (const auto& aggregate : op.aggregates) RequireCall(aggregate.call, &used);
    for (const SortItem& item : op.sort_items) used.insert(item.symbol);
    for (const auto& [array, element] : op.arrays) used.insert(array);
    used.insert(op.left_keys.begin(), op.left_keys.end());
    used.insert(op.right_keys.begin(), op.right_keys.end());
    for (const auto& columns : op.input_columns) used.insert(columns.begin(), columns.end());
    for (const auto& window : op.windows) {
      RequireCall(window.call.aggregate, &used);
      used.insert(window.call.partition_by.begin(), window.call.partition_by.end());
      for (const SortKey& key : window.call.order_by) used.insert(key.column);
    }
    const bool passes = op.kind == Op::Kind::kAggregate || op.kind == Op::Kind::kLimitBy ||
                        op.kind == Op::Kind::kDistinct;
    if (passes) used.insert(op.symbols.begin(), op.symbols.end());
    for (SymbolId id : used) {
      if (available.contains(id)) continue;
      return CodedError(
          "illegal_aggregation",
          StrCat("'", symbols_[id].name, "' cannot be used in this part of the query"));
    }
    return absl::OkStatus();
  }

 private:
  const Symbols& symbols_;
};

}  // namespace

absl::StatusOr<PlanPtr> LowerToPlan(OpPtr op, const std::vector<SymbolId>& outputs,
                                    const std::vector<std::string>& names, Symbols* symbols,
                                    int64_t team_id, ExprBuilder* builder) {
  HOGLET_RETURN_IF_ERROR(Validator(*symbols).Check(*op));
  ReadPropertiesAtScans(op.get(), symbols, builder);
  HOGLET_ASSIGN_OR_RETURN(op, PushDownFilters(std::move(op), builder));
  Lowerer lowerer(symbols, team_id);
  HOGLET_ASSIGN_OR_RETURN(Lowered lowered,
                          lowerer.Lower(op.get(), Required(outputs.begin(), outputs.end())));
  PlanPtr plan = lowerer.Exactly(std::move(lowered), outputs).plan;
  for (size_t i = 0; i < names.size(); ++i) plan->output[i].name = names[i];
  return plan;
}

}  // namespace hoglet::analysis
