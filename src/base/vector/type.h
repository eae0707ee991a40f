#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// The type system of columns and expressions: ClickHouse's, by its spelling, on few physical forms.

namespace hoglet {

enum class TypeKind : uint8_t {
  kNothing,  // the type of a bare NULL
  kBool,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kUInt128,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kInt128,
  kFloat32,
  kFloat64,
  kDecimal,  // precision and scale; value x 10^scale
  kString,
  kFixedString,  // length in precision
  kDate,         // days since 1970-01-01
  kDate32,       // the same, 1900..2299
  kDateTime,     // seconds since the epoch, with a zone
  kDateTime64,   // ticks of 10^-scale s since the epoch, with a zone
  kTime,         // seconds
  kUuid,
  kIPv4,
  kIPv6,
  kEnum8,
  kInterval,  // a count of interval units
  kArray,     // children[0]
  kTuple,     // children, names if it is a named tuple
  kMap,       // children[0] key, children[1] value
  kFunction,  // a lambda; has no values
  kState,     // the state of an aggregate function; opaque bytes
};

enum class IntervalUnit : uint8_t {
  kNanosecond,
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear
};

// How values of a type lie in memory. Integers narrower than 64 bits are widened: fewer kernels,
// and the logical type says how results wrap.
enum class Physical : uint8_t {
  kNone,  // Nothing: no data, every row NULL
  kU8,    // uint8_t: Bool, UInt8
  kI64,   // int64_t: other integers up to 64 bits (UInt64 by its bits), dates and times, Enum8,
          // IPv4, Interval, Decimal up to 18 digits
  kF64,   // double: Float32 (rounded to float after every operation), Float64
  kI128,  // Int128: (U)Int128, UUID and IPv6 (big-endian bytes as a number), Decimal from 19 to 38
          // digits
  kString,  // std::string_view: String, FixedString, State
  kArray,   // offsets and a child vector: Array; Map as an array of (key, value) tuples
  kTuple,   // one child vector an element
};

using Int128 = __int128;
using UInt128 = unsigned __int128;

// A value type; cheap to copy. Immutable once made.
class Type {
 public:
  Type() = default;
  explicit Type(TypeKind kind) : kind_(kind) {}

  static Type Decimal(int precision, int scale);
  static Type FixedString(int bytes);
  static Type DateTime(std::string_view zone = "");  // empty: no zone in the name, read as UTC
  static Type DateTime64(int scale, std::string_view zone = "");
  static Type Interval(IntervalUnit unit);
  static Type Array(Type element);
  static Type Tuple(std::vector<Type> elements, std::vector<std::string> names = {});
  static Type Map(Type key, Type value);
  static Type Enum8(std::vector<std::pair<std::string, int>> values);
  // `name` identifies the aggregate (with parameters); `arguments` its argument types.
  static Type State(std::string_view name, std::vector<Type> arguments);

  TypeKind kind() const { return kind_; }
  bool nullable() const { return nullable_; }
  int precision() const { return precision_; }  // Decimal digits, FixedString bytes
  int scale() const { return scale_; }          // Decimal and DateTime64 scale
  IntervalUnit interval_unit() const { return static_cast<IntervalUnit>(scale_); }
  const std::vector<Type>& children() const;
  const std::vector<std::string>& names() const;  // tuple element names, Enum8 names, State name
  const std::vector<int>& enum_values() const;
  const std::string& zone() const;  // DateTime, DateTime64; "" if none
  const Type& element() const { return children()[0]; }

  Type Nullable() const;  // this with nullable() true
  Type NotNullable() const;
  Type WithZone(std::string_view zone) const;

  Physical physical() const;
  // ClickHouse's spelling: "Nullable(DateTime64(6, 'UTC'))".
  std::string Name() const;
  // Reads such a spelling (LowCardinality(X) reads as X); kInvalidArgument otherwise.
  static absl::StatusOr<Type> Parse(std::string_view name);

  bool IsInteger() const { return kind_ >= TypeKind::kUInt8 && kind_ <= TypeKind::kInt128; }
  bool IsUnsigned() const { return kind_ >= TypeKind::kUInt8 && kind_ <= TypeKind::kUInt128; }
  bool IsFloat() const { return kind_ == TypeKind::kFloat32 || kind_ == TypeKind::kFloat64; }
  bool IsNumber() const {
    return IsInteger() || IsFloat() || kind_ == TypeKind::kDecimal || kind_ == TypeKind::kBool;
  }
  bool IsStringLike() const {
    return kind_ == TypeKind::kString || kind_ == TypeKind::kFixedString;
  }
  bool IsDateOrTime() const { return kind_ >= TypeKind::kDate && kind_ <= TypeKind::kDateTime64; }
  // Bits of an integer type: 8, 16, 32, 64, 128 (Bool 8).
  int IntegerBits() const;

  // Equality of the whole type, nullability and zone included.
  friend bool operator==(const Type& a, const Type& b);
  // Same but for nullability and zone at the top level.
  bool SameBase(const Type& other) const;

 private:
  struct Extra;
  TypeKind kind_ = TypeKind::kNothing;
  bool nullable_ = false;
  uint8_t precision_ = 0;
  uint8_t scale_ = 0;
  std::shared_ptr<const Extra> extra_;
};

}  // namespace hoglet
