#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

// Civil time in time zones, over microseconds since 1970-01-01T00:00:00Z. Days are numbered from
// 1970-01-01 = 0 in the proleptic Gregorian calendar, so that a day number alone is a date.

namespace hoglet {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
inline constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;

// Division that rounds down, also below zero.
constexpr int64_t FloorDivide(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

struct CivilTime {
  int64_t year = 1970;
  int month = 1;  // 1 .. 12
  int day = 1;    // 1 .. 31
  int hour = 0;
  int minute = 0;
  int second = 0;
  int micros = 0;  // 0 .. 999'999

  friend bool operator==(const CivilTime&, const CivilTime&) = default;
};

// Calendar arithmetic, no zones. Month and day may lie outside their range and carry over in
// DayNumberOf.
int64_t DayNumberOf(int64_t year, int month, int day);
void CivilFromDayNumber(int64_t day_number, int64_t* year, int* month, int* day);
int DaysInMonth(int64_t year, int month);
bool IsLeapYear(int64_t year);
// 1 = Monday .. 7 = Sunday.
int IsoWeekday(int64_t day_number);
// ISO 8601 week 1 .. 53 and the year it belongs to.
int IsoWeek(int64_t day_number, int64_t* iso_year = nullptr);
// 1 .. 366.
int DayOfYear(int64_t day_number);

// A named zone of the IANA database, or UTC. Cheap to copy, immutable, thread-safe.
class TimeZone {
 public:
  // UTC.
  TimeZone() : zone_(absl::UTCTimeZone()) {}

  // By name, e.g. "Europe/Berlin"; "UTC" and its aliases always work. Loaded zones are cached for
  // the life of the process. kInvalidArgument for an unknown name; kFailedPrecondition if the
  // machine has no zone database.
  static absl::StatusOr<TimeZone> Load(std::string_view name);
  static TimeZone Utc() { return TimeZone(); }

  std::string name() const { return is_utc_ ? "UTC" : zone_.name(); }
  bool is_utc() const { return is_utc_; }
  // Seconds east of Greenwich at that moment.
  int32_t OffsetSeconds(int64_t time_us) const;
  absl::TimeZone absl_zone() const { return zone_; }

  friend bool operator==(const TimeZone& a, const TimeZone& b) { return a.zone_ == b.zone_; }

 private:
  explicit TimeZone(absl::TimeZone zone) : zone_(zone), is_utc_(zone == absl::UTCTimeZone()) {}

  absl::TimeZone zone_;
  bool is_utc_ = true;
};

// The UTC offset of one moment after another, for columns: remembers the span around the last one
// in which the offset is constant, so that sorted or clustered times cost two comparisons. Not
// thread-safe: one a thread.
class ZoneOffsets {
 public:
  explicit ZoneOffsets(const TimeZone& zone) : zone_(zone) {}

  int32_t OffsetSeconds(int64_t time_us) {
    if (time_us < begin_us_ || time_us >= end_us_) Refill(time_us);
    return offset_seconds_;
  }
  // The civil time as if it were UTC microseconds: time_us + offset.
  int64_t ToLocalMicros(int64_t time_us) {
    return time_us + int64_t{OffsetSeconds(time_us)} * kMicrosPerSecond;
  }
  int64_t DayNumber(int64_t time_us) { return FloorDivide(ToLocalMicros(time_us), kMicrosPerDay); }

 private:
  void Refill(int64_t time_us);

  TimeZone zone_;
  int64_t begin_us_ = 0;
  int64_t end_us_ = 0;  // exclusive; an empty span at first
  int32_t offset_seconds_ = 0;
};

CivilTime ToCivil(int64_t time_us, const TimeZone& zone);
// The moment of a civil time. One that the zone skips is read with the offset before the gap; of
// one that occurs twice the first is taken. Fields outside their range carry over.
int64_t FromCivil(const CivilTime& civil, const TimeZone& zone);
// Civil fields of "local" microseconds (time + offset), see ZoneOffsets.
CivilTime CivilFromLocalMicros(int64_t local_us);
// Local microseconds to the moment, as FromCivil.
int64_t FromLocalMicros(int64_t local_us, const TimeZone& zone);

// The civil date at that moment.
int64_t DayNumber(int64_t time_us, const TimeZone& zone);
// The moment a civil day begins (midnight, or the end of the gap that swallows it).
int64_t StartOfDayNumber(int64_t day_number, const TimeZone& zone);

enum class TimeUnit : uint8_t { kSecond, kMinute, kHour, kDay, kWeek, kMonth, kQuarter, kYear };

// "day", "days", ... any case; false if unknown.
bool ParseTimeUnit(std::string_view name, TimeUnit* unit);
std::string_view TimeUnitName(TimeUnit unit);

// The start of the unit that holds the moment, in the zone. Hours and minutes are cut by the clock
// of the offset in force, so a start is never ambiguous. `week_start`: 1 = Monday .. 7 = Sunday.
int64_t StartOf(TimeUnit unit, int64_t time_us, const TimeZone& zone, int week_start = 1);
// `count` units later (earlier if negative). Seconds to hours are exact durations; days and longer
// keep the civil time, months and longer cut the day to the month's last.
int64_t AddUnits(TimeUnit unit, int64_t count, int64_t time_us, const TimeZone& zone);

// RFC 3339 with a zone ("2024-05-01T10:20:30.123456Z", offset +02:00, a space for T, lower case
// t/z). Digits past microseconds are cut. A leap second :60 becomes the next second. nullopt for
// anything else.
std::optional<int64_t> ParseRfc3339(std::string_view text);
// "2024-05-01T10:20:30.123456Z"; the fraction is `fraction_digits` long (0 .. 6, cut).
std::string FormatRfc3339(int64_t time_us, int fraction_digits = 6);
// The same in a zone, with its numeric offset, e.g. "+02:00".
std::string FormatRfc3339InZone(int64_t time_us, const TimeZone& zone, int fraction_digits = 6);
// "2024-05-01 10:20:30.123456" in the zone; without the point if `fraction_digits` is 0.
std::string FormatCivil(int64_t time_us, const TimeZone& zone, int fraction_digits = 6);
// "2024-05-01".
std::string FormatDate(int64_t day_number);
// "2024-05-01" exactly; nullopt for anything else.
std::optional<int64_t> ParseDate(std::string_view text);

}  // namespace hoglet
