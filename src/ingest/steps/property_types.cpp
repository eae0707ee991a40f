#include "src/ingest/steps/property_types.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "src/base/strings.h"
#include "src/base/time.h"

namespace hoglet {
namespace {

constexpr int64_t kRecentSeconds = 15'768'000;

// Compares text with a pattern: 'd' is a digit, '0'..'9' a digit up to that one, '-' is '-' or '/'
// (the same throughout), anything else itself. Returns what follows, or nullopt.
std::optional<std::string_view> TakePattern(std::string_view text, std::string_view pattern) {
  char separator = 0;
  if (text.size() < pattern.size()) return std::nullopt;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char want = pattern[i];
    const char have = text[i];
    const bool is_digit = absl::ascii_isdigit(static_cast<unsigned char>(have));
    if (want == 'd') {
      if (!is_digit) return std::nullopt;
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(want))) {
      if (!is_digit || have > want) return std::nullopt;
    } else if (want == '-') {
      if (have != '-' && have != '/') return std::nullopt;
      if (separator != 0 && have != separator) return std::nullopt;
      separator = have;
    } else if (want != have) {
      return std::nullopt;
    }
  }
  return text.substr(pattern.size());
}

bool IsRfc2822(std::string_view text) {
  absl::Time time;
  std::string error;
  for (const char* format : {"%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z",
                             "%a, %d %b %Y %H:%M %z", "%d %b %Y %H:%M %z"}) {
    if (absl::ParseTime(format, std::string(text), &time, &error)) return true;
  }
  const std::string_view gmt = " GMT";
  if (!text.ends_with(gmt)) return false;
  return IsRfc2822(StrCat(text.substr(0, text.size() - gmt.size()), " +0000"));
}

std::string_view Trim(std::string_view text) {
  return FromAbsl(absl::StripAsciiWhitespace(ToAbsl(text)));
}

bool IsTimeKey(std::string_view lower_key) {
  for (const std::string_view part : {"time", "date", "_at", "-at", "createdat", "updatedat"}) {
    if (lower_key.find(part) != std::string_view::npos) return true;
  }
  return false;
}

bool IsStringKey(std::string_view lower_key) {
  return lower_key.starts_with("utm_") || lower_key.starts_with("$initial_utm_") ||
         lower_key.starts_with("$feature/") || lower_key == "$feature_flag_response" ||
         lower_key.starts_with("$survey_response");
}

}  // namespace

std::string_view PropertyTypeName(DefinitionType type) {
  switch (type) {
    case DefinitionType::kString:
      return "String";
    case DefinitionType::kNumeric:
      return "Numeric";
    case DefinitionType::kBoolean:
      return "Boolean";
    case DefinitionType::kDateTime:
      return "DateTime";
  }
  return "";
}

bool IsDateText(std::string_view text) {
  if (ParseRfc3339(text).has_value() || IsRfc2822(text)) return true;
  for (const std::string_view date : {"dddd-2d-3d", "2d-3d-dddd", "3d-2d-dddd"}) {
    const auto rest = TakePattern(text, date);
    if (!rest.has_value()) continue;
    if (rest->empty()) return true;
    if (rest->front() != 'T' && rest->front() != ' ') continue;
    if (TakePattern(rest->substr(1), "2d:6d:6d").has_value()) return true;
  }
  return false;
}

std::optional<DefinitionType> DetectPropertyType(std::string_view key, const JsonMember& value,
                                                 int64_t now_us) {
  std::string lower(key);
  absl::AsciiStrToLower(&lower);
  if (IsStringKey(lower)) return DefinitionType::kString;
  if (IsTimeKey(lower)) {
    if (value.kind == JsonKind::kString && IsDateText(value.text)) return DefinitionType::kDateTime;
    if (value.kind == JsonKind::kInt64 && value.integer >= 0 &&
        value.integer >= now_us / 1'000'000 - kRecentSeconds) {
      return DefinitionType::kDateTime;
    }
  }
  switch (value.kind) {
    case JsonKind::kString: {
      const std::string_view text = Trim(value.text);
      if (text == "true" || text == "false" || text == "TRUE" || text == "FALSE") {
        return DefinitionType::kBoolean;
      }
      return IsDateText(text) ? DefinitionType::kDateTime : DefinitionType::kString;
    }
    case JsonKind::kInt64:
    case JsonKind::kDouble:
      return DefinitionType::kNumeric;
    case JsonKind::kBool:
      return DefinitionType::kBoolean;
    case JsonKind::kNull:
      return std::nullopt;
    case JsonKind::kRaw: {
      const bool is_number = !value.text.empty() && value.text[0] != '[' && value.text[0] != '{';
      if (is_number) return DefinitionType::kNumeric;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace hoglet
