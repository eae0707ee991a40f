#include <algorithm>
#include <utility>

#include "query/exec/expression.h"
#include "query/exec/interner.h"
#include "query/exec/operator.h"
#include "query/exec/row_compare.h"

// Operators that hand rows on as they come: filter, projection, limits, array join.

namespace hoglet {
namespace {

// A node with one input that needs nothing before its rows come.
class StreamNode : public Node {
 public:
  StreamNode(const Plan& plan, NodePtr input)
      : Node(OutputTypes(plan)), plan_(plan), input_(std::move(input)) {}
  absl::Status Prepare(ExecContext& context) override { return input_->Prepare(context); }
  bool parallel() const override { return input_->parallel(); }
  uint64_t RowsEstimate() const override { return input_->RowsEstimate(); }

 protected:
  const Plan& plan_;
  NodePtr input_;
};

class FilterNode final : public StreamNode {
 public:
  FilterNode(const Plan& plan, NodePtr input)
      : StreamNode(plan, std::move(input)), condition_(*plan.expressions[0]) {}

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    HOGLET_ASSIGN_OR_RETURN(auto input, input_->MakeOperator(context));
    return std::make_unique<FilterOperator>(condition_, std::move(input), context.eval);
  }

 private:
  class FilterOperator final : public Operator {
   public:
    FilterOperator(const CompiledExpression& condition, std::unique_ptr<Operator> input,
                   EvalContext* eval)
        : condition_(condition), input_(std::move(input)), eval_(eval) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      while (true) {
        HOGLET_ASSIGN_OR_RETURN(bool more, input_->Next(out));
        if (!more) return false;
        HOGLET_ASSIGN_OR_RETURN(Vector condition, condition_.Evaluate(*eval_, *out));
        Selection kept;
        SelectTrue(condition, &kept);
        if (kept.empty()) continue;
        if (kept.size() < out->rows) *out = out->Gather(kept);
        return true;
      }
    }

   private:
    const CompiledExpression& condition_;
    std::unique_ptr<Operator> input_;
    EvalContext* eval_;
  };

  CompiledExpression condition_;
};

class ProjectNode final : public StreamNode {
 public:
  ProjectNode(const Plan& plan, NodePtr input) : StreamNode(plan, std::move(input)) {
    for (const ExprPtr& expr : plan.expressions) expressions_.emplace_back(*expr);
  }

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    HOGLET_ASSIGN_OR_RETURN(auto input, input_->MakeOperator(context));
    return std::make_unique<ProjectOperator>(expressions_, std::move(input), context.eval);
  }
  uint64_t RowsAtLeast() const override { return input_->RowsAtLeast(); }
  absl::StatusOr<std::optional<uint64_t>> CountRows() const override { return input_->CountRows(); }

 private:
  class ProjectOperator final : public Operator {
   public:
    ProjectOperator(const std::vector<CompiledExpression>& expressions,
                    std::unique_ptr<Operator> input, EvalContext* eval)
        : expressions_(expressions), input_(std::move(input)), eval_(eval) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      Batch in;
      HOGLET_ASSIGN_OR_RETURN(bool more, input_->Next(&in));
      if (!more) return false;
      out->rows = in.rows;
      out->columns.clear();
      for (const CompiledExpression& expression : expressions_) {
        HOGLET_ASSIGN_OR_RETURN(Vector column, expression.Evaluate(*eval_, in));
        out->columns.push_back(std::move(column));
      }
      return true;
    }

   private:
    const std::vector<CompiledExpression>& expressions_;
    std::unique_ptr<Operator> input_;
    EvalContext* eval_;
  };

  std::vector<CompiledExpression> expressions_;
};

// LIMIT stops asking its input once it has enough. WITH TIES goes on while rows equal the last one
// by the sort keys.
class LimitNode final : public StreamNode {
 public:
  using StreamNode::StreamNode;

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    HOGLET_ASSIGN_OR_RETURN(auto input, input_->MakeOperator(context));
    return std::make_unique<LimitOperator>(plan_, std::move(input));
  }
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override {
    return std::min(input_->RowsEstimate(), plan_.limit.value_or(~uint64_t{0}));
  }

 private:
  class LimitOperator final : public Operator {
   public:
    LimitOperator(const Plan& plan, std::unique_ptr<Operator> input)
        : plan_(plan),
          input_(std::move(input)),
          skip_(plan.offset),
          left_(plan.limit.value_or(~uint64_t{0})) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      while (!done_) {
        if (left_ == 0 && !(plan_.with_ties && last_.rows > 0)) break;
        HOGLET_ASSIGN_OR_RETURN(bool more, input_->Next(out));
        if (!more) break;
        if (skip_ >= out->rows) {
          skip_ -= out->rows;
          continue;
        }
        const size_t begin = skip_;
        skip_ = 0;
        size_t count = std::min<uint64_t>(left_, out->rows - begin);
        if (plan_.with_ties && count > 0) last_ = out->Slice(begin + count - 1, 1);
        left_ -= count;
        if (plan_.with_ties && left_ == 0) count += Ties(*out, begin + count);
        if (count == 0) break;
        if (begin > 0 || count < out->rows) *out = out->Slice(begin, count);
        return true;
      }
      done_ = true;
      return false;
    }

   private:
    size_t Ties(const Batch& batch, size_t from) {
      size_t row = from;
      while (row < batch.rows && CompareRows(batch, row, last_, 0, plan_.sort_keys) == 0) ++row;
      if (row < batch.rows) done_ = true;
      return row - from;
    }

    const Plan& plan_;
    std::unique_ptr<Operator> input_;
    uint64_t skip_;
    uint64_t left_;
    Batch last_;
    bool done_ = false;
  };
};

class LimitByNode final : public StreamNode {
 public:
  using StreamNode::StreamNode;

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    HOGLET_ASSIGN_OR_RETURN(auto input, input_->MakeOperator(context));
    return std::make_unique<LimitByOperator>(plan_, types(), std::move(input),
                                             context.eval->memory);
  }
  bool parallel() const override { return false; }

 private:
  class LimitByOperator final : public Operator {
   public:
    LimitByOperator(const Plan& plan, const std::vector<Type>& types,
                    std::unique_ptr<Operator> input, MemoryBudget* budget)
        : plan_(plan),
          input_(std::move(input)),
          interner_(KeyTypes(plan, types)),
          charge_(budget) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      while (true) {
        HOGLET_ASSIGN_OR_RETURN(bool more, input_->Next(out));
        if (!more) return false;
        std::vector<const Vector*> keys;
        for (size_t column : plan_.columns_by) keys.push_back(&out->columns[column]);
        std::vector<uint32_t> groups(out->rows);
        interner_.Intern(keys, out->rows, groups.data());
        seen_.resize(interner_.size(), 0);
        HOGLET_RETURN_IF_ERROR(charge_.GrowTo(interner_.MemoryBytes() + seen_.size() * 8));
        Selection kept;
        for (size_t i = 0; i < out->rows; ++i) {
          const uint64_t position = seen_[groups[i]]++;
          if (position >= plan_.offset &&
              position - plan_.offset < plan_.limit.value_or(~uint64_t{0})) {
            kept.push_back(static_cast<uint16_t>(i));
          }
        }
        if (kept.empty()) continue;
        if (kept.size() < out->rows) *out = out->Gather(kept);
        return true;
      }
    }

   private:
    static std::vector<Type> KeyTypes(const Plan& plan, const std::vector<Type>& types) {
      std::vector<Type> keys;
      for (size_t column : plan.columns_by) keys.push_back(types[column]);
      return keys;
    }

    const Plan& plan_;
    std::unique_ptr<Operator> input_;
    RowInterner interner_;
    std::vector<uint64_t> seen_;
    MemoryCharge charge_;
  };
};

// Several arrays are joined in step; the shorter ones must not exist (ClickHouse: sizes must be
// equal).
class ArrayJoinNode final : public StreamNode {
 public:
  using StreamNode::StreamNode;

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    HOGLET_ASSIGN_OR_RETURN(auto input, input_->MakeOperator(context));
    return std::make_unique<ArrayJoinOperator>(plan_, types(), std::move(input), context.eval);
  }

 private:
  // Arrays of a column where they lie: those of a constant or a dictionary are not repeated, for
  // the elements of a whole batch may be too many for memory.
  class Arrays {
   public:
    explicit Arrays(const Vector& column)
        : column_(column),
          values_(column.form() == Vector::Form::kDictionary ? *column.dictionary()
                  : column.form() == Vector::Form::kConstant && column.size() > 0
                      ? column.Slice(0, 1).Flatten()
                      : column) {}

    uint32_t begin(size_t row) const { return values_.offsets()[Place(row)]; }
    uint32_t count(size_t row) const {
      const size_t place = Place(row);
      return values_.offsets()[place + 1] - values_.offsets()[place];
    }
    const Vector& elements() const { return values_.child(); }

   private:
    size_t Place(size_t row) const {
      if (column_.form() == Vector::Form::kConstant) return 0;
      return column_.form() == Vector::Form::kDictionary ? column_.codes()[row] : row;
    }

    Vector column_;
    Vector values_;
  };

  class ArrayJoinOperator final : public Operator {
   public:
    ArrayJoinOperator(const Plan& plan, const std::vector<Type>& types,
                      std::unique_ptr<Operator> input, EvalContext* eval)
        : plan_(plan), types_(types), input_(std::move(input)), eval_(eval) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      while (true) {
        if (row_ < in_.rows) {
          HOGLET_RETURN_IF_ERROR(eval_->CheckAlive());
          *out = Expand();
          if (out->rows > 0) return true;
          continue;
        }
        row_ = 0;
        HOGLET_ASSIGN_OR_RETURN(bool more, input_->Next(&in_));
        if (!more) {
          in_ = Batch();
          return false;
        }
        HOGLET_RETURN_IF_ERROR(Start());
      }
    }

   private:
    absl::Status Start() {
      arrays_.clear();
      for (size_t column : plan_.array_columns) arrays_.emplace_back(in_.columns[column]);
      for (size_t i = 0; i < in_.rows; ++i) {
        for (const Arrays& arrays : arrays_) {
          if (arrays.count(i) != arrays_[0].count(i)) {
            return WithErrorCode(
                absl::InvalidArgumentError("Sizes of ARRAY-JOIN-ed arrays do not match"),
                "sizes_of_arrays_dont_match");
          }
        }
      }
      return absl::OkStatus();
    }

    // The next rows, a batch at most.
    Batch Expand() {
      std::vector<uint32_t> rows;
      std::vector<std::vector<uint32_t>> elements(arrays_.size());
      while (row_ < in_.rows && rows.size() < kVectorRowsMax) {
        const uint32_t count = arrays_[0].count(row_);
        const auto room = static_cast<uint32_t>(kVectorRowsMax - rows.size());
        const uint32_t end = std::min(count, element_ + room);
        for (uint32_t e = element_; e < end; ++e) {
          for (size_t a = 0; a < arrays_.size(); ++a)
            elements[a].push_back(arrays_[a].begin(row_) + e);
        }
        rows.insert(rows.end(), end - element_, static_cast<uint32_t>(row_));
        if (count == 0 && plan_.left_array_join) {
          rows.push_back(static_cast<uint32_t>(row_));
          for (std::vector<uint32_t>& positions : elements) positions.push_back(kNoId);
        }
        element_ = end < count ? end : 0;
        if (end == count) ++row_;
      }
      Batch out{.columns = {}, .rows = rows.size()};
      for (size_t c = 0; c < in_.columns.size(); ++c) {
        const auto array = std::find(plan_.array_columns.begin(), plan_.array_columns.end(), c);
        if (array == plan_.array_columns.end()) {
          out.columns.push_back(in_.columns[c].Gather(rows.data(), rows.size()));
        } else {
          const auto a = static_cast<size_t>(array - plan_.array_columns.begin());
          out.columns.push_back(Elements(arrays_[a].elements(), types_[c], elements[a]));
        }
      }
      return out;
    }

    static Vector Elements(const Vector& child, const Type& type,
                           const std::vector<uint32_t>& positions) {
      if (std::find(positions.begin(), positions.end(), kNoId) == positions.end()) {
        return child.Gather(positions.data(), positions.size());
      }
      VectorBuilder builder(type);
      for (uint32_t position : positions) {
        if (position == kNoId) {
          builder.AppendDefault();
        } else {
          builder.AppendFrom(child, position);
        }
      }
      return builder.Build();
    }

    const Plan& plan_;
    const std::vector<Type>& types_;
    std::unique_ptr<Operator> input_;
    EvalContext* eval_;
    Batch in_;
    std::vector<Arrays> arrays_;  // of in_
    size_t row_ = 0;              // of in_, to be expanded next
    uint32_t element_ = 0;        // of that row's arrays
  };
};

}  // namespace

NodePtr MakeFilterNode(const Plan& plan, NodePtr input) {
  return std::make_unique<FilterNode>(plan, std::move(input));
}
NodePtr MakeProjectNode(const Plan& plan, NodePtr input) {
  return std::make_unique<ProjectNode>(plan, std::move(input));
}
NodePtr MakeLimitNode(const Plan& plan, NodePtr input) {
  return std::make_unique<LimitNode>(plan, std::move(input));
}
NodePtr MakeLimitByNode(const Plan& plan, NodePtr input) {
  return std::make_unique<LimitByNode>(plan, std::move(input));
}
NodePtr MakeArrayJoinNode(const Plan& plan, NodePtr input) {
  return std::make_unique<ArrayJoinNode>(plan, std::move(input));
}

}  // namespace hoglet
