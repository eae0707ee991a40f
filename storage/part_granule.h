#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "storage/event_table.h"
#include "storage/json_forms.h"
#include "storage/scan.h"

namespace hoglet {

// One granule of a part for one team. The part must have rows of the team's key range in it; others
// are masked.
absl::StatusOr<std::unique_ptr<GranuleReader>> OpenPartGranule(const VisiblePart& part,
                                                               size_t granule, TeamId team);

}  // namespace hoglet
