#include "src/cli/directory_check.h"

#include "include/hoglet/log.h"
#include "src/base/strings.h"
#include "src/capture/capture_service.h"
#include "storage/manifest.h"

namespace hoglet {

absl::Status CheckMetadataIsThere(Env* env, const std::string& path) {
  const std::string metadata = StrCat(path, "/metadata/metadata.json");
  if (env->Exists(metadata)) return absl::OkStatus();
  // Each of these is made after the projects are durable.
  for (const std::string& data :
       {StrCat(path, "/metadata/objects/CURRENT"), StrCat(path, "/events/", kManifestName),
        StrCat(path, "/persons/CURRENT"), StrCat(path, "/log/", kEventsTopic, "/TOPIC")}) {
    if (!env->Exists(data)) continue;
    return absl::FailedPreconditionError(StrCat(
        metadata, " is missing, but ", data,
        " is there: the projects and keys of this data are lost. Put the file back from a backup. "
        "Without one, start hoglet once on a new directory with --project-token set to the token "
        "that your SDKs use, stop it, and copy what is missing of its metadata/ here"));
  }
  return absl::OkStatus();
}

absl::Status CheckObjectsAreThere(Env* env, const std::string& path, bool has_objects) {
  const std::string objects = path + "/metadata/objects";
  if (!has_objects || env->Exists(objects + "/CURRENT")) return absl::OkStatus();
  return absl::DataLossError(
      StrCat(objects,
             " is lost: it held the feature flags, cohorts and other definitions. Put it back from "
             "a backup"));
}

absl::Status CheckOffsets(const std::string& path, const DirectoryOffsets& offsets) {
  const std::string log = StrCat(path, "/log/", kEventsTopic);
  const std::string persons = path + "/persons";
  const std::string events = path + "/events";
  const uint64_t stored = std::max(offsets.persons_applied, offsets.events_durable);
  if (stored > offsets.log_end) {
    return absl::DataLossError(
        StrCat(log, " is lost or old: it ends at offset ", offsets.log_end, ", but ",
               offsets.events_durable > offsets.log_end ? events : persons, " has taken ", stored,
               " records from it, so new events would be mistaken for old ones. Put ", path,
               "/log back from a backup that is as new as the rest of ", path));
  }
  if (offsets.events_durable < offsets.persons_applied) {
    const std::string what =
        StrCat(events, " is lost or old: it holds the rows of ", offsets.events_durable,
               " records, but ", persons, " has taken ", offsets.persons_applied, ". ");
    if (offsets.log_begin == 0) {
      return absl::DataLossError(StrCat(what, "The log still holds every record: move ", persons,
                                        " away, and the next start makes both again from ", log));
    }
    return absl::DataLossError(
        StrCat(what, "The log no longer holds what is missing (it begins at offset ",
               offsets.log_begin, "). Put ", events, " back from a backup that is as new as ",
               persons, ", or all of ", path, " from an older one"));
  }
  if (offsets.persons_applied < offsets.log_begin) {
    return absl::DataLossError(
        StrCat(persons, " is lost or old: it has taken ", offsets.persons_applied,
               " records, but the log begins at offset ", offsets.log_begin, ". Put ", persons,
               " back from a backup that is newer, or all of ", path, " from an older one"));
  }
  return absl::OkStatus();
}

}  // namespace hoglet
