#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "include/hoglet/token_directory.h"
#include "src/flags/evaluate.h"
#include "src/flags/flag_request.h"

namespace hoglet {

class JsonWriter;

// What an answer of /flags or /decide says beside the flags (spec flags.md section 2).
struct FlagAnswer {
  FlagsShape shape = FlagsShape::kDetails;
  std::string_view request_id;
  int64_t now_us = 0;
  const SdkSettings* config = nullptr;  // null: not asked for
};

// true, false, or the variant.
void WriteFlagValue(const FlagResult& result, JsonWriter* json);

// The body: JSON.
std::string FlagAnswerJson(const FlagEvaluation& evaluation, const FlagAnswer& answer);

}  // namespace hoglet
