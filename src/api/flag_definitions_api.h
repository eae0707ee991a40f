#pragma once

#include <functional>
#include <string>

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "src/api/cohorts_api.h"
#include "src/api/rest.h"
#include "src/api/stored_flags.h"
#include "src/flags/evaluate.h"
#include "src/flags/flag_source.h"
#include "src/flags/token_buckets.h"
#include "src/http/router.h"

namespace hoglet {

// What programs and people ask about flags, beside their values for one visitor (spec flags.md
// section 7, rest-api.md section 18):
//   GET  /flags/definitions?token=..., /api/feature_flag/local_evaluation,
//        /api/projects/:id/feature_flags/local_evaluation/   the document for local evaluation
//   GET  /api/projects/:id/feature_flags/:key/remote_config/  a stored value
//   GET  /api/projects/:id/feature_flags/evaluation_reasons/?distinct_id=&groups=
//   GET  /api/projects/:id/feature_flags/my_flags/?groups=    as the asking user sees them
//   POST /api/projects/:id/feature_flags/user_blast_radius/   how many a condition matches
//   POST /api/projects/:id/feature_flags/:flag/create_static_cohort_for_flag/   of the persons for
//        whom the flag is on now
// Thread-safe.
class FlagDefinitionsApi {
 public:
  struct Parts {
    Env* env = nullptr;
    const ProjectDirectory* projects = nullptr;
    StoredFlags* flags = nullptr;
    const ObjectStore* objects = nullptr;
    const PersonStore* persons = nullptr;
    CohortsApi* cohorts = nullptr;  // null: no cohorts of flags are made
  };

  // What `parts` points to outlives the API.
  explicit FlagDefinitionsApi(const Parts& parts);

  void AddRoutes(HttpRouter* router);

 private:
  // Who may read definitions: a personal API key, or the project's secret one.
  struct Reader {
    ProjectInfo project;
    bool has_secret_key = false;  // not a personal one
  };
  std::optional<HttpResponse> Authorize(const HttpRequest& request, Reader* reader);

  struct Visitor;
  absl::Status Evaluate(const RestCall& call, Visitor* visitor);

  HttpResponse LocalEvaluation(const HttpRequest& request, bool is_always_with_cohorts);
  HttpResponse RemoteConfig(const HttpRequest& request);
  HttpResponse EvaluationReasons(const RestCall& call);
  HttpResponse MyFlags(const RestCall& call);
  HttpResponse BlastRadius(const RestCall& call);
  HttpResponse CreateStaticCohort(const RestCall& call);

  // Calls `visit` for every person, with what `context` says of it, until it fails.
  absl::Status VisitPersons(TeamId team, FlagContext* context,
                            const std::function<absl::Status(const PersonRecord&)>& visit) const;
  // For whom the flag is on now, each as their first distinct id.
  absl::StatusOr<std::vector<Uuid>> PersonsWith(const RestCall& call, const std::string& key) const;
  absl::StatusOr<uint64_t> CountMatching(TeamId team, const FlagSet& set, int group_type_index,
                                         uint64_t* total) const;

  const Parts parts_;
  // A key may ask 600 times a minute.
  TokenBuckets buckets_;
};

}  // namespace hoglet
