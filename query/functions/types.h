#pragma once

#include <cmath>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "src/base/hash.h"
#include "src/base/vector/vector.h"

// Rules over types and single values that many functions need: common types, wrapping of narrow
// integers, comparison, hashing.

namespace hoglet::fn {

// A bare NULL.
inline bool IsNothing(const Type& type) { return type.kind() == TypeKind::kNothing; }

// The double cut towards zero; saturates, NaN gives the minimum, as x86 converts.
inline int64_t CutToInt64(double value) {
  if (!(value > -9223372036854775808.0)) return std::isnan(value) || value < 0 ? INT64_MIN : 0;
  if (value >= 9223372036854775808.0) {
    return value < 18446744073709551616.0 ? static_cast<int64_t>(static_cast<uint64_t>(value))
                                          : INT64_MIN;
  }
  return static_cast<int64_t>(value);
}

// The value as an integer type of that width holds it.
inline int64_t WrapInteger(TypeKind kind, int64_t value) {
  switch (kind) {
    case TypeKind::kBool:
      return value != 0;
    case TypeKind::kUInt8:
      return static_cast<uint8_t>(value);
    case TypeKind::kUInt16:
      return static_cast<uint16_t>(value);
    case TypeKind::kUInt32:
      return static_cast<uint32_t>(value);
    case TypeKind::kInt8:
      return static_cast<int8_t>(value);
    case TypeKind::kInt16:
      return static_cast<int16_t>(value);
    case TypeKind::kInt32:
      return static_cast<int32_t>(value);
    default:
      return value;
  }
}
// Wraps all values of a flat i64 vector in place by its type.
void WrapIntegers(Vector* vector);

// Bits 8, 16, 32, 64 or 128.
Type IntegerType(int bits, bool is_signed);
inline bool IsSigned(const Type& type) {
  return (type.IsInteger() && !type.IsUnsigned()) || type.IsFloat() ||
         type.kind() == TypeKind::kDecimal;
}
// The smallest integer type that holds the value, unsigned if it is not negative.
Type SmallestIntegerType(int64_t value);

// Bytes of a value as ClickHouse stores it; 0 for types that are not numbers, dates, times or IPv4.
size_t StoredBytes(const Type& type);

// ClickHouse's least common supertype; "no_common_type" if there is none.
absl::StatusOr<Type> CommonType(std::span<const Type> types, std::string_view where);

// 0, '', [], the epoch; NULL if the type is nullable.
Datum DefaultOf(const Type& type);

// -1, 0, 1. NULLs are equal to each other and after all else, NaN after numbers. The vectors have
// the same base type.
int CompareRows(const Vector& a, size_t i, const Vector& b, size_t j);
int CompareDatums(const Type& type, const Datum& a, const Datum& b);

// Appends bytes that are equal for equal values only (within one type), NULL included.
void AppendKey(const Vector& vector, size_t row, std::string* out);
void AppendKey(const Type& type, const Datum& value, std::string* out);
// A good 64-bit hash of the value.
uint64_t HashRow(const Vector& vector, size_t row);
// Hashes of many rows, for tight loops. `hashes` has room for `rows`.
void HashRows(const Vector& vector, size_t rows, uint64_t* hashes);

// Rows of defaults.
Vector DefaultVector(const Type& type, size_t rows);

// Whether the (flat or constant) vector's row is true: non-zero and not NULL. Works for every
// number type.
std::vector<uint8_t> Truth(const Vector& vector, size_t rows);

// ASCII case.
std::string AsciiLower(std::string_view text);
std::string AsciiUpper(std::string_view text);
inline char LowerChar(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
inline char UpperChar(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
inline bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix);
}
inline bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.ends_with(suffix);
}
inline bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && EqualsIgnoreCase(text.substr(0, prefix.size()), prefix);
}
inline bool EndsWithIgnoreCase(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         EqualsIgnoreCase(text.substr(text.size() - suffix.size()), suffix);
}
std::string_view StripAsciiWhitespace(std::string_view text);

// Hash maps and sets of strings that are searched by views.
struct ViewHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return FastHash64(text); }
};
template <typename V>
using StringMap = absl::flat_hash_map<std::string, V, ViewHash, std::equal_to<>>;
using StringSet = absl::flat_hash_set<std::string, ViewHash, std::equal_to<>>;

}  // namespace hoglet::fn
