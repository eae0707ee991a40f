#include "src/api/rest.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/url.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

constexpr uint64_t kPageRowsMax = 10'000;
constexpr uint64_t kActivityRows = 10;
constexpr uint64_t kActivityRowsMax = 1'000;

// The text behind "Bearer ", trimmed; empty if there is none.
// A text member of a body that is a JSON object or a form; empty if there is none. Bodies that do
// not even hold the name are not parsed.
std::string BodyText(const HttpRequest& request, std::string_view name) {
  if (request.body.find(name) == std::string::npos) return {};
  if (request.headers.Find("content-type").starts_with("application/x-www-form-urlencoded")) {
    return FindQueryValue(request.body, name).value_or("");
  }
  Arena arena;
  JsonObjectView members;
  if (!ParseJsonObject(request.body, &arena, &members).ok()) return {};
  const JsonMember* member = FindJsonMember(members, name);
  return member != nullptr && member->kind == JsonKind::kString ? std::string(member->text) : "";
}

struct FoundKey {
  std::string text;
  const char* place = "";
};

FoundKey KeyOf(const HttpRequest& request) {
  constexpr std::string_view kName = "personal_api_key";
  if (const std::string_view bearer = BearerOf(request); !bearer.empty()) {
    return {std::string(bearer), "Authorization header"};
  }
  if (std::string key = BodyText(request, kName); !key.empty()) return {key, "body"};
  if (auto key = FindQueryValue(request.query, kName); key.has_value() && !key->empty()) {
    return {*key, "query string"};
  }
  return {};
}

std::string ProjectTokenOf(const HttpRequest& request) {
  if (auto token = FindQueryValue(request.query, "token"); token.has_value()) return *token;
  for (const char* name : {"\"token\"", "\"api_key\""}) {
    if (request.body.find(name) == std::string::npos) continue;
    std::string_view bare(name);
    bare = bare.substr(1, bare.size() - 2);
    if (std::string token = BodyText(request, bare); !token.empty()) return token;
  }
  return {};
}

HttpResponse Forbidden(const std::string& detail) { return HttpApiError(403, detail); }

std::optional<HttpResponse> CheckScope(const Caller& caller, std::string_view scope) {
  if (HasScope(caller, scope)) return std::nullopt;
  return Forbidden(StrCat("API key missing required scope '", scope, "'"));
}

template <typename T, typename Value>
bool IsScopedTo(const std::vector<T>& scoped, const Value& value) {
  return scoped.empty() || std::find(scoped.begin(), scoped.end(), value) != scoped.end();
}

std::optional<HttpResponse> CheckProjectScope(const Caller& caller, const ProjectInfo& project) {
  if (!IsScopedTo(caller.scoped_projects, project.team_id)) {
    return Forbidden(
        StrCat("API key does not have access to the requested project: ID ", project.team_id, "."));
  }
  if (!IsScopedTo(caller.scoped_organizations, project.organization_id)) {
    return Forbidden(StrCat("API key does not have access to the requested organization: ID ",
                            project.organization_id, "."));
  }
  return std::nullopt;
}

std::optional<ProjectInfo> FindProjectOfPath(const HttpRequest& request,
                                             const ProjectDirectory& projects,
                                             const Caller& caller) {
  const std::string_view id_text = request.PathParameter("project_id");
  if (id_text == "@current") {
    for (ProjectInfo& project : projects.Projects()) {
      if (!CheckProjectScope(caller, project).has_value()) return std::move(project);
    }
    return std::nullopt;
  }
  TeamId id = 0;
  if (!absl::SimpleAtoi(ToAbsl(id_text), &id)) return std::nullopt;
  return projects.FindProject(id);
}

bool IsPlainHost(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == ':' ||
           c == '[' || c == ']' || c == '_';
  });
}

uint64_t NumberParameter(const QueryParameters& parameters, const std::string& name,
                         uint64_t otherwise, uint64_t max) {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(GetParameter(parameters, name), &value) || value == 0) return otherwise;
  return std::min(value, max);
}

void WriteLine(const Activity& line, const RestCall& call, const ProjectDirectory& projects,
               JsonWriter* json) {
  json->BeginObject().Field("id", line.id).Key("user");
  WriteUserBasic(projects, line.user_id, json);
  json->Field("unread", false)
      .Field("organization_id", call.project.organization_id)
      .Field("was_impersonated", false)
      .Field("is_system", line.user_id == 0)
      .Field("activity", line.activity)
      .Field("item_id", line.item_id)
      .Field("scope", line.scope)
      .Key("detail")
      .Raw(line.detail_json)
      .Field("created_at", FormatRfc3339(line.created_at_us))
      .EndObject();
}

}  // namespace

bool HasScope(const Caller& caller, std::string_view scope) {
  if (caller.scopes.empty()) return true;
  const std::string_view object = scope.substr(0, scope.find(':'));
  const bool is_read = scope.ends_with(":read");
  return std::any_of(caller.scopes.begin(), caller.scopes.end(), [&](const std::string& has) {
    return has == "*" || has == scope || (is_read && has == StrCat(object, ":write"));
  });
}

HttpResponse NotAuthenticated(std::string_view detail, std::string_view code) {
  HttpResponse response = HttpApiError(401, detail, code);
  response.headers.Add("www-authenticate", "Bearer");
  return response;
}

std::optional<HttpResponse> Authenticate(const HttpRequest& request,
                                         const ProjectDirectory& projects, Caller* caller) {
  const FoundKey key = KeyOf(request);
  if (key.text.empty()) {
    return NotAuthenticated("Authentication credentials were not provided.", "");
  }
  std::optional<Caller> found = projects.FindPersonalApiKey(key.text);
  if (!found.has_value()) {
    return NotAuthenticated(StrCat("Personal API key found in request ", key.place, " is invalid."),
                            "authentication_failed");
  }
  *caller = *std::move(found);
  return std::nullopt;
}

std::string_view BearerOf(const HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer";
  std::string_view value = request.headers.Find("authorization");
  if (!EqualsIgnoreCase(value.substr(0, kScheme.size()), kScheme)) return {};
  value.remove_prefix(kScheme.size());
  if (value.empty() || !absl::ascii_isspace(static_cast<unsigned char>(value.front()))) return {};
  return FromAbsl(absl::StripAsciiWhitespace(ToAbsl(value)));
}

std::optional<HttpResponse> AuthorizeCaller(const HttpRequest& request,
                                            const ProjectDirectory& projects,
                                            std::string_view scope, Caller* caller) {
  if (auto refusal = Authenticate(request, projects, caller)) return refusal;
  if (auto refusal = CheckScope(*caller, scope)) return refusal;
  if (caller->scoped_projects.empty()) return std::nullopt;
  return Forbidden("API keys with scoped projects are only supported on project-based endpoints.");
}

std::optional<HttpResponse> AuthorizeProject(const HttpRequest& request,
                                             const ProjectDirectory& projects,
                                             std::string_view scope, ProjectInfo* project,
                                             Caller* caller) {
  Caller who;
  if (auto refusal = Authenticate(request, projects, &who)) return refusal;
  std::optional<ProjectInfo> found;
  if (const std::string token = ProjectTokenOf(request); !token.empty()) {
    found = projects.FindProjectByToken(token);
    if (!found.has_value()) {
      return NotAuthenticated("Project token found in request is invalid.",
                              "authentication_failed");
    }
  } else {
    found = FindProjectOfPath(request, projects, who);
  }
  if (!found.has_value()) return HttpApiError(404, "Project not found.");
  if (auto refusal = CheckProjectScope(who, *found)) return refusal;
  if (auto refusal = CheckScope(who, scope)) return refusal;
  *project = *std::move(found);
  if (caller != nullptr) *caller = std::move(who);
  return std::nullopt;
}

void AddProjectRoute(HttpRouter* router, const ProjectDirectory* projects, std::string_view methods,
                     const std::string& path, const std::string& scope, const RestAction& action,
                     HttpRouteOptions options) {
  const auto handler = [projects, scope, action](const HttpRequest& request,
                                                 const HttpResponder& responder) {
    RestCall call{.request = request};
    auto refusal = AuthorizeProject(request, *projects, scope, &call.project, &call.caller);
    responder(refusal.has_value() ? *std::move(refusal) : action(call));
  };
  for (const char* prefix : {"/api/projects/:project_id", "/api/environments/:project_id"}) {
    router->Add(methods, StrCat(prefix, path), options, handler);
  }
}

std::optional<HttpResponse> ReadJsonBody(const HttpRequest& request, Arena* arena,
                                         JsonObjectView* members) {
  members->clear();
  if (absl::StripAsciiWhitespace(request.body).empty()) return std::nullopt;
  const absl::Status parsed = ParseJsonObject(request.body, arena, members);
  if (parsed.ok()) return std::nullopt;
  JsonMember value;
  if (ParseJsonValue(request.body, arena, &value).ok()) {
    return HttpApiError(400, "Invalid data. Expected a JSON object.");
  }
  return HttpApiError(400, StrCat("JSON parse error - ", parsed.message()), "parse_error",
                      "invalid_request");
}

HttpResponse StatusResponse(const absl::Status& status) {
  const std::string detail(FromAbsl(status.message()));
  if (absl::IsInvalidArgument(status)) return HttpApiError(400, detail);
  if (absl::IsNotFound(status)) return HttpApiError(404, detail);
  HttpResponse response = HttpApiError(absl::IsInternal(status) ? 500 : 503, detail);
  response.headers.Add("retry-after", "1");
  return response;
}

HttpResponse HardDeleteRefused() {
  return HttpApiError(405,
                      "Hard delete of this model is not allowed. Use a patch API call to set "
                      "\"deleted\" to true");
}

QueryParameters ReadQueryParameters(std::string_view query) {
  QueryParameters out;
  VisitQuery(query, [&](std::string_view name, std::string_view value) {
    out[PercentDecode(name, true)] = PercentDecode(value, true);
    return true;
  });
  return out;
}

std::string GetParameter(const QueryParameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

std::optional<bool> GetBoolParameter(const QueryParameters& parameters, const std::string& name) {
  const std::string value = absl::AsciiStrToLower(GetParameter(parameters, name));
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return std::nullopt;
}

std::set<std::string> GetJsonListParameter(const QueryParameters& parameters,
                                           const std::string& name) {
  std::set<std::string> out;
  Arena arena;
  std::vector<JsonMember> items;
  const std::string text = GetParameter(parameters, name);  // what the items point into
  if (!ParseJsonArray(text, &arena, &items).ok()) return out;
  for (const JsonMember& item : items) {
    if (item.kind == JsonKind::kString) out.emplace(item.text);
  }
  return out;
}

bool MatchesSearch(std::string_view text, std::string_view search) {
  const std::string lower = absl::AsciiStrToLower(ToAbsl(text));
  for (absl::string_view word :
       absl::StrSplit(absl::AsciiStrToLower(ToAbsl(search)), ' ', absl::SkipEmpty())) {
    if (lower.find(std::string(word)) == std::string::npos) return false;
  }
  return true;
}

Page ReadPage(const QueryParameters& parameters) {
  Page page;
  page.limit = NumberParameter(parameters, "limit", page.limit, kPageRowsMax);
  page.offset = NumberParameter(parameters, "offset", 0, UINT64_MAX / 2);
  return page;
}

// Whatever a client says of its way here changes its own answer only.
std::string RequestUrl(const HttpRequest& request, const QueryParameters& parameters) {
  const bool is_https = request.headers.Find("x-forwarded-proto") == "https";
  std::string_view host = request.headers.Find("x-forwarded-host");
  if (!IsPlainHost(host)) host = request.headers.Find("host");
  std::string url = StrCat(is_https ? "https://" : "http://", host, request.path);
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    url.push_back(std::exchange(separator, '&'));
    StrAppend(&url, PercentEncode(name), "=", PercentEncode(value));
  }
  return url;
}

HttpResponse PagedResponse(const HttpRequest& request, const QueryParameters& parameters,
                           uint64_t row_count,
                           const std::function<void(uint64_t row, JsonWriter* json)>& write) {
  const Page page = ReadPage(parameters);
  JsonWriter json;
  json.BeginObject().Field("count", row_count);
  const auto link = [&](const char* name, bool exists, uint64_t offset) {
    json.Key(name);
    if (!exists) {
      json.Null();
      return;
    }
    QueryParameters other = parameters;
    other["offset"] = StrCat(offset);
    json.String(RequestUrl(request, other));
  };
  link("next", page.offset + page.limit < row_count, page.offset + page.limit);
  link("previous", page.offset > 0, page.offset > page.limit ? page.offset - page.limit : 0);
  json.Key("results").BeginArray();
  const uint64_t end = std::min(page.offset + page.limit, row_count);
  for (uint64_t row = std::min(page.offset, row_count); row < end; ++row) write(row, &json);
  json.EndArray().EndObject();
  return HttpJson(200, json.Take());
}

void WriteUserBasic(const UserInfo& user, JsonWriter* json) {
  json->BeginObject()
      .Field("id", user.id)
      .Field("uuid", user.uuid)
      .Field("distinct_id", user.uuid)
      .Field("first_name", user.first_name)
      .Field("last_name", "")
      .Field("email", user.email)
      .Field("is_email_verified", true)
      .Key("hedgehog_config")
      .Null()
      .Key("role_at_organization")
      .Null()
      .EndObject();
}

void WriteUserBasic(const ProjectDirectory& projects, int64_t user_id, JsonWriter* json) {
  const std::optional<UserInfo> user = projects.FindUser(user_id);
  user.has_value() ? WriteUserBasic(*user, json) : (void)json->Null();
}

std::string ChangesJson(std::string_view scope, std::string_view before, std::string_view after,
                        const std::set<std::string_view>& ignored) {
  Arena arena;
  JsonObjectView old_members;
  JsonObjectView new_members;
  JsonWriter json;
  json.BeginArray();
  if (!ParseJsonObject(before, &arena, &old_members).ok() ||
      !ParseJsonObject(after, &arena, &new_members).ok()) {
    return json.EndArray().Take();
  }
  const auto text = [](const JsonMember* member) {
    std::string out;
    if (member != nullptr) AppendJsonValue(*member, &out);
    return out.empty() ? std::string("null") : out;
  };
  const auto compare = [&](std::string_view field, const JsonMember* old_member,
                           const JsonMember* new_member) {
    const std::string from = text(old_member);
    const std::string to = text(new_member);
    if (from == to || ignored.contains(field)) return;
    const char* action = from == "null" ? "created" : to == "null" ? "deleted" : "changed";
    json.BeginObject()
        .Field("type", scope)
        .Field("action", action)
        .Field("field", field)
        .Key("before")
        .Raw(from)
        .Key("after")
        .Raw(to)
        .EndObject();
  };
  for (const JsonMember& member : new_members) {
    compare(member.key, FindJsonMember(old_members, member.key), &member);
  }
  for (const JsonMember& member : old_members) {
    if (FindJsonMember(new_members, member.key) == nullptr) compare(member.key, &member, nullptr);
  }
  return json.EndArray().Take();
}

Activity MakeActivity(const ActivityOf& of) {
  JsonWriter detail;
  detail.BeginObject().Field("name", of.name);
  for (const char* name : {"short_id", "type", "trigger", "context"}) detail.Key(name).Null();
  detail.Key("changes").Raw(of.changes_json).EndObject();
  return {.scope = of.scope,
          .item_id = of.item_id,
          .activity = of.activity,
          .user_id = of.user_id,
          .detail_json = detail.Take()};
}

HttpResponse ActivityResponse(const RestCall& call, const ProjectDirectory& projects,
                              const ObjectStore& objects,
                              const ObjectStore::ActivityFilter& filter) {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  const uint64_t limit = NumberParameter(parameters, "limit", kActivityRows, kActivityRowsMax);
  const uint64_t page = NumberParameter(parameters, "page", 1, UINT32_MAX);
  const uint64_t begin = (page - 1) * limit;
  uint64_t count = 0;
  JsonWriter json;
  json.BeginObject().Key("results").BeginArray();
  const absl::Status status =
      objects.VisitActivity(call.project.team_id, filter, [&](const Activity& line) {
        if (count >= begin && count < begin + limit) WriteLine(line, call, projects, &json);
        ++count;
        return true;
      });
  if (!status.ok()) return StatusResponse(status);
  json.EndArray();
  const auto link = [&](const char* name, bool exists, uint64_t number) {
    json.Key(name);
    QueryParameters other = parameters;
    other["page"] = StrCat(number);
    exists ? json.String(RequestUrl(call.request, other)) : json.Null();
  };
  link("next", begin + limit < count, page + 1);
  link("previous", page > 1, page - 1);
  json.Field("count", count).Field("total_count", count).EndObject();
  return HttpJson(200, json.Take());
}

}  // namespace hoglet
