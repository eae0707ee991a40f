#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"

namespace hoglet {

// An order to the pipeline that travels in the log among the events. What was recorded before it is
// affected, what comes after is not; and as the log is worked through again after a crash, it takes
// effect exactly once, like an event.
struct IngestCommand {
  enum class Kind : uint8_t {
    kDeletePersons = 1,   // `uuids` are persons
    kDeleteEvents = 2,    // `uuids` are events with timestamps in [from_us, to_us]
    kExpireEvents = 3,    // all events before to_us, and side rows
    kExpireSideRows = 4,  // heatmaps and ingestion warnings before to_us
    // The persons of `distinct_ids` get `hash_key` for those of `flags` that they have none for.
    kKeepFlagHashKeys = 5,
  };
  Kind kind = Kind::kDeletePersons;
  TeamId team_id = 0;
  std::vector<Uuid> uuids;
  int64_t from_us = 0;
  int64_t to_us = 0;
  // kDeletePersons: whether the persons' events go, and whether the persons themselves stay.
  bool deletes_events = false;
  bool keeps_persons = false;
  // kKeepFlagHashKeys only.
  std::vector<std::string> distinct_ids;
  std::vector<std::string> flags;
  std::string hash_key;
};

// Of one command; more uuids are spread over several.
inline constexpr size_t kCommandUuidsMax = 20'000;
// Of distinct ids, or of flags, of one command.
inline constexpr size_t kCommandTextsMax = 100'000;

// As the value of a log record:
//   byte 0xfe, which no event begins with; byte version (1); byte kind; byte flags (1 deletes
//   events, 2 keeps persons); team id, from_us, to_us as i64; varint count; uuids, 16 bytes each.
//   Kind 5 goes on: varint count and texts of the distinct ids, the same of the flags, the hash
//   key; a text is its varint length and its bytes. Little-endian. Nothing may follow.
std::string EncodeCommand(const IngestCommand& command);
bool IsCommand(std::string_view value);
// kDataLoss if it is damaged, kUnimplemented if it is newer.
absl::StatusOr<IngestCommand> DecodeCommand(std::string_view value);

}  // namespace hoglet
