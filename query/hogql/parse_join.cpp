// FROM: joins, tables, VALUES, samples, PIVOT and UNPIVOT.
#include <algorithm>

#include "absl/strings/str_join.h"
#include "query/hogql/parser_impl.h"
#include "src/base/strings.h"

namespace hoglet::hogql {

namespace {

using Words = std::vector<Keyword>;

bool IsJoinWord(Keyword keyword) {
  switch (keyword) {
    case Keyword::kAll:
    case Keyword::kAny:
    case Keyword::kAsof:
    case Keyword::kAnti:
    case Keyword::kSemi:
    case Keyword::kInner:
    case Keyword::kLeft:
    case Keyword::kRight:
    case Keyword::kFull:
    case Keyword::kOuter:
      return true;
    default:
      return false;
  }
}

// Every sequence of words that may stand before JOIN.
std::vector<Words> MakeJoinForms() {
  using enum Keyword;
  std::vector<Words> forms = {{},      {kInner}, {kAll},         {kAny},        {kAsof},
                              {kAnti}, {kSemi},  {kAsof, kAnti}, {kAsof, kSemi}};
  for (const Keyword strictness : {kAll, kAny, kAsof}) {
    forms.push_back({strictness, kInner});
    forms.push_back({kInner, strictness});
  }
  const auto add_outer = [&forms](Keyword side, const std::vector<Words>& before,
                                  const std::vector<Words>& after) {
    for (const bool outer : {false, true}) {
      Words core = {side};
      if (outer) core.push_back(kOuter);
      forms.push_back(core);
      for (const Words& prefix : before) {
        Words form = prefix;
        form.insert(form.end(), core.begin(), core.end());
        forms.push_back(std::move(form));
      }
      for (const Words& suffix : after) {
        Words form = core;
        form.insert(form.end(), suffix.begin(), suffix.end());
        forms.push_back(std::move(form));
      }
    }
  };
  const std::vector<Words> five = {{kSemi}, {kAll}, {kAnti}, {kAny}, {kAsof}};
  std::vector<Words> five_and_pairs = five;
  five_and_pairs.push_back({kAsof, kAnti});
  five_and_pairs.push_back({kAsof, kSemi});
  add_outer(kLeft, five_and_pairs, five);
  add_outer(kRight, five_and_pairs, five);
  const std::vector<Words> three = {{kAll}, {kAny}, {kAsof}};
  add_outer(kFull, three, three);
  return forms;
}

bool IsJoinPrefix(const Words& words) {
  static const auto* const forms = new std::vector<Words>(MakeJoinForms());
  return std::any_of(forms->begin(), forms->end(), [&words](const Words& form) {
    return words.size() <= form.size() && std::equal(words.begin(), words.end(), form.begin());
  });
}

bool IsJoinForm(const Words& words) {
  static const auto* const forms = new std::vector<Words>(MakeJoinForms());
  return std::find(forms->begin(), forms->end(), words) != forms->end();
}

// The words in canonical order, with JOIN: the side before the strictness, INNER last and added to
// a bare ALL, ANY or ASOF.
std::string CanonicalJoin(Words words) {
  using enum Keyword;
  const auto has = [&words](Keyword keyword) {
    return std::find(words.begin(), words.end(), keyword) != words.end();
  };
  const bool sided = has(kLeft) || has(kRight) || has(kFull);
  if (words.size() == 1 && (has(kAll) || has(kAny) || has(kAsof))) words.push_back(kInner);
  const Words order = sided ? Words{kLeft, kRight, kFull, kOuter, kSemi, kAll, kAnti, kAny, kAsof}
                            : Words{kAll, kAny, kAsof, kAnti, kSemi, kInner};
  std::string text;
  for (const Keyword keyword : order) {
    if (has(keyword)) StrAppend(&text, KeywordText(keyword), " ");
  }
  return text + "JOIN";
}

}  // namespace

std::unique_ptr<JoinExpr> Parser::ParseJoin() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const TextPosition start = Start();
  HOGQL_TRY(left, ParseJoinOperand());
  return ParseJoinRest(std::move(left), start);
}

std::unique_ptr<JoinExpr> Parser::ParseJoinRest(std::unique_ptr<JoinExpr> left,
                                                TextPosition start) {
  // The height of a chain is counted here, from its start, because the chain grows at its end.
  int32_t chain_length = 1;
  JoinExpr* last = left.get();
  const auto go_to_end = [&] {
    for (; last->next_join != nullptr; last = last->next_join.get()) ++chain_length;
    left->height = std::max(left->height, last->height + chain_length);
    if (left->height > kTreeHeightMax) Fatal("Too many joins");
  };
  go_to_end();
  while (true) {
    if (At(Keyword::kPivot) || At(Keyword::kUnpivot)) {
      // Of all that was joined so far.
      left = ParseTableSuffixes(std::move(left), start, /*joined=*/true);
      HOGQL_NEED(left);
      last = left.get();
      chain_length = 1;
      continue;
    }
    std::string join_type;
    bool constrained = true;
    if (Accept(TokenKind::kComma) || Accept(Keyword::kCross, Keyword::kJoin)) {
      join_type = "CROSS JOIN";
      constrained = false;
    } else if (Accept(Keyword::kPositional)) {
      HOGQL_NEED(Expect(Keyword::kJoin));
      join_type = "POSITIONAL JOIN";
    } else {
      bool failed = false;
      std::optional<std::string> words = ParseJoinWords(&failed);
      HOGQL_NEED(!failed);
      if (!words.has_value()) return left;
      join_type = *std::move(words);
    }
    HOGQL_TRY(right, ParseJoinOperand());
    right->join_type = std::move(join_type);
    if (constrained) HOGQL_NEED(ParseJoinConstraint(right.get()));
    last->next_join = std::move(right);
    go_to_end();
  }
}

std::optional<std::string> Parser::ParseJoinWords(bool* failed) {
  const bool natural = At(Keyword::kNatural);
  if (!natural && !At(Keyword::kJoin) && !IsJoinWord(Peek().keyword)) return std::nullopt;
  // LEFT ARRAY JOIN and INNER ARRAY JOIN are another clause.
  if ((At(Keyword::kLeft) || At(Keyword::kInner)) && At(Keyword::kArray, 1)) return std::nullopt;
  *failed = true;
  if (natural) Take();
  Words words;
  while (IsJoinWord(Peek().keyword)) {
    words.push_back(Peek().keyword);
    if (!IsJoinPrefix(words)) {
      Expected("JOIN");
      return std::nullopt;
    }
    Take();
  }
  if (!IsJoinForm(words)) {
    Expected("more words before JOIN");
    return std::nullopt;
  }
  if (!Expect(Keyword::kJoin)) return std::nullopt;
  *failed = false;
  return CanonicalJoin(std::move(words));
}

bool Parser::ParseJoinConstraint(JoinExpr* right) {
  const bool is_using = At(Keyword::kUsing);
  // USING SAMPLE samples the whole query.
  if (!At(Keyword::kOn) && (!is_using || At(Keyword::kSample, 1))) return true;
  const TextPosition start = Start();
  Take();
  auto constraint = std::make_unique<JoinConstraint>();
  constraint->is_using = is_using;
  ExprList exprs;
  const Mark mark = Save();
  bool read = false;
  if (is_using && Accept(TokenKind::kLeftParen)) {
    const Bracket bracket(this);
    read = ParseSomeExprsUntil(TokenKind::kRightParen, &exprs);
    if (!read) {
      Restore(mark);
      exprs.clear();
    }
  }
  if (!read) {
    HOGQL_TRY(first, ParseExpr());
    exprs.push_back(std::move(first));
    // A comma here may also be a cross join with a table that is no expression.
    while (At(TokenKind::kComma)) {
      const Mark before_comma = Save();
      Take();
      ExprPtr more = ParseExpr();
      if (more == nullptr) {
        Restore(before_comma);
        break;
      }
      exprs.push_back(std::move(more));
    }
  }
  if (exprs.size() > 1) {
    Defer(ParseErrorClass::kNotImplementedError,
          "Unsupported: JOIN ... ON with multiple expressions");
  }
  constraint->expr = std::move(exprs[0]);
  right->constraint = Finish(std::move(constraint), start);
  right->height = std::max(right->height, right->constraint->height + 1);
  right->span.end = last_end_.offset;
  return true;
}

// A table with everything that belongs to it, or a join in parentheses.
std::unique_ptr<JoinExpr> Parser::ParseJoinOperand() {
  const TextPosition start = Start();
  bool joined = false;
  HOGQL_TRY(table, ParseTable(&joined));
  return ParseTableSuffixes(std::move(table), start, joined);
}

// [PIVOT ... | UNPIVOT ... | alias]* [FINAL] [SAMPLE ...], of which only the first two may follow a
// join in parentheses.
std::unique_ptr<JoinExpr> Parser::ParseTableSuffixes(std::unique_ptr<JoinExpr> table,
                                                     TextPosition start, bool joined) {
  while (true) {
    const bool pivot = At(Keyword::kPivot);
    if (pivot || At(Keyword::kUnpivot)) {
      const bool bare = !table->alias.has_value() && table->next_join == nullptr &&
                        !table->table_args.has_value();
      ExprPtr inner = bare ? std::move(table->table) : ExprPtr(std::move(table));
      HOGQL_TRY(result, pivot ? ParsePivot(std::move(inner), start)
                              : ParseUnpivot(std::move(inner), start));
      table = std::make_unique<JoinExpr>();
      table->table = std::move(result);
      joined = false;
      continue;
    }
    const Token token = Peek();
    const bool implicit_alias =
        token.kind == TokenKind::kQuotedIdentifier ||
        (token.kind == TokenKind::kIdentifier && IsImplicitTableAlias(token.keyword));
    if ((!implicit_alias && !At(Keyword::kAs)) || joined) break;
    HOGQL_NEED(ParseTableAlias(table.get()));
  }
  if (joined) return table;
  table->table_final = Accept(Keyword::kFinal);
  if (At(Keyword::kSample)) {
    table->sample = ParseSample();
    HOGQL_NEED(table->sample);
  }
  return Finish(std::move(table), start);
}

bool Parser::ParseTableAlias(JoinExpr* table) {
  Accept(Keyword::kAs);
  if (!AtName()) {
    Expected("an alias");
    return false;
  }
  std::string alias;
  HOGQL_NEED(ParseAliasName(&alias));
  table->alias = std::move(alias);
  if (!Accept(TokenKind::kLeftParen)) return true;
  return ParseNames(TokenKind::kRightParen, &table->column_aliases, /*allow_empty=*/false);
}

std::unique_ptr<JoinExpr> Parser::ParseTable(bool* joined) {
  const TextPosition start = Start();
  auto table = std::make_unique<JoinExpr>();
  if (At(TokenKind::kLeftParen)) return ParseTableParen(joined);
  if (At(TokenKind::kLeftBrace)) {
    table->table = ParseBrace();
    HOGQL_NEED(table->table);
    return Finish(std::move(table), start);
  }
  if (At(TokenKind::kLess) && AtTag()) {
    table->table = ParseTag();
    HOGQL_NEED(table->table);
    return Finish(std::move(table), start);
  }
  auto path = std::make_unique<Field>();
  HOGQL_TRY(name, ParseName("a table"));
  path->chain.push_back(*std::move(name));
  while (Accept(TokenKind::kDot)) {
    HOGQL_TRY(part, ParseName("a name"));
    path->chain.push_back(*std::move(part));
  }
  const bool function = path->chain.size() == 1 && At(TokenKind::kLeftParen);
  table->table = Finish(std::move(path), start);
  if (function) {
    const Bracket bracket(this);
    Take();
    table->table_args.emplace();
    HOGQL_NEED(ParseExprsUntil(TokenKind::kRightParen, &*table->table_args));
  }
  return Finish(std::move(table), start);
}

std::unique_ptr<JoinExpr> Parser::ParseTableParen(bool* joined) {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const Bracket bracket(this);
  const TextPosition start = Start();
  Take();
  HOGQL_TRY(content, ParseTableParenContent());
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  *joined = content->kind == NodeKind::kJoinExpr;
  if (*joined) {
    return std::unique_ptr<JoinExpr>(static_cast<JoinExpr*>(content.release()));
  }
  content->span = {start.offset, last_end_.offset};
  auto table = std::make_unique<JoinExpr>();
  table->table = std::move(content);
  return Finish(std::move(table), start);
}

ExprPtr Parser::ParseTableParenContent() {
  const Nest nest(this);
  HOGQL_NEED(nest);
  const TextPosition start = Start();
  const Mark mark = Save();
  if (At(Keyword::kSelect) || At(Keyword::kWith)) {
    ExprPtr query = ParseSetQuery();
    if (query != nullptr) {
      if (At(TokenKind::kRightParen)) return query;
      Expected("\")\"");
    }
    const bool maybe_name = (Restore(mark), QueryWordMayBeName());
    if (!maybe_name) return nullptr;
  }
  if (At(Keyword::kValues) && At(TokenKind::kLeftParen, 1)) {
    ExprPtr values = ParseValues();
    if (values != nullptr && At(TokenKind::kRightParen)) return values;
    Restore(mark);
  }
  if (At(TokenKind::kLeftParen)) {
    const Bracket bracket(this);
    Take();
    HOGQL_TRY(inner, ParseTableParenContent());
    HOGQL_NEED(Expect(TokenKind::kRightParen));
    return ContinueParenContent(std::move(inner), start);
  }
  if (At(TokenKind::kLeftBrace)) {
    HOGQL_TRY(placeholder, ParseBrace());
    return ContinueParenContent(std::move(placeholder), start);
  }
  return ParseJoin();
}

// What `inner`, read in parentheses of its own, is depends on what follows it: an operand of a set
// query, a table of a join, or all of the content.
ExprPtr Parser::ContinueParenContent(ExprPtr inner, TextPosition start) {
  const bool is_query = inner->kind == NodeKind::kSelectQuery ||
                        inner->kind == NodeKind::kSelectSetQuery ||
                        inner->kind == NodeKind::kPlaceholder;
  if (is_query && AtSetQueryRest()) return ParseSetQueryRest(std::move(inner), start);
  if (At(TokenKind::kRightParen)) return inner;
  std::unique_ptr<JoinExpr> table;
  const bool joined = inner->kind == NodeKind::kJoinExpr;
  if (joined) {
    table.reset(static_cast<JoinExpr*>(inner.release()));
  } else {
    table = std::make_unique<JoinExpr>();
    table->table = std::move(inner);
  }
  table = ParseTableSuffixes(std::move(table), start, joined);
  HOGQL_NEED(table);
  return ParseJoinRest(std::move(table), start);
}

ExprPtr Parser::ParseValues() {
  const TextPosition start = Start();
  Take();
  auto values = std::make_unique<ValuesQuery>();
  do {
    if (!values->rows.empty() && At(TokenKind::kRightParen)) break;
    const Bracket bracket(this);
    HOGQL_NEED(Expect(TokenKind::kLeftParen));
    ExprList row;
    HOGQL_NEED(ParseSomeExprsUntil(TokenKind::kRightParen, &row));
    values->rows.push_back(std::move(row));
  } while (Accept(TokenKind::kComma));
  return Finish(std::move(values), start);
}

// SAMPLE ratio [%] [OFFSET ratio] [(method)]
std::unique_ptr<SampleExpr> Parser::ParseSample() {
  const TextPosition start = Start();
  auto sample = std::make_unique<SampleExpr>();
  HOGQL_NEED(Expect(Keyword::kSample));
  sample->sample_value = ParseRatio();
  HOGQL_NEED(sample->sample_value);
  Accept(TokenKind::kPercent);
  if (Accept(Keyword::kOffset)) {
    sample->offset_value = ParseRatio();
    HOGQL_NEED(sample->offset_value);
  }
  if (Accept(TokenKind::kLeftParen)) {
    HOGQL_NEED(ParseName("a method of sampling") && Expect(TokenKind::kRightParen));
  }
  return Finish(std::move(sample), start);
}

ExprPtr Parser::ParseRatio() {
  const TextPosition start = Start();
  if (At(TokenKind::kLeftBrace)) return ParseBrace();
  auto ratio = std::make_unique<RatioExpr>();
  ratio->left = ParseRatioNumber();
  HOGQL_NEED(ratio->left);
  if (Accept(TokenKind::kSlash)) {
    ratio->right = ParseRatioNumber();
    HOGQL_NEED(ratio->right);
  }
  return Finish(std::move(ratio), start);
}

std::unique_ptr<Constant> Parser::ParseRatioNumber() {
  if (!AtNumber()) {
    Expected("a number");
    return nullptr;
  }
  ExprPtr number = ParseNumber();
  return std::unique_ptr<Constant>(static_cast<Constant*>(number.release()));
}

// ---------------------------------------------------------------------------------------------
// PIVOT and UNPIVOT

// PIVOT (aggregates FOR column IN (values) [column IN (values)]... [GROUP BY exprs])
ExprPtr Parser::ParsePivot(ExprPtr table, TextPosition start) {
  const Bracket bracket(this);
  Take();
  auto pivot = std::make_unique<PivotExpr>();
  pivot->table = std::move(table);
  HOGQL_NEED(Expect(TokenKind::kLeftParen) && ParseOpenList(&pivot->aggregates) &&
             Expect(Keyword::kFor));
  do {
    const TextPosition column_start = Start();
    auto column = std::make_unique<PivotColumn>();
    HOGQL_NEED(ParsePivotIn(&column->column, &column->values));
    pivot->columns.push_back(Finish(std::move(column), column_start));
  } while (!At(TokenKind::kRightParen) && !(At(Keyword::kGroup) && At(Keyword::kBy, 1)));
  if (Accept(Keyword::kGroup, Keyword::kBy)) HOGQL_NEED(ParseOpenList(&pivot->group_by));
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  return Finish(std::move(pivot), start);
}

// UNPIVOT [INCLUDE NULLS] (values FOR names IN (columns) [names IN (columns)]..., ...)
ExprPtr Parser::ParseUnpivot(ExprPtr table, TextPosition start) {
  const Bracket bracket(this);
  Take();
  auto unpivot = std::make_unique<UnpivotExpr>();
  unpivot->table = std::move(table);
  unpivot->include_nulls = Accept(Keyword::kInclude, Keyword::kNulls);
  HOGQL_NEED(Expect(TokenKind::kLeftParen));
  do {
    if (!unpivot->columns.empty() && At(TokenKind::kRightParen)) break;
    const TextPosition column_start = Start();
    HOGQL_TRY(values, ParseTupleOrOne(Keyword::kFor));
    HOGQL_NEED(Expect(Keyword::kFor));
    do {
      auto column = std::make_unique<UnpivotColumn>();
      column->value_columns = Clone(values);
      HOGQL_NEED(ParsePivotIn(&column->name_columns, &column->unpivot_values));
      unpivot->columns.push_back(Finish(std::move(column), column_start));
    } while (!At(TokenKind::kComma) && !At(TokenKind::kRightParen));
  } while (Accept(TokenKind::kComma));
  HOGQL_NEED(Expect(TokenKind::kRightParen));
  return Finish(std::move(unpivot), start);
}

// `(a, b)` as a Tuple, even of one, when `follower` comes next; else an expression.
ExprPtr Parser::ParseTupleOrOne(Keyword follower) {
  if (At(TokenKind::kLeftParen)) {
    const TextPosition start = Start();
    const Mark mark = Save();
    const Bracket bracket(this);
    Take();
    auto tuple = std::make_unique<Tuple>();
    if (ParseSomeExprsUntil(TokenKind::kRightParen, &tuple->exprs) && At(follower)) {
      return Finish(std::move(tuple), start);
    }
    Restore(mark);
  }
  return follower == Keyword::kIn ? ParseBinary(Level::kAdd) : ParseExpr();
}

bool Parser::ParsePivotIn(ExprPtr* column, ExprList* values) {
  const TextPosition start = Start();
  *column = ParseTupleOrOne(Keyword::kIn);
  HOGQL_NEED(*column);
  while (true) {
    HOGQL_NEED(Expect(Keyword::kIn));
    const Mark mark = Save();
    if (Accept(TokenKind::kLeftParen)) {
      const Bracket bracket(this);
      if (ParseSomeExprsUntil(TokenKind::kRightParen, values) && !At(Keyword::kIn)) return true;
      Restore(mark);
      values->clear();
    } else if (!CanStartOperand(Peek())) {
      Expected("\"(\"");
      return false;
    }
    // This IN belongs to the column; the one that counts is the last.
    *column = ParseCompare(std::move(*column), CompareOp::kIn, start);
    HOGQL_NEED(*column);
    if (!At(Keyword::kIn)) {
      Expected("IN");
      return false;
    }
  }
}

}  // namespace hoglet::hogql
