#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "include/hoglet/event.h"
#include "src/base/arena.h"

// JSON text: writing, and reading into flat lists of typed members.
//
// Numbers are printed as JavaScript prints them: the shortest decimal that reads back equal,
// exponents from 1e21 and below 1e-6.

namespace hoglet {

// Appends `text` with JSON escapes, without quotes. What is not UTF-8 becomes U+FFFD, one for
// each longest part that could have begun a character, so the result is always valid.
void AppendJsonEscaped(std::string_view text, std::string* out);
// The same with quotes around.
void AppendJsonString(std::string_view text, std::string* out);
std::string JsonEscape(std::string_view text);
// NaN and infinities become null.
void AppendJsonDouble(double value, std::string* out);
void AppendInt(int64_t value, std::string* out);

// Whether `text` is UTF-8 throughout (no surrogates, no overlong forms).
bool IsValidUtf8(std::string_view text);

// Builds one JSON text; commas and colons are put by itself. Misuse (a key outside an object, an
// unbalanced end) is asserted.
class JsonWriter {
 public:
  JsonWriter() = default;
  // Appends to what is there already.
  explicit JsonWriter(std::string prefix) : text_(std::move(prefix)) {}

  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  // `json` must be one JSON text; it is not checked.
  JsonWriter& Raw(std::string_view json);
  // The value of a member, without its key.
  JsonWriter& Value(const JsonMember& member);

  // Key and value in one.
  JsonWriter& Field(std::string_view key, std::string_view value) { return Key(key).String(value); }
  JsonWriter& Field(std::string_view key, const char* value) { return Key(key).String(value); }
  JsonWriter& Field(std::string_view key, const std::string& value) {
    return Key(key).String(value);
  }
  JsonWriter& Field(std::string_view key, bool value) { return Key(key).Bool(value); }
  JsonWriter& Field(std::string_view key, double value) { return Key(key).Double(value); }
  template <typename T>
  requires(std::is_integral_v<T>) JsonWriter& Field(std::string_view key, T value) {
    if constexpr (std::is_signed_v<T>) return Key(key).Int(value);
    return Key(key).Uint(static_cast<uint64_t>(value));
  }

  const std::string& text() const { return text_; }
  std::string Take() { return std::move(text_); }

 private:
  void BeforeValue();
  JsonWriter& Begin(char bracket);
  JsonWriter& End(char open, char close);

  struct Level {
    char bracket;
    bool has_items = false;
    bool has_key = false;
  };

  std::string text_;
  std::vector<Level> levels_;
};

// Parses one JSON text into typed members. Strict JSON; nesting up to limits::kJsonDepthMax; UTF-8
// is checked. Of duplicate keys the first is kept, at every depth. Half a surrogate pair becomes
// U+FFFD. NUL (escaped) is allowed.
//
// Values as include/hoglet/event.h says: integers in int64 range stay exact; an integer outside it
// that a double does not hold exactly, is kRaw with its digits; other numbers are doubles, integral
// ones within 2^53 kInt64; nested values are compact text with numbers and strings in canonical
// form. A number too large for a double is an error.
//
// Strings that need no unescaping point into `text`, the others into `arena`: both must outlive the
// members. kInvalidArgument names the byte position. Thread-safe.
absl::Status ParseJsonObject(std::string_view text, Arena* arena, JsonObjectView* out);
// The same in one pass with the members of one of its objects: the value of `nested_key` is read
// into `nested` if it is an object, and is then `{}` in `out`.
absl::Status ParseJsonObjectWith(std::string_view text, std::string_view nested_key, Arena* arena,
                                 JsonObjectView* out, JsonObjectView* nested);
// Keys are empty.
absl::Status ParseJsonArray(std::string_view text, Arena* arena, std::vector<JsonMember>* out);
// Any value.
absl::Status ParseJsonValue(std::string_view text, Arena* arena, JsonMember* out);

// Compact text of the members in their order.
std::string SerializeJsonObject(const JsonObjectView& members);
void AppendJsonObject(const JsonObjectView& members, std::string* out);
// The same into the arena.
std::string_view MakeJsonObject(const JsonObjectView& members, Arena* arena);
// The value of a member as JSON text.
void AppendJsonValue(const JsonMember& member, std::string* out);

// The member of that key, or null. Linear.
const JsonMember* FindJsonMember(const JsonObjectView& members, std::string_view key);

}  // namespace hoglet
