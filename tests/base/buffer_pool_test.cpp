#include "src/base/buffer_pool.h"

#include <gtest/gtest.h>

namespace hoglet {
namespace {

constexpr size_t kKiB = 1 << 10;

TEST(BufferPool, HandsOutWhatItWasGiven) {
  BufferPool pool(1024 * kKiB);
  std::string buffer = pool.Take(100 * kKiB);
  EXPECT_GE(buffer.capacity(), 100 * kKiB);
  EXPECT_TRUE(buffer.empty());
  buffer.assign(90 * kKiB, 'x');
  const char* place = buffer.data();
  pool.Give(std::move(buffer));
  EXPECT_GE(pool.bytes(), 100 * kKiB);
  EXPECT_NE(pool.Take(200 * kKiB).data(), place) << "too small";
  EXPECT_NE(pool.Take(50 * kKiB).data(), place) << "a small one, too large";
  buffer = pool.Take(70 * kKiB);
  EXPECT_EQ(buffer.data(), place);
  EXPECT_EQ(buffer.size(), 90 * kKiB);
  EXPECT_EQ(pool.bytes(), 0u);
}

TEST(BufferPool, KeepsNoMoreThanItMay) {
  BufferPool pool(1024 * kKiB);
  for (int i = 0; i < 20; ++i) {
    std::string buffer(100 * kKiB, 'x');
    pool.Give(std::move(buffer));
    EXPECT_LE(pool.bytes(), 1024 * kKiB);
  }
  EXPECT_GT(pool.bytes(), 800 * kKiB);
  pool.Give(std::string(10, 'x'));
  pool.Give(std::string(10 << 20, 'x'));
  EXPECT_LE(pool.bytes(), 1024 * kKiB);
  EXPECT_EQ(pool.Take(10).capacity(), std::string().capacity());
}

}  // namespace
}  // namespace hoglet
