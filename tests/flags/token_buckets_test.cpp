#include "src/flags/token_buckets.h"

#include <gtest/gtest.h>

#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(TokenBuckets, GainsWithTime) {
  TokenBuckets buckets(2, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(buckets.Take("a", 0));
  EXPECT_FALSE(buckets.Take("a", 0));
  EXPECT_TRUE(buckets.Take("b", 0));
  EXPECT_FALSE(buckets.Take("a", kSecond / 4));
  EXPECT_TRUE(buckets.Take("a", kSecond / 2));
  // Never more than the burst, however long it waits.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(buckets.Take("a", 100 * kSecond));
  EXPECT_FALSE(buckets.Take("a", 100 * kSecond));
}

TEST(TokenBuckets, ZeroIsNoLimit) {
  TokenBuckets buckets(0, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(buckets.Take("a", 0));
}

TEST(TokenBuckets, AnEmptyBucketIsRememberedAmongManyFullOnes) {
  TokenBuckets buckets(1, 2);
  const auto take_as_others = [&](int from, int to, int64_t now_ns) {
    for (int i = from; i < to; ++i) EXPECT_TRUE(buckets.Take(StrCat("other", i), now_ns)) << i;
  };
  take_as_others(0, 9'999, 0);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(buckets.Take("busy", 30 * kSecond));
  // Those of before are full again by now, and make room.
  take_as_others(10'000, 15'000, 30 * kSecond);
  EXPECT_FALSE(buckets.Take("busy", 30 * kSecond));
}

}  // namespace
}  // namespace hoglet
