#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "include/hoglet/event.h"

namespace hoglet {

enum class DefinitionType : uint8_t { kString, kNumeric, kBoolean, kDateTime };
inline constexpr DefinitionType kLastDefinitionType = DefinitionType::kDateTime;

std::string_view PropertyTypeName(DefinitionType type);

// The type that a property definition gets from a key and a first value; nullopt where the value
// says nothing (null, lists, objects). `now_us`: numbers count as times only if recent.
std::optional<DefinitionType> DetectPropertyType(std::string_view key, const JsonMember& value,
                                                 int64_t now_us);

// Whether a text looks like a date, with or without a time.
bool IsDateText(std::string_view text);

}  // namespace hoglet
