#include "src/capture/capture_service.h"

#include <gtest/gtest.h>

#include <future>

#include "src/base/captured_event.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

// A log that keeps the callbacks until the test decides.
class HeldLog : public hoglet::Log {
 public:
  absl::Status OpenTopic(const std::string&, const TopicOptions&) override {
    return absl::OkStatus();
  }
  bool HasTopic(const std::string&) override { return false; }
  void AppendAsync(const std::string& topic, const std::vector<LogRecord>& records,
                   AppendDone done) override {
    topic_ = topic;
    for (const LogRecord& record : records) {
      keys_.emplace_back(record.key);
      values_.push_back(StrCat(record.value, record.value_rest));
    }
    done_ = std::move(done);
  }
  absl::StatusOr<uint64_t> Append(const std::string&, const std::vector<LogRecord>&) override {
    return 0;
  }
  absl::StatusOr<std::vector<LogBatch>> Read(const std::string&, uint64_t, uint64_t) override {
    return std::vector<LogBatch>();
  }
  uint64_t WaitForEnd(const std::string&, uint64_t, int64_t) override { return 0; }
  void Interrupt() override {}
  uint64_t begin_offset(const std::string&) override { return 0; }
  uint64_t end_offset(const std::string&) override { return 0; }
  absl::Status CommitConsumer(const std::string&, const std::string&, uint64_t) override {
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> ConsumerOffset(const std::string&, const std::string&) override {
    return 0;
  }
  absl::Status EnforceRetention() override { return absl::OkStatus(); }
  absl::Status Health() override { return absl::OkStatus(); }

  std::string topic_;
  std::vector<std::string> keys_;
  std::vector<std::string> values_;
  AppendDone done_;
};

class CaptureServiceTest : public testing::Test {
 protected:
  void Send(const std::string& body) {
    HttpRequest request;
    request.method = "POST";
    request.path = "/e/";
    request.body = body;
    service_.HandleAnalytics(std::move(request),
                             [this](HttpResponse response) { answer_ = std::move(response); });
  }
  HttpRequest V1Request() {
    HttpRequest request;
    request.method = "POST";
    for (const auto& [name, value] : std::vector<std::pair<const char*, const char*>>{
             {"Authorization", "Bearer t"},
             {"PostHog-Sdk-Info", "x/1"},
             {"PostHog-Attempt", "1"},
             {"PostHog-Request-Id", "0190c0de-0000-7000-8000-000000000001"},
             {"Content-Type", "application/json"},
             {"PostHog-Request-Timestamp", "2026-03-19T14:30:00Z"},
             {"User-Agent", "x"}}) {
      request.headers.Add(name, value);
    }
    request.body = R"({"created_at":"2026-03-19T14:30:00Z","batch":[
      {"event":"a","uuid":"a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c50","distinct_id":"d","timestamp":"2026-03-19T14:29:58Z"}]})";
    return request;
  }

  MemoryEnv env_;
  HeldLog log_;
  MetricRegistry metrics_;
  CaptureService service_{&env_, &log_, nullptr, nullptr, {}, &metrics_};
  std::optional<HttpResponse> answer_;
};

constexpr char kTwo[] =
    R"([{"token":"t","event":"a","distinct_id":"d1"},{"token":"t","event":"b","distinct_id":"d2"}])";

TEST_F(CaptureServiceTest, AnswersOnlyOnceTheLogHasTheEvents) {
  Send(kTwo);
  EXPECT_FALSE(answer_.has_value());
  ASSERT_TRUE(log_.done_);
  EXPECT_EQ(log_.topic_, "events_plugin_ingestion");
  EXPECT_EQ(log_.keys_, (std::vector<std::string>{"t:d1", "t:d2"}));
  const auto event = DecodeCapturedEvent(log_.values_[1]);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->event, "b");
  log_.done_(uint64_t{7});
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(answer_->status, 200);
  EXPECT_EQ(answer_->Body(), R"({"status":"Ok"})");
}

TEST_F(CaptureServiceTest, ALogThatRefusesMeans503) {
  for (const absl::Status& refusal :
       {absl::UnavailableError("broken"), absl::ResourceExhaustedError("disk full")}) {
    answer_.reset();
    Send(kTwo);
    log_.done_(refusal);
    ASSERT_TRUE(answer_.has_value());
    EXPECT_EQ(answer_->status, 503);
    EXPECT_EQ(answer_->Body(), "transient error, please retry");
    EXPECT_TRUE(answer_->headers.Has("retry-after"));
  }
}

TEST_F(CaptureServiceTest, WhatTheLogCanNeverTakeMeans413) {
  Send(kTwo);
  log_.done_(absl::InvalidArgumentError("an append of a zillion bytes"));
  EXPECT_EQ(answer_->status, 413);
}

TEST_F(CaptureServiceTest, NothingToStoreIsAnsweredAtOnce) {
  Send(R"({"token":"t","event":"$performance_event","distinct_id":"d"})");
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(answer_->status, 200);
  EXPECT_FALSE(log_.done_);
}

TEST_F(CaptureServiceTest, V1EventsThatAreNotDurableAreToBeRetried) {
  service_.HandleAnalyticsV1(V1Request(),
                             [this](HttpResponse response) { answer_ = std::move(response); });
  ASSERT_TRUE(log_.done_);
  log_.done_(absl::UnavailableError("broken"));
  EXPECT_EQ(answer_->status, 200);
  EXPECT_NE(answer_->Body().find(R"("result":"retry","details":"not_persisted")"),
            std::string::npos)
      << answer_->Body();
  EXPECT_TRUE(answer_->headers.Has("retry-after"));
}

TEST(CaptureWarnings, AreOneAnHourOfATypeAndProject) {
  HeldLog log;
  CaptureWarningLog warnings(&log);
  constexpr int64_t kHourUs = 3'600'000'000;
  const std::vector<CaptureWarning> two = {{"a_type", "t", {{1}}, "e", std::string(300, 'd')},
                                           {"a_type", "t", {{2}}, "e", "x"}};
  warnings.Record(two, 10 * kHourUs);
  warnings.Record(two, 11 * kHourUs - 1);
  ASSERT_EQ(log.values_.size(), 1u);
  EXPECT_EQ(log.topic_, kEventsTopic);
  const auto record = DecodeCapturedEvent(log.values_[0]);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_TRUE(record->is_capture_warning);
  EXPECT_EQ(record->event, "a_type");
  EXPECT_EQ(record->token, "t");
  EXPECT_EQ(record->uuid, Uuid{{1}});
  EXPECT_EQ(record->json, R"({"event":"e","distinctId":")" + std::string(200, 'd') + R"("})");
  warnings.Record(two, 11 * kHourUs);
  EXPECT_EQ(log.values_.size(), 2u);
  warnings.Record({{"b_type", "t", {}, "", ""}, {"a_type", "u", {}, "", ""}}, 11 * kHourUs);
  EXPECT_EQ(log.values_.size(), 4u);
  warnings.Record({}, 20 * kHourUs);
  EXPECT_EQ(log.values_.size(), 4u);
}

}  // namespace
}  // namespace hoglet
