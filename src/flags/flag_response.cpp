#include "src/flags/flag_response.h"

#include "src/base/json.h"
#include "src/capture/remote_config.h"

namespace hoglet {
namespace {

// A flag of the detailed shape, some 300 bytes.
constexpr size_t kDetailBytes = 320;
constexpr size_t kConfigBytes = 1024;

void WriteDetail(const FlagResult& result, JsonWriter* json, std::string* description) {
  const FlagDefinition& flag = *result.flag;
  json->Key(flag.key).BeginObject().Field("key", flag.key).Field("enabled", result.is_enabled);
  json->Key("variant");
  result.variant.empty() ? json->Null() : json->String(result.variant);
  if (result.has_failed) json->Field("failed", true);
  json->Key("reason").BeginObject().Field("code", result.reason_code()).Key("condition_index");
  result.condition_index.has_value() ? json->Int(*result.condition_index) : json->Null();
  description->clear();
  result.AppendDescription(description);
  json->Field("description", *description).EndObject();
  json->Key("metadata").BeginObject().Field("id", flag.id).Field("version", flag.version);
  json->Key("description").Null().Key("payload");
  result.payload_json.empty() ? json->Null() : json->Raw(result.payload_json);
  json->Field("has_experiment", flag.has_experiment).EndObject().EndObject();
}

void WriteDetails(const FlagEvaluation& evaluation, JsonWriter* json) {
  std::string description;
  json->Field("errorsWhileComputingFlags", evaluation.has_errors).Key("flags").BeginObject();
  for (const FlagResult& result : evaluation.results) WriteDetail(result, json, &description);
  json->EndObject();
}

void WriteValues(const FlagEvaluation& evaluation, JsonWriter* json) {
  json->Field("errorsWhileComputingFlags", evaluation.has_errors);
  json->Key("featureFlags").BeginObject();
  for (const FlagResult& result : evaluation.results) {
    json->Key(result.flag->key);
    WriteFlagValue(result, json);
  }
  json->EndObject().Key("featureFlagPayloads").BeginObject();
  for (const FlagResult& result : evaluation.results) {
    if (!result.payload_json.empty()) json->Key(result.flag->key).Raw(result.payload_json);
  }
  json->EndObject();
}

void WriteEnabled(const FlagEvaluation& evaluation, bool as_object, JsonWriter* json) {
  json->Key("featureFlags");
  as_object ? json->BeginObject() : json->BeginArray();
  for (const FlagResult& result : evaluation.results) {
    if (!result.is_enabled) continue;
    if (as_object) {
      json->Key(result.flag->key);
      WriteFlagValue(result, json);
    } else {
      json->String(result.flag->key);
    }
  }
  as_object ? json->EndObject() : json->EndArray();
}

}  // namespace

void WriteFlagValue(const FlagResult& result, JsonWriter* json) {
  result.is_enabled && !result.variant.empty() ? json->String(result.variant)
                                               : json->Bool(result.is_enabled);
}

std::string FlagAnswerJson(const FlagEvaluation& evaluation, const FlagAnswer& answer) {
  std::string room;
  room.reserve(evaluation.results.size() * kDetailBytes + kConfigBytes);
  JsonWriter json(std::move(room));
  json.BeginObject();
  switch (answer.shape) {
    case FlagsShape::kDetails:
      WriteDetails(evaluation, &json);
      break;
    case FlagsShape::kValues:
      WriteValues(evaluation, &json);
      break;
    case FlagsShape::kEnabledObject:
    case FlagsShape::kEnabledArray:
      WriteEnabled(evaluation, answer.shape == FlagsShape::kEnabledObject, &json);
      break;
  }
  json.Field("requestId", answer.request_id).Field("evaluatedAt", answer.now_us / 1000);
  if (answer.config != nullptr) {
    AppendSdkSettings(*answer.config, &json);
    json.Key("config").BeginObject().Field("enable_collect_everything", true).EndObject();
    json.Key("toolbarParams").BeginObject().EndObject();
    json.Field("isAuthenticated", false);
  }
  json.EndObject();
  return json.Take();
}

}  // namespace hoglet
