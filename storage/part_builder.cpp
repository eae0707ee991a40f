#include "storage/part_builder.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "src/base/hash.h"
#include "storage/bloom.h"
#include "storage/part_writer.h"

namespace hoglet {

namespace {

constexpr int kKeyFilterBits = 16;
constexpr int kGranuleFilterBits = 10;

template <typename T>
void ScatterValues(const Vector& values, std::span<const uint32_t> positions, Vector* out) {
  const T* from = values.data<T>();
  T* to = out->mutable_data<T>();
  for (size_t i = 0; i < positions.size(); ++i) to[positions[i]] = from[i];
  if (values.validity() == nullptr) return;
  for (size_t i = 0; i < positions.size(); ++i) {
    if (!BitIsSet(values.validity(), i)) out->SetNull(positions[i]);
  }
}

void Scatter(const Vector& values, std::span<const uint32_t> positions, Vector* out) {
  switch (values.type().physical()) {
    case Physical::kI64:
      return ScatterValues<int64_t>(values, positions, out);
    case Physical::kF64:
      return ScatterValues<double>(values, positions, out);
    case Physical::kI128:
      return ScatterValues<Int128>(values, positions, out);
    case Physical::kU8:
      return ScatterValues<uint8_t>(values, positions, out);
    default:
      ScatterValues<std::string_view>(values, positions, out);
  }
  out->KeepAliveFrom(values);
}

// The rows of one output granule by source: their numbers there, and where they go.
struct SourceRun {
  uint32_t source;
  std::vector<uint32_t> rows;
  std::vector<uint32_t> positions;
};

struct GranuleRuns {
  size_t rows = 0;
  std::vector<SourceRun> runs;  // positions are left out if there is one
};

GranuleRuns SplitBySource(std::span<const SourceRow> rows, size_t source_count) {
  GranuleRuns granule;
  granule.rows = rows.size();
  std::vector<int> run_of(source_count, -1);
  for (size_t i = 0; i < rows.size(); ++i) {
    int& run = run_of[rows[i].source];
    if (run < 0) {
      run = static_cast<int>(granule.runs.size());
      granule.runs.push_back({rows[i].source, {}, {}});
    }
    granule.runs[run].rows.push_back(rows[i].row);
    granule.runs[run].positions.push_back(static_cast<uint32_t>(i));
  }
  if (granule.runs.size() == 1) granule.runs[0].positions = {};
  return granule;
}

// For every granule of rows (or documents); every column needs the same.
std::vector<GranuleRuns> SplitGranules(std::span<const SourceRow> rows,
                                       const std::vector<uint32_t>& begin, size_t source_count) {
  std::vector<GranuleRuns> granules;
  for (size_t i = 0; i + 1 < begin.size(); ++i) {
    granules.push_back(
        SplitBySource(rows.subspan(begin[i], begin[i + 1] - begin[i]), source_count));
  }
  return granules;
}

// One output granule of a column: `fetch(source, rows of it)` gives each source's share.
template <typename Fetch>
absl::StatusOr<Vector> GatherGranule(const GranuleRuns& granule, Fetch fetch) {
  std::optional<Vector> out;
  for (const SourceRun& run : granule.runs) {
    HOGLET_ASSIGN_OR_RETURN(Vector values, fetch(run.source, run.rows));
    if (granule.runs.size() == 1) return values;
    values = values.Flatten();
    if (!out) out = Vector::Flat(values.type().NotNullable(), granule.rows);
    Scatter(values, run.positions, &*out);
  }
  return *std::move(out);
}

// The same for values in std::vectors.
template <typename T, typename Fetch>
absl::StatusOr<std::vector<T>> GatherList(const GranuleRuns& granule, Fetch fetch) {
  std::vector<T> out(granule.rows);
  for (const SourceRun& run : granule.runs) {
    HOGLET_ASSIGN_OR_RETURN(std::vector<T> values, fetch(run.source, run.rows));
    if (granule.runs.size() == 1) return values;
    for (size_t i = 0; i < values.size(); ++i) out[run.positions[i]] = std::move(values[i]);
  }
  return out;
}

// Cuts `count` items into granules by number and bytes.
template <typename Bytes>
std::vector<uint32_t> CutGranules(size_t count, const PartBuildOptions& options, Bytes bytes_of) {
  std::vector<uint32_t> begin = {0};
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    bytes += bytes_of(i);
    const bool full =
        i + 1 - begin.back() >= options.granule_rows_max || bytes >= options.granule_bytes_max;
    if (full || i + 1 == count) {
      begin.push_back(static_cast<uint32_t>(i + 1));
      bytes = 0;
    }
  }
  return begin;
}

class PartBuild {
 public:
  PartBuild(std::span<const std::unique_ptr<RowSource>> sources, std::span<const SourceRow> rows,
            const PartBuildOptions& options, PartWriter* writer)
      : sources_(sources), rows_(rows), options_(options), writer_(writer) {}

  absl::Status Run();

 private:
  // Documents of one JSON column in the new part.
  struct Documents {
    std::vector<SourceRow> list;   // documents, by their numbers in the sources
    std::vector<uint32_t> of_row;  // only if shared
    std::vector<uint32_t> begin;   // granule boundaries
    std::vector<GranuleRuns> granules;
    bool is_shared = false;
  };

  absl::Status Progress() {
    const uint64_t before = std::exchange(bytes_told_, writer_->bytes());
    return options_.on_progress ? options_.on_progress(bytes_told_ - before) : absl::OkStatus();
  }
  PartWriter::ColumnOptions Required() const {
    return {.try_dictionary = false,
            .is_required = true,
            .compression = options_.compression,
            .times = nullptr};
  }

  absl::Status ReadKeys();
  absl::StatusOr<bool> ReadHashes(size_t first, size_t end);
  void AddGranuleKeys(const std::vector<Vector>& columns);
  void AddFilters(const std::vector<RowHashes>& rows);
  absl::Status WritePlain();
  absl::Status WriteFilters();
  absl::Status WriteJson(JsonColumn column);
  absl::StatusOr<Documents> CollectDocuments(JsonColumn column);
  absl::StatusOr<std::vector<std::string>> ChooseKeys(JsonColumn column, size_t documents,
                                                      KeyStatisticsMap* statistics);
  absl::Status WriteDocumentColumns(JsonColumn column, const Documents& documents);
  absl::Status WriteVariants(JsonColumn column, const Documents& documents, const std::string& name,
                             uint32_t key, const KeyStatistics& statistics);
  absl::Status WriteResidual(JsonColumn column, const Documents& documents, const KeyIndex& keys);
  absl::Status AddColumn(PartColumn column, const std::vector<uint32_t>& begin,
                         PartWriter::ColumnOptions options, const PartWriter::ChunkSource& source);
  absl::StatusOr<Vector> GatherPlain(PlainColumn column, size_t granule);

  std::span<const std::unique_ptr<RowSource>> sources_;
  std::span<const SourceRow> rows_;
  const PartBuildOptions& options_;
  PartWriter* writer_;
  uint64_t bytes_told_ = 0;            // to the one who asked for progress
  std::vector<GranuleRuns> granules_;  // of rows
  const PartWriter::ChunkSource times_ = [this](size_t granule) {
    return GatherPlain(kTimestampColumn, granule);
  };
  std::vector<uint64_t> key_hashes_;
  std::vector<std::string> distinct_id_filters_;  // one a granule
  std::vector<std::string> uuid_filters_;
  std::vector<uint64_t> residual_key_hashes_[kJsonColumnCount];
};

absl::Status PartBuild::Run() {
  writer_->footer().granule_begin = CutGranules(rows_.size(), options_, [&](size_t i) {
    return sources_[rows_[i].source]->RowBytes(rows_[i].row);
  });
  granules_ = SplitGranules(rows_, writer_->footer().granule_begin, sources_.size());
  HOGLET_RETURN_IF_ERROR(ReadKeys());
  HOGLET_RETURN_IF_ERROR(WritePlain());
  for (int column = 0; column < kJsonColumnCount; ++column) {
    HOGLET_RETURN_IF_ERROR(WriteJson(static_cast<JsonColumn>(column)));
  }
  return WriteFilters();
}

// The index and the filters need the key columns of every row together, so they are read before the
// columns are written.
absl::Status PartBuild::ReadKeys() {
  constexpr PlainColumn kKeyColumns[] = {kTeamIdColumn, kTimestampColumn, kEventColumn,
                                         kDistinctIdColumn, kUuidColumn};
  // Column by column, so that sources go forward; some granules at a time, so that memory stays
  // bounded.
  constexpr size_t kGranulesAtOnce = 16;
  const std::vector<uint32_t>& begin = writer_->footer().granule_begin;
  const size_t granules = begin.size() - 1;
  for (size_t first = 0; first < granules; first += kGranulesAtOnce) {
    const size_t end = std::min(granules, first + kGranulesAtOnce);
    HOGLET_ASSIGN_OR_RETURN(const bool has_hashes, ReadHashes(first, end));
    if (has_hashes) continue;
    std::vector<std::vector<Vector>> columns(end - first);
    for (const PlainColumn column : kKeyColumns) {
      for (size_t granule = first; granule < end; ++granule) {
        HOGLET_ASSIGN_OR_RETURN(Vector values, GatherPlain(column, granule));
        columns[granule - first].push_back(std::move(values));
      }
    }
    for (const std::vector<Vector>& granule : columns) AddGranuleKeys(granule);
    HOGLET_RETURN_IF_ERROR(Progress());
  }
  return absl::OkStatus();
}

// The same from hashes that the source has at hand, for granules of a single source. False if it
// has none.
absl::StatusOr<bool> PartBuild::ReadHashes(size_t first, size_t end) {
  if (sources_.size() != 1) return false;
  RowSource& source = *sources_[0];
  for (size_t granule = first; granule < end; ++granule) {
    const std::vector<uint32_t>& rows = granules_[granule].runs[0].rows;
    const std::vector<RowHashes> hashes = source.GatherRowHashes(rows);
    if (hashes.empty()) return false;
    AddFilters(hashes);
    const uint32_t ends[] = {rows.front(), rows.back()};
    HOGLET_ASSIGN_OR_RETURN(const Vector teams, source.GatherPlain(kTeamIdColumn, ends));
    HOGLET_ASSIGN_OR_RETURN(const Vector times, source.GatherPlain(kTimestampColumn, ends));
    HOGLET_ASSIGN_OR_RETURN(const Vector events, source.GatherPlain(kEventColumn, ends));
    const auto key_of = [&](size_t i, const RowHashes& row) {
      return IndexKey{teams.data<int64_t>()[i], DayOf(times.data<int64_t>()[i]),
                      std::string(events.data<std::string_view>()[i]), row.distinct_id};
    };
    writer_->footer().first_keys.push_back(key_of(0, hashes.front()));
    writer_->footer().last_keys.push_back(key_of(1, hashes.back()));
  }
  return true;
}

void PartBuild::AddGranuleKeys(const std::vector<Vector>& columns) {
  PartFooter& footer = writer_->footer();
  const size_t rows = columns[0].size();
  std::vector<RowHashes> hashes(rows);
  for (size_t row = 0; row < rows; ++row) {
    RowKey key;
    key.team_id = columns[0].data<int64_t>()[row];
    key.day = DayOf(columns[1].data<int64_t>()[row]);
    key.event = columns[2].data<std::string_view>()[row];
    key.distinct_id_hash = CityHash64(columns[3].data<std::string_view>()[row]);
    key.uuid_hash = CityHash64Uuid(Int128ToUuid(columns[4].data<Int128>()[row]));
    hashes[row] = {key.Hash(), key.distinct_id_hash, key.uuid_hash};
    const auto index_key = [&key] {
      return IndexKey{key.team_id, key.day, std::string(key.event), key.distinct_id_hash};
    };
    if (row == 0) footer.first_keys.push_back(index_key());
    if (row + 1 == rows) footer.last_keys.push_back(index_key());
  }
  AddFilters(hashes);
}

// Of one granule.
void PartBuild::AddFilters(const std::vector<RowHashes>& rows) {
  std::vector<uint64_t> distinct_ids;
  std::vector<uint64_t> uuids;
  uuids.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    key_hashes_.push_back(rows[i].key);
    uuids.push_back(IntHash64(rows[i].uuid));
    // Rows of one id lie together, within an event.
    if (i > 0 && rows[i].distinct_id == rows[i - 1].distinct_id) continue;
    distinct_ids.push_back(IntHash64(rows[i].distinct_id));
  }
  std::sort(distinct_ids.begin(), distinct_ids.end());
  distinct_ids.erase(std::unique(distinct_ids.begin(), distinct_ids.end()), distinct_ids.end());
  distinct_id_filters_.push_back(BuildBloom(distinct_ids, kGranuleFilterBits));
  uuid_filters_.push_back(BuildBloom(uuids, kGranuleFilterBits));
}

absl::Status PartBuild::AddColumn(PartColumn column, const std::vector<uint32_t>& begin,
                                  PartWriter::ColumnOptions options,
                                  const PartWriter::ChunkSource& source) {
  options.dictionary_bytes_max = options_.dictionary_bytes_max;
  return writer_->AddColumn(std::move(column), begin, options,
                            [&](size_t chunk) -> absl::StatusOr<Vector> {
                              HOGLET_RETURN_IF_ERROR(Progress());
                              return source(chunk);
                            });
}

absl::StatusOr<Vector> PartBuild::GatherPlain(PlainColumn column, size_t granule) {
  return GatherGranule(granules_[granule], [&](uint32_t source, std::span<const uint32_t> rows) {
    return sources_[source]->GatherPlain(column, rows);
  });
}

absl::Status PartBuild::WritePlain() {
  const std::vector<uint32_t> begin = writer_->footer().granule_begin;
  for (int i = 0; i < kPlainColumnCount; ++i) {
    const auto column = static_cast<PlainColumn>(i);
    PartColumn entry;
    entry.kind = ColumnKind::kPlain;
    entry.column = column;
    entry.physical = PlainInfo(column).physical;
    PartWriter::ColumnOptions options{.try_dictionary = PlainInfo(column).try_dictionary,
                                      .is_required = true,
                                      .compression = options_.compression,
                                      .times = nullptr};
    if (column == kUuidColumn) options.times = times_;
    HOGLET_RETURN_IF_ERROR(AddColumn(std::move(entry), begin, std::move(options),
                                     [&](size_t chunk) { return GatherPlain(column, chunk); }));
  }
  return absl::OkStatus();
}

absl::Status PartBuild::WriteFilters() {
  HOGLET_RETURN_IF_ERROR(writer_->AddKeyFilter(BuildBloom(key_hashes_, kKeyFilterBits)));
  for (const std::string& filter : distinct_id_filters_) {
    HOGLET_RETURN_IF_ERROR(writer_->AddDistinctIdFilter(filter));
  }
  for (const std::string& filter : uuid_filters_) {
    HOGLET_RETURN_IF_ERROR(writer_->AddUuidFilter(filter));
  }
  for (int column = 0; column < kJsonColumnCount; ++column) {
    const std::vector<uint64_t>& hashes = residual_key_hashes_[column];
    HOGLET_RETURN_IF_ERROR(writer_->AddResidualKeyFilter(
        static_cast<JsonColumn>(column), hashes.empty() ? "" : BuildBloom(hashes, kKeyFilterBits)));
  }
  return absl::OkStatus();
}

absl::StatusOr<PartBuild::Documents> PartBuild::CollectDocuments(JsonColumn column) {
  const std::vector<uint32_t>& row_begin = writer_->footer().granule_begin;
  Documents documents;
  std::vector<SourceRow> of_row;  // each row's document in its source
  of_row.reserve(rows_.size());
  for (size_t granule = 0; granule + 1 < row_begin.size(); ++granule) {
    const auto rows =
        rows_.subspan(row_begin[granule], row_begin[granule + 1] - row_begin[granule]);
    HOGLET_ASSIGN_OR_RETURN(
        std::vector<uint32_t> numbers,
        GatherList<uint32_t>(granules_[granule],
                             [&](uint32_t source, std::span<const uint32_t> source_rows) {
                               return sources_[source]->GatherDocuments(column, source_rows);
                             }));
    for (size_t i = 0; i < rows.size(); ++i) of_row.push_back({numbers[i], rows[i].source});
  }
  if (!IsShared(column)) {
    documents.list = std::move(of_row);
    documents.begin = row_begin;
    return documents;
  }
  // Documents of one source are told apart by their number, those of different sources by their
  // hash.
  constexpr uint32_t kUnseen = UINT32_MAX;
  std::vector<std::vector<uint32_t>> seen(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    seen[i].assign(sources_[i]->documents(column), kUnseen);
  }
  absl::flat_hash_map<Int128, uint32_t, WideHash> by_hash;
  documents.of_row.reserve(rows_.size());
  std::vector<std::vector<Int128>> hashes(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    std::vector<uint32_t> all(seen[i].size());
    for (size_t number = 0; number < all.size(); ++number)
      all[number] = static_cast<uint32_t>(number);
    HOGLET_ASSIGN_OR_RETURN(hashes[i], sources_[i]->GatherHashes(column, all));
  }
  for (const SourceRow& document : of_row) {
    uint32_t& number = seen[document.source][document.row];
    if (number == kUnseen) {
      const auto [entry, inserted] = by_hash.try_emplace(
          hashes[document.source][document.row], static_cast<uint32_t>(documents.list.size()));
      if (inserted) documents.list.push_back(document);
      number = entry->second;
    }
    documents.of_row.push_back(number);
  }
  documents.is_shared = documents.list.size() * 2 <= rows_.size();
  if (!documents.is_shared) {
    documents.of_row.clear();
    documents.list = std::move(of_row);
    documents.begin = row_begin;
    return documents;
  }
  documents.begin = CutGranules(documents.list.size(), options_, [&](size_t i) {
    const SourceRow& document = documents.list[i];
    return sources_[document.source]->DocumentBytes(column, document.row);
  });
  return documents;
}

// The most frequent keys, most frequent first; rare ones are not worth the columns.
absl::StatusOr<std::vector<std::string>> PartBuild::ChooseKeys(JsonColumn column, size_t documents,
                                                               KeyStatisticsMap* statistics) {
  for (const auto& source : sources_) {
    HOGLET_RETURN_IF_ERROR(source->AddKeyStatistics(column, statistics));
  }
  std::vector<std::pair<uint64_t, std::string>> ranked;
  const uint64_t count_min = documents / 2000;
  for (const auto& [name, key] : *statistics) {
    if (key.count >= count_min) ranked.emplace_back(key.count, name);
  }
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  if (ranked.size() > options_.json_keys_max) ranked.resize(options_.json_keys_max);
  KeyStatisticsMap chosen;
  std::vector<std::string> names;
  for (auto& [count, name] : ranked) {
    chosen.emplace(name, (*statistics)[name]);
    names.push_back(std::move(name));
  }
  for (const auto& source : sources_) {
    HOGLET_RETURN_IF_ERROR(source->AllowForResidual(column, &chosen));
  }
  *statistics = std::move(chosen);
  return names;
}

absl::Status PartBuild::WriteDocumentColumns(JsonColumn column, const Documents& documents) {
  if (documents.is_shared) {
    const std::vector<uint32_t> begin = writer_->footer().granule_begin;
    PartColumn numbers;
    numbers.kind = ColumnKind::kJsonDocument;
    numbers.column = column;
    numbers.physical = Physical::kI64;
    HOGLET_RETURN_IF_ERROR(AddColumn(std::move(numbers), begin, Required(),
                                     [&](size_t chunk) -> absl::StatusOr<Vector> {
                                       const size_t rows = begin[chunk + 1] - begin[chunk];
                                       Vector values = Vector::Flat(Type(TypeKind::kInt64), rows);
                                       std::copy_n(documents.of_row.begin() + begin[chunk], rows,
                                                   values.mutable_data<int64_t>());
                                       return values;
                                     }));
  }
  if (!IsShared(column)) return absl::OkStatus();
  PartColumn hashes;
  hashes.kind = ColumnKind::kJsonHash;
  hashes.column = column;
  hashes.physical = Physical::kI128;
  return AddColumn(
      std::move(hashes), documents.begin, Required(), [&](size_t chunk) -> absl::StatusOr<Vector> {
        HOGLET_ASSIGN_OR_RETURN(
            std::vector<Int128> list,
            GatherList<Int128>(documents.granules[chunk],
                               [&](uint32_t source, std::span<const uint32_t> numbers) {
                                 return sources_[source]->GatherHashes(column, numbers);
                               }));
        Vector values = Vector::Flat(Type(TypeKind::kInt128), list.size());
        std::copy(list.begin(), list.end(), values.mutable_data<Int128>());
        return values;
      });
}

absl::Status PartBuild::WriteVariants(JsonColumn column, const Documents& documents,
                                      const std::string& name, uint32_t key,
                                      const KeyStatistics& statistics) {
  for (int i = 0; i < kJsonVariantCount; ++i) {
    if (!statistics.present[i]) continue;
    const auto variant = static_cast<JsonVariant>(i);
    PartColumn entry;
    entry.kind = ColumnKind::kJsonVariant;
    entry.column = column;
    entry.key = key;
    entry.variant = variant;
    const bool as_double = variant == JsonVariant::kNumber && statistics.has_double;
    switch (variant) {
      case JsonVariant::kNull:
      case JsonVariant::kBool:
        entry.physical = Physical::kU8;
        break;
      case JsonVariant::kNumber:
        entry.physical = as_double ? Physical::kF64 : Physical::kI64;
        break;
      default:
        entry.physical = Physical::kString;
    }
    const bool is_text = entry.physical == Physical::kString;
    PartWriter::ColumnOptions options{.try_dictionary = is_text,
                                      .is_required = false,
                                      .compression = options_.compression,
                                      .times = nullptr};
    if (!documents.is_shared && entry.physical == Physical::kF64) options.times = times_;
    HOGLET_RETURN_IF_ERROR(
        AddColumn(std::move(entry), documents.begin, std::move(options), [&](size_t chunk) {
          return GatherGranule(
              documents.granules[chunk], [&](uint32_t source, std::span<const uint32_t> numbers) {
                return sources_[source]->GatherVariant(column, name, variant, as_double, numbers);
              });
        }));
  }
  return absl::OkStatus();
}

absl::Status PartBuild::WriteResidual(JsonColumn column, const Documents& documents,
                                      const KeyIndex& keys) {
  PartColumn entry;
  entry.kind = ColumnKind::kJsonResidual;
  entry.column = column;
  entry.physical = Physical::kString;
  absl::flat_hash_set<uint64_t> hashes;
  const auto seen = [&](std::string_view key) { hashes.insert(IntHash64(CityHash64(key))); };
  const size_t columns_before = writer_->footer().columns.size();
  HOGLET_RETURN_IF_ERROR(AddColumn(
      std::move(entry), documents.begin, {.compression = Compression::kZstd, .times = nullptr},
      [&](size_t chunk) {
        return GatherGranule(documents.granules[chunk],
                             [&](uint32_t source, std::span<const uint32_t> numbers) {
                               return sources_[source]->GatherResidual(column, keys, numbers, seen);
                             });
      }));
  writer_->footer().json[column].has_residual = writer_->footer().columns.size() > columns_before;
  residual_key_hashes_[column].assign(hashes.begin(), hashes.end());
  return absl::OkStatus();
}

absl::Status PartBuild::WriteJson(JsonColumn column) {
  HOGLET_ASSIGN_OR_RETURN(Documents documents, CollectDocuments(column));
  documents.granules = SplitGranules(documents.list, documents.begin, sources_.size());
  KeyStatisticsMap statistics;
  HOGLET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          ChooseKeys(column, documents.list.size(), &statistics));
  KeyIndex keys;
  for (size_t i = 0; i < names.size(); ++i) keys.emplace(names[i], static_cast<uint32_t>(i));
  JsonInfo& json = writer_->footer().json[column];
  json.is_shared = documents.is_shared;
  json.document_begin = documents.begin;
  json.keys = names;

  HOGLET_RETURN_IF_ERROR(WriteDocumentColumns(column, documents));
  PartColumn shape;
  shape.kind = ColumnKind::kJsonShape;
  shape.column = column;
  shape.physical = Physical::kString;
  PartWriter::ColumnOptions options = Required();
  options.try_dictionary = true;
  HOGLET_RETURN_IF_ERROR(
      AddColumn(std::move(shape), documents.begin, std::move(options), [&](size_t chunk) {
        return GatherGranule(documents.granules[chunk],
                             [&](uint32_t source, std::span<const uint32_t> numbers) {
                               return sources_[source]->GatherShapes(column, keys, numbers);
                             });
      }));
  for (size_t i = 0; i < names.size(); ++i) {
    HOGLET_RETURN_IF_ERROR(WriteVariants(column, documents, names[i], static_cast<uint32_t>(i),
                                         statistics.at(names[i])));
  }
  return WriteResidual(column, documents, keys);
}

}  // namespace

absl::StatusOr<std::vector<SourceRow>> MergeRows(
    std::span<const std::unique_ptr<RowSource>> sources, std::span<const RowMask* const> masks) {
  struct Head {
    std::unique_ptr<SortedCursor> cursor;
    uint32_t source;
  };
  std::vector<Head> heap;
  for (size_t i = 0; i < sources.size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(std::unique_ptr<SortedCursor> cursor, sources[i]->Sorted(masks[i]));
    if (cursor->valid()) heap.push_back({std::move(cursor), static_cast<uint32_t>(i)});
  }
  const auto later = [](const Head& a, const Head& b) {
    const auto order = a.cursor->key() <=> b.cursor->key();
    return order != 0 ? order > 0 : a.source > b.source;
  };
  std::make_heap(heap.begin(), heap.end(), later);
  std::vector<SourceRow> rows;
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Head& head = heap.back();
    // Goes on with the same source while it stays first: runs of one source are the rule in the
    // tail of a merge.
    while (true) {
      rows.push_back({head.cursor->row(), head.source});
      HOGLET_RETURN_IF_ERROR(head.cursor->Next());
      if (!head.cursor->valid()) break;
      if (heap.size() > 1 && later(head, heap.front())) break;
    }
    if (heap.back().cursor->valid()) {
      std::push_heap(heap.begin(), heap.end(), later);
    } else {
      heap.pop_back();
    }
  }
  return rows;
}

absl::StatusOr<uint64_t> BuildPart(Env* env, const std::string& path, uint32_t shard, int32_t month,
                                   std::span<const std::unique_ptr<RowSource>> sources,
                                   std::span<const SourceRow> rows,
                                   const PartBuildOptions& options) {
  HOGLET_ASSERT(!rows.empty());
  if (rows.size() > kPartRowsMax) {
    return absl::ResourceExhaustedError(path + ": too many rows for one part");
  }
  HOGLET_ASSIGN_OR_RETURN(std::unique_ptr<PartWriter> writer, PartWriter::Create(env, path));
  writer->footer().shard = shard;
  writer->footer().month = month;
  HOGLET_RETURN_IF_ERROR(PartBuild(sources, rows, options, writer.get()).Run());
  return writer->Finish();
}

}  // namespace hoglet
