#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "src/base/strings.h"
#include "src/base/vector/vector.h"
#include "storage/part_format.h"
#include "storage/vector_cache.h"

namespace hoglet {

// One immutable part file, open for reading. A chunk's checksum is verified when it is first read
// (every time, if the file cannot be mapped). Errors name file, column and granule. Thread-safe.
class Part {
 public:
  // Reads and checks the footer. `cache` outlives the part. kDataLoss if the file is not a whole
  // part.
  static absl::StatusOr<std::shared_ptr<Part>> Open(Env* env, const std::string& path, uint64_t id,
                                                    VectorCache* cache);
  // Unlinks the file if MarkObsolete() was called.
  ~Part();

  const PartFooter& footer() const { return footer_; }
  uint64_t id() const { return id_; }
  uint64_t file_bytes() const { return file_bytes_; }
  uint32_t rows() const { return footer_.rows(); }
  const std::string& path() const { return file_->path(); }
  VectorCache* cache() const { return cache_; }

  // The file goes when the last user has let go.
  void MarkObsolete() const { obsolete_.store(true, std::memory_order_release); }

  // Index into footer().columns, -1 if there is no such column.
  int FindColumn(ColumnKind kind, uint8_t column) const;
  int FindPlain(PlainColumn column) const { return plain_[column]; }
  // Columns of a key by variant, each -1 if absent; null if the key has no columns here.
  const std::array<int, kJsonVariantCount>* FindKey(JsonColumn column, std::string_view key) const;
  // Whether documents here may hold the key in their residual.
  absl::StatusOr<bool> ResidualMayHold(JsonColumn column, std::string_view key) const;

  // All values of a column in granule `chunk` (of rows or documents). Dictionary columns come as
  // codes of one shared dictionary, which ends with a NULL entry if the column has nulls anywhere
  // in the part.
  absl::StatusOr<Vector> ReadColumn(int column, size_t chunk) const;
  absl::StatusOr<std::shared_ptr<const Vector>> ReadDictionary(int column) const;
  // All granules of a column of documents in one vector, cached. Codes of the shared dictionary, or
  // flat.
  absl::StatusOr<std::shared_ptr<const Vector>> ReadAll(int column) const;
  Type ColumnType(int column) const;
  // "timestamp", "properties.$browser (variant 3)", "properties (column kind 2)".
  std::string ColumnName(int column) const;

  // Always true if the filter is damaged.
  bool KeyMayBePresent(uint64_t key_hash) const;
  bool DistinctIdMayBePresent(size_t granule, uint64_t hash) const;
  bool UuidMayBePresent(size_t granule, uint64_t hash) const;

  // Verifies every byte of the file and that every chunk decodes; the first fault found.
  absl::Status VerifyChecksums() const;

 private:
  Part() = default;

  // Chunk 0 of a column is its dictionary. Errors do not say where yet.
  absl::StatusOr<ChunkBody> ReadChunk(int column, size_t number) const;
  // Has a chunk that nobody has read yet, and those behind it, fetched.
  void Request(int column, size_t number) const;
  std::atomic<uint8_t>& StateOf(int column, size_t number) const {
    return chunk_states_[first_chunk_[column] + number];
  }
  absl::StatusOr<ChunkBody> ReadFilter(const ChunkMeta& meta, const std::string& what) const;
  absl::Status Fault(const absl::Status& status, const std::string& what) const;
  std::string Describe(int column, size_t chunk) const;
  void IndexColumns();

  Env* env_ = nullptr;
  uint64_t id_ = 0;
  uint64_t file_bytes_ = 0;
  VectorCache* cache_ = nullptr;
  // Shared with decoded strings, which may outlive the part: they must not keep its name on disk.
  std::shared_ptr<ReadableFile> file_;
  std::string_view mapped_;
  PartFooter footer_;
  std::array<int, kPlainColumnCount> plain_;
  std::vector<size_t> first_chunk_;  // of each column, in chunk_states_; its dictionary comes first
  StringMap<std::string, std::array<int, kJsonVariantCount>> keys_[kJsonColumnCount];
  mutable std::once_flag key_filter_read_;
  mutable ChunkBody key_filter_;  // empty: it cannot be read
  mutable std::unique_ptr<std::atomic<uint8_t>[]> chunk_states_;
  mutable std::atomic<bool> filters_requested_{false};
  mutable std::atomic<bool> obsolete_{false};
};

}  // namespace hoglet
