#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "include/hoglet/env.h"
#include "include/hoglet/event.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/log.h"
#include "include/hoglet/token_directory.h"
#include "src/base/captured_event.h"

// The capture front end as pure functions: a request and the moment in, an answer and the events to
// append out. Nothing here touches the log; capture_service.h does. Rules: spec capture.md sections
// 3 to 11.

namespace hoglet {

struct CaptureLimits {
  uint64_t body_bytes_max = 20ull << 20;          // on the wire, analytics v0
  uint64_t replay_body_bytes_max = 25ull << 20;   // on the wire, /s
  uint64_t v1_body_bytes_max = 10ull << 20;       // on the wire, v1
  uint64_t decompressed_bytes_max = 64ull << 20;  // v0 and /s
  uint64_t v1_decompressed_bytes_max = 50ull << 20;
  uint64_t event_bytes_max =
      23ull << 20;  // one event or snapshot message; the log's own limit is above it
};

// What a quota is about. All but kRecordings are kinds of events.
enum class QuotaResource : uint8_t { kEvents, kExceptions, kSurveys, kAiEvents, kRecordings };

// Which tokens are over their quota. Thread-safe.
class CaptureQuotas {
 public:
  virtual ~CaptureQuotas() = default;
  virtual bool IsLimited(std::string_view token, QuotaResource resource) const = 0;
};

struct CaptureContext {
  Env* env = nullptr;  // randomness for generated uuids
  int64_t now_us = 0;
  const TokenDirectory* tokens = nullptr;  // null: any well-formed token is known
  const CaptureQuotas* quotas = nullptr;   // null: none
  CaptureLimits limits;
};

// The events of one request as the records they become in the log. The key of a record is the
// event's partition key: one visitor's events share it, which keeps their order.
class CapturedBatch {
 public:
  // Room for `events` with `json_bytes` of JSON to copy in all.
  void Reserve(size_t events, size_t json_bytes);
  // The text that the JSON of events added from now on is part of: it is kept and not copied.
  void Keep(std::shared_ptr<const std::string> text);
  // Copies the event, but not JSON in the text that is kept.
  void Add(const CapturedEventView& event);
  void Clear();

  bool empty() const { return places_.empty(); }
  size_t size() const { return places_.size(); }
  // Of all keys and values.
  size_t bytes() const { return bytes_.size() + kept_bytes_; }
  // Views into this batch, until it changes.
  std::vector<LogRecord> Records() const;
  // The event at `index`, read back.
  CapturedEvent operator[](size_t index) const;

 private:
  struct Place {
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;     // in bytes_, behind the key
    std::string_view value_rest;  // in *text_
  };
  bool IsKept(std::string_view json) const;

  // Keys and values one behind the other, but for what is in text_.
  std::string bytes_;
  std::vector<Place> places_;
  std::shared_ptr<const std::string> text_;
  size_t kept_bytes_ = 0;
};

// Something that a sender should know and the answer alone may not tell.
struct CaptureWarning {
  std::string_view type;  // static
  std::string token;      // of a project
  Uuid uuid;              // of the event; nil: of none
  std::string event;
  std::string distinct_id;
};

struct CaptureOutcome {
  // To be sent once `events` are durable, at once if there are none.
  HttpResponse response;
  CapturedBatch events;
  // The answer if they could not be made so.
  HttpResponse not_durable;
  std::vector<CaptureWarning> warnings;
};

// POST or GET on /e, /i/v0/e, /capture, /track, /engage, /batch.
CaptureOutcome CaptureAnalytics(HttpRequest request, const CaptureContext& context);
// POST /i/v1/analytics/events.
CaptureOutcome CaptureAnalyticsV1(HttpRequest request, const CaptureContext& context);
// POST or GET on /s. At most one event: the `$snapshot_items` message.
CaptureOutcome CaptureReplay(HttpRequest request, const CaptureContext& context);

// Answers to bodies that did not come whole (HttpRouteOptions::body_error).
HttpResponse CaptureBodyError(const HttpRequest& request, HttpBodyError error, uint64_t limit);
HttpResponse CaptureV1BodyError(const HttpRequest& request, HttpBodyError error, uint64_t limit);

}  // namespace hoglet
