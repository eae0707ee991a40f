#include "src/flags/flag_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/flags/flag_support.h"

namespace hoglet {
namespace {

constexpr const char* kEveryone = R"({"groups":[{"properties":[]}]})";

std::string WithFilter(std::string_view filter) {
  return R"({"groups":[{"properties":[)" + std::string(filter) + "]}]}";
}

TEST(FlagSet, ShowsWhatTheDocumentsSay) {
  const auto set = CompileFlags(
      {FlagJson(7, "a", kEveryone,
                R"(,"version":3,"ensure_experience_continuity":true,"evaluation_runtime":"server",)"
                R"("evaluation_contexts":["web","app"],"bucketing_identifier":"device_id",)"
                R"("has_experiment":true)"),
       FlagJson(8, "b", kEveryone, R"(,"deleted":true,"evaluation_tags":["old"])"),
       FlagJson(9, "b", kEveryone, R"(,"evaluation_runtime":"moon","version":null)")});
  const FlagDefinition& a = set->flags()[0];
  EXPECT_EQ(a.id, 7);
  EXPECT_EQ(a.version, 3);
  EXPECT_TRUE(a.is_live() && a.ensures_continuity && a.is_device_bucketed && a.has_experiment);
  EXPECT_EQ(a.runtime, FlagRuntime::kServer);
  EXPECT_THAT(a.contexts, testing::ElementsAre("web", "app"));
  EXPECT_THAT(set->flags()[1].contexts, testing::ElementsAre("old"));
  EXPECT_FALSE(set->flags()[1].is_live());
  EXPECT_EQ(set->flags()[2].runtime, FlagRuntime::kAll);
  EXPECT_EQ(set->FindFlag("b"), 2u);
  EXPECT_EQ(set->FindFlag("c"), std::nullopt);
  EXPECT_TRUE(set->ensures_continuity());
}

TEST(FlagSet, UnreadableDocumentsAreOffOrFail) {
  const auto set = CompileFlags({"", "{", "[]", "1", FlagJson(1, "a", "[]"),
                                 FlagJson(2, "b", R"({"groups":[{"rollout_percentage":"x"}]})"),
                                 FlagJson(3, "c", R"({"groups":[{"properties":[{}]}]})"),
                                 FlagJson(4, "d", R"({"holdout":{"id":"x"}})"),
                                 FlagJson(5, "e", R"({"multivariate":{"variants":[{}]}})"),
                                 FlagJson(6, "f", "null"),
                                 FlagJson(7, "g",
                                          WithFilter(R"({"key":"x","value":)"
                                                     R"(1234567890123456789012})"))});
  EXPECT_EQ(set->flags().size(), 11u);
  const FlagEvaluation evaluation = EvaluateFlags(*set, {}, {});
  EXPECT_TRUE(evaluation.has_errors);
  for (const char* key : {"a", "b", "c", "d", "e"}) {
    EXPECT_EQ(Summary(evaluation, key), "off data_parsing_error") << key;
  }
  EXPECT_EQ(Summary(evaluation, "f"), "off no_group_type");
  EXPECT_EQ(Summary(evaluation, "g"), "off no_condition_match 0");
  EXPECT_EQ(evaluation.results.size(), 7u);
}

TEST(FlagSet, TellsWhatItReads) {
  const auto reads = [](const std::string& filters, const char* extra = "") {
    const auto set =
        CompileFlags({FlagJson(1, "a", filters, extra)},
                     {R"({"id":5,"is_static":true})",
                      R"({"id":6,"filters":{"properties":{"type":"OR","values":[]}}})"});
    return std::string(set->reads_persons() ? "persons " : "") +
           std::to_string(set->group_types_read());
  };
  EXPECT_EQ(reads(kEveryone), "0");
  EXPECT_EQ(reads(WithFilter(R"({"key":"distinct_id","value":"x"})")), "0");
  EXPECT_EQ(reads(WithFilter(R"({"key":"email","value":"x"})")), "persons 0");
  EXPECT_EQ(reads(WithFilter(R"({"key":"email","value":"x"})"), R"(,"deleted":true)"), "0");
  EXPECT_EQ(reads(WithFilter(R"({"key":"id","type":"cohort","value":5})")), "persons 0");
  EXPECT_EQ(reads(WithFilter(R"({"key":"id","type":"cohort","value":6})")), "0");
  EXPECT_EQ(reads(R"({"feature_enrollment":true})"), "persons 0");
  EXPECT_EQ(reads(R"({"aggregation_group_type_index":1,"groups":[{}]})"), "2");
  EXPECT_EQ(reads(R"({"groups":[{"aggregation_group_type_index":0}]})"), "1");
  EXPECT_EQ(reads(WithFilter(R"({"key":"x","type":"group","group_type_index":4,"value":1})")),
            "16");
  EXPECT_EQ(reads(kEveryone, R"(,"ensure_experience_continuity":true)"), "persons 0");
  EXPECT_EQ(reads(R"({"aggregation_group_type_index":99,"groups":[{}]})"), "0");
}

}  // namespace
}  // namespace hoglet
