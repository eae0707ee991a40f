#include "include/hoglet/status.h"
#include "query/analyze/binder.h"
#include "src/base/strings.h"

// Aggregate and window functions: each distinct call becomes a symbol of its scope.

namespace hoglet::analysis {
namespace {

bool IsCountStar(const ast::Call& call) {
  if (call.args.size() != 1) return false;
  auto* field = ast::As<ast::Field>(call.args[0]);
  return field != nullptr && field->chain.size() == 1 && field->chain[0] == "*";
}

// The name as plans show it: with parameters.
std::string CallName(std::string_view name, const std::vector<Datum>& parameters, bool distinct) {
  std::string text = StrCat(name, distinct ? " distinct" : "");
  for (size_t i = 0; i < parameters.size(); ++i) {
    StrAppend(&text, i == 0 ? "(" : ", ", DatumToString(parameters[i], Type()));
  }
  return parameters.empty() ? text : text + ")";
}

bool UsesAny(const Expr& expr, const std::set<SymbolId>& symbols) {
  bool used = false;
  ForEachNode(expr, [&](const Expr& node) {
    used = used || (node.kind == Expr::Kind::kColumn && symbols.contains(node.column));
  });
  return used;
}

}  // namespace

absl::StatusOr<std::vector<Datum>> Binder::BindParameters(const ast::ExprList& parameters,
                                                          Scope* scope) {
  std::vector<Datum> values;
  for (const ast::ExprPtr& parameter : parameters) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr bound, BindExpr(*parameter, scope));
    if (!IsConstant(*bound))
      return CodedError("bad_arguments", "Parameters of aggregate functions must be constants");
    values.push_back(bound->constant);
  }
  return values;
}

absl::StatusOr<ExprPtr> Binder::BindAggregateCall(const ast::Call& call,
                                                  std::string_view clickhouse_name, Scope* scope) {
  if (!scope->inside_aggregate.empty()) {
    return QueryError(StrCat("Aggregation '", call.name,
                             "' cannot be nested inside another aggregation '",
                             scope->inside_aggregate, "'."));
  }
  if (!builder_.catalog().IsAggregate(clickhouse_name)) {
    return QueryError(
        StrCat("Unsupported function call '", call.name, "(...)': it is not implemented yet"));
  }
  Scope::Aggregate aggregate;
  std::vector<Datum> parameters;
  if (call.params) {
    HOGLET_ASSIGN_OR_RETURN(parameters, BindParameters(*call.params, scope));
  }
  scope->inside_aggregate = call.name;
  auto bind_inputs = [&]() -> absl::Status {
    if (!IsCountStar(call)) {
      HOGLET_ASSIGN_OR_RETURN(aggregate.arguments, BindList(call.args, scope));
    }
    for (const auto& order : call.order_by) {
      HOGLET_ASSIGN_OR_RETURN(ExprPtr key, BindExpr(*order->expr, scope));
      aggregate.order_by.emplace_back(std::move(key), order->descending);
    }
    if (call.filter_expr != nullptr) {
      HOGLET_ASSIGN_OR_RETURN(aggregate.filter, BindExpr(*call.filter_expr, scope));
    }
    return absl::OkStatus();
  };
  const absl::Status status = bind_inputs();
  scope->inside_aggregate.clear();
  if (!status.ok()) return status;

  std::string text = StrCat(CallName(clickhouse_name, parameters, call.distinct), "(");
  std::vector<const Expr*> arguments;
  for (const ExprPtr& argument : aggregate.arguments) {
    if (UsesAny(*argument, scope->aggregate_symbols)) {
      return CodedError("illegal_aggregation",
                        StrCat("Aggregate function ", call.name,
                               " is found inside another aggregate function in query"));
    }
    StrAppend(&text, ExprToString(*argument), ", ");
    arguments.push_back(argument.get());
  }
  for (const auto& [key, descending] : aggregate.order_by)
    StrAppend(&text, " ORDER ", ExprToString(*key), descending ? " DESC" : "");
  if (aggregate.filter != nullptr) StrAppend(&text, " FILTER ", ExprToString(*aggregate.filter));
  auto known = scope->aggregates_by_text.find(text);
  if (known != scope->aggregates_by_text.end()) return symbols_.Reference(known->second);

  HOGLET_ASSIGN_OR_RETURN(aggregate.call.function, builder_.Aggregate(clickhouse_name, parameters,
                                                                      arguments, call.distinct));
  aggregate.call.name = CallName(clickhouse_name, parameters, call.distinct);
  aggregate.symbol = symbols_.Add(call.name, aggregate.call.function->result_type());
  scope->aggregates_by_text[text] = aggregate.symbol;
  scope->aggregate_symbols.insert(aggregate.symbol);
  const SymbolId symbol = aggregate.symbol;
  scope->aggregates.push_back(std::move(aggregate));
  return symbols_.Reference(symbol);
}

absl::StatusOr<ExprPtr> Binder::BindWindowFunction(const ast::WindowFunction& call, Scope* scope) {
  Scope::Window window;
  const std::string outer = std::exchange(scope->inside_aggregate, "");
  auto bind = [&]() -> absl::Status {
    HOGLET_RETURN_IF_ERROR(BindWindowName(call, scope, &window));
    const ast::WindowExpr* spec = call.over_expr.get();
    if (spec == nullptr) {
      auto named = scope->named_windows.find(*call.over_identifier);
      if (named == scope->named_windows.end())
        return QueryError(StrCat("Unknown window: ", *call.over_identifier));
      spec = named->second;
    }
    return BindWindowSpec(*spec, scope, &window);
  };
  const absl::Status status = bind();
  scope->inside_aggregate = outer;
  if (!status.ok()) return status;
  if (!outer.empty()) {
    return CodedError(
        "illegal_aggregation",
        StrCat("Window function ", call.name, " is found inside an aggregate function in query"));
  }
  const bool lag = call.name == "lag" || call.name == "lead";
  if (lag && window.order_by.empty())
    window.order_by.emplace_back(window.arguments[0]->Clone(), false);
  const bool framed =
      call.over_expr != nullptr && call.over_expr->frame_method != ast::FrameMethod::kNone;
  if (lag && !framed) {
    window.call.rows_frame = true;
    window.call.start = window.call.end = std::nullopt;
  }
  window.symbol = symbols_.Add(call.name, window.call.type);
  scope->window_symbols.insert(window.symbol);
  const SymbolId symbol = window.symbol;
  scope->windows.push_back(std::move(window));
  return symbols_.Reference(symbol);
}

// The function itself and the type of its result.
absl::Status Binder::BindWindowName(const ast::WindowFunction& call, Scope* scope,
                                    Scope::Window* window) {
  const ast::ExprList& list = call.args.empty() ? call.exprs : call.args;
  const bool star = list.size() == 1 && ast::As<ast::Field>(list[0]) != nullptr &&
                    ast::As<ast::Field>(list[0])->chain.back() == "*";
  if (!star) {
    HOGLET_ASSIGN_OR_RETURN(window->arguments, BindList(list, scope));
  }
  std::string name = call.name;
  if (name == "lag" || name == "lead") {
    if (window->arguments.empty())
      return QueryError(StrCat("Function '", name, "' expects at least 1 argument, found 0"));
    name += "InFrame";
    HOGLET_ASSIGN_OR_RETURN(window->arguments[0],
                            builder_.Call("toNullable", ExprList(std::move(window->arguments[0]))));
  }
  auto& arguments = window->arguments;
  auto plain = [&](Type type, size_t min) -> absl::Status {
    if (arguments.size() < min) {
      return CodedError(
          "number_of_arguments_doesnt_match",
          StrCat("Window function ", name, " expects at least ", min, " argument(s)"));
    }
    window->call.function_name = name;
    window->call.type = std::move(type);
    return absl::OkStatus();
  };
  if (name == "rank" || name == "dense_rank" || name == "row_number")
    return plain(Type(TypeKind::kUInt64), 0);
  if (name == "ntile") return plain(Type(TypeKind::kUInt64), 1);
  if (name == "percent_rank" || name == "cume_dist") return plain(Type(TypeKind::kFloat64), 0);
  if (name == "nth_value") return plain(arguments.empty() ? Type() : arguments[0]->type, 2);
  if (name == "lagInFrame" || name == "leadInFrame") {
    if (arguments.size() == 3) {
      // The default takes the value's type.
      const Type type = arguments[0]->type;
      HOGLET_ASSIGN_OR_RETURN(arguments[2], builder_.Cast(std::move(arguments[2]), type));
    }
    return plain(arguments.empty() ? Type() : arguments[0]->type, 1);
  }
  if (name == "first_value" || name == "last_value")
    return plain(arguments.empty() ? Type() : arguments[0]->type, 1);
  const HogqlFunction* function = FindHogqlFunction(name);
  if (function != nullptr && function->kind == FunctionKind::kAggregate && !function->is_template())
    name = function->clickhouse_name();
  if (!builder_.catalog().IsAggregate(name)) return UnknownFunction(call.name);
  std::vector<Datum> parameters;
  if (!call.args.empty()) {
    HOGLET_ASSIGN_OR_RETURN(parameters, BindParameters(call.exprs, scope));
  }
  std::vector<const Expr*> inputs;
  for (const ExprPtr& argument : arguments) inputs.push_back(argument.get());
  HOGLET_ASSIGN_OR_RETURN(window->call.aggregate.function,
                          builder_.Aggregate(name, parameters, inputs, /*distinct=*/false));
  window->call.aggregate.name = CallName(name, parameters, /*distinct=*/false);
  window->call.type = window->call.aggregate.function->result_type();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<int64_t>> Binder::FrameBound(const ast::WindowFrameExpr& bound,
                                                          Scope* scope) {
  if (bound.frame_type == ast::FrameType::kCurrentRow) return std::optional<int64_t>(0);
  if (bound.frame_value == nullptr) return std::optional<int64_t>();
  HOGLET_ASSIGN_OR_RETURN(ExprPtr value, BindExpr(*bound.frame_value, scope));
  auto* offset = std::get_if<int64_t>(&value->constant.value);
  if (!IsConstant(*value) || offset == nullptr || *offset < 0) {
    return CodedError("bad_arguments",
                      "A window frame needs constant non-negative integers as its bounds");
  }
  return std::optional<int64_t>(bound.frame_type == ast::FrameType::kPreceding ? -*offset
                                                                               : *offset);
}

absl::Status Binder::BindWindowSpec(const ast::WindowExpr& spec, Scope* scope,
                                    Scope::Window* window) {
  HOGLET_ASSIGN_OR_RETURN(window->partition_by, BindList(spec.partition_by, scope));
  for (const auto& order : spec.order_by) {
    HOGLET_ASSIGN_OR_RETURN(ExprPtr key, BindExpr(*order->expr, scope));
    window->order_by.emplace_back(std::move(key), order->descending);
  }
  Plan::WindowCall& call = window->call;
  if (spec.frame_method == ast::FrameMethod::kNone || spec.frame_start == nullptr) {
    // Up to the current row and its peers; without an order all rows are peers.
    if (!window->order_by.empty()) call.end = 0;
    return absl::OkStatus();
  }
  call.rows_frame = spec.frame_method == ast::FrameMethod::kRows;
  HOGLET_ASSIGN_OR_RETURN(call.start, FrameBound(*spec.frame_start, scope));
  if (spec.frame_end == nullptr) {
    call.end = 0;
    return absl::OkStatus();
  }
  HOGLET_ASSIGN_OR_RETURN(call.end, FrameBound(*spec.frame_end, scope));
  return absl::OkStatus();
}

}  // namespace hoglet::analysis
