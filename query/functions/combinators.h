#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/functions/aggregate.h"

// Aggregates made of aggregates: the combinators by suffix, outermost last in the name ("sumIf" is
// If of sum, "uniqArrayOrNull" OrNull of Array of uniq). Whatever is Nullable among the arguments
// is taken off outside of all of them, as ClickHouse does it, which decides both which rows count
// and where a result may be NULL.

namespace hoglet::fn {

// Rows of which any argument is NULL do not count. With `null_when_empty` an aggregate over no
// other row is NULL; the inner result type can then be Nullable. `reads_arguments` false: the
// inner aggregate needs the number of rows alone (count).
struct NullRule {
  bool null_when_empty = false;
  bool reads_arguments = true;
};
BoundAggregate MakeSkipNulls(BoundAggregate inner, NullRule rule);
// -If: the last argument says which rows count. `nullable` null: no argument is Nullable but
// perhaps the condition.
BoundAggregate MakeIf(BoundAggregate inner, const NullRule* nullable);
// -OrNull, -OrDefault: what an aggregate over no row gives.
BoundAggregate MakeOrEmpty(BoundAggregate inner, bool null);
// DISTINCT: a row counts the first time it is seen.
BoundAggregate MakeDistinct(BoundAggregate inner, std::vector<Type> types);
// An aggregate of a bare NULL: no row ever counts.
BoundAggregate MakeOfNothing(Type type, bool null);

// -Array: every element is a row.
BoundAggregate MakeElements(BoundAggregate inner);
// -ForEach: one aggregate for each position in the arrays.
BoundAggregate MakeForEach(BoundAggregate inner);
// -Map: one aggregate for each key of the maps.
BoundAggregate MakeMapOf(BoundAggregate inner, Type key_type);
// -ArgMin, -ArgMax: only the rows count whose last argument is the smallest or largest.
BoundAggregate MakeArgExtremeOf(BoundAggregate inner, Type key_type, bool max);
// -Resample: the last argument, a number, says which of the intervals [begin + k * step, ...) a row
// belongs to; one aggregate for each interval.
struct ResampleIntervals {
  int64_t begin = 0;
  int64_t end = 0;
  uint64_t step = 1;
  uint64_t count = 0;
};
BoundAggregate MakeResample(BoundAggregate inner, ResampleIntervals intervals);

// -State: the state itself, as bytes; `type` names the aggregate.
BoundAggregate MakeKeepState(BoundAggregate inner, Type type);
// -Merge: the argument is a column of states.
BoundAggregate MakeMergeStates(BoundAggregate inner);

// Hands everything on to the aggregate inside, whose state comes first in its own.
class Wrapper : public AggregateFunction {
 public:
  explicit Wrapper(BoundAggregate inner) : inner_(std::move(inner)) {
    result_type_ = inner_->result_type();
  }

  size_t state_bytes() const override { return inner_->state_bytes(); }
  void Create(char* state) const override { inner_->Create(state); }
  void Destroy(char* state) const override { inner_->Destroy(state); }
  bool trivially_destructible() const override { return inner_->trivially_destructible(); }
  absl::Status Merge(char* into, const char* from) const override {
    return inner_->Merge(into, from);
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    return inner_->Finalize(state, out);
  }
  size_t ExtraBytes(const char* state) const override { return inner_->ExtraBytes(state); }
  absl::Status Serialize(const char* state, std::string* out) const override {
    return inner_->Serialize(state, out);
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    return inner_->Deserialize(bytes, state);
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    const std::vector<char*> states(rows, state);
    return Update(context, states.data(), arguments, rows);
  }

 protected:
  BoundAggregate inner_;
};

// A wrapper that keeps whole states of the inner aggregate on the heap, inside an object of its
// own: T is that object, `T::ForEachState(f)` calls f with every `char*` in it.
template <typename T>
class HeapWrapper : public Wrapper {
 public:
  using Wrapper::Wrapper;

  size_t state_bytes() const override { return sizeof(T); }
  void Create(char* state) const override { new (state) T(); }
  void Destroy(char* state) const override {
    At(state).ForEachState([this](char* inner) { FreeState(inner); });
    At(state).~T();
  }
  bool trivially_destructible() const override { return false; }

 protected:
  static T& At(char* state) { return *std::launder(reinterpret_cast<T*>(state)); }
  static const T& At(const char* state) { return *std::launder(reinterpret_cast<const T*>(state)); }
  char* NewState() const {
    auto* state =
        static_cast<char*>(::operator new (inner_->state_bytes() + 1, std::align_val_t{16}));
    inner_->Create(state);
    return state;
  }
  void FreeState(char* state) const {
    inner_->Destroy(state);
    ::operator delete (state, std::align_val_t{16});
  }
  absl::Status SerializeInner(const char* state, std::string* out) const {
    std::string bytes;
    HOGLET_RETURN_IF_ERROR(inner_->Serialize(state, &bytes));
    PutString(out, bytes);
    return absl::OkStatus();
  }
  absl::Status DeserializeInner(ByteReader& reader, char* state) const {
    std::string_view bytes;
    if (!reader.GetString(&bytes)) return absl::DataLossError("damaged aggregate state");
    return inner_->Deserialize(bytes, state);
  }
  // Of all inner states, their fixed parts included.
  size_t InnerBytes(const T& object) const {
    size_t bytes = 0;
    object.ForEachState([&](const char* state) {
      bytes += inner_->state_bytes() + 16 + inner_->ExtraBytes(state);
    });
    return bytes;
  }
};

// One state of `function` for the duration of a block.
class TemporaryState {
 public:
  explicit TemporaryState(const AggregateFunction& function)
      : function_(function),
        state_(
            static_cast<char*>(::operator new (function.state_bytes() + 1, std::align_val_t{16}))) {
    function_.Create(state_);
  }
  ~TemporaryState() {
    function_.Destroy(state_);
    ::operator delete (state_, std::align_val_t{16});
  }
  TemporaryState(const TemporaryState&) = delete;
  TemporaryState& operator=(const TemporaryState&) = delete;
  char* get() const { return state_; }
  void Reset() {
    function_.Destroy(state_);
    function_.Create(state_);
  }

 private:
  const AggregateFunction& function_;
  char* state_;
};

}  // namespace hoglet::fn
