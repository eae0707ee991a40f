#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/log.h"
#include "include/hoglet/query_engine.h"
#include "include/hoglet/token_directory.h"
#include "src/api/cohorts_api.h"
#include "src/api/data_rights_api.h"
#include "src/api/definitions_api.h"
#include "src/api/feature_flags_api.h"
#include "src/api/flag_definitions_api.h"
#include "src/api/groups_api.h"
#include "src/api/ingestion_warnings_api.h"
#include "src/api/personal_api_keys_api.h"
#include "src/api/product_api.h"
#include "src/api/project_settings_api.h"
#include "src/api/query_api.h"
#include "src/api/stored_flags.h"
#include "src/base/metrics.h"
#include "src/capture/capture_service.h"
#include "src/flags/flag_service.h"
#include "src/http/http_server.h"
#include "src/metadata/object_store.h"

namespace hoglet {

// What the HTTP surface is made of. Everything is owned by the caller and outlives the server.
struct ServerParts {
  Env* env = nullptr;
  Log* log = nullptr;
  QueryEngine* query_engine = nullptr;
  const ProjectDirectory* projects = nullptr;
  const CaptureQuotas* quotas = nullptr;  // may be null
  // For deletions and dead letters; with a null `persons` there are no such routes.
  const PersonReader* persons = nullptr;
  MetadataStore* metadata = nullptr;
  DeadLetterQueue* dead_letters = nullptr;
  std::function<bool(uint64_t offset)> wait_applied;
  ObjectStore* objects = nullptr;             // null: no flags, no cohorts
  CohortCalculator* cohorts = nullptr;        // null: dynamic cohorts are not calculated
  const SideRows* side_rows = nullptr;        // null: no definitions, no warnings
  StoredFlags* flags = nullptr;               // null: no project has flags
  const PersonStore* person_store = nullptr;  // null: no groups
  MetricRegistry* metrics = MetricRegistry::Default();
  std::string version;
  // kOk once recovery is done and the pipeline runs; its message is what /_readyz says until then.
  // Null: always.
  std::function<absl::Status()> readiness;
  // Lines of the status page, as (name, value); called at each view. May be null.
  std::function<std::vector<std::pair<std::string, std::string>>()> status_lines;
  // Brings gauges up to date before /metrics is written. May be null.
  std::function<void()> before_metrics;
};

struct ServerOptions {
  HttpServerOptions http;
  CaptureService::Options capture;
  FlagService::Options flags;
  QueryApi::Options query;
};

// The whole HTTP surface: capture, remote config, query API, definitions,
// deletions, health, metrics and the
// status page.
class Server {
 public:
  // Opens the log's topics and serves at once.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerParts& parts,
                                                       const ServerOptions& options);
  // Stop().
  ~Server();

  uint16_t port() const { return http_->port(); }

  // Answers what is under way, then closes. The log must still run: answers wait for it. May be
  // called more than once.
  void Stop();

 private:
  Server(const ServerParts& parts, const ServerOptions& options);
  void AddRoutes();
  void AddCohortRoutes();
  void AddOperatorRoutes();
  void AddProductRoutes();
  HttpResponse Readiness() const;
  HttpResponse StatusPage(std::string_view host) const;

  const ServerParts parts_;
  CaptureService capture_;
  FlagService flag_service_;
  std::unique_ptr<QueryApi> query_;
  std::unique_ptr<DataRightsApi> rights_;
  std::unique_ptr<DefinitionsApi> definitions_;
  std::unique_ptr<IngestionWarningsApi> ingestion_warnings_;
  std::unique_ptr<ProjectSettingsApi> settings_;
  std::vector<std::unique_ptr<ProductApi>> products_;
  std::unique_ptr<FlagDefinitionsApi> flag_definitions_;
  std::unique_ptr<CohortsApi> cohorts_;
  std::unique_ptr<GroupsApi> groups_;
  std::unique_ptr<PersonalApiKeysApi> keys_;
  std::unique_ptr<FeatureFlagsApi> flags_;
  HttpRouter router_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace hoglet
