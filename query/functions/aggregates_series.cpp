#include <algorithm>
#include <cmath>
#include <limits>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"
#include "query/functions/wrapping.h"

// Aggregates over series: growth from value to value, intervals that overlap, smoothing.

namespace hoglet::fn {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename T>
void AppendNumber(T value, VectorBuilder* out) {
  if constexpr (std::is_same_v<T, double>) {
    out->AppendDouble(value);
  } else {
    out->AppendInteger(static_cast<int64_t>(value));
  }
}

template <typename T>
using ReaderOf = std::conditional_t<std::is_same_v<T, double>, DoubleReader, IntegerReader<T>>;

// deltaSum: the sum of the differences between neighbours that are positive.
template <typename T>
struct Growth {
  TypeKind kind;
  struct State {
    T sum{};
    T first{};
    T last{};
    bool seen = false;
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(arguments[0]) {}
    ReaderOf<T> values;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    const T value = columns.values.at(row);
    Merge(state, {T{}, value, value, true});
  }
  void Merge(State& into, const State& from) const {
    if (!from.seen) return;
    if (!into.seen) {
      into = from;
      return;
    }
    if (into.last < from.first)
      into.sum = WrappingAdd(into.sum, WrappingSubtract(from.first, into.last));
    into.sum = WrappingAdd(into.sum, from.sum);
    into.last = from.last;
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    if constexpr (std::is_same_v<T, double>) {
      out->AppendDouble(kind == TypeKind::kFloat32 ? static_cast<float>(state.sum) : state.sum);
    } else {
      out->AppendInteger(WrapInteger(kind, static_cast<int64_t>(state.sum)));
    }
  }
};

// Calls bind(T{}) with the form of a plain number's values.
template <typename F>
absl::StatusOr<BoundAggregate> WithNumber(const AggregateCallInfo& call, const Type& type, F bind) {
  if (type.IsFloat()) return bind(double{});
  if (!type.IsInteger() || type.physical() == Physical::kI128)
    return IllegalAggregateArgument(call.name, type);
  return type.IsUnsigned() ? bind(uint64_t{}) : bind(int64_t{});
}

absl::StatusOr<BoundAggregate> BindGrowth(const AggregateCallInfo& call) {
  return WithNumber(call, call.types[0], [&]<typename T>(T) {
    return MakeAggregate(Growth<T>{call.types[0].kind()}, call.types[0]);
  });
}

// deltaSumTimestamp: the same for rows in the order of a second argument, which decides how the
// parts of a series are put together.
template <typename T>
struct TimedGrowth {
  TypeKind kind;
  struct State {
    T sum{};
    T first{};
    T last{};
    double first_time = 0;
    double last_time = 0;
    bool seen = false;
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : values(arguments[0]), times(arguments[1], false) {}
    ReaderOf<T> values;
    DoubleReader times;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    const T value = columns.values.at(row);
    const double time = columns.times.at(row);
    if (!state.seen) {
      state = {T{}, value, value, time, time, true};
      return;
    }
    if (state.last < value)
      state.sum = WrappingAdd(state.sum, WrappingSubtract<T>(value, state.last));
    state.last = value;
    state.last_time = time;
  }
  void Merge(State& into, const State& from) const {
    if (!from.seen) return;
    if (!into.seen) {
      into = from;
    } else if (Before(into, from)) {
      into = Joined(into, from);
    } else if (Before(from, into)) {
      into = Joined(from, into);
    } else if (into.first < from.first) {
      // All at one moment: the larger value is taken.
      into.first = from.first;
      into.last = from.last;
    }
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    Growth<T>{kind}.Finalize({state.sum, state.first, state.last, state.seen}, out);
  }

 private:
  static bool Before(const State& a, const State& b) {
    if (a.last_time != b.first_time) return a.last_time < b.first_time;
    return a.last_time < b.last_time || a.first_time < a.last_time;
  }
  static State Joined(const State& a, const State& b) {
    State out = a;
    if (a.last < b.first) out.sum = WrappingAdd(out.sum, WrappingSubtract(b.first, a.last));
    out.sum = WrappingAdd(out.sum, b.sum);
    out.last = b.last;
    out.last_time = b.last_time;
    return out;
  }
};

absl::StatusOr<BoundAggregate> BindTimedGrowth(const AggregateCallInfo& call) {
  const Type& time = call.types[1];
  if (!time.IsInteger() && !time.IsFloat() && !time.IsDateOrTime())
    return IllegalAggregateArgument(call.name, time);
  return WithNumber(call, call.types[0], [&]<typename T>(T) {
    return MakeAggregate(TimedGrowth<T>{call.types[0].kind()}, call.types[0]);
  });
}

// maxIntersections: how many intervals [first, second) overlap where most do, and from where on.
template <typename T>
struct Overlap {
  bool position;
  using State = std::vector<std::pair<T, int64_t>>;  // a point, and how many begin there
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : begins(arguments[0]), ends(arguments[1]) {}
    ReaderOf<T> begins;
    ReaderOf<T> ends;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    const T begin = columns.begins.at(row);
    const T end = columns.ends.at(row);
    if (!IsNan(begin)) state.emplace_back(begin, 1);
    if (!IsNan(end)) state.emplace_back(end, -1);
  }
  void Merge(State& into, const State& from) const {
    into.insert(into.end(), from.begin(), from.end());
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    State sorted = state;
    std::sort(sorted.begin(), sorted.end());
    int64_t open = 0;
    int64_t most = 0;
    T where{};
    for (const auto& [point, change] : sorted) {
      open += change;
      if (open <= most) continue;
      most = open;
      where = point;
    }
    if (position) {
      AppendNumber(where, out);
    } else {
      out->AppendInteger(most);
    }
  }
  size_t ExtraBytes(const State& state) const { return state.capacity() * 16; }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.size());
    for (const auto& [point, change] : state) {
      PutLittle(out, point);
      PutLittle(out, change);
    }
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > reader.left().size() / 16) return false;
    state->resize(count);
    for (auto& [point, change] : *state) {
      if (!reader.GetLittle(&point) || !reader.GetLittle(&change)) return false;
    }
    return true;
  }

 private:
  static bool IsNan(T value) {
    if constexpr (std::is_same_v<T, double>) return std::isnan(value);
    return false;
  }
};

template <bool kPosition>
absl::StatusOr<BoundAggregate> BindOverlap(const AggregateCallInfo& call) {
  if (!(call.types[0] == call.types[1])) {
    return WithErrorCode(
        absl::InvalidArgumentError(StrCat(call.name, ": arguments must have the same type")),
        "bad_arguments");
  }
  return WithNumber(call, call.types[0], [&]<typename T>(T) {
    Type point(std::is_same_v<T, double>    ? TypeKind::kFloat64
               : std::is_same_v<T, int64_t> ? TypeKind::kInt64
                                            : TypeKind::kUInt64);
    return MakeAggregate(Overlap<T>{kPosition}, kPosition ? point : Type(TypeKind::kUInt64));
  });
}

// boundingRatio: the slope from the leftmost to the rightmost point.
struct Slope {
  struct State {
    double left_x = 0;
    double left_y = 0;
    double right_x = 0;
    double right_y = 0;
    bool seen = false;
  };
  using Columns = DoublePair;
  void Add(State& state, const Columns& columns, size_t row) const {
    const double x = columns.x.at(row);
    const double y = columns.y.at(row);
    Merge(state, {x, y, x, y, true});
  }
  void Merge(State& into, const State& from) const {
    if (!from.seen) return;
    if (!into.seen) {
      into = from;
      return;
    }
    if (from.left_x < into.left_x) {
      into.left_x = from.left_x;
      into.left_y = from.left_y;
    }
    if (from.right_x > into.right_x) {
      into.right_x = from.right_x;
      into.right_y = from.right_y;
    }
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    out->AppendDouble(state.seen ? (state.right_y - state.left_y) / (state.right_x - state.left_x)
                                 : kNan);
  }
};

absl::StatusOr<BoundAggregate> BindSlope(const AggregateCallInfo& call) {
  for (const Type& type : call.types) {
    if (!type.IsNumber()) return IllegalAggregateArgument(call.name, type);
  }
  return MakeAggregate(Slope(), Type(TypeKind::kFloat64));
}

// exponentialMovingAverage(half life)(value, time): values lose half their weight in that time.
struct Smoothed {
  double half_life;
  struct State {
    double value = 0;
    double time = 0;
    bool seen = false;
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : values(arguments[0]), times(arguments[1], false) {}
    DoubleReader values;
    DoubleReader times;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    Merge(state, {columns.values.at(row), columns.times.at(row), true});
  }
  void Merge(State& into, const State& from) const {
    if (!from.seen) return;
    if (!into.seen) {
      into = from;
      return;
    }
    const double time = std::max(into.time, from.time);
    into = {At(into, time) + At(from, time), time, true};
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    // Of a value at every unit of time since ever.
    const double weights = 1 / (1 - std::exp2(-1 / half_life));
    out->AppendDouble(state.value / weights);
  }

 private:
  double At(const State& state, double time) const {
    return state.value * std::exp2((state.time - time) / half_life);
  }
};

absl::StatusOr<BoundAggregate> BindSmoothed(const AggregateCallInfo& call) {
  if (call.parameters.size() != 1)
    return WrongAggregateArguments(call.name, "requires exactly one parameter: half decay time.");
  HOGLET_ASSIGN_OR_RETURN(double half_life, NumberParameter(call, 0));
  for (const Type& type : call.types) {
    if (!type.IsNumber() && !type.IsDateOrTime()) return IllegalAggregateArgument(call.name, type);
  }
  return MakeAggregate(Smoothed{half_life}, Type(TypeKind::kFloat64));
}

constexpr AggregateEntry kEntries[] = {
    {"deltaSum", 1, 1, BindGrowth, true},
    {"deltaSumTimestamp", 2, 2, BindTimedGrowth, true},
    {"maxIntersections", 2, 2, BindOverlap<false>, true},
    {"maxIntersectionsPosition", 2, 2, BindOverlap<true>, true},
    {"boundingRatio", 2, 2, BindSlope, true},
    {"exponentialMovingAverage", 2, 2, BindSmoothed, true, 1},
};

}  // namespace

std::span<const AggregateEntry> SeriesAggregates() { return kEntries; }

}  // namespace hoglet::fn
