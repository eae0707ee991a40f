#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "include/hoglet/env.h"

// Whether the parts of a data directory belong together, said before anything in it is changed:
// a part that was lost is never replaced by an empty one in silence.

namespace hoglet {

// How far each part of a data directory is in the topic of accepted events.
struct DirectoryOffsets {
  uint64_t log_begin = 0;  // what retention has left begins here
  uint64_t log_end = 0;
  uint64_t persons_applied = 0;  // the person store has taken every record below
  uint64_t events_durable = 0;   // the rows of every record below are in the event store
};

// kFailedPrecondition if the directory at `path` has data but no projects and keys.
absl::Status CheckMetadataIsThere(Env* env, const std::string& path);

// kDataLoss if flags, cohorts and other definitions were there once (`has_objects` of the metadata)
// and are not.
absl::Status CheckObjectsAreThere(Env* env, const std::string& path, bool has_objects);

// kDataLoss if a part was lost or is older than the others, so that records would be skipped or
// taken twice; the message says which part, and what to do. A store that has nothing is no loss as
// long as the log still holds what it lacks.
absl::Status CheckOffsets(const std::string& path, const DirectoryOffsets& offsets);

}  // namespace hoglet
