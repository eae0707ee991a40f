#include <algorithm>
#include <atomic>
#include <utility>

#include "query/exec/expression.h"
#include "query/exec/operator.h"
#include "src/base/strings.h"

// Sources without a table: constant rows and numbers().

namespace hoglet {
namespace {

class ValuesOperator final : public Operator {
 public:
  ValuesOperator(const std::vector<Batch>& batches, std::atomic<size_t>& next)
      : batches_(batches), next_(next) {}

  absl::StatusOr<bool> Next(Batch* out) override {
    const size_t i = next_.fetch_add(1, std::memory_order_relaxed);
    if (i >= batches_.size()) return false;
    *out = batches_[i];
    return true;
  }

 private:
  const std::vector<Batch>& batches_;
  std::atomic<size_t>& next_;
};

class ValuesNode final : public Node {
 public:
  explicit ValuesNode(const Plan& plan) : Node(OutputTypes(plan)), plan_(plan) {}

  absl::Status Prepare(ExecContext& context) override {
    const Batch one{.columns = {}, .rows = 1};
    std::vector<VectorBuilder> builders;
    for (const Type& type : types()) builders.emplace_back(type);
    for (const auto& row : plan_.rows) {
      for (size_t c = 0; c < row.size(); ++c) {
        HOGLET_ASSIGN_OR_RETURN(Vector value,
                                CompiledExpression(*row[c]).Evaluate(*context.eval, one));
        builders[c].AppendFrom(value, 0);
      }
    }
    Batch all{.columns = {}, .rows = plan_.rows.size()};
    for (VectorBuilder& builder : builders) all.columns.push_back(builder.Build());
    for (size_t begin = 0; begin < all.rows; begin += kVectorRowsMax) {
      batches_.push_back(all.Slice(begin, std::min(kVectorRowsMax, all.rows - begin)));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext&) override {
    return std::make_unique<ValuesOperator>(batches_, next_);
  }
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override { return plan_.rows.size(); }

 private:
  const Plan& plan_;
  std::vector<Batch> batches_;
  std::atomic<size_t> next_{0};
};

class NumbersNode final : public Node {
 public:
  explicit NumbersNode(const Plan& plan) : Node(OutputTypes(plan)), plan_(plan) {}

  absl::Status Prepare(ExecContext& context) override {
    const Batch one{.columns = {}, .rows = 1};
    std::vector<int64_t> arguments;
    for (const ExprPtr& expr : plan_.rows[0]) {
      HOGLET_ASSIGN_OR_RETURN(Vector value, CompiledExpression(*expr).Evaluate(*context.eval, one));
      const Datum datum = value.Get(0);
      if (!std::holds_alternative<int64_t>(datum.value) || datum.integer() < 0) {
        return absl::InvalidArgumentError("numbers() takes non-negative whole numbers");
      }
      arguments.push_back(datum.integer());
    }
    start_ = arguments.size() > 1 ? static_cast<uint64_t>(arguments[0]) : 0;
    count_ = static_cast<uint64_t>(arguments.back());
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override;
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override { return count_; }
  uint64_t RowsAtLeast() const override { return count_; }

 private:
  friend class NumbersOperator;
  const Plan& plan_;
  uint64_t start_ = 0;
  uint64_t count_ = 0;
  uint64_t next_ = 0;
};

class NumbersOperator final : public Operator {
 public:
  NumbersOperator(NumbersNode& node, EvalContext* eval) : node_(node), eval_(eval) {}

  absl::StatusOr<bool> Next(Batch* out) override {
    HOGLET_RETURN_IF_ERROR(eval_->CheckAlive());
    const size_t rows = std::min<uint64_t>(kVectorRowsMax, node_.count_ - node_.next_);
    if (rows == 0) return false;
    Vector column = Vector::Flat(node_.types()[0], rows);
    for (size_t i = 0; i < rows; ++i)
      column.mutable_data<int64_t>()[i] = static_cast<int64_t>(node_.start_ + node_.next_ + i);
    node_.next_ += rows;
    out->rows = rows;
    out->columns = {std::move(column)};
    return true;
  }

 private:
  NumbersNode& node_;
  EvalContext* eval_;
};

absl::StatusOr<std::unique_ptr<Operator>> NumbersNode::MakeOperator(ExecContext& context) {
  return std::make_unique<NumbersOperator>(*this, context.eval);
}

}  // namespace

NodePtr MakeValuesNode(const Plan& plan) { return std::make_unique<ValuesNode>(plan); }
NodePtr MakeNumbersNode(const Plan& plan) { return std::make_unique<NumbersNode>(plan); }

}  // namespace hoglet
