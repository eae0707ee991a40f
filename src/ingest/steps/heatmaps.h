#pragma once

#include "src/base/arena.h"
#include "src/ingest/parsed_event.h"

namespace hoglet {

// Takes $heatmap_data out of the event's properties into event->heatmaps, with a row for how far
// the page before was scrolled. Sets event->is_row_dropped if such an event may not be stored.
void ExtractHeatmaps(Arena* arena, ParsedEvent* event);

}  // namespace hoglet
