#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"

// The byte form of a CapturedEvent: the value of an event's log record.
//
//   byte  version (1)
//   byte  flags: 1 historical_migration, 2 is_cookieless, 4 force_disable_person_processing, 8
//   sent_at present, 16 is_capture_warning; others 0
//   16    uuid i64   timestamp_us, now_us and, if present, sent_at_us;
//   little-endian 5 x   varint length, bytes: distinct_id, token, event, ip, json
//
// Nothing may follow. Integrity is the log's business: it has a checksum.

namespace hoglet {

// As CapturedEvent, over bytes that someone else keeps.
struct CapturedEventView {
  Uuid uuid;
  std::string_view distinct_id;
  std::string_view token;
  std::string_view event;
  std::string_view ip;
  int64_t timestamp_us = 0;
  int64_t now_us = 0;
  std::optional<int64_t> sent_at_us;
  bool historical_migration = false;
  bool is_cookieless = false;
  bool force_disable_person_processing = false;
  // No event, but a warning about one that was refused: `event` is its type, `json` its details.
  bool is_capture_warning = false;
  std::string_view json;
};

void AppendCapturedEvent(const CapturedEventView& event, std::string* out);
// All that comes before the bytes of the JSON.
void AppendCapturedEventHead(const CapturedEventView& event, std::string* out);
std::string EncodeCapturedEvent(const CapturedEvent& event);

// Views point into `bytes`. kDataLoss if the bytes are not exactly one event; kUnimplemented for a
// newer version.
absl::StatusOr<CapturedEventView> DecodeCapturedEvent(std::string_view bytes);

CapturedEvent ToCapturedEvent(const CapturedEventView& view);
// Points into `event`.
CapturedEventView ViewOf(const CapturedEvent& event);

}  // namespace hoglet
