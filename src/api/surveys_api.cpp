#include "src/api/surveys_api.h"

#include <algorithm>
#include <vector>

#include "src/api/product_fields.h"
#include "src/api/query_api.h"
#include "src/api/survey_stats.h"
#include "src/api/survey_validation.h"
#include "src/base/logging.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

using Error = std::optional<FieldError>;

constexpr std::string_view kTypes[] = {"popover", "widget", "external_survey", "api"};
constexpr std::string_view kSchedules[] = {"once", "recurring", "always"};
constexpr std::string_view kIntervals[] = {"day", "week", "month"};
constexpr char kOwnsTargetingFlag[] = "owns_targeting_flag";
constexpr int64_t kIterationsMax = 500;
constexpr int64_t kIterationDaysMax = 3'650;

constexpr FieldRule Nullable(std::string_view name, FieldType type, int64_t min = 0,
                             int64_t max = INT32_MAX) {
  return {
      .name = name, .type = type, .initial = "null", .may_be_null = true, .min = min, .max = max};
}

// The serializer's order.
constexpr FieldRule kRules[] = {
    {.name = "name", .may_be_blank = false, .max = 400},
    {.name = "description", .initial = "\"\""},
    {.name = "type", .type = FieldType::kChoice, .choices = kTypes},
    {.name = "schedule",
     .type = FieldType::kChoice,
     .initial = "\"once\"",
     .may_be_null = true,
     .choices = kSchedules},
    Nullable("linked_flag_id", FieldType::kInteger, 1),
    Nullable("targeting_flag_id", FieldType::kInteger, 1),
    Nullable("questions", FieldType::kJson),
    Nullable("conditions", FieldType::kJson),
    Nullable("appearance", FieldType::kJson),
    Nullable("start_date", FieldType::kDate),
    Nullable("end_date", FieldType::kDate),
    {.name = "archived", .type = FieldType::kBool, .initial = "false"},
    Nullable("responses_limit", FieldType::kInteger),
    Nullable("iteration_count", FieldType::kInteger, 0, kIterationsMax),
    Nullable("iteration_frequency_days", FieldType::kInteger, 0, kIterationDaysMax),
    Nullable("response_sampling_start_date", FieldType::kDate),
    {.name = "response_sampling_interval_type",
     .type = FieldType::kChoice,
     .initial = "null",
     .may_be_null = true,
     .choices = kIntervals},
    Nullable("response_sampling_interval", FieldType::kInteger, 1),
    Nullable("response_sampling_limit", FieldType::kInteger),
    Nullable("response_sampling_daily_limits", FieldType::kJson),
    Nullable("enable_partial_responses", FieldType::kBool),
    Nullable("enable_iframe_embedding", FieldType::kBool),
    Nullable("translations", FieldType::kJson),
    Nullable("form_content", FieldType::kJson),
    Nullable("linked_insight_id", FieldType::kInteger, 1),
};

bool IsAbsent(std::string_view json) { return json.empty() || json == "null"; }

// -- Iterations --

bool IsRepeated(const JsonFields& survey) {
  return survey.Int("iteration_count") > 0 && survey.Int("iteration_frequency_days") > 0 &&
         ParseRfc3339(survey.Text("start_date")).has_value();
}

// From 1.
int64_t IterationAt(const JsonFields& survey, int64_t now_us) {
  const int64_t start_us = *ParseRfc3339(survey.Text("start_date"));
  const int64_t days = survey.Int("iteration_frequency_days");
  const int64_t passed = FloorDivide(now_us - start_us, days * kMicrosPerDay);
  return std::clamp<int64_t>(passed + 1, 1, survey.Int("iteration_count"));
}

// JSON.
std::string IterationStart(const JsonFields& survey, int64_t iteration) {
  const int64_t days = survey.Int("iteration_frequency_days") * (iteration - 1);
  const int64_t start_us = *ParseRfc3339(survey.Text("start_date"));
  return StrCat("\"", ShowDate(start_us + days * kMicrosPerDay), "\"");
}

void SetIterations(int64_t now_us, JsonFields* survey) {
  if (!IsRepeated(*survey)) {
    for (const char* name :
         {"iteration_start_dates", "current_iteration", "current_iteration_start_date"}) {
      survey->Set(name, "null");
    }
    return;
  }
  JsonWriter dates;
  dates.BeginArray();
  for (int64_t i = 1; i <= survey->Int("iteration_count"); ++i)
    dates.Raw(IterationStart(*survey, i));
  survey->Set("iteration_start_dates", dates.EndArray().Take());
  const int64_t current = IterationAt(*survey, now_us);
  survey->Set("current_iteration", StrCat(current));
  survey->Set("current_iteration_start_date", IterationStart(*survey, current));
}

// -- Flags --

// What SDKs set on a person who has answered or dismissed the survey, or this iteration of it.
std::string NotDoneFilters(const JsonFields& survey) {
  std::string key = survey.Text("id");
  if (survey.Int("iteration_count") > 0) {
    StrAppend(&key, "/", std::max<int64_t>(survey.Int("current_iteration"), 1));
  }
  JsonWriter json;
  json.BeginObject().Key("groups").BeginArray().BeginObject().Key("properties").BeginArray();
  for (const char* name : {"$survey_dismissed/", "$survey_responded/"}) {
    json.BeginObject()
        .Field("key", StrCat(name, key))
        .Field("value", "is_not_set")
        .Field("operator", "is_not_set")
        .Field("type", "person")
        .EndObject();
  }
  json.EndArray().Field("rollout_percentage", 100).Key("variant").Null();
  return json.EndObject().EndArray().EndObject().Take();
}

// What is wrong with filters is said of the field that clients know.
Error OfTargeting(Error error) {
  if (error.has_value() && error->attr == "filters") error->attr = "targeting_flag_filters";
  return error;
}

std::string KeyOfFlag(const JsonFields& survey, std::string_view member, const Objects& flags) {
  const auto found = flags.find(survey.Int(member));
  const auto flag = JsonFields::Parse(found == flags.end() ? "" : *found->second);
  return flag.ok() ? flag->Text("key") : "";
}

bool OwnsFlag(const JsonFields& survey, int64_t flag_id) {
  return survey.Int("internal_targeting_flag_id") == flag_id ||
         (survey.Bool(kOwnsTargetingFlag) && survey.Int("targeting_flag_id") == flag_id);
}

Error CheckSampling(const JsonFields& body, const JsonFields& survey, int64_t now_us) {
  constexpr char kStart[] = "response_sampling_start_date";
  const auto start_us = ParseRfc3339(survey.Text(kStart));
  if (body.Has(kStart) && start_us.has_value() &&
      *start_us < FloorDivide(now_us, kMicrosPerDay) * kMicrosPerDay) {
    return FieldError{kStart,
                      "Response sampling start date must be today or a future date in UTC."};
  }
  if (survey.Int("response_sampling_limit") > 0 && survey.Int("response_sampling_interval") > 0 &&
      !start_us.has_value()) {
    return FieldError{kStart, "A response sampling limit needs a response sampling start date."};
  }
  return std::nullopt;
}

}  // namespace

SurveysApi::SurveysApi(const Parts& parts, QueryEngine* engine)
    : ProductApi(parts, {.kind = ObjectKind::kSurvey,
                         .has_uuid = true,
                         .path = "/surveys",
                         .scope = "survey",
                         .activity_scope = "Survey",
                         .public_path = "/api/surveys"}),
      engine_(engine) {}

void SurveysApi::AddRoutes(HttpRouter* router) {
  const auto add = [&](const char* path, const RestAction& action) {
    AddProjectRoute(router, parts_.projects, "GET", path, "survey:read", action);
  };
  // Before those of any id.
  add("/surveys/stats", [this](const RestCall& call) { return Stats(call); });
  add("/surveys/responses_count", [this](const RestCall& call) { return ResponsesCount(call); });
  add("/surveys/:id/stats", [this](const RestCall& call) { return Stats(call); });
  ProductApi::AddRoutes(router);
}

std::optional<FieldError> SurveysApi::CheckName(const Edit& edit, const JsonFields& fields) const {
  if (!edit.body.Has("name") || !IsTaken(edit, "name", fields.Find("name"))) return std::nullopt;
  return FieldError{"",
                    edit.is_new() ? "There is already a survey with this name."
                                  : "There is already another survey with this name.",
                    "unique"};
}

// A survey's own flag goes with it, and its absence would show another survey to everyone.
std::optional<FieldError> SurveysApi::CheckLink(const Edit& edit, int64_t flag_id) const {
  if (flag_id == 0) return std::nullopt;
  if (!FindLiveFlag(*edit.transaction, flag_id).has_value()) {
    return FieldError{"", "Feature Flag with this ID does not exist"};
  }
  for (const auto& [row, json] : edit.transaction->All(kind_.kind)) {
    const auto survey = JsonFields::Parse(*json);
    if (survey.ok() && OwnsFlag(*survey, flag_id)) {
      return FieldError{"", StrCat("This feature flag is the survey ", survey->Text("name"),
                                   "'s own, and cannot be linked.")};
    }
  }
  return std::nullopt;
}

std::optional<FieldError> SurveysApi::CheckParts(const Edit& edit, JsonFields* fields) const {
  if (edit.body.Has("questions")) {
    std::string questions;
    if (auto error = ReadSurveyQuestions(fields->Find("questions"), parts_.env, &questions)) {
      return error;
    }
    fields->Set("questions", std::move(questions));
  }
  if (auto error = CheckSurveyAppearance(fields->Find("appearance"))) return error;
  if (edit.body.Has("linked_flag_id")) {
    if (auto error = CheckLink(edit, fields->Int("linked_flag_id"))) return error;
  }
  const auto linked = FindLiveFlag(*edit.transaction, fields->Int("linked_flag_id"));
  if (edit.body.Has("conditions") || edit.body.Has("linked_flag_id")) {
    if (auto error = CheckSurveyConditions(fields->Find("conditions"),
                                           linked.has_value() ? &*linked : nullptr)) {
      return error;
    }
  }
  if (!fields->Text("end_date").empty() && fields->Text("start_date").empty()) {
    return FieldError{"end_date", "A survey that was not started cannot end."};
  }
  return CheckSampling(edit.body, *fields, edit.author.now_us);
}

std::optional<FieldError> SurveysApi::MakeTargetingFlag(const Edit& edit,
                                                        const std::string& filters,
                                                        const char* suffix, JsonFields* fields,
                                                        std::string_view member) const {
  int64_t flag_id = 0;
  auto error = MakeFlag({.key = StrCat("survey-targeting-", RandomKeyPart(parts_.env), suffix),
                         .name = StrCat("Targeting flag for survey ", fields->Text("name")),
                         .filters = filters,
                         .creation_context = "surveys",
                         .is_active = IsRunning(*fields)},
                        edit.author, edit.transaction, &flag_id);
  if (!error.has_value()) fields->Set(member, StrCat(flag_id));
  return error;
}

// `targeting_flag_id` has been read from the body; what it was before is in the store.
std::optional<FieldError> SurveysApi::LinkTargetingFlag(const Edit& edit,
                                                        JsonFields* fields) const {
  const ObjectJson json = edit.transaction->Find(kind_.kind, edit.row_id);
  const auto before = JsonFields::Parse(json == nullptr ? "{}" : *json);
  const int64_t old_id = before.ok() ? before->Int("targeting_flag_id") : 0;
  const int64_t id = edit.body.Bool("remove_targeting_flag") ? 0 : fields->Int("targeting_flag_id");
  if (id == old_id && !edit.is_new()) return std::nullopt;
  if (auto error = CheckLink(edit, id)) return error;
  if (fields->Bool(kOwnsTargetingFlag)) RemoveFlag(old_id, edit.author, edit.transaction);
  fields->Set("targeting_flag_id", id == 0 ? "null" : StrCat(id));
  fields->Set(kOwnsTargetingFlag, "false");
  return std::nullopt;
}

std::optional<FieldError> SurveysApi::SetTargetingFlag(const Edit& edit, JsonFields* fields) const {
  if (auto error = LinkTargetingFlag(edit, fields)) return error;
  const bool is_owned = fields->Bool(kOwnsTargetingFlag);
  const std::string filters(edit.body.Find("targeting_flag_filters"));
  JsonFields changes;
  if (!IsAbsent(filters) && filters != "{}") {
    if (auto error = CheckSurveyTargeting(filters)) return error;
    if (!is_owned) {
      fields->Set(kOwnsTargetingFlag, "true");
      return OfTargeting(MakeTargetingFlag(edit, filters, "", fields, "targeting_flag_id"));
    }
    changes.Set("filters", filters);
  }
  if (!is_owned) return std::nullopt;
  changes.Set("active", IsRunning(*fields) ? "true" : "false");
  return OfTargeting(
      ChangeFlag(fields->Int("targeting_flag_id"), changes, edit.author, edit.transaction));
}

std::optional<FieldError> SurveysApi::SetInternalFlag(const Edit& edit, JsonFields* fields) const {
  constexpr char kMember[] = "internal_targeting_flag_id";
  const std::string filters = NotDoneFilters(*fields);
  // Gone if somebody deleted it.
  if (!FindLiveFlag(*edit.transaction, fields->Int(kMember)).has_value()) {
    return MakeTargetingFlag(edit, filters, "-custom", fields, kMember);
  }
  JsonFields changes;
  changes.Set("filters", filters);
  changes.Set("active", IsRunning(*fields) ? "true" : "false");
  return ChangeFlag(fields->Int(kMember), changes, edit.author, edit.transaction);
}

std::optional<FieldError> SurveysApi::Apply(const Edit& edit, JsonFields* fields) const {
  const int64_t iteration = fields->Int("current_iteration");
  if (auto error = ReadFields(kRules, edit.body, edit.saving, fields)) return error;
  if (auto error = CheckParts(edit, fields)) return error;
  if (auto error = CheckName(edit, *fields)) return error;
  const int64_t count = fields->Int("iteration_count");
  if (edit.body.Has("iteration_count") && count > 0 && iteration > count) {
    return FieldError{"", StrCat("Cannot change survey recurrence to ", count,
                                 ", should be at least ", iteration)};
  }
  SetIterations(edit.author.now_us, fields);
  if (auto error = SetTargetingFlag(edit, fields)) return error;
  if (fields->Text("type") == "external_survey") {
    if (auto error = CheckExternalSurvey(*fields)) return error;
  }
  return SetInternalFlag(edit, fields);
}

void SurveysApi::Release(const Edit& edit, const JsonFields& fields) const {
  RemoveFlag(fields.Int("internal_targeting_flag_id"), edit.author, edit.transaction);
  if (!fields.Bool(kOwnsTargetingFlag)) return;
  RemoveFlag(fields.Int("targeting_flag_id"), edit.author, edit.transaction);
}

void SurveysApi::Show(const JsonFields& fields, const Objects& flags, JsonWriter* json) const {
  json->BeginObject();
  CopyFields(fields, {"id", "name", "description", "type", "schedule"}, json);
  const auto flag = [&](const char* name) {
    json->Key(name);
    WriteMinimalFlag(flags, fields.Int(StrCat(name, "_id")), json);
  };
  flag("linked_flag");
  CopyFields(fields, {"linked_flag_id"}, json);
  flag("targeting_flag");
  flag("internal_targeting_flag");
  CopyFields(fields, {"questions", "conditions", "appearance", "created_at"}, json);
  json->Key("created_by");
  WriteUserBasic(*parts_.projects, fields.Int("created_by"), json);
  CopyFields(fields, {"start_date", "end_date", "archived", "responses_limit"}, json);
  json->Key("feature_flag_keys").BeginArray();
  for (const char* name : {"linked_flag", "targeting_flag", "internal_targeting_flag",
                           "internal_response_sampling_flag"}) {
    json->BeginObject().Field("key", StrCat(name, "_key")).Key("value");
    const std::string key = KeyOfFlag(fields, StrCat(name, "_id"), flags);
    key.empty() ? json->Null() : json->String(key);
    json->EndObject();
  }
  json->EndArray();
  CopyFields(
      fields,
      {"iteration_count", "iteration_frequency_days", "iteration_start_dates", "current_iteration",
       "current_iteration_start_date", "response_sampling_start_date",
       "response_sampling_interval_type", "response_sampling_interval", "response_sampling_limit",
       "response_sampling_daily_limits", "enable_partial_responses", "enable_iframe_embedding",
       "translations", "form_content", "linked_insight_id"},
      json);
  json->Field("user_access_level", "manager").EndObject();
}

std::string SurveysApi::PublicJson(TeamId team_id, uint32_t) const {
  MoveIterations(team_id);
  const auto flags = parts_.objects->All(team_id, ObjectKind::kFeatureFlag);
  JsonWriter json;
  json.BeginObject().Key("surveys").BeginArray();
  for (const JsonFields& fields : AllObjects(team_id)) {
    if (fields.Bool("archived")) continue;
    json.BeginObject();
    // Not the description, which is a note of the owners.
    CopyFields(fields, {"id", "name", "type"}, &json);
    for (const char* name : {"linked_flag", "targeting_flag", "internal_targeting_flag"}) {
      const std::string key = KeyOfFlag(fields, StrCat(name, "_id"), *flags);
      if (!key.empty()) json.Field(StrCat(name, "_key"), key);
    }
    CopyFields(
        fields,
        {"questions", "conditions", "appearance", "start_date", "end_date", "current_iteration",
         "current_iteration_start_date", "schedule", "enable_partial_responses", "translations"},
        &json);
    json.EndObject();
  }
  return json.EndArray().Key("survey_config").Null().EndObject().Take();
}

void SurveysApi::MoveIterations(TeamId team_id) const {
  const int64_t now_us = parts_.env->NowMicros();
  const auto is_due = [now_us](const JsonFields& survey) {
    return IsRunning(survey) && IsRepeated(survey) &&
           IterationAt(survey, now_us) != survey.Int("current_iteration");
  };
  const std::vector<JsonFields> surveys = AllObjects(team_id);
  if (std::none_of(surveys.begin(), surveys.end(), is_due)) return;
  const JsonFields no_body;
  const auto change = [&](ObjectStore::Transaction* transaction) {
    for (const auto& [row, json] : transaction->All(kind_.kind)) {
      auto survey = JsonFields::Parse(*json);
      if (!survey.ok() || !is_due(*survey)) continue;
      SetIterations(now_us, &*survey);
      const Edit edit{.body = no_body,
                      .saving = Saving::kChange,
                      .row_id = row,
                      .author = {.team_id = team_id, .now_us = now_us},
                      .transaction = transaction};
      if (const auto error = SetInternalFlag(edit, &*survey)) {
        return absl::InternalError(error->detail);
      }
      transaction->Put(kind_.kind, row, survey->ToJson());
    }
    return absl::OkStatus();
  };
  // SDKs get the iteration that there was; the next request tries again.
  const absl::Status status = parts_.objects->Change(team_id, change);
  if (!status.ok()) LogError("the iterations of surveys do not move on", {{"error", status}});
}

HttpResponse SurveysApi::Stats(const RestCall& call) const {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  SurveyStatsQuery query{.team_id = call.project.team_id};
  for (const auto& [name, to] :
       {std::pair("date_from", &query.date_from), std::pair("date_to", &query.date_to)}) {
    const std::string text = GetParameter(parameters, name);
    const auto date = ReadDate(text);
    if (!text.empty() && !date.has_value()) {
      return HttpApiError(400,
                          "Invalid date format. Please use ISO 8601 format with timezone info "
                          "(e.g. 2024-01-01T00:00:00Z or 2024-01-01T00:00:00+00:00)");
    }
    if (date.has_value()) *to = *date;
  }
  if (!query.date_from.empty() && !query.date_to.empty() &&
      ParseRfc3339(query.date_from) > ParseRfc3339(query.date_to)) {
    return HttpApiError(400, "date_from must be before date_to");
  }
  std::optional<JsonFields> survey;
  if (!call.request.PathParameter("id").empty()) {
    survey = FindObject(call);
    if (!survey.has_value()) return NotFound();
    query.survey_ids.push_back(survey->Text("id"));
  } else {
    for (const JsonFields& fields : AllObjects(call.project.team_id)) {
      if (!fields.Bool("archived")) query.survey_ids.push_back(fields.Text("id"));
    }
  }
  JsonWriter json;
  json.BeginObject();
  const absl::Status status = WriteSurveyStats(engine_, query, &json);
  if (!status.ok()) return QueryErrorResponse(*engine_, status);
  if (survey.has_value()) {
    json.Field("survey_id", survey->Text("id"));
    CopyFields(*survey, {"start_date", "end_date"}, &json);
  }
  json.EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse SurveysApi::ResponsesCount(const RestCall& call) const {
  std::string since;
  for (const JsonFields& fields : AllObjects(call.project.team_id)) {
    const std::string start = fields.Text("start_date");
    if (start.empty()) continue;
    if (since.empty() || ParseRfc3339(start) < ParseRfc3339(since)) since = start;
  }
  if (since.empty()) return HttpJson(200, "{}");
  auto counts = SurveyResponseCounts(engine_, call.project.team_id, since);
  return counts.ok() ? HttpJson(200, *std::move(counts))
                     : QueryErrorResponse(*engine_, counts.status());
}

}  // namespace hoglet
