#include <algorithm>
#include <utility>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"

// Aggregates made of aggregates: NULL handling, DISTINCT, and the combinators by suffix, outermost
// last in the name ("sumIf", "uniqArrayOrNull").

namespace hoglet::fn {
namespace {

const AggregateEntry* FindEntry(std::string_view name) {
  for (const auto table : {BasicAggregates(), SetAggregates(), StatisticAggregates()}) {
    for (const AggregateEntry& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

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
  // The chosen rows only.
  absl::Status UpdateSelected(EvalContext& context, char* const* states,
                              std::span<const Vector> arguments,
                              const std::vector<uint32_t>& rows) const {
    if (rows.empty()) return absl::OkStatus();
    std::vector<Vector> picked;
    for (const Vector& argument : arguments)
      picked.push_back(argument.Gather(rows.data(), rows.size()));
    std::vector<char*> targets(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) targets[i] = states[rows[i]];
    return inner_->Update(context, targets.data(), picked, rows.size());
  }
  absl::Status UpdateAllSelected(EvalContext& context, char* state,
                                 std::span<const Vector> arguments,
                                 const std::vector<uint32_t>& rows) const {
    if (rows.empty()) return absl::OkStatus();
    std::vector<Vector> picked;
    for (const Vector& argument : arguments)
      picked.push_back(argument.Gather(rows.data(), rows.size()));
    return inner_->UpdateAll(context, state, picked, rows.size());
  }

  BoundAggregate inner_;
};

// A wrapper whose state has one more byte: whether the inner aggregate has seen a row.
class FlaggedWrapper : public Wrapper {
 public:
  explicit FlaggedWrapper(BoundAggregate inner)
      : Wrapper(std::move(inner)), flag_at_(inner_->state_bytes()) {}

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

// Rows with a NULL argument are left out; an aggregate over no other row is NULL.
class SkipNulls final : public FlaggedWrapper {
 public:
  SkipNulls(BoundAggregate inner, bool null_when_empty)
      : FlaggedWrapper(std::move(inner)), null_when_empty_(null_when_empty) {
    const bool may_be_null =
        result_type_.kind() != TypeKind::kArray && result_type_.kind() != TypeKind::kMap;
    null_when_empty_ &= may_be_null;
    if (null_when_empty_) result_type_ = result_type_.Nullable();
  }

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    std::vector<uint32_t> valid;
    if (AllValid(arguments)) {
      for (size_t i = 0; i < rows; ++i) SetFlag(states[i]);
      return inner_->Update(context, states, arguments, rows);
    }
    ValidRows(arguments, rows, &valid);
    for (uint32_t row : valid) SetFlag(states[row]);
    return UpdateSelected(context, states, arguments, valid);
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    if (rows == 0) return absl::OkStatus();
    if (AllValid(arguments)) {
      SetFlag(state);
      return inner_->UpdateAll(context, state, arguments, rows);
    }
    std::vector<uint32_t> valid;
    ValidRows(arguments, rows, &valid);
    if (!valid.empty()) SetFlag(state);
    return UpdateAllSelected(context, state, arguments, valid);
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    if (null_when_empty_ && !Flag(state)) {
      out->AppendNull();
      return absl::OkStatus();
    }
    return inner_->Finalize(state, out);
  }

 private:
  static bool AllValid(std::span<const Vector> arguments) {
    return std::none_of(arguments.begin(), arguments.end(),
                        [](const Vector& v) { return v.MayHaveNulls(); });
  }
  static void ValidRows(std::span<const Vector> arguments, size_t rows,
                        std::vector<uint32_t>* valid) {
    valid->reserve(rows);
    for (size_t i = 0; i < rows; ++i) {
      if (std::none_of(arguments.begin(), arguments.end(),
                       [i](const Vector& v) { return v.IsNull(i); })) {
        valid->push_back(static_cast<uint32_t>(i));
      }
    }
  }

  bool null_when_empty_;
};

// -If: the last argument says which rows count.
class If final : public Wrapper {
 public:
  using Wrapper::Wrapper;

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    return UpdateSelected(context, states, arguments.first(arguments.size() - 1),
                          Chosen(arguments.back(), rows));
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    const std::vector<uint32_t> chosen = Chosen(arguments.back(), rows);
    // count() inside has no argument to gather.
    if (arguments.size() == 1) return inner_->UpdateAll(context, state, {}, chosen.size());
    return UpdateAllSelected(context, state, arguments.first(arguments.size() - 1), chosen);
  }

 private:
  static std::vector<uint32_t> Chosen(const Vector& condition, size_t rows) {
    std::vector<uint32_t> chosen;
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
};

// -OrNull and -OrDefault: what an aggregate over no row gives.
class OrEmpty final : public FlaggedWrapper {
 public:
  OrEmpty(BoundAggregate inner, bool null) : FlaggedWrapper(std::move(inner)), null_(null) {
    if (null_) result_type_ = result_type_.Nullable();
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
    if (null_) {
      out->AppendNull();
    } else {
      out->AppendDefault();
    }
    return absl::OkStatus();
  }

 private:
  bool null_;
};

// -Array: every element is a row.
class Elements final : public Wrapper {
 public:
  using Wrapper::Wrapper;

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    std::vector<Vector> flat;
    for (const Vector& argument : arguments) flat.push_back(argument.Flatten());
    std::vector<std::vector<uint32_t>> positions(flat.size());
    std::vector<char*> targets;
    for (size_t i = 0; i < rows; ++i) {
      const uint32_t count = flat[0].offsets()[i + 1] - flat[0].offsets()[i];
      for (size_t a = 0; a < flat.size(); ++a) {
        if (flat[a].offsets()[i + 1] - flat[a].offsets()[i] != count) {
          return WithErrorCode(
              absl::InvalidArgumentError(
                  "All arrays passed to an aggregate function with -Array must have equal sizes"),
              "sizes_of_arrays_dont_match");
        }
        for (uint32_t e = 0; e < count; ++e) positions[a].push_back(flat[a].offsets()[i] + e);
      }
      targets.insert(targets.end(), count, states[i]);
    }
    std::vector<Vector> elements;
    for (size_t a = 0; a < flat.size(); ++a)
      elements.push_back(flat[a].child().Gather(positions[a].data(), positions[a].size()));
    return targets.empty() ? absl::OkStatus()
                           : inner_->Update(context, targets.data(), elements, targets.size());
  }
};

// DISTINCT: a row counts the first time it is seen. The rows themselves are kept, because states
// are merged by value.
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
    const std::unique_ptr<char[]> memory(new char[inner_->state_bytes() + 16]);
    char* inner_state = memory.get() + (16 - reinterpret_cast<uintptr_t>(memory.get()) % 16) % 16;
    inner_->Create(inner_state);
    EvalContext context;
    absl::Status status;
    if (!rows.rows.empty())
      status = inner_->UpdateAll(context, inner_state, arguments, rows.rows.size());
    if (status.ok()) status = inner_->Finalize(inner_state, out);
    inner_->Destroy(inner_state);
    return status;
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
      bytes += key.size() * 2 + row.size() * sizeof(Datum) + 48;
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

// -State: the state itself, as bytes.
class KeepState final : public Wrapper {
 public:
  KeepState(BoundAggregate inner, Type type) : Wrapper(std::move(inner)) {
    result_type_ = std::move(type);
  }

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    return inner_->Update(context, states, arguments, rows);
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    std::string bytes;
    HOGLET_RETURN_IF_ERROR(inner_->Serialize(state, &bytes));
    out->AppendString(bytes);
    return absl::OkStatus();
  }
};

// -Merge: the argument is a column of states.
class MergeStates final : public Wrapper {
 public:
  using Wrapper::Wrapper;

  absl::Status Update(EvalContext&, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    const std::unique_ptr<char[]> memory(new char[inner_->state_bytes() + 16]);
    char* other = memory.get() + (16 - reinterpret_cast<uintptr_t>(memory.get()) % 16) % 16;
    const VectorReader<std::string_view> values(arguments[0]);
    for (size_t i = 0; i < rows; ++i) {
      if (!values.valid(i)) continue;
      inner_->Create(other);
      absl::Status status = inner_->Deserialize(values.at(i), other);
      if (status.ok()) status = inner_->Merge(states[i], other);
      inner_->Destroy(other);
      HOGLET_RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  }
};

// An aggregate of a bare NULL: no row ever counts.
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

absl::Status WrongArguments(std::string_view name, size_t found) {
  return WithErrorCode(absl::InvalidArgumentError(StrCat("Aggregate function ", name,
                                                         " does not take ", found, " arguments")),
                       "number_of_arguments_doesnt_match");
}

absl::StatusOr<BoundAggregate> BindBase(const AggregateEntry& entry,
                                        std::span<const Datum> parameters,
                                        std::span<const Type> types) {
  if (types.size() < static_cast<size_t>(entry.arguments_min) ||
      types.size() > static_cast<size_t>(entry.arguments_max)) {
    return WrongArguments(entry.name, types.size());
  }
  std::vector<Type> plain;
  bool nullable = false;
  bool nothing = false;
  for (const Type& type : types) {
    nullable |= type.nullable();
    nothing |= type.kind() == TypeKind::kNothing;
    plain.push_back(type.NotNullable());
  }
  if (nothing) {
    if (entry.null_when_empty)
      return std::make_unique<OfNothing>(Type(TypeKind::kNothing).Nullable(), true);
    const bool list = entry.name.starts_with("group") || entry.name == "topK";
    return std::make_unique<OfNothing>(
        list ? Type::Array(Type(TypeKind::kNothing)) : Type(TypeKind::kUInt64), false);
  }
  HOGLET_ASSIGN_OR_RETURN(BoundAggregate bound, entry.bind({entry.name, parameters, plain}));
  if (nullable) return std::make_unique<SkipNulls>(std::move(bound), entry.null_when_empty);
  return bound;
}

using CombinatorBinder = absl::StatusOr<BoundAggregate> (*)(std::string_view inner,
                                                            std::span<const Datum> parameters,
                                                            std::span<const Type> types);

absl::StatusOr<BoundAggregate> BindIf(std::string_view inner, std::span<const Datum> parameters,
                                      std::span<const Type> types) {
  if (types.empty()) return WrongArguments(StrCat(inner, "If"), 0);
  const Type& condition = types.back();
  if (!condition.IsNumber() && condition.kind() != TypeKind::kNothing)
    return IllegalAggregateArgument(StrCat(inner, "If"), condition);
  HOGLET_ASSIGN_OR_RETURN(
      auto bound, BindAggregateFunction(inner, parameters, types.first(types.size() - 1), false));
  return std::make_unique<If>(std::move(bound));
}

template <bool kNull>
absl::StatusOr<BoundAggregate> BindOrEmpty(std::string_view inner,
                                           std::span<const Datum> parameters,
                                           std::span<const Type> types) {
  HOGLET_ASSIGN_OR_RETURN(auto bound, BindAggregateFunction(inner, parameters, types, false));
  return std::make_unique<OrEmpty>(std::move(bound), kNull);
}

absl::StatusOr<BoundAggregate> BindElements(std::string_view inner,
                                            std::span<const Datum> parameters,
                                            std::span<const Type> types) {
  std::vector<Type> elements;
  for (const Type& type : types) {
    if (type.kind() != TypeKind::kArray)
      return IllegalAggregateArgument(StrCat(inner, "Array"), type);
    elements.push_back(type.element());
  }
  if (elements.empty()) return WrongArguments(StrCat(inner, "Array"), 0);
  HOGLET_ASSIGN_OR_RETURN(auto bound, BindAggregateFunction(inner, parameters, elements, false));
  return std::make_unique<Elements>(std::move(bound));
}

absl::StatusOr<BoundAggregate> BindDistinct(std::string_view inner,
                                            std::span<const Datum> parameters,
                                            std::span<const Type> types) {
  return BindAggregateFunction(inner, parameters, types, true);
}

absl::StatusOr<BoundAggregate> BindState(std::string_view inner, std::span<const Datum> parameters,
                                         std::span<const Type> types) {
  HOGLET_ASSIGN_OR_RETURN(auto bound, BindAggregateFunction(inner, parameters, types, false));
  Type type = Type::State(inner, {types.begin(), types.end()});
  return std::make_unique<KeepState>(std::move(bound), std::move(type));
}

absl::StatusOr<BoundAggregate> BindMerge(std::string_view inner, std::span<const Datum> parameters,
                                         std::span<const Type> types) {
  if (types.size() != 1) return WrongArguments(StrCat(inner, "Merge"), types.size());
  if (types[0].kind() != TypeKind::kState || types[0].names()[0] != inner)
    return IllegalAggregateArgument(StrCat(inner, "Merge"), types[0]);
  HOGLET_ASSIGN_OR_RETURN(auto bound,
                          BindAggregateFunction(inner, parameters, types[0].children(), false));
  return std::make_unique<MergeStates>(std::move(bound));
}

constexpr std::pair<std::string_view, CombinatorBinder> kCombinators[] = {
    {"If", BindIf},          {"OrNull", BindOrEmpty<true>}, {"OrDefault", BindOrEmpty<false>},
    {"Array", BindElements}, {"Distinct", BindDistinct},    {"State", BindState},
    {"Merge", BindMerge},
};

}  // namespace

absl::StatusOr<BoundAggregate> BindAggregateFunction(std::string_view name,
                                                     std::span<const Datum> parameters,
                                                     std::span<const Type> types, bool distinct) {
  if (distinct) {
    HOGLET_ASSIGN_OR_RETURN(auto bound, BindAggregateFunction(name, parameters, types, false));
    if (types.empty()) return bound;
    return std::make_unique<Distinct>(std::move(bound),
                                      std::vector<Type>(types.begin(), types.end()));
  }
  if (const AggregateEntry* entry = FindEntry(name); entry != nullptr)
    return BindBase(*entry, parameters, types);
  for (const auto& [suffix, bind] : kCombinators) {
    if (name.size() > suffix.size() && name.ends_with(suffix) &&
        IsAggregateName(name.substr(0, name.size() - suffix.size()))) {
      return bind(name.substr(0, name.size() - suffix.size()), parameters, types);
    }
  }
  return WithErrorCode(absl::NotFoundError(StrCat("Unknown aggregate function ", name)),
                       "unknown_function");
}

bool IsAggregateName(std::string_view name) {
  if (FindEntry(name) != nullptr) return true;
  for (const auto& [suffix, bind] : kCombinators) {
    if (name.size() > suffix.size() && name.ends_with(suffix) &&
        IsAggregateName(name.substr(0, name.size() - suffix.size())))
      return true;
  }
  return false;
}

}  // namespace hoglet::fn
