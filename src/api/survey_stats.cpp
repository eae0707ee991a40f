#include "src/api/survey_stats.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "include/hoglet/status.h"
#include "src/api/result_json.h"
#include "src/base/arena.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr const char* kShown = "survey shown";
constexpr const char* kDismissed = "survey dismissed";
constexpr const char* kSent = "survey sent";
// The parts of one response have one submission id; older SDKs send it whole, without an id.
constexpr const char* kResponse =
    "coalesce(nullIf(toString(properties.$survey_submission_id), ''), toString(uuid))";

struct EventStats {
  int64_t total = 0;
  int64_t total_only_seen = 0;
  int64_t persons = 0;
  int64_t persons_only_seen = 0;
  std::string first_seen = "null";  // JSON
  std::string last_seen = "null";
};

struct Stats {
  EventStats shown;
  EventStats dismissed;
  EventStats sent;
};

// Rows of JSON texts.
using Rows = std::vector<std::vector<std::string>>;

absl::StatusOr<Rows> Run(QueryEngine* engine, TeamId team_id, std::string text) {
  QueryRequest request;
  request.team_id = team_id;
  request.text = std::move(text);
  request.timezone = "UTC";
  HOGLET_ASSIGN_OR_RETURN(const QueryResult result, engine->Run(request));
  const std::string json = ResultRowsJson(result);
  Arena arena;
  std::vector<JsonMember> lines;
  HOGLET_RETURN_IF_ERROR(ParseJsonArray(json, &arena, &lines));
  Rows rows;
  for (const JsonMember& line : lines) {
    std::vector<JsonMember> values;
    HOGLET_RETURN_IF_ERROR(ParseJsonArray(line.text, &arena, &values));
    auto& row = rows.emplace_back();
    for (const JsonMember& value : values) AppendJsonValue(value, &row.emplace_back());
  }
  return rows;
}

std::string Where(const SurveyStatsQuery& query) {
  std::string ids;
  for (const std::string& id : query.survey_ids) {
    StrAppend(&ids, ids.empty() ? "'" : ", '", id, "'");
  }
  std::string where =
      StrCat("properties.$survey_id IN (", ids, ") AND (event != '", kDismissed,
             "' OR ifNull(toString(properties.$survey_partially_completed), 'false') != 'true')");
  if (!query.date_from.empty()) {
    StrAppend(&where, " AND timestamp >= toDateTime('", query.date_from, "')");
  }
  if (!query.date_to.empty()) {
    StrAppend(&where, " AND timestamp <= toDateTime('", query.date_to, "')");
  }
  return where;
}

int64_t ToInt(const std::string& json) { return std::strtoll(json.c_str(), nullptr, 10); }

absl::StatusOr<Stats> Count(QueryEngine* engine, const SurveyStatsQuery& query) {
  const std::string where = Where(query);
  HOGLET_ASSIGN_OR_RETURN(
      const Rows rows,
      Run(engine, query.team_id,
          StrCat("SELECT event, count(DISTINCT if(event = '", kSent, "', ", kResponse,
                 ", toString(uuid))), count(DISTINCT person_id), min(timestamp), max(timestamp) "
                 "FROM events WHERE event IN ('",
                 kShown, "', '", kDismissed, "', '", kSent, "') AND ", where, " GROUP BY event")));
  Stats stats;
  for (const auto& row : rows) {
    EventStats* const of = row[0] == StrCat("\"", kShown, "\"")       ? &stats.shown
                           : row[0] == StrCat("\"", kDismissed, "\"") ? &stats.dismissed
                                                                      : &stats.sent;
    *of = {.total = ToInt(row[1]),
           .persons = ToInt(row[2]),
           .first_seen = row[3],
           .last_seen = row[4]};
  }
  // Who dismissed it once and answered it later has answered it.
  HOGLET_ASSIGN_OR_RETURN(
      const Rows both,
      Run(engine, query.team_id,
          StrCat("SELECT count() FROM (SELECT person_id FROM events WHERE event IN ('", kDismissed,
                 "', '", kSent, "') AND ", where, " GROUP BY person_id HAVING countIf(event = '",
                 kDismissed, "') > 0 AND countIf(event = '", kSent, "') > 0)")));
  if (!both.empty()) stats.dismissed.persons -= ToInt(both[0][0]);
  stats.dismissed.persons = std::max<int64_t>(stats.dismissed.persons, 0);
  const auto rest = [](int64_t shown, int64_t dismissed, int64_t sent) {
    return std::max<int64_t>(shown - dismissed - sent, 0);
  };
  stats.shown.total_only_seen = rest(stats.shown.total, stats.dismissed.total, stats.sent.total);
  stats.shown.persons_only_seen =
      rest(stats.shown.persons, stats.dismissed.persons, stats.sent.persons);
  return stats;
}

// In percent, with two decimals.
double Rate(int64_t part, int64_t whole) {
  if (whole == 0) return 0;
  return std::round(static_cast<double>(part) / static_cast<double>(whole) * 10'000) / 100;
}

void WriteEvent(const char* name, const EventStats& stats, JsonWriter* json) {
  json->Key(name)
      .BeginObject()
      .Field("total_count", stats.total)
      .Field("total_count_only_seen", stats.total_only_seen)
      .Field("unique_persons", stats.persons)
      .Field("unique_persons_only_seen", stats.persons_only_seen)
      .Key("first_seen")
      .Raw(stats.first_seen)
      .Key("last_seen")
      .Raw(stats.last_seen)
      .EndObject();
}

}  // namespace

absl::Status WriteSurveyStats(QueryEngine* engine, const SurveyStatsQuery& query,
                              JsonWriter* json) {
  Stats stats;
  json->Key("stats").BeginObject();
  if (!query.survey_ids.empty()) {
    HOGLET_ASSIGN_OR_RETURN(stats, Count(engine, query));
    WriteEvent(kShown, stats.shown, json);
    WriteEvent(kDismissed, stats.dismissed, json);
    WriteEvent(kSent, stats.sent, json);
  }
  json->EndObject().Key("rates").BeginObject();
  json->Field("response_rate", Rate(stats.sent.total, stats.shown.total))
      .Field("dismissal_rate", Rate(stats.dismissed.total, stats.shown.total))
      .Field("unique_users_response_rate", Rate(stats.sent.persons, stats.shown.persons))
      .Field("unique_users_dismissal_rate", Rate(stats.dismissed.persons, stats.shown.persons))
      .EndObject();
  return absl::OkStatus();
}

absl::StatusOr<std::string> SurveyResponseCounts(QueryEngine* engine, TeamId team_id,
                                                 const std::string& since) {
  HOGLET_ASSIGN_OR_RETURN(
      const Rows rows,
      Run(engine, team_id,
          StrCat("SELECT toString(properties.$survey_id) AS survey_id, count(DISTINCT ", kResponse,
                 ") FROM events WHERE event = '", kSent, "' AND timestamp >= toDateTime('", since,
                 "') GROUP BY survey_id LIMIT 10000")));
  JsonWriter json;
  json.BeginObject();
  Arena arena;
  for (const auto& row : rows) {
    JsonMember id;
    if (!ParseJsonValue(row[0], &arena, &id).ok() || id.kind != JsonKind::kString) continue;
    json.Field(id.text, ToInt(row[1]));
  }
  return json.EndObject().Take();
}

}  // namespace hoglet
