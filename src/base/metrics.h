#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Counters, gauges and histograms, read out as Prometheus text. Look a metric up once and keep the
// pointer: it lives as long as its registry, and updating it takes no lock.

namespace hoglet {

class Counter {
 public:
  void Add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double value) { value_.fetch_add(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  // Ascending upper bounds; one more bucket takes what is above them all.
  explicit Histogram(std::vector<double> bounds);

  void Observe(double value);
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  // Estimate by linear interpolation inside a bucket; 0 when nothing was observed.
  double Quantile(double quantile) const;

  const std::vector<double>& bounds() const { return bounds_; }
  // Observations in bucket i, not cumulated.
  uint64_t bucket(size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }

  // Powers of two from 1 us to 67 s, for durations in seconds.
  static std::vector<double> DurationBounds();

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> buckets_;
  std::atomic<uint64_t> count_{0};
  std::atomic<double> sum_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class MetricRegistry {
 public:
  // The metric of that name and labels, made on first use. One name has one kind: asking for
  // another is a programmer's mistake.
  Counter* GetCounter(const std::string& name, const std::string& help,
                      const MetricLabels& labels = {});
  Gauge* GetGauge(const std::string& name, const std::string& help,
                  const MetricLabels& labels = {});
  Histogram* GetHistogram(const std::string& name, const std::string& help,
                          const MetricLabels& labels = {},
                          const std::vector<double>& bounds = Histogram::DurationBounds());

  // Exposition format 0.0.4, families by name, series by labels.
  std::string PrometheusText() const;

  // The registry of the process. Never destroyed.
  static MetricRegistry* Default();

 private:
  enum class Kind { kCounter, kGauge, kHistogram };
  struct Series {
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  struct Family {
    Kind kind;
    std::string help;
    std::map<std::string, Series> series;  // by their rendered labels
  };

  Series* Find(const std::string& name, const std::string& help, Kind kind,
               const MetricLabels& labels);

  mutable std::mutex mutex_;
  std::map<std::string, Family> families_;
};

// Labels as Prometheus writes them, sorted by name: `a="x",b="y"`; empty for none.
std::string RenderMetricLabels(const MetricLabels& labels);

}  // namespace hoglet
