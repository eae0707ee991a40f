#include "query/analyze/placeholders.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "include/hoglet/status.h"
#include "query/analyze/expr_builder.h"
#include "query/hogql/ast_walk.h"
#include "src/base/strings.h"

namespace hoglet::analysis {
namespace {

namespace ast = hogql;

// The nearest SELECT around a placeholder, and the comparison directly around it.
struct Surroundings {
  const ast::SelectQuery* select = nullptr;
  bool in_comparison = false;
};

bool TakesFilters(const ast::SelectQuery* select) {
  static constexpr std::string_view kTables[] = {"events", "sessions", "logs", "traces", "groups"};
  if (select == nullptr) return false;
  for (const ast::JoinExpr* join = select->select_from.get(); join != nullptr;
       join = join->next_join.get()) {
    auto* field = ast::As<ast::Field>(join->table);
    if (field == nullptr || field->chain.size() != 1) continue;
    if (std::find(std::begin(kTables), std::end(kTables), field->chain[0]) != std::end(kTables))
      return true;
  }
  return false;
}

class Filler {
 public:
  explicit Filler(const AnalyzeContext& context) : context_(context) {}

  absl::Status Fill(ast::ExprPtr* slot, Surroundings around) {
    if (auto* placeholder = ast::As<ast::Placeholder>(*slot))
      return Replace(*placeholder, slot, around);
    if (auto* select = ast::As<ast::SelectQuery>(*slot)) around.select = select;
    around.in_comparison = (*slot)->kind == ast::NodeKind::kCompareOperation;
    absl::Status status;
    bool unset_range = false;
    ast::ForEachExprSlot(**slot, [&](ast::ExprPtr& child) {
      if (!status.ok()) return;
      status = Fill(&child, around);
      unset_range = unset_range || std::exchange(range_unset_, false);
    });
    if (unset_range && status.ok()) {
      // A comparison with an end of the date range that is not set holds for every row.
      *slot = std::make_unique<ast::Constant>(true);
    }
    return status;
  }

 private:
  absl::Status Replace(const ast::Placeholder& placeholder, ast::ExprPtr* slot,
                       const Surroundings& around) {
    auto* field = ast::As<ast::Field>(placeholder.expr);
    if (field == nullptr) return QueryError("You can not use placeholders here");
    const std::string name = absl::StrJoin(field->chain, ".");
    auto value = context_.values.find(name);
    if (value != context_.values.end()) {
      *slot = ast::Clone(*value->second);
      return absl::OkStatus();
    }
    if (field->chain[0] == "filters") return Filters(name, slot, around);
    if (field->chain[0] == "variables") {
      return QueryError(StrCat("Variable ", field->chain.size() > 1 ? field->chain[1] : "",
                               " is missing from query"));
    }
    if (context_.values.empty()) return QueryError(StrCat("Unresolved placeholder: {", name, "}"));
    std::vector<std::string> names;
    for (const auto& [known, expr] : context_.values) names.push_back(known);
    return QueryError(StrCat("Placeholder {", name,
                             "} is not available in this context. You can use the following: ",
                             absl::StrJoin(names, ", ")));
  }

  absl::Status Filters(const std::string& name, ast::ExprPtr* slot, const Surroundings& around) {
    if (name == "filters") {
      if (!TakesFilters(around.select)) {
        return QueryError(
            "Cannot use 'filters' placeholder in a SELECT clause that does not select from the "
            "events, sessions, logs, traces or groups "
            "table.");
      }
      *slot = std::make_unique<ast::Constant>(true);
      return absl::OkStatus();
    }
    if (name != "filters.dateRange.from" && name != "filters.dateRange.to") {
      return QueryError(
          StrCat("Unsupported filters placeholder `{", name,
                 "}`. Supported filters placeholders are: `{filters}`, `{filters.dateRange.from}`, "
                 "`{filters.dateRange.to}`."));
    }
    if (!around.in_comparison) {
      return QueryError(
          StrCat("The `{", name,
                 "}` placeholder must be used directly in a comparison (e.g. `timestamp > {", name,
                 "}`), not nested inside a function call, when the date range is not set."));
    }
    range_unset_ = true;
    *slot = std::make_unique<ast::Constant>();
    return absl::OkStatus();
  }

  const AnalyzeContext& context_;
  bool range_unset_ = false;
};

}  // namespace

absl::Status FillPlaceholders(hogql::ExprPtr* query, const AnalyzeContext& context) {
  return Filler(context).Fill(query, {});
}

}  // namespace hoglet::analysis
