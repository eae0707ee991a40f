#include "src/api/product_api.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/numbers.h"
#include "src/base/arena.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/url.h"
#include "src/base/uuid.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

using Transaction = ObjectStore::Transaction;

// All of a project's are sent to every visitor.
constexpr size_t kObjectsMax = 1'000;
// An answer that depends on the clock is no older than this.
constexpr int64_t kPublicAnswerUs = 30 * kMicrosPerSecond;

HttpResponse Refused(const FieldError& error) {
  return HttpApiError(400, error.detail, error.code, "", error.attr);
}

// `id` is the first member of every stored object.
bool HasId(const std::string& json, const std::string& uuid) {
  return json.starts_with(StrCat("{\"id\":\"", uuid, "\""));
}

HttpResponse TokenRefused(std::string_view detail, std::string_view code) {
  return HttpApiError(401, detail, code, "authentication_error");
}

std::string TokenOf(const HttpRequest& request) {
  for (const char* name : {"token", "api_key"}) {
    const auto token = FindQueryValue(request.query, name);
    if (token.has_value() && !token->empty()) return *token;
  }
  return {};
}

}  // namespace

HttpResponse ProductApi::NotFound() { return HttpApiError(404, "Not found."); }

void ProductApi::AddRoutes(HttpRouter* router) {
  const auto add = [&](const char* method, const std::string& path, const std::string& scope,
                       const RestAction& action) {
    AddProjectRoute(router, parts_.projects, method, kind_.path + path, scope, action);
  };
  const std::string read = kind_.scope + ":read";
  const std::string write = kind_.scope + ":write";
  add("GET", "", read, [this](const RestCall& call) { return List(call); });
  add("POST", "", write, [this](const RestCall& call) { return Save(call, Saving::kCreate); });
  add("GET", "/activity", "activity_log:read", [this](const RestCall& call) {
    return ActivityResponse(call, *parts_.projects, *parts_.objects,
                            {.scopes = {kind_.activity_scope}});
  });
  add("GET", "/:id", read, [this](const RestCall& call) { return Get(call); });
  add("PATCH", "/:id", write, [this](const RestCall& call) { return Save(call, Saving::kChange); });
  add("PUT", "/:id", write, [this](const RestCall& call) { return Save(call, Saving::kReplace); });
  add("DELETE", "/:id", write, [this](const RestCall& call) { return Remove(call); });
  add("GET", "/:id/activity", "activity_log:read",
      [this](const RestCall& call) { return ActivityOfObject(call); });
  HttpRouteOptions options;
  options.cors = CorsPolicy::kCredentials;
  options.on_worker = true;
  router->Add("GET", kind_.public_path, options,
              [this](const HttpRequest& request, const HttpResponder& responder) {
                responder(Public(request));
              });
}

int64_t ProductApi::RowOf(const RestCall& call, const Objects& objects) const {
  const std::string_view text = call.request.PathParameter("id");
  if (!kind_.has_uuid) {
    int64_t id = 0;
    return absl::SimpleAtoi(ToAbsl(text), &id) && objects.contains(id) ? id : 0;
  }
  const auto uuid = ParseUuid(text);
  if (!uuid.has_value()) return 0;
  const std::string id = FormatUuid(*uuid);
  for (const auto& [row, json] : objects) {
    if (HasId(*json, id)) return row;
  }
  return 0;
}

std::optional<JsonFields> ProductApi::FindObject(const RestCall& call) const {
  const auto objects = parts_.objects->All(call.project.team_id, kind_.kind);
  const int64_t row = RowOf(call, *objects);
  auto fields = JsonFields::Parse(row == 0 ? "" : *objects->at(row));
  if (!fields.ok()) return std::nullopt;
  return *std::move(fields);
}

std::vector<JsonFields> ProductApi::AllObjects(TeamId team_id) const {
  std::vector<JsonFields> out;
  const auto objects = parts_.objects->All(team_id, kind_.kind);
  for (const auto& [row, json] : *objects) {
    auto fields = JsonFields::Parse(*json);
    if (fields.ok()) out.push_back(*std::move(fields));
  }
  return out;
}

bool ProductApi::IsTaken(const Edit& edit, std::string_view member, std::string_view json) const {
  const Objects objects = edit.transaction->All(kind_.kind);
  return std::any_of(objects.begin(), objects.end(), [&](const auto& object) {
    const auto fields = JsonFields::Parse(*object.second);
    return object.first != edit.row_id && fields.ok() && fields->Find(member) == json;
  });
}

void ProductApi::CopyFields(const JsonFields& fields, std::initializer_list<std::string_view> names,
                            JsonWriter* json) {
  for (const std::string_view name : names) {
    json->Key(name).Raw(fields.Has(name) ? fields.Find(name) : "null");
  }
}

HttpResponse ProductApi::Answer(int status, TeamId team_id, const JsonFields& fields) const {
  JsonWriter json;
  Show(fields, *parts_.objects->All(team_id, ObjectKind::kFeatureFlag), &json);
  return HttpJson(status, json.Take());
}

HttpResponse ProductApi::List(const RestCall& call) const {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  const std::string search = GetParameter(parameters, "search");
  const std::string archived = GetParameter(parameters, "archived");
  std::vector<JsonFields> found = AllObjects(call.project.team_id);
  std::erase_if(found, [&](const JsonFields& fields) {
    return (!archived.empty() && fields.Find("archived") != archived) ||
           (!MatchesSearch(fields.Text("name"), search) &&
            !MatchesSearch(fields.Text("description"), search));
  });
  std::reverse(found.begin(), found.end());
  const auto flags = parts_.objects->All(call.project.team_id, ObjectKind::kFeatureFlag);
  return PagedResponse(call.request, parameters, found.size(),
                       [&](uint64_t row, JsonWriter* json) { Show(found[row], *flags, json); });
}

HttpResponse ProductApi::Get(const RestCall& call) const {
  const auto fields = FindObject(call);
  return fields.has_value() ? Answer(200, call.project.team_id, *fields) : NotFound();
}

std::optional<FieldError> ProductApi::Write(const Edit& edit, const ObjectJson& before,
                                            JsonFields* fields) const {
  if (edit.is_new()) {
    if (edit.transaction->All(kind_.kind).size() >= kObjectsMax) {
      return FieldError{"", StrCat("A project can have ", kObjectsMax, " of these, and no more.")};
    }
    kind_.has_uuid ? fields->SetText("id", FormatUuid(UuidV7(parts_.env)))
                   : fields->Set("id", StrCat(edit.row_id));
    fields->SetText("created_at", FormatRfc3339(edit.author.now_us));
    fields->Set("created_by", StrCat(edit.author.user_id));
  }
  fields->SetText("updated_at", FormatRfc3339(edit.author.now_us));
  if (auto error = Apply(edit, fields)) return error;
  std::string after = fields->ToJson();
  edit.transaction->Log(MakeActivity(
      {.scope = kind_.activity_scope,
       .item_id = kind_.has_uuid ? fields->Text("id") : std::string(fields->Find("id")),
       .name = fields->Text("name"),
       .activity = edit.is_new() ? "created" : "updated",
       .user_id = edit.author.user_id,
       .changes_json = edit.is_new()
                           ? "[]"
                           : ChangesJson(kind_.activity_scope, *before, after,
                                         {"id", "created_at", "created_by", "updated_at"})}));
  edit.transaction->Put(kind_.kind, edit.row_id, std::move(after));
  return std::nullopt;
}

HttpResponse ProductApi::Save(const RestCall& call, Saving saving) const {
  const bool is_new = saving == Saving::kCreate;
  Arena arena;
  JsonObjectView members;
  if (auto refusal = ReadJsonBody(call.request, &arena, &members)) return *std::move(refusal);
  const auto body = JsonFields::Parse(SerializeJsonObject(members));
  if (!body.ok()) return StatusResponse(body.status());
  const TeamId team_id = call.project.team_id;
  std::optional<FieldError> error;
  JsonFields fields;
  const auto change = [&](Transaction* transaction) -> absl::Status {
    ObjectJson before;
    int64_t row = 0;
    if (is_new) {
      row = transaction->NewId(kind_.kind);
    } else {
      const Objects objects = transaction->All(kind_.kind);
      row = RowOf(call, objects);
      if (row == 0) return absl::NotFoundError("Not found.");
      before = objects.at(row);
      auto stored = JsonFields::Parse(*before);
      if (!stored.ok()) return stored.status();
      fields = *std::move(stored);
    }
    const Edit edit{.body = *body,
                    .saving = saving,
                    .row_id = row,
                    .author = {.team_id = team_id,
                               .user_id = call.caller.user_id,
                               .now_us = parts_.env->NowMicros()},
                    .transaction = transaction};
    error = Write(edit, before, &fields);
    return error.has_value() ? absl::CancelledError("refused") : absl::OkStatus();
  };
  const absl::Status status = parts_.objects->Change(team_id, change);
  if (error.has_value()) return Refused(*error);
  return status.ok() ? Answer(is_new ? 201 : 200, team_id, fields) : StatusResponse(status);
}

HttpResponse ProductApi::Remove(const RestCall& call) const {
  const JsonFields no_body;
  const auto change = [&](Transaction* transaction) -> absl::Status {
    const Objects objects = transaction->All(kind_.kind);
    const int64_t row = RowOf(call, objects);
    if (row == 0) return absl::NotFoundError("Not found.");
    const auto fields = JsonFields::Parse(*objects.at(row));
    if (!fields.ok()) return fields.status();
    Release({.body = no_body,
             .saving = Saving::kChange,
             .row_id = row,
             .author = {.team_id = call.project.team_id,
                        .user_id = call.caller.user_id,
                        .now_us = parts_.env->NowMicros()},
             .transaction = transaction},
            *fields);
    transaction->Log(MakeActivity(
        {.scope = kind_.activity_scope,
         .item_id = kind_.has_uuid ? fields->Text("id") : std::string(fields->Find("id")),
         .name = fields->Text("name"),
         .activity = "deleted",
         .user_id = call.caller.user_id}));
    transaction->Remove(kind_.kind, row);
    return absl::OkStatus();
  };
  const absl::Status status = parts_.objects->Change(call.project.team_id, change);
  if (!status.ok()) return StatusResponse(status);
  HttpResponse done;
  done.status = 204;
  return done;
}

HttpResponse ProductApi::ActivityOfObject(const RestCall& call) const {
  const auto fields = FindObject(call);
  if (!fields.has_value()) return NotFound();
  return ActivityResponse(
      call, *parts_.projects, *parts_.objects,
      {.scopes = {kind_.activity_scope},
       .item_id = kind_.has_uuid ? fields->Text("id") : std::string(fields->Find("id"))});
}

HttpResponse ProductApi::Public(const HttpRequest& request) const {
  const std::string token = TokenOf(request);
  if (token.empty()) {
    return TokenRefused(
        "API key not provided. You can find your project API key in your PostHog project settings.",
        "missing_api_key");
  }
  const auto project = parts_.projects->FindProjectByToken(token);
  if (!project.has_value()) {
    return TokenRefused(
        "Project API key invalid. You can find your project API key in your PostHog project "
        "settings.",
        "invalid_api_key");
  }
  const TeamId team_id = project->team_id;
  const uint32_t choice = PublicChoice(request);
  // Asked before what it speaks of is read: what changes meanwhile is seen by the next request.
  const uint64_t version = parts_.objects->version(team_id);
  const int64_t now_us = parts_.env->NowMicros();
  HttpResponse response = HttpJson(200, "");
  {
    std::lock_guard lock(public_mutex_);
    const PublicAnswer& answer = public_answers_[{team_id, choice}];
    if (answer.json != nullptr && answer.version == version && now_us < answer.until_us) {
      response.shared_body = answer.json;
      return response;
    }
  }
  response.shared_body = std::make_shared<const std::string>(PublicJson(team_id, choice));
  std::lock_guard lock(public_mutex_);
  public_answers_[{team_id, choice}] = {
      .version = version, .until_us = now_us + kPublicAnswerUs, .json = response.shared_body};
  return response;
}

void AddEmptyProductRoutes(HttpRouter* router) {
  HttpRouteOptions options;
  options.cors = CorsPolicy::kCredentials;
  for (const auto& [path, json] :
       {std::pair("/api/surveys", R"({"surveys":[],"survey_config":null})"),
        std::pair("/api/web_experiments", R"({"experiments":[]})"),
        std::pair("/api/early_access_features", R"({"earlyAccessFeatures":[]})")}) {
    router->Add("GET", path, options,
                [answer = std::string(json)](const HttpRequest&, const HttpResponder& responder) {
                  responder(HttpJson(200, answer));
                });
  }
}

}  // namespace hoglet
