#pragma once

#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "src/ingest/parsed_event.h"

namespace hoglet {

// The steps from a log record to an event ready for the person step: decode, find the team, parse,
// check, normalise, prepare. A pure function of the record and the team's settings. One a thread
// (it remembers the last team).
class EventParser {
 public:
  explicit EventParser(const TeamDirectory* teams) : teams_(teams) {}

  // Reads `event->value`; fills the rest but offset and key. Never fails: what cannot be parsed
  // becomes a dead letter.
  void Parse(Arena* arena, ParsedEvent* event);

 private:
  bool FindTeam(ParsedEvent* event);

  const TeamDirectory* teams_;
  std::string last_token_;
  std::optional<TeamSettings> last_team_;
  JsonObjectView root_;
};

}  // namespace hoglet
