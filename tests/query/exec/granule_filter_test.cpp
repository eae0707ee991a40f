#include "query/exec/granule_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "query/functions/functions.h"

namespace hoglet {
namespace {

const Type kMoment = Type::DateTime64(6, "UTC");

// Rows with a time and a number; remembers which columns were read.
class Rows final : public GranuleReader {
 public:
  explicit Rows(std::vector<int64_t> times) : times_(std::move(times)) {}

  size_t rows() const override { return times_.size(); }
  const Selection* live() const override { return live_.empty() ? nullptr : &live_; }
  absl::StatusOr<Vector> Read(const ColumnRef& column) override {
    ++reads_[column.name];
    Vector out =
        Vector::Flat(column.name == "timestamp" ? kMoment : Type(TypeKind::kInt64), times_.size());
    for (size_t i = 0; i < times_.size(); ++i) {
      out.mutable_data<int64_t>()[i] =
          column.name == "timestamp" ? times_[i] : static_cast<int64_t>(i % 3);
    }
    return out;
  }
  absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) override {
    HOGLET_ASSIGN_OR_RETURN(const Vector all, Read(column));
    return all.Gather(selection);
  }
  void Mask(Selection live) { live_ = std::move(live); }
  int reads(const std::string& column) { return reads_[column]; }
  TableScan::TimeRange range() const {
    const auto [min, max] = std::minmax_element(times_.begin(), times_.end());
    return {*min, *max};
  }

 private:
  std::vector<int64_t> times_;
  Selection live_;
  std::map<std::string, int> reads_;
};

ExprPtr Call(const std::string& name, ExprPtr left, ExprPtr right) {
  std::vector<FunctionArgument> arguments(2);
  Expr* const sides[] = {left.get(), right.get()};
  for (size_t i = 0; i < 2; ++i) {
    arguments[i].type = sides[i]->type;
    if (sides[i]->kind == Expr::Kind::kConstant) arguments[i].constant = sides[i]->constant;
  }
  auto bound = BuiltinFunctions().BindScalar(name, arguments, EvalContext());
  EXPECT_TRUE(bound.ok()) << bound.status();
  auto call = std::make_unique<Expr>();
  call->kind = Expr::Kind::kCall;
  call->name = name;
  call->type = (*bound)->result_type();
  call->function = std::shared_ptr<const ScalarFunction>(*std::move(bound));
  call->arguments.push_back(std::move(left));
  call->arguments.push_back(std::move(right));
  return call;
}
ExprPtr Time() { return Expr::Column(0, kMoment); }
ExprPtr At(int64_t us) { return Expr::Constant(Datum(us), kMoment); }
ExprPtr InZone(ExprPtr time) {
  return Call("toTimeZone", std::move(time),
              Expr::Constant(Datum(std::string("Europe/Berlin")), Type(TypeKind::kString)));
}
ExprPtr NumberIsTwo() {
  return Call("equals", Expr::Column(1, Type(TypeKind::kInt64)),
              Expr::Constant(Datum(int64_t{2}), Type(TypeKind::kInt64)));
}

Plan Scan() {
  Plan scan;
  scan.kind = Plan::Kind::kScan;
  scan.table = "t";
  scan.columns = {{.name = "timestamp", .key = {}}, {.name = "number", .key = {}}};
  scan.output = {{"timestamp", kMoment}, {"number", Type(TypeKind::kInt64)}};
  return scan;
}
Plan Filter(ExprPtr condition) {
  Plan filter;
  filter.kind = Plan::Kind::kFilter;
  filter.expressions.push_back(std::move(condition));
  return filter;
}

std::vector<uint16_t> Kept(const GranuleRows& rows) {
  std::vector<uint16_t> kept(rows.count);
  for (size_t i = 0; i < rows.count; ++i) kept[i] = rows.all ? i : rows.rows[i];
  return kept;
}

// With bounds as without them, whatever the comparison, the zone and the masks.
TEST(GranuleFilter, BoundsChangeNothingButTheReading) {
  const Plan scan = Scan();
  std::mt19937 random(1);
  const char* kOps[] = {"less",   "lessOrEquals", "greater", "greaterOrEquals",
                        "equals", "notEquals"};
  for (int round = 0; round < 600; ++round) {
    std::vector<int64_t> times(1 + random() % 40);
    for (int64_t& time : times) time = static_cast<int64_t>(random() % 20) - 5;
    Rows reader(times);
    if (random() % 3 == 0) reader.Mask(Selection{0});
    ExprPtr time = random() % 2 == 0 ? Time() : InZone(Time());
    ExprPtr bound = At(static_cast<int64_t>(random() % 30) - 10);
    ExprPtr condition = random() % 2 == 0
                            ? Call(kOps[random() % 6], std::move(time), std::move(bound))
                            : Call(kOps[random() % 6], std::move(bound), std::move(time));
    if (random() % 2 == 0) condition = Call("and", std::move(condition), NumberIsTwo());
    const Plan filter = Filter(std::move(condition));
    const GranuleFilter compiled(scan, &filter);
    EvalContext context;
    const auto plain = compiled.Run(context, reader, std::nullopt);
    const auto bounded = compiled.Run(context, reader, reader.range());
    ASSERT_TRUE(plain.ok() && bounded.ok()) << plain.status() << bounded.status();
    ASSERT_EQ(Kept(*bounded), Kept(*plain)) << round;
  }
}

TEST(GranuleFilter, TimesThatTheBoundsDecideAreNotRead) {
  const Plan scan = Scan();
  const Plan filter = Filter(
      Call("and", Call("greaterOrEquals", Time(), At(10)), Call("less", InZone(Time()), At(20))));
  const GranuleFilter compiled(scan, &filter);
  EvalContext context;
  Rows inside({10, 15, 19});
  auto rows = compiled.Run(context, inside, inside.range());
  ASSERT_TRUE(rows.ok());
  EXPECT_TRUE(rows->all);
  EXPECT_EQ(rows->count, 3u);
  EXPECT_EQ(inside.reads("timestamp"), 0);
  Rows outside({20, 25});
  rows = compiled.Run(context, outside, outside.range());
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->count, 0u);
  EXPECT_EQ(outside.reads("timestamp"), 0);
  Rows across({5, 10, 25});
  rows = compiled.Run(context, across, across.range());
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(Kept(*rows), std::vector<uint16_t>{1});
  EXPECT_EQ(across.reads("timestamp"), 1);
}

}  // namespace
}  // namespace hoglet
