#include "src/capture/capture_service.h"

#include <utility>
#include <vector>

#include "include/hoglet/status.h"
#include "src/base/logging.h"
#include "src/capture/remote_config.h"

namespace hoglet {
namespace {

HttpResponse UnknownProject() { return HttpJson(404, R"({"detail":"Unknown project token."})"); }

}  // namespace

CaptureService::CaptureService(Env* env, hoglet::Log* log, const TokenDirectory* tokens,
                               const CaptureQuotas* quotas, const Options& options,
                               MetricRegistry* metrics)
    : env_(env),
      log_(log),
      tokens_(tokens),
      quotas_(quotas),
      options_(options),
      warnings_(log),
      events_captured_(metrics->GetCounter("hoglet_capture_events_total",
                                           "Events on stable storage and acknowledged.")),
      event_bytes_(metrics->GetCounter("hoglet_capture_event_bytes_total",
                                       "Bytes of acknowledged events as stored in the log.")),
      requests_rejected_(metrics->GetCounter("hoglet_capture_rejected_requests_total",
                                             "Capture requests answered with 4xx.")),
      append_failures_(metrics->GetCounter("hoglet_capture_append_failures_total",
                                           "Capture requests that the log refused.")),
      append_seconds_(metrics->GetHistogram("hoglet_capture_append_seconds",
                                            "From append to stable storage.")) {}

absl::Status CaptureService::OpenTopics() {
  for (const char* topic : {kEventsTopic, kSnapshotsTopic}) {
    // Who reads a topic says what is kept of it.
    if (log_->HasTopic(topic)) continue;
    HOGLET_RETURN_IF_ERROR(log_->OpenTopic(topic, TopicOptions()));
  }
  return absl::OkStatus();
}

CaptureContext CaptureService::Context() const {
  CaptureContext context;
  context.env = env_;
  context.now_us = env_->NowMicros();
  context.tokens = tokens_;
  context.quotas = quotas_;
  context.limits = options_.limits;
  return context;
}

void CaptureService::Append(const char* topic, CaptureOutcome outcome, BodyError too_large,
                            HttpResponder responder) {
  warnings_.Record(outcome.warnings, env_->NowMicros());
  if (outcome.events.empty()) {
    if (outcome.response.status >= 400) requests_rejected_->Add();
    responder(std::move(outcome.response));
    return;
  }
  const size_t count = outcome.events.size();
  struct Answers {
    HttpResponse durable;
    HttpResponse not_durable;
  };
  auto answers = std::make_shared<Answers>(
      Answers{std::move(outcome.response), std::move(outcome.not_durable)});
  const int64_t begun_ns = env_->MonotonicNanos();
  log_->AppendAsync(
      topic, outcome.events.Records(),
      [this, answers, responder = std::move(responder), count, begun_ns, too_large,
       size = outcome.events.bytes()](const absl::StatusOr<uint64_t>& offset) {
        if (offset.ok()) {
          append_seconds_->Observe(1e-9 * static_cast<double>(env_->MonotonicNanos() - begun_ns));
          events_captured_->Add(count);
          event_bytes_->Add(size);
          responder(std::move(answers->durable));
          return;
        }
        append_failures_->Add();
        if (absl::IsInvalidArgument(offset.status())) {
          responder(too_large({}, HttpBodyError::kTooLarge, size));
          return;
        }
        static LogRateLimit limit(5'000'000);
        uint64_t suppressed = 0;
        if (limit.Allow(&suppressed)) {
          LogWarning("capture refused: the log takes no events",
                     {{"error", offset.status()}, {"suppressed", suppressed}});
        }
        responder(std::move(answers->not_durable));
      });
}

void CaptureService::HandleAnalytics(HttpRequest request, HttpResponder responder) {
  Append(kEventsTopic, CaptureAnalytics(std::move(request), Context()), CaptureBodyError,
         std::move(responder));
}

void CaptureService::HandleAnalyticsV1(HttpRequest request, HttpResponder responder) {
  Append(kEventsTopic, CaptureAnalyticsV1(std::move(request), Context()), CaptureV1BodyError,
         std::move(responder));
}

void CaptureService::HandleReplay(HttpRequest request, HttpResponder responder) {
  Append(kSnapshotsTopic, CaptureReplay(std::move(request), Context()), CaptureBodyError,
         std::move(responder));
}

bool CaptureService::IsServedToken(std::string_view token) const {
  return !token.empty() && (tokens_ == nullptr || tokens_->IsKnownToken(token));
}

SdkSettings CaptureService::SettingsOf(std::string_view token) const {
  return tokens_ == nullptr ? SdkSettings() : tokens_->SettingsOf(token);
}

void CaptureService::HandleConfig(HttpRequest request, HttpResponder responder) {
  const std::string_view token = request.PathParameter("token");
  responder(IsServedToken(token) ? HttpJson(200, RemoteConfigJson(token, SettingsOf(token)))
                                 : UnknownProject());
}

void CaptureService::HandleConfigScript(HttpRequest request, HttpResponder responder) {
  const std::string_view token = request.PathParameter("token");
  if (!IsServedToken(token)) {
    responder(UnknownProject());
    return;
  }
  HttpResponse response;
  response.content_type = "application/javascript";
  response.body = RemoteConfigScript(token, SettingsOf(token));
  responder(std::move(response));
}

}  // namespace hoglet
