#pragma once

#include <atomic>
#include <string>

#include "absl/status/status.h"
#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/log.h"
#include "include/hoglet/token_directory.h"
#include "src/base/metrics.h"
#include "src/capture/capture.h"
#include "src/capture/capture_warning_log.h"

namespace hoglet {

inline constexpr char kEventsTopic[] = "events_plugin_ingestion";
inline constexpr char kSnapshotsTopic[] = "session_recording_snapshot_item_events";

// The capture endpoints over a log: an answer of success leaves only when the log says that the
// events are on stable storage. When it refuses them (full disk, back-pressure, a failed sync) the
// client is asked to come again.
//
// Thread-safe. Handlers do not block: they decode on the calling thread and answer from the log's.
class CaptureService {
 public:
  struct Options {
    CaptureLimits limits;
  };

  // All pointers outlive the service. `tokens` and `quotas` may be null, see CaptureContext.
  CaptureService(Env* env, Log* log, const TokenDirectory* tokens, const CaptureQuotas* quotas,
                 const Options& options, MetricRegistry* metrics = MetricRegistry::Default());

  // Creates the topics that are not there yet. Before the first request.
  absl::Status OpenTopics();

  void HandleAnalytics(HttpRequest request, HttpResponder responder);
  void HandleAnalyticsV1(HttpRequest request, HttpResponder responder);
  void HandleReplay(HttpRequest request, HttpResponder responder);
  // /array/:token/config and /array/:token/config.js.
  void HandleConfig(HttpRequest request, HttpResponder responder);
  void HandleConfigScript(HttpRequest request, HttpResponder responder);

  const Options& options() const { return options_; }

 private:
  CaptureContext Context() const;
  using BodyError = HttpResponse (*)(const HttpRequest&, HttpBodyError, uint64_t);
  // `too_large` makes the answer when the log can never take so many bytes at once.
  void Append(const char* topic, CaptureOutcome outcome, BodyError too_large,
              HttpResponder responder);
  bool IsServedToken(std::string_view token) const;
  SdkSettings SettingsOf(std::string_view token) const;

  Env* env_;
  Log* log_;
  const TokenDirectory* tokens_;
  const CaptureQuotas* quotas_;
  const Options options_;
  CaptureWarningLog warnings_;
  Counter* events_captured_;
  Counter* event_bytes_;
  Counter* requests_rejected_;
  Counter* append_failures_;
  Histogram* append_seconds_;
};

}  // namespace hoglet
