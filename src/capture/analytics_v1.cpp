#include <simdjson.h>

#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/capture/capture.h"
#include "src/capture/capture_rules.h"
#include "src/capture/compression.h"
#include "src/capture/event_time.h"
#include "src/capture/json_document.h"

// POST /i/v1/analytics/events: strict headers, one outcome an event (spec capture.md section 10).

namespace hoglet {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr size_t kNameBytesMax = 200;

struct V1Error {
  int status = 400;
  std::string_view tag;
  std::string description;
};

// Nothing, or the reason why the whole request is refused.
using Refusal = std::optional<V1Error>;

Refusal Refuse(int status, std::string_view tag, std::string description) {
  return V1Error{status, tag, std::move(description)};
}

bool IsRetryable(int status) {
  return status == 408 || status == 429 || status == 500 || status == 503 || status == 504;
}

void EchoRequestId(const HttpRequest& request, HttpResponse* response) {
  const std::string_view id = request.headers.Find("posthog-request-id");
  if (!id.empty()) response->headers.Add("posthog-request-id", id);
}

HttpResponse ErrorResponse(const HttpRequest& request, const V1Error& error) {
  JsonWriter json;
  json.BeginObject()
      .Field("error", error.tag)
      .Field("error_description", error.description)
      .Field("error_uri", error.status == 402 ? "https://posthog.com/docs/billing/limits"
                                              : "https://posthog.com/docs/api")
      .EndObject();
  HttpResponse response = HttpJson(error.status, json.Take());
  EchoRequestId(request, &response);
  response.headers.Add("accept", "application/json");
  response.headers.Add("accept-encoding", "gzip, deflate, br, zstd");
  if (IsRetryable(error.status)) response.headers.Add("retry-after", "1");
  return response;
}

struct V1Headers {
  std::string token;
  int64_t sent_at_us = 0;
  std::string_view encoding;
  std::string_view lib;  // empty: Sdk-Info was unusable
  std::string_view lib_version;
};

Refusal CheckPresence(const HttpHeaders& headers) {
  constexpr std::array<std::string_view, 7> kRequired = {
      "Authorization",      "PostHog-Sdk-Info",          "PostHog-Attempt",
      "PostHog-Request-Id", "PostHog-Request-Timestamp", "Content-Type",
      "User-Agent"};
  std::string missing;
  for (const std::string_view name : kRequired) {
    if (headers.Has(name)) continue;
    if (!missing.empty()) missing += ", ";
    missing += name;
  }
  if (missing.empty()) return std::nullopt;
  return Refuse(400, "missing_required_headers", "missing required headers: " + missing);
}

Refusal ReadAuthorization(std::string_view value, const TokenDirectory* tokens,
                          std::string* token) {
  value = TrimWhitespace(value);
  if (value.size() < 7 || !EqualsIgnoreCase(value.substr(0, 7), "bearer ")) {
    return Refuse(400, "invalid_header_value", "Authorization must be 'Bearer <project API key>'");
  }
  *token = std::string(TrimWhitespace(value.substr(7)));
  if (const absl::Status status = CheckToken(*token, tokens); !status.ok()) {
    return Refuse(401, "invalid_api_token", std::string(status.message()));
  }
  return std::nullopt;
}

// `name/version`.
void ReadSdkInfo(std::string_view value, V1Headers* out) {
  value = TrimWhitespace(value);
  const size_t slash = value.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == value.size()) return;
  out->lib = value.substr(0, slash);
  out->lib_version = value.substr(slash + 1);
}

Refusal ReadHeaders(const HttpHeaders& headers, const TokenDirectory* tokens, V1Headers* out) {
  if (auto refusal = CheckPresence(headers)) return refusal;
  if (auto refusal = ReadAuthorization(headers.Find("authorization"), tokens, &out->token)) {
    return refusal;
  }
  std::string_view type = headers.Find("content-type");
  type = TrimWhitespace(type.substr(0, type.find(';')));
  if (!EqualsIgnoreCase(type, "application/json")) {
    return Refuse(415, "unsupported_content_type", "Content-Type must be application/json");
  }
  out->encoding = TrimWhitespace(headers.Find("content-encoding"));
  constexpr std::array<std::string_view, 6> kEncodings = {"",   "gzip", "deflate",
                                                          "br", "zstd", "identity"};
  if (std::find(kEncodings.begin(), kEncodings.end(), out->encoding) == kEncodings.end()) {
    return Refuse(415, "unsupported_encoding",
                  "Content-Encoding must be gzip, deflate, br or zstd");
  }
  if (!ParseUuid(TrimWhitespace(headers.Find("posthog-request-id"))).has_value()) {
    return Refuse(400, "invalid_header_value", "PostHog-Request-Id must be a UUID");
  }
  const std::string_view attempt = TrimWhitespace(headers.Find("posthog-attempt"));
  uint32_t number = 0;
  const auto [end, error] =
      std::from_chars(attempt.data(), attempt.data() + attempt.size(), number);
  if (error != std::errc() || end != attempt.data() + attempt.size() || number == 0) {
    return Refuse(400, "invalid_header_value", "PostHog-Attempt must be an integer from 1 on");
  }
  const auto sent_at = ParseRfc3339(TrimWhitespace(headers.Find("posthog-request-timestamp")));
  if (!sent_at.has_value()) {
    return Refuse(400, "invalid_header_value", "PostHog-Request-Timestamp must be RFC 3339");
  }
  out->sent_at_us = *sent_at;
  ReadSdkInfo(headers.Find("posthog-sdk-info"), out);
  return std::nullopt;
}

absl::StatusOr<std::string> Decompress(std::string_view encoding, std::string body,
                                       uint64_t bytes_max) {
  if (encoding == "gzip") return DecompressGzip(body, bytes_max);
  if (encoding == "deflate") return DecompressZlib(body, bytes_max);
  if (encoding == "br") return DecompressBrotli(body, bytes_max);
  if (encoding == "zstd") return DecompressZstd(body, bytes_max);
  return body;
}

// `options` after coercion.
struct Options {
  std::optional<bool> cookieless_mode;
  std::optional<bool> disable_skew_correction;
  std::optional<bool> process_person_profile;
  std::optional<std::string> product_tour_id;
};

struct V1Event {
  std::string_view event;
  std::string_view uuid_text;
  std::string_view distinct_id;
  std::string_view timestamp;
  std::optional<std::string_view> session_id;
  std::optional<std::string_view> window_id;
  std::optional<element> options;
  std::optional<element> properties;
  Uuid uuid;
  std::string_view text;             // the whole object
  std::string_view properties_text;  // empty: none
};

struct V1Batch {
  std::string_view created_at;
  bool historical_migration = false;
  bool capture_internal = false;
  std::vector<V1Event> events;
};

bool CoerceBool(const element& value, std::optional<bool>* out) {
  switch (value.type()) {
    case element_type::NULL_VALUE:
      return true;
    case element_type::BOOL:
      *out = bool(value);
      return true;
    case element_type::INT64:
      *out = int64_t(value) != 0;
      return true;
    case element_type::UINT64:
      *out = true;
      return true;
    case element_type::DOUBLE:
      *out = double(value) != 0;
      return true;
    case element_type::STRING:
      break;
    default:
      return false;
  }
  const std::string_view text = TrimWhitespace(std::string_view(value));
  if (EqualsIgnoreCase(text, "true") || text == "1") {
    *out = true;
  } else if (EqualsIgnoreCase(text, "false") || text == "0") {
    *out = false;
  } else {
    return false;
  }
  return true;
}

bool CoerceId(const element& value, std::optional<std::string>* out) {
  if (value.type() == element_type::NULL_VALUE) return true;
  if (value.type() == element_type::STRING) {
    *out = std::string(std::string_view(value));
  } else if (value.type() == element_type::INT64) {
    *out = std::to_string(int64_t(value));
  } else if (value.type() == element_type::UINT64) {
    *out = std::to_string(uint64_t(value));
  } else {
    return false;
  }
  return true;
}

bool ReadOptions(const std::optional<element>& options, Options* out) {
  if (!options.has_value()) return true;
  for (const auto [key, value] : simdjson::dom::object(*options)) {
    bool valid = true;
    if (key == "cookieless_mode") valid = CoerceBool(value, &out->cookieless_mode);
    if (key == "disable_skew_correction") valid = CoerceBool(value, &out->disable_skew_correction);
    if (key == "process_person_profile") valid = CoerceBool(value, &out->process_person_profile);
    if (key == "product_tour_id") valid = CoerceId(value, &out->product_tour_id);
    if (!valid) return false;
  }
  return true;
}

bool ReadString(const element& value, std::optional<std::string_view>* out) {
  if (value.type() != element_type::STRING) return false;
  *out = std::string_view(value);
  return true;
}

bool ReadNullableString(const element& value, std::optional<std::string_view>* out) {
  return value.type() == element_type::NULL_VALUE || ReadString(value, out);
}

bool ReadV1Event(const element& value, std::string_view text, V1Event* out) {
  if (value.type() != element_type::OBJECT) return false;
  std::optional<std::string_view> event;
  std::optional<std::string_view> uuid;
  std::optional<std::string_view> distinct_id;
  std::optional<std::string_view> timestamp;
  const std::vector<JsonSlice> slices = SliceJson(text);
  size_t index = 0;
  for (const auto [key, field] : simdjson::dom::object(value)) {
    bool valid = true;
    if (key == "event") valid = ReadString(field, &event);
    if (key == "uuid") valid = ReadString(field, &uuid);
    if (key == "distinct_id") valid = ReadString(field, &distinct_id);
    if (key == "timestamp") valid = ReadString(field, &timestamp);
    if (key == "session_id") valid = ReadNullableString(field, &out->session_id);
    if (key == "window_id") valid = ReadNullableString(field, &out->window_id);
    const bool is_null = field.type() == element_type::NULL_VALUE;
    if (key == "options" && !is_null) {
      valid = field.type() == element_type::OBJECT;
      out->options = field;
    }
    if (key == "properties" && !is_null) {
      out->properties = field;
      out->properties_text = slices[index].value;
    }
    if (!valid) return false;
    ++index;
  }
  if (!event || !uuid || !distinct_id || !timestamp) return false;
  out->event = *event;
  out->uuid_text = TrimWhitespace(*uuid);
  out->distinct_id = TrimWhitespace(*distinct_id);
  out->timestamp = *timestamp;
  out->text = text;
  return true;
}

bool ReadFlag(const element& value, bool* out) {
  if (value.type() == element_type::NULL_VALUE) return true;
  if (value.type() != element_type::BOOL) return false;
  *out = bool(value);
  return true;
}

bool ReadV1Batch(const element& root, std::string_view text, V1Batch* out) {
  if (root.type() != element_type::OBJECT) return false;
  std::optional<std::string_view> created_at;
  std::optional<element> batch;
  size_t batch_index = 0;
  size_t index = 0;
  for (const auto [key, value] : simdjson::dom::object(root)) {
    bool valid = true;
    if (key == "created_at") valid = ReadString(value, &created_at);
    if (key == "historical_migration") valid = ReadFlag(value, &out->historical_migration);
    if (key == "capture_internal") valid = ReadFlag(value, &out->capture_internal);
    if (key == "batch") {
      valid = value.type() == element_type::ARRAY;
      batch = value;
      batch_index = index;
    }
    if (!valid) return false;
    ++index;
  }
  if (!created_at.has_value() || !batch.has_value()) return false;
  out->created_at = *created_at;
  const std::vector<JsonSlice> slices = SliceJson(SliceJson(text)[batch_index].value);
  size_t position = 0;
  for (const element item : simdjson::dom::array(*batch)) {
    if (!ReadV1Event(item, slices[position++].value, &out->events.emplace_back())) return false;
  }
  return true;
}

Refusal CheckBatch(V1Batch* batch) {
  if (batch->events.empty()) return Refuse(400, "empty_batch", "the batch holds no event");
  if (!ParseRfc3339(batch->created_at).has_value()) {
    return Refuse(400, "invalid_batch", "created_at must be RFC 3339");
  }
  std::set<Uuid> seen;
  for (V1Event& event : batch->events) {
    if (event.uuid_text.empty()) return Refuse(400, "missing_event_uuid", "an event has no uuid");
    const auto uuid = ParseUuid(event.uuid_text);
    if (!uuid.has_value()) {
      return Refuse(400, "invalid_event_uuid", "an event's uuid is not a UUID");
    }
    event.uuid = *uuid;
    if (!seen.insert(*uuid).second) {
      return Refuse(400, "duplicate_event_uuid",
                    "uuid " + FormatUuid(*uuid) + " occurs more than once");
    }
  }
  return std::nullopt;
}

bool IsIllegalDistinctId(std::string_view id) {
  constexpr std::array<std::string_view, 20> kIllegal = {"0",
                                                         "00000000-0000-0000-0000-000000000000",
                                                         "[object object]",
                                                         "anonymous",
                                                         "anonymous-user",
                                                         "backend",
                                                         "distinct_id",
                                                         "distinctid",
                                                         "email",
                                                         "false",
                                                         "guest",
                                                         "id",
                                                         "nan",
                                                         "none",
                                                         "not_authenticated",
                                                         "null",
                                                         "system",
                                                         "true",
                                                         "undefined",
                                                         "user"};
  for (const std::string_view illegal : kIllegal) {
    if (EqualsIgnoreCase(id, illegal)) return true;
  }
  return false;
}

// Why the event is dropped; empty if it is kept.
std::string_view DropReason(const V1Event& event, bool options_are_valid) {
  if (event.event == "$performance_event") return "dropped_performance_event";
  if (event.event.empty()) return "missing_event_name";
  if (event.event.size() > kNameBytesMax) return "event_name_too_long";
  if (event.distinct_id.empty()) return "missing_distinct_id";
  if (event.distinct_id.size() > kNameBytesMax) return "distinct_id_too_large";
  if (!ParseRfc3339(event.timestamp).has_value()) return "invalid_event_timestamp";
  if (event.properties.has_value() && event.properties->type() != element_type::OBJECT) {
    return "malformed_event_properties";
  }
  if (!options_are_valid) return "malformed_event_options";
  return {};
}

// Properties that the request adds to an event, as (key, JSON value).
std::vector<std::pair<std::string_view, std::string>> InjectedProperties(const V1Event& event,
                                                                         const Options& options,
                                                                         const V1Headers& headers) {
  std::vector<std::pair<std::string_view, std::string>> injected;
  const auto add_text = [&injected](std::string_view key, std::string_view text) {
    std::string json;
    AppendJsonString(text, &json);
    injected.emplace_back(key, std::move(json));
  };
  const auto add_bool = [&injected](std::string_view key, const std::optional<bool>& value) {
    if (value.has_value()) injected.emplace_back(key, *value ? "true" : "false");
  };
  if (event.session_id.has_value()) add_text("$session_id", *event.session_id);
  if (event.window_id.has_value()) add_text("$window_id", *event.window_id);
  add_bool("$cookieless_mode", options.cookieless_mode);
  add_bool("$ignore_sent_at", options.disable_skew_correction);
  if (options.product_tour_id.has_value()) add_text("$product_tour_id", *options.product_tour_id);
  add_bool("$process_person_profile", options.process_person_profile);
  if (!headers.lib.empty()) {
    add_text("$lib", headers.lib);
    add_text("$lib_version", headers.lib_version);
  }
  return injected;
}

// The event in the shape of a v0 event, with the injected properties in the place of the client's
// of that name.
std::string EventJson(const V1Event& event, const Options& options, const V1Headers& headers) {
  const auto injected = InjectedProperties(event, options, headers);
  const auto is_injected = [&injected](std::string_view key) {
    for (const auto& [name, value] : injected) {
      if (name == key) return true;
    }
    return false;
  };
  JsonWriter json;
  json.BeginObject()
      .Field("event", event.event)
      .Field("uuid", FormatUuid(event.uuid))
      .Field("distinct_id", event.distinct_id)
      .Field("timestamp", event.timestamp)
      .Key("properties")
      .BeginObject();
  if (event.properties.has_value()) {
    const std::vector<JsonSlice> slices = SliceJson(event.properties_text);
    size_t index = 0;
    for (const auto field : simdjson::dom::object(*event.properties)) {
      if (!is_injected(field.key)) json.Key(field.key).Raw(slices[index].value);
      ++index;
    }
  }
  for (const auto& [name, value] : injected) json.Key(name).Raw(value);
  json.EndObject().EndObject();
  return json.Take();
}

int64_t EventTime(const V1Event& event, const Options& options, const V1Headers& headers,
                  int64_t now_us) {
  const int64_t sent = *ParseRfc3339(event.timestamp);
  if (options.disable_skew_correction.value_or(false)) return sent;
  const int64_t corrected = sent - (headers.sent_at_us - now_us);
  return corrected - now_us > kFutureLeadMaxUs ? now_us : corrected;
}

struct EventResult {
  std::string uuid;
  bool is_stored = false;
  std::string_view details;
};

HttpResponse ResultsResponse(const HttpRequest& request, const std::vector<EventResult>& results,
                             bool is_durable) {
  bool any_retry = false;
  JsonWriter json;
  json.BeginObject().Key("results").BeginObject();
  for (const EventResult& result : results) {
    json.Key(result.uuid).BeginObject();
    if (result.is_stored && !is_durable) {
      any_retry = true;
      json.Field("result", "retry").Field("details", "not_persisted");
    } else {
      json.Field("result", result.is_stored ? "ok" : "drop");
      if (!result.details.empty()) json.Field("details", result.details);
    }
    json.EndObject();
  }
  json.EndObject().EndObject();
  HttpResponse response = HttpJson(200, json.Take());
  EchoRequestId(request, &response);
  if (any_retry) response.headers.Add("retry-after", "1");
  return response;
}

CapturedEvent MakeEvent(const V1Event& event, const Options& options, const V1Batch& batch,
                        const V1Headers& headers, const std::string& ip, int64_t now_us) {
  CapturedEvent captured;
  captured.uuid = event.uuid;
  captured.distinct_id = CleanDistinctId(event.distinct_id);
  captured.token = headers.token;
  captured.event = std::string(event.event);
  captured.ip = batch.capture_internal ? std::string(kInternalIp) : ip;
  captured.timestamp_us = EventTime(event, options, headers, now_us);
  captured.now_us = now_us;
  captured.sent_at_us = headers.sent_at_us;
  captured.historical_migration = batch.historical_migration;
  captured.is_cookieless = options.cookieless_mode.value_or(false);
  captured.force_disable_person_processing = IsIllegalDistinctId(event.distinct_id);
  captured.json = EventJson(event, options, headers);
  return captured;
}

Refusal ReadDocument(const HttpRequest& request, const std::string& text, const element& root,
                     const V1Headers& headers, const CaptureContext& context,
                     CaptureOutcome* outcome) {
  V1Batch batch;
  if (!ReadV1Batch(root, text, &batch)) {
    return Refuse(400, "request_parsing_error", "the body does not have the shape of a batch");
  }
  if (auto refusal = CheckBatch(&batch)) return refusal;
  const std::string ip = ClientIp(request);
  std::vector<EventResult> results;
  for (const V1Event& event : batch.events) {
    Options options;
    const bool options_are_valid = ReadOptions(event.options, &options);
    EventResult& result = results.emplace_back();
    result.uuid = FormatUuid(event.uuid);
    result.details = DropReason(event, options_are_valid);
    if (!result.details.empty()) continue;
    CapturedEvent captured = MakeEvent(event, options, batch, headers, ip, context.now_us);
    if (captured.json.size() > context.limits.event_bytes_max) {
      return Refuse(413, "payload_too_large", "an event exceeds the size limit");
    }
    result.is_stored = true;
    if (captured.force_disable_person_processing) result.details = "person_processing_disabled";
    outcome->events.push_back(std::move(captured));
  }
  outcome->response = ResultsResponse(request, results, true);
  outcome->not_durable = ResultsResponse(request, results, false);
  return std::nullopt;
}

Refusal Process(HttpRequest* request, const CaptureContext& context, CaptureOutcome* outcome) {
  V1Headers headers;
  if (auto refusal = ReadHeaders(request->headers, context.tokens, &headers)) return refusal;
  if (context.quotas != nullptr && context.quotas->IsLimited(headers.token, "events")) {
    return Refuse(402, "billing_limit_exceeded", "the project's event quota is used up");
  }
  if (request->body.size() > context.limits.v1_body_bytes_max) {
    return Refuse(413, "payload_too_large", "the body exceeds the size limit");
  }
  if (request->body.empty()) return Refuse(400, "empty_body", "the request has no body");
  auto text = Decompress(headers.encoding, std::move(request->body),
                         context.limits.v1_decompressed_bytes_max);
  if (absl::IsOutOfRange(text.status())) {
    return Refuse(413, "payload_too_large", std::string(text.status().message()));
  }
  if (!text.ok()) {
    return Refuse(400, "request_decoding_error", std::string(text.status().message()));
  }
  Refusal refusal;
  const absl::Status parsed = VisitJsonDocument(*text, [&](const element& root) {
    refusal = ReadDocument(*request, *text, root, headers, context, outcome);
  });
  if (!parsed.ok()) {
    return Refuse(400, "request_parsing_error", std::string(parsed.message()));
  }
  return refusal;
}

}  // namespace

HttpResponse CaptureV1BodyError(const HttpRequest& request, HttpBodyError error, uint64_t limit) {
  switch (error) {
    case HttpBodyError::kTooLarge:
      return ErrorResponse(request, {413, "payload_too_large",
                                     "the body exceeds " + std::to_string(limit) + " bytes"});
    case HttpBodyError::kTimeout:
      return ErrorResponse(request, {408, "body_read_timeout", "the client stopped sending data"});
    case HttpBodyError::kBroken:
      break;
  }
  return ErrorResponse(request, {400, "request_decoding_error", "the body could not be read"});
}

CaptureOutcome CaptureAnalyticsV1(HttpRequest request, const CaptureContext& context) {
  CaptureOutcome outcome;
  if (const Refusal refusal = Process(&request, context, &outcome)) {
    outcome.events.clear();
    outcome.response = ErrorResponse(request, *refusal);
  }
  return outcome;
}

}  // namespace hoglet
