#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "query/exec/granule_filter.h"
#include "query/exec/operator.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr uint64_t kRowsCountedPerRowRead = 64;

// Shares out the granules of a scan. Each worker gets a stretch of its own, in order: rows that lie
// together have values in common, so that workers meet different groups and dictionaries. Who has
// finished takes from the end of the longest stretch left. Thread-safe.
class GranuleShares {
 public:
  explicit GranuleShares(size_t granules) : granules_(granules) {}

  // To be called for each worker, by preference before any of them begins.
  size_t AddWorker() {
    std::lock_guard lock(mutex_);
    stretches_.emplace_back();
    return stretches_.size() - 1;
  }
  // False when there are no more.
  bool Next(size_t worker, size_t* granule) {
    std::lock_guard lock(mutex_);
    if (!split_) Split();
    if (Stretch& own = stretches_[worker]; own.left() > 0) {
      *granule = own.begin++;
      return true;
    }
    const auto less = [](const Stretch& a, const Stretch& b) { return a.left() < b.left(); };
    Stretch& longest = *std::max_element(stretches_.begin(), stretches_.end(), less);
    if (longest.left() == 0) return false;
    *granule = --longest.end;
    return true;
  }

 private:
  struct Stretch {
    size_t begin = 0;
    size_t end = 0;
    size_t left() const { return end - begin; }
  };

  void Split() {
    split_ = true;
    for (size_t i = 0; i < stretches_.size(); ++i) {
      stretches_[i] = {granules_ * i / stretches_.size(), granules_ * (i + 1) / stretches_.size()};
    }
  }

  const size_t granules_;
  std::mutex mutex_;
  bool split_ = false;
  std::vector<Stretch> stretches_;  // by worker
};

class ScanNode final : public Node {
 public:
  ScanNode(const Plan& scan, const Plan* filter, std::unique_ptr<TableScan> table)
      : Node(OutputTypes(scan)),
        filter_(scan, filter),
        table_(std::move(table)),
        shares_(table_->granule_count()) {
    for (size_t g = 0; g < table_->granule_count(); ++g) rows_ += table_->granule_rows(g);
  }

  absl::Status Prepare(ExecContext&) override { return absl::OkStatus(); }
  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override {
    return std::make_unique<ScanOperator>(*this, context.eval);
  }
  bool parallel() const override { return true; }
  // Rows of which nothing is read are merely counted, a granule at a time.
  uint64_t RowsEstimate() const override {
    return filter_.scan().columns.empty() ? rows_ / kRowsCountedPerRowRead : rows_;
  }
  // Masked rows are few, so a tenth is more than the allowance they need.
  uint64_t RowsAtLeast() const override { return filter_.keeps_all() ? rows_ - rows_ / 10 : 0; }
  absl::StatusOr<std::optional<uint64_t>> CountRows() const override {
    if (!filter_.keeps_all()) return std::nullopt;
    HOGLET_ASSIGN_OR_RETURN(const uint64_t rows, table_->CountRows());
    return rows;
  }

 private:
  class ScanOperator final : public Operator {
   public:
    ScanOperator(ScanNode& node, EvalContext* eval)
        : node_(node), eval_(eval), worker_(node.shares_.AddWorker()) {}

    absl::StatusOr<bool> Next(Batch* out) override {
      while (true) {
        size_t granule = 0;
        if (!node_.shares_.Next(worker_, &granule)) return false;
        HOGLET_RETURN_IF_ERROR(eval_->CheckAlive());
        HOGLET_ASSIGN_OR_RETURN(auto reader, node_.table_->OpenGranule(granule));
        HOGLET_ASSIGN_OR_RETURN(
            GranuleRows rows,
            node_.filter_.Run(*eval_, *reader, node_.table_->granule_time(granule)));
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
    const size_t worker_;
  };

  GranuleFilter filter_;
  std::unique_ptr<TableScan> table_;
  GranuleShares shares_;
  uint64_t rows_ = 0;
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
