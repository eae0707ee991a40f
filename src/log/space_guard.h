#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "include/hoglet/env.h"

namespace hoglet::log_internal {

// Says whether the file system of a directory has the margin of free space that appends need. The
// kernel is asked at most every 100 ms; a kernel that does not answer counts as space. Thread-safe.
class SpaceGuard {
 public:
  SpaceGuard(Env* env, std::string directory, uint64_t free_bytes_min)
      : env_(env), directory_(std::move(directory)), free_bytes_min_(free_bytes_min) {}

  // OK or kResourceExhausted.
  absl::Status Check();

 private:
  Env* env_;
  const std::string directory_;
  const uint64_t free_bytes_min_;
  std::mutex mutex_;
  int64_t checked_ns_ = INT64_MIN;
  absl::Status status_;
};

}  // namespace hoglet::log_internal
