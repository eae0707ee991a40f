#include "query/hogql/ast_walk.h"

#include <type_traits>

#include "query/hogql/ast_fields.h"
#include "query/hogql/ast_json.h"

namespace hoglet::hogql {

namespace {

// Calls `visit` with every unique_ptr inside a field, null or not.
template <class T, class V>
void ForEachPointer(T& field, const V& visit);

template <class P, class V>
requires std::is_base_of_v<Node, P>
void VisitPointer(std::unique_ptr<P>& pointer, const V& visit) { visit(pointer); }
template <class P, class V>
requires std::is_base_of_v<Node, P>
void VisitPointer(const std::unique_ptr<P>& pointer, const V& visit) { visit(pointer); }

template <class T>
struct IsPointer : std::false_type {};
template <class P>
struct IsPointer<std::unique_ptr<P>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class P>
struct IsVector<std::vector<P>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class P>
struct IsOptional<std::optional<P>> : std::true_type {};
template <class T>
struct IsPair : std::false_type {};
template <class A, class B>
struct IsPair<std::pair<A, B>> : std::true_type {};

template <class T, class V>
void ForEachPointer(T& field, const V& visit) {
  using F = std::remove_const_t<T>;
  if constexpr (IsPointer<F>::value) {
    VisitPointer(field, visit);
  } else if constexpr (IsVector<F>::value) {
    for (auto& item : field) ForEachPointer(item, visit);
  } else if constexpr (IsOptional<F>::value) {
    if (field.has_value()) ForEachPointer(*field, visit);
  } else if constexpr (IsPair<F>::value) {
    ForEachPointer(field.first, visit);
    ForEachPointer(field.second, visit);
  } else if constexpr (std::is_same_v<F, TryCatchStatement::Catch>) {
    ForEachPointer(field.block, visit);
  }
}

}  // namespace

void ForEachChild(const Node& node, const std::function<void(const Node&)>& visit) {
  Dispatch(node, [&](const auto& typed) {
    VisitFields(typed, [&](const char*, const auto& field) {
      ForEachPointer(field, [&](const auto& pointer) {
        if (pointer != nullptr) visit(*pointer);
      });
    });
  });
}

void ForEachExprSlot(Node& node, const std::function<void(ExprPtr&)>& visit) {
  Dispatch(node, [&](auto& typed) {
    VisitFields(typed, [&](const char*, auto& field) {
      ForEachPointer(field, [&](auto& pointer) {
        if (pointer == nullptr) return;
        if constexpr (std::is_same_v<std::remove_reference_t<decltype(pointer)>, ExprPtr>) {
          visit(pointer);
        } else {
          ForEachExprSlot(*pointer, visit);
        }
      });
    });
  });
}

bool SameTree(const Node& left, const Node& right) {
  return left.kind == right.kind && TreeToJson(left) == TreeToJson(right);
}

}  // namespace hoglet::hogql
