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

constexpr std::string_view kMonthNames[] = {"january",   "february", "march",    "april",
                                            "may",       "june",     "july",     "august",
                                            "september", "october",  "november", "december"};
constexpr std::string_view kDayNames[] = {"monday", "tuesday",  "wednesday", "thursday",
                                          "friday", "saturday", "sunday"};

// The position, from 1, of the name that a word is, whole or by its first three letters; 0: none.
int FindName(std::span<const std::string_view> names, std::string_view word) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (word == names[i] || word == names[i].substr(0, 3)) return static_cast<int>(i) + 1;
  }
  return 0;
}

// Reading dates and times as ClickHouse's best effort does, which takes what comes in any order: a
// number means what its digits and the character after it allow. A part that is 0 counts as not
// there.
class BestEffort {
 public:
  BestEffort(std::string_view text, const TimeZone& zone, bool us, int64_t now_us)
      : in_(text), zone_(zone), us_(us), now_us_(now_us) {}

  std::optional<int64_t> Parse() {
    while (!in_.done()) {
      if (!Part()) return std::nullopt;
      if (unix_.has_value()) return in_.done() ? unix_ : std::nullopt;
    }
    return Finish();
  }

 private:
  static constexpr size_t kDigitsMax = 19;

  bool Part() {
    if ((year_ != 0) != has_time_ && in_.Take(',')) {
      has_comma_ = true;
      if (in_.done()) return true;
    }
    if (year_ != 0 && has_time_) return Mark();
    const std::string_view digits = in_.Digits(kDigitsMax);
    return digits.empty() ? Mark() : Number(digits);
  }

  bool Number(std::string_view digits) {
    const bool is_first = year_ == 0 && !has_time_;
    switch (digits.size()) {
      case 13:
        if (is_first) unix_ = Scanner::ToInt64(digits) * 1000;
        return is_first;
      case 9:
      case 10:
        if (is_first) unix_ = Scanner::ToInt64(digits) * kMicrosPerSecond;
        if (is_first && in_.Take('.')) *unix_ += in_.Micros();
        return is_first;
      case 14:
        if (is_first) Date8(digits.substr(0, 8)), Time6(digits.substr(8));
        return is_first;
      case 8:
        if (year_ != 0) return false;
        Date8(digits);
        return true;
      case 6:
        if (year_ == 0 && month_ == 0) {
          year_ = Scanner::ToInt(digits.substr(0, 4));
          month_ = Scanner::ToInt(digits.substr(4, 2));
          return true;
        }
        if (has_time_) return false;
        Time6(digits);
        return true;
      case 4:
        return year_ == 0 && Year(Scanner::ToInt(digits));
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
  // The next number, of one or two digits.
  bool Short(int* value) {
    const std::string_view digits = in_.Digits(kDigitsMax);
    if (digits.empty() || digits.size() > 2) return false;
    *value = Scanner::ToInt(digits);
    return true;
  }

  // A year with what follows it: YYYY*M*D, with the same character twice.
  bool Year(int year) {
    year_ = year;
    if (in_.done()) return true;
    const char mark = in_.peek();
    if (mark < ' ' || mark == ',' || mark == ';' || mark == '\'' || mark == '"') return false;
    if (month_ != 0) return true;
    in_.skip();
    if (!Short(&month_)) return mark == ' ';
    if (day_ == 0 && in_.Take(mark) && !Short(&day_)) return mark == ' ';
    return true;
  }

  // h:m[:s], D/M[/Y], a day, or an hour after a day.
  bool OneOrTwo(int number) {
    if (in_.Take(':')) return Time(number);
    if (in_.Take(',')) {
      if (month_ != 0 && day_ == 0) day_ = number;
      return true;
    }
    if (TakeDateMark()) return DayAndMonth(number);
    (day_ != 0 ? hour_ : day_) = number;
    return true;
  }
  bool TakeDateMark() { return in_.Take('/') || in_.Take('.') || in_.Take('-'); }

  bool Time(int hour) {
    if (has_time_) return false;
    hour_ = hour;
    has_time_ = true;
    return Short(&minute_) && (!in_.Take(':') || Short(&second_));
  }

  bool DayAndMonth(int first) {
    if (day_ != 0 || month_ != 0) return false;
    (us_ ? month_ : day_) = first;
    if (!us_ && absl::ascii_isalpha(in_.peek())) {
      month_ = FindName(kMonthNames, AsciiLower(in_.Letters(32)));
      if (month_ == 0) return false;
    } else if (!Short(us_ ? &day_ : &month_)) {
      return false;
    }
    if (month_ > 12) std::swap(month_, day_);
    if (!TakeDateMark()) return true;
    const std::string_view year = in_.Digits(kDigitsMax);
    if (year_ != 0 || (year.size() != 2 && year.size() != 4)) return false;
    year_ = Scanner::ToInt(year);
    if (year.size() == 2) year_ += year_ < 70 ? 2000 : 1900;
    return true;
  }

  bool Mark() {
    const char c = in_.peek();
    if (c == ' ' || (c == 'T' && year_ != 0 && !has_time_)) {
      in_.skip();
      return true;
    }
    if (in_.Take('Z')) {
      offset_seconds_ = 0;
      return true;
    }
    if (in_.Take('.')) {
      if (!has_time_ || has_fraction_) return false;
      has_fraction_ = true;
      micros_ = in_.Micros();
      return true;
    }
    if (in_.Take('+')) return Offset(1);
    if (in_.Take('-')) return Offset(-1);
    return Word();
  }

  bool Offset(int sign) {
    const std::string_view digits = in_.Digits(kDigitsMax);
    if (digits.size() == 6 && !has_time_ && year_ != 0 && month_ != 0 && day_ != 0) {
      Time6(digits);
      return true;
    }
    if (digits.empty() || digits.size() > 4) return false;
    const size_t hours = digits.size() > 2 ? digits.size() - 2 : digits.size();
    int minutes = Scanner::ToInt(digits.substr(hours));
    if (digits.size() < 3 && in_.Take(':') && !Short(&minutes)) return false;
    offset_seconds_ = sign * (Scanner::ToInt(digits.substr(0, hours)) * 3600 + minutes * 60);
    return true;
  }

  bool Word() {
    const std::string word = AsciiLower(in_.Letters(32));
    if (word == "am" || word == "pm") {
      (word == "am" ? is_am_ : is_pm_) = true;
      return true;
    }
    if (word == "utc" || word == "gmt" || word == "msk" || word == "msd") {
      offset_seconds_ = word == "msk" ? 3 * 3600 : word == "msd" ? 4 * 3600 : 0;
      return true;
    }
    if (const int month = FindName(kMonthNames, word); month != 0) {
      month_ = month;
      return true;
    }
    if (FindName(kDayNames, word) == 0) return false;
    in_.Take(',');
    return true;
  }

  std::optional<int64_t> Finish() {
    const bool has_date = year_ != 0 && month_ != 0 && day_ != 0;
    if (has_comma_ && !(has_date && has_time_)) return std::nullopt;
    if (year_ == 0 && month_ == 0 && day_ == 0 && !has_time_) return std::nullopt;
    CivilTime c;
    c.month = month_ != 0 ? month_ : 1;
    c.day = day_ != 0 ? day_ : 1;
    c.year = year_;
    if (year_ == 0) {
      // The latest such day that is not in the future.
      const CivilTime now = ToCivil(now_us_, zone_);
      c.year = std::pair(c.month, c.day) > std::pair(now.month, now.day) ? now.year - 1 : now.year;
    }
    if (!ValidDay(c.year, c.month, c.day)) return std::nullopt;
    c.hour = is_am_ && hour_ == 12 ? 0 : hour_;
    if (is_pm_ && c.hour < 12) c.hour += 12;
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
  int year_ = 0;
  int month_ = 0;
  int day_ = 0;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
  int micros_ = 0;
  bool has_time_ = false;
  bool has_fraction_ = false;
  bool has_comma_ = false;
  bool is_am_ = false;
  bool is_pm_ = false;
  std::optional<int> offset_seconds_;
};

}  // namespace

std::optional<int64_t> ParseDateTimeBestEffort(std::string_view text, const TimeZone& zone, bool us,
                                               int64_t now_us) {
  return BestEffort(text, zone, us, now_us).Parse();
}

int64_t MomentToValue(int64_t moment_us, const Type& type) {
  if (type.kind() == TypeKind::kDateTime) {
    return Clamp(FloorDivide(moment_us, kMicrosPerSecond), 0, kDateTimeMax);
  }
  // From 1900 to the first moment of 2300.
  return MicrosToTicks(Clamp(moment_us, -2208988800000000, 10413792000000000), type.scale());
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
        data[i] = MomentToValue(*moment, plain);
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
