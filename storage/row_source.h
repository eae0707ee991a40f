#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "src/base/strings.h"
#include "src/base/vector/vector.h"
#include "storage/memtable.h"
#include "storage/part.h"
#include "storage/row_mask.h"
#include "storage/schema.h"

namespace hoglet {

// What is known of a key over the documents of one or more sources.
struct KeyStatistics {
  uint64_t count = 0;
  bool present[kJsonVariantCount] = {};
  bool has_double = false;
};
using KeyStatisticsMap = StringMap<std::string, KeyStatistics>;

// Keys that get columns, by name, to their index among them.
using KeyIndex = StringMap<std::string, uint32_t>;

// Rows in sorted order, one after the other. The key's views are good until Next().
class SortedCursor {
 public:
  virtual ~SortedCursor() = default;
  virtual bool valid() const = 0;
  virtual const RowSortKey& key() const = 0;
  virtual uint32_t row() const = 0;
  virtual absl::Status Next() = 0;
};

// The hashes that the keys of a row consist of and lead to; see RowKey.
struct RowHashes {
  uint64_t key = 0;
  uint64_t distinct_id = 0;
  uint64_t uuid = 0;
};

// Where the rows of a new part come from: a memtable or an older part. Columns are taken one after
// the other, so that a merge never holds more than one column's granule of each source. Row numbers
// given to a Gather come in the order of Sorted(); document numbers ascend, or nearly so. One
// thread.
class RowSource {
 public:
  virtual ~RowSource() = default;

  // Rows in sort order, without those in `skip` (may be null), which outlives the cursor.
  virtual absl::StatusOr<std::unique_ptr<SortedCursor>> Sorted(const RowMask* skip) = 0;

  // Flat vectors, one value for each given row or document.
  virtual absl::StatusOr<Vector> GatherPlain(PlainColumn column,
                                             std::span<const uint32_t> rows) = 0;
  // Nothing if they are not at hand, but to be made from columns.
  virtual std::vector<RowHashes> GatherRowHashes(std::span<const uint32_t>) { return {}; }
  virtual uint64_t RowBytes(uint32_t row) const = 0;

  virtual uint32_t documents(JsonColumn column) = 0;
  virtual absl::StatusOr<std::vector<uint32_t>> GatherDocuments(JsonColumn column,
                                                                std::span<const uint32_t> rows) = 0;
  virtual uint64_t DocumentBytes(JsonColumn column, uint32_t document) = 0;
  virtual absl::StatusOr<std::vector<Int128>> GatherHashes(JsonColumn column,
                                                           std::span<const uint32_t> documents) = 0;
  // Adds the keys that are worth columns.
  virtual absl::Status AddKeyStatistics(JsonColumn column, KeyStatisticsMap* keys) = 0;
  // Keys of the map that may lie outside columns here, in whatever form: allows for all forms.
  virtual absl::Status AllowForResidual(JsonColumn, KeyStatisticsMap*) { return absl::OkStatus(); }
  // Strings may come as a dictionary.
  virtual absl::StatusOr<Vector> GatherVariant(JsonColumn column, const std::string& key,
                                               JsonVariant variant, bool as_double,
                                               std::span<const uint32_t> documents) = 0;
  // For each document its shape (part_format.h), with keys numbered by `keys`; may come as a
  // dictionary.
  virtual absl::StatusOr<Vector> GatherShapes(JsonColumn column, const KeyIndex& keys,
                                              std::span<const uint32_t> documents) = 0;
  // For each document the JSON object of its members outside `keys`, NULL if there are none. Calls
  // `seen` with every such key.
  virtual absl::StatusOr<Vector> GatherResidual(
      JsonColumn column, const KeyIndex& keys, std::span<const uint32_t> documents,
      const std::function<void(std::string_view)>& seen) = 0;
};

std::unique_ptr<RowSource> NewMemtableSource(const Memtable* memtable);
std::unique_ptr<RowSource> NewPartSource(std::shared_ptr<const Part> part);

// A vector of texts that owns them.
Vector OwnedTexts(std::vector<std::string> texts, bool empty_is_null);
// A flat vector of nulls.
Vector AllNull(const Type& type, size_t rows);

// The key columns of one granule of a part.
struct GranuleKeys {
  Vector team_ids;
  Vector timestamps;
  Vector events;
  Vector uuids;
  std::vector<uint64_t> distinct_id_hashes;

  size_t size() const { return team_ids.size(); }
  // cityHash64(uuid) is the costly part, so it is left out here (zero).
  RowKey KeyWithoutUuid(size_t row) const;
  uint64_t UuidHash(size_t row) const;
  RowSortKey SortKeyAt(size_t row) const;
};
absl::StatusOr<GranuleKeys> ReadGranuleKeys(const Part& part, size_t granule);

// The granule that holds a row (or document), by its boundaries.
size_t GranuleOfRow(std::span<const uint32_t> begin, uint32_t row);

}  // namespace hoglet
