#pragma once

#include <string_view>

#include "src/flags/compiled_flags.h"

namespace hoglet {

struct ParsedFlag {
  FlagDefinition definition;
  CompiledFlag flag;
};

// A stored flag. What is missing has its default; a document that is no JSON object is a flag that
// is off, and one whose filters make no sense is unreadable.
ParsedFlag ParseFlagDefinition(std::string_view json, const TimeZone& zone);

// A stored cohort. What cannot be read holds nobody.
CompiledCohort ParseCohort(std::string_view json, const TimeZone& zone);

}  // namespace hoglet
