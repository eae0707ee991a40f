#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace hoglet {

struct CaptureVectorCounts {
  int passed = 0;
  int failed = 0;
};

// Runs one file of capture vectors (tests/vectors/capture/*.json, format: spec capture.md section
// 16) against the capture routes, in process: a router, the capture service and a log in memory,
// with each case's clock and tokens. `report` gets one line for each case that fails, prefixed with
// `name`. kInvalidArgument if the file is not of that format.
absl::StatusOr<CaptureVectorCounts> RunCaptureVectors(
    std::string_view file_text, std::string_view name,
    const std::function<void(const std::string&)>& report);

}  // namespace hoglet
