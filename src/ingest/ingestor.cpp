#include "src/ingest/ingestor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "include/hoglet/status.h"
#include "src/base/arena.h"
#include "src/base/logging.h"
#include "src/base/metrics.h"
#include "src/base/process.h"
#include "src/base/strings.h"
#include "src/base/thread_pool.h"
#include "src/ingest/command_applier.h"
#include "src/ingest/dead_letter.h"
#include "src/ingest/event_applier.h"
#include "src/ingest/event_parser.h"

namespace hoglet {
namespace {

constexpr int64_t kReadWaitUs = 500'000;
constexpr int64_t kIdleWaitUs = 1'000'000;
constexpr uint64_t kDeadLetterBytesMax = 40ull << 20;
constexpr uint64_t kLastDeadLettersRead = 1000;
constexpr int64_t kDeadLetterRetentionUs = 28ll * 24 * 3600 * 1'000'000;
constexpr int kLastCheckpointAttempts = 3;
constexpr int64_t kReleaseIntervalUs = 10'000'000;
constexpr std::chrono::seconds kSettleAfter{1};

// A piece of the log on its way.
struct Chunk {
  uint64_t begin_offset = 0;
  uint64_t end_offset = 0;
  std::vector<std::shared_ptr<const void>> owners;  // of the records' bytes
  uint64_t bytes = 0;
  Arena arena{64 << 10};
  // More than `count` are kept for their memory.
  std::vector<ParsedEvent> events;
  size_t count = 0;
  bool is_parsed = false;

  void Clear() {
    owners.clear();
    bytes = 0;
    arena.Reset();
    count = 0;
    is_parsed = false;
  }
  void Add(const LogBatch::Record& record) {
    if (count == events.size()) events.emplace_back();
    ParsedEvent& event = events[count++];
    event.offset = record.offset;
    event.key = record.key;
    event.value = record.value;
    bytes += record.key.size() + record.value.size();
  }
};

struct Metrics {
  Counter* records;
  Counter* rows;
  Counter* dead_letters;
  Counter* checkpoints;
  Counter* errors;
  Gauge* lag;
  Gauge* applied;
  Gauge* committed;
  Histogram* apply_seconds;
  Histogram* checkpoint_seconds;

  Metrics() {
    MetricRegistry* registry = MetricRegistry::Default();
    records = registry->GetCounter("hoglet_ingest_records_total", "Log records applied.");
    rows = registry->GetCounter("hoglet_ingest_rows_total", "Rows inserted into the event store.");
    dead_letters =
        registry->GetCounter("hoglet_ingest_dead_letters_total", "Records that were set aside.");
    checkpoints = registry->GetCounter("hoglet_ingest_checkpoints_total", "Checkpoints made.");
    errors =
        registry->GetCounter("hoglet_ingest_errors_total", "Steps that failed and were repeated.");
    lag = registry->GetGauge("hoglet_ingest_lag_records", "Log records not applied yet.");
    applied = registry->GetGauge("hoglet_ingest_applied_offset", "Records below are visible.");
    committed = registry->GetGauge("hoglet_ingest_committed_offset", "Records below are durable.");
    apply_seconds = registry->GetHistogram("hoglet_ingest_apply_seconds",
                                           "Time to apply and insert one chunk.");
    checkpoint_seconds =
        registry->GetHistogram("hoglet_ingest_checkpoint_seconds", "Time to write a checkpoint.");
  }
};

}  // namespace

struct Ingestor::Impl {
  Env* env;
  Log* log;
  PersonStore* persons;
  EventStore* events;
  const TeamDirectory* teams;
  WarningSink* warnings;
  Options options;
  Metrics metrics;

  enum class Phase { kNew, kRunning, kDraining, kAborting, kStopped };

  mutable std::mutex mutex;
  // Of everything below. The three under it are for a thread each that need not wake for the rest.
  mutable std::condition_variable changed;
  std::condition_variable has_room;    // the reader's
  std::condition_variable has_work;    // the parse workers'
  std::condition_variable has_sealed;  // the checkpoint thread's
  Phase phase = Phase::kNew;
  std::deque<std::unique_ptr<Chunk>> in_flight;  // in log order
  std::deque<Chunk*> to_parse;
  std::vector<std::unique_ptr<Chunk>> spare;
  bool is_reading = false;
  bool is_applying = false;
  bool is_sealed = false;  // a checkpoint is being written
  uint64_t sealed_offset = 0;
  uint64_t checkpoint_wanted = 0;  // an offset that someone waits to see committed
  absl::Status health;
  std::atomic<uint64_t> applied{0};
  std::atomic<uint64_t> committed{0};

  std::vector<std::thread> threads;
  // The apply thread's.
  std::unique_ptr<EventApplier> applier;
  std::unique_ptr<CommandApplier> commands;
  RowBatch batch;
  uint64_t inserted_below = 0;  // rows of earlier records are in the event store already
  uint64_t dead_lettered_below = 0;
  int64_t last_checkpoint_ns = 0;
  // A chunk was given up in the middle: the person store holds changes beyond `applied` and must
  // not be sealed.
  bool is_torn = false;
  // A command was carried out: what it removed should leave the disk soon.
  bool wants_checkpoint = false;
  std::atomic<bool> is_behind{false};  // see Options::backlog_records_min
  int64_t last_release_ns = 0;         // the checkpoint thread's
  std::atomic<bool> has_to_do{false};  // the checkpoint thread has: what can wait is to be given up

  void WakeAll() {
    changed.notify_all();
    has_room.notify_all();
    has_work.notify_all();
    has_sealed.notify_all();
  }

  // -- Starting --

  absl::Status OpenTopics() {
    TopicOptions events_options;
    events_options.retained_bytes_max = options.log_retained_bytes_max;
    HOGLET_RETURN_IF_ERROR(log->OpenTopic(options.topic, events_options));
    TopicOptions dead_letters;
    dead_letters.partitions = 1;
    dead_letters.retained_us_max = kDeadLetterRetentionUs;
    dead_letters.record_bytes_max = kDeadLetterBytesMax;
    return log->OpenTopic(options.dead_letter_topic, dead_letters);
  }

  absl::Status CheckOffsets() {
    const uint64_t offset = persons->applied_offset();
    const uint64_t begin = log->begin_offset(options.topic);
    const uint64_t end = log->end_offset(options.topic);
    if (offset < begin || offset > end) {
      return absl::DataLossError(
          StrCat("ingest: the person store has applied the log up to offset ", offset,
                 ", but topic ", options.topic, " holds ", begin, " to ", end));
    }
    if (events->durable_offset() > end) {
      // New records would be mistaken for rows that are there already.
      return absl::DataLossError(StrCat("ingest: the event store holds rows up to offset ",
                                        events->durable_offset(), ", but topic ", options.topic,
                                        " ends at ", end));
    }
    if (events->durable_offset() < offset) {
      return absl::DataLossError(StrCat("ingest: the event store holds rows up to offset ",
                                        events->durable_offset(), ", the person store is at ",
                                        offset));
    }
    return absl::OkStatus();
  }

  // After a crash the dead letters since the last checkpoint come again: those already in the topic
  // are known by its last records, between which others may stand.
  absl::Status FindLastDeadLetter() {
    const std::string& topic = options.dead_letter_topic;
    const uint64_t end = log->end_offset(topic);
    uint64_t next =
        std::max(log->begin_offset(topic), end - std::min<uint64_t>(end, kLastDeadLettersRead));
    while (next < end) {
      HOGLET_ASSIGN_OR_RETURN(const std::vector<LogBatch> batches,
                              log->Read(topic, next, kDeadLetterBytesMax));
      if (batches.empty()) break;
      for (const LogBatch& batch : batches) {
        for (const LogBatch::Record& record : batch.records) {
          const auto offset = DeadLetterOffset(record.value);
          if (offset.has_value()) dead_lettered_below = std::max(dead_lettered_below, *offset + 1);
        }
      }
      next = batches.back().end_offset();
    }
    return absl::OkStatus();
  }

  absl::Status Start() {
    HOGLET_ASSERT(phase == Phase::kNew);
    HOGLET_RETURN_IF_ERROR(OpenTopics());
    HOGLET_RETURN_IF_ERROR(CheckOffsets());
    HOGLET_RETURN_IF_ERROR(FindLastDeadLetter());
    const uint64_t offset = persons->applied_offset();
    HOGLET_RETURN_IF_ERROR(log->CommitConsumer(options.topic, options.consumer, offset));
    applied = committed = offset;
    inserted_below = events->durable_offset();
    last_checkpoint_ns = last_release_ns = env->MonotonicNanos();
    commands = std::make_unique<CommandApplier>(persons, events);
    applier = std::make_unique<EventApplier>(persons, warnings,
                                             PersonProcessor::Options{options.merge_moved_ids_max});
    phase = Phase::kRunning;
    is_reading = is_applying = true;
    const unsigned workers =
        options.parse_workers > 0 ? options.parse_workers : std::max(1u, CpuCount() - 1);
    threads.emplace_back([this] { Read(); });
    for (unsigned i = 0; i < workers; ++i) threads.emplace_back([this] { Parse(); });
    threads.emplace_back([this] { ApplyAll(); });
    threads.emplace_back([this] { WriteCheckpoints(); });
    LogInfo("ingestion started", {{"offset", offset}, {"workers", workers}});
    return absl::OkStatus();
  }

  bool IsAborting() const {
    std::lock_guard lock(mutex);
    return phase == Phase::kAborting;
  }

  // Repeats a step until it succeeds. False: the pipeline is being aborted, or a draining one tried
  // often enough.
  bool Persist(std::string_view what, const std::function<absl::Status()>& step) {
    for (int attempt = 1;; ++attempt) {
      const absl::Status status = step();
      // Nothing to give way to: what is put off may free the space that is missing.
      if (!status.ok()) events->SetWritersBehind(false);
      std::unique_lock lock(mutex);
      if (status.ok()) {
        if (attempt > 1) health = absl::OkStatus();
        return phase != Phase::kAborting;
      }
      metrics.errors->Add();
      static LogRateLimit limit(5'000'000);
      if (limit.Allow()) LogError("ingestion waits", {{"step", what}, {"error", status}});
      health = status;
      if (phase == Phase::kDraining && attempt >= kLastCheckpointAttempts) return false;
      changed.wait_for(lock, std::chrono::microseconds(options.retry_delay_us),
                       [this] { return phase == Phase::kAborting; });
      if (phase == Phase::kAborting) return false;
    }
  }

  // -- Reading --

  // Waits for room in the queue. Null: stop reading.
  std::unique_ptr<Chunk> NewChunk() {
    std::unique_lock lock(mutex);
    has_room.wait(lock, [this] {
      return phase != Phase::kRunning || in_flight.size() < options.chunks_in_flight_max;
    });
    if (phase != Phase::kRunning) return nullptr;
    if (spare.empty()) return std::make_unique<Chunk>();
    std::unique_ptr<Chunk> chunk = std::move(spare.back());
    spare.pop_back();
    return chunk;
  }

  void Enqueue(std::unique_ptr<Chunk> chunk) {
    {
      std::lock_guard lock(mutex);
      to_parse.push_back(chunk.get());
      in_flight.push_back(std::move(chunk));
    }
    has_work.notify_one();
  }

  // Cuts what was read into chunks. False: stop reading.
  bool Cut(const std::vector<LogBatch>& batches, uint64_t* next) {
    std::unique_ptr<Chunk> chunk;
    for (const LogBatch& read : batches) {
      for (const LogBatch::Record& record : read.records) {
        if (record.offset < *next) continue;
        if (chunk != nullptr && (chunk->count >= options.chunk_records_max ||
                                 chunk->bytes >= options.chunk_bytes_max)) {
          Enqueue(std::move(chunk));
        }
        if (chunk == nullptr) {
          chunk = NewChunk();
          if (chunk == nullptr) return false;
          chunk->begin_offset = record.offset;
        }
        if (chunk->owners.empty() || chunk->owners.back() != read.owner) {
          chunk->owners.push_back(read.owner);
        }
        chunk->Add(record);
        *next = chunk->end_offset = record.offset + 1;
      }
    }
    if (chunk != nullptr) Enqueue(std::move(chunk));
    return true;
  }

  void Read() {
    SetThreadName("ingest-read");
    uint64_t next = applied;
    while (true) {
      {
        std::lock_guard lock(mutex);
        if (phase != Phase::kRunning) break;
      }
      if (log->WaitForEnd(options.topic, next, kReadWaitUs) <= next) continue;
      std::vector<LogBatch> batches;
      const bool ok = Persist("read", [&] {
        auto read = log->Read(options.topic, next, options.chunk_bytes_max);
        if (read.ok()) batches = *std::move(read);
        return read.status();
      });
      if (!ok || !Cut(batches, &next)) break;
    }
    std::lock_guard lock(mutex);
    is_reading = false;
    WakeAll();
  }

  // -- Parsing --

  void Parse() {
    SetThreadName("ingest-parse");
    EventParser parser(teams, options.geoip, options.cookieless);
    std::unique_lock lock(mutex);
    while (true) {
      has_work.wait(
          lock, [this] { return !to_parse.empty() || phase == Phase::kAborting || !is_reading; });
      if (phase == Phase::kAborting || to_parse.empty()) return;
      Chunk* chunk = to_parse.front();
      to_parse.pop_front();
      lock.unlock();
      for (size_t i = 0; i < chunk->count; ++i) parser.Parse(&chunk->arena, &chunk->events[i]);
      lock.lock();
      chunk->is_parsed = true;
      if (IsNextParsed()) changed.notify_all();
    }
  }

  // -- Applying --

  bool IsNextParsed() const { return !in_flight.empty() && in_flight.front()->is_parsed; }

  // Waits for the next parsed chunk, or until a checkpoint is due. False: there will be none.
  bool WaitForChunk() {
    std::unique_lock lock(mutex);
    const auto is_due = [this] {
      return phase == Phase::kAborting || IsNextParsed() ||
             (checkpoint_wanted > committed && !is_sealed) || (!is_reading && in_flight.empty());
    };
    const int64_t wait_us = std::min<int64_t>(options.checkpoint_interval_us, kIdleWaitUs);
    const bool is_idle =
        !changed.wait_for(lock, std::chrono::microseconds(wait_us), is_due) && in_flight.empty();
    if (is_idle && !spare.empty()) {
      spare.clear();
      lock.unlock();
      ReleaseFreeMemory();
      lock.lock();
    }
    return phase != Phase::kAborting && (is_reading || !in_flight.empty());
  }

  bool AppendDeadLetters() {
    std::vector<std::string> values;
    std::vector<LogRecord> records;
    values.reserve(batch.dead_letters.size());
    for (const RowBatch::DeadLetter& letter : batch.dead_letters) {
      if (letter.event->offset < dead_lettered_below) continue;
      values.push_back(DeadLetterJson(options.topic, *letter.event, letter.reason));
      records.push_back({letter.event->key, values.back()});
    }
    if (records.empty()) return true;
    metrics.dead_letters->Add(records.size());
    if (!Persist("dead letter",
                 [&] { return log->Append(options.dead_letter_topic, records).status(); })) {
      return false;
    }
    dead_lettered_below = batch.dead_letters.back().event->offset + 1;
    return true;
  }

  // What was gathered so far into the stores. False: aborted.
  bool InsertBatch() {
    if (!AppendDeadLetters()) return false;
    if (!batch.merges.empty() && options.person_observer != nullptr &&
        !Persist("merges", [&] { return options.person_observer->PersonsMerged(batch.merges); })) {
      return false;
    }
    const std::span<const EventRow> rows(batch.rows.data(), batch.row_count);
    if (!rows.empty() && !Persist("insert", [&] { return events->Insert(rows); })) return false;
    metrics.rows->Add(batch.row_count);
    batch.Clear();
    return true;
  }

  // A command sees the rows before it, and none after it.
  bool ApplyCommand(const ParsedEvent& event) {
    if (!InsertBatch()) return false;
    const auto command = DecodeCommand(event.value);
    if (!command.ok()) {
      batch.dead_letters.push_back({&event, std::string(FromAbsl(command.status().message()))});
      return true;
    }
    wants_checkpoint = true;
    if (!Persist("command",
                 [&] { return commands->Apply(*command, event.offset < inserted_below); })) {
      return false;
    }
    const bool removes_persons =
        command->kind == IngestCommand::Kind::kDeletePersons && !command->keeps_persons;
    if (!removes_persons || options.person_observer == nullptr) return true;
    return Persist("deletions", [&] {
      return options.person_observer->PersonsDeleted(command->team_id, command->uuids);
    });
  }

  bool ApplyEvent(ParsedEvent* event) {
    if (event->fate == ParsedEvent::Fate::kCommand) return ApplyCommand(*event);
    const size_t rows = batch.row_count;
    absl::Status status = applier->Apply(event, &batch);
    if (!status.ok() &&
        !Persist("persons", [&] { return status = applier->Apply(event, &batch); })) {
      return false;
    }
    // Rows that are durable already were counted when they were inserted the first time.
    if (event->offset < inserted_below) batch.row_count = rows;
    return true;
  }

  // One chunk into the stores. False: aborted.
  bool ApplyChunk(Chunk* chunk) {
    const int64_t begin_ns = env->MonotonicNanos();
    batch.Clear();
    if (!Persist("persons", [&] { return applier->Prefetch(chunk->events, chunk->count); })) {
      return false;
    }
    for (size_t i = 0; i < chunk->count; ++i) {
      if (!ApplyEvent(&chunk->events[i])) return false;
    }
    if (!InsertBatch()) return false;
    metrics.records->Add(chunk->count);
    metrics.apply_seconds->Observe(static_cast<double>(env->MonotonicNanos() - begin_ns) * 1e-9);
    return true;
  }

  void Finish(uint64_t end_offset) {
    std::unique_ptr<Chunk> chunk;
    bool wakes_reader = false;
    {
      std::lock_guard lock(mutex);
      applied = end_offset;
      chunk = std::move(in_flight.front());
      in_flight.pop_front();
      // Not for every chunk: the reader then has a few to cut.
      wakes_reader = in_flight.size() <= options.chunks_in_flight_max / 2;
    }
    chunk->Clear();  // of parsed events: not while others wait
    {
      std::lock_guard lock(mutex);
      spare.push_back(std::move(chunk));
    }
    changed.notify_all();
    if (wakes_reader) has_room.notify_one();
  }

  void Report() {
    const uint64_t lag = Lag();
    is_behind = lag >= (is_behind ? options.chunk_records_max : options.backlog_records_min);
    events->SetWritersBehind(is_behind);
    metrics.lag->Set(static_cast<double>(lag));
    metrics.applied->Set(static_cast<double>(applied.load()));
    metrics.committed->Set(static_cast<double>(committed.load()));
  }

  uint64_t Lag() const {
    const uint64_t end = log->end_offset(options.topic);
    const uint64_t done = applied;
    return end > done ? end - done : 0;
  }

  void ApplyAll() {
    SetThreadName("ingest-apply");
    while (WaitForChunk()) {
      Chunk* chunk = nullptr;
      {
        std::lock_guard lock(mutex);
        if (IsNextParsed()) chunk = in_flight.front().get();
      }
      if (chunk != nullptr) {
        const uint64_t end_offset = chunk->end_offset;
        if (!ApplyChunk(chunk)) {
          is_torn = true;
          break;
        }
        Finish(end_offset);
      }
      Report();
      if (!SealIfDue()) break;
    }
    events->SetWritersBehind(false);
    std::unique_lock lock(mutex);
    // The last checkpoint, after the one under way.
    changed.wait(lock, [this] { return !is_sealed || phase == Phase::kAborting; });
    if (phase != Phase::kAborting && !is_torn && applied > committed) {
      lock.unlock();
      Persist("seal", [this] { return Seal(); });
      lock.lock();
    }
    is_applying = false;
    WakeAll();
  }

  // -- Checkpoints --

  // Whether bytes have reached the limit, `times` over.
  bool IsFull(uint64_t times) const {
    return events->open_bytes() >= options.memtable_bytes_max * times ||
           persons->open_bytes() >= options.person_bytes_max * times;
  }

  bool SealIfDue() {
    std::unique_lock lock(mutex);
    if (is_sealed && IsFull(2)) {
      changed.wait(lock, [this] { return !is_sealed || phase == Phase::kAborting; });
    }
    if (phase == Phase::kAborting) return false;
    if (is_sealed || applied == committed) return true;
    const int64_t age_us = (env->MonotonicNanos() - last_checkpoint_ns) / 1000;
    const bool is_wanted =
        wants_checkpoint || (checkpoint_wanted > committed && applied >= checkpoint_wanted);
    if (!is_wanted && age_us < options.checkpoint_interval_us && !IsFull(1)) return true;
    lock.unlock();
    return Persist("seal", [this] { return Seal(); });
  }

  // Closes both stores' open generations at the applied offset. Can be repeated if it fails in the
  // middle.
  absl::Status Seal() {
    const uint64_t offset = applied;
    // While rows are replayed that the event store has already, there is nothing to seal there.
    if (offset > inserted_below && !events->HasSealed()) {
      HOGLET_RETURN_IF_ERROR(events->Seal(offset));
    }
    HOGLET_RETURN_IF_ERROR(persons->Seal(offset));
    std::lock_guard lock(mutex);
    sealed_offset = offset;
    is_sealed = has_to_do = true;
    wants_checkpoint = false;
    last_checkpoint_ns = env->MonotonicNanos();
    WakeAll();
    return absl::OkStatus();
  }

  bool WriteCheckpoint(uint64_t offset) {
    const int64_t begin_ns = env->MonotonicNanos();
    // The order is the promise: the person store is never ahead of the event store.
    if (events->HasSealed() && !Persist("flush", [this] { return events->FlushSealed(); })) {
      return false;
    }
    if (!Persist("commit", [this] { return persons->CommitSealed(); })) return false;
    // The next generation takes what this one held: while there is a backlog, giving it back in
    // between would only cost a page fault for every page.
    if (!is_behind || begin_ns - last_release_ns > kReleaseIntervalUs * 1000) {
      ReleaseFreeMemory();
      last_release_ns = begin_ns;
    }
    metrics.checkpoints->Add();
    metrics.checkpoint_seconds->Observe(static_cast<double>(env->MonotonicNanos() - begin_ns) *
                                        1e-9);
    const absl::Status status = log->CommitConsumer(options.topic, options.consumer, offset);
    // Only retention waits for it; the next checkpoint says it again.
    if (!status.ok()) LogWarning("consumer offset not written", {{"error", status}});
    return true;
  }

  // Waits for the next checkpoint. Once after each, when nothing has come for a moment, the person
  // store gets its turn. `lock` is given back while that works.
  void WaitForSealed(std::unique_lock<std::mutex>* lock, bool may_settle) {
    const auto has_to_go_on = [this] {
      return is_sealed || !is_applying || phase == Phase::kAborting;
    };
    while (may_settle && !has_sealed.wait_for(*lock, kSettleAfter, has_to_go_on)) {
      if (is_behind) continue;
      may_settle = false;
      has_to_do = false;
      lock->unlock();
      const absl::Status status = persons->Settle(has_to_do);
      if (!status.ok() && !absl::IsCancelled(status)) {
        LogWarning("person store not compacted", {{"error", status}});
      }
      lock->lock();
    }
    has_sealed.wait(*lock, has_to_go_on);
  }

  void WriteCheckpoints() {
    SetThreadName("ingest-commit");
    std::unique_lock lock(mutex);
    while (true) {
      WaitForSealed(&lock, committed > 0);
      if (phase == Phase::kAborting || !is_sealed) return;
      const uint64_t offset = sealed_offset;
      lock.unlock();
      const bool ok = WriteCheckpoint(offset);
      lock.lock();
      if (!ok && phase == Phase::kAborting) return;
      is_sealed = false;
      if (ok) committed = offset;
      WakeAll();
      if (!ok) return;  // given up while draining
    }
  }

  // -- Stopping --

  void Join(Phase to) {
    {
      std::lock_guard lock(mutex);
      if (phase != Phase::kRunning && phase != Phase::kDraining) return;
      phase = to;
      has_to_do = true;
      WakeAll();
    }
    log->Interrupt();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    std::lock_guard lock(mutex);
    phase = Phase::kStopped;
    WakeAll();
  }

  bool IsOver() const { return phase == Phase::kAborting || phase == Phase::kStopped; }
};

Ingestor::Ingestor(Env* env, Log* log, PersonStore* persons, EventStore* events,
                   const TeamDirectory* teams, WarningSink* warnings, const Options& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->env = env;
  impl_->log = log;
  impl_->persons = persons;
  impl_->events = events;
  impl_->teams = teams;
  impl_->warnings = warnings;
  impl_->options = options;
}

Ingestor::~Ingestor() { Abort(); }

absl::Status Ingestor::Start() { return impl_->Start(); }

absl::Status Ingestor::Stop() {
  impl_->Join(Impl::Phase::kDraining);
  std::lock_guard lock(impl_->mutex);
  if (impl_->committed == impl_->applied) return absl::OkStatus();
  if (!impl_->health.ok()) return impl_->health;
  return absl::UnavailableError("ingest: stopped without a last checkpoint");
}

void Ingestor::Abort() { impl_->Join(Impl::Phase::kAborting); }

uint64_t Ingestor::applied_offset() const { return impl_->applied; }
uint64_t Ingestor::committed_offset() const { return impl_->committed; }
uint64_t Ingestor::lag() const { return impl_->Lag(); }

bool Ingestor::WaitApplied(uint64_t offset, int64_t timeout_us) const {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait_for(lock, std::chrono::microseconds(timeout_us),
                          [&] { return impl_->applied >= offset || impl_->IsOver(); });
  return impl_->applied >= offset;
}

absl::Status Ingestor::Checkpoint() {
  std::unique_lock lock(impl_->mutex);
  const uint64_t offset = impl_->applied;
  impl_->checkpoint_wanted = std::max(impl_->checkpoint_wanted, offset);
  impl_->WakeAll();
  impl_->changed.wait(lock, [&] { return impl_->committed >= offset || impl_->IsOver(); });
  if (impl_->committed >= offset) return absl::OkStatus();
  return absl::UnavailableError("ingest: stopped before the checkpoint was written");
}

absl::Status Ingestor::health() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->health;
}

}  // namespace hoglet
