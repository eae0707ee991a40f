#pragma once

#include <optional>
#include <string>

#include "include/hoglet/env.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/api/json_fields.h"
#include "src/api/rest.h"
#include "src/http/router.h"
#include "src/metadata/object_store.h"

namespace hoglet {

// Feature flags of a project (spec rest-api.md section 18):
//   GET, POST  /api/projects/:id/feature_flags/          list (active, type, search, created_by_id,
//       evaluation_runtime, tags, excluded_properties, limit, offset), create
//   GET, PATCH /api/projects/:id/feature_flags/:flag/    {"deleted": true} deletes, and
//       {"deleted": false} alone brings back; DELETE is refused
//   GET        .../feature_flags/:flag/activity/, .../feature_flags/activity/
//   GET        .../feature_flags/:flag/status/
//   POST       .../feature_flags/bulk_keys/
//   GET        /api/projects/:id/activity_log/           scope, scopes, item_id, user, page, limit
// A flag is stored as FORMAT.md's object of kind 1, with the members that flags.md section 3.1
// names, ids of users for created_by and last_modified_by, and `field_versions`: the version in
// which a field was last changed. Thread-safe.
class FeatureFlagsApi {
 public:
  // All outlive the API.
  FeatureFlagsApi(Env* env, const ProjectDirectory* projects, ObjectStore* objects)
      : env_(env), projects_(projects), objects_(objects) {}

  // Routes below /feature_flags/ of others that have a fixed name must be added before.
  void AddRoutes(HttpRouter* router);

 private:
  HttpResponse List(const RestCall& call) const;
  HttpResponse Create(const RestCall& call) const;
  HttpResponse Get(const RestCall& call) const;
  HttpResponse Update(const RestCall& call) const;
  HttpResponse Status(const RestCall& call) const;
  HttpResponse BulkKeys(const RestCall& call) const;
  HttpResponse FlagActivity(const RestCall& call) const;
  HttpResponse ActivityLog(const RestCall& call) const;

  // The flag of the path, unless it is deleted.
  std::optional<JsonFields> FindFlag(const RestCall& call) const;
  void WriteFlag(const JsonFields& flag, JsonWriter* json) const;
  HttpResponse FlagResponse(int status, const JsonFields& flag) const;

  Env* const env_;
  const ProjectDirectory* projects_;
  ObjectStore* objects_;
};

}  // namespace hoglet
