#include "src/api/definitions_api.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "include/hoglet/status.h"
#include "src/api/rest.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

// Of ids made from names.
constexpr Uuid kDefinitionNamespace = {{0x3b, 0x8e, 0x51, 0x07, 0x66, 0xd2, 0x4c, 0x19, 0x8f, 0x2a,
                                        0x90, 0x41, 0xcc, 0x5d, 0x7e, 0x13}};
// Of no use in a list to choose from.
constexpr std::string_view kNeverShown[] = {"$set", "$set_once", "$unset", "$initial_referrer",
                                            "$initial_referring_domain"};

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
  const auto name = [&](const EventDefinition& row) {
    return field == "name" ? std::string_view(row.name) : std::string_view();
  };
  std::stable_sort(rows->begin(), rows->end(), [&](const auto& a, const auto& b) {
    const auto x = std::make_pair(key(a), name(a));
    const auto y = std::make_pair(key(b), name(b));
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
    if (!MatchesSearch(row.name, search) || (!names.empty() && !names.contains(row.name)))
      return false;
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

absl::StatusOr<PropertyFilter> ReadFilter(const QueryParameters& parameters) {
  PropertyFilter filter;
  HOGLET_ASSIGN_OR_RETURN(filter.kind, KindOf(GetParameter(parameters, "type")));
  const std::string index = GetParameter(parameters, "group_type_index");
  const bool is_group = filter.kind == DefinitionKind::kGroupProperty;
  if (is_group != !index.empty()) {
    return absl::InvalidArgumentError(is_group
                                          ? "`group_type_index` must be set for `group` type"
                                          : "`group_type_index` can be set only for `group` type");
  }
  if (is_group && !absl::SimpleAtoi(index, &filter.group_type_index)) {
    return absl::InvalidArgumentError("A valid integer is required.");
  }
  filter.search = GetParameter(parameters, "search");
  const std::string names = GetParameter(parameters, "properties");
  for (absl::string_view name : absl::StrSplit(names, ',', absl::SkipEmpty())) {
    filter.names.emplace(name);
  }
  filter.excluded = GetJsonListParameter(parameters, "excluded_properties");
  filter.is_numerical = GetBoolParameter(parameters, "is_numerical");
  filter.is_feature_flag = GetBoolParameter(parameters, "is_feature_flag");
  filter.excludes_core = GetBoolParameter(parameters, "exclude_core_properties").value_or(false);
  filter.only_on_events = GetBoolParameter(parameters, "filter_by_event_names").value_or(false);
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

}  // namespace

void DefinitionsApi::AddRoutes(HttpRouter* router) {
  AddProjectRoute(
      router, projects_, "GET", "/event_definitions", "event_definition:read",
      [this](const RestCall& call) { return Events(call.request, call.project.team_id); });
  AddProjectRoute(
      router, projects_, "GET", "/property_definitions", "property_definition:read",
      [this](const RestCall& call) { return Properties(call.request, call.project.team_id); });
}

HttpResponse DefinitionsApi::Events(const HttpRequest& request, TeamId project_id) const {
  const QueryParameters parameters = ReadQueryParameters(request.query);
  const std::string search = GetParameter(parameters, "search");
  const std::string type = GetParameter(parameters, "event_type");
  std::vector<EventDefinition> rows;
  const absl::Status status =
      rows_->VisitEventDefinitions(project_id, [&](const EventDefinition& definition) {
        if (MatchesSearch(definition.name, search) && HasEventType(definition.name, type)) {
          rows.push_back(definition);
        }
        return true;
      });
  if (!status.ok()) return StatusResponse(status);
  if (const std::string ordering = GetParameter(parameters, "ordering"); !ordering.empty()) {
    Order(ordering, &rows);
  }
  return PagedResponse(request, parameters, rows.size(), [&](uint64_t row, JsonWriter* json) {
    WriteEvent(project_id, rows[row], json);
  });
}

HttpResponse DefinitionsApi::Properties(const HttpRequest& request, TeamId project_id) const {
  const QueryParameters parameters = ReadQueryParameters(request.query);
  if (GetParameter(parameters, "type") == "session") {
    return PagedResponse(request, parameters, 0, [](uint64_t, JsonWriter*) {});
  }
  auto filter = ReadFilter(parameters);
  if (!filter.ok()) return StatusResponse(filter.status());
  const std::set<std::string> events = GetJsonListParameter(parameters, "event_names");
  if (!events.empty()) filter->on_events.emplace();
  absl::Status status;
  for (const std::string& event : events) {
    status = rows_->VisitEventProperties(project_id, event, [&](std::string_view property) {
      filter->on_events->emplace(property);
      return true;
    });
    if (!status.ok()) return StatusResponse(status);
  }
  std::vector<PropertyDefinition> rows;
  status = rows_->VisitPropertyDefinitions(project_id, [&](const PropertyDefinition& row) {
    if (filter->Takes(row)) rows.push_back(row);
    return true;
  });
  if (!status.ok()) return StatusResponse(status);
  // By name already; those on the given events come first.
  if (filter->on_events) {
    std::stable_partition(rows.begin(), rows.end(), [&](const PropertyDefinition& row) {
      return filter->on_events->contains(row.name);
    });
  }
  return PagedResponse(request, parameters, rows.size(), [&](uint64_t row, JsonWriter* json) {
    WriteProperty(project_id, *filter, rows[row], json);
  });
}

}  // namespace hoglet
