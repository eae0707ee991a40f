// Speed and size of the events table. HOGLET_BENCH_EVENTS names a file of events as
// bench/generate.mjs writes (one JSON object a line); without it 2,000 made-up events are used,
// which only shows that the program runs.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <deque>
#include <map>

#include "src/base/hash.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "storage/event_table.h"
#include "storage/row_source.h"

namespace hoglet {
namespace {

constexpr size_t kBatchRows = 500;
constexpr int kGenerations = 8;

struct Input {
  Arena arena{1 << 20};
  std::deque<std::string> lines;
  std::deque<JsonObjectView> people;
  std::vector<EventRow> rows;
  uint64_t bytes = 0;
};

std::string MadeUpLine(int i) {
  JsonWriter writer;
  writer.BeginObject();
  writer.Field("uuid", FormatUuid(UuidV5(Uuid{}, StrCat(i))));
  writer.Field("event", i % 4 == 0 ? "$pageview" : "click");
  writer.Field("distinct_id", StrCat("user-", i % 97));
  writer.Key("properties").BeginObject();
  for (int key = 0; key < 20; ++key) writer.Field(StrCat("$key", key), StrCat("v", i % (key + 2)));
  writer.Field("load_time_ms", i * 0.25).EndObject();
  writer.Field("timestamp", FormatRfc3339(1'700'000'000'000'000 + i * 1'000'000LL));
  writer.EndObject();
  return writer.Take();
}

void AddRow(Input* input, const std::string& line,
            std::map<std::string, const JsonObjectView*>* people) {
  JsonObjectView members;
  HOGLET_ASSERT(ParseJsonObject(line, &input->arena, &members).ok());
  EventRow& row = input->rows.emplace_back();
  row.team_id = 1;
  row.uuid = ParseUuid(FindJsonMember(members, "uuid")->text).value();
  row.event = FindJsonMember(members, "event")->text;
  row.distinct_id = FindJsonMember(members, "distinct_id")->text;
  row.timestamp_us = ParseRfc3339(FindJsonMember(members, "timestamp")->text).value();
  row.created_at_us = row.captured_at_us = row.version_us = row.timestamp_us + 1'000'000;
  row.person_id = PersonUuid(1, row.distinct_id);
  const std::string_view properties = FindJsonMember(members, "properties")->text;
  HOGLET_ASSERT(ParseJsonObject(properties, &input->arena, &row.properties).ok());
  const JsonObjectView*& person = (*people)[std::string(row.distinct_id)];
  if (person == nullptr) {
    JsonObjectView& document = input->people.emplace_back();
    for (const JsonMember& member : row.properties) {
      if (document.size() < 12 && member.key.starts_with("$")) document.push_back(member);
    }
    person = &document;
  }
  row.person_properties = person;
}

const Input& Events() {
  static const Input* input = [] {
    auto* made = new Input();
    if (const char* path = std::getenv("HOGLET_BENCH_EVENTS")) {
      const std::string text = Env::Posix()->ReadWholeFile(path).value();
      for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        made->lines.push_back(text.substr(at, end - at));
        at = end + 1;
      }
    } else {
      for (int i = 0; i < 2000; ++i) made->lines.push_back(MadeUpLine(i));
    }
    std::map<std::string, const JsonObjectView*> people;
    for (const std::string& line : made->lines) {
      made->bytes += line.size();
      AddRow(made, line, &people);
    }
    return made;
  }();
  return *input;
}

// A table in a directory of its own that goes with it.
class ScratchTable {
 public:
  ScratchTable() {
    char name[] = "/tmp/hoglet-storage-bench-XXXXXX";
    HOGLET_ASSERT(mkdtemp(name) != nullptr);
    directory_ = name;
    Open();
  }
  ~ScratchTable() {
    table_.reset();
    (void)Env::Posix()->RemoveTree(directory_);
  }
  void Open() {
    EventTable::Options options;
    options.background_merges = false;
    table_ = EventTable::Open(Env::Posix(), directory_ + "/events", options).value();
  }
  void Close() { table_.reset(); }
  EventTable* operator->() { return table_.get(); }
  EventTable& operator*() { return *table_; }

  void Insert(size_t begin, size_t end, size_t batch_rows, int64_t later_us = 0) {
    for (size_t at = begin; at < end; at += batch_rows) {
      const size_t count = std::min(batch_rows, end - at);
      std::vector<EventRow> again;
      std::span<const EventRow> rows(Events().rows.data() + at, count);
      if (later_us != 0) {
        again.assign(rows.begin(), rows.end());
        for (EventRow& row : again) row.version_us += later_us;
        rows = again;
      }
      HOGLET_ASSERT(table_->Insert(rows).ok());
    }
  }
  void Flush() {
    HOGLET_ASSERT(table_->Seal(1).ok());
    HOGLET_ASSERT(table_->FlushSealed().ok());
  }
  // Every event once, in as many parts a partition as there are generations. Events are dealt like
  // cards, so parts overlap.
  void FillParts(int generations) {
    const std::vector<EventRow>& rows = Events().rows;
    for (int g = 0; g < generations; ++g) {
      std::vector<EventRow> mine;
      for (size_t i = static_cast<size_t>(g); i < rows.size(); i += generations) {
        mine.push_back(rows[i]);
      }
      HOGLET_ASSERT(table_->Insert(mine).ok());
      Flush();
    }
  }

 private:
  std::string directory_;
  std::unique_ptr<EventTable> table_;
};

void Count(benchmark::State& state, uint64_t rows) {
  state.SetItemsProcessed(static_cast<int64_t>(rows));
}

void BM_Insert(benchmark::State& state) {
  uint64_t rows = 0;
  double bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto table = std::make_unique<ScratchTable>();
    state.ResumeTiming();
    table->Insert(0, Events().rows.size(), static_cast<size_t>(state.range(0)));
    rows += Events().rows.size();
    state.PauseTiming();
    bytes = static_cast<double>((*table)->memtable_bytes());
    table.reset();
    state.ResumeTiming();
  }
  Count(state, rows);
  state.counters["memory_bytes_per_row"] = bytes / static_cast<double>(Events().rows.size());
}
BENCHMARK(BM_Insert)->Arg(1)->Arg(kBatchRows)->Unit(benchmark::kMillisecond);

// Rows that are new, into partitions that have parts: the price of proving that they are.
void BM_InsertBesideParts(benchmark::State& state) {
  ScratchTable table;
  table.FillParts(static_cast<int>(state.range(0)));
  std::vector<EventRow> rows = Events().rows;
  uint64_t number = 0;
  uint64_t done = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (EventRow& row : rows) {
      ++number;
      std::memcpy(row.uuid.bytes.data(), &number, sizeof(number));
    }
    state.ResumeTiming();
    for (size_t at = 0; at < rows.size(); at += kBatchRows) {
      const size_t count = std::min(kBatchRows, rows.size() - at);
      HOGLET_ASSERT(table->Insert({rows.data() + at, count}).ok());
    }
    done += rows.size();
  }
  Count(state, done);
}
BENCHMARK(BM_InsertBesideParts)
    ->Arg(1)
    ->Arg(kGenerations)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(2);

// Every row again: each is found in its part and masked.
void BM_InsertDuplicates(benchmark::State& state) {
  uint64_t rows = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto table = std::make_unique<ScratchTable>();
    table->FillParts(kGenerations);
    state.ResumeTiming();
    table->Insert(0, Events().rows.size(), kBatchRows, 1);
    rows += Events().rows.size();
    state.PauseTiming();
    table.reset();
    state.ResumeTiming();
  }
  Count(state, rows);
}
BENCHMARK(BM_InsertDuplicates)->Unit(benchmark::kMillisecond)->Iterations(1);

void BM_Flush(benchmark::State& state) {
  uint64_t rows = 0;
  double bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto table = std::make_unique<ScratchTable>();
    table->Insert(0, Events().rows.size(), kBatchRows);
    state.ResumeTiming();
    table->Flush();
    state.PauseTiming();
    rows += Events().rows.size();
    bytes = static_cast<double>((*table)->statistics().part_bytes);
    table.reset();
    state.ResumeTiming();
  }
  Count(state, rows);
  state.counters["bytes_per_row"] = bytes / static_cast<double>(Events().rows.size());
  state.counters["json_bytes_per_row"] =
      static_cast<double>(Events().bytes) / static_cast<double>(Events().rows.size());
}
BENCHMARK(BM_Flush)->Unit(benchmark::kMillisecond)->Iterations(2);

void BM_Merge(benchmark::State& state) {
  uint64_t rows = 0;
  double bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto table = std::make_unique<ScratchTable>();
    table->FillParts(kGenerations);
    state.ResumeTiming();
    HOGLET_ASSERT((*table)->OptimizeForTest().ok());
    state.PauseTiming();
    rows += Events().rows.size();
    bytes = static_cast<double>((*table)->statistics().part_bytes);
    table.reset();
    state.ResumeTiming();
  }
  Count(state, rows);
  state.counters["bytes_per_row"] = bytes / static_cast<double>(Events().rows.size());
}
BENCHMARK(BM_Merge)->Unit(benchmark::kMillisecond)->Iterations(2);

enum Place { kMemory, kManyParts, kMerged };

ScratchTable& Filled(int64_t place) {
  static std::map<int64_t, ScratchTable*>& tables = *new std::map<int64_t, ScratchTable*>();
  ScratchTable*& table = tables[place];
  if (table == nullptr) {
    table = new ScratchTable();
    static std::vector<std::unique_ptr<ScratchTable>>& owners =
        *new std::vector<std::unique_ptr<ScratchTable>>();
    owners.emplace_back(table);
    std::atexit([] { owners.clear(); });
    if (place == kMemory) {
      table->Insert(0, Events().rows.size(), kBatchRows);
    } else {
      table->FillParts(kGenerations);
      if (place == kMerged) HOGLET_ASSERT((*table)->OptimizeForTest().ok());
    }
  }
  return *table;
}

uint64_t ScanColumn(const EventTable& table, const ColumnRef& column) {
  uint64_t rows = 0;
  auto scan = table.OpenScan(1, {}).value();
  for (size_t i = 0; i < scan->granule_count(); ++i) {
    auto granule = scan->OpenGranule(i).value();
    const Vector values = granule->Read(column).value();
    benchmark::DoNotOptimize(values.form());
    rows += values.size();
  }
  return rows;
}

void BM_Read(benchmark::State& state, ColumnRef column) {
  ScratchTable& table = Filled(state.range(0));
  uint64_t rows = 0;
  for (auto _ : state) rows += ScanColumn(*table, column);
  Count(state, rows);
}
#define HOGLET_READ(name, ...)                            \
  BENCHMARK_CAPTURE(BM_Read, name, ColumnRef __VA_ARGS__) \
      ->DenseRange(kMemory, kMerged)                      \
      ->Unit(benchmark::kMillisecond)
HOGLET_READ(event, {"event", "", {}});
HOGLET_READ(timestamp, {"timestamp", "", {}});
HOGLET_READ(uuid, {"uuid", "", {}});
HOGLET_READ(distinct_id, {"distinct_id", "", {}});
HOGLET_READ(browser_text, {"properties", "$browser", ColumnRef::Json::kText});
HOGLET_READ(url_text, {"properties", "$current_url", ColumnRef::Json::kText});
HOGLET_READ(load_time_number, {"properties", "load_time_ms", ColumnRef::Json::kNumber});
HOGLET_READ(person_os_text, {"person_properties", "$os", ColumnRef::Json::kText});
HOGLET_READ(properties_whole, {"properties", "", {}});

// What finding duplicates at read time would cost before any column of the query is read: all keys
// of all parts in order.
void BM_MergeAtRead(benchmark::State& state) {
  ScratchTable& table = Filled(kManyParts);
  uint64_t rows = 0;
  for (auto _ : state) {
    const TableSnapshot snapshot = table->Snapshot();
    std::map<std::pair<uint32_t, int32_t>, std::vector<std::unique_ptr<RowSource>>> partitions;
    for (const VisiblePart& part : *snapshot.parts) {
      const PartFooter& footer = part.part->footer();
      partitions[{footer.shard, footer.month}].push_back(NewPartSource(part.part));
    }
    for (const auto& [partition, sources] : partitions) {
      const std::vector<const RowMask*> masks(sources.size(), nullptr);
      rows += MergeRows(sources, masks).value().size();
    }
  }
  Count(state, rows);
}
BENCHMARK(BM_MergeAtRead)->Unit(benchmark::kMillisecond);

void BM_Open(benchmark::State& state) {
  ScratchTable table;
  table.FillParts(kGenerations);
  for (auto _ : state) {
    state.PauseTiming();
    // The lock goes with the table.
    table.Close();
    state.ResumeTiming();
    table.Open();
  }
}
BENCHMARK(BM_Open)->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace
}  // namespace hoglet
