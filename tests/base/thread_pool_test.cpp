#include "src/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "absl/status/status.h"
#include "tests/base/few_threads.h"

namespace hoglet {
namespace {

TEST(ThreadPool, RunsEverythingBeforeItStops) {
  std::atomic<int> done{0};
  ThreadPool pool("test", 3, 4);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(pool.Submit([&] { ++done; }));
  pool.Stop();
  EXPECT_EQ(done, 1000);
  EXPECT_FALSE(pool.Submit([&] { ++done; }));
  EXPECT_FALSE(pool.TrySubmit([&] { ++done; }));
  pool.Stop();
}

TEST(ThreadPool, RefusesWhenFull) {
  ThreadPool pool("test", 1, 2);
  std::promise<void> started;
  std::promise<void> release;
  pool.Submit([&] {
    started.set_value();
    release.get_future().wait();
  });
  started.get_future().wait();
  EXPECT_TRUE(pool.TrySubmit([] {}));
  EXPECT_TRUE(pool.TrySubmit([] {}));
  EXPECT_EQ(pool.queued(), 2u);
  EXPECT_FALSE(pool.TrySubmit([] {}));
  release.set_value();
  pool.WaitIdle();
  EXPECT_TRUE(pool.TrySubmit([] {}));
}

TEST(StartThread, SaysWhenThereIsNoneToBeHad) {
  const auto begin_many = [] {
    for (int i = 0; i < 64; ++i) {
      absl::StatusOr<std::thread> thread =
          StartThread([] { std::this_thread::sleep_for(std::chrono::minutes(1)); });
      if (!thread.ok()) return absl::IsResourceExhausted(thread.status());
      thread->detach();  // it ends with the process
    }
    return false;
  };
  EXPECT_TRUE(HoldsWithFewThreads(begin_many));
}

}  // namespace
}  // namespace hoglet
