#include "src/ingest/steps/iso_date.h"

#include "src/base/time.h"

namespace hoglet {
namespace {

// A number of exactly `digits` digits at `at`, or -1.
int64_t NumberAt(std::string_view text, size_t at, size_t digits) {
  if (at + digits > text.size()) return -1;
  int64_t number = 0;
  for (const char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

std::optional<int64_t> WeekDate(int64_t year, int64_t week, int64_t weekday) {
  if (week < 1 || week > 53 || weekday < 1 || weekday > 7) return std::nullopt;
  // Week 1 is the one with January 4th.
  const int64_t fourth = DayNumberOf(year, 1, 4);
  const int64_t day = fourth - (IsoWeekday(fourth) - 1) + (week - 1) * 7 + (weekday - 1);
  if (IsoWeek(day) != week) return std::nullopt;
  return day * kMicrosPerDay;
}

}  // namespace

std::optional<int64_t> ParseIsoDate(std::string_view text) {
  const int64_t year = NumberAt(text, 0, 4);
  if (year < 0 || text.size() < 8 || text[4] != '-') return std::nullopt;
  if (text[5] == 'W') {
    const int64_t week = NumberAt(text, 6, 2);
    if (text.size() == 8) return WeekDate(year, week, 1);
    if (text.size() == 10 && text[8] == '-') return WeekDate(year, week, NumberAt(text, 9, 1));
    return std::nullopt;
  }
  const int64_t day = NumberAt(text, 5, 3);
  if (text.size() != 8 || day < 1 || day > (IsLeapYear(year) ? 366 : 365)) return std::nullopt;
  return (DayNumberOf(year, 1, 1) + day - 1) * kMicrosPerDay;
}

}  // namespace hoglet
