#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "src/base/strings.h"
#include "src/base/vector/vector.h"
#include "storage/document.h"
#include "storage/schema.h"

namespace hoglet {

// What placing a row needs to know of it; computed once.
struct RowPlace {
  RowKey key;
  uint64_t key_hash = 0;
  int32_t month = 0;
  uint32_t shard = 0;
};

// A run of rows in arrays that never move. Rows are written once, in order; readers read only rows
// that were published to them, so writing the next row beside them is no race.
class MemGranule {
 public:
  MemGranule(uint32_t begin, uint32_t capacity);

  uint32_t begin() const { return begin_; }  // number of its first row in the memtable
  uint32_t capacity() const { return capacity_; }

  const int64_t* integers(PlainColumn column) const { return integers_[column].get(); }
  const Int128* wides(PlainColumn column) const { return wides_[column].get(); }
  const std::string_view* strings(PlainColumn column) const { return strings_[column].get(); }
  const uint8_t* bools(PlainColumn column) const { return bools_[column].get(); }
  const Document* const* documents(JsonColumn column) const { return documents_[column].get(); }
  const uint64_t* distinct_id_hashes() const { return distinct_id_hashes_.get(); }
  const uint64_t* uuid_hashes() const { return uuid_hashes_.get(); }
  const uint64_t* key_hashes() const { return key_hashes_.get(); }
  // Bytes of the row's strings and documents, about.
  const uint32_t* row_bytes() const { return row_bytes_.get(); }

 private:
  friend class Memtable;
  template <typename T>
  using Array = std::unique_ptr<T[]>;

  const uint32_t begin_;
  const uint32_t capacity_;
  Array<int64_t> integers_[kPlainColumnCount];
  Array<Int128> wides_[kPlainColumnCount];
  Array<std::string_view> strings_[kPlainColumnCount];
  Array<uint8_t> bools_[kPlainColumnCount];
  Array<const Document*> documents_[kJsonColumnCount];
  Array<uint64_t> distinct_id_hashes_;
  Array<uint64_t> uuid_hashes_;
  Array<uint64_t> key_hashes_;
  Array<uint32_t> row_bytes_;
};

// What a snapshot sees of a granule: its first `rows` rows.
struct MemGranuleView {
  const MemGranule* granule = nullptr;
  uint32_t rows = 0;
  int64_t min_us = 0;
  int64_t max_us = 0;
};

// The rows of one shard in one generation, in order of insertion, with an exact index of their
// keys. One thread writes; see MemGranule for what others may read.
class Memtable {
 public:
  Memtable(uint32_t shard, uint32_t granule_rows) : shard_(shard), granule_rows_(granule_rows) {}

  // `person_documents` remembers the documents of one Insert call by address.
  using DocumentMemo = absl::flat_hash_map<const JsonObjectView*, const Document*>;
  uint32_t Append(const EventRow& row, const RowPlace& place, DocumentMemo* person_documents);

  // The row last appended under this key.
  std::optional<uint32_t> Find(const RowPlace& place) const;
  int64_t version_us(uint32_t row) const;

  uint32_t shard() const { return shard_; }
  uint32_t rows() const { return rows_; }
  uint64_t bytes() const;
  std::vector<MemGranuleView> View() const { return views_; }
  // The granule that holds the row.
  const MemGranule& GranuleOf(uint32_t row) const;

 private:
  struct RowHash {
    using is_transparent = void;
    const Memtable* table;
    size_t operator()(uint32_t row) const;
    size_t operator()(const RowPlace& place) const { return place.key_hash; }
  };
  struct RowEqual {
    using is_transparent = void;
    const Memtable* table;
    bool operator()(uint32_t a, uint32_t b) const { return (*this)(a, table->Place(b)); }
    bool operator()(uint32_t a, const RowPlace& b) const { return table->Place(a).key == b.key; }
    bool operator()(const RowPlace& a, uint32_t b) const { return (*this)(b, a); }
  };

  RowPlace Place(uint32_t row) const;
  std::string_view Intern(std::string_view text);

  const uint32_t shard_;
  const uint32_t granule_rows_;
  uint32_t rows_ = 0;
  std::vector<std::unique_ptr<MemGranule>> granules_;
  std::vector<MemGranuleView> views_;
  Arena arena_{64 << 10};
  StringSet<std::string_view> interned_;
  DocumentStore documents_[kJsonColumnCount];
  absl::flat_hash_set<uint32_t, RowHash, RowEqual> index_{0, RowHash{this}, RowEqual{this}};
};

// Members of one key and variant in `documents`, as a flat nullable vector. Strings point into the
// documents. kNumber: doubles if `as_double`, else int64 (then no document holds a double).
Vector ExtractVariant(std::span<const Document* const> documents, std::string_view key,
                      JsonVariant variant, bool as_double);

// Which variants of a key occur, in how many documents.
struct KeyVariants {
  bool present[kJsonVariantCount] = {};
  bool has_double = false;
};
KeyVariants FindVariants(std::span<const Document* const> documents, std::string_view key);

JsonVariant VariantOf(JsonKind stored_kind);

}  // namespace hoglet
