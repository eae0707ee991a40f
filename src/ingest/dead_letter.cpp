#include "src/ingest/dead_letter.h"

#include "src/base/arena.h"
#include "src/base/base64.h"
#include "src/base/json.h"
#include "src/base/uuid.h"

namespace hoglet {

std::string DeadLetterJson(std::string_view topic, const ParsedEvent& event,
                           std::string_view reason) {
  JsonWriter json;
  json.BeginObject()
      .Field("reason", reason)
      .Field("topic", topic)
      .Field("offset", event.offset)
      .Field("uuid", FormatUuid(event.captured.uuid))
      .Field("event", event.captured.event)
      .Field("distinct_id", event.captured.distinct_id)
      .Field("token", event.captured.token)
      .Field("received_at_us", event.captured.now_us)
      .Field("value_base64", Base64Encode(event.value))
      .EndObject();
  return json.Take();
}

std::optional<uint64_t> DeadLetterOffset(std::string_view json) {
  Arena arena;
  JsonObjectView members;
  if (!ParseJsonObject(json, &arena, &members).ok()) return std::nullopt;
  const JsonMember* offset = FindJsonMember(members, "offset");
  if (offset == nullptr || offset->kind != JsonKind::kInt64 || offset->integer < 0) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(offset->integer);
}

}  // namespace hoglet
