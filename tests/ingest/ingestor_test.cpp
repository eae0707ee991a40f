#include "src/ingest/ingestor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "include/hoglet/status.h"
#include "tests/ingest/fakes.h"
#include "tests/ingest/streams.h"

namespace hoglet {
namespace {

using testing::HasSubstr;

constexpr char kTopic[] = "events_plugin_ingestion";
constexpr char kDeadLetters[] = "events_plugin_ingestion_dlq";
constexpr int64_t kTimeoutUs = 60'000'000;

// The pipeline over fakes and a real person store.
class Pipeline {
 public:
  Pipeline(FakeLog* log, FakeEventStore* events, std::string directory)
      : log_(log), events_(events), directory_(std::move(directory)) {}
  ~Pipeline() { Crash(); }

  absl::Status Start(Ingestor::Options options = {}) {
    PersonStore::Options person_options;
    person_options.cache_bytes_max = cache_bytes_max;
    HOGLET_ASSIGN_OR_RETURN(persons, PersonStore::Open(Env::Posix(), directory_, person_options));
    ingestor = std::make_unique<Ingestor>(Env::Posix(), log_, persons.get(), events_, &teams,
                                          &warnings, options);
    return ingestor->Start();
  }
  void Crash() {
    if (ingestor != nullptr) ingestor->Abort();
    ingestor.reset();
    persons.reset();
    events_->Crash();
  }
  void WaitApplied() {
    EXPECT_TRUE(ingestor->WaitApplied(log_->end_offset(kTopic), kTimeoutUs))
        << ingestor->health().ToString();
  }
  std::string DescribePersons() const { return hoglet::DescribePersons(*persons); }

  FakeTeams teams;
  RecentWarnings warnings;
  uint64_t cache_bytes_max = 4 << 20;
  std::unique_ptr<PersonStore> persons;
  std::unique_ptr<Ingestor> ingestor;

 private:
  FakeLog* log_;
  FakeEventStore* events_;
  std::string directory_;
};

void AppendAll(FakeLog* log, const std::vector<std::string>& values, size_t batch_max,
               uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < values.size();) {
    std::vector<LogRecord> records;
    const size_t count = 1 + random() % batch_max;
    for (; i < values.size() && records.size() < count; ++i) records.push_back({"key", values[i]});
    ASSERT_TRUE(log->Append(kTopic, records).ok());
  }
}

struct Outcome {
  std::vector<std::string> rows;
  std::string persons;
  std::vector<std::string> dead_letters;
};

Outcome RunUninterrupted(const std::vector<std::string>& values, const Ingestor::Options& options,
                         size_t batch_max, uint64_t seed) {
  ScratchDirectory scratch;
  FakeLog log;
  FakeEventStore events;
  AppendAll(&log, values, batch_max, seed);
  Pipeline pipeline(&log, &events, scratch.path("persons"));
  EXPECT_TRUE(pipeline.Start(options).ok());
  pipeline.WaitApplied();
  Outcome outcome;
  outcome.persons = pipeline.DescribePersons();
  const absl::Status stopped = pipeline.ingestor->Stop();
  EXPECT_TRUE(stopped.ok()) << stopped;
  EXPECT_EQ(pipeline.DescribePersons(), outcome.persons);
  EXPECT_EQ(pipeline.persons->applied_offset(), log.end_offset(kTopic));
  EXPECT_EQ(*log.ConsumerOffset(kTopic, "ingest"), log.end_offset(kTopic));
  outcome.rows = events.Rows();
  outcome.dead_letters = log.Values(kDeadLetters);
  return outcome;
}

void ExpectSame(const Outcome& a, const Outcome& b) {
  ASSERT_EQ(a.rows.size(), b.rows.size());
  for (size_t i = 0; i < a.rows.size(); ++i) ASSERT_EQ(a.rows[i], b.rows[i]) << "row " << i;
  EXPECT_EQ(a.persons, b.persons);
  EXPECT_EQ(a.dead_letters, b.dead_letters);
}

TEST(Ingestor, MovesAnEventToItsRow) {
  ScratchDirectory scratch;
  FakeLog log;
  FakeEventStore events;
  Pipeline pipeline(&log, &events, scratch.path("persons"));
  ASSERT_TRUE(pipeline.Start().ok());
  AppendAll(&log, {EncodeCapturedEvent(MakeEvent(1, "$pageview", "anna", R"({"$set":{"a":1}})"))},
            1);
  pipeline.WaitApplied();
  ASSERT_EQ(events.Rows().size(), 1u);
  EXPECT_THAT(events.Rows()[0], HasSubstr(FormatUuid(PersonUuid(1, "anna"))));
  EXPECT_THAT(events.Rows()[0], HasSubstr(R"("person_properties":{"a":1,)"));
  const auto person = pipeline.persons->FindByDistinctId(1, "anna");
  ASSERT_TRUE(person.ok());
  ASSERT_TRUE(person->has_value());
  EXPECT_EQ((*person)->id, PersonUuid(1, "anna"));
}

TEST(Ingestor, IsTheSameForAnyWorkersAndBatches) {
  const auto values = MixedStream(7, 4000, 60);
  const Outcome reference = RunUninterrupted(values, {.parse_workers = 1}, 1, 1);
  EXPECT_GT(reference.rows.size(), 3000u);
  EXPECT_FALSE(reference.dead_letters.empty());
  for (const unsigned workers : {2u, 4u, 8u}) {
    for (const uint32_t chunk : {1u, 7u, 300u}) {
      const Outcome other = RunUninterrupted(
          values, {.parse_workers = workers, .chunk_records_max = chunk}, 50, workers * 31 + chunk);
      ExpectSame(reference, other);
    }
  }
}

TEST(Ingestor, ManyCheckpointsChangeNothing) {
  const auto values = MixedStream(8, 3000, 40);
  const Outcome reference = RunUninterrupted(values, {.parse_workers = 1}, 1, 1);
  const Outcome other = RunUninterrupted(values,
                                         {.parse_workers = 2,
                                          .chunk_records_max = 20,
                                          .memtable_bytes_max = 2000,
                                          .person_bytes_max = 2000},
                                         30, 5);
  ExpectSame(reference, other);
}

// Dies at the n-th step of a kind, again and again, and must come out as if it never had.
TEST(Ingestor, CrashesAtEveryStepLoseAndDoubleNothing) {
  const auto values = MixedStream(9, 1500, 30);
  const Outcome reference = RunUninterrupted(values, {.parse_workers = 1}, 1, 1);
  for (const std::string step : {"insert", "seal", "flush", "after flush"}) {
    for (const int at : {1, 2, 3}) {
      ScratchDirectory scratch;
      FakeLog log;
      FakeEventStore events;
      AppendAll(&log, values, 10);
      for (int life = 0;; ++life) {
        ASSERT_LT(life, 300);
        std::atomic<int> count{0};
        std::atomic<bool> dies{false};
        std::atomic<bool> was_flushed{false};
        // Each life is a little longer than those before, so that there is an end. A step that
        // fails for good is where the process dies; "after flush" is between FlushSealed and
        // CommitSealed of one checkpoint, or shortly after.
        events.SetStepHook([&](const std::string& what) -> absl::Status {
          if (dies) return absl::UnavailableError("dying");
          if (step == "after flush") {
            if (what == "flush") was_flushed = true;
            if (what == "insert" && was_flushed && ++count > at + life / 4) dies = true;
          } else if (what == step && ++count > at + life / 4) {
            dies = true;
          }
          return dies ? absl::UnavailableError("dying") : absl::OkStatus();
        });
        Pipeline pipeline(&log, &events, scratch.path("persons"));
        pipeline.cache_bytes_max = 64 << 10;
        ASSERT_TRUE(pipeline
                        .Start({.parse_workers = 2,
                                .chunk_records_max = 40,
                                .memtable_bytes_max = 30'000,
                                .retry_delay_us = 1000})
                        .ok());
        while (!dies && pipeline.ingestor->applied_offset() < log.end_offset(kTopic)) {
          pipeline.ingestor->WaitApplied(log.end_offset(kTopic), 1000);
        }
        if (dies) continue;  // ~Pipeline crashes
        events.SetStepHook(nullptr);
        ASSERT_TRUE(pipeline.ingestor->Stop().ok());
        const Outcome outcome{events.Rows(), pipeline.DescribePersons(), log.Values(kDeadLetters)};
        ExpectSame(reference, outcome);
        break;
      }
    }
  }
}

TEST(Ingestor, WaitsForDiskSpaceWithoutLosingAnything) {
  ScratchDirectory scratch;
  FakeLog log;
  FakeEventStore events;
  std::atomic<bool> is_full{true};
  events.SetStepHook([&](const std::string& what) -> absl::Status {
    if (what == "flush" && is_full) return absl::ResourceExhaustedError("disk full");
    return absl::OkStatus();
  });
  const auto values = MixedStream(10, 1000, 20);
  AppendAll(&log, values, 10);
  Pipeline pipeline(&log, &events, scratch.path("persons"));
  ASSERT_TRUE(
      pipeline
          .Start({.chunk_records_max = 20, .memtable_bytes_max = 10'000, .retry_delay_us = 1000})
          .ok());
  EXPECT_FALSE(pipeline.ingestor->WaitApplied(values.size(), 300'000));
  EXPECT_EQ(pipeline.ingestor->health().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(pipeline.ingestor->lag(), 0u);
  is_full = false;
  pipeline.WaitApplied();
  EXPECT_TRUE(pipeline.ingestor->health().ok());
  ASSERT_TRUE(pipeline.ingestor->Stop().ok());
  const Outcome outcome{events.Rows(), pipeline.DescribePersons(), log.Values(kDeadLetters)};
  ExpectSame(RunUninterrupted(values, {}, 10, 1), outcome);
}

TEST(Ingestor, DeadLettersWaitForTheLog) {
  ScratchDirectory scratch;
  FakeLog log;
  FakeEventStore events;
  Pipeline pipeline(&log, &events, scratch.path("persons"));
  ASSERT_TRUE(pipeline.Start({.retry_delay_us = 1000}).ok());
  AppendAll(&log, {"not an event", EncodeCapturedEvent(MakeEvent(2, "fine", "u"))}, 1);
  pipeline.WaitApplied();
  ASSERT_EQ(log.Values(kDeadLetters).size(), 1u);
  EXPECT_THAT(log.Values(kDeadLetters)[0], HasSubstr(R"("offset":0)"));
  EXPECT_THAT(log.Values(kDeadLetters)[0], HasSubstr("\"reason\":\"captured event: "));
  EXPECT_EQ(events.Rows().size(), 1u);
}

// The store is told of a backlog until it is worked off, and not while nothing gets on.
TEST(Ingestor, TellsTheStoreOfABacklog) {
  ScratchDirectory scratch;
  FakeLog log;
  FakeEventStore events;
  int inserts = 0;
  events.SetStepHook([&inserts](const std::string& what) -> absl::Status {
    return what == "insert" && ++inserts == 3 ? absl::ResourceExhaustedError("full")
                                              : absl::OkStatus();
  });
  std::vector<std::string> values;
  for (uint64_t i = 0; i < 20; ++i) values.push_back(EncodeCapturedEvent(MakeEvent(i, "e", "u")));
  AppendAll(&log, values, 1);
  Pipeline pipeline(&log, &events, scratch.path("persons"));
  ASSERT_TRUE(
      pipeline.Start({.chunk_records_max = 2, .backlog_records_min = 8, .retry_delay_us = 1000})
          .ok());
  pipeline.WaitApplied();
  const std::vector<bool> expected = {true, false, true, false};
  for (int i = 0; i < 1000 && events.behind() != expected; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(events.behind(), expected);
  EXPECT_EQ(events.Rows().size(), values.size());
}

TEST(Ingestor, StopsWithAChunkHalfDoneWithoutSealingIt) {
  ScratchDirectory scratch;
  FakeLog log;
  FakeEventStore events;
  events.SetStepHook([](const std::string& what) -> absl::Status {
    return what == "insert" ? absl::ResourceExhaustedError("full") : absl::OkStatus();
  });
  AppendAll(&log, {EncodeCapturedEvent(MakeEvent(1, "e", "u"))}, 1);
  Pipeline pipeline(&log, &events, scratch.path("persons"));
  ASSERT_TRUE(pipeline.Start({.retry_delay_us = 1000}).ok());
  EXPECT_FALSE(pipeline.ingestor->WaitApplied(1, 50'000));
  (void)pipeline.ingestor->Stop();
  EXPECT_EQ(pipeline.persons->applied_offset(), 0u);
  pipeline.Crash();
  events.SetStepHook(nullptr);
  ASSERT_TRUE(pipeline.Start().ok());
  pipeline.WaitApplied();
  EXPECT_EQ(events.Rows().size(), 1u);
}

TEST(Ingestor, RefusesAPersonStoreAheadOfTheLog) {
  ScratchDirectory scratch;
  FakeEventStore events;
  {
    FakeLog log;
    AppendAll(&log, {EncodeCapturedEvent(MakeEvent(1, "e", "u"))}, 1);
    Pipeline pipeline(&log, &events, scratch.path("persons"));
    ASSERT_TRUE(pipeline.Start().ok());
    pipeline.WaitApplied();
    ASSERT_TRUE(pipeline.ingestor->Checkpoint().ok());
    EXPECT_EQ(pipeline.ingestor->committed_offset(), 1u);
  }
  FakeLog empty;
  Pipeline pipeline(&empty, &events, scratch.path("persons"));
  EXPECT_EQ(pipeline.Start().code(), absl::StatusCode::kDataLoss);
}

TEST(Ingestor, TenThousandProperties) {
  std::string properties = "{";
  for (int i = 0; i < 10'000; ++i) StrAppend(&properties, i ? "," : "", "\"key", i, "\":", i);
  properties += "}";
  const auto event = MakeEvent(1, "wide", "u", properties);
  const auto set = MakeEvent(2, "$set", "u", "{\"$set\":" + properties + "}");
  const Outcome outcome =
      RunUninterrupted({EncodeCapturedEvent(event), EncodeCapturedEvent(set)}, {}, 1, 1);
  ASSERT_EQ(outcome.rows.size(), 2u);
  EXPECT_THAT(outcome.rows[0], HasSubstr("\"key9999\":9999"));
  EXPECT_THAT(outcome.persons, HasSubstr("\"key9999\":9999"));
}

TEST(Ingestor, AMergeShowsInTheOverrides) {
  ScratchDirectory scratch;
  FakeLog log;
  FakeEventStore events;
  Pipeline pipeline(&log, &events, scratch.path("persons"));
  ASSERT_TRUE(pipeline.Start().ok());
  std::vector<std::string> values;
  for (int i = 0; i < 100; ++i) {
    values.push_back(EncodeCapturedEvent(MakeEvent(i, "e", "id-" + std::to_string(i))));
  }
  // A chain: each person is merged into the next.
  for (int i = 0; i + 1 < 100; ++i) {
    values.push_back(
        EncodeCapturedEvent(MakeEvent(1000 + i, "$merge_dangerously", "id-" + std::to_string(i + 1),
                                      R"({"alias":"id-)" + std::to_string(i) + "\"}")));
  }
  EXPECT_EQ(pipeline.persons->overrides_version(1), 0u);
  AppendAll(&log, values, 7);
  pipeline.WaitApplied();
  const auto check = [&] {
    std::vector<std::string> ids;
    for (int i = 0; i < 100; ++i) ids.push_back("id-" + std::to_string(i));
    std::vector<std::string_view> views(ids.begin(), ids.end());
    std::vector<Uuid> persons;
    for (const std::string& id : ids) persons.push_back(PersonUuid(1, id));
    pipeline.persons->ApplyOverrides(1, views, persons);
    for (const Uuid& person : persons) EXPECT_EQ(person, PersonUuid(1, "id-99"));
  };
  check();
  EXPECT_GT(pipeline.persons->overrides_version(1), 0u);
  ASSERT_TRUE(pipeline.ingestor->Stop().ok());
  pipeline.Crash();
  ASSERT_TRUE(pipeline.Start().ok());
  check();
}

}  // namespace
}  // namespace hoglet
