#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "include/hoglet/log.h"
#include "include/hoglet/status.h"
#include "src/ingest/ingestor.h"
#include "src/persons/person_store.h"
#include "storage/event_table.h"
#include "tests/ingest/fakes.h"
#include "tests/ingest/streams.h"
#include "tests/storage/table_support.h"

// The real log, person store, event table and pipeline on one Env, for tests of what a crash, a
// failing or a full disk leaves behind.

namespace hoglet {

inline constexpr char kEventsTopic[] = "events_plugin_ingestion";

class StoreServer {
 public:
  static absl::StatusOr<std::unique_ptr<StoreServer>> Open(Env* env) {
    std::unique_ptr<StoreServer> server(new StoreServer);
    HOGLET_ASSIGN_OR_RETURN(server->log, Log::Open(env, "data/log", {.free_bytes_min = 0}));
    // No cache: what is asked comes from RocksDB.
    HOGLET_ASSIGN_OR_RETURN(server->persons,
                            PersonStore::Open(env, "data/persons", {.cache_bytes_max = 0}));
    EventTable::Options table_options = storage_test::SmallOptions();
    table_options.background_merges = false;
    HOGLET_ASSIGN_OR_RETURN(server->events, EventTable::Open(env, "data/events", table_options));
    Ingestor::Options options;
    options.parse_workers = 1;
    options.retry_delay_us = 1000;
    server->ingestor =
        std::make_unique<Ingestor>(env, server->log.get(), server->persons.get(),
                                   server->events.get(), &server->teams, nullptr, options);
    HOGLET_RETURN_IF_ERROR(server->ingestor->Start());
    return server;
  }
  // As kill -9 would, except that the stores may write what they write when closed.
  ~StoreServer() {
    if (ingestor != nullptr) ingestor->Abort();
  }

  absl::Status Append(std::span<const std::string> values) {
    std::vector<LogRecord> records;
    for (const std::string& value : values) records.push_back({"key", value});
    return log->Append(kEventsTopic, records).status();
  }
  // False if it is not done after `timeout_us`, or the pipeline has stood still for
  // `standstill_us`, or `gives_up` says so.
  bool WaitApplied(const std::function<bool()>& gives_up, int64_t timeout_us = 20'000'000,
                   int64_t standstill_us = 500'000) {
    const uint64_t end = log->end_offset(kEventsTopic);
    int64_t stood_us = 0;
    for (int64_t waited_us = 0; waited_us < timeout_us; waited_us += kPollUs) {
      if (ingestor->WaitApplied(end, kPollUs)) return true;
      stood_us = ingestor->health().ok() ? 0 : stood_us + kPollUs;
      if (gives_up() || stood_us >= standstill_us) return false;
    }
    return false;
  }
  // Likewise. Aborts the pipeline if it fails.
  bool Checkpoint(const std::function<bool()>& gives_up, int64_t standstill_us = 500'000) {
    auto done = std::async(std::launch::async, [this] { return ingestor->Checkpoint().ok(); });
    int64_t stood_us = 0;
    while (done.wait_for(std::chrono::microseconds(kPollUs)) != std::future_status::ready) {
      stood_us = ingestor->health().ok() ? 0 : stood_us + kPollUs;
      if (gives_up() || stood_us >= standstill_us) ingestor->Abort();
    }
    return done.get();
  }
  // The values of a topic's records.
  std::vector<std::string> Values(const std::string& topic) {
    std::vector<std::string> values;
    while (values.size() < log->end_offset(topic)) {
      const auto batches = log->Read(topic, values.size(), 64 << 20);
      if (!batches.ok() || batches->empty()) break;
      for (const LogBatch& batch : *batches) {
        for (const auto& record : batch.records) {
          if (record.offset >= values.size()) values.emplace_back(record.value);
        }
      }
    }
    return values;
  }

  FakeTeams teams;
  std::unique_ptr<Log> log;
  std::unique_ptr<PersonStore> persons;
  std::unique_ptr<EventTable> events;
  std::unique_ptr<Ingestor> ingestor;  // stops first

 private:
  static constexpr int64_t kPollUs = 2000;
  StoreServer() = default;
};

// Everything a server holds, as text.
struct ServerState {
  std::vector<std::string> log;
  std::vector<std::string> rows;
  std::vector<std::string> dead_letters;
  std::string persons;

  friend bool operator==(const ServerState&, const ServerState&) = default;
};

inline ServerState DescribeServer(StoreServer* server) {
  ServerState state;
  state.log = server->Values(kEventsTopic);
  state.dead_letters = server->Values(kDeadLetterTopic);
  auto rows = storage_test::ScanAll(*server->events, 1);
  EXPECT_TRUE(rows.ok()) << rows.status();
  if (rows.ok()) state.rows = *std::move(rows);
  state.persons = DescribePersons(*server->persons);
  return state;
}

}  // namespace hoglet
