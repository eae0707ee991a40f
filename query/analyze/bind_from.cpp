#include <algorithm>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "include/hoglet/status.h"
#include "query/analyze/binder.h"
#include "src/base/strings.h"

// FROM: tables, subqueries, joins.

namespace hoglet::analysis {
namespace {

OpPtr SourceOf(OpPtr rows, Table* table) {
  auto source = std::make_unique<Op>(Op::Kind::kSource, std::move(rows));
  table->source = source.get();
  return source;
}

bool Within(const std::set<SymbolId>& some, const std::set<SymbolId>& all) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

double NumberOf(const ast::Constant* constant) {
  if (constant == nullptr) return 1;
  if (auto* integer = std::get_if<int64_t>(&constant->value)) return static_cast<double>(*integer);
  if (auto* number = std::get_if<double>(&constant->value)) return *number;
  return 1;
}

double RatioOf(const ast::Expr* sample) {
  auto* ratio = ast::As<ast::RatioExpr>(sample);
  if (ratio == nullptr) return 0;
  const double right = NumberOf(ratio->right.get());
  return right == 0 ? 1 : NumberOf(ratio->left.get()) / right;
}

}  // namespace

Table* Binder::NewTable() {
  tables_.push_back(std::make_unique<Table>());
  return tables_.back().get();
}

absl::StatusOr<OpPtr> Binder::OpenTable(const TableDef& def, Table* table) {
  table->def = &def;
  if (!def.view.empty()) {
    HOGLET_ASSIGN_OR_RETURN(const ast::Expr* query, ParseOwn(def.view, /*query=*/true));
    HOGLET_ASSIGN_OR_RETURN(SelectResult result, BindQuery(*query, nullptr));
    table->fields = std::move(result.fields);
    return SourceOf(std::move(result.op), table);
  }
  auto scan = std::make_unique<Op>(Op::Kind::kScan);
  scan->table = def.physical;
  table->scan = scan.get();
  OpPtr op = SourceOf(std::move(scan), table);
  if (!def.filter.empty()) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr filter, ExpressionField(table, def.filter));
    HOGLET_RETURN_IF_ERROR(AddFilter(std::move(filter), &op));
  }
  return op;
}

absl::StatusOr<OpPtr> Binder::QueryTable(SelectResult result, Table* table) {
  table->fields = std::move(result.fields);
  return SourceOf(std::move(result.op), table);
}

absl::Status Binder::RenameFields(const std::vector<std::string>& names, std::string_view what,
                                  Table* table) {
  if (names.empty()) return absl::OkStatus();
  if (!table->is_query()) return QueryError("Column names are not supported on this table");
  if (names.size() != table->fields.size()) {
    return QueryError(StrCat(what, " has ", table->fields.size(), " column(s) but ", names.size(),
                             " column name(s) were provided"));
  }
  for (size_t i = 0; i < names.size(); ++i) table->fields[i].name = names[i];
  return absl::OkStatus();
}

absl::StatusOr<OpPtr> Binder::BindNumbers(const ast::JoinExpr& join, Scope* scope, Table* table) {
  if (!join.table_args) return QueryError("Table function 'numbers' requires arguments");
  if (join.table_args->empty())
    return QueryError("Table function 'numbers' requires at least 1 argument");
  if (join.table_args->size() > 2)
    return QueryError("Table function 'numbers' requires at most 2 arguments");
  auto op = std::make_unique<Op>(Op::Kind::kNumbers);
  op->rows.emplace_back();
  for (const ast::ExprPtr& argument : *join.table_args) {
    Scope empty;
    empty.ctes = scope->ctes;
    HOGLET_ASSIGN_OR_RETURN(ExprPtr count, BindExpr(*argument, &empty));
    auto* value = std::get_if<int64_t>(&count->constant.value);
    const bool whole = IsConstant(*count) && count->type.IsInteger() && value != nullptr;
    if (!whole || (*value < 0 && count->type.kind() != TypeKind::kUInt64)) {
      return CodedError(
          "bad_arguments",
          "Arguments of table function numbers must be constant non-negative integers");
    }
    HOGLET_ASSIGN_OR_RETURN(count, builder_.Cast(std::move(count), Type(TypeKind::kUInt64)));
    op->rows[0].push_back(std::move(count));
  }
  const SymbolId symbol = symbols_.Add("number", Type(TypeKind::kUInt64));
  op->symbols = {symbol};
  table->fields = {{"number", symbol}};
  return SourceOf(std::move(op), table);
}

absl::StatusOr<OpPtr> Binder::BindValues(const ast::ValuesQuery& values, Scope* scope,
                                         Table* table) {
  auto op = std::make_unique<Op>(Op::Kind::kValues);
  std::vector<Type> types;
  for (const ast::ExprList& row : values.rows) {
    Scope empty;
    empty.ctes = scope->ctes;
    HOGLET_ASSIGN_OR_RETURN(auto bound, BindList(row, &empty));
    if (types.empty()) {
      for (const ExprPtr& value : bound) types.push_back(value->type);
    }
    if (bound.size() != types.size())
      return QueryError("All rows of VALUES must have the same number of columns");
    for (size_t i = 0; i < types.size(); ++i) {
      HOGLET_ASSIGN_OR_RETURN(types[i], builder_.CommonType(types[i], bound[i]->type));
    }
    op->rows.push_back(std::move(bound));
  }
  for (auto& row : op->rows) {
    for (size_t i = 0; i < types.size(); ++i) {
      HOGLET_ASSIGN_OR_RETURN(row[i], builder_.Cast(std::move(row[i]), types[i]));
    }
  }
  for (size_t i = 0; i < types.size(); ++i) {
    const std::string name = StrCat("col", i);
    op->symbols.push_back(symbols_.Add(name, types[i]));
    table->fields.push_back({name, op->symbols.back()});
  }
  if (op->symbols.empty()) return QueryError("VALUES needs at least one column");
  return SourceOf(std::move(op), table);
}

absl::StatusOr<OpPtr> Binder::BindNamedTable(const ast::JoinExpr& join, const ast::Field& field,
                                             Scope* scope) {
  Table* table = scope->tables.back();
  const std::string name = absl::StrJoin(field.chain, ".");
  if (!join.alias) table->alias = absl::StrJoin(field.chain, "__");
  if (field.chain.size() == 1) {
    for (const CteLink* link = scope->ctes; link != nullptr; link = link->older) {
      if (link->cte->name != name || link->cte->is_column) continue;
      HOGLET_ASSIGN_OR_RETURN(SelectResult result, BindQuery(*link->cte->expr, link->older));
      HOGLET_ASSIGN_OR_RETURN(OpPtr op, QueryTable(std::move(result), table));
      HOGLET_RETURN_IF_ERROR(RenameFields(link->cte->columns, StrCat("CTE '", name, "'"), table));
      HOGLET_RETURN_IF_ERROR(RenameFields(join.column_aliases, StrCat("CTE '", name, "'"), table));
      return op;
    }
  }
  if (name == "numbers") return BindNumbers(join, scope, table);
  const TableDef* def = schema_.Find(name);
  if (def != nullptr) {
    if (join.table_args) return QueryError(StrCat("Table '", name, "' does not accept arguments"));
    HOGLET_ASSIGN_OR_RETURN(OpPtr op, OpenTable(*def, table));
    if (join.sample != nullptr) ApplySample(*join.sample, table);
    return op;
  }
  if (auto view = provider_->SavedView(name)) {
    HOGLET_ASSIGN_OR_RETURN(const ast::Expr* query, ParseOwn(*view, /*query=*/true));
    HOGLET_ASSIGN_OR_RETURN(SelectResult result, BindQuery(*query, nullptr));
    return QueryTable(std::move(result), table);
  }
  return UnknownTable(name, *scope);
}

absl::Status Binder::UnknownTable(const std::string& name, const Scope& scope) {
  std::vector<std::string> names = {"numbers"};
  for (const auto& [key, table] : schema_.tables()) {
    if (table.listed) names.push_back(key);
  }
  for (const CteLink* link = scope.ctes; link != nullptr; link = link->older) {
    if (!link->cte->is_column) names.push_back(link->cte->name);
  }
  return QueryError(StrCat("Unknown table `", name, "`.", DidYouMean(name, names)));
}

void Binder::ApplySample(const ast::SampleExpr& sample, Table* table) {
  if (table->scan == nullptr) return;
  const double ratio = RatioOf(sample.sample_value.get());
  // More than all of it is a number of rows, which only ClickHouse's storage can give.
  if (ratio > 0 && ratio < 1) {
    table->scan->sample_ratio = ratio;
    ScanColumn(table, {"distinct_id", "", ColumnRef::Json::kWhole}, Type(TypeKind::kString));
  }
  table->scan->sample_offset = RatioOf(sample.offset_value.get());
}

absl::StatusOr<OpPtr> Binder::BindTable(const ast::JoinExpr& join, Scope* scope) {
  using ast::As;
  Table* table = NewTable();
  scope->tables.push_back(table);
  if (join.alias) table->alias = *join.alias;
  const ast::Expr* source = join.table.get();
  if (auto* field = As<ast::Field>(source)) return BindNamedTable(join, *field, scope);
  if (auto* values = As<ast::ValuesQuery>(source)) {
    if (!join.alias) table->alias = "values";
    HOGLET_ASSIGN_OR_RETURN(OpPtr op, BindValues(*values, scope, table));
    HOGLET_RETURN_IF_ERROR(RenameFields(join.column_aliases, "VALUES", table));
    return op;
  }
  if (source->kind == ast::NodeKind::kSelectQuery ||
      source->kind == ast::NodeKind::kSelectSetQuery) {
    HOGLET_ASSIGN_OR_RETURN(SelectResult result, BindQuery(*source, scope->ctes));
    HOGLET_ASSIGN_OR_RETURN(OpPtr op, QueryTable(std::move(result), table));
    HOGLET_RETURN_IF_ERROR(RenameFields(join.column_aliases, "Subquery", table));
    return op;
  }
  if (auto* nested = As<ast::JoinExpr>(source)) {
    scope->tables.pop_back();
    return BindJoins(*nested, scope);
  }
  if (auto* tag = As<ast::HogQLXTag>(source)) {
    return QueryError(StrCat("Error parsing query tag: Unknown tag <", tag->tag_kind, " />."));
  }
  if (source->kind == ast::NodeKind::kPivotExpr)
    return QueryError("PIVOT is not allowed in hogql dialect");
  if (source->kind == ast::NodeKind::kUnpivotExpr)
    return QueryError("UNPIVOT is not allowed in hogql dialect");
  return QueryError("You can not use placeholders here");
}

absl::StatusOr<OpPtr> Binder::BindJoins(const ast::JoinExpr& from, Scope* scope) {
  // All tables first: a condition may name any of them, and complains about later ones in its own
  // words.
  std::vector<OpPtr> rows;
  std::vector<const ast::JoinExpr*> joins;
  for (const ast::JoinExpr* join = &from; join != nullptr; join = join->next_join.get()) {
    const size_t first = scope->tables.size();
    HOGLET_ASSIGN_OR_RETURN(OpPtr op, BindTable(*join, scope));
    rows.push_back(std::move(op));
    joins.push_back(join);
    for (size_t i = 0; i < first && first < scope->tables.size(); ++i) {
      const std::string& alias = scope->tables[first]->alias;
      if (!alias.empty() && scope->tables[i]->alias == alias) {
        return QueryError(StrCat("Already have joined a table called \"", alias,
                                 "\". Can't join another one with the same name."));
      }
    }
  }
  OpPtr op = std::move(rows[0]);
  for (size_t i = 1; i < rows.size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(op, JoinTables(std::move(op), std::move(rows[i]), *joins[i], scope));
  }
  return op;
}

absl::StatusOr<OpPtr> Binder::JoinTables(OpPtr left, OpPtr right, const ast::JoinExpr& join,
                                         Scope* scope) {
  using JoinKind = Plan::JoinKind;
  const std::vector<std::string> words = absl::StrSplit(join.join_type, ' ');
  auto has = [&](std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (has("POSITIONAL")) return QueryError("POSITIONAL JOIN is not allowed in hogql dialect");
  auto op = std::make_unique<Op>(Op::Kind::kJoin);
  const bool swapped = has("RIGHT") && (has("SEMI") || has("ANTI") || has("ANY"));
  op->inputs.push_back(std::move(swapped ? right : left));
  op->inputs.push_back(std::move(swapped ? left : right));
  op->join_any = has("ANY");
  op->join_kind = has("SEMI")                        ? JoinKind::kSemi
                  : has("ANTI")                      ? JoinKind::kAnti
                  : has("FULL")                      ? JoinKind::kFull
                  : has("LEFT") || swapped           ? JoinKind::kLeft
                  : has("RIGHT")                     ? JoinKind::kRight
                  : has("CROSS") || !join.constraint ? JoinKind::kCross
                                                     : JoinKind::kInner;
  if (join.constraint == nullptr) return op;
  if (join.constraint->is_using) return BindUsing(std::move(op), *join.constraint->expr, scope);
  return BindOn(std::move(op), *join.constraint->expr, scope, has("ASOF"));
}

// Keys as columns of the two sides, of one type.
absl::Status Binder::SetKeys(Op* join, std::vector<std::pair<ExprPtr, ExprPtr>>&& keys) {
  std::vector<std::pair<SymbolId, ExprPtr>> left, right;
  for (auto& [left_key, right_key] : keys) {
    if (!left_key->type.SameBase(right_key->type)) {
      HOGLET_ASSIGN_OR_RETURN(Type common, builder_.CommonType(left_key->type.NotNullable(),
                                                               right_key->type.NotNullable()));
      const bool left_null = left_key->type.nullable(), right_null = right_key->type.nullable();
      HOGLET_ASSIGN_OR_RETURN(
          left_key, builder_.Cast(std::move(left_key), left_null ? common.Nullable() : common));
      HOGLET_ASSIGN_OR_RETURN(
          right_key, builder_.Cast(std::move(right_key), right_null ? common.Nullable() : common));
    }
    join->left_keys.push_back(Materialize(std::move(left_key), "key", &left));
    join->right_keys.push_back(Materialize(std::move(right_key), "key", &right));
  }
  for (int side = 0; side < 2; ++side) {
    auto& definitions = side == 0 ? left : right;
    if (definitions.empty()) continue;
    auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(join->inputs[side]));
    extend->definitions = std::move(definitions);
    join->inputs[side] = std::move(extend);
  }
  // ANY INNER takes one row of each side for a key.
  if (join->join_any && join->join_kind == Plan::JoinKind::kInner && !join->left_keys.empty()) {
    auto limit = std::make_unique<Op>(Op::Kind::kLimitBy, std::move(join->inputs[0]));
    limit->limit = 1;
    limit->symbols = join->left_keys;
    join->inputs[0] = std::move(limit);
  }
  return absl::OkStatus();
}

absl::StatusOr<OpPtr> Binder::BindUsing(OpPtr join, const ast::Expr& columns, Scope* scope) {
  std::vector<std::string> names;
  if (auto* field = ast::As<ast::Field>(&columns)) names.push_back(field->chain.back());
  if (auto* tuple = ast::As<ast::Tuple>(&columns)) {
    for (const ast::ExprPtr& item : tuple->exprs) {
      if (auto* field = ast::As<ast::Field>(item)) names.push_back(field->chain.back());
    }
  }
  if (names.empty()) return QueryError("USING needs column names");
  std::vector<std::pair<ExprPtr, ExprPtr>> keys;
  for (const std::string& name : names) {
    ExprPtr sides[2];
    for (Table* table : scope->tables) {
      if (!HasChild(*table, name)) continue;
      const Path path{{name, true}};
      HOGLET_ASSIGN_OR_RETURN(ExprPtr value, table->is_query()
                                                 ? WalkQuery(table, path, 0, false)
                                                 : WalkTable(table, table->def->fields, path, 0));
      for (int side = 0; side < 2; ++side) {
        if (sides[side] == nullptr && Within(ColumnsOf(*value), SymbolsOf(*join->inputs[side])))
          sides[side] = value->Clone();
      }
    }
    if (sides[0] == nullptr || sides[1] == nullptr) return UnknownField(name, *scope);
    keys.emplace_back(std::move(sides[0]), std::move(sides[1]));
    scope->using_columns.insert(name);
  }
  HOGLET_RETURN_IF_ERROR(SetKeys(join.get(), std::move(keys)));
  return join;
}

absl::StatusOr<OpPtr> Binder::BindOn(OpPtr join, const ast::Expr& condition, Scope* scope,
                                     bool asof) {
  using JoinKind = Plan::JoinKind;
  scope->join_constraint = true;
  auto bound = BindExpr(condition, scope);
  scope->join_constraint = false;
  if (!bound.ok()) return bound.status();
  const std::set<SymbolId> left = SymbolsOf(*join->inputs[0]), right = SymbolsOf(*join->inputs[1]);
  std::vector<ExprPtr> conjuncts, residual, left_only, right_only;
  SplitConjuncts(*std::move(bound), &conjuncts);
  std::vector<std::pair<ExprPtr, ExprPtr>> keys;
  for (ExprPtr& conjunct : conjuncts) {
    const std::set<SymbolId> columns = ColumnsOf(*conjunct);
    std::set<SymbolId> both = left;
    both.insert(right.begin(), right.end());
    if (!Within(columns, both)) {
      return CodedError("invalid_join_on_expression",
                        "A JOIN condition can only use the tables to its left and the joined one");
    }
    if (ConstantTruth(*conjunct) == true) continue;
    if (conjunct->kind == Expr::Kind::kCall && conjunct->name == "equals") {
      ExprPtr& a = conjunct->arguments[0];
      ExprPtr& b = conjunct->arguments[1];
      const std::set<SymbolId> of_a = ColumnsOf(*a), of_b = ColumnsOf(*b);
      if (!of_a.empty() && !of_b.empty() && Within(of_a, left) && Within(of_b, right)) {
        keys.emplace_back(std::move(a), std::move(b));
        continue;
      }
      if (!of_a.empty() && !of_b.empty() && Within(of_b, left) && Within(of_a, right)) {
        keys.emplace_back(std::move(b), std::move(a));
        continue;
      }
    }
    const JoinKind kind = join->join_kind;
    const bool filters_right = kind == JoinKind::kInner || kind == JoinKind::kLeft ||
                               kind == JoinKind::kSemi || kind == JoinKind::kAnti;
    const bool filters_left =
        kind == JoinKind::kInner || kind == JoinKind::kRight || kind == JoinKind::kSemi;
    if (!columns.empty() && filters_right && Within(columns, right)) {
      right_only.push_back(std::move(conjunct));
    } else if (!columns.empty() && filters_left && Within(columns, left)) {
      left_only.push_back(std::move(conjunct));
    } else {
      residual.push_back(std::move(conjunct));
    }
  }
  for (ExprPtr& conjunct : left_only)
    HOGLET_RETURN_IF_ERROR(AddFilter(std::move(conjunct), &join->inputs[0]));
  for (ExprPtr& conjunct : right_only)
    HOGLET_RETURN_IF_ERROR(AddFilter(std::move(conjunct), &join->inputs[1]));
  HOGLET_RETURN_IF_ERROR(SetKeys(join.get(), std::move(keys)));
  if (asof) return AsOfJoin(std::move(join), std::move(residual));
  if (!residual.empty()) {
    HOGLET_ASSIGN_OR_RETURN(join->predicate, builder_.And(std::move(residual)));
  } else if (join->left_keys.empty() && join->join_kind == JoinKind::kInner && !join->join_any) {
    join->join_kind = JoinKind::kCross;
  }
  return join;
}

// Of the right rows that satisfy the one inequality, the closest: rows of the left are numbered,
// pairs sorted by the right value, and the first pair of each number kept.
absl::StatusOr<OpPtr> Binder::AsOfJoin(OpPtr join, std::vector<ExprPtr> conditions) {
  const bool order = conditions.size() == 1 && conditions[0]->kind == Expr::Kind::kCall &&
                     conditions[0]->arguments.size() == 2;
  const std::string name = order ? conditions[0]->name : "";
  const bool greater = name.starts_with("greater"), less = name.starts_with("less");
  if (!greater && !less)
    return CodedError("invalid_join_on_expression", "ASOF JOIN needs exactly one inequality");
  const bool right_second =
      Within(ColumnsOf(*conditions[0]->arguments[1]), SymbolsOf(*join->inputs[1]));
  ExprPtr closest = conditions[0]->arguments[right_second ? 1 : 0]->Clone();
  auto window = std::make_unique<Op>(Op::Kind::kWindow, std::move(join->inputs[0]));
  Op::Window number;
  number.symbol = symbols_.Add("row", Type(TypeKind::kUInt64));
  number.call.function_name = "row_number";
  number.call.type = Type(TypeKind::kUInt64);
  const SymbolId row = number.symbol;
  window->windows.push_back(std::move(number));
  join->inputs[0] = std::move(window);
  join->predicate = std::move(conditions[0]);
  auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(join));
  const SymbolId key = Materialize(std::move(closest), "closest", &extend->definitions);
  auto sort = std::make_unique<Op>(Op::Kind::kSort, std::move(extend));
  sort->sort_items = {{row, false}, {key, greater == right_second}};
  auto limit = std::make_unique<Op>(Op::Kind::kLimitBy, std::move(sort));
  limit->limit = 1;
  limit->symbols = {row};
  return limit;
}

absl::Status Binder::BindArrayJoin(const ast::SelectQuery& query, Scope* scope) {
  if (query.array_join_op == ast::ArrayJoinOp::kNone) return absl::OkStatus();
  auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(scope->from));
  auto join = std::make_unique<Op>(Op::Kind::kArrayJoin);
  join->left_array_join = query.array_join_op == ast::ArrayJoinOp::kLeftArrayJoin;
  std::vector<std::pair<std::string, ExprPtr>> aliases;
  for (const ast::ExprPtr& item : query.array_join_list) {
    auto* alias = ast::As<ast::Alias>(item);
    if (alias == nullptr) return QueryError("ARRAY JOIN arrays must have an alias");
    HOGLET_ASSIGN_OR_RETURN(ExprPtr array, BindExpr(*alias->expr, scope));
    const Type& type = array->type;
    if (type.kind() != TypeKind::kArray && type.kind() != TypeKind::kMap) {
      return CodedError("type_mismatch", "ARRAY JOIN requires array or map argument");
    }
    const Type element =
        type.kind() == TypeKind::kArray ? type.element() : Type::Tuple(type.children());
    const SymbolId array_symbol = symbols_.Add(alias->alias, type);
    const SymbolId element_symbol = symbols_.Add(alias->alias, element);
    extend->definitions.emplace_back(array_symbol, std::move(array));
    join->arrays.emplace_back(array_symbol, element_symbol);
    aliases.emplace_back(alias->alias, symbols_.Reference(element_symbol));
  }
  for (auto& [name, expr] : aliases) {
    if (!scope->aliases.emplace(name, std::move(expr)).second) {
      return QueryError(StrCat("Cannot redefine an alias with the name: ", name));
    }
  }
  // A join that an array needs has been put in below by now, at the table's source.
  join->inputs.push_back(std::move(extend));
  scope->from = std::move(join);
  return absl::OkStatus();
}

}  // namespace hoglet::analysis
