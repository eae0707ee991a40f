#include "src/api/feature_flags_api.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "src/api/flag_document.h"
#include "src/api/flag_validation.h"
#include "src/base/arena.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/url.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

using Transaction = ObjectStore::Transaction;
using Refusal = std::optional<HttpResponse>;

constexpr auto kFlag = ObjectKind::kFeatureFlag;
constexpr int64_t kStaleAfterUs = 30 * kMicrosPerDay;
constexpr size_t kBulkIdsMax = 1'000;
HttpResponse Refused(const FieldError& error) {
  return HttpApiError(400, error.detail, error.code, "", error.attr);
}
HttpResponse NoKey() { return Refused({"key", "This field is required.", "required"}); }
HttpResponse NotFound() { return HttpApiError(404, "Not found."); }

std::optional<int64_t> FlagIdOf(const RestCall& call) {
  int64_t id = 0;
  if (!absl::SimpleAtoi(ToAbsl(call.request.PathParameter("id")), &id)) return std::nullopt;
  return id;
}

// -- What is computed from a flag --

std::vector<JsonFields> ConditionsOf(const JsonFields& flag) {
  std::vector<JsonFields> out;
  const auto filters = JsonFields::Parse(flag.Find("filters"));
  Arena arena;
  std::vector<JsonMember> groups;
  if (!filters.ok() || !ParseJsonArray(filters->Find("groups"), &arena, &groups).ok()) return out;
  for (const JsonMember& group : groups) {
    auto condition = JsonFields::Parse(group.kind == JsonKind::kRaw ? group.text : "");
    if (condition.ok()) out.push_back(*std::move(condition));
  }
  return out;
}

bool HasNoProperties(const JsonFields& condition) {
  const std::string_view properties = condition.Find("properties");
  return properties.empty() || properties == "null" || properties == "[]";
}

bool IsAbsentOrNull(std::string_view json) { return json.empty() || json == "null"; }

// One condition, for everyone.
bool IsSimple(const JsonFields& flag, const std::vector<JsonFields>& conditions) {
  const auto filters = JsonFields::Parse(flag.Find("filters"));
  return conditions.size() == 1 && HasNoProperties(conditions[0]) && filters.ok() &&
         IsAbsentOrNull(filters->Find("aggregation_group_type_index"));
}

std::vector<JsonFields> VariantsOf(const JsonFields& flag) {
  std::vector<JsonFields> out;
  const auto filters = JsonFields::Parse(flag.Find("filters"));
  if (!filters.ok()) return out;
  const auto multivariate = JsonFields::Parse(filters->Find("multivariate"));
  Arena arena;
  std::vector<JsonMember> variants;
  if (!multivariate.ok() ||
      !ParseJsonArray(multivariate->Find("variants"), &arena, &variants).ok()) {
    return out;
  }
  for (const JsonMember& item : variants) {
    auto variant = JsonFields::Parse(item.kind == JsonKind::kRaw ? item.text : "");
    if (variant.ok()) out.push_back(*std::move(variant));
  }
  return out;
}

bool IsEveryone(std::string_view percentage) {
  return IsAbsentOrNull(percentage) || percentage == "100";
}

// Whether everyone gets the same answer.
bool IsFullyRolledOut(const JsonFields& flag) {
  const std::vector<JsonFields> variants = VariantsOf(flag);
  const bool has_one_variant =
      variants.empty() || std::any_of(variants.begin(), variants.end(), [](const auto& variant) {
        return variant.Find("rollout_percentage") == "100";
      });
  for (const JsonFields& condition : ConditionsOf(flag)) {
    if (!HasNoProperties(condition) || !IsEveryone(condition.Find("rollout_percentage"))) continue;
    if (has_one_variant || !IsAbsentOrNull(condition.Find("variant"))) return true;
  }
  return false;
}

struct FlagStatus {
  const char* status;
  const char* reason;
};

FlagStatus StatusOf(const JsonFields& flag, int64_t now_us) {
  if (flag.Bool("deleted")) return {"DELETED", "The flag is deleted."};
  if (!flag.Bool("active")) return {"INACTIVE", "The flag is disabled."};
  const auto created = ParseRfc3339(flag.Text("created_at"));
  if (created.has_value() && now_us - *created >= kStaleAfterUs && IsFullyRolledOut(flag)) {
    return {"STALE", "Everyone has had the same answer of this flag for a month or more."};
  }
  return {"ACTIVE", "The flag is in use."};
}

// -- Lists --

bool HasType(const JsonFields& flag, const std::string& type) {
  const bool is_remote = flag.Bool("is_remote_configuration");
  const bool is_multivariate = !VariantsOf(flag).empty();
  if (type == "remote_config") return is_remote;
  if (type == "multivariant") return is_multivariate;
  if (type == "experiment") {
    return !flag.Find("experiment_set").empty() && flag.Find("experiment_set") != "[]";
  }
  return type != "boolean" || (!is_multivariate && !is_remote);
}

bool HasAnyTag(const JsonFields& flag, const std::set<std::string>& wanted) {
  if (wanted.empty()) return true;
  Arena arena;
  std::vector<JsonMember> tags;
  if (!ParseJsonArray(flag.Find("tags"), &arena, &tags).ok()) return false;
  return std::any_of(tags.begin(), tags.end(),
                     [&](const JsonMember& tag) { return wanted.contains(std::string(tag.text)); });
}

struct FlagFilter {
  std::string active;
  std::string type;
  std::string search;
  std::string runtime;
  std::string created_by;
  std::set<std::string> tags;
  std::set<std::string> excluded_keys;

  explicit FlagFilter(const QueryParameters& parameters)
      : active(GetParameter(parameters, "active")),
        type(GetParameter(parameters, "type")),
        search(GetParameter(parameters, "search")),
        runtime(GetParameter(parameters, "evaluation_runtime")),
        created_by(GetParameter(parameters, "created_by_id")),
        tags(GetJsonListParameter(parameters, "tags")),
        excluded_keys(GetJsonListParameter(parameters, "excluded_properties")) {}

  bool Takes(const JsonFields& flag, int64_t now_us) const {
    if (flag.Bool("deleted") || excluded_keys.contains(flag.Text("key"))) return false;
    if (active == "STALE" && std::string_view(StatusOf(flag, now_us).status) != "STALE") {
      return false;
    }
    if ((active == "true" || active == "false") && flag.Find("active") != active) return false;
    if (!created_by.empty() && flag.Find("created_by") != created_by) return false;
    if (!runtime.empty() && flag.Text("evaluation_runtime") != runtime) return false;
    if (!type.empty() && !HasType(flag, type)) return false;
    return HasAnyTag(flag, tags) &&
           (MatchesSearch(flag.Text("key"), search) || MatchesSearch(flag.Text("name"), search));
  }
};

// The flags that decide who sees a survey: they are shown with their survey, and not listed.
std::set<int64_t> FlagsOfSurveys(const Objects& surveys) {
  std::set<int64_t> out;
  for (const auto& [id, json] : surveys) {
    const auto survey = JsonFields::Parse(*json);
    if (!survey.ok()) continue;
    for (const char* name : {"internal_targeting_flag_id", "targeting_flag_id"}) {
      out.insert(survey->Int(name));
    }
  }
  return out;
}

// -- Changes --

Refusal RefuseTakenKey(const Transaction& transaction, const std::string& key, int64_t except_id) {
  if (!IsFlagKeyTaken(transaction, key, except_id)) return std::nullopt;
  return Refused({"key", "There is already a feature flag with this key.", "unique"});
}

Refusal ReadKey(const JsonObjectView& body, const Transaction& transaction, int64_t flag_id,
                JsonFields* changes) {
  const JsonMember* key = FindJsonMember(body, "key");
  if (key == nullptr) return std::nullopt;
  if (key->kind == JsonKind::kNull) {
    return Refused({"key", "This field may not be null.", "null"});
  }
  if (key->kind != JsonKind::kString) return Refused({"key", "Not a valid string."});
  if (auto error = CheckFlagKey(key->text)) return Refused(*error);
  const JsonMember* deleted = FindJsonMember(body, "deleted");
  const bool is_going = deleted != nullptr && deleted->kind == JsonKind::kBool && deleted->boolean;
  if (!is_going) {
    if (auto refusal = RefuseTakenKey(transaction, std::string(key->text), flag_id)) {
      return refusal;
    }
  }
  changes->SetText("key", key->text);
  return std::nullopt;
}

Refusal ReadFilters(const JsonObjectView& body, const Transaction& transaction, int64_t flag_id,
                    JsonFields* changes) {
  const JsonMember* filters = FindJsonMember(body, "filters");
  if (filters == nullptr && flag_id != 0) return std::nullopt;
  std::string json;
  if (filters != nullptr) {
    AppendJsonValue(*filters, &json);
  } else {
    json = R"({"groups":[{"properties":[],"rollout_percentage":null,"variant":null}]})";
  }
  // A change without conditions leaves them all as they are.
  const auto fields = JsonFields::Parse(json);
  if (flag_id != 0 && fields.ok() && !fields->Has("groups")) return std::nullopt;
  std::string stored;
  if (auto error = ReadFlagFilters(json, ReferencesOf(transaction, flag_id), &stored))
    return Refused(*error);
  changes->Set("filters", std::move(stored));
  return std::nullopt;
}

// What the body asks for, in the form in which it is stored; the answer that refuses it otherwise.
Refusal ReadChanges(const JsonObjectView& body, const Transaction& transaction, int64_t flag_id,
                    JsonFields* changes) {
  const auto read = [&](std::string_view name) -> Refusal {
    const JsonMember* member = FindJsonMember(body, name);
    if (member == nullptr) return std::nullopt;
    std::string json;
    AppendJsonValue(*member, &json);
    std::string stored;
    if (auto error = ReadFlagField(name, json, &stored)) return Refused(*error);
    // The older name of the same list.
    changes->Set(name == "evaluation_tags" ? "evaluation_contexts" : name, std::move(stored));
    return std::nullopt;
  };
  if (auto refusal = read("name")) return refusal;
  if (auto refusal = ReadKey(body, transaction, flag_id, changes)) return refusal;
  if (auto refusal = ReadFilters(body, transaction, flag_id, changes)) return refusal;
  for (const std::string_view name : kFlagFields) {
    if (name == "name" || (name == "creation_context" && flag_id != 0)) continue;
    if (auto refusal = read(name)) return refusal;
  }
  return std::nullopt;
}

bool IsLive(const JsonFields& flag) { return flag.Bool("active") && !flag.Bool("deleted"); }

// What its conditions refer to may have gone, or changed its nature, while the flag was off.
Refusal RefuseStaleFilters(const JsonFields& flag, const Transaction& transaction,
                           int64_t flag_id) {
  std::string ignored;
  if (auto error =
          ReadFlagFilters(flag.Find("filters"), ReferencesOf(transaction, flag_id), &ignored)) {
    return Refused(*error);
  }
  return std::nullopt;
}

// Only those that would change something.
JsonFields DifferencesOf(const JsonFields& flag, const JsonFields& changes) {
  JsonFields out;
  for (const auto& [name, json] : changes.members()) {
    if (flag.Find(name) != json) out.Set(name, json);
  }
  return out;
}

// The client has seen an older version, and another change of one of the same fields came since.
Refusal RefuseConflict(const JsonObjectView& body, const JsonFields& flag,
                       const JsonFields& differences, const ProjectDirectory& projects) {
  const JsonMember* seen = FindJsonMember(body, "version");
  if (seen == nullptr || seen->kind != JsonKind::kInt64 || seen->integer >= flag.Int("version")) {
    return std::nullopt;
  }
  const auto versions = JsonFields::Parse(flag.Find("field_versions"));
  for (const auto& [name, json] : differences.members()) {
    if (!versions.ok() || versions->Int(name) <= seen->integer) continue;
    const auto user = projects.FindUser(flag.Int("last_modified_by"));
    return HttpApiError(
        409, StrCat("The feature flag was changed by ",
                    user.has_value() ? user->email : "somebody else", " since version ",
                    seen->integer, ": ", name, " is another now. Reload it and try again."));
  }
  return std::nullopt;
}

const char* ActivityNameOf(const JsonFields& before, const JsonFields& after) {
  if (before.Bool("deleted") == after.Bool("deleted")) return "updated";
  return after.Bool("deleted") ? "deleted" : "restored";
}

}  // namespace

void FeatureFlagsApi::AddRoutes(HttpRouter* router) {
  using Action = HttpResponse (FeatureFlagsApi::*)(const RestCall&) const;
  const auto add = [&](const char* method, const std::string& path, const char* scope,
                       Action action) {
    AddProjectRoute(router, projects_, method, path, scope,
                    [this, action](const RestCall& call) { return (this->*action)(call); });
  };
  const std::string flags = "/feature_flags";
  add("GET", flags, "feature_flag:read", &FeatureFlagsApi::List);
  add("POST", flags, "feature_flag:write", &FeatureFlagsApi::Create);
  add("GET", flags + "/activity", "activity_log:read", &FeatureFlagsApi::FlagActivity);
  add("POST", flags + "/bulk_keys", "feature_flag:read", &FeatureFlagsApi::BulkKeys);
  add("GET", flags + "/:id", "feature_flag:read", &FeatureFlagsApi::Get);
  add("PATCH PUT", flags + "/:id", "feature_flag:write", &FeatureFlagsApi::Update);
  AddProjectRoute(router, projects_, "DELETE", flags + "/:id", "feature_flag:write",
                  [](const RestCall&) { return HardDeleteRefused(); });
  add("GET", flags + "/:id/activity", "activity_log:read", &FeatureFlagsApi::FlagActivity);
  add("GET", flags + "/:id/status", "feature_flag:read", &FeatureFlagsApi::Status);
  add("GET", "/activity_log", "activity_log:read", &FeatureFlagsApi::ActivityLog);
}

void FeatureFlagsApi::WriteFlag(const JsonFields& flag, JsonWriter* json) const {
  const std::vector<JsonFields> conditions = ConditionsOf(flag);
  const bool is_simple = IsSimple(flag, conditions);
  const auto user = [&](const char* name) {
    json->Key(name);
    WriteUserBasic(*projects_, flag.Int(name), json);
  };
  const auto copy = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) json->Key(name).Raw(flag.Has(name) ? flag.Find(name) : "null");
  };
  json->BeginObject();
  copy({"id", "name", "key", "filters", "deleted", "active"});
  user("created_by");
  copy({"created_at", "updated_at", "version"});
  user("last_modified_by");
  json->Field("is_simple_flag", is_simple).Key("rollout_percentage");
  const std::string_view percentage =
      is_simple ? conditions[0].Find("rollout_percentage") : std::string_view();
  json->Raw(percentage.empty() ? "null" : percentage);
  copy({"ensure_experience_continuity", "experiment_set"});
  json->Key("surveys").BeginArray().EndArray().Key("features").BeginArray().EndArray();
  copy({"rollback_conditions", "performed_rollback"});
  json->Field("can_edit", true);
  copy({"tags"});
  json->Key("evaluation_tags").Raw(flag.Find("evaluation_contexts"));
  copy({"evaluation_contexts"});
  json->Key("usage_dashboard").Null().Key("analytics_dashboards").BeginArray().EndArray();
  json->Field("has_enriched_analytics", false).Field("user_access_level", "manager");
  copy({"creation_context", "is_remote_configuration", "has_encrypted_payloads"});
  json->Field("status", StatusOf(flag, env_->NowMicros()).status);
  copy({"evaluation_runtime", "bucketing_identifier", "last_called_at"});
  json->EndObject();
}

HttpResponse FeatureFlagsApi::FlagResponse(int status, const JsonFields& flag) const {
  JsonWriter json;
  WriteFlag(flag, &json);
  return HttpJson(status, json.Take());
}

std::optional<JsonFields> FeatureFlagsApi::FindFlag(const RestCall& call) const {
  const auto id = FlagIdOf(call);
  const ObjectJson json =
      id.has_value() ? objects_->Find(call.project.team_id, kFlag, *id) : nullptr;
  if (json == nullptr) return std::nullopt;
  auto flag = JsonFields::Parse(*json);
  if (!flag.ok() || flag->Bool("deleted")) return std::nullopt;
  return *std::move(flag);
}

HttpResponse FeatureFlagsApi::List(const RestCall& call) const {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  const FlagFilter filter(parameters);
  const int64_t now_us = env_->NowMicros();
  std::vector<JsonFields> flags;
  const auto all = objects_->All(call.project.team_id, kFlag);
  const std::set<int64_t> of_surveys =
      FlagsOfSurveys(*objects_->All(call.project.team_id, ObjectKind::kSurvey));
  for (auto it = all->rbegin(); it != all->rend(); ++it) {
    if (of_surveys.contains(it->first)) continue;
    auto flag = JsonFields::Parse(*it->second);
    if (flag.ok() && filter.Takes(*flag, now_us)) flags.push_back(*std::move(flag));
  }
  return PagedResponse(call.request, parameters, flags.size(),
                       [&](uint64_t row, JsonWriter* json) { WriteFlag(flags[row], json); });
}

HttpResponse FeatureFlagsApi::Create(const RestCall& call) const {
  Arena arena;
  JsonObjectView body;
  if (auto refusal = ReadJsonBody(call.request, &arena, &body)) return *std::move(refusal);
  if (FindJsonMember(body, "key") == nullptr) return NoKey();
  Refusal refusal;
  JsonFields flag;
  const absl::Status status =
      objects_->Change(call.project.team_id, [&](Transaction* transaction) -> absl::Status {
        JsonFields changes;
        refusal = ReadChanges(body, *transaction, /*flag_id=*/0, &changes);
        if (refusal.has_value()) return absl::CancelledError("refused");
        const int64_t id = transaction->NewId(kFlag);
        flag = NewFlagDocument(id, {.team_id = call.project.team_id,
                                    .user_id = call.caller.user_id,
                                    .now_us = env_->NowMicros()});
        for (const auto& [name, json] : changes.members()) flag.Set(name, json);
        transaction->Put(kFlag, id, flag.ToJson());
        LogFlagChange(flag, "created", call.caller.user_id, "[]", transaction);
        return absl::OkStatus();
      });
  if (refusal.has_value()) return *std::move(refusal);
  return status.ok() ? FlagResponse(201, flag) : StatusResponse(status);
}

HttpResponse FeatureFlagsApi::Get(const RestCall& call) const {
  const auto flag = FindFlag(call);
  return flag.has_value() ? FlagResponse(200, *flag) : NotFound();
}

HttpResponse FeatureFlagsApi::Update(const RestCall& call) const {
  Arena arena;
  JsonObjectView body;
  if (auto refusal = ReadJsonBody(call.request, &arena, &body)) return *std::move(refusal);
  const auto id = FlagIdOf(call);
  if (!id.has_value()) return NotFound();
  if (call.request.method == "PUT" && FindJsonMember(body, "key") == nullptr) return NoKey();
  const bool restores = body.size() == 1 && body[0].key == "deleted" &&
                        body[0].kind == JsonKind::kBool && !body[0].boolean;
  Refusal refusal;
  JsonFields flag;
  const auto change = [&](Transaction* transaction) -> Refusal {
    const ObjectJson json = transaction->Find(kFlag, *id);
    auto before = JsonFields::Parse(json == nullptr ? "" : *json);
    if (!before.ok() || (before->Bool("deleted") && !restores)) return NotFound();
    flag = *before;
    if (restores && flag.Bool("deleted")) {
      if (auto taken = RefuseTakenKey(*transaction, flag.Text("key"), *id)) return taken;
    }
    JsonFields changes;
    if (auto refused = ReadChanges(body, *transaction, *id, &changes)) return refused;
    const JsonFields differences = DifferencesOf(flag, changes);
    if (differences.members().empty()) return std::nullopt;
    if (auto conflict = RefuseConflict(body, flag, differences, *projects_)) return conflict;
    ApplyFlagChanges(differences,
                     {.team_id = call.project.team_id,
                      .user_id = call.caller.user_id,
                      .now_us = env_->NowMicros()},
                     &flag);
    if (auto error = RefuseWhileNeeded(*before, flag, *transaction)) return Refused(*error);
    if (IsLive(flag) && !IsLive(*before)) {
      if (auto refused = RefuseStaleFilters(flag, *transaction, *id)) return refused;
    }
    std::string after = flag.ToJson();
    LogFlagChange(flag, ActivityNameOf(*before, flag), call.caller.user_id,
                  FlagChangesJson(*json, after), transaction);
    transaction->Put(kFlag, *id, std::move(after));
    return std::nullopt;
  };
  const absl::Status status =
      objects_->Change(call.project.team_id, [&](Transaction* transaction) -> absl::Status {
        refusal = change(transaction);
        return refusal.has_value() ? absl::CancelledError("refused") : absl::OkStatus();
      });
  if (refusal.has_value()) return *std::move(refusal);
  return status.ok() ? FlagResponse(200, flag) : StatusResponse(status);
}

HttpResponse FeatureFlagsApi::Status(const RestCall& call) const {
  // Of deleted flags too.
  const auto id = FlagIdOf(call);
  const ObjectJson json =
      id.has_value() ? objects_->Find(call.project.team_id, kFlag, *id) : nullptr;
  const auto flag = JsonFields::Parse(json == nullptr ? "" : *json);
  if (!flag.ok()) return NotFound();
  const FlagStatus status = StatusOf(*flag, env_->NowMicros());
  JsonWriter out;
  out.BeginObject().Field("status", status.status).Field("reason", status.reason).EndObject();
  return HttpJson(200, out.Take());
}

HttpResponse FeatureFlagsApi::BulkKeys(const RestCall& call) const {
  Arena arena;
  JsonObjectView body;
  if (auto refusal = ReadJsonBody(call.request, &arena, &body)) return *std::move(refusal);
  const JsonMember* ids = FindJsonMember(body, "ids");
  std::vector<JsonMember> items;
  if (ids == nullptr || ids->kind != JsonKind::kRaw ||
      !ParseJsonArray(ids->text, &arena, &items).ok() || items.size() > kBulkIdsMax) {
    return Refused({"ids", StrCat("Expected a list of up to ", kBulkIdsMax, " ids.")});
  }
  JsonWriter json;
  json.BeginObject().Key("keys").BeginObject();
  std::set<int64_t> seen;
  for (const JsonMember& item : items) {
    int64_t id = item.integer;
    if (item.kind != JsonKind::kInt64 &&
        (item.kind != JsonKind::kString || !absl::SimpleAtoi(ToAbsl(item.text), &id))) {
      return Refused({"ids", "A valid integer is required."});
    }
    const ObjectJson stored = objects_->Find(call.project.team_id, kFlag, id);
    const auto flag = JsonFields::Parse(stored == nullptr ? "" : *stored);
    if (flag.ok() && seen.insert(id).second) json.Field(StrCat(id), flag->Text("key"));
  }
  json.EndObject().EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse FeatureFlagsApi::FlagActivity(const RestCall& call) const {
  ObjectStore::ActivityFilter filter{.scopes = {kFlagActivityScope}};
  if (!call.request.PathParameter("id").empty()) {
    const auto id = FlagIdOf(call);
    if (!id.has_value() || objects_->Find(call.project.team_id, kFlag, *id) == nullptr) {
      return NotFound();
    }
    filter.item_id = StrCat(*id);
  }
  return ActivityResponse(call, *projects_, *objects_, filter);
}

HttpResponse FeatureFlagsApi::ActivityLog(const RestCall& call) const {
  ObjectStore::ActivityFilter filter;
  std::string user;
  // Scopes may come one by one, repeated, or with commas.
  VisitQuery(call.request.query, [&](std::string_view name, std::string_view value) {
    const std::string text = PercentDecode(value, true);
    if (name == "scope" || name == "scopes" || name == "scopes[]") {
      for (absl::string_view scope : absl::StrSplit(text, ',', absl::SkipEmpty())) {
        filter.scopes.emplace_back(scope);
      }
    } else if (name == "item_id") {
      filter.item_id = text;
    } else if (name == "user") {
      user = text;
    }
    return true;
  });
  if (!user.empty() && !absl::SimpleAtoi(user, &filter.user_id)) {
    const auto owner = projects_->FindUser(call.caller.user_id);
    // Nobody has a negative number.
    filter.user_id = owner.has_value() && owner->uuid == user ? owner->id : -1;
  }
  return ActivityResponse(call, *projects_, *objects_, filter);
}

}  // namespace hoglet
