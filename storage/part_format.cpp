#include "storage/part_format.h"

#include "src/base/bytes.h"

namespace hoglet {

namespace {

uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

constexpr uint8_t kHasRange = 0x40;
constexpr uint8_t kHasNulls = 0x80;
// A whole head: the chunk is one of those before once more.
constexpr uint8_t kRepeats = 0x0f;
static_assert(kEncodingCount <= kRepeats);

// Byte: encoding (4 bits), compression (2 bits), flags; then what they announce.
void PutChunk(const ChunkMeta& chunk, std::string* out) {
  uint8_t head = static_cast<uint8_t>(chunk.encoding) |
                 static_cast<uint8_t>(static_cast<uint8_t>(chunk.compression) << 4);
  if (chunk.encoding == Encoding::kAllNull) {
    out->push_back(0);
    return;
  }
  if (chunk.repeats > 0) {
    out->push_back(kRepeats);
    PutVarint(out, chunk.repeats);
    return;
  }
  if (chunk.has_range()) head |= kHasRange;
  if (chunk.null_count > 0) head |= kHasNulls;
  out->push_back(static_cast<char>(head));
  PutVarint(out, chunk.stored_bytes);
  if (chunk.compression != Compression::kNone) PutVarint(out, chunk.raw_bytes);
  PutLittle(out, chunk.crc);
  if (chunk.null_count > 0) PutVarint(out, chunk.null_count);
  if (chunk.has_range()) {
    PutVarint(out, ZigZag(chunk.min));
    PutVarint(out, static_cast<uint64_t>(chunk.max) - static_cast<uint64_t>(chunk.min));
  }
}

// Filters are chunks of raw bytes.
void PutFilter(const ChunkMeta& chunk, std::string* out) {
  PutVarint(out, chunk.stored_bytes);
  if (chunk.stored_bytes > 0) PutLittle(out, chunk.crc);
}

// Whether the column has a value for each row, and is not the times themselves.
bool MayBeByTime(const PartFooter& footer, const PartColumn& column) {
  if (column.has_dictionary) return false;
  if (column.kind == ColumnKind::kPlain) return column.column != kTimestampColumn;
  return column.kind == ColumnKind::kJsonVariant && !footer.json[column.column].is_shared;
}

class FooterReader {
 public:
  FooterReader(std::string_view bytes, uint64_t chunks_end) : in_(bytes), chunks_end_(chunks_end) {}

  absl::StatusOr<PartFooter> Read();

 private:
  bool Uint(uint64_t max, uint64_t* value) { return in_.GetVarint(value) && *value <= max; }
  template <typename T>
  bool Number(uint64_t max, T* value) {
    uint64_t wide = 0;
    if (!Uint(max, &wide)) return false;
    *value = static_cast<T>(wide);
    return true;
  }
  // Places the chunk after the one before.
  bool Place(uint64_t bytes, ChunkMeta* chunk) {
    if (bytes > UINT32_MAX || bytes > chunks_end_ - next_offset_) return false;
    chunk->offset = next_offset_;
    chunk->stored_bytes = static_cast<uint32_t>(bytes);
    next_offset_ += bytes;
    return true;
  }
  bool Boundaries(uint64_t rows_max, std::vector<uint32_t>* begin);
  bool Chunk(uint32_t rows, ChunkMeta* chunk);
  bool OwnChunk(uint8_t head, uint32_t rows, ChunkMeta* chunk);
  bool Filter(ChunkMeta* chunk);
  bool Key(IndexKey* key);
  bool Json(const PartFooter& footer, JsonInfo* json);
  bool Column(const PartFooter& footer, PartColumn* column);
  bool ColumnHead(const PartFooter& footer, PartColumn* column);

  ByteReader in_;
  uint64_t chunks_end_;
  uint64_t next_offset_ = kPartHeaderBytes;
  std::vector<ChunkMeta> chunks_;  // so far
};

bool FooterReader::Boundaries(uint64_t rows_max, std::vector<uint32_t>* begin) {
  uint64_t granules = 0;
  if (!Uint(rows_max, &granules) || granules > in_.left().size()) return false;
  begin->assign(1, 0);
  uint64_t at = 0;
  for (uint64_t i = 0; i < granules; ++i) {
    uint64_t rows = 0;
    if (!Uint(kVectorRowsMax, &rows) || rows == 0) return false;
    at += rows;
    if (at > rows_max) return false;
    begin->push_back(static_cast<uint32_t>(at));
  }
  return true;
}

bool FooterReader::Chunk(uint32_t rows, ChunkMeta* chunk) {
  uint8_t head = 0;
  if (!in_.GetLittle(&head)) return false;
  if (head == kRepeats) {
    uint32_t repeats = 0;
    if (!Number(chunks_.size(), &repeats) || repeats == 0) return false;
    *chunk = chunks_[chunks_.size() - repeats];
    chunk->repeats = repeats;
    if (chunk->rows != rows || chunk->encoding == Encoding::kAllNull) return false;
  } else if (!OwnChunk(head, rows, chunk)) {
    return false;
  }
  chunks_.push_back(*chunk);
  return true;
}

bool FooterReader::OwnChunk(uint8_t head, uint32_t rows, ChunkMeta* chunk) {
  chunk->rows = rows;
  chunk->offset = next_offset_;
  if (head == 0) {
    chunk->null_count = rows;
    return true;
  }
  const int encoding = head & 15;
  const int compression = (head >> 4) & 3;
  if (encoding == 0 || encoding >= kEncodingCount || compression > 2) return false;
  chunk->encoding = static_cast<Encoding>(encoding);
  chunk->compression = static_cast<Compression>(compression);
  uint64_t stored = 0;
  if (!in_.GetVarint(&stored) || !Place(stored, chunk)) return false;
  chunk->raw_bytes = chunk->stored_bytes;
  if (chunk->compression != Compression::kNone && !Number(kChunkBytesMax, &chunk->raw_bytes)) {
    return false;
  }
  if (!in_.GetLittle(&chunk->crc)) return false;
  if ((head & kHasNulls) != 0 && (!Number(rows, &chunk->null_count) || chunk->null_count == 0)) {
    return false;
  }
  if (chunk->null_count >= rows) return false;
  if ((head & kHasRange) != 0) {
    uint64_t min = 0;
    uint64_t spread = 0;
    if (!in_.GetVarint(&min) || !in_.GetVarint(&spread)) return false;
    chunk->min = UnZigZag(min);
    chunk->max = static_cast<int64_t>(static_cast<uint64_t>(chunk->min) + spread);
    if (chunk->max < chunk->min) return false;
  }
  return true;
}

bool FooterReader::Filter(ChunkMeta* chunk) {
  uint64_t stored = 0;
  if (!in_.GetVarint(&stored) || !Place(stored, chunk)) return false;
  chunk->raw_bytes = chunk->stored_bytes;
  return stored == 0 || in_.GetLittle(&chunk->crc);
}

bool FooterReader::Key(IndexKey* key) {
  uint64_t team = 0;
  uint64_t day = 0;
  std::string_view event;
  if (!in_.GetVarint(&team) || !in_.GetVarint(&day) || !in_.GetString(&event) ||
      !in_.GetLittle(&key->distinct_id_hash)) {
    return false;
  }
  key->team_id = UnZigZag(team);
  key->day = UnZigZag(day);
  key->event = event;
  return true;
}

bool FooterReader::Json(const PartFooter& footer, JsonInfo* json) {
  uint8_t flags = 0;
  uint64_t keys = 0;
  if (!in_.GetLittle(&flags) || flags > 3) return false;
  json->is_shared = (flags & 1) != 0;
  json->has_residual = (flags & 2) != 0;
  if (json->is_shared) {
    if (!Boundaries(footer.rows(), &json->document_begin)) return false;
    if (json->documents() == 0) return false;
  } else {
    json->document_begin = footer.granule_begin;
  }
  if (!Uint(in_.left().size(), &keys)) return false;
  for (uint64_t i = 0; i < keys; ++i) {
    std::string_view key;
    if (!in_.GetString(&key)) return false;
    json->keys.emplace_back(key);
  }
  return true;
}

bool FooterReader::ColumnHead(const PartFooter& footer, PartColumn* column) {
  uint8_t kind = 0;
  uint8_t flags = 0;
  uint8_t physical = 0;
  if (!in_.GetLittle(&kind) || kind > static_cast<uint8_t>(ColumnKind::kJsonHash) ||
      !in_.GetLittle(&column->column) || !in_.GetLittle(&flags) || flags > 3 ||
      !in_.GetLittle(&physical) || physical > static_cast<uint8_t>(Physical::kString) ||
      physical == 0) {
    return false;
  }
  column->kind = static_cast<ColumnKind>(kind);
  column->physical = static_cast<Physical>(physical);
  column->has_dictionary = (flags & 1) != 0;
  column->has_nulls = (flags & 2) != 0;
  if (column->kind == ColumnKind::kPlain) {
    return column->column < kPlainColumnCount &&
           column->physical == PlainInfo(static_cast<PlainColumn>(column->column)).physical;
  }
  if (column->column >= kJsonColumnCount) return false;
  if (column->kind == ColumnKind::kJsonDocument) {
    return column->physical == Physical::kI64 && footer.json[column->column].is_shared;
  }
  if (column->kind == ColumnKind::kJsonHash) return column->physical == Physical::kI128;
  if (column->kind != ColumnKind::kJsonVariant) return column->physical == Physical::kString;
  const uint64_t keys = footer.json[column->column].keys.size();
  uint8_t variant = 0;
  if (keys == 0 || !Number(keys - 1, &column->key) || !in_.GetLittle(&variant) ||
      variant >= kJsonVariantCount) {
    return false;
  }
  column->variant = static_cast<JsonVariant>(variant);
  switch (column->variant) {
    case JsonVariant::kNull:
    case JsonVariant::kBool:
      return column->physical == Physical::kU8;
    case JsonVariant::kNumber:
      return column->physical == Physical::kI64 || column->physical == Physical::kF64;
    default:
      return column->physical == Physical::kString;
  }
}

bool FooterReader::Column(const PartFooter& footer, PartColumn* column) {
  if (!ColumnHead(footer, column)) return false;
  const bool by_row =
      column->kind == ColumnKind::kPlain || column->kind == ColumnKind::kJsonDocument;
  const std::vector<uint32_t>& begin =
      by_row ? footer.granule_begin : footer.json[column->column].document_begin;
  if (column->has_dictionary) {
    uint32_t entries = 0;
    if (!Number(kDictionaryEntriesMax, &entries) || entries == 0) return false;
    if (!Chunk(entries, &column->dictionary) || column->dictionary.null_count != 0) return false;
  }
  uint64_t nulls = 0;
  column->chunks.reserve(begin.size() - 1);
  for (size_t i = 0; i + 1 < begin.size(); ++i) {
    if (!Chunk(begin[i + 1] - begin[i], &column->chunks.emplace_back())) return false;
    nulls += column->chunks.back().null_count;
    if (IsByTime(column->chunks.back().encoding) && !MayBeByTime(footer, *column)) return false;
  }
  return (nulls > 0) == column->has_nulls;
}

absl::StatusOr<PartFooter> FooterReader::Read() {
  PartFooter footer;
  const absl::Status bad = absl::DataLossError("footer does not parse");
  if (chunks_end_ < kPartHeaderBytes) return bad;
  if (!Number(UINT32_MAX, &footer.shard) || !Number(999'999, &footer.month)) return bad;
  if (!Boundaries(kPartRowsMax, &footer.granule_begin) || footer.rows() == 0) return bad;
  for (size_t i = 0; i < footer.granules(); ++i) {
    if (!Key(&footer.first_keys.emplace_back()) || !Key(&footer.last_keys.emplace_back())) {
      return bad;
    }
  }
  for (JsonInfo& json : footer.json) {
    if (!Json(footer, &json)) return bad;
  }
  uint64_t columns = 0;
  if (!Uint(in_.left().size(), &columns)) return bad;
  for (uint64_t i = 0; i < columns; ++i) {
    if (!Column(footer, &footer.columns.emplace_back())) return bad;
  }
  footer.distinct_id_filters.resize(footer.granules());
  footer.uuid_filters.resize(footer.granules());
  if (!Filter(&footer.key_filter)) return bad;
  for (ChunkMeta& filter : footer.distinct_id_filters) {
    if (!Filter(&filter)) return bad;
  }
  for (ChunkMeta& filter : footer.uuid_filters) {
    if (!Filter(&filter)) return bad;
  }
  for (JsonInfo& json : footer.json) {
    if (!Filter(&json.residual_keys)) return bad;
  }
  if (!in_.empty()) return bad;
  if (next_offset_ != chunks_end_) {
    return absl::DataLossError("chunks do not fill the file");
  }
  return footer;
}

void PutBoundaries(const std::vector<uint32_t>& begin, std::string* out) {
  PutVarint(out, begin.size() - 1);
  for (size_t i = 0; i + 1 < begin.size(); ++i) PutVarint(out, begin[i + 1] - begin[i]);
}

void PutKey(const IndexKey& key, std::string* out) {
  PutVarint(out, ZigZag(key.team_id));
  PutVarint(out, ZigZag(key.day));
  PutString(out, key.event);
  PutLittle(out, key.distinct_id_hash);
}

void PutColumn(const PartColumn& column, std::string* out) {
  out->push_back(static_cast<char>(column.kind));
  out->push_back(static_cast<char>(column.column));
  out->push_back(static_cast<char>((column.has_dictionary ? 1 : 0) | (column.has_nulls ? 2 : 0)));
  out->push_back(static_cast<char>(column.physical));
  if (column.kind == ColumnKind::kJsonVariant) {
    PutVarint(out, column.key);
    out->push_back(static_cast<char>(column.variant));
  }
  if (column.has_dictionary) {
    PutVarint(out, column.dictionary.rows);
    PutChunk(column.dictionary, out);
  }
  for (const ChunkMeta& chunk : column.chunks) PutChunk(chunk, out);
}

}  // namespace

std::string SerializeFooter(const PartFooter& footer) {
  std::string out;
  PutVarint(&out, footer.shard);
  PutVarint(&out, static_cast<uint64_t>(footer.month));
  PutBoundaries(footer.granule_begin, &out);
  for (size_t i = 0; i < footer.granules(); ++i) {
    PutKey(footer.first_keys[i], &out);
    PutKey(footer.last_keys[i], &out);
  }
  for (const JsonInfo& json : footer.json) {
    out.push_back(static_cast<char>((json.is_shared ? 1 : 0) | (json.has_residual ? 2 : 0)));
    if (json.is_shared) PutBoundaries(json.document_begin, &out);
    PutVarint(&out, json.keys.size());
    for (const std::string& key : json.keys) PutString(&out, key);
  }
  PutVarint(&out, footer.columns.size());
  for (const PartColumn& column : footer.columns) PutColumn(column, &out);
  PutFilter(footer.key_filter, &out);
  for (const ChunkMeta& filter : footer.distinct_id_filters) PutFilter(filter, &out);
  for (const ChunkMeta& filter : footer.uuid_filters) PutFilter(filter, &out);
  for (const JsonInfo& json : footer.json) PutFilter(json.residual_keys, &out);
  return out;
}

absl::StatusOr<PartFooter> ParseFooter(std::string_view bytes, uint64_t chunks_end) {
  return FooterReader(bytes, chunks_end).Read();
}

bool ParseShape(std::string_view shape, std::vector<uint32_t>* keys) {
  ByteReader in(shape);
  while (!in.empty()) {
    uint64_t key = 0;
    if (!in.GetVarint(&key) || key > UINT32_MAX) return false;
    keys->push_back(static_cast<uint32_t>(key));
  }
  return true;
}

}  // namespace hoglet
