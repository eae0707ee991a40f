#include <cmath>
#include <limits>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"
#include "query/functions/wrapping.h"

// count, sum, avg, min, max, any, argMin and their kin.

namespace hoglet::fn {
namespace {

struct Count {
  using State = uint64_t;
  struct Columns {
    explicit Columns(std::span<const Vector>) {}
  };
  void Add(State& state, const Columns&, size_t) const { ++state; }
  void AddAll(State& state, const Columns&, size_t rows) const { state += rows; }
  void Merge(State& into, const State& from) const { into += from; }
  void Finalize(const State& state, VectorBuilder* out) const {
    out->AppendInteger(static_cast<int64_t>(state));
  }
  int64_t Result(const State& state) const { return static_cast<int64_t>(state); }
};

// Integers wrap like ClickHouse's.
template <typename T, typename Sum>
struct SumOf {
  using State = Sum;
  using Columns = OneColumn<T>;
  void Add(State& state, const Columns& columns, size_t row) const {
    state += static_cast<Sum>(columns.values.at(row));
  }
  void AddAll(State& state, const Columns& columns, size_t rows) const {
    if (const T* values = columns.flat(); values != nullptr) {
      // Four sums side by side, so that an addition need not wait for the one before.
      Sum sums[4] = {};
      size_t i = 0;
      for (; i + 4 <= rows; i += 4) {
        for (size_t k = 0; k < 4; ++k) sums[k] += static_cast<Sum>(values[i + k]);
      }
      for (; i < rows; ++i) sums[0] += static_cast<Sum>(values[i]);
      state += (sums[0] + sums[1]) + (sums[2] + sums[3]);
      return;
    }
    for (size_t i = 0; i < rows; ++i) Add(state, columns, i);
  }
  void Merge(State& into, const State& from) const { into += from; }
  void Finalize(const State& state, VectorBuilder* out) const {
    if constexpr (std::is_same_v<Sum, double>) {
      out->AppendDouble(state);
    } else if constexpr (std::is_same_v<Sum, UInt128>) {
      out->AppendWide(static_cast<Int128>(state));
    } else {
      out->AppendInteger(static_cast<int64_t>(state));
    }
  }
};

absl::StatusOr<BoundAggregate> BindSum(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  switch (type.physical()) {
    case Physical::kU8:
      return MakeAggregate(SumOf<uint8_t, uint64_t>(), Type(TypeKind::kUInt64));
    case Physical::kF64:
      return MakeAggregate(SumOf<double, double>(), Type(TypeKind::kFloat64));
    case Physical::kI64:
      if (type.kind() == TypeKind::kDecimal)
        return MakeAggregate(SumOf<int64_t, UInt128>(), Type::Decimal(38, type.scale()));
      if (!type.IsInteger() && type.kind() != TypeKind::kInterval)
        return IllegalAggregateArgument(call.name, type);
      return MakeAggregate(SumOf<int64_t, uint64_t>(),
                           Type(type.IsUnsigned() ? TypeKind::kUInt64 : TypeKind::kInt64));
    case Physical::kI128:
      if (type.kind() == TypeKind::kDecimal)
        return MakeAggregate(SumOf<Int128, UInt128>(), Type::Decimal(38, type.scale()));
      if (type.IsInteger()) return MakeAggregate(SumOf<Int128, UInt128>(), type);
      [[fallthrough]];
    default:
      return IllegalAggregateArgument(call.name, type);
  }
}

// sumWithOverflow: the result has the argument's own type.
struct NarrowSum {
  TypeKind kind;
  using State = int64_t;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(arguments[0]) {}
    VectorReader<int64_t> values;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    Merge(state, columns.values.at(row));
  }
  void Merge(State& into, const State& from) const { into = WrappingAdd(into, from); }
  void Finalize(const State& state, VectorBuilder* out) const {
    out->AppendInteger(WrapInteger(kind, state));
  }
};

absl::StatusOr<BoundAggregate> BindNarrowSum(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  if (type.IsInteger() && type.physical() == Physical::kI64)
    return MakeAggregate(NarrowSum{type.kind()}, type);
  if (type.kind() == TypeKind::kUInt8) return MakeAggregate(SumOf<uint8_t, uint8_t>(), type);
  return BindSum(call);
}

struct Average {
  struct State {
    double sum = 0;
    uint64_t count = 0;
  };
  using Columns = DoubleColumn;
  void Add(State& state, const Columns& columns, size_t row) const {
    state.sum += columns.values.at(row);
    ++state.count;
  }
  void Merge(State& into, const State& from) const {
    into.sum += from.sum;
    into.count += from.count;
  }
  void Finalize(const State& state, VectorBuilder* out) const { out->AppendDouble(Result(state)); }
  double Result(const State& state) const { return state.sum / static_cast<double>(state.count); }
};

absl::StatusOr<BoundAggregate> BindAverage(const AggregateCallInfo& call) {
  if (!call.types[0].IsNumber()) return IllegalAggregateArgument(call.name, call.types[0]);
  return MakeAggregate(Average(), Type(TypeKind::kFloat64));
}

enum class Keep { kMin, kMax, kFirst, kLast };

// The smallest, largest, first or last value of a fixed width.
template <typename T, Keep kKeep>
struct Extreme {
  struct State {
    T value{};
    bool has = false;
  };
  using Columns = OneColumn<std::conditional_t<std::is_same_v<T, uint64_t>, int64_t, T>>;
  static bool Replaces(const T& candidate, const State& state) {
    const bool first = !state.has;
    if constexpr (kKeep == Keep::kMin) return first | (candidate < state.value);
    if constexpr (kKeep == Keep::kMax) return first | (candidate > state.value);
    return first | (kKeep == Keep::kLast);
  }
  static void Offer(State& state, const T& candidate) {
    if constexpr (std::is_same_v<T, double> && (kKeep == Keep::kMin || kKeep == Keep::kMax)) {
      // NaN only stands where there is nothing else.
      if (state.has && std::isnan(candidate)) return;
      if (state.has && std::isnan(state.value)) {
        state.value = candidate;
        return;
      }
    }
    const bool replaces = Replaces(candidate, state);
    if constexpr (std::is_integral_v<T>) {
      // Without a jump: which rows replace follows no pattern.
      state.value = static_cast<T>(state.value ^ ((state.value ^ candidate) & -T{replaces}));
    } else if (replaces) {
      state.value = candidate;
    }
    state.has = true;
  }
  void Add(State& state, const Columns& columns, size_t row) const {
    Offer(state, static_cast<T>(columns.values.at(row)));
  }
  void Merge(State& into, const State& from) const {
    if (from.has) Offer(into, from.value);
  }
  auto Result(const State& state) const {
    if constexpr (std::is_same_v<T, uint64_t>) {
      return static_cast<int64_t>(state.value);
    } else {
      return state.value;
    }
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    if constexpr (std::is_same_v<T, double>) {
      out->AppendDouble(state.value);
    } else if constexpr (sizeof(T) == 16) {
      out->AppendWide(static_cast<Int128>(state.value));
    } else {
      out->AppendInteger(static_cast<int64_t>(state.value));
    }
  }
};

template <Keep kKeep>
struct ExtremeString {
  struct State {
    std::string value;
    bool has = false;
  };
  using Columns = OneColumn<std::string_view>;
  static void Offer(State& state, std::string_view candidate) {
    const bool replaces = !state.has || (kKeep == Keep::kMin   ? candidate < state.value
                                         : kKeep == Keep::kMax ? candidate > state.value
                                                               : kKeep == Keep::kLast);
    if (!replaces) return;
    state.value.assign(candidate);
    state.has = true;
  }
  void Add(State& state, const Columns& columns, size_t row) const {
    Offer(state, columns.values.at(row));
  }
  void Merge(State& into, const State& from) const {
    if (from.has) Offer(into, from.value);
  }
  void Finalize(const State& state, VectorBuilder* out) const { out->AppendString(state.value); }
  size_t ExtraBytes(const State& state) const {
    return state.value.capacity() > 15 ? state.value.capacity() : 0;
  }
  void Write(const State& state, std::string* out) const {
    out->push_back(state.has);
    PutString(out, state.value);
  }
  bool Read(ByteReader& reader, State* state) const {
    std::string_view text;
    uint8_t has = 0;
    if (!reader.GetLittle(&has) || !reader.GetString(&text)) return false;
    state->has = has != 0;
    state->value.assign(text);
    return true;
  }
};

// Arrays, tuples and maps.
template <Keep kKeep>
struct ExtremeDatum {
  Type type;
  struct State {
    Datum value;
    bool has = false;
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(arguments[0]) {}
    const Vector& values;
  };
  void Offer(State& state, Datum candidate) const {
    bool replaces = !state.has || kKeep == Keep::kLast;
    if (!replaces && kKeep == Keep::kMin)
      replaces = CompareDatums(type, candidate, state.value) < 0;
    if (!replaces && kKeep == Keep::kMax)
      replaces = CompareDatums(type, candidate, state.value) > 0;
    if (!replaces) return;
    state.value = std::move(candidate);
    state.has = true;
  }
  void Add(State& state, const Columns& columns, size_t row) const {
    Offer(state, columns.values.Get(row));
  }
  void Merge(State& into, const State& from) const {
    if (from.has) Offer(into, from.value);
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    if (state.has) {
      out->Append(state.value);
    } else {
      out->AppendDefault();
    }
  }
  size_t ExtraBytes(const State& state) const { return HeapBytes(state.value); }
  void Write(const State& state, std::string* out) const {
    out->push_back(state.has);
    WriteDatum(state.value, out);
  }
  bool Read(ByteReader& reader, State* state) const {
    uint8_t has = 0;
    if (!reader.GetLittle(&has)) return false;
    state->has = has != 0;
    return ReadDatum(reader, &state->value);
  }
};

template <Keep kKeep>
absl::StatusOr<BoundAggregate> BindExtreme(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  switch (type.physical()) {
    case Physical::kU8:
      return MakeAggregate(Extreme<uint8_t, kKeep>(), type);
    case Physical::kI64:
      if (type.kind() == TypeKind::kUInt64) return MakeAggregate(Extreme<uint64_t, kKeep>(), type);
      return MakeAggregate(Extreme<int64_t, kKeep>(), type);
    case Physical::kF64:
      return MakeAggregate(Extreme<double, kKeep>(), type);
    case Physical::kString:
      return MakeAggregate(ExtremeString<kKeep>(), type);
    case Physical::kI128:
      if (type.kind() == TypeKind::kInt128 || type.kind() == TypeKind::kDecimal)
        return MakeAggregate(Extreme<Int128, kKeep>(), type);
      [[fallthrough]];
    case Physical::kArray:
    case Physical::kTuple:
      return MakeAggregate(ExtremeDatum<kKeep>{type}, type);
    case Physical::kNone:
      return IllegalAggregateArgument(call.name, type);
  }
  return IllegalAggregateArgument(call.name, type);
}

// argMin, argMax: the first argument where the second is smallest or largest; the first such row.
template <bool kMax>
struct ArgExtreme {
  Type key_type;
  struct State {
    Datum value;
    Datum key;
    bool has = false;
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : values(arguments[0]), keys(arguments[1]) {}
    const Vector& values;
    const Vector& keys;
  };
  bool Beats(const Datum& key, const State& state) const {
    if (!state.has) return true;
    const int order = CompareDatums(key_type, key, state.key);
    return kMax ? order > 0 : order < 0;
  }
  void Add(State& state, const Columns& columns, size_t row) const {
    Datum key = columns.keys.Get(row);
    if (!Beats(key, state)) return;
    state.value = columns.values.Get(row);
    state.key = std::move(key);
    state.has = true;
  }
  void Merge(State& into, const State& from) const {
    if (from.has && Beats(from.key, into)) into = from;
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    if (state.has) {
      out->Append(state.value);
    } else {
      out->AppendDefault();
    }
  }
  size_t ExtraBytes(const State& state) const {
    return HeapBytes(state.value) + HeapBytes(state.key);
  }
  void Write(const State& state, std::string* out) const {
    out->push_back(state.has);
    WriteDatum(state.value, out);
    WriteDatum(state.key, out);
  }
  bool Read(ByteReader& reader, State* state) const {
    uint8_t has = 0;
    if (!reader.GetLittle(&has)) return false;
    state->has = has != 0;
    return ReadDatum(reader, &state->value) && ReadDatum(reader, &state->key);
  }
};

template <bool kMax>
absl::StatusOr<BoundAggregate> BindArgExtreme(const AggregateCallInfo& call) {
  return MakeAggregate(ArgExtreme<kMax>{call.types[1]}, call.types[0]);
}

// anyHeavy: the value that more than half of the rows have, if there is one (Boyer and Moore's
// vote); else some value that occurs.
struct Majority {
  struct State {
    Datum value;
    uint64_t lead = 0;
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(arguments[0]) {}
    const Vector& values;
  };
  static void Vote(State& state, Datum value, uint64_t votes) {
    if (votes == 0) return;
    if (state.lead > 0 && state.value == value) {
      state.lead += votes;
    } else if (state.lead >= votes) {
      state.lead -= votes;
    } else {
      state.lead = votes - state.lead;
      state.value = std::move(value);
    }
  }
  void Add(State& state, const Columns& columns, size_t row) const {
    Vote(state, columns.values.Get(row), 1);
  }
  void Merge(State& into, const State& from) const { Vote(into, from.value, from.lead); }
  void Finalize(const State& state, VectorBuilder* out) const {
    if (state.value.is_null()) {
      out->AppendDefault();
    } else {
      out->Append(state.value);
    }
  }
  size_t ExtraBytes(const State& state) const { return HeapBytes(state.value); }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.lead);
    WriteDatum(state.value, out);
  }
  bool Read(ByteReader& reader, State* state) const {
    return reader.GetVarint(&state->lead) && ReadDatum(reader, &state->value);
  }
};

absl::StatusOr<BoundAggregate> BindMajority(const AggregateCallInfo& call) {
  return MakeAggregate(Majority(), call.types[0]);
}

absl::StatusOr<BoundAggregate> BindCount(const AggregateCallInfo&) {
  return MakeAggregate(Count(), Type(TypeKind::kUInt64));
}

constexpr AggregateEntry kEntries[] = {
    {"count", 0, 1, BindCount, false},
    {"sum", 1, 1, BindSum, true},
    {"sumWithOverflow", 1, 1, BindNarrowSum, true},
    {"avg", 1, 1, BindAverage, true},
    {"min", 1, 1, BindExtreme<Keep::kMin>, true},
    {"max", 1, 1, BindExtreme<Keep::kMax>, true},
    {"any", 1, 1, BindExtreme<Keep::kFirst>, true},
    {"any_value", 1, 1, BindExtreme<Keep::kFirst>, true, 0, "any"},
    {"first_value", 1, 1, BindExtreme<Keep::kFirst>, true, 0, "any"},
    {"anyHeavy", 1, 1, BindMajority, true},
    {"anyLast", 1, 1, BindExtreme<Keep::kLast>, true},
    {"last_value", 1, 1, BindExtreme<Keep::kLast>, true, 0, "anyLast"},
    {"argMin", 2, 2, BindArgExtreme<false>, true},
    {"argMax", 2, 2, BindArgExtreme<true>, true},
};

}  // namespace

std::span<const AggregateEntry> BasicAggregates() { return kEntries; }

DoubleReader::DoubleReader(const Vector& vector, bool scaled) : vector_(vector) {
  const Vector& source = vector.form() == Vector::Form::kDictionary ? *vector.dictionary() : vector;
  if (source.type().physical() == Physical::kF64) {
    values_ = source.data<double>();
    return;
  }
  const size_t count = source.is_constant() ? std::min<size_t>(1, source.size()) : source.size();
  converted_.resize(count);
  const double scale = scaled && source.type().kind() == TypeKind::kDecimal
                           ? std::pow(10.0, -source.type().scale())
                           : 1;
  for (size_t i = 0; i < count; ++i) {
    switch (source.type().physical()) {
      case Physical::kU8:
        converted_[i] = source.data<uint8_t>()[i];
        break;
      case Physical::kI64: {
        const int64_t value = source.data<int64_t>()[i];
        converted_[i] = source.type().kind() == TypeKind::kUInt64
                            ? static_cast<double>(static_cast<uint64_t>(value))
                            : static_cast<double>(value);
        break;
      }
      case Physical::kI128:
        converted_[i] = static_cast<double>(source.data<Int128>()[i]);
        break;
      default:
        converted_[i] = 0;
    }
    if (scale != 1) converted_[i] *= scale;
  }
  values_ = converted_.data();
}

size_t HeapBytes(const std::vector<Datum>& values) {
  size_t bytes = values.capacity() * sizeof(Datum) + 16;
  for (const Datum& value : values) bytes += HeapBytes(value);
  return bytes;
}

size_t HeapBytes(const Datum& value) {
  if (const auto* text = std::get_if<std::string>(&value.value))
    return text->capacity() > 15 ? text->capacity() + 16 : 0;
  if (const auto* list = std::get_if<std::vector<Datum>>(&value.value)) return HeapBytes(*list);
  return 0;
}

void WriteDatum(const Datum& value, std::string* out) {
  out->push_back(static_cast<char>(value.value.index()));
  switch (value.value.index()) {
    case 1:
      return PutLittle(out, value.integer());
    case 2:
      return PutLittle(out, value.number());
    case 3:
      return PutLittle(out, value.wide());
    case 4:
      return PutString(out, value.string());
    case 5:
      PutVarint(out, value.list().size());
      for (const Datum& element : value.list()) WriteDatum(element, out);
      return;
    default:
      return;
  }
}

bool ReadDatum(ByteReader& reader, Datum* value, int depth) {
  constexpr int kDepthMax = 100;
  uint8_t index = 0;
  if (depth > kDepthMax || !reader.GetLittle(&index)) return false;
  const auto fixed = [&]<typename T>(T) {
    T read;
    if (!reader.GetLittle(&read)) return false;
    *value = Datum(read);
    return true;
  };
  switch (index) {
    case 0:
      *value = Datum();
      return true;
    case 1:
      return fixed(int64_t{});
    case 2:
      return fixed(double{});
    case 3:
      return fixed(Int128{});
    case 4: {
      std::string_view text;
      if (!reader.GetString(&text)) return false;
      *value = Datum(std::string(text));
      return true;
    }
    case 5: {
      uint64_t count = 0;
      if (!reader.GetVarint(&count) || count > reader.left().size()) return false;
      std::vector<Datum> list(count);
      for (Datum& element : list) {
        if (!ReadDatum(reader, &element, depth + 1)) return false;
      }
      *value = Datum(std::move(list));
      return true;
    }
    default:
      return false;
  }
}

}  // namespace hoglet::fn
