#include "src/cohorts/cohort_definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/strings.h"
#include "src/cohorts/cohort_document.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string InGroup(const std::string& filter) {
  return StrCat(R"({"properties":{"type":"AND","values":[)", filter, "]}}");
}

struct RefusedCase {
  const char* name;
  std::string json;
  const char* message;
};

class RefusedFilters : public testing::TestWithParam<RefusedCase> {};

TEST_P(RefusedFilters, SayWhatIsWrong) {
  const auto parsed = ParseCohortFilters(GetParam().json);
  ASSERT_FALSE(parsed.ok());
  EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << parsed.status();
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(GetParam().message));
}

std::string Nested(int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += R"({"type":"OR","values":[)";
  for (int i = 0; i < depth; ++i) text += "]}";
  return StrCat(R"({"properties":)", text, "}");
}

std::string Repeated(const std::string& item, size_t count) {
  std::string text = item;
  for (size_t i = 1; i < count; ++i) StrAppend(&text, ",", item);
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Filters, RefusedFilters,
    testing::Values(
        RefusedCase{"no object", "[]", "filters: Input should be an object"},
        RefusedCase{"unknown key above", R"({"properties":null,"x":1})", "filters.x: Extra"},
        RefusedCase{"unknown key in a group", R"({"properties":{"type":"OR","values":[],"x":1}})",
                    "filters.properties.x: Extra"},
        RefusedCase{"unknown type of group", R"({"properties":{"type":"XOR","values":[]}})",
                    "'AND' or 'OR'"},
        RefusedCase{"no values", R"({"properties":{"type":"OR"}})", "values: Field required"},
        RefusedCase{"too deep", Nested(kCohortDepthMax + 1), "nested deeper"},
        RefusedCase{
            "too many",
            InGroup(Repeated(R"({"type":"cohort","key":"id","value":1})", kCohortLeavesMax + 1)),
            "more than 500 conditions"},
        RefusedCase{"too long", InGroup(std::string(kCohortFilterBytesMax, ' ')), "longer than"},
        RefusedCase{"unknown type", InGroup(R"({"type":"event","key":"x","value":1})"),
                    "values.0.type: Input"},
        RefusedCase{"unknown key",
                    InGroup(R"({"type":"person","key":"x","operator":"exact","value":1,"y":1})"),
                    "values.0.y: Extra"},
        RefusedCase{"no operator", InGroup(R"({"type":"person","key":"x","value":1})"),
                    "Missing required keys for person filter: operator"},
        RefusedCase{"no value", InGroup(R"({"type":"person","key":"x","operator":"exact"})"),
                    "Missing required keys for person filter: value"},
        RefusedCase{"unknown operator",
                    InGroup(R"({"type":"person","key":"x","operator":"like","value":"y"})"),
                    "\"like\" is not an operator"},
        RefusedCase{"object as value",
                    InGroup(R"({"type":"person","key":"x","operator":"exact","value":{"a":1}})"),
                    "value: Input should be a text"},
        RefusedCase{"too many values",
                    InGroup(StrCat(R"({"type":"person","key":"x","operator":"exact","value":[)",
                                   Repeated("1", kCohortValuesMax + 1), "]}")),
                    "more than 1000 values"},
        RefusedCase{
            "no date",
            InGroup(R"({"type":"person","key":"x","operator":"is_date_before","value":"soon"})"),
            "is not a date"},
        RefusedCase{"no pattern",
                    InGroup(R"({"type":"person","key":"x","operator":"regex","value":"("})"),
                    "is not a regular expression"},
        RefusedCase{"two to compare with",
                    InGroup(R"({"type":"person","key":"x","operator":"gt","value":[1,2]})"),
                    "one value"},
        RefusedCase{"between what",
                    InGroup(R"({"type":"person","key":"x","operator":"between","value":[2,1]})"),
                    "[least, greatest]"},
        RefusedCase{"NUL", InGroup(R"({"type":"person","key":"x\u0000","operator":"is_set"})"),
                    "NUL"},
        RefusedCase{"cohort by name", InGroup(R"({"type":"cohort","key":"id","value":"me"})"),
                    "valid integer"},
        RefusedCase{"cohort by another key", InGroup(R"({"type":"cohort","key":"x","value":1})"),
                    "should be 'id'"},
        RefusedCase{
            "unknown behavior",
            InGroup(R"({"type":"behavioral","key":"e","value":"slept","event_type":"events"})"),
            "is not a kind of behavior"},
        RefusedCase{
            "action",
            InGroup(
                R"({"type":"behavioral","key":4,"value":"performed_event","event_type":"actions"})"),
            "Actions are not supported"},
        RefusedCase{
            "no time",
            InGroup(
                R"({"type":"behavioral","key":"e","value":"performed_event","event_type":"events"})"),
            "time_value: Field required"},
        RefusedCase{
            "no unit",
            InGroup(
                R"({"type":"behavioral","key":"e","value":"performed_event","event_type":"events","time_value":1,"time_interval":"eon"})"),
            "time_interval: Input"},
        RefusedCase{
            "no count",
            InGroup(
                R"({"type":"behavioral","key":"e","value":"performed_event_multiple","event_type":"events","time_value":1,"time_interval":"day"})"),
            "operator_value: Field required"},
        RefusedCase{
            "count of none",
            InGroup(
                R"({"type":"behavioral","key":"e","value":"performed_event_multiple","event_type":"events","time_value":1,"time_interval":"day","operator_value":0})"),
            "from 1 to"},
        RefusedCase{
            "more periods than there are",
            InGroup(
                R"({"type":"behavioral","key":"e","value":"performed_event_regularly","event_type":"events","time_value":1,"time_interval":"day","operator_value":1,"total_periods":2,"min_periods":3})"),
            "cannot be greater"},
        RefusedCase{
            "no second event",
            InGroup(
                R"({"type":"behavioral","key":"e","value":"performed_event_sequence","event_type":"events","time_value":1,"time_interval":"day"})"),
            "seq_event_type: Field required"},
        RefusedCase{
            "two expressions for one",
            InGroup(
                R"({"type":"behavioral","key":"e","value":"performed_event","event_type":"events","time_value":1,"time_interval":"day","event_filters":[{"type":"hogql","key":"1) or (1"}]})"),
            "event_filters.0.key"},
        RefusedCase{
            "selector",
            InGroup(
                R"({"type":"behavioral","key":"e","value":"performed_event","event_type":"events","time_value":1,"time_interval":"day","event_filters":[{"type":"element","key":"selector","value":"a"}]})"),
            "'text', 'href' or 'tag_name'"}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& c : name) c = c == ' ' ? '_' : c;
      return name;
    });

TEST(CohortFilters, NobodyWithoutProperties) {
  for (const char* json : {"{}", R"({"properties":null})"}) {
    const auto parsed = ParseCohortFilters(json);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_FALSE(parsed->has_value());
  }
}

TEST(CohortFilters, BecomeATree) {
  const auto parsed = ParseCohortFilters(
      R"({"properties":{"type":"OR","values":[
        {"type":"AND","values":[{"type":"person","key":"email","operator":"icontains","value":["a",1,true,1.5],"negation":true}]},
        {"type":"cohort","key":"id","value":"7","operator":"not_in"},
        {"type":"behavioral","key":"$pageview","value":"performed_event_multiple","event_type":"events","time_value":"30","time_interval":"day","operator":"lte","operator_value":5,
         "event_filters":[{"key":"price","operator":"gt","value":3}]}]}})");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const CohortCondition& root = **parsed;
  ASSERT_EQ(root.children.size(), 3u);
  EXPECT_EQ(root.kind, CohortCondition::Kind::kAny);
  const CohortCondition& person = root.children[0].children[0];
  EXPECT_TRUE(person.is_negated);
  ASSERT_EQ(person.test.values.size(), 4u);
  EXPECT_EQ(person.test.values[1].text, "1");
  EXPECT_EQ(person.test.values[2].text, "true");
  EXPECT_EQ(person.test.values[3].number, 1.5);
  EXPECT_TRUE(root.children[1].is_negated);
  EXPECT_THAT(CohortsIn(root), ElementsAre(7));
  const CohortBehavior& behavior = root.children[2].behavior;
  EXPECT_EQ(behavior.span.count, 30);
  EXPECT_EQ(behavior.comparison, CohortComparison::kLessOrEqual);
  EXPECT_EQ(behavior.filters[0].source, CohortTest::Source::kEvent);
  EXPECT_TRUE(HasBehavior(root));
  EXPECT_FALSE(HasBehavior(root.children[0]));
}

TEST(CohortGroups, BecomeFilters) {
  const auto converted = ConvertCohortGroups(
      R"([{"properties":[{"key":"email","type":"person","value":"a"},{"type":"cohort","key":"id","value":3}]},
          {"properties":{"name__icontains":"x","plan":"pro"}},
          {"event_id":"buy","days":7,"count":2,"count_operator":"gte"}])");
  ASSERT_TRUE(converted.ok()) << converted.status();
  EXPECT_EQ(
      *converted,
      R"({"properties":{"type":"OR","values":[{"type":"AND","values":[{"type":"person","key":"email","operator":"exact","value":"a"},{"type":"cohort","key":"id","value":3}]},)"
      R"({"type":"AND","values":[{"type":"person","key":"name","operator":"icontains","value":"x"},{"type":"person","key":"plan","operator":"exact","value":"pro"}]},)"
      R"({"type":"AND","values":[{"type":"behavioral","value":"performed_event_multiple","event_type":"events","key":"buy","time_interval":"day","time_value":7,"operator_value":2,"operator":"gte"}]}]}})");
  EXPECT_TRUE(ParseCohortFilters(*converted).ok());
  for (const char* bad : {"{}", "[1]", "[{}]", R"([{"action_id":1}])", R"([{"properties":1}])"}) {
    EXPECT_FALSE(ConvertCohortGroups(bad).ok()) << bad;
  }
}

TEST(CohortMoment, IsReadInTheZone) {
  const TimeZone zone = *TimeZone::Load("Europe/Berlin");
  const int64_t now_us = *ParseRfc3339("2024-05-31T12:00:00Z");
  const auto text = [&](std::string_view moment) -> std::string {
    const auto parsed = ParseCohortMoment(moment, now_us, zone);
    return parsed ? FormatRfc3339(*parsed, 1) : "none";
  };
  EXPECT_EQ(text("-30d"), "2024-05-01T12:00:00.0Z");
  EXPECT_EQ(text("3h"), "2024-05-31T09:00:00.0Z");
  EXPECT_EQ(text("-1m"), "2024-04-30T12:00:00.0Z");
  EXPECT_EQ(text("2024-05-01"), "2024-04-30T22:00:00.0Z");
  EXPECT_EQ(text("2024-05-01 10:20"), "2024-05-01T08:20:00.0Z");
  EXPECT_EQ(text("2024-05-01T10:20:30.5"), "2024-05-01T08:20:30.5Z");
  EXPECT_EQ(text("2024-05-01T10:20:30Z"), "2024-05-01T10:20:30.0Z");
  for (const char* bad : {"", "d", "-d", "--1d", "99999d", "1x", "2024-02-30", "2024-05-01 24:00",
                          "2024-05-01 10:20:30.", "2024-05-01x", "-1 d"}) {
    EXPECT_EQ(text(bad), "none") << bad;
  }
}

TEST(CohortDocument, ReadsWhatItWrites) {
  const Cohort cohort{.id = 5,
                      .name = "n\"",
                      .description = "d",
                      .filters_json = R"({"properties":{"type":"OR","values":[]}})",
                      .cohort_type = "behavioral",
                      .is_static = true,
                      .is_deleted = true,
                      .is_calculating = true,
                      .requests = 2,
                      .created_by = 3,
                      .created_at_us = 4,
                      .last_calculation_us = 6,
                      .errors_calculating = 7,
                      .last_error_at_us = 8,
                      .version = 9};
  const auto read = ReadCohort(WriteCohort(cohort));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(WriteCohort(*read), WriteCohort(cohort));
  EXPECT_EQ(read->filters_json, cohort.filters_json);
  EXPECT_TRUE(read->query_json.empty());
  EXPECT_TRUE(absl::IsDataLoss(ReadCohort("[]").status()));
  EXPECT_TRUE(absl::IsDataLoss(ReadCohort("{}").status()));
}

}  // namespace
}  // namespace hoglet
