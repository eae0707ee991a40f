#pragma once

#include <optional>
#include <string>

#include "query/functions/kernel.h"
#include "query/functions/wrapping.h"
#include "src/base/time.h"

// Dates and times inside vectors, and how functions read them.

namespace hoglet::fn {

inline constexpr int64_t kPow10[] = {1,
                                     10,
                                     100,
                                     1000,
                                     10000,
                                     100000,
                                     1000000,
                                     10000000,
                                     100000000,
                                     1000000000,
                                     10000000000,
                                     100000000000,
                                     1000000000000,
                                     10000000000000,
                                     100000000000000,
                                     1000000000000000,
                                     10000000000000000,
                                     100000000000000000,
                                     1000000000000000000};
inline constexpr int64_t kDateMax = 65535;           // 2149-06-06
inline constexpr int64_t kDateTimeMax = 4294967295;  // 2106-02-07 06:28:15
inline constexpr int64_t kDate32Min = -25567;        // 1900-01-01
inline constexpr int64_t kDate32Max = 120529;        // 2299-12-31

inline int64_t Clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}
inline int64_t TicksToMicros(int64_t ticks, int scale) {
  if (scale == 6) return ticks;
  return scale < 6 ? ticks * kPow10[6 - scale] : FloorDivide(ticks, kPow10[scale - 6]);
}
inline int64_t MicrosToTicks(int64_t micros, int scale) {
  if (scale == 6) return micros;
  return scale < 6 ? FloorDivide(micros, kPow10[6 - scale]) : micros * kPow10[scale - 6];
}

// The zone of a DateTime or DateTime64 type; UTC for other types and if none is named.
absl::StatusOr<TimeZone> ZoneOf(const Type& type);
// A zone by name, as a function argument; "bad_arguments" if unknown.
absl::StatusOr<TimeZone> ZoneNamed(std::string_view name);

// Reads values of Date, Date32, DateTime and DateTime64 vectors as micros: `moment` since the
// epoch, `local` by the clock of the zone. Dates are their midnight; local and moment are then the
// same. Not thread-safe.
class TimeReader {
 public:
  TimeReader(const Type& type, const TimeZone& zone)
      : kind_(type.kind()), scale_(type.scale()), offsets_(zone), utc_(zone.is_utc()) {}

  bool is_date() const { return kind_ == TypeKind::kDate || kind_ == TypeKind::kDate32; }
  int64_t Moment(int64_t value) const {
    if (is_date()) return WrappingMultiply(value, kMicrosPerDay);
    return kind_ == TypeKind::kDateTime ? WrappingMultiply(value, kMicrosPerSecond)
                                        : TicksToMicros(value, scale_);
  }
  int64_t Local(int64_t value) {
    const int64_t moment = Moment(value);
    return utc_ || is_date() ? moment : offsets_.ToLocalMicros(moment);
  }
  int64_t Day(int64_t value) {
    if (is_date()) return value;
    const int64_t local = Local(value);
    // Rows come day by day, mostly.
    if (static_cast<uint64_t>(local) - static_cast<uint64_t>(day_begin_) >= kMicrosPerDay) {
      day_ = FloorDivide(local, kMicrosPerDay);
      day_begin_ = day_ * kMicrosPerDay;
    }
    return day_;
  }
  int32_t Offset(int64_t moment_us) { return utc_ ? 0 : offsets_.OffsetSeconds(moment_us); }

 private:
  TypeKind kind_;
  int scale_;
  ZoneOffsets offsets_;
  bool utc_;
  int64_t day_ = 0;  // of the value before
  int64_t day_begin_ = 0;
};

// The moment of local microseconds; one that the zone skips is read with the offset after the gap,
// as ClickHouse does.
inline int64_t MomentOfLocal(int64_t local_us, const TimeZone& zone) {
  if (zone.is_utc()) return local_us;
  const int64_t moment = FromLocalMicros(local_us, zone);
  const int64_t offset_us = int64_t{zone.OffsetSeconds(moment)} * kMicrosPerSecond;
  return moment + offset_us == local_us ? moment : local_us - offset_us;
}

// Local microseconds back to the moment, remembering the offset around the last one.
class LocalToMoment {
 public:
  explicit LocalToMoment(const TimeZone& zone) : zone_(zone), offsets_(zone) {}
  int64_t operator()(int64_t local_us) {
    if (zone_.is_utc()) return local_us;
    if (local_us == last_local_) return last_moment_;
    last_local_ = local_us;
    last_moment_ = FromLocalMicros(local_us, zone_);
    return last_moment_;
  }

 private:
  TimeZone zone_;
  ZoneOffsets offsets_;
  int64_t last_local_ = INT64_MIN;
  int64_t last_moment_ = 0;
};

// "2024-01-31", "2024-01-31 10:20:30", with T, with a fraction, or digits: unix seconds. Micros;
// nullopt if unreadable.
std::optional<int64_t> ParseDateTimeText(std::string_view text, const TimeZone& zone);
// A moment as a value of a DateTime or DateTime64 type, within its range.
int64_t MomentToValue(int64_t moment_us, const Type& type);
// Nearly everything people write; `us` reads 01/02/2024 as January 2.
std::optional<int64_t> ParseDateTimeBestEffort(std::string_view text, const TimeZone& zone, bool us,
                                               int64_t now_us);

// value + count units for a date or time of `type`; the result has AddedType().
Type AddedType(const Type& type, IntervalUnit unit);
int64_t AddInterval(const Type& type, const TimeZone& zone, IntervalUnit unit, int64_t value,
                    int64_t count);
// As a unit name: "day", "days", "hour" ...
std::optional<IntervalUnit> ParseIntervalUnit(std::string_view name);

// The interval arithmetic of plus and minus: x + INTERVAL n unit, tuples of intervals.
Bound BindAddInterval(const Call& call, size_t time_at, size_t interval_at, int sign);

}  // namespace hoglet::fn
