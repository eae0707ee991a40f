#include <atomic>
#include <utility>

#include "query/exec/granule_filter.h"
#include "query/exec/operator.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

class ScanNode final : public Node {
 public:
  ScanNode(const Plan& scan, const Plan* filter, std::unique_ptr<TableScan> table)
      : Node(OutputTypes(scan)), filter_(scan, filter), table_(std::move(table)) {
    for (size_t g = 0; g < table_->granule_count(); ++g) rows_ += table_->granule_rows(g);
  }

  absl::Status Prepare(ExecContext&) override { return absl::OkStatus(); }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    return std::make_unique<ScanOperator>(*this, context.eval);
  }
  bool parallel() const override { return true; }
  uint64_t RowsEstimate() const override { return rows_; }
  // Masked rows are few, so a tenth is more than the allowance they need.
  uint64_t RowsAtLeast() const override { return filter_.keeps_all() ? rows_ - rows_ / 10 : 0; }

 private:
  class ScanOperator final : public Operator {
   public:
    ScanOperator(ScanNode& node, EvalContext* eval) : node_(node), eval_(eval) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      while (true) {
        const size_t granule = node_.next_granule_.fetch_add(1, std::memory_order_relaxed);
        if (granule >= node_.table_->granule_count()) return false;
        HOGLET_RETURN_IF_ERROR(eval_->CheckAlive());
        HOGLET_ASSIGN_OR_RETURN(auto reader, node_.table_->OpenGranule(granule));
        HOGLET_ASSIGN_OR_RETURN(GranuleRows rows, node_.filter_.Run(*eval_, *reader));
        if (rows.count == 0) continue;
        for (size_t column = 0; column < rows.columns.size(); ++column) {
          HOGLET_RETURN_IF_ERROR(node_.filter_.Load(*reader, column, &rows));
        }
        out->rows = rows.count;
        out->columns = std::move(rows.columns);
        return true;
      }
    }

   private:
    ScanNode& node_;
    EvalContext* eval_;
  };

  GranuleFilter filter_;
  std::unique_ptr<TableScan> table_;
  uint64_t rows_ = 0;
  std::atomic<size_t> next_granule_{0};
};

}  // namespace

absl::StatusOr<std::unique_ptr<TableScan>> OpenTable(const Plan& scan, ExecContext& context) {
  const ScannableTable* table =
      context.tables == nullptr ? nullptr : context.tables->Find(scan.table);
  if (table == nullptr)
    return absl::UnimplementedError(
        StrCat("Table '", scan.table, "' holds nothing yet on this server"));
  return table->OpenScan(scan.team_id, scan.filter);
}

absl::StatusOr<NodePtr> MakeScanNode(const Plan& scan, const Plan* filter, ExecContext& context) {
  HOGLET_ASSIGN_OR_RETURN(auto table, OpenTable(scan, context));
  return std::make_unique<ScanNode>(scan, filter, std::move(table));
}

}  // namespace hoglet
