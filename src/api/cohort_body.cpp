#include "src/api/cohort_body.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/api/rest.h"
#include "src/base/arena.h"
#include "src/base/limits.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/cohorts/cohort_definition.h"
#include "src/http/api_error.h"
#include "src/http/multipart.h"

namespace hoglet {
namespace {

constexpr size_t kNameCharactersMax = 400;
constexpr size_t kDescriptionCharactersMax = 1000;
constexpr size_t kQueryBytesMax = 64 << 10;
constexpr std::array<std::string_view, 5> kCohortTypes = {"static", "person_property", "behavioral",
                                                          "analytical", "realtime"};

using Refusal = std::optional<HttpResponse>;

HttpResponse Refuse(std::string_view attr, std::string_view detail, std::string_view code = "") {
  return HttpApiError(400, detail, code, "", attr);
}

size_t CharactersOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

class BodyReader {
 public:
  BodyReader(const JsonObjectView& members, bool is_form) : members_(members), is_form_(is_form) {}

  Refusal Text(const char* key, size_t characters_max, std::optional<std::string>* out) const {
    const JsonMember* member = FindJsonMember(members_, key);
    if (member == nullptr) return std::nullopt;
    if (member->kind == JsonKind::kNull) {
      out->emplace();
      return std::nullopt;
    }
    if (member->kind != JsonKind::kString) return Refuse(key, "Not a valid string.");
    if (member->text.size() > characters_max * 4 || CharactersOf(member->text) > characters_max) {
      return Refuse(key,
                    StrCat("Ensure this field has no more than ", characters_max, " characters."),
                    "max_length");
    }
    out->emplace(member->text);
    return std::nullopt;
  }

  Refusal Flag(const char* key, std::optional<bool>* out) const {
    const JsonMember* member = FindJsonMember(members_, key);
    if (member == nullptr) return std::nullopt;
    if (member->kind == JsonKind::kBool) {
      *out = member->boolean;
    } else if (member->kind == JsonKind::kString &&
               (EqualsIgnoreCase(member->text, "true") || member->text == "1")) {
      *out = true;
    } else if (member->kind == JsonKind::kString &&
               (EqualsIgnoreCase(member->text, "false") || member->text == "0")) {
      *out = false;
    } else {
      return Refuse(key, "Must be a valid boolean.");
    }
    return std::nullopt;
  }

  // A form holds objects and lists as texts.
  Refusal Nested(const char* key, char open, size_t bytes_max,
                 std::optional<std::string>* out) const {
    const JsonMember* member = FindJsonMember(members_, key);
    if (member == nullptr) return std::nullopt;
    const bool is_empty = is_form_ && member->kind == JsonKind::kString && member->text.empty();
    if (member->kind == JsonKind::kNull || is_empty) {
      out->emplace();
      return std::nullopt;
    }
    Arena arena;
    JsonMember parsed = *member;
    if (is_form_ && member->kind == JsonKind::kString &&
        !ParseJsonValue(member->text, &arena, &parsed).ok()) {
      return Refuse(key, "Value must be valid JSON.");
    }
    if (parsed.kind != JsonKind::kRaw || !parsed.text.starts_with(open))
      return Refuse(key, open == '{' ? "Expected an object." : "Expected a list of items.");
    if (parsed.text.size() > bytes_max)
      return Refuse(key, StrCat("Must not be longer than ", bytes_max, " bytes."));
    out->emplace(parsed.text);
    return std::nullopt;
  }

  Refusal PersonIds(const char* key, std::optional<std::vector<Uuid>>* out) const {
    std::optional<std::string> list;
    if (auto refusal = Nested(key, '[', limits::kApiBodyBytesMax, &list)) return refusal;
    if (!list.has_value() || list->empty()) return std::nullopt;
    Arena arena;
    std::vector<JsonMember> items;
    if (!ParseJsonArray(*list, &arena, &items).ok())
      return Refuse(key, "Expected a list of items.");
    out->emplace();
    for (const JsonMember& item : items) {
      const auto id = item.kind == JsonKind::kString ? ParseUuid(item.text) : std::nullopt;
      if (!id.has_value()) return Refuse(key, "Must be a list of valid UUIDs.");
      (*out)->push_back(*id);
    }
    return std::nullopt;
  }

 private:
  const JsonObjectView& members_;
  const bool is_form_;
};

Refusal ReadMembers(const JsonObjectView& members, bool is_form, CohortBody* body) {
  const BodyReader reader(members, is_form);
  if (auto refusal = reader.Text("name", kNameCharactersMax, &body->name)) return refusal;
  if (auto refusal = reader.Text("description", kDescriptionCharactersMax, &body->description))
    return refusal;
  if (auto refusal = reader.Nested("groups", '[', kCohortFilterBytesMax, &body->groups_json))
    return refusal;
  if (auto refusal = reader.Flag("deleted", &body->is_deleted)) return refusal;
  if (auto refusal = reader.Nested("filters", '{', kCohortFilterBytesMax, &body->filters_json))
    return refusal;
  if (auto refusal = reader.Nested("query", '{', kQueryBytesMax, &body->query_json)) return refusal;
  if (auto refusal = reader.Flag("is_static", &body->is_static)) return refusal;
  if (auto refusal = reader.Text("cohort_type", kNameCharactersMax, &body->cohort_type))
    return refusal;
  return reader.PersonIds("_create_static_person_ids", &body->person_ids);
}

Refusal ReadForm(const HttpRequest& request, CohortBody* body) {
  const auto parts = ParseMultipartForm(request.headers.Find("content-type"), request.body);
  if (!parts.ok())
    return HttpApiError(400, FromAbsl(parts.status().message()), "parse_error", "invalid_request");
  JsonObjectView members;
  for (const FormPart& part : *parts) {
    if (part.name == "csv") continue;
    if (!IsValidUtf8(part.content)) return Refuse(part.name, "Not a valid string.");
    members.push_back({.key = part.name, .kind = JsonKind::kString, .text = part.content});
  }
  if (auto refusal = ReadMembers(members, /*is_form=*/true, body)) return refusal;
  const FormPart* file = FindFormPart(*parts, "csv");
  if (file == nullptr) return std::nullopt;
  auto csv = ReadCohortCsv(file->content);
  if (!csv.ok()) return Refuse("csv", FromAbsl(csv.status().message()));
  body->csv = *std::move(csv);
  return std::nullopt;
}

// What holds whatever the cohort was before.
Refusal CheckBody(CohortBody* body) {
  if (body->cohort_type.has_value() && !body->cohort_type->empty() &&
      std::find(kCohortTypes.begin(), kCohortTypes.end(), *body->cohort_type) ==
          kCohortTypes.end()) {
    return Refuse("cohort_type", StrCat("\"", *body->cohort_type, "\" is not a valid choice."),
                  "invalid_choice");
  }
  if (body->filters_json.has_value() && !body->filters_json->empty()) {
    const auto parsed = ParseCohortFilters(*body->filters_json);
    if (!parsed.ok()) return Refuse("filters", FromAbsl(parsed.status().message()));
  } else if (body->groups_json.has_value() && !body->groups_json->empty() &&
             *body->groups_json != "[]") {
    // Groups are what clients of old say instead of filters.
    auto converted = ConvertCohortGroups(*body->groups_json);
    absl::Status status = converted.status();
    if (converted.ok()) status = ParseCohortFilters(*converted).status();
    if (!status.ok()) return Refuse("groups", FromAbsl(status.message()));
    body->filters_json = *std::move(converted);
  }
  return std::nullopt;
}

}  // namespace

std::optional<HttpResponse> ReadCohortBody(const HttpRequest& request, CohortBody* body) {
  if (IsMultipartForm(request.headers.Find("content-type"))) {
    if (auto refusal = ReadForm(request, body)) return refusal;
    return CheckBody(body);
  }
  Arena arena;
  JsonObjectView members;
  if (auto refusal = ReadJsonBody(request, &arena, &members)) return refusal;
  if (auto refusal = ReadMembers(members, /*is_form=*/false, body)) return refusal;
  return CheckBody(body);
}

void ApplyCohortBody(const CohortBody& body, Cohort* cohort) {
  if (body.name.has_value()) cohort->name = *body.name;
  if (body.description.has_value()) cohort->description = *body.description;
  if (body.filters_json.has_value()) cohort->filters_json = *body.filters_json;
  if (body.groups_json.has_value())
    cohort->groups_json = body.groups_json->empty() ? "[]" : *body.groups_json;
  if (body.query_json.has_value()) cohort->query_json = *body.query_json;
  if (body.cohort_type.has_value()) cohort->cohort_type = *body.cohort_type;
  if (body.is_static.has_value()) cohort->is_static = *body.is_static;
  if (body.is_deleted.has_value()) cohort->is_deleted = *body.is_deleted;
}

}  // namespace hoglet
