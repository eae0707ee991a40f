// The recursive-descent parser behind parser.h. Internal to query/hogql; one parser reads one text.
//
// How it fails: a function that cannot go on records what it expected (Expected) and returns null,
// false or nullopt. The error shown is the one furthest into the text, whichever attempt met it.
// Errors of the builder kind (Defer) do not stop parsing, since an error of grammar anywhere in the
// text outranks them. Limits of nesting, size and effort are fatal: from then on every token reads
// as an error, so that all attempts end quickly.
//
// How it chooses: HogQL lets most keywords be names, so several places try one reading and return
// to a Mark for the next. The work is bounded by a budget of steps.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/hogql/ast.h"
#include "query/hogql/lexer.h"
#include "query/hogql/parser.h"

namespace hoglet::hogql {

// Returns the "nothing" of the enclosing function when `expression` is null, false or nullopt.
#define HOGQL_TRY(name, expression) \
  auto name = (expression);         \
  if (!name) return {               \
    }
#define HOGQL_NEED(expression) \
  if (!(expression)) return {  \
    }

// Binding strength of operators, loosest first.
enum class Level : int {
  kTernary,
  kOr,
  kAnd,
  kNot,
  kBetween,
  kNullish,
  kIsNull,
  kCompare,
  kAdd,
  kMultiply,
  kNegate,
  kPostfix,
};

// The clauses of a SELECT in the order in which they are written.
enum class Clause : int {
  kFrom,
  kArrayJoin,
  kPrewhere,
  kWhere,
  kSample,
  kGroupBy,
  kHaving,
  kQualify,
  kLateSample,
  kWindow,
  kOrderBy,
  kLimit,
  kSettings,
};

class Parser {
 public:
  explicit Parser(std::string_view text);

  // Entry points: null on failure, and GrammarError has the reason. When a tree is returned, the
  // text may still be refused for DeferredError.
  ExprPtr ParseWholeQuery();
  ExprPtr ParseWholeExpr();
  std::unique_ptr<OrderExpr> ParseOrderPrefix();
  ExprPtr ParseWholeTemplate();
  std::unique_ptr<Program> ParseWholeProgram();

  ParseError GrammarError() const;
  std::optional<ParseError> DeferredError() const;

 private:
  // ---- parser_impl.cpp: tokens, errors, nodes ------------------------------------------------
  struct Mark {
    size_t index;
    size_t deferred_count;
    TextPosition last_end;
  };
  // Where an expression could have ended earlier than it greedily did: at an operator that could
  // also begin the next item. `stop` makes the expression end there on a second reading.
  struct SplitScope {
    bool percent = false;  // LIMIT n %; otherwise the start of the next statement.
    int bracket_depth = 0;
    size_t last = kNowhere;
    size_t stop = kNowhere;
  };
  static constexpr size_t kNowhere = static_cast<size_t>(-1);

  // Counts a level of nesting for as long as it lives.
  class Nest {
   public:
    explicit Nest(Parser* parser);
    ~Nest() { --parser_.depth_; }
    explicit operator bool() const { return ok_; }

   private:
    Parser& parser_;
    bool ok_;
  };
  // Inside brackets of any kind.
  class Bracket {
   public:
    explicit Bracket(Parser* parser) : parser_(*parser) { ++parser_.bracket_depth_; }
    ~Bracket() { --parser_.bracket_depth_; }

   private:
    Parser& parser_;
  };
  // Sets a variable for as long as it lives.
  template <class T>
  class Restored {
   public:
    Restored(T* variable, T value) : variable_(*variable), before_(*variable) { variable_ = value; }
    ~Restored() { variable_ = before_; }

   private:
    T& variable_;
    T before_;
  };

  Token Peek(size_t ahead = 0);
  bool At(TokenKind kind, size_t ahead = 0) { return Peek(ahead).kind == kind; }
  bool At(Keyword keyword, size_t ahead = 0) { return Peek(ahead).keyword == keyword; }
  bool AtName(size_t ahead = 0);  // An identifier that may be a name, quoted or not.
  Token Take();
  bool Accept(TokenKind kind);
  bool Accept(Keyword keyword);
  bool Accept(Keyword first, Keyword second);
  bool Expect(TokenKind kind);
  bool Expect(Keyword keyword);
  void Expected(std::string_view what);
  void ExpectedAt(const Token& token, std::string_view what);
  Mark Save() const { return {index_, deferred_.size(), last_end_}; }
  void Restore(const Mark& mark);
  // The tokens after the last taken one are read again from `position`.
  void ResumeAt(TextPosition position);
  void Defer(ParseErrorClass error_class, std::string message, SourceSpan span = {});
  void Fatal(std::string message);
  bool CanStartOperand(const Token& token) const;
  std::string_view TextOf(const Token& token) const { return lexer_.Text(token); }
  std::string NameOf(const Token& token) const;
  std::optional<std::string> ParseName(std::string_view what);
  // Names separated by commas up to and including `closer`.
  bool ParseNames(TokenKind closer, std::vector<std::string>* names, bool allow_empty);
  TextPosition Start() { return Peek().begin; }
  template <class T>
  std::unique_ptr<T> Finish(std::unique_ptr<T> node, TextPosition start) {
    FinishNode(node.get(), start);
    return node;
  }
  void FinishNode(Node* node, TextPosition start);
  std::string DescribeFound(const Token& token) const;

  // ---- parse_expr.cpp: operators ---------------------------------------------------------------
  ExprPtr ParseExpr();       // Any expression, aliases included.
  ExprPtr ParseUnaliased();  // Any expression without AS at the end.
  ExprPtr ParseBinary(Level min);
  ExprPtr ParsePrefix();
  ExprPtr ParseNot();
  ExprPtr ParseNegation();
  // Reads operators after `left` while they bind at least as tightly as `min`.
  ExprPtr ParseOperators(ExprPtr left, Level min, TextPosition start);
  // One step: nullopt when no operator follows, a null pointer on failure.
  std::optional<ExprPtr> ParseOperator(ExprPtr* left, Level min, TextPosition start);
  std::optional<ExprPtr> ParseKeywordOperator(ExprPtr* left, Level min, TextPosition start);
  std::optional<ExprPtr> ParsePostfix(ExprPtr* left, TextPosition start);
  ExprPtr ParseArithmetic(ExprPtr left, ArithmeticOp op, Level level, TextPosition start);
  ExprPtr ParseCompare(ExprPtr left, CompareOp op, TextPosition start);
  ExprPtr ParseIn(ExprPtr left, bool negated, TextPosition start);
  ExprPtr ParseConcat(ExprPtr left, TextPosition start);
  ExprPtr ParseIs(ExprPtr left, TextPosition start);
  ExprPtr ParseBetween(ExprPtr left, bool negated, TextPosition start);
  ExprPtr ParseTernary(ExprPtr left, TextPosition start);
  template <class T>
  ExprPtr ParseLogical(ExprPtr left, Keyword keyword, Level level, TextPosition start);
  ExprPtr ParseDot(ExprPtr left, bool nullish, TextPosition start);
  ExprPtr ParseIndex(ExprPtr left, bool nullish, TextPosition start);
  ExprPtr ParseCallOf(ExprPtr callee, TextPosition start);
  ExprPtr ParseCastSuffix(ExprPtr left, TextPosition start);
  // Does the token `ahead` end the expression because a SplitScope says so? Else it is remembered.
  bool SplitsHere(size_t ahead = 0);
  bool ParseAliasName(std::string* alias);
  void CheckAlias(const Token& token);
  bool ParseExprsUntil(TokenKind closer, ExprList* list);  // May be empty; takes the closer.
  bool ParseSomeExprsUntil(TokenKind closer, ExprList* list);
  bool ParseOpenList(ExprList* list);  // No closer; a trailing comma is allowed.
  std::unique_ptr<Call> MakeSugar(std::string name, ExprList args, TextPosition start);
  template <class... Args>
  std::unique_ptr<Call> Sugar(TextPosition start, std::string name, Args... args) {
    ExprList list;
    (list.push_back(std::move(args)), ...);
    return MakeSugar(std::move(name), std::move(list), start);
  }

  // ---- parse_primary.cpp: operands
  // ---------------------------------------------------------------
  ExprPtr ParsePrimary();
  ExprPtr ParseWord();
  // A construct that begins with a keyword. Nullopt when the keyword is a mere name here.
  std::optional<ExprPtr> ParseKeywordConstruct(const Token& word);
  ExprPtr ParseField();
  ExprPtr ParseCase();
  ExprPtr ParseSearchedCase(ExprPtr subject, TextPosition start);
  ExprPtr ParseAsterisk();
  bool ParseExclude(std::vector<std::string>* exclude);
  bool ParseReplace(std::vector<std::pair<std::string, ExprPtr>>* replace);
  ExprPtr ParseParen();
  ExprPtr ParseParenQuery(TextPosition start);
  ExprPtr ParseReplacedAsterisk(TextPosition start);
  ExprPtr ParseBrace();
  ExprPtr ParseArray();
  ExprPtr ParseColumns();
  ExprPtr ParseColumnsReplaced(TextPosition start);
  bool IsLambdaAhead();
  bool IsParenLambdaAhead();
  ExprPtr ParseLambda();
  bool IsKeywordLambdaAhead();
  ExprPtr ParseLambdaBody(std::unique_ptr<Lambda> lambda, TextPosition start);
  ExprPtr ParseNamedArgument();
  void RejectAsBound(const Node& node);
  // May a text that did not parse as a query, though SELECT or WITH is here, be something else?
  bool QueryWordMayBeName();

  // ---- parse_call.cpp: calls, casts, windows
  // -----------------------------------------------------
  struct Arguments {
    ExprList exprs;
    OrderList order_by;
    bool distinct = false;
  };
  ExprPtr ParseCall();
  std::optional<Arguments> ParseArguments();
  bool FinishArguments(Arguments* arguments);
  ExprPtr ParseCallTail(std::string name, Arguments first, TextPosition start);
  bool ParseFilter(ExprPtr* filter);
  ExprPtr ParseQueryCall(TextPosition start);
  ExprPtr ParseWindowCall(const std::string& name, Arguments* first,
                          std::optional<Arguments>* second, TextPosition start);
  ExprPtr ParseCastLike(Keyword keyword);
  ExprPtr ParseCastType(Keyword keyword, ExprPtr* expr, TextPosition start);
  ExprPtr ParseTrim();
  std::unique_ptr<WindowExpr> ParseWindow();
  bool ParseFrame(WindowExpr* window);
  std::unique_ptr<WindowFrameExpr> ParseFrameBound();
  std::optional<std::string> ParseType();
  std::optional<std::string> ParseTypeArguments();
  std::optional<std::string> ParseTypeArgument();

  // ---- parse_literal.cpp
  // -------------------------------------------------------------------------
  bool AtNumber(size_t ahead = 0);
  ExprPtr ParseNumber();
  bool AtUnsignedNumber(size_t ahead);
  // Of a decimal, hexadecimal or binary token.
  ConstantValue IntegerValue(const Token& token, bool negative) const;
  std::optional<ConstantValue> ParseNumberValue(bool negative);
  // Does `1.` end at its dot, rather than going on with the name after it?
  bool DotEndsNumber();
  ExprPtr ParseString();
  ExprPtr ParseTemplateString();
  ExprPtr ParseTemplateParts(TextPosition from, bool full_template, TextPosition start);
  bool AtUnit(size_t ahead = 0);
  ExprPtr ParseInterval();
  ExprPtr MakeTextInterval(const std::string& text, TextPosition start);

  // ---- parse_tag.cpp
  // -----------------------------------------------------------------------------
  bool AtTag();
  ExprPtr ParseTag();
  std::unique_ptr<HogQLXTag> ParseTagFrom(TextPosition open, TextPosition* end);
  std::unique_ptr<HogQLXAttribute> ParseTagAttribute(const Token& name, TextPosition* end);
  std::optional<ExprList> ParseTagChildren(const std::string& kind, TextPosition* position);
  ExprPtr ParseBracedExpr(TextPosition brace, TextPosition* end);

  // ---- parse_select.cpp
  // --------------------------------------------------------------------------
  ExprPtr ParseSetQuery();
  ExprPtr ParseSetQueryRest(ExprPtr first, TextPosition start);
  bool AtSetQueryRest();
  ExprPtr ParseSetOperand();
  bool ParseSetOperator(SelectSetNode* node);
  bool ParseSetTail(ExprPtr* query);
  bool ParseWith(CTEList* ctes);
  std::unique_ptr<CTE> ParseCTE(bool recursive);
  std::unique_ptr<CTE> ParseNamedCTE();
  ExprPtr ParseSelect(CTEList ctes, TextPosition start);
  ExprPtr ParseColumn();
  bool ParseColumns(SelectQuery* query, bool* clauses_done);
  bool ParseGroupByList(SelectQuery* query, bool* clauses_done);
  // After a comma, at a clause keyword: reads the rest of the SELECT as clauses, if that works out.
  bool TryClausesAfterComma(SelectQuery* query, Clause first);
  bool AtClauseKeyword(Clause first);
  bool ParseClauses(SelectQuery* query, Clause first);
  bool ParseClause(SelectQuery* query, Clause clause, bool* clauses_done);
  bool ParseSampleClause(bool needs_using);
  bool ParseArrayJoin(SelectQuery* query);
  bool ParseGroupBy(SelectQuery* query, bool* clauses_done);
  bool TryGroupByMode(SelectQuery* query);
  bool ParseGroupingSets(SelectQuery* query);
  bool ParseGroupBySuffix();
  bool ParseWindowClause(SelectQuery* query);
  bool ParseOrderBy(SelectQuery* query);
  bool ParseOrders(OrderList* orders);
  std::unique_ptr<OrderExpr> ParseOrder();
  std::unique_ptr<WithFillExpr> ParseWithFill();
  bool ParseInterpolate(SelectQuery* query);
  struct LimitParts {
    ExprPtr limit;
    ExprPtr offset;
    bool percent = false;
    bool with_ties = false;
  };
  bool ParseLimit(SelectQuery* query);
  bool ParseLimitTail(LimitParts* parts);
  bool ParseLimitCount(LimitParts* parts);
  bool AtLimitFollower();
  bool ParseSettings();
  bool AtSelectEnd();

  // ---- parse_join.cpp
  // ----------------------------------------------------------------------------
  std::unique_ptr<JoinExpr> ParseJoin();
  std::unique_ptr<JoinExpr> ParseJoinRest(std::unique_ptr<JoinExpr> left, TextPosition start);
  // The words up to and including JOIN, canonical; nullopt when no join follows. Sets `*failed`.
  std::optional<std::string> ParseJoinWords(bool* failed);
  bool ParseJoinConstraint(JoinExpr* right);
  std::unique_ptr<JoinExpr> ParseJoinOperand();
  std::unique_ptr<JoinExpr> ParseTableSuffixes(std::unique_ptr<JoinExpr> table, TextPosition start,
                                               bool joined);
  // `*joined` tells a join in parentheses, which takes no alias.
  std::unique_ptr<JoinExpr> ParseTable(bool* joined);
  std::unique_ptr<JoinExpr> ParseTableParen(bool* joined);
  // After the opening parenthesis; leaves the closing one. The result is a JoinExpr (a join) or a
  // query or VALUES.
  ExprPtr ParseTableParenContent();
  ExprPtr ContinueParenContent(ExprPtr inner, TextPosition start);
  ExprPtr ParseValues();
  std::unique_ptr<SampleExpr> ParseSample();
  ExprPtr ParseRatio();
  std::unique_ptr<Constant> ParseRatioNumber();
  bool ParseTableAlias(JoinExpr* table);
  ExprPtr ParsePivot(ExprPtr table, TextPosition start);
  ExprPtr ParseUnpivot(ExprPtr table, TextPosition start);
  // `column IN (values)`, where the column may itself contain IN.
  bool ParsePivotIn(ExprPtr* column, ExprList* values);
  ExprPtr ParseTupleOrOne(Keyword follower);

  // ---- parse_statement.cpp
  // -----------------------------------------------------------------------
  bool ParseDeclarations(TokenKind closer, std::vector<StatementPtr>* declarations);
  // A statement; an empty one leaves `*statement` null.
  bool ParseStatement(StatementPtr* statement);
  bool ParseDeclaration(StatementPtr* statement);
  std::unique_ptr<VariableDeclaration> ParseLet();
  std::unique_ptr<Block> ParseBlock();
  bool ParseBraceStatement(StatementPtr* statement);
  bool ParseExprStatement(StatementPtr* statement);
  NodePtr ParseAssignmentOrExpr();
  bool ParseReturn(StatementPtr* statement);
  bool ParseIf(StatementPtr* statement);
  bool ParseWhile(StatementPtr* statement);
  bool ParseFor(StatementPtr* statement);
  bool ParseForIn(StatementPtr* statement, TextPosition start);
  bool ParseFunction(StatementPtr* statement);
  bool ParseTry(StatementPtr* statement);
  bool ParseCatch(TryCatchStatement* statement);

  Lexer lexer_;
  std::vector<Token> tokens_;
  size_t index_ = 0;
  // Indexes of tokens after which tokens were read from another mode's end.
  std::vector<size_t> modal_;
  TextPosition last_end_;  // Of the last token taken.

  int depth_ = 0;
  int bracket_depth_ = 0;
  bool in_between_bound_ = false;
  SplitScope* split_ = nullptr;
  // Token indexes in [first, second) start no list of names followed by an arrow.
  std::pair<size_t, size_t> no_lambda_{0, 0};
  // At this bracket depth `name :=` is an assignment, not a named argument.
  int assignment_depth_ = -1;
  uint64_t steps_ = 0;
  uint64_t steps_max_ = 0;

  struct Deferred {
    ParseErrorClass error_class;
    std::string message;
    SourceSpan span;
  };
  std::vector<Deferred> deferred_;
  std::optional<Token> furthest_;
  std::vector<std::string> expected_;
  std::optional<std::string> fatal_;
  Token fatal_token_;
};

}  // namespace hoglet::hogql
