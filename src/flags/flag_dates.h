#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "src/base/time.h"
#include "src/flags/flag_value.h"

namespace hoglet {

// A moment to the nanosecond, of any year that flags may name. A leap second is the second before
// it with a billion nanoseconds and more.
struct FlagInstant {
  int64_t seconds = 0;  // since 1970-01-01T00:00:00Z
  uint32_t nanos = 0;

  friend auto operator<=>(const FlagInstant&, const FlagInstant&) = default;
};

// A clock and the project's zone: what has no offset is read in it.
struct FlagClock {
  int64_t now_us = 0;
  TimeZone zone;
};

// "-7d", "7d": now, by the zone's clock, less that many hours, days, weeks, months or years. Months
// and years are stepped one at a time and cut the day. nullopt for anything else, and for a time
// that the zone skips.
std::optional<FlagInstant> ParseRelativeDate(std::string_view text, const FlagClock& clock);
// Whether the text has that form, and so means another moment at each evaluation.
bool IsRelativeDate(std::string_view text);

// A date as a filter gives it: relative, RFC 3339, a date with or without a time, or last what
// ParseLenientDate reads.
std::optional<FlagInstant> ParseFlagDate(std::string_view text, const FlagClock& clock);

// As properties hold it: seconds since 1970 as a number or its text, or as above. What is no date
// has none.
std::optional<FlagInstant> DateOfProperty(const FlagValue& value, const FlagClock& clock);

}  // namespace hoglet
