#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace hoglet {

struct IngestionVectorCounts {
  int passed = 0;
  int failed = 0;
};

// The rules of capture that ingestion vectors ask about. They live in another room; whoever runs
// the vectors brings them.
struct CaptureTimeRules {
  struct Input {
    std::optional<std::string_view> timestamp;
    std::optional<int64_t> offset_ms;
    std::optional<std::string_view> sent_at;
    bool ignore_sent_at = false;
    int64_t now_us = 0;
  };
  // The event's time, in microseconds.
  std::function<int64_t(const Input&)> compute;
  // A timestamp as clients write it.
  std::function<std::optional<int64_t>(std::string_view)> parse;
};

// Runs one file of ingestion vectors (tests/vectors/ingestion/<name>.json), told apart by the
// "name" in it, or by `name` without it. `report` gets a line for each case that differs.
// kInvalidArgument if the file is not of a known format.
absl::StatusOr<IngestionVectorCounts> RunIngestionVectors(
    std::string_view file_text, std::string_view name,
    const std::function<void(const std::string&)>& report, const CaptureTimeRules& time_rules = {});

}  // namespace hoglet
