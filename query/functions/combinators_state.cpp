#include "query/functions/combinators.h"

// -State and -Merge: states of aggregates as values.

namespace hoglet::fn {
namespace {

class KeepState final : public Wrapper {
 public:
  KeepState(BoundAggregate inner, Type type) : Wrapper(std::move(inner)) {
    result_type_ = std::move(type);
  }

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    return inner_->Update(context, states, arguments, rows);
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    return inner_->UpdateAll(context, state, arguments, rows);
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    std::string bytes;
    HOGLET_RETURN_IF_ERROR(inner_->Serialize(state, &bytes));
    out->AppendString(bytes);
    return absl::OkStatus();
  }
};

class MergeStates final : public Wrapper {
 public:
  using Wrapper::Wrapper;

  absl::Status Update(EvalContext&, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    TemporaryState other(*inner_);
    const VectorReader<std::string_view> values(arguments[0]);
    for (size_t i = 0; i < rows; ++i) {
      // An empty value is the default of the type: the state of no rows.
      if (!values.valid(i) || values.at(i).empty()) continue;
      HOGLET_RETURN_IF_ERROR(inner_->Deserialize(values.at(i), other.get()));
      HOGLET_RETURN_IF_ERROR(inner_->Merge(states[i], other.get()));
      other.Reset();
    }
    return absl::OkStatus();
  }
};

}  // namespace

BoundAggregate MakeKeepState(BoundAggregate inner, Type type) {
  return std::make_unique<KeepState>(std::move(inner), std::move(type));
}

BoundAggregate MakeMergeStates(BoundAggregate inner) {
  return std::make_unique<MergeStates>(std::move(inner));
}

}  // namespace hoglet::fn
