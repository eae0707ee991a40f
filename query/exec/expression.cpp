#include "query/exec/expression.h"

#include <algorithm>
#include <set>
#include <utility>

namespace hoglet {

struct CompiledExpression::Node {
  Expr::Kind kind;
  Type type;
  size_t column = 0;
  Vector constant;  // one row
  std::string name;
  std::shared_ptr<const ScalarFunction> function;
  std::vector<std::unique_ptr<Node>> arguments;
  size_t first_parameter = 0;
  size_t parameter_count = 0;
  bool has_lambda = false;
};

namespace {

using Node = CompiledExpression::Node;

// What an expression is evaluated over: a batch, and inside lambdas the parameters of the enclosing
// ones.
struct Frame {
  const Batch* batch = nullptr;
  size_t rows = 0;
  std::vector<Vector> parameters;
};

absl::StatusOr<Vector> EvaluateNode(EvalContext& context, const Node& node, const Frame& frame);

class BoundLambda final : public LambdaBody {
 public:
  BoundLambda(const Node& lambda, const Frame& outer) : lambda_(lambda), outer_(outer) {}

  absl::StatusOr<Vector> Evaluate(EvalContext& context, std::span<const Vector> parameters,
                                  const uint32_t* outer_rows, size_t rows) const override {
    const Node& body = *lambda_.arguments[0];
    Batch captured;
    captured.rows = rows;
    captured.columns.resize(outer_.batch->columns.size());
    Capture(body, outer_rows, rows, &captured);
    Frame frame{.batch = &captured, .rows = rows, .parameters = {}};
    for (const Vector& parameter : outer_.parameters)
      frame.parameters.push_back(parameter.Gather(outer_rows, rows));
    frame.parameters.resize(lambda_.first_parameter + lambda_.parameter_count);
    HOGLET_ASSERT(parameters.size() <= lambda_.parameter_count);
    for (size_t i = 0; i < parameters.size(); ++i)
      frame.parameters[lambda_.first_parameter + i] = parameters[i];
    return EvaluateNode(context, body, frame);
  }

 private:
  // Only columns that the body reads are spread over the elements.
  void Capture(const Node& node, const uint32_t* outer_rows, size_t rows, Batch* captured) const {
    if (node.kind == Expr::Kind::kColumn && captured->columns[node.column].size() == 0) {
      captured->columns[node.column] = outer_.batch->columns[node.column].Gather(outer_rows, rows);
    }
    for (const auto& argument : node.arguments) Capture(*argument, outer_rows, rows, captured);
  }

  const Node& lambda_;
  const Frame& outer_;
};

// The frame restricted to some rows, gathering only what `node` reads.
class SubFrame {
 public:
  SubFrame(const Node& node, const Frame& frame, const Selection& rows) {
    batch_.rows = rows.size();
    batch_.columns.resize(frame.batch->columns.size());
    Gather(node, frame, rows);
    frame_.batch = &batch_;
    frame_.rows = rows.size();
    for (const Vector& parameter : frame.parameters)
      frame_.parameters.push_back(parameter.Gather(rows));
  }
  const Frame& frame() const { return frame_; }

 private:
  void Gather(const Node& node, const Frame& frame, const Selection& rows) {
    if (node.kind == Expr::Kind::kColumn && batch_.columns[node.column].size() == 0) {
      batch_.columns[node.column] = frame.batch->columns[node.column].Gather(rows);
    }
    for (const auto& argument : node.arguments) Gather(*argument, frame, rows);
  }

  Batch batch_;
  Frame frame_;
};

bool IsLeaf(const Node& node) { return node.kind != Expr::Kind::kCall; }

// if / multiIf with branches that are worth computing only where they are wanted (or must not fail
// elsewhere): each branch runs on its own rows, then the pieces are put back in row order.
absl::StatusOr<Vector> EvaluateBranches(EvalContext& context, const Node& node,
                                        const Frame& frame) {
  std::vector<Vector> pieces;
  std::vector<uint32_t> source(frame.rows);
  uint32_t produced = 0;
  Selection rest(frame.rows);
  for (size_t i = 0; i < frame.rows; ++i) rest[i] = static_cast<uint16_t>(i);
  const auto take = [&](const Node& branch, const Selection& rows) -> absl::Status {
    if (rows.empty()) return absl::OkStatus();
    SubFrame sub(branch, frame, rows);
    HOGLET_ASSIGN_OR_RETURN(Vector piece, EvaluateNode(context, branch, sub.frame()));
    for (uint16_t row : rows) source[row] = produced++;
    pieces.push_back(std::move(piece));
    return absl::OkStatus();
  };
  for (size_t i = 0; i + 1 < node.arguments.size(); i += 2) {
    if (rest.empty()) break;
    SubFrame sub(*node.arguments[i], frame, rest);
    HOGLET_ASSIGN_OR_RETURN(Vector condition,
                            EvaluateNode(context, *node.arguments[i], sub.frame()));
    Selection hits;
    SelectTrue(condition, &hits);
    Selection taken;
    Selection left;
    size_t next = 0;
    for (size_t k = 0; k < rest.size(); ++k) {
      const bool hit = next < hits.size() && hits[next] == k;
      next += hit;
      (hit ? taken : left).push_back(rest[k]);
    }
    HOGLET_RETURN_IF_ERROR(take(*node.arguments[i + 1], taken));
    rest = std::move(left);
  }
  HOGLET_RETURN_IF_ERROR(take(*node.arguments.back(), rest));
  if (pieces.empty()) return Vector::Flat(node.type, 0);
  // Branches may differ in width or nullability; the function casts whole vectors, so only
  // identical physical types are joined here.
  Vector joined = Vector::Concat(pieces);
  Vector out = joined.Gather(source.data(), frame.rows);
  out.set_type(node.type);
  return out;
}

bool BranchesJoinable(const Node& node) {
  const bool conditional = node.name == "if" || node.name == "multiIf";
  if (!conditional || node.arguments.size() < 3 || node.arguments.size() % 2 == 0) return false;
  bool worth_it = false;
  for (size_t i = 1; i < node.arguments.size(); i += i + 2 < node.arguments.size() ? 2 : 1) {
    const Node& branch = *node.arguments[i];
    if (branch.type.NotNullable() != node.type.NotNullable()) return false;
    if (node.type.physical() == Physical::kArray || node.type.physical() == Physical::kTuple)
      return false;
    worth_it |= !IsLeaf(branch);
  }
  return worth_it;
}

absl::StatusOr<Vector> EvaluateCall(EvalContext& context, const Node& node, const Frame& frame) {
  if (frame.rows > 0 && frame.rows <= kVectorRowsMax && node.function->short_circuits() &&
      BranchesJoinable(node)) {
    return EvaluateBranches(context, node, frame);
  }
  std::vector<Vector> arguments(node.arguments.size());
  std::vector<std::unique_ptr<BoundLambda>> owned;
  std::vector<const LambdaBody*> lambdas(node.has_lambda ? node.arguments.size() : 0, nullptr);
  for (size_t i = 0; i < node.arguments.size(); ++i) {
    const Node& argument = *node.arguments[i];
    if (argument.kind == Expr::Kind::kLambda) {
      owned.push_back(std::make_unique<BoundLambda>(argument, frame));
      lambdas[i] = owned.back().get();
      continue;
    }
    HOGLET_ASSIGN_OR_RETURN(arguments[i], EvaluateNode(context, argument, frame));
  }
  if (lambdas.empty()) lambdas.resize(node.arguments.size(), nullptr);
  HOGLET_ASSIGN_OR_RETURN(Vector out,
                          node.function->Evaluate(context, arguments, lambdas, frame.rows));
  HOGLET_ASSERT(out.size() == frame.rows);
  return out;
}

absl::StatusOr<Vector> EvaluateNode(EvalContext& context, const Node& node, const Frame& frame) {
  switch (node.kind) {
    case Expr::Kind::kColumn:
      return frame.batch->columns[node.column];
    case Expr::Kind::kConstant:
      return node.constant.WithRows(frame.rows);
    case Expr::Kind::kParameter:
      HOGLET_ASSERT(node.column < frame.parameters.size());
      return frame.parameters[node.column];
    case Expr::Kind::kCall:
      return EvaluateCall(context, node, frame);
    default:
      return absl::InternalError("a lambda stands where a value is expected");
  }
}

std::unique_ptr<Node> Compile(const Expr& expr, std::set<size_t>* columns) {
  auto node = std::make_unique<Node>();
  node->kind = expr.kind;
  node->type = expr.type;
  node->column = expr.column;
  node->name = expr.name;
  node->function = expr.function;
  node->first_parameter = expr.first_parameter;
  node->parameter_count = expr.parameter_count;
  if (expr.kind == Expr::Kind::kConstant)
    node->constant = Vector::Constant(expr.type, expr.constant, 1);
  if (expr.kind == Expr::Kind::kColumn) columns->insert(expr.column);
  for (const auto& argument : expr.arguments) {
    node->has_lambda |= argument->kind == Expr::Kind::kLambda;
    node->arguments.push_back(Compile(*argument, columns));
  }
  return node;
}

}  // namespace

CompiledExpression::CompiledExpression(const Expr& expr) {
  std::set<size_t> columns;
  root_ = Compile(expr, &columns);
  columns_used_.assign(columns.begin(), columns.end());
}

CompiledExpression::~CompiledExpression() = default;
CompiledExpression::CompiledExpression(CompiledExpression&&) noexcept = default;
CompiledExpression& CompiledExpression::operator=(CompiledExpression&&) noexcept = default;

const Type& CompiledExpression::type() const { return root_->type; }

std::optional<size_t> CompiledExpression::column() const {
  if (root_->kind != Expr::Kind::kColumn) return std::nullopt;
  return root_->column;
}

const std::vector<size_t>& CompiledExpression::columns_used() const { return columns_used_; }

absl::StatusOr<Vector> CompiledExpression::Evaluate(EvalContext& context,
                                                    const Batch& batch) const {
  return EvaluateNode(context, *root_,
                      Frame{.batch = &batch, .rows = batch.rows, .parameters = {}});
}

void SelectTrue(const Vector& condition, Selection* rows) {
  rows->clear();
  const size_t count = condition.size();
  if (condition.type().physical() == Physical::kNone) return;
  HOGLET_ASSERT(condition.type().physical() == Physical::kU8);
  if (condition.is_constant()) {
    if (count == 0 || condition.IsNull(0) || condition.data<uint8_t>()[0] == 0) return;
    rows->resize(count);
    for (size_t i = 0; i < count; ++i) (*rows)[i] = static_cast<uint16_t>(i);
    return;
  }
  rows->resize(count);
  uint16_t* out = rows->data();
  size_t selected = 0;
  if (condition.form() == Vector::Form::kFlat && condition.validity() == nullptr) {
    const uint8_t* values = condition.data<uint8_t>();
    for (size_t i = 0; i < count; ++i) {
      out[selected] = static_cast<uint16_t>(i);
      selected += values[i] != 0;
    }
  } else {
    const VectorReader<uint8_t> reader(condition);
    for (size_t i = 0; i < count; ++i) {
      out[selected] = static_cast<uint16_t>(i);
      selected += reader.valid(i) && reader.at(i) != 0;
    }
  }
  rows->resize(selected);
}

std::vector<const Expr*> SplitConjuncts(const Expr& expr) {
  std::vector<const Expr*> out;
  if (expr.kind == Expr::Kind::kCall && expr.name == "and") {
    for (const auto& argument : expr.arguments) {
      for (const Expr* part : SplitConjuncts(*argument)) out.push_back(part);
    }
  } else {
    out.push_back(&expr);
  }
  return out;
}

Batch ConcatBatches(const std::vector<Batch>& batches, const std::vector<Type>& types) {
  Batch out;
  for (const Batch& batch : batches) out.rows += batch.rows;
  for (size_t c = 0; c < types.size(); ++c) {
    std::vector<Vector> parts;
    for (const Batch& batch : batches) {
      if (batch.rows > 0) parts.push_back(batch.columns[c]);
    }
    out.columns.push_back(parts.empty() ? Vector::Flat(types[c], 0) : Vector::Concat(parts));
  }
  return out;
}

}  // namespace hoglet
