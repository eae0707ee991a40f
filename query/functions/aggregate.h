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
// adapter around it (combinators.cpp), as are the combinators: If, Array, Distinct, OrNull,
// OrDefault, State, Merge.

namespace hoglet::fn {

using BoundAggregate = std::unique_ptr<AggregateFunction>;

// `types` may be nullable. kNotFound for an unknown name.
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
struct AggregateEntry {
  std::string_view name;
  int arguments_min;
  int arguments_max;
  absl::StatusOr<BoundAggregate> (*bind)(const AggregateCallInfo& call);
  // False: an aggregate over no rows has a value of its own even where an argument is Nullable
  // (count, uniq, groupArray).
  bool null_when_empty;
};
std::span<const AggregateEntry> BasicAggregates();      // aggregates_basic.cpp
std::span<const AggregateEntry> SetAggregates();        // aggregates_sets.cpp
std::span<const AggregateEntry> StatisticAggregates();  // aggregates_statistics.cpp

absl::Status IllegalAggregateArgument(std::string_view name, const Type& type);

// Impl: `State`; `Columns`, made from the argument vectors once a batch; Add(State&, const
// Columns&, row) const; Merge(State&, const State&) const; Finalize(const State&, VectorBuilder*)
// const; Write(const State&, std::string*) const and Read(ByteReader&, State*) const -> bool unless
// State is trivially copyable; optionally ExtraBytes(const State&) const.
template <typename Impl>
class Aggregate final : public AggregateFunction {
 public:
  using State = typename Impl::State;

  Aggregate(Impl impl, Type result) : impl_(std::move(impl)) { result_type_ = std::move(result); }

  size_t state_bytes() const override { return sizeof(State); }
  void Create(char* state) const override { new (state) State(); }
  void Destroy(char* state) const override { At(state).~State(); }
  bool trivially_destructible() const override { return std::is_trivially_destructible_v<State>; }

  absl::Status Update(EvalContext&, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    const typename Impl::Columns columns(arguments);
    for (size_t i = 0; i < rows; ++i) impl_.Add(At(states[i]), columns, i);
    return absl::OkStatus();
  }
  absl::Status UpdateAll(EvalContext&, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    const typename Impl::Columns columns(arguments);
    if constexpr (requires(State & s) { impl_.AddAll(s, columns, rows); }) {
      impl_.AddAll(At(state), columns, rows);
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
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    impl_.Finalize(At(state), out);
    return absl::OkStatus();
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

// A number column read as double.
class DoubleReader {
 public:
  explicit DoubleReader(const Vector& vector);
  double at(size_t row) const { return values_[vector_.Position(row)]; }

 private:
  const Vector& vector_;
  std::vector<double> converted_;
  const double* values_;
};

// Serialised values of any type.
void WriteDatum(const Datum& value, std::string* out);
bool ReadDatum(ByteReader& reader, Datum* value, int depth = 0);

}  // namespace hoglet::fn
