#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/analyze/expr_builder.h"
#include "query/analyze/logical_plan.h"

// The query while it is being analyzed: operators whose columns are symbols, numbers that are
// unique in the whole query. In an Expr of this stage kColumn's `column` is a symbol. So names can
// be resolved and columns requested in any order; LowerToPlan at the end keeps only what is used
// and numbers columns by position.

namespace hoglet::analysis {

using SymbolId = size_t;

struct Symbol {
  std::string name;
  Type type;
  // Set for a column that holds a JSON document: properties can be read of it. The kind of its
  // property definitions.
  std::optional<int> json;
};

struct SortItem {
  SymbolId symbol;
  bool descending;
};

struct Op;
using OpPtr = std::unique_ptr<Op>;

struct Op {
  enum class Kind {
    kSource,     // its input; a place where joins can be put in later
    kScan,       // scan_columns
    kValues,     // symbols, rows
    kNumbers,    // symbols[0], rows
    kFilter,     // predicate
    kExtend,     // all columns of the input and `definitions`, which do not see one another
    kAggregate,  // symbols = keys (columns of the input), aggregates
    kSort,
    kLimit,
    kLimitBy,    // symbols
    kDistinct,   // symbols: only these remain
    kJoin,       // left_keys[i] = right_keys[i], predicate may be null
    kUnion,      // symbols; input_columns[i][j] feeds symbols[j]
    kSetOp,      // the same
    kArrayJoin,  // arrays: (array column, element column)
    kWindow,
  };

  struct Aggregate {
    SymbolId symbol = 0;
    AggregateCall call;  // columns are symbols
  };
  struct Window {
    SymbolId symbol = 0;
    Plan::WindowCall call;  // columns are symbols
  };

  Kind kind;
  std::vector<OpPtr> inputs;

  std::string table;
  std::vector<std::pair<SymbolId, ColumnRef>> scan_columns;
  double sample_ratio = 1;
  double sample_offset = 0;

  std::vector<SymbolId> symbols;
  std::vector<std::vector<ExprPtr>> rows;
  ExprPtr predicate;
  std::vector<std::pair<SymbolId, ExprPtr>> definitions;
  std::vector<Aggregate> aggregates;
  std::vector<std::vector<size_t>> grouping_sets;
  std::vector<SortItem> sort_items;
  std::optional<uint64_t> limit;
  uint64_t offset = 0;
  bool with_ties = false;
  Plan::JoinKind join_kind = Plan::JoinKind::kInner;
  bool join_any = false;
  std::vector<SymbolId> left_keys;
  std::vector<SymbolId> right_keys;
  std::vector<std::vector<SymbolId>> input_columns;
  bool set_all = false;
  bool set_except = false;
  std::vector<std::pair<SymbolId, SymbolId>> arrays;
  bool left_array_join = false;
  std::vector<Window> windows;

  explicit Op(Kind op_kind) : kind(op_kind) {}
  Op(Kind op_kind, OpPtr input) : kind(op_kind) { inputs.push_back(std::move(input)); }
};

// The symbols of one query. Not thread-safe.
class Symbols {
 public:
  SymbolId Add(std::string name, Type type) {
    list_.push_back({std::move(name), std::move(type), std::nullopt});
    return list_.size() - 1;
  }
  Symbol& operator[](SymbolId id) { return list_[id]; }
  const Symbol& operator[](SymbolId id) const { return list_[id]; }
  ExprPtr Reference(SymbolId id) const { return Expr::Column(id, list_[id].type); }

 private:
  std::vector<Symbol> list_;
};

// The symbols that `op` can give.
std::set<SymbolId> SymbolsOf(const Op& op);

// Moves filters down as far as they keep their meaning.
absl::StatusOr<OpPtr> PushDownFilters(OpPtr op, ExprBuilder* builder);

// Turns property reads of whole documents into columns of their scans.
void ReadPropertiesAtScans(Op* op, Symbols* symbols, ExprBuilder* builder);

// The plan that yields `outputs`, in that order and under those names.
absl::StatusOr<PlanPtr> LowerToPlan(OpPtr op, const std::vector<SymbolId>& outputs,
                                    const std::vector<std::string>& names, Symbols* symbols,
                                    int64_t team_id, ExprBuilder* builder);

// What the conjuncts of `predicate` (over the columns of `scan`) say about the rows worth reading.
void AddScanHints(const Expr& predicate, Plan* scan);

}  // namespace hoglet::analysis
