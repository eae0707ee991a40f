#pragma once

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/http/router.h"
#include "src/ingest/side_rows.h"

namespace hoglet {

// What was wrong with a project's events in the last 30 days, by type (spec rest-api.md):
//   GET /api/projects/:id/ingestion_warnings/
//     {"results": [{"type", "lastSeen", "count", "sparkline": [[count, day], ...],
//                   "warnings": [{"type", "timestamp", "details"}, ...]}, ...]}
// Types and warnings newest first, 50 warnings a type. Thread-safe.
class IngestionWarningsApi {
 public:
  // All outlive the API.
  IngestionWarningsApi(Env* env, const ProjectDirectory* projects, const SideRows* rows)
      : env_(env), projects_(projects), rows_(rows) {}

  void AddRoutes(HttpRouter* router);

 private:
  HttpResponse List(TeamId team_id) const;

  Env* env_;
  const ProjectDirectory* projects_;
  const SideRows* rows_;
};

}  // namespace hoglet
