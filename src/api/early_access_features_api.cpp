#include "src/api/early_access_features_api.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "src/api/product_fields.h"
#include "src/base/strings.h"
#include "src/base/url.h"

namespace hoglet {
namespace {

using Error = std::optional<FieldError>;

constexpr std::string_view kStages[] = {
    "draft", "concept", "alpha", "beta", "general-availability", "archived"};
constexpr uint32_t kBeta = 1u << 3;
constexpr size_t kKeyBytesMax = 200;

// The serializer's order.
constexpr FieldRule kRules[] = {
    {.name = "name", .may_be_blank = false, .max = 200},
    {.name = "description", .initial = "\"\""},
    {.name = "stage", .type = FieldType::kChoice, .choices = kStages},
    {.name = "documentation_url", .type = FieldType::kUrl, .initial = "\"\"", .max = 800},
    {.name = "payload", .type = FieldType::kJson, .initial = "{}"},
};

bool IsReleased(std::string_view stage) {
  return stage == "alpha" || stage == "beta" || stage == "general-availability";
}

// Who said yes to the flag of this key.
std::string EnrollmentJson(const std::string& key) {
  JsonWriter json;
  json.BeginArray().BeginObject().Key("properties").BeginArray().BeginObject();
  json.Field("key", StrCat("$feature_enrollment/", key))
      .Field("type", "person")
      .Field("operator", "exact")
      .Key("value")
      .BeginArray()
      .String("true")
      .EndArray();
  json.EndObject().EndArray().Field("rollout_percentage", 100).EndObject().EndArray();
  return json.Take();
}

// Makes the flag true, or no longer, for who enrolled.
Error SetEnrollment(int64_t flag_id, bool is_open, const ChangeAuthor& author,
                    ObjectStore::Transaction* transaction) {
  const auto flag = FindLiveFlag(*transaction, flag_id);
  if (!flag.has_value()) return std::nullopt;
  auto filters = JsonFields::Parse(flag->Find("filters"));
  if (!filters.ok()) return std::nullopt;
  const bool was_open = filters->Has("super_groups") && filters->Find("super_groups") != "null";
  if (!is_open && !was_open && !filters->Bool("feature_enrollment")) return std::nullopt;
  filters->Set("super_groups", is_open ? EnrollmentJson(flag->Text("key")) : "null");
  if (filters->Has("feature_enrollment")) filters->Set("feature_enrollment", "false");
  JsonFields changes;
  changes.Set("filters", filters->ToJson());
  return ChangeFlag(flag_id, changes, author, transaction);
}

Error CheckFlag(const JsonFields& flag) {
  const auto filters = JsonFields::Parse(flag.Find("filters"));
  if (!filters.ok()) return std::nullopt;
  const std::string_view group_type = filters->Find("aggregation_group_type_index");
  if (!group_type.empty() && group_type != "null") {
    return FieldError{"", "Group-based feature flags are not supported for Early Access Features."};
  }
  const auto multivariate = JsonFields::Parse(filters->Find("multivariate"));
  if (multivariate.ok() && multivariate->Has("variants") &&
      multivariate->Find("variants") != "[]") {
    return FieldError{"",
                      "Multivariate feature flags are not supported for Early Access Features."};
  }
  return std::nullopt;
}

}  // namespace

EarlyAccessFeaturesApi::EarlyAccessFeaturesApi(const Parts& parts)
    : ProductApi(parts, {.kind = ObjectKind::kEarlyAccessFeature,
                         .has_uuid = true,
                         .path = "/early_access_feature",
                         .scope = "early_access_feature",
                         .activity_scope = "EarlyAccessFeature",
                         .public_path = "/api/early_access_features"}) {}

std::optional<FieldError> EarlyAccessFeaturesApi::LinkFlag(const Edit& edit, int64_t flag_id,
                                                           JsonFields* fields) const {
  const auto flag = FindLiveFlag(*edit.transaction, flag_id);
  if (!flag.has_value()) return FieldError{"", "Feature Flag with this ID does not exist"};
  if (IsTaken(edit, "feature_flag_id", StrCat(flag_id))) {
    return FieldError{"", StrCat("Linked feature flag ", flag->Text("key"),
                                 " already has a feature attached to it.")};
  }
  if (auto error = CheckFlag(*flag)) return error;
  fields->Set("feature_flag_id", StrCat(flag_id));
  return std::nullopt;
}

std::optional<FieldError> EarlyAccessFeaturesApi::OwnFlag(const Edit& edit,
                                                          JsonFields* fields) const {
  const std::string name = fields->Text("name");
  const std::string key = Slug(name, kKeyBytesMax);
  if (key.empty()) {
    return FieldError{"name", "A feature flag is named after this: it needs a letter or digit."};
  }
  int64_t flag_id = 0;
  auto error = MakeFlag(
      {.key = key,
       .name = StrCat("Feature Flag for Feature ", name),
       .filters = R"({"groups":[{"properties":[],"rollout_percentage":0,"variant":null}]})",
       .creation_context = "early_access_features"},
      edit.author, edit.transaction, &flag_id);
  if (error.has_value()) return error;
  fields->Set("feature_flag_id", StrCat(flag_id));
  return std::nullopt;
}

std::optional<FieldError> EarlyAccessFeaturesApi::Apply(const Edit& edit,
                                                        JsonFields* fields) const {
  if (auto error = ReadFields(kRules, edit.body, edit.saving, fields)) return error;
  if (!fields->Find("payload").starts_with('{')) {
    return FieldError{"payload", "A payload must be an object."};
  }
  if (edit.is_new()) {
    JsonFields wanted;
    constexpr FieldRule kLink[] = {{.name = "feature_flag_id",
                                    .type = FieldType::kInteger,
                                    .initial = "null",
                                    .may_be_null = true,
                                    .min = 1}};
    if (auto error = ReadFields(kLink, edit.body, Saving::kCreate, &wanted)) return error;
    const int64_t flag_id = wanted.Int("feature_flag_id");
    if (auto error = flag_id == 0 ? OwnFlag(edit, fields) : LinkFlag(edit, flag_id, fields)) {
      return error;
    }
  } else if (!edit.body.Has("stage")) {
    return std::nullopt;  // the flag is its owners' to change meanwhile
  }
  return SetEnrollment(fields->Int("feature_flag_id"), IsReleased(fields->Text("stage")),
                       edit.author, edit.transaction);
}

void EarlyAccessFeaturesApi::Release(const Edit& edit, const JsonFields& fields) const {
  // Filters that are refused by now stay as they are.
  (void)SetEnrollment(fields.Int("feature_flag_id"), /*is_open=*/false, edit.author,
                      edit.transaction);
}

void EarlyAccessFeaturesApi::Show(const JsonFields& fields, const Objects& flags,
                                  JsonWriter* json) const {
  json->BeginObject();
  CopyFields(fields, {"id"}, json);
  json->Key("feature_flag");
  WriteMinimalFlag(flags, fields.Int("feature_flag_id"), json);
  CopyFields(fields, {"name", "description", "stage", "documentation_url", "payload", "created_at"},
             json);
  json->EndObject();
}

// A bit for each stage.
uint32_t EarlyAccessFeaturesApi::PublicChoice(const HttpRequest& request) const {
  uint32_t stages = 0;
  bool is_asked = false;
  VisitQuery(request.query, [&](std::string_view name, std::string_view value) {
    if (name != "stage" && name != "stage[]") return true;
    is_asked = true;
    const std::string stage = PercentDecode(value, true);
    const auto found = std::find(std::begin(kStages), std::end(kStages), stage);
    if (found != std::end(kStages)) stages |= 1u << (found - std::begin(kStages));
    return true;
  });
  return is_asked ? stages : kBeta;
}

std::string EarlyAccessFeaturesApi::PublicJson(TeamId team_id, uint32_t choice) const {
  const auto flags = parts_.objects->All(team_id, ObjectKind::kFeatureFlag);
  JsonWriter json;
  json.BeginObject().Key("earlyAccessFeatures").BeginArray();
  for (const JsonFields& fields : AllObjects(team_id)) {
    const auto stage = std::find(std::begin(kStages), std::end(kStages), fields.Text("stage"));
    if (stage == std::end(kStages) || (choice >> (stage - std::begin(kStages)) & 1) == 0) continue;
    const auto found = flags->find(fields.Int("feature_flag_id"));
    const auto flag = JsonFields::Parse(found == flags->end() ? "" : *found->second);
    json.BeginObject();
    CopyFields(fields, {"id", "name", "description", "stage"}, &json);
    json.Key("documentationUrl").Raw(fields.Find("documentation_url"));
    CopyFields(fields, {"payload"}, &json);
    json.Key("flagKey").Raw(flag.ok() && flag->Has("key") ? flag->Find("key") : "null");
    json.EndObject();
  }
  return json.EndArray().EndObject().Take();
}

}  // namespace hoglet
