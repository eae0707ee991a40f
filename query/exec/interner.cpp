#include "query/exec/interner.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace hoglet {
namespace {

// Rows beyond which a dictionary is not worth remembering: each cache holds an id per entry.
constexpr size_t kDictionaryCachesMax = 64;

// Equal doubles get equal words: one NaN, one zero.
uint64_t WordOf(double value) {
  if (std::isnan(value)) return 0x7ff8000000000000ULL;
  if (value == 0) return 0;
  return std::bit_cast<uint64_t>(value);
}

void SerializeValue(const Vector& vector, size_t row, std::string* out) {
  if (vector.IsNull(row)) {
    out->push_back(0);
    return;
  }
  out->push_back(1);
  if (vector.form() == Vector::Form::kDictionary) return SerializeValue(*vector.dictionary(), vector.codes()[row], out);
  const size_t at = vector.Position(row);
  const auto append = [&](const void* bytes, size_t count) { out->append(static_cast<const char*>(bytes), count); };
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
      for (uint32_t i = vector.offsets()[at]; i < vector.offsets()[at + 1]; ++i) SerializeValue(vector.child(), i, out);
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

void U64Interner::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id == kNoId) continue;
    size_t at = MixHash(slot.key) & mask_;
    while (slots_[at].id != kNoId) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

uint32_t ColumnInterner::InternNull(bool insert) {
  if (null_id_ != kNoId || !insert) return null_id_;
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

uint32_t ColumnInterner::InternWord(uint64_t word, bool insert) {
  if (!insert) {
    const uint32_t entry = words_.Find(word);
    return entry == kNoId ? kNoId : word_ids_[entry];
  }
  const uint32_t entry = words_.Intern(word);
  if (entry == word_ids_.size()) {
    word_ids_.push_back(static_cast<uint32_t>(size_++));
    word_values_.push_back(word);
  }
  return word_ids_[entry];
}

uint32_t ColumnInterner::InternWide(Int128 wide, bool insert) {
  const std::pair<uint64_t, uint64_t> key(static_cast<uint64_t>(wide), static_cast<uint64_t>(static_cast<UInt128>(wide) >> 64));
  if (!insert) {
    auto it = wides_.find(key);
    return it == wides_.end() ? kNoId : it->second;
  }
  auto [it, inserted] = wides_.try_emplace(key, static_cast<uint32_t>(size_));
  if (inserted) {
    ++size_;
    wide_values_.push_back(wide);
  }
  return it->second;
}

uint32_t ColumnInterner::InternBytes(std::string_view bytes, bool insert) {
  auto it = strings_.find(bytes);
  if (it != strings_.end()) return it->second;
  if (!insert) return kNoId;
  const std::string_view kept = heap_->Add(bytes);
  const auto id = static_cast<uint32_t>(size_++);
  strings_.emplace(kept, id);
  string_values_.push_back(kept);
  return id;
}

uint32_t ColumnInterner::InternValue(const Vector& flat, size_t row, bool insert) {
  switch (flat.type().physical()) {
    case Physical::kU8:
      return InternWord(flat.data<uint8_t>()[row], insert);
    case Physical::kI64:
      return InternWord(static_cast<uint64_t>(flat.data<int64_t>()[row]), insert);
    case Physical::kF64:
      return InternWord(WordOf(flat.data<double>()[row]), insert);
    case Physical::kI128:
      return InternWide(flat.data<Int128>()[row], insert);
    case Physical::kString:
      return InternBytes(flat.data<std::string_view>()[row], insert);
    case Physical::kArray:
    case Physical::kTuple: {
      std::string bytes;
      SerializeValue(flat, row, &bytes);
      const size_t before = size_;
      const uint32_t id = InternBytes(bytes, insert);
      if (size_ != before) nested_values_.push_back(flat.Get(row));
      return id;
    }
    case Physical::kNone:
      return InternNull(insert);
  }
  return kNoId;
}

void ColumnInterner::InternFlat(const Vector& flat, uint32_t* ids, bool insert, bool nulls_as_values) {
  const size_t rows = flat.size();
  const bool nulls = flat.MayHaveNulls();
  for (size_t i = 0; i < rows; ++i) {
    if (nulls && flat.IsNull(i)) {
      ids[i] = nulls_as_values ? InternNull(insert) : kNoId;
    } else {
      ids[i] = InternValue(flat, i, insert);
    }
  }
}

void ColumnInterner::InternDictionary(const Vector& column, uint32_t* ids, bool insert, bool nulls_as_values) {
  const Vector& dictionary = *column.dictionary();
  auto cache = std::find_if(caches_.begin(), caches_.end(), [&](const DictionaryCache& c) { return c.dictionary == column.dictionary(); });
  if (cache == caches_.end()) {
    if (caches_.size() >= kDictionaryCachesMax) caches_.erase(caches_.begin());
    caches_.push_back({column.dictionary(), std::vector<uint32_t>(dictionary.size(), kNoId)});
    cache = caches_.end() - 1;
  }
  const uint32_t* codes = column.codes();
  uint32_t* known = cache->ids.data();
  const bool nulls = dictionary.MayHaveNulls();
  for (size_t i = 0; i < column.size(); ++i) {
    const uint32_t code = codes[i];
    if (known[code] == kNoId) {
      if (nulls && dictionary.IsNull(code)) {
        known[code] = nulls_as_values ? InternNull(insert) : kNoId;
      } else {
        known[code] = InternValue(dictionary, code, insert);
      }
    }
    ids[i] = known[code];
  }
}

void ColumnInterner::Intern(const Vector& column, uint32_t* ids, bool insert, bool nulls_as_values) {
  if (column.type().nullable()) type_ = type_.Nullable();
  switch (column.form()) {
    case Vector::Form::kFlat:
      return InternFlat(column, ids, insert, nulls_as_values);
    case Vector::Form::kDictionary:
      return InternDictionary(column, ids, insert, nulls_as_values);
    case Vector::Form::kConstant: {
      if (column.size() == 0) return;
      uint32_t id = kNoId;
      if (column.IsNull(0)) {
        if (nulls_as_values) id = InternNull(insert);
      } else {
        id = InternValue(column, 0, insert);
      }
      std::fill_n(ids, column.size(), id);
    }
  }
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
      for (size_t i = 0; i < size_; ++i) out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(word_values_[i]);
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
  size_t bytes = words_.MemoryBytes() + word_ids_.capacity() * 4 + word_values_.capacity() * 8 + wide_values_.capacity() * 16 +
                 wides_.capacity() * 25 + strings_.capacity() * 25 + string_values_.capacity() * 16 + heap_->bytes();
  for (const DictionaryCache& cache : caches_) bytes += cache.ids.size() * 4;
  return bytes;
}

RowInterner::RowInterner(const std::vector<Type>& types) : key_ids_(types.size()) {
  for (const Type& type : types) columns_.emplace_back(type);
  pairs_.resize(types.empty() ? 0 : types.size() - 1);
}

void RowInterner::Intern(const std::vector<const Vector*>& keys, size_t rows, uint32_t* groups, bool insert, bool nulls_as_values) {
  HOGLET_ASSERT(keys.size() == columns_.size());
  if (keys.empty()) {
    // No keys: one group, which exists from the first row on.
    if (insert && rows > 0) groups_ = 1;
    std::fill_n(groups, rows, groups_ > 0 ? 0 : kNoId);
    return;
  }
  columns_[0].Intern(*keys[0], groups, insert, nulls_as_values);
  std::vector<std::vector<uint32_t>> ids(keys.size());
  if (keys.size() > 1 && insert) ids[0].assign(groups, groups + rows);
  scratch_.resize(rows);
  for (size_t k = 1; k < keys.size(); ++k) {
    columns_[k].Intern(*keys[k], scratch_.data(), insert, nulls_as_values);
    U64Interner& pairs = pairs_[k - 1];
    for (size_t i = 0; i < rows; ++i) {
      if (groups[i] == kNoId || scratch_[i] == kNoId) {
        groups[i] = kNoId;
        continue;
      }
      const uint64_t pair = uint64_t{groups[i]} << 32 | scratch_[i];
      groups[i] = insert ? pairs.Intern(pair) : pairs.Find(pair);
    }
    if (insert) ids[k] = scratch_;
  }
  if (!insert) return;
  if (keys.size() == 1) {
    groups_ = columns_[0].size();
    return;
  }
  for (size_t i = 0; i < rows; ++i) {
    if (groups[i] == kNoId || groups[i] < groups_) continue;
    // New groups are numbered in row order, so this row is the first of group groups_.
    HOGLET_ASSERT(groups[i] == groups_);
    for (size_t k = 0; k < keys.size(); ++k) key_ids_[k].push_back(ids[k][i]);
    ++groups_;
  }
}

size_t RowInterner::size() const { return groups_; }

Vector RowInterner::KeyColumn(size_t k) const {
  auto dictionary = std::make_shared<const Vector>(columns_[k].Values());
  auto codes = std::shared_ptr<uint32_t[]>(new uint32_t[groups_]);
  for (size_t g = 0; g < groups_; ++g) codes[g] = columns_.size() == 1 ? static_cast<uint32_t>(g) : key_ids_[k][g];
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
