#pragma once

#include "absl/status/status.h"
#include "include/hoglet/event_store.h"
#include "src/ingest/command.h"
#include "src/ingest/side_rows.h"
#include "src/persons/person_store.h"

namespace hoglet {

// Carries out commands, by the pipeline's thread. On an error (disk) the call can be repeated.
class CommandApplier {
 public:
  CommandApplier(PersonStore* persons, EventStore* events)
      : persons_(persons), events_(events), side_rows_(persons) {}

  // `skips_events`: the event store has seen the command already, before a crash.
  absl::Status Apply(const IngestCommand& command, bool skips_events);

 private:
  absl::Status DeletePersons(const IngestCommand& command, bool skips_events);
  absl::Status ExpireSideRows(const IngestCommand& command);
  absl::Status KeepFlagHashKeys(const IngestCommand& command);

  PersonStore* persons_;
  EventStore* events_;
  SideRows side_rows_;
};

}  // namespace hoglet
