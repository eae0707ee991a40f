#include "query/functions/cast.h"
#include "query/functions/conditional.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// in / notIn over constant sets, and transform. The set is built once, when the function is bound.

namespace hoglet::fn {
namespace {

struct Set {
  bool has_null = false;
  absl::flat_hash_set<int64_t> integers;
  StringSet strings;  // strings, or keys of other values
};

bool KeyedByInteger(const Type& type) {
  return type.physical() == Physical::kI64 || type.physical() == Physical::kU8;
}

// The members of a constant right-hand side, with their types.
std::vector<std::pair<Datum, Type>> Members(const Type& left, const Type& right,
                                            const Datum& value) {
  std::vector<std::pair<Datum, Type>> members;
  if (right.kind() == TypeKind::kArray) {
    for (const Datum& item : value.list()) members.emplace_back(item, right.element());
    return members;
  }
  const bool tuple_of_tuples = right.kind() == TypeKind::kTuple && !right.children().empty() &&
                               right.children()[0].kind() == TypeKind::kTuple;
  const bool spread =
      right.kind() == TypeKind::kTuple && (left.kind() != TypeKind::kTuple || tuple_of_tuples);
  if (!spread) {
    members.emplace_back(value, right);
    return members;
  }
  for (size_t i = 0; i < value.list().size(); ++i) {
    members.emplace_back(value.list()[i], right.children()[i]);
  }
  return members;
}

absl::StatusOr<std::shared_ptr<const Set>> BuildSet(const Call& call) {
  auto set = std::make_shared<Set>();
  const Type left = call.type(0).NotNullable();
  if (!call.args[1].constant.has_value()) {
    return Error("illegal_column", "The second argument of function ", call.name,
                 " must be constant");
  }
  const Datum& value = *call.args[1].constant;
  if (value.is_null()) {
    set->has_null = true;
    return set;
  }
  for (auto& [item, type] : Members(left, call.type(1), value)) {
    if (item.is_null()) {
      set->has_null = true;
      continue;
    }
    if (IsNothing(left)) continue;
    if (!CanCast(type.NotNullable(), left)) {
      return Error("type_mismatch",
                   "Type mismatch in IN or VALUES section. Expected: ", left.Name(),
                   ". Got: ", type.Name());
    }
    auto cast = CastDatum(item, type.NotNullable(), left, CastMode::kAccurateOrNull);
    if (!cast.ok()) return WithErrorCode(cast.status(), "type_mismatch");
    if (cast->is_null()) {
      // A number that the left type cannot hold is never equal; text that cannot be read is a
      // mistake.
      if (!type.IsStringLike()) continue;
      return Error("type_mismatch", "Cannot convert string '", item.string(), "' to type ",
                   left.Name());
    }
    if (left.physical() == Physical::kString) {
      set->strings.insert(cast->string());
    } else if (KeyedByInteger(left)) {
      set->integers.insert(cast->integer());
    } else {
      std::string key;
      AppendKey(left, *cast, &key);
      set->strings.insert(std::move(key));
    }
  }
  return set;
}

template <typename T>
void ProbeIntegers(const T* values, size_t count, const Set& set, bool negate, uint8_t* out) {
  constexpr size_t kLinearMax = 4;
  if (set.integers.size() <= kLinearMax) {
    int64_t wanted[kLinearMax];
    size_t n = 0;
    for (const int64_t value : set.integers) wanted[n++] = value;
    for (size_t i = 0; i < count; ++i) {
      bool found = false;
      for (size_t k = 0; k < n; ++k) found |= static_cast<int64_t>(values[i]) == wanted[k];
      out[i] = found != negate;
    }
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    out[i] = set.integers.contains(static_cast<int64_t>(values[i])) != negate;
  }
}

void ProbeStrings(const std::string_view* values, size_t count, const Set& set, bool negate,
                  uint8_t* out) {
  constexpr size_t kLinearMax = 3;
  if (set.strings.size() <= kLinearMax) {
    std::string_view wanted[kLinearMax];
    size_t n = 0;
    for (const std::string& value : set.strings) wanted[n++] = value;
    for (size_t i = 0; i < count; ++i) {
      bool found = false;
      for (size_t k = 0; k < n; ++k) found |= values[i] == wanted[k];
      out[i] = found != negate;
    }
    return;
  }
  for (size_t i = 0; i < count; ++i) out[i] = set.strings.contains(values[i]) != negate;
}

Vector Probe(const Vector& x, size_t rows, const Set& set, bool negate) {
  Vector out = Vector::Flat(U8(), rows);
  auto* data = out.mutable_data<uint8_t>();
  const size_t count = x.is_constant() ? 1 : rows;
  switch (x.type().physical()) {
    case Physical::kNone:
      std::fill_n(data, count, set.has_null != negate);
      break;
    case Physical::kU8:
      ProbeIntegers(x.data<uint8_t>(), count, set, negate, data);
      break;
    case Physical::kI64:
      ProbeIntegers(x.data<int64_t>(), count, set, negate, data);
      break;
    case Physical::kString:
      ProbeStrings(x.data<std::string_view>(), count, set, negate, data);
      break;
    default: {
      std::string key;
      const Vector flat = x.is_constant() ? x.WithRows(1).Flatten() : x;
      for (size_t i = 0; i < count; ++i) {
        key.clear();
        AppendKey(flat, i, &key);
        data[i] = set.strings.contains(key) != negate;
      }
    }
  }
  if (x.validity() != nullptr) {
    for (size_t i = 0; i < count; ++i) {
      if (!BitIsSet(x.validity(), i)) data[i] = set.has_null != negate;
    }
  }
  if (x.is_constant()) std::fill_n(data, rows, data[0]);
  return out;
}

template <bool negate>
Bound BindIn(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_ASSIGN_OR_RETURN(auto set, BuildSet(call));
  return MakeFunction(U8(), [set](const Batch& batch) -> absl::StatusOr<Vector> {
    return Probe(batch.args[0], batch.rows, *set, negate);
  });
}

// transform(x, [from], [to][, default]).
struct Mapping {
  StringMap<uint32_t> positions;  // by key of x
  uint32_t of_null = UINT32_MAX;
};

Bound BindTransform(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 4));
  const Type left = call.type(0).NotNullable();
  if (call.type(1).kind() != TypeKind::kArray || call.type(2).kind() != TypeKind::kArray ||
      !call.has_constant(1) || !call.has_constant(2)) {
    return call.BadType(1);
  }
  const auto& from = call.constant(1).list();
  const auto& to = call.constant(2).list();
  if (from.size() != to.size()) {
    return Error(
        "bad_arguments",
        "Second and third arguments of function transform must be arrays of the same size");
  }
  auto mapping = std::make_shared<Mapping>();
  for (uint32_t i = 0; i < from.size(); ++i) {
    if (from[i].is_null()) {
      mapping->of_null = std::min(mapping->of_null, i);
      continue;
    }
    if (IsNothing(left)) continue;
    HOGLET_ASSIGN_OR_RETURN(Datum cast, CastDatum(from[i], call.type(1).element().NotNullable(),
                                                  left, CastMode::kAccurateOrNull));
    if (cast.is_null()) continue;
    std::string key;
    AppendKey(left, cast, &key);
    mapping->positions.emplace(std::move(key), i);
  }
  const Type types[] = {call.type(2).element(), call.type(call.size() == 4 ? 3 : 0)};
  HOGLET_ASSIGN_OR_RETURN(const Type type, CommonType(types, "transform"));
  HOGLET_ASSIGN_OR_RETURN(const Vector targets, [&]() -> absl::StatusOr<Vector> {
    VectorBuilder builder(call.type(2).element());
    for (const Datum& item : to) item.is_null() ? builder.AppendNull() : builder.Append(item);
    return Widen(builder.Build(), type);
  }());
  const size_t fallback_at = call.size() == 4 ? 3 : 0;
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector x = batch.args[0].Flatten();
    HOGLET_ASSIGN_OR_RETURN(Vector fallback, Widen(batch.args[fallback_at], type));
    fallback = fallback.Flatten();
    std::vector<uint32_t> picks(batch.rows);
    std::string key;
    for (size_t i = 0; i < batch.rows; ++i) {
      uint32_t position = mapping->of_null;
      if (!x.IsNull(i)) {
        key.clear();
        AppendKey(x, i, &key);
        const auto found = mapping->positions.find(key);
        position = found == mapping->positions.end() ? UINT32_MAX : found->second;
      }
      // Positions past the targets are rows of the fallback.
      picks[i] = position == UINT32_MAX ? static_cast<uint32_t>(targets.size() + i) : position;
    }
    const Vector parts[] = {targets.Flatten(), fallback};
    return Vector::Concat(parts).Gather(picks.data(), picks.size());
  });
}

constexpr ScalarEntry kTable[] = {
    {"in", BindIn<false>, kSeesNulls},        {"notIn", BindIn<true>, kSeesNulls},
    {"nullIn", BindIn<false>, kSeesNulls},    {"notNullIn", BindIn<true>, kSeesNulls},
    {"globalIn", BindIn<false>, kSeesNulls},  {"globalNotIn", BindIn<true>, kSeesNulls},
    {"transform", BindTransform, kSeesNulls},
};

}  // namespace

std::span<const ScalarEntry> SetFunctions() { return kTable; }

}  // namespace hoglet::fn
