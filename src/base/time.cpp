#include "src/base/time.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "include/hoglet/env.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr char kZoneDirectory[] = "/usr/share/zoneinfo";

bool IsUtcAlias(std::string_view name) {
  constexpr std::string_view kAliases[] = {
      "UTC",      "Etc/UTC",  "GMT",       "Etc/GMT",       "Etc/UCT",  "UCT",
      "Zulu",     "Etc/Zulu", "Universal", "Etc/Universal", "Z",        "GMT0",
      "Etc/GMT0", "GMT+0",    "GMT-0",     "Etc/GMT+0",     "Etc/GMT-0"};
  return std::find(std::begin(kAliases), std::end(kAliases), name) != std::end(kAliases);
}

// The name becomes part of a path, so it may hold only what zone names are made of.
bool IsZoneName(std::string_view name) {
  constexpr size_t kNameBytesMax = 64;
  if (name.empty() || name.size() > kNameBytesMax || name.front() == '/' || name == "localtime") {
    return false;
  }
  if (name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_' || c == '-' ||
           c == '+';
  });
}

absl::CivilSecond ToCivilSecond(int64_t local_seconds) {
  return absl::CivilSecond(1970, 1, 1, 0, 0, 0) + local_seconds;
}

int64_t SecondsOf(absl::CivilSecond civil) { return civil - absl::CivilSecond(1970, 1, 1); }

int64_t ToMicros(int64_t seconds) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / kMicrosPerSecond;
  if (seconds >= kMax) return std::numeric_limits<int64_t>::max();
  if (seconds <= -kMax) return std::numeric_limits<int64_t>::min();
  return seconds * kMicrosPerSecond;
}

// The first day number of the unit that holds the day; day and longer.
int64_t FirstDayOf(TimeUnit unit, int64_t day_number, int week_start) {
  int64_t year = 0;
  int month = 0;
  int day = 0;
  CivilFromDayNumber(day_number, &year, &month, &day);
  switch (unit) {
    case TimeUnit::kWeek:
      return day_number - (IsoWeekday(day_number) - week_start + 7) % 7;
    case TimeUnit::kMonth:
      return DayNumberOf(year, month, 1);
    case TimeUnit::kQuarter:
      return DayNumberOf(year, (month - 1) / 3 * 3 + 1, 1);
    case TimeUnit::kYear:
      return DayNumberOf(year, 1, 1);
    default:
      return day_number;
  }
}

int64_t ExactMicros(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSecond:
      return kMicrosPerSecond;
    case TimeUnit::kMinute:
      return kMicrosPerMinute;
    case TimeUnit::kHour:
      return kMicrosPerHour;
    default:
      return 0;
  }
}

std::string FormatFraction(int micros, int digits) {
  if (digits <= 0) return "";
  return absl::StrFormat(".%06d", micros).substr(0, static_cast<size_t>(std::min(digits, 6)) + 1);
}

// A cursor over the fixed-width fields of a date.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : text_(text) {}

  bool Number(size_t digits, int* value) {
    if (text_.size() < digits) return false;
    *value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!absl::ascii_isdigit(static_cast<unsigned char>(text_[i]))) return false;
      *value = *value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return true;
  }
  bool OneOf(std::string_view characters, char* found = nullptr) {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return false;
    if (found != nullptr) *found = text_.front();
    text_.remove_prefix(1);
    return true;
  }
  // Digits after the point, the first six counting.
  bool Fraction(int* micros) {
    size_t digits = 0;
    int value = 0;
    while (!text_.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text_.front()))) {
      if (digits < 6) value = value * 10 + (text_.front() - '0');
      ++digits;
      text_.remove_prefix(1);
    }
    for (size_t i = digits; i < 6; ++i) value *= 10;
    *micros = value;
    return digits > 0;
  }
  bool empty() const { return text_.empty(); }

 private:
  std::string_view text_;
};

bool ReadDate(FieldReader* in, int64_t* day_number) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!in->Number(4, &year) || !in->OneOf("-") || !in->Number(2, &month) || !in->OneOf("-") ||
      !in->Number(2, &day)) {
    return false;
  }
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) return false;
  *day_number = DayNumberOf(year, month, day);
  return true;
}

bool ReadTimeOfDay(FieldReader* in, int64_t* micros_of_day) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  int micros = 0;
  if (!in->Number(2, &hour) || !in->OneOf(":") || !in->Number(2, &minute) || !in->OneOf(":") ||
      !in->Number(2, &second)) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 60) return false;
  if (in->OneOf(".,") && !in->Fraction(&micros)) return false;
  *micros_of_day =
      hour * kMicrosPerHour + minute * kMicrosPerMinute + second * kMicrosPerSecond + micros;
  return true;
}

bool ReadOffset(FieldReader* in, int64_t* offset_us) {
  *offset_us = 0;
  char sign = 0;
  if (in->OneOf("Zz")) return true;
  int hours = 0;
  int minutes = 0;
  if (!in->OneOf("+-", &sign) || !in->Number(2, &hours) || !in->OneOf(":") ||
      !in->Number(2, &minutes)) {
    return false;
  }
  if (hours > 23 || minutes > 59) return false;
  *offset_us = hours * kMicrosPerHour + minutes * kMicrosPerMinute;
  if (sign == '-') *offset_us = -*offset_us;
  return true;
}

}  // namespace

bool IsLeapYear(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysInMonth(int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[static_cast<size_t>(month - 1)];
}

// Both directions count from 0000-03-01, so that the leap day ends a year and eras of 400 years are
// alike.
int64_t DayNumberOf(int64_t year, int month, int day) {
  const int64_t month0 = FloorDivide(int64_t{month} - 1, 12);
  year += month0;
  month -= static_cast<int>(month0 * 12);
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = FloorDivide(y, 400);
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468 + (day - 1);
}

void CivilFromDayNumber(int64_t day_number, int64_t* year, int* month, int* day) {
  const int64_t z = day_number + 719468;
  const int64_t era = FloorDivide(z, 146097);
  const int64_t day_of_era = z - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  *day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  *month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

int IsoWeekday(int64_t day_number) {
  // Day 0 was a Thursday.
  return static_cast<int>(day_number + 3 - FloorDivide(day_number + 3, 7) * 7) + 1;
}

int IsoWeek(int64_t day_number, int64_t* iso_year) {
  // A week belongs to the year of its Thursday.
  const int64_t thursday = day_number - IsoWeekday(day_number) + 4;
  int64_t year = 0;
  int month = 0;
  int day = 0;
  CivilFromDayNumber(thursday, &year, &month, &day);
  if (iso_year != nullptr) *iso_year = year;
  return static_cast<int>((thursday - DayNumberOf(year, 1, 1)) / 7) + 1;
}

int DayOfYear(int64_t day_number) {
  int64_t year = 0;
  int month = 0;
  int day = 0;
  CivilFromDayNumber(day_number, &year, &month, &day);
  return static_cast<int>(day_number - DayNumberOf(year, 1, 1)) + 1;
}

absl::StatusOr<TimeZone> TimeZone::Load(std::string_view name) {
  if (IsUtcAlias(name)) return Utc();
  if (!IsZoneName(name)) {
    return absl::InvalidArgumentError(
        StrCat("unknown time zone \"", JsonEscape(name.substr(0, 80)), "\""));
  }
  absl::TimeZone zone;
  if (absl::LoadTimeZone(ToAbsl(name), &zone)) return TimeZone(zone);
  if (!Env::Posix()->Exists(kZoneDirectory)) {
    return absl::FailedPreconditionError(
        StrCat("time zone \"", name, "\": this machine has no zone database at ", kZoneDirectory,
               " (install the tzdata package); only UTC is available"));
  }
  return absl::InvalidArgumentError(StrCat("unknown time zone \"", name, "\""));
}

int32_t TimeZone::OffsetSeconds(int64_t time_us) const {
  if (is_utc_) return 0;
  return zone_.At(absl::FromUnixMicros(time_us)).offset;
}

void ZoneOffsets::Refill(int64_t time_us) {
  begin_us_ = std::numeric_limits<int64_t>::min();
  end_us_ = std::numeric_limits<int64_t>::max();
  offset_seconds_ = zone_.OffsetSeconds(time_us);
  if (zone_.is_utc()) return;
  const absl::TimeZone zone = zone_.absl_zone();
  const absl::Time second = absl::FromUnixSeconds(FloorDivide(time_us, kMicrosPerSecond));
  absl::TimeZone::CivilTransition transition;
  // Both searches are strict; the offset at `time_us` holds on this side of either transition.
  if (zone.PrevTransition(second + absl::Seconds(1), &transition)) {
    begin_us_ = ToMicros(SecondsOf(transition.to) - offset_seconds_);
  }
  if (zone.NextTransition(second, &transition)) {
    end_us_ = ToMicros(SecondsOf(transition.from) - offset_seconds_);
  }
}

CivilTime CivilFromLocalMicros(int64_t local_us) {
  CivilTime civil;
  const int64_t day_number = FloorDivide(local_us, kMicrosPerDay);
  CivilFromDayNumber(day_number, &civil.year, &civil.month, &civil.day);
  int64_t rest = local_us - day_number * kMicrosPerDay;
  civil.hour = static_cast<int>(rest / kMicrosPerHour);
  rest %= kMicrosPerHour;
  civil.minute = static_cast<int>(rest / kMicrosPerMinute);
  rest %= kMicrosPerMinute;
  civil.second = static_cast<int>(rest / kMicrosPerSecond);
  civil.micros = static_cast<int>(rest % kMicrosPerSecond);
  return civil;
}

CivilTime ToCivil(int64_t time_us, const TimeZone& zone) {
  return CivilFromLocalMicros(time_us + int64_t{zone.OffsetSeconds(time_us)} * kMicrosPerSecond);
}

int64_t FromLocalMicros(int64_t local_us, const TimeZone& zone) {
  if (zone.is_utc()) return local_us;
  const int64_t seconds = FloorDivide(local_us, kMicrosPerSecond);
  const absl::TimeZone::TimeInfo info = zone.absl_zone().At(ToCivilSecond(seconds));
  return absl::ToUnixSeconds(info.pre) * kMicrosPerSecond + (local_us - seconds * kMicrosPerSecond);
}

int64_t FromCivil(const CivilTime& civil, const TimeZone& zone) {
  const int64_t local_us = DayNumberOf(civil.year, civil.month, civil.day) * kMicrosPerDay +
                           civil.hour * kMicrosPerHour + civil.minute * kMicrosPerMinute +
                           civil.second * kMicrosPerSecond + civil.micros;
  return FromLocalMicros(local_us, zone);
}

int64_t DayNumber(int64_t time_us, const TimeZone& zone) {
  return FloorDivide(time_us + int64_t{zone.OffsetSeconds(time_us)} * kMicrosPerSecond,
                     kMicrosPerDay);
}

int64_t StartOfDayNumber(int64_t day_number, const TimeZone& zone) {
  if (zone.is_utc()) return day_number * kMicrosPerDay;
  const absl::TimeZone::TimeInfo info =
      zone.absl_zone().At(ToCivilSecond(day_number * (kMicrosPerDay / kMicrosPerSecond)));
  const bool skipped = info.kind == absl::TimeZone::TimeInfo::SKIPPED;
  return absl::ToUnixSeconds(skipped ? info.trans : info.pre) * kMicrosPerSecond;
}

bool ParseTimeUnit(std::string_view name, TimeUnit* unit) {
  std::string lower = absl::AsciiStrToLower(ToAbsl(name));
  if (!lower.empty() && lower.back() == 's') lower.pop_back();
  for (int i = 0; i <= static_cast<int>(TimeUnit::kYear); ++i) {
    if (TimeUnitName(static_cast<TimeUnit>(i)) == lower) {
      *unit = static_cast<TimeUnit>(i);
      return true;
    }
  }
  return false;
}

std::string_view TimeUnitName(TimeUnit unit) {
  constexpr std::string_view kNames[] = {"second", "minute", "hour",    "day",
                                         "week",   "month",  "quarter", "year"};
  return kNames[static_cast<int>(unit)];
}

int64_t StartOf(TimeUnit unit, int64_t time_us, const TimeZone& zone, int week_start) {
  const int64_t offset_us = int64_t{zone.OffsetSeconds(time_us)} * kMicrosPerSecond;
  const int64_t local_us = time_us + offset_us;
  if (const int64_t exact_us = ExactMicros(unit)) {
    return FloorDivide(local_us, exact_us) * exact_us - offset_us;
  }
  const int64_t day = FloorDivide(local_us, kMicrosPerDay);
  return StartOfDayNumber(FirstDayOf(unit, day, week_start), zone);
}

int64_t AddUnits(TimeUnit unit, int64_t count, int64_t time_us, const TimeZone& zone) {
  if (const int64_t exact_us = ExactMicros(unit)) return time_us + count * exact_us;
  const int64_t local_us = time_us + int64_t{zone.OffsetSeconds(time_us)} * kMicrosPerSecond;
  if (unit == TimeUnit::kDay || unit == TimeUnit::kWeek) {
    const int64_t days = unit == TimeUnit::kWeek ? count * 7 : count;
    return FromLocalMicros(local_us + days * kMicrosPerDay, zone);
  }
  CivilTime civil = CivilFromLocalMicros(local_us);
  const int64_t months_each = unit == TimeUnit::kYear ? 12 : unit == TimeUnit::kQuarter ? 3 : 1;
  const int64_t month0 = civil.year * 12 + (civil.month - 1) + count * months_each;
  civil.year = FloorDivide(month0, 12);
  civil.month = static_cast<int>(month0 - civil.year * 12) + 1;
  civil.day = std::min(civil.day, DaysInMonth(civil.year, civil.month));
  return FromCivil(civil, zone);
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  FieldReader in(text);
  int64_t day_number = 0;
  int64_t micros_of_day = 0;
  int64_t offset_us = 0;
  if (!ReadDate(&in, &day_number) || !in.OneOf("Tt ") || !ReadTimeOfDay(&in, &micros_of_day) ||
      !ReadOffset(&in, &offset_us) || !in.empty()) {
    return std::nullopt;
  }
  return day_number * kMicrosPerDay + micros_of_day - offset_us;
}

std::optional<int64_t> ParseDate(std::string_view text) {
  FieldReader in(text);
  int64_t day_number = 0;
  if (!ReadDate(&in, &day_number) || !in.empty()) return std::nullopt;
  return day_number;
}

std::string FormatDate(int64_t day_number) {
  int64_t year = 0;
  int month = 0;
  int day = 0;
  CivilFromDayNumber(day_number, &year, &month, &day);
  return absl::StrFormat("%04d-%02d-%02d", year, month, day);
}

namespace {

std::string FormatDateTime(const CivilTime& civil, char separator, int fraction_digits) {
  return absl::StrFormat("%04d-%02d-%02d%c%02d:%02d:%02d%s", civil.year, civil.month, civil.day,
                         separator, civil.hour, civil.minute, civil.second,
                         FormatFraction(civil.micros, fraction_digits));
}

}  // namespace

std::string FormatRfc3339(int64_t time_us, int fraction_digits) {
  return FormatDateTime(CivilFromLocalMicros(time_us), 'T', fraction_digits) + "Z";
}

std::string FormatRfc3339InZone(int64_t time_us, const TimeZone& zone, int fraction_digits) {
  const int32_t offset = zone.OffsetSeconds(time_us);
  const int32_t minutes = std::abs(offset) / 60;
  return FormatDateTime(ToCivil(time_us, zone), 'T', fraction_digits) +
         absl::StrFormat("%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string FormatCivil(int64_t time_us, const TimeZone& zone, int fraction_digits) {
  return FormatDateTime(ToCivil(time_us, zone), ' ', fraction_digits);
}

}  // namespace hoglet
