#include <gtest/gtest.h>

#include "src/base/fault_env.h"
#include "src/base/logging.h"
#include "src/base/memory_env.h"
#include "tests/log/log_testing.h"

// Every file operation of a run fails once, in each way it can: acknowledged stays, errors are
// clean, reopening works.

namespace hoglet {
namespace {

using namespace log_testing;  // NOLINT

constexpr int kAppends = 200;

struct Outcome {
  std::map<uint64_t, std::string> acknowledged;
  std::map<std::string, uint64_t> consumers;
};

bool IsCleanError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInternal:
      return true;
    default:
      return status.ok();
  }
}

// 200 appends over several segments with a consumer and retention; goes on after an error.
Outcome RunOnce(FaultEnv* env) {
  Outcome outcome;
  auto options = SmallTopic(3000);
  options.retained_bytes_max = 12'000;
  auto log = TryOpen(env, options);
  EXPECT_TRUE(IsCleanError(log.status())) << log.status();
  if (!log.ok()) return outcome;
  for (int i = 0; i < kAppends; ++i) {
    const std::string value = StrCat("value ", i, std::string(static_cast<size_t>(i % 90), '.'));
    auto offset = AppendText(log->get(), {value});
    EXPECT_TRUE(IsCleanError(offset.status())) << offset.status();
    if (offset.ok()) outcome.acknowledged[*offset] = value;
    if (i % 20 == 19 && offset.ok()) {
      const absl::Status committed = (*log)->CommitConsumer(kTopic, "c", *offset + 1);
      EXPECT_TRUE(IsCleanError(committed)) << committed;
      if (committed.ok()) outcome.consumers["c"] = *offset + 1;
    }
    if (i % 50 == 49) {
      auto batches = (*log)->Read(kTopic, (*log)->end_offset(kTopic) - 1, 100);
      EXPECT_TRUE(IsCleanError(batches.status())) << batches.status();
    }
  }
  return outcome;
}

void ExpectRecovered(MemoryEnv* memory, const Outcome& outcome, const std::string& context) {
  auto log = TryOpen(memory, SmallTopic(3000));
  ASSERT_TRUE(log.ok()) << context << ": " << log.status();
  const uint64_t begin = (*log)->begin_offset(kTopic);
  const auto values = ReadValues(log->get(), begin);
  for (const auto& [offset, value] : outcome.acknowledged) {
    if (offset < begin) continue;
    ASSERT_LT(offset - begin, values.size()) << context;
    ASSERT_EQ(values[offset - begin], value) << context;
  }
  for (const auto& [name, offset] : outcome.consumers) {
    auto at = (*log)->ConsumerOffset(kTopic, name);
    ASSERT_TRUE(at.ok()) << context;
    // A commit that failed may have become durable all the same.
    EXPECT_GE(*at, offset) << context;
  }
  const uint64_t end = (*log)->end_offset(kTopic);
  EXPECT_EQ(*AppendText(log->get(), {"next"}), end) << context;
}

class LogFaults : public testing::TestWithParam<FaultKind> {};

TEST_P(LogFaults, EveryOperationFailsOnce) {
  // Each broken topic says so once; a thousand times is too much.
  SetLogLevel(LogLevel::kError);
  uint64_t operations = 0;
  {
    MemoryEnv memory;
    FaultEnv env(&memory);
    EXPECT_EQ(RunOnce(&env).acknowledged.size(), static_cast<size_t>(kAppends));
    operations = env.operations();
  }
  EXPECT_GT(operations, 400u);
  size_t survived = 0;
  for (uint64_t n = 1; n <= operations; ++n) {
    // Half of the runs end in a power loss, half in a plain restart.
    const bool crash = n % 2 == 0;
    MemoryEnv memory;
    FaultEnv env(&memory);
    env.FailAfter(n, GetParam());
    const Outcome outcome = RunOnce(&env);
    survived += outcome.acknowledged.size();
    if (crash) memory.Crash(n);
    ExpectRecovered(&memory, outcome, StrCat("operation ", n, crash ? ", crash" : ""));
    if (HasFatalFailure()) return;
  }
  // A full disk is ordinary: only operations that need no space (a failed sync) break the topic
  // here.
  if (GetParam() != FaultKind::kIoError) {
    EXPECT_GT(survived, operations * kAppends * 6 / 10);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LogFaults,
                         testing::Values(FaultKind::kIoError, FaultKind::kNoSpace,
                                         FaultKind::kShortWrite));

}  // namespace
}  // namespace hoglet
