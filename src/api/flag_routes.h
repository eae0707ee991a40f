#pragma once

#include "src/flags/flag_service.h"
#include "src/http/router.h"

namespace hoglet {

// /flags and /decide. `service` outlives the router.
void AddFlagRoutes(FlagService* service, HttpRouter* router);

}  // namespace hoglet
