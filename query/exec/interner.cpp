#include "query/exec/interner.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace hoglet {
namespace {

// Dictionaries remembered at a time: each costs four bytes an entry.
constexpr size_t kDictionaryCachesMax = 64;
constexpr size_t kDictionaryEntriesPerRowMax = 16;
// Rows between fetching a slot and looking at it.
constexpr size_t kAhead = 16;

// Equal doubles get equal words: one NaN, one zero.
uint64_t WordOf(double value) {
  if (std::isnan(value)) return 0x7ff8000000000000ULL;
  if (value == 0) return 0;
  return std::bit_cast<uint64_t>(value);
}

uint64_t WordAt(const Vector& flat, size_t row) {
  switch (flat.type().physical()) {
    case Physical::kU8:
      return flat.data<uint8_t>()[row];
    case Physical::kF64:
      return WordOf(flat.data<double>()[row]);
    default:
      return static_cast<uint64_t>(flat.data<int64_t>()[row]);
  }
}

void SerializeValue(const Vector& vector, size_t row, std::string* out) {
  if (vector.IsNull(row)) {
    out->push_back(0);
    return;
  }
  out->push_back(1);
  if (vector.form() == Vector::Form::kDictionary)
    return SerializeValue(*vector.dictionary(), vector.codes()[row], out);
  const size_t at = vector.Position(row);
  const auto append = [&](const void* bytes, size_t count) {
    out->append(static_cast<const char*>(bytes), count);
  };
  switch (vector.type().physical()) {
    case Physical::kU8:
      return append(vector.data<uint8_t>() + at, 1);
    case Physical::kI64:
      return append(vector.data<int64_t>() + at, 8);
    case Physical::kF64: {
      const uint64_t word = WordOf(vector.data<double>()[at]);
      return append(&word, 8);
    }
    case Physical::kI128:
      return append(vector.data<Int128>() + at, 16);
    case Physical::kString: {
      const std::string_view text = vector.data<std::string_view>()[at];
      const uint64_t bytes = text.size();
      append(&bytes, 8);
      return append(text.data(), text.size());
    }
    case Physical::kArray: {
      const uint64_t elements = vector.offsets()[at + 1] - vector.offsets()[at];
      append(&elements, 8);
      for (uint32_t i = vector.offsets()[at]; i < vector.offsets()[at + 1]; ++i)
        SerializeValue(vector.child(), i, out);
      return;
    }
    case Physical::kTuple:
      for (const Vector& child : vector.children()) SerializeValue(child, at, out);
      return;
    case Physical::kNone:
      return;
  }
}

}  // namespace

uint32_t ColumnInterner::InternNull() {
  if (null_id_ != kNoId) return null_id_;
  null_id_ = static_cast<uint32_t>(size_++);
  switch (type_.physical()) {
    case Physical::kI128:
      wide_values_.push_back(0);
      break;
    case Physical::kString:
      string_values_.emplace_back();
      break;
    case Physical::kArray:
    case Physical::kTuple:
      nested_values_.emplace_back();
      break;
    default:
      word_values_.push_back(0);
  }
  return null_id_;
}

uint32_t ColumnInterner::InternWord(uint64_t word) {
  const uint32_t entry = words_.Intern(word);
  if (entry == word_ids_.size()) {
    word_ids_.push_back(static_cast<uint32_t>(size_++));
    word_values_.push_back(word);
  }
  return word_ids_[entry];
}

uint32_t ColumnInterner::InternWide(Int128 wide, uint64_t hash) {
  const WideKey key(wide);
  return wides_.Intern(key, hash, [&] {
    wide_values_.push_back(wide);
    return std::pair(key, static_cast<uint32_t>(size_++));
  });
}

uint32_t ColumnInterner::InternBytes(std::string_view bytes) {
  const BytesKey key(bytes);
  return strings_.Intern(key, key.hash(), [&] {
    BytesKey kept = key;
    kept.bytes = heap_->Add(bytes);
    string_values_.push_back(kept.bytes);
    return std::pair(kept, static_cast<uint32_t>(size_++));
  });
}

void ColumnInterner::InternWords(const int64_t* words, size_t rows, uint32_t* ids) {
  for (size_t i = 0; i < rows; ++i) {
    if (i + kAhead < rows) words_.Prefetch(static_cast<uint64_t>(words[i + kAhead]));
    ids[i] = InternWord(static_cast<uint64_t>(words[i]));
  }
}

void ColumnInterner::InternWides(const Int128* wides, size_t rows, uint32_t* ids) {
  uint64_t hashes[kAhead];
  const auto prepare = [&](size_t row) {
    hashes[row % kAhead] = WideKey(wides[row]).hash();
    wides_.Prefetch(hashes[row % kAhead]);
  };
  for (size_t i = 0; i < std::min(rows, kAhead); ++i) prepare(i);
  for (size_t i = 0; i < rows; ++i) {
    ids[i] = InternWide(wides[i], hashes[i % kAhead]);
    if (i + kAhead < rows) prepare(i + kAhead);
  }
}

uint32_t ColumnInterner::InternValue(const Vector& flat, size_t row) {
  switch (flat.type().physical()) {
    case Physical::kU8:
    case Physical::kI64:
    case Physical::kF64:
      return InternWord(WordAt(flat, row));
    case Physical::kI128:
      return InternWide(flat.data<Int128>()[row], WideKey(flat.data<Int128>()[row]).hash());
    case Physical::kString:
      return InternBytes(flat.data<std::string_view>()[row]);
    case Physical::kArray:
    case Physical::kTuple: {
      std::string bytes;
      SerializeValue(flat, row, &bytes);
      const size_t before = size_;
      const uint32_t id = InternBytes(bytes);
      if (size_ != before) nested_values_.push_back(flat.Get(row));
      return id;
    }
    case Physical::kNone:
      break;
  }
  return InternNull();
}

uint32_t ColumnInterner::FindValue(const Vector& flat, size_t row) const {
  const auto find_bytes = [&](std::string_view bytes) { return strings_.Find(BytesKey(bytes)); };
  switch (flat.type().physical()) {
    case Physical::kU8:
    case Physical::kI64:
    case Physical::kF64: {
      const uint32_t entry = words_.Find(WordAt(flat, row));
      return entry == kNoId ? kNoId : word_ids_[entry];
    }
    case Physical::kI128:
      return wides_.Find(WideKey(flat.data<Int128>()[row]));
    case Physical::kString:
      return find_bytes(flat.data<std::string_view>()[row]);
    case Physical::kArray:
    case Physical::kTuple: {
      std::string bytes;
      SerializeValue(flat, row, &bytes);
      return find_bytes(bytes);
    }
    case Physical::kNone:
      break;
  }
  return null_id_;
}

namespace {

using DictionaryCache = ColumnInterner::DictionaryCache;

// The ids known of a dictionary, made on first sight.
std::vector<uint32_t>& KnownIds(const std::shared_ptr<const Vector>& dictionary,
                                std::vector<DictionaryCache>* caches) {
  const auto same = [&](const DictionaryCache& cache) { return cache.dictionary == dictionary; };
  auto cache = std::find_if(caches->begin(), caches->end(), same);
  if (cache == caches->end()) {
    if (caches->size() >= kDictionaryCachesMax) caches->erase(caches->begin());
    caches->push_back({dictionary, std::vector<uint32_t>(dictionary->size(), kUnknownId)});
    cache = caches->end() - 1;
  }
  return cache->ids;
}

// Numbers each row by `of_value(flat vector, row)` or, for NULL, `of_null()`.
template <typename OfValue, typename OfNull>
void ForEachRow(const Vector& column, uint32_t* ids, std::vector<DictionaryCache>* caches,
                OfValue of_value, OfNull of_null) {
  const size_t rows = column.size();
  const auto number = [&](const Vector& values, size_t at) {
    return values.IsNull(at) ? of_null() : of_value(values, at);
  };
  switch (column.form()) {
    case Vector::Form::kFlat:
      if (column.MayHaveNulls()) {
        for (size_t i = 0; i < rows; ++i) ids[i] = number(column, i);
      } else {
        for (size_t i = 0; i < rows; ++i) ids[i] = of_value(column, i);
      }
      return;
    case Vector::Form::kConstant:
      if (rows > 0) std::fill_n(ids, rows, number(column, 0));
      return;
    case Vector::Form::kDictionary: {
      const uint32_t* codes = column.codes();
      const Vector& dictionary = *column.dictionary();
      // A cache as large as the dictionary must pay for itself.
      if (caches == nullptr || dictionary.size() > kDictionaryEntriesPerRowMax * rows) {
        for (size_t i = 0; i < rows; ++i) ids[i] = number(dictionary, codes[i]);
        return;
      }
      uint32_t* known = KnownIds(column.dictionary(), caches).data();
      for (size_t i = 0; i < rows; ++i) {
        if (known[codes[i]] == kUnknownId) known[codes[i]] = number(dictionary, codes[i]);
        ids[i] = known[codes[i]];
      }
    }
  }
}

}  // namespace

void ColumnInterner::Intern(const Vector& column, uint32_t* ids, bool nulls_as_values) {
  if (column.type().nullable()) type_ = type_.Nullable();
  if (column.form() == Vector::Form::kFlat && !column.MayHaveNulls()) {
    const Physical physical = column.type().physical();
    if (physical == Physical::kI64) return InternWords(column.data<int64_t>(), column.size(), ids);
    if (physical == Physical::kI128) return InternWides(column.data<Int128>(), column.size(), ids);
  }
  ForEachRow(
      column, ids, &caches_,
      [&](const Vector& values, size_t at) { return InternValue(values, at); },
      [&] { return nulls_as_values ? InternNull() : kNoId; });
}

void ColumnInterner::Find(const Vector& column, uint32_t* ids, bool nulls_as_values,
                          std::vector<DictionaryCache>* caches) const {
  ForEachRow(
      column, ids, caches, [&](const Vector& values, size_t at) { return FindValue(values, at); },
      [&] { return nulls_as_values ? null_id_ : kNoId; });
}

Vector ColumnInterner::Values() const {
  const Physical physical = type_.physical();
  if (physical == Physical::kArray || physical == Physical::kTuple) {
    VectorBuilder builder(type_);
    for (const Datum& value : nested_values_) builder.Append(value);
    return builder.Build();
  }
  Vector out = Vector::Flat(type_, size_);
  switch (physical) {
    case Physical::kU8:
      for (size_t i = 0; i < size_; ++i)
        out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(word_values_[i]);
      break;
    case Physical::kI64:
    case Physical::kF64:
      if (size_ > 0) std::memcpy(out.mutable_data<uint64_t>(), word_values_.data(), size_ * 8);
      break;
    case Physical::kI128:
      if (size_ > 0) std::memcpy(out.mutable_data<Int128>(), wide_values_.data(), size_ * 16);
      break;
    case Physical::kString:
      std::copy(string_values_.begin(), string_values_.end(), out.mutable_data<std::string_view>());
      out.KeepAlive(heap_);
      break;
    default:
      break;
  }
  if (null_id_ != kNoId) out.SetNull(null_id_);
  return out;
}

size_t ColumnInterner::MemoryBytes() const {
  size_t bytes = words_.MemoryBytes() + word_ids_.capacity() * 4 + word_values_.capacity() * 8 +
                 wide_values_.capacity() * 16 + wides_.MemoryBytes() + strings_.MemoryBytes() +
                 string_values_.capacity() * 16 + heap_->bytes();
  for (const DictionaryCache& cache : caches_) bytes += cache.ids.size() * 4;
  return bytes;
}

RowInterner::RowInterner(const std::vector<Type>& types) : key_ids_(types.size()) {
  for (const Type& type : types) columns_.emplace_back(type);
  pairs_.resize(types.empty() ? 0 : types.size() - 1);
}

void RowInterner::Intern(const std::vector<const Vector*>& keys, size_t rows, uint32_t* groups,
                         bool nulls_as_values) {
  HOGLET_ASSERT(keys.size() == columns_.size());
  if (keys.empty()) {
    // No keys: one group, which exists from the first row on.
    if (rows > 0) groups_ = 1;
    std::fill_n(groups, rows, 0);
    return;
  }
  columns_[0].Intern(*keys[0], groups, nulls_as_values);
  if (keys.size() == 1) {
    groups_ = columns_[0].size();
    return;
  }
  std::vector<std::vector<uint32_t>> ids(keys.size());
  ids[0].assign(groups, groups + rows);
  for (size_t k = 1; k < keys.size(); ++k) {
    ids[k].resize(rows);
    columns_[k].Intern(*keys[k], ids[k].data(), nulls_as_values);
    U64Interner& pairs = pairs_[k - 1];
    const auto pair_at = [&](size_t row) { return uint64_t{groups[row]} << 32 | ids[k][row]; };
    for (size_t i = 0; i < rows; ++i) {
      if (i + kAhead < rows) pairs.Prefetch(pair_at(i + kAhead));
      const bool known = groups[i] != kNoId && ids[k][i] != kNoId;
      groups[i] = known ? pairs.Intern(pair_at(i)) : kNoId;
    }
  }
  for (size_t i = 0; i < rows; ++i) {
    if (groups[i] == kNoId || groups[i] < groups_) continue;
    // New groups are numbered in row order, so this row is the first of group groups_.
    HOGLET_ASSERT(groups[i] == groups_);
    for (size_t k = 0; k < keys.size(); ++k) key_ids_[k].push_back(ids[k][i]);
    ++groups_;
  }
}

void RowFinder::Find(const std::vector<const Vector*>& keys, size_t rows, uint32_t* groups,
                     bool nulls_as_values) {
  HOGLET_ASSERT(keys.size() == rows_.columns_.size());
  if (keys.empty()) {
    std::fill_n(groups, rows, rows_.groups_ > 0 ? 0 : kNoId);
    return;
  }
  rows_.columns_[0].Find(*keys[0], groups, nulls_as_values, &caches_[0]);
  scratch_.resize(rows);
  for (size_t k = 1; k < keys.size(); ++k) {
    rows_.columns_[k].Find(*keys[k], scratch_.data(), nulls_as_values, &caches_[k]);
    const U64Interner& pairs = rows_.pairs_[k - 1];
    for (size_t i = 0; i < rows; ++i) {
      const bool known = groups[i] != kNoId && scratch_[i] != kNoId;
      groups[i] = known ? pairs.Find(uint64_t{groups[i]} << 32 | scratch_[i]) : kNoId;
    }
  }
}

size_t RowInterner::size() const { return groups_; }

Vector RowInterner::KeyColumn(size_t k) const {
  auto dictionary = std::make_shared<const Vector>(columns_[k].Values());
  auto codes = std::shared_ptr<uint32_t[]>(new uint32_t[groups_]);
  for (size_t g = 0; g < groups_; ++g)
    codes[g] = columns_.size() == 1 ? static_cast<uint32_t>(g) : key_ids_[k][g];
  return Vector::Dictionary(std::move(dictionary), std::move(codes), groups_);
}

size_t RowInterner::MemoryBytes() const {
  size_t bytes = 0;
  for (const ColumnInterner& column : columns_) bytes += column.MemoryBytes();
  for (const U64Interner& pair : pairs_) bytes += pair.MemoryBytes();
  for (const auto& ids : key_ids_) bytes += ids.capacity() * 4;
  return bytes;
}

}  // namespace hoglet
