#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "storage/compression.h"
#include "storage/row_source.h"

namespace hoglet {

// A row of one of the sources, by its number there.
struct SourceRow {
  uint32_t row = 0;
  uint32_t source = 0;
};

struct PartBuildOptions {
  uint32_t granule_rows_max = kVectorRowsMax;
  uint64_t granule_bytes_max = 10 << 20;
  uint32_t json_keys_max = 400;  // keys with columns, per JSON column
  Compression compression = Compression::kLz4;
  uint64_t dictionary_bytes_max = 16 << 20;  // of one column
  // Asked now and then with the bytes written since the last time; an error (cancelled) ends the
  // build.
  std::function<absl::Status(uint64_t bytes)> on_progress;
};

// All rows of all sources in sort order, without the masked ones; a mask may be null.
absl::StatusOr<std::vector<SourceRow>> MergeRows(
    std::span<const std::unique_ptr<RowSource>> sources, std::span<const RowMask* const> masks);

// Writes the rows, in the order given (which must be sorted), as one part file, and syncs it. The
// file's size. On error the file may be there in part and the caller removes it.
absl::StatusOr<uint64_t> BuildPart(Env* env, const std::string& path, uint32_t shard, int32_t month,
                                   std::span<const std::unique_ptr<RowSource>> sources,
                                   std::span<const SourceRow> rows,
                                   const PartBuildOptions& options);

}  // namespace hoglet
