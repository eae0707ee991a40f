#include <gtest/gtest.h>

#include <mutex>
#include <random>
#include <set>

#include "src/base/fault_env.h"
#include "src/base/logging.h"
#include "src/base/memory_env.h"
#include "tests/log/log_testing.h"

// Power loss at random moments: what was acknowledged is there, whole, once and in order.

namespace hoglet {
namespace {

using namespace log_testing;  // NOLINT

// Acknowledged values by offset, across crashes.
struct Model {
  std::mutex mutex;
  std::map<uint64_t, std::string> acknowledged;
  uint64_t consumer = 0;
  uint64_t consumer_attempted = 0;  // of a commit that was cut off
};

void ExpectHolds(Log* log, const Model& model, uint64_t seed) {
  const uint64_t begin = log->begin_offset(kTopic);
  const auto values = ReadValues(log, begin);
  ASSERT_EQ(begin + values.size(), log->end_offset(kTopic)) << seed;
  for (const auto& [offset, value] : model.acknowledged) {
    if (offset < begin) {
      ASSERT_LT(offset, model.consumer) << seed;
      continue;
    }
    ASSERT_LT(offset - begin, values.size()) << "seed " << seed << " lost offset " << offset;
    ASSERT_EQ(values[offset - begin], value) << seed;
  }
  std::set<std::string> distinct(values.begin(), values.end());
  ASSERT_EQ(distinct.size(), values.size()) << "seed " << seed << ": a value twice";
}

TEST(LogCrash, RandomCrashesLoseNothingAcknowledged) {
  SetLogLevel(LogLevel::kError);
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    MemoryEnv memory(seed);
    FaultEnv env(&memory);
    std::mt19937_64 random(seed);
    Model model;
    int serial = 0;
    for (int life = 0; life < 4; ++life) {
      auto options = SmallTopic(1024 + random() % 4096);
      options.retained_bytes_max = 6000;
      auto opened = TryOpen(&env, options);
      ASSERT_TRUE(opened.ok()) << "seed " << seed << " life " << life << ": " << opened.status();
      std::unique_ptr<Log> log = *std::move(opened);
      ExpectHolds(log.get(), model, seed);
      if (HasFatalFailure()) return;
      // A registered consumer is what keeps retention from dropping the rest.
      if (auto at = log->ConsumerOffset(kTopic, "c"); at.ok()) {
        ASSERT_TRUE(*at == model.consumer || *at == model.consumer_attempted)
            << seed << ": " << *at << ", committed " << model.consumer;
        model.consumer = *at;
      }
      ASSERT_TRUE(log->CommitConsumer(kTopic, "c", model.consumer).ok());
      // The crash comes at some operation of the disk, in the middle of whatever is going on.
      const uint64_t crash_at = env.operations() + 1 + random() % 60;
      std::atomic<bool> crashed{false};
      env.SetObserver([&](const std::string&, const std::string&) {
        if (env.operations() >= crash_at && !crashed.exchange(true)) {
          memory.Crash(seed * 7 + 1);
          env.SetDead(true);
        }
      });
      const int appends = 1 + static_cast<int>(random() % 25);
      for (int i = 0; i < appends && !crashed; ++i) {
        std::vector<std::string> values;
        for (uint64_t n = 1 + random() % 3; n > 0; --n) {
          values.push_back(StrCat("value ", serial++, std::string(random() % 400, '.')));
        }
        if (random() % 2) {
          std::vector<LogRecord> records;
          for (const auto& value : values) records.push_back({value, value});
          log->AppendAsync(kTopic, records, [&model, values](absl::StatusOr<uint64_t> offset) {
            if (!offset.ok()) return;
            std::lock_guard lock(model.mutex);
            for (const auto& value : values) model.acknowledged[(*offset)++] = value;
          });
          continue;
        }
        auto offset = AppendText(log.get(), values);
        if (!offset.ok()) break;
        std::lock_guard lock(model.mutex);
        for (const auto& value : values) model.acknowledged[(*offset)++] = value;
        if (random() % 8 == 0) {
          model.consumer_attempted = *offset;
          if (log->CommitConsumer(kTopic, "c", *offset).ok()) model.consumer = *offset;
        }
      }
      // Either the crash above, a kill, or a clean end.
      if (!crashed && random() % 2) {
        crashed = true;
        memory.Crash(seed * 11 + 5);
        env.SetDead(true);
      }
      log.reset();
      env.SetObserver(nullptr);
      env.SetDead(false);
    }
  }
}

TEST(LogCrash, CreationMayCrashAnywhere) {
  SetLogLevel(LogLevel::kError);
  for (uint64_t operations = 1; operations < 60; ++operations) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      MemoryEnv memory;
      FaultEnv env(&memory);
      bool crashed = false;
      env.SetObserver([&](const std::string&, const std::string&) {
        if (env.operations() == operations && !crashed) {
          crashed = true;
          memory.Crash(seed);
          env.SetDead(true);
        }
      });
      const bool acknowledged = [&] {
        auto log = TryOpen(&env, SmallTopic());
        return log.ok() && !crashed && AppendText(log->get(), {"a"}).ok();
      }();
      env.SetObserver(nullptr);
      env.SetDead(false);
      if (!crashed) memory.Crash(seed);
      auto log = TryOpen(&env, SmallTopic());
      ASSERT_TRUE(log.ok()) << operations << "/" << seed << ": " << log.status();
      if (acknowledged) {
        EXPECT_EQ(ReadValues(log->get()), std::vector<std::string>{"a"});
      }
      EXPECT_TRUE(AppendText(log->get(), {"b"}).ok());
    }
  }
}

}  // namespace
}  // namespace hoglet
