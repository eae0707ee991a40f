#pragma once

#include <string>

#include "query/functions/kernel.h"

// Conversion between types, and values as text.

namespace hoglet::fn {

enum class CastMode : uint8_t {
  kThrow,           // toInt64(x), CAST: numbers wrap, unreadable text is an error
  kOrNull,          // toInt64OrNull(x): unreadable text is NULL
  kOrZero,          // toInt64OrZero(x): unreadable text is the default
  kAccurate,        // accurateCast: a value that does not fit is an error
  kAccurateOrNull,  // accurateCastOrNull: a value that does not fit is NULL
};

constexpr Int128 Pow10Wide(int exponent) {
  Int128 value = 1;
  for (int i = 0; i < exponent; ++i) value *= 10;
  return value;
}

// The least and the greatest value of an integer type; Bool has 0 and 1.
Int128 IntegerMin(const Type& type);
Int128 IntegerMax(const Type& type);

// Whether a conversion exists at all.
bool CanCast(const Type& from, const Type& to);
// `vector` in any form; its NULLs stay NULL (for a `to` that is not nullable they are an error
// under kThrow and kAccurate). The result has type `to`, made nullable for the OrNull modes.
absl::StatusOr<Vector> CastVector(const Vector& vector, const Type& to, CastMode mode);
// To a common supertype: never fails for types that CommonType() has put together. NULLs stay, and
// make the result's type nullable.
absl::StatusOr<Vector> Widen(const Vector& vector, const Type& to);
absl::StatusOr<Datum> CastDatum(const Datum& value, const Type& from, const Type& to,
                                CastMode mode);

// toString: plain at the top, quoted inside arrays, tuples and maps. NULL is "NULL" inside and \N
// at the top.
void AppendText(const Vector& vector, size_t row, std::string* out);
// The text of every row of a flat vector; NULLs stay.
Vector TextOf(const Vector& in);
// A number as ClickHouse prints it: shortest, exponents from 1e21 and below 1e-6.
void AppendDouble(double value, std::string* out);
void AppendFloat(float value, std::string* out);
void AppendDecimal(Int128 value, int scale, std::string* out);
void AppendInt128(Int128 value, bool is_unsigned, std::string* out);
void AppendDate(int64_t day_number, std::string* out);
// Local microseconds as "YYYY-MM-DD hh:mm:ss[.fraction]".
void AppendLocalTime(int64_t local_us, int fraction_digits, std::string* out);

// One value from text; nullopt if it cannot be read whole. Integers come wrapped in an Int128.
std::optional<Int128> ParseInteger(std::string_view text, const Type& type);
std::optional<double> ParseDouble(std::string_view text);
std::optional<Int128> ParseDecimal(std::string_view text, int scale);
// Date of "2020-01-31", "2020-1-3" or "20200131", days past the month's end run over.
std::optional<int64_t> ParseDay(std::string_view text);
std::optional<bool> ParseBool(std::string_view text);

}  // namespace hoglet::fn
