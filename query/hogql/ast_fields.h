// The fields of every kind of node, in one place: cloning, walking, comparing and the JSON form are
// all written against VisitFields. Internal to query/hogql.
#pragma once

#include <type_traits>

#include "query/hogql/ast.h"

namespace hoglet::hogql {

// Calls `visit(name, field)` for each field of `n`; the names are those of the JSON form.
template <class N, class V>
void VisitFields(N& n, V&& visit) {
  using T = std::remove_const_t<N>;
  if constexpr (std::is_same_v<T, Constant>) {
    visit("value", n.value);
  } else if constexpr (std::is_same_v<T, Field>) {
    visit("chain", n.chain);
  } else if constexpr (std::is_same_v<T, Alias>) {
    visit("expr", n.expr);
    visit("alias", n.alias);
  } else if constexpr (std::is_same_v<T, ArithmeticOperation>) {
    visit("left", n.left);
    visit("op", n.op);
    visit("right", n.right);
  } else if constexpr (std::is_same_v<T, CompareOperation>) {
    visit("left", n.left);
    visit("op", n.op);
    visit("right", n.right);
    visit("is_null_comparison_style", n.is_null_comparison_style);
  } else if constexpr (std::is_same_v<T, IsDistinctFrom>) {
    visit("left", n.left);
    visit("right", n.right);
    visit("negated", n.negated);
  } else if constexpr (std::is_same_v<T, BetweenExpr>) {
    visit("expr", n.expr);
    visit("low", n.low);
    visit("high", n.high);
    visit("negated", n.negated);
  } else if constexpr (std::is_same_v<T, And> || std::is_same_v<T, Or> ||
                       std::is_same_v<T, Array> || std::is_same_v<T, Tuple> ||
                       std::is_same_v<T, GroupingSet>) {
    visit("exprs", n.exprs);
  } else if constexpr (std::is_same_v<T, Not> || std::is_same_v<T, Placeholder> ||
                       std::is_same_v<T, SpreadExpr> || std::is_same_v<T, ExprStatement> ||
                       std::is_same_v<T, ReturnStatement> || std::is_same_v<T, ThrowStatement>) {
    visit("expr", n.expr);
  } else if constexpr (std::is_same_v<T, Call>) {
    visit("name", n.name);
    visit("params", n.params);
    visit("distinct", n.distinct);
    visit("args", n.args);
    visit("order_by", n.order_by);
    visit("within_group", n.within_group);
    visit("filter_expr", n.filter_expr);
    visit("is_sugar", n.is_sugar);
  } else if constexpr (std::is_same_v<T, ExprCall>) {
    visit("expr", n.expr);
    visit("args", n.args);
  } else if constexpr (std::is_same_v<T, NamedArgument>) {
    visit("name", n.name);
    visit("value", n.value);
  } else if constexpr (std::is_same_v<T, WindowFunction>) {
    visit("name", n.name);
    visit("exprs", n.exprs);
    visit("args", n.args);
    visit("over_expr", n.over_expr);
    visit("over_identifier", n.over_identifier);
  } else if constexpr (std::is_same_v<T, Dict>) {
    visit("items", n.items);
  } else if constexpr (std::is_same_v<T, ArrayAccess>) {
    visit("array", n.array);
    visit("property", n.property);
    visit("nullish", n.nullish);
  } else if constexpr (std::is_same_v<T, ArraySlice>) {
    visit("array", n.array);
    visit("start_expr", n.start_expr);
    visit("end_expr", n.end_expr);
  } else if constexpr (std::is_same_v<T, TupleAccess>) {
    visit("tuple", n.tuple);
    visit("index", n.index);
    visit("nullish", n.nullish);
  } else if constexpr (std::is_same_v<T, Lambda>) {
    visit("args", n.args);
    visit("expr", n.expr);
    visit("block", n.block);
  } else if constexpr (std::is_same_v<T, TypeCast> || std::is_same_v<T, TryCast>) {
    visit("expr", n.expr);
    visit("type_name", n.type_name);
  } else if constexpr (std::is_same_v<T, PositionalRef>) {
    visit("index", n.index);
  } else if constexpr (std::is_same_v<T, ColumnsExpr>) {
    visit("qualifier", n.qualifier);
    visit("regex", n.regex);
    visit("columns", n.columns);
    visit("all_columns", n.all_columns);
    visit("exclude", n.exclude);
    visit("replace", n.replace);
  } else if constexpr (std::is_same_v<T, HogQLXAttribute>) {
    visit("name", n.name);
    visit("value", n.value);
    visit("children", n.children);
  } else if constexpr (std::is_same_v<T, HogQLXTag>) {
    visit("kind", n.tag_kind);
    visit("attributes", n.attributes);
  } else if constexpr (std::is_same_v<T, RatioExpr>) {
    visit("left", n.left);
    visit("right", n.right);
  } else if constexpr (std::is_same_v<T, WithFillExpr>) {
    visit("from_value", n.from_value);
    visit("to_value", n.to_value);
    visit("step_value", n.step_value);
  } else if constexpr (std::is_same_v<T, OrderExpr>) {
    visit("expr", n.expr);
    visit("descending", n.descending);
    visit("with_fill", n.with_fill);
  } else if constexpr (std::is_same_v<T, InterpolateExpr>) {
    visit("expr", n.expr);
    visit("value", n.value);
  } else if constexpr (std::is_same_v<T, WindowFrameExpr>) {
    visit("frame_type", n.frame_type);
    visit("frame_value", n.frame_value);
  } else if constexpr (std::is_same_v<T, WindowExpr>) {
    visit("partition_by", n.partition_by);
    visit("order_by", n.order_by);
    visit("frame_method", n.frame_method);
    visit("frame_start", n.frame_start);
    visit("frame_end", n.frame_end);
  } else if constexpr (std::is_same_v<T, JoinConstraint>) {
    visit("expr", n.expr);
    visit("is_using", n.is_using);
  } else if constexpr (std::is_same_v<T, SampleExpr>) {
    visit("sample_value", n.sample_value);
    visit("offset_value", n.offset_value);
  } else if constexpr (std::is_same_v<T, JoinExpr>) {
    visit("join_type", n.join_type);
    visit("table", n.table);
    visit("table_args", n.table_args);
    visit("alias", n.alias);
    visit("column_aliases", n.column_aliases);
    visit("table_final", n.table_final);
    visit("sample", n.sample);
    visit("constraint", n.constraint);
    visit("next_join", n.next_join);
  } else if constexpr (std::is_same_v<T, ValuesQuery>) {
    visit("rows", n.rows);
  } else if constexpr (std::is_same_v<T, PivotColumn>) {
    visit("column", n.column);
    visit("values", n.values);
  } else if constexpr (std::is_same_v<T, PivotExpr>) {
    visit("table", n.table);
    visit("aggregates", n.aggregates);
    visit("columns", n.columns);
    visit("group_by", n.group_by);
  } else if constexpr (std::is_same_v<T, UnpivotColumn>) {
    visit("value_columns", n.value_columns);
    visit("name_columns", n.name_columns);
    visit("unpivot_values", n.unpivot_values);
  } else if constexpr (std::is_same_v<T, UnpivotExpr>) {
    visit("table", n.table);
    visit("columns", n.columns);
    visit("include_nulls", n.include_nulls);
  } else if constexpr (std::is_same_v<T, CTE>) {
    visit("name", n.name);
    visit("expr", n.expr);
    visit("is_column", n.is_column);
    visit("columns", n.columns);
    visit("materialized", n.materialized);
    visit("recursive", n.recursive);
    visit("using_key", n.using_key);
  } else if constexpr (std::is_same_v<T, LimitByExpr>) {
    visit("n", n.n);
    visit("offset_value", n.offset_value);
    visit("exprs", n.exprs);
  } else if constexpr (std::is_same_v<T, SelectQuery>) {
    visit("ctes", n.ctes);
    visit("distinct", n.distinct);
    visit("select", n.select);
    visit("select_from", n.select_from);
    visit("array_join_op", n.array_join_op);
    visit("array_join_list", n.array_join_list);
    visit("prewhere", n.prewhere);
    visit("where", n.where);
    visit("group_by", n.group_by);
    visit("group_by_mode", n.group_by_mode);
    visit("having", n.having);
    visit("qualify", n.qualify);
    visit("window_exprs", n.window_exprs);
    visit("order_by", n.order_by);
    visit("interpolate", n.interpolate);
    visit("limit_by", n.limit_by);
    visit("limit", n.limit);
    visit("offset", n.offset);
    visit("limit_percent", n.limit_percent);
    visit("limit_with_ties", n.limit_with_ties);
  } else if constexpr (std::is_same_v<T, SelectSetNode>) {
    visit("set_operator", n.set_operator);
    visit("by_name", n.by_name);
    visit("select_query", n.select_query);
  } else if constexpr (std::is_same_v<T, SelectSetQuery>) {
    visit("ctes", n.ctes);
    visit("initial_select_query", n.initial_select_query);
    visit("subsequent_select_queries", n.subsequent_select_queries);
    visit("limit", n.limit);
    visit("offset", n.offset);
    visit("limit_percent", n.limit_percent);
    visit("limit_with_ties", n.limit_with_ties);
  } else if constexpr (std::is_same_v<T, Program> || std::is_same_v<T, Block>) {
    visit("declarations", n.declarations);
  } else if constexpr (std::is_same_v<T, VariableDeclaration>) {
    visit("name", n.name);
    visit("expr", n.expr);
  } else if constexpr (std::is_same_v<T, VariableAssignment>) {
    visit("left", n.left);
    visit("right", n.right);
  } else if constexpr (std::is_same_v<T, IfStatement>) {
    visit("expr", n.expr);
    visit("then", n.then_branch);
    visit("else_", n.else_branch);
  } else if constexpr (std::is_same_v<T, WhileStatement>) {
    visit("expr", n.expr);
    visit("body", n.body);
  } else if constexpr (std::is_same_v<T, ForStatement>) {
    visit("initializer", n.initializer);
    visit("condition", n.condition);
    visit("increment", n.increment);
    visit("body", n.body);
  } else if constexpr (std::is_same_v<T, ForInStatement>) {
    visit("keyVar", n.key_var);
    visit("valueVar", n.value_var);
    visit("expr", n.expr);
    visit("body", n.body);
  } else if constexpr (std::is_same_v<T, Function>) {
    visit("name", n.name);
    visit("params", n.params);
    visit("body", n.body);
  } else if constexpr (std::is_same_v<T, TryCatchStatement>) {
    visit("try_stmt", n.try_block);
    visit("catches", n.catches);
    visit("finally_stmt", n.finally_block);
  } else {
    static_assert(std::is_same_v<T, void>, "a kind of node without fields");
  }
}

// clang-format off
#define HOGLET_HOGQL_NODES(X) \
  X(Constant) X(Field) X(Alias) X(ArithmeticOperation) X(CompareOperation) X(IsDistinctFrom) \
  X(BetweenExpr) X(And) X(Or) X(Not) X(Call) X(ExprCall) X(NamedArgument) X(WindowFunction) \
  X(Array) X(Tuple) X(Dict) X(ArrayAccess) X(ArraySlice) X(TupleAccess) X(Lambda) X(TypeCast) \
  X(TryCast) X(Placeholder) X(PositionalRef) X(ColumnsExpr) X(SpreadExpr) X(HogQLXTag) \
  X(RatioExpr) X(SelectQuery) X(SelectSetQuery) X(ValuesQuery) X(PivotExpr) X(UnpivotExpr) \
  X(JoinExpr) X(OrderExpr) X(WithFillExpr) X(InterpolateExpr) X(WindowExpr) X(WindowFrameExpr) \
  X(SelectSetNode) X(CTE) X(JoinConstraint) X(SampleExpr) X(LimitByExpr) X(GroupingSet) \
  X(PivotColumn) X(UnpivotColumn) X(HogQLXAttribute) X(Program) X(Block) X(VariableDeclaration) \
  X(VariableAssignment) X(ExprStatement) X(ReturnStatement) X(ThrowStatement) X(IfStatement) \
  X(WhileStatement) X(ForStatement) X(ForInStatement) X(Function) X(TryCatchStatement)
// clang-format on

// Calls `action` with `node` as its own type; const or not as `node` is.
template <class AnyNode, class Action>
auto Dispatch(AnyNode& node, Action&& action) {
  switch (node.kind) {
#define HOGLET_HOGQL_CASE(T) \
  case NodeKind::k##T:       \
    return action(static_cast<std::conditional_t<std::is_const_v<AnyNode>, const T&, T&>>(node));
    HOGLET_HOGQL_NODES(HOGLET_HOGQL_CASE)
#undef HOGLET_HOGQL_CASE
  }
  __builtin_unreachable();
}

}  // namespace hoglet::hogql
