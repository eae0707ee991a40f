#include "src/cohorts/cohort_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/strings.h"

// What the texts find is tested with the whole binary; here is what they look like.

namespace hoglet {
namespace {

struct QueryCase {
  const char* name;
  std::string filter;
  std::string condition;  // after WHERE
};

CohortQueryContext Context() {
  CohortQueryContext context;
  context.now_us = *ParseRfc3339("2024-05-31T12:00:00Z");
  context.property_type = [](bool is_of_event, std::string_view key) {
    if (key == "age" && !is_of_event) return CohortPropertyType::kNumber;
    if (key == "vip") return CohortPropertyType::kBoolean;
    if (key == "born") return CohortPropertyType::kMoment;
    return CohortPropertyType::kText;
  };
  return context;
}

class CohortQuery : public testing::TestWithParam<QueryCase> {};

TEST_P(CohortQuery, Text) {
  const auto parsed = ParseCohortFilters(
      StrCat(R"({"properties":{"type":"AND","values":[)", GetParam().filter, "]}}"));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const auto text = BuildCohortQuery(**parsed, Context());
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, StrCat("SELECT id FROM persons WHERE ", GetParam().condition));
}

std::string Person(const char* key, const char* op, const char* value) {
  return StrCat(R"({"type":"person","key":")", key, R"(","operator":")", op, R"(","value":)", value,
                "}");
}
std::string Did(const char* kind, const char* more) {
  return StrCat(R"({"type":"behavioral","key":"buy","event_type":"events","value":")", kind, "\",",
                more, "}");
}

INSTANTIATE_TEST_SUITE_P(
    Filters, CohortQuery,
    testing::Values(
        QueryCase{"nothing", "", "false"},
        QueryCase{"exact", Person("email", "exact", R"("a'b")"), R"(properties.`email` = 'a\'b')"},
        QueryCase{"list", Person("email", "exact", R"(["a","b"])"),
                  "properties.`email` IN ('a', 'b')"},
        QueryCase{"no value", Person("email", "exact", "[]"), "false"},
        QueryCase{"key", Person("a`b", "is_not", "1"), "NOT (properties.`a``b` = '1')"},
        QueryCase{"number", Person("age", "exact", R"(["1","x",2.5])"),
                  "properties.`age` IN (1, 2.5)"},
        QueryCase{"boolean", Person("vip", "exact", R"("True")"), "properties.`vip` = true"},
        QueryCase{
            "contains", Person("age", "icontains", R"(["1","2"])"),
            "(toString(properties.`age`) ILIKE '%1%' OR toString(properties.`age`) ILIKE '%2%')"},
        QueryCase{"pattern", Person("email", "not_regex", R"("^a")"),
                  "NOT (properties.`email` =~ '^a')"},
        QueryCase{"greater", Person("age", "gt", R"("-3")"), "properties.`age` > (-3)"},
        QueryCase{"number in text", Person("email", "lte", "3"),
                  "toFloat(properties.`email`) <= 3"},
        QueryCase{"between", Person("age", "not_between", "[1,2]"),
                  "NOT ((properties.`age` >= 1 AND properties.`age` <= 2))"},
        QueryCase{"set", R"({"type":"person","key":"x","operator":"is_not_set"})",
                  "NOT (properties.`x` IS NOT NULL)"},
        QueryCase{
            "date", Person("since", "is_date_before", R"("2024-05-01")"),
            "toDateTime(properties.`since`) < toDateTime('2024-05-01 00:00:00.000000', 'UTC')"},
        QueryCase{"relative date", Person("born", "is_date_after", R"("-1d")"),
                  "properties.`born` > toDateTime('2024-05-30 12:00:00.000000', 'UTC')"},
        QueryCase{"negated", R"({"type":"person","key":"x","operator":"is_set","negation":true})",
                  "NOT (properties.`x` IS NOT NULL)"},
        QueryCase{"cohort", R"({"type":"cohort","key":"id","value":3,"negation":true})",
                  "NOT (id IN COHORT 3)"},
        QueryCase{"groups",
                  StrCat(R"({"type":"OR","values":[)", Person("a", "exact", "1"), ",",
                         Person("b", "exact", "2"), R"(]},{"type":"OR","values":[]})"),
                  "((properties.`a` = '1' OR properties.`b` = '2') AND false)"},
        QueryCase{"performed", Did("performed_event", R"("time_value":7,"time_interval":"day")"),
                  "id IN (SELECT person_id FROM events WHERE event = 'buy' AND timestamp >= "
                  "toDateTime('2024-05-24 00:00:00.000000', 'UTC') AND timestamp <= "
                  "toDateTime('2024-05-31 12:00:00.000000', 'UTC'))"},
        QueryCase{
            "multiple",
            Did("performed_event_multiple",
                R"("time_value":1,"time_interval":"hour","operator":"gte","operator_value":3,"event_filters":[{"key":"p","value":"x"}])"),
            "id IN (SELECT person_id FROM events WHERE event = 'buy' AND properties.`p` = 'x' "
            "AND timestamp >= toDateTime('2024-05-31 11:00:00.000000', 'UTC') AND timestamp <= "
            "toDateTime('2024-05-31 12:00:00.000000', 'UTC') GROUP BY person_id HAVING count() "
            ">= 3)"},
        QueryCase{
            "stopped",
            Did("stopped_performing_event",
                R"("explicit_datetime":"2024-01-01","explicit_datetime_to":"2024-05-31","seq_time_value":1,"seq_time_interval":"week")"),
            "id IN (SELECT person_id FROM events WHERE event = 'buy' AND timestamp >= "
            "toDateTime('2024-01-01 00:00:00.000000', 'UTC') AND timestamp <= "
            "toDateTime('2024-05-31 00:00:00.000000', 'UTC') GROUP BY person_id HAVING "
            "max(timestamp) < toDateTime('2024-05-24 00:00:00.000000', 'UTC'))"}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& c : name) c = c == ' ' ? '_' : c;
      return name;
    });

TEST(CohortQueryLimit, RefusesWhatIsNoQuery) {
  CohortCondition condition;
  condition.kind = CohortCondition::Kind::kProperty;
  condition.test.key = "x";
  condition.test.values.push_back({.text = std::string(2 << 20, 'x')});
  EXPECT_TRUE(absl::IsInvalidArgument(BuildCohortQuery(condition, Context()).status()));
}

}  // namespace
}  // namespace hoglet
