#include "query/functions/registry.h"
#include "query/functions/types.h"

// and, or, xor, not in three-valued logic.

namespace hoglet::fn {
namespace {

enum class Gate { kAnd, kOr, kXor };

// Truth of every row: 0 false, 1 true, 2 NULL.
void States(const Vector& vector, size_t rows, std::vector<uint8_t>* out) {
  if (vector.type().physical() == Physical::kNone) {
    out->assign(rows, 2);
    return;
  }
  *out = Truth(vector, rows);
  if (!vector.MayHaveNulls()) return;
  for (size_t i = 0; i < rows; ++i) {
    if (vector.IsNull(i)) (*out)[i] = 2;
  }
}

template <Gate gate>
uint8_t Combine(uint8_t a, uint8_t b) {
  if constexpr (gate == Gate::kAnd) return a == 0 || b == 0 ? 0 : a == 2 || b == 2 ? 2 : 1;
  if constexpr (gate == Gate::kOr) return a == 1 || b == 1 ? 1 : a == 2 || b == 2 ? 2 : 0;
  return a == 2 || b == 2 ? 2 : a ^ b;
}

bool AllPlain(const Batch& batch) {
  for (const Vector& arg : batch.args) {
    if (arg.type().physical() != Physical::kU8 || arg.validity() != nullptr) return false;
  }
  return true;
}

template <Gate gate>
absl::StatusOr<Vector> Plain(const Batch& batch) {
  Vector out = Vector::Flat(U8(), batch.rows);
  auto* data = out.mutable_data<uint8_t>();
  std::fill_n(data, batch.rows, gate == Gate::kAnd);
  for (const Vector& arg : batch.args) {
    const uint8_t* in = arg.data<uint8_t>();
    if (arg.is_constant()) {
      const bool value = in[0] != 0;
      if (gate == Gate::kXor) {
        for (size_t i = 0; i < batch.rows; ++i) data[i] ^= static_cast<uint8_t>(value);
      } else if (value == (gate == Gate::kOr)) {
        std::fill_n(data, batch.rows, static_cast<uint8_t>(value));
      }
      continue;
    }
    for (size_t i = 0; i < batch.rows; ++i) {
      const auto value = static_cast<uint8_t>(in[i] != 0);
      if constexpr (gate == Gate::kAnd) data[i] &= value;
      if constexpr (gate == Gate::kOr) data[i] |= value;
      if constexpr (gate == Gate::kXor) data[i] ^= value;
    }
  }
  return out;
}

template <Gate gate>
Bound BindGate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  Type type = U8();
  for (size_t i = 0; i < call.size(); ++i) {
    if (!call.type(i).IsNumber() && !IsNothing(call.type(i))) return call.BadType(i);
    if (call.type(i).kind() == TypeKind::kDecimal || call.type(i).IsFloat()) return call.BadType(i);
    if (call.type(i).nullable() || IsNothing(call.type(i))) type = type.Nullable();
  }
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    if (AllPlain(batch)) return Plain<gate>(batch);
    std::vector<uint8_t> result;
    std::vector<uint8_t> next;
    States(batch.args[0], batch.rows, &result);
    for (size_t a = 1; a < batch.args.size(); ++a) {
      States(batch.args[a], batch.rows, &next);
      for (size_t i = 0; i < batch.rows; ++i) result[i] = Combine<gate>(result[i], next[i]);
    }
    Vector out = Vector::Flat(type, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      out.mutable_data<uint8_t>()[i] = result[i] == 1;
      if (result[i] == 2) out.SetNull(i);
    }
    return out;
  });
}

Bound BindNot(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsNumber() || call.type(0).kind() == TypeKind::kDecimal) return call.BadType(0);
  if (call.type(0).physical() == Physical::kU8) {
    return MapRows<uint8_t, uint8_t>(U8(), [](uint8_t x) { return x == 0; });
  }
  return MakeFunction(U8(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector out = Vector::Flat(U8(), batch.rows);
    const std::vector<uint8_t> truth = Truth(batch.args[0], batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) out.mutable_data<uint8_t>()[i] = truth[i] ^ 1;
    return out;
  });
}

constexpr ScalarEntry kTable[] = {
    {"and", BindGate<Gate::kAnd>, kSeesNulls | kShortCircuits},
    {"or", BindGate<Gate::kOr>, kSeesNulls | kShortCircuits},
    {"xor", BindGate<Gate::kXor>, kSeesNulls},
    {"not", BindNot},
};

}  // namespace

std::span<const ScalarEntry> LogicFunctions() { return kTable; }

}  // namespace hoglet::fn
