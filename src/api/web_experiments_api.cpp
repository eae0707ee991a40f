#include "src/api/web_experiments_api.h"

#include <algorithm>
#include <vector>

#include "src/api/product_fields.h"
#include "src/base/arena.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

using Error = std::optional<FieldError>;

constexpr size_t kVariantsMax = 100;
constexpr size_t kKeyBytesMax = 200;

constexpr FieldRule kRules[] = {
    {.name = "name", .may_be_blank = false, .max = 400},
    {.name = "variants", .type = FieldType::kJson},
    {.name = "start_date", .type = FieldType::kDate, .initial = "null", .may_be_null = true},
    {.name = "end_date", .type = FieldType::kDate, .initial = "null", .may_be_null = true},
    {.name = "archived", .type = FieldType::kBool, .initial = "false"},
};

FieldError Wrong(std::string detail) { return {"variants", std::move(detail)}; }

Error CheckTransforms(const std::string& variant, std::string_view json) {
  if (json.empty() || json == "null") return std::nullopt;
  Arena arena;
  std::vector<JsonMember> transforms;
  if (!json.starts_with('[') || !ParseJsonArray(json, &arena, &transforms).ok()) {
    return Wrong(StrCat("The transforms of variant '", variant, "' must be a list."));
  }
  for (size_t i = 0; i < transforms.size(); ++i) {
    const auto transform =
        JsonFields::Parse(transforms[i].kind == JsonKind::kRaw ? transforms[i].text : "");
    const bool has_selector = transform.ok() && !transform->Text("selector").empty();
    if (transform.ok() && (has_selector || variant == "control")) continue;
    return Wrong(StrCat("Experiment transform [", i, "] variant '", variant,
                        "' does not have a valid selector"));
  }
  return std::nullopt;
}

// Checks the variants; `multivariate` becomes what the flag says of them.
Error ReadVariants(std::string_view json, std::string* multivariate) {
  const auto variants = JsonFields::Parse(json);
  if (!variants.ok()) {
    return Wrong("Experiment variants should be a dictionary of keys -> transforms");
  }
  if (!variants->Has("control")) return Wrong("Experiment should contain a control variant");
  if (variants->members().size() > kVariantsMax) {
    return Wrong(StrCat("An experiment can have ", kVariantsMax, " variants, and no more."));
  }
  JsonWriter out;
  out.BeginObject().Key("variants").BeginArray();
  for (const auto& [key, text] : variants->members()) {
    if (CheckFlagKey(key).has_value()) {
      return Wrong(
          "Only letters, numbers, hyphens (-) & underscores (_) are allowed in the key of "
          "a variant.");
    }
    const auto variant = JsonFields::Parse(text);
    if (!variant.ok() || !variant->Has("rollout_percentage") ||
        variant->Find("rollout_percentage") == "null") {
      return Wrong(StrCat("Experiment variant '", key, "' does not have any rollout percentage"));
    }
    if (auto error = CheckTransforms(key, variant->Find("transforms"))) return error;
    out.BeginObject().Field("key", key).Key("rollout_percentage");
    out.Raw(variant->Find("rollout_percentage")).EndObject();
  }
  *multivariate = out.EndArray().EndObject().Take();
  return std::nullopt;
}

std::string KeyOfFlag(const JsonFields& flags_of, const Objects& flags) {
  const auto found = flags.find(flags_of.Int("feature_flag_id"));
  const auto flag = JsonFields::Parse(found == flags.end() ? "" : *found->second);
  return flag.ok() ? flag->Text("key") : "";
}

void WriteKey(const std::string& key, JsonWriter* json) {
  json->Key("feature_flag_key");
  key.empty() ? json->Null() : json->String(key);
}

// What concerns the flags is said of the field that clients know.
Error OfVariants(Error error) {
  if (error.has_value()) error->attr = "variants";
  return error;
}

}  // namespace

WebExperimentsApi::WebExperimentsApi(const Parts& parts)
    : ProductApi(parts, {.kind = ObjectKind::kWebExperiment,
                         .has_uuid = false,
                         .path = "/web_experiments",
                         .scope = "experiment",
                         .activity_scope = "Experiment",
                         .public_path = "/api/web_experiments"}) {}

std::optional<FieldError> WebExperimentsApi::MakeOwnFlag(const Edit& edit,
                                                         JsonFields* fields) const {
  std::string multivariate;
  if (auto error = ReadVariants(fields->Find("variants"), &multivariate)) return error;
  const std::string name = fields->Text("name");
  int64_t flag_id = 0;
  auto error =
      MakeFlag({.key = StrCat(Slug(name, kKeyBytesMax), "-web-experiment-feature-",
                              RandomKeyPart(parts_.env)),
                .name = StrCat("Feature Flag for Experiment ", name),
                .filters = StrCat(R"({"groups":[{"properties":[],"rollout_percentage":100}],)",
                                  R"("multivariate":)", multivariate, "}"),
                .creation_context = "web_experiments",
                .is_active = IsRunning(*fields)},
               edit.author, edit.transaction, &flag_id);
  if (error.has_value()) return OfVariants(error);
  fields->Set("feature_flag_id", StrCat(flag_id));
  JsonFields changes;
  changes.Set("experiment_set", StrCat("[", edit.row_id, "]"));
  changes.Set("has_experiment", "true");
  return ChangeFlag(flag_id, changes, edit.author, edit.transaction);
}

std::optional<FieldError> WebExperimentsApi::Apply(const Edit& edit, JsonFields* fields) const {
  if (auto error = ReadFields(kRules, edit.body, edit.saving, fields)) return error;
  const std::string start = fields->Text("start_date");
  const std::string end = fields->Text("end_date");
  if (!end.empty() && start.empty()) {
    return FieldError{"end_date", "An experiment that was not started cannot end."};
  }
  if (edit.is_new()) return MakeOwnFlag(edit, fields);
  const int64_t flag_id = fields->Int("feature_flag_id");
  JsonFields changes;
  if (edit.body.Has("variants")) {
    std::string multivariate;
    if (auto error = ReadVariants(fields->Find("variants"), &multivariate)) return error;
    const auto flag = FindLiveFlag(*edit.transaction, flag_id);
    auto filters = JsonFields::Parse(flag.has_value() ? flag->Find("filters") : "");
    if (filters.ok()) {
      filters->Set("multivariate", std::move(multivariate));
      changes.Set("filters", filters->ToJson());
    }
  }
  for (const char* name : {"start_date", "end_date", "archived"}) {
    if (edit.body.Has(name)) changes.Set("active", IsRunning(*fields) ? "true" : "false");
  }
  return OfVariants(ChangeFlag(flag_id, changes, edit.author, edit.transaction));
}

// The flag stays, as code may ask for it, but is nobody's experiment.
void WebExperimentsApi::Release(const Edit& edit, const JsonFields& fields) const {
  JsonFields changes;
  changes.Set("active", "false");
  changes.Set("experiment_set", "[]");
  changes.Set("has_experiment", "false");
  (void)ChangeFlag(fields.Int("feature_flag_id"), changes, edit.author, edit.transaction);
}

void WebExperimentsApi::Show(const JsonFields& fields, const Objects& flags,
                             JsonWriter* json) const {
  json->BeginObject();
  CopyFields(fields, {"id", "name", "created_at"}, json);
  WriteKey(KeyOfFlag(fields, flags), json);
  CopyFields(fields, {"variants", "start_date", "end_date", "archived"}, json);
  json->EndObject();
}

std::string WebExperimentsApi::PublicJson(TeamId team_id, uint32_t) const {
  const auto flags = parts_.objects->All(team_id, ObjectKind::kFeatureFlag);
  std::vector<JsonFields> experiments = AllObjects(team_id);
  std::reverse(experiments.begin(), experiments.end());
  JsonWriter json;
  json.BeginObject().Key("experiments").BeginArray();
  for (const JsonFields& fields : experiments) {
    if (!fields.Text("end_date").empty() || fields.Bool("archived")) continue;
    json.BeginObject();
    CopyFields(fields, {"id", "name", "created_at"}, &json);
    WriteKey(KeyOfFlag(fields, *flags), &json);
    CopyFields(fields, {"variants"}, &json);
    json.EndObject();
  }
  return json.EndArray().EndObject().Take();
}

}  // namespace hoglet
