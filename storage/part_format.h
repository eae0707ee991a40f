#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/encoding.h"
#include "storage/schema.h"

// The footer of a part file: everything about the part but its values. FORMAT.md has the bytes.

namespace hoglet {

inline constexpr uint64_t kPartMagic = 0x747261506c67'6f68ull;  // "hoglPart" in the file
inline constexpr uint32_t kPartVersion = 2;
inline constexpr uint32_t kPartVersionMin = 1;  // that is still read
inline constexpr size_t kPartHeaderBytes = 8;
inline constexpr size_t kPartTrailerBytes = 24;
inline constexpr uint32_t kPartRowsMax = 1u << 28;
inline constexpr uint64_t kPartFooterBytesMax = 1ull << 30;

enum class ColumnKind : uint8_t {
  kPlain = 0,
  kJsonVariant = 1,
  kJsonShape = 2,     // key order of a document
  kJsonResidual = 3,  // JSON object text of the members that have no columns
  kJsonDocument = 4,  // row -> document, when documents are shared
  kJsonHash = 5,      // 128-bit hash of a document, when the JSON column is one that shares
};

struct PartColumn {
  ColumnKind kind = ColumnKind::kPlain;
  uint8_t column = 0;                        // PlainColumn or JsonColumn
  uint32_t key = 0;                          // kJsonVariant: index into JsonInfo::keys
  JsonVariant variant = JsonVariant::kNull;  // kJsonVariant
  Physical physical = Physical::kI64;
  bool has_dictionary = false;
  bool has_nulls = false;
  ChunkMeta dictionary;
  std::vector<ChunkMeta> chunks;  // one a granule, of rows or of documents
};

// One JSON column of the part. Its columns have a value a document; without `is_shared` document i
// is that of row i.
struct JsonInfo {
  bool is_shared = false;
  bool has_residual = false;
  std::vector<uint32_t>
      document_begin;             // granule boundaries of documents, first 0, last their count
  std::vector<std::string> keys;  // those with columns
  ChunkMeta residual_keys;        // Bloom filter over the hashes of the keys in the residual

  uint32_t documents() const { return document_begin.back(); }
};

// The key columns at one end of a granule.
struct IndexKey {
  TeamId team_id = 0;
  int64_t day = 0;
  std::string event;
  uint64_t distinct_id_hash = 0;

  friend bool operator==(const IndexKey&, const IndexKey&) = default;
  friend auto operator<=>(const IndexKey&, const IndexKey&) = default;
};

struct PartFooter {
  uint32_t shard = 0;
  int32_t month = 0;
  std::vector<uint32_t> granule_begin;  // first 0, last the number of rows
  std::vector<IndexKey> first_keys;     // one a granule
  std::vector<IndexKey> last_keys;
  std::vector<PartColumn> columns;
  JsonInfo json[kJsonColumnCount];
  // Bloom filters, as chunks without encoding.
  ChunkMeta key_filter;
  std::vector<ChunkMeta> distinct_id_filters;  // one a granule
  std::vector<ChunkMeta> uuid_filters;

  uint32_t rows() const { return granule_begin.back(); }
  size_t granules() const { return granule_begin.size() - 1; }
};

// The footer's bytes. Chunks lie in the file one after the other in the order of the footer, so
// only their lengths are written.
std::string SerializeFooter(const PartFooter& footer);
// Checks every count and bound, and that the chunks fill [kPartHeaderBytes, chunks_end) exactly.
// kDataLoss otherwise.
absl::StatusOr<PartFooter> ParseFooter(std::string_view bytes, uint64_t chunks_end);

// Calls `visit(ChunkMeta&)` for every chunk in file order.
template <typename Footer, typename Visit>
void ForEachChunk(Footer& footer, Visit visit) {
  for (auto& column : footer.columns) {
    if (column.has_dictionary) visit(column.dictionary);
    for (auto& chunk : column.chunks) visit(chunk);
  }
  visit(footer.key_filter);
  for (auto& filter : footer.distinct_id_filters) visit(filter);
  for (auto& filter : footer.uuid_filters) visit(filter);
  for (auto& json : footer.json) visit(json.residual_keys);
}

// Key order of a document as bytes: a varint a member: 1 + the key's index in JsonInfo::keys, or 0
// for the next member of the residual. False if the bytes are not that; `keys` is then partly
// filled.
bool ParseShape(std::string_view shape, std::vector<uint32_t>* keys);

}  // namespace hoglet
