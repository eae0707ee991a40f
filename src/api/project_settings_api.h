#pragma once

#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/api/rest.h"
#include "src/http/router.h"
#include "src/metadata/metadata_store.h"

namespace hoglet {

// A project and its settings (spec rest-api.md section 7.4), under /api/projects and
// /api/environments alike:
//   GET   /api/projects/:id/
//   PATCH /api/projects/:id/    name, timezone, week_start_day, anonymize_ips,
//       person_processing_opt_out, drop_events_older_than_seconds, heatmaps_opt_in, kSdkSwitches,
//       cookieless_server_hash_mode, modifiers
//   PATCH /api/projects/:id/rotate_secret_token/, /delete_secret_token_backup/
// Events taken from then on are handled by the new settings. Members that are no settings here are
// ignored, as in PostHog. Thread-safe.
class ProjectSettingsApi {
 public:
  // Both outlive the API.
  ProjectSettingsApi(const ProjectDirectory* projects, MetadataStore* metadata)
      : projects_(projects), metadata_(metadata) {}

  void AddRoutes(HttpRouter* router);

 private:
  HttpResponse Get(const HttpRequest& request, TeamId project_id) const;
  HttpResponse Patch(const HttpRequest& request, TeamId project_id) const;
  HttpResponse RotateSecretToken(const RestCall& call) const;
  HttpResponse DeleteSecretTokenBackup(const RestCall& call) const;

  const ProjectDirectory* projects_;
  MetadataStore* metadata_;
};

}  // namespace hoglet
