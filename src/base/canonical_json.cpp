#include "src/base/canonical_json.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "src/base/json.h"

namespace hoglet {

using simdjson::dom::element;
using simdjson::dom::element_type;

namespace {

// Integers with more digits than this may not fit 64 bits.
constexpr size_t kSafeDigits = 18;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void AppendSerdeFloat(double value, std::string* out) {
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

void AppendCanonicalJson(const element& value, std::string* out) {
  switch (value.type()) {
    case element_type::ARRAY: {
      out->push_back('[');
      bool first = true;
      for (const element item : simdjson::dom::array(value)) {
        if (!std::exchange(first, false)) out->push_back(',');
        AppendCanonicalJson(item, out);
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
        AppendCanonicalJson(item, out);
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
      AppendSerdeFloat(double(value), out);
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

std::string CanonicalJson(const element& value) {
  std::string out;
  AppendCanonicalJson(value, &out);
  return out;
}

}  // namespace hoglet
