#include "src/api/record_table.h"

#include <algorithm>
#include <utility>

#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "storage/json_forms.h"
#include "storage/memtable.h"

namespace hoglet {
namespace {

using Columns = std::vector<RecordTable::Column>;

constexpr uint64_t kGranuleTextBytesMax = 4 << 20;

absl::StatusOr<size_t> FindColumn(const Columns& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const RecordTable::Column& c) { return c.name == name; });
  if (found == columns.end()) return absl::NotFoundError(StrCat("no column '", name, "'"));
  return static_cast<size_t>(found - columns.begin());
}

// The columns of a granule.
using Rows = std::shared_ptr<const std::vector<Vector>>;

class RecordReader final : public GranuleReader {
 public:
  RecordReader(Rows rows, const Columns& columns) : rows_(std::move(rows)), columns_(columns) {}

  size_t rows() const override { return (*rows_)[0].size(); }
  const Selection* live() const override { return nullptr; }
  absl::StatusOr<Vector> Read(const ColumnRef& column) override {
    HOGLET_ASSIGN_OR_RETURN(size_t index, FindColumn(columns_, column.name));
    if (!columns_[index].json || column.key.empty()) return (*rows_)[index];
    return ReadJsonKey((*rows_)[index], column);
  }
  absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) override {
    HOGLET_ASSIGN_OR_RETURN(size_t index, FindColumn(columns_, column.name));
    const Vector rows = (*rows_)[index].Gather(selection);
    if (!columns_[index].json || column.key.empty()) return rows;
    return ReadJsonKey(rows, column);
  }

 private:
  const Rows rows_;
  const Columns& columns_;
};

std::vector<VectorBuilder> BuildersOf(const Columns& columns) {
  std::vector<VectorBuilder> builders;
  for (const RecordTable::Column& column : columns) builders.emplace_back(column.type);
  return builders;
}

Rows BuildRows(std::vector<VectorBuilder>* builders) {
  std::vector<Vector> rows;
  for (VectorBuilder& builder : *builders) rows.push_back(builder.Build());
  return std::make_shared<const std::vector<Vector>>(std::move(rows));
}

class RecordScan final : public TableScan {
 public:
  RecordScan(const Columns& columns, RecordTable::Rows records)
      : columns_(columns), records_(std::move(records)) {}

  // Goes through all rows. See RecordTable.
  absl::Status Index(const RecordTable::Options& options) {
    std::vector<VectorBuilder> builders = BuildersOf(columns_);
    bool is_too_large = false;
    uint64_t granule_text_bytes = 0;
    HOGLET_RETURN_IF_ERROR(records_("", builders, [&](std::string_view key, size_t text_bytes) {
      if (granules_.empty() || granules_.back().rows == kVectorRowsMax ||
          granule_text_bytes + text_bytes > kGranuleTextBytesMax) {
        CloseGranule(&builders, options.kept_bytes_max);
        granule_text_bytes = 0;
        is_too_large = !options.has_keys && !granules_.empty() && granules_.back().kept == nullptr;
        granules_.push_back({.begin = std::string(key)});
      }
      ++granules_.back().rows;
      granule_text_bytes += text_bytes;
      return !is_too_large;
    }));
    CloseGranule(&builders, options.kept_bytes_max);
    if (is_too_large ||
        (!options.has_keys && !granules_.empty() && granules_.back().kept == nullptr)) {
      return absl::ResourceExhaustedError(
          StrCat("this table holds more than ", options.kept_bytes_max,
                 " bytes, more than a query can go through at once"));
    }
    return absl::OkStatus();
  }

  size_t granule_count() const override { return granules_.size(); }
  size_t granule_rows(size_t granule) const override { return granules_[granule].rows; }
  std::optional<TimeRange> granule_time(size_t) const override { return std::nullopt; }
  absl::StatusOr<std::unique_ptr<GranuleReader>> OpenGranule(size_t index) const override {
    const Granule& granule = granules_[index];
    if (granule.kept != nullptr) return std::make_unique<RecordReader>(granule.kept, columns_);
    std::vector<VectorBuilder> builders = BuildersOf(columns_);
    size_t left = granule.rows;
    HOGLET_RETURN_IF_ERROR(
        records_(granule.begin, builders, [&](std::string_view, size_t) { return left-- > 0; }));
    Rows rows = BuildRows(&builders);
    HOGLET_ASSERT((*rows)[0].size() == granule.rows);
    return std::make_unique<RecordReader>(std::move(rows), columns_);
  }

 private:
  struct Granule {
    std::string begin;  // the key of its first row
    size_t rows = 0;
    Rows kept;  // null: read again
  };

  void CloseGranule(std::vector<VectorBuilder>* builders, uint64_t kept_bytes_max) {
    if (granules_.empty()) return;
    Rows rows = BuildRows(builders);
    for (const Vector& column : *rows) seen_bytes_ += column.MemoryBytes();
    if (seen_bytes_ <= kept_bytes_max) granules_.back().kept = std::move(rows);
  }

  const Columns& columns_;
  const RecordTable::Rows records_;
  std::vector<Granule> granules_;
  uint64_t seen_bytes_ = 0;
};

Type VariantType(JsonVariant variant) {
  switch (variant) {
    case JsonVariant::kNumber:
      return Type(TypeKind::kFloat64).Nullable();
    case JsonVariant::kString:
    case JsonVariant::kRaw:
      return Type(TypeKind::kString).Nullable();
    default:
      return Type(TypeKind::kBool).Nullable();
  }
}

void AppendMember(const JsonMember& member, VectorBuilder* out) {
  switch (member.kind) {
    case JsonKind::kNull:
      return out->AppendInteger(1);
    case JsonKind::kBool:
      return out->AppendInteger(member.boolean);
    case JsonKind::kInt64:
      return out->AppendDouble(static_cast<double>(member.integer));
    case JsonKind::kDouble:
      return out->AppendDouble(member.number);
    case JsonKind::kString:
    case JsonKind::kRaw:
      return out->AppendString(member.text);
  }
}

}  // namespace

Vector ReadJsonKey(const Vector& documents, const ColumnRef& column) {
  std::vector<VectorBuilder> variants;
  for (int v = 0; v < kJsonVariantCount; ++v)
    variants.emplace_back(VariantType(static_cast<JsonVariant>(v)));
  const VectorReader<std::string_view> texts(documents);
  Arena arena;
  JsonObjectView members;
  for (size_t i = 0; i < documents.size(); ++i) {
    const JsonMember* member = nullptr;
    arena.Reset();
    members.clear();
    if (texts.valid(i) && ParseJsonObject(texts.at(i), &arena, &members).ok())
      member = FindJsonMember(members, column.key);
    const int present = member == nullptr ? -1 : static_cast<int>(VariantOf(member->kind));
    for (int v = 0; v < kJsonVariantCount; ++v) {
      if (v == present) {
        AppendMember(*member, &variants[v]);
      } else {
        variants[v].AppendNull();
      }
    }
  }
  std::vector<Vector> forms;
  for (int v = 0; v < kJsonVariantCount; ++v) {
    const auto variant = static_cast<JsonVariant>(v);
    if (VariantMatters(variant, column.json))
      forms.push_back(VariantToForm(variants[v].Build(), variant, column.json));
  }
  return CombineForms(forms, column.json, documents.size());
}

RecordTable::RecordTable(std::vector<Column> columns, Freeze freeze, Options options)
    : columns_(std::move(columns)), freeze_(std::move(freeze)), options_(options) {}

absl::StatusOr<Type> RecordTable::ColumnType(const ColumnRef& column) const {
  HOGLET_ASSIGN_OR_RETURN(size_t index, FindColumn(columns_, column.name));
  return columns_[index].json && !column.key.empty() ? FormType(column.json) : columns_[index].type;
}

absl::StatusOr<std::unique_ptr<TableScan>> RecordTable::OpenScan(TeamId team,
                                                                 const ScanFilter& filter) const {
  auto scan = std::make_unique<RecordScan>(columns_, freeze_(team, filter));
  HOGLET_RETURN_IF_ERROR(scan->Index(options_));
  return scan;
}

}  // namespace hoglet
