#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What travels along the way of an event: from capture into the log, from the ingest workers into
// the event store.

namespace hoglet {

using TeamId = int64_t;

// 16 bytes in network (text) order, so that byte order is text order.
struct Uuid {
  std::array<uint8_t, 16> bytes{};

  friend bool operator==(const Uuid&, const Uuid&) = default;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// One accepted event as capture hands it on (spec capture.md section 6, "What capture hands on").
// It is the value of a log record; src/base/captured_event.h has the byte form.
struct CapturedEvent {
  Uuid uuid;
  std::string distinct_id;
  std::string token;
  std::string event;
  std::string ip;
  int64_t timestamp_us = 0;  // computed at capture, section 7
  int64_t now_us = 0;        // server receive time
  std::optional<int64_t> sent_at_us;
  bool historical_migration = false;
  bool is_cookieless = false;
  bool force_disable_person_processing = false;
  // The event object exactly as the client sent it (one JSON object, UTF-8), all properties
  // untouched.
  std::string json;
};

// A scalar of a JSON object, or a nested value as text.
enum class JsonKind : uint8_t { kNull, kBool, kInt64, kDouble, kString, kRaw };

// One member of a JSON object. Views point into memory that the owner of the list keeps.
//   kString: `text` is the unescaped UTF-8 string; kRaw: compact JSON text of an array or object,
//   or of a number that neither int64 nor double holds exactly. Numbers are canonical as JavaScript
//   prints them: an integral double within 2^53 is kInt64.
// Whoever changes the key of a member changes `key_id` with it; 0 is always right.
struct JsonMember {
  std::string_view key;
  JsonKind kind = JsonKind::kNull;
  bool boolean = false;
  uint32_t key_id = 0;  // the number of the key, 0 if it has none: src/base/key_ids.h
  int64_t integer = 0;
  double number = 0;
  std::string_view text;
};

// Members in document order, keys unique (the first of duplicates is kept: HogQL reads the first).
using JsonObjectView = std::vector<JsonMember>;

enum class PersonMode : uint8_t { kFull = 0, kPropertyless = 1, kForceUpgrade = 2 };

// A row for the event store, spec ingestion.md section 13. Views are valid until EventStore::Insert
// returns.
struct EventRow {
  TeamId team_id = 0;
  Uuid uuid;
  std::string_view event;
  std::string_view distinct_id;
  int64_t timestamp_us = 0;
  JsonObjectView properties;
  std::string_view elements_chain;
  int64_t created_at_us =
      0;  // row built; taken from the log record's receive time, never from the clock
  int64_t captured_at_us = 0;
  Uuid person_id;
  int64_t person_created_at_us = 0;
  // Shared by many rows of one person, so passed by pointer; null means {}.
  const JsonObjectView* person_properties = nullptr;
  PersonMode person_mode = PersonMode::kFull;
  bool historical_migration = false;
  // Version of the replacing key (`_timestamp`): receive time of the log record. Among equal keys
  // the largest version wins, and the later log offset among equal versions.
  int64_t version_us = 0;
};

}  // namespace hoglet
