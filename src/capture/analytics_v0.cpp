#include <algorithm>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/buffer_pool.h"
#include "src/base/uuid.h"
#include "src/capture/capture.h"
#include "src/capture/capture_rules.h"
#include "src/capture/event_time.h"
#include "src/capture/json_document.h"
#include "src/capture/json_outline.h"
#include "src/capture/payload.h"
#include "src/capture/raw_event.h"

namespace hoglet {
namespace {

using Kind = JsonNode::Kind;

// A request as one of the four shapes of section 4.
struct Shaped {
  std::vector<RawEvent> events;
  std::optional<std::string_view> batch_token;
  std::optional<std::string_view> batch_sent_at;
  bool historical_migration = false;
  bool is_nameless = false;  // the engage shape
};

bool ReadEvents(const JsonNode& array, Arena* arena, std::vector<RawEvent>* events) {
  size_t count = 0;
  for (auto item = array.begin(); item != array.end(); ++item) ++count;
  events->reserve(std::min(count, kEventsReservedMax));
  for (const JsonNode item : array) {
    RawEvent& event = events->emplace_back();
    if (!ReadRawEvent(item, false, arena, &event) || !event.event.has_value()) return false;
  }
  return true;
}

bool ReadArrayShape(const JsonNode& root, Arena* arena, Shaped* out) {
  return root.kind() == Kind::kArray && ReadEvents(root, arena, &out->events);
}

bool ReadFlag(const JsonNode& node, bool* out) {
  *out = node.kind() == Kind::kTrue;
  return *out || node.kind() == Kind::kFalse;
}

// False also when a field has the wrong type.
bool ReadBatchShape(const JsonNode& root, Arena* arena, Shaped* out) {
  if (root.kind() != Kind::kObject) return false;
  std::optional<JsonNode> batch;
  for (const JsonNode value : root) {
    const KnownName name = value.name();
    if (name == KnownName::kToken || name == KnownName::kApiKey) {
      if (value.kind() != Kind::kString) return false;
      if (!out->batch_token.has_value()) out->batch_token = value.String(arena);
    } else if (name == KnownName::kBatch && !batch.has_value()) {
      if (value.kind() != Kind::kArray) return false;
      batch = value;
    } else if (name == KnownName::kHistoricalMigration && !value.is_null()) {
      if (!ReadFlag(value, &out->historical_migration)) return false;
    } else if (name == KnownName::kSentAt && !value.is_null()) {
      if (value.kind() != Kind::kString) return false;
      out->batch_sent_at = value.String(arena);
    }
  }
  if (!batch.has_value() || !out->batch_token.has_value()) return false;
  return ReadEvents(*batch, arena, &out->events);
}

bool ReadSingleShape(const JsonNode& root, bool ignore_event, Arena* arena, Shaped* out) {
  RawEvent event;
  if (!ReadRawEvent(root, ignore_event, arena, &event)) return false;
  if (event.event.has_value() == ignore_event) return false;
  out->events.push_back(std::move(event));
  out->is_nameless = ignore_event;
  return true;
}

absl::StatusOr<Shaped> ReadShape(const JsonNode& root, Arena* arena) {
  if (Shaped shaped; ReadArrayShape(root, arena, &shaped)) return shaped;
  if (Shaped shaped; ReadBatchShape(root, arena, &shaped)) return shaped;
  if (Shaped shaped; ReadSingleShape(root, false, arena, &shaped)) return shaped;
  if (Shaped shaped; ReadSingleShape(root, true, arena, &shaped)) return shaped;
  return absl::InvalidArgumentError(
      "failed to parse request: the JSON is neither an event, an array of events nor a batch");
}

absl::Status NameEngageEvent(std::string_view path, Shaped* shaped) {
  if (!shaped->is_nameless) return absl::OkStatus();
  if (!path.starts_with("/engage")) {
    return absl::InvalidArgumentError(
        "failed to hydrate events from request: non-engage request missing event name attribute");
  }
  shaped->events.front().event = "$identify";
  return absl::OkStatus();
}

// The one token of the request, trimmed and checked.
absl::StatusOr<std::string> ReadToken(const Shaped& shaped, const TokenDirectory* tokens) {
  std::optional<std::string_view> token = shaped.batch_token;
  if (!token.has_value()) {
    for (const RawEvent& event : shaped.events) {
      if (!event.token.has_value()) continue;
      if (token.has_value() && *token != *event.token) {
        return absl::UnauthenticatedError("batch submitted with inconsistent api_key values");
      }
      token = event.token;
    }
  }
  if (!token.has_value()) return absl::UnauthenticatedError("event submitted without an api_key");
  const std::string_view trimmed = TrimWhitespace(*token);
  HOGLET_RETURN_IF_ERROR(CheckToken(trimmed, tokens));
  return std::string(trimmed);
}

absl::Status CheckEvent(const RawEvent& event) {
  if (event.event->empty()) {
    return absl::InvalidArgumentError("event submitted with an empty event name");
  }
  if (event.distinct_id.empty()) {
    return absl::InvalidArgumentError("event submitted without a distinct_id");
  }
  if (event.cookieless == RawEvent::Flag::kInvalid) {
    return absl::InvalidArgumentError("event submitted with invalid cookieless mode");
  }
  return absl::OkStatus();
}

struct RequestFacts {
  std::string token;
  std::string ip;
  std::optional<int64_t> sent_at_us;
  bool historical_migration = false;
};

void AddEvent(const RawEvent& raw, const RequestFacts& facts, const CaptureContext& context,
              CapturedBatch* batch) {
  CapturedEventView event;
  event.uuid = raw.uuid.has_value() ? *raw.uuid : UuidV7(context.env);
  event.distinct_id = raw.distinct_id;
  event.token = facts.token;
  event.event = *raw.event;
  event.ip = raw.is_internal ? kInternalIp : std::string_view(facts.ip);
  event.now_us = context.now_us;
  event.sent_at_us = facts.sent_at_us;
  event.timestamp_us = ComputeEventTime({.timestamp = raw.timestamp,
                                         .offset_ms = raw.offset_ms,
                                         .sent_at_us = facts.sent_at_us,
                                         .ignore_sent_at = raw.ignore_sent_at,
                                         .now_us = context.now_us});
  event.historical_migration = facts.historical_migration;
  event.is_cookieless = raw.cookieless == RawEvent::Flag::kTrue;
  event.json = raw.json;
  batch->Add(event);
}

absl::Status ReadDocument(const HttpRequest& request, const JsonNode& root,
                          const CaptureContext& context, CapturedBatch* batch) {
  Arena arena;
  HOGLET_ASSIGN_OR_RETURN(Shaped shaped, ReadShape(root, &arena));
  HOGLET_RETURN_IF_ERROR(NameEngageEvent(request.path, &shaped));
  if (shaped.events.empty()) return absl::InvalidArgumentError("request holds no event");
  RequestFacts facts;
  HOGLET_ASSIGN_OR_RETURN(facts.token, ReadToken(shaped, context.tokens));
  std::erase_if(shaped.events, [&](const RawEvent& event) {
    return event.event == "$performance_event" ||
           IsOverQuota(context.quotas, facts.token, *event.event, event.has_product_tour_id);
  });
  if (shaped.batch_sent_at.has_value()) facts.sent_at_us = ParseSentAt(*shaped.batch_sent_at);
  if (!facts.sent_at_us.has_value()) facts.sent_at_us = SentAtOfQuery(request.query);
  facts.ip = ClientIp(request);
  facts.historical_migration = shaped.historical_migration;
  batch->Reserve(shaped.events.size(), 0);
  for (const RawEvent& raw : shaped.events) {
    HOGLET_RETURN_IF_ERROR(CheckEvent(raw));
    if (raw.json.size() > context.limits.event_bytes_max) {
      return EventTooLarge(raw.json.size(), context.limits.event_bytes_max);
    }
    AddEvent(raw, facts, context, batch);
  }
  return absl::OkStatus();
}

// Most texts are read in one pass. Those that are not JSON, or unusual, are left to simdjson to
// judge, which may mend the text.
absl::Status OutlineDocument(std::string* text, JsonOutline* outline) {
  JsonOutline::Pad(text);
  if (outline->Read(*text)) return absl::OkStatus();
  const absl::Status parsed = VisitJsonDocument(text, [](const simdjson::dom::element&) {});
  if (!parsed.ok()) {
    return absl::InvalidArgumentError("failed to parse request: " + std::string(parsed.message()));
  }
  JsonOutline::Pad(text);
  if (outline->ReadAccepted(*text)) return absl::OkStatus();
  return absl::InternalError("failed to parse request");
}

// The text's memory is another request's when nobody needs it any more.
std::shared_ptr<std::string> Recycled(std::string text) {
  return {new std::string(std::move(text)), [](std::string* last) {
            BufferPool::Default()->Give(std::move(*last));
            delete last;
          }};
}

absl::Status ReadEvents(HttpRequest* request, const CaptureContext& context, CapturedBatch* batch) {
  if (request->body.size() > context.limits.body_bytes_max) {
    return absl::OutOfRangeError("maximum event size exceeded: Request body exceeds limit of " +
                                 std::to_string(context.limits.body_bytes_max) + " bytes");
  }
  HOGLET_ASSIGN_OR_RETURN(std::string decoded,
                          DecodePayload(request, context.limits.decompressed_bytes_max));
  const auto text = Recycled(std::move(decoded));
  thread_local JsonOutline outline;
  absl::Status status = OutlineDocument(text.get(), &outline);
  batch->Keep(text);
  if (status.ok()) status = ReadDocument(*request, outline.root(), context, batch);
  outline.Shrink();
  return status;
}

}  // namespace

HttpResponse CaptureBodyError(const HttpRequest&, HttpBodyError error, uint64_t limit) {
  switch (error) {
    case HttpBodyError::kTooLarge:
      return HttpText(413, "maximum event size exceeded: Request body exceeds limit of " +
                               std::to_string(limit) + " bytes");
    case HttpBodyError::kTimeout:
      return HttpText(408, "client stopped sending data");
    case HttpBodyError::kBroken:
      break;
  }
  return HttpText(400, "failed to decode request: Error reading request body: broken stream");
}

CaptureOutcome CaptureAnalytics(HttpRequest request, const CaptureContext& context) {
  static const auto ok_body = std::make_shared<const std::string>(R"({"status":"Ok"})");
  CaptureOutcome outcome;
  const bool is_beacon = QueryHas(request.query, "beacon", "1");
  const absl::Status status = ReadEvents(&request, context, &outcome.events);
  if (!status.ok()) {
    outcome.events.Clear();
    outcome.response = HttpText(HttpStatusOf(status), std::string(status.message()));
    return outcome;
  }
  if (is_beacon) {
    outcome.response.status = 204;
  } else {
    outcome.response = HttpJson(200, "");
    outcome.response.shared_body = ok_body;
  }
  outcome.not_durable = HttpText(503, "transient error, please retry");
  outcome.not_durable.headers.Add("retry-after", "1");
  return outcome;
}

}  // namespace hoglet
