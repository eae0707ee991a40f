#pragma once

#include <span>

#include "absl/status/status.h"
#include "include/hoglet/event.h"

namespace hoglet {

struct PersonMerge {
  TeamId team_id = 0;
  Uuid from;  // gone
  Uuid into;
};

// Learns from the pipeline which persons have ceased to be, in the order of the log, before that is
// durable in the person store: after a crash it learns of some again, and must then do nothing. The
// pipeline waits for it and repeats what fails. Called by one thread.
class PersonObserver {
 public:
  virtual ~PersonObserver() = default;
  virtual absl::Status PersonsMerged(std::span<const PersonMerge> merges) = 0;
  virtual absl::Status PersonsDeleted(TeamId team, std::span<const Uuid> persons) = 0;
};

}  // namespace hoglet
