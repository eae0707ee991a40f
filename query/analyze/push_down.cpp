#include <algorithm>

#include "include/hoglet/status.h"
#include "query/analyze/logical_op.h"

namespace hoglet::analysis {
namespace {

// A pushed filter repeats what the projection computes anyway; more nodes than this are computed
// once instead.
constexpr size_t kRepeatedNodesMax = 6;

bool Within(const std::set<SymbolId>& some, const std::set<SymbolId>& all) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

bool Touches(const std::set<SymbolId>& a, const std::set<SymbolId>& b) {
  return std::any_of(a.begin(), a.end(), [&](SymbolId id) { return b.contains(id); });
}

using Replacements = std::map<SymbolId, const Expr*>;

void Substitute(ExprPtr* expr, const Replacements& replacements) {
  if ((*expr)->kind == Expr::Kind::kColumn) {
    auto it = replacements.find((*expr)->column);
    if (it != replacements.end()) *expr = it->second->Clone();
    return;
  }
  for (ExprPtr& argument : (*expr)->arguments) Substitute(&argument, replacements);
}

// Conjuncts on their way down.
using Conjuncts = std::vector<ExprPtr>;

class Pusher {
 public:
  explicit Pusher(ExprBuilder* builder) : builder_(builder) {}

  absl::StatusOr<OpPtr> Push(OpPtr op, Conjuncts conjuncts) {
    switch (op->kind) {
      case Op::Kind::kSource:
        return Push(std::move(op->inputs[0]), std::move(conjuncts));
      case Op::Kind::kFilter:
        SplitConjuncts(std::move(op->predicate), &conjuncts);
        return Push(std::move(op->inputs[0]), std::move(conjuncts));
      case Op::Kind::kSort:
        return Through(std::move(op), std::move(conjuncts),
                       [](const std::set<SymbolId>&) { return true; });
      case Op::Kind::kDistinct:
        return Through(std::move(op), std::move(conjuncts),
                       [](const std::set<SymbolId>&) { return true; });
      case Op::Kind::kExtend:
        return Extend(std::move(op), std::move(conjuncts));
      case Op::Kind::kAggregate:
        return Aggregate(std::move(op), std::move(conjuncts));
      case Op::Kind::kArrayJoin:
        return ArrayJoin(std::move(op), std::move(conjuncts));
      case Op::Kind::kJoin:
        return Join(std::move(op), std::move(conjuncts));
      case Op::Kind::kUnion:
        return Union(std::move(op), std::move(conjuncts));
      default:
        return Through(std::move(op), std::move(conjuncts),
                       [](const std::set<SymbolId>&) { return false; });
    }
  }

 private:
  absl::StatusOr<OpPtr> Wrap(OpPtr op, Conjuncts conjuncts) {
    if (conjuncts.empty()) return op;
    auto filter = std::make_unique<Op>(Op::Kind::kFilter, std::move(op));
    HOGLET_ASSIGN_OR_RETURN(filter->predicate, builder_->And(std::move(conjuncts)));
    return filter;
  }

  // Deterministic conjuncts whose columns `passes` go on below all inputs (of which there is one,
  // or none passes).
  template <typename Passes>
  absl::StatusOr<OpPtr> Through(OpPtr op, Conjuncts conjuncts, const Passes& passes) {
    Conjuncts below, here;
    for (ExprPtr& conjunct : conjuncts) {
      const bool pass = passes(ColumnsOf(*conjunct)) && IsDeterministic(*conjunct);
      (pass ? below : here).push_back(std::move(conjunct));
    }
    for (OpPtr& input : op->inputs) {
      HOGLET_ASSIGN_OR_RETURN(input, Push(std::move(input), std::move(below)));
      below.clear();
    }
    return Wrap(std::move(op), std::move(here));
  }

  absl::StatusOr<OpPtr> Extend(OpPtr op, Conjuncts conjuncts) {
    Replacements cheap;
    std::set<SymbolId> defined;
    for (const auto& [symbol, expr] : op->definitions) {
      defined.insert(symbol);
      if (NodeCount(*expr) <= kRepeatedNodesMax && IsDeterministic(*expr))
        cheap[symbol] = expr.get();
    }
    for (ExprPtr& conjunct : conjuncts) {
      std::set<SymbolId> used;
      for (SymbolId id : ColumnsOf(*conjunct)) {
        if (defined.contains(id)) used.insert(id);
      }
      const bool all_cheap =
          std::all_of(used.begin(), used.end(), [&](SymbolId id) { return cheap.contains(id); });
      if (all_cheap && !used.empty()) Substitute(&conjunct, cheap);
    }
    return Through(std::move(op), std::move(conjuncts),
                   [&](const std::set<SymbolId>& columns) { return !Touches(columns, defined); });
  }

  absl::StatusOr<OpPtr> Aggregate(OpPtr op, Conjuncts conjuncts) {
    const std::set<SymbolId> keys(op->symbols.begin(), op->symbols.end());
    const bool open = !keys.empty() && op->grouping_sets.empty();
    return Through(std::move(op), std::move(conjuncts), [&](const std::set<SymbolId>& columns) {
      return open && !columns.empty() && Within(columns, keys);
    });
  }

  absl::StatusOr<OpPtr> ArrayJoin(OpPtr op, Conjuncts conjuncts) {
    std::set<SymbolId> elements;
    for (const auto& [array, element] : op->arrays) elements.insert(element);
    return Through(std::move(op), std::move(conjuncts), [&](const std::set<SymbolId>& columns) {
      return !columns.empty() && !Touches(columns, elements);
    });
  }

  absl::StatusOr<OpPtr> Join(OpPtr op, Conjuncts conjuncts) {
    using JoinKind = Plan::JoinKind;
    const JoinKind kind = op->join_kind;
    const bool both = kind == JoinKind::kInner || kind == JoinKind::kCross;
    const bool left_open =
        both || kind == JoinKind::kLeft || kind == JoinKind::kSemi || kind == JoinKind::kAnti;
    const bool right_open = (both && !op->join_any) || kind == JoinKind::kRight;
    const std::set<SymbolId> left = SymbolsOf(*op->inputs[0]);
    const std::set<SymbolId> right = SymbolsOf(*op->inputs[1]);
    Conjuncts to_left, to_right, here;
    for (ExprPtr& conjunct : conjuncts) {
      const std::set<SymbolId> columns = ColumnsOf(*conjunct);
      const bool movable = !columns.empty() && IsDeterministic(*conjunct);
      if (both && !op->join_any && AddKey(*conjunct, left, right, op.get())) continue;
      if (movable && left_open && Within(columns, left)) {
        to_left.push_back(std::move(conjunct));
      } else if (movable && right_open && Within(columns, right)) {
        to_right.push_back(std::move(conjunct));
      } else {
        here.push_back(std::move(conjunct));
      }
    }
    HOGLET_ASSIGN_OR_RETURN(op->inputs[0], Push(std::move(op->inputs[0]), std::move(to_left)));
    HOGLET_ASSIGN_OR_RETURN(op->inputs[1], Push(std::move(op->inputs[1]), std::move(to_right)));
    return Wrap(std::move(op), std::move(here));
  }

  // An equality between columns of the two sides is a key; a cross join with one is an inner join.
  static bool AddKey(const Expr& conjunct, const std::set<SymbolId>& left,
                     const std::set<SymbolId>& right, Op* op) {
    if (conjunct.kind != Expr::Kind::kCall || conjunct.name != "equals") return false;
    const Expr* a = conjunct.arguments[0].get();
    const Expr* b = conjunct.arguments[1].get();
    if (a->kind != Expr::Kind::kColumn || b->kind != Expr::Kind::kColumn ||
        !a->type.SameBase(b->type))
      return false;
    if (right.contains(a->column)) std::swap(a, b);
    if (!left.contains(a->column) || !right.contains(b->column)) return false;
    op->left_keys.push_back(a->column);
    op->right_keys.push_back(b->column);
    op->join_kind = Plan::JoinKind::kInner;
    return true;
  }

  absl::StatusOr<OpPtr> Union(OpPtr op, Conjuncts conjuncts) {
    Conjuncts here;
    std::vector<Conjuncts> below(op->inputs.size());
    for (ExprPtr& conjunct : conjuncts) {
      if (!IsDeterministic(*conjunct)) {
        here.push_back(std::move(conjunct));
        continue;
      }
      for (size_t i = 0; i < op->inputs.size(); ++i) {
        below[i].push_back(conjunct->Clone());
        RenameToInput(below[i].back().get(), *op, i);
      }
    }
    for (size_t i = 0; i < op->inputs.size(); ++i) {
      HOGLET_ASSIGN_OR_RETURN(op->inputs[i], Push(std::move(op->inputs[i]), std::move(below[i])));
    }
    return Wrap(std::move(op), std::move(here));
  }

  static void RenameToInput(Expr* expr, const Op& op, size_t input) {
    if (expr->kind == Expr::Kind::kColumn) {
      for (size_t j = 0; j < op.symbols.size(); ++j) {
        if (op.symbols[j] == expr->column) {
          expr->column = op.input_columns[input][j];
          return;
        }
      }
    }
    for (ExprPtr& argument : expr->arguments) RenameToInput(argument.get(), op, input);
  }

  ExprBuilder* builder_;
};

void AddAll(const std::set<SymbolId>& from, std::set<SymbolId>* to) {
  to->insert(from.begin(), from.end());
}

}  // namespace

std::set<SymbolId> SymbolsOf(const Op& op) {
  std::set<SymbolId> symbols;
  switch (op.kind) {
    case Op::Kind::kScan:
      for (const auto& [symbol, column] : op.scan_columns) symbols.insert(symbol);
      return symbols;
    case Op::Kind::kAggregate:
      for (const auto& aggregate : op.aggregates) symbols.insert(aggregate.symbol);
      [[fallthrough]];
    case Op::Kind::kValues:
    case Op::Kind::kNumbers:
    case Op::Kind::kDistinct:
    case Op::Kind::kUnion:
    case Op::Kind::kSetOp:
      symbols.insert(op.symbols.begin(), op.symbols.end());
      return symbols;
    default:
      break;
  }
  for (const OpPtr& input : op.inputs) AddAll(SymbolsOf(*input), &symbols);
  for (const auto& [symbol, expr] : op.definitions) symbols.insert(symbol);
  for (const auto& [array, element] : op.arrays) symbols.insert(element);
  for (const auto& window : op.windows) symbols.insert(window.symbol);
  return symbols;
}

absl::StatusOr<OpPtr> PushDownFilters(OpPtr op, ExprBuilder* builder) {
  return Pusher(builder).Push(std::move(op), {});
}

}  // namespace hoglet::analysis
