#include "src/base/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace hoglet {
namespace {

TEST(Metrics, PrometheusText) {
  MetricRegistry registry;
  registry.GetCounter("b_total", "What\nb", {{"z", "1"}, {"a", "x\"\\\n"}})->Add(3);
  registry.GetCounter("b_total", "", {})->Add();
  registry.GetGauge("c", "See")->Set(1.5);
  Histogram* histogram = registry.GetHistogram("a_seconds", "Time", {{"k", "v"}}, {0.1, 1});
  histogram->Observe(0.1);
  histogram->Observe(0.5);
  histogram->Observe(7);
  EXPECT_EQ(registry.PrometheusText(),
            "# HELP a_seconds Time\n# TYPE a_seconds histogram\n"
            "a_seconds_bucket{k=\"v\",le=\"0.1\"} 1\n"
            "a_seconds_bucket{k=\"v\",le=\"1\"} 2\n"
            "a_seconds_bucket{k=\"v\",le=\"+Inf\"} 3\n"
            "a_seconds_sum{k=\"v\"} 7.6\n"
            "a_seconds_count{k=\"v\"} 3\n"
            "# HELP b_total What\\nb\n# TYPE b_total counter\n"
            "b_total 1\n"
            "b_total{a=\"x\\\"\\\\\\n\",z=\"1\"} 3\n"
            "# HELP c See\n# TYPE c gauge\nc 1.5\n");
}

TEST(Metrics, OneSeriesForOneSetOfLabels) {
  MetricRegistry registry;
  EXPECT_EQ(registry.GetCounter("a", "", {{"x", "1"}, {"y", "2"}}),
            registry.GetCounter("a", "", {{"y", "2"}, {"x", "1"}}));
  EXPECT_NE(registry.GetCounter("a", "", {{"x", "1"}}), registry.GetCounter("a", "", {}));
}

TEST(Metrics, CountsFromManyThreads) {
  Counter counter;
  Histogram histogram({1});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        counter.Add();
        histogram.Observe(0.5);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 40'000u);
  EXPECT_EQ(histogram.count(), 40'000u);
  EXPECT_EQ(histogram.sum(), 20'000);
}

TEST(Metrics, Quantiles) {
  Histogram histogram({1, 2, 4});
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  for (int i = 0; i < 10; ++i) histogram.Observe(1.5);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.5), 1.5);
  EXPECT_DOUBLE_EQ(histogram.Quantile(1), 2);
}

}  // namespace
}  // namespace hoglet
