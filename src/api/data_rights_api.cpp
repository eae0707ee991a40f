#include "src/api/data_rights_api.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "include/hoglet/status.h"
#include "src/api/query_api.h"
#include "src/api/rest.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/url.h"
#include "src/base/uuid.h"
#include "src/base/vector/vector.h"
#include "src/capture/capture_service.h"
#include "src/http/api_error.h"
#include "storage/schema.h"

namespace hoglet {
namespace {

constexpr size_t kIdsMax = 1000;
constexpr size_t kQueueMax = 64;
constexpr uint64_t kMatchesMax = 200'000;  // deleted by one query; then the next one is asked
constexpr size_t kDeadLettersShownMax = 1000;
constexpr int64_t kSideRowsKeptUs = 90 * kMicrosPerDay;

// The members of a JSON body; an empty body is {}.
absl::Status ReadBody(const std::string& body, Arena* arena, JsonObjectView* members) {
  if (body.empty()) return absl::OkStatus();
  const absl::Status status = ParseJsonObject(body, arena, members);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(StrCat("JSON parse error: ", status.message()));
}

// A list of strings or numbers as texts; nothing if the member is absent or null.
absl::StatusOr<std::optional<std::vector<std::string>>> ReadList(const JsonObjectView& members,
                                                                 std::string_view key,
                                                                 Arena* arena) {
  const JsonMember* member = FindJsonMember(members, key);
  if (member == nullptr || member->kind == JsonKind::kNull) return std::nullopt;
  std::vector<JsonMember> items;
  if (member->kind != JsonKind::kRaw || !ParseJsonArray(member->text, arena, &items).ok()) {
    return absl::InvalidArgumentError(StrCat("\"", key, "\" must be a list."));
  }
  std::vector<std::string> texts;
  for (const JsonMember& item : items) {
    std::string text;
    if (item.kind == JsonKind::kString) {
      text = std::string(item.text);
    } else {
      AppendJsonValue(item, &text);
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

// The HogQL condition of a body; empty if there is none.
std::string ReadWhere(const JsonObjectView& members) {
  const JsonMember* where = FindJsonMember(members, "where");
  return where != nullptr && where->kind == JsonKind::kString ? std::string(where->text) : "";
}

bool IsGiven(const JsonObjectView& members, std::string_view key) {
  const JsonMember* member = FindJsonMember(members, key);
  return member != nullptr && member->kind != JsonKind::kNull &&
         !(member->kind == JsonKind::kBool && !member->boolean);
}

HttpResponse Accepted() { return HttpJson(202, "{}"); }

// Spread over as many commands as the uuids need.
std::vector<IngestCommand> Spread(IngestCommand command, std::vector<Uuid> uuids) {
  std::vector<IngestCommand> commands;
  for (size_t begin = 0; begin < uuids.size(); begin += kCommandUuidsMax) {
    const size_t end = std::min(uuids.size(), begin + kCommandUuidsMax);
    command.uuids.assign(uuids.begin() + static_cast<ptrdiff_t>(begin),
                         uuids.begin() + static_cast<ptrdiff_t>(end));
    commands.push_back(command);
  }
  return commands;
}

IngestCommand PersonDeletion(const ProjectInfo& project) {
  IngestCommand command;
  command.kind = IngestCommand::Kind::kDeletePersons;
  command.team_id = project.team_id;
  return command;
}

}  // namespace

std::vector<IngestCommand> RetentionCommands(const Project& project, int64_t now_us) {
  // Whole days, so that asking again the same day asks for the same.
  const int64_t today_us = FloorDivide(now_us, kMicrosPerDay) * kMicrosPerDay;
  std::vector<IngestCommand> commands;
  IngestCommand command;
  command.team_id = project.id;
  command.kind = IngestCommand::Kind::kExpireSideRows;
  command.to_us = today_us - kSideRowsKeptUs;
  commands.push_back(command);
  if (project.events_retention_days > 0) {
    command.kind = IngestCommand::Kind::kExpireEvents;
    command.to_us = today_us - project.events_retention_days * kMicrosPerDay;
    commands.push_back(command);
  }
  return commands;
}

DataRightsApi::DataRightsApi(const Parts& parts) : parts_(parts), pool_("rights", 1, kQueueMax) {}

void DataRightsApi::Add(const char* method, const std::string& path, const char* scope,
                        Action action, HttpRouter* router) {
  router->Add(method, path, {},
              [this, scope, action](HttpRequest request, const HttpResponder& responder) {
                auto shared = std::make_shared<const HttpRequest>(std::move(request));
                const auto run = [this, scope, action, shared, responder] {
                  ProjectInfo project;
                  if (auto refusal = AuthorizeProject(*shared, *parts_.projects, scope, &project)) {
                    responder(*std::move(refusal));
                    return;
                  }
                  responder((this->*action)(*shared, project));
                };
                if (pool_.TrySubmit(run)) return;
                HttpResponse response = HttpApiError(429, "Too many deletions are waiting.");
                response.headers.Add("retry-after", "1");
                responder(std::move(response));
              });
}

void DataRightsApi::AddRoutes(HttpRouter* router) {
  for (const std::string project : {"/api/projects/:project_id", "/api/environments/:project_id"}) {
    const auto add = [&](const char* method, const char* path, const char* scope, Action action) {
      Add(method, project + path, scope, action, router);
    };
    add("POST", "/persons/bulk_delete", "person:write", &DataRightsApi::BulkDeletePersons);
    add("DELETE", "/persons/:id", "person:write", &DataRightsApi::DeletePerson);
    add("POST", "/persons/:id/delete_events", "person:write", &DataRightsApi::DeletePersonEvents);
    add("POST", "/events/bulk_delete", "person:write", &DataRightsApi::BulkDeleteEvents);
    add("GET", "/retention", "project:read", &DataRightsApi::GetRetention);
    add("POST", "/retention", "project:write", &DataRightsApi::SetRetention);
    add("GET", "/dead_letters", "project:read", &DataRightsApi::ListDeadLetters);
    add("POST", "/dead_letters/replay", "project:write", &DataRightsApi::ReplayDeadLetters);
    add("POST", "/dead_letters/drop", "project:write", &DataRightsApi::DropDeadLetters);
  }
}

absl::Status DataRightsApi::Submit(const std::vector<IngestCommand>& commands) {
  if (commands.empty()) return absl::OkStatus();
  std::vector<std::string> values;
  std::vector<LogRecord> records;
  for (const IngestCommand& command : commands) values.push_back(EncodeCommand(command));
  for (const std::string& value : values) records.push_back({"", value});
  HOGLET_ASSIGN_OR_RETURN(const uint64_t base, parts_.log->Append(kEventsTopic, records));
  if (parts_.wait_applied(base + records.size())) return absl::OkStatus();
  return absl::UnavailableError(
      "The deletion is recorded and will be carried out; it was not yet.");
}

HttpResponse DataRightsApi::DeletePerson(const HttpRequest& request, const ProjectInfo& project) {
  IngestCommand command = PersonDeletion(project);
  // Its being there counts, whatever it says.
  command.deletes_events = FindQueryValue(request.query, "delete_events").has_value();
  return SubmitForPerson(request, project, command);
}

HttpResponse DataRightsApi::DeletePersonEvents(const HttpRequest& request,
                                               const ProjectInfo& project) {
  IngestCommand command = PersonDeletion(project);
  command.deletes_events = true;
  command.keeps_persons = true;
  return SubmitForPerson(request, project, command);
}

HttpResponse DataRightsApi::SubmitForPerson(const HttpRequest& request, const ProjectInfo& project,
                                            const IngestCommand& command) {
  const auto uuid = ParseUuid(request.PathParameter("id"));
  if (!uuid.has_value()) return HttpApiError(404, "Not found.");
  const auto person = parts_.persons->FindById(project.team_id, *uuid);
  if (!person.ok()) return StatusResponse(person.status());
  if (!person->has_value()) return HttpApiError(404, "Not found.");
  const absl::Status status = Submit(Spread(command, {*uuid}));
  return status.ok() ? Accepted() : StatusResponse(status);
}

HttpResponse DataRightsApi::BulkDeletePersons(const HttpRequest& request,
                                              const ProjectInfo& project) {
  Arena arena;
  JsonObjectView members;
  if (absl::Status status = ReadBody(request.body, &arena, &members); !status.ok()) {
    return StatusResponse(status);
  }
  const auto distinct_ids = ReadList(members, "distinct_ids", &arena);
  const auto ids = ReadList(members, "ids", &arena);
  if (!distinct_ids.ok()) return StatusResponse(distinct_ids.status());
  if (!ids.ok()) return StatusResponse(ids.status());
  const std::string where = ReadWhere(members);
  if (!distinct_ids->has_value() && !ids->has_value() && where.empty()) {
    return HttpApiError(400, "You need to specify either distinct_ids or ids");
  }
  IngestCommand command = PersonDeletion(project);
  command.deletes_events = FindQueryValue(request.query, "delete_events").has_value() ||
                           IsGiven(members, "delete_events");
  command.keeps_persons = IsGiven(members, "keep_person");
  if (!distinct_ids->has_value() && !ids->has_value()) {
    auto matching = FindMatchingPersons(project, where);
    if (!matching.ok()) return QueryErrorResponse(*parts_.engine, matching.status());
    const absl::Status status = Submit(Spread(command, *std::move(matching)));
    return status.ok() ? Accepted() : StatusResponse(status);
  }
  const std::vector<std::string>& given = distinct_ids->has_value() ? **distinct_ids : **ids;
  if (given.size() > kIdsMax) return HttpApiError(400, "You can only pass 1000 ids in one call");
  std::vector<Uuid> uuids;
  for (const std::string& id : given) {
    const auto uuid = ParseUuid(id);
    if (!distinct_ids->has_value() && !uuid.has_value()) continue;
    const auto person = distinct_ids->has_value()
                            ? parts_.persons->FindByDistinctId(project.team_id, id)
                            : parts_.persons->FindById(project.team_id, *uuid);
    if (!person.ok()) return StatusResponse(person.status());
    if (!person->has_value()) continue;
    if (std::find(uuids.begin(), uuids.end(), (*person)->id) == uuids.end()) {
      uuids.push_back((*person)->id);
    }
  }
  const absl::Status status = Submit(Spread(command, std::move(uuids)));
  return status.ok() ? Accepted() : StatusResponse(status);
}

absl::StatusOr<std::vector<Uuid>> DataRightsApi::FindMatchingPersons(const ProjectInfo& project,
                                                                     const std::string& where) {
  QueryRequest query;
  query.team_id = project.team_id;
  query.timezone = project.timezone;
  query.text = StrCat("SELECT id FROM persons WHERE (", where, "\n) LIMIT ", kMatchesMax);
  query.limit_context = LimitContext::kExport;
  query.rows_max = kMatchesMax;
  HOGLET_ASSIGN_OR_RETURN(const QueryResult result, parts_.engine->Run(query));
  std::vector<Uuid> uuids;
  for (const std::vector<Vector>& batch : result.batches) {
    const VectorReader<Int128> ids(batch[0]);
    for (size_t i = 0; i < batch[0].size(); ++i) uuids.push_back(Int128ToUuid(ids.at(i)));
  }
  return uuids;
}

// Finds the events by a query and orders exactly these to be deleted, until the query finds no
// more.
absl::StatusOr<uint64_t> DataRightsApi::DeleteMatching(const ProjectInfo& project,
                                                       const std::string& where) {
  QueryRequest query;
  query.team_id = project.team_id;
  query.timezone = project.timezone;
  query.text = StrCat("SELECT uuid, timestamp FROM events WHERE (", where,
                      "\n) ORDER BY timestamp LIMIT ", kMatchesMax);
  query.limit_context = LimitContext::kExport;
  query.rows_max = kMatchesMax;
  uint64_t deleted = 0;
  while (true) {
    HOGLET_ASSIGN_OR_RETURN(const QueryResult result, parts_.engine->Run(query));
    std::vector<Uuid> uuids;
    std::vector<int64_t> times_us;
    for (const std::vector<Vector>& batch : result.batches) {
      const VectorReader<Int128> ids(batch[0]);
      const VectorReader<int64_t> times(batch[1]);
      for (size_t i = 0; i < batch[0].size(); ++i) {
        uuids.push_back(Int128ToUuid(ids.at(i)));
        times_us.push_back(times.at(i));
      }
    }
    if (uuids.empty()) return deleted;
    std::vector<IngestCommand> commands =
        Spread({.kind = IngestCommand::Kind::kDeleteEvents, .team_id = project.team_id}, uuids);
    for (size_t i = 0; i < commands.size(); ++i) {
      const size_t begin = i * kCommandUuidsMax;
      commands[i].from_us = times_us[begin];
      commands[i].to_us = times_us[begin + commands[i].uuids.size() - 1];
    }
    HOGLET_RETURN_IF_ERROR(Submit(commands));
    deleted += uuids.size();
    if (uuids.size() < kMatchesMax) return deleted;
  }
}

HttpResponse DataRightsApi::BulkDeleteEvents(const HttpRequest& request,
                                             const ProjectInfo& project) {
  Arena arena;
  JsonObjectView members;
  if (absl::Status status = ReadBody(request.body, &arena, &members); !status.ok()) {
    return StatusResponse(status);
  }
  const std::string where = ReadWhere(members);
  if (where.empty()) {
    return HttpApiError(400, "\"where\" must be a HogQL condition on events.");
  }
  const auto deleted = DeleteMatching(project, where);
  if (!deleted.ok()) return QueryErrorResponse(*parts_.engine, deleted.status());
  JsonWriter json;
  json.BeginObject().Field("deleted", *deleted).EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse DataRightsApi::GetRetention(const HttpRequest&, const ProjectInfo& project) {
  const auto found = parts_.metadata->FindProject(project.team_id);
  JsonWriter json;
  json.BeginObject().Field("days", found ? found->events_retention_days : 0).EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse DataRightsApi::SetRetention(const HttpRequest& request, const ProjectInfo& info) {
  Arena arena;
  JsonObjectView members;
  if (absl::Status status = ReadBody(request.body, &arena, &members); !status.ok()) {
    return StatusResponse(status);
  }
  const JsonMember* days = FindJsonMember(members, "days");
  if (days == nullptr || days->kind != JsonKind::kInt64) {
    return HttpApiError(400, "\"days\" must be a whole number; 0 keeps events for ever.");
  }
  Project changed;
  absl::Status status = parts_.metadata->ChangeProject(info.team_id, [&](Project* project) {
    project->events_retention_days = days->integer;
    changed = *project;
    return absl::OkStatus();
  });
  if (absl::IsNotFound(status)) return HttpApiError(404, "Project not found.");
  if (status.ok()) status = Submit(RetentionCommands(changed, parts_.env->NowMicros()));
  if (!status.ok()) return StatusResponse(status);
  return GetRetention(request, info);
}

HttpResponse DataRightsApi::ListDeadLetters(const HttpRequest&, const ProjectInfo& project) {
  JsonWriter json;
  json.BeginObject().Key("results").BeginArray();
  size_t shown = 0;
  const absl::Status status = parts_.dead_letters->Visit([&](const DeadLetter& letter) {
    // What cannot be read at all belongs to no project; any may see it.
    if (letter.team_id != project.team_id && letter.team_id != 0) return true;
    json.BeginObject()
        .Field("id", letter.id)
        .Field("reason", letter.reason)
        .Field("step", letter.step)
        .Field("uuid", FormatUuid(letter.uuid))
        .Field("event", letter.event)
        .Field("distinct_id", letter.distinct_id)
        .Field("received_at", FormatRfc3339(letter.received_at_us, 3))
        .Field("payload", letter.payload)
        .EndObject();
    return ++shown < kDeadLettersShownMax;
  });
  if (!status.ok()) return StatusResponse(status);
  json.EndArray().EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse DataRightsApi::SettleDeadLetters(const HttpRequest& request,
                                              const ProjectInfo& project, bool replays) {
  Arena arena;
  JsonObjectView members;
  if (absl::Status status = ReadBody(request.body, &arena, &members); !status.ok()) {
    return StatusResponse(status);
  }
  const auto given = ReadList(members, "ids", &arena);
  if (!given.ok()) return StatusResponse(given.status());
  if (!given->has_value()) return HttpApiError(400, "You need to specify ids");
  std::vector<uint64_t> ids;
  for (const std::string& text : **given) {
    uint64_t id = 0;
    if (!absl::SimpleAtoi(text, &id)) return HttpApiError(400, "\"ids\" must be numbers.");
    ids.push_back(id);
  }
  bool is_foreign = false;
  absl::Status status = parts_.dead_letters->Visit([&](const DeadLetter& letter) {
    is_foreign = std::find(ids.begin(), ids.end(), letter.id) != ids.end() &&
                 letter.team_id != project.team_id && letter.team_id != 0;
    return !is_foreign;
  });
  if (is_foreign) return HttpApiError(404, "Not found.");
  if (status.ok()) {
    status = replays ? parts_.dead_letters->Replay(ids) : parts_.dead_letters->Drop(ids);
  }
  if (!status.ok()) return StatusResponse(status);
  JsonWriter json;
  json.BeginObject().Field(replays ? "replayed" : "dropped", ids.size()).EndObject();
  return HttpJson(200, json.Take());
}

HttpResponse DataRightsApi::ReplayDeadLetters(const HttpRequest& request,
                                              const ProjectInfo& project) {
  return SettleDeadLetters(request, project, /*replays=*/true);
}

HttpResponse DataRightsApi::DropDeadLetters(const HttpRequest& request,
                                            const ProjectInfo& project) {
  return SettleDeadLetters(request, project, /*replays=*/false);
}

}  // namespace hoglet
