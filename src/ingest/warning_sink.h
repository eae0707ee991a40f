#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "include/hoglet/event.h"
#include "src/persons/person_processor.h"

namespace hoglet {

// Where ingestion warnings go. Called by one thread; after a crash the warnings since the last
// checkpoint come again.
class WarningSink {
 public:
  virtual ~WarningSink() = default;
  virtual void Warn(TeamId team_id, const IngestionWarning& warning, int64_t received_at_us) = 0;
};

// Counts warnings (hoglet_ingestion_warnings_total by type), logs their types, and keeps the last
// of them. Thread-safe.
class RecentWarnings : public WarningSink {
 public:
  explicit RecentWarnings(size_t kept_max = 1000) : kept_max_(kept_max) {}

  void Warn(TeamId team_id, const IngestionWarning& warning, int64_t received_at_us) override;

  struct Entry {
    TeamId team_id = 0;
    std::string type;
    std::string details;  // JSON object
    int64_t received_at_us = 0;
  };
  // Oldest first.
  std::vector<Entry> Entries() const;

 private:
  const size_t kept_max_;
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
};

// {"name": value, ...}
std::string WarningDetailsJson(const IngestionWarning& warning);

}  // namespace hoglet
