#include "storage/part.h"

#include <algorithm>

#include "src/base/bytes.h"
#include "src/base/crc32c.h"
#include "src/base/logging.h"
#include "src/base/strings.h"
#include "storage/bloom.h"

namespace hoglet {

namespace {

// Forms of VectorCache entries made here; query forms are numbered above these.
constexpr uint32_t kDictionaryForm = 0;
constexpr uint32_t kAllForm = 1;

// States of chunks.
constexpr uint8_t kUntouched = 0;
constexpr uint8_t kRequested = 1;
constexpr uint8_t kVerified = 2;

// What is fetched at a time of a column that is read for the first time. What the kernel fetches
// around a page on its own has nothing to do with where columns begin and end.
constexpr uint64_t kRequestBytes = 1 << 20;

const ChunkMeta& ChunkOf(const PartColumn& column, size_t number) {
  return number == 0 ? column.dictionary : column.chunks[number - 1];
}

absl::StatusOr<std::string> ReadRange(const ReadableFile& file, uint64_t offset, size_t bytes) {
  std::string data(bytes, '\0');
  HOGLET_ASSIGN_OR_RETURN(std::string_view read, file.Read(offset, bytes, data.data()));
  if (read.size() != bytes) return absl::DataLossError("file is shorter than its footer says");
  if (read.data() != data.data()) data.assign(read);
  return data;
}

// The footer's bytes, its checksum verified.
absl::StatusOr<std::string> ReadFooterBytes(const ReadableFile& file, uint64_t file_bytes) {
  if (file_bytes < kPartHeaderBytes + kPartTrailerBytes) {
    return absl::DataLossError("too short for a part");
  }
  HOGLET_ASSIGN_OR_RETURN(std::string header, ReadRange(file, 0, kPartHeaderBytes));
  HOGLET_ASSIGN_OR_RETURN(std::string trailer,
                          ReadRange(file, file_bytes - kPartTrailerBytes, kPartTrailerBytes));
  const auto footer_bytes = LoadLittle<uint64_t>(trailer.data());
  const auto version = LoadLittle<uint32_t>(trailer.data() + 8);
  const auto crc = LoadLittle<uint32_t>(trailer.data() + 12);
  if (LoadLittle<uint64_t>(header.data()) != kPartMagic ||
      LoadLittle<uint64_t>(trailer.data() + 16) != kPartMagic) {
    return absl::DataLossError("not a part, or its end is missing");
  }
  if (footer_bytes > kPartFooterBytesMax ||
      footer_bytes > file_bytes - kPartHeaderBytes - kPartTrailerBytes) {
    return absl::DataLossError("impossible footer length");
  }
  HOGLET_ASSIGN_OR_RETURN(
      std::string footer,
      ReadRange(file, file_bytes - kPartTrailerBytes - footer_bytes, footer_bytes));
  if (Crc32cExtend(Crc32c(footer), std::string_view(trailer).substr(0, 12)) != crc) {
    return absl::DataLossError("footer checksum");
  }
  if (version < kPartVersionMin || version > kPartVersion) {
    return absl::UnimplementedError(StrCat("part format version ", version));
  }
  return footer;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Part>> Part::Open(Env* env, const std::string& path, uint64_t id,
                                                 VectorCache* cache) {
  std::shared_ptr<Part> part(new Part());
  part->env_ = env;
  part->id_ = id;
  part->cache_ = cache;
  HOGLET_ASSIGN_OR_RETURN(part->file_, env->OpenForRead(path));
  HOGLET_ASSIGN_OR_RETURN(part->file_bytes_, part->file_->Size());
  part->mapped_ = part->file_->Mapped();
  if (part->mapped_.size() < part->file_bytes_) part->mapped_ = {};

  absl::StatusOr<std::string> footer = ReadFooterBytes(*part->file_, part->file_bytes_);
  if (!footer.ok()) return part->Fault(footer.status(), "footer");
  const uint64_t chunks_end = part->file_bytes_ - kPartTrailerBytes - footer->size();
  absl::StatusOr<PartFooter> parsed = ParseFooter(*footer, chunks_end);
  if (!parsed.ok()) return part->Fault(parsed.status(), "footer");
  part->footer_ = *std::move(parsed);
  part->IndexColumns();
  for (int column = 0; column < kPlainColumnCount; ++column) {
    if (part->plain_[column] < 0) {
      return part->Fault(absl::DataLossError("column missing"),
                         std::string(PlainInfo(static_cast<PlainColumn>(column)).name));
    }
  }
  for (uint8_t json = 0; json < kJsonColumnCount; ++json) {
    const bool whole = part->FindColumn(ColumnKind::kJsonShape, json) >= 0 &&
                       (!part->footer_.json[json].is_shared ||
                        part->FindColumn(ColumnKind::kJsonDocument, json) >= 0) &&
                       (!part->footer_.json[json].has_residual ||
                        part->FindColumn(ColumnKind::kJsonResidual, json) >= 0);
    if (!whole) {
      return part->Fault(absl::DataLossError("column missing"),
                         std::string(JsonColumnName(static_cast<JsonColumn>(json))));
    }
  }
  return part;
}

Part::~Part() {
  if (!obsolete_.load(std::memory_order_acquire)) return;
  // No one reads it any more; a merge has read all of it.
  cache_->Forget(id_);
  // A file that stays behind is removed at the next start, as every file that the manifest does not
  // name.
  (void)env_->Remove(path());
}

void Part::IndexColumns() {
  plain_.fill(-1);
  size_t chunks = 0;
  for (size_t i = 0; i < footer_.columns.size(); ++i) {
    const PartColumn& column = footer_.columns[i];
    first_chunk_.push_back(chunks);
    chunks += 1 + column.chunks.size();
    if (column.kind == ColumnKind::kPlain) plain_[column.column] = static_cast<int>(i);
    if (column.kind != ColumnKind::kJsonVariant) continue;
    const std::string& key = footer_.json[column.column].keys[column.key];
    auto [entry, inserted] = keys_[column.column].try_emplace(key);
    if (inserted) entry->second.fill(-1);
    entry->second[static_cast<size_t>(column.variant)] = static_cast<int>(i);
  }
  chunk_states_ = std::make_unique<std::atomic<uint8_t>[]>(chunks + 1);
}

absl::Status Part::Fault(const absl::Status& status, const std::string& what) const {
  return absl::Status(status.code(), StrCat(file_->path(), ": ", what, ": ", status.message()));
}

std::string Part::ColumnName(int column) const {
  const PartColumn& entry = footer_.columns[column];
  std::string name;
  if (entry.kind == ColumnKind::kPlain) {
    name = PlainInfo(static_cast<PlainColumn>(entry.column)).name;
  } else {
    name = JsonColumnName(static_cast<JsonColumn>(entry.column));
    if (entry.kind == ColumnKind::kJsonVariant) {
      StrAppend(&name, ".", footer_.json[entry.column].keys[entry.key], " (variant ",
                static_cast<int>(entry.variant), ")");
    } else {
      StrAppend(&name, " (column kind ", static_cast<int>(entry.kind), ")");
    }
  }
  return name;
}

std::string Part::Describe(int column, size_t chunk) const {
  return StrCat("column ", ColumnName(column), ", granule ", chunk);
}

int Part::FindColumn(ColumnKind kind, uint8_t column) const {
  for (size_t i = 0; i < footer_.columns.size(); ++i) {
    if (footer_.columns[i].kind == kind && footer_.columns[i].column == column) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

const std::array<int, kJsonVariantCount>* Part::FindKey(JsonColumn column,
                                                        std::string_view key) const {
  const auto found = keys_[column].find(key);
  return found == keys_[column].end() ? nullptr : &found->second;
}

absl::StatusOr<bool> Part::ResidualMayHold(JsonColumn column, std::string_view key) const {
  const JsonInfo& json = footer_.json[column];
  if (!json.has_residual) return false;
  HOGLET_ASSIGN_OR_RETURN(ChunkBody filter, ReadFilter(json.residual_keys, "residual key filter"));
  return BloomMayContain(filter.bytes, IntHash64(CityHash64(key)));
}

void Part::Request(int column, size_t number) const {
  const PartColumn& entry = footer_.columns[column];
  const uint64_t begin = ChunkOf(entry, number).offset;
  uint64_t end = begin;
  for (size_t next = number; next <= entry.chunks.size(); ++next) {
    const ChunkMeta& meta = ChunkOf(entry, next);
    // A repeat lies elsewhere.
    if (meta.stored_bytes == 0 || meta.offset != end) continue;
    if (next > number && end + meta.stored_bytes > begin + kRequestBytes) break;
    end += meta.stored_bytes;
    uint8_t expected = kUntouched;
    StateOf(column, next).compare_exchange_strong(expected, kRequested, std::memory_order_relaxed);
  }
  file_->WillNeed(begin, end - begin);
}

absl::StatusOr<ChunkBody> Part::ReadChunk(int column, size_t number) const {
  const ChunkMeta& meta = ChunkOf(footer_.columns[column], number);
  if (meta.encoding == Encoding::kAllNull) return ChunkBody{};
  const absl::Status bad_checksum = absl::DataLossError("checksum");
  if (mapped_.empty()) {
    HOGLET_ASSIGN_OR_RETURN(std::string read, ReadRange(*file_, meta.offset, meta.stored_bytes));
    if (Crc32c(read) != meta.crc) return bad_checksum;
    auto data = std::make_shared<const std::string>(std::move(read));
    return UncompressChunk(meta, *data, data);
  }
  const std::string_view stored = mapped_.substr(meta.offset, meta.stored_bytes);
  std::atomic<uint8_t>& state = StateOf(column, number);
  const uint8_t known = state.load(std::memory_order_relaxed);
  if (known == kUntouched) Request(column, number);
  if (known != kVerified) {
    if (Crc32c(stored) != meta.crc) return bad_checksum;
    state.store(kVerified, std::memory_order_relaxed);
  }
  return UncompressChunk(meta, stored, file_);
}

absl::StatusOr<ChunkBody> Part::ReadFilter(const ChunkMeta& meta, const std::string& what) const {
  if (meta.stored_bytes == 0) return ChunkBody{};
  if (!mapped_.empty()) {
    const std::string_view stored = mapped_.substr(meta.offset, meta.stored_bytes);
    if (Crc32c(stored) != meta.crc) return Fault(absl::DataLossError("checksum"), what);
    return ChunkBody{stored, nullptr};
  }
  absl::StatusOr<std::string> read = ReadRange(*file_, meta.offset, meta.stored_bytes);
  if (!read.ok()) return Fault(read.status(), what);
  if (Crc32c(*read) != meta.crc) return Fault(absl::DataLossError("checksum"), what);
  auto data = std::make_shared<const std::string>(*std::move(read));
  return ChunkBody{*data, data};
}

Type Part::ColumnType(int column) const {
  const PartColumn& entry = footer_.columns[column];
  if (entry.kind == ColumnKind::kPlain) return PlainType(static_cast<PlainColumn>(entry.column));
  switch (entry.physical) {
    case Physical::kU8:
      return Type(TypeKind::kBool);
    case Physical::kI64:
      return Type(TypeKind::kInt64);
    case Physical::kF64:
      return Type(TypeKind::kFloat64);
    case Physical::kI128:
      return Type(TypeKind::kInt128);
    default:
      return Type(TypeKind::kString);
  }
}

absl::StatusOr<std::shared_ptr<const Vector>> Part::ReadDictionary(int column) const {
  const VectorCache::Key key{id_, static_cast<uint32_t>(column), kDictionaryForm};
  if (auto cached = cache_->Find(key)) return cached;
  const PartColumn& entry = footer_.columns[column];
  const std::string what = StrCat(Describe(column, 0), ", dictionary");
  absl::StatusOr<ChunkBody> body = ReadChunk(column, 0);
  if (!body.ok()) return Fault(body.status(), what);
  absl::StatusOr<Vector> values = DecodeChunk(entry.dictionary, *body, ColumnType(column));
  if (!values.ok()) return Fault(values.status(), what);
  if (!entry.has_nulls) return cache_->Insert(key, std::make_shared<const Vector>(*values));
  const size_t entries = values->size();
  Vector with_null = Vector::Flat(values->type(), entries + 1);
  if (entry.physical == Physical::kString) {
    std::copy_n(values->data<std::string_view>(), entries,
                with_null.mutable_data<std::string_view>());
    with_null.mutable_data<std::string_view>()[entries] = {};
  } else {
    std::copy_n(values->data<Int128>(), entries, with_null.mutable_data<Int128>());
    with_null.mutable_data<Int128>()[entries] = 0;
  }
  with_null.SetNull(entries);
  with_null.KeepAliveFrom(*values);
  return cache_->Insert(key, std::make_shared<const Vector>(std::move(with_null)));
}

absl::StatusOr<Vector> Part::ReadColumn(int column, size_t chunk) const {
  const PartColumn& entry = footer_.columns[column];
  const ChunkMeta& meta = entry.chunks[chunk];
  const auto fault = [&](const absl::Status& status) {
    return Fault(status, Describe(column, chunk));
  };
  absl::StatusOr<ChunkBody> body = ReadChunk(column, 1 + chunk);
  if (!body.ok()) return fault(body.status());
  if (!entry.has_dictionary) {
    const int64_t* times_us = nullptr;
    Vector times;
    if (IsByTime(meta.encoding)) {
      HOGLET_ASSIGN_OR_RETURN(times, ReadColumn(FindPlain(kTimestampColumn), chunk));
      times_us = times.data<int64_t>();
    }
    absl::StatusOr<Vector> values = DecodeChunk(meta, *body, ColumnType(column), times_us);
    if (!values.ok()) return fault(values.status());
    return values;
  }
  HOGLET_ASSIGN_OR_RETURN(std::shared_ptr<const Vector> dictionary, ReadDictionary(column));
  std::shared_ptr<uint32_t[]> codes(new uint32_t[meta.rows]);
  const uint32_t entries = entry.dictionary.rows;
  if (absl::Status status = DecodeCodes(meta, *body, entries, entries, codes.get()); !status.ok()) {
    return fault(status);
  }
  return Vector::Dictionary(std::move(dictionary), std::move(codes), meta.rows);
}

absl::StatusOr<std::shared_ptr<const Vector>> Part::ReadAll(int column) const {
  const VectorCache::Key key{id_, static_cast<uint32_t>(column), kAllForm};
  if (auto cached = cache_->Find(key)) return cached;
  const size_t chunks = footer_.columns[column].chunks.size();
  std::vector<Vector> pieces;
  pieces.reserve(chunks);
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    HOGLET_ASSIGN_OR_RETURN(Vector piece, ReadColumn(column, chunk));
    // Concat wants one type; validity follows the values.
    if (footer_.columns[column].has_nulls && !footer_.columns[column].has_dictionary) {
      piece.set_type(piece.type().Nullable());
    }
    pieces.push_back(std::move(piece));
  }
  return cache_->Insert(key, std::make_shared<const Vector>(Vector::Concat(pieces)));
}

// It is asked for every row inserted into its month, so it is verified once; but not before, as
// there are many parts, and rows are inserted into few months.
bool Part::KeyMayBePresent(uint64_t key_hash) const {
  std::call_once(key_filter_read_, [this] {
    absl::StatusOr<ChunkBody> filter = ReadFilter(footer_.key_filter, "key filter");
    if (filter.ok()) {
      key_filter_ = *std::move(filter);
    } else {
      // Then every key is looked for in the rows: slow, but as true.
      LogError("filter of keys not usable", {{"error", filter.status()}});
    }
  });
  return key_filter_.bytes.empty() || BloomMayContain(key_filter_.bytes, key_hash);
}

bool Part::DistinctIdMayBePresent(size_t granule, uint64_t hash) const {
  // Looked at first: a flag that is written for each granule would go from core to core.
  if (!filters_requested_.load(std::memory_order_relaxed) &&
      !filters_requested_.exchange(true, std::memory_order_relaxed)) {
    const std::vector<ChunkMeta>& filters = footer_.distinct_id_filters;
    const uint64_t begin = filters.front().offset;
    file_->WillNeed(begin, filters.back().offset + filters.back().stored_bytes - begin);
  }
  const absl::StatusOr<ChunkBody> filter =
      ReadFilter(footer_.distinct_id_filters[granule], "distinct_id filter");
  // A filter that cannot be read prunes nothing; the check of the whole file reports it.
  return !filter.ok() || BloomMayContain(filter->bytes, IntHash64(hash));
}

bool Part::UuidMayBePresent(size_t granule, uint64_t hash) const {
  const absl::StatusOr<ChunkBody> filter = ReadFilter(footer_.uuid_filters[granule], "uuid filter");
  return !filter.ok() || BloomMayContain(filter->bytes, IntHash64(hash));
}

absl::Status Part::VerifyChecksums() const {
  for (size_t column = 0; column < footer_.columns.size(); ++column) {
    const PartColumn& entry = footer_.columns[column];
    for (size_t chunk = 0; chunk < entry.chunks.size(); ++chunk) {
      HOGLET_RETURN_IF_ERROR(ReadColumn(static_cast<int>(column), chunk).status());
    }
    if (entry.has_dictionary) {
      HOGLET_RETURN_IF_ERROR(ReadDictionary(static_cast<int>(column)).status());
    }
  }
  HOGLET_RETURN_IF_ERROR(ReadFilter(footer_.key_filter, "key filter").status());
  for (const ChunkMeta& filter : footer_.distinct_id_filters) {
    HOGLET_RETURN_IF_ERROR(ReadFilter(filter, "distinct_id filter").status());
  }
  for (const ChunkMeta& filter : footer_.uuid_filters) {
    HOGLET_RETURN_IF_ERROR(ReadFilter(filter, "uuid filter").status());
  }
  for (const JsonInfo& json : footer_.json) {
    HOGLET_RETURN_IF_ERROR(ReadFilter(json.residual_keys, "residual key filter").status());
  }
  return absl::OkStatus();
}

}  // namespace hoglet
