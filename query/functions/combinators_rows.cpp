#include <algorithm>

#include "query/functions/combinators.h"
#include "query/functions/kernel.h"
#include "query/functions/types.h"

// Combinators that choose which rows an aggregate sees: NULL handling, If, OrNull, OrDefault,
// DISTINCT.

namespace hoglet::fn {
namespace {

// A wrapper that passes some rows on.
class RowFilter : public Wrapper {
 public:
  RowFilter(BoundAggregate inner, bool reads_arguments)
      : Wrapper(std::move(inner)), reads_arguments_(reads_arguments) {}

 protected:
  std::vector<Vector> Pick(std::span<const Vector> arguments,
                           const std::vector<uint32_t>& rows) const {
    std::vector<Vector> picked;
    if (!reads_arguments_) return picked;
    for (const Vector& argument : arguments)
      picked.push_back(argument.Gather(rows.data(), rows.size()));
    return picked;
  }
  absl::Status UpdateSelected(EvalContext& context, char* const* states,
                              std::span<const Vector> arguments,
                              const std::vector<uint32_t>& rows) const {
    if (rows.empty()) return absl::OkStatus();
    std::vector<char*> targets(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) targets[i] = states[rows[i]];
    return inner_->Update(context, targets.data(), Pick(arguments, rows), rows.size());
  }
  absl::Status UpdateAllSelected(EvalContext& context, char* state,
                                 std::span<const Vector> arguments,
                                 const std::vector<uint32_t>& rows) const {
    if (rows.empty()) return absl::OkStatus();
    return inner_->UpdateAll(context, state, Pick(arguments, rows), rows.size());
  }

 private:
  bool reads_arguments_;
};

// A filter whose state has one more byte: whether the inner aggregate has seen a row.
class FlaggedFilter : public RowFilter {
 public:
  FlaggedFilter(BoundAggregate inner, bool reads_arguments)
      : RowFilter(std::move(inner), reads_arguments), flag_at_(inner_->state_bytes()) {}

  size_t state_bytes() const override { return flag_at_ + 1; }
  void Create(char* state) const override {
    inner_->Create(state);
    state[flag_at_] = 0;
  }
  absl::Status Merge(char* into, const char* from) const override {
    into[flag_at_] = static_cast<char>(into[flag_at_] | from[flag_at_]);
    return inner_->Merge(into, from);
  }
  absl::Status Serialize(const char* state, std::string* out) const override {
    out->push_back(state[flag_at_]);
    return inner_->Serialize(state, out);
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    if (bytes.empty()) return absl::DataLossError("aggregate state is empty");
    state[flag_at_] = bytes[0];
    return inner_->Deserialize(bytes.substr(1), state);
  }

 protected:
  bool Flag(const char* state) const { return state[flag_at_] != 0; }
  void SetFlag(char* state) const { state[flag_at_] = 1; }

 private:
  size_t flag_at_;
};

// Passes on rows without NULLs; may be NULL itself if there was none.
class NullableFilter : public FlaggedFilter {
 public:
  NullableFilter(BoundAggregate inner, NullRule rule)
      : FlaggedFilter(std::move(inner), rule.reads_arguments),
        null_when_empty_(rule.null_when_empty && CanBeNullable(result_type_)) {
    if (null_when_empty_) result_type_ = result_type_.Nullable();
  }

  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    if (null_when_empty_ && !Flag(state)) {
      out->AppendNull();
      return absl::OkStatus();
    }
    return inner_->Finalize(state, out);
  }

 private:
  bool null_when_empty_;
};

bool AllValid(std::span<const Vector> arguments) {
  return std::none_of(arguments.begin(), arguments.end(),
                      [](const Vector& v) { return v.MayHaveNulls(); });
}

bool RowIsValid(std::span<const Vector> arguments, size_t row) {
  return std::none_of(arguments.begin(), arguments.end(),
                      [row](const Vector& v) { return v.IsNull(row); });
}

class SkipNulls final : public NullableFilter {
 public:
  using NullableFilter::NullableFilter;

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    if (AllValid(arguments)) {
      for (size_t i = 0; i < rows; ++i) SetFlag(states[i]);
      return inner_->Update(context, states, arguments, rows);
    }
    const std::vector<uint32_t> valid = ValidRows(arguments, rows);
    for (uint32_t row : valid) SetFlag(states[row]);
    return UpdateSelected(context, states, WithoutValidity(arguments), valid);
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    if (rows == 0) return absl::OkStatus();
    if (AllValid(arguments)) {
      SetFlag(state);
      return inner_->UpdateAll(context, state, arguments, rows);
    }
    const std::vector<uint32_t> valid = ValidRows(arguments, rows);
    if (!valid.empty()) SetFlag(state);
    return UpdateAllSelected(context, state, WithoutValidity(arguments), valid);
  }

 private:
  // For rows that are known to be valid: nothing to take along.
  static std::vector<Vector> WithoutValidity(std::span<const Vector> arguments) {
    std::vector<Vector> out(arguments.begin(), arguments.end());
    for (Vector& argument : out) {
      if (argument.form() == Vector::Form::kFlat) argument.clear_validity();
    }
    return out;
  }
  static std::vector<uint32_t> ValidRows(std::span<const Vector> arguments, size_t rows) {
    std::vector<uint32_t> valid(rows);
    size_t count = 0;
    const auto collect = [&](auto is_valid) {
      for (size_t i = 0; i < rows; ++i) {
        valid[count] = static_cast<uint32_t>(i);
        count += is_valid(i);
      }
    };
    const Vector& first = arguments[0];
    if (arguments.size() > 1 || first.is_constant() || !first.MayHaveNulls() ||
        first.type().physical() == Physical::kNone) {
      collect([&](size_t i) { return RowIsValid(arguments, i); });
    } else if (first.form() == Vector::Form::kFlat) {
      collect([bits = first.validity()](size_t i) { return BitIsSet(bits, i); });
    } else {
      collect([bits = first.dictionary()->validity(), codes = first.codes()](size_t i) {
        return BitIsSet(bits, codes[i]);
      });
    }
    valid.resize(count);
    return valid;
  }
};

// The rows whose condition is true.
std::vector<uint32_t> ChosenRows(const Vector& condition, size_t rows) {
  std::vector<uint32_t> chosen;
  if (condition.type().physical() == Physical::kNone) return chosen;
  if (condition.type().physical() == Physical::kU8) {
    const VectorReader<uint8_t> values(condition);
    chosen.resize(rows);
    size_t count = 0;
    if (values.all_valid()) {
      for (size_t i = 0; i < rows; ++i) {
        chosen[count] = static_cast<uint32_t>(i);
        count += values.at(i) != 0;
      }
    } else {
      for (size_t i = 0; i < rows; ++i) {
        chosen[count] = static_cast<uint32_t>(i);
        count += values.valid(i) && values.at(i) != 0;
      }
    }
    chosen.resize(count);
    return chosen;
  }
  const std::vector<uint8_t> truth = Truth(condition.Flatten(), rows);
  for (size_t i = 0; i < rows; ++i) {
    if (truth[i]) chosen.push_back(static_cast<uint32_t>(i));
  }
  return chosen;
}

class If final : public RowFilter {
 public:
  explicit If(BoundAggregate inner) : RowFilter(std::move(inner), true) {}

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    return UpdateSelected(context, states, arguments.first(arguments.size() - 1),
                          ChosenRows(arguments.back(), rows));
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    return UpdateAllSelected(context, state, arguments.first(arguments.size() - 1),
                             ChosenRows(arguments.back(), rows));
  }
};

// -If whose other arguments may be NULL: both filters in one pass.
class IfNotNull final : public NullableFilter {
 public:
  using NullableFilter::NullableFilter;

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    const std::vector<uint32_t> chosen = Chosen(arguments, rows);
    for (uint32_t row : chosen) SetFlag(states[row]);
    return UpdateSelected(context, states, arguments.first(arguments.size() - 1), chosen);
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    const std::vector<uint32_t> chosen = Chosen(arguments, rows);
    if (!chosen.empty()) SetFlag(state);
    return UpdateAllSelected(context, state, arguments.first(arguments.size() - 1), chosen);
  }

 private:
  static std::vector<uint32_t> Chosen(std::span<const Vector> arguments, size_t rows) {
    std::vector<uint32_t> chosen = ChosenRows(arguments.back(), rows);
    const auto values = arguments.first(arguments.size() - 1);
    if (!AllValid(values))
      std::erase_if(chosen, [&](uint32_t row) { return !RowIsValid(values, row); });
    return chosen;
  }
};

class OrEmpty final : public FlaggedFilter {
 public:
  OrEmpty(BoundAggregate inner, bool null) : FlaggedFilter(std::move(inner), true) {
    if (null && CanBeNullable(result_type_)) result_type_ = result_type_.Nullable();
  }

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    for (size_t i = 0; i < rows; ++i) SetFlag(states[i]);
    return inner_->Update(context, states, arguments, rows);
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    if (rows > 0) SetFlag(state);
    return inner_->UpdateAll(context, state, arguments, rows);
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    if (Flag(state)) return inner_->Finalize(state, out);
    if (result_type_.nullable()) {
      out->AppendNull();
    } else if (result_type_.kind() == TypeKind::kState) {
      // The default of a state is the state of no rows.
      return inner_->Finalize(state, out);
    } else {
      out->AppendDefault();
    }
    return absl::OkStatus();
  }
};

// The rows themselves are kept, because states are merged by value.
class Distinct final : public Wrapper {
 public:
  Distinct(BoundAggregate inner, std::vector<Type> types)
      : Wrapper(std::move(inner)), types_(std::move(types)) {}

  size_t state_bytes() const override { return sizeof(Rows); }
  void Create(char* state) const override { new (state) Rows(); }
  void Destroy(char* state) const override { At(state).~Rows(); }
  bool trivially_destructible() const override { return false; }
  absl::Status Update(EvalContext&, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    std::string key;
    for (size_t i = 0; i < rows; ++i) {
      key.clear();
      for (const Vector& argument : arguments) AppendKey(argument, i, &key);
      Rows& seen = At(states[i]);
      if (seen.keys.contains(std::string_view(key))) continue;
      std::vector<Datum> row;
      for (const Vector& argument : arguments) row.push_back(argument.Get(i));
      seen.Add(key, std::move(row));
    }
    return absl::OkStatus();
  }
  absl::Status Merge(char* into, const char* from) const override {
    const Rows& other = At(from);
    std::string key;
    for (const std::vector<Datum>& row : other.rows) {
      key.clear();
      for (size_t a = 0; a < row.size(); ++a) AppendKey(types_[a], row[a], &key);
      if (!At(into).keys.contains(std::string_view(key))) At(into).Add(key, row);
    }
    return absl::OkStatus();
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    const Rows& rows = At(state);
    std::vector<VectorBuilder> builders;
    for (const Type& type : types_) builders.emplace_back(type);
    for (const std::vector<Datum>& row : rows.rows) {
      for (size_t a = 0; a < row.size(); ++a) builders[a].Append(row[a]);
    }
    std::vector<Vector> arguments;
    for (VectorBuilder& builder : builders) arguments.push_back(builder.Build());
    const TemporaryState inner_state(*inner_);
    EvalContext context;
    if (!rows.rows.empty()) {
      HOGLET_RETURN_IF_ERROR(
          inner_->UpdateAll(context, inner_state.get(), arguments, rows.rows.size()));
    }
    return inner_->Finalize(inner_state.get(), out);
  }
  size_t ExtraBytes(const char* state) const override { return At(state).bytes; }
  absl::Status Serialize(const char* state, std::string* out) const override {
    PutVarint(out, At(state).rows.size());
    for (const std::vector<Datum>& row : At(state).rows) {
      for (const Datum& value : row) WriteDatum(value, out);
    }
    return absl::OkStatus();
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    ByteReader reader(bytes);
    uint64_t count = 0;
    bool fine = reader.GetVarint(&count) && count <= bytes.size();
    for (uint64_t i = 0; fine && i < count; ++i) {
      std::vector<Datum> row(types_.size());
      std::string key;
      for (size_t a = 0; fine && a < row.size(); ++a) {
        fine = ReadDatum(reader, &row[a]);
        if (fine) AppendKey(types_[a], row[a], &key);
      }
      if (fine) At(state).Add(key, std::move(row));
    }
    return fine ? absl::OkStatus() : absl::DataLossError("damaged aggregate state");
  }

 private:
  struct Rows {
    void Add(const std::string& key, std::vector<Datum> row) {
      bytes += key.size() * 2 + HeapBytes(row) + 48;
      keys.insert(key);
      rows.push_back(std::move(row));
    }
    StringSet keys;
    std::vector<std::vector<Datum>> rows;
    size_t bytes = 0;
  };
  static Rows& At(char* state) { return *std::launder(reinterpret_cast<Rows*>(state)); }
  static const Rows& At(const char* state) {
    return *std::launder(reinterpret_cast<const Rows*>(state));
  }

  std::vector<Type> types_;
};

class OfNothing final : public AggregateFunction {
 public:
  OfNothing(Type type, bool null) : null_(null) { result_type_ = std::move(type); }
  size_t state_bytes() const override { return 1; }
  void Create(char* state) const override { *state = 0; }
  void Destroy(char*) const override {}
  bool trivially_destructible() const override { return true; }
  absl::Status Update(EvalContext&, char* const*, std::span<const Vector>, size_t) const override {
    return absl::OkStatus();
  }
  absl::Status UpdateAll(EvalContext&, char*, std::span<const Vector>, size_t) const override {
    return absl::OkStatus();
  }
  absl::Status Merge(char*, const char*) const override { return absl::OkStatus(); }
  absl::Status Finalize(const char*, VectorBuilder* out) const override {
    if (null_) {
      out->AppendNull();
    } else {
      out->AppendDefault();
    }
    return absl::OkStatus();
  }
  absl::Status Serialize(const char*, std::string*) const override { return absl::OkStatus(); }
  absl::Status Deserialize(std::string_view, char*) const override { return absl::OkStatus(); }

 private:
  bool null_;
};

}  // namespace

BoundAggregate MakeSkipNulls(BoundAggregate inner, NullRule rule) {
  return std::make_unique<SkipNulls>(std::move(inner), rule);
}

BoundAggregate MakeIf(BoundAggregate inner, const NullRule* nullable) {
  if (nullable == nullptr) return std::make_unique<If>(std::move(inner));
  return std::make_unique<IfNotNull>(std::move(inner), *nullable);
}

BoundAggregate MakeOrEmpty(BoundAggregate inner, bool null) {
  return std::make_unique<OrEmpty>(std::move(inner), null);
}

BoundAggregate MakeDistinct(BoundAggregate inner, std::vector<Type> types) {
  return std::make_unique<Distinct>(std::move(inner), std::move(types));
}

BoundAggregate MakeOfNothing(Type type, bool null) {
  return std::make_unique<OfNothing>(std::move(type), null);
}

}  // namespace hoglet::fn
