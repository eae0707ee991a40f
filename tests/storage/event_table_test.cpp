#include "storage/event_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "tests/storage/table_support.h"

namespace hoglet {
namespace {

using storage_test::InsertRows;
using storage_test::OwnedRow;
using storage_test::RandomRow;
using storage_test::RowLimits;
using storage_test::ScanAll;
using storage_test::SealAndFlush;
using storage_test::SmallOptions;
using storage_test::TableModel;

std::unique_ptr<EventTable> OpenOrDie(Env* env, EventTable::Options options = SmallOptions()) {
  auto table = EventTable::Open(env, "events", options);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *std::move(table) : nullptr;
}

void ExpectShows(const EventTable& table, const TableModel& model, const char* when) {
  for (const TeamId team : {1, 2, 3}) {
    const auto rows = ScanAll(table, team);
    ASSERT_TRUE(rows.ok()) << when << ": " << rows.status();
    const std::vector<std::string> expected = model.Rows(team);
    ASSERT_EQ(rows->size(), expected.size()) << when << ", team " << team;
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ((*rows)[i], expected[i]) << when << ", team " << team;
    }
  }
}

void ExpectSound(Env* env) {
  const auto report =
      EventTable::Check(env, "events", [](const std::string& fault) { ADD_FAILURE() << fault; });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->faults, 0u);
}

std::vector<OwnedRow> RandomRows(std::mt19937_64* random, const RowLimits& limits, size_t count,
                                 int64_t* version) {
  std::vector<OwnedRow> rows;
  for (size_t i = 0; i < count; ++i) rows.push_back(RandomRow(random, limits, ++*version));
  return rows;
}

TEST(EventTable, InsertFlushReopenMerge) {
  MemoryEnv env;
  std::mt19937_64 random(1);
  int64_t version = storage_test::kStartUs;
  TableModel model;
  auto table = OpenOrDie(&env);
  for (int generation = 0; generation < 4; ++generation) {
    const auto rows = RandomRows(&random, {}, 150, &version);
    ASSERT_TRUE(InsertRows(table.get(), rows).ok());
    for (const OwnedRow& row : rows) model.Insert(row);
    ExpectShows(*table, model, "in memory");
    ASSERT_TRUE(table->Seal(generation + 1).ok());
    ExpectShows(*table, model, "sealed");
    ASSERT_TRUE(table->FlushSealed().ok());
    ExpectShows(*table, model, "flushed");
  }
  EXPECT_EQ(table->durable_offset(), 4u);
  table.reset();
  ExpectSound(&env);
  table = OpenOrDie(&env);
  EXPECT_EQ(table->durable_offset(), 4u);
  ExpectShows(*table, model, "reopened");
  ASSERT_TRUE(table->OptimizeForTest().ok());
  ExpectShows(*table, model, "merged");
  EXPECT_GE(table->statistics().merges, 1u);
  table.reset();
  ExpectSound(&env);
  table = OpenOrDie(&env);
  ExpectShows(*table, model, "merged and reopened");
}

// Few uuids: most rows replace or lose to another version, in every place.
TEST(EventTable, DuplicatesEverywhere) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(StrCat("seed ", seed));
    MemoryEnv env;
    std::mt19937_64 random(seed);
    RowLimits limits;
    limits.uuids = 60;
    limits.users = 1 + static_cast<int>(seed % 3);
    limits.events = 1 + static_cast<int>(seed % 2);
    limits.keys = 3;
    limits.days = 5;
    TableModel model;
    auto table = OpenOrDie(&env);
    int64_t clock = storage_test::kStartUs;
    uint64_t offset = 0;
    for (int step = 0; step < 60; ++step) {
      switch (random() % 8) {
        case 0:
          if (!table->HasSealed()) {
            ASSERT_TRUE(table->Seal(++offset).ok());
          }
          break;
        case 1:
          ASSERT_TRUE(table->FlushSealed().ok());
          break;
        case 2:
          ASSERT_TRUE((random() % 2 == 0 ? table->MergeNow() : table->OptimizeForTest()).ok());
          break;
        default: {
          std::vector<OwnedRow> rows;
          for (uint64_t i = random() % 12; i > 0; --i) {
            // Versions go back now and then, and repeat.
            const int64_t version = (clock += random() % 2) - static_cast<int64_t>(random() % 4);
            rows.push_back(RandomRow(&random, limits, version));
            model.Insert(rows.back());
          }
          ASSERT_TRUE(InsertRows(table.get(), rows).ok());
        }
      }
      ExpectShows(*table, model, "after a step");
      if (testing::Test::HasFatalFailure()) return;
    }
    ASSERT_TRUE(table->FlushSealed().ok());
    ASSERT_TRUE(SealAndFlush(table.get(), ++offset).ok());
    table.reset();
    ExpectSound(&env);
    table = OpenOrDie(&env);
    ExpectShows(*table, model, "reopened");
  }
}

TEST(EventTable, SameUuidUnderAnotherKeyStays) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  std::mt19937_64 random(5);
  const OwnedRow first = RandomRow(&random, {}, 1000);
  OwnedRow other_day = first;
  other_day.row.timestamp_us += kMicrosPerDay;
  OwnedRow other_event = first;
  other_event.event = "another";
  OwnedRow other_user = first;
  other_user.distinct_id = "someone else";
  OwnedRow other_team = first;
  other_team.row.team_id = 3;
  OwnedRow same = first;
  same.row.version_us += 1;
  TableModel model;
  for (const OwnedRow& row : {first, other_day, other_event, other_user, other_team, same}) {
    ASSERT_TRUE(InsertRows(table.get(), {row}).ok());
    ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
    model.Insert(row);
  }
  EXPECT_EQ(model.size(), 5u);
  ExpectShows(*table, model, "flushed one by one");
}

TEST(EventTable, OlderVersionIsDropped) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  std::mt19937_64 random(6);
  const OwnedRow newer = RandomRow(&random, {}, 2000);
  OwnedRow older = newer;
  older.row.version_us = 1000;
  older.properties_json = "{\"old\":true}";
  TableModel model;
  model.Insert(newer);
  ASSERT_TRUE(InsertRows(table.get(), {newer, older}).ok());
  ExpectShows(*table, model, "in one batch");
  ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
  ASSERT_TRUE(InsertRows(table.get(), {older}).ok());
  ExpectShows(*table, model, "after a flush");
  ASSERT_TRUE(SealAndFlush(table.get(), 2).ok());
  ExpectShows(*table, model, "after two flushes");
}

TEST(EventTable, SnapshotDoesNotMove) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  std::mt19937_64 random(7);
  int64_t version = 1000;
  RowLimits limits;
  limits.teams = 1;
  const auto rows = RandomRows(&random, limits, 100, &version);
  ASSERT_TRUE(InsertRows(table.get(), rows).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
  auto scan = table->OpenScan(1, {});
  ASSERT_TRUE(scan.ok());
  std::vector<OwnedRow> again = rows;
  for (OwnedRow& row : again) row.row.version_us += 5000;
  ASSERT_TRUE(InsertRows(table.get(), again).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 2).ok());
  ASSERT_TRUE(table->OptimizeForTest().ok());
  size_t live = 0;
  for (size_t i = 0; i < (*scan)->granule_count(); ++i) {
    auto granule = (*scan)->OpenGranule(i);
    ASSERT_TRUE(granule.ok());
    const auto versions = (*granule)->Read(ColumnRef{"_timestamp", "", {}});
    ASSERT_TRUE(versions.ok()) << versions.status();
    ASSERT_EQ((*granule)->live(), nullptr);
    for (size_t row = 0; row < versions->size(); ++row) {
      EXPECT_LT(versions->Get(row).integer(), 5000);
      ++live;
    }
  }
  EXPECT_EQ(live, 100u);
}

TEST(EventTable, MonthsAndYearsFarAway) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  std::mt19937_64 random(8);
  TableModel model;
  std::vector<OwnedRow> rows;
  for (const int64_t time_us : {int64_t{0}, int64_t{-1}, int64_t{-62'135'596'800'000'000},
                                int64_t{253'402'300'799'999'999}, storage_test::kStartUs}) {
    OwnedRow row = RandomRow(&random, {}, 1000);
    row.row.timestamp_us = time_us;
    rows.push_back(row);
    model.Insert(row);
  }
  ASSERT_TRUE(InsertRows(table.get(), rows).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
  ExpectShows(*table, model, "flushed");
  table.reset();
  ExpectSound(&env);
}

TEST(EventTable, EmptyGenerationMovesTheOffset) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  ASSERT_TRUE(SealAndFlush(table.get(), 77).ok());
  EXPECT_EQ(table->durable_offset(), 77u);
  ASSERT_TRUE(table->Seal(78).ok());
  EXPECT_EQ(table->Seal(79).code(), absl::StatusCode::kFailedPrecondition);
  table.reset();
  EXPECT_EQ(OpenOrDie(&env)->durable_offset(), 77u);
}

// Rows of one month and a table of one shard: one partition.
class BackgroundMerges : public testing::Test {
 protected:
  static EventTable::Options Options() {
    EventTable::Options options = SmallOptions();
    options.shards = 1;
    options.background_merges = true;
    options.metrics = &metrics();
    return options;
  }
  static MetricRegistry& metrics() {
    static MetricRegistry registry;
    return registry;
  }
  void Flush(EventTable* table) {
    RowLimits limits;
    limits.days = 1;
    const auto rows = RandomRows(&random_, limits, 50, &version_);
    ASSERT_TRUE(InsertRows(table, rows).ok());
    for (const OwnedRow& row : rows) model_.Insert(row);
    ASSERT_TRUE(SealAndFlush(table, ++offset_).ok());
  }
  static bool WaitFor(const std::function<bool()>& condition) {
    for (int i = 0; i < 4000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  MemoryEnv env_;
  TableModel model_;

 private:
  std::mt19937_64 random_{1};
  int64_t version_ = storage_test::kStartUs;
  uint64_t offset_ = 0;
};

TEST_F(BackgroundMerges, StandStillWhileWritersAreBehind) {
  auto table = OpenOrDie(&env_, Options());
  table->SetWritersBehind(true);
  for (int i = 0; i < 12; ++i) Flush(table.get());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(table->statistics().parts, 12u);
  table->SetWritersBehind(false);
  EXPECT_TRUE(WaitFor([&] { return table->statistics().parts <= 4; }));
  const std::string text = metrics().PrometheusText();
  EXPECT_THAT(text, testing::HasSubstr("hoglet_storage_merge_wait_milliseconds_total"));
  ExpectShows(*table, model_, "merged");
  table->SetWritersBehind(true);
  table.reset();  // closing waits for nobody
  ExpectSound(&env_);
}

TEST_F(BackgroundMerges, StandStillUpToSoManyParts) {
  EventTable::Options options = Options();
  options.behind_parts_max = 8;
  auto table = OpenOrDie(&env_, options);
  table->SetWritersBehind(true);
  for (int i = 0; i < 8; ++i) Flush(table.get());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(table->statistics().merges, 0u);
  Flush(table.get());
  EXPECT_TRUE(WaitFor([&] { return table->statistics().parts <= 8; }));
  ExpectShows(*table, model_, "merged");
}

TEST_F(BackgroundMerges, GoOnForWhoeverWaitsForAMerge) {
  auto table = OpenOrDie(&env_, Options());
  table->SetWritersBehind(true);
  for (int i = 0; i < 12; ++i) Flush(table.get());
  ASSERT_TRUE(table->MergeNow().ok());
  EXPECT_LE(table->statistics().parts, 4u);
  ExpectShows(*table, model_, "merged");
}

// However long the writers are behind, a partition has only so many parts.
TEST_F(BackgroundMerges, AFlushMergesTheExcess) {
  EventTable::Options options = Options();
  options.partition_parts_max = 6;
  auto table = OpenOrDie(&env_, options);
  table->SetWritersBehind(true);
  uint64_t parts_most = 0;
  for (int i = 0; i < 30; ++i) {
    Flush(table.get());
    parts_most = std::max(parts_most, table->statistics().parts);
  }
  EXPECT_EQ(parts_most, 6u);
  EXPECT_GE(table->statistics().merges, 4u);
  ExpectShows(*table, model_, "merged by flushes");
}

TEST(EventTable, OneProcessAtATime) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  EXPECT_EQ(EventTable::Open(&env, "events", SmallOptions()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(EventTable, UnlistedPartsAreRemoved) {
  MemoryEnv env;
  OpenOrDie(&env).reset();
  env.Write("events/p-00000000000000ff.part", "rubbish");
  env.Write("events/MANIFEST.tmp", "rubbish");
  OpenOrDie(&env).reset();
  EXPECT_FALSE(env.Exists("events/p-00000000000000ff.part"));
  EXPECT_FALSE(env.Exists("events/MANIFEST.tmp"));
}

TEST(EventTable, PartsWithoutManifestAreRefused) {
  MemoryEnv env;
  env.Write("events/p-00000000000000ff.part", "rubbish");
  EXPECT_EQ(EventTable::Open(&env, "events", SmallOptions()).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(EventTable, OnDisk) {
  char directory[] = "/tmp/hoglet-storage-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/events";
  Env* env = Env::Posix();
  std::mt19937_64 random(9);
  int64_t version = storage_test::kStartUs;
  TableModel model;
  {
    auto table = EventTable::Open(env, path, SmallOptions());
    ASSERT_TRUE(table.ok()) << table.status();
    for (int generation = 0; generation < 3; ++generation) {
      const auto rows = RandomRows(&random, {}, 200, &version);
      for (const OwnedRow& row : rows) model.Insert(row);
      ASSERT_TRUE(InsertRows(table->get(), rows).ok());
      ASSERT_TRUE(SealAndFlush(table->get(), generation + 1).ok());
    }
    ExpectShows(**table, model, "mapped");
    ASSERT_TRUE((*table)->OptimizeForTest().ok());
    ExpectShows(**table, model, "mapped and merged");
  }
  auto table = EventTable::Open(env, path, SmallOptions());
  ASSERT_TRUE(table.ok()) << table.status();
  ExpectShows(**table, model, "mapped and reopened");
  table->reset();
  EXPECT_TRUE(env->RemoveTree(directory).ok());
}

// Documents with more keys than get columns.
TEST(EventTable, TenThousandKeys) {
  MemoryEnv env;
  EventTable::Options options = SmallOptions();
  options.granule_rows = 8192;
  auto table = OpenOrDie(&env, options);
  std::mt19937_64 random(10);
  TableModel model;
  std::vector<OwnedRow> rows;
  for (int i = 0; i < 5; ++i) {
    OwnedRow row = RandomRow(&random, {}, 1000 + i);
    JsonWriter writer;
    writer.BeginObject();
    for (int key = 0; key < 10'000; ++key) {
      if (key % 100 == 0) {
        writer.Field(StrCat("common", key), key);
      } else {
        writer.Field(StrCat("key-", i, "-", key), StrCat("value ", key));
      }
    }
    writer.EndObject();
    row.properties_json = writer.Take();
    rows.push_back(row);
    model.Insert(row);
  }
  ASSERT_TRUE(InsertRows(table.get(), rows).ok());
  ExpectShows(*table, model, "in memory");
  ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
  ExpectShows(*table, model, "flushed");
  ASSERT_TRUE(InsertRows(table.get(), {RandomRow(&random, {}, 9000)}).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 2).ok());
  ASSERT_TRUE(table->OptimizeForTest().ok());
  auto scan = table->OpenScan(rows[0].row.team_id, {});
  ASSERT_TRUE(scan.ok());
  size_t found = 0;
  for (size_t i = 0; i < (*scan)->granule_count(); ++i) {
    auto granule = (*scan)->OpenGranule(i);
    ASSERT_TRUE(granule.ok());
    const auto values =
        (*granule)->Read(ColumnRef{"properties", "key-0-77", ColumnRef::Json::kText});
    ASSERT_TRUE(values.ok()) << values.status();
    for (size_t row = 0; row < values->size(); ++row) {
      if (!values->IsNull(row)) {
        ++found;
        EXPECT_EQ(values->Get(row).string(), "value 77");
      }
    }
  }
  EXPECT_EQ(found, 1u);
}

}  // namespace
}  // namespace hoglet
