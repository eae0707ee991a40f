
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

namespace hoglet::fn {
namespace {

enum class Compare { kEquals, kNotEquals, kLess, kGreater, kLessOrEquals, kGreaterOrEquals };

template <Compare op, typename T>
inline bool Holds(const T& a, const T& b) {
  if constexpr (op == Compare::kEquals) return a == b;
  if constexpr (op == Compare::kNotEquals) return !(a == b);
  if constexpr (op == Compare::kLess) return a < b;
  if constexpr (op == Compare::kGreater) return b < a;
  if constexpr (op == Compare::kLessOrEquals) return a <= b;
  return b <= a;
}

template <Compare op, typename T>
void CompareLoop(const T* a, bool a_constant, const T* b, bool b_constant, size_t rows,
                 uint8_t* out) {
  if (b_constant) {
    const T value = b[0];
    if (a_constant) {
      std::fill_n(out, rows, Holds<op>(a[0], value));
      return;
    }
    for (size_t i = 0; i < rows; ++i) out[i] = Holds<op>(a[i], value);
  } else if (a_constant) {
    const T value = a[0];
    for (size_t i = 0; i < rows; ++i) out[i] = Holds<op>(value, b[i]);
  } else {
    for (size_t i = 0; i < rows; ++i) out[i] = Holds<op>(a[i], b[i]);
  }
}

// Equality of strings with one: the length first, so that most rows cost one comparison of
// integers.
template <bool negate>
void EqualsConstant(const std::string_view* a, std::string_view value, size_t rows, uint8_t* out) {
  for (size_t i = 0; i < rows; ++i) out[i] = (a[i] == value) != negate;
}

template <Compare op, typename T>
Bound PlainCompare() {
  return MakeFunction(U8(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<T> a(batch.args[0]);
    const Input<T> b(batch.args[1]);
    Vector out = Vector::Flat(U8(), batch.rows);
    auto* data = out.mutable_data<uint8_t>();
    const bool a_constant = batch.args[0].is_constant();
    const bool b_constant = batch.args[1].is_constant();
    if constexpr (std::is_same_v<T, std::string_view> &&
                  (op == Compare::kEquals || op == Compare::kNotEquals)) {
      if (b_constant && !a_constant) {
        EqualsConstant<op == Compare::kNotEquals>(a.vector().template data<T>(), b[0], batch.rows,
                                                  data);
        return out;
      }
    }
    CompareLoop<op, T>(a.vector().template data<T>(), a_constant, b.vector().template data<T>(),
                       b_constant, batch.rows, data);
    return out;
  });
}

// 64-bit integers of which at least one is UInt64.
template <Compare op>
Bound MixedCompare(bool a_unsigned, bool b_unsigned) {
  return MapRows<uint8_t, int64_t, int64_t>(U8(), [=](int64_t a, int64_t b) {
    const Int128 x = a_unsigned ? static_cast<Int128>(static_cast<uint64_t>(a)) : a;
    const Int128 y = b_unsigned ? static_cast<Int128>(static_cast<uint64_t>(b)) : b;
    return Holds<op>(x, y);
  });
}

// Values of one type by the general rule.
template <Compare op>
Bound GeneralCompare(const Type& common) {
  return MakeFunction(U8(), [common](const Batch& batch) -> absl::StatusOr<Vector> {
    HOGLET_ASSIGN_OR_RETURN(Vector a, Widen(batch.args[0], common));
    HOGLET_ASSIGN_OR_RETURN(Vector b, Widen(batch.args[1], common));
    a = a.Flatten();
    b = b.Flatten();
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      out.mutable_data<uint8_t>()[i] = batch.live(i) ? Holds<op>(CompareRows(a, i, b, i), 0) : 0;
    }
    return out;
  });
}

bool IsWhole(const Type& type) {
  return type.IsInteger() || type.kind() == TypeKind::kBool || type.kind() == TypeKind::kEnum8;
}

template <Compare op>
Bound CompareNumbers(const Type& a, const Type& b) {
  if (a.IsFloat() || b.IsFloat()) return PlainCompare<op, double>();
  if (a.kind() == TypeKind::kDecimal || b.kind() == TypeKind::kDecimal) {
    // There is no common type of 128-bit integers and decimals, but an order.
    if (a.physical() == Physical::kI128 && a.IsInteger())
      return GeneralCompare<op>(Type::Decimal(38, b.scale()));
    if (b.physical() == Physical::kI128 && b.IsInteger())
      return GeneralCompare<op>(Type::Decimal(38, a.scale()));
    const Type types[] = {a, b};
    HOGLET_ASSIGN_OR_RETURN(Type common, CommonType(types, "comparison"));
    return GeneralCompare<op>(common);
  }
  if (a.physical() == Physical::kI128 || b.physical() == Physical::kI128)
    return PlainCompare<op, Int128>();
  if (a.physical() == Physical::kU8 && b.physical() == Physical::kU8)
    return PlainCompare<op, uint8_t>();
  const bool au = a.kind() == TypeKind::kUInt64;
  const bool bu = b.kind() == TypeKind::kUInt64;
  if (au || bu) return MixedCompare<op>(au, bu);
  return PlainCompare<op, int64_t>();
}

// A string against a value of another type: the string is read as that type.
template <Compare op>
Bound CompareWithText(const Call& call, size_t text_at) {
  const size_t other_at = 1 - text_at;
  const Type& other = call.type(other_at);
  if (other.IsNumber() && !call.args[text_at].constant.has_value()) {
    return Error("no_common_type", "There is no supertype for types String and ", other.Name(),
                 " of arguments of function ", call.name);
  }
  if (other.physical() == Physical::kArray || other.physical() == Physical::kTuple)
    return call.BadType(other_at);
  if (call.has_constant(text_at)) {
    auto value = CastDatum(call.constant(text_at), StringType(), other, CastMode::kThrow);
    if (!value.ok()) {
      if (other.IsNumber()) return WithErrorCode(value.status(), "type_mismatch");
      return value.status();
    }
  }
  const FunctionArgument same[] = {{other}, {other}};
  HOGLET_ASSIGN_OR_RETURN(auto function, BindOther(call, call.name, same));
  return MakeFunction(U8(), [=](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector args[] = {batch.args[0], batch.args[1]};
    HOGLET_ASSIGN_OR_RETURN(args[text_at], CastVector(args[text_at], other, CastMode::kThrow));
    for (Vector& arg : args) {
      if (arg.validity() != nullptr) {
        arg.clear_validity();
        arg.set_type(arg.type().NotNullable());
      }
    }
    return function->Evaluate(batch.context, args, {}, batch.rows);
  });
}

template <Compare op>
Bound Bind(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  const Type& a = call.type(0);
  const Type& b = call.type(1);
  if (a.IsStringLike() && b.IsStringLike()) return PlainCompare<op, std::string_view>();
  if (a.IsStringLike()) return CompareWithText<op>(call, 0);
  if (b.IsStringLike()) return CompareWithText<op>(call, 1);
  if ((a.IsNumber() || IsWhole(a)) && (b.IsNumber() || IsWhole(b))) return CompareNumbers<op>(a, b);
  if (a.SameBase(b) && a.physical() == Physical::kI64) return PlainCompare<op, int64_t>();
  const Type types[] = {a, b};
  auto common = CommonType(types, call.name);
  if (!common.ok()) {
    return Error(a.physical() == Physical::kArray || b.physical() == Physical::kArray
                     ? "no_common_type"
                     : "illegal_type_of_argument",
                 "Illegal types of arguments (", a.Name(), ", ", b.Name(), ") of function ",
                 call.name);
  }
  return GeneralCompare<op>(*common);
}

constexpr ScalarEntry kTable[] = {
    {"equals", Bind<Compare::kEquals>},
    {"notEquals", Bind<Compare::kNotEquals>},
    {"less", Bind<Compare::kLess>},
    {"greater", Bind<Compare::kGreater>},
    {"lessOrEquals", Bind<Compare::kLessOrEquals>},
    {"greaterOrEquals", Bind<Compare::kGreaterOrEquals>},
};

}  // namespace

std::span<const ScalarEntry> ComparisonFunctions() { return kTable; }

}  // namespace hoglet::fn
