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
using Granules = std::vector<std::vector<Vector>>;

absl::StatusOr<size_t> FindColumn(const Columns& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const RecordTable::Column& c) { return c.name == name; });
  if (found == columns.end()) return absl::NotFoundError(StrCat("no column '", name, "'"));
  return static_cast<size_t>(found - columns.begin());
}

class RecordReader final : public GranuleReader {
 public:
  RecordReader(std::shared_ptr<const Granules> granules, size_t granule, const Columns& columns)
      : granules_(std::move(granules)), row_(&(*granules_)[granule]), columns_(columns) {}

  size_t rows() const override { return (*row_)[0].size(); }
  const Selection* live() const override { return nullptr; }
  absl::StatusOr<Vector> Read(const ColumnRef& column) override {
    HOGLET_ASSIGN_OR_RETURN(size_t index, FindColumn(columns_, column.name));
    if (!columns_[index].json || column.key.empty()) return (*row_)[index];
    return ReadJsonKey((*row_)[index], column);
  }
  absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) override {
    HOGLET_ASSIGN_OR_RETURN(size_t index, FindColumn(columns_, column.name));
    const Vector rows = (*row_)[index].Gather(selection);
    if (!columns_[index].json || column.key.empty()) return rows;
    return ReadJsonKey(rows, column);
  }

 private:
  std::shared_ptr<const Granules> granules_;
  const std::vector<Vector>* row_;
  const Columns& columns_;
};

class RecordScan final : public TableScan {
 public:
  RecordScan(Granules granules, const Columns& columns)
      : granules_(std::make_shared<const Granules>(std::move(granules))), columns_(columns) {}

  size_t granule_count() const override { return granules_->size(); }
  size_t granule_rows(size_t granule) const override { return (*granules_)[granule][0].size(); }
  std::optional<TimeRange> granule_time(size_t) const override { return std::nullopt; }
  absl::StatusOr<std::unique_ptr<GranuleReader>> OpenGranule(size_t granule) const override {
    return std::make_unique<RecordReader>(granules_, granule, columns_);
  }

 private:
  std::shared_ptr<const Granules> granules_;
  const Columns& columns_;
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

RecordTable::RecordTable(std::vector<Column> columns, VisitRows visit)
    : columns_(std::move(columns)), visit_(std::move(visit)) {}

absl::StatusOr<Type> RecordTable::ColumnType(const ColumnRef& column) const {
  HOGLET_ASSIGN_OR_RETURN(size_t index, FindColumn(columns_, column.name));
  return columns_[index].json && !column.key.empty() ? FormType(column.json) : columns_[index].type;
}

absl::StatusOr<std::unique_ptr<TableScan>> RecordTable::OpenScan(TeamId team,
                                                                 const ScanFilter& filter) const {
  Granules granules;
  std::vector<VectorBuilder> builders;
  for (const Column& column : columns_) builders.emplace_back(column.type);
  const auto close_granule = [&] {
    std::vector<Vector> row;
    for (VectorBuilder& builder : builders) row.push_back(builder.Build());
    if (row[0].size() > 0) granules.push_back(std::move(row));
  };
  HOGLET_RETURN_IF_ERROR(visit_(team, filter, builders, [&] {
    if (builders[0].size() == kVectorRowsMax) close_granule();
    return true;
  }));
  close_granule();
  return std::make_unique<RecordScan>(std::move(granules), columns_);
}

}  // namespace hoglet
