#include <algorithm>
#include <atomic>
#include <utility>

#include "query/exec/expression.h"
#include "query/exec/operator.h"
#include "src/base/hash.h"
#include "src/base/strings.h"

// Reading a table, with the filter above it: conjunct after conjunct, each over the rows the earlier ones left, its columns decoded
// only then; the remaining columns are read for the survivors.

namespace hoglet {
namespace {

class ScanNode final : public Node {
 public:
  ScanNode(const Plan& scan, std::vector<Type> types) : Node(std::move(types)), plan_(scan) {}

  absl::Status Open(const Plan* filter, ExecContext& context) {
    const ScannableTable* table = context.tables == nullptr ? nullptr : context.tables->Find(plan_.table);
    if (table == nullptr) return absl::InternalError(StrCat("no table '", plan_.table, "' is registered with the executor"));
    if (plan_.sample_ratio < 1) {
      const auto is_id = [](const ColumnRef& column) { return column.name == "distinct_id"; };
      sample_column_ = static_cast<size_t>(std::find_if(plan_.columns.begin(), plan_.columns.end(), is_id) - plan_.columns.begin());
      if (sample_column_ == plan_.columns.size()) return absl::InternalError("a sampled scan must read distinct_id");
    }
    if (filter != nullptr) {
      for (const Expr* conjunct : SplitConjuncts(*filter->expressions[0])) conjuncts_.emplace_back(*conjunct);
    }
    HOGLET_ASSIGN_OR_RETURN(scan_, table->OpenScan(plan_.team_id, plan_.filter));
    for (size_t g = 0; g < scan_->granule_count(); ++g) rows_ += scan_->granule_rows(g);
    return absl::OkStatus();
  }

  absl::Status Prepare(ExecContext&) override { return absl::OkStatus(); }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override;
  bool parallel() const override { return true; }
  uint64_t RowsEstimate() const override { return rows_; }
  // Masked rows are few, so a tenth is more than the allowance they need.
  uint64_t RowsAtLeast() const override { return conjuncts_.empty() && plan_.sample_ratio >= 1 ? rows_ - rows_ / 10 : 0; }

 private:
  friend class ScanOperator;
  const Plan& plan_;
  std::vector<CompiledExpression> conjuncts_;
  std::unique_ptr<TableScan> scan_;
  uint64_t rows_ = 0;
  size_t sample_column_ = 0;
  std::atomic<size_t> next_granule_{0};
};

class ScanOperator final : public Operator {
 public:
  ScanOperator(ScanNode& node, EvalContext* eval) : node_(node), eval_(eval) {}

  absl::StatusOr<bool> Next(Batch* out) override {
    while (true) {
      const size_t granule = node_.next_granule_.fetch_add(1, std::memory_order_relaxed);
      if (granule >= node_.scan_->granule_count()) return false;
      HOGLET_RETURN_IF_ERROR(eval_->CheckAlive());
      HOGLET_ASSIGN_OR_RETURN(auto reader, node_.scan_->OpenGranule(granule));
      HOGLET_RETURN_IF_ERROR(ReadGranule(*reader, out));
      if (out->rows > 0) return true;
    }
  }

 private:
  // Rows still in, of a granule being filtered. Columns read so far are dense over all rows of the granule or over the selection.
  struct Progress {
    bool all = true;
    Selection rows;
    size_t count = 0;
  };

  absl::StatusOr<Vector> ReadColumn(GranuleReader& reader, const Progress& progress, size_t column) {
    HOGLET_ASSIGN_OR_RETURN(Vector vector, progress.all ? reader.Read(node_.plan_.columns[column])
                                                        : reader.Read(node_.plan_.columns[column], progress.rows));
    const Type& wanted = node_.types()[column];
    if (vector.type().physical() != wanted.physical()) {
      return absl::InternalError(StrCat("table '", node_.plan_.table, "': column ", node_.plan_.columns[column].name, ".",
                                        node_.plan_.columns[column].key, " reads as ", vector.type().Name(), ", planned as ",
                                        wanted.Name()));
    }
    return vector;
  }

  // Gives the column its planned type. A dictionary is left alone where only nullability differs: a new label would make a new
  // dictionary object, and hide from later operators that they have seen it.
  static void Relabel(const Type& wanted, Vector* column) {
    if (column->type() == wanted) return;
    if (column->form() == Vector::Form::kDictionary && column->type().SameBase(wanted) && column->type().zone() == wanted.zone()) return;
    column->set_type(wanted);
  }

  // Narrows `progress` and the columns read so far to the rows of `kept` (positions among the current rows).
  static void Narrow(const Selection& kept, Progress* progress, std::vector<Vector>* columns) {
    if (kept.size() == progress->count) return;
    for (Vector& column : *columns) {
      if (column.size() == progress->count && progress->count > 0) column = column.Gather(kept);
    }
    if (progress->all) {
      progress->rows = kept;
      progress->all = false;
    } else {
      for (size_t i = 0; i < kept.size(); ++i) progress->rows[i] = progress->rows[kept[i]];
      progress->rows.resize(kept.size());
    }
    progress->count = kept.size();
  }

  // SAMPLE: rows whose distinct_id hashes into [offset, offset + ratio) of the hash's range, so persons stay whole.
  absl::Status Sample(GranuleReader& reader, std::vector<Vector>* columns, std::vector<bool>* have, Progress* progress) {
    const size_t column = node_.sample_column_;
    HOGLET_ASSIGN_OR_RETURN((*columns)[column], ReadColumn(reader, *progress, column));
    (*have)[column] = true;
    const VectorReader<std::string_view> ids((*columns)[column]);
    kept_.clear();
    for (size_t i = 0; i < progress->count; ++i) {
      const double place = static_cast<double>(CityHash64(ids.at(i))) * 0x1p-64;
      if (place >= node_.plan_.sample_offset && place < node_.plan_.sample_offset + node_.plan_.sample_ratio) {
        kept_.push_back(static_cast<uint16_t>(i));
      }
    }
    Narrow(kept_, progress, columns);
    return absl::OkStatus();
  }

  absl::Status ReadGranule(GranuleReader& reader, Batch* out) {
    const size_t width = node_.plan_.columns.size();
    Progress progress{.all = reader.live() == nullptr, .rows = {}, .count = reader.rows()};
    if (!progress.all) {
      progress.rows = *reader.live();
      progress.count = progress.rows.size();
    }
    std::vector<Vector> columns(width);
    std::vector<bool> have(width, false);
    if (node_.plan_.sample_ratio < 1) HOGLET_RETURN_IF_ERROR(Sample(reader, &columns, &have, &progress));
    Batch batch;
    for (const CompiledExpression& conjunct : node_.conjuncts_) {
      if (progress.count == 0) break;
      for (size_t column : conjunct.columns_used()) {
        if (have[column]) continue;
        HOGLET_ASSIGN_OR_RETURN(columns[column], ReadColumn(reader, progress, column));
        have[column] = true;
      }
      batch.columns = columns;
      batch.rows = progress.count;
      HOGLET_ASSIGN_OR_RETURN(Vector condition, conjunct.Evaluate(*eval_, batch));
      SelectTrue(condition, &kept_);
      Narrow(kept_, &progress, &columns);
    }
    out->rows = progress.count;
    if (progress.count == 0) return absl::OkStatus();
    for (size_t column = 0; column < width; ++column) {
      if (have[column]) continue;
      HOGLET_ASSIGN_OR_RETURN(columns[column], ReadColumn(reader, progress, column));
    }
    for (size_t column = 0; column < width; ++column) Relabel(node_.types()[column], &columns[column]);
    out->columns = std::move(columns);
    return absl::OkStatus();
  }

  ScanNode& node_;
  EvalContext* eval_;
  Selection kept_;
};

absl::StatusOr<std::unique_ptr<Operator>> ScanNode::MakeOperator(ExecContext& context) {
  return std::make_unique<ScanOperator>(*this, context.eval);
}

}  // namespace

absl::StatusOr<NodePtr> MakeScanNode(const Plan& scan, const Plan* filter, ExecContext& context) {
  auto node = std::make_unique<ScanNode>(scan, OutputTypes(scan));
  HOGLET_RETURN_IF_ERROR(node->Open(filter, context));
  return node;
}

}  // namespace hoglet
