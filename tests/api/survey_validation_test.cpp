#include "src/api/survey_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/api/product_fields.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

std::string DetailOf(const std::optional<FieldError>& error) {
  return error.has_value() ? error->detail : "";
}

struct QuestionCase {
  const char* members;  // of the second of two questions
  const char* refusal;  // empty: it is fine
};

TEST(SurveyQuestions, AreCheckedOneByOne) {
  const QuestionCase cases[] = {
      {R"("type":"open","question":"Q")", ""},
      {R"("type":"open","question":"Q","description":null,"choices":null,"unknown":[1])", ""},
      {R"("type":"open")", "text is required"},
      {R"("type":"open","question":5)", "text is required"},
      {R"("question":"Q")", "type of a question"},
      {R"("type":"Open","question":"Q")", "type of a question"},
      {R"("type":"rating","question":"Q","scale":10,"display":"emoji")", ""},
      {R"("type":"rating","question":"Q","scale":"10")", "scale"},
      {R"("type":"rating","question":"Q","scale":11)", "scale"},
      {R"("type":"rating","question":"Q","display":"stars")", "display"},
      {R"("type":"single_choice","question":"Q","choices":["a","b"])", ""},
      {R"("type":"single_choice","question":"Q","choices":[])", "list of strings"},
      {R"("type":"single_choice","question":"Q","choices":"ab")", "list of strings"},
      {R"("type":"single_choice","question":"Q","choices":["a",1])", "list of strings"},
      {R"("type":"single_choice","question":"Q","choices":["a","\t"])", "cannot be empty"},
      {R"("type":"link","question":"Q","link":"https://a.example")", ""},
      {R"("type":"link","question":"Q","link":"mailto:a.b+c@d.example")", ""},
      {R"("type":"link","question":"Q","link":"http://a.example")", "schemes"},
      {R"("type":"link","question":"Q","link":"javascript:alert")", "schemes"},
      {R"("type":"link","question":"Q","link":"https:///x")", "Invalid HTTPS"},
      {R"("type":"link","question":"Q","link":"https://")", "Invalid HTTPS"},
      {R"("type":"link","question":"Q","link":"mailto:a@b.c")", "Invalid mailto"},
      {R"("type":"link","question":"Q","link":"mailto:@b.com")", "Invalid mailto"},
      {R"("type":"link","question":"Q","link":7)", "schemes"},
      {R"("type":"open","question":"Q","descriptionContentType":"html")", ""},
      {R"("type":"open","question":"Q","descriptionContentType":"markdown")",
       "descriptionContentType"},
      {R"("type":"open","question":"Q","branching":{"type":"end"})", ""},
      {R"("type":"open","question":"Q","branching":[])", "must be an object"},
      {R"("type":"open","question":"Q","branching":{"type":"back"})", "type of a branching"},
      {R"("type":"open","question":"Q","branching":{"type":"specific_question","index":1})", ""},
      {R"("type":"open","question":"Q","branching":{"type":"specific_question","index":2})",
       "not there"},
      {R"("type":"open","question":"Q","branching":{"type":"specific_question","index":-1})",
       "not there"},
      {R"("type":"open","question":"Q","branching":{"type":"specific_question"})", "not there"},
      {R"("type":"open","question":"Q","branching":{"type":"response_based","responseValues":{"0":1,"1":"end"}})",
       ""},
      {R"("type":"open","question":"Q","branching":{"type":"response_based","responseValues":{"0":2}})",
       "not there"},
      {R"("type":"open","question":"Q","branching":{"type":"response_based","responseValues":[1]})",
       "must be an object"},
  };
  MemoryEnv env;
  for (const QuestionCase& c : cases) {
    std::string stored;
    const auto error = ReadSurveyQuestions(
        StrCat(R"([{"type":"open","question":"First","id":"1"},{)", c.members, "}]"), &env,
        &stored);
    EXPECT_EQ(error.has_value(), *c.refusal != '\0') << c.members << DetailOf(error);
    EXPECT_THAT(DetailOf(error), HasSubstr(c.refusal)) << c.members;
    EXPECT_EQ(error.has_value() ? error->attr : "questions", "questions");
  }
}

TEST(SurveyQuestions, GetIds) {
  MemoryEnv env;
  std::string stored;
  ASSERT_FALSE(ReadSurveyQuestions(R"([{"type":"open","question":"A","id":"own"},{"type":"open",)"
                                   R"("question":"B","id":""},{"question":"C","type":"open"}])",
                                   &env, &stored)
                   .has_value());
  EXPECT_THAT(stored, MatchesRegex(R"(\[\{"type":"open","question":"A","id":"own"\},)"
                                   R"(\{"type":"open","question":"B","id":"[0-9a-f-]{36}"\},)"
                                   R"(\{"question":"C","type":"open","id":"[0-9a-f-]{36}"\}\])"));
  ASSERT_FALSE(ReadSurveyQuestions("null", &env, &stored).has_value());
  EXPECT_EQ(stored, "null");
  std::string many = "[";
  for (int i = 0; i < 501; ++i) StrAppend(&many, R"({"type":"open","question":"A"},)");
  many.back() = ']';
  EXPECT_THAT(DetailOf(ReadSurveyQuestions(many, &env, &stored)), HasSubstr("500 questions"));
  EXPECT_TRUE(ReadSurveyQuestions("{}", &env, &stored).has_value());
  EXPECT_TRUE(ReadSurveyQuestions("[null]", &env, &stored).has_value());
}

TEST(SurveyParts, AppearanceConditionsAndTargeting) {
  for (const char* fine : {"null", "{}", R"({"whiteLabel":true,"surveyPopupDelaySeconds":0.5})",
                           R"({"thankYouMessageDescriptionContentType":"html"})"}) {
    EXPECT_EQ(DetailOf(CheckSurveyAppearance(fine)), "") << fine;
  }
  for (const char* wrong :
       {"[]", "5", R"({"whiteLabel":1})", R"({"surveyPopupDelaySeconds":-1})",
        R"({"surveyPopupDelaySeconds":"5"})", R"({"thankYouMessageDescriptionContentType":"x"})"}) {
    EXPECT_TRUE(CheckSurveyAppearance(wrong).has_value()) << wrong;
  }
  const auto flag = *JsonFields::Parse(
      R"({"filters":{"multivariate":{"variants":[{"key":"a","rollout_percentage":100}]}}})");
  struct {
    const char* conditions;
    const JsonFields* flag;
    bool is_fine;
  } const cases[] = {{"null", nullptr, true},
                     {"{}", nullptr, true},
                     {"[]", nullptr, false},
                     {R"({"events":[]})", nullptr, false},
                     {R"({"linkedFlagVariant":"a"})", nullptr, false},
                     {R"({"linkedFlagVariant":"a"})", &flag, true},
                     {R"({"linkedFlagVariant":"any"})", &flag, true},
                     {R"({"linkedFlagVariant":"b"})", &flag, false}};
  for (const auto& c : cases) {
    EXPECT_EQ(!CheckSurveyConditions(c.conditions, c.flag).has_value(), c.is_fine) << c.conditions;
  }
  EXPECT_FALSE(CheckSurveyTargeting(R"({"groups":[{"properties":[],"rollout_percentage":99}]})"));
  EXPECT_TRUE(CheckSurveyTargeting(R"({"groups":[{"rollout_percentage":5},{"properties":[]}]})"));
  EXPECT_TRUE(CheckSurveyTargeting("[]"));
}

TEST(SurveyParts, ExternalSurveysHaveNoPage) {
  struct {
    const char* fields;
    const char* attr;  // null: fine
  } const cases[] = {
      {R"({"conditions":null,"linked_flag_id":null})", nullptr},
      {R"({"conditions":{"url":null,"events":{"values":[]}},"appearance":{"a":1}})", nullptr},
      {R"({"linked_flag_id":1})", "linked_flag_id"},
      {R"({"targeting_flag_id":1})", "targeting_flag_id"},
      {R"({"conditions":{"selector":"a"}})", "conditions"},
      {R"({"conditions":{"events":{"values":[{"name":"x"}]}}})", "conditions"},
      {R"({"appearance":{"surveyPopupDelaySeconds":1}})", "appearance"}};
  for (const auto& c : cases) {
    const auto error = CheckExternalSurvey(*JsonFields::Parse(c.fields));
    EXPECT_EQ(error.has_value() ? error->attr : "", c.attr == nullptr ? "" : c.attr) << c.fields;
  }
}

TEST(ProductFields, SlugsAndDates) {
  EXPECT_EQ(Slug("  New  Check-out! (v2) ", 100), "new-check-out-v2");
  EXPECT_EQ(Slug("a b c", 4), "a-b");
  EXPECT_EQ(Slug("日本", 100), "");
  struct {
    const char* text;
    const char* shown;  // null: no date
  } const cases[] = {{"2024-05-01T10:20:30Z", "2024-05-01T10:20:30Z"},
                     {"2024-05-01T10:20:30.5+02:00", "2024-05-01T08:20:30.500000Z"},
                     {"2024-05-01T10:20:30", "2024-05-01T10:20:30Z"},
                     {"2024-05-01T10:20", "2024-05-01T10:20:00Z"},
                     {"2024-05-01", "2024-05-01T00:00:00Z"},
                     {"2024-13-01", nullptr},
                     {"", nullptr},
                     {"now", nullptr}};
  for (const auto& c : cases) {
    const auto date = ReadDate(c.text);
    EXPECT_EQ(date.value_or("none"), c.shown == nullptr ? "none" : c.shown) << c.text;
  }
}

struct FieldCase {
  const char* body;
  const char* code;  // null: fine
};

TEST(ProductFields, RulesSayWhatIsWrong) {
  static constexpr std::string_view kColors[] = {"red", "blue"};
  static constexpr FieldRule kRules[] = {
      {.name = "name", .may_be_blank = false, .max = 3},
      {.name = "color", .type = FieldType::kChoice, .initial = "\"red\"", .choices = kColors},
      {.name = "count",
       .type = FieldType::kInteger,
       .initial = "null",
       .may_be_null = true,
       .min = 1,
       .max = 5},
      {.name = "on", .type = FieldType::kBool, .initial = "false"},
      {.name = "url", .type = FieldType::kUrl, .initial = "\"\""},
      {.name = "at", .type = FieldType::kDate, .initial = "null", .may_be_null = true}};
  const FieldCase cases[] = {{R"({"name":"äöü"})", nullptr},
                             {R"({"name":"abcd"})", "max_length"},
                             {R"({"name":"  "})", "blank"},
                             {R"({"name":null})", "null"},
                             {R"({"name":5})", "invalid_input"},
                             {"{}", "required"},
                             {R"({"name":"a","color":"green"})", "invalid_choice"},
                             {R"({"name":"a","color":null})", "null"},
                             {R"({"name":"a","count":"4"})", nullptr},
                             {R"({"name":"a","count":0})", "min_value"},
                             {R"({"name":"a","count":6})", "max_value"},
                             {R"({"name":"a","count":1.5})", "invalid_input"},
                             {R"({"name":"a","on":1})", "invalid_input"},
                             {R"({"name":"a","url":"ftp://x"})", "invalid_input"},
                             {R"({"name":"a","at":5})", "invalid_input"}};
  for (const FieldCase& c : cases) {
    JsonFields fields;
    const auto error = ReadFields(kRules, *JsonFields::Parse(c.body), Saving::kCreate, &fields);
    EXPECT_EQ(error.has_value() ? error->code : "", c.code == nullptr ? "" : c.code) << c.body;
  }
  JsonFields fields;
  ASSERT_FALSE(
      ReadFields(kRules, *JsonFields::Parse(R"({"name":" a "})"), Saving::kCreate, &fields));
  EXPECT_EQ(fields.ToJson(),
            R"({"name":"a","color":"red","count":null,"on":false,"url":"","at":null})");
  ASSERT_FALSE(
      ReadFields(kRules, *JsonFields::Parse(R"({"count":2,"x":1})"), Saving::kChange, &fields));
  EXPECT_EQ(fields.Find("count"), "2");
  EXPECT_FALSE(fields.Has("x"));
  const auto nameless =
      ReadFields(kRules, *JsonFields::Parse(R"({"count":3})"), Saving::kReplace, &fields);
  ASSERT_TRUE(nameless.has_value());
  EXPECT_EQ(nameless->attr, "name");
  ASSERT_FALSE(
      ReadFields(kRules, *JsonFields::Parse(R"({"name":"b"})"), Saving::kReplace, &fields));
  EXPECT_EQ(fields.Text("name"), "b");
  EXPECT_EQ(fields.Find("count"), "2") << "what may be left out stays";
}

}  // namespace
}  // namespace hoglet
