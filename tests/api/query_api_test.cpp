#include "src/api/query_api.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/api/fake_parts.h"

namespace hoglet {
namespace {

constexpr char kSelect[] = R"({"query":{"kind":"HogQLQuery","query":"select 1"}})";

class QueryApiTest : public testing::Test {
 protected:
  HttpResponse Ask(std::string body, std::string key = FakeProjects::kKey,
                   std::string project = "1") {
    return Begin(std::move(body), std::move(key), std::move(project)).get();
  }
  std::future<HttpResponse> Begin(std::string body, std::string key = FakeProjects::kKey,
                                  std::string project = "1",
                                  std::shared_ptr<std::atomic<bool>> disconnected = nullptr) {
    if (api_ == nullptr)
      api_ = std::make_unique<QueryApi>(Env::Posix(), &engine_, &projects_, options_, &metrics_);
    HttpRequest request;
    request.method = "POST";
    request.body = std::move(body);
    request.path_parameters = {{"project_id", project}};
    request.disconnected = std::move(disconnected);
    if (!key.empty()) request.headers.Add("authorization", "Bearer " + key);
    auto promise = std::make_shared<std::promise<HttpResponse>>();
    auto future = promise->get_future();
    api_->Handle(std::move(request),
                 [promise](HttpResponse response) { promise->set_value(std::move(response)); });
    return future;
  }

  MetricRegistry metrics_;
  FakeProjects projects_;
  FakeEngine engine_{[this](const QueryRequest& request) {
    return answer_ ? answer_(request) : FakeEngine::OneValue();
  }};
  FakeEngine::Answer answer_;
  QueryApi::Options options_;
  std::unique_ptr<QueryApi> api_;
};

TEST_F(QueryApiTest, AnswersRows) {
  const HttpResponse response = Ask(kSelect);
  EXPECT_EQ(response.status, 200) << response.Body();
  EXPECT_TRUE(
      response.Body().starts_with(R"({"results":[[1]],"columns":["1"],"types":[["1","UInt8"]])"))
      << response.Body();
  EXPECT_EQ(Ask(kSelect, FakeProjects::kKey, "@current").status, 200);
}

TEST_F(QueryApiTest, KeysAndProjects) {
  EXPECT_EQ(Ask(kSelect, "").status, 401);
  EXPECT_EQ(Ask(kSelect, "phx_wrong").status, 401);
  EXPECT_EQ(Ask(kSelect, FakeProjects::kToken).status, 401);
  EXPECT_NE(
      Ask(kSelect, "").body.find(R"("type":"authentication_error","code":"not_authenticated")"),
      std::string::npos);
  EXPECT_EQ(Ask(kSelect, FakeProjects::kKey, "3").status, 404);
  EXPECT_EQ(Ask(kSelect, FakeProjects::kKey, "1x").status, 404);
  EXPECT_EQ(Ask(kSelect, FakeProjects::kKey, "2").status, 403);
}

TEST_F(QueryApiTest, BodiesThatAreNoQuery) {
  for (const char* body :
       {"", "{", "[]", "7", "{}", R"({"query":1})", R"({"query":{}})",
        R"({"query":{"kind":"NoSuchQuery"}})", R"({"query":{"kind":"HogQLQuery"}})",
        R"({"query":{"kind":"HogQLQuery","query":7}})",
        R"({"query":{"kind":"HogQLQuery","query":"select 1","extra":1}})",
        R"({"query":{"kind":"HogQLQuery","query":"select 1"},"extra":1})",
        R"({"query":{"kind":"HogQLQuery","query":"select 1","values":[]}})"}) {
    const HttpResponse response = Ask(body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_TRUE(response.body.starts_with(
        R"({"type":"validation_error","code":"invalid_input","detail":")"))
        << response.body;
  }
}

TEST_F(QueryApiTest, TheEngineGetsTheRequest) {
  QueryRequest got;
  answer_ = [&got](const QueryRequest& request) {
    got = request;
    return FakeEngine::OneValue();
  };
  Ask(R"({"client_query_id":"mine","refresh":"async","query":{"kind":"HogQLQuery","query":"select {x}","values":{ "x" : [1, 2] },
          "modifiers":{"debug":true},"filters":null}})");
  EXPECT_EQ(got.team_id, 1);
  EXPECT_EQ(got.text, "select {x}");
  EXPECT_EQ(got.values_json, R"({ "x" : [1, 2] })");
  EXPECT_EQ(got.filters_json, "");
  EXPECT_EQ(got.client_query_id, "mine");
  EXPECT_TRUE(got.debug);
}

TEST_F(QueryApiTest, ErrorsOfTheEngine) {
  struct ErrorCase {
    absl::Status status;
    int http_status;
    const char* piece;
  };
  const ErrorCase cases[] = {
      {absl::InvalidArgumentError("Unknown field x"), 400,
       R"("code":"hogql_query_error","detail":"Unknown field x")"},
      {absl::DeadlineExceededError("60 s"), 504,
       "Query has hit the max execution time before completing"},
      {absl::ResourceExhaustedError("2 GiB"), 504,
       "Query has reached the max memory limit before completing"},
      {absl::ResourceExhaustedError("Query has reached the limit of 5 pairs"), 504,
       R"("detail":"Query has reached the limit of 5 pairs")"},
      {absl::CancelledError(""), 499, "cancelled"},
      {absl::UnavailableError("busy"), 503, "server_error"},
      {absl::InternalError("oops"), 500, "server_error"},
  };
  for (const ErrorCase& c : cases) {
    answer_ = [&c](const QueryRequest&) -> absl::StatusOr<QueryResult> { return c.status; };
    const HttpResponse response = Ask(kSelect);
    EXPECT_EQ(response.status, c.http_status);
    EXPECT_NE(response.body.find(c.piece), std::string::npos) << response.body;
  }
}

TEST_F(QueryApiTest, MoreThanTheQueueHoldsIs429) {
  options_.threads = 1;
  options_.queue_max = 1;
  std::atomic<bool> go{false};
  answer_ = [&go](const QueryRequest&) {
    while (!go) std::this_thread::yield();
    return FakeEngine::OneValue();
  };
  std::vector<std::future<HttpResponse>> answers;
  for (int i = 0; i < 6; ++i) answers.push_back(Begin(kSelect));
  go = true;
  int turned_away = 0;
  for (auto& answer : answers) {
    const HttpResponse response = answer.get();
    turned_away += response.status == 429;
    EXPECT_EQ(response.status == 429, response.headers.Has("retry-after"));
  }
  EXPECT_GE(turned_away, 4);
  EXPECT_LT(turned_away, 6);
}

TEST_F(QueryApiTest, AClientThatLeavesCancelsItsQuery) {
  auto gone = std::make_shared<std::atomic<bool>>(false);
  answer_ = [](const QueryRequest& request) -> absl::StatusOr<QueryResult> {
    while (!request.cancelled->load()) std::this_thread::yield();
    return absl::CancelledError("");
  };
  auto answer = Begin(kSelect, FakeProjects::kKey, "1", gone);
  gone->store(true);
  EXPECT_EQ(answer.get().status, 499);
}

}  // namespace
}  // namespace hoglet
