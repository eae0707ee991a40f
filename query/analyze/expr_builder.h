#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "query/analyze/logical_plan.h"

// Building typed expressions: calls are bound through the catalogue and folded where all arguments
// are constants.

namespace hoglet::analysis {

// An error of the language itself (code "hogql_query_error").
absl::Status QueryError(std::string_view message);
// One with a ClickHouse-like code.
absl::Status CodedError(std::string_view code, std::string_view message);

// A lambda argument waiting for its parameter types; the function it is passed to gives them.
class PendingLambda : public LambdaBinder {
 public:
  // The kLambda expression, once bound.
  virtual ExprPtr Take() = 0;
};

struct Argument {
  ExprPtr expr;
  std::unique_ptr<PendingLambda> lambda;

  Argument(ExprPtr value) : expr(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  explicit Argument(std::unique_ptr<PendingLambda> value) : lambda(std::move(value)) {}
};

template <typename... Exprs>
std::vector<ExprPtr> ExprList(Exprs... exprs) {
  std::vector<ExprPtr> list;
  (list.push_back(std::move(exprs)), ...);
  return list;
}

// Not thread-safe: one a query.
class ExprBuilder {
 public:
  ExprBuilder(const FunctionCatalog& catalog, EvalContext context)
      : catalog_(catalog), context_(std::move(context)) {}

  const FunctionCatalog& catalog() const { return catalog_; }
  const EvalContext& context() const { return context_; }

  // A call of a ClickHouse function.
  absl::StatusOr<ExprPtr> Call(std::string_view name, std::vector<Argument> arguments);
  absl::StatusOr<ExprPtr> Call(std::string_view name, std::vector<ExprPtr> arguments);
  absl::StatusOr<std::shared_ptr<const AggregateFunction>> Aggregate(
      std::string_view name, const std::vector<Datum>& parameters,
      const std::vector<const Expr*>& arguments, bool distinct);
  // The type that values of both types fit in; kInvalidArgument "no_common_type".
  absl::StatusOr<Type> CommonType(const Type& a, const Type& b);
  // `expr` as a value of that type; itself if it has it.
  absl::StatusOr<ExprPtr> Cast(ExprPtr expr, const Type& type);
  // and(...) of the conjuncts; one alone stands for itself, none is 1.
  absl::StatusOr<ExprPtr> And(std::vector<ExprPtr> conjuncts);

  // Whether calls keep their form although all arguments are constants (for tests of the
  // rewriting).
  void set_folding(bool folding) { folding_ = folding; }
  bool folding() const { return folding_; }

 private:
  absl::StatusOr<ExprPtr> Fold(ExprPtr call);

  const FunctionCatalog& catalog_;
  EvalContext context_;
  bool folding_ = true;
};

// Literals. Integers take the smallest ClickHouse type.
ExprPtr IntegerLiteral(int64_t value);
ExprPtr UnsignedLiteral(uint64_t value);
ExprPtr FloatLiteral(double value);
ExprPtr StringLiteral(std::string_view value);
ExprPtr BoolLiteral(bool value);  // UInt8
ExprPtr NullLiteral();

bool IsConstant(const Expr& expr);
bool IsNullLiteral(const Expr& expr);
// A constant 0/1 of any numeric type, or nullopt.
std::optional<bool> ConstantTruth(const Expr& expr);
// The text of a constant string, or null.
const std::string* ConstantText(const Expr& expr);
// Calls `visit` for every node, parents first.
template <typename Visit>
void ForEachNode(const Expr& expr, const Visit& visit) {
  visit(expr);
  for (const ExprPtr& argument : expr.arguments) ForEachNode(*argument, visit);
}
std::set<size_t> ColumnsOf(const Expr& expr);
void AddColumnsOf(const Expr& expr, std::set<size_t>* columns);
// False where evaluating twice or elsewhere could give something else.
bool IsDeterministic(const Expr& expr);
size_t NodeCount(const Expr& expr);
// Splits nested and() calls.
void SplitConjuncts(ExprPtr expr, std::vector<ExprPtr>* conjuncts);

}  // namespace hoglet::analysis
