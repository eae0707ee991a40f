#include "query/exec/interner.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "query/exec/column_numbers.h"

namespace hoglet {
namespace {

// Dictionaries remembered at a time: each costs four bytes an entry.
constexpr size_t kDictionaryCachesMax = 64;
constexpr size_t kDictionaryEntriesPerRowMax = 16;
// Words below have a place in an array.
constexpr uint64_t kSmallWords = 1 << 16;
// Strings whose memory is fetched together.
constexpr size_t kTextsAtATime = 32;

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
  if (is_indexed_) {
    AddNullSlot();
  } else {
    number_of_id_.push_back(kNoId);
  }
  return null_id_;
}

void ColumnInterner::AddNullSlot() {
  switch (type_.physical()) {
    case Physical::kI128:
      wide_values_.push_back(0);
      break;
    case Physical::kString:
      strings_.AddBlank();
      break;
    case Physical::kArray:
    case Physical::kTuple:
      strings_.AddBlank();
      nested_values_.emplace_back();
      break;
    default:
      word_values_.push_back(0);
  }
}

uint32_t ColumnInterner::InternWord(uint64_t word) {
  if (word < kSmallWords) {
    if (word >= small_words_.size())
      small_words_.resize(std::max<size_t>(256, std::bit_ceil(word + 1)), kNoId);
    uint32_t& id = small_words_[word];
    if (id == kNoId) {
      id = static_cast<uint32_t>(size_++);
      word_values_.push_back(word);
    }
    return id;
  }
  const uint32_t entry = words_.Intern(word);
  if (entry == word_ids_.size()) {
    word_ids_.push_back(static_cast<uint32_t>(size_++));
    word_values_.push_back(word);
  }
  return word_ids_[entry];
}

uint32_t ColumnInterner::FindWord(uint64_t word) const {
  if (word < kSmallWords) return word < small_words_.size() ? small_words_[word] : kNoId;
  const uint32_t entry = words_.Find(word);
  return entry == kNoId ? kNoId : word_ids_[entry];
}

uint32_t ColumnInterner::InternWide(Int128 wide, uint64_t hash) {
  const WideKey key(wide);
  return wides_.Intern(key, hash, [&] {
    wide_values_.push_back(wide);
    return std::pair(key, static_cast<uint32_t>(size_++));
  });
}

uint32_t ColumnInterner::InternBytes(std::string_view bytes) {
  const uint32_t id = strings_.Intern(bytes, FastHash64(bytes), [&] { return heap_->Add(bytes); });
  size_ = strings_.texts().size();
  return id;
}

void ColumnInterner::InternWords(const Picked& values, bool nulls_as_values, uint32_t* ids) {
  const auto* words = reinterpret_cast<const uint64_t*>(values.flat.data<int64_t>());
  const bool in_order = values.positions == nullptr && values.flat.validity() == nullptr;
  for (size_t i = 0; i < values.count; ++i) {
    if (in_order) i += KnownSmallWords(words + i, values.count - i, ids + i);
    if (i == values.count) return;
    if (i + kInternAhead < values.count) {
      const uint64_t ahead = words[values.at(i + kInternAhead)];
      if (ahead >= kSmallWords) words_.Prefetch(ahead);
    }
    if (values.IsNull(i)) {
      ids[i] = nulls_as_values ? InternNull() : kNoId;
    } else {
      ids[i] = InternWord(words[values.at(i)]);
    }
  }
}

size_t ColumnInterner::KnownSmallWords(const uint64_t* words, size_t count, uint32_t* ids) const {
  const uint32_t* small = small_words_.data();
  const size_t limit = small_words_.size();
  size_t i = 0;
  for (; i < count && words[i] < limit && small[words[i]] != kNoId; ++i) ids[i] = small[words[i]];
  return i;
}

void ColumnInterner::InternWides(const Picked& values, bool nulls_as_values, uint32_t* ids) {
  const auto* wides = values.flat.data<Int128>();
  // Values of a dictionary come but once each.
  if (values.positions != nullptr && values.count > kTextsAtATime) wides_.Reserve(values.count);
  uint64_t hashes[kInternAhead];
  const auto prepare = [&](size_t i) {
    hashes[i % kInternAhead] = WideKey(wides[values.at(i)]).hash();
    wides_.Prefetch(hashes[i % kInternAhead]);
  };
  for (size_t i = 0; i < std::min(values.count, kInternAhead); ++i) prepare(i);
  for (size_t i = 0; i < values.count; ++i) {
    if (values.IsNull(i)) {
      ids[i] = nulls_as_values ? InternNull() : kNoId;
    } else {
      ids[i] = InternWide(wides[values.at(i)], hashes[i % kInternAhead]);
    }
    if (i + kInternAhead < values.count) prepare(i + kInternAhead);
  }
}

void ColumnInterner::InternTexts(const Picked& values, bool nulls_as_values, bool kept,
                                 uint32_t* ids) {
  const auto* texts = values.flat.data<std::string_view>();
  uint64_t hashes[kTextsAtATime];
  for (size_t begin = 0; begin < values.count; begin += kTextsAtATime) {
    const size_t end = std::min(values.count, begin + kTextsAtATime);
    if (values.positions != nullptr) {
      for (size_t i = begin; i < end; ++i) __builtin_prefetch(&texts[values.at(i)]);
    }
    for (size_t i = begin; i < end; ++i) __builtin_prefetch(texts[values.at(i)].data());
    for (size_t i = begin; i < end; ++i) {
      hashes[i - begin] = values.IsNull(i) ? 0 : FastHash64(texts[values.at(i)]);
      strings_.PrefetchSlot(hashes[i - begin]);
    }
    for (size_t i = begin; i < end; ++i) strings_.PrefetchText(hashes[i - begin]);
    for (size_t i = begin; i < end; ++i) strings_.PrefetchBytes(hashes[i - begin]);
    for (size_t i = begin; i < end; ++i) {
      if (values.IsNull(i)) {
        ids[i] = nulls_as_values ? InternNull() : kNoId;
        continue;
      }
      const std::string_view text = texts[values.at(i)];
      ids[i] = strings_.Intern(text, hashes[i - begin], [&] {
        if (!kept) return heap_->Add(text);
        kept_bytes_ += text.size();
        return text;
      });
      size_ = strings_.texts().size();
    }
  }
}

void ColumnInterner::InternMany(const Picked& values, bool nulls_as_values, bool kept,
                                uint32_t* ids) {
  Index();
  switch (values.flat.type().physical()) {
    case Physical::kI64:
      return InternWords(values, nulls_as_values, ids);
    case Physical::kI128:
      return InternWides(values, nulls_as_values, ids);
    case Physical::kString:
      return InternTexts(values, nulls_as_values, kept, ids);
    default:
      break;
  }
  for (size_t i = 0; i < values.count; ++i) {
    if (values.flat.IsNull(values.at(i))) {
      ids[i] = nulls_as_values ? InternNull() : kNoId;
    } else {
      ids[i] = InternValue(values.flat, values.at(i));
    }
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
  const auto find_bytes = [&](std::string_view bytes) { return strings_.Find(bytes); };
  switch (flat.type().physical()) {
    case Physical::kU8:
    case Physical::kI64:
    case Physical::kF64:
      return FindWord(WordAt(flat, row));
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

DictionaryCache& Remember(DictionaryCache cache, std::vector<DictionaryCache>* caches) {
  if (caches->size() >= kDictionaryCachesMax) caches->erase(caches->begin());
  caches->push_back(std::move(cache));
  return caches->back();
}

// The ids known of a dictionary, made on first sight.
std::vector<uint32_t>& KnownIds(const std::shared_ptr<const Vector>& dictionary,
                                std::vector<DictionaryCache>* caches) {
  for (DictionaryCache& cache : *caches) {
    if (cache.dictionary == dictionary) return cache.ids;
  }
  return Remember({dictionary, std::vector<uint32_t>(dictionary->size(), kUnknownId)}, caches).ids;
}

// A cache as large as the dictionary must pay for itself.
bool CacheWorthwhile(const Vector& column) {
  return column.dictionary()->size() <= kDictionaryEntriesPerRowMax * column.size();
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
      if (caches == nullptr || !CacheWorthwhile(column)) {
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

void ColumnInterner::InternDictionary(const Vector& column, bool nulls_as_values, uint32_t* ids) {
  if (const auto numbers = NumbersOf(column); numbers != nullptr)
    return InternNumbered(column, *numbers, nulls_as_values, ids);
  const size_t rows = column.size();
  const uint32_t* codes = column.codes();
  const Vector& dictionary = *column.dictionary();
  if (!CacheWorthwhile(column))
    return InternMany({dictionary, codes, rows}, nulls_as_values, /*kept=*/false, ids);
  uint32_t* known = KnownIds(column.dictionary(), &caches_).data();
  std::vector<uint32_t> unknown;  // codes, each once, in order of first sight
  for (size_t i = 0; i < rows; ++i) {
    if (known[codes[i]] != kUnknownId) continue;
    known[codes[i]] = kNoId;
    unknown.push_back(codes[i]);
  }
  if (!unknown.empty()) {
    std::vector<uint32_t> found(unknown.size());
    const uint64_t kept_before = kept_bytes_;
    InternMany({dictionary, unknown.data(), unknown.size()}, nulls_as_values, /*kept=*/true,
               found.data());
    if (kept_bytes_ != kept_before && (kept_.empty() || kept_.back() != column.dictionary()))
      kept_.push_back(column.dictionary());
    for (size_t i = 0; i < unknown.size(); ++i) known[unknown[i]] = found[i];
  }
  for (size_t i = 0; i < rows; ++i) ids[i] = known[codes[i]];
}

void ColumnInterner::UseNumbers(std::shared_ptr<ColumnNumbers> numbers) {
  HOGLET_ASSERT(size_ == 0);
  const Physical physical = type_.physical();
  if (physical != Physical::kString && physical != Physical::kI128) return;
  numbers_ = std::move(numbers);
  is_indexed_ = numbers_ == nullptr;
}

void ColumnInterner::Index() {
  if (is_indexed_) return;
  const Vector values = Values();
  is_indexed_ = true;
  const bool is_wide = type_.physical() == Physical::kI128;
  for (uint32_t id = 0; id < size_; ++id) {
    if (id == null_id_) {
      AddNullSlot();
    } else if (is_wide) {
      const WideKey key(values.data<Int128>()[id]);
      wides_.Intern(key, key.hash(), [&] { return std::pair(key, id); });
      wide_values_.push_back(values.data<Int128>()[id]);
    } else {
      strings_.AddUnindexed(values.data<std::string_view>()[id]);
    }
  }
  strings_.Index();
}

void ColumnInterner::InternNumbered(const Vector& column, const DictionaryNumbers& numbers,
                                    bool nulls_as_values, uint32_t* ids) {
  if (id_of_number_.size() < numbers.limit) id_of_number_.resize(numbers.limit, kUnknownId);
  const size_t rows = column.size();
  const uint32_t* codes = column.codes();
  const uint32_t* of_code = numbers.of_code.data();
  const uint32_t* of_number = id_of_number_.data();
  std::vector<uint32_t>& unknown = scratch_;
  unknown.resize(rows);
  size_t count = 0;
  // Which rows are new follows no pattern either, here and below: no jumps.
  for (size_t i = 0; i < rows; ++i) {
    const uint32_t id = of_number[of_code[codes[i]]];
    ids[i] = id;
    unknown[count] = static_cast<uint32_t>(i);
    count += id == kUnknownId;
  }
  unknown.resize(count);
  if (count == 0) return;
  if (is_indexed_) {
    InternNewNumbersByValue(unknown, column, numbers, nulls_as_values, ids);
  } else {
    InternNewNumbers(unknown, column, numbers, nulls_as_values, ids);
  }
}

void ColumnInterner::InternNewNumbers(const std::vector<uint32_t>& rows, const Vector& column,
                                      const DictionaryNumbers& numbers, bool nulls_as_values,
                                      uint32_t* ids) {
  number_of_id_.resize(size_ + rows.size() + 1);
  const uint32_t* codes = column.codes();
  const uint32_t* of_code = numbers.of_code.data();
  uint32_t* of_number = id_of_number_.data();
  uint32_t* number_of = number_of_id_.data();
  const bool null_is_new =
      numbers.null_number != kNoId && of_number[numbers.null_number] == kUnknownId;
  if (null_is_new && !nulls_as_values) of_number[numbers.null_number] = kNoId;
  if (null_is_new && null_id_ != kNoId) of_number[numbers.null_number] = null_id_;
  auto size = static_cast<uint32_t>(size_);
  for (const uint32_t row : rows) {
    const uint32_t number = of_code[codes[row]];
    const uint32_t known = of_number[number];
    const uint32_t id = Choose(known == kUnknownId, size, known);
    number_of[size] = number;
    of_number[number] = id;
    ids[row] = id;
    size += known == kUnknownId;
  }
  if (null_is_new && of_number[numbers.null_number] < kUnknownId) {
    null_id_ = of_number[numbers.null_number];
    number_of[null_id_] = kNoId;
  }
  size_ = size;
  number_of_id_.resize(size_);
}

void ColumnInterner::InternNewNumbersByValue(const std::vector<uint32_t>& rows,
                                             const Vector& column, const DictionaryNumbers& numbers,
                                             bool nulls_as_values, uint32_t* ids) {
  const Vector& dictionary = *column.dictionary();
  for (const uint32_t row : rows) {
    const uint32_t code = column.codes()[row];
    uint32_t& id = id_of_number_[numbers.of_code[code]];
    if (id == kUnknownId) {
      if (dictionary.IsNull(code)) {
        id = nulls_as_values ? InternNull() : kNoId;
      } else {
        id = InternValue(dictionary, code);
      }
    }
    ids[row] = id;
  }
}

std::shared_ptr<const DictionaryNumbers> ColumnInterner::NumbersOf(const Vector& column) {
  if (numbers_ == nullptr) return nullptr;
  for (const DictionaryCache& cache : caches_) {
    if (cache.dictionary == column.dictionary()) return cache.numbers;
  }
  // Few rows do not pay for numbers, but take those there are.
  auto numbers = numbers_->Of(column.dictionary(), CacheWorthwhile(column) ? SIZE_MAX : 0);
  if (numbers != nullptr) Remember({column.dictionary(), {}, numbers}, &caches_);
  return numbers;
}

void ColumnInterner::InternAll(const ColumnInterner& other, std::vector<uint32_t>* ids) {
  ids->resize(other.size_);
  if (numbers_ == nullptr || numbers_ != other.numbers_ || is_indexed_ || other.is_indexed_)
    return Intern(other.Values(), ids->data());
  if (other.type_.nullable()) type_ = type_.Nullable();
  if (id_of_number_.size() < other.id_of_number_.size())
    id_of_number_.resize(other.id_of_number_.size(), kUnknownId);
  for (size_t other_id = 0; other_id < other.size_; ++other_id) {
    const uint32_t number = other.number_of_id_[other_id];
    if (number == kNoId) {
      (*ids)[other_id] = InternNull();
      continue;
    }
    uint32_t& id = id_of_number_[number];
    if (id == kUnknownId) {
      id = static_cast<uint32_t>(size_++);
      number_of_id_.push_back(number);
    }
    (*ids)[other_id] = id;
  }
}

void ColumnInterner::Intern(const Vector& column, uint32_t* ids, bool nulls_as_values) {
  if (column.type().nullable()) type_ = type_.Nullable();
  switch (column.form()) {
    case Vector::Form::kFlat:
      return InternMany({column, nullptr, column.size()}, nulls_as_values, /*kept=*/false, ids);
    case Vector::Form::kConstant: {
      if (column.size() == 0) return;
      InternMany({column, nullptr, 1}, nulls_as_values, /*kept=*/false, ids);
      std::fill_n(ids, column.size(), ids[0]);
      return;
    }
    case Vector::Form::kDictionary:
      return InternDictionary(column, nulls_as_values, ids);
  }
}

void ColumnInterner::FindWides(const Vector& flat, uint32_t* ids) const {
  const auto* wides = flat.data<Int128>();
  const size_t rows = flat.size();
  uint64_t hashes[kInternAhead];
  for (size_t i = 0; i < rows + kInternAhead; ++i) {
    if (i >= kInternAhead)
      ids[i - kInternAhead] =
          wides_.Find(WideKey(wides[i - kInternAhead]), hashes[i % kInternAhead]);
    if (i >= rows) continue;
    hashes[i % kInternAhead] = WideKey(wides[i]).hash();
    wides_.Prefetch(hashes[i % kInternAhead]);
  }
}

void ColumnInterner::Find(const Vector& column, uint32_t* ids, bool nulls_as_values,
                          std::vector<DictionaryCache>* caches) const {
  if (column.form() == Vector::Form::kFlat && !column.MayHaveNulls() &&
      column.type().physical() == Physical::kI128)
    return FindWides(column, ids);
  ForEachRow(
      column, ids, caches, [&](const Vector& values, size_t at) { return FindValue(values, at); },
      [&] { return nulls_as_values ? null_id_ : kNoId; });
}

Vector ColumnInterner::ValuesOf(const uint32_t* ids, size_t count) const {
  Vector out = Vector::Flat(type_, count);
  if (type_.physical() == Physical::kI128) {
    auto* wides = out.mutable_data<Int128>();
    for (size_t i = 0; i < count; ++i) wides[i] = ids[i] == kNoId ? 0 : wide_values_[ids[i]];
    return out;
  }
  HOGLET_ASSERT(type_.physical() == Physical::kString);
  auto* texts = out.mutable_data<std::string_view>();
  for (size_t i = 0; i < count; ++i)
    texts[i] = ids[i] == kNoId ? std::string_view() : strings_.texts()[ids[i]];
  out.KeepAlive(heap_);
  return out;
}

Vector ColumnInterner::Values(size_t begin, size_t count) const {
  const auto with_null = [&](Vector out) {
    if (null_id_ >= begin && null_id_ < begin + count) out.SetNull(null_id_ - begin);
    return out;
  };
  if (!is_indexed_) {
    Vector out = numbers_->Values(number_of_id_.data() + begin, count);
    out.set_type(type_);
    return with_null(std::move(out));
  }
  const Physical physical = type_.physical();
  if (physical == Physical::kArray || physical == Physical::kTuple) {
    VectorBuilder builder(type_);
    for (size_t id = begin; id < begin + count; ++id) builder.Append(nested_values_[id]);
    return builder.Build();
  }
  Vector out = Vector::Flat(type_, count);
  switch (physical) {
    case Physical::kU8:
      for (size_t i = 0; i < count; ++i)
        out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(word_values_[begin + i]);
      break;
    case Physical::kI64:
    case Physical::kF64:
      std::copy_n(word_values_.begin() + begin, count, out.mutable_data<uint64_t>());
      break;
    case Physical::kI128:
      std::copy_n(wide_values_.begin() + begin, count, out.mutable_data<Int128>());
      break;
    case Physical::kString:
      std::copy_n(strings_.texts().begin() + begin, count, out.mutable_data<std::string_view>());
      out.KeepAlive(heap_);
      for (const auto& dictionary : kept_) out.KeepAlive(dictionary);
      if (numbers_ != nullptr) out.KeepAlive(numbers_);
      break;
    default:
      break;
  }
  return with_null(std::move(out));
}

size_t ColumnInterner::MemoryBytes() const {
  size_t bytes = small_words_.capacity() * 4 + words_.MemoryBytes() + word_ids_.capacity() * 4 +
                 word_values_.capacity() * 8 + wide_values_.capacity() * 16 + wides_.MemoryBytes() +
                 strings_.MemoryBytes() +
                 (id_of_number_.capacity() + number_of_id_.capacity()) * 4 + heap_->bytes() +
                 kept_bytes_;
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
  }
  Combine(ids, rows, groups);
}

void RowInterner::InternAll(const RowInterner& other, std::vector<uint32_t>* groups) {
  groups->resize(other.groups_);
  if (columns_.empty()) return Intern({}, other.groups_, groups->data());
  std::vector<std::vector<uint32_t>> ids(columns_.size());
  for (size_t k = 0; k < columns_.size(); ++k) {
    columns_[k].InternAll(other.columns_[k], &ids[k]);
    if (columns_.size() == 1) break;
    std::vector<uint32_t> of_group(other.groups_);
    for (size_t g = 0; g < other.groups_; ++g) of_group[g] = ids[k][other.key_ids_[k][g]];
    ids[k] = std::move(of_group);
  }
  std::copy(ids[0].begin(), ids[0].end(), groups->begin());
  if (columns_.size() == 1) {
    groups_ = columns_[0].size();
    return;
  }
  Combine(ids, other.groups_, groups->data());
}

void RowInterner::UseNumbers(size_t column, std::shared_ptr<ColumnNumbers> numbers) {
  columns_[column].UseNumbers(std::move(numbers));
}

void RowInterner::Combine(const std::vector<std::vector<uint32_t>>& ids, size_t rows,
                          uint32_t* groups) {
  for (size_t k = 1; k < ids.size(); ++k) {
    const size_t prefixes = k == 1 ? columns_[0].size() : pairs_[k - 2].size();
    pairs_[k - 1].Intern({prefixes, columns_[k].size()}, ids[k].data(), rows, groups);
  }
  // New groups are numbered in row order: the first row of each follows that of the one before.
  std::vector<uint32_t> first_rows(rows + 1);
  const size_t known = groups_;
  for (size_t i = 0; i < rows; ++i) {
    first_rows[groups_ - known] = static_cast<uint32_t>(i);
    groups_ += groups[i] == groups_;
  }
  HOGLET_ASSERT(groups_ == pairs_.back().size());
  first_rows.resize(groups_ - known);
  for (size_t k = 0; k < ids.size(); ++k) {
    for (const uint32_t row : first_rows) key_ids_[k].push_back(ids[k][row]);
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
    const PairInterner& pairs = rows_.pairs_[k - 1];
    for (size_t i = 0; i < rows; ++i) {
      const bool known = groups[i] != kNoId && scratch_[i] != kNoId;
      groups[i] = known ? pairs.Find(groups[i], scratch_[i]) : kNoId;
    }
  }
}

size_t RowInterner::size() const { return groups_; }

std::shared_ptr<const Vector> RowInterner::KeyValues(size_t k) const {
  if (columns_.size() == 1) return nullptr;
  return std::make_shared<const Vector>(columns_[k].Values());
}

Vector RowInterner::KeyColumn(size_t k, const std::shared_ptr<const Vector>& values, size_t begin,
                              size_t count) const {
  if (columns_.size() == 1) return columns_[0].Values(begin, count);
  auto codes = std::shared_ptr<uint32_t[]>(new uint32_t[count]);
  std::copy_n(key_ids_[k].begin() + begin, count, codes.get());
  return Vector::Dictionary(values, std::move(codes), count);
}

size_t RowInterner::MemoryBytes() const {
  size_t bytes = 0;
  for (const ColumnInterner& column : columns_) bytes += column.MemoryBytes();
  for (const PairInterner& pair : pairs_) bytes += pair.MemoryBytes();
  for (const auto& ids : key_ids_) bytes += ids.capacity() * 4;
  return bytes;
}

}  // namespace hoglet
