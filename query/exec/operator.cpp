#include "query/exec/operator.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "query/exec/spill_rows.h"
#include "src/base/thread_pool.h"

namespace hoglet {
namespace {

// Below this many rows a second thread costs more than it brings.
constexpr uint64_t kRowsPerWorkerMin = 4 * kVectorRowsMax;

absl::StatusOr<NodePtr> BuildInner(const Plan& plan, ExecContext& context) {
  std::vector<NodePtr> inputs;
  for (const auto& input : plan.inputs) {
    HOGLET_ASSIGN_OR_RETURN(NodePtr node, BuildNode(*input, context));
    inputs.push_back(std::move(node));
  }
  switch (plan.kind) {
    case Plan::Kind::kFilter:
      return MakeFilterNode(plan, std::move(inputs[0]));
    case Plan::Kind::kProject:
      return MakeProjectNode(plan, std::move(inputs[0]));
    case Plan::Kind::kAggregate:
      return MakeAggregateNode(plan, std::move(inputs[0]), context.numbers);
    case Plan::Kind::kSort:
      return MakeSortNode(plan, std::move(inputs[0]));
    case Plan::Kind::kLimit:
      return MakeLimitNode(plan, std::move(inputs[0]));
    case Plan::Kind::kLimitBy:
      return MakeLimitByNode(plan, std::move(inputs[0]));
    case Plan::Kind::kDistinct:
      return MakeDistinctNode(plan, std::move(inputs[0]));
    case Plan::Kind::kJoin:
      return MakeJoinNode(plan, std::move(inputs[0]), std::move(inputs[1]));
    case Plan::Kind::kUnion:
      return MakeUnionNode(plan, std::move(inputs));
    case Plan::Kind::kSetOp:
      return MakeSetOpNode(plan, std::move(inputs));
    case Plan::Kind::kArrayJoin:
      return MakeArrayJoinNode(plan, std::move(inputs[0]));
    case Plan::Kind::kWindow:
      return MakeWindowNode(plan, std::move(inputs[0]));
    default:
      return absl::InternalError("a source node with inputs");
  }
}

}  // namespace

absl::StatusOr<bool> RowsOperator::Next(Batch* out) {
  const size_t count = std::min(kVectorRowsMax, rows_.rows - at_);
  if (count == 0) return false;
  *out = rows_.Slice(at_, count);
  at_ += count;
  return true;
}

std::vector<Type> OutputTypes(const Plan& plan) {
  std::vector<Type> types;
  for (const OutputColumn& column : plan.output) types.push_back(column.type);
  return types;
}

absl::StatusOr<NodePtr> BuildNode(const Plan& plan, ExecContext& context) {
  switch (plan.kind) {
    case Plan::Kind::kScan:
      return MakeScanNode(plan, nullptr, context);
    case Plan::Kind::kValues:
      return MakeValuesNode(plan);
    case Plan::Kind::kNumbers:
      return MakeNumbersNode(plan);
    case Plan::Kind::kFilter:
      // A filter right above a scan runs inside it, so that other columns are read for the
      // surviving rows only.
      if (plan.inputs[0]->kind == Plan::Kind::kScan)
        return MakeScanNode(*plan.inputs[0], &plan, context);
      return BuildInner(plan, context);
    case Plan::Kind::kSort: {
      HOGLET_ASSIGN_OR_RETURN(NodePtr late, MakeTopNScanNode(plan, context));
      return late != nullptr ? std::move(late) : BuildInner(plan, context);
    }
    default:
      return BuildInner(plan, context);
  }
}

int WorkersFor(const ExecContext& context, const Node& node) {
  if (!node.parallel() || context.workers_max <= 1) return 1;
  const uint64_t useful = 1 + node.RowsEstimate() / kRowsPerWorkerMin;
  return static_cast<int>(std::min<uint64_t>(useful, static_cast<uint64_t>(context.workers_max)));
}

absl::Status RunWorkers(ExecContext& context, Node& node,
                        const std::function<absl::Status(int, Operator&)>& work) {
  const int workers = WorkersFor(context, node);
  std::vector<std::unique_ptr<Operator>> operators;
  for (int i = 0; i < workers; ++i) {
    HOGLET_ASSIGN_OR_RETURN(auto made, node.MakeOperator(context));
    operators.push_back(std::move(made));
  }
  return RunOnThreads(static_cast<size_t>(workers),
                      [&](size_t i) { return work(static_cast<int>(i), *operators[i]); });
}

absl::Status ForEachBatch(ExecContext& context, Node& node,
                          const std::function<absl::Status(int worker, Batch batch)>& work) {
  return RunWorkers(context, node, [&](int worker, Operator& input) {
    return ForEachBatch(*context.eval, input,
                        [&](Batch batch) { return work(worker, std::move(batch)); });
  });
}

absl::Status ForEachBatch(EvalContext& context, Operator& input,
                          const std::function<absl::Status(Batch batch)>& work) {
  while (true) {
    HOGLET_RETURN_IF_ERROR(context.CheckAlive());
    Batch batch;
    HOGLET_ASSIGN_OR_RETURN(bool more, input.Next(&batch));
    if (!more) return absl::OkStatus();
    HOGLET_RETURN_IF_ERROR(work(std::move(batch)));
  }
}

absl::Status RunOnThreads(size_t count, const std::function<absl::Status(size_t)>& work) {
  std::vector<absl::Status> results(count);
  std::vector<std::thread> threads;
  size_t next = 1;
  for (; next < count; ++next) {
    absl::StatusOr<std::thread> thread = StartThread([&, i = next] { results[i] = work(i); });
    if (!thread.ok()) break;
    threads.push_back(*std::move(thread));
  }
  results[0] = work(0);
  // What got no thread is done here.
  for (; next < count; ++next) results[next] = work(next);
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : results) HOGLET_RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Batch>> CollectBatches(ExecContext& context, Node& node,
                                                  MemoryCharge* charge) {
  std::vector<HeldBatches> collected(static_cast<size_t>(context.workers_max));
  std::mutex mutex;
  HOGLET_RETURN_IF_ERROR(ForEachBatch(context, node, [&](int worker, Batch batch) -> absl::Status {
    const uint64_t bytes = collected[worker].Add(std::move(batch));
    std::lock_guard lock(mutex);
    return charge->Add(bytes);
  }));
  std::vector<Batch> all;
  for (HeldBatches& part : collected) {
    std::vector<Batch> batches = part.Take();
    std::move(batches.begin(), batches.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace hoglet
