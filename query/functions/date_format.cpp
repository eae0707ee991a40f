#include <algorithm>
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

void AppendHour12(int hour, std::string* out) {
  AppendPadded(hour % 12 == 0 ? 12 : hour % 12, 2, out);
}

void AppendAll(std::string_view format, const Moment& moment, std::string* out);

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
    case 'e':
      AppendPadded(c.day, 1, out);
      return true;
    case 'H':
    case 'k':
      AppendPadded(c.hour, 2, out);
      return true;
    case 'I':
    case 'h':
    case 'l':
      AppendHour12(c.hour, out);
      return true;
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
      AppendAll("%I:%i %p", m, out);
      return true;
    case 'R':
      AppendAll("%H:%i", m, out);
      return true;
    case 'T':
      AppendAll("%H:%i:%S", m, out);
      return true;
    case 'D':
      AppendAll("%m/%d/%y", m, out);
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

// A format of ours, whose letters all exist.
void AppendAll(std::string_view format, const Moment& moment, std::string* out) {
  const absl::Status status = Format(format, moment, out);
  HOGLET_ASSERT(status.ok());
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

// A text of each date or time in argument `at`: append(row, moment, std::string*) returns
// absl::Status.
template <typename F>
Bound TextOfMoments(const Type& type, const TimeZone& zone, size_t at, F append) {
  return MakeFunction(StringType(), [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<int64_t> in(batch.args[at]);
    StringWriter writer(StringType(), batch.rows);
    TimeReader reader(type, zone);
    std::string text;
    for (size_t i = 0; i < batch.rows; ++i) {
      if (!batch.live(i)) continue;
      text.clear();
      HOGLET_RETURN_IF_ERROR(append(batch, i, MomentOf(type, in[i], &reader), &text));
      writer.Set(i, text);
    }
    return writer.Take();
  });
}

Bound BindFormat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  if (!call.type(1).IsStringLike()) return call.BadType(1);
  TimeZone zone;
  HOGLET_ASSIGN_OR_RETURN(const Type type, FormattedType(call, &zone));
  return TextOfMoments(type, zone, 0,
                       [](const Batch& batch, size_t row, const Moment& moment, std::string* out) {
                         return Format(ColumnOf<std::string_view>(batch.args[1])[row], moment, out);
                       });
}

Bound BindMonthName(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsDateOrTime()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneOf(call.type(0)));
  return TextOfMoments(call.type(0), zone, 0,
                       [](const Batch&, size_t, const Moment& moment, std::string* out) {
                         return Format("%M", moment, out);
                       });
}

// The conversion of a part of a date; empty if there is no such part.
std::string_view ConversionOf(std::string_view unit) {
  constexpr std::pair<std::string_view, std::string_view> kParts[] = {
      {"year", "%Y"}, {"quarter", "%Q"}, {"month", "%M"}, {"dayofyear", "%j"}, {"day", "%e"},
      {"week", "%V"}, {"weekday", "%W"}, {"hour", "%k"},  {"minute", "%i"},    {"second", "%s"}};
  for (const auto& [name, conversion] : kParts) {
    if (unit == name) return conversion;
  }
  return {};
}

Bound BindDateName(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_ASSIGN_OR_RETURN(const std::string part, call.ConstantString(0));
  const std::string_view format = ConversionOf(AsciiLower(part));
  if (format.empty())
    return Error("bad_arguments", "Invalid date part '", part, "' for function dateName");
  const Type type = call.type(1);
  if (!type.IsDateOrTime()) return call.BadType(1);
  HOGLET_ASSIGN_OR_RETURN(TimeZone zone, ZoneOf(type));
  if (call.size() > 2) {
    HOGLET_ASSIGN_OR_RETURN(const std::string name, call.ConstantString(2));
    HOGLET_ASSIGN_OR_RETURN(zone, ZoneNamed(name));
  }
  const bool is_name = format == "%M" || format == "%W";
  return TextOfMoments(
      type, zone, 1,
      [=](const Batch&, size_t, const Moment& moment, std::string* out) -> absl::Status {
        HOGLET_RETURN_IF_ERROR(Format(format, moment, out));
        // Numbers without padding.
        if (!is_name) out->erase(0, std::min(out->find_first_not_of('0'), out->size() - 1));
        return absl::OkStatus();
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
