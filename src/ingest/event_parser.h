#pragma once

#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "src/ingest/cookieless_salts.h"
#include "src/ingest/definition_scout.h"
#include "src/ingest/geoip_database.h"
#include "src/ingest/parsed_event.h"

namespace hoglet {

// The steps from a log record to an event ready for the person step: decode, find the team, parse,
// check, enrich, normalise, prepare. A pure function of the record, the team's settings and the
// salts of the days. One a thread (it remembers the last team).
class EventParser {
 public:
  // `geoip` may be null: no places then; `cookieless` too: events without cookies are dropped then.
  explicit EventParser(const TeamDirectory* teams, const GeoIpDatabase* geoip = nullptr,
                       CookielessSalts* cookieless = nullptr)
      : teams_(teams), geoip_(geoip), cookieless_(cookieless) {}

  // Reads `event->value`; fills the rest but offset and key. Never fails: what cannot be parsed
  // becomes a dead letter.
  void Parse(Arena* arena, ParsedEvent* event);

 private:
  bool FindTeam(ParsedEvent* event);

  const TeamDirectory* teams_;
  const GeoIpDatabase* geoip_;
  CookielessSalts* cookieless_;
  DefinitionScout definitions_;
  std::string last_token_;
  uint64_t last_version_ = 0;
  std::optional<TeamSettings> last_team_;
  JsonObjectView root_;
};

}  // namespace hoglet
