#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/http_message.h"
#include "include/hoglet/query_engine.h"
#include "src/base/json.h"

// How surveys were answered (spec rest-api.md section 20), counted from the events that SDKs send.
// A response that came in parts counts once. Blocks for the length of its queries; errors are the
// engine's.

namespace hoglet {

struct SurveyStatsQuery {
  TeamId team_id = 0;
  std::vector<std::string> survey_ids;  // UUIDs
  std::string date_from;                // RFC 3339; empty: all time
  std::string date_to;
};
// Writes the members "stats" and "rates".
absl::Status WriteSurveyStats(QueryEngine* engine, const SurveyStatsQuery& query, JsonWriter* json);
// {survey id: number of responses since `since`}.
absl::StatusOr<std::string> SurveyResponseCounts(QueryEngine* engine, TeamId team_id,
                                                 const std::string& since);

}  // namespace hoglet
