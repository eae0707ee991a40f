#include "src/capture/raw_event.h"

#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/capture/capture_rules.h"
#include "src/capture/json_document.h"

namespace hoglet {
namespace {

using Kind = JsonNode::Kind;

bool ReadOptionalString(const JsonNode& node, Arena* arena, std::optional<std::string_view>* out) {
  if (node.is_null()) return true;
  if (node.kind() != Kind::kString) return false;
  *out = node.String(arena);
  return true;
}

bool ReadUuid(const JsonNode& node, Arena* arena, std::optional<Uuid>* out) {
  std::optional<std::string_view> text;
  if (!ReadOptionalString(node, arena, &text)) return false;
  if (!text.has_value() || text->empty()) return true;
  *out = ParseUuid(*text);
  return out->has_value();
}

bool ReadOffset(const JsonNode& node, std::optional<int64_t>* out) {
  if (node.is_null()) return true;
  if (node.kind() != Kind::kNumber) return false;
  *out = node.Int64();
  return out->has_value();
}

// As serde_json writes it.
std::string_view CanonicalText(const JsonNode& node, Arena* arena) {
  if (const auto integer = node.Int64()) return arena->Copy(StrCat(*integer));
  return arena->Copy(CanonicalJson(node.text()));
}

// A distinct id may be any JSON but null.
void ReadDistinctId(const JsonNode& node, Arena* arena, std::optional<std::string_view>* out) {
  if (node.is_null()) return;
  *out = CleanDistinctId(
      node.kind() == Kind::kString ? node.String(arena) : CanonicalText(node, arena), arena);
}

RawEvent::Flag FlagOf(const JsonNode& node) {
  if (node.kind() == Kind::kTrue) return RawEvent::Flag::kTrue;
  return node.kind() == Kind::kFalse ? RawEvent::Flag::kFalse : RawEvent::Flag::kInvalid;
}

struct PropertyFallbacks {
  std::optional<std::string_view> token;
  std::optional<std::string_view> distinct_id;
};

void ReadProperties(const JsonNode& properties, Arena* arena, RawEvent* out,
                    PropertyFallbacks* fallbacks) {
  for (const JsonNode value : properties) {
    const std::string_view key = value.name();
    if (key == "token") {
      if (value.kind() == Kind::kString) fallbacks->token = value.String(arena);
    } else if (key == "distinct_id") {
      ReadDistinctId(value, arena, &fallbacks->distinct_id);
    } else if (key == "$ignore_sent_at") {
      out->ignore_sent_at = FlagOf(value) == RawEvent::Flag::kTrue;
    } else if (key == "$cookieless_mode") {
      out->cookieless = FlagOf(value);
    } else if (key == "capture_internal") {
      out->is_internal = true;
    } else if (key == "$product_tour_id") {
      out->has_product_tour_id = true;
    }
  }
}

}  // namespace

bool ReadRawEvent(const JsonNode& node, bool ignore_event, Arena* arena, RawEvent* out) {
  if (node.kind() != Kind::kObject) return false;
  out->json = node.text();
  std::optional<std::string_view> distinct_id;
  std::optional<std::string_view> token;
  PropertyFallbacks fallbacks;
  for (const JsonNode field : node) {
    const std::string_view key = field.name();
    bool valid = true;
    if (key == "event") {
      if (!ignore_event) valid = !field.is_null() && ReadOptionalString(field, arena, &out->event);
    } else if (key == "token" || key == "$token" || key == "api_key") {
      valid = token.has_value() || ReadOptionalString(field, arena, &token);
    } else if (key == "distinct_id" || key == "$distinct_id") {
      if (!distinct_id.has_value()) ReadDistinctId(field, arena, &distinct_id);
    } else if (key == "uuid") {
      valid = ReadUuid(field, arena, &out->uuid);
    } else if (key == "properties") {
      valid = field.kind() == Kind::kObject;
      if (valid) ReadProperties(field, arena, out, &fallbacks);
    } else if (key == "timestamp") {
      valid = ReadOptionalString(field, arena, &out->timestamp);
    } else if (key == "offset") {
      valid = ReadOffset(field, &out->offset_ms);
    } else if (key == "$set" || key == "$set_once") {
      valid = field.is_null() || field.kind() == Kind::kObject;
    }
    if (!valid) return false;
  }
  out->token = token.has_value() ? token : fallbacks.token;
  if (!distinct_id.has_value()) distinct_id = fallbacks.distinct_id;
  out->distinct_id = distinct_id.value_or(std::string_view());
  return true;
}

}  // namespace hoglet
