#include "src/flags/date_format.h"

#include <array>

#include "include/hoglet/status.h"

namespace hoglet {
namespace {

constexpr uint32_t kNanosPerSecond = 1'000'000'000;
// chrono's calendar.
constexpr int64_t kYearMax = 262'142;
constexpr int64_t kYearMin = -262'143;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool StartsWithIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i) {
    if (Lower(text[i]) != lower[i]) return false;
  }
  return true;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool is_done() const { return rest_.empty(); }

  void SkipSpaces() {
    while (!rest_.empty() && IsSpace(rest_.front())) rest_.remove_prefix(1);
  }
  bool Literal(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool AnyOf(std::string_view chars) {
    if (rest_.empty() || chars.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // At least `digits_min`, at most `digits_max` digits.
  bool Digits(size_t digits_min, size_t digits_max, int64_t* out) {
    *out = 0;
    size_t count = 0;
    while (count < digits_max && count < rest_.size() && IsDigit(rest_[count])) {
      if (*out > kYearMax * 10) return false;
      *out = *out * 10 + (rest_[count++] - '0');
    }
    rest_.remove_prefix(count);
    return count >= digits_min;
  }
  bool Number(size_t digits_max, int low, int high, int* out) {
    SkipSpaces();
    int64_t value = 0;
    if (!Digits(1, digits_max, &value) || value < low || value > high) return false;
    *out = static_cast<int>(value);
    return true;
  }
  // With a sign it may have any number of digits.
  bool Year(int64_t* out) {
    SkipSpaces();
    if (Literal('-')) {
      if (!Digits(1, rest_.size(), out)) return false;
      *out = -*out;
      return true;
    }
    return Literal('+') ? Digits(1, rest_.size(), out) : Digits(1, 4, out);
  }
  // Digits past the ninth are cut.
  bool Fraction(uint32_t* nanos) {
    uint32_t value = 0;
    size_t count = 0;
    for (; count < rest_.size() && IsDigit(rest_[count]); ++count) {
      if (count < 9) value = value * 10 + static_cast<uint32_t>(rest_[count] - '0');
    }
    if (count == 0) return false;
    rest_.remove_prefix(count);
    for (; count < 9; ++count) value *= 10;
    *nanos = value;
    return true;
  }
  bool Month(int* out) {
    static constexpr std::array<std::string_view, 12> kMonths = {
        "january", "february", "march",     "april",   "may",      "june",
        "july",    "august",   "september", "october", "november", "december"};
    for (size_t i = 0; i < kMonths.size(); ++i) {
      if (!StartsWithIgnoringCase(rest_, kMonths[i].substr(0, 3))) continue;
      const bool is_whole = StartsWithIgnoringCase(rest_, kMonths[i]);
      rest_.remove_prefix(is_whole ? kMonths[i].size() : 3);
      *out = static_cast<int>(i) + 1;
      return true;
    }
    return false;
  }
  bool HalfDay(bool* is_afternoon) {
    if (!StartsWithIgnoringCase(rest_, "am") && !StartsWithIgnoringCase(rest_, "pm")) return false;
    *is_afternoon = Lower(rest_.front()) == 'p';
    rest_.remove_prefix(2);
    return true;
  }
  // "+02:00", "+0200", "-08"; Z if `allows_zulu`.
  bool Offset(bool allows_zulu, bool needs_minutes, int32_t* out) {
    if (allows_zulu && AnyOf("Zz")) {
      *out = 0;
      return true;
    }
    const bool is_west = rest_.starts_with('-');
    if (!AnyOf("+-")) return false;
    int64_t hours = 0;
    int64_t minutes = 0;
    if (!Digits(2, 2, &hours)) return false;
    const bool has_colon = Literal(':');
    if ((needs_minutes || has_colon || (!rest_.empty() && IsDigit(rest_.front()))) &&
        !Digits(2, 2, &minutes)) {
      return false;
    }
    if (hours > 23 || minutes > 59) return false;
    const auto seconds = static_cast<int32_t>(hours * 3600 + minutes * 60);
    *out = is_west ? -seconds : seconds;
    return true;
  }

 private:
  std::string_view rest_;
};

struct Fields {
  int64_t year = 1970;
  int month = 1;
  int day = 1;
  std::optional<bool> is_afternoon;
  ParsedDate out;
};

bool ReadField(char field, Reader* reader, Fields* fields) {
  ParsedDate& out = fields->out;
  switch (field) {
    case 'Y':
      return reader->Year(&fields->year);
    case 'y': {
      int year = 0;
      if (!reader->Number(2, 0, 99, &year)) return false;
      fields->year = year < 70 ? 2000 + year : 1900 + year;
      return true;
    }
    case 'm':
      return reader->Number(2, 1, 12, &fields->month);
    case 'd':
      return reader->Number(2, 1, 31, &fields->day);
    case 'b':
      return reader->Month(&fields->month);
    case 'H':
      return reader->Number(2, 0, 23, &out.hour);
    case 'I':
      return reader->Number(2, 1, 12, &out.hour);
    case 'M':
      return reader->Number(2, 0, 59, &out.minute);
    case 'S':
      return reader->Number(2, 0, 60, &out.second);
    case 'f':
      return !reader->Literal('.') || reader->Fraction(&out.nanos);
    case 'P': {
      bool is_afternoon = false;
      if (!reader->HalfDay(&is_afternoon)) return false;
      fields->is_afternoon = is_afternoon;
      return true;
    }
    case 'z':
      return reader->Offset(true, false, &out.offset_seconds.emplace());
  }
  HOGLET_ASSERT(false);
  return false;
}

bool IsDate(int64_t year, int month, int day) {
  return year >= kYearMin && year <= kYearMax && month >= 1 && month <= 12 && day >= 1 &&
         day <= DaysInMonth(year, month);
}

// Second 60 is the one before it, prolonged.
void SettleLeapSecond(ParsedDate* date) {
  if (date->second != 60) return;
  date->second = 59;
  date->nanos += kNanosPerSecond;
}

bool TwoDigits(Reader* reader, int low, int high, int* out) {
  int64_t value = 0;
  if (!reader->Digits(2, 2, &value) || value < low || value > high) return false;
  *out = static_cast<int>(value);
  return true;
}

}  // namespace

FlagInstant ParsedDate::AsUtc() const {
  return {day_number * 86'400 + hour * 3600 + minute * 60 + second, nanos};
}

FlagInstant ParsedDate::WithOffset() const {
  FlagInstant out = AsUtc();
  out.seconds -= offset_seconds.value_or(0);
  return out;
}

std::optional<ParsedDate> ParseDateFormat(std::string_view text, std::string_view format) {
  Reader reader(text);
  Fields fields;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] == ' ') {
      reader.SkipSpaces();
    } else if (format[i] != '%') {
      if (!reader.Literal(format[i])) return std::nullopt;
    } else if (!ReadField(format[++i], &reader, &fields)) {
      return std::nullopt;
    }
  }
  if (!reader.is_done() || !IsDate(fields.year, fields.month, fields.day)) return std::nullopt;
  if (fields.is_afternoon.has_value()) {
    fields.out.hour = fields.out.hour % 12 + (*fields.is_afternoon ? 12 : 0);
  }
  fields.out.day_number = DayNumberOf(fields.year, fields.month, fields.day);
  SettleLeapSecond(&fields.out);
  return fields.out;
}

std::optional<FlagInstant> ParseRfc3339Instant(std::string_view text) {
  Reader reader(text);
  int64_t year = 0;
  int month = 0;
  int day = 0;
  ParsedDate out;
  if (!reader.Digits(4, 4, &year) || !reader.Literal('-') || !TwoDigits(&reader, 1, 12, &month) ||
      !reader.Literal('-') || !TwoDigits(&reader, 1, 31, &day) || !reader.AnyOf("Tt ") ||
      !TwoDigits(&reader, 0, 23, &out.hour) || !reader.Literal(':') ||
      !TwoDigits(&reader, 0, 59, &out.minute) || !reader.Literal(':') ||
      !TwoDigits(&reader, 0, 60, &out.second)) {
    return std::nullopt;
  }
  if (reader.Literal('.') && !reader.Fraction(&out.nanos)) return std::nullopt;
  if (!reader.Offset(true, true, &out.offset_seconds.emplace()) || !reader.is_done() ||
      !IsDate(year, month, day)) {
    return std::nullopt;
  }
  out.day_number = DayNumberOf(year, month, day);
  SettleLeapSecond(&out);
  return out.WithOffset();
}

}  // namespace hoglet
