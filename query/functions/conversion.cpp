#include <algorithm>
#include <cstring>

#include "query/functions/cast.h"
#include "query/functions/datetime.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// toInt64, toString, accurateCastOrNull and the rest of the conversion family.

namespace hoglet::fn {
namespace {

// Text as DateTime or DateTime64 where failing is an error: ClickHouse reads it by best effort
// there (cast_string_to_date_time_mode), and strictly where it gives NULL or zero instead.
Bound TextToMoment(const Type& type) {
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(type));
  return MakeFunction(type, [type, zone](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<std::string_view> in(batch.args[0]);
    Vector out = Vector::Flat(type, batch.rows);
    bool has_nulls = false;
    for (size_t i = 0; i < batch.rows; ++i) {
      int64_t& value = out.mutable_data<int64_t>()[i];
      value = 0;
      if (!batch.live(i)) continue;
      if (batch.args[0].IsNull(i)) {  // CAST sees them
        out.SetNull(i);
        has_nulls = true;
        continue;
      }
      const auto moment = ParseDateTimeBestEffort(in[i], zone, false, batch.context.now_us);
      if (!moment.has_value()) {
        return Error("cannot_parse_datetime", "Cannot convert '", in[i].substr(0, 100),
                     "' of type String to ", type.Name());
      }
      value = MomentToValue(*moment, type);
    }
    if (has_nulls) out.set_type(type.Nullable());
    return out;
  });
}

Bound CastFunction(const Call& call, const Type& to, CastMode mode) {
  if (!CanCast(call.type(0), to)) {
    return Error("illegal_type_of_argument", "Illegal type ", call.type(0).Name(),
                 " of argument of function ", call.name);
  }
  if (mode == CastMode::kThrow && call.type(0) == to) return Identity(to);
  if (mode == CastMode::kThrow && call.type(0).IsStringLike() && !to.nullable() &&
      (to.kind() == TypeKind::kDateTime || to.kind() == TypeKind::kDateTime64)) {
    return TextToMoment(to);
  }
  const bool nullable =
      (mode == CastMode::kOrNull || mode == CastMode::kAccurateOrNull) && CanBeNullable(to);
  return MakeFunction(nullable ? to.Nullable() : to,
                      [to, mode](const Batch& batch) -> absl::StatusOr<Vector> {
                        const Vector& in = batch.args[0];
                        if (!to.nullable() && in.validity() != nullptr) {
                          HOGLET_ASSIGN_OR_RETURN(Vector out, CastVector(in, to.Nullable(), mode));
                          return out;
                        }
                        return CastVector(in, to, mode);
                      });
}

// The target type by the function's name, e.g. "Int64" of "toInt64OrNull", and how it fails.
struct Target {
  std::string_view type;
  CastMode mode = CastMode::kThrow;
  bool or_default = false;
};

Target TargetOf(std::string_view name) {
  Target target;
  name.remove_prefix(2);  // "to"
  if (EndsWith(name, "OrNull")) {
    target.mode = CastMode::kOrNull;
    name.remove_suffix(6);
  } else if (EndsWith(name, "OrZero")) {
    target.mode = CastMode::kOrZero;
    name.remove_suffix(6);
  } else if (EndsWith(name, "OrDefault")) {
    target.mode = CastMode::kOrNull;
    target.or_default = true;
    name.remove_suffix(9);
  }
  target.type = name;
  return target;
}

absl::StatusOr<std::string> ZoneArgument(const Call& call, size_t at, const Type& from) {
  if (call.size() > at) {
    HOGLET_ASSIGN_OR_RETURN(std::string zone, call.ConstantString(at));
    HOGLET_RETURN_IF_ERROR(ZoneNamed(zone).status());
    return zone;
  }
  return from.kind() == TypeKind::kDateTime || from.kind() == TypeKind::kDateTime64 ? from.zone()
                                                                                    : "";
}

// The type a function converts to, with the arguments that belong to it.
absl::StatusOr<Type> TypeFor(const Call& call, std::string_view name) {
  if (name == "DateTime") {
    HOGLET_ASSIGN_OR_RETURN(std::string zone, ZoneArgument(call, 1, call.type(0)));
    return Type::DateTime(zone);
  }
  if (name == "DateTime64") {
    int64_t scale = 3;
    if (call.size() > 1) {
      HOGLET_ASSIGN_OR_RETURN(scale, call.ConstantInteger(1));
    }
    if (scale < 0 || scale > 9)
      return Error("argument_out_of_bound", "Scale ", scale, " is out of bounds");
    HOGLET_ASSIGN_OR_RETURN(std::string zone, ZoneArgument(call, 2, call.type(0)));
    return Type::DateTime64(static_cast<int>(scale), zone);
  }
  if (StartsWith(name, "Decimal") || name == "FixedString") {
    HOGLET_ASSIGN_OR_RETURN(const int64_t number, call.ConstantInteger(1));
    if (name == "FixedString") {
      if (number < 1 || number > 255)
        return Error("argument_out_of_bound", "Length ", number, " is out of bounds");
      return Type::FixedString(static_cast<int>(number));
    }
    const int precision = name == "Decimal32" ? 9 : name == "Decimal64" ? 18 : 38;
    if (number < 0 || number > precision)
      return Error("argument_out_of_bound", "Scale ", number, " is out of bounds");
    return Type::Decimal(precision, static_cast<int>(number));
  }
  return Type::Parse(name);
}

// The zone, scale or length that belongs to the type, and the default.
size_t ArgumentsMax(const Target& target) {
  size_t count = target.or_default ? 2 : 1;
  if (target.type == "DateTime64") return count + 2;
  if (target.type == "DateTime" || target.type == "FixedString") ++count;
  return StartsWith(target.type, "Decimal") ? count + 1 : count;
}

Bound BindTo(const Call& call) {
  const Target target = TargetOf(call.name);
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, ArgumentsMax(target)));
  HOGLET_ASSIGN_OR_RETURN(const Type type, TypeFor(call, target.type));
  const Type& from = call.type(0);
  if (target.mode != CastMode::kThrow && !target.or_default && !from.IsStringLike())
    return call.BadType(0);
  if (!target.or_default) return CastFunction(call, type, target.mode);
  if (!CanCast(from, type)) return call.BadType(0);

  const bool given = call.size() > 1 && call.type(call.size() - 1).SameBase(type);
  if (call.size() > 1 && !given && type.kind() != TypeKind::kDateTime) return call.BadType(1);
  const CastMode mode = from.IsStringLike() ? CastMode::kOrNull : CastMode::kAccurateOrNull;
  return MakeFunction(type, [type, given, mode](const Batch& batch) -> absl::StatusOr<Vector> {
    HOGLET_ASSIGN_OR_RETURN(Vector out, CastVector(batch.args[0], type, mode));
    out = out.Flatten();
    const Vector fallback = given ? batch.args.back() : DefaultVector(type, batch.rows);
    VectorBuilder builder(type);
    if (!out.MayHaveNulls()) return out;
    for (size_t i = 0; i < batch.rows; ++i) {
      if (out.IsNull(i)) {
        builder.AppendFrom(fallback, i);
      } else {
        builder.AppendFrom(out, i);
      }
    }
    return builder.Build();
  });
}

// The default must be a plain UUID; the text may be NULL.
Bound BindToUuidOrDefault(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  if (call.size() == 2 && call.type(1).nullable()) {
    return Error("bad_arguments", "Default value type of function ", call.name,
                 " should be the same as the result type UUID, but is ", call.type(1).Name());
  }
  return BindTo(call);
}

Bound BindToString(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  const Type& from = call.type(0);
  if (call.size() == 1) return CastFunction(call, StringType(), CastMode::kThrow);
  HOGLET_ASSIGN_OR_RETURN(const std::string zone, ZoneArgument(call, 1, from));
  if (from.kind() != TypeKind::kDateTime && from.kind() != TypeKind::kDateTime64)
    return call.BadType(0);
  const Type zoned = from.WithZone(zone);
  return MakeFunction(StringType(), [zoned](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector in = batch.args[0];
    in.set_type(in.type().nullable() ? zoned.Nullable() : zoned);
    return CastVector(in, in.type().nullable() ? StringType().Nullable() : StringType(),
                      CastMode::kThrow);
  });
}

template <CastMode mode>
Bound BindCast(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(1));
  auto to = Type::Parse(name);
  if (!to.ok()) return WithErrorCode(to.status(), "unknown_type");
  const bool or_null = mode == CastMode::kAccurateOrNull;
  if (IsNothing(call.type(0))) {
    if (or_null || to->nullable()) {
      const Type type = to->Nullable();
      return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
        return Vector::NullConstant(type, batch.rows);
      });
    }
    return Error("cannot_convert_type", "Cannot convert NULL value to non-Nullable type");
  }
  if (!CanCast(call.type(0), *to)) {
    return Error(call.type(0).IsDateOrTime() || to->kind() == TypeKind::kUuid
                     ? "cannot_convert_type"
                     : "type_mismatch",
                 "Conversion from ", call.type(0).Name(), " to ", to->Name(), " is not supported");
  }
  const Type type = or_null && CanBeNullable(*to) ? to->Nullable() : *to;
  return MakeFunction(
      type, [to = *to](const Batch& batch) { return CastVector(batch.args[0], to, mode); });
}

Bound BindToTypeName(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  return MakeFunction(StringType(),
                      [name = call.type(0).Name()](const Batch& batch) -> absl::StatusOr<Vector> {
                        return Vector::Constant(StringType(), Datum(name), batch.rows);
                      });
}

Bound BindDefaultOfType(const Call& call) {
  HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(0));
  auto type = Type::Parse(name);
  if (!type.ok()) return WithErrorCode(type.status(), "unknown_type");
  return MakeFunction(*type, [type = *type](const Batch& batch) -> absl::StatusOr<Vector> {
    return DefaultVector(type, batch.rows);
  });
}

// The bytes of a value as ClickHouse stores it, little end first.
void AppendBytes(const Type& type, const Vector& vector, size_t row, std::string* out) {
  auto append = [out](auto value, size_t bytes) {
    out->append(reinterpret_cast<const char*>(&value), bytes);
  };
  const size_t p = vector.Position(row);
  switch (type.physical()) {
    case Physical::kU8:
      append(vector.data<uint8_t>()[p], 1);
      break;
    case Physical::kI64: {
      const int64_t value = vector.data<int64_t>()[p];
      size_t bytes = 8;
      if (type.IsInteger()) bytes = type.IntegerBits() / 8;
      if (type.kind() == TypeKind::kDate) bytes = 2;
      if (type.kind() == TypeKind::kDate32 || type.kind() == TypeKind::kDateTime ||
          type.kind() == TypeKind::kIPv4)
        bytes = 4;
      if (type.kind() == TypeKind::kEnum8) bytes = 1;
      if (type.kind() == TypeKind::kDecimal && type.precision() <= 9) bytes = 4;
      append(value, bytes);
      break;
    }
    case Physical::kF64:
      if (type.kind() == TypeKind::kFloat32)
        append(static_cast<float>(vector.data<double>()[p]), 4);
      else
        append(vector.data<double>()[p], 8);
      break;
    case Physical::kI128: {
      Int128 value = vector.data<Int128>()[p];
      // UUIDs are two little-endian halves, the first one first.
      if (type.kind() == TypeKind::kUuid)
        value = static_cast<Int128>(static_cast<UInt128>(value) << 64 |
                                    static_cast<UInt128>(value) >> 64);
      append(value, 16);
      break;
    }
    case Physical::kString:
      out->append(vector.data<std::string_view>()[p]);
      break;
    default:
      break;
  }
}

// Whether 32 bytes, little end first, are a number of 128 bits.
bool FitsIn128Bits(const std::string& bytes, bool is_signed) {
  const char fill = is_signed && bytes[15] < 0 ? '\xff' : '\0';
  return std::all_of(bytes.begin() + 16, bytes.end(), [fill](char c) { return c == fill; });
}

// 256-bit integers: their values that fit into 128 bits, an error for others.
Bound BindReinterpretWide(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const bool is_signed = EndsWith(call.name, "AsInt256");
  const Type to(is_signed ? TypeKind::kInt128 : TypeKind::kUInt128);
  const Type from = call.type(0);
  if (from.physical() == Physical::kArray || from.physical() == Physical::kTuple)
    return call.BadType(0);
  return MakeFunction(to, [from, to, is_signed](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector out = Vector::Flat(to, batch.rows);
    std::string bytes;
    for (size_t i = 0; i < batch.rows; ++i) {
      bytes.clear();
      if (batch.live(i)) AppendBytes(from, batch.args[0], i, &bytes);
      bytes.resize(32, '\0');
      if (!FitsIn128Bits(bytes, is_signed)) {
        return Error("argument_out_of_bound", "Integers of more than 128 bits are not supported");
      }
      std::memcpy(out.mutable_data<Int128>() + i, bytes.data(), 16);
    }
    return out;
  });
}

// There are no columns of type Dynamic.
Bound BindDynamicType(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  return call.BadType(0);
}

Bound BindReinterpret(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  std::string_view name = call.name;
  name.remove_prefix(std::string_view("reinterpretAs").size());
  auto parsed = Type::Parse(name);
  if (!parsed.ok()) return WithErrorCode(parsed.status(), "not_implemented");
  const Type to = *parsed;
  const Type from = call.type(0);
  if (from.physical() == Physical::kArray || from.physical() == Physical::kTuple)
    return call.BadType(0);
  return MakeFunction(to, [from, to](const Batch& batch) -> absl::StatusOr<Vector> {
    VectorBuilder builder(to);
    std::string bytes;
    for (size_t i = 0; i < batch.rows; ++i) {
      bytes.clear();
      if (batch.live(i)) AppendBytes(from, batch.args[0], i, &bytes);
      if (to.kind() == TypeKind::kString) {
        while (!bytes.empty() && bytes.back() == '\0') bytes.pop_back();
        builder.AppendString(bytes);
        continue;
      }
      bytes.resize(16, '\0');
      if (to.IsFloat()) {
        float f;
        double d;
        std::memcpy(&f, bytes.data(), 4);
        std::memcpy(&d, bytes.data(), 8);
        builder.AppendDouble(to.kind() == TypeKind::kFloat32 ? f : d);
      } else if (to.physical() == Physical::kI128) {
        UInt128 value;
        std::memcpy(&value, bytes.data(), 16);
        if (to.kind() == TypeKind::kUuid) value = value << 64 | value >> 64;
        builder.AppendWide(static_cast<Int128>(value));
      } else {
        int64_t value;
        std::memcpy(&value, bytes.data(), 8);
        builder.AppendInteger(WrapInteger(to.kind() == TypeKind::kDate       ? TypeKind::kUInt16
                                          : to.kind() == TypeKind::kDateTime ? TypeKind::kUInt32
                                                                             : to.kind(),
                                          value));
      }
    }
    return builder.Build();
  });
}

constexpr ScalarEntry kTable[] = {
    {"toInt8", BindTo},
    {"toInt16", BindTo},
    {"toInt32", BindTo},
    {"toInt64", BindTo},
    {"toInt128", BindTo},
    {"toUInt8", BindTo},
    {"toUInt16", BindTo},
    {"toUInt32", BindTo},
    {"toUInt64", BindTo},
    {"toUInt128", BindTo},
    {"toFloat32", BindTo},
    {"toFloat64", BindTo},
    {"toBool", BindTo},
    {"toUUID", BindTo},
    {"toInt8OrNull", BindTo},
    {"toInt16OrNull", BindTo},
    {"toInt32OrNull", BindTo},
    {"toInt64OrNull", BindTo},
    {"toUInt8OrNull", BindTo},
    {"toUInt16OrNull", BindTo},
    {"toUInt32OrNull", BindTo},
    {"toUInt64OrNull", BindTo},
    {"toFloat32OrNull", BindTo},
    {"toFloat64OrNull", BindTo},
    {"toUUIDOrNull", BindTo},
    {"toInt8OrZero", BindTo},
    {"toInt16OrZero", BindTo},
    {"toInt32OrZero", BindTo},
    {"toInt64OrZero", BindTo},
    {"toUInt8OrZero", BindTo},
    {"toUInt16OrZero", BindTo},
    {"toUInt32OrZero", BindTo},
    {"toUInt64OrZero", BindTo},
    {"toFloat32OrZero", BindTo},
    {"toFloat64OrZero", BindTo},
    {"toUUIDOrZero", BindTo},
    {"toInt64OrDefault", BindTo, kSeesNulls},
    {"toFloat64OrDefault", BindTo, kSeesNulls},
    {"toUUIDOrDefault", BindToUuidOrDefault, kSeesNulls},
    {"toUInt64OrDefault", BindTo, kSeesNulls},
    {"toInt32OrDefault", BindTo, kSeesNulls},
    {"toDate", BindTo},
    {"toDateOrNull", BindTo},
    {"toDateOrZero", BindTo},
    {"toDate32", BindTo},
    {"toDate32OrNull", BindTo},
    {"toDateTime", BindTo},
    {"toDateTimeOrNull", BindTo},
    {"toDateTimeOrZero", BindTo},
    {"toDateTime64", BindTo},
    {"toDateTime64OrNull", BindTo},
    {"toDateTime64OrZero", BindTo},
    {"toDecimal32", BindTo},
    {"toDecimal64", BindTo},
    {"toDecimal128", BindTo},
    {"toDecimal32OrNull", BindTo},
    {"toDecimal64OrNull", BindTo},
    {"toDecimal128OrNull", BindTo},
    {"toDecimal64OrZero", BindTo},
    {"toFixedString", BindTo},
    {"toIPv4", BindTo},
    {"toIPv6", BindTo},
    {"toIPv4OrNull", BindTo},
    {"toIPv6OrNull", BindTo},
    {"toIPv4OrDefault", BindTo},
    {"toIPv6OrDefault", BindTo},
    {"toIPv4OrZero", BindTo},
    {"toIPv6OrZero", BindTo},
    {"toString", BindToString},
    {"CAST", BindCast<CastMode::kThrow>, kSeesNulls},
    {"_CAST", BindCast<CastMode::kThrow>, kSeesNulls},
    {"cast", BindCast<CastMode::kThrow>, kSeesNulls},
    {"accurateCast", BindCast<CastMode::kAccurate>, kSeesNulls},
    {"accurateCastOrNull", BindCast<CastMode::kAccurateOrNull>, kSeesNulls},
    {"toTypeName", BindToTypeName, kSeesNulls},
    {"defaultValueOfTypeName", BindDefaultOfType},
    {"reinterpretAsUInt8", BindReinterpret},
    {"reinterpretAsUInt16", BindReinterpret},
    {"reinterpretAsUInt32", BindReinterpret},
    {"reinterpretAsUInt64", BindReinterpret},
    {"reinterpretAsUInt128", BindReinterpret},
    {"reinterpretAsInt8", BindReinterpret},
    {"reinterpretAsInt16", BindReinterpret},
    {"reinterpretAsInt32", BindReinterpret},
    {"reinterpretAsInt64", BindReinterpret},
    {"reinterpretAsInt128", BindReinterpret},
    {"reinterpretAsUInt256", BindReinterpretWide},
    {"reinterpretAsInt256", BindReinterpretWide},
    {"dynamicType", BindDynamicType},
    {"reinterpretAsFloat32", BindReinterpret},
    {"reinterpretAsFloat64", BindReinterpret},
    {"reinterpretAsUUID", BindReinterpret},
    {"reinterpretAsString", BindReinterpret},
};

}  // namespace

std::span<const ScalarEntry> ConversionFunctions() { return kTable; }

}  // namespace hoglet::fn
