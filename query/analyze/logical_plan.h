#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "include/hoglet/scan_request.h"
#include "query/analyze/function_catalog.h"
#include "src/base/vector/vector.h"

// The resolved, typed, NULL-explicit query: what the analyzer hands to a back end. Every name is a
// column number of the operator below, every function is bound, HogQL's comparison rules are
// spelled out as calls (ifNull, isNull, ...), the team guard is part of each scan. No back end
// consults property definitions, cohorts or modifiers.

namespace hoglet {

struct Plan;

// A typed expression over the columns of its input (numbered from 0).
struct Expr {
  // kSubquery stands for a query that depends on no row, so it is run once a query, before its
  // first use:
  //   in_set false: the value of `subplan`'s only column in its only row; NULL without a row; more
  //   than one row is an error
  //     (code "incorrect_result_of_scalar_subquery").
  //   in_set true: 1 where arguments[0] (a Tuple if `subplan` has several columns) equals a row of
  //   `subplan`, else 0, type UInt8.
  //     NULL is an ordinary value in it: it is found if the set holds NULL. Column types equal
  //     arguments[0]'s but for nullability.
  enum class Kind : uint8_t { kColumn, kConstant, kCall, kLambda, kParameter, kSubquery };

  Kind kind = Kind::kConstant;
  Type type;
  size_t column = 0;  // kColumn: input column; kParameter: parameter number of the innermost
                      // enclosing lambdas, counted across nesting levels outermost first
  Datum constant;     // kConstant
  std::string name;   // kCall: ClickHouse name, for printing and EXPLAIN
  std::shared_ptr<const ScalarFunction> function;  // kCall
  std::vector<std::unique_ptr<Expr>> arguments;    // kCall: arguments; kLambda: the body only
  size_t first_parameter = 0;                      // kLambda: number of its first parameter
  size_t parameter_count = 0;                      // kLambda
  std::shared_ptr<Plan> subplan;                   // kSubquery; shared by clones, so run once
  bool in_set = false;                             // kSubquery

  std::unique_ptr<Expr> Clone() const;
  static std::unique_ptr<Expr> Column(size_t column, Type type);
  static std::unique_ptr<Expr> Constant(Datum value, Type type);
};
using ExprPtr = std::unique_ptr<Expr>;

struct AggregateCall {
  std::string name;
  std::shared_ptr<const AggregateFunction> function;
  std::vector<size_t> arguments;  // input columns
  std::vector<std::pair<size_t, bool>>
      order_by;  // input column, descending: rows are fed in this order (groupArray(x ORDER BY y))
  std::optional<size_t>
      filter;  // input column of type Bool/UInt8 (possibly Nullable): FILTER (WHERE ...)
};

struct SortKey {
  size_t column = 0;
  bool descending = false;  // NULL and NaN last in both directions
};

struct OutputColumn {
  std::string name;
  Type type;
};

struct Plan {
  enum class Kind : uint8_t {
    kScan,    // table, columns, filter (its predicates are in a kFilter above as well). No columns:
              // only the row count matters
    kValues,  // constant rows: `rows`, at least one column
    kNumbers,    // numbers(n): one UInt64 column
    kFilter,     // expressions[0], Bool/UInt8 possibly Nullable; NULL drops the row
    kProject,    // expressions
    kAggregate,  // group_keys (input columns), aggregates; output: keys then aggregates.
                 // grouping_sets if not empty: subsets of key positions
    kSort,       // sort_keys; `limit` if a top-N suffices
    kLimit,      // limit, offset, with_ties (then sort_keys)
    kLimitBy,    // limit, offset for each distinct value of `columns_by`
    kDistinct,
    kJoin,
    kUnion,      // all inputs have the same column types; UNION ALL
    kSetOp,      // INTERSECT / EXCEPT over two inputs
    kArrayJoin,  // array columns are replaced by their elements
    kWindow,     // adds one column a call
  };
  enum class JoinKind : uint8_t { kInner, kLeft, kRight, kFull, kCross, kSemi, kAnti };

  Kind kind = Kind::kValues;
  std::vector<std::unique_ptr<Plan>> inputs;  // kJoin: left, right; kUnion, kSetOp: two or more;
                                              // kScan, kValues, kNumbers: none; else one
  std::vector<OutputColumn> output;

  // kScan. output[i] is read from columns[i].
  std::string table;
  int64_t team_id = 0;  // the team guard: rows of no other team
  std::vector<ColumnRef> columns;
  ScanFilter filter;        // prunes only; the same conditions stand in a kFilter above
  double sample_ratio = 1;  // SAMPLE: keeps rows by cityHash64(distinct_id)
  double sample_offset = 0;

  std::vector<std::vector<ExprPtr>>
      rows;  // kValues: constant expressions; kNumbers: rows[0] = {count} or {start, count}

  std::vector<ExprPtr> expressions;  // kFilter: one; kProject: all outputs

  std::vector<size_t> group_keys;  // kAggregate: input columns
  std::vector<AggregateCall> aggregates;
  std::vector<std::vector<size_t>>
      grouping_sets;  // positions in group_keys; absent keys of a set read as type defaults

  std::vector<SortKey> sort_keys;  // kSort; kLimit WITH TIES
  std::optional<uint64_t> limit;   // kSort (top-N), kLimit, kLimitBy
  uint64_t offset = 0;             // kLimit, kLimitBy
  bool with_ties = false;
  std::vector<size_t> columns_by;  // kLimitBy

  // kJoin. Output: left columns, then right columns (kSemi, kAnti: left only). Equal keys match
  // (NULL matches nothing); `residual` is checked on each candidate pair over the concatenated
  // columns. Unmatched sides read as type defaults ('' or 0; NULL only for nullable columns).
  JoinKind join_kind = JoinKind::kInner;
  bool join_any = false;                             // ANY: at most one match a left row
  std::vector<std::pair<size_t, size_t>> join_keys;  // left column, right column (of the right
                                                     // input, from 0); same type after casts below
  ExprPtr residual;

  bool set_all = false;     // kSetOp: keeps duplicates
  bool set_except = false;  // kSetOp: EXCEPT, else INTERSECT

  std::vector<size_t>
      array_columns;  // kArrayJoin: input columns; output has the same columns with element types
  bool left_array_join = false;  // keeps rows with empty arrays, element = type default

  // kWindow: output = input columns, then one a call.
  struct WindowCall {
    AggregateCall aggregate;  // `function` null for the functions named below
    // rank, dense_rank, row_number, percent_rank, cume_dist, ntile, lagInFrame, leadInFrame,
    // nth_value; arguments are aggregate.arguments (value, then offset or position, then default:
    // constant columns).
    std::string function_name;
    std::vector<size_t> partition_by;
    std::vector<SortKey> order_by;
    bool rows_frame = false;  // else RANGE
    std::optional<int64_t>
        start;  // offset from the current row, negative = preceding; absent = unbounded preceding
    std::optional<int64_t> end;  // absent = unbounded following
    Type type;
  };
  std::vector<WindowCall> windows;

  size_t ColumnCount() const { return output.size(); }
};
using PlanPtr = std::unique_ptr<Plan>;

// The plan as an indented text, one operator a line: for EXPLAIN, tests and debugging.
std::string PlanToString(const Plan& plan);
// With columns as #0, #1, ...
std::string ExprToString(const Expr& expr);
// A constant in ClickHouse's spelling.
std::string DatumToString(const Datum& value, const Type& type);

// An analyzed query: the plan and what the API tells about it.
struct AnalyzedQuery {
  PlanPtr plan;                           // output columns = result columns, in order
  std::string hogql;                      // canonical text, pretty
  std::optional<uint64_t> default_limit;  // set when the limit was added by the server: the plan
                                          // yields one row more, for hasMore
};

}  // namespace hoglet
