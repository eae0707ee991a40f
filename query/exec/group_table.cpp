#include "query/exec/group_table.h"

#include <cstring>
#include <new>
#include <utility>

#include "query/exec/numbered_distinct.h"
#include "query/exec/row_compare.h"
#include "query/functions/combinators.h"

namespace hoglet {
namespace {

constexpr size_t kStateAlignment = 16;
constexpr size_t kMergedPerThreadMin = 8192;
// States that are written as one batch.
constexpr size_t kSpilledBatchBytes = 1 << 20;
// A row adds at most so much to a state beside its values: a slot, its share of empty ones.
constexpr uint64_t kStateBytesPerRow = 48;
constexpr uint64_t kUnmeasuredBytesMin = 1 << 20;
constexpr size_t kUnmeasuredRowsMin = 16 * kVectorRowsMax;
// Rows that are looked at together for being of one group.
constexpr size_t kRunBlockRows = 16;
// Of the results of one batch, roughly.
constexpr uint64_t kResultBytes = 4 << 20;

size_t AlignUp(size_t bytes) {
  return (bytes + kStateAlignment - 1) / kStateAlignment * kStateAlignment;
}

bool IsNested(const Vector& values) {
  return values.type().physical() == Physical::kArray ||
         values.type().physical() == Physical::kTuple;
}

// Of the values inside arrays and tuples, which states keep one by one.
uint64_t ElementBytes(const Vector& values) {
  uint64_t bytes = 0;
  for (const Vector& child : values.children())
    bytes += child.size() * sizeof(Datum) + ElementBytes(child);
  return bytes;
}

// What a state may come to hold because of these values, roughly. Of a dictionary some values are
// looked at: they lie anywhere in memory.
uint64_t ValueBytes(const Vector& values) {
  constexpr size_t kSampled = 32;
  const size_t rows = values.size();
  uint64_t bytes = rows * kStateBytesPerRow;
  if (values.form() == Vector::Form::kFlat)
    return bytes + values.MemoryBytes() + ElementBytes(values);
  if (IsNested(values)) {
    const bool is_constant = values.is_constant();
    const Vector& held = is_constant ? values : *values.dictionary();
    const uint64_t all = held.MemoryBytes() + ElementBytes(held);
    return bytes + all / (is_constant ? 1 : std::max<size_t>(held.size(), 1)) * rows;
  }
  if (values.type().physical() != Physical::kString) return bytes + rows * 16;
  const VectorReader<std::string_view> texts(values);
  const size_t step = 1 + rows / kSampled;
  for (size_t i = 0; i < rows; i += step) {
    if (texts.valid(i)) bytes += texts.at(i).size() * step;
  }
  return bytes;
}

}  // namespace

StateLayout::StateLayout(const std::vector<AggregateCall>& calls) : calls(calls) {
  for (const AggregateCall& call : calls) {
    offsets.push_back(row_bytes);
    row_bytes += AlignUp(call.function->state_bytes());
  }
}

void StateRows::Free::operator()(char* memory) const {
  ::operator delete (memory, std::align_val_t{kStateAlignment});
}

StateRows::~StateRows() {
  for (size_t a = 0; a < layout_.calls.size(); ++a) {
    if (layout_.calls[a].function->trivially_destructible()) continue;
    for (size_t g = 0; g < size_; ++g) layout_.calls[a].function->Destroy(state(g, a));
  }
}

void StateRows::GrowTo(size_t groups) {
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

namespace {

// The aggregates of a plan; those that count distinct stored values do so by their numbers.
std::vector<AggregateCall> CallsOf(const Plan& plan, const std::vector<Type>& input_types,
                                   ColumnNumbersCache* numbers) {
  std::vector<AggregateCall> calls = plan.aggregates;
  for (AggregateCall& call : calls) {
    if (numbers == nullptr || !CountsDistinct(call)) continue;
    const Physical physical = input_types[call.arguments[0]].physical();
    if (physical != Physical::kString && physical != Physical::kI128) continue;
    if (auto of_column = numbers->Of(*plan.inputs[0], call.arguments[0]))
      call.function = MakeNumberedDistinct(call.function, std::move(of_column));
  }
  return calls;
}

}  // namespace

GroupShape::GroupShape(const Plan& plan, const std::vector<Type>& input_types,
                       ColumnNumbersCache* numbers)
    : plan(plan),
      calls(CallsOf(plan, input_types, numbers)),
      layout(calls),
      ordered_types(plan.aggregates.size()) {
  for (size_t column : plan.group_keys) key_types.push_back(input_types[column]);
  if (!plan.grouping_sets.empty()) key_types.emplace_back(TypeKind::kUInt8);
  group_types = key_types;
  for (size_t a = 0; a < plan.aggregates.size(); ++a) {
    const AggregateCall& call = plan.aggregates[a];
    if (call.order_by.empty()) {
      group_types.emplace_back(TypeKind::kString);
      continue;
    }
    ordered_types[a] = key_types;
    for (size_t column : call.arguments) ordered_types[a].push_back(input_types[column]);
    for (const auto& [column, descending] : call.order_by)
      ordered_types[a].push_back(input_types[column]);
  }
}

namespace {

std::vector<size_t> KeyColumns(const GroupShape& shape) {
  std::vector<size_t> columns(shape.key_types.size());
  for (size_t k = 0; k < columns.size(); ++k) columns[k] = k;
  return columns;
}

}  // namespace

GroupSpill::GroupSpill(const GroupShape& shape, const std::shared_ptr<SpillFile>& file, int level,
                       size_t block_bytes)
    : groups(file, shape.group_types, KeyColumns(shape), level, block_bytes) {
  for (const std::vector<Type>& types : shape.ordered_types) {
    ordered.push_back(types.empty() ? nullptr
                                    : std::make_unique<SpillPartitions>(
                                          file, types, KeyColumns(shape), level, block_bytes));
  }
}

GroupTable::GroupTable(const GroupShape& shape, EvalContext* context, uint64_t share_bytes)
    : shape_(shape),
      plan_(shape.plan),
      layout_(shape.layout),
      context_(context),
      share_bytes_(shape.can_spill() ? share_bytes : ~uint64_t{0}),
      interner_(shape.key_types),
      states_(layout_),
      charge_(context->memory),
      ordered_(layout_.calls.size()) {
  for (const AggregateCall& call : layout_.calls)
    has_heap_ |= !call.function->trivially_destructible();
}

absl::Status GroupTable::Add(const Batch& batch) {
  const size_t rows = RowsAtOnce(batch);
  for (size_t begin = 0; rows < batch.rows && begin < batch.rows; begin += rows)
    HOGLET_RETURN_IF_ERROR(AddRows(batch.Slice(begin, std::min(rows, batch.rows - begin))));
  return rows < batch.rows ? absl::OkStatus() : AddRows(batch);
}

// Rows to take before the memory is looked at: arrays may hold much more than they show.
size_t GroupTable::RowsAtOnce(const Batch& batch) const {
  uint64_t bytes = 0;
  for (const AggregateCall& call : layout_.calls) {
    if (call.function->trivially_destructible()) continue;
    for (const size_t column : call.arguments) {
      if (IsNested(batch.columns[column])) bytes += ValueBytes(batch.columns[column]);
    }
  }
  if (bytes == 0 || context_->memory == nullptr) return batch.rows;
  const uint64_t room = std::min(share_bytes_, context_->memory->free_bytes()) / 4;
  if (bytes <= room) return batch.rows;
  return std::max<size_t>(1, batch.rows * room / bytes);
}

absl::Status GroupTable::AddRows(const Batch& batch) {
  if (plan_.grouping_sets.empty()) return AddSet(batch, nullptr, 0);
  for (size_t s = 0; s < plan_.grouping_sets.size(); ++s)
    HOGLET_RETURN_IF_ERROR(AddSet(batch, &plan_.grouping_sets[s], s));
  return absl::OkStatus();
}

void GroupTable::EnsureOneGroup() {
  if (interner_.size() == 0) {
    uint32_t group = 0;
    interner_.Intern({}, 1, &group);
  }
  states_.GrowTo(1);
}

absl::StatusOr<Vector> GroupTable::Results(size_t aggregate, size_t begin, size_t count) const {
  std::vector<const char*> states(count);
  for (size_t i = 0; i < count; ++i) states[i] = states_.state(begin + i, aggregate);
  return layout_.calls[aggregate].function->FinalizeMany(states);
}

size_t GroupTable::GroupsPerBatch() const {
  const uint64_t heap = heap_bytes_ + unmeasured_bytes_ + ordered_bytes_;
  const uint64_t per_group = heap / std::max<size_t>(states_.size(), 1);
  return std::clamp<uint64_t>(kResultBytes / std::max<uint64_t>(per_group, 1), 1, kVectorRowsMax);
}

uint64_t GroupTable::bytes() const {
  // Ordered rows are put together before they are used.
  return interner_.MemoryBytes() + states_.MemoryBytes() + 2 * ordered_bytes_ + heap_bytes_ +
         unmeasured_bytes_;
}

void GroupTable::FindRows(size_t rows) {
  rows_.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    rows_[i] = states_.row(groups_[i]);
    __builtin_prefetch(rows_[i], 1);
  }
}

void GroupTable::KeepOrdered(size_t a, OrderedRows rows) {
  ordered_bytes_ += rows.columns.MemoryBytes() + rows.groups.size() * 8;
  ordered_[a].push_back(std::move(rows));
}

void GroupTable::Measure() {
  uint64_t bytes = 0;
  for (size_t a = 0; a < layout_.calls.size(); ++a) {
    const AggregateFunction& function = *layout_.calls[a].function;
    if (function.trivially_destructible()) continue;
    for (size_t g = 0; g < states_.size(); ++g) bytes += function.ExtraBytes(states_.state(g, a));
  }
  heap_bytes_ = bytes;
  unmeasured_bytes_ = 0;
  unmeasured_rows_ = 0;
}

absl::Status GroupTable::Account(size_t rows) {
  unmeasured_rows_ += rows;
  const bool grown = unmeasured_bytes_ >= std::max(kUnmeasuredBytesMin, heap_bytes_);
  // Measuring walks all states, so it has to wait for as many rows, or nearly so if much depends
  // on it.
  const bool worth_it = unmeasured_rows_ >= std::max(kUnmeasuredRowsMin, states_.size());
  if (has_heap_ &&
      ((grown && worth_it) || (bytes() > share_bytes_ && unmeasured_rows_ >= states_.size() / 4))) {
    Measure();
  }
  absl::Status charged = charge_.Set(bytes());
  if (!charged.ok() && unmeasured_bytes_ > 0) {
    Measure();
    charged = charge_.Set(bytes());
  }
  const uint64_t held = bytes();
  const bool can_spill = share_bytes_ != ~uint64_t{0} && states_.size() > 1;
  if (can_spill && (held > share_bytes_ || (!charged.ok() && held >= kSpilledBytesMin))) {
    wants_spill_ = true;
    return absl::OkStatus();
  }
  return charged;
}

absl::Status GroupTable::MergeFrom(const GroupTable& other, size_t threads) {
  const size_t groups = other.states_.size();
  std::vector<uint32_t> ids;
  interner_.InternAll(other.interner_, &ids);
  states_.GrowTo(interner_.size());
  for (size_t a = 0; a < layout_.calls.size(); ++a) {
    if (layout_.calls[a].order_by.empty()) continue;
    for (const OrderedRows& rows : other.ordered_[a]) {
      OrderedRows moved = rows;
      for (uint32_t& group : moved.groups) group = ids[group];
      KeepOrdered(a, std::move(moved));
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
  heap_bytes_ += other.heap_bytes_;
  unmeasured_bytes_ += other.unmeasured_bytes_;
  HOGLET_RETURN_IF_ERROR(Account(groups));
  return context_->CheckAlive();
}

absl::Status GroupTable::AddSet(const Batch& batch, const std::vector<size_t>* set,
                                size_t set_number) {
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
    EnsureOneGroup();
  } else {
    groups_.resize(batch.rows);
    interner_.Intern(keys, batch.rows, groups_.data());
    states_.GrowTo(interner_.size());
  }
  rows_.clear();
  for (size_t a = 0; a < layout_.calls.size(); ++a)
    HOGLET_RETURN_IF_ERROR(UpdateAggregate(a, batch, keys.empty() ? nullptr : groups_.data()));
  return Account(batch.rows);
}

absl::Status GroupTable::UpdateAggregate(size_t a, const Batch& batch, const uint32_t* groups) {
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
  const auto group_of = [&](size_t i) {
    return groups == nullptr ? 0 : groups[call.filter.has_value() ? selected[i] : i];
  };
  if (!call.order_by.empty()) {
    OrderedRows kept;
    for (size_t i = 0; i < rows; ++i) kept.groups.push_back(group_of(i));
    kept.columns.rows = rows;
    kept.columns.columns = std::move(arguments);
    for (const auto& [column, descending] : call.order_by) {
      const Vector& key = batch.columns[column];
      kept.columns.columns.push_back(call.filter.has_value() ? key.Gather(selected) : key);
    }
    KeepOrdered(a, std::move(kept));
    return absl::OkStatus();
  }
  if (!call.function->trivially_destructible()) {
    for (const Vector& argument : arguments) unmeasured_bytes_ += ValueBytes(argument);
  }
  if (plan_.group_keys.empty() && plan_.grouping_sets.empty()) {
    return call.function->UpdateAll(*context_, states_.state(0, a), arguments, rows);
  }
  if (groups != nullptr && arguments.empty() && !call.filter.has_value()) {
    return UpdateByRuns(a, groups, rows);
  }
  if (rows_.size() != batch.rows) FindRows(batch.rows);
  pointers_.resize(rows);
  const size_t offset = layout_.offsets[a];
  if (call.filter.has_value()) {
    for (size_t i = 0; i < rows; ++i) pointers_[i] = rows_[selected[i]] + offset;
  } else {
    for (size_t i = 0; i < rows; ++i) pointers_[i] = rows_[i] + offset;
  }
  return call.function->Update(*context_, pointers_.data(), arguments, rows);
}

// Rows of one group that follow each other go in together where no values are asked for, as with
// count(): stored rows are sorted, so such runs are long.
absl::Status GroupTable::UpdateByRuns(size_t a, const uint32_t* groups, size_t rows) {
  const AggregateFunction& function = *layout_.calls[a].function;
  uint32_t run_group = 0;
  size_t run_rows = 0;
  const auto end_run = [&]() -> absl::Status {
    if (run_rows == 0) return absl::OkStatus();
    return function.UpdateAll(*context_, states_.state(run_group, a), {},
                              std::exchange(run_rows, 0));
  };
  pointers_.clear();
  for (size_t begin = 0; begin < rows; begin += kRunBlockRows) {
    const size_t count = std::min(kRunBlockRows, rows - begin);
    const uint32_t group = groups[begin];
    uint32_t differences = 0;
    for (size_t i = 0; i < count; ++i) differences |= groups[begin + i] ^ group;
    if (differences != 0) {
      for (size_t i = 0; i < count; ++i) {
        pointers_.push_back(states_.state(groups[begin + i], a));
        __builtin_prefetch(pointers_.back(), 1);
      }
      continue;
    }
    if (group != run_group) HOGLET_RETURN_IF_ERROR(end_run());
    run_group = group;
    run_rows += count;
  }
  HOGLET_RETURN_IF_ERROR(end_run());
  if (pointers_.empty()) return absl::OkStatus();
  return function.Update(*context_, pointers_.data(), {}, pointers_.size());
}

absl::Status GroupTable::FinishOrdered() {
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
        call.function->Update(*context_, pointers_.data(), arguments, order.size()));
  }
  return absl::OkStatus();
}

absl::Status GroupTable::AddSpilledGroups(const Batch& batch) {
  std::vector<const Vector*> keys;
  for (size_t k = 0; k < shape_.key_types.size(); ++k) keys.push_back(&batch.columns[k]);
  size_t known = interner_.size();
  groups_.resize(batch.rows);
  interner_.Intern(keys, batch.rows, groups_.data());
  states_.GrowTo(interner_.size());
  std::vector<uint8_t> is_new(batch.rows);
  // Groups are numbered in order of first sight.
  for (size_t i = 0; i < batch.rows; ++i) {
    is_new[i] = groups_[i] == known;
    known += is_new[i];
  }
  size_t column = keys.size();
  for (size_t a = 0; a < layout_.calls.size(); ++a) {
    if (!layout_.calls[a].order_by.empty()) continue;
    const AggregateFunction& function = *layout_.calls[a].function;
    const VectorReader<std::string_view> states(batch.columns[column++]);
    for (size_t i = 0; i < batch.rows; ++i) {
      char* state = states_.state(groups_[i], a);
      if (is_new[i]) {
        HOGLET_RETURN_IF_ERROR(function.Deserialize(states.at(i), state));
      } else {
        const fn::TemporaryState other(function);
        HOGLET_RETURN_IF_ERROR(function.Deserialize(states.at(i), other.get()));
        HOGLET_RETURN_IF_ERROR(function.Merge(state, other.get()));
      }
      if (!function.trivially_destructible()) unmeasured_bytes_ += 2 * states.at(i).size();
    }
  }
  return Account(batch.rows);
}

absl::Status GroupTable::AddSpilledRows(size_t aggregate, Batch batch) {
  const size_t key_count = shape_.key_types.size();
  std::vector<const Vector*> keys;
  for (size_t k = 0; k < key_count; ++k) keys.push_back(&batch.columns[k]);
  OrderedRows rows;
  rows.groups.resize(batch.rows);
  interner_.Intern(keys, batch.rows, rows.groups.data());
  states_.GrowTo(interner_.size());
  rows.columns.rows = batch.rows;
  rows.columns.columns.assign(std::make_move_iterator(batch.columns.begin() + key_count),
                              std::make_move_iterator(batch.columns.end()));
  KeepOrdered(aggregate, std::move(rows));
  return Account(batch.rows);
}

absl::Status GroupTable::SpillTo(GroupSpill* spill) const {
  std::vector<std::shared_ptr<const Vector>> values;
  for (size_t k = 0; k < shape_.key_types.size(); ++k) values.push_back(interner_.KeyValues(k));
  std::string state;
  for (size_t begin = 0; begin < groups();) {
    HOGLET_RETURN_IF_ERROR(context_->CheckAlive());
    std::vector<VectorBuilder> states;
    for (size_t c = values.size(); c < shape_.group_types.size(); ++c)
      states.emplace_back(shape_.group_types[c]);
    size_t count = 0;
    size_t bytes = 0;
    for (; begin + count < groups() && count < kVectorRowsMax && bytes < kSpilledBatchBytes;
         ++count) {
      size_t c = 0;
      for (size_t a = 0; a < layout_.calls.size(); ++a) {
        if (!layout_.calls[a].order_by.empty()) continue;
        state.clear();
        HOGLET_RETURN_IF_ERROR(
            layout_.calls[a].function->Serialize(states_.state(begin + count, a), &state));
        states[c++].AppendString(state);
        bytes += state.size();
      }
    }
    Batch batch{.columns = {}, .rows = count};
    for (size_t k = 0; k < values.size(); ++k)
      batch.columns.push_back(interner_.KeyColumn(k, values[k], begin, count));
    for (VectorBuilder& builder : states) batch.columns.push_back(builder.Build());
    HOGLET_RETURN_IF_ERROR(spill->groups.Add(batch));
    begin += count;
  }
  if (ordered_bytes_ == 0) return absl::OkStatus();
  std::vector<Vector> keys;
  for (size_t k = 0; k < values.size(); ++k)
    keys.push_back(interner_.KeyColumn(k, values[k], 0, groups()));
  for (size_t a = 0; a < ordered_.size(); ++a) {
    for (const OrderedRows& rows : ordered_[a]) {
      HOGLET_RETURN_IF_ERROR(context_->CheckAlive());
      Batch batch{.columns = {}, .rows = rows.groups.size()};
      for (const Vector& key : keys)
        batch.columns.push_back(key.Gather(rows.groups.data(), rows.groups.size()));
      for (const Vector& column : rows.columns.columns) batch.columns.push_back(column);
      HOGLET_RETURN_IF_ERROR(spill->ordered[a]->Add(batch));
    }
  }
  return absl::OkStatus();
}

}  // namespace hoglet
