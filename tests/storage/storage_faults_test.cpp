// Crashes, failing disks and damaged bytes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "storage/event_table.h"
#include "tests/storage/table_support.h"

namespace hoglet {
namespace {

using storage_test::InsertRows;
using storage_test::OwnedRow;
using storage_test::RandomRow;
using storage_test::RowLimits;
using storage_test::ScanAll;
using storage_test::SmallOptions;
using storage_test::TableModel;

RowLimits FewKeys() {
  RowLimits limits;
  limits.teams = 1;
  limits.uuids = 40;
  limits.users = 2;
  limits.events = 2;
  limits.days = 3;
  limits.keys = 3;
  return limits;
}

// The log that a pipeline would replay: batches by offset.
class Log {
 public:
  const std::vector<OwnedRow>& Add(std::vector<OwnedRow> rows) {
    batches_.push_back(std::move(rows));
    return batches_.back();
  }
  uint64_t end() const { return batches_.size(); }
  TableModel ModelUpTo(uint64_t offset) const {
    TableModel model;
    for (uint64_t i = 0; i < offset; ++i) {
      for (const OwnedRow& row : batches_[i]) model.Insert(row);
    }
    return model;
  }
  const std::vector<OwnedRow>& batch(uint64_t offset) const { return batches_[offset]; }

 private:
  std::vector<std::vector<OwnedRow>> batches_;
};

void ExpectShows(const EventTable& table, const TableModel& model, const std::string& when) {
  const auto rows = ScanAll(table, 1);
  ASSERT_TRUE(rows.ok()) << when << ": " << rows.status();
  ASSERT_EQ(*rows, model.Rows(1)) << when;
}

std::vector<OwnedRow> Batch(std::mt19937_64* random, int64_t* clock) {
  std::vector<OwnedRow> rows;
  for (uint64_t i = 1 + (*random)() % 6; i > 0; --i) {
    *clock += static_cast<int64_t>((*random)() % 2);
    rows.push_back(RandomRow(random, FewKeys(), *clock - static_cast<int64_t>((*random)() % 3)));
  }
  return rows;
}

// After a crash the table shows exactly the log up to its durable offset, and after the replay all
// of it.
TEST(StorageCrash, ShowsThePrefixItClaims) {
  for (uint64_t seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE(StrCat("seed ", seed));
    MemoryEnv env(seed);
    std::mt19937_64 random(seed);
    Log log;
    int64_t clock = storage_test::kStartUs;
    for (int life = 0; life < 3; ++life) {
      auto table = EventTable::Open(&env, "events", SmallOptions());
      ASSERT_TRUE(table.ok()) << table.status();
      ExpectShows(**table, log.ModelUpTo((*table)->durable_offset()), "after a crash");
      for (uint64_t i = (*table)->durable_offset(); i < log.end(); ++i) {
        ASSERT_TRUE(InsertRows(table->get(), log.batch(i)).ok());
      }
      ExpectShows(**table, log.ModelUpTo(log.end()), "after the replay");
      for (uint64_t step = random() % 12; step > 0; --step) {
        const uint64_t action = random() % 6;
        if (action == 0 && !(*table)->HasSealed()) {
          ASSERT_TRUE((*table)->Seal(log.end()).ok());
        } else if (action == 1) {
          ASSERT_TRUE((*table)->FlushSealed().ok());
        } else if (action == 2) {
          ASSERT_TRUE((*table)->OptimizeForTest().ok());
        } else {
          ASSERT_TRUE(InsertRows(table->get(), log.Add(Batch(&random, &clock))).ok());
        }
      }
      ExpectShows(**table, log.ModelUpTo(log.end()), "before the crash");
      table->reset();
      env.Crash(random());
      const auto report = EventTable::Check(
          &env, "events", [](const std::string& fault) { ADD_FAILURE() << fault; });
      ASSERT_TRUE(report.ok()) << report.status();
      if (testing::Test::HasFailure()) return;
    }
  }
}

// Two generations with duplicates across them, a merge, then all of it again after a reopening;
// every step may be repeated.
class Scenario {
 public:
  Scenario() {
    std::mt19937_64 random(42);
    int64_t clock = storage_test::kStartUs;
    for (int i = 0; i < 3; ++i) log_.Add(Batch(&random, &clock));
  }

  // Runs to the end or to the first error that stays after one repetition without the fault.
  void Run(MemoryEnv* memory, FaultEnv* env, FaultKind kind) {
    std::unique_ptr<EventTable> table;
    Step(env, kind, [&] {
      auto opened = EventTable::Open(env, "events", SmallOptions());
      if (opened.ok()) table = *std::move(opened);
      return opened.status();
    });
    if (table == nullptr) return;
    for (uint64_t i = 0; i < log_.end(); ++i) {
      const TableModel before = log_.ModelUpTo(i);
      Step(env, kind, [&] {
        const absl::Status status = InsertRows(table.get(), log_.batch(i));
        if (!status.ok()) ExpectShows(*table, before, "after a failed insert");
        return status;
      });
      const TableModel model = log_.ModelUpTo(i + 1);
      ASSERT_TRUE(table->Seal(i + 1).ok());
      Step(env, kind, [&] {
        const absl::Status status = table->FlushSealed();
        ExpectShowsDespite(env, *table, model, "after a flush");
        return status;
      });
    }
    Step(env, kind, [&] {
      const absl::Status status = table->OptimizeForTest();
      ExpectShowsDespite(env, *table, log_.ModelUpTo(log_.end()), "after a merge");
      return status;
    });
    EXPECT_EQ(table->durable_offset(), log_.end());
    table.reset();
    memory->CrashDroppingAll();
    auto reopened = EventTable::Open(memory, "events", SmallOptions());
    ASSERT_TRUE(reopened.ok()) << reopened.status();
    EXPECT_EQ((*reopened)->durable_offset(), log_.end());
    ExpectShows(**reopened, log_.ModelUpTo(log_.end()), "after all");
    EXPECT_LE(CountParts(memory), (*reopened)->statistics().parts);
  }

  static size_t CountParts(MemoryEnv* memory) {
    size_t parts = 0;
    for (const std::string& file : memory->Files()) parts += file.ends_with(".part") ? 1 : 0;
    return parts;
  }

 private:
  // A scan may meet the fault too, and then works when repeated.
  static void ExpectShowsDespite(FaultEnv* env, const EventTable& table, const TableModel& model,
                                 const char* when) {
    const bool was_hit = env->fault_hit();
    const auto rows = ScanAll(table, 1);
    if (rows.ok()) {
      ASSERT_EQ(*rows, model.Rows(1)) << when;
      return;
    }
    EXPECT_TRUE(!was_hit && env->fault_hit()) << when;
    env->ClearFault();
    ExpectShows(table, model, when);
  }

  template <typename Action>
  void Step(FaultEnv* env, FaultKind kind, Action action) {
    const absl::Status first = action();
    if (first.ok()) return;
    EXPECT_TRUE(env->fault_hit()) << first;
    if (kind == FaultKind::kIoError) {
      EXPECT_NE(first.code(), absl::StatusCode::kDataLoss) << first;
    }
    env->ClearFault();
    const absl::Status second = action();
    EXPECT_TRUE(second.ok()) << "not repeatable: " << second;
  }

  Log log_;
};

TEST(StorageFaults, EveryOperationMayFail) {
  for (const FaultKind kind : {FaultKind::kIoError, FaultKind::kNoSpace, FaultKind::kShortWrite}) {
    for (uint64_t operation = 1;; ++operation) {
      SCOPED_TRACE(StrCat("kind ", static_cast<int>(kind), ", operation ", operation));
      MemoryEnv memory;
      FaultEnv env(&memory);
      env.FailAfter(operation, kind);
      Scenario scenario;
      scenario.Run(&memory, &env, kind);
      if (testing::Test::HasFailure()) return;
      if (!env.fault_hit()) {
        EXPECT_GT(operation, 60u);
        break;
      }
    }
  }
}

TEST(StorageFaults, DiskFullThenNot) {
  MemoryEnv env;
  auto table = EventTable::Open(&env, "events", SmallOptions());
  ASSERT_TRUE(table.ok());
  std::mt19937_64 random(3);
  TableModel model;
  RowLimits limits;
  limits.teams = 1;
  std::vector<OwnedRow> rows;
  for (int i = 0; i < 200; ++i) {
    rows.push_back(RandomRow(&random, limits, 1000 + i));
    model.Insert(rows.back());
  }
  ASSERT_TRUE(InsertRows(table->get(), rows).ok());
  ASSERT_TRUE((*table)->Seal(1).ok());
  env.SetCapacityBytes(env.UsedBytes() + 9000);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const absl::Status status = (*table)->FlushSealed();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_TRUE((*table)->HasSealed());
    EXPECT_EQ((*table)->durable_offset(), 0u);
    EXPECT_EQ(Scenario::CountParts(&env), 0u);
    ExpectShows(**table, model, "on a full disk");
  }
  env.SetCapacityBytes(1 << 30);
  ASSERT_TRUE((*table)->FlushSealed().ok());
  EXPECT_EQ((*table)->durable_offset(), 1u);
  ExpectShows(**table, model, "when there is room again");
}

// Each byte of each file: the check names the file, and opening and reading give an answer or a
// Status.
TEST(StorageDamage, EveryByteCounts) {
  MemoryEnv env;
  TableModel model;
  {
    EventTable::Options options = SmallOptions();
    options.shards = 1;
    auto table = EventTable::Open(&env, "events", options);
    ASSERT_TRUE(table.ok());
    std::mt19937_64 random(11);
    RowLimits limits = FewKeys();
    limits.keys = 12;  // more than get columns
    limits.days = 1;
    limits.uuids = 15;
    for (int generation = 0; generation < 2; ++generation) {
      std::vector<OwnedRow> rows;
      for (int i = 0; i < 20; ++i) {
        rows.push_back(RandomRow(&random, limits, 1000 * generation + i));
        model.Insert(rows.back());
      }
      ASSERT_TRUE(InsertRows(table->get(), rows).ok());
      ASSERT_TRUE((*table)->Seal(generation + 1).ok());
      ASSERT_TRUE((*table)->FlushSealed().ok());
    }
    EXPECT_GT((*table)->statistics().masked_rows, 0u);
  }
  for (const std::string& path : env.Files()) {
    if (path.ends_with("LOCK")) continue;
    const uint64_t bytes = env.Contents(path).size();
    for (uint64_t offset = 0; offset < bytes; ++offset) {
      ASSERT_TRUE(env.DamageByte(path, offset, 0x10));
      bool named = false;
      const auto report = EventTable::Check(&env, "events", [&](const std::string& fault) {
        named |= fault.find(path) != std::string::npos;
      });
      ASSERT_TRUE(report.ok()) << report.status();
      ASSERT_TRUE(named) << path << ", byte " << offset;
      if (offset % 5 == 0) {
        auto table = EventTable::Open(&env, "events", SmallOptions());
        if (table.ok()) {
          const auto rows = ScanAll(**table, 1);
          ASSERT_TRUE(!rows.ok() || *rows == model.Rows(1)) << path << ", byte " << offset;
        }
      }
      ASSERT_TRUE(env.DamageByte(path, offset, 0x10));
    }
  }
}

TEST(StorageDamage, ShortFiles) {
  MemoryEnv env;
  {
    auto table = EventTable::Open(&env, "events", SmallOptions());
    ASSERT_TRUE(table.ok());
    std::mt19937_64 random(12);
    ASSERT_TRUE(InsertRows(table->get(), {RandomRow(&random, FewKeys(), 1)}).ok());
    ASSERT_TRUE((*table)->Seal(1).ok());
    ASSERT_TRUE((*table)->FlushSealed().ok());
  }
  for (const std::string& path : env.Files()) {
    if (path.ends_with("LOCK")) continue;
    const std::string whole = env.Contents(path);
    for (size_t bytes = 0; bytes < whole.size(); bytes += 3) {
      env.Write(path, whole.substr(0, bytes));
      EXPECT_EQ(EventTable::Open(&env, "events", SmallOptions()).status().code(),
                absl::StatusCode::kDataLoss)
          << path << " cut to " << bytes;
    }
    env.Write(path, whole);
  }
}

}  // namespace
}  // namespace hoglet
