#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace hoglet {

struct HashVectorCounts {
  int passed = 0;
  int failed = 0;
};

// Runs a file of hash vectors (the format of tests/vectors/hashes.json): `report` gets one line for
// each row that differs. kInvalidArgument if the file is not of that format.
absl::StatusOr<HashVectorCounts> RunHashVectors(
    std::string_view file_text, const std::function<void(const std::string&)>& report);

}  // namespace hoglet
