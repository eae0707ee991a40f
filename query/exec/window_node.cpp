#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "query/exec/operator.h"
#include "query/exec/row_compare.h"
#include "src/base/strings.h"

// Window functions: all input is held, sorted once a window by partition and order, and each call
// yields one more column.

namespace hoglet {
namespace {

// Rows of one partition in window order, with peer groups (rows equal by the ORDER BY).
struct Partition {
  const uint32_t* rows;
  size_t count;
  std::vector<size_t> peer_begin;  // by position
  std::vector<size_t> peer_end;
  // For RANGE with offsets: the ORDER BY values of the rows that have one, ascending (negated for
  // DESC). Rows without, NULL or NaN, come after them.
  std::vector<long double> keys = {};
};

struct Frame {
  size_t begin;
  size_t end;
};

bool HasRangeOffset(const Plan::WindowCall& call) {
  return !call.rows_frame && (call.start.value_or(0) != 0 || call.end.value_or(0) != 0);
}

// RANGE: all rows whose ORDER BY value lies within the offsets of this row's.
Frame RangeFrameOf(const Plan::WindowCall& call, const Partition& partition, size_t position) {
  Frame frame{0, partition.count};
  const auto& keys = partition.keys;
  const bool by_value = position < keys.size();
  if (call.start.has_value()) {
    frame.begin = partition.peer_begin[position];
    if (by_value && *call.start != 0) {
      const auto first = std::lower_bound(keys.begin(), keys.end(),
                                          keys[position] + static_cast<long double>(*call.start));
      frame.begin = static_cast<size_t>(first - keys.begin());
    }
  }
  if (call.end.has_value()) {
    frame.end = partition.peer_end[position];
    if (by_value && *call.end != 0) {
      const auto last = std::upper_bound(keys.begin(), keys.end(),
                                         keys[position] + static_cast<long double>(*call.end));
      frame.end = static_cast<size_t>(last - keys.begin());
    }
  }
  frame.end = std::max(frame.begin, frame.end);
  return frame;
}

Frame FrameOf(const Plan::WindowCall& call, const Partition& partition, size_t position) {
  if (!call.rows_frame) return RangeFrameOf(call, partition, position);
  const auto clamp = [&](int64_t at) {
    return static_cast<size_t>(std::clamp<int64_t>(at, 0, static_cast<int64_t>(partition.count)));
  };
  Frame frame{0, partition.count};
  const auto here = static_cast<int64_t>(position);
  if (call.start.has_value()) frame.begin = clamp(here + *call.start);
  if (call.end.has_value()) frame.end = clamp(here + *call.end + 1);
  frame.end = std::max(frame.begin, frame.end);
  return frame;
}

// Rows fed to aggregates, or held by their results, between two looks at the clock and the budget.
constexpr size_t kRowsUntilCheck = 1 << 16;

class WindowComputer {
 public:
  WindowComputer(EvalContext& context, const Batch& rows, const Plan::WindowCall& call)
      : context_(context), rows_(rows), call_(call), charge_(context.memory) {
    const Physical physical = call.type.physical();
    grows_ = physical == Physical::kString || physical == Physical::kArray ||
             physical == Physical::kTuple;
  }

  absl::StatusOr<Vector> Run() {
    std::vector<SortKey> keys;
    for (size_t column : call_.partition_by) keys.push_back({column, false});
    const std::vector<SortKey> partition_keys = keys;
    keys.insert(keys.end(), call_.order_by.begin(), call_.order_by.end());
    if (HasRangeOffset(call_)) HOGLET_RETURN_IF_ERROR(CheckRangeKey());
    const std::vector<uint32_t> order = SortedRows(rows_, keys);
    VectorBuilder builder(call_.type);
    for (size_t begin = 0; begin < order.size();) {
      size_t end = begin + 1;
      while (end < order.size() &&
             CompareRows(rows_, order[begin], rows_, order[end], partition_keys) == 0)
        ++end;
      HOGLET_RETURN_IF_ERROR(context_.CheckAlive());
      HOGLET_RETURN_IF_ERROR(
          RunPartition(MakePartition(order.data() + begin, end - begin), &builder));
      begin = end;
    }
    // Values are in window order; put them back beside their rows.
    std::vector<uint32_t> place(order.size());
    for (size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<uint32_t>(i);
    parts_.push_back(builder.Build());
    const Vector values = Vector::Concat(parts_);
    parts_.clear();
    return values.Gather(place.data(), place.size());
  }

 private:
  Partition MakePartition(const uint32_t* rows, size_t count) const {
    Partition out{rows, count, std::vector<size_t>(count), std::vector<size_t>(count)};
    for (size_t begin = 0; begin < count;) {
      size_t end = begin + 1;
      while (end < count && CompareRows(rows_, rows[begin], rows_, rows[end], call_.order_by) == 0)
        ++end;
      std::fill(out.peer_begin.begin() + static_cast<std::ptrdiff_t>(begin),
                out.peer_begin.begin() + static_cast<std::ptrdiff_t>(end), begin);
      std::fill(out.peer_end.begin() + static_cast<std::ptrdiff_t>(begin),
                out.peer_end.begin() + static_cast<std::ptrdiff_t>(end), end);
      begin = end;
    }
    if (HasRangeOffset(call_)) out.keys = RangeKeys(rows, count);
    return out;
  }

  // An offset is added to numbers, to days of a Date and to seconds of a DateTime.
  absl::Status CheckRangeKey() const {
    if (call_.order_by.size() != 1) {
      return WithErrorCode(
          absl::InvalidArgumentError(StrCat("The RANGE OFFSET window frame requires exactly one "
                                            "ORDER BY column, ",
                                            call_.order_by.size(), " given")),
          "bad_arguments");
    }
    const Type& type = rows_.columns[call_.order_by[0].column].type();
    const bool fits = type.IsFloat() || type.physical() == Physical::kU8 ||
                      (type.physical() == Physical::kI64 &&
                       (type.IsInteger() || type.kind() == TypeKind::kDate ||
                        type.kind() == TypeKind::kDate32 || type.kind() == TypeKind::kDateTime));
    if (fits) return absl::OkStatus();
    return WithErrorCode(
        absl::UnimplementedError(StrCat("The RANGE OFFSET frame for '", type.Name(),
                                        "' ORDER BY column is not implemented")),
        "not_implemented");
  }

  std::vector<long double> RangeKeys(const uint32_t* rows, size_t count) const {
    const SortKey& sort = call_.order_by[0];
    const Vector& column = rows_.columns[sort.column];
    std::vector<long double> keys;
    for (size_t i = 0; i < count; ++i) {
      const Datum value = column.Get(rows[i]);
      if (value.is_null()) break;
      long double key = 0;
      if (std::holds_alternative<double>(value.value)) {
        key = value.number();
      } else if (column.type().kind() == TypeKind::kUInt64) {
        key = static_cast<long double>(static_cast<uint64_t>(value.integer()));
      } else {
        key = static_cast<long double>(value.integer());
      }
      if (std::isnan(key)) break;
      keys.push_back(sort.descending ? -key : key);
    }
    return keys;
  }

  const Vector& Argument(size_t i) const { return rows_.columns[call_.aggregate.arguments[i]]; }

  absl::Status RunPartition(const Partition& partition, VectorBuilder* out) {
    if (call_.aggregate.function != nullptr) return RunAggregate(partition, out);
    const std::string& name = call_.function_name;
    if (name == "row_number" || name == "rank" || name == "dense_rank")
      return RunRank(partition, out);
    if (name == "ntile") return RunTiles(partition, out);
    if (name == "percent_rank" || name == "cume_dist")
      return RunShare(partition, name == "cume_dist", out);
    if (name == "lagInFrame" || name == "leadInFrame")
      return RunShift(partition, name == "lagInFrame", out);
    if (name == "first_value" || name == "last_value")
      return RunEnd(partition, name == "last_value", out);
    if (name == "nth_value") return RunNth(partition, out);
    return absl::UnimplementedError(StrCat("window function '", name, "' is not supported"));
  }

  absl::Status RunRank(const Partition& partition, VectorBuilder* out) {
    int64_t dense = 0;
    for (size_t i = 0; i < partition.count; ++i) {
      if (partition.peer_begin[i] == i) ++dense;
      out->AppendInteger(call_.function_name == "row_number" ? static_cast<int64_t>(i + 1)
                         : call_.function_name == "rank"
                             ? static_cast<int64_t>(partition.peer_begin[i] + 1)
                             : dense);
    }
    return absl::OkStatus();
  }

  absl::Status RunTiles(const Partition& partition, VectorBuilder* out) {
    for (size_t i = 0; i < partition.count; ++i) {
      const Datum tiles = Argument(0).Get(partition.rows[i]);
      if (tiles.is_null() || tiles.integer() < 1)
        return absl::InvalidArgumentError("ntile needs a positive number of tiles");
      // The first `larger` tiles have one row more than the others.
      const auto count = static_cast<size_t>(tiles.integer());
      const size_t size = partition.count / count;
      const size_t larger = partition.count % count;
      const size_t in_larger = larger * (size + 1);
      out->AppendInteger(static_cast<int64_t>(
          1 + (i < in_larger ? i / (size + 1) : larger + (i - in_larger) / size)));
    }
    return absl::OkStatus();
  }

  absl::Status RunShare(const Partition& partition, bool cumulative, VectorBuilder* out) {
    const auto count = static_cast<double>(partition.count);
    for (size_t i = 0; i < partition.count; ++i) {
      if (cumulative) {
        out->AppendDouble(static_cast<double>(partition.peer_end[i]) / count);
      } else {
        out->AppendDouble(
            partition.count > 1 ? static_cast<double>(partition.peer_begin[i]) / (count - 1) : 0);
      }
    }
    return absl::OkStatus();
  }

  absl::Status RunShift(const Partition& partition, bool lag, VectorBuilder* out) {
    const auto& arguments = call_.aggregate.arguments;
    for (size_t i = 0; i < partition.count; ++i) {
      const Frame frame = FrameOf(call_, partition, i);
      int64_t offset = 1;
      if (arguments.size() > 1) {
        const Datum value = Argument(1).Get(partition.rows[i]);
        if (value.is_null() || value.integer() < 0)
          return absl::InvalidArgumentError("the offset of lag/lead must not be negative");
        offset = value.integer();
      }
      const int64_t at = lag ? static_cast<int64_t>(i) - offset : static_cast<int64_t>(i) + offset;
      if (at >= static_cast<int64_t>(frame.begin) && at < static_cast<int64_t>(frame.end)) {
        out->AppendFrom(Argument(0), partition.rows[at]);
      } else if (arguments.size() > 2) {
        out->AppendFrom(Argument(2), partition.rows[i]);
      } else {
        out->Append(Datum());
      }
    }
    return absl::OkStatus();
  }

  // first_value and last_value skip NULLs, as aggregates do. Of each row of the partition: the
  // nearest row from it on (or, for the last value, up to it) that is not NULL; -1 or the number of
  // rows where there is none.
  std::vector<int64_t> NearestValid(const Partition& partition, bool last) const {
    const auto count = static_cast<int64_t>(partition.count);
    std::vector<int64_t> nearest(partition.count);
    int64_t valid = last ? -1 : count;
    for (int64_t step = 0; step < count; ++step) {
      const int64_t i = last ? step : count - 1 - step;
      if (!Argument(0).IsNull(partition.rows[i])) valid = i;
      nearest[static_cast<size_t>(i)] = valid;
    }
    return nearest;
  }

  absl::Status RunEnd(const Partition& partition, bool last, VectorBuilder* out) {
    const std::vector<int64_t> nearest = NearestValid(partition, last);
    for (size_t i = 0; i < partition.count; ++i) {
      const Frame frame = FrameOf(call_, partition, i);
      const bool empty = frame.begin >= frame.end;
      const int64_t at = empty ? -1 : nearest[last ? frame.end - 1 : frame.begin];
      if (at >= static_cast<int64_t>(frame.begin) && at < static_cast<int64_t>(frame.end)) {
        out->AppendFrom(Argument(0), partition.rows[at]);
      } else {
        out->Append(Datum());
      }
    }
    return absl::OkStatus();
  }

  absl::Status RunNth(const Partition& partition, VectorBuilder* out) {
    for (size_t i = 0; i < partition.count; ++i) {
      const Frame frame = FrameOf(call_, partition, i);
      const Datum n = Argument(1).Get(partition.rows[i]);
      if (n.is_null() || n.integer() < 1)
        return absl::InvalidArgumentError("nth_value counts from one");
      const int64_t at = static_cast<int64_t>(frame.begin) + n.integer() - 1;
      if (at >= static_cast<int64_t>(frame.begin) && at < static_cast<int64_t>(frame.end)) {
        out->AppendFrom(Argument(0), partition.rows[at]);
      } else {
        out->Append(Datum());
      }
    }
    return absl::OkStatus();
  }

  absl::Status Feed(const Partition& partition, size_t begin, size_t end, char* state) {
    std::vector<Vector> arguments;
    for (size_t i = 0; i < call_.aggregate.arguments.size(); ++i) {
      arguments.push_back(Argument(i).Gather(partition.rows + begin, end - begin));
    }
    return call_.aggregate.function->UpdateAll(context_, state, arguments, end - begin);
  }

  // `rows` more were worked on. Results of any size (arrays, strings) are set aside and charged.
  absl::Status Worked(size_t rows, VectorBuilder* out) {
    unchecked_rows_ += rows;
    if (unchecked_rows_ < kRowsUntilCheck) return absl::OkStatus();
    unchecked_rows_ = 0;
    HOGLET_RETURN_IF_ERROR(context_.CheckAlive());
    if (!grows_) return absl::OkStatus();
    parts_.push_back(out->Build());
    // Twice: the parts are put together, and then in order.
    return charge_.Add(2 * parts_.back().MemoryBytes());
  }

  // Frames that only grow keep one state; others are computed afresh for each row.
  absl::Status RunAggregate(const Partition& partition, VectorBuilder* out) {
    const AggregateFunction& function = *call_.aggregate.function;
    const std::unique_ptr<char[]> memory(new char[function.state_bytes() + 16]);
    char* state = memory.get() + (16 - reinterpret_cast<uintptr_t>(memory.get()) % 16) % 16;
    const bool growing = !call_.start.has_value();
    function.Create(state);
    size_t fed = 0;
    absl::Status status;
    for (size_t i = 0; i < partition.count && status.ok(); ++i) {
      const Frame frame = FrameOf(call_, partition, i);
      if (!growing) {
        function.Destroy(state);
        function.Create(state);
        fed = frame.begin;
      }
      if (frame.end > fed) status = Feed(partition, fed, frame.end, state);
      fed = std::max(fed, frame.end);
      if (status.ok()) status = function.Finalize(state, out);
      if (status.ok()) status = Worked(growing && !grows_ ? 1 : frame.end - frame.begin + 1, out);
    }
    function.Destroy(state);
    return status;
  }

  EvalContext& context_;
  const Batch& rows_;
  const Plan::WindowCall& call_;
  MemoryCharge charge_;
  bool grows_;  // whether a result is of any size
  std::vector<Vector> parts_;
  size_t unchecked_rows_ = 0;
};

class WindowNode final : public Node {
 public:
  WindowNode(const Plan& plan, NodePtr input)
      : Node(OutputTypes(plan)), plan_(plan), input_(std::move(input)) {}

  absl::Status Prepare(ExecContext& context) override {
    HOGLET_RETURN_IF_ERROR(input_->Prepare(context));
    charge_ = std::make_unique<MemoryCharge>(context.eval->memory);
    HOGLET_ASSIGN_OR_RETURN(std::vector<Batch> batches,
                            CollectBatches(context, *input_, charge_.get()));
    const Batch in = ConcatBatches(batches, input_->types());
    rows_ = in;
    for (const Plan::WindowCall& call : plan_.windows) {
      HOGLET_ASSIGN_OR_RETURN(Vector column, WindowComputer(*context.eval, in, call).Run());
      HOGLET_RETURN_IF_ERROR(charge_->Add(column.MemoryBytes()));
      rows_.columns.push_back(std::move(column));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext&) override {
    return std::make_unique<RowsOperator>(rows_);
  }
  bool parallel() const override { return false; }
  uint64_t RowsEstimate() const override { return rows_.rows; }

 private:
  const Plan& plan_;
  NodePtr input_;
  Batch rows_;
  std::unique_ptr<MemoryCharge> charge_;
};

}  // namespace

NodePtr MakeWindowNode(const Plan& plan, NodePtr input) {
  return std::make_unique<WindowNode>(plan, std::move(input));
}

}  // namespace hoglet
