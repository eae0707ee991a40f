#pragma once

#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "query/analyze/function_catalog.h"
#include "src/base/bytes.h"
#include "src/base/strings.h"

// Aggregate functions: what they share.
//
// An aggregate is an Impl with a State, bound to argument types without NULLs; Aggregate<Impl>
// makes the virtual interface of it. NULLs are taken out, and Nullable results put in, by an
// adapter around it, as are the combinators (combinators.h): If, Array, ForEach, Map, Distinct,
// OrNull, OrDefault, ArgMin, ArgMax, Resample, State, SimpleState, Merge.

namespace hoglet::fn {

using BoundAggregate = std::unique_ptr<AggregateFunction>;

// `types` may be nullable. The name may carry parameters of its own ("quantile(0.9)") where
// `parameters` is empty. kNotFound for an unknown name.
absl::StatusOr<BoundAggregate> BindAggregateFunction(std::string_view name,
                                                     std::span<const Datum> parameters,
                                                     std::span<const Type> types, bool distinct);
bool IsAggregateName(std::string_view name);

// One base aggregate. `types` are not nullable.
struct AggregateCallInfo {
  std::string_view name;
  std::span<const Datum> parameters;
  std::span<const Type> types;
};
inline constexpr int kManyArguments = 100;
inline constexpr int kManyParameters = 1000;
struct AggregateEntry {
  std::string_view name;
  int arguments_min;
  int arguments_max;
  absl::StatusOr<BoundAggregate> (*bind)(const AggregateCallInfo& call);
  // False: an aggregate over no rows has a value of its own even where an argument is Nullable
  // (count, uniq, groupArray).
  bool null_when_empty;
  int parameters_max = 0;
  // The name ClickHouse knows it by, where `name` is an alias ("median" is "quantile").
  std::string_view alias_of = {};
};
std::span<const AggregateEntry> ArrayAggregates();        // aggregates_arrays.cpp
std::span<const AggregateEntry> BasicAggregates();        // aggregates_basic.cpp
std::span<const AggregateEntry> BitAggregates();          // aggregates_bits.cpp
std::span<const AggregateEntry> CrossTabAggregates();     // aggregates_cross_tab.cpp
std::span<const AggregateEntry> FunnelAggregates();       // aggregates_funnel.cpp
std::span<const AggregateEntry> MappedArrayAggregates();  // aggregates_mapped_arrays.cpp
std::span<const AggregateEntry> QuantileAggregates();     // aggregates_quantiles.cpp
std::span<const AggregateEntry> SeriesAggregates();       // aggregates_series.cpp
std::span<const AggregateEntry> SetAggregates();          // aggregates_sets.cpp
std::span<const AggregateEntry> SketchQuantiles();        // aggregates_sketches.cpp
std::span<const AggregateEntry> StatisticAggregates();    // aggregates_statistics.cpp

absl::Status IllegalAggregateArgument(std::string_view name, const Type& type);
absl::Status BadAggregateParameter(std::string_view name, std::string_view what);
absl::Status WrongAggregateArguments(std::string_view name, std::string_view what);

// The parameter as a number that is not negative; kInvalidArgument if it is something else.
absl::StatusOr<uint64_t> UnsignedParameter(const AggregateCallInfo& call, size_t i);
absl::StatusOr<double> NumberParameter(const AggregateCallInfo& call, size_t i);

// Impl: `State`; `Columns`, made from the argument vectors once a batch; Add(State&, const
// Columns&, row) const, which may return a status; Merge(State&, const State&) const;
// Finalize(const State&, VectorBuilder*) const, and Result(const State&) const too where that is
// one value of the result's physical form; Write(const State&, std::string*) const and
// Read(ByteReader&, State*) const -> bool unless State is trivially copyable; optionally
// ExtraBytes(const State&) const, and Prefetch(const State&, const Columns&, row) const, called
// some rows before Add.
template <typename Impl>
class Aggregate final : public AggregateFunction {
 public:
  using State = typename Impl::State;

  Aggregate(Impl impl, Type result) : impl_(std::move(impl)) { result_type_ = std::move(result); }

  size_t state_bytes() const override { return sizeof(State); }
  void Create(char* state) const override { new (state) State(); }
  void CreateMany(char* first, size_t stride, size_t count) const override {
    for (size_t i = 0; i < count; ++i) new (first + i * stride) State();
  }
  void Destroy(char* state) const override { At(state).~State(); }
  bool trivially_destructible() const override { return std::is_trivially_destructible_v<State>; }

  absl::Status Update(EvalContext&, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    const typename Impl::Columns columns(arguments);
    for (size_t i = 0; i < rows; ++i) {
      if constexpr (requires { impl_.Prefetch(At(states[i]), columns, i); }) {
        if (i + kAhead < rows) impl_.Prefetch(At(states[i + kAhead]), columns, i + kAhead);
      }
      if constexpr (kCanFail) {
        HOGLET_RETURN_IF_ERROR(impl_.Add(At(states[i]), columns, i));
      } else {
        impl_.Add(At(states[i]), columns, i);
      }
    }
    return absl::OkStatus();
  }
  absl::Status UpdateAll(EvalContext&, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    const typename Impl::Columns columns(arguments);
    if constexpr (requires(State & s) { impl_.AddAll(s, columns, rows); }) {
      impl_.AddAll(At(state), columns, rows);
    } else if constexpr (kCanFail) {
      for (size_t i = 0; i < rows; ++i) HOGLET_RETURN_IF_ERROR(impl_.Add(At(state), columns, i));
    } else {
      State& one = At(state);
      for (size_t i = 0; i < rows; ++i) impl_.Add(one, columns, i);
    }
    return absl::OkStatus();
  }
  absl::Status Merge(char* into, const char* from) const override {
    impl_.Merge(At(into), At(from));
    return absl::OkStatus();
  }
  absl::Status MergeMany(char* const* into, char* const* from, size_t count) const override {
    for (size_t i = 0; i < count; ++i) impl_.Merge(At(into[i]), At(from[i]));
    return absl::OkStatus();
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    impl_.Finalize(At(state), out);
    return absl::OkStatus();
  }
  absl::StatusOr<Vector> FinalizeMany(std::span<const char* const> states) const override {
    if constexpr (requires(const State& s) { impl_.Result(s); }) {
      using Value = decltype(impl_.Result(std::declval<const State&>()));
      Vector out = Vector::Flat(result_type_, states.size());
      auto* values = out.mutable_data<Value>();
      for (size_t i = 0; i < states.size(); ++i) values[i] = impl_.Result(At(states[i]));
      return out;
    } else {
      return AggregateFunction::FinalizeMany(states);
    }
  }
  size_t ExtraBytes(const char* state) const override {
    if constexpr (requires(const State& s) { impl_.ExtraBytes(s); })
      return impl_.ExtraBytes(At(state));
    return 0;
  }
  absl::Status Serialize(const char* state, std::string* out) const override {
    if constexpr (std::is_trivially_copyable_v<State>) {
      out->append(state, sizeof(State));
    } else {
      impl_.Write(At(state), out);
    }
    return absl::OkStatus();
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    if constexpr (std::is_trivially_copyable_v<State>) {
      if (bytes.size() != sizeof(State))
        return absl::DataLossError("aggregate state of a wrong length");
      std::memcpy(state, bytes.data(), sizeof(State));
      return absl::OkStatus();
    } else {
      ByteReader reader(bytes);
      return impl_.Read(reader, &At(state)) ? absl::OkStatus()
                                            : absl::DataLossError("damaged aggregate state");
    }
  }

 private:
  static constexpr bool kCanFail =
      std::is_same_v<decltype(std::declval<const Impl&>().Add(
                         std::declval<State&>(), std::declval<const typename Impl::Columns&>(), 0)),
                     absl::Status>;
  // Rows between fetching what a state points to and changing it.
  static constexpr size_t kAhead = 8;
  static State& At(char* state) { return *std::launder(reinterpret_cast<State*>(state)); }
  static const State& At(const char* state) {
    return *std::launder(reinterpret_cast<const State*>(state));
  }

  Impl impl_;
};

template <typename Impl>
BoundAggregate MakeAggregate(Impl impl, Type result) {
  return std::make_unique<Aggregate<Impl>>(std::move(impl), std::move(result));
}

// Columns of an aggregate that reads one argument of a known physical form.
template <typename T>
struct OneColumn {
  explicit OneColumn(std::span<const Vector> arguments)
      : vector(arguments[0]), values(arguments[0]) {}
  const T* flat() const {
    return vector.form() == Vector::Form::kFlat ? vector.template data<T>() : nullptr;
  }
  const Vector& vector;
  VectorReader<T> values;
};

// A number column read as double. Decimals by their value, or with `scaled` false by their digits.
class DoubleReader {
 public:
  explicit DoubleReader(const Vector& vector, bool scaled = true);
  double at(size_t row) const { return values_[vector_.Position(row)]; }

 private:
  const Vector& vector_;
  std::vector<double> converted_;
  const double* values_;
};

// The arguments of an aggregate of one number, and of one of two.
struct DoubleColumn {
  explicit DoubleColumn(std::span<const Vector> arguments) : values(arguments[0]) {}
  DoubleReader values;
};
struct DoublePair {
  explicit DoublePair(std::span<const Vector> arguments) : x(arguments[0]), y(arguments[1]) {}
  DoubleReader x;
  DoubleReader y;
};

// Integers and whatever lies in memory like them: dates, times, decimals. T is int64_t, uint64_t or
// Int128.
template <typename T>
class IntegerReader {
 public:
  explicit IntegerReader(const Vector& vector)
      : physical_(vector.type().physical()), narrow_(vector), plain_(vector), wide_(vector) {}
  T at(size_t row) const {
    if (physical_ == Physical::kI64) return static_cast<T>(plain_.at(row));
    return physical_ == Physical::kU8 ? static_cast<T>(narrow_.at(row))
                                      : static_cast<T>(wide_.at(row));
  }

 private:
  Physical physical_;
  VectorReader<uint8_t> narrow_;
  VectorReader<int64_t> plain_;
  VectorReader<Int128> wide_;
};

// Bytes that a value holds beside itself, with what an allocator adds.
size_t HeapBytes(const Datum& value);
// Of a list's values, itself not included.
size_t HeapBytes(const std::vector<Datum>& values);

// Serialised values of any type.
void WriteDatum(const Datum& value, std::string* out);
bool ReadDatum(ByteReader& reader, Datum* value, int depth = 0);

}  // namespace hoglet::fn
