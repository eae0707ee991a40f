#include "query/hogql/ast_json.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_format.h"
#include "query/hogql/ast_fields.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

// Lists that are written even when they are empty.
bool IsMandatoryList(std::string_view name) {
  return name == "exprs" || name == "args" || name == "chain" || name == "items" ||
         name == "attributes" || name == "declarations" || name == "catches" || name == "rows" ||
         name == "params" || name == "select";
}

// Flags that are written even when they are false.
bool IsMandatoryFlag(std::string_view name) {
  return name == "negated" || name == "include_nulls" || name == "distinct";
}

class JsonWriter {
 public:
  explicit JsonWriter(std::string* out) : out_(*out) {}

  void Write(const Node& node) {
    StrAppend(&out_, "{\"node\":\"", NodeKindName(node.kind), "\"");
    Dispatch(node, [this](const auto& typed) { WriteFields(typed); });
    out_ += '}';
  }

 private:
  void Key(std::string_view name) { StrAppend(&out_, ",\"", name, "\":"); }
  void Text(std::string_view name, std::string_view text) {
    Key(name);
    AppendJsonString(text, &out_);
  }

  // ---- nodes -----------------------------------------------------------------------------
  template <class T>
  void WriteFields(const T& node) {
    VisitFields(node, [&](const char* name, const auto& field) {
      if constexpr (std::is_same_v<T, Call>) {
        // Calls made from other notations say only what they call.
        if (node.is_sugar && std::string_view(name) == "distinct") return;
      }
      if constexpr (std::is_same_v<T, SelectQuery>) {
        if (std::string_view(name) == "distinct" && !node.distinct) return;
      }
      Member(name, field);
    });
  }
  void WriteFields(const Lambda& node) {
    Member("args", node.args);
    Member("expr", node.expr);
    if (node.block != nullptr) Member("expr", node.block);
  }
  void WriteFields(const HogQLXAttribute& node) {
    Member("name", node.name);
    Member("value", node.value);
    if (node.children.has_value()) List("value", *node.children);
  }
  void WriteFields(const OrderExpr& node) {
    Member("expr", node.expr);
    Text("order", node.descending ? "DESC" : "ASC");
    Member("with_fill", node.with_fill);
  }
  void WriteFields(const JoinConstraint& node) {
    Member("expr", node.expr);
    Text("constraint_type", node.is_using ? "USING" : "ON");
  }
  void WriteFields(const CTE& node) {
    Member("name", node.name);
    Member("expr", node.expr);
    Text("cte_type", node.is_column ? "column" : "subquery");
    Member("columns", node.columns);
    if (node.materialized.has_value()) Flag("materialized", *node.materialized);
    Member("recursive", node.recursive);
    Member("using_key", node.using_key);
  }
  void WriteFields(const SelectSetNode& node) {
    Text("set_operator",
         StrCat(SetOperatorText(node.set_operator), node.by_name ? " BY NAME" : ""));
    Member("select_query", node.select_query);
  }
  void WriteFields(const WindowFrameExpr& node) {
    switch (node.frame_type) {
      case FrameType::kCurrentRow:
        Text("frame_type", "CURRENT ROW");
        break;
      case FrameType::kPreceding:
        Text("frame_type", "PRECEDING");
        break;
      case FrameType::kFollowing:
        Text("frame_type", "FOLLOWING");
        break;
    }
    const auto* constant = As<Constant>(node.frame_value);
    if (constant != nullptr && constant->as_integer() != nullptr) {
      Member("frame_value", *constant->as_integer());
    } else {
      Member("frame_value", node.frame_value);
    }
  }
  void WriteFields(const ColumnsExpr& node) {
    Member("regex", node.regex);
    Member("columns", node.columns);
    Member("all_columns", node.all_columns);
    Member("exclude", node.exclude);
    Map("replace", node.replace);
  }
  void WriteFields(const Constant& node) {
    Key("value");
    std::visit([this](const auto& value) { Scalar(value); }, node.value);
  }

  // ---- values ----------------------------------------------------------------------------
  void Scalar(std::monostate) { out_ += "null"; }
  void Scalar(bool value) { out_ += value ? "true" : "false"; }
  void Scalar(int64_t value) { StrAppend(&out_, value); }
  void Scalar(const std::string& value) { AppendJsonString(value, &out_); }
  void Scalar(const BigInteger& value) {
    StrAppend(&out_, "\"", value.text, "\",\"value_type\":\"number\"");
  }
  void Scalar(double value) {
    if (std::isfinite(value)) {
      out_ += ShortestDouble(value);
    } else {
      const char* name = std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
      StrAppend(&out_, "\"", name, "\",\"value_type\":\"number\"");
    }
  }

  template <class T>
  void Value(const std::unique_ptr<T>& node) {
    if (node == nullptr) {
      out_ += "null";
    } else {
      Write(*node);
    }
  }
  void Value(const std::string& text) { AppendJsonString(text, &out_); }
  void Value(const std::optional<std::string>& text) {
    if (text.has_value()) {
      AppendJsonString(*text, &out_);
    } else {
      out_ += "null";
    }
  }
  void Value(const ExprList& list) { Items(list); }
  void Value(const std::pair<ExprPtr, ExprPtr>& pair) {
    out_ += '[';
    Value(pair.first);
    out_ += ',';
    Value(pair.second);
    out_ += ']';
  }
  void Value(const TryCatchStatement::Catch& handler) {
    out_ += '[';
    Value(handler.variable);
    out_ += ',';
    Value(handler.type);
    out_ += ',';
    Value(handler.block);
    out_ += ']';
  }
  template <class T>
  void Items(const std::vector<T>& list) {
    out_ += '[';
    bool first = true;
    for (const T& item : list) {
      if (!first) out_ += ',';
      first = false;
      Value(item);
    }
    out_ += ']';
  }

  // ---- members ---------------------------------------------------------------------------
  void Flag(std::string_view name, bool value) {
    Key(name);
    Scalar(value);
  }
  template <class T>
  void List(std::string_view name, const std::vector<T>& list) {
    Key(name);
    Items(list);
  }
  template <class T>
  void Map(std::string_view name, const std::vector<std::pair<std::string, T>>& entries) {
    if (entries.empty()) return;
    Key(name);
    out_ += '{';
    bool first = true;
    for (const auto& [key, value] : entries) {
      if (!first) out_ += ',';
      first = false;
      AppendJsonString(key, &out_);
      out_ += ':';
      Value(value);
    }
    out_ += '}';
  }

  void Member(std::string_view name, bool value) {
    if (name == "is_sugar") return;
    if (value || IsMandatoryFlag(name)) Flag(name, value);
  }
  void Member(std::string_view name, int64_t value) {
    Key(name);
    Scalar(value);
  }
  void Member(std::string_view name, const std::string& text) {
    if (name == "join_type" && text.empty()) return;
    Text(name, text);
  }
  void Member(std::string_view name, const std::optional<std::string>& text) {
    if (text.has_value()) Text(name, *text);
  }
  void Member(std::string_view name, ArithmeticOp op) { Text(name, ArithmeticOpText(op)); }
  void Member(std::string_view name, CompareOp op) { Text(name, CompareOpText(op)); }
  void Member(std::string_view name, FrameMethod method) {
    if (method != FrameMethod::kNone) Text(name, method == FrameMethod::kRows ? "ROWS" : "RANGE");
  }
  void Member(std::string_view name, ArrayJoinOp op) {
    if (op == ArrayJoinOp::kArrayJoin) Text(name, "ARRAY JOIN");
    if (op == ArrayJoinOp::kLeftArrayJoin) Text(name, "LEFT ARRAY JOIN");
    if (op == ArrayJoinOp::kInnerArrayJoin) Text(name, "INNER ARRAY JOIN");
  }
  void Member(std::string_view name, GroupByMode mode) {
    if (mode == GroupByMode::kAll) Text(name, "all");
    if (mode == GroupByMode::kCube) Text(name, "cube");
    if (mode == GroupByMode::kRollup) Text(name, "rollup");
    if (mode == GroupByMode::kGroupingSets) Text(name, "grouping_sets");
  }
  template <class T>
  void Member(std::string_view name, const std::unique_ptr<T>& node) {
    if (node == nullptr) return;
    Key(name);
    Write(*node);
  }
  template <class T>
  void Member(std::string_view name, const std::vector<T>& list) {
    if (!list.empty() || IsMandatoryList(name)) List(name, list);
  }
  void Member(std::string_view name,
              const std::vector<std::pair<std::string, std::unique_ptr<WindowExpr>>>& windows) {
    Map(name, windows);
  }
  template <class T>
  void Member(std::string_view name, const std::optional<std::vector<T>>& list) {
    if (list.has_value()) List(name, *list);
  }

  std::string& out_;
};

}  // namespace

std::string TreeToJson(const Node& node) {
  std::string json;
  JsonWriter(&json).Write(node);
  return json;
}

void AppendJsonString(std::string_view text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(out, "\\u%04x", static_cast<int>(c));
        } else {
          *out += c;
        }
    }
  }
  *out += '"';
}

std::string ShortestDouble(double value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  std::string text(buffer, result.ptr);
  if (text.find_first_of(".eE") == std::string::npos) text += ".0";
  return text;
}

}  // namespace hoglet::hogql
