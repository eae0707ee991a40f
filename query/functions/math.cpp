#include <cmath>
#include <limits>
#include <numbers>

#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// Mathematical functions, rounding and numbers made readable.

namespace hoglet::fn {
namespace {

using Unary = double (*)(double);

template <Unary f>
Bound BindUnary(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  return MapRows<double, double>(F64(), f);
}

using Binary = double (*)(double, double);

template <Binary f>
Bound BindBinary(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!call.type(i).IsNumber()) return call.BadType(i);
  }
  return MapRows<double, double, double>(F64(), f);
}

double LogGamma(double x) {
  if (x == -std::numeric_limits<double>::infinity()) return std::nan("");
  int sign = 0;
  return lgamma_r(x, &sign);
}

double PowerOfTen(double x) {
  // Whole exponents give the exact literal's value.
  return x == std::floor(x) && std::abs(x) <= 22
             ? (x < 0 ? 1 / std::pow(10.0, -x) : std::pow(10.0, x))
             : std::pow(10.0, x);
}

Bound Number(double value) {
  return MakeFunction(F64(), [value](const Batch& batch) -> absl::StatusOr<Vector> {
    return Vector::Constant(F64(), Datum(value), batch.rows);
  });
}

Bound BindE(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 0));
  return Number(std::numbers::e);
}

Bound BindPi(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 0));
  return Number(std::numbers::pi);
}

Bound BindSign(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  return MapRows<int64_t, double>(Type(TypeKind::kInt8),
                                  [](double x) { return int64_t{x > 0} - int64_t{x < 0}; });
}

enum class Test { kFinite, kInfinite, kNan };

template <Test test>
Bound BindTest(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  return MapRows<uint8_t, double>(U8(), [](double x) {
    return test == Test::kFinite ? std::isfinite(x)
           : test == Test::kNan  ? std::isnan(x)
                                 : std::isinf(x);
  });
}

Bound BindIfNotFinite(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!call.type(i).IsNumber()) return call.BadType(i);
  }
  return MapRows<double, double, double>(
      F64(), [](double x, double y) { return std::isfinite(x) ? x : y; });
}

Bound BindFactorial(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsInteger()) return call.BadType(0);
  return MapRows<int64_t, int64_t>(
      U64(), [name = std::string(call.name)](int64_t n) -> absl::StatusOr<int64_t> {
        if (n > 20)
          return Error("bad_arguments", "The largest argument of function ", name, " is 20");
        int64_t product = 1;
        for (int64_t i = 2; i <= n; ++i) product *= i;
        return product;
      });
}

// 2^x or 10^x as UInt64: 0 below, the largest number above.
template <int base>
Bound BindIntExp(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  constexpr int64_t kEnd = base == 2 ? 64 : 20;
  return MapRows<int64_t, double>(U64(), [](double x) -> int64_t {
    if (std::isnan(x)) return 0;
    if (x < 0) return 0;
    if (x >= static_cast<double>(kEnd)) return -1;
    uint64_t value = 1;
    for (int i = 0; i < static_cast<int>(x); ++i) value *= base;
    return static_cast<int64_t>(value);
  });
}

Bound BindWidthBucket(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(4, 4));
  for (size_t i = 0; i < 4; ++i) {
    if (!call.type(i).IsNumber()) return call.BadType(i);
  }
  if (!call.type(3).IsInteger()) return call.BadType(3);
  const Type type = IntegerType(std::min(64, call.type(3).IntegerBits() * 2), false);
  return MapRows<int64_t, double, double, double, int64_t>(
      type, [](double x, double low, double high, int64_t count) -> absl::StatusOr<int64_t> {
        if (count <= 0) return Error("bad_arguments", "The bucket count must be positive");
        if (std::isnan(x) || !std::isfinite(low) || !std::isfinite(high)) {
          return Error("bad_arguments",
                       "The operand and the bounds of width_bucket must be numbers");
        }
        if (x < low || high <= low) return 0;
        if (x >= high) return count + 1;
        return static_cast<int64_t>((x - low) * static_cast<double>(count) / (high - low)) + 1;
      });
}

// Rounding.

enum class Mode { kFloor, kCeil, kTrunc, kHalfAway, kBankers };

double RoundUnit(Mode mode, double x) {
  switch (mode) {
    case Mode::kFloor:
      return std::floor(x);
    case Mode::kCeil:
      return std::ceil(x);
    case Mode::kTrunc:
      return std::trunc(x);
    default:
      return std::nearbyint(x);
  }
}

double RoundFloat(Mode mode, double x, int64_t digits) {
  if (!std::isfinite(x) || digits > 300) return x;
  if (digits == 0) return RoundUnit(mode, x);
  if (digits < -308) return 0;
  const double power = std::pow(10.0, static_cast<double>(std::abs(digits)));
  if (digits > 0) {
    const double scaled = x * power;
    return std::isfinite(scaled) ? RoundUnit(mode, scaled) / power : x;
  }
  return RoundUnit(mode, x / power) * power;
}

// To a multiple of `unit` > 0.
Int128 RoundWhole(Mode mode, Int128 x, Int128 unit) {
  const Int128 rest = x % unit;
  const Int128 cut = x - rest;
  if (rest == 0) return x;
  const Int128 step = x < 0 ? -unit : unit;
  const Int128 size = rest < 0 ? -rest : rest;
  switch (mode) {
    case Mode::kFloor:
      return x < 0 ? cut - unit : cut;
    case Mode::kCeil:
      return x < 0 ? cut : cut + unit;
    case Mode::kTrunc:
      return cut;
    case Mode::kHalfAway:
      return size >= unit - size ? cut + step : cut;
    default: {
      if (size != unit - size) return size > unit - size ? cut + step : cut;
      return (cut / unit) % 2 == 0 ? cut : cut + step;
    }
  }
}

// Digits that a rounding drops, as a power of ten; 0 when it is past every number.
Int128 DroppedUnit(int64_t dropped) {
  if (dropped <= 0) return 1;
  if (dropped > 37) return 0;
  Int128 unit = 1;
  for (int64_t i = 0; i < dropped; ++i) unit *= 10;
  return unit;
}

template <Mode mode>
Bound BindRound(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  const Type& a = call.type(0);
  if (!a.IsNumber()) return call.BadType(0);
  if (call.size() == 2 && !call.type(1).IsInteger()) return call.BadType(1);
  const Type type = a.kind() == TypeKind::kBool ? U8() : a;
  const bool digits_given = call.size() == 2;
  return MakeFunction(type, [type, digits_given](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector none = Vector::Constant(I64(), Datum(0), batch.rows);
    const Input<int64_t> digits(digits_given ? batch.args[1] : none);
    Vector out = Vector::Flat(type, batch.rows);
    if (type.IsFloat()) {
      const Input<double> in(batch.args[0]);
      auto* data = out.mutable_data<double>();
      for (size_t i = 0; i < batch.rows; ++i) data[i] = RoundFloat(mode, in[i], digits[i]);
      return out;
    }
    const Input<Int128> in(batch.args[0]);
    // Banker's rounding of whole numbers is for its own function only.
    for (size_t i = 0; i < batch.rows; ++i) {
      const int64_t wanted = std::clamp<int64_t>(digits[i], -100, 100);
      const Int128 unit =
          DroppedUnit((type.kind() == TypeKind::kDecimal ? type.scale() : 0) - wanted);
      const Int128 value = unit == 0 ? Int128{0} : RoundWhole(mode, in[i], unit);
      switch (type.physical()) {
        case Physical::kU8:
          out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(value);
          break;
        case Physical::kI128:
          out.mutable_data<Int128>()[i] = value;
          break;
        default:
          out.mutable_data<int64_t>()[i] = WrapInteger(type.kind(), static_cast<int64_t>(value));
      }
    }
    return out;
  });
}

double LargestPowerOfTwo(double x) {
  if (!std::isfinite(x)) return x;
  if (x <= 0) return 0;
  return std::exp2(std::floor(std::log2(x)));
}

Bound BindRoundToExp2(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& a = call.type(0);
  if (a.IsFloat()) return MapRows<double, double>(a, LargestPowerOfTwo);
  if (!a.IsInteger() || a.physical() == Physical::kI128) return call.BadType(0);
  auto round = [is_unsigned = a.IsUnsigned()](int64_t x) -> int64_t {
    if (x == 0 || (x < 0 && !is_unsigned)) return 0;
    return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(x)));
  };
  if (a.physical() == Physical::kU8) return MapRows<uint8_t, int64_t>(a, round);
  return MapRows<int64_t, int64_t>(a, round);
}

Bound BindRoundDuration(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  return MapRows<int64_t, double>(Type(TypeKind::kUInt16), [](double x) {
    constexpr int64_t kSteps[] = {36000, 18000, 7200, 3600, 1800, 1200, 600, 300,
                                  240,   180,   120,  60,   30,   10,   1};
    for (int64_t step : kSteps) {
      if (x >= static_cast<double>(step)) return step;
    }
    return int64_t{0};
  });
}

Bound BindRoundAge(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  return MapRows<uint8_t, double>(U8(), [](double x) {
    if (x < 1) return 0;
    for (int step : {55, 45, 35, 25, 18}) {
      if (x >= step) return step;
    }
    return 17;
  });
}

Bound BindRoundDown(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  if (call.type(1).kind() != TypeKind::kArray || !call.has_constant(1)) return call.BadType(1);
  const Type both[] = {call.type(0), call.type(1).element()};
  HOGLET_ASSIGN_OR_RETURN(Type type, CommonType(both, call.name));
  std::vector<Datum> steps;
  for (const Datum& step : call.constant(1).list()) {
    HOGLET_ASSIGN_OR_RETURN(Datum wide,
                            CastDatum(step, call.type(1).element(), type, CastMode::kThrow));
    steps.push_back(std::move(wide));
  }
  if (steps.empty())
    return Error("illegal_type_of_argument", "Empty array is illegal for function ", call.name);
  std::sort(steps.begin(), steps.end(),
            [&](const Datum& a, const Datum& b) { return CompareDatums(type, a, b) < 0; });
  return MapDatums(
      type, [type, steps, from = call.type(0)](std::span<const Datum> in) -> absl::StatusOr<Datum> {
        HOGLET_ASSIGN_OR_RETURN(Datum x, CastDatum(in[0], from, type, CastMode::kThrow));
        auto above = std::upper_bound(
            steps.begin(), steps.end(), x,
            [&](const Datum& a, const Datum& b) { return CompareDatums(type, a, b) < 0; });
        return above == steps.begin() ? *above : *(above - 1);
      });
}

// Readable numbers.

Bound BindBar(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 4));
  for (size_t i = 0; i < call.size(); ++i) {
    if (!call.type(i).IsNumber()) return call.BadType(i);
  }
  auto draw = [](double x, double low, double high, double width,
                 std::string* out) -> absl::Status {
    if (std::isnan(width) || width < 1 || width > 1000) {
      return Error("argument_out_of_bound", "The width of a bar must be in 1 to 1000");
    }
    if (!(x > low) || !(high > low)) return absl::OkStatus();
    const double blocks = x >= high ? width : (x - low) / (high - low) * width;
    const int eighths = static_cast<int>(std::floor(blocks * 8 + 1e-9));
    for (int i = 0; i < eighths / 8; ++i) out->append("\u2588");
    if (eighths % 8 != 0) {
      // The left n eighths of a block are U+2590 - n.
      out->append("\xE2\x96");
      out->push_back(static_cast<char>(0x90 - eighths % 8));
    }
    return absl::OkStatus();
  };
  if (call.size() == 4) return MapStrings<double, double, double, double>(StringType(), draw);
  return MapStrings<double, double, double>(
      StringType(), [draw](double x, double low, double high, std::string* out) {
        return draw(x, low, high, 80, out);
      });
}

void AppendFixed2(double value, std::string* out) {
  char text[400];
  const int length = std::snprintf(text, sizeof(text), "%.2f", value);
  out->append(text, static_cast<size_t>(length));
}

template <int step, const auto& units>
Bound BindReadable(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  return MapStrings<double>(StringType(), [](double x, std::string* out) {
    if (!std::isfinite(x)) {
      out->append(std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
      return;
    }
    size_t unit = 0;
    while (std::abs(x) >= step && unit + 1 < std::size(units)) {
      x /= step;
      ++unit;
    }
    AppendFixed2(x, out);
    out->append(units[unit]);
  });
}

constexpr std::string_view kBinaryUnits[] = {" B",   " KiB", " MiB", " GiB", " TiB",
                                             " PiB", " EiB", " ZiB", " YiB"};
constexpr std::string_view kDecimalUnits[] = {" B",  " KB", " MB", " GB", " TB",
                                              " PB", " EB", " ZB", " YB"};
constexpr std::string_view kQuantities[] = {"",
                                            " thousand",
                                            " million",
                                            " billion",
                                            " trillion",
                                            " quadrillion",
                                            " quintillion",
                                            " sextillion",
                                            " septillion",
                                            " octillion",
                                            " nonillion",
                                            " decillion"};

struct TimeUnit {
  std::string_view name;
  double seconds;
};
constexpr TimeUnit kTimeUnits[] = {
    {"years", 31556952},    {"months", 2629746},    {"days", 86400},
    {"hours", 3600},        {"minutes", 60},        {"seconds", 1},
    {"milliseconds", 1e-3}, {"microseconds", 1e-6}, {"nanoseconds", 1e-9}};
constexpr size_t kSecondsUnit = 5;

std::string TimeDelta(double x, size_t from, size_t to) {
  if (!std::isfinite(x)) return std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
  std::vector<std::string> parts;
  double rest = std::abs(x);
  for (size_t u = from; u <= to; ++u) {
    const auto& [name, seconds] = kTimeUnits[u];
    // The sub-second units would suffer from the error of the remainder.
    const double count = std::floor(u > kSecondsUnit ? rest / seconds + 1e-6 : rest / seconds);
    if (count == 0 && !(parts.empty() && u == to)) continue;
    rest = std::max(0.0, rest - count * seconds);
    std::string part;
    AppendDouble(count, &part);
    CatTo(&part, " ", count == 1 ? name.substr(0, name.size() - 1) : name);
    parts.push_back(std::move(part));
  }
  std::string out = x < 0 ? "-" : "";
  for (size_t i = 0; i < parts.size(); ++i) {
    CatTo(&out, i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ", parts[i]);
  }
  return out;
}

absl::StatusOr<size_t> TimeUnitArgument(const Call& call, size_t at, size_t otherwise) {
  if (call.size() <= at) return otherwise;
  HOGLET_ASSIGN_OR_RETURN(std::string name, call.ConstantString(at));
  for (size_t u = 0; u < std::size(kTimeUnits); ++u) {
    if (kTimeUnits[u].name == name) return u;
  }
  return Error("bad_arguments", "Unexpected unit '", name, "' in function ", call.name);
}

Bound BindTimeDelta(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  if (!call.type(0).IsNumber()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(const size_t from, TimeUnitArgument(call, 1, 0));
  HOGLET_ASSIGN_OR_RETURN(const size_t to, TimeUnitArgument(call, 2, std::max(from, kSecondsUnit)));
  if (from > to) {
    return Error("bad_arguments", "The smallest unit of function ", call.name,
                 " is above the largest");
  }
  return MakeFunction(StringType(), [from, to](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<double> in(batch.args[0]);
    StringWriter writer(StringType(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      if (batch.live(i)) writer.Set(i, TimeDelta(in[i], from, to));
    }
    return writer.Take();
  });
}

constexpr ScalarEntry kTable[] = {
    {"e", BindE},
    {"pi", BindPi},
    {"exp", BindUnary<std::exp>},
    {"exp2", BindUnary<std::exp2>},
    {"exp10", BindUnary<PowerOfTen>},
    {"log", BindUnary<std::log>},
    {"ln", BindUnary<std::log>},
    {"log2", BindUnary<std::log2>},
    {"log10", BindUnary<std::log10>},
    {"log1p", BindUnary<std::log1p>},
    {"sqrt", BindUnary<std::sqrt>},
    {"cbrt", BindUnary<std::cbrt>},
    {"sin", BindUnary<std::sin>},
    {"cos", BindUnary<std::cos>},
    {"tan", BindUnary<std::tan>},
    {"asin", BindUnary<std::asin>},
    {"acos", BindUnary<std::acos>},
    {"atan", BindUnary<std::atan>},
    {"sinh", BindUnary<std::sinh>},
    {"cosh", BindUnary<std::cosh>},
    {"tanh", BindUnary<std::tanh>},
    {"asinh", BindUnary<std::asinh>},
    {"acosh", BindUnary<std::acosh>},
    {"atanh", BindUnary<std::atanh>},
    {"erf", BindUnary<std::erf>},
    {"erfc", BindUnary<std::erfc>},
    {"lgamma", BindUnary<LogGamma>},
    {"tgamma", BindUnary<std::tgamma>},
    {"degrees", BindUnary<[](double x) { return x * (180 / std::numbers::pi); }>},
    {"radians", BindUnary<[](double x) { return x * (std::numbers::pi / 180); }>},
    {"pow", BindBinary<std::pow>},
    {"power", BindBinary<std::pow>},
    {"atan2", BindBinary<std::atan2>},
    {"hypot", BindBinary<std::hypot>},
    {"sign", BindSign},
    {"isFinite", BindTest<Test::kFinite>},
    {"isInfinite", BindTest<Test::kInfinite>},
    {"isNaN", BindTest<Test::kNan>},
    {"ifNotFinite", BindIfNotFinite},
    {"factorial", BindFactorial},
    {"intExp2", BindIntExp<2>},
    {"intExp10", BindIntExp<10>},
    {"width_bucket", BindWidthBucket},
    {"widthBucket", BindWidthBucket},
    {"floor", BindRound<Mode::kFloor>},
    {"ceil", BindRound<Mode::kCeil>},
    {"ceiling", BindRound<Mode::kCeil>},
    {"trunc", BindRound<Mode::kTrunc>},
    {"truncate", BindRound<Mode::kTrunc>},
    {"round", BindRound<Mode::kHalfAway>},
    {"roundBankers", BindRound<Mode::kBankers>},
    {"roundToExp2", BindRoundToExp2},
    {"roundDuration", BindRoundDuration},
    {"roundAge", BindRoundAge},
    {"roundDown", BindRoundDown},
    {"bar", BindBar},
    {"formatReadableSize", BindReadable<1024, kBinaryUnits>},
    {"formatReadableDecimalSize", BindReadable<1000, kDecimalUnits>},
    {"formatReadableQuantity", BindReadable<1000, kQuantities>},
    {"formatReadableTimeDelta", BindTimeDelta},
};

}  // namespace

std::span<const ScalarEntry> MathFunctions() { return kTable; }

}  // namespace hoglet::fn
