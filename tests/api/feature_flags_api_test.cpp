#include "src/api/feature_flags_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "src/base/metrics.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "tests/api/api_client.h"

namespace hoglet {
namespace {

using testing::HasSubstr;

constexpr char kFlags[] = "/api/projects/1/feature_flags/";
constexpr char kGroups[] = R"("filters":{"groups":[{"properties":[],"rollout_percentage":50}]})";

class FeatureFlagsApiTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = ObjectStore::Open(&env, "objects");
    ASSERT_TRUE(opened.ok()) << opened.status();
    objects = *std::move(opened);
    api = std::make_unique<FeatureFlagsApi>(&env, &projects, objects.get());
    api->AddRoutes(&router);
  }

  // The answer's members; its status must be as wanted.
  JsonFields Send(const std::string& method, const std::string& target, const std::string& body,
                  int status) {
    const HttpResponse response = client.Send(method, target, body);
    EXPECT_EQ(response.status, status) << method << " " << target << " " << response.body;
    const auto fields = JsonFields::Parse(response.body);
    return fields.ok() ? *fields : JsonFields();
  }
  JsonFields Create(const std::string& key, const std::string& more = kGroups) {
    return Send("POST", kFlags, StrCat(R"({"key":")", key, "\",", more, "}"), 201);
  }
  std::string Path(const JsonFields& flag) { return StrCat(kFlags, flag.Find("id"), "/"); }
  JsonFields Patch(const JsonFields& flag, const std::string& body, int status = 200) {
    return Send("PATCH", Path(flag), body, status);
  }
  std::string Keys(const std::string& query) {
    std::string keys;
    const JsonFields page = Send("GET", StrCat(kFlags, "?", query), "", 200);
    VisitRows(page.Find("results"), [&](const JsonFields& flag) {
      StrAppend(&keys, keys.empty() ? "" : " ", flag.Text("key"));
    });
    return keys;
  }
  static void VisitRows(std::string_view json,
                        const std::function<void(const JsonFields&)>& visit) {
    Arena arena;
    std::vector<JsonMember> rows;
    ASSERT_TRUE(ParseJsonArray(json, &arena, &rows).ok()) << json;
    for (const JsonMember& row : rows) visit(*JsonFields::Parse(row.text));
  }
  std::string Activities(const std::string& target) {
    std::string out;
    VisitRows(Send("GET", target, "", 200).Find("results"), [&](const JsonFields& line) {
      StrAppend(&out, line.Text("activity"), " ", line.Text("item_id"), ";");
    });
    return out;
  }

  MemoryEnv memory;
  FaultEnv env{&memory};
  FakeProjects projects;
  MetricRegistry metrics;
  HttpRouter router{&env, &metrics};
  ApiClient client{&router};
  std::unique_ptr<ObjectStore> objects;
  std::unique_ptr<FeatureFlagsApi> api;
};

TEST_F(FeatureFlagsApiTest, WithoutFiltersItIsForEveryone) {
  const JsonFields flag = Send("POST", kFlags, R"({"key":"bare"})", 201);
  EXPECT_EQ(flag.Find("filters"),
            R"({"groups":[{"properties":[],"rollout_percentage":null,"variant":null}]})");
  Send("POST", kFlags, R"({"key":"empty","filters":{"groups":[]}})", 400);
  EXPECT_EQ(Patch(flag, R"({"filters":{"groups":[]}})").Find("filters"), R"({"groups":[]})");
}

TEST_F(FeatureFlagsApiTest, FlagsOfSurveysAreNotListed) {
  Create("own");
  const JsonFields targeting = Create("survey-targeting-x");
  ASSERT_TRUE(objects
                  ->Change(1,
                           [&](ObjectStore::Transaction* transaction) {
                             transaction->Put(ObjectKind::kSurvey,
                                              transaction->NewId(ObjectKind::kSurvey),
                                              StrCat(R"({"internal_targeting_flag_id":)",
                                                     targeting.Find("id"), "}"));
                             return absl::OkStatus();
                           })
                  .ok());
  EXPECT_EQ(Keys(""), "own");
  Send("GET", Path(targeting), "", 200);
}

TEST_F(FeatureFlagsApiTest, PutWantsAKey) {
  const JsonFields flag = Create("put");
  EXPECT_EQ(Send("PUT", Path(flag), R"({"name":"Put"})", 400).Text("attr"), "key");
  const JsonFields put = Send("PUT", Path(flag), R"({"key":"put-again","name":"Put"})", 200);
  EXPECT_EQ(put.Text("key"), "put-again");
  EXPECT_EQ(put.Find("version"), "2");
  EXPECT_EQ(put.Find("filters"), flag.Find("filters"));
  Patch(flag, R"({"deleted":true})");
  Send("PUT", Path(flag), R"({"key":"put-again"})", 404);
}

TEST_F(FeatureFlagsApiTest, AFlagHasAllFields) {
  const HttpResponse response = client.Send(
      "POST", "/api/environments/1/feature_flags",
      R"({"key":"a","name":"A","id":99,"created_by":5,"filters":{"groups":[{"rollout_percentage":25}]},"tags":["X "],"evaluation_tags":["app"],"nonsense":1})");
  ASSERT_EQ(response.status, 201) << response.body;
  const std::string user =
      R"({"id":1,"uuid":"0191a0b5-0000-7000-8000-000000000001","distinct_id":"0191a0b5-0000-7000-8000-000000000001",)"
      R"("first_name":"Me","last_name":"","email":"me@example.com","is_email_verified":true,"hedgehog_config":null,"role_at_organization":null})";
  EXPECT_EQ(
      response.body,
      StrCat(
          R"({"id":1,"name":"A","key":"a","filters":{"groups":[{"rollout_percentage":25}]},"deleted":false,"active":true,"created_by":)",
          user,
          R"(,"created_at":"2023-11-14T22:13:20.000000Z","updated_at":"2023-11-14T22:13:20.000000Z","version":1,"last_modified_by":)",
          user,
          R"(,"is_simple_flag":true,"rollout_percentage":25,"ensure_experience_continuity":false,"experiment_set":[],"surveys":[],"features":[],)"
          R"("rollback_conditions":null,"performed_rollback":false,"can_edit":true,"tags":["x"],"evaluation_tags":["app"],"evaluation_contexts":["app"],)"
          R"("usage_dashboard":null,"analytics_dashboards":[],"has_enriched_analytics":false,"user_access_level":"manager","creation_context":"feature_flags",)"
          R"("is_remote_configuration":false,"has_encrypted_payloads":false,"status":"ACTIVE","evaluation_runtime":"all","bucketing_identifier":null,"last_called_at":null})"));
  EXPECT_EQ(client.Send("GET", "/api/projects/@current/feature_flags/1/").body, response.body);
}

struct CreateCase {
  const char* body;
  const char* code;
  const char* attr;
};

TEST_F(FeatureFlagsApiTest, RefusesAndChangesNothing) {
  Create("taken");
  const CreateCase cases[] = {
      {"{", "parse_error", ""},
      {"{}", "required", "key"},
      {R"({"key":null})", "null", "key"},
      {R"({"key":5})", "invalid_input", "key"},
      {R"({"key":"a b","filters":5})", "invalid_key", "key"},
      {R"({"key":"taken","filters":{"groups":[{}]}})", "unique", "key"},
      {R"({"key":"a","filters":{}})", "invalid_input", "filters"},
      {R"({"key":"a","filters":null})", "invalid_input", "filters"},
      {R"({"key":"a","filters":{"groups":[{}]},"active":"x"})", "invalid_input", "active"},
      {R"({"key":"a","filters":{"groups":[{}]},"evaluation_runtime":"x"})", "invalid_choice",
       "evaluation_runtime"},
      {R"({"key":"a","filters":{"groups":[{"properties":[{"type":"cohort","key":"id","value":1}]}]}})",
       "cohort_does_not_exist", "filters"},
  };
  const uint64_t version = objects->version(1);
  for (const CreateCase& test : cases) {
    const JsonFields error = Send("POST", kFlags, test.body, 400);
    EXPECT_EQ(error.Text("code"), test.code) << test.body;
    EXPECT_EQ(error.Text("attr"), test.attr) << test.body;
  }
  EXPECT_EQ(objects->version(1), version);
}

TEST_F(FeatureFlagsApiTest, DeletingFreesTheKeyAndIsUndone) {
  const JsonFields flag = Create("a");
  EXPECT_EQ(
      Send("DELETE", Path(flag), "", 405).Text("detail"),
      "Hard delete of this model is not allowed. Use a patch API call to set \"deleted\" to true");
  EXPECT_EQ(Patch(flag, R"({"key":"a","deleted":true})").Find("deleted"), "true");
  Send("GET", Path(flag), "", 404);
  Patch(flag, R"({"name":"x"})", 404);
  Patch(flag, R"({"deleted":false,"name":"x"})", 404);
  EXPECT_EQ(Keys(""), "");
  const JsonFields other = Create("a");
  EXPECT_EQ(Patch(flag, R"({"deleted":false})", 400).Text("code"), "unique");
  Patch(other, R"({"key":"b"})");
  EXPECT_EQ(Patch(flag, R"({"deleted":false})").Find("deleted"), "false");
  EXPECT_EQ(Keys(""), "b a");
  EXPECT_EQ(Activities(Path(flag) + "activity/"), "restored 1;deleted 1;created 1;");
}

TEST_F(FeatureFlagsApiTest, ChangesCountVersionsAndConflict) {
  const JsonFields flag = Create("a");
  EXPECT_EQ(Patch(flag, R"({"name":"one"})").Find("version"), "2");
  EXPECT_EQ(Patch(flag, R"({"name":"one"})").Find("version"), "2");  // nothing changed
  EXPECT_EQ(Patch(flag, R"({"version":2,"name":"two"})").Find("version"), "3");
  // Seen before the name changed.
  const JsonFields conflict = Patch(flag, R"({"version":2,"name":"three"})", 409);
  EXPECT_EQ(conflict.Text("code"), "conflict");
  EXPECT_THAT(conflict.Text("detail"), HasSubstr("me@example.com"));
  // Another field, or what it is already, is no conflict.
  EXPECT_EQ(Patch(flag, R"({"version":1,"active":false})").Find("version"), "4");
  EXPECT_EQ(Patch(flag, R"({"version":1,"name":"two"})").Find("version"), "4");
  EXPECT_EQ(Send("GET", Path(flag), "", 200).Text("name"), "two");
}

TEST_F(FeatureFlagsApiTest, AChangeWithoutConditionsKeepsThem) {
  const JsonFields flag = Create("a");
  const JsonFields changed = Patch(flag, R"({"filters":{"payloads":{"nope":1}},"active":false})");
  EXPECT_EQ(changed.Find("filters"), flag.Find("filters"));
  EXPECT_EQ(changed.Text("status"), "INACTIVE");
  Patch(flag, R"({"filters":{"groups":[5]}})", 400);
}

TEST_F(FeatureFlagsApiTest, RenamingMovesTheEnrollment) {
  const JsonFields flag = Create(
      "a",
      R"("filters":{"groups":[{}],"super_groups":[{"properties":[{"key":"$feature_enrollment/a","type":"person","operator":"exact","value":["true"]}],"rollout_percentage":100}]})");
  EXPECT_THAT(std::string(Patch(flag, R"({"key":"b"})").Find("filters")),
              HasSubstr("$feature_enrollment/b"));
}

TEST_F(FeatureFlagsApiTest, FlagsMayNotDependOnEachOther) {
  const JsonFields a = Create("a");
  const auto on = [](const JsonFields& flag) {
    return StrCat(
        R"("filters":{"groups":[{"properties":[{"type":"flag","operator":"flag_evaluates_to","value":true,"key":")",
        flag.Find("id"), R"("}]}]})");
  };
  const JsonFields b = Create("b", on(a));
  EXPECT_EQ(Patch(a, StrCat("{", on(b), "}"), 400).Text("attr"), "filters");
  EXPECT_EQ(Patch(a, StrCat("{", on(a), "}"), 400).Text("attr"), "filters");
}

TEST_F(FeatureFlagsApiTest, WhatOthersNeedStays) {
  const auto on = [](const JsonFields& flag) {
    return StrCat(
        R"("filters":{"groups":[{"properties":[{"type":"flag","operator":"flag_evaluates_to","value":true,"key":")",
        flag.Find("id"), R"("}]}]})");
  };
  const JsonFields base = Create("base");
  std::vector<JsonFields> others;
  for (const char* key : {"o1", "o2", "o3", "o4", "o5", "o6"}) {
    others.push_back(Create(key, on(base)));
  }
  const uint64_t version = objects->version(1);
  const std::string named =
      "because other flags depend on it: o1 (ID: 2), o2 (ID: 3), o3 (ID: 4), o4 (ID: 5), "
      "o5 (ID: 6), and 1 more. ";
  EXPECT_THAT(Patch(base, R"({"active":false})", 400).Text("detail"),
              HasSubstr(StrCat("Cannot disable this feature flag ", named)));
  EXPECT_THAT(Patch(base, R"({"deleted":true})", 400).Text("detail"),
              HasSubstr(StrCat("Cannot delete this feature flag ", named)));
  EXPECT_EQ(objects->version(1), version);
  Patch(base, R"({"name":"another"})");
  // Those that are off or gone need nothing.
  for (size_t i = 0; i < others.size(); ++i) {
    Patch(others[i], i % 2 == 0 ? R"({"active":false})" : R"({"deleted":true})");
  }
  Patch(base, R"({"active":false})");
  Patch(base, R"({"deleted":true})");
  // What is switched on again must find what it needs.
  Patch(others[0], R"({"active":true})", 400);
  Patch(others[1], R"({"deleted":false})", 400);
  Patch(others[0], R"({"name":"off"})");
}

TEST_F(FeatureFlagsApiTest, Lists) {
  Create(
      "simple",
      R"("name":"Green Button","tags":["ui"],"filters":{"groups":[{"rollout_percentage":100}]})");
  Create(
      "many",
      R"("evaluation_runtime":"server","filters":{"groups":[{"rollout_percentage":10}],"multivariate":{"variants":[{"key":"x","rollout_percentage":100}]}})");
  Create("remote", R"("is_remote_configuration":true,"active":false,"filters":{"groups":[{}]})");
  EXPECT_EQ(Keys(""), "remote many simple");
  EXPECT_EQ(Keys("search=green"), "simple");
  EXPECT_EQ(Keys("search=MA"), "many");
  EXPECT_EQ(Keys("active=true"), "many simple");
  EXPECT_EQ(Keys("active=false"), "remote");
  EXPECT_EQ(Keys("active=STALE"), "");
  memory.AdvanceMicros(31 * kMicrosPerDay);
  EXPECT_EQ(Keys("active=STALE"), "simple");
  EXPECT_EQ(Keys("type=boolean"), "simple");
  EXPECT_EQ(Keys("type=multivariant"), "many");
  EXPECT_EQ(Keys("type=remote_config"), "remote");
  EXPECT_EQ(Keys("type=experiment"), "");
  EXPECT_EQ(Keys("evaluation_runtime=server"), "many");
  EXPECT_EQ(Keys("tags=%5B%22ui%22%5D"), "simple");
  EXPECT_EQ(Keys("created_by_id=1"), "remote many simple");
  EXPECT_EQ(Keys("created_by_id=2"), "");
  EXPECT_EQ(Keys("excluded_properties=%5B%22many%22%5D"), "remote simple");
  EXPECT_EQ(Keys("limit=1&offset=1"), "many");
  EXPECT_EQ(Send("GET", StrCat(kFlags, "1/status"), "", 200).Text("status"), "STALE");
  EXPECT_EQ(client.Send("POST", StrCat(kFlags, "bulk_keys/"), R"({"ids":[1,"2",99]})").body,
            R"({"keys":{"1":"simple","2":"many"}})");
  Send("POST", StrCat(kFlags, "bulk_keys/"), R"({"ids":["x"]})", 400);
  Send("POST", StrCat(kFlags, "bulk_keys/"), "{}", 400);
  Send("GET", StrCat(kFlags, "nonsense/"), "", 404);
}

TEST_F(FeatureFlagsApiTest, ActivityTellsWhoChangedWhat) {
  const JsonFields a = Create("a");
  Create("b");
  memory.AdvanceMicros(1);
  Patch(a, R"({"active":false,"name":"new"})");
  EXPECT_EQ(Activities(Path(a) + "activity/"), "updated 1;created 1;");
  EXPECT_EQ(Activities(StrCat(kFlags, "activity/")), "updated 1;created 2;created 1;");
  EXPECT_EQ(Activities("/api/projects/1/activity_log/?scope=FeatureFlag&item_id=2"), "created 2;");
  EXPECT_EQ(Activities("/api/projects/1/activity_log/?scopes=Cohort,FeatureFlag&user=1"),
            "updated 1;created 2;created 1;");
  EXPECT_EQ(Activities("/api/projects/1/activity_log/?user=0191a0b5-0000-7000-8000-000000000001"),
            "updated 1;created 2;created 1;");
  EXPECT_EQ(Activities("/api/projects/1/activity_log/?user=5"), "");
  EXPECT_EQ(Activities("/api/projects/1/activity_log/?scope=Cohort"), "");
  const JsonFields page = Send("GET", StrCat(kFlags, "activity/?limit=1&page=2"), "", 200);
  EXPECT_EQ(page.Int("total_count"), 3);
  EXPECT_THAT(page.Text("next"), HasSubstr("page=3"));
  EXPECT_THAT(page.Text("previous"), HasSubstr("page=1"));
  std::string first;
  VisitRows(Send("GET", StrCat(kFlags, "activity/?limit=1"), "", 200).Find("results"),
            [&](const JsonFields& line) { first = line.Find("detail"); });
  EXPECT_EQ(
      first,
      R"({"name":"a","short_id":null,"type":null,"trigger":null,"context":null,"changes":[)"
      R"({"type":"FeatureFlag","action":"changed","field":"name","before":"","after":"new"},)"
      R"({"type":"FeatureFlag","action":"changed","field":"active","before":true,"after":false}]})");
  Send("GET", StrCat(kFlags, "99/activity/"), "", 404);
}

TEST_F(FeatureFlagsApiTest, ScopesAndProjects) {
  projects.scopes = {"feature_flag:read"};
  Send("GET", kFlags, "", 200);
  EXPECT_EQ(Send("POST", kFlags, "{}", 403).Text("detail"),
            "API key missing required scope 'feature_flag:write'");
  EXPECT_EQ(Send("GET", StrCat(kFlags, "activity/"), "", 403).Text("detail"),
            "API key missing required scope 'activity_log:read'");
  Send("GET", "/api/projects/2/feature_flags/", "", 403);
}

TEST_F(FeatureFlagsApiTest, AFullDiskIsSaidAndPasses) {
  Create("a");
  env.SetDiskFull(true);
  Send("POST", kFlags, StrCat(R"({"key":"b",)", kGroups, "}"), 503);
  EXPECT_EQ(Keys(""), "a");
  env.SetDiskFull(false);
  Create("b");
  EXPECT_EQ(Keys(""), "b a");
}

}  // namespace
}  // namespace hoglet
