#pragma once

#include <memory>
#include <vector>

#include "query/analyze/logical_plan.h"
#include "query/exec/batch.h"

namespace hoglet {

// An expression ready to run: constants are vectors already, AND-chains and conditionals know their
// branches. Immutable and thread-safe; keeps what it needs of the Expr, which may go away.
class CompiledExpression {
 public:
  explicit CompiledExpression(const Expr& expr);
  ~CompiledExpression();
  CompiledExpression(CompiledExpression&&) noexcept;
  CompiledExpression& operator=(CompiledExpression&&) noexcept;

  const Type& type() const;
  // Set when the expression is a bare column of its input.
  std::optional<size_t> column() const;
  // Input columns used, ascending.
  const std::vector<size_t>& columns_used() const;

  // One value a row of the batch, in any form. Only columns in columns_used() are looked at.
  absl::StatusOr<Vector> Evaluate(EvalContext& context, const Batch& batch) const;

  struct Node;

 private:
  std::unique_ptr<Node> root_;
  std::vector<size_t> columns_used_;
};

// Rows where a Bool / UInt8 vector (Nullable or not) is true.
void SelectTrue(const Vector& condition, Selection* rows);

// The conjuncts of nested and(...) calls, outermost left to right.
std::vector<const Expr*> SplitConjuncts(const Expr& expr);

}  // namespace hoglet
