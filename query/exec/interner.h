#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/hash.h"
#include "src/base/strings.h"
#include "src/base/vector/vector.h"

// Values to small dense numbers: the heart of GROUP BY, DISTINCT, joins and set operations.

namespace hoglet {

class ColumnNumbers;
struct DictionaryNumbers;

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
    if (++size_ * 2 > slots_.size()) Resize(slots_.size() * 2);
    return id;
  }
  uint32_t Find(const Key& key) const { return Find(key, key.hash()); }
  uint32_t Find(const Key& key, uint64_t hash) const { return slots_[PlaceOf(key, hash)].id; }
  // Room for so many keys more.
  void Reserve(size_t more) {
    const size_t wanted = std::bit_ceil(2 * (size_ + more) + 1);
    if (wanted > slots_.size()) Resize(wanted);
  }
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
  void Resize(size_t slots) {
    std::vector<Slot> old(slots);
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

// Rows between fetching a slot and looking at it.
inline constexpr size_t kInternAhead = 16;

// `condition ? yes : no`, in a form that compilers make no jump of.
inline uint32_t Choose(bool condition, uint32_t yes, uint32_t no) {
  const uint32_t mask = -static_cast<uint32_t>(condition);
  return (yes & mask) | (no & ~mask);
}

// Pairs of dense ids to dense ids in order of first sight: an array over all possible pairs while
// enough of them occur, else a hash table.
class PairInterner {
 public:
  // Replaces left[i] by the number of (left[i], right[i]); kNoId if either is that. Other ids are
  // below the limits.
  struct Limits {
    size_t left;
    size_t right;
  };
  void Intern(const Limits& limits, const uint32_t* right, size_t rows, uint32_t* left);
  uint32_t Find(uint32_t left, uint32_t right) const;
  size_t size() const { return size_; }
  size_t MemoryBytes() const {
    return cells_.capacity() * 4 + pairs_.capacity() * 8 + hashed_.MemoryBytes();
  }

 private:
  static uint64_t PairOf(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }
  size_t CellOf(uint64_t pair) const {
    return (pair >> 32 << right_bits_) | static_cast<uint32_t>(pair);
  }
  // Makes room in the array for ids below the limits, or gives it up.
  void Fit(const Limits& limits);

  bool is_array_ = true;
  int right_bits_ = 0;
  size_t size_ = 0;
  std::vector<uint32_t> cells_;  // kNoId: no such pair
  std::vector<uint64_t> pairs_;  // by id, while there is an array
  U64Interner hashed_;
};

// Strings to dense ids in order of first sight. A slot holds an id and half of the hash, so that
// the table of many strings stays small; whole hashes and strings lie beside it, by id.
class TextInterner {
 public:
  TextInterner() : slots_(64) {}
  // `hash` is FastHash64(text). `keep()` gives the view of a new string to hold on to.
  template <typename Keep>
  uint32_t Intern(std::string_view text, uint64_t hash, Keep keep) {
    Slot& slot = slots_[PlaceOf(text, hash)];
    if (slot.id != kNoId) return slot.id;
    const auto id = static_cast<uint32_t>(texts_.size());
    texts_.push_back(keep());
    hashes_.push_back(hash);
    slot = {TagOf(hash), id};
    if (++used_ * 2 > slots_.size()) Grow();
    return id;
  }
  uint32_t Find(std::string_view text) const { return slots_[PlaceOf(text, FastHash64(text))].id; }
  // A string known to be new. Look-ups have to wait for Index().
  void AddUnindexed(std::string_view text) {
    texts_.push_back(text);
    hashes_.push_back(0);
  }
  void Index();
  // Uses up the next id for what is no string; its text is empty. At most once.
  void AddBlank() {
    HOGLET_ASSERT(!without_slot_.has_value());
    without_slot_ = texts_.size();
    texts_.emplace_back();
    hashes_.push_back(0);
  }
  // What a look-up will touch, in the order of touching: to be called for many strings in turn.
  void PrefetchSlot(uint64_t hash) const { __builtin_prefetch(&slots_[hash & Mask()]); }
  void PrefetchText(uint64_t hash) const {
    const Slot& slot = slots_[hash & Mask()];
    if (slot.id != kNoId) __builtin_prefetch(&texts_[slot.id]);
  }
  void PrefetchBytes(uint64_t hash) const {
    const Slot& slot = slots_[hash & Mask()];
    if (slot.id != kNoId && slot.tag == TagOf(hash)) __builtin_prefetch(texts_[slot.id].data());
  }
  const std::vector<std::string_view>& texts() const { return texts_; }
  size_t MemoryBytes() const {
    return slots_.size() * sizeof(Slot) + texts_.capacity() * (sizeof(texts_[0]) + 8);
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t id = kNoId;
  };

  static uint32_t TagOf(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  size_t Mask() const { return slots_.size() - 1; }
  size_t PlaceOf(std::string_view text, uint64_t hash) const {
    size_t at = hash & Mask();
    while (slots_[at].id != kNoId &&
           !(slots_[at].tag == TagOf(hash) && texts_[slots_[at].id] == text)) {
      at = (at + 1) & Mask();
    }
    return at;
  }
  void Grow() { Rebuild(slots_.size() * 2); }
  void Rebuild(size_t slots);

  std::vector<Slot> slots_;  // load at most 1/2
  size_t used_ = 0;
  std::vector<std::string_view> texts_;  // by id
  std::vector<uint64_t> hashes_;         // by id
  std::optional<size_t> without_slot_;   // the blank
};

// The distinct values of one column. NULL is a value of its own. A dictionary vector costs one
// look-up a dictionary entry, not a row.
class ColumnInterner {
 public:
  explicit ColumnInterner(Type type) : type_(std::move(type)) {}

  // Saves look-ups for dictionaries that have numbers. To be called before anything is interned;
  // Find() must not be used then.
  void UseNumbers(std::shared_ptr<ColumnNumbers> numbers);

  // ids[i] of row i. `nulls_as_values` false gives kNoId for NULL.
  void Intern(const Vector& column, uint32_t* ids, bool nulls_as_values = true);
  // All values of another interner: (*ids)[id there] is the id here.
  void InternAll(const ColumnInterner& other, std::vector<uint32_t>* ids);
  // The same as Intern() without adding: kNoId for values never seen. Thread-safe beside other
  // finds; each caller brings its own cache (or none).
  struct DictionaryCache {
    std::shared_ptr<const Vector> dictionary;
    // By code (kUnknownId: not looked up yet); none if there are numbers.
    std::vector<uint32_t> ids;
    std::shared_ptr<const DictionaryNumbers> numbers = nullptr;
  };
  void Find(const Vector& column, uint32_t* ids, bool nulls_as_values,
            std::vector<DictionaryCache>* caches) const;
  size_t size() const { return size_; }
  uint32_t null_id() const { return null_id_; }  // kNoId: no NULL so far
  // The values in id order, flat; or `count` of them.
  Vector Values() const { return Values(0, size_); }
  Vector Values(size_t begin, size_t count) const;
  // Values by id, strings and 128-bit numbers only; a default for kNoId.
  Vector ValuesOf(const uint32_t* ids, size_t count) const;
  size_t MemoryBytes() const;

 private:
  // Values of a flat vector: all in order, or those at `positions` if that is not null.
  struct Picked {
    const Vector& flat;
    const uint32_t* positions;
    size_t count;

    size_t at(size_t i) const { return positions == nullptr ? i : positions[i]; }
    bool IsNull(size_t i) const {
      return flat.validity() != nullptr && !BitIsSet(flat.validity(), at(i));
    }
  };

  uint32_t InternNull();
  uint32_t InternBytes(std::string_view bytes);
  uint32_t InternWord(uint64_t word);
  uint32_t FindWord(uint64_t word) const;
  // The ids of words at the start that are small and known; how many.
  size_t KnownSmallWords(const uint64_t* words, size_t count, uint32_t* ids) const;
  uint32_t InternWide(Int128 wide, uint64_t hash);
  // Many values, the memory they need fetched ahead. `kept` says that the vector's strings outlive
  // this object: they are not copied then.
  void InternMany(const Picked& values, bool nulls_as_values, bool kept, uint32_t* ids);
  void FindWides(const Vector& flat, uint32_t* ids) const;
  void InternWords(const Picked& values, bool nulls_as_values, uint32_t* ids);
  void InternWides(const Picked& values, bool nulls_as_values, uint32_t* ids);
  void InternTexts(const Picked& values, bool nulls_as_values, bool kept, uint32_t* ids);
  void InternDictionary(const Vector& column, bool nulls_as_values, uint32_t* ids);
  void InternNumbered(const Vector& column, const DictionaryNumbers& numbers, bool nulls_as_values,
                      uint32_t* ids);
  std::shared_ptr<const DictionaryNumbers> NumbersOf(const Vector& column);
  // Rows of a dictionary that are not known yet.
  void InternNewNumbers(const std::vector<uint32_t>& rows, const Vector& column,
                        const DictionaryNumbers& numbers, bool nulls_as_values, uint32_t* ids);
  void InternNewNumbersByValue(const std::vector<uint32_t>& rows, const Vector& column,
                               const DictionaryNumbers& numbers, bool nulls_as_values,
                               uint32_t* ids);
  void AddNullSlot();
  // Before values are looked up by what they are.
  void Index();
  // One valid value of a flat or constant vector.
  uint32_t InternValue(const Vector& flat, size_t row);
  uint32_t FindValue(const Vector& flat, size_t row) const;

  Type type_;
  size_t size_ = 0;
  uint32_t null_id_ = kNoId;
  std::vector<uint32_t> small_words_;  // ids of words below kSmallWords: days, hours, counts
  U64Interner words_;                  // of others: word number -> entry in word_ids_
  std::vector<uint32_t> word_ids_;
  KeyTable<WideKey> wides_;
  TextInterner strings_;  // its ids are those of the column
  // What Values() is made of, by physical form; the NULL slot holds a default.
  std::vector<uint64_t> word_values_;
  std::vector<Int128> wide_values_;
  std::vector<Datum> nested_values_;
  std::shared_ptr<StringHeap> heap_ = std::make_shared<StringHeap>();
  std::vector<std::shared_ptr<const Vector>> kept_;  // dictionaries whose strings are in use
  uint64_t kept_bytes_ = 0;                          // of those strings
  std::vector<DictionaryCache> caches_;
  // While all values have come with numbers, these stand for them: `number_of_id_` is all there is
  // of a value (kNoId: NULL). Once is_indexed_, the values are in the tables above, and
  // `id_of_number_` (kUnknownId: not seen) only saves look-ups.
  std::shared_ptr<ColumnNumbers> numbers_;
  bool is_indexed_ = true;
  std::vector<uint32_t> id_of_number_;
  std::vector<uint32_t> number_of_id_;
  std::vector<uint32_t> scratch_;
};

// Rows of several key columns to dense group numbers.
class RowInterner {
 public:
  explicit RowInterner(const std::vector<Type>& types);
  // As ColumnInterner's, for one column; null: none.
  void UseNumbers(size_t column, std::shared_ptr<ColumnNumbers> numbers);

  // groups[i] of row i (kNoId for a NULL key without nulls_as_values).
  void Intern(const std::vector<const Vector*>& keys, size_t rows, uint32_t* groups,
              bool nulls_as_values = true);
  // All groups of an interner of the same columns: (*groups)[group there] is the group here.
  void InternAll(const RowInterner& other, std::vector<uint32_t>* groups);
  size_t size() const;
  // Key column `k` of `count` groups in group order: flat if it is the only one, else codes of
  // `values`, which are KeyValues(k).
  Vector KeyColumn(size_t k, const std::shared_ptr<const Vector>& values, size_t begin,
                   size_t count) const;
  std::shared_ptr<const Vector> KeyValues(size_t k) const;
  size_t MemoryBytes() const;

 private:
  friend class RowFinder;
  // Rows of ids, one vector a column, to group numbers.
  void Combine(const std::vector<std::vector<uint32_t>>& ids, size_t rows, uint32_t* groups);

  std::vector<ColumnInterner> columns_;
  std::vector<PairInterner> pairs_;  // pairs_[k - 1] combines the prefix of k columns with column k
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
