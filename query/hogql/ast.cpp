#include "query/hogql/ast.h"

#include <utility>

#include "query/hogql/ast_fields.h"

namespace hoglet::hogql {

namespace {

// Deep copies of everything a field may be made of.
template <class T>
T Copy(const T& value) {
  return value;
}
template <class T>
std::unique_ptr<T> Copy(const std::unique_ptr<T>& node) {
  return Clone(node);
}
template <class T>
std::vector<T> Copy(const std::vector<T>& list);
template <class A, class B>
std::pair<A, B> Copy(const std::pair<A, B>& pair) {
  return {Copy(pair.first), Copy(pair.second)};
}
TryCatchStatement::Catch Copy(const TryCatchStatement::Catch& handler) {
  return {handler.variable, handler.type, Clone(handler.block)};
}
template <class T>
std::vector<T> Copy(const std::vector<T>& list) {
  std::vector<T> copy;
  copy.reserve(list.size());
  for (const T& item : list) copy.push_back(Copy(item));
  return copy;
}
template <class T>
std::optional<std::vector<T>> Copy(const std::optional<std::vector<T>>& list) {
  if (!list.has_value()) return std::nullopt;
  return Copy(*list);
}

}  // namespace

std::string_view NodeKindName(NodeKind kind) {
  switch (kind) {
#define HOGLET_HOGQL_NAME(T) \
  case NodeKind::k##T:       \
    return #T;
    HOGLET_HOGQL_NODES(HOGLET_HOGQL_NAME)
#undef HOGLET_HOGQL_NAME
  }
  __builtin_unreachable();
}

std::string_view ArithmeticOpText(ArithmeticOp op) {
  switch (op) {
    case ArithmeticOp::kAdd:
      return "+";
    case ArithmeticOp::kSubtract:
      return "-";
    case ArithmeticOp::kMultiply:
      return "*";
    case ArithmeticOp::kDivide:
      return "/";
    case ArithmeticOp::kModulo:
      return "%";
  }
  __builtin_unreachable();
}

std::string_view CompareOpText(CompareOp op) {
  switch (op) {
    case CompareOp::kEqual:
      return "==";
    case CompareOp::kNotEqual:
      return "!=";
    case CompareOp::kLess:
      return "<";
    case CompareOp::kLessEqual:
      return "<=";
    case CompareOp::kGreater:
      return ">";
    case CompareOp::kGreaterEqual:
      return ">=";
    case CompareOp::kLike:
      return "like";
    case CompareOp::kILike:
      return "ilike";
    case CompareOp::kNotLike:
      return "not like";
    case CompareOp::kNotILike:
      return "not ilike";
    case CompareOp::kIn:
      return "in";
    case CompareOp::kNotIn:
      return "not in";
    case CompareOp::kInCohort:
      return "in cohort";
    case CompareOp::kNotInCohort:
      return "not in cohort";
    case CompareOp::kRegex:
      return "=~";
    case CompareOp::kNotRegex:
      return "!~";
    case CompareOp::kIRegex:
      return "=~*";
    case CompareOp::kNotIRegex:
      return "!~*";
  }
  __builtin_unreachable();
}

std::string_view SetOperatorText(SetOperator op) {
  switch (op) {
    case SetOperator::kUnionAll:
      return "UNION ALL";
    case SetOperator::kUnionDistinct:
      return "UNION DISTINCT";
    case SetOperator::kIntersect:
      return "INTERSECT";
    case SetOperator::kIntersectAll:
      return "INTERSECT ALL";
    case SetOperator::kIntersectDistinct:
      return "INTERSECT DISTINCT";
    case SetOperator::kExcept:
      return "EXCEPT";
    case SetOperator::kExceptAll:
      return "EXCEPT ALL";
  }
  __builtin_unreachable();
}

NodePtr CloneNode(const Node& node) {
  return Dispatch(node, [](const auto& from) -> NodePtr {
    using T = std::remove_const_t<std::remove_reference_t<decltype(from)>>;
    auto to = std::make_unique<T>();
    to->span = from.span;
    to->height = from.height;
    // Two passes over the same fields in the same order: addresses, then typed copies.
    std::vector<const void*> fields;
    VisitFields(from, [&](const char*, const auto& field) { fields.push_back(&field); });
    size_t index = 0;
    VisitFields(*to, [&](const char*, auto& field) {
      using F = std::remove_reference_t<decltype(field)>;
      field = Copy(*static_cast<const F*>(fields[index++]));
    });
    return to;
  });
}

ExprList Clone(const ExprList& list) { return Copy(list); }

}  // namespace hoglet::hogql
