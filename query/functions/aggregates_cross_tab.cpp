#include <cmath>
#include <limits>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"

// How far two columns of categories depend on each other: contingency, cramersV, theilsU; and the
// entropy of one.

namespace hoglet::fn {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Counts by the hash of a value, of the values of both columns and of the pairs.
struct CrossCounts {
  uint64_t count = 0;
  absl::flat_hash_map<uint64_t, uint64_t> a;
  absl::flat_hash_map<uint64_t, uint64_t> b;
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, uint64_t> pairs;

  void Add(uint64_t hash_a, uint64_t hash_b, uint64_t rows) {
    count += rows;
    a[hash_a] += rows;
    b[hash_b] += rows;
    pairs[{hash_a, hash_b}] += rows;
  }
};

enum class CrossResult { kContingency, kCramersV, kCramersVCorrected, kTheilsU };

struct CrossTab {
  CrossResult result;
  using State = CrossCounts;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : a(arguments[0].size()), b(arguments[0].size()) {
      HashRows(arguments[0], a.size(), a.data());
      HashRows(arguments[1], b.size(), b.data());
    }
    std::vector<uint64_t> a;
    std::vector<uint64_t> b;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    state.Add(columns.a[row], columns.b[row], 1);
  }
  void Merge(State& into, const State& from) const {
    for (const auto& [pair, rows] : from.pairs) into.Add(pair.first, pair.second, rows);
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    out->AppendDouble(state.count < 2 ? kNan : Result(state));
  }
  size_t ExtraBytes(const State& state) const {
    return (state.a.capacity() + state.b.capacity()) * 17 + state.pairs.capacity() * 25;
  }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.pairs.size());
    for (const auto& [pair, rows] : state.pairs) {
      PutLittle(out, pair.first);
      PutLittle(out, pair.second);
      PutVarint(out, rows);
    }
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > reader.left().size()) return false;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t a = 0;
      uint64_t b = 0;
      uint64_t rows = 0;
      if (!reader.GetLittle(&a) || !reader.GetLittle(&b) || !reader.GetVarint(&rows)) return false;
      state->Add(a, b, rows);
    }
    return true;
  }

 private:
  // Chi squared over the count, by the observed pairs alone: the others add up to the one.
  static double PhiSquared(const State& state) {
    const size_t smaller = std::min(state.a.size(), state.b.size());
    double sum = 0;
    for (const auto& [pair, rows] : state.pairs) {
      const auto observed = static_cast<double>(rows);
      sum += observed * observed /
             (static_cast<double>(state.a.at(pair.first)) *
              static_cast<double>(state.b.at(pair.second)));
    }
    return smaller <= 1 ? 0 : std::clamp(sum - 1, 0.0, static_cast<double>(smaller - 1));
  }

  // How much of the uncertainty about the first column the second one takes away.
  static double TheilsU(const State& state) {
    const auto n = static_cast<double>(state.count);
    double entropy = 0;
    for (const auto& [value, rows] : state.a) {
      const double p = static_cast<double>(rows) / n;
      entropy -= p * std::log(p);
    }
    double left = 0;  // once the second is known
    for (const auto& [pair, rows] : state.pairs) {
      const auto together = static_cast<double>(rows);
      left -= together / n * std::log(together / static_cast<double>(state.b.at(pair.second)));
    }
    return entropy == 0 ? 0 : std::clamp((entropy - left) / entropy, 0.0, 1.0);
  }

  double Result(const State& state) const {
    if (result == CrossResult::kTheilsU) return TheilsU(state);
    const double phi = PhiSquared(state);
    const auto rows = static_cast<double>(state.count);
    const auto a = static_cast<double>(state.a.size());
    const auto b = static_cast<double>(state.b.size());
    switch (result) {
      case CrossResult::kContingency:
        return std::sqrt(phi / (phi + 1));
      case CrossResult::kCramersV: {
        const double q = std::min(a, b) - 1;
        return q > 0 ? std::sqrt(phi / q) : 0;
      }
      default: {
        const double corrected = std::max(0.0, phi - (a - 1) * (b - 1) / (rows - 1));
        const double q =
            std::min(a - (a - 1) * (a - 1) / (rows - 1), b - (b - 1) * (b - 1) / (rows - 1)) - 1;
        return q > 0 ? std::sqrt(corrected / q) : 0;
      }
    }
  }
};

template <CrossResult kResult>
absl::StatusOr<BoundAggregate> BindCrossTab(const AggregateCallInfo&) {
  return MakeAggregate(CrossTab{kResult}, Type(TypeKind::kFloat64));
}

// entropy: in bits, of the frequencies of whole rows.
struct Entropy {
  using State = absl::flat_hash_map<uint64_t, uint64_t>;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : hashes(arguments[0].size()) {
      std::vector<uint64_t> more(hashes.size());
      for (const Vector& argument : arguments) {
        HashRows(argument, more.size(), more.data());
        for (size_t i = 0; i < more.size(); ++i) hashes[i] = FastHash64(hashes[i] ^ more[i]);
      }
    }
    std::vector<uint64_t> hashes;
  };
  void Add(State& state, const Columns& columns, size_t row) const { ++state[columns.hashes[row]]; }
  void Merge(State& into, const State& from) const {
    for (const auto& [hash, rows] : from) into[hash] += rows;
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    double total = 0;
    for (const auto& [hash, rows] : state) total += static_cast<double>(rows);
    double entropy = 0;
    for (const auto& [hash, rows] : state) {
      const double p = static_cast<double>(rows) / total;
      entropy -= p * std::log2(p);
    }
    out->AppendDouble(entropy == 0 ? 0 : entropy);
  }
  size_t ExtraBytes(const State& state) const { return state.capacity() * 17; }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.size());
    for (const auto& [hash, rows] : state) {
      PutLittle(out, hash);
      PutVarint(out, rows);
    }
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > reader.left().size()) return false;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t hash = 0;
      uint64_t rows = 0;
      if (!reader.GetLittle(&hash) || !reader.GetVarint(&rows)) return false;
      (*state)[hash] += rows;
    }
    return true;
  }
};

absl::StatusOr<BoundAggregate> BindEntropy(const AggregateCallInfo&) {
  return MakeAggregate(Entropy(), Type(TypeKind::kFloat64));
}

constexpr AggregateEntry kEntries[] = {
    {"contingency", 2, 2, BindCrossTab<CrossResult::kContingency>, true},
    {"cramersV", 2, 2, BindCrossTab<CrossResult::kCramersV>, true},
    {"cramersVBiasCorrected", 2, 2, BindCrossTab<CrossResult::kCramersVCorrected>, true},
    {"theilsU", 2, 2, BindCrossTab<CrossResult::kTheilsU>, true},
    {"entropy", 1, kManyArguments, BindEntropy, true},
};

}  // namespace

std::span<const AggregateEntry> CrossTabAggregates() { return kEntries; }

}  // namespace hoglet::fn
