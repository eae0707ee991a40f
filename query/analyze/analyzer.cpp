#include "query/analyze/analyzer.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "include/hoglet/status.h"
#include "query/analyze/binder.h"
#include "query/analyze/placeholders.h"
#include "query/hogql/printer.h"
#include "src/base/strings.h"

namespace hoglet {

namespace analysis {
namespace {

EvalContext ContextOf(const AnalyzeContext& context) {
  EvalContext eval;
  eval.now_us = context.eval.now_us;
  eval.timezone = context.timezone;
  eval.memory = context.eval.memory;
  eval.cancelled = context.eval.cancelled;
  eval.deadline_ns = context.eval.deadline_ns;
  eval.monotonic_ns = context.eval.monotonic_ns;
  eval.random_state = context.eval.random_state;
  return eval;
}

ast::ExprPtr Integer(uint64_t value) {
  return std::make_unique<ast::Constant>(static_cast<int64_t>(value));
}

// A LIMIT for a select that has none, and never more than the most.
void CapLimit(ast::ExprPtr* limit, bool has_offset, std::optional<uint64_t> missing,
              std::optional<uint64_t> most) {
  if (*limit == nullptr) {
    if (has_offset && most) missing = most;
    if (missing) *limit = Integer(*missing);
    return;
  }
  auto* constant = ast::As<ast::Constant>(*limit);
  const int64_t* value = constant == nullptr ? nullptr : constant->as_integer();
  if (most && value != nullptr && *value > static_cast<int64_t>(*most)) *limit = Integer(*most);
}

// Every branch of a top-level set query is limited for itself.
void LimitBranches(ast::Expr* query, const AnalyzeContext& context) {
  if (auto* select = ast::As<ast::SelectQuery>(query)) {
    CapLimit(&select->limit, select->offset != nullptr, context.default_limit, context.max_limit);
  } else if (auto* set = ast::As<ast::SelectSetQuery>(query)) {
    LimitBranches(set->initial_select_query.get(), context);
    for (const auto& next : set->subsequent_select_queries)
      LimitBranches(next->select_query.get(), context);
    CapLimit(&set->limit, set->offset != nullptr, std::nullopt, context.max_limit);
  }
}

// Adds the server's limit; the default that was added to a plain SELECT, which then yields one row
// more.
std::optional<uint64_t> LimitTopLevel(ast::Expr* query, const AnalyzeContext& context) {
  auto* select = ast::As<ast::SelectQuery>(query);
  const bool plain = select != nullptr && select->limit == nullptr && select->offset == nullptr &&
                     context.default_limit;
  if (!plain) {
    LimitBranches(query, context);
    return std::nullopt;
  }
  select->limit = Integer(*context.default_limit + 1);
  return context.default_limit;
}

std::string_view ListedType(const FieldDef& field) {
  switch (field.kind) {
    case FieldDef::Kind::kJson:
      return "json";
    case FieldDef::Kind::kVirtual:
      return "virtual_table";
    case FieldDef::Kind::kLazyJoin:
      return "lazy_table";
    case FieldDef::Kind::kTraverser:
      return "field_traverser";
    default:
      break;
  }
  const Type& type = field.type;
  if (type.IsInteger()) return "integer";
  if (type.IsFloat()) return "float";
  if (type.kind() == TypeKind::kBool) return "boolean";
  if (type.kind() == TypeKind::kArray) return "array";
  if (type.kind() == TypeKind::kDate) return "date";
  return type.IsDateOrTime() ? "datetime" : "string";
}

}  // namespace

Binder::Binder(const AnalyzeContext& context)
    : context_(context),
      schema_(context),
      builder_(*context.functions, ContextOf(context)),
      zone_(context.convert_to_project_timezone ? context.timezone : "UTC"),
      provider_(context.schema != nullptr ? context.schema : &default_provider_) {
  builder_.set_folding(context.fold_constants);
}

}  // namespace analysis

std::optional<hogql::SourceSpan> ErrorSpanOf(const absl::Status& status) {
  const auto payload = status.GetPayload(analysis::kSpanPayload);
  hogql::SourceSpan span;
  if (!payload || std::sscanf(std::string(*payload).c_str(), "%d,%d", &span.start, &span.end) != 2)
    return std::nullopt;
  return span;
}

absl::StatusOr<AnalyzedQuery> AnalyzeSelect(const hogql::Expr& query,
                                            const AnalyzeContext& context) {
  hogql::ExprPtr tree = hogql::Clone(query);
  HOGLET_RETURN_IF_ERROR(analysis::FillPlaceholders(&tree, context));
  AnalyzedQuery analyzed;
  analyzed.default_limit = analysis::LimitTopLevel(tree.get(), context);
  analysis::Binder binder(context);
  HOGLET_ASSIGN_OR_RETURN(analysis::SelectResult result, binder.BindQuery(*tree, nullptr));
  HOGLET_ASSIGN_OR_RETURN(analyzed.plan, binder.Finish(std::move(result)));
  analyzed.hogql = hogql::PrintHogQL(*tree, hogql::PrintStyle::kPretty);
  return analyzed;
}

absl::StatusOr<ExprPtr> AnalyzeConstantExpression(const hogql::Expr& expr,
                                                  const AnalyzeContext& context) {
  hogql::ExprPtr tree = hogql::Clone(expr);
  HOGLET_RETURN_IF_ERROR(analysis::FillPlaceholders(&tree, context));
  analysis::Binder binder(context);
  analysis::Scope scope;
  HOGLET_ASSIGN_OR_RETURN(ExprPtr bound, binder.BindExpr(*tree, &scope));
  if (!analysis::ColumnsOf(*bound).empty()) {
    return analysis::QueryError("Aggregations, window functions and arrayJoin need a SELECT");
  }
  return bound;
}

std::vector<TableListing> ListTables(const AnalyzeContext& context) {
  std::vector<TableListing> listings;
  analysis::Schema schema(context);
  for (const auto& [name, table] : schema.tables()) {
    if (!table.listed) continue;
    TableListing listing;
    listing.name = name;
    for (const auto& field : table.fields) {
      if (!field.hidden)
        listing.columns.push_back({field.name, std::string(analysis::ListedType(field))});
    }
    listings.push_back(std::move(listing));
  }
  return listings;
}

}  // namespace hoglet
