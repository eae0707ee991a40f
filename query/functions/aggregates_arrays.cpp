#include <algorithm>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"

// Aggregates that give arrays: values at their places, moving sums and averages, samples, the last
// values.

namespace hoglet::fn {
namespace {

void WriteDatums(const std::vector<Datum>& values, std::string* out) {
  PutVarint(out, values.size());
  for (const Datum& value : values) WriteDatum(value, out);
}

bool ReadDatums(ByteReader& reader, std::vector<Datum>* values) {
  uint64_t count = 0;
  if (!reader.GetVarint(&count) || count > reader.left().size()) return false;
  values->resize(count);
  for (Datum& value : *values) {
    if (!ReadDatum(reader, &value)) return false;
  }
  return true;
}

struct ValueColumn {
  explicit ValueColumn(std::span<const Vector> arguments) : values(arguments[0]) {}
  const Vector& values;
};

// A parameter that must be a positive whole number.
absl::StatusOr<size_t> PositiveParameter(const AggregateCallInfo& call, size_t i) {
  const auto* value = std::get_if<int64_t>(&call.parameters[i].value);
  if (value == nullptr || *value < 1) {
    return WithErrorCode(
        absl::InvalidArgumentError(
            StrCat("Parameter for aggregate function ", call.name, " should be positive number")),
        "bad_arguments");
  }
  return static_cast<size_t>(*value);
}

// groupArrayInsertAt(default, size)(value, position): the first value for a place stays.
struct InsertAt {
  static constexpr uint64_t kPositionsMax = 0xffffff;

  std::string name;
  Datum otherwise;    // for places no value came for
  uint64_t size = 0;  // of the result; 0: up to the last value

  using State = std::vector<Datum>;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : values(arguments[0]), positions(arguments[1]) {}
    const Vector& values;
    IntegerReader<uint64_t> positions;
  };
  absl::Status Add(State& state, const Columns& columns, size_t row) const {
    const uint64_t position = columns.positions.at(row);
    if (size != 0 && position >= size) return absl::OkStatus();
    if (position >= kPositionsMax) {
      return WithErrorCode(absl::InvalidArgumentError(
                               StrCat("Too large array size: position argument (", position,
                                      ") is greater or equals to limit (", kPositionsMax, ")")),
                           "too_large_array_size");
    }
    if (position >= state.size()) state.resize(position + 1);
    if (state[position].is_null()) state[position] = columns.values.Get(row);
    return absl::OkStatus();
  }
  void Merge(State& into, const State& from) const {
    if (from.size() > into.size()) into.resize(from.size());
    for (size_t i = 0; i < from.size(); ++i) {
      if (into[i].is_null()) into[i] = from[i];
    }
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    for (size_t i = 0; i < std::max<size_t>(size, state.size()); ++i) {
      const bool set = i < state.size() && !state[i].is_null();
      out->child().Append(set ? state[i] : otherwise);
    }
    out->CloseArray();
  }
  size_t ExtraBytes(const State& state) const { return HeapBytes(state); }
  void Write(const State& state, std::string* out) const { WriteDatums(state, out); }
  bool Read(ByteReader& reader, State* state) const { return ReadDatums(reader, state); }
};

absl::StatusOr<BoundAggregate> BindInsertAt(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  if (!call.types[1].IsUnsigned() || call.types[1].physical() == Physical::kI128) {
    return WithErrorCode(absl::InvalidArgumentError(StrCat(
                             "Second argument of aggregate function ", call.name,
                             " must be unsigned integer, but it has type ", call.types[1].Name())),
                         "illegal_type_of_argument");
  }
  InsertAt insert{std::string(call.name), DefaultOf(type), 0};
  if (!call.parameters.empty() && !call.parameters[0].is_null()) {
    Datum given = call.parameters[0];
    if (type.IsFloat() && std::holds_alternative<int64_t>(given.value))
      given = Datum(static_cast<double>(given.integer()));
    if (given.value.index() != insert.otherwise.value.index())
      return BadAggregateParameter(call.name, "must have a default of the argument's type first");
    insert.otherwise = std::move(given);
  }
  if (call.parameters.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(insert.size, UnsignedParameter(call, 1));
    if (insert.size == 0 || insert.size > InsertAt::kPositionsMax)
      return BadAggregateParameter(call.name, "give a size that is zero or too large");
  }
  return MakeAggregate(std::move(insert), Type::Array(type));
}

// Sums over the last `window` values; averages divide them by `window` even where fewer values came
// before. No window: all values.
template <typename T>
struct Moving {
  size_t window;
  bool average;
  using State = std::vector<T>;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(arguments[0]) {}
    std::conditional_t<std::is_same_v<T, double>, DoubleReader, IntegerReader<uint64_t>> values;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    state.push_back(columns.values.at(row));
  }
  void Merge(State& into, const State& from) const {
    into.insert(into.end(), from.begin(), from.end());
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    const size_t length = window == 0 ? state.size() : window;
    std::vector<T> sums{T{}};
    for (T value : state) sums.push_back(sums.back() + value);
    for (size_t i = 0; i < state.size(); ++i) {
      const T sum = i + 1 >= length ? sums[i + 1] - sums[i + 1 - length] : sums[i + 1];
      if constexpr (std::is_same_v<T, double>) {
        out->child().AppendDouble(average ? sum / static_cast<double>(length) : sum);
      } else {
        out->child().AppendInteger(static_cast<int64_t>(sum));
      }
    }
    out->CloseArray();
  }
  size_t ExtraBytes(const State& state) const { return state.capacity() * sizeof(T); }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.size());
    for (T value : state) PutLittle(out, value);
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > reader.left().size() / sizeof(T)) return false;
    state->resize(count);
    for (T& value : *state) {
      if (!reader.GetLittle(&value)) return false;
    }
    return true;
  }
};

template <bool kAverage>
absl::StatusOr<BoundAggregate> BindMoving(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  if (!type.IsNumber()) return IllegalAggregateArgument(call.name, type);
  size_t window = 0;
  if (!call.parameters.empty()) {
    HOGLET_ASSIGN_OR_RETURN(window, PositiveParameter(call, 0));
  }
  const bool whole = !kAverage && type.physical() != Physical::kI128 &&
                     (type.IsInteger() || type.kind() == TypeKind::kBool);
  if (whole) {
    const bool is_unsigned = type.IsUnsigned() || type.kind() == TypeKind::kBool;
    return MakeAggregate(Moving<uint64_t>{window, false},
                         Type::Array(Type(is_unsigned ? TypeKind::kUInt64 : TypeKind::kInt64)));
  }
  return MakeAggregate(Moving<double>{window, kAverage}, Type::Array(Type(TypeKind::kFloat64)));
}

// groupArraySample(size, seed): every value is as likely as any other to be in the result.
struct SampleOf {
  size_t size;
  uint64_t seed;
  struct State {
    std::vector<Datum> values;
    uint64_t seen = 0;
  };
  using Columns = ValueColumn;
  void Add(State& state, const Columns& columns, size_t row) const {
    Offer(state, columns.values.Get(row));
  }
  void Merge(State& into, const State& from) const {
    if (into.seen == 0 || into.seen + from.seen <= size) {
      if (into.seen == 0) into.values.clear();
      into.values.insert(into.values.end(), from.values.begin(), from.values.end());
      into.seen += from.seen;
      return;
    }
    // A place goes to the other sample as often as its share of all values.
    State mixed;
    mixed.seen = into.seen + from.seen;
    size_t a = 0;
    size_t b = 0;
    while (mixed.values.size() < size && (a < into.values.size() || b < from.values.size())) {
      const bool other = RandomBelow(mixed.seen, mixed.values.size() + mixed.seen) >= into.seen;
      if ((other && b < from.values.size()) || a >= into.values.size()) {
        mixed.values.push_back(from.values[b++]);
      } else {
        mixed.values.push_back(into.values[a++]);
      }
    }
    into = std::move(mixed);
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    for (const Datum& value : state.values) out->child().Append(value);
    out->CloseArray();
  }
  size_t ExtraBytes(const State& state) const { return HeapBytes(state.values); }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.seen);
    WriteDatums(state.values, out);
  }
  bool Read(ByteReader& reader, State* state) const {
    return reader.GetVarint(&state->seen) && ReadDatums(reader, &state->values);
  }

 private:
  uint64_t RandomBelow(uint64_t limit, uint64_t turn) const {
    return FastHash64(seed * 0x9e3779b97f4a7c15ULL + turn) % limit;
  }
  // Reservoir sampling (Vitter's algorithm R).
  void Offer(State& state, Datum value) const {
    ++state.seen;
    if (state.values.size() < size) {
      state.values.push_back(std::move(value));
      return;
    }
    const uint64_t slot = RandomBelow(state.seen, state.seen);
    if (slot < size) state.values[slot] = std::move(value);
  }
};

absl::StatusOr<BoundAggregate> BindSample(const AggregateCallInfo& call) {
  if (call.parameters.empty())
    return WrongAggregateArguments(call.name, "requires a size, and takes a seed, as parameters");
  SampleOf sample{0, 123456};
  HOGLET_ASSIGN_OR_RETURN(sample.size, PositiveParameter(call, 0));
  if (sample.size > InsertAt::kPositionsMax)
    return BadAggregateParameter(call.name, "give a size that is too large");
  if (call.parameters.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(sample.seed, UnsignedParameter(call, 1));
  }
  return MakeAggregate(sample, Type::Array(call.types[0]));
}

// groupArrayLast(size): a ring of the last values.
struct LastValues {
  size_t size;
  struct State {
    std::vector<Datum> values;
    uint64_t seen = 0;
  };
  using Columns = ValueColumn;
  void Add(State& state, const Columns& columns, size_t row) const {
    Offer(state, columns.values.Get(row));
  }
  void Merge(State& into, const State& from) const {
    ForEachInOrder(from, [&](const Datum& value) { Offer(into, value); });
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    ForEachInOrder(state, [&](const Datum& value) { out->child().Append(value); });
    out->CloseArray();
  }
  size_t ExtraBytes(const State& state) const { return HeapBytes(state.values); }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.seen);
    WriteDatums(state.values, out);
  }
  bool Read(ByteReader& reader, State* state) const {
    return reader.GetVarint(&state->seen) && ReadDatums(reader, &state->values) &&
           state->values.size() <= size && state->values.size() <= state->seen;
  }

 private:
  void Offer(State& state, Datum value) const {
    if (state.values.size() < size) {
      state.values.push_back(std::move(value));
    } else {
      state.values[state.seen % size] = std::move(value);
    }
    ++state.seen;
  }
  template <typename F>
  static void ForEachInOrder(const State& state, F f) {
    const size_t count = state.values.size();
    for (size_t i = 0; i < count; ++i) f(state.values[(state.seen + i) % count]);
  }
};

absl::StatusOr<BoundAggregate> BindLastValues(const AggregateCallInfo& call) {
  if (call.parameters.empty())
    return WrongAggregateArguments(call.name, "requires a size as parameter");
  HOGLET_ASSIGN_OR_RETURN(size_t size, PositiveParameter(call, 0));
  return MakeAggregate(LastValues{size}, Type::Array(call.types[0]));
}

constexpr AggregateEntry kEntries[] = {
    {"groupArrayInsertAt", 2, 2, BindInsertAt, false, 2},
    {"groupArrayMovingSum", 1, 1, BindMoving<false>, false, 1},
    {"groupArrayMovingAvg", 1, 1, BindMoving<true>, false, 1},
    {"groupArraySample", 1, 1, BindSample, false, 2},
    {"groupArrayLast", 1, 1, BindLastValues, false, 1},
};

}  // namespace

std::span<const AggregateEntry> ArrayAggregates() { return kEntries; }

}  // namespace hoglet::fn
