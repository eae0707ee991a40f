#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "query/analyze/logical_plan.h"
#include "query/exec/batch.h"
#include "query/exec/table_catalog.h"

// How a plan runs. Every Plan node becomes a Node, shared by the query's workers; a worker pulls
// batches through Operators of its own. Nodes that must see all their input first (aggregation,
// sort, join build, ...) do so in Prepare(), with as many workers as their input allows; the others
// stream.

namespace hoglet {

class ColumnNumbersCache;
class QuerySpill;

struct ExecContext {
  const TableCatalog* tables = nullptr;
  ColumnNumbersCache* numbers = nullptr;  // may be null
  EvalContext* eval = nullptr;
  int workers_max = 1;
  QuerySpill* spill = nullptr;  // null: what does not fit into the budget ends the query
};

// One worker's end of a node. One thread.
class Operator {
 public:
  virtual ~Operator() = default;
  // The next batch (never empty), or false at the end.
  virtual absl::StatusOr<bool> Next(Batch* out) = 0;
};

// Hands on rows that are all there already, kVectorRowsMax at a time. The rows outlive it.
class RowsOperator final : public Operator {
 public:
  explicit RowsOperator(const Batch& rows) : rows_(rows) {}
  absl::StatusOr<bool> Next(Batch* out) override;

 private:
  const Batch& rows_;
  size_t at_ = 0;
};

class Node {
 public:
  explicit Node(std::vector<Type> types) : types_(std::move(types)) {}
  virtual ~Node() = default;

  // Output column types.
  const std::vector<Type>& types() const { return types_; }

  // Called once, before MakeOperator, on the query's thread.
  virtual absl::Status Prepare(ExecContext& context) = 0;
  // An operator for one more worker; the operators of a node share its rows among them.
  virtual absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) = 0;
  // False where rows have an order, or a count, that several workers would break.
  virtual bool parallel() const = 0;
  // Rows to expect, roughly; decides whether more than one worker pays.
  virtual uint64_t RowsEstimate() const = 0;
  // Rows that are certain to come, where that is known without running: 0 otherwise.
  virtual uint64_t RowsAtLeast() const { return 0; }
  // All rows, where counting them costs less than passing them on; otherwise nothing. After
  // Prepare().
  virtual absl::StatusOr<std::optional<uint64_t>> CountRows() const { return std::nullopt; }

 private:
  std::vector<Type> types_;
};

// Builds the node of a plan and of everything below it. The plan must outlive the node.
absl::StatusOr<std::unique_ptr<Node>> BuildNode(const Plan& plan, ExecContext& context);

// Runs `work(worker, operator)` on as many threads as the node allows and returns the first error.
absl::Status RunWorkers(ExecContext& context, Node& node,
                        const std::function<absl::Status(int worker, Operator& input)>& work);
// The same, batch by batch until the node has no more or the query is cancelled.
absl::Status ForEachBatch(ExecContext& context, Node& node,
                          const std::function<absl::Status(int worker, Batch batch)>& work);
// The batches that one operator still has, on this thread.
absl::Status ForEachBatch(EvalContext& context, Operator& input,
                          const std::function<absl::Status(Batch batch)>& work);
// Work of any kind on several threads: work(0) runs on the calling thread, and so does, after it,
// what no thread is to be had for. So none may wait for another.
absl::Status RunOnThreads(size_t threads, const std::function<absl::Status(size_t thread)>& work);
int WorkersFor(const ExecContext& context, const Node& node);

// All rows of a prepared node, in its order.
absl::StatusOr<std::vector<Batch>> CollectBatches(ExecContext& context, Node& node,
                                                  MemoryCharge* charge);

std::vector<Type> OutputTypes(const Plan& plan);

// The makers, one a kind of node; see the .cpp files named.
using NodePtr = std::unique_ptr<Node>;
absl::StatusOr<NodePtr> MakeScanNode(const Plan& scan, const Plan* filter,
                                     ExecContext& context);  // scan_node.cpp
// A snapshot of the scan's table.
absl::StatusOr<std::unique_ptr<TableScan>> OpenTable(const Plan& scan,
                                                     ExecContext& context);  // scan_node.cpp
// A sort with a limit over a table, if late reading pays; otherwise null.
absl::StatusOr<NodePtr> MakeTopNScanNode(const Plan& sort,
                                         ExecContext& context);        // top_n_scan_node.cpp
NodePtr MakeValuesNode(const Plan& plan);                              // source_nodes.cpp
NodePtr MakeNumbersNode(const Plan& plan);                             // source_nodes.cpp
NodePtr MakeFilterNode(const Plan& plan, NodePtr input);               // stream_nodes.cpp
NodePtr MakeProjectNode(const Plan& plan, NodePtr input);              // stream_nodes.cpp
NodePtr MakeLimitNode(const Plan& plan, NodePtr input);                // stream_nodes.cpp
NodePtr MakeLimitByNode(const Plan& plan, NodePtr input);              // stream_nodes.cpp
NodePtr MakeArrayJoinNode(const Plan& plan, NodePtr input);            // stream_nodes.cpp
NodePtr MakeUnionNode(const Plan& plan, std::vector<NodePtr> inputs);  // set_nodes.cpp
NodePtr MakeSetOpNode(const Plan& plan, std::vector<NodePtr> inputs);  // set_nodes.cpp
NodePtr MakeDistinctNode(const Plan& plan, NodePtr input);             // distinct_node.cpp
NodePtr MakeAggregateNode(const Plan& plan, NodePtr input,
                          ColumnNumbersCache* numbers);               // aggregate_node.cpp
NodePtr MakeSortNode(const Plan& plan, NodePtr input);                // sort_node.cpp
NodePtr MakeJoinNode(const Plan& plan, NodePtr left, NodePtr right);  // join_node.cpp
NodePtr MakeWindowNode(const Plan& plan, NodePtr input);              // window_node.cpp

}  // namespace hoglet
