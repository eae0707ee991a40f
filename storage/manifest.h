#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "storage/row_mask.h"

namespace hoglet {

// Which parts make the table, which of their rows are masked, and how far the source has been
// consumed. The file MANIFEST is replaced as a whole at every commit (temporary file, sync, rename,
// directory sync), so it is never torn: any damage is damage.
struct Manifest {
  struct PartEntry {
    uint32_t shard = 0;
    int32_t month = 0;
    uint32_t rows = 0;
    uint64_t file_bytes = 0;
    std::shared_ptr<const RowMask> mask;  // may be null
  };

  uint32_t shards = 1;
  uint64_t next_part_id = 1;
  uint64_t durable_offset = 0;
  std::map<uint64_t, PartEntry> parts;  // by id

  std::string Serialize() const;
  // kDataLoss if the bytes are not exactly one manifest.
  static absl::StatusOr<Manifest> Parse(std::string_view bytes);
};

inline constexpr char kManifestName[] = "MANIFEST";

// "p-<id in 16 hex digits>.part".
std::string PartFileName(uint64_t part_id);
// 0 if the name is none.
uint64_t ParsePartFileName(std::string_view name);

}  // namespace hoglet
