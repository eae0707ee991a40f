#include "src/ingest/steps/properties.h"

#include <algorithm>
#include <vector>

#include "src/base/json.h"

namespace hoglet {

KnownNames::KnownNames(const JsonObjectView& members) {
  for (const JsonMember& member : members) {
    if (member.key_id <= kKnownKeyIdMax) bits_ |= uint64_t{1} << member.key_id;
  }
}

JsonMember* FindProperty(JsonObjectView* properties, KeyRef key) {
  if (key.id() == kNoKeyId) {
    for (JsonMember& member : *properties) {
      if (member.key == key.name()) return &member;
    }
    return nullptr;
  }
  bool has_all = true;
  for (JsonMember& member : *properties) {
    if (member.key_id == key.id()) return &member;
    has_all &= member.key_id != kNoKeyId;
  }
  return has_all ? nullptr : FindProperty(properties, KeyRef(key.name()));
}

void SetProperty(JsonObjectView* properties, const JsonMember& member) {
  if (JsonMember* present = FindProperty(properties, KeyRef(member))) {
    *present = member;
  } else {
    properties->push_back(member);
  }
}

void RemoveProperty(JsonObjectView* properties, KeyRef key) {
  const auto it = std::find_if(properties->begin(), properties->end(),
                               [key](const JsonMember& member) { return key.Names(member); });
  if (it != properties->end()) properties->erase(it);
}

JsonMember Renamed(JsonMember member, KeyRef key) {
  member.key = key.name();
  member.key_id = key.id();
  return member;
}

JsonMember StringMember(KeyRef key, std::string_view text) {
  return {.key = key.name(), .kind = JsonKind::kString, .key_id = key.id(), .text = text};
}

JsonMember ObjectMember(KeyRef key, const JsonObjectView& members, Arena* arena) {
  return {.key = key.name(),
          .kind = JsonKind::kRaw,
          .key_id = key.id(),
          .text = MakeJsonObject(members, arena)};
}

JsonObjectView MembersOf(const JsonMember& member, Arena* arena) {
  JsonObjectView members;
  // The text was written by our own parser; if it were not an object after all, there is nothing in
  // it.
  if (IsObject(member) && !ParseJsonObject(member.text, arena, &members).ok()) members.clear();
  return members;
}

bool IsTruthy(const JsonMember& member) {
  switch (member.kind) {
    case JsonKind::kNull:
      return false;
    case JsonKind::kBool:
      return member.boolean;
    case JsonKind::kInt64:
      return member.integer != 0;
    case JsonKind::kDouble:
      return member.number != 0;
    case JsonKind::kString:
      return !member.text.empty();
    case JsonKind::kRaw:
      return true;
  }
  return false;
}

std::string_view ToText(const JsonMember& member, Arena* arena) {
  if (member.kind == JsonKind::kString) return member.text;
  if (IsObject(member)) return "[object Object]";
  std::string text;
  if (IsArray(member)) {
    std::vector<JsonMember> items;
    if (!ParseJsonArray(member.text, arena, &items).ok()) items.clear();
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) text.push_back(',');
      if (items[i].kind != JsonKind::kNull) text.append(ToText(items[i], arena));
    }
  } else {
    AppendJsonValue(member, &text);
  }
  return arena->Copy(text);
}

size_t Utf16Length(std::string_view text) {
  size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte & 0xC0) != 0x80) ++units;  // the first byte of a character
    if (byte >= 0xF0) ++units;           // one that takes a surrogate pair
  }
  return units;
}

std::string_view CutUtf16(std::string_view text, size_t units) {
  if (text.size() <= units) return text;
  size_t used = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xC0) == 0x80) continue;
    used += byte >= 0xF0 ? 2 : 1;
    if (used > units) return text.substr(0, i);
  }
  return text;
}

std::string_view WithoutNul(std::string_view text, Arena* arena) {
  if (text.find('\0') == std::string_view::npos) return text;
  std::string replaced;
  for (const char c : text) {
    if (c == '\0') {
      replaced.append("\xEF\xBF\xBD");
    } else {
      replaced.push_back(c);
    }
  }
  return arena->Copy(replaced);
}

}  // namespace hoglet
