#include "src/api/personal_api_keys_api.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

constexpr size_t kKeysMax = 10;
constexpr size_t kLabelCharactersMax = 40;

// Everything that keys of PostHog may be for, so that the presets of its tools are accepted.
constexpr std::string_view kScopeObjects[] = {"access_control",
                                              "account",
                                              "action",
                                              "activity_log",
                                              "ai_observability_clusters",
                                              "alert",
                                              "annotation",
                                              "approvals",
                                              "batch_export",
                                              "batch_import",
                                              "batch_import_support",
                                              "billing",
                                              "business_knowledge",
                                              "canvas",
                                              "cohort",
                                              "comment",
                                              "conversation",
                                              "customer_analytics",
                                              "customer_journey",
                                              "customer_profile_config",
                                              "customer_task",
                                              "dashboard",
                                              "dashboard_template",
                                              "data_catalog",
                                              "data_catalog_approval",
                                              "dataset",
                                              "desktop_recording",
                                              "early_access_feature",
                                              "element",
                                              "endpoint",
                                              "engineering_analytics",
                                              "error_tracking",
                                              "evaluation",
                                              "event_definition",
                                              "event_filter",
                                              "experiment",
                                              "experiment_holdout",
                                              "experiment_saved_metric",
                                              "export",
                                              "external_data_schema",
                                              "external_data_source",
                                              "feature_flag",
                                              "field_note",
                                              "file_system",
                                              "file_system_shortcut",
                                              "group",
                                              "health_issue",
                                              "heatmap",
                                              "hog_flow",
                                              "hog_function",
                                              "ingestion_warning",
                                              "insight",
                                              "insight_variable",
                                              "integration",
                                              "legal_document",
                                              "link",
                                              "live_debugger",
                                              "llm_analytics",
                                              "llm_gateway",
                                              "llm_playground",
                                              "llm_prompt",
                                              "llm_provider_key",
                                              "llm_skill",
                                              "logs",
                                              "loop",
                                              "marketing_analytics",
                                              "mcp_analytics",
                                              "metrics",
                                              "notebook",
                                              "organization",
                                              "organization_integration",
                                              "organization_member",
                                              "person",
                                              "plugin",
                                              "product_enablement",
                                              "product_tour",
                                              "project",
                                              "property_definition",
                                              "query",
                                              "query_performance",
                                              "replay_scanner",
                                              "revenue_analytics",
                                              "review_hog",
                                              "session_recording",
                                              "session_recording_playlist",
                                              "sharing_configuration",
                                              "signal_scout",
                                              "stamphog",
                                              "streamlit_app",
                                              "subscription",
                                              "survey",
                                              "tagger",
                                              "task",
                                              "ticket",
                                              "toolbar",
                                              "tracing",
                                              "uploaded_media",
                                              "usage_metric",
                                              "user",
                                              "user_interview",
                                              "vision_action",
                                              "vision_alert",
                                              "visual_review",
                                              "warehouse_objects",
                                              "warehouse_table",
                                              "warehouse_view",
                                              "web_analytics",
                                              "webhook",
                                              "wizard_session"};

using Refusal = std::optional<HttpResponse>;

HttpResponse Refused(std::string_view attr, std::string_view detail, std::string_view code = "") {
  return HttpApiError(400, detail, code, "", attr);
}
HttpResponse NoLabel() { return Refused("label", "This field is required.", "required"); }
HttpResponse NotFound() { return HttpApiError(404, "Not found."); }

bool IsKnownScope(std::string_view scope) {
  if (scope == "*") return true;
  const size_t colon = scope.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view action = scope.substr(colon + 1);
  return (action == "read" || action == "write") &&
         std::find(std::begin(kScopeObjects), std::end(kScopeObjects), scope.substr(0, colon)) !=
             std::end(kScopeObjects);
}

// Whether the key may do what a person who signed in might.
bool IsUnlimited(const Caller& caller) {
  return (caller.scopes.empty() ||
          std::find(caller.scopes.begin(), caller.scopes.end(), "*") != caller.scopes.end()) &&
         caller.scoped_projects.empty() && caller.scoped_organizations.empty();
}

std::optional<int64_t> KeyIdOf(const HttpRequest& request) {
  int64_t id = 0;
  if (!absl::SimpleAtoi(ToAbsl(request.PathParameter("id")), &id)) return std::nullopt;
  return id;
}

void WriteMoment(const char* name, int64_t time_us, JsonWriter* json) {
  json->Key(name);
  time_us == 0 ? json->Null() : json->String(FormatRfc3339(time_us));
}

// `text` is empty unless the key was just made.
void WriteKey(const PersonalApiKey& key, const std::string& text, JsonWriter* json) {
  json->BeginObject().Field("id", StrCat(key.id)).Field("label", key.label).Key("value");
  text.empty() ? json->Null() : json->String(text);
  const size_t shown = std::min<size_t>(4, key.mask.size());
  json->Field("mask_value", StrCat("phx_...", key.mask.substr(key.mask.size() - shown)));
  WriteMoment("created_at", key.created_at_us, json);
  WriteMoment("last_used_at", key.last_used_at_us, json);
  WriteMoment("last_rolled_at", key.last_rolled_at_us, json);
  json->Field("user_id", key.user_id).Key("scopes").BeginArray();
  for (const std::string& scope : key.scopes) json->String(scope);
  if (key.scopes.empty()) json->String("*");
  json->EndArray().Key("scoped_teams").BeginArray();
  for (const TeamId team : key.scoped_teams) json->Int(team);
  json->EndArray().Key("scoped_organizations").BeginArray();
  for (const std::string& organization : key.scoped_organizations) json->String(organization);
  json->EndArray().EndObject();
}

HttpResponse CreatedResponse(int status, const MetadataStore::CreatedKey& key) {
  JsonWriter json;
  WriteKey(key.record, key.text, &json);
  return HttpJson(status, json.Take());
}

// The elements of a list; null counts as an empty one, an absent one changes nothing.
Refusal ReadList(const JsonObjectView& body, std::string_view name, Arena* arena,
                 std::optional<std::vector<JsonMember>>* out) {
  const JsonMember* member = FindJsonMember(body, name);
  if (member == nullptr) return std::nullopt;
  out->emplace();
  if (member->kind == JsonKind::kNull) return std::nullopt;
  if (member->kind == JsonKind::kRaw && ParseJsonArray(member->text, arena, &**out).ok()) {
    return std::nullopt;
  }
  return Refused(name, "Expected a list of items.", "not_a_list");
}

Refusal ReadScopes(const JsonObjectView& body, PersonalApiKey* key) {
  Arena arena;
  std::optional<std::vector<JsonMember>> items;
  if (auto refusal = ReadList(body, "scopes", &arena, &items)) return refusal;
  if (!items.has_value()) return std::nullopt;
  key->scopes.clear();
  for (const JsonMember& item : *items) {
    if (item.kind != JsonKind::kString) return Refused("scopes", "Not a valid string.");
    if (!IsKnownScope(item.text)) {
      return Refused("scopes", StrCat("Invalid scope: ", item.text.substr(0, 200)));
    }
    key->scopes.emplace_back(item.text);
  }
  return std::nullopt;
}

Refusal ReadScopedProjects(const JsonObjectView& body, const MetadataStore& metadata,
                           PersonalApiKey* key) {
  Arena arena;
  std::optional<std::vector<JsonMember>> items;
  if (auto refusal = ReadList(body, "scoped_teams", &arena, &items)) return refusal;
  if (!items.has_value()) return std::nullopt;
  key->scoped_teams.clear();
  for (const JsonMember& item : *items) {
    if (item.kind != JsonKind::kInt64) {
      return Refused("scoped_teams", "A valid integer is required.");
    }
    if (!metadata.FindProject(item.integer).has_value()) {
      return Refused("scoped_teams", StrCat("There is no project with the ID ", item.integer, "."));
    }
    key->scoped_teams.push_back(item.integer);
  }
  return std::nullopt;
}

Refusal ReadScopedOrganizations(const JsonObjectView& body, const MetadataStore& metadata,
                                PersonalApiKey* key) {
  Arena arena;
  std::optional<std::vector<JsonMember>> items;
  if (auto refusal = ReadList(body, "scoped_organizations", &arena, &items)) return refusal;
  if (!items.has_value()) return std::nullopt;
  key->scoped_organizations.clear();
  for (const JsonMember& item : *items) {
    const auto uuid = item.kind == JsonKind::kString ? ParseUuid(item.text) : std::nullopt;
    if (!uuid.has_value() || *uuid != metadata.organization().uuid) {
      return Refused("scoped_organizations", "There is no organization with that ID.");
    }
    key->scoped_organizations.push_back(FormatUuid(*uuid));
  }
  return std::nullopt;
}

Refusal ReadKeyFields(const JsonObjectView& body, const MetadataStore& metadata,
                      PersonalApiKey* key) {
  if (const JsonMember* label = FindJsonMember(body, "label"); label != nullptr) {
    if (label->kind != JsonKind::kString) return Refused("label", "Not a valid string.");
    if (label->text.empty()) return Refused("label", "This field may not be blank.", "blank");
    if (label->text.size() > kLabelCharactersMax) {
      return Refused(
          "label",
          StrCat("Ensure this field has no more than ", kLabelCharactersMax, " characters."),
          "max_length");
    }
    key->label = std::string(label->text);
  }
  if (auto refusal = ReadScopes(body, key)) return refusal;
  if (auto refusal = ReadScopedProjects(body, metadata, key)) return refusal;
  return ReadScopedOrganizations(body, metadata, key);
}

void WriteProjectBasic(const Project& project, const std::string& organization_id,
                       JsonWriter* json) {
  json->BeginObject()
      .Field("id", project.id)
      .Field("uuid", FormatUuid(project.uuid))
      .Field("organization", organization_id)
      .Field("organization_id", organization_id)
      .Field("project_id", project.id)
      .Field("api_token", project.api_token)
      .Field("name", project.name)
      .Field("completed_snippet_onboarding", true)
      .Key("has_completed_onboarding_for")
      .BeginObject()
      .EndObject()
      .Field("ingested_event", true)
      .Field("is_demo", false)
      .Field("timezone", project.timezone)
      .Field("access_control", false)
      .EndObject();
}

constexpr int kOwnerLevel = 15;
constexpr int kPluginsAccessLevel = 9;

void WriteOrganization(const Organization& organization, const std::vector<Project>& projects,
                       JsonWriter* json) {
  const std::string id = FormatUuid(organization.uuid);
  json->BeginObject()
      .Field("id", id)
      .Field("name", organization.name)
      .Field("slug", "default")
      .Field("created_at", FormatRfc3339(organization.created_at_us))
      .Field("updated_at", FormatRfc3339(organization.created_at_us))
      .Field("membership_level", kOwnerLevel)
      .Field("plugins_access_level", kPluginsAccessLevel);
  for (const char* name : {"teams", "projects"}) {
    json->Key(name).BeginArray();
    for (const Project& project : projects) WriteProjectBasic(project, id, json);
    json->EndArray();
  }
  json->Key("available_product_features").BeginArray().EndArray();
  for (const char* name :
       {"is_member_join_email_enabled", "members_can_invite", "members_can_use_personal_api_keys",
        "allow_publicly_shared_resources"}) {
    json->Field(name, true);
  }
  json->Key("metadata").BeginObject().EndObject();
  for (const char* name : {"logo_media_id", "customer_id", "enforce_2fa",
                           "is_ai_data_processing_approved", "default_role_id"}) {
    json->Key(name).Null();
  }
  json->Field("member_count", 1).Field("default_experiment_stats_method", "bayesian").EndObject();
}

void WriteOrganizationBasic(const Organization& organization, JsonWriter* json) {
  json->BeginObject()
      .Field("id", FormatUuid(organization.uuid))
      .Field("name", organization.name)
      .Field("slug", "default")
      .Key("logo_media_id")
      .Null()
      .Field("membership_level", kOwnerLevel)
      .Field("members_can_use_personal_api_keys", true)
      .EndObject();
}

}  // namespace

void PersonalApiKeysApi::AddRoutes(HttpRouter* router) {
  HttpRouteOptions options;
  options.on_worker = true;
  using Action = std::function<HttpResponse(const HttpRequest&, const Caller&)>;
  const auto add = [&](const char* method, const char* path, bool is_for_managers,
                       const Action& action) {
    router->Add(method, path, options,
                [this, is_for_managers, action](const HttpRequest& request,
                                                const HttpResponder& responder) {
                  Caller caller;
                  auto refusal = Authenticate(request, *projects_, &caller);
                  if (!refusal.has_value() && is_for_managers && !IsUnlimited(caller)) {
                    refusal =
                        HttpApiError(403, "This action does not support Personal API Key access");
                  }
                  responder(refusal.has_value() ? *std::move(refusal) : action(request, caller));
                });
  };
  constexpr char kKeys[] = "/api/personal_api_keys";
  constexpr char kKey[] = "/api/personal_api_keys/:id";
  add("GET", kKeys, true, [this](const auto&, const auto&) { return List(); });
  add("POST", kKeys, true,
      [this](const auto& request, const auto& caller) { return Create(request, caller); });
  add("GET", kKey, false,
      [this](const auto& request, const auto& caller) { return Get(request, caller); });
  add("PATCH PUT", kKey, true,
      [this](const auto& request, const auto& caller) { return Update(request, caller); });
  add("DELETE", kKey, true, [this](const auto& request, const auto&) { return Delete(request); });
  add("POST", "/api/personal_api_keys/:id/roll", true,
      [this](const auto& request, const auto&) { return Roll(request); });
  add("GET", "/api/users/:id", false,
      [this](const auto& request, const auto& caller) { return Me(request, caller); });
}

HttpResponse PersonalApiKeysApi::List() const {
  std::vector<PersonalApiKey> keys = metadata_->ApiKeys();
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
  JsonWriter json;
  json.BeginArray();
  for (const PersonalApiKey& key : keys) WriteKey(key, "", &json);
  return HttpJson(200, json.EndArray().Take());
}

HttpResponse PersonalApiKeysApi::Create(const HttpRequest& request, const Caller& caller) const {
  Arena arena;
  JsonObjectView body;
  if (auto refusal = ReadJsonBody(request, &arena, &body)) return *std::move(refusal);
  if (FindJsonMember(body, "label") == nullptr) return NoLabel();
  PersonalApiKey wanted{.user_id = caller.user_id};
  if (auto refusal = ReadKeyFields(body, *metadata_, &wanted)) return *std::move(refusal);
  const std::vector<PersonalApiKey> keys = metadata_->ApiKeys();
  const auto owned = std::count_if(keys.begin(), keys.end(), [&](const PersonalApiKey& key) {
    return key.user_id == caller.user_id;
  });
  if (static_cast<size_t>(owned) >= kKeysMax) {
    return HttpApiError(400, StrCat("You can only have ", kKeysMax,
                                    " personal API keys. Remove an existing key before creating "
                                    "a new one."));
  }
  const auto created = metadata_->CreateApiKey(wanted);
  return created.ok() ? CreatedResponse(201, *created) : StatusResponse(created.status());
}

HttpResponse PersonalApiKeysApi::KeyResponse(int64_t id) const {
  for (const PersonalApiKey& key : metadata_->ApiKeys()) {
    if (key.id != id) continue;
    JsonWriter json;
    WriteKey(key, "", &json);
    return HttpJson(200, json.Take());
  }
  return NotFound();
}

HttpResponse PersonalApiKeysApi::Get(const HttpRequest& request, const Caller& caller) const {
  if (request.PathParameter("id") == "@current") return KeyResponse(caller.key_id);
  const auto id = KeyIdOf(request);
  if (id != caller.key_id && !IsUnlimited(caller)) {
    return HttpApiError(403, "This action does not support Personal API Key access");
  }
  return id.has_value() ? KeyResponse(*id) : NotFound();
}

HttpResponse PersonalApiKeysApi::Update(const HttpRequest& request, const Caller& caller) const {
  Arena arena;
  JsonObjectView body;
  if (auto refusal = ReadJsonBody(request, &arena, &body)) return *std::move(refusal);
  const auto id =
      request.PathParameter("id") == "@current" ? caller.key_id : KeyIdOf(request).value_or(0);
  if (request.method == "PUT" && FindJsonMember(body, "label") == nullptr) return NoLabel();
  PersonalApiKey wanted;
  if (auto refusal = ReadKeyFields(body, *metadata_, &wanted)) return *std::move(refusal);
  const absl::Status status = metadata_->ChangeApiKey(id, [&](PersonalApiKey* key) {
    const auto has = [&](const char* name) { return FindJsonMember(body, name) != nullptr; };
    if (has("label")) key->label = wanted.label;
    if (has("scopes")) key->scopes = wanted.scopes;
    if (has("scoped_teams")) key->scoped_teams = wanted.scoped_teams;
    if (has("scoped_organizations")) key->scoped_organizations = wanted.scoped_organizations;
    return absl::OkStatus();
  });
  if (absl::IsNotFound(status)) return NotFound();
  return status.ok() ? KeyResponse(id) : StatusResponse(status);
}

HttpResponse PersonalApiKeysApi::Delete(const HttpRequest& request) const {
  const absl::Status status = metadata_->DeleteApiKey(KeyIdOf(request).value_or(0));
  if (absl::IsNotFound(status)) return NotFound();
  if (!status.ok()) return StatusResponse(status);
  HttpResponse response;
  response.status = 204;
  return response;
}

HttpResponse PersonalApiKeysApi::Roll(const HttpRequest& request) const {
  const auto rolled = metadata_->RollApiKey(KeyIdOf(request).value_or(0));
  if (absl::IsNotFound(rolled.status())) return NotFound();
  return rolled.ok() ? CreatedResponse(200, *rolled) : StatusResponse(rolled.status());
}

HttpResponse PersonalApiKeysApi::Me(const HttpRequest& request, const Caller& caller) const {
  const auto user = metadata_->FindUser(caller.user_id);
  const std::string_view id = request.PathParameter("id");
  if (!user.has_value() || (id != "@me" && id != FormatUuid(user->uuid))) return NotFound();
  if (!HasScope(caller, "user:read")) {
    return HttpApiError(403, "API key missing required scope 'user:read'");
  }
  const Organization organization = metadata_->organization();
  const std::vector<Project> projects = metadata_->Projects();
  const std::string uuid = FormatUuid(user->uuid);
  JsonWriter json;
  json.BeginObject()
      .Field("id", user->id)
      .Field("uuid", uuid)
      .Field("distinct_id", uuid)
      .Field("first_name", user->first_name)
      .Field("last_name", "")
      .Field("email", user->email)
      .Field("is_email_verified", true)
      .Field("date_joined", FormatRfc3339(user->created_at_us))
      .Field("toolbar_mode", "toolbar")
      .Field("is_staff", true);
  for (const char* name : {"anonymize_data", "has_password", "is_impersonated", "is_2fa_enabled",
                           "has_social_auth", "has_sso_enforcement"}) {
    json.Field(name, false);
  }
  for (const char* name : {"pending_email", "is_impersonated_until", "sensitive_session_expires_at",
                           "theme_mode", "hedgehog_config", "role_at_organization"}) {
    json.Key(name).Null();
  }
  for (const char* name : {"notification_settings", "has_seen_product_intro_for"}) {
    json.Key(name).BeginObject().EndObject();
  }
  json.Key("scene_personalisation").BeginArray().EndArray();
  json.Key("events_column_config").BeginObject().Field("active", "DEFAULT").EndObject();
  json.Key("team");
  WriteProjectBasic(projects.front(), FormatUuid(organization.uuid), &json);
  json.Key("organization");
  WriteOrganization(organization, projects, &json);
  json.Key("organizations").BeginArray();
  WriteOrganizationBasic(organization, &json);
  json.EndArray().EndObject();
  return HttpJson(200, json.Take());
}

}  // namespace hoglet
