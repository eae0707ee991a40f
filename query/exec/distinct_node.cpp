#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "query/exec/interner.h"
#include "query/exec/operator.h"
#include "query/exec/spill_rows.h"

// DISTINCT: each row as it is first seen. When the rows seen outgrow their share of the memory,
// they and all rows still to come are written out by their hash, and worked through a partition at
// a time.

namespace hoglet {
namespace {

class DistinctOperator final : public Operator {
 public:
  DistinctOperator(const std::vector<Type>& types, std::unique_ptr<Operator> input,
                   ExecContext& context)
      : types_(types), context_(context), input_(std::move(input)), charge_(context.eval->memory) {
    Begin();
  }

  absl::StatusOr<bool> Next(Batch* out) override {
    while (true) {
      HOGLET_RETURN_IF_ERROR(context_.eval->CheckAlive());
      if (input_ == nullptr) {
        if (partitions_.empty()) return false;
        HOGLET_RETURN_IF_ERROR(BeginPartition());
        continue;
      }
      HOGLET_ASSIGN_OR_RETURN(bool more, input_->Next(out));
      if (!more) {
        input_.reset();
        continue;
      }
      HOGLET_ASSIGN_OR_RETURN(Selection kept, Add(*out));
      if (is_full_) HOGLET_RETURN_IF_ERROR(Divide(nullptr));
      if (kept.empty()) continue;
      if (kept.size() < out->rows) *out = out->Gather(kept);
      return true;
    }
  }

 private:
  // Rows that can only equal each other, on disk.
  struct Partition {
    int level = 0;     // by whose hash they belong together
    SpillStream seen;  // handed on already
    SpillStream rows;
  };

  void Begin() {
    seen_ = std::make_unique<RowInterner>(types_);
    share_ = level_ < kSpillLevelsMax ? SpillShare(context_) : ~uint64_t{0};
  }

  // Which rows are new; sets is_full_.
  absl::StatusOr<Selection> Add(const Batch& batch) {
    std::vector<const Vector*> keys;
    for (const Vector& column : batch.columns) keys.push_back(&column);
    std::vector<uint32_t> groups(batch.rows);
    size_t known = seen_->size();
    seen_->Intern(keys, batch.rows, groups.data());
    Selection kept;
    for (size_t i = 0; i < batch.rows; ++i) {
      // Groups are numbered in order of first sight.
      if (groups[i] == known) {
        kept.push_back(static_cast<uint16_t>(i));
        ++known;
      }
    }
    const uint64_t bytes = seen_->MemoryBytes();
    const absl::Status charged = charge_.GrowTo(bytes);
    is_full_ = WantsSpill(share_, bytes, bytes, charged.ok());
    if (!is_full_) HOGLET_RETURN_IF_ERROR(charged);
    return kept;
  }

  // Writes out what has been seen, with `more_seen` if that is not null, and all that is still to
  // come.
  absl::Status Divide(SpillReader* more_seen) {
    HOGLET_ASSIGN_OR_RETURN(const std::shared_ptr<SpillFile> file, context_.spill->NewFile());
    const size_t block_bytes = SpillBlockBytes(context_, kSpillPartitions);
    std::vector<size_t> columns(types_.size());
    for (size_t c = 0; c < columns.size(); ++c) columns[c] = c;
    SpillPartitions seen(file, types_, columns, level_, block_bytes);
    std::vector<std::shared_ptr<const Vector>> values;
    for (size_t c = 0; c < columns.size(); ++c) values.push_back(seen_->KeyValues(c));
    for (size_t begin = 0; begin < seen_->size(); begin += kVectorRowsMax) {
      Batch batch{.columns = {}, .rows = std::min(kVectorRowsMax, seen_->size() - begin)};
      for (size_t c = 0; c < columns.size(); ++c)
        batch.columns.push_back(seen_->KeyColumn(c, values[c], begin, batch.rows));
      HOGLET_RETURN_IF_ERROR(seen.Add(batch));
    }
    values.clear();
    seen_.reset();
    is_full_ = false;
    HOGLET_RETURN_IF_ERROR(charge_.Set(0));
    if (more_seen != nullptr) HOGLET_RETURN_IF_ERROR(Copy(*more_seen, &seen));
    HOGLET_ASSIGN_OR_RETURN(auto seen_streams, seen.Finish());
    SpillPartitions rows(file, types_, columns, level_, block_bytes);
    HOGLET_RETURN_IF_ERROR(Copy(*input_, &rows));
    input_.reset();
    HOGLET_ASSIGN_OR_RETURN(auto row_streams, rows.Finish());
    for (size_t p = kSpillPartitions; p-- > 0;)
      partitions_.push_front({level_, std::move(seen_streams[p]), std::move(row_streams[p])});
    return absl::OkStatus();
  }

  absl::Status Copy(Operator& from, SpillPartitions* to) {
    return ForEachBatch(*context_.eval, from, [to](Batch batch) { return to->Add(batch); });
  }

  absl::Status BeginPartition() {
    Partition partition = std::move(partitions_.front());
    partitions_.pop_front();
    level_ = partition.level + 1;
    Begin();
    SpillReader seen(std::vector<SpillStream>{std::move(partition.seen)}, types_);
    input_ =
        std::make_unique<SpillReader>(std::vector<SpillStream>{std::move(partition.rows)}, types_);
    Batch batch;
    while (true) {
      HOGLET_ASSIGN_OR_RETURN(bool more, seen.Next(&batch));
      if (!more) return absl::OkStatus();
      HOGLET_RETURN_IF_ERROR(Add(batch).status());
      if (is_full_) return Divide(&seen);
    }
  }

  const std::vector<Type>& types_;
  ExecContext& context_;
  std::unique_ptr<Operator> input_;  // null: at its end
  int level_ = 0;                    // of dividing what is being read
  uint64_t share_ = 0;
  std::unique_ptr<RowInterner> seen_;
  bool is_full_ = false;
  std::deque<Partition> partitions_;
  MemoryCharge charge_;
};

class DistinctNode final : public Node {
 public:
  DistinctNode(const Plan& plan, NodePtr input)
      : Node(OutputTypes(plan)), input_(std::move(input)) {}

  absl::Status Prepare(ExecContext& context) override { return input_->Prepare(context); }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    HOGLET_ASSIGN_OR_RETURN(auto input, input_->MakeOperator(context));
    return std::make_unique<DistinctOperator>(types(), std::move(input), context);
  }
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override { return input_->RowsEstimate(); }

 private:
  NodePtr input_;
};

}  // namespace

NodePtr MakeDistinctNode(const Plan& plan, NodePtr input) {
  return std::make_unique<DistinctNode>(plan, std::move(input));
}

}  // namespace hoglet
