#pragma once

#include <string>
#include <string_view>

#include "include/hoglet/token_directory.h"

// What posthog-js asks for while it loads: the project's settings for the SDK (spec capture.md
// section 12, flags.md section 2.4). Replay is always off.

namespace hoglet {

class JsonWriter;

// The JSON of /array/<token>/config.
std::string RemoteConfigJson(std::string_view token, const SdkSettings& settings);
// The script of /array/<token>/config.js.
std::string RemoteConfigScript(std::string_view token, const SdkSettings& settings);

// Appends the settings as members of an object that is open.
void AppendSdkSettings(const SdkSettings& settings, JsonWriter* json);

}  // namespace hoglet
