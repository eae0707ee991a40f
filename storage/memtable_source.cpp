#include <algorithm>
#include <numeric>
#include <tuple>

#include "absl/container/flat_hash_set.h"
#include "src/base/bytes.h"
#include "src/base/json.h"
#include "storage/document_columns.h"
#include "storage/row_source.h"

namespace hoglet {

namespace {

// Rows are sorted, and documents numbered in that order, when the source is made: a part takes them
// one after the other then.
class MemtableSource : public RowSource {
 public:
  explicit MemtableSource(const Memtable* memtable);

  absl::StatusOr<std::unique_ptr<SortedCursor>> Sorted(const RowMask* skip) override;
  absl::StatusOr<Vector> GatherPlain(PlainColumn column, std::span<const uint32_t> rows) override;
  std::vector<RowHashes> GatherRowHashes(std::span<const uint32_t> rows) override;
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
  absl::StatusOr<Vector> GatherShapes(JsonColumn column, const KeyIndex& keys,
                                      std::span<const uint32_t> documents) override;
  absl::StatusOr<Vector> GatherResidual(JsonColumn column, const KeyIndex& keys,
                                        std::span<const uint32_t> documents,
                                        const std::function<void(std::string_view)>& seen) override;

 private:
  struct RowAt {
    const MemGranule* granule;
    uint32_t index;
  };
  // Shapes as one set of keys with columns makes them.
  struct KeyedShapes {
    KeyIndex keys;
    std::shared_ptr<const Vector> texts;         // as a part holds them, each once
    std::vector<uint32_t> text_of;               // by shape
    std::vector<std::vector<uint32_t>> outside;  // by shape: slots of the other members
    bool has_outside = false;
  };

  RowSortKey SortKey(uint32_t row) const;
  // The number of each row's (team, day, event) in sorted order; `begin` gets the number of rows
  // before each.
  std::vector<uint32_t> GroupRows(std::vector<uint32_t>* begin) const;
  std::vector<uint32_t> SortRows() const;
  void NumberDocuments();
  DocumentColumns& Columns(JsonColumn column);
  const KeyedShapes& ShapesFor(JsonColumn column, const KeyIndex& keys);

  template <typename T, typename Get>
  Vector Gather(const Type& type, std::span<const uint32_t> rows, Get get) const {
    Vector out = Vector::Flat(type, rows.size());
    T* values = out.mutable_data<T>();
    for (size_t i = 0; i < rows.size(); ++i) {
      values[i] = get(*rows_[rows[i]].granule)[rows_[rows[i]].index];
    }
    return out;
  }

  class Cursor;

  std::vector<RowAt> rows_;
  std::vector<uint32_t> sorted_;  // rows
  std::vector<const Document*> documents_[kJsonColumnCount];
  std::vector<uint32_t> document_of_row_[kJsonColumnCount];
  std::unique_ptr<DocumentColumns> columns_[kJsonColumnCount];  // made when first needed
  KeyedShapes shapes_[kJsonColumnCount];
};

class MemtableSource::Cursor : public SortedCursor {
 public:
  Cursor(const MemtableSource& source, std::vector<uint32_t> rows)
      : source_(source), rows_(std::move(rows)) {}

  bool valid() const override { return at_ < rows_.size(); }
  const RowSortKey& key() const override { return key_ = source_.SortKey(row()); }
  uint32_t row() const override { return rows_[at_]; }
  absl::Status Next() override {
    ++at_;
    return absl::OkStatus();
  }

 private:
  const MemtableSource& source_;
  std::vector<uint32_t> rows_;
  size_t at_ = 0;
  mutable RowSortKey key_;  // made when asked for: the rows of a lone source are not compared
};

MemtableSource::MemtableSource(const Memtable* memtable) {
  rows_.reserve(memtable->rows());
  for (const MemGranuleView& view : memtable->View()) {
    for (uint32_t i = 0; i < view.rows; ++i) rows_.push_back({view.granule, i});
  }
  sorted_ = SortRows();
  NumberDocuments();
}

RowSortKey MemtableSource::SortKey(uint32_t row) const {
  const MemGranule& granule = *rows_[row].granule;
  const uint32_t i = rows_[row].index;
  RowSortKey key;
  key.team_id = granule.integers(kTeamIdColumn)[i];
  key.timestamp_us = granule.integers(kTimestampColumn)[i];
  key.day = DayOf(key.timestamp_us);
  key.event = granule.strings(kEventColumn)[i];
  key.distinct_id_hash = granule.distinct_id_hashes()[i];
  key.uuid_hash = granule.uuid_hashes()[i];
  return key;
}

std::vector<uint32_t> MemtableSource::GroupRows(std::vector<uint32_t>* begin) const {
  using Group = std::tuple<TeamId, int64_t, std::string_view>;
  absl::flat_hash_map<Group, uint32_t> numbers;
  std::vector<uint32_t> group_of;
  group_of.reserve(rows_.size());
  for (const RowAt& at : rows_) {
    const Group group(at.granule->integers(kTeamIdColumn)[at.index],
                      DayOf(at.granule->integers(kTimestampColumn)[at.index]),
                      at.granule->strings(kEventColumn)[at.index]);
    group_of.push_back(
        numbers.try_emplace(group, static_cast<uint32_t>(numbers.size())).first->second);
  }
  std::vector<std::pair<Group, uint32_t>> sorted(numbers.begin(), numbers.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<uint32_t> rank_of(sorted.size());
  for (uint32_t rank = 0; rank < sorted.size(); ++rank) rank_of[sorted[rank].second] = rank;
  begin->assign(sorted.size() + 1, 0);
  for (uint32_t& group : group_of) {
    group = rank_of[group];
    ++(*begin)[group + 1];
  }
  std::partial_sum(begin->begin(), begin->end(), begin->begin());
  return group_of;
}

std::vector<uint32_t> MemtableSource::SortRows() const {
  struct Entry {
    uint64_t distinct_id_hash;
    uint32_t row;
  };
  std::vector<uint32_t> begin;
  const std::vector<uint32_t> group_of = GroupRows(&begin);
  std::vector<Entry> entries(rows_.size());
  std::vector<uint32_t> next(begin.begin(), begin.end());
  for (uint32_t row = 0; row < rows_.size(); ++row) {
    const RowAt& at = rows_[row];
    entries[next[group_of[row]]++] = {at.granule->distinct_id_hashes()[at.index], row};
  }
  const auto before = [this](const Entry& a, const Entry& b) {
    if (a.distinct_id_hash != b.distinct_id_hash) return a.distinct_id_hash < b.distinct_id_hash;
    return SortKey(a.row) < SortKey(b.row);
  };
  for (size_t group = 0; group + 1 < begin.size(); ++group) {
    std::sort(entries.begin() + begin[group], entries.begin() + begin[group + 1], before);
  }
  std::vector<uint32_t> rows(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) rows[i] = entries[i].row;
  return rows;
}

void MemtableSource::NumberDocuments() {
  absl::flat_hash_map<const Document*, uint32_t> people;
  for (auto& numbers : document_of_row_) numbers.resize(rows_.size());
  documents_[kPropertiesColumn].reserve(rows_.size());
  for (const uint32_t row : sorted_) {
    const RowAt& at = rows_[row];
    document_of_row_[kPropertiesColumn][row] =
        static_cast<uint32_t>(documents_[kPropertiesColumn].size());
    documents_[kPropertiesColumn].push_back(at.granule->documents(kPropertiesColumn)[at.index]);
    const Document* person = at.granule->documents(kPersonPropertiesColumn)[at.index];
    const auto [entry, is_new] = people.try_emplace(person, static_cast<uint32_t>(people.size()));
    if (is_new) documents_[kPersonPropertiesColumn].push_back(person);
    document_of_row_[kPersonPropertiesColumn][row] = entry->second;
  }
}

absl::StatusOr<std::unique_ptr<SortedCursor>> MemtableSource::Sorted(const RowMask* skip) {
  std::vector<uint32_t> rows = sorted_;
  if (skip != nullptr) {
    std::erase_if(rows, [skip](uint32_t row) { return skip->Contains(row); });
  }
  return std::make_unique<Cursor>(*this, std::move(rows));
}

std::vector<RowHashes> MemtableSource::GatherRowHashes(std::span<const uint32_t> rows) {
  std::vector<RowHashes> hashes;
  hashes.reserve(rows.size());
  for (const uint32_t row : rows) {
    const MemGranule& granule = *rows_[row].granule;
    const uint32_t i = rows_[row].index;
    hashes.push_back(
        {granule.key_hashes()[i], granule.distinct_id_hashes()[i], granule.uuid_hashes()[i]});
  }
  return hashes;
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
  std::vector<uint32_t> documents;
  documents.reserve(rows.size());
  for (const uint32_t row : rows) documents.push_back(document_of_row_[column][row]);
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
  for (const uint32_t document : documents) {
    hashes.push_back(HashDocument(*documents_[column][document]));
  }
  return hashes;
}

DocumentColumns& MemtableSource::Columns(JsonColumn column) {
  std::unique_ptr<DocumentColumns>& columns = columns_[column];
  if (columns == nullptr) columns = std::make_unique<DocumentColumns>(documents_[column]);
  return *columns;
}

absl::Status MemtableSource::AddKeyStatistics(JsonColumn column, KeyStatisticsMap* keys) {
  for (const auto& [shape, count] : Columns(column).shapes()) {
    if (shape == nullptr) continue;
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
  return Columns(column).Gather(key, variant, as_double, documents);
}

const MemtableSource::KeyedShapes& MemtableSource::ShapesFor(JsonColumn column,
                                                             const KeyIndex& keys) {
  KeyedShapes& shapes = shapes_[column];
  if (shapes.texts != nullptr && shapes.keys == keys) return shapes;
  shapes = {};
  shapes.keys = keys;
  const std::vector<DocumentColumns::ShapeCount>& known = Columns(column).shapes();
  shapes.outside.resize(known.size());
  shapes.text_of.resize(known.size());
  std::vector<std::string> texts;
  StringMap<std::string, uint32_t> numbers;  // shapes of other kinds have the same text
  for (size_t i = 0; i < known.size(); ++i) {
    if (known[i].shape == nullptr) continue;
    const std::vector<DocumentShape::Member>& members = known[i].shape->members;
    std::string text;
    for (uint32_t slot = 0; slot < members.size(); ++slot) {
      const auto found = keys.find(members[slot].key);
      PutVarint(&text, found == keys.end() ? 0 : found->second + 1);
      if (found == keys.end()) shapes.outside[i].push_back(slot);
    }
    shapes.has_outside |= !shapes.outside[i].empty();
    const auto [entry, is_new] = numbers.try_emplace(text, static_cast<uint32_t>(texts.size()));
    if (is_new) texts.push_back(std::move(text));
    shapes.text_of[i] = entry->second;
  }
  shapes.texts = std::make_shared<const Vector>(OwnedTexts(std::move(texts), false));
  return shapes;
}

absl::StatusOr<Vector> MemtableSource::GatherShapes(JsonColumn column, const KeyIndex& keys,
                                                    std::span<const uint32_t> documents) {
  const KeyedShapes& shapes = ShapesFor(column, keys);
  const std::vector<uint32_t>& shape_of = Columns(column).shape_of();
  std::shared_ptr<uint32_t[]> codes(new uint32_t[documents.size()]);
  for (size_t i = 0; i < documents.size(); ++i) codes[i] = shapes.text_of[shape_of[documents[i]]];
  return Vector::Dictionary(shapes.texts, std::move(codes), documents.size());
}

absl::StatusOr<Vector> MemtableSource::GatherResidual(
    JsonColumn column, const KeyIndex& keys, std::span<const uint32_t> documents,
    const std::function<void(std::string_view)>& seen) {
  const KeyedShapes& shapes = ShapesFor(column, keys);
  if (!shapes.has_outside) {
    return AllNull(GatheredType(JsonVariant::kRaw, false), documents.size());
  }
  std::vector<std::string> residuals(documents.size());
  absl::flat_hash_set<uint32_t> shapes_seen;
  JsonObjectView members;
  for (size_t i = 0; i < documents.size(); ++i) {
    const Document& document = *documents_[column][documents[i]];
    const std::vector<uint32_t>& slots = shapes.outside[document.shape->index];
    if (slots.empty()) continue;
    members.clear();
    for (const uint32_t slot : slots) members.push_back(document.Member(slot));
    residuals[i] = SerializeJsonObject(members);
    if (!shapes_seen.insert(document.shape->index).second) continue;
    for (const JsonMember& member : members) seen(member.key);
  }
  return OwnedTexts(std::move(residuals), true);
}

}  // namespace

std::unique_ptr<RowSource> NewMemtableSource(const Memtable* memtable) {
  return std::make_unique<MemtableSource>(memtable);
}

}  // namespace hoglet
