#include <gtest/gtest.h>

#include <map>

#include "src/base/memory_env.h"
#include "src/base/time.h"
#include "src/capture/capture.h"
#include "src/capture/quotas.h"

namespace hoglet {
namespace {

class AnalyticsV1 : public testing::Test {
 protected:
  AnalyticsV1() {
    headers_ = {{"Authorization", "Bearer t"},
                {"PostHog-Sdk-Info", "posthog-x/1.2"},
                {"PostHog-Attempt", "1"},
                {"PostHog-Request-Id", "0190c0de-0000-7000-8000-000000000001"},
                {"Content-Type", "application/json"},
                {"PostHog-Request-Timestamp", "2026-03-19T14:30:00Z"},
                {"User-Agent", "x"}};
    env_.SetNowMicros(*ParseRfc3339("2026-03-19T14:30:00Z"));
  }

  // A batch of events that differ from an ordinary one by what each text adds to it.
  static std::string Batch(const std::vector<std::string>& events) {
    std::string body = R"({"created_at":"2026-03-19T14:30:00Z","batch":[)";
    for (size_t i = 0; i < events.size(); ++i) {
      if (i > 0) body += ',';
      body += R"({"uuid":"a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5)" + std::to_string(i) +
              R"(","distinct_id":"d","timestamp":"2026-03-19T14:29:58Z")" + events[i] + "}";
    }
    return body + "]}";
  }

  CaptureOutcome Send(std::string body) {
    HttpRequest request;
    request.method = "POST";
    request.peer_ip = "192.0.2.1";
    for (const auto& [name, value] : headers_) request.headers.Add(name, value);
    request.body = std::move(body);
    CaptureContext context;
    context.env = &env_;
    context.now_us = env_.NowMicros();
    context.quotas = quotas_;
    return CaptureAnalyticsV1(std::move(request), context);
  }

  MemoryEnv env_;
  std::map<std::string, std::string> headers_;
  const CaptureQuotas* quotas_ = nullptr;
};

TEST_F(AnalyticsV1, SdkInfoIsSplitAtItsLastSlash) {
  const auto lib_of = [this](const std::string& info) {
    headers_["PostHog-Sdk-Info"] = info;
    return Send(Batch({R"(,"event":"a","properties":{"$lib":"mine"})"})).events[0].json;
  };
  EXPECT_NE(lib_of("posthog/node / 5.0 ").find(R"("$lib":"posthog/node","$lib_version":"5.0")"),
            std::string::npos);
  for (const std::string& unusable : {std::string("no-slash"), std::string("/1"), std::string("x/"),
                                      std::string(" / "), "x/" + std::string(200, '9')}) {
    EXPECT_NE(lib_of(unusable).find(R"("$lib":"mine"})"), std::string::npos) << unusable;
  }
}

TEST_F(AnalyticsV1, EncodingsAreNamedInAnyCase) {
  headers_["Content-Encoding"] = "GZip";
  EXPECT_EQ(Send("not gzip").response.status, 400);
  headers_["Content-Encoding"] = "identity";
  EXPECT_EQ(Send("").response.status, 415);
  headers_["Content-Encoding"] = "lzma";
  EXPECT_EQ(Send("").response.status, 415);
}

TEST_F(AnalyticsV1, WrongPropertiesAndOptionsDropTheEventOnly) {
  const CaptureOutcome outcome = Send(Batch(
      {R"(,"event":"a","properties":null)", R"(,"event":"a","properties":[])",
       R"(,"event":"a","options":[])", R"(,"event":"a","options":{"cookieless_mode":"perhaps"})",
       R"(,"event":"a","options":null)", R"(,"event":"a","options":{"unknown":{}})"}));
  EXPECT_EQ(outcome.response.status, 200);
  EXPECT_EQ(outcome.events.size(), 2u);
  const std::string_view body = outcome.response.Body();
  EXPECT_NE(body.find(R"(50":{"result":"drop","details":"malformed_event_properties"})"),
            std::string_view::npos)
      << body;
  EXPECT_NE(body.find(R"(53":{"result":"drop","details":"invalid_options"})"),
            std::string_view::npos)
      << body;
}

TEST_F(AnalyticsV1, WhatTheRequestAddsWinsOverTheClientsProperties) {
  const CaptureOutcome outcome = Send(Batch(
      {R"(,"event":"a","session_id":"s","options":{"process_person_profile":"0"},)"
       R"("properties":{"$session_id":"old","k":"}\"","$process_person_profile":true,"n":[1]})"}));
  ASSERT_EQ(outcome.events.size(), 1u);
  EXPECT_NE(outcome.events[0].json.find(
                R"("properties":{"k":"}\"","n":[1],"$session_id":"s",)"
                R"("$process_person_profile":false,"$lib":"posthog-x","$lib_version":"1.2"}})"),
            std::string::npos)
      << outcome.events[0].json;
}

TEST_F(AnalyticsV1, Quotas) {
  const std::string body = Batch({R"(,"event":"a")", R"(,"event":"$exception")"});
  const QuotaList exceptions = QuotaList::Parse({"exceptions:t"}).value();
  quotas_ = &exceptions;
  const CaptureOutcome some = Send(body);
  EXPECT_EQ(some.response.status, 200);
  EXPECT_EQ(some.events.size(), 1u);
  EXPECT_NE(some.response.Body().find(R"("details":"exceptions_over_quota")"),
            std::string_view::npos);
  EXPECT_EQ(Send(Batch({R"(,"event":"$exception")"})).response.status, 402);
  EXPECT_EQ(Send(Batch({R"(,"event":"")"})).response.status, 200);
  const QuotaList all = QuotaList::Parse({"events:t"}).value();
  quotas_ = &all;
  const CaptureOutcome none = Send(body);
  EXPECT_EQ(none.response.status, 402);
  EXPECT_NE(none.response.Body().find("https://posthog.com/docs/billing/limits"),
            std::string_view::npos);
  EXPECT_FALSE(none.response.headers.Has("retry-after"));
  EXPECT_TRUE(none.events.empty());
}

TEST_F(AnalyticsV1, FieldsOfTheWrongTypeFailTheRequest) {
  for (const char* body :
       {R"({"created_at":"2026-03-19T14:30:00Z"})", R"([])", R"({"batch":[]})",
        R"({"created_at":1,"batch":[]})",
        R"({"created_at":"2026-03-19T14:30:00Z","historical_migration":null,"batch":[{}]})",
        R"({"created_at":"2026-03-19T14:30:00Z","batch":[{}]})",
        R"({"created_at":"2026-03-19T14:30:00Z","batch":{}})", "{"}) {
    const CaptureOutcome outcome = Send(body);
    EXPECT_EQ(outcome.response.status, 400) << body;
    EXPECT_NE(outcome.response.Body().find("request_parsing_error"), std::string_view::npos)
        << body;
  }
}

}  // namespace
}  // namespace hoglet
