#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "include/hoglet/event.h"

namespace hoglet {

// What the pipeline needs to know of a team.
struct TeamSettings {
  TeamId team_id = 0;
  int64_t project_id = 0;
  bool anonymize_ips = false;
  bool is_person_processing_opted_out = false;
  // Events older than this when received are dropped; 0: never.
  int64_t drop_events_older_than_s = 0;
};

// Which team an event belongs to. Thread-safe.
class TeamDirectory {
 public:
  virtual ~TeamDirectory() = default;
  // nullopt: no such token; the event is dropped.
  virtual std::optional<TeamSettings> FindByToken(std::string_view token) const = 0;
};

}  // namespace hoglet
