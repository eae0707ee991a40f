#include "absl/strings/ascii.h"
#include "query/functions/cast.h"
#include "query/functions/datetime.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "query/functions/wrapping.h"

// Intervals, addition of units, differences.

namespace hoglet::fn {

std::optional<IntervalUnit> ParseIntervalUnit(std::string_view name) {
  std::string unit = AsciiLower(name);
  if (unit.size() > 2 && unit.back() == 's' && unit != "s" && unit != "ms" && unit != "us" &&
      unit != "ns")
    unit.pop_back();
  struct Alias {
    const char* name;
    IntervalUnit unit;
  };
  static constexpr Alias kAliases[] = {{"nanosecond", IntervalUnit::kNanosecond},
                                       {"ns", IntervalUnit::kNanosecond},
                                       {"microsecond", IntervalUnit::kMicrosecond},
                                       {"us", IntervalUnit::kMicrosecond},
                                       {"u", IntervalUnit::kMicrosecond},
                                       {"millisecond", IntervalUnit::kMillisecond},
                                       {"ms", IntervalUnit::kMillisecond},
                                       {"second", IntervalUnit::kSecond},
                                       {"ss", IntervalUnit::kSecond},
                                       {"s", IntervalUnit::kSecond},
                                       {"sec", IntervalUnit::kSecond},
                                       {"minute", IntervalUnit::kMinute},
                                       {"mi", IntervalUnit::kMinute},
                                       {"n", IntervalUnit::kMinute},
                                       {"min", IntervalUnit::kMinute},
                                       {"hour", IntervalUnit::kHour},
                                       {"hh", IntervalUnit::kHour},
                                       {"h", IntervalUnit::kHour},
                                       {"day", IntervalUnit::kDay},
                                       {"dd", IntervalUnit::kDay},
                                       {"d", IntervalUnit::kDay},
                                       {"week", IntervalUnit::kWeek},
                                       {"wk", IntervalUnit::kWeek},
                                       {"ww", IntervalUnit::kWeek},
                                       {"w", IntervalUnit::kWeek},
                                       {"month", IntervalUnit::kMonth},
                                       {"mm", IntervalUnit::kMonth},
                                       {"m", IntervalUnit::kMonth},
                                       {"quarter", IntervalUnit::kQuarter},
                                       {"qq", IntervalUnit::kQuarter},
                                       {"q", IntervalUnit::kQuarter},
                                       {"year", IntervalUnit::kYear},
                                       {"yyyy", IntervalUnit::kYear},
                                       {"yy", IntervalUnit::kYear},
                                       {"y", IntervalUnit::kYear}};
  for (const Alias& alias : kAliases) {
    if (unit == alias.name) return alias.unit;
  }
  return std::nullopt;
}

Type AddedType(const Type& type, IntervalUnit unit) {
  const bool is_date = type.kind() == TypeKind::kDate || type.kind() == TypeKind::kDate32;
  if (unit >= IntervalUnit::kDay) return type;
  const int scale = unit == IntervalUnit::kMillisecond   ? 3
                    : unit == IntervalUnit::kMicrosecond ? 6
                    : unit == IntervalUnit::kNanosecond  ? 9
                                                         : 0;
  if (is_date) {
    if (scale > 0) return Type::DateTime64(scale);
    return type.kind() == TypeKind::kDate ? Type::DateTime() : Type::DateTime64(0);
  }
  if (type.kind() == TypeKind::kDateTime)
    return scale > 0 ? Type::DateTime64(scale, type.zone()) : type;
  return type.scale() < scale ? Type::DateTime64(scale, type.zone()) : type;
}

namespace {

constexpr int64_t kDaysMax = 100'000'000;

int64_t AddMonths(int64_t day, int64_t months) {
  int64_t year;
  int month, in_month;
  CivilFromDayNumber(day, &year, &month, &in_month);
  const int64_t index = year * 12 + month - 1 + months;
  year = FloorDivide(index, 12);
  month = static_cast<int>(index - year * 12) + 1;
  return DayNumberOf(year, month, std::min(in_month, DaysInMonth(year, month)));
}

// Days later on the calendar, for units of a day and more.
int64_t AddToDay(int64_t day, IntervalUnit unit, int64_t count) {
  switch (unit) {
    case IntervalUnit::kDay:
      return day + count;
    case IntervalUnit::kWeek:
      return day + 7 * count;
    case IntervalUnit::kMonth:
      return AddMonths(day, count);
    case IntervalUnit::kQuarter:
      return AddMonths(day, 3 * count);
    default:
      return AddMonths(day, 12 * count);
  }
}

int64_t NanosOf(IntervalUnit unit) {
  switch (unit) {
    case IntervalUnit::kNanosecond:
      return 1;
    case IntervalUnit::kMicrosecond:
      return 1000;
    case IntervalUnit::kMillisecond:
      return 1000000;
    case IntervalUnit::kSecond:
      return 1000000000;
    case IntervalUnit::kMinute:
      return 60000000000;
    default:
      return 3600000000000;
  }
}

}  // namespace

int64_t AddInterval(const Type& type, const TimeZone& zone, IntervalUnit unit, int64_t value,
                    int64_t count) {
  count = Clamp(count, -100'000'000'000, 100'000'000'000);
  const Type result = AddedType(type, unit);
  const bool is_date = type.kind() == TypeKind::kDate || type.kind() == TypeKind::kDate32;
  if (unit >= IntervalUnit::kDay) {
    count = Clamp(count, -4'000'000, 4'000'000);
    if (is_date) {
      const int64_t day = AddToDay(value, unit, count);
      return type.kind() == TypeKind::kDate ? static_cast<uint16_t>(day)
                                            : Clamp(day, kDate32Min, kDate32Max);
    }
    const int64_t unit_ticks = type.kind() == TypeKind::kDateTime64 ? kPow10[type.scale()] : 1;
    const int64_t seconds = FloorDivide(value, unit_ticks);
    const int64_t rest = value - seconds * unit_ticks;
    const int64_t local =
        seconds * kMicrosPerSecond +
        int64_t{zone.OffsetSeconds(seconds * kMicrosPerSecond)} * kMicrosPerSecond;
    const int64_t day = FloorDivide(local, kMicrosPerDay);
    // Days whose microseconds are numbers; no result can show one outside them.
    const int64_t moved_day = Clamp(AddToDay(day, unit, count), -kDaysMax, kDaysMax);
    const int64_t moved = moved_day * kMicrosPerDay + (local - day * kMicrosPerDay);
    const int64_t moment = FloorDivide(MomentOfLocal(moved, zone), kMicrosPerSecond);
    if (type.kind() == TypeKind::kDateTime) return static_cast<uint32_t>(moment);
    // Nanoseconds of a far day wrap, as ClickHouse's do.
    return WrappingAdd(WrappingMultiply(moment, unit_ticks), rest);
  }
  // Exact durations, in ticks of the result.
  const int scale = result.kind() == TypeKind::kDateTime64 ? result.scale() : 0;
  Int128 ticks = value;
  if (is_date) {
    ticks = static_cast<Int128>(value) * 86400 * kPow10[scale];
  } else if (type.kind() != TypeKind::kDateTime64) {
    ticks *= kPow10[scale];
  } else {
    ticks *= kPow10[scale - type.scale()];
  }
  const Int128 nanos = static_cast<Int128>(NanosOf(unit)) * count;
  ticks += nanos / kPow10[9 - scale];
  if (result.kind() == TypeKind::kDateTime)
    return static_cast<uint32_t>(static_cast<int64_t>(ticks));
  return static_cast<int64_t>(ticks);
}

namespace {

Bound AddUnits(const Type& type, IntervalUnit unit, size_t time_at, size_t count_at, int sign) {
  const Type result = AddedType(type, unit);
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(type));
  return MakeFunction(result, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<int64_t> time(batch.args[time_at]);
    const Input<int64_t> count(batch.args[count_at]);
    Vector out = Vector::Flat(result, batch.rows);
    auto* data = out.mutable_data<int64_t>();
    for (size_t i = 0; i < batch.rows; ++i) {
      data[i] = batch.live(i) ? AddInterval(type, zone, unit, time[i],
                                            WrappingMultiply<int64_t>(sign, count[i]))
                              : 0;
    }
    return out;
  });
}

}  // namespace

Bound BindAddInterval(const Call& call, size_t time_at, size_t interval_at, int sign) {
  const Type& interval = call.type(interval_at);
  Type type = call.type(time_at);
  if (interval.kind() == TypeKind::kInterval)
    return AddUnits(type, interval.interval_unit(), time_at, interval_at, sign);
  // A tuple of intervals: one after the other.
  struct Step {
    Type type;
    TimeZone zone;
    IntervalUnit unit;
  };
  std::vector<Step> steps;
  for (const Type& child : interval.children()) {
    HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(type));
    steps.push_back({type, zone, child.interval_unit()});
    type = AddedType(type, child.interval_unit());
  }
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<int64_t> time(batch.args[time_at]);
    const Vector intervals = batch.args[interval_at].Flatten();
    Vector out = Vector::Flat(type, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      int64_t value = time[i];
      for (size_t s = 0; s < steps.size() && batch.live(i); ++s) {
        const Vector& counts = intervals.children()[s];
        value = AddInterval(steps[s].type, steps[s].zone, steps[s].unit, value,
                            sign * counts.data<int64_t>()[counts.Position(i)]);
      }
      out.mutable_data<int64_t>()[i] = value;
    }
    return out;
  });
}

namespace {

// Text in place of a time is read first.
Bound BindAddUnits(const Call& call, IntervalUnit unit, int sign) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  if (!call.type(1).IsNumber()) return call.BadType(1);
  if (!call.type(0).IsDateOrTime()) return call.BadType(0);
  return AddUnits(call.type(0), unit, 0, 1, sign);
}

template <IntervalUnit unit, int sign>
Bound BindAdd(const Call& call) {
  return BindAddUnits(call, unit, sign);
}

template <int sign>
Bound BindDateAdd(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  if (call.size() == 3) {
    HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(0));
    const auto unit = ParseIntervalUnit(name);
    if (!unit.has_value()) return Error("bad_arguments", "Unknown unit ", name);
    if (!call.type(2).IsDateOrTime()) return call.BadType(2);
    return AddUnits(call.type(2), *unit, 2, 1, sign);
  }
  const FunctionArgument args[] = {call.args[0], call.args[1]};
  return call.catalog.BindScalar(sign > 0 ? "plus" : "minus", args, call.context);
}

template <IntervalUnit unit>
Bound BindToInterval(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (call.type(0).IsStringLike()) {
    return MapRows<int64_t, std::string_view>(
        Type::Interval(unit), [](std::string_view text) -> absl::StatusOr<int64_t> {
          const auto count = ParseInteger(text, I64());
          if (!count.has_value())
            return Error("cannot_parse_text", "Cannot parse '", text, "' as a count of units");
          return static_cast<int64_t>(*count);
        });
  }
  if (!call.type(0).IsNumber() && call.type(0).kind() != TypeKind::kInterval)
    return call.BadType(0);
  return MapRows<int64_t, int64_t>(Type::Interval(unit), [](int64_t n) { return n; });
}

struct TimePair {
  Type types[2];
  TimeZone zones[2];
};

absl::StatusOr<TimePair> TimesOf(const Call& call, size_t first) {
  TimePair pair;
  for (size_t i = 0; i < 2; ++i) {
    pair.types[i] = call.type(first + i);
    if (!pair.types[i].IsDateOrTime()) return call.BadType(first + i);
    HOGLET_ASSIGN_OR_RETURN(pair.zones[i], ZoneOf(pair.types[i]));
    if (call.size() > first + 2) {
      HOGLET_ASSIGN_OR_RETURN(const std::string zone, call.ConstantString(first + 2));
      HOGLET_ASSIGN_OR_RETURN(pair.zones[i], ZoneNamed(zone));
    }
  }
  return pair;
}

// The number of the unit that holds the moment, so that differences count boundaries.
int64_t UnitNumber(IntervalUnit unit, int64_t value, TimeReader* reader) {
  if (unit >= IntervalUnit::kDay) {
    const int64_t day = reader->Day(value);
    if (unit == IntervalUnit::kDay) return day;
    if (unit == IntervalUnit::kWeek) return FloorDivide(day + 3, 7);
    int64_t year;
    int month, in_month;
    CivilFromDayNumber(day, &year, &month, &in_month);
    if (unit == IntervalUnit::kYear) return year;
    return unit == IntervalUnit::kQuarter ? year * 4 + (month - 1) / 3 : year * 12 + month - 1;
  }
  const int64_t moment = reader->Moment(value);
  switch (unit) {
    case IntervalUnit::kHour: {
      // Cut by the clock's hours: zones off by half an hour have their boundaries elsewhere.
      const int64_t part = reader->is_date() ? 0 : reader->Offset(moment) % 3600;
      return FloorDivide(moment + part * kMicrosPerSecond, kMicrosPerHour);
    }
    case IntervalUnit::kMinute:
      return FloorDivide(moment, kMicrosPerMinute);
    case IntervalUnit::kSecond:
      return FloorDivide(moment, kMicrosPerSecond);
    case IntervalUnit::kMillisecond:
      return FloorDivide(moment, 1000);
    case IntervalUnit::kMicrosecond:
      return moment;
    default:
      return moment * 1000;
  }
}

// Whole weeks from a to b, local times: the weeks' numbers apart, one less if the last is not full.
// Whether it is full ClickHouse tells from a's weekday even when b is the earlier one.
int64_t WholeWeeks(int64_t a, int64_t b) {
  const int64_t day_a = FloorDivide(a, kMicrosPerDay);
  const int64_t day_b = FloorDivide(b, kMicrosPerDay);
  const int weekday_a = IsoWeekday(day_a);
  const int weekday_b = IsoWeekday(day_b);
  const int64_t weeks = (day_b - weekday_b - (day_a - weekday_a)) / 7;
  const int64_t time_a = a - day_a * kMicrosPerDay;
  const int64_t time_b = b - day_b * kMicrosPerDay;
  const bool later = a <= b ? time_a > time_b : time_b > time_a;
  const bool partial = weekday_a > weekday_b || (weekday_a == weekday_b && later);
  return weeks - (partial ? (a <= b ? 1 : -1) : 0);
}

// Whole units from a to b.
int64_t WholeUnits(IntervalUnit unit, int64_t a, int64_t b, TimeReader* ra, TimeReader* rb) {
  if (unit < IntervalUnit::kDay) {
    const int64_t span = rb->Moment(b) - ra->Moment(a);
    switch (unit) {
      case IntervalUnit::kHour:
        return span / kMicrosPerHour;
      case IntervalUnit::kMinute:
        return span / kMicrosPerMinute;
      case IntervalUnit::kSecond:
        return span / kMicrosPerSecond;
      case IntervalUnit::kMillisecond:
        return span / 1000;
      case IntervalUnit::kMicrosecond:
        return span;
      default:
        return span * 1000;
    }
  }
  const int64_t la = ra->Local(a);
  const int64_t lb = rb->Local(b);
  if (unit == IntervalUnit::kWeek) return WholeWeeks(la, lb);
  if (la > lb) return -WholeUnits(unit, b, a, rb, ra);
  if (unit == IntervalUnit::kDay) return (lb - la) / kMicrosPerDay;
  const CivilTime ca = CivilFromLocalMicros(la);
  const CivilTime cb = CivilFromLocalMicros(lb);
  int64_t months = (cb.year - ca.year) * 12 + cb.month - ca.month;
  const int64_t da = FloorDivide(la, kMicrosPerDay);
  const int64_t db = FloorDivide(lb, kMicrosPerDay);
  const bool earlier =
      cb.day < ca.day || (cb.day == ca.day && lb - db * kMicrosPerDay < la - da * kMicrosPerDay);
  if (earlier) --months;
  return unit == IntervalUnit::kMonth     ? months
         : unit == IntervalUnit::kQuarter ? months / 3
                                          : months / 12;
}

template <bool age>
Bound BindDiff(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 4));
  HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(0));
  const auto unit = ParseIntervalUnit(name);
  if (!unit.has_value())
    return Error("bad_arguments", "Function ", call.name, " does not support '", name, "' unit");
  HOGLET_ASSIGN_OR_RETURN(const TimePair pair, TimesOf(call, 1));
  return MakeFunction(I64(), [pair, unit = *unit](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<int64_t> a = ColumnOf<int64_t>(batch.args[1]);
    const Column<int64_t> b = ColumnOf<int64_t>(batch.args[2]);
    TimeReader ra(pair.types[0], pair.zones[0]);
    TimeReader rb(pair.types[1], pair.zones[1]);
    Vector out = Vector::Flat(I64(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      int64_t& result = out.mutable_data<int64_t>()[i];
      result = 0;
      if (!batch.live(i)) continue;
      result = age ? WholeUnits(unit, a[i], b[i], &ra, &rb)
                   : UnitNumber(unit, b[i], &rb) - UnitNumber(unit, a[i], &ra);
    }
    return out;
  });
}

// The time argument of a window function, in the zone that argument `zone_at` names, if given.
absl::StatusOr<Type> WindowTime(const Call& call, size_t zone_at) {
  const Type& type = call.type(0);
  if (type.kind() != TypeKind::kDateTime) return call.BadType(0);
  if (call.size() <= zone_at) return type;
  HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(zone_at));
  HOGLET_RETURN_IF_ERROR(ZoneNamed(name).status());
  return type.WithZone(name);
}

absl::StatusOr<Vector> WindowStart(const ScalarFunction& start, const Type& type,
                                   const Batch& batch) {
  Vector args[] = {batch.args[0], batch.args[1]};
  args[0].set_type(args[0].type().nullable() ? type.Nullable() : type);
  return start.Evaluate(batch.context, args, {}, batch.rows);
}

// tumble and hop windows: [start, end) of fixed length or calendar units.
template <int part>  // 0 both, 1 start, 2 end
Bound BindTumble(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_ASSIGN_OR_RETURN(const Type type, WindowTime(call, 2));
  if (call.type(1).kind() != TypeKind::kInterval) return call.BadType(1);
  const IntervalUnit unit = call.type(1).interval_unit();
  HOGLET_ASSIGN_OR_RETURN(const int64_t count, call.ConstantInteger(1));
  const FunctionArgument args[] = {{type}, call.args[1]};
  HOGLET_ASSIGN_OR_RETURN(auto start, BindOther(call, "toStartOfInterval", args));
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(type));
  const Type edge = start->result_type();
  const Type result = part == 0 ? Type::Tuple({edge, edge}) : edge;
  return MakeFunction(result, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    HOGLET_ASSIGN_OR_RETURN(Vector begin, WindowStart(*start, type, batch));
    begin = begin.Flatten();
    if (part == 1) return begin;
    Vector end = Vector::Flat(edge, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      end.mutable_data<int64_t>()[i] =
          AddInterval(edge, zone, unit, begin.data<int64_t>()[i], count);
    }
    if (part == 2) return end;
    return Vector::TupleOf(result, {begin, end}, batch.rows);
  });
}

// hop(time, hop, window): the last window that holds the moment... the earliest one still open.
template <int part>
Bound BindHop(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 4));
  HOGLET_ASSIGN_OR_RETURN(const Type type, WindowTime(call, 3));
  HOGLET_ASSIGN_OR_RETURN(const int64_t hop, call.ConstantInteger(1));
  HOGLET_ASSIGN_OR_RETURN(const int64_t window, call.ConstantInteger(2));
  if (hop <= 0 || window <= 0) return Error("argument_out_of_bound", "Interval must be positive");
  const FunctionArgument args[] = {{type}, call.args[1]};
  HOGLET_ASSIGN_OR_RETURN(auto start, BindOther(call, "toStartOfInterval", args));
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(type));
  const IntervalUnit hop_unit = call.type(1).interval_unit();
  const IntervalUnit window_unit = call.type(2).interval_unit();
  const Type edge = start->result_type();
  const Type result = part == 0 ? Type::Tuple({edge, edge}) : edge;
  return MakeFunction(result, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<int64_t> in = ColumnOf<int64_t>(batch.args[0]);
    HOGLET_ASSIGN_OR_RETURN(
        Vector base, start->Evaluate(batch.context, batch.args.subspan(0, 2), {}, batch.rows));
    base = base.Flatten();
    Vector begin = Vector::Flat(edge, batch.rows);
    Vector end = Vector::Flat(edge, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      int64_t stop = AddInterval(edge, zone, hop_unit, base.data<int64_t>()[i], hop);
      // Back by hops while the moment is still inside.
      while (true) {
        const int64_t earlier = AddInterval(edge, zone, hop_unit, stop, -hop);
        if (batch.live(i) && earlier > in[i] && stop - earlier > 0)
          stop = earlier;
        else
          break;
      }
      end.mutable_data<int64_t>()[i] = stop;
      begin.mutable_data<int64_t>()[i] = AddInterval(edge, zone, window_unit, stop, -window);
    }
    if (part == 1) return begin;
    if (part == 2) return end;
    return Vector::TupleOf(result, {begin, end}, batch.rows);
  });
}

// timeSlots(start, duration[, size]): the slots of half an hour, or `size` seconds, that the span
// touches.
Bound BindTimeSlots(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  if (call.type(0).kind() != TypeKind::kDateTime) return call.BadType(0);
  if (call.type(1).kind() != TypeKind::kUInt32) return call.BadType(1);
  int64_t size = 1800;
  if (call.size() > 2) {
    HOGLET_ASSIGN_OR_RETURN(size, call.ConstantInteger(2));
  }
  if (size <= 0)
    return Error("illegal_column",
                 "Third argument of function timeSlots must be greater than zero");
  return MapDatums(
      Type::Array(call.type(0)), [size](std::span<const Datum> args) -> absl::StatusOr<Datum> {
        std::vector<Datum> slots;
        const int64_t start = args[0].integer();
        if (args[1].integer() / size > 1'000'000)
          return Error("argument_out_of_bound", "Too many time slots");
        for (int64_t slot = start / size; slot <= (start + args[1].integer()) / size; ++slot)
          slots.emplace_back(slot * size);
        return Datum(std::move(slots));
      });
}

constexpr ScalarEntry kTable[] = {
    {"addNanoseconds", BindAdd<IntervalUnit::kNanosecond, 1>},
    {"subtractNanoseconds", BindAdd<IntervalUnit::kNanosecond, -1>},
    {"addMicroseconds", BindAdd<IntervalUnit::kMicrosecond, 1>},
    {"subtractMicroseconds", BindAdd<IntervalUnit::kMicrosecond, -1>},
    {"addMilliseconds", BindAdd<IntervalUnit::kMillisecond, 1>},
    {"subtractMilliseconds", BindAdd<IntervalUnit::kMillisecond, -1>},
    {"addSeconds", BindAdd<IntervalUnit::kSecond, 1>},
    {"subtractSeconds", BindAdd<IntervalUnit::kSecond, -1>},
    {"addMinutes", BindAdd<IntervalUnit::kMinute, 1>},
    {"subtractMinutes", BindAdd<IntervalUnit::kMinute, -1>},
    {"addHours", BindAdd<IntervalUnit::kHour, 1>},
    {"subtractHours", BindAdd<IntervalUnit::kHour, -1>},
    {"addDays", BindAdd<IntervalUnit::kDay, 1>},
    {"subtractDays", BindAdd<IntervalUnit::kDay, -1>},
    {"addWeeks", BindAdd<IntervalUnit::kWeek, 1>},
    {"subtractWeeks", BindAdd<IntervalUnit::kWeek, -1>},
    {"addMonths", BindAdd<IntervalUnit::kMonth, 1>},
    {"subtractMonths", BindAdd<IntervalUnit::kMonth, -1>},
    {"addQuarters", BindAdd<IntervalUnit::kQuarter, 1>},
    {"subtractQuarters", BindAdd<IntervalUnit::kQuarter, -1>},
    {"addYears", BindAdd<IntervalUnit::kYear, 1>},
    {"subtractYears", BindAdd<IntervalUnit::kYear, -1>},
    {"dateAdd", BindDateAdd<1>},
    {"date_add", BindDateAdd<1>},
    {"timestampAdd", BindDateAdd<1>},
    {"timeStampAdd", BindDateAdd<1>},
    {"timestamp_add", BindDateAdd<1>},
    {"dateSub", BindDateAdd<-1>},
    {"date_sub", BindDateAdd<-1>},
    {"timestampSub", BindDateAdd<-1>},
    {"timeStampSub", BindDateAdd<-1>},
    {"timestamp_sub", BindDateAdd<-1>},
    {"toIntervalNanosecond", BindToInterval<IntervalUnit::kNanosecond>},
    {"toIntervalMicrosecond", BindToInterval<IntervalUnit::kMicrosecond>},
    {"toIntervalMillisecond", BindToInterval<IntervalUnit::kMillisecond>},
    {"toIntervalSecond", BindToInterval<IntervalUnit::kSecond>},
    {"toIntervalMinute", BindToInterval<IntervalUnit::kMinute>},
    {"toIntervalHour", BindToInterval<IntervalUnit::kHour>},
    {"toIntervalDay", BindToInterval<IntervalUnit::kDay>},
    {"toIntervalWeek", BindToInterval<IntervalUnit::kWeek>},
    {"toIntervalMonth", BindToInterval<IntervalUnit::kMonth>},
    {"toIntervalQuarter", BindToInterval<IntervalUnit::kQuarter>},
    {"toIntervalYear", BindToInterval<IntervalUnit::kYear>},
    {"dateDiff", BindDiff<false>},
    {"date_diff", BindDiff<false>},
    {"timestampDiff", BindDiff<false>},
    {"age", BindDiff<true>},
    {"tumble", BindTumble<0>},
    {"tumbleStart", BindTumble<1>},
    {"tumbleEnd", BindTumble<2>},
    {"hop", BindHop<0>},
    {"hopStart", BindHop<1>},
    {"hopEnd", BindHop<2>},
    {"timeSlots", BindTimeSlots},
};

}  // namespace

std::span<const ScalarEntry> DateArithmeticFunctions() { return kTable; }

}  // namespace hoglet::fn
