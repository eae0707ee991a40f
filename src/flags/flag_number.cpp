#include "src/flags/flag_number.h"

#include <charconv>
#include <cstdlib>
#include <limits>
#include <string>

#include "absl/strings/match.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

size_t DigitsAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && IsDigit(text[end])) ++end;
  return end - at;
}

// digits [. digits] [e [sign] digits], with a digit before or after the point.
bool IsDecimal(std::string_view text) {
  size_t at = DigitsAt(text, 0);
  size_t digits = at;
  if (at < text.size() && text[at] == '.') {
    const size_t fraction = DigitsAt(text, at + 1);
    digits += fraction;
    at += 1 + fraction;
  }
  if (digits == 0) return false;
  if (at == text.size()) return true;
  if (text[at] != 'e' && text[at] != 'E') return false;
  ++at;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  const size_t exponent = DigitsAt(text, at);
  return exponent > 0 && at + exponent == text.size();
}

}  // namespace

std::optional<double> ParseFlagNumber(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  if (IsDecimal(text)) {
    const auto error = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    // Too large or too small: strtod tells which.
    if (error != std::errc()) value = std::strtod(std::string(text).c_str(), nullptr);
  } else if (absl::EqualsIgnoreCase(ToAbsl(text), "inf") ||
             absl::EqualsIgnoreCase(ToAbsl(text), "infinity")) {
    value = std::numeric_limits<double>::infinity();
  } else if (absl::EqualsIgnoreCase(ToAbsl(text), "nan")) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    return std::nullopt;
  }
  return is_negative ? -value : value;
}

}  // namespace hoglet
