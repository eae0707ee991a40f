#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "query/exec/join_table.h"
#include "query/exec/spill_rows.h"

// Hash join: the right input is held in memory, its rows chained by key number; left rows stream
// past it. When the right input outgrows its share of the memory, both inputs are written out by
// the hash of their keys, and joined a partition at a time.

namespace hoglet {
namespace {

// Rows of both sides that can only meet each other, on disk.
struct JoinPartition {
  int level = 0;  // by whose hash they belong together
  std::vector<SpillStream> left;
  std::vector<SpillStream> right;
};

using SideStreams = std::vector<std::vector<SpillStream>>;  // by partition

std::vector<JoinPartition> Pairs(int level, SideStreams left, SideStreams right) {
  std::vector<JoinPartition> out;
  for (size_t p = 0; p < kSpillPartitions; ++p)
    out.push_back({level, std::move(left[p]), std::move(right[p])});
  return out;
}

// One side on its way to disk, from several workers. Rows with a NULL key, which match nothing, go
// anywhere.
class SpilledSide {
 public:
  SpilledSide(ExecContext& context, const std::vector<Type>& types, std::vector<size_t> keys,
              size_t workers, int level)
      : context_(context),
        types_(types),
        keys_(std::move(keys)),
        level_(level),
        partitions_(workers) {}

  bool used() const { return used_.load(); }
  bool used_by(size_t worker) const { return partitions_[worker] != nullptr; }
  // One thread for each worker.
  absl::Status Add(size_t worker, const Batch& batch) {
    if (partitions_[worker] == nullptr) HOGLET_RETURN_IF_ERROR(Begin(worker));
    return partitions_[worker]->Add(batch);
  }
  absl::Status AddAll(size_t worker, const std::vector<Batch>& batches) {
    for (const Batch& batch : batches) {
      HOGLET_RETURN_IF_ERROR(context_.eval->CheckAlive());
      HOGLET_RETURN_IF_ERROR(Add(worker, batch));
    }
    return absl::OkStatus();
  }
  // Partition by partition, once all have written.
  absl::StatusOr<SideStreams> Finish() {
    SideStreams out(kSpillPartitions);
    for (const auto& partitions : partitions_) {
      if (partitions == nullptr) continue;
      HOGLET_ASSIGN_OR_RETURN(auto streams, partitions->Finish());
      for (size_t p = 0; p < streams.size(); ++p) out[p].push_back(std::move(streams[p]));
    }
    return out;
  }

 private:
  absl::Status Begin(size_t worker) {
    HOGLET_ASSIGN_OR_RETURN(const auto file, file_.Get(context_));
    const size_t block_bytes = SpillBlockBytes(context_, 2 * kSpillPartitions * partitions_.size());
    partitions_[worker] = std::make_unique<SpillPartitions>(file, types_, keys_, level_,
                                                            block_bytes, /*scatter_nulls=*/true);
    used_.store(true);
    return absl::OkStatus();
  }

  ExecContext& context_;
  const std::vector<Type>& types_;
  const std::vector<size_t> keys_;
  const int level_;
  std::atomic<bool> used_{false};
  SharedSpillFile file_;
  std::vector<std::unique_ptr<SpillPartitions>> partitions_;  // by worker
};

// Right rows until there are too many. One thread.
class RightRows {
 public:
  RightRows(const JoinShape& shape, MemoryBudget* budget, uint64_t share_bytes)
      : shape_(shape), share_bytes_(share_bytes), charge_(budget) {}

  // False: they have to be written out.
  absl::StatusOr<bool> Add(Batch batch) {
    held_.Add(std::move(batch));
    const absl::Status charged = charge_.GrowTo(held_.bytes());
    if (WantsSpill(share_bytes_, held_.bytes(), held_.bytes() + TableBytes(), charged.ok()))
      return false;
    if (!charged.ok()) return charged;
    return true;
  }
  // What a table of them takes beside them.
  uint64_t TableBytes() const {
    return held_.ConcatBytes() + JoinTable::BytesFor(shape_, held_.rows());
  }
  absl::Status SpillTo(SpilledSide* side, size_t worker) {
    HOGLET_RETURN_IF_ERROR(side->AddAll(worker, held_.Take()));
    return charge_.Set(0);
  }
  // They stay charged as long as this object lives.
  std::vector<Batch> Take() { return held_.Take(); }

 private:
  const JoinShape& shape_;
  const uint64_t share_bytes_;
  HeldBatches held_;
  MemoryCharge charge_;
};

class JoinNode final : public Node {
 public:
  JoinNode(const Plan& plan, NodePtr left, NodePtr right)
      : Node(OutputTypes(plan)),
        shape_(plan, left->types(), right->types()),
        left_(std::move(left)),
        right_(std::move(right)) {}

  absl::Status Prepare(ExecContext& context) override {
    HOGLET_RETURN_IF_ERROR(right_->Prepare(context));
    const auto workers = static_cast<size_t>(WorkersFor(context, *right_));
    const bool can_spill = context.spill != nullptr && !shape_.key_types.empty();
    const uint64_t share = can_spill ? SpillShare(context) / workers : ~uint64_t{0};
    for (size_t i = 0; i < workers; ++i)
      right_rows_.emplace_back(shape_, context.eval->memory, share);
    SpilledSide spilled(context, shape_.right_types, shape_.RightKeys(), workers, 0);
    HOGLET_RETURN_IF_ERROR(
        ForEachBatch(context, *right_, [&](int worker, Batch batch) -> absl::Status {
          if (spilled.used_by(worker)) return spilled.Add(worker, batch);
          HOGLET_ASSIGN_OR_RETURN(bool fits, right_rows_[worker].Add(std::move(batch)));
          return fits ? absl::OkStatus() : right_rows_[worker].SpillTo(&spilled, worker);
        }));
    charge_ = std::make_unique<MemoryCharge>(context.eval->memory);
    if (!spilled.used()) {
      uint64_t bytes = 0;
      for (const RightRows& rows : right_rows_) bytes += rows.TableBytes();
      const absl::Status charged = charge_->Add(bytes);
      if (charged.ok()) return BuildTable(context);
      if (!can_spill) return charged;
    }
    for (size_t i = 0; i < workers; ++i)
      HOGLET_RETURN_IF_ERROR(right_rows_[i].SpillTo(&spilled, i));
    return SpillLeft(context, &spilled);
  }

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override;
  // RIGHT and FULL emit unmatched right rows at the very end, which needs to know that all left
  // rows have been seen; of a partition, one worker sees them all.
  bool parallel() const override {
    return is_spilled_ || (left_->parallel() && !shape_.KeepsRight());
  }
  uint64_t RowsEstimate() const override {
    return is_spilled_ ? spilled_rows_ : left_->RowsEstimate();
  }

 private:
  friend class SpilledJoinOperator;

  absl::Status BuildTable(ExecContext& context) {
    std::vector<Batch> all;
    for (RightRows& rows : right_rows_) {
      std::vector<Batch> some = rows.Take();
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    Batch rows = ConcatBatches(all, right_->types());
    all.clear();
    HOGLET_ASSIGN_OR_RETURN(table_, JoinTable::Make(shape_, std::move(rows)));
    HOGLET_RETURN_IF_ERROR(charge_->GrowTo(table_->ExtraBytes()));
    HOGLET_RETURN_IF_ERROR(left_->Prepare(context));
    // Without keys every left row meets every right one: refuse at once what would be refused
    // later.
    return shape_.key_types.empty() ? shape_.CheckCross(left_->RowsAtLeast(), table_->rows.rows)
                                    : absl::OkStatus();
  }

  absl::Status SpillLeft(ExecContext& context, SpilledSide* right) {
    is_spilled_ = true;
    HOGLET_ASSIGN_OR_RETURN(auto right_streams, right->Finish());
    HOGLET_RETURN_IF_ERROR(left_->Prepare(context));
    const auto workers = static_cast<size_t>(WorkersFor(context, *left_));
    SpilledSide left(context, shape_.left_types, shape_.LeftKeys(), workers, 0);
    HOGLET_RETURN_IF_ERROR(ForEachBatch(
        context, *left_, [&](int worker, Batch batch) { return left.Add(worker, batch); }));
    HOGLET_ASSIGN_OR_RETURN(auto left_streams, left.Finish());
    for (const auto& streams : left_streams) {
      for (const SpillStream& stream : streams) spilled_rows_ += stream.rows;
    }
    partitions_.PutFirst(Pairs(0, std::move(left_streams), std::move(right_streams)));
    return absl::OkStatus();
  }

  JoinShape shape_;
  NodePtr left_;
  NodePtr right_;
  std::vector<RightRows> right_rows_;  // empty in the end, but what they charged is in table_
  std::unique_ptr<MemoryCharge> charge_;
  std::unique_ptr<JoinTable> table_;  // of all right rows, if they fit
  bool is_spilled_ = false;
  uint64_t spilled_rows_ = 0;
  PartitionQueue<JoinPartition> partitions_;
};

// Joins partitions as long as there are any. Right rows of one partition that do not fit are
// divided again; where that helps no more (many rows of one key), an INNER join takes as many of
// them at a time as fit, and reads the left rows again for each lot.
class SpilledJoinOperator final : public Operator {
 public:
  SpilledJoinOperator(JoinNode& node, ExecContext& context)
      : node_(node), context_(context), share_bytes_(SpillPartShare(context)) {}

  absl::StatusOr<bool> Next(Batch* out) override {
    while (true) {
      if (probe_ != nullptr) {
        HOGLET_ASSIGN_OR_RETURN(bool more, probe_->Next(out));
        if (more) return true;
        Clear();
      }
      if (rest_ == nullptr) {
        if (!node_.partitions_.Take(&partition_)) return false;
        rest_ = std::make_unique<SpillReader>(std::move(partition_.right), Shape().right_types);
        is_first_lot_ = true;
      }
      HOGLET_RETURN_IF_ERROR(Load());
    }
  }

 private:
  JoinShape& Shape() const { return node_.shape_; }
  void Clear() {
    probe_.reset();
    table_.reset();
    rows_.reset();
    charge_.reset();
  }

  // Right rows of the partition as far as they fit: probe_ is null if there was nothing to join, or
  // the partition has been divided.
  absl::Status Load() {
    const bool may_divide = partition_.level + 1 < kSpillLevelsMax;
    const uint64_t share = may_divide || CanTakeLots() ? share_bytes_ : ~uint64_t{0};
    rows_ = std::make_unique<RightRows>(Shape(), context_.eval->memory, share);
    bool more = true;
    bool fits = true;
    Batch batch;
    while (fits) {
      HOGLET_RETURN_IF_ERROR(context_.eval->CheckAlive());
      HOGLET_ASSIGN_OR_RETURN(more, rest_->Next(&batch));
      if (!more) break;
      auto added = rows_->Add(std::move(batch));
      if (absl::IsResourceExhausted(added.status())) return TooManyOfOneKey();
      HOGLET_RETURN_IF_ERROR(added.status());
      fits = *added;
    }
    if (!fits && may_divide && is_first_lot_) return Divide();
    const bool last_lot = !more;
    HOGLET_RETURN_IF_ERROR(Begin());
    if (last_lot) rest_.reset();
    is_first_lot_ = false;
    return absl::OkStatus();
  }

  bool CanTakeLots() const {
    return Shape().plan.join_kind == Plan::JoinKind::kInner && !Shape().plan.join_any;
  }

  absl::Status Begin() {
    charge_ = std::make_unique<MemoryCharge>(context_.eval->memory);
    HOGLET_RETURN_IF_ERROR(charge_->Add(rows_->TableBytes()));
    Batch rows = ConcatBatches(rows_->Take(), Shape().right_types);
    const auto kind = Shape().plan.join_kind;
    const bool needs_right = kind == Plan::JoinKind::kInner || kind == Plan::JoinKind::kRight ||
                             kind == Plan::JoinKind::kSemi;
    if (rows.rows == 0 && needs_right) {
      Clear();
      return absl::OkStatus();
    }
    HOGLET_ASSIGN_OR_RETURN(table_, JoinTable::Make(Shape(), std::move(rows)));
    HOGLET_RETURN_IF_ERROR(charge_->Set(table_->ExtraBytes()));
    probe_ = MakeProbe(Shape(), *table_,
                       std::make_unique<SpillReader>(partition_.left, Shape().left_types),
                       context_.eval);
    return absl::OkStatus();
  }

  absl::Status Divide() {
    const int level = partition_.level + 1;
    SpilledSide right(context_, Shape().right_types, Shape().RightKeys(), 1, level);
    SpilledSide left(context_, Shape().left_types, Shape().LeftKeys(), 1, level);
    HOGLET_RETURN_IF_ERROR(rows_->SpillTo(&right, 0));
    rows_.reset();
    HOGLET_RETURN_IF_ERROR(
        ForEachBatch(*context_.eval, *rest_, [&](Batch batch) { return right.Add(0, batch); }));
    rest_.reset();
    SpillReader left_rows(std::move(partition_.left), Shape().left_types);
    HOGLET_RETURN_IF_ERROR(
        ForEachBatch(*context_.eval, left_rows, [&](Batch batch) { return left.Add(0, batch); }));
    HOGLET_ASSIGN_OR_RETURN(auto left_streams, left.Finish());
    HOGLET_ASSIGN_OR_RETURN(auto right_streams, right.Finish());
    node_.partitions_.PutFirst(Pairs(level, std::move(left_streams), std::move(right_streams)));
    return absl::OkStatus();
  }

  absl::Status TooManyOfOneKey() const {
    return WithErrorCode(
        absl::ResourceExhaustedError(
            "Query has reached the max memory limit before completing. The rows of the right side "
            "of a join that have one key do not fit into memory; put the larger side on the left, "
            "or filter first."),
        "memory_limit_exceeded");
  }

  JoinNode& node_;
  ExecContext& context_;
  const uint64_t share_bytes_;
  JoinPartition partition_;
  std::unique_ptr<SpillReader> rest_;  // right rows still to come; null: none
  bool is_first_lot_ = true;
  std::unique_ptr<RightRows> rows_;  // holds the charge of the table's rows
  std::unique_ptr<MemoryCharge> charge_;
  std::unique_ptr<JoinTable> table_;
  std::unique_ptr<Operator> probe_;
};

absl::StatusOr<std::unique_ptr<Operator>> JoinNode::MakeOperator(ExecContext& context) {
  if (is_spilled_) return std::make_unique<SpilledJoinOperator>(*this, context);
  HOGLET_ASSIGN_OR_RETURN(auto left, left_->MakeOperator(context));
  return MakeProbe(shape_, *table_, std::move(left), context.eval);
}

}  // namespace

NodePtr MakeJoinNode(const Plan& plan, NodePtr left, NodePtr right) {
  return std::make_unique<JoinNode>(plan, std::move(left), std::move(right));
}

}  // namespace hoglet
