#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "include/hoglet/env.h"
#include "include/hoglet/event_store.h"
#include "include/hoglet/log.h"
#include "include/hoglet/person_observer.h"
#include "src/ingest/cookieless_salts.h"
#include "src/ingest/dead_letter.h"
#include "src/ingest/geoip_database.h"
#include "src/ingest/team_directory.h"
#include "src/ingest/warning_sink.h"
#include "src/persons/person_store.h"

// Start reading here: the pipeline from the log to the stores. event_parser.h has the steps that
// need no persons, event_applier.h those that do, steps/ the rules by topic.

namespace hoglet {

// Moves every record of the input topic, in log order, through the pipeline into the person store
// and the event store.
//
// A reader cuts the log into chunks; parse workers take them as they come; one apply thread takes
// the results in log order, so that the outcome depends on the log alone, however many workers run.
// Rows are visible to queries once their chunk is applied.
//
// Exactly once: a checkpoint at offset X first makes the event store durable up to X (FlushSealed),
// then commits the person store with X in one write. After a crash the pipeline starts again at the
// person store's offset; rows below the event store's durable offset are worked through for the
// persons' sake and not inserted again.
//
// Nothing is given up for lack of disk space: the step is repeated until it succeeds, and meanwhile
// the pipeline stands still, the log keeps what is not applied yet, and health() says so.
//
// Thread-safe. The log, the stores, the directory and the sink outlive it; no one else may write to
// the stores.
class Ingestor {
 public:
  struct Options {
    std::string topic = "events_plugin_ingestion";
    std::string dead_letter_topic = kDeadLetterTopic;
    // The consumer under which the log keeps what is not committed yet.
    std::string consumer = "ingest";
    // 0: one less than the processors, at least 1.
    unsigned parse_workers = 0;
    // Small chunks stay in the cache of the processor from one thread to the next.
    uint32_t chunk_records_max = 64;
    uint64_t chunk_bytes_max = 128ull << 10;
    // Chunks between reading and applying; bounds the memory of the queues.
    uint32_t chunks_in_flight_max = 16;
    // A checkpoint is made when the event store's open memtable or the uncommitted person changes
    // reach these, or so long after the last. At twice the bytes the pipeline waits for a
    // checkpoint that is under way.
    uint64_t memtable_bytes_max = 64ull << 20;
    uint64_t person_bytes_max = 32ull << 20;
    int64_t checkpoint_interval_us = 300'000'000;
    // From this many records that wait to be applied on, until few are left, the event store puts
    // off what can wait.
    uint64_t backlog_records_min = 4096;
    // Of the log's segments that both stores have taken over; nothing reads them any more, unless
    // someone wants to see what was sent.
    uint64_t log_retained_bytes_max = 1ull << 30;
    // Between attempts after an error.
    int64_t retry_delay_us = 200'000;
    // Where addresses are; outlives the pipeline. May be null.
    const GeoIpDatabase* geoip = nullptr;
    // For events without cookies; outlives the pipeline. Null: they are dropped.
    CookielessSalts* cookieless = nullptr;
    // Learns who is merged or deleted; outlives the pipeline. May be null.
    PersonObserver* person_observer = nullptr;
    // See PersonProcessor::Options.
    uint64_t merge_moved_ids_max = 0;
  };

  // `warnings` may be null.
  Ingestor(Env* env, Log* log, PersonStore* persons, EventStore* events, const TeamDirectory* teams,
           WarningSink* warnings, const Options& options);
  // Abort(), if it was not stopped.
  ~Ingestor();

  // Opens the topics and starts the threads. kDataLoss if the log no longer holds what the stores
  // have not applied, or a store is ahead of the log, or the person store of the event store.
  absl::Status Start();
  // Applies what is being worked on, makes a last checkpoint and joins the threads. An error says
  // that the checkpoint failed; the next start repeats from the one before.
  absl::Status Stop();
  // Stops where it is, without a checkpoint, as a crash would.
  void Abort();

  // Every record below this is applied: its row is visible.
  uint64_t applied_offset() const;
  // Every record below this is durable in both stores.
  uint64_t committed_offset() const;
  // Waits until applied_offset() reaches `offset`; false on a timeout (real time) or when stopped.
  bool WaitApplied(uint64_t offset, int64_t timeout_us) const;
  // Records of the log not applied yet.
  uint64_t lag() const;

  // Makes all that is applied now durable and waits for it. kUnavailable if stopped meanwhile.
  absl::Status Checkpoint();

  // Not OK while the pipeline stands still because of an error.
  absl::Status health() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoglet
