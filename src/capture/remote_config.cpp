#include "src/capture/remote_config.h"

#include <simdjson.h>

#include <charconv>
#include <optional>

#include "src/base/json.h"
#include "src/base/url.h"
#include "src/base/uuid.h"
#include "src/capture/capture_rules.h"
#include "src/capture/json_document.h"
#include "src/capture/payload.h"

namespace hoglet {
namespace {

void AppendSettings(const SdkSettings& settings, JsonWriter* json) {
  json->Key("supportedCompression").BeginArray().String("gzip").String("gzip-js").EndArray();
  json->Field("hasFeatureFlags", false);
  json->Key("analytics").BeginObject().Field("endpoint", "/i/v0/e/").EndObject();
  json->Field("elementsChainAsString", true);
  json->Field("autocapture_opt_out", false);
  json->Field("capturePerformance", false);
  json->Field("autocaptureExceptions", false);
  json->Key("errorTracking").BeginObject().Field("autocaptureExceptions", false);
  json->Key("suppressionRules").BeginArray().EndArray().EndObject();
  json->Field("captureDeadClicks", false);
  json->Field("heatmaps", settings.heatmaps);
  json->Field("sessionRecording", false);
  json->Field("surveys", false);
  json->Field("defaultIdentifiedOnly", true);
}

// Text inside a script element must not be able to end it.
std::string ScriptSafe(std::string text) {
  for (size_t at = 0; (at = text.find('<', at)) != std::string::npos;)
    text.replace(at, 1, "\\u003c");
  return text;
}

// The answer's shape, by path and version (spec flags.md section 2.1).
enum class FlagsShape { kDetails, kValues, kEnabledObject, kEnabledArray };

bool IsDecide(const HttpRequest& request) { return request.path.starts_with("/decide"); }

FlagsShape ShapeOf(const HttpRequest& request) {
  const auto text = FindQueryValue(request.query, "v");
  const bool is_absent = !text.has_value() || text->empty();
  int version = 1;
  if (is_absent) {
    const bool by_default = !IsDecide(request) && !FindQueryValue(request.query, "config");
    version = by_default ? 2 : 1;
  } else {
    std::from_chars(text->data(), text->data() + text->size(), version);
  }
  if (!IsDecide(request)) return version >= 2 ? FlagsShape::kDetails : FlagsShape::kValues;
  if (version >= 4) return FlagsShape::kDetails;
  if (version == 3) return FlagsShape::kValues;
  return version == 2 ? FlagsShape::kEnabledObject : FlagsShape::kEnabledArray;
}

bool WantsConfig(const HttpRequest& request) {
  const auto config = FindQueryValue(request.query, "config");
  if (config.has_value()) return *config == "true" || *config == "1";
  return IsDecide(request) || !FindQueryValue(request.query, "v").has_value();
}

HttpResponse Unauthenticated(std::string_view code, std::string_view detail) {
  JsonWriter json;
  json.BeginObject().Field("type", "authentication_error").Field("code", code);
  json.Field("detail", detail).Key("attr").Null().EndObject();
  return HttpJson(401, json.Take());
}

struct FlagsBody {
  std::string token;
  bool has_distinct_id = false;
};

std::optional<FlagsBody> ReadFlagsBody(const std::string& text) {
  std::optional<FlagsBody> body;
  const auto visit = [&body](const simdjson::dom::element& root) {
    if (root.type() != simdjson::dom::element_type::OBJECT) return;
    body.emplace();
    for (const auto [key, value] : simdjson::dom::object(root)) {
      std::string_view token;
      if ((key == "token" || key == "$token" || key == "api_key") && !value.get(token)) {
        if (body->token.empty()) body->token = std::string(token);
      } else if (key == "distinct_id" || key == "$distinct_id") {
        body->has_distinct_id |= value.is_string() || value.is_number();
      }
    }
  };
  if (!VisitJsonDocument(text, visit).ok()) return std::nullopt;
  return body;
}

// Nothing if the request may be answered; then `token` gets its token.
std::optional<HttpResponse> CheckFlagsRequest(HttpRequest* request, const CaptureContext& context,
                                              std::string* token) {
  const auto undecodable = [](std::string_view why) {
    return HttpText(400, "Failed to decode request: " + std::string(why) +
                             ". Please check your request format and try again.");
  };
  auto text = DecodePayload(request, context.limits.decompressed_bytes_max);
  if (absl::IsOutOfRange(text.status())) return HttpText(413, "request body too large");
  if (!text.ok()) return undecodable("invalid body");
  const auto body = ReadFlagsBody(*text);
  if (!body.has_value()) return undecodable("invalid JSON");
  if (body->token.empty()) {
    return Unauthenticated(
        "not_authenticated",
        "No API token provided. Please include a valid API token in your request.");
  }
  if (!CheckToken(TrimWhitespace(body->token), context.tokens).ok()) {
    return Unauthenticated(
        "authentication_failed",
        "The provided API key is invalid or has expired. Please check your API key "
        "and try again.");
  }
  if (!body->has_distinct_id) {
    return HttpText(400,
                    "The distinct_id field is missing from the request. Please include a valid "
                    "identifier.");
  }
  *token = std::string(TrimWhitespace(body->token));
  return std::nullopt;
}

}  // namespace

std::string RemoteConfigJson(std::string_view token, const SdkSettings& settings) {
  JsonWriter json;
  json.BeginObject().Field("token", token);
  AppendSettings(settings, &json);
  json.Key("siteApps").BeginArray().EndArray().EndObject();
  return json.Take();
}

std::string RemoteConfigScript(std::string_view token, const SdkSettings& settings) {
  JsonWriter json;
  json.BeginObject().Field("token", token);
  AppendSettings(settings, &json);
  json.EndObject();
  std::string name;
  AppendJsonString(token, &name);
  return "(function() {\n"
         "  window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {};\n"
         "  window._POSTHOG_REMOTE_CONFIG[" +
         ScriptSafe(std::move(name)) + "] = {\n    config: " + ScriptSafe(json.Take()) +
         ",\n    siteApps: []\n  };\n})();\n";
}

HttpResponse AnswerFlags(HttpRequest request, const CaptureContext& context) {
  const FlagsShape shape = ShapeOf(request);
  const bool with_config = WantsConfig(request);
  std::string token;
  if (request.method != "GET") {
    if (auto refusal = CheckFlagsRequest(&request, context, &token)) return *std::move(refusal);
  }
  JsonWriter json;
  json.BeginObject();
  switch (shape) {
    case FlagsShape::kDetails:
      json.Field("errorsWhileComputingFlags", false).Key("flags").BeginObject().EndObject();
      break;
    case FlagsShape::kValues:
      json.Field("errorsWhileComputingFlags", false);
      json.Key("featureFlags").BeginObject().EndObject();
      json.Key("featureFlagPayloads").BeginObject().EndObject();
      break;
    case FlagsShape::kEnabledObject:
      json.Key("featureFlags").BeginObject().EndObject();
      break;
    case FlagsShape::kEnabledArray:
      json.Key("featureFlags").BeginArray().EndArray();
      break;
  }
  const auto given_id = ParseUuid(request.headers.Find("x-request-id"));
  json.Field("requestId", FormatUuid(given_id.has_value() ? *given_id : UuidV4(context.env)));
  json.Field("evaluatedAt", context.now_us / 1000);
  if (with_config || request.method == "GET") {
    const bool is_known = context.tokens != nullptr && !token.empty();
    AppendSettings(is_known ? context.tokens->SettingsOf(token) : SdkSettings(), &json);
    json.Key("config").BeginObject().Field("enable_collect_everything", true).EndObject();
    json.Key("toolbarParams").BeginObject().EndObject();
    json.Field("isAuthenticated", false);
  }
  json.EndObject();
  return HttpJson(200, json.Take());
}

}  // namespace hoglet
