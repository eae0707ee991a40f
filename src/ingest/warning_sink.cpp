#include "src/ingest/warning_sink.h"

#include "src/base/json.h"
#include "src/base/logging.h"
#include "src/base/metrics.h"

namespace hoglet {

std::string WarningDetailsJson(const IngestionWarning& warning) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] : warning.details) json.Key(name).Raw(value);
  json.EndObject();
  return json.Take();
}

void RecentWarnings::Warn(TeamId team_id, const IngestionWarning& warning, int64_t received_at_us) {
  const std::string type(warning.type);
  MetricRegistry::Default()
      ->GetCounter("hoglet_ingestion_warnings_total",
                   "Events with a problem their sender should know.", {{"type", type}})
      ->Add();
  static LogRateLimit limit(1'000'000);
  uint64_t suppressed = 0;
  if (limit.Allow(&suppressed)) {
    LogWarning("ingestion warning",
               {{"team_id", team_id}, {"type", type}, {"suppressed", suppressed}});
  }
  std::lock_guard lock(mutex_);
  entries_.push_back({team_id, type, WarningDetailsJson(warning), received_at_us});
  if (entries_.size() > kept_max_) entries_.pop_front();
}

std::vector<RecentWarnings::Entry> RecentWarnings::Entries() const {
  std::lock_guard lock(mutex_);
  return {entries_.begin(), entries_.end()};
}

}  // namespace hoglet
