#include "src/base/json.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "include/hoglet/status.h"
#include "simdjson.h"
#include "src/base/json_scan.h"
#include "src/base/key_ids.h"

namespace hoglet {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// The UTF-8 sequence at the front: whole, or as far as it could have become one.
struct Utf8Sequence {
  size_t bytes = 1;
  bool is_whole = false;
};

Utf8Sequence FirstUtf8Sequence(std::string_view text) {
  const auto byte = [&](size_t i) -> uint8_t {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
  };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xc2 || lead > 0xf4) return {};
  const size_t wanted = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte tells overlong forms, surrogates and what is above U+10FFFF.
  const uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t greatest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < least || byte(1) > greatest) return {};
  size_t bytes = 2;
  while (bytes < wanted && (byte(bytes) & 0xc0) == 0x80) ++bytes;
  return {bytes, bytes == wanted};
}

// Each part that is no character becomes one U+FFFD: the longest that could have begun one, as
// browsers and Rust's from_utf8_lossy do it.
std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const Utf8Sequence first = FirstUtf8Sequence(text);
    out.append(first.is_whole ? text.substr(0, first.bytes) : kReplacement);
    text.remove_prefix(first.bytes);
  }
  return out;
}

// The short escape of a character that must be escaped, 0 if it takes \u00xx.
char ShortEscape(char c) {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

void AppendEscapedValidUtf8(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  size_t plain_from = 0;
  for (size_t i; (i = FindStringBreak(text, plain_from)) < text.size(); plain_from = i + 1) {
    out->append(text.substr(plain_from, i - plain_from));
    out->push_back('\\');
    if (const char escape = ShortEscape(text[i])) {
      out->push_back(escape);
    } else {
      const auto c = static_cast<uint8_t>(text[i]);
      out->append("u00");
      out->push_back(kDigits[c >> 4]);
      out->push_back(kDigits[c & 15]);
    }
  }
  out->append(text.substr(plain_from));
}

bool IsAscii(std::string_view text) {
  uint64_t seen = 0;
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    seen |= word;
  }
  for (; i < text.size(); ++i) seen |= static_cast<uint8_t>(text[i]);
  return (seen & 0x8080808080808080ull) == 0;
}

// Digits d1 d2 ... dk of a positive double and its exponent n, so that the value is 0.d1d2...dk *
// 10^n.
struct ShortestDecimal {
  char digits[24];
  int count = 0;
  int exponent = 0;
};

ShortestDecimal ToShortest(double value) {
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  HOGLET_ASSERT(end.ec == std::errc());
  ShortestDecimal result;
  const char* at = buffer;
  for (; at < end.ptr && *at != 'e'; ++at) {
    if (*at != '.') result.digits[result.count++] = *at;
  }
  // "e+05": from_chars takes no plus sign.
  const char* exponent = at + 1;
  if (*exponent == '+') ++exponent;
  std::from_chars(exponent, end.ptr, result.exponent);
  ++result.exponent;
  return result;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  // Most texts are short and plain; the library costs more to call than they to look at.
  constexpr size_t kShort = 128;
  if (text.size() <= kShort && IsAscii(text)) return true;
  return simdjson::validate_utf8(text.data(), text.size());
}

void AppendJsonEscaped(std::string_view text, std::string* out) {
  if (IsValidUtf8(text)) {
    AppendEscapedValidUtf8(text, out);
  } else {
    AppendEscapedValidUtf8(ReplaceInvalidUtf8(text), out);
  }
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  AppendJsonEscaped(text, out);
  out->push_back('"');
}

std::string JsonEscape(std::string_view text) {
  std::string out;
  AppendJsonEscaped(text, &out);
  return out;
}

void AppendInt(int64_t value, std::string* out) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out->append(buffer, end.ptr);
}

// Number::toString of ECMAScript, radix 10.
void AppendJsonDouble(double value, std::string* out) {
  if (!std::isfinite(value)) {
    out->append("null");
    return;
  }
  if (value == 0) {
    out->push_back('0');
    return;
  }
  if (value < 0) out->push_back('-');
  const ShortestDecimal decimal = ToShortest(std::fabs(value));
  const int k = decimal.count;
  const int n = decimal.exponent;
  const std::string_view digits(decimal.digits, static_cast<size_t>(k));
  if (k <= n && n <= 21) {
    out->append(digits);
    out->append(static_cast<size_t>(n - k), '0');
  } else if (0 < n && n <= 21) {
    out->append(digits.substr(0, static_cast<size_t>(n)));
    out->push_back('.');
    out->append(digits.substr(static_cast<size_t>(n)));
  } else if (-6 < n && n <= 0) {
    out->append("0.");
    out->append(static_cast<size_t>(-n), '0');
    out->append(digits);
  } else {
    out->push_back(digits[0]);
    if (k > 1) {
      out->push_back('.');
      out->append(digits.substr(1));
    }
    out->push_back('e');
    if (n - 1 > 0) out->push_back('+');
    AppendInt(n - 1, out);
  }
}

void JsonWriter::BeforeValue() {
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (level.bracket == '{') {
    HOGLET_ASSERT(level.has_key);
    level.has_key = false;
    return;
  }
  if (level.has_items) text_.push_back(',');
  level.has_items = true;
}

JsonWriter& JsonWriter::Begin(char bracket) {
  BeforeValue();
  text_.push_back(bracket);
  levels_.push_back({bracket});
  return *this;
}

JsonWriter& JsonWriter::End(char open, char close) {
  HOGLET_ASSERT(!levels_.empty() && levels_.back().bracket == open && !levels_.back().has_key);
  levels_.pop_back();
  text_.push_back(close);
  return *this;
}

JsonWriter& JsonWriter::BeginObject() { return Begin('{'); }
JsonWriter& JsonWriter::EndObject() { return End('{', '}'); }
JsonWriter& JsonWriter::BeginArray() { return Begin('['); }
JsonWriter& JsonWriter::EndArray() { return End('[', ']'); }

JsonWriter& JsonWriter::Key(std::string_view key) {
  HOGLET_ASSERT(!levels_.empty() && levels_.back().bracket == '{' && !levels_.back().has_key);
  Level& level = levels_.back();
  if (level.has_items) text_.push_back(',');
  level.has_items = true;
  level.has_key = true;
  AppendJsonString(key, &text_);
  text_.push_back(':');
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  BeforeValue();
  AppendJsonString(value, &text_);
  return *this;
}

JsonWriter& JsonWriter::Int(int64_t value) {
  BeforeValue();
  AppendInt(value, &text_);
  return *this;
}

JsonWriter& JsonWriter::Uint(uint64_t value) { return Raw(std::to_string(value)); }

JsonWriter& JsonWriter::Double(double value) {
  BeforeValue();
  AppendJsonDouble(value, &text_);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::Null() { return Raw("null"); }

JsonWriter& JsonWriter::Raw(std::string_view json) {
  BeforeValue();
  text_.append(json);
  return *this;
}

JsonWriter& JsonWriter::Value(const JsonMember& member) {
  BeforeValue();
  AppendJsonValue(member, &text_);
  return *this;
}

void AppendJsonValue(const JsonMember& member, std::string* out) {
  switch (member.kind) {
    case JsonKind::kNull:
      out->append("null");
      return;
    case JsonKind::kBool:
      out->append(member.boolean ? "true" : "false");
      return;
    case JsonKind::kInt64:
      AppendInt(member.integer, out);
      return;
    case JsonKind::kDouble:
      AppendJsonDouble(member.number, out);
      return;
    case JsonKind::kString:
      AppendJsonString(member.text, out);
      return;
    case JsonKind::kRaw:
      out->append(member.text);
      return;
  }
}

void AppendJsonObject(const JsonObjectView& members, std::string* out) {
  out->push_back('{');
  bool first = true;
  for (const JsonMember& member : members) {
    if (!first) out->push_back(',');
    first = false;
    AppendJsonString(member.key, out);
    out->push_back(':');
    AppendJsonValue(member, out);
  }
  out->push_back('}');
}

namespace {

constexpr size_t kPlainMemberBytesMax = 40;  // besides key and text: a number, quotes and so on

char* PutBytes(std::string_view bytes, char* out) {
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

char* PutQuoted(std::string_view plain, char* out) {
  *out++ = '"';
  out = PutBytes(plain, out);
  *out++ = '"';
  return out;
}

// A member that needs no escapes; null if it needs some.
char* PutPlainMember(const JsonMember& member, char* out) {
  // A name with a number needs none.
  if (member.key_id == kNoKeyId && !IsPlainAscii(member.key)) return nullptr;
  out = PutQuoted(member.key, out);
  *out++ = ':';
  switch (member.kind) {
    case JsonKind::kNull:
      return PutBytes("null", out);
    case JsonKind::kBool:
      return PutBytes(member.boolean ? "true" : "false", out);
    case JsonKind::kInt64:
      return std::to_chars(out, out + kPlainMemberBytesMax, member.integer).ptr;
    case JsonKind::kDouble: {
      std::string number;
      AppendJsonDouble(member.number, &number);
      return PutBytes(number, out);
    }
    case JsonKind::kString:
      return IsPlainAscii(member.text) ? PutQuoted(member.text, out) : nullptr;
    case JsonKind::kRaw:
      break;
  }
  return PutBytes(member.text, out);
}

}  // namespace

std::string_view MakeJsonObject(const JsonObjectView& members, Arena* arena) {
  size_t bytes = 2;
  for (const JsonMember& member : members) {
    bytes += member.key.size() + member.text.size() + kPlainMemberBytesMax;
  }
  char* const begin = arena->Allocate(bytes);
  char* at = begin;
  *at++ = '{';
  for (const JsonMember& member : members) {
    if (at > begin + 1) *at++ = ',';
    at = PutPlainMember(member, at);
    if (at == nullptr) {
      arena->ShrinkLast(bytes, 0);
      return arena->Copy(SerializeJsonObject(members));
    }
  }
  *at++ = '}';
  const auto used = static_cast<size_t>(at - begin);
  arena->ShrinkLast(bytes, used);
  return {begin, used};
}

std::string SerializeJsonObject(const JsonObjectView& members) {
  std::string out;
  AppendJsonObject(members, &out);
  return out;
}

const JsonMember* FindJsonMember(const JsonObjectView& members, std::string_view key) {
  for (const JsonMember& member : members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

}  // namespace hoglet
