#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "include/hoglet/log.h"
#include "include/hoglet/query_engine.h"
#include "include/hoglet/token_directory.h"
#include "query/exec/spill.h"
#include "src/api/project_tables.h"
#include "src/api/stored_flags.h"
#include "src/capture/capture_service.h"
#include "src/cli/memory_shares.h"
#include "src/cohorts/cohort_members.h"
#include "src/cohorts/cohort_query.h"
#include "src/ingest/ingestor.h"
#include "src/metadata/metadata_store.h"
#include "src/metadata/object_store.h"
#include "src/persons/person_store.h"
#include "storage/event_table.h"

namespace hoglet {

// Everything that lives in a data directory, opened in the order of the way of an event: metadata,
// log, stores, pipeline, tables, engine. One process at a time holds a directory.
//
//   DIR/metadata/  projects and keys      DIR/log/      accepted events (src/log/FORMAT.md)
//   DIR/metadata/objects/  flags, cohorts and other definitions (src/metadata/FORMAT.md)
//   DIR/events/    parts (storage/FORMAT.md)   DIR/persons/  RocksDB (src/persons/FORMAT.md)
//   DIR/cookieless_salts  secrets of the last days (src/ingest/cookieless_salts.h)
//   DIR/tmp/queries/  what queries under way do not hold in memory; emptied at every start
class DataDirectory {
 public:
  struct Options {
    bool create = true;         // kNotFound otherwise, if nothing is there
    std::string project_token;  // for a first start; must agree with what is there later
    std::string personal_api_key;
    unsigned threads = 0;             // 0: as many as processors
    uint64_t memory_limit_bytes = 0;  // 0: DefaultMemoryBytes()
    uint64_t spill_limit_bytes = 0;   // of temporary files of queries; 0: SpillSpace::Options
    unsigned queries_at_once = 1;     // share the memory for queries
    std::string geoip_db;             // MaxMind database; empty: none
    uint64_t merge_bytes_per_second = EventTable::Options().merge_bytes_per_second;
    uint64_t log_retained_bytes_max = Ingestor::Options().log_retained_bytes_max;
  };

  // Opens everything and starts the pipeline, which first works through what a crash left in the
  // log. Refuses a directory of which a part was lost (directory_check.h).
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(Env* env, const std::string& path,
                                                             const Options& options);
  // Close(), ignoring errors.
  ~DataDirectory();

  // Applies what the log holds, makes it durable and stops the pipeline. What cannot be applied
  // soon is left to the next start, and the log of the process says so.
  absl::Status Close();

  MetadataStore& metadata() { return *metadata_; }
  ObjectStore& objects() { return *objects_; }
  Log& log() { return *log_; }
  EventTable& events() { return *events_; }
  PersonStore& persons() { return *persons_; }
  Ingestor& ingestor() { return *ingestor_; }
  QueryEngine& engine() { return *engine_; }
  DeadLetterQueue& dead_letters() { return *dead_letters_; }
  const SideRows& side_rows() const { return *side_rows_; }
  StoredFlags& flags() { return *flags_; }
  CookielessSalts& cookieless_salts() { return *cookieless_salts_; }
  // How a property reads by the project's definitions.
  CohortPropertyType PropertyTypeOf(TeamId project, bool is_of_event, std::string_view key) const;
  // Of a directory just made, to be shown once; empty otherwise.
  const std::string& new_personal_api_key() const { return metadata_->initial_api_key(); }
  const ProjectDirectory& projects() const { return *projects_; }
  const MemoryShares& memory() const { return memory_; }

 private:
  DataDirectory(Env* env, const MemoryShares& memory);
  absl::Status OpenStores(const std::string& path, const Options& options);
  absl::Status OpenObjects(const std::string& path);
  absl::Status StartIngestion(const Options& options);
  absl::Status StartEngine(const std::string& path, const Options& options);
  void WaitUntilApplied();

  Env* const env_;
  const MemoryShares memory_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<MetadataStore> metadata_;
  std::unique_ptr<ObjectStore> objects_;
  std::unique_ptr<ProjectDirectory> projects_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<EventTable> events_;
  std::unique_ptr<PersonStore> persons_;
  std::unique_ptr<TeamDirectory> teams_;
  std::unique_ptr<WarningSink> warnings_;
  std::unique_ptr<GeoIpDatabase> geoip_;
  std::unique_ptr<CookielessSalts> cookieless_salts_;
  std::unique_ptr<SideRows> side_rows_;
  std::unique_ptr<DeadLetterQueue> dead_letters_;
  std::unique_ptr<CohortMembership> membership_;
  std::unique_ptr<Ingestor> ingestor_;  // null unless it runs
  std::unique_ptr<StoredFlags> flags_;
  std::unique_ptr<ProjectTables> tables_;
  std::unique_ptr<SpillSpace> spill_;
  std::unique_ptr<QueryEngine> engine_;
};

}  // namespace hoglet
