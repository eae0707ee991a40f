// Generic walks over HogQL trees.
#pragma once

#include <functional>

#include "query/hogql/ast.h"

namespace hoglet::hogql {

// Calls `visit` for every child that is present, in the order of the text where that is defined.
void ForEachChild(const Node& node, const std::function<void(const Node&)>& visit);

// Calls `visit` with every owning slot of expression type that is set, so that `visit` may replace
// the expression in it. Nodes in other slots (JoinExpr::next_join, OrderExpr...) are descended into
// until their expression slots are reached; the expressions themselves are not entered.
void ForEachExprSlot(Node& node, const std::function<void(ExprPtr&)>& visit);

// True when the trees are equal in everything but spans.
bool SameTree(const Node& left, const Node& right);

}  // namespace hoglet::hogql
