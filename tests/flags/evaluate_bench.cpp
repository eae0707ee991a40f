#include <benchmark/benchmark.h>

#include "include/hoglet/status.h"
#include "src/base/strings.h"
#include "src/flags/evaluate.h"
#include "src/flags/flag_hash.h"

// What one /flags request costs the matcher: 50 flags, five of them about cohorts, a known person.

namespace hoglet {
namespace {

std::string FlagText(int i) {
  constexpr std::string_view kProperty =
      R"({"key":"email","operator":"icontains","value":"@x.com"})";
  constexpr std::string_view kRegex =
      R"({"key":"email","operator":"regex","value":"@(a|b)\\.com$"})";
  const std::string cohort = StrCat(R"({"key":"id","type":"cohort","value":)", 1 + i % 5, "}");
  const std::string_view filter = i % 10 == 0   ? std::string_view(cohort)
                                  : i % 10 == 5 ? kRegex
                                                : kProperty;
  const std::string_view variants =
      i % 3 == 0 ? R"(,"multivariate":{"variants":[{"key":"control","rollout_percentage":50},
                      {"key":"test","rollout_percentage":50}]})"
                 : "";
  return StrCat(R"({"id":)", i + 1, R"(,"key":"some-feature-flag-)", i,
                R"(","active":true,"filters":{"groups":[{"properties":[)", filter,
                R"(],"rollout_percentage":50},{"rollout_percentage":)", i, "}]", variants, "}}");
}

std::string CohortText(int i) {
  return StrCat(R"({"id":)", i + 1, R"(,"filters":{"properties":{"type":"OR","values":[
      {"type":"AND","values":[{"key":"plan","type":"person","operator":"exact","value":["pro","team"]},
        {"key":"age","type":"person","operator":"gt","value":)",
                20 + i, R"(}]},
      {"type":"OR","values":[{"key":"email","type":"person","operator":"icontains","value":"staff"}]}]}}})");
}

FlagSetSource Source() {
  FlagSetSource source;
  for (int i = 0; i < 50; ++i) source.flags.push_back(FlagText(i));
  for (int i = 0; i < 5; ++i) source.cohorts.push_back(CohortText(i));
  return source;
}

void BM_EvaluateFlags(benchmark::State& state) {
  const auto set = FlagSet::Compile(Source());
  auto person = std::make_shared<Person>();
  person->properties = *PropertySet::Parse(
      R"({"email":"someone@x.com","plan":"Pro","age":30,"name":"Some One","$browser":"Firefox",
          "$os":"Linux","$geoip_country_code":"DE","utm_source":"mail","x":1,"y":2})");
  FlagProperties sent;
  sent.Set("$browser", {FlagValue::Kind::kString, "Firefox"});
  FlagContext context;
  context.person = person;
  context.person_overrides = &sent;
  FlagSelection selection;
  selection.runtime = FlagRuntime::kClient;
  const std::string ids[] = {"018f3c9e-0000-7000-8000-000000000001",
                             "018f3c9e-0000-7000-8000-000000000002"};
  size_t i = 0;
  for (auto _ : state) {
    context.distinct_id = ids[i++ % 2];
    const FlagEvaluation evaluation = EvaluateFlags(*set, selection, context);
    HOGLET_ASSERT(evaluation.results.size() == 50 && !evaluation.has_errors);
    benchmark::DoNotOptimize(evaluation.results.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EvaluateFlags);

void BM_FlagHash(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        FlagHash("some-feature-flag.", "018f3c9e-0000-7000-8000-000000000001", ""));
  }
}
BENCHMARK(BM_FlagHash);

void BM_Compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(FlagSet::Compile(Source()));
}
BENCHMARK(BM_Compile);

}  // namespace
}  // namespace hoglet
