#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "query/analyze/channel_rules.h"
#include "query/analyze/function_catalog.h"
#include "query/analyze/logical_plan.h"
#include "query/hogql/ast.h"

// From a HogQL tree to a typed plan. Start here.
//
// How it goes: placeholders are filled in; names, types and calls are resolved into operators over
// symbols (binder.h); filters are pushed down, columns that nobody reads are dropped, and the rest
// is numbered (logical_op.h). What a table is stands in schema.h as data. Everything here is a pure
// function of its arguments; several threads may analyze at once.
//
// Errors are kInvalidArgument with the text the API shows and its code (ErrorCodeOf).

namespace hoglet {

enum class PropertyKind : uint8_t {
  kEvent,
  kPerson,
  kGroup0,
  kGroup1,
  kGroup2,
  kGroup3,
  kGroup4,
  kNone
};
enum class PropertyType : uint8_t { kNone, kString, kNumeric, kBoolean, kDateTime };

// What the analyzer asks about the project. The default knows nothing. Thread-safe.
class SchemaProvider {
 public:
  virtual ~SchemaProvider() = default;
  virtual PropertyType PropertyTypeOf(PropertyKind kind, std::string_view name) const {
    (void)kind, (void)name;
    return PropertyType::kNone;
  }
  // Names of the group types by index; "" where there is none.
  virtual std::vector<std::string> GroupTypes() const { return {}; }

  struct Cohort {
    int64_t id = 0;
    bool is_static = false;
    std::optional<int64_t> version;
  };
  virtual std::vector<Cohort> CohortsById(int64_t id) const {
    return (void)id, std::vector<Cohort>();
  }
  virtual std::vector<Cohort> CohortsByName(std::string_view name) const {
    return (void)name, std::vector<Cohort>();
  }

  // The condition of an action over the events table, as HogQL text ("event = '$pageview'").
  virtual std::vector<std::string> ActionsById(int64_t id) const {
    return (void)id, std::vector<std::string>();
  }
  virtual std::vector<std::string> ActionsByName(std::string_view name) const {
    return (void)name, std::vector<std::string>();
  }
  // The project's own marketing channels.
  virtual std::vector<ChannelRule> ChannelRules() const { return {}; }
  // Text of a saved view, or nullopt.
  virtual std::optional<std::string> SavedView(std::string_view name) const {
    return (void)name, std::nullopt;
  }
};

// A table beside the registered ones: plain columns, scanned under its own name.
struct PlainTable {
  struct Column {
    std::string name;
    Type type;
    bool json = false;    // a String column that holds JSON documents
    bool hidden = false;  // not in *
  };
  std::vector<Column> columns;
};

enum class PersonsOnEventsMode : uint8_t {
  kDisabled,  // events.person is joined through person_distinct_ids
  kNoOverridePropertiesOnEvents,
  kOverridePropertiesOnEvents,  // the default
  kOverridePropertiesJoined,
};

// How sessions are judged (modifiers of the spec).
struct SessionModifiers {
  int64_t bounce_duration_s = 10;
  // Of pages, screens and autocaptured events together, instead of pages.
  bool bounces_by_interactions = false;
  std::vector<ChannelRule> channel_rules;

  friend bool operator==(const SessionModifiers&, const SessionModifiers&) = default;
};

struct AnalyzeContext {
  int64_t team_id = 0;
  std::string timezone = "UTC";
  int week_start_day = 0;                      // 0 Sunday, 1 Monday
  const FunctionCatalog* functions = nullptr;  // required
  const SchemaProvider* schema = nullptr;      // may be null: nothing is known
  EvalContext eval;
  // Rows of a top-level SELECT without LIMIT, and the most a LIMIT gives; nullopt: as many as there
  // are.
  std::optional<uint64_t> default_limit = 100;
  std::optional<uint64_t> max_limit = 50'000;
  // What {name} stands for; dotted names for {variables.x}. {filters} is `true` unless given here.
  std::map<std::string, std::shared_ptr<const hogql::Expr>> values;
  std::map<std::string, PlainTable> tables;
  PersonsOnEventsMode persons_mode = PersonsOnEventsMode::kOverridePropertiesOnEvents;
  SessionModifiers sessions;
  bool convert_to_project_timezone = true;
  // Calls of constants keep their form: to see what HogQL functions turn into.
  bool fold_constants = true;
  // arr[a:b], which the query API refuses.
  bool array_slices = false;
};

// `query` is a SelectQuery or SelectSetQuery.
absl::StatusOr<AnalyzedQuery> AnalyzeSelect(const hogql::Expr& query,
                                            const AnalyzeContext& context);

// Where in the text an error of these functions lies, if it is known: the innermost expression that
// failed.
std::optional<hogql::SourceSpan> ErrorSpanOf(const absl::Status& status);

// An expression without tables. The result has no columns.
absl::StatusOr<ExprPtr> AnalyzeConstantExpression(const hogql::Expr& expr,
                                                  const AnalyzeContext& context);

// The tables a query may name and their columns as `*` shows them: for schema listings and
// autocompletion.
struct TableListing {
  std::string name;
  struct Column {
    std::string name;
    std::string type;  // integer float string datetime date boolean json array lazy_table
                       // virtual_table field_traverser expression
  };
  std::vector<Column> columns;
};
std::vector<TableListing> ListTables(const AnalyzeContext& context);

}  // namespace hoglet
