#include "src/api/server.h"

#include <gtest/gtest.h>

#include "src/assets/assets.h"
#include "src/base/digest.h"
#include "src/base/memory_env.h"
#include "src/capture/compression.h"
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
}

TEST_F(ServerTest, ServesPosthogJs) {
  const HttpResponse plain = Send("GET", "/static/array.js", "", {{"origin", "http://site"}});
  EXPECT_EQ(plain.status, 200);
  EXPECT_TRUE(plain.content_type.starts_with("application/javascript"));
  EXPECT_EQ(plain.headers.Find("access-control-allow-origin"), "http://site");
  EXPECT_EQ(plain.body.size(), FindSdkAsset("array.js")->plain_bytes);
  const std::string etag(plain.headers.Find("etag"));
  const std::string pinned = "/static/" + std::string(SdkVersion()) + "/array.js";
  for (const std::string& path : {std::string("/static/1.2.3/array.js"), pinned}) {
    const HttpResponse packed = Send("GET", path, "", {{"accept-encoding", "br, gzip;q=0.5"}});
    EXPECT_EQ(packed.headers.Find("content-encoding"), "gzip");
    EXPECT_EQ(DecompressGzip(packed.body, 1 << 20).value(), plain.body);
    EXPECT_EQ(packed.headers.Find("etag"), etag);
    EXPECT_EQ(packed.headers.Find("cache-control").find("immutable") != std::string_view::npos,
              path == pinned);
  }
  const HttpResponse known =
      Send("GET", "/static/array.js", "", {{"if-none-match", "\"x\", " + etag}});
  EXPECT_EQ(known.status, 304);
  EXPECT_TRUE(known.body.empty());
  for (const char* refusal : {"identity", "gzip;q=0", "*;q=0.0", ""}) {
    const HttpResponse answer =
        Send("GET", "/static/surveys.js", "", {{"accept-encoding", refusal}});
    EXPECT_FALSE(answer.headers.Has("content-encoding")) << refusal;
  }
  const HttpResponse toolbar = Send("GET", "/static/toolbar.js", "", {{"origin", "http://site"}});
  EXPECT_EQ(toolbar.status, 404);
  EXPECT_TRUE(toolbar.headers.Has("access-control-allow-origin"));
  EXPECT_EQ(Send("GET", "/static/1/2/array.js").status, 404);
  EXPECT_EQ(Send("POST", "/static/array.js").status, 405);
}

TEST_F(ServerTest, TheConfiguredSdkIsScriptAndConfiguration) {
  const std::string token = FakeProjects::kToken;
  const HttpResponse sdk = Send("GET", "/static/array.js");
  const HttpResponse config = Send("GET", "/array/" + token + "/config.js");
  EXPECT_EQ(Send("GET", "/array/" + token + "/array.js").body, sdk.body + "\n\n" + config.body);
  EXPECT_EQ(Send("GET", "/array/phc_nobody/array.js").status, 404);
}

TEST_F(ServerTest, EveryPackedScriptUnpacks) {
  EXPECT_GE(SdkAssets().size(), 25u);
  for (const SdkAsset& asset : SdkAssets()) {
    EXPECT_EQ(FindSdkAsset(asset.name), &asset);
    const auto plain = DecompressGzip(asset.gzip, asset.plain_bytes);
    ASSERT_TRUE(plain.ok()) << asset.name;
    EXPECT_EQ(HexEncode(Sha256(*plain)).substr(0, 16), asset.etag) << asset.name;
  }
}

TEST_F(ServerTest, ProductsThatAreNotThereAnswerEmpty) {
  for (const auto& [path, body] :
       {std::pair("/api/surveys/?token=t", R"({"surveys":[],"survey_config":null})"),
        std::pair("/api/web_experiments/", R"({"experiments":[]})"),
        std::pair("/api/early_access_features/?token=t", R"({"earlyAccessFeatures":[]})")}) {
    const HttpResponse answer = Send("GET", path, "", {{"origin", "http://site"}});
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, body);
    EXPECT_EQ(answer.headers.Find("access-control-allow-origin"), "http://site");
  }
  EXPECT_EQ(Send("POST", "/test/black_hole", "anything").status, 200);
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
