#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/capture/capture.h"
#include "src/capture/capture_rules.h"
#include "src/capture/compression.h"
#include "src/capture/event_time.h"
#include "src/capture/json_document.h"
#include "src/capture/raw_event.h"

// POST /i/v1/analytics/events: strict headers, one outcome an event (spec capture.md section 10).

namespace hoglet {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr size_t kNameBytesMax = 200;
// More would be copied into every event of a batch.
constexpr size_t kSdkInfoBytesMax = 200;

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

using Decompressor = absl::StatusOr<std::string> (*)(std::string_view, uint64_t);

// False for a coding that is not served.
bool FindDecompressor(std::string_view coding, Decompressor* out) {
  constexpr std::pair<std::string_view, Decompressor> kCodings[] = {
      {"", nullptr},
      {"gzip", DecompressGzip},
      {"br", DecompressBrotli},
      {"zstd", DecompressZstd},
      {"deflate", DecompressZlib},
  };
  for (const auto& [name, decompressor] : kCodings) {
    if (!EqualsIgnoreCase(name, coding)) continue;
    *out = decompressor;
    return true;
  }
  return false;
}

struct V1Headers {
  std::string token;
  int64_t sent_at_us = 0;
  Decompressor decompress = nullptr;  // null: the body is plain
  std::string_view lib;               // empty: Sdk-Info was unusable
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

// `name/version`; the name may have slashes of its own.
void ReadSdkInfo(std::string_view value, V1Headers* out) {
  const size_t slash = value.rfind('/');
  if (slash == std::string_view::npos || value.size() > kSdkInfoBytesMax) return;
  const std::string_view name = TrimWhitespace(value.substr(0, slash));
  const std::string_view version = TrimWhitespace(value.substr(slash + 1));
  if (name.empty() || version.empty()) return;
  out->lib = name;
  out->lib_version = version;
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
  if (!FindDecompressor(TrimWhitespace(headers.Find("content-encoding")), &out->decompress)) {
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
  std::string_view text;        // the whole object
  size_t properties_index = 0;  // their place among its members
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
  if (!options.has_value() || options->type() == element_type::NULL_VALUE) return true;
  if (options->type() != element_type::OBJECT) return false;
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
  size_t index = 0;
  for (const auto [key, field] : simdjson::dom::object(value)) {
    bool valid = true;
    if (key == "event") valid = ReadString(field, &event);
    if (key == "uuid") valid = ReadString(field, &uuid);
    if (key == "distinct_id") valid = ReadString(field, &distinct_id);
    if (key == "timestamp") valid = ReadString(field, &timestamp);
    if (key == "session_id") valid = ReadNullableString(field, &out->session_id);
    if (key == "window_id") valid = ReadNullableString(field, &out->window_id);
    if (key == "options") out->options = field;
    if (key == "properties") {
      out->properties = field;
      out->properties_index = index;
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
    const bool is_null = value.type() == element_type::NULL_VALUE;
    if (key == "created_at") valid = ReadString(value, &created_at);
    if (key == "historical_migration") valid = ReadFlag(value, &out->historical_migration);
    if (key == "capture_internal") valid = is_null || ReadFlag(value, &out->capture_internal);
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
  const simdjson::dom::array items(*batch);
  out->events.reserve(std::min(items.size(), kEventsReservedMax));
  JsonSlicer slicer(FromMember(text, batch_index));
  for (const element item : items) {
    JsonSlice slice;
    const bool has_text = slicer.Next(&slice);
    HOGLET_ASSERT(has_text);
    if (!ReadV1Event(item, slice.value, &out->events.emplace_back())) return false;
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
  if (!options_are_valid) return "invalid_options";
  return {};
}

bool IsWorthAWarning(std::string_view drop_reason) {
  return !drop_reason.empty() && drop_reason != "dropped_performance_event";
}

// Names of the properties that the request itself sets for an event.
class AddedNames {
 public:
  AddedNames(const V1Event& event, const Options& options, const V1Headers& headers) {
    if (event.session_id.has_value()) Add("$session_id");
    if (event.window_id.has_value()) Add("$window_id");
    if (options.cookieless_mode.has_value()) Add("$cookieless_mode");
    if (options.disable_skew_correction.has_value()) Add("$ignore_sent_at");
    if (options.product_tour_id.has_value()) Add("$product_tour_id");
    if (options.process_person_profile.has_value()) Add("$process_person_profile");
    if (headers.lib.empty()) return;
    Add("$lib");
    Add("$lib_version");
  }

  bool Contain(std::string_view key) const {
    if (!key.starts_with('$')) return false;
    const auto* end = names_.data() + count_;
    return std::find(names_.data(), end, key) != end;
  }

 private:
  void Add(std::string_view name) { names_[count_++] = name; }

  std::array<std::string_view, 8> names_;
  size_t count_ = 0;
};

// Members of a JSON object under construction, after the '{'.
class Members {
 public:
  explicit Members(std::string* json) : json_(json) {}

  // `members`: as they stand between the braces of another object.
  void AddRaw(std::string_view members) {
    if (TrimWhitespace(members).empty()) return;
    Separate();
    json_->append(members);
  }
  // Keys are taken as they are; the text is escaped.
  void AddText(std::string_view key, std::string_view text) {
    AddKey(key);
    AppendJsonString(text, json_);
  }
  void AddTextIfAny(std::string_view key, const std::optional<std::string_view>& text) {
    if (text.has_value()) AddText(key, *text);
  }
  void AddBoolIfAny(std::string_view key, const std::optional<bool>& value) {
    if (!value.has_value()) return;
    AddKey(key);
    json_->append(*value ? "true" : "false");
  }
  void AddValue(std::string_view key, std::string_view json_value) {
    AddKey(key);
    json_->append(json_value);
  }

 private:
  void Separate() {
    if (json_->back() != '{') json_->push_back(',');
  }
  void AddKey(std::string_view key) {
    Separate();
    json_->append("\"").append(key).append("\":");
  }

  std::string* json_;
};

// The client's properties but those of the names in `added`.
void AddClientProperties(const V1Event& event, const AddedNames& added, Members* members) {
  if (!event.properties.has_value()) return;
  const simdjson::dom::object properties(*event.properties);
  const std::string_view text = MemberText(event.text, event.properties_index);
  bool all_stay = true;
  for (const auto field : properties) all_stay &= !added.Contain(field.key);
  if (all_stay) {
    members->AddRaw(text.substr(1, text.size() - 2));
    return;
  }
  JsonSlicer slicer(text);
  for (const auto field : properties) {
    JsonSlice slice;
    const bool has_text = slicer.Next(&slice);
    HOGLET_ASSERT(has_text);
    if (!added.Contain(field.key)) {
      // The key with its quotes, so that it stays as the client escaped it.
      members->AddValue(slice.key.substr(1, slice.key.size() - 2), slice.value);
    }
  }
}

// The event in the shape of a v0 event, with what the request says of it among its properties.
std::string EventJson(const V1Event& event, const Options& options, const V1Headers& headers) {
  std::string json = "{";
  json.reserve(event.text.size() + 256);
  Members members(&json);
  members.AddText("event", event.event);
  members.AddValue("uuid", StrCat("\"", FormatUuid(event.uuid), "\""));
  members.AddText("distinct_id", event.distinct_id);
  members.AddText("timestamp", event.timestamp);
  members.AddValue("properties", "{");
  AddClientProperties(event, AddedNames(event, options, headers), &members);
  members.AddTextIfAny("$session_id", event.session_id);
  members.AddTextIfAny("$window_id", event.window_id);
  members.AddBoolIfAny("$cookieless_mode", options.cookieless_mode);
  members.AddBoolIfAny("$ignore_sent_at", options.disable_skew_correction);
  if (options.product_tour_id.has_value()) {
    members.AddText("$product_tour_id", std::string_view(*options.product_tour_id));
  }
  members.AddBoolIfAny("$process_person_profile", options.process_person_profile);
  if (!headers.lib.empty()) {
    members.AddText("$lib", headers.lib);
    members.AddText("$lib_version", headers.lib_version);
  }
  return json.append("}}");
}

int64_t EventTime(const V1Event& event, const Options& options, const V1Headers& headers,
                  int64_t now_us) {
  const int64_t sent = *ParseRfc3339(event.timestamp);
  if (options.disable_skew_correction.value_or(false)) return sent;
  const int64_t corrected = sent - (headers.sent_at_us - now_us);
  return corrected - now_us > kFutureLeadMaxUs ? now_us : corrected;
}

// An event with what became of it.
struct Candidate {
  const V1Event* event = nullptr;
  Options options;
  std::string_view drop_reason;  // empty: it is stored
};

// What a candidate has become, as the answer says it.
std::string_view ResultJson(const Candidate& candidate, bool is_durable) {
  if (!is_durable) return R"({"result":"retry","details":"not_persisted"})";
  if (IsIllegalDistinctId(candidate.event->distinct_id)) {
    return R"({"result":"ok","details":"person_processing_disabled"})";
  }
  return R"({"result":"ok"})";
}

HttpResponse ResultsResponse(const HttpRequest& request, const std::vector<Candidate>& candidates,
                             bool is_durable) {
  bool any_retry = false;
  std::string json = R"({"results":{)";
  for (const Candidate& candidate : candidates) {
    // Uuids and tags have nothing to escape.
    StrAppend(&json, json.back() == '{' ? "\"" : ",\"", FormatUuid(candidate.event->uuid), "\":");
    if (candidate.drop_reason.empty()) {
      json.append(ResultJson(candidate, is_durable));
      any_retry |= !is_durable;
    } else {
      StrAppend(&json, R"({"result":"drop","details":")", candidate.drop_reason, "\"}");
    }
  }
  HttpResponse response = HttpJson(200, json.append("}}"));
  EchoRequestId(request, &response);
  if (any_retry) response.headers.Add("retry-after", "1");
  return response;
}

// Adds the event to the batch; false if it is too large for the log.
bool AddEvent(const V1Event& event, const Options& options, const V1Batch& batch,
              const V1Headers& headers, std::string_view ip, const CaptureContext& context,
              CapturedBatch* out) {
  const int64_t now_us = context.now_us;
  const std::string json = EventJson(event, options, headers);
  if (json.size() > context.limits.event_bytes_max) return false;
  Arena arena;
  CapturedEventView captured;
  captured.uuid = event.uuid;
  captured.distinct_id = CleanDistinctId(event.distinct_id, &arena);
  captured.token = headers.token;
  captured.event = event.event;
  captured.ip = batch.capture_internal ? kInternalIp : ip;
  captured.timestamp_us = EventTime(event, options, headers, now_us);
  captured.now_us = now_us;
  captured.sent_at_us = headers.sent_at_us;
  captured.historical_migration = batch.historical_migration;
  captured.is_cookieless = options.cookieless_mode.value_or(false);
  captured.force_disable_person_processing = IsIllegalDistinctId(event.distinct_id);
  captured.json = json;
  out->Add(captured);
  return true;
}

// What an event is dropped with that is over a quota of its kind.
std::string_view QuotaTag(QuotaResource resource) {
  switch (resource) {
    case QuotaResource::kExceptions:
      return "exceptions_over_quota";
    case QuotaResource::kSurveys:
      return "survey_responses_over_quota";
    case QuotaResource::kAiEvents:
      return "llm_events_over_quota";
    default:
      return "over_quota";
  }
}

// Drops what is over its quota. Refuses the request if that leaves nothing of what was there.
Refusal ApplyQuotas(const CaptureQuotas* quotas, const V1Headers& headers,
                    std::vector<Candidate>* candidates) {
  if (quotas == nullptr) return std::nullopt;
  bool any_kept = false;
  bool any_stopped = false;
  const bool all_stopped = quotas->IsLimited(headers.token, QuotaResource::kEvents);
  for (Candidate& candidate : *candidates) {
    if (!candidate.drop_reason.empty()) continue;
    const QuotaResource resource =
        ResourceOf(candidate.event->event, candidate.options.product_tour_id.has_value());
    if (all_stopped || quotas->IsLimited(headers.token, resource)) {
      candidate.drop_reason = QuotaTag(resource);
      any_stopped = true;
    } else {
      any_kept = true;
    }
  }
  if (!any_stopped || any_kept) return std::nullopt;
  return Refuse(402, "billing_limit_exceeded", "the project's quota is used up");
}

Refusal ReadDocument(const HttpRequest& request, const std::string& text, const element& root,
                     const V1Headers& headers, const CaptureContext& context,
                     CaptureOutcome* outcome) {
  V1Batch batch;
  if (!ReadV1Batch(root, text, &batch)) {
    return Refuse(400, "request_parsing_error", "the body does not have the shape of a batch");
  }
  if (auto refusal = CheckBatch(&batch)) {
    outcome->warnings.push_back({refusal->tag, headers.token, {}, "", ""});
    return refusal;
  }
  std::vector<Candidate> candidates(batch.events.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    Candidate& candidate = candidates[i];
    candidate.event = &batch.events[i];
    const bool options_are_valid = ReadOptions(candidate.event->options, &candidate.options);
    candidate.drop_reason = DropReason(*candidate.event, options_are_valid);
    if (IsWorthAWarning(candidate.drop_reason)) {
      outcome->warnings.push_back({candidate.drop_reason, headers.token, candidate.event->uuid,
                                   std::string(candidate.event->event),
                                   std::string(candidate.event->distinct_id)});
    }
  }
  if (auto refusal = ApplyQuotas(context.quotas, headers, &candidates)) return refusal;
  const std::string ip = ClientIp(request);
  outcome->events.Reserve(candidates.size(), text.size());
  for (const Candidate& candidate : candidates) {
    if (!candidate.drop_reason.empty()) continue;
    if (!AddEvent(*candidate.event, candidate.options, batch, headers, ip, context,
                  &outcome->events)) {
      return Refuse(413, "payload_too_large", "an event exceeds the size limit");
    }
  }
  outcome->response = ResultsResponse(request, candidates, true);
  outcome->not_durable = ResultsResponse(request, candidates, false);
  return std::nullopt;
}

Refusal Process(HttpRequest* request, const CaptureContext& context, CaptureOutcome* outcome) {
  V1Headers headers;
  if (auto refusal = ReadHeaders(request->headers, context.tokens, &headers)) return refusal;
  if (request->body.size() > context.limits.v1_body_bytes_max) {
    return Refuse(413, "payload_too_large", "the body exceeds the size limit");
  }
  if (request->body.empty()) return Refuse(400, "empty_body", "the request has no body");
  absl::StatusOr<std::string> text =
      headers.decompress == nullptr
          ? std::move(request->body)
          : headers.decompress(request->body, context.limits.v1_decompressed_bytes_max);
  if (absl::IsOutOfRange(text.status())) {
    return Refuse(413, "payload_too_large", std::string(text.status().message()));
  }
  if (!text.ok()) {
    return Refuse(400, "request_decoding_error", std::string(text.status().message()));
  }
  Refusal refusal;
  const absl::Status parsed = VisitJsonDocument(&*text, [&](const element& root) {
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
    outcome.events.Clear();
    outcome.response = ErrorResponse(request, *refusal);
  }
  return outcome;
}

}  // namespace hoglet
