#include "src/flags/lenient_date.h"

#include <algorithm>
#include <span>
#include <string>

#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/flags/date_format.h"

namespace hoglet {
namespace {

// Nothing that is a date is longer.
constexpr size_t kTextBytesMax = 64;
constexpr int32_t kHour = 3600;

struct NamedZone {
  std::string_view name;
  int32_t offset_seconds;
};
constexpr NamedZone kZones[] = {
    {"UTC", 0},          {"GMT", 0},          {"UT", 0},           {"Z", 0},
    {"EST", -5 * kHour}, {"EDT", -4 * kHour}, {"CST", -6 * kHour}, {"CDT", -5 * kHour},
    {"MST", -7 * kHour}, {"MDT", -6 * kHour}, {"PST", -8 * kHour}, {"PDT", -7 * kHour}};

constexpr std::string_view kMoments[] = {
    "%Y-%m-%d %H:%M:%S%f", "%Y-%m-%d %I:%M:%S %P",    "%Y-%m-%d %I:%M %P", "%b %d %Y %H:%M:%S",
    "%b %d %Y %H:%M",      "%b %d %Y %I:%M:%S %P",    "%b %d %Y %I:%M %P", "%d %b %Y %H:%M:%S%f",
    "%d %b %Y %H:%M",      "%m/%d/%y %H:%M:%S%f",     "%m/%d/%y %H:%M",    "%m/%d/%y %I:%M:%S %P",
    "%m/%d/%y %I:%M %P",   "%m/%d/%Y %H:%M:%S%f",     "%m/%d/%Y %H:%M",    "%m/%d/%Y %I:%M:%S %P",
    "%m/%d/%Y %I:%M %P",   "%Y/%m/%d %H:%M:%S%f",     "%Y/%m/%d %H:%M",    "%Y/%m/%d %I:%M:%S %P",
    "%Y/%m/%d %I:%M %P",   "%Y年%m月%d日%H时%M分%S秒"};
constexpr std::string_view kDays[] = {"%Y-%b-%d", "%b %d %y", "%b %d %Y", "%d %b %y",
                                      "%d %b %Y", "%m/%d/%y", "%m/%d/%Y", "%Y/%m/%d",
                                      "%m.%d.%y", "%m.%d.%Y", "%Y.%m.%d", "%Y年%m月%d日"};
constexpr std::string_view kTimesOfDay[] = {"%H:%M:%S", "%H:%M", "%I:%M:%S %P", "%I:%M %P"};
constexpr std::string_view kMomentsWithOffset[] = {
    "%Y-%m-%d %H:%M:%S%f %z",  "%Y-%m-%d %H:%M %z",    "%d %b %Y %H:%M:%S %z",
    "%d %b %Y %H:%M %z",       "%b %d %Y %H:%M:%S %z", "%b %d %Y %H:%M %z",
    "%b %d %Y %I:%M:%S %P %z", "%b %d %Y %I:%M %P %z"};

std::optional<ParsedDate> FirstOf(std::span<const std::string_view> formats,
                                  std::string_view text) {
  for (const std::string_view format : formats) {
    if (auto date = ParseDateFormat(text, format)) return date;
  }
  return std::nullopt;
}

bool IsLetter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// The text with what people put between the parts of a date taken out: commas, the full stop of
// "oct.", "at", and the day of the week of a mail's date.
std::string WithoutOrnaments(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const bool has_weekday = text.size() > 4 && text[3] == ',' && IsLetter(text[0]);
  for (size_t i = has_weekday ? 4 : 0; i < text.size(); ++i) {
    const bool is_at = text.substr(i).starts_with("at ") && i > 0 && text[i - 1] == ' ';
    const bool is_stop = text[i] == '.' && i > 0 && IsLetter(text[i - 1]);
    if (is_at) {
      ++i;
    } else if (text[i] != ',' && !is_stop) {
      out.push_back(text[i]);
    }
  }
  const size_t first = out.find_first_not_of(' ');
  return first == std::string::npos ? "" : out.substr(first);
}

// Numeric dates begin with all their digits: "2014/4/8", never "14/4/8".
bool HasPlausibleYear(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0) return true;
  const char after = digits < text.size() ? text[digits] : '\0';
  if (after == '-') return digits == 4;
  return digits <= 2 || digits == 4;
}

// Takes a zone's name off the end: "PST".
std::optional<int32_t> TakeZone(std::string_view* text) {
  size_t begin = text->size();
  while (begin > 0 && IsLetter((*text)[begin - 1])) --begin;
  std::string name(text->substr(begin));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  for (const NamedZone& zone : kZones) {
    if (zone.name != name) continue;
    text->remove_suffix(text->size() - begin);
    while (text->ends_with(' ')) text->remove_suffix(1);
    return zone.offset_seconds;
  }
  return std::nullopt;
}

void SetTimeOfDay(int64_t now_us, ParsedDate* date) {
  const CivilTime now = ToCivil(now_us, TimeZone::Utc());
  date->hour = now.hour;
  date->minute = now.minute;
  date->second = now.second;
  date->nanos = static_cast<uint32_t>(now.micros) * 1000;
}

std::optional<ParsedDate> ParseWithoutZone(std::string_view text, int64_t now_us) {
  if (auto moment = FirstOf(kMoments, text)) return moment;
  if (auto day = FirstOf(kDays, text)) {
    SetTimeOfDay(now_us, &*day);
    return day;
  }
  if (auto time = FirstOf(kTimesOfDay, text)) {
    time->day_number = DayNumber(now_us, TimeZone::Utc());
    return time;
  }
  // A month and a day with a time are of this year.
  const CivilTime now = ToCivil(now_us, TimeZone::Utc());
  const std::string with_year = StrCat(now.year, " ", text);
  static constexpr std::string_view kOfThisYear[] = {"%Y %b %d %I:%M %P", "%Y %b %d %H:%M:%S"};
  return FirstOf(kOfThisYear, with_year);
}

}  // namespace

std::optional<FlagInstant> ParseLenientDate(std::string_view text, int64_t now_us) {
  if (text.size() > kTextBytesMax || !HasPlausibleYear(text)) return std::nullopt;
  const std::string plain = WithoutOrnaments(text);
  if (const auto moment = FirstOf(kMomentsWithOffset, plain)) return moment->WithOffset();
  std::string_view rest = plain;
  const std::optional<int32_t> offset = TakeZone(&rest);
  std::optional<ParsedDate> date = ParseWithoutZone(rest, now_us);
  if (!date.has_value() && offset.has_value()) {
    // A date alone is left to this parser only if a zone follows it.
    date = ParseDateFormat(rest, "%Y-%m-%d");
    if (date.has_value()) SetTimeOfDay(now_us, &*date);
  }
  if (!date.has_value()) return std::nullopt;
  date->offset_seconds = offset;
  return date->WithOffset();
}

}  // namespace hoglet
