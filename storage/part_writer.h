#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "storage/part_format.h"

namespace hoglet {

// Writes one part file from front to back: every column in turn, then the filters, then Finish().
// After an error the object can only be destroyed, and the caller removes the file. One thread.
class PartWriter {
 public:
  // Chunk i of a column as a flat vector, or as a dictionary of distinct values. Called for all
  // chunks in order; a second time if looking for a dictionary was in vain.
  using ChunkSource = std::function<absl::StatusOr<Vector>(size_t chunk)>;
  // What makes a column, besides its values.
  struct ColumnOptions {
    bool try_dictionary = false;
    uint64_t dictionary_bytes_max = 16 << 20;
    bool is_required = false;  // else a column that is null throughout is left out
    Compression compression = Compression::kLz4;
    ChunkSource times;  // of the rows, which values may be told by; may be null
  };

  static absl::StatusOr<std::unique_ptr<PartWriter>> Create(Env* env, const std::string& path);

  // `begin`: boundaries of the column's granules. A dictionary is made when options ask for it and
  // fewer than half of the values are distinct.
  absl::Status AddColumn(PartColumn column, std::span<const uint32_t> begin,
                         const ColumnOptions& options, const ChunkSource& source);

  // Filters, made by BuildBloom; in this order, after the columns. The last one for every JSON
  // column in turn ("": none).
  absl::Status AddKeyFilter(std::string_view filter);
  absl::Status AddDistinctIdFilter(std::string_view filter);
  absl::Status AddUuidFilter(std::string_view filter);
  absl::Status AddResidualKeyFilter(JsonColumn column, std::string_view filter);

  // The caller's share of the footer: everything but columns and filters.
  PartFooter& footer() { return footer_; }
  // Of the file so far.
  uint64_t bytes() const { return bytes_; }

  // Writes the footer, syncs and closes. The file's size.
  absl::StatusOr<uint64_t> Finish();

 private:
  PartWriter() = default;

  absl::Status Append(std::string_view bytes);
  absl::Status AddFilter(std::string_view filter, ChunkMeta* meta);
  absl::Status AddEncoded(EncodedChunk chunk, ChunkMeta* meta);
  absl::StatusOr<EncodedChunk> EncodeNext(const ColumnOptions& options, const ChunkSource& source,
                                          size_t chunk);

  std::unique_ptr<WritableFile> file_;
  std::string buffer_;
  uint64_t bytes_ = 0;
  PartFooter footer_;
  uint32_t chunks_ = 0;  // so far, those without bytes included
  // By a hash of all that is said of them and their bytes.
  absl::flat_hash_map<Int128, uint32_t, WideHash> chunk_numbers_;
};

}  // namespace hoglet
