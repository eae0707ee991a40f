#include "src/api/product_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "src/base/arena.h"
#include "src/base/digest.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"

namespace hoglet {
namespace {

using Error = std::optional<FieldError>;

int64_t CountCharacters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

FieldError Wrong(const FieldRule& rule, std::string detail, std::string code = "invalid_input") {
  return {std::string(rule.name), std::move(detail), std::move(code)};
}

Error ReadText(const FieldRule& rule, const JsonMember& value, JsonFields* fields) {
  if (value.kind != JsonKind::kString) return Wrong(rule, "Not a valid string.");
  const std::string_view text = FromAbsl(absl::StripAsciiWhitespace(ToAbsl(value.text)));
  if (text.empty() && !rule.may_be_blank) {
    return Wrong(rule, "This field may not be blank.", "blank");
  }
  if (CountCharacters(text) > rule.max) {
    return Wrong(rule, StrCat("Ensure this field has no more than ", rule.max, " characters."),
                 "max_length");
  }
  if (rule.type == FieldType::kUrl && !text.empty() && !text.starts_with("http://") &&
      !text.starts_with("https://")) {
    return Wrong(rule, "Enter a valid URL.");
  }
  fields->SetText(rule.name, text);
  return std::nullopt;
}

Error ReadChoice(const FieldRule& rule, const JsonMember& value, JsonFields* fields) {
  if (value.kind == JsonKind::kString &&
      std::find(rule.choices.begin(), rule.choices.end(), value.text) != rule.choices.end()) {
    fields->SetText(rule.name, value.text);
    return std::nullopt;
  }
  std::string shown(value.kind == JsonKind::kString ? value.text : "");
  if (shown.empty()) AppendJsonValue(value, &shown);
  return Wrong(rule, StrCat("\"", shown.substr(0, 100), "\" is not a valid choice."),
               "invalid_choice");
}

Error ReadInteger(const FieldRule& rule, const JsonMember& value, JsonFields* fields) {
  int64_t number = value.integer;
  if (value.kind != JsonKind::kInt64 &&
      (value.kind != JsonKind::kString || !absl::SimpleAtoi(ToAbsl(value.text), &number))) {
    return Wrong(rule, "A valid integer is required.");
  }
  if (number < rule.min) {
    return Wrong(rule, StrCat("Ensure this value is greater than or equal to ", rule.min, "."),
                 "min_value");
  }
  if (number > rule.max) {
    return Wrong(rule, StrCat("Ensure this value is less than or equal to ", rule.max, "."),
                 "max_value");
  }
  fields->Set(rule.name, StrCat(number));
  return std::nullopt;
}

Error ReadMoment(const FieldRule& rule, const JsonMember& value, JsonFields* fields) {
  const auto date = value.kind == JsonKind::kString ? ReadDate(value.text) : std::nullopt;
  if (!date.has_value()) {
    return Wrong(rule,
                 "Datetime has wrong format. Use one of these formats instead: "
                 "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].");
  }
  fields->SetText(rule.name, *date);
  return std::nullopt;
}

Error ReadField(const FieldRule& rule, std::string_view json, JsonFields* fields) {
  if (json == "null") {
    if (!rule.may_be_null) return Wrong(rule, "This field may not be null.", "null");
    fields->Set(rule.name, "null");
    return std::nullopt;
  }
  Arena arena;
  JsonMember value;
  if (!ParseJsonValue(json, &arena, &value).ok()) return Wrong(rule, "Value must be valid JSON.");
  switch (rule.type) {
    case FieldType::kText:
    case FieldType::kUrl:
      return ReadText(rule, value, fields);
    case FieldType::kChoice:
      return ReadChoice(rule, value, fields);
    case FieldType::kInteger:
      return ReadInteger(rule, value, fields);
    case FieldType::kDate:
      return ReadMoment(rule, value, fields);
    case FieldType::kBool:
      if (value.kind != JsonKind::kBool) return Wrong(rule, "Must be a valid boolean.");
      break;
    case FieldType::kJson:
      break;
  }
  fields->Set(rule.name, std::string(json));
  return std::nullopt;
}

}  // namespace

std::optional<FieldError> ReadFields(std::span<const FieldRule> rules, const JsonFields& body,
                                     Saving saving, JsonFields* fields) {
  for (const FieldRule& rule : rules) {
    const std::string_view json = body.Find(rule.name);
    if (!json.empty()) {
      if (auto error = ReadField(rule, json, fields)) return error;
    } else if (saving != Saving::kChange && rule.initial.empty()) {
      return Wrong(rule, "This field is required.", "required");
    } else if (saving == Saving::kCreate) {
      fields->Set(rule.name, std::string(rule.initial));
    }
  }
  return std::nullopt;
}

bool IsRunning(const JsonFields& product) {
  return !product.Text("start_date").empty() && product.Text("end_date").empty() &&
         !product.Bool("archived");
}

std::string Slug(std::string_view text, size_t bytes_max) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= bytes_max) break;
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '_') {
      out.push_back(absl::ascii_tolower(byte));
    } else if ((absl::ascii_isspace(byte) || c == '-') && !out.empty() && out.back() != '-') {
      out.push_back('-');
    }
  }
  while (!out.empty() && (out.back() == '-' || out.back() == '_')) out.pop_back();
  return out;
}

std::string RandomKeyPart(Env* env) {
  char random[5];
  env->FillRandom(random);
  return HexEncode({random, sizeof(random)});
}

std::string ShowDate(int64_t time_us) {
  return FormatRfc3339(time_us, time_us % kMicrosPerSecond == 0 ? 0 : 6);
}

std::optional<std::string> ReadDate(std::string_view text) {
  std::optional<int64_t> time_us = ParseRfc3339(text);
  // Without a zone it is UTC's; seconds may be left out, and so may the time.
  for (const char* rest : {"Z", ":00Z", "T00:00:00Z"}) {
    if (!time_us.has_value()) time_us = ParseRfc3339(StrCat(text, rest));
  }
  if (!time_us.has_value()) return std::nullopt;
  return ShowDate(*time_us);
}

}  // namespace hoglet
