#include "src/capture/remote_config.h"

#include "src/base/json.h"

namespace hoglet {
namespace {

// Text inside a script element must not be able to end it.
std::string ScriptSafe(std::string text) {
  for (size_t at = 0; (at = text.find('<', at)) != std::string::npos;)
    text.replace(at, 1, "\\u003c");
  return text;
}

}  // namespace

void AppendSdkSettings(const SdkSettings& settings, JsonWriter* json) {
  json->Key("supportedCompression").BeginArray().String("gzip").String("gzip-js").EndArray();
  json->Field("hasFeatureFlags", settings.has_feature_flags);
  json->Key("analytics").BeginObject().Field("endpoint", "/i/v0/e/").EndObject();
  json->Field("elementsChainAsString", true);
  json->Field("autocapture_opt_out", settings.opts_out_of_autocapture);
  json->Key("capturePerformance");
  if (settings.captures_network_timing || settings.captures_web_vitals) {
    json->BeginObject().Field("network_timing", settings.captures_network_timing);
    json->Field("web_vitals", settings.captures_web_vitals);
    json->Key("web_vitals_allowed_metrics").Null().EndObject();
  } else {
    json->Bool(false);
  }
  json->Key("autocaptureExceptions");
  if (settings.captures_exceptions) {
    json->BeginObject().Field("endpoint", "/e/").EndObject();
  } else {
    json->Bool(false);
  }
  json->Key("errorTracking").BeginObject();
  json->Field("autocaptureExceptions", settings.captures_exceptions);
  json->Key("suppressionRules").BeginArray().EndArray().EndObject();
  json->Field("captureDeadClicks", settings.captures_dead_clicks);
  json->Key("logs").BeginObject();
  json->Field("captureConsoleLogs", settings.captures_console_logs).EndObject();
  json->Field("heatmaps", settings.heatmaps);
  json->Field("sessionRecording", false);
  json->Field("surveys", settings.has_surveys);
  json->Field("productTours", false);
  json->Field("conversations", false);
  json->Field("flagsPersistenceDefault", settings.persists_flags);
  json->Field("defaultIdentifiedOnly", true);
}

std::string RemoteConfigJson(std::string_view token, const SdkSettings& settings) {
  JsonWriter json;
  json.BeginObject().Field("token", token);
  AppendSdkSettings(settings, &json);
  json.Key("siteApps").BeginArray().EndArray().EndObject();
  return json.Take();
}

std::string RemoteConfigScript(std::string_view token, const SdkSettings& settings) {
  JsonWriter json;
  json.BeginObject().Field("token", token);
  AppendSdkSettings(settings, &json);
  json.EndObject();
  std::string name;
  AppendJsonString(token, &name);
  return "(function() {\n"
         "  window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {};\n"
         "  window._POSTHOG_REMOTE_CONFIG[" +
         ScriptSafe(std::move(name)) + "] = {\n    config: " + ScriptSafe(json.Take()) +
         ",\n    siteApps: []\n  };\n})();\n";
}

}  // namespace hoglet
