#include "query/hogql/ast.h"

#include <gtest/gtest.h>

#include "query/hogql/ast_json.h"
#include "query/hogql/ast_walk.h"
#include "query/hogql/parser.h"

namespace hoglet::hogql {
namespace {

constexpr char kWideQuery[] =
    "with a as (select 1), 2 as b select distinct x, f(1)(y order by z desc) filter (where q), "
    "{'k': [1, (2, 3)]}, count() over (partition by p rows between 1 preceding and current row), "
    "{placeholder}, i -> i ? 1 : 2.5, <T a='b'>text</T>, * exclude (c), cast(u as Int), v[1:2] "
    "from t as tt final sample 1/10 left any join (values (1, 'a')) as vv(m, n) on 1 = 1 "
    "pivot (s for k in (1)) array join r as rr where w is null and o is not distinct from 1 "
    "group by grouping sets ((g), ()) window win as (order by x) order by x with fill from 1 "
    "limit 1 by y limit 10 % offset 3";

ExprPtr Parse(const std::string& text) {
  absl::StatusOr<ExprPtr> tree = ParseSelect(text);
  EXPECT_TRUE(tree.ok()) << tree.status();
  return tree.ok() ? *std::move(tree) : nullptr;
}

TEST(Tree, CloneIsEqualAndIndependent) {
  const ExprPtr tree = Parse(kWideQuery);
  ASSERT_NE(tree, nullptr);
  ExprPtr copy = Clone(tree);
  EXPECT_TRUE(SameTree(*tree, *copy));
  EXPECT_EQ(copy->span, tree->span);
  EXPECT_EQ(copy->height, tree->height);
  As<SelectQuery>(copy)->where = nullptr;
  EXPECT_FALSE(SameTree(*tree, *copy));
  EXPECT_NE(As<SelectQuery>(tree)->where, nullptr);
}

TEST(Tree, CloneOfAbsentIsAbsent) {
  const ExprPtr absent;
  EXPECT_EQ(Clone(absent), nullptr);
}

TEST(Tree, CastChecksTheKind) {
  const Constant constant(int64_t{1});
  const Node* node = &constant;
  EXPECT_NE(As<Constant>(node), nullptr);
  EXPECT_EQ(As<Field>(node), nullptr);
  node = nullptr;
  EXPECT_EQ(As<Constant>(node), nullptr);
}

TEST(Tree, ChildrenAreInsideTheirParents) {
  const ExprPtr tree = Parse(kWideQuery);
  int count = 0;
  const std::function<void(const Node&)> check = [&](const Node& node) {
    ++count;
    ForEachChild(node, [&](const Node& child) {
      EXPECT_LT(child.height, node.height);
      EXPECT_LE(node.span.start, child.span.start) << NodeKindName(node.kind);
      check(child);
    });
  };
  check(*tree);
  EXPECT_GT(count, 60);
}

TEST(Tree, SlotsCanBeReplaced) {
  absl::StatusOr<ExprPtr> tree = ParseExpr("f(a, b) filter (where c)");
  ASSERT_TRUE(tree.ok());
  ForEachExprSlot(**tree, [](ExprPtr& slot) {
    slot = std::make_unique<Constant>(std::string(As<Field>(slot)->chain[0]));
  });
  absl::StatusOr<ExprPtr> expected = ParseExpr("f('a', 'b') filter (where 'c')");
  EXPECT_TRUE(SameTree(**tree, **expected));
}

TEST(Tree, SlotsBehindOtherNodesAreReached) {
  absl::StatusOr<ExprPtr> tree = ParseSelect("select 1 from t join u on a order by b");
  ASSERT_TRUE(tree.ok());
  int count = 0;
  ForEachExprSlot(**tree, [&](ExprPtr&) { ++count; });
  EXPECT_EQ(count, 5);  // 1, t, u, a, b
}

TEST(Json, Doubles) {
  EXPECT_EQ(ShortestDouble(1), "1.0");
  EXPECT_EQ(ShortestDouble(0.1), "0.1");
  EXPECT_EQ(ShortestDouble(1e-18), "1e-18");
  EXPECT_EQ(ShortestDouble(-0.0), "-0.0");
}

TEST(Json, Strings) {
  std::string out;
  AppendJsonString("a\"\\\n\x01ü", &out);
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\u0001ü\"");
}

}  // namespace
}  // namespace hoglet::hogql
