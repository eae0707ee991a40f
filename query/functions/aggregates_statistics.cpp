#include <algorithm>
#include <cmath>
#include <limits>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"

// Quantiles, variance, covariance.

namespace hoglet::fn {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Values kept for a quantile. `quantile` keeps a sample of kReservoirMax; the exact forms keep all.
constexpr size_t kReservoirMax = 8192;

struct Sample {
  std::vector<double> values;
  uint64_t seen = 0;
  uint64_t random = 0x2545f4914f6cdd1dULL;  // the same on every run, so results repeat
};

enum class QuantileKind { kSampled, kExact, kExactInterpolated };

struct Quantile {
  QuantileKind kind;
  std::vector<double> levels;
  bool many;        // an array of results
  bool is_integer;  // result keeps the argument's integer form (exact kinds, and dates and times)

  using State = Sample;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(arguments[0]) {}
    DoubleReader values;
  };

  void Add(State& state, const Columns& columns, size_t row) const {
    Offer(state, columns.values.at(row));
  }
  void Offer(State& state, double value) const {
    if (std::isnan(value)) return;
    ++state.seen;
    if (kind != QuantileKind::kSampled || state.values.size() < kReservoirMax) {
      state.values.push_back(value);
      return;
    }
    // Reservoir sampling (Vitter's algorithm R).
    state.random ^= state.random << 13;
    state.random ^= state.random >> 7;
    state.random ^= state.random << 17;
    const uint64_t slot = state.random % state.seen;
    if (slot < kReservoirMax) state.values[slot] = value;
  }
  void Merge(State& into, const State& from) const {
    if (kind != QuantileKind::kSampled || into.seen + from.seen <= kReservoirMax) {
      into.values.insert(into.values.end(), from.values.begin(), from.values.end());
      into.seen += from.seen;
      return;
    }
    // Each sample stands for its whole input: take from both in proportion.
    std::vector<double> mixed;
    const double share =
        static_cast<double>(into.seen) / static_cast<double>(into.seen + from.seen);
    const auto take = [&](const std::vector<double>& values, double fraction) {
      const size_t wanted = std::min<size_t>(
          values.size(), static_cast<size_t>(std::llround(fraction * kReservoirMax)));
      for (size_t i = 0; i < wanted; ++i) mixed.push_back(values[i * values.size() / wanted]);
    };
    take(into.values, share);
    take(from.values, 1 - share);
    into.values = std::move(mixed);
    into.seen += from.seen;
  }
  double At(std::vector<double>& sorted, double level) const {
    if (sorted.empty()) return is_integer ? 0 : kNan;
    const size_t count = sorted.size();
    if (kind == QuantileKind::kExact)
      return sorted[std::min(count - 1, static_cast<size_t>(level * static_cast<double>(count)))];
    const double place = level * static_cast<double>(count - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, count - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - static_cast<double>(below));
  }
  void AppendOne(double value, VectorBuilder* out) const {
    if (is_integer) {
      out->AppendInteger(static_cast<int64_t>(value));
    } else {
      out->AppendDouble(value);
    }
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    std::vector<double> sorted = state.values;
    std::sort(sorted.begin(), sorted.end());
    if (!many) return AppendOne(At(sorted, levels[0]), out);
    for (double level : levels) AppendOne(At(sorted, level), &out->child());
    out->CloseArray();
  }
  size_t ExtraBytes(const State& state) const { return state.values.capacity() * 8; }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.seen);
    PutLittle(out, state.random);
    PutVarint(out, state.values.size());
    for (double value : state.values) PutLittle(out, value);
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t count = 0;
    if (!reader.GetVarint(&state->seen) || !reader.GetLittle(&state->random) ||
        !reader.GetVarint(&count) || count > reader.left().size() / 8) {
      return false;
    }
    state->values.resize(count);
    for (double& value : state->values) {
      if (!reader.GetLittle(&value)) return false;
    }
    return true;
  }
};

absl::StatusOr<double> LevelOf(const Datum& parameter, std::string_view name) {
  double level = -1;
  if (std::holds_alternative<double>(parameter.value)) level = parameter.number();
  if (std::holds_alternative<int64_t>(parameter.value))
    level = static_cast<double>(parameter.integer());
  if (!(level >= 0 && level <= 1)) {
    return WithErrorCode(
        absl::InvalidArgumentError(StrCat("Quantile level of ", name, " is out of range [0..1]")),
        "parameter_out_of_bound");
  }
  return level;
}

template <QuantileKind kKind, bool kMany>
absl::StatusOr<BoundAggregate> BindQuantile(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  if (!type.IsNumber() && !type.IsDateOrTime()) return IllegalAggregateArgument(call.name, type);
  Quantile quantile{kKind, {}, kMany, false};
  for (const Datum& parameter : call.parameters) {
    HOGLET_ASSIGN_OR_RETURN(double level, LevelOf(parameter, call.name));
    quantile.levels.push_back(level);
  }
  if (quantile.levels.empty()) quantile.levels.push_back(0.5);
  if (!kMany && quantile.levels.size() != 1) {
    return WithErrorCode(
        absl::InvalidArgumentError(
            StrCat("Aggregate function ", call.name, " requires one level parameter or less")),
        "number_of_arguments_doesnt_match");
  }
  // Quantiles of numbers interpolate to Float64; exact ones are elements; those of dates and times
  // keep their type.
  const bool keeps_type = type.IsDateOrTime() || kKind == QuantileKind::kExact;
  Type result = keeps_type ? type : Type(TypeKind::kFloat64);
  if (type.kind() == TypeKind::kDecimal || type.physical() == Physical::kI128)
    result = Type(TypeKind::kFloat64);
  quantile.is_integer = result.physical() == Physical::kI64 || result.physical() == Physical::kU8;
  return MakeAggregate(std::move(quantile), kMany ? Type::Array(result) : result);
}

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
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(arguments[0]) {}
    DoubleReader values;
  };
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
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : x(arguments[0]), y(arguments[1]) {}
    DoubleReader x;
    DoubleReader y;
  };
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

constexpr AggregateEntry kEntries[] = {
    {"quantile", 1, 1, BindQuantile<QuantileKind::kSampled, false>, true},
    {"median", 1, 1, BindQuantile<QuantileKind::kSampled, false>, true},
    {"quantiles", 1, 1, BindQuantile<QuantileKind::kSampled, true>, true},
    {"quantileExact", 1, 1, BindQuantile<QuantileKind::kExact, false>, true},
    {"medianExact", 1, 1, BindQuantile<QuantileKind::kExact, false>, true},
    {"quantilesExact", 1, 1, BindQuantile<QuantileKind::kExact, true>, true},
    {"quantileExactInclusive", 1, 1, BindQuantile<QuantileKind::kExactInterpolated, false>, true},
    {"quantileTDigest", 1, 1, BindQuantile<QuantileKind::kExactInterpolated, false>, true},
    {"medianTDigest", 1, 1, BindQuantile<QuantileKind::kExactInterpolated, false>, true},
    {"stddevPop", 1, 1, BindSpread<false, true>, true},
    {"stddevPopStable", 1, 1, BindSpread<false, true>, true},
    {"stddevSamp", 1, 1, BindSpread<true, true>, true},
    {"stddevSampStable", 1, 1, BindSpread<true, true>, true},
    {"varPop", 1, 1, BindSpread<false, false>, true},
    {"varPopStable", 1, 1, BindSpread<false, false>, true},
    {"varSamp", 1, 1, BindSpread<true, false>, true},
    {"varSampStable", 1, 1, BindSpread<true, false>, true},
    {"covarPop", 2, 2, BindPair<PairResult::kCovarPop>, true},
    {"covarPopStable", 2, 2, BindPair<PairResult::kCovarPop>, true},
    {"covarSamp", 2, 2, BindPair<PairResult::kCovarSamp>, true},
    {"covarSampStable", 2, 2, BindPair<PairResult::kCovarSamp>, true},
    {"corr", 2, 2, BindPair<PairResult::kCorr>, true},
    {"corrStable", 2, 2, BindPair<PairResult::kCorr>, true},
};

}  // namespace

std::span<const AggregateEntry> StatisticAggregates() { return kEntries; }

}  // namespace hoglet::fn
