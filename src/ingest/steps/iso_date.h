#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hoglet {

// The ISO 8601 dates that few parsers know: ordinal ("2021-302") and week dates ("2021-W43-5",
// "2021-W43"), midnight UTC in microseconds. nullopt for anything else.
std::optional<int64_t> ParseIsoDate(std::string_view text);

}  // namespace hoglet
