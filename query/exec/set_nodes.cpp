#include <algorithm>
#include <memory>
#include <utility>

#include "query/exec/interner.h"
#include "query/exec/operator.h"

// UNION ALL, INTERSECT / EXCEPT.

namespace hoglet {
namespace {

std::vector<const Vector*> Pointers(const Batch& batch) {
  std::vector<const Vector*> out;
  for (const Vector& column : batch.columns) out.push_back(&column);
  return out;
}

// One input after the other.
class UnionNode final : public Node {
 public:
  UnionNode(const Plan& plan, std::vector<NodePtr> inputs)
      : Node(OutputTypes(plan)), inputs_(std::move(inputs)) {}

  absl::Status Prepare(ExecContext& context) override {
    for (NodePtr& input : inputs_) HOGLET_RETURN_IF_ERROR(input->Prepare(context));
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    std::vector<std::unique_ptr<Operator>> operators;
    for (NodePtr& input : inputs_) {
      HOGLET_ASSIGN_OR_RETURN(auto made, input->MakeOperator(context));
      operators.push_back(std::move(made));
    }
    return std::make_unique<UnionOperator>(std::move(operators));
  }
  bool parallel() const override {
    return std::all_of(inputs_.begin(), inputs_.end(),
                       [](const NodePtr& input) { return input->parallel(); });
  }
  uint64_t RowsEstimate() const override {
    uint64_t rows = 0;
    for (const NodePtr& input : inputs_) rows += input->RowsEstimate();
    return rows;
  }

 private:
  class UnionOperator final : public Operator {
   public:
    explicit UnionOperator(std::vector<std::unique_ptr<Operator>> inputs)
        : inputs_(std::move(inputs)) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      while (at_ < inputs_.size()) {
        HOGLET_ASSIGN_OR_RETURN(bool more, inputs_[at_]->Next(out));
        if (more) return true;
        ++at_;
      }
      return false;
    }

   private:
    std::vector<std::unique_ptr<Operator>> inputs_;
    size_t at_ = 0;
  };

  std::vector<NodePtr> inputs_;
};

// Counts the rows of the right input by value, then lets rows of the left one through or not. ALL
// takes each right row once.
class SetOpNode final : public Node {
 public:
  SetOpNode(const Plan& plan, std::vector<NodePtr> inputs)
      : Node(OutputTypes(plan)),
        plan_(plan),
        inputs_(std::move(inputs)),
        interner_(OutputTypes(plan)) {}

  absl::Status Prepare(ExecContext& context) override {
    for (NodePtr& input : inputs_) HOGLET_RETURN_IF_ERROR(input->Prepare(context));
    charge_ = std::make_unique<MemoryCharge>(context.eval->memory);
    HOGLET_ASSIGN_OR_RETURN(auto input, inputs_[1]->MakeOperator(context));
    Batch batch;
    while (true) {
      HOGLET_RETURN_IF_ERROR(context.eval->CheckAlive());
      HOGLET_ASSIGN_OR_RETURN(bool more, input->Next(&batch));
      if (!more) return absl::OkStatus();
      std::vector<uint32_t> groups(batch.rows);
      interner_.Intern(Pointers(batch), batch.rows, groups.data());
      counts_.resize(interner_.size(), 0);
      for (uint32_t group : groups) ++counts_[group];
      HOGLET_RETURN_IF_ERROR(charge_->GrowTo(interner_.MemoryBytes() + counts_.size() * 9));
    }
  }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    HOGLET_ASSIGN_OR_RETURN(auto input, inputs_[0]->MakeOperator(context));
    return std::make_unique<SetOpOperator>(*this, std::move(input));
  }
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override { return inputs_[0]->RowsEstimate(); }

 private:
  class SetOpOperator final : public Operator {
   public:
    SetOpOperator(SetOpNode& node, std::unique_ptr<Operator> input)
        : node_(node), input_(std::move(input)) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      while (true) {
        HOGLET_ASSIGN_OR_RETURN(bool more, input_->Next(out));
        if (!more) return false;
        std::vector<uint32_t> groups(out->rows);
        node_.interner_.Intern(Pointers(*out), out->rows, groups.data());
        node_.counts_.resize(node_.interner_.size(), 0);
        node_.emitted_.resize(node_.interner_.size(), false);
        Selection kept;
        for (size_t i = 0; i < out->rows; ++i) {
          if (node_.Keep(groups[i])) kept.push_back(static_cast<uint16_t>(i));
        }
        if (kept.empty()) continue;
        if (kept.size() < out->rows) *out = out->Gather(kept);
        return true;
      }
    }

   private:
    SetOpNode& node_;
    std::unique_ptr<Operator> input_;
  };

  bool Keep(uint32_t group) {
    uint64_t& right = counts_[group];
    if (plan_.set_all) {
      const bool matched = right > 0;
      right -= matched;
      return matched != plan_.set_except;
    }
    if (emitted_[group] || (right > 0) == plan_.set_except) return false;
    emitted_[group] = true;
    return true;
  }

  const Plan& plan_;
  std::vector<NodePtr> inputs_;
  RowInterner interner_;
  std::vector<uint64_t> counts_;
  std::vector<bool> emitted_;
  std::unique_ptr<MemoryCharge> charge_;
};

}  // namespace

NodePtr MakeUnionNode(const Plan& plan, std::vector<NodePtr> inputs) {
  return std::make_unique<UnionNode>(plan, std::move(inputs));
}
NodePtr MakeSetOpNode(const Plan& plan, std::vector<NodePtr> inputs) {
  return std::make_unique<SetOpNode>(plan, std::move(inputs));
}

}  // namespace hoglet
