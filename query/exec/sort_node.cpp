#include <algorithm>
#include <memory>
#include <utility>

#include "query/exec/operator.h"
#include "query/exec/row_compare.h"

// ORDER BY. With a limit each worker keeps only rows that can still be among the first ones.

namespace hoglet {
namespace {

// So many rows to one that is kept are worth sorting a batch alone.
constexpr uint64_t kRowsPerKeptMin = 8;

class SortNode final : public Node {
 public:
  SortNode(const Plan& plan, NodePtr input)
      : Node(OutputTypes(plan)), plan_(plan), input_(std::move(input)) {}

  absl::Status Prepare(ExecContext& context) override {
    HOGLET_RETURN_IF_ERROR(input_->Prepare(context));
    const int workers = WorkersFor(context, *input_);
    std::vector<Buffer> buffers;
    for (int i = 0; i < workers; ++i) buffers.emplace_back(context.eval->memory);
    HOGLET_RETURN_IF_ERROR(ForEachBatch(context, *input_, [&](int worker, Batch batch) {
      return buffers[worker].Add(std::move(batch), plan_, types());
    }));
    std::vector<Batch> all;
    for (Buffer& buffer : buffers)
      std::move(buffer.batches.begin(), buffer.batches.end(), std::back_inserter(all));
    rows_ = ConcatBatches(all, types());
    all.clear();
    charge_ = std::make_unique<MemoryCharge>(context.eval->memory);
    HOGLET_RETURN_IF_ERROR(charge_->Add(rows_.MemoryBytes() + rows_.rows * 12));
    order_ = SortedRows(rows_, plan_.sort_keys, plan_.limit.value_or(~uint64_t{0}));
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext&) override {
    return std::make_unique<SortOperator>(*this);
  }
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override { return order_.size(); }

 private:
  struct Buffer {
    explicit Buffer(MemoryBudget* budget) : charge(budget) {}

    absl::Status Add(Batch batch, const Plan& plan, const std::vector<Type>& types) {
      // A few rows of a batch are found at once, by each worker in its own.
      if (plan.limit.has_value() && *plan.limit < batch.rows / kRowsPerKeptMin)
        batch = FirstRows(batch, plan);
      rows += batch.rows;
      bytes += batch.MemoryBytes();
      HOGLET_RETURN_IF_ERROR(charge.GrowTo(bytes));
      batches.push_back(std::move(batch));
      // Cutting costs a sort, so wait until most of what is held is surplus.
      if (plan.limit.has_value() && rows > 4 * *plan.limit + 4 * kVectorRowsMax) Cut(plan, types);
      return absl::OkStatus();
    }

    static Batch FirstRows(const Batch& batch, const Plan& plan) {
      const std::vector<uint32_t> order = SortedRows(batch, plan.sort_keys, *plan.limit);
      Batch kept{.columns = {}, .rows = order.size()};
      for (const Vector& column : batch.columns)
        kept.columns.push_back(column.Gather(order.data(), order.size()));
      return kept;
    }

    void Cut(const Plan& plan, const std::vector<Type>& types) {
      Batch kept = FirstRows(ConcatBatches(batches, types), plan);
      batches.clear();
      rows = kept.rows;
      bytes = kept.MemoryBytes();
      batches.push_back(std::move(kept));
    }

    std::vector<Batch> batches;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    MemoryCharge charge;
  };

  class SortOperator final : public Operator {
   public:
    explicit SortOperator(SortNode& node) : node_(node) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      const size_t count = std::min(kVectorRowsMax, node_.order_.size() - at_);
      if (count == 0) return false;
      out->rows = count;
      out->columns.clear();
      for (const Vector& column : node_.rows_.columns)
        out->columns.push_back(column.Gather(node_.order_.data() + at_, count));
      at_ += count;
      return true;
    }

   private:
    SortNode& node_;
    size_t at_ = 0;
  };

  const Plan& plan_;
  NodePtr input_;
  Batch rows_;
  std::vector<uint32_t> order_;
  std::unique_ptr<MemoryCharge> charge_;
};

}  // namespace

NodePtr MakeSortNode(const Plan& plan, NodePtr input) {
  return std::make_unique<SortNode>(plan, std::move(input));
}

}  // namespace hoglet
