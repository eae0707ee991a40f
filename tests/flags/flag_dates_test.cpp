#include "src/flags/flag_dates.h"

#include <gtest/gtest.h>

#include <limits>

#include "src/flags/flag_number.h"

namespace hoglet {
namespace {

FlagClock ClockAt(const char* now, const char* zone = "UTC") {
  return {*ParseRfc3339(now), *TimeZone::Load(zone)};
}

std::string Shown(const std::optional<FlagInstant>& instant) {
  if (!instant.has_value()) return "none";
  return FormatRfc3339(instant->seconds * kMicrosPerSecond + instant->nanos / 1000,
                       instant->nanos == 0 ? 0 : 6);
}

struct DateCase {
  const char* text;
  const char* expected;
};

TEST(FlagDates, FiltersAreReadInTheProjectsZone) {
  const FlagClock clock = ClockAt("2024-05-15T12:34:56Z", "America/New_York");
  const DateCase cases[] = {
      {"2024-06-01", "2024-06-01T04:00:00Z"},
      {"2024-6-1", "2024-06-01T04:00:00Z"},
      {"2024-06-01 10:20", "2024-06-01T14:20:00Z"},
      {"2024-06-01T10:20:30.5", "2024-06-01T14:20:30.500000Z"},
      {"2024-06-01T10:20:30Z", "2024-06-01T10:20:30Z"},
      {"2024-06-01 10:20:30+02:00", "2024-06-01T08:20:30Z"},
      {"2024-03-10 02:30", "none"},                  // skipped
      {"2024-11-03 01:30", "2024-11-03T05:30:00Z"},  // the first of two
      {"2024-02-30", "none"},
      {"2024-06-01 24:00", "none"},
      {"2024-06-01T10:20:30+24:00", "none"},
      {"1d", "2024-05-14T12:34:56Z"},
      {"-1d", "2024-05-14T12:34:56Z"},
      {"9999h", "2023-03-25T21:34:56Z"},
      {"10000h", "none"},
      {"1717200000", "none"},
      {"", "none"},
      {"tomorrow", "none"},
      // The lenient reader knows UTC only.
      {"May 8, 2009 5:57:51 PM", "2009-05-08T17:57:51Z"},
      {"September 17, 2012, 10:10:09", "2012-09-17T10:10:09Z"},
      {"12 Feb 2006, 19:17", "2006-02-12T19:17:00Z"},
      {"14 May 2019 19:11:40.164", "2019-05-14T19:11:40.164000Z"},
      {"03/19/2012 10:11:59", "2012-03-19T10:11:59Z"},
      {"8/8/1965 12:00 AM", "1965-08-08T00:00:00Z"},
      {"2014/4/8 22:05", "2014-04-08T22:05:00Z"},
      {"Wed, 02 Jun 2021 06:31:39 GMT", "2021-06-02T06:31:39Z"},
      {"2019-11-29 08:08:05-08", "2019-11-29T16:08:05Z"},
      {"2014-12-16 06:20:00 UTC", "2014-12-16T06:20:00Z"},
      {"2014-04-26 13:13:43 +0800", "2014-04-26T05:13:43Z"},
      {"2017-11-25 13:31:15 PST", "2017-11-25T21:31:15Z"},
      {"2014.03.30", "2014-03-30T12:34:56Z"},
      {"oct. 7, 1970", "1970-10-07T12:34:56Z"},
      {"08/21/71", "1971-08-21T12:34:56Z"},
      {"2021-Feb-21", "2021-02-21T12:34:56Z"},
      {"6:00 PM", "2024-05-15T18:00:00Z"},
      {"2014年04月08日11时25分18秒", "2014-04-08T11:25:18Z"},
  };
  for (const DateCase& c : cases) {
    EXPECT_EQ(Shown(ParseFlagDate(c.text, clock)), c.expected) << c.text;
  }
}

TEST(FlagDates, MonthsStepOneAtATimeAndCutTheDay) {
  const FlagClock clock = ClockAt("2024-03-31T10:00:00Z");
  EXPECT_EQ(Shown(ParseRelativeDate("1m", clock)), "2024-02-29T10:00:00Z");
  EXPECT_EQ(Shown(ParseRelativeDate("-2m", clock)), "2024-01-29T10:00:00Z");
  EXPECT_EQ(Shown(ParseRelativeDate("13m", clock)), "2023-02-28T10:00:00Z");
  EXPECT_EQ(Shown(ParseRelativeDate("4y", ClockAt("2024-02-29T10:00:00Z"))),
            "2020-02-28T10:00:00Z");
  EXPECT_TRUE(ParseRelativeDate("9999y", clock).has_value());
}

TEST(FlagDates, RelativeOnesFollowTheZonesClock) {
  // Two days before, the clock stood an hour later: summer time began between.
  const FlagClock clock = ClockAt("2024-04-01T12:00:00Z", "Europe/Berlin");
  EXPECT_EQ(Shown(ParseRelativeDate("2d", clock)), "2024-03-30T13:00:00Z");
  EXPECT_EQ(Shown(ParseRelativeDate("48h", clock)), "2024-03-30T13:00:00Z");
  // 02:30 of that night does not exist.
  EXPECT_EQ(Shown(ParseFlagDate("1d", ClockAt("2024-04-01T00:30:00Z", "Europe/Berlin"))), "none");
}

TEST(FlagDates, PropertiesMayBeTimestamps) {
  const FlagClock clock = ClockAt("2024-05-15T12:00:00Z");
  const auto date = [&clock](FlagValue::Kind kind, const char* text) {
    return Shown(DateOfProperty({kind, text}, clock));
  };
  using Kind = FlagValue::Kind;
  EXPECT_EQ(date(Kind::kNumber, "1710979200"), "2024-03-21T00:00:00Z");
  EXPECT_EQ(date(Kind::kNumber, "1710979200.25"), "2024-03-21T00:00:00.250000Z");
  EXPECT_EQ(date(Kind::kString, "1.7109792e9"), "2024-03-21T00:00:00Z");
  EXPECT_EQ(date(Kind::kNumber, "-1.5"), "1969-12-31T23:59:58Z");
  EXPECT_EQ(date(Kind::kString, "nan"), "1970-01-01T00:00:00Z");
  EXPECT_EQ(date(Kind::kString, "inf"), "none");
  EXPECT_EQ(date(Kind::kNumber, "1e30"), "none");
  EXPECT_EQ(date(Kind::kString, "3d"), "2024-05-12T12:00:00Z");
  EXPECT_EQ(date(Kind::kNull, "null"), "none");
  EXPECT_EQ(date(Kind::kBool, "true"), "none");
  EXPECT_EQ(date(Kind::kArray, "[1]"), "none");
}

TEST(FlagNumber, IsRusts) {
  for (const char* text : {"1", "-1", "+1", ".5", "5.", "1e3", "1E-3", "1e+3", "inf", "-Infinity",
                           "NaN", "0001", "1e999", "-0"}) {
    EXPECT_TRUE(ParseFlagNumber(text).has_value()) << text;
  }
  for (const char* text : {"", "+", ".", "e5", "1e", "1e+", " 1", "1 ", "0x1", "1_0", "true",
                           "null", "infin", "--1", "1.2.3", "[1]"}) {
    EXPECT_FALSE(ParseFlagNumber(text).has_value()) << text;
  }
  EXPECT_EQ(*ParseFlagNumber("1e999"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(*ParseFlagNumber("1e-999"), 0);
}

}  // namespace
}  // namespace hoglet
