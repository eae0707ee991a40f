#include "src/capture/raw_event.h"

#include <simdjson.h>

#include "src/base/uuid.h"
#include "src/capture/capture_rules.h"
#include "src/capture/json_document.h"

namespace hoglet {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

bool IsNull(const element& value) { return value.type() == element_type::NULL_VALUE; }

bool ReadOptionalString(const element& value, std::optional<std::string_view>* out) {
  if (IsNull(value)) return true;
  if (value.type() != element_type::STRING) return false;
  *out = std::string_view(value);
  return true;
}

bool ReadUuid(const element& value, std::optional<Uuid>* out) {
  std::optional<std::string_view> text;
  if (!ReadOptionalString(value, &text)) return false;
  if (!text.has_value() || text->empty()) return true;
  *out = ParseUuid(*text);
  return out->has_value();
}

bool ReadOffset(const element& value, std::optional<int64_t>* out) {
  if (IsNull(value)) return true;
  int64_t offset = 0;
  if (value.type() != element_type::INT64 || value.get(offset)) return false;
  *out = offset;
  return true;
}

// A distinct id may be any JSON but null.
void ReadDistinctId(const element& value, Arena* arena, std::optional<std::string_view>* out) {
  if (IsNull(value)) return;
  const std::string_view text = value.type() == element_type::STRING
                                    ? std::string_view(value)
                                    : arena->Copy(CanonicalJson(value));
  *out = CleanDistinctId(text, arena);
}

RawEvent::Flag FlagOf(const element& value) {
  if (value.type() != element_type::BOOL) return RawEvent::Flag::kInvalid;
  return bool(value) ? RawEvent::Flag::kTrue : RawEvent::Flag::kFalse;
}

struct PropertyFallbacks {
  std::optional<std::string_view> token;
  std::optional<std::string_view> distinct_id;
};

void ReadProperties(const simdjson::dom::object& properties, Arena* arena, RawEvent* out,
                    PropertyFallbacks* fallbacks) {
  for (const auto [key, value] : properties) {
    if (key == "token") {
      if (value.type() == element_type::STRING) fallbacks->token = std::string_view(value);
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

bool IsObjectOrNull(const element& value) {
  return IsNull(value) || value.type() == element_type::OBJECT;
}

}  // namespace

bool ReadRawEvent(const element& value, bool ignore_event, Arena* arena, RawEvent* out) {
  if (value.type() != element_type::OBJECT) return false;
  std::optional<std::string_view> distinct_id;
  std::optional<std::string_view> token;
  PropertyFallbacks fallbacks;
  for (const auto [key, field] : simdjson::dom::object(value)) {
    bool valid = true;
    if (key == "event") {
      if (!ignore_event) valid = !IsNull(field) && ReadOptionalString(field, &out->event);
    } else if (key == "token" || key == "$token" || key == "api_key") {
      valid = token.has_value() || ReadOptionalString(field, &token);
    } else if (key == "distinct_id" || key == "$distinct_id") {
      if (!distinct_id.has_value()) ReadDistinctId(field, arena, &distinct_id);
    } else if (key == "uuid") {
      valid = ReadUuid(field, &out->uuid);
    } else if (key == "properties") {
      valid = field.type() == element_type::OBJECT;
      if (valid) ReadProperties(simdjson::dom::object(field), arena, out, &fallbacks);
    } else if (key == "timestamp") {
      valid = ReadOptionalString(field, &out->timestamp);
    } else if (key == "offset") {
      valid = ReadOffset(field, &out->offset_ms);
    } else if (key == "$set" || key == "$set_once") {
      valid = IsObjectOrNull(field);
    }
    if (!valid) return false;
  }
  out->token = token.has_value() ? token : fallbacks.token;
  if (!distinct_id.has_value()) distinct_id = fallbacks.distinct_id;
  out->distinct_id = distinct_id.value_or(std::string_view());
  return true;
}

}  // namespace hoglet
