#include "src/api/groups_api.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "include/hoglet/status.h"
#include "src/base/arena.h"
#include "src/base/captured_event.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/capture/capture_service.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

constexpr size_t kPageRows = 100;
constexpr size_t kValuesShown = 20;
constexpr size_t kDistinctValuesMax = 100'000;
constexpr size_t kNameBytesMax = 1600;
constexpr size_t kColumnsMax = 100;
constexpr size_t kGroupKeyBytesMax = 1600;

HttpResponse Refuse(std::string_view attr, std::string_view detail, std::string_view code = "") {
  return HttpApiError(400, detail, code, "", attr);
}

// What people said about a type.
struct TypeInfo {
  std::string singular;  // JSON: a text or null
  std::string plural;
  std::string columns;  // JSON: a list or null
};

TypeInfo ReadInfo(const ObjectJson& json) {
  TypeInfo info{"null", "null", "null"};
  Arena arena;
  JsonObjectView members;
  if (json == nullptr || !ParseJsonObject(*json, &arena, &members).ok()) return info;
  const auto take = [&](std::string_view key, std::string* out) {
    const JsonMember* member = FindJsonMember(members, key);
    if (member == nullptr) return;
    out->clear();
    AppendJsonValue(*member, out);
  };
  take("name_singular", &info.singular);
  take("name_plural", &info.plural);
  take("default_columns", &info.columns);
  return info;
}

std::string WriteInfo(const TypeInfo& info) {
  JsonWriter json;
  json.BeginObject().Key("name_singular").Raw(info.singular);
  json.Key("name_plural").Raw(info.plural).Key("default_columns").Raw(info.columns).EndObject();
  return json.Take();
}

// A text or null of a body as JSON; false if it is something else.
bool TakeName(const JsonObjectView& members, std::string_view key, std::string* out) {
  const JsonMember* member = FindJsonMember(members, key);
  if (member == nullptr) return true;
  if (member->kind != JsonKind::kNull &&
      (member->kind != JsonKind::kString || member->text.size() > kNameBytesMax))
    return false;
  out->clear();
  AppendJsonValue(*member, out);
  return true;
}

bool IsTypeIndex(const JsonMember* member, size_t types) {
  return member != nullptr && member->kind == JsonKind::kInt64 && member->integer >= 0 &&
         member->integer < static_cast<int64_t>(types);
}

std::optional<HttpResponse> ReadTypeIndex(const QueryParameters& parameters, int* index) {
  const std::string text = GetParameter(parameters, "group_type_index");
  if (text.empty())
    return Refuse("group_type_index", "This query parameter is required.", "required");
  if (!absl::SimpleAtoi(text, index) || *index < 0 || *index >= kGroupTypesMax)
    return Refuse("group_type_index", "A valid integer is required.");
  return std::nullopt;
}

void WriteGroup(const Group& group, bool has_notebook, JsonWriter* json) {
  json->BeginObject()
      .Field("group_type_index", group.type_index)
      .Field("group_key", group.key)
      .Key("group_properties")
      .Raw(group.properties->ToJson());
  json->Field("created_at", FormatRfc3339(group.created_at_us, 6));
  if (has_notebook) json->Key("notebook").Null();
  json->EndObject();
}

// The newest first.
struct Position {
  int64_t created_at_us = 0;
  std::string key;

  bool operator<(const Position& other) const {
    if (created_at_us != other.created_at_us) return created_at_us > other.created_at_us;
    return key < other.key;
  }
};

std::string WriteCursor(const Position& position) {
  JsonWriter json;
  json.BeginObject().Field("c", position.created_at_us).Field("k", position.key).EndObject();
  return absl::WebSafeBase64Escape(json.Take());
}

// Nothing for what is no cursor: the list begins anew.
std::optional<Position> ReadCursor(const std::string& text) {
  std::string decoded;
  Arena arena;
  JsonObjectView members;
  if (text.empty() || !absl::WebSafeBase64Unescape(text, &decoded) ||
      !ParseJsonObject(decoded, &arena, &members).ok())
    return std::nullopt;
  const JsonMember* created = FindJsonMember(members, "c");
  const JsonMember* key = FindJsonMember(members, "k");
  if (created == nullptr || created->kind != JsonKind::kInt64 || key == nullptr ||
      key->kind != JsonKind::kString)
    return std::nullopt;
  return Position{created->integer, std::string(key->text)};
}

bool Contains(std::string_view text, const std::string& lower_part) {
  return absl::AsciiStrToLower(ToAbsl(text)).find(lower_part) != std::string::npos;
}

// {name, count}, the most frequent first.
void WriteCounts(const std::map<std::string, uint64_t>& counts, size_t shown, JsonWriter* json) {
  std::vector<std::pair<std::string, uint64_t>> rows(counts.begin(), counts.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (rows.size() > shown) rows.resize(shown);
  json->BeginArray();
  for (const auto& [name, count] : rows)
    json->BeginObject().Field("name", name).Field("count", count).EndObject();
  json->EndArray();
}

}  // namespace

void GroupsApi::AddRoutes(HttpRouter* router) {
  const auto add = [&](const char* methods, const char* path, const char* scope, auto method) {
    AddProjectRoute(router, parts_.projects, methods, path, scope,
                    [this, method](const RestCall& call) { return (this->*method)(call); });
  };
  add("GET", "/groups_types", "group:read", &GroupsApi::Types);
  add("PATCH", "/groups_types/update_metadata", "group:write", &GroupsApi::ChangeTypes);
  add("PUT", "/groups_types/set_default_columns", "group:write", &GroupsApi::SetColumns);
  add("GET", "/groups", "group:read", &GroupsApi::List);
  add("POST", "/groups", "group:write", &GroupsApi::Create);
  add("GET", "/groups/find", "group:read", &GroupsApi::Find);
  add("GET", "/groups/property_definitions", "group:read", &GroupsApi::Definitions);
  add("GET", "/groups/property_values", "group:read", &GroupsApi::Values);
  add("POST", "/groups/update_property", "group:write", &GroupsApi::UpdateProperty);
}

HttpResponse GroupsApi::Types(const RestCall& call) const {
  const auto types = parts_.persons->GroupTypes(call.project.team_id);
  if (!types.ok()) return StatusResponse(types.status());
  JsonWriter json;
  json.BeginArray();
  for (size_t i = 0; i < types->size(); ++i) {
    const TypeInfo info = ReadInfo(parts_.objects->Find(
        call.project.team_id, ObjectKind::kGroupType, static_cast<int64_t>(i)));
    json.BeginObject().Field("group_type", (*types)[i]).Field("group_type_index", i);
    json.Key("name_singular").Raw(info.singular).Key("name_plural").Raw(info.plural);
    json.Key("detail_dashboard").Null().Key("default_columns").Raw(info.columns);
    json.Key("created_at").Null().EndObject();
  }
  json.EndArray();
  return HttpJson(200, json.Take());
}

HttpResponse GroupsApi::ChangeTypes(const RestCall& call) {
  const TeamId project = call.project.team_id;
  const auto types = parts_.persons->GroupTypes(project);
  if (!types.ok()) return StatusResponse(types.status());
  Arena arena;
  std::vector<JsonMember> items;
  if (!ParseJsonArray(call.request.body, &arena, &items).ok() || items.size() > types->size())
    return HttpApiError(400, "Expected a list of group types.");
  std::map<int64_t, TypeInfo> changed;
  for (const JsonMember& item : items) {
    JsonObjectView members;
    if (item.kind != JsonKind::kRaw || !ParseJsonObject(item.text, &arena, &members).ok())
      return HttpApiError(400, "Expected a list of group types.");
    const JsonMember* index = FindJsonMember(members, "group_type_index");
    if (!IsTypeIndex(index, types->size()))
      return Refuse("group_type_index", "There is no such group type.", "does_not_exist");
    const auto at = changed.try_emplace(
        index->integer,
        ReadInfo(parts_.objects->Find(project, ObjectKind::kGroupType, index->integer)));
    for (const auto& [key, out] : {std::pair{"name_singular", &at.first->second.singular},
                                   std::pair{"name_plural", &at.first->second.plural}}) {
      if (!TakeName(members, key, out)) return Refuse(key, "Not a valid string.");
    }
  }
  const absl::Status status =
      parts_.objects->Change(project, [&](ObjectStore::Transaction* transaction) {
        for (const auto& [index, info] : changed)
          transaction->Put(ObjectKind::kGroupType, index, WriteInfo(info));
        return absl::OkStatus();
      });
  return status.ok() ? Types(call) : StatusResponse(status);
}

HttpResponse GroupsApi::SetColumns(const RestCall& call) {
  const TeamId project = call.project.team_id;
  const auto types = parts_.persons->GroupTypes(project);
  if (!types.ok()) return StatusResponse(types.status());
  Arena arena;
  JsonObjectView members;
  if (auto refusal = ReadJsonBody(call.request, &arena, &members)) return *std::move(refusal);
  const JsonMember* index = FindJsonMember(members, "group_type_index");
  if (!IsTypeIndex(index, types->size()))
    return Refuse("group_type_index", "There is no such group type.", "does_not_exist");
  const JsonMember* columns = FindJsonMember(members, "default_columns");
  std::vector<JsonMember> items;
  if (columns == nullptr || columns->kind != JsonKind::kRaw ||
      !ParseJsonArray(columns->text, &arena, &items).ok() || items.size() > kColumnsMax ||
      std::any_of(items.begin(), items.end(),
                  [](const JsonMember& item) { return item.kind != JsonKind::kString; })) {
    return Refuse("default_columns", "Expected a list of columns.");
  }
  const absl::Status status =
      parts_.objects->Change(project, [&](ObjectStore::Transaction* transaction) {
        TypeInfo info = ReadInfo(transaction->Find(ObjectKind::kGroupType, index->integer));
        info.columns = std::string(columns->text);
        transaction->Put(ObjectKind::kGroupType, index->integer, WriteInfo(info));
        return absl::OkStatus();
      });
  return status.ok() ? Types(call) : StatusResponse(status);
}

// Goes through all groups of the type and keeps those of the page, so that memory does not grow
// with them.
HttpResponse GroupsApi::List(const RestCall& call) const {
  QueryParameters parameters = ReadQueryParameters(call.request.query);
  int index = 0;
  if (auto refusal = ReadTypeIndex(parameters, &index)) return *std::move(refusal);
  const std::string search = absl::AsciiStrToLower(GetParameter(parameters, "search"));
  const auto after = ReadCursor(GetParameter(parameters, "cursor"));
  std::map<Position, Group> page;
  const absl::Status status =
      parts_.persons->VisitGroups(call.project.team_id, index, [&](const Group& group) {
        Position position{group.created_at_us, group.key};
        if (after.has_value() && !(*after < position)) return true;
        if (page.size() > kPageRows && !(position < page.rbegin()->first)) return true;
        if (!search.empty() && !Contains(group.key, search) &&
            !Contains(group.properties->ToJson(), search))
          return true;
        page.emplace(std::move(position), group);
        if (page.size() > kPageRows + 1) page.erase(std::prev(page.end()));
        return true;
      });
  if (!status.ok()) return StatusResponse(status);
  const bool has_more = page.size() > kPageRows;
  if (has_more) page.erase(std::prev(page.end()));
  JsonWriter json;
  json.BeginObject().Key("next");
  if (has_more) {
    parameters["cursor"] = WriteCursor(page.rbegin()->first);
    json.String(RequestUrl(call.request, parameters));
  } else {
    json.Null();
  }
  json.Key("previous").Null().Key("results").BeginArray();
  for (const auto& [position, group] : page) WriteGroup(group, /*has_notebook=*/false, &json);
  json.EndArray().EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse GroupsApi::Find(const RestCall& call) const {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  int index = 0;
  if (auto refusal = ReadTypeIndex(parameters, &index)) return *std::move(refusal);
  const auto group =
      parts_.persons->FindGroup(call.project.team_id, index, GetParameter(parameters, "group_key"));
  if (!group.ok()) return StatusResponse(group.status());
  if (*group == nullptr) return HttpApiError(404, "Not found.");
  JsonWriter json;
  WriteGroup(**group, /*has_notebook=*/true, &json);
  return HttpJson(200, json.Take());
}

// {"0": [{name, count}, ...]}: which properties the groups of each type have.
HttpResponse GroupsApi::Definitions(const RestCall& call) const {
  const auto types = parts_.persons->GroupTypes(call.project.team_id);
  if (!types.ok()) return StatusResponse(types.status());
  JsonWriter json;
  json.BeginObject();
  for (size_t i = 0; i < types->size(); ++i) {
    std::map<std::string, uint64_t> counts;
    const absl::Status status = parts_.persons->VisitGroups(
        call.project.team_id, static_cast<int>(i), [&](const Group& group) {
          for (const JsonMember& member : group.properties->members()) {
            const auto found = counts.find(std::string(member.key));
            if (found != counts.end()) {
              ++found->second;
            } else if (counts.size() < kDistinctValuesMax) {
              counts.emplace(member.key, 1);
            }
          }
          return true;
        });
    if (!status.ok()) return StatusResponse(status);
    json.Key(StrCat(i));
    WriteCounts(counts, counts.size(), &json);
  }
  json.EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse GroupsApi::Values(const RestCall& call) const {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  int index = 0;
  if (auto refusal = ReadTypeIndex(parameters, &index)) return *std::move(refusal);
  const std::string key = GetParameter(parameters, "key");
  if (key.empty()) return Refuse("key", "This query parameter is required.", "required");
  const std::string part = absl::AsciiStrToLower(GetParameter(parameters, "value"));
  std::map<std::string, uint64_t> counts;
  const absl::Status status =
      parts_.persons->VisitGroups(call.project.team_id, index, [&](const Group& group) {
        const JsonMember* member = group.properties->Find(key);
        if (member == nullptr || member->kind == JsonKind::kNull) return true;
        std::string text;
        if (member->kind == JsonKind::kString) {
          text = std::string(member->text);
        } else {
          AppendJsonValue(*member, &text);
        }
        if (!part.empty() && !Contains(text, part)) return true;
        if (counts.size() < kDistinctValuesMax || counts.contains(text)) ++counts[text];
        return true;
      });
  if (!status.ok()) return StatusResponse(status);
  JsonWriter json;
  WriteCounts(counts, kValuesShown, &json);
  return HttpJson(200, json.Take());
}

HttpResponse GroupsApi::Create(const RestCall& call) {
  Arena arena;
  JsonObjectView members;
  if (auto refusal = ReadJsonBody(call.request, &arena, &members)) return *std::move(refusal);
  const auto types = parts_.persons->GroupTypes(call.project.team_id);
  if (!types.ok()) return StatusResponse(types.status());
  const JsonMember* index = FindJsonMember(members, "group_type_index");
  if (index == nullptr) return Refuse("group_type_index", "This field is required.", "required");
  if (!IsTypeIndex(index, types->size()))
    return Refuse("group_type_index", "There is no such group type.", "does_not_exist");
  const JsonMember* key = FindJsonMember(members, "group_key");
  if (key == nullptr) return Refuse("group_key", "This field is required.", "required");
  if (key->kind != JsonKind::kString || key->text.empty() || key->text.size() > kGroupKeyBytesMax ||
      key->text.find('\0') != std::string_view::npos)
    return Refuse("group_key", "Not a valid string.");
  const JsonMember* properties = FindJsonMember(members, "group_properties");
  const bool is_given = properties != nullptr && properties->kind != JsonKind::kNull;
  if (is_given && (properties->kind != JsonKind::kRaw || !properties->text.starts_with('{')))
    return Refuse("group_properties", "Expected an object.");
  const int type_index = static_cast<int>(index->integer);
  const auto present = parts_.persons->FindGroup(call.project.team_id, type_index, key->text);
  if (!present.ok()) return StatusResponse(present.status());
  if (*present != nullptr)
    return Refuse("group_key", "A group with this key already exists", "unique");
  return Identify(call, type_index, std::string(key->text),
                  is_given ? std::string(properties->text) : "{}", 201);
}

HttpResponse GroupsApi::UpdateProperty(const RestCall& call) {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  int index = 0;
  if (auto refusal = ReadTypeIndex(parameters, &index)) return *std::move(refusal);
  const std::string group_key = GetParameter(parameters, "group_key");
  const auto present = parts_.persons->FindGroup(call.project.team_id, index, group_key);
  if (!present.ok()) return StatusResponse(present.status());
  if (*present == nullptr) return HttpApiError(404, "Not found.");
  Arena arena;
  JsonObjectView members;
  if (auto refusal = ReadJsonBody(call.request, &arena, &members)) return *std::move(refusal);
  const JsonMember* value = FindJsonMember(members, "value");
  if (value == nullptr) return Refuse("value", "This field is required.", "required");
  const JsonMember* key = FindJsonMember(members, "key");
  if (key == nullptr || key->kind != JsonKind::kString)
    return Refuse("key", "This field is required.", "required");
  JsonWriter set;
  set.BeginObject().Key(key->text).Value(*value).EndObject();
  return Identify(call, index, group_key, set.Take(), 200);
}

HttpResponse GroupsApi::Identify(const RestCall& call, int type_index, const std::string& key,
                                 const std::string& set_json, int status) {
  const auto types = parts_.persons->GroupTypes(call.project.team_id);
  if (!types.ok()) return StatusResponse(types.status());
  if (static_cast<size_t>(type_index) >= types->size()) return HttpApiError(404, "Not found.");
  CapturedEvent event;
  event.uuid = UuidV7(parts_.env);
  // Somebody must have sent it.
  event.distinct_id = call.project.organization_id;
  event.token = call.project.token;
  event.event = "$groupidentify";
  event.timestamp_us = event.now_us = parts_.env->NowMicros();
  JsonWriter json;
  json.BeginObject()
      .Field("event", event.event)
      .Field("distinct_id", event.distinct_id)
      .Key("properties")
      .BeginObject()
      .Field("$group_type", (*types)[static_cast<size_t>(type_index)])
      .Field("$group_key", key)
      .Key("$group_set")
      .Raw(set_json)
      .EndObject()
      .EndObject();
  event.json = json.Take();
  const std::string value = EncodeCapturedEvent(event);
  const std::vector<LogRecord> records = {{"", value}};
  const auto base = parts_.log->Append(kEventsTopic, records);
  if (!base.ok()) return StatusResponse(base.status());
  if (!parts_.wait_applied(*base + 1))
    return StatusResponse(absl::UnavailableError("The change is recorded, but not yet made."));
  const auto group = parts_.persons->FindGroup(call.project.team_id, type_index, key);
  if (!group.ok()) return StatusResponse(group.status());
  if (*group == nullptr) return HttpApiError(404, "Not found.");
  JsonWriter out;
  WriteGroup(**group, /*has_notebook=*/false, &out);
  return HttpJson(status, out.Take());
}

}  // namespace hoglet
