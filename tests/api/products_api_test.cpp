#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/api/early_access_features_api.h"
#include "src/api/flag_document.h"
#include "src/api/surveys_api.h"
#include "src/api/web_experiments_api.h"
#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "src/base/metrics.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "tests/api/api_client.h"

namespace hoglet {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kSurveys = "/api/projects/1/surveys/";
const std::string kFeatures = "/api/projects/1/early_access_feature/";
const std::string kExperiments = "/api/projects/1/web_experiments/";
constexpr char kVariants[] =
    R"("variants":{"control":{"rollout_percentage":50},"b":{"rollout_percentage":50}})";

class ProductsApiTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = ObjectStore::Open(&env, "objects");
    ASSERT_TRUE(opened.ok()) << opened.status();
    objects = *std::move(opened);
    const ProductApi::Parts parts{.env = &env, .projects = &projects, .objects = objects.get()};
    features = std::make_unique<EarlyAccessFeaturesApi>(parts);
    surveys = std::make_unique<SurveysApi>(parts, &engine);
    experiments = std::make_unique<WebExperimentsApi>(parts);
    for (ProductApi* api :
         std::initializer_list<ProductApi*>{features.get(), surveys.get(), experiments.get()}) {
      api->AddRoutes(&router);
    }
  }

  JsonFields Send(const std::string& method, const std::string& target, const std::string& body,
                  int status) {
    const HttpResponse response = client.Send(method, target, body);
    EXPECT_EQ(response.status, status) << method << " " << target << " " << response.Body();
    const auto fields = JsonFields::Parse(response.Body());
    return fields.ok() ? *fields : JsonFields();
  }
  JsonFields Make(const std::string& target, const std::string& body) {
    return Send("POST", target, body, 201);
  }
  std::string Published(const std::string& product) {
    return std::string(
        client.Send("GET", StrCat("/api/", product, "/?token=", FakeProjects::kToken)).Body());
  }
  size_t FlagCount() { return objects->All(1, ObjectKind::kFeatureFlag)->size(); }

  MemoryEnv memory;
  FaultEnv env{&memory};
  FakeProjects projects;
  FakeEngine engine;
  MetricRegistry metrics;
  HttpRouter router{&env, &metrics};
  ApiClient client{&router};
  std::unique_ptr<ObjectStore> objects;
  std::unique_ptr<EarlyAccessFeaturesApi> features;
  std::unique_ptr<SurveysApi> surveys;
  std::unique_ptr<WebExperimentsApi> experiments;
};

TEST_F(ProductsApiTest, KeysNeedTheScope) {
  struct {
    const char* scope;
    const std::string& target;
    int read;
    int write;
  } const cases[] = {{"survey:read", kSurveys, 200, 403},
                     {"survey:write", kSurveys, 200, 400},
                     {"survey:write", kFeatures, 403, 403},
                     {"early_access_feature:write", kFeatures, 200, 400},
                     {"experiment:write", kExperiments, 200, 400},
                     {"experiment:read", kSurveys, 403, 403}};
  for (const auto& c : cases) {
    projects.scopes = {c.scope};
    EXPECT_EQ(client.Send("GET", c.target).status, c.read) << c.scope << c.target;
    EXPECT_EQ(client.Send("POST", c.target, "{}").status, c.write) << c.scope << c.target;
    EXPECT_EQ(client.Send("GET", c.target + "activity/").status, 403) << c.scope;
  }
  projects.scopes = {"activity_log:read"};
  EXPECT_EQ(client.Send("GET", kSurveys + "activity/").status, 200);
}

TEST_F(ProductsApiTest, IterationsMoveOnWhenSdksAsk) {
  memory.SetNowMicros(*ParseRfc3339("2024-05-01T12:00:00Z"));
  const JsonFields survey =
      Make(kSurveys, R"({"name":"Again","type":"popover","start_date":"2024-05-01",)"
                     R"("iteration_count":2,"iteration_frequency_days":7})");
  const std::string id = survey.Text("id");
  const auto has_iteration = [&](int iteration) {
    EXPECT_THAT(Published("surveys"), HasSubstr(StrCat("\"current_iteration\":", iteration, ",")));
    EXPECT_THAT(*objects->Find(1, ObjectKind::kFeatureFlag, 1),
                HasSubstr(StrCat("$survey_responded/", id, "/", iteration, "\"")));
  };
  has_iteration(1);
  memory.SetNowMicros(*ParseRfc3339("2024-05-07T23:59:59Z"));
  has_iteration(1);
  memory.SetNowMicros(*ParseRfc3339("2024-05-08T00:01:00Z"));
  has_iteration(2);
  memory.SetNowMicros(*ParseRfc3339("2025-05-08T00:01:00Z"));
  has_iteration(2);
  Send("PATCH", kSurveys + id, R"({"iteration_count":1})", 400);
  const JsonFields ended =
      Send("PATCH", kSurveys + id, R"({"iteration_count":0,"end_date":"2025-05-08"})", 200);
  EXPECT_EQ(ended.Find("current_iteration"), "null");
  EXPECT_THAT(*objects->Find(1, ObjectKind::kFeatureFlag, 1),
              HasSubstr(StrCat("$survey_responded/", id, "\"")));
}

TEST_F(ProductsApiTest, PutWantsWhatANewObjectWants) {
  const JsonFields survey =
      Make(kSurveys, R"({"name":"Put","type":"popover","description":"kept"})");
  const std::string target = kSurveys + survey.Text("id");
  EXPECT_EQ(Send("PUT", target, R"({"description":"x"})", 400).Text("attr"), "name");
  const JsonFields put = Send("PUT", target, R"({"name":"New","type":"widget"})", 200);
  EXPECT_EQ(put.Text("name"), "New");
  EXPECT_EQ(put.Text("type"), "widget");
  EXPECT_EQ(put.Text("description"), "kept");
}

TEST_F(ProductsApiTest, FarAwayDatesAreHarmless) {
  const JsonFields survey =
      Make(kSurveys, R"({"name":"Far","type":"popover","start_date":"9999-12-31T23:59:59.5Z",)"
                     R"("iteration_count":500,"iteration_frequency_days":3650})");
  EXPECT_EQ(survey.Find("current_iteration"), "1");
  Send("PATCH", kSurveys + survey.Text("id"), R"({"start_date":"0001-01-01"})", 200);
  EXPECT_THAT(Published("surveys"), HasSubstr(R"("start_date":"0001-01-01T00:00:00Z")"));
}

TEST_F(ProductsApiTest, ARefusedObjectLeavesNoFlag) {
  Make(kFeatures, R"({"name":"Taken","stage":"beta"})");
  Make(kSurveys, R"({"name":"Taken","type":"api"})");
  const size_t flags = FlagCount();
  struct {
    const std::string& target;
    const char* body;
  } const cases[] = {
      {kFeatures, R"({"name":"Taken","stage":"beta"})"},
      {kSurveys, R"({"name":"Taken","type":"api"})"},
      {kSurveys, R"({"name":"X","type":"external_survey","targeting_flag_filters":{"groups":[)"
                 R"({"properties":[],"rollout_percentage":5}]}})"},
      {kExperiments, R"({"name":"X","variants":{"control":{"rollout_percentage":99}}})"},
      {kSurveys, "[]"},
      {kSurveys, R"({"name":"X","type":"api","questions":[{"type":"open"}]})"}};
  for (const auto& c : cases) Send("POST", c.target, c.body, 400);
  EXPECT_EQ(FlagCount(), flags);
  EXPECT_EQ(objects->All(1, ObjectKind::kSurvey)->size(), 1u);
  EXPECT_EQ(objects->All(1, ObjectKind::kWebExperiment)->size(), 0u);
}

TEST_F(ProductsApiTest, AFullDiskChangesNothing) {
  const JsonFields survey = Make(kSurveys, R"({"name":"A","type":"api"})");
  const std::string target = kSurveys + survey.Text("id");
  env.SetDiskFull(true);
  Send("PATCH", target, R"({"start_date":"2024-01-01"})", 503);
  Send("DELETE", target, "", 503);
  env.SetDiskFull(false);
  EXPECT_EQ(Send("GET", target, "", 200).Find("start_date"), "null");
}

TEST_F(ProductsApiTest, SurveysDoNotShareTheirOwnFlags) {
  const JsonFields survey = Make(kSurveys, R"({"name":"A","type":"api","targeting_flag_filters":)"
                                           R"({"groups":[{"rollout_percentage":5}]}})");
  const auto own = JsonFields::Parse(survey.Find("targeting_flag"));
  ASSERT_TRUE(own.ok());
  for (const char* member : {"linked_flag_id", "targeting_flag_id"}) {
    Send("POST", kSurveys,
         StrCat(R"({"name":"B","type":"api",")", member, "\":", own->Int("id"), "}"), 400);
  }
  // What one got may be sent back.
  Send("PATCH", kSurveys + survey.Text("id"),
       StrCat(R"({"targeting_flag_id":)", own->Int("id"), "}"), 200);
  Send("PATCH", kSurveys + survey.Text("id"), R"({"targeting_flag_id":null})", 200);
  EXPECT_EQ(FlagCount(), 1u);
}

TEST_F(ProductsApiTest, SdksSeeChangesAtOnce) {
  EXPECT_EQ(Published("early_access_features"), R"({"earlyAccessFeatures":[]})");
  const JsonFields feature = Make(kFeatures, R"({"name":"Dark","stage":"beta"})");
  const std::string target = kFeatures + feature.Text("id");
  EXPECT_THAT(Published("early_access_features"), HasSubstr(R"("flagKey":"dark")"));
  Send("PATCH", target, R"({"name":"Darker"})", 200);
  EXPECT_THAT(Published("early_access_features"), HasSubstr(R"("name":"Darker")"));
  EXPECT_EQ(client.Send("DELETE", target).status, 204);
  EXPECT_EQ(Published("early_access_features"), R"({"earlyAccessFeatures":[]})");
}

// As the flags' API asks before it deletes one.
TEST_F(ProductsApiTest, AFlagThatAProductOffersStays) {
  const JsonFields feature = Make(kFeatures, R"({"name":"Dark","stage":"beta"})");
  const JsonFields experiment = Make(kExperiments, StrCat(R"({"name":"E",)", kVariants, "}"));
  const auto refusal = [&](int64_t flag_id, const char* field = "deleted",
                           const char* value = "true") {
    std::string detail;
    EXPECT_TRUE(objects
                    ->Change(1,
                             [&](ObjectStore::Transaction* transaction) {
                               const auto flag = JsonFields::Parse(
                                   *transaction->Find(ObjectKind::kFeatureFlag, flag_id));
                               JsonFields changed = *flag;
                               changed.Set(field, value);
                               const auto error = RefuseWhileNeeded(*flag, changed, *transaction);
                               detail = error.has_value() ? error->detail : "";
                               return absl::OkStatus();
                             })
                    .ok());
    return detail;
  };
  EXPECT_THAT(refusal(1), HasSubstr("the early access feature Dark"));
  EXPECT_EQ(refusal(2), "") << "it does not run yet";
  EXPECT_EQ(refusal(1, "filters", R"({"groups":[{}]})"), "");
  EXPECT_THAT(refusal(1, "filters", R"({"groups":[{}],"aggregation_group_type_index":0})"),
              HasSubstr("one of groups"));
  Send("PATCH", StrCat(kExperiments, experiment.Find("id")), R"({"start_date":"2024-01-01"})", 200);
  EXPECT_THAT(refusal(2), HasSubstr("the running web experiment E"));
  EXPECT_EQ(client.Send("DELETE", kFeatures + feature.Text("id")).status, 204);
  EXPECT_EQ(refusal(1), "");
}

TEST_F(ProductsApiTest, EnrollmentIsOpenWhileReleased) {
  const JsonFields feature = Make(kFeatures, R"({"name":"F","stage":"draft"})");
  const std::string target = kFeatures + feature.Text("id");
  for (const auto& [stage, is_open] :
       {std::pair("concept", false), std::pair("alpha", true), std::pair("beta", true),
        std::pair("general-availability", true), std::pair("archived", false),
        std::pair("draft", false)}) {
    Send("PATCH", target, StrCat(R"({"stage":")", stage, "\"}"), 200);
    const auto matches = is_open ? testing::Matcher<std::string>(HasSubstr("$feature_enrollment/f"))
                                 : testing::Matcher<std::string>(Not(HasSubstr("$feature_enrol")));
    EXPECT_THAT(*objects->Find(1, ObjectKind::kFeatureFlag, 1), matches) << stage;
  }
}

TEST_F(ProductsApiTest, WebExperimentsRunByTheirFlag) {
  const JsonFields made = Make(kExperiments, StrCat(R"({"name":"E",)", kVariants, "}"));
  const std::string target = StrCat(kExperiments, made.Find("id"));
  const auto has = [&](const char* text) {
    EXPECT_THAT(*objects->Find(1, ObjectKind::kFeatureFlag, 1), HasSubstr(text));
  };
  has(R"("active":false)");
  has(R"("has_experiment":true)");
  has(R"("variants":[{"key":"control","rollout_percentage":50},{"key":"b","rollout_percentage":50}])");
  Send("PATCH", target, R"({"end_date":"2024-01-01"})", 400);
  Send("PATCH", target, R"({"start_date":"2024-01-01"})", 200);
  has(R"("active":true)");
  Send("PATCH", target, R"({"archived":true})", 200);
  has(R"("active":false)");
  EXPECT_EQ(Published("web_experiments"), R"({"experiments":[]})");
  EXPECT_EQ(client.Send("DELETE", target).status, 204);
  has(R"("has_experiment":false)");
}

}  // namespace
}  // namespace hoglet
