#include <algorithm>
#include <cstdio>
#include <vector>

#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/cli/commands.h"
#include "src/cli/data_directory.h"

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

}  // namespace

absl::Status RunDlq(const DlqCommand& command) {
  const bool lists = command.action == "list";
  if (!lists && command.ids.empty() != command.all) {
    return absl::InvalidArgumentError(StrCat("dlq ", command.action, " needs either ids or --all"));
  }
  HOGLET_ASSIGN_OR_RETURN(auto directory,
                          DataDirectory::Open(Env::Posix(), command.data, {.create = false}));
  // A crash may have left records in the log that belong here.
  directory->ingestor().WaitApplied(directory->log().end_offset(kEventsTopic), 60'000'000);
  DeadLetterQueue& queue = directory->dead_letters();
  std::vector<uint64_t> ids(command.ids.begin(), command.ids.end());
  HOGLET_RETURN_IF_ERROR(queue.Visit([&](const DeadLetter& letter) {
    if (lists) std::printf("%s\n", Line(letter).c_str());
    if (command.all) ids.push_back(letter.id);
    return true;
  }));
  if (command.action == "replay") HOGLET_RETURN_IF_ERROR(queue.Replay(ids));
  if (command.action == "drop") HOGLET_RETURN_IF_ERROR(queue.Drop(ids));
  if (!lists) {
    std::fprintf(stderr, "%zu dead letters %s\n", ids.size(),
                 command.action == "replay" ? "replayed" : "dropped");
  }
  return directory->Close();
}

}  // namespace hoglet
