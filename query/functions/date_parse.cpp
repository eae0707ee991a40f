#include "absl/strings/ascii.h"
#include "query/functions/datetime.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// Reading dates and times: strict, best effort, and by a format.

namespace hoglet::fn {
namespace {

// A cursor over text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  char peek(size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void skip(size_t count = 1) { at_ += count; }
  bool Take(char c) {
    if (peek() != c || done()) return false;
    ++at_;
    return true;
  }
  std::string_view Digits(size_t max) {
    const size_t begin = at_;
    while (!done() && at_ - begin < max && absl::ascii_isdigit(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  std::string_view Letters(size_t max) {
    const size_t begin = at_;
    while (!done() && at_ - begin < max && absl::ascii_isalpha(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  // A number of at most `max` digits; -1 if there is none.
  int Number(size_t max) {
    const std::string_view digits = Digits(max);
    if (digits.empty()) return -1;
    return ToInt(digits);
  }
  // The digits after a point, as micros.
  int Micros() {
    int value = 0;
    int count = 0;
    for (const char c : Digits(64)) {
      if (count++ < 6) value = value * 10 + (c - '0');
    }
    for (; count < 6; ++count) value *= 10;
    return value;
  }
  static int ToInt(std::string_view digits) {
    int value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
  }
  static int64_t ToInt64(std::string_view digits) {
    int64_t value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

bool ValidDay(int64_t year, int month, int day) {
  return month >= 1 && month <= 12 && day >= 1 && day <= DaysInMonth(year, month);
}

}  // namespace

std::optional<int64_t> ParseDateTimeText(std::string_view text, const TimeZone& zone) {
  Scanner in(text);
  if (text.size() > 4 && !absl::ascii_isdigit(text[4]) && absl::ascii_isdigit(text[0])) {
    CivilTime c;
    const std::string_view year = in.Digits(4);
    if (year.size() != 4) return std::nullopt;
    c.year = Scanner::ToInt(year);
    in.skip();
    c.month = in.Number(2);
    if (in.done()) return std::nullopt;
    in.skip();
    c.day = in.Number(2);
    if (!ValidDay(c.year, c.month, c.day)) return std::nullopt;
    if (in.done()) return FromCivil(c, zone);
    if (!in.Take(' ') && !in.Take('T')) return std::nullopt;
    int parts[3] = {0, 0, 0};
    for (int i = 0; i < 3; ++i) {
      parts[i] = in.Number(2);
      if (parts[i] < 0) return std::nullopt;
      if (i < 2 && !in.Take(':')) {
        if (i == 1 && in.done()) break;
        return std::nullopt;
      }
    }
    c.hour = parts[0];
    c.minute = parts[1];
    c.second = parts[2];
    if (in.Take('.')) c.micros = in.Micros();
    const bool utc = in.Take('Z');
    if (!in.done()) return std::nullopt;
    return MomentOfLocal(FromCivil(c, TimeZone()), utc ? TimeZone() : zone);
  }
  const bool negative = in.Take('-');
  const std::string_view digits = in.Digits(15);
  if (digits.empty()) return std::nullopt;
  int64_t moment = Scanner::ToInt64(digits) * kMicrosPerSecond;
  if (digits.size() > 12) return std::nullopt;
  if (in.Take('.')) moment += in.Micros();
  if (!in.done()) return std::nullopt;
  return negative ? -moment : moment;
}

namespace {

// What best-effort reading has found so far.
class BestEffort {
 public:
  BestEffort(std::string_view text, const TimeZone& zone, bool us, int64_t now_us)
      : in_(text), zone_(zone), us_(us), now_us_(now_us) {}

  std::optional<int64_t> Parse() {
    if (in_.done()) return std::nullopt;
    while (!in_.done()) {
      const char c = in_.peek();
      const bool ok = absl::ascii_isdigit(c) ? Digits() : absl::ascii_isalpha(c) ? Word() : Mark();
      if (!ok) return std::nullopt;
      if (unix_.has_value()) return in_.done() ? unix_ : std::nullopt;
    }
    return Finish();
  }

 private:
  bool Digits() {
    const std::string_view digits = in_.Digits(20);
    const bool fresh = !year_ && !has_time_ && !day_;
    switch (digits.size()) {
      case 13:
        if (!fresh) return false;
        unix_ = Scanner::ToInt64(digits) * 1000;
        return true;
      case 16:
        if (!fresh) return false;
        unix_ = Scanner::ToInt64(digits);
        return true;
      case 9:
      case 10:
        if (!fresh) return false;
        unix_ = Scanner::ToInt64(digits) * kMicrosPerSecond;
        if (in_.Take('.')) *unix_ += in_.Micros();
        return true;
      case 14:
        if (!fresh) return false;
        Date8(digits.substr(0, 8));
        Time6(digits.substr(8));
        return Fraction();
      case 8:
        if (year_) return false;
        Date8(digits);
        return true;
      case 6:
        if (!year_ && !month_) {
          year_ = Scanner::ToInt(digits.substr(0, 4));
          month_ = Scanner::ToInt(digits.substr(4, 2));
          return true;
        }
        if (has_time_) return false;
        Time6(digits);
        return Fraction();
      case 4:
        return FourDigits(digits);
      case 1:
      case 2:
        return OneOrTwo(Scanner::ToInt(digits));
      default:
        return false;
    }
  }

  void Date8(std::string_view d) {
    year_ = Scanner::ToInt(d.substr(0, 4));
    month_ = Scanner::ToInt(d.substr(4, 2));
    day_ = Scanner::ToInt(d.substr(6, 2));
  }
  void Time6(std::string_view t) {
    hour_ = Scanner::ToInt(t.substr(0, 2));
    minute_ = Scanner::ToInt(t.substr(2, 2));
    second_ = Scanner::ToInt(t.substr(4, 2));
    has_time_ = true;
  }
  bool Fraction() {
    if (in_.peek() == '.' && absl::ascii_isdigit(in_.peek(1))) {
      in_.skip();
      micros_ = in_.Micros();
    }
    return true;
  }

  // A year, with what may follow it; or hhmm after a date.
  bool FourDigits(std::string_view digits) {
    if (year_) {
      if (has_time_ || !day_) return false;
      hour_ = Scanner::ToInt(digits.substr(0, 2));
      minute_ = Scanner::ToInt(digits.substr(2, 2));
      has_time_ = true;
      return true;
    }
    year_ = Scanner::ToInt(digits);
    const char mark = in_.peek();
    if ((mark != '-' && mark != '/' && mark != '.' && mark != ':') || month_) return true;
    in_.skip();
    if (absl::ascii_isalpha(in_.peek())) return true;
    const std::string_view month = in_.Digits(4);
    if (month.empty()) return in_.done() ? false : true;
    if (month.size() > 2) return false;
    month_ = Scanner::ToInt(month);
    if (!in_.Take(mark)) return true;
    const std::string_view day = in_.Digits(4);
    if (day.empty() || day.size() > 2) return false;
    day_ = Scanner::ToInt(day);
    return true;
  }

  // 10:20[:30[.5]], 31/12/2024, a day, or an hour before AM and PM.
  bool OneOrTwo(int number) {
    const char mark = in_.peek();
    if (mark == ':' && !has_time_) {
      hour_ = number;
      in_.skip();
      const int minute = in_.Number(2);
      if (minute < 0) return false;
      minute_ = minute;
      has_time_ = true;
      if (in_.Take(':')) {
        const int second = in_.Number(2);
        if (second < 0) return false;
        second_ = second;
      }
      return Fraction();
    }
    if ((mark == '/' || mark == '-' || mark == '.') && !day_) {
      in_.skip();
      if (absl::ascii_isalpha(in_.peek())) {
        day_ = number;
        if (!Word()) return false;
        if (in_.peek() == mark) in_.skip();
        return true;
      }
      const int second = in_.Number(2);
      if (second < 0) return false;
      day_ = us_ ? second : number;
      month_ = us_ ? number : second;
      if (*month_ > 12) std::swap(month_, day_);
      if (in_.Take(mark)) return YearAfterDay();
      return true;
    }
    if (!day_ && !has_time_) {
      day_ = number;
      return true;
    }
    if (!has_time_) {
      hour_ = number;
      hour_only_ = true;
      return true;
    }
    if (!year_ && day_ && month_ && number >= 0) {
      year_ = number + (number < 70 ? 2000 : 1900);
      return true;
    }
    if (!day_) {
      day_ = number;
      return true;
    }
    return false;
  }

  bool YearAfterDay() {
    const std::string_view year = in_.Digits(4);
    if (year.size() == 4) {
      year_ = Scanner::ToInt(year);
    } else if (year.size() == 2) {
      const int two = Scanner::ToInt(year);
      year_ = two + (two < 70 ? 2000 : 1900);
    } else {
      return false;
    }
    return true;
  }

  bool Word() {
    const std::string word = AsciiLower(in_.Letters(32));
    static constexpr const char* kMonthNames[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
    static constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    if (word == "t" && (year_ || day_)) return true;
    if (word == "z" || word == "utc" || word == "gmt") {
      if (!has_time_ && word == "z" && !day_ && !year_) return false;
      offset_seconds_ = 0;
      return true;
    }
    if (word == "am" || word == "pm") {
      if (!has_time_ && !hour_only_) {
        if (!day_) return false;
      }
      pm_ = word == "pm";
      has_time_ = true;
      meridiem_ = true;
      return true;
    }
    if (word == "msk" || word == "msd") {
      offset_seconds_ = word == "msk" ? 10800 : 14400;
      return true;
    }
    if (word == "pst" || word == "pdt" || word == "est" || word == "edt") {
      offset_seconds_ = (word == "pst" ? -8 : word == "pdt" ? -7 : word == "est" ? -5 : -4) * 3600;
      return true;
    }
    if (word.size() < 3) return false;
    for (int m = 0; m < 12; ++m) {
      if (word.compare(0, 3, kMonthNames[m]) == 0) {
        if (month_) return false;
        month_ = m + 1;
        return true;
      }
    }
    for (const char* day : kDays) {
      if (word.compare(0, 3, day) == 0) return true;
    }
    return false;
  }

  bool Mark() {
    const char c = in_.peek();
    if (c == ' ' || c == ',') {
      in_.skip();
      return true;
    }
    if (c == '/' || c == '.' || c == '-') {
      // "Jan/2/2024", "2-Jan-2024"
      if (month_ && !year_) {
        in_.skip();
        return true;
      }
      if (c == '-' && year_ && month_ && !day_) {
        in_.skip();
        return true;
      }
    }
    if ((c == '+' || c == '-') && (has_time_ || year_)) {
      in_.skip();
      return Offset(c == '-' ? -1 : 1);
    }
    return false;
  }

  bool Offset(int sign) {
    const std::string_view digits = in_.Digits(8);
    int hours;
    int minutes = 0;
    if (digits.size() == 4) {
      hours = Scanner::ToInt(digits.substr(0, 2));
      minutes = Scanner::ToInt(digits.substr(2));
    } else if (digits.size() == 2 || digits.size() == 1) {
      hours = Scanner::ToInt(digits);
      if (in_.Take(':')) {
        minutes = in_.Number(2);
        if (minutes < 0) return false;
      }
    } else {
      return false;
    }
    offset_seconds_ = sign * (hours * 3600 + minutes * 60);
    return true;
  }

  std::optional<int64_t> Finish() {
    // Zero parts are no parts.
    for (std::optional<int>* part : {&year_, &month_, &day_}) {
      if (part->has_value() && **part == 0) part->reset();
    }
    if (!year_ && !month_ && !has_time_) return std::nullopt;
    CivilTime c;
    c.month = month_.value_or(1);
    c.day = day_.value_or(1);
    c.year = year_.value_or(1970);
    if (!year_) {
      // The latest such day that is not in the future.
      const CivilTime now = ToCivil(now_us_, zone_);
      c.year = now.year;
      if ((month_ || day_) && std::pair(c.month, c.day) > std::pair(now.month, now.day)) --c.year;
    }
    if (!ValidDay(c.year, c.month, c.day)) return std::nullopt;
    if (meridiem_) {
      if (hour_ > 12) return std::nullopt;
      if (pm_ && hour_ < 12) hour_ += 12;
      if (!pm_ && hour_ == 12) hour_ = 0;
    }
    c.hour = hour_;
    c.minute = minute_;
    c.second = second_;
    c.micros = micros_;
    if (!offset_seconds_.has_value()) return MomentOfLocal(FromCivil(c, TimeZone()), zone_);
    return FromCivil(c, TimeZone()) - int64_t{*offset_seconds_} * kMicrosPerSecond;
  }

  Scanner in_;
  TimeZone zone_;
  bool us_;
  int64_t now_us_;
  std::optional<int64_t> unix_;
  std::optional<int> year_;
  std::optional<int> month_;
  std::optional<int> day_;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
  int micros_ = 0;
  bool has_time_ = false;
  bool hour_only_ = false;
  bool meridiem_ = false;
  bool pm_ = false;
  std::optional<int> offset_seconds_;
};

}  // namespace

std::optional<int64_t> ParseDateTimeBestEffort(std::string_view text, const TimeZone& zone, bool us,
                                               int64_t now_us) {
  return BestEffort(StripAsciiWhitespace(text), zone, us, now_us).Parse();
}

namespace {

enum class OnError { kThrow, kNull, kZero };

// parseDateTime[64]BestEffort[US][OrNull|OrZero](text[, precision][, zone]).
template <bool wide, bool us, OnError on_error>
Bound BindBestEffort(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  int64_t scale = 3;
  size_t zone_at = 1;
  if (wide && call.size() > 1 && !call.type(1).IsStringLike()) {
    HOGLET_ASSIGN_OR_RETURN(scale, call.ConstantInteger(1));
    if (scale < 0 || scale > 9) return Error("argument_out_of_bound", "Scale is out of bounds");
    zone_at = 2;
  }
  std::string name;
  if (call.size() > zone_at) {
    HOGLET_ASSIGN_OR_RETURN(name, call.ConstantString(zone_at));
  }
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneNamed(name));
  const Type plain = wide ? Type::DateTime64(static_cast<int>(scale), name) : Type::DateTime(name);
  const Type type = on_error == OnError::kNull ? plain.Nullable() : plain;
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<std::string_view> in = ColumnOf<std::string_view>(batch.args[0]);
    Vector out = Vector::Flat(plain, batch.rows);
    auto* data = out.mutable_data<int64_t>();
    for (size_t i = 0; i < batch.rows; ++i) {
      data[i] = 0;
      if (!batch.live(i)) continue;
      const auto moment = ParseDateTimeBestEffort(in[i], zone, us, batch.context.now_us);
      if (moment.has_value()) {
        data[i] = wide ? MicrosToTicks(Clamp(*moment, -2208988800000000, 10413791999999999),
                                       static_cast<int>(scale))
                       : Clamp(FloorDivide(*moment, kMicrosPerSecond), 0, kDateTimeMax);
      } else if (on_error == OnError::kNull) {
        out.SetNull(i);
      } else if (on_error == OnError::kThrow) {
        return Error("cannot_parse_datetime", "Cannot read DateTime: '", in[i].substr(0, 100), "'");
      }
    }
    return out;
  });
}

// Reads one conversion of a MySQL-like format.
class FormatReader {
 public:
  FormatReader(std::string_view text, std::string_view format) : in_(text), format_(format) {}

  std::optional<CivilTime> Read() {
    for (size_t i = 0; i < format_.size(); ++i) {
      if (format_[i] == '%' && i + 1 < format_.size()) {
        if (!Conversion(format_[++i])) return std::nullopt;
      } else if (!in_.Take(format_[i])) {
        return std::nullopt;
      }
    }
    if (!in_.done() || c_.hour > 23 || c_.minute > 59 || c_.second > 59) return std::nullopt;
    if (twelve_) {
      if (c_.hour > 12 || c_.hour < 1) return std::nullopt;
      c_.hour = c_.hour % 12 + (pm_ ? 12 : 0);
    }
    if (day_of_year_ > 0) {
      if (day_of_year_ > (IsLeapYear(c_.year) ? 366 : 365)) return std::nullopt;
      CivilFromDayNumber(DayNumberOf(c_.year, 1, 1) + day_of_year_ - 1, &c_.year, &c_.month,
                         &c_.day);
    }
    if (!ValidDay(c_.year, c_.month, c_.day)) return std::nullopt;
    return c_;
  }
  std::optional<int> offset_seconds() const { return offset_; }

 private:
  bool Fixed(size_t digits, int* value) {
    const std::string_view text = in_.Digits(digits);
    if (text.size() != digits) return false;
    *value = Scanner::ToInt(text);
    return true;
  }
  bool Name(std::span<const char* const> names, bool whole, int* value) {
    const std::string word = AsciiLower(in_.Letters(whole ? 16 : 3));
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string name = AsciiLower(names[i]);
      if (word == (whole ? name : name.substr(0, 3))) {
        *value = static_cast<int>(i) + 1;
        return true;
      }
    }
    return false;
  }
  bool Conversion(char letter) {
    static constexpr const char* kMonthNames[] = {"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};
    static constexpr const char* kDayNames[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                "Friday", "Saturday", "Sunday"};
    int value = 0;
    switch (letter) {
      case 'Y':
        if (!Fixed(4, &value)) return false;
        c_.year = value;
        return true;
      case 'y':
        if (!Fixed(2, &value)) return false;
        c_.year = value + (value < 70 ? 2000 : 1900);
        return true;
      case 'm':
      case 'c':
        return Fixed(2, &c_.month);
      case 'd':
        return Fixed(2, &c_.day);
      case 'e':
        in_.Take(' ');
        c_.day = in_.Number(2);
        return c_.day > 0;
      case 'H':
        return Fixed(2, &c_.hour);
      case 'k':
        in_.Take(' ');
        c_.hour = in_.Number(2);
        return c_.hour >= 0;
      case 'h':
      case 'I':
        twelve_ = true;
        return Fixed(2, &c_.hour);
      case 'l':
        twelve_ = true;
        in_.Take(' ');
        c_.hour = in_.Number(2);
        return c_.hour >= 0;
      case 'i':
        return Fixed(2, &c_.minute);
      case 's':
      case 'S':
        return Fixed(2, &c_.second);
      case 'f':
        c_.micros = in_.Micros();
        return true;
      case 'M':
        return Name(kMonthNames, true, &c_.month);
      case 'b':
        return Name(kMonthNames, false, &c_.month);
      case 'W':
        return Name(kDayNames, true, &value);
      case 'a':
        return Name(kDayNames, false, &value);
      case 'j':
        return Fixed(3, &day_of_year_);
      case 'p': {
        const std::string word = AsciiLower(in_.Letters(2));
        pm_ = word == "pm";
        twelve_ = true;
        return word == "am" || word == "pm";
      }
      case 'T':
        return Fixed(2, &c_.hour) && in_.Take(':') && Fixed(2, &c_.minute) && in_.Take(':') &&
               Fixed(2, &c_.second);
      case 'R':
        return Fixed(2, &c_.hour) && in_.Take(':') && Fixed(2, &c_.minute);
      case 'F':
        return Conversion('Y') && in_.Take('-') && Fixed(2, &c_.month) && in_.Take('-') &&
               Fixed(2, &c_.day);
      case 'D':
        return Fixed(2, &c_.month) && in_.Take('/') && Fixed(2, &c_.day) && in_.Take('/') &&
               Conversion('y');
      case 'z': {
        const int sign = in_.Take('-') ? -1 : in_.Take('+') ? 1 : 0;
        int hours = 0, minutes = 0;
        if (sign == 0 || !Fixed(2, &hours) || !Fixed(2, &minutes)) return false;
        offset_ = sign * (hours * 3600 + minutes * 60);
        return true;
      }
      case '%':
        return in_.Take('%');
      case 't':
        return in_.Take('\t');
      case 'n':
        return in_.Take('\n');
      default:
        return false;
    }
  }

  Scanner in_;
  std::string_view format_;
  CivilTime c_;
  int day_of_year_ = 0;
  bool twelve_ = false;
  bool pm_ = false;
  std::optional<int> offset_;
};

template <OnError on_error>
Bound BindParseByFormat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  std::string format = "%Y-%m-%d %H:%i:%s";
  std::string name;
  if (call.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(format, call.ConstantString(1));
  }
  if (call.size() > 2) {
    HOGLET_ASSIGN_OR_RETURN(name, call.ConstantString(2));
  }
  HOGLET_ASSIGN_OR_RETURN(const TimeZone zone, ZoneNamed(name));
  const Type plain = Type::DateTime(name);
  const Type type = on_error == OnError::kNull ? plain.Nullable() : plain;
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    const Column<std::string_view> in = ColumnOf<std::string_view>(batch.args[0]);
    Vector out = Vector::Flat(plain, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      int64_t& value = out.mutable_data<int64_t>()[i];
      value = 0;
      if (!batch.live(i)) continue;
      FormatReader reader(in[i], format);
      const auto civil = reader.Read();
      if (civil.has_value() && civil->year >= 1970 && civil->year <= 2106) {
        int64_t moment = FromCivil(*civil, reader.offset_seconds().has_value() ? TimeZone() : zone);
        moment = FloorDivide(moment, kMicrosPerSecond) - reader.offset_seconds().value_or(0);
        value = Clamp(moment, 0, kDateTimeMax);
      } else if (on_error == OnError::kNull) {
        out.SetNull(i);
      } else if (on_error == OnError::kThrow) {
        return Error("cannot_parse_datetime", "Cannot parse '", in[i].substr(0, 100),
                     "' by format '", format, "'");
      }
    }
    return out;
  });
}

constexpr ScalarEntry kTable[] = {
    {"parseDateTimeBestEffort", BindBestEffort<false, false, OnError::kThrow>},
    {"parseDateTimeBestEffortOrNull", BindBestEffort<false, false, OnError::kNull>},
    {"parseDateTimeBestEffortOrZero", BindBestEffort<false, false, OnError::kZero>},
    {"parseDateTimeBestEffortUS", BindBestEffort<false, true, OnError::kThrow>},
    {"parseDateTimeBestEffortUSOrNull", BindBestEffort<false, true, OnError::kNull>},
    {"parseDateTime64BestEffort", BindBestEffort<true, false, OnError::kThrow>},
    {"parseDateTime64BestEffortOrNull", BindBestEffort<true, false, OnError::kNull>},
    {"parseDateTime64BestEffortOrZero", BindBestEffort<true, false, OnError::kZero>},
    {"parseDateTime64BestEffortUS", BindBestEffort<true, true, OnError::kThrow>},
    {"parseDateTime64BestEffortUSOrNull", BindBestEffort<true, true, OnError::kNull>},
    {"parseDateTime", BindParseByFormat<OnError::kThrow>},
    {"parseDateTimeOrNull", BindParseByFormat<OnError::kNull>},
    {"parseDateTimeOrZero", BindParseByFormat<OnError::kZero>},
};

}  // namespace

std::span<const ScalarEntry> DateParseFunctions() { return kTable; }

}  // namespace hoglet::fn
