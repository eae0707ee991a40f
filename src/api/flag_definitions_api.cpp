#include "src/api/flag_definitions_api.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "include/hoglet/status.h"
#include "src/api/flag_document.h"
#include "src/api/json_fields.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/url.h"
#include "src/flags/flag_facts.h"
#include "src/flags/flag_hash.h"
#include "src/flags/flag_response.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

constexpr double kRequestsPerSecond = 10;
constexpr double kRequestsBurst = 600;
constexpr std::string_view kSecretPrefix = "phs_";
// What a project's secret key gets of a value that is encrypted.
constexpr std::string_view kRedacted = "********* (encrypted)";

// As the Authorization header brings it, or the query.
std::string KeyOf(const HttpRequest& request) {
  if (const std::string_view bearer = BearerOf(request); !bearer.empty()) {
    return std::string(bearer);
  }
  for (const char* name : {"secret_api_key", "personal_api_key"}) {
    if (auto key = FindQueryValue(request.query, name)) return *std::move(key);
  }
  return {};
}

HttpResponse Unauthenticated(std::string_view code, std::string_view detail) {
  return HttpApiError(401, detail, code, "authentication_error");
}

bool IsTrue(const JsonObjectView& object, std::string_view key) {
  const JsonMember* member = FindJsonMember(object, key);
  return member != nullptr && member->kind == JsonKind::kBool && member->boolean;
}

// Whether the flag has that key, or that number, and is not deleted.
bool IsFlag(const JsonObjectView& flag, int64_t id, std::string_view name) {
  const JsonMember* key = FindJsonMember(flag, "key");
  return !IsTrue(flag, "deleted") &&
         ((key != nullptr && key->text == name) || std::to_string(id) == name);
}

// Null if there is none.
ObjectJson FindFlag(const Objects& flags, std::string_view name) {
  for (const auto& [id, json] : flags) {
    Arena arena;
    JsonObjectView flag;
    if (ParseJsonObject(*json, &arena, &flag).ok() && IsFlag(flag, id, name)) return json;
  }
  return nullptr;
}

// payloads["true"] of the flag as JSON; empty if there is none, or it says nothing.
std::string PayloadOf(const JsonObjectView& flag, Arena* arena) {
  JsonObjectView filters;
  JsonObjectView payloads;
  const JsonMember* member = FindJsonMember(flag, "filters");
  if (member == nullptr || !ParseJsonObject(member->text, arena, &filters).ok()) return {};
  member = FindJsonMember(filters, "payloads");
  if (member == nullptr || !ParseJsonObject(member->text, arena, &payloads).ok()) return {};
  member = FindJsonMember(payloads, "true");
  if (member == nullptr || member->kind == JsonKind::kNull) return {};
  const bool is_falsy =
      (member->kind == JsonKind::kString && member->text.empty()) ||
      (member->kind == JsonKind::kBool && !member->boolean) ||
      (member->kind == JsonKind::kInt64 && member->integer == 0) ||
      (member->kind == JsonKind::kRaw && (member->text == "{}" || member->text == "[]"));
  std::string json;
  if (!is_falsy) AppendJsonValue(*member, &json);
  return json;
}

// The `groups` parameter: {"type": "key"}.
absl::Status ReadGroups(const std::string& text, FlagRequest* request) {
  if (text.empty()) return absl::OkStatus();
  JsonObjectView groups;
  const std::string_view kept = request->arena.Copy(text);
  if (!ParseJsonObject(kept, &request->arena, &groups).ok()) {
    return absl::InvalidArgumentError("groups must be a JSON object");
  }
  for (const JsonMember& group : groups) {
    request->groups.emplace_back(group.key, FlagValue::FromMember(group, &request->arena));
  }
  return absl::OkStatus();
}

}  // namespace

FlagDefinitionsApi::FlagDefinitionsApi(const Parts& parts)
    : parts_(parts), buckets_(kRequestsPerSecond, kRequestsBurst) {}

void FlagDefinitionsApi::AddRoutes(HttpRouter* router) {
  HttpRouteOptions options;
  options.on_worker = true;  // a document may be long in the making
  const auto add = [&](const std::string& path, auto handle) {
    options.allow = path == "/flags/definitions" ? "GET, OPTIONS, HEAD" : "";
    router->Add("GET", path, options,
                [handle](const HttpRequest& request, const HttpResponder& responder) {
                  responder(handle(request));
                });
  };
  add("/flags/definitions", [this](const HttpRequest& request) {
    if (FindQueryValue(request.query, "token").value_or("").empty()) {
      return HttpApiError(400, "The token query parameter is required.", "required");
    }
    return LocalEvaluation(request, /*is_always_with_cohorts=*/true);
  });
  const auto local = [this](const HttpRequest& request) {
    return LocalEvaluation(request, /*is_always_with_cohorts=*/false);
  };
  add("/api/feature_flag/local_evaluation", [local](HttpRequest request) {
    request.path_parameters.emplace_back("project_id", "@current");
    return local(request);
  });
  for (const std::string prefix : {"/api/projects/:project_id", "/api/environments/:project_id"}) {
    add(prefix + "/feature_flags/local_evaluation", local);
    add(prefix + "/feature_flags/:key/remote_config",
        [this](const HttpRequest& request) { return RemoteConfig(request); });
  }
  const auto add_rest = [&](const char* method, const char* path, auto action,
                            const char* scope = "feature_flag:read") {
    AddProjectRoute(router, parts_.projects, method, path, scope,
                    [this, action](const RestCall& call) { return (this->*action)(call); });
  };
  add_rest("GET", "/feature_flags/evaluation_reasons", &FlagDefinitionsApi::EvaluationReasons);
  add_rest("GET", "/feature_flags/my_flags", &FlagDefinitionsApi::MyFlags);
  add_rest("POST", "/feature_flags/user_blast_radius", &FlagDefinitionsApi::BlastRadius);
  if (parts_.cohorts == nullptr) return;
  add_rest("POST", "/feature_flags/:id/create_static_cohort_for_flag",
           &FlagDefinitionsApi::CreateStaticCohort, "feature_flag:write");
}

std::optional<HttpResponse> FlagDefinitionsApi::Authorize(const HttpRequest& request,
                                                          Reader* reader) {
  const std::string key = KeyOf(request);
  if (key.starts_with(kSecretPrefix)) {
    const auto project = parts_.projects->FindProjectBySecret(key);
    const std::string token = FindQueryValue(request.query, "token").value_or("");
    if (!project.has_value() || (!token.empty() && token != project->token)) {
      return Unauthenticated("authentication_failed", "Secret API token is invalid.");
    }
    *reader = {.project = *project, .has_secret_key = true};
  } else if (auto refusal = AuthorizeProject(request, *parts_.projects, "feature_flag:read",
                                             &reader->project)) {
    const bool is_unknown = refusal->status == 401 && !key.empty() &&
                            !parts_.projects->FindPersonalApiKey(key).has_value();
    return is_unknown ? Unauthenticated("authentication_failed", "Personal API key is invalid.")
                      : *std::move(refusal);
  }
  // Only keys that are good have a bucket, so that nobody can fill the memory with others.
  const std::string bucket = StrCat(reader->project.team_id, "\n", key);
  if (buckets_.Take(bucket, parts_.env->MonotonicNanos())) return std::nullopt;
  HttpResponse response =
      HttpApiError(429, "Request was throttled. Expected available in 1 second.");
  response.headers.Add("retry-after", "1");
  return response;
}

HttpResponse FlagDefinitionsApi::LocalEvaluation(const HttpRequest& request,
                                                 bool is_always_with_cohorts) {
  Reader reader;
  if (auto refusal = Authorize(request, &reader)) return *std::move(refusal);
  const bool with_cohorts =
      is_always_with_cohorts || FindQueryValue(request.query, "send_cohorts").has_value();
  const auto document = parts_.flags->LocalEvaluation(reader.project.team_id, with_cohorts);
  HttpResponse response;
  response.headers.Add("etag", document->etag);
  response.headers.Add("cache-control", "private, must-revalidate");
  if (MatchesEtag(request.headers.Find("if-none-match"), document->etag)) {
    response.status = 304;
    return response;
  }
  response.content_type = "application/json";
  response.shared_body = std::shared_ptr<const std::string>(document, &document->json);
  return response;
}

HttpResponse FlagDefinitionsApi::RemoteConfig(const HttpRequest& request) {
  Reader reader;
  if (auto refusal = Authorize(request, &reader)) return *std::move(refusal);
  // The project is that of the token, or of the path by its number, and never the asking user's.
  int64_t number = 0;
  if (FindQueryValue(request.query, "token").value_or("").empty() &&
      !absl::SimpleAtoi(ToAbsl(request.PathParameter("project_id")), &number)) {
    return HttpApiError(404, "Project not found.");
  }
  const auto flags = parts_.objects->All(reader.project.team_id, ObjectKind::kFeatureFlag);
  const ObjectJson json = FindFlag(*flags, request.PathParameter("key"));
  Arena arena;
  JsonObjectView flag;
  if (json == nullptr || !ParseJsonObject(*json, &arena, &flag).ok() ||
      !IsTrue(flag, "is_remote_configuration")) {
    return HttpApiError(404, "Not found.");
  }
  std::string payload = PayloadOf(flag, &arena);
  if (!payload.empty() && reader.has_secret_key && IsTrue(flag, "has_encrypted_payloads")) {
    payload.clear();
    AppendJsonString(kRedacted, &payload);
  }
  return HttpJson(200, std::move(payload));
}

// All flags for one visitor, whatever the program that asks.
struct FlagDefinitionsApi::Visitor {
  FlagRequest request;
  std::string distinct_id;
  std::shared_ptr<const FlagSet> set;
  FlagContext context;
  FlagEvaluation evaluation;
};

absl::Status FlagDefinitionsApi::Evaluate(const RestCall& call, Visitor* visitor) {
  FlagRequest& request = visitor->request;
  request.distinct_id = visitor->distinct_id;
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  HOGLET_RETURN_IF_ERROR(ReadGroups(GetParameter(parameters, "groups"), &request));
  visitor->set = parts_.flags->Flags(call.project.team_id);
  const auto wanted = WantedFacts(*visitor->set, request);
  visitor->context = MakeFlagContext(*visitor->set, request, wanted, parts_.flags->Ask(wanted),
                                     parts_.flags, parts_.env->NowMicros());
  visitor->evaluation =
      EvaluateFlags(*visitor->set, {.runtime = FlagRuntime::kAll}, visitor->context);
  return absl::OkStatus();
}

HttpResponse FlagDefinitionsApi::EvaluationReasons(const RestCall& call) {
  Visitor visitor;
  visitor.distinct_id = GetParameter(ReadQueryParameters(call.request.query), "distinct_id");
  if (visitor.distinct_id.empty()) return HttpApiError(400, "User distinct_id is required.");
  if (absl::Status status = Evaluate(call, &visitor); !status.ok()) return StatusResponse(status);
  JsonWriter json;
  json.BeginObject();
  for (const FlagResult& result : visitor.evaluation.results) {
    json.Key(result.flag->key).BeginObject().Key("value");
    WriteFlagValue(result, &json);
    json.Key("evaluation").BeginObject().Field("reason", result.reason_code());
    json.Key("condition_index");
    result.condition_index.has_value() ? json.Int(*result.condition_index) : json.Null();
    json.EndObject().EndObject();
  }
  for (const FlagDefinition& flag : visitor.set->flags()) {
    if (flag.is_deleted || flag.is_active) continue;
    json.Key(flag.key).BeginObject().Field("value", false);
    json.Key("evaluation").BeginObject().Field("reason", "disabled");
    json.Key("condition_index").Null().EndObject().EndObject();
  }
  json.EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse FlagDefinitionsApi::MyFlags(const RestCall& call) {
  Visitor visitor;
  const auto user = parts_.projects->FindUser(call.caller.user_id);
  if (user.has_value()) visitor.distinct_id = user->uuid;
  if (absl::Status status = Evaluate(call, &visitor); !status.ok()) return StatusResponse(status);
  const auto stored = parts_.objects->All(call.project.team_id, ObjectKind::kFeatureFlag);
  std::map<int64_t, const FlagResult*> results;
  for (const FlagResult& result : visitor.evaluation.results) results[result.flag->id] = &result;
  JsonWriter json;
  json.BeginArray();
  // The newest first. Those that are off have no result.
  for (auto it = stored->rbegin(); it != stored->rend(); ++it) {
    const auto flag = JsonFields::Parse(*it->second);
    if (!flag.ok() || flag->Bool("deleted")) continue;
    json.BeginObject().Key("feature_flag");
    WriteMinimalFlag(*flag, &json);
    json.Key("value");
    const auto found = results.find(it->first);
    if (found == results.end()) {
      json.Bool(false);
    } else {
      WriteFlagValue(*found->second, &json);
    }
    json.EndObject();
  }
  json.EndArray();
  return HttpJson(200, json.Take());
}

// The condition becomes the only one of a flag that everybody it matches has.
HttpResponse FlagDefinitionsApi::BlastRadius(const RestCall& call) {
  Arena arena;
  JsonObjectView body;
  if (auto refusal = ReadJsonBody(call.request, &arena, &body)) return *std::move(refusal);
  const JsonMember* condition = FindJsonMember(body, "condition");
  JsonObjectView members;
  if (condition == nullptr || condition->kind != JsonKind::kRaw ||
      !ParseJsonObject(condition->text, &arena, &members).ok()) {
    return HttpApiError(400, "condition must be an object");
  }
  const JsonMember* index = FindJsonMember(body, "group_type_index");
  const bool is_group = index != nullptr && index->kind != JsonKind::kNull;
  if (is_group &&
      (index->kind != JsonKind::kInt64 || index->integer < 0 || index->integer >= kGroupTypesMax)) {
    return HttpApiError(400, "group_type_index must be a number from 0 to 4");
  }
  JsonWriter flag;
  flag.BeginObject().Field("id", 0).Field("key", "blast-radius").Field("active", true);
  flag.Key("filters").BeginObject().Key("aggregation_group_type_index");
  is_group ? flag.Int(index->integer) : flag.Null();
  flag.Key("groups").BeginArray().BeginObject().Key("properties");
  const JsonMember* properties = FindJsonMember(members, "properties");
  flag.Raw(properties == nullptr || properties->kind != JsonKind::kRaw ? "[]" : properties->text);
  flag.Field("rollout_percentage", 100).EndObject().EndArray().EndObject().EndObject();
  const auto set = parts_.flags->CompileWith(call.project.team_id, flag.Take());
  uint64_t total = 0;
  const auto affected = CountMatching(call.project.team_id, *set,
                                      is_group ? static_cast<int>(index->integer) : -1, &total);
  if (!affected.ok()) return StatusResponse(affected.status());
  JsonWriter json;
  json.BeginObject().Field("users_affected", *affected).Field("total_users", total).EndObject();
  return HttpJson(200, json.Take());
}

absl::StatusOr<uint64_t> FlagDefinitionsApi::CountMatching(TeamId team, const FlagSet& set,
                                                           int group_type_index,
                                                           uint64_t* total) const {
  uint64_t affected = 0;
  FlagContext context;
  context.now_us = parts_.env->NowMicros();
  const FlagSelection all{.runtime = FlagRuntime::kAll};
  const auto count = [&] {
    ++*total;
    const FlagEvaluation evaluation = EvaluateFlags(set, all, context);
    affected += !evaluation.results.empty() && evaluation.results[0].is_enabled;
    return true;
  };
  if (group_type_index >= 0) {
    HOGLET_RETURN_IF_ERROR(
        parts_.persons->VisitGroups(team, group_type_index, [&](const Group& group) {
          FlagGroup& slot = context.groups[static_cast<size_t>(group_type_index)];
          slot.is_named = true;
          slot.key = group.key;
          slot.key_value = {.kind = FlagValue::Kind::kString, .text = group.key};
          slot.stored = std::make_shared<const Group>(group);
          return count();
        }));
    return affected;
  }
  HOGLET_RETURN_IF_ERROR(VisitPersons(team, &context, [&](const PersonRecord&) {
    count();
    return absl::OkStatus();
  }));
  return affected;
}

absl::Status FlagDefinitionsApi::VisitPersons(
    TeamId team, FlagContext* context,
    const std::function<absl::Status(const PersonRecord&)>& visit) const {
  absl::Status status;
  const absl::Status visited = parts_.persons->VisitPersons(team, [&](const PersonRecord& record) {
    auto properties = PropertySet::Parse(record.properties);
    if (!properties.ok()) {
      status = properties.status();
      return false;
    }
    auto person = std::make_shared<Person>();
    person->team_id = team;
    person->id = record.id;
    person->created_at_us = record.created_at_us;
    person->properties = *std::move(properties);
    context->person = std::move(person);
    context->is_member = [this, team, id = record.id](int64_t cohort_id) {
      return parts_.flags->IsMember(team, cohort_id, id);
    };
    status = visit(record);
    return status.ok();
  });
  return status.ok() ? visited : status;
}

absl::StatusOr<std::vector<Uuid>> FlagDefinitionsApi::PersonsWith(const RestCall& call,
                                                                  const std::string& key) const {
  const TeamId team = call.project.team_id;
  const auto set = parts_.flags->Flags(team);
  const FlagSelection selection{.runtime = FlagRuntime::kAll,
                                .keys = std::vector<std::string>{key}};
  FlagContext context;
  context.now_us = parts_.env->NowMicros();
  std::vector<Uuid> persons;
  HOGLET_RETURN_IF_ERROR(
      VisitPersons(team, &context, [&](const PersonRecord& record) -> absl::Status {
        const auto& disconnected = call.request.disconnected;
        if (disconnected != nullptr && disconnected->load()) {
          return absl::CancelledError("The client went away.");
        }
        HOGLET_ASSIGN_OR_RETURN(const auto ids, parts_.persons->FindDistinctIds(team, record.id));
        // Deleted meanwhile, or merged into somebody else.
        if (ids.empty()) return absl::OkStatus();
        context.distinct_id = CutFlagIdentifier(ids[0]);
        if (set->ensures_continuity()) {
          HOGLET_ASSIGN_OR_RETURN(
              auto facts,
              parts_.persons->Ask(
                  {.team = team, .distinct_id = ids[0], .person = false, .hash_keys = true}));
          context.hash_keys = std::move(facts.hash_keys);
        }
        for (const FlagResult& result : EvaluateFlags(*set, selection, context).results) {
          if (result.is_enabled && result.flag->key == key) persons.push_back(record.id);
        }
        return absl::OkStatus();
      }));
  return persons;
}

HttpResponse FlagDefinitionsApi::CreateStaticCohort(const RestCall& call) {
  if (!HasScope(call.caller, "cohort:write")) {
    return HttpApiError(403, "API key missing required scope 'cohort:write'");
  }
  int64_t id = 0;
  const bool is_number = absl::SimpleAtoi(ToAbsl(call.request.PathParameter("id")), &id);
  const ObjectJson json =
      is_number ? parts_.objects->Find(call.project.team_id, ObjectKind::kFeatureFlag, id)
                : nullptr;
  const auto flag = JsonFields::Parse(json == nullptr ? "" : *json);
  if (!flag.ok() || flag->Bool("deleted")) return HttpApiError(404, "Not found.");
  const auto filters = JsonFields::Parse(flag->Find("filters"));
  const std::string_view group_type =
      filters.ok() ? filters->Find("aggregation_group_type_index") : std::string_view();
  if (!group_type.empty() && group_type != "null") {
    return HttpApiError(400, "A flag of groups is on for no person: it makes no cohort.");
  }
  const std::string key = flag->Text("key");
  auto persons = PersonsWith(call, key);
  if (!persons.ok()) return StatusResponse(persons.status());
  const std::string now = FormatCivil(parts_.env->NowMicros(), TimeZone::Utc(), 0);
  const auto cohort = parts_.cohorts->CreateStatic(
      call, StrCat("Users with feature flag ", key, " enabled at ", now), "", *std::move(persons));
  if (!cohort.ok()) return StatusResponse(cohort.status());
  JsonWriter out;
  out.BeginObject().Key("cohort").Raw(*cohort).EndObject();
  return HttpJson(201, out.Take());
}

}  // namespace hoglet
