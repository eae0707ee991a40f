#include "query/analyze/expr_builder.h"

#include <limits>

#include "include/hoglet/status.h"
#include "src/base/strings.h"

namespace hoglet::analysis {

absl::Status QueryError(std::string_view message) {
  return WithErrorCode(absl::InvalidArgumentError(ToAbsl(message)), "hogql_query_error");
}

absl::Status CodedError(std::string_view code, std::string_view message) {
  return WithErrorCode(absl::InvalidArgumentError(ToAbsl(message)), code);
}

namespace {

// Functions that depend on nothing but the query's moment.
bool IsConstantWithinQuery(std::string_view name) {
  return name == "now64" || name == "now" || name == "today" || name == "yesterday" ||
         name == "UTCTimestamp";
}

FunctionArgument DescribeArgument(const Expr& expr) {
  FunctionArgument argument;
  argument.type = expr.type;
  if (expr.kind == Expr::Kind::kConstant) argument.constant = expr.constant;
  return argument;
}

bool CanBeFolded(const Type& type) {
  return type.kind() != TypeKind::kState && type.kind() != TypeKind::kFunction;
}

}  // namespace

absl::StatusOr<ExprPtr> ExprBuilder::Call(std::string_view name, std::vector<ExprPtr> arguments) {
  std::vector<Argument> list;
  list.reserve(arguments.size());
  for (ExprPtr& argument : arguments) list.emplace_back(std::move(argument));
  return Call(name, std::move(list));
}

absl::StatusOr<ExprPtr> ExprBuilder::Call(std::string_view name, std::vector<Argument> arguments) {
  std::vector<FunctionArgument> described;
  bool constant = true;
  for (const Argument& argument : arguments) {
    if (argument.lambda != nullptr) {
      described.emplace_back();
      described.back().type = Type(TypeKind::kFunction);
      described.back().lambda = argument.lambda.get();
      constant = false;
    } else {
      described.push_back(DescribeArgument(*argument.expr));
      constant = constant && IsConstant(*argument.expr);
    }
  }
  HOGLET_ASSIGN_OR_RETURN(auto function, catalog_.BindScalar(name, described, context_));
  auto call = std::make_unique<Expr>();
  call->kind = Expr::Kind::kCall;
  call->name = name;
  call->type = function->result_type();
  for (Argument& argument : arguments) {
    ExprPtr expr = argument.lambda != nullptr ? argument.lambda->Take() : std::move(argument.expr);
    if (expr == nullptr)
      return CodedError("illegal_type_of_argument",
                        StrCat("Function ", name, " takes no lambda here"));
    call->arguments.push_back(std::move(expr));
  }
  const bool foldable =
      constant && folding_ && (function->deterministic() || IsConstantWithinQuery(name));
  call->function = std::move(function);
  return foldable ? Fold(std::move(call)) : absl::StatusOr<ExprPtr>(std::move(call));
}

// A call that fails on its constants is left to fail (or not to be reached) when the query runs.
absl::StatusOr<ExprPtr> ExprBuilder::Fold(ExprPtr call) {
  if (!CanBeFolded(call->type)) return call;
  std::vector<Vector> values;
  std::vector<const LambdaBody*> lambdas;
  for (const ExprPtr& argument : call->arguments) {
    if (!CanBeFolded(argument->type)) return call;
    values.push_back(argument->constant.is_null()
                         ? Vector::NullConstant(argument->type, 1)
                         : Vector::Constant(argument->type, argument->constant, 1));
    lambdas.push_back(nullptr);
  }
  auto result = call->function->Evaluate(context_, values, lambdas, 1);
  if (!result.ok() || result->size() != 1) return call;
  // Long arrays are made when the query runs, not carried about in its plan.
  constexpr size_t kFoldedElementsMax = 10'000;
  if (call->type.physical() == Physical::kArray && !result->Flatten().children().empty() &&
      result->Flatten().child().size() > kFoldedElementsMax) {
    return call;
  }
  return Expr::Constant(result->Get(0), call->type);
}

absl::StatusOr<std::shared_ptr<const AggregateFunction>> ExprBuilder::Aggregate(
    std::string_view name, const std::vector<Datum>& parameters,
    const std::vector<const Expr*>& arguments, bool distinct) {
  std::vector<FunctionArgument> described;
  for (const Expr* argument : arguments) described.push_back(DescribeArgument(*argument));
  HOGLET_ASSIGN_OR_RETURN(auto function,
                          catalog_.BindAggregate(name, parameters, described, distinct));
  return std::shared_ptr<const AggregateFunction>(std::move(function));
}

absl::StatusOr<Type> ExprBuilder::CommonType(const Type& a, const Type& b) {
  if (a == b) return a;
  std::vector<FunctionArgument> arguments(2);
  arguments[0].type = a;
  arguments[1].type = b;
  HOGLET_ASSIGN_OR_RETURN(auto function, catalog_.BindScalar("array", arguments, context_));
  return function->result_type().element();
}

absl::StatusOr<ExprPtr> ExprBuilder::Cast(ExprPtr expr, const Type& type) {
  if (expr->type == type) return expr;
  if (IsConstant(*expr) && expr->constant.is_null() && type.nullable())
    return Expr::Constant(Datum(), type);
  return Call("CAST", ExprList(std::move(expr), StringLiteral(type.Name())));
}

absl::StatusOr<ExprPtr> ExprBuilder::And(std::vector<ExprPtr> conjuncts) {
  if (conjuncts.empty()) return BoolLiteral(true);
  if (conjuncts.size() == 1) return std::move(conjuncts[0]);
  return Call("and", std::move(conjuncts));
}

ExprPtr UnsignedLiteral(uint64_t value) {
  const TypeKind kind = value <= 0xFF                                   ? TypeKind::kUInt8
                        : value <= 0xFFFF                               ? TypeKind::kUInt16
                        : value <= std::numeric_limits<uint32_t>::max() ? TypeKind::kUInt32
                                                                        : TypeKind::kUInt64;
  return Expr::Constant(static_cast<int64_t>(value), Type(kind));
}

ExprPtr IntegerLiteral(int64_t value) {
  if (value >= 0) return UnsignedLiteral(static_cast<uint64_t>(value));
  const TypeKind kind = value >= std::numeric_limits<int8_t>::min()    ? TypeKind::kInt8
                        : value >= std::numeric_limits<int16_t>::min() ? TypeKind::kInt16
                        : value >= std::numeric_limits<int32_t>::min() ? TypeKind::kInt32
                                                                       : TypeKind::kInt64;
  return Expr::Constant(value, Type(kind));
}

ExprPtr FloatLiteral(double value) { return Expr::Constant(value, Type(TypeKind::kFloat64)); }
ExprPtr StringLiteral(std::string_view value) {
  return Expr::Constant(std::string(value), Type(TypeKind::kString));
}
ExprPtr BoolLiteral(bool value) { return Expr::Constant(int64_t{value}, Type(TypeKind::kUInt8)); }
ExprPtr NullLiteral() { return Expr::Constant(Datum(), Type(TypeKind::kNothing).Nullable()); }

bool IsConstant(const Expr& expr) { return expr.kind == Expr::Kind::kConstant; }
bool IsNullLiteral(const Expr& expr) { return IsConstant(expr) && expr.constant.is_null(); }

std::optional<bool> ConstantTruth(const Expr& expr) {
  if (!IsConstant(expr) || !expr.type.IsNumber()) return std::nullopt;
  if (auto* integer = std::get_if<int64_t>(&expr.constant.value)) return *integer != 0;
  return std::nullopt;
}

const std::string* ConstantText(const Expr& expr) {
  if (!IsConstant(expr) || !expr.type.IsStringLike()) return nullptr;
  return std::get_if<std::string>(&expr.constant.value);
}

void AddColumnsOf(const Expr& expr, std::set<size_t>* columns) {
  ForEachNode(expr, [&](const Expr& node) {
    if (node.kind == Expr::Kind::kColumn) columns->insert(node.column);
  });
}

std::set<size_t> ColumnsOf(const Expr& expr) {
  std::set<size_t> columns;
  AddColumnsOf(expr, &columns);
  return columns;
}

bool IsDeterministic(const Expr& expr) {
  bool deterministic = true;
  ForEachNode(expr, [&](const Expr& node) {
    if (node.function != nullptr && !node.function->deterministic()) deterministic = false;
  });
  return deterministic;
}

size_t NodeCount(const Expr& expr) {
  size_t count = 0;
  ForEachNode(expr, [&](const Expr&) { ++count; });
  return count;
}

void SplitConjuncts(ExprPtr expr, std::vector<ExprPtr>* conjuncts) {
  if (expr->kind == Expr::Kind::kCall && expr->name == "and") {
    for (ExprPtr& argument : expr->arguments) SplitConjuncts(std::move(argument), conjuncts);
    return;
  }
  conjuncts->push_back(std::move(expr));
}

}  // namespace hoglet::analysis
