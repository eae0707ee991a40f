#include <charconv>
#include <cmath>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "query/functions/cast.h"
#include "query/functions/datetime.h"
#include "query/functions/ip.h"
#include "query/functions/types.h"
#include "src/base/uuid.h"

// Values written as text, and read from it.

namespace hoglet::fn {
namespace {

// Writes values of one type as text; holds the zone and those of nested types.
class TextFormatter {
 public:
  explicit TextFormatter(const Type& type) : type_(type) {
    if (type.kind() == TypeKind::kDateTime || type.kind() == TypeKind::kDateTime64) {
      auto zone = ZoneOf(type);
      reader_.emplace(type, zone.ok() ? *zone : TimeZone());
    }
    for (const Type& child : type.children()) children_.emplace_back(child);
  }

  void Append(const Vector& vector, size_t row, bool nested, std::string* out) {
    if (vector.IsNull(row)) {
      out->append(nested ? "NULL" : "\\N");
      return;
    }
    const Vector& v = vector.form() == Vector::Form::kDictionary ? *vector.dictionary() : vector;
    const size_t p = vector.Position(row);
    const bool quoted =
        nested && (type_.IsStringLike() || type_.IsDateOrTime() ||
                   type_.kind() == TypeKind::kUuid || type_.kind() == TypeKind::kIPv4 ||
                   type_.kind() == TypeKind::kIPv6 || type_.kind() == TypeKind::kEnum8);
    if (quoted) out->push_back('\'');
    AppendPlain(v, p, quoted, out);
    if (quoted) out->push_back('\'');
  }

 private:
  void AppendPlain(const Vector& v, size_t p, bool quoted, std::string* out) {
    switch (type_.physical()) {
      case Physical::kNone:
        break;
      case Physical::kU8:
        if (type_.kind() == TypeKind::kBool)
          out->append(v.data<uint8_t>()[p] ? "true" : "false");
        else
          CatTo(out, static_cast<int>(v.data<uint8_t>()[p]));
        break;
      case Physical::kI64:
        AppendInteger(v.data<int64_t>()[p], out);
        break;
      case Physical::kF64:
        if (type_.kind() == TypeKind::kFloat32)
          AppendFloat(static_cast<float>(v.data<double>()[p]), out);
        else
          AppendDouble(v.data<double>()[p], out);
        break;
      case Physical::kI128:
        AppendWide(v.data<Int128>()[p], out);
        break;
      case Physical::kString:
        AppendString(v.data<std::string_view>()[p], quoted, out);
        break;
      case Physical::kArray:
        AppendArray(v, p, out);
        break;
      case Physical::kTuple:
        out->push_back('(');
        for (size_t c = 0; c < children_.size(); ++c) {
          if (c > 0) out->push_back(',');
          children_[c].Append(v.children()[c], p, true, out);
        }
        out->push_back(')');
        break;
    }
  }

  void AppendArray(const Vector& v, size_t p, std::string* out) {
    const bool map = type_.kind() == TypeKind::kMap;
    out->push_back(map ? '{' : '[');
    const uint32_t* offsets = v.offsets();
    for (uint32_t k = offsets[p]; k < offsets[p + 1]; ++k) {
      if (k > offsets[p]) out->push_back(',');
      if (map) {
        children_[0].Append(v.child().children()[0], k, true, out);
        out->push_back(':');
        children_[1].Append(v.child().children()[1], k, true, out);
      } else {
        children_[0].Append(v.child(), k, true, out);
      }
    }
    out->push_back(map ? '}' : ']');
  }

  void AppendInteger(int64_t value, std::string* out) {
    switch (type_.kind()) {
      case TypeKind::kDecimal:
        AppendDecimal(value, type_.scale(), out);
        break;
      case TypeKind::kDate:
      case TypeKind::kDate32:
        AppendDate(value, out);
        break;
      case TypeKind::kDateTime:
        AppendLocalTime(reader_->Local(value), 0, out);
        break;
      case TypeKind::kDateTime64:
        AppendTicks(value, out);
        break;
      case TypeKind::kTime: {
        char text[32];
        std::snprintf(text, sizeof(text), "%02d:%02d:%02d", static_cast<int>(value / 3600),
                      static_cast<int>(value / 60 % 60), static_cast<int>(value % 60));
        out->append(text);
        break;
      }
      case TypeKind::kIPv4:
        AppendIPv4(static_cast<uint32_t>(value), out);
        break;
      case TypeKind::kUInt64:
        CatTo(out, static_cast<uint64_t>(value));
        break;
      case TypeKind::kEnum8:
        for (size_t i = 0; i < type_.names().size(); ++i) {
          if (type_.enum_values()[i] == value) out->append(type_.names()[i]);
        }
        break;
      default:
        CatTo(out, value);
    }
  }

  void AppendTicks(int64_t ticks, std::string* out) {
    const int scale = type_.scale();
    const int64_t seconds = FloorDivide(ticks, kPow10[scale]);
    const int64_t local = seconds * kMicrosPerSecond +
                          int64_t{reader_->Offset(seconds * kMicrosPerSecond)} * kMicrosPerSecond;
    AppendLocalTime(local, 0, out);
    if (scale == 0) return;
    std::string digits = Cat(ticks - seconds * kPow10[scale]);
    out->push_back('.');
    out->append(scale - digits.size(), '0');
    out->append(digits);
  }

  void AppendWide(Int128 value, std::string* out) {
    switch (type_.kind()) {
      case TypeKind::kDecimal:
        AppendDecimal(value, type_.scale(), out);
        break;
      case TypeKind::kUuid: {
        Uuid uuid;
        for (int i = 0; i < 16; ++i)
          uuid.bytes[i] = static_cast<uint8_t>(static_cast<UInt128>(value) >> (120 - 8 * i));
        out->append(FormatUuid(uuid));
        break;
      }
      case TypeKind::kIPv6:
        AppendIPv6(static_cast<UInt128>(value), out);
        break;
      default:
        AppendInt128(value, type_.kind() == TypeKind::kUInt128, out);
    }
  }

  static void AppendString(std::string_view text, bool quoted, std::string* out) {
    if (!quoted) {
      out->append(text);
      return;
    }
    for (const char c : text) {
      switch (c) {
        case '\'':
          out->append("\\'");
          break;
        case '\\':
          out->append("\\\\");
          break;
        case '\n':
          out->append("\\n");
          break;
        case '\t':
          out->append("\\t");
          break;
        case '\r':
          out->append("\\r");
          break;
        case '\0':
          out->append("\\0");
          break;
        case '\b':
          out->append("\\b");
          break;
        case '\f':
          out->append("\\f");
          break;
        default:
          out->push_back(c);
      }
    }
  }

  Type type_;
  std::optional<TimeReader> reader_;
  std::vector<TextFormatter> children_;
};

template <typename F>
void AppendShortest(F value, std::string* out) {
  if (std::isnan(value)) {
    out->append("nan");
    return;
  }
  if (std::isinf(value)) {
    out->append(value < 0 ? "-inf" : "inf");
    return;
  }
  char text[64];
  auto end = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific).ptr;
  std::string_view scientific(text, end - text);
  const size_t e = scientific.find('e');
  int exponent = 0;
  std::from_chars(scientific.data() + e + (scientific[e + 1] == '+' ? 2 : 1), end, exponent);
  if (value != 0 && (exponent < -6 || exponent > 20)) {
    out->append(scientific.substr(0, e + 1));
    CatTo(out, exponent);
    return;
  }
  std::string digits;
  for (const char c : scientific.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  if (scientific[0] == '-') out->push_back('-');
  if (exponent < 0) {
    out->append("0.");
    out->append(-exponent - 1, '0');
    out->append(digits);
  } else if (static_cast<int>(digits.size()) <= exponent + 1) {
    out->append(digits);
    out->append(exponent + 1 - digits.size(), '0');
  } else {
    out->append(digits, 0, exponent + 1);
    out->push_back('.');
    out->append(digits, exponent + 1);
  }
}

}  // namespace

Int128 IntegerMin(const Type& type) {
  if (type.IsUnsigned() || type.kind() == TypeKind::kBool) return 0;
  const int bits = type.IntegerBits();
  // All ones above the sign bit; the least of 128 bits is not the negation of anything.
  return static_cast<Int128>(~UInt128{0} << (bits - 1));
}
Int128 IntegerMax(const Type& type) {
  if (type.kind() == TypeKind::kBool) return 1;
  const int bits = type.IntegerBits() - (type.IsUnsigned() ? 0 : 1);
  if (bits >= 127) return ~(static_cast<Int128>(1) << 127);
  return (static_cast<Int128>(1) << bits) - 1;
}

Vector TextOf(const Vector& in) {
  StringWriter writer(StringType(), in.size());
  TextFormatter formatter(in.type().NotNullable());
  std::string scratch;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in.IsNull(i)) {
      writer.vector().SetNull(i);
      continue;
    }
    scratch.clear();
    formatter.Append(in, i, false, &scratch);
    writer.Set(i, scratch);
  }
  return writer.Take();
}

void AppendText(const Vector& vector, size_t row, std::string* out) {
  TextFormatter(vector.type().NotNullable()).Append(vector, row, false, out);
}

void AppendDouble(double value, std::string* out) { AppendShortest(value, out); }
void AppendFloat(float value, std::string* out) { AppendShortest(value, out); }

void AppendInt128(Int128 value, bool is_unsigned, std::string* out) {
  UInt128 magnitude = static_cast<UInt128>(value);
  if (!is_unsigned && value < 0) {
    out->push_back('-');
    magnitude = -magnitude;
  }
  char digits[40];
  int at = 40;
  do {
    digits[--at] = static_cast<char>('0' + static_cast<int>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  out->append(digits + at, 40 - at);
}

void AppendDecimal(Int128 value, int scale, std::string* out) {
  const bool negative = value < 0;
  const UInt128 magnitude = negative ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
  const UInt128 unit = static_cast<UInt128>(Pow10Wide(scale));
  if (negative) out->push_back('-');
  AppendInt128(static_cast<Int128>(magnitude / unit), true, out);
  std::string fraction;
  if (scale > 0) AppendInt128(static_cast<Int128>(magnitude % unit), true, &fraction);
  fraction.insert(0, scale - std::min<size_t>(scale, fraction.size()), '0');
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  if (!fraction.empty()) CatTo(out, ".", fraction);
}

void AppendDate(int64_t day_number, std::string* out) {
  int64_t year;
  int month, day;
  CivilFromDayNumber(day_number, &year, &month, &day);
  const char text[] = {static_cast<char>('0' + year / 1000 % 10),
                       static_cast<char>('0' + year / 100 % 10),
                       static_cast<char>('0' + year / 10 % 10),
                       static_cast<char>('0' + year % 10),
                       '-',
                       static_cast<char>('0' + month / 10),
                       static_cast<char>('0' + month % 10),
                       '-',
                       static_cast<char>('0' + day / 10),
                       static_cast<char>('0' + day % 10)};
  out->append(text, sizeof(text));
}

void AppendLocalTime(int64_t local_us, int fraction_digits, std::string* out) {
  const int64_t day = FloorDivide(local_us, kMicrosPerDay);
  const int64_t in_day = local_us - day * kMicrosPerDay;
  AppendDate(day, out);
  const int seconds = static_cast<int>(in_day / kMicrosPerSecond);
  const int parts[] = {seconds / 3600, seconds / 60 % 60, seconds % 60};
  for (int i = 0; i < 3; ++i) {
    out->push_back(i == 0 ? ' ' : ':');
    out->push_back(static_cast<char>('0' + parts[i] / 10));
    out->push_back(static_cast<char>('0' + parts[i] % 10));
  }
  if (fraction_digits == 0) return;
  std::string micros = Cat(in_day % kMicrosPerSecond);
  micros.insert(0, 6 - micros.size(), '0');
  micros.resize(fraction_digits, '0');
  CatTo(out, ".", micros);
}

std::optional<Int128> ParseInteger(std::string_view text, const Type& type) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || (negative && type.IsUnsigned())) return std::nullopt;
  UInt128 value = 0;
  const UInt128 limit = type.IntegerBits() == 128
                            ? ~UInt128{0} >> (type.IsUnsigned() ? 0 : 1)
                            : static_cast<UInt128>(IntegerMax(type)) + (negative ? 1 : 0);
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(value, UInt128{10}, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<UInt128>(c - '0'), &value)) return std::nullopt;
    if (value > limit) return std::nullopt;
  }
  return negative ? -static_cast<Int128>(value) : static_cast<Int128>(value);
}

std::optional<double> ParseDouble(std::string_view text) {
  std::string_view body = text;
  const bool negative = !body.empty() && body[0] == '-';
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) body.remove_prefix(1);
  if (body.empty()) return std::nullopt;
  if (!absl::ascii_isdigit(body[0]) && body[0] != '.') {
    const std::string lower = AsciiLower(body);
    if (lower == "inf" || lower == "infinity") return negative ? -HUGE_VAL : HUGE_VAL;
    if (lower == "nan") return std::nan("");
    return std::nullopt;
  }
  double value = 0;
  const char* end = body.data() + body.size();
  const auto result = std::from_chars(body.data(), end, value);
  if (result.ec == std::errc::invalid_argument || result.ptr != end) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) {
    const size_t e = body.find_first_of("eE");
    const bool tiny = e != std::string_view::npos && e + 1 < body.size() && body[e + 1] == '-';
    value = tiny ? 0 : HUGE_VAL;
  }
  return negative ? -value : value;
}

std::optional<Int128> ParseDecimal(std::string_view text, int scale) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  int exponent = 0;
  const size_t e = text.find_first_of("eE");
  if (e != std::string_view::npos) {
    std::string_view tail = text.substr(e + 1);
    if (!tail.empty() && tail[0] == '+') tail.remove_prefix(1);
    const auto result = std::from_chars(tail.data(), tail.data() + tail.size(), exponent);
    if (tail.empty() || result.ec != std::errc() || result.ptr != tail.data() + tail.size())
      return std::nullopt;
    if (std::abs(exponent) > 80) return std::nullopt;
    text = text.substr(0, e);
  }
  if (text.empty()) return std::nullopt;
  Int128 value = 0;
  int point = -1;
  int digits = 0;
  int taken = 0;
  for (const char c : text) {
    if (c == '.' && point < 0) {
      point = digits;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    ++digits;
    const int position = point < 0 ? 0 : digits - point;  // digits after the point
    if (point >= 0 && position > scale - exponent) continue;
    if (__builtin_mul_overflow(value, Int128{10}, &value)) return std::nullopt;
    value += c - '0';
    if (point >= 0) ++taken;
  }
  if (digits == 0) return std::nullopt;
  int shift = scale + exponent - taken;
  for (; shift > 0; --shift) {
    if (__builtin_mul_overflow(value, Int128{10}, &value)) return std::nullopt;
  }
  for (; shift < 0; ++shift) value /= 10;
  return negative ? -value : value;
}

std::optional<int64_t> ParseDay(std::string_view text) {
  size_t at = 0;
  auto number = [&](size_t digits_max, int* value) {
    const size_t begin = at;
    *value = 0;
    while (at < text.size() && at - begin < digits_max && absl::ascii_isdigit(text[at])) {
      *value = *value * 10 + (text[at++] - '0');
    }
    return at > begin;
  };
  int year, month, day;
  const bool separated = text.size() > 4 && !absl::ascii_isdigit(text[4]);
  if (!number(4, &year) || at != 4) return std::nullopt;
  if (separated) ++at;
  if (!number(2, &month)) return std::nullopt;
  if (separated) {
    if (at >= text.size() || absl::ascii_isdigit(text[at])) return std::nullopt;
    ++at;
  }
  if (!number(2, &day)) return std::nullopt;
  // A time of day may follow.
  if (at < text.size()) {
    if (text[at] != ' ' && text[at] != 'T') return std::nullopt;
    const std::string_view time = text.substr(at + 1);
    if (time.size() < 8 || time[2] != ':' || time[5] != ':') return std::nullopt;
    for (size_t i = 0; i < time.size(); ++i) {
      const bool mark = i == 2 || i == 5 || (i == 8 && time[8] == '.');
      if (!mark && !absl::ascii_isdigit(time[i])) return std::nullopt;
      if (i == 8 && !mark) return std::nullopt;
    }
  }
  // No such day at all reads as the epoch.
  if (month < 1 || month > 12 || day < 1 || day > 31) return 0;
  return DayNumberOf(year, month, day);
}

std::optional<bool> ParseBool(std::string_view text) {
  const std::string lower = AsciiLower(text);
  for (const char* word : {"true", "t", "yes", "y", "on", "1", "enable", "enabled"}) {
    if (lower == word) return true;
  }
  for (const char* word : {"false", "f", "no", "n", "off", "0", "disable", "disabled"}) {
    if (lower == word) return false;
  }
  return std::nullopt;
}

}  // namespace hoglet::fn
