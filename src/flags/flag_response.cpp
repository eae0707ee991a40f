#include "src/flags/flag_response.h"

#include "src/base/json.h"
#include "src/capture/remote_config.h"

namespace hoglet {
namespace {

// A flag of the detailed shape, some 300 bytes.
constexpr size_t kDetailBytes = 320;
constexpr size_t kConfigBytes = 1024;

void AppendWord(std::string_view word, std::string* out) {
  out->push_back('"');
  out->append(word);  // one of ours: nothing in it needs an escape
  out->push_back('"');
}

// Most of an answer are texts that were made with the flag.
void AppendDetail(const FlagResult& result, std::string* out) {
  const FlagDefinition& flag = *result.flag;
  out->append(flag.answer_head)
      .append(result.is_enabled ? "true" : "false")
      .append(",\"variant\":");
  if (result.variant.empty()) {
    out->append("null");
  } else {
    AppendJsonString(result.variant, out);
  }
  if (result.has_failed) out->append(",\"failed\":true");
  out->append(",\"reason\":{\"code\":");
  AppendWord(result.reason_code(), out);
  out->append(",\"condition_index\":");
  if (result.condition_index.has_value()) {
    AppendInt(*result.condition_index, out);
  } else {
    out->append("null");
  }
  out->append(",\"description\":\"");
  result.AppendDescription(out);
  out->append("\"}").append(flag.answer_metadata);
  out->append(result.payload_json.empty() ? "null" : result.payload_json);
  out->append(flag.has_experiment ? ",\"has_experiment\":true}}" : ",\"has_experiment\":false}}");
}

void WriteDetails(const FlagEvaluation& evaluation, JsonWriter* json) {
  std::string flags;
  flags.reserve(evaluation.results.size() * kDetailBytes + 2);
  flags.push_back('{');
  for (const FlagResult& result : evaluation.results) {
    if (flags.size() > 1) flags.push_back(',');
    AppendDetail(result, &flags);
  }
  flags.push_back('}');
  json->Field("errorsWhileComputingFlags", evaluation.has_errors).Key("flags").Raw(flags);
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
    json.Key("siteApps").BeginArray().EndArray();
    json.Key("toolbarParams").BeginObject().EndObject();
    json.Field("isAuthenticated", false);
  }
  json.EndObject();
  return json.Take();
}

}  // namespace hoglet
