#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "include/hoglet/env.h"
#include "include/hoglet/log.h"
#include "src/ingest/cookieless_salts.h"
#include "src/metadata/metadata_store.h"
#include "storage/event_table.h"

namespace hoglet {

// Orders, once a day for each project, what is too old to go: events beyond the project's
// retention, heatmaps and ingestion warnings beyond theirs. The orders are commands in the log, so
// the pipeline carries them out. Throws expired cookieless salts and segments of the log away, too.
// A thread of its own; what it is given outlives it.
class Housekeeping {
 public:
  Housekeeping(Env* env, Log* log, MetadataStore* metadata, EventTable* events,
               CookielessSalts* salts);
  ~Housekeeping();

 private:
  void Run();
  absl::Status OrderExpiry();
  absl::Status Purge();

  Env* env_;
  Log* log_;
  MetadataStore* metadata_;
  EventTable* events_;
  CookielessSalts* salts_;
  // Of Run(): the days on which things were last done.
  std::map<TeamId, int64_t> ordered_day_;
  int64_t purged_day_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace hoglet
