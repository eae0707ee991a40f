#include "src/api/capture_routes.h"

#include <utility>

#include "src/api/sdk_asset_routes.h"

namespace hoglet {
namespace {

using Method = void (CaptureService::*)(HttpRequest, HttpResponder);

HttpHandler Bind(CaptureService* service, Method method) {
  return [service, method](HttpRequest request, HttpResponder responder) {
    (service->*method)(std::move(request), std::move(responder));
  };
}

}  // namespace

void AddCaptureRoutes(CaptureService* service, HttpRouter* router) {
  const CaptureLimits& limits = service->options().limits;
  HttpRouteOptions analytics;
  analytics.body_bytes_max = limits.body_bytes_max;
  analytics.cors = CorsPolicy::kCredentials;
  analytics.body_error = CaptureBodyError;
  for (const char* path :
       {"/e", "/i/v0/e", "/i/v0/ai/batch", "/capture", "/track", "/engage", "/batch"}) {
    router->Add("GET POST", path, analytics, Bind(service, &CaptureService::HandleAnalytics));
  }
  router->Add("GET POST", "/test/black_hole", analytics,
              [](const HttpRequest&, const HttpResponder& responder) {
                responder(HttpJson(200, R"({"status":"Ok"})"));
              });
  HttpRouteOptions replay = analytics;
  replay.body_bytes_max = limits.replay_body_bytes_max;
  router->Add("GET POST", "/s", replay, Bind(service, &CaptureService::HandleReplay));

  HttpRouteOptions v1 = analytics;
  v1.body_bytes_max = limits.v1_body_bytes_max;
  v1.body_error = CaptureV1BodyError;
  for (const char* path : {"/i/v1/analytics/events", "/i/v1/ai/events"}) {
    router->Add("POST", path, v1, Bind(service, &CaptureService::HandleAnalyticsV1));
  }

  HttpRouteOptions config;
  config.cors = CorsPolicy::kCredentials;
  router->Add("GET", "/array/:token/config", config, Bind(service, &CaptureService::HandleConfig));
  router->Add("GET", "/array/:token/config.js", config,
              Bind(service, &CaptureService::HandleConfigScript));
  AddSdkAssetRoutes(service, router);
}

}  // namespace hoglet
