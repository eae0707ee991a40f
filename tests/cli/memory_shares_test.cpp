#include "src/cli/memory_shares.h"

#include <gtest/gtest.h>

#include "src/base/process.h"

namespace hoglet {
namespace {

constexpr uint64_t kMiB = 1ull << 20;
constexpr uint64_t kGiB = 1ull << 30;

TEST(MemoryShares, FollowTheLimit) {
  EXPECT_EQ(MemoryShares(512 * kMiB, 2).query_bytes, 128 * kMiB);
  EXPECT_EQ(MemoryShares(8 * kGiB, 2).query_bytes, 2 * kGiB);
  EXPECT_EQ(MemoryShares(8 * kGiB, 16).query_bytes, 256 * kMiB);
  EXPECT_EQ(MemoryShares(1000 * kGiB, 2).query_bytes, 8 * kGiB);
  EXPECT_EQ(MemoryShares(8 * kGiB, 0).queries_at_once, 1u);
  EXPECT_EQ(MemoryShares(512 * kMiB, 2).queries_bytes, 256 * kMiB);
  // Shares that are too small to be halved again come from one half all the same.
  EXPECT_EQ(MemoryShares(512 * kMiB, 64).queries_bytes, 256 * kMiB);
}

TEST(MemoryShares, AreTogetherBelowTheLimit) {
  for (const uint64_t limit : {kGiB / 2, kGiB, 2 * kGiB, 8 * kGiB, 64 * kGiB}) {
    for (const unsigned queries : {1u, 2u, 4u}) {
      const MemoryShares shares(limit, queries);
      // Twice: what is open, and what is being written.
      EXPECT_LE(2 * (shares.memtable_bytes + shares.person_bytes) + shares.person_cache_bytes +
                    shares.cache_bytes + shares.body_bytes +
                    (shares.query_bytes + shares.table_bytes) * queries,
                limit)
          << limit << ", " << queries;
    }
  }
}

TEST(MemoryShares, DefaultToWhatTheMachineAllows) {
  const MemoryShares shares(0, 4);
  EXPECT_EQ(shares.total_bytes, MemoryLimitBytes() / 4 * 3);
  EXPECT_LT(shares.query_bytes * 4, MemoryLimitBytes());
}

TEST(MemoryShares, SayWhatTheyAre) {
  EXPECT_EQ(MemoryShares(6 * kGiB, 2).Describe(),
            "6.0 GiB, of it 1.5 GiB for each of 2 queries at once");
  EXPECT_EQ(MemoryShares(512 * kMiB, 1).Describe(),
            "512 MiB, of it 256 MiB for each of 1 query at once");
}

}  // namespace
}  // namespace hoglet
