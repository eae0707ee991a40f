#include <cstdio>

#include "query/functions/cast.h"
#include "query/functions/datetime.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// formatDateTime, dateName and their like.

namespace hoglet::fn {
namespace {

constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};
constexpr const char* kWeekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                     "Friday", "Saturday", "Sunday"};

void AppendPadded(int64_t value, int width, std::string* out) {
  char text[24];
  std::snprintf(text, sizeof(text), "%0*lld", width, static_cast<long long>(value));
  out->append(text);
}

struct Moment {
  CivilTime civil;
  int64_t day;
  int32_t offset_seconds;
  int64_t fraction;  // in ticks of the value's scale
  int fraction_digits;
  std::string zone;
};

void AppendHour12(int hour, int width, std::string* out) {
  AppendPadded(hour % 12 == 0 ? 12 : hour % 12, width, out);
}

// One conversion; false if there is none of that letter.
bool AppendConversion(char letter, const Moment& m, std::string* out) {
  const CivilTime& c = m.civil;
  switch (letter) {
    case 'Y':
      AppendPadded(c.year, 4, out);
      return true;
    case 'y':
      AppendPadded(c.year % 100, 2, out);
      return true;
    case 'C':
      AppendPadded(c.year / 100, 2, out);
      return true;
    case 'm':
    case 'c':
      AppendPadded(c.month, 2, out);
      return true;
    case 'd':
      AppendPadded(c.day, 2, out);
      return true;
    case 'e': {
      char text[8];
      std::snprintf(text, sizeof(text), "%d", c.day);
      out->append(text);
      return true;
    }
    case 'H':
      AppendPadded(c.hour, 2, out);
      return true;
    case 'k': {
      char text[8];
      std::snprintf(text, sizeof(text), "%02d", c.hour);
      out->append(text);
      return true;
    }
    case 'I':
    case 'h':
      AppendHour12(c.hour, 2, out);
      return true;
    case 'l': {
      char text[8];
      std::snprintf(text, sizeof(text), "%02d", c.hour % 12 == 0 ? 12 : c.hour % 12);
      out->append(text);
      return true;
    }
    case 'i':
      AppendPadded(c.minute, 2, out);
      return true;
    case 'M':
      out->append(kMonths[c.month - 1]);
      return true;
    case 'b':
      out->append(kMonths[c.month - 1], 3);
      return true;
    case 's':
    case 'S':
      AppendPadded(c.second, 2, out);
      return true;
    case 'f':
      AppendPadded(m.fraction_digits > 0 ? m.fraction : 0,
                   m.fraction_digits > 0 ? m.fraction_digits : 6, out);
      return true;
    case 'p':
      out->append(c.hour < 12 ? "AM" : "PM");
      return true;
    case 'r':
      AppendHour12(c.hour, 2, out);
      out->push_back(':');
      AppendPadded(c.minute, 2, out);
      out->append(c.hour < 12 ? " AM" : " PM");
      return true;
    case 'R':
      AppendPadded(c.hour, 2, out);
      out->push_back(':');
      AppendPadded(c.minute, 2, out);
      return true;
    case 'T':
      AppendConversion('R', m, out);
      out->push_back(':');
      AppendPadded(c.second, 2, out);
      return true;
    case 'D':
      AppendPadded(c.month, 2, out);
      out->push_back('/');
      AppendPadded(c.day, 2, out);
      out->push_back('/');
      AppendPadded(c.year % 100, 2, out);
      return true;
    case 'F':
      AppendDate(m.day, out);
      return true;
    case 'j':
      AppendPadded(DayOfYear(m.day), 3, out);
      return true;
    case 'u':
      AppendPadded(IsoWeekday(m.day), 1, out);
      return true;
    case 'w':
      AppendPadded(IsoWeekday(m.day) % 7, 1, out);
      return true;
    case 'W':
      out->append(kWeekdays[IsoWeekday(m.day) - 1]);
      return true;
    case 'a':
      out->append(kWeekdays[IsoWeekday(m.day) - 1], 3);
      return true;
    case 'V':
      AppendPadded(IsoWeek(m.day), 2, out);
      return true;
    case 'G':
    case 'g': {
      int64_t year;
      IsoWeek(m.day, &year);
      AppendPadded(letter == 'G' ? year : year % 100, letter == 'G' ? 4 : 2, out);
      return true;
    }
    case 'Q':
      AppendPadded((c.month + 2) / 3, 1, out);
      return true;
    case 'z': {
      const int minutes = m.offset_seconds / 60;
      out->push_back(minutes < 0 ? '-' : '+');
      AppendPadded(std::abs(minutes) / 60, 2, out);
      AppendPadded(std::abs(minutes) % 60, 2, out);
      return true;
    }
    case 'n':
      out->push_back('\n');
      return true;
    case 't':
      out->push_back('\t');
      return true;
    case '%':
      out->push_back('%');
      return true;
    default:
      return false;
  }
}

absl::Status Format(std::string_view format, const Moment& moment, std::string* out) {
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out->push_back(format[i]);
      continue;
    }
    if (++i == format.size())
      return Error("bad_arguments", "Trailing '%' in format '", format, "'");
    if (!AppendConversion(format[i], moment, out)) {
      return Error("not_implemented", "Wrong syntax '", format, "', unexpected '",
                   format.substr(i, 1), "'");
    }
  }
  return absl::OkStatus();
}

Moment MomentOf(const Type& type, int64_t value, TimeReader* reader) {
  Moment m;
  const int64_t local = reader->Local(value);
  m.civil = CivilFromLocalMicros(local);
  m.day = FloorDivide(local, kMicrosPerDay);
  m.offset_seconds = reader->is_date() ? 0 : reader->Offset(reader->Moment(value));
  m.fraction = 0;
  m.fraction_digits = 0;
  if (type.kind() == TypeKind::kDateTime64) {
    m.fraction_digits = type.scale();
    m.fraction = value - FloorDivide(value, kPow10[type.scale()]) * kPow10[type.scale()];
  }
  return m;
}

absl::StatusOr<Type> FormattedType(const Call& call, TimeZone* zone) {
  Type type = call.type(0);
  if (type.IsInteger()) type = Type::DateTime();  // unix seconds
  if (!type.IsDateOrTime()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(*zone, ZoneOf(type));
  if (call.size() > 2) {
    HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(2));
    HOGLET_ASSIGN_OR_RETURN(*zone, ZoneNamed(name));
  }
  return type;
}

Bound BindFormat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  if (!call.type(1).IsStringLike()) return call.BadType(1);
  TimeZone zone;
  HOGLET_ASSIGN_OR_RETURN(const Type type, FormattedType(call, &zone));
  return MakeFunction(StringType(), [type, zone](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<int64_t> in(batch.args[0]);
    const Column<std::string_view> format = ColumnOf<std::string_view>(batch.args[1]);
    StringWriter writer(StringType(), batch.rows);
    TimeReader reader(type, zone);
    std::string scratch;
    for (size_t i = 0; i < batch.rows; ++i) {
      if (!batch.live(i)) continue;
      scratch.clear();
      HOGLET_RETURN_IF_ERROR(Format(format[i], MomentOf(type, in[i], &reader), &scratch));
      writer.Set(i, scratch);
    }
    return writer.Take();
  });
}

Bound BindMonthName(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsDateOrTime()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(call.type(0)));
  return MakeFunction(
      StringType(), [type = call.type(0), zone](const Batch& batch) -> absl::StatusOr<Vector> {
        const Column<int64_t> in = ColumnOf<int64_t>(batch.args[0]);
        StringWriter writer(StringType(), batch.rows);
        TimeReader reader(type, zone);
        for (size_t i = 0; i < batch.rows; ++i) {
          if (batch.live(i))
            writer.SetView(i, kMonths[CivilFromLocalMicros(reader.Local(in[i])).month - 1]);
        }
        return writer.Take();
      });
}

Bound BindDateName(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_ASSIGN_OR_RETURN(const std::string part, call.ConstantString(0));
  const std::string unit = AsciiLower(part);
  const std::pair<const char*, const char*> parts[] = {
      {"year", "%Y"}, {"quarter", "%Q"}, {"month", "%M"}, {"dayofyear", "%j"}, {"day", "%e"},
      {"week", "%V"}, {"weekday", "%W"}, {"hour", "%k"},  {"minute", "%i"},    {"second", "%s"}};
  std::string format;
  for (const auto& [name, conversion] : parts) {
    if (unit == name) format = conversion;
  }
  if (format.empty())
    return Error("bad_arguments", "Invalid date part '", part, "' for function dateName");
  const Type type = call.type(1);
  if (!type.IsDateOrTime()) return call.BadType(1);
  HOGLET_ASSIGN_OR_RETURN(TimeZone zone, ZoneOf(type));
  if (call.size() > 2) {
    HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(2));
    HOGLET_ASSIGN_OR_RETURN(zone, ZoneNamed(name));
  }
  const bool name = format == "%M" || format == "%W";
  return MakeFunction(StringType(), [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<int64_t> in = ColumnOf<int64_t>(batch.args[1]);
    StringWriter writer(StringType(), batch.rows);
    TimeReader reader(type, zone);
    std::string scratch;
    for (size_t i = 0; i < batch.rows; ++i) {
      if (!batch.live(i)) continue;
      scratch.clear();
      HOGLET_RETURN_IF_ERROR(Format(format, MomentOf(type, in[i], &reader), &scratch));
      // Numbers without padding.
      size_t skip = 0;
      while (!name && skip + 1 < scratch.size() && (scratch[skip] == ' ' || scratch[skip] == '0'))
        ++skip;
      writer.Set(i, std::string_view(scratch).substr(skip));
    }
    return writer.Take();
  });
}

constexpr ScalarEntry kTable[] = {
    {"formatDateTime", BindFormat},
    {"DATE_FORMAT", BindFormat},
    {"monthName", BindMonthName},
    {"dateName", BindDateName},
};

}  // namespace

std::span<const ScalarEntry> DateFormatFunctions() { return kTable; }

}  // namespace hoglet::fn
