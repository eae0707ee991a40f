#include "src/api/flag_routes.h"

#include <utility>

namespace hoglet {
namespace {

HttpResponse FlagBodyError(const HttpRequest&, HttpBodyError error, uint64_t) {
  return error == HttpBodyError::kTooLarge ? HttpText(413, "request body too large")
                                           : HttpText(400, "the request body did not come whole");
}

}  // namespace

void AddFlagRoutes(FlagService* service, HttpRouter* router) {
  HttpRouteOptions options;
  options.body_bytes_max = service->options().body_bytes_max;
  options.cors = CorsPolicy::kCredentials;
  options.body_error = FlagBodyError;
  options.allow = "GET, POST, OPTIONS, HEAD";
  for (const char* path : {"/flags", "/decide"}) {
    router->Add("GET POST", path, options, [service](HttpRequest request, HttpResponder responder) {
      service->Handle(std::move(request), std::move(responder));
    });
  }
}

}  // namespace hoglet
