#include "src/api/cohorts_api.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "include/hoglet/status.h"
#include "query/hogql/quoting.h"
#include "src/api/cohort_references.h"
#include "src/api/json_fields.h"
#include "src/api/person_json.h"
#include "src/api/query_api.h"
#include "src/base/arena.h"
#include "src/base/limits.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/base/vector/vector.h"
#include "src/cohorts/cohort_definition.h"
#include "src/cohorts/cohort_members.h"
#include "src/http/api_error.h"

namespace hoglet {
namespace {

constexpr char kScope[] = "Cohort";
constexpr size_t kPersonsAddedMax = 1000;
constexpr size_t kDistinctIdsShownMax = 10;
constexpr uint64_t kCsvRowsMax = 10'000;
constexpr int64_t kFillTimeoutUs = 60 * kMicrosPerSecond;

// Not what people changed.
const std::set<std::string_view>& OwnFields() {
  static const auto* const fields = new std::set<std::string_view>{
      "id",      "is_calculating",      "requests",           "created_by",      "created_at_us",
      "version", "last_calculation_us", "errors_calculating", "last_error_at_us"};
  return *fields;
}

HttpResponse Refuse(std::string_view attr, std::string_view detail, std::string_view code = "") {
  return HttpApiError(400, detail, code, "", attr);
}
HttpResponse NotFound() { return HttpApiError(404, "Not found."); }

void WriteMoment(std::string_view key, int64_t time_us, JsonWriter* json) {
  json->Key(key);
  time_us == 0 ? json->Null() : json->String(FormatRfc3339(time_us, 6));
}
void WriteJsonOrNull(std::string_view key, std::string_view text, JsonWriter* json) {
  json->Key(key);
  text.empty() ? json->Null() : json->Raw(text);
}

// The number in a path; 0 if it is none.
int64_t IdOf(const RestCall& call) {
  int64_t id = 0;
  const std::string_view text = call.request.PathParameter("id");
  return absl::SimpleAtoi(ToAbsl(text), &id) && id > 0 ? id : 0;
}

bool ContainsIgnoringCase(std::string_view text, std::string_view part) {
  return absl::AsciiStrToLower(ToAbsl(text)).find(absl::AsciiStrToLower(ToAbsl(part))) !=
         std::string::npos;
}

void SortUnique(std::vector<Uuid>* persons) {
  std::sort(persons->begin(), persons->end());
  persons->erase(std::unique(persons->begin(), persons->end()), persons->end());
}

std::string ActivityName(const Cohort& before, const Cohort& after) {
  if (after.is_deleted && !before.is_deleted) return "deleted";
  if (before.is_deleted && !after.is_deleted) return "restored";
  return "updated";
}

void LogChange(const RestCall& call, const Cohort& cohort, const std::string& activity,
               const std::string& changes, ObjectStore::Transaction* transaction) {
  transaction->Log(MakeActivity({.scope = kScope,
                                 .item_id = StrCat(cohort.id),
                                 .name = cohort.name,
                                 .activity = activity,
                                 .user_id = call.caller.user_id,
                                 .changes_json = changes}));
}

// The UUIDs of a member of a body, which must be there.
std::optional<HttpResponse> ReadUuids(const JsonMember* member, const char* key, bool is_list,
                                      Arena* arena, std::vector<Uuid>* out) {
  if (member == nullptr || member->kind == JsonKind::kNull)
    return Refuse(key, StrCat(key, " is required"), "required");
  std::vector<JsonMember> items = {*member};
  if (is_list &&
      (member->kind != JsonKind::kRaw || !ParseJsonArray(member->text, arena, &items).ok())) {
    return Refuse(key, StrCat(key, " must be a list"));
  }
  if (items.empty()) return Refuse(key, StrCat(key, " cannot be empty"));
  if (items.size() > kPersonsAddedMax)
    return Refuse(key, StrCat("at most ", kPersonsAddedMax, " persons can be given at once"));
  for (const JsonMember& item : items) {
    const auto id = item.kind == JsonKind::kString ? ParseUuid(item.text) : std::nullopt;
    if (!id.has_value()) return Refuse(key, "Must be a valid UUID.");
    out->push_back(*id);
  }
  return std::nullopt;
}

}  // namespace

void CohortsApi::AddRoutes(HttpRouter* router) {
  using Method = HttpResponse (CohortsApi::*)(const RestCall&);
  using ConstMethod = HttpResponse (CohortsApi::*)(const RestCall&) const;
  const auto add = [&](const char* methods, const char* path, const char* scope, auto method) {
    static_assert(std::is_same_v<decltype(method), Method> ||
                  std::is_same_v<decltype(method), ConstMethod>);
    HttpRouteOptions options;
    options.on_worker = true;
    options.body_bytes_max = limits::kApiBodyBytesMax;
    AddProjectRoute(
        router, parts_.projects, methods, path, scope,
        [this, method](const RestCall& call) { return (this->*method)(call); }, options);
  };
  add("GET", "/cohorts", "cohort:read", &CohortsApi::List);
  add("POST", "/cohorts", "cohort:write", &CohortsApi::Create);
  add("GET", "/cohorts/activity", "activity_log:read", &CohortsApi::ActivityOfAll);
  add("GET", "/cohorts/:id", "cohort:read", &CohortsApi::Get);
  add("PATCH PUT", "/cohorts/:id", "cohort:write", &CohortsApi::Change);
  AddProjectRoute(router, parts_.projects, "DELETE", "/cohorts/:id", "cohort:write",
                  [](const RestCall&) { return HardDeleteRefused(); });
  add("GET", "/cohorts/:id/persons", "cohort:read", &CohortsApi::Persons);
  add("PATCH", "/cohorts/:id/add_persons_to_static_cohort", "cohort:write",
      &CohortsApi::AddPersons);
  add("PATCH", "/cohorts/:id/remove_person_from_static_cohort", "cohort:write",
      &CohortsApi::RemovePerson);
  add("GET", "/cohorts/:id/duplicate_as_static_cohort", "cohort:write", &CohortsApi::Duplicate);
  add("GET", "/cohorts/:id/activity", "activity_log:read", &CohortsApi::ActivityOfOne);
  add("GET", "/persons/cohorts", "person:read", &CohortsApi::CohortsOfPerson);
}

std::optional<Cohort> CohortsApi::Find(const RestCall& call) const {
  const ObjectJson json =
      parts_.objects->Find(call.project.team_id, ObjectKind::kCohort, IdOf(call));
  if (json == nullptr) return std::nullopt;
  auto cohort = ReadCohort(*json);
  if (!cohort.ok() || cohort->is_deleted) return std::nullopt;
  return *std::move(cohort);
}

void CohortsApi::Write(TeamId project, const Cohort& cohort, JsonWriter* json) const {
  json->BeginObject()
      .Field("id", cohort.id)
      .Field("name", cohort.name)
      .Field("description", cohort.description);
  WriteJsonOrNull("groups", cohort.groups_json, json);
  json->Field("deleted", cohort.is_deleted);
  WriteJsonOrNull("filters", cohort.filters_json, json);
  WriteJsonOrNull("query", cohort.query_json, json);
  json->Field("is_calculating", cohort.is_calculating).Key("created_by");
  WriteUserBasic(*parts_.projects, cohort.created_by, json);
  WriteMoment("created_at", cohort.created_at_us, json);
  WriteMoment("last_calculation", cohort.last_calculation_us, json);
  json->Field("errors_calculating", cohort.errors_calculating).Key("count");
  const auto members = parts_.objects->Members(project, cohort.id);
  if (members == nullptr) {
    cohort.is_static ? json->Uint(0) : json->Null();
  } else {
    json->Uint(members->persons().size());
  }
  json->Field("is_static", cohort.is_static).Key("cohort_type");
  cohort.cohort_type.empty() ? json->Null() : json->String(cohort.cohort_type);
  json->Key("experiment_set").BeginArray().EndArray().EndObject();
}

HttpResponse CohortsApi::Answer(int status, TeamId project, int64_t id) const {
  const ObjectJson json = parts_.objects->Find(project, ObjectKind::kCohort, id);
  if (json == nullptr) return NotFound();
  const auto cohort = ReadCohort(*json);
  if (!cohort.ok()) return StatusResponse(cohort.status());
  JsonWriter out;
  Write(project, *cohort, &out);
  return HttpJson(status, out.Take());
}

HttpResponse CohortsApi::List(const RestCall& call) const {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  const std::string type = GetParameter(parameters, "type");
  const std::string search = GetParameter(parameters, "search");
  const std::string created_by = GetParameter(parameters, "created_by_id");
  const bool hides_behavioral =
      GetBoolParameter(parameters, "hide_behavioral_cohorts").value_or(false);
  const auto all = parts_.objects->All(call.project.team_id, ObjectKind::kCohort);
  std::optional<CohortGraph> graph;
  if (hides_behavioral) graph.emplace(*all);
  std::vector<Cohort> rows;
  for (auto it = all->rbegin(); it != all->rend(); ++it) {  // the newest first
    auto cohort = ReadCohort(*it->second);
    if (!cohort.ok() || cohort->is_deleted) continue;
    if ((type == "static" && !cohort->is_static) || (type == "dynamic" && cohort->is_static))
      continue;
    if (!created_by.empty() && created_by != StrCat(cohort->created_by)) continue;
    if (!search.empty() && !ContainsIgnoringCase(cohort->name, search)) continue;
    if (graph.has_value() && graph->IsBehavioral(cohort->id)) continue;
    rows.push_back(*std::move(cohort));
  }
  return PagedResponse(call.request, parameters, rows.size(), [&](uint64_t row, JsonWriter* json) {
    Write(call.project.team_id, rows[row], json);
  });
}

HttpResponse CohortsApi::Get(const RestCall& call) const {
  const auto cohort = Find(call);
  return cohort.has_value() ? Answer(200, call.project.team_id, cohort->id) : NotFound();
}

CohortsApi::Refusal CohortsApi::CheckFill(const CohortBody& body, const Cohort& cohort) {
  const bool has_query = !cohort.query_json.empty();
  if (has_query && !cohort.filters_json.empty())
    return Refuse("query", "Cannot set both a query and filters at the same time.");
  if (has_query && !cohort.is_static)
    return Refuse("query", "Cannot set a query on a dynamic cohort.");
  if (!cohort.is_static && (body.csv.has_value() || body.person_ids.has_value()))
    return Refuse("is_static", "Can only add users to static cohorts");
  return std::nullopt;
}

CohortsApi::Refusal CohortsApi::CheckReferences(const Transaction& transaction,
                                                const Cohort& cohort) const {
  CohortGraph graph(transaction.All(ObjectKind::kCohort));
  graph.Put(cohort);
  for (const int64_t id : graph.ReferredBy(cohort.id)) {
    if (!graph.Has(id)) return Refuse("filters", "Invalid Cohort ID in filter");
  }
  if (graph.HasLoop(cohort.id))
    return Refuse("filters", "Cohorts cannot reference other cohorts in a loop.");
  return std::nullopt;
}

CohortsApi::Refusal CohortsApi::CheckFlags(const Transaction& transaction, const Cohort& before,
                                           const Cohort& after) const {
  const bool is_deletion = after.is_deleted && !before.is_deleted;
  const bool changes_criteria =
      after.filters_json != before.filters_json || after.is_static != before.is_static;
  if (!is_deletion && !changes_criteria) return std::nullopt;
  CohortGraph graph(transaction.All(ObjectKind::kCohort));
  const auto flags = FlagsUsing(transaction.All(ObjectKind::kFeatureFlag), graph, after.id);
  if (flags.empty()) return std::nullopt;
  if (is_deletion) {
    return Refuse("deleted",
                  StrCat("This cohort is used in ", flags.size(),
                         " active feature flag(s): ", absl::StrJoin(flags, ", "),
                         ". Please remove the cohort from these flags before deleting it."));
  }
  const bool was_behavioral = graph.IsBehavioral(after.id);
  graph.Put(after);
  if (was_behavioral || !graph.IsBehavioral(after.id)) return std::nullopt;
  return Refuse("filters", "Behavioral filters cannot be added to cohorts used in feature flags.",
                "behavioral_cohort_found");
}

// While persons were looked for, some may have been merged into others or deleted, before the
// cohort had them: then nobody moved them. From now on they are moved.
absl::Status CohortsApi::FollowMerges(const RestCall& call, int64_t id, const CohortBody& body,
                                      const Fill& filled) {
  if (!filled.persons.has_value()) return absl::OkStatus();
  const TeamId project = call.project.team_id;
  const bool may_look_again = body.csv.has_value() || body.person_ids.has_value();
  std::vector<Uuid> now;
  if (may_look_again && parts_.persons->overrides_version(project) != filled.overrides_version) {
    Fill again = FindFill(call, body);
    if (!again.persons.has_value()) return absl::OkStatus();
    now = *std::move(again.persons);
  } else {
    // Nobody was merged.
    HOGLET_ASSIGN_OR_RETURN(now, Living(project, *filled.persons));
  }
  if (now == *filled.persons) return absl::OkStatus();
  std::vector<Uuid> gone;
  std::set_difference(filled.persons->begin(), filled.persons->end(), now.begin(), now.end(),
                      std::back_inserter(gone));
  return parts_.objects->Change(project, [&](Transaction* transaction) {
    transaction->RemoveMembers(id, gone);
    transaction->AddMembers(id, now);
    return absl::OkStatus();
  });
}

HttpResponse CohortsApi::Create(const RestCall& call) {
  CohortBody body;
  if (auto refusal = ReadCohortBody(call.request, &body)) return *std::move(refusal);
  Cohort cohort;
  ApplyCohortBody(body, &cohort);
  cohort.created_by = call.caller.user_id;
  cohort.created_at_us = parts_.env->NowMicros();
  cohort.is_calculating = !cohort.is_static && !cohort.is_deleted;
  cohort.requests = cohort.is_calculating ? 1 : 0;
  if (auto refusal = CheckFill(body, cohort)) return *std::move(refusal);
  Fill fill = FindFill(call, body);
  if (fill.refusal.has_value()) return *std::move(fill.refusal);
  if (cohort.is_static) cohort.last_calculation_us = cohort.created_at_us;
  Refusal refusal;
  const absl::Status status =
      parts_.objects->Change(call.project.team_id, [&](Transaction* transaction) -> absl::Status {
        cohort.id = transaction->NewId(ObjectKind::kCohort);
        refusal = CheckReferences(*transaction, cohort);
        if (refusal.has_value()) return absl::AbortedError("refused");
        transaction->Put(ObjectKind::kCohort, cohort.id, WriteCohort(cohort));
        if (cohort.is_static)
          transaction->SetMembers(cohort.id, fill.persons.value_or(std::vector<Uuid>()));
        LogChange(call, cohort, "created", "[]", transaction);
        return absl::OkStatus();
      });
  if (refusal.has_value()) return *std::move(refusal);
  if (!status.ok()) return StatusResponse(status);
  const absl::Status followed = FollowMerges(call, cohort.id, body, fill);
  if (!followed.ok()) return StatusResponse(followed);
  // Written before it is calculated, so that the answer is of one moment.
  JsonWriter out;
  Write(call.project.team_id, cohort, &out);
  if (cohort.is_calculating && parts_.calculator != nullptr)
    parts_.calculator->Request(call.project.team_id, cohort.id);
  return HttpJson(201, out.Take());
}

CohortsApi::Refusal CohortsApi::Edited(const RestCall& call, int64_t id, bool sees_deleted,
                                       const Edit& edit) {
  Refusal refusal;
  const absl::Status status =
      parts_.objects->Change(call.project.team_id, [&](Transaction* transaction) -> absl::Status {
        const ObjectJson json = transaction->Find(ObjectKind::kCohort, id);
        if (json == nullptr) return absl::NotFoundError("Not found.");
        HOGLET_ASSIGN_OR_RETURN(const Cohort before, ReadCohort(*json));
        if (before.is_deleted && !sees_deleted) return absl::NotFoundError("Not found.");
        Cohort after = before;
        refusal = edit(transaction, &after);
        if (refusal.has_value()) return absl::AbortedError("refused");
        const std::string text = WriteCohort(after);
        transaction->Put(ObjectKind::kCohort, id, text);
        const std::string changes = ChangesJson(kScope, *json, text, OwnFields());
        if (changes != "[]")
          LogChange(call, after, ActivityName(before, after), changes, transaction);
        return absl::OkStatus();
      });
  if (refusal.has_value()) return refusal;
  if (!status.ok()) return StatusResponse(status);
  return std::nullopt;
}

HttpResponse CohortsApi::Change(const RestCall& call) {
  CohortBody body;
  if (auto refusal = ReadCohortBody(call.request, &body)) return *std::move(refusal);
  const int64_t id = IdOf(call);
  auto stored = Find(call);
  if (!body.undeletes() && !stored.has_value()) return NotFound();
  if (stored.has_value()) {
    // Before the trouble of finding anybody; what is true then is looked at again.
    ApplyCohortBody(body, &*stored);
    if (auto refusal = CheckFill(body, *stored)) return *std::move(refusal);
  }
  const Fill fill = FindFill(call, body);
  if (fill.refusal.has_value()) return *fill.refusal;
  bool is_wanted = false;
  const auto edit = [&](Transaction* transaction, Cohort* cohort) -> Refusal {
    const Cohort before = *cohort;
    ApplyCohortBody(body, cohort);
    if (auto against = CheckFill(body, *cohort)) return against;
    if (auto against = CheckReferences(*transaction, *cohort)) return against;
    if (auto against = CheckFlags(*transaction, before, *cohort)) return against;
    if (fill.persons.has_value()) {
      transaction->AddMembers(id, *fill.persons);
      cohort->last_calculation_us = parts_.env->NowMicros();
    }
    is_wanted = !cohort->is_static && !cohort->is_deleted;
    // They take memory, and are found again if it is brought back.
    if (!cohort->is_static && cohort->is_deleted) transaction->SetMembers(id, {});
    cohort->is_calculating = is_wanted;
    if (is_wanted) ++cohort->requests;
    if (is_wanted && body.has_criteria()) cohort->errors_calculating = 0;
    return std::nullopt;
  };
  if (auto refusal = Edited(call, id, body.undeletes(), edit)) return *std::move(refusal);
  const absl::Status followed = FollowMerges(call, id, body, fill);
  if (!followed.ok()) return StatusResponse(followed);
  if (is_wanted && parts_.calculator != nullptr)
    parts_.calculator->Request(call.project.team_id, id);
  return Answer(200, call.project.team_id, id);
}

HttpResponse CohortsApi::AddPersons(const RestCall& call) {
  const auto cohort = Find(call);
  if (!cohort.has_value()) return NotFound();
  if (!cohort->is_static) return HttpApiError(400, "Can only add users to static cohorts");
  Arena arena;
  JsonObjectView members;
  std::vector<Uuid> given;
  if (auto refusal = ReadJsonBody(call.request, &arena, &members)) return *std::move(refusal);
  if (auto refusal = ReadUuids(FindJsonMember(members, "person_ids"), "person_ids",
                               /*is_list=*/true, &arena, &given))
    return *std::move(refusal);
  const auto persons = Living(call.project.team_id, given);
  if (!persons.ok()) return StatusResponse(persons.status());
  if (persons->empty()) return Refuse("person_ids", "No valid users to add to cohort");
  auto refusal = Edited(call, cohort->id, /*sees_deleted=*/false,
                        [&](Transaction* transaction, Cohort* changed) -> Refusal {
                          if (!changed->is_static)
                            return HttpApiError(400, "Can only add users to static cohorts");
                          transaction->AddMembers(changed->id, *persons);
                          LogChange(call, *changed, "persons_added_manually", "[]", transaction);
                          return std::nullopt;
                        });
  return refusal.has_value() ? *std::move(refusal) : Answer(200, call.project.team_id, cohort->id);
}

HttpResponse CohortsApi::RemovePerson(const RestCall& call) {
  const auto cohort = Find(call);
  if (!cohort.has_value()) return NotFound();
  if (!cohort->is_static) return HttpApiError(400, "Can only remove users from static cohorts");
  Arena arena;
  JsonObjectView members;
  std::vector<Uuid> given;
  if (auto refusal = ReadJsonBody(call.request, &arena, &members)) return *std::move(refusal);
  if (auto refusal = ReadUuids(FindJsonMember(members, "person_id"), "person_id",
                               /*is_list=*/false, &arena, &given))
    return *std::move(refusal);
  const auto present = parts_.objects->Members(call.project.team_id, cohort->id);
  if (present == nullptr || !present->Contains(given[0]))
    return HttpApiError(404, "Person is not part of the cohort");
  auto refusal = Edited(call, cohort->id, /*sees_deleted=*/false,
                        [&](Transaction* transaction, Cohort* changed) -> Refusal {
                          if (!changed->is_static)
                            return HttpApiError(400, "Can only remove users from static cohorts");
                          transaction->RemoveMembers(changed->id, given);
                          LogChange(call, *changed, "person_removed_manually", "[]", transaction);
                          return std::nullopt;
                        });
  return refusal.has_value() ? *std::move(refusal) : Answer(200, call.project.team_id, cohort->id);
}

HttpResponse CohortsApi::Duplicate(const RestCall& call) {
  const auto source = Find(call);
  if (!source.has_value()) return NotFound();
  const auto members = parts_.objects->Members(call.project.team_id, source->id);
  const auto copy = CreateStatic(call, StrCat(source->name, " (static copy)"), source->description,
                                 members == nullptr ? std::vector<Uuid>() : members->persons());
  return copy.ok() ? HttpJson(200, *copy) : StatusResponse(copy.status());
}

absl::StatusOr<std::string> CohortsApi::CreateStatic(const RestCall& call, std::string name,
                                                     std::string description,
                                                     std::vector<Uuid> persons) {
  const TeamId project = call.project.team_id;
  SortUnique(&persons);
  if (const absl::Status fits = CheckMemberCount(*parts_.objects, project, 0, persons.size());
      !fits.ok()) {
    return absl::InvalidArgumentError(fits.message());
  }
  Cohort cohort;
  cohort.name = std::move(name);
  cohort.description = std::move(description);
  cohort.is_static = true;
  cohort.created_by = call.caller.user_id;
  cohort.created_at_us = cohort.last_calculation_us = parts_.env->NowMicros();
  HOGLET_RETURN_IF_ERROR(parts_.objects->Change(project, [&](Transaction* transaction) {
    cohort.id = transaction->NewId(ObjectKind::kCohort);
    transaction->Put(ObjectKind::kCohort, cohort.id, WriteCohort(cohort));
    transaction->SetMembers(cohort.id, persons);
    LogChange(call, cohort, "created", "[]", transaction);
    return absl::OkStatus();
  }));
  HOGLET_RETURN_IF_ERROR(
      FollowMerges(call, cohort.id, CohortBody(), {.persons = std::move(persons)}));
  JsonWriter out;
  Write(project, cohort, &out);
  return out.Take();
}

// -- Who is to be in a static cohort --

absl::StatusOr<std::vector<Uuid>> CohortsApi::Living(TeamId project,
                                                     const std::vector<Uuid>& ids) const {
  std::vector<Uuid> out;
  for (const Uuid& id : ids) {
    HOGLET_ASSIGN_OR_RETURN(const auto person, parts_.persons->FindById(project, id));
    if (person.has_value()) out.push_back(id);
  }
  SortUnique(&out);
  return out;
}

absl::StatusOr<std::vector<Uuid>> CohortsApi::PersonsByDistinctId(
    TeamId project, const std::vector<std::string>& ids) const {
  std::vector<Uuid> out;
  for (const std::string& id : ids) {
    HOGLET_ASSIGN_OR_RETURN(const auto person, parts_.persons->FindByDistinctId(project, id));
    if (person.has_value()) out.push_back(person->id);
  }
  SortUnique(&out);
  return out;
}

// One way through the persons, however many addresses there are.
absl::StatusOr<std::vector<Uuid>> CohortsApi::PersonsByEmail(
    TeamId project, const std::vector<std::string>& emails) const {
  const StringSet<std::string_view> wanted(emails.begin(), emails.end());
  std::vector<Uuid> out;
  Arena arena;
  JsonObjectView properties;
  HOGLET_RETURN_IF_ERROR(parts_.persons->VisitPersons(project, [&](const PersonRecord& person) {
    arena.Reset();
    properties.clear();
    if (!ParseJsonObject(person.properties, &arena, &properties).ok()) return true;
    const JsonMember* email = FindJsonMember(properties, "email");
    if (email != nullptr && email->kind == JsonKind::kString && wanted.contains(email->text))
      out.push_back(person.id);
    return true;
  }));
  SortUnique(&out);
  return out;
}

absl::StatusOr<std::vector<Uuid>> CohortsApi::PersonsOfCsv(TeamId project,
                                                           const CohortCsv& csv) const {
  if (csv.kind == CohortCsv::Kind::kEmails) return PersonsByEmail(project, csv.ids);
  if (csv.kind == CohortCsv::Kind::kDistinctIds) return PersonsByDistinctId(project, csv.ids);
  std::vector<Uuid> ids;
  for (const std::string& text : csv.ids) {
    if (const auto id = ParseUuid(text)) ids.push_back(*id);
  }
  if (ids.empty()) return absl::InvalidArgumentError("The file has no valid person ids.");
  return Living(project, ids);
}

// An ActorsQuery asks for persons by their properties, as a cohort's filters do.
absl::StatusOr<QueryRequest> CohortsApi::ReadPersonsQuery(TeamId project,
                                                          const std::string& query_json) const {
  const auto query = JsonFields::Parse(query_json);
  if (!query.ok() || query->Text("kind") != "ActorsQuery" || parts_.calculator == nullptr) {
    return ReadQueryBody(StrCat(R"({"query":)", query_json, "}"));
  }
  const auto says = [&query](const char* name) {
    const std::string_view json = query->Find(name);
    return !json.empty() && json != "null" && json != "\"\"" && json != "[]" && json != "{}";
  };
  for (const char* name : {"source", "search"}) {
    if (says(name)) {
      return absl::InvalidArgumentError(
          StrCat("An ActorsQuery with a ", name, " is not supported by this server."));
    }
  }
  std::string groups;
  for (const char* name : {"properties", "fixedProperties"}) {
    if (!says(name)) continue;
    const std::string_view json = query->Find(name);
    StrAppend(&groups, groups.empty() ? "" : ",");
    json[0] == '[' ? StrAppend(&groups, R"({"type":"AND","values":)", json, "}")
                   : StrAppend(&groups, json);
  }
  QueryRequest request;
  request.text = "SELECT id FROM persons";
  if (groups.empty()) return request;
  HOGLET_ASSIGN_OR_RETURN(
      const auto condition,
      ParseCohortFilters(StrCat(R"({"properties":{"type":"AND","values":[)", groups, "]}}")));
  HOGLET_ASSIGN_OR_RETURN(request.text, parts_.calculator->QueryText(project, *condition));
  return request;
}

CohortsApi::Fill CohortsApi::PersonsOfQuery(const RestCall& call,
                                            const std::string& query_json) const {
  auto request = ReadPersonsQuery(call.project.team_id, query_json);
  if (!request.ok()) return {.refusal = Refuse("query", FromAbsl(request.status().message()))};
  request->team_id = call.project.team_id;
  request->timezone = call.project.timezone;
  request->limit_context = LimitContext::kCohortCalculation;
  request->timeout_us = kFillTimeoutUs;
  request->rows_max = kMembersPerCohortMax + 1;
  request->cancelled = call.request.disconnected;
  const auto result = parts_.engine->Run(*request);
  if (!result.ok()) return {.refusal = QueryErrorResponse(*parts_.engine, result.status())};
  const auto column_of = [&](std::string_view name) -> std::optional<size_t> {
    const auto found = std::find(result->columns.begin(), result->columns.end(), name);
    if (found == result->columns.end()) return std::nullopt;
    return static_cast<size_t>(found - result->columns.begin());
  };
  absl::StatusOr<std::vector<Uuid>> persons = absl::InvalidArgumentError(
      "The query must have a column person_id, id, actor_id or distinct_id.");
  std::optional<size_t> column;
  for (const char* name : {"person_id", "id", "actor_id"}) {
    if (!column.has_value()) column = column_of(name);
  }
  if (column.has_value()) {
    persons = MembersOf(*result, *column, kMembersPerCohortMax);
    if (persons.ok()) persons = Living(call.project.team_id, *persons);
  } else if (const auto ids = column_of("distinct_id")) {
    std::vector<std::string> texts;
    for (const auto& batch : result->batches) {
      for (size_t i = 0; i < batch[*ids].size(); ++i) {
        const Datum value = batch[*ids].Get(i);
        if (const auto* text = std::get_if<std::string>(&value.value)) texts.push_back(*text);
      }
    }
    persons = PersonsByDistinctId(call.project.team_id, texts);
  }
  if (!persons.ok()) return {.refusal = Refuse("query", FromAbsl(persons.status().message()))};
  return {.persons = *std::move(persons)};
}

CohortsApi::Fill CohortsApi::FindFill(const RestCall& call, const CohortBody& body) const {
  const TeamId project = call.project.team_id;
  const uint64_t version = parts_.persons->overrides_version(project);
  absl::StatusOr<std::vector<Uuid>> persons = std::vector<Uuid>();
  const char* attr = nullptr;
  if (body.csv.has_value()) {
    attr = "csv";
    persons = PersonsOfCsv(project, *body.csv);
  } else if (body.person_ids.has_value()) {
    attr = "_create_static_person_ids";
    persons = Living(project, *body.person_ids);
  } else if (body.query_json.has_value() && !body.query_json->empty()) {
    attr = "query";
    Fill fill = PersonsOfQuery(call, *body.query_json);
    if (fill.refusal.has_value()) return fill;
    persons = *std::move(fill.persons);
  } else {
    return {};
  }
  if (absl::IsInvalidArgument(persons.status()))
    return {.refusal = Refuse(attr, FromAbsl(persons.status().message()))};
  if (!persons.ok()) return {.refusal = StatusResponse(persons.status())};
  const absl::Status fits = CheckMemberCount(*parts_.objects, project, IdOf(call), persons->size());
  if (!fits.ok()) return {.refusal = Refuse(attr, FromAbsl(fits.message()))};
  return {.persons = *std::move(persons), .overrides_version = version};
}

// -- Who is in it --

absl::StatusOr<std::vector<Uuid>> CohortsApi::MembersOnPage(const RestCall& call,
                                                            const Cohort& cohort,
                                                            const std::string& search,
                                                            const Page& page,
                                                            bool* has_more) const {
  std::vector<Uuid> out;
  const auto members = parts_.objects->Members(call.project.team_id, cohort.id);
  if (search.empty()) {
    const size_t count = members == nullptr ? 0 : members->persons().size();
    const size_t begin = std::min<uint64_t>(page.offset, count);
    const size_t end = begin + std::min<uint64_t>(page.limit, count - begin);
    *has_more = end < count;
    if (begin < end)
      out.assign(members->persons().begin() + static_cast<ptrdiff_t>(begin),
                 members->persons().begin() + static_cast<ptrdiff_t>(end));
    return out;
  }
  const std::string pattern = hogql::QuoteString(StrCat("%", search, "%"));
  QueryRequest request;
  request.text = StrCat("SELECT id FROM persons WHERE id IN COHORT ", cohort.id,
                        " AND (toString(properties.email) ILIKE ", pattern,
                        " OR toString(properties.name) ILIKE ", pattern);
  HOGLET_ASSIGN_OR_RETURN(const auto person,
                          parts_.persons->FindByDistinctId(call.project.team_id, search));
  if (person.has_value()) StrAppend(&request.text, " OR id = '", FormatUuid(person->id), "'");
  StrAppend(&request.text, ") ORDER BY id LIMIT ", page.limit + 1, " OFFSET ", page.offset);
  request.team_id = call.project.team_id;
  request.cancelled = call.request.disconnected;
  HOGLET_ASSIGN_OR_RETURN(const QueryResult result, parts_.engine->Run(request));
  HOGLET_ASSIGN_OR_RETURN(out, MembersOf(result, 0, page.limit + 1));
  *has_more = out.size() > page.limit;
  if (*has_more) out.pop_back();
  return out;
}

HttpResponse CohortsApi::Persons(const RestCall& call) const {
  if (!HasScope(call.caller, "person:read"))
    return HttpApiError(403, "API key missing required scope 'person:read'", "permission_denied");
  const auto cohort = Find(call);
  if (!cohort.has_value()) return NotFound();
  QueryParameters parameters = ReadQueryParameters(call.request.query);
  const bool is_csv = GetParameter(parameters, "format") == "csv" ||
                      call.request.headers.Find("accept").starts_with("text/csv");
  if (is_csv && GetParameter(parameters, "limit").empty())
    parameters["limit"] = StrCat(kCsvRowsMax);
  const Page page = ReadPage(parameters);
  const std::string search = GetParameter(parameters, "search");
  if (search.size() > kCohortTextBytesMax || search.find('\0') != std::string::npos)
    return Refuse("search", "Not a valid string.");
  bool has_more = false;
  const auto members = MembersOnPage(call, *cohort, search, page, &has_more);
  if (!members.ok()) return QueryErrorResponse(*parts_.engine, members.status());

  JsonWriter json;
  std::string csv = PersonCsvHeader();
  json.BeginObject().Key("results").BeginArray();
  for (const Uuid& id : *members) {
    auto record = parts_.persons->FindById(call.project.team_id, id);
    if (!record.ok()) return StatusResponse(record.status());
    if (!record->has_value()) continue;  // deleted or merged since the calculation
    auto distinct_ids = parts_.persons->FindDistinctIds(call.project.team_id, id);
    if (!distinct_ids.ok()) return StatusResponse(distinct_ids.status());
    const ShownPerson person = ShowPerson(**std::move(record), *std::move(distinct_ids));
    is_csv ? AppendPersonCsv(person, &csv) : WritePersonRow(person, kDistinctIdsShownMax, &json);
  }
  if (is_csv) {
    HttpResponse response = HttpText(200, std::move(csv));
    response.content_type = "text/csv; charset=utf-8";
    return response;
  }
  json.EndArray();
  const auto link = [&](const char* name, bool exists, uint64_t offset) {
    QueryParameters other = parameters;
    other["offset"] = StrCat(offset);
    json.Key(name);
    exists ? json.String(RequestUrl(call.request, other)) : json.Null();
  };
  link("next", has_more, page.offset + page.limit);
  link("previous", page.offset > 0, page.offset > page.limit ? page.offset - page.limit : 0);
  json.EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse CohortsApi::CohortsOfPerson(const RestCall& call) const {
  const QueryParameters parameters = ReadQueryParameters(call.request.query);
  const auto person = ParseUuid(GetParameter(parameters, "person_id"));
  if (!person.has_value()) return Refuse("person_id", "This query parameter must be a UUID.");
  const TeamId project = call.project.team_id;
  JsonWriter json;
  json.BeginObject().Key("results").BeginArray();
  const auto all = parts_.objects->All(project, ObjectKind::kCohort);
  for (const auto& [id, text] : *all) {
    const auto cohort = ReadCohort(*text);
    const auto members = parts_.objects->Members(project, id);
    if (!cohort.ok() || cohort->is_deleted || members == nullptr || !members->Contains(*person))
      continue;
    Write(project, *cohort, &json);
  }
  json.EndArray().EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse CohortsApi::ActivityOfOne(const RestCall& call) const {
  const auto cohort = Find(call);
  if (!cohort.has_value()) return NotFound();
  return ActivityResponse(call, *parts_.projects, *parts_.objects,
                          {.scopes = {kScope}, .item_id = StrCat(cohort->id)});
}

HttpResponse CohortsApi::ActivityOfAll(const RestCall& call) const {
  return ActivityResponse(call, *parts_.projects, *parts_.objects, {.scopes = {kScope}});
}

}  // namespace hoglet
