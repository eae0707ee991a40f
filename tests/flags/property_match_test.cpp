#include "src/flags/property_match.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "src/base/strings.h"

namespace hoglet {
namespace {

// What the operator says; both values are JSON, "absent" for none.
std::string Compare(const char* op, std::string filter_json, std::string property_json) {
  Arena arena;
  simdjson::dom::parser filter_parser;
  simdjson::dom::parser property_parser;
  FlagValue filter;
  FlagValue property;
  std::vector<FlagValue> items;
  const bool has_filter = filter_json != "absent";
  const bool has_property = property_json != "absent";
  if (has_filter) {
    const simdjson::dom::element value = filter_parser.parse(filter_json).value();
    filter = FlagValue::FromJson(value, &arena);
    if (value.is_array()) {
      for (const auto item : simdjson::dom::array(value)) {
        items.push_back(FlagValue::FromJson(item, &arena));
      }
    }
  }
  if (has_property) {
    property = FlagValue::FromJson(property_parser.parse(property_json).value(), &arena);
  }
  const FlagClock clock{.now_us = 1'715'774'400'000'000};  // 2024-05-15T12:00:00Z
  const PropertyMatcher matcher(ParsePropertyOperator(op), has_filter ? &filter : nullptr, items,
                                clock.zone);
  switch (matcher.Match(has_property ? &property : nullptr, clock)) {
    case MatchOutcome::kMatch:
      return "yes";
    case MatchOutcome::kNoMatch:
      return "no";
    case MatchOutcome::kError:
      break;
  }
  return "error";
}

struct OperatorCase {
  const char* op;
  const char* filter;
  const char* property;
  const char* expected;
};

class Operators : public testing::TestWithParam<OperatorCase> {};

// Looked for letter by letter, this would go on for hours.
TEST(LongTexts, AreSearchedOnce) {
  const std::string text = '"' + std::string(2'000'000, 'a') + '"';
  const std::string part = '"' + std::string(500'000, 'a') + "b\"";
  EXPECT_EQ(Compare("icontains", part.c_str(), text.c_str()), "no");
  EXPECT_EQ(Compare("not_icontains", part.c_str(), text.c_str()), "yes");
  EXPECT_EQ(Compare("icontains", "\"\"", "\"\""), "yes");
}

TEST_P(Operators, Compare) {
  const OperatorCase& c = GetParam();
  EXPECT_EQ(Compare(c.op, c.filter, c.property), c.expected)
      << c.op << ' ' << c.filter << ' ' << c.property;
}

INSTANTIATE_TEST_SUITE_P(
    Exact, Operators,
    testing::Values(
        OperatorCase{"exact", "\"A\"", "\"a\"", "yes"}, OperatorCase{"exact", "\"1\"", "1", "yes"},
        OperatorCase{"exact", "1", "1.0", "no"}, OperatorCase{"exact", "\"false\"", "123", "yes"},
        OperatorCase{"exact", "\"FALSE\"", "null", "yes"},
        OperatorCase{"exact", "false", "\"TRUE\"", "no"},
        OperatorCase{"exact", "true", "[true,\"True\"]", "yes"},
        OperatorCase{"exact", "true", "[true,1]", "no"},
        OperatorCase{"exact", "true", "[[],[true]]", "yes"},
        OperatorCase{"exact", "true", "[\",true\"]", "no"},
        OperatorCase{"exact", "true", "{\"a\":true}", "no"},
        OperatorCase{"exact", "[\"true\",\"false\"]", "\"x\"", "yes"},
        OperatorCase{"exact", "[\"true\",\"false\"]", "true", "no"},
        OperatorCase{"exact", "[]", "true", "yes"}, OperatorCase{"exact", "[]", "1", "no"},
        OperatorCase{"exact", "[]", "[]", "yes"},
        OperatorCase{"exact", "[\"true\",1]", "true", "yes"},
        OperatorCase{"exact", "[1,2]", "[1,2]", "no"},
        OperatorCase{"exact", "\"[1,2]\"", "[1,2]", "yes"},
        OperatorCase{"exact", "\"ß\"", "\"SS\"", "no"},
        OperatorCase{"exact", "\"ΟΔΟΣ\"", "\"οδος\"", "yes"},
        OperatorCase{"exact", "\"K\"", "\"k\"", "yes"},
        OperatorCase{"exact", "\"a\"", "\"ä\"", "no"},
        OperatorCase{"exact", "[1,2,3,4,5,6,7,8,9,\"TeN\"]", "\"tEn\"", "yes"},
        OperatorCase{"exact", "[1,2,3,4,5,6,7,8,9,\"TeN\"]", "10", "no"},
        OperatorCase{"exact", "null", "null", "no"}, OperatorCase{"is_not", "null", "\"a\"", "no"},
        OperatorCase{"is_not", "absent", "absent", "no"},
        OperatorCase{"is_not", "\"a\"", "absent", "yes"},
        OperatorCase{"is_not", "\"null\"", "null", "no"},
        OperatorCase{"is_set", "absent", "null", "yes"},
        OperatorCase{"is_not_set", "absent", "null", "no"},
        OperatorCase{"is_not_set", "absent", "absent", "yes"}));

INSTANTIATE_TEST_SUITE_P(Texts, Operators,
                         testing::Values(OperatorCase{"icontains", "\"LL\"", "\"hello\"", "yes"},
                                         OperatorCase{"icontains", "\"Ä\"", "\"ä\"", "no"},
                                         OperatorCase{"icontains", "\"\"", "\"x\"", "yes"},
                                         OperatorCase{"icontains", "2", "[1,2]", "yes"},
                                         OperatorCase{"not_icontains", "\"x\"", "absent", "yes"},
                                         OperatorCase{"not_icontains", "absent", "absent", "no"},
                                         OperatorCase{"icontains_multi", "[]", "\"x\"", "no"},
                                         OperatorCase{"not_icontains_multi", "[]", "\"x\"", "yes"},
                                         OperatorCase{"icontains_multi", "[\"q\",\"X\"]", "\"ax\"",
                                                      "yes"},
                                         OperatorCase{"starts_with", "\"AB\"", "\"abc\"", "yes"},
                                         OperatorCase{"starts_with", "\"abcd\"", "\"abc\"", "no"},
                                         OperatorCase{"not_ends_with", "\"BC\"", "\"abc\"", "no"},
                                         OperatorCase{"not_starts_with", "\"x\"", "absent", "yes"},
                                         OperatorCase{"regex", "\"^nul\"", "null", "yes"},
                                         OperatorCase{"regex", "\"?*\"", "\"x\"", "no"},
                                         OperatorCase{"not_regex", "\"?*\"", "\"x\"", "no"},
                                         OperatorCase{"not_regex", "\"?*\"", "absent", "yes"},
                                         OperatorCase{"not_regex", "\"a\"", "\"b\"", "yes"}));

INSTANTIATE_TEST_SUITE_P(Numbers, Operators,
                         testing::Values(OperatorCase{"gt", "1", "\"1e1\"", "yes"},
                                         OperatorCase{"gt", "\"x\"", "2", "error"},
                                         OperatorCase{"gt", "1", "true", "error"},
                                         OperatorCase{"gt", "1", "\" 2\"", "error"},
                                         OperatorCase{"gt", "\"x\"", "absent", "no"},
                                         OperatorCase{"gte", "\"nan\"", "1", "no"},
                                         OperatorCase{"lt", "1", "\"-inf\"", "yes"},
                                         OperatorCase{"lte", "1", "1.0", "yes"},
                                         OperatorCase{"between", "[1,3]", "3", "yes"},
                                         OperatorCase{"between", "[1,3]", "\"nan\"", "no"},
                                         OperatorCase{"not_between", "[1,3]", "\"nan\"", "no"},
                                         OperatorCase{"not_between", "[3,1]", "absent", "yes"},
                                         OperatorCase{"not_between", "[3,1]", "2", "error"},
                                         OperatorCase{"between", "[1,2,3]", "2", "error"},
                                         OperatorCase{"between", "\"[1,3]\"", "2", "error"},
                                         OperatorCase{"between", "[1,3]", "\"x\"", "error"},
                                         OperatorCase{"in", "1", "1", "error"},
                                         OperatorCase{"in", "1", "absent", "error"},
                                         OperatorCase{"flag_evaluates_to", "true", "true", "error"},
                                         OperatorCase{"is_like", "1", "1", "error"}));

INSTANTIATE_TEST_SUITE_P(
    DatesAndVersions, Operators,
    testing::Values(
        OperatorCase{"is_date_before", "\"2024-05-15\"", "1715731199", "yes"},
        OperatorCase{"is_date_exact", "\"2024-05-15\"", "\"2024-05-15T12:00:00Z\"", "no"},
        OperatorCase{"is_date_after", "\"1d\"", "\"2024-05-14T12:00:01Z\"", "yes"},
        OperatorCase{"is_date_after", "1", "2", "no"},
        OperatorCase{"is_date_after", "\"x\"", "2", "no"},
        OperatorCase{"is_date_exact", "\"12:00:00\"", "\"2024-05-15T12:00:00Z\"", "yes"},
        OperatorCase{"is_date_before", "\"May 16 12:00:00\"", "\"2024-05-15\"", "yes"},
        OperatorCase{"semver_eq", "\"1.2\"", "\"v1.2.0\"", "yes"},
        OperatorCase{"semver_eq", "1.2", "1.2", "yes"},
        OperatorCase{"semver_neq", "\"1.2\"", "\"x\"", "no"},
        OperatorCase{"semver_neq", "\"1.2\"", "absent", "no"},
        OperatorCase{"semver_gt", "\"x\"", "\"1.0.0\"", "error"},
        OperatorCase{"semver_gt", "\"x\"", "\"y\"", "no"},
        OperatorCase{"semver_tilde", "\"1.2.3.4\"", "\"1.0.0\"", "error"},
        OperatorCase{"semver_wildcard", "\"1.*.3\"", "\"1.0.3\"", "error"},
        OperatorCase{"semver_caret", "\"1.2\"", "\"1.9.9\"", "yes"}));

}  // namespace
}  // namespace hoglet
