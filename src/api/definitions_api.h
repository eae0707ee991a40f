#pragma once

#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/http/router.h"
#include "src/ingest/side_rows.h"

namespace hoglet {

// The event and property names that a project has seen (spec rest-api.md section 17), read-only:
//   GET /api/projects/:id/event_definitions/     search, event_type, ordering, limit, offset
//   GET /api/projects/:id/property_definitions/  type, group_type_index, search, properties,
//       is_numerical, is_feature_flag, event_names, filter_by_event_names, excluded_properties,
//       exclude_core_properties, limit, offset
// Thread-safe.
class DefinitionsApi {
 public:
  // Both outlive the API.
  DefinitionsApi(const ProjectDirectory* projects, const SideRows* rows)
      : projects_(projects), rows_(rows) {}

  void AddRoutes(HttpRouter* router);

 private:
  HttpResponse Events(const HttpRequest& request, TeamId project_id) const;
  HttpResponse Properties(const HttpRequest& request, TeamId project_id) const;

  const ProjectDirectory* projects_;
  const SideRows* rows_;
};

}  // namespace hoglet
