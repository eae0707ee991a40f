#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "src/base/key_ids.h"

// Small tools over the members of an event's properties.

namespace hoglet {

JsonMember* FindProperty(JsonObjectView* properties, KeyRef key);

// Which of the known names (key_ids.h) a list of members may have, so that nobody looks through it
// for what is not there.
class KnownNames {
 public:
  explicit KnownNames(const JsonObjectView& members);
  // Any of them. Never false when one is there.
  bool MayHave(KeySet names) const { return (bits_ & (names.bits() | kUnnumbered)) != 0; }

 private:
  static constexpr uint64_t kUnnumbered = uint64_t{1} << kNoKeyId;
  uint64_t bits_ = 0;
};

// Overwrites the member of that key in place, or appends it.
void SetProperty(JsonObjectView* properties, const JsonMember& member);
void RemoveProperty(JsonObjectView* properties, KeyRef key);

// The member under another name.
JsonMember Renamed(JsonMember member, KeyRef key);

JsonMember StringMember(KeyRef key, std::string_view text);
// An object member with the given content, its text in the arena.
JsonMember ObjectMember(KeyRef key, const JsonObjectView& members, Arena* arena);

inline bool IsObject(const JsonMember& member) {
  return member.kind == JsonKind::kRaw && !member.text.empty() && member.text[0] == '{';
}
inline bool IsArray(const JsonMember& member) {
  return member.kind == JsonKind::kRaw && !member.text.empty() && member.text[0] == '[';
}
// The members of an object member; empty if it is none.
JsonObjectView MembersOf(const JsonMember& member, Arena* arena);

// As JavaScript's Boolean(value).
bool IsTruthy(const JsonMember& member);
// As JavaScript's String(value).
std::string_view ToText(const JsonMember& member, Arena* arena);

// Length in UTF-16 code units of UTF-8 text.
size_t Utf16Length(std::string_view text);
// The longest prefix of whole characters of at most `units` UTF-16 code units.
std::string_view CutUtf16(std::string_view text, size_t units);
// The text with each NUL replaced by U+FFFD, in the arena if there was one.
std::string_view WithoutNul(std::string_view text, Arena* arena);

}  // namespace hoglet
