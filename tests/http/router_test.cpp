#include "src/http/router.h"

#include <gtest/gtest.h>

#include "src/base/url.h"
#include "src/http/api_error.h"
#include "src/http/http_client.h"

namespace hoglet {
namespace {

class RouterTest : public testing::Test {
 protected:
  void Add(std::string_view methods, std::string_view pattern,
           CorsPolicy cors = CorsPolicy::kCredentials, uint64_t body_bytes_max = 100) {
    HttpRouteOptions options;
    options.cors = cors;
    options.body_bytes_max = body_bytes_max;
    router_.Add(
        methods, pattern, options,
        [pattern = std::string(pattern)](HttpRequest request, const HttpResponder& responder) {
          std::string text = pattern + " " + request.method;
          for (const auto& [name, value] : request.path_parameters)
            text += " " + name + "=" + value;
          responder(HttpText(200, text));
        });
  }

  HttpResponse Ask(std::string method, std::string path, HttpHeaders headers = {},
                   std::string body = "") {
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = std::move(headers);
    request.body = std::move(body);
    HttpResponse got;
    router_.Handle(std::move(request),
                   [&got](HttpResponse response) { got = std::move(response); });
    return got;
  }

  MetricRegistry metrics_;
  HttpRouter router_{Env::Posix(), &metrics_};
};

TEST_F(RouterTest, ExactPathsWithAndWithoutSlash) {
  Add("GET POST", "/batch");
  EXPECT_EQ(Ask("POST", "/batch").body, "/batch POST");
  EXPECT_EQ(Ask("POST", "/batch/").body, "/batch POST");
  EXPECT_EQ(Ask("POST", "/batch//").status, 404);
  EXPECT_EQ(Ask("POST", "/batches").status, 404);
  EXPECT_EQ(Ask("POST", "").status, 404);
}

TEST_F(RouterTest, ParametersAreDecodedAndNeverEmpty) {
  Add("GET", "/array/:token/config");
  Add("GET", "/array/:token/config.js");
  EXPECT_EQ(Ask("GET", "/array/a%2Fb/config").body, "/array/:token/config GET token=a/b");
  EXPECT_EQ(Ask("GET", "/array/x/config.js").body, "/array/:token/config.js GET token=x");
  EXPECT_EQ(Ask("GET", "/array//config").status, 404);
  EXPECT_EQ(Ask("GET", "/array/x/y/config").status, 404);
}

TEST_F(RouterTest, ExactWinsOverPattern) {
  Add("GET", "/a/:b");
  Add("GET", "/a/c");
  EXPECT_EQ(Ask("GET", "/a/c").body, "/a/c GET");
  EXPECT_EQ(Ask("GET", "/a/d").body, "/a/:b GET b=d");
}

TEST_F(RouterTest, MethodsOfOnePathMayHaveTheirOwnHandlers) {
  Add("GET", "/x");
  Add("DELETE", "/x");
  EXPECT_EQ(Ask("DELETE", "/x").body, "/x DELETE");
  const HttpResponse refused = Ask("PUT", "/x");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.Find("allow"), "GET,DELETE,OPTIONS");
  EXPECT_NE(refused.body.find("\"code\":\"method_not_allowed\""), std::string::npos);
}

TEST_F(RouterTest, HeadReachesHandlersAsGet) {
  Add("GET", "/x");
  EXPECT_EQ(Ask("HEAD", "/x").body, "/x GET");
}

TEST_F(RouterTest, CorsOnEveryAnswer) {
  Add("POST", "/x");
  HttpHeaders origin;
  origin.Add("Origin", "https://site.example");
  for (const HttpResponse& response :
       {Ask("POST", "/x", origin), Ask("GET", "/x", origin), Ask("GET", "/nowhere", origin)}) {
    EXPECT_EQ(response.headers.Find("access-control-allow-origin"), "https://site.example")
        << response.status;
    EXPECT_EQ(response.headers.Find("access-control-allow-credentials"), "true") << response.status;
  }
  EXPECT_FALSE(Ask("POST", "/x").headers.Has("access-control-allow-origin"));
}

TEST_F(RouterTest, PreflightIsAnsweredBeforeAnyHandler) {
  Add("POST", "/x");
  HttpHeaders headers;
  headers.Add("origin", "https://a");
  headers.Add("access-control-request-headers", "x-one, x-two");
  const HttpResponse response = Ask("OPTIONS", "/x", headers);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Body(), "");
  EXPECT_EQ(response.headers.Find("access-control-allow-methods"), "POST,OPTIONS");
  EXPECT_EQ(response.headers.Find("access-control-allow-headers"), "x-one, x-two");
  EXPECT_EQ(Ask("OPTIONS", "/nowhere", headers).status, 200);
}

TEST_F(RouterTest, CookiesAreOnlyAllowedWherePolicySaysSo) {
  Add("GET", "/api", CorsPolicy::kBearer);
  Add("GET", "/metrics", CorsPolicy::kNone);
  HttpHeaders origin;
  origin.Add("origin", "https://evil.example");
  EXPECT_FALSE(Ask("GET", "/api", origin).headers.Has("access-control-allow-credentials"));
  EXPECT_TRUE(Ask("GET", "/api", origin).headers.Has("access-control-allow-origin"));
  EXPECT_FALSE(Ask("GET", "/metrics", origin).headers.Has("access-control-allow-origin"));
}

TEST_F(RouterTest, BodyOverTheLimitNeverReachesTheHandler) {
  Add("POST", "/x", CorsPolicy::kBearer, 10);
  EXPECT_EQ(Ask("POST", "/x", {}, std::string(10, 'a')).status, 200);
  const HttpResponse refused = Ask("POST", "/x", {}, std::string(11, 'a'));
  EXPECT_EQ(refused.status, 413);
  EXPECT_NE(refused.body.find("10 bytes"), std::string::npos);
}

TEST_F(RouterTest, CountsByRouteAndStatus) {
  Add("GET", "/x");
  Ask("GET", "/x");
  Ask("GET", "/x/");
  Ask("GET", "/y");
  const std::string text = metrics_.PrometheusText();
  EXPECT_NE(text.find(R"(hoglet_http_requests_total{route="/x",status="200"} 2)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"(hoglet_http_requests_total{route="other",status="404"} 1)"),
            std::string::npos)
      << text;
}

TEST(ApiError, HasTheFourFields) {
  const HttpResponse response = HttpApiError(400, "Unknown \"x\"", "hogql_query_error");
  EXPECT_EQ(
      response.body,
      R"({"type":"validation_error","code":"hogql_query_error","detail":"Unknown \"x\"","attr":null})");
  EXPECT_EQ(HttpApiError(503, "busy").body,
            R"({"type":"server_error","code":"error","detail":"busy","attr":null})");
}

TEST(Url, QueryValues) {
  EXPECT_EQ(FindQueryValue("a=1&b=x%20y+z&a=2", "a"), "1");
  EXPECT_EQ(FindQueryValue("a=1&b=x%20y+z&a=2", "b"), "x y z");
  EXPECT_EQ(FindQueryValue("a", "a"), "");
  EXPECT_EQ(FindQueryValue("&&=1", "a"), std::nullopt);
  EXPECT_EQ(PercentDecode("%4", false), "%4");
  EXPECT_EQ(PercentDecode("%zz%41", false), "%zzA");
  EXPECT_EQ(PercentDecode(PercentEncode("a b&ü/?"), true), "a b&ü/?");
}

TEST(HttpUrl, Parse) {
  EXPECT_EQ(ParseHttpUrl("http://localhost:8000")->port, 8000);
  EXPECT_EQ(ParseHttpUrl("http://localhost:8000")->target, "/");
  EXPECT_EQ(ParseHttpUrl("http://h/a?b=c")->target, "/a?b=c");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:9/x")->host, "::1");
  EXPECT_FALSE(ParseHttpUrl("https://h/").ok());
  EXPECT_FALSE(ParseHttpUrl("http://h:99999/").ok());
  EXPECT_FALSE(ParseHttpUrl("http://:80/").ok());
}

TEST_F(RouterTest, SdkPathsThatCanBeReadHaveOnePolicy) {
  Add("GET", "/static/:file");
  Add("POST", "/v1");
  EXPECT_EQ(Ask("OPTIONS", "/static/x").headers.Find("access-control-allow-methods"),
            "GET,POST,OPTIONS");
  EXPECT_EQ(Ask("POST", "/static/x").headers.Find("allow"), "GET,OPTIONS");
  EXPECT_EQ(Ask("OPTIONS", "/v1").headers.Find("access-control-allow-methods"), "POST,OPTIONS");
}

TEST_F(RouterTest, AnAnswerThatNeverComesIs500WithCorsHeaders) {
  router_.Add("GET", "/lost", {.cors = CorsPolicy::kCredentials},
              [](const HttpRequest&, const HttpResponder&) {});
  HttpHeaders headers;
  headers.Add("Origin", "http://site");
  const HttpResponse response = Ask("GET", "/lost", std::move(headers));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.headers.Find("access-control-allow-origin"), "http://site");
}

}  // namespace
}  // namespace hoglet
