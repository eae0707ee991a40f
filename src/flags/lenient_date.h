#pragma once

#include <optional>
#include <string_view>

#include "src/flags/flag_dates.h"

namespace hoglet {

// Dates as people and logs write them, for what no stricter reader took: "May 8, 2009 5:57:51 PM",
// "14 May 2019 19:11:40.164", "03/19/2012 10:11", "2014.03.30", "2021-02-21 PST",
// "Wed, 02 Jun 2021 06:31:39 GMT". Without a zone they are UTC; without a time they get the clock's
// time of day, and without a date its date. Bare numbers are none.
std::optional<FlagInstant> ParseLenientDate(std::string_view text, int64_t now_us);

}  // namespace hoglet
