#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "include/hoglet/status.h"
#include "query/analyze/binder.h"
#include "src/base/strings.h"

// Names to values: scopes, tables, lazy joins, properties (spec hogql.md sections 6 to 9).

namespace hoglet::analysis {
namespace {

std::string FieldClassOf(const Type& type) {
  if (type.IsStringLike()) return "StringDatabaseField";
  if (type.IsInteger()) return "IntegerDatabaseField";
  if (type.IsFloat()) return "FloatDatabaseField";
  if (type.kind() == TypeKind::kBool) return "BooleanDatabaseField";
  if (type.kind() == TypeKind::kDate || type.kind() == TypeKind::kDate32)
    return "DateDatabaseField";
  if (type.IsDateOrTime()) return "DateTimeDatabaseField";
  if (type.kind() == TypeKind::kUuid) return "UUIDDatabaseField";
  return "UnknownDatabaseField";
}

absl::Status TableAsValue(std::string_view name) {
  return QueryError(StrCat("Can't select a table when a column is expected: ", name));
}

ExprPtr KeyLiteral(const PathKey& key) {
  return key.name() != nullptr ? StringLiteral(*key.name())
                               : IntegerLiteral(std::get<int64_t>(key.key));
}

std::string KeyText(const PathKey& key) {
  return key.name() != nullptr ? *key.name() : StrCat(std::get<int64_t>(key.key));
}

constexpr size_t kExpandedNodesMax = 200'000;

constexpr std::string_view kHole = "__argument_";

}  // namespace

bool Binder::CollectPath(const ast::Expr& expr, Scope* scope, Path* path) {
  if (auto* field = ast::As<ast::Field>(&expr)) {
    for (const std::string& name : field->chain) path->push_back({name, true});
    return true;
  }
  if (auto* access = ast::As<ast::TupleAccess>(&expr)) {
    if (!CollectPath(*access->tuple, scope, path)) return false;
    path->push_back({access->index, true});
    return true;
  }
  if (auto* access = ast::As<ast::ArrayAccess>(&expr)) {
    auto* constant = ast::As<ast::Constant>(access->property);
    if (constant == nullptr || !CollectPath(*access->array, scope, path)) return false;
    if (constant->as_string() != nullptr) {
      path->push_back({*constant->as_string(), false});
      return true;
    }
    if (constant->as_integer() != nullptr) {
      path->push_back({*constant->as_integer(), false});
      return true;
    }
  }
  return false;
}

absl::Status Binder::CheckIndexes(const Path& path) {
  for (const PathKey& key : path) {
    if (key.name() == nullptr && std::get<int64_t>(key.key) == 0) {
      return QueryError(StrCat("SQL indexes start from one, not from zero. E.g: ",
                               key.dotted ? "array.1" : "array[1]"));
    }
  }
  return absl::OkStatus();
}

bool Binder::HasChild(const Table& table, std::string_view name) const {
  if (!table.is_query()) return FindField(table.def->fields, name) != nullptr;
  for (const OutputField& field : table.fields) {
    if (field.name == name) return true;
  }
  return false;
}

absl::Status Binder::UnknownField(std::string_view name, const Scope& scope) {
  std::vector<std::string> names;
  for (const auto& [alias, expr] : scope.aliases) names.push_back(alias);
  for (const Table* table : scope.tables) {
    if (!table->is_query()) {
      for (const FieldDef& field : table->def->fields) names.push_back(field.name);
    }
    for (const OutputField& field : table->fields) names.push_back(field.name);
  }
  const std::string hint = DidYouMean(name, names);
  return QueryError(
      StrCat("Unable to resolve field: ", name, hint.empty() ? "" : StrCat(".", hint)));
}

absl::StatusOr<ExprPtr> Binder::BindPath(const Path& path, Scope* scope) {
  const std::string& name = *path[0].name();
  if (scope->template_arguments != nullptr && name.starts_with(kHole)) {
    size_t hole = 0;
    const bool known = absl::SimpleAtoi(name.substr(kHole.size()), &hole) &&
                       hole < scope->template_arguments->size();
    if (known) return (*scope->template_arguments)[hole]->Clone();
  }
  for (size_t i = scope->lambdas.size(); i-- > 0;) {
    auto it = scope->lambdas[i].parameters.find(name);
    if (it != scope->lambdas[i].parameters.end())
      return AccessRest(it->second->Clone(), path, 1, name);
  }
  if (name == "*") {
    return QueryError(scope->tables.empty() ? "Cannot use '*' when there are no tables in the query"
                                            : "Cannot use '*' outside of the SELECT clause");
  }
  if (path.size() > 1) {
    for (Table* table : scope->tables) {
      if (table->alias != name) continue;
      return table->is_query() ? WalkQuery(table, path, 1, true)
                               : WalkTable(table, table->def->fields, path, 1);
    }
  }
  auto alias = scope->aliases.find(name);
  if (alias != scope->aliases.end()) {
    // An alias stands for its whole expression, and may stand in it several times.
    expanded_nodes_ += NodeCount(*alias->second);
    if (expanded_nodes_ > kExpandedNodesMax) {
      return CodedError("too_big_ast",
                        StrCat("The query is too big with its aliases expanded: more than ",
                               kExpandedNodesMax, " nodes"));
    }
    return AccessRest(alias->second->Clone(), path, 1, name);
  }
  Table* found = nullptr;
  for (Table* table : scope->tables) {
    if (!HasChild(*table, name)) continue;
    if (found != nullptr && !scope->using_columns.contains(name)) {
      return QueryError(StrCat("Ambiguous query. Found multiple sources for field: ", name));
    }
    if (found == nullptr) found = table;
  }
  if (found != nullptr) {
    return found->is_query() ? WalkQuery(found, path, 0, false)
                             : WalkTable(found, found->def->fields, path, 0);
  }
  for (const CteLink* link = scope->ctes; link != nullptr; link = link->older) {
    if (link->cte->name != name) continue;
    if (path.size() > 1) return QueryError(StrCat("Cannot access fields on CTE ", name, " yet"));
    if (!link->cte->is_column) {
      return QueryError(
          StrCat("Cannot use table CTE ", name, " as a value. Use it in a FROM clause instead."));
    }
    const CteLink* visible = std::exchange(scope->ctes, link->older);
    auto value = BindExpr(*link->cte->expr, scope);
    scope->ctes = visible;
    return value;
  }
  for (Table* table : scope->tables) {
    if (table->alias == name) return TableAsValue(name);
  }
  return UnknownField(name, *scope);
}

absl::StatusOr<ExprPtr> Binder::WalkQuery(Table* table, const Path& path, size_t at,
                                          bool by_alias) {
  const std::string name = KeyText(path[at]);
  for (const OutputField& field : table->fields) {
    if (field.name == name) return AccessRest(symbols_.Reference(field.symbol), path, at + 1, name);
  }
  if (table->def != nullptr || !by_alias) return QueryError(StrCat("Field not found: ", name));
  return QueryError(StrCat("Field ", name, " not found on query with alias ", table->alias));
}

absl::StatusOr<ExprPtr> Binder::WalkTable(Table* table, const std::vector<FieldDef>& fields,
                                          const Path& path, size_t at) {
  if (at == path.size()) return TableAsValue(KeyText(path[at - 1]));
  const FieldDef* field = FindField(fields, KeyText(path[at]));
  if (field == nullptr) return QueryError(StrCat("Field not found: ", KeyText(path[at])));
  return FieldExpr(table, *field, path, at + 1);
}

absl::StatusOr<ExprPtr> Binder::FieldExpr(Table* table, const FieldDef& field, const Path& path,
                                          size_t next) {
  switch (field.kind) {
    case FieldDef::Kind::kColumn: {
      ExprPtr column = ScanColumn(table, {field.source, "", ColumnRef::Json::kWhole}, field.type);
      if (field.type.kind() == TypeKind::kDateTime64 || field.type.kind() == TypeKind::kDateTime) {
        HOGLET_ASSIGN_OR_RETURN(column, InProjectZone(std::move(column)));
      }
      return AccessRest(std::move(column), path, next, field.name);
    }
    case FieldDef::Kind::kJson:
      return PropertyExpr(table, field, path, next);
    case FieldDef::Kind::kExpression: {
      HOGLET_ASSIGN_OR_RETURN(ExprPtr value, ExpressionField(table, field.source));
      return AccessRest(std::move(value), path, next, field.name);
    }
    case FieldDef::Kind::kVirtual:
      if (next == path.size()) return TableAsValue(field.name);
      return WalkTable(table, field.children, path, next);
    case FieldDef::Kind::kTraverser: {
      Path longer;
      for (const std::string& name : field.chain) longer.push_back({name, true});
      longer.insert(longer.end(), path.begin() + static_cast<ptrdiff_t>(next), path.end());
      return WalkTable(table, table->def->fields, longer, 0);
    }
    case FieldDef::Kind::kLazyJoin: {
      if (next == path.size()) return TableAsValue(field.name);
      HOGLET_ASSIGN_OR_RETURN(Table * joined, JoinedTable(table, field));
      return joined->is_query() ? WalkQuery(joined, path, next, false)
                                : WalkTable(joined, joined->def->fields, path, next);
    }
  }
  return absl::InternalError("unknown field kind");
}

ExprPtr Binder::ScanColumn(Table* table, ColumnRef column, Type type) {
  const std::string text =
      StrCat(column.name, "\n", column.key, "\n", static_cast<int>(column.json));
  auto [known, added] = table->columns.try_emplace(text, 0);
  if (added) {
    known->second = symbols_.Add(column.key.empty() ? column.name : column.key, std::move(type));
    table->scan->scan_columns.emplace_back(known->second, std::move(column));
  }
  return symbols_.Reference(known->second);
}

absl::StatusOr<ExprPtr> Binder::InProjectZone(ExprPtr moment) {
  if (zone_ == "UTC") return moment;
  return builder_.Call("toTimeZone", ExprList(std::move(moment), StringLiteral(zone_)));
}

absl::StatusOr<ExprPtr> Binder::PropertyExpr(Table* table, const FieldDef& field, const Path& path,
                                             size_t next) {
  using Json = ColumnRef::Json;
  HOGLET_RETURN_IF_ERROR(CheckIndexes(path));
  const Type text = Type(TypeKind::kString).Nullable();
  const std::string* key = next < path.size() ? path[next].name() : nullptr;
  if (key == nullptr || key->empty()) {
    ExprPtr document = ScanColumn(table, {field.source, "", Json::kWhole}, Type(TypeKind::kString));
    symbols_[document->column].json = static_cast<int>(field.property_kind);
    return next == path.size() ? absl::StatusOr<ExprPtr>(std::move(document))
                               : JsonPath(std::move(document), path, next);
  }
  if (next + 1 < path.size())
    return JsonPath(ScanColumn(table, {field.source, *key, Json::kRaw}, text), path, next + 1);
  PropertyKind kind = field.property_kind;
  if (table->def->physical == "groups") {
    kind = PropertyKind::kNone;
    for (int i = 0; i < 5; ++i) {
      if (table->alias.ends_with(StrCat("__group_", i)))
        kind = static_cast<PropertyKind>(static_cast<int>(PropertyKind::kGroup0) + i);
    }
  }
  switch (kind == PropertyKind::kNone ? PropertyType::kNone
                                      : provider_->PropertyTypeOf(kind, *key)) {
    case PropertyType::kNumeric:
      return ScanColumn(table, {field.source, *key, Json::kNumber},
                        Type(TypeKind::kFloat64).Nullable());
    case PropertyType::kBoolean:
      return ScanColumn(table, {field.source, *key, Json::kBool}, Type(TypeKind::kBool).Nullable());
    case PropertyType::kDateTime: {
      ExprPtr value = ScanColumn(table, {field.source, *key, Json::kText}, text);
      return builder_.Call("parseDateTime64BestEffortOrNull",
                           ExprList(std::move(value), IntegerLiteral(6), StringLiteral(zone_)));
    }
    default:
      return ScanColumn(table, {field.source, *key, Json::kText}, text);
  }
}

// What properties.a.b reads as: JSON text without outer quotes; NULL for nothing and for null.
absl::StatusOr<ExprPtr> Binder::JsonPath(ExprPtr document, const Path& path, size_t next) {
  std::vector<ExprPtr> arguments = ExprList(std::move(document));
  for (size_t i = next; i < path.size(); ++i) arguments.push_back(KeyLiteral(path[i]));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, builder_.Call("JSONExtractRaw", std::move(arguments)));
  HOGLET_ASSIGN_OR_RETURN(value,
                          builder_.Call("nullIf", ExprList(std::move(value), StringLiteral(""))));
  HOGLET_ASSIGN_OR_RETURN(
      value, builder_.Call("nullIf", ExprList(std::move(value), StringLiteral("null"))));
  return builder_.Call("replaceRegexpAll",
                       ExprList(std::move(value), StringLiteral("^\"|\"$"), StringLiteral("")));
}

absl::StatusOr<ExprPtr> Binder::AccessElement(ExprPtr value, ExprPtr key) {
  const bool tuple = value->type.kind() == TypeKind::kTuple;
  return builder_.Call(tuple ? "tupleElement" : "arrayElement",
                       ExprList(std::move(value), std::move(key)));
}

absl::StatusOr<ExprPtr> Binder::AccessRest(ExprPtr value, const Path& path, size_t next,
                                           std::string_view field) {
  if (next == path.size()) return value;
  HOGLET_RETURN_IF_ERROR(CheckIndexes(path));
  if (value->kind == Expr::Kind::kColumn && symbols_[value->column].json)
    return JsonPath(std::move(value), path, next);
  for (size_t i = next; i < path.size(); ++i) {
    const TypeKind kind = value->type.kind();
    const bool container =
        kind == TypeKind::kTuple || kind == TypeKind::kMap || kind == TypeKind::kArray;
    if (!container && kind != TypeKind::kNothing) {
      return QueryError(StrCat("Can not access property \"", KeyText(path[i]), "\" on field \"",
                               field, "\" of type: ", FieldClassOf(value->type)));
    }
    const bool tuples =
        kind == TypeKind::kArray && value->type.element().kind() == TypeKind::kTuple;
    if (tuples && path[i].dotted) {
      HOGLET_ASSIGN_OR_RETURN(
          value, builder_.Call("tupleElement", ExprList(std::move(value), KeyLiteral(path[i]))));
    } else {
      HOGLET_ASSIGN_OR_RETURN(value, AccessElement(std::move(value), KeyLiteral(path[i])));
    }
  }
  return value;
}

// A HogQL text over one table, seen from nowhere else.
absl::StatusOr<ExprPtr> Binder::ExpressionField(Table* table, const std::string& text) {
  HOGLET_ASSIGN_OR_RETURN(const ast::Expr* expr, ParseOwn(text, /*query=*/false));
  Scope scope;
  scope.tables.push_back(table);
  return BindExpr(*expr, &scope);
}

// The table that a field joins; the join is put around the table's rows when the field is used
// first.
absl::StatusOr<Table*> Binder::JoinedTable(Table* table, const FieldDef& field) {
  auto known = table->joined.find(field.name);
  if (known != table->joined.end()) return known->second;
  const TableDef* def = schema_.Find(field.join_table);
  HOGLET_ASSERT(def != nullptr);
  Table* target = NewTable();
  target->alias = StrCat(table->alias, "__", field.name);
  HOGLET_ASSIGN_OR_RETURN(OpPtr right, OpenTable(*def, target));
  if (!field.right_filter.empty()) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr filter, ExpressionField(target, field.right_filter));
    HOGLET_RETURN_IF_ERROR(AddFilter(std::move(filter), &right));
  }
  HOGLET_ASSIGN_OR_RETURN(ExprPtr left_key, ExpressionField(table, field.left_key));
  ExprPtr right_key;
  if (target->is_query()) {
    HOGLET_ASSIGN_OR_RETURN(right_key, WalkQuery(target, Path{{field.right_key, true}}, 0, false));
  } else {
    HOGLET_ASSIGN_OR_RETURN(right_key, ExpressionField(target, field.right_key));
  }
  auto join = std::make_unique<Op>(Op::Kind::kJoin, std::move(table->source->inputs[0]));
  join->inputs.push_back(std::move(right));
  join->join_kind = field.inner_join ? Plan::JoinKind::kInner : Plan::JoinKind::kLeft;
  std::vector<std::pair<ExprPtr, ExprPtr>> keys;
  keys.emplace_back(std::move(left_key), std::move(right_key));
  HOGLET_RETURN_IF_ERROR(SetKeys(join.get(), std::move(keys)));
  table->source->inputs[0] = std::move(join);
  table->joined[field.name] = target;
  return target;
}

}  // namespace hoglet::analysis
