#include <benchmark/benchmark.h>

#include "src/base/memory_env.h"
#include "src/ingest/event_applier.h"
#include "src/ingest/event_parser.h"
#include "tests/ingest/fakes.h"

// The two halves of the pipeline, one thread each, over page views of cached persons as a browser
// sends them.

namespace hoglet {
namespace {

constexpr size_t kEvents = 512;
constexpr size_t kPeople = 100;

std::vector<std::string> PageViews() {
  std::vector<std::string> values;
  for (size_t i = 0; i < kEvents; ++i) {
    const std::string n = std::to_string(i % kPeople);
    values.push_back(EncodeCapturedEvent(MakeEvent(
        i, "$pageview", "visitor-" + n,
        R"({"$current_url":"https://example.com/page/)" + std::to_string(i) +
            R"(","$pathname":"/page/)" + n + R"(","$host":"example.com","$browser":"Chrome",)" +
            R"("$browser_version":120,"$os":"Mac OS X","$os_version":"10.15.7",)" +
            R"("$device_type":"Desktop","$screen_height":1080,"$screen_width":1920,)" +
            R"("$viewport_height":900,"$viewport_width":1800,"$lib":"web","$lib_version":"1.2.3",)" +
            R"("$referrer":"$direct","$referring_domain":"$direct","$insert_id":"abcdefgh",)" +
            R"("$session_id":"0189f3c2-0000-7000-8000-0000000000)" + (i % 100 < 10 ? "0" : "") + n +
            R"(","$set":{"plan":"free","email":"u@example.com"}})")));
  }
  return values;
}

void Parse(benchmark::State& state) {
  const auto values = PageViews();
  FakeTeams teams;
  EventParser parser(&teams);
  Arena arena(64 << 10);
  std::vector<ParsedEvent> events(kEvents);
  for (auto _ : state) {
    arena.Reset();
    for (size_t i = 0; i < kEvents; ++i) {
      events[i].value = values[i];
      parser.Parse(&arena, &events[i]);
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kEvents));
}
BENCHMARK(Parse);

void Apply(benchmark::State& state) {
  const auto values = PageViews();
  FakeTeams teams;
  MemoryEnv env;
  auto store = *PersonStore::Open(&env, "persons", {});
  EventApplier applier(store.get(), nullptr, {});
  EventParser parser(&teams);
  Arena arena(64 << 10);
  std::vector<ParsedEvent> events(kEvents);
  RowBatch batch;
  for (auto _ : state) {
    state.PauseTiming();
    arena.Reset();
    for (size_t i = 0; i < kEvents; ++i) {
      events[i].value = values[i];
      parser.Parse(&arena, &events[i]);
    }
    batch.Clear();
    state.ResumeTiming();
    if (!applier.Prefetch(events, kEvents).ok()) state.SkipWithError("prefetch");
    for (ParsedEvent& event : events) {
      if (!applier.Apply(&event, &batch).ok()) state.SkipWithError("apply");
    }
    benchmark::DoNotOptimize(batch.rows.data());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kEvents));
}
BENCHMARK(Apply);

}  // namespace
}  // namespace hoglet
