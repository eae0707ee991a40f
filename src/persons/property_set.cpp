#include "src/persons/property_set.h"

#include <algorithm>
#include <bit>

#include "include/hoglet/env.h"
#include "include/hoglet/status.h"
#include "src/base/arena.h"
#include "src/base/bytes.h"
#include "src/base/hash.h"
#include "src/base/json.h"
#include "src/base/key_ids.h"

namespace hoglet {
namespace {

constexpr size_t kIndexedMembersMin = 5;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The position of an escaped NUL (\u0000 whose backslash is not itself escaped) in JSON text at or
// after `from`, or npos.
size_t FindEscapedNul(std::string_view json, size_t from) {
  for (size_t at = json.find("\\u0000", from); at != std::string_view::npos;
       at = json.find("\\u0000", at + 1)) {
    size_t backslashes = 0;
    while (backslashes < at && json[at - 1 - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return at;
  }
  return std::string_view::npos;
}

void AppendWithoutNul(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (c == '\0') {
      out->append(kReplacement);
    } else {
      out->push_back(c);
    }
  }
}

void AppendRawWithoutNul(std::string_view json, std::string* out) {
  size_t from = 0;
  for (size_t at = FindEscapedNul(json, 0); at != std::string_view::npos;
       at = FindEscapedNul(json, from)) {
    out->append(json.substr(from, at - from));
    out->append(kReplacement);
    from = at + 6;
  }
  out->append(json.substr(from));
}

bool HasNulText(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool IsNumberText(std::string_view raw) { return !raw.empty() && raw[0] != '[' && raw[0] != '{'; }

uint64_t ValueBytes(const JsonMember& member) {
  switch (member.kind) {
    case JsonKind::kString:
      return member.text.size() + 2;
    case JsonKind::kRaw:
      return member.text.size();
    case JsonKind::kNull:
    case JsonKind::kBool:
      return 4;
    case JsonKind::kInt64:
    case JsonKind::kDouble:
      return 1;
  }
  return 0;
}

}  // namespace

// Clients choose the names, by the thousand for one person if they like: the seed keeps them from
// choosing names that all fall on one place of the index.
uint32_t PropertyKeyHash(std::string_view key) {
  static const uint64_t seed = [] {
    std::string bytes(sizeof(uint64_t), '\0');
    Env::Posix()->FillRandom(bytes);
    return LoadLittle<uint64_t>(bytes.data());
  }();
  return static_cast<uint32_t>(IntHash64(FastHash64(key) ^ seed));
}

uint32_t PropertyKeyHash(const JsonMember& member) {
  if (member.key_id == kNoKeyId) return PropertyKeyHash(member.key);
  constexpr uint64_t kUnknown = UINT64_MAX;
  thread_local std::vector<uint64_t> by_id;
  if (member.key_id >= by_id.size()) by_id.resize(member.key_id + 64, kUnknown);
  uint64_t& hash = by_id[member.key_id];
  if (hash == kUnknown) hash = PropertyKeyHash(member.key);
  return static_cast<uint32_t>(hash);
}

bool HasNul(const JsonMember& member) {
  if (HasNulText(member.key)) return true;
  if (member.kind == JsonKind::kString) return HasNulText(member.text);
  if (member.kind == JsonKind::kRaw) {
    return FindEscapedNul(member.text, 0) != std::string_view::npos;
  }
  return false;
}

bool StrictlyEqual(const JsonMember& a, const JsonMember& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case JsonKind::kNull:
      return true;
    case JsonKind::kBool:
      return a.boolean == b.boolean;
    case JsonKind::kInt64:
      return a.integer == b.integer;
    case JsonKind::kDouble:
      return a.number == b.number;
    case JsonKind::kString:
      return a.text == b.text;
    case JsonKind::kRaw:
      return IsNumberText(a.text) && a.text == b.text;
  }
  return false;
}

const PropertySetPtr& PropertySet::Empty() {
  static const PropertySetPtr* const empty = new PropertySetPtr(new PropertySet());
  return *empty;
}

absl::StatusOr<PropertySetPtr> PropertySet::Parse(std::string_view json) {
  Arena arena;
  JsonObjectView members;
  HOGLET_RETURN_IF_ERROR(ParseJsonObject(json, &arena, &members));
  if (members.empty()) return Empty();
  return FromMembers(members);
}

PropertySetPtr PropertySet::FromMembers(const JsonObjectView& members) {
  if (members.empty()) return Empty();
  std::shared_ptr<PropertySet> set(new PropertySet());
  set->CopyMembers(members);
  set->BuildIndex();
  return set;
}

void PropertySet::CopyMembers(const JsonObjectView& members) {
  size_t bytes = 0;
  bool has_nul = false;
  for (const JsonMember& member : members) {
    bytes += member.key.size() + member.text.size();
    has_nul = has_nul || HasNul(member);
  }
  // A NUL is one byte (six as an escape) and its replacement three: room for all, so that views
  // stay valid while appending.
  bytes_.reserve(has_nul ? bytes * 3 : bytes);
  const size_t capacity = bytes_.capacity();
  members_ = members;
  const auto append = [this](std::string_view text, bool is_raw) {
    const size_t begin = bytes_.size();
    if (is_raw) {
      AppendRawWithoutNul(text, &bytes_);
    } else if (HasNulText(text)) {
      AppendWithoutNul(text, &bytes_);
    } else {
      bytes_.append(text);
    }
    return std::string_view(bytes_.data() + begin, bytes_.size() - begin);
  };
  for (JsonMember& member : members_) {
    member.key = append(member.key, false);
    const bool is_raw = member.kind == JsonKind::kRaw;
    if (is_raw || member.kind == JsonKind::kString) member.text = append(member.text, is_raw);
    json_bytes_estimate_ += member.key.size() + 3 + ValueBytes(member) + 1;
  }
  HOGLET_ASSERT(bytes_.capacity() == capacity);
}

void PropertySet::BuildIndex() {
  hashes_.reserve(members_.size());
  for (const JsonMember& member : members_) hashes_.push_back(PropertyKeyHash(member));
  if (members_.size() < kIndexedMembersMin) return;
  slots_.assign(std::bit_ceil(members_.size() * 2), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < members_.size(); ++i) {
    size_t slot = hashes_[i] & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

const JsonMember* PropertySet::Find(std::string_view key, uint32_t hash) const {
  if (slots_.empty()) {
    for (size_t i = 0; i < members_.size(); ++i) {
      if (hashes_[i] == hash && members_[i].key == key) return &members_[i];
    }
    return nullptr;
  }
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const size_t i = slots_[slot] - 1;
    if (hashes_[i] == hash && members_[i].key == key) return &members_[i];
  }
  return nullptr;
}

std::string PropertySet::ToJson() const { return SerializeJsonObject(members_); }

uint64_t PropertySet::memory_bytes() const {
  return sizeof(*this) + bytes_.capacity() + members_.capacity() * sizeof(JsonMember) +
         (slots_.capacity() + hashes_.capacity()) * sizeof(uint32_t);
}

}  // namespace hoglet
