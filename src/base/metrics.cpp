#include "src/base/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

void AppendNumber(double value, std::string* out) {
  if (std::isnan(value)) {
    out->append("NaN");
  } else if (std::isinf(value)) {
    out->append(value > 0 ? "+Inf" : "-Inf");
  } else {
    AppendJsonDouble(value, out);
  }
}

std::string EscapeLabelValue(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out.append("\\n");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string EscapeHelp(std::string_view help) {
  std::string out;
  for (char c : help) {
    if (c == '\\') out.push_back('\\');
    if (c == '\n') {
      out.append("\\n");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

void AppendSample(const std::string& name, const std::string& labels, double value,
                  std::string* out) {
  StrAppend(out, name);
  if (!labels.empty()) StrAppend(out, "{", labels, "}");
  out->push_back(' ');
  AppendNumber(value, out);
  out->push_back('\n');
}

void AppendHistogram(const std::string& name, const std::string& labels, const Histogram& histogram,
                     std::string* out) {
  const std::string prefix = labels.empty() ? "" : labels + ",";
  uint64_t cumulated = 0;
  for (size_t i = 0; i <= histogram.bounds().size(); ++i) {
    cumulated += histogram.bucket(i);
    std::string bound;
    AppendNumber(i < histogram.bounds().size() ? histogram.bounds()[i]
                                               : std::numeric_limits<double>::infinity(),
                 &bound);
    AppendSample(name + "_bucket", StrCat(prefix, "le=\"", bound, "\""),
                 static_cast<double>(cumulated), out);
  }
  AppendSample(name + "_sum", labels, histogram.sum(), out);
  AppendSample(name + "_count", labels, static_cast<double>(cumulated), out);
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      buckets_(std::make_unique<std::atomic<uint64_t>[]>(bounds_.size() + 1)) {
  HOGLET_ASSERT(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::Observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  buckets_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
}

double Histogram::Quantile(double quantile) const {
  const double wanted = quantile * static_cast<double>(count());
  double passed = 0;
  for (size_t i = 0; i <= bounds_.size(); ++i) {
    const auto here = static_cast<double>(bucket(i));
    if (here > 0 && passed + here >= wanted) {
      const double low = i == 0 ? 0 : bounds_[i - 1];
      const double high = i < bounds_.size() ? bounds_[i] : low;
      return low + (high - low) * (wanted - passed) / here;
    }
    passed += here;
  }
  return 0;
}

std::vector<double> Histogram::DurationBounds() {
  std::vector<double> bounds;
  for (double bound = 1e-6; bound < 70; bound *= 2) bounds.push_back(bound);
  return bounds;
}

std::string RenderMetricLabels(const MetricLabels& labels) {
  MetricLabels sorted = labels;
  std::sort(sorted.begin(), sorted.end());
  std::string out;
  for (const auto& [name, value] : sorted) {
    StrAppend(&out, out.empty() ? "" : ",", name, "=\"", EscapeLabelValue(value), "\"");
  }
  return out;
}

MetricRegistry::Series* MetricRegistry::Find(const std::string& name, const std::string& help,
                                             Kind kind, const MetricLabels& labels) {
  auto [family, inserted] = families_.try_emplace(name);
  if (inserted) {
    family->second.kind = kind;
    family->second.help = help;
  }
  HOGLET_ASSERT(family->second.kind == kind);
  return &family->second.series[RenderMetricLabels(labels)];
}

Counter* MetricRegistry::GetCounter(const std::string& name, const std::string& help,
                                    const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series* series = Find(name, help, Kind::kCounter, labels);
  if (series->counter == nullptr) series->counter = std::make_unique<Counter>();
  return series->counter.get();
}

Gauge* MetricRegistry::GetGauge(const std::string& name, const std::string& help,
                                const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series* series = Find(name, help, Kind::kGauge, labels);
  if (series->gauge == nullptr) series->gauge = std::make_unique<Gauge>();
  return series->gauge.get();
}

Histogram* MetricRegistry::GetHistogram(const std::string& name, const std::string& help,
                                        const MetricLabels& labels,
                                        const std::vector<double>& bounds) {
  std::lock_guard lock(mutex_);
  Series* series = Find(name, help, Kind::kHistogram, labels);
  if (series->histogram == nullptr) series->histogram = std::make_unique<Histogram>(bounds);
  return series->histogram.get();
}

std::string MetricRegistry::PrometheusText() const {
  std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    constexpr const char* kKindNames[] = {"counter", "gauge", "histogram"};
    StrAppend(&out, "# HELP ", name, " ", EscapeHelp(family.help), "\n# TYPE ", name, " ",
              kKindNames[static_cast<int>(family.kind)], "\n");
    for (const auto& [labels, series] : family.series) {
      if (series.counter) {
        AppendSample(name, labels, static_cast<double>(series.counter->value()), &out);
      } else if (series.gauge) {
        AppendSample(name, labels, series.gauge->value(), &out);
      } else if (series.histogram) {
        AppendHistogram(name, labels, *series.histogram, &out);
      }
    }
  }
  return out;
}

MetricRegistry* MetricRegistry::Default() {
  static MetricRegistry* const registry = new MetricRegistry;
  return registry;
}

}  // namespace hoglet
