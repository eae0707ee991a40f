#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "include/hoglet/env.h"
#include "include/hoglet/log.h"
#include "include/hoglet/status.h"
#include "src/base/strings.h"
#include "src/cli/commands.h"
#include "src/cli/directory_check.h"
#include "src/ingest/cookieless_salts.h"
#include "src/metadata/metadata_codec.h"
#include "src/metadata/metadata_store.h"
#include "src/metadata/object_store.h"
#include "src/persons/person_store.h"
#include "storage/event_table.h"

// hoglet check: reads every byte of a data directory and compares it with its checksum. Changes
// nothing.

namespace hoglet {

namespace {

// Largest first.
void PrintColumns(const EventTable::CheckReport& report) {
  std::vector<std::pair<uint64_t, std::string>> columns;
  for (const auto& [name, bytes] : report.column_bytes) columns.emplace_back(bytes, name);
  std::sort(columns.rbegin(), columns.rend());
  const auto rows = static_cast<double>(std::max<uint64_t>(1, report.rows));
  for (const auto& [bytes, name] : columns) {
    std::printf("  %12llu bytes %8.2f a row  %s\n", static_cast<unsigned long long>(bytes),
                static_cast<double>(bytes) / rows, name.c_str());
  }
}

// As the file of projects says; false if it cannot be read, which is reported elsewhere.
bool HasObjects(Env* env, const std::string& data) {
  constexpr uint64_t kBytesMax = 64 << 20;
  const std::string path = StrCat(data, "/metadata/metadata.json");
  const auto bytes = env->ReadWholeFile(path, kBytesMax);
  if (!bytes.ok()) return false;
  const auto document = DecodeMetadata(*bytes, path);
  return document.ok() && document->has_objects;
}

}  // namespace

absl::Status RunCheck(const CheckCommand& command) {
  Env* env = Env::Posix();
  if (!env->Exists(command.data))
    return absl::NotFoundError(StrCat(command.data, ": no such directory"));
  auto lock = env->Lock(StrCat(command.data, "/LOCK"));
  if (!lock.ok()) return lock.status();
  uint64_t faults = 0;
  const auto report = [&](const std::string& fault) {
    ++faults;
    std::printf("DAMAGED  %s\n", fault.c_str());
  };
  // A room that cannot be read at all is one fault; the others are looked at all the same.
  const auto count_or_report = [&](const char* room, const absl::StatusOr<uint64_t>& count,
                                   const char* unit) {
    if (count.ok()) {
      std::printf("%-9s %llu %s\n", room, static_cast<unsigned long long>(*count), unit);
    } else {
      report(StrCat(room, ": ", FromAbsl(count.status().message())));
    }
  };
  count_or_report("metadata", MetadataStore::Check(env, StrCat(command.data, "/metadata"), report),
                  "projects");
  // Not in a directory of before there were any; the projects' file knows.
  const absl::Status objects =
      CheckObjectsAreThere(env, command.data, HasObjects(env, command.data));
  if (!objects.ok()) report(std::string(FromAbsl(objects.message())));
  if (const std::string path = StrCat(command.data, "/metadata/objects"); env->Exists(path)) {
    count_or_report("objects", ObjectStore::Check(env, path, report), "objects");
  }
  count_or_report("log", Log::Check(env, StrCat(command.data, "/log"), report), "records");
  count_or_report("persons", PersonStore::Check(env, StrCat(command.data, "/persons"), report),
                  "persons");
  if (const std::string path = StrCat(command.data, "/cookieless_salts"); env->Exists(path)) {
    const auto salts = CookielessSalts::Open(env, path);
    count_or_report(
        "salts", salts.ok() ? absl::StatusOr<uint64_t>((*salts)->days()) : salts.status(), "days");
  }
  const auto events = EventTable::Check(env, StrCat(command.data, "/events"), report);
  count_or_report(
      "events",
      events.ok() ? absl::StatusOr<uint64_t>(events->rows - events->masked_rows) : events.status(),
      "rows");
  if (events.ok() && command.columns) PrintColumns(*events);
  if (faults > 0) return absl::DataLossError(StrCat(faults, " faults found"));
  std::printf("no faults found\n");
  return absl::OkStatus();
}

}  // namespace hoglet
