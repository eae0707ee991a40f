#include "query/exec/granule_filter.h"

#include <algorithm>

#include "query/analyze/expr_builder.h"
#include "src/base/hash.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

// Narrows to the rows of `kept` (positions among the current rows).
void Narrow(const Selection& kept, GranuleRows* rows) {
  if (kept.size() == rows->count) return;
  for (size_t c = 0; c < rows->columns.size(); ++c) {
    if (rows->have[c]) rows->columns[c] = rows->columns[c].Gather(kept);
  }
  if (rows->all) {
    rows->rows = kept;
    rows->all = false;
  } else {
    for (size_t i = 0; i < kept.size(); ++i) rows->rows[i] = rows->rows[kept[i]];
    rows->rows.resize(kept.size());
  }
  rows->count = kept.size();
}

// Gives the column its planned type. A dictionary is left alone where only nullability differs: a
// new label would make a new dictionary object, and hide from later operators that they have seen
// it.
void Relabel(const Type& wanted, Vector* column) {
  if (column->type() == wanted) return;
  if (column->form() == Vector::Form::kDictionary && column->type().SameBase(wanted) &&
      column->type().zone() == wanted.zone())
    return;
  column->set_type(wanted);
}

using analysis::IsConstant;

// The timestamp column, shown in some zone or not.
std::optional<size_t> TimeColumnOf(const Expr& expr, const Plan& scan) {
  if (expr.kind == Expr::Kind::kCall && expr.name == "toTimeZone" && expr.arguments.size() == 2 &&
      IsConstant(*expr.arguments[1]))
    return TimeColumnOf(*expr.arguments[0], scan);
  if (expr.kind != Expr::Kind::kColumn) return std::nullopt;
  const ColumnRef& ref = scan.columns[expr.column];
  // Bounds are in microseconds.
  const bool is_in_micros =
      expr.type.kind() == TypeKind::kDateTime64 && expr.type.scale() == 6 && !expr.type.nullable();
  if (ref.name != "timestamp" || !ref.key.empty() || !is_in_micros) return std::nullopt;
  return expr.column;
}

// The column if the condition is a comparison of it with a constant.
std::optional<size_t> ComparedTime(const Expr& expr, const Plan& scan) {
  if (expr.kind != Expr::Kind::kCall || expr.arguments.size() != 2) return std::nullopt;
  const Expr& left = *expr.arguments[0];
  const Expr& right = *expr.arguments[1];
  if (expr.name == "ifNull") {
    return IsConstant(right) ? ComparedTime(left, scan) : std::nullopt;
  }
  if (expr.name != "less" && expr.name != "lessOrEquals" && expr.name != "greater" &&
      expr.name != "greaterOrEquals")
    return std::nullopt;
  if (IsConstant(right)) return TimeColumnOf(left, scan);
  return IsConstant(left) ? TimeColumnOf(right, scan) : std::nullopt;
}

}  // namespace

GranuleFilter::GranuleFilter(const Plan& scan, const Plan* filter) : scan_(scan) {
  if (filter != nullptr) {
    for (const Expr* conjunct : SplitConjuncts(*filter->expressions[0]))
      conjuncts_.push_back({CompiledExpression(*conjunct), ComparedTime(*conjunct, scan)});
  }
  if (scan.sample_ratio < 1) {
    const auto is_id = [](const ColumnRef& column) { return column.name == "distinct_id"; };
    sample_column_ = static_cast<size_t>(
        std::find_if(scan.columns.begin(), scan.columns.end(), is_id) - scan.columns.begin());
    // The analyzer reads the sampling key with every sampled scan.
    HOGLET_ASSERT(sample_column_ < scan.columns.size());
  }
}

absl::Status GranuleFilter::Load(GranuleReader& reader, size_t column, GranuleRows* rows) const {
  if (rows->have[column]) return absl::OkStatus();
  const ColumnRef& ref = scan_.columns[column];
  HOGLET_ASSIGN_OR_RETURN(Vector vector,
                          rows->all ? reader.Read(ref) : reader.Read(ref, rows->rows));
  if (vector.type().physical() != type(column).physical()) {
    return absl::InternalError(StrCat("table '", scan_.table, "': column ", ref.name, ".", ref.key,
                                      " reads as ", vector.type().Name(), ", planned as ",
                                      type(column).Name()));
  }
  Relabel(type(column), &vector);
  rows->columns[column] = std::move(vector);
  rows->have[column] = true;
  return absl::OkStatus();
}

// SAMPLE: rows whose distinct_id hashes into [offset, offset + ratio) of the hash's range, so
// persons stay whole.
absl::Status GranuleFilter::Sample(GranuleReader& reader, GranuleRows* rows) const {
  HOGLET_RETURN_IF_ERROR(Load(reader, sample_column_, rows));
  const VectorReader<std::string_view> ids(rows->columns[sample_column_]);
  Selection kept;
  for (size_t i = 0; i < rows->count; ++i) {
    const double place = static_cast<double>(CityHash64(ids.at(i))) * 0x1p-64;
    if (place >= scan_.sample_offset && place < scan_.sample_offset + scan_.sample_ratio)
      kept.push_back(static_cast<uint16_t>(i));
  }
  Narrow(kept, rows);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<bool>> GranuleFilter::Decided(EvalContext& context,
                                                           const Conjunct& conjunct,
                                                           const TableScan::TimeRange& time) const {
  const size_t column = *conjunct.time_column;
  Vector ends = Vector::Flat(type(column), 2);
  ends.mutable_data<int64_t>()[0] = time.min_us;
  ends.mutable_data<int64_t>()[1] = time.max_us;
  Batch batch;
  batch.columns.resize(scan_.columns.size());
  batch.columns[column] = std::move(ends);
  batch.rows = 2;
  HOGLET_ASSIGN_OR_RETURN(const Vector condition, conjunct.condition.Evaluate(context, batch));
  Selection kept;
  SelectTrue(condition, &kept);
  if (kept.size() == 1) return std::nullopt;
  return kept.size() == 2;
}

absl::StatusOr<GranuleRows> GranuleFilter::Run(EvalContext& context, GranuleReader& reader,
                                               std::optional<TableScan::TimeRange> time) const {
  GranuleRows rows;
  rows.columns.resize(scan_.columns.size());
  rows.have.assign(scan_.columns.size(), false);
  rows.all = reader.live() == nullptr;
  rows.count = reader.rows();
  if (!rows.all) {
    rows.rows = *reader.live();
    rows.count = rows.rows.size();
  }
  if (scan_.sample_ratio < 1) HOGLET_RETURN_IF_ERROR(Sample(reader, &rows));
  Batch batch;
  Selection kept;
  for (const Conjunct& conjunct : conjuncts_) {
    if (rows.count == 0) break;
    if (time.has_value() && conjunct.time_column.has_value()) {
      HOGLET_ASSIGN_OR_RETURN(const auto decided, Decided(context, conjunct, *time));
      if (decided == false) rows.count = 0;
      if (decided.has_value()) continue;
    }
    for (size_t column : conjunct.condition.columns_used())
      HOGLET_RETURN_IF_ERROR(Load(reader, column, &rows));
    batch.columns = rows.columns;
    batch.rows = rows.count;
    HOGLET_ASSIGN_OR_RETURN(Vector condition, conjunct.condition.Evaluate(context, batch));
    SelectTrue(condition, &kept);
    Narrow(kept, &rows);
  }
  return rows;
}

}  // namespace hoglet
