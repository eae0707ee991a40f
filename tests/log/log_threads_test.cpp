#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "tests/log/log_testing.h"

namespace hoglet {
namespace {

using namespace log_testing;  // NOLINT

TEST(LogThreads, ManyWritersAndReadersAgree) {
  MemoryEnv env;
  auto log = MustOpen(&env, SmallTopic(64 << 10));
  constexpr int kWriters = 8;
  constexpr int kAppends = 200;
  std::vector<std::map<uint64_t, std::string>> written(kWriters);
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      for (int i = 0; i < kAppends; ++i) {
        const std::string value = StrCat("writer ", w, " append ", i);
        auto offset = AppendText(log.get(), {value, value + "b"});
        ASSERT_TRUE(offset.ok()) << offset.status();
        written[static_cast<size_t>(w)][*offset] = value;
      }
    });
  }
  std::vector<std::string> seen;
  std::thread reader([&] {
    uint64_t offset = 0;
    while (offset < 2 * kWriters * kAppends) {
      const uint64_t end = log->WaitForEnd(kTopic, offset, 10'000'000);
      auto batches = log->Read(kTopic, offset, 10'000);
      ASSERT_TRUE(batches.ok()) << batches.status();
      for (const LogBatch& batch : *batches) {
        EXPECT_EQ(batch.base_offset, offset);
        EXPECT_LE(batch.end_offset(), log->end_offset(kTopic));
        for (const auto& record : batch.records) seen.emplace_back(record.value);
        offset = batch.end_offset();
      }
      EXPECT_LE(end, log->end_offset(kTopic));
    }
  });
  for (auto& thread : threads) thread.join();
  reader.join();
  ASSERT_EQ(seen.size(), 2u * kWriters * kAppends);
  for (const auto& mine : written) {
    EXPECT_EQ(mine.size(), static_cast<size_t>(kAppends));
    for (const auto& [offset, value] : mine) EXPECT_EQ(seen[offset], value);
  }
}

TEST(LogThreads, BackPressureRefusesAndRecovers) {
  MemoryEnv memory;
  FaultEnv env(&memory);
  auto options = SmallTopic(1 << 20);
  options.queued_bytes_max = 2000;
  auto log = MustOpen(&env, options);

  // Holds the disk at the next sync until told otherwise.
  std::mutex mutex;
  std::condition_variable changed;
  bool held = true;
  bool reached = false;
  env.SetObserver([&](const std::string& operation, const std::string&) {
    if (operation != "fdatasync") return;
    std::unique_lock lock(mutex);
    reached = true;
    changed.notify_all();
    changed.wait(lock, [&] { return !held; });
  });
  std::atomic<int> done{0};
  const std::string value(500, 'x');
  const auto append = [&] {
    log->AppendAsync(kTopic, {{"", value}}, [&](absl::StatusOr<uint64_t> offset) {
      EXPECT_TRUE(offset.ok()) << offset.status();
      ++done;
    });
  };
  append();
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return reached; });
  }
  append();
  append();
  absl::Status refused;
  log->AppendAsync(kTopic, {{"", value}},
                   [&](absl::StatusOr<uint64_t> offset) { refused = offset.status(); });
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  EXPECT_EQ(done, 0);
  {
    std::lock_guard lock(mutex);
    held = false;
  }
  changed.notify_all();
  EXPECT_EQ(log->WaitForEnd(kTopic, 2, 10'000'000), 3u);
  EXPECT_TRUE(AppendText(log.get(), {"x"}).ok());
  EXPECT_EQ(done, 3);
}

TEST(LogThreads, GroupsShareASync) {
  MemoryEnv memory;
  FaultEnv env(&memory);
  auto log = MustOpen(&env, SmallTopic(1 << 20));
  std::atomic<int> syncs{0};
  env.SetObserver([&](const std::string& operation, const std::string&) {
    if (operation != "fdatasync") return;
    ++syncs;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  });
  std::vector<std::thread> threads;
  for (int w = 0; w < 16; ++w) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) ASSERT_TRUE(AppendText(log.get(), {"x"}).ok());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(log->end_offset(kTopic), 320u);
  EXPECT_LT(syncs, 160);
}

TEST(LogThreads, ClosingFinishesWhatIsQueued) {
  MemoryEnv env;
  auto log = MustOpen(&env, SmallTopic(1 << 20));
  std::atomic<int> done{0};
  for (int i = 0; i < 500; ++i) {
    log->AppendAsync(kTopic, {{"k", "v"}}, [&](absl::StatusOr<uint64_t> offset) {
      EXPECT_TRUE(offset.ok());
      ++done;
    });
  }
  log.reset();
  EXPECT_EQ(done, 500);
  EXPECT_EQ(ReadValues(MustOpen(&env).get()).size(), 500u);
}

TEST(LogThreads, ACallbackMayAppend) {
  MemoryEnv env;
  auto log = MustOpen(&env);
  std::atomic<bool> second{false};
  log->AppendAsync(kTopic, {{"", "1"}}, [&](absl::StatusOr<uint64_t>) {
    log->AppendAsync(kTopic, {{"", "2"}}, [&](absl::StatusOr<uint64_t> offset) {
      EXPECT_EQ(*offset, 1u);
      second = true;
    });
  });
  EXPECT_EQ(log->WaitForEnd(kTopic, 1, 10'000'000), 2u);
  log.reset();
  EXPECT_TRUE(second);
}

}  // namespace
}  // namespace hoglet
