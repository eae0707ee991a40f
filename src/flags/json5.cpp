#include "src/flags/json5.h"

#include <charconv>
#include <cstdint>

#include "src/base/json.h"
#include "src/base/limits.h"
#include "src/base/url.h"
#include "src/base/utf8.h"

namespace hoglet {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Bytes above ASCII may be letters of any script; which ones nobody needs to know.
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Reads JSON5 by recursive descent and writes JSON. Every method returns false at the first fault.
class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  std::optional<std::string> Translate() {
    if (!SkipSpace() || !Value(0) || !SkipSpace() || at_ != text_.size()) return std::nullopt;
    return std::move(out_);
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  bool Take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool SkipSpace();
  bool Value(int depth);
  bool List(int depth, char close);
  bool Name();
  bool String();
  bool Escape(std::string* text);
  bool Unicode(std::string* text);
  bool Number();
  bool Hexadecimal(bool is_negative);
  bool Word();
  std::optional<uint32_t> Hex(size_t digits);

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

// White space and comments; false if a comment does not end.
bool Translator::SkipSpace() {
  while (!AtEnd()) {
    if (Take("//")) {
      while (!AtEnd() && Peek() != '\n' && Peek() != '\r') ++at_;
    } else if (Take("/*")) {
      const size_t end = text_.find("*/", at_);
      if (end == std::string_view::npos) return false;
      at_ = end + 2;
    } else if (std::string_view(" \t\n\r\v\f").find(Peek()) != std::string_view::npos) {
      ++at_;
    } else if (!Take("\xc2\xa0") && !Take("\xef\xbb\xbf") && !Take("\xe2\x80\xa8") &&
               !Take("\xe2\x80\xa9")) {
      break;
    }
  }
  return true;
}

bool Translator::Value(int depth) {
  if (depth > static_cast<int>(limits::kJsonDepthMax)) return false;
  const char c = Peek();
  if (c == '{' || c == '[') return List(depth + 1, c == '{' ? '}' : ']');
  if (c == '"' || c == '\'') return String();
  if (IsDigit(c) || c == '.' || c == '+' || c == '-') return Number();
  return Word();
}

bool Translator::List(int depth, char close) {
  out_.push_back(text_[at_++]);
  for (bool is_first = true;; is_first = false) {
    if (!SkipSpace()) return false;
    if (Peek() == close) break;
    if (!is_first) out_.push_back(',');
    if (close == '}' && (!Name() || !SkipSpace() || !Take(":") || !SkipSpace())) return false;
    if (close == '}') out_.push_back(':');
    if (!Value(depth) || !SkipSpace()) return false;
    if (Peek() == close) break;
    if (!Take(",")) return false;
  }
  ++at_;
  out_.push_back(close);
  return true;
}

bool Translator::Name() {
  if (Peek() == '"' || Peek() == '\'') return String();
  std::string name;
  while (IsNameStart(Peek()) || (!name.empty() && IsDigit(Peek())) || Peek() == '\\') {
    if (Take("\\")) {
      if (!Take("u") || !Unicode(&name)) return false;
    } else {
      name.push_back(text_[at_++]);
    }
  }
  if (name.empty()) return false;
  AppendJsonString(name, &out_);
  return true;
}

bool Translator::String() {
  const char quote = text_[at_++];
  std::string text;
  while (!AtEnd() && Peek() != quote) {
    const char c = text_[at_++];
    if (c == '\n' || c == '\r') return false;
    if (c != '\\') {
      text.push_back(c);
    } else if (!Escape(&text)) {
      return false;
    }
  }
  if (AtEnd()) return false;
  ++at_;
  AppendJsonString(text, &out_);
  return true;
}

bool Translator::Escape(std::string* text) {
  if (AtEnd()) return false;
  const char c = text_[at_++];
  constexpr std::string_view kNames = "bfnrtv0";
  constexpr std::string_view kMeanings("\b\f\n\r\t\v\0", 7);
  if (const size_t index = kNames.find(c); index != std::string_view::npos) {
    if (c == '0' && IsDigit(Peek())) return false;
    text->push_back(kMeanings[index]);
    return true;
  }
  if (c == 'u') return Unicode(text);
  if (c == 'x') {
    const auto code = Hex(2);
    if (code.has_value()) AppendUtf8(*code, text);
    return code.has_value();
  }
  if (c == '\r') Take("\n");
  if (c == '\n' || c == '\r') return true;  // the text goes on in the next line
  if (IsDigit(c)) return false;
  text->push_back(c);
  return true;
}

// After "\u". Half a surrogate pair becomes U+FFFD.
bool Translator::Unicode(std::string* text) {
  auto code = Hex(4);
  if (!code.has_value()) return false;
  if (*code >= 0xd800 && *code < 0xdc00) {
    const size_t before = at_;
    const auto low = Take("\\u") ? Hex(4) : std::nullopt;
    if (low.has_value() && *low >= 0xdc00 && *low < 0xe000) {
      code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
    } else {
      at_ = before;
    }
  }
  if (*code >= 0xd800 && *code < 0xe000) code = 0xfffd;
  AppendUtf8(*code, text);
  return true;
}

std::optional<uint32_t> Translator::Hex(size_t digits) {
  uint32_t code = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int value = HexDigitValue(Peek());
    if (value < 0) return std::nullopt;
    code = code * 16 + static_cast<uint32_t>(value);
    ++at_;
  }
  return code;
}

bool Translator::Number() {
  const bool is_negative = Peek() == '-';
  if (Peek() == '-' || Peek() == '+') ++at_;
  if (Take("Infinity") || Take("NaN")) {
    out_.append("null");
    return true;
  }
  if (Take("0x") || Take("0X")) return Hexadecimal(is_negative);
  const auto digits = [this] {
    const size_t begin = at_;
    while (IsDigit(Peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  };
  const std::string_view whole = digits();
  const bool has_point = Take(".");
  const std::string_view fraction = has_point ? digits() : std::string_view();
  if (whole.empty() && fraction.empty()) return false;
  if (whole.size() > 1 && whole[0] == '0') return false;
  if (is_negative) out_.push_back('-');
  out_.append(whole.empty() ? "0" : whole);
  if (has_point) out_.append(".").append(fraction.empty() ? "0" : fraction);
  if (Peek() != 'e' && Peek() != 'E') return true;
  out_.push_back(text_[at_++]);
  if (Peek() == '-' || Peek() == '+') out_.push_back(text_[at_++]);
  const std::string_view exponent = digits();
  out_.append(exponent);
  return !exponent.empty();
}

bool Translator::Hexadecimal(bool is_negative) {
  const char* begin = text_.data() + at_;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value, 16);
  if (error != std::errc() || end == begin) return false;
  at_ += static_cast<size_t>(end - begin);
  if (is_negative) out_.push_back('-');
  out_.append(std::to_string(value));
  return true;
}

bool Translator::Word() {
  for (const std::string_view word : {"true", "false", "null"}) {
    if (!Take(word)) continue;
    out_.append(word);
    return true;
  }
  if (!Take("NaN") && !Take("Infinity")) return false;
  out_.append("null");
  return true;
}

}  // namespace

std::optional<std::string> StrictJson(std::string_view text) {
  return Translator(text).Translate();
}

}  // namespace hoglet
