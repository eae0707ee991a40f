#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "storage/part_format.h"

namespace hoglet {

// Writes one part file from front to back: every column in turn, then the filters, then Finish().
// After an error the object can only be destroyed, and the caller removes the file. One thread.
class PartWriter {
 public:
  // Chunk i of a column as a flat vector. Called for all chunks in order, once or (to look for a
  // dictionary) twice.
  using ChunkSource = std::function<absl::StatusOr<Vector>(size_t chunk)>;

  static absl::StatusOr<std::unique_ptr<PartWriter>> Create(Env* env, const std::string& path);

  // `begin`: boundaries of the column's granules. A dictionary is made when `try_dictionary` and
  // fewer than half of the values are distinct. A column that is null throughout is left out,
  // unless `required`.
  absl::Status AddColumn(PartColumn column, std::span<const uint32_t> begin, bool try_dictionary,
                         bool required, Compression compression, const ChunkSource& source);

  // In this order, after the columns; the last one for every JSON column in turn (no hashes: no
  // filter).
  absl::Status AddKeyFilter(std::span<const uint64_t> hashes);
  absl::Status AddDistinctIdFilter(std::span<const uint64_t> hashes);
  absl::Status AddUuidFilter(std::span<const uint64_t> hashes);
  absl::Status AddResidualKeyFilter(JsonColumn column, std::span<const uint64_t> hashes);

  // The caller's share of the footer: everything but columns and filters.
  PartFooter& footer() { return footer_; }

  // Writes the footer, syncs and closes. The file's size.
  absl::StatusOr<uint64_t> Finish();

 private:
  PartWriter() = default;

  absl::Status Append(std::string_view bytes);
  absl::Status AddFilter(std::span<const uint64_t> hashes, int bits_per_key, ChunkMeta* meta);
  absl::Status AddEncoded(EncodedChunk chunk, ChunkMeta* meta);

  std::unique_ptr<WritableFile> file_;
  std::string buffer_;
  uint64_t bytes_ = 0;
  PartFooter footer_;
};

}  // namespace hoglet
