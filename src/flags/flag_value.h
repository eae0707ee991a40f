#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "src/base/strings.h"

namespace simdjson::dom {
class element;
}

namespace hoglet {

// A JSON value as flags compare it: by its text. `text` is the string itself, or the compact JSON
// of anything else as serde_json writes it (keys sorted; 1.0 stays "1.0"). Views point into what
// the value was made of.
struct FlagValue {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  std::string_view text = "null";

  // Texts that are made anew go into the arena.
  static FlagValue FromJson(const simdjson::dom::element& element, Arena* arena);
  static FlagValue FromMember(const JsonMember& member, Arena* arena);
};

// Properties sent with a request: few, looked up by name, in any order. Holds views.
class FlagProperties {
 public:
  // The later of two values of one name wins.
  void Set(std::string_view key, const FlagValue& value);
  const FlagValue* Find(std::string_view key) const;
  bool empty() const { return items_.empty(); }

 private:
  struct Item {
    std::string_view key;
    FlagValue value;
  };
  static constexpr size_t kListedMax = 32;

  // items_.size() if there is none.
  size_t PositionOf(std::string_view key) const;

  absl::InlinedVector<Item, 8> items_;
  StringMap<std::string_view, size_t> positions_;  // of all items, once they are many
};

}  // namespace hoglet
