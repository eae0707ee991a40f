#include "src/api/cohort_references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/strings.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string In(int64_t id) { return StrCat(R"({"type":"cohort","key":"id","value":)", id, "}"); }

constexpr char kDid[] =
    R"({"type":"behavioral","key":"e","value":"performed_event","event_type":"events","time_value":1,"time_interval":"day"})";

Cohort Of(int64_t id, const std::string& filters) {
  return {.id = id,
          .filters_json = StrCat(R"({"properties":{"type":"OR","values":[)", filters, "]}}")};
}

Objects Stored(const std::vector<Cohort>& cohorts) {
  Objects out;
  for (const Cohort& cohort : cohorts)
    out[cohort.id] = std::make_shared<const std::string>(WriteCohort(cohort));
  return out;
}

TEST(CohortGraph, FollowsReferences) {
  CohortGraph graph(Stored({Of(1, StrCat(In(2), ",", In(3))),
                            Of(2, In(3)),
                            Of(3, kDid),
                            Of(4, ""),
                            {.id = 5, .is_deleted = true}}));
  EXPECT_THAT(graph.ReferredBy(1), ElementsAre(2, 3));
  EXPECT_THAT(graph.Closure(1), ElementsAre(1, 2, 3));
  EXPECT_TRUE(graph.IsBehavioral(1));
  EXPECT_TRUE(graph.IsBehavioral(3));
  EXPECT_FALSE(graph.IsBehavioral(4));
  EXPECT_FALSE(graph.Has(5));
  EXPECT_FALSE(graph.HasLoop(1));
  graph.Put(Of(3, In(1)));
  EXPECT_TRUE(graph.HasLoop(1));
  EXPECT_TRUE(graph.HasLoop(3));
  EXPECT_FALSE(graph.HasLoop(4));
  graph.Put(Of(4, In(1)));
  EXPECT_FALSE(graph.HasLoop(4)) << "it is in none itself";
}

TEST(CohortGraph, AStaticOneDependsOnNothing) {
  Cohort fixed = Of(1, In(1));
  fixed.is_static = true;
  const CohortGraph graph(Stored({fixed}));
  EXPECT_THAT(graph.ReferredBy(1), IsEmpty());
}

TEST(FlagsUsing, AreLiveAndMayReferThroughOthers) {
  const CohortGraph graph(Stored({Of(1, In(2)), Of(2, ""), Of(3, "")}));
  const auto flag = [](const char* key, bool active, bool deleted, const std::string& filter) {
    return std::make_shared<const std::string>(
        StrCat(R"({"key":")", key, R"(","active":)", active ? "true" : "false", R"(,"deleted":)",
               deleted ? "true" : "false", R"(,"filters":{"groups":[{"properties":[)", filter,
               R"(]}],"x":[[[1]]]}})"));
  };
  const Objects flags = {
      {1, flag("direct", true, false, In(2))},
      {2, flag("through", true, false, In(1))},
      {3, flag("text", true, false, R"({"type":"cohort","key":"id","value":"2"})")},
      {4, flag("inactive", false, false, In(2))},
      {5, flag("deleted", true, true, In(2))},
      {6, flag("another", true, false, In(3))},
      {7, flag("person", true, false, R"({"type":"person","key":"id","value":2})")},
      {8, std::make_shared<const std::string>("[]")},
  };
  EXPECT_THAT(FlagsUsing(flags, graph, 2), ElementsAre("direct", "through", "text"));
  EXPECT_THAT(FlagsUsing(flags, graph, 1), ElementsAre("through"));
}

}  // namespace
}  // namespace hoglet
