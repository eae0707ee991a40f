#include <numeric>

#include "query/functions/cast.h"
#include "query/functions/datetime.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "query/functions/wrapping.h"

namespace hoglet::fn {
namespace {

constexpr Int128 kInt128Min = static_cast<Int128>(static_cast<UInt128>(1) << 127);

// One tight loop for each form of the arguments.
template <typename R, typename T, typename F>
void BinaryLoop(const Vector& a, const Vector& b, size_t rows, R* out, F f) {
  const Input<T> left(a);
  const Input<T> right(b);
  const T* x = left.vector().template data<T>();
  const T* y = right.vector().template data<T>();
  if (a.is_constant() && b.is_constant()) {
    std::fill_n(out, rows, f(x[0], y[0]));
  } else if (b.is_constant()) {
    const T value = y[0];
    for (size_t i = 0; i < rows; ++i) out[i] = f(x[i], value);
  } else if (a.is_constant()) {
    const T value = x[0];
    for (size_t i = 0; i < rows; ++i) out[i] = f(value, y[i]);
  } else {
    for (size_t i = 0; i < rows; ++i) out[i] = f(x[i], y[i]);
  }
}

template <typename T, typename F>
Kernel BinaryKernel(Type type, F f) {
  return [type, f](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector out = Vector::Flat(type, batch.rows);
    BinaryLoop<T, T>(batch.args[0], batch.args[1], batch.rows, out.mutable_data<T>(), f);
    if constexpr (std::is_same_v<T, int64_t>) WrapIntegers(&out);
    return out;
  };
}

int Bits(const Type& type) { return type.kind() == TypeKind::kBool ? 8 : type.IntegerBits(); }

bool IsPlainNumber(const Type& type) {
  return type.IsInteger() || type.IsFloat() || type.kind() == TypeKind::kBool;
}
bool IsWhole(const Type& type) { return type.IsInteger() || type.kind() == TypeKind::kBool; }
bool IsDecimal(const Type& type) { return type.kind() == TypeKind::kDecimal; }

enum class Op { kPlus, kMinus, kMultiply };

template <typename T>
T Apply(Op op, T a, T b) {
  switch (op) {
    case Op::kPlus:
      return a + b;
    case Op::kMinus:
      return a - b;
    default:
      return a * b;
  }
}

// Result types of + - *: the next width above the wider argument, at most 64 bits.
Type SumType(Op op, const Type& a, const Type& b) {
  const int wider = std::max(Bits(a), Bits(b));
  const int bits = wider >= 128 ? 128 : std::min(64, wider * 2);
  return IntegerType(bits, op == Op::kMinus || IsSigned(a) || IsSigned(b));
}

template <typename T, Op op>
Kernel NumberKernel(const Type& type) {
  return BinaryKernel<T>(type, [](T a, T b) {
    if constexpr (std::is_same_v<T, int64_t>) {
      return static_cast<int64_t>(Apply(op, static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
    } else if constexpr (std::is_same_v<T, Int128>) {
      return static_cast<Int128>(Apply(op, static_cast<UInt128>(a), static_cast<UInt128>(b)));
    } else {
      return Apply(op, a, b);
    }
  });
}

template <Op op>
Bound NumberOp(const Type& a, const Type& b) {
  if (a.IsFloat() || b.IsFloat()) {
    if ((IsWhole(a) && Bits(a) == 128) || (IsWhole(b) && Bits(b) == 128)) {
      return Error("illegal_type_of_argument", "No arithmetic of ", a.Name(), " and ", b.Name(),
                   ": a float does not hold 128 bits");
    }
    const bool narrow = a.kind() == TypeKind::kFloat32 && b.kind() == TypeKind::kFloat32;
    const Type type(narrow ? TypeKind::kFloat32 : TypeKind::kFloat64);
    if (narrow) {
      return MakeFunction(type, BinaryKernel<double>(type, [](double x, double y) -> double {
                            return static_cast<float>(Apply(op, x, y));
                          }));
    }
    return MakeFunction(type, NumberKernel<double, op>(type));
  }
  const Type type = SumType(op, a, b);
  if (type.physical() == Physical::kI128) return MakeFunction(type, NumberKernel<Int128, op>(type));
  return MakeFunction(type, NumberKernel<int64_t, op>(type));
}

template <typename F>
Bound DecimalLoop(const Type& type, int up_a, int up_b, F f) {
  return MakeFunction(type, [type, up_a, up_b, f](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<Int128> a(batch.args[0]);
    const Input<Int128> b(batch.args[1]);
    Int128 raise_a = 1, raise_b = 1;
    for (int i = 0; i < up_a; ++i) raise_a *= 10;
    for (int i = 0; i < up_b; ++i) raise_b *= 10;
    Vector out = Vector::Flat(type, batch.rows);
    const bool wide = type.physical() == Physical::kI128;
    for (size_t i = 0; i < batch.rows; ++i) {
      Int128 value = 0;
      if (batch.live(i)) {
        HOGLET_ASSIGN_OR_RETURN(value, f(a[i] * raise_a, b[i] * raise_b));
      }
      if (wide) {
        out.mutable_data<Int128>()[i] = value;
      } else {
        if (value != static_cast<int64_t>(value)) {
          return Error("decimal_overflow", "Decimal math overflow");
        }
        out.mutable_data<int64_t>()[i] = static_cast<int64_t>(value);
      }
    }
    return out;
  });
}

Type DecimalResult(const Type& a, const Type& b, int scale) {
  const int precision =
      std::max(IsDecimal(a) ? a.precision() : 0, IsDecimal(b) ? b.precision() : 0);
  return Type::Decimal(precision <= 9 ? 9 : precision <= 18 ? 18 : 38, scale);
}

template <Op op>
Bound DecimalOp(const Type& a, const Type& b) {
  if (a.IsFloat() || b.IsFloat()) {
    return MakeFunction(F64(), NumberKernel<double, op>(F64()));
  }
  const int sa = IsDecimal(a) ? a.scale() : 0;
  const int sb = IsDecimal(b) ? b.scale() : 0;
  if (op == Op::kMultiply) {
    return DecimalLoop(DecimalResult(a, b, sa + sb), 0, 0,
                       [](Int128 x, Int128 y) -> absl::StatusOr<Int128> {
                         Int128 out;
                         if (__builtin_mul_overflow(x, y, &out)) {
                           return Error("decimal_overflow", "Decimal math overflow");
                         }
                         return out;
                       });
  }
  const int scale = std::max(sa, sb);
  return DecimalLoop(DecimalResult(a, b, scale), scale - sa, scale - sb,
                     [](Int128 x, Int128 y) -> absl::StatusOr<Int128> { return Apply(op, x, y); });
}

// Date +- days, DateTime and DateTime64 +- seconds.
Bound TimePlusNumber(const Type& type, size_t time_at, size_t number_at, int sign) {
  const int64_t unit = type.kind() == TypeKind::kDateTime64 ? kPow10[type.scale()] * sign : sign;
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector out = Vector::Flat(type, batch.rows);
    auto* data = out.mutable_data<int64_t>();
    BinaryLoop<int64_t, int64_t>(
        batch.args[time_at], batch.args[number_at], batch.rows, data,
        [unit](int64_t t, int64_t n) { return WrappingAdd(t, WrappingMultiply(n, unit)); });
    for (size_t i = 0; i < batch.rows; ++i) {
      if (type.kind() == TypeKind::kDate) data[i] = static_cast<uint16_t>(data[i]);
      if (type.kind() == TypeKind::kDateTime) data[i] = static_cast<uint32_t>(data[i]);
    }
    return out;
  });
}

Bound TimeMinusTime(const Type& a, const Type& b) {
  if (a.kind() == TypeKind::kDateTime64 || b.kind() == TypeKind::kDateTime64) {
    const int scale = std::max(a.kind() == TypeKind::kDateTime64 ? a.scale() : 0,
                               b.kind() == TypeKind::kDateTime64 ? b.scale() : 0);
    const Type common = Type::DateTime64(scale, a.zone());
    const Type type = Type::Decimal(18, scale);
    return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
      HOGLET_ASSIGN_OR_RETURN(Vector x, Widen(batch.args[0], common));
      HOGLET_ASSIGN_OR_RETURN(Vector y, Widen(batch.args[1], common));
      Vector out = Vector::Flat(type, batch.rows);
      BinaryLoop<int64_t, int64_t>(x, y, batch.rows, out.mutable_data<int64_t>(),
                                   [](int64_t p, int64_t q) { return p - q; });
      return out;
    });
  }
  const Type type(TypeKind::kInt32);
  return MakeFunction(type,
                      BinaryKernel<int64_t>(type, [](int64_t x, int64_t y) { return x - y; }));
}

// Applies the function to the elements of two tuples, pairwise.
Bound TupleOp(const Call& call, std::string_view name) {
  const Type& a = call.type(0);
  const Type& b = call.type(1);
  if (a.children().size() != b.children().size()) {
    return Error("illegal_type_of_argument",
                 "Expected tuples of the same size as arguments of function ", call.name);
  }
  std::vector<std::shared_ptr<ScalarFunction>> functions;
  std::vector<Type> types;
  for (size_t i = 0; i < a.children().size(); ++i) {
    const FunctionArgument args[] = {{a.children()[i]}, {b.children()[i]}};
    HOGLET_ASSIGN_OR_RETURN(auto function, BindOther(call, name, args));
    types.push_back(function->result_type());
    functions.push_back(std::move(function));
  }
  const Type type = Type::Tuple(types);
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<Vector> children;
    const Vector x = batch.args[0].Flatten();
    const Vector y = batch.args[1].Flatten();
    for (size_t i = 0; i < functions.size(); ++i) {
      const Vector args[] = {x.children()[i], y.children()[i]};
      HOGLET_ASSIGN_OR_RETURN(Vector child,
                              functions[i]->Evaluate(batch.context, args, {}, batch.rows));
      children.push_back(child.Flatten());
    }
    return Vector::TupleOf(type, std::move(children), batch.rows);
  });
}

bool IsInterval(const Type& type) {
  if (type.kind() == TypeKind::kInterval) return true;
  if (type.kind() != TypeKind::kTuple || type.children().empty()) return false;
  return type.children()[0].kind() == TypeKind::kInterval;
}

// Intervals of one unit add up; of several they become a tuple.
Bound IntervalSum(const Call& call, int sign) {
  const Type& a = call.type(0);
  const Type& b = call.type(1);
  if (a == b && a.kind() == TypeKind::kInterval) {
    return MakeFunction(
        a, BinaryKernel<int64_t>(a, [sign](int64_t x, int64_t y) { return x + sign * y; }));
  }
  if (b.kind() != TypeKind::kInterval) return call.BadType(1);
  std::vector<Type> children = a.kind() == TypeKind::kTuple ? a.children() : std::vector<Type>{a};
  children.push_back(b);
  const Type type = Type::Tuple(children);
  return MakeFunction(type, [type, sign](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector a = batch.args[0].Flatten();
    std::vector<Vector> children =
        a.type().kind() == TypeKind::kTuple ? a.children() : std::vector<Vector>{a};
    Vector last = batch.args[1].Flatten();
    if (sign < 0) {
      Vector negated = Vector::Flat(last.type(), batch.rows);
      for (size_t i = 0; i < batch.rows; ++i) {
        negated.mutable_data<int64_t>()[i] = -last.data<int64_t>()[i];
      }
      last = std::move(negated);
    }
    children.push_back(std::move(last));
    return Vector::TupleOf(type, std::move(children), batch.rows);
  });
}

template <Op op>
Bound BindSum(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  const Type& a = call.type(0);
  const Type& b = call.type(1);
  if (IsPlainNumber(a) && IsPlainNumber(b)) return NumberOp<op>(a, b);
  if (a.IsNumber() && b.IsNumber()) return DecimalOp<op>(a, b);
  if (op != Op::kMultiply) {
    const int sign = op == Op::kMinus ? -1 : 1;
    if (a.IsDateOrTime() && IsInterval(b)) return BindAddInterval(call, 0, 1, sign);
    if (IsInterval(a) && b.IsDateOrTime() && sign > 0) return BindAddInterval(call, 1, 0, sign);
    if (IsInterval(a) && IsInterval(b)) return IntervalSum(call, sign);
    if (a.IsDateOrTime() && IsPlainNumber(b)) return TimePlusNumber(a, 0, 1, sign);
    if (IsPlainNumber(a) && b.IsDateOrTime() && sign > 0) return TimePlusNumber(b, 1, 0, sign);
    if (a.IsDateOrTime() && b.IsDateOrTime() && sign < 0) return TimeMinusTime(a, b);
    if (a.kind() == TypeKind::kTuple && b.kind() == TypeKind::kTuple)
      return TupleOp(call, call.name);
  } else if ((a.kind() == TypeKind::kInterval && IsWhole(b)) ||
             (b.kind() == TypeKind::kInterval && IsWhole(a))) {
    const Type type = a.kind() == TypeKind::kInterval ? a : b;
    return MakeFunction(type,
                        BinaryKernel<int64_t>(type, [](int64_t x, int64_t y) { return x * y; }));
  } else if (a.kind() == TypeKind::kTuple && b.kind() == TypeKind::kTuple) {
    return BindOther(call, "dotProduct", call.args).ok()
               ? call.catalog.BindScalar("dotProduct", call.args, call.context)
               : call.BadType(0);
  }
  return Error("illegal_type_of_argument", "Illegal types ", a.Name(), " and ", b.Name(),
               " of arguments of function ", call.name);
}

Bound BindDivide(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  const Type& a = call.type(0);
  const Type& b = call.type(1);
  if (a.kind() == TypeKind::kTuple && b.IsNumber()) {
    return call.catalog.BindScalar("tupleDivideByNumber", call.args, call.context);
  }
  if (!a.IsNumber() || !b.IsNumber()) return call.BadType(a.IsNumber() ? 1 : 0);
  if ((IsDecimal(a) || IsDecimal(b)) && !a.IsFloat() && !b.IsFloat()) {
    const int sa = IsDecimal(a) ? a.scale() : 0;
    const int sb = IsDecimal(b) ? b.scale() : 0;
    const int scale = IsDecimal(a) ? sa : sb;
    // x / y at the dividend's scale: raise x by the divisor's scale first.
    return DecimalLoop(DecimalResult(a, b, scale), scale - sa + sb, 0,
                       [](Int128 x, Int128 y) -> absl::StatusOr<Int128> {
                         if (y == 0) return Error("illegal_division", "Division by zero");
                         return x / y;
                       });
  }
  return MakeFunction(F64(), BinaryKernel<double>(F64(), [](double x, double y) { return x / y; }));
}

enum class Division { kDiv, kMod, kPositiveMod };

template <typename T>
T Divide(Division what, T a, T b) {
  if (what == Division::kDiv) return a / b;
  T rest = a % b;
  if (what == Division::kPositiveMod && rest < 0) rest += b < 0 ? -b : b;
  return rest;
}

absl::Status DivisionByZero() { return Error("illegal_division", "Division by zero"); }

// 64-bit division by the arguments' own signedness.
struct WholeDivider {
  Division what;
  bool or_zero;
  bool unsigned_a;
  bool unsigned_b;

  absl::StatusOr<int64_t> operator()(int64_t a, int64_t b) const {
    if (b == 0) {
      if (or_zero) return 0;
      return DivisionByZero();
    }
    // The remainder is taken as C++ does: a mix with UInt64 is unsigned.
    if ((unsigned_a && unsigned_b) || (what == Division::kMod && (unsigned_a || unsigned_b))) {
      return static_cast<int64_t>(
          Divide<uint64_t>(what, static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
    }
    if (a == INT64_MIN && b == -1 && !unsigned_b && !unsigned_a) {
      if (or_zero || what != Division::kDiv) return 0;
      return Error("illegal_division", "Division of minimal signed number by minus one");
    }
    const Int128 x = unsigned_a ? static_cast<Int128>(static_cast<uint64_t>(a)) : a;
    const Int128 y = unsigned_b ? static_cast<Int128>(static_cast<uint64_t>(b)) : b;
    return static_cast<int64_t>(Divide<Int128>(what, x, y));
  }
};

Type DivisionType(Division what, const Type& a, const Type& b) {
  switch (what) {
    case Division::kDiv:
      return IntegerType(Bits(a), IsSigned(a) || IsSigned(b));
    case Division::kMod:
      return IntegerType(IsSigned(a) ? std::min(64, Bits(b) * 2) : Bits(b), IsSigned(a));
    default:
      return IntegerType(IsSigned(a) && !IsSigned(b) ? Bits(b) : Bits(b), false);
  }
}

Bound FloatDivision(Division what, bool or_zero) {
  if (what == Division::kDiv) {
    return MapRows<int64_t, double, double>(
        I64(), [or_zero](double a, double b) -> absl::StatusOr<int64_t> {
          const double quotient = a / b;
          if (b == 0 || std::isnan(quotient) || std::abs(quotient) >= 9.3e18) {
            if (or_zero) return 0;
            return b == 0 ? DivisionByZero()
                          : Error("illegal_division",
                                  "Cannot perform integer division on infinite or too large "
                                  "floating point numbers");
          }
          return static_cast<int64_t>(quotient);
        });
  }
  return MapRows<double, double, double>(F64(), [what, or_zero](double a, double b) {
    if (or_zero && b == 0) return 0.0;
    double rest = std::fmod(a, b);
    if (what == Division::kPositiveMod && rest < 0) rest += std::abs(b);
    return rest;
  });
}

// The remainder of the unscaled numbers, as ClickHouse takes it.
Bound DecimalRemainder(const Type& a, const Type& b, Division what, bool or_zero) {
  const int scale = IsDecimal(a) ? a.scale() : b.scale();
  return DecimalLoop(DecimalResult(a, b, scale), 0, 0,
                     [what, or_zero](Int128 x, Int128 y) -> absl::StatusOr<Int128> {
                       if (y == 0 && !or_zero) return DivisionByZero();
                       if (y == 0 || y == -1) return 0;
                       return Divide<Int128>(what, x, y);
                     });
}

template <Division what, bool or_zero>
Bound BindDivision(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  const Type& a = call.type(0);
  const Type& b = call.type(1);
  const bool a_date = a.IsDateOrTime() && what != Division::kDiv;
  if (!(a.IsNumber() || a_date) || !b.IsNumber()) return call.BadType(a.IsNumber() ? 1 : 0);
  if (a.IsFloat() || b.IsFloat()) return FloatDivision(what, or_zero);
  if (IsDecimal(a) || IsDecimal(b)) {
    if (what != Division::kDiv) return DecimalRemainder(a, b, what, or_zero);
    return MapRows<int64_t, double, double>(I64(),
                                            [](double x, double y) -> absl::StatusOr<int64_t> {
                                              if (y == 0) {
                                                if (or_zero) return 0;
                                                return DivisionByZero();
                                              }
                                              return static_cast<int64_t>(x / y);
                                            });
  }
  const Type type = a_date ? IntegerType(Bits(b), false) : DivisionType(what, a, b);
  if (Bits(b) == 128 || (!a_date && Bits(a) == 128)) {
    // The remainder as C++ takes it: UInt128 makes both unsigned, narrower types fit into Int128.
    const bool has_u128 = a.kind() == TypeKind::kUInt128 || b.kind() == TypeKind::kUInt128;
    if (has_u128 && (what == Division::kMod || (!IsSigned(a) && !IsSigned(b)))) {
      const Type wide(IsSigned(a) ? TypeKind::kInt128 : TypeKind::kUInt128);
      return MapRows<Int128, Int128, Int128>(
          wide, [](Int128 x, Int128 y) -> absl::StatusOr<Int128> {
            if (y == 0 && !or_zero) return DivisionByZero();
            if (y == 0) return 0;
            return static_cast<Int128>(
                Divide<UInt128>(what, static_cast<UInt128>(x), static_cast<UInt128>(y)));
          });
    }
    const Type wide(TypeKind::kInt128);
    return MapRows<Int128, Int128, Int128>(wide, [](Int128 x, Int128 y) -> absl::StatusOr<Int128> {
      if (y == 0 || (x == kInt128Min && y == -1)) {
        if (or_zero) return 0;
        return DivisionByZero();
      }
      return Divide<Int128>(what, x, y);
    });
  }
  const WholeDivider divide{what, or_zero, a.kind() == TypeKind::kUInt64,
                            b.kind() == TypeKind::kUInt64};
  if (type.physical() == Physical::kU8) return MapRows<uint8_t, int64_t, int64_t>(type, divide);
  return MakeFunction(type, [type, divide](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<int64_t> x(batch.args[0]);
    const Input<int64_t> y(batch.args[1]);
    Vector out = Vector::Flat(type, batch.rows);
    auto* data = out.mutable_data<int64_t>();
    for (size_t i = 0; i < batch.rows; ++i) {
      data[i] = 0;
      if (!batch.live(i)) continue;
      HOGLET_ASSIGN_OR_RETURN(data[i], divide(x[i], y[i]));
    }
    WrapIntegers(&out);
    return out;
  });
}

Bound BindNegate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& a = call.type(0);
  if (a.kind() == TypeKind::kTuple)
    return call.catalog.BindScalar("tupleNegate", call.args, call.context);
  if (!a.IsNumber() && a.kind() != TypeKind::kInterval) return call.BadType(0);
  if (a.IsFloat()) return MapRows<double, double>(a, [](double x) { return -x; });
  Type type = a;
  if (IsWhole(a))
    type =
        IntegerType(IsSigned(a) ? Bits(a) : std::min(Bits(a) == 128 ? 128 : 64, Bits(a) * 2), true);
  if (type.physical() == Physical::kI128)
    return MapRows<Int128, Int128>(type, [](Int128 x) { return -x; });
  return MapRows<int64_t, int64_t>(type, [kind = type.kind()](int64_t x) {
    return WrapInteger(kind, static_cast<int64_t>(-static_cast<uint64_t>(x)));
  });
}

Bound BindAbs(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& a = call.type(0);
  if (!a.IsNumber()) return call.BadType(0);
  if (a.IsFloat()) return MapRows<double, double>(a, [](double x) { return std::abs(x); });
  const Type type = IsDecimal(a) ? a : IntegerType(Bits(a), false);
  auto positive = [](auto x) { return x < 0 ? -x : x; };
  if (type.physical() == Physical::kI128) return MapRows<Int128, Int128>(type, positive);
  if (a.IsUnsigned() || a.kind() == TypeKind::kBool) {
    if (type.physical() == Physical::kU8)
      return MapRows<uint8_t, uint8_t>(type, [](uint8_t x) { return x; });
    return MapRows<int64_t, int64_t>(type, [](int64_t x) { return x; });
  }
  auto absolute = [](int64_t x) {
    return x < 0 ? static_cast<int64_t>(-static_cast<uint64_t>(x)) : x;
  };
  if (type.physical() == Physical::kU8) return MapRows<uint8_t, int64_t>(type, absolute);
  return MapRows<int64_t, int64_t>(type, absolute);
}

template <bool lcm>
Bound BindGcd(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsWhole(call.type(i)) || Bits(call.type(i)) == 128) return call.BadType(i);
  }
  const Type type = lcm ? SumType(Op::kMultiply, call.type(0), call.type(1))
                        : SumType(Op::kPlus, call.type(0), call.type(1));
  const TypeKind kind = type.kind();
  const bool signed_a = IsSigned(call.type(0));
  const bool signed_b = IsSigned(call.type(1));
  return MapRows<int64_t, int64_t, int64_t>(
      type, [=](int64_t x, int64_t y) -> absl::StatusOr<int64_t> {
        const uint64_t a = signed_a && x < 0 ? -static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
        const uint64_t b = signed_b && y < 0 ? -static_cast<uint64_t>(y) : static_cast<uint64_t>(y);
        if (!lcm) return WrapInteger(kind, static_cast<int64_t>(std::gcd(a, b)));
        if (a == 0 || b == 0) return 0;
        return WrapInteger(kind, static_cast<int64_t>(a / std::gcd(a, b) * b));
      });
}

template <bool max>
Bound BindMax2(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!call.type(i).IsNumber()) return call.BadType(i);
  }
  return MakeFunction(F64(), BinaryKernel<double>(F64(), [](double x, double y) {
                        return max ? (x > y ? x : y) : (x < y ? x : y);
                      }));
}

// multiplyDecimal and divideDecimal: the result has the wanted scale, or the larger of both.
template <bool divide>
Bound BindDecimalTo(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsDecimal(call.type(i))) return call.BadType(i);
  }
  const int sa = call.type(0).scale();
  const int sb = call.type(1).scale();
  int64_t scale = std::max(sa, sb);
  if (call.size() == 3) {
    HOGLET_ASSIGN_OR_RETURN(scale, call.ConstantInteger(2));
  }
  if (scale < 0 || scale > 38) return Error("argument_out_of_bound", "Scale must be in 0 to 38");
  const Type type = Type::Decimal(38, static_cast<int>(scale));
  // The scale the plain result would have, against the wanted one.
  const int shift = static_cast<int>(scale) - (divide ? sa - sb : sa + sb);
  return DecimalLoop(type, divide ? std::max(shift, 0) : 0, divide ? std::max(-shift, 0) : 0,
                     [shift](Int128 x, Int128 y) -> absl::StatusOr<Int128> {
                       if (divide) {
                         if (y == 0) return DivisionByZero();
                         return x / y;
                       }
                       Int128 value;
                       bool overflow = __builtin_mul_overflow(x, y, &value);
                       for (int i = 0; i < shift; ++i)
                         overflow |= __builtin_mul_overflow(value, Int128{10}, &value);
                       for (int i = 0; i < -shift; ++i) value /= 10;
                       if (overflow) return Error("decimal_overflow", "Decimal math overflow");
                       return value;
                     });
}

constexpr ScalarEntry kTable[] = {
    {"plus", BindSum<Op::kPlus>},
    {"minus", BindSum<Op::kMinus>},
    {"multiply", BindSum<Op::kMultiply>},
    {"divide", BindDivide},
    {"intDiv", BindDivision<Division::kDiv, false>},
    {"intDivOrZero", BindDivision<Division::kDiv, true>},
    {"modulo", BindDivision<Division::kMod, false>},
    {"moduloOrZero", BindDivision<Division::kMod, true>},
    {"positiveModulo", BindDivision<Division::kPositiveMod, false>},
    {"negate", BindNegate},
    {"abs", BindAbs},
    {"gcd", BindGcd<false>},
    {"lcm", BindGcd<true>},
    {"max2", BindMax2<true>},
    {"min2", BindMax2<false>},
    {"multiplyDecimal", BindDecimalTo<false>},
    {"divideDecimal", BindDecimalTo<true>},
};

}  // namespace

std::span<const ScalarEntry> ArithmeticFunctions() { return kTable; }

}  // namespace hoglet::fn
