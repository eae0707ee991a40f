#include <algorithm>
#include <list>

#include "src/base/bytes.h"
#include "src/base/json.h"
#include "storage/document_reader.h"
#include "storage/row_source.h"

namespace hoglet {

size_t GranuleOfRow(std::span<const uint32_t> begin, uint32_t row) {
  return static_cast<size_t>(std::upper_bound(begin.begin(), begin.end(), row) - begin.begin()) - 1;
}

RowKey GranuleKeys::KeyWithoutUuid(size_t row) const {
  RowKey key;
  key.team_id = team_ids.data<int64_t>()[row];
  key.day = DayOf(timestamps.data<int64_t>()[row]);
  key.event = VectorReader<std::string_view>(events).at(row);
  key.distinct_id_hash = distinct_id_hashes[row];
  return key;
}

uint64_t GranuleKeys::UuidHash(size_t row) const {
  return CityHash64Uuid(Int128ToUuid(uuids.data<Int128>()[row]));
}

RowSortKey GranuleKeys::SortKeyAt(size_t row) const {
  const RowKey key = KeyWithoutUuid(row);
  return {key.team_id,  key.day, key.event, key.distinct_id_hash, timestamps.data<int64_t>()[row],
          UuidHash(row)};
}

absl::StatusOr<GranuleKeys> ReadGranuleKeys(const Part& part, size_t granule) {
  GranuleKeys keys;
  HOGLET_ASSIGN_OR_RETURN(keys.team_ids, part.ReadColumn(part.FindPlain(kTeamIdColumn), granule));
  HOGLET_ASSIGN_OR_RETURN(keys.timestamps,
                          part.ReadColumn(part.FindPlain(kTimestampColumn), granule));
  HOGLET_ASSIGN_OR_RETURN(keys.events, part.ReadColumn(part.FindPlain(kEventColumn), granule));
  HOGLET_ASSIGN_OR_RETURN(keys.uuids, part.ReadColumn(part.FindPlain(kUuidColumn), granule));
  keys.uuids = keys.uuids.Flatten();
  HOGLET_ASSIGN_OR_RETURN(Vector ids, part.ReadColumn(part.FindPlain(kDistinctIdColumn), granule));
  keys.distinct_id_hashes.resize(ids.size());
  const VectorReader<std::string_view> reader(ids);
  // Rows of one person lie together: hash a value once a run.
  for (size_t row = 0; row < ids.size(); ++row) {
    const bool repeats = row > 0 && reader.at(row).data() == reader.at(row - 1).data() &&
                         reader.at(row).size() == reader.at(row - 1).size();
    keys.distinct_id_hashes[row] =
        repeats ? keys.distinct_id_hashes[row - 1] : CityHash64(reader.at(row));
  }
  return keys;
}

Vector OwnedTexts(std::vector<std::string> texts, bool empty_is_null) {
  auto owner = std::make_shared<std::vector<std::string>>(std::move(texts));
  Vector out = Vector::Flat(Type(TypeKind::kString), owner->size());
  auto* values = out.mutable_data<std::string_view>();
  for (size_t i = 0; i < owner->size(); ++i) {
    values[i] = (*owner)[i];
    if (empty_is_null && values[i].empty()) out.SetNull(i);
  }
  out.KeepAlive(owner);
  return out;
}

Vector AllNull(const Type& type, size_t rows) {
  Vector out = Vector::Flat(type, rows);
  std::fill_n(out.mutable_validity(), BitmapWords(rows), 0);
  if (type.physical() == Physical::kString) {
    std::fill_n(out.mutable_data<std::string_view>(), rows, std::string_view());
  }
  return out;
}

namespace {

class PartCursor : public SortedCursor {
 public:
  PartCursor(std::shared_ptr<const Part> part, const RowMask* skip)
      : part_(std::move(part)), skip_(skip) {}

  bool valid() const override { return row_ < part_->rows(); }
  const RowSortKey& key() const override { return key_; }
  uint32_t row() const override { return row_; }
  absl::Status Next() override {
    ++row_;
    return Settle();
  }
  // Moves on to the next row that is not skipped.
  absl::Status Settle() {
    while (valid() && skip_ != nullptr && skip_->Contains(row_)) ++row_;
    if (!valid()) return absl::OkStatus();
    const auto& begin = part_->footer().granule_begin;
    while (row_ >= begin[granule_ + 1] || !loaded_) {
      if (row_ >= begin[granule_ + 1]) ++granule_;
      if (row_ >= begin[granule_ + 1]) continue;
      HOGLET_ASSIGN_OR_RETURN(keys_, ReadGranuleKeys(*part_, granule_));
      loaded_ = true;
      break;
    }
    key_ = keys_.SortKeyAt(row_ - begin[granule_]);
    return absl::OkStatus();
  }

 private:
  std::shared_ptr<const Part> part_;
  const RowMask* skip_;
  uint32_t row_ = 0;
  size_t granule_ = 0;
  bool loaded_ = false;
  GranuleKeys keys_;
  RowSortKey key_;
};

template <typename T>
void CopyRows(const Vector& from, std::span<const uint32_t> rows, uint32_t begin, size_t at,
              Vector* out) {
  T* to = out->mutable_data<T>() + at;
  const VectorReader<T> reader(from);
  for (size_t i = 0; i < rows.size(); ++i) to[i] = reader.at(rows[i] - begin);
  if (reader.all_valid()) return;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!reader.valid(rows[i] - begin)) out->SetNull(at + i);
  }
}

void CopyAny(const Vector& from, std::span<const uint32_t> rows, uint32_t begin, size_t at,
             Vector* out) {
  switch (from.type().physical()) {
    case Physical::kI64:
      return CopyRows<int64_t>(from, rows, begin, at, out);
    case Physical::kF64:
      return CopyRows<double>(from, rows, begin, at, out);
    case Physical::kI128:
      return CopyRows<Int128>(from, rows, begin, at, out);
    case Physical::kU8:
      return CopyRows<uint8_t>(from, rows, begin, at, out);
    default:
      CopyRows<std::string_view>(from, rows, begin, at, out);
  }
  out->KeepAliveFrom(from);
  if (from.form() == Vector::Form::kDictionary) out->KeepAlive(from.dictionary());
}

class PartSource : public RowSource {
 public:
  explicit PartSource(std::shared_ptr<const Part> part) : part_(std::move(part)) {
    const PartFooter& footer = part_->footer();
    granule_bytes_.assign(footer.granules(), 0);
    for (int json = 0; json < kJsonColumnCount; ++json) {
      document_bytes_[json].assign(Boundaries(static_cast<JsonColumn>(json)).size() - 1, 0);
    }
    for (const PartColumn& column : footer.columns) AddChunkBytes(column);
  }

  absl::StatusOr<std::unique_ptr<SortedCursor>> Sorted(const RowMask* skip) override {
    auto cursor = std::make_unique<PartCursor>(part_, skip);
    HOGLET_RETURN_IF_ERROR(cursor->Settle());
    return cursor;
  }
  absl::StatusOr<Vector> GatherPlain(PlainColumn column, std::span<const uint32_t> rows) override {
    return GatherColumn(part_->FindPlain(column), part_->footer().granule_begin, rows);
  }
  uint64_t RowBytes(uint32_t row) const override {
    const auto& begin = part_->footer().granule_begin;
    const size_t granule = GranuleOfRow(begin, row);
    return granule_bytes_[granule] / (begin[granule + 1] - begin[granule]);
  }
  uint32_t documents(JsonColumn column) override { return Boundaries(column).back(); }
  uint64_t DocumentBytes(JsonColumn column, uint32_t document) override {
    const auto& begin = Boundaries(column);
    const size_t granule = GranuleOfRow(begin, document);
    return document_bytes_[column][granule] / (begin[granule + 1] - begin[granule]);
  }
  absl::StatusOr<std::vector<uint32_t>> GatherDocuments(JsonColumn column,
                                                        std::span<const uint32_t> rows) override;
  absl::StatusOr<std::vector<Int128>> GatherHashes(JsonColumn column,
                                                   std::span<const uint32_t> documents) override;
  absl::Status AddKeyStatistics(JsonColumn column, KeyStatisticsMap* keys) override;
  absl::Status AllowForResidual(JsonColumn column, KeyStatisticsMap* keys) override;
  absl::StatusOr<Vector> GatherVariant(JsonColumn column, const std::string& key,
                                       JsonVariant variant, bool as_double,
                                       std::span<const uint32_t> documents) override;
  absl::StatusOr<Vector> GatherShapes(JsonColumn column, const KeyIndex& keys,
                                      std::span<const uint32_t> documents) override;
  absl::StatusOr<Vector> GatherResidual(JsonColumn column, const KeyIndex& keys,
                                        std::span<const uint32_t> documents,
                                        const std::function<void(std::string_view)>& seen) override;

 private:
  const std::vector<uint32_t>& Boundaries(JsonColumn column) const {
    return part_->footer().json[column].document_begin;
  }
  void AddChunkBytes(const PartColumn& column) {
    const bool by_row =
        column.kind == ColumnKind::kPlain || column.kind == ColumnKind::kJsonDocument;
    const bool counts_for_rows = by_row || !part_->footer().json[column.column].is_shared;
    for (size_t chunk = 0; chunk < column.chunks.size(); ++chunk) {
      if (counts_for_rows) granule_bytes_[chunk] += column.chunks[chunk].raw_bytes;
      if (!by_row) document_bytes_[column.column][chunk] += column.chunks[chunk].raw_bytes;
    }
  }

  // Calls `visit(granule, rows of it, position of the first in the whole)` for runs of rows in one
  // granule.
  template <typename Visit>
  absl::Status ForEachGranule(const std::vector<uint32_t>& begin, std::span<const uint32_t> rows,
                              Visit visit) {
    for (size_t at = 0; at < rows.size();) {
      const size_t granule = GranuleOfRow(begin, rows[at]);
      size_t end = at + 1;
      while (end < rows.size() && rows[end] >= begin[granule] && rows[end] < begin[granule + 1]) {
        ++end;
      }
      HOGLET_RETURN_IF_ERROR(visit(granule, rows.subspan(at, end - at), at));
      at = end;
    }
    return absl::OkStatus();
  }

  struct Cached {
    int column = -1;
    size_t granule = 0;
    Vector values;
  };
  // The granule of the column read last stays decoded: the next output granule usually goes on in
  // it. So does that of the times, which are asked for beside other columns.
  absl::StatusOr<Vector> ReadCached(int column, size_t granule) {
    Cached& cached = column == part_->FindPlain(kTimestampColumn) ? cached_times_ : cached_;
    if (column != cached.column || granule != cached.granule) {
      HOGLET_ASSIGN_OR_RETURN(cached.values, part_->ReadColumn(column, granule));
      cached.column = column;
      cached.granule = granule;
    }
    return cached.values;
  }
  absl::StatusOr<Vector> GatherColumn(int column, const std::vector<uint32_t>& begin,
                                      std::span<const uint32_t> rows);

  // Readers of documents with residuals are dear to open, so a few stay open.
  absl::StatusOr<DocumentReader*> ReaderOf(JsonColumn column, size_t granule);
  bool AllHaveColumns(JsonColumn column, const KeyIndex& keys) const;

  struct OpenReader {
    JsonColumn column;
    size_t granule;
    std::unique_ptr<DocumentReader> reader;
  };

  static constexpr size_t kOpenReadersMax = 2;
  std::shared_ptr<const Part> part_;
  std::vector<uint64_t> granule_bytes_;
  std::vector<uint64_t> document_bytes_[kJsonColumnCount];
  Cached cached_;
  Cached cached_times_;
  std::list<OpenReader> readers_;
};

absl::StatusOr<Vector> PartSource::GatherColumn(int column, const std::vector<uint32_t>& begin,
                                                std::span<const uint32_t> rows) {
  Vector out = Vector::Flat(part_->ColumnType(column), rows.size());
  HOGLET_RETURN_IF_ERROR(ForEachGranule(
      begin, rows, [&](size_t granule, std::span<const uint32_t> run, size_t at) -> absl::Status {
        HOGLET_ASSIGN_OR_RETURN(Vector values, ReadCached(column, granule));
        CopyAny(values, run, begin[granule], at, &out);
        return absl::OkStatus();
      }));
  return out;
}

absl::StatusOr<DocumentReader*> PartSource::ReaderOf(JsonColumn column, size_t granule) {
  for (auto it = readers_.begin(); it != readers_.end(); ++it) {
    if (it->column != column || it->granule != granule) continue;
    readers_.splice(readers_.begin(), readers_, it);
    return readers_.front().reader.get();
  }
  HOGLET_ASSIGN_OR_RETURN(auto reader, DocumentReader::Open(*part_, column, granule));
  readers_.push_front({column, granule, std::move(reader)});
  if (readers_.size() > kOpenReadersMax) readers_.pop_back();
  return readers_.front().reader.get();
}

absl::StatusOr<std::vector<uint32_t>> PartSource::GatherDocuments(JsonColumn column,
                                                                  std::span<const uint32_t> rows) {
  std::vector<uint32_t> documents(rows.begin(), rows.end());
  if (!part_->footer().json[column].is_shared) return documents;
  HOGLET_ASSIGN_OR_RETURN(Vector numbers,
                          GatherColumn(part_->FindColumn(ColumnKind::kJsonDocument, column),
                                       part_->footer().granule_begin, rows));
  for (size_t i = 0; i < documents.size(); ++i) {
    const int64_t document = numbers.data<int64_t>()[i];
    if (document < 0 || document >= Boundaries(column).back()) {
      return absl::DataLossError(part_->path() + ": a row names no document");
    }
    documents[i] = static_cast<uint32_t>(document);
  }
  return documents;
}

absl::StatusOr<std::vector<Int128>> PartSource::GatherHashes(JsonColumn column,
                                                             std::span<const uint32_t> documents) {
  const int index = part_->FindColumn(ColumnKind::kJsonHash, column);
  if (index < 0) return absl::DataLossError(part_->path() + ": document hashes missing");
  HOGLET_ASSIGN_OR_RETURN(Vector hashes, GatherColumn(index, Boundaries(column), documents));
  return std::vector<Int128>(hashes.data<Int128>(), hashes.data<Int128>() + hashes.size());
}

absl::Status PartSource::AddKeyStatistics(JsonColumn column, KeyStatisticsMap* keys) {
  for (const PartColumn& entry : part_->footer().columns) {
    if (entry.kind != ColumnKind::kJsonVariant || entry.column != column) continue;
    KeyStatistics& key = (*keys)[part_->footer().json[column].keys[entry.key]];
    for (const ChunkMeta& chunk : entry.chunks) key.count += chunk.rows - chunk.null_count;
    key.present[static_cast<size_t>(entry.variant)] = true;
    key.has_double |= entry.physical == Physical::kF64;
  }
  return absl::OkStatus();
}

absl::Status PartSource::AllowForResidual(JsonColumn column, KeyStatisticsMap* keys) {
  if (!part_->footer().json[column].has_residual) return absl::OkStatus();
  for (auto& [name, key] : *keys) {
    if (part_->FindKey(column, name) != nullptr) continue;
    HOGLET_ASSIGN_OR_RETURN(const bool may_hold, part_->ResidualMayHold(column, name));
    if (!may_hold) continue;
    std::fill(std::begin(key.present), std::end(key.present), true);
    key.has_double = true;
  }
  return absl::OkStatus();
}

// The member as a value of the vector, if it is of that variant.
void PutMember(const JsonMember& member, JsonVariant variant, bool as_double, size_t at,
               StringHeap* heap, Vector* out) {
  if (VariantOf(StoredKind(member)) != variant) return out->SetNull(at);
  switch (variant) {
    case JsonVariant::kNull:
      out->mutable_data<uint8_t>()[at] = 0;
      return;
    case JsonVariant::kBool:
      out->mutable_data<uint8_t>()[at] = member.boolean ? 1 : 0;
      return;
    case JsonVariant::kNumber:
      if (as_double) {
        out->mutable_data<double>()[at] =
            member.kind == JsonKind::kInt64 ? static_cast<double>(member.integer) : member.number;
      } else {
        out->mutable_data<int64_t>()[at] = member.integer;
      }
      return;
    default: {
      std::string digits;
      if (member.kind == JsonKind::kInt64) AppendInt(member.integer, &digits);
      out->mutable_data<std::string_view>()[at] =
          heap->Add(member.kind == JsonKind::kInt64 ? digits : member.text);
    }
  }
}

absl::StatusOr<Vector> PartSource::GatherVariant(JsonColumn column, const std::string& key,
                                                 JsonVariant variant, bool as_double,
                                                 std::span<const uint32_t> documents) {
  const Type type = GatheredType(variant, as_double);
  if (const auto* columns = part_->FindKey(column, key); columns != nullptr) {
    const int index = (*columns)[static_cast<size_t>(variant)];
    if (index < 0) return AllNull(type, documents.size());
    HOGLET_ASSIGN_OR_RETURN(Vector values, GatherColumn(index, Boundaries(column), documents));
    if (!as_double || values.type().physical() == Physical::kF64) return values;
    Vector doubles = Vector::Flat(type, values.size());
    std::copy_n(values.data<int64_t>(), values.size(), doubles.mutable_data<double>());
    if (values.validity() != nullptr) doubles.ShareValidity(values);
    return doubles;
  }
  HOGLET_ASSIGN_OR_RETURN(const bool may_hold, part_->ResidualMayHold(column, key));
  Vector out = AllNull(type, documents.size());
  if (!may_hold) return out;
  auto heap = std::make_shared<StringHeap>();
  JsonObjectView members;
  HOGLET_RETURN_IF_ERROR(ForEachGranule(
      Boundaries(column), documents,
      [&](size_t granule, std::span<const uint32_t> run, size_t at) -> absl::Status {
        HOGLET_ASSIGN_OR_RETURN(DocumentReader * reader, ReaderOf(column, granule));
        for (size_t i = 0; i < run.size(); ++i) {
          HOGLET_RETURN_IF_ERROR(
              reader->ReadResidual(run[i] - Boundaries(column)[granule], &members));
          if (const JsonMember* member = FindJsonMember(members, key); member != nullptr) {
            SetBit(out.mutable_validity(), at + i);
            PutMember(*member, variant, as_double, at + i, heap.get(), &out);
          }
          reader->ReleaseTexts();
        }
        return absl::OkStatus();
      }));
  out.KeepAlive(heap);
  return out;
}

absl::StatusOr<Vector> PartSource::GatherShapes(JsonColumn column, const KeyIndex& keys,
                                                std::span<const uint32_t> documents) {
  std::vector<std::string> shapes;
  shapes.reserve(documents.size());
  const JsonInfo& json = part_->footer().json[column];
  if (json.has_residual) {
    JsonObjectView members;
    HOGLET_RETURN_IF_ERROR(ForEachGranule(
        Boundaries(column), documents,
        [&](size_t granule, std::span<const uint32_t> run, size_t) -> absl::Status {
          HOGLET_ASSIGN_OR_RETURN(DocumentReader * reader, ReaderOf(column, granule));
          for (const uint32_t document : run) {
            HOGLET_RETURN_IF_ERROR(reader->Read(document - Boundaries(column)[granule], &members));
            std::string& shape = shapes.emplace_back();
            for (const JsonMember& member : members) {
              const auto found = keys.find(member.key);
              PutVarint(&shape, found == keys.end() ? 0 : found->second + 1);
            }
            reader->ReleaseTexts();
          }
          return absl::OkStatus();
        }));
    return OwnedTexts(std::move(shapes), false);
  }
  std::vector<uint64_t> translated;
  for (const std::string& key : json.keys) {
    const auto found = keys.find(key);
    translated.push_back(found == keys.end() ? 0 : found->second + 1);
  }
  HOGLET_ASSIGN_OR_RETURN(Vector old,
                          GatherColumn(part_->FindColumn(ColumnKind::kJsonShape, column),
                                       Boundaries(column), documents));
  std::vector<uint32_t> entries;
  for (size_t i = 0; i < documents.size(); ++i) {
    const auto* texts = old.data<std::string_view>();
    std::string& shape = shapes.emplace_back();
    if (i > 0 && texts[i] == texts[i - 1]) {
      shape = shapes[i - 1];
      continue;
    }
    entries.clear();
    if (!ParseShape(texts[i], &entries)) {
      return absl::DataLossError(part_->path() + ": shape does not parse");
    }
    for (const uint32_t entry : entries) {
      if (entry == 0 || entry > translated.size()) {
        return absl::DataLossError(part_->path() + ": shape names no key");
      }
      PutVarint(&shape, translated[entry - 1]);
    }
  }
  return OwnedTexts(std::move(shapes), false);
}

bool PartSource::AllHaveColumns(JsonColumn column, const KeyIndex& keys) const {
  const JsonInfo& json = part_->footer().json[column];
  return !json.has_residual && std::all_of(json.keys.begin(), json.keys.end(),
                                           [&](const auto& key) { return keys.contains(key); });
}

absl::StatusOr<Vector> PartSource::GatherResidual(
    JsonColumn column, const KeyIndex& keys, std::span<const uint32_t> documents,
    const std::function<void(std::string_view)>& seen) {
  if (AllHaveColumns(column, keys)) {
    return AllNull(GatheredType(JsonVariant::kRaw, false), documents.size());
  }
  std::vector<std::string> residuals(documents.size());
  JsonObjectView members;
  HOGLET_RETURN_IF_ERROR(ForEachGranule(
      Boundaries(column), documents,
      [&](size_t granule, std::span<const uint32_t> run, size_t at) -> absl::Status {
        HOGLET_ASSIGN_OR_RETURN(DocumentReader * reader, ReaderOf(column, granule));
        for (size_t i = 0; i < run.size(); ++i) {
          HOGLET_RETURN_IF_ERROR(reader->Read(run[i] - Boundaries(column)[granule], &members));
          std::erase_if(members,
                        [&](const JsonMember& member) { return keys.contains(member.key); });
          for (const JsonMember& member : members) seen(member.key);
          if (!members.empty()) residuals[at + i] = SerializeJsonObject(members);
          reader->ReleaseTexts();
        }
        return absl::OkStatus();
      }));
  return OwnedTexts(std::move(residuals), true);
}

}  // namespace

std::unique_ptr<RowSource> NewPartSource(std::shared_ptr<const Part> part) {
  return std::make_unique<PartSource>(std::move(part));
}

}  // namespace hoglet
