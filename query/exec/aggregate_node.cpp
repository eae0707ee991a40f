#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "query/exec/group_table.h"

// GROUP BY: every worker groups its own rows, then the workers' tables are merged into one.
//
// When a worker's table outgrows its share of the memory, it is written out by the hash of the keys
// (group_table.h). From then on there is no one table: once all rows have been seen, everything
// goes to disk, and operators read one partition of the groups after the other back, each into a
// table that fits, or else is divided once more.

namespace hoglet {
namespace {

// A part of the groups, on disk.
struct GroupPartition {
  int level = 0;                                  // by whose hash they belong together
  std::vector<SpillStream> groups;                // one a worker
  std::vector<std::vector<SpillStream>> ordered;  // by aggregate
};

// What several workers have written at one level. Thread-safe but for Partitions().
class SpilledLevel {
 public:
  SpilledLevel(const GroupShape& shape, ExecContext& context, size_t workers, int level)
      : shape_(shape), context_(context), level_(level), spills_(workers) {}

  bool used() const { return used_.load(); }
  // One thread for each worker.
  absl::Status Write(size_t worker, const GroupTable& table) {
    if (spills_[worker] == nullptr) HOGLET_RETURN_IF_ERROR(Begin(worker));
    return table.SpillTo(spills_[worker].get());
  }
  // What was written, once all have written.
  absl::StatusOr<std::vector<GroupPartition>> Partitions() {
    std::vector<GroupPartition> partitions(kSpillPartitions);
    for (GroupPartition& partition : partitions) {
      partition.level = level_;
      partition.ordered.resize(shape_.ordered_types.size());
    }
    for (const auto& spill : spills_) {
      if (spill == nullptr) continue;
      HOGLET_ASSIGN_OR_RETURN(auto groups, spill->groups.Finish());
      for (size_t p = 0; p < groups.size(); ++p)
        partitions[p].groups.push_back(std::move(groups[p]));
      for (size_t a = 0; a < spill->ordered.size(); ++a) {
        if (spill->ordered[a] == nullptr) continue;
        HOGLET_ASSIGN_OR_RETURN(auto rows, spill->ordered[a]->Finish());
        for (size_t p = 0; p < rows.size(); ++p)
          partitions[p].ordered[a].push_back(std::move(rows[p]));
      }
    }
    return partitions;
  }

 private:
  absl::Status Begin(size_t worker) {
    HOGLET_ASSIGN_OR_RETURN(const auto file, file_.Get(context_));
    const size_t streams = kSpillPartitions * spills_.size() * (1 + shape_.ordered_types.size());
    spills_[worker] =
        std::make_unique<GroupSpill>(shape_, file, level_, SpillBlockBytes(context_, streams));
    used_.store(true);
    return absl::OkStatus();
  }

  const GroupShape& shape_;
  ExecContext& context_;
  const int level_;
  std::atomic<bool> used_{false};
  SharedSpillFile file_;
  std::vector<std::unique_ptr<GroupSpill>> spills_;  // by worker
};

class AggregateNode final : public Node {
 public:
  AggregateNode(const Plan& plan, NodePtr input, ColumnNumbersCache* numbers)
      : Node(OutputTypes(plan)),
        plan_(plan),
        input_(std::move(input)),
        shape_(plan, input_->types(), numbers) {}

  absl::Status Prepare(ExecContext& context) override {
    HOGLET_RETURN_IF_ERROR(input_->Prepare(context));
    if (OnlyCountsRows()) {
      HOGLET_ASSIGN_OR_RETURN(const std::optional<uint64_t> rows, input_->CountRows());
      if (rows.has_value()) return FinishWithCount(context, *rows);
    }
    const auto workers = static_cast<size_t>(WorkersFor(context, *input_));
    const uint64_t share = SpillShare(context);
    const auto make_table = [&] {
      return MakeTable(context, share == ~uint64_t{0} ? share : share / workers);
    };
    std::vector<std::unique_ptr<GroupTable>> tables;
    for (size_t i = 0; i < workers; ++i) tables.push_back(make_table());
    SpilledLevel spilled(shape_, context, workers, 0);
    HOGLET_RETURN_IF_ERROR(ForEachBatch(context, *input_, [&](int worker, Batch batch) {
      std::unique_ptr<GroupTable>& table = tables[worker];
      HOGLET_RETURN_IF_ERROR(table->Add(batch));
      if (!table->wants_spill()) return absl::OkStatus();
      HOGLET_RETURN_IF_ERROR(spilled.Write(worker, *table));
      table.reset();
      table = make_table();
      return absl::OkStatus();
    }));
    if (spilled.used() || !CanMerge(context, tables)) {
      for (size_t i = 0; i < workers; ++i) {
        HOGLET_RETURN_IF_ERROR(spilled.Write(i, *tables[i]));
        tables[i].reset();
      }
      HOGLET_ASSIGN_OR_RETURN(std::vector<GroupPartition> partitions, spilled.Partitions());
      for (const GroupPartition& partition : partitions) {
        for (const SpillStream& stream : partition.groups) spilled_groups_ += stream.rows;
      }
      partitions_.PutFirst(std::move(partitions));
      is_spilled_ = true;
      return absl::OkStatus();
    }
    for (size_t i = 1; i < workers; ++i) {
      HOGLET_RETURN_IF_ERROR(
          tables[0]->MergeFrom(*tables[i], static_cast<size_t>(context.workers_max)));
      tables[i].reset();
    }
    table_ = std::move(tables[0]);
    return Finish(context);
  }

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override;
  bool parallel() const override { return true; }
  uint64_t RowsEstimate() const override {
    return table_ == nullptr ? spilled_groups_ : table_->groups();
  }

 private:
  friend class AggregateOperator;
  friend class SpilledAggregateOperator;

  std::unique_ptr<GroupTable> MakeTable(ExecContext& context, uint64_t share) const {
    auto table = std::make_unique<GroupTable>(shape_, context.eval, share);
    for (size_t k = 0; k < plan_.group_keys.size() && context.numbers != nullptr; ++k)
      table->UseNumbers(k, context.numbers->Of(*plan_.inputs[0], plan_.group_keys[k]));
    return table;
  }

  // Whether one table for all has room beside those it is made from.
  bool CanMerge(const ExecContext& context,
                const std::vector<std::unique_ptr<GroupTable>>& tables) const {
    if (context.spill == nullptr || context.eval->memory == nullptr || !shape_.can_spill())
      return true;
    uint64_t bytes = 0;
    for (size_t i = 1; i < tables.size(); ++i) bytes += tables[i]->bytes();
    return bytes <= context.eval->memory->free_bytes();
  }

  bool OnlyCountsRows() const {
    return !shape_.can_spill() &&
           std::all_of(shape_.calls.begin(), shape_.calls.end(), [](const AggregateCall& call) {
             return call.name == "count" && call.arguments.empty() && !call.filter.has_value();
           });
  }
  absl::Status FinishWithCount(ExecContext& context, uint64_t rows) {
    table_ = MakeTable(context, ~uint64_t{0});
    HOGLET_RETURN_IF_ERROR(table_->Add(Batch{.columns = {}, .rows = rows}));
    return Finish(context);
  }

  absl::Status Finish(ExecContext& context) {
    if (!shape_.can_spill()) table_->EnsureOneGroup();
    HOGLET_RETURN_IF_ERROR(table_->FinishOrdered());
    charge_ = std::make_unique<MemoryCharge>(context.eval->memory);
    for (size_t k = 0; k < plan_.group_keys.size(); ++k) {
      key_values_.push_back(table_->interner().KeyValues(k));
      if (key_values_[k] != nullptr)
        HOGLET_RETURN_IF_ERROR(charge_->Add(key_values_[k]->MemoryBytes()));
    }
    return absl::OkStatus();
  }

  const Plan& plan_;
  NodePtr input_;
  GroupShape shape_;
  std::unique_ptr<GroupTable> table_;  // all groups, once prepared, if they fit
  std::vector<std::shared_ptr<const Vector>> key_values_;
  std::unique_ptr<MemoryCharge> charge_;
  std::atomic<size_t> next_row_{0};
  bool is_spilled_ = false;
  uint64_t spilled_groups_ = 0;  // at most
  PartitionQueue<GroupPartition> partitions_;
};

absl::StatusOr<Batch> ResultBatch(const Plan& plan, const GroupTable& table,
                                  const std::vector<std::shared_ptr<const Vector>>& key_values,
                                  size_t begin, size_t count) {
  Batch out{.columns = {}, .rows = count};
  for (size_t k = 0; k < plan.group_keys.size(); ++k)
    out.columns.push_back(table.interner().KeyColumn(k, key_values[k], begin, count));
  for (size_t a = 0; a < plan.aggregates.size(); ++a) {
    HOGLET_ASSIGN_OR_RETURN(Vector results, table.Results(a, begin, count));
    out.columns.push_back(std::move(results));
  }
  return out;
}

// Works results out as they are asked for, so that the workers of what follows share the labour.
class AggregateOperator final : public Operator {
 public:
  explicit AggregateOperator(AggregateNode& node)
      : node_(node), groups_per_batch_(node.table_->GroupsPerBatch()) {}

  absl::StatusOr<bool> Next(Batch* out) override {
    const size_t begin = node_.next_row_.fetch_add(groups_per_batch_, std::memory_order_relaxed);
    const GroupTable& table = *node_.table_;
    if (begin >= table.groups()) return false;
    const size_t count = std::min(groups_per_batch_, table.groups() - begin);
    HOGLET_ASSIGN_OR_RETURN(*out, ResultBatch(node_.plan_, table, node_.key_values_, begin, count));
    return true;
  }

 private:
  AggregateNode& node_;
  const size_t groups_per_batch_;
};

// Takes partitions of the groups as long as there are any.
class SpilledAggregateOperator final : public Operator {
 public:
  SpilledAggregateOperator(AggregateNode& node, ExecContext& context)
      : node_(node), context_(context), share_bytes_(SpillPartShare(context)) {}

  absl::StatusOr<bool> Next(Batch* out) override {
    while (table_ == nullptr || at_ >= table_->groups()) {
      table_.reset();
      key_values_.clear();
      GroupPartition partition;
      if (!node_.partitions_.Take(&partition)) return false;
      HOGLET_RETURN_IF_ERROR(Load(std::move(partition)));
    }
    const size_t count = std::min(table_->GroupsPerBatch(), table_->groups() - at_);
    HOGLET_ASSIGN_OR_RETURN(*out, ResultBatch(node_.plan_, *table_, key_values_, at_, count));
    at_ += count;
    return true;
  }

 private:
  // Leaves table_ null if the groups had to be divided again.
  absl::Status Load(GroupPartition partition) {
    SpilledLevel deeper(node_.shape_, context_, 1, partition.level + 1);
    const bool may_spill = LevelsLeft(partition) > 0;
    const uint64_t share = may_spill ? share_bytes_ : ~uint64_t{0};
    table_ = std::make_unique<GroupTable>(node_.shape_, context_.eval, share);
    const auto after = [&](absl::Status added) -> absl::Status {
      HOGLET_RETURN_IF_ERROR(added);
      if (!table_->wants_spill()) return absl::OkStatus();
      HOGLET_RETURN_IF_ERROR(deeper.Write(0, *table_));
      table_.reset();
      table_ = std::make_unique<GroupTable>(node_.shape_, context_.eval, share);
      return absl::OkStatus();
    };
    SpillReader groups(std::move(partition.groups), node_.shape_.group_types);
    HOGLET_RETURN_IF_ERROR(ForEachBatch(*context_.eval, groups, [&](Batch batch) {
      return after(table_->AddSpilledGroups(batch));
    }));
    for (size_t a = 0; a < partition.ordered.size(); ++a) {
      SpillReader rows(std::move(partition.ordered[a]), node_.shape_.ordered_types[a]);
      HOGLET_RETURN_IF_ERROR(ForEachBatch(*context_.eval, rows, [&](Batch batch) {
        return after(table_->AddSpilledRows(a, std::move(batch)));
      }));
    }
    at_ = 0;
    if (deeper.used()) {
      HOGLET_RETURN_IF_ERROR(deeper.Write(0, *table_));
      table_.reset();
      HOGLET_ASSIGN_OR_RETURN(std::vector<GroupPartition> partitions, deeper.Partitions());
      node_.partitions_.PutFirst(std::move(partitions));
      return absl::OkStatus();
    }
    for (size_t k = 0; k < node_.plan_.group_keys.size(); ++k)
      key_values_.push_back(table_->interner().KeyValues(k));
    return table_->FinishOrdered();
  }

  static int LevelsLeft(const GroupPartition& partition) {
    return kSpillLevelsMax - 1 - partition.level;
  }

  AggregateNode& node_;
  ExecContext& context_;
  const uint64_t share_bytes_;
  std::unique_ptr<GroupTable> table_;
  std::vector<std::shared_ptr<const Vector>> key_values_;
  size_t at_ = 0;
};

absl::StatusOr<std::unique_ptr<Operator>> AggregateNode::MakeOperator(ExecContext& context) {
  if (is_spilled_) return std::make_unique<SpilledAggregateOperator>(*this, context);
  return std::make_unique<AggregateOperator>(*this);
}

}  // namespace

NodePtr MakeAggregateNode(const Plan& plan, NodePtr input, ColumnNumbersCache* numbers) {
  return std::make_unique<AggregateNode>(plan, std::move(input), numbers);
}

}  // namespace hoglet
