#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <utility>

#include "query/exec/expression.h"
#include "query/exec/interner.h"
#include "query/exec/operator.h"
#include "src/base/strings.h"

// Hash join: the right input is held in memory, its rows chained by key number; left rows stream
// past it.

namespace hoglet {
namespace {

// Candidate pairs a join may look at: a join without a usable key over two large inputs would
// otherwise run until its deadline.
constexpr uint64_t kJoinPairsMax = 500'000'000;

absl::Status TooManyPairs() {
  return WithErrorCode(absl::ResourceExhaustedError(
                           StrCat("Query has reached the limit of ", kJoinPairsMax,
                                  " pairs of joined rows; join on equal keys or filter first")),
                       "too_many_rows");
}

class JoinNode final : public Node {
 public:
  JoinNode(const Plan& plan, NodePtr left, NodePtr right)
      : Node(OutputTypes(plan)),
        plan_(plan),
        left_(std::move(left)),
        right_(std::move(right)),
        interner_(KeyTypes(plan, *right_)) {
    if (plan.residual != nullptr) residual_.emplace(*plan.residual);
  }

  absl::Status Prepare(ExecContext& context) override {
    HOGLET_RETURN_IF_ERROR(right_->Prepare(context));
    charge_ = std::make_unique<MemoryCharge>(context.eval->memory);
    HOGLET_ASSIGN_OR_RETURN(std::vector<Batch> batches,
                            CollectBatches(context, *right_, charge_.get()));
    rows_ = ConcatBatches(batches, right_->types());
    if (rows_.rows >= kNoId)
      return absl::ResourceExhaustedError("the right side of a join has over 4 billion rows");
    Chain();
    HOGLET_RETURN_IF_ERROR(
        charge_->Add(interner_.MemoryBytes() + (heads_.size() + next_.size()) * 4));
    matched_.assign(rows_.rows, 0);
    HOGLET_RETURN_IF_ERROR(left_->Prepare(context));
    // Without keys every left row meets every right one: refuse at once what would be refused
    // later.
    const uint64_t left_rows = plan_.join_keys.empty() ? left_->RowsAtLeast() : 0;
    if (rows_.rows > 0 && left_rows > kJoinPairsMax / rows_.rows) return TooManyPairs();
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Operator>> MakeOperator(ExecContext& context) override;
  // RIGHT and FULL emit unmatched right rows at the very end, which needs to know that all left
  // rows have been seen.
  bool parallel() const override { return left_->parallel() && !KeepsRight(); }
  uint64_t RowsEstimate() const override { return left_->RowsEstimate(); }

 private:
  friend class JoinOperator;

  static std::vector<Type> KeyTypes(const Plan& plan, const Node& right) {
    std::vector<Type> types;
    for (const auto& [left_column, right_column] : plan.join_keys)
      types.push_back(right.types()[right_column]);
    return types;
  }

  bool KeepsRight() const {
    return plan_.join_kind == Plan::JoinKind::kRight || plan_.join_kind == Plan::JoinKind::kFull;
  }
  bool KeepsLeft() const {
    return plan_.join_kind == Plan::JoinKind::kLeft || plan_.join_kind == Plan::JoinKind::kFull;
  }

  void Chain() {
    next_.assign(rows_.rows, kNoId);
    std::vector<uint32_t> ids(rows_.rows, 0);
    if (!plan_.join_keys.empty()) {
      std::vector<const Vector*> keys;
      for (const auto& [left_column, right_column] : plan_.join_keys)
        keys.push_back(&rows_.columns[right_column]);
      interner_.Intern(keys, rows_.rows, ids.data(), /*nulls_as_values=*/false);
      heads_.assign(interner_.size(), kNoId);
    } else {
      heads_.assign(1, kNoId);
    }
    // Backwards, so that a chain runs in row order.
    for (size_t i = rows_.rows; i-- > 0;) {
      if (ids[i] == kNoId) continue;
      next_[i] = heads_[ids[i]];
      heads_[ids[i]] = static_cast<uint32_t>(i);
    }
  }

  const Plan& plan_;
  NodePtr left_;
  NodePtr right_;
  std::optional<CompiledExpression> residual_;
  Batch rows_;
  RowInterner interner_;
  std::vector<uint32_t> heads_;   // by key number: first row
  std::vector<uint32_t> next_;    // by row: next row with the same key
  std::vector<uint8_t> matched_;  // RIGHT, FULL: by row
  std::atomic<uint64_t> pairs_{0};
  std::unique_ptr<MemoryCharge> charge_;
};

class JoinOperator final : public Operator {
 public:
  JoinOperator(JoinNode& node, std::unique_ptr<Operator> left, EvalContext* eval)
      : node_(node),
        plan_(node.plan_),
        left_(std::move(left)),
        eval_(eval),
        finder_(node.interner_) {}

  absl::StatusOr<bool> Next(Batch* out) override {
    while (true) {
      if (pending_.rows > 0) {
        *out = std::exchange(pending_, Batch());
        return true;
      }
      if (left_row_ >= in_.rows) {
        HOGLET_ASSIGN_OR_RETURN(bool more, LoadLeft());
        if (!more) return NextUnmatchedRight(out);
      }
      HOGLET_RETURN_IF_ERROR(eval_->CheckAlive());
      HOGLET_RETURN_IF_ERROR(FillPairs());
      HOGLET_RETURN_IF_ERROR(Emit(out));
      if (out->rows > 0) return true;
    }
  }

 private:
  absl::StatusOr<bool> LoadLeft() {
    HOGLET_ASSIGN_OR_RETURN(bool more, left_->Next(&in_));
    if (!more) {
      in_.rows = 0;
      return false;
    }
    left_row_ = 0;
    ids_.assign(in_.rows, 0);
    if (!plan_.join_keys.empty()) {
      std::vector<const Vector*> keys;
      for (const auto& [left_column, right_column] : plan_.join_keys)
        keys.push_back(&in_.columns[left_column]);
      finder_.Find(keys, in_.rows, ids_.data(), /*nulls_as_values=*/false);
    }
    has_match_.assign(in_.rows, 0);
    StartRow();
    return true;
  }

  void StartRow() {
    if (left_row_ < in_.rows)
      chain_ = ids_[left_row_] == kNoId ? kNoId : node_.heads_[ids_[left_row_]];
  }

  // Collects candidate pairs until a batch is full or the left batch is done; a left row's
  // candidates may span several batches.
  absl::Status FillPairs() {
    left_rows_.clear();
    right_rows_.clear();
    finished_begin_ = finished_end_ = left_row_;
    while (left_row_ < in_.rows && left_rows_.size() < kVectorRowsMax) {
      if (chain_ == kNoId) {
        ++left_row_;
        finished_end_ = left_row_;
        StartRow();
        continue;
      }
      left_rows_.push_back(static_cast<uint16_t>(left_row_));
      right_rows_.push_back(chain_);
      chain_ = node_.next_[chain_];
    }
    const uint64_t pairs =
        node_.pairs_.fetch_add(left_rows_.size(), std::memory_order_relaxed) + left_rows_.size();
    return pairs > kJoinPairsMax ? TooManyPairs() : absl::OkStatus();
  }

  absl::Status Emit(Batch* out) {
    if (node_.residual_.has_value() && !left_rows_.empty()) HOGLET_RETURN_IF_ERROR(ApplyResidual());
    if (plan_.join_any) KeepFirstMatches();
    for (uint16_t row : left_rows_) has_match_[row] = 1;
    if (node_.KeepsRight()) {
      for (uint32_t row : right_rows_) node_.matched_[row] = 1;
    }
    const bool semi = plan_.join_kind == Plan::JoinKind::kSemi;
    if (semi || plan_.join_kind == Plan::JoinKind::kAnti) return EmitLeftOnly(semi, out);
    std::vector<uint16_t> unmatched;
    if (node_.KeepsLeft()) {
      for (size_t row = finished_begin_; row < finished_end_; ++row) {
        if (!has_match_[row]) unmatched.push_back(static_cast<uint16_t>(row));
      }
    }
    *out = Pairs(left_rows_, right_rows_);
    if (!unmatched.empty()) (out->rows == 0 ? *out : pending_) = LeftWithDefaults(unmatched);
    return absl::OkStatus();
  }

  absl::Status EmitLeftOnly(bool wanted, Batch* out) {
    Selection rows;
    for (size_t row = finished_begin_; row < finished_end_; ++row) {
      if ((has_match_[row] != 0) == wanted) rows.push_back(static_cast<uint16_t>(row));
    }
    *out = in_.Gather(rows);
    return absl::OkStatus();
  }

  absl::Status ApplyResidual() {
    const Batch pairs = Pairs(left_rows_, right_rows_);
    HOGLET_ASSIGN_OR_RETURN(Vector condition, node_.residual_->Evaluate(*eval_, pairs));
    Selection kept;
    SelectTrue(condition, &kept);
    for (size_t i = 0; i < kept.size(); ++i) {
      left_rows_[i] = left_rows_[kept[i]];
      right_rows_[i] = right_rows_[kept[i]];
    }
    left_rows_.resize(kept.size());
    right_rows_.resize(kept.size());
    return absl::OkStatus();
  }

  // ANY: the first match of a left row, also when its candidates came in several batches.
  void KeepFirstMatches() {
    size_t kept = 0;
    std::vector<uint8_t> taken(has_match_);
    for (size_t i = 0; i < left_rows_.size(); ++i) {
      if (taken[left_rows_[i]]) continue;
      taken[left_rows_[i]] = 1;
      left_rows_[kept] = left_rows_[i];
      right_rows_[kept++] = right_rows_[i];
    }
    left_rows_.resize(kept);
    right_rows_.resize(kept);
  }

  Batch Pairs(const std::vector<uint16_t>& left_rows,
              const std::vector<uint32_t>& right_rows) const {
    Batch out{.columns = {}, .rows = left_rows.size()};
    for (const Vector& column : in_.columns)
      out.columns.push_back(column.Gather(left_rows.data(), left_rows.size()));
    for (const Vector& column : node_.rows_.columns)
      out.columns.push_back(column.Gather(right_rows.data(), right_rows.size()));
    return out;
  }

  static Vector Defaults(const Type& type, size_t rows) {
    VectorBuilder builder(type);
    if (type.nullable()) {
      builder.AppendNull();
    } else {
      builder.AppendDefault();
    }
    return Vector::Constant(type, builder.Build().Get(0), rows);
  }

  Batch LeftWithDefaults(const std::vector<uint16_t>& left_rows) const {
    Batch out{.columns = {}, .rows = left_rows.size()};
    for (const Vector& column : in_.columns)
      out.columns.push_back(column.Gather(left_rows.data(), left_rows.size()));
    for (size_t c = in_.columns.size(); c < node_.types().size(); ++c) {
      out.columns.push_back(Defaults(node_.types()[c], left_rows.size()));
    }
    return out;
  }

  bool NextUnmatchedRight(Batch* out) {
    if (!node_.KeepsRight()) return false;
    std::vector<uint32_t> rows;
    while (right_scan_ < node_.rows_.rows && rows.size() < kVectorRowsMax) {
      if (!node_.matched_[right_scan_]) rows.push_back(static_cast<uint32_t>(right_scan_));
      ++right_scan_;
    }
    if (rows.empty()) return false;
    out->rows = rows.size();
    out->columns.clear();
    const size_t left_width = node_.types().size() - node_.rows_.columns.size();
    for (size_t c = 0; c < left_width; ++c)
      out->columns.push_back(Defaults(node_.types()[c], rows.size()));
    for (const Vector& column : node_.rows_.columns)
      out->columns.push_back(column.Gather(rows.data(), rows.size()));
    return true;
  }

  JoinNode& node_;
  const Plan& plan_;
  std::unique_ptr<Operator> left_;
  EvalContext* eval_;
  RowFinder finder_;
  Batch in_;
  Batch pending_;  // unmatched left rows, when pairs filled the batch before
  std::vector<uint32_t> ids_;
  std::vector<uint8_t> has_match_;
  size_t left_row_ = 0;
  uint32_t chain_ = kNoId;
  std::vector<uint16_t> left_rows_;
  std::vector<uint32_t> right_rows_;
  size_t finished_begin_ = 0;
  size_t finished_end_ = 0;
  size_t right_scan_ = 0;
};

absl::StatusOr<std::unique_ptr<Operator>> JoinNode::MakeOperator(ExecContext& context) {
  HOGLET_ASSIGN_OR_RETURN(auto left, left_->MakeOperator(context));
  return std::make_unique<JoinOperator>(*this, std::move(left), context.eval);
}

}  // namespace

NodePtr MakeJoinNode(const Plan& plan, NodePtr left, NodePtr right) {
  return std::make_unique<JoinNode>(plan, std::move(left), std::move(right));
}

}  // namespace hoglet
