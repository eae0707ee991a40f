#include "src/capture/json_document.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <mutex>

#include "src/base/json.h"
#include "src/base/limits.h"

namespace hoglet {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// Parsers keep buffers several times the size of the largest text they saw, so only small texts
// share a thread's parser.
constexpr size_t kSharedParserBytesMax = 1 << 20;
// Integers with more digits than this may not fit 64 bits.
constexpr size_t kSafeDigits = 18;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The text with ".0" behind every integer too long for 64 bits, which makes it a double; nothing
// else changes.
std::string WithoutLongIntegers(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 1024);
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
      i = std::min(i + 1, text.size());
      out.append(text.substr(begin, i - begin));
    } else if (IsDigit(text[i])) {
      while (i < text.size() && IsDigit(text[i])) ++i;
      out.append(text.substr(begin, i - begin));
      const bool is_integer =
          i == text.size() || (text[i] != '.' && text[i] != 'e' && text[i] != 'E');
      const bool is_whole = begin == 0 || (text[begin - 1] != '.' && text[begin - 1] != '+' &&
                                           text[begin - 1] != 'e' && text[begin - 1] != 'E');
      if (is_integer && is_whole && i - begin > kSafeDigits) out.append(".0");
    } else {
      out.push_back(text[i++]);
    }
  }
  return out;
}

simdjson::error_code ParseWith(simdjson::dom::parser* parser, const std::string& text,
                               element* root) {
  const size_t capacity = std::max<size_t>(text.size(), 64);
  if (parser->capacity() < capacity || parser->max_depth() != limits::kJsonDepthMax) {
    const auto error = parser->allocate(capacity, limits::kJsonDepthMax);
    if (error) return error;
  }
  const bool must_copy = text.capacity() - text.size() < simdjson::SIMDJSON_PADDING;
  return parser->parse(text.data(), text.size(), must_copy).get(*root);
}

absl::Status ParseAndVisit(simdjson::dom::parser* parser, const std::string& text,
                           const std::function<void(const element&)>& visit) {
  element root;
  simdjson::error_code error = ParseWith(parser, text, &root);
  if (error == simdjson::NUMBER_ERROR) {
    std::string rewritten = WithoutLongIntegers(text);
    if (rewritten.size() != text.size()) error = ParseWith(parser, rewritten, &root);
  }
  if (error) return absl::InvalidArgumentError(simdjson::error_message(error));
  visit(root);
  return absl::OkStatus();
}

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size() &&
         (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
    ++at;
  }
  return at;
}

// One past the closing quote of the string that begins at `at`.
size_t SkipString(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

size_t SkipValue(std::string_view text, size_t at) {
  if (at >= text.size()) return at;
  if (text[at] == '"') return SkipString(text, at);
  if (text[at] != '{' && text[at] != '[') {
    while (at < text.size() && text[at] != ',' && text[at] != ']' && text[at] != '}' &&
           text[at] != ' ' && text[at] != '\n' && text[at] != '\r' && text[at] != '\t') {
      ++at;
    }
    return at;
  }
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = SkipString(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return at;
}

// As the ryu crate prints: the shortest digits, plain from 1e-5 to below 1e16.
void AppendFloat(double value, std::string* out) {
  if (value == 0) {
    out->append(std::signbit(value) ? "-0.0" : "0.0");
    return;
  }
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  if (text.front() == '-') {
    out->push_back('-');
    text.remove_prefix(1);
  }
  const size_t mark = text.find('e');
  int exponent = 0;
  const char* first = text.data() + mark + 1;
  if (*first == '+') ++first;
  std::from_chars(first, end, exponent);
  std::string digits(1, text[0]);
  if (mark > 2) digits.append(text.substr(2, mark - 2));
  const int point = exponent + 1;  // digits before the decimal point
  const int count = static_cast<int>(digits.size());
  if (point >= count && point <= 16) {
    out->append(digits).append(static_cast<size_t>(point - count), '0').append(".0");
  } else if (point > 0 && point <= 16) {
    out->append(digits, 0, static_cast<size_t>(point)).append(".");
    out->append(digits, static_cast<size_t>(point), std::string::npos);
  } else if (point > -5 && point <= 0) {
    out->append("0.").append(static_cast<size_t>(-point), '0').append(digits);
  } else {
    out->append(digits, 0, 1);
    if (count > 1) out->append(".").append(digits, 1, std::string::npos);
    out->append("e").append(std::to_string(exponent));
  }
}

void AppendCanonical(const element& value, std::string* out) {
  switch (value.type()) {
    case element_type::ARRAY: {
      out->push_back('[');
      bool first = true;
      for (const element item : simdjson::dom::array(value)) {
        if (!std::exchange(first, false)) out->push_back(',');
        AppendCanonical(item, out);
      }
      out->push_back(']');
      break;
    }
    case element_type::OBJECT: {
      std::map<std::string_view, element> sorted;  // of duplicate keys the last is kept
      for (const auto field : simdjson::dom::object(value)) sorted[field.key] = field.value;
      out->push_back('{');
      bool first = true;
      for (const auto& [key, item] : sorted) {
        if (!std::exchange(first, false)) out->push_back(',');
        AppendJsonString(key, out);
        out->push_back(':');
        AppendCanonical(item, out);
      }
      out->push_back('}');
      break;
    }
    case element_type::INT64:
      AppendInt(int64_t(value), out);
      break;
    case element_type::UINT64:
      out->append(std::to_string(uint64_t(value)));
      break;
    case element_type::DOUBLE:
      AppendFloat(double(value), out);
      break;
    case element_type::STRING:
      AppendJsonString(std::string_view(value), out);
      break;
    case element_type::BOOL:
      out->append(bool(value) ? "true" : "false");
      break;
    case element_type::NULL_VALUE:
      out->append("null");
      break;
  }
}

}  // namespace

absl::Status VisitJsonDocument(const std::string& text,
                               const std::function<void(const element&)>& visit) {
  if (text.size() <= kSharedParserBytesMax) {
    thread_local simdjson::dom::parser parser(kSharedParserBytesMax * 2);
    return ParseAndVisit(&parser, text, visit);
  }
  static std::mutex one_at_a_time;
  std::lock_guard lock(one_at_a_time);
  simdjson::dom::parser parser;
  return ParseAndVisit(&parser, text, visit);
}

std::vector<JsonSlice> SliceJson(std::string_view text) {
  std::vector<JsonSlice> slices;
  size_t at = SkipSpace(text, 0);
  if (at >= text.size() || (text[at] != '{' && text[at] != '[')) return slices;
  const bool is_object = text[at] == '{';
  at = SkipSpace(text, at + 1);
  while (at < text.size() && text[at] != '}' && text[at] != ']') {
    JsonSlice slice;
    if (is_object) {
      const size_t key_end = SkipString(text, at);
      slice.key = text.substr(at, key_end - at);
      at = SkipSpace(text, SkipSpace(text, key_end) + 1);  // past the colon
    }
    const size_t end = SkipValue(text, at);
    slice.value = text.substr(at, end - at);
    slices.push_back(slice);
    at = SkipSpace(text, end);
    if (at < text.size() && text[at] == ',') at = SkipSpace(text, at + 1);
  }
  return slices;
}

std::string CanonicalJson(const element& value) {
  std::string out;
  AppendCanonical(value, &out);
  return out;
}

}  // namespace hoglet
