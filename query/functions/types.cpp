#include "query/functions/types.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "query/functions/kernel.h"
#include "src/base/hash.h"

namespace hoglet::fn {
namespace {

template <typename Narrow>
void WrapAll(int64_t* data, size_t count) {
  for (size_t i = 0; i < count; ++i) data[i] = static_cast<Narrow>(data[i]);
}

template <typename T>
int Compare(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int CompareDoubles(double a, double b) {
  const bool a_nan = std::isnan(a);
  const bool b_nan = std::isnan(b);
  if (a_nan || b_nan) return static_cast<int>(a_nan) - static_cast<int>(b_nan);
  return Compare(a, b);
}

std::string NamesOf(std::span<const Type> types) {
  std::string names;
  for (const Type& type : types) CatTo(&names, names.empty() ? "" : ", ", type.Name());
  return names;
}

absl::Status NoCommonType(std::span<const Type> types, std::string_view where) {
  return Error("no_common_type", "There is no supertype for types ", NamesOf(types), " in ", where);
}

absl::StatusOr<Type> CommonDate(std::span<const Type> types, std::string_view where) {
  TypeKind kind = TypeKind::kDate;
  int scale = 0;
  std::string zone;
  for (const Type& type : types) {
    if (!type.IsDateOrTime()) return NoCommonType(types, where);
    kind = std::max(kind, type.kind());
    if (type.kind() == TypeKind::kDateTime64) scale = std::max(scale, type.scale());
    if (zone.empty() && type.kind() >= TypeKind::kDateTime) zone = type.zone();
  }
  if (kind == TypeKind::kDateTime) {
    for (const Type& type : types) {
      if (type.kind() == TypeKind::kDate32) return Type::DateTime64(0, zone);
    }
    return Type::DateTime(zone);
  }
  if (kind == TypeKind::kDateTime64) return Type::DateTime64(scale, zone);
  return Type(kind);
}

absl::StatusOr<Type> CommonNumber(std::span<const Type> types, std::string_view where) {
  int signed_bits = 0;
  int unsigned_bits = 0;
  bool f32 = false;
  bool f64 = false;
  int decimal_digits = 0;
  int scale = 0;
  int integral_digits = 0;
  for (const Type& type : types) {
    if (type.kind() == TypeKind::kFloat32) {
      f32 = true;
    } else if (type.kind() == TypeKind::kFloat64) {
      f64 = true;
    } else if (type.kind() == TypeKind::kDecimal) {
      decimal_digits = std::max(decimal_digits, type.precision());
      scale = std::max(scale, type.scale());
    } else if (type.IsNumber()) {
      int& bits = IsSigned(type) ? signed_bits : unsigned_bits;
      bits = std::max(bits, type.IntegerBits());
      const int digits[] = {3, 5, 10, 20, 39};
      integral_digits = std::max(
          integral_digits, digits[std::countr_zero(static_cast<unsigned>(type.IntegerBits())) - 3]);
    } else {
      return NoCommonType(types, where);
    }
  }
  if (decimal_digits > 0) {
    if (f32 || f64 || signed_bits > 64 || unsigned_bits > 64) return NoCommonType(types, where);
    const int precision = std::max(decimal_digits, integral_digits + scale);
    return Type::Decimal(precision > 18 ? 38 : precision > 9 ? 18 : 9, scale);
  }
  if (f32 || f64) {
    const int bits = std::max(signed_bits, unsigned_bits);
    if (bits > 32) return NoCommonType(types, where);
    return Type(f64 || bits > 16 ? TypeKind::kFloat64 : TypeKind::kFloat32);
  }
  if (signed_bits == 0) return IntegerType(unsigned_bits, false);
  if (unsigned_bits >= signed_bits) {
    if (unsigned_bits == 64) return NoCommonType(types, where);
    if (unsigned_bits > 64) return IntegerType(128, true);
    return IntegerType(unsigned_bits * 2, true);
  }
  return IntegerType(signed_bits, true);
}

// `types` are not nullable and none is Nothing.
absl::StatusOr<Type> CommonBase(std::span<const Type> types, std::string_view where) {
  const Type& first = types[0];
  const bool same = std::all_of(types.begin(), types.end(),
                                [&](const Type& type) { return type.SameBase(first); });
  const bool nested = first.kind() == TypeKind::kArray || first.kind() == TypeKind::kTuple ||
                      first.kind() == TypeKind::kMap;
  if (same && !nested) return first;
  // Bool is another name of UInt8: the first of the two names stays.
  const auto is_byte = [](const Type& type) {
    return type.kind() == TypeKind::kBool || type.kind() == TypeKind::kUInt8;
  };
  if (std::all_of(types.begin(), types.end(), is_byte)) return first;
  if (first.IsStringLike()) {
    for (const Type& type : types) {
      if (!type.IsStringLike()) return NoCommonType(types, where);
    }
    return StringType();
  }
  if (first.IsDateOrTime()) return CommonDate(types, where);
  if (first.IsNumber()) return CommonNumber(types, where);
  if (!nested) return NoCommonType(types, where);

  std::vector<Type> children;
  for (size_t c = 0; c < first.children().size(); ++c) {
    std::vector<Type> at;
    for (const Type& type : types) {
      if (type.kind() != first.kind() || type.children().size() != first.children().size()) {
        return NoCommonType(types, where);
      }
      at.push_back(type.children()[c]);
    }
    HOGLET_ASSIGN_OR_RETURN(Type common, CommonType(at, where));
    children.push_back(std::move(common));
  }
  if (first.kind() == TypeKind::kArray) return Type::Array(children[0]);
  if (first.kind() == TypeKind::kMap) return Type::Map(children[0], children[1]);
  return Type::Tuple(std::move(children), first.names());
}

}  // namespace

void WrapIntegers(Vector* vector) {
  auto* data = vector->mutable_data<int64_t>();
  const size_t count = vector->is_constant() ? 1 : vector->size();
  switch (vector->type().kind()) {
    case TypeKind::kUInt16:
      WrapAll<uint16_t>(data, count);
      break;
    case TypeKind::kUInt32:
      WrapAll<uint32_t>(data, count);
      break;
    case TypeKind::kInt8:
      WrapAll<int8_t>(data, count);
      break;
    case TypeKind::kInt16:
      WrapAll<int16_t>(data, count);
      break;
    case TypeKind::kInt32:
      WrapAll<int32_t>(data, count);
      break;
    default:
      break;
  }
}

Type IntegerType(int bits, bool is_signed) {
  switch (bits) {
    case 8:
      return Type(is_signed ? TypeKind::kInt8 : TypeKind::kUInt8);
    case 16:
      return Type(is_signed ? TypeKind::kInt16 : TypeKind::kUInt16);
    case 32:
      return Type(is_signed ? TypeKind::kInt32 : TypeKind::kUInt32);
    case 64:
      return Type(is_signed ? TypeKind::kInt64 : TypeKind::kUInt64);
    default:
      return Type(is_signed ? TypeKind::kInt128 : TypeKind::kUInt128);
  }
}

Type SmallestIntegerType(int64_t value) {
  for (int bits : {8, 16, 32}) {
    if (value >= 0 ? value < int64_t{1} << bits : value >= -(int64_t{1} << (bits - 1))) {
      return IntegerType(bits, value < 0);
    }
  }
  return IntegerType(64, value < 0);
}

absl::StatusOr<Type> CommonType(std::span<const Type> types, std::string_view where) {
  bool nullable = false;
  std::vector<Type> bases;
  for (const Type& type : types) {
    nullable |= type.nullable();
    if (!IsNothing(type)) bases.push_back(type.NotNullable());
  }
  if (bases.empty()) {
    const Type nothing(TypeKind::kNothing);
    return nullable ? nothing.Nullable() : nothing;
  }
  HOGLET_ASSIGN_OR_RETURN(Type common, CommonBase(bases, where));
  if (nullable && CanBeNullable(common)) return common.Nullable();
  return common;
}

size_t StoredBytes(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kBool:
    case TypeKind::kEnum8:
      return 1;
    case TypeKind::kDate:
      return 2;
    case TypeKind::kDate32:
    case TypeKind::kDateTime:
    case TypeKind::kTime:
    case TypeKind::kIPv4:
    case TypeKind::kFloat32:
      return 4;
    case TypeKind::kDateTime64:
    case TypeKind::kInterval:
    case TypeKind::kFloat64:
      return 8;
    case TypeKind::kDecimal:
      return type.precision() <= 9 ? 4 : type.precision() <= 18 ? 8 : 16;
    default:
      return type.IsInteger() ? static_cast<size_t>(type.IntegerBits()) / 8 : 0;
  }
}

Datum DefaultOf(const Type& type) {
  if (type.nullable()) return Datum();
  switch (type.physical()) {
    case Physical::kNone:
      return Datum();
    case Physical::kU8:
    case Physical::kI64:
      return Datum(int64_t{0});
    case Physical::kF64:
      return Datum(0.0);
    case Physical::kI128:
      return Datum(Int128{0});
    case Physical::kString:
      return type.kind() == TypeKind::kFixedString ? Datum(std::string(type.precision(), '\0'))
                                                   : Datum(std::string());
    case Physical::kArray:
      return Datum(std::vector<Datum>());
    case Physical::kTuple: {
      std::vector<Datum> children;
      for (const Type& child : type.children()) children.push_back(DefaultOf(child));
      return Datum(std::move(children));
    }
  }
  return Datum();
}

int CompareRows(const Vector& a, size_t i, const Vector& b, size_t j) {
  const bool a_null = a.IsNull(i);
  const bool b_null = b.IsNull(j);
  if (a_null || b_null) return static_cast<int>(a_null) - static_cast<int>(b_null);
  const Vector& x = a.form() == Vector::Form::kDictionary ? *a.dictionary() : a;
  const Vector& y = b.form() == Vector::Form::kDictionary ? *b.dictionary() : b;
  const size_t p = a.Position(i);
  const size_t q = b.Position(j);
  switch (a.type().physical()) {
    case Physical::kNone:
      return 0;
    case Physical::kU8:
      return Compare(x.data<uint8_t>()[p], y.data<uint8_t>()[q]);
    case Physical::kI64:
      if (a.type().kind() == TypeKind::kUInt64) {
        return Compare(static_cast<uint64_t>(x.data<int64_t>()[p]),
                       static_cast<uint64_t>(y.data<int64_t>()[q]));
      }
      return Compare(x.data<int64_t>()[p], y.data<int64_t>()[q]);
    case Physical::kF64:
      return CompareDoubles(x.data<double>()[p], y.data<double>()[q]);
    case Physical::kI128:
      if (a.type().kind() == TypeKind::kInt128 || a.type().kind() == TypeKind::kDecimal) {
        return Compare(x.data<Int128>()[p], y.data<Int128>()[q]);
      }
      return Compare(static_cast<UInt128>(x.data<Int128>()[p]),
                     static_cast<UInt128>(y.data<Int128>()[q]));
    case Physical::kString: {
      const int order = x.data<std::string_view>()[p].compare(y.data<std::string_view>()[q]);
      return order < 0 ? -1 : order > 0;
    }
    case Physical::kArray: {
      const uint32_t* xo = x.offsets();
      const uint32_t* yo = y.offsets();
      const size_t nx = xo[p + 1] - xo[p];
      const size_t ny = yo[q + 1] - yo[q];
      for (size_t k = 0; k < std::min(nx, ny); ++k) {
        const int order = CompareRows(x.child(), xo[p] + k, y.child(), yo[q] + k);
        if (order != 0) return order;
      }
      return Compare(nx, ny);
    }
    case Physical::kTuple:
      for (size_t c = 0; c < x.children().size(); ++c) {
        const int order = CompareRows(x.children()[c], p, y.children()[c], q);
        if (order != 0) return order;
      }
      return 0;
  }
  return 0;
}

int CompareDatums(const Type& type, const Datum& a, const Datum& b) {
  if (a.is_null() || b.is_null()) {
    return static_cast<int>(a.is_null()) - static_cast<int>(b.is_null());
  }
  switch (type.physical()) {
    case Physical::kNone:
      return 0;
    case Physical::kU8:
    case Physical::kI64:
      if (type.kind() == TypeKind::kUInt64) {
        return Compare(static_cast<uint64_t>(a.integer()), static_cast<uint64_t>(b.integer()));
      }
      return Compare(a.integer(), b.integer());
    case Physical::kF64:
      return CompareDoubles(a.number(), b.number());
    case Physical::kI128:
      if (type.kind() == TypeKind::kInt128 || type.kind() == TypeKind::kDecimal) {
        return Compare(a.wide(), b.wide());
      }
      return Compare(static_cast<UInt128>(a.wide()), static_cast<UInt128>(b.wide()));
    case Physical::kString:
      return Compare(a.string(), b.string());
    case Physical::kArray:
    case Physical::kTuple: {
      const bool tuple = type.kind() == TypeKind::kTuple;
      static const Type kPair;
      const size_t count = std::min(a.list().size(), b.list().size());
      for (size_t i = 0; i < count; ++i) {
        const Type child = tuple                           ? type.children()[i]
                           : type.kind() == TypeKind::kMap ? Type::Tuple(type.children())
                                                           : type.element();
        const int order = CompareDatums(child, a.list()[i], b.list()[i]);
        if (order != 0) return order;
      }
      return Compare(a.list().size(), b.list().size());
    }
  }
  return 0;
}

namespace {

template <typename T>
void AppendRaw(const T& value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendDoubleKey(double value, std::string* out) {
  if (value == 0) value = 0;  // -0 equals 0
  if (std::isnan(value)) value = std::nan("");
  AppendRaw(value, out);
}

}  // namespace

void AppendKey(const Vector& vector, size_t row, std::string* out) {
  if (vector.IsNull(row)) {
    out->push_back('\0');
    return;
  }
  out->push_back('\1');
  const Vector& v = vector.form() == Vector::Form::kDictionary ? *vector.dictionary() : vector;
  const size_t p = vector.Position(row);
  switch (v.type().physical()) {
    case Physical::kNone:
      break;
    case Physical::kU8:
      AppendRaw(int64_t{v.data<uint8_t>()[p]}, out);
      break;
    case Physical::kI64:
      AppendRaw(v.data<int64_t>()[p], out);
      break;
    case Physical::kF64:
      AppendDoubleKey(v.data<double>()[p], out);
      break;
    case Physical::kI128:
      AppendRaw(v.data<Int128>()[p], out);
      break;
    case Physical::kString: {
      const std::string_view text = v.data<std::string_view>()[p];
      AppendRaw(static_cast<uint32_t>(text.size()), out);
      out->append(text);
      break;
    }
    case Physical::kArray: {
      const uint32_t* offsets = v.offsets();
      AppendRaw(offsets[p + 1] - offsets[p], out);
      for (uint32_t k = offsets[p]; k < offsets[p + 1]; ++k) AppendKey(v.child(), k, out);
      break;
    }
    case Physical::kTuple:
      for (const Vector& child : v.children()) AppendKey(child, p, out);
      break;
  }
}

void AppendKey(const Type& type, const Datum& value, std::string* out) {
  if (value.is_null()) {
    out->push_back('\0');
    return;
  }
  out->push_back('\1');
  switch (type.physical()) {
    case Physical::kNone:
      break;
    case Physical::kU8:
    case Physical::kI64:
      AppendRaw(value.integer(), out);
      break;
    case Physical::kF64:
      AppendDoubleKey(value.number(), out);
      break;
    case Physical::kI128:
      AppendRaw(value.wide(), out);
      break;
    case Physical::kString:
      AppendRaw(static_cast<uint32_t>(value.string().size()), out);
      out->append(value.string());
      break;
    case Physical::kArray: {
      AppendRaw(static_cast<uint32_t>(value.list().size()), out);
      const Type child =
          type.kind() == TypeKind::kMap ? Type::Tuple(type.children()) : type.element();
      for (const Datum& item : value.list()) AppendKey(child, item, out);
      break;
    }
    case Physical::kTuple:
      for (size_t i = 0; i < value.list().size(); ++i) {
        AppendKey(type.children()[i], value.list()[i], out);
      }
      break;
  }
}

namespace {

constexpr uint64_t kNullHash = 0x9e3779b97f4a7c15ull;

uint64_t HashValue(uint8_t value) { return FastHash64(uint64_t{value}); }
uint64_t HashValue(int64_t value) { return FastHash64(static_cast<uint64_t>(value)); }
uint64_t HashValue(double value) {
  return FastHash64(std::bit_cast<uint64_t>(value == 0 ? 0.0 : value));
}
uint64_t HashValue(Int128 value) {
  return FastHash64(FastHash64(static_cast<uint64_t>(value)) ^ static_cast<uint64_t>(value >> 64));
}
uint64_t HashValue(std::string_view value) { return FastHash64(value); }

template <typename T>
void HashFlat(const Vector& vector, size_t rows, uint64_t* hashes) {
  const T* data = vector.data<T>();
  for (size_t i = 0; i < rows; ++i) hashes[i] = HashValue(data[i]);
  if (vector.validity() == nullptr) return;
  for (size_t i = 0; i < rows; ++i) {
    if (!BitIsSet(vector.validity(), i)) hashes[i] = kNullHash;
  }
}

// False: values that are hashed by their key bytes.
bool HashFlat(const Vector& vector, size_t rows, uint64_t* hashes) {
  switch (vector.type().physical()) {
    case Physical::kU8:
      HashFlat<uint8_t>(vector, rows, hashes);
      return true;
    case Physical::kI64:
      HashFlat<int64_t>(vector, rows, hashes);
      return true;
    case Physical::kF64:
      HashFlat<double>(vector, rows, hashes);
      return true;
    case Physical::kI128:
      HashFlat<Int128>(vector, rows, hashes);
      return true;
    case Physical::kString:
      HashFlat<std::string_view>(vector, rows, hashes);
      return true;
    default:
      return false;
  }
}

}  // namespace

uint64_t HashRow(const Vector& vector, size_t row) {
  if (vector.IsNull(row)) return kNullHash;
  const Vector& v = vector.form() == Vector::Form::kDictionary ? *vector.dictionary() : vector;
  const size_t p = vector.Position(row);
  switch (v.type().physical()) {
    case Physical::kU8:
      return HashValue(v.data<uint8_t>()[p]);
    case Physical::kI64:
      return HashValue(v.data<int64_t>()[p]);
    case Physical::kF64:
      return HashValue(v.data<double>()[p]);
    case Physical::kI128:
      return HashValue(v.data<Int128>()[p]);
    case Physical::kString:
      return HashValue(v.data<std::string_view>()[p]);
    default: {
      std::string key;
      AppendKey(vector, row, &key);
      return FastHash64(key);
    }
  }
}

void HashRows(const Vector& vector, size_t rows, uint64_t* hashes) {
  if (rows == 0) return;
  if (vector.is_constant()) {
    std::fill_n(hashes, rows, HashRow(vector, 0));
    return;
  }
  if (vector.form() == Vector::Form::kFlat && HashFlat(vector, rows, hashes)) return;
  if (vector.form() == Vector::Form::kDictionary && vector.dictionary()->size() <= rows) {
    const Vector& dictionary = *vector.dictionary();
    std::vector<uint64_t> entries(dictionary.size());
    HashRows(dictionary, dictionary.size(), entries.data());
    for (size_t i = 0; i < rows; ++i) hashes[i] = entries[vector.codes()[i]];
    return;
  }
  if (vector.form() == Vector::Form::kDictionary) return HashRows(vector.Flatten(), rows, hashes);
  for (size_t i = 0; i < rows; ++i) hashes[i] = HashRow(vector, i);
}

Vector DefaultVector(const Type& type, size_t rows) {
  if (type.nullable() || IsNothing(type)) return Vector::NullConstant(type, rows);
  return Vector::Constant(type, DefaultOf(type), rows);
}

std::vector<uint8_t> Truth(const Vector& vector, size_t rows) {
  std::vector<uint8_t> truth(rows);
  auto fill = [&](auto zero) {
    using T = decltype(zero);
    VectorReader<T> in(vector);
    for (size_t i = 0; i < rows; ++i) truth[i] = in.valid(i) && in.at(i) != zero;
  };
  switch (vector.type().physical()) {
    case Physical::kU8:
      fill(uint8_t{0});
      break;
    case Physical::kI64:
      fill(int64_t{0});
      break;
    case Physical::kF64:
      fill(0.0);
      break;
    case Physical::kI128:
      fill(Int128{0});
      break;
    default:
      break;
  }
  return truth;
}

std::string AsciiLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = LowerChar(c);
  return out;
}
std::string AsciiUpper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = UpperChar(c);
  return out;
}
bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (LowerChar(a[i]) != LowerChar(b[i])) return false;
  }
  return true;
}
std::string_view StripAsciiWhitespace(std::string_view text) {
  auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace hoglet::fn
