#include "src/api/project_settings_api.h"

#include <string>

#include "include/hoglet/status.h"
#include "query/analyze/channel_rules.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

std::string ProjectJson(const Project& project) {
  JsonWriter json;
  json.BeginObject()
      .Field("id", project.id)
      .Field("uuid", FormatUuid(project.uuid))
      .Field("name", project.name)
      .Field("api_token", project.api_token)
      .Field("secret_api_token", project.secret_api_token);
  json.Key("secret_api_token_backup");
  project.secret_api_token_backup.empty() ? json.Null()
                                          : json.String(project.secret_api_token_backup);
  json.Field("created_at", FormatRfc3339(project.created_at_us, 6))
      .Field("timezone", project.timezone)
      .Field("week_start_day", project.week_start_day)
      .Field("anonymize_ips", project.anonymize_ips)
      .Field("person_processing_opt_out", project.is_person_processing_opted_out)
      .Field("drop_events_older_than_seconds", project.drop_events_older_than_s);
  json.Key("heatmaps_opt_in");
  project.heatmaps_opt_in.has_value() ? json.Bool(*project.heatmaps_opt_in) : json.Null();
  for (const std::string_view name : kSdkSwitches) {
    const auto found = project.sdk_switches.find(name);
    json.Key(name);
    found == project.sdk_switches.end() ? json.Null() : json.Bool(found->second);
  }
  json.Field("cookieless_server_hash_mode", project.cookieless_server_hash_mode)
      .Key("modifiers")
      .Raw(project.modifiers_json)
      .EndObject();
  return json.Take();
}

absl::Status Wrong(std::string_view key, std::string_view what) {
  return absl::InvalidArgumentError(StrCat("\"", key, "\" must be ", what, "."));
}

// Readers of one member each; an absent one changes nothing.
absl::Status TakeText(const JsonObjectView& members, std::string_view key, std::string* out) {
  const JsonMember* member = FindJsonMember(members, key);
  if (member == nullptr) return absl::OkStatus();
  if (member->kind != JsonKind::kString) return Wrong(key, "a string");
  *out = std::string(member->text);
  return absl::OkStatus();
}

absl::Status TakeBool(const JsonObjectView& members, std::string_view key, bool* out) {
  const JsonMember* member = FindJsonMember(members, key);
  if (member == nullptr) return absl::OkStatus();
  if (member->kind != JsonKind::kBool) return Wrong(key, "a boolean");
  *out = member->boolean;
  return absl::OkStatus();
}

// null is not set.
absl::Status TakeSwitch(const JsonObjectView& members, std::string_view key,
                        std::optional<bool>* out) {
  const JsonMember* member = FindJsonMember(members, key);
  if (member == nullptr) return absl::OkStatus();
  if (member->kind == JsonKind::kNull) {
    out->reset();
    return absl::OkStatus();
  }
  bool is_on = false;
  HOGLET_RETURN_IF_ERROR(TakeBool(members, key, &is_on));
  *out = is_on;
  return absl::OkStatus();
}

// null is 0.
template <typename Int>
absl::Status TakeInt(const JsonObjectView& members, std::string_view key, Int* out) {
  const JsonMember* member = FindJsonMember(members, key);
  if (member == nullptr) return absl::OkStatus();
  const bool is_null = member->kind == JsonKind::kNull;
  const int64_t value = is_null ? 0 : member->integer;
  if ((!is_null && member->kind != JsonKind::kInt64) || static_cast<Int>(value) != value) {
    return Wrong(key, "a whole number");
  }
  *out = static_cast<Int>(value);
  return absl::OkStatus();
}

absl::Status TakeModifiers(const JsonObjectView& members, Project* project) {
  const JsonMember* member = FindJsonMember(members, "modifiers");
  if (member == nullptr) return absl::OkStatus();
  Arena arena;
  JsonObjectView modifiers;
  if (member->kind == JsonKind::kNull) {
    project->modifiers_json = "{}";
    return absl::OkStatus();
  }
  if (member->kind != JsonKind::kRaw || !ParseJsonObject(member->text, &arena, &modifiers).ok()) {
    return Wrong("modifiers", "an object");
  }
  const JsonMember* rules = FindJsonMember(modifiers, "customChannelTypeRules");
  if (rules != nullptr) {
    std::string text;
    AppendJsonValue(*rules, &text);
    HOGLET_RETURN_IF_ERROR(ParseChannelRules(text).status());
  }
  project->modifiers_json = std::string(member->text);
  return absl::OkStatus();
}

absl::Status TakeSettings(const JsonObjectView& members, Project* project) {
  HOGLET_RETURN_IF_ERROR(TakeText(members, "name", &project->name));
  HOGLET_RETURN_IF_ERROR(TakeText(members, "timezone", &project->timezone));
  HOGLET_RETURN_IF_ERROR(TakeInt(members, "week_start_day", &project->week_start_day));
  HOGLET_RETURN_IF_ERROR(TakeBool(members, "anonymize_ips", &project->anonymize_ips));
  HOGLET_RETURN_IF_ERROR(
      TakeBool(members, "person_processing_opt_out", &project->is_person_processing_opted_out));
  HOGLET_RETURN_IF_ERROR(
      TakeInt(members, "drop_events_older_than_seconds", &project->drop_events_older_than_s));
  HOGLET_RETURN_IF_ERROR(
      TakeInt(members, "cookieless_server_hash_mode", &project->cookieless_server_hash_mode));
  HOGLET_RETURN_IF_ERROR(TakeSwitch(members, "heatmaps_opt_in", &project->heatmaps_opt_in));
  for (const std::string_view name : kSdkSwitches) {
    const auto found = project->sdk_switches.find(name);
    std::optional<bool> is_on;
    if (found != project->sdk_switches.end()) is_on = found->second;
    HOGLET_RETURN_IF_ERROR(TakeSwitch(members, name, &is_on));
    if (is_on.has_value()) {
      project->sdk_switches.insert_or_assign(std::string(name), *is_on);
    } else {
      project->sdk_switches.erase(std::string(name));
    }
  }
  return TakeModifiers(members, project);
}

}  // namespace

void ProjectSettingsApi::AddRoutes(HttpRouter* router) {
  AddProjectRoute(router, projects_, "GET", "", "project:read",
                  [this](const RestCall& call) { return Get(call.request, call.project.team_id); });
  AddProjectRoute(router, projects_, "PATCH", "", "project:write", [this](const RestCall& call) {
    return Patch(call.request, call.project.team_id);
  });
  AddProjectRoute(router, projects_, "PATCH", "/rotate_secret_token", "project:write",
                  [this](const RestCall& call) { return RotateSecretToken(call); });
  AddProjectRoute(router, projects_, "PATCH", "/delete_secret_token_backup", "project:write",
                  [this](const RestCall& call) { return DeleteSecretTokenBackup(call); });
}

HttpResponse ProjectSettingsApi::RotateSecretToken(const RestCall& call) const {
  const auto secret = metadata_->RotateSecretToken(call.project.team_id);
  return secret.ok() ? Get(call.request, call.project.team_id) : StatusResponse(secret.status());
}

HttpResponse ProjectSettingsApi::DeleteSecretTokenBackup(const RestCall& call) const {
  const absl::Status status = metadata_->ChangeProject(call.project.team_id, [](Project* project) {
    project->secret_api_token_backup.clear();
    return absl::OkStatus();
  });
  return status.ok() ? Get(call.request, call.project.team_id) : StatusResponse(status);
}

HttpResponse ProjectSettingsApi::Get(const HttpRequest&, TeamId project_id) const {
  const auto project = metadata_->FindProject(project_id);
  if (!project.has_value()) return HttpApiError(404, "Project not found.");
  return HttpJson(200, ProjectJson(*project));
}

HttpResponse ProjectSettingsApi::Patch(const HttpRequest& request, TeamId project_id) const {
  Arena arena;
  JsonObjectView members;
  if (auto refusal = ReadJsonBody(request, &arena, &members)) return *std::move(refusal);
  const absl::Status status = metadata_->ChangeProject(
      project_id, [&](Project* project) { return TakeSettings(members, project); });
  if (status.ok()) return Get(request, project_id);
  if (absl::IsNotFound(status)) return HttpApiError(404, "Project not found.");
  return StatusResponse(status);
}

}  // namespace hoglet
