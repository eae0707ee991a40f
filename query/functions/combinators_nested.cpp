#include <algorithm>
#include <utility>

#include "query/functions/combinators.h"
#include "query/functions/types.h"

// Combinators that hold many states of one aggregate or take its rows apart: Array, ForEach, Map,
// ArgMin, ArgMax, Resample.

namespace hoglet::fn {
namespace {

// Elements of the arrays of all rows, gathered argument by argument.
struct ElementRows {
  std::vector<std::vector<uint32_t>> positions;  // by argument
  std::vector<char*> targets;

  void Add(char* target, std::span<const Vector> flat, size_t row, size_t element) {
    for (size_t a = 0; a < flat.size(); ++a)
      positions[a].push_back(flat[a].offsets()[row] + static_cast<uint32_t>(element));
    targets.push_back(target);
  }
  absl::Status Update(EvalContext& context, const AggregateFunction& function,
                      std::span<const Vector> flat) const {
    if (targets.empty()) return absl::OkStatus();
    std::vector<Vector> elements;
    for (size_t a = 0; a < flat.size(); ++a)
      elements.push_back(flat[a].child().Gather(positions[a].data(), positions[a].size()));
    return function.Update(context, targets.data(), elements, targets.size());
  }
};

// Length of the row's arrays, which must be equal.
absl::StatusOr<size_t> CommonLength(std::span<const Vector> flat, size_t row,
                                    std::string_view combinator) {
  const uint32_t count = flat[0].offsets()[row + 1] - flat[0].offsets()[row];
  for (const Vector& array : flat) {
    if (array.offsets()[row + 1] - array.offsets()[row] != count) {
      return WithErrorCode(
          absl::InvalidArgumentError(StrCat("All arrays passed to an aggregate function with -",
                                            combinator, " must have equal sizes")),
          "sizes_of_arrays_dont_match");
    }
  }
  return count;
}

std::vector<Vector> FlattenAll(std::span<const Vector> arguments) {
  std::vector<Vector> flat;
  for (const Vector& argument : arguments) flat.push_back(argument.Flatten());
  return flat;
}

class Elements final : public Wrapper {
 public:
  using Wrapper::Wrapper;

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    const std::vector<Vector> flat = FlattenAll(arguments);
    ElementRows elements;
    elements.positions.resize(flat.size());
    for (size_t i = 0; i < rows; ++i) {
      HOGLET_ASSIGN_OR_RETURN(size_t count, CommonLength(flat, i, "Array"));
      for (size_t e = 0; e < count; ++e) elements.Add(states[i], flat, i, e);
    }
    return elements.Update(context, *inner_, flat);
  }
};

struct StateList {
  std::vector<char*> states;
  template <typename F>
  void ForEachState(F f) const {
    for (char* state : states) f(state);
  }
};

class ForEach final : public HeapWrapper<StateList> {
 public:
  explicit ForEach(BoundAggregate inner) : HeapWrapper(std::move(inner)) {
    result_type_ = Type::Array(inner_->result_type());
  }

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    const std::vector<Vector> flat = FlattenAll(arguments);
    ElementRows elements;
    elements.positions.resize(flat.size());
    for (size_t i = 0; i < rows; ++i) {
      HOGLET_ASSIGN_OR_RETURN(size_t count, CommonLength(flat, i, "ForEach"));
      StateList& list = At(states[i]);
      GrowTo(count, &list);
      for (size_t e = 0; e < count; ++e) elements.Add(list.states[e], flat, i, e);
    }
    return elements.Update(context, *inner_, flat);
  }
  absl::Status Merge(char* into, const char* from) const override {
    const StateList& other = At(from);
    GrowTo(other.states.size(), &At(into));
    for (size_t e = 0; e < other.states.size(); ++e)
      HOGLET_RETURN_IF_ERROR(inner_->Merge(At(into).states[e], other.states[e]));
    return absl::OkStatus();
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    for (const char* inner : At(state).states)
      HOGLET_RETURN_IF_ERROR(inner_->Finalize(inner, &out->child()));
    out->CloseArray();
    return absl::OkStatus();
  }
  size_t ExtraBytes(const char* state) const override {
    return At(state).states.capacity() * sizeof(char*) + InnerBytes(At(state));
  }
  absl::Status Serialize(const char* state, std::string* out) const override {
    PutVarint(out, At(state).states.size());
    for (const char* inner : At(state).states) HOGLET_RETURN_IF_ERROR(SerializeInner(inner, out));
    return absl::OkStatus();
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    ByteReader reader(bytes);
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > bytes.size())
      return absl::DataLossError("damaged aggregate state");
    GrowTo(count, &At(state));
    for (char* inner : At(state).states) HOGLET_RETURN_IF_ERROR(DeserializeInner(reader, inner));
    return absl::OkStatus();
  }

 private:
  void GrowTo(size_t count, StateList* list) const {
    while (list->states.size() < count) list->states.push_back(NewState());
  }
};

struct KeyedStates {
  struct Entry {
    Datum key;
    char* state;
  };
  StringMap<Entry> entries;  // by the key's bytes
  size_t key_bytes = 0;
  template <typename F>
  void ForEachState(F f) const {
    for (const auto& [bytes, entry] : entries) f(entry.state);
  }
};

class MapOf final : public HeapWrapper<KeyedStates> {
 public:
  MapOf(BoundAggregate inner, Type key_type)
      : HeapWrapper(std::move(inner)), key_type_(std::move(key_type)) {
    result_type_ = Type::Map(key_type_, inner_->result_type());
  }

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    const Vector flat = arguments[0].Flatten();
    const Vector& keys = flat.child().children()[0];
    std::vector<char*> targets;
    std::vector<uint32_t> positions;
    std::string bytes;
    for (size_t i = 0; i < rows; ++i) {
      for (uint32_t e = flat.offsets()[i]; e < flat.offsets()[i + 1]; ++e) {
        bytes.clear();
        AppendKey(keys, e, &bytes);
        auto& entries = At(states[i]).entries;
        const auto found = entries.find(std::string_view(bytes));
        targets.push_back(found != entries.end() ? found->second.state
                                                 : Add(bytes, keys.Get(e), &At(states[i])));
        positions.push_back(e);
      }
    }
    if (targets.empty()) return absl::OkStatus();
    const Vector values = flat.child().children()[1].Gather(positions.data(), positions.size());
    return inner_->Update(context, targets.data(), std::span(&values, 1), targets.size());
  }
  absl::Status Merge(char* into, const char* from) const override {
    for (const auto& [bytes, entry] : At(from).entries)
      HOGLET_RETURN_IF_ERROR(inner_->Merge(StateOf(bytes, entry.key, &At(into)), entry.state));
    return absl::OkStatus();
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    std::vector<const KeyedStates::Entry*> sorted;
    for (const auto& [bytes, entry] : At(state).entries) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(), [this](const auto* a, const auto* b) {
      return CompareDatums(key_type_, a->key, b->key) < 0;
    });
    VectorBuilder& pair = out->child();
    for (const KeyedStates::Entry* entry : sorted) {
      pair.child(0).Append(entry->key);
      HOGLET_RETURN_IF_ERROR(inner_->Finalize(entry->state, &pair.child(1)));
      pair.CloseTuple();
    }
    out->CloseArray();
    return absl::OkStatus();
  }
  size_t ExtraBytes(const char* state) const override {
    const KeyedStates& states = At(state);
    return states.key_bytes + states.entries.size() * (sizeof(KeyedStates::Entry) + 48) +
           InnerBytes(states);
  }
  absl::Status Serialize(const char* state, std::string* out) const override {
    PutVarint(out, At(state).entries.size());
    for (const auto& [bytes, entry] : At(state).entries) {
      WriteDatum(entry.key, out);
      HOGLET_RETURN_IF_ERROR(SerializeInner(entry.state, out));
    }
    return absl::OkStatus();
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    ByteReader reader(bytes);
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > bytes.size())
      return absl::DataLossError("damaged aggregate state");
    for (uint64_t i = 0; i < count; ++i) {
      Datum key;
      if (!ReadDatum(reader, &key)) return absl::DataLossError("damaged aggregate state");
      std::string key_text;
      AppendKey(key_type_, key, &key_text);
      HOGLET_RETURN_IF_ERROR(DeserializeInner(reader, StateOf(key_text, key, &At(state))));
    }
    return absl::OkStatus();
  }

 private:
  char* StateOf(const std::string& bytes, const Datum& key, KeyedStates* states) const {
    const auto found = states->entries.find(std::string_view(bytes));
    return found != states->entries.end() ? found->second.state : Add(bytes, key, states);
  }
  char* Add(const std::string& bytes, Datum key, KeyedStates* states) const {
    char* state = NewState();
    states->key_bytes += bytes.size() * 2;
    states->entries.emplace(bytes, KeyedStates::Entry{std::move(key), state});
    return state;
  }

  Type key_type_;
};

struct KeyedState {
  Datum key;
  bool has = false;
  char* state = nullptr;
  template <typename F>
  void ForEachState(F f) const {
    if (state != nullptr) f(state);
  }
};

class ArgExtremeOf final : public HeapWrapper<KeyedState> {
 public:
  ArgExtremeOf(BoundAggregate inner, Type key_type, bool max)
      : HeapWrapper(std::move(inner)), key_type_(std::move(key_type)), max_(max) {}

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    // First the winning keys, then all rows that have them: a row that is beaten later in the batch
    // is never aggregated.
    const Vector& keys = arguments.back();
    for (size_t i = 0; i < rows; ++i) Offer(keys.Get(i), &At(states[i]));
    std::vector<uint32_t> winners;
    std::vector<char*> targets;
    for (size_t i = 0; i < rows; ++i) {
      const KeyedState& state = At(states[i]);
      if (CompareDatums(key_type_, keys.Get(i), state.key) != 0) continue;
      winners.push_back(static_cast<uint32_t>(i));
      targets.push_back(state.state);
    }
    std::vector<Vector> values;
    for (const Vector& argument : arguments.first(arguments.size() - 1))
      values.push_back(argument.Gather(winners.data(), winners.size()));
    if (winners.empty()) return absl::OkStatus();
    return inner_->Update(context, targets.data(), values, winners.size());
  }
  absl::Status Merge(char* into, const char* from) const override {
    const KeyedState& other = At(from);
    if (!other.has) return absl::OkStatus();
    Offer(other.key, &At(into));
    if (CompareDatums(key_type_, other.key, At(into).key) != 0) return absl::OkStatus();
    return inner_->Merge(At(into).state, other.state);
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    if (At(state).has) return inner_->Finalize(At(state).state, out);
    return inner_->Finalize(TemporaryState(*inner_).get(), out);
  }
  size_t ExtraBytes(const char* state) const override { return InnerBytes(At(state)); }
  absl::Status Serialize(const char* state, std::string* out) const override {
    out->push_back(At(state).has);
    if (!At(state).has) return absl::OkStatus();
    WriteDatum(At(state).key, out);
    return SerializeInner(At(state).state, out);
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    ByteReader reader(bytes);
    uint8_t has = 0;
    Datum key;
    if (!reader.GetLittle(&has)) return absl::DataLossError("damaged aggregate state");
    if (has == 0) return absl::OkStatus();
    if (!ReadDatum(reader, &key)) return absl::DataLossError("damaged aggregate state");
    Offer(key, &At(state));
    return DeserializeInner(reader, At(state).state);
  }

 private:
  // A better key starts the inner aggregate afresh.
  void Offer(Datum key, KeyedState* state) const {
    if (state->has) {
      const int order = CompareDatums(key_type_, key, state->key);
      if (max_ ? order <= 0 : order >= 0) return;
      FreeState(std::exchange(state->state, nullptr));
    }
    state->key = std::move(key);
    state->has = true;
    state->state = NewState();
  }

  Type key_type_;
  bool max_;
};

class Resample final : public Wrapper {
 public:
  Resample(BoundAggregate inner, ResampleIntervals intervals)
      : Wrapper(std::move(inner)),
        intervals_(intervals),
        stride_((inner_->state_bytes() + 15) / 16 * 16) {
    result_type_ = Type::Array(inner_->result_type());
  }

  size_t state_bytes() const override { return stride_ * intervals_.count; }
  void Create(char* state) const override {
    for (size_t k = 0; k < intervals_.count; ++k) inner_->Create(state + k * stride_);
  }
  void Destroy(char* state) const override {
    for (size_t k = 0; k < intervals_.count; ++k) inner_->Destroy(state + k * stride_);
  }
  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    const DoubleReader keys(arguments.back());
    std::vector<uint32_t> chosen;
    std::vector<char*> targets;
    for (size_t i = 0; i < rows; ++i) {
      const double place = keys.at(i) - static_cast<double>(intervals_.begin);
      const double length =
          static_cast<double>(intervals_.end) - static_cast<double>(intervals_.begin);
      if (!(place >= 0 && place < length)) continue;
      const auto k = static_cast<size_t>(place / static_cast<double>(intervals_.step));
      chosen.push_back(static_cast<uint32_t>(i));
      targets.push_back(states[i] + std::min<size_t>(k, intervals_.count - 1) * stride_);
    }
    if (chosen.empty()) return absl::OkStatus();
    std::vector<Vector> values;
    for (const Vector& argument : arguments.first(arguments.size() - 1))
      values.push_back(argument.Gather(chosen.data(), chosen.size()));
    return inner_->Update(context, targets.data(), values, chosen.size());
  }
  absl::Status Merge(char* into, const char* from) const override {
    for (size_t k = 0; k < intervals_.count; ++k)
      HOGLET_RETURN_IF_ERROR(inner_->Merge(into + k * stride_, from + k * stride_));
    return absl::OkStatus();
  }
  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    for (size_t k = 0; k < intervals_.count; ++k)
      HOGLET_RETURN_IF_ERROR(inner_->Finalize(state + k * stride_, &out->child()));
    out->CloseArray();
    return absl::OkStatus();
  }
  size_t ExtraBytes(const char* state) const override {
    size_t bytes = 0;
    for (size_t k = 0; k < intervals_.count; ++k) bytes += inner_->ExtraBytes(state + k * stride_);
    return bytes;
  }
  absl::Status Serialize(const char* state, std::string* out) const override {
    for (size_t k = 0; k < intervals_.count; ++k) {
      std::string bytes;
      HOGLET_RETURN_IF_ERROR(inner_->Serialize(state + k * stride_, &bytes));
      PutString(out, bytes);
    }
    return absl::OkStatus();
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    ByteReader reader(bytes);
    for (size_t k = 0; k < intervals_.count; ++k) {
      std::string_view inner;
      if (!reader.GetString(&inner)) return absl::DataLossError("damaged aggregate state");
      HOGLET_RETURN_IF_ERROR(inner_->Deserialize(inner, state + k * stride_));
    }
    return absl::OkStatus();
  }

 private:
  ResampleIntervals intervals_;
  size_t stride_;
};

}  // namespace

BoundAggregate MakeElements(BoundAggregate inner) {
  return std::make_unique<Elements>(std::move(inner));
}

BoundAggregate MakeForEach(BoundAggregate inner) {
  return std::make_unique<ForEach>(std::move(inner));
}

BoundAggregate MakeMapOf(BoundAggregate inner, Type key_type) {
  return std::make_unique<MapOf>(std::move(inner), std::move(key_type));
}

BoundAggregate MakeArgExtremeOf(BoundAggregate inner, Type key_type, bool max) {
  return std::make_unique<ArgExtremeOf>(std::move(inner), std::move(key_type), max);
}

BoundAggregate MakeResample(BoundAggregate inner, ResampleIntervals intervals) {
  return std::make_unique<Resample>(std::move(inner), intervals);
}

}  // namespace hoglet::fn
