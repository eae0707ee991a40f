#pragma once

#include "src/capture/capture_service.h"
#include "src/http/router.h"

namespace hoglet {

// posthog-js, from the binary: /static/<file>, /static/<any version>/<file> and
// /array/<token>/array.js (the SDK with the project's configuration behind it). `service` outlives
// the router.
void AddSdkAssetRoutes(CaptureService* service, HttpRouter* router);

}  // namespace hoglet
