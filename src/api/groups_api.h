#pragma once

#include <functional>
#include <string>

#include "include/hoglet/env.h"
#include "include/hoglet/log.h"
#include "include/hoglet/token_directory.h"
#include "src/api/rest.h"
#include "src/http/router.h"
#include "src/metadata/object_store.h"
#include "src/persons/person_store.h"

namespace hoglet {

// Groups and their types (spec rest-api.md section 11), under /api/projects/:id and
// /api/environments/:id:
//   GET    /groups_types/       PATCH /groups_types/update_metadata/
//   PUT    /groups_types/set_default_columns/
//   GET    /groups/?group_type_index=&search=&cursor=     POST /groups/
//   GET    /groups/find/, /groups/property_definitions/, /groups/property_values/
//   POST   /groups/update_property/
//
// What people call a type is kept as a definition; groups themselves change as SDKs change them: by
// a $groupidentify event, whose work the answer waits for. Thread-safe.
class GroupsApi {
 public:
  struct Parts {
    Env* env = nullptr;
    Log* log = nullptr;
    const ProjectDirectory* projects = nullptr;
    const PersonStore* persons = nullptr;
    ObjectStore* objects = nullptr;
    // Waits a while until the pipeline has applied the log below an offset.
    std::function<bool(uint64_t offset)> wait_applied;
  };

  // What `parts` points to outlives the API.
  explicit GroupsApi(const Parts& parts) : parts_(parts) {}

  void AddRoutes(HttpRouter* router);

 private:
  HttpResponse Types(const RestCall& call) const;
  HttpResponse ChangeTypes(const RestCall& call);
  HttpResponse SetColumns(const RestCall& call);
  HttpResponse List(const RestCall& call) const;
  HttpResponse Find(const RestCall& call) const;
  HttpResponse Definitions(const RestCall& call) const;
  HttpResponse Values(const RestCall& call) const;
  HttpResponse Create(const RestCall& call);
  HttpResponse UpdateProperty(const RestCall& call);

  // Appends a $groupidentify and answers with the group as it is after it.
  HttpResponse Identify(const RestCall& call, int type_index, const std::string& key,
                        const std::string& set_json, int status);

  const Parts parts_;
};

}  // namespace hoglet
