#include "src/api/json_fields.h"

#include "absl/strings/numbers.h"
#include "include/hoglet/status.h"
#include "src/base/arena.h"
#include "src/base/strings.h"

namespace hoglet {

absl::StatusOr<JsonFields> JsonFields::Parse(std::string_view object_json) {
  Arena arena;
  JsonObjectView members;
  HOGLET_RETURN_IF_ERROR(ParseJsonObject(object_json, &arena, &members));
  JsonFields fields;
  fields.members_.reserve(members.size());
  for (const JsonMember& member : members) {
    auto& [key, json] = fields.members_.emplace_back(std::string(member.key), std::string());
    AppendJsonValue(member, &json);
  }
  return fields;
}

std::string_view JsonFields::Find(std::string_view key) const {
  for (const auto& [name, json] : members_) {
    if (name == key) return json;
  }
  return {};
}

std::string JsonFields::Text(std::string_view key) const {
  const std::string_view json = Find(key);
  if (!json.starts_with('"')) return {};
  Arena arena;
  JsonMember value;
  return ParseJsonValue(json, &arena, &value).ok() ? std::string(value.text) : "";
}

int64_t JsonFields::Int(std::string_view key) const {
  int64_t value = 0;
  return absl::SimpleAtoi(ToAbsl(Find(key)), &value) ? value : 0;
}

void JsonFields::Set(std::string_view key, std::string json) {
  for (auto& [name, present] : members_) {
    if (name != key) continue;
    present = std::move(json);
    return;
  }
  members_.emplace_back(std::string(key), std::move(json));
}

void JsonFields::SetText(std::string_view key, std::string_view text) {
  std::string json;
  AppendJsonString(text, &json);
  Set(key, std::move(json));
}

std::string JsonFields::ToJson() const {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [key, value] : members_) json.Key(key).Raw(value);
  return json.EndObject().Take();
}

}  // namespace hoglet
