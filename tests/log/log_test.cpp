#include "include/hoglet/log.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "tests/log/log_testing.h"

namespace hoglet {
namespace {

using namespace log_testing;  // NOLINT

std::string SegmentPathOf(uint64_t base_offset) {
  std::string digits = std::to_string(base_offset);
  return StrCat(kDirectory, "/", kTopic, "/", std::string(20 - digits.size(), '0'), digits, ".log");
}

TEST(Log, AppendsAndReadsBack) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  EXPECT_EQ(log->end_offset(kTopic), 0u);
  EXPECT_EQ(*AppendText(log.get(), {"a", "b"}), 0u);
  EXPECT_EQ(*AppendText(log.get(), {""}), 2u);
  EXPECT_EQ(*AppendText(log.get(), {std::string(3000, 'x')}), 3u);
  EXPECT_EQ(log->end_offset(kTopic), 4u);
  EXPECT_EQ(ReadValues(log.get()),
            (std::vector<std::string>{"a", "b", "", std::string(3000, 'x')}));
  EXPECT_EQ(ReadValues(log.get(), 1).size(), 3u);
  EXPECT_TRUE(log->Read(kTopic, 4, 100)->empty());
  EXPECT_TRUE(log->Read(kTopic, 400, 100)->empty());
}

TEST(Log, BatchesComeBackWhole) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  env.SetNowMicros(77);
  ASSERT_TRUE(log->Append(kTopic, {{"k1", "v1"}, {"k2", "v2"}, {"k3", "v3"}}).ok());
  auto batches = log->Read(kTopic, 1, 1);
  ASSERT_TRUE(batches.ok());
  ASSERT_EQ(batches->size(), 1u);
  const LogBatch& batch = batches->front();
  EXPECT_EQ(batch.base_offset, 0u);
  EXPECT_EQ(batch.appended_at_us, 77);
  EXPECT_EQ(batch.end_offset(), 3u);
  EXPECT_EQ(batch.records[2].key, "k3");
  EXPECT_EQ(batch.records[2].offset, 2u);
  EXPECT_EQ(batch.records[2].partition, LogPartitionOf("k3", 4));
}

TEST(Log, SurvivesReopeningAcrossSegments) {
  MemoryEnv env;
  std::vector<std::string> all;
  for (int round = 0; round < 5; ++round) {
    auto log = MustOpen(&env);
    EXPECT_EQ(ReadValues(log.get()), all);
    for (int i = 0; i < 30; ++i) {
      all.push_back(StrCat("value ", round, " ", i, std::string(100, '.')));
      EXPECT_EQ(*AppendText(log.get(), {all.back()}), all.size() - 1);
    }
    EXPECT_EQ(ReadValues(log.get()), all);
    for (uint64_t from = 0; from <= all.size(); from += 7) {
      EXPECT_EQ(ReadValues(log.get(), from).size(), all.size() - from);
    }
  }
  uint64_t records = 0;
  EXPECT_EQ(CheckLines(&env, &records), std::vector<std::string>{});
  EXPECT_EQ(records, all.size());
  EXPECT_GT(env.Files().size(), 8u);
}

// What a clean stop left is not read as a whole when it is much, but goes on in a new segment.
TEST(Log, ALargeSegmentIsLeftAsItIsAfterACleanStop) {
  MemoryEnv env;
  const TopicOptions options = SmallTopic(64 << 20);
  std::vector<std::string> all;
  const auto append = [&](Log* log, size_t bytes) {
    all.push_back(StrCat(all.size(), " ", std::string(bytes, '.')));
    EXPECT_EQ(*AppendText(log, {all.back()}), all.size() - 1);
  };
  const auto segments = [&] {
    int count = 0;
    for (const std::string& path : env.Files()) count += path.ends_with(".log") ? 1 : 0;
    return count;
  };
  {
    auto log = MustOpen(&env, options);
    for (int i = 0; i < 10; ++i) append(log.get(), 1 << 20);
  }
  EXPECT_EQ(segments(), 1);
  for (const int expected : {2, 2, 2}) {
    auto log = MustOpen(&env, options);
    EXPECT_EQ(segments(), expected);
    EXPECT_EQ(ReadValues(log.get()), all);
    for (int i = 0; i < 10; ++i) append(log.get(), 10);
    EXPECT_EQ(ReadValues(log.get(), 5).size(), all.size() - 5);
  }
  uint64_t records = 0;
  EXPECT_EQ(CheckLines(&env, &records), std::vector<std::string>{});
  EXPECT_EQ(records, all.size());
}

TEST(Log, BatchLargerThanASegmentOrAReadIsFine) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  const std::string large(300'000, 'x');
  ASSERT_TRUE(AppendText(log.get(), {"small"}).ok());
  ASSERT_TRUE(AppendText(log.get(), {large}).ok());
  ASSERT_TRUE(AppendText(log.get(), {"after"}).ok());
  EXPECT_EQ(ReadValues(log.get(), 0, 1), (std::vector<std::string>{"small", large, "after"}));
}

TEST(Log, RefusesWhatIsOverALimit) {
  MemoryEnv env;
  auto options = SmallTopic();
  options.record_bytes_max = 10;
  auto log = MustOpen(&env, options);
  EXPECT_EQ(log->Append(kTopic, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(log->Append(kTopic, {{"", "01234567890"}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(log->Append("other", {{"", ""}}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(log->Append(kTopic, {{"01234", "56789"}}).ok());
  for (const char* bad : {"", ".", "..", ".x", "a/b", "a b"}) {
    EXPECT_EQ(log->OpenTopic(bad, options).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(Log, PartitionsAreFixedAtCreation) {
  MemoryEnv env;
  MustOpen(&env).reset();
  auto options = SmallTopic();
  options.partitions = 5;
  EXPECT_EQ(TryOpen(&env, options).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(TryOpen(&env, SmallTopic()).ok());
}

TEST(Log, OneProcessAtATime) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  EXPECT_EQ(TryOpen(&env, SmallTopic()).status().code(), absl::StatusCode::kFailedPrecondition);
  log.reset();
  EXPECT_TRUE(TryOpen(&env, SmallTopic()).ok());
}

TEST(Log, ConsumersCommitAndHoldBackRetention) {
  MemoryEnv env;
  auto options = SmallTopic();
  options.retained_bytes_max = 1;
  auto log = MustOpen(&env, options);
  EXPECT_EQ(log->ConsumerOffset(kTopic, "c").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(log->CommitConsumer(kTopic, "c", 0).ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(AppendText(log.get(), {std::string(200, 'x')}).ok());
  ASSERT_TRUE(log->EnforceRetention().ok());
  EXPECT_EQ(log->begin_offset(kTopic), 0u);
  EXPECT_EQ(log->CommitConsumer(kTopic, "c", 101).code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(log->CommitConsumer(kTopic, "c", 50).ok());
  const uint64_t begin = log->begin_offset(kTopic);
  EXPECT_GT(begin, 0u);
  EXPECT_LE(begin, 50u);
  EXPECT_EQ(log->Read(kTopic, 0, 100).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReadValues(log.get(), begin).size(), 100 - begin);
  log.reset();

  log = MustOpen(&env, options);
  EXPECT_EQ(*log->ConsumerOffset(kTopic, "c"), 50u);
  EXPECT_EQ(log->begin_offset(kTopic), begin);
  EXPECT_EQ(*AppendText(log.get(), {"next"}), 100u);
  log.reset();
  EXPECT_EQ(CheckLines(&env), std::vector<std::string>{});
}

TEST(Log, RetentionByAge) {
  MemoryEnv env;
  auto options = SmallTopic();
  options.retained_us_max = 1'000'000;
  auto log = MustOpen(&env, options);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(AppendText(log.get(), {std::string(200, 'x')}).ok());
  ASSERT_TRUE(log->EnforceRetention().ok());
  EXPECT_EQ(log->begin_offset(kTopic), 0u);
  env.AdvanceMicros(2'000'000);
  ASSERT_TRUE(log->EnforceRetention().ok());
  // The newest segment always stays.
  EXPECT_GT(log->begin_offset(kTopic), 30u);
  EXPECT_LT(log->begin_offset(kTopic), 50u);
}

TEST(Log, AReaderMayFinishABatchThatRetentionDrops) {
  MemoryEnv env;
  auto options = SmallTopic();
  options.retained_bytes_max = 1;
  auto log = MustOpen(&env, options);
  ASSERT_TRUE(log->CommitConsumer(kTopic, "c", 0).ok());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(AppendText(log.get(), {std::string(200, 'x')}).ok());
  auto batches = log->Read(kTopic, 0, 1);
  ASSERT_TRUE(log->CommitConsumer(kTopic, "c", 50).ok());
  ASSERT_TRUE(log->EnforceRetention().ok());
  EXPECT_EQ(batches->front().records[0].value, std::string(200, 'x'));
}

TEST(Log, WaitsAndInterrupts) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  EXPECT_EQ(log->WaitForEnd(kTopic, 0, 1000), 0u);
  std::thread appender([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(AppendText(log.get(), {"a"}).ok());
  });
  EXPECT_EQ(log->WaitForEnd(kTopic, 0, 60'000'000), 1u);
  appender.join();
  EXPECT_EQ(log->WaitForEnd(kTopic, 0, 60'000'000), 1u);
  std::thread interrupter([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    log->Interrupt();
  });
  EXPECT_EQ(log->WaitForEnd(kTopic, 1, 60'000'000), 1u);
  interrupter.join();
}

TEST(Log, ReopensAtTheEndAfterAKill) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(AppendText(log.get(), {StrCat(i)}).ok());
  env.CrashKeepingAll();
  log.reset();
  log = MustOpen(&env);
  EXPECT_EQ(log->end_offset(kTopic), 40u);
  EXPECT_EQ(*AppendText(log.get(), {"more"}), 40u);
}

TEST(Log, RefusesWhenTheDiskIsNearlyFullAndResumes) {
  MemoryEnv memory;
  FaultEnv env(&memory);
  auto log = Log::Open(&env, kDirectory, {.free_bytes_min = 1000});
  ASSERT_TRUE((*log)->OpenTopic(kTopic, SmallTopic()).ok());
  ASSERT_TRUE(AppendText(log->get(), {"a"}).ok());
  env.SetFreeBytes(999);
  env.SleepMicros(200'000);
  EXPECT_EQ(AppendText(log->get(), {"b"}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ((*log)->Health().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadValues(log->get()).size(), 1u);
  env.SetFreeBytes(1000);
  env.SleepMicros(200'000);
  EXPECT_EQ(*AppendText(log->get(), {"c"}), 1u);
  EXPECT_TRUE((*log)->Health().ok());
}

TEST(Log, AFullDiskIsRolledBackAndResumes) {
  MemoryEnv memory;
  FaultEnv env(&memory);
  auto log = MustOpen(&env);
  std::vector<std::string> acknowledged;
  for (int i = 0; i < 120; ++i) {
    env.SetDiskFull(i % 10 >= 5);
    const std::string value = StrCat(i, std::string(150, 'x'));
    auto appended = AppendText(log.get(), {value});
    if (i % 10 < 5) {
      ASSERT_TRUE(appended.ok()) << i << appended.status();
    }
    if (appended.ok()) {
      EXPECT_EQ(*appended, acknowledged.size());
      acknowledged.push_back(value);
    } else {
      EXPECT_EQ(appended.status().code(), absl::StatusCode::kResourceExhausted);
    }
    ASSERT_TRUE(log->Health().ok());
  }
  EXPECT_EQ(ReadValues(log.get()), acknowledged);
  env.SetDiskFull(false);
  log.reset();
  EXPECT_EQ(CheckLines(&memory), std::vector<std::string>{});
  log = MustOpen(&memory);
  EXPECT_EQ(ReadValues(log.get()), acknowledged);
}

TEST(Log, ARealCapacityIsRespected) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  env.SetCapacityBytes(20'000);
  std::vector<std::string> acknowledged;
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string value = StrCat(i, std::string(150, 'x'));
    auto appended = AppendText(log.get(), {value});
    if (appended.ok()) {
      acknowledged.push_back(value);
    } else {
      EXPECT_EQ(appended.status().code(), absl::StatusCode::kResourceExhausted);
      ++refused;
    }
  }
  EXPECT_GT(acknowledged.size(), 50u);
  EXPECT_GT(refused, 50);
  env.SetCapacityBytes(1 << 20);
  ASSERT_TRUE(AppendText(log.get(), {"again"}).ok());
  acknowledged.push_back("again");
  EXPECT_EQ(ReadValues(log.get()), acknowledged);
}

TEST(Log, AFailedSyncRefusesUntilReopened) {
  MemoryEnv memory;
  FaultEnv env(&memory);
  auto log = MustOpen(&env);
  ASSERT_TRUE(AppendText(log.get(), {"a"}).ok());
  env.SetSyncFails(true);
  EXPECT_EQ(AppendText(log.get(), {"b"}).status().code(), absl::StatusCode::kUnavailable);
  env.SetSyncFails(false);
  EXPECT_EQ(AppendText(log.get(), {"c"}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(log->Health().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadValues(log.get()), std::vector<std::string>{"a"});
  EXPECT_EQ(log->end_offset(kTopic), 1u);
  log.reset();
  log = MustOpen(&env);
  EXPECT_TRUE(log->Health().ok());
  const auto values = ReadValues(log.get());
  EXPECT_EQ(values.front(), "a");
  EXPECT_EQ(*AppendText(log.get(), {"d"}), values.size());
}

TEST(Log, SegmentsAreCutAndChained) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(AppendText(log.get(), {std::string(200, 'x')}).ok());
  log.reset();
  ASSERT_TRUE(env.Remove(SegmentPathOf(0)).ok());
  // The first of the remaining names a predecessor: that is retention's doing.
  EXPECT_TRUE(TryOpen(&env, SmallTopic()).ok());
  EXPECT_EQ(CheckLines(&env), std::vector<std::string>{});
  const auto files = env.Files();
  std::vector<std::string> segments;
  for (const auto& file : files) {
    if (file.find(".log") != std::string::npos) segments.push_back(file);
  }
  ASSERT_GE(segments.size(), 3u);
  ASSERT_TRUE(env.Remove(segments[1]).ok());
  EXPECT_EQ(TryOpen(&env, SmallTopic()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(CheckLines(&env).empty());
}

TEST(Log, AConsumerPastTheEndIsDataLoss) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  ASSERT_TRUE(AppendText(log.get(), {"a"}).ok());
  ASSERT_TRUE(log->CommitConsumer(kTopic, "c", 1).ok());
  log.reset();
  ASSERT_TRUE(env.Remove(SegmentPathOf(0)).ok());
  EXPECT_EQ(TryOpen(&env, SmallTopic()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(CheckLines(&env).empty());
}

TEST(Log, UnknownTopicsAreEmpty) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  EXPECT_EQ(log->begin_offset("x"), 0u);
  EXPECT_EQ(log->end_offset("x"), 0u);
  EXPECT_EQ(log->WaitForEnd("x", 0, 1), 0u);
  EXPECT_EQ(log->Read("x", 0, 1).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(log->CommitConsumer("x", "c", 0).code(), absl::StatusCode::kNotFound);
}

TEST(Log, PartitionsSpread) {
  std::set<uint32_t> seen;
  for (int i = 0; i < 200; ++i) {
    const uint32_t partition = LogPartitionOf(StrCat("key ", i), 8);
    EXPECT_LT(partition, 8u);
    seen.insert(partition);
  }
  EXPECT_EQ(seen.size(), 8u);
}

}  // namespace
}  // namespace hoglet
