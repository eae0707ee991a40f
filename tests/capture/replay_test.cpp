#include <gtest/gtest.h>

#include "src/base/memory_env.h"
#include "src/capture/capture.h"
#include "src/capture/quotas.h"

namespace hoglet {
namespace {

class Replay : public testing::Test {
 protected:
  CaptureOutcome Send(std::string body, std::string query = "") {
    HttpRequest request;
    request.method = "POST";
    request.path = "/s/";
    request.query = std::move(query);
    request.headers.Add("user-agent", "posthog-ios/3.1 (iPhone)");
    request.body = std::move(body);
    CaptureContext context;
    context.env = &env_;
    context.now_us = env_.NowMicros();
    context.quotas = quotas_;
    return CaptureReplay(std::move(request), context);
  }

  // One snapshot event with these properties besides its token and distinct id.
  static std::string Snapshot(const std::string& properties) {
    return R"({"event":"$snapshot","token":"t","distinct_id":"d","properties":{)" + properties +
           "}}";
  }

  MemoryEnv env_;
  const CaptureQuotas* quotas_ = nullptr;
};

TEST_F(Replay, ItemsOfAllEventsBecomeOneMessage) {
  const CaptureOutcome outcome =
      Send("[" + Snapshot(R"("$session_id":"s-1","$snapshot_data":[{"a":1}, {"b":"]"}])") + "," +
           Snapshot(R"("$session_id":"other","$snapshot_data":{"c":{}})") + "," +
           Snapshot(R"("$snapshot_data":[ ])") + "]");
  EXPECT_EQ(outcome.response.status, 200);
  ASSERT_EQ(outcome.events.size(), 1u);
  const CapturedEvent message = outcome.events[0];
  EXPECT_EQ(message.event, "$snapshot_items");
  EXPECT_EQ(message.json,
            R"({"event":"$snapshot_items","properties":{"distinct_id":"d","$session_id":"s-1",)"
            R"("$window_id":"s-1","$snapshot_source":"web",)"
            R"("$snapshot_items":[{"a":1}, {"b":"]"},{"c":{}}],"$lib":"posthog-ios"}})");
}

TEST_F(Replay, Refusals) {
  const std::string data = R"("$snapshot_data":[])";
  const std::pair<std::string, const char*> cases[] = {
      {Snapshot(data), "replay event submitted without session id"},
      {Snapshot(R"("$session_id":null,)" + data), "replay event has invalid session id"},
      {Snapshot(R"("$session_id":7,)" + data), "replay event has invalid session id"},
      {Snapshot(R"("$session_id":"",)" + data), "replay event has invalid session id"},
      {Snapshot(R"("$session_id":"a b",)" + data), "replay event has invalid session id"},
      {Snapshot(R"("$session_id":"s")"), "replay event submitted without snapshot data"},
      {Snapshot(R"("$session_id":"s","$snapshot_data":1)"),
       "replay event submitted without snapshot data"},
      {"[]", "request holds no event"},
      {R"({"api_key":"t","batch":[]})", "failed to parse request: not a replay event"},
  };
  for (const auto& [body, text] : cases) {
    const CaptureOutcome outcome = Send(body);
    EXPECT_EQ(outcome.response.status, 400) << body;
    EXPECT_EQ(outcome.response.Body(), text) << body;
    EXPECT_TRUE(outcome.events.empty());
  }
}

TEST_F(Replay, AQuotaIsSaidAndABeaconIsNot) {
  const std::string body = Snapshot(R"("$session_id":"s","$snapshot_data":[{}])");
  EXPECT_EQ(Send(body, "beacon=1").response.status, 204);
  const QuotaList quotas = QuotaList::Parse({"recordings:t"}).value();
  quotas_ = &quotas;
  const CaptureOutcome outcome = Send(body);
  EXPECT_EQ(outcome.response.status, 200);
  EXPECT_EQ(outcome.response.Body(), R"({"status":"Ok","quota_limited":["recordings"]})");
  EXPECT_TRUE(outcome.events.empty());
}

}  // namespace
}  // namespace hoglet
