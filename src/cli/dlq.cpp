#include <cstdio>
#include <vector>

#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/cli/commands.h"
#include "src/cli/data_directory.h"
#include "src/http/http_client.h"

namespace hoglet {
namespace {

std::string Line(const DeadLetter& letter) {
  JsonWriter json;
  json.BeginObject()
      .Field("id", letter.id)
      .Field("reason", letter.reason)
      .Field("step", letter.step)
      .Field("offset", letter.offset)
      .Field("team_id", letter.team_id)
      .Field("uuid", FormatUuid(letter.uuid))
      .Field("event", letter.event)
      .Field("distinct_id", letter.distinct_id)
      .Field("received_at", FormatRfc3339(letter.received_at_us, 3))
      .Field("payload", letter.payload)
      .EndObject();
  return json.Take();
}

void PrintSummary(const DlqCommand& command, size_t count) {
  std::fprintf(stderr, "%zu dead letters %s\n", count,
               command.action == "replay" ? "replayed" : "dropped");
}

absl::Status SettleInDirectory(const DlqCommand& command) {
  HOGLET_ASSIGN_OR_RETURN(auto directory,
                          DataDirectory::Open(Env::Posix(), command.data, {.create = false}));
  // A crash may have left records in the log that belong here.
  directory->ingestor().WaitApplied(directory->log().end_offset(kEventsTopic), 60'000'000);
  DeadLetterQueue& queue = directory->dead_letters();
  std::vector<uint64_t> ids = command.ids;
  HOGLET_RETURN_IF_ERROR(queue.Visit([&](const DeadLetter& letter) {
    if (command.action == "list") std::printf("%s\n", Line(letter).c_str());
    if (command.all) ids.push_back(letter.id);
    return true;
  }));
  if (command.action == "replay") HOGLET_RETURN_IF_ERROR(queue.Replay(ids));
  if (command.action == "drop") HOGLET_RETURN_IF_ERROR(queue.Drop(ids));
  if (command.action != "list") PrintSummary(command, ids.size());
  return directory->Close();
}

absl::StatusOr<std::string> Ask(HttpClient* client, const DlqCommand& command,
                                std::string_view method, std::string_view path,
                                std::string_view body) {
  HttpHeaders headers;
  headers.Add("Content-Type", "application/json");
  headers.Add("Authorization", StrCat("Bearer ", command.key));
  HOGLET_ASSIGN_OR_RETURN(
      HttpResponse response,
      client->Send(method, StrCat("/api/projects/@current/", path), headers, body));
  if (response.status == 200) return std::string(response.Body());
  return absl::InvalidArgumentError(
      StrCat("the server answers ", response.status, ": ", response.Body()));
}

absl::Status SettleOnServer(const DlqCommand& command) {
  HOGLET_ASSIGN_OR_RETURN(HttpUrl url, ParseHttpUrl(command.url));
  HttpClient client(url.host, url.port);
  std::vector<uint64_t> ids = command.ids;
  if (command.action == "list" || command.all) {
    HOGLET_ASSIGN_OR_RETURN(const std::string body,
                            Ask(&client, command, "GET", "dead_letters/", ""));
    Arena arena;
    JsonObjectView members;
    std::vector<JsonMember> letters;
    HOGLET_RETURN_IF_ERROR(ParseJsonObject(body, &arena, &members));
    const JsonMember* results = FindJsonMember(members, "results");
    if (results == nullptr || results->kind != JsonKind::kRaw) {
      return absl::DataLossError("the server's answer has no results");
    }
    HOGLET_RETURN_IF_ERROR(ParseJsonArray(results->text, &arena, &letters));
    for (const JsonMember& letter : letters) {
      if (command.action == "list") std::printf("%s\n", std::string(letter.text).c_str());
      JsonObjectView fields;
      HOGLET_RETURN_IF_ERROR(ParseJsonObject(letter.text, &arena, &fields));
      const JsonMember* id = FindJsonMember(fields, "id");
      if (id != nullptr && id->kind == JsonKind::kInt64) {
        ids.push_back(static_cast<uint64_t>(id->integer));
      }
    }
  }
  if (command.action == "list") return absl::OkStatus();
  JsonWriter json;
  json.BeginObject().Key("ids").BeginArray();
  for (const uint64_t id : ids) json.Uint(id);
  json.EndArray().EndObject();
  HOGLET_RETURN_IF_ERROR(
      Ask(&client, command, "POST", StrCat("dead_letters/", command.action, "/"), json.text())
          .status());
  PrintSummary(command, ids.size());
  return absl::OkStatus();
}

}  // namespace

absl::Status RunDlq(const DlqCommand& command) {
  if (command.data.empty() == command.url.empty()) {
    return absl::InvalidArgumentError("dlq needs --data DIR or --url URL --key KEY");
  }
  if (command.action != "list" && command.ids.empty() != command.all) {
    return absl::InvalidArgumentError(StrCat("dlq ", command.action, " needs either ids or --all"));
  }
  return command.url.empty() ? SettleInDirectory(command) : SettleOnServer(command);
}

}  // namespace hoglet
