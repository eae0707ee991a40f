#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "include/hoglet/event.h"
#include "src/base/time.h"

namespace hoglet {

// What the pipeline needs to know of a team.
struct TeamSettings {
  TeamId team_id = 0;
  int64_t project_id = 0;
  bool anonymize_ips = false;
  bool is_person_processing_opted_out = false;
  // Events older than this when received are dropped; 0: never.
  int64_t drop_events_older_than_s = 0;
  bool is_heatmap_opted_out = false;
  // Whether events without cookies get an id of the day; otherwise they are dropped.
  bool is_cookieless_enabled = false;
  TimeZone timezone;
};

// Which team an event belongs to. Thread-safe.
class TeamDirectory {
 public:
  virtual ~TeamDirectory() = default;
  // nullopt: no such token; the event is dropped.
  virtual std::optional<TeamSettings> FindByToken(std::string_view token) const = 0;
  // Moves when an answer of FindByToken() may have changed.
  virtual uint64_t version() const { return 0; }
};

}  // namespace hoglet
