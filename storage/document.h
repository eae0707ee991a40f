#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "src/base/strings.h"
#include "src/base/vector/type.h"
#include "storage/schema.h"

namespace hoglet {

// JSON objects in memory: each is a row of 64-bit slots whose meaning (keys in order, kinds) its
// shape tells, and shapes are shared. Adding one costs a hash lookup a member; reading one key of
// many documents costs one search a shape.

// The texts of one key, each kept once and numbered, while they repeat. Keys whose texts hardly do
// (ids of requests) are told by a trial and left alone from then on.
class TextTable {
 public:
  static constexpr uint32_t kNoCode = UINT32_MAX;
  static const size_t kFirstBytes;  // of one without texts

  // Slot() looks at two places for a text of this hash (FastHash64), the second of which the first
  // tells: these fetch one each.
  void PrefetchEntry(uint64_t hash) const {
    if (is_coded_) __builtin_prefetch(&entries_[hash & (entries_.size() - 1)]);
  }
  void PrefetchText(uint64_t hash) const {
    if (!is_coded_) return;
    const uint64_t entry = entries_[hash & (entries_.size() - 1)];
    if (entry != 0) __builtin_prefetch(TextOf(entry));
  }
  // The slot of a text; adds it to the arena if it is new, and to `bytes` what it holds besides.
  uint64_t Slot(std::string_view text, uint64_t hash, Arena* arena, uint64_t* bytes);
  // A text was found again without a look here.
  void CountRepeat() { ++seen_; }
  // Whether all texts have codes: 0 to size() - 1.
  bool is_coded() const { return is_coded_; }
  size_t size() const { return slots_.size(); }
  std::string_view text(uint32_t code) const;

 private:
  // Open addressing. Addresses have 48 bits; above them stands the top of the text's hash. 0: free.
  using Entry = uint64_t;
  static constexpr int kAddressBits = 48;
  static constexpr size_t kFirstEntries = 16;

  static Entry MakeEntry(uint64_t slot, uint64_t hash);
  static uint64_t SlotOf(Entry entry) { return entry & ((uint64_t{1} << kAddressBits) - 1); }
  static const char* TextOf(Entry entry) {
    return reinterpret_cast<const char*>(SlotOf(entry));  // NOLINT(performance-no-int-to-ptr)
  }

  void Grow(uint64_t* bytes);
  void GiveUp(uint64_t* bytes);

  bool is_coded_ = true;
  uint32_t seen_ = 0;
  std::vector<Entry> entries_ = std::vector<Entry>(kFirstEntries);
  std::vector<uint64_t> slots_;  // by code
};

inline const size_t TextTable::kFirstBytes =
    sizeof(TextTable) + TextTable::kFirstEntries * sizeof(TextTable::Entry);

struct DocumentShape {
  struct Member {
    std::string_view key;
    JsonKind kind;
    TextTable* texts = nullptr;  // of strings and raw values; the store's
    uint64_t latest = 0;         // slot of the text added last, 0 if none; the store's
  };
  uint32_t index = 0;  // dense, in order of first sight
  std::vector<Member> members;
  std::vector<uint32_t> numbers;        // DocumentStore's: numbers of the keys, with the kinds
  DocumentShape* next_alike = nullptr;  // DocumentStore's

  // Slot of the key, -1 if absent.
  int Find(std::string_view key) const {
    for (size_t i = 0; i < members.size(); ++i) {
      if (members[i].key == key) return static_cast<int>(i);
    }
    return -1;
  }
};

// The slot of a key in each shape, searched once a shape.
class SlotFinder {
 public:
  explicit SlotFinder(std::string_view key) : key_(key) {}

  int Slot(const DocumentShape& shape) {
    if (shape.index >= slots_.size()) slots_.resize(shape.index * 2 + 16, kUnknown);
    int& slot = slots_[shape.index];
    if (slot == kUnknown) slot = shape.Find(key_);
    return slot;
  }

 private:
  static constexpr int kUnknown = -2;
  std::string_view key_;
  std::vector<int> slots_;
};

// What a slot of a string or raw text stands for; the view lives as long as the store.
std::string_view SlotText(uint64_t slot);
// Its number in the key's TextTable, or TextTable::kNoCode.
uint32_t SlotCode(uint64_t slot);

struct Document {
  const DocumentShape* shape = nullptr;
  const uint64_t* slots = nullptr;

  // The member as event.h defines it; views live as long as the store.
  JsonMember Member(size_t slot) const;
};

// Owns documents. One thread adds; documents handed out may be read by others once published to
// them.
class DocumentStore {
 public:
  const Document* Add(const JsonObjectView& members);
  // As Add, but equal documents are nearly always one.
  const Document* AddShared(const JsonObjectView& members);

  size_t shape_count() const { return shape_list_.size(); }
  // Bytes held.
  uint64_t bytes() const { return arena_.bytes_used() + index_bytes_; }

 private:
  DocumentShape* Shape(const JsonObjectView& members);
  DocumentShape* ShapeByName(const JsonObjectView& members);
  DocumentShape* ShapeOfMany(const JsonObjectView& members);
  DocumentShape* NewShape(const JsonObjectView& members);
  std::string_view Key(std::string_view key);
  TextTable* TextsOf(std::string_view key, JsonKind kind);
  uint64_t Slot(const JsonMember& member, DocumentShape::Member* known);
  void FillSlots(DocumentShape* shape, const JsonObjectView& members, uint64_t* slots);
  const Document* NewDocument(const DocumentShape* shape, const JsonObjectView& members,
                              uint64_t* slots);
  bool IsDocument(const Document& document, const DocumentShape* shape,
                  const JsonObjectView& members) const;

  Arena arena_{64 << 10};
  std::deque<Document> documents_;  // never move
  uint64_t index_bytes_ = 0;
  StringSet<std::string_view> keys_;
  // By key; of strings and of raw texts.
  StringMap<std::string_view, std::array<std::unique_ptr<TextTable>, 2>> texts_;
  // By the hash of keys and kinds; those of one hash are linked by `next_alike`.
  absl::flat_hash_map<uint64_t, DocumentShape*> shapes_;
  StringMap<std::string, DocumentShape*> many_shapes_;  // by keys and kinds; see kAlikeMax
  // By the hash of `numbers`, of shapes whose keys all have numbers.
  absl::flat_hash_map<uint64_t, DocumentShape*> numbered_shapes_;
  std::vector<std::unique_ptr<DocumentShape>> shape_list_;
  // Of the document being made.
  std::vector<uint32_t> numbers_;
  struct Lookup {
    uint32_t member;
    uint64_t hash;
  };
  std::vector<Lookup> lookups_;
  std::vector<uint32_t> uncoded_;  // members whose texts have no codes
  std::vector<uint64_t> slots_;
  absl::flat_hash_map<uint64_t, const Document*> shared_;  // by hash of shape and slots
};

// The kind under which a member is stored: integers that a double does not hold become raw digits.
JsonKind StoredKind(const JsonMember& member);

// 128 bits over keys, order, kinds and values.
Int128 HashDocument(const Document& document);

}  // namespace hoglet
