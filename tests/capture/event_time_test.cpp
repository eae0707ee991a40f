#include "src/capture/event_time.h"

#include <gtest/gtest.h>

#include "src/base/time.h"

namespace hoglet {
namespace {

struct Parsed {
  const char* text;
  const char* moment;  // RFC 3339, or null: not a time
};

class EventTimestamp : public testing::TestWithParam<Parsed> {};

TEST_P(EventTimestamp, Parses) {
  const auto got = ParseEventTimestamp(GetParam().text);
  if (GetParam().moment == nullptr) {
    EXPECT_FALSE(got.has_value()) << GetParam().text << " read as "
                                  << FormatRfc3339(got.value_or(0));
    return;
  }
  ASSERT_TRUE(got.has_value()) << GetParam().text;
  EXPECT_EQ(FormatRfc3339(*got), FormatRfc3339(*ParseRfc3339(GetParam().moment)))
      << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Forms, EventTimestamp,
    testing::Values(
        Parsed{"2023-01-01T12:00:00Z", "2023-01-01T12:00:00Z"},
        Parsed{"2023-01-01T12:00:00.123456789Z", "2023-01-01T12:00:00.123456Z"},
        Parsed{"2023-01-01T12:00:00.5+02:00", "2023-01-01T10:00:00.5Z"},
        Parsed{"2022-09-17T14:05:04.805+03", "2022-09-17T11:05:04.805Z"},
        Parsed{"2022-09-17T14:05:04-03", "2022-09-17T17:05:04Z"},
        Parsed{"2023-01-02 03:04:05", "2023-01-02T03:04:05Z"},
        Parsed{"2023-01-02 03:04", "2023-01-02T03:04:00Z"},
        Parsed{"2023-01-02 03:04:05.25", "2023-01-02T03:04:05.25Z"},
        Parsed{"2023-01-02 03:04:05 UTC", "2023-01-02T03:04:05Z"},
        Parsed{"2023-01-02 03:04:05 +0130", "2023-01-02T01:34:05Z"},
        Parsed{"2023-01-02", "2023-01-02T00:00:00Z"}, Parsed{"01/02/2023", "2023-01-02T00:00:00Z"},
        Parsed{"2023/01/02", "2023-01-02T00:00:00Z"},
        Parsed{"2023/1/2 3:04:05", "2023-01-02T03:04:05Z"},
        Parsed{"2023-01-02T03:04:05", "2023-01-02T03:04:05Z"},
        Parsed{"2023-01-02T03:04:05.678", "2023-01-02T03:04:05.678Z"},
        Parsed{"Tue, 01 Jul 2003 10:52:37 +0200", "2003-07-01T08:52:37Z"},
        Parsed{"1 Jul 2003 10:52:37 GMT", "2003-07-01T10:52:37Z"},
        Parsed{"Wed, 02 Jun 2021 06:31:39 GMT", "2021-06-02T06:31:39Z"},
        Parsed{"2 Jun 2021 06:31 EST", "2021-06-02T11:31:00Z"},
        Parsed{"2014-04-26 05:24:37 PM", "2014-04-26T17:24:37Z"},
        Parsed{"2017-11-25 13:31:15 PST", "2017-11-25T21:31:15Z"},
        Parsed{"2019-11-29 08:08:05-08", "2019-11-29T16:08:05Z"},
        Parsed{"2021-02-21 UTC", "2021-02-21T00:00:00Z"},
        Parsed{"2021-Feb-21", "2021-02-21T00:00:00Z"},
        Parsed{"May 8, 2009 5:57:51 PM", "2009-05-08T17:57:51Z"},
        Parsed{"September 17, 2012 10:09am", "2012-09-17T10:09:00Z"},
        Parsed{"September 17, 2012 at 10:09am PDT", "2012-09-17T17:09:00Z"},
        Parsed{"May 26, 2021, 12:49 AM", "2021-05-26T00:49:00Z"},
        Parsed{"October 7, 1970", "1970-10-07T00:00:00Z"},
        Parsed{"14 May 2019 19:11:40.164", "2019-05-14T19:11:40.164Z"},
        Parsed{"1 July 2013", "2013-07-01T00:00:00Z"},
        Parsed{"04/2/2014 03:00:51 PM", "2014-04-02T15:00:51Z"},
        Parsed{"08/21/71", "1971-08-21T00:00:00Z"}, Parsed{"3.31.2014", "2014-03-31T00:00:00Z"},
        Parsed{"2014.03.30", "2014-03-30T00:00:00Z"}, Parsed{"2014-04-26 13:24:37 PM", nullptr},
        Parsed{"May 2021", nullptr}, Parsed{"31/12/2014", nullptr}, Parsed{"2014/03-30", nullptr},
        Parsed{"2021-02-21 XYZ", nullptr},
        Parsed{"1620021848429123", "2021-05-03T06:04:08.429123Z"},
        Parsed{"1672531200", "2023-01-01T00:00:00Z"},
        Parsed{"1672531200123", "2023-01-01T00:00:00.123Z"}, Parsed{"", nullptr},
        Parsed{"not a date", nullptr}, Parsed{"12", nullptr}, Parsed{"2023-13-01", nullptr},
        Parsed{"2023-02-30T00:00:00Z", nullptr}, Parsed{"2023-01-02T25:00:00Z", nullptr},
        Parsed{"2023-01-02x", nullptr}, Parsed{"99999999999999999999999", nullptr}));

constexpr int64_t kNow = 1'672'574'400'000'000;  // 2023-01-01T12:00:00Z

TEST(EventTime, OffsetWinsOverTimestampAndIsClamped) {
  EXPECT_EQ(
      ComputeEventTime({.timestamp = "2020-01-01T00:00:00Z", .offset_ms = 60'000, .now_us = kNow}),
      kNow - 60'000'000);
  EXPECT_EQ(ComputeEventTime({.offset_ms = -24 * 3'600'000, .now_us = kNow}), kNow);
  EXPECT_EQ(ComputeEventTime({.offset_ms = -22 * 3'600'000, .now_us = kNow}),
            kNow + 22 * 3'600'000'000);
}

TEST(EventTime, YearsOutsideFourDigitsBecomeTheEpoch) {
  EXPECT_EQ(ComputeEventTime({.offset_ms = INT64_MAX, .now_us = kNow}), 0);
  EXPECT_EQ(ComputeEventTime({.offset_ms = INT64_MIN, .now_us = kNow}), kNow);
}

TEST(EventTime, ExactlyTwentyThreeHoursAheadIsKept) {
  EXPECT_EQ(ComputeEventTime({.timestamp = "2023-01-02T11:00:00Z", .now_us = kNow}),
            kNow + kFutureLeadMaxUs);
  EXPECT_EQ(ComputeEventTime({.timestamp = "2023-01-02T11:00:00.000001Z", .now_us = kNow}), kNow);
}

TEST(EventTime, SkewIsCorrectedBothWays) {
  EXPECT_EQ(
      ComputeEventTime(
          {.timestamp = "2023-01-01T11:00:00Z", .sent_at_us = kNow - 5'000'000, .now_us = kNow}),
      kNow - 3'600'000'000 + 5'000'000);
}

TEST(EventTime, SentAtOfTheQueryMustBeMillisecondsAfter2020) {
  EXPECT_EQ(SentAtOfQueryMillis(1'704'067'205'000), 1'704'067'205'000'000);
  EXPECT_FALSE(SentAtOfQueryMillis(1'704'067'205).has_value());
  EXPECT_FALSE(SentAtOfQueryMillis(INT64_MAX).has_value());
  EXPECT_FALSE(SentAtOfQueryMillis(-1).has_value());
}

}  // namespace
}  // namespace hoglet
