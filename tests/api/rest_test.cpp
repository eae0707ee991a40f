#include "src/api/rest.h"

#include <gtest/gtest.h>

#include "src/api/json_fields.h"
#include "src/base/strings.h"
#include "tests/api/fake_parts.h"

namespace hoglet {
namespace {

struct Key {
  std::string header;
  std::string body;
  std::string query;
};

HttpRequest RequestOf(const Key& key, std::string project = "1") {
  HttpRequest request;
  request.method = "POST";
  if (!key.header.empty()) request.headers.Add("authorization", key.header);
  request.body = key.body;
  request.query = key.query;
  request.path_parameters = {{"project_id", std::move(project)}};
  return request;
}

struct AuthorizeCase {
  const char* name;
  Key key;
  std::string project = "1";
  std::vector<std::string> scopes;
  int status = 200;
  std::string detail;
};

constexpr char kGood[] = "Bearer phx_fake_personal_key";
constexpr char kNoKey[] = "Authentication credentials were not provided.";

const AuthorizeCase kAuthorizeCases[] = {
    {"header", {kGood}},
    {"header in another case", {"bearer   phx_fake_personal_key  "}},
    {"JSON body", {"", R"({"personal_api_key":"phx_fake_personal_key"})"}},
    {"query", {"", "", "a=1&personal_api_key=phx_fake_personal_key"}},
    {"current project", {kGood}, "@current"},
    {"none", {}, "1", {}, 401, kNoKey},
    {"another scheme", {"Basic phx_fake_personal_key"}, "1", {}, 401, kNoKey},
    {"no space", {"Bearerphx_fake_personal_key"}, "1", {}, 401, kNoKey},
    {"nobody without a key learns which projects there are", {}, "7", {}, 401, kNoKey},
    {"bad header",
     {"Bearer x"},
     "1",
     {},
     401,
     "Personal API key found in request Authorization header is invalid."},
    {"bad header, though the query is good",
     {"Bearer x", "", "personal_api_key=phx_fake_personal_key"},
     "1",
     {},
     401,
     "Personal API key found in request Authorization header is invalid."},
    {"secret token",
     {"Bearer phs_fake_secret_token"},
     "1",
     {},
     401,
     "Personal API key found in request Authorization header is invalid."},
    {"bad body",
     {"", R"({"personal_api_key":"x"})"},
     "1",
     {},
     401,
     "Personal API key found in request body is invalid."},
    {"bad query",
     {"", "", "personal_api_key=x"},
     "1",
     {},
     401,
     "Personal API key found in request query string is invalid."},
    {"no such project", {kGood}, "3", {}, 404, "Project not found."},
    {"no number", {kGood}, "1x", {}, 404, "Project not found."},
    {"another project",
     {kGood},
     "2",
     {},
     403,
     "API key does not have access to the requested project: ID 2."},
    {"token wins over the id", {kGood, "", "token=phc_fake_project_token"}, "7"},
    {"token of the body", {kGood, R"({"api_key":"phc_fake_project_token"})"}, "@current"},
    {"unknown token",
     {kGood, "", "token=phc_x"},
     "1",
     {},
     401,
     "Project token found in request is invalid."},
    {"all scopes", {kGood}, "1", {"*"}},
    {"the scope", {kGood}, "1", {"a:read", "feature_flag:read"}},
    {"write includes read", {kGood}, "1", {"feature_flag:write"}},
    {"other scopes",
     {kGood},
     "1",
     {"feature_flags:read", "cohort:write"},
     403,
     "API key missing required scope 'feature_flag:read'"},
};

TEST(Authorize, Projects) {
  for (const AuthorizeCase& test : kAuthorizeCases) {
    SCOPED_TRACE(test.name);
    FakeProjects projects;
    projects.scopes = test.scopes;
    ProjectInfo project;
    Caller caller;
    const auto refusal = AuthorizeProject(RequestOf(test.key, test.project), projects,
                                          "feature_flag:read", &project, &caller);
    ASSERT_EQ(refusal.has_value() ? refusal->status : 200, test.status);
    if (!refusal.has_value()) {
      EXPECT_EQ(project.team_id, 1);
      EXPECT_EQ(caller.user_id, 1);
      continue;
    }
    EXPECT_EQ(JsonFields::Parse(refusal->body)->Text("detail"), test.detail);
    EXPECT_EQ(refusal->headers.Has("www-authenticate"), test.status == 401);
  }
}

TEST(Authorize, ReadDoesNotIncludeWrite) {
  FakeProjects projects;
  projects.scopes = {"feature_flag:read"};
  ProjectInfo project;
  const auto refusal =
      AuthorizeProject(RequestOf({kGood}), projects, "feature_flag:write", &project);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->body,
            R"({"type":"authentication_error","code":"permission_denied",)"
            R"("detail":"API key missing required scope 'feature_flag:write'","attr":null})");
}

TEST(Authorize, OutsideProjectsNoKeyOfAProject) {
  FakeProjects projects;
  Caller caller;
  const auto refusal = AuthorizeCaller(RequestOf({kGood}), projects, "organization:read", &caller);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 403);
  EXPECT_EQ(JsonFields::Parse(refusal->body)->Text("detail"),
            "API keys with scoped projects are only supported on project-based endpoints.");
}

TEST(Pages, LinksAreAbsoluteAndKeepOtherParameters) {
  HttpRequest request;
  request.path = "/api/projects/1/things/";
  request.query = "limit=2&offset=2&search=a%20b";
  request.headers.Add("host", "hoglet.test");
  const auto page = [&] {
    return PagedResponse(request, ReadQueryParameters(request.query), 5,
                         [](uint64_t row, JsonWriter* json) { json->Uint(row); })
        .body;
  };
  EXPECT_EQ(
      page(),
      R"({"count":5,"next":"http://hoglet.test/api/projects/1/things/?limit=2&offset=4&search=a%20b",)"
      R"("previous":"http://hoglet.test/api/projects/1/things/?limit=2&offset=0&search=a%20b",)"
      R"("results":[2,3]})");
  request.query = "limit=9&offset=99999999999999999999";
  request.headers.Add("x-forwarded-proto", "https");
  request.headers.Add("x-forwarded-host", "flags.example.com");
  EXPECT_EQ(page(), R"({"count":5,"next":null,"previous":null,"results":[0,1,2,3,4]})");
  request.query = "limit=1&offset=18446744073709551615";
  EXPECT_NE(page().find("\"results\":[]"), std::string::npos);
  EXPECT_NE(page().find("https://flags.example.com/"), std::string::npos);
}

TEST(Changes, AreTheMembersThatDiffer) {
  EXPECT_EQ(
      ChangesJson("FeatureFlag", R"({"a":1,"b":{"x":1},"c":null,"d":1,"v":1})",
                  R"({"a":1,"b":{"x":2},"c":"new","e":[],"v":2})", {"v"}),
      R"([{"type":"FeatureFlag","action":"changed","field":"b","before":{"x":1},"after":{"x":2}},)"
      R"({"type":"FeatureFlag","action":"created","field":"c","before":null,"after":"new"},)"
      R"({"type":"FeatureFlag","action":"created","field":"e","before":null,"after":[]},)"
      R"({"type":"FeatureFlag","action":"deleted","field":"d","before":1,"after":null}])");
  EXPECT_EQ(ChangesJson("FeatureFlag", "", "{}", {}), "[]");
}

TEST(Bodies, AreOneJsonObject) {
  Arena arena;
  JsonObjectView members;
  HttpRequest request;
  EXPECT_FALSE(ReadJsonBody(request, &arena, &members).has_value());
  request.body = R"({"a":1})";
  EXPECT_FALSE(ReadJsonBody(request, &arena, &members).has_value());
  EXPECT_EQ(members.size(), 1u);
  request.body = "{";
  const auto refusal = ReadJsonBody(request, &arena, &members);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 400);
  EXPECT_TRUE(refusal->body.starts_with(
      R"({"type":"invalid_request","code":"parse_error","detail":"JSON parse error - )"));
  request.body = "[]";
  EXPECT_EQ(JsonFields::Parse(ReadJsonBody(request, &arena, &members)->body)->Text("type"),
            "validation_error");
}

TEST(JsonFieldsTest, KeepOrderAndTypes) {
  auto fields = JsonFields::Parse(R"( {"b": 1, "a": "x\"y", "c": [1, 2], "d": true, "e": -7} )");
  ASSERT_TRUE(fields.ok());
  EXPECT_EQ(fields->Text("a"), "x\"y");
  EXPECT_EQ(fields->Int("e"), -7);
  EXPECT_TRUE(fields->Bool("d"));
  EXPECT_EQ(fields->Text("b"), "");
  EXPECT_EQ(fields->Int("a"), 0);
  EXPECT_FALSE(fields->Has("z"));
  fields->Set("a", "null");
  fields->SetText("z", "\n");
  EXPECT_EQ(fields->ToJson(), R"({"b":1,"a":null,"c":[1,2],"d":true,"e":-7,"z":"\n"})");
  EXPECT_FALSE(JsonFields::Parse("[]").ok());
  EXPECT_FALSE(JsonFields::Parse("").ok());
}

}  // namespace
}  // namespace hoglet
