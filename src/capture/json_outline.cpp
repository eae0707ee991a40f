#include "src/capture/json_outline.h"

#include <array>
#include <charconv>
#include <cstring>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/json.h"
#include "src/base/json_scan.h"
#include "src/base/limits.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

// Longer texts are counted and admitted one at a time by VisitJsonDocument.
constexpr size_t kTextBytesMax = 4 << 20;
constexpr size_t kEntriesKept = 1 << 16;
// Values within values. What simdjson says about the last levels depends on whether they are empty.
constexpr uint32_t kSureDepth = limits::kJsonDepthMax - 8;
constexpr uint32_t kAcceptedDepth = limits::kJsonDepthMax + 8;
// Integers of more digits may not fit 64 bits.
constexpr ptrdiff_t kSafeDigits = 18;
// With so many digits in front, exponents of two digits stay far below the largest double.
constexpr ptrdiff_t kSafeExponentDigits = 2;

// In the order of KnownName.
constexpr std::array<std::string_view, 20> kSpellings = {"",
                                                         "batch",
                                                         "properties",
                                                         "event",
                                                         "distinct_id",
                                                         "timestamp",
                                                         "uuid",
                                                         "token",
                                                         "api_key",
                                                         "offset",
                                                         "$set",
                                                         "$set_once",
                                                         "$ignore_sent_at",
                                                         "$cookieless_mode",
                                                         "capture_internal",
                                                         "sent_at",
                                                         "$token",
                                                         "$product_tour_id",
                                                         "$distinct_id",
                                                         "historical_migration"};
static_assert(kSpellings[static_cast<size_t>(KnownName::kHistoricalMigration)] ==
              "historical_migration");

// Known names by a hash of length and first four bytes that no two of them share.
class NameTable {
 public:
  constexpr NameTable() {
    for (uint8_t i = 1; i < kSpellings.size(); ++i) {
      uint32_t head = 0;
      for (uint32_t k = 0; k < 4; ++k) {
        head |= static_cast<uint32_t>(static_cast<uint8_t>(kSpellings[i][k])) << (8 * k);
      }
      uint8_t& slot = slots_[Hash(head, kSpellings[i].size())];
      is_perfect_ &= slot == 0;
      slot = i;
    }
  }
  constexpr bool is_perfect() const { return is_perfect_; }

  // Four bytes from `key` on may be read.
  KnownName Find(const char* key, size_t bytes) const {
    const uint8_t found = slots_[Hash(LoadLittle<uint32_t>(key), bytes)];
    const std::string_view name = kSpellings[found];
    const bool is_it = name.size() == bytes && std::memcmp(name.data(), key, bytes) == 0;
    return is_it ? static_cast<KnownName>(found) : KnownName::kNone;
  }

 private:
  static constexpr uint32_t Hash(uint32_t head, size_t bytes) {
    return ((head ^ static_cast<uint32_t>(bytes) * 0x9e3779b1u) * kMultiplier) >> 26;
  }
  static constexpr uint32_t kMultiplier = 0x78e51061u;

  uint8_t slots_[64] = {};
  bool is_perfect_ = true;
};
constexpr NameTable kNameTable;
static_assert(kNameTable.is_perfect());

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

inline const char* SkipSpace(const char* at) {
  while (static_cast<uint8_t>(*at) <= ' ' &&
         (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
    ++at;
  }
  return at;
}

// The number of four hex digits; above 16 bits if they are none.
uint32_t HexUnit(const char* at) {
  uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    const char lower = static_cast<char>(c | 0x20);
    if (IsDigit(c)) {
      unit = unit << 4 | static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      unit = unit << 4 | static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return UINT32_MAX;
    }
  }
  return unit;
}

// From the backslash past the escape, or the pair of them that makes one character.
const char* SkipEscape(const char* at) {
  switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return at + 2;
    case 'u':
      break;
    default:
      return nullptr;
  }
  const uint32_t unit = HexUnit(at + 2);
  if (unit < 0xd800 || (unit > 0xdfff && unit <= 0xffff)) return at + 6;
  const bool is_pair = unit < 0xdc00 && at[6] == '\\' && at[7] == 'u';
  return is_pair && HexUnit(at + 8) - 0xdc00 < 0x400 ? at + 12 : nullptr;
}

// From a backslash in a string, or what else may not be in one, to behind the closing quote.
__attribute__((noinline)) const char* SkipEscapedString(const char* at) {
  while (*at != '"') {
    if (*at != '\\') return nullptr;
    at = SkipEscape(at);
    if (at == nullptr) return nullptr;
    at = FindPaddedStringBreak(at);
  }
  return at + 1;
}

// From behind the opening quote to behind the closing one.
inline const char* SkipString(const char* at) {
  at = FindPaddedStringBreak(at);
  return *at == '"' ? at + 1 : SkipEscapedString(at);
}

// The name that a key with escapes spells, if it is a known one. Those are plain, so no other
// escapes than these can be in it.
KnownName FindEscaped(std::string_view key) {
  if (key.find("\\u00") == std::string_view::npos) return KnownName::kNone;
  Arena arena;
  JsonMember member;
  const std::string quoted = StrCat("\"", key, "\"");
  if (!ParseJsonValue(quoted, &arena, &member).ok()) return KnownName::kNone;
  for (uint8_t i = 1; i < kSpellings.size(); ++i) {
    if (kSpellings[i] == member.text) return static_cast<KnownName>(i);
  }
  return KnownName::kNone;
}

const char* SkipWord(const char* at, std::string_view word) {
  return std::memcmp(at, word.data(), word.size()) == 0 ? at + word.size() : nullptr;
}

const char* SkipDigits(const char* at) {
  while (IsDigit(*at)) ++at;
  return at;
}

JsonNode::Kind KindOf(char first) {
  switch (first) {
    case '"':
      return JsonNode::Kind::kString;
    case '{':
      return JsonNode::Kind::kObject;
    case '[':
      return JsonNode::Kind::kArray;
    case 't':
      return JsonNode::Kind::kTrue;
    case 'f':
      return JsonNode::Kind::kFalse;
    case 'n':
      return JsonNode::Kind::kNull;
    default:
      return JsonNode::Kind::kNumber;
  }
}

}  // namespace

// Which key came behind which the last time. Most events have the keys of an earlier one in its
// order: a key that is as guessed needs no search for its end and no look-up of its name.
class JsonOutline::KeyGuesses {
 public:
  struct Key {
    char text[32];     // with its quotes and the colon
    uint32_t ignored;  // the bits of the bytes behind it
    uint16_t next;     // index of the key that came behind it
    uint8_t bytes;
    KnownName name;
  };

  KeyGuesses() { Forget(); }

  uint16_t Behind(uint16_t previous) const { return keys_[previous].next; }
  const Key& operator[](uint16_t index) const { return keys_[index]; }

  // Whether the key is what stands at `at`, of which 32 bytes may be read.
  static bool IsAt(const Key& key, const char* at) {
#if defined(__SSE2__)
    const auto equal_at = [&](int offset) {
      const auto load = [offset](const char* from) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + offset));
      };
      return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(load(key.text), load(at))));
    };
    return (equal_at(0) | equal_at(16) << 16 | key.ignored) == UINT32_MAX;
#else
    return std::memcmp(key.text, at, key.bytes) == 0;
#endif
  }

  // Notes that the key came behind `previous`; its index. `text` is as in Key, without escapes.
  uint16_t Learn(uint16_t previous, std::string_view text, KnownName name) {
    if (text.size() > sizeof(Key::text)) return kNone;
    Key key = {};
    std::memcpy(key.text, text.data(), text.size());
    uint64_t hash = text.size();
    for (size_t at = 0; at < sizeof(key.text); at += 8) {
      hash = (hash ^ LoadLittle<uint64_t>(key.text + at)) * 0x9e3779b97f4a7c15u;
      hash ^= hash >> 32;
    }
    size_t slot = hash % slots_.size();
    for (size_t probes = 0; slots_[slot] != kNone; slot = (slot + 1) % slots_.size()) {
      const uint16_t index = slots_[slot];
      if (std::memcmp(keys_[index].text, key.text, sizeof(key.text)) == 0) {
        keys_[previous].next = index;
        return index;
      }
      if (++probes == kProbesMax) break;
    }
    // Also when keys were chosen to make the search long.
    if (count_ == kKeysMax || slots_[slot] != kNone) {
      Forget();
      previous = kNone;
      slot = hash % slots_.size();
    }
    key.ignored = text.size() == 32 ? 0 : UINT32_MAX << text.size();
    key.bytes = static_cast<uint8_t>(text.size());
    key.name = name;
    const uint16_t index = count_++;
    keys_[index] = key;
    slots_[slot] = index;
    keys_[previous].next = index;
    return index;
  }

  // No key: what is guessed behind one that nothing is known of. The first few indices are none,
  // and stand for the beginnings of objects.
  static constexpr uint16_t kNone = 0;

 private:
  static constexpr uint16_t kBeginnings = 4;
  static constexpr uint16_t kKeysMax = 1000;
  static constexpr size_t kProbesMax = 8;

  void Forget() {
    for (count_ = 0; count_ < kBeginnings; ++count_) {
      Key& none = keys_[count_];
      none = {};
      // Stands nowhere: 0xff is in no UTF-8.
      std::memset(none.text, 0xff, sizeof(none.text));
      none.bytes = sizeof(none.text);
    }
    slots_.fill(kNone);
  }

  std::array<Key, kKeysMax> keys_;
  std::array<uint16_t, 2048> slots_;
  uint16_t count_ = 0;
};

// The functions take the place where something begins and return where it ends, or null if it is
// not to be read. The text ends with a NUL, which nothing in it can pass: so no loop looks for the
// end, and looking ahead stays within the padding.
class JsonOutline::Reader {
 public:
  Reader(const std::string& text, bool is_accepted, KeyGuesses* guesses,
         std::vector<Entry>* entries)
      : begin_(text.data()),
        is_accepted_(is_accepted),
        depth_max_(is_accepted ? kAcceptedDepth : kSureDepth),
        guesses_(guesses),
        entries_(entries) {}

  const char* Root() {
    const char* at = SkipSpace(begin_);
    const size_t index = Open(KnownName::kNone, at);
    if (*at == '{') {
      at = Members<kRoot>(at + 1);
    } else if (*at == '[') {
      at = Events(at + 1);
    } else {
      at = Value(at, 1);
    }
    if (at == nullptr) return nullptr;
    Close(index, at);
    return SkipSpace(at);
  }

 private:
  // Whose members are read.
  enum Scope : uint16_t { kRoot, kEvent, kPropertiesOfEvent, kNobody };

  size_t Open(KnownName name, const char* at) {
    const size_t index = entries_->size();
    entries_->push_back({static_cast<uint32_t>(at - begin_), 0, 0, name, KindOf(*at)});
    return index;
  }

  void Close(size_t index, const char* at) {
    Entry& entry = (*entries_)[index];
    entry.end = static_cast<uint32_t>(at - begin_);
    entry.next = static_cast<uint32_t>(entries_->size());
  }

  const char* Events(const char* at) {
    at = SkipSpace(at);
    if (*at == ']') return at + 1;
    while (true) {
      const size_t index = Open(KnownName::kNone, at);
      at = *at == '{' ? Members<kEvent>(at + 1) : Value(at, 3);
      if (at == nullptr) return nullptr;
      Close(index, at);
      at = SkipSpace(at);
      if (*at == ']') return at + 1;
      if (*at != ',') return nullptr;
      at = SkipSpace(at + 1);
    }
  }

  // From behind the brace. At most four levels are above a value here.
  template <Scope scope>
  const char* Members(const char* at, uint32_t depth = 4) {
    at = SkipSpace(at);
    if (*at == '}') return at + 1;
    uint16_t key = scope;
    while (true) {
      Key found;
      const uint16_t guess = guesses_->Behind(key);
      const KeyGuesses::Key& guessed = (*guesses_)[guess];
      if (KeyGuesses::IsAt(guessed, at)) {
        found = {at + guessed.bytes, guess, guessed.name};
      } else {
        found = ReadKey(at, key);
        if (found.end == nullptr) return nullptr;
      }
      key = found.index;
      const KnownName name = found.name;
      at = found.end;
      at = SkipSpace(at);
      if (scope != kNobody && name != KnownName::kNone) {
        at = Member<scope>(name, at);
      } else {
        at = *at == '"' ? SkipString(at + 1) : Value(at, depth);
      }
      if (at == nullptr) return nullptr;
      at = SkipSpace(at);
      if (*at == '}') return at + 1;
      if (*at != ',') return nullptr;
      at = SkipSpace(at + 1);
    }
  }

  struct Key {
    const char* end;  // behind the colon
    uint16_t index;
    KnownName name;
  };

  // A key that was not guessed.
  __attribute__((noinline)) Key ReadKey(const char* begin, uint16_t previous) {
    constexpr Key kBad = {nullptr, KeyGuesses::kNone, KnownName::kNone};
    if (*begin != '"') return kBad;
    const char* at = FindPaddedStringBreak(begin + 1);
    const bool has_escapes = *at != '"';
    at = has_escapes ? SkipEscapedString(at) : at + 1;
    if (at == nullptr) return kBad;
    const auto bytes = static_cast<size_t>(at - begin);
    const KnownName name =
        has_escapes ? FindEscaped({begin + 1, bytes - 2}) : kNameTable.Find(begin + 1, bytes - 2);
    const bool is_tight = !has_escapes && *at == ':';
    at = SkipSpace(at);
    if (*at != ':') return kBad;
    const uint16_t index =
        is_tight ? guesses_->Learn(previous, {begin, bytes + 1}, name) : KeyGuesses::kNone;
    return {at + 1, index, name};
  }

  template <Scope scope>
  const char* Member(KnownName name, const char* at) {
    const size_t index = Open(name, at);
    if (scope == kRoot && name == KnownName::kBatch && *at == '[') {
      at = Events(at + 1);
    } else if ((scope == kRoot || scope == kEvent) && name == KnownName::kProperties &&
               *at == '{') {
      at = Members<kPropertiesOfEvent>(at + 1);
    } else {
      at = Value(at, 4);
    }
    if (at != nullptr) Close(index, at);
    return at;
  }

  const char* Elements(const char* at, uint32_t depth) {
    at = SkipSpace(at);
    if (*at == ']') return at + 1;
    while (true) {
      at = Value(at, depth);
      if (at == nullptr) return nullptr;
      at = SkipSpace(at);
      if (*at == ']') return at + 1;
      if (*at != ',') return nullptr;
      at = SkipSpace(at + 1);
    }
  }

  // A value that nothing is noted of.
  const char* Value(const char* at, uint32_t depth) {
    switch (*at) {
      case '"':
        return SkipString(at + 1);
      case '{':
        return depth < depth_max_ ? Members<kNobody>(at + 1, depth + 1) : nullptr;
      case '[':
        return depth < depth_max_ ? Elements(at + 1, depth + 1) : nullptr;
      case 't':
        return SkipWord(at, "true");
      case 'f':
        return SkipWord(at, "false");
      case 'n':
        return SkipWord(at, "null");
      default:
        return Number(at);
    }
  }

  const char* Number(const char* at) {
    if (*at == '-') ++at;
    const char* digits = at;
    at = SkipDigits(at);
    const ptrdiff_t count = at - digits;
    if (count == 0 || (*digits == '0' && count > 1)) return nullptr;
    bool is_sure = count <= kSafeDigits;
    if (*at == '.') {
      const char* fraction = at + 1;
      at = SkipDigits(fraction);
      if (at == fraction) return nullptr;
    }
    if (*at == 'e' || *at == 'E') {
      ++at;
      if (*at == '+' || *at == '-') ++at;
      const char* exponent = at;
      at = SkipDigits(exponent);
      if (at == exponent) return nullptr;
      is_sure &= at - exponent <= kSafeExponentDigits;
    }
    return is_sure || is_accepted_ ? at : nullptr;
  }

  const char* const begin_;
  const bool is_accepted_;
  const uint32_t depth_max_;
  KeyGuesses* const guesses_;
  std::vector<Entry>* const entries_;
};

JsonOutline::JsonOutline() : guesses_(std::make_unique<KeyGuesses>()) {}
JsonOutline::~JsonOutline() = default;

bool JsonOutline::Run(const std::string& text, bool is_accepted) {
  HOGLET_ASSERT(text.capacity() - text.size() >= kPaddingBytes);
  entries_.clear();
  text_ = text;
  if (text.size() > (is_accepted ? size_t{UINT32_MAX} : kTextBytesMax)) return false;
  return Reader(text, is_accepted, guesses_.get(), &entries_).Root() == text.data() + text.size();
}

void JsonOutline::Shrink() {
  text_ = {};
  if (entries_.capacity() > kEntriesKept) std::vector<Entry>().swap(entries_);
}

std::string_view JsonOutline::Spelling(KnownName name) {
  return kSpellings[static_cast<size_t>(name)];
}

std::string_view JsonNode::String(Arena* arena) const {
  HOGLET_ASSERT(kind() == Kind::kString);
  const std::string_view quoted = text();
  if (quoted.find('\\') == std::string_view::npos) return quoted.substr(1, quoted.size() - 2);
  JsonMember member;
  const absl::Status parsed = ParseJsonValue(quoted, arena, &member);
  HOGLET_ASSERT(parsed.ok() && member.kind == JsonKind::kString);
  return member.text;
}

std::optional<int64_t> JsonNode::Int64() const {
  const std::string_view digits = text();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace hoglet
