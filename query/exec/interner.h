#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/strings.h"
#include "src/base/vector/vector.h"

// Values to small dense numbers: the heart of GROUP BY, DISTINCT, joins and set operations.

namespace hoglet {

inline constexpr uint32_t kNoId = ~uint32_t{0};
inline constexpr uint32_t kUnknownId = kNoId - 1;

// Hash of a 64-bit key for open addressing; a full-avalanche finaliser (murmur3's fmix64).
inline uint64_t MixHash(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

struct WordKey {
  uint64_t hash() const { return MixHash(word); }
  friend bool operator==(const WordKey&, const WordKey&) = default;

  uint64_t word = 0;
};

// In half the room that an Int128 with its alignment would take in a table.
struct WideKey {
  explicit WideKey(Int128 wide)
      : low(static_cast<uint64_t>(wide)),
        high(static_cast<uint64_t>(static_cast<UInt128>(wide) >> 64)) {}
  WideKey() = default;
  uint64_t hash() const { return MixHash(low ^ MixHash(high)); }
  friend bool operator==(const WideKey&, const WideKey&) = default;

  uint64_t low = 0;
  uint64_t high = 0;
};

// Bytes with their hash, so that a growing table does not look at them again.
struct BytesKey {
  explicit BytesKey(std::string_view of) : hash_value(FastHash64(of)), bytes(of) {}
  BytesKey() = default;
  uint64_t hash() const { return hash_value; }
  friend bool operator==(const BytesKey&, const BytesKey&) = default;

  uint64_t hash_value = 0;
  std::string_view bytes;
};

// Keys to numbers that the caller gives. Linear probing, load at most 1/2.
template <typename Key>
class KeyTable {
 public:
  KeyTable() : slots_(64) {}
  void Prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]); }
  // The number of the key; a new one is taken from `add()`, which gives the key to keep and its
  // number. `hash` is key.hash().
  template <typename Add>
  uint32_t Intern(const Key& key, uint64_t hash, Add add) {
    Slot& slot = slots_[PlaceOf(key, hash)];
    if (slot.id != kNoId) return slot.id;
    const auto [kept, id] = add();
    slot = {kept, id};
    if (++size_ * 2 > slots_.size()) Grow();
    return id;
  }
  uint32_t Find(const Key& key) const { return slots_[PlaceOf(key, key.hash())].id; }
  size_t MemoryBytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    Key key;
    uint32_t id = kNoId;
  };

  size_t PlaceOf(const Key& key, uint64_t hash) const {
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at].id != kNoId && !(slots_[at].key == key)) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id != kNoId) slots_[PlaceOf(slot.key, slot.key.hash())] = slot;
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

// 64-bit keys to dense ids in order of first sight.
class U64Interner {
 public:
  uint32_t Intern(uint64_t key) {
    const WordKey word{key};
    return table_.Intern(word, word.hash(),
                         [&] { return std::pair(word, static_cast<uint32_t>(size_++)); });
  }
  uint32_t Find(uint64_t key) const { return table_.Find(WordKey{key}); }
  void Prefetch(uint64_t key) const { table_.Prefetch(MixHash(key)); }
  size_t size() const { return size_; }
  size_t MemoryBytes() const { return table_.MemoryBytes(); }

 private:
  KeyTable<WordKey> table_;
  size_t size_ = 0;
};

// The distinct values of one column. NULL is a value of its own. A dictionary vector costs one
// look-up a dictionary entry, not a row.
class ColumnInterner {
 public:
  explicit ColumnInterner(Type type) : type_(std::move(type)) {}

  // ids[i] of row i. `nulls_as_values` false gives kNoId for NULL.
  void Intern(const Vector& column, uint32_t* ids, bool nulls_as_values = true);
  // The same without adding: kNoId for values never seen. Thread-safe beside other finds; each
  // caller brings its own cache (or none).
  struct DictionaryCache {
    std::shared_ptr<const Vector> dictionary;
    std::vector<uint32_t> ids;  // kUnknownId: not looked up yet
  };
  void Find(const Vector& column, uint32_t* ids, bool nulls_as_values,
            std::vector<DictionaryCache>* caches) const;
  size_t size() const { return size_; }
  // The values in id order, flat.
  Vector Values() const;
  size_t MemoryBytes() const;

 private:
  uint32_t InternNull();
  uint32_t InternBytes(std::string_view bytes);
  uint32_t InternWord(uint64_t word);
  uint32_t InternWide(Int128 wide, uint64_t hash);
  // Flat columns without NULLs, the tables' slots fetched ahead.
  void InternWords(const int64_t* words, size_t rows, uint32_t* ids);
  void InternWides(const Int128* wides, size_t rows, uint32_t* ids);
  // One valid value of a flat or constant vector.
  uint32_t InternValue(const Vector& flat, size_t row);
  uint32_t FindValue(const Vector& flat, size_t row) const;

  Type type_;
  size_t size_ = 0;
  uint32_t null_id_ = kNoId;
  U64Interner words_;  // word number -> entry in word_ids_
  std::vector<uint32_t> word_ids_;
  KeyTable<WideKey> wides_;
  KeyTable<BytesKey> strings_;
  // What Values() is made of, by physical form; the NULL slot holds a default.
  std::vector<uint64_t> word_values_;
  std::vector<Int128> wide_values_;
  std::vector<std::string_view> string_values_;
  std::vector<Datum> nested_values_;
  std::shared_ptr<StringHeap> heap_ = std::make_shared<StringHeap>();
  std::vector<DictionaryCache> caches_;
};

// Rows of several key columns to dense group numbers.
class RowInterner {
 public:
  explicit RowInterner(const std::vector<Type>& types);

  // groups[i] of row i (kNoId for a NULL key without nulls_as_values).
  void Intern(const std::vector<const Vector*>& keys, size_t rows, uint32_t* groups,
              bool nulls_as_values = true);
  size_t size() const;
  // Key column `k` of every group in group order, dictionary form.
  Vector KeyColumn(size_t k) const;
  size_t MemoryBytes() const;

 private:
  friend class RowFinder;
  std::vector<ColumnInterner> columns_;
  std::vector<U64Interner> pairs_;  // pairs_[k - 1] combines the prefix of k columns with column k
  std::vector<std::vector<uint32_t>> key_ids_;  // [column][group]
  size_t groups_ = 0;
};

// Looks rows up in a RowInterner that no longer changes. One thread each; remembers the
// dictionaries it has seen.
class RowFinder {
 public:
  explicit RowFinder(const RowInterner& rows) : rows_(rows), caches_(rows.columns_.size()) {}
  // groups[i], or kNoId for rows never interned.
  void Find(const std::vector<const Vector*>& keys, size_t rows, uint32_t* groups,
            bool nulls_as_values = true);

 private:
  const RowInterner& rows_;
  std::vector<std::vector<ColumnInterner::DictionaryCache>> caches_;
  std::vector<uint32_t> scratch_;
};

}  // namespace hoglet
