#include "include/hoglet/status.h"
#include "query/analyze/binder.h"
#include "src/base/strings.h"

// Comparisons with HogQL's rules for NULL (spec hogql-functions.md section 5) spelled out as calls.

namespace hoglet::analysis {
namespace {

using ast::CompareOp;

std::string_view FunctionOf(CompareOp op) {
  switch (op) {
    case CompareOp::kEqual:
      return "equals";
    case CompareOp::kNotEqual:
      return "notEquals";
    case CompareOp::kLess:
      return "less";
    case CompareOp::kLessEqual:
      return "lessOrEquals";
    case CompareOp::kGreater:
      return "greater";
    case CompareOp::kGreaterEqual:
      return "greaterOrEquals";
    case CompareOp::kLike:
      return "like";
    case CompareOp::kILike:
      return "ilike";
    case CompareOp::kNotLike:
      return "notLike";
    case CompareOp::kNotILike:
      return "notILike";
    default:
      return "match";
  }
}

bool IsOrder(CompareOp op) {
  return op == CompareOp::kLess || op == CompareOp::kLessEqual || op == CompareOp::kGreater ||
         op == CompareOp::kGreaterEqual;
}
bool IsNegative(CompareOp op) {
  return op == CompareOp::kNotEqual || op == CompareOp::kNotLike || op == CompareOp::kNotILike ||
         op == CompareOp::kNotRegex || op == CompareOp::kNotIRegex;
}
bool IsRegex(CompareOp op) {
  return op == CompareOp::kRegex || op == CompareOp::kNotRegex || op == CompareOp::kIRegex ||
         op == CompareOp::kNotIRegex;
}

bool Ordered(CompareOp op, int order) {
  switch (op) {
    case CompareOp::kLess:
      return order < 0;
    case CompareOp::kLessEqual:
      return order <= 0;
    case CompareOp::kGreater:
      return order > 0;
    case CompareOp::kGreaterEqual:
      return order >= 0;
    case CompareOp::kEqual:
      return order == 0;
    default:
      return order != 0;
  }
}

std::optional<double> NumberOf(const ast::Constant& constant) {
  if (auto* integer = std::get_if<int64_t>(&constant.value)) return static_cast<double>(*integer);
  if (auto* number = std::get_if<double>(&constant.value)) return *number;
  if (auto* truth = std::get_if<bool>(&constant.value)) return *truth ? 1 : 0;
  return std::nullopt;
}

// Two literals compare as Python compares them: text never equals a number. Nullopt if that is not
// decided here.
absl::StatusOr<std::optional<bool>> CompareLiterals(CompareOp op, const ast::Constant& left,
                                                    const ast::Constant& right) {
  if (left.is_null() || right.is_null()) {
    const bool both = left.is_null() && right.is_null();
    if (IsOrder(op)) return std::optional(false);
    return std::optional(op == CompareOp::kEqual ? both : !both);
  }
  if (left.as_integer() != nullptr && right.as_integer() != nullptr) {
    const int64_t a = *left.as_integer(), b = *right.as_integer();
    return std::optional(Ordered(op, a < b ? -1 : a > b ? 1 : 0));
  }
  if (left.as_string() != nullptr && right.as_string() != nullptr) {
    const int order = left.as_string()->compare(*right.as_string());
    return std::optional(Ordered(op, order < 0 ? -1 : order > 0 ? 1 : 0));
  }
  const auto a = NumberOf(left), b = NumberOf(right);
  if (a && b) {
    if (*a != *a || *b != *b) return std::optional(op == CompareOp::kNotEqual);
    return std::optional(Ordered(op, *a < *b ? -1 : *a > *b ? 1 : 0));
  }
  if ((a && right.as_string() != nullptr) || (b && left.as_string() != nullptr)) {
    if (IsOrder(op)) return QueryError("Cannot compare a text with a number by <, <=, > or >=");
    return std::optional(op == CompareOp::kNotEqual);
  }
  return std::optional<bool>();
}

// Constants as one: an array where all have one type, which is cheaper than a tuple where there are
// thousands.
ExprPtr ConstantSet(const Type& left, std::vector<ExprPtr> items) {
  std::vector<Datum> values;
  std::vector<Type> types;
  // (1, 2) IN (1, 2) has one tuple on its right.
  bool alike = !items.empty() && left.kind() != TypeKind::kTuple;
  bool nullable = false;
  Type common;
  for (const ExprPtr& item : items) {
    if (item->type.kind() != TypeKind::kNothing) common = item->type.NotNullable();
  }
  for (ExprPtr& item : items) {
    nullable = nullable || item->constant.is_null();
    const bool placeable =
        item->type.kind() != TypeKind::kTuple && item->type.kind() != TypeKind::kArray;
    alike = alike && placeable && (IsNullLiteral(*item) || item->type.NotNullable() == common);
    values.push_back(std::move(item->constant));
    types.push_back(item->type);
  }
  if (!alike) return Expr::Constant(std::move(values), Type::Tuple(std::move(types)));
  const Type element = nullable ? common.Nullable() : common;
  return Expr::Constant(std::move(values), Type::Array(element));
}

}  // namespace

absl::StatusOr<ExprPtr> Binder::BindCompare(const ast::CompareOperation& operation, Scope* scope) {
  return BindComparison(operation.op, *operation.left, *operation.right, scope);
}

absl::StatusOr<ExprPtr> Binder::BindComparison(CompareOp op, const ast::Expr& left,
                                               const ast::Expr& right, Scope* scope) {
  if (op == CompareOp::kIn || op == CompareOp::kNotIn)
    return BindIn(left, right, op == CompareOp::kNotIn, scope);
  if (op == CompareOp::kInCohort || op == CompareOp::kNotInCohort)
    return InCohort(left, right, op == CompareOp::kNotInCohort, scope);
  auto* left_literal = ast::As<ast::Constant>(&left);
  auto* right_literal = ast::As<ast::Constant>(&right);
  if (left_literal != nullptr && right_literal != nullptr && !scope->raw &&
      op <= CompareOp::kGreaterEqual) {
    HOGLET_ASSIGN_OR_RETURN(auto truth, CompareLiterals(op, *left_literal, *right_literal));
    if (truth) return BoolLiteral(*truth);
  }
  HOGLET_ASSIGN_OR_RETURN(ExprPtr bound_left, BindExpr(left, scope));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr bound_right, BindExpr(right, scope));
  return Compare(op, std::move(bound_left), std::move(bound_right), *scope);
}

absl::StatusOr<ExprPtr> Binder::Compare(CompareOp op, ExprPtr left, ExprPtr right,
                                        const Scope& scope) {
  const bool plain = scope.join_constraint || scope.raw;
  if (!plain && !IsRegex(op) && (IsNullLiteral(*left) || IsNullLiteral(*right))) {
    if (IsOrder(op)) return BoolLiteral(false);
    ExprPtr other = std::move(IsNullLiteral(*right) ? left : right);
    return builder_.Call(IsNegative(op) ? "isNotNull" : "isNull", ExprList(std::move(other)));
  }
  HOGLET_RETURN_IF_ERROR(Coerce(&left, &right));
  ExprPtr pattern = right->Clone();
  if (op == CompareOp::kIRegex || op == CompareOp::kNotIRegex) {
    HOGLET_ASSIGN_OR_RETURN(
        pattern, builder_.Call("concat", ExprList(StringLiteral("(?i)"), std::move(pattern))));
  }
  HOGLET_ASSIGN_OR_RETURN(
      ExprPtr call, builder_.Call(FunctionOf(op), ExprList(left->Clone(), std::move(pattern))));
  if (op == CompareOp::kNotRegex || op == CompareOp::kNotIRegex) {
    HOGLET_ASSIGN_OR_RETURN(call, builder_.Call("not", ExprList(std::move(call))));
  }
  if (plain || (!left->type.nullable() && !right->type.nullable())) return call;
  return WrapNulls(op, std::move(call), *left, *right);
}

absl::StatusOr<ExprPtr> Binder::WrapNulls(CompareOp op, ExprPtr call, const Expr& left,
                                          const Expr& right) {
  if (IsOrder(op)) return builder_.Call("ifNull", ExprList(std::move(call), BoolLiteral(false)));
  const bool literal = IsConstant(left) || IsConstant(right);
  if (literal && !IsRegex(op))
    return builder_.Call("ifNull", ExprList(std::move(call), BoolLiteral(IsNegative(op))));
  const char* test = IsNegative(op) ? "isNotNull" : "isNull";
  HOGLET_ASSIGN_OR_RETURN(ExprPtr left_test, builder_.Call(test, ExprList(left.Clone())));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr right_test, builder_.Call(test, ExprList(right.Clone())));
  std::vector<ExprPtr> tests = ExprList(std::move(left_test), std::move(right_test));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr otherwise,
                          BindLogicOf(IsNegative(op) ? "or" : "and", std::move(tests)));
  return builder_.Call("ifNull", ExprList(std::move(call), std::move(otherwise)));
}

absl::Status Binder::Coerce(ExprPtr* left, ExprPtr* right) {
  for (int side = 0; side < 2; ++side) {
    ExprPtr* literal = side == 0 ? right : left;
    const Type& type = side == 0 ? (*left)->type : (*right)->type;
    const std::string* text = ConstantText(**literal);
    const bool special = type.IsDateOrTime() || type.kind() == TypeKind::kUuid ||
                         type.kind() == TypeKind::kEnum8 || type.kind() == TypeKind::kIPv4 ||
                         type.kind() == TypeKind::kIPv6;
    if (text == nullptr || !special) continue;
    HOGLET_ASSIGN_OR_RETURN(*literal, ReadConstantAs(*text, type.NotNullable()));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExprPtr> Binder::ReadConstantAs(const std::string& text, const Type& type) {
  auto unreadable = [&](std::string_view code) {
    return CodedError(code, StrCat("Cannot parse '", text, "' as a value of type ", type.Name()));
  };
  absl::StatusOr<ExprPtr> value = absl::InternalError("");
  std::string_view code = "cannot_parse_datetime";
  const std::string value_zone = type.zone().empty() ? "UTC" : type.zone();
  switch (type.kind()) {
    case TypeKind::kDateTime:
    case TypeKind::kDateTime64:
      // With microseconds, so that a literal between two values of the column is not rounded onto
      // one.
      value = builder_.Call("toDateTime64", ExprList(StringLiteral(text), IntegerLiteral(6),
                                                     StringLiteral(value_zone)));
      break;
    case TypeKind::kDate:
    case TypeKind::kDate32:
      code = "cannot_parse_date";
      value = builder_.Call("toDate", ExprList(StringLiteral(text)));
      break;
    case TypeKind::kUuid:
      code = "cannot_parse_uuid";
      value = builder_.Call("toUUID", ExprList(StringLiteral(text)));
      break;
    case TypeKind::kEnum8:
      for (size_t i = 0; i < type.names().size(); ++i) {
        if (type.names()[i] == text) return Expr::Constant(int64_t{type.enum_values()[i]}, type);
      }
      return CodedError("unknown_element_of_enum",
                        StrCat("Unknown element '", text, "' for enum ", type.Name()));
    default:
      return StringLiteral(text);
  }
  if (!value.ok()) return value.status();
  if (!IsConstant(**value) && builder_.folding()) return unreadable(code);
  return value;
}

absl::StatusOr<ExprPtr> Binder::BindIn(const ast::Expr& left, const ast::Expr& right, bool negated,
                                       Scope* scope) {
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(left, scope));
  if (right.kind == ast::NodeKind::kSelectQuery || right.kind == ast::NodeKind::kSelectSetQuery) {
    return InSubquery(std::move(value), right, negated, scope);
  }
  // A table CTE as the right side.
  if (auto* field = ast::As<ast::Field>(&right); field != nullptr && field->chain.size() == 1) {
    for (const CteLink* link = scope->ctes; link != nullptr; link = link->older) {
      if (link->cte->name != field->chain[0] || link->cte->is_column ||
          scope->aliases.contains(field->chain[0]))
        continue;
      HOGLET_ASSIGN_OR_RETURN(SelectResult result, BindQuery(*link->cte->expr, link->older));
      return InResult(std::move(value), std::move(result), negated);
    }
  }
  const ast::ExprList* items = nullptr;
  if (auto* tuple = ast::As<ast::Tuple>(&right)) items = &tuple->exprs;
  if (auto* array = ast::As<ast::Array>(&right)) items = &array->exprs;
  if (auto* call = ast::As<ast::Call>(&right);
      call != nullptr && (call->name == "tuple" || call->name == "array"))
    items = &call->args;
  if (items == nullptr) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr set, BindExpr(right, scope));
    if (IsConstant(*set) || set->type.kind() != TypeKind::kArray)
      return InList(std::move(value), std::move(set), negated);
    // An array that differs from row to row.
    HOGLET_ASSIGN_OR_RETURN(ExprPtr found,
                            builder_.Call("has", ExprList(std::move(set), std::move(value))));
    if (!negated) return found;
    return builder_.Call("not", ExprList(std::move(found)));
  }
  HOGLET_ASSIGN_OR_RETURN(auto bound, BindList(*items, scope));
  bool constant = true;
  for (ExprPtr& item : bound) {
    HOGLET_RETURN_IF_ERROR(Coerce(&value, &item));
    constant = constant && IsConstant(*item);
  }
  if (!constant) return InAnyOf(std::move(value), std::move(bound), negated, *scope);
  ExprPtr set = ConstantSet(value->type, std::move(bound));
  return InList(std::move(value), std::move(set), negated);
}

absl::StatusOr<ExprPtr> Binder::InList(ExprPtr left, ExprPtr right, bool negated) {
  HOGLET_RETURN_IF_ERROR(Coerce(&left, &right));
  return builder_.Call(negated ? "notIn" : "in", ExprList(std::move(left), std::move(right)));
}

// Items that are not all constants: one equality each.
absl::StatusOr<ExprPtr> Binder::InAnyOf(ExprPtr left, std::vector<ExprPtr> items, bool negated,
                                        const Scope& scope) {
  std::vector<ExprPtr> tests;
  for (ExprPtr& item : items) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr test,
                            Compare(CompareOp::kEqual, left->Clone(), std::move(item), scope));
    tests.push_back(std::move(test));
  }
  HOGLET_ASSIGN_OR_RETURN(ExprPtr any, BindLogicOf("or", std::move(tests)));
  if (!negated) return any;
  return builder_.Call("not", ExprList(std::move(any)));
}

absl::StatusOr<ExprPtr> Binder::InSubquery(ExprPtr left, const ast::Expr& query, bool negated,
                                           Scope* scope) {
  HOGLET_ASSIGN_OR_RETURN(SelectResult result, BindQuery(query, scope->ctes));
  return InResult(std::move(left), std::move(result), negated);
}

absl::StatusOr<ExprPtr> Binder::InResult(ExprPtr left, SelectResult result, bool negated) {
  const size_t columns = result.fields.size();
  const bool tuple = left->type.kind() == TypeKind::kTuple;
  std::vector<Type> types =
      tuple && columns > 1 ? left->type.children() : std::vector<Type>{left->type};
  if (types.size() != columns) {
    return CodedError("number_of_columns_doesnt_match",
                      StrCat("Number of columns in section IN doesn't match. ", types.size(),
                             " at left, ", columns, " at right."));
  }
  auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(result.op));
  std::vector<Type> wanted;
  for (size_t i = 0; i < columns; ++i) {
    const Type& have = symbols_[result.fields[i].symbol].type;
    Type common = types[i];
    if (!have.SameBase(types[i])) {
      HOGLET_ASSIGN_OR_RETURN(common,
                              builder_.CommonType(types[i].NotNullable(), have.NotNullable()));
      HOGLET_ASSIGN_OR_RETURN(ExprPtr cast,
                              builder_.Cast(symbols_.Reference(result.fields[i].symbol),
                                            have.nullable() ? common.Nullable() : common));
      result.fields[i].symbol =
          Materialize(std::move(cast), result.fields[i].name, &extend->definitions);
    }
    wanted.push_back(types[i].nullable() ? common.Nullable() : common.NotNullable());
  }
  result.op = std::move(extend);
  HOGLET_ASSIGN_OR_RETURN(
      left, builder_.Cast(std::move(left), types.size() > 1 ? Type::Tuple(wanted) : wanted[0]));
  HOGLET_ASSIGN_OR_RETURN(PlanPtr plan, Finish(std::move(result)));
  auto expr = std::make_unique<Expr>();
  expr->kind = Expr::Kind::kSubquery;
  expr->type = Type(TypeKind::kUInt8);
  expr->in_set = true;
  expr->arguments.push_back(std::move(left));
  expr->subplan = std::move(plan);
  if (!negated) return expr;
  return builder_.Call("not", ExprList(std::move(expr)));
}

absl::StatusOr<ExprPtr> Binder::InCohort(const ast::Expr& left, const ast::Expr& cohort,
                                         bool negated, Scope* scope) {
  auto* constant = ast::As<ast::Constant>(&cohort);
  if (constant == nullptr) return QueryError("cohort() takes only constant arguments");
  std::vector<SchemaProvider::Cohort> found;
  if (constant->as_integer() != nullptr) {
    found = provider_->CohortsById(*constant->as_integer());
    if (found.empty())
      return QueryError(StrCat("Could not find cohort with ID ", *constant->as_integer()));
  } else if (constant->as_string() != nullptr) {
    found = provider_->CohortsByName(*constant->as_string());
    if (found.empty())
      return QueryError(
          StrCat("Could not find a cohort with the name '", *constant->as_string(), "'"));
    if (found.size() > 1)
      return QueryError(StrCat("Found multiple cohorts with name '", *constant->as_string(), "'"));
  } else {
    return QueryError("cohort() takes exactly one string or integer argument");
  }
  std::string text;
  if (found[0].is_static) {
    text = StrCat("select person_id from static_cohort_people where cohort_id = ", found[0].id);
  } else if (found[0].version) {
    text = StrCat("select person_id from raw_cohort_people where cohort_id = ", found[0].id,
                  " and version = ", *found[0].version);
  } else {
    text = StrCat("select person_id from raw_cohort_people where cohort_id = ", found[0].id,
                  " group by person_id, cohort_id, version having sum(sign) > 0");
  }
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(left, scope));
  HOGLET_ASSIGN_OR_RETURN(const ast::Expr* query, ParseOwn(text, /*query=*/true));
  HOGLET_ASSIGN_OR_RETURN(SelectResult result, BindQuery(*query, nullptr));
  return InResult(std::move(value), std::move(result), negated);
}

}  // namespace hoglet::analysis
