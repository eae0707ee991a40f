#include <algorithm>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"

// Bitwise and, or and exclusive or of whole columns; sets of integers ("bitmaps"), whose states are
// arrays like those of the bitmap functions (bit.cpp).

namespace hoglet::fn {
namespace {

enum class BitOp { kAnd, kOr, kXor };

template <typename T, BitOp kOp>
struct FoldBits {
  TypeKind kind;
  struct State {
    T bits = kOp == BitOp::kAnd ? static_cast<T>(-1) : T{0};
  };
  using Columns = OneColumn<T>;
  void Add(State& state, const Columns& columns, size_t row) const {
    Fold(state, columns.values.at(row));
  }
  void Merge(State& into, const State& from) const { Fold(into, from.bits); }
  void Finalize(const State& state, VectorBuilder* out) const {
    if constexpr (sizeof(T) == 16) {
      out->AppendWide(state.bits);
    } else {
      out->AppendInteger(WrapInteger(kind, static_cast<int64_t>(state.bits)));
    }
  }

 private:
  static void Fold(State& state, T bits) {
    if constexpr (kOp == BitOp::kAnd) state.bits = static_cast<T>(state.bits & bits);
    if constexpr (kOp == BitOp::kOr) state.bits = static_cast<T>(state.bits | bits);
    if constexpr (kOp == BitOp::kXor) state.bits = static_cast<T>(state.bits ^ bits);
  }
};

template <BitOp kOp>
absl::StatusOr<BoundAggregate> BindFold(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  if (!type.IsInteger() && type.kind() != TypeKind::kBool)
    return IllegalAggregateArgument(call.name, type);
  switch (type.physical()) {
    case Physical::kU8:
      return MakeAggregate(FoldBits<uint8_t, kOp>{type.kind()}, Type(TypeKind::kUInt8));
    case Physical::kI64:
      return MakeAggregate(FoldBits<int64_t, kOp>{type.kind()}, type);
    default:
      return MakeAggregate(FoldBits<Int128, kOp>{type.kind()}, type);
  }
}

// A set of integers; `started` tells the intersection of no sets from an empty one.
struct IntegerSet {
  absl::flat_hash_set<int64_t> members;
  bool started = false;
};

enum class SetOp { kAdd, kAnd, kOr, kXor };

template <SetOp kOp, bool kAsArray>
struct Bitmap {
  using State = IntegerSet;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(arguments[0].Flatten()) {}
    Vector values;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    if constexpr (kOp == SetOp::kAdd) {
      state.members.insert(IntegerAt(columns.values, row));
    } else {
      State other;
      other.started = true;
      for (uint32_t e = columns.values.offsets()[row]; e < columns.values.offsets()[row + 1]; ++e)
        other.members.insert(IntegerAt(columns.values.child(), e));
      Merge(state, other);
    }
  }
  void Merge(State& into, const State& from) const {
    if constexpr (kOp == SetOp::kAnd) {
      if (!from.started) return;
      if (!into.started) {
        into = from;
        return;
      }
      absl::erase_if(into.members, [&](int64_t m) { return !from.members.contains(m); });
    } else {
      for (int64_t member : from.members) {
        const bool added = into.members.insert(member).second;
        if (kOp == SetOp::kXor && !added) into.members.erase(member);
      }
    }
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    if constexpr (!kAsArray) {
      out->AppendInteger(static_cast<int64_t>(state.members.size()));
    } else {
      std::vector<int64_t> sorted(state.members.begin(), state.members.end());
      std::sort(sorted.begin(), sorted.end(), [](int64_t a, int64_t b) {
        return static_cast<uint64_t>(a) < static_cast<uint64_t>(b);
      });
      for (int64_t member : sorted) out->child().AppendInteger(member);
      out->CloseArray();
    }
  }
  size_t ExtraBytes(const State& state) const { return state.members.capacity() * 9; }
  void Write(const State& state, std::string* out) const {
    out->push_back(state.started);
    PutVarint(out, state.members.size());
    for (int64_t member : state.members) PutLittle(out, member);
  }
  bool Read(ByteReader& reader, State* state) const {
    uint8_t started = 0;
    uint64_t count = 0;
    if (!reader.GetLittle(&started) || !reader.GetVarint(&count) ||
        count > reader.left().size() / 8) {
      return false;
    }
    state->started = started != 0;
    for (uint64_t i = 0; i < count; ++i) {
      int64_t member = 0;
      if (!reader.GetLittle(&member)) return false;
      state->members.insert(member);
    }
    return true;
  }

 private:
  static int64_t IntegerAt(const Vector& vector, size_t row) {
    return vector.type().physical() == Physical::kU8 ? vector.data<uint8_t>()[row]
                                                     : vector.data<int64_t>()[row];
  }
};

template <SetOp kOp, bool kAsArray>
absl::StatusOr<BoundAggregate> BindBitmap(const AggregateCallInfo& call) {
  const Type& type = call.types[0];
  const bool of_sets = kOp != SetOp::kAdd;
  if (of_sets && type.kind() != TypeKind::kArray) return IllegalAggregateArgument(call.name, type);
  const Type& member = of_sets ? type.element() : type;
  if (!member.IsInteger() || member.nullable() || member.physical() == Physical::kI128)
    return IllegalAggregateArgument(call.name, type);
  return MakeAggregate(Bitmap<kOp, kAsArray>(),
                       kAsArray ? Type::Array(member) : Type(TypeKind::kUInt64));
}

constexpr AggregateEntry kEntries[] = {
    {"groupBitAnd", 1, 1, BindFold<BitOp::kAnd>, true},
    {"groupBitOr", 1, 1, BindFold<BitOp::kOr>, true},
    {"groupBitXor", 1, 1, BindFold<BitOp::kXor>, true},
    {"groupBitmap", 1, 1, BindBitmap<SetOp::kAdd, false>, false},
    {"groupBitmapAnd", 1, 1, BindBitmap<SetOp::kAnd, false>, false},
    {"groupBitmapOr", 1, 1, BindBitmap<SetOp::kOr, false>, false},
    {"groupBitmapXor", 1, 1, BindBitmap<SetOp::kXor, false>, false},
    {"groupBitmapState", 1, 1, BindBitmap<SetOp::kAdd, true>, false},
    {"groupBitmapAndState", 1, 1, BindBitmap<SetOp::kAnd, true>, false},
    {"groupBitmapOrState", 1, 1, BindBitmap<SetOp::kOr, true>, false},
    {"groupBitmapXorState", 1, 1, BindBitmap<SetOp::kXor, true>, false},
    {"groupBitmapMerge", 1, 1, BindBitmap<SetOp::kOr, false>, false},
};

}  // namespace

std::span<const AggregateEntry> BitAggregates() { return kEntries; }

}  // namespace hoglet::fn
