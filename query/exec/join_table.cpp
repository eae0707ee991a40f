#include "query/exec/join_table.h"

#include <algorithm>
#include <utility>

#include "src/base/strings.h"

namespace hoglet {
namespace {

// Candidate pairs a join may look at: a join without a usable key over two large inputs would
// otherwise run until its deadline.
constexpr uint64_t kJoinPairsMax = 500'000'000;
// A key in a hash table that is half full and has just doubled, with its number, value and text.
constexpr uint64_t kBytesPerKey = 80;
constexpr uint64_t kBytesPerRow = 13;

absl::Status TooManyPairs() {
  return WithErrorCode(absl::ResourceExhaustedError(
                           StrCat("Query has reached the limit of ", kJoinPairsMax,
                                  " pairs of joined rows; join on equal keys or filter first")),
                       "too_many_rows");
}

class Probe final : public Operator {
 public:
  Probe(JoinShape& shape, JoinTable& table, std::unique_ptr<Operator> left, EvalContext* eval)
      : shape_(shape),
        table_(table),
        plan_(shape.plan),
        left_(std::move(left)),
        eval_(eval),
        finder_(table.interner) {}

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
      chain_ = ids_[left_row_] == kNoId ? kNoId : table_.heads[ids_[left_row_]];
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
      chain_ = table_.next[chain_];
    }
    return shape_.CountPairs(left_rows_.size());
  }

  absl::Status Emit(Batch* out) {
    if (shape_.residual.has_value() && !left_rows_.empty()) HOGLET_RETURN_IF_ERROR(ApplyResidual());
    if (plan_.join_any) KeepFirstMatches();
    for (uint16_t row : left_rows_) has_match_[row] = 1;
    if (shape_.KeepsRight()) {
      for (uint32_t row : right_rows_) table_.matched[row] = 1;
    }
    const bool semi = plan_.join_kind == Plan::JoinKind::kSemi;
    if (semi || plan_.join_kind == Plan::JoinKind::kAnti) return EmitLeftOnly(semi, out);
    std::vector<uint16_t> unmatched;
    if (shape_.KeepsLeft()) {
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
    HOGLET_ASSIGN_OR_RETURN(Vector condition, shape_.residual->Evaluate(*eval_, pairs));
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
    for (const Vector& column : table_.rows.columns)
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
    for (size_t c = in_.columns.size(); c < shape_.output_types.size(); ++c) {
      out.columns.push_back(Defaults(shape_.output_types[c], left_rows.size()));
    }
    return out;
  }

  bool NextUnmatchedRight(Batch* out) {
    if (!shape_.KeepsRight()) return false;
    std::vector<uint32_t> rows;
    while (right_scan_ < table_.rows.rows && rows.size() < kVectorRowsMax) {
      if (!table_.matched[right_scan_]) rows.push_back(static_cast<uint32_t>(right_scan_));
      ++right_scan_;
    }
    if (rows.empty()) return false;
    out->rows = rows.size();
    out->columns.clear();
    const size_t left_width = shape_.output_types.size() - table_.rows.columns.size();
    for (size_t c = 0; c < left_width; ++c)
      out->columns.push_back(Defaults(shape_.output_types[c], rows.size()));
    for (const Vector& column : table_.rows.columns)
      out->columns.push_back(column.Gather(rows.data(), rows.size()));
    return true;
  }

  JoinShape& shape_;
  JoinTable& table_;
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

}  // namespace

JoinShape::JoinShape(const Plan& plan, const std::vector<Type>& left,
                     const std::vector<Type>& right)
    : plan(plan), left_types(left), right_types(right), output_types(OutputTypes(plan)) {
  for (const auto& [left_column, right_column] : plan.join_keys)
    key_types.push_back(right_types[right_column]);
  if (plan.residual != nullptr) residual.emplace(*plan.residual);
}

std::vector<size_t> JoinShape::LeftKeys() const {
  std::vector<size_t> columns;
  for (const auto& [left_column, right_column] : plan.join_keys) columns.push_back(left_column);
  return columns;
}

std::vector<size_t> JoinShape::RightKeys() const {
  std::vector<size_t> columns;
  for (const auto& [left_column, right_column] : plan.join_keys) columns.push_back(right_column);
  return columns;
}

absl::Status JoinShape::CountPairs(uint64_t more) {
  const uint64_t pairs = pairs_.fetch_add(more, std::memory_order_relaxed) + more;
  return pairs > kJoinPairsMax ? TooManyPairs() : absl::OkStatus();
}

absl::Status JoinShape::CheckCross(uint64_t left_rows, uint64_t right_rows) const {
  return right_rows > 0 && left_rows > kJoinPairsMax / right_rows ? TooManyPairs()
                                                                  : absl::OkStatus();
}

uint64_t JoinTable::BytesFor(const JoinShape& shape, uint64_t rows) {
  return rows * (kBytesPerRow + kBytesPerKey * shape.key_types.size());
}

absl::StatusOr<std::unique_ptr<JoinTable>> JoinTable::Make(const JoinShape& shape, Batch rows) {
  if (rows.rows >= kNoId)
    return absl::ResourceExhaustedError("the right side of a join has over 4 billion rows");
  auto out = std::make_unique<JoinTable>(shape);
  out->next.assign(rows.rows, kNoId);
  std::vector<uint32_t> ids(rows.rows, 0);
  if (!shape.key_types.empty()) {
    std::vector<const Vector*> keys;
    for (size_t column : shape.RightKeys()) keys.push_back(&rows.columns[column]);
    out->interner.Intern(keys, rows.rows, ids.data(), /*nulls_as_values=*/false);
    out->heads.assign(out->interner.size(), kNoId);
  } else {
    out->heads.assign(1, kNoId);
  }
  // Backwards, so that a chain runs in row order.
  for (size_t i = rows.rows; i-- > 0;) {
    if (ids[i] == kNoId) continue;
    out->next[i] = out->heads[ids[i]];
    out->heads[ids[i]] = static_cast<uint32_t>(i);
  }
  if (shape.KeepsRight()) out->matched.assign(rows.rows, 0);
  out->rows = std::move(rows);
  return out;
}

std::unique_ptr<Operator> MakeProbe(JoinShape& shape, JoinTable& table,
                                    std::unique_ptr<Operator> left, EvalContext* context) {
  return std::make_unique<Probe>(shape, table, std::move(left), context);
}

}  // namespace hoglet
