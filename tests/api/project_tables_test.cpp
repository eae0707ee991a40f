#include "src/api/project_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/api/record_table.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/ingest/dead_letter.h"
#include "src/ingest/side_rows.h"
#include "src/persons/person_store.h"

// Scans of the tables that record stores hand over row by row: what a scan shows is of one moment,
// whether its granules are kept or read again.

namespace hoglet {
namespace {

constexpr TeamId kTeam = 1;
constexpr int kRows = 20'000;

// Everything in a scan, a text a row.
std::vector<std::string> RowsOf(const TableScan& scan, const std::vector<std::string>& columns) {
  std::vector<std::string> out;
  for (size_t g = 0; g < scan.granule_count(); ++g) {
    auto reader = scan.OpenGranule(g);
    EXPECT_TRUE(reader.ok()) << reader.status();
    EXPECT_EQ((*reader)->rows(), scan.granule_rows(g));
    const size_t first = out.size();
    out.resize(first + (*reader)->rows());
    for (const std::string& name : columns) {
      const auto column = (*reader)->Read(ColumnRef{.name = name, .key = {}});
      EXPECT_TRUE(column.ok()) << column.status();
      for (size_t i = 0; i < column->size(); ++i) {
        const Datum value = column->Get(i);
        if (const auto* text = std::get_if<std::string>(&value.value)) out[first + i] += *text;
        if (const auto* number = std::get_if<int64_t>(&value.value))
          out[first + i] += StrCat(*number);
        if (const auto* wide = std::get_if<Int128>(&value.value))
          out[first + i] += StrCat(static_cast<uint64_t>(*wide));
        out[first + i] += '|';
      }
    }
  }
  return out;
}

class ProjectTablesTest : public testing::Test {
 protected:
  ProjectTablesTest() {
    persons_ = *PersonStore::Open(&env_, "persons", {});
    side_rows_ = std::make_unique<SideRows>(persons_.get());
    // Half of the rows in RocksDB, half in memory, in every order.
    for (int i = 0; i < kRows; i += 2) Put(i);
    Commit(1);
    for (int i = 1; i < kRows; i += 2) Put(i);
  }

  void Put(int i) {
    const std::string id = StrCat("user ", i);
    auto person = std::make_shared<Person>();
    person->team_id = kTeam;
    person->id = PersonUuid(kTeam, id);
    person->created_at_us = i;
    person->properties = *PropertySet::Parse(StrCat(R"({"n":)", i, "}"));
    PersonChanges changes{.team_id = kTeam};
    changes.put.push_back(person);
    changes.ids.push_back(
        {id, IdState{.person_id = person->id, .version = i % 3, .is_mapped = true}, {}});
    persons_->Apply(std::move(changes));
    persons_->PutGroup(std::make_shared<Group>(
        Group{.team_id = kTeam, .type_index = i % 2, .key = id, .created_at_us = i}));
    side_rows_->AddHeatmap({kTeam, static_cast<uint64_t>(i), 0},
                           {.session_id = id, .timestamp_us = i * 7 % kRows});
    side_rows_->PutWarning({kTeam, static_cast<uint64_t>(i), 0},
                           {.type = id, .details = "{}", .timestamp_us = i * 7 % kRows});
  }
  void Commit(uint64_t offset) {
    ASSERT_TRUE(persons_->Seal(offset).ok());
    ASSERT_TRUE(persons_->CommitSealed().ok());
  }
  // Changes, removes and adds rows of every table.
  void ChangeEverything() {
    for (int i = 0; i < kRows; i += 5) Put(i);
    for (int i = kRows; i < kRows + 3000; ++i) Put(i);
    PersonChanges removal{.team_id = kTeam};
    for (int i = 3; i < kRows; i += 7)
      removal.removed.push_back(PersonUuid(kTeam, StrCat("user ", i)));
    persons_->Apply(std::move(removal));
    ASSERT_TRUE(side_rows_->Expire(kTeam, kRows / 2, kRows).ok());
    Commit(2);
  }

  std::unique_ptr<TableScan> Scan(std::string_view table, uint64_t kept_bytes_max,
                                  const ScanFilter& filter = {}) {
    tables_.push_back(std::make_unique<ProjectTables>(nullptr, persons_.get(), side_rows_.get(),
                                                      nullptr, nullptr, kept_bytes_max, 1 << 20));
    auto scan = tables_.back()->Find(table)->OpenScan(kTeam, filter);
    EXPECT_TRUE(scan.ok()) << scan.status();
    return *std::move(scan);
  }

  MemoryEnv env_;
  std::unique_ptr<PersonStore> persons_;
  std::unique_ptr<SideRows> side_rows_;
  std::vector<std::unique_ptr<ProjectTables>> tables_;
};

struct TableCase {
  const char* name;
  std::vector<std::string> columns;
  size_t rows;
};

TEST_F(ProjectTablesTest, ShowOneMomentWhateverIsKept) {
  const TableCase cases[] = {
      {"persons", {"id", "created_at", "properties", "version"}, kRows},
      {"person_distinct_ids", {"distinct_id", "person_id", "version"}, kRows},
      {"person_distinct_id_overrides", {"distinct_id", "person_id"}, kRows - (kRows + 2) / 3},
      {"groups", {"index", "key", "created_at"}, kRows},
      {"heatmaps", {"session_id", "timestamp"}, kRows},
      {"ingestion_warnings", {"type", "timestamp"}, kRows},
  };
  std::vector<std::unique_ptr<TableScan>> scans;
  std::vector<std::vector<std::string>> kept;
  for (const TableCase& c : cases) {
    kept.push_back(RowsOf(*Scan(c.name, 1ull << 30), c.columns));
    EXPECT_EQ(kept.back().size(), c.rows) << c.name;
    scans.push_back(Scan(c.name, 1));
    scans.push_back(Scan(c.name, 1ull << 20));
  }
  ChangeEverything();
  for (size_t i = 0; i < std::size(cases); ++i) {
    for (size_t s = 2 * i; s < 2 * i + 2; ++s) {
      EXPECT_TRUE(RowsOf(*scans[s], cases[i].columns) == kept[i]) << cases[i].name;
      EXPECT_TRUE(RowsOf(*scans[s], cases[i].columns) == kept[i]) << cases[i].name << " again";
    }
    EXPECT_FALSE(RowsOf(*Scan(cases[i].name, 1), cases[i].columns) == kept[i]) << cases[i].name;
  }
}

TEST_F(ProjectTablesTest, TimesBoundHeatmapsAndWarnings) {
  const ScanFilter filter{.timestamp_us_min = 5000, .timestamp_us_max = 16'999};
  EXPECT_EQ(RowsOf(*Scan("heatmaps", 1, filter), {"timestamp"}).size(), 12'000u);
  EXPECT_EQ(RowsOf(*Scan("ingestion_warnings", 1, filter), {"timestamp"}).front(), "5000|");
}

TEST(RecordTable, RowsWithoutKeysAreBounded) {
  const auto table = [](int rows, uint64_t kept_bytes_max) {
    return std::make_unique<RecordTable>(
        std::vector<RecordTable::Column>{{"n", Type(TypeKind::kInt64)}},
        [rows](TeamId, const ScanFilter&) -> RecordTable::Rows {
          return [rows](std::string_view, auto& columns, const auto& next) {
            for (int i = 0; i < rows && next("", 0); ++i) columns[0].AppendInteger(i);
            return absl::OkStatus();
          };
        },
        RecordTable::Options{.has_keys = false, .kept_bytes_max = kept_bytes_max});
  };
  for (const int rows : {0, 1, 8192, 8193, 20'000}) {
    const auto scan = table(rows, 1 << 20)->OpenScan(kTeam, {});
    ASSERT_TRUE(scan.ok()) << scan.status();
    uint64_t counted = 0;
    for (size_t g = 0; g < (*scan)->granule_count(); ++g) counted += (*scan)->granule_rows(g);
    EXPECT_EQ(counted, static_cast<uint64_t>(rows));
  }
  for (const int rows : {10'000, 20'000, 1'000'000}) {
    const auto scan = table(rows, 70'000)->OpenScan(kTeam, {});
    EXPECT_EQ(scan.status().code(), absl::StatusCode::kResourceExhausted) << rows;
  }
}

// Large documents: granules of few rows, so that memory does not follow the number of rows alone.
TEST(RecordTable, GranulesEndByTheBytesOfTheirTexts) {
  constexpr int kRows = 3000;
  constexpr size_t kTextBytes = 100'000;
  const RecordTable table(
      {{"n", Type(TypeKind::kInt64)}, {"text", Type(TypeKind::kString)}},
      [](TeamId, const ScanFilter&) -> RecordTable::Rows {
        return [](std::string_view begin, auto& columns, const auto& next) {
          for (int i = begin.empty() ? 0 : std::stoi(std::string(begin)); i < kRows; ++i) {
            if (!next(std::to_string(i), kTextBytes)) break;
            columns[0].AppendInteger(i);
            columns[1].AppendString(std::string(kTextBytes, static_cast<char>('a' + i % 26)));
          }
          return absl::OkStatus();
        };
      },
      RecordTable::Options{.kept_bytes_max = 1 << 20});
  const auto scan = table.OpenScan(kTeam, {});
  ASSERT_TRUE(scan.ok()) << scan.status();
  int64_t row = 0;
  for (size_t g = 0; g < (*scan)->granule_count(); ++g) {
    const auto granule = (*scan)->OpenGranule(g);
    ASSERT_TRUE(granule.ok()) << granule.status();
    ASSERT_EQ((*granule)->rows(), (*scan)->granule_rows(g));
    EXPECT_LE((*granule)->rows() * kTextBytes, 4u << 20);
    const auto numbers = (*granule)->Read({.name = "n"});
    const auto texts = (*granule)->Read({.name = "text"});
    ASSERT_TRUE(numbers.ok() && texts.ok());
    for (size_t i = 0; i < (*granule)->rows(); ++i, ++row) {
      EXPECT_EQ(numbers->data<int64_t>()[i], row);
      EXPECT_EQ(texts->data<std::string_view>()[i][0], 'a' + row % 26);
    }
  }
  EXPECT_EQ(row, kRows);
}

}  // namespace
}  // namespace hoglet
