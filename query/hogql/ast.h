// The tree of a HogQL text: expressions, queries, HogQLX tags, and the statements of Hog programs.
//
// Start here. Every node has a kind, the span of text it was read from, and owns its children.
// `As<T>(node)` is the checked cast, `Clone` the deep copy, `ForEachChild` (ast_walk.h) the generic
// walk. The parser (parser.h) has already resolved sugar: CASE, INTERVAL, `??`, `? :`, `||` and
// template strings are calls, IS NULL is a comparison with null.
//
// Trees are plain data: const access from several threads is safe, mutation is not. Their height is
// at most kTreeHeightMax when the parser built them, so recursion over a tree is safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hoglet::hogql {

// Greatest height of a parsed tree; a text that needs more is a syntax error.
inline constexpr int kTreeHeightMax = 1'500;

// Offsets in code points from the start of the text; `end` is exclusive. Nodes that no text stands
// for (made by a rewrite) have the span of what they replace, or {0, 0}.
struct SourceSpan {
  int32_t start = 0;
  int32_t end = 0;
  bool operator==(const SourceSpan&) const = default;
};

enum class NodeKind : uint8_t {
  // Expressions.
  kConstant,
  kField,
  kAlias,
  kArithmeticOperation,
  kCompareOperation,
  kIsDistinctFrom,
  kBetweenExpr,
  kAnd,
  kOr,
  kNot,
  kCall,
  kExprCall,
  kNamedArgument,
  kWindowFunction,
  kArray,
  kTuple,
  kDict,
  kArrayAccess,
  kArraySlice,
  kTupleAccess,
  kLambda,
  kTypeCast,
  kTryCast,
  kPlaceholder,
  kPositionalRef,
  kColumnsExpr,
  kSpreadExpr,
  kHogQLXTag,
  kRatioExpr,
  // Queries and table expressions.
  kSelectQuery,
  kSelectSetQuery,
  kValuesQuery,
  kPivotExpr,
  kUnpivotExpr,
  kJoinExpr,
  // Parts of queries and expressions.
  kOrderExpr,
  kWithFillExpr,
  kInterpolateExpr,
  kWindowExpr,
  kWindowFrameExpr,
  kSelectSetNode,
  kCTE,
  kJoinConstraint,
  kSampleExpr,
  kLimitByExpr,
  kGroupingSet,
  kPivotColumn,
  kUnpivotColumn,
  kHogQLXAttribute,
  // Hog programs.
  kProgram,
  kBlock,
  kVariableDeclaration,
  kVariableAssignment,
  kExprStatement,
  kReturnStatement,
  kThrowStatement,
  kIfStatement,
  kWhileStatement,
  kForStatement,
  kForInStatement,
  kFunction,
  kTryCatchStatement,
};

// The name of the kind, as in the JSON form of the tree ("SelectQuery").
std::string_view NodeKindName(NodeKind kind);

struct Node {
  const NodeKind kind;
  SourceSpan span;
  // 1 + the height of the highest child, set by the parser, which refuses trees above
  // kTreeHeightMax. Not maintained by rewrites.
  int32_t height = 1;

  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

 protected:
  explicit Node(NodeKind node_kind) : kind(node_kind) {}
};

// Anything that may stand where an expression or a table is expected.
struct Expr : Node {
 protected:
  using Node::Node;
};

struct Statement : Node {
 protected:
  using Node::Node;
};

using NodePtr = std::unique_ptr<Node>;
using ExprPtr = std::unique_ptr<Expr>;
using StatementPtr = std::unique_ptr<Statement>;
using ExprList = std::vector<ExprPtr>;

template <NodeKind K, class Base>
struct NodeOf : Base {
  static constexpr NodeKind kKind = K;
  NodeOf() : Base(K) {}
};

// `node` as a T when it is one, else null; null stays null.
template <class T>
T* As(Node* node) {
  return node != nullptr && node->kind == T::kKind ? static_cast<T*>(node) : nullptr;
}
template <class T>
const T* As(const Node* node) {
  return node != nullptr && node->kind == T::kKind ? static_cast<const T*>(node) : nullptr;
}
template <class T, class P>
auto As(const std::unique_ptr<P>& node) {
  return As<T>(node.get());
}

// ---------------------------------------------------------------------------------------------
// Literals, names, operators

// An integer outside int64, kept exact as written, in lower case: decimal, `0x...` or `0b...`, with
// an optional leading '-'.
struct BigInteger {
  std::string text;
  bool operator==(const BigInteger&) const = default;
};

// Null is std::monostate. Infinities and NaN are doubles.
using ConstantValue = std::variant<std::monostate, bool, int64_t, BigInteger, double, std::string>;

struct Constant : NodeOf<NodeKind::kConstant, Expr> {
  Constant() = default;
  explicit Constant(ConstantValue constant) : value(std::move(constant)) {}
  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  // The text of a string constant, else null.
  const std::string* as_string() const { return std::get_if<std::string>(&value); }
  const int64_t* as_integer() const { return std::get_if<int64_t>(&value); }

  ConstantValue value;
};

// A dotted path of names, never empty; the last is "*" for an asterisk.
struct Field : NodeOf<NodeKind::kField, Expr> {
  Field() = default;
  explicit Field(std::vector<std::string> path) : chain(std::move(path)) {}

  std::vector<std::string> chain;
};

struct Alias : NodeOf<NodeKind::kAlias, Expr> {
  std::string alias;
  ExprPtr expr;
};

enum class ArithmeticOp : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kModulo };
// "+", "-", "*", "/", "%".
std::string_view ArithmeticOpText(ArithmeticOp op);

struct ArithmeticOperation : NodeOf<NodeKind::kArithmeticOperation, Expr> {
  ArithmeticOp op = ArithmeticOp::kAdd;
  ExprPtr left;
  ExprPtr right;
};

enum class CompareOp : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kLike,
  kILike,
  kNotLike,
  kNotILike,
  kIn,
  kNotIn,
  kInCohort,
  kNotInCohort,
  kRegex,
  kNotRegex,
  kIRegex,
  kNotIRegex,
};
// The spelling in the tree's JSON: "==", "not like", "=~*"...
std::string_view CompareOpText(CompareOp op);

struct CompareOperation : NodeOf<NodeKind::kCompareOperation, Expr> {
  CompareOp op = CompareOp::kEqual;
  ExprPtr left;
  ExprPtr right;
  // Written as IS [NOT] NULL; the right side is then the constant null.
  bool is_null_comparison_style = false;
};

struct IsDistinctFrom : NodeOf<NodeKind::kIsDistinctFrom, Expr> {
  ExprPtr left;
  ExprPtr right;
  bool negated = false;
};

struct BetweenExpr : NodeOf<NodeKind::kBetweenExpr, Expr> {
  ExprPtr expr;
  ExprPtr low;
  ExprPtr high;
  bool negated = false;
};

// Two or more operands; an operand of the same kind has been flattened into this one.
struct And : NodeOf<NodeKind::kAnd, Expr> {
  ExprList exprs;
};
struct Or : NodeOf<NodeKind::kOr, Expr> {
  ExprList exprs;
};

struct Not : NodeOf<NodeKind::kNot, Expr> {
  ExprPtr expr;
};

// ---------------------------------------------------------------------------------------------
// Calls

struct WithFillExpr : NodeOf<NodeKind::kWithFillExpr, Node> {
  ExprPtr from_value;  // Each may be null.
  ExprPtr to_value;
  ExprPtr step_value;
};

struct OrderExpr : NodeOf<NodeKind::kOrderExpr, Node> {
  ExprPtr expr;
  bool descending = false;
  std::unique_ptr<WithFillExpr> with_fill;  // May be null.
};
using OrderList = std::vector<std::unique_ptr<OrderExpr>>;

// `name(params)(args)`; `params` is nullopt for the usual `name(args)`.
struct Call : NodeOf<NodeKind::kCall, Expr> {
  std::string name;
  ExprList args;
  std::optional<ExprList> params;
  bool distinct = false;
  // The parser made the call from an operator or another notation (CASE, `??`, INTERVAL...).
  bool is_sugar = false;
  OrderList order_by;
  ExprPtr filter_expr;     // FILTER (WHERE ...), may be null.
  OrderList within_group;  // When not empty, `params` holds the only argument list.
};

// A call whose callee is not a plain name: `(x -> x + 1)(2)`.
struct ExprCall : NodeOf<NodeKind::kExprCall, Expr> {
  ExprPtr expr;
  ExprList args;
};

// `name := value` as an argument.
struct NamedArgument : NodeOf<NodeKind::kNamedArgument, Expr> {
  std::string name;
  ExprPtr value;
};

enum class FrameMethod : uint8_t { kNone, kRows, kRange };
enum class FrameType : uint8_t { kCurrentRow, kPreceding, kFollowing };

struct WindowFrameExpr : NodeOf<NodeKind::kWindowFrameExpr, Node> {
  FrameType frame_type = FrameType::kCurrentRow;
  ExprPtr frame_value;  // Null: CURRENT ROW, or UNBOUNDED.
};

struct WindowExpr : NodeOf<NodeKind::kWindowExpr, Node> {
  ExprList partition_by;
  OrderList order_by;
  FrameMethod frame_method = FrameMethod::kNone;
  std::unique_ptr<WindowFrameExpr> frame_start;  // Null without a frame.
  std::unique_ptr<WindowFrameExpr> frame_end;    // Null unless BETWEEN was written.
};

// `name(exprs)(args) OVER ...`; `args` is the second pair of parentheses, absent when not written.
struct WindowFunction : NodeOf<NodeKind::kWindowFunction, Expr> {
  std::string name;
  ExprList exprs;
  ExprList args;
  std::unique_ptr<WindowExpr> over_expr;  // Exactly one of these two is set.
  std::optional<std::string> over_identifier;
};

// ---------------------------------------------------------------------------------------------
// Collections and access

struct Array : NodeOf<NodeKind::kArray, Expr> {
  ExprList exprs;
};
struct Tuple : NodeOf<NodeKind::kTuple, Expr> {
  ExprList exprs;
};
struct Dict : NodeOf<NodeKind::kDict, Expr> {
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};

// `array[property]`, and `expr.name` on anything but a plain field.
struct ArrayAccess : NodeOf<NodeKind::kArrayAccess, Expr> {
  ExprPtr array;
  ExprPtr property;
  bool nullish = false;
};

struct ArraySlice : NodeOf<NodeKind::kArraySlice, Expr> {
  ExprPtr array;
  ExprPtr start_expr;  // Either may be null.
  ExprPtr end_expr;
};

// `tuple.index`, also `properties.list.0`.
struct TupleAccess : NodeOf<NodeKind::kTupleAccess, Expr> {
  ExprPtr tuple;
  int64_t index = 0;
  bool nullish = false;
};

struct Block;

// `args -> expr`, or `args -> { block }` in programs: exactly one of `expr` and `block` is set.
struct Lambda : NodeOf<NodeKind::kLambda, Expr> {
  Lambda();
  ~Lambda() override;
  std::vector<std::string> args;
  ExprPtr expr;
  std::unique_ptr<Block> block;
};

// `type_name` is the lower-cased text: "array(int)", "timestamp with time zone".
struct TypeCast : NodeOf<NodeKind::kTypeCast, Expr> {
  ExprPtr expr;
  std::string type_name;
};
struct TryCast : NodeOf<NodeKind::kTryCast, Expr> {
  ExprPtr expr;
  std::string type_name;
};

struct Placeholder : NodeOf<NodeKind::kPlaceholder, Expr> {
  ExprPtr expr;
};

// `#1`
struct PositionalRef : NodeOf<NodeKind::kPositionalRef, Expr> {
  int64_t index = 0;
};

// COLUMNS('regex') | COLUMNS(columns) | [table.]* with EXCLUDE and REPLACE.
struct ColumnsExpr : NodeOf<NodeKind::kColumnsExpr, Expr> {
  // The names before the asterisk when all_columns was written `table.*`.
  std::vector<std::string> qualifier;
  std::optional<std::string> regex;
  ExprList columns;
  bool all_columns = false;
  std::vector<std::string> exclude;  // Dotted paths.
  std::vector<std::pair<std::string, ExprPtr>> replace;
};

// `*COLUMNS(...)` as an argument.
struct SpreadExpr : NodeOf<NodeKind::kSpreadExpr, Expr> {
  ExprPtr expr;
};

// The content between an opening and a closing tag is the attribute "children".
struct HogQLXAttribute : NodeOf<NodeKind::kHogQLXAttribute, Node> {
  std::string name;
  ExprPtr value;                     // Exactly one of these two is set.
  std::optional<ExprList> children;  // Tags, text constants and expressions.
};
struct HogQLXTag : NodeOf<NodeKind::kHogQLXTag, Expr> {
  // The tag's name; `kind` is the node's.
  std::string tag_kind;
  std::vector<std::unique_ptr<HogQLXAttribute>> attributes;
};

// `left` or `left / right`, the argument of SAMPLE.
struct RatioExpr : NodeOf<NodeKind::kRatioExpr, Expr> {
  std::unique_ptr<Constant> left;
  std::unique_ptr<Constant> right;  // May be null.
};

// ---------------------------------------------------------------------------------------------
// Queries. Where a query is expected the node is a SelectQuery, a SelectSetQuery, a Placeholder or
// a HogQLXTag.

struct JoinConstraint : NodeOf<NodeKind::kJoinConstraint, Node> {
  ExprPtr expr;  // Several USING columns are a Tuple.
  bool is_using = false;
};

struct SampleExpr : NodeOf<NodeKind::kSampleExpr, Node> {
  ExprPtr sample_value;  // RatioExpr or Placeholder.
  ExprPtr offset_value;  // The same, or null.
};

// One table of a FROM clause and, through next_join, those to its right. An Expr because a
// parenthesised join may be what is pivoted.
struct JoinExpr : NodeOf<NodeKind::kJoinExpr, Expr> {
  // Of this table with those to its left, in canonical words: "LEFT ANY JOIN", "CROSS JOIN". Empty
  // for the first table.
  std::string join_type;
  // Field, query, ValuesQuery, PivotExpr, UnpivotExpr, HogQLXTag, Placeholder.
  ExprPtr table;
  std::optional<ExprList> table_args;  // `numbers(10)`
  std::optional<std::string> alias;
  std::vector<std::string> column_aliases;
  bool table_final = false;
  std::unique_ptr<SampleExpr> sample;          // May be null.
  std::unique_ptr<JoinConstraint> constraint;  // May be null.
  std::unique_ptr<JoinExpr> next_join;         // May be null.
};

struct ValuesQuery : NodeOf<NodeKind::kValuesQuery, Expr> {
  std::vector<ExprList> rows;
};

struct PivotColumn : NodeOf<NodeKind::kPivotColumn, Node> {
  ExprPtr column;
  ExprList values;
};
struct PivotExpr : NodeOf<NodeKind::kPivotExpr, Expr> {
  ExprPtr table;
  ExprList aggregates;
  std::vector<std::unique_ptr<PivotColumn>> columns;
  ExprList group_by;
};

struct UnpivotColumn : NodeOf<NodeKind::kUnpivotColumn, Node> {
  ExprPtr value_columns;
  ExprPtr name_columns;
  ExprList unpivot_values;
};
struct UnpivotExpr : NodeOf<NodeKind::kUnpivotExpr, Expr> {
  ExprPtr table;
  std::vector<std::unique_ptr<UnpivotColumn>> columns;
  bool include_nulls = false;
};

// WITH name AS (query), or WITH expr AS name.
struct CTE : NodeOf<NodeKind::kCTE, Node> {
  std::string name;
  ExprPtr expr;
  bool is_column = false;  // WITH expr AS name.
  std::vector<std::string> columns;
  std::optional<bool> materialized;  // AS [NOT] MATERIALIZED.
  bool recursive = false;
  std::vector<std::string> using_key;
};
using CTEList = std::vector<std::unique_ptr<CTE>>;

struct LimitByExpr : NodeOf<NodeKind::kLimitByExpr, Node> {
  ExprPtr n;
  ExprPtr offset_value;  // May be null.
  ExprList exprs;
};

struct InterpolateExpr : NodeOf<NodeKind::kInterpolateExpr, Node> {
  ExprPtr expr;
  ExprPtr value;  // May be null.
};

struct GroupingSet : NodeOf<NodeKind::kGroupingSet, Expr> {
  ExprList exprs;
};

enum class ArrayJoinOp : uint8_t { kNone, kArrayJoin, kLeftArrayJoin, kInnerArrayJoin };
enum class GroupByMode : uint8_t { kNone, kAll, kCube, kRollup, kGroupingSets };

struct SelectQuery : NodeOf<NodeKind::kSelectQuery, Expr> {
  CTEList ctes;
  bool distinct = false;
  ExprList select;
  std::unique_ptr<JoinExpr> select_from;  // Pointers are null where the clause is absent.
  ArrayJoinOp array_join_op = ArrayJoinOp::kNone;
  ExprList array_join_list;
  ExprPtr prewhere;
  ExprPtr where;
  ExprList group_by;
  GroupByMode group_by_mode = GroupByMode::kNone;
  ExprPtr having;
  ExprPtr qualify;
  std::vector<std::pair<std::string, std::unique_ptr<WindowExpr>>> window_exprs;
  OrderList order_by;
  // Empty for a bare INTERPOLATE.
  std::optional<std::vector<std::unique_ptr<InterpolateExpr>>> interpolate;
  std::unique_ptr<LimitByExpr> limit_by;
  ExprPtr limit;
  ExprPtr offset;
  bool limit_percent = false;
  bool limit_with_ties = false;
};

enum class SetOperator : uint8_t {
  kUnionAll,
  kUnionDistinct,
  kIntersect,
  kIntersectAll,
  kIntersectDistinct,
  kExcept,
  kExceptAll,
};
// "UNION ALL" and so on, without BY NAME.
std::string_view SetOperatorText(SetOperator op);

struct SelectSetNode : NodeOf<NodeKind::kSelectSetNode, Node> {
  SetOperator set_operator = SetOperator::kUnionAll;
  bool by_name = false;
  ExprPtr select_query;
};

// Evaluated from left to right; INTERSECT has no priority.
struct SelectSetQuery : NodeOf<NodeKind::kSelectSetQuery, Expr> {
  CTEList ctes;  // Usually empty: a leading WITH belongs to the first SelectQuery.
  ExprPtr initial_select_query;
  std::vector<std::unique_ptr<SelectSetNode>> subsequent_select_queries;
  ExprPtr limit;
  ExprPtr offset;
  bool limit_percent = false;
  bool limit_with_ties = false;
};

// ---------------------------------------------------------------------------------------------
// Hog programs

struct Program : NodeOf<NodeKind::kProgram, Node> {
  std::vector<StatementPtr> declarations;
};
struct Block : NodeOf<NodeKind::kBlock, Statement> {
  std::vector<StatementPtr> declarations;
};

struct VariableDeclaration : NodeOf<NodeKind::kVariableDeclaration, Statement> {
  std::string name;
  ExprPtr expr;  // May be null.
};
struct VariableAssignment : NodeOf<NodeKind::kVariableAssignment, Statement> {
  ExprPtr left;
  ExprPtr right;
};
struct ExprStatement : NodeOf<NodeKind::kExprStatement, Statement> {
  ExprPtr expr;
};
struct ReturnStatement : NodeOf<NodeKind::kReturnStatement, Statement> {
  ExprPtr expr;  // May be null.
};
struct ThrowStatement : NodeOf<NodeKind::kThrowStatement, Statement> {
  ExprPtr expr;  // May be null.
};
struct IfStatement : NodeOf<NodeKind::kIfStatement, Statement> {
  ExprPtr expr;
  StatementPtr then_branch;  // Null for an empty statement.
  StatementPtr else_branch;  // May be null.
};
struct WhileStatement : NodeOf<NodeKind::kWhileStatement, Statement> {
  ExprPtr expr;
  StatementPtr body;  // Null for an empty statement.
};
struct ForStatement : NodeOf<NodeKind::kForStatement, Statement> {
  NodePtr initializer;  // VariableDeclaration, VariableAssignment, expression, or null.
  ExprPtr condition;    // May be null.
  NodePtr increment;    // VariableAssignment, expression, or null.
  StatementPtr body;    // Null for an empty statement.
};
struct ForInStatement : NodeOf<NodeKind::kForInStatement, Statement> {
  std::optional<std::string> key_var;
  std::string value_var;
  ExprPtr expr;
  StatementPtr body;  // Null for an empty statement.
};
struct Function : NodeOf<NodeKind::kFunction, Statement> {
  std::string name;
  std::vector<std::string> params;
  StatementPtr body;  // Null for an empty statement.
};
struct TryCatchStatement : NodeOf<NodeKind::kTryCatchStatement, Statement> {
  struct Catch {
    std::optional<std::string> variable;
    std::optional<std::string> type;
    std::unique_ptr<Block> block;
  };
  std::unique_ptr<Block> try_block;
  std::vector<Catch> catches;
  std::unique_ptr<Block> finally_block;  // May be null.
};

inline Lambda::Lambda() = default;
inline Lambda::~Lambda() = default;

// ---------------------------------------------------------------------------------------------
// Deep copies; spans are copied too.

NodePtr CloneNode(const Node& node);

template <class T>
std::unique_ptr<T> Clone(const T& node) {
  return std::unique_ptr<T>(static_cast<T*>(CloneNode(node).release()));
}
// Null-safe.
template <class T>
std::unique_ptr<T> Clone(const std::unique_ptr<T>& node) {
  return node == nullptr ? nullptr : Clone(*node);
}
ExprList Clone(const ExprList& list);

}  // namespace hoglet::hogql
