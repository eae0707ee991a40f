#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "include/hoglet/status.h"
#include "query/analyze/binder.h"
#include "src/base/strings.h"

// Calls of HogQL functions and what they become (spec hogql-functions.md sections 2 and 4).

namespace hoglet::analysis {
namespace {

using ast::CompareOp;

std::optional<CompareOp> ComparisonNamed(std::string_view name) {
  struct Row {
    std::string_view name;
    CompareOp op;
  };
  static constexpr Row kRows[] = {
      {"equals", CompareOp::kEqual},    {"notEquals", CompareOp::kNotEqual},
      {"less", CompareOp::kLess},       {"lessOrEquals", CompareOp::kLessEqual},
      {"greater", CompareOp::kGreater}, {"greaterOrEquals", CompareOp::kGreaterEqual},
      {"like", CompareOp::kLike},       {"ilike", CompareOp::kILike},
      {"notLike", CompareOp::kNotLike}, {"notILike", CompareOp::kNotILike},
      {"in", CompareOp::kIn},           {"notIn", CompareOp::kNotIn}};
  for (const Row& row : kRows) {
    if (row.name == name) return row.op;
  }
  return std::nullopt;
}

std::string Counted(int count, std::string_view noun) {
  return StrCat(count, " ", noun, count == 1 ? "" : "s");
}

absl::Status CheckCount(std::string_view what, std::string_view name, int found, int min, int max,
                        std::string_view noun) {
  if (min == max && found != min)
    return QueryError(
        StrCat(what, " '", name, "' expects ", Counted(min, noun), ", found ", found));
  if (found < min)
    return QueryError(
        StrCat(what, " '", name, "' expects at least ", Counted(min, noun), ", found ", found));
  if (max >= 0 && found > max) {
    return QueryError(
        StrCat(what, " '", name, "' expects at most ", Counted(max, noun), ", found ", found));
  }
  return absl::OkStatus();
}

bool IsStar(const ast::Expr& expr) {
  auto* field = ast::As<ast::Field>(&expr);
  return field != nullptr && field->chain.size() == 1 && field->chain[0] == "*";
}

int ArgumentCount(const ast::Call& call, const HogqlFunction& function) {
  if (call.args.size() == 1 && function.name == "count" && IsStar(*call.args[0])) return 0;
  return static_cast<int>(call.args.size());
}

bool AllDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "2020-01-02", with a space and "03:04:05" if `time`.
bool IsDateText(std::string_view text, bool time) {
  constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd";
  const std::string_view shape = time ? kShape : kShape.substr(0, 10);
  if (text.size() != shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == 'd' ? !digit : text[i] != shape[i]) return false;
  }
  return true;
}

bool IsFractionalText(std::string_view text) {
  if (text.size() < 21 || text.size() > 26 || text[19] != '.') return false;
  return IsDateText(text.substr(0, 19), true) && AllDigits(text.substr(20));
}

}  // namespace

// Gives the parameter types to the body once the function knows them.
class LambdaOfScope : public PendingLambda {
 public:
  LambdaOfScope(Binder* binder, Scope* scope, const ast::Lambda& lambda)
      : binder_(binder), scope_(scope), lambda_(lambda) {}

  size_t parameter_count() const override { return lambda_.args.size(); }

  absl::StatusOr<Type> Bind(std::span<const Type> types) override {
    if (types.size() != lambda_.args.size()) {
      return CodedError("type_mismatch", StrCat("Lambda takes ", lambda_.args.size(),
                                                " arguments, given ", types.size()));
    }
    const size_t first = scope_->lambda_parameters;
    LambdaFrame frame;
    for (size_t i = 0; i < types.size(); ++i) {
      auto parameter = std::make_unique<Expr>();
      parameter->kind = Expr::Kind::kParameter;
      parameter->column = first + i;
      parameter->type = types[i];
      frame.parameters[lambda_.args[i]] = std::move(parameter);
    }
    scope_->lambdas.push_back(std::move(frame));
    scope_->lambda_parameters += types.size();
    auto body = binder_->BindExpr(*lambda_.expr, scope_);
    scope_->lambda_parameters = first;
    scope_->lambdas.pop_back();
    if (!body.ok()) return body.status();
    bound_ = std::make_unique<Expr>();
    bound_->kind = Expr::Kind::kLambda;
    bound_->type = Type(TypeKind::kFunction);
    bound_->first_parameter = first;
    bound_->parameter_count = types.size();
    bound_->arguments.push_back(*std::move(body));
    return bound_->arguments[0]->type;
  }

  ExprPtr Take() override { return std::move(bound_); }

 private:
  Binder* binder_;
  Scope* scope_;
  const ast::Lambda& lambda_;
  ExprPtr bound_;
};

absl::Status Binder::UnknownFunction(std::string_view name) {
  const std::string closest = ClosestFunctionName(name);
  return QueryError(
      StrCat("Unsupported function call '", name, "(...)'",
             closest.empty() ? "" : StrCat(". Perhaps you meant '", closest, "(...)'?")));
}

absl::StatusOr<ExprPtr> Binder::CallClickhouse(std::string_view hogql_name, std::string_view name,
                                               std::vector<Argument> arguments) {
  if (!builder_.catalog().IsScalar(name)) {
    return QueryError(
        StrCat("Unsupported function call '", hogql_name, "(...)': it is not implemented yet"));
  }
  return builder_.Call(name, std::move(arguments));
}

absl::StatusOr<ExprPtr> Binder::BindCall(const ast::Call& call, Scope* scope) {
  if (scope->raw) return BindRawCall(call, scope);
  if (call.name == "arrayReduce") HOGLET_RETURN_IF_ERROR(CheckArrayReduce(call));
  if (call.name == "_caseWithExpression") return BindCase(call, scope);
  const HogqlFunction* function = FindHogqlFunction(call.name);
  if (function == nullptr) return UnknownFunction(call.name);
  if (function->is_template()) return BindTemplate(call, *function, scope);
  if (auto op = ComparisonNamed(call.name)) {
    if (call.args.size() != 2)
      return QueryError(StrCat("Comparison '", call.name, "' requires exactly two arguments"));
    return BindComparison(*op, *call.args[0], *call.args[1], scope);
  }
  HOGLET_RETURN_IF_ERROR(CheckCounts(call, *function));
  switch (function->kind) {
    case FunctionKind::kAggregate:
      return BindAggregateCall(call, function->clickhouse_name(), scope);
    case FunctionKind::kSpecial:
      return BindSpecial(call, *function, scope);
    case FunctionKind::kWindow:
      return CodedError("unknown_function",
                        StrCat("Window function '", call.name, "' needs an OVER clause"));
    default:
      return BindScalarCall(call, *function, scope);
  }
}

absl::Status Binder::CheckCounts(const ast::Call& call, const HogqlFunction& function) {
  const bool aggregate = function.kind == FunctionKind::kAggregate;
  const std::string_view what = aggregate ? "Aggregation" : "Function";
  if (aggregate && call.name.starts_with("percentile_")) {
    return call.within_group.empty()
               ? QueryError(StrCat("Aggregation '", call.name, "' requires WITHIN GROUP"))
               : QueryError(StrCat("Aggregation '", call.name,
                                   "' with WITHIN GROUP is not supported in ClickHouse dialect"));
  }
  HOGLET_RETURN_IF_ERROR(CheckCount(what, call.name, ArgumentCount(call, function),
                                    function.args_min, function.args_max, "argument"));
  if (function.params_min <= 0) return absl::OkStatus();
  if (!call.params)
    return QueryError(
        StrCat(what, " '", call.name, "' requires parameters in addition to arguments"));
  return CheckCount(what, call.name, static_cast<int>(call.params->size()), function.params_min,
                    function.params_max, "parameter");
}

absl::Status Binder::CheckArrayReduce(const ast::Call& call) {
  static constexpr std::string_view kNames[] = {
      "count",     "countMap", "countMapState", "sum",         "sumMap", "sumMapState",
      "min",       "minMap",   "minMapState",   "max",         "maxMap", "maxMapState",
      "avg",       "avgState", "avgMap",        "avgMapState", "median", "uniq",
      "uniqState", "uniqMap",  "uniqMapState"};
  if (call.args.empty()) return QueryError("Missing arguments in function 'arrayReduce'");
  auto* constant = ast::As<ast::Constant>(call.args[0]);
  if (constant == nullptr || constant->as_string() == nullptr) {
    std::string got = std::string(ast::NodeKindName(call.args[0]->kind));
    if (constant != nullptr && constant->as_integer() != nullptr)
      got = StrCat("IntegerType '", *constant->as_integer(), "'");
    return QueryError(
        StrCat("Expected constant string as first arg in function 'arrayReduce', got ", got));
  }
  const std::string& name = *constant->as_string();
  if (std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames))
    return absl::OkStatus();
  return QueryError(
      StrCat("Invalid parametric function in 'arrayReduce', '", name, "' is not supported."));
}

absl::StatusOr<std::vector<Argument>> Binder::BindArguments(const ast::ExprList& arguments,
                                                            Scope* scope) {
  std::vector<Argument> bound;
  for (const ast::ExprPtr& argument : arguments) {
    if (auto* lambda = ast::As<ast::Lambda>(argument)) {
      if (lambda->expr == nullptr) return QueryError("You can not use blocks in HogQL");
      bound.emplace_back(std::make_unique<LambdaOfScope>(this, scope, *lambda));
      continue;
    }
    if (auto* spread = ast::As<ast::SpreadExpr>(argument)) {
      std::vector<SelectItem> items;
      HOGLET_RETURN_IF_ERROR(BindSelectItem(*spread->expr, scope, &items));
      for (SelectItem& item : items) bound.emplace_back(std::move(item.expr));
      continue;
    }
    if (argument->kind == ast::NodeKind::kNamedArgument)
      return QueryError("Named arguments are not supported in HogQL functions");
    HOGLET_ASSIGN_OR_RETURN(ExprPtr expr, BindExpr(*argument, scope));
    bound.emplace_back(std::move(expr));
  }
  return bound;
}

// Inside a template: names are ClickHouse's own.
absl::StatusOr<ExprPtr> Binder::BindRawCall(const ast::Call& call, Scope* scope) {
  if (builder_.catalog().IsAggregate(call.name)) return BindAggregateCall(call, call.name, scope);
  if (call.name == "toBool") {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*call.args[0], scope));
    return builder_.Call("CAST", ExprList(std::move(value), StringLiteral("Bool")));
  }
  HOGLET_ASSIGN_OR_RETURN(auto arguments, BindArguments(call.args, scope));
  return CallClickhouse(call.name, call.name, std::move(arguments));
}

// The template's text is parsed with a field for each hole, and bound with the arguments standing
// for these fields.
absl::StatusOr<ExprPtr> Binder::BindTemplate(const ast::Call& call, const HogqlFunction& function,
                                             Scope* scope) {
  std::string text;
  const std::string_view source = function.clickhouse;
  const bool positional = source.find("{0}") != std::string_view::npos;
  int holes = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '{') {
      text += source[i];
      continue;
    }
    const size_t end = source.find('}', i);
    const std::string_view number = source.substr(i + 1, end - i - 1);
    const int hole = number.empty() ? holes : number[0] - '0';
    holes = std::max(holes, hole + 1);
    StrAppend(&text, "__argument_", hole);
    i = end;
  }
  const int found = static_cast<int>(call.args.size());
  if (!positional && found != holes) {
    return QueryError(
        StrCat("Function '", call.name, "' requires exactly ", Counted(holes, "argument")));
  }
  if (positional && found < function.args_min) HOGLET_RETURN_IF_ERROR(CheckCounts(call, function));
  // The default of toIntOrDefault(x) is zero.
  if (positional && found == 1 && holes == 2) {
    HOGLET_ASSIGN_OR_RETURN(auto arguments, BindArguments(call.args, scope));
    return CallClickhouse(call.name,
                          source.starts_with("toInt64") ? "toInt64OrZero" : "toFloat64OrZero",
                          std::move(arguments));
  }
  const bool aggregates = function.kind == FunctionKind::kAggregate && function.name != "md5";
  const std::string outer = scope->inside_aggregate;
  if (aggregates && !outer.empty()) {
    return QueryError(StrCat("Aggregation '", call.name,
                             "' cannot be nested inside another aggregation '", outer, "'."));
  }
  if (aggregates) scope->inside_aggregate = call.name;
  auto bound = BindList(call.args, scope);
  scope->inside_aggregate = outer;
  if (!bound.ok()) return bound.status();
  HOGLET_ASSIGN_OR_RETURN(const ast::Expr* body, ParseOwn(text, /*query=*/false));
  const auto* saved_arguments = std::exchange(scope->template_arguments, &*bound);
  const bool saved_raw = std::exchange(scope->raw, true);
  auto result = BindExpr(*body, scope);
  scope->raw = saved_raw;
  scope->template_arguments = saved_arguments;
  return result;
}

absl::StatusOr<ExprPtr> Binder::BindScalarCall(const ast::Call& call, const HogqlFunction& function,
                                               Scope* scope) {
  if (function.name == "concat") return BindConcat(call, scope);
  if (function.name == "untuple")
    return QueryError("untuple(...) can only be used in the SELECT clause");
  HOGLET_ASSIGN_OR_RETURN(auto arguments, BindArguments(call.args, scope));
  return Rewrite(call, function, std::move(arguments), scope);
}

// Every part becomes text, NULL the empty one.
absl::StatusOr<ExprPtr> Binder::BindConcat(const ast::Call& call, Scope* scope) {
  std::vector<ExprPtr> parts;
  for (const ast::ExprPtr& argument : call.args) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr part, BindExpr(*argument, scope));
    if (IsNullLiteral(*part)) {
      parts.push_back(StringLiteral(""));
      continue;
    }
    if (part->type.kind() != TypeKind::kString) {
      HOGLET_ASSIGN_OR_RETURN(part, builder_.Call("toString", ExprList(std::move(part))));
    }
    if (part->type.nullable()) {
      HOGLET_ASSIGN_OR_RETURN(
          part, builder_.Call("ifNull", ExprList(std::move(part), StringLiteral(""))));
    }
    parts.push_back(std::move(part));
  }
  return builder_.Call("concat", std::move(parts));
}

absl::StatusOr<ExprPtr> Binder::BindArrayJoinCall(ExprPtr argument, Scope* scope) {
  const Type& type = argument->type;
  if (type.kind() != TypeKind::kArray && type.kind() != TypeKind::kMap) {
    return CodedError("type_mismatch", "Argument for function arrayJoin must be Array or Map");
  }
  const std::string text = ExprToString(*argument);
  auto known = scope->array_joins_by_text.find(text);
  if (known != scope->array_joins_by_text.end()) return symbols_.Reference(known->second);
  const Type element =
      type.kind() == TypeKind::kArray ? type.element() : Type::Tuple(type.children());
  const SymbolId array = symbols_.Add("arrayJoin", type);
  const SymbolId joined = symbols_.Add("arrayJoin", element);
  scope->array_joins.push_back({array, joined, std::move(argument)});
  scope->array_joins_by_text[text] = joined;
  return symbols_.Reference(joined);
}

absl::StatusOr<ExprPtr> Binder::Rewrite(const ast::Call& call, const HogqlFunction& function,
                                        std::vector<Argument> arguments, Scope* scope) {
  const std::string_view name = function.name;
  const std::string_view clickhouse = function.clickhouse_name();
  // Functions that take a lambda are not rewritten; those that are take none.
  for (const Argument& argument : arguments) {
    if (argument.lambda != nullptr)
      return CallClickhouse(call.name, clickhouse, std::move(arguments));
  }
  const size_t count = arguments.size();
  auto exprs = [&] {
    std::vector<ExprPtr> list;
    for (Argument& argument : arguments) list.push_back(std::move(argument.expr));
    return list;
  };
  if (name == "arrayJoin") return BindArrayJoinCall(std::move(arguments[0].expr), scope);
  if (!function.type_suffix.empty()) {
    arguments.emplace_back(StringLiteral(function.type_suffix));
  } else if (name == "toDecimal") {
    auto* scale = std::get_if<int64_t>(&arguments[1].expr->constant.value);
    if (!IsConstant(*arguments[1].expr) || scale == nullptr) {
      return QueryError("toDecimal expects a constant number of digits as its second argument");
    }
    arguments[1] = Argument(StringLiteral(StrCat("Decimal64(", *scale, ")")));
  } else if (name == "languageCodeToName") {
    std::vector<ExprPtr> codes, names;
    for (const std::string& code : Languages().codes) codes.push_back(StringLiteral(code));
    for (const std::string& language : Languages().names) names.push_back(StringLiteral(language));
    HOGLET_ASSIGN_OR_RETURN(ExprPtr code_list, builder_.Call("array", std::move(codes)));
    HOGLET_ASSIGN_OR_RETURN(ExprPtr name_list, builder_.Call("array", std::move(names)));
    arguments.emplace_back(std::move(code_list));
    arguments.emplace_back(std::move(name_list));
    arguments.emplace_back(StringLiteral("Unknown"));
  } else if (name == "toStartOfWeek" && count == 1) {
    arguments.emplace_back(IntegerLiteral(context_.week_start_day == 1 ? 3 : 0));
  } else if (count == 2 &&
             (clickhouse == "trim" || clickhouse == "trimLeft" || clickhouse == "trimRight")) {
    return CallClickhouse(name, clickhouse == "trim" ? "trimBoth" : clickhouse,
                          std::move(arguments));
  } else if (name == "isIPAddressInRange") {
    return SafeAddressInRange(exprs());
  } else if (name.starts_with("tumble") || name.starts_with("hop")) {
    HOGLET_ASSIGN_OR_RETURN(arguments[0].expr, WindowMoment(call, std::move(arguments[0].expr)));
  } else if ((name == "dateAdd" || name == "dateSub" || name == "timestampAdd" ||
              name == "timestampSub") &&
             count == 3) {
    return AddUnits(name, exprs());
  } else if (function.zone() || clickhouse == "toDateOrNull") {
    return BindConversion(call, function, std::move(arguments));
  }
  return CallClickhouse(call.name, clickhouse, std::move(arguments));
}

// dateAdd('unit', n, x).
absl::StatusOr<ExprPtr> Binder::AddUnits(std::string_view name, std::vector<ExprPtr> arguments) {
  const std::string* unit = ConstantText(*arguments[0]);
  if (unit == nullptr || unit->empty())
    return CodedError("illegal_type_of_argument",
                      StrCat("First argument of ", name, " must name a unit"));
  std::string interval = StrCat("toInterval", *unit);
  interval[10] = absl::ascii_toupper(static_cast<unsigned char>(interval[10]));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr span, CallClickhouse(name, interval, [&] {
                            std::vector<Argument> list;
                            list.emplace_back(std::move(arguments[1]));
                            return list;
                          }()));
  return builder_.Call(name.ends_with("Sub") ? "minus" : "plus",
                       ExprList(std::move(arguments[2]), std::move(span)));
}

absl::StatusOr<ExprPtr> Binder::SafeAddressInRange(std::vector<ExprPtr> arguments) {
  HOGLET_ASSIGN_OR_RETURN(ExprPtr text,
                          builder_.Call("toString", ExprList(std::move(arguments[0]))));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr address,
                          builder_.Call("ifNull", ExprList(std::move(text), StringLiteral(""))));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr v4, builder_.Call("isIPv4String", ExprList(address->Clone())));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr v6, builder_.Call("isIPv6String", ExprList(address->Clone())));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr valid,
                          builder_.Call("or", ExprList(std::move(v4), std::move(v6))));
  HOGLET_ASSIGN_OR_RETURN(
      ExprPtr safe,
      builder_.Call("if", ExprList(std::move(valid), std::move(address), StringLiteral("::"))));
  return builder_.Call("isIPAddressInRange", ExprList(std::move(safe), std::move(arguments[1])));
}

// tumble() and hop() want a DateTime without NULL.
absl::StatusOr<ExprPtr> Binder::WindowMoment(const ast::Call& call, ExprPtr moment) {
  auto* inner = ast::As<ast::Call>(call.args[0]);
  const bool parses = inner != nullptr &&
                      (inner->name == "toDateTime" || inner->name == "toDateTimeUS" ||
                       inner->name == "parseDateTime" || inner->name == "parseDateTimeBestEffort");
  if (!parses)
    return builder_.Call("toDateTime", ExprList(std::move(moment), StringLiteral("UTC")));
  HOGLET_ASSIGN_OR_RETURN(ExprPtr whole, builder_.Call("toDateTime", ExprList(std::move(moment))));
  return builder_.Call("assumeNotNull", ExprList(std::move(whole)));
}

// Functions that take or make moments: overload by type, precision, time zone.
absl::StatusOr<ExprPtr> Binder::BindConversion(const ast::Call& call, const HogqlFunction& function,
                                               std::vector<Argument> arguments) {
  std::string name(function.clickhouse_name());
  const bool overloaded =
      function.name == "toDate" || function.name == "to_date" || function.name == "toDateTime";
  if (overloaded && !arguments.empty()) {
    const Type& type = arguments[0].expr->type;
    if (type.IsDateOrTime() || type.IsInteger() || type.IsFloat() ||
        type.kind() == TypeKind::kBool) {
      name = function.name == "toDateTime" ? "toDateTime" : "toDate";
    }
  }
  if (!function.zone()) return CallClickhouse(call.name, name, std::move(arguments));
  const size_t given = arguments.size();
  const auto* literal = given == 1 ? ast::As<ast::Constant>(call.args[0]) : nullptr;
  if (name == "parseDateTime64BestEffortOrNull" && literal != nullptr &&
      literal->as_string() != nullptr) {
    const std::string& text = *literal->as_string();
    if (IsDateText(text, false) || IsDateText(text, true)) {
      arguments.emplace_back(StringLiteral(zone_));
      return CallClickhouse(call.name, "toDateTime", std::move(arguments));
    }
    arguments.emplace_back(IntegerLiteral(6));
    arguments.emplace_back(StringLiteral(zone_));
    return CallClickhouse(call.name,
                          IsFractionalText(text) ? "toDateTime64" : "parseDateTime64BestEffort",
                          std::move(arguments));
  }
  const bool precise =
      name == "now64" || name == "toDateTime64" || name.starts_with("parseDateTime64BestEffort");
  if (precise) {
    const size_t at = name == "now64" ? 0 : 1;
    const bool has_precision = given > at && arguments[at].expr->type.IsInteger();
    if (!has_precision)
      arguments.insert(arguments.begin() + static_cast<ptrdiff_t>(std::min(at, given)),
                       Argument(IntegerLiteral(6)));
  }
  if (static_cast<int>(given) < function.args_max) arguments.emplace_back(StringLiteral(zone_));
  return CallClickhouse(call.name, name, std::move(arguments));
}

// _caseWithExpression(x, when, then, ..., otherwise).
absl::StatusOr<ExprPtr> Binder::BindCase(const ast::Call& call, Scope* scope) {
  HOGLET_ASSIGN_OR_RETURN(auto arguments, BindList(call.args, scope));
  if (arguments.size() < 4 || arguments.size() % 2 != 0)
    return QueryError("CASE needs an expression and pairs of WHEN and THEN");
  std::vector<ExprPtr> branches;
  for (size_t i = 1; i + 1 < arguments.size(); i += 2) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr test, Compare(CompareOp::kEqual, arguments[0]->Clone(),
                                                  std::move(arguments[i]), *scope));
    branches.push_back(std::move(test));
    branches.push_back(std::move(arguments[i + 1]));
  }
  branches.push_back(std::move(arguments.back()));
  return builder_.Call(branches.size() == 3 ? "if" : "multiIf", std::move(branches));
}

absl::StatusOr<ExprPtr> Binder::BindAction(const ast::Call& call, Scope* scope) {
  Table* events = nullptr;
  for (Table* table : scope->tables) {
    if (table->def != nullptr && table->def->physical == "events") events = table;
  }
  if (events == nullptr) return QueryError("matchesAction can only be used with the events table");
  auto* constant = ast::As<ast::Constant>(call.args[0]);
  if (constant == nullptr) return QueryError("action() takes only constant arguments");
  std::vector<std::string> found;
  if (constant->as_integer() != nullptr) {
    found = provider_->ActionsById(*constant->as_integer());
    if (found.empty())
      return QueryError(StrCat("Could not find an action with the ID ", *constant->as_integer()));
  } else if (constant->as_string() != nullptr) {
    found = provider_->ActionsByName(*constant->as_string());
    if (found.empty())
      return QueryError(
          StrCat("Could not find an action with the name '", *constant->as_string(), "'"));
    if (found.size() > 1)
      return QueryError(StrCat("Found multiple actions with name '", *constant->as_string(), "'"));
  } else {
    return QueryError("action() takes exactly one string or integer argument");
  }
  return ExpressionField(events, found[0]);
}

absl::StatusOr<ExprPtr> Binder::BindSpecial(const ast::Call& call, const HogqlFunction& function,
                                            Scope* scope) {
  if (function.name == "matchesAction") return BindAction(call, scope);
  if (function.name == "getSurveyResponse") return BindSurveyResponse(call, scope);
  struct Row {
    std::string_view name;
    std::string_view tag;
    std::array<std::string_view, 2> keys;
  };
  static constexpr Row kTags[] = {
      {"sparkline", "Sparkline", {"data", ""}},
      {"recordingButton", "RecordingButton", {"sessionId", "recordingStatus"}},
      {"explainCSPReport", "ExplainCSPReport", {"properties", ""}}};
  for (const Row& row : kTags) {
    if (row.name != function.name) continue;
    std::vector<ExprPtr> items = ExprList(StringLiteral("__hx_tag"), StringLiteral(row.tag));
    for (size_t i = 0; i < call.args.size(); ++i) {
      HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*call.args[i], scope));
      items.push_back(StringLiteral(row.keys[i]));
      items.push_back(std::move(value));
    }
    return builder_.Call("tuple", std::move(items));
  }
  HOGLET_ASSIGN_OR_RETURN(auto arguments, BindArguments(call.args, scope));
  return CallClickhouse(call.name, function.name, std::move(arguments));
}

// getSurveyResponse(index[, question id[, multiple]]): the answer under the question's id, else
// under its index.
absl::StatusOr<ExprPtr> Binder::BindSurveyResponse(const ast::Call& call, Scope* scope) {
  std::vector<const ast::Constant*> constants;
  for (const ast::ExprPtr& argument : call.args) {
    constants.push_back(ast::As<ast::Constant>(argument));
    if (constants.back() == nullptr)
      return QueryError("getSurveyResponse first argument must be a constant");
  }
  if (constants[0]->as_integer() == nullptr || *constants[0]->as_integer() < 0) {
    return QueryError("getSurveyResponse first argument must be a valid integer");
  }
  const int64_t index = *constants[0]->as_integer();
  const std::string by_index =
      index == 0 ? "'$survey_response'" : StrCat("'$survey_response_", index, "'");
  std::string by_id;
  if (constants.size() > 1 && constants[1]->as_string() != nullptr &&
      !constants[1]->as_string()->empty()) {
    by_id = StrCat("'$survey_response_",
                   absl::StrReplaceAll(*constants[1]->as_string(), {{"\\", "\\\\"}, {"'", "\\'"}}),
                   "'");
  } else {
    by_id = StrCat(
        "concat('$survey_response_', JSONExtractString(JSONExtractArrayRaw(properties, "
        "'$survey_questions')[",
        index + 1, "], 'id'))");
  }
  const bool multiple = constants.size() > 2 && constants[2]->value == ast::ConstantValue(true);
  const std::string text =
      multiple ? StrCat("if(notEmpty(JSONExtractArrayRaw(properties, ", by_id,
                        ")), JSONExtractArrayRaw(properties, ", by_id,
                        "), JSONExtractArrayRaw(properties, ", by_index, "))")
               : StrCat("coalesce(nullIf(JSONExtractString(properties, ", by_id,
                        "), ''), nullIf(JSONExtractString(properties, ", by_index, "), ''))");
  HOGLET_ASSIGN_OR_RETURN(const ast::Expr* body, ParseOwn(text, /*query=*/false));
  return BindExpr(*body, scope);
}

}  // namespace hoglet::analysis
