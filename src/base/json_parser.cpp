#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>

#include "absl/strings/charconv.h"
#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/json_keys.h"
#include "src/base/json_scan.h"
#include "src/base/key_hash.h"
#include "src/base/limits.h"
#include "src/base/strings.h"
#include "src/base/utf8.h"

// One pass, recursive descent. A generic DOM would not do: it refuses integers past 64 bits and
// halves of surrogate pairs, both of which clients send, and forgets how a number was written.

namespace hoglet {
namespace {

constexpr double kExactIntegerMax = 9007199254740992.0;  // 2^53
constexpr char32_t kReplacementCharacter = 0xfffd;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether the decimal digits (with sign) are exactly the value of the double.
bool HoldsExactly(double value, std::string_view digits) {
  char buffer[330];
  const int bytes = std::snprintf(buffer, sizeof(buffer), "%.0f", value);
  return bytes > 0 && static_cast<size_t>(bytes) < sizeof(buffer) &&
         digits == std::string_view(buffer, static_cast<size_t>(bytes));
}

// Every thread has its own, as objects that come one after another are read by one.
JsonKeyPaths& ThreadPaths() {
  thread_local JsonKeyPaths paths;
  return paths;
}

// Every method that can fail returns false with error_ set to what is wrong at at_.
class Parser {
 public:
  Parser(std::string_view text, Arena* arena) : text_(text), arena_(arena), paths_(ThreadPaths()) {}

  absl::Status Start() {
    if (text_.size() > limits::kJsonBytesMax) {
      return absl::InvalidArgumentError(
          StrCat("JSON: ", text_.size(), " bytes, the limit is ", limits::kJsonBytesMax));
    }
    if (!IsValidUtf8(text_)) return absl::InvalidArgumentError("JSON: not UTF-8");
    SkipSpace();
    return absl::OkStatus();
  }

  absl::Status Finish(bool ok) {
    if (ok) {
      SkipSpace();
      if (at_ == text_.size()) return absl::OkStatus();
      error_ = "text after the value";
    }
    return absl::InvalidArgumentError(StrCat("JSON: ", error_, " at byte ", at_));
  }

  bool TopObject(JsonObjectView* out) {
    if (!AtChar('{')) return Fail("expected an object");
    return Object(JsonKeyPaths::kOuter, out);
  }

  bool TopObjectWith(std::string_view nested_key, JsonObjectView* out, JsonObjectView* nested) {
    if (!AtChar('{')) return Fail("expected an object");
    return TypedMembers(
        JsonKeyPaths::kOuter,
        [&](std::string_view key) { return key == nested_key && AtChar('{') ? nested : nullptr; },
        out);
  }

  bool TopArray(std::vector<JsonMember>* out) {
    if (!AtChar('[')) return Fail("expected an array");
    return Items(']', [&] {
      JsonMember member;
      if (!Typed(&member)) return false;
      out->push_back(member);
      return true;
    });
  }

  // A value as a typed member; nested ones as canonical text in the arena.
  bool Typed(JsonMember* member) {
    switch (Peek()) {
      case '"':
        member->kind = JsonKind::kString;
        return String(&member->text);
      case '{':
      case '[': {
        std::string nested;
        nested.swap(scratch_);
        nested.clear();
        const bool ok = AppendCanonical(&nested);
        member->kind = JsonKind::kRaw;
        member->text = arena_->Copy(nested);
        scratch_.swap(nested);
        return ok;
      }
      case 't':
        member->kind = JsonKind::kBool;
        member->boolean = true;
        return Literal("true");
      case 'f':
        member->kind = JsonKind::kBool;
        member->boolean = false;
        return Literal("false");
      case 'n':
        member->kind = JsonKind::kNull;
        return Literal("null");
      default:
        return Number(member);
    }
  }

 private:
  bool Fail(const char* error) {
    if (error_ == nullptr) error_ = error;
    return false;
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool AtChar(char c) const { return at_ < text_.size() && text_[at_] == c; }

  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool Literal(std::string_view literal) {
    if (text_.substr(at_, literal.size()) != literal) return Fail("expected a value");
    at_ += literal.size();
    return true;
  }

  bool Enter() {
    if (++depth_ > limits::kJsonDepthMax) return Fail("nested too deep");
    ++at_;
    SkipSpace();
    return true;
  }

  // After an item: true and *more if a comma follows, true and !*more at the end.
  bool Next(char close, bool* more) {
    SkipSpace();
    *more = AtChar(',');
    if (!*more && !AtChar(close)) {
      return Fail(close == '}' ? "expected , or } in an object" : "expected , or ] in an array");
    }
    ++at_;
    if (!*more) --depth_;
    SkipSpace();
    return true;
  }

  // Stands at an object or array that ends with `close`; calls `item` where each item begins.
  template <typename Item>
  bool Items(char close, const Item& item) {
    if (!Enter()) return false;
    bool more = !AtChar(close);
    if (!more) {
      ++at_;
      --depth_;
    }
    while (more) {
      if (!item() || !Next(close, &more)) return false;
    }
    return true;
  }

  // A key and what follows up to the value.
  bool Key(std::string_view* key) {
    if (!AtChar('"')) return Fail("expected a key");
    if (!String(key)) return false;
    SkipSpace();
    if (!AtChar(':')) return Fail("expected : after a key");
    ++at_;
    SkipSpace();
    return true;
  }

  // Calls `value` with each key, standing at the value.
  template <typename Value>
  bool Members(const Value& value) {
    return Items('}', [&] {
      std::string_view key;
      return Key(&key) && value(key);
    });
  }

  // The keys of one object on their way.
  struct KeyReader {
    JsonKeyPaths::Node* node = nullptr;  // of the key read last; null: off the paths from there on
    std::optional<NameSet> names = std::nullopt;  // all keys so far, once off the paths
  };

  // Reads a scalar as clients nearly always write them: without escapes, exponents and spaces after
  // it. Returns where it ends, null if it is another. kSlack bytes are readable.
  static const char* PlainScalar(const char* at, const char* safe_end, JsonMember* member) {
    static_assert(kStringScanSlack <= JsonKeyPaths::kSlack);
    const auto literal = [&](std::string_view text, JsonKind kind, bool value) {
      if (std::memcmp(at, text.data(), text.size()) != 0) return static_cast<const char*>(nullptr);
      member->kind = kind;
      member->boolean = value;
      return at + text.size();
    };
    if (*at == '"') {
      const char* const text = at + 1;
      const char* const quote = FindStringBreakUnchecked(text, safe_end);
      if (quote == safe_end || *quote != '"') return nullptr;
      member->kind = JsonKind::kString;
      member->text = {text, static_cast<size_t>(quote - text)};
      return quote + 1;
    }
    if (*at == 't') return literal("true", JsonKind::kBool, true);
    if (*at == 'f') return literal("false", JsonKind::kBool, false);
    if (*at == 'n') return literal("null", JsonKind::kNull, false);
    return PlainNumber(at, member);
  }

  // A number of at most 18 digits, those of a fraction so few that a division gives the nearest
  // double: both operands are exact (Clinger, How to Read Floating Point Numbers Accurately, 1990).
  static const char* PlainNumber(const char* at, JsonMember* member) {
    constexpr ptrdiff_t kDigitsMax = 18;
    static_assert(kDigitsMax + 3 <= JsonKeyPaths::kSlack);  // a sign, a point, what follows
    static constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                         1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    const bool is_negative = *at == '-';
    const char* const digits = at + (is_negative ? 1 : 0);
    const char* end = digits;
    int64_t value = 0;
    for (; IsDigit(*end) && end - digits < kDigitsMax; ++end) value = value * 10 + (*end - '0');
    if (end == digits || (*digits == '0' && end - digits > 1)) return nullptr;
    const char* const point = end;
    if (*point == '.') {
      for (++end; IsDigit(*end) && end - digits <= kDigitsMax; ++end) {
        value = value * 10 + (*end - '0');
      }
      if (end == point + 1 || value > static_cast<int64_t>(kExactIntegerMax)) return nullptr;
    }
    if (*end != ',' && *end != '}') return nullptr;
    if (is_negative) value = -value;
    member->kind = JsonKind::kInt64;
    member->integer = value;
    if (end == point) return end;
    member->number = static_cast<double>(value) / kPowers[end - point - 1];
    member->integer = static_cast<int64_t>(member->number);
    if (static_cast<double>(member->integer) != member->number) {
      member->kind = JsonKind::kDouble;
      member->integer = 0;
    }
    return end;
  }

  // Takes members while they follow the paths and hold plain scalars: most of most objects. True:
  // stands after a value. False: nothing was taken.
  bool TakePlainMembers(KeyReader* reader, JsonObjectView* out) {
    const char* const end = text_.data() + text_.size();
    const char* at = text_.data() + at_;
    const char* stop = nullptr;  // after the last value
    JsonKeyPaths::Node* node = reader->node;
    while (node != nullptr) {
      JsonKeyPaths::Node* const next = JsonKeyPaths::Follow(node, at, end);
      if (next == nullptr) break;
      JsonMember& member = out->emplace_back();
      const char* const after =
          PlainScalar(at + next->quoted_bytes, end - JsonKeyPaths::kSlack, &member);
      if (after == nullptr) {
        out->pop_back();
        break;
      }
      member.key = {at + 1, next->key().size()};
      member.key_id = next->id;
      if (next->is_repeat) out->pop_back();
      node = next;
      stop = after;
      if (after[0] != ',' || after[1] != '"') break;
      at = after + 1;
    }
    if (stop == nullptr) return false;
    reader->node = node;
    at_ = static_cast<size_t>(stop - text_.data());
    return true;
  }

  // Stands at a key: reads it and what follows up to the value. `*is_repeat`: it was there before.
  bool ReadKey(const JsonObjectView& earlier, KeyReader* reader, JsonMember* member,
               bool* is_repeat) {
    const size_t begin = at_;
    if (!Key(&member->key)) return false;
    if (reader->node != nullptr) {
      const bool is_verbatim = member->key.data() == text_.data() + begin + 1;
      reader->node = is_verbatim ? paths_.Step(reader->node, member->key) : nullptr;
      if (reader->node != nullptr) {
        member->key_id = reader->node->id;
        *is_repeat = reader->node->is_repeat;
        return true;
      }
      reader->names.emplace();
      for (const JsonMember& known : earlier) reader->names->Insert(known.key);
    }
    *is_repeat = !reader->names->Insert(member->key);
    return true;
  }

  // Stands at an object, the root's or one inside it. `nested(key)` says where the members of that
  // key's object go; null: it becomes text like the others. It is asked at values that are no plain
  // scalars, and never of repeated keys.
  template <typename Nested>
  bool TypedMembers(JsonKeyPaths::Level level, const Nested& nested, JsonObjectView* out) {
    KeyReader reader{.node = paths_.Root(level)};
    return Items('}', [&] {
      if (TakePlainMembers(&reader, out)) return true;
      JsonMember member;
      bool is_repeat = false;
      if (!ReadKey(*out, &reader, &member, &is_repeat)) return false;
      if (JsonObjectView* members = is_repeat ? nullptr : nested(member.key)) {
        member.kind = JsonKind::kRaw;
        member.text = "{}";
        if (!Object(JsonKeyPaths::kInner, members)) return false;
      } else if (!Typed(&member)) {
        return false;
      }
      if (!is_repeat) out->push_back(member);
      return true;
    });
  }

  bool Object(JsonKeyPaths::Level level, JsonObjectView* out) {
    return TypedMembers(
        level, [](std::string_view) { return nullptr; }, out);
  }

  // A string without escapes is canonical as it stands.
  bool AppendText(std::string* out) {
    const size_t begin = at_;
    std::string_view value;
    if (!String(&value)) return false;
    if (value.data() == text_.data() + begin + 1) {
      out->append(text_.substr(begin, at_ - begin));
    } else {
      AppendJsonString(value, out);
    }
    return true;
  }

  bool AppendCanonical(std::string* out) {
    if (AtChar('"')) return AppendText(out);
    if (AtChar('{')) return AppendObject(out);
    if (AtChar('[')) return AppendArray(out);
    JsonMember scalar;
    if (!Typed(&scalar)) return false;
    AppendJsonValue(scalar, out);
    return true;
  }

  bool AppendObject(std::string* out) {
    out->push_back('{');
    const size_t begin = out->size();
    NameSet keys;
    const bool ok = Members([&](std::string_view key) {
      const size_t before = out->size();
      if (before > begin) out->push_back(',');
      AppendJsonString(key, out);
      out->push_back(':');
      if (!AppendCanonical(out)) return false;
      if (!keys.Insert(key)) out->resize(before);
      return true;
    });
    out->push_back('}');
    return ok;
  }

  bool AppendArray(std::string* out) {
    out->push_back('[');
    const size_t begin = out->size();
    const bool ok = Items(']', [&] {
      if (out->size() > begin) out->push_back(',');
      return AppendCanonical(out);
    });
    out->push_back(']');
    return ok;
  }

  bool String(std::string_view* value) {
    const size_t begin = ++at_;
    at_ = FindStringBreak(text_, at_);
    if (AtChar('"')) {
      *value = text_.substr(begin, at_ - begin);
      ++at_;
      return true;
    }
    // Unescaping never grows: \uXXXX is 6 bytes for at most 3, a pair 12 for 4.
    size_t end = at_;
    while (end < text_.size() && text_[end] == '\\') end = FindStringBreak(text_, end + 2);
    if (end >= text_.size()) return Fail("unterminated string");
    char* out = arena_->Allocate(end - begin);
    size_t bytes = 0;
    if (!Unescape(begin, out, &bytes)) return false;
    arena_->ShrinkLast(end - begin, bytes);
    *value = {out, bytes};
    return true;
  }

  bool Unescape(size_t begin, char* out, size_t* bytes) {
    at_ = begin;
    while (true) {
      const size_t stop = FindStringBreak(text_, at_);
      *bytes += text_.copy(out + *bytes, stop - at_, at_);
      at_ = stop;
      if (at_ >= text_.size()) return Fail("unterminated string");
      if (AtChar('"')) break;
      if (!AtChar('\\')) return Fail("control character in a string");
      char32_t point = 0;
      if (!Escape(&point)) return false;
      *bytes += EncodeUtf8(point, out + *bytes);
    }
    ++at_;
    return true;
  }

  bool Escape(char32_t* point) {
    ++at_;
    const char kind = Peek();
    ++at_;
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        *point = static_cast<char32_t>(kind);
        return true;
      case 'b':
        *point = '\b';
        return true;
      case 'f':
        *point = '\f';
        return true;
      case 'n':
        *point = '\n';
        return true;
      case 'r':
        *point = '\r';
        return true;
      case 't':
        *point = '\t';
        return true;
      case 'u':
        return UnicodeEscape(point);
      default:
        --at_;
        return Fail("unknown escape");
    }
  }

  bool HexUnit(size_t at, char32_t* unit) const {
    const std::string_view digits = text_.substr(std::min(at, text_.size()), 4);
    uint32_t value = 0;
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    *unit = value;
    return digits.size() == 4 && end.ec == std::errc() && end.ptr == digits.data() + 4;
  }

  // Stands after "\u".
  bool UnicodeEscape(char32_t* point) {
    if (!HexUnit(at_, point)) return Fail("\\u needs four hex digits");
    at_ += 4;
    if (*point < 0xd800 || *point > 0xdfff) return true;
    char32_t low = 0;
    const bool pairs = *point <= 0xdbff && text_.substr(at_, 2) == "\\u" &&
                       HexUnit(at_ + 2, &low) && low >= 0xdc00 && low <= 0xdfff;
    if (pairs) {
      *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
      at_ += 6;
    } else {
      *point = kReplacementCharacter;
    }
    return true;
  }

  bool Digits() {
    if (!IsDigit(Peek())) return Fail("expected a digit");
    while (IsDigit(Peek())) ++at_;
    return true;
  }

  bool Number(JsonMember* member) {
    const size_t begin = at_;
    if (AtChar('-')) ++at_;
    if (!IsDigit(Peek())) return Fail("expected a value");
    if (AtChar('0')) {
      ++at_;
      if (IsDigit(Peek())) return Fail("a number starts with 0");
    } else if (!Digits()) {
      return false;
    }
    const size_t integer_end = at_;
    if (AtChar('.')) {
      ++at_;
      if (!Digits()) return false;
    }
    if (AtChar('e') || AtChar('E')) {
      ++at_;
      if (AtChar('+') || AtChar('-')) ++at_;
      if (!Digits()) return false;
    }
    return Convert(text_.substr(begin, at_ - begin), at_ == integer_end, member);
  }

  bool Convert(std::string_view number, bool is_integer, JsonMember* member) {
    const char* end = number.data() + number.size();
    if (is_integer) {
      member->kind = JsonKind::kInt64;
      if (std::from_chars(number.data(), end, member->integer).ec == std::errc()) return true;
    }
    // Out of range is the largest double, or one next to zero: JavaScript reads the latter as what
    // it is.
    const auto result = absl::from_chars(number.data(), end, member->number);
    if (result.ec != std::errc() && std::fabs(member->number) > 1) {
      return Fail("a number is too large");
    }
    if (is_integer && !HoldsExactly(member->number, number)) {
      member->kind = JsonKind::kRaw;
      member->text = number;
      return true;
    }
    member->kind = JsonKind::kDouble;
    if (std::fabs(member->number) <= kExactIntegerMax &&
        std::trunc(member->number) == member->number) {
      member->kind = JsonKind::kInt64;
      member->integer = static_cast<int64_t>(member->number);
    }
    return true;
  }

  std::string_view text_;
  Arena* arena_;
  JsonKeyPaths& paths_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  const char* error_ = nullptr;
  std::string scratch_;
};

}  // namespace

absl::Status ParseJsonObject(std::string_view text, Arena* arena, JsonObjectView* out) {
  out->clear();
  Parser parser(text, arena);
  HOGLET_RETURN_IF_ERROR(parser.Start());
  return parser.Finish(parser.TopObject(out));
}

absl::Status ParseJsonObjectWith(std::string_view text, std::string_view nested_key, Arena* arena,
                                 JsonObjectView* out, JsonObjectView* nested) {
  out->clear();
  nested->clear();
  Parser parser(text, arena);
  HOGLET_RETURN_IF_ERROR(parser.Start());
  return parser.Finish(parser.TopObjectWith(nested_key, out, nested));
}

absl::Status ParseJsonArray(std::string_view text, Arena* arena, std::vector<JsonMember>* out) {
  out->clear();
  Parser parser(text, arena);
  HOGLET_RETURN_IF_ERROR(parser.Start());
  return parser.Finish(parser.TopArray(out));
}

absl::Status ParseJsonValue(std::string_view text, Arena* arena, JsonMember* out) {
  *out = JsonMember();
  Parser parser(text, arena);
  HOGLET_RETURN_IF_ERROR(parser.Start());
  return parser.Finish(parser.Typed(out));
}

}  // namespace hoglet
