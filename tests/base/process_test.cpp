#include "src/base/process.h"

#include <gtest/gtest.h>

namespace hoglet {
namespace {

TEST(Process, KnowsItself) {
  EXPECT_GT(ResidentBytes(), 1u << 20);
  EXPECT_GE(PeakResidentBytes() + (1 << 20), ResidentBytes());
  EXPECT_GT(MemoryLimitBytes(), 64u << 20);
  EXPECT_GE(CpuCount(), 1u);
}

}  // namespace
}  // namespace hoglet
