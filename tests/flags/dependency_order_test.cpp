#include "src/flags/dependency_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoglet {
namespace {

using testing::ElementsAre;

TEST(DependencyOrder, PutsDependenciesFirst) {
  EXPECT_THAT(OrderByDependency({{1}, {2}, {}}).order, ElementsAre(2, 1, 0));
  EXPECT_THAT(OrderByDependency({{}, {}, {}}).order, ElementsAre(0, 1, 2));
  EXPECT_THAT(OrderByDependency({{1, 2}, {3}, {3}, {}}).order, ElementsAre(3, 1, 2, 0));
}

TEST(DependencyOrder, TellsMembersOfCyclesFromTheirDependants) {
  // 0 leads into the cycle 1-2, which leads to 3, which leads into the loop 4.
  const auto order = OrderByDependency({{1}, {2}, {1, 3}, {4}, {4}});
  EXPECT_THAT(order.is_cyclic, ElementsAre(0, 1, 1, 0, 1));
  EXPECT_EQ(order.order.size(), 5u);
}

TEST(DependencyOrder, FollowsLongChains) {
  std::vector<std::vector<uint32_t>> chain(100'000);
  for (uint32_t i = 0; i + 1 < chain.size(); ++i) chain[i] = {i + 1};
  EXPECT_EQ(OrderByDependency(chain).order.front(), chain.size() - 1);
}

}  // namespace
}  // namespace hoglet
