#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "include/hoglet/http_message.h"
#include "src/base/arena.h"
#include "src/capture/capture.h"

// Rules that the capture endpoints share. Errors are statuses whose message is the text for the
// client; HttpStatusOf gives the number.

namespace hoglet {

// kInvalidArgument 400, kUnauthenticated 401, kOutOfRange 413, kDeadlineExceeded 408, kUnavailable
// 503, else 500.
int HttpStatusOf(const absl::Status& status);

// Unicode White_Space cut from both ends.
std::string_view TrimWhitespace(std::string_view text);

// Why a trimmed token has the wrong shape ("empty", "too_long", "not_ascii", "personal_api_key",
// "null_byte"); empty if it is fine.
std::string_view TokenFault(std::string_view token);
// Shape and existence; kUnauthenticated with the client's text. `token` is trimmed.
absl::Status CheckToken(std::string_view token, const TokenDirectory* tokens);

// A distinct id as stored: NUL replaced, cut to 200 code points. Empty if blank. Points into `text`
// or, if that had to change, into the arena.
std::string_view CleanDistinctId(std::string_view text, Arena* arena);

// The client's address: the first address of X-Forwarded-For, else of the other proxy headers, else
// the socket's peer.
std::string ClientIp(const HttpRequest& request);
inline constexpr std::string_view kInternalIp = "127.0.0.1";

// Whether the query has name=value; the value compares exactly.
bool QueryHas(std::string_view query, std::string_view name, std::string_view value);
// The `_` or `sent_at` of the query as a moment; none if absent or not usable.
std::optional<int64_t> SentAtOfQuery(std::string_view query);

absl::Status EventTooLarge(uint64_t bytes, uint64_t limit);

// Whether the token's quotas stop an event of that name. A quota of some kind of event stops that
// kind only; the quota of events stops all that belong to no other kind.
bool IsOverQuota(const CaptureQuotas* quotas, std::string_view token, std::string_view event,
                 bool has_product_tour_id);
// The kind of event whose quota an event of that name counts against.
QuotaResource ResourceOf(std::string_view event, bool has_product_tour_id);

}  // namespace hoglet
