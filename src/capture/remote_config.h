#pragma once

#include <string>
#include <string_view>

#include "include/hoglet/http_message.h"
#include "include/hoglet/token_directory.h"
#include "src/capture/capture.h"

// What posthog-js asks for while it loads: the project's settings for the SDK, and flags (spec
// capture.md section 12). Flags, replay and surveys are always off.

namespace hoglet {

// The JSON of /array/<token>/config.
std::string RemoteConfigJson(std::string_view token, const SdkSettings& settings);
// The script of /array/<token>/config.js.
std::string RemoteConfigScript(std::string_view token, const SdkSettings& settings);

// The answer of /flags and /decide for a server without flags: the request is read and its token
// checked as always, then nothing is on. `context.now_us` is the moment of evaluation.
HttpResponse AnswerFlags(HttpRequest request, const CaptureContext& context);

}  // namespace hoglet
