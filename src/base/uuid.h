#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "include/hoglet/event.h"

namespace hoglet {

class Env;

// Accepts what the Rust uuid crate does: 8-4-4-4-12 with hyphens, 32 hex digits, the hyphenated
// form in braces, and either after "urn:uuid:" (hyphenated only); hex digits in any case.
std::optional<Uuid> ParseUuid(std::string_view text);

// Lower case with hyphens, 36 characters.
std::string FormatUuid(const Uuid& uuid);
// Writes 36 characters, no NUL.
void FormatUuidTo(const Uuid& uuid, char* out);

// The version digit, 0 .. 15, whatever the variant.
inline int UuidVersion(const Uuid& uuid) { return uuid.bytes[6] >> 4; }
// All bits zero.
inline bool IsNilUuid(const Uuid& uuid) { return uuid == Uuid{}; }

Uuid UuidV4(Env* env);
Uuid UuidV5(const Uuid& name_space, std::string_view name);
// Milliseconds of env's clock, then bits that make the ids of this process ascend strictly, then
// random ones. Thread-safe.
Uuid UuidV7(Env* env);
// A v7 id of a chosen time, the other bits random: no order among ids of one millisecond.
Uuid UuidV7At(Env* env, int64_t time_us);

// The id of the person that a (team, distinct id) makes: the same on every replay.
Uuid PersonUuid(TeamId team_id, std::string_view distinct_id);

}  // namespace hoglet
