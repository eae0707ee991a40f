#include <algorithm>
#include <map>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"

// Aggregates that remember values: distinct counts, groupArray, groupUniqArray, topK.

namespace hoglet::fn {
namespace {

// A set of 64-bit hashes, open addressing, zero kept apart. With `adaptive`, past kSampleMax
// members only hashes divisible by a growing power of two are kept, and the count is scaled up:
// exact to kSampleMax, within about half a percent beyond.
class HashSet64 {
 public:
  static constexpr size_t kSampleMax = 65'536;

  void Insert(uint64_t hash, bool adaptive) {
    if (adaptive && (hash & ((uint64_t{1} << skip_bits_) - 1)) != 0) return;
    if (hash == 0) {
      has_zero_ = true;
      return;
    }
    if (size_ * 2 >= slots_.size()) Grow(adaptive);
    if (adaptive && (hash & ((uint64_t{1} << skip_bits_) - 1)) != 0) return;
    Place(hash);
  }
  void Merge(const HashSet64& other, bool adaptive) {
    if (adaptive && other.skip_bits_ > skip_bits_) {
      skip_bits_ = other.skip_bits_;
      Thin();
    }
    has_zero_ |= other.has_zero_;
    for (uint64_t hash : other.slots_) {
      if (hash != 0) Insert(hash, adaptive);
    }
  }
  void Prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[HomeOf(hash)], 1);
  }
  uint64_t Count() const { return (size_ + has_zero_) << skip_bits_; }
  size_t MemoryBytes() const { return slots_.capacity() * 8; }

  void Write(std::string* out) const {
    PutVarint(out, skip_bits_);
    out->push_back(has_zero_);
    PutVarint(out, size_);
    for (uint64_t hash : slots_) {
      if (hash != 0) PutLittle(out, hash);
    }
  }
  bool Read(ByteReader& reader) {
    uint64_t bits = 0;
    uint64_t count = 0;
    uint8_t zero = 0;
    if (!reader.GetVarint(&bits) || bits > 63 || !reader.GetLittle(&zero) ||
        !reader.GetVarint(&count) || count > reader.left().size() / 8) {
      return false;
    }
    skip_bits_ = static_cast<uint32_t>(bits);
    has_zero_ = zero != 0;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t hash = 0;
      if (!reader.GetLittle(&hash)) return false;
      if (hash != 0) Insert(hash, false);
    }
    return true;
  }

 private:
  // The low bits are all zero once sampling has begun, so the place comes from the high ones.
  size_t HomeOf(uint64_t hash) const {
    return (hash * 0x9e3779b97f4a7c15ULL >> 20) & (slots_.size() - 1);
  }
  void Place(uint64_t hash) {
    const size_t mask = slots_.size() - 1;
    size_t at = HomeOf(hash);
    while (slots_[at] != 0) {
      if (slots_[at] == hash) return;
      at = (at + 1) & mask;
    }
    slots_[at] = hash;
    ++size_;
  }
  void Rebuild(size_t slots) {
    std::vector<uint64_t> old(slots, 0);
    old.swap(slots_);
    size_ = 0;
    for (uint64_t hash : old) {
      if (hash != 0 && (hash & ((uint64_t{1} << skip_bits_) - 1)) == 0) Place(hash);
    }
  }
  void Thin() { Rebuild(std::max<size_t>(slots_.size(), 16)); }
  void Grow(bool adaptive) {
    if (adaptive && size_ >= kSampleMax) {
      ++skip_bits_;
      Thin();
      return;
    }
    Rebuild(slots_.empty() ? 16 : slots_.size() * 2);
  }

  std::vector<uint64_t> slots_;
  size_t size_ = 0;
  uint32_t skip_bits_ = 0;
  bool has_zero_ = false;
};

// Hashes of whole rows, computed once a batch.
struct RowHashes {
  explicit RowHashes(std::span<const Vector> arguments) {
    const size_t rows = arguments.empty() ? 0 : arguments[0].size();
    hashes.resize(rows);
    if (rows == 0) return;
    HashRows(arguments[0], rows, hashes.data());
    std::vector<uint64_t> more(arguments.size() > 1 ? rows : 0);
    for (size_t a = 1; a < arguments.size(); ++a) {
      HashRows(arguments[a], rows, more.data());
      for (size_t i = 0; i < rows; ++i)
        hashes[i] =
            (hashes[i] * 0x9e3779b97f4a7c15ULL) ^ (more[i] + 0x7f4a7c15 + (hashes[i] >> 29));
    }
  }
  std::vector<uint64_t> hashes;
};

template <bool kAdaptive>
struct DistinctCount {
  using State = HashSet64;
  using Columns = RowHashes;
  void Add(State& state, const Columns& columns, size_t row) const {
    state.Insert(columns.hashes[row], kAdaptive);
  }
  void Prefetch(const State& state, const Columns& columns, size_t row) const {
    state.Prefetch(columns.hashes[row]);
  }
  void Merge(State& into, const State& from) const { into.Merge(from, kAdaptive); }
  void Finalize(const State& state, VectorBuilder* out) const {
    out->AppendInteger(static_cast<int64_t>(state.Count()));
  }
  size_t ExtraBytes(const State& state) const { return state.MemoryBytes(); }
  void Write(const State& state, std::string* out) const { state.Write(out); }
  bool Read(ByteReader& reader, State* state) const { return state->Read(reader); }
};

template <bool kAdaptive>
absl::StatusOr<BoundAggregate> BindDistinctCount(const AggregateCallInfo&) {
  return MakeAggregate(DistinctCount<kAdaptive>(), Type(TypeKind::kUInt64));
}

absl::StatusOr<size_t> LimitParameter(const AggregateCallInfo& call, size_t otherwise) {
  if (call.parameters.empty()) return otherwise;
  const Datum& value = call.parameters[0];
  if (!std::holds_alternative<int64_t>(value.value) || value.integer() < 1) {
    return WithErrorCode(
        absl::InvalidArgumentError(
            StrCat("Parameter for aggregate function ", call.name, " should be a positive number")),
        "bad_arguments");
  }
  return static_cast<size_t>(value.integer());
}

struct DatumList {
  std::vector<Datum> values;
  size_t heap_bytes = 0;  // of the values
};

template <bool kUnique>
struct Collect {
  size_t limit;
  struct State {
    DatumList list;
    absl::flat_hash_set<uint64_t> seen;
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : values(arguments[0]), hashes(kUnique ? arguments : std::span<const Vector>()) {}
    const Vector& values;
    RowHashes hashes;
  };
  void Append(State& state, Datum value) const {
    state.list.heap_bytes += HeapBytes(value);
    state.list.values.push_back(std::move(value));
  }
  void Add(State& state, const Columns& columns, size_t row) const {
    if (state.list.values.size() >= limit) return;
    if (kUnique && !state.seen.insert(columns.hashes.hashes[row]).second) return;
    Append(state, columns.values.Get(row));
  }
  void Merge(State& into, const State& from) const {
    for (const Datum& value : from.list.values) {
      if (into.list.values.size() >= limit) return;
      if (kUnique && std::find(into.list.values.begin(), into.list.values.end(), value) !=
                         into.list.values.end())
        continue;
      Append(into, value);
    }
    if (kUnique) into.seen.insert(from.seen.begin(), from.seen.end());
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    for (const Datum& value : state.list.values) out->child().Append(value);
    out->CloseArray();
  }
  size_t ExtraBytes(const State& state) const {
    return state.list.heap_bytes + state.list.values.capacity() * sizeof(Datum) +
           state.seen.capacity() * 9;
  }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.list.values.size());
    for (const Datum& value : state.list.values) WriteDatum(value, out);
    PutVarint(out, state.seen.size());
    for (uint64_t hash : state.seen) PutLittle(out, hash);
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > reader.left().size()) return false;
    for (uint64_t i = 0; i < count; ++i) {
      Datum value;
      if (!ReadDatum(reader, &value)) return false;
      Append(*state, std::move(value));
    }
    if (!reader.GetVarint(&count)) return false;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t hash = 0;
      if (!reader.GetLittle(&hash)) return false;
      state->seen.insert(hash);
    }
    return true;
  }
};

template <bool kUnique>
absl::StatusOr<BoundAggregate> BindCollect(const AggregateCallInfo& call) {
  HOGLET_ASSIGN_OR_RETURN(size_t limit, LimitParameter(call, ~size_t{0}));
  return MakeAggregate(Collect<kUnique>{limit}, Type::Array(call.types[0]));
}

// Exact counts of every value; the most frequent first, of equal ones the earlier seen.
template <bool kWeighted>
struct TopK {
  size_t limit;
  struct Entry {
    Datum value;
    uint64_t count = 0;
    uint64_t order = 0;
  };
  using State = absl::flat_hash_map<uint64_t, Entry>;
  struct Columns {
    explicit Columns(std::span<const Vector> arguments)
        : values(arguments[0]), hashes(arguments.first(1)), weights(arguments.back()) {}
    const Vector& values;
    RowHashes hashes;
    DoubleReader weights;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    const uint64_t weight =
        kWeighted ? static_cast<uint64_t>(std::max(0.0, columns.weights.at(row))) : 1;
    if (weight == 0) return;
    Entry& entry = state[columns.hashes.hashes[row]];
    entry.count += weight;
    if (entry.order > 0) return;
    entry.value = columns.values.Get(row);
    entry.order = state.size();
  }
  void Merge(State& into, const State& from) const {
    // In the order they were seen, so that equal counts keep it.
    std::vector<const typename State::value_type*> seen;
    for (const auto& entry : from) seen.push_back(&entry);
    std::sort(seen.begin(), seen.end(),
              [](const auto* a, const auto* b) { return a->second.order < b->second.order; });
    for (const auto* entry : seen) {
      Entry& mine = into[entry->first];
      if (mine.order == 0) {
        mine.value = entry->second.value;
        mine.order = into.size();
      }
      mine.count += entry->second.count;
    }
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    std::vector<const Entry*> entries;
    for (const auto& [hash, entry] : state) entries.push_back(&entry);
    std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
      return a->count != b->count ? a->count > b->count : a->order < b->order;
    });
    entries.resize(std::min(entries.size(), limit));
    for (const Entry* entry : entries) out->child().Append(entry->value);
    out->CloseArray();
  }
  size_t ExtraBytes(const State& state) const {
    size_t bytes = state.capacity() * (sizeof(Entry) + 9);
    for (const auto& [hash, entry] : state) bytes += HeapBytes(entry.value);
    return bytes;
  }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.size());
    for (const auto& [hash, entry] : state) {
      PutLittle(out, hash);
      PutVarint(out, entry.count);
      PutVarint(out, entry.order);
      WriteDatum(entry.value, out);
    }
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t count = 0;
    if (!reader.GetVarint(&count) || count > reader.left().size()) return false;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t hash = 0;
      Entry entry;
      if (!reader.GetLittle(&hash) || !reader.GetVarint(&entry.count) ||
          !reader.GetVarint(&entry.order) || !ReadDatum(reader, &entry.value)) {
        return false;
      }
      state->emplace(hash, std::move(entry));
    }
    return true;
  }
};

template <bool kWeighted>
absl::StatusOr<BoundAggregate> BindTopK(const AggregateCallInfo& call) {
  HOGLET_ASSIGN_OR_RETURN(size_t limit, LimitParameter(call, 10));
  if (limit > 0xffff) return BadAggregateParameter(call.name, "must not be greater than 65535");
  if (kWeighted && !call.types[1].IsInteger())
    return IllegalAggregateArgument(call.name, call.types[1]);
  return MakeAggregate(TopK<kWeighted>{limit}, Type::Array(call.types[0]));
}

// uniqUpTo(N): exact up to N, else N + 1.
struct DistinctUpTo {
  uint64_t limit;
  using State = HashSet64;
  using Columns = RowHashes;
  void Add(State& state, const Columns& columns, size_t row) const {
    if (state.Count() <= limit) state.Insert(columns.hashes[row], false);
  }
  void Merge(State& into, const State& from) const {
    if (into.Count() <= limit) into.Merge(from, false);
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    out->AppendInteger(static_cast<int64_t>(std::min(state.Count(), limit + 1)));
  }
  size_t ExtraBytes(const State& state) const { return state.MemoryBytes(); }
  void Write(const State& state, std::string* out) const { state.Write(out); }
  bool Read(ByteReader& reader, State* state) const { return state->Read(reader); }
};

absl::StatusOr<BoundAggregate> BindDistinctUpTo(const AggregateCallInfo& call) {
  uint64_t limit = 10;
  if (!call.parameters.empty()) {
    HOGLET_ASSIGN_OR_RETURN(limit, UnsignedParameter(call, 0));
  }
  if (limit > 100) return BadAggregateParameter(call.name, "must not be greater than 100");
  return MakeAggregate(DistinctUpTo{limit}, Type(TypeKind::kUInt64));
}

constexpr AggregateEntry kEntries[] = {
    {"uniq", 1, kManyArguments, BindDistinctCount<true>, false},
    {"uniqExact", 1, kManyArguments, BindDistinctCount<false>, false},
    {"uniqHLL12", 1, kManyArguments, BindDistinctCount<true>, false},
    {"uniqTheta", 1, kManyArguments, BindDistinctCount<true>, false},
    {"uniqCombined", 1, kManyArguments, BindDistinctCount<true>, false, 1},
    {"uniqCombined64", 1, kManyArguments, BindDistinctCount<true>, false, 1},
    {"uniqUpTo", 1, kManyArguments, BindDistinctUpTo, false, 1},
    {"groupArray", 1, 1, BindCollect<false>, false, 1},
    {"groupUniqArray", 1, 1, BindCollect<true>, false, 1},
    {"topK", 1, 1, BindTopK<false>, false, 3},
    {"topKWeighted", 2, 2, BindTopK<true>, false, 3},
};

}  // namespace

std::span<const AggregateEntry> SetAggregates() { return kEntries; }

}  // namespace hoglet::fn
