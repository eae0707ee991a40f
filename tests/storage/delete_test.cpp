// Rows removed on request: gone at once, gone after a restart, and never a row too many.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "src/base/memory_env.h"
#include "src/base/uuid.h"
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

std::unique_ptr<EventTable> OpenOrDie(Env* env) {
  EventTable::Options options = SmallOptions();
  options.background_merges = false;
  auto table = EventTable::Open(env, "events", options);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *std::move(table) : nullptr;
}

std::vector<OwnedRow> MakeRows(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  std::vector<OwnedRow> rows;
  for (size_t i = 0; i < count; ++i) {
    rows.push_back(RandomRow(&random, RowLimits{}, static_cast<int64_t>(i + 1)));
  }
  return rows;
}

// What is left of the rows of a team.
std::vector<std::string> Left(const std::vector<OwnedRow>& rows, TeamId team,
                              const std::function<bool(const OwnedRow&)>& is_deleted) {
  std::vector<std::string> left;
  for (const OwnedRow& row : rows) {
    if (row.row.team_id == team && !(team == 1 && is_deleted(row))) {
      left.push_back(storage_test::Describe(row));
    }
  }
  std::sort(left.begin(), left.end());
  return left;
}

struct Condition {
  const char* name;
  std::function<ScanFilter(const std::vector<OwnedRow>&)> filter;
  std::function<bool(const std::vector<OwnedRow>&, const OwnedRow&)> holds;
};

constexpr int64_t kSplitUs = storage_test::kStartUs + 20 * kMicrosPerDay;

class Deletions : public testing::TestWithParam<Condition> {};

// A third of the rows in parts, a third sealed, a third open.
TEST_P(Deletions, TakeExactlyTheRowsMeant) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  const std::vector<OwnedRow> rows = MakeRows(3, 900);
  const auto piece = [&](size_t i) {
    return std::vector<OwnedRow>(rows.begin() + static_cast<ptrdiff_t>(i * 300),
                                 rows.begin() + static_cast<ptrdiff_t>(i * 300 + 300));
  };
  ASSERT_TRUE(InsertRows(table.get(), piece(0)).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
  ASSERT_TRUE(InsertRows(table.get(), piece(1)).ok());
  ASSERT_TRUE(table->Seal(2).ok());
  ASSERT_TRUE(InsertRows(table.get(), piece(2)).ok());

  const auto is_deleted = [&](const OwnedRow& row) { return GetParam().holds(rows, row); };
  const auto expect = [&](const char* when) {
    for (const TeamId team : {1, 2}) {
      const auto shown = ScanAll(*table, team);
      ASSERT_TRUE(shown.ok()) << shown.status();
      EXPECT_EQ(*shown, Left(rows, team, is_deleted)) << when << ", team " << team;
    }
  };
  const size_t before = ScanAll(*table, 1)->size();
  const auto count = table->Delete(1, GetParam().filter(rows));
  ASSERT_TRUE(count.ok()) << count.status();
  EXPECT_GT(*count, 0u);
  EXPECT_EQ(*count, before - Left(rows, 1, is_deleted).size());
  expect("at once");
  ASSERT_TRUE(table->FlushSealed().ok());
  expect("after the flush of what was sealed");
  ASSERT_TRUE(SealAndFlush(table.get(), 3).ok());
  expect("after its own flush");
  EXPECT_EQ(*table->Delete(1, GetParam().filter(rows)), 0u) << "a second time";

  table.reset();
  table = OpenOrDie(&env);
  expect("after a restart");
  ASSERT_TRUE(table->OptimizeForTest().ok());
  expect("merged");
  EXPECT_EQ(table->statistics().masked_rows, 0u);
  table.reset();
  const auto report =
      EventTable::Check(&env, "events", [](const std::string& fault) { ADD_FAILURE() << fault; });
  ASSERT_TRUE(report.ok());
}

INSTANTIATE_TEST_SUITE_P(
    Conditions, Deletions,
    testing::Values(
        Condition{"everything", [](const auto&) { return ScanFilter{}; },
                  [](const auto&, const auto&) { return true; }},
        Condition{"before",
                  [](const auto&) { return ScanFilter{.timestamp_us_max = kSplitUs - 1}; },
                  [](const auto&, const OwnedRow& row) { return row.row.timestamp_us < kSplitUs; }},
        Condition{"distinct ids",
                  [](const auto& rows) {
                    return ScanFilter{
                        .distinct_ids = {{rows[0].distinct_id, rows[500].distinct_id, "nobody"}}};
                  },
                  [](const auto& rows, const OwnedRow& row) {
                    return row.distinct_id == rows[0].distinct_id ||
                           row.distinct_id == rows[500].distinct_id;
                  }},
        Condition{"uuids within a time",
                  [](const auto& rows) {
                    ScanFilter filter{.timestamp_us_min = kSplitUs};
                    filter.uuids.emplace();
                    for (size_t i = 0; i < rows.size(); i += 2) {
                      filter.uuids->push_back(rows[i].row.uuid);
                    }
                    return filter;
                  },
                  [](const auto& rows, const OwnedRow& row) {
                    if (row.row.timestamp_us < kSplitUs) return false;
                    for (size_t i = 0; i < rows.size(); i += 2) {
                      if (rows[i].row.uuid == row.row.uuid) return true;
                    }
                    return false;
                  }}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST(Deletion, ADeletedRowCanComeAgain) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  const std::vector<OwnedRow> rows = MakeRows(4, 50);
  for (const char* place : {"open", "sealed", "part"}) {
    SCOPED_TRACE(place);
    ASSERT_TRUE(InsertRows(table.get(), rows).ok());
    if (place == std::string("sealed")) {
      ASSERT_TRUE(table->Seal(1).ok());
    }
    if (place == std::string("part")) {
      ASSERT_TRUE(SealAndFlush(table.get(), 2).ok());
    }
    ASSERT_TRUE(table->Delete(1, {}).ok());
    ASSERT_TRUE(table->Delete(2, {}).ok());
    EXPECT_TRUE(ScanAll(*table, 1)->empty());
    // The same versions: what is gone does not compete with them.
    ASSERT_TRUE(InsertRows(table.get(), rows).ok());
    EXPECT_EQ(ScanAll(*table, 1)->size() + ScanAll(*table, 2)->size(), rows.size());
    ASSERT_TRUE(table->Delete(1, {}).ok());
    ASSERT_TRUE(table->Delete(2, {}).ok());
    if (place == std::string("sealed")) {
      ASSERT_TRUE(table->FlushSealed().ok());
    }
    EXPECT_TRUE(ScanAll(*table, 1)->empty());
  }
}

TEST(Deletion, IsAsUndurableAsTheRowsAroundIt) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  const std::vector<OwnedRow> rows = MakeRows(5, 200);
  ASSERT_TRUE(InsertRows(table.get(), rows).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 7).ok());
  const auto before = ScanAll(*table, 1);
  ASSERT_TRUE(table->Delete(1, {}).ok());
  EXPECT_TRUE(ScanAll(*table, 1)->empty());
  table.reset();  // as a crash: the log will say it again from offset 7 on
  table = OpenOrDie(&env);
  EXPECT_EQ(table->durable_offset(), 7u);
  EXPECT_EQ(*ScanAll(*table, 1), *before);
}

TEST(Deletion, WholePartsGoWithoutBeingWrittenAgain) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  ASSERT_TRUE(InsertRows(table.get(), MakeRows(6, 400)).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
  for (const TeamId team : {1, 2}) {
    ASSERT_TRUE(table->Delete(team, {.timestamp_us_max = kSplitUs * 2}).ok());
  }
  ASSERT_TRUE(SealAndFlush(table.get(), 2).ok());
  ASSERT_TRUE(table->MergeNow().ok());
  EXPECT_EQ(table->statistics().parts, 0u);
  EXPECT_EQ(table->statistics().merged_bytes, 0u);
}

TEST(Deletion, PurgingTakesRowsOffTheDisk) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  std::vector<OwnedRow> rows = MakeRows(7, 400);
  rows[5].event = "never again";
  ASSERT_TRUE(InsertRows(table.get(), rows).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
  const auto on_disk = [&] {
    const auto entries = env.List("events");
    for (const DirectoryEntry& entry : *entries) {
      if (!entry.name.ends_with(".part")) continue;
      const auto bytes = env.ReadWholeFile("events/" + entry.name, 1 << 30);
      if (bytes->find("never again") != std::string::npos) return true;
    }
    return false;
  };
  EXPECT_TRUE(on_disk());
  ASSERT_TRUE(table->Delete(rows[5].row.team_id, {.uuids = {{rows[5].row.uuid}}}).ok());
  ASSERT_TRUE(table->PurgeDeleted().ok());
  EXPECT_EQ(table->statistics().masked_rows, 1u) << "not durable yet";
  ASSERT_TRUE(SealAndFlush(table.get(), 2).ok());
  EXPECT_TRUE(on_disk());
  ASSERT_TRUE(table->PurgeDeleted().ok());
  EXPECT_EQ(table->statistics().masked_rows, 0u);
  EXPECT_FALSE(on_disk());
  EXPECT_EQ(ScanAll(*table, 1)->size() + ScanAll(*table, 2)->size(), rows.size() - 1);
  const uint64_t merges = table->statistics().merges;
  ASSERT_TRUE(table->PurgeDeleted().ok());
  EXPECT_EQ(table->statistics().merges, merges) << "nothing more to do";
}

// At a stop of the process: nobody may wait for a merge then.
TEST(Deletion, PurgingEndsWithTheMergesAndIsTakenUpAgain) {
  MemoryEnv env;
  auto table = OpenOrDie(&env);
  const std::vector<OwnedRow> rows = MakeRows(8, 400);
  ASSERT_TRUE(InsertRows(table.get(), rows).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 1).ok());
  ASSERT_TRUE(table->Delete(rows[5].row.team_id, {.uuids = {{rows[5].row.uuid}}}).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 2).ok());
  table->StopMerges();
  EXPECT_EQ(table->PurgeDeleted().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(table->statistics().masked_rows, 1u);
  ASSERT_TRUE(InsertRows(table.get(), MakeRows(9, 400)).ok());
  ASSERT_TRUE(SealAndFlush(table.get(), 3).ok());
  EXPECT_EQ(table->durable_offset(), 3u);
  table.reset();
  table = OpenOrDie(&env);
  ASSERT_TRUE(table->PurgeDeleted().ok());
  EXPECT_EQ(table->statistics().masked_rows, 0u);
}

}  // namespace
}  // namespace hoglet
