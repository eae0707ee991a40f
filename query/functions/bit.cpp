#include <algorithm>
#include <bit>

#include "query/functions/arrays.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// Bits of numbers and strings; sets of integers ("bitmaps"), which are kept as arrays without
// duplicates.

namespace hoglet::fn {
namespace {

bool IsWhole(const Type& type) {
  return (type.IsInteger() && type.physical() != Physical::kI128) || type.kind() == TypeKind::kBool;
}
int Bits(const Type& type) { return type.kind() == TypeKind::kBool ? 8 : type.IntegerBits(); }

// An int64_t function of integers under a type of any width.
template <typename... A, typename F>
Bound MapWhole(const Type& type, F f) {
  if (type.physical() == Physical::kU8) return MapRows<uint8_t, A...>(type, std::move(f));
  return MapRows<int64_t, A...>(type, std::move(f));
}

absl::StatusOr<Type> WiderType(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsWhole(call.type(i))) return call.BadType(i);
  }
  return IntegerType(std::max(Bits(call.type(0)), Bits(call.type(1))),
                     IsSigned(call.type(0)) || IsSigned(call.type(1)));
}

enum class Op { kAnd, kOr, kXor };

template <Op op>
Bound BindCombine(const Call& call) {
  HOGLET_ASSIGN_OR_RETURN(const Type type, WiderType(call));
  return MapWhole<int64_t, int64_t>(type, [kind = type.kind()](int64_t a, int64_t b) {
    return WrapInteger(kind, op == Op::kAnd ? a & b : op == Op::kOr ? a | b : a ^ b);
  });
}

Bound BindNot(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!IsWhole(call.type(0))) return call.BadType(0);
  const Type type = IntegerType(Bits(call.type(0)), IsSigned(call.type(0)));
  return MapWhole<int64_t>(type, [kind = type.kind()](int64_t a) { return WrapInteger(kind, ~a); });
}

absl::Status BadShift(std::string_view name) {
  return Error("argument_out_of_bound", "The number of shift positions of function ", name,
               " is negative or above the bits of the value");
}

// The bits of a string moved as those of one long number; moving right drops the bytes that run
// empty.
std::string ShiftText(std::string_view text, uint64_t by, bool left) {
  std::string out;
  const size_t bytes = by / 8;
  const int rest = static_cast<int>(by % 8);
  if (!left) {
    const std::string_view kept = text.substr(0, text.size() - std::min(bytes, text.size()));
    uint8_t carry = 0;
    for (char c : kept) {
      const auto byte = static_cast<uint8_t>(c);
      out.push_back(static_cast<char>(rest == 0 ? byte : (byte >> rest) | carry));
      carry = rest == 0 ? 0 : static_cast<uint8_t>(byte << (8 - rest));
    }
    return out;
  }
  uint8_t carry = 0;
  std::string reversed(bytes, '\0');
  for (size_t i = text.size(); i-- > 0;) {
    const auto byte = static_cast<uint8_t>(text[i]);
    reversed.push_back(
        static_cast<char>(rest == 0 ? byte : static_cast<uint8_t>(byte << rest) | carry));
    carry = rest == 0 ? 0 : static_cast<uint8_t>(byte >> (8 - rest));
  }
  if (carry != 0) reversed.push_back(static_cast<char>(carry));
  out.assign(reversed.rbegin(), reversed.rend());
  return out;
}

template <bool left>
Bound BindShift(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  const std::string name(call.name);
  if (call.type(0).IsStringLike()) {
    if (!IsWhole(call.type(1))) return call.BadType(1);
    return MapStrings<std::string_view, int64_t>(
        StringType(), [name](std::string_view text, int64_t by, std::string* out) -> absl::Status {
          if (by < 0 || static_cast<uint64_t>(by) > text.size() * 8) return BadShift(name);
          *out = ShiftText(text, static_cast<uint64_t>(by), left);
          return absl::OkStatus();
        });
  }
  HOGLET_ASSIGN_OR_RETURN(const Type type, WiderType(call));
  const int64_t bits = Bits(type);
  return MapWhole<int64_t, int64_t>(
      type, [=, kind = type.kind()](int64_t a, int64_t by) -> absl::StatusOr<int64_t> {
        if (by < 0 || by > bits) return BadShift(name);
        if (by == bits) return 0;
        if (left) return WrapInteger(kind, static_cast<int64_t>(static_cast<uint64_t>(a) << by));
        if (kind == TypeKind::kUInt64) return static_cast<int64_t>(static_cast<uint64_t>(a) >> by);
        return WrapInteger(kind, a) >> by;
      });
}

template <bool left>
Bound BindRotate(const Call& call) {
  HOGLET_ASSIGN_OR_RETURN(const Type type, WiderType(call));
  const int bits = Bits(type);
  return MapWhole<int64_t, int64_t>(type, [bits, kind = type.kind()](int64_t a, int64_t by) {
    const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    const uint64_t value = static_cast<uint64_t>(a) & mask;
    int shift = static_cast<int>(static_cast<uint64_t>(by) % static_cast<uint64_t>(bits));
    if (!left) shift = (bits - shift) % bits;
    const uint64_t turned = shift == 0 ? value : (value << shift | value >> (bits - shift)) & mask;
    return WrapInteger(kind, static_cast<int64_t>(turned));
  });
}

Bound BindTest(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsWhole(call.type(i))) return call.BadType(i);
  }
  const int64_t bits = Bits(call.type(0));
  return MapRows<uint8_t, int64_t, int64_t>(
      U8(), [bits](int64_t a, int64_t at) -> absl::StatusOr<uint8_t> {
        if (at < 0 || at >= bits) {
          return Error("parameter_out_of_bound", "The bit position ", at, " is outside the ", bits,
                       " bits of the number");
        }
        return static_cast<uint8_t>(static_cast<uint64_t>(a) >> at & 1);
      });
}

template <bool all>
Bound BindTestMany(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, SIZE_MAX));
  for (size_t i = 0; i < call.size(); ++i) {
    if (!IsWhole(call.type(i))) return call.BadType(i);
  }
  const int64_t bits = Bits(call.type(0));
  return MakeFunction(U8(), [bits](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<Input<int64_t>> in;
    for (const Vector& arg : batch.args) in.emplace_back(arg);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      uint64_t mask = 0;
      for (size_t a = 1; a < in.size() && batch.live(i); ++a) {
        if (in[a][i] < 0 || in[a][i] >= bits) {
          return Error("parameter_out_of_bound", "The bit position ", in[a][i],
                       " is outside the number");
        }
        mask |= uint64_t{1} << in[a][i];
      }
      const uint64_t hit = static_cast<uint64_t>(in[0][i]) & mask;
      out.mutable_data<uint8_t>()[i] = all ? hit == mask : hit != 0;
    }
    return out;
  });
}

int64_t OnesOf(std::string_view text) {
  int64_t ones = 0;
  for (char c : text) ones += std::popcount(static_cast<uint8_t>(c));
  return ones;
}

uint64_t Masked(int64_t value, int bits) {
  return static_cast<uint64_t>(value) & (bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1);
}

Bound BindCount(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& a = call.type(0);
  if (a.IsStringLike()) return MapRows<int64_t, std::string_view>(U64(), OnesOf);
  if (a.kind() == TypeKind::kFloat64) {
    return MapRows<uint8_t, double>(
        U8(), [](double x) { return std::popcount(std::bit_cast<uint64_t>(x)); });
  }
  if (!IsWhole(a)) return call.BadType(0);
  return MapRows<uint8_t, int64_t>(
      U8(), [bits = Bits(a)](int64_t x) { return std::popcount(Masked(x, bits)); });
}

Bound BindHamming(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (call.type(0).IsStringLike() && call.type(1).IsStringLike()) {
    return MapRows<int64_t, std::string_view, std::string_view>(
        U64(), [](std::string_view a, std::string_view b) -> absl::StatusOr<int64_t> {
          if (a.size() != b.size())
            return Error("bad_arguments", "The strings have different sizes");
          int64_t different = 0;
          for (size_t i = 0; i < a.size(); ++i)
            different += std::popcount(static_cast<uint8_t>(a[i] ^ b[i]));
          return different;
        });
  }
  HOGLET_ASSIGN_OR_RETURN(const Type type, WiderType(call));
  return MapRows<uint8_t, int64_t, int64_t>(U8(), [bits = Bits(type)](int64_t a, int64_t b) {
    return std::popcount(Masked(a ^ b, bits));
  });
}

// Bits [offset, offset + length) of a string, 1-based, from the left; negative offsets count from
// the end. The bits end up at the right end of the result.
std::string SliceBits(std::string_view text, int64_t offset, std::optional<int64_t> length) {
  const auto size = static_cast<int64_t>(text.size()) * 8;
  if (offset == 0) return "";
  int64_t begin = offset > 0 ? offset - 1 : size + std::max(offset, -size - 1);
  int64_t end = size;
  if (length.has_value()) {
    end = *length >= 0 ? begin + std::min(*length, 2 * size + 2)
                       : size + std::max(*length, -size - 1);
  }
  begin = std::max<int64_t>(begin, 0);
  end = std::min(end, size);
  if (begin >= end) return "";
  std::string out(static_cast<size_t>((end - begin + 7) / 8), '\0');
  for (int64_t bit = end - 1, to = static_cast<int64_t>(out.size()) * 8 - 1; bit >= begin;
       --bit, --to) {
    const bool set = static_cast<uint8_t>(text[static_cast<size_t>(bit / 8)]) >> (7 - bit % 8) & 1;
    if (set) out[static_cast<size_t>(to / 8)] |= static_cast<char>(1 << (7 - to % 8));
  }
  return out;
}

Bound BindSlice(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  for (size_t i = 1; i < call.size(); ++i) {
    if (!IsWhole(call.type(i))) return call.BadType(i);
  }
  if (call.size() == 2) {
    return MapStrings<std::string_view, int64_t>(
        StringType(), [](std::string_view text, int64_t offset, std::string* out) {
          *out = SliceBits(text, offset, std::nullopt);
        });
  }
  return MapStrings<std::string_view, int64_t, int64_t>(
      StringType(), [](std::string_view text, int64_t offset, int64_t length, std::string* out) {
        *out = SliceBits(text, offset, length);
      });
}

// Bitmaps.

using Members = std::vector<Datum>;

absl::Status ExpectBitmap(const Call& call, size_t i) {
  if (IsArray(call.type(i)) && IsWhole(call.type(i).element()) &&
      !call.type(i).element().nullable()) {
    return absl::OkStatus();
  }
  return call.BadType(i);
}

bool Includes(const Members& members, int64_t value) {
  return std::any_of(members.begin(), members.end(),
                     [&](const Datum& member) { return member.integer() == value; });
}

Members Distinct(const Members& members) {
  Members out;
  absl::flat_hash_set<int64_t> seen;
  for (const Datum& member : members) {
    if (seen.insert(member.integer()).second) out.push_back(member);
  }
  return out;
}

Bound BindBitmapBuild(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_RETURN_IF_ERROR(ExpectBitmap(call, 0));
  return call.catalog.BindScalar("arrayDistinct", call.args, call.context);
}

Bound BindBitmapToArray(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_RETURN_IF_ERROR(ExpectBitmap(call, 0));
  return Identity(call.type(0));
}

enum class SetOp { kAnd, kOr, kXor, kAndNot };

Members Combine(SetOp op, const Members& a, const Members& b) {
  absl::flat_hash_set<int64_t> in_a, in_b;
  for (const Datum& member : a) in_a.insert(member.integer());
  for (const Datum& member : b) in_b.insert(member.integer());
  Members out;
  for (const Datum& member : a) {
    const bool both = in_b.contains(member.integer());
    if (op == SetOp::kOr || (op == SetOp::kAnd) == both) out.push_back(member);
  }
  if (op == SetOp::kOr || op == SetOp::kXor) {
    for (const Datum& member : b) {
      if (!in_a.contains(member.integer())) out.push_back(member);
    }
  }
  return out;
}

template <SetOp op, bool cardinality>
Bound BindBitmapOp(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) HOGLET_RETURN_IF_ERROR(ExpectBitmap(call, i));
  const Type both[] = {call.type(0), call.type(1)};
  HOGLET_ASSIGN_OR_RETURN(const Type common, CommonType(both, call.name));
  return MapDatums(cardinality ? U64() : common,
                   [](std::span<const Datum> in) -> absl::StatusOr<Datum> {
                     Members members = Combine(op, in[0].list(), in[1].list());
                     if (cardinality) return Datum(static_cast<int64_t>(members.size()));
                     return Datum(std::move(members));
                   });
}

enum class Measure { kCount, kMin, kMax };

template <Measure measure>
Bound BindBitmapMeasure(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_RETURN_IF_ERROR(ExpectBitmap(call, 0));
  return MapDatums(U64(), [](std::span<const Datum> in) -> absl::StatusOr<Datum> {
    const Members& members = in[0].list();
    if (measure == Measure::kCount) return Datum(static_cast<int64_t>(members.size()));
    // Of nothing: the smallest is the largest number, the largest 0.
    uint64_t value = measure == Measure::kMin ? UINT64_MAX : 0;
    for (const Datum& member : members) {
      const auto one = static_cast<uint64_t>(member.integer());
      value = measure == Measure::kMin ? std::min(value, one) : std::max(value, one);
    }
    return Datum(static_cast<int64_t>(value));
  });
}

Bound BindBitmapContains(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectBitmap(call, 0));
  if (!IsWhole(call.type(1))) return call.BadType(1);
  return MapDatums(U8(), [](std::span<const Datum> in) -> absl::StatusOr<Datum> {
    return Datum(int64_t{Includes(in[0].list(), in[1].integer())});
  });
}

template <bool all>
Bound BindBitmapHas(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) HOGLET_RETURN_IF_ERROR(ExpectBitmap(call, i));
  return call.catalog.BindScalar(all ? "hasAll" : "hasAny", call.args, call.context);
}

Members Sorted(Members members) {
  std::sort(members.begin(), members.end(), [](const Datum& a, const Datum& b) {
    return static_cast<uint64_t>(a.integer()) < static_cast<uint64_t>(b.integer());
  });
  return members;
}

enum class Part { kRange, kLimit, kOffset };

// Members in [from, to); `count` members from a value on; `count` members after skipping some.
template <Part part>
Bound BindBitmapPart(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  HOGLET_RETURN_IF_ERROR(ExpectBitmap(call, 0));
  for (size_t i = 1; i < 3; ++i) {
    if (!IsWhole(call.type(i))) return call.BadType(i);
  }
  return MapDatums(call.type(0), [](std::span<const Datum> in) -> absl::StatusOr<Datum> {
    const auto from = static_cast<uint64_t>(in[1].integer());
    const auto to = static_cast<uint64_t>(in[2].integer());
    Members out;
    uint64_t skipped = 0;
    for (const Datum& member : Sorted(in[0].list())) {
      const auto value = static_cast<uint64_t>(member.integer());
      if (part == Part::kOffset ? skipped++ < from : value < from) continue;
      if (part == Part::kRange ? value >= to : out.size() >= to) break;
      out.push_back(member);
    }
    return Datum(std::move(out));
  });
}

Bound BindBitmapTransform(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  for (size_t i = 0; i < 3; ++i) HOGLET_RETURN_IF_ERROR(ExpectBitmap(call, i));
  const Type type = call.type(0);
  return MapDatums(type,
                   [name = std::string(call.name), kind = type.element().kind()](
                       std::span<const Datum> in) -> absl::StatusOr<Datum> {
                     const Members& from = in[1].list();
                     const Members& to = in[2].list();
                     if (from.size() != to.size()) return SizesDiffer(name);
                     Members kept, added;
                     for (const Datum& member : in[0].list()) {
                       const auto at = std::find(from.begin(), from.end(), member);
                       if (at == from.end()) {
                         kept.push_back(member);
                       } else {
                         added.push_back(Datum(WrapInteger(
                             kind, to[static_cast<size_t>(at - from.begin())].integer())));
                       }
                     }
                     kept.insert(kept.end(), added.begin(), added.end());
                     return Datum(Distinct(kept));
                   });
}

constexpr ScalarEntry kTable[] = {
    {"bitAnd", BindCombine<Op::kAnd>},
    {"bitOr", BindCombine<Op::kOr>},
    {"bitXor", BindCombine<Op::kXor>},
    {"bitNot", BindNot},
    {"bitShiftLeft", BindShift<true>},
    {"bitShiftRight", BindShift<false>},
    {"bitRotateLeft", BindRotate<true>},
    {"bitRotateRight", BindRotate<false>},
    {"bitTest", BindTest},
    {"bitTestAll", BindTestMany<true>},
    {"bitTestAny", BindTestMany<false>},
    {"bitCount", BindCount},
    {"bitHammingDistance", BindHamming},
    {"bitSlice", BindSlice},
    {"bitmapBuild", BindBitmapBuild},
    {"bitmapToArray", BindBitmapToArray},
    {"bitmapAnd", BindBitmapOp<SetOp::kAnd, false>},
    {"bitmapOr", BindBitmapOp<SetOp::kOr, false>},
    {"bitmapXor", BindBitmapOp<SetOp::kXor, false>},
    {"bitmapAndnot", BindBitmapOp<SetOp::kAndNot, false>},
    {"bitmapAndCardinality", BindBitmapOp<SetOp::kAnd, true>},
    {"bitmapOrCardinality", BindBitmapOp<SetOp::kOr, true>},
    {"bitmapXorCardinality", BindBitmapOp<SetOp::kXor, true>},
    {"bitmapAndnotCardinality", BindBitmapOp<SetOp::kAndNot, true>},
    {"bitmapCardinality", BindBitmapMeasure<Measure::kCount>},
    {"bitmapMin", BindBitmapMeasure<Measure::kMin>},
    {"bitmapMax", BindBitmapMeasure<Measure::kMax>},
    {"bitmapContains", BindBitmapContains},
    {"bitmapHasAll", BindBitmapHas<true>},
    {"bitmapHasAny", BindBitmapHas<false>},
    {"bitmapSubsetInRange", BindBitmapPart<Part::kRange>},
    {"bitmapSubsetLimit", BindBitmapPart<Part::kLimit>},
    {"subBitmap", BindBitmapPart<Part::kOffset>},
    {"bitmapTransform", BindBitmapTransform},
};

}  // namespace

std::span<const ScalarEntry> BitFunctions() { return kTable; }

}  // namespace hoglet::fn
