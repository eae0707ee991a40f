#include "src/api/ingestion_warnings_api.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "include/hoglet/status.h"
#include "src/api/rest.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

constexpr int64_t kDaysShown = 30;
constexpr size_t kShownPerType = 50;

struct Summary {
  uint64_t count = 0;
  int64_t last_seen_us = 0;
  std::map<int64_t, uint64_t> by_day;
  std::deque<std::pair<int64_t, std::string>> latest;  // time and details, oldest first
};

void AddTo(const WarningRow& row, Summary* summary) {
  ++summary->count;
  summary->last_seen_us = std::max(summary->last_seen_us, row.timestamp_us);
  ++summary->by_day[FloorDivide(row.timestamp_us, kMicrosPerDay)];
  summary->latest.emplace_back(row.timestamp_us, row.details);
  if (summary->latest.size() > kShownPerType) summary->latest.pop_front();
}

void Write(const std::string& type, const Summary& summary, int64_t today, JsonWriter* json) {
  json->BeginObject()
      .Field("type", type)
      .Field("lastSeen", FormatRfc3339(summary.last_seen_us, 6))
      .Field("count", summary.count)
      .Key("sparkline")
      .BeginArray();
  for (int64_t day = today - kDaysShown + 1; day <= today; ++day) {
    const auto found = summary.by_day.find(day);
    json->BeginArray()
        .Uint(found == summary.by_day.end() ? 0 : found->second)
        .String(FormatRfc3339(day * kMicrosPerDay, 0).substr(0, 10))
        .EndArray();
  }
  json->EndArray().Key("warnings").BeginArray();
  for (auto warning = summary.latest.rbegin(); warning != summary.latest.rend(); ++warning) {
    json->BeginObject()
        .Field("type", type)
        .Field("timestamp", FormatRfc3339(warning->first, 6))
        .Key("details")
        .Raw(warning->second)
        .EndObject();
  }
  json->EndArray().EndObject();
}

}  // namespace

void IngestionWarningsApi::AddRoutes(HttpRouter* router) {
  AddProjectRoute(router, projects_, "GET", "/ingestion_warnings", "project:read",
                  [this](const RestCall& call) { return List(call.project.team_id); });
}

HttpResponse IngestionWarningsApi::List(TeamId team_id) const {
  const int64_t today = FloorDivide(env_->NowMicros(), kMicrosPerDay);
  // Types are few: they are this program's own names.
  std::map<std::string, Summary> by_type;
  const absl::Status status = rows_->VisitWarnings(
      team_id, (today - kDaysShown + 1) * kMicrosPerDay, [&](const WarningRow& row) {
        AddTo(row, &by_type[row.type]);
        return true;
      });
  if (!status.ok()) return HttpApiError(500, FromAbsl(status.message()));
  std::vector<std::pair<std::string, Summary>> newest(by_type.begin(), by_type.end());
  std::stable_sort(newest.begin(), newest.end(), [](const auto& a, const auto& b) {
    return a.second.last_seen_us > b.second.last_seen_us;
  });
  JsonWriter json;
  json.BeginObject().Key("results").BeginArray();
  for (const auto& [type, summary] : newest) Write(type, summary, today, &json);
  json.EndArray().EndObject();
  return HttpJson(200, json.Take());
}

}  // namespace hoglet
