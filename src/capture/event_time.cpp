#include "src/capture/event_time.h"

#include <array>
#include <string>
#include <utility>

#include "include/hoglet/http_message.h"
#include "src/base/time.h"

namespace hoglet {
namespace {

// Reads small numbers and marks from a view, front to back.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool Number(size_t digits_min, size_t digits_max, int* value) {
    size_t digits = 0;
    *value = 0;
    while (digits < digits_max && digits < text_.size() && IsDigit(text_[digits])) {
      *value = *value * 10 + (text_[digits++] - '0');
    }
    if (digits < digits_min) return false;
    text_.remove_prefix(digits);
    return true;
  }

  // The fraction of a second after its point, as microseconds; digits past the sixth are cut.
  bool Fraction(int* micros) {
    *micros = 0;
    size_t digits = 0;
    for (; digits < text_.size() && IsDigit(text_[digits]); ++digits) {
      if (digits < 6) *micros = *micros * 10 + (text_[digits] - '0');
    }
    if (digits == 0) return false;
    for (size_t i = digits; i < 6; ++i) *micros *= 10;
    text_.remove_prefix(digits);
    return true;
  }

  bool Take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool TakeWord(std::string_view word) {
    if (!EqualsIgnoreCase(text_.substr(0, word.size()), word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  bool SkipSpaces() {
    const size_t before = text_.size();
    while (!text_.empty() && text_.front() == ' ') text_.remove_prefix(1);
    return text_.size() != before;
  }

  bool empty() const { return text_.empty(); }
  char front() const { return text_.empty() ? '\0' : text_.front(); }

 private:
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  std::string_view text_;
};

bool IsAllDigits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

bool IsValidCivil(const CivilTime& civil) {
  return civil.month >= 1 && civil.month <= 12 && civil.day >= 1 &&
         civil.day <= DaysInMonth(civil.year, civil.month) && civil.hour <= 23 &&
         civil.minute <= 59 && civil.second <= 60;
}

// Hours behind UTC of the zones that RFC 2822 names; none for other words.
std::optional<int> ZoneNamed(Cursor* cursor) {
  static constexpr std::pair<std::string_view, int> kZones[] = {
      {"UTC", 0}, {"GMT", 0}, {"Z", 0},   {"EDT", 4}, {"EST", 5}, {"CDT", 5},
      {"CST", 6}, {"MDT", 6}, {"MST", 7}, {"PDT", 7}, {"PST", 8}};
  for (const auto& [name, hours] : kZones) {
    if (cursor->TakeWord(name)) return hours;
  }
  return std::nullopt;
}

// A named zone, "+02", "+02:00" or "+0200"; nothing at all is UTC.
bool ParseZone(Cursor* cursor, int64_t* offset_us) {
  *offset_us = 0;
  cursor->SkipSpaces();
  if (cursor->empty()) return true;
  if (const auto behind = ZoneNamed(cursor)) {
    *offset_us = -*behind * kMicrosPerHour;
    return cursor->empty();
  }
  const bool negative = cursor->front() == '-';
  if (!cursor->Take('-') && !cursor->Take('+')) return false;
  int hours = 0;
  int minutes = 0;
  if (!cursor->Number(2, 2, &hours) || hours > 23) return false;
  if (!cursor->empty()) {
    cursor->Take(':');
    if (!cursor->Number(2, 2, &minutes) || minutes > 59) return false;
  }
  *offset_us = hours * kMicrosPerHour + minutes * kMicrosPerMinute;
  if (negative) *offset_us = -*offset_us;
  return cursor->empty();
}

// "PM" behind a time of the twelve-hour clock, if it is there.
bool ParseHalfOfDay(Cursor* cursor, CivilTime* civil) {
  Cursor ahead = *cursor;
  ahead.SkipSpaces();
  const bool is_pm = ahead.TakeWord("PM");
  if (!is_pm && !ahead.TakeWord("AM")) return true;
  if (civil->hour < 1 || civil->hour > 12) return false;
  civil->hour = civil->hour % 12 + (is_pm ? 12 : 0);
  *cursor = ahead;
  return true;
}

// "HH:MM", "HH:MM:SS", "HH:MM:SS.f", each with AM or PM if it likes.
bool ParseClock(Cursor* cursor, CivilTime* civil) {
  if (!cursor->Number(1, 2, &civil->hour) || !cursor->Take(':')) return false;
  if (!cursor->Number(2, 2, &civil->minute)) return false;
  if (cursor->Take(':')) {
    if (!cursor->Number(2, 2, &civil->second)) return false;
    if (cursor->Take('.') && !cursor->Fraction(&civil->micros)) return false;
  }
  return ParseHalfOfDay(cursor, civil);
}

// "May", "september", "Sep"; 0 if there is none.
int MonthNamed(Cursor* cursor) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (cursor->TakeWord(kMonths[i]) || cursor->TakeWord(kMonths[i].substr(0, 3))) {
      return static_cast<int>(i) + 1;
    }
  }
  return 0;
}

// Four digits, or two: 69 to 99 are of the last century.
bool ParseYear(Cursor* cursor, CivilTime* civil) {
  int year = 0;
  if (cursor->Number(4, 4, &year)) {
    civil->year = year;
    return true;
  }
  if (!cursor->Number(2, 2, &year)) return false;
  civil->year = year + (year < 69 ? 2000 : 1900);
  return true;
}

// "2023-01-02", "2023/01/02", "2023.01.02" or "2023-Jan-02", from the first mark on.
bool ParseFromYear(Cursor* cursor, CivilTime* civil) {
  const char mark = cursor->front();
  if (mark != '-' && mark != '/' && mark != '.') return false;
  cursor->Take(mark);
  if (!cursor->Number(1, 2, &civil->month)) civil->month = MonthNamed(cursor);
  return cursor->Take(mark) && cursor->Number(1, 2, &civil->day);
}

// "01/02/2023", "01.02.2023" (month first) or "2 Jan 2023", behind the first number.
bool ParseFromNumber(int number, Cursor* cursor, CivilTime* civil) {
  const char mark = cursor->front();
  if (mark == '/' || mark == '.') {
    civil->month = number;
    return cursor->Take(mark) && cursor->Number(1, 2, &civil->day) && cursor->Take(mark) &&
           ParseYear(cursor, civil);
  }
  civil->day = number;
  if (!cursor->SkipSpaces()) return false;
  civil->month = MonthNamed(cursor);
  return cursor->SkipSpaces() && ParseYear(cursor, civil);
}

bool ParseDatePart(Cursor* cursor, CivilTime* civil) {
  int number = 0;
  if (Cursor ahead = *cursor; ahead.Number(4, 4, &number)) {
    *cursor = ahead;
    civil->year = number;
    return ParseFromYear(cursor, civil);
  }
  if (cursor->Number(1, 2, &number)) return ParseFromNumber(number, cursor, civil);
  civil->month = MonthNamed(cursor);  // "May 8, 2009"
  if (civil->month == 0 || !cursor->SkipSpaces() || !cursor->Number(1, 2, &civil->day)) {
    return false;
  }
  const bool has_comma = cursor->Take(',');
  return (cursor->SkipSpaces() || has_comma) && ParseYear(cursor, civil);
}

std::optional<int64_t> Finish(CivilTime civil, Cursor* cursor) {
  int64_t offset_us = 0;
  if (!ParseZone(cursor, &offset_us) || !IsValidCivil(civil)) return std::nullopt;
  return FromCivil(civil, TimeZone::Utc()) - offset_us;
}

// A date, perhaps a time, perhaps a zone; "Tue, " may stand before it all and is not checked.
std::optional<int64_t> ParseLooseDate(std::string_view text) {
  if (text.find(',') == 3) text.remove_prefix(4);
  Cursor cursor(text);
  cursor.SkipSpaces();
  CivilTime civil;
  if (!ParseDatePart(&cursor, &civil)) return std::nullopt;
  const bool has_comma = cursor.Take(',');
  const bool separated = cursor.Take('T') || cursor.Take('t') || cursor.SkipSpaces() || has_comma;
  if (cursor.TakeWord("at ")) cursor.SkipSpaces();
  if (const char next = cursor.front(); next >= '0' && next <= '9') {
    if (!separated || !ParseClock(&cursor, &civil)) return std::nullopt;
  }
  return Finish(civil, &cursor);
}

std::optional<int64_t> ParseEpoch(std::string_view text) {
  if (!IsAllDigits(text)) return std::nullopt;
  int64_t value = 0;
  if (text.size() > 19) return std::nullopt;
  for (const char c : text) {
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, c - '0', &value)) {
      return std::nullopt;
    }
  }
  if (text.size() == 10) return value * kMicrosPerSecond;
  if (text.size() == 13) return value * 1000;
  if (text.size() == 16) return value;
  if (text.size() == 19) return value / 1000;
  return std::nullopt;
}

// "2022-09-17T14:05:04.805+03".
std::optional<int64_t> ParseHourOnlyZone(std::string_view text) {
  if (text.size() < 22) return std::nullopt;
  const char sign = text[text.size() - 3];
  if ((sign != '+' && sign != '-') || text[10] != 'T') return std::nullopt;
  return ParseRfc3339(std::string(text) + ":00");
}

std::string_view TrimSpaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<int64_t> ParseEventTimestamp(std::string_view text) {
  if (auto parsed = ParseRfc3339(text)) return parsed;
  if (auto parsed = ParseHourOnlyZone(text)) return parsed;
  text = TrimSpaces(text);
  if (auto parsed = ParseEpoch(text)) return parsed;
  return ParseLooseDate(text);
}

std::optional<int64_t> ParseSentAt(std::string_view text) {
  if (auto parsed = ParseRfc3339(text)) return parsed;
  return ParseHourOnlyZone(text);
}

std::optional<int64_t> SentAtOfQueryMillis(int64_t millis) {
  static const int64_t first_ms = DayNumberOf(2021, 1, 1) * (kMicrosPerDay / 1000);
  static const int64_t last_ms = DayNumberOf(10'000, 1, 1) * (kMicrosPerDay / 1000);
  if (millis < first_ms || millis >= last_ms) return std::nullopt;
  return millis * 1000;
}

int64_t ComputeEventTime(const EventTimeInput& input) {
  static const int64_t begin_us = DayNumberOf(0, 1, 1) * kMicrosPerDay;
  static const int64_t end_us = DayNumberOf(10'000, 1, 1) * kMicrosPerDay;
  // Offsets are any 64-bit number of milliseconds.
  __int128 time = input.now_us;
  if (input.timestamp.has_value()) {
    if (const auto parsed = ParseEventTimestamp(*input.timestamp)) {
      time = *parsed;
      if (input.sent_at_us.has_value() && !input.ignore_sent_at) {
        time -= *input.sent_at_us - input.now_us;
      }
    }
  }
  if (input.offset_ms.has_value()) time = input.now_us - __int128{*input.offset_ms} * 1000;
  if (time - input.now_us > kFutureLeadMaxUs) time = input.now_us;
  if (time < begin_us || time >= end_us) return 0;
  return static_cast<int64_t>(time);
}

}  // namespace hoglet
