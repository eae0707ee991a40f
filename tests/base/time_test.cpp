#include "src/base/time.h"

#include <gtest/gtest.h>

#include <random>

namespace hoglet {
namespace {

TimeZone Zone(const std::string& name) {
  auto zone = TimeZone::Load(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.ok() ? *zone : TimeZone::Utc();
}

int64_t At(std::string_view text) {
  const auto time_us = ParseRfc3339(text);
  EXPECT_TRUE(time_us.has_value()) << text;
  return time_us.value_or(0);
}

TEST(Calendar, RoundTripsAndKnowsItsDays) {
  for (int64_t day = -1'000'000; day < 1'000'000; day += 97) {
    int64_t year = 0;
    int month = 0;
    int date = 0;
    CivilFromDayNumber(day, &year, &month, &date);
    ASSERT_EQ(DayNumberOf(year, month, date), day);
    ASSERT_GE(date, 1);
    ASSERT_LE(date, DaysInMonth(year, month));
  }
  EXPECT_EQ(DayNumberOf(1970, 1, 1), 0);
  EXPECT_EQ(DayNumberOf(2000, 3, 1), 11017);
  EXPECT_EQ(DayNumberOf(2024, 13, 1), DayNumberOf(2025, 1, 1));
  EXPECT_EQ(DayNumberOf(2024, 0, 1), DayNumberOf(2023, 12, 1));
  EXPECT_EQ(DayNumberOf(2024, 3, 0), DayNumberOf(2024, 2, 29));
  EXPECT_EQ(IsoWeekday(0), 4);
  EXPECT_EQ(IsoWeekday(-1), 3);
  int64_t year = 0;
  EXPECT_EQ(IsoWeek(DayNumberOf(2021, 1, 3), &year), 53);
  EXPECT_EQ(year, 2020);
  EXPECT_EQ(IsoWeek(DayNumberOf(2024, 12, 30), &year), 1);
  EXPECT_EQ(year, 2025);
  EXPECT_EQ(DayOfYear(DayNumberOf(2024, 12, 31)), 366);
}

struct Rfc3339Case {
  const char* text;
  int64_t time_us;  // -1: refused
};

class Rfc3339 : public testing::TestWithParam<Rfc3339Case> {};

TEST_P(Rfc3339, Parses) {
  const auto time_us = ParseRfc3339(GetParam().text);
  EXPECT_EQ(time_us.value_or(-1), GetParam().time_us) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Rfc3339,
    testing::Values(
        Rfc3339Case{"1970-01-01T00:00:00Z", 0}, Rfc3339Case{"1970-01-01t00:00:01.5z", 1'500'000},
        Rfc3339Case{"1970-01-01 00:00:00.1234567Z", 123'456},
        Rfc3339Case{"1970-01-01T02:00:00+02:00", 0}, Rfc3339Case{"1969-12-31T23:30:00-00:30", 0},
        Rfc3339Case{"2024-02-29T12:34:56.789012Z", 1'709'210'096'789'012},
        Rfc3339Case{"2016-12-31T23:59:60Z", 1'483'228'800'000'000},
        Rfc3339Case{"2023-02-29T00:00:00Z", -1}, Rfc3339Case{"2024-13-01T00:00:00Z", -1},
        Rfc3339Case{"2024-01-01T24:00:00Z", -1}, Rfc3339Case{"2024-01-01T00:00:00", -1},
        Rfc3339Case{"2024-01-01", -1}, Rfc3339Case{"", -1},
        Rfc3339Case{"2024-01-01T00:00:00.Z", -1}, Rfc3339Case{"2024-01-01T00:00:00Zx", -1},
        Rfc3339Case{"2024-01-01T00:00:00+0200", -1}, Rfc3339Case{"+024-01-01T00:00:00Z", -1}));

TEST(Rfc3339Format, Prints) {
  const int64_t time_us = At("2024-02-29T12:34:56.789012Z");
  EXPECT_EQ(FormatRfc3339(time_us), "2024-02-29T12:34:56.789012Z");
  EXPECT_EQ(FormatRfc3339(time_us, 3), "2024-02-29T12:34:56.789Z");
  EXPECT_EQ(FormatRfc3339(time_us, 0), "2024-02-29T12:34:56Z");
  EXPECT_EQ(FormatRfc3339(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatRfc3339InZone(time_us, Zone("America/New_York"), 0), "2024-02-29T07:34:56-05:00");
  EXPECT_EQ(FormatCivil(time_us, Zone("Asia/Kolkata"), 0), "2024-02-29 18:04:56");
  EXPECT_EQ(FormatDate(DayNumberOf(2024, 2, 29)), "2024-02-29");
  EXPECT_EQ(ParseDate("2024-02-29"), DayNumberOf(2024, 2, 29));
  EXPECT_FALSE(ParseDate("2024-02-30").has_value());
  EXPECT_FALSE(ParseDate("2024-02-29 ").has_value());
}

TEST(TimeZone, LoadsByName) {
  EXPECT_TRUE(Zone("UTC").is_utc());
  EXPECT_TRUE(Zone("Etc/UTC").is_utc());
  EXPECT_EQ(Zone("GMT").name(), "UTC");
  EXPECT_EQ(Zone("Europe/Berlin").name(), "Europe/Berlin");
  EXPECT_EQ(Zone("Europe/Berlin").OffsetSeconds(At("2024-07-01T00:00:00Z")), 7200);
  for (const char* bad : {"", "Nowhere/Land", "/etc/passwd", "../zoneinfo/Europe/Berlin",
                          "localtime", "Europe/Ber lin"}) {
    EXPECT_EQ(TimeZone::Load(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

// The fast offsets are those of the zone, at every distance from a transition and in any order.
TEST(ZoneOffsets, AgreeWithTheZone) {
  std::mt19937_64 random(11);
  for (const char* name : {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
                           "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"}) {
    const TimeZone zone = Zone(name);
    ZoneOffsets offsets(zone);
    for (int i = 0; i < 20'000; ++i) {
      const int64_t span = i % 2 ? int64_t{80} * 366 * kMicrosPerDay : 400 * kMicrosPerDay;
      const int64_t time_us =
          At("2024-01-01T00:00:00Z") + static_cast<int64_t>(random() % (2 * span)) - span;
      ASSERT_EQ(offsets.OffsetSeconds(time_us), zone.OffsetSeconds(time_us)) << name << time_us;
    }
    const int64_t change = At("2024-03-31T01:00:00Z");
    for (int64_t time_us : {change - 1, change, change + 1, change - kMicrosPerSecond}) {
      ASSERT_EQ(offsets.OffsetSeconds(time_us), zone.OffsetSeconds(time_us));
    }
  }
}

TEST(Civil, GapsAndFolds) {
  const TimeZone berlin = Zone("Europe/Berlin");
  // 02:30 does not exist on that day; it is read as 03:30.
  EXPECT_EQ(FromCivil({2024, 3, 31, 2, 30, 0, 0}, berlin), At("2024-03-31T01:30:00Z"));
  // 02:30 comes twice; the first is summer time.
  EXPECT_EQ(FromCivil({2024, 10, 27, 2, 30, 0, 5}, berlin), At("2024-10-27T00:30:00.000005Z"));
  const CivilTime civil = ToCivil(At("2024-07-01T22:30:00.000007Z"), berlin);
  EXPECT_EQ(civil, (CivilTime{2024, 7, 2, 0, 30, 0, 7}));
  EXPECT_EQ(DayNumber(At("2024-07-01T22:30:00Z"), berlin), DayNumberOf(2024, 7, 2));
  // Midnight is skipped in Santiago on that day: it begins at 01:00.
  EXPECT_EQ(StartOfDayNumber(DayNumberOf(2024, 9, 8), Zone("America/Santiago")),
            At("2024-09-08T04:00:00Z"));
}

TEST(Units, StartAndAdd) {
  const TimeZone utc;
  const TimeZone berlin = Zone("Europe/Berlin");
  const int64_t time_us = At("2024-05-15T13:14:15.5Z");  // a Wednesday
  const auto start = [&](TimeUnit unit, const TimeZone& zone, int week_start = 1) {
    return FormatRfc3339(StartOf(unit, time_us, zone, week_start), 0);
  };
  EXPECT_EQ(start(TimeUnit::kSecond, utc), "2024-05-15T13:14:15Z");
  EXPECT_EQ(start(TimeUnit::kMinute, utc), "2024-05-15T13:14:00Z");
  EXPECT_EQ(start(TimeUnit::kHour, utc), "2024-05-15T13:00:00Z");
  EXPECT_EQ(start(TimeUnit::kDay, utc), "2024-05-15T00:00:00Z");
  EXPECT_EQ(start(TimeUnit::kWeek, utc), "2024-05-13T00:00:00Z");
  EXPECT_EQ(start(TimeUnit::kWeek, utc, 7), "2024-05-12T00:00:00Z");
  EXPECT_EQ(start(TimeUnit::kMonth, utc), "2024-05-01T00:00:00Z");
  EXPECT_EQ(start(TimeUnit::kQuarter, utc), "2024-04-01T00:00:00Z");
  EXPECT_EQ(start(TimeUnit::kYear, utc), "2024-01-01T00:00:00Z");
  EXPECT_EQ(start(TimeUnit::kDay, berlin), "2024-05-14T22:00:00Z");
  EXPECT_EQ(start(TimeUnit::kYear, berlin), "2023-12-31T23:00:00Z");

  const auto add = [&](TimeUnit unit, int64_t count, const char* from, const TimeZone& zone) {
    return FormatRfc3339(AddUnits(unit, count, At(from), zone), 0);
  };
  EXPECT_EQ(add(TimeUnit::kMonth, 1, "2024-01-31T10:00:00Z", utc), "2024-02-29T10:00:00Z");
  EXPECT_EQ(add(TimeUnit::kMonth, -14, "2024-03-31T10:00:00Z", utc), "2023-01-31T10:00:00Z");
  EXPECT_EQ(add(TimeUnit::kYear, 1, "2024-02-29T10:00:00Z", utc), "2025-02-28T10:00:00Z");
  EXPECT_EQ(add(TimeUnit::kQuarter, 1, "2024-11-30T10:00:00Z", utc), "2025-02-28T10:00:00Z");
  EXPECT_EQ(add(TimeUnit::kDay, 1, "2024-03-30T11:00:00Z", berlin), "2024-03-31T10:00:00Z");
  EXPECT_EQ(add(TimeUnit::kHour, 24, "2024-03-30T11:00:00Z", berlin), "2024-03-31T11:00:00Z");
  EXPECT_EQ(add(TimeUnit::kWeek, -1, "2024-03-30T11:00:00Z", utc), "2024-03-23T11:00:00Z");

  TimeUnit unit = TimeUnit::kDay;
  EXPECT_TRUE(ParseTimeUnit("Months", &unit));
  EXPECT_EQ(unit, TimeUnit::kMonth);
  EXPECT_FALSE(ParseTimeUnit("fortnight", &unit));
}

}  // namespace
}  // namespace hoglet
