#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/http/router.h"
#include "src/metadata/object_store.h"

// What the resources of the REST API share (spec rest-api.md sections 2 to 5): who may do what,
// bodies, pages, errors, users, and the activity log.

namespace hoglet {

// -- Who may do what --

// "write" of an object includes its "read".
bool HasScope(const Caller& caller, std::string_view scope);

// Nothing if the request's key may do `scope` ("feature_flag:read") in the project of its path
// parameter "project_id" (a number or "@current"), or of the project token that it names (?token=,
// or "token" or "api_key" of the body), which wins; the answer that refuses it otherwise. The key
// is looked for in the Authorization header, then in the body, then in the query. `project` and
// `caller` (may be null) are set if nothing is returned.
std::optional<HttpResponse> AuthorizeProject(const HttpRequest& request,
                                             const ProjectDirectory& projects,
                                             std::string_view scope, ProjectInfo* project,
                                             Caller* caller = nullptr);
// The same for what is in no project; keys scoped to projects are refused.
std::optional<HttpResponse> AuthorizeCaller(const HttpRequest& request,
                                            const ProjectDirectory& projects,
                                            std::string_view scope, Caller* caller);
// Only who it is: any living key will do.
std::optional<HttpResponse> Authenticate(const HttpRequest& request,
                                         const ProjectDirectory& projects, Caller* caller);

// The key of an "Authorization: Bearer KEY"; empty if there is none. A view into the request.
std::string_view BearerOf(const HttpRequest& request);

struct RestCall {
  const HttpRequest& request;
  ProjectInfo project;
  Caller caller;
};
using RestAction = std::function<HttpResponse(const RestCall&)>;
// Adds a resource of projects, e.g. "/cohorts/:id", under /api/projects/:project_id and under
// /api/environments/:project_id, on a worker. `projects` outlives the router.
void AddProjectRoute(HttpRouter* router, const ProjectDirectory* projects, std::string_view methods,
                     const std::string& path, const std::string& scope, const RestAction& action,
                     HttpRouteOptions options = {.on_worker = true});

// -- Bodies and errors --

// Nothing if the body is one JSON object or empty (no members); the answer 400 otherwise. `members`
// point into the body and the arena.
std::optional<HttpResponse> ReadJsonBody(const HttpRequest& request, Arena* arena,
                                         JsonObjectView* members);
// kInvalidArgument 400, kNotFound 404, kInternal 500, anything else 503 with Retry-After.
HttpResponse StatusResponse(const absl::Status& status);
// DELETE of what is only ever marked as deleted.
HttpResponse HardDeleteRefused();
// 401 with the header that says how to do better.
HttpResponse NotAuthenticated(std::string_view detail, std::string_view code);

// -- Query parameters and pages --

// By name, decoded; of repeated names the last.
using QueryParameters = std::map<std::string, std::string>;
QueryParameters ReadQueryParameters(std::string_view query);
// Empty if absent.
std::string GetParameter(const QueryParameters& parameters, const std::string& name);
std::optional<bool> GetBoolParameter(const QueryParameters& parameters, const std::string& name);
// The strings of a JSON array.
std::set<std::string> GetJsonListParameter(const QueryParameters& parameters,
                                           const std::string& name);
// Whether every word of the search is in the text, whatever its case.
bool MatchesSearch(std::string_view text, std::string_view search);

struct Page {
  uint64_t limit = 100;
  uint64_t offset = 0;
};
Page ReadPage(const QueryParameters& parameters);
// The absolute URL of the same request with other parameters.
std::string RequestUrl(const HttpRequest& request, const QueryParameters& parameters);

// The envelope {count, next, previous, results} of the page that the request asks for. `write` is
// called for each row of it, by position, and writes one JSON value.
HttpResponse PagedResponse(const HttpRequest& request, const QueryParameters& parameters,
                           uint64_t row_count,
                           const std::function<void(uint64_t row, JsonWriter* json)>& write);

// -- Users --

void WriteUserBasic(const UserInfo& user, JsonWriter* json);
// null if there is no such user.
void WriteUserBasic(const ProjectDirectory& projects, int64_t user_id, JsonWriter* json);

// -- The activity log --

// Which members of two JSON objects differ, as {"type","action","field","before","after"} each, in
// an array; `before` is empty for a thing just made, whose members do not count as changes.
// `ignored` are not compared.
std::string ChangesJson(std::string_view scope, std::string_view before, std::string_view after,
                        const std::set<std::string_view>& ignored);

// A line about a thing called `name`, with the changes as ChangesJson() gives them.
struct ActivityOf {
  std::string scope;  // "FeatureFlag"
  std::string item_id;
  std::string name;
  std::string activity;  // "created", "updated", "deleted", ...
  int64_t user_id = 0;
  std::string changes_json = "[]";
};
Activity MakeActivity(const ActivityOf& of);

// One page (?page= from 1, ?limit=, 10 by default) of the lines, the newest first.
HttpResponse ActivityResponse(const RestCall& call, const ProjectDirectory& projects,
                              const ObjectStore& objects,
                              const ObjectStore::ActivityFilter& filter);

}  // namespace hoglet
