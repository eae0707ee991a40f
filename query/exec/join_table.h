#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "query/exec/expression.h"
#include "query/exec/interner.h"
#include "query/exec/operator.h"

// A hash join of right rows in memory with left rows that stream past them.

namespace hoglet {

// What all tables of one join have in common. Thread-safe once made.
struct JoinShape {
  JoinShape(const Plan& plan, const std::vector<Type>& left, const std::vector<Type>& right);

  bool KeepsRight() const {
    return plan.join_kind == Plan::JoinKind::kRight || plan.join_kind == Plan::JoinKind::kFull;
  }
  bool KeepsLeft() const {
    return plan.join_kind == Plan::JoinKind::kLeft || plan.join_kind == Plan::JoinKind::kFull;
  }
  std::vector<size_t> LeftKeys() const;
  std::vector<size_t> RightKeys() const;
  // kResourceExhausted once the join has looked at too many candidate pairs.
  absl::Status CountPairs(uint64_t more);
  // The same before any, if so many are certain to come.
  absl::Status CheckCross(uint64_t left_rows, uint64_t right_rows) const;

  const Plan& plan;
  const std::vector<Type> left_types;
  const std::vector<Type> right_types;
  std::vector<Type> output_types;
  std::vector<Type> key_types;  // of the right side
  std::optional<CompiledExpression> residual;

 private:
  std::atomic<uint64_t> pairs_{0};
};

// The right rows, chained by key number.
struct JoinTable {
  // kResourceExhausted for too many rows.
  static absl::StatusOr<std::unique_ptr<JoinTable>> Make(const JoinShape& shape, Batch rows);

  // What Make() will take beside the rows, at most.
  static uint64_t BytesFor(const JoinShape& shape, uint64_t rows);
  // What it took.
  uint64_t ExtraBytes() const {
    return interner.MemoryBytes() + (heads.size() + next.size()) * 4 + matched.size();
  }

  explicit JoinTable(const JoinShape& shape) : interner(shape.key_types) {}

  Batch rows;
  RowInterner interner;
  std::vector<uint32_t> heads;   // by key number: first row
  std::vector<uint32_t> next;    // by row: next row with the same key
  std::vector<uint8_t> matched;  // RIGHT, FULL: by row
};

// Joins the rows of `left`. Several may share a table unless it keeps unmatched right rows, which
// come at the very end.
std::unique_ptr<Operator> MakeProbe(JoinShape& shape, JoinTable& table,
                                    std::unique_ptr<Operator> left, EvalContext* context);

}  // namespace hoglet
