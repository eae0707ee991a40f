#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "include/hoglet/status.h"
#include "query/analyze/binder.h"
#include "src/base/strings.h"

namespace hoglet::analysis {
namespace {

constexpr int kDepthMax =
    700;  // nested expressions and queries, views included; keeps the stack small

struct DepthGuard {
  explicit DepthGuard(int* depth) : depth_(depth) { ++*depth_; }
  ~DepthGuard() { --*depth_; }
  int* depth_;
};

ExprPtr BigLiteral(const std::string& decimal) {
  uint64_t value = 0;
  if (decimal[0] != '-' && absl::SimpleAtoi(decimal, &value)) return UnsignedLiteral(value);
  double number = 0;
  if (!absl::SimpleAtod(decimal, &number)) number = std::numeric_limits<double>::infinity();
  return FloatLiteral(number);
}

}  // namespace

absl::StatusOr<ExprPtr> Binder::BindExpr(const ast::Expr& expr, Scope* scope) {
  auto bound = BindAny(expr, scope);
  if (bound.ok() || expr.span.end == 0 || bound.status().GetPayload(kSpanPayload)) return bound;
  absl::Status status = bound.status();
  status.SetPayload(kSpanPayload, absl::Cord(StrCat(expr.span.start, ",", expr.span.end)));
  return status;
}

absl::StatusOr<ExprPtr> Binder::BindAny(const ast::Expr& expr, Scope* scope) {
  DepthGuard guard(&depth_);
  if (depth_ > kDepthMax)
    return QueryError(StrCat("The query is nested deeper than ", kDepthMax, " levels"));
  using ast::As;
  using ast::NodeKind;
  switch (expr.kind) {
    case NodeKind::kConstant:
      return BindConstant(*As<ast::Constant>(&expr));
    case NodeKind::kField: {
      Path path;
      CollectPath(expr, scope, &path);
      return BindPath(path, scope);
    }
    case NodeKind::kAlias:
      return BindAlias(*As<ast::Alias>(&expr), scope);
    case NodeKind::kArithmeticOperation:
      return BindArithmetic(*As<ast::ArithmeticOperation>(&expr), scope);
    case NodeKind::kCompareOperation:
      return BindCompare(*As<ast::CompareOperation>(&expr), scope);
    case NodeKind::kIsDistinctFrom:
      return BindDistinctFrom(*As<ast::IsDistinctFrom>(&expr), scope);
    case NodeKind::kBetweenExpr:
      return BindBetween(*As<ast::BetweenExpr>(&expr), scope);
    case NodeKind::kAnd:
      return BindLogic("and", As<ast::And>(&expr)->exprs, scope);
    case NodeKind::kOr:
      return BindLogic("or", As<ast::Or>(&expr)->exprs, scope);
    case NodeKind::kNot: {
      HOGLET_ASSIGN_OR_RETURN(ExprPtr operand, BindExpr(*As<ast::Not>(&expr)->expr, scope));
      return builder_.Call("not", ExprList(std::move(operand)));
    }
    case NodeKind::kCall:
      return BindCall(*As<ast::Call>(&expr), scope);
    case NodeKind::kWindowFunction:
      return BindWindowFunction(*As<ast::WindowFunction>(&expr), scope);
    case NodeKind::kArray: {
      HOGLET_ASSIGN_OR_RETURN(auto items, BindList(As<ast::Array>(&expr)->exprs, scope));
      return builder_.Call("array", std::move(items));
    }
    case NodeKind::kTuple: {
      HOGLET_ASSIGN_OR_RETURN(auto items, BindList(As<ast::Tuple>(&expr)->exprs, scope));
      return builder_.Call("tuple", std::move(items));
    }
    case NodeKind::kDict:
      return BindDict(*As<ast::Dict>(&expr), scope);
    case NodeKind::kArrayAccess:
      return BindArrayAccess(*As<ast::ArrayAccess>(&expr), scope);
    case NodeKind::kTupleAccess:
      return BindTupleAccess(*As<ast::TupleAccess>(&expr), scope);
    case NodeKind::kArraySlice:
      return BindSlice(*As<ast::ArraySlice>(&expr), scope);
    case NodeKind::kTypeCast:
      return BindCast(*As<ast::TypeCast>(&expr), scope);
    case NodeKind::kTryCast:
      return QueryError("TRY_CAST is not allowed in hogql dialect");
    case NodeKind::kPositionalRef:
      return QueryError("Positional references are not allowed in hogql dialect");
    case NodeKind::kSelectQuery:
    case NodeKind::kSelectSetQuery:
      return BindSubquery(expr, scope);
    case NodeKind::kHogQLXTag:
      return BindTag(*As<ast::HogQLXTag>(&expr), scope);
    case NodeKind::kPlaceholder:
      return QueryError("You can not use placeholders here");
    case NodeKind::kColumnsExpr:
      return QueryError("COLUMNS(...) can only be used in the SELECT clause");
    case NodeKind::kLambda:
      return QueryError("A lambda can only be used as an argument of a function");
    default:
      return QueryError(StrCat("Unsupported expression: ", ast::NodeKindName(expr.kind)));
  }
}

absl::StatusOr<ExprPtr> Binder::BindConstant(const ast::Constant& constant) {
  if (constant.is_null()) return NullLiteral();
  if (auto* text = std::get_if<std::string>(&constant.value)) return StringLiteral(*text);
  if (auto* integer = std::get_if<int64_t>(&constant.value)) return IntegerLiteral(*integer);
  if (auto* number = std::get_if<double>(&constant.value)) return FloatLiteral(*number);
  if (auto* truth = std::get_if<bool>(&constant.value)) return BoolLiteral(*truth);
  return BigLiteral(std::get<ast::BigInteger>(constant.value).text);
}

absl::StatusOr<std::vector<ExprPtr>> Binder::BindList(const ast::ExprList& list, Scope* scope) {
  std::vector<ExprPtr> bound;
  for (const ast::ExprPtr& item : list) {
    if (auto* spread = ast::As<ast::SpreadExpr>(item)) {
      std::vector<SelectItem> items;
      HOGLET_RETURN_IF_ERROR(BindSelectItem(*spread->expr, scope, &items));
      for (SelectItem& expanded : items) bound.push_back(std::move(expanded.expr));
      continue;
    }
    HOGLET_ASSIGN_OR_RETURN(ExprPtr expr, BindExpr(*item, scope));
    bound.push_back(std::move(expr));
  }
  return bound;
}

absl::StatusOr<ExprPtr> Binder::BindAlias(const ast::Alias& alias, Scope* scope) {
  HOGLET_ASSIGN_OR_RETURN(ExprPtr expr, BindExpr(*alias.expr, scope));
  if (!scope->aliases.emplace(alias.alias, expr->Clone()).second) {
    return QueryError(StrCat("Cannot redefine an alias with the name: ", alias.alias));
  }
  return expr;
}

absl::StatusOr<ExprPtr> Binder::BindArithmetic(const ast::ArithmeticOperation& operation,
                                               Scope* scope) {
  static constexpr const char* kNames[] = {"plus", "minus", "multiply", "divide", "modulo"};
  HOGLET_ASSIGN_OR_RETURN(ExprPtr left, BindExpr(*operation.left, scope));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr right, BindExpr(*operation.right, scope));
  return builder_.Call(kNames[static_cast<int>(operation.op)],
                       ExprList(std::move(left), std::move(right)));
}

absl::StatusOr<ExprPtr> Binder::BindLogic(std::string_view name, const ast::ExprList& operands,
                                          Scope* scope) {
  HOGLET_ASSIGN_OR_RETURN(auto bound, BindList(operands, scope));
  return BindLogicOf(name, std::move(bound));
}

// Constants that do not matter are left out; one that decides is the result.
absl::StatusOr<ExprPtr> Binder::BindLogicOf(std::string_view name, std::vector<ExprPtr> operands) {
  const bool deciding = name == "or";
  std::vector<ExprPtr> kept;
  for (ExprPtr& operand : operands) {
    auto truth = ConstantTruth(*operand);
    if (truth && *truth == deciding) return BoolLiteral(deciding);
    if (!truth) kept.push_back(std::move(operand));
  }
  if (kept.empty()) return BoolLiteral(!deciding);
  if (kept.size() == 1) return std::move(kept[0]);
  return builder_.Call(name, std::move(kept));
}

absl::StatusOr<ExprPtr> Binder::BindBetween(const ast::BetweenExpr& between, Scope* scope) {
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*between.expr, scope));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr low, BindExpr(*between.low, scope));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr high, BindExpr(*between.high, scope));
  ExprPtr again = value->Clone();
  HOGLET_RETURN_IF_ERROR(Coerce(&value, &low));
  HOGLET_RETURN_IF_ERROR(Coerce(&again, &high));
  HOGLET_ASSIGN_OR_RETURN(
      ExprPtr from, builder_.Call("greaterOrEquals", ExprList(std::move(value), std::move(low))));
  HOGLET_ASSIGN_OR_RETURN(
      ExprPtr to, builder_.Call("lessOrEquals", ExprList(std::move(again), std::move(high))));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr both,
                          builder_.Call("and", ExprList(std::move(from), std::move(to))));
  if (between.negated) {
    HOGLET_ASSIGN_OR_RETURN(both, builder_.Call("not", ExprList(std::move(both))));
  }
  if (!both->type.nullable()) return both;
  return builder_.Call("ifNull", ExprList(std::move(both), BoolLiteral(false)));
}

absl::StatusOr<ExprPtr> Binder::BindDistinctFrom(const ast::IsDistinctFrom& expr, Scope* scope) {
  HOGLET_ASSIGN_OR_RETURN(ExprPtr left, BindExpr(*expr.left, scope));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr right, BindExpr(*expr.right, scope));
  HOGLET_RETURN_IF_ERROR(Coerce(&left, &right));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr differ,
                          builder_.Call("notEquals", ExprList(left->Clone(), right->Clone())));
  if (differ->type.nullable()) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr left_null, builder_.Call("isNull", ExprList(std::move(left))));
    HOGLET_ASSIGN_OR_RETURN(ExprPtr right_null,
                            builder_.Call("isNull", ExprList(std::move(right))));
    HOGLET_ASSIGN_OR_RETURN(
        ExprPtr one_null,
        builder_.Call("notEquals", ExprList(std::move(left_null), std::move(right_null))));
    HOGLET_ASSIGN_OR_RETURN(
        differ, builder_.Call("ifNull", ExprList(std::move(differ), std::move(one_null))));
  }
  if (!expr.negated) return differ;
  return builder_.Call("not", ExprList(std::move(differ)));
}

absl::StatusOr<ExprPtr> Binder::BindTupleAccess(const ast::TupleAccess& access, Scope* scope) {
  if (access.index == 0)
    return QueryError("SQL indexes start from one, not from zero. E.g: array.1");
  Path path;
  if (CollectPath(access, scope, &path)) {
    HOGLET_RETURN_IF_ERROR(CheckIndexes(path));
    return BindPath(path, scope);
  }
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*access.tuple, scope));
  return builder_.Call("tupleElement", ExprList(std::move(value), IntegerLiteral(access.index)));
}

absl::StatusOr<ExprPtr> Binder::BindArrayAccess(const ast::ArrayAccess& access, Scope* scope) {
  auto* constant = ast::As<ast::Constant>(access.property);
  if (constant != nullptr && constant->as_integer() != nullptr && *constant->as_integer() == 0) {
    return QueryError("SQL indexes start from one, not from zero. E.g: array[1]");
  }
  Path path;
  if (CollectPath(access, scope, &path)) {
    HOGLET_RETURN_IF_ERROR(CheckIndexes(path));
    return BindPath(path, scope);
  }
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*access.array, scope));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr key, BindExpr(*access.property, scope));
  return AccessElement(std::move(value), std::move(key));
}

// array[a:b]: from the a-th to the b-th element.
absl::StatusOr<ExprPtr> Binder::BindSlice(const ast::ArraySlice& slice, Scope* scope) {
  if (!context_.array_slices) return QueryError("Array slices are not allowed in hogql dialect");
  HOGLET_ASSIGN_OR_RETURN(ExprPtr array, BindExpr(*slice.array, scope));
  ExprPtr start = IntegerLiteral(1);
  if (slice.start_expr != nullptr) {
    HOGLET_ASSIGN_OR_RETURN(start, BindExpr(*slice.start_expr, scope));
  }
  std::vector<ExprPtr> arguments = ExprList(std::move(array), start->Clone());
  if (slice.end_expr != nullptr) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr length, BindExpr(*slice.end_expr, scope));
    HOGLET_ASSIGN_OR_RETURN(length,
                            builder_.Call("minus", ExprList(std::move(length), std::move(start))));
    HOGLET_ASSIGN_OR_RETURN(length,
                            builder_.Call("plus", ExprList(std::move(length), IntegerLiteral(1))));
    arguments.push_back(std::move(length));
  }
  return builder_.Call("arraySlice", std::move(arguments));
}

absl::StatusOr<ExprPtr> Binder::BindDict(const ast::Dict& dict, Scope* scope) {
  std::vector<ExprPtr> items = ExprList(StringLiteral("__hx_tag"), StringLiteral("__hx_obj"));
  for (const auto& [key, value] : dict.items) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr bound_key, BindExpr(*key, scope));
    HOGLET_ASSIGN_OR_RETURN(ExprPtr bound_value, BindExpr(*value, scope));
    items.push_back(std::move(bound_key));
    items.push_back(std::move(bound_value));
  }
  return builder_.Call("tuple", std::move(items));
}

absl::StatusOr<ExprPtr> Binder::BindTag(const ast::HogQLXTag& tag, Scope* scope) {
  static constexpr std::string_view kKnown[] = {"Sparkline",
                                                "RecordingButton",
                                                "ExplainCSPReport",
                                                "a",
                                                "b",
                                                "i",
                                                "strong",
                                                "em",
                                                "div",
                                                "span",
                                                "u",
                                                "p",
                                                "pre",
                                                "code",
                                                "h1",
                                                "h2",
                                                "h3",
                                                "blink",
                                                "marquee",
                                                "redacted",
                                                "strike",
                                                "ul",
                                                "ol",
                                                "li",
                                                "hr",
                                                "br"};
  bool known = false;
  for (std::string_view name : kKnown) known = known || name == tag.tag_kind;
  if (!known)
    return QueryError(StrCat("Error parsing query tag: Unknown tag <", tag.tag_kind, " />."));
  std::vector<ExprPtr> items = ExprList(StringLiteral("__hx_tag"), StringLiteral(tag.tag_kind));
  for (const auto& attribute : tag.attributes) {
    items.push_back(StringLiteral(attribute->name));
    if (attribute->value != nullptr) {
      HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*attribute->value, scope));
      items.push_back(std::move(value));
    } else {
      HOGLET_ASSIGN_OR_RETURN(auto children, BindList(*attribute->children, scope));
      HOGLET_ASSIGN_OR_RETURN(ExprPtr value, builder_.Call("tuple", std::move(children)));
      items.push_back(std::move(value));
    }
  }
  return builder_.Call("tuple", std::move(items));
}

absl::StatusOr<ExprPtr> Binder::BindCast(const ast::TypeCast& cast, Scope* scope) {
  struct Row {
    std::string_view type;
    std::string_view function;
  };
  static constexpr Row kRows[] = {{"int", "toInt64"},
                                  {"integer", "toInt64"},
                                  {"bigint", "toInt64"},
                                  {"int64", "toInt64"},
                                  {"smallint", "toInt64"},
                                  {"float", "toFloat64"},
                                  {"float64", "toFloat64"},
                                  {"double", "toFloat64"},
                                  {"double precision", "toFloat64"},
                                  {"real", "toFloat64"},
                                  {"text", "toString"},
                                  {"string", "toString"},
                                  {"varchar", "toString"},
                                  {"char", "toString"},
                                  {"bool", "bool"},
                                  {"boolean", "bool"},
                                  {"date", "toDate"},
                                  {"datetime", "toDateTime"},
                                  {"timestamp", "toDateTime"},
                                  {"timestamptz", "toDateTime"},
                                  {"timestamp with time zone", "toDateTime"},
                                  {"timestamp with local time zone", "toDateTime"},
                                  {"uuid", "toUUID"}};
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*cast.expr, scope));
  for (const Row& row : kRows) {
    if (row.type != cast.type_name) continue;
    if (row.function == "bool")
      return builder_.Call("accurateCastOrNull", ExprList(std::move(value), StringLiteral("Bool")));
    if (row.function == "toDateTime")
      return builder_.Call("toDateTime", ExprList(std::move(value), StringLiteral(zone_)));
    return builder_.Call(row.function, ExprList(std::move(value)));
  }
  return QueryError(StrCat("Unsupported type cast: ", cast.type_name));
}

// A query as a value: run once, its single value stands for it. Several columns make a tuple.
absl::StatusOr<ExprPtr> Binder::BindSubquery(const ast::Expr& query, Scope* scope) {
  HOGLET_ASSIGN_OR_RETURN(SelectResult result, BindQuery(query, scope->ctes));
  if (result.fields.size() > 1) {
    std::vector<ExprPtr> columns;
    for (const OutputField& field : result.fields)
      columns.push_back(symbols_.Reference(field.symbol));
    HOGLET_ASSIGN_OR_RETURN(ExprPtr tuple, builder_.Call("tuple", std::move(columns)));
    auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(result.op));
    const SymbolId symbol = Materialize(std::move(tuple), "tuple", &extend->definitions);
    result.op = std::move(extend);
    result.fields = {{"tuple", symbol}};
  }
  const Type type = symbols_[result.fields[0].symbol].type;
  HOGLET_ASSIGN_OR_RETURN(PlanPtr plan, Finish(std::move(result)));
  auto expr = std::make_unique<Expr>();
  expr->kind = Expr::Kind::kSubquery;
  const Physical physical = type.physical();
  expr->type =
      physical == Physical::kArray || physical == Physical::kTuple ? type : type.Nullable();
  expr->subplan = std::move(plan);
  return expr;
}

}  // namespace hoglet::analysis
