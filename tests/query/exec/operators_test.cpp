#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "query/exec/operator.h"
#include "query/functions/functions.h"
#include "tests/base/few_threads.h"

// Operators over constant rows, without the analyzer: joins, sets, limits, windows, where rows come
// and go.

namespace hoglet {
namespace {

using Row = std::vector<Datum>;

const Datum kNull;

PlanPtr Values(const std::vector<Type>& types, const std::vector<Row>& rows) {
  auto plan = std::make_unique<Plan>();
  plan->kind = Plan::Kind::kValues;
  for (size_t c = 0; c < types.size(); ++c)
    plan->output.push_back({"c" + std::to_string(c), types[c]});
  for (const Row& row : rows) {
    std::vector<ExprPtr> exprs;
    for (size_t c = 0; c < row.size(); ++c) exprs.push_back(Expr::Constant(row[c], types[c]));
    plan->rows.push_back(std::move(exprs));
  }
  return plan;
}

PlanPtr Over(Plan::Kind kind, std::vector<PlanPtr> inputs, std::vector<OutputColumn> output) {
  auto plan = std::make_unique<Plan>();
  plan->kind = kind;
  plan->inputs = std::move(inputs);
  plan->output = std::move(output);
  return plan;
}

template <typename... P>
std::vector<PlanPtr> List(P... plans) {
  std::vector<PlanPtr> out;
  (out.push_back(std::move(plans)), ...);
  return out;
}

absl::StatusOr<std::vector<Row>> RunPlan(const Plan& plan, uint64_t memory_bytes = 1 << 30) {
  MemoryBudget budget(memory_bytes);
  EvalContext eval;
  eval.memory = &budget;
  ExecContext context{.tables = nullptr, .eval = &eval, .workers_max = 2};
  std::vector<Row> rows;
  {
    HOGLET_ASSIGN_OR_RETURN(NodePtr node, BuildNode(plan, context));
    HOGLET_RETURN_IF_ERROR(node->Prepare(context));
    MemoryCharge charge(&budget);
    HOGLET_ASSIGN_OR_RETURN(std::vector<Batch> batches, CollectBatches(context, *node, &charge));
    for (const Batch& batch : batches) {
      for (size_t i = 0; i < batch.rows; ++i) {
        Row row;
        for (const Vector& column : batch.columns) row.push_back(column.Get(i));
        rows.push_back(std::move(row));
      }
    }
  }
  EXPECT_EQ(budget.used(), 0u) << "memory charged and not given back";
  return rows;
}

const Type kInt(TypeKind::kInt64);
const Type kText(TypeKind::kString);

PlanPtr Left() {
  return Values({kInt.Nullable(), kText}, {{1, std::string("a")},
                                           {2, std::string("b")},
                                           {kNull, std::string("n")},
                                           {2, std::string("c")}});
}
PlanPtr Right() {
  return Values({kInt.Nullable(), kText}, {{2, std::string("x")},
                                           {2, std::string("y")},
                                           {3, std::string("z")},
                                           {kNull, std::string("m")}});
}

PlanPtr Join(Plan::JoinKind kind) {
  std::vector<OutputColumn> output = {{"l", kInt.Nullable()}, {"lt", kText}};
  if (kind != Plan::JoinKind::kSemi && kind != Plan::JoinKind::kAnti) {
    output.push_back({"r", kInt.Nullable()});
    output.push_back({"rt", kText});
  }
  auto plan = Over(Plan::Kind::kJoin, List(Left(), Right()), output);
  plan->join_kind = kind;
  plan->join_keys = {{0, 0}};
  return plan;
}

std::string s(const char* text) { return text; }

TEST(JoinNode, InnerMatchesEqualKeysAndNeverNull) {
  EXPECT_EQ(*RunPlan(*Join(Plan::JoinKind::kInner)), (std::vector<Row>{{2, s("b"), 2, s("x")},
                                                                       {2, s("b"), 2, s("y")},
                                                                       {2, s("c"), 2, s("x")},
                                                                       {2, s("c"), 2, s("y")}}));
}

TEST(JoinNode, LeftKeepsUnmatchedWithDefaults) {
  const auto rows = *RunPlan(*Join(Plan::JoinKind::kLeft));
  EXPECT_EQ(rows.size(), 6u);
  EXPECT_NE(std::find(rows.begin(), rows.end(), Row{1, s("a"), kNull, s("")}), rows.end());
  EXPECT_NE(std::find(rows.begin(), rows.end(), Row{kNull, s("n"), kNull, s("")}), rows.end());
}

TEST(JoinNode, FullKeepsBothSides) {
  const auto rows = *RunPlan(*Join(Plan::JoinKind::kFull));
  EXPECT_EQ(rows.size(), 8u);
  EXPECT_NE(std::find(rows.begin(), rows.end(), Row{kNull, s(""), 3, s("z")}), rows.end());
  EXPECT_NE(std::find(rows.begin(), rows.end(), Row{kNull, s(""), kNull, s("m")}), rows.end());
}

TEST(JoinNode, RightKeepsTheRightSide) {
  EXPECT_EQ(RunPlan(*Join(Plan::JoinKind::kRight))->size(), 6u);
}

TEST(JoinNode, SemiAndAnti) {
  EXPECT_EQ(*RunPlan(*Join(Plan::JoinKind::kSemi)), (std::vector<Row>{{2, s("b")}, {2, s("c")}}));
  EXPECT_EQ(*RunPlan(*Join(Plan::JoinKind::kAnti)),
            (std::vector<Row>{{1, s("a")}, {kNull, s("n")}}));
}

TEST(JoinNode, AnyTakesOneMatch) {
  auto plan = Join(Plan::JoinKind::kInner);
  plan->join_any = true;
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{2, s("b"), 2, s("x")}, {2, s("c"), 2, s("x")}}));
}

TEST(JoinNode, CrossJoinPastTheLimitIsRefused) {
  auto numbers = [] {
    auto plan = Over(Plan::Kind::kNumbers, {}, {{"number", Type(TypeKind::kUInt64)}});
    plan->rows.emplace_back();
    plan->rows[0].push_back(Expr::Constant(Datum(int64_t{100'000}), kInt));
    return plan;
  };
  auto plan = Over(Plan::Kind::kJoin, List(numbers(), numbers()),
                   {{"a", Type(TypeKind::kUInt64)}, {"b", Type(TypeKind::kUInt64)}});
  plan->join_kind = Plan::JoinKind::kCross;
  const auto rows = RunPlan(*plan, 64 << 20);
  EXPECT_EQ(rows.status().code(), absl::StatusCode::kResourceExhausted) << rows.status();
}

TEST(SetNodes, IntersectExceptAndDistinct) {
  const auto a = [] { return Values({kInt.Nullable()}, {{1}, {2}, {2}, {kNull}, {2}}); };
  const auto b = [] { return Values({kInt.Nullable()}, {{2}, {kNull}, {2}}); };
  const std::vector<OutputColumn> output = {{"c", kInt.Nullable()}};
  auto plan = Over(Plan::Kind::kSetOp, List(a(), b()), output);
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{2}, {kNull}}));
  plan->set_all = true;
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{2}, {2}, {kNull}}));
  plan->set_except = true;
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{1}, {2}}));
  plan->set_all = false;
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{1}}));
  EXPECT_EQ(*RunPlan(*Over(Plan::Kind::kDistinct, List(a()), output)),
            (std::vector<Row>{{1}, {2}, {kNull}}));
}

TEST(LimitNodes, OffsetTiesAndLimitBy) {
  const auto rows = [] {
    return Values({kInt, kText},
                  {{1, s("a")}, {1, s("b")}, {2, s("c")}, {2, s("d")}, {2, s("e")}, {3, s("f")}});
  };
  const std::vector<OutputColumn> output = {{"n", kInt}, {"t", kText}};
  auto limit = Over(Plan::Kind::kLimit, List(rows()), output);
  limit->limit = 2;
  limit->offset = 1;
  EXPECT_EQ(*RunPlan(*limit), (std::vector<Row>{{1, s("b")}, {2, s("c")}}));
  limit->with_ties = true;
  limit->sort_keys = {{0, false}};
  EXPECT_EQ(RunPlan(*limit)->size(), 4u);
  auto by = Over(Plan::Kind::kLimitBy, List(rows()), output);
  by->limit = 1;
  by->offset = 1;
  by->columns_by = {0};
  EXPECT_EQ(*RunPlan(*by), (std::vector<Row>{{1, s("b")}, {2, s("d")}}));
}

TEST(ArrayJoinNode, ExpandsAndKeepsEmptyOnesOnRequest) {
  const Type array = Type::Array(kInt);
  const auto rows = [&] {
    return Values({kText, array}, {{s("a"), Datum(std::vector<Datum>{1, 2})},
                                   {s("b"), Datum(std::vector<Datum>{})}});
  };
  auto plan = Over(Plan::Kind::kArrayJoin, List(rows()), {{"t", kText}, {"x", kInt}});
  plan->array_columns = {1};
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{s("a"), 1}, {s("a"), 2}}));
  plan->left_array_join = true;
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{s("a"), 1}, {s("a"), 2}, {s("b"), 0}}));
}

// The elements of one batch are more than memory, or 32-bit offsets, would hold.
TEST(ArrayJoinNode, AConstantArrayIsNotRepeated) {
  const Type array = Type::Array(kInt);
  const std::vector<Datum> elements(600'000, Datum(int64_t{7}));
  auto project =
      Over(Plan::Kind::kProject,
           List(Values({kInt}, std::vector<Row>(8'000, Row{Datum(int64_t{1})}))), {{"x", array}});
  project->expressions.push_back(Expr::Constant(Datum(elements), array));
  auto join = Over(Plan::Kind::kArrayJoin, List(std::move(project)), {{"x", kInt}});
  join->array_columns = {0};
  auto limit = Over(Plan::Kind::kLimit, List(std::move(join)), {{"x", kInt}});
  limit->limit = 2;
  limit->offset = 700'000;
  EXPECT_EQ(*RunPlan(*limit), (std::vector<Row>{{7}, {7}}));
}

TEST(AggregateNode, SubtotalsOfNullableKeysAreNull) {
  auto plan =
      Over(Plan::Kind::kAggregate,
           List(Values({kText, kInt.Nullable()}, {{s("a"), 1}, {s("a"), 1}, {s("b"), kNull}})),
           {{"t", kText}, {"n", kInt.Nullable()}, {"count", Type(TypeKind::kUInt64)}});
  plan->group_keys = {0, 1};
  plan->grouping_sets = {{0, 1}, {}};
  AggregateCall count;
  count.function = *BuiltinFunctions().BindAggregate("count", {}, {}, /*distinct=*/false);
  plan->aggregates.push_back(std::move(count));
  EXPECT_THAT(*RunPlan(*plan), testing::UnorderedElementsAre(
                                   Row{s("a"), 1, 2}, Row{s("b"), kNull, 1}, Row{s(""), kNull, 3}));
}

// The sum of n over the rows whose n lies within 5 of this row's.
TEST(WindowNode, RangeOffsets) {
  const Type maybe = kInt.Nullable();
  for (const bool descending : {false, true}) {
    auto plan =
        Over(Plan::Kind::kWindow, List(Values({maybe}, {{20}, {1}, {kNull}, {7}, {5}, {kNull}})),
             {{"n", maybe}, {"sum", maybe}});
    Plan::WindowCall sum;
    FunctionArgument argument;
    argument.type = maybe;
    sum.aggregate.function =
        *BuiltinFunctions().BindAggregate("sum", {}, std::span(&argument, 1), false);
    sum.aggregate.arguments = {0};
    sum.order_by = {{0, descending}};
    sum.start = -5;
    sum.end = 5;
    sum.type = maybe;
    plan->windows.push_back(std::move(sum));
    EXPECT_EQ(
        *RunPlan(*plan),
        (std::vector<Row>{{20, 20}, {1, 6}, {kNull, kNull}, {7, 12}, {5, 13}, {kNull, kNull}}))
        << (descending ? "descending" : "ascending");
  }
}

TEST(WindowNode, RangeOffsetsNeedOneNumber) {
  for (const bool text : {false, true}) {
    auto plan = Over(Plan::Kind::kWindow, List(Values({kText, kInt}, {{s("a"), 1}})),
                     {{"t", kText}, {"n", kInt}, {"count", Type(TypeKind::kUInt64)}});
    Plan::WindowCall count;
    count.aggregate.function = *BuiltinFunctions().BindAggregate("count", {}, {}, false);
    if (text) count.order_by = {{0, false}};
    count.start = -1;
    count.type = Type(TypeKind::kUInt64);
    plan->windows.push_back(std::move(count));
    EXPECT_FALSE(RunPlan(*plan).ok());
  }
}

TEST(WindowNode, RankAndShift) {
  const auto rows = [] {
    return Values({kText, kInt}, {{s("a"), 10}, {s("a"), 10}, {s("a"), 20}, {s("b"), 5}});
  };
  auto plan = Over(
      Plan::Kind::kWindow, List(rows()),
      {{"t", kText}, {"n", kInt}, {"rank", Type(TypeKind::kUInt64)}, {"lag", kInt.Nullable()}});
  Plan::WindowCall rank;
  rank.function_name = "rank";
  rank.partition_by = {0};
  rank.order_by = {{1, false}};
  rank.end = 0;
  rank.type = Type(TypeKind::kUInt64);
  Plan::WindowCall lag = rank;
  lag.function_name = "lagInFrame";
  lag.aggregate.arguments = {1};
  lag.rows_frame = true;
  lag.end.reset();
  lag.type = kInt.Nullable();
  plan->windows.push_back(std::move(rank));
  plan->windows.push_back(std::move(lag));
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{s("a"), 10, 1, kNull},
                                               {s("a"), 10, 1, 10},
                                               {s("a"), 20, 3, 10},
                                               {s("b"), 5, 1, kNull}}));
}

TEST(WindowNode, FirstAndLastValueSkipNulls) {
  const auto rows = [] {
    return Values({kInt, kText.Nullable()},
                  {{1, kNull}, {2, s("b")}, {3, kNull}, {4, s("d")}, {5, kNull}});
  };
  const Type text = kText.Nullable();
  auto plan = Over(Plan::Kind::kWindow, List(rows()),
                   {{"n", kInt}, {"t", text}, {"first", text}, {"last", text}, {"next", text}});
  for (const char* name : {"first_value", "last_value", "first_value"}) {
    Plan::WindowCall call;
    call.function_name = name;
    call.aggregate.arguments = {1};
    call.order_by = {{0, false}};
    call.rows_frame = true;
    call.end = 0;
    call.type = text;
    plan->windows.push_back(std::move(call));
  }
  plan->windows.back().start = 1;
  plan->windows.back().end = 1;
  EXPECT_EQ(*RunPlan(*plan), (std::vector<Row>{{1, kNull, kNull, kNull, s("b")},
                                               {2, s("b"), s("b"), s("b"), kNull},
                                               {3, kNull, s("b"), s("b"), s("d")},
                                               {4, s("d"), s("b"), s("d"), kNull},
                                               {5, kNull, s("b"), s("d"), kNull}}));
}

// Each row's array holds all rows up to it: quadratic, however small the input.
TEST(WindowNode, PastTheMemoryLimitIsAClearError) {
  const std::vector<Row> rows(20'000, Row{Datum(int64_t{1})});
  const Type array = Type::Array(kInt);
  auto plan = Over(Plan::Kind::kWindow, List(Values({kInt}, rows)), {{"n", kInt}, {"all", array}});
  Plan::WindowCall call;
  call.function_name = "groupArray";
  const std::vector<FunctionArgument> arguments{{.type = kInt, .constant = {}}};
  call.aggregate.function =
      *BuiltinFunctions().BindAggregate("groupArray", {}, arguments, /*distinct=*/false);
  call.aggregate.arguments = {0};
  call.rows_frame = true;
  call.end = 0;
  call.type = array;
  plan->windows.push_back(std::move(call));
  EXPECT_EQ(RunPlan(*plan, 64 << 20).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(SortNode, TopNEqualsAFullSort) {
  std::vector<Row> rows;
  for (int64_t i = 0; i < 60'000; ++i) rows.push_back({Datum((i * 7919) % 60'013)});
  auto sort = Over(Plan::Kind::kSort, List(Values({kInt}, rows)), {{"n", kInt}});
  sort->sort_keys = {{0, true}};
  auto all = *RunPlan(*sort);
  sort->limit = 25;
  auto top = *RunPlan(*sort);
  all.resize(25);
  EXPECT_EQ(top, all);
}

TEST(SortNode, PastTheMemoryLimitIsAClearError) {
  std::vector<Row> rows(50'000, Row{Datum(std::string(100, 'x'))});
  auto sort = Over(Plan::Kind::kSort, List(Values({kText}, rows)), {{"t", kText}});
  sort->sort_keys = {{0, false}};
  const auto result = RunPlan(*sort, 1 << 20);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(RunOnThreads, DoesAllOfTheWorkWithFewerThreads) {
  const auto run = [] {
    std::atomic<uint64_t> done{0};
    const absl::Status status = RunOnThreads(32, [&](size_t i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      done |= uint64_t{1} << i;
      return absl::OkStatus();
    });
    return status.ok() && done == 0xffff'ffff;
  };
  EXPECT_TRUE(HoldsWithFewThreads(run));
}

}  // namespace
}  // namespace hoglet
