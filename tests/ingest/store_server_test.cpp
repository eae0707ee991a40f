#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "src/persons/person_codec.h"
#include "src/persons/person_database.h"
#include "tests/ingest/server_support.h"

// What the pipeline does over the real stores when the disk is full or a record is damaged.

namespace hoglet {
namespace {

using testing::HasSubstr;

constexpr int64_t kPatienceUs = 20'000'000;
const auto kNever = [] { return false; };

ServerState StateWithoutFaults(const std::vector<std::string>& values) {
  MemoryEnv memory;
  auto server = *StoreServer::Open(&memory);
  EXPECT_TRUE(server->Append(values).ok());
  EXPECT_TRUE(server->WaitApplied(kNever));
  return DescribeServer(server.get());
}

template <typename Condition>
bool WaitFor(Condition condition) {
  for (int64_t waited_us = 0; waited_us < kPatienceUs; waited_us += 1000) {
    if (condition()) return true;
    Env::Posix()->SleepMicros(1000);
  }
  return false;
}

// The room whose write is the first that the disk has no space for.
class FullDisk : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Rooms, FullDisk, testing::Values("log", "events", "persons"));

TEST_P(FullDisk, RefusesCaptureAnswersQueriesAndGoesOnByItself) {
  const std::vector<std::string> values = MixedStream(5, 300, 25);
  const std::span<const std::string> stream(values);
  MemoryEnv memory;
  FaultEnv env(&memory);
  auto server = *StoreServer::Open(&env);
  ASSERT_TRUE(server->Append(stream.subspan(0, 100)).ok());
  ASSERT_TRUE(server->WaitApplied(kNever));
  ASSERT_TRUE(server->Checkpoint(kNever));
  ASSERT_TRUE(server->Append(stream.subspan(100, 100)).ok());
  ASSERT_TRUE(server->WaitApplied(kNever));

  const std::string room = std::string("data/") + GetParam();
  env.SetObserver([&env, room](const std::string& operation, const std::string& path) {
    if (operation == "write" && path.starts_with(room)) env.SetDiskFull(true);
  });
  if (room == "data/log") env.SetDiskFull(true);
  auto checkpoint = std::async(std::launch::async, [&] { return server->ingestor->Checkpoint(); });
  EXPECT_TRUE(WaitFor([&] { return !server->ingestor->health().ok(); }));
  EXPECT_EQ(server->ingestor->health().code(), absl::StatusCode::kResourceExhausted)
      << server->ingestor->health();
  // Capture answers kResourceExhausted with 503.
  EXPECT_EQ(server->Append(stream.subspan(200, 100)).code(), absl::StatusCode::kResourceExhausted);
  ServerState state = DescribeServer(server.get());
  const ServerState so_far = StateWithoutFaults({values.begin(), values.begin() + 200});
  EXPECT_EQ(state.rows, so_far.rows);
  EXPECT_EQ(state.persons, so_far.persons);

  env.SetObserver(nullptr);
  env.SetDiskFull(false);
  EXPECT_TRUE(checkpoint.get().ok());
  EXPECT_TRUE(server->ingestor->health().ok());
  EXPECT_TRUE(WaitFor([&] { return server->Append(stream.subspan(200, 100)).ok(); }));
  ASSERT_TRUE(server->WaitApplied(kNever));
  ASSERT_TRUE(server->ingestor->Stop().ok());
  const ServerState expected = StateWithoutFaults(values);
  EXPECT_EQ(DescribeServer(server.get()), expected);
  server.reset();
  memory.CrashDroppingAll();
  server = *StoreServer::Open(&memory);
  EXPECT_EQ(DescribeServer(server.get()), expected);
}

// Puts a value that is none into the store of a server that is down.
void DamagePerson(Env* env, const std::string& distinct_id) {
  auto database =
      *PersonDatabase::Open(env, "data/persons", PersonDatabase::MakeBlockCache(1 << 20),
                            PersonDatabase::Access::kReadWrite);
  ASSERT_TRUE(database
                  ->Put(PersonDatabase::kPersons,
                        person_codec::PersonKey(1, PersonUuid(1, distinct_id)), "\x01junk")
                  .ok());
}

TEST(DamagedPerson, SetsItsEventsAsideAndNoOthers) {
  MemoryEnv env;
  auto server = *StoreServer::Open(&env);
  std::vector<std::string> values;
  for (const char* id : {"anna", "bert", "carl"}) {
    values.push_back(EncodeCapturedEvent(MakeEvent(values.size(), "seen", id)));
  }
  ASSERT_TRUE(server->Append(values).ok());
  ASSERT_TRUE(server->WaitApplied(kNever));
  ASSERT_TRUE(server->ingestor->Stop().ok());
  server.reset();
  DamagePerson(&env, "bert");

  server = *StoreServer::Open(&env);
  for (const char* id : {"anna", "bert", "carl"}) {
    values.push_back(EncodeCapturedEvent(MakeEvent(values.size(), "seen", id)));
  }
  // A merge that needs the damaged person.
  values.push_back(EncodeCapturedEvent(
      MakeEvent(values.size(), "$merge_dangerously", "anna", R"({"alias":"bert"})")));
  ASSERT_TRUE(server->Append(std::span(values).subspan(3)).ok());
  ASSERT_TRUE(server->WaitApplied(kNever)) << server->ingestor->health();
  EXPECT_EQ(storage_test::ScanAll(*server->events, 1)->size(), 5u);
  const auto letters = server->Values(kDeadLetterTopic);
  ASSERT_EQ(letters.size(), 2u);
  for (const std::string& letter : letters) {
    EXPECT_THAT(letter, HasSubstr("team 1: person"));
    EXPECT_THAT(letter, HasSubstr(FormatUuid(PersonUuid(1, "bert"))));
  }
  EXPECT_EQ(server->persons->FindByDistinctId(1, "bert").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE((*server->persons->FindByDistinctId(1, "carl")).has_value());
}

}  // namespace
}  // namespace hoglet
