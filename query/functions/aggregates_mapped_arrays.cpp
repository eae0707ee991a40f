#include <algorithm>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"

// sumMap, minMap and maxMap of arrays: the first array holds keys, each further one values that
// belong to them. (Of maps they are the -Map combinator.)

namespace hoglet::fn {
namespace {

enum class Fold { kSum, kMin, kMax };

struct KeyedValues {
  Datum key;
  std::vector<Datum> values;  // NULL: none came yet
};

template <Fold kFold>
struct MappedArrays {
  std::vector<Type> types;  // elements of the arrays, keys first, not nullable

  using State = StringMap<KeyedValues>;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) {
      if (arguments[0].type().kind() == TypeKind::kTuple) {
        const Vector tuple = arguments[0].Flatten();
        for (const Vector& element : tuple.children()) arrays.push_back(element.Flatten());
      } else {
        for (const Vector& argument : arguments) arrays.push_back(argument.Flatten());
      }
    }
    std::vector<Vector> arrays;
  };

  absl::Status Add(State& state, const Columns& columns, size_t row) const {
    const uint32_t* offsets = columns.arrays[0].offsets();
    const uint32_t count = offsets[row + 1] - offsets[row];
    for (const Vector& array : columns.arrays) {
      if (array.offsets()[row + 1] - array.offsets()[row] != count) {
        return WithErrorCode(
            absl::InvalidArgumentError("Sizes of keys and values arrays do not match"),
            "sizes_of_arrays_dont_match");
      }
    }
    std::string bytes;
    for (uint32_t e = 0; e < count; ++e) {
      const Vector& keys = columns.arrays[0].child();
      if (keys.IsNull(offsets[row] + e)) continue;
      bytes.clear();
      AppendKey(keys, offsets[row] + e, &bytes);
      KeyedValues& entry = EntryOf(state, bytes, [&] { return keys.Get(offsets[row] + e); });
      for (size_t a = 1; a < columns.arrays.size(); ++a) {
        const Vector& array = columns.arrays[a];
        Offer(types[a], array.child().Get(array.offsets()[row] + e), &entry.values[a - 1]);
      }
    }
    return absl::OkStatus();
  }
  void Merge(State& into, const State& from) const {
    for (const auto& mapped : from) {
      const KeyedValues& other = mapped.second;
      KeyedValues& entry = EntryOf(into, mapped.first, [&] { return other.key; });
      for (size_t a = 1; a < types.size(); ++a)
        Offer(types[a], other.values[a - 1], &entry.values[a - 1]);
    }
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    std::vector<const KeyedValues*> sorted;
    for (const auto& [bytes, entry] : state) {
      // Sums of nothing but zero are left out.
      if (kFold == Fold::kSum && AllDefault(entry)) continue;
      sorted.push_back(&entry);
    }
    std::sort(sorted.begin(), sorted.end(), [this](const auto* a, const auto* b) {
      return CompareDatums(types[0], a->key, b->key) < 0;
    });
    for (const KeyedValues* entry : sorted) out->child(0).child().Append(entry->key);
    out->child(0).CloseArray();
    for (size_t a = 1; a < types.size(); ++a) {
      VectorBuilder& array = out->child(a);
      for (const KeyedValues* entry : sorted) {
        if (entry->values[a - 1].is_null()) {
          array.child().AppendDefault();
        } else {
          array.child().Append(entry->values[a - 1]);
        }
      }
      array.CloseArray();
    }
    out->CloseTuple();
  }
  size_t ExtraBytes(const State& state) const {
    size_t bytes = state.capacity() * (sizeof(KeyedValues) + 64);
    for (const auto& [key, entry] : state)
      bytes += key.capacity() + HeapBytes(entry.key) + HeapBytes(entry.values);
    return bytes;
  }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.size());
    for (const auto& [bytes, entry] : state) {
      WriteDatum(entry.key, out);
      for (const Datum& value : entry.values) WriteDatum(value, out);
    }
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > reader.left().size()) return false;
    for (uint64_t i = 0; i < count; ++i) {
      KeyedValues entry{{}, std::vector<Datum>(types.size() - 1)};
      if (!ReadDatum(reader, &entry.key)) return false;
      for (Datum& value : entry.values) {
        if (!ReadDatum(reader, &value)) return false;
      }
      std::string bytes;
      AppendKey(types[0], entry.key, &bytes);
      state->emplace(std::move(bytes), std::move(entry));
    }
    return true;
  }

 private:
  template <typename F>
  KeyedValues& EntryOf(State& state, const std::string& bytes, F key) const {
    const auto found = state.find(std::string_view(bytes));
    if (found != state.end()) return found->second;
    return state.emplace(bytes, KeyedValues{key(), std::vector<Datum>(types.size() - 1)})
        .first->second;
  }
  static void Offer(const Type& type, Datum value, Datum* kept) {
    if (value.is_null()) return;
    if (kept->is_null()) {
      *kept = std::move(value);
    } else if constexpr (kFold == Fold::kSum) {
      AddTo(value, kept);
    } else {
      const int order = CompareDatums(type, value, *kept);
      if (kFold == Fold::kMin ? order < 0 : order > 0) *kept = std::move(value);
    }
  }
  static void AddTo(const Datum& value, Datum* sum) {
    if (std::holds_alternative<double>(value.value)) {
      *sum = Datum(sum->number() + value.number());
    } else if (std::holds_alternative<Int128>(value.value)) {
      *sum = Datum(static_cast<Int128>(static_cast<UInt128>(sum->wide()) +
                                       static_cast<UInt128>(value.wide())));
    } else {
      *sum = Datum(static_cast<int64_t>(static_cast<uint64_t>(sum->integer()) +
                                        static_cast<uint64_t>(value.integer())));
    }
  }
  bool AllDefault(const KeyedValues& entry) const {
    for (size_t a = 1; a < types.size(); ++a) {
      const Datum& value = entry.values[a - 1];
      if (!value.is_null() && !(value == DefaultOf(types[a]))) return false;
    }
    return true;
  }
};

// What sums of the values are typed as.
absl::StatusOr<Type> SumType(const AggregateCallInfo& call, const Type& type) {
  if (type.IsFloat()) return Type(TypeKind::kFloat64);
  if (type.kind() == TypeKind::kDecimal) return type;
  if (type.physical() == Physical::kI128 && type.IsInteger()) return type;
  if (!type.IsInteger() && type.kind() != TypeKind::kBool)
    return IllegalAggregateArgument(call.name, type);
  const bool is_unsigned = type.IsUnsigned() || type.kind() == TypeKind::kBool;
  return Type(is_unsigned ? TypeKind::kUInt64 : TypeKind::kInt64);
}

template <Fold kFold>
absl::StatusOr<BoundAggregate> BindMappedArrays(const AggregateCallInfo& call) {
  const bool is_tuple = call.types[0].kind() == TypeKind::kTuple;
  const auto arrays = is_tuple ? std::span<const Type>(call.types[0].children()) : call.types;
  if (arrays.size() < 2 || (is_tuple && call.types.size() > 1)) {
    return WrongAggregateArguments(call.name,
                                   "requires at least two arguments of Array type or one argument "
                                   "of tuple of two arrays");
  }
  MappedArrays<kFold> mapped;
  std::vector<Type> results;
  for (size_t a = 0; a < arrays.size(); ++a) {
    if (arrays[a].kind() != TypeKind::kArray) return IllegalAggregateArgument(call.name, arrays[a]);
    Type element = arrays[a].element().NotNullable();
    mapped.types.push_back(element);
    if (a > 0 && kFold == Fold::kSum) {
      HOGLET_ASSIGN_OR_RETURN(element, SumType(call, element));
    }
    results.push_back(Type::Array(std::move(element)));
  }
  return MakeAggregate(std::move(mapped), Type::Tuple(std::move(results)));
}

constexpr AggregateEntry kEntries[] = {
    {"sumMappedArrays", 1, kManyArguments, BindMappedArrays<Fold::kSum>, true},
    {"minMappedArrays", 1, kManyArguments, BindMappedArrays<Fold::kMin>, true},
    {"maxMappedArrays", 1, kManyArguments, BindMappedArrays<Fold::kMax>, true},
};

}  // namespace

std::span<const AggregateEntry> MappedArrayAggregates() { return kEntries; }

}  // namespace hoglet::fn
