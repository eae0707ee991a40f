#include <algorithm>

#include "absl/strings/str_split.h"
#include "include/hoglet/status.h"
#include "query/analyze/select_parts.h"
#include "re2/re2.h"
#include "src/base/strings.h"

// The SELECT list: single items, and those that stand for several columns.

namespace hoglet::analysis {
namespace {

absl::Status RemoveExcluded(const std::vector<std::string>& excluded,
                            const std::vector<Table*>& tables, std::vector<std::string>* names) {
  for (const std::string& path : excluded) {
    const std::vector<std::string> parts = absl::StrSplit(path, '.');
    if (parts.size() > 1) {
      const bool known = std::any_of(tables.begin(), tables.end(),
                                     [&](const Table* table) { return table->alias == parts[0]; });
      if (!known)
        return QueryError(
            StrCat("Column \"", parts.back(), "\" in EXCLUDE list was not found in ", parts[0]));
    }
    names->push_back(parts.back());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Binder::BindSelectList(const ast::ExprList& list, Scope* scope,
                                    std::vector<SelectItem>* items) {
  for (const ast::ExprPtr& item : list) HOGLET_RETURN_IF_ERROR(BindSelectItem(*item, scope, items));
  return absl::OkStatus();
}

absl::Status Binder::BindSelectItem(const ast::Expr& expr, Scope* scope,
                                    std::vector<SelectItem>* items) {
  if (auto* field = ast::As<ast::Field>(&expr); field != nullptr && field->chain.back() == "*")
    return ExpandStar(*field, scope, items);
  if (auto* columns = ast::As<ast::ColumnsExpr>(&expr))
    return ExpandColumns(*columns, scope, items);
  if (auto* call = ast::As<ast::Call>(&expr);
      call != nullptr && call->name == "untuple" && call->args.size() == 1) {
    return ExpandUntuple(*call, scope, items);
  }
  HOGLET_ASSIGN_OR_RETURN(ExprPtr bound, BindExpr(expr, scope));
  auto* alias = ast::As<ast::Alias>(&expr);
  items->push_back(
      {alias != nullptr ? alias->alias : ItemName(expr), std::move(bound), alias != nullptr});
  return absl::OkStatus();
}

absl::Status Binder::AppendTableColumns(Table* table, Scope*, std::vector<SelectItem>* items) {
  if (table->is_query()) {
    for (const OutputField& field : table->fields) {
      const FieldDef* known =
          table->def == nullptr ? nullptr : FindField(table->def->fields, field.name);
      if (known != nullptr && known->hidden) continue;
      if (table->def != nullptr && !table->def->shown.empty() &&
          std::find(table->def->shown.begin(), table->def->shown.end(), field.name) ==
              table->def->shown.end()) {
        continue;
      }
      items->push_back({field.name, symbols_.Reference(field.symbol), false});
    }
    return absl::OkStatus();
  }
  for (const FieldDef& field : table->def->fields) {
    const bool column = field.kind == FieldDef::Kind::kColumn ||
                        field.kind == FieldDef::Kind::kJson ||
                        field.kind == FieldDef::Kind::kExpression;
    if (field.hidden || !column) continue;
    const Path path{{field.name, true}};
    HOGLET_ASSIGN_OR_RETURN(ExprPtr value, FieldExpr(table, field, path, 1));
    items->push_back({field.name, std::move(value), false});
  }
  return absl::OkStatus();
}

absl::Status Binder::ExpandStar(const ast::Field& field, Scope* scope,
                                std::vector<SelectItem>* items) {
  if (field.chain.size() == 1) {
    if (scope->tables.empty())
      return QueryError("Cannot use '*' when there are no tables in the query");
    if (scope->tables.size() > 1)
      return QueryError(
          "Cannot use '*' without table name when there are multiple tables in the query");
    return AppendTableColumns(scope->tables[0], scope, items);
  }
  for (Table* table : scope->tables) {
    if (table->alias != field.chain[0]) continue;
    const std::vector<FieldDef>* fields = table->is_query() ? nullptr : &table->def->fields;
    for (size_t i = 1; i + 1 < field.chain.size(); ++i) {
      const FieldDef* next = fields == nullptr ? nullptr : FindField(*fields, field.chain[i]);
      if (next == nullptr) return QueryError(StrCat("Field not found: ", field.chain[i]));
      if (next->kind == FieldDef::Kind::kLazyJoin) {
        HOGLET_ASSIGN_OR_RETURN(table, JoinedTable(table, *next));
        fields = table->is_query() ? nullptr : &table->def->fields;
      } else {
        return QueryError(StrCat("Cannot select all columns of ", field.chain[i]));
      }
    }
    return AppendTableColumns(table, scope, items);
  }
  return UnknownField(field.chain[0], *scope);
}

absl::Status Binder::ExpandUntuple(const ast::Call& call, Scope* scope,
                                   std::vector<SelectItem>* items) {
  HOGLET_ASSIGN_OR_RETURN(ExprPtr tuple, BindExpr(*call.args[0], scope));
  if (tuple->type.kind() != TypeKind::kTuple) {
    return CodedError("illegal_type_of_argument", "Function untuple expects tuple argument");
  }
  const std::string name = ItemName(*call.args[0]);
  for (size_t i = 0; i < tuple->type.children().size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(
        ExprPtr element,
        builder_.Call("tupleElement",
                      ExprList(tuple->Clone(), IntegerLiteral(static_cast<int64_t>(i + 1)))));
    items->push_back({StrCat("tupleElement(", name, ", ", i + 1, ")"), std::move(element), false});
  }
  return absl::OkStatus();
}

absl::Status Binder::ExpandColumns(const ast::ColumnsExpr& columns, Scope* scope,
                                   std::vector<SelectItem>* items) {
  std::vector<std::string> excluded;
  HOGLET_RETURN_IF_ERROR(RemoveExcluded(columns.exclude, scope->tables, &excluded));
  for (const auto& [name, expr] : columns.replace) {
    if (std::find(excluded.begin(), excluded.end(), name) != excluded.end()) {
      return QueryError(
          StrCat("Column \"", name, "\" cannot occur in both EXCLUDE and REPLACE list"));
    }
  }
  std::vector<SelectItem> all;
  if (!columns.columns.empty()) {
    HOGLET_RETURN_IF_ERROR(BindSelectList(columns.columns, scope, &all));
  } else {
    HOGLET_RETURN_IF_ERROR(ExpandStar(ast::Field({"*"}), scope, &all));
  }
  if (columns.regex) {
    const RE2 pattern(*columns.regex, RE2::Quiet);
    if (!pattern.ok())
      return QueryError(StrCat("COLUMNS() has an invalid regular expression: ", *columns.regex));
    std::erase_if(all,
                  [&](const SelectItem& item) { return !RE2::PartialMatch(item.name, pattern); });
    if (all.empty())
      return QueryError(StrCat("No columns matched the regular expression: ", *columns.regex));
  }
  for (const std::string& name : excluded) {
    const size_t before = all.size();
    std::erase_if(all, [&](const SelectItem& item) { return item.name == name; });
    if (all.size() == before) {
      return QueryError(StrCat("Column \"", name, "\" in EXCLUDE list was not found in ",
                               scope->tables.empty() ? "the query" : scope->tables[0]->alias));
    }
  }
  for (const auto& replacement : columns.replace) {
    const auto& [name, expr] = replacement;
    auto replaced = std::find_if(all.begin(), all.end(), [&replacement](const SelectItem& item) {
      return item.name == replacement.first;
    });
    if (replaced == all.end())
      return QueryError(StrCat("Column \"", name, "\" in REPLACE list was not found"));
    HOGLET_ASSIGN_OR_RETURN(replaced->expr, BindExpr(*expr, scope));
  }
  for (SelectItem& item : all) items->push_back(std::move(item));
  return absl::OkStatus();
}

}  // namespace hoglet::analysis
