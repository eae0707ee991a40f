#include "query/analyze/channel_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoglet {
namespace {

using testing::HasSubstr;

struct RuleCase {
  const char* name;
  const char* json;
  const char* text;  // with the built-in rules as X
};

class ChannelRuleTexts : public testing::TestWithParam<RuleCase> {};

TEST_P(ChannelRuleTexts, AreHogQl) {
  const auto rules = ParseChannelRules(GetParam().json);
  ASSERT_TRUE(rules.ok()) << GetParam().name << rules.status();
  const ChannelRuleFields fields{"source", "medium", "campaign", "domain", "url", "path", "host"};
  EXPECT_EQ(ChannelRulesText(*rules, fields, "X"), GetParam().text) << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, ChannelRuleTexts,
    testing::Values(
        RuleCase{"nothing", "", "X"}, RuleCase{"null", "null", "X"}, RuleCase{"none", "[]", "X"},
        RuleCase{"all of a rule",
                 R"([{"channel_type":"A","combiner":"AND","items":[
                     {"key":"utm_source","op":"exact","value":"x"},
                     {"key":"hostname","op":"is_not","value":["y"]}]}])",
                 "multiIf((source = 'x') and (host != 'y'), 'A', X)"},
        RuleCase{"any value, any item",
                 R"([{"channel_type":"A","combiner":"OR","items":[
                     {"key":"utm_medium","op":"icontains","value":["x","y"]},
                     {"key":"url","op":"is_set"}]}])",
                 "multiIf((medium ilike '%x%' or medium ilike '%y%') or isNotNull(url), 'A', X)"},
        RuleCase{"an item without values says nothing",
                 R"([{"channel_type":"A","combiner":"AND","items":[
                     {"key":"utm_campaign","op":"exact","value":[]},
                     {"key":"referring_domain","op":"is_not_set","value":null}]}])",
                 "multiIf(isNull(domain), 'A', X)"},
        RuleCase{"patterns and quotes",
                 R"([{"channel_type":"It's","combiner":"AND","items":[
                     {"key":"pathname","op":"regex","value":"\\d'"}]},
                    {"channel_type":"B","combiner":"AND","items":[
                     {"key":"pathname","op":"not_regex","value":"z"}]}])",
                 R"(multiIf((ifNull(match(toString(path), '\\d\''), false)), 'It\'s', )"
                 "(ifNull(not(match(toString(path), 'z')), true)), 'B', X)"},
        RuleCase{"a rule without items always fits",
                 R"([{"channel_type":"A","combiner":"AND","items":[]}])",
                 "multiIf(true, 'A', X)"}));

TEST(ChannelRules, SayWhatIsWrong) {
  for (const auto& [json, says] : {
           std::pair("{}", "a list"),
           std::pair("[5]", "rule 1: it is no object"),
           std::pair(R"([{"channel_type":"","combiner":"AND","items":[]}])", "channel_type"),
           std::pair(R"([{"channel_type":"A","combiner":"NOT","items":[]}])", "combiner"),
           std::pair(R"([{"channel_type":"A","combiner":"OR","items":{}}])", "items is a list"),
           std::pair(R"([{"channel_type":"A","combiner":"OR","items":[{"key":"x","op":"exact"}]}])",
                     "unknown key 'x'"),
           std::pair(R"([{"channel_type":"A","combiner":"OR","items":[{"key":"url","op":"x"}]}])",
                     "unknown op 'x'"),
           std::pair(R"([{"channel_type":"A","combiner":"OR",
                          "items":[{"key":"url","op":"regex","value":"("}]}])",
                     "no regular expression"),
       }) {
    const auto rules = ParseChannelRules(json);
    EXPECT_EQ(rules.status().code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_THAT(std::string(rules.status().message()), HasSubstr(says)) << json;
  }
}

}  // namespace
}  // namespace hoglet
