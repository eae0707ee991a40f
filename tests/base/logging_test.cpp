#include "src/base/logging.h"

#include <gtest/gtest.h>

namespace hoglet {
namespace {

TEST(Logging, Formats) {
  EXPECT_EQ(FormatLogEntry(LogFormat::kHuman, LogLevel::kInfo, 0, "listening",
                           {{"port", 8000}, {"host", "a b"}, {"x", "\x1b[0m"}}),
            "1970-01-01T00:00:00.000Z INFO  listening  port=8000  host=\"a b\"  x=\"\\u001b[0m\"");
  EXPECT_EQ(FormatLogEntry(LogFormat::kJson, LogLevel::kError, 1, "a\nb",
                           {{"n", -1}, {"d", 1.5}, {"b", true}, {"s", std::string("x")}}),
            "{\"time\":\"1970-01-01T00:00:00.000001Z\",\"level\":\"error\",\"message\":\"a\\nb\","
            "\"n\":-1,\"d\":1.5,\"b\":true,\"s\":\"x\"}");
}

TEST(Logging, LevelsHaveNames) {
  LogLevel level = LogLevel::kInfo;
  EXPECT_TRUE(ParseLogLevel("WARN", &level));
  EXPECT_EQ(level, LogLevel::kWarning);
  EXPECT_TRUE(ParseLogLevel("error", &level));
  EXPECT_FALSE(ParseLogLevel("loud", &level));
}

TEST(Logging, RateLimitCountsWhatItHolds) {
  LogRateLimit limit(3'600'000'000);
  uint64_t suppressed = 99;
  EXPECT_TRUE(limit.Allow(&suppressed));
  EXPECT_EQ(suppressed, 0u);
  EXPECT_FALSE(limit.Allow());
  LogRateLimit open(0);
  EXPECT_TRUE(open.Allow());
  EXPECT_TRUE(open.Allow());
}

}  // namespace
}  // namespace hoglet
