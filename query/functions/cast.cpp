#include "query/functions/cast.h"

#include <algorithm>
#include <cmath>

#include "query/functions/conditional.h"
#include "query/functions/datetime.h"
#include "query/functions/ip.h"
#include "query/functions/types.h"
#include "src/base/uuid.h"

namespace hoglet::fn {
namespace {

bool IsAccurate(CastMode mode) {
  return mode == CastMode::kAccurate || mode == CastMode::kAccurateOrNull;
}
bool GivesNull(CastMode mode) {
  return mode == CastMode::kOrNull || mode == CastMode::kAccurateOrNull;
}

std::string_view FailureCode(const Type& from, const Type& to) {
  if (!from.IsStringLike()) return "cannot_convert_type";
  switch (to.kind()) {
    case TypeKind::kDate:
    case TypeKind::kDate32:
      return "cannot_parse_date";
    case TypeKind::kDateTime:
    case TypeKind::kDateTime64:
      return "cannot_parse_datetime";
    case TypeKind::kUuid:
      return "cannot_parse_uuid";
    case TypeKind::kBool:
      return "cannot_parse_bool";
    case TypeKind::kIPv4:
      return "cannot_parse_ipv4";
    case TypeKind::kIPv6:
      return "cannot_parse_ipv6";
    default:
      return "cannot_parse_text";
  }
}

// Converts all valid rows of a flat vector: f(value, To*) returns whether it could.
template <typename From, typename To, typename F>
absl::StatusOr<Vector> Loop(const Vector& in, const Type& to, CastMode mode, F f) {
  const size_t rows = in.size();
  const From* from = in.data<From>();
  Vector out = Vector::Flat(to.NotNullable(), rows);
  To* data = out.mutable_data<To>();
  if (in.validity() != nullptr) {
    std::copy_n(in.validity(), BitmapWords(rows), out.mutable_validity());
  }
  const uint64_t* valid = in.validity();
  for (size_t i = 0; i < rows; ++i) {
    data[i] = To();
    if (valid != nullptr && !BitIsSet(valid, i)) continue;
    if (f(from[i], &data[i])) continue;
    data[i] = To();
    if (GivesNull(mode)) {
      out.SetNull(i);
    } else if (mode != CastMode::kOrZero) {
      std::string text;
      AppendText(in, i, &text);
      return Error(FailureCode(in.type(), to), "Cannot convert '", text.substr(0, 100),
                   "' of type ", in.type().Name(), " to ", to.Name());
    }
  }
  return out;
}

template <typename To, typename F>
absl::StatusOr<Vector> LoopText(const Vector& in, const Type& to, CastMode mode, F f) {
  return Loop<std::string_view, To>(in, to, mode, f);
}

// Seconds, days or ticks of a number given for a date or time.
bool NumberToTime(double seconds, Int128 whole, const Type& to, int64_t* out) {
  switch (to.kind()) {
    case TypeKind::kDate:
      *out = whole <= kDateMax
                 ? std::max<int64_t>(static_cast<int64_t>(whole), 0)
                 : std::min<int64_t>(FloorDivide(static_cast<int64_t>(whole), 86400), kDateMax);
      return true;
    case TypeKind::kDate32:
      *out = Clamp(whole > kDate32Max ? FloorDivide(static_cast<int64_t>(whole), 86400)
                                      : static_cast<int64_t>(whole),
                   kDate32Min, kDate32Max);
      return true;
    case TypeKind::kDateTime:
      *out = whole < 0 ? 0 : whole > kDateTimeMax ? kDateTimeMax : static_cast<int64_t>(whole);
      return true;
    default: {
      const int64_t unit = kPow10[to.scale()];
      const int64_t low = -2208988800;
      const int64_t high = 10413791999;
      if (whole < low)
        *out = low * unit;
      else if (whole > high)
        *out = high * unit;
      else if (static_cast<double>(whole) == seconds)
        *out = static_cast<int64_t>(whole) * unit;
      else
        *out = static_cast<int64_t>(std::llround(seconds * static_cast<double>(unit)));
      return true;
    }
  }
}

bool WholeToDecimal(Int128 value, const Type& to, Int128* out) {
  if (__builtin_mul_overflow(value, Pow10Wide(to.scale()), out)) return false;
  const Int128 limit = to.physical() == Physical::kI64 ? INT64_MAX : Pow10Wide(38);
  return *out <= limit && *out >= -limit;
}

// Integers (as Int128) to anything numeric.
template <typename From, typename Read>
absl::StatusOr<Vector> FromInteger(const Vector& in, const Type& to, CastMode mode, Read read) {
  const bool accurate = IsAccurate(mode);
  if (to.kind() == TypeKind::kBool) {
    return Loop<From, uint8_t>(in, to, mode, [&](From v, uint8_t* out) {
      *out = read(v) != 0;
      return true;
    });
  }
  if (to.IsFloat()) {
    const bool is_float = to.kind() == TypeKind::kFloat32;
    return Loop<From, double>(in, to, mode, [&](From v, double* out) {
      const Int128 whole = read(v);
      *out = is_float ? static_cast<float>(whole) : static_cast<double>(whole);
      return !accurate || static_cast<Int128>(*out) == whole;
    });
  }
  if (to.kind() == TypeKind::kDecimal) {
    auto convert = [&](From v, auto* out) {
      Int128 wide;
      if (!WholeToDecimal(read(v), to, &wide)) return false;
      *out = static_cast<std::decay_t<decltype(*out)>>(wide);
      return true;
    };
    if (to.physical() == Physical::kI128) return Loop<From, Int128>(in, to, mode, convert);
    return Loop<From, int64_t>(in, to, mode, convert);
  }
  if (to.IsDateOrTime()) {
    return Loop<From, int64_t>(in, to, mode, [&](From v, int64_t* out) {
      const Int128 whole = read(v);
      return NumberToTime(static_cast<double>(whole), whole, to, out);
    });
  }
  const bool plain = to.kind() == TypeKind::kInterval || to.kind() == TypeKind::kIPv4 ||
                     to.kind() == TypeKind::kEnum8 || to.kind() == TypeKind::kTime;
  const Int128 low = plain ? INT64_MIN : IntegerMin(to);
  const Int128 high = plain ? INT64_MAX : IntegerMax(to);
  auto fits = [&](Int128 whole) { return !accurate || (whole >= low && whole <= high); };
  switch (to.physical()) {
    case Physical::kU8:
      return Loop<From, uint8_t>(in, to, mode, [&](From v, uint8_t* out) {
        *out = static_cast<uint8_t>(read(v));
        return fits(read(v));
      });
    case Physical::kI64:
      return Loop<From, int64_t>(in, to, mode, [&](From v, int64_t* out) {
        *out = WrapInteger(to.kind(), static_cast<int64_t>(read(v)));
        return fits(read(v));
      });
    default:
      return Loop<From, Int128>(in, to, mode, [&](From v, Int128* out) {
        *out = read(v);
        return !accurate || to.kind() == TypeKind::kInt128 || *out >= 0;
      });
  }
}

absl::StatusOr<Vector> FromFloat(const Vector& in, const Type& to, CastMode mode) {
  const bool accurate = IsAccurate(mode);
  if (to.IsFloat()) {
    const bool is_float = to.kind() == TypeKind::kFloat32;
    return Loop<double, double>(in, to, mode, [&](double v, double* out) {
      *out = is_float ? static_cast<float>(v) : v;
      return !accurate || *out == v || std::isnan(v);
    });
  }
  if (to.kind() == TypeKind::kBool) {
    return Loop<double, uint8_t>(in, to, mode, [](double v, uint8_t* out) {
      *out = v != 0;
      return true;
    });
  }
  if (to.kind() == TypeKind::kDecimal) {
    const double unit = static_cast<double>(Pow10Wide(to.scale()));
    const double limit = static_cast<double>(Pow10Wide(std::min(to.precision(), 38)));
    auto convert = [&](double v, auto* out) {
      const double scaled = v * unit;
      if (!(std::abs(scaled) < limit)) return false;
      *out = static_cast<std::decay_t<decltype(*out)>>(static_cast<Int128>(scaled));
      return true;
    };
    if (to.physical() == Physical::kI128) return Loop<double, Int128>(in, to, mode, convert);
    return Loop<double, int64_t>(in, to, mode, convert);
  }
  if (to.IsDateOrTime()) {
    return Loop<double, int64_t>(in, to, mode, [&](double v, int64_t* out) {
      if (std::isnan(v)) return false;
      const double bounded = std::clamp(v, -1e18, 1e18);
      return NumberToTime(bounded, static_cast<Int128>(std::floor(bounded)), to, out);
    });
  }
  const bool integer = to.IsInteger();
  const double low = integer ? static_cast<double>(IntegerMin(to)) : -9.2e18;
  const double high = integer ? static_cast<double>(IntegerMax(to)) : 9.2e18;
  auto fits = [&](double v) {
    if (!accurate) return true;
    if (std::isnan(v) || v != std::trunc(v)) return false;
    return v >= low && (v < high || (v == high && high < 1e15));
  };
  switch (to.physical()) {
    case Physical::kU8:
      return Loop<double, uint8_t>(in, to, mode, [&](double v, uint8_t* out) {
        *out = static_cast<uint8_t>(CutToInt64(v));
        return fits(v);
      });
    case Physical::kI64:
      return Loop<double, int64_t>(in, to, mode, [&](double v, int64_t* out) {
        *out = WrapInteger(to.kind(), CutToInt64(v));
        return fits(v);
      });
    default:
      return Loop<double, Int128>(in, to, mode, [&](double v, Int128* out) {
        *out = std::abs(v) < 1.7e38 ? static_cast<Int128>(v) : 0;
        return fits(v);
      });
  }
}

template <typename From>
absl::StatusOr<Vector> FromDecimal(const Vector& in, const Type& to, CastMode mode) {
  const int scale = in.type().scale();
  const Int128 unit = Pow10Wide(scale);
  if (to.kind() == TypeKind::kDecimal) {
    const int up = to.scale() - scale;
    const Int128 limit = Pow10Wide(std::min(to.precision(), 38));
    auto convert = [&](From v, auto* out) {
      Int128 wide = v;
      if (up >= 0) {
        if (__builtin_mul_overflow(wide, Pow10Wide(up), &wide)) return false;
      } else {
        wide /= Pow10Wide(-up);
      }
      *out = static_cast<std::decay_t<decltype(*out)>>(wide);
      return wide < limit && wide > -limit;
    };
    if (to.physical() == Physical::kI128) return Loop<From, Int128>(in, to, mode, convert);
    return Loop<From, int64_t>(in, to, mode, convert);
  }
  if (to.IsFloat() || to.IsDateOrTime()) {
    Vector doubles = ToPhysical(in, Physical::kF64);
    if (in.validity() != nullptr) doubles.ShareValidity(in);
    return FromFloat(doubles, to, mode);
  }
  return FromInteger<From>(in, to, mode, [&](From v) { return static_cast<Int128>(v) / unit; });
}

Int128 UuidNumber(const Uuid& uuid) {
  UInt128 value = 0;
  for (uint8_t byte : uuid.bytes) value = value << 8 | byte;
  return static_cast<Int128>(value);
}

absl::StatusOr<Vector> FromText(const Vector& in, const Type& to, CastMode mode) {
  switch (to.kind()) {
    case TypeKind::kBool:
      return LoopText<uint8_t>(in, to, mode, [](std::string_view text, uint8_t* out) {
        const auto value = ParseBool(text);
        *out = value.value_or(false);
        return value.has_value();
      });
    case TypeKind::kFloat32:
    case TypeKind::kFloat64: {
      const bool is_float = to.kind() == TypeKind::kFloat32;
      return LoopText<double>(in, to, mode, [&](std::string_view text, double* out) {
        const auto value = ParseDouble(text);
        if (!value.has_value()) return false;
        *out = is_float ? static_cast<float>(*value) : *value;
        return true;
      });
    }
    case TypeKind::kDecimal: {
      auto convert = [&](std::string_view text, auto* out) {
        const auto value = ParseDecimal(text, to.scale());
        if (!value.has_value()) return false;
        const Int128 limit = Pow10Wide(std::min(to.precision(), 38));
        *out = static_cast<std::decay_t<decltype(*out)>>(*value);
        return *value<limit&& * value> - limit;
      };
      if (to.physical() == Physical::kI128) return LoopText<Int128>(in, to, mode, convert);
      return LoopText<int64_t>(in, to, mode, convert);
    }
    case TypeKind::kDate:
    case TypeKind::kDate32: {
      const bool wide = to.kind() == TypeKind::kDate32;
      return LoopText<int64_t>(in, to, mode, [&](std::string_view text, int64_t* out) {
        const auto day = ParseDay(text);
        *out = Clamp(day.value_or(0), wide ? kDate32Min : 0, wide ? kDate32Max : kDateMax);
        return day.has_value();
      });
    }
    case TypeKind::kDateTime:
    case TypeKind::kDateTime64: {
      HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(to));
      return LoopText<int64_t>(in, to, mode, [&](std::string_view text, int64_t* out) {
        const auto moment = ParseDateTimeText(text, zone);
        if (moment.has_value()) *out = MomentToValue(*moment, to);
        return moment.has_value();
      });
    }
    case TypeKind::kUuid:
      return LoopText<Int128>(in, to, mode, [](std::string_view text, Int128* out) {
        if (text.size() != 36 && text.size() != 32) return false;
        const auto uuid = ParseUuid(text);
        if (uuid.has_value()) *out = UuidNumber(*uuid);
        return uuid.has_value();
      });
    case TypeKind::kIPv4:
      return LoopText<int64_t>(in, to, mode, [](std::string_view text, int64_t* out) {
        const auto address = ParseIPv4(text);
        *out = address.value_or(0);
        return address.has_value();
      });
    case TypeKind::kIPv6:
      return LoopText<Int128>(in, to, mode, [](std::string_view text, Int128* out) {
        const auto address = ParseIPv6(text);
        if (address.has_value()) *out = static_cast<Int128>(*address);
        return address.has_value();
      });
    case TypeKind::kEnum8:
      return LoopText<int64_t>(in, to, mode, [&](std::string_view text, int64_t* out) {
        for (size_t i = 0; i < to.names().size(); ++i) {
          if (to.names()[i] != text) continue;
          *out = to.enum_values()[i];
          return true;
        }
        return false;
      });
    case TypeKind::kFixedString: {
      auto heap = std::make_shared<StringHeap>();
      auto out = LoopText<std::string_view>(in, to, mode,
                                            [&](std::string_view text, std::string_view* slot) {
                                              if (text.size() > static_cast<size_t>(to.precision()))
                                                return false;
                                              std::string padded(text);
                                              padded.resize(to.precision(), '\0');
                                              *slot = heap->Add(padded);
                                              return true;
                                            });
      if (out.ok()) out->KeepAlive(heap);
      return out;
    }
    default:
      break;
  }
  auto convert = [&](std::string_view text, auto* out) {
    const auto value = ParseInteger(text, to);
    if (!value.has_value()) return false;
    *out = static_cast<std::decay_t<decltype(*out)>>(*value);
    return true;
  };
  switch (to.physical()) {
    case Physical::kU8:
      return LoopText<uint8_t>(in, to, mode, convert);
    case Physical::kI64:
      return LoopText<int64_t>(in, to, mode, convert);
    default:
      return LoopText<Int128>(in, to, mode, convert);
  }
}

absl::StatusOr<Vector> FromTime(const Vector& in, const Type& to, CastMode mode) {
  const Type& from = in.type();
  HOGLET_ASSIGN_OR_RETURN(const TimeZone from_zone, ZoneOf(from));
  TimeReader reader(from, from_zone);
  if (to.IsFloat() || to.kind() == TypeKind::kDecimal) {
    const double unit =
        from.kind() == TypeKind::kDateTime64 ? static_cast<double>(kPow10[from.scale()]) : 1;
    HOGLET_ASSIGN_OR_RETURN(Vector doubles,
                            (Loop<int64_t, double>(in, F64(), mode, [&](int64_t v, double* out) {
                              *out = static_cast<double>(v) / unit;
                              return true;
                            })));
    return FromFloat(doubles, to, mode);
  }
  if (!to.IsDateOrTime()) {
    const int64_t unit = from.kind() == TypeKind::kDateTime64 ? kPow10[from.scale()] : 1;
    return FromInteger<int64_t>(
        in, to, mode, [&](int64_t v) { return static_cast<Int128>(FloorDivide(v, unit)); });
  }
  HOGLET_ASSIGN_OR_RETURN(const TimeZone to_zone, ZoneOf(to));
  if (to.kind() == TypeKind::kDate || to.kind() == TypeKind::kDate32) {
    const bool is_wide = to.kind() == TypeKind::kDate32;
    const int64_t low = is_wide ? kDate32Min : 0;
    const int64_t high = is_wide ? kDate32Max : kDateMax;
    return Loop<int64_t, int64_t>(in, to, mode, [&](int64_t v, int64_t* out) {
      *out = Clamp(reader.Day(v), low, high);
      return true;
    });
  }
  LocalToMoment to_moment(to_zone);
  return Loop<int64_t, int64_t>(in, to, mode, [&](int64_t v, int64_t* out) {
    const int64_t moment = reader.is_date() ? to_moment(v * kMicrosPerDay) : reader.Moment(v);
    *out = to.kind() == TypeKind::kDateTime
               ? Clamp(FloorDivide(moment, kMicrosPerSecond), 0, kDateTimeMax)
               : MicrosToTicks(moment, to.scale());
    return true;
  });
}

// An element or tuple member. One that cannot be read is NULL only if the type it is in has room
// for NULL, and the default otherwise.
absl::StatusOr<Vector> CastElement(const Vector& in, const Type& to, CastMode mode) {
  HOGLET_ASSIGN_OR_RETURN(Vector out, CastVector(in, to, mode));
  out = out.Flatten();
  if (to.nullable() || !out.MayHaveNulls() || IsNothing(to)) return out;
  std::vector<uint16_t> choice(out.size());
  for (size_t i = 0; i < choice.size(); ++i) choice[i] = out.IsNull(i);
  const Vector branches[] = {out, DefaultVector(to, out.size())};
  return Choose(to, branches, choice, out.size());
}

absl::StatusOr<Vector> CastNested(const Vector& in, const Type& to, CastMode mode) {
  if (to.kind() == TypeKind::kTuple) {
    if (in.type().kind() != TypeKind::kTuple ||
        in.type().children().size() != to.children().size()) {
      return Error("type_mismatch", "Cannot convert ", in.type().Name(), " to ", to.Name());
    }
    std::vector<Vector> children;
    for (size_t c = 0; c < to.children().size(); ++c) {
      HOGLET_ASSIGN_OR_RETURN(Vector child, CastElement(in.children()[c], to.children()[c], mode));
      children.push_back(child);
    }
    return Vector::TupleOf(to, std::move(children), in.size());
  }
  const Type element = to.kind() == TypeKind::kMap ? Type::Tuple(to.children()) : to.element();
  HOGLET_ASSIGN_OR_RETURN(Vector child, CastElement(in.child(), element, mode));
  std::shared_ptr<uint32_t[]> offsets(new uint32_t[in.size() + 1]);
  std::copy_n(in.offsets(), in.size() + 1, offsets.get());
  return Vector::ArrayOf(to, offsets, child, in.size());
}

// `in` is flat, its type is not Nothing, and the types differ in more than nullability.
absl::StatusOr<Vector> CastFlat(const Vector& in, const Type& to, CastMode mode) {
  const Type& from = in.type();
  if (to.physical() == Physical::kTuple || to.physical() == Physical::kArray) {
    return CastNested(in, to, mode);
  }
  if (to.kind() == TypeKind::kString) return TextOf(in);
  if (from.IsStringLike()) return FromText(in, to, mode);
  if (from.IsDateOrTime()) return FromTime(in, to, mode);
  if (from.kind() == TypeKind::kDecimal) {
    if (from.physical() == Physical::kI128) return FromDecimal<Int128>(in, to, mode);
    return FromDecimal<int64_t>(in, to, mode);
  }
  if (from.kind() == TypeKind::kIPv4 && to.kind() == TypeKind::kIPv6) {
    return Loop<int64_t, Int128>(in, to, mode, [](int64_t v, Int128* out) {
      *out = static_cast<Int128>(UInt128{0xffff} << 32 | static_cast<uint32_t>(v));
      return true;
    });
  }
  switch (from.physical()) {
    case Physical::kU8:
      return FromInteger<uint8_t>(in, to, mode, [](uint8_t v) { return static_cast<Int128>(v); });
    case Physical::kI64:
      if (from.kind() == TypeKind::kUInt64) {
        return FromInteger<int64_t>(
            in, to, mode, [](int64_t v) { return static_cast<Int128>(static_cast<uint64_t>(v)); });
      }
      return FromInteger<int64_t>(in, to, mode, [](int64_t v) { return static_cast<Int128>(v); });
    case Physical::kF64:
      return FromFloat(in, to, mode);
    case Physical::kI128:
      return FromInteger<Int128>(in, to, mode, [](Int128 v) { return v; });
    default:
      break;
  }
  return Error("cannot_convert_type", "Cannot convert ", from.Name(), " to ", to.Name());
}

}  // namespace

bool CanCast(const Type& from, const Type& to) {
  if (IsNothing(from) || IsNothing(to) || from.SameBase(to)) return true;
  if (to.kind() == TypeKind::kString) return from.kind() != TypeKind::kState;
  if (from.kind() == TypeKind::kState || to.kind() == TypeKind::kState) return false;
  const bool from_nested =
      from.physical() == Physical::kArray || from.physical() == Physical::kTuple;
  const bool to_nested = to.physical() == Physical::kArray || to.physical() == Physical::kTuple;
  if (from_nested || to_nested) {
    if (from.kind() != to.kind() || from.children().size() != to.children().size()) return false;
    for (size_t i = 0; i < from.children().size(); ++i) {
      if (!CanCast(from.children()[i], to.children()[i])) return false;
    }
    return true;
  }
  if (from.IsStringLike()) return to.kind() != TypeKind::kInterval;
  if (from.IsDateOrTime()) return to.IsDateOrTime() || to.IsNumber();
  if (from.IsNumber()) {
    return to.IsNumber() || to.IsDateOrTime() || to.kind() == TypeKind::kInterval ||
           (from.IsInteger() && (to.kind() == TypeKind::kIPv4 || to.kind() == TypeKind::kEnum8));
  }
  if (from.kind() == TypeKind::kIPv4) return to.kind() == TypeKind::kIPv6 || to.IsInteger();
  if (from.kind() == TypeKind::kIPv6) return to.IsInteger() || to.kind() == TypeKind::kIPv4;
  if (from.kind() == TypeKind::kEnum8 || from.kind() == TypeKind::kInterval) return to.IsNumber();
  if (from.kind() == TypeKind::kUuid) return to.kind() == TypeKind::kUInt128;
  return false;
}

absl::StatusOr<Vector> CastVector(const Vector& vector, const Type& to, CastMode mode) {
  const Type& from = vector.type();
  const bool nullable_result = to.nullable() || (GivesNull(mode) && CanBeNullable(to));
  const Type result = nullable_result ? to.Nullable() : to;
  if (IsNothing(from)) {
    if (nullable_result) return Vector::NullConstant(result, vector.size());
    if (vector.size() == 0 || !from.nullable()) return DefaultVector(result, vector.size());
    if (mode == CastMode::kOrZero) return DefaultVector(result, vector.size());
    return Error("cannot_convert_type", "Cannot convert NULL value to non-Nullable type ",
                 to.Name());
  }
  if (!CanCast(from, to)) {
    return Error("cannot_convert_type", "Conversion from ", from.Name(), " to ", to.Name(),
                 " is not supported");
  }
  if (vector.form() == Vector::Form::kDictionary) {
    auto mapped = CastVector(*vector.dictionary(), to, mode);
    if (mapped.ok()) {
      return Vector::Dictionary(std::make_shared<const Vector>(mapped->Flatten()),
                                vector.shared_codes(), vector.size());
    }
    return CastVector(vector.Flatten(), to, mode);
  }
  if (vector.is_constant()) {
    HOGLET_ASSIGN_OR_RETURN(Vector one, CastVector(vector.WithRows(1).Flatten(), to, mode));
    if (one.IsNull(0)) return Vector::NullConstant(result, vector.size());
    return Vector::Constant(result, one.Get(0), vector.size());
  }
  Vector out;
  const bool nested = to.physical() == Physical::kArray || to.physical() == Physical::kTuple;
  if (from.SameBase(to) && (!nested || from.NotNullable() == to.NotNullable()) &&
      to.kind() != TypeKind::kDateTime64) {
    out = vector;
  } else {
    HOGLET_ASSIGN_OR_RETURN(out, CastFlat(vector, to, mode));
  }
  if (!nullable_result && out.validity() != nullptr) {
    for (size_t i = 0; i < out.size(); ++i) {
      if (!out.IsNull(i)) continue;
      return Error("cannot_insert_null_in_ordinary_column",
                   "Cannot convert NULL value to non-Nullable type ", to.Name());
    }
    out.clear_validity();
  }
  out.set_type(result);
  return out;
}

absl::StatusOr<Vector> Widen(const Vector& vector, const Type& to) {
  if (vector.type() == to) return vector;
  // Rows that NULL propagation hides are NULL in one argument only.
  const bool keeps_nulls = vector.MayHaveNulls() && !IsNothing(vector.type()) && CanBeNullable(to);
  return CastVector(vector, keeps_nulls ? to.Nullable() : to, CastMode::kThrow);
}

absl::StatusOr<Datum> CastDatum(const Datum& value, const Type& from, const Type& to,
                                CastMode mode) {
  const Vector in =
      value.is_null() ? Vector::NullConstant(from.Nullable(), 1) : Vector::Constant(from, value, 1);
  HOGLET_ASSIGN_OR_RETURN(Vector out, CastVector(in, to, mode));
  if (out.IsNull(0)) return Datum();
  return out.Get(0);
}

}  // namespace hoglet::fn
