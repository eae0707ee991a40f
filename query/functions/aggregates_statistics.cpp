#include <algorithm>
#include <cmath>
#include <limits>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"
#include "query/functions/wrapping.h"

// Moments of one column and of two: variance, skewness, kurtosis, covariance, regression; weighted
// means.

namespace hoglet::fn {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Mean and sum of squared differences, by Welford's recurrence; merged by Chan's formula.
struct Moments {
  uint64_t count = 0;
  double mean = 0;
  double m2 = 0;
};

struct Spread {
  bool sample;
  bool root;
  using State = Moments;
  using Columns = DoubleColumn;
  void Add(State& state, const Columns& columns, size_t row) const {
    const double value = columns.values.at(row);
    ++state.count;
    const double difference = value - state.mean;
    state.mean += difference / static_cast<double>(state.count);
    state.m2 += difference * (value - state.mean);
  }
  void Merge(State& into, const State& from) const {
    if (from.count == 0) return;
    const auto a = static_cast<double>(into.count);
    const auto b = static_cast<double>(from.count);
    const double difference = from.mean - into.mean;
    into.m2 += from.m2 + difference * difference * a * b / (a + b);
    into.mean += difference * b / (a + b);
    into.count += from.count;
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    const double divisor = static_cast<double>(state.count) - (sample ? 1 : 0);
    const double variance = divisor > 0 ? std::max(0.0, state.m2) / divisor : kNan;
    out->AppendDouble(root ? std::sqrt(variance) : variance);
  }
};

template <bool kSample, bool kRoot>
absl::StatusOr<BoundAggregate> BindSpread(const AggregateCallInfo& call) {
  if (!call.types[0].IsNumber()) return IllegalAggregateArgument(call.name, call.types[0]);
  return MakeAggregate(Spread{kSample, kRoot}, Type(TypeKind::kFloat64));
}

struct PairMoments {
  uint64_t count = 0;
  double mean_x = 0;
  double mean_y = 0;
  double m2_x = 0;
  double m2_y = 0;
  double co = 0;
};

enum class PairResult { kCovarPop, kCovarSamp, kCorr };

struct PairSpread {
  PairResult result;
  using State = PairMoments;
  using Columns = DoublePair;
  void Add(State& state, const Columns& columns, size_t row) const {
    const double x = columns.x.at(row);
    const double y = columns.y.at(row);
    ++state.count;
    const auto n = static_cast<double>(state.count);
    const double dx = x - state.mean_x;
    const double dy = y - state.mean_y;
    state.mean_x += dx / n;
    state.mean_y += dy / n;
    state.m2_x += dx * (x - state.mean_x);
    state.m2_y += dy * (y - state.mean_y);
    state.co += dx * (y - state.mean_y);
  }
  void Merge(State& into, const State& from) const {
    if (from.count == 0) return;
    const auto a = static_cast<double>(into.count);
    const auto b = static_cast<double>(from.count);
    const double dx = from.mean_x - into.mean_x;
    const double dy = from.mean_y - into.mean_y;
    const double weight = a * b / (a + b);
    into.m2_x += from.m2_x + dx * dx * weight;
    into.m2_y += from.m2_y + dy * dy * weight;
    into.co += from.co + dx * dy * weight;
    into.mean_x += dx * b / (a + b);
    into.mean_y += dy * b / (a + b);
    into.count += from.count;
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    const auto n = static_cast<double>(state.count);
    switch (result) {
      case PairResult::kCovarPop:
        return out->AppendDouble(n > 0 ? state.co / n : kNan);
      case PairResult::kCovarSamp:
        return out->AppendDouble(n > 1 ? state.co / (n - 1) : kNan);
      case PairResult::kCorr:
        return out->AppendDouble(n > 0 ? state.co / std::sqrt(state.m2_x * state.m2_y) : kNan);
    }
  }
};

template <PairResult kResult>
absl::StatusOr<BoundAggregate> BindPair(const AggregateCallInfo& call) {
  for (const Type& type : call.types) {
    if (!type.IsNumber()) return IllegalAggregateArgument(call.name, type);
  }
  return MakeAggregate(PairSpread{kResult}, Type(TypeKind::kFloat64));
}

// The sums behind skewness and kurtosis: of the powers of the distance to the mean, kept as rows
// come and merged by Pebay's formulas.
struct HigherMoments {
  double count = 0;
  double mean = 0;
  double m2 = 0;
  double m3 = 0;
  double m4 = 0;
};

struct Shape {
  bool fourth;
  bool sample;
  using State = HigherMoments;
  using Columns = DoubleColumn;
  void Add(State& state, const Columns& columns, size_t row) const {
    Merge(state, {1, columns.values.at(row), 0, 0, 0});
  }
  void Merge(State& into, const State& from) const {
    if (from.count == 0) return;
    const double a = into.count;
    const double b = from.count;
    const double n = a + b;
    const double d = from.mean - into.mean;
    const double share = d / n;
    const double m2 = into.m2 + from.m2 + d * share * a * b;
    const double m3 = into.m3 + from.m3 + d * share * share * a * b * (a - b) +
                      3 * share * (a * from.m2 - b * into.m2);
    const double m4 = into.m4 + from.m4 +
                      d * share * share * share * a * b * (a * a - a * b + b * b) +
                      6 * share * share * (a * a * from.m2 + b * b * into.m2) +
                      4 * share * (a * from.m3 - b * into.m3);
    into = {n, into.mean + share * b, m2, m3, m4};
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    const double divisor = state.count - (sample ? 1 : 0);
    if (state.count == 0 || divisor <= 0) return out->AppendDouble(kNan);
    const double variance = state.m2 / divisor;
    out->AppendDouble(fourth ? state.m4 / state.count / (variance * variance)
                             : state.m3 / state.count / std::pow(variance, 1.5));
  }
};

template <bool kFourth, bool kSample>
absl::StatusOr<BoundAggregate> BindShape(const AggregateCallInfo& call) {
  if (!call.types[0].IsNumber()) return IllegalAggregateArgument(call.name, call.types[0]);
  return MakeAggregate(Shape{kFourth, kSample}, Type(TypeKind::kFloat64));
}

// simpleLinearRegression: the line through (x, y) with the least squares.
struct Regression {
  struct State {
    double count = 0;
    double x = 0;
    double y = 0;
    double xx = 0;
    double xy = 0;
  };
  using Columns = DoublePair;
  void Add(State& state, const Columns& columns, size_t row) const {
    const double x = columns.x.at(row);
    const double y = columns.y.at(row);
    Merge(state, {1, x, y, x * x, x * y});
  }
  void Merge(State& into, const State& from) const {
    into.count += from.count;
    into.x += from.x;
    into.y += from.y;
    into.xx += from.xx;
    into.xy += from.xy;
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    const double divisor = state.count * state.xx - state.x * state.x;
    const double k = divisor == 0 ? kNan : (state.count * state.xy - state.x * state.y) / divisor;
    out->child(0).AppendDouble(k);
    out->child(1).AppendDouble(state.count == 0 ? kNan : (state.y - k * state.x) / state.count);
    out->CloseTuple();
  }
};

absl::Status ExpectNumbers(const AggregateCallInfo& call) {
  for (const Type& type : call.types) {
    if (!type.IsNumber()) return IllegalAggregateArgument(call.name, type);
  }
  return absl::OkStatus();
}

absl::StatusOr<BoundAggregate> BindRegression(const AggregateCallInfo& call) {
  HOGLET_RETURN_IF_ERROR(ExpectNumbers(call));
  const Type number(TypeKind::kFloat64);
  return MakeAggregate(Regression(), Type::Tuple({number, number}, {"k", "b"}));
}

// With integer weights the values are cut to integers too, as ClickHouse does it.
template <typename T>
struct WeightedAverage {
  struct State {
    T sum{};
    T weight{};
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : values(arguments[0]), weights(arguments[1]) {}
    DoubleReader values;
    DoubleReader weights;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    if constexpr (std::is_same_v<T, double>) {
      const double weight = columns.weights.at(row);
      Merge(state, {columns.values.at(row) * weight, weight});
    } else {
      const auto weight = static_cast<uint64_t>(CutToInt64(columns.weights.at(row)));
      const auto value = static_cast<uint64_t>(CutToInt64(columns.values.at(row)));
      Merge(state, {static_cast<T>(value * weight), static_cast<T>(weight)});
    }
  }
  void Merge(State& into, const State& from) const {
    into.sum = WrappingAdd(into.sum, from.sum);
    into.weight = WrappingAdd(into.weight, from.weight);
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    out->AppendDouble(static_cast<double>(state.sum) / static_cast<double>(state.weight));
  }
};

absl::StatusOr<BoundAggregate> BindWeightedAverage(const AggregateCallInfo& call) {
  HOGLET_RETURN_IF_ERROR(ExpectNumbers(call));
  const auto narrow = [](const Type& type) { return type.physical() != Physical::kI128; };
  const bool whole = (call.types[1].IsInteger() || call.types[1].kind() == TypeKind::kBool) &&
                     call.types[0].kind() != TypeKind::kDecimal && narrow(call.types[0]) &&
                     narrow(call.types[1]);
  const Type result(TypeKind::kFloat64);
  if (whole) return MakeAggregate(WeightedAverage<int64_t>(), result);
  return MakeAggregate(WeightedAverage<double>(), result);
}

constexpr AggregateEntry kEntries[] = {
    {"stddevPop", 1, 1, BindSpread<false, true>, true},
    {"stddevPopStable", 1, 1, BindSpread<false, true>, true},
    {"stddevSamp", 1, 1, BindSpread<true, true>, true},
    {"stddevSampStable", 1, 1, BindSpread<true, true>, true},
    {"varPop", 1, 1, BindSpread<false, false>, true},
    {"varPopStable", 1, 1, BindSpread<false, false>, true},
    {"varSamp", 1, 1, BindSpread<true, false>, true},
    {"varSampStable", 1, 1, BindSpread<true, false>, true},
    {"skewPop", 1, 1, BindShape<false, false>, true},
    {"skewSamp", 1, 1, BindShape<false, true>, true},
    {"kurtPop", 1, 1, BindShape<true, false>, true},
    {"kurtSamp", 1, 1, BindShape<true, true>, true},
    {"covarPop", 2, 2, BindPair<PairResult::kCovarPop>, true},
    {"covarPopStable", 2, 2, BindPair<PairResult::kCovarPop>, true},
    {"covarSamp", 2, 2, BindPair<PairResult::kCovarSamp>, true},
    {"covarSampStable", 2, 2, BindPair<PairResult::kCovarSamp>, true},
    {"corr", 2, 2, BindPair<PairResult::kCorr>, true},
    {"corrStable", 2, 2, BindPair<PairResult::kCorr>, true},
    {"simpleLinearRegression", 2, 2, BindRegression, true},
    {"avgWeighted", 2, 2, BindWeightedAverage, true},
};

}  // namespace

std::span<const AggregateEntry> StatisticAggregates() { return kEntries; }

}  // namespace hoglet::fn
