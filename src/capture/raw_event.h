#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "src/capture/json_outline.h"

namespace hoglet {

// Room made ahead for the events of a request; more of them are likelier rubbish than events.
inline constexpr size_t kEventsReservedMax = 10'000;

// What capture reads of one event of a request. Views live as long as the text and the arena it was
// read with.
struct RawEvent {
  enum class Flag : uint8_t { kAbsent, kFalse, kTrue, kInvalid };

  std::optional<std::string_view> event;
  std::optional<std::string_view> token;  // top level, else properties.token
  std::string_view distinct_id;           // cleaned; empty: none
  std::optional<Uuid> uuid;
  std::optional<std::string_view> timestamp;
  std::optional<int64_t> offset_ms;
  bool ignore_sent_at = false;
  Flag cookieless = Flag::kAbsent;
  bool is_internal = false;          // properties has the key capture_internal
  bool has_product_tour_id = false;  // properties has the key $product_tour_id

  std::string_view json;  // the object as the client wrote it
};

// Reads a value that should be an event object; false if a field has a type that no event may
// have. A missing `event` is left to the caller; with `ignore_event` the field is not even looked
// at. `arena` keeps what has to be made anew.
bool ReadRawEvent(const JsonNode& node, bool ignore_event, Arena* arena, RawEvent* out);

}  // namespace hoglet
