#include <gtest/gtest.h>

#include "src/base/memory_env.h"
#include "src/capture/capture.h"
#include "src/capture/capture_rules.h"
#include "src/capture/quotas.h"

namespace hoglet {
namespace {

TEST(DistinctId, IsCutAfterTwoHundredCodePointsNotBytes) {
  std::string euros;
  for (int i = 0; i < 250; ++i) euros += "€";
  Arena arena;
  EXPECT_EQ(CleanDistinctId(euros, &arena), euros.substr(0, 600));
  EXPECT_EQ(CleanDistinctId(" \t\xc2\xa0\xe3\x80\x80", &arena), "");
  EXPECT_EQ(CleanDistinctId(" x ", &arena), " x ");
  EXPECT_EQ(CleanDistinctId(std::string("a\0b", 3), &arena),
            "a\xef\xbf\xbd"
            "b");
}

TEST(Token, Faults) {
  EXPECT_EQ(TokenFault("phc_x"), "");
  EXPECT_EQ(TokenFault(""), "empty");
  EXPECT_EQ(TokenFault(std::string(65, 'a')), "too_long");
  EXPECT_EQ(TokenFault(std::string(64, 'a')), "");
  EXPECT_EQ(TokenFault("\xc3\xa9"), "not_ascii");
  EXPECT_EQ(TokenFault("phx_secret"), "personal_api_key");
  EXPECT_EQ(TokenFault(std::string_view("a\0b", 3)), "null_byte");
  EXPECT_EQ(TrimWhitespace(" \n\xe2\x80\xa9 t \xc2\x85"), "t");
}

TEST(ClientIp, FirstAddressOfTheProxyHeaders) {
  const auto ip = [](std::vector<std::pair<const char*, const char*>> headers) {
    HttpRequest request;
    request.peer_ip = "10.0.0.1";
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    return ClientIp(request);
  };
  EXPECT_EQ(ip({}), "10.0.0.1");
  EXPECT_EQ(ip({{"X-Forwarded-For", "203.0.113.9, 10.1.1.1"}}), "203.0.113.9");
  EXPECT_EQ(ip({{"X-Forwarded-For", "unknown, 203.0.113.9:4711"}}), "203.0.113.9");
  EXPECT_EQ(ip({{"X-Forwarded-For", "2001:db8::1"}}), "2001:db8::1");
  EXPECT_EQ(ip({{"X-Real-Ip", "198.51.100.2"}}), "198.51.100.2");
  EXPECT_EQ(ip({{"Forwarded", "for=\"[2001:db8::2]:80\";proto=http"}}), "2001:db8::2");
  EXPECT_EQ(ip({{"X-Forwarded-For", "<script>"}}), "10.0.0.1");
}

class CaptureRules : public testing::Test {
 protected:
  CaptureOutcome Send(std::string body, std::string path = "/e/", std::string query = "") {
    HttpRequest request;
    request.method = "POST";
    request.path = std::move(path);
    request.query = std::move(query);
    request.body = std::move(body);
    request.peer_ip = "192.0.2.1";
    CaptureContext context;
    context.env = &env_;
    context.now_us = env_.NowMicros();
    context.limits = limits_;
    context.quotas = quotas_;
    return CaptureAnalytics(std::move(request), context);
  }

  MemoryEnv env_;
  CaptureLimits limits_;
  const CaptureQuotas* quotas_ = nullptr;
};

struct ShapeCase {
  const char* body;
  int status;
  const char* text;  // beginning of the answer
};

TEST_F(CaptureRules, Shapes) {
  const ShapeCase cases[] = {
      {R"([{"token":"t","event":"a","distinct_id":"d"},{"token":"t","event":"a"}])", 400,
       "event submitted without a distinct_id"},
      {R"([{"token":"t","event":"a","distinct_id":"d"},{"token":"t","event":7}])", 400,
       "failed to parse request"},
      {R"([{"token":"t","event":"a","distinct_id":"d"},[]])", 400, "failed to parse request"},
      {R"({"token":"t","event":"a","distinct_id":"d","uuid":"nonsense"})", 400,
       "failed to parse request"},
      {R"({"token":"t","event":"a","distinct_id":"d","uuid":null})", 200, "{\"status\":\"Ok\"}"},
      {R"({"token":"t","event":"a","distinct_id":"d","properties":null})", 400,
       "failed to parse request"},
      {R"({"token":"t","event":"a","distinct_id":"d","timestamp":1700000000})", 400,
       "failed to parse request"},
      {R"({"token":"t","event":"a","distinct_id":"d","offset":1.5})", 400,
       "failed to parse request"},
      {R"({"token":"t","event":"a","distinct_id":"d","offset":-5,"$set":null,"$set_once":{}})", 200,
       "{"},
      {R"({"token":"t","event":"a","distinct_id":"d","$set":[1]})", 400, "failed to parse request"},
      {R"({"token":"t","event":"a","distinct_id":false})", 200, "{"},
      {R"({"api_key":"t","batch":[]})", 400, "request holds no event"},
      {R"({"api_key":"t","batch":[{"event":"a","distinct_id":"d"},{"distinct_id":"d"}]})", 400,
       "failed to hydrate events"},
      {R"({"api_key":7,"batch":[]})", 400, "failed to parse request"},
      {R"({"api_key":"t","batch":{}})", 400, "failed to hydrate events"},
      {R"("text")", 400, "failed to parse request"},
      {R"([{"event":"a","distinct_id":"d"},{"token":"t","event":"a","distinct_id":"d"}])", 200,
       "{"},
      {R"({"event":"a","distinct_id":"d","properties":{"token":"t"}})", 200, "{"},
      {R"({"event":"a","distinct_id":"d","properties":{"token":7}})", 401,
       "event submitted without an api_key"},
      {R"({"event":"a","distinct_id":"d","$token":" t "})", 200, "{"},
  };
  for (const ShapeCase& shape : cases) {
    const CaptureOutcome outcome = Send(shape.body);
    EXPECT_EQ(outcome.response.status, shape.status) << shape.body;
    EXPECT_TRUE(outcome.response.Body().starts_with(shape.text))
        << shape.body << ": " << outcome.response.Body();
    EXPECT_EQ(outcome.events.empty(), shape.status != 200) << shape.body;
  }
}

TEST_F(CaptureRules, EventsAreHandedOnAsWritten) {
  const std::string first =
      R"({ "event":"a", "distinct_id":"d", "properties":{"x":1e2,"y":" } "} })";
  const std::string second =
      R"({"event":"b","distinct_id":["z",{"b":1,"a":2}],"k":123456789012345678901234567890})";
  const CaptureOutcome outcome =
      Send("{\"batch\" : [ " + first + " ,\n" + second + "], \"api_key\":\"t\"}", "/batch");
  ASSERT_EQ(outcome.events.size(), 2u);
  EXPECT_EQ(outcome.events[0].json, first);
  EXPECT_EQ(outcome.events[1].json, second);
  EXPECT_EQ(outcome.events[1].distinct_id, R"(["z",{"a":2,"b":1}])");
  EXPECT_EQ(outcome.events[0].ip, "192.0.2.1");
  EXPECT_EQ(outcome.events.Records()[0].key, "t:d");
}

TEST_F(CaptureRules, InternalAndCookielessEvents) {
  const CaptureOutcome outcome = Send(
      R"([{"token":"t","event":"a","distinct_id":"d","properties":{"capture_internal":0}},
          {"token":"t","event":"a","distinct_id":"d","properties":{"$cookieless_mode":true}}])");
  ASSERT_EQ(outcome.events.size(), 2u);
  EXPECT_EQ(outcome.events[0].ip, "127.0.0.1");
  EXPECT_TRUE(outcome.events[1].is_cookieless);
  EXPECT_EQ(outcome.events.Records()[1].key, "t:192.0.2.1");
}

TEST_F(CaptureRules, AnEventTooLargeForTheLogFailsTheRequest) {
  limits_.event_bytes_max = 100;
  const CaptureOutcome outcome =
      Send(R"({"token":"t","event":"a","distinct_id":"d","properties":{"x":")" +
           std::string(100, 'x') + "\"}}");
  EXPECT_EQ(outcome.response.status, 413);
  EXPECT_TRUE(outcome.events.empty());
}

TEST_F(CaptureRules, EngageWithoutANameIdentifies) {
  const CaptureOutcome outcome =
      Send(R"({"token":"t","$distinct_id":"d","$set":{"a":1}})", "/engage/");
  ASSERT_EQ(outcome.events.size(), 1u);
  EXPECT_EQ(outcome.events[0].event, "$identify");
}

TEST_F(CaptureRules, AQuotaStopsItsKindOnly) {
  const std::string mixed =
      R"([{"token":"t","event":"$exception","distinct_id":"d"},
          {"token":"t","event":"survey sent","distinct_id":"d"},
          {"token":"t","event":"survey sent","distinct_id":"d","properties":{"$product_tour_id":1}},
          {"token":"t","event":"$ai_trace","distinct_id":"d"},
          {"token":"t","event":"a","distinct_id":"d"}])";
  const auto stored = [&](const std::vector<std::string>& rules) {
    const QuotaList quotas = QuotaList::Parse(rules).value();
    quotas_ = &quotas;
    const CaptureOutcome outcome = Send(mixed);
    quotas_ = nullptr;
    EXPECT_EQ(outcome.response.status, 200);
    std::string names;
    for (size_t i = 0; i < outcome.events.size(); ++i) names += outcome.events[i].event + ";";
    return names;
  };
  EXPECT_EQ(stored({"events:other"}), "$exception;survey sent;survey sent;$ai_trace;a;");
  EXPECT_EQ(stored({"exceptions:t"}), "survey sent;survey sent;$ai_trace;a;");
  EXPECT_EQ(stored({"surveys:t", "llm_events:t"}), "$exception;survey sent;a;");
  EXPECT_EQ(stored({"events:t"}), "$exception;survey sent;$ai_trace;");
  EXPECT_EQ(stored({"events:t", "exceptions:t", "surveys:t", "llm_events:t"}), "");
}

TEST(QuotaList, RefusesWhatItDoesNotKnow) {
  for (const char* rule : {"", "events", "events:", "pageviews:t", ":t"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(QuotaList::Parse({rule}).status())) << rule;
  }
}

TEST_F(CaptureRules, HalfAnEmojiIsReplaced) {
  const CaptureOutcome outcome =
      Send(R"({"token":"t","event":"a","distinct_id":"d","properties":{"x":"cut \ud83d"}})");
  ASSERT_EQ(outcome.events.size(), 1u) << outcome.response.Body();
  EXPECT_NE(outcome.events[0].json.find(R"("cut \ufffd")"), std::string::npos);
}

}  // namespace
}  // namespace hoglet
