#include <atomic>

#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "src/base/hash.h"

// Functions of no other topic.

namespace hoglet::fn {
namespace {

// Random bits from the engine's state.
uint64_t NextRandom(EvalContext& context) {
  constexpr uint64_t kStep = 0x9E3779B97F4A7C15ull;
  static std::atomic<uint64_t> fallback{1};
  std::atomic<uint64_t>& state = context.random_state != nullptr ? *context.random_state : fallback;
  uint64_t x = state.fetch_add(kStep, std::memory_order_relaxed) + kStep;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

template <int bits>
Bound BindRand(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 1));
  const Type type = IntegerType(bits, false);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector out = Vector::Flat(type, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      out.mutable_data<int64_t>()[i] =
          static_cast<int64_t>(NextRandom(batch.context) >> (64 - bits));
    }
    return out;
  });
}

Bound BindRandCanonical(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 1));
  return MakeFunction(F64(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector out = Vector::Flat(F64(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      out.mutable_data<double>()[i] =
          static_cast<double>(NextRandom(batch.context) >> 11) * 0x1p-53;
    }
    return out;
  });
}

// A UUID is held as its 16 bytes read as one big-endian number.
UInt128 Stamp(UInt128 bits, int version) {
  bits &= ~(static_cast<UInt128>(0xF) << 76);
  bits |= static_cast<UInt128>(version) << 76;
  bits &= ~(static_cast<UInt128>(3) << 62);
  return bits | static_cast<UInt128>(2) << 62;
}

template <int version>
Bound BindGenerateUuid(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 1));
  const Type type(TypeKind::kUuid);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector out = Vector::Flat(type, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      UInt128 bits =
          static_cast<UInt128>(NextRandom(batch.context)) << 64 | NextRandom(batch.context);
      if (version == 7) {
        const auto ms = static_cast<UInt128>(static_cast<uint64_t>(batch.context.now_us / 1000));
        bits = (bits & ((static_cast<UInt128>(1) << 80) - 1)) | ms << 80;
      }
      out.mutable_data<Int128>()[i] = static_cast<Int128>(Stamp(bits, version));
    }
    return out;
  });
}

// The time of a version 7 id, the epoch for others.
Bound BindUuidToDateTime(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  if (call.type(0).kind() != TypeKind::kUuid) return call.BadType(0);
  std::string zone;
  if (call.size() == 2) {
    HOGLET_ASSIGN_OR_RETURN(zone, call.ConstantString(1));
  }
  return MapRows<int64_t, Int128>(Type::DateTime64(3, zone), [](Int128 value) {
    const auto bits = static_cast<UInt128>(value);
    const bool seven = (bits >> 76 & 0xF) == 7;
    return seven ? static_cast<int64_t>(bits >> 80) : int64_t{0};
  });
}

template <int value>
Bound BindConstantFlag(const Call& call) {
  (void)call;
  return MakeFunction(U8(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    return Vector::Constant(U8(), Datum(value), batch.rows);
  });
}

Bound BindIdentity(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  return Identity(call.type(0));
}

Bound BindRowNumberInBlock(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 0));
  return MakeFunction(U64(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector out = Vector::Flat(U64(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i)
      out.mutable_data<int64_t>()[i] = static_cast<int64_t>(i);
    return out;
  });
}

Bound BindRowNumber(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 0));
  auto next = std::make_shared<std::atomic<uint64_t>>(0);
  return MakeFunction(U64(), [next](const Batch& batch) -> absl::StatusOr<Vector> {
    const uint64_t first = next->fetch_add(batch.rows, std::memory_order_relaxed);
    Vector out = Vector::Flat(U64(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i)
      out.mutable_data<int64_t>()[i] = static_cast<int64_t>(first + i);
    return out;
  });
}

constexpr ScalarEntry kTable[] = {
    {"rand", BindRand<32>, kNondeterministic | kSeesNulls},
    {"rand32", BindRand<32>, kNondeterministic | kSeesNulls},
    {"rand64", BindRand<64>, kNondeterministic | kSeesNulls},
    {"randCanonical", BindRandCanonical, kNondeterministic | kSeesNulls},
    {"generateUUIDv4", BindGenerateUuid<4>, kNondeterministic | kSeesNulls},
    {"generateUUIDv7", BindGenerateUuid<7>, kNondeterministic | kSeesNulls},
    {"UUIDv7ToDateTime", BindUuidToDateTime},
    {"ignore", BindConstantFlag<0>, kSeesNulls},
    {"indexHint", BindConstantFlag<1>, kSeesNulls},
    {"identity", BindIdentity, kSeesNulls},
    {"materialize", BindIdentity, kSeesNulls | kNondeterministic},
    {"rowNumberInBlock", BindRowNumberInBlock, kNondeterministic},
    {"rowNumberInAllBlocks", BindRowNumber, kNondeterministic},
};

}  // namespace

std::span<const ScalarEntry> MiscFunctions() { return kTable; }

}  // namespace hoglet::fn
