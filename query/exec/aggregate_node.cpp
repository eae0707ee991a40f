#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "query/exec/column_numbers.h"
#include "query/exec/interner.h"
#include "query/exec/numbered_distinct.h"
#include "query/exec/operator.h"
#include "query/exec/row_compare.h"

// GROUP BY: every worker groups its own rows, then the workers' tables are merged into one. Keys
// become dense group numbers (interner.h), so a group's states are found by indexing.

namespace hoglet {
namespace {

constexpr size_t kStateAlignment = 16;
constexpr size_t kStatesPerChunk = 1024;
constexpr size_t kMergedPerThreadMin = 8192;

size_t AlignUp(size_t bytes) {
  return (bytes + kStateAlignment - 1) / kStateAlignment * kStateAlignment;
}

// Where the state of each aggregate lies inside a group's row.
struct StateLayout {
  explicit StateLayout(const std::vector<AggregateCall>& calls) : calls(calls) {
    for (const AggregateCall& call : calls) {
      offsets.push_back(row_bytes);
      row_bytes += AlignUp(call.function->state_bytes());
    }
  }
  const std::vector<AggregateCall>& calls;
  std::vector<size_t> offsets;
  size_t row_bytes = 0;
};

// The state rows of all groups of one table, in chunks that never move.
class StateRows {
 public:
  explicit StateRows(const StateLayout& layout) : layout_(layout) {}
  ~StateRows() {
    for (size_t a = 0; a < layout_.calls.size(); ++a) {
      if (layout_.calls[a].function->trivially_destructible()) continue;
      for (size_t g = 0; g < size_; ++g) layout_.calls[a].function->Destroy(state(g, a));
    }
  }
  StateRows(const StateRows&) = delete;
  StateRows& operator=(const StateRows&) = delete;

  void GrowTo(size_t groups) {
    while (size_ < groups) {
      const size_t at = size_ % kStatesPerChunk;
      if (at == 0) {
        const size_t bytes = layout_.row_bytes * kStatesPerChunk;
        chunks_.emplace_back(static_cast<char*>(
            ::operator new (std::max<size_t>(bytes, 1), std::align_val_t{kStateAlignment})));
      }
      const size_t count = std::min(groups - size_, kStatesPerChunk - at);
      char* first = chunks_.back().get() + at * layout_.row_bytes;
      for (size_t a = 0; a < layout_.calls.size(); ++a)
        layout_.calls[a].function->CreateMany(first + layout_.offsets[a], layout_.row_bytes, count);
      size_ += count;
    }
  }
  size_t size() const { return size_; }
  char* row(size_t group) const {
    return chunks_[group / kStatesPerChunk].get() + group % kStatesPerChunk * layout_.row_bytes;
  }
  char* state(size_t group, size_t aggregate) const {
    return row(group) + layout_.offsets[aggregate];
  }
  size_t MemoryBytes() const { return chunks_.size() * layout_.row_bytes * kStatesPerChunk; }

 private:
  struct Free {
    void operator()(char* memory) const {
      ::operator delete (memory, std::align_val_t{kStateAlignment});
    }
  };
  const StateLayout& layout_;
  std::vector<std::unique_ptr<char, Free>> chunks_;
  size_t size_ = 0;
};

// One worker's groups.
class GroupTable {
 public:
  GroupTable(const Plan& plan, const std::vector<Type>& key_types, const StateLayout& layout,
             MemoryBudget* budget)
      : plan_(plan),
        layout_(layout),
        interner_(key_types),
        states_(layout),
        charge_(budget),
        ordered_(layout.calls.size()) {}

  void UseNumbers(size_t key, std::shared_ptr<ColumnNumbers> numbers) {
    interner_.UseNumbers(key, std::move(numbers));
  }
  absl::Status Add(EvalContext& context, const Batch& batch) {
    if (plan_.grouping_sets.empty()) return AddSet(context, batch, nullptr, 0);
    for (size_t s = 0; s < plan_.grouping_sets.size(); ++s) {
      HOGLET_RETURN_IF_ERROR(AddSet(context, batch, &plan_.grouping_sets[s], s));
    }
    return absl::OkStatus();
  }

  // `threads` may be used.
  absl::Status MergeFrom(EvalContext& context, const GroupTable& other, size_t threads);

  // For a query without keys: the one group exists even if no row came.
  void EnsureOneGroup() {
    if (interner_.size() == 0) {
      uint32_t group = 0;
      interner_.Intern({}, 1, &group);
    }
    states_.GrowTo(1);
  }

  // Feeds aggregates that want their rows in an order, once all rows are here.
  absl::Status FinishOrdered(EvalContext& context);

  // Of `count` groups.
  absl::StatusOr<Vector> Results(size_t aggregate, size_t begin, size_t count) const {
    std::vector<const char*> states(count);
    for (size_t i = 0; i < count; ++i) states[i] = states_.state(begin + i, aggregate);
    return layout_.calls[aggregate].function->FinalizeMany(states);
  }
  const RowInterner& interner() const { return interner_; }
  size_t groups() const { return states_.size(); }

 private:
  struct OrderedRows {
    std::vector<uint32_t> groups;
    Batch columns;  // arguments, then order keys
  };

  absl::Status ChargeStates() {
    return charge_.GrowTo(interner_.MemoryBytes() + states_.MemoryBytes() + ordered_bytes_ +
                          extra_bytes_);
  }

  absl::Status AddSet(EvalContext& context, const Batch& batch, const std::vector<size_t>* set,
                      size_t set_number);
  // Where the groups of the batch lie; fetches them into the cache meanwhile.
  void FindRows() {
    rows_.resize(groups_.size());
    for (size_t i = 0; i < groups_.size(); ++i) {
      rows_[i] = states_.row(groups_[i]);
      __builtin_prefetch(rows_[i], 1);
    }
  }
  absl::Status UpdateAggregate(EvalContext& context, size_t a, const Batch& batch,
                               const uint32_t* groups);

  const Plan& plan_;
  const StateLayout& layout_;
  RowInterner interner_;
  StateRows states_;
  MemoryCharge charge_;
  std::vector<std::vector<OrderedRows>> ordered_;  // by aggregate
  uint64_t ordered_bytes_ = 0;
  uint64_t extra_bytes_ = 0;
  uint64_t rows_since_measure_ = 0;
  std::vector<uint32_t> groups_;
  std::vector<char*> rows_;  // of the groups
  std::vector<char*> pointers_;
};

absl::Status GroupTable::MergeFrom(EvalContext& context, const GroupTable& other, size_t threads) {
  const size_t groups = other.states_.size();
  std::vector<uint32_t> ids;
  interner_.InternAll(other.interner_, &ids);
  states_.GrowTo(interner_.size());
  for (size_t a = 0; a < layout_.calls.size(); ++a) {
    if (layout_.calls[a].order_by.empty()) continue;
    for (const OrderedRows& rows : other.ordered_[a]) {
      OrderedRows moved = rows;
      for (uint32_t& group : moved.groups) group = ids[group];
      ordered_[a].push_back(std::move(moved));
    }
  }
  // Distinct groups there are distinct groups here, so that stretches of them can be merged side by
  // side.
  const size_t useful = std::clamp<size_t>(groups / kMergedPerThreadMin, 1, threads);
  HOGLET_RETURN_IF_ERROR(RunOnThreads(useful, [&](size_t thread) -> absl::Status {
    const size_t begin = groups * thread / useful;
    const size_t count = groups * (thread + 1) / useful - begin;
    std::vector<char*> into(count);
    std::vector<char*> from(count);
    for (size_t a = 0; a < layout_.calls.size(); ++a) {
      if (!layout_.calls[a].order_by.empty()) continue;
      for (size_t i = 0; i < count; ++i) {
        into[i] = states_.state(ids[begin + i], a);
        from[i] = other.states_.state(begin + i, a);
      }
      HOGLET_RETURN_IF_ERROR(layout_.calls[a].function->MergeMany(into.data(), from.data(), count));
    }
    return absl::OkStatus();
  }));
  HOGLET_RETURN_IF_ERROR(ChargeStates());
  return context.CheckAlive();
}

absl::Status GroupTable::AddSet(EvalContext& context, const Batch& batch,
                                const std::vector<size_t>* set, size_t set_number) {
  std::vector<Vector> stand_ins;
  std::vector<const Vector*> keys;
  stand_ins.reserve(plan_.group_keys.size() + 1);
  for (size_t k = 0; k < plan_.group_keys.size(); ++k) {
    const Vector& column = batch.columns[plan_.group_keys[k]];
    if (set == nullptr || std::find(set->begin(), set->end(), k) != set->end()) {
      keys.push_back(&column);
    } else {
      // A key that the set leaves out reads as its type's default in the subtotal row: NULL if it
      // can be.
      const Type& type = plan_.inputs[0]->output[plan_.group_keys[k]].type;
      VectorBuilder builder(type.NotNullable());
      builder.AppendDefault();
      stand_ins.push_back(type.nullable()
                              ? Vector::NullConstant(type, batch.rows)
                              : Vector::Constant(type, builder.Build().Get(0), batch.rows));
      keys.push_back(&stand_ins.back());
    }
  }
  if (set != nullptr) {
    stand_ins.push_back(Vector::Constant(Type(TypeKind::kUInt8),
                                         Datum(static_cast<int64_t>(set_number)), batch.rows));
    keys.push_back(&stand_ins.back());
  }
  if (keys.empty()) {
    groups_.assign(batch.rows, 0);
    EnsureOneGroup();
  } else {
    groups_.resize(batch.rows);
    interner_.Intern(keys, batch.rows, groups_.data());
    states_.GrowTo(interner_.size());
    FindRows();
  }
  for (size_t a = 0; a < layout_.calls.size(); ++a)
    HOGLET_RETURN_IF_ERROR(UpdateAggregate(context, a, batch, groups_.data()));
  // Measuring the heap behind the states walks all of them: do it when rows could have doubled it,
  // not every batch.
  rows_since_measure_ += batch.rows;
  if (rows_since_measure_ >= std::max<uint64_t>(16 * kVectorRowsMax, states_.size())) {
    rows_since_measure_ = 0;
    uint64_t extra = 0;
    for (size_t a = 0; a < layout_.calls.size(); ++a) {
      const AggregateFunction& function = *layout_.calls[a].function;
      if (function.trivially_destructible()) continue;
      for (size_t g = 0; g < states_.size(); ++g) extra += function.ExtraBytes(states_.state(g, a));
    }
    extra_bytes_ = extra;
  }
  return ChargeStates();
}

absl::Status GroupTable::UpdateAggregate(EvalContext& context, size_t a, const Batch& batch,
                                         const uint32_t* groups) {
  const AggregateCall& call = layout_.calls[a];
  std::vector<Vector> arguments;
  for (size_t column : call.arguments) arguments.push_back(batch.columns[column]);
  size_t rows = batch.rows;
  Selection selected;
  if (call.filter.has_value()) {
    const Vector& condition = batch.columns[*call.filter];
    const VectorReader<uint8_t> reader(condition);
    for (size_t i = 0; i < rows; ++i) {
      if (reader.valid(i) && reader.at(i) != 0) selected.push_back(static_cast<uint16_t>(i));
    }
    for (Vector& argument : arguments) argument = argument.Gather(selected);
    rows = selected.size();
    if (rows == 0) return absl::OkStatus();
  }
  const auto group_of = [&](size_t i) { return groups[call.filter.has_value() ? selected[i] : i]; };
  if (!call.order_by.empty()) {
    OrderedRows kept;
    for (size_t i = 0; i < rows; ++i) kept.groups.push_back(group_of(i));
    kept.columns.rows = rows;
    kept.columns.columns = std::move(arguments);
    for (const auto& [column, descending] : call.order_by) {
      const Vector& key = batch.columns[column];
      kept.columns.columns.push_back(call.filter.has_value() ? key.Gather(selected) : key);
    }
    ordered_bytes_ += kept.columns.MemoryBytes();
    ordered_[a].push_back(std::move(kept));
    return absl::OkStatus();
  }
  if (plan_.group_keys.empty() && plan_.grouping_sets.empty()) {
    return call.function->UpdateAll(context, states_.state(0, a), arguments, rows);
  }
  pointers_.resize(rows);
  const size_t offset = layout_.offsets[a];
  if (call.filter.has_value()) {
    for (size_t i = 0; i < rows; ++i) pointers_[i] = rows_[selected[i]] + offset;
  } else {
    for (size_t i = 0; i < rows; ++i) pointers_[i] = rows_[i] + offset;
  }
  return call.function->Update(context, pointers_.data(), arguments, rows);
}

absl::Status GroupTable::FinishOrdered(EvalContext& context) {
  for (size_t a = 0; a < layout_.calls.size(); ++a) {
    const AggregateCall& call = layout_.calls[a];
    if (call.order_by.empty() || ordered_[a].empty()) continue;
    std::vector<Batch> batches;
    std::vector<Type> types;
    std::vector<uint32_t> groups;
    for (OrderedRows& rows : ordered_[a]) {
      groups.insert(groups.end(), rows.groups.begin(), rows.groups.end());
      batches.push_back(std::move(rows.columns));
    }
    for (const Vector& column : batches[0].columns) types.push_back(column.type());
    const Batch all = ConcatBatches(batches, types);
    std::vector<SortKey> keys;
    for (size_t k = 0; k < call.order_by.size(); ++k)
      keys.push_back({call.arguments.size() + k, call.order_by[k].second});
    const std::vector<uint32_t> order = SortedRows(all, keys);
    std::vector<Vector> arguments;
    for (size_t c = 0; c < call.arguments.size(); ++c)
      arguments.push_back(all.columns[c].Gather(order.data(), order.size()));
    pointers_.resize(order.size());
    for (size_t i = 0; i < order.size(); ++i) pointers_[i] = states_.state(groups[order[i]], a);
    HOGLET_RETURN_IF_ERROR(
        call.function->Update(context, pointers_.data(), arguments, order.size()));
  }
  return absl::OkStatus();
}

class AggregateNode final : public Node {
 public:
  AggregateNode(const Plan& plan, NodePtr input)
      : Node(OutputTypes(plan)), plan_(plan), input_(std::move(input)), calls_(plan.aggregates) {
    for (size_t column : plan.group_keys) key_types_.push_back(input_->types()[column]);
    if (!plan.grouping_sets.empty()) key_types_.emplace_back(TypeKind::kUInt8);
  }

  absl::Status Prepare(ExecContext& context) override {
    HOGLET_RETURN_IF_ERROR(input_->Prepare(context));
    CountByNumbers(context);
    layout_ = std::make_unique<StateLayout>(calls_);
    std::vector<std::unique_ptr<GroupTable>> tables;
    std::vector<std::shared_ptr<ColumnNumbers>> numbers(plan_.group_keys.size());
    for (size_t k = 0; k < numbers.size() && context.numbers != nullptr; ++k)
      numbers[k] = context.numbers->Of(*plan_.inputs[0], plan_.group_keys[k]);
    for (int i = 0; i < WorkersFor(context, *input_); ++i) {
      tables.push_back(
          std::make_unique<GroupTable>(plan_, key_types_, *layout_, context.eval->memory));
      for (size_t k = 0; k < numbers.size(); ++k) tables.back()->UseNumbers(k, numbers[k]);
    }
    HOGLET_RETURN_IF_ERROR(ForEachBatch(context, *input_, [&](int worker, Batch batch) {
      return tables[worker]->Add(*context.eval, batch);
    }));
    for (size_t i = 1; i < tables.size(); ++i) {
      HOGLET_RETURN_IF_ERROR(tables[0]->MergeFrom(*context.eval, *tables[i],
                                                  static_cast<size_t>(context.workers_max)));
      tables[i].reset();
    }
    table_ = std::move(tables[0]);
    return Finish(context);
  }

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext&) override;
  bool parallel() const override { return true; }
  uint64_t RowsEstimate() const override { return table_ == nullptr ? 0 : table_->groups(); }

 private:
  friend class AggregateOperator;

  // Counts of distinct stored values need not look at the values.
  void CountByNumbers(ExecContext& context) {
    if (context.numbers == nullptr) return;
    for (AggregateCall& call : calls_) {
      if (!CountsDistinct(call)) continue;
      const Physical physical = input_->types()[call.arguments[0]].physical();
      if (physical != Physical::kString && physical != Physical::kI128) continue;
      if (auto numbers = context.numbers->Of(*plan_.inputs[0], call.arguments[0]))
        call.function = MakeNumberedDistinct(call.function, std::move(numbers));
    }
  }

  absl::Status Finish(ExecContext& context) {
    if (plan_.group_keys.empty() && plan_.grouping_sets.empty()) table_->EnsureOneGroup();
    HOGLET_RETURN_IF_ERROR(table_->FinishOrdered(*context.eval));
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
  std::vector<AggregateCall> calls_;
  std::unique_ptr<StateLayout> layout_;
  std::vector<Type> key_types_;
  std::unique_ptr<GroupTable> table_;  // all groups, once prepared
  std::vector<std::shared_ptr<const Vector>> key_values_;
  std::unique_ptr<MemoryCharge> charge_;
  std::atomic<size_t> next_row_{0};
};

// Works results out as they are asked for, so that the workers of what follows share the labour.
class AggregateOperator final : public Operator {
 public:
  explicit AggregateOperator(AggregateNode& node) : node_(node) {}

  absl::StatusOr<bool> Next(Batch* out) override {
    const size_t begin = node_.next_row_.fetch_add(kVectorRowsMax, std::memory_order_relaxed);
    const GroupTable& table = *node_.table_;
    if (begin >= table.groups()) return false;
    *out = Batch{.columns = {}, .rows = std::min(kVectorRowsMax, table.groups() - begin)};
    for (size_t k = 0; k < node_.plan_.group_keys.size(); ++k) {
      out->columns.push_back(table.interner().KeyColumn(k, node_.key_values_[k], begin, out->rows));
    }
    for (size_t a = 0; a < node_.plan_.aggregates.size(); ++a) {
      HOGLET_ASSIGN_OR_RETURN(Vector results, table.Results(a, begin, out->rows));
      out->columns.push_back(std::move(results));
    }
    return true;
  }

 private:
  AggregateNode& node_;
};

absl::StatusOr<std::unique_ptr<Operator>> AggregateNode::MakeOperator(ExecContext&) {
  return std::make_unique<AggregateOperator>(*this);
}

}  // namespace

NodePtr MakeAggregateNode(const Plan& plan, NodePtr input) {
  return std::make_unique<AggregateNode>(plan, std::move(input));
}

}  // namespace hoglet
