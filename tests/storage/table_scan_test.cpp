// Reading: forms of JSON keys, pruning, team isolation, dictionaries, and scans beside writers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "storage/event_table.h"
#include "storage/json_forms.h"
#include "storage/schema.h"
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

struct FormCase {
  const char* name;
  const char* json;
  const char* text;  // null: NULL
  const char* raw;
  double number;  // NaN: NULL
  int boolean;    // -1: NULL
};

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

const FormCase kForms[] = {
    {"absent", R"({"other":1})", nullptr, nullptr, kNone, -1},
    {"null", R"({"k":null})", nullptr, "null", kNone, -1},
    {"empty", R"({"k":""})", "", R"("")", kNone, -1},
    {"null as text", R"({"k":"null"})", "null", R"("null")", kNone, -1},
    {"plain", R"({"k":"a"})", "a", R"("a")", kNone, -1},
    {"quotes", R"({"k":"q\"q"})", R"(q\"q)", R"("q\"q")", kNone, -1},
    {"newline", R"({"k":"a\nb"})", R"(a\nb)", R"("a\nb")", kNone, -1},
    {"backslash", R"({"k":"a\\b"})", R"(a\\b)", R"("a\\b")", kNone, -1},
    {"decoded", R"({"k":"\u00e9"})", "é", "\"é\"", kNone, -1},
    {"line separator", R"({"k":"\u2028"})", R"(\u2028)", R"("\u2028")", kNone, -1},
    {"slash", R"({"k":"a/b"})", "a/b", R"("a/b")", kNone, -1},
    {"outer quotes", R"({"k":"\"x\""})", R"(\"x\")", R"("\"x\"")", kNone, -1},
    {"one", R"({"k":1})", "1", "1", 1, -1},
    {"one as a decimal", R"({"k":1.0})", "1", "1", 1, -1},
    {"trailing zero", R"({"k":1.50})", "1.5", "1.5", 1.5, -1},
    {"exponent", R"({"k":1e3})", "1000", "1000", 1000, -1},
    {"negative", R"({"k":-0.1})", "-0.1", "-0.1", -0.1, -1},
    {"large", R"({"k":1e21})", "1e21", "1e21", 1e21, -1},
    {"beyond doubles", R"({"k":9007199254740993})", "9007199254740993", "9007199254740993",
     9007199254740992.0, -1},
    {"unsigned", R"({"k":12345678901234567890})", "12345678901234567890", "12345678901234567890",
     12345678901234567890.0, -1},
    {"true", R"({"k":true})", "true", "true", kNone, 1},
    {"false", R"({"k":false})", "false", "false", kNone, 0},
    {"true as text", R"({"k":"true"})", "true", R"("true")", kNone, 1},
    {"false as text", R"({"k":"false"})", "false", R"("false")", kNone, 0},
    {"True", R"({"k":"True"})", "True", R"("True")", kNone, -1},
    {"array", R"({"k":[1, 2]})", "[1,2]", "[1,2]", kNone, -1},
    {"object", R"({"k":{"a": 1}})", R"({"a":1})", R"({"a":1})", kNone, -1},
    {"number as text", R"({"k":"12"})", "12", R"("12")", 12, -1},
    {"exponent as text", R"({"k":"1e3"})", "1e3", R"("1e3")", 1000, -1},
    {"leading space", R"({"k":" 1"})", " 1", R"(" 1")", kNone, -1},
    {"comma", R"({"k":"1,5"})", "1,5", R"("1,5")", kNone, -1},
    {"infinity", R"({"k":"inf"})", "inf", R"("inf")", kNone, -1},
};

void ExpectForm(const Vector& values, size_t row, const FormCase& form, ColumnRef::Json json,
                const char* when) {
  SCOPED_TRACE(StrCat(when, ": ", form.name));
  const Datum value = values.Get(row);
  switch (json) {
    case ColumnRef::Json::kText:
    case ColumnRef::Json::kRaw: {
      const char* expected = json == ColumnRef::Json::kText ? form.text : form.raw;
      ASSERT_EQ(value.is_null(), expected == nullptr);
      if (expected != nullptr) {
        EXPECT_EQ(value.string(), expected);
      }
      break;
    }
    case ColumnRef::Json::kNumber:
      ASSERT_EQ(value.is_null(), std::isnan(form.number));
      if (!value.is_null()) {
        EXPECT_EQ(value.number(), form.number);
      }
      break;
    default:
      ASSERT_EQ(value.is_null(), form.boolean < 0);
      if (!value.is_null()) {
        EXPECT_EQ(value.integer(), form.boolean);
      }
  }
}

// Every row of the table by the case that its elements_chain numbers.
void ExpectForms(const EventTable& table, const char* when) {
  auto scan = table.OpenScan(1, {});
  ASSERT_TRUE(scan.ok());
  size_t rows = 0;
  for (size_t i = 0; i < (*scan)->granule_count(); ++i) {
    auto granule = (*scan)->OpenGranule(i);
    ASSERT_TRUE(granule.ok());
    const auto numbers = (*granule)->Read(ColumnRef{"elements_chain", "", {}});
    ASSERT_TRUE(numbers.ok());
    for (const char* column : {"properties", "person_properties"}) {
      for (const auto json : {ColumnRef::Json::kText, ColumnRef::Json::kRaw,
                              ColumnRef::Json::kNumber, ColumnRef::Json::kBool}) {
        const ColumnRef reference{column, "k", json};
        const auto values = (*granule)->Read(reference);
        ASSERT_TRUE(values.ok()) << values.status();
        EXPECT_EQ(values->type(), *table.ColumnType(reference));
        for (size_t row = 0; row < values->size(); ++row) {
          const int number = std::stoi(numbers->Get(row).string());
          ExpectForm(*values, row, kForms[number], json, when);
        }
        Selection odd;
        for (size_t row = 1; row < values->size(); row += 2) {
          odd.push_back(static_cast<uint16_t>(row));
        }
        const auto some = (*granule)->Read(reference, odd);
        ASSERT_TRUE(some.ok());
        for (size_t k = 0; k < odd.size(); ++k) {
          EXPECT_EQ(some->Get(k), values->Get(odd[k]));
        }
      }
    }
    rows += (*granule)->rows();
  }
  EXPECT_GE(rows, std::size(kForms));
}

std::vector<OwnedRow> FormRows(int copies) {
  std::mt19937_64 random(1);
  std::vector<OwnedRow> rows;
  for (int copy = 0; copy < copies; ++copy) {
    for (size_t i = 0; i < std::size(kForms); ++i) {
      RowLimits limits;
      limits.teams = 1;
      limits.days = 1;
      OwnedRow row = RandomRow(&random, limits, 1000);
      row.elements_chain = StrCat(i);
      row.properties_json = kForms[i].json;
      row.person_json = kForms[i].json;
      rows.push_back(row);
    }
  }
  return rows;
}

TEST(JsonForms, InEveryPlace) {
  for (const int copies : {1, 5}) {         // 5: person documents are shared
    for (const uint32_t keys : {8u, 0u}) {  // 0: everything in the residual
      MemoryEnv env;
      EventTable::Options options = SmallOptions();
      options.json_keys_max = keys;
      auto table = EventTable::Open(&env, "events", options);
      ASSERT_TRUE(table.ok());
      const auto rows = FormRows(copies);
      const size_t half = rows.size() / 2;
      ASSERT_TRUE(InsertRows(table->get(), {rows.begin(), rows.begin() + half}).ok());
      ASSERT_TRUE(SealAndFlush(table->get(), 1).ok());
      ASSERT_TRUE(InsertRows(table->get(), {rows.begin() + half, rows.end()}).ok());
      ExpectForms(**table, "memory and part");
      ASSERT_TRUE(SealAndFlush(table->get(), 2).ok());
      ExpectForms(**table, "parts");
      ASSERT_TRUE((*table)->OptimizeForTest().ok());
      ExpectForms(**table, "merged part");
    }
  }
}

// One kind of value a key: the shapes that come as dictionaries.
TEST(JsonForms, DictionariesAreShared) {
  MemoryEnv env;
  EventTable::Options options = SmallOptions();
  options.shards = 1;
  auto table = EventTable::Open(&env, "events", options);
  ASSERT_TRUE(table.ok());
  std::mt19937_64 random(2);
  std::vector<OwnedRow> rows;
  for (int i = 0; i < 100; ++i) {
    RowLimits limits;
    limits.teams = 1;
    limits.days = 1;
    OwnedRow row = RandomRow(&random, limits, 1000);
    row.properties_json = i % 4 == 0 ? "{}" : StrCat("{\"k\":\"say \\\"", i % 3, "\\\"\"}");
    row.person_json = StrCat("{\"name\":\"n", i % 5, "\"}");
    rows.push_back(row);
  }
  ASSERT_TRUE(InsertRows(table->get(), rows).ok());
  ASSERT_TRUE(SealAndFlush(table->get(), 1).ok());
  auto scan = (*table)->OpenScan(1, {});
  ASSERT_TRUE(scan.ok());
  ASSERT_GT((*scan)->granule_count(), 3u);
  const ColumnRef references[] = {{"event", "", {}},
                                  {"properties", "k", ColumnRef::Json::kText},
                                  {"properties", "k", ColumnRef::Json::kRaw},
                                  {"person_properties", "name", ColumnRef::Json::kText}};
  for (const ColumnRef& reference : references) {
    const Vector* shared = nullptr;
    for (size_t i = 0; i < (*scan)->granule_count(); ++i) {
      auto granule = (*scan)->OpenGranule(i);
      const auto values = (*granule)->Read(reference);
      ASSERT_TRUE(values.ok());
      ASSERT_EQ(values->form(), Vector::Form::kDictionary) << reference.name;
      if (shared == nullptr) shared = values->dictionary().get();
      EXPECT_EQ(values->dictionary().get(), shared) << reference.name;
    }
  }
}

TEST(TableScan, UnknownColumns) {
  MemoryEnv env;
  auto table = EventTable::Open(&env, "events", SmallOptions());
  ASSERT_TRUE(table.ok());
  EXPECT_EQ((*table)->ColumnType({"nonsense", "", {}}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ((*table)->ColumnType({"event", "", {}})->Name(), "String");
  EXPECT_EQ((*table)->ColumnType({"timestamp", "", {}})->Name(), "DateTime64(6, 'UTC')");
  EXPECT_EQ((*table)->ColumnType({"properties", "", {}})->Name(), "String");
}

// The rows of a scan that satisfy the filter, as the executor would find them.
std::vector<std::string> Matching(const EventTable& table, const ScanFilter& scan_filter,
                                  const ScanFilter& check, size_t* granules) {
  auto scan = table.OpenScan(1, scan_filter);
  EXPECT_TRUE(scan.ok());
  *granules = (*scan)->granule_count();
  std::vector<std::string> found;
  for (size_t i = 0; i < (*scan)->granule_count(); ++i) {
    auto granule = (*scan)->OpenGranule(i);
    const auto read = [&](const ColumnRef& reference) { return *(*granule)->Read(reference); };
    const Vector events = read({"event", "", {}});
    const Vector ids = read({"distinct_id", "", {}});
    const Vector uuids = read({"uuid", "", {}});
    const Vector times = read({"timestamp", "", {}});
    std::vector<Vector> properties;
    for (const auto& property : check.properties_in) {
      properties.push_back(read({property.column, property.key, ColumnRef::Json::kText}));
    }
    for (size_t row = 0; row < (*granule)->rows(); ++row) {
      const Selection* live = (*granule)->live();
      if (live != nullptr && !std::binary_search(live->begin(), live->end(), row)) continue;
      const auto in = [](const auto& list, const auto& value) {
        return !list || std::find(list->begin(), list->end(), value) != list->end();
      };
      const int64_t time_us = times.Get(row).integer();
      bool match = in(check.events, events.Get(row).string()) &&
                   in(check.distinct_ids, ids.Get(row).string()) &&
                   in(check.uuids, Int128ToUuid(uuids.Get(row).wide())) &&
                   (!check.timestamp_us_min || time_us >= *check.timestamp_us_min) &&
                   (!check.timestamp_us_max || time_us <= *check.timestamp_us_max);
      for (size_t p = 0; p < properties.size(); ++p) {
        const Datum value = properties[p].Get(row);
        const auto& texts = check.properties_in[p].texts;
        match = match && !value.is_null() &&
                std::find(texts.begin(), texts.end(), value.string()) != texts.end();
      }
      if (match) found.push_back(StrCat(FormatUuid(Int128ToUuid(uuids.Get(row).wide())), time_us));
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

ScanFilter RandomFilter(std::mt19937_64* random, const std::vector<OwnedRow>& rows) {
  ScanFilter filter;
  const auto some = [&]() -> const OwnedRow& { return rows[(*random)() % rows.size()]; };
  if ((*random)() % 3 == 0) filter.timestamp_us_min = some().row.timestamp_us;
  if ((*random)() % 3 == 0) filter.timestamp_us_max = some().row.timestamp_us;
  if ((*random)() % 3 == 0) filter.events = {some().event, "no such event"};
  if ((*random)() % 4 == 0) filter.distinct_ids = {some().distinct_id, some().distinct_id};
  if ((*random)() % 4 == 0) filter.uuids = {some().row.uuid, some().row.uuid};
  if ((*random)() % 2 == 0) {
    static const char* const kTexts[] = {"Chrome", "Safari", "true", "null", "12",
                                         "",       "none",   "5",    "\\\""};
    filter.properties_in.push_back(
        {(*random)() % 2 == 0 ? "properties" : "person_properties",
         StrCat("k", (*random)() % 14),
         {kTexts[(*random)() % std::size(kTexts)], kTexts[(*random)() % std::size(kTexts)]}});
  }
  return filter;
}

TEST(TableScan, PruningLosesNothing) {
  MemoryEnv env;
  auto table = EventTable::Open(&env, "events", SmallOptions());
  ASSERT_TRUE(table.ok());
  std::mt19937_64 random(3);
  std::vector<OwnedRow> rows;
  RowLimits limits;
  limits.keys = 14;
  size_t pruned_total = 0;
  size_t all_total = 0;
  for (int generation = 0; generation < 3; ++generation) {
    std::vector<OwnedRow> batch;
    for (int i = 0; i < 150; ++i) batch.push_back(RandomRow(&random, limits, 1000 + i));
    rows.insert(rows.end(), batch.begin(), batch.end());
    ASSERT_TRUE(InsertRows(table->get(), batch).ok());
    if (generation < 2) {
      ASSERT_TRUE(SealAndFlush(table->get(), 1).ok());
    }
    for (int i = 0; i < 60; ++i) {
      const ScanFilter filter = RandomFilter(&random, rows);
      size_t pruned = 0;
      size_t all = 0;
      const auto with = Matching(**table, filter, filter, &pruned);
      ASSERT_EQ(with, Matching(**table, {}, filter, &all)) << "filter " << i;
      ASSERT_LE(pruned, all);
      pruned_total += pruned;
      all_total += all;
    }
  }
  EXPECT_LT(pruned_total * 4, all_total * 3) << "pruning leaves out nothing";
}

TEST(TableScan, OtherTeamsStayOut) {
  MemoryEnv env;
  auto table = EventTable::Open(&env, "events", SmallOptions());
  ASSERT_TRUE(table.ok());
  std::mt19937_64 random(4);
  RowLimits limits;
  limits.teams = 5;
  std::vector<OwnedRow> rows;
  size_t of_team[7] = {};
  for (int i = 0; i < 200; ++i) {
    rows.push_back(RandomRow(&random, limits, 1000 + i));
    ++of_team[rows.back().row.team_id];
  }
  ASSERT_TRUE(InsertRows(table->get(), rows).ok());
  for (int round = 0; round < 2; ++round) {
    for (TeamId team = 0; team < 7; ++team) {
      const auto found = ScanAll(**table, team);
      ASSERT_TRUE(found.ok());
      EXPECT_EQ(found->size(), of_team[team]);
      for (const std::string& row : *found) EXPECT_TRUE(row.starts_with(StrCat(team, "|")));
    }
    ASSERT_TRUE(SealAndFlush(table->get(), 1).ok());
  }
}

// Writers, flushes, merges and scans at once: every scan sees each key once, and never fewer keys
// than before.
TEST(TableScan, BesideWriters) {
  MemoryEnv env;
  EventTable::Options options = SmallOptions();
  options.background_merges = true;
  auto table = EventTable::Open(&env, "events", options);
  ASSERT_TRUE(table.ok());
  std::atomic<bool> done{false};
  std::thread flusher([&] {
    while (!done.load()) {
      EXPECT_TRUE((*table)->FlushSealed().ok());
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      size_t before = 0;
      while (!done.load()) {
        auto scan = (*table)->OpenScan(1, {});
        std::set<Int128> seen;
        for (size_t g = 0; g < (*scan)->granule_count(); ++g) {
          auto granule = (*scan)->OpenGranule(g);
          const Vector uuids = *(*granule)->Read(ColumnRef{"uuid", "", {}});
          const Vector texts =
              *(*granule)->Read(ColumnRef{"properties", "k1", ColumnRef::Json::kText});
          EXPECT_EQ(texts.size(), uuids.size());
          const Selection* live = (*granule)->live();
          for (size_t row = 0; row < uuids.size(); ++row) {
            if (live != nullptr && !std::binary_search(live->begin(), live->end(), row)) continue;
            EXPECT_TRUE(seen.insert(uuids.Get(row).wide()).second) << "a key twice";
          }
        }
        EXPECT_GE(seen.size(), before);
        before = seen.size();
      }
    });
  }
  std::mt19937_64 random(5);
  RowLimits limits;
  limits.teams = 1;
  limits.users = 1;
  limits.events = 1;
  limits.uuids = 300;
  limits.keys = 3;
  limits.days = 3;
  for (int i = 0; i < 120; ++i) {
    std::vector<OwnedRow> rows;
    for (int k = 0; k < 10; ++k) rows.push_back(RandomRow(&random, limits, 1000 + i));
    ASSERT_TRUE(InsertRows(table->get(), rows).ok());
    if (i % 5 == 0 && !(*table)->HasSealed()) {
      ASSERT_TRUE((*table)->Seal(i).ok());
    }
  }
  done.store(true);
  flusher.join();
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace hoglet
