#include "src/api/personal_api_keys_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/api/json_fields.h"
#include "src/base/memory_env.h"
#include "src/base/metrics.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "tests/api/api_client.h"

namespace hoglet {
namespace {

using testing::HasSubstr;

// Keys of the store itself.
class StoreProjects : public FakeProjects {
 public:
  explicit StoreProjects(const MetadataStore* metadata) : metadata_(metadata) {}
  std::optional<Caller> FindPersonalApiKey(std::string_view text) const override {
    const auto key = metadata_->FindApiKey(text);
    if (!key.has_value()) return std::nullopt;
    return Caller{key->user_id, key->id, key->scopes, key->scoped_teams, key->scoped_organizations};
  }

 private:
  const MetadataStore* metadata_;
};

constexpr char kKeys[] = "/api/personal_api_keys/";
constexpr char kNotByKey[] = "This action does not support Personal API Key access";

class PersonalApiKeysTest : public testing::Test {
 protected:
  void SetUp() override { api.AddRoutes(&router); }

  JsonFields Send(const std::string& method, const std::string& target, const std::string& body,
                  int status, std::string key = "") {
    if (key.empty()) key = metadata->initial_api_key();
    const HttpResponse response = ApiClient(&router, key).Send(method, target, body);
    EXPECT_EQ(response.status, status) << method << " " << target << " " << response.body;
    const auto fields = JsonFields::Parse(response.body);
    return fields.ok() ? *fields : JsonFields();
  }
  std::string Path(const JsonFields& key) { return StrCat(kKeys, key.Text("id"), "/"); }

  MemoryEnv env;
  std::unique_ptr<MetadataStore> metadata = *MetadataStore::Open(&env, "data");
  StoreProjects projects{metadata.get()};
  MetricRegistry metrics;
  HttpRouter router{&env, &metrics};
  PersonalApiKeysApi api{&projects, metadata.get()};
};

TEST_F(PersonalApiKeysTest, AreMadeRolledAndDeleted) {
  const JsonFields made = Send(
      "POST", kKeys, R"({"label":"ci","scopes":["feature_flag:read"],"scoped_teams":[1]})", 201);
  const std::string text = made.Text("value");
  EXPECT_TRUE(text.starts_with("phx_"));
  EXPECT_EQ(made.Find("scopes"), R"(["feature_flag:read"])");
  EXPECT_EQ(made.Find("scoped_teams"), "[1]");
  EXPECT_EQ(made.Text("mask_value"), StrCat("phx_...", text.substr(text.size() - 4)));
  const JsonFields seen = Send("GET", Path(made), "", 200);
  EXPECT_EQ(seen.Find("value"), "null");
  EXPECT_EQ(seen.Text("label"), "ci");
  EXPECT_EQ(Send("PATCH", Path(made), R"({"label":"new"})", 200).Find("scopes"),
            R"(["feature_flag:read"])");
  EXPECT_EQ(Send("PATCH", Path(made), R"({"scopes":["*"]})", 200).Text("label"), "new");
  Send("PUT", Path(made), R"({"scopes":["*"]})", 400);
  EXPECT_EQ(Send("PUT", Path(made), R"({"label":"put"})", 200).Text("label"), "put");
  const JsonFields rolled = Send("POST", Path(made) + "roll/", "", 200);
  EXPECT_NE(rolled.Text("value"), text);
  EXPECT_NE(rolled.Find("last_rolled_at"), "null");
  Send("GET", StrCat(kKeys, "@current/"), "", 401, text);
  Send("GET", StrCat(kKeys, "@current/"), "", 200, rolled.Text("value"));
  const HttpResponse list = ApiClient(&router, metadata->initial_api_key()).Send("GET", kKeys);
  EXPECT_TRUE(list.body.starts_with(StrCat("[{\"id\":\"", made.Text("id"), "\"")));
  EXPECT_EQ(list.body.find(rolled.Text("value")), std::string::npos);
  Send("DELETE", Path(made), "", 204);
  Send("GET", Path(made), "", 404);
  Send("DELETE", Path(made), "", 404);
  Send("POST", Path(made) + "roll/", "", 404);
  Send("PATCH", Path(made), "{}", 404);
}

TEST_F(PersonalApiKeysTest, ALimitedKeySeesItselfOnly) {
  const JsonFields limits[] = {
      Send("POST", kKeys, R"({"label":"a","scopes":["user:read"]})", 201),
      Send("POST", kKeys, R"({"label":"b","scopes":["*"],"scoped_teams":[1]})", 201)};
  for (const JsonFields& made : limits) {
    const std::string key = made.Text("value");
    const JsonFields self = Send("GET", StrCat(kKeys, "@current/"), "", 200, key);
    EXPECT_EQ(self.Find("id"), made.Find("id"));
    Send("GET", Path(made), "", 200, key);
    EXPECT_EQ(Send("GET", StrCat(kKeys, "1/"), "", 403, key).Text("detail"), kNotByKey);
    EXPECT_EQ(Send("GET", kKeys, "", 403, key).Text("detail"), kNotByKey);
    Send("POST", kKeys, R"({"label":"b"})", 403, key);
    Send("PATCH", Path(made), R"({"scopes":["*"]})", 403, key);
    Send("POST", Path(made) + "roll/", "", 403, key);
    Send("DELETE", Path(made), "", 403, key);
  }
}

TEST_F(PersonalApiKeysTest, RefusesWhatIsWrong) {
  struct Case {
    const char* body;
    const char* attr;
  };
  const Case cases[] = {{"{}", "label"},
                        {R"({"label":""})", "label"},
                        {R"({"label":5})", "label"},
                        {R"({"label":"a","scopes":["flags:read"]})", "scopes"},
                        {R"({"label":"a","scopes":["person:delete"]})", "scopes"},
                        {R"({"label":"a","scopes":["person"]})", "scopes"},
                        {R"({"label":"a","scopes":"*"})", "scopes"},
                        {R"({"label":"a","scoped_teams":[7]})", "scoped_teams"},
                        {R"({"label":"a","scoped_teams":["1"]})", "scoped_teams"},
                        {R"({"label":"a","scoped_organizations":["x"]})", "scoped_organizations"}};
  for (const Case& test : cases) {
    EXPECT_EQ(Send("POST", kKeys, test.body, 400).Text("attr"), test.attr) << test.body;
  }
  EXPECT_EQ(metadata->ApiKeys().size(), 1u);
  for (int i = 0; i < 9; ++i) Send("POST", kKeys, R"({"label":"a"})", 201);
  EXPECT_EQ(
      Send("POST", kKeys, R"({"label":"a"})", 400).Text("detail"),
      "You can only have 10 personal API keys. Remove an existing key before creating a new one.");
}

TEST_F(PersonalApiKeysTest, WhoOneIs) {
  const JsonFields me = Send("GET", "/api/users/@me/", "", 200);
  EXPECT_EQ(me.Text("email"), "owner@hoglet.local");
  EXPECT_EQ(me.Text("distinct_id"), me.Text("uuid"));
  const std::string organization = FormatUuid(metadata->organization().uuid);
  EXPECT_EQ(JsonFields::Parse(me.Find("team"))->Text("organization"), organization);
  EXPECT_EQ(JsonFields::Parse(me.Find("team"))->Int("id"), 1);
  EXPECT_EQ(JsonFields::Parse(me.Find("organization"))->Text("id"), organization);
  EXPECT_THAT(std::string(me.Find("organizations")), HasSubstr(organization));
  Send("GET", StrCat("/api/users/", me.Text("uuid"), "/"), "", 200);
  Send("GET", "/api/users/2/", "", 404);
  const JsonFields blind =
      Send("POST", kKeys, R"({"label":"a","scopes":["feature_flag:read"]})", 201);
  EXPECT_EQ(Send("GET", "/api/users/@me/", "", 403, blind.Text("value")).Text("detail"),
            "API key missing required scope 'user:read'");
  // No matter what it is scoped to.
  const JsonFields scoped =
      Send("POST", kKeys, R"({"label":"a","scopes":["user:read"],"scoped_teams":[1]})", 201);
  Send("GET", "/api/users/@me/", "", 200, scoped.Text("value"));
}

}  // namespace
}  // namespace hoglet
