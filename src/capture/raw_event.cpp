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

// What an event says of itself in one place.
struct Identity {
  std::optional<std::string_view> token;
  std::optional<std::string_view> distinct_id;
};

void ReadProperties(const JsonNode& properties, Arena* arena, RawEvent* out, Identity* fallbacks) {
  for (const JsonNode value : properties) {
    switch (value.name()) {
      case KnownName::kToken:
        if (value.kind() == Kind::kString) fallbacks->token = value.String(arena);
        break;
      case KnownName::kDistinctId:
        ReadDistinctId(value, arena, &fallbacks->distinct_id);
        break;
      case KnownName::kIgnoreSentAt:
        out->ignore_sent_at = FlagOf(value) == RawEvent::Flag::kTrue;
        break;
      case KnownName::kCookielessMode:
        out->cookieless = FlagOf(value);
        break;
      case KnownName::kCaptureInternal:
        out->is_internal = true;
        break;
      case KnownName::kProductTourId:
        out->has_product_tour_id = true;
        break;
      default:
        break;
    }
  }
}

// False if the field has a type that it may not have.
bool ReadField(const JsonNode& field, bool ignore_event, Arena* arena, RawEvent* out, Identity* top,
               Identity* fallbacks) {
  switch (field.name()) {
    case KnownName::kEvent:
      return ignore_event || (!field.is_null() && ReadOptionalString(field, arena, &out->event));
    case KnownName::kToken:
    case KnownName::kDollarToken:
    case KnownName::kApiKey:
      return top->token.has_value() || ReadOptionalString(field, arena, &top->token);
    case KnownName::kDistinctId:
    case KnownName::kDollarDistinctId:
      if (!top->distinct_id.has_value()) ReadDistinctId(field, arena, &top->distinct_id);
      return true;
    case KnownName::kUuid:
      return ReadUuid(field, arena, &out->uuid);
    case KnownName::kProperties:
      if (field.kind() != Kind::kObject) return false;
      ReadProperties(field, arena, out, fallbacks);
      return true;
    case KnownName::kTimestamp:
      return ReadOptionalString(field, arena, &out->timestamp);
    case KnownName::kOffset:
      return ReadOffset(field, &out->offset_ms);
    case KnownName::kSet:
    case KnownName::kSetOnce:
      return field.is_null() || field.kind() == Kind::kObject;
    default:
      return true;
  }
}

}  // namespace

bool ReadRawEvent(const JsonNode& node, bool ignore_event, Arena* arena, RawEvent* out) {
  if (node.kind() != Kind::kObject) return false;
  out->json = node.text();
  Identity top;
  Identity fallbacks;
  for (const JsonNode field : node) {
    if (!ReadField(field, ignore_event, arena, out, &top, &fallbacks)) return false;
  }
  out->token = top.token.has_value() ? top.token : fallbacks.token;
  if (!top.distinct_id.has_value()) top.distinct_id = fallbacks.distinct_id;
  out->distinct_id = top.distinct_id.value_or(std::string_view());
  return true;
}

}  // namespace hoglet
