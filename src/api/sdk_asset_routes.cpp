#include "src/api/sdk_asset_routes.h"

#include <utility>

#include "include/hoglet/status.h"
#include "src/api/static_content.h"
#include "src/assets/assets.h"
#include "src/base/url.h"
#include "src/capture/compression.h"

namespace hoglet {
namespace {

// A file named with the version it has never changes; any other name may stand for another file
// after an upgrade.
bool IsPinned(const HttpRequest& request) {
  if (request.PathParameter("version") == SdkVersion()) return true;
  const auto version = FindQueryValue(request.query, "v");
  return version.has_value() && *version == SdkVersion();
}

void ServeAsset(const HttpRequest& request, const HttpResponder& responder) {
  const SdkAsset* asset = FindSdkAsset(request.PathParameter("file"));
  if (asset == nullptr) {
    responder(HttpText(404, "no such file"));
    return;
  }
  StaticContent content;
  content.content_type = asset->name.ends_with(".js") ? "application/javascript; charset=utf-8"
                                                      : "text/plain; charset=utf-8";
  content.etag = asset->etag;
  content.cache_control =
      IsPinned(request) ? "public, max-age=31536000, immutable" : "public, max-age=300";
  content.gzip = asset->gzip;
  content.plain_bytes = asset->plain_bytes;
  responder(AnswerStatic(request, content));
}

std::string PlainText(const SdkAsset& asset) {
  auto plain = DecompressGzip(asset.gzip, asset.plain_bytes);
  HOGLET_ASSERT(plain.ok());
  return *std::move(plain);
}

void ServeConfiguredSdk(CaptureService* service, HttpRequest request, HttpResponder responder) {
  service->HandleConfigScript(std::move(request),
                              [responder = std::move(responder)](HttpResponse config) {
                                if (config.status == 200) {
                                  const SdkAsset* sdk = FindSdkAsset("array.js");
                                  HOGLET_ASSERT(sdk != nullptr);
                                  config.body = PlainText(*sdk) + "\n\n" + config.body;
                                }
                                responder(std::move(config));
                              });
}

}  // namespace

void AddSdkAssetRoutes(CaptureService* service, HttpRouter* router) {
  HttpRouteOptions options;
  options.cors = CorsPolicy::kCredentials;
  router->Add("GET", "/static/:file", options, ServeAsset);
  router->Add("GET", "/static/:version/:file", options, ServeAsset);
  router->Add("GET", "/array/:token/array.js", options,
              [service](HttpRequest request, HttpResponder responder) {
                ServeConfiguredSdk(service, std::move(request), std::move(responder));
              });
}

}  // namespace hoglet
