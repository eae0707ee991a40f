#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/ingest/steps/properties.h"

namespace hoglet {

// A value in a file of vectors, looked into on demand. Views the arena it was made with.
class VectorJson {
 public:
  VectorJson() = default;
  VectorJson(const JsonMember& value, Arena* arena) : value_(value), arena_(arena), exists_(true) {}

  explicit operator bool() const { return exists_; }
  bool IsNull() const { return !exists_ || value_.kind == JsonKind::kNull; }
  const JsonMember& value() const { return value_; }
  std::string_view key() const { return value_.key; }

  VectorJson operator[](std::string_view key) const {
    if (!exists_ || !IsObject(value_)) return {};
    for (const JsonMember& member : MembersOf(value_, arena_)) {
      if (member.key == key) return {member, arena_};
    }
    return {};
  }
  std::vector<VectorJson> Items() const {
    std::vector<JsonMember> items;
    if (exists_ && IsArray(value_) && !ParseJsonArray(value_.text, arena_, &items).ok()) return {};
    std::vector<VectorJson> out;
    for (const JsonMember& item : items) out.emplace_back(item, arena_);
    return out;
  }
  std::vector<VectorJson> Members() const {
    std::vector<VectorJson> out;
    if (!exists_) return out;
    for (const JsonMember& member : MembersOf(value_, arena_)) out.emplace_back(member, arena_);
    return out;
  }
  // A string's characters, or the JSON text of anything else.
  std::string Text() const {
    if (!exists_) return "";
    if (value_.kind == JsonKind::kString) return std::string(value_.text);
    return Json();
  }
  std::string Json() const {
    std::string text;
    if (exists_) AppendJsonValue(value_, &text);
    return text;
  }
  int64_t Int() const { return exists_ && value_.kind == JsonKind::kInt64 ? value_.integer : 0; }
  bool True() const { return exists_ && value_.kind == JsonKind::kBool && value_.boolean; }

 private:
  JsonMember value_;
  Arena* arena_ = nullptr;
  bool exists_ = false;
};

// Equality of two JSON texts, whatever the order of keys.
bool SameJson(std::string_view a, std::string_view b);

}  // namespace hoglet
