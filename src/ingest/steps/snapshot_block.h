#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "include/hoglet/event.h"
#include "src/base/arena.h"

namespace hoglet {

// What is kept of a block of a session recording beside its bytes (spec ingestion.md section 20.3).
struct SnapshotBlockFacts {
  double first_timestamp_ms = 0;
  double last_timestamp_ms = 0;
  std::optional<std::string> first_url;
  std::vector<std::string> urls;  // distinct, by first sight, at most 25
  int64_t click_count = 0;
  int64_t keypress_count = 0;
  int64_t mouse_activity_count = 0;
  int64_t active_ms = 0;
  int64_t console_log_count = 0;
  int64_t console_warn_count = 0;
  int64_t console_error_count = 0;
  int64_t size_bytes = 0;  // of the lines
  int64_t event_count = 0;
  int64_t message_count = 0;
  std::string snapshot_source = "web";
  std::optional<std::string> snapshot_library;
};

// Gathers the messages of one session into a block: the lines that are stored and the facts about
// them. Used by one thread.
class SnapshotBlock {
 public:
  struct Message {
    std::optional<std::string_view> source;   // $snapshot_source
    std::optional<std::string_view> library;  // $lib
  };

  // Begins a message; its events follow.
  void AddMessage(const Message& message);
  // An rrweb event of a window. False if it is none (an object with a positive numeric timestamp),
  // and then nothing is added.
  bool AddEvent(std::string_view window_id, const JsonMember& event);

  // JSON lines ["<window>",<event>], in order of arrival.
  const std::string& lines() const { return lines_; }
  SnapshotBlockFacts Facts() const;

 private:
  struct Moment {
    double timestamp_ms;
    bool is_active;
  };

  void AddUrl(const JsonObjectView& data);
  void CountInteraction(const JsonObjectView& data);
  void CountConsole(const JsonObjectView& data);
  int64_t ActiveMs() const;

  Arena arena_;
  std::string lines_;
  SnapshotBlockFacts facts_;
  std::vector<Moment> moments_;
};

}  // namespace hoglet
