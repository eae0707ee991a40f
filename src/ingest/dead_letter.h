#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/ingest/parsed_event.h"

namespace hoglet {

// The value of a record of the dead letter topic: a JSON object with the reason, where the record
// was read, what is known of the event, and the record's value in base64.
std::string DeadLetterJson(std::string_view topic, const ParsedEvent& event,
                           std::string_view reason);

// The offset that a dead letter was read at; nullopt if it is none of ours.
std::optional<uint64_t> DeadLetterOffset(std::string_view json);

}  // namespace hoglet
