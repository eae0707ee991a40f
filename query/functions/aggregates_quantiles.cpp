#include <algorithm>

#include "query/functions/quantiles.h"
#include "query/functions/types.h"

// Quantiles that keep values: `quantile` a sample of them, the exact forms all.

namespace hoglet::fn {

absl::StatusOr<std::vector<double>> QuantileLevels(const AggregateCallInfo& call, bool many) {
  std::vector<double> levels;
  for (size_t i = 0; i < call.parameters.size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(double level, NumberParameter(call, i));
    if (!(level >= 0 && level <= 1)) {
      return WithErrorCode(absl::InvalidArgumentError(
                               StrCat("Quantile level of ", call.name, " is out of range [0..1]")),
                           "parameter_out_of_bound");
    }
    levels.push_back(level);
  }
  if (levels.empty()) levels.push_back(0.5);
  if (!many && levels.size() != 1)
    return WrongAggregateArguments(call.name, "requires one level parameter or less");
  return levels;
}

absl::Status CheckQuantileArguments(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  if (!type.IsNumber() && !type.IsDateOrTime()) return IllegalAggregateArgument(call.name, type);
  if (call.types.size() > 1 &&
      (!call.types[1].IsUnsigned() || call.types[1].physical() == Physical::kI128)) {
    return WithErrorCode(absl::InvalidArgumentError(StrCat(
                             "Second argument (weight) for function ", call.name,
                             " must be unsigned integer, but it has type ", call.types[1].Name())),
                         "illegal_type_of_argument");
  }
  return absl::OkStatus();
}

Type InterpolatedType(const Type& argument, TypeKind number) {
  const bool keeps = argument.IsDateOrTime() || argument.kind() == TypeKind::kDecimal;
  return keeps ? argument : Type(number);
}

double Interpolate(std::span<const double> sorted, double place) {
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  if (sorted[below] == sorted[above]) return sorted[below];
  const double share = place - static_cast<double>(below);
  return sorted[below] * (1 - share) + sorted[above] * share;
}

namespace {

constexpr size_t kReservoirMax = 8192;
// So many levels are cheaper to select than to sort for.
constexpr size_t kSelectedLevelsMax = 4;

// A sample in which every value is as likely as any other.
struct Sampled {
  using Value = double;
  using Reader = DoubleReader;
  struct State {
    std::vector<double> values;
    uint64_t seen = 0;
    uint64_t random = 0x2545f4914f6cdd1dULL;  // the same on every run, so results repeat
  };
  static double Result() { return 0; }
  static void Add(State& state, double value, uint64_t) {
    ++state.seen;
    if (state.values.size() < kReservoirMax) {
      state.values.push_back(value);
      return;
    }
    // Reservoir sampling (Vitter's algorithm R).
    state.random ^= state.random << 13;
    state.random ^= state.random >> 7;
    state.random ^= state.random << 17;
    const auto slot = static_cast<uint64_t>(UInt128{state.random} * state.seen >> 64);
    if (slot < kReservoirMax) state.values[slot] = value;
  }
  static void Merge(State& into, const State& from) {
    if (into.seen + from.seen <= kReservoirMax) {
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
  static void Get(const State& state, std::span<const double> levels, std::vector<double>* out) {
    if (state.values.empty()) return;
    std::vector<double> values = state.values;
    const bool sorted = levels.size() > kSelectedLevelsMax;
    if (sorted) std::sort(values.begin(), values.end());
    for (double level : levels) {
      const double place = level * static_cast<double>(values.size() - 1);
      if (!sorted) PutInPlace(static_cast<size_t>(place), &values);
      out->push_back(Interpolate(values, place));
    }
  }
  // Brings the value at `place` in sorted order, and the next one, to where they belong.
  static void PutInPlace(size_t place, std::vector<double>* values) {
    const auto at = values->begin() + static_cast<std::ptrdiff_t>(place);
    std::nth_element(values->begin(), at, values->end());
    if (at + 1 < values->end()) std::iter_swap(at + 1, std::min_element(at + 1, values->end()));
  }
  static size_t Bytes(const State& state) { return state.values.capacity() * 8; }
  static void Write(const State& state, std::string* out) {
    PutVarint(out, state.seen);
    PutLittle(out, state.random);
    WriteValues(state.values, out);
  }
  static bool Read(ByteReader& reader, State* state) {
    return reader.GetVarint(&state->seen) && reader.GetLittle(&state->random) &&
           ReadValues(reader, &state->values);
  }
};

enum class Rule { kExact, kLow, kHigh, kExclusive, kInclusive };

template <typename T>
using ReaderOf = std::conditional_t<std::is_same_v<T, double>, DoubleReader, IntegerReader<T>>;

template <typename T>
struct Exact {
  Rule rule;
  using Value = T;
  using Reader = ReaderOf<T>;
  using State = std::vector<T>;
  static T Result() { return T{}; }
  static void Add(State& state, T value, uint64_t) { state.push_back(value); }
  static void Merge(State& into, const State& from) {
    into.insert(into.end(), from.begin(), from.end());
  }
  void Get(const State& state, std::span<const double> levels, std::vector<T>* out) const {
    if (state.empty()) return;
    State sorted = state;
    std::sort(sorted.begin(), sorted.end());
    for (double level : levels) out->push_back(sorted[Position(sorted.size(), level)]);
  }
  static size_t Bytes(const State& state) { return state.capacity() * sizeof(T); }
  static void Write(const State& state, std::string* out) { WriteValues(state, out); }
  static bool Read(ByteReader& reader, State* state) { return ReadValues(reader, state); }

 private:
  size_t Position(size_t count, double level) const {
    // The lower of the two in the middle.
    if (rule == Rule::kLow && level == 0.5) return (count - 1) / 2;
    if (level >= 1) return count - 1;
    return std::min(count - 1, static_cast<size_t>(level * static_cast<double>(count)));
  }
};

// quantileExactExclusive (N + 1 steps) and quantileExactInclusive (N - 1 steps).
struct ExactInterpolated {
  Rule rule;
  using Value = double;
  using Reader = DoubleReader;
  using State = std::vector<double>;
  static double Result() { return 0; }
  static void Add(State& state, double value, uint64_t) { state.push_back(value); }
  static void Merge(State& into, const State& from) {
    into.insert(into.end(), from.begin(), from.end());
  }
  void Get(const State& state, std::span<const double> levels, std::vector<double>* out) const {
    if (state.empty()) return;
    State sorted = state;
    std::sort(sorted.begin(), sorted.end());
    const auto count = static_cast<double>(sorted.size());
    for (double level : levels) {
      const double place = rule == Rule::kExclusive ? level * (count + 1) - 1 : level * (count - 1);
      out->push_back(Interpolate(sorted, std::clamp(place, 0.0, count - 1)));
    }
  }
  static size_t Bytes(const State& state) { return state.capacity() * 8; }
  static void Write(const State& state, std::string* out) { WriteValues(state, out); }
  static bool Read(ByteReader& reader, State* state) { return ReadValues(reader, state); }
};

struct BytesHash {
  template <typename T>
  size_t operator()(const T& value) const {
    return FastHash64(std::string_view(reinterpret_cast<const char*>(&value), sizeof(T)));
  }
};

// A value counts as often as its weight says.
template <typename T>
struct ExactWeighted {
  using Value = T;
  using Reader = ReaderOf<T>;
  using State = absl::flat_hash_map<T, uint64_t, BytesHash>;
  static T Result() { return T{}; }
  static void Add(State& state, T value, uint64_t weight) {
    if (weight > 0) state[value] += weight;
  }
  static void Merge(State& into, const State& from) {
    for (const auto& [value, weight] : from) into[value] += weight;
  }
  static void Get(const State& state, std::span<const double> levels, std::vector<T>* out) {
    if (state.empty()) return;
    QuantilesOfCounts(std::vector<std::pair<T, uint64_t>>(state.begin(), state.end()), levels, out);
  }
  static size_t Bytes(const State& state) { return state.capacity() * (sizeof(T) + 9); }
  static void Write(const State& state, std::string* out) { WriteCounts(state, out); }
  static bool Read(ByteReader& reader, State* state) { return ReadCounts(reader, state); }
};

template <bool kMany>
absl::StatusOr<BoundAggregate> BindSampled(const AggregateCallInfo& call) {
  HOGLET_RETURN_IF_ERROR(CheckQuantileArguments(call));
  return MakeQuantile(call, Sampled(), kMany, InterpolatedType(call.types[0], TypeKind::kFloat64));
}

// Calls bind(T{}) with the type that holds the argument's values exactly.
template <typename F>
absl::StatusOr<BoundAggregate> WithExactValue(const Type& type, F bind) {
  switch (type.physical()) {
    case Physical::kF64:
      return bind(double{});
    case Physical::kI128:
      return bind(Int128{});
    default:
      return type.kind() == TypeKind::kUInt64 ? bind(uint64_t{}) : bind(int64_t{});
  }
}

template <Rule kRule, bool kMany>
absl::StatusOr<BoundAggregate> BindExact(const AggregateCallInfo& call) {
  HOGLET_RETURN_IF_ERROR(CheckQuantileArguments(call));
  return WithExactValue(call.types[0], [&]<typename T>(T) {
    return MakeQuantile(call, Exact<T>{kRule}, kMany, call.types[0]);
  });
}

template <bool kMany>
absl::StatusOr<BoundAggregate> BindExactWeighted(const AggregateCallInfo& call) {
  HOGLET_RETURN_IF_ERROR(CheckQuantileArguments(call));
  return WithExactValue(call.types[0], [&]<typename T>(T) {
    return MakeQuantile(call, ExactWeighted<T>(), kMany, call.types[0]);
  });
}

template <Rule kRule, bool kMany>
absl::StatusOr<BoundAggregate> BindInterpolated(const AggregateCallInfo& call) {
  HOGLET_RETURN_IF_ERROR(CheckQuantileArguments(call));
  HOGLET_ASSIGN_OR_RETURN(std::vector<double> levels, QuantileLevels(call, kMany));
  for (double level : levels) {
    if (kRule == Rule::kExclusive && (level == 0 || level == 1)) {
      return BadAggregateParameter(
          call.name, "must not be 0 or 1: it cannot interpolate for those percentiles");
    }
  }
  return MakeQuantile(call, ExactInterpolated{kRule}, kMany, Type(TypeKind::kFloat64));
}

constexpr AggregateEntry kEntries[] = {
    {"quantile", 1, 1, BindSampled<false>, true, 1},
    {"median", 1, 1, BindSampled<false>, true, 1, "quantile"},
    {"quantiles", 1, 1, BindSampled<true>, true, kManyParameters},
    {"quantileExact", 1, 1, BindExact<Rule::kExact, false>, true, 1},
    {"medianExact", 1, 1, BindExact<Rule::kExact, false>, true, 1, "quantileExact"},
    {"quantilesExact", 1, 1, BindExact<Rule::kExact, true>, true, kManyParameters},
    {"quantileExactLow", 1, 1, BindExact<Rule::kLow, false>, true, 1},
    {"medianExactLow", 1, 1, BindExact<Rule::kLow, false>, true, 1, "quantileExactLow"},
    {"quantilesExactLow", 1, 1, BindExact<Rule::kLow, true>, true, kManyParameters},
    {"quantileExactHigh", 1, 1, BindExact<Rule::kHigh, false>, true, 1},
    {"medianExactHigh", 1, 1, BindExact<Rule::kHigh, false>, true, 1, "quantileExactHigh"},
    {"quantilesExactHigh", 1, 1, BindExact<Rule::kHigh, true>, true, kManyParameters},
    {"quantileExactExclusive", 1, 1, BindInterpolated<Rule::kExclusive, false>, true, 1},
    {"quantilesExactExclusive", 1, 1, BindInterpolated<Rule::kExclusive, true>, true,
     kManyParameters},
    {"quantileExactInclusive", 1, 1, BindInterpolated<Rule::kInclusive, false>, true, 1},
    {"quantilesExactInclusive", 1, 1, BindInterpolated<Rule::kInclusive, true>, true,
     kManyParameters},
    {"quantileExactWeighted", 2, 2, BindExactWeighted<false>, true, 1},
    {"medianExactWeighted", 2, 2, BindExactWeighted<false>, true, 1, "quantileExactWeighted"},
    {"quantilesExactWeighted", 2, 2, BindExactWeighted<true>, true, kManyParameters},
};

}  // namespace

std::span<const AggregateEntry> QuantileAggregates() { return kEntries; }

}  // namespace hoglet::fn
