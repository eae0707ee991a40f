#include "src/api/definitions_api.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "include/hoglet/status.h"
#include "src/api/query_api.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/url.h"
#include "src/base/uuid.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

constexpr uint64_t kPageRows = 100;
constexpr uint64_t kPageRowsMax = 10'000;
// Of ids made from names.
constexpr Uuid kDefinitionNamespace = {{0x3b, 0x8e, 0x51, 0x07, 0x66, 0xd2, 0x4c, 0x19, 0x8f, 0x2a,
                                        0x90, 0x41, 0xcc, 0x5d, 0x7e, 0x13}};
// Of no use in a list to choose from.
constexpr std::string_view kNeverShown[] = {"$set", "$set_once", "$unset", "$initial_referrer",
                                            "$initial_referring_domain"};

using Parameters = std::map<std::string, std::string>;

Parameters ReadParameters(std::string_view query) {
  Parameters out;
  VisitQuery(query, [&](std::string_view name, std::string_view value) {
    out[PercentDecode(name, true)] = PercentDecode(value, true);
    return true;
  });
  return out;
}

std::string Get(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

std::optional<bool> GetBool(const Parameters& parameters, const std::string& name) {
  const std::string value = absl::AsciiStrToLower(Get(parameters, name));
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return std::nullopt;
}

std::set<std::string> GetJsonList(const Parameters& parameters, const std::string& name) {
  std::set<std::string> out;
  Arena arena;
  std::vector<JsonMember> items;
  if (!ParseJsonArray(Get(parameters, name), &arena, &items).ok()) return out;
  for (const JsonMember& item : items) {
    if (item.kind == JsonKind::kString) out.emplace(item.text);
  }
  return out;
}

// Every word of the search is in the name, whatever its case.
bool Matches(const std::string& name, const std::string& search) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (absl::string_view word :
       absl::StrSplit(absl::AsciiStrToLower(search), ' ', absl::SkipEmpty())) {
    if (lower.find(std::string(word)) == std::string::npos) return false;
  }
  return true;
}

struct Page {
  uint64_t limit = kPageRows;
  uint64_t offset = 0;
};

Page ReadPage(const Parameters& parameters) {
  Page page;
  uint64_t value = 0;
  if (absl::SimpleAtoi(Get(parameters, "limit"), &value) && value > 0) {
    page.limit = std::min(value, kPageRowsMax);
  }
  if (absl::SimpleAtoi(Get(parameters, "offset"), &value)) page.offset = value;
  return page;
}

std::string PageUrl(const HttpRequest& request, Parameters parameters, uint64_t offset) {
  parameters["offset"] = StrCat(offset);
  std::string url = StrCat("http://", request.headers.Find("host"), request.path, "?");
  bool is_first = true;
  for (const auto& [name, value] : parameters) {
    StrAppend(&url, is_first ? "" : "&", PercentEncode(name), "=", PercentEncode(value));
    is_first = false;
  }
  return url;
}

// The envelope around one page of the rows, each written by `write`.
template <typename Row, typename Write>
HttpResponse Paged(const HttpRequest& request, const Parameters& parameters,
                   const std::vector<Row>& rows, Write write) {
  const Page page = ReadPage(parameters);
  JsonWriter json;
  json.BeginObject().Field("count", rows.size());
  const auto link = [&](const char* name, bool exists, uint64_t offset) {
    json.Key(name);
    exists ? json.String(PageUrl(request, parameters, offset)) : json.Null();
  };
  link("next", page.offset + page.limit < rows.size(), page.offset + page.limit);
  link("previous", page.offset > 0, page.offset > page.limit ? page.offset - page.limit : 0);
  json.Key("results").BeginArray();
  const uint64_t begin = std::min<uint64_t>(page.offset, rows.size());
  const uint64_t end = std::min<uint64_t>(begin + page.limit, rows.size());
  for (uint64_t i = begin; i < end; ++i) write(rows[i], &json);
  json.EndArray().EndObject();
  return HttpJson(200, json.Take());
}

// What both kinds have, and nobody can set yet.
void WriteCommon(JsonWriter* json) {
  json->Key("tags").BeginArray().EndArray();
  for (const char* name :
       {"description", "updated_at", "updated_by", "verified_at", "verified_by"}) {
    json->Key(name).Null();
  }
  json->Field("verified", false).Field("hidden", false);
}

std::string IdOf(TeamId project_id, std::string_view kind, std::string_view name) {
  return FormatUuid(UuidV5(kDefinitionNamespace, StrCat(project_id, "\n", kind, "\n", name)));
}

void WriteEvent(TeamId project_id, const EventDefinition& definition, JsonWriter* json) {
  json->BeginObject()
      .Field("id", IdOf(project_id, "event", definition.name))
      .Field("name", definition.name)
      .Field("created_at", FormatRfc3339(definition.created_at_us, 6))
      .Field("last_seen_at", FormatRfc3339(definition.last_seen_at_us, 6))
      .Field("last_updated_at", FormatRfc3339(definition.last_seen_at_us, 6));
  WriteCommon(json);
  for (const char* name : {"enforcement_mode", "primary_property", "action_id",
                           "last_calculated_at", "created_by", "owner"}) {
    json->Key(name).Null();
  }
  for (const char* name : {"is_action", "is_calculating", "post_to_slack"}) {
    json->Field(name, false);
  }
  json->Key("default_columns").BeginArray().EndArray();
  json->EndObject();
}

bool HasEventType(const std::string& name, const std::string& type) {
  if (type == "event_posthog") return name.starts_with('$');
  return type != "event_custom" || !name.starts_with('$');
}

void Order(const std::string& ordering, std::vector<EventDefinition>* rows) {
  const bool descends = ordering.starts_with('-');
  const std::string field = ordering.substr(descends ? 1 : 0);
  const auto key = [&](const EventDefinition& row) {
    return field.starts_with("last_seen_at") ? row.last_seen_at_us
           : field.starts_with("created_at") ? row.created_at_us
                                             : 0;
  };
  std::stable_sort(rows->begin(), rows->end(), [&](const auto& a, const auto& b) {
    const auto x = std::make_pair(key(a), std::string_view(field == "name" ? a.name : ""));
    const auto y = std::make_pair(key(b), std::string_view(field == "name" ? b.name : ""));
    return descends ? y < x : x < y;
  });
}

absl::StatusOr<DefinitionKind> KindOf(const std::string& type) {
  if (type.empty() || type == "event") return DefinitionKind::kEventProperty;
  if (type == "person") return DefinitionKind::kPersonProperty;
  if (type == "group") return DefinitionKind::kGroupProperty;
  return absl::InvalidArgumentError(StrCat("\"", type, "\" is not a valid choice."));
}

// Which definitions a request asks for.
struct PropertyFilter {
  DefinitionKind kind = DefinitionKind::kEventProperty;
  int group_type_index = -1;
  std::string search;
  std::set<std::string> names;
  std::set<std::string> excluded;
  std::optional<bool> is_numerical;
  std::optional<bool> is_feature_flag;
  bool excludes_core = false;
  // Null: not asked for.
  std::optional<std::set<std::string>> on_events;
  bool only_on_events = false;

  bool Takes(const PropertyDefinition& row) const {
    if (row.kind != kind || row.group_type_index != group_type_index) return false;
    if (!Matches(row.name, search) || (!names.empty() && !names.contains(row.name))) return false;
    const bool numerical = row.type == DefinitionType::kNumeric;
    if (is_numerical.has_value() && *is_numerical != numerical) return false;
    const bool flag = row.name.starts_with("$feature/");
    if (is_feature_flag.has_value() && *is_feature_flag != flag) return false;
    if (excluded.contains(row.name)) return false;
    if (excludes_core) {
      if (row.name.starts_with('$')) return false;
    } else if (std::find(std::begin(kNeverShown), std::end(kNeverShown), row.name) !=
               std::end(kNeverShown)) {
      return false;
    }
    return !only_on_events || !on_events || on_events->contains(row.name);
  }
};

absl::StatusOr<PropertyFilter> ReadFilter(const Parameters& parameters) {
  PropertyFilter filter;
  HOGLET_ASSIGN_OR_RETURN(filter.kind, KindOf(Get(parameters, "type")));
  const std::string index = Get(parameters, "group_type_index");
  const bool is_group = filter.kind == DefinitionKind::kGroupProperty;
  if (is_group != !index.empty()) {
    return absl::InvalidArgumentError(is_group
                                          ? "`group_type_index` must be set for `group` type"
                                          : "`group_type_index` can be set only for `group` type");
  }
  if (is_group && !absl::SimpleAtoi(index, &filter.group_type_index)) {
    return absl::InvalidArgumentError("A valid integer is required.");
  }
  filter.search = Get(parameters, "search");
  const std::string names = Get(parameters, "properties");
  for (absl::string_view name : absl::StrSplit(names, ',', absl::SkipEmpty())) {
    filter.names.emplace(name);
  }
  filter.excluded = GetJsonList(parameters, "excluded_properties");
  filter.is_numerical = GetBool(parameters, "is_numerical");
  filter.is_feature_flag = GetBool(parameters, "is_feature_flag");
  filter.excludes_core = GetBool(parameters, "exclude_core_properties").value_or(false);
  filter.only_on_events = GetBool(parameters, "filter_by_event_names").value_or(false);
  return filter;
}

void WriteProperty(TeamId project_id, const PropertyFilter& filter, const PropertyDefinition& row,
                   JsonWriter* json) {
  const std::string kind = StrCat(static_cast<int>(row.kind), ":", row.group_type_index);
  json->BeginObject()
      .Field("id", IdOf(project_id, kind, row.name))
      .Field("name", row.name)
      .Field("is_numerical", row.type == DefinitionType::kNumeric);
  json->Key("property_type");
  row.type ? json->String(PropertyTypeName(*row.type)) : json->Null();
  json->Key("is_seen_on_filtered_events");
  filter.on_events ? json->Bool(filter.on_events->contains(row.name)) : json->Null();
  WriteCommon(json);
  json->EndObject();
}

HttpResponse Failed(const absl::Status& status) {
  const std::string detail(FromAbsl(status.message()));
  return HttpApiError(absl::IsInvalidArgument(status) ? 400 : 500, detail);
}

}  // namespace

void DefinitionsApi::AddRoutes(HttpRouter* router) {
  HttpRouteOptions options;
  options.on_worker = true;
  using List = HttpResponse (DefinitionsApi::*)(const HttpRequest&, TeamId) const;
  const auto add = [&](const std::string& path, List list) {
    router->Add("GET", path, options,
                [this, list](HttpRequest request, const HttpResponder& responder) {
                  ProjectInfo project;
                  if (auto refusal = AuthorizeProject(request, *projects_, &project)) {
                    responder(*std::move(refusal));
                    return;
                  }
                  responder((this->*list)(request, project.team_id));
                });
  };
  for (const std::string project : {"/api/projects/:project_id", "/api/environments/:project_id"}) {
    add(project + "/event_definitions", &DefinitionsApi::Events);
    add(project + "/property_definitions", &DefinitionsApi::Properties);
  }
}

HttpResponse DefinitionsApi::Events(const HttpRequest& request, TeamId project_id) const {
  const Parameters parameters = ReadParameters(request.query);
  const std::string search = Get(parameters, "search");
  const std::string type = Get(parameters, "event_type");
  std::vector<EventDefinition> rows;
  const absl::Status status =
      rows_->VisitEventDefinitions(project_id, [&](const EventDefinition& definition) {
        if (Matches(definition.name, search) && HasEventType(definition.name, type)) {
          rows.push_back(definition);
        }
        return true;
      });
  if (!status.ok()) return Failed(status);
  if (const std::string ordering = Get(parameters, "ordering"); !ordering.empty()) {
    Order(ordering, &rows);
  }
  return Paged(request, parameters, rows, [&](const EventDefinition& row, JsonWriter* json) {
    WriteEvent(project_id, row, json);
  });
}

HttpResponse DefinitionsApi::Properties(const HttpRequest& request, TeamId project_id) const {
  const Parameters parameters = ReadParameters(request.query);
  if (Get(parameters, "type") == "session") {
    return Paged(request, parameters, std::vector<int>(), [](int, JsonWriter*) {});
  }
  auto filter = ReadFilter(parameters);
  if (!filter.ok()) return Failed(filter.status());
  const std::set<std::string> events = GetJsonList(parameters, "event_names");
  if (!events.empty()) filter->on_events.emplace();
  absl::Status status;
  for (const std::string& event : events) {
    status = rows_->VisitEventProperties(project_id, event, [&](std::string_view property) {
      filter->on_events->emplace(property);
      return true;
    });
    if (!status.ok()) return Failed(status);
  }
  std::vector<PropertyDefinition> rows;
  status = rows_->VisitPropertyDefinitions(project_id, [&](const PropertyDefinition& row) {
    if (filter->Takes(row)) rows.push_back(row);
    return true;
  });
  if (!status.ok()) return Failed(status);
  // By name already; those on the given events come first.
  if (filter->on_events) {
    std::stable_partition(rows.begin(), rows.end(), [&](const PropertyDefinition& row) {
      return filter->on_events->contains(row.name);
    });
  }
  return Paged(request, parameters, rows, [&](const PropertyDefinition& row, JsonWriter* json) {
    WriteProperty(project_id, *filter, row, json);
  });
}

}  // namespace hoglet
