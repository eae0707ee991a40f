#include "query/exec/subquery.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "query/exec/interner.h"

namespace hoglet {
namespace {

// The rows of a subquery as a set, filled once, then only looked up.
class InSetFunction final : public ScalarFunction {
 public:
  InSetFunction(RowInterner set, size_t columns, uint64_t charged, MemoryBudget* budget)
      : set_(std::move(set)), columns_(columns), charge_(budget) {
    result_type_ = Type(TypeKind::kUInt8);
    charged_ = charge_.Add(charged);
  }
  const absl::Status& charged() const { return charged_; }

  absl::StatusOr<Vector> Evaluate(EvalContext&, std::span<const Vector> arguments,
                                  std::span<const LambdaBody* const>, size_t rows) const override {
    std::vector<Vector> keys;
    if (columns_ == 1) {
      keys.push_back(arguments[0]);
    } else {
      const Vector flat = arguments[0].Flatten();
      for (const Vector& child : flat.children()) keys.push_back(child);
    }
    std::vector<const Vector*> pointers;
    for (const Vector& key : keys) pointers.push_back(&key);
    std::vector<uint32_t> ids(rows);
    RowFinder(set_).Find(pointers, rows, ids.data());
    Vector out = Vector::Flat(result_type_, rows);
    for (size_t i = 0; i < rows; ++i) out.mutable_data<uint8_t>()[i] = ids[i] != kNoId;
    return out;
  }

 private:
  RowInterner set_;
  size_t columns_;
  MemoryCharge charge_;
  absl::Status charged_;
};

class Resolver {
 public:
  explicit Resolver(ExecContext& context) : context_(context) {}

  absl::Status Resolve(Plan& plan) {
    for (auto& input : plan.inputs) HOGLET_RETURN_IF_ERROR(Resolve(*input));
    for (auto& row : plan.rows) {
      for (ExprPtr& expr : row) HOGLET_RETURN_IF_ERROR(Resolve(*expr));
    }
    for (ExprPtr& expr : plan.expressions) HOGLET_RETURN_IF_ERROR(Resolve(*expr));
    if (plan.residual != nullptr) HOGLET_RETURN_IF_ERROR(Resolve(*plan.residual));
    return absl::OkStatus();
  }

 private:
  absl::Status Resolve(Expr& expr) {
    for (ExprPtr& argument : expr.arguments) HOGLET_RETURN_IF_ERROR(Resolve(*argument));
    if (expr.kind != Expr::Kind::kSubquery) return absl::OkStatus();
    return expr.in_set ? ResolveSet(expr) : ResolveScalar(expr);
  }

  absl::StatusOr<std::vector<Batch>> Run(Plan& plan, MemoryCharge* charge) {
    HOGLET_RETURN_IF_ERROR(Resolve(plan));
    HOGLET_ASSIGN_OR_RETURN(NodePtr node, BuildNode(plan, context_));
    HOGLET_RETURN_IF_ERROR(node->Prepare(context_));
    return CollectBatches(context_, *node, charge);
  }

  absl::Status ResolveScalar(Expr& expr) {
    auto found = scalars_.find(expr.subplan.get());
    if (found == scalars_.end()) {
      MemoryCharge charge(context_.eval->memory);
      HOGLET_ASSIGN_OR_RETURN(std::vector<Batch> batches, Run(*expr.subplan, &charge));
      Datum value;
      size_t rows = 0;
      for (const Batch& batch : batches) {
        if (rows == 0 && batch.rows > 0) value = batch.columns[0].Get(0);
        rows += batch.rows;
      }
      if (rows > 1) {
        return WithErrorCode(
            absl::InvalidArgumentError("Scalar subquery returned more than one row"),
            "incorrect_result_of_scalar_subquery");
      }
      found = scalars_.emplace(expr.subplan.get(), std::make_pair(expr.subplan, std::move(value)))
                  .first;
    }
    expr.kind = Expr::Kind::kConstant;
    expr.constant = found->second.second;
    if (expr.constant.is_null()) expr.type = expr.type.Nullable();
    expr.subplan.reset();
    return absl::OkStatus();
  }

  absl::Status ResolveSet(Expr& expr) {
    auto found = sets_.find(expr.subplan.get());
    if (found == sets_.end()) {
      MemoryCharge charge(context_.eval->memory);
      HOGLET_ASSIGN_OR_RETURN(std::vector<Batch> batches, Run(*expr.subplan, &charge));
      RowInterner set(OutputTypes(*expr.subplan));
      std::vector<uint32_t> ids;
      for (const Batch& batch : batches) {
        std::vector<const Vector*> keys;
        for (const Vector& column : batch.columns) keys.push_back(&column);
        ids.resize(batch.rows);
        set.Intern(keys, batch.rows, ids.data());
      }
      const uint64_t bytes = set.MemoryBytes();
      auto function = std::make_shared<const InSetFunction>(
          std::move(set), expr.subplan->output.size(), bytes, context_.eval->memory);
      HOGLET_RETURN_IF_ERROR(function->charged());
      found = sets_.emplace(expr.subplan.get(), std::make_pair(expr.subplan, std::move(function)))
                  .first;
    }
    expr.kind = Expr::Kind::kCall;
    expr.name = "in";
    expr.function = found->second.second;
    expr.subplan.reset();
    return absl::OkStatus();
  }

  ExecContext& context_;
  // By plan; the plan is kept so that its address is not used again.
  absl::flat_hash_map<const Plan*, std::pair<std::shared_ptr<Plan>, Datum>> scalars_;
  absl::flat_hash_map<const Plan*,
                      std::pair<std::shared_ptr<Plan>, std::shared_ptr<const InSetFunction>>>
      sets_;
};

}  // namespace

absl::Status ResolveSubqueries(Plan& plan, ExecContext& context) {
  return Resolver(context).Resolve(plan);
}

}  // namespace hoglet
