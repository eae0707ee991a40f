#include <algorithm>
#include <bit>

#include "query/functions/quantiles.h"
#include "query/functions/types.h"

// Quantiles that keep a summary of the values: t-digest, histograms of page timings and of short
// floats, a sample chosen by the data.

namespace hoglet::fn {
namespace {

// The t-digest of Dunning and Ertl with a bound on the size of a centroid of 4 q (1 - q) N / 100,
// numbers in single precision, at most 2048 centroids: the same steps as ClickHouse takes, so that
// results agree to the last digit where rows come in one order.
class Digest {
 public:
  struct Centroid {
    float mean;
    float count;
  };

  void Add(float value, float count) {
    if (count <= 0 || std::isnan(value)) return;
    centroids_.push_back({value, count});
    total_ += count;
    if (++unmerged_ > kUnmergedMax) Compress();
  }
  void Merge(const Digest& other) {
    for (const Centroid& centroid : other.centroids_) Add(centroid.mean, centroid.count);
  }
  const std::vector<Centroid>& centroids() const { return centroids_; }
  size_t bytes() const { return centroids_.capacity() * sizeof(Centroid); }
  void Compress();
  // Compressed and not empty.
  float At(double level) const;

 private:
  static constexpr size_t kCentroidsMax = 2048;
  static constexpr size_t kUnmergedMax = 2048;

  void MergeNeighbours();
  void MergeBatches();

  std::vector<Centroid> centroids_;
  double total_ = 0;
  size_t unmerged_ = 0;
};

void Digest::Compress() {
  if (unmerged_ > 0 || centroids_.size() > kCentroidsMax) MergeNeighbours();
  if (centroids_.size() > kCentroidsMax) MergeBatches();
}

// Takes the right one into the left one.
struct RunningCentroid {
  double mean;
  double count;
  void Take(const Digest::Centroid& right) {
    count += right.count;
    if (right.mean != mean) mean += right.count * (right.mean - mean) / count;
  }
};

void Digest::MergeNeighbours() {
  std::stable_sort(centroids_.begin(), centroids_.end(),
                   [](const Centroid& a, const Centroid& b) { return a.mean < b.mean; });
  const double bound = total_ * 0.01F * 4;
  size_t last = 0;
  double before = 0;  // rows of the finished centroids
  RunningCentroid left{centroids_[0].mean, centroids_[0].count};
  for (size_t i = 1; i < centroids_.size(); ++i) {
    const Centroid right = centroids_[i];
    const double q_left = (before + left.count * 0.5) / total_;
    const double q_right = (before + left.count + right.count * 0.5) / total_;
    const double room = bound * std::min(q_left * (1 - q_left), q_right * (1 - q_right));
    const bool finite = std::isfinite(left.mean) && std::isfinite(right.mean);
    if (left.count + right.count <= room && (finite || left.mean == right.mean)) {
      left.Take(right);
      centroids_[last] = {static_cast<float>(left.mean), static_cast<float>(left.count)};
    } else {
      before += centroids_[last].count;
      centroids_[++last] = right;
      left = {right.mean, right.count};
    }
  }
  total_ = before + left.count;
  centroids_.resize(last + 1);
  unmerged_ = 0;
}

void Digest::MergeBatches() {
  const size_t batch = (centroids_.size() + kCentroidsMax - 1) / kCentroidsMax;
  std::vector<Centroid> merged;
  double total = 0;
  for (size_t begin = 0; begin < centroids_.size(); begin += batch) {
    RunningCentroid left{centroids_[begin].mean, centroids_[begin].count};
    for (size_t i = begin + 1; i < std::min(begin + batch, centroids_.size()); ++i)
      left.Take(centroids_[i]);
    if (std::isnan(left.mean)) continue;
    merged.push_back({static_cast<float>(left.mean), static_cast<float>(left.count)});
    total += merged.back().count;
  }
  centroids_ = std::move(merged);
  total_ = total;
}

float Digest::At(double level) const {
  const double wanted = level * total_;
  double left_place = 0;
  float sum = 0;
  Centroid previous = centroids_.front();
  for (const Centroid& centroid : centroids_) {
    const double place = sum + centroid.count * 0.5;
    if (place >= wanted) {
      // A centroid of one row is a point: no line leads into the inside of it.
      const double left = left_place + (previous.count == 1 ? 0.5 : 0);
      const double right = place - (centroid.count == 1 ? 0.5 : 0);
      if (wanted <= left) return previous.mean;
      if (wanted >= right) return centroid.mean;
      const double share = (static_cast<float>(wanted) - static_cast<float>(left)) /
                           (static_cast<float>(right) - static_cast<float>(left));
      return static_cast<float>((1 - share) * previous.mean + share * centroid.mean);
    }
    sum += centroid.count;
    previous = centroid;
    left_place = place;
  }
  return centroids_.back().mean;
}

struct TDigest {
  using Value = double;
  using Reader = DoubleReader;
  using State = Digest;
  static double Result() { return 0; }
  static void Add(State& state, double value, uint64_t weight) {
    state.Add(static_cast<float>(value), static_cast<float>(weight));
  }
  static void Merge(State& into, const State& from) { into.Merge(from); }
  static void Get(const State& state, std::span<const double> levels, std::vector<double>* out) {
    if (state.centroids().empty()) return;
    Digest compressed = state;
    compressed.Compress();
    for (double level : levels) out->push_back(compressed.At(level));
  }
  static size_t Bytes(const State& state) { return state.bytes(); }
  static void Write(const State& state, std::string* out) {
    Digest compressed = state;
    if (!state.centroids().empty()) compressed.Compress();
    PutVarint(out, compressed.centroids().size());
    for (const Digest::Centroid& centroid : compressed.centroids()) {
      PutLittle(out, centroid.mean);
      PutLittle(out, centroid.count);
    }
  }
  static bool Read(ByteReader& reader, State* state) {
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > reader.left().size() / 8) return false;
    for (uint64_t i = 0; i < count; ++i) {
      Digest::Centroid centroid{};
      if (!reader.GetLittle(&centroid.mean) || !reader.GetLittle(&centroid.count)) return false;
      state->Add(centroid.mean, centroid.count);
    }
    return true;
  }
};

// Page timings in milliseconds: whole numbers, 30,000 and more as 30,000. Up to kExactMax values
// are kept; after that counts of one millisecond up to 1,024 and of sixteen above.
struct Timing {
  static constexpr uint64_t kLargest = 30'000;
  static constexpr uint64_t kFine = 1'024;
  static constexpr uint64_t kStep = 16;
  static constexpr size_t kExactMax = 2'836;
  static constexpr size_t kCells = kFine + (kLargest - kFine) / kStep + 1;  // the last: kLargest

  using Value = double;
  using Reader = DoubleReader;
  struct State {
    std::vector<uint16_t> values;
    std::vector<uint64_t> cells;  // empty while the values are kept
  };
  static double Result() { return 0; }
  static void Add(State& state, double value, uint64_t weight) {
    const bool large = !(value >= 0 && value < static_cast<double>(kLargest));
    AddWhole(state, static_cast<uint16_t>(large ? static_cast<double>(kLargest) : value), weight);
  }
  static void Merge(State& into, const State& from) {
    for (uint16_t value : from.values) AddWhole(into, value, 1);
    if (from.cells.empty()) return;
    UseCells(into);
    for (size_t i = 0; i < kCells; ++i) into.cells[i] += from.cells[i];
  }
  static void Get(const State& state, std::span<const double> levels, std::vector<double>* out) {
    if (state.values.empty() && state.cells.empty()) return;
    std::vector<uint16_t> sorted = state.values;
    std::sort(sorted.begin(), sorted.end());
    for (double level : levels)
      out->push_back(state.cells.empty() ? Exact(sorted, level) : FromCells(state.cells, level));
  }
  static size_t Bytes(const State& state) {
    return state.values.capacity() * 2 + state.cells.capacity() * 8;
  }
  static void Write(const State& state, std::string* out) {
    WriteValues(state.values, out);
    WriteValues(state.cells, out);
  }
  static bool Read(ByteReader& reader, State* state) {
    return ReadValues(reader, &state->values) && ReadValues(reader, &state->cells) &&
           (state->cells.empty() || state->cells.size() == kCells);
  }

 private:
  static size_t CellOf(uint16_t value) {
    return value < kFine ? value : kFine + (value - kFine) / kStep;
  }
  static void UseCells(State& state) {
    if (!state.cells.empty()) return;
    state.cells.assign(kCells, 0);
    for (uint16_t value : state.values) ++state.cells[CellOf(value)];
    state.values = {};
  }
  static void AddWhole(State& state, uint16_t value, uint64_t weight) {
    if (state.cells.empty() && weight < kExactMax && state.values.size() + weight < kExactMax) {
      state.values.insert(state.values.end(), weight, value);
      return;
    }
    UseCells(state);
    state.cells[CellOf(value)] += weight;
  }
  static double Exact(const std::vector<uint16_t>& sorted, double level) {
    const auto place = static_cast<size_t>(level * static_cast<double>(sorted.size()));
    return sorted[std::min(place, sorted.size() - 1)];
  }
  static double FromCells(const std::vector<uint64_t>& cells, double level) {
    double total = 0;
    for (uint64_t count : cells) total += static_cast<double>(count);
    const double wanted = std::ceil(total * level);
    double passed = 0;
    for (size_t i = 0; i + 1 < kCells; ++i) {
      passed += static_cast<double>(cells[i]);
      if (cells[i] == 0 || passed < wanted) continue;
      return static_cast<double>(i < kFine ? i : kFine + (i - kFine) * kStep + kStep / 2);
    }
    return static_cast<double>(kLargest);
  }
};

// Counts by the upper half of the single-precision value.
struct ShortFloat {
  using Value = double;
  using Reader = DoubleReader;
  using State = absl::flat_hash_map<uint16_t, uint64_t>;
  static double Result() { return 0; }
  static void Add(State& state, double value, uint64_t weight) {
    if (weight == 0) return;
    const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
    state[static_cast<uint16_t>(bits >> 16)] += weight;
  }
  static void Merge(State& into, const State& from) {
    for (const auto& [bits, count] : from) into[bits] += count;
  }
  static void Get(const State& state, std::span<const double> levels, std::vector<double>* out) {
    if (state.empty()) return;
    std::vector<std::pair<float, uint64_t>> counts;
    for (const auto& [bits, count] : state)
      counts.emplace_back(std::bit_cast<float>(static_cast<uint32_t>(bits) << 16), count);
    QuantilesOfCounts(std::move(counts), levels, out);
  }
  static size_t Bytes(const State& state) { return state.capacity() * 17; }
  static void Write(const State& state, std::string* out) { WriteCounts(state, out); }
  static bool Read(ByteReader& reader, State* state) { return ReadCounts(reader, state); }
};

// A sample that the second argument chooses: the same rows give the same sample in any order.
struct Deterministic {
  static constexpr size_t kSampleMax = 8'192;

  using Value = double;
  using Reader = DoubleReader;
  struct Member {
    uint64_t hash;
    double value;
  };
  struct State {
    std::vector<Member> members;
    uint32_t skip_bits = 0;
  };
  static double Result() { return 0; }
  static void Add(State& state, double value, uint64_t determinator) {
    Insert(state, {FastHash64(determinator), value});
  }
  static void Merge(State& into, const State& from) {
    into.skip_bits = std::max(into.skip_bits, from.skip_bits);
    Thin(into);
    for (const Member& member : from.members) Insert(into, member);
  }
  static void Get(const State& state, std::span<const double> levels, std::vector<double>* out) {
    if (state.members.empty()) return;
    std::vector<double> sorted;
    for (const Member& member : state.members) sorted.push_back(member.value);
    std::sort(sorted.begin(), sorted.end());
    for (double level : levels)
      out->push_back(Interpolate(sorted, level * static_cast<double>(sorted.size() - 1)));
  }
  static size_t Bytes(const State& state) { return state.members.capacity() * sizeof(Member); }
  static void Write(const State& state, std::string* out) {
    PutVarint(out, state.skip_bits);
    WriteValues(state.members, out);
  }
  static bool Read(ByteReader& reader, State* state) {
    uint64_t bits = 0;
    if (!reader.GetVarint(&bits) || bits > 63 || !ReadValues(reader, &state->members)) return false;
    state->skip_bits = static_cast<uint32_t>(bits);
    return true;
  }

 private:
  static bool Chosen(const State& state, uint64_t hash) {
    return (hash & ((uint64_t{1} << state.skip_bits) - 1)) == 0;
  }
  static void Thin(State& state) {
    std::erase_if(state.members, [&](const Member& m) { return !Chosen(state, m.hash); });
  }
  static void Insert(State& state, Member member) {
    if (!Chosen(state, member.hash)) return;
    state.members.push_back(member);
    while (state.members.size() > kSampleMax && state.skip_bits < 63) {
      ++state.skip_bits;
      Thin(state);
    }
  }
};

template <typename Kind, TypeKind kResult, bool kMany>
absl::StatusOr<BoundAggregate> BindSketch(const AggregateCallInfo& call) {
  HOGLET_RETURN_IF_ERROR(CheckQuantileArguments(call));
  return MakeQuantile(call, Kind(), kMany, InterpolatedType(call.types[0], kResult));
}

constexpr TypeKind kFloat = TypeKind::kFloat32;
constexpr TypeKind kDouble = TypeKind::kFloat64;

constexpr AggregateEntry kEntries[] = {
    {"quantileTDigest", 1, 1, BindSketch<TDigest, kFloat, false>, true, 1},
    {"medianTDigest", 1, 1, BindSketch<TDigest, kFloat, false>, true, 1, "quantileTDigest"},
    {"quantilesTDigest", 1, 1, BindSketch<TDigest, kFloat, true>, true, kManyParameters},
    {"quantileTDigestWeighted", 2, 2, BindSketch<TDigest, kFloat, false>, true, 1},
    {"medianTDigestWeighted", 2, 2, BindSketch<TDigest, kFloat, false>, true, 1,
     "quantileTDigestWeighted"},
    {"quantilesTDigestWeighted", 2, 2, BindSketch<TDigest, kFloat, true>, true, kManyParameters},
    {"quantileTiming", 1, 1, BindSketch<Timing, kFloat, false>, true, 1},
    {"medianTiming", 1, 1, BindSketch<Timing, kFloat, false>, true, 1, "quantileTiming"},
    {"quantilesTiming", 1, 1, BindSketch<Timing, kFloat, true>, true, kManyParameters},
    {"quantileTimingWeighted", 2, 2, BindSketch<Timing, kFloat, false>, true, 1},
    {"medianTimingWeighted", 2, 2, BindSketch<Timing, kFloat, false>, true, 1,
     "quantileTimingWeighted"},
    {"quantilesTimingWeighted", 2, 2, BindSketch<Timing, kFloat, true>, true, kManyParameters},
    {"quantileBFloat16", 1, 1, BindSketch<ShortFloat, kDouble, false>, true, 1},
    {"medianBFloat16", 1, 1, BindSketch<ShortFloat, kDouble, false>, true, 1, "quantileBFloat16"},
    {"quantilesBFloat16", 1, 1, BindSketch<ShortFloat, kDouble, true>, true, kManyParameters},
    {"quantileBFloat16Weighted", 2, 2, BindSketch<ShortFloat, kDouble, false>, true, 1},
    {"medianBFloat16Weighted", 2, 2, BindSketch<ShortFloat, kDouble, false>, true, 1,
     "quantileBFloat16Weighted"},
    {"quantilesBFloat16Weighted", 2, 2, BindSketch<ShortFloat, kDouble, true>, true,
     kManyParameters},
    {"quantileDeterministic", 2, 2, BindSketch<Deterministic, kDouble, false>, true, 1},
    {"medianDeterministic", 2, 2, BindSketch<Deterministic, kDouble, false>, true, 1,
     "quantileDeterministic"},
    {"quantilesDeterministic", 2, 2, BindSketch<Deterministic, kDouble, true>, true,
     kManyParameters},
};

}  // namespace

std::span<const AggregateEntry> SketchQuantiles() { return kEntries; }

}  // namespace hoglet::fn
