#include <algorithm>
#include <cstdlib>

#include "absl/strings/cord.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "query/analyze/logical_plan.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr char kErrorCodePayload[] = "hoglet/error-code";

std::string Quote(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// Few digits that read back as the same number.
std::string ShortestText(double number) {
  std::string text;
  for (int digits = 15; digits <= 17; ++digits) {
    text = absl::StrFormat("%.*g", digits, number);
    if (std::strtod(text.c_str(), nullptr) == number) break;
  }
  return text;
}

}  // namespace

absl::Status WithErrorCode(absl::Status status, std::string_view code) {
  if (!status.ok()) status.SetPayload(kErrorCodePayload, absl::Cord(ToAbsl(code)));
  return status;
}

std::string ErrorCodeOf(const absl::Status& status) {
  auto payload = status.GetPayload(kErrorCodePayload);
  return payload ? std::string(*payload) : "";
}

bool MemoryBudget::TryCharge(uint64_t bytes) {
  const uint64_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
  const uint64_t now = before + bytes;
  if (now > bytes_max_ || now < before) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  uint64_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < now && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return true;
}

absl::Status MemoryBudget::Charge(uint64_t bytes) {
  const auto refusal = [&](std::string_view whose, uint64_t bytes_max) {
    return WithErrorCode(absl::ResourceExhaustedError(StrCat(
                             "Query has reached the max memory limit before completing. ", bytes,
                             " more bytes would pass the limit of ", bytes_max, " bytes", whose)),
                         "memory_limit_exceeded");
  };
  if (!TryCharge(bytes)) return refusal(".", bytes_max_);
  if (shared_ != nullptr && !shared_->TryCharge(bytes)) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return refusal(" for all queries together.", shared_->bytes_max_);
  }
  return absl::OkStatus();
}

uint64_t MemoryBudget::free_bytes() const {
  const uint64_t used = this->used();
  const uint64_t own = used < bytes_max_ ? bytes_max_ - used : 0;
  return shared_ == nullptr ? own : std::min(own, shared_->free_bytes());
}

absl::Status EvalContext::CheckAlive() const {
  if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) {
    return WithErrorCode(absl::CancelledError("Query was cancelled."), "query_was_cancelled");
  }
  if (deadline_ns > 0 && monotonic_ns != nullptr && monotonic_ns() > deadline_ns) {
    return WithErrorCode(
        absl::DeadlineExceededError("Query has hit the max execution time before completing."),
        "timeout_exceeded");
  }
  return absl::OkStatus();
}

ExprPtr Expr::Clone() const {
  auto copy = std::make_unique<Expr>();
  copy->kind = kind;
  copy->type = type;
  copy->column = column;
  copy->constant = constant;
  copy->name = name;
  copy->function = function;
  copy->first_parameter = first_parameter;
  copy->parameter_count = parameter_count;
  copy->subplan = subplan;
  copy->in_set = in_set;
  copy->arguments.reserve(arguments.size());
  for (const ExprPtr& argument : arguments) copy->arguments.push_back(argument->Clone());
  return copy;
}

ExprPtr Expr::Column(size_t column, Type type) {
  auto expr = std::make_unique<Expr>();
  expr->kind = Kind::kColumn;
  expr->column = column;
  expr->type = std::move(type);
  return expr;
}

ExprPtr Expr::Constant(Datum value, Type type) {
  auto expr = std::make_unique<Expr>();
  expr->kind = Kind::kConstant;
  expr->constant = std::move(value);
  expr->type = std::move(type);
  return expr;
}

std::string DatumToString(const Datum& value, const Type& type) {
  if (value.is_null()) return "NULL";
  if (auto* text = std::get_if<std::string>(&value.value)) return Quote(*text);
  if (auto* number = std::get_if<double>(&value.value)) return ShortestText(*number);
  if (auto* integer = std::get_if<int64_t>(&value.value)) {
    if (type.kind() == TypeKind::kUInt64) return StrCat(static_cast<uint64_t>(*integer));
    if (type.kind() == TypeKind::kBool) return *integer != 0 ? "true" : "false";
    if (type.IsDateOrTime() || type.kind() == TypeKind::kInterval ||
        type.kind() == TypeKind::kDecimal) {
      return StrCat(type.NotNullable().Name(), ":", *integer);
    }
    return StrCat(*integer);
  }
  if (auto* wide = std::get_if<Int128>(&value.value)) {
    const auto bits = static_cast<UInt128>(*wide);
    return absl::StrFormat("0x%016x%016x", static_cast<uint64_t>(bits >> 64),
                           static_cast<uint64_t>(bits));
  }
  std::vector<std::string> parts;
  const auto& list = value.list();
  for (size_t i = 0; i < list.size(); ++i) {
    const bool tuple = type.kind() == TypeKind::kTuple;
    const auto& children =
        type.kind() == TypeKind::kArray || tuple ? type.children() : std::vector<Type>();
    const Type element = tuple ? (i < children.size() ? children[i] : Type())
                               : (children.empty() ? Type() : children[0]);
    parts.push_back(DatumToString(list[i], element));
  }
  const bool tuple = type.kind() == TypeKind::kTuple;
  return StrCat(tuple ? "(" : "[", absl::StrJoin(parts, ", "), tuple ? ")" : "]");
}

std::string ExprToString(const Expr& expr) {
  switch (expr.kind) {
    case Expr::Kind::kColumn:
      return StrCat("#", expr.column);
    case Expr::Kind::kParameter:
      return StrCat("p", expr.column);
    case Expr::Kind::kConstant:
      return DatumToString(expr.constant, expr.type);
    case Expr::Kind::kLambda: {
      std::vector<std::string> names;
      for (size_t i = 0; i < expr.parameter_count; ++i)
        names.push_back(StrCat("p", expr.first_parameter + i));
      return StrCat("(", absl::StrJoin(names, ", "), ") -> ", ExprToString(*expr.arguments[0]));
    }
    case Expr::Kind::kSubquery:
      if (expr.in_set)
        return StrCat("inSet(", ExprToString(*expr.arguments[0]), ", <",
                      PlanToString(*expr.subplan), ">)");
      return StrCat("<", PlanToString(*expr.subplan), ">");
    case Expr::Kind::kCall: {
      std::vector<std::string> arguments;
      for (const ExprPtr& argument : expr.arguments) arguments.push_back(ExprToString(*argument));
      return StrCat(expr.name, "(", absl::StrJoin(arguments, ", "), ")");
    }
  }
  return "?";
}

namespace {

std::string ColumnRefToString(const ColumnRef& column) {
  static constexpr const char* kForms[] = {"", "text ", "raw ", "number ", "bool "};
  if (column.key.empty() && column.json == ColumnRef::Json::kWhole) return column.name;
  return StrCat(kForms[static_cast<int>(column.json)], column.name, ".", column.key);
}

std::string FilterToString(const ScanFilter& filter) {
  std::vector<std::string> parts;
  if (filter.timestamp_us_min) parts.push_back(StrCat("timestamp>=", *filter.timestamp_us_min));
  if (filter.timestamp_us_max) parts.push_back(StrCat("timestamp<=", *filter.timestamp_us_max));
  if (filter.events) parts.push_back(StrCat("event in [", absl::StrJoin(*filter.events, ","), "]"));
  if (filter.distinct_ids)
    parts.push_back(StrCat("distinct_id in [", absl::StrJoin(*filter.distinct_ids, ","), "]"));
  if (filter.uuids) parts.push_back(StrCat("uuid in ", filter.uuids->size()));
  for (const auto& property : filter.properties_in) {
    parts.push_back(StrCat(property.column, ".", property.key, " in [",
                           absl::StrJoin(property.texts, ","), "]"));
  }
  return parts.empty() ? "" : StrCat(" prune{", absl::StrJoin(parts, " "), "}");
}

std::string ColumnList(const std::vector<size_t>& columns) {
  return absl::StrJoin(columns, ", ",
                       [](std::string* out, size_t column) { StrAppend(out, "#", column); });
}

std::string KeyList(const std::vector<SortKey>& keys) {
  return absl::StrJoin(keys, ", ", [](std::string* out, const SortKey& key) {
    StrAppend(out, "#", key.column, key.descending ? " DESC" : "");
  });
}

std::string AggregateText(const AggregateCall& call) {
  std::string text = StrCat(call.name, "(", ColumnList(call.arguments));
  for (const auto& [column, descending] : call.order_by)
    StrAppend(&text, " ORDER BY #", column, descending ? " DESC" : "");
  text += ")";
  if (call.filter) StrAppend(&text, " FILTER #", *call.filter);
  return text;
}

std::string WindowText(const Plan::WindowCall& call) {
  std::string text =
      call.aggregate.function != nullptr
          ? AggregateText(call.aggregate)
          : StrCat(call.function_name, "(", ColumnList(call.aggregate.arguments), ")");
  StrAppend(&text, " OVER (");
  if (!call.partition_by.empty())
    StrAppend(&text, "PARTITION ", ColumnList(call.partition_by), " ");
  if (!call.order_by.empty()) StrAppend(&text, "ORDER ", KeyList(call.order_by), " ");
  StrAppend(&text, call.rows_frame ? "ROWS " : "RANGE ", call.start ? StrCat(*call.start) : "start",
            "..", call.end ? StrCat(*call.end) : "end", ")");
  return text;
}

std::string JoinText(const Plan& plan) {
  static constexpr const char* kKinds[] = {"Inner", "Left", "Right", "Full",
                                           "Cross", "Semi", "Anti"};
  std::string text =
      StrCat(kKinds[static_cast<int>(plan.join_kind)], plan.join_any ? " Any" : "", " Join");
  for (const auto& [left, right] : plan.join_keys)
    StrAppend(&text, " left#", left, "=right#", right);
  if (plan.residual != nullptr) StrAppend(&text, " on ", ExprToString(*plan.residual));
  return text;
}

std::string ExprList(const std::vector<ExprPtr>& expressions) {
  return absl::StrJoin(expressions, ", ", [](std::string* out, const ExprPtr& expr) {
    StrAppend(out, ExprToString(*expr));
  });
}

std::string LimitText(const Plan& plan) {
  return StrCat(plan.limit ? StrCat(*plan.limit) : "all",
                plan.offset > 0 ? StrCat(" offset ", plan.offset) : "");
}

std::string AggregateLine(const Plan& plan) {
  std::vector<std::string> calls;
  for (const auto& call : plan.aggregates) calls.push_back(AggregateText(call));
  std::string text =
      StrCat("Aggregate by [", ColumnList(plan.group_keys), "] ", absl::StrJoin(calls, ", "));
  for (const auto& set : plan.grouping_sets)
    StrAppend(&text, " set(", absl::StrJoin(set, ","), ")");
  return text;
}

std::string OperatorLine(const Plan& plan) {
  switch (plan.kind) {
    case Plan::Kind::kScan: {
      std::vector<std::string> columns;
      for (const auto& column : plan.columns) columns.push_back(ColumnRefToString(column));
      return StrCat("Scan ", plan.table, " team ", plan.team_id, " [", absl::StrJoin(columns, ", "),
                    "]", FilterToString(plan.filter),
                    plan.sample_ratio < 1 ? StrCat(" sample ", plan.sample_ratio) : "");
    }
    case Plan::Kind::kValues: {
      std::vector<std::string> rows;
      for (const auto& row : plan.rows) rows.push_back(StrCat("(", ExprList(row), ")"));
      return StrCat("Values ", absl::StrJoin(rows, ", "));
    }
    case Plan::Kind::kNumbers:
      return StrCat("Numbers ", ExprList(plan.rows[0]));
    case Plan::Kind::kFilter:
      return StrCat("Filter ", ExprList(plan.expressions));
    case Plan::Kind::kProject:
      return StrCat("Project ", ExprList(plan.expressions));
    case Plan::Kind::kAggregate:
      return AggregateLine(plan);
    case Plan::Kind::kSort:
      return StrCat("Sort ", KeyList(plan.sort_keys),
                    plan.limit ? StrCat(" top ", *plan.limit) : "");
    case Plan::Kind::kLimit:
      return StrCat("Limit ", LimitText(plan),
                    plan.with_ties ? StrCat(" with ties ", KeyList(plan.sort_keys)) : "");
    case Plan::Kind::kLimitBy:
      return StrCat("LimitBy ", LimitText(plan), " by ", ColumnList(plan.columns_by));
    case Plan::Kind::kDistinct:
      return "Distinct";
    case Plan::Kind::kJoin:
      return JoinText(plan);
    case Plan::Kind::kUnion:
      return "Union";
    case Plan::Kind::kSetOp:
      return StrCat(plan.set_except ? "Except" : "Intersect", plan.set_all ? " All" : "");
    case Plan::Kind::kArrayJoin:
      return StrCat(plan.left_array_join ? "Left " : "", "ArrayJoin ",
                    ColumnList(plan.array_columns));
    case Plan::Kind::kWindow: {
      std::vector<std::string> calls;
      for (const auto& call : plan.windows) calls.push_back(WindowText(call));
      return StrCat("Window ", absl::StrJoin(calls, ", "));
    }
  }
  return "?";
}

void AppendPlan(const Plan& plan, int depth, std::string* out) {
  StrAppend(out, std::string(2 * depth, ' '), OperatorLine(plan), "\n");
  for (const auto& input : plan.inputs) AppendPlan(*input, depth + 1, out);
}

}  // namespace

std::string PlanToString(const Plan& plan) {
  std::string out;
  AppendPlan(plan, 0, &out);
  return out;
}

}  // namespace hoglet
