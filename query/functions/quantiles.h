#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "query/functions/aggregate.h"

// What all quantile functions share: levels, one or many results, the type of a result.
//
// A Kind has: Value, what it keeps; Reader, which reads a column as Value; State; Add(State&,
// Value, uint64_t weight); Merge(State&, const State&); Get(const State&, levels, std::vector<R>*),
// one result a level, none if there are no values; Bytes(const State&); Write and Read as
// aggregates have them.

namespace hoglet::fn {

// kInvalidArgument unless every parameter is a number in [0, 1]; 0.5 if there is none. Only one
// unless `many`.
absl::StatusOr<std::vector<double>> QuantileLevels(const AggregateCallInfo& call, bool many);

// The states that count how often each value came: a varint of entries, then value and count each.
template <typename Counts>
void WriteCounts(const Counts& counts, std::string* out) {
  PutVarint(out, counts.size());
  for (const auto& [value, count] : counts) {
    PutLittle(out, value);
    PutVarint(out, count);
  }
}
template <typename Counts>
bool ReadCounts(ByteReader& reader, Counts* counts) {
  uint64_t entries = 0;
  if (!reader.GetVarint(&entries) || entries > reader.left().size()) return false;
  for (uint64_t i = 0; i < entries; ++i) {
    typename Counts::key_type value{};
    uint64_t count = 0;
    if (!reader.GetLittle(&value) || !reader.GetVarint(&count)) return false;
    (*counts)[value] += count;
  }
  return true;
}

// Appends, a level each, the first value at which the counts of all up to it reach that share of
// the total. There is at least one value; sorts them.
template <typename Value, typename Result>
void QuantilesOfCounts(std::vector<std::pair<Value, uint64_t>> counts,
                       std::span<const double> levels, std::vector<Result>* out) {
  std::sort(counts.begin(), counts.end());
  double total = 0;
  for (const auto& [value, count] : counts) total += static_cast<double>(count);
  for (double level : levels) {
    const double threshold = std::ceil(total * level);
    double passed = 0;
    size_t i = 0;
    for (; i + 1 < counts.size(); ++i) {
      passed += static_cast<double>(counts[i].second);
      if (passed >= threshold) break;
    }
    out->push_back(counts[i].first);
  }
}

template <typename Kind>
struct QuantileAggregate {
  Kind kind;
  std::vector<double> levels;
  bool many;
  Physical result;

  using State = typename Kind::State;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : values(MakeReader(arguments[0])) {
      if (arguments.size() > 1) weights.emplace(arguments[1]);
    }
    static typename Kind::Reader MakeReader(const Vector& vector) {
      if constexpr (std::is_same_v<typename Kind::Reader, DoubleReader>) {
        return DoubleReader(vector, /*scaled=*/false);
      } else {
        return typename Kind::Reader(vector);
      }
    }
    typename Kind::Reader values;
    std::optional<IntegerReader<uint64_t>> weights;
  };

  void Add(State& state, const Columns& columns, size_t row) const {
    const auto value = static_cast<typename Kind::Value>(columns.values.at(row));
    if constexpr (std::is_same_v<typename Kind::Value, double>) {
      if (std::isnan(value)) return;
    }
    kind.Add(state, value, columns.weights.has_value() ? columns.weights->at(row) : 1);
  }
  void Merge(State& into, const State& from) const { kind.Merge(into, from); }
  void Finalize(const State& state, VectorBuilder* out) const {
    std::vector<decltype(kind.Result())> results;
    kind.Get(state, levels, &results);
    VectorBuilder* target = many ? &out->child() : out;
    for (size_t i = 0; i < levels.size(); ++i) {
      if (results.empty()) {
        AppendEmpty(target);
      } else {
        AppendOne(results[i], target);
      }
    }
    if (many) out->CloseArray();
  }
  size_t ExtraBytes(const State& state) const { return kind.Bytes(state); }
  void Write(const State& state, std::string* out) const { kind.Write(state, out); }
  bool Read(ByteReader& reader, State* state) const { return kind.Read(reader, state); }

 private:
  void AppendEmpty(VectorBuilder* out) const {
    if (result == Physical::kF64) {
      out->AppendDouble(std::numeric_limits<double>::quiet_NaN());
    } else {
      out->AppendDefault();
    }
  }
  template <typename R>
  void AppendOne(R value, VectorBuilder* out) const {
    if (result == Physical::kF64) {
      out->AppendDouble(static_cast<double>(value));
    } else if (result == Physical::kI128) {
      out->AppendWide(static_cast<Int128>(value));
    } else {
      out->AppendInteger(static_cast<int64_t>(value));
    }
  }
};

template <typename Kind>
absl::StatusOr<BoundAggregate> MakeQuantile(const AggregateCallInfo& call, Kind kind, bool many,
                                            const Type& result) {
  HOGLET_ASSIGN_OR_RETURN(std::vector<double> levels, QuantileLevels(call, many));
  QuantileAggregate<Kind> aggregate{std::move(kind), std::move(levels), many, result.physical()};
  return MakeAggregate(std::move(aggregate), many ? Type::Array(result) : result);
}

// Numbers, dates and times; a weight must be an unsigned integer.
absl::Status CheckQuantileArguments(const AggregateCallInfo& call);

// Numbers interpolate to a floating-point number; dates, times and decimals keep their type.
Type InterpolatedType(const Type& argument, TypeKind number);

template <typename T>
void WriteValues(const std::vector<T>& values, std::string* out) {
  PutVarint(out, values.size());
  for (const T& value : values) PutLittle(out, value);
}
template <typename T>
bool ReadValues(ByteReader& reader, std::vector<T>* values) {
  uint64_t count = 0;
  if (!reader.GetVarint(&count) || count > reader.left().size() / sizeof(T)) return false;
  values->resize(count);
  for (T& value : *values) {
    if (!reader.GetLittle(&value)) return false;
  }
  return true;
}

// The value at `place` (0 .. size - 1) of sorted values, between two of them on a straight line.
double Interpolate(std::span<const double> sorted, double place);

}  // namespace hoglet::fn
