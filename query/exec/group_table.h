#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "query/exec/column_numbers.h"
#include "query/exec/interner.h"
#include "query/exec/operator.h"
#include "query/exec/spill_rows.h"

// The groups of a GROUP BY in memory: keys become dense group numbers (interner.h), so a group's
// states are found by indexing. A table that outgrows its share is written out (GroupSpill) and
// begun anew; what was written is read back into another table, a partition of the groups at a
// time.

namespace hoglet {

// Where the state of each aggregate lies inside a group's row.
struct StateLayout {
  explicit StateLayout(const std::vector<AggregateCall>& calls);

  const std::vector<AggregateCall>& calls;
  std::vector<size_t> offsets;
  size_t row_bytes = 0;
};

// The state rows of all groups of one table, in chunks that never move.
class StateRows {
 public:
  explicit StateRows(const StateLayout& layout) : layout_(layout) {}
  ~StateRows();
  StateRows(const StateRows&) = delete;
  StateRows& operator=(const StateRows&) = delete;

  void GrowTo(size_t groups);
  size_t size() const { return size_; }
  char* row(size_t group) const {
    return chunks_[group / kStatesPerChunk].get() + group % kStatesPerChunk * layout_.row_bytes;
  }
  char* state(size_t group, size_t aggregate) const {
    return row(group) + layout_.offsets[aggregate];
  }
  size_t MemoryBytes() const { return chunks_.size() * layout_.row_bytes * kStatesPerChunk; }

 private:
  static constexpr size_t kStatesPerChunk = 1024;
  struct Free {
    void operator()(char* memory) const;
  };
  const StateLayout& layout_;
  std::vector<std::unique_ptr<char, Free>> chunks_;
  size_t size_ = 0;
};

// What a GroupTable is made for.
struct GroupShape {
  // `numbers`: of stored columns, of which values need not be looked at; may be null.
  GroupShape(const Plan& plan, const std::vector<Type>& input_types, ColumnNumbersCache* numbers);
  GroupShape(const GroupShape&) = delete;
  GroupShape& operator=(const GroupShape&) = delete;

  const Plan& plan;
  const std::vector<AggregateCall> calls;
  StateLayout layout;           // of the calls
  std::vector<Type> key_types;  // the number of the grouping set, if there are any, comes last
  // Columns of what is written out: keys, then the states of the aggregates that have one while
  // rows come in; and for each aggregate that wants its rows in an order: keys, arguments, order.
  std::vector<Type> group_types;
  std::vector<std::vector<Type>> ordered_types;  // by aggregate
  // Without keys there is but one group, which writing out would not make smaller.
  bool can_spill() const { return !key_types.empty(); }
};

// Where the groups of one worker's tables go. One thread.
class GroupSpill {
 public:
  GroupSpill(const GroupShape& shape, const std::shared_ptr<SpillFile>& file, int level,
             size_t block_bytes);

  SpillPartitions groups;
  std::vector<std::unique_ptr<SpillPartitions>> ordered;  // by aggregate; null: none
};

// One worker's groups. One thread.
class GroupTable {
 public:
  // `share_bytes`: when it would hold more, wants_spill() becomes true.
  GroupTable(const GroupShape& shape, EvalContext* context, uint64_t share_bytes);

  void UseNumbers(size_t key, std::shared_ptr<ColumnNumbers> numbers) {
    interner_.UseNumbers(key, std::move(numbers));
  }
  absl::Status Add(const Batch& batch);
  // Groups, or rows of ordered aggregates, that another table has written out.
  absl::Status AddSpilledGroups(const Batch& batch);
  absl::Status AddSpilledRows(size_t aggregate, Batch batch);

  // The caller should write the table out, or else take a refusal with the next batch.
  bool wants_spill() const { return wants_spill_; }
  absl::Status SpillTo(GroupSpill* spill) const;

  // `threads` may be used.
  absl::Status MergeFrom(const GroupTable& other, size_t threads);

  // For a query without keys: the one group exists even if no row came.
  void EnsureOneGroup();
  // Feeds aggregates that want their rows in an order, once all rows are here.
  absl::Status FinishOrdered();

  // Of `count` groups.
  absl::StatusOr<Vector> Results(size_t aggregate, size_t begin, size_t count) const;
  // Results of so many groups make a batch of a bearable size.
  size_t GroupsPerBatch() const;
  const RowInterner& interner() const { return interner_; }
  size_t groups() const { return states_.size(); }
  uint64_t bytes() const;

 private:
  struct OrderedRows {
    std::vector<uint32_t> groups;
    Batch columns;  // arguments, then order keys
  };

  size_t RowsAtOnce(const Batch& batch) const;
  absl::Status AddRows(const Batch& batch);
  absl::Status AddSet(const Batch& batch, const std::vector<size_t>* set, size_t set_number);
  // `groups`: of the rows; null if there is but one.
  absl::Status UpdateAggregate(size_t a, const Batch& batch, const uint32_t* groups);
  // Where the groups of the batch lie; fetches them into the cache meanwhile.
  void FindRows(size_t rows);
  absl::Status UpdateByRuns(size_t a, const uint32_t* groups, size_t rows);
  void KeepOrdered(size_t a, OrderedRows rows);
  // The heap behind the states, by walking all of them.
  void Measure();
  // Charges what has grown; `rows` have come since the last time.
  absl::Status Account(size_t rows);

  const GroupShape& shape_;
  const Plan& plan_;
  const StateLayout& layout_;
  EvalContext* const context_;
  const uint64_t share_bytes_;
  RowInterner interner_;
  StateRows states_;
  MemoryCharge charge_;
  std::vector<std::vector<OrderedRows>> ordered_;  // by aggregate
  uint64_t ordered_bytes_ = 0;
  bool has_heap_ = false;          // some states hold memory of their own
  uint64_t heap_bytes_ = 0;        // when it was last measured
  uint64_t unmeasured_bytes_ = 0;  // what it may have grown by since
  uint64_t unmeasured_rows_ = 0;
  bool wants_spill_ = false;
  std::vector<uint32_t> groups_;
  std::vector<char*> rows_;  // of the groups; empty until asked for
  std::vector<char*> pointers_;
};

}  // namespace hoglet
