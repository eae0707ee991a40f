#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <utility>

#include "query/exec/granule_filter.h"
#include "query/exec/operator.h"
#include "query/exec/row_compare.h"
#include "src/base/strings.h"

// ORDER BY ... LIMIT n straight over a table: the first pass reads the sort keys alone and finds
// the n rows; only these are read in full. When the first key is the timestamp, granules are
// visited in the wanted order of time, and left out once they cannot beat the n rows found so far.

namespace hoglet {
namespace {

constexpr uint64_t kLateRowsMax = 10'000;

// A sort over [a projection over] [a filter over] a scan.
struct Shape {
  const Plan* sort = nullptr;
  const Plan* project = nullptr;
  const Plan* filter = nullptr;
  const Plan* scan = nullptr;
};

std::optional<Shape> ShapeOf(const Plan& sort) {
  Shape shape{.sort = &sort};
  const Plan* at = sort.inputs[0].get();
  if (at->kind == Plan::Kind::kProject) {
    shape.project = at;
    at = at->inputs[0].get();
  }
  if (at->kind == Plan::Kind::kFilter) {
    shape.filter = at;
    at = at->inputs[0].get();
  }
  if (at->kind != Plan::Kind::kScan) return std::nullopt;
  shape.scan = at;
  return shape;
}

// The scan column that the expression is, as it stands or in another zone.
std::optional<size_t> TimeColumn(const Shape& shape, size_t output) {
  const Expr* expr = nullptr;
  if (shape.project != nullptr) {
    expr = shape.project->expressions[output].get();
    if (expr->kind == Expr::Kind::kCall && expr->name == "toTimeZone")
      expr = expr->arguments[0].get();
    if (expr->kind != Expr::Kind::kColumn) return std::nullopt;
  }
  const size_t column = expr != nullptr ? expr->column : output;
  if (shape.scan->columns[column].name != "timestamp") return std::nullopt;
  return column;
}

class TopNScanNode final : public Node {
 public:
  TopNScanNode(const Shape& shape, std::unique_ptr<TableScan> table)
      : Node(OutputTypes(*shape.sort)),
        shape_(shape),
        filter_(*shape.scan, shape.filter),
        table_(std::move(table)) {
    if (shape.project != nullptr) {
      for (const ExprPtr& expr : shape.project->expressions) outputs_.emplace_back(*expr);
    }
    for (size_t k = 0; k < shape.sort->sort_keys.size(); ++k)
      key_order_.push_back({k, shape.sort->sort_keys[k].descending});
    OrderGranules();
  }

  absl::Status Prepare(ExecContext& context) override {
    const uint64_t useful = 1 + rows_ / (4 * kVectorRowsMax);
    const auto workers =
        static_cast<size_t>(std::min<uint64_t>(useful, static_cast<uint64_t>(context.workers_max)));
    std::vector<Candidates> found;
    for (size_t i = 0; i < workers; ++i) found.emplace_back(context.eval->memory);
    HOGLET_RETURN_IF_ERROR(
        RunOnThreads(workers, [&](size_t worker) { return Search(context, &found[worker]); }));
    std::vector<Batch> all;
    for (Candidates& candidates : found)
      std::move(candidates.batches.begin(), candidates.batches.end(), std::back_inserter(all));
    const Batch rows = ConcatBatches(all, KeyTypes());
    const std::vector<uint32_t> order = SortedRows(rows, key_order_, *shape_.sort->limit);
    return Fetch(
        context,
        rows.columns.empty() ? Vector() : rows.columns.back().Gather(order.data(), order.size()),
        order.size());
  }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext&) override {
    return std::make_unique<RowsOperator>(result_);
  }
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override { return result_.rows; }

 private:
  // Sort keys, then the place of the row (granule << 16 | row); cut to the best rows now and then.
  struct Candidates {
    explicit Candidates(MemoryBudget* budget) : charge(budget) {}
    std::vector<Batch> batches;
    uint64_t rows = 0;
    std::optional<int64_t> worst_time;  // of the n rows kept, once there are n
    MemoryCharge charge;
  };

  void OrderGranules() {
    granules_.resize(table_->granule_count());
    std::iota(granules_.begin(), granules_.end(), 0);
    for (size_t granule : granules_) rows_ += table_->granule_rows(granule);
    const SortKey& first = shape_.sort->sort_keys[0];
    by_time_ = TimeColumn(shape_, first.column).has_value();
    if (!by_time_) return;
    descending_ = first.descending;
    const auto best_time = [&](size_t granule) {
      const auto range = table_->granule_time(granule);
      if (!range.has_value()) return descending_ ? INT64_MAX : INT64_MIN;
      return descending_ ? range->max_us : range->min_us;
    };
    std::stable_sort(granules_.begin(), granules_.end(), [&](size_t a, size_t b) {
      return descending_ ? best_time(a) > best_time(b) : best_time(a) < best_time(b);
    });
  }

  std::vector<Type> KeyTypes() const {
    std::vector<Type> types;
    for (const SortKey& key : shape_.sort->sort_keys) types.push_back(this->types()[key.column]);
    types.emplace_back(TypeKind::kInt64);
    return types;
  }

  bool CannotBeat(size_t granule, const Candidates& candidates) const {
    if (!by_time_ || !candidates.worst_time.has_value()) return false;
    const auto range = table_->granule_time(granule);
    if (!range.has_value()) return false;
    return descending_ ? range->max_us < *candidates.worst_time
                       : range->min_us > *candidates.worst_time;
  }

  absl::Status Search(ExecContext& context, Candidates* candidates) {
    while (true) {
      const size_t at = next_.fetch_add(1, std::memory_order_relaxed);
      if (at >= granules_.size()) return absl::OkStatus();
      HOGLET_RETURN_IF_ERROR(context.eval->CheckAlive());
      if (CannotBeat(granules_[at], *candidates)) continue;
      HOGLET_RETURN_IF_ERROR(SearchGranule(context, granules_[at], candidates));
    }
  }

  absl::Status SearchGranule(ExecContext& context, size_t granule, Candidates* candidates) {
    HOGLET_ASSIGN_OR_RETURN(auto reader, table_->OpenGranule(granule));
    HOGLET_ASSIGN_OR_RETURN(GranuleRows rows,
                            filter_.Run(*context.eval, *reader, table_->granule_time(granule)));
    if (rows.count == 0) return absl::OkStatus();
    Batch keys{.columns = {}, .rows = rows.count};
    for (const SortKey& key : shape_.sort->sort_keys) {
      HOGLET_ASSIGN_OR_RETURN(Vector column, Output(context, *reader, key.column, &rows));
      keys.columns.push_back(std::move(column));
    }
    Vector places = Vector::Flat(Type(TypeKind::kInt64), rows.count);
    for (size_t i = 0; i < rows.count; ++i) {
      places.mutable_data<int64_t>()[i] =
          static_cast<int64_t>(granule << 16 | (rows.all ? i : rows.rows[i]));
    }
    keys.columns.push_back(std::move(places));
    return Offer(std::move(keys), candidates);
  }

  // Only the best rows of a granule can be among the best of all.
  absl::Status Offer(Batch keys, Candidates* candidates) {
    const uint64_t limit = *shape_.sort->limit;
    if (keys.rows > limit) keys = Best(keys, limit);
    candidates->rows += keys.rows;
    HOGLET_RETURN_IF_ERROR(candidates->charge.Add(keys.MemoryBytes()));
    candidates->batches.push_back(std::move(keys));
    if (candidates->rows < limit ||
        (candidates->batches.size() < 8 && candidates->worst_time.has_value()))
      return absl::OkStatus();
    Batch kept = Best(ConcatBatches(candidates->batches, KeyTypes()), limit);
    if (by_time_ && kept.rows == limit && limit > 0) candidates->worst_time = WorstTime(kept);
    candidates->rows = kept.rows;
    candidates->batches.clear();
    candidates->batches.push_back(std::move(kept));
    return absl::OkStatus();
  }

  Batch Best(const Batch& keys, uint64_t limit) const {
    const std::vector<uint32_t> order = SortedRows(keys, key_order_, limit);
    Batch out{.columns = {}, .rows = order.size()};
    for (const Vector& column : keys.columns)
      out.columns.push_back(column.Gather(order.data(), order.size()));
    return out;
  }

  static std::optional<int64_t> WorstTime(const Batch& sorted) {
    const Datum last = sorted.columns[0].Get(sorted.rows - 1);
    if (last.is_null()) return std::nullopt;
    return last.integer();
  }

  // One output column of the sort's input for the rows left of a granule.
  absl::StatusOr<Vector> Output(ExecContext& context, GranuleReader& reader, size_t output,
                                GranuleRows* rows) const {
    if (shape_.project == nullptr) {
      HOGLET_RETURN_IF_ERROR(filter_.Load(reader, output, rows));
      return rows->columns[output];
    }
    for (size_t column : outputs_[output].columns_used())
      HOGLET_RETURN_IF_ERROR(filter_.Load(reader, column, rows));
    return outputs_[output].Evaluate(*context.eval,
                                     Batch{.columns = rows->columns, .rows = rows->count});
  }

  // Reads the winners, granule by granule, and puts them back in order.
  absl::Status Fetch(ExecContext& context, const Vector& places, size_t count) {
    std::map<size_t, std::vector<std::pair<uint16_t, uint32_t>>>
        by_granule;  // row in granule, position in the result
    for (size_t i = 0; i < count; ++i) {
      const auto place = static_cast<uint64_t>(places.data<int64_t>()[i]);
      by_granule[place >> 16].emplace_back(static_cast<uint16_t>(place & 0xffff),
                                           static_cast<uint32_t>(i));
    }
    std::vector<Batch> pieces;
    std::vector<uint32_t> position(count);
    uint32_t fetched = 0;
    for (auto& [granule, wanted] : by_granule) {
      HOGLET_RETURN_IF_ERROR(context.eval->CheckAlive());
      std::sort(wanted.begin(), wanted.end());
      HOGLET_ASSIGN_OR_RETURN(auto reader, table_->OpenGranule(granule));
      GranuleRows rows;
      rows.all = false;
      rows.count = wanted.size();
      rows.columns.resize(shape_.scan->columns.size());
      rows.have.assign(shape_.scan->columns.size(), false);
      for (const auto& [row, at] : wanted) {
        rows.rows.push_back(row);
        position[at] = fetched++;
      }
      Batch piece{.columns = {}, .rows = wanted.size()};
      for (size_t output = 0; output < types().size(); ++output) {
        HOGLET_ASSIGN_OR_RETURN(Vector column, Output(context, *reader, output, &rows));
        piece.columns.push_back(std::move(column));
      }
      pieces.push_back(std::move(piece));
    }
    const Batch all = ConcatBatches(pieces, types());
    result_.rows = count;
    for (const Vector& column : all.columns)
      result_.columns.push_back(column.Gather(position.data(), count));
    charge_ = std::make_unique<MemoryCharge>(context.eval->memory);
    return charge_->Add(result_.MemoryBytes());
  }

  const Shape shape_;
  GranuleFilter filter_;
  std::unique_ptr<TableScan> table_;
  std::vector<CompiledExpression> outputs_;  // of the projection, if there is one
  std::vector<SortKey> key_order_;           // over the candidates' columns
  std::vector<size_t> granules_;             // in the order of the search
  uint64_t rows_ = 0;
  bool by_time_ = false;
  bool descending_ = false;
  std::atomic<size_t> next_{0};
  Batch result_;
  std::unique_ptr<MemoryCharge> charge_;
};

}  // namespace

absl::StatusOr<NodePtr> MakeTopNScanNode(const Plan& sort, ExecContext& context) {
  if (!sort.limit.has_value() || *sort.limit > kLateRowsMax || sort.sort_keys.empty())
    return NodePtr();
  const std::optional<Shape> shape = ShapeOf(sort);
  // Where the keys are all there is to read, a second pass has nothing to save.
  if (!shape.has_value() || sort.output.size() <= sort.sort_keys.size()) return NodePtr();
  HOGLET_ASSIGN_OR_RETURN(auto table, OpenTable(*shape->scan, context));
  return std::make_unique<TopNScanNode>(*shape, std::move(table));
}

}  // namespace hoglet
