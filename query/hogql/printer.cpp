#include "query/hogql/printer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "query/hogql/ast_fields.h"
#include "query/hogql/ast_json.h"
#include "query/hogql/keywords.h"
#include "query/hogql/parser.h"
#include "query/hogql/quoting.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

constexpr int kIndentWidth = 4;

std::string_view ArithmeticName(ArithmeticOp op) {
  switch (op) {
    case ArithmeticOp::kAdd:
      return "plus";
    case ArithmeticOp::kSubtract:
      return "minus";
    case ArithmeticOp::kMultiply:
      return "multiply";
    case ArithmeticOp::kDivide:
      return "divide";
    case ArithmeticOp::kModulo:
      return "modulo";
  }
  __builtin_unreachable();
}

class Printer {
 public:
  explicit Printer(PrintStyle style) : pretty_(style == PrintStyle::kPretty) {}

  std::string Print(const Node& node) {
    return Dispatch(node, [this](const auto& typed) { return Text(typed); });
  }

  // A whole text: the outermost query has no parentheses.
  std::string PrintTop(const Node& node) {
    if (const auto* select = As<SelectQuery>(&node)) return SelectBody(*select);
    if (const auto* set = As<SelectSetQuery>(&node)) return SetBody(*set);
    return Print(node);
  }

 private:
  template <class T>
  std::string Print(const std::unique_ptr<T>& node) {
    return Print(static_cast<const Node&>(*node));
  }

  std::string List(const ExprList& list) {
    std::vector<std::string> items;
    for (const ExprPtr& expr : list) {
      items.push_back(items.empty() ? Print(expr) : LaterItem(expr));
    }
    return absl::StrJoin(items, ", ");
  }

  // Not the first of a list: `a, x -> y` would be a lambda of two arguments.
  std::string LaterItem(const ExprPtr& expr) {
    const auto* lambda = As<Lambda>(expr);
    return lambda != nullptr ? LambdaText(*lambda, true) : Print(expr);
  }

  // Could an operator written behind (or around) the printed node take only a part of it?
  static bool IsLoose(const Node& node) {
    switch (node.kind) {
      case NodeKind::kAlias:
      case NodeKind::kBetweenExpr:
      case NodeKind::kIsDistinctFrom:
      case NodeKind::kLambda:
      case NodeKind::kNamedArgument:
      case NodeKind::kSpreadExpr:
      case NodeKind::kWindowFunction:
        return true;
      case NodeKind::kCompareOperation: {
        const CompareOp op = static_cast<const CompareOperation&>(node).op;
        return op == CompareOp::kInCohort || op == CompareOp::kNotInCohort;
      }
      default:
        return false;
    }
  }
  std::string Operand(const ExprPtr& expr) {
    return IsLoose(*expr) ? StrCat("(", Print(expr), ")") : Print(expr);
  }
  // What `[...]` or `.name` may follow.
  std::string Base(const ExprPtr& expr) {
    if (expr->kind == NodeKind::kConstant) return StrCat("(", Print(expr), ")");
    return Operand(expr);
  }

  static std::string Names(const std::vector<std::string>& names) {
    return absl::StrJoin(names, ", ", [](std::string* out, const std::string& name) {
      out->append(QuoteName(name));
    });
  }
  template <class... Args>
  static std::string CallText(std::string_view name, const Args&... args) {
    return StrCat(name, "(", absl::StrJoin(std::vector<std::string>{args...}, ", "), ")");
  }

  // ---- expressions -------------------------------------------------------------------------
  std::string Text(const Constant& node) {
    struct Visitor {
      std::string operator()(std::monostate) { return "NULL"; }
      std::string operator()(bool value) { return value ? "true" : "false"; }
      std::string operator()(int64_t value) { return StrCat(value); }
      std::string operator()(const BigInteger& value) { return value.text; }
      std::string operator()(const std::string& value) { return QuoteString(value); }
      std::string operator()(double value) {
        if (std::isnan(value)) return "NaN";
        if (std::isinf(value)) return value > 0 ? "Inf" : "-Inf";
        return ShortestDouble(value);
      }
    };
    return std::visit(Visitor(), node.value);
  }
  std::string Text(const Field& node) {
    std::vector<std::string> parts;
    for (const std::string& name : node.chain) {
      const bool risky = parts.empty() && IsRiskyFieldName(name);
      parts.push_back(name == "*" ? name : risky ? Backquote(name) : QuoteName(name));
    }
    return absl::StrJoin(parts, ".");
  }
  std::string Text(const Alias& node) {
    return StrCat(Print(node.expr), " AS ", AliasName(node.alias));
  }
  static std::string AliasName(const std::string& alias) {
    const std::string lower = absl::AsciiStrToLower(alias);
    const bool reserved = lower == "true" || lower == "false" || lower == "team_id";
    return reserved ? Backquote(alias) : QuoteName(alias);
  }
  std::string Text(const ArithmeticOperation& node) {
    return CallText(ArithmeticName(node.op), Print(node.left), LaterItem(node.right));
  }
  std::string Text(const CompareOperation& node) {
    if (node.is_null_comparison_style) {
      return CallText(node.op == CompareOp::kEqual ? "isNull" : "isNotNull", Print(node.left));
    }
    const std::string left = Print(node.left);
    const std::string right = LaterItem(node.right);
    switch (node.op) {
      case CompareOp::kEqual:
        return CallText("equals", left, right);
      case CompareOp::kNotEqual:
        return CallText("notEquals", left, right);
      case CompareOp::kLess:
        return CallText("less", left, right);
      case CompareOp::kLessEqual:
        return CallText("lessOrEquals", left, right);
      case CompareOp::kGreater:
        return CallText("greater", left, right);
      case CompareOp::kGreaterEqual:
        return CallText("greaterOrEquals", left, right);
      case CompareOp::kLike:
        return CallText("like", left, right);
      case CompareOp::kILike:
        return CallText("ilike", left, right);
      case CompareOp::kNotLike:
        return CallText("notLike", left, right);
      case CompareOp::kNotILike:
        return CallText("notILike", left, right);
      case CompareOp::kIn:
        return CallText("in", left, right);
      case CompareOp::kNotIn:
        return CallText("notIn", left, right);
      case CompareOp::kInCohort:
        return StrCat(Operand(node.left), " IN COHORT ", Operand(node.right));
      case CompareOp::kNotInCohort:
        return StrCat(Operand(node.left), " NOT IN COHORT ", Operand(node.right));
      case CompareOp::kRegex:
        return CallText("match", left, right);
      case CompareOp::kNotRegex:
        return CallText("not", CallText("match", left, right));
      case CompareOp::kIRegex:
        return CallText("match", left, CallText("concat", std::string("'(?i)'"), right));
      case CompareOp::kNotIRegex:
        return CallText("not",
                        CallText("match", left, CallText("concat", std::string("'(?i)'"), right)));
    }
    __builtin_unreachable();
  }
  std::string Text(const IsDistinctFrom& node) {
    return StrCat(Operand(node.left), node.negated ? " IS NOT" : " IS", " DISTINCT FROM ",
                  Operand(node.right));
  }
  std::string Text(const BetweenExpr& node) {
    return StrCat(Operand(node.expr), node.negated ? " NOT BETWEEN " : " BETWEEN ",
                  Operand(node.low), " AND ", Operand(node.high));
  }
  std::string Text(const And& node) { return StrCat("and(", List(node.exprs), ")"); }
  std::string Text(const Or& node) { return StrCat("or(", List(node.exprs), ")"); }
  std::string Text(const Not& node) { return CallText("not", Print(node.expr)); }
  std::string Text(const Call& node) {
    std::string text = QuoteName(node.name);
    if (node.params.has_value()) StrAppend(&text, "(", List(*node.params), ")");
    if (!node.within_group.empty()) {
      return StrCat(text, " WITHIN GROUP (ORDER BY ", Orders(node.within_group), ")");
    }
    StrAppend(&text, "(", node.distinct ? "DISTINCT " : "", List(node.args));
    if (!node.order_by.empty()) StrAppend(&text, " ORDER BY ", Orders(node.order_by));
    text += ')';
    if (node.filter_expr != nullptr) {
      StrAppend(&text, " FILTER (WHERE ", Print(node.filter_expr), ")");
    }
    return text;
  }
  std::string Text(const ExprCall& node) {
    // Only what cannot be taken for the name of a function, or its parameters.
    const auto* field = As<Field>(node.expr);
    const auto* call = As<Call>(node.expr);
    const bool bare = (field != nullptr && field->chain.size() > 1) ||
                      (call != nullptr && call->params.has_value() && !call->distinct) ||
                      node.expr->kind == NodeKind::kExprCall ||
                      node.expr->kind == NodeKind::kArrayAccess;
    const std::string callee = Print(node.expr);
    return StrCat(bare ? callee : StrCat("(", callee, ")"), "(", List(node.args), ")");
  }
  std::string Text(const NamedArgument& node) {
    return StrCat(QuoteName(node.name), " := ", Operand(node.value));
  }
  std::string Text(const WindowFunction& node) {
    std::string text = StrCat(QuoteName(node.name), "(", List(node.exprs), ")");
    if (!node.args.empty()) StrAppend(&text, "(", List(node.args), ")");
    if (node.over_identifier.has_value()) {
      return StrCat(text, " OVER ", QuoteName(*node.over_identifier));
    }
    return StrCat(text, " OVER (", Print(node.over_expr), ")");
  }
  std::string Text(const WindowExpr& node) {
    std::vector<std::string> parts;
    if (!node.partition_by.empty()) {
      parts.push_back(StrCat("PARTITION BY ", List(node.partition_by)));
    }
    if (!node.order_by.empty()) parts.push_back(StrCat("ORDER BY ", Orders(node.order_by)));
    if (node.frame_start != nullptr) {
      const char* method = node.frame_method == FrameMethod::kRange ? "RANGE " : "ROWS ";
      const std::string start = Print(node.frame_start);
      parts.push_back(node.frame_end == nullptr
                          ? StrCat(method, start)
                          : StrCat(method, "BETWEEN ", start, " AND ", Print(node.frame_end)));
    }
    return absl::StrJoin(parts, " ");
  }
  std::string Text(const WindowFrameExpr& node) {
    if (node.frame_type == FrameType::kCurrentRow) return "CURRENT ROW";
    const char* direction = node.frame_type == FrameType::kPreceding ? "PRECEDING" : "FOLLOWING";
    return StrCat(
        node.frame_value == nullptr ? std::string("UNBOUNDED") : Operand(node.frame_value), " ",
        direction);
  }
  std::string Text(const Array& node) { return StrCat("[", List(node.exprs), "]"); }
  std::string Text(const Tuple& node) { return StrCat("tuple(", List(node.exprs), ")"); }
  std::string Text(const Dict& node) {
    std::vector<std::string> items;
    for (const auto& [key, value] : node.items) {
      items.push_back(StrCat(Operand(key), ": ", Print(value)));
    }
    return StrCat("{", absl::StrJoin(items, ", "), "}");
  }
  std::string Text(const ArrayAccess& node) {
    return StrCat(Base(node.array), node.nullish ? "?." : "", "[", Print(node.property), "]");
  }
  std::string Text(const ArraySlice& node) {
    return StrCat(Base(node.array), "[", node.start_expr == nullptr ? "" : Operand(node.start_expr),
                  ":", node.end_expr == nullptr ? "" : Operand(node.end_expr), "]");
  }
  std::string Text(const TupleAccess& node) {
    return StrCat(Base(node.tuple), node.nullish ? "?." : ".", node.index);
  }
  std::string LambdaText(const Lambda& node, bool parenthesise) {
    const std::string args = Names(node.args);
    return StrCat(node.args.size() == 1 && !parenthesise ? args : StrCat("(", args, ")"), " -> ",
                  node.block != nullptr ? Print(node.block) : Print(node.expr));
  }
  std::string Text(const Lambda& node) { return LambdaText(node, false); }
  std::string Text(const TypeCast& node) {
    return StrCat("CAST(", Operand(node.expr), " AS ", TypeName(node.type_name), ")");
  }
  std::string Text(const TryCast& node) {
    return StrCat("TRY_CAST(", Operand(node.expr), " AS ", TypeName(node.type_name), ")");
  }
  // A type name is text already, except that a quoted one may hold anything.
  static std::string TypeName(const std::string& name) {
    if (IsPlainName(name) && IsNameKeyword(FindKeyword(name))) return name;
    const absl::StatusOr<ExprPtr> read = ParseExpr(StrCat("CAST(a AS ", name, ")"));
    const TypeCast* cast = read.ok() ? As<TypeCast>(*read) : nullptr;
    return cast != nullptr && cast->type_name == name ? name : Backquote(name);
  }
  std::string Text(const Placeholder& node) { return StrCat("{", Print(node.expr), "}"); }
  std::string Text(const PositionalRef& node) { return StrCat("#", node.index); }
  std::string Text(const ColumnsExpr& node) {
    if (node.regex.has_value()) return StrCat("COLUMNS(", QuoteString(*node.regex), ")");
    if (!node.all_columns) return StrCat("COLUMNS(", List(node.columns), ")");
    std::string text;
    for (const std::string& name : node.qualifier) StrAppend(&text, QuoteName(name), ".");
    text += '*';
    if (!node.exclude.empty()) {
      const auto path = [](std::string* out, const std::string& dotted) {
        const std::vector<std::string> parts = absl::StrSplit(dotted, '.');
        StrAppend(out, absl::StrJoin(parts, ".", [](std::string* o, const std::string& p) {
                    o->append(QuoteName(p));
                  }));
      };
      StrAppend(&text, " EXCLUDE (", absl::StrJoin(node.exclude, ", ", path), ")");
    }
    if (node.replace.empty()) return text;
    std::vector<std::string> items;
    for (const auto& [name, expr] : node.replace) {
      items.push_back(StrCat(Print(expr), " AS ", AliasName(name)));
    }
    return StrCat("COLUMNS(", text, " REPLACE (", absl::StrJoin(items, ", "), "))");
  }
  std::string Text(const SpreadExpr& node) { return StrCat("*", Print(node.expr)); }

  // ---- tags --------------------------------------------------------------------------------
  std::string Text(const HogQLXTag& node) {
    std::string text = StrCat("<", node.tag_kind);
    const HogQLXAttribute* children = nullptr;
    for (const auto& attribute : node.attributes) {
      if (attribute->children.has_value()) {
        children = attribute.get();
      } else {
        StrAppend(&text, " ", Print(attribute));
      }
    }
    if (children == nullptr) return text + " />";
    text += '>';
    for (const ExprPtr& child : *children->children) {
      const auto* constant = As<Constant>(child);
      const std::string* literal = constant != nullptr ? constant->as_string() : nullptr;
      const bool raw = literal != nullptr && !literal->empty() &&
                       literal->find_first_of("<{\r\n") == std::string::npos;
      if (raw && !text.ends_with('>')) {
        // Two neighbouring texts would become one.
        StrAppend(&text, "{", Print(child), "}");
      } else if (raw) {
        text += *literal;
      } else if (child->kind == NodeKind::kHogQLXTag) {
        text += Print(child);
      } else {
        StrAppend(&text, "{", Print(child), "}");
      }
    }
    return StrCat(text, "</", node.tag_kind, ">");
  }
  std::string Text(const HogQLXAttribute& node) {
    const auto* constant = As<Constant>(node.value);
    if (constant != nullptr && constant->as_string() != nullptr) {
      return StrCat(node.name, "=", Print(node.value));
    }
    return StrCat(node.name, "={", Print(node.value), "}");
  }

  // ---- queries -----------------------------------------------------------------------------
  std::string Space() const {
    return pretty_ ? StrCat("\n", std::string((depth_ + 1) * kIndentWidth, ' ')) : " ";
  }
  std::string Comma() const { return pretty_ ? StrCat(",", Space()) : ", "; }
  std::string ClauseBreak() const {
    return pretty_ ? StrCat("\n", std::string(depth_ * kIndentWidth, ' ')) : " ";
  }
  // A list of which each item has a line of its own when pretty.
  std::string Items(const ExprList& list) {
    if (!pretty_) return List(list);
    ++depth_;
    std::vector<std::string> items;
    for (const ExprPtr& expr : list) items.push_back(LaterItem(expr));
    --depth_;
    return absl::StrJoin(items, Comma());
  }
  std::string Item(const ExprPtr& expr) {
    ++depth_;
    std::string text = Print(expr);
    --depth_;
    return text;
  }

  std::string Text(const SelectQuery& node) { return Parenthesised(node); }
  std::string Text(const SelectSetQuery& node) { return Parenthesised(node); }
  template <class T>
  std::string Parenthesised(const T& node) {
    return StrCat("(", PrintTop(node), ")");
  }

  std::string With(const CTEList& ctes) {
    std::vector<std::string> items;
    bool recursive = false;
    for (const auto& cte : ctes) {
      recursive = recursive || cte->recursive;
      ++depth_;
      items.push_back(Print(cte));
      --depth_;
    }
    return StrCat("WITH", recursive ? " RECURSIVE" : "", Space(), absl::StrJoin(items, Comma()));
  }
  std::string Text(const CTE& node) {
    if (node.is_column) return StrCat(Print(node.expr), " AS ", QuoteName(node.name));
    std::string text = QuoteName(node.name);
    if (!node.columns.empty()) StrAppend(&text, "(", Names(node.columns), ")");
    if (!node.using_key.empty()) {
      StrAppend(&text, " USING KEY (", Names(node.using_key), ")");
    }
    text += " AS ";
    if (node.materialized.has_value()) {
      text += *node.materialized ? "MATERIALIZED " : "NOT MATERIALIZED ";
    }
    const std::string query = Print(node.expr);
    return text + (query.starts_with("(") ? query : StrCat("(", query, ")"));
  }

  std::string SelectBody(const SelectQuery& node) {
    std::vector<std::string> clauses;
    if (!node.ctes.empty()) clauses.push_back(With(node.ctes));
    clauses.push_back(
        StrCat("SELECT", node.distinct ? " DISTINCT" : "", Space(), Items(node.select)));
    if (node.select_from != nullptr) {
      clauses.push_back(StrCat("FROM", Space(), Joins(*node.select_from)));
    }
    if (node.array_join_op != ArrayJoinOp::kNone) {
      const char* op = node.array_join_op == ArrayJoinOp::kLeftArrayJoin    ? "LEFT ARRAY JOIN"
                       : node.array_join_op == ArrayJoinOp::kInnerArrayJoin ? "INNER ARRAY JOIN"
                                                                            : "ARRAY JOIN";
      clauses.push_back(StrCat(op, Space(), Items(node.array_join_list)));
    }
    const auto condition = [&](const char* name, const ExprPtr& expr) {
      if (expr != nullptr) clauses.push_back(StrCat(name, Space(), Item(expr)));
    };
    condition("PREWHERE", node.prewhere);
    condition("WHERE", node.where);
    AddGroupBy(node, &clauses);
    condition("HAVING", node.having);
    condition("QUALIFY", node.qualify);
    AddWindows(node, &clauses);
    if (!node.order_by.empty()) AddOrderBy(node, &clauses);
    AddLimits(node, &clauses);
    return absl::StrJoin(clauses, ClauseBreak());
  }
  void AddGroupBy(const SelectQuery& node, std::vector<std::string>* clauses) {
    switch (node.group_by_mode) {
      case GroupByMode::kAll:
        clauses->push_back("GROUP BY ALL");
        return;
      case GroupByMode::kCube:
        clauses->push_back(StrCat("GROUP BY CUBE(", List(node.group_by), ")"));
        return;
      case GroupByMode::kRollup:
        clauses->push_back(StrCat("GROUP BY ROLLUP(", List(node.group_by), ")"));
        return;
      case GroupByMode::kGroupingSets:
        clauses->push_back(StrCat("GROUP BY GROUPING SETS (", List(node.group_by), ")"));
        return;
      case GroupByMode::kNone:
        if (node.group_by.empty()) return;
        clauses->push_back(StrCat("GROUP BY", Space(), Items(node.group_by)));
    }
  }
  std::string Text(const GroupingSet& node) { return StrCat("(", List(node.exprs), ")"); }
  void AddWindows(const SelectQuery& node, std::vector<std::string>* clauses) {
    if (node.window_exprs.empty()) return;
    std::vector<std::string> items;
    for (const auto& [name, window] : node.window_exprs) {
      items.push_back(StrCat(QuoteName(name), " AS (", Print(window), ")"));
    }
    clauses->push_back(StrCat("WINDOW", Space(), absl::StrJoin(items, Comma())));
  }
  void AddOrderBy(const SelectQuery& node, std::vector<std::string>* clauses) {
    std::vector<std::string> items;
    ++depth_;
    for (const auto& order : node.order_by) items.push_back(Print(order));
    --depth_;
    std::string text = StrCat("ORDER BY", Space(), absl::StrJoin(items, Comma()));
    if (node.interpolate.has_value()) {
      text += " INTERPOLATE";
      std::vector<std::string> columns;
      for (const auto& item : *node.interpolate) columns.push_back(Print(item));
      if (!columns.empty()) StrAppend(&text, " (", absl::StrJoin(columns, ", "), ")");
    }
    clauses->push_back(std::move(text));
  }
  template <class T>
  void AddLimits(const T& node, std::vector<std::string>* clauses) {
    if constexpr (std::is_same_v<T, SelectQuery>) {
      if (node.limit_by != nullptr) clauses->push_back(Print(node.limit_by));
    }
    if (node.limit != nullptr) {
      clauses->push_back(StrCat("LIMIT ", Operand(node.limit), node.limit_percent ? " %" : "",
                                node.limit_with_ties ? " WITH TIES" : ""));
    }
    if (node.offset != nullptr) clauses->push_back(StrCat("OFFSET ", Operand(node.offset)));
  }
  std::string Text(const LimitByExpr& node) {
    std::string text = StrCat("LIMIT ", Operand(node.n));
    if (node.offset_value != nullptr) {
      StrAppend(&text, " OFFSET ", Operand(node.offset_value));
    }
    return StrCat(text, " BY ", List(node.exprs));
  }
  std::string Text(const InterpolateExpr& node) {
    if (node.value == nullptr) return Operand(node.expr);
    return StrCat(Operand(node.expr), " AS ", Print(node.value));
  }

  std::string Orders(const OrderList& orders) {
    std::vector<std::string> items;
    for (const auto& order : orders) items.push_back(Print(order));
    return absl::StrJoin(items, ", ");
  }
  std::string Text(const OrderExpr& node) {
    std::string text = StrCat(Print(node.expr), node.descending ? " DESC" : " ASC");
    if (node.with_fill != nullptr) text += Print(node.with_fill);
    return text;
  }
  std::string Text(const WithFillExpr& node) {
    std::string text = " WITH FILL";
    const auto part = [&](const char* name, const ExprPtr& expr) {
      if (expr != nullptr) StrAppend(&text, name, Operand(expr));
    };
    part(" FROM ", node.from_value);
    part(" TO ", node.to_value);
    part(" STEP ", node.step_value);
    return text;
  }

  // An operand of a set query that is not the last, or is followed by LIMIT, keeps its
  // parentheses when it could swallow what follows.
  std::string SetOperand(const ExprPtr& query, bool keep_parentheses) {
    const auto* select = As<SelectQuery>(query);
    if (select != nullptr && !keep_parentheses) return SelectBody(*select);
    return Print(query);
  }
  std::string SetBody(const SelectSetQuery& node) {
    const bool tail = node.limit != nullptr || node.offset != nullptr;
    std::vector<std::string> parts;

    std::string text = SetOperand(node.initial_select_query, false);
    for (const auto& next : node.subsequent_select_queries) {
      const bool last = next == node.subsequent_select_queries.back();
      StrAppend(&text, ClauseBreak(), SetOperatorText(next->set_operator),
                next->by_name ? " BY NAME" : "", ClauseBreak(),
                SetOperand(next->select_query, last && tail));
    }
    if (!node.ctes.empty()) text = StrCat(With(node.ctes), " (", text, ")");
    std::vector<std::string> clauses = {std::move(text)};
    AddLimits(node, &clauses);
    return absl::StrJoin(clauses, ClauseBreak());
  }
  std::string Text(const SelectSetNode& node) {
    return StrCat(SetOperatorText(node.set_operator), node.by_name ? " BY NAME " : " ",
                  Print(node.select_query));
  }

  // ---- FROM --------------------------------------------------------------------------------
  std::string Joins(const JoinExpr& first) {
    ++depth_;
    std::vector<std::string> tables;
    for (const JoinExpr* join = &first; join != nullptr; join = join->next_join.get()) {
      tables.push_back(TableText(*join));
    }
    --depth_;
    return absl::StrJoin(tables, Space());
  }
  std::string TableText(const JoinExpr& node) {
    std::string text = node.join_type.empty() ? "" : StrCat(node.join_type, " ");
    if (const auto* field = As<Field>(node.table)) {
      // A table's name cannot be taken for anything else.
      StrAppend(&text,
                absl::StrJoin(field->chain, ".", [](std::string* out, const std::string& part) {
                  out->append(QuoteName(part));
                }));
    } else {
      text += Print(node.table);
    }
    if (node.table_args.has_value()) StrAppend(&text, "(", List(*node.table_args), ")");
    if (node.alias.has_value()) StrAppend(&text, " AS ", AliasName(*node.alias));
    if (!node.column_aliases.empty()) {
      StrAppend(&text, "(", Names(node.column_aliases), ")");
    }
    if (node.table_final) text += " FINAL";
    if (node.sample != nullptr) StrAppend(&text, " ", Print(node.sample));
    if (node.constraint != nullptr) StrAppend(&text, " ", Print(node.constraint));
    return text;
  }
  // A join that is the table of a PIVOT.
  std::string Text(const JoinExpr& node) {
    const std::string joins = Joins(node);
    return node.next_join == nullptr ? joins : StrCat("(", joins, ")");
  }
  std::string Text(const JoinConstraint& node) {
    return node.is_using ? StrCat("USING (", Print(node.expr), ")")
                         : StrCat("ON ", Print(node.expr));
  }
  std::string Text(const SampleExpr& node) {
    std::string text = StrCat("SAMPLE ", Print(node.sample_value));
    if (node.offset_value != nullptr) StrAppend(&text, " OFFSET ", Print(node.offset_value));
    return text;
  }
  std::string Text(const RatioExpr& node) {
    return node.right == nullptr ? Print(node.left)
                                 : StrCat(Print(node.left), "/", Print(node.right));
  }
  std::string Text(const ValuesQuery& node) {
    std::vector<std::string> rows;
    for (const ExprList& row : node.rows) rows.push_back(StrCat("(", List(row), ")"));
    return StrCat("(VALUES ", absl::StrJoin(rows, ", "), ")");
  }
  // `(a, b)` keeps its form: what stands before IN or FOR is a list of columns, not a call.
  std::string TupleOrOne(const ExprPtr& expr) {
    const auto* tuple = As<Tuple>(expr);
    return tuple != nullptr ? StrCat("(", List(tuple->exprs), ")") : Operand(expr);
  }
  std::string TableName(const ExprPtr& table) {
    const auto* field = As<Field>(table);
    return field != nullptr ? absl::StrJoin(field->chain, ".",
                                            [](std::string* out, const std::string& part) {
                                              out->append(QuoteName(part));
                                            })
                            : Print(table);
  }
  std::string Text(const PivotColumn& node) {
    return StrCat(TupleOrOne(node.column), " IN (", List(node.values), ")");
  }
  std::string Text(const PivotExpr& node) {
    std::vector<std::string> columns;
    for (const auto& column : node.columns) columns.push_back(Print(column));
    std::string text = StrCat(TableName(node.table), " PIVOT (", List(node.aggregates), " FOR ",
                              absl::StrJoin(columns, " "));
    if (!node.group_by.empty()) StrAppend(&text, " GROUP BY ", List(node.group_by));
    return text + ")";
  }
  std::string Text(const UnpivotColumn& node) {
    return StrCat(TupleOrOne(node.value_columns), " FOR ", TupleOrOne(node.name_columns), " IN (",
                  List(node.unpivot_values), ")");
  }
  std::string Text(const UnpivotExpr& node) {
    std::vector<std::string> columns;
    for (const auto& column : node.columns) columns.push_back(Print(column));
    return StrCat(TableName(node.table), " UNPIVOT ", node.include_nulls ? "INCLUDE NULLS (" : "(",
                  absl::StrJoin(columns, ", "), ")");
  }

  // ---- programs ----------------------------------------------------------------------------
  std::string Statements(const std::vector<StatementPtr>& statements) {
    std::vector<std::string> lines;
    for (const StatementPtr& statement : statements) lines.push_back(Print(statement));
    return absl::StrJoin(lines, ClauseBreak());
  }
  std::string Body(const StatementPtr& statement) {
    return statement == nullptr ? ";" : Print(statement);
  }
  std::string Text(const Program& node) { return Statements(node.declarations); }
  std::string Text(const Block& node) {
    if (node.declarations.empty()) return "{ }";
    ++depth_;
    const std::string body = StrCat(ClauseBreak(), Statements(node.declarations));
    --depth_;
    return StrCat("{", body, ClauseBreak(), "}");
  }
  std::string Text(const VariableDeclaration& node) {
    if (node.expr == nullptr) return StrCat("let ", QuoteName(node.name), ";");
    return StrCat("let ", QuoteName(node.name), " := ", Print(node.expr), ";");
  }
  std::string Text(const VariableAssignment& node) {
    return StrCat(StatementStart(node.left), " := ", Print(node.right), ";");
  }
  std::string Text(const ExprStatement& node) { return StrCat(StatementStart(node.expr), ";"); }
  // An expression must not begin like another statement.
  std::string StatementStart(const ExprPtr& expr) {
    const std::string text = Print(expr);
    const std::string word =
        text.substr(0, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"));
    const Keyword keyword = FindKeyword(word);
    const bool risky = text.starts_with('{') || keyword == Keyword::kIf ||
                       keyword == Keyword::kFor || keyword == Keyword::kReturn ||
                       keyword == Keyword::kElse || expr->kind == NodeKind::kNamedArgument;
    return risky ? StrCat("(", text, ")") : text;
  }
  std::string Text(const ReturnStatement& node) {
    return node.expr == nullptr ? "return;" : StrCat("return ", Print(node.expr), ";");
  }
  std::string Text(const ThrowStatement& node) {
    return node.expr == nullptr ? "throw;" : StrCat("throw ", Print(node.expr), ";");
  }
  std::string Text(const IfStatement& node) {
    std::string text = StrCat("if (", Print(node.expr), ") ", Body(node.then_branch));
    if (node.else_branch != nullptr) StrAppend(&text, " else ", Print(node.else_branch));
    return text;
  }
  std::string Text(const WhileStatement& node) {
    return StrCat("while (", Print(node.expr), ") ", Body(node.body));
  }
  static std::string WithoutSemicolon(std::string text) {
    if (text.ends_with(';')) text.pop_back();
    return text;
  }
  std::string Text(const ForStatement& node) {
    const auto part = [this](const auto& child) {
      return child == nullptr ? std::string() : WithoutSemicolon(Print(child));
    };
    return StrCat("for (", part(node.initializer), "; ", part(node.condition), "; ",
                  part(node.increment), ") ", Body(node.body));
  }
  std::string Text(const ForInStatement& node) {
    return StrCat("for (let ",
                  node.key_var.has_value() ? StrCat(QuoteName(*node.key_var), ", ") : "",
                  QuoteName(node.value_var), " in ", Print(node.expr), ") ", Body(node.body));
  }
  std::string Text(const Function& node) {
    return StrCat("fn ", QuoteName(node.name), "(", Names(node.params), ") ", Body(node.body));
  }
  std::string Text(const TryCatchStatement& node) {
    std::string text = StrCat("try ", Print(node.try_block));
    for (const auto& handler : node.catches) {
      text += " catch ";
      if (handler.variable.has_value()) {
        StrAppend(&text, "(", QuoteName(*handler.variable), handler.type.has_value() ? ": " : "",
                  handler.type.has_value() ? QuoteName(*handler.type) : "", ") ");
      }
      text += Print(handler.block);
    }
    if (node.finally_block != nullptr) StrAppend(&text, " finally ", Print(node.finally_block));
    return text;
  }

  const bool pretty_;
  int depth_ = 0;
};

}  // namespace

std::string PrintHogQL(const Node& node, PrintStyle style) { return Printer(style).PrintTop(node); }

std::string ColumnName(const Expr& expr) {
  std::string text = Printer(PrintStyle::kCompact).Print(expr);
  text.erase(std::remove(text.begin(), text.end(), '%'), text.end());
  return text;
}

}  // namespace hoglet::hogql
