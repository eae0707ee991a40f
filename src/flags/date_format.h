#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "src/base/time.h"
#include "src/flags/flag_dates.h"

namespace hoglet {

// What a text said of a date and a time of day.
struct ParsedDate {
  int64_t day_number = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  uint32_t nanos = 0;  // a billion more in a leap second
  std::optional<int32_t> offset_seconds;

  // As if the clock were Greenwich's.
  FlagInstant AsUtc() const;
  // With its own offset.
  FlagInstant WithOffset() const;
};

// Reads a whole text by a format of strptime's kind, as Rust's chrono does: %Y %y %m %d %b %H %I %M
// %S %f (".123", or nothing) %P (am, PM) %z (+02:00). Numbers may be shorter than their width and
// have spaces before them; a space stands for any number of spaces, also none. nullopt for what
// does not fit and for days and times that do not exist.
std::optional<ParsedDate> ParseDateFormat(std::string_view text, std::string_view format);

// RFC 3339, strict in its digits.
std::optional<FlagInstant> ParseRfc3339Instant(std::string_view text);

}  // namespace hoglet
