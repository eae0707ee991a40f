#pragma once

#include "src/capture/capture_service.h"
#include "src/http/router.h"

namespace hoglet {

// Every path that an SDK sends to or loads from, on a capture service that outlives the router.
void AddCaptureRoutes(CaptureService* service, HttpRouter* router);

}  // namespace hoglet
