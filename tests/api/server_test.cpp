#include "src/api/server.h"

#include <gtest/gtest.h>

#include "src/base/memory_env.h"
#include "src/http/http_client.h"
#include "tests/api/fake_parts.h"

namespace hoglet {
namespace {

// The whole surface over a loopback socket and a log in memory.
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    log_ = *hoglet::Log::Open(&env_, "log", {});
    ServerParts parts;
    parts.env = &env_;
    parts.log = log_.get();
    parts.query_engine = &engine_;
    parts.projects = &projects_;
    parts.metrics = &metrics_;
    parts.version = "1.2.3";
    parts.readiness = [this] { return readiness_; };
    server_ = *Server::Start(parts, {});
    client_ = std::make_unique<HttpClient>("127.0.0.1", server_->port());
  }

  HttpResponse Send(std::string_view method, std::string_view target, std::string_view body = "",
                    std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpHeaders list;
    for (const auto& [name, value] : headers) list.Add(name, value);
    auto response = client_->Send(method, target, list, body);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : HttpResponse{};
  }

  MemoryEnv env_;
  MetricRegistry metrics_;
  FakeProjects projects_;
  FakeEngine engine_;
  absl::Status readiness_;
  std::unique_ptr<hoglet::Log> log_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(ServerTest, EventsReachTheLog) {
  const std::string event =
      std::string(R"({"api_key":")") + FakeProjects::kToken + R"(","event":"a","distinct_id":"d"})";
  for (const char* path : {"/e", "/e/", "/i/v0/e/", "/capture/", "/track", "/engage/", "/batch/"}) {
    EXPECT_EQ(Send("POST", path, event, {{"content-type", "application/json"}}).status, 200)
        << path;
  }
  EXPECT_EQ(log_->end_offset(kEventsTopic), 7u);
  EXPECT_EQ(Send("POST", "/e", R"({"api_key":"phc_other","event":"a","distinct_id":"d"})").status,
            401);
  EXPECT_EQ(log_->end_offset(kEventsTopic), 7u);
}

TEST_F(ServerTest, ABodyOverTwentyMebibytesIs413InPlainText) {
  const HttpResponse response = Send("POST", "/e", std::string((20u << 20) + 1, ' '));
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.body,
            "maximum event size exceeded: Request body exceeds limit of 20971520 bytes");
  EXPECT_EQ(Send("GET", "/_livez").status, 200);
}

TEST_F(ServerTest, Health) {
  EXPECT_EQ(Send("GET", "/_livez").status, 200);
  EXPECT_EQ(Send("GET", "/_readyz").status, 200);
  readiness_ = absl::UnavailableError("recovering: 3 of 9");
  const HttpResponse response = Send("GET", "/_readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "not ready: recovering: 3 of 9\n");
  EXPECT_EQ(Send("GET", "/_livez").status, 200);
}

TEST_F(ServerTest, MetricsAndStatusPage) {
  const HttpResponse metrics = Send("GET", "/metrics", "", {{"origin", "https://evil.example"}});
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find("hoglet_http_connections_open 1"), std::string::npos);
  EXPECT_FALSE(metrics.headers.Has("access-control-allow-origin"));
  const HttpResponse page = Send("GET", "/");
  EXPECT_NE(page.body.find("1.2.3"), std::string::npos);
  EXPECT_NE(page.body.find("Default &lt;project&gt;"), std::string::npos);
  EXPECT_NE(page.body.find(FakeProjects::kToken), std::string::npos);
}

TEST_F(ServerTest, QueriesAndTheirErrors) {
  const std::string auth = std::string("Bearer ") + FakeProjects::kKey;
  const std::string body = R"({"query":{"kind":"HogQLQuery","query":"select 1"}})";
  for (const char* path : {"/api/projects/1/query/", "/api/environments/1/query",
                           "/api/projects/1/query/HogQLQuery/"}) {
    EXPECT_EQ(Send("POST", path, body, {{"authorization", auth}}).status, 200) << path;
  }
  EXPECT_EQ(Send("POST", "/api/projects/1/query/", body).status, 401);
  EXPECT_EQ(Send("GET", "/api/projects/1/query/").status, 405);
  EXPECT_EQ(Send("GET", "/static/array.js").status, 404);
}

TEST_F(ServerTest, RemoteConfigAndFlags) {
  const std::string token = FakeProjects::kToken;
  const HttpResponse config = Send("GET", "/array/" + token + "/config");
  EXPECT_EQ(config.status, 200);
  EXPECT_NE(config.body.find(R"("supportedCompression":["gzip","gzip-js"])"), std::string::npos);
  EXPECT_EQ(Send("GET", "/array/phc_nobody/config.js").status, 404);
  const std::string body = R"({"token":")" + token + R"(","distinct_id":"d"})";
  const HttpResponse flags =
      Send("POST", "/flags/?v=2", body, {{"content-type", "application/json"}});
  EXPECT_TRUE(
      flags.body.starts_with(R"({"errorsWhileComputingFlags":false,"flags":{},"requestId":")"))
      << flags.body;
  EXPECT_EQ(Send("POST", "/flags/?v=2", R"({"token":"phc_x","distinct_id":"d"})").status, 401);
  EXPECT_EQ(Send("POST", "/flags/?v=2", R"({"token":")" + token + "\"}").status, 400);
  EXPECT_NE(
      Send("POST", "/decide/?v=3", body).body.find(R"("featureFlags":{},"featureFlagPayloads":{})"),
      std::string::npos);
}

}  // namespace
}  // namespace hoglet
