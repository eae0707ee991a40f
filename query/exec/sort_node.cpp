#include <algorithm>
#include <memory>
#include <utility>

#include "query/exec/operator.h"
#include "query/exec/row_compare.h"
#include "query/exec/sorted_runs.h"

// ORDER BY. With a limit each worker keeps only rows that can still be among the first ones. Rows
// that outgrow a worker's share of the memory are sorted and written out as a run; the runs are
// merged as the result is read.

namespace hoglet {
namespace {

// So many rows to one that is kept are worth sorting a batch alone.
constexpr uint64_t kRowsPerKeptMin = 8;
// What sorting takes for each row.
constexpr uint64_t kSortBytesPerRow = 12;

Batch FirstRows(const Batch& batch, const Plan& plan) {
  const std::vector<uint32_t> order = SortedRows(batch, plan.sort_keys, *plan.limit);
  Batch kept{.columns = {}, .rows = order.size()};
  for (const Vector& column : batch.columns)
    kept.columns.push_back(column.Gather(order.data(), order.size()));
  return kept;
}

// The rows of one worker. One thread.
class SortBuffer {
 public:
  SortBuffer(const Plan& plan, const std::vector<Type>& types, MemoryBudget* budget,
             uint64_t share_bytes)
      : plan_(plan), types_(types), share_bytes_(share_bytes), charge_(budget) {}

  absl::Status Add(Batch batch) {
    // A few rows of a batch are found at once, by each worker in its own.
    if (plan_.limit.has_value() && *plan_.limit < batch.rows / kRowsPerKeptMin)
      batch = FirstRows(batch, plan_);
    held_.Add(std::move(batch));
    // Cutting costs a sort, so wait until most of what is held is surplus.
    if (plan_.limit.has_value() && held_.rows() / 4 > kVectorRowsMax &&
        held_.rows() / 4 - kVectorRowsMax > *plan_.limit) {
      Batch kept = FirstRows(ConcatBatches(held_.Take(), types_), plan_);
      held_.Add(std::move(kept));
    }
    const absl::Status charged = charge_.Set(held_.bytes());
    wants_spill_ = WantsSpill(share_bytes_, held_.bytes(), SortedBytes(), charged.ok());
    return wants_spill_ ? absl::OkStatus() : charged;
  }
  bool wants_spill() const { return wants_spill_; }
  // With what sorting needs beside the rows.
  uint64_t SortedBytes() const { return held_.bytes() + ExtraBytes(); }
  uint64_t ExtraBytes() const { return held_.ConcatBytes() + held_.rows() * kSortBytesPerRow; }

  absl::Status SpillTo(SortedRuns* runs, size_t worker) {
    wants_spill_ = false;
    HOGLET_RETURN_IF_ERROR(runs->Write(worker, held_.Take()));
    return charge_.Set(0);
  }
  std::vector<Batch> Take() { return held_.Take(); }

 private:
  const Plan& plan_;
  const std::vector<Type>& types_;
  const uint64_t share_bytes_;
  HeldBatches held_;
  bool wants_spill_ = false;
  MemoryCharge charge_;
};

class SortNode final : public Node {
 public:
  SortNode(const Plan& plan, NodePtr input)
      : Node(OutputTypes(plan)), plan_(plan), input_(std::move(input)) {}

  absl::Status Prepare(ExecContext& context) override {
    HOGLET_RETURN_IF_ERROR(input_->Prepare(context));
    const auto workers = static_cast<size_t>(WorkersFor(context, *input_));
    const bool can_spill = context.spill != nullptr && !plan_.sort_keys.empty();
    const uint64_t share = can_spill ? SpillShare(context) / workers : ~uint64_t{0};
    const uint64_t limit = plan_.limit.value_or(~uint64_t{0});
    for (size_t i = 0; i < workers; ++i)
      buffers_.emplace_back(plan_, types(), context.eval->memory, share);
    SortedRuns runs(context, types(), plan_.sort_keys, limit, workers);
    HOGLET_RETURN_IF_ERROR(ForEachBatch(context, *input_, [&](int worker, Batch batch) {
      HOGLET_RETURN_IF_ERROR(buffers_[worker].Add(std::move(batch)));
      return buffers_[worker].wants_spill() ? buffers_[worker].SpillTo(&runs, worker)
                                            : absl::OkStatus();
    }));
    charge_ = std::make_unique<MemoryCharge>(context.eval->memory);
    uint64_t extra = 0;
    for (const SortBuffer& buffer : buffers_) extra += buffer.ExtraBytes();
    const absl::Status charged = runs.used() ? absl::OkStatus() : charge_->Add(extra);
    if (!charged.ok() && !can_spill) return charged;
    if (!charged.ok() || runs.used()) {
      for (size_t i = 0; i < workers; ++i) HOGLET_RETURN_IF_ERROR(buffers_[i].SpillTo(&runs, i));
      rows_estimate_ = runs.rows();
      HOGLET_ASSIGN_OR_RETURN(merged_, runs.Merge());
      return absl::OkStatus();
    }
    std::vector<Batch> all;
    for (SortBuffer& buffer : buffers_) {
      std::vector<Batch> some = buffer.Take();
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    rows_ = ConcatBatches(all, types());
    all.clear();
    order_ = SortedRows(rows_, plan_.sort_keys, limit);
    rows_estimate_ = order_.size();
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext&) override {
    if (merged_ != nullptr) return std::move(merged_);
    return std::make_unique<SortOperator>(*this);
  }
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override { return rows_estimate_; }

 private:
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
  std::vector<SortBuffer> buffers_;  // empty at the end, but what they charged is in rows_
  Batch rows_;
  std::vector<uint32_t> order_;
  uint64_t rows_estimate_ = 0;
  std::unique_ptr<MemoryCharge> charge_;
  std::unique_ptr<Operator> merged_;  // instead of rows_, if runs were written
};

}  // namespace

NodePtr MakeSortNode(const Plan& plan, NodePtr input) {
  return std::make_unique<SortNode>(plan, std::move(input));
}

}  // namespace hoglet
