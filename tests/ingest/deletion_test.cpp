// The pipeline over the real stores: side rows, commands and crashes among them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "src/base/memory_env.h"
#include "src/ingest/command.h"
#include "src/ingest/dead_letter.h"
#include "src/ingest/ingestor.h"
#include "src/ingest/side_rows.h"
#include "tests/ingest/fakes.h"
#include "tests/storage/table_support.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kTopic[] = "events_plugin_ingestion";
constexpr int64_t kTimeoutUs = 60'000'000;
constexpr int64_t kBeginUs = 1'700'000'000'000'000;  // of MakeEvent

class Stores {
 public:
  Stores(FakeLog* log, Env* env, std::string persons) : log_(log), env_(env), path_(persons) {}
  ~Stores() { Crash(); }

  void Start(Ingestor::Options options = {}) {
    EventTable::Options table_options = storage_test::SmallOptions();
    table_options.background_merges = false;
    auto opened = EventTable::Open(env_, "events", table_options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    events = *std::move(opened);
    auto store = PersonStore::Open(Env::Posix(), path_, {});
    ASSERT_TRUE(store.ok()) << store.status();
    persons = *std::move(store);
    ingestor = std::make_unique<Ingestor>(Env::Posix(), log_, persons.get(), events.get(), &teams_,
                                          nullptr, options);
    const absl::Status started = ingestor->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  void Crash() {
    if (ingestor != nullptr) ingestor->Abort();
    ingestor.reset();
    events.reset();
    persons.reset();
  }
  void WaitApplied() {
    EXPECT_TRUE(ingestor->WaitApplied(log_->end_offset(kTopic), kTimeoutUs))
        << ingestor->health().ToString();
  }
  // All there is, as text.
  std::string Describe() {
    std::string text;
    const auto rows = storage_test::ScanAll(*events, 1);
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (const std::string& row : *rows) StrAppend(&text, row, "\n");
    EXPECT_TRUE(persons
                    ->VisitPersons(1,
                                   [&](const PersonRecord& person) {
                                     StrAppend(&text, FormatUuid(person.id), " ", person.properties,
                                               " ", person.version, "\n");
                                     return true;
                                   })
                    .ok());
    EXPECT_TRUE(persons
                    ->VisitDistinctIds(1,
                                       [&](const DistinctIdRecord& id) {
                                         StrAppend(&text, id.distinct_id, " ",
                                                   FormatUuid(id.person_id), " ", id.version, "\n");
                                         return true;
                                       })
                    .ok());
    const SideRows side(persons.get());
    EXPECT_TRUE(side.VisitHeatmaps(1, 0,
                                   [&](const HeatmapRow& row) {
                                     StrAppend(&text, row.distinct_id, " ", row.x, "\n");
                                     return true;
                                   })
                    .ok());
    EXPECT_TRUE(side.VisitWarnings(1, 0,
                                   [&](const WarningRow& row) {
                                     StrAppend(&text, row.type, " ", row.details, "\n");
                                     return true;
                                   })
                    .ok());
    EXPECT_TRUE(side.VisitEventDefinitions(1,
                                           [&](const EventDefinition& definition) {
                                             StrAppend(&text, definition.name, " ",
                                                       definition.created_at_us, " ",
                                                       definition.last_seen_at_us, "\n");
                                             return true;
                                           })
                    .ok());
    EXPECT_TRUE(side.VisitPropertyDefinitions(
                        1,
                        [&](const PropertyDefinition& definition) {
                          StrAppend(&text, static_cast<int>(definition.kind), " ",
                                    definition.group_type_index, " ", definition.name, " ",
                                    definition.type ? PropertyTypeName(*definition.type) : "-",
                                    "\n");
                          return true;
                        })
                    .ok());
    return text;
  }

  std::unique_ptr<EventTable> events;
  std::unique_ptr<PersonStore> persons;
  std::unique_ptr<Ingestor> ingestor;

 private:
  FakeTeams teams_;
  FakeLog* log_;
  Env* env_;
  std::string path_;
};

void Append(FakeLog* log, const std::vector<std::string>& values) {
  for (const std::string& value : values) ASSERT_TRUE(log->Append(kTopic, {{"key", value}}).ok());
}

std::string Event(uint64_t number, const std::string& name, const std::string& id,
                  const std::string& properties = "{}") {
  return EncodeCapturedEvent(MakeEvent(number, name, id, properties));
}

std::string DeletePersons(std::vector<Uuid> ids, bool events, bool keeps = false) {
  return EncodeCommand({.kind = IngestCommand::Kind::kDeletePersons,
                        .team_id = 1,
                        .uuids = std::move(ids),
                        .deletes_events = events,
                        .keeps_persons = keeps});
}

size_t RowCount(const Stores& stores) { return storage_test::ScanAll(*stores.events, 1)->size(); }

TEST(Commands, ReadBackAsWritten) {
  IngestCommand command{.kind = IngestCommand::Kind::kDeleteEvents,
                        .team_id = -3,
                        .uuids = {PersonUuid(1, "a"), PersonUuid(1, "b")},
                        .from_us = -5,
                        .to_us = 9,
                        .keeps_persons = true};
  const std::string bytes = EncodeCommand(command);
  EXPECT_TRUE(IsCommand(bytes));
  EXPECT_FALSE(IsCommand(Event(1, "e", "a")));
  const auto read = DecodeCommand(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(EncodeCommand(*read), bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeCommand(bytes.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(DecodeCommand(bytes + "x").ok());
}

TEST(Commands, HashKeysReadBackAsWritten) {
  const IngestCommand command{.kind = IngestCommand::Kind::kKeepFlagHashKeys,
                              .team_id = 2,
                              .distinct_ids = {"user", ""},
                              .flags = {"a", "b"},
                              .hash_key = "anon"};
  const std::string bytes = EncodeCommand(command);
  const auto read = DecodeCommand(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->distinct_ids, command.distinct_ids);
  EXPECT_EQ(read->flags, command.flags);
  EXPECT_EQ(read->hash_key, "anon");
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeCommand(bytes.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(DecodeCommand(bytes + "x").ok());
}

TEST(Deletion, OfAPersonWithEvents) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start();
  Append(&log, {Event(1, "seen", "anonymous-1"), Event(2, "seen", "bert"),
                Event(3, "$identify", "anna", R"({"$anon_distinct_id":"anonymous-1"})"),
                DeletePersons({PersonUuid(1, "anonymous-1")}, true), Event(4, "seen", "anna")});
  stores.WaitApplied();
  // What came after the deletion is a new person's.
  EXPECT_EQ(RowCount(stores), 2u);
  const auto person = stores.persons->FindByDistinctId(1, "anna");
  ASSERT_TRUE(person.ok() && person->has_value());
  EXPECT_EQ((*person)->id, PersonUuid(1, "anna"));
  EXPECT_EQ((*person)->version, 0);
  EXPECT_FALSE(stores.persons->FindByDistinctId(1, "anonymous-1")->has_value());
}

TEST(Deletion, OfAPersonAloneAndOfEventsAlone) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start();
  Append(&log, {Event(1, "seen", "anna"), Event(2, "seen", "bert"), Event(3, "seen", "carl"),
                DeletePersons({PersonUuid(1, "anna")}, false),
                DeletePersons({PersonUuid(1, "bert")}, true, /*keeps=*/true)});
  stores.WaitApplied();
  EXPECT_EQ(RowCount(stores), 2u);
  EXPECT_FALSE(stores.persons->FindByDistinctId(1, "anna")->has_value());
  EXPECT_TRUE(stores.persons->FindByDistinctId(1, "bert")->has_value());
}

std::string KeepHashKeys(std::vector<std::string> ids, std::vector<std::string> flags,
                         const std::string& hash_key) {
  return EncodeCommand({.kind = IngestCommand::Kind::kKeepFlagHashKeys,
                        .team_id = 1,
                        .distinct_ids = std::move(ids),
                        .flags = std::move(flags),
                        .hash_key = hash_key});
}

TEST(HashKeys, TheFirstStaysAndGoesWithItsPerson) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start();
  using Keys = PersonStore::FlagHashKeys;
  const auto keys_of = [&](const char* distinct_id) -> Keys {
    const auto facts =
        stores.persons->Ask({.team = 1, .distinct_id = distinct_id, .hash_keys = true});
    EXPECT_TRUE(facts.ok()) << facts.status();
    return facts->hash_keys;
  };
  Append(&log, {Event(1, "seen", "anon"), Event(2, "seen", "anna"),
                KeepHashKeys({"anna", "anon", "nobody"}, {"a"}, "anon"),
                KeepHashKeys({"anna"}, {"a", "b"}, "later")});
  stores.WaitApplied();
  EXPECT_EQ(keys_of("anna"), (Keys{{"a", "anon"}, {"b", "later"}}));
  EXPECT_EQ(keys_of("anon"), (Keys{{"a", "anon"}}));
  EXPECT_EQ(keys_of("nobody"), Keys());
  Append(&log, {KeepHashKeys({"anon"}, {"c"}, "c"),
                Event(3, "$identify", "anna", R"({"$anon_distinct_id":"anon"})"),
                KeepHashKeys({"anon"}, {"d"}, "d")});
  stores.WaitApplied();
  const Keys all = {{"a", "anon"}, {"b", "later"}, {"c", "c"}, {"d", "d"}};
  EXPECT_EQ(keys_of("anon"), all);
  EXPECT_EQ(keys_of("anna"), all);
}

// What it learns, as lines; the first of each fails.
class RecordingObserver final : public PersonObserver {
 public:
  absl::Status PersonsMerged(std::span<const PersonMerge> merges) override {
    if (!std::exchange(has_failed_[0], true)) return absl::ResourceExhaustedError("disk full");
    for (const PersonMerge& merge : merges)
      lines.push_back(
          StrCat(merge.team_id, " ", FormatUuid(merge.from), " ", FormatUuid(merge.into)));
    return absl::OkStatus();
  }
  absl::Status PersonsDeleted(TeamId team, std::span<const Uuid> persons) override {
    if (!std::exchange(has_failed_[1], true)) return absl::ResourceExhaustedError("disk full");
    for (const Uuid& person : persons) lines.push_back(StrCat(team, " ", FormatUuid(person)));
    return absl::OkStatus();
  }

  std::vector<std::string> lines;

 private:
  bool has_failed_[2] = {false, false};
};

TEST(Observer, LearnsWhoIsGoneInTheOrderOfTheLog) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  RecordingObserver observer;
  Ingestor::Options options;
  options.person_observer = &observer;
  options.retry_delay_us = 1000;
  stores.Start(options);
  const auto merge = [](uint64_t number, const std::string& into, const std::string& from) {
    return Event(number, "$identify", into, StrCat(R"({"$anon_distinct_id":")", from, "\"}"));
  };
  Append(
      &log,
      {Event(1, "seen", "a"), Event(2, "seen", "b"), Event(3, "seen", "c"), merge(4, "b", "a"),
       Event(5, "seen", "a"), DeletePersons({PersonUuid(1, "b")}, false, /*keeps=*/true),
       DeletePersons({PersonUuid(1, "b")}, false), merge(6, "new", "c"), merge(7, "c", "other")});
  stores.WaitApplied();
  const auto id = [](const char* distinct_id) { return FormatUuid(PersonUuid(1, distinct_id)); };
  EXPECT_THAT(observer.lines,
              ElementsAre(StrCat("1 ", id("a"), " ", id("b")), StrCat("1 ", id("b"))));
  // What is committed is not told again; what a crash undid is.
  ASSERT_TRUE(stores.ingestor->Checkpoint().ok());
  Append(&log, {Event(8, "seen", "d"), Event(9, "seen", "e"), merge(10, "e", "d")});
  stores.WaitApplied();
  observer.lines.clear();
  stores.Crash();
  stores.Start(options);
  stores.WaitApplied();
  EXPECT_THAT(observer.lines, ElementsAre(StrCat("1 ", id("d"), " ", id("e"))));
}

TEST(Deletion, TakesOverridesBackForGood) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start();
  Append(&log, {Event(1, "seen", "a"), Event(2, "seen", "b"),
                Event(3, "$create_alias", "a", R"({"alias":"b"})")});
  stores.WaitApplied();
  ASSERT_TRUE(stores.ingestor->Checkpoint().ok());
  const std::string_view id = "b";
  Uuid person = PersonUuid(1, "b");
  stores.persons->ApplyOverrides(1, {&id, 1}, {&person, 1});
  EXPECT_EQ(person, PersonUuid(1, "a"));
  // Deleted and made again before the next checkpoint.
  Append(&log, {DeletePersons({PersonUuid(1, "a")}, false), Event(4, "seen", "b")});
  stores.WaitApplied();
  for (const char* when : {"at once", "after a restart"}) {
    person = PersonUuid(1, "b");
    stores.persons->ApplyOverrides(1, {&id, 1}, {&person, 1});
    EXPECT_EQ(person, PersonUuid(1, "b")) << when;
    ASSERT_TRUE(stores.ingestor->Checkpoint().ok());
    stores.Crash();
    stores.Start();
    stores.WaitApplied();
  }
}

TEST(Deletion, OfEventsAndByAge) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start();
  std::vector<std::string> values;
  for (uint64_t i = 0; i < 20; ++i) values.push_back(Event(i, "e", "anna"));
  values.push_back(EncodeCommand({.kind = IngestCommand::Kind::kDeleteEvents,
                                  .team_id = 1,
                                  .uuids = {MakeEvent(3, "", "").uuid, MakeEvent(17, "", "").uuid},
                                  .from_us = kBeginUs,
                                  .to_us = kBeginUs + 10'000'000}));
  Append(&log, values);
  stores.WaitApplied();
  EXPECT_EQ(RowCount(stores), 19u) << "one of the two is not of that time";
  Append(&log, {EncodeCommand({.kind = IngestCommand::Kind::kExpireEvents,
                               .team_id = 1,
                               .to_us = kBeginUs + 10'000'000})});
  stores.WaitApplied();
  EXPECT_EQ(RowCount(stores), 10u);
}

// Everything that ends in a store, with commands in between.
std::vector<std::string> StreamWithCommands(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> values;
  const auto id = [&] { return StrCat("user-", random() % 12); };
  for (uint64_t i = 0; i < 600; ++i) {
    switch (random() % 14) {
      case 0:
        values.push_back(Event(i, "$identify", id(), R"({"$anon_distinct_id":")" + id() + "\"}"));
        break;
      case 1:
        values.push_back(Event(i, "$merge_dangerously", id(), R"({"alias":")" + id() + "\"}"));
        break;
      case 2:
        values.push_back(DeletePersons({PersonUuid(1, id()), PersonUuid(1, id())},
                                       random() % 2 == 0, random() % 4 == 0));
        break;
      case 3: {
        IngestCommand command{.kind = IngestCommand::Kind::kDeleteEvents, .team_id = 1};
        for (int k = 0; k < 10; ++k)
          command.uuids.push_back(MakeEvent(random() % (i + 1), "", "").uuid);
        command.to_us = kBeginUs + 1'000'000'000;
        values.push_back(EncodeCommand(command));
        break;
      }
      case 4:
        if (random() % 4 != 0) break;
        values.push_back(EncodeCommand(
            {.kind = IngestCommand::Kind::kExpireEvents,
             .team_id = 1,
             .to_us = kBeginUs + static_cast<int64_t>(random() % (i / 2 + 1)) * 1'000'000}));
        break;
      case 5:
        values.push_back(Event(i, "$$heatmap", id(), R"({"$viewport_width":160,"$viewport_height":9,
            "$heatmap_data":{"u":[{"x":32,"y":0,"target_fixed":true,"type":"click"}]}})"));
        break;
      case 6:
        values.push_back(Event(i, "odd", id(), R"({"$process_person_profile":"no"})"));
        break;
      default:
        values.push_back(Event(i, StrCat("event-", random() % 5), id(),
                               StrCat("{\"p", random() % 9, "\":", random() % 2 ? "1" : "\"text\"",
                                      ",\"$set\":{\"s\":", random() % 5, "}}")));
    }
  }
  return values;
}

std::string Uninterrupted(const std::vector<std::string>& values) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Append(&log, values);
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start({.parse_workers = 1});
  stores.WaitApplied();
  return stores.Describe();
}

TEST(Deletion, CrashesLoseAndRepeatNothing) {
  for (const uint64_t seed : {1, 2, 3}) {
    const std::vector<std::string> values = StreamWithCommands(seed);
    const std::string reference = Uninterrupted(values);
    EXPECT_THAT(reference, HasSubstr("invalid_process_person_profile"));
    std::mt19937_64 random(seed);
    ScratchDirectory scratch;
    MemoryEnv env;
    FakeLog log;
    Stores stores(&log, &env, scratch.path("persons"));
    size_t appended = 0;
    for (int life = 0; appended < values.size(); ++life) {
      stores.Start({.parse_workers = 2,
                    .chunk_records_max = static_cast<uint32_t>(1 + random() % 30),
                    .memtable_bytes_max = 2000 + random() % 60'000,
                    .person_bytes_max = 2000 + random() % 60'000});
      const size_t end = std::min(values.size(), appended + random() % 90);
      for (; appended < end; ++appended) Append(&log, {values[appended]});
      // Somewhere on the way, or when all is done.
      stores.ingestor->WaitApplied(random() % (end + 1), kTimeoutUs);
      if (random() % 3 == 0) {
        ASSERT_TRUE(stores.ingestor->Checkpoint().ok());
      }
      if (random() % 4 == 0) {
        ASSERT_TRUE(stores.events->MergeNow().ok());
      }
      stores.Crash();
    }
    stores.Start();
    stores.WaitApplied();
    EXPECT_EQ(stores.Describe(), reference) << "seed " << seed;
  }
}

TEST(Warnings, OncePerHourAndId) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start();
  std::vector<std::string> values;
  for (const uint64_t second : {1, 2, 3, 4000}) {
    values.push_back(Event(second, "odd", "anna", R"({"$process_person_profile":"no"})"));
    values.push_back(Event(second + 100'000, "$$client_ingestion_warning", "anna",
                           R"({"$$client_ingestion_warning_message":"oh"})"));
  }
  Append(&log, values);
  stores.WaitApplied();
  std::vector<std::string> types;
  ASSERT_TRUE(SideRows(stores.persons.get())
                  .VisitWarnings(1, 0,
                                 [&](const WarningRow& row) {
                                   types.push_back(row.type);
                                   EXPECT_THAT(row.details, HasSubstr("eventUuid"));
                                   return true;
                                 })
                  .ok());
  EXPECT_THAT(types, ElementsAre("invalid_process_person_profile", "invalid_process_person_profile",
                                 "client_ingestion_warning", "client_ingestion_warning",
                                 "client_ingestion_warning", "client_ingestion_warning"));
}

TEST(SideRowsTest, ExpireByAgeAndSurviveARestart) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start();
  const std::string heat = R"({"$viewport_width":160,"$viewport_height":9,
      "$heatmap_data":{"u":[{"x":32,"y":0,"target_fixed":true,"type":"click"}]}})";
  Append(&log, {Event(10, "$$heatmap", "old", heat), Event(20, "$$heatmap", "young", heat),
                Event(30, "paid", "anna", R"({"price":1.5,"when":"2024-01-02"})"),
                EncodeCommand({.kind = IngestCommand::Kind::kExpireSideRows,
                               .team_id = 1,
                               .to_us = kBeginUs + 15'000'000})});
  for (const char* when : {"at once", "after a restart"}) {
    SCOPED_TRACE(when);
    stores.WaitApplied();
    const SideRows rows(stores.persons.get());
    std::vector<std::string> ids;
    ASSERT_TRUE(rows.VisitHeatmaps(1, 0,
                                   [&](const HeatmapRow& row) {
                                     ids.push_back(row.distinct_id);
                                     return true;
                                   })
                    .ok());
    EXPECT_THAT(ids, ElementsAre("young"));
    EXPECT_EQ(*rows.FindPropertyType(1, DefinitionKind::kEventProperty, -1, "price"),
              DefinitionType::kNumeric);
    EXPECT_EQ(*rows.FindPropertyType(1, DefinitionKind::kEventProperty, -1, "when"),
              DefinitionType::kDateTime);
    EXPECT_EQ(*rows.FindPropertyType(1, DefinitionKind::kPersonProperty, -1, "price"),
              std::nullopt);
    EXPECT_EQ(*rows.FindPropertyType(2, DefinitionKind::kEventProperty, -1, "price"), std::nullopt);
    EXPECT_EQ(RowCount(stores), 1u);
    ASSERT_TRUE(stores.ingestor->Checkpoint().ok());
    stores.Crash();
    stores.Start();
  }
}

TEST(DeadLetters, AreListedReplayedAndDropped) {
  ScratchDirectory scratch;
  MemoryEnv env;
  FakeLog log;
  Stores stores(&log, &env, scratch.path("persons"));
  stores.Start({.merge_moved_ids_max = 1});
  Append(&log, {Event(1, "seen", "a1"), Event(2, "$create_alias", "a1", R"({"alias":"a2"})"),
                Event(3, "seen", "b"), "no event at all",
                Event(4, "$merge_dangerously", "b", R"({"alias":"a1"})")});
  stores.WaitApplied();
  DeadLetterQueue queue(&log);
  const auto list = [&] {
    std::vector<std::string> letters;
    EXPECT_TRUE(queue
                    .Visit([&](const DeadLetter& letter) {
                      letters.push_back(StrCat(letter.id, " ", letter.step, " ", letter.event, " ",
                                               letter.team_id));
                      return true;
                    })
                    .ok());
    return letters;
  };
  EXPECT_THAT(list(), ElementsAre("0 parse  0", "1 persons $merge_dangerously 1"));
  EXPECT_EQ(queue.Drop(std::vector<uint64_t>{0, 7}).code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(queue.Drop(std::vector<uint64_t>{0}).ok());
  EXPECT_THAT(list(), ElementsAre("1 persons $merge_dangerously 1"));
  // With a wider limit the event goes through.
  stores.Crash();
  stores.Start();
  ASSERT_TRUE(queue.Replay(std::vector<uint64_t>{1}).ok());
  stores.WaitApplied();
  EXPECT_TRUE(list().empty());
  EXPECT_EQ(stores.persons->FindByDistinctId(1, "a1")->value().id, PersonUuid(1, "b"));
  EXPECT_EQ(RowCount(stores), 4u);
}

}  // namespace
}  // namespace hoglet
