#pragma once

#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/api/rest.h"
#include "src/http/router.h"
#include "src/metadata/metadata_store.h"

namespace hoglet {

// Personal API keys and who one is (spec rest-api.md sections 7.1 and 7.2):
//   GET, POST          /api/personal_api_keys/
//   GET, PATCH, DELETE /api/personal_api_keys/:id/     "@current": the calling key
//   POST               /api/personal_api_keys/:id/roll/
//   GET                /api/users/@me/
// There are no sessions: a key that may do everything everywhere manages all keys, any other sees
// itself only. Thread-safe.
class PersonalApiKeysApi {
 public:
  // Both outlive the API.
  PersonalApiKeysApi(const ProjectDirectory* projects, MetadataStore* metadata)
      : projects_(projects), metadata_(metadata) {}

  void AddRoutes(HttpRouter* router);

 private:
  HttpResponse List() const;
  HttpResponse Create(const HttpRequest& request, const Caller& caller) const;
  HttpResponse Get(const HttpRequest& request, const Caller& caller) const;
  HttpResponse Update(const HttpRequest& request, const Caller& caller) const;
  HttpResponse Delete(const HttpRequest& request) const;
  HttpResponse Roll(const HttpRequest& request) const;
  HttpResponse Me(const HttpRequest& request, const Caller& caller) const;
  // The answer with a key of that number, or 404.
  HttpResponse KeyResponse(int64_t id) const;

  const ProjectDirectory* projects_;
  MetadataStore* metadata_;
};

}  // namespace hoglet
