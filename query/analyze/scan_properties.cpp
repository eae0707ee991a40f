#include <algorithm>

#include "query/analyze/logical_op.h"

// Properties read of a whole JSON document become columns of the scan that gives the document,
// which is far cheaper than to rebuild and parse it: `select properties.x from (select properties
// from events)`, JSONExtractString(properties, 'x').

namespace hoglet::analysis {
namespace {

// The scan whose column `symbol` is, if every operator between hands all columns on.
Op* ScanOf(Op* op, SymbolId symbol) {
  switch (op->kind) {
    case Op::Kind::kScan:
      for (const auto& [id, column] : op->scan_columns) {
        if (id == symbol) return op;
      }
      return nullptr;
    case Op::Kind::kSource:
    case Op::Kind::kFilter:
    case Op::Kind::kExtend:
    case Op::Kind::kSort:
    case Op::Kind::kLimit:
    case Op::Kind::kLimitBy:
    case Op::Kind::kArrayJoin:
    case Op::Kind::kWindow:
      return ScanOf(op->inputs[0].get(), symbol);
    case Op::Kind::kJoin: {
      Op* left = ScanOf(op->inputs[0].get(), symbol);
      // Unmatched rows of an outer join read the document as '', its properties as NULL: the same.
      return left != nullptr ? left : ScanOf(op->inputs[1].get(), symbol);
    }
    default:
      return nullptr;
  }
}

class PropertyReader {
 public:
  PropertyReader(Op* below, Symbols* symbols, ExprBuilder* builder)
      : below_(below), symbols_(symbols), builder_(builder) {}

  void Rewrite(ExprPtr* expr) {
    if (ExprPtr text = WholePath(**expr)) {
      *expr = std::move(text);
      return;
    }
    if (ExprPtr extracted = Extracted(**expr)) {
      *expr = std::move(extracted);
      return;
    }
    for (ExprPtr& argument : (*expr)->arguments) Rewrite(&argument);
  }

 private:
  static const Expr* CallOf(const Expr& expr, std::string_view name) {
    return expr.kind == Expr::Kind::kCall && expr.name == name ? &expr : nullptr;
  }

  // replaceRegexpAll(nullIf(nullIf(JSONExtractRaw(document, key), ''), 'null'), ...): what
  // properties.key reads as.
  ExprPtr WholePath(const Expr& expr) {
    const Expr* replace = CallOf(expr, "replaceRegexpAll");
    if (replace == nullptr || replace->arguments.size() != 3) return nullptr;
    const std::string* pattern = ConstantText(*replace->arguments[1]);
    if (pattern == nullptr || *pattern != "^\"|\"$") return nullptr;
    const Expr* outer = CallOf(*replace->arguments[0], "nullIf");
    const Expr* inner = outer == nullptr ? nullptr : CallOf(*outer->arguments[0], "nullIf");
    const Expr* raw = inner == nullptr ? nullptr : CallOf(*inner->arguments[0], "JSONExtractRaw");
    if (raw == nullptr || raw->arguments.size() != 2) return nullptr;
    return Column(*raw->arguments[0], *raw->arguments[1], ColumnRef::Json::kText);
  }

  // JSONExtractString(document, key, ...) and the like, as the same function of the key's JSON
  // text; absent keys read as the function's default. Null if the call is no such one.
  ExprPtr Extracted(const Expr& expr) {
    static constexpr std::string_view kNames[] = {
        "JSONExtractString", "JSONExtractRaw",  "JSONExtractInt", "JSONExtractUInt",
        "JSONExtractFloat",  "JSONExtractBool", "JSONHas",        "JSONLength"};
    if (expr.kind != Expr::Kind::kCall || expr.arguments.size() < 2 || expr.type.nullable())
      return nullptr;
    if (std::find(std::begin(kNames), std::end(kNames), expr.name) == std::end(kNames))
      return nullptr;
    ExprPtr raw = Column(*expr.arguments[0], *expr.arguments[1], ColumnRef::Json::kRaw);
    if (raw == nullptr) return nullptr;
    absl::StatusOr<ExprPtr> value = raw->Clone();
    if (expr.name == "JSONHas" && expr.arguments.size() == 2) {
      value = builder_->Call("isNotNull", ExprList(std::move(raw)));
    } else if (expr.name != "JSONExtractRaw" || expr.arguments.size() > 2) {
      std::vector<ExprPtr> arguments = ExprList(std::move(raw));
      for (size_t i = 2; i < expr.arguments.size(); ++i) {
        arguments.push_back(expr.arguments[i]->Clone());
        Rewrite(&arguments.back());
      }
      value = builder_->Call(expr.name, std::move(arguments));
    }
    if (value.ok() && (*value)->type.nullable()) {
      const bool text = expr.type.IsStringLike();
      ExprPtr absent =
          text ? StringLiteral("")
               : Expr::Constant(expr.type.IsFloat() ? Datum(0.0) : Datum(int64_t{0}), expr.type);
      value = builder_->Call("ifNull", ExprList(*std::move(value), std::move(absent)));
    }
    return value.ok() && (*value)->type == expr.type ? *std::move(value) : nullptr;
  }

  ExprPtr Column(const Expr& document, const Expr& key_expr, ColumnRef::Json form) {
    const std::string* key = ConstantText(key_expr);
    if (document.kind != Expr::Kind::kColumn || key == nullptr || key->empty()) return nullptr;
    Op* scan = ScanOf(below_, document.column);
    if (scan == nullptr) return nullptr;
    ColumnRef wanted{"", *key, form};
    for (const auto& [id, column] : scan->scan_columns) {
      if (id == document.column && column.key.empty()) wanted.name = column.name;
    }
    if (wanted.name.empty() || !(*symbols_)[document.column].json) return nullptr;
    for (const auto& [id, column] : scan->scan_columns) {
      if (column == wanted) return symbols_->Reference(id);
    }
    const SymbolId id = symbols_->Add(*key, Type(TypeKind::kString).Nullable());
    scan->scan_columns.emplace_back(id, std::move(wanted));
    return symbols_->Reference(id);
  }

  Op* below_;
  Symbols* symbols_;
  ExprBuilder* builder_;
};

}  // namespace

void ReadPropertiesAtScans(Op* op, Symbols* symbols, ExprBuilder* builder) {
  if (op->inputs.size() == 1) {
    PropertyReader reader(op->inputs[0].get(), symbols, builder);
    if (op->predicate != nullptr) reader.Rewrite(&op->predicate);
    for (auto& [symbol, expr] : op->definitions) reader.Rewrite(&expr);
  }
  for (const OpPtr& input : op->inputs) ReadPropertiesAtScans(input.get(), symbols, builder);
}

}  // namespace hoglet::analysis
