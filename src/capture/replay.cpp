#include <simdjson.h>

#include <utility>

#include "include/hoglet/status.h"
#include "src/base/json.h"
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

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr size_t kSessionIdCharsMax = 70;

// What the first event of a replay request says about all of it.
struct Session {
  std::string_view session_id;
  std::string_view window_id;
  std::string_view source = "web";
  std::string_view lib;
};

std::optional<element> Find(const element& object, std::string_view key) {
  std::optional<element> found;
  if (object.type() != element_type::OBJECT) return found;
  for (const auto field : simdjson::dom::object(object)) {
    if (field.key == key) found = field.value;
  }
  return found;
}

std::optional<std::string_view> FindString(const element& object, std::string_view key) {
  const auto value = Find(object, key);
  if (!value.has_value() || value->type() != element_type::STRING) return std::nullopt;
  return std::string_view(*value);
}

bool IsSessionId(std::string_view text) {
  for (const char c : text) {
    const bool fine =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    if (!fine) return false;
  }
  return !text.empty() && text.size() <= kSessionIdCharsMax;
}

absl::StatusOr<Session> ReadSession(const element& properties, std::string_view user_agent) {
  Session session;
  if (!Find(properties, "$session_id").has_value()) {
    return absl::InvalidArgumentError("replay event submitted without session id");
  }
  const auto id = FindString(properties, "$session_id");
  if (!id.has_value() || !IsSessionId(*id)) {
    return absl::InvalidArgumentError("replay event has invalid session id");
  }
  session.session_id = *id;
  session.window_id = FindString(properties, "$window_id").value_or(*id);
  session.source = FindString(properties, "$snapshot_source").value_or("web");
  const bool is_posthog_agent = user_agent.find("posthog") != std::string_view::npos;
  session.lib =
      FindString(properties, "$lib")
          .value_or(is_posthog_agent ? user_agent.substr(0, user_agent.find('/')) : "web");
  return session;
}

// The text of the last member of that name, which must be there; found by its place, so that
// escapes in keys do not matter.
std::string_view LastMemberNamed(std::string_view object_text, const element& object,
                                 std::string_view key) {
  size_t found = 0;
  size_t index = 0;
  for (const auto field : simdjson::dom::object(object)) {
    if (field.key == key) found = index;
    ++index;
  }
  return MemberText(object_text, found);
}

// Appends the snapshot items of one event to a list under construction.
absl::Status AppendItems(std::string_view event_text, const element& event, std::string* items) {
  const auto properties = Find(event, "properties");
  const auto data = properties.has_value() ? Find(*properties, "$snapshot_data") : std::nullopt;
  const bool is_array = data.has_value() && data->type() == element_type::ARRAY;
  const bool is_object = data.has_value() && data->type() == element_type::OBJECT;
  if (!is_array && !is_object) {
    return absl::InvalidArgumentError("replay event submitted without snapshot data");
  }
  std::string_view text = LastMemberNamed(LastMemberNamed(event_text, event, "properties"),
                                          *properties, "$snapshot_data");
  if (is_array) {
    text = TrimWhitespace(text.substr(1, text.size() - 2));
    if (text.empty()) return absl::OkStatus();
  }
  if (!items->empty()) items->push_back(',');
  items->append(text);
  return absl::OkStatus();
}

std::string MessageJson(const Session& session, std::string_view distinct_id,
                        std::string_view items) {
  std::string list;
  list.reserve(items.size() + 2);
  list.append("[").append(items).append("]");
  JsonWriter json;
  json.BeginObject().Field("event", "$snapshot_items").Key("properties").BeginObject();
  json.Field("distinct_id", distinct_id)
      .Field("$session_id", session.session_id)
      .Field("$window_id", session.window_id)
      .Field("$snapshot_source", session.source)
      .Key("$snapshot_items")
      .Raw(list)
      .Field("$lib", session.lib);
  json.EndObject().EndObject();
  return json.Take();
}

// False if one of them is no event.
bool ReadRawEvents(const JsonNode& root, Arena* arena, std::vector<RawEvent>* raws) {
  const auto read = [&](const JsonNode& node) {
    RawEvent& raw = raws->emplace_back();
    return ReadRawEvent(node, false, arena, &raw) && raw.event.has_value();
  };
  if (root.kind() != JsonNode::Kind::kArray) return read(root);
  for (const JsonNode item : root) {
    if (!read(item)) return false;
  }
  return true;
}

absl::Status ReadDocument(const HttpRequest& request, const std::string& text, const element& root,
                          const CaptureContext& context, bool* is_limited, CapturedBatch* batch) {
  std::vector<element> elements;
  if (root.type() == element_type::ARRAY) {
    for (const element item : simdjson::dom::array(root)) elements.push_back(item);
    if (elements.empty()) return absl::InvalidArgumentError("request holds no event");
  } else {
    elements.push_back(root);
  }
  JsonOutline outline;
  if (!outline.ReadAccepted(text)) return absl::InternalError("failed to parse request");
  Arena arena;
  std::vector<RawEvent> raws;
  if (!ReadRawEvents(outline.root(), &arena, &raws)) {
    return absl::InvalidArgumentError("failed to parse request: not a replay event");
  }
  HOGLET_ASSERT(raws.size() == elements.size());
  const RawEvent& first = raws.front();
  if (!first.token.has_value())
    return absl::UnauthenticatedError("event submitted without an api_key");
  const std::string_view token = TrimWhitespace(*first.token);
  HOGLET_RETURN_IF_ERROR(CheckToken(token, context.tokens));
  if (context.quotas != nullptr && context.quotas->IsLimited(token, QuotaResource::kRecordings)) {
    *is_limited = true;
    return absl::OkStatus();
  }
  const auto properties = Find(elements.front(), "properties");
  if (!properties.has_value()) {
    return absl::InvalidArgumentError("replay event submitted without session id");
  }
  HOGLET_ASSIGN_OR_RETURN(const Session session,
                          ReadSession(*properties, request.headers.Find("user-agent")));
  if (first.distinct_id.empty()) {
    return absl::InvalidArgumentError("event submitted without a distinct_id");
  }
  if (first.cookieless == RawEvent::Flag::kInvalid) {
    return absl::InvalidArgumentError("event submitted with invalid cookieless mode");
  }
  std::string items;
  for (size_t i = 0; i < elements.size(); ++i) {
    HOGLET_RETURN_IF_ERROR(AppendItems(raws[i].json, elements[i], &items));
  }
  CapturedEventView event;
  event.uuid = first.uuid.has_value() ? *first.uuid : UuidV7(context.env);
  event.distinct_id = first.distinct_id;
  event.token = token;
  event.event = "$snapshot_items";
  const std::string ip = first.is_internal ? std::string(kInternalIp) : ClientIp(request);
  event.ip = ip;
  event.now_us = context.now_us;
  event.sent_at_us = SentAtOfQuery(request.query);
  event.timestamp_us = ComputeEventTime({.timestamp = first.timestamp,
                                         .offset_ms = first.offset_ms,
                                         .sent_at_us = event.sent_at_us,
                                         .ignore_sent_at = first.ignore_sent_at,
                                         .now_us = context.now_us});
  event.is_cookieless = first.cookieless == RawEvent::Flag::kTrue;
  const std::string message = MessageJson(session, first.distinct_id, items);
  event.json = message;
  if (event.json.size() > context.limits.event_bytes_max) {
    return EventTooLarge(event.json.size(), context.limits.event_bytes_max);
  }
  batch->Add(event);
  return absl::OkStatus();
}

absl::Status ReadMessage(HttpRequest* request, const CaptureContext& context, bool* is_limited,
                         CapturedBatch* batch) {
  if (request->body.size() > context.limits.replay_body_bytes_max) {
    return absl::OutOfRangeError("maximum event size exceeded: Request body exceeds limit of " +
                                 std::to_string(context.limits.replay_body_bytes_max) + " bytes");
  }
  HOGLET_ASSIGN_OR_RETURN(std::string text,
                          DecodePayload(request, context.limits.decompressed_bytes_max));
  JsonOutline::Pad(&text);
  absl::Status status = absl::OkStatus();
  const absl::Status parsed = VisitJsonDocument(&text, [&](const element& root) {
    status = ReadDocument(*request, text, root, context, is_limited, batch);
  });
  if (!parsed.ok()) {
    return absl::InvalidArgumentError("failed to parse request: " + std::string(parsed.message()));
  }
  return status;
}

}  // namespace

CaptureOutcome CaptureReplay(HttpRequest request, const CaptureContext& context) {
  CaptureOutcome outcome;
  const bool is_beacon = QueryHas(request.query, "beacon", "1");
  bool is_limited = false;
  const absl::Status status = ReadMessage(&request, context, &is_limited, &outcome.events);
  if (!status.ok()) {
    outcome.response = HttpText(HttpStatusOf(status), std::string(status.message()));
    return outcome;
  }
  if (is_limited) {
    outcome.response = HttpJson(200, R"({"status":"Ok","quota_limited":["recordings"]})");
    return outcome;
  }
  if (is_beacon) {
    outcome.response.status = 204;
  } else {
    outcome.response = HttpJson(200, R"({"status":"Ok"})");
  }
  outcome.not_durable = HttpText(503, "transient error, please retry");
  outcome.not_durable.headers.Add("retry-after", "1");
  return outcome;
}

}  // namespace hoglet
