#include "src/flags/flag_dates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/flags/date_format.h"
#include "src/flags/flag_number.h"
#include "src/flags/lenient_date.h"

namespace hoglet {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
// One too large for a relative date.
constexpr int64_t kAmountEnd = 10'000;
// The moments chrono can hold, in seconds: its years -262143 to 262142.
constexpr int64_t kSecondsMin = -8'334'601'315'200;
constexpr int64_t kSecondsMax = 8'210'266'876'799;

struct RelativeDate {
  int64_t amount = 0;
  char unit = 0;
};

std::optional<RelativeDate> ReadRelativeDate(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.size() < 2) return std::nullopt;
  RelativeDate out;
  out.unit = text.back();
  text.remove_suffix(1);
  if (std::string_view("hdwmy").find(out.unit) == std::string_view::npos) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    out.amount = std::min(out.amount * 10 + (c - '0'), kAmountEnd);
  }
  return out;
}

// Local microseconds (or seconds) of that day's time of day, on another day.
int64_t StepBackMonths(int64_t local_us, int64_t amount, int months) {
  const int64_t day_number = FloorDivide(local_us, kMicrosPerDay);
  const int64_t time_of_day_us = local_us - day_number * kMicrosPerDay;
  int64_t year = 0;
  int month = 0;
  int day = 0;
  CivilFromDayNumber(day_number, &year, &month, &day);
  for (int64_t i = 0; i < amount; ++i) {
    month -= months;
    if (month < 1) {
      month += 12;
      --year;
    }
    day = std::min(day, DaysInMonth(year, month));
  }
  return DayNumberOf(year, month, day) * kMicrosPerDay + time_of_day_us;
}

// The moment at which the zone's clocks show that time: the first of two, none in a gap.
std::optional<FlagInstant> InZone(int64_t local_seconds, uint32_t nanos, const TimeZone& zone) {
  if (zone.is_utc()) return FlagInstant{local_seconds, nanos};
  const int64_t day_number = FloorDivide(local_seconds, kSecondsPerDay);
  const int64_t of_day = local_seconds - day_number * kSecondsPerDay;
  int64_t year = 0;
  int month = 0;
  int day = 0;
  CivilFromDayNumber(day_number, &year, &month, &day);
  const absl::CivilSecond civil(year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60);
  const absl::TimeZone::TimeInfo info = zone.absl_zone().At(civil);
  if (info.kind == absl::TimeZone::TimeInfo::SKIPPED) return std::nullopt;
  return FlagInstant{absl::ToUnixSeconds(info.pre), nanos};
}

std::optional<FlagInstant> FromSeconds(double value) {
  const double floor = std::floor(value);
  // As Rust converts: what is no number is 0, what is too large the largest.
  int64_t seconds = 0;
  if (floor >= static_cast<double>(kSecondsMax) + 1 || floor < static_cast<double>(kSecondsMin)) {
    return std::nullopt;
  }
  if (!std::isnan(floor)) seconds = static_cast<int64_t>(floor);
  // Below zero the fraction is negative, and none is left.
  const double fraction = std::round(std::fmod(value, 1.0) * 1e9);
  const uint32_t nanos = fraction > 0 ? static_cast<uint32_t>(fraction) : 0;
  // A fraction that rounds up to a whole second is a leap second, or nothing.
  if (nanos == 1'000'000'000 && (seconds % 60 + 60) % 60 != 59) return std::nullopt;
  return FlagInstant{seconds, nanos};
}

}  // namespace

bool IsRelativeDate(std::string_view text) {
  const auto date = ReadRelativeDate(text);
  return date.has_value() && date->amount < kAmountEnd;
}

std::optional<FlagInstant> ParseRelativeDate(std::string_view text, const FlagClock& clock) {
  const auto date = ReadRelativeDate(text);
  if (!date.has_value() || date->amount >= kAmountEnd) return std::nullopt;
  int64_t local_us =
      clock.now_us + int64_t{clock.zone.OffsetSeconds(clock.now_us)} * kMicrosPerSecond;
  switch (date->unit) {
    case 'h':
      local_us -= date->amount * kMicrosPerHour;
      break;
    case 'd':
      local_us -= date->amount * kMicrosPerDay;
      break;
    case 'w':
      local_us -= date->amount * 7 * kMicrosPerDay;
      break;
    default:
      local_us = StepBackMonths(local_us, date->amount, date->unit == 'm' ? 1 : 12);
  }
  const int64_t local_seconds = FloorDivide(local_us, kMicrosPerSecond);
  const int64_t micros = local_us - local_seconds * kMicrosPerSecond;
  return InZone(local_seconds, static_cast<uint32_t>(micros) * 1000, clock.zone);
}

std::optional<FlagInstant> ParseFlagDate(std::string_view text, const FlagClock& clock) {
  // A relative date that falls into a gap may still be something else: nothing is.
  if (IsRelativeDate(text)) return ParseRelativeDate(text, clock);
  if (const auto instant = ParseRfc3339Instant(text)) return instant;
  static constexpr std::string_view kFormats[] = {
      "%Y-%m-%d", "%Y-%m-%d %H:%M:%S%f", "%Y-%m-%dT%H:%M:%S%f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"};
  for (const std::string_view format : kFormats) {
    const auto date = ParseDateFormat(text, format);
    if (!date.has_value()) continue;
    const FlagInstant local = date->AsUtc();
    return InZone(local.seconds, local.nanos, clock.zone);
  }
  return ParseLenientDate(text, clock.now_us);
}

std::optional<FlagInstant> DateOfProperty(const FlagValue& value, const FlagClock& clock) {
  if (value.kind != FlagValue::Kind::kString && value.kind != FlagValue::Kind::kNumber) {
    return std::nullopt;
  }
  if (const auto number = ParseFlagNumber(value.text)) return FromSeconds(*number);
  if (value.kind == FlagValue::Kind::kNumber) return std::nullopt;
  return ParseFlagDate(value.text, clock);
}

}  // namespace hoglet
