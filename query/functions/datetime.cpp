#include "query/functions/datetime.h"

#include "absl/strings/ascii.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "query/functions/wrapping.h"

// Parts of dates and times, and their starts.

namespace hoglet::fn {

absl::StatusOr<TimeZone> ZoneNamed(std::string_view name) {
  if (name.empty() || name == "UTC") return TimeZone();
  auto zone = TimeZone::Load(name);
  if (!zone.ok()) return WithErrorCode(zone.status(), "bad_arguments");
  return zone;
}

absl::StatusOr<TimeZone> ZoneOf(const Type& type) {
  if (type.kind() != TypeKind::kDateTime && type.kind() != TypeKind::kDateTime64) return TimeZone();
  return ZoneNamed(type.zone());
}

namespace {

// Checks argument 0 and finds the zone: a constant string at `zone_at`, else the value's own.
struct TimeArgument {
  Type type;
  TimeZone zone;
  std::string zone_name;
};

absl::StatusOr<TimeArgument> TimeArgumentOf(const Call& call, size_t zone_at,
                                            bool dates_allowed = true) {
  const Type& type = call.type(0);
  if (!type.IsDateOrTime()) return call.BadType(0);
  TimeArgument out{type, TimeZone(), ""};
  const bool date = type.kind() == TypeKind::kDate || type.kind() == TypeKind::kDate32;
  if (date && !dates_allowed) return call.BadType(0);
  out.zone_name = date ? "" : type.zone();
  if (call.size() > zone_at) {
    HOGLET_ASSIGN_OR_RETURN(out.zone_name, call.ConstantString(zone_at));
  }
  HOGLET_ASSIGN_OR_RETURN(out.zone, ZoneNamed(out.zone_name));
  return out;
}

// f(day number) gives an integer.
template <typename F>
Bound FromDay(const Call& call, const Type& result, F f, size_t zone_at = 1) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  HOGLET_ASSIGN_OR_RETURN(const TimeArgument arg, TimeArgumentOf(call, zone_at));
  return MakeFunction(result, [arg, result, f](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<int64_t> in = ColumnOf<int64_t>(batch.args[0]);
    Vector out = Vector::Flat(result, batch.rows);
    TimeReader reader(arg.type, arg.zone);
    int64_t last_day = INT64_MIN;
    int64_t last = 0;
    for (size_t i = 0; i < batch.rows; ++i) {
      const int64_t day = batch.live(i) ? reader.Day(in[i]) : 0;
      if (day != last_day) {
        last_day = day;
        last = f(day);
      }
      if (result.physical() == Physical::kU8) {
        out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(last);
      } else {
        out.mutable_data<int64_t>()[i] = last;
      }
    }
    return out;
  });
}

template <typename R, typename F>
Bound FromLocal(const Call& call, const Type& result, bool dates_allowed, F f) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  HOGLET_ASSIGN_OR_RETURN(const TimeArgument arg, TimeArgumentOf(call, 1, dates_allowed));
  return MakeFunction(result, [arg, result, f](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<int64_t> in = ColumnOf<int64_t>(batch.args[0]);
    Vector out = Vector::Flat(result, batch.rows);
    TimeReader reader(arg.type, arg.zone);
    R* data = out.mutable_data<R>();
    for (size_t i = 0; i < batch.rows; ++i) {
      data[i] = static_cast<R>(batch.live(i) ? f(reader.Local(in[i])) : 0);
    }
    return out;
  });
}

struct Civil {
  int64_t year;
  int month;
  int day;
};
Civil CivilOf(int64_t day_number) {
  Civil c;
  CivilFromDayNumber(day_number, &c.year, &c.month, &c.day);
  return c;
}

int64_t ToDate(int64_t day) { return Clamp(day, 0, kDateMax); }
Type DateType() { return Type(TypeKind::kDate); }
Type U16() { return Type(TypeKind::kUInt16); }
Type U32() { return Type(TypeKind::kUInt32); }

int64_t InDay(int64_t local) { return local - FloorDivide(local, kMicrosPerDay) * kMicrosPerDay; }

Bound BindYear(const Call& call) {
  return FromDay(call, U16(), [](int64_t d) { return CivilOf(d).year; });
}
Bound BindQuarter(const Call& call) {
  return FromDay(call, U8(), [](int64_t d) { return (CivilOf(d).month + 2) / 3; });
}
Bound BindMonth(const Call& call) {
  return FromDay(call, U8(), [](int64_t d) { return CivilOf(d).month; });
}
Bound BindDayOfYear(const Call& call) {
  return FromDay(call, U16(), [](int64_t d) { return DayOfYear(d); });
}
Bound BindDayOfMonth(const Call& call) {
  return FromDay(call, U8(), [](int64_t d) { return CivilOf(d).day; });
}
Bound BindDayOfWeek(const Call& call) {
  int64_t mode = 0;
  if (call.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(mode, call.ConstantInteger(1));
  }
  mode &= 3;
  return FromDay(
      call, U8(),
      [mode](int64_t d) -> int64_t {
        const int iso = IsoWeekday(d);
        switch (mode) {
          case 0:
            return iso;
          case 1:
            return iso - 1;
          case 2:
            return iso % 7;
          default:
            return iso % 7 + 1;
        }
      },
      2);
}
Bound BindHour(const Call& call) {
  return FromLocal<uint8_t>(call, U8(), false,
                            [](int64_t local) { return InDay(local) / kMicrosPerHour; });
}
Bound BindMinute(const Call& call) {
  return FromLocal<uint8_t>(call, U8(), false,
                            [](int64_t local) { return InDay(local) / kMicrosPerMinute % 60; });
}
Bound BindSecond(const Call& call) {
  return FromLocal<uint8_t>(call, U8(), false,
                            [](int64_t local) { return InDay(local) / kMicrosPerSecond % 60; });
}
Bound BindMillisecond(const Call& call) {
  return FromLocal<int64_t>(call, U16(), true,
                            [](int64_t local) { return InDay(local) / 1000 % 1000; });
}
Bound BindToTime(const Call& call) {
  return FromLocal<int64_t>(call, Type(TypeKind::kTime), false,
                            [](int64_t local) { return InDay(local) / kMicrosPerSecond; });
}

Bound BindStartOfYear(const Call& call) {
  return FromDay(call, DateType(),
                 [](int64_t d) { return ToDate(DayNumberOf(CivilOf(d).year, 1, 1)); });
}
int64_t IsoYearStart(int64_t d) {
  int64_t year;
  IsoWeek(d, &year);
  const int64_t fourth = DayNumberOf(year, 1, 4);
  return fourth - (IsoWeekday(fourth) - 1);
}
Bound BindStartOfIsoYear(const Call& call) {
  return FromDay(call, DateType(), [](int64_t d) { return ToDate(IsoYearStart(d)); });
}
Bound BindStartOfQuarter(const Call& call) {
  return FromDay(call, DateType(), [](int64_t d) {
    const Civil c = CivilOf(d);
    return ToDate(DayNumberOf(c.year, (c.month - 1) / 3 * 3 + 1, 1));
  });
}
Bound BindStartOfMonth(const Call& call) {
  return FromDay(call, DateType(), [](int64_t d) { return ToDate(d - CivilOf(d).day + 1); });
}
Bound BindLastDayOfMonth(const Call& call) {
  return FromDay(call, DateType(), [](int64_t d) {
    const Civil c = CivilOf(d);
    return ToDate(DayNumberOf(c.year, c.month, DaysInMonth(c.year, c.month)));
  });
}
Bound BindMonday(const Call& call) {
  return FromDay(call, DateType(), [](int64_t d) { return ToDate(d - IsoWeekday(d) + 1); });
}

absl::StatusOr<bool> MondayFirst(const Call& call) {
  if (call.size() < 2) return false;
  HOGLET_ASSIGN_OR_RETURN(const int64_t mode, call.ConstantInteger(1));
  return (mode & 1) != 0;
}
int64_t WeekStart(int64_t d, bool monday) {
  return d - (monday ? IsoWeekday(d) - 1 : IsoWeekday(d) % 7);
}

Bound BindStartOfWeek(const Call& call) {
  HOGLET_ASSIGN_OR_RETURN(const bool monday, MondayFirst(call));
  return FromDay(
      call, DateType(), [monday](int64_t d) { return ToDate(WeekStart(d, monday)); }, 2);
}
Bound BindLastDayOfWeek(const Call& call) {
  HOGLET_ASSIGN_OR_RETURN(const bool monday, MondayFirst(call));
  return FromDay(
      call, DateType(), [monday](int64_t d) { return ToDate(WeekStart(d, monday) + 6); }, 2);
}

Bound BindIsoYear(const Call& call) {
  return FromDay(call, U16(), [](int64_t d) {
    int64_t year;
    IsoWeek(d, &year);
    return year;
  });
}
Bound BindIsoWeek(const Call& call) {
  return FromDay(call, U8(), [](int64_t d) { return IsoWeek(d); });
}

// MySQL's week modes: bit 0 Monday first, bit 1 weeks belong to years (1..53), bit 2 week 1 holds
// the first first-day.
struct YearWeek {
  int64_t year;
  int week;
};
YearWeek WeekByMode(int64_t d, int mode) {
  const bool monday = mode & 1;
  if (mode & 8) {  // week 1 holds January 1
    const int64_t year = CivilOf(d).year;
    return {year, static_cast<int>((d - WeekStart(DayNumberOf(year, 1, 1), monday)) / 7 + 1)};
  }
  const bool week_year = mode & 2;
  const bool first_weekday = (mode & 4) != 0;
  const int64_t year = CivilOf(d).year;
  auto first_week = [&](int64_t y) {
    const int64_t jan1 = DayNumberOf(y, 1, 1);
    const int weekday =
        monday ? IsoWeekday(jan1) - 1 : IsoWeekday(jan1) % 7;  // 0 = first of the week
    const bool belongs = first_weekday ? weekday == 0 : weekday <= 3;
    return jan1 - weekday + (belongs ? 0 : 7);
  };
  int64_t start = first_week(year);
  if (d < start) {
    if (!week_year) return {year, 0};
    start = first_week(year - 1);
    return {year - 1, static_cast<int>((d - start) / 7 + 1)};
  }
  if (week_year && d >= first_week(year + 1)) return {year + 1, 1};
  return {year, static_cast<int>((d - start) / 7 + 1)};
}
// In ClickHouse bit 2 is inverted for modes whose bit 0 is unset.
int NormalMode(int64_t mode) {
  if (mode & 8) return static_cast<int>(mode & 9);
  mode &= 7;
  if ((mode & 1) == 0) mode ^= 4;
  return static_cast<int>(mode);
}

template <bool year_week>
Bound BindWeek(const Call& call) {
  int64_t mode = 0;
  if (call.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(mode, call.ConstantInteger(1));
  }
  int normal = NormalMode(mode);
  if (year_week) normal |= 2;
  return FromDay(
      call, year_week ? U32() : U8(),
      [normal](int64_t d) -> int64_t {
        const YearWeek w = WeekByMode(d, normal);
        return year_week ? w.year * 100 + w.week : w.week;
      },
      2);
}

Bound BindYYYYMM(const Call& call) {
  return FromDay(call, U32(), [](int64_t d) { return CivilOf(d).year * 100 + CivilOf(d).month; });
}
Bound BindYYYYMMDD(const Call& call) {
  return FromDay(call, U32(), [](int64_t d) {
    const Civil c = CivilOf(d);
    return c.year * 10000 + c.month * 100 + c.day;
  });
}
Bound BindYYYYMMDDhhmmss(const Call& call) {
  return FromLocal<int64_t>(call, U64(), true, [](int64_t local) {
    const CivilTime c = CivilFromLocalMicros(local);
    return ((((c.year * 100 + c.month) * 100 + c.day) * 100 + c.hour) * 100 + c.minute) * 100 +
           c.second;
  });
}
Bound BindRelative(const Call& call, int64_t months_a, int64_t months_b) {
  return FromDay(call, U32(), [=](int64_t d) {
    return (CivilOf(d).year * 12 + CivilOf(d).month - months_a) / months_b;
  });
}

// A start within the day, in local time; the result is a DateTime in the zone.
template <typename F>
Bound StartWithin(const Call& call, bool dates_allowed, F floor_local) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  HOGLET_ASSIGN_OR_RETURN(const TimeArgument arg, TimeArgumentOf(call, 1, dates_allowed));
  const Type type = Type::DateTime(arg.zone_name);
  return MakeFunction(type, [arg, type, floor_local](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<int64_t> in = ColumnOf<int64_t>(batch.args[0]);
    Vector out = Vector::Flat(type, batch.rows);
    auto* data = out.mutable_data<int64_t>();
    TimeReader reader(arg.type, arg.zone);
    LocalToMoment to_moment(arg.zone);
    for (size_t i = 0; i < batch.rows; ++i) {
      if (!batch.live(i)) {
        data[i] = 0;
        continue;
      }
      const int64_t local = reader.Local(in[i]);
      const int64_t start = floor_local(local);
      int64_t moment;
      if (!reader.is_date() && local - start < kMicrosPerHour) {
        // Within an hour the offset in force holds, also in the hour that occurs twice.
        moment = reader.Moment(in[i]) - (local - start);
      } else {
        moment = to_moment(start);
      }
      data[i] = Clamp(FloorDivide(moment, kMicrosPerSecond), 0, kDateTimeMax);
    }
    return out;
  });
}

template <int64_t unit_us>
Bound BindStartWithin(const Call& call) {
  return StartWithin(call, unit_us == kMicrosPerDay,
                     [](int64_t local) { return FloorDivide(local, unit_us) * unit_us; });
}

Bound BindStartOfSecond(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  const Type type = call.type(0);
  if (type.kind() != TypeKind::kDateTime64) return call.BadType(0);
  const int64_t unit = kPow10[type.scale()];
  return MapRows<int64_t, int64_t>(
      type, [unit](int64_t ticks) { return FloorDivide(ticks, unit) * unit; });
}

// The start of `count` units that holds the moment.
struct IntervalStart {
  IntervalUnit unit;
  int64_t count;

  bool gives_date() const { return unit >= IntervalUnit::kWeek; }
  int64_t Day(int64_t d) const {
    const Civil c = CivilOf(d);
    switch (unit) {
      case IntervalUnit::kYear:
        return DayNumberOf(c.year / count * count, 1, 1);
      case IntervalUnit::kQuarter:
      case IntervalUnit::kMonth: {
        const int64_t months = unit == IntervalUnit::kQuarter ? count * 3 : count;
        const int64_t index = FloorDivide((c.year - 1900) * 12 + c.month - 1, months) * months;
        return DayNumberOf(1900 + FloorDivide(index, 12),
                           static_cast<int>(index - FloorDivide(index, 12) * 12) + 1, 1);
      }
      case IntervalUnit::kWeek:
        if (count == 1) return d - IsoWeekday(d) + 1;
        return FloorDivide(d - 4, 7 * count) * 7 * count + 4;
      default:
        return FloorDivide(d, count) * count;
    }
  }
};

int64_t MicrosOf(IntervalUnit unit) {
  switch (unit) {
    case IntervalUnit::kMicrosecond:
      return 1;
    case IntervalUnit::kMillisecond:
      return 1000;
    case IntervalUnit::kSecond:
      return kMicrosPerSecond;
    case IntervalUnit::kMinute:
      return kMicrosPerMinute;
    case IntervalUnit::kHour:
      return kMicrosPerHour;
    default:
      return kMicrosPerDay;
  }
}

Bound StartOfInterval(const TimeArgument& arg, IntervalStart start) {
  const bool subsecond = start.unit < IntervalUnit::kSecond;
  const bool is_date = arg.type.kind() == TypeKind::kDate || arg.type.kind() == TypeKind::kDate32;
  const Type type = start.gives_date() ? DateType()
                    : subsecond ? Type::DateTime64(start.unit == IntervalUnit::kMillisecond ? 3 : 6,
                                                   arg.zone_name)
                                : Type::DateTime(arg.zone_name);
  (void)is_date;
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<int64_t> in = ColumnOf<int64_t>(batch.args[0]);
    Vector out = Vector::Flat(type, batch.rows);
    auto* data = out.mutable_data<int64_t>();
    TimeReader reader(arg.type, arg.zone);
    LocalToMoment to_moment(arg.zone);
    const int64_t step = MicrosOf(start.unit) * start.count;
    for (size_t i = 0; i < batch.rows; ++i) {
      data[i] = 0;
      if (!batch.live(i)) continue;
      if (start.gives_date()) {
        data[i] = ToDate(start.Day(reader.Day(in[i])));
        continue;
      }
      int64_t moment;
      if (start.unit == IntervalUnit::kDay) {
        moment = to_moment(start.Day(reader.Day(in[i])) * kMicrosPerDay);
      } else if (start.unit == IntervalUnit::kHour) {
        const int64_t local = reader.Local(in[i]);
        const int64_t in_day = InDay(local);
        const int64_t floor = local - in_day + in_day / step * step;
        moment = local - floor < kMicrosPerHour ? reader.Moment(in[i]) - (local - floor)
                                                : to_moment(floor);
      } else {
        moment = FloorDivide(reader.Moment(in[i]), step) * step;
      }
      data[i] = subsecond ? MicrosToTicks(moment, type.scale())
                          : Clamp(FloorDivide(moment, kMicrosPerSecond), 0, kDateTimeMax);
    }
    return out;
  });
}

absl::StatusOr<int64_t> PositiveCount(const Call& call, size_t at) {
  HOGLET_ASSIGN_OR_RETURN(const int64_t count, call.ConstantInteger(at));
  if (count <= 0)
    return Error("argument_out_of_bound", "Value for interval of function ", call.name,
                 " must be positive");
  if (count > 1'000'000'000)
    return Error("argument_out_of_bound", "Value for interval of function ", call.name,
                 " is too large");
  return count;
}

// With an origin: whole intervals counted from it.
Bound StartFromOrigin(const Call& call, IntervalUnit unit, int64_t count) {
  const Type type = call.type(0);
  if (!call.type(2).IsDateOrTime()) return call.BadType(2);
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(type));
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    HOGLET_ASSIGN_OR_RETURN(const Vector origin, CastVector(batch.args[2], type, CastMode::kThrow));
    const Column<int64_t> in = ColumnOf<int64_t>(batch.args[0]);
    const Column<int64_t> from = ColumnOf<int64_t>(origin);
    Vector out = Vector::Flat(type, batch.rows);
    TimeReader reader(type, zone);
    for (size_t i = 0; i < batch.rows; ++i) {
      int64_t& result = out.mutable_data<int64_t>()[i];
      result = 0;
      if (!batch.live(i)) continue;
      if (in[i] < from[i])
        return Error("bad_arguments", "Source value must be greater than or equal to origin");
      // A first guess that is never too late, then forward.
      const int64_t span = reader.Moment(in[i]) - reader.Moment(from[i]);
      int64_t step = MicrosOf(unit) * count;
      if (unit == IntervalUnit::kWeek) step *= 7;
      if (unit == IntervalUnit::kMonth) step *= 31;
      if (unit == IntervalUnit::kQuarter) step *= 92;
      if (unit == IntervalUnit::kYear) step *= 366;
      int64_t steps = span / step;
      if (unit == IntervalUnit::kDay || unit == IntervalUnit::kWeek)
        steps = std::max<int64_t>(0, steps - 1);
      while (AddInterval(type, zone, unit, from[i], (steps + 1) * count) <= in[i]) ++steps;
      result = AddInterval(type, zone, unit, from[i], steps * count);
    }
    return out;
  });
}

Bound BindStartOfInterval(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 4));
  if (call.type(1).kind() != TypeKind::kInterval) return call.BadType(1);
  HOGLET_ASSIGN_OR_RETURN(const int64_t count, PositiveCount(call, 1));
  const IntervalUnit unit = call.type(1).interval_unit();
  if (call.size() >= 3 && call.type(2).IsDateOrTime()) return StartFromOrigin(call, unit, count);
  HOGLET_ASSIGN_OR_RETURN(const TimeArgument arg, TimeArgumentOf(call, 2));
  if ((arg.type.kind() == TypeKind::kDate || arg.type.kind() == TypeKind::kDate32) &&
      unit < IntervalUnit::kDay) {
    return call.BadType(0);
  }
  return StartOfInterval(arg, {unit, count});
}

// Half hours since the epoch, whatever the zone.
Bound BindTimeSlot(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_ASSIGN_OR_RETURN(const TimeArgument arg, TimeArgumentOf(call, 1, false));
  return StartOfInterval(arg, {IntervalUnit::kMinute, 30});
}

Bound BindDateTrunc(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(0));
  const auto unit = ParseIntervalUnit(name);
  if (!unit.has_value())
    return Error("bad_arguments", name, " doesn't look like datepart name in ", call.name);
  const Call rest{call.name, call.args.subspan(1), call.context, call.catalog};
  HOGLET_ASSIGN_OR_RETURN(TimeArgument arg, TimeArgumentOf(rest, 1));
  const bool is_date = arg.type.kind() == TypeKind::kDate || arg.type.kind() == TypeKind::kDate32;
  if (is_date && *unit < IntervalUnit::kSecond && call.args[1].constant.has_value() &&
      call.args[1].constant->is_null()) {
    return NullResult();
  }
  if (is_date && *unit < IntervalUnit::kDay) return call.BadType(1);
  HOGLET_ASSIGN_OR_RETURN(auto start, StartOfInterval(arg, {*unit, 1}));
  auto inner = std::shared_ptr<ScalarFunction>(std::move(start));
  return MakeFunction(inner->result_type(), [inner](const Batch& batch) {
    return inner->Evaluate(batch.context, batch.args.subspan(1, 1), {}, batch.rows);
  });
}

Bound BindToTimeZone(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  const Type& type = call.type(0);
  if (type.kind() != TypeKind::kDateTime && type.kind() != TypeKind::kDateTime64)
    return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(const std::string zone, call.ConstantString(1));
  HOGLET_RETURN_IF_ERROR(ZoneNamed(zone).status());
  return Identity(type.WithZone(zone));
}

Bound BindTimeZoneOf(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& type = call.type(0);
  if (type.kind() != TypeKind::kDateTime && type.kind() != TypeKind::kDateTime64)
    return call.BadType(0);
  const std::string zone = type.zone().empty() ? "UTC" : type.zone();
  return MakeFunction(StringType(), [zone](const Batch& batch) -> absl::StatusOr<Vector> {
    return Vector::Constant(StringType(), Datum(zone), batch.rows);
  });
}

Bound BindTimeZoneOffset(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_ASSIGN_OR_RETURN(const TimeArgument arg, TimeArgumentOf(call, 1, false));
  return MakeFunction(Type(TypeKind::kInt32), [arg](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<int64_t> in = ColumnOf<int64_t>(batch.args[0]);
    Vector out = Vector::Flat(Type(TypeKind::kInt32), batch.rows);
    TimeReader reader(arg.type, arg.zone);
    for (size_t i = 0; i < batch.rows; ++i) {
      out.mutable_data<int64_t>()[i] = batch.live(i) ? reader.Offset(reader.Moment(in[i])) : 0;
    }
    return out;
  });
}

Bound BindUnixTimestamp(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  TimeZone zone;
  if (call.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(1));
    HOGLET_ASSIGN_OR_RETURN(zone, ZoneNamed(name));
  }
  const Type& type = call.type(0);
  if (type.IsStringLike()) {
    return MapRows<int64_t, std::string_view>(
        U32(), [zone](std::string_view text) -> absl::StatusOr<int64_t> {
          const auto moment = ParseDateTimeText(text, zone);
          if (!moment.has_value())
            return Error("cannot_parse_datetime", "Cannot parse DateTime of '", text, "'");
          return Clamp(FloorDivide(*moment, kMicrosPerSecond), 0, kDateTimeMax);
        });
  }
  if (!type.IsDateOrTime()) return call.BadType(0);
  const int64_t unit = type.kind() == TypeKind::kDateTime64 ? kPow10[type.scale()] : 1;
  const bool is_date = type.kind() == TypeKind::kDate || type.kind() == TypeKind::kDate32;
  return MapRows<int64_t, int64_t>(U32(), [=](int64_t value) {
    if (is_date) return Clamp(value * 86400, 0, kDateTimeMax);
    return Clamp(FloorDivide(value, unit), 0, kDateTimeMax);
  });
}

template <int digits>
Bound BindToUnix64(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& type = call.type(0);
  if (type.kind() != TypeKind::kDateTime64) return call.BadType(0);
  const int scale = type.scale();
  return MapRows<int64_t, int64_t>(I64(), [scale](int64_t ticks) {
    return scale >= digits ? FloorDivide(ticks, kPow10[scale - digits])
                           : WrappingMultiply(ticks, kPow10[digits - scale]);
  });
}

template <int digits>
Bound BindFromUnix64(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
  if (!call.type(0).IsInteger()) return call.BadType(0);
  std::string zone;
  if (call.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(zone, call.ConstantString(1));
  }
  return MapRows<int64_t, int64_t>(Type::DateTime64(digits, zone),
                                   [](int64_t value) { return value; });
}

Bound BindFromUnix(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  if (call.size() > 1) return call.catalog.BindScalar("formatDateTime", call.args, call.context);
  if (!call.type(0).IsInteger()) return call.BadType(0);
  return MapRows<int64_t, int64_t>(Type::DateTime(), [](int64_t value) {
    return static_cast<int64_t>(static_cast<uint32_t>(value));
  });
}

Bound BindNow64(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 2));
  int64_t scale = 3;
  std::string zone;
  if (call.size() > 0) {
    HOGLET_ASSIGN_OR_RETURN(scale, call.ConstantInteger(0));
  }
  if (call.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(zone, call.ConstantString(1));
  }
  if (scale < 0 || scale > 9) return Error("argument_out_of_bound", "Scale is out of bounds");
  const Type type = Type::DateTime64(static_cast<int>(scale), zone);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    return Vector::Constant(type, Datum(MicrosToTicks(batch.context.now_us, type.scale())),
                            batch.rows);
  });
}

Bound BindNow(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 1));
  std::string zone;
  if (call.size() > 0) {
    HOGLET_ASSIGN_OR_RETURN(zone, call.ConstantString(0));
  }
  const Type type = Type::DateTime(zone);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    return Vector::Constant(type, Datum(FloorDivide(batch.context.now_us, kMicrosPerSecond)),
                            batch.rows);
  });
}

template <int days_back>
Bound BindToday(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(0, 1));
  return MakeFunction(DateType(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    return Vector::Constant(DateType(),
                            Datum(FloorDivide(batch.context.now_us, kMicrosPerDay) - days_back),
                            batch.rows);
  });
}

Bound BindMakeDate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  return MapRows<int64_t, int64_t, int64_t, int64_t>(
      DateType(), [](int64_t y, int64_t m, int64_t d) -> int64_t {
        if (y < 1970 || y > 2149 || m < 1 || m > 12 || d < 1 || d > 31) return 0;
        const int64_t day = DayNumberOf(y, static_cast<int>(m), static_cast<int>(d));
        return day > kDateMax ? 0 : day;
      });
}

Bound BindMakeDateTime(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(6, 7));
  std::string name;
  if (call.size() > 6) {
    HOGLET_ASSIGN_OR_RETURN(name, call.ConstantString(6));
  }
  for (size_t i = 0; i < 6; ++i) {
    if (!call.type(i).IsNumber()) return call.BadType(i);
  }
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneNamed(name));
  return MapRows<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t>(
      Type::DateTime(name),
      [zone](int64_t y, int64_t mo, int64_t d, int64_t h, int64_t mi, int64_t s) -> int64_t {
        if (y < 1970 || y > 2106 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 99 ||
            mi < 0 || mi > 99 || s < 0 || s > 99)
          return 0;
        CivilTime c{y,
                    static_cast<int>(mo),
                    static_cast<int>(d),
                    static_cast<int>(h),
                    static_cast<int>(mi),
                    static_cast<int>(s),
                    0};
        return Clamp(FloorDivide(FromCivil(c, zone), kMicrosPerSecond), 0, kDateTimeMax);
      });
}

Bound BindToModifiedJulian(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapRows<int64_t, std::string_view>(Type(TypeKind::kInt32).Nullable(),
                                            [](std::string_view text) -> std::optional<int64_t> {
                                              if (text.size() > 10) text = text.substr(0, 10);
                                              const auto day = ParseDate(text);
                                              if (!day.has_value()) return std::nullopt;
                                              return *day + 40587;
                                            });
}
Bound BindFromModifiedJulian(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsInteger()) return call.BadType(0);
  return MapStrings<int64_t>(StringType().Nullable(), [](int64_t day, std::string* out) {
    if (day < -678941 || day > 2973119) return false;
    AppendDate(day - 40587, out);
    return true;
  });
}

constexpr ScalarEntry kTable[] = {
    {"toYear", BindYear},
    {"toQuarter", BindQuarter},
    {"toMonth", BindMonth},
    {"toDayOfYear", BindDayOfYear},
    {"toDayOfMonth", BindDayOfMonth},
    {"toDayOfWeek", BindDayOfWeek},
    {"toHour", BindHour},
    {"toMinute", BindMinute},
    {"toSecond", BindSecond},
    {"toMillisecond", BindMillisecond},
    {"toTime", BindToTime},
    {"toStartOfYear", BindStartOfYear},
    {"toStartOfISOYear", BindStartOfIsoYear},
    {"toStartOfQuarter", BindStartOfQuarter},
    {"toStartOfMonth", BindStartOfMonth},
    {"toLastDayOfMonth", BindLastDayOfMonth},
    {"toMonday", BindMonday},
    {"toStartOfWeek", BindStartOfWeek},
    {"toLastDayOfWeek", BindLastDayOfWeek},
    {"toISOYear", BindIsoYear},
    {"toISOWeek", BindIsoWeek},
    {"toWeek", BindWeek<false>},
    {"toYearWeek", BindWeek<true>},
    {"toYYYYMM", BindYYYYMM},
    {"toYYYYMMDD", BindYYYYMMDD},
    {"toYYYYMMDDhhmmss", BindYYYYMMDDhhmmss},
    {"toRelativeMonthNum", [](const Call& c) { return BindRelative(c, 0, 1); }},
    {"toStartOfDay", BindStartWithin<kMicrosPerDay>},
    {"toStartOfHour", BindStartWithin<kMicrosPerHour>},
    {"toStartOfMinute", BindStartWithin<kMicrosPerMinute>},
    {"toStartOfFiveMinutes", BindStartWithin<5 * kMicrosPerMinute>},
    {"toStartOfTenMinutes", BindStartWithin<10 * kMicrosPerMinute>},
    {"toStartOfFifteenMinutes", BindStartWithin<15 * kMicrosPerMinute>},
    {"timeSlot", BindTimeSlot},
    {"toStartOfSecond", BindStartOfSecond},
    {"toStartOfInterval", BindStartOfInterval},
    {"dateTrunc", BindDateTrunc},
    {"date_trunc", BindDateTrunc},
    {"toTimeZone", BindToTimeZone},
    {"toTimezone", BindToTimeZone},
    {"timeZoneOf", BindTimeZoneOf, kSeesNulls},
    {"timezoneOf", BindTimeZoneOf, kSeesNulls},
    {"timeZoneOffset", BindTimeZoneOffset},
    {"timezoneOffset", BindTimeZoneOffset},
    {"toUnixTimestamp", BindUnixTimestamp},
    {"toUnixTimestamp64Milli", BindToUnix64<3>},
    {"toUnixTimestamp64Micro", BindToUnix64<6>},
    {"toUnixTimestamp64Nano", BindToUnix64<9>},
    {"fromUnixTimestamp64Milli", BindFromUnix64<3>},
    {"fromUnixTimestamp64Micro", BindFromUnix64<6>},
    {"fromUnixTimestamp64Nano", BindFromUnix64<9>},
    {"fromUnixTimestamp", BindFromUnix},
    {"now64", BindNow64, kNondeterministic},
    {"now", BindNow, kNondeterministic},
    {"nowInBlock", BindNow, kNondeterministic},
    {"today", BindToday<0>, kNondeterministic},
    {"yesterday", BindToday<1>, kNondeterministic},
    {"makeDate", BindMakeDate},
    {"makeDateTime", BindMakeDateTime},
    {"toModifiedJulianDayOrNull", BindToModifiedJulian},
    {"fromModifiedJulianDayOrNull", BindFromModifiedJulian},
};

}  // namespace

std::span<const ScalarEntry> DateTimeFunctions() { return kTable; }

}  // namespace hoglet::fn
