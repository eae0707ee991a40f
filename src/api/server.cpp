#include "src/api/server.h"

#include <utility>

#include "include/hoglet/status.h"
#include "src/api/capture_routes.h"
#include "src/api/early_access_features_api.h"
#include "src/api/flag_routes.h"
#include "src/api/status_page.h"
#include "src/api/surveys_api.h"
#include "src/api/web_experiments_api.h"
#include "src/base/process.h"
#include "src/http/api_error.h"

namespace hoglet {

Server::Server(const ServerParts& parts, const ServerOptions& options)
    : parts_(parts),
      capture_(parts.env, parts.log, parts.projects, parts.quotas, options.capture, parts.metrics),
      flag_service_(parts.env, parts.projects, parts.flags, options.flags, parts.metrics),
      query_(std::make_unique<QueryApi>(parts.env, parts.query_engine, parts.projects,
                                        options.query, parts.metrics)),
      router_(parts.env, parts.metrics) {
  AddRoutes();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerParts& parts,
                                                      const ServerOptions& options) {
  std::unique_ptr<Server> server(new Server(parts, options));
  HOGLET_RETURN_IF_ERROR(server->capture_.OpenTopics());
  HOGLET_ASSIGN_OR_RETURN(
      server->http_, HttpServer::Start(options.http, &server->router_, parts.env, parts.metrics));
  return server;
}

Server::~Server() { Stop(); }

void Server::Stop() {
  if (http_ != nullptr) http_->Stop();
  flag_service_.Stop();
  query_->Stop();
  if (rights_ != nullptr) rights_->Stop();
}

void Server::AddRoutes() {
  AddCaptureRoutes(&capture_, &router_);
  AddFlagRoutes(&flag_service_, &router_);
  AddProductRoutes();
  AddOperatorRoutes();
  HttpRouteOptions query;
  query.body_bytes_max = query_->options().body_bytes_max;
  const auto run = [this](HttpRequest request, HttpResponder responder) {
    query_->Handle(std::move(request), std::move(responder));
  };
  // Newer clients put the kind of the query at the end; the body says it anyway.
  for (const char* path :
       {"/api/projects/:project_id/query", "/api/projects/:project_id/query/:kind",
        "/api/environments/:project_id/query", "/api/environments/:project_id/query/:kind"}) {
    router_.Add("POST", path, query, run);
  }
  if (parts_.side_rows != nullptr) {
    definitions_ = std::make_unique<DefinitionsApi>(parts_.projects, parts_.side_rows);
    definitions_->AddRoutes(&router_);
    ingestion_warnings_ =
        std::make_unique<IngestionWarningsApi>(parts_.env, parts_.projects, parts_.side_rows);
    ingestion_warnings_->AddRoutes(&router_);
  }
  if (parts_.metadata != nullptr) {
    settings_ = std::make_unique<ProjectSettingsApi>(parts_.projects, parts_.metadata);
    settings_->AddRoutes(&router_);
    keys_ = std::make_unique<PersonalApiKeysApi>(parts_.projects, parts_.metadata);
    keys_->AddRoutes(&router_);
  }
  AddCohortRoutes();
  // Before those whose last segment may be any flag.
  if (parts_.flags != nullptr) {
    flag_definitions_ = std::make_unique<FlagDefinitionsApi>(
        FlagDefinitionsApi::Parts{.env = parts_.env,
                                  .projects = parts_.projects,
                                  .flags = parts_.flags,
                                  .objects = parts_.objects,
                                  .persons = parts_.person_store,
                                  .cohorts = cohorts_.get()});
    flag_definitions_->AddRoutes(&router_);
  }
  if (parts_.objects != nullptr) {
    flags_ = std::make_unique<FeatureFlagsApi>(parts_.env, parts_.projects, parts_.objects);
    flags_->AddRoutes(&router_);
  }
  if (parts_.persons == nullptr) return;
  rights_ =
      std::make_unique<DataRightsApi>(DataRightsApi::Parts{.env = parts_.env,
                                                           .log = parts_.log,
                                                           .engine = parts_.query_engine,
                                                           .projects = parts_.projects,
                                                           .persons = parts_.persons,
                                                           .metadata = parts_.metadata,
                                                           .dead_letters = parts_.dead_letters,
                                                           .wait_applied = parts_.wait_applied});
  rights_->AddRoutes(&router_);
}

void Server::AddProductRoutes() {
  if (parts_.objects == nullptr) {
    AddEmptyProductRoutes(&router_);
    return;
  }
  const ProductApi::Parts parts{
      .env = parts_.env, .projects = parts_.projects, .objects = parts_.objects};
  products_.push_back(std::make_unique<EarlyAccessFeaturesApi>(parts));
  products_.push_back(std::make_unique<SurveysApi>(parts, parts_.query_engine));
  products_.push_back(std::make_unique<WebExperimentsApi>(parts));
  for (const auto& product : products_) product->AddRoutes(&router_);
}

void Server::AddCohortRoutes() {
  if (parts_.objects == nullptr) return;
  if (parts_.persons != nullptr) {
    cohorts_ = std::make_unique<CohortsApi>(CohortsApi::Parts{.env = parts_.env,
                                                              .engine = parts_.query_engine,
                                                              .projects = parts_.projects,
                                                              .persons = parts_.persons,
                                                              .objects = parts_.objects,
                                                              .calculator = parts_.cohorts});
    cohorts_->AddRoutes(&router_);
  }
  if (parts_.person_store != nullptr) {
    groups_ = std::make_unique<GroupsApi>(GroupsApi::Parts{.env = parts_.env,
                                                           .log = parts_.log,
                                                           .projects = parts_.projects,
                                                           .persons = parts_.person_store,
                                                           .objects = parts_.objects,
                                                           .wait_applied = parts_.wait_applied});
    groups_->AddRoutes(&router_);
  }
}

void Server::AddOperatorRoutes() {
  HttpRouteOptions local;
  local.cors = CorsPolicy::kNone;
  const auto alive = [](const HttpRequest&, const HttpResponder& responder) {
    responder(HttpText(200, "ok\n"));
  };
  const auto ready = [this](const HttpRequest&, const HttpResponder& responder) {
    responder(Readiness());
  };
  HttpRouteOptions status;
  status.cors = CorsPolicy::kCredentials;
  for (const char* path : {"/_livez", "/_liveness"}) router_.Add("GET", path, status, alive);
  for (const char* path : {"/_readyz", "/_readiness"}) router_.Add("GET", path, status, ready);
  router_.Add("GET", "/metrics", local, [this](const HttpRequest&, const HttpResponder& responder) {
    if (parts_.before_metrics) parts_.before_metrics();
    parts_.metrics->GetGauge("hoglet_resident_bytes", "Memory of the process that is in RAM.")
        ->Set(static_cast<double>(ResidentBytes()));
    HttpResponse response = HttpText(200, parts_.metrics->PrometheusText());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    responder(std::move(response));
  });
  router_.Add("GET", "/", local,
              [this](const HttpRequest& request, const HttpResponder& responder) {
                responder(StatusPage(request.headers.Find("host")));
              });
}

HttpResponse Server::Readiness() const {
  absl::Status status = parts_.readiness ? parts_.readiness() : absl::OkStatus();
  if (status.ok()) status = parts_.log->Health();
  if (status.ok()) return HttpText(200, "ready\n");
  HttpResponse response = HttpText(503, "not ready: " + std::string(status.message()) + "\n");
  response.headers.Add("retry-after", "1");
  return response;
}

HttpResponse Server::StatusPage(std::string_view host) const {
  StatusPageFacts facts;
  facts.version = parts_.version;
  facts.host = host.empty() ? "localhost" : std::string(host);
  facts.projects = parts_.projects->Projects();
  facts.lines.emplace_back("Events in the log",
                           std::to_string(parts_.log->end_offset(kEventsTopic)));
  if (parts_.status_lines) {
    for (auto& line : parts_.status_lines()) facts.lines.push_back(std::move(line));
  }
  const absl::Status health = parts_.log->Health();
  facts.lines.emplace_back("Log", health.ok() ? "healthy" : std::string(health.message()));
  HttpResponse response = HttpText(200, StatusPageHtml(facts));
  response.content_type = "text/html; charset=utf-8";
  return response;
}

}  // namespace hoglet
