#include <algorithm>

#include "src/base/bytes.h"
#include "src/base/json.h"
#include "storage/document_columns.h"
#include "storage/row_source.h"

namespace hoglet {

namespace {

struct SortedEntry {
  RowSortKey key;
  uint32_t row;
};

class MemtableCursor : public SortedCursor {
 public:
  explicit MemtableCursor(std::vector<SortedEntry> entries) : entries_(std::move(entries)) {}

  bool valid() const override { return at_ < entries_.size(); }
  const RowSortKey& key() const override { return entries_[at_].key; }
  uint32_t row() const override { return entries_[at_].row; }
  absl::Status Next() override {
    ++at_;
    return absl::OkStatus();
  }

 private:
  std::vector<SortedEntry> entries_;
  size_t at_ = 0;
};

class MemtableSource : public RowSource {
 public:
  explicit MemtableSource(const Memtable* memtable) : views_(memtable->View()) {
    for (const MemGranuleView& view : views_) {
      for (uint32_t i = 0; i < view.rows; ++i) AddRow(*view.granule, i);
    }
  }

  absl::StatusOr<std::unique_ptr<SortedCursor>> Sorted(const RowMask* skip) override;
  absl::StatusOr<Vector> GatherPlain(PlainColumn column, std::span<const uint32_t> rows) override;
  uint64_t RowBytes(uint32_t row) const override {
    return rows_[row].granule->row_bytes()[rows_[row].index] + 160;
  }
  uint32_t documents(JsonColumn column) override {
    return static_cast<uint32_t>(documents_[column].size());
  }
  absl::StatusOr<std::vector<uint32_t>> GatherDocuments(JsonColumn column,
                                                        std::span<const uint32_t> rows) override;
  uint64_t DocumentBytes(JsonColumn column, uint32_t document) override;
  absl::StatusOr<std::vector<Int128>> GatherHashes(JsonColumn column,
                                                   std::span<const uint32_t> documents) override;
  absl::Status AddKeyStatistics(JsonColumn column, KeyStatisticsMap* keys) override;
  absl::StatusOr<Vector> GatherVariant(JsonColumn column, const std::string& key,
                                       JsonVariant variant, bool as_double,
                                       std::span<const uint32_t> documents) override;
  absl::StatusOr<std::vector<std::string>> GatherShapes(
      JsonColumn column, const KeyIndex& keys, std::span<const uint32_t> documents) override;
  absl::StatusOr<std::vector<std::string>> GatherResidual(
      JsonColumn column, const KeyIndex& keys, std::span<const uint32_t> documents,
      const std::function<void(std::string_view)>& seen) override;

 private:
  struct RowAt {
    const MemGranule* granule;
    uint32_t index;
  };

  void AddRow(const MemGranule& granule, uint32_t index) {
    rows_.push_back({&granule, index});
    documents_[kPropertiesColumn].push_back(granule.documents(kPropertiesColumn)[index]);
    const Document* person = granule.documents(kPersonPropertiesColumn)[index];
    auto& people = documents_[kPersonPropertiesColumn];
    const auto [entry, inserted] =
        person_numbers_.try_emplace(person, static_cast<uint32_t>(people.size()));
    if (inserted) people.push_back(person);
    person_of_row_.push_back(entry->second);
  }

  template <typename T, typename Get>
  Vector Gather(const Type& type, std::span<const uint32_t> rows, Get get) const {
    Vector out = Vector::Flat(type, rows.size());
    T* values = out.mutable_data<T>();
    for (size_t i = 0; i < rows.size(); ++i) {
      values[i] = get(*rows_[rows[i]].granule)[rows_[rows[i]].index];
    }
    return out;
  }

  std::vector<MemGranuleView> views_;
  std::vector<RowAt> rows_;
  std::vector<const Document*> documents_[kJsonColumnCount];
  std::unique_ptr<DocumentColumns> columns_[kJsonColumnCount];  // made when first needed
  absl::flat_hash_map<const Document*, uint32_t> person_numbers_;
  std::vector<uint32_t> person_of_row_;
};

absl::StatusOr<std::unique_ptr<SortedCursor>> MemtableSource::Sorted(const RowMask* skip) {
  std::vector<SortedEntry> entries;
  entries.reserve(rows_.size());
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    if (skip != nullptr && skip->Contains(row)) continue;
    const MemGranule& granule = *rows_[row].granule;
    const uint32_t i = rows_[row].index;
    RowSortKey key;
    key.team_id = granule.integers(kTeamIdColumn)[i];
    key.timestamp_us = granule.integers(kTimestampColumn)[i];
    key.day = DayOf(key.timestamp_us);
    key.event = granule.strings(kEventColumn)[i];
    key.distinct_id_hash = granule.distinct_id_hashes()[i];
    key.uuid_hash = granule.uuid_hashes()[i];
    entries.push_back({key, row});
  }
  std::sort(entries.begin(), entries.end(),
            [](const SortedEntry& a, const SortedEntry& b) { return a.key < b.key; });
  return std::make_unique<MemtableCursor>(std::move(entries));
}

absl::StatusOr<Vector> MemtableSource::GatherPlain(PlainColumn column,
                                                   std::span<const uint32_t> rows) {
  const Type& type = PlainType(column);
  switch (PlainInfo(column).physical) {
    case Physical::kI64:
      return Gather<int64_t>(
          type, rows, [column](const MemGranule& granule) { return granule.integers(column); });
    case Physical::kI128:
      return Gather<Int128>(type, rows,
                            [column](const MemGranule& granule) { return granule.wides(column); });
    case Physical::kString:
      return Gather<std::string_view>(
          type, rows, [column](const MemGranule& granule) { return granule.strings(column); });
    default:
      return Gather<uint8_t>(type, rows,
                             [column](const MemGranule& granule) { return granule.bools(column); });
  }
}

absl::StatusOr<std::vector<uint32_t>> MemtableSource::GatherDocuments(
    JsonColumn column, std::span<const uint32_t> rows) {
  std::vector<uint32_t> documents(rows.begin(), rows.end());
  if (!IsShared(column)) return documents;
  for (uint32_t& document : documents) document = person_of_row_[document];
  return documents;
}

uint64_t MemtableSource::DocumentBytes(JsonColumn column, uint32_t document) {
  const Document& entry = *documents_[column][document];
  uint64_t bytes = 0;
  for (size_t slot = 0; slot < entry.shape->members.size(); ++slot) {
    bytes += 16 + entry.Member(slot).text.size();
  }
  return bytes;
}

absl::StatusOr<std::vector<Int128>> MemtableSource::GatherHashes(
    JsonColumn column, std::span<const uint32_t> documents) {
  std::vector<Int128> hashes;
  hashes.reserve(documents.size());
  for (const uint32_t document : documents) hashes.push_back(documents_[column][document]->hash);
  return hashes;
}

absl::Status MemtableSource::AddKeyStatistics(JsonColumn column, KeyStatisticsMap* keys) {
  absl::flat_hash_map<const DocumentShape*, uint64_t> shapes;
  for (const Document* document : documents_[column]) ++shapes[document->shape];
  for (const auto& [shape, count] : shapes) {
    for (const DocumentShape::Member& member : shape->members) {
      KeyStatistics& key = (*keys)[member.key];
      key.count += count;
      key.present[static_cast<size_t>(VariantOf(member.kind))] = true;
      key.has_double |= member.kind == JsonKind::kDouble;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Vector> MemtableSource::GatherVariant(JsonColumn column, const std::string& key,
                                                     JsonVariant variant, bool as_double,
                                                     std::span<const uint32_t> documents) {
  std::unique_ptr<DocumentColumns>& columns = columns_[column];
  if (columns == nullptr) columns = std::make_unique<DocumentColumns>(documents_[column]);
  return columns->Gather(key, variant, as_double, documents);
}

absl::StatusOr<std::vector<std::string>> MemtableSource::GatherShapes(
    JsonColumn column, const KeyIndex& keys, std::span<const uint32_t> documents) {
  absl::flat_hash_map<const DocumentShape*, std::string> known;
  std::vector<std::string> shapes;
  shapes.reserve(documents.size());
  for (const uint32_t document : documents) {
    const DocumentShape* shape = documents_[column][document]->shape;
    const auto [entry, inserted] = known.try_emplace(shape);
    if (inserted) {
      for (const DocumentShape::Member& member : shape->members) {
        const auto found = keys.find(member.key);
        PutVarint(&entry->second, found == keys.end() ? 0 : found->second + 1);
      }
    }
    shapes.push_back(entry->second);
  }
  return shapes;
}

absl::StatusOr<std::vector<std::string>> MemtableSource::GatherResidual(
    JsonColumn column, const KeyIndex& keys, std::span<const uint32_t> documents,
    const std::function<void(std::string_view)>& seen) {
  std::vector<std::string> residuals;
  residuals.reserve(documents.size());
  absl::flat_hash_map<const DocumentShape*, std::vector<uint32_t>> slots_of;
  JsonObjectView members;
  for (const uint32_t number : documents) {
    const Document& document = *documents_[column][number];
    const auto [entry, is_new] = slots_of.try_emplace(document.shape);
    for (uint32_t slot = 0; is_new && slot < document.shape->members.size(); ++slot) {
      if (keys.contains(document.shape->members[slot].key)) continue;
      entry->second.push_back(slot);
      seen(document.shape->members[slot].key);
    }
    members.clear();
    for (const uint32_t slot : entry->second) members.push_back(document.Member(slot));
    residuals.push_back(members.empty() ? "" : SerializeJsonObject(members));
  }
  return residuals;
}

}  // namespace

std::unique_ptr<RowSource> NewMemtableSource(const Memtable* memtable) {
  return std::make_unique<MemtableSource>(memtable);
}

}  // namespace hoglet
