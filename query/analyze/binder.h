#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "query/analyze/hogql_functions.h"
#include "query/analyze/logical_op.h"
#include "query/analyze/schema.h"
#include "query/hogql/ast.h"

// Names, types and calls of one query. Each SELECT is a scope; its expressions are bound over the
// columns of its FROM first, and aggregates, window functions and arrayJoin() become symbols on the
// way. BindSelect then stacks the operators in the order in which they see each other's symbols.

namespace hoglet::analysis {

namespace ast = hogql;

// Status payload "start,end": see ErrorSpanOf.
inline constexpr char kSpanPayload[] = "hoglet/span";

struct OutputField {
  std::string name;
  SymbolId symbol;
};

struct SelectResult {
  OpPtr op;
  std::vector<OutputField> fields;
};

// The CTEs visible at some point: the newest first.
struct CteLink {
  const ast::CTE* cte;
  const CteLink* older;
};

// A table of FROM, or one that a field has joined.
struct Table {
  std::string alias;
  const TableDef* def = nullptr;  // registered table
  std::vector<OutputField>
      fields;            // what a subquery, view, VALUES or numbers() gives; then `scan` is null
  Op* source = nullptr;  // kSource around the table's own rows: lazy joins are put in there
  Op* scan = nullptr;
  std::map<std::string, SymbolId> columns;  // of the scan, by text
  std::map<std::string, Table*> joined;     // by field name

  bool is_query() const { return scan == nullptr; }
};

// One step of a path into a value.
struct PathKey {
  std::variant<std::string, int64_t> key;
  bool dotted = true;  // written .key, not [key]
  const std::string* name() const { return std::get_if<std::string>(&key); }
};
using Path = std::vector<PathKey>;

struct LambdaFrame {
  std::map<std::string, ExprPtr> parameters;
};

struct Scope {
  const CteLink* ctes = nullptr;
  std::vector<Table*> tables;
  OpPtr from;
  std::set<std::string> using_columns;
  std::map<std::string, ExprPtr> aliases;
  std::vector<LambdaFrame> lambdas;
  size_t lambda_parameters = 0;

  struct Aggregate {
    SymbolId symbol;
    AggregateCall call;
    std::vector<ExprPtr> arguments;
    std::vector<std::pair<ExprPtr, bool>> order_by;
    ExprPtr filter;
  };
  std::vector<Aggregate> aggregates;
  std::map<std::string, SymbolId> aggregates_by_text;
  std::set<SymbolId> aggregate_symbols;
  std::string inside_aggregate;  // its name, while its arguments are bound

  struct Window {
    SymbolId symbol;
    Plan::WindowCall call;
    std::vector<ExprPtr> arguments;
    std::vector<ExprPtr> partition_by;
    std::vector<std::pair<ExprPtr, bool>> order_by;
  };
  std::vector<Window> windows;
  std::map<std::string, const ast::WindowExpr*> named_windows;
  std::set<SymbolId> window_symbols;

  struct ArrayJoin {
    SymbolId array;
    SymbolId element;
    ExprPtr argument;
  };
  std::vector<ArrayJoin> array_joins;
  std::map<std::string, SymbolId> array_joins_by_text;

  bool join_constraint = false;  // comparisons keep SQL's NULL
  bool raw = false;              // names are ClickHouse's, nothing is rewritten: templates
  const std::vector<ExprPtr>* template_arguments = nullptr;
};

class Binder {
 public:
  explicit Binder(const AnalyzeContext& context);

  ExprBuilder& builder() { return builder_; }
  Symbols& symbols() { return symbols_; }

  // A SelectQuery or SelectSetQuery.
  absl::StatusOr<SelectResult> BindQuery(const ast::Expr& query, const CteLink* ctes);
  absl::StatusOr<ExprPtr> BindExpr(const ast::Expr& expr, Scope* scope);
  // The whole plan, ready to run.
  absl::StatusOr<PlanPtr> Finish(SelectResult result);

 private:
  friend class LambdaOfScope;
  absl::StatusOr<ExprPtr> BindAny(const ast::Expr& expr, Scope* scope);
  struct SelectItem {
    std::string name;
    ExprPtr expr;
    bool explicit_name = false;
  };
  struct SelectParts;
  struct JoinSide;

  // select.cpp
  absl::StatusOr<SelectResult> BindSelect(const ast::SelectQuery& query, const CteLink* ctes);
  absl::StatusOr<const CteLink*> PushCtes(const ast::CTEList& list, const CteLink* ctes);
  absl::Status BindSelectList(const ast::ExprList& list, Scope* scope,
                              std::vector<SelectItem>* items);
  absl::Status BindSelectItem(const ast::Expr& expr, Scope* scope, std::vector<SelectItem>* items);
  absl::Status BindClauses(const ast::SelectQuery& query, Scope* scope, SelectParts* parts);
  absl::Status BindGroupBy(const ast::SelectQuery& query, Scope* scope, SelectParts* parts);
  absl::StatusOr<SelectResult> Assemble(const ast::SelectQuery& query, Scope* scope,
                                        SelectParts* parts);
  absl::Status AddArrayJoins(Scope* scope, SelectParts* parts, bool after_aggregation, OpPtr* op);
  absl::Status AddAggregate(Scope* scope, SelectParts* parts, OpPtr* op);
  absl::Status AddWindows(Scope* scope, OpPtr* op);
  absl::Status AddOrderAndLimits(const ast::SelectQuery& query, Scope* scope, SelectParts* parts,
                                 OpPtr* op);
  absl::StatusOr<std::optional<uint64_t>> BindCount(const ast::Expr* expr, Scope* scope,
                                                    std::string_view clause);
  absl::Status AddLimit(const ast::Expr* limit, const ast::Expr* offset, bool with_ties,
                        std::vector<SortItem> sort_items, const CteLink* ctes, OpPtr* op);
  absl::Status AddFilter(ExprPtr predicate, OpPtr* op);
  SymbolId Materialize(ExprPtr expr, std::string_view name,
                       std::vector<std::pair<SymbolId, ExprPtr>>* definitions);
  // star.cpp
  absl::Status ExpandStar(const ast::Field& field, Scope* scope, std::vector<SelectItem>* items);
  absl::Status ExpandColumns(const ast::ColumnsExpr& columns, Scope* scope,
                             std::vector<SelectItem>* items);
  absl::Status AppendTableColumns(Table* table, Scope* scope, std::vector<SelectItem>* items);
  absl::Status ExpandUntuple(const ast::Call& call, Scope* scope, std::vector<SelectItem>* items);
  // set_query.cpp
  absl::StatusOr<SelectResult> BindSetQuery(const ast::SelectSetQuery& query, const CteLink* ctes);
  absl::Status UnifyColumns(std::vector<SelectResult>* results, std::vector<Type>* types);
  absl::StatusOr<SelectResult> CombineUnion(std::vector<SelectResult> results);
  absl::StatusOr<SelectResult> CombineSet(SelectResult left, SelectResult right,
                                          ast::SetOperator op);
  absl::Status ReorderByName(const SelectResult& first, SelectResult* other);
  SelectResult MakeDistinct(SelectResult result);

  // from.cpp
  absl::StatusOr<OpPtr> BindJoins(const ast::JoinExpr& from, Scope* scope);
  Table* NewTable();
  absl::StatusOr<OpPtr> BindTable(const ast::JoinExpr& join, Scope* scope);
  absl::StatusOr<OpPtr> BindNamedTable(const ast::JoinExpr& join, const ast::Field& field,
                                       Scope* scope);
  absl::StatusOr<OpPtr> OpenTable(const TableDef& def, Table* table);
  absl::StatusOr<OpPtr> QueryTable(SelectResult result, Table* table);
  absl::StatusOr<OpPtr> BindNumbers(const ast::JoinExpr& join, Scope* scope, Table* table);
  absl::StatusOr<OpPtr> BindValues(const ast::ValuesQuery& values, Scope* scope, Table* table);
  absl::Status RenameFields(const std::vector<std::string>& names, std::string_view what,
                            Table* table);
  void ApplySample(const ast::SampleExpr& sample, Table* table);
  absl::StatusOr<OpPtr> JoinTables(OpPtr left, OpPtr right, const ast::JoinExpr& join,
                                   Scope* scope);
  absl::StatusOr<OpPtr> BindUsing(OpPtr join, const ast::Expr& columns, Scope* scope);
  absl::StatusOr<OpPtr> BindOn(OpPtr join, const ast::Expr& condition, Scope* scope, bool asof);
  absl::Status SetKeys(Op* join, std::vector<std::pair<ExprPtr, ExprPtr>>&& keys);
  absl::StatusOr<OpPtr> AsOfJoin(OpPtr join, std::vector<ExprPtr> conditions);
  absl::Status BindArrayJoin(const ast::SelectQuery& query, Scope* scope);

  // fields.cpp
  absl::StatusOr<ExprPtr> BindPath(const Path& path, Scope* scope);
  bool CollectPath(const ast::Expr& expr, Scope* scope, Path* path);
  absl::Status CheckIndexes(const Path& path);
  absl::StatusOr<ExprPtr> WalkTable(Table* table, const std::vector<FieldDef>& fields,
                                    const Path& path, size_t at);
  absl::StatusOr<ExprPtr> WalkQuery(Table* table, const Path& path, size_t at, bool by_alias);
  absl::StatusOr<ExprPtr> FieldExpr(Table* table, const FieldDef& field, const Path& path,
                                    size_t next);
  absl::StatusOr<ExprPtr> PropertyExpr(Table* table, const FieldDef& field, const Path& path,
                                       size_t next);
  absl::StatusOr<ExprPtr> JsonPath(ExprPtr document, const Path& path, size_t next);
  absl::StatusOr<ExprPtr> AccessRest(ExprPtr value, const Path& path, size_t next,
                                     std::string_view field);
  absl::StatusOr<ExprPtr> AccessElement(ExprPtr value, ExprPtr key);
  absl::StatusOr<Table*> JoinedTable(Table* table, const FieldDef& field);
  absl::StatusOr<ExprPtr> ExpressionField(Table* table, const std::string& text);
  ExprPtr ScanColumn(Table* table, ColumnRef column, Type type);
  absl::StatusOr<ExprPtr> InProjectZone(ExprPtr moment);
  absl::Status UnknownField(std::string_view name, const Scope& scope);
  absl::Status UnknownTable(const std::string& name, const Scope& scope);
  bool HasChild(const Table& table, std::string_view name) const;

  // expressions.cpp
  absl::StatusOr<ExprPtr> BindConstant(const ast::Constant& constant);
  absl::StatusOr<std::vector<ExprPtr>> BindList(const ast::ExprList& list, Scope* scope);
  absl::StatusOr<ExprPtr> BindArithmetic(const ast::ArithmeticOperation& operation, Scope* scope);
  absl::StatusOr<ExprPtr> BindLogic(std::string_view name, const ast::ExprList& operands,
                                    Scope* scope);
  absl::StatusOr<ExprPtr> BindLogicOf(std::string_view name, std::vector<ExprPtr> operands);
  absl::StatusOr<ExprPtr> BindBetween(const ast::BetweenExpr& between, Scope* scope);
  absl::StatusOr<ExprPtr> BindDistinctFrom(const ast::IsDistinctFrom& expr, Scope* scope);
  absl::StatusOr<ExprPtr> BindTupleAccess(const ast::TupleAccess& access, Scope* scope);
  absl::StatusOr<ExprPtr> BindArrayAccess(const ast::ArrayAccess& access, Scope* scope);
  absl::StatusOr<ExprPtr> BindSlice(const ast::ArraySlice& slice, Scope* scope);
  absl::StatusOr<ExprPtr> BindDict(const ast::Dict& dict, Scope* scope);
  absl::StatusOr<ExprPtr> BindTag(const ast::HogQLXTag& tag, Scope* scope);
  absl::StatusOr<ExprPtr> BindCast(const ast::TypeCast& cast, Scope* scope);
  absl::StatusOr<ExprPtr> BindAlias(const ast::Alias& alias, Scope* scope);
  absl::StatusOr<ExprPtr> BindSubquery(const ast::Expr& query, Scope* scope);

  // compare.cpp
  absl::StatusOr<ExprPtr> BindCompare(const ast::CompareOperation& operation, Scope* scope);
  absl::StatusOr<ExprPtr> BindComparison(ast::CompareOp op, const ast::Expr& left,
                                         const ast::Expr& right, Scope* scope);
  absl::StatusOr<ExprPtr> Compare(ast::CompareOp op, ExprPtr left, ExprPtr right,
                                  const Scope& scope);
  absl::StatusOr<ExprPtr> WrapNulls(ast::CompareOp op, ExprPtr call, const Expr& left,
                                    const Expr& right);
  absl::StatusOr<ExprPtr> BindIn(const ast::Expr& left, const ast::Expr& right, bool negated,
                                 Scope* scope);
  absl::StatusOr<ExprPtr> InList(ExprPtr left, ExprPtr right, bool negated);
  absl::StatusOr<ExprPtr> InAnyOf(ExprPtr left, std::vector<ExprPtr> items, bool negated,
                                  const Scope& scope);
  absl::StatusOr<ExprPtr> InSubquery(ExprPtr left, const ast::Expr& query, bool negated,
                                     Scope* scope);
  absl::StatusOr<ExprPtr> InResult(ExprPtr left, SelectResult result, bool negated);
  absl::StatusOr<ExprPtr> InCohort(const ast::Expr& left, const ast::Expr& cohort, bool negated,
                                   Scope* scope);
  // Constant texts compared with dates, UUIDs and enums become values of that type.
  absl::Status Coerce(ExprPtr* left, ExprPtr* right);
  absl::StatusOr<ExprPtr> ReadConstantAs(const std::string& text, const Type& type);

  // calls.cpp
  absl::StatusOr<ExprPtr> BindCall(const ast::Call& call, Scope* scope);
  absl::StatusOr<ExprPtr> BindRawCall(const ast::Call& call, Scope* scope);
  absl::StatusOr<ExprPtr> BindScalarCall(const ast::Call& call, const HogqlFunction& function,
                                         Scope* scope);
  absl::StatusOr<ExprPtr> BindTemplate(const ast::Call& call, const HogqlFunction& function,
                                       Scope* scope);
  absl::StatusOr<std::vector<Argument>> BindArguments(const ast::ExprList& arguments, Scope* scope);
  absl::Status CheckCounts(const ast::Call& call, const HogqlFunction& function);
  absl::StatusOr<ExprPtr> Rewrite(const ast::Call& call, const HogqlFunction& function,
                                  std::vector<Argument> arguments, Scope* scope);
  absl::StatusOr<ExprPtr> BindConversion(const ast::Call& call, const HogqlFunction& function,
                                         std::vector<Argument> arguments);
  absl::StatusOr<ExprPtr> BindConcat(const ast::Call& call, Scope* scope);
  absl::StatusOr<ExprPtr> BindArrayJoinCall(ExprPtr argument, Scope* scope);
  absl::StatusOr<ExprPtr> BindSpecial(const ast::Call& call, const HogqlFunction& function,
                                      Scope* scope);
  absl::StatusOr<ExprPtr> AddUnits(std::string_view name, std::vector<ExprPtr> arguments);
  absl::StatusOr<ExprPtr> SafeAddressInRange(std::vector<ExprPtr> arguments);
  absl::StatusOr<ExprPtr> WindowMoment(const ast::Call& call, ExprPtr moment);
  absl::StatusOr<ExprPtr> BindCase(const ast::Call& call, Scope* scope);
  absl::StatusOr<ExprPtr> BindSurveyResponse(const ast::Call& call, Scope* scope);
  absl::StatusOr<ExprPtr> BindAction(const ast::Call& call, Scope* scope);
  absl::StatusOr<ExprPtr> CallClickhouse(std::string_view hogql_name, std::string_view name,
                                         std::vector<Argument> arguments);
  absl::Status UnknownFunction(std::string_view name);
  absl::Status CheckArrayReduce(const ast::Call& call);

  // aggregates.cpp
  absl::StatusOr<ExprPtr> BindAggregateCall(const ast::Call& call, std::string_view clickhouse_name,
                                            Scope* scope);
  absl::StatusOr<ExprPtr> BindWindowFunction(const ast::WindowFunction& call, Scope* scope);
  absl::Status BindWindowSpec(const ast::WindowExpr& spec, Scope* scope, Scope::Window* window);
  absl::Status BindWindowName(const ast::WindowFunction& call, Scope* scope, Scope::Window* window);
  absl::StatusOr<std::vector<Datum>> BindParameters(const ast::ExprList& parameters, Scope* scope);
  absl::StatusOr<std::optional<int64_t>> FrameBound(const ast::WindowFrameExpr& bound,
                                                    Scope* scope);

  std::string_view zone() const { return zone_; }
  // Parses HogQL that belongs to the program (views, expression fields); kept for the life of the
  // binder.
  absl::StatusOr<const ast::Expr*> ParseOwn(const std::string& text, bool query);

  const AnalyzeContext& context_;
  Schema schema_;
  ExprBuilder builder_;
  Symbols symbols_;
  std::string zone_;
  SchemaProvider default_provider_;
  const SchemaProvider* provider_;
  std::vector<std::unique_ptr<CteLink>> cte_links_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::map<std::string, ast::ExprPtr> own_texts_;
  int depth_ = 0;
  int query_depth_ = 0;
  int queries_bound_ = 0;
  size_t expanded_nodes_ = 0;
};

// The names of the columns of a select item without alias.
std::string ItemName(const ast::Expr& expr);

}  // namespace hoglet::analysis
