#include <benchmark/benchmark.h>

#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/capture/capture.h"

// From a request body to the records of the log, without sockets and without the log.

namespace hoglet {
namespace {

std::string Event(int number, bool is_v1) {
  std::string event =
      StrCat(R"({"uuid":"0190c0de-0000-7000-8000-)", 100'000'000'000 + number,
             R"(","event":"$pageview","distinct_id":"0190c0de-1111-7000-8000-000000000001",)",
             R"("timestamp":"2026-03-19T14:29:58.123Z","properties":{)",
             is_v1 ? R"("$os":"Linux")" : R"("$lib":"web","token":"phc_bench")");
  for (int i = 0; i < 28; ++i) {
    const std::string name = StrCat(R"(,"$property_)", i, "\":");
    if (i % 4 == 0) {
      StrAppend(&event, name, i * 37);
    } else {
      StrAppend(&event, name, "\"a value of some length ", i, "\"");
    }
  }
  StrAppend(&event, R"(,"$set":{"email":"someone@example.com","plan":"team"}}})");
  return event;
}

std::string Events(int count, bool is_v1) {
  std::string list;
  for (int i = 0; i < count; ++i) StrAppend(&list, i == 0 ? "" : ",", Event(i, is_v1));
  return list;
}

CaptureContext Context(MemoryEnv* env) {
  CaptureContext context;
  context.env = env;
  context.now_us = env->NowMicros();
  return context;
}

void Report(benchmark::State& state, size_t body_bytes) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(body_bytes));
}

void BM_Batch(benchmark::State& state) {
  MemoryEnv env;
  const CaptureContext context = Context(&env);
  HttpRequest request;
  request.method = "POST";
  request.path = "/batch/";
  request.body =
      StrCat(R"({"api_key":"phc_bench","batch":[)", Events(static_cast<int>(state.range(0)), false),
             R"(],"sent_at":"2026-03-19T14:30:00Z"})");
  for (auto _ : state) {
    const CaptureOutcome outcome = CaptureAnalytics(request, context);
    benchmark::DoNotOptimize(outcome.events.Records());
  }
  Report(state, request.body.size());
}
BENCHMARK(BM_Batch)->Arg(1)->Arg(100)->Arg(500);

void BM_V1(benchmark::State& state) {
  MemoryEnv env;
  const CaptureContext context = Context(&env);
  HttpRequest request;
  request.method = "POST";
  for (const auto& [name, value] :
       {std::pair("Authorization", "Bearer phc_bench"),
        std::pair("PostHog-Sdk-Info", "posthog-node/5.0"), std::pair("PostHog-Attempt", "1"),
        std::pair("PostHog-Request-Id", "0190c0de-0000-7000-8000-000000000001"),
        std::pair("Content-Type", "application/json"),
        std::pair("PostHog-Request-Timestamp", "2026-03-19T14:30:00Z"),
        std::pair("User-Agent", "bench")}) {
    request.headers.Add(name, value);
  }
  request.body = StrCat(R"({"created_at":"2026-03-19T14:30:00Z","batch":[)",
                        Events(static_cast<int>(state.range(0)), true), "]}");
  for (auto _ : state) {
    const CaptureOutcome outcome = CaptureAnalyticsV1(request, context);
    benchmark::DoNotOptimize(outcome.events.Records());
  }
  Report(state, request.body.size());
}
BENCHMARK(BM_V1)->Arg(1)->Arg(100);

}  // namespace
}  // namespace hoglet
