#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hoglet {

// An event's `timestamp` as clients write it: RFC 3339; the same with an hour-only zone; RFC 2822;
// dates such as 2023-01-02, 2023/01/02, 01/02/2023 (month first), 2023.01.02, 2023-Jan-02,
// "Jan 2, 2023" and "2 January 2023", each with an optional time (AM and PM too) and zone; epoch
// seconds, milliseconds, microseconds or nanoseconds as digits. Without a zone it is UTC, without a
// time midnight. Microseconds since the epoch.
std::optional<int64_t> ParseEventTimestamp(std::string_view text);

// ISO 8601 with an offset, for `sent_at`.
std::optional<int64_t> ParseSentAt(std::string_view text);

// The query's `_` in milliseconds; none unless it lies after 2020 (old SDKs sent seconds).
std::optional<int64_t> SentAtOfQueryMillis(int64_t millis);

struct EventTimeInput {
  std::optional<std::string_view> timestamp;
  std::optional<int64_t> offset_ms;
  std::optional<int64_t> sent_at_us;
  bool ignore_sent_at = false;
  int64_t now_us = 0;
};

// The event's time by the rules of spec capture.md section 7.
int64_t ComputeEventTime(const EventTimeInput& input);

// Latest acceptable lead over the server's clock; later times become now.
inline constexpr int64_t kFutureLeadMaxUs = 23ll * 3600 * 1'000'000;

}  // namespace hoglet
