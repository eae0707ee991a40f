#pragma once

#include "src/base/arena.h"
#include "src/ingest/geoip_database.h"
#include "src/ingest/parsed_event.h"

namespace hoglet {

// Adds $geoip_* to the event's properties, to $set and, as $initial_geoip_*, to $set_once, if the
// database knows the event's address (spec ingestion.md section 5.2).
void AddGeoIp(const GeoIpDatabase& database, Arena* arena, ParsedEvent* event);

}  // namespace hoglet
