#include "src/ingest/command_applier.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "include/hoglet/status.h"

namespace hoglet {
namespace {

constexpr uint64_t kExpiredRowsMax = 100'000;  // removed at a time

}  // namespace

absl::Status CommandApplier::Apply(const IngestCommand& command, bool skips_events) {
  ScanFilter rows;
  switch (command.kind) {
    case IngestCommand::Kind::kDeletePersons:
      return DeletePersons(command, skips_events);
    case IngestCommand::Kind::kDeleteEvents:
      rows.uuids = command.uuids;
      rows.timestamp_us_min = command.from_us;
      rows.timestamp_us_max = command.to_us;
      break;
    case IngestCommand::Kind::kExpireEvents:
      HOGLET_RETURN_IF_ERROR(ExpireSideRows(command));
      rows.timestamp_us_max = command.to_us - 1;
      break;
    case IngestCommand::Kind::kExpireSideRows:
      return ExpireSideRows(command);
    case IngestCommand::Kind::kKeepFlagHashKeys:
      return KeepFlagHashKeys(command);
  }
  if (skips_events) return absl::OkStatus();
  return events_->Delete(command.team_id, rows).status();
}

// The ids of all the persons are found before anything changes, so that a repetition finds them
// too.
absl::Status CommandApplier::DeletePersons(const IngestCommand& command, bool skips_events) {
  PersonChanges changes;
  changes.team_id = command.team_id;
  std::vector<std::string> distinct_ids;
  for (const Uuid& person_id : command.uuids) {
    HOGLET_ASSIGN_OR_RETURN(const auto ids, persons_->LookupPersonIds(command.team_id, person_id));
    HOGLET_ASSIGN_OR_RETURN(const PersonPtr person,
                            persons_->LookupPerson(command.team_id, person_id));
    if (person == nullptr) continue;
    HOGLET_ASSIGN_OR_RETURN(const auto flags,
                            persons_->LookupFlagHashKeys(command.team_id, person_id));
    IdState gone;
    gone.is_deleted = true;
    for (const std::string& id : ids) changes.ids.push_back({id, gone, person_id});
    for (const auto& [flag, hash_key] : flags) {
      changes.flags.push_back({person_id, flag, std::nullopt});
    }
    changes.removed.push_back(person_id);
    distinct_ids.insert(distinct_ids.end(), ids.begin(), ids.end());
  }
  if (command.deletes_events && !skips_events && !distinct_ids.empty()) {
    ScanFilter rows;
    rows.distinct_ids = std::move(distinct_ids);
    HOGLET_RETURN_IF_ERROR(events_->Delete(command.team_id, rows).status());
  }
  if (!command.keeps_persons) persons_->Apply(std::move(changes));
  return absl::OkStatus();
}

// A key once kept is never changed: whoever is first decides.
absl::Status CommandApplier::KeepFlagHashKeys(const IngestCommand& command) {
  PersonChanges changes;
  changes.team_id = command.team_id;
  std::set<Uuid> persons;
  for (const std::string& distinct_id : command.distinct_ids) {
    HOGLET_ASSIGN_OR_RETURN(const IdState state,
                            persons_->LookupId(IdRef(command.team_id, distinct_id)));
    if (state.is_mapped) persons.insert(state.person_id);
  }
  for (const Uuid& person_id : persons) {
    HOGLET_ASSIGN_OR_RETURN(const auto kept,
                            persons_->LookupFlagHashKeys(command.team_id, person_id));
    for (const std::string& flag : command.flags) {
      if (PersonStore::HasFlag(kept, flag)) continue;
      changes.flags.push_back({person_id, flag, command.hash_key});
    }
  }
  persons_->Apply(std::move(changes));
  return absl::OkStatus();
}

absl::Status CommandApplier::ExpireSideRows(const IngestCommand& command) {
  uint64_t removed = 0;
  do {
    HOGLET_ASSIGN_OR_RETURN(removed,
                            side_rows_.Expire(command.team_id, command.to_us, kExpiredRowsMax));
  } while (removed > 0);
  return absl::OkStatus();
}

}  // namespace hoglet
