// Hog programs: declarations, control flow, blocks.
#include "query/hogql/parser_impl.h"

namespace hoglet::hogql {

// The statements up to `closer`, which is left alone.
bool Parser::ParseDeclarations(TokenKind closer, std::vector<StatementPtr>* declarations) {
  while (!At(closer)) {
    StatementPtr statement;
    HOGQL_NEED(ParseDeclaration(&statement));
    if (statement != nullptr) declarations->push_back(std::move(statement));
  }
  return true;
}

bool Parser::ParseDeclaration(StatementPtr* statement) {
  if (!At(Keyword::kLet)) return ParseStatement(statement);
  HOGQL_TRY(declaration, ParseLet());
  *statement = std::move(declaration);
  return true;
}

std::unique_ptr<VariableDeclaration> Parser::ParseLet() {
  const TextPosition start = Start();
  auto declaration = std::make_unique<VariableDeclaration>();
  Take();
  HOGQL_TRY(name, ParseName("a name"));
  declaration->name = *std::move(name);
  if (Accept(TokenKind::kAssign)) {
    // `let a := b (c) := d` declares a and then assigns to (c).
    SplitScope scope;
    scope.bracket_depth = bracket_depth_;
    const Restored<SplitScope*> split(&split_, &scope);
    const Mark mark = Save();
    declaration->expr = ParseExpr();
    if (declaration->expr != nullptr && At(TokenKind::kAssign) && scope.last != kNowhere) {
      Restore(mark);
      scope.stop = scope.last;
      declaration->expr = ParseExpr();
    }
    HOGQL_NEED(declaration->expr);
  }
  return Finish(std::move(declaration), start);
}

bool Parser::ParseStatement(StatementPtr* statement) {
  const Nest nest(this);
  HOGQL_NEED(nest);
  if (Accept(TokenKind::kSemicolon)) return true;
  if (At(TokenKind::kLeftBrace)) return ParseBraceStatement(statement);
  const Mark mark = Save();
  switch (Peek().keyword) {
    case Keyword::kReturn:
      if (At(TokenKind::kAssign, 1)) break;
      return ParseReturn(statement);
    case Keyword::kThrow:
      return ParseReturn(statement);
    case Keyword::kTry:
      return ParseTry(statement);
    case Keyword::kWhile:
      return ParseWhile(statement);
    case Keyword::kFn:
    case Keyword::kFun:
      return ParseFunction(statement);
    // IF and FOR are names too: without what must follow them they are calls.
    case Keyword::kIf:
      if (!At(TokenKind::kLeftParen, 1)) break;
      if (ParseIf(statement)) return true;
      Restore(mark);
      break;
    case Keyword::kFor:
      if (!At(TokenKind::kLeftParen, 1)) break;
      if (ParseFor(statement)) return true;
      Restore(mark);
      break;
    default:
      break;
  }
  return ParseExprStatement(statement);
}

std::unique_ptr<Block> Parser::ParseBlock() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const Bracket bracket(this);
  const Restored<bool> in_bound(&in_between_bound_, false);
  const TextPosition start = Start();
  auto block = std::make_unique<Block>();
  HOGQL_NEED(Expect(TokenKind::kLeftBrace) &&
             ParseDeclarations(TokenKind::kRightBrace, &block->declarations) &&
             Expect(TokenKind::kRightBrace));
  return Finish(std::move(block), start);
}

// A block; or, when that leads nowhere, an expression that begins with a dict or placeholder.
bool Parser::ParseBraceStatement(StatementPtr* statement) {
  const Mark mark = Save();
  if (std::unique_ptr<Block> block = ParseBlock()) {
    bool expression_goes_on = false;
    switch (Peek().kind) {
      case TokenKind::kDot:
      case TokenKind::kNullProperty:
      case TokenKind::kAssign:
      case TokenKind::kDoubleColon:
        expression_goes_on = true;
        break;
      case TokenKind::kLeftParen: {
        // `{a} (b)` is a block and an expression, `{a}()` only a call.
        const Mark after_block = Save();
        StatementPtr next;
        expression_goes_on = !ParseStatement(&next) || At(TokenKind::kAssign);
        Restore(after_block);
        break;
      }
      case TokenKind::kEnd:
      case TokenKind::kSemicolon:
        break;
      default:
        expression_goes_on = Peek().kind != TokenKind::kIdentifier && !CanStartOperand(Peek()) &&
                             !At(TokenKind::kRightBrace);
        break;
    }
    if (!expression_goes_on) {
      *statement = std::move(block);
      return true;
    }
  }
  Restore(mark);
  return ParseExprStatement(statement);
}

NodePtr Parser::ParseAssignmentOrExpr() {
  const TextPosition start = Start();
  ExprPtr left;
  {
    const Restored<int> assignment(&assignment_depth_, bracket_depth_);
    left = ParseExpr();
    HOGQL_NEED(left);
  }
  if (!Accept(TokenKind::kAssign)) return left;
  auto assignment = std::make_unique<VariableAssignment>();
  assignment->left = std::move(left);
  {
    const Restored<int> chained(&assignment_depth_, bracket_depth_);
    assignment->right = ParseExpr();
  }
  HOGQL_NEED(assignment->right);
  return Finish(std::move(assignment), start);
}

bool Parser::ParseExprStatement(StatementPtr* statement) {
  const TextPosition start = Start();
  // Statements need no separator, so what was read as one may have been two: `a := (b) (c) := (d)`.
  SplitScope scope;
  scope.bracket_depth = bracket_depth_;
  const Restored<SplitScope*> split(&split_, &scope);
  const Mark mark = Save();
  NodePtr node = ParseAssignmentOrExpr();
  if (node != nullptr && At(TokenKind::kAssign) && scope.last != kNowhere) {
    Restore(mark);
    scope.stop = scope.last;
    node = ParseAssignmentOrExpr();
  }
  HOGQL_NEED(node);
  Accept(TokenKind::kSemicolon);
  if (node->kind == NodeKind::kVariableAssignment) {
    statement->reset(static_cast<Statement*>(node.release()));
    return true;
  }
  auto wrapped = std::make_unique<ExprStatement>();
  wrapped->expr.reset(static_cast<Expr*>(node.release()));
  *statement = Finish(std::move(wrapped), start);
  return true;
}

// RETURN and THROW.
bool Parser::ParseReturn(StatementPtr* statement) {
  const TextPosition start = Start();
  const bool is_return = Take().keyword == Keyword::kReturn;
  ExprPtr expr;
  const Mark mark = Save();
  if (!is_return || CanStartOperand(Peek())) {
    SplitScope scope;
    scope.bracket_depth = bracket_depth_;
    const Restored<SplitScope*> split(&split_, &scope);
    const Restored<int> assignment(&assignment_depth_, bracket_depth_);
    expr = ParseExpr();
    if (expr != nullptr && At(TokenKind::kAssign)) {
      // The assignment is a statement of its own, of the last part or of all that was read.
      Restore(mark);
      expr = nullptr;
      if (scope.last != kNowhere) {
        scope.stop = scope.last;
        expr = ParseExpr();
      }
      HOGQL_NEED(is_return || expr);
    } else if (expr == nullptr) {
      return false;
    }
  }
  Accept(TokenKind::kSemicolon);
  if (is_return) {
    auto node = std::make_unique<ReturnStatement>();
    node->expr = std::move(expr);
    *statement = Finish(std::move(node), start);
  } else {
    auto node = std::make_unique<ThrowStatement>();
    node->expr = std::move(expr);
    *statement = Finish(std::move(node), start);
  }
  return true;
}

bool Parser::ParseIf(StatementPtr* statement) {
  const TextPosition start = Start();
  auto node = std::make_unique<IfStatement>();
  Take();
  {
    const Bracket bracket(this);
    Take();
    node->expr = ParseExpr();
    HOGQL_NEED(node->expr && Expect(TokenKind::kRightParen));
  }
  HOGQL_NEED(ParseStatement(&node->then_branch));
  if (At(Keyword::kElse)) {
    const Mark mark = Save();
    Take();
    if (!ParseStatement(&node->else_branch)) {
      Restore(mark);
      node->else_branch = nullptr;
    }
  }
  *statement = Finish(std::move(node), start);
  return true;
}

bool Parser::ParseWhile(StatementPtr* statement) {
  const TextPosition start = Start();
  auto node = std::make_unique<WhileStatement>();
  Take();
  HOGQL_NEED(Expect(TokenKind::kLeftParen));
  {
    const Bracket bracket(this);
    node->expr = ParseExpr();
    HOGQL_NEED(node->expr && Expect(TokenKind::kRightParen));
  }
  HOGQL_NEED(ParseStatement(&node->body));
  Accept(TokenKind::kSemicolon);
  *statement = Finish(std::move(node), start);
  return true;
}

bool Parser::ParseFor(StatementPtr* statement) {
  const TextPosition start = Start();
  Take();
  {
    const Mark mark = Save();
    if (At(Keyword::kLet, 1) && (At(Keyword::kIn, 3) || At(TokenKind::kComma, 3))) {
      if (ParseForIn(statement, start)) return true;
      Restore(mark);
    }
  }
  auto node = std::make_unique<ForStatement>();
  Take();
  {
    const Bracket bracket(this);
    if (At(Keyword::kLet)) {
      node->initializer = ParseLet();
      HOGQL_NEED(node->initializer);
    } else if (!At(TokenKind::kSemicolon)) {
      node->initializer = ParseAssignmentOrExpr();
      HOGQL_NEED(node->initializer);
    }
    HOGQL_NEED(Expect(TokenKind::kSemicolon));
    if (!At(TokenKind::kSemicolon)) {
      node->condition = ParseExpr();
      HOGQL_NEED(node->condition);
    }
    HOGQL_NEED(Expect(TokenKind::kSemicolon));
    if (!At(TokenKind::kRightParen)) {
      node->increment = ParseAssignmentOrExpr();
      HOGQL_NEED(node->increment);
    }
    HOGQL_NEED(Expect(TokenKind::kRightParen));
  }
  HOGQL_NEED(ParseStatement(&node->body));
  Accept(TokenKind::kSemicolon);
  *statement = Finish(std::move(node), start);
  return true;
}

// At the parenthesis of `for (let [key,] value in expr) statement`.
bool Parser::ParseForIn(StatementPtr* statement, TextPosition start) {
  auto node = std::make_unique<ForInStatement>();
  Take();
  Take();
  {
    const Bracket bracket(this);
    HOGQL_TRY(first, ParseName("a name"));
    node->value_var = *std::move(first);
    if (Accept(TokenKind::kComma)) {
      HOGQL_TRY(second, ParseName("a name"));
      node->key_var = std::move(node->value_var);
      node->value_var = *std::move(second);
    }
    HOGQL_NEED(Expect(Keyword::kIn));
    node->expr = ParseExpr();
    HOGQL_NEED(node->expr && Expect(TokenKind::kRightParen));
  }
  HOGQL_NEED(ParseStatement(&node->body));
  Accept(TokenKind::kSemicolon);
  *statement = Finish(std::move(node), start);
  return true;
}

bool Parser::ParseFunction(StatementPtr* statement) {
  const TextPosition start = Start();
  auto node = std::make_unique<Function>();
  Take();
  HOGQL_TRY(name, ParseName("a name"));
  node->name = *std::move(name);
  HOGQL_NEED(Expect(TokenKind::kLeftParen) &&
             ParseNames(TokenKind::kRightParen, &node->params, /*allow_empty=*/true));
  HOGQL_TRY(body, ParseBlock());
  node->body = std::move(body);
  *statement = Finish(std::move(node), start);
  return true;
}

bool Parser::ParseTry(StatementPtr* statement) {
  const TextPosition start = Start();
  auto node = std::make_unique<TryCatchStatement>();
  Take();
  node->try_block = ParseBlock();
  HOGQL_NEED(node->try_block);
  while (At(Keyword::kCatch)) HOGQL_NEED(ParseCatch(node.get()));
  if (Accept(Keyword::kFinally)) {
    node->finally_block = ParseBlock();
    HOGQL_NEED(node->finally_block);
  }
  *statement = Finish(std::move(node), start);
  return true;
}

bool Parser::ParseCatch(TryCatchStatement* statement) {
  Take();
  TryCatchStatement::Catch handler;
  if (Accept(TokenKind::kLeftParen)) {
    HOGQL_TRY(variable, ParseName("a name"));
    handler.variable = *std::move(variable);
    if (Accept(TokenKind::kColon)) {
      HOGQL_TRY(type, ParseName("a type of error"));
      handler.type = *std::move(type);
    }
    HOGQL_NEED(Expect(TokenKind::kRightParen));
  }
  handler.block = ParseBlock();
  HOGQL_NEED(handler.block);
  statement->catches.push_back(std::move(handler));
  return true;
}

}  // namespace hoglet::hogql
