#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/log.h"
#include "src/ingest/parsed_event.h"

namespace hoglet {

inline constexpr char kDeadLetterTopic[] = "events_plugin_ingestion_dlq";

// The value of a record of the dead letter topic: a JSON object with the reason, the step that gave
// up, where the record was read, what is known of the event, and the record's value in base64.
std::string DeadLetterJson(std::string_view topic, const ParsedEvent& event,
                           std::string_view reason);

// The offset that a dead letter was read at; nullopt if it is none of ours.
std::optional<uint64_t> DeadLetterOffset(std::string_view json);

// A record that the pipeline could not take.
struct DeadLetter {
  uint64_t id = 0;  // its offset in the dead letter topic
  std::string reason;
  std::string step;
  std::string topic;  // where it was read
  uint64_t offset = 0;
  TeamId team_id = 0;  // 0: not known
  Uuid uuid;
  std::string event;
  std::string distinct_id;
  int64_t received_at_us = 0;
  std::string payload;  // the event as the client sent it; empty if it cannot be read
  std::string value;    // the record, as it was read
};

// The dead letters that nobody has dealt with. The topic only grows: what was dealt with is named
// by a further record, {"settled":[ids]}. Thread-safe; the log outlives it.
class DeadLetterQueue {
 public:
  explicit DeadLetterQueue(Log* log, std::string topic = kDeadLetterTopic)
      : log_(log), topic_(std::move(topic)) {}

  // Oldest first, until `visit` returns false.
  absl::Status Visit(const std::function<bool(const DeadLetter&)>& visit) const;

  // Appends the records of these letters to the topics they came from and settles them. A crash in
  // between replays them again the next time: their rows replace themselves, as any event sent
  // twice. kNotFound if one of the ids is none of an unsettled letter; nothing is done then.
  absl::Status Replay(std::span<const uint64_t> ids);
  // Settles the letters without another try.
  absl::Status Drop(std::span<const uint64_t> ids);

 private:
  absl::StatusOr<std::vector<DeadLetter>> Find(std::span<const uint64_t> ids) const;
  absl::Status Settle(const std::vector<DeadLetter>& letters);

  Log* log_;
  const std::string topic_;
};

}  // namespace hoglet
